#include "rows/row_sums.h"

#include "base/memory.h"
#include "base/threads.h"
#include "rows/row_blocks.h"
#include "simd/kernels.h"

#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <string.h>

/* ---------------------------------------------------------------- exact sums */

enum { DIGIT = 31 };

bool cgap_exact_sums_init(cgap_exact_sums *out, size_t count, double bound)
{
  int exponent = 0;
  (void)frexp(bound, &exponent);
  *out = (cgap_exact_sums){.count = count, .exponent = exponent};
  out->high = cgap_zalloc(2 * count, sizeof *out->high);
  out->low = out->high ? out->high + count : NULL;
  return out->high != NULL;
}

void cgap_exact_sums_clear(cgap_exact_sums *sums)
{
  cgap_free(sums->high);
  *sums = (cgap_exact_sums){0};
}

void cgap_exact_sums_zero(cgap_exact_sums *sums)
{
  memset(sums->high, 0, 2 * sums->count * sizeof *sums->high);
}

void cgap_exact_sums_add(cgap_exact_sums *sums, size_t first, const double *values, size_t n)
{
  cgap_audit_kernels_here()->add_exact(values, n, ldexp(1, DIGIT - sums->exponent), (uint64_t *)sums->high + first,
                                       (uint64_t *)sums->low + first);
}

cgap_status cgap_exact_sums_reduce(cgap_exact_sums *sums, cgap_comm *comm, cgap_error *error)
{
  return cgap_comm_sum(comm, sums->high, 2 * sums->count, CGAP_COMM_U64, error);
}

/* The low integer's carry goes to the high one, so that equal sums have equal parts, however they came about. */
void cgap_exact_sums_values(const cgap_exact_sums *sums, size_t first, size_t n, double *out)
{
  const double unit = ldexp(1, sums->exponent - DIGIT), small = ldexp(1, sums->exponent - 2 * DIGIT);
  for (size_t k = 0; k < n; k++) {
    const int64_t half = INT64_C(1) << (DIGIT - 1), low = sums->low[first + k] + half;
    const int64_t carry = low >> DIGIT, rest = low - carry * (INT64_C(1) << DIGIT) - half;
    out[k] = (double)(sums->high[first + k] + carry) * unit + (double)rest * small;
  }
}

/* ---------------------------------------------------------------- second moments */

enum { RUN_ROWS_MIN = CGAP_MOMENT_RUN_ROWS_MIN, RUN_ROWS_MAX = 1024, PRODUCT_ROWS = 8 * CGAP_MOMENT_SLICE, BAND = 64 };

size_t cgap_second_moment_run_rows(size_t dim)
{
  size_t rows = RUN_ROWS_MAX;
  while (rows > RUN_ROWS_MIN && rows * dim > (size_t)1 << 20)
    rows /= 2;
  return rows;
}

/* Σ z zᵀ (dim, dim), Σ z (dim), and the rows of one product. */
size_t cgap_second_moment_scratch(size_t dim)
{
  return (dim + 1 + PRODUCT_ROWS) * dim;
}

/* Where row i of the upper triangle begins in the total; the sums follow as row dim. */
static size_t row_start(size_t dim, size_t i)
{
  return i * dim - i * (i - (i > 0)) / 2;
}

cgap_status cgap_second_moment_init(cgap_second_moment *out, size_t dim, double bound, int threads, cgap_error *error)
{
  *out = (cgap_second_moment){.dim = dim, .threads = threads};
  const bool ok = cgap_exact_sums_init(&out->total, row_start(dim, dim) + dim, bound);
  out->scratch = cgap_alloc((size_t)threads * cgap_second_moment_scratch(dim), sizeof *out->scratch);
  if (ok && out->scratch)
    return CGAP_OK;
  return cgap_fail(error, CGAP_RESOURCE, "out of memory for second moments of %zu dimensions", dim);
}

void cgap_second_moment_clear(cgap_second_moment *m)
{
  cgap_exact_sums_clear(&m->total);
  cgap_free(m->scratch);
  *m = (cgap_second_moment){0};
}

cgap_moment_run cgap_moment_run_begin(cgap_second_moment *m)
{
  const size_t dim = m->dim;
  double *own = m->scratch + (size_t)omp_get_thread_num() * cgap_second_moment_scratch(dim);
  memset(own + dim * dim, 0, dim * sizeof *own);
  return (cgap_moment_run){.moment = m, .square = own, .sum = own + dim * dim, .rows = own + (dim + 1) * dim};
}

/* Four rows at a time, in their order. */
static void add_to_sum(double *sum, const double *rows, size_t n, size_t dim)
{
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const double *a = rows + i * dim, *b = a + dim, *c = b + dim, *d = c + dim;
    for (size_t k = 0; k < dim; k++)
      sum[k] = sum[k] + a[k] + b[k] + c[k] + d[k];
  }
  for (; i < n; i++)
    for (size_t k = 0; k < dim; k++)
      sum[k] += rows[i * dim + k];
}

static void add_products(cgap_moment_run *run, const double *rows, size_t n)
{
  const int dim = (int)run->moment->dim;
  if (n > 0)
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, dim, (int)n, 1.0, rows, dim, run->added ? 1.0 : 0.0, run->square,
                dim);
  run->added += n;
  run->held = 0;
}

double *cgap_moment_run_rows(cgap_moment_run *run)
{
  return run->rows + run->held * run->moment->dim;
}

void cgap_moment_run_add(cgap_moment_run *run, size_t rows)
{
  add_to_sum(run->sum, cgap_moment_run_rows(run), rows, run->moment->dim);
  run->held += rows;
  if (run->held + CGAP_MOMENT_SLICE > PRODUCT_ROWS)
    add_products(run, run->rows, run->held);
}

void cgap_moment_run_end(cgap_moment_run *run)
{
  const size_t dim = run->moment->dim;
  add_products(run, run->rows, run->held);
  if (run->added == 0)
    return;
#pragma omp critical(cgap_second_moment)
  {
    for (size_t i = 0; i < dim; i++)
      cgap_exact_sums_add(&run->moment->total, row_start(dim, i), run->square + i * dim + i, dim - i);
    cgap_exact_sums_add(&run->moment->total, row_start(dim, dim), run->sum, dim);
  }
}

void cgap_second_moment_add(cgap_second_moment *m, const double *rows, const size_t *start, size_t runs)
{
#pragma omp parallel for schedule(dynamic, 1) num_threads(m->threads)
  for (size_t r = 0; r < runs; r++) {
    cgap_moment_run run = cgap_moment_run_begin(m);
    for (size_t i = start[r]; i < start[r + 1]; i += PRODUCT_ROWS) {
      const size_t n = cgap_lesser(PRODUCT_ROWS, start[r + 1] - i);
      add_to_sum(run.sum, rows + i * m->dim, n, m->dim);
      add_products(&run, rows + i * m->dim, n);
    }
    cgap_moment_run_end(&run);
  }
}

/* Rows [first, first + BAND) of the upper triangle. */
static void finish_band(const cgap_second_moment *m, size_t first, double scale, double *moment)
{
  const size_t dim = m->dim;
  for (size_t i = first; i < first + BAND && i < dim; i++) {
    double *row = moment + i * dim;
    cgap_exact_sums_values(&m->total, row_start(dim, i), dim - i, row + i);
    for (size_t j = i; j < dim; j++)
      row[j] *= scale;
  }
}

/* The lower triangle's rows [first, first + BAND), from the upper one, band by band of it. */
static void mirror_band(size_t dim, size_t first, double *moment)
{
  for (size_t from = 0; from <= first; from += BAND)
    for (size_t i = first; i < first + BAND && i < dim; i++)
      for (size_t j = from; j < from + BAND && j < i; j++)
        moment[i * dim + j] = moment[j * dim + i];
}

cgap_status cgap_second_moment_finish(cgap_second_moment *m, cgap_comm *comm, double scale, double *moment, double *sum,
                                      cgap_error *error)
{
  const size_t dim = m->dim;
  cgap_status status = cgap_exact_sums_reduce(&m->total, comm, error);
  if (status)
    return status;
#pragma omp parallel num_threads(m->threads)
  {
#pragma omp for schedule(dynamic, 1)
    for (size_t i = 0; i < dim; i += BAND)
      finish_band(m, i, scale, moment);
#pragma omp for schedule(dynamic, 1)
    for (size_t i = 0; i < dim; i += BAND)
      mirror_band(dim, i, moment);
  }
  if (sum)
    cgap_exact_sums_values(&m->total, row_start(dim, dim), dim, sum);
  return CGAP_OK;
}

/* ---------------------------------------------------------------- scores */

enum { SCORED_ROWS = 256, SCORE_BLOCK_ROWS = 32, RUN = CGAP_TILE, BLOCK_ROWS = 16 * RUN };
#define SUM_MAX 4503599627370496.0 /* 2^52 */

cgap_status cgap_row_scores_run(const cgap_modality_rows *modality, cgap_rank_rows range, const double *vectors,
                                size_t count, int threads, cgap_row_scores_visit visit, void *context,
                                cgap_error *error)
{
  const size_t dim = modality->dim, block = SCORED_ROWS * (size_t)threads;
  const int blas_threads = cgap_blas_single();
  double *rows = cgap_alloc(block * dim, sizeof *rows), *scores = cgap_alloc(block * count, sizeof *scores);
  cgap_status status = CGAP_OK;
  if (!rows || !scores)
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for scores of %zu rows against %zu vectors", block, count);
  for (size_t first = range.first; !status && first < range.end; first += block) {
    const size_t n = cgap_lesser(block, range.end - first);
    status = cgap_modality_rows_fetch(modality, NULL, first, n, threads, rows, error);
    if (status)
      break;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t b = 0; b < n; b += SCORED_ROWS)
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)cgap_lesser(SCORED_ROWS, n - b), (int)count, (int)dim,
                  1.0, rows + b * dim, (int)dim, vectors, (int)dim, 0.0, scores + b * count, (int)count);
    visit(context, first, n, rows, scores);
  }
  cgap_free(rows);
  cgap_free(scores);
  cgap_blas_restore(blas_threads);
  return status;
}

/* What a thread works in, in double. */
typedef struct thread_scratch {
  double *rows, *lanes;  /* (SCORE_BLOCK_ROWS, dim), (SCORE_BLOCK_ROWS, CGAP_SCORE_VECTORS) */
  double *gradient;      /* of one run: (dim, CGAP_SCORE_VECTORS) */
  double *scores, *sums; /* (SCORE_BLOCK_ROWS, count); of one run */
} thread_scratch;

typedef struct gradient_job {
  const cgap_audit_kernels *kernels;
  const double *weights; /* (dim, CGAP_SCORE_VECTORS), lanes beyond count 0 */
  cgap_gradient *out;
  cgap_residual residual;
  void *context;
  double *scratch; /* of each thread: scratch_doubles */
} gradient_job;

/* A multiple of a cache line. */
static size_t scratch_doubles(const cgap_gradient *g)
{
  return SCORE_BLOCK_ROWS * (g->dim + CGAP_SCORE_VECTORS + g->count) + g->dim * CGAP_SCORE_VECTORS +
         (g->whole.count + 7) / 8 * 8;
}

static thread_scratch scratch_of_thread(const gradient_job *job)
{
  const size_t dim = job->out->dim;
  thread_scratch own = {.rows = job->scratch + (size_t)omp_get_thread_num() * scratch_doubles(job->out)};
  own.lanes = own.rows + SCORE_BLOCK_ROWS * dim;
  own.gradient = own.lanes + SCORE_BLOCK_ROWS * CGAP_SCORE_VECTORS;
  own.scores = own.gradient + dim * CGAP_SCORE_VECTORS;
  own.sums = own.scores + SCORE_BLOCK_ROWS * job->out->count;
  return own;
}

/* One run of rows, in blocks that stay in the cache between the product forward and the one back. */
static void gradient_run(const gradient_job *job, const cgap_row_block *block, size_t first, size_t rows,
                         const thread_scratch *own)
{
  const size_t dim = block->modality->dim, count = job->out->count;
  memset(own->gradient, 0, dim * CGAP_SCORE_VECTORS * sizeof *own->gradient);
  memset(own->sums, 0, job->out->whole.count * sizeof *own->sums);
  for (size_t b = first; b < first + rows; b += SCORE_BLOCK_ROWS) {
    const float *z = block->unit + b * dim;
    const size_t n = cgap_lesser(SCORE_BLOCK_ROWS, first + rows - b);
    job->kernels->widen(z, n * dim, 1, own->rows);
    job->kernels->vector_scores(own->rows, n, dim, job->weights, own->lanes);
    for (size_t i = 0; i < n; i++)
      memcpy(own->scores + i * count, own->lanes + i * CGAP_SCORE_VECTORS, count * sizeof *own->scores);
    job->residual(job->context, block->first + b, n, own->scores, own->sums);
    for (size_t i = 0; i < n; i++)
      memcpy(own->lanes + i * CGAP_SCORE_VECTORS, own->scores + i * count, count * sizeof *own->scores);
    job->kernels->vector_gradient(own->rows, n, dim, own->lanes, own->gradient);
  }
}

/* The bound of a sum is not known: its whole part and its fraction are added in two formats. */
static void add_sums(cgap_gradient *out, const double *sums)
{
  for (size_t k = 0; k < out->whole.count; k++) {
    const double sum = fmin(fmax(sums[k], -SUM_MAX), SUM_MAX), whole = floor(sum), remainder = sum - whole;
    cgap_exact_sums_add(&out->whole, k, &whole, 1);
    cgap_exact_sums_add(&out->remainder, k, &remainder, 1);
  }
}

/* The runs of a block, each with a gradient of its own, added in fixed point. */
static void gradient_block(const gradient_job *job, const cgap_row_block *block, int threads)
{
  const size_t runs = (block->rows + RUN - 1) / RUN;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (size_t r = 0; r < runs; r++) {
    const thread_scratch own = scratch_of_thread(job);
    gradient_run(job, block, r * RUN, cgap_lesser(RUN, block->rows - r * RUN), &own);
#pragma omp critical(cgap_gradient)
    {
      cgap_exact_sums_add(&job->out->lanes, 0, own.gradient, job->out->dim * CGAP_SCORE_VECTORS);
      add_sums(job->out, own.sums);
    }
  }
}

/* (count, dim) as (dim, CGAP_SCORE_VECTORS); NULL: out of memory */
static double *in_columns(const double *vectors, size_t count, size_t dim)
{
  double *out = cgap_zalloc(dim * CGAP_SCORE_VECTORS, sizeof *out);
  for (size_t k = 0; out && k < count; k++)
    for (size_t a = 0; a < dim; a++)
      out[a * CGAP_SCORE_VECTORS + k] = vectors[k * dim + a];
  return out;
}

cgap_status cgap_gradient_init(cgap_gradient *out, size_t dim, size_t count, size_t sums, cgap_error *error)
{
  *out = (cgap_gradient){.dim = dim, .count = count};
  if (cgap_exact_sums_init(&out->lanes, dim * CGAP_SCORE_VECTORS, RUN) &&
      cgap_exact_sums_init(&out->whole, sums, SUM_MAX) && cgap_exact_sums_init(&out->remainder, sums, 1))
    return CGAP_OK;
  cgap_gradient_clear(out);
  return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu gradients of %zu", count, dim);
}

void cgap_gradient_clear(cgap_gradient *g)
{
  cgap_exact_sums_clear(&g->lanes);
  cgap_exact_sums_clear(&g->whole);
  cgap_exact_sums_clear(&g->remainder);
  *g = (cgap_gradient){0};
}

cgap_status cgap_row_scores_gradient(cgap_gradient *out, const cgap_modality_rows *modality, cgap_rank_rows range,
                                     const double *weights, int threads, cgap_residual residual, void *context,
                                     cgap_error *error)
{
  const size_t step = modality->unit ? modality->rows : BLOCK_ROWS, count = out->count;
  cgap_row_block block = {0};
  double *lanes = in_columns(weights, count, modality->dim);
  double *scratch = cgap_zalloc((size_t)threads * scratch_doubles(out), sizeof *scratch);
  const gradient_job job = {cgap_audit_kernels_here(), lanes, out, residual, context, scratch};
  cgap_status status = CGAP_OK;
  if (!lanes || !scratch)
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu gradients of %zu", count, modality->dim);
  for (size_t first = range.first; !status && first < range.end; first += step) {
    status = cgap_row_block_load(&block, modality, first, cgap_lesser(step, range.end - first), error);
    if (!status)
      gradient_block(&job, &block, threads);
  }
  cgap_row_block_clear(&block);
  cgap_free(lanes);
  cgap_free(scratch);
  return status;
}

cgap_status cgap_gradient_finish(cgap_gradient *g, cgap_comm *comm, double *gradient, double *sums, cgap_error *error)
{
  cgap_exact_sums *const all[] = {&g->lanes, &g->whole, &g->remainder};
  cgap_status status = CGAP_OK;
  for (size_t k = 0; !status && k < sizeof all / sizeof *all; k++)
    status = cgap_exact_sums_reduce(all[k], comm, error);
  for (size_t a = 0; !status && a < g->dim; a++) {
    double lanes[CGAP_SCORE_VECTORS];
    cgap_exact_sums_values(&g->lanes, a * CGAP_SCORE_VECTORS, CGAP_SCORE_VECTORS, lanes);
    for (size_t k = 0; k < g->count; k++)
      gradient[k * g->dim + a] = lanes[k];
  }
  for (size_t k = 0; !status && k < g->whole.count; k++) {
    double remainder;
    cgap_exact_sums_values(&g->whole, k, 1, &sums[k]);
    cgap_exact_sums_values(&g->remainder, k, 1, &remainder);
    sums[k] += remainder;
  }
  for (size_t k = 0; k < sizeof all / sizeof *all; k++)
    cgap_exact_sums_zero(all[k]);
  return status;
}
