/* The pass over matched couples: everything that needs an image beside its own texts, in double. */
#ifndef CGAP_ENGINE_COUPLES_H
#define CGAP_ENGINE_COUPLES_H

#include "analysis/measure.h"
#include "engine/embeddings.h"

typedef struct cgap_couple_sums {
  double *pair_cosine;       /* (texts) */
  double *best_positive;     /* (images), 2 for an image without a text */
  double *within_kernel;     /* (images) */
  double *within_cosine;     /* (images) Σ of the cosines of an image's own texts with each other */
  double *within_square;     /* (images) Σ of their squares */
  double *paired_image_mean; /* (dim) */
  double *group_moment;      /* (dim, dim) */
  double shift_mean[2 * CGAP_SHIFTS + 1], shift_count[2 * CGAP_SHIFTS + 1];
} cgap_couple_sums;

/* How many runs of CGAP_TILE images are held at once. */
size_t cgap_couples_runs(int threads);

/* Every rank ends with all of it. */
CGAP_MUST_CHECK cgap_status cgap_couples_run(cgap_couple_sums *out, const cgap_embeddings *e, cgap_comm *ranks,
                                             int threads, cgap_progress progress, cgap_error *error);
void cgap_couples_clear(cgap_couple_sums *sums);

/* Mean cosine of (o(j) + shift, j), of them shift_mean and shift_count: over all texts, or over some runs of texts
 * spread over a large file. Rows of the file are meant: where some were dropped or merged, it is not asked. A run is
 * the rank's that has its first text; the runs' sums are added in order. */
CGAP_MUST_CHECK cgap_status cgap_shifts_measure(cgap_couple_sums *out, const cgap_embeddings *e, cgap_comm *ranks,
                                                int threads, cgap_error *error);

#endif
