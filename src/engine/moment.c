#include "engine/moment.h"

#include "analysis/kernels.h"
#include "memory.h"

#include <cblas.h>
#include <string.h>

enum { LEAST_RUN = 256, MOST_RUN = 1024 };

size_t cgap_moment_run(size_t dim)
{
  size_t rows = MOST_RUN;
  while (rows > LEAST_RUN && rows * dim > (size_t)1 << 18)
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

/* own (dim + 1, dim): Σ z zᵀ, and below it Σ z. */
static void moment_of_run(double *own, const double *rows, size_t n, size_t dim)
{
  double *sum = own + dim * dim;
  cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)dim, (int)n, 1.0, rows, (int)dim, 0.0, own, (int)dim);
  memset(sum, 0, dim * sizeof *sum);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < dim; k++)
      sum[k] += rows[i * dim + k];
}

cgap_status cgap_moment_add(cgap_moment *m, const double *rows, const size_t *start, size_t runs, int threads,
                            cgap_error *error)
{
  const size_t dim = m->dim;
  bool out_of_memory = false;
#pragma omp parallel num_threads(threads)
  {
    double *own = cgap_alloc((dim + 1) * dim, sizeof *own);
    if (!own) {
#pragma omp atomic write
      out_of_memory = true;
    }
#pragma omp for schedule(dynamic, 1)
    for (size_t r = 0; r < runs; r++) {
      if (!own || start[r] == start[r + 1])
        continue;
      moment_of_run(own, rows + start[r] * dim, start[r + 1] - start[r], dim);
#pragma omp critical(cgap_moment)
      for (size_t i = 0; i <= dim; i++) /* the row below the triangle is the sum */
        cgap_wide_add(&m->total, i * dim + i % dim, own + i * dim + i % dim, dim - i % dim);
    }
    cgap_free(own);
  }
  return out_of_memory ? cgap_fail(error, CGAP_RESOURCE, "no memory for second moments of %zu dimensions", dim)
                       : CGAP_OK;
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
