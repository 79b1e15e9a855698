#include "rows/row_block.h"

#include "base/memory.h"
#include "base/norm.h"
#include "simd/audit_kernels.h"

#include <stdlib.h>
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

/* Only rows of doubles can be so short, or so long, that 1/‖row‖ is no normal double. */
static bool is_extreme(cgap_type type, double scale)
{
  return type == CGAP_FLOAT64 && !isnormal(scale);
}

void cgap_to_scaled(cgap_type type, const void *raw, size_t n, double scale, double *out)
{
  const cgap_kernels *kernels = cgap_kernels_here();
  if (is_extreme(type, scale)) {
    (void)cgap_normalise(out, raw, n);
    return;
  }
  if (type == CGAP_FLOAT16) {
    kernels->from_half_scaled(raw, n, scale, out);
    return;
  }
  for (size_t k = 0; type == CGAP_FLOAT64 && k < n; k++)
    out[k] = ((const double *)raw)[k] * scale;
  for (size_t done = 0; type != CGAP_FLOAT64 && done < n; done += PIECE) {
    float piece[PIECE];
    size_t count = n - done < PIECE ? n - done : PIECE;
    cgap_to_float(type, (const unsigned char *)raw + done * cgap_type_size(type), count, piece);
    kernels->widen(piece, count, scale, out + done);
  }
}

void cgap_to_double(cgap_type type, const void *raw, size_t n, double *out)
{
  cgap_to_scaled(type, raw, n, 1, out);
}

void cgap_to_unit(cgap_type type, const void *raw, size_t n, double scale, float *out)
{
  const cgap_kernels *kernels = cgap_kernels_here();
  const cgap_scale by = is_extreme(type, scale) ? cgap_scale_of(raw, n) : (cgap_scale){0, scale};
  for (size_t k = 0; type == CGAP_FLOAT64 && k < n; k++)
    out[k] = (float)cgap_scaled(((const double *)raw)[k], by);
  for (size_t done = 0; type != CGAP_FLOAT64 && done < n; done += PIECE) {
    float piece[PIECE];
    size_t count = n - done < PIECE ? n - done : PIECE;
    cgap_to_float(type, (const unsigned char *)raw + done * cgap_type_size(type), count, piece);
    kernels->rescale(piece, count, scale, out + done);
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

/* Values as floats: where they are, or put into room. */
static const float *as_floats(cgap_type type, const unsigned char *raw, size_t n, float *room)
{
  if (type == CGAP_FLOAT32)
    return (const float *)(const void *)raw;
  cgap_to_float(type, raw, n, room);
  return room;
}

/* Of values that floats hold: scaled in the end. */
static double dot_of_floats(cgap_type a_type, const unsigned char *a, cgap_type b_type, const unsigned char *b,
                            size_t dim)
{
  const cgap_kernels *kernels = cgap_kernels_here();
  const size_t a_size = cgap_type_size(a_type), b_size = cgap_type_size(b_type);
  const size_t step = a_type == CGAP_FLOAT32 && b_type == CGAP_FLOAT32 ? dim : PIECE;
  double total = 0;
  for (size_t done = 0; done < dim; done += step) {
    float x[PIECE], y[PIECE];
    const size_t count = dim - done < step ? dim - done : step;
    total += kernels->dot(as_floats(a_type, a + done * a_size, count, x),
                          as_floats(b_type, b + done * b_size, count, y), count);
  }
  return total;
}

double cgap_raw_dot(cgap_type a_type, const void *a, double a_scale, cgap_type b_type, const void *b, double b_scale,
                    size_t dim)
{
  if (a_type != CGAP_FLOAT64 && b_type != CGAP_FLOAT64)
    return dot_of_floats(a_type, a, b_type, b, dim) * a_scale * b_scale;
  const cgap_scale a_by = is_extreme(a_type, a_scale) ? cgap_scale_of(a, dim) : (cgap_scale){0, a_scale};
  const cgap_scale b_by = is_extreme(b_type, b_scale) ? cgap_scale_of(b, dim) : (cgap_scale){0, b_scale};
  double total = 0;
  for (size_t done = 0; done < dim; done += PIECE) {
    double x[PIECE], y[PIECE];
    const size_t count = dim - done < PIECE ? dim - done : PIECE;
    cgap_to_double(a_type, (const unsigned char *)a + done * cgap_type_size(a_type), count, x);
    cgap_to_double(b_type, (const unsigned char *)b + done * cgap_type_size(b_type), count, y);
    for (size_t i = 0; i < count; i++) { /* scaled first: products of huge or tiny values would not be finite */
      x[i] = cgap_scaled(x[i], a_by);
      y[i] = cgap_scaled(y[i], b_by);
    }
    total += cgap_dot(x, y, count);
  }
  return total;
}

cgap_status cgap_side_read(const cgap_side *side, size_t first, size_t rows, unsigned char *out, cgap_error *error)
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
  const size_t element = cgap_type_size(side->source->type);
  if (rows <= panel->capacity && element <= panel->element)
    return CGAP_OK;
  cgap_free(panel->own_unit);
  cgap_free(panel->own_raw);
  panel->capacity = rows;
  panel->element = element;
  panel->own_unit = cgap_alloc(rows, side->dim * sizeof(float));
  panel->own_raw = cgap_alloc(rows, side->dim * element);
  if (!panel->own_unit || !panel->own_raw)
    return cgap_fail(error, CGAP_RESOURCE, "%s: no memory for %zu rows of %zu", side->source->name, rows, side->dim);
  return CGAP_OK;
}

void cgap_side_normalise(const cgap_side *side, size_t first, size_t rows, const unsigned char *raw, float *unit,
                         int threads)
{
  const size_t dim = side->dim, row_bytes = dim * cgap_type_size(side->source->type);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
  for (size_t i = 0; i < rows; i++)
    cgap_to_unit(side->source->type, raw + i * row_bytes, dim, side->inverse_norm[first + i], unit + i * dim);
}

static bool holds(const cgap_side *side, size_t first, size_t rows)
{
  return side->unit && first >= side->own_first && first + rows <= side->own_first + side->own_rows;
}

cgap_status cgap_panel_load(cgap_panel *panel, const cgap_side *side, size_t first, size_t rows, cgap_error *error)
{
  const size_t dim = side->dim, row_bytes = dim * cgap_type_size(side->source->type);
  panel->side = side;
  panel->first = first;
  panel->rows = rows;
  if (holds(side, first, rows)) {
    panel->unit = side->unit + (first - side->own_first) * dim;
    panel->raw = side->raw + (first - side->own_first) * row_bytes;
    return CGAP_OK;
  }
  cgap_status status = reserve(panel, rows, error);
  if (!status)
    status = cgap_side_read(side, first, rows, panel->own_raw, error);
  if (!status)
    cgap_side_normalise(side, first, rows, panel->own_raw, panel->own_unit, 1);
  panel->unit = panel->own_unit;
  panel->raw = panel->own_raw;
  return status;
}

cgap_panel cgap_panel_view(const cgap_panel *panel)
{
  return (cgap_panel){
    .side = panel->side, .first = panel->first, .rows = panel->rows, .unit = panel->unit, .raw = panel->raw};
}

void cgap_panel_clear(cgap_panel *panel)
{
  cgap_free(panel->own_unit);
  cgap_free(panel->own_raw);
  *panel = (cgap_panel){0};
}

int cgap_wanted_by_row(const void *a, const void *b)
{
  const size_t x = ((const cgap_wanted *)a)->row, y = ((const cgap_wanted *)b)->row;
  return (x > y) - (x < y);
}

/* Those of rows (count) that are not in memory, each into its place of buffer; rows that follow each other at once. */
static cgap_status read_listed(const cgap_side *side, const size_t *rows, size_t count, unsigned char *buffer,
                               cgap_error *error)
{
  enum { AT_ONCE = 256 };
  const size_t row_bytes = side->dim * cgap_type_size(side->source->type);
  cgap_wanted *list = cgap_alloc(count, sizeof *list);
  unsigned char *room = cgap_alloc(AT_ONCE, row_bytes);
  cgap_status status = CGAP_OK;
  size_t missing = 0;
  if (!list || !room)
    status = cgap_fail(error, CGAP_RESOURCE, "%s: no memory for %zu rows", side->source->name, count);
  for (size_t i = 0; !status && i < count; i++)
    if (!holds(side, rows[i], 1))
      list[missing++] = (cgap_wanted){rows[i], i};
  if (missing)
    qsort(list, missing, sizeof *list, cgap_wanted_by_row);
  for (size_t i = 0, n = 0; !status && i < missing; i += n) {
    size_t last = list[i].row;
    for (n = 1; i + n < missing && list[i + n].row <= last + 1 && list[i + n].row < list[i].row + AT_ONCE; n++)
      last = list[i + n].row;
    status = cgap_side_read(side, list[i].row, last - list[i].row + 1, room, error);
    for (size_t k = 0; !status && k < n; k++)
      memcpy(buffer + list[i + k].place * row_bytes, room + (list[i + k].row - list[i].row) * row_bytes, row_bytes);
  }
  cgap_free(list);
  cgap_free(room);
  return status;
}

const unsigned char *cgap_side_row(const cgap_side *side, size_t row)
{
  if (!holds(side, row, 1))
    return NULL;
  return side->raw + (row - side->own_first) * side->dim * cgap_type_size(side->source->type);
}

cgap_status cgap_side_bring(const cgap_side *side, const size_t *rows, size_t first, size_t count,
                            unsigned char **buffer, cgap_error *error)
{
  const size_t row_bytes = side->dim * cgap_type_size(side->source->type);
  bool all = rows ? side->unit != NULL : holds(side, first, count);
  for (size_t i = 0; rows && all && i < count; i++)
    all = holds(side, rows[i], 1);
  *buffer = all ? NULL : cgap_alloc(count, row_bytes);
  if (all)
    return CGAP_OK;
  if (!*buffer)
    return cgap_fail(error, CGAP_RESOURCE, "%s: no memory for %zu rows of %zu", side->source->name, count, side->dim);
  cgap_status status =
    rows ? read_listed(side, rows, count, *buffer, error) : cgap_side_read(side, first, count, *buffer, error);
  if (status) {
    cgap_free(*buffer);
    *buffer = NULL;
  }
  return status;
}

cgap_status cgap_side_fetch(const cgap_side *side, const size_t *rows, size_t first, size_t count, int threads,
                            double *out, cgap_error *error)
{
  const size_t dim = side->dim, row_bytes = dim * cgap_type_size(side->source->type);
  unsigned char *buffer;
  cgap_status status = cgap_side_bring(side, rows, first, count, &buffer, error);
  if (status)
    count = 0;
#pragma omp parallel for schedule(static) num_threads(threads)
  for (size_t i = 0; i < count; i++) {
    const size_t row = rows ? rows[i] : first + i;
    const unsigned char *held = cgap_side_row(side, row), *raw = held ? held : buffer + i * row_bytes;
    cgap_to_scaled(side->source->type, raw, dim, side->inverse_norm[row], out + i * dim);
  }
  cgap_free(buffer);
  return status;
}
