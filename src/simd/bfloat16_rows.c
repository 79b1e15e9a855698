#include "simd/bfloat16_rows.h"

#include "base/memory.h"
#include "simd/audit_kernels.h"

#include <math.h>

size_t cgap_bfloat16_row_bytes(size_t dim)
{
  return dim * sizeof(uint16_t) + 3 * sizeof(float);
}

void cgap_bfloat16_rows_clear(cgap_bfloat16_rows *r)
{
  cgap_free(r->row);
  cgap_free(r->offset);
  cgap_free(r->norm);
  cgap_free(r->residual);
  *r = (cgap_bfloat16_rows){0};
}

static bool reserve_rows(cgap_bfloat16_rows *r, size_t rows, size_t dim)
{
  if (r->rows >= rows)
    return true;
  cgap_bfloat16_rows_clear(r);
  r->row = cgap_alloc(rows, dim * sizeof *r->row);
  r->offset = cgap_alloc(rows, sizeof *r->offset);
  r->norm = cgap_alloc(rows, sizeof *r->norm);
  r->residual = cgap_alloc(rows, sizeof *r->residual);
  r->rows = rows;
  return r->row && r->offset && r->norm && r->residual;
}

cgap_status cgap_bfloat16_rows_make(cgap_bfloat16_rows *out, const float *unit, size_t rows, size_t dim,
                                    const char *name, const double *mean, const double *other_mean, int threads,
                                    cgap_error *error)
{
  const cgap_audit_kernels *kernels = cgap_audit_kernels_here();
  float *centre = cgap_alloc(dim, sizeof *centre), *other = cgap_alloc(dim, sizeof *other);
  const bool ok = reserve_rows(out, rows, dim) && centre && other;
  for (size_t k = 0; ok && k < dim; k++) {
    centre[k] = (float)mean[k];
    other[k] = (float)other_mean[k];
  }
  const double both = ok ? kernels->dot(centre, other, dim) : 0;
  const float up = 1 + cgap_product_margin(dim); /* float sums of squares are good to that */
  out->product = cgap_product_margin(dim);
#pragma omp parallel for schedule(static) num_threads(threads) if (ok)
  for (size_t i = 0; i < (ok ? rows : 0); i++) {
    const float *x = unit + i * dim;
    float norm, rounded, residual;
    kernels->to_bfloat(x, centre, dim, out->row + i * dim, &norm, &rounded, &residual);
    out->offset[i] = (float)(kernels->dot(x, other, dim) - both / 2);
    out->norm[i] = up * sqrtf(fmaxf(norm, rounded));
    out->residual[i] = up * sqrtf(residual);
  }
  cgap_free(centre);
  cgap_free(other);
  return ok ? CGAP_OK
            : cgap_fail(error, CGAP_RESOURCE, "%s: no memory for %zu rows of %zu in bfloat16", name, rows, dim);
}
