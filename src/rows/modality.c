#include "rows/modality.h"

#include "base/memory.h"
#include "base/source.h"
#include "rows/row_reader.h"
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

/* ---------------------------------------------------------------- gather */

enum {
  RUN_BYTES = 1 << 18, /* read at once */
  GAP_BYTES = 16,      /* rows that are worth a second thread */
  PIECES = 4           /* a thread */
};

/* The list in the order of the file, which is mostly the order it has. */
static cgap_row_request *sort_requests(const size_t *rows, size_t count)
{
  cgap_row_request *list = cgap_alloc(count, sizeof *list);
  bool in_order = true;
  for (size_t i = 0; list && i < count; i++) {
    list[i] = (cgap_row_request){rows[i], i};
    in_order = in_order && (i == 0 || rows[i - 1] <= rows[i]);
  }
  if (list && !in_order)
    qsort(list, count, sizeof *list, cgap_row_request_by_row);
  return list;
}

/* How many of the list lie in one run of the file from the first on, equal ones counted; *rows of it. */
static size_t run_of(const cgap_modality_rows *modality, const cgap_row_request *list, size_t count, size_t most,
                     size_t *rows)
{
  size_t n = 1;
  *rows = 1;
  for (; n < count; n++) {
    const size_t step = modality->file_row[list[n].row] - modality->file_row[list[n - 1].row];
    if (step > 1 || *rows + step > most)
      break;
    *rows += step;
  }
  return n;
}

static cgap_status read_runs(const cgap_modality_rows *modality, const cgap_row_request *list, size_t count,
                             unsigned char *raw, size_t most, float *out, cgap_error *error)
{
  const cgap_source *s = modality->source;
  const size_t row_bytes = s->dim * cgap_type_size(s->type);
  for (size_t i = 0, n, rows; i < count; i += n) {
    const size_t first = modality->file_row[list[i].row];
    n = run_of(modality, list + i, count - i, most, &rows);
    const cgap_status status = s->read(s, first, rows, raw, error);
    if (status != CGAP_OK)
      return status;
    for (size_t k = i; k < i + n; k++)
      cgap_to_unit(s->type, raw + (modality->file_row[list[k].row] - first) * row_bytes, s->dim,
                   modality->inverse_norm[list[k].row], out + list[k].place * s->dim);
  }
  return CGAP_OK;
}

/* Pieces of the list, each read by one thread. */
static cgap_status read_pieces(const cgap_modality_rows *modality, const cgap_row_request *list, size_t count,
                               int threads, float *out, cgap_error *error)
{
  const size_t row_bytes = modality->dim * cgap_type_size(modality->source->type);
  const size_t most = row_bytes < RUN_BYTES ? RUN_BYTES / row_bytes : 1;
  const size_t piece = threads > 1 ? count / ((size_t)threads * PIECES) + 1 : count;
  cgap_status status = CGAP_OK;
#pragma omp parallel num_threads(threads) if (threads > 1)
  {
    unsigned char *raw = cgap_alloc(most, row_bytes);
#pragma omp for schedule(dynamic, 1)
    for (size_t first = 0; first < count; first += piece) {
      cgap_error here;
      const size_t rows = count - first < piece ? count - first : piece;
      const cgap_status read =
        raw ? read_runs(modality, list + first, rows, raw, most, out, &here)
            : cgap_fail(&here, CGAP_RESOURCE, "%s: no memory for %zu rows", modality->source->name, rows);
      if (read != CGAP_OK)
#pragma omp critical(cgap_gather_error)
      {
        status = read;
        if (error)
          *error = here;
      }
    }
    cgap_free(raw);
  }
  return status;
}

bool cgap_gather_rows_is_thread_safe(const cgap_modality_rows *modality)
{
  return cgap_spill_file_is_source(modality->source) || cgap_source_is_thread_safe(modality->source);
}

cgap_status cgap_gather_rows(const cgap_modality_rows *modality, const size_t *rows, size_t count, int threads,
                             float *out, cgap_error *error)
{
  const size_t dim = modality->dim;
  for (size_t i = 0; modality->unit && i < count; i++)
    memcpy(out + i * dim, modality->unit + rows[i] * dim, dim * sizeof *out);
  if (modality->unit)
    return CGAP_OK;
  cgap_row_request *list = sort_requests(rows, count);
  const cgap_status status =
    list ? read_pieces(modality, list, count, count < GAP_BYTES ? 1 : threads, out, error)
         : cgap_fail(error, CGAP_RESOURCE, "%s: no memory for %zu rows", modality->source->name, count);
  cgap_free(list);
  return status;
}

void cgap_gather_rows_prefetch(const cgap_modality_rows *modality, const size_t *rows, size_t count)
{
  for (size_t i = 0; !modality->unit && i < count; i++)
    cgap_source_prefetch(modality->source, modality->file_row[rows[i]], 1);
}
