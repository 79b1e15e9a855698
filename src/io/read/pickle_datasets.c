/* The objects of a pickle as entries of its file: what its containers are, and where in them arrays, vectors and texts
 * are (pickle_elements.h). */
#include "io/read/pickle_elements.h"

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
  GATHERED_EXTRA = 1 << 20
};

/* An object that is still to be listed. */
typedef struct pending {
  cgap_pickle_value value;
  char *path; /* owned */
  bool root;
  int depth;
} pending;

typedef struct listing {
  cgap_pickle_gathering g;
  const char *prefix; /* of the paths of what is in the pickle */
  pending *todo;
  size_t count, capacity;
  uint64_t compared; /* items of records: at most gathered_max */
} listing;

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
    return cgap_gather_fail(&l->g);
  }
  l->todo[l->count++] = (pending){value, path, false, depth};
  if (l->count <= ENTRIES_MAX && l->g.file->count <= ENTRIES_MAX && depth <= DEPTH_MAX)
    return true;
  return cgap_pickle_refuse(l->g.p, CGAP_FILE,
                            depth > DEPTH_MAX ? "a Python pickle with containers in containers, more than %d deep; "
                                                "write the arrays with numpy.savez"
                                              : "a Python pickle with more than %d arrays that are not rows of one "
                                                "length; write those you need with numpy.savez",
                            depth > DEPTH_MAX ? DEPTH_MAX : ENTRIES_MAX);
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
static bool is_stack(const cgap_pickle *p, cgap_pickle_element *all, cgap_pickle_value container)
{
  const size_t count = item_count(p, container);
  const bool dict = container.kind == CGAP_PICKLE_DICT;
  cgap_pickle_element e;
  if (count < (dict ? ITEMS_MIN : 1) || !cgap_element_measure(p, all, item_at(p, container, 0)))
    return false;
  if (dict && (all->npy.ndim != 1 || all->npy.kind != CGAP_KIND_FLOAT || all->npy.shape[0] < 2))
    return false;
  for (size_t i = 1; i < count; i++)
    if (!cgap_element_measure(p, &e, item_at(p, container, i)) || !cgap_elements_agree(all, &e))
      return false;
  return true;
}

/* As one array, of which the items are the first axis. */
static bool list_stack(listing *l, const pending *at, const cgap_pickle_element *all)
{
  const size_t count = item_count(l->g.p, at->value);
  const uint64_t begin = l->g.gathered;
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
  if (!cgap_gather_check(&l->g, at->path, count, fits ? each : SIZE_MAX))
    return false;
  for (size_t i = 0; i < count; i++)
    if (!cgap_gather_put_element(&l->g, item_at(l->g.p, at->value, i), all))
      return false;
  (void)snprintf(storage, sizeof storage, npy.ndim > 1 ? "pickle, %zu rows stacked" : "pickle", count);
  return cgap_gather_add(&l->g, at->path, &npy, begin, storage);
}

/* The name of a key in a path: a new string, or NULL where it has none. */
static char *key_text(listing *l, cgap_pickle_value key)
{
  if (key.kind == CGAP_PICKLE_INTEGER || key.kind == CGAP_PICKLE_BOOL)
    return cgap_format("%" PRId64, key.integer);
  size_t length = 0;
  const bool named = CGAP_PICKLE_TEXTS >> key.kind & 1U && cgap_pickle_text_length(l->g.p, key.index) <= KEY_BYTES_MAX;
  char *text = named ? cgap_pickle_text_copy(l->g.p, key.index, &length) : NULL;
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
  return l->g.p->status == CGAP_OK ? below : (free(below), NULL);
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
  if (!cgap_pickle_is_list(list) || count == 0 || cgap_pickle_sequence_at(p, list.index)->kinds & ~CGAP_PICKLE_LISTS)
    return false;
  for (size_t i = 0; i < count; i++) {
    const cgap_pickle_sequence *row = cgap_pickle_sequence_at(p, cgap_pickle_item(p, list, i).index);
    if (row->kinds & ~CGAP_PICKLE_TEXTS)
      return false;
    *columns = i == 0 || *columns == row->count ? row->count : 0;
  }
  return true;
}

static bool list_text_rows(listing *l, const pending *at, size_t columns)
{
  cgap_pickle *p = l->g.p;
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
  return cgap_gather_texts(&l->g, at->path, all, 0, 1, columns);
}

/* Too many to be listed each by itself. */
static bool list_as_one(listing *l, const pending *at)
{
  const bool dict = at->value.kind == CGAP_PICKLE_DICT;
  cgap_npy npy = {.kind = CGAP_KIND_OTHER, .ndim = 1, .shape = {item_count(l->g.p, at->value)}};
  (void)snprintf(npy.type_name, sizeof npy.type_name, "%s", dict ? "dict" : "list");
  return cgap_gather_add_entry(
    &l->g, at->path, &npy, (cgap_piece){.member = -1}, "pickle",
    dict ? "a dict whose items are not vectors of one type and length; write those you need as one array"
         : "a list whose items are not rows of one type and length; write it as one array");
}

/* Each item by itself, the last first, since the list of what is to be done is a stack. */
static bool list_items(listing *l, const pending *at)
{
  const cgap_pickle_value none = {.kind = CGAP_PICKLE_UNSET};
  const bool dict = at->value.kind == CGAP_PICKLE_DICT;
  size_t columns = 0, data = 0;
  if (is_text_rows(l->g.p, at->value, &columns))
    return list_text_rows(l, at, columns);
  for (size_t i = 0; i < item_count(l->g.p, at->value); i++)
    data += holds_data(item_at(l->g.p, at->value, i));
  if (data > (dict ? DICT_ITEMS_MAX : LIST_ITEMS_MAX))
    return list_as_one(l, at);
  for (size_t i = item_count(l->g.p, at->value); i > 0; i--) {
    const cgap_pickle_value v = item_at(l->g.p, at->value, i - 1);
    if (holds_data(v) &&
        !add_pending(l, v,
                     path_below(l, path_of(l, at), dict ? cgap_pickle_item(l->g.p, at->value, 2 * i - 2) : none, i - 1),
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
  const cgap_pickle *p = l->g.p;
  const size_t count = item_count(p, container);
  const cgap_pickle_sequence *s = cgap_pickle_sequence_at(p, container.index);
  const cgap_pickle_value first = count ? item_at(p, container, 0) : container;
  bool vector = false;
  size_t items = 0;
  if (count < ITEMS_MIN || s->kinds != 1U << CGAP_PICKLE_DICT || item_count(p, first) == 0 ||
      !cgap_product(&items, count, item_count(p, first)) || items > l->g.gathered_max - l->compared)
    return false; /* or most are references to the same */
  l->compared += items;
  for (size_t k = 0; k < item_count(p, first); k++) {
    cgap_pickle_element e;
    const bool known = cgap_element_measure(p, &e, item_at(p, first, k));
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
  cgap_pickle *p = l->g.p;
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
  return at->value.kind != CGAP_PICKLE_DICT || cgap_gather_ids(&l->g, path_of(l, at), at->value);
}

/* ---------------------------------------------------------------- all of them */

static bool list_container(listing *l, const pending *at)
{
  cgap_pickle *p = l->g.p;
  cgap_pickle_sequence *s = cgap_pickle_sequence_at(p, at->value.index);
  const bool dict = at->value.kind == CGAP_PICKLE_DICT;
  cgap_pickle_element all;
  if (s->seen) /* under another path */
    return true;
  s->seen = true;
  if (cgap_pickle_is_list(at->value) && s->count > 0 && (s->kinds & ~CGAP_PICKLE_TEXTS) == 0)
    return cgap_gather_texts(&l->g, at->path, at->value, 0, 1, 1);
  if (is_stack(p, &all, at->value))
    return list_stack(l, at, &all) && (!dict || cgap_gather_ids(&l->g, at->path, at->value));
  return is_records(l, at->value) ? list_records(l, at) : list_items(l, at);
}

/* Numbers of Python in an array of several axes, as pandas gives it out. */
static bool list_object_numbers(listing *l, const char *path, const cgap_pickle_array *a)
{
  const uint64_t begin = l->g.gathered;
  cgap_npy npy = cgap_gather_array_header(l->g.p, a);
  const size_t count = cgap_pickle_count(l->g.p, a->data);
  if (a->fortran || !cgap_pickle_is_numbers(cgap_pickle_sequence_at(l->g.p, a->data.index)))
    return cgap_gather_add_entry(&l->g, path, &npy, (cgap_piece){.member = -1}, "pickle", NULL);
  npy.pickled = false;
  (void)cgap_npy_set_type(&npy, "F64");
  return cgap_gather_check(&l->g, path, count, npy.item) && cgap_gather_put_numbers(&l->g, a->data, true) &&
         cgap_gather_add(&l->g, path, &npy, begin, "pickle, objects");
}

/* Objects in an array of NumPy: the one of an array without axes, else a list. */
static bool list_objects(listing *l, const pending *at, const cgap_pickle_array *a)
{
  const cgap_pickle_value inner = a->ndim == 0 ? cgap_pickle_item(l->g.p, a->data, 0) : a->data;
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
  cgap_pickle *p = l->g.p;
  if (at->value.kind == CGAP_PICKLE_TENSOR)
    return cgap_gather_tensor(&l->g, at->path, cgap_pickle_tensor_at(p, at->value.index));
  if (at->value.kind != CGAP_PICKLE_ARRAY)
    return !holds_data(at->value) || list_container(l, at);
  const cgap_pickle_array *a = cgap_pickle_array_at(p, at->value.index);
  if (!a->set)
    return cgap_pickle_damaged(p, "an array without its elements");
  return cgap_pickle_type_at(p, a->type)->npy.pickled ? list_objects(l, at, a) : cgap_gather_array(&l->g, at->path, a);
}

cgap_status cgap_pickle_datasets(cgap_file *file, cgap_pickle *p, cgap_pickle_value root, const char *prefix,
                                 const char *stem, cgap_error *error)
{
  listing l = {.g = {.file = file, .p = p, .gathered = file->gathered_bytes}, .prefix = prefix};
  const size_t before = file->count;
  p->error = error;
  l.g.gathered_max = l.g.gathered + p->bytes->whole * GATHERED_RATIO + GATHERED_EXTRA;
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
  free(l.g.block);
  file->gathered_bytes = l.g.gathered;
  if (good && file->count == before)
    (void)cgap_pickle_refuse(
      p, CGAP_FILE,
      "a Python pickle with no array, tensor, or list of vectors in it; write the embeddings with "
      "numpy.savez");
  return p->status;
}
