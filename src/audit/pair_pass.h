/* Computes the cosines of all pairs of one kind, in tiles X_I · Y_Jᵀ, and shows each tile once to every measure. */
#ifndef CGAP_AUDIT_PAIR_PASS_H
#define CGAP_AUDIT_PAIR_PASS_H

#include "audit/pair_sums.h"
#include "rows/embeddings.h"
#include "rows/row_blocks.h"

/* What is wanted of a pass over images and texts. Queries against all candidates want the sums of the queries, for
 * ranks and losses, and nothing of the candidates: those may be many. */
typedef enum cgap_pair_pass_want { CGAP_WANT_ALL, CGAP_WANT_ROW_QUERIES, CGAP_WANT_COLUMN_QUERIES } cgap_pair_pass_want;

typedef struct cgap_pair_pass_options {
  int threads;
  size_t panel_rows;  /* rows of a side held at once; a multiple of CGAP_TILE, or the whole side where resident */
  size_t column_rows; /* the same of the other side, of which the next are read meanwhile; divides it. 0: as many */
  bool bfloat;        /* products in bfloat16; the machine has to have them */
  bool precise[CGAP_PAIR_KINDS]; /* products in double instead: cgap_probe_run */
  cgap_pair_pass_want want;
  double fraction_before; /* for progress: this pass is [fraction_before, fraction_after] of its phase */
  double fraction_after;
  cgap_progress progress;
} cgap_pair_pass_options;

/* Fills evidence->sums[kind] (cleared by cgap_sums_clear), least and greatest, and the ten best of this kind, whose
 * lists exist. */
CGAP_MUST_CHECK cgap_status cgap_pair_pass_run(cgap_audit_sums *evidence, const cgap_embeddings *e, cgap_pair_kind kind,
                                               const cgap_pair_pass_options *options, cgap_error *error);

/* A part of a pass: the pairs of two panels that are in memory, into the totals of their rows (the same totals
 * where the panels are of one block). Adds to the counts of evidence->sums[kind], to least and greatest. Panels begin
 * at whole tiles; of a triangle, a is not right of b. */
CGAP_MUST_CHECK cgap_status cgap_pair_pass_show(cgap_audit_sums *evidence, cgap_pair_kind kind,
                                                const cgap_pair_pass_options *options, const cgap_row_block *a,
                                                cgap_pair_sums *rows, const cgap_row_block *b, cgap_pair_sums *columns,
                                                cgap_error *error);

/* Writes totals into evidence->sums and the lists; columns: of the second side of a kind. */
void cgap_pair_pass_finish(cgap_audit_sums *evidence, const cgap_pair_sums *totals, bool columns);

#endif
