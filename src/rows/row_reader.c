#include "rows/row_reader.h"

#include <string.h>

#include "base/memory.h"
#include "base/norm.h"
#include "rows/row_blocks.h"
#include "simd/convert.h"

bool cgap_unit_rows(float *out, const void *raw, cgap_type type, size_t rows, size_t dim, double *one_row,
                    size_t *where)
{
  for (size_t i = 0; i < rows; i++) {
    cgap_to_double(type, (const char *)raw + i * dim * cgap_type_size(type), dim, one_row);
    *where = i;
    if (!cgap_normalise(one_row, one_row, dim))
      return false;
    for (size_t k = 0; k < dim; k++)
      out[i * dim + k] = (float)one_row[k];
  }
  return true;
}

cgap_hash cgap_unit_hash(const float *row, size_t dim, float *spare)
{
  for (size_t k = 0; k < dim; k++)
    spare[k] = row[k] + 0.0F; /* −0 becomes 0 */
  return cgap_hash_row(spare, dim * sizeof *spare);
}

cgap_status cgap_row_reader_init(cgap_row_reader *out, const cgap_source *source, size_t capacity, cgap_error *error)
{
  size_t count = 0;
  *out = (cgap_row_reader){.source = source, .capacity = capacity};
  if (cgap_product(&count, capacity, source->dim)) {
    out->raw = cgap_alloc(count, cgap_type_size(source->type));
    out->row_double = cgap_alloc(source->dim, sizeof *out->row_double);
    out->unit = cgap_alloc(count, sizeof *out->unit);
  }
  if (out->raw && out->row_double && out->unit)
    return CGAP_OK;
  cgap_row_reader_clear(out);
  return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu rows of %zu", source->name, capacity, source->dim);
}

void cgap_row_reader_clear(cgap_row_reader *r)
{
  cgap_free(r->raw);
  cgap_free(r->row_double);
  cgap_free(r->unit);
  *r = (cgap_row_reader){0};
}

cgap_status cgap_row_reader_read(cgap_row_reader *r, size_t first, size_t count, bool *bad, cgap_error *error)
{
  const cgap_source *s = r->source;
  const size_t bytes = s->dim * cgap_type_size(s->type);
  cgap_status status = s->read(s, first, count, r->raw, error);
  for (size_t i = 0; status == CGAP_OK && i < count; i++) {
    size_t where;
    const bool ok =
      cgap_unit_rows(r->unit + i * s->dim, (const char *)r->raw + i * bytes, s->type, 1, s->dim, r->row_double, &where);
    if (bad)
      bad[i] = !ok;
    else if (!ok)
      status = cgap_fail(error, CGAP_DATA,
                         "%s: row %zu holds NaN or infinity, or has norm zero; give --drop-bad, or repair the file",
                         s->name, first + i);
    if (!ok)
      memset(r->unit + i * s->dim, 0, s->dim * sizeof *r->unit);
  }
  return status;
}
