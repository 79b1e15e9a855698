#include "head/training/data_hash.h"

#include <xxhash.h>

#include "base/memory.h"

enum { PANEL_BYTES = 1 << 22 };

static cgap_status hash_rows(uint64_t *hash, const cgap_source *source, cgap_error *error)
{
  const uint64_t shape[] = {source->rows, source->dim, (uint64_t)source->type};
  const size_t row_bytes = source->dim * cgap_type_size(source->type);
  const size_t panel = row_bytes && row_bytes < PANEL_BYTES ? PANEL_BYTES / row_bytes : 1;
  *hash = XXH3_64bits_withSeed(shape, sizeof shape, *hash);
  if (source->rows == 0)
    return CGAP_OK;
  unsigned char *rows = cgap_alloc(panel, row_bytes);
  cgap_status status = rows ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (size_t first = 0; status == CGAP_OK && first < source->rows; first += panel) {
    const size_t count = source->rows - first < panel ? source->rows - first : panel;
    status = source->read(source, first, count, rows, error);
    if (status == CGAP_OK)
      *hash = XXH3_64bits_withSeed(rows, count * row_bytes, *hash);
  }
  cgap_free(rows);
  return status;
}

cgap_status cgap_data_hash(uint64_t *out, const cgap_data *data, cgap_error *error)
{
  const uint64_t how[] = {(uint64_t)data->pairing, data->drop_bad, data->merge_images};
  *out = XXH3_64bits(how, sizeof how);
  if (data->text_image)
    *out = XXH3_64bits_withSeed(data->text_image, data->text.rows * sizeof *data->text_image, *out);
  cgap_status status = hash_rows(out, &data->image, error);
  return status == CGAP_OK ? hash_rows(out, &data->text, error) : status;
}
