/* Some of an audit's rows: images drawn at random, each with all its texts, or rows of each side where unpaired. */
#ifndef CGAP_AUDIT_ROW_SAMPLE_H
#define CGAP_AUDIT_ROW_SAMPLE_H

#include "audit/matched_pairs.h"

/* Rows keep the order of the whole. What belongs to a row or an image is copied from the whole's. */
typedef struct cgap_row_sample {
  cgap_embeddings embeddings; /* the sides read the whole's source; mean and moment: see below */
  size_t *image, *text;       /* (embeddings.image.rows), (embeddings.text.rows): which rows of the whole */
  double *pair_cosine;        /* (texts) this and what follows only where paired */
  double *best_positive, *within_kernel, *within_cosine, *within_square; /* (images) */
} cgap_row_sample;

/* How many of each side; texts only where unpaired: elsewhere an image brings its own. */
typedef struct cgap_row_sample_size {
  size_t images, texts;
} cgap_row_sample_size;

/* Without replacement, by `seed` and `stream` alone. */
CGAP_MUST_CHECK cgap_status cgap_row_sample_init(cgap_row_sample *out, const cgap_embeddings *whole,
                                                 const cgap_matched_pair_sums *matched_pairs, cgap_row_sample_size size,
                                                 uint64_t seed, uint64_t stream, cgap_error *error);

/* `images` of those that another subset of the same whole holds; paired. The means are the whole's. */
CGAP_MUST_CHECK cgap_status cgap_row_sample_subset(cgap_row_sample *out, const cgap_row_sample *of,
                                                   const cgap_embeddings *whole,
                                                   const cgap_matched_pair_sums *matched_pairs, size_t images,
                                                   uint64_t seed, uint64_t stream, cgap_error *error);

/* Takes the rows into memory, of several ranks those of the rank's share; else they are read again, panel by panel. */
CGAP_MUST_CHECK cgap_status cgap_row_sample_load_own(cgap_row_sample *s, const cgap_embeddings *whole, cgap_comm *comm,
                                                     cgap_error *error);

/* Takes all rows into the memory of every rank: each reads those that are its own of the whole, and all gather. */
CGAP_MUST_CHECK cgap_status cgap_row_sample_replicate(cgap_row_sample *s, const cgap_embeddings *whole, cgap_comm *comm,
                                                      cgap_error *error);

/* mean and moment of both sides, over the subset's rows, on every rank. */
CGAP_MUST_CHECK cgap_status cgap_row_sample_moments(cgap_row_sample *s, cgap_comm *comm, int threads,
                                                    cgap_error *error);

void cgap_row_sample_clear(cgap_row_sample *s);

#endif
