/* The public header's application: all rows of a source through a head, into memory. */
#include <omp.h>

#include "base/check.h"
#include "head/model/head.h"
#include "rows/row_reader.h"

enum { BLOCK = 4096 };

static cgap_status check_source(cgap_source *checked, const cgap_head *head, cgap_row_kind kind,
                                const cgap_source *source, const float *out, int threads, cgap_error *error)
{
  static const char *const CALL = "cgap_head_apply_source";
  cgap_status status = cgap_check_argument(head, CALL, "head", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(source, CALL, "source", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(out || source->rows == 0, CALL, "out", error);
  if (status == CGAP_OK)
    status = cgap_check_choice("kind of rows", (int)kind, CGAP_TEXT_ROWS + 1, error);
  if (status == CGAP_OK)
    status = cgap_check_threads(threads, error);
  return status == CGAP_OK ? cgap_check_source(checked, source, "rows", error) : status;
}

cgap_status cgap_head_apply_source(const cgap_head *head, cgap_row_kind kind, const cgap_source *given, float *out,
                                   int threads, cgap_progress progress, cgap_error *error)
{
  cgap_source checked;
  const cgap_source *source = &checked;
  cgap_status status = check_source(&checked, head, kind, given, out, threads, error);
  if (status != CGAP_OK)
    return status;
  const size_t takes = head->layers.shape.dim_in, dim = head->layers.shape.dim, rows = source->rows;
  const int side = kind == CGAP_IMAGE_ROWS ? CGAP_IMAGE_SIDE : CGAP_TEXT_SIDE;
  cgap_reader reader;
  if (source->dim != takes)
    return cgap_fail(error, CGAP_DATA,
                     "%s: rows of %zu dimensions, the head takes %zu; give the head that was trained on these "
                     "embeddings",
                     source->name, source->dim, takes);
  status = cgap_reader_init(&reader, source, rows < BLOCK ? rows : BLOCK, error);
  for (size_t first = 0; status == CGAP_OK && first < rows; first += BLOCK) {
    const size_t count = rows - first < BLOCK ? rows - first : BLOCK;
    status = cgap_reader_read(&reader, first, count, NULL, error);
    if (status == CGAP_OK)
      status = cgap_head_transform(head, side, reader.unit, count, out + first * dim,
                                   threads > 0 ? threads : omp_get_max_threads(), error);
    if (status == CGAP_OK && progress.tick &&
        progress.tick(progress.context, "applying", (double)(first + count) / (double)rows))
      status =
        cgap_fail(error, CGAP_INTERRUPTED, "%s: interrupted after %zu of %zu rows", source->name, first + count, rows);
  }
  cgap_reader_clear(&reader);
  return status;
}
