/* Passes over the matched pairs: computes in double everything that needs an image with its own texts. */
#ifndef CGAP_AUDIT_MATCHED_PAIRS_H
#define CGAP_AUDIT_MATCHED_PAIRS_H

#include "analysis/measure.h"
#include "audit/row_offset_check.h"
#include "rows/embeddings.h"

typedef struct cgap_matched_pair_sums {
  double *pair_cosine;          /* (texts) */
  double *best_positive;        /* (images), 2 for an image without a text */
  double *within_kernel;        /* (images) */
  double *within_kernel_square; /* (images) Σ of its squares */
  double *within_cosine;        /* (images) Σ of the cosines of an image's own texts with each other */
  double *within_square;        /* (images) Σ of their squares */
  double *sibling_rank;      /* (texts) other texts of its image that are closer to a text than the image, ties half */
  double *paired_image_mean; /* (dim) */
  double *group_moment;      /* (dim, dim) */
  cgap_row_offset_check offsets;
} cgap_matched_pair_sums;

/* How many runs of CGAP_TILE images are held at once. */
size_t cgap_matched_pairs_held_runs(int threads);

/* Every rank ends with all of it. */
CGAP_MUST_CHECK cgap_status cgap_matched_pairs_run(cgap_matched_pair_sums *out, const cgap_embeddings *e,
                                                   cgap_comm *comm, int threads, cgap_progress progress,
                                                   cgap_error *error);
void cgap_matched_pairs_clear(cgap_matched_pair_sums *sums);

#endif
