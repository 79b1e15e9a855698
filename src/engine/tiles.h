/* The tile pass: all couples of one kind, as tiles X_I · Y_Jᵀ, each shown once to every measure. */
#ifndef CGAP_ENGINE_TILES_H
#define CGAP_ENGINE_TILES_H

#include "analysis/measure.h"
#include "engine/embeddings.h"

typedef struct cgap_tile_options {
  int threads;
  size_t panel_rows;   /* rows of a side held at once; a multiple of CGAP_TILE, or the whole side where resident */
  bool bfloat;         /* products in bfloat16; the machine has to have them */
  double share_before; /* for progress: this pass is [share_before, share_after] of its phase */
  double share_after;
  cgap_progress progress;
} cgap_tile_options;

/* Fills evidence->sums[kind] (cleared by cgap_sums_clear), least and greatest, and the ten best of this kind, whose
 * lists exist. */
CGAP_MUST_CHECK cgap_status cgap_tiles_run(cgap_evidence *evidence, const cgap_embeddings *e, cgap_couples kind,
                                           const cgap_tile_options *options, cgap_error *error);

#endif
