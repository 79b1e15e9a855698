#include "rows/spill_file.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/output_file.h"

enum { BLOCK_BYTES = 1 << 22 };

struct cgap_spill_file {
  int fd;
  size_t row_bytes;
  const char *name;
};

static cgap_status read_back(const cgap_source *source, size_t first, size_t count, void *out, cgap_error *error)
{
  const cgap_spill_file *s = source->context;
  return cgap_pread_all(s->fd, (uint64_t)first * s->row_bytes, count * s->row_bytes, out, s->name, error);
}

bool cgap_spill_file_is_source(const cgap_source *source)
{
  return source->read == read_back;
}

cgap_status cgap_spill_file_open(cgap_spill_file **out, cgap_source *view, size_t rows, size_t dim, cgap_type type,
                                 const char *name, cgap_error *error)
{
  const size_t row_bytes = dim * cgap_type_size(type);
  cgap_spill_file *s = calloc(1, sizeof *s);
  *out = NULL;
  if (!s)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", name);
  *s = (cgap_spill_file){.fd = -1, .row_bytes = row_bytes, .name = name};
  cgap_status status = cgap_unnamed_file_open(&s->fd, (uint64_t)rows * row_bytes, name,
                                              "set TMPDIR to a larger place, or give more --memory", error);
  if (status != CGAP_OK) {
    cgap_spill_file_close(s);
    return status;
  }
  *view = (cgap_source){.rows = rows, .dim = dim, .type = type, .read = read_back, .context = s, .name = name};
  *out = s;
  return CGAP_OK;
}

void cgap_spill_file_close(cgap_spill_file *s)
{
  if (s && s->fd >= 0)
    close(s->fd);
  free(s);
}

cgap_status cgap_spill_file_add(cgap_spill_file *s, const void *rows, size_t count, cgap_error *error)
{
  return cgap_unnamed_file_write(s->fd, rows, count * s->row_bytes, error);
}

cgap_status cgap_spill_file_copy(cgap_spill_file **out, cgap_source *view, const cgap_source *from,
                                 cgap_progress progress, cgap_error *error)
{
  const size_t row_bytes = from->dim * cgap_type_size(from->type), rows = from->rows;
  const size_t step = row_bytes < BLOCK_BYTES ? BLOCK_BYTES / row_bytes : 1;
  unsigned char *block = cgap_alloc(step, row_bytes);
  cgap_status status = block ? cgap_spill_file_open(out, view, rows, from->dim, from->type, from->name, error)
                             : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", from->name);
  for (size_t first = 0; status == CGAP_OK && first < rows; first += step) {
    const size_t count = rows - first < step ? rows - first : step;
    status = from->read(from, first, count, block, error);
    if (status == CGAP_OK)
      status = cgap_spill_file_add(*out, block, count, error);
    if (status == CGAP_OK && progress.tick &&
        progress.tick(progress.context, "putting rows aside", (double)(first + count) / (double)rows))
      status = cgap_fail(error, CGAP_INTERRUPTED, "%s: interrupted while reading; nothing was written", from->name);
  }
  cgap_free(block);
  return status;
}
