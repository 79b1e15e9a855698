/* The group of each image: from a dataset of integers or words, or from a table in a text file. Groups are the distinct
 * values, numbers in their order and words in that of their bytes. Integers that are the labels of a file with class
 * names are called by those. */
#include "io/find/dataset_internal.h"

#include "base/memory.h"
#include "base/output_file.h"
#include "base/text_buffer.h"
#include "io/find/row_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct cgap_group_names {
  size_t *of_image;
  const char **name;
  char *bytes;
};

void cgap_groups_forget(cgap_dataset *d)
{
  struct cgap_group_names *n = d->group_names;
  if (n) {
    free(n->of_image);
    cgap_free(n->name);
    free(n->bytes);
  }
  free(n);
  d->group_names = NULL;
  d->grouping = (cgap_grouping){0};
}

const cgap_grouping *cgap_dataset_grouping(const cgap_dataset *d)
{
  return d && d->grouping.groups ? &d->grouping : NULL;
}

/* ---------------------------------------------------------------- from values to groups */

typedef struct value {
  const cgap_ids *ids;
  size_t image;
} value;

static int by_value(const void *a, const void *b)
{
  const value *x = a, *y = b;
  const cgap_id *p = &x->ids->id[x->image], *q = &y->ids->id[y->image];
  if (x->ids->kind == CGAP_KIND_INTEGER) {
    int64_t v, w;
    memcpy(&v, p->bytes, sizeof v);
    memcpy(&w, q->bytes, sizeof w);
    return (v > w) - (v < w);
  }
  const int order = memcmp(p->bytes, q->bytes, cgap_lesser(p->length, q->length));
  return order ? order : (p->length > q->length) - (p->length < q->length);
}

/* The name of the class that a label is; NULL: the file does not say. */
static const char *class_name(const cgap_dataset *d, const cgap_row_names *names, const value *v)
{
  int64_t label;
  const cgap_role_datasets *by = &d->role[CGAP_ROLE_GROUP], *labels = &d->role[CGAP_ROLE_LABELS];
  if (by->count == 0 || labels->count == 0 || v->ids->kind != CGAP_KIND_INTEGER ||
      !cgap_entry_same(by->taken->entry, labels->taken->entry) || by->taken->file != labels->taken->file)
    return NULL;
  memcpy(&label, v->ids->id[v->image].bytes, sizeof label);
  return label >= 0 ? cgap_row_name(names, CGAP_NAMED_CLASSES, (size_t)label) : NULL;
}

static size_t name_group(char *out, const char *class, const value *v)
{
  const cgap_id *id = &v->ids->id[v->image];
  char number[80];
  if (class)
    return cgap_name_clean(out, (const unsigned char *)class, strlen(class));
  if (v->ids->kind == CGAP_KIND_STRING)
    return cgap_name_clean(out, id->bytes, id->length);
  const char *text = cgap_id_text(number, sizeof number, v->ids, v->image);
  return cgap_name_clean(out, (const unsigned char *)text, strlen(text));
}

/* Groups the images by the values, sorted. */
static cgap_status fill_grouping(cgap_dataset *d, value *sorted, size_t images, const cgap_row_names *names,
                                 cgap_error *error)
{
  size_t groups = 0, bytes = 0, used = 0;
  for (size_t i = 0; i < images; i++)
    if (i == 0 || by_value(&sorted[i - 1], &sorted[i]) != 0) {
      const char *class = class_name(d, names, &sorted[i]);
      bytes += class ? strlen(class) + 1 : sorted[i].ids->id[sorted[i].image].length + 24;
      groups++;
    }
  struct cgap_group_names *n = d->group_names = calloc(1, sizeof *n);
  if (n) {
    n->of_image = malloc((images + 1) * sizeof *n->of_image);
    n->name = cgap_alloc(groups, sizeof *n->name);
    n->bytes = malloc(bytes + 1);
  }
  if (!n || !n->of_image || !n->name || !n->bytes)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu groups", d->grouping.by, groups);
  groups = 0;
  for (size_t i = 0; i < images; i++) {
    if (i == 0 || by_value(&sorted[i - 1], &sorted[i]) != 0) {
      n->name[groups++] = n->bytes + used;
      used += name_group(n->bytes + used, class_name(d, names, &sorted[i]), &sorted[i]) + 1;
    }
    n->of_image[sorted[i].image] = groups - 1;
  }
  d->grouping.name = n->name;
  d->grouping.groups = groups;
  d->grouping.of_image = n->of_image;
  d->grouping.images = images;
  return CGAP_OK;
}

static cgap_status group_by(cgap_dataset *d, const cgap_ids *ids, const cgap_row_names *names, cgap_error *error)
{
  value *sorted = cgap_alloc(ids->count, sizeof *sorted);
  if (!sorted)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu values", d->grouping.by, ids->count);
  for (size_t i = 0; i < ids->count; i++)
    sorted[i] = (value){ids, i};
  qsort(sorted, ids->count, sizeof *sorted, by_value);
  const cgap_status status = fill_grouping(d, sorted, ids->count, names, error);
  cgap_free(sorted);
  return status;
}

/* ---------------------------------------------------------------- from a dataset */

static cgap_status check_dataset(const cgap_dataset *d, cgap_error *error)
{
  const cgap_role_datasets *by = &d->role[CGAP_ROLE_GROUP], *image = &d->role[CGAP_ROLE_IMAGE];
  const size_t images = cgap_role_datasets_rows(image);
  size_t rows = 0;
  char text[400];
  for (size_t k = 0; k < by->count; k++) {
    const cgap_entry *e = by->taken[k].entry;
    if (e->obstacle)
      return cgap_fail(error, CGAP_FILE, "%s: %s", e->name, e->obstacle);
    if (e->kind == CGAP_KIND_OTHER || cgap_entry_list(e) == 0)
      return cgap_fail(error, CGAP_DATA,
                       "%s; the groups are one integer or word per image, a list of %zu: give another `by`",
                       cgap_entry_text(text, sizeof text, e), images);
    rows += cgap_entry_list(e);
  }
  if (rows != images)
    return cgap_fail(error, CGAP_DATA,
                     "%s: %zu groups, %s has %zu rows; one per image is needed (texts follow their image): give "
                     "another `by`",
                     by->name, rows, image->name, images);
  return CGAP_OK;
}

static cgap_status from_dataset(cgap_dataset *d, cgap_error *error)
{
  cgap_role_datasets *by = &d->role[CGAP_ROLE_GROUP];
  cgap_ids ids = {0};
  cgap_row_names names = {0};
  cgap_status status = cgap_per_image_find(d, CGAP_ROLE_GROUP, NULL, "the groups (`by`)", error);
  if (status == CGAP_OK)
    status = check_dataset(d, error);
  if (status != CGAP_OK)
    return status;
  cgap_role_datasets_explain(by, "given explicitly");
  d->grouping.by = by->name;
  status = cgap_ids_read(&ids, by->taken, by->count, error);
  if (status == CGAP_OK && ids.kind == CGAP_KIND_INTEGER)
    status = cgap_row_names_read(&names, d, error);
  if (status == CGAP_OK)
    status = group_by(d, &ids, &names, error);
  cgap_ids_clear(&ids);
  cgap_row_names_clear(&names);
  return status;
}

/* ---------------------------------------------------------------- from a table */

/* A table that is read: each line, without its end. */
typedef struct table {
  const char *path;
  char *text, **line;
  size_t lines;
  size_t images;
  const char *image_name; /* of the dataset, for messages */
} table;

static cgap_status read_lines(table *t, cgap_error *error)
{
  size_t bytes = 0, count = 1;
  errno = 0;
  t->text = cgap_read_text(t->path, &bytes);
  if (!t->text)
    return cgap_fail(error, CGAP_FILE, "%s: cannot be read%s%s; give a text file with the group of each image", t->path,
                     errno && errno != ESPIPE ? ": " : "", errno && errno != ESPIPE ? strerror(errno) : "");
  if (strlen(t->text) != bytes)
    return cgap_fail(error, CGAP_FILE, "%s: no text (a byte 0 at %zu of %zu); a table of groups is plain text", t->path,
                     strlen(t->text), bytes);
  for (const char *c = t->text; *c; c++)
    count += *c == '\n';
  t->line = cgap_alloc(count, sizeof *t->line);
  if (!t->line)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu lines", t->path, count);
  char *next = t->text;
  if (strncmp(next, "\xEF\xBB\xBF", 3) == 0)
    next += 3;
  for (char *end; *next; next = end ? end + 1 : next + strlen(next)) {
    end = strchr(next, '\n');
    if (end)
      *end = '\0';
    t->line[t->lines++] = next;
    const size_t length = strlen(next);
    if (length && next[length - 1] == '\r')
      next[length - 1] = '\0';
    if (!end)
      break;
  }
  return CGAP_OK;
}

/* One column: a line per image. */
static cgap_status one_column(cgap_ids *out, const table *t, cgap_error *error)
{
  if (t->lines != t->images)
    return cgap_fail(error, CGAP_DATA,
                     "%s: %zu lines, %s has %zu rows; give one line per image without a head, or two columns with "
                     "the head row, tab, group",
                     t->path, t->lines, t->image_name, t->images);
  for (size_t i = 0; i < t->images; i++)
    out->id[i] = (cgap_id){(const unsigned char *)t->line[i], strlen(t->line[i])};
  return CGAP_OK;
}

static cgap_status no_such_row(const table *t, size_t line, const char *key, const char *what, cgap_error *error)
{
  return cgap_fail(error, CGAP_DATA, "%s: line %zu: %.60s is no %s of %s, which has %zu rows; correct it", t->path,
                   line + 1, key, what, t->image_name, t->images);
}

/* An image under its id. */
typedef struct named {
  const char *name;
  size_t row;
} named;

static int by_name(const void *a, const void *b)
{
  return strcmp(((const named *)a)->name, ((const named *)b)->name);
}

/* The image row that a line is about: of its id, or, where ids is NULL, the number itself. */
static cgap_status row_of_line(size_t *out, const table *t, size_t line, const char *key, const named *ids,
                               cgap_error *error)
{
  char *rest;
  if (ids) {
    const named wanted = {key, 0}, *found = bsearch(&wanted, ids, t->images, sizeof *ids, by_name);
    if (!found)
      return no_such_row(t, line, key, "id", error);
    *out = found->row;
    return CGAP_OK;
  }
  errno = 0;
  const unsigned long long row = strtoull(key, &rest, 10);
  if (rest == key || *rest || errno || key[0] == '-' || row >= t->images)
    return no_such_row(t, line, key, "row", error);
  *out = (size_t)row;
  return CGAP_OK;
}

/* The ids of the images in their order; each has to be there once. */
static cgap_status sort_ids(named **out, const table *t, const cgap_row_names *names, cgap_error *error)
{
  *out = NULL;
  if (names->of[CGAP_NAMED_IMAGES].count != t->images)
    return cgap_fail(error, CGAP_DATA,
                     "%s: its head says id, and %s has no ids of its %zu rows; give row numbers under the head row",
                     t->path, t->image_name, t->images);
  named *ids = *out = cgap_alloc(t->images, sizeof *ids);
  if (!ids)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu ids", t->path, t->images);
  for (size_t i = 0; i < t->images; i++)
    ids[i] = (named){cgap_row_name(names, CGAP_NAMED_IMAGES, i), i};
  qsort(ids, t->images, sizeof *ids, by_name);
  for (size_t i = 1; i < t->images; i++)
    if (by_name(&ids[i - 1], &ids[i]) == 0)
      return cgap_fail(error, CGAP_DATA,
                       "%s: rows %zu and %zu of %s have one id, %.60s; give row numbers under the head row", t->path,
                       ids[i - 1].row, ids[i].row, t->image_name, ids[i].name);
  return CGAP_OK;
}

/* Two columns under a head: of each line its image and its group. */
static cgap_status two_columns(cgap_ids *out, const table *t, const named *ids, cgap_error *error)
{
  size_t row = 0, given = 0;
  cgap_status status = CGAP_OK;
  for (size_t k = 1; status == CGAP_OK && k < t->lines; k++) {
    char *tab = strchr(t->line[k], '\t');
    if (!tab)
      return cgap_fail(error, CGAP_DATA, "%s: line %zu has one column, its head has two; separate them by a tab",
                       t->path, k + 1);
    *tab = '\0';
    status = row_of_line(&row, t, k, t->line[k], ids, error);
    if (status == CGAP_OK && out->id[row].bytes)
      status = cgap_fail(error, CGAP_DATA, "%s: line %zu: %.60s has a group on an earlier line; give one per image",
                         t->path, k + 1, t->line[k]);
    if (status == CGAP_OK) {
      out->id[row] = (cgap_id){(const unsigned char *)tab + 1, strcspn(tab + 1, "\t")};
      given++;
    }
  }
  for (size_t i = 0; status == CGAP_OK && given < t->images && i < t->images; i++)
    if (!out->id[i].bytes)
      status = cgap_fail(error, CGAP_DATA, "%s: groups of %zu images, %s has %zu rows; row %zu has none", t->path,
                         given, t->image_name, t->images, i);
  return status;
}

static cgap_status from_table(cgap_dataset *d, cgap_error *error)
{
  table t = {.path = d->by_file,
             .images = cgap_role_datasets_rows(&d->role[CGAP_ROLE_IMAGE]),
             .image_name = d->role[CGAP_ROLE_IMAGE].name};
  cgap_ids ids = {.count = t.images, .kind = CGAP_KIND_STRING};
  cgap_row_names names = {0};
  named *sorted = NULL;
  cgap_status status = read_lines(&t, error);
  if (status == CGAP_OK && !(ids.id = calloc(t.images + 1, sizeof *ids.id)))
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu groups", t.path, t.images);
  const bool columns = status == CGAP_OK && t.lines && strchr(t.line[0], '\t');
  const bool by_row = columns && strncmp(t.line[0], "row\t", 4) == 0, by_id = columns && !strncmp(t.line[0], "id\t", 3);
  if (columns && !by_row && !by_id)
    status = cgap_fail(error, CGAP_DATA, "%s: two columns without the head row, tab, group (or id, tab, group): %.60s",
                       t.path, t.line[0]);
  if (status == CGAP_OK && by_id)
    status = cgap_row_names_read(&names, d, error);
  if (status == CGAP_OK && by_id)
    status = sort_ids(&sorted, &t, &names, error);
  if (status == CGAP_OK)
    status = columns ? two_columns(&ids, &t, sorted, error) : one_column(&ids, &t, error);
  d->grouping.by = d->by_file;
  if (status == CGAP_OK)
    status = group_by(d, &ids, NULL, error);
  cgap_free(sorted);
  cgap_row_names_clear(&names);
  cgap_ids_clear(&ids);
  cgap_free(t.line);
  free(t.text);
  return status;
}

cgap_status cgap_find_groups(cgap_dataset *d, cgap_error *error)
{
  const bool given = d->option[CGAP_ROLE_GROUP].given;
  if (!given && !d->by_file)
    return CGAP_OK;
  if (given && d->by_file)
    return cgap_fail(error, CGAP_USAGE, "`by` and `by_file` both give the groups of the images; give one of them");
  if (d->role[CGAP_ROLE_IMAGE].count == 0)
    return cgap_fail(error, CGAP_DATA, "%s: the groups are of images, and there are none; leave out `by`",
                     d->inputs[0].file->path);
  if (d->unpaired || d->role[CGAP_ROLE_TEXT].count == 0)
    return cgap_fail(error, CGAP_DATA, "%s: groups need images paired with texts, which follow their image: %s",
                     d->role[CGAP_ROLE_IMAGE].name,
                     d->unpaired ? "leave out `unpaired`, or `by`" : "there are no texts");
  return given ? from_dataset(d, error) : from_table(d, error);
}
