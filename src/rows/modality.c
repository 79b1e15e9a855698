#include "rows/modality.h"

#include "base/memory.h"
#include "rows/picked_rows.h"
#include "simd/convert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cgap_modality_rows_clear(cgap_modality_rows *modality)
{
  cgap_free(modality->file_row);
  cgap_free(modality->first_equal);
  cgap_free(modality->inverse_norm);
  cgap_free(modality->mean);
  cgap_free(modality->moment);
  cgap_free(modality->raw);
  cgap_free(modality->unit);
  *modality = (cgap_modality_rows){0};
}

/* ---------------------------------------------------------------- checks */

void cgap_check_note(cgap_check *check, size_t row)
{
  check->count++;
  if (check->example_count < CGAP_EXAMPLES)
    check->examples[check->example_count++] = row;
}

static void print_rows(const cgap_check *check, char *out, size_t size)
{
  size_t used = 0;
  out[0] = '\0';
  for (size_t i = 0; i < check->example_count && used < size; i++)
    used += (size_t)snprintf(out + used, size - used, "%s%zu", i ? ", " : "", check->examples[i]);
  if (check->count > check->example_count && used < size)
    (void)snprintf(out + used, size - used, ", …");
}

static void append_text(char *out, size_t size, const char *format, ...) CGAP_PRINTF(3, 4);

static void append_text(char *out, size_t size, const char *format, ...)
{
  const size_t used = strlen(out);
  va_list values;
  va_start(values, format);
  (void)vsnprintf(out + used, size - used, format, values);
  va_end(values);
}

static void describe_check(const cgap_check *check, const char *what, char *out, size_t size)
{
  char rows[160];
  if (check->count == 0)
    return;
  print_rows(check, rows, sizeof rows);
  append_text(out, size, "%s%llu %s (%s %s)", *out ? " and " : "", (unsigned long long)check->count, what,
              check->count == 1 ? "row" : "rows", rows);
}

bool cgap_describe_bad(const cgap_source *source, const cgap_modality_checks *checks, char *out, size_t size)
{
  char what[500] = "";
  describe_check(&checks->not_finite, "with NaN or infinity", what, sizeof what);
  describe_check(&checks->zero, "of norm zero", what, sizeof what);
  if (*what)
    append_text(out, size, "%s%s: %zu rows, %s", *out ? "; " : "", source->name, source->rows, what);
  return *what != '\0';
}

/* ---------------------------------------------------------------- rows, wherever they are */

cgap_status cgap_modality_rows_read(const cgap_modality_rows *modality, size_t first, size_t rows, unsigned char *out,
                                    cgap_error *error)
{
  return cgap_read_listed(modality->source, modality->file_row + first, rows, out, error);
}

void cgap_modality_rows_normalise(const cgap_modality_rows *modality, size_t first, size_t rows,
                                  const unsigned char *raw, float *unit, int threads)
{
  const size_t dim = modality->dim, row_bytes = dim * cgap_type_size(modality->source->type);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
  for (size_t i = 0; i < rows; i++)
    cgap_to_unit(modality->source->type, raw + i * row_bytes, dim, modality->inverse_norm[first + i], unit + i * dim);
}

bool cgap_modality_rows_hold(const cgap_modality_rows *modality, size_t first, size_t rows)
{
  return modality->unit && first >= modality->own_first && first + rows <= modality->own_first + modality->own_rows;
}

int cgap_row_request_by_row(const void *a, const void *b)
{
  const size_t x = ((const cgap_row_request *)a)->row, y = ((const cgap_row_request *)b)->row;
  return (x > y) - (x < y);
}

/* Those of rows (count) that are not in memory, each into its place of buffer; rows that follow each other at once. */
static cgap_status read_listed(const cgap_modality_rows *modality, const size_t *rows, size_t count,
                               unsigned char *buffer, cgap_error *error)
{
  enum { READ_ROWS = 256 };
  const size_t row_bytes = modality->dim * cgap_type_size(modality->source->type);
  cgap_row_request *list = cgap_alloc(count, sizeof *list);
  unsigned char *run_buffer = cgap_alloc(READ_ROWS, row_bytes);
  cgap_status status = CGAP_OK;
  size_t missing = 0;
  if (!list || !run_buffer)
    status = cgap_fail(error, CGAP_RESOURCE, "%s: no memory for %zu rows", modality->source->name, count);
  for (size_t i = 0; !status && i < count; i++)
    if (!cgap_modality_rows_hold(modality, rows[i], 1))
      list[missing++] = (cgap_row_request){rows[i], i};
  if (missing)
    qsort(list, missing, sizeof *list, cgap_row_request_by_row);
  for (size_t i = 0, n = 0; !status && i < missing; i += n) {
    size_t last = list[i].row;
    for (n = 1; i + n < missing && list[i + n].row <= last + 1 && list[i + n].row < list[i].row + READ_ROWS; n++)
      last = list[i + n].row;
    status = cgap_modality_rows_read(modality, list[i].row, last - list[i].row + 1, run_buffer, error);
    for (size_t k = 0; !status && k < n; k++)
      memcpy(buffer + list[i + k].place * row_bytes, run_buffer + (list[i + k].row - list[i].row) * row_bytes,
             row_bytes);
  }
  cgap_free(list);
  cgap_free(run_buffer);
  return status;
}

const unsigned char *cgap_modality_rows_raw(const cgap_modality_rows *modality, size_t row)
{
  if (!cgap_modality_rows_hold(modality, row, 1))
    return NULL;
  return modality->raw + (row - modality->own_first) * modality->dim * cgap_type_size(modality->source->type);
}

cgap_status cgap_modality_rows_read_missing(const cgap_modality_rows *modality, const size_t *rows, size_t first,
                                            size_t count, unsigned char **buffer, cgap_error *error)
{
  const size_t row_bytes = modality->dim * cgap_type_size(modality->source->type);
  bool all = rows ? modality->unit != NULL : cgap_modality_rows_hold(modality, first, count);
  for (size_t i = 0; rows && all && i < count; i++)
    all = cgap_modality_rows_hold(modality, rows[i], 1);
  *buffer = all ? NULL : cgap_alloc(count, row_bytes);
  if (all)
    return CGAP_OK;
  if (!*buffer)
    return cgap_fail(error, CGAP_RESOURCE, "%s: no memory for %zu rows of %zu", modality->source->name, count,
                     modality->dim);
  cgap_status status = rows ? read_listed(modality, rows, count, *buffer, error)
                            : cgap_modality_rows_read(modality, first, count, *buffer, error);
  if (status) {
    cgap_free(*buffer);
    *buffer = NULL;
  }
  return status;
}

cgap_status cgap_modality_rows_fetch(const cgap_modality_rows *modality, const size_t *rows, size_t first, size_t count,
                                     int threads, double *out, cgap_error *error)
{
  const size_t dim = modality->dim, row_bytes = dim * cgap_type_size(modality->source->type);
  unsigned char *buffer;
  cgap_status status = cgap_modality_rows_read_missing(modality, rows, first, count, &buffer, error);
  if (status)
    count = 0;
#pragma omp parallel for schedule(static) num_threads(threads)
  for (size_t i = 0; i < count; i++) {
    const size_t row = rows ? rows[i] : first + i;
    const unsigned char *held = cgap_modality_rows_raw(modality, row), *raw = held ? held : buffer + i * row_bytes;
    cgap_to_scaled(modality->source->type, raw, dim, modality->inverse_norm[row], out + i * dim);
  }
  cgap_free(buffer);
  return status;
}
