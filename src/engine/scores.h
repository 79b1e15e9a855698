/* Scores of a side's rows against a few vectors, block by block: for zero-shot, arithmetic and separability. */
#ifndef CGAP_ENGINE_SCORES_H
#define CGAP_ENGINE_SCORES_H

#include "engine/embeddings.h"

/* Shown the scores of rows [first, first + rows): scores (rows, vectors), in double. Called in row order. */
typedef void (*cgap_scores_visit)(void *context, size_t first, size_t rows, const double *scores);

/* Unit rows in double times `count` vectors (count, dim). */
CGAP_MUST_CHECK cgap_status cgap_scores_run(const cgap_side *side, const double *vectors, size_t count, int threads,
                                            cgap_scores_visit visit, void *context, cgap_error *error);

/* Forward and back: scores (rows, count) = Z Wᵀ for W (count, dim), count at most CGAP_FEW; `residual` turns them in
 * place into the derivative of the objective by the score; gradient (count, dim) += residualᵀ Z. Z are the float unit
 * rows, all else is double: a line search lives on small differences. Blocks run on `threads` threads and are added in
 * order. */
typedef void (*cgap_residual)(void *context, size_t first, size_t rows, double *scores);
CGAP_MUST_CHECK cgap_status cgap_scores_gradient(const cgap_side *side, const double *weights, size_t count,
                                                 int threads, cgap_residual residual, void *context, double *gradient,
                                                 cgap_error *error);

#endif
