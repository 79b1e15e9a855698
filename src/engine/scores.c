#include "engine/scores.h"

#include "engine/blas.h"
#include "engine/panel.h"
#include "memory.h"

#include <cblas.h>

enum { BLOCK = 256, RUN = 8 * BLOCK, PANEL = 8 * RUN };

static size_t lesser(size_t a, size_t b)
{
  return a < b ? a : b;
}

cgap_status cgap_scores_run(const cgap_side *side, const double *vectors, size_t count, int threads,
                            cgap_scores_visit visit, void *context, cgap_error *error)
{
  const size_t dim = side->dim, block = BLOCK * (size_t)threads;
  const int blas_threads = cgap_blas_single();
  double *rows = cgap_alloc(block * dim, sizeof *rows), *scores = cgap_alloc(block * count, sizeof *scores);
  cgap_status status = CGAP_OK;
  if (!rows || !scores)
    status = cgap_fail(error, CGAP_RESOURCE, "no memory for scores of %zu rows against %zu vectors", block, count);
  for (size_t first = 0; !status && first < side->rows; first += block) {
    const size_t n = lesser(block, side->rows - first);
    status = cgap_side_fetch(side, NULL, first, n, threads, rows, error);
    if (status)
      break;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t b = 0; b < n; b += BLOCK)
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)lesser(BLOCK, n - b), (int)count, (int)dim, 1.0,
                  rows + b * dim, (int)dim, vectors, (int)dim, 0.0, scores + b * count, (int)count);
    visit(context, first, n, scores);
  }
  cgap_free(rows);
  cgap_free(scores);
  cgap_blas_restore(blas_threads);
  return status;
}

/* What a thread works in. */
typedef struct room {
  double *rows, *scores; /* (BLOCK, dim), (BLOCK, count) */
} room;

/* One run of rows, in blocks that stay in the cache between the product forward and the one back. */
static void gradient_run(const cgap_panel *panel, size_t first, size_t rows, const double *weights, size_t count,
                         cgap_residual residual, void *context, const room *own, double *gradient)
{
  const int dim = (int)panel->side->dim, vectors = (int)count;
  for (size_t b = first; b < first + rows; b += BLOCK) {
    const float *z = panel->unit + b * panel->side->dim;
    const size_t n = lesser(BLOCK, first + rows - b);
    for (size_t k = 0; k < n * panel->side->dim; k++)
      own->rows[k] = (double)z[k];
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)n, vectors, dim, 1.0, own->rows, dim, weights, dim, 0.0,
                own->scores, vectors);
    residual(context, panel->first + b, n, own->scores);
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, vectors, dim, (int)n, 1.0, own->scores, vectors, own->rows,
                dim, 1.0, gradient, dim);
  }
}

/* The runs of a panel, each with a gradient of its own, added in order. */
static bool gradient_panel(const cgap_panel *panel, const double *weights, size_t count, int threads,
                           cgap_residual residual, void *context, double *gradient)
{
  const size_t size = count * panel->side->dim, runs = (panel->rows + RUN - 1) / RUN;
  double *own = cgap_zalloc(runs * size, sizeof *own);
  bool fine = own != NULL;
#pragma omp parallel num_threads(threads)
  {
    const room mine = {cgap_alloc(BLOCK * panel->side->dim, sizeof *mine.rows),
                       cgap_alloc(BLOCK * count, sizeof *mine.scores)};
    if (!mine.rows || !mine.scores) {
#pragma omp atomic write
      fine = false;
    }
#pragma omp for schedule(dynamic, 1)
    for (size_t r = 0; r < runs; r++)
      if (own && mine.rows && mine.scores)
        gradient_run(panel, r * RUN, lesser(RUN, panel->rows - r * RUN), weights, count, residual, context, &mine,
                     own + r * size);
    cgap_free(mine.rows);
    cgap_free(mine.scores);
  }
  for (size_t k = 0; fine && k < runs * size; k++)
    gradient[k % size] += own[k];
  cgap_free(own);
  return fine;
}

cgap_status cgap_scores_gradient(const cgap_side *side, const double *weights, size_t count, int threads,
                                 cgap_residual residual, void *context, double *gradient, cgap_error *error)
{
  const size_t step = side->unit ? side->rows : PANEL;
  const int blas_threads = cgap_blas_single();
  cgap_panel panel = {0};
  cgap_status status = CGAP_OK;
  for (size_t first = 0; !status && first < side->rows; first += step) {
    status = cgap_panel_load(&panel, side, first, lesser(step, side->rows - first), error);
    if (!status && !gradient_panel(&panel, weights, count, threads, residual, context, gradient))
      status = cgap_fail(error, CGAP_RESOURCE, "no memory for %zu gradients of %zu", count, side->dim);
  }
  cgap_panel_clear(&panel);
  cgap_blas_restore(blas_threads);
  return status;
}
