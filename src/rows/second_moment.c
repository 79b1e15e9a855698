#include "rows/second_moment.h"

#include "base/memory.h"
#include "simd/audit_kernels.h"

#include <cblas.h>
#include <omp.h>
#include <string.h>

enum { RUN_ROWS_MIN = CGAP_MOMENT_RUN_ROWS_MIN, RUN_ROWS_MAX = 1024, SLICE = 16, BAND = 64 };

size_t cgap_second_moment_run_rows(size_t dim)
{
  size_t rows = RUN_ROWS_MAX;
  while (rows > RUN_ROWS_MIN && rows * dim > (size_t)1 << 20)
    rows /= 2;
  return rows;
}

cgap_status cgap_second_moment_init(cgap_second_moment *out, size_t dim, double bound, cgap_error *error)
{
  *out = (cgap_second_moment){.dim = dim};
  if (cgap_exact_sums_init(&out->total, (dim + 1) * dim, bound))
    return CGAP_OK;
  return cgap_fail(error, CGAP_RESOURCE, "no memory for second moments of %zu dimensions", dim);
}

void cgap_second_moment_clear(cgap_second_moment *m)
{
  cgap_exact_sums_clear(&m->total);
  cgap_free(m->scratch);
  *m = (cgap_second_moment){0};
}

/* sum += Σ z, four rows at a time, in their order. */
static void add_rows(double *sum, const double *rows, size_t n, size_t dim)
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

/* What a thread works in. */
typedef struct thread_place {
  double *own;     /* (dim + 1, dim): Σ z zᵀ, and below it Σ z */
  double *scratch; /* (cgap_second_moment_run_rows(dim), dim) */
} thread_place;

/* Rows are summed while they are in the nearest cache. */
static void moment_of_run(const thread_place *p, const cgap_second_moment_work *work, size_t first, size_t n,
                          size_t dim)
{
  double *sum = p->own + dim * dim;
  const double *rows = NULL;
  memset(sum, 0, dim * sizeof *sum);
  for (size_t i = 0; i < n; i += SLICE) {
    const size_t here = n - i < SLICE ? n - i : SLICE;
    const double *slice = work->make(work->context, first + i, here, p->scratch + i * dim);
    rows = rows ? rows : slice;
    add_rows(sum, slice, here, dim);
  }
  cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)dim, (int)n, 1.0, rows, (int)dim, 0.0, p->own, (int)dim);
}

static size_t place_size(size_t dim)
{
  return (dim + 1 + cgap_second_moment_run_rows(dim)) * dim;
}

/* The threads' places stay from call to call: fresh memory costs as much as the sums. */
static bool reserve_scratch(cgap_second_moment *m, int threads)
{
  if (m->threads >= threads)
    return true;
  cgap_free(m->scratch);
  m->scratch = cgap_alloc((size_t)threads * place_size(m->dim), sizeof *m->scratch);
  m->threads = m->scratch ? threads : 0;
  return m->scratch != NULL;
}

static void do_item(cgap_second_moment *m, const cgap_second_moment_work *work, size_t item, const thread_place *p)
{
  const size_t dim = m->dim;
  if (item >= work->runs) {
    work->more(work->context, item - work->runs);
    return;
  }
  const size_t first = work->start[item], rows = work->start[item + 1] - first;
  if (rows == 0)
    return;
  moment_of_run(p, work, first, rows, dim);
#pragma omp critical(cgap_second_moment)
  for (size_t i = 0; i <= dim; i++) /* the row below the triangle is the sum */
    cgap_exact_sums_add(&m->total, i * dim + i % dim, p->own + i * dim + i % dim, dim - i % dim);
}

cgap_status cgap_second_moment_make(cgap_second_moment *m, const cgap_second_moment_work *work, int threads,
                                    cgap_error *error)
{
  const size_t dim = m->dim;
  if (!reserve_scratch(m, threads))
    return cgap_fail(error, CGAP_RESOURCE, "no memory for second moments of %zu dimensions", dim);
#pragma omp parallel num_threads(threads)
  {
    double *own = m->scratch + (size_t)omp_get_thread_num() * place_size(dim);
    const thread_place p = {.own = own, .scratch = own + (dim + 1) * dim};
#pragma omp for schedule(dynamic, 1)
    for (size_t item = 0; item < work->runs + work->pieces; item++)
      do_item(m, work, item, &p);
  }
  return CGAP_OK;
}

typedef struct rows_in_memory {
  const double *rows;
  size_t dim;
} rows_in_memory;

static const double *given_block(void *context, size_t first, size_t rows, double *scratch)
{
  const rows_in_memory *g = context;
  (void)rows;
  (void)scratch;
  return g->rows + first * g->dim;
}

cgap_status cgap_second_moment_add(cgap_second_moment *m, const double *rows, const size_t *start, size_t runs,
                                   int threads, cgap_error *error)
{
  rows_in_memory given = {rows, m->dim};
  const cgap_second_moment_work work = {.make = given_block, .context = &given, .start = start, .runs = runs};
  return cgap_second_moment_make(m, &work, threads, error);
}

/* Rows [first, first + BAND) of the upper triangle. */
static void finish_band(const cgap_second_moment *m, size_t first, double scale, double *moment)
{
  const size_t dim = m->dim;
  for (size_t i = first; i < first + BAND && i < dim; i++) {
    double *row = moment + i * dim;
    cgap_exact_sums_values(&m->total, i * dim + i, dim - i, row + i);
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
  const int threads = m->threads > 0 ? m->threads : 1;
  cgap_status status = cgap_exact_sums_reduce(&m->total, comm, error);
  if (status)
    return status;
#pragma omp parallel num_threads(threads)
  {
#pragma omp for schedule(dynamic, 1)
    for (size_t i = 0; i < dim; i += BAND)
      finish_band(m, i, scale, moment);
#pragma omp for schedule(dynamic, 1)
    for (size_t i = 0; i < dim; i += BAND)
      mirror_band(dim, i, moment);
  }
  if (sum)
    cgap_exact_sums_values(&m->total, dim * dim, dim, sum);
  return CGAP_OK;
}
