#include "rows/modality.h"

#include "base/memory.h"
#include "base/source.h"
#include "rows/row_reader.h"
#include "simd/convert.h"

#include <stdlib.h>
#include <string.h>

enum {
  RUN_BYTES = 1 << 18,    /* of rows that are read before they go to their places */
  THREADED_ROWS_MIN = 16, /* fewer are read by one thread */
  PIECES_PER_THREAD = 4
};

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

/* ---------------------------------------------------------------- ranges */

bool cgap_modality_rows_hold(const cgap_modality_rows *modality, size_t first, size_t rows)
{
  return modality->raw && first >= modality->own_first && first + rows <= modality->own_first + modality->own_rows;
}

const unsigned char *cgap_modality_rows_raw(const cgap_modality_rows *modality, size_t row)
{
  if (!cgap_modality_rows_hold(modality, row, 1))
    return NULL;
  return modality->raw + (row - modality->own_first) * cgap_row_bytes(modality->source);
}

void cgap_modality_rows_normalise(const cgap_modality_rows *modality, size_t first, size_t rows,
                                  const unsigned char *raw, float *unit, int threads)
{
  const size_t dim = modality->dim, row_bytes = cgap_row_bytes(modality->source);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
  for (size_t i = 0; i < rows; i++)
    cgap_to_unit(modality->source->type, raw + i * row_bytes, dim, modality->inverse_norm[first + i], unit + i * dim);
}

/* ---------------------------------------------------------------- lists */

/* A row of a list, and its place in the list. */
typedef struct row_request {
  size_t row, place;
} row_request;

static int compare_requests(const void *a, const void *b)
{
  const size_t x = ((const row_request *)a)->row, y = ((const row_request *)b)->row;
  return (x > y) - (x < y);
}

/* Those of the listed rows that are not in memory, in the order of the file; most lists have it already. NULL: out of
 * memory. */
static row_request *sort_requests(const cgap_modality_rows *modality, const size_t *rows, size_t count, size_t *missing)
{
  row_request *list = cgap_alloc(count, sizeof *list);
  bool in_order = true;
  *missing = 0;
  for (size_t i = 0; list && i < count; i++)
    if (!cgap_modality_rows_hold(modality, rows[i], 1)) {
      in_order = in_order && (*missing == 0 || list[*missing - 1].row <= rows[i]);
      list[(*missing)++] = (row_request){rows[i], i};
    }
  if (list && !in_order)
    qsort(list, *missing, sizeof *list, compare_requests);
  return list;
}

/* Reads the rows of a sorted list, each once, and puts each into its places: into raw as the file has it, or into unit
 * as a unit row. */
static cgap_status read_requests(const cgap_modality_rows *modality, const row_request *list, size_t count,
                                 unsigned char *raw, float *unit, cgap_error *error)
{
  const cgap_source *source = modality->source;
  const size_t row_bytes = cgap_row_bytes(source), dim = source->dim;
  const size_t most = cgap_lesser(row_bytes < RUN_BYTES ? RUN_BYTES / row_bytes : 1, count);
  unsigned char *buffer = cgap_alloc(most, row_bytes);
  size_t *file_row = cgap_alloc(most, sizeof *file_row);
  cgap_status status = CGAP_OK;
  if (!buffer || !file_row)
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu rows", source->name, count);
  for (size_t i = 0, next = 0; !status && i < count; i = next) {
    size_t rows = 0;
    for (; next < count; next++) {
      const size_t row = modality->file_row[list[next].row];
      if (rows > 0 && row == file_row[rows - 1])
        continue;
      if (rows == most)
        break;
      file_row[rows++] = row;
    }
    status = cgap_read_listed(source, file_row, rows, buffer, error);
    for (size_t k = i, at = 0; !status && k < next; k++) {
      at += modality->file_row[list[k].row] != file_row[at];
      if (raw)
        memcpy(raw + list[k].place * row_bytes, buffer + at * row_bytes, row_bytes);
      else
        cgap_to_unit(source->type, buffer + at * row_bytes, dim, modality->inverse_norm[list[k].row],
                     unit + list[k].place * dim);
    }
  }
  cgap_free(buffer);
  cgap_free(file_row);
  return status;
}

cgap_status cgap_modality_rows_read_missing(const cgap_modality_rows *modality, const size_t *rows, size_t first,
                                            size_t count, unsigned char **buffer, cgap_error *error)
{
  size_t missing = count;
  row_request *list = rows ? sort_requests(modality, rows, count, &missing) : NULL;
  cgap_status status = CGAP_OK;
  *buffer = NULL;
  if (!rows && cgap_modality_rows_hold(modality, first, count))
    missing = 0;
  if (missing > 0)
    *buffer = cgap_alloc(count, cgap_row_bytes(modality->source));
  if ((rows && !list) || (missing > 0 && !*buffer))
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu rows of %zu", modality->source->name, count,
                       modality->dim);
  else if (missing > 0)
    status = rows ? read_requests(modality, list, missing, *buffer, NULL, error)
                  : cgap_read_listed(modality->source, modality->file_row + first, count, *buffer, error);
  cgap_free(list);
  if (status) {
    cgap_free(*buffer);
    *buffer = NULL;
  }
  return status;
}

cgap_status cgap_modality_rows_fetch(const cgap_modality_rows *modality, const size_t *rows, size_t first, size_t count,
                                     int threads, double *out, cgap_error *error)
{
  const size_t dim = modality->dim, row_bytes = cgap_row_bytes(modality->source);
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

bool cgap_gather_rows_is_thread_safe(const cgap_modality_rows *modality)
{
  return cgap_spill_file_is_source(modality->source) || cgap_source_is_thread_safe(modality->source);
}

cgap_status cgap_gather_rows(const cgap_modality_rows *modality, const size_t *rows, size_t count, int threads,
                             float *out, cgap_error *error)
{
  const size_t dim = modality->dim;
  if (modality->unit) {
    for (size_t i = 0; i < count; i++)
      memcpy(out + i * dim, modality->unit + rows[i] * dim, dim * sizeof *out);
    return CGAP_OK;
  }
  if (modality->raw) {
    for (size_t i = 0; i < count; i++)
      cgap_modality_rows_normalise(modality, rows[i], 1, cgap_modality_rows_raw(modality, rows[i]), out + i * dim, 1);
    return CGAP_OK;
  }
  size_t missing;
  row_request *list = sort_requests(modality, rows, count, &missing);
  if (!list)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu rows", modality->source->name, count);
  if (count < THREADED_ROWS_MIN)
    threads = 1;
  const size_t piece = (threads > 1 ? count / ((size_t)threads * PIECES_PER_THREAD) : count) + 1;
  cgap_status status = CGAP_OK;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) if (threads > 1)
  for (size_t first = 0; first < count; first += piece) {
    cgap_error here = {0};
    const cgap_status read = read_requests(modality, list + first, cgap_lesser(piece, count - first), NULL, out, &here);
    if (read)
#pragma omp critical(cgap_gather_error)
    {
      status = read;
      if (error)
        *error = here;
    }
  }
  cgap_free(list);
  return status;
}

void cgap_gather_rows_prefetch(const cgap_modality_rows *modality, const size_t *rows, size_t count)
{
  for (size_t i = 0; !modality->raw && i < count; i++)
    cgap_source_prefetch(modality->source, modality->file_row[rows[i]], 1);
}
