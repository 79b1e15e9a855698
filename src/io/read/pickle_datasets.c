/* The objects of a pickle as entries of its file. An array or tensor is read where it is. What is in pieces (a dict or
 * list of vectors, numbers of Python, bytes in the form of text) is written once, in order, to an unnamed file, of a
 * size that is bounded by the size of the pickle: references to one object may be many. */
#include "io/read/pickle_objects.h"

#include "base/memory.h"
#include "base/output_file.h"
#include "base/text_buffer.h"
#include "io/read/array_reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  ENTRIES_MAX = 20000,
  DEPTH_MAX = 32,      /* of containers in containers */
  LIST_ITEMS_MAX = 64, /* that are listed each by itself, where they are no rows */
  DICT_ITEMS_MAX = 4096,
  ITEMS_MIN = 3,        /* of a dict whose keys are ids, of records */
  KEY_BYTES_MAX = 1024, /* of a key that is a name */
  NAME_BYTES_MAX = 200, /* of it in a path */
  GATHERED_RATIO = 16,  /* bytes that are written for each of the file: an integer in two bytes takes eight */
  GATHERED_EXTRA = 1 << 20,
  BLOCK_BYTES = 1 << 20
};

static const uint32_t NUMBERS = 1U << CGAP_PICKLE_BOOL | 1U << CGAP_PICKLE_INTEGER | 1U << CGAP_PICKLE_NUMBER;
static const uint32_t TEXTS = 1U << CGAP_PICKLE_STRING | 1U << CGAP_PICKLE_BYTES;
static const uint32_t LISTS = 1U << CGAP_PICKLE_LIST | 1U << CGAP_PICKLE_TUPLE;

/* An object that is still to be listed. */
typedef struct pending {
  cgap_pickle_value value;
  char *path; /* owned */
  bool root;
  int depth;
} pending;

typedef struct listing {
  cgap_file *file;
  cgap_pickle *p;
  const char *prefix; /* of the paths of what is in the pickle */
  pending *todo;
  size_t count, capacity;
  uint64_t gathered, gathered_max;
  uint64_t compared;    /* items of records: likewise at most gathered_max */
  unsigned char *block; /* (BLOCK_BYTES) on its way to the unnamed file */
  size_t used;
} listing;

static bool is_list(cgap_pickle_value v)
{
  return v.kind == CGAP_PICKLE_LIST || v.kind == CGAP_PICKLE_TUPLE;
}

static bool fail_memory(listing *l)
{
  return cgap_pickle_refuse(l->p, CGAP_RESOURCE, "out of memory");
}

/* Takes over the path; NULL: out of memory. */
static bool add_pending(listing *l, cgap_pickle_value value, char *path, int depth)
{
  if (path && l->count == l->capacity) {
    const size_t capacity = l->capacity ? 2 * l->capacity : 64;
    pending *grown = realloc(l->todo, capacity * sizeof *grown);
    l->todo = grown ? grown : l->todo;
    l->capacity = grown ? capacity : l->capacity;
  }
  if (!path || l->count == l->capacity) {
    free(path);
    return fail_memory(l);
  }
  l->todo[l->count++] = (pending){value, path, false, depth};
  if (l->count <= ENTRIES_MAX && l->file->count <= ENTRIES_MAX && depth <= DEPTH_MAX)
    return true;
  return cgap_pickle_refuse(l->p, CGAP_FILE,
                            depth > DEPTH_MAX ? "a Python pickle with containers in containers, more than %d deep; "
                                                "write the arrays with numpy.savez"
                                              : "a Python pickle with more than %d arrays that are not rows of one "
                                                "length; write those you need with numpy.savez",
                            depth > DEPTH_MAX ? DEPTH_MAX : ENTRIES_MAX);
}

/* ---------------------------------------------------------------- the unnamed file */

static bool flush(listing *l)
{
  const cgap_status status =
    l->used ? cgap_unnamed_file_write(l->file->gathered, l->block, l->used, l->p->error) : CGAP_OK;
  l->used = 0;
  if (status != CGAP_OK)
    l->p->status = status;
  return status == CGAP_OK;
}

/* Whether so many bytes more may be written: not where most of them are references to the same bytes. */
static bool may_gather(const listing *l, size_t count, size_t each)
{
  size_t bytes = 0;
  return cgap_product(&bytes, count, each) && bytes <= l->gathered_max - l->gathered;
}

static bool check_gather(listing *l, const char *path, size_t count, size_t each)
{
  return may_gather(l, count, each) ||
         cgap_pickle_refuse(l->p, CGAP_FILE,
                            "%s would be %zu rows of %zu bytes, and %" PRIu64
                            " bytes are there: most are references to the same; it is damaged or malicious, write the "
                            "rows as one array",
                            path, count, each, l->p->bytes->whole);
}

/* Room for so many bytes, at most BLOCK_BYTES; the caller writes all of them. */
static unsigned char *next_bytes(listing *l, size_t count)
{
  static const char WAY_OUT[] = "set TMPDIR to a larger place, or write the rows as one array";
  if (l->file->gathered < 0) {
    const cgap_status status = cgap_unnamed_file_open(&l->file->gathered, 0, l->p->bytes->name, WAY_OUT, l->p->error);
    if (status != CGAP_OK) {
      l->p->status = status;
      return NULL;
    }
  }
  if (!l->block && !(l->block = malloc(BLOCK_BYTES))) {
    (void)fail_memory(l);
    return NULL;
  }
  if (l->used + count > BLOCK_BYTES && !flush(l))
    return NULL;
  unsigned char *at = l->block + l->used;
  l->used += count;
  l->gathered += count;
  return at;
}

static bool put_bytes(listing *l, const void *bytes, size_t count)
{
  const unsigned char *from = bytes;
  for (size_t here; count > 0; from += here, count -= here) {
    here = cgap_lesser(count, BLOCK_BYTES);
    unsigned char *to = next_bytes(l, here);
    if (!to)
      return false;
    memcpy(to, from, here);
  }
  return true;
}

/* Bytes of a file or member, as they are. */
static bool copy_bytes(listing *l, int64_t member, uint64_t at, uint64_t count)
{
  cgap_pickle *p = l->p;
  for (size_t here; count > 0; at += here, count -= here) {
    here = (size_t)(count < BLOCK_BYTES ? count : BLOCK_BYTES);
    unsigned char *to = next_bytes(l, here);
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
static bool add_entry(listing *l, const char *path, const cgap_npy *npy, cgap_piece piece, const char *storage,
                      const char *obstacle)
{
  char *name = cgap_format("%s:%s", l->p->bytes->path, path);
  cgap_pickle *p = l->p;
  if (!name)
    return fail_memory(l);
  piece.path = l->p->bytes->path;
  if (l->p->bytes->gathered && piece.member < 0) {
    piece.gathered = true;
    piece.fd = l->file->gathered;
  }
  const cgap_array_header found = {path, name, storage, npy, piece};
  const cgap_status status = cgap_array_header_add(l->file, &found, p->error);
  free(name);
  if (status != CGAP_OK)
    p->status = status;
  if (status != CGAP_OK || !obstacle)
    return status == CGAP_OK;
  cgap_entry *e = &l->file->entries[l->file->count - 1];
  e->obstacle = e->obstacle ? e->obstacle : strdup(obstacle);
  return e->obstacle || fail_memory(l);
}

/* What the unnamed file has from byte `at` on. */
static bool add_gathered(listing *l, const char *path, const cgap_npy *npy, uint64_t at, const char *storage)
{
  return flush(l) &&
         add_entry(l, path, npy, (cgap_piece){.member = -1, .gathered = true, .fd = l->file->gathered, .offset = at},
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
static cgap_npy array_header(const cgap_pickle *p, const cgap_pickle_array *a)
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
static bool put_array(listing *l, const cgap_pickle_array *a)
{
  cgap_pickle *p = l->p;
  const cgap_npy npy = array_header(p, a);
  const uint64_t bytes = bytes_of(&npy);
  uint64_t at;
  size_t length = 0;
  if (is_in_place(p, a, &at))
    return copy_bytes(l, p->bytes->member, at, bytes);
  char *text = cgap_pickle_text_copy(p, a->data.index, &length);
  const bool good =
    text &&
    (length == bytes ||
     cgap_pickle_damaged(p, "an array of NumPy needs %" PRIu64 " bytes, %zu are there", bytes, length)) &&
    put_bytes(l, text, length);
  free(text);
  return good;
}

static bool list_array(listing *l, const char *path, const cgap_pickle_array *a)
{
  const cgap_npy npy = array_header(l->p, a);
  const uint64_t begin = l->gathered;
  const bool whole = npy.kind != CGAP_KIND_OTHER && npy.item > 0;
  uint64_t at = 0;
  if (!whole)
    return add_entry(l, path, &npy, (cgap_piece){.member = -1}, "pickle",
                     "its type is not read; write it as an array of numbers or strings");
  if (is_in_place(l->p, a, &at))
    return add_entry(l, path, &npy, (cgap_piece){.member = l->p->bytes->member, .offset = at, .checked = true},
                     a->wrapper ? "joblib" : "pickle", NULL);
  return check_gather(l, path, 1, (size_t)bytes_of(&npy)) && put_array(l, a) &&
         add_gathered(l, path, &npy, begin, "pickle, bytes as text");
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
static bool tensor_header(listing *l, cgap_npy *npy, const cgap_pickle_tensor *t)
{
  const cgap_pickle_storage *s = cgap_pickle_storage_at(l->p, t->storage);
  uint64_t extent = 0;
  *npy = (cgap_npy){.ndim = t->ndim};
  memcpy(npy->shape, t->shape, sizeof npy->shape);
  if (!cgap_npy_set_type(npy, t->code) || !s->found)
    return cgap_pickle_damaged(l->p, "a tensor whose storage is missing");
  npy->swap = s->swap && npy->item > 1;
  const uint64_t there = s->bytes / npy->item;
  if (!extent_of(&extent, t))
    return cgap_pickle_damaged(l->p, "a tensor is larger than any memory");
  if (t->offset > there || extent > there - t->offset)
    return cgap_pickle_refuse(l->p, CGAP_FILE,
                              "cut short: a tensor needs %" PRIu64 " elements from %" PRIu64
                              " on, its storage has %" PRIu64 "; copy or download it again",
                              extent, t->offset, there);
  return true;
}

static bool list_tensor(listing *l, const char *path, const cgap_pickle_tensor *t)
{
  const cgap_pickle_storage *s = cgap_pickle_storage_at(l->p, t->storage);
  const layout order = layout_of(t);
  cgap_npy npy;
  if (!tensor_header(l, &npy, t))
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
  return add_entry(l, path, &npy, piece, order == ROWS_APART ? "PyTorch, rows apart" : "PyTorch",
                   order == OTHER_LAYOUT
                     ? "a view whose rows are not one after the other, which is not read; write its .contiguous()"
                     : NULL);
}

/* ---------------------------------------------------------------- one of several rows */

/* An object as an item of a list: a number, a vector, a matrix. */
typedef struct element {
  cgap_npy npy; /* type and shape */
  bool python;  /* numbers of Python, which are written as integers or doubles */
} element;

static void set_python(element *e, uint32_t kinds)
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

static bool is_numbers(const cgap_pickle_sequence *s)
{
  return s->count > 0 && (s->kinds & ~NUMBERS) == 0;
}

/* Whether the items are lists of `dim` numbers; looked at once, since many references may lead here. */
static bool is_rows(const cgap_pickle *p, cgap_pickle_sequence *s)
{
  if (s->rows == 0) {
    bool rows = s->count > 0 && (s->kinds & ~LISTS) == 0;
    for (size_t i = 0; i < s->count && rows; i++) {
      const cgap_pickle_sequence *row = cgap_pickle_sequence_at(p, s->item[i].index);
      s->dim = i ? s->dim : row->count;
      rows = is_numbers(row) && row->count == s->dim;
    }
    s->rows = rows ? 1 : -1;
  }
  return s->rows > 0;
}

static bool measure_list(const cgap_pickle *p, element *e, cgap_pickle_value v)
{
  cgap_pickle_sequence *s = cgap_pickle_sequence_at(p, v.index);
  e->npy.ndim = 1;
  e->npy.shape[0] = s->count;
  if (is_numbers(s)) {
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
static bool measure(const cgap_pickle *p, element *e, cgap_pickle_value v)
{
  *e = (element){0};
  if (NUMBERS >> v.kind & 1U) {
    set_python(e, 1U << v.kind);
    return true;
  }
  if (is_list(v))
    return measure_list(p, e, v);
  if (v.kind == CGAP_PICKLE_ARRAY) {
    const cgap_pickle_array *a = cgap_pickle_array_at(p, v.index);
    if (!a->set)
      return false;
    e->npy = array_header(p, a);
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
static bool agree(element *all, const element *e)
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

static bool put_number(listing *l, cgap_pickle_value v, bool as_float)
{
  unsigned char *to = next_bytes(l, sizeof(double));
  const double number = v.kind == CGAP_PICKLE_NUMBER ? v.number : (double)v.integer;
  if (to && as_float)
    memcpy(to, &number, sizeof number);
  else if (to)
    memcpy(to, &v.integer, sizeof v.integer);
  return to != NULL;
}

static bool put_numbers(listing *l, cgap_pickle_value list, bool as_float)
{
  const cgap_pickle_sequence *s = cgap_pickle_sequence_at(l->p, list.index);
  if (s->number && as_float)
    return put_bytes(l, s->number, s->count * sizeof *s->number);
  for (size_t i = 0; i < s->count; i++)
    if (!put_number(l, cgap_pickle_item(l->p, list, i), as_float))
      return false;
  return true;
}

/* One item, of the type and shape of all. */
static bool put_element(listing *l, cgap_pickle_value v, const element *all)
{
  cgap_pickle *p = l->p;
  const bool as_float = all->npy.kind == CGAP_KIND_FLOAT;
  if (v.kind == CGAP_PICKLE_ARRAY)
    return put_array(l, cgap_pickle_array_at(p, v.index));
  if (v.kind == CGAP_PICKLE_TENSOR) {
    const cgap_pickle_tensor *t = cgap_pickle_tensor_at(p, v.index);
    const cgap_pickle_storage *s = cgap_pickle_storage_at(p, t->storage);
    cgap_npy npy;
    if (!tensor_header(l, &npy, t))
      return false;
    const cgap_status status = cgap_pickle_check_member(p->bytes, s->member, p->error);
    if (status != CGAP_OK)
      p->status = status;
    return status == CGAP_OK && copy_bytes(l, s->member, s->at + t->offset * npy.item, bytes_of(&npy));
  }
  if (!is_list(v))
    return put_number(l, v, as_float);
  if (all->npy.ndim < 2)
    return put_numbers(l, v, as_float);
  for (size_t i = 0; i < cgap_pickle_count(p, v); i++)
    if (!put_numbers(l, cgap_pickle_item(p, v, i), as_float))
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
static bool list_texts(listing *l, const char *path, cgap_pickle_value list, size_t first, size_t step, size_t columns)
{
  cgap_pickle *p = l->p;
  const size_t count = cgap_pickle_count(p, list) / step;
  const uint64_t begin = l->gathered;
  cgap_npy npy = {.kind = CGAP_KIND_STRING,
                  .item = 1,
                  .type_name = "string",
                  .ndim = columns > 1 ? 2 : 1,
                  .shape = {count / columns, columns}};
  for (size_t i = 0; i < count; i++)
    npy.item = cgap_greater(npy.item, (size_t)text_bytes(p, cgap_pickle_item(p, list, first + i * step)));
  if (npy.item > BLOCK_BYTES || !may_gather(l, count, npy.item)) {
    npy.kind = CGAP_KIND_OTHER;
    return add_entry(l, path, &npy, (cgap_piece){.member = -1}, "pickle",
                     "strings of lengths too different to be read; shorten the longest");
  }
  for (size_t i = 0; i < count; i++) {
    size_t length = 0;
    unsigned char *to = next_bytes(l, npy.item);
    char *text = to ? cgap_pickle_text_copy(p, cgap_pickle_item(p, list, first + i * step).index, &length) : NULL;
    if (!text)
      return false;
    memset(to, 0, npy.item);
    memcpy(to, text, cgap_lesser(length, npy.item));
    free(text);
  }
  return add_gathered(l, path, &npy, begin, "pickle");
}

/* The keys of a dict as the ids of its items. */
static bool list_ids(listing *l, const char *path, cgap_pickle_value dict)
{
  const cgap_pickle_sequence *s = cgap_pickle_sequence_at(l->p, dict.index);
  const uint64_t begin = l->gathered;
  const bool texts = (s->key_kinds & ~TEXTS) == 0, integers = s->key_kinds == 1U << CGAP_PICKLE_INTEGER;
  cgap_npy npy = {.ndim = 1, .shape = {s->count / 2}};
  char *name = texts || integers ? cgap_format("%s/id", path) : NULL;
  bool good = name || !(texts || integers) || fail_memory(l);
  (void)cgap_npy_set_type(&npy, "I64");
  if (name && texts) {
    good = list_texts(l, name, dict, 0, 2, 1);
  } else if (name) {
    good = check_gather(l, name, s->count / 2, npy.item);
    for (size_t i = 0; i < s->count && good; i += 2)
      good = put_number(l, s->item[i], false);
    good = good && add_gathered(l, name, &npy, begin, "pickle");
  }
  free(name);
  return good;
}

/* ---------------------------------------------------------------- containers */

static size_t step_of(cgap_pickle_value container)
{
  return container.kind == CGAP_PICKLE_DICT ? 2 : 1;
}

static size_t item_count(const cgap_pickle *p, cgap_pickle_value container)
{
  return cgap_pickle_count(p, container) / step_of(container);
}

static cgap_pickle_value item_at(const cgap_pickle *p, cgap_pickle_value container, size_t i)
{
  const size_t step = step_of(container);
  return cgap_pickle_item(p, container, i * step + step - 1);
}

/* Whether the items are rows of one type and length, which become a matrix: of a dict only vectors do, whose keys are
 * then their ids. */
static bool is_stack(const cgap_pickle *p, element *all, cgap_pickle_value container)
{
  const size_t count = item_count(p, container);
  const bool dict = container.kind == CGAP_PICKLE_DICT;
  element e;
  if (count < (dict ? ITEMS_MIN : 1) || !measure(p, all, item_at(p, container, 0)))
    return false;
  if (dict && (all->npy.ndim != 1 || all->npy.kind != CGAP_KIND_FLOAT || all->npy.shape[0] < 2))
    return false;
  for (size_t i = 1; i < count; i++)
    if (!measure(p, &e, item_at(p, container, i)) || !agree(all, &e))
      return false;
  return true;
}

/* As one array, of which the items are the first axis. */
static bool list_stack(listing *l, const pending *at, const element *all)
{
  const size_t count = item_count(l->p, at->value);
  const uint64_t begin = l->gathered;
  cgap_npy npy = all->npy;
  char storage[80];
  size_t each = npy.item;
  bool fits = true;
  for (int k = npy.ndim; k > 0; k--)
    npy.shape[k] = npy.shape[k - 1];
  npy.shape[0] = count;
  npy.ndim++;
  npy.fortran = false;
  for (int k = 1; k < npy.ndim; k++)
    fits = fits && cgap_product(&each, each, npy.shape[k]);
  if (!check_gather(l, at->path, count, fits ? each : SIZE_MAX))
    return false;
  for (size_t i = 0; i < count; i++)
    if (!put_element(l, item_at(l->p, at->value, i), all))
      return false;
  (void)snprintf(storage, sizeof storage, npy.ndim > 1 ? "pickle, %zu rows stacked" : "pickle", count);
  return add_gathered(l, at->path, &npy, begin, storage);
}

/* The name of a key in a path: a new string, or NULL where it has none. */
static char *key_text(listing *l, cgap_pickle_value key)
{
  if (key.kind == CGAP_PICKLE_INTEGER || key.kind == CGAP_PICKLE_BOOL)
    return cgap_format("%" PRId64, key.integer);
  size_t length = 0;
  const bool named = TEXTS >> key.kind & 1U && cgap_pickle_text_length(l->p, key.index) <= KEY_BYTES_MAX;
  char *text = named ? cgap_pickle_text_copy(l->p, key.index, &length) : NULL;
  if (text && length > NAME_BYTES_MAX)
    text[NAME_BYTES_MAX] = '\0';
  if (text)
    cgap_text_clean(text, '?', "");
  return text;
}

static char *path_below(listing *l, const char *path, cgap_pickle_value key, size_t i)
{
  char *text = key.kind == CGAP_PICKLE_UNSET ? NULL : key_text(l, key);
  char *below = text && text[0] ? cgap_format("%s/%s", path, text) : cgap_format("%s/%zu", path, i);
  free(text);
  return l->p->status == CGAP_OK ? below : (free(below), NULL);
}

static bool holds_data(cgap_pickle_value v)
{
  return v.kind == CGAP_PICKLE_ARRAY || v.kind == CGAP_PICKLE_TENSOR ||
         (v.kind >= CGAP_PICKLE_LIST && v.kind <= CGAP_PICKLE_DICT);
}

static const char *path_of(const listing *l, const pending *at)
{
  return at->root ? l->prefix : at->path;
}

/* Several strings for each item, such as the captions of an image: rows of as many, else names of nothing. */
static bool is_text_rows(const cgap_pickle *p, cgap_pickle_value list, size_t *columns)
{
  const size_t count = cgap_pickle_count(p, list);
  if (!is_list(list) || count == 0 || cgap_pickle_sequence_at(p, list.index)->kinds & ~LISTS)
    return false;
  for (size_t i = 0; i < count; i++) {
    const cgap_pickle_sequence *row = cgap_pickle_sequence_at(p, cgap_pickle_item(p, list, i).index);
    if (row->kinds & ~TEXTS)
      return false;
    *columns = i == 0 || *columns == row->count ? row->count : 0;
  }
  return true;
}

static bool list_text_rows(listing *l, const pending *at, size_t columns)
{
  cgap_pickle *p = l->p;
  cgap_pickle_value all;
  if (columns == 0)
    return true;
  if (!cgap_pickle_sequence_new(p, &all, CGAP_PICKLE_LIST, NULL, 0))
    return false;
  for (size_t i = 0; i < cgap_pickle_count(p, at->value); i++) {
    const cgap_pickle_value row = cgap_pickle_item(p, at->value, i);
    if (!cgap_pickle_sequence_add(p, all, cgap_pickle_sequence_at(p, row.index)->item, columns))
      return false;
  }
  return list_texts(l, at->path, all, 0, 1, columns);
}

/* Too many to be listed each by itself. */
static bool list_as_one(listing *l, const pending *at)
{
  const bool dict = at->value.kind == CGAP_PICKLE_DICT;
  cgap_npy npy = {.kind = CGAP_KIND_OTHER, .ndim = 1, .shape = {item_count(l->p, at->value)}};
  (void)snprintf(npy.type_name, sizeof npy.type_name, "%s", dict ? "dict" : "list");
  return add_entry(l, at->path, &npy, (cgap_piece){.member = -1}, "pickle",
                   dict ? "a dict whose items are not vectors of one type and length; write those you need as one array"
                        : "a list whose items are not rows of one type and length; write it as one array");
}

/* Each item by itself, the last first, since the list of what is to be done is a stack. */
static bool list_items(listing *l, const pending *at)
{
  const cgap_pickle_value none = {.kind = CGAP_PICKLE_UNSET};
  const bool dict = at->value.kind == CGAP_PICKLE_DICT;
  size_t columns = 0, data = 0;
  if (is_text_rows(l->p, at->value, &columns))
    return list_text_rows(l, at, columns);
  for (size_t i = 0; i < item_count(l->p, at->value); i++)
    data += holds_data(item_at(l->p, at->value, i));
  if (data > (dict ? DICT_ITEMS_MAX : LIST_ITEMS_MAX))
    return list_as_one(l, at);
  for (size_t i = item_count(l->p, at->value); i > 0; i--) {
    const cgap_pickle_value v = item_at(l->p, at->value, i - 1);
    if (holds_data(v) &&
        !add_pending(l, v,
                     path_below(l, path_of(l, at), dict ? cgap_pickle_item(l->p, at->value, 2 * i - 2) : none, i - 1),
                     at->depth + 1))
      return false;
  }
  return true;
}

/* ---------------------------------------------------------------- records */

static bool same_text(const cgap_pickle *p, cgap_pickle_value a, cgap_pickle_value b)
{
  if (a.kind != CGAP_PICKLE_STRING || b.kind != CGAP_PICKLE_STRING)
    return false;
  const cgap_pickle_text *x = cgap_pickle_text_at(p, a.index), *y = cgap_pickle_text_at(p, b.index);
  const char *of_x = cgap_pickle_text_kept(p, x), *of_y = cgap_pickle_text_kept(p, y);
  return a.index == b.index ||
         (x->length == y->length && x->form == y->form && of_x && of_y && !memcmp(of_x, of_y, x->length));
}

/* Dicts with the same keys in the same order, some vector in each and no matrix: a table by rows. */
static bool is_records(listing *l, cgap_pickle_value container)
{
  const cgap_pickle *p = l->p;
  const size_t count = item_count(p, container);
  const cgap_pickle_sequence *s = cgap_pickle_sequence_at(p, container.index);
  const cgap_pickle_value first = count ? item_at(p, container, 0) : container;
  bool vector = false;
  size_t items = 0;
  if (count < ITEMS_MIN || s->kinds != 1U << CGAP_PICKLE_DICT || item_count(p, first) == 0 ||
      !cgap_product(&items, count, item_count(p, first)) || items > l->gathered_max - l->compared)
    return false; /* or most are references to the same */
  l->compared += items;
  for (size_t k = 0; k < item_count(p, first); k++) {
    element e;
    const bool known = measure(p, &e, item_at(p, first, k));
    vector = vector || (known && e.npy.ndim == 1 && e.npy.kind == CGAP_KIND_FLOAT);
    if (known && e.npy.ndim > 1)
      return false;
  }
  for (size_t i = 1; i < count && vector; i++) {
    const cgap_pickle_value record = item_at(p, container, i);
    if (record.index == first.index || item_count(p, record) != item_count(p, first))
      return false;
    for (size_t k = 0; k < item_count(p, first); k++)
      if (!same_text(p, cgap_pickle_item(p, record, 2 * k), cgap_pickle_item(p, first, 2 * k)))
        return false;
  }
  return vector;
}

/* Each column as a list. */
static bool list_records(listing *l, const pending *at)
{
  cgap_pickle *p = l->p;
  const cgap_pickle_value first = item_at(p, at->value, 0);
  for (size_t k = item_count(p, first); k > 0; k--) {
    cgap_pickle_value column;
    if (!cgap_pickle_sequence_new(p, &column, CGAP_PICKLE_LIST, NULL, 0))
      return false;
    for (size_t i = 0; i < item_count(p, at->value); i++) {
      const cgap_pickle_value item = item_at(p, item_at(p, at->value, i), k - 1);
      if (!cgap_pickle_sequence_add(p, column, &item, 1))
        return false;
    }
    if (!add_pending(l, column, path_below(l, path_of(l, at), cgap_pickle_item(p, first, 2 * k - 2), k - 1),
                     at->depth + 1))
      return false;
  }
  return at->value.kind != CGAP_PICKLE_DICT || list_ids(l, path_of(l, at), at->value);
}

/* ---------------------------------------------------------------- all of them */

static bool list_container(listing *l, const pending *at)
{
  cgap_pickle *p = l->p;
  cgap_pickle_sequence *s = cgap_pickle_sequence_at(p, at->value.index);
  const bool dict = at->value.kind == CGAP_PICKLE_DICT;
  element all;
  if (s->seen) /* under another path */
    return true;
  s->seen = true;
  if (is_list(at->value) && s->count > 0 && (s->kinds & ~TEXTS) == 0)
    return list_texts(l, at->path, at->value, 0, 1, 1);
  if (is_stack(p, &all, at->value))
    return list_stack(l, at, &all) && (!dict || list_ids(l, at->path, at->value));
  return is_records(l, at->value) ? list_records(l, at) : list_items(l, at);
}

/* Numbers of Python in an array of several axes, as pandas gives it out. */
static bool list_object_numbers(listing *l, const char *path, const cgap_pickle_array *a)
{
  const uint64_t begin = l->gathered;
  cgap_npy npy = array_header(l->p, a);
  const size_t count = cgap_pickle_count(l->p, a->data);
  if (a->fortran || !is_numbers(cgap_pickle_sequence_at(l->p, a->data.index)))
    return add_entry(l, path, &npy, (cgap_piece){.member = -1}, "pickle", NULL);
  npy.pickled = false;
  (void)cgap_npy_set_type(&npy, "F64");
  return check_gather(l, path, count, npy.item) && put_numbers(l, a->data, true) &&
         add_gathered(l, path, &npy, begin, "pickle, objects");
}

/* Objects in an array of NumPy: the one of an array without axes, else a list. */
static bool list_objects(listing *l, const pending *at, const cgap_pickle_array *a)
{
  const cgap_pickle_value inner = a->ndim == 0 ? cgap_pickle_item(l->p, a->data, 0) : a->data;
  if (a->ndim > 1)
    return list_object_numbers(l, at->path, a);
  if (!holds_data(inner))
    return true;
  const bool good = add_pending(l, inner, strdup(at->path), at->depth + 1);
  if (good)
    l->todo[l->count - 1].root = at->root;
  return good;
}

static bool list_one(listing *l, const pending *at)
{
  cgap_pickle *p = l->p;
  if (at->value.kind == CGAP_PICKLE_TENSOR)
    return list_tensor(l, at->path, cgap_pickle_tensor_at(p, at->value.index));
  if (at->value.kind != CGAP_PICKLE_ARRAY)
    return !holds_data(at->value) || list_container(l, at);
  const cgap_pickle_array *a = cgap_pickle_array_at(p, at->value.index);
  if (!a->set)
    return cgap_pickle_damaged(p, "an array without its elements");
  return cgap_pickle_type_at(p, a->type)->npy.pickled ? list_objects(l, at, a) : list_array(l, at->path, a);
}

cgap_status cgap_pickle_datasets(cgap_file *file, cgap_pickle *p, cgap_pickle_value root, const char *prefix,
                                 const char *stem, cgap_error *error)
{
  listing l = {.file = file, .p = p, .prefix = prefix, .gathered = file->gathered_bytes};
  const size_t before = file->count;
  p->error = error;
  l.gathered_max = l.gathered + p->bytes->whole * GATHERED_RATIO + GATHERED_EXTRA;
  bool good = add_pending(&l, root, strdup(stem), 0);
  if (good)
    l.todo[0].root = true;
  while (good && l.count > 0) {
    const pending at = l.todo[--l.count];
    good = list_one(&l, &at);
    free(at.path);
  }
  while (l.count > 0)
    free(l.todo[--l.count].path);
  free(l.todo);
  free(l.block);
  file->gathered_bytes = l.gathered;
  if (good && file->count == before)
    (void)cgap_pickle_refuse(
      p, CGAP_FILE,
      "a Python pickle with no array, tensor, or list of vectors in it; write the embeddings with "
      "numpy.savez");
  return p->status;
}
