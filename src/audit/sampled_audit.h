/* Computes the measures from a sample of the rows. */
#ifndef CGAP_AUDIT_SAMPLED_AUDIT_H
#define CGAP_AUDIT_SAMPLED_AUDIT_H

#include "analysis/sampled.h"
#include "audit/pair_pass.h"
#include "audit/plan.h"
#include "audit/row_sample.h"

typedef struct cgap_sampled_options {
  cgap_plan_sampling size;
  bool hold;            /* the sample's rows are kept in memory; of several ranks they are, shared out */
  cgap_comm *comm;      /* or NULL */
  uint64_t visit_bytes; /* of several ranks: for rows that are not a rank's own */
  uint64_t seed;
  cgap_pair_pass_options tiles; /* its share counts over all of this */
} cgap_sampled_options;

/* Fills what takes pairs: uniformity, the quantiles of cosines, losses, retrieval, hubness, mixing, near duplicates,
 * and the separability of the sample's rows. `whole` is the evidence of all rows, of which no pairs were looked at;
 * alignment stands in *out already. On every rank; *out is rank 0's. */
CGAP_MUST_CHECK cgap_status cgap_sampled_run(cgap_audit *out, const cgap_audit_sums *whole, const cgap_embeddings *e,
                                             const cgap_matched_pair_sums *matched_pairs,
                                             const cgap_sampled_options *options, cgap_error *error);

/* ---------------------------------------------------------------- control variates */

/* For each row of a sample, the sums of its cosines with the others and of their squares, in double from means and
 * second moments: x·Σy and xᵀ(Σ y yᵀ)x, O(n d²) for what pair by pair is O(n² d). */

typedef struct cgap_control_variates {
  double *image_image[2], *image_text[2]; /* (images) of each image among images, and among texts: [0] c, [1] c² */
  double *text_text[2], *text_image[2];   /* (texts) */
} cgap_control_variates;

/* After cgap_row_sample_moments, on every rank. A row itself, and pairs that belong together, are left out. */
CGAP_MUST_CHECK cgap_status cgap_control_variates_run(cgap_control_variates *out, const cgap_row_sample *drawn_rows,
                                                      cgap_comm *comm, int threads, cgap_error *error);
void cgap_control_variates_clear(cgap_control_variates *c);
void cgap_control_variates_set(const cgap_control_variates *c, cgap_sampled *sampled);

#endif
