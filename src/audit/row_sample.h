/* Some of an audit's rows: images drawn at random, each with all its texts, or rows of each modality where unpaired. */
#ifndef CGAP_AUDIT_ROW_SAMPLE_H
#define CGAP_AUDIT_ROW_SAMPLE_H

#include "analysis/finish.h"
#include "audit/passes.h"
#include "audit/plan.h"

/* Rows keep the order of the whole. What belongs to a row or an image is copied from the whole's. */
typedef struct cgap_row_sample {
  cgap_embeddings embeddings; /* the modalities read the whole's source; mean and moment: see below */
  size_t *image, *text;       /* (embeddings.image.rows), (embeddings.text.rows): which rows of the whole */
  double *pair_cosine;        /* (texts) this and what follows only where paired */
  double *best_positive, *within_kernel, *within_cosine, *within_square; /* (images) */
} cgap_row_sample;

/* How many of each modality; texts only where unpaired: elsewhere each image comes with its own. */
typedef struct cgap_row_sample_size {
  size_t images, texts;
} cgap_row_sample_size;

/* Without replacement, by `seed` and `stream` alone; the same on every rank. */
CGAP_MUST_CHECK cgap_status cgap_row_sample_init(cgap_row_sample *out, const cgap_embeddings *whole,
                                                 const cgap_matched_pair_sums *matched_pairs, cgap_comm *comm,
                                                 cgap_row_sample_size size, uint64_t seed, uint64_t stream,
                                                 cgap_error *error);

/* `images` of those that another subset of the same whole holds; paired. The means are the whole's. */
CGAP_MUST_CHECK cgap_status cgap_row_sample_subset(cgap_row_sample *out, const cgap_row_sample *of,
                                                   const cgap_embeddings *whole,
                                                   const cgap_matched_pair_sums *matched_pairs, cgap_comm *comm,
                                                   size_t images, uint64_t seed, uint64_t stream, cgap_error *error);

/* Takes the rows into memory, of several ranks the rank's own; else they are read again, block by block. */
CGAP_MUST_CHECK cgap_status cgap_row_sample_load_own(cgap_row_sample *s, const cgap_embeddings *whole, cgap_comm *comm,
                                                     cgap_error *error);

/* Takes all rows into the memory of every rank: each reads those that are its own of the whole, and all gather. */
CGAP_MUST_CHECK cgap_status cgap_row_sample_replicate(cgap_row_sample *s, const cgap_embeddings *whole, cgap_comm *comm,
                                                      cgap_error *error);

/* mean and moment of both modalities, over the subset's rows, on every rank. */
CGAP_MUST_CHECK cgap_status cgap_row_sample_moments(cgap_row_sample *s, cgap_comm *comm, int threads,
                                                    cgap_error *error);

void cgap_row_sample_clear(cgap_row_sample *s);

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

/* ---------------------------------------------------------------- the audit of a sample (sampled_audit.c) */

typedef struct cgap_sampled_options {
  cgap_plan_sampling size;
  bool hold;            /* the sample's rows are kept in memory; of several ranks always, each its own */
  cgap_comm *comm;      /* or NULL */
  uint64_t visit_bytes; /* of several ranks: for rows that are not a rank's own */
  uint64_t seed;
  bool no_ranks;                /* the result has not the rank of each row */
  cgap_pair_pass_options tiles; /* its fractions are of all of this */
} cgap_sampled_options;

/* Fills what takes pairs: uniformity, the quantiles of cosines, losses, retrieval, hubness, mixing, near duplicates,
 * and the separability of the sample's rows. `whole` is the evidence of all rows, without sums over pairs;
 * alignment is in *out already. On every rank; *out is rank 0's. */
CGAP_MUST_CHECK cgap_status cgap_sampled_run(cgap_audit *out, const cgap_audit_sums *whole, const cgap_embeddings *e,
                                             const cgap_matched_pair_sums *matched_pairs,
                                             const cgap_sampled_options *options, cgap_error *error);

#endif
