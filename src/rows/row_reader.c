#include "rows/row_reader.h"

#include "base/memory.h"
#include "base/numbers.h"
#include "base/output_file.h"
#include "base/source.h"
#include "simd/convert.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SPILL_BLOCK_BYTES = 1 << 22 };

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

/* The unit row of row i of r->raw; false: it is bad, and all zeros. */
static bool make_unit_row(const cgap_row_reader *r, size_t i, float *unit)
{
  const cgap_source *s = r->source;
  cgap_to_double(s->type, (const char *)r->raw + i * cgap_row_bytes(s), s->dim, r->row_double);
  const bool ok = cgap_normalise(r->row_double, r->row_double, s->dim);
  for (size_t k = 0; k < s->dim; k++)
    unit[k] = (float)r->row_double[k];
  return ok;
}

cgap_status cgap_row_reader_read(cgap_row_reader *r, size_t first, size_t count, bool *bad, cgap_error *error)
{
  const cgap_source *s = r->source;
  cgap_status status = s->read(s, first, count, r->raw, error);
  for (size_t i = 0; !status && i < count; i++) {
    const bool ok = make_unit_row(r, i, r->unit + i * s->dim);
    if (bad)
      bad[i] = !ok;
    else if (!ok)
      status = cgap_fail(error, CGAP_DATA,
                         "%s: row %zu holds NaN or infinity, or has norm zero; give --drop-bad, or repair the file",
                         s->name, first + i);
  }
  return status;
}

/* ---------------------------------------------------------------- listed rows */

struct cgap_picked_rows {
  cgap_source from;
  const size_t *rows;
};

cgap_status cgap_read_listed(const cgap_source *source, const size_t *rows, size_t count, void *out, cgap_error *error)
{
  const size_t row_bytes = cgap_row_bytes(source);
  cgap_status status = CGAP_OK;
  for (size_t done = 0, run; !status && done < count; done += run) {
    for (run = 1; done + run < count && rows[done + run] == rows[done] + run; run++)
      ;
    status = source->read(source, rows[done], run, (unsigned char *)out + done * row_bytes, error);
  }
  return status;
}

cgap_status cgap_read_unit_rows(const cgap_source *source, const size_t *rows, size_t count, float *out, bool *bad,
                                cgap_error *error)
{
  enum { SPAN_ROWS = 1024, GAP_ROWS = 64 }; /* read at once, and between two rows of the list, at most */
  cgap_row_reader reader;
  cgap_status status = cgap_row_reader_init(&reader, source, SPAN_ROWS, error);
  for (size_t k = 0, next; status == CGAP_OK && k < count; k = next) {
    const size_t first = rows[k];
    for (next = k + 1; next < count && rows[next] > rows[next - 1] && rows[next] - rows[next - 1] <= GAP_ROWS &&
                       rows[next] - first < SPAN_ROWS;
         next++)
      ;
    status = source->read(source, first, rows[next - 1] - first + 1, reader.raw, error);
    for (size_t i = k; status == CGAP_OK && i < next; i++) {
      const bool ok = make_unit_row(&reader, rows[i] - first, out + i * source->dim);
      if (bad)
        bad[i] = !ok;
    }
  }
  cgap_row_reader_clear(&reader);
  return status;
}

/* Knuth's algorithm S. */
size_t cgap_choose_rows(size_t *place, size_t rows, size_t wanted, uint64_t stream)
{
  size_t count = 0;
  for (size_t i = 0; i < rows; i++) {
    cgap_random random = cgap_random_init(stream, i);
    const bool chosen = cgap_random_uniform(&random) * (double)(rows - i) < (double)wanted - (double)count;
    place[i] = chosen ? count++ : SIZE_MAX;
  }
  return count;
}

static cgap_status read_picked(const cgap_source *source, size_t first, size_t count, void *out, cgap_error *error)
{
  const cgap_picked_rows *p = source->context;
  return cgap_read_listed(&p->from, p->rows + first, count, out, error);
}

cgap_picked_rows *cgap_picked_rows_open(cgap_source *view, const cgap_source *from, const size_t *rows, size_t count)
{
  cgap_picked_rows *p = malloc(sizeof *p);
  if (!p)
    return NULL;
  *p = (cgap_picked_rows){.from = *from, .rows = rows};
  *view = *from;
  view->rows = count;
  view->read = read_picked;
  view->context = p;
  return p;
}

void cgap_picked_rows_close(cgap_picked_rows *p)
{
  free(p);
}

/* ---------------------------------------------------------------- spilled rows */

struct cgap_spill_file {
  int fd;
  size_t row_bytes;
  const char *name;
};

static cgap_status read_spilled(const cgap_source *source, size_t first, size_t count, void *out, cgap_error *error)
{
  const cgap_spill_file *s = source->context;
  return cgap_pread_all(s->fd, (uint64_t)first * s->row_bytes, count * s->row_bytes, out, s->name, error);
}

bool cgap_spill_file_is_source(const cgap_source *source)
{
  return source->read == read_spilled;
}

cgap_status cgap_spill_file_open(cgap_spill_file **out, cgap_source *view, size_t rows, size_t dim, cgap_type type,
                                 const char *name, cgap_error *error)
{
  cgap_spill_file *s = malloc(sizeof *s);
  *out = NULL;
  if (!s)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", name);
  *s = (cgap_spill_file){.fd = -1, .row_bytes = dim * cgap_type_size(type), .name = name};
  cgap_status status = cgap_unnamed_file_open(&s->fd, (uint64_t)rows * s->row_bytes, name,
                                              "set TMPDIR to a larger place, or give more --memory", error);
  if (status) {
    cgap_spill_file_close(s);
    return status;
  }
  *view = (cgap_source){.rows = rows, .dim = dim, .type = type, .read = read_spilled, .context = s, .name = name};
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
  const size_t row_bytes = cgap_row_bytes(from), rows = from->rows;
  const size_t step = row_bytes < SPILL_BLOCK_BYTES ? SPILL_BLOCK_BYTES / row_bytes : 1;
  unsigned char *block = cgap_alloc(step, row_bytes);
  cgap_status status = block ? cgap_spill_file_open(out, view, rows, from->dim, from->type, from->name, error)
                             : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", from->name);
  for (size_t first = 0; !status && first < rows; first += step) {
    const size_t count = cgap_lesser(step, rows - first);
    status = from->read(from, first, count, block, error);
    if (!status)
      status = cgap_spill_file_add(*out, block, count, error);
    if (!status && progress.tick &&
        progress.tick(progress.context, "copying rows to disk", (double)(first + count) / (double)rows))
      status = cgap_fail(error, CGAP_INTERRUPTED, "%s: interrupted while reading; nothing was written", from->name);
  }
  cgap_free(block);
  return status;
}
