#include "engine/panel.h"

#include "analysis/kernels.h"
#include "memory.h"

#include <string.h>

enum { PIECE = 256 };

void cgap_to_float(cgap_type type, const void *raw, size_t n, float *out)
{
  const cgap_kernels *kernels = cgap_kernels_here();
  switch (type) {
  case CGAP_FLOAT16:
    kernels->from_half(raw, n, out);
    break;
  case CGAP_BFLOAT16:
    kernels->from_bfloat(raw, n, out);
    break;
  case CGAP_FLOAT32:
    memcpy(out, raw, n * sizeof *out);
    break;
  case CGAP_FLOAT64:
    for (size_t i = 0; i < n; i++)
      out[i] = (float)((const double *)raw)[i];
    break;
  }
}

void cgap_to_double(cgap_type type, const void *raw, size_t n, double *out)
{
  if (type == CGAP_FLOAT64) {
    memcpy(out, raw, n * sizeof *out);
    return;
  }
  for (size_t done = 0; done < n; done += PIECE) {
    float piece[PIECE];
    size_t count = n - done < PIECE ? n - done : PIECE;
    cgap_to_float(type, (const unsigned char *)raw + done * cgap_type_size(type), count, piece);
    for (size_t i = 0; i < count; i++)
      out[done + i] = (double)piece[i];
  }
}

double cgap_dot(const double *a, const double *b, size_t n)
{
  double total = 0;
#pragma omp simd reduction(+ : total)
  for (size_t k = 0; k < n; k++)
    total += a[k] * b[k];
  return total;
}

double cgap_raw_dot(cgap_type a_type, const void *a, double a_scale, cgap_type b_type, const void *b, double b_scale,
                    size_t dim)
{
  double total = 0;
  for (size_t done = 0; done < dim; done += PIECE) {
    double x[PIECE], y[PIECE];
    size_t count = dim - done < PIECE ? dim - done : PIECE;
    cgap_to_double(a_type, (const unsigned char *)a + done * cgap_type_size(a_type), count, x);
    cgap_to_double(b_type, (const unsigned char *)b + done * cgap_type_size(b_type), count, y);
    for (size_t i = 0; i < count; i++) { /* scaled first: products of huge or tiny values would not be finite */
      x[i] *= a_scale;
      y[i] *= b_scale;
    }
    total += cgap_dot(x, y, count);
  }
  return total;
}

static void normalise(cgap_type type, const unsigned char *raw, double inverse_norm, size_t dim, double *scratch,
                      float *unit)
{
  cgap_to_double(type, raw, dim, scratch);
  for (size_t k = 0; k < dim; k++)
    unit[k] = (float)(scratch[k] * inverse_norm);
}

/* Reads kept rows [first, first + rows) into out, leaving out the rows between that were dropped. */
static cgap_status read_kept(const cgap_side *side, size_t first, size_t rows, unsigned char *out, cgap_error *error)
{
  const size_t row_bytes = side->dim * cgap_type_size(side->source->type);
  for (size_t done = 0; done < rows;) {
    size_t start = side->file_row[first + done], run = 1;
    while (done + run < rows && side->file_row[first + done + run] == start + run)
      run++;
    cgap_status status = side->source->read(side->source, start, run, out + done * row_bytes, error);
    if (status)
      return status;
    done += run;
  }
  return CGAP_OK;
}

static cgap_status reserve(cgap_panel *panel, size_t rows, cgap_error *error)
{
  const cgap_side *side = panel->side;
  if (rows <= panel->capacity)
    return CGAP_OK;
  cgap_free(panel->own_unit);
  cgap_free(panel->own_raw);
  panel->capacity = rows;
  panel->own_unit = cgap_alloc(rows, side->dim * sizeof(float));
  panel->own_raw = cgap_alloc(rows, side->dim * sizeof(double)); /* fits either side's type */
  if (!panel->own_unit || !panel->own_raw)
    return cgap_fail(error, CGAP_RESOURCE, "%s: no memory for %zu rows of %zu", side->source->name, rows, side->dim);
  return CGAP_OK;
}

cgap_status cgap_panel_load(cgap_panel *panel, const cgap_side *side, size_t first, size_t rows, cgap_error *error)
{
  const size_t dim = side->dim, row_bytes = dim * cgap_type_size(side->source->type);
  panel->side = side;
  panel->first = first;
  panel->rows = rows;
  if (side->unit) {
    panel->unit = side->unit + first * dim;
    panel->raw = side->raw + first * row_bytes;
    return CGAP_OK;
  }
  cgap_status status = reserve(panel, rows, error);
  if (!status)
    status = read_kept(side, first, rows, panel->own_raw, error);
  double *scratch = status ? NULL : cgap_alloc(dim, sizeof *scratch);
  if (!status && !scratch)
    status = cgap_fail(error, CGAP_RESOURCE, "no memory for a row of %zu", dim);
  if (!status)
    for (size_t i = 0; i < rows; i++)
      normalise(side->source->type, panel->own_raw + i * row_bytes, side->inverse_norm[first + i], dim, scratch,
                panel->own_unit + i * dim);
  cgap_free(scratch);
  panel->unit = panel->own_unit;
  panel->raw = panel->own_raw;
  return status;
}

void cgap_panel_clear(cgap_panel *panel)
{
  cgap_free(panel->own_unit);
  cgap_free(panel->own_raw);
  *panel = (cgap_panel){0};
}

cgap_status cgap_side_fetch(const cgap_side *side, const size_t *rows, size_t first, size_t count, int threads,
                            double *out, cgap_error *error)
{
  const size_t dim = side->dim, row_bytes = dim * cgap_type_size(side->source->type);
  unsigned char *buffer = side->raw ? NULL : cgap_alloc(count, row_bytes);
  cgap_status status = CGAP_OK;
  if (!side->raw && !buffer)
    return cgap_fail(error, CGAP_RESOURCE, "%s: no memory for %zu rows of %zu", side->source->name, count, dim);
  if (!side->raw && !rows)
    status = read_kept(side, first, count, buffer, error);
  for (size_t i = 0; !status && !side->raw && rows && i < count; i++)
    status = side->source->read(side->source, side->file_row[rows[i]], 1, buffer + i * row_bytes, error);
  if (status)
    count = 0;
#pragma omp parallel for schedule(static) num_threads(threads)
  for (size_t i = 0; i < count; i++) {
    const size_t row = rows ? rows[i] : first + i;
    const unsigned char *raw = side->raw ? side->raw + row * row_bytes : buffer + i * row_bytes;
    cgap_to_double(side->source->type, raw, dim, out + i * dim);
    for (size_t k = 0; k < dim; k++)
      out[i * dim + k] *= side->inverse_norm[row];
  }
  cgap_free(buffer);
  return status;
}
