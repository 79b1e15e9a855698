/* The passes of an audit over its rows and pairs, in the order in which audit.c makes them. Each is in the file named
 * above it. */
#ifndef CGAP_AUDIT_PASSES_H
#define CGAP_AUDIT_PASSES_H

#include "analysis/finish.h"
#include "audit/pair_sums.h"
#include "rows/embeddings.h"
#include "rows/row_blocks.h"

/* ---------------------------------------------------------------- row_offset_check */

/* How well texts fit the images of their own rows and those of rows nearby, block by block, for the pairing check. */
typedef struct cgap_row_offset_check {
  cgap_block_products block[CGAP_PAIR_BLOCKS];
  size_t blocks;
  double group_growth;
} cgap_row_offset_check;

/* A block is measured by the rank that has the first of its texts that are measured; every rank ends with all. */
CGAP_MUST_CHECK cgap_status cgap_row_offset_check_run(cgap_row_offset_check *out, const cgap_embeddings *e,
                                                      cgap_comm *comm, int threads, cgap_error *error);

/* ---------------------------------------------------------------- matched_pairs */

/* Of embeddings that are spread, each rank has those of its own images and texts alone, without what a sample does not
 * need; what images with several texts have is NULL where none has. */
typedef struct cgap_matched_pair_sums {
  bool spread;
  size_t first_image, first_text; /* with which arrays begin */
  size_t first_place;             /* while they are measured, cosines are in the order of pairs.text */
  double *pair_cosine;            /* (texts) */
  double *best_positive;          /* (images), 2 for an image without a text */
  double *within_kernel;          /* (images) */
  double *within_kernel_square;   /* (images) Σ of its squares; NULL where spread */
  double *within_cosine;          /* (images) Σ of the cosines of an image's own texts with each other */
  double *within_square;          /* (images) Σ of their squares */
  double *sibling_rank;      /* (texts) other texts of its image that are closer to a text than the image, ties half;
                              * NULL where spread */
  double *paired_image_mean; /* (dim) */
  double *group_moment;      /* (dim, dim) */
  cgap_row_offset_check offsets;
} cgap_matched_pair_sums;

/* How many runs of CGAP_TILE images are held at once. */
size_t cgap_matched_pairs_held_runs(int threads);

/* Every rank ends with all of it, unless embeddings are spread. offsets: check them too; else they are 0. */
CGAP_MUST_CHECK cgap_status cgap_matched_pairs_run(cgap_matched_pair_sums *out, const cgap_embeddings *e, bool offsets,
                                                   cgap_comm *comm, int threads, cgap_progress progress,
                                                   cgap_error *error);
/* The cosines of all pairs that are spread, on rank 0, which is to free them; elsewhere NULL. */
CGAP_MUST_CHECK cgap_status cgap_matched_pairs_collect(double **pair_cosine, const cgap_matched_pair_sums *sums,
                                                       const cgap_embeddings *e, cgap_comm *comm, cgap_error *error);

/* out: the sums of within_kernel, within_cosine and within_square over all images, in their order; on every rank. */
CGAP_MUST_CHECK cgap_status cgap_matched_pairs_within(double out[3], const cgap_matched_pair_sums *sums,
                                                      const cgap_embeddings *e, cgap_comm *comm, cgap_error *error);
void cgap_matched_pairs_clear(cgap_matched_pair_sums *sums);

/* Whether every image has one text and there are at least 4 of them, as the moment of pairs requires. */
bool cgap_cross_moment_wanted(const cgap_embeddings *e);

/* Σ x yᵀ of centred images and their texts, whose widths may differ, in double, and what measures of agreement need of
 * it. Every rank ends with all of it. The bits do not depend on threads or ranks. */
CGAP_MUST_CHECK cgap_status cgap_cross_moment_run(cgap_agreement_sums *out, const cgap_embeddings *e, cgap_comm *comm,
                                                  int threads, cgap_error *error);

/* ---------------------------------------------------------------- probe */

/* Sets precise of each kind of pairs. Every rank looks at the same rows. */
CGAP_MUST_CHECK cgap_status cgap_probe_run(bool precise[CGAP_PAIR_KINDS], const cgap_audit_sums *evidence,
                                           const cgap_embeddings *e, bool bfloat, int threads, cgap_error *error);

/* Estimates where the median is, so that the pass over all pairs can find it exactly. Up to CGAP_PROBE_ROWS images and
 * as many texts, spread evenly: all cosines of small data are among theirs, and the median is known (window->step is 0
 * then). Else the window is set, for paired data. Ranks all get the first one's. */
enum { CGAP_PROBE_ROWS = 512 };
CGAP_MUST_CHECK cgap_status cgap_median_window_choose(cgap_median_window *window, cgap_median *median,
                                                      const cgap_embeddings *e, cgap_comm *comm, int threads,
                                                      cgap_error *error);

/* By how much a float cosine of the tile pass may be off: γ_n of the sum of its n products (Higham 2002, 3.1), and the
 * rounding of rows and bounds. */
double cgap_median_margin(size_t dim);

/* ---------------------------------------------------------------- pair_pass */

/* What is wanted of a pass over images and texts. Queries against all candidates want the sums of the queries, for
 * ranks and losses, and nothing of the candidates: those may be many. */
typedef enum cgap_pair_pass_want { CGAP_WANT_ALL, CGAP_WANT_ROW_QUERIES, CGAP_WANT_COLUMN_QUERIES } cgap_pair_pass_want;

typedef struct cgap_pair_pass_options {
  int threads;
  size_t
    panel_rows; /* rows of a modality held at once; a multiple of CGAP_TILE, or the whole modality where resident */
  size_t column_rows; /* the same of the other modality, of which the next are read meanwhile; divides it. 0: as many */
  bool bfloat;        /* products in bfloat16; the machine has to have them */
  bool precise[CGAP_PAIR_KINDS]; /* products in double instead: cgap_probe_run */
  cgap_pair_pass_want want;
  double fraction_before; /* for progress: this pass is [fraction_before, fraction_after] of its phase */
  double fraction_after;
  cgap_progress progress;
} cgap_pair_pass_options;

/* Fills evidence->sums[kind] (cleared by cgap_sums_clear), least and greatest, and the ten nearest of this kind, whose
 * lists exist. */
CGAP_MUST_CHECK cgap_status cgap_pair_pass_run(cgap_audit_sums *evidence, const cgap_embeddings *e, cgap_pair_kind kind,
                                               const cgap_pair_pass_options *options, cgap_error *error);

/* A part of a pass: the pairs of two blocks that are in memory, into the totals of their rows (the same totals
 * where both blocks are the same). Adds to the counts of evidence->sums[kind], to least and greatest. Blocks begin
 * at whole tiles; of a triangle, a is not right of b. */
CGAP_MUST_CHECK cgap_status cgap_pair_pass_show(cgap_audit_sums *evidence, cgap_pair_kind kind,
                                                const cgap_pair_pass_options *options, const cgap_row_block *a,
                                                cgap_pair_sums *rows, const cgap_row_block *b, cgap_pair_sums *columns,
                                                cgap_error *error);

/* Writes totals into evidence->sums and the lists; columns: of the second modality of a kind. */
void cgap_pair_pass_finish(cgap_audit_sums *evidence, const cgap_pair_sums *totals, bool columns);

/* ---------------------------------------------------------------- contributions */

/* Before the measures finish: out->contributions for the rows of e, which is paired. */
CGAP_MUST_CHECK cgap_status cgap_contributions_begin(cgap_audit *out, const cgap_embeddings *e, cgap_error *error);

/* After they have: the contributions to the measures of the centroids, and, where asked for, the kernels between the
 * probed images. */
CGAP_MUST_CHECK cgap_status cgap_contributions_complete(cgap_audit *out, const cgap_embeddings *e,
                                                        const cgap_audit_sums *evidence, bool kernels, int threads,
                                                        cgap_error *error);

#endif
