#include "engine/scores.h"

#include "engine/blas.h"
#include "engine/panel.h"
#include "memory.h"

#include <cblas.h>

enum { BLOCK = 256, PANEL = 64 * BLOCK };

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
    status = cgap_side_fetch(side, NULL, first, n, rows, error);
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

/* The blocks of a panel in memory. */
static bool gradient_panel(const cgap_panel *panel, const float *weights, size_t count, int threads,
                           cgap_residual residual, void *context, double *gradient)
{
  const size_t dim = panel->side->dim;
  bool fine = true;
#pragma omp parallel num_threads(threads)
  {
    float *scores = cgap_alloc(BLOCK * count, sizeof *scores), *part = cgap_alloc(count * dim, sizeof *part);
    const bool own = scores && part;
    if (!own) {
#pragma omp atomic write
      fine = false;
    }
#pragma omp for schedule(dynamic, 1) ordered
    for (size_t b = 0; b < panel->rows; b += BLOCK) {
      const float *rows = panel->unit + b * dim;
      const size_t n = lesser(BLOCK, panel->rows - b);
      if (own) {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)n, (int)count, (int)dim, 1.0f, rows, (int)dim,
                    weights, (int)dim, 0.0f, scores, (int)count);
        residual(context, panel->first + b, n, scores);
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)count, (int)dim, (int)n, 1.0f, scores, (int)count,
                    rows, (int)dim, 0.0f, part, (int)dim);
      }
#pragma omp ordered
      for (size_t k = 0; own && k < count * dim; k++)
        gradient[k] += (double)part[k];
    }
    cgap_free(scores);
    cgap_free(part);
  }
  return fine;
}

cgap_status cgap_scores_gradient(const cgap_side *side, const float *weights, size_t count, int threads,
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
