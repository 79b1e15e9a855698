/* One array an item: vectors (d) or (1, d) with names of their own, in a group of HDF5, an .npz, a folder of .npy or an
 * object of JSON, become one matrix (N, d) for each group, in the order of their names, those of JSON in the order of
 * the file, as Python keeps it; and a list of these names, id. The rows are read here, once, and count to the limit of
 * memory: an array has its own place, and a pass over the rows would open each again.
 *
 * A group is named by its path; at the top of a file the names may say the modality, image_17 or 17_text. Where a file
 * or a group has a matrix, its vectors are something else. */
#include "base/memory.h"
#include "base/output_file.h"
#include "base/text_buffer.h"
#include "io/read/array_reader.h"
#include "io/read/datasets.h"
#include "io/read/hdf5_basics.h"
#include "io/read/name_words.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS_MIN = 3, DIM_MIN = 2, HEADER_BYTES_MAX = 1 << 20 };

typedef struct item {
  char *group, *id; /* "/image", "000001" */
  size_t entry, piece;
  bool whole; /* the entry is this item; else one of its pieces is */
  size_t dim;
} item;

typedef struct item_list {
  item *item;
  size_t count, capacity;
} item_list;

static void clear_items(item_list *l)
{
  for (size_t i = 0; i < l->count; i++) {
    free(l->item[i].group);
    free(l->item[i].id);
  }
  free(l->item);
}

static bool is_item(const cgap_entry *e)
{
  return e->kind == CGAP_KIND_FLOAT && !e->alias && !e->dangling && !e->obstacle && !e->turned &&
         (e->ndim == 1 || (e->ndim == 2 && e->shape[0] == 1 && e->piece_count < 2)) && e->shape[e->ndim - 1] >= DIM_MIN;
}

static bool is_matrix(const cgap_entry *e)
{
  return e->kind == CGAP_KIND_FLOAT && e->ndim >= 2 && !is_item(e);
}

static bool all_digits(const char *text, size_t length)
{
  size_t k = 0;
  while (k < length && isdigit((unsigned char)text[k]))
    k++;
  return k == length && length > 0;
}

/* The name of a file without folder and ending. */
static char *stem_of(const char *path)
{
  const char *slash = strrchr(path, '/'), *name = slash && slash[1] ? slash + 1 : path, *dot = strrchr(name, '.');
  return strndup(name, dot && dot > name ? (size_t)(dot - name) : strlen(name));
}

/* "image_17" or "17-text" at the top of a file: the group /image or /text, and what is left as the id. */
static bool split_modality(const char *leaf, item *out)
{
  static const char SIGNS[] = "_-. :";
  const size_t first = strcspn(leaf, SIGNS), length = strlen(leaf);
  size_t last = length;
  while (last > 0 && !strchr(SIGNS, leaf[last - 1]))
    last--;
  for (int end = 0; end < 2 && first < length; end++) {
    char word[80];
    const char *from = end ? leaf + last : leaf;
    (void)snprintf(word, sizeof word, "/%.*s", (int)cgap_lesser(end ? length - last : first, 70), from);
    if (!cgap_name_words_of(word).modality)
      continue;
    out->group = strdup(word);
    out->id = end ? strndup(leaf, last - 1) : strdup(leaf + first + 1);
    return true;
  }
  return false;
}

static void name_item(item *out, const cgap_file *file, const cgap_entry *e)
{
  const char *slash = strrchr(e->path, '/'), *leaf = slash + 1;
  char *stem = out->whole ? NULL : stem_of(e->pieces[out->piece].path);
  if (stem && all_digits(stem, strlen(stem)) &&
      strcmp(e->path, "/array") != 0) { /* the folder gave the entry its name */
    out->group = strdup(e->path);
    out->id = stem;
  } else if (slash > e->path) {
    out->group = strndup(e->path, (size_t)(slash - e->path));
    out->id = stem ? stem : strdup(leaf);
  } else if (!split_modality(stem ? stem : leaf, out)) {
    char *name = stem_of(file->path);
    out->group = name ? cgap_format("/%s", name) : NULL;
    out->id = stem ? stem : strdup(leaf);
    free(name);
  } else {
    free(stem);
  }
}

static cgap_status add_item(item_list *l, const cgap_file *file, size_t entry, size_t piece, cgap_error *error)
{
  const cgap_entry *e = &file->entries[entry];
  if (l->count == l->capacity) {
    item *grown = realloc(l->item, (2 * l->capacity + 64) * sizeof *grown);
    if (!grown)
      return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
    l->item = grown;
    l->capacity = 2 * l->capacity + 64;
  }
  item *one = &l->item[l->count++];
  *one = (item){.entry = entry, .piece = piece, .whole = e->piece_count < 2};
  one->dim = one->whole ? e->shape[e->ndim - 1] : e->pieces[piece].rows;
  name_item(one, file, e);
  return one->group && one->id ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
}

static int by_group_and_id(const void *a, const void *b)
{
  const item *x = a, *y = b;
  const int order = strcmp(x->group, y->group);
  return order ? order : strcmp(x->id, y->id);
}

/* ---------------------------------------------------------------- rows */

typedef struct row_reader {
  const cgap_file *file;
  zip_t *zip; /* of the file's members, opened once */
  cgap_error *error;
} row_reader;

/* HDF5 gives the elements as they are stored. */
static cgap_status read_hdf5(const row_reader *r, const cgap_entry *e, size_t dim, void *out)
{
  const hid_t dataset = H5Dopen2(r->file->id, cgap_entry_place(e), H5P_DEFAULT);
  const hid_t type = dataset < 0 ? H5I_INVALID_HID : H5Dget_type(dataset);
  const hid_t space = dataset < 0 ? H5I_INVALID_HID : H5Dget_space(dataset);
  const bool ok = type >= 0 && H5Tget_size(type) == cgap_type_size(e->type) && space >= 0 &&
                  H5Sget_simple_extent_npoints(space) == (hssize_t)dim &&
                  H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0;
  cgap_hdf5_close(space);
  cgap_hdf5_close(type);
  cgap_hdf5_close(dataset);
  return ok ? CGAP_OK
            : cgap_fail(r->error, CGAP_FILE, "%s:%s: cannot be read; copy the file again", r->file->path, e->path);
}

static cgap_status read_member(row_reader *r, const cgap_piece *p, const char *name, void *out, size_t bytes)
{
  zip_file_t *member = NULL;
  cgap_status status = r->zip ? CGAP_OK : cgap_zip_open(&r->zip, p->path, r->error);
  unsigned char *all = status == CGAP_OK ? malloc((size_t)p->offset + bytes) : NULL;
  if (status == CGAP_OK && !all)
    status = cgap_fail(r->error, CGAP_RESOURCE, "%s: out of memory", name);
  if (status == CGAP_OK)
    status = cgap_zip_member(&member, r->zip, p->member, name, r->error);
  if (status == CGAP_OK)
    status = cgap_zip_read(member, all, (size_t)p->offset + bytes, name, r->error);
  if (status == CGAP_OK)
    memcpy(out, all + p->offset, bytes);
  if (status == CGAP_OK)
    status = cgap_zip_check(member, name, r->error);
  if (member)
    zip_fclose(member);
  free(all);
  return status;
}

/* The elements of an item, in native byte order. */
static cgap_status read_item(row_reader *r, const item *one, void *out)
{
  const cgap_entry *e = &r->file->entries[one->entry];
  const size_t size = cgap_type_size(e->type);
  cgap_status status = CGAP_OK;
  if (e->stored_at > 0) { /* several times as quick as by HDF5, which opens each dataset */
    status = cgap_pread_all(r->file->fd, e->stored_at, one->dim * size, out, e->path, r->error);
  } else if (!e->pieces) {
    status = read_hdf5(r, e, one->dim, out);
  } else if (e->pieces[0].member >= 0 && e->pieces[0].offset <= HEADER_BYTES_MAX) {
    status = read_member(r, e->pieces, e->name, out, one->dim * size);
  } else {
    cgap_entry part = *e;
    part.pieces = &e->pieces[one->piece];
    part.piece_count = 1;
    part.ndim = 1;
    part.shape[0] = part.pieces->rows = one->dim;
    return cgap_array_read_all(out, &part, r->error);
  }
  if (status == CGAP_OK && e->swap)
    cgap_swap_bytes(out, one->dim, size);
  return status;
}

/* ---------------------------------------------------------------- groups */

/* The paths of matrices, in order. */
typedef struct matrix_paths {
  const char **path;
  size_t count;
} matrix_paths;

static int by_path(const void *a, const void *b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool list_matrices(matrix_paths *out, const cgap_file *file)
{
  *out = (matrix_paths){.path = calloc(file->count + 1, sizeof *out->path)};
  for (size_t i = 0; out->path && i < file->count; i++)
    if (is_matrix(&file->entries[i]))
      out->path[out->count++] = file->entries[i].path;
  if (out->count > 0)
    qsort(out->path, out->count, sizeof *out->path, by_path);
  return out->path;
}

/* Whether a matrix is within the group. */
static bool has_matrix(const matrix_paths *matrices, const char *group)
{
  const size_t length = strlen(group);
  size_t low = 0, high = matrices->count;
  while (low < high) { /* the first path that is "GROUP/" or comes behind it */
    const size_t middle = (low + high) / 2;
    const char *path = matrices->path[middle];
    const int order = strncmp(path, group, length);
    if (order < 0 || (order == 0 && (unsigned char)path[length] < '/'))
      low = middle + 1;
    else
      high = middle;
  }
  const char *path = low < matrices->count ? matrices->path[low] : "";
  return !strncmp(path, group, length) && path[length] == '/';
}

/* Whether items of one group, `count` in all, are the rows of a matrix. */
static bool can_stack(const cgap_file *file, const matrix_paths *matrices, const item *items, size_t count)
{
  const cgap_entry *first = &file->entries[items->entry];
  bool can = count >= ITEMS_MIN;
  for (size_t i = 1; i < count && can; i++) {
    const cgap_entry *e = &file->entries[items[i].entry];
    can = items[i].dim == items->dim && e->type == first->type && strcmp(items[i].id, items[i - 1].id) != 0;
  }
  const bool grouped = strrchr(first->path, '/') > first->path || !items->whole;
  return can && (matrices->count == 0 ||
                 (grouped && cgap_name_words_of(items->group).modality && !has_matrix(matrices, items->group)));
}

static cgap_status read_rows(cgap_file *file, const item *items, size_t count, void **out, cgap_error *error)
{
  const cgap_entry named = {.name = file->path};
  const size_t row = items->dim * cgap_type_size(file->entries[items->entry].type);
  row_reader r = {.file = file, .error = error};
  *out = NULL;
  cgap_status status = cgap_memory_take(&(cgap_chosen_dataset){file, &named}, count, row, error);
  if (status == CGAP_OK && !(*out = malloc(count * row)))
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
  for (size_t i = 0; i < count && status == CGAP_OK; i++)
    status = read_item(&r, &items[i], (unsigned char *)*out + i * row);
  if (r.zip)
    zip_discard(r.zip);
  if (status != CGAP_OK) {
    free(*out);
    *out = NULL;
  }
  return status;
}

static cgap_status add_ids(cgap_file *file, const item *items, size_t count, const char *storage, cgap_error *error)
{
  const cgap_entry named = {.name = file->path};
  cgap_npy array = {.kind = CGAP_KIND_STRING, .type_name = "string", .ndim = 1, .shape = {count}, .item = 1};
  for (size_t i = 0; i < count; i++)
    array.item = cgap_greater(array.item, strlen(items[i].id));
  cgap_status status = cgap_memory_take(&(cgap_chosen_dataset){file, &named}, count, array.item, error);
  char *ids = status == CGAP_OK ? calloc(count, array.item) : NULL, *path = cgap_format("%s/id", items->group);
  for (size_t i = 0; ids && i < count; i++)
    memcpy(ids + i * array.item, items[i].id, strlen(items[i].id));
  if (status == CGAP_OK)
    status = ids && path ? cgap_array_in_memory_add(file, path, storage, &array, ids, error)
                         : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
  if (status != CGAP_OK)
    free(ids);
  free(path);
  return status;
}

static int by_place(const void *a, const void *b)
{
  const item *x = a, *y = b;
  return (x->entry > y->entry) - (x->entry < y->entry);
}

static cgap_status stack(cgap_file *file, item *items, size_t count, cgap_error *error)
{
  const cgap_piece *piece = file->entries[items->entry].pieces;
  const bool has_order = piece && piece->memory; /* JSON: its entries are in the order of the file */
  cgap_npy array = {.ndim = 2, .shape = {count, items->dim}};
  const cgap_entry *first = &file->entries[items->entry];
  void *rows = NULL;
  char storage[60];
  if (has_order)
    qsort(items, count, sizeof *items, by_place);
  array.kind = CGAP_KIND_FLOAT;
  array.type = first->type;
  array.item = cgap_type_size(first->type);
  (void)snprintf(array.type_name, sizeof array.type_name, "%.40s", first->type_text);
  array.type_name[strcspn(array.type_name, ",")] = '\0'; /* the byte order is put right */
  (void)snprintf(storage, sizeof storage, "%zu arrays, one per item", count);
  cgap_status status = read_rows(file, items, count, &rows, error);
  if (status != CGAP_OK)
    return status;
  status = cgap_array_in_memory_add(file, items->group, storage, &array, rows, error);
  if (status != CGAP_OK) {
    free(rows);
    return status;
  }
  cgap_entry *e = &file->entries[file->count - 1];
  e->note = cgap_format("%s: %zu arrays, one per item, stacked in the order of %s are the ids\n", e->name, count,
                        has_order ? "the file; their names" : "their names, which");
  return e->note ? add_ids(file, items, count, storage, error)
                 : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
}

/* Items that are not the rows of one matrix, in a group that is called like a modality: an entry that says why. */
static cgap_status add_uneven(cgap_file *file, const matrix_paths *matrices, const item *items, size_t count,
                              cgap_error *error)
{
  size_t other = 1;
  while (other < count && items[other].dim == items->dim &&
         file->entries[items[other].entry].type == file->entries[items->entry].type)
    other++;
  if (count < ITEMS_MIN || other == count || !items->whole || !cgap_name_words_of(items->group).modality ||
      has_matrix(matrices, items->group))
    return CGAP_OK;
  char *why = cgap_format("one array per item, but not all are alike: %s has %zu numbers (%s), %s has %zu (%s); "
                          "write all with the same length and type, or leave the others out",
                          items->id, items->dim, file->entries[items->entry].type_text, items[other].id,
                          items[other].dim, file->entries[items[other].entry].type_text);
  const cgap_npy array = {.kind = CGAP_KIND_OTHER, .type_name = "arrays", .ndim = 1, .shape = {count}};
  cgap_status status = why ? cgap_array_in_memory_add(file, items->group, "one per item", &array, NULL, error)
                           : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
  if (status == CGAP_OK)
    file->entries[file->count - 1].obstacle = why;
  else
    free(why);
  return status;
}

/* Takes the first `count` entries that are marked out of the list. */
static void remove_stacked(cgap_file *file, const bool *stacked, size_t count)
{
  size_t kept = 0;
  for (size_t i = 0; i < file->count; i++) {
    if (i < count && stacked[i])
      cgap_entry_clear(&file->entries[i]);
    else
      file->entries[kept++] = file->entries[i];
  }
  file->count = kept;
}

cgap_status cgap_items_stack(cgap_file *file, cgap_error *error)
{
  const size_t count = file->count;
  item_list l = {0};
  matrix_paths matrices;
  bool *stacked = calloc(count + 1, sizeof *stacked);
  cgap_status status = list_matrices(&matrices, file) && stacked
                         ? CGAP_OK
                         : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
  for (size_t i = 0; i < count && status == CGAP_OK; i++)
    for (size_t p = 0;
         is_item(&file->entries[i]) && p < cgap_greater(file->entries[i].piece_count, 1) && status == CGAP_OK; p++)
      status = add_item(&l, file, i, p, error);
  if (l.count > 0)
    qsort(l.item, l.count, sizeof *l.item, by_group_and_id);
  for (size_t from = 0, until; from < l.count && status == CGAP_OK; from = until) {
    for (until = from + 1; until < l.count && !strcmp(l.item[from].group, l.item[until].group);)
      until++;
    if (!can_stack(file, &matrices, l.item + from, until - from)) {
      status = add_uneven(file, &matrices, l.item + from, until - from, error);
      continue;
    }
    status = stack(file, l.item + from, until - from, error);
    for (size_t i = from; i < until; i++)
      stacked[l.item[i].entry] = true;
  }
  if (status == CGAP_OK)
    remove_stacked(file, stacked, count);
  clear_items(&l);
  free(matrices.path);
  free(stacked);
  return status;
}
