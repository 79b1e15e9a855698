/* Second moments Σ z zᵀ and sums Σ z of many rows in double, by runs of rows whose own sums are added in fixed point:
 * the same bits for any threads and ranks that share out whole runs. */
#ifndef CGAP_ROWS_SECOND_MOMENT_H
#define CGAP_ROWS_SECOND_MOMENT_H

#include "rows/exp_sums.h"

/* Rows of a run: a power of two that divides CGAP_TILE, at least CGAP_MOMENT_RUN_ROWS_MIN. */
enum { CGAP_MOMENT_RUN_ROWS_MIN = 256 };
size_t cgap_second_moment_run_rows(size_t dim);

typedef struct cgap_second_moment {
  size_t dim;
  cgap_exact_sums total; /* (dim, dim), its upper triangle used, then (dim) */
  double *scratch;       /* what `threads` threads work in, from the first rows on */
  int threads;
} cgap_second_moment;

/* bound: of a run's sums. */
CGAP_MUST_CHECK cgap_status cgap_second_moment_init(cgap_second_moment *out, size_t dim, double bound,
                                                    cgap_error *error);
void cgap_second_moment_clear(cgap_second_moment *m);

/* Runs r = 0 … runs − 1: rows start[r] … start[r + 1] − 1 of rows (…, dim), of any number. */
CGAP_MUST_CHECK cgap_status cgap_second_moment_add(cgap_second_moment *m, const double *rows, const size_t *start,
                                                   size_t runs, int threads, cgap_error *error);

/* Returns rows [first, first + rows), (rows, dim): in room or elsewhere, but those of a run in one piece. Called by
 * several threads at once, for the rows of a run in order by the thread that sums it. */
typedef const double *cgap_row_maker_of_run(void *context, size_t first, size_t rows, double *scratch);

/* Rows that are made run by run, and what the threads do besides once all runs are taken. */
typedef struct cgap_second_moment_work {
  cgap_row_maker_of_run *make;
  void *context;
  const size_t *start; /* as above; a run has cgap_second_moment_run_rows(dim) rows at most */
  size_t runs;
  void (*more)(void *context, size_t piece); /* for piece = 0 … pieces − 1, in any order; may be NULL */
  size_t pieces;
} cgap_second_moment_work;

CGAP_MUST_CHECK cgap_status cgap_second_moment_make(cgap_second_moment *m, const cgap_second_moment_work *work,
                                                    int threads, cgap_error *error);

/* Over all ranks, into moment (dim, dim), both triangles, times `scale`, and sum (dim), where not NULL. */
CGAP_MUST_CHECK cgap_status cgap_second_moment_finish(cgap_second_moment *m, cgap_comm *comm, double scale,
                                                      double *moment, double *sum, cgap_error *error);

#endif
