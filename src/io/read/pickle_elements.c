#include "io/read/pickle_elements.h"

#include "base/memory.h"
#include "base/output_file.h"
#include "base/text_buffer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 1 << 20 };

bool cgap_gather_fail(cgap_pickle_gathering *g)
{
  return cgap_pickle_refuse(g->p, CGAP_RESOURCE, "out of memory");
}

/* ---------------------------------------------------------------- the unnamed file */

static bool flush(cgap_pickle_gathering *g)
{
  const cgap_status status =
    g->used ? cgap_unnamed_file_write(g->file->gathered, g->block, g->used, g->p->error) : CGAP_OK;
  g->used = 0;
  if (status != CGAP_OK)
    g->p->status = status;
  return status == CGAP_OK;
}

/* Whether so many bytes more may be written: not where most of them are references to the same bytes. */
static bool may_gather(const cgap_pickle_gathering *g, size_t count, size_t each)
{
  size_t bytes = 0;
  return cgap_product(&bytes, count, each) && bytes <= g->gathered_max - g->gathered;
}

bool cgap_gather_check(cgap_pickle_gathering *g, const char *path, size_t count, size_t each)
{
  return may_gather(g, count, each) ||
         cgap_pickle_refuse(g->p, CGAP_FILE,
                            "%s would be %zu rows of %zu bytes, and %" PRIu64
                            " bytes are there: most are references to the same; it is damaged or malicious, write the "
                            "rows as one array",
                            path, count, each, g->p->bytes->whole);
}

/* Room for so many bytes, at most BLOCK_BYTES; the caller writes all of them. */
static unsigned char *next_bytes(cgap_pickle_gathering *g, size_t count)
{
  static const char WAY_OUT[] = "set TMPDIR to a larger place, or write the rows as one array";
  if (g->file->gathered < 0) {
    const cgap_status status = cgap_unnamed_file_open(&g->file->gathered, 0, g->p->bytes->name, WAY_OUT, g->p->error);
    if (status != CGAP_OK) {
      g->p->status = status;
      return NULL;
    }
  }
  if (!g->block && !(g->block = malloc(BLOCK_BYTES))) {
    (void)cgap_gather_fail(g);
    return NULL;
  }
  if (g->used + count > BLOCK_BYTES && !flush(g))
    return NULL;
  unsigned char *at = g->block + g->used;
  g->used += count;
  g->gathered += count;
  return at;
}

static bool put_bytes(cgap_pickle_gathering *g, const void *bytes, size_t count)
{
  const unsigned char *from = bytes;
  for (size_t here; count > 0; from += here, count -= here) {
    here = cgap_lesser(count, BLOCK_BYTES);
    unsigned char *to = next_bytes(g, here);
    if (!to)
      return false;
    memcpy(to, from, here);
  }
  return true;
}

/* Bytes of a file or member, as they are. */
static bool copy_bytes(cgap_pickle_gathering *g, int64_t member, uint64_t at, uint64_t count)
{
  cgap_pickle *p = g->p;
  for (size_t here; count > 0; at += here, count -= here) {
    here = (size_t)(count < BLOCK_BYTES ? count : BLOCK_BYTES);
    unsigned char *to = next_bytes(g, here);
    if (!to)
      return false;
    const cgap_status status = cgap_pickle_read_at(p->bytes, member, at, here, to, p->error);
    if (status != CGAP_OK) {
      p->status = status;
      return false;
    }
  }
  return true;
}

/* ---------------------------------------------------------------- adding entries */

/* piece: where it is, without the path of the file. obstacle (may be NULL): why it cannot be read. */
bool cgap_gather_add_entry(cgap_pickle_gathering *g, const char *path, const cgap_npy *npy, cgap_piece piece,
                           const char *storage, const char *obstacle)
{
  char *name = cgap_format("%s:%s", g->p->bytes->path, path);
  cgap_pickle *p = g->p;
  if (!name)
    return cgap_gather_fail(g);
  piece.path = g->p->bytes->path;
  if (g->p->bytes->gathered && piece.member < 0) {
    piece.gathered = true;
    piece.fd = g->file->gathered;
  }
  const cgap_array_header found = {path, name, storage, npy, piece};
  const cgap_status status = cgap_array_header_add(g->file, &found, p->error);
  free(name);
  if (status != CGAP_OK)
    p->status = status;
  if (status != CGAP_OK || !obstacle)
    return status == CGAP_OK;
  cgap_entry *e = &g->file->entries[g->file->count - 1];
  e->obstacle = e->obstacle ? e->obstacle : strdup(obstacle);
  return e->obstacle || cgap_gather_fail(g);
}

/* What the unnamed file has from byte `at` on. */
bool cgap_gather_add(cgap_pickle_gathering *g, const char *path, const cgap_npy *npy, uint64_t at, const char *storage)
{
  return flush(g) &&
         cgap_gather_add_entry(g, path, npy,
                               (cgap_piece){.member = -1, .gathered = true, .fd = g->file->gathered, .offset = at},
                               storage, NULL);
}

static uint64_t bytes_of(const cgap_npy *npy)
{
  uint64_t bytes = npy->item;
  for (int k = 0; k < npy->ndim; k++)
    bytes *= npy->shape[k];
  return bytes;
}

/* ---------------------------------------------------------------- arrays */

/* The header of an array of NumPy or joblib. */
cgap_npy cgap_gather_array_header(const cgap_pickle *p, const cgap_pickle_array *a)
{
  cgap_npy npy = cgap_pickle_type_at(p, a->type)->npy;
  npy.ndim = a->ndim;
  npy.fortran = a->fortran;
  memcpy(npy.shape, a->shape, sizeof npy.shape);
  return npy;
}

/* Whether the elements are in the file as they are, and from where on. */
static bool is_in_place(const cgap_pickle *p, const cgap_pickle_array *a, uint64_t *at)
{
  const cgap_pickle_text *text = a->wrapper ? NULL : cgap_pickle_text_at(p, a->data.index);
  *at = text ? text->at : a->at;
  return !text || (text->form == CGAP_TEXT_RAW && !text->latin1) || text->length == 0;
}

/* The elements to the unnamed file. */
static bool put_array(cgap_pickle_gathering *g, const cgap_pickle_array *a)
{
  cgap_pickle *p = g->p;
  const cgap_npy npy = cgap_gather_array_header(p, a);
  const uint64_t bytes = bytes_of(&npy);
  uint64_t at;
  size_t length = 0;
  if (is_in_place(p, a, &at))
    return copy_bytes(g, p->bytes->member, at, bytes);
  char *text = cgap_pickle_text_copy(p, a->data.index, &length);
  const bool good =
    text &&
    (length == bytes ||
     cgap_pickle_damaged(p, "an array of NumPy needs %" PRIu64 " bytes, %zu are there", bytes, length)) &&
    put_bytes(g, text, length);
  free(text);
  return good;
}

bool cgap_gather_array(cgap_pickle_gathering *g, const char *path, const cgap_pickle_array *a)
{
  const cgap_npy npy = cgap_gather_array_header(g->p, a);
  const uint64_t begin = g->gathered;
  const bool whole = npy.kind != CGAP_KIND_OTHER && npy.item > 0;
  uint64_t at = 0;
  if (!whole)
    return cgap_gather_add_entry(g, path, &npy, (cgap_piece){.member = -1}, "pickle",
                                 "its type is not read; write it as an array of numbers or strings");
  if (is_in_place(g->p, a, &at))
    return cgap_gather_add_entry(g, path, &npy,
                                 (cgap_piece){.member = g->p->bytes->member, .offset = at, .checked = true},
                                 a->wrapper ? "joblib" : "pickle", NULL);
  return cgap_gather_check(g, path, 1, (size_t)bytes_of(&npy)) && put_array(g, a) &&
         cgap_gather_add(g, path, &npy, begin, "pickle, bytes as text");
}

/* ---------------------------------------------------------------- tensors */

typedef enum layout { CONTIGUOUS, ROWS_APART, FIRST_AXIS_FASTEST, OTHER_LAYOUT } layout;

static layout layout_of(const cgap_pickle_tensor *t)
{
  size_t inner = 1, outer = 1;
  bool contiguous = true, apart = true, first = true;
  for (int k = t->ndim - 1; k >= 0; k--) {
    const bool matters = t->shape[k] > 1;
    contiguous = contiguous && (!matters || t->stride[k] == inner);
    apart = apart && (!matters || (k > 0 && k == t->ndim - 1 ? t->stride[k] == 1 : t->stride[k] >= inner));
    inner = !matters ? inner : t->stride[k] > SIZE_MAX / t->shape[k] ? SIZE_MAX : t->stride[k] * t->shape[k];
  }
  for (int k = 0; k < t->ndim; k++) {
    first = first && (t->shape[k] <= 1 || t->stride[k] == outer);
    outer *= t->shape[k];
  }
  return contiguous    ? CONTIGUOUS
         : t->ndim > 3 ? OTHER_LAYOUT
         : apart       ? ROWS_APART
         : first       ? FIRST_AXIS_FASTEST
                       : OTHER_LAYOUT;
}

/* Elements from the first to behind the last; false: more than any file has. */
static bool extent_of(uint64_t *out, const cgap_pickle_tensor *t)
{
  uint64_t last = 0;
  *out = 0;
  for (int k = 0; k < t->ndim; k++) {
    size_t more = 0;
    if (t->shape[k] == 0)
      return true;
    if (!cgap_product(&more, t->shape[k] - 1, t->stride[k]) || more > (uint64_t)INT64_MAX - last)
      return false;
    last += more;
  }
  *out = last + 1;
  return true;
}

/* The header of a tensor, compared with its storage. */
static bool tensor_header(cgap_pickle_gathering *g, cgap_npy *npy, const cgap_pickle_tensor *t)
{
  const cgap_pickle_storage *s = cgap_pickle_storage_at(g->p, t->storage);
  uint64_t extent = 0;
  *npy = (cgap_npy){.ndim = t->ndim};
  memcpy(npy->shape, t->shape, sizeof npy->shape);
  if (!cgap_npy_set_type(npy, t->code) || !s->found)
    return cgap_pickle_damaged(g->p, "a tensor whose storage is missing");
  npy->swap = s->swap && npy->item > 1;
  const uint64_t there = s->bytes / npy->item;
  if (!extent_of(&extent, t))
    return cgap_pickle_damaged(g->p, "a tensor is larger than any memory");
  if (t->offset > there || extent > there - t->offset)
    return cgap_pickle_refuse(g->p, CGAP_FILE,
                              "cut short: a tensor needs %" PRIu64 " elements from %" PRIu64
                              " on, its storage has %" PRIu64 "; copy or download it again",
                              extent, t->offset, there);
  return true;
}

bool cgap_gather_tensor(cgap_pickle_gathering *g, const char *path, const cgap_pickle_tensor *t)
{
  const cgap_pickle_storage *s = cgap_pickle_storage_at(g->p, t->storage);
  const layout order = layout_of(t);
  cgap_npy npy;
  if (!tensor_header(g, &npy, t))
    return false;
  npy.fortran = order == FIRST_AXIS_FASTEST;
  cgap_piece piece = {.member = s->member, .offset = s->at + t->offset * npy.item, .checked = s->checked};
  if (order == ROWS_APART) {
    uint64_t extent = 0;
    (void)extent_of(&extent, t);
    piece.strided = true;
    piece.span = extent * npy.item;
    for (int k = 0; k < t->ndim; k++)
      piece.stride[k] = t->shape[k] > 1 || t->ndim == 1 ? t->stride[k] : 1;
  }
  return cgap_gather_add_entry(
    g, path, &npy, piece, order == ROWS_APART ? "PyTorch, rows apart" : "PyTorch",
    order == OTHER_LAYOUT ? "a view whose rows are not one after the other, which is not read; write its .contiguous()"
                          : NULL);
}

/* ---------------------------------------------------------------- one of several rows */

static void set_python(cgap_pickle_element *e, uint32_t kinds)
{
  e->python = true;
  (void)cgap_npy_set_type(&e->npy, kinds & 1U << CGAP_PICKLE_NUMBER ? "F64" : "I64");
}

/* (1, d) counts as d: one row of a model at a time. */
static void squeeze(cgap_npy *npy)
{
  if (npy->ndim == 2 && npy->shape[0] == 1) {
    npy->ndim = 1;
    npy->shape[0] = npy->shape[1];
  }
}

static bool is_empty(const cgap_npy *npy)
{
  for (int k = 0; k < npy->ndim; k++)
    if (npy->shape[k] == 0)
      return true;
  return npy->item == 0;
}

bool cgap_pickle_is_numbers(const cgap_pickle_sequence *s)
{
  return s->count > 0 && (s->kinds & ~CGAP_PICKLE_NUMBERS) == 0;
}

/* Whether the items are lists of `dim` numbers; looked at once, since many references may lead here. */
static bool is_rows(const cgap_pickle *p, cgap_pickle_sequence *s)
{
  if (s->rows == 0) {
    bool rows = s->count > 0 && (s->kinds & ~CGAP_PICKLE_LISTS) == 0;
    for (size_t i = 0; i < s->count && rows; i++) {
      const cgap_pickle_sequence *row = cgap_pickle_sequence_at(p, s->item[i].index);
      s->dim = i ? s->dim : row->count;
      rows = cgap_pickle_is_numbers(row) && row->count == s->dim;
    }
    s->rows = rows ? 1 : -1;
  }
  return s->rows > 0;
}

static bool measure_list(const cgap_pickle *p, cgap_pickle_element *e, cgap_pickle_value v)
{
  cgap_pickle_sequence *s = cgap_pickle_sequence_at(p, v.index);
  e->npy.ndim = 1;
  e->npy.shape[0] = s->count;
  if (cgap_pickle_is_numbers(s)) {
    set_python(e, s->kinds);
    return true;
  }
  if (!is_rows(p, s))
    return false;
  e->npy.ndim = 2;
  e->npy.shape[1] = s->dim;
  set_python(e, 1U << CGAP_PICKLE_NUMBER);
  return true;
}

/* False: no such object, or one that cannot be copied as it is. */
bool cgap_element_measure(const cgap_pickle *p, cgap_pickle_element *e, cgap_pickle_value v)
{
  *e = (cgap_pickle_element){0};
  if (CGAP_PICKLE_NUMBERS >> v.kind & 1U) {
    set_python(e, 1U << v.kind);
    return true;
  }
  if (cgap_pickle_is_list(v))
    return measure_list(p, e, v);
  if (v.kind == CGAP_PICKLE_ARRAY) {
    const cgap_pickle_array *a = cgap_pickle_array_at(p, v.index);
    if (!a->set)
      return false;
    e->npy = cgap_gather_array_header(p, a);
    squeeze(&e->npy);
    return (e->npy.kind == CGAP_KIND_FLOAT || e->npy.kind == CGAP_KIND_INTEGER) && e->npy.ndim <= 2 &&
           !(e->npy.fortran && e->npy.ndim > 1) && !is_empty(&e->npy);
  }
  if (v.kind == CGAP_PICKLE_TENSOR) {
    const cgap_pickle_tensor *t = cgap_pickle_tensor_at(p, v.index);
    const cgap_pickle_storage *s = cgap_pickle_storage_at(p, t->storage);
    e->npy.ndim = t->ndim;
    memcpy(e->npy.shape, t->shape, sizeof t->shape);
    squeeze(&e->npy);
    const bool known = cgap_npy_set_type(&e->npy, t->code);
    e->npy.swap = s->swap && e->npy.item > 1;
    return known && e->npy.ndim <= 2 && layout_of(t) == CONTIGUOUS && !is_empty(&e->npy);
  }
  return false;
}

/* Whether two rows make a matrix; integers and floats of Python become floats. */
bool cgap_elements_agree(cgap_pickle_element *all, const cgap_pickle_element *e)
{
  const cgap_npy *a = &all->npy, *b = &e->npy;
  if (all->python && e->python && b->kind == CGAP_KIND_FLOAT)
    (void)cgap_npy_set_type(&all->npy, "F64");
  const bool one_type = all->python ? e->python
                                    : !e->python && a->kind == b->kind && a->type == b->type && a->item == b->item &&
                                        a->swap == b->swap && a->is_signed == b->is_signed;
  return one_type && a->ndim == b->ndim && (a->ndim < 1 || a->shape[0] == b->shape[0]) &&
         (a->ndim < 2 || a->shape[1] == b->shape[1]);
}

static bool put_number(cgap_pickle_gathering *g, cgap_pickle_value v, bool as_float)
{
  unsigned char *to = next_bytes(g, sizeof(double));
  const double number = v.kind == CGAP_PICKLE_NUMBER ? v.number : (double)v.integer;
  if (to && as_float)
    memcpy(to, &number, sizeof number);
  else if (to)
    memcpy(to, &v.integer, sizeof v.integer);
  return to != NULL;
}

bool cgap_gather_put_numbers(cgap_pickle_gathering *g, cgap_pickle_value list, bool as_float)
{
  const cgap_pickle_sequence *s = cgap_pickle_sequence_at(g->p, list.index);
  if (s->number && as_float)
    return put_bytes(g, s->number, s->count * sizeof *s->number);
  for (size_t i = 0; i < s->count; i++)
    if (!put_number(g, cgap_pickle_item(g->p, list, i), as_float))
      return false;
  return true;
}

/* One item, of the type and shape of all. */
bool cgap_gather_put_element(cgap_pickle_gathering *g, cgap_pickle_value v, const cgap_pickle_element *all)
{
  cgap_pickle *p = g->p;
  const bool as_float = all->npy.kind == CGAP_KIND_FLOAT;
  if (v.kind == CGAP_PICKLE_ARRAY)
    return put_array(g, cgap_pickle_array_at(p, v.index));
  if (v.kind == CGAP_PICKLE_TENSOR) {
    const cgap_pickle_tensor *t = cgap_pickle_tensor_at(p, v.index);
    const cgap_pickle_storage *s = cgap_pickle_storage_at(p, t->storage);
    cgap_npy npy;
    if (!tensor_header(g, &npy, t))
      return false;
    const cgap_status status = cgap_pickle_check_member(p->bytes, s->member, p->error);
    if (status != CGAP_OK)
      p->status = status;
    return status == CGAP_OK && copy_bytes(g, s->member, s->at + t->offset * npy.item, bytes_of(&npy));
  }
  if (!cgap_pickle_is_list(v))
    return put_number(g, v, as_float);
  if (all->npy.ndim < 2)
    return cgap_gather_put_numbers(g, v, as_float);
  for (size_t i = 0; i < cgap_pickle_count(p, v); i++)
    if (!cgap_gather_put_numbers(g, cgap_pickle_item(p, v, i), as_float))
      return false;
  return true;
}

/* ---------------------------------------------------------------- texts */

static uint64_t text_bytes(const cgap_pickle *p, cgap_pickle_value v)
{
  const cgap_pickle_text *text = cgap_pickle_text_at(p, v.index);
  return text->form == CGAP_TEXT_ESCAPED ? 2 * text->length : text->length;
}

/* Strings, the i-th of which is at first + i·step of a sequence, as strings of one length: a list, or rows of
 * `columns`. */
bool cgap_gather_texts(cgap_pickle_gathering *g, const char *path, cgap_pickle_value list, size_t first, size_t step,
                       size_t columns)
{
  cgap_pickle *p = g->p;
  const size_t count = cgap_pickle_count(p, list) / step;
  const uint64_t begin = g->gathered;
  cgap_npy npy = {.kind = CGAP_KIND_STRING,
                  .item = 1,
                  .type_name = "string",
                  .ndim = columns > 1 ? 2 : 1,
                  .shape = {count / columns, columns}};
  for (size_t i = 0; i < count; i++)
    npy.item = cgap_greater(npy.item, (size_t)text_bytes(p, cgap_pickle_item(p, list, first + i * step)));
  if (npy.item > BLOCK_BYTES || !may_gather(g, count, npy.item)) {
    npy.kind = CGAP_KIND_OTHER;
    return cgap_gather_add_entry(g, path, &npy, (cgap_piece){.member = -1}, "pickle",
                                 "strings of lengths too different to be read; shorten the longest");
  }
  for (size_t i = 0; i < count; i++) {
    size_t length = 0;
    unsigned char *to = next_bytes(g, npy.item);
    char *text = to ? cgap_pickle_text_copy(p, cgap_pickle_item(p, list, first + i * step).index, &length) : NULL;
    if (!text)
      return false;
    memset(to, 0, npy.item);
    memcpy(to, text, cgap_lesser(length, npy.item));
    free(text);
  }
  return cgap_gather_add(g, path, &npy, begin, "pickle");
}

/* The keys of a dict as the ids of its items. */
bool cgap_gather_ids(cgap_pickle_gathering *g, const char *path, cgap_pickle_value dict)
{
  const cgap_pickle_sequence *s = cgap_pickle_sequence_at(g->p, dict.index);
  const uint64_t begin = g->gathered;
  const bool texts = (s->key_kinds & ~CGAP_PICKLE_TEXTS) == 0, integers = s->key_kinds == 1U << CGAP_PICKLE_INTEGER;
  cgap_npy npy = {.ndim = 1, .shape = {s->count / 2}};
  char *name = texts || integers ? cgap_format("%s/id", path) : NULL;
  bool good = name || !(texts || integers) || cgap_gather_fail(g);
  (void)cgap_npy_set_type(&npy, "I64");
  if (name && texts) {
    good = cgap_gather_texts(g, name, dict, 0, 2, 1);
  } else if (name) {
    good = cgap_gather_check(g, name, s->count / 2, npy.item);
    for (size_t i = 0; i < s->count && good; i += 2)
      good = put_number(g, s->item[i], false);
    good = good && cgap_gather_add(g, name, &npy, begin, "pickle");
  }
  free(name);
  return good;
}
