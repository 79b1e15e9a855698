#include "rows/modality.h"

#include "base/memory.h"
#include "base/source.h"
#include "comm/comm.h"
#include "rows/row_reader.h"
#include "simd/convert.h"
#include "simd/kernels.h"

#include <math.h>
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
  cgap_free(modality->left_out);
  cgap_free(modality->equal);
  cgap_free(modality->mean);
  cgap_free(modality->moment);
  cgap_free(modality->raw);
  cgap_free(modality->unit);
  *modality = (cgap_modality_rows){0};
}

/* ---------------------------------------------------------------- rows that are spread */

size_t cgap_file_row_between(const cgap_left_out_row *left_out, size_t count, size_t i)
{
  size_t low = 0, high = count; /* how many rows before it were left out */
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (left_out[middle].row - middle <= i)
      low = middle + 1;
    else
      high = middle;
  }
  return i + low;
}

/* How many rows before a row of the file were left out. */
static size_t left_out_before(const cgap_modality_rows *modality, size_t file_row)
{
  size_t low = 0, high = modality->left_out_count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (modality->left_out[middle].row < file_row)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

size_t cgap_kept_row_of(const cgap_modality_rows *modality, size_t file_row)
{
  const size_t before = left_out_before(modality, file_row);
  if (before < modality->left_out_count && modality->left_out[before].row == file_row)
    return modality->left_out[before].as;
  return file_row - before;
}

size_t cgap_first_equal_of(const cgap_modality_rows *modality, size_t i)
{
  if (!modality->spread)
    return modality->first_equal ? modality->first_equal[i] : i;
  size_t low = 0, high = modality->equal_count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (modality->equal[middle].row < i)
      low = middle + 1;
    else
      high = middle;
  }
  return low < modality->equal_count && modality->equal[low].row == i ? modality->equal[low].first : i;
}

double cgap_file_norm(cgap_type type, const unsigned char *raw, size_t dim, float *scratch)
{
  if (type == CGAP_FLOAT64)
    return cgap_norm((const double *)(const void *)raw, dim);
  cgap_to_float(type, raw, dim, scratch); /* the squares of floats fit a double at any scale */
  const double total = cgap_audit_kernels_here()->square_sum(scratch, dim);
  return isfinite(total) ? sqrt(total) : NAN;
}

double cgap_spread_row_scale(const cgap_modality_rows *modality, size_t i, const unsigned char *raw)
{
  if (i >= modality->known_first && i < modality->known_first + modality->known_rows)
    return modality->inverse_norm[i - modality->known_first];
  float scratch[CGAP_DIMENSIONS_MAX];
  return 1.0 / cgap_file_norm(modality->source->type, raw, modality->dim, scratch);
}

cgap_status cgap_modality_rows_unspread(cgap_modality_rows *modality, cgap_comm *comm, cgap_error *error)
{
  const size_t rows = modality->rows, ranks = (size_t)cgap_comm_size(comm);
  const bool equal = modality->equal_count > 0;
  if (!modality->spread)
    return CGAP_OK;
  size_t *place = cgap_alloc(ranks + 1, sizeof *place);
  double *scale = cgap_alloc(rows, sizeof *scale);
  modality->file_row = cgap_alloc(rows, sizeof *modality->file_row);
  modality->first_equal = equal ? cgap_alloc(rows, sizeof *modality->first_equal) : NULL;
  cgap_status status = CGAP_OK;
  if (!place || !scale || !modality->file_row || (equal && !modality->first_equal))
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu rows", modality->source->name, rows);
  if (!status)
    status = cgap_comm_places(comm, modality->known_rows, place, error);
  if (!status) {
    memcpy(scale + modality->known_first, modality->inverse_norm, modality->known_rows * sizeof *scale);
    for (size_t r = 0; r <= ranks; r++)
      place[r] *= sizeof *scale;
    status = cgap_comm_gather(comm, scale, place, error);
  }
  for (size_t i = 0; !status && equal && i < rows; i++)
    modality->first_equal[i] = cgap_first_equal_of(modality, i);
  for (size_t i = 0; !status && i < rows; i++)
    modality->file_row[i] = cgap_file_row_between(modality->left_out, modality->left_out_count, i);
  cgap_free(place);
  cgap_free(modality->inverse_norm);
  modality->inverse_norm = scale;
  modality->spread = false;
  return status;
}

cgap_status cgap_modality_rows_read(const cgap_modality_rows *modality, size_t first, size_t rows, unsigned char *out,
                                    cgap_error *error)
{
  const cgap_source *source = modality->source;
  cgap_status status = CGAP_OK;
  if (modality->file_row)
    return cgap_read_listed(source, modality->file_row + first, rows, out, error);
  for (size_t k = 0, n = 0; !status && k < rows; k += n) {
    const size_t row = cgap_file_row_of(modality, first + k), next = left_out_before(modality, row);
    const size_t end = next < modality->left_out_count ? modality->left_out[next].row : source->rows;
    n = cgap_lesser(rows - k, end - row);
    status = source->read(source, row, n, out + k * cgap_row_bytes(source), error);
  }
  return status;
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
    cgap_to_unit(modality->source->type, raw + i * row_bytes, dim,
                 cgap_row_scale(modality, first + i, raw + i * row_bytes), unit + i * dim);
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
      const size_t row = cgap_file_row_of(modality, list[next].row);
      if (rows > 0 && row == file_row[rows - 1])
        continue;
      if (rows == most)
        break;
      file_row[rows++] = row;
    }
    status = cgap_read_listed(source, file_row, rows, buffer, error);
    for (size_t k = i, at = 0; !status && k < next; k++) {
      at += cgap_file_row_of(modality, list[k].row) != file_row[at];
      if (raw)
        memcpy(raw + list[k].place * row_bytes, buffer + at * row_bytes, row_bytes);
      else
        cgap_to_unit(source->type, buffer + at * row_bytes, dim,
                     cgap_row_scale(modality, list[k].row, buffer + at * row_bytes), unit + list[k].place * dim);
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
                  : cgap_modality_rows_read(modality, first, count, *buffer, error);
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
    cgap_to_scaled(modality->source->type, raw, dim, cgap_row_scale(modality, row, raw), out + i * dim);
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
    cgap_source_prefetch(modality->source, cgap_file_row_of(modality, rows[i]), 1);
}
