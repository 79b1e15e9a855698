#include "engine/moment.h"

#include "analysis/kernels.h"
#include "memory.h"

#include <cblas.h>
#include <string.h>

enum { LEAST_RUN = CGAP_MOMENT_LEAST_RUN, MOST_RUN = 1024, SLICE = 16 };

size_t cgap_moment_run(size_t dim)
{
  size_t rows = MOST_RUN;
  while (rows > LEAST_RUN && rows * dim > (size_t)1 << 20)
    rows /= 2;
  return rows;
}

cgap_status cgap_moment_init(cgap_moment *out, size_t dim, double bound, cgap_error *error)
{
  *out = (cgap_moment){.dim = dim};
  if (cgap_wide_init(&out->total, (dim + 1) * dim, bound))
    return CGAP_OK;
  return cgap_fail(error, CGAP_RESOURCE, "no memory for second moments of %zu dimensions", dim);
}

void cgap_moment_clear(cgap_moment *m)
{
  cgap_wide_clear(&m->total);
  *m = (cgap_moment){0};
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
typedef struct place {
  double *own;  /* (dim + 1, dim): Σ z zᵀ, and below it Σ z */
  double *room; /* (cgap_moment_run(dim), dim) */
} place;

/* Rows are summed while they are in the nearest cache. */
static void moment_of_run(const place *p, const cgap_moment_work *work, size_t first, size_t n, size_t dim)
{
  double *sum = p->own + dim * dim;
  const double *rows = NULL;
  memset(sum, 0, dim * sizeof *sum);
  for (size_t i = 0; i < n; i += SLICE) {
    const size_t here = n - i < SLICE ? n - i : SLICE;
    const double *slice = work->make(work->context, first + i, here, p->room + i * dim);
    rows = rows ? rows : slice;
    add_rows(sum, slice, here, dim);
  }
  cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)dim, (int)n, 1.0, rows, (int)dim, 0.0, p->own, (int)dim);
}

static void do_item(cgap_moment *m, const cgap_moment_work *work, size_t item, const place *p)
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
#pragma omp critical(cgap_moment)
  for (size_t i = 0; i <= dim; i++) /* the row below the triangle is the sum */
    cgap_wide_add(&m->total, i * dim + i % dim, p->own + i * dim + i % dim, dim - i % dim);
}

cgap_status cgap_moment_make(cgap_moment *m, const cgap_moment_work *work, int threads, cgap_error *error)
{
  const size_t dim = m->dim;
  bool out_of_memory = false;
#pragma omp parallel num_threads(threads)
  {
    place p = {.own = cgap_alloc((dim + 1) * dim, sizeof *p.own),
               .room = cgap_alloc(cgap_moment_run(dim) * dim, sizeof *p.room)};
    const bool ready = p.own && p.room;
    if (!ready) {
#pragma omp atomic write
      out_of_memory = true;
    }
#pragma omp for schedule(dynamic, 1)
    for (size_t item = 0; item < work->runs + work->pieces; item++)
      if (ready)
        do_item(m, work, item, &p);
    cgap_free(p.own);
    cgap_free(p.room);
  }
  return out_of_memory ? cgap_fail(error, CGAP_RESOURCE, "no memory for second moments of %zu dimensions", dim)
                       : CGAP_OK;
}

typedef struct given_rows {
  const double *rows;
  size_t dim;
} given_rows;

static const double *hand_out(void *context, size_t first, size_t rows, double *room)
{
  const given_rows *g = context;
  (void)rows;
  (void)room;
  return g->rows + first * g->dim;
}

cgap_status cgap_moment_add(cgap_moment *m, const double *rows, const size_t *start, size_t runs, int threads,
                            cgap_error *error)
{
  given_rows given = {rows, m->dim};
  const cgap_moment_work work = {.make = hand_out, .context = &given, .start = start, .runs = runs};
  return cgap_moment_make(m, &work, threads, error);
}

cgap_status cgap_moment_finish(cgap_moment *m, cgap_comm *ranks, double scale, double *moment, double *sum,
                               cgap_error *error)
{
  const size_t dim = m->dim;
  cgap_status status = cgap_wide_reduce(&m->total, ranks, error);
  if (status)
    return status;
  cgap_wide_values(&m->total, 0, dim * dim, moment);
  for (size_t i = 0; i < dim; i++)
    for (size_t j = 0; j <= i; j++) {
      const double value = moment[j * dim + i] * scale;
      moment[j * dim + i] = value;
      moment[i * dim + j] = value;
    }
  if (sum)
    cgap_wide_values(&m->total, dim * dim, dim, sum);
  return CGAP_OK;
}
