#include "io/write/output_arrays.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text_buffer.h"

/* ---------------------------------------------------------------- the list */

/* Whether an array of this path can be written into any container: no part of it leads elsewhere, as .. does, and no
 * array has its name or would be both an array and the folder of another. */
static bool is_free(const cgap_output_arrays *list, const char *path)
{
  for (const char *part = path; part; part = strchr(part, '/')) {
    const size_t length = strcspn(++part, "/");
    if (length == 0 || (length <= 2 && strspn(part, ".") >= length))
      return false;
  }
  for (size_t k = 0; k < list->count; k++) {
    const char *other = list->item[k].path;
    const size_t shorter = cgap_lesser(strlen(path), strlen(other));
    if (!strncmp(path, other, shorter) && (!path[shorter] || path[shorter] == '/') &&
        (!other[shorter] || other[shorter] == '/'))
      return false;
  }
  return true;
}

/* The path of a list of names: its own where that is free; else its parts joined, "/image_id" of "/image/id"; else
 * what it is, with a number where that is taken as well. NULL: out of memory. */
static char *free_path(const cgap_output_arrays *list, const char *path, const char *what)
{
  char *joined = NULL;
  if (is_free(list, path))
    return strdup(path);
  for (const char *part = path; part; part = strchr(part, '/')) {
    const size_t length = strcspn(++part, "/");
    if (length > 2 || strspn(part, ".") < length)
      cgap_append(&joined, "%c%.*s", joined ? '_' : '/', (int)length, part);
  }
  for (int number = 1; !joined || !is_free(list, joined); number++) {
    free(joined);
    joined = number > 1 ? cgap_format("/%s_%d", what, number) : cgap_format("/%s", what);
    if (!joined)
      break;
  }
  return joined;
}

/* A new array of the shape (rows[, middle][, columns]), middle and columns 0: no such axis. NULL: out of memory. */
static cgap_output_array *add(cgap_output_arrays *list, const char *path, cgap_output_array_kind kind, size_t rows,
                              size_t middle, size_t columns)
{
  cgap_output_array *a = &list->item[list->count];
  *a = (cgap_output_array){.path = strdup(path), .kind = kind, .rows = rows};
  a->shape[a->ndim++] = middle ? rows / middle : rows;
  if (middle)
    a->shape[a->ndim++] = middle;
  if (columns)
    a->shape[a->ndim++] = columns;
  list->count += a->path != NULL;
  return a->path ? a : NULL;
}

static cgap_status fail_memory(const char *path, cgap_error *error)
{
  return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", path);
}

static cgap_status add_rows(cgap_output_arrays *list, const char *path, const cgap_source *own,
                            const cgap_source *instead, const cgap_role_datasets *datasets, size_t middle,
                            cgap_error *error)
{
  const cgap_source *source = instead ? instead : own;
  if (source->rows == 0)
    return CGAP_OK;
  cgap_output_array *a = add(list, path, CGAP_OUTPUT_ROWS, source->rows, middle, source->dim);
  if (!a)
    return fail_memory(path, error);
  a->source = source;
  a->origin = datasets->name;
  return CGAP_OK;
}

static cgap_status add_numbers(cgap_output_arrays *list, const char *path, cgap_output_array_kind kind,
                               const void *values, size_t rows, size_t columns, cgap_error *error)
{
  if (!values || rows == 0)
    return CGAP_OK;
  cgap_output_array *a = add(list, path, kind, rows, 0, columns);
  if (!a)
    return fail_memory(path, error);
  a->values = values;
  return CGAP_OK;
}

/* A pairing that texts of shape (N, k, d) say by their shape needs no array. */
static cgap_status add_text_image(cgap_output_arrays *list, const cgap_dataset *d, cgap_error *error)
{
  const size_t texts = d->data.text.rows;
  if (!d->text_image || (d->role[CGAP_ROLE_TEXT_IMAGE].count == 0 && d->role[CGAP_ROLE_TEXT_ID].count == 0))
    return CGAP_OK;
  int64_t *rows = cgap_alloc(texts, sizeof *rows);
  if (!rows)
    return fail_memory(d->data.text.name, error);
  for (size_t i = 0; i < texts; i++)
    rows[i] = (int64_t)d->text_image[i];
  const cgap_status status = add_numbers(list, "/text_image", CGAP_OUTPUT_INTEGERS, rows, texts, 0, error);
  if (status == CGAP_OK)
    list->item[list->count - 1].own = rows;
  else
    cgap_free(rows);
  return status;
}

/* Whether all strings are UTF-8; *longest: characters of the longest. */
static bool is_utf8(const cgap_ids *ids, size_t *longest)
{
  char text[4096];
  *longest = 1;
  for (size_t i = 0; i < ids->count; i++) {
    const size_t length = ids->id[i].length;
    size_t characters = 0, at = 0;
    if (length >= sizeof text)
      return false;
    memcpy(text, ids->id[i].bytes, length);
    text[length] = '\0';
    for (; at < length && text[at]; characters++) {
      bool visible;
      uint32_t code;
      const size_t bytes = cgap_text_next(text + at, &visible, &code);
      if (code == 0xFFFD && bytes < 3) /* no UTF-8; the character itself has three bytes */
        return false;
      at += bytes;
    }
    if (at < length)
      return false;
    *longest = cgap_greater(*longest, characters);
  }
  return true;
}

/* What rows are called; a list that is there already, as the classes that labels name, once. */
static cgap_status add_names(cgap_output_arrays *list, const cgap_role_datasets *from, const char *what,
                             cgap_error *error)
{
  for (size_t k = 0; from->count && k < list->count; k++)
    if (list->item[k].kind == CGAP_OUTPUT_IDS && !strcmp(list->item[k].origin, from->taken[0].entry->name))
      return CGAP_OK;
  if (from->count == 0)
    return CGAP_OK;
  cgap_ids ids = {0};
  cgap_status status = cgap_ids_read(&ids, from->taken, from->count, error);
  char *path = status == CGAP_OK ? free_path(list, from->taken[0].entry->path, what) : NULL;
  cgap_output_array *a = path ? add(list, path, CGAP_OUTPUT_IDS, ids.count, 0, 0) : NULL;
  free(path);
  if (status == CGAP_OK && !a)
    status = fail_memory(from->name, error);
  if (status != CGAP_OK) {
    cgap_ids_clear(&ids);
    return status;
  }
  a->origin = from->taken[0].entry->name;
  a->ids = ids;
  a->width = 1;
  for (size_t i = 0; ids.kind == CGAP_KIND_STRING && i < ids.count; i++)
    a->width = cgap_greater(a->width, ids.id[i].length);
  if (ids.kind == CGAP_KIND_STRING && !is_utf8(&ids, &a->characters))
    a->characters = 0;
  return CGAP_OK;
}

static size_t middle_of(const cgap_role_datasets *datasets)
{
  return datasets->count ? cgap_entry_middle(datasets->taken->entry) : 0;
}

cgap_status cgap_output_arrays_list(cgap_output_arrays *out, const cgap_dataset *dataset,
                                    const cgap_replaced_rows *replaced, cgap_error *error)
{
  const cgap_data *d = &dataset->data;
  const cgap_role_datasets *role = dataset->role;
  const struct {
    const char *path;
    const cgap_source *own, *instead;
    cgap_role role;
    size_t middle;
  } rows[] = {
    {"/image", &d->image, replaced->image, CGAP_ROLE_IMAGE, middle_of(&role[CGAP_ROLE_IMAGE])},
    {"/text", &d->text, replaced->text, CGAP_ROLE_TEXT, middle_of(&role[CGAP_ROLE_TEXT])},
    {"/class_text", &d->class_text, replaced->class_text, CGAP_ROLE_CLASS_TEXT, d->prompts > 1 ? d->prompts : 0},
    {"/arithmetic/words", &d->words, replaced->words, CGAP_ROLE_WORDS, middle_of(&role[CGAP_ROLE_WORDS])},
  };
  const struct {
    const char *path;
    cgap_output_array_kind kind;
    const void *values;
    size_t rows, columns;
  } numbers[] = {
    {"/labels", CGAP_OUTPUT_INTEGERS, d->labels, d->image.rows, 0},
    {"/arithmetic/image_label", CGAP_OUTPUT_INTEGERS, d->image_label, d->image.rows, 0},
    {"/arithmetic/query", CGAP_OUTPUT_INTEGERS, d->query, d->queries, 4},
    {"/arithmetic/weight", CGAP_OUTPUT_REALS, d->query_weight, d->queries, 0},
  };
  static const struct {
    cgap_role role;
    const char *what;
  } names[] = {
    {CGAP_ROLE_IMAGE_NAME, "image_id"}, {CGAP_ROLE_TEXT_NAME, "text_id"}, {CGAP_ROLE_CLASS_NAME, "class_name"}};
  cgap_status status = CGAP_OK;
  *out = (cgap_output_arrays){0};
  for (size_t i = 0; i < sizeof rows / sizeof *rows && status == CGAP_OK; i++)
    status = add_rows(out, rows[i].path, rows[i].own, rows[i].instead, &role[rows[i].role], rows[i].middle, error);
  if (status == CGAP_OK)
    status = add_text_image(out, dataset, error);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers && status == CGAP_OK; i++)
    status =
      add_numbers(out, numbers[i].path, numbers[i].kind, numbers[i].values, numbers[i].rows, numbers[i].columns, error);
  for (size_t i = 0; i < sizeof names / sizeof *names && status == CGAP_OK; i++)
    status = add_names(out, &role[names[i].role], names[i].what, error);
  if (status != CGAP_OK)
    cgap_output_arrays_clear(out);
  return status;
}

void cgap_output_arrays_clear(cgap_output_arrays *arrays)
{
  for (size_t k = 0; k < arrays->count; k++) {
    cgap_ids_clear(&arrays->item[k].ids);
    cgap_free(arrays->item[k].own);
    free(arrays->item[k].path);
  }
  *arrays = (cgap_output_arrays){0};
}

/* ---------------------------------------------------------------- bytes */

size_t cgap_output_array_row_bytes(const cgap_output_array *a)
{
  switch (a->kind) {
  case CGAP_OUTPUT_ROWS:
    return a->source->dim * cgap_type_size(a->source->type);
  case CGAP_OUTPUT_IDS:
    return a->ids.kind == CGAP_KIND_STRING ? a->width : sizeof(int64_t);
  case CGAP_OUTPUT_INTEGERS:
  case CGAP_OUTPUT_REALS:
    break;
  }
  return sizeof(int64_t) * (a->ndim > 1 ? a->shape[1] : 1);
}

cgap_status cgap_output_array_read(const cgap_output_array *a, size_t first, size_t count, void *out, cgap_error *error)
{
  const size_t bytes = cgap_output_array_row_bytes(a);
  if (a->kind == CGAP_OUTPUT_ROWS)
    return a->source->read(a->source, first, count, out, error);
  if (a->kind != CGAP_OUTPUT_IDS) {
    memcpy(out, (const unsigned char *)a->values + first * bytes, count * bytes);
    return CGAP_OK;
  }
  memset(out, 0, count * bytes);
  for (size_t i = 0; i < count; i++)
    memcpy((unsigned char *)out + i * bytes, a->ids.id[first + i].bytes, a->ids.id[first + i].length);
  return CGAP_OK;
}
