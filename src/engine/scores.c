#include "engine/scores.h"

#include "analysis/kernels.h"
#include "engine/blas.h"
#include "engine/panel.h"
#include "memory.h"

#include <cblas.h>
#include <string.h>

enum { BLOCK = 256, FEW_BLOCK = 32, RUN = 2048, PANEL = 8 * RUN };

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
  double *rows, *lanes, *scores; /* (FEW_BLOCK, dim), (FEW_BLOCK, CGAP_FEW), (FEW_BLOCK, count) */
} room;

typedef struct gradient_job {
  const cgap_kernels *kernels;
  const double *weights; /* (dim, CGAP_FEW), lanes beyond count 0 */
  size_t count;
  cgap_residual residual;
  void *context;
} gradient_job;

static bool room_alloc(room *own, size_t dim, size_t count)
{
  own->rows = cgap_alloc(FEW_BLOCK * dim, sizeof *own->rows);
  own->lanes = cgap_zalloc(FEW_BLOCK * CGAP_FEW, sizeof *own->lanes);
  own->scores = cgap_alloc(FEW_BLOCK * count, sizeof *own->scores);
  return own->rows && own->lanes && own->scores;
}

static void room_free(room *own)
{
  cgap_free(own->rows);
  cgap_free(own->lanes);
  cgap_free(own->scores);
}

/* One run of rows, in blocks that stay in the cache between the product forward and the one back. */
static void gradient_run(const gradient_job *job, const cgap_panel *panel, size_t first, size_t rows, const room *own,
                         double *gradient)
{
  const size_t dim = panel->side->dim, count = job->count;
  for (size_t b = first; b < first + rows; b += FEW_BLOCK) {
    const float *z = panel->unit + b * dim;
    const size_t n = lesser(FEW_BLOCK, first + rows - b);
    for (size_t k = 0; k < n * dim; k++)
      own->rows[k] = (double)z[k];
    job->kernels->few_scores(own->rows, n, dim, job->weights, own->lanes);
    for (size_t i = 0; i < n; i++)
      memcpy(own->scores + i * count, own->lanes + i * CGAP_FEW, count * sizeof *own->scores);
    job->residual(job->context, panel->first + b, n, own->scores);
    for (size_t i = 0; i < n; i++)
      memcpy(own->lanes + i * CGAP_FEW, own->scores + i * count, count * sizeof *own->scores);
    job->kernels->few_gradient(own->rows, n, dim, own->lanes, gradient);
  }
}

/* The runs of a panel, each with a gradient of its own, added in order. */
static bool gradient_panel(const gradient_job *job, const cgap_panel *panel, int threads, double *gradient)
{
  const size_t dim = panel->side->dim, size = dim * CGAP_FEW, runs = (panel->rows + RUN - 1) / RUN;
  double *own = cgap_zalloc(runs * size, sizeof *own);
  bool fine = own != NULL;
#pragma omp parallel num_threads(threads)
  {
    room mine;
    const bool ready = room_alloc(&mine, dim, job->count);
    if (!ready) {
#pragma omp atomic write
      fine = false;
    }
#pragma omp for schedule(dynamic, 1)
    for (size_t r = 0; r < runs; r++)
      if (own && ready)
        gradient_run(job, panel, r * RUN, lesser(RUN, panel->rows - r * RUN), &mine, own + r * size);
    room_free(&mine);
  }
  for (size_t r = 0; fine && r < runs; r++)
    for (size_t k = 0; k < job->count; k++)
      for (size_t a = 0; a < dim; a++)
        gradient[k * dim + a] += own[r * size + a * CGAP_FEW + k];
  cgap_free(own);
  return fine;
}

/* (count, dim) as (dim, CGAP_FEW); NULL: out of memory */
static double *side_by_side(const double *vectors, size_t count, size_t dim)
{
  double *out = cgap_zalloc(dim * CGAP_FEW, sizeof *out);
  for (size_t k = 0; out && k < count; k++)
    for (size_t a = 0; a < dim; a++)
      out[a * CGAP_FEW + k] = vectors[k * dim + a];
  return out;
}

cgap_status cgap_scores_gradient(const cgap_side *side, const double *weights, size_t count, int threads,
                                 cgap_residual residual, void *context, double *gradient, cgap_error *error)
{
  const size_t step = side->unit ? side->rows : PANEL;
  cgap_panel panel = {0};
  double *lanes = side_by_side(weights, count, side->dim);
  const gradient_job job = {cgap_kernels_here(), lanes, count, residual, context};
  cgap_status status =
    lanes ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "no memory for %zu vectors of %zu", count, side->dim);
  for (size_t first = 0; !status && first < side->rows; first += step) {
    status = cgap_panel_load(&panel, side, first, lesser(step, side->rows - first), error);
    if (!status && !gradient_panel(&job, &panel, threads, gradient))
      status = cgap_fail(error, CGAP_RESOURCE, "no memory for %zu gradients of %zu", count, side->dim);
  }
  cgap_panel_clear(&panel);
  cgap_free(lanes);
  return status;
}
