#include "rows/gather.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/source.h"
#include "rows/row_blocks.h"
#include "rows/spill_file.h"
#include "simd/convert.h"

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
