/* Scores of a side's rows against a few vectors, block by block: for zero-shot, arithmetic and separability. */
#ifndef CGAP_ROWS_ROW_SCORES_H
#define CGAP_ROWS_ROW_SCORES_H

#include "comm/rank_rows.h"
#include "rows/embeddings.h"
#include "rows/exp_sums.h"

/* Shown the scores of rows [first, first + rows): scores (rows, vectors), in double. Called in row order. */
typedef void (*cgap_row_scores_visit)(void *context, size_t first, size_t rows, const double *scores);

/* Unit rows in double of a share of a side, times `count` vectors (count, dim). */
CGAP_MUST_CHECK cgap_status cgap_row_scores_run(const cgap_modality_rows *modality, cgap_rank_rows range,
                                                const double *vectors, size_t count, int threads,
                                                cgap_row_scores_visit visit, void *context, cgap_error *error);

/* What a fit gathers over rows, in fixed point: the derivative of its objective by `count` vectors, and sums. */
typedef struct cgap_gradient {
  size_t dim, count;
  cgap_exact_sums lanes;            /* (dim, CGAP_SCORE_VECTORS) */
  cgap_exact_sums whole, remainder; /* (sums) */
} cgap_gradient;

CGAP_MUST_CHECK cgap_status cgap_gradient_init(cgap_gradient *out, size_t dim, size_t count, size_t sums,
                                               cgap_error *error);
void cgap_gradient_clear(cgap_gradient *gradient);

/* Forward and back over a share of a side: scores (rows, count) = Z Wᵀ for W (count, dim), count at most
 * CGAP_SCORE_VECTORS; `residual` turns them in place into the derivative of the objective by the score, in [−1, 1], and
 * adds to the sums of its run of rows; then residualᵀ Z is added to the gradient. Z are the float unit rows, all else
 * is double: a line search lives on small differences. */
typedef void (*cgap_residual)(void *context, size_t first, size_t rows, double *scores, double *sums);
CGAP_MUST_CHECK cgap_status cgap_row_scores_gradient(cgap_gradient *out, const cgap_modality_rows *modality,
                                                     cgap_rank_rows range, const double *weights, int threads,
                                                     cgap_residual residual, void *context, cgap_error *error);

/* Over all ranks: the gradient (count, dim) and the sums. What was gathered is 0 again. */
CGAP_MUST_CHECK cgap_status cgap_gradient_finish(cgap_gradient *gradient, cgap_comm *comm, double *out, double *sums,
                                                 cgap_error *error);

#endif
