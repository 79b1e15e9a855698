#include "audit/cross_moment.h"

#include "base/memory.h"
#include "base/threads.h"
#include "comm/comm.h"
#include "rows/row_sums.h"

#include <cblas.h>

/* Sums that stand behind the moment: Σ a, Σ b, Σ ab, Σ a², Σ b² with a = ‖x‖², b = ‖y‖². */
enum { SUM_A, SUM_B, SUM_AB, SUM_AA, SUM_BB, NORM_SUMS };

/* Runs of rows, one a thread, which are read together. */
typedef struct runs {
  const cgap_embeddings *embeddings;
  size_t first, rows, run_rows;
  size_t *text;   /* (threads·run_rows): the texts of the images */
  double *x, *y;  /* (threads·run_rows, dim) */
  double *moment; /* (threads, dim² + NORM_SUMS) */
  cgap_exact_sums total;
} runs;

bool cgap_cross_moment_wanted(const cgap_embeddings *e)
{
  bool one = e->paired && e->image.rows >= 4 && e->image.rows == e->text.rows;
  for (size_t i = 0; one && i < e->image.rows; i++)
    one = e->pairs.first[i + 1] - e->pairs.first[i] == 1;
  return one;
}

/* Subtracts the mean; returns ‖x‖². */
static double centre(double *x, const double *mean, size_t dim)
{
  double square = 0;
  for (size_t k = 0; k < dim; k++)
    x[k] -= mean[k];
  for (size_t k = 0; k < dim; k++)
    square += x[k] * x[k];
  return square;
}

/* The moment and the sums of one run, in the order of its rows. */
static void sum_run(runs *r, size_t run)
{
  const cgap_embeddings *e = r->embeddings;
  const size_t dim = e->image.dim, first = run * r->run_rows,
               rows = r->rows - first < r->run_rows ? r->rows - first : r->run_rows, size = dim * dim + NORM_SUMS;
  double *moment = r->moment + run * size, *sums = moment + dim * dim;
  for (int s = 0; s < NORM_SUMS; s++)
    sums[s] = 0;
  for (size_t i = first; i < first + rows; i++) {
    const double a = centre(r->x + i * dim, e->image.mean, dim), b = centre(r->y + i * dim, e->text.mean, dim);
    sums[SUM_A] += a;
    sums[SUM_B] += b;
    sums[SUM_AB] += a * b;
    sums[SUM_AA] += a * a;
    sums[SUM_BB] += b * b;
  }
  cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)dim, (int)dim, (int)rows, 1.0, r->x + first * dim, (int)dim,
              r->y + first * dim, (int)dim, 0.0, moment, (int)dim);
#pragma omp critical(cgap_cross_moment)
  cgap_exact_sums_add(&r->total, 0, moment, size);
}

static cgap_status add_runs(runs *r, int threads, cgap_error *error)
{
  const cgap_embeddings *e = r->embeddings;
  for (size_t i = 0; i < r->rows; i++)
    r->text[i] = e->pairs.text[e->pairs.first[r->first + i]];
  cgap_status status = cgap_modality_rows_fetch(&e->image, NULL, r->first, r->rows, threads, r->x, error);
  if (!status)
    status = cgap_modality_rows_fetch(&e->text, r->text, 0, r->rows, threads, r->y, error);
#pragma omp parallel for schedule(static) num_threads(threads) if (!status)
  for (size_t run = 0; run < (status ? 0 : (r->rows + r->run_rows - 1) / r->run_rows); run++)
    sum_run(r, run);
  return status;
}

static cgap_status runs_init(runs *r, int threads, cgap_error *error)
{
  const size_t dim = r->embeddings->image.dim, rows = (size_t)threads * r->run_rows, size = dim * dim + NORM_SUMS;
  r->text = cgap_alloc(rows, sizeof *r->text);
  r->x = cgap_alloc(rows * dim, sizeof *r->x);
  r->y = cgap_alloc(rows * dim, sizeof *r->y);
  r->moment = cgap_alloc((size_t)threads * size, sizeof *r->moment);
  /* rows are unit rows less their mean, so their norms are at most 2 */
  if (r->text && r->x && r->y && r->moment && cgap_exact_sums_init(&r->total, size, 16 * (double)r->run_rows))
    return CGAP_OK;
  return cgap_fail(error, CGAP_RESOURCE, "out of memory for the moment of %zu dimensions", dim);
}

static void runs_clear(runs *r)
{
  cgap_free(r->text);
  cgap_free(r->x);
  cgap_free(r->y);
  cgap_free(r->moment);
  cgap_exact_sums_clear(&r->total);
}

static void finish(cgap_agreement_sums *out, const runs *r, double *moment)
{
  const size_t dim = r->embeddings->image.dim, size = dim * dim + NORM_SUMS;
  const double *sums = moment + dim * dim;
  cgap_exact_sums_values(&r->total, 0, size, moment);
  *out = (cgap_agreement_sums){.image = sums[SUM_A],
                               .text = sums[SUM_B],
                               .product = sums[SUM_AB],
                               .image_fourth = sums[SUM_AA],
                               .text_fourth = sums[SUM_BB]};
  for (size_t k = 0; k < dim * dim; k++)
    out->cross_square += moment[k] * moment[k];
}

cgap_status cgap_cross_moment_run(cgap_agreement_sums *out, const cgap_embeddings *e, cgap_comm *comm, int threads,
                                  cgap_error *error)
{
  const cgap_rank_rows own = cgap_rank_rows_own(comm, e->image.rows);
  const int blas_threads = cgap_blas_single();
  runs r = {.embeddings = e, .run_rows = cgap_second_moment_run_rows(e->image.dim)};
  cgap_status status = runs_init(&r, threads, error);
  for (r.first = own.first; !status && r.first < own.end; r.first += r.rows) {
    const size_t most = (size_t)threads * r.run_rows;
    r.rows = own.end - r.first < most ? own.end - r.first : most;
    status = add_runs(&r, threads, error);
  }
  if (!status)
    status = cgap_exact_sums_reduce(&r.total, comm, error);
  if (!status)
    finish(out, &r, r.moment);
  runs_clear(&r);
  cgap_blas_restore(blas_threads);
  return status;
}
