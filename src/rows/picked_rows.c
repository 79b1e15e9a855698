#include "rows/picked_rows.h"

#include <stdlib.h>

struct cgap_picked_rows {
  cgap_source from;
  const size_t *rows;
};

cgap_status cgap_read_listed(const cgap_source *source, const size_t *rows, size_t count, void *out, cgap_error *error)
{
  const size_t row_bytes = source->dim * cgap_type_size(source->type);
  cgap_status status = CGAP_OK;
  for (size_t done = 0, run; !status && done < count; done += run) {
    for (run = 1; done + run < count && rows[done + run] == rows[done] + run; run++)
      ;
    status = source->read(source, rows[done], run, (unsigned char *)out + done * row_bytes, error);
  }
  return status;
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
