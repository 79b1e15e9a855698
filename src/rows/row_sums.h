/* Sums over rows that are the same bits for any threads and ranks: exact sums of doubles, second moments, and scores of
 * rows against a few vectors with the gradient of what is fitted to them. */
#ifndef CGAP_ROWS_ROW_SUMS_H
#define CGAP_ROWS_ROW_SUMS_H

#include "comm/comm.h"
#include "rows/modality.h"

/* ---------------------------------------------------------------- exact sums */

/* Arrays of sums that do not depend on the order of their terms, which may be of either sign: each term is rounded once
 * to a fixed point of two integers, and those are added. One bound holds for all terms of an array; what is rounded
 * away of a term is at most 2^-62 of it. At most 2^31 terms. */

typedef struct cgap_exact_sums {
  size_t count;
  int exponent;  /* terms are at most 2^exponent */
  int64_t *high; /* (count) units of 2^(exponent − 31) */
  int64_t *low;  /* (count) units of 2^(exponent − 62); of one block with high */
} cgap_exact_sums;

bool cgap_exact_sums_init(cgap_exact_sums *out, size_t count, double bound); /* all 0; false: out of memory */
void cgap_exact_sums_clear(cgap_exact_sums *sums);
void cgap_exact_sums_zero(cgap_exact_sums *sums);

/* Sums first … first + n − 1 += values (n), each at most the bound. */
void cgap_exact_sums_add(cgap_exact_sums *sums, size_t first, const double *values, size_t n);

/* Over all ranks. */
CGAP_MUST_CHECK cgap_status cgap_exact_sums_reduce(cgap_exact_sums *sums, cgap_comm *comm, cgap_error *error);

void cgap_exact_sums_values(const cgap_exact_sums *sums, size_t first, size_t n, double *out);

/* ---------------------------------------------------------------- second moments */

/* Second moments Σ z zᵀ and sums Σ z of many rows in double, by runs of rows whose own sums are added in fixed point:
 * the same bits for any threads, and for ranks whose rows begin and end with a run. */

/* Rows of a run: a power of two that divides CGAP_TILE, at least CGAP_MOMENT_RUN_ROWS_MIN. */
enum { CGAP_MOMENT_RUN_ROWS_MIN = 256, CGAP_MOMENT_SLICE = 16 };
size_t cgap_second_moment_run_rows(size_t dim);

typedef struct cgap_second_moment {
  size_t dim;
  cgap_exact_sums total; /* the upper triangle row by row (dim (dim + 1) / 2), then (dim) */
  double *scratch;       /* of each of the threads */
  int threads;
} cgap_second_moment;

/* bound: of a run's sums. On failure *out is to be cleared as well. */
CGAP_MUST_CHECK cgap_status cgap_second_moment_init(cgap_second_moment *out, size_t dim, double bound, int threads,
                                                    cgap_error *error);
void cgap_second_moment_clear(cgap_second_moment *m);

/* Doubles that each thread works in. */
size_t cgap_second_moment_scratch(size_t dim);

/* Runs r = 0 … runs − 1: rows start[r] … start[r + 1] − 1 of rows (…, dim), of any number. */
void cgap_second_moment_add(cgap_second_moment *m, const double *rows, const size_t *start, size_t runs);

/* One run by one thread of a parallel region of `threads`. Its rows are made slice by slice, in the memory that
 * cgap_moment_run_rows gives, and summed while they are in the nearest cache; their products are taken a few slices at
 * a time. */
typedef struct cgap_moment_run {
  cgap_second_moment *moment;
  double *square, *sum, *rows; /* (dim, dim), (dim), (…, dim): the thread's */
  size_t held, added;          /* rows without their products yet, and with them */
} cgap_moment_run;

cgap_moment_run cgap_moment_run_begin(cgap_second_moment *m);
double *cgap_moment_run_rows(cgap_moment_run *run);          /* (CGAP_MOMENT_SLICE, dim) */
void cgap_moment_run_add(cgap_moment_run *run, size_t rows); /* the first `rows` of these */
void cgap_moment_run_end(cgap_moment_run *run);

/* Over all ranks, into moment (dim, dim), both triangles, times `scale`, and sum (dim), where not NULL. */
CGAP_MUST_CHECK cgap_status cgap_second_moment_finish(cgap_second_moment *m, cgap_comm *comm, double scale,
                                                      double *moment, double *sum, cgap_error *error);

/* ---------------------------------------------------------------- scores */

/* Products of unit rows with a few vectors, block by block: for zero-shot and separability. */

/* Gets rows [first, first + rows) as unit rows (rows, dim) and their scores (rows, vectors), in double. Called in the
 * order of the rows. */
typedef void (*cgap_row_scores_visit)(void *context, size_t first, size_t rows, const double *unit,
                                      const double *scores);

/* The scores of a range of kept rows, double unit rows, against `count` vectors (count, dim). */
CGAP_MUST_CHECK cgap_status cgap_row_scores_run(const cgap_modality_rows *modality, cgap_rank_rows range,
                                                const double *vectors, size_t count, int threads,
                                                cgap_row_scores_visit visit, void *context, cgap_error *error);

/* Sums of a fit over rows, in fixed point: the gradient of its objective with respect to `count` vectors, and others.
 */
typedef struct cgap_gradient {
  size_t dim, count;
  cgap_exact_sums lanes;            /* (dim, CGAP_SCORE_VECTORS) */
  cgap_exact_sums whole, remainder; /* (sums) */
} cgap_gradient;

CGAP_MUST_CHECK cgap_status cgap_gradient_init(cgap_gradient *out, size_t dim, size_t count, size_t sums,
                                               cgap_error *error);
void cgap_gradient_clear(cgap_gradient *gradient);

/* Forward and backward over a range of kept rows: scores (rows, count) = Z Wᵀ for W (count, dim), count at most
 * CGAP_SCORE_VECTORS; `residual` replaces them by the derivative of the objective with respect to the score, in
 * [−1, 1], and adds to the sums of its run of rows; then residualᵀ Z is added to the gradient. Z are the float unit
 * rows, all else is double, since a line search depends on small differences. */
typedef void (*cgap_residual)(void *context, size_t first, size_t rows, double *scores, double *sums);
CGAP_MUST_CHECK cgap_status cgap_row_scores_gradient(cgap_gradient *out, const cgap_modality_rows *modality,
                                                     cgap_rank_rows range, const double *weights, int threads,
                                                     cgap_residual residual, void *context, cgap_error *error);

/* Over all ranks: the gradient (count, dim) and the sums. The sums are 0 again afterwards. */
CGAP_MUST_CHECK cgap_status cgap_gradient_finish(cgap_gradient *gradient, cgap_comm *comm, double *out, double *sums,
                                                 cgap_error *error);

#endif
