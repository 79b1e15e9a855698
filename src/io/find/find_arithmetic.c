/* The group "arithmetic" (SIMAT): words, image_label, query and optional weight. */
#include "io/find/dataset_internal.h"

#include "base/memory.h"
#include "base/modality_names.h"
#include "base/text_buffer.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { QUERY_COLUMNS = 4 };

static const struct {
  cgap_role role;
  const char *name;
  bool needed;
} MEMBERS[] = {
  {CGAP_ROLE_WORDS, "words", true},
  {CGAP_ROLE_IMAGE_LABEL, "image_label", true},
  {CGAP_ROLE_QUERY, "query", true},
  {CGAP_ROLE_WEIGHT, "weight", false},
};

static bool has_group(const cgap_file *file, const char *group)
{
  const size_t length = strlen(group);
  for (size_t i = 0; i < file->count; i++)
    if (!strncmp(file->entries[i].path, group, length) && file->entries[i].path[length] == '/')
      return true;
  return false;
}

/* "/arithmetic" or one in the group of the images; *out is a new string, NULL when the file has neither. */
static cgap_status find_group(char **out, const cgap_chosen_dataset *image, cgap_error *error)
{
  const char *path = image->entry->path;
  char *group = cgap_format("%.*s/arithmetic", (int)(strrchr(path, '/') - path), path);
  *out = NULL;
  if (group && !has_group(image->file, group)) {
    free(group);
    group = strdup("/arithmetic");
  }
  if (!group)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", image->file->path);
  if (has_group(image->file, group))
    *out = group;
  else
    free(group);
  return CGAP_OK;
}

static cgap_status find_members(cgap_dataset *d, const cgap_chosen_dataset *image, const char *group, cgap_error *error)
{
  for (size_t m = 0; m < sizeof MEMBERS / sizeof *MEMBERS; m++) {
    char *path = cgap_format("%s/%s", group, MEMBERS[m].name);
    if (!path)
      return cgap_fail(error, CGAP_RESOURCE, "%s:%s: out of memory", image->file->path, group);
    const cgap_entry *entry = cgap_file_find(image->file, path);
    free(path);
    if (!entry && MEMBERS[m].needed)
      return cgap_fail(error, CGAP_FILE,
                       "%s:%s: no dataset %s; the group needs words (W, d), image_label (N) and query (Q, 4)",
                       image->file->path, group, MEMBERS[m].name);
    if (!entry)
      continue;
    cgap_status status = cgap_role_datasets_add(&d->role[MEMBERS[m].role], image->file, entry, error);
    if (status != CGAP_OK)
      return status;
    cgap_role_datasets_explain(&d->role[MEMBERS[m].role], "in the group %s", group);
  }
  return CGAP_OK;
}

static cgap_status check_shapes(const cgap_dataset *d, cgap_error *error)
{
  const cgap_chosen_dataset *image = d->role[CGAP_ROLE_IMAGE].taken, *words = d->role[CGAP_ROLE_WORDS].taken;
  const cgap_chosen_dataset *query = d->role[CGAP_ROLE_QUERY].taken;
  const cgap_role_datasets *weight = &d->role[CGAP_ROLE_WEIGHT];
  char shape[160];
  if (words->entry->kind != CGAP_KIND_FLOAT || words->entry->ndim != 2 ||
      cgap_chosen_dataset_dim(words) != cgap_chosen_dataset_dim(image))
    return cgap_fail(error, CGAP_DATA, "%s: %s of shape %s; floats of shape (W, %zu) are needed, d being that of %s",
                     d->role[CGAP_ROLE_WORDS].name, words->entry->type_text,
                     cgap_shape_text(shape, sizeof shape, words->entry), cgap_chosen_dataset_dim(image),
                     d->role[CGAP_ROLE_IMAGE].name);
  if (!cgap_entry_is_number(query->entry) || query->entry->ndim != 2 || query->entry->shape[1] != QUERY_COLUMNS ||
      query->entry->shape[0] == 0)
    return cgap_fail_named(
      error, CGAP_DATA, d->data.names,
      "%s: %s of shape %s; integers of shape (Q, 4) are needed: {image} row, source word, target word, "
      "wanted label",
      d->role[CGAP_ROLE_QUERY].name, query->entry->type_text, cgap_shape_text(shape, sizeof shape, query->entry));
  if (weight->count &&
      (!cgap_entry_is_number(weight->taken->entry) || cgap_entry_list(weight->taken->entry) != query->entry->shape[0]))
    return cgap_fail(error, CGAP_DATA, "%s: %s of shape %s; %zu numbers are needed, one per query", weight->name,
                     weight->taken->entry->type_text, cgap_shape_text(shape, sizeof shape, weight->taken->entry),
                     query->entry->shape[0]);
  const cgap_entry *label = d->role[CGAP_ROLE_IMAGE_LABEL].taken->entry;
  const size_t images = cgap_role_datasets_rows(&d->role[CGAP_ROLE_IMAGE]);
  if (!cgap_entry_is_number(label) || cgap_entry_list(label) != images)
    return cgap_fail_named(error, CGAP_DATA, d->data.names,
                           "%s: %s of shape %s; one integer per {one image} of %s is needed, %zu", label->name,
                           label->type_text, cgap_shape_text(shape, sizeof shape, label), d->role[CGAP_ROLE_IMAGE].name,
                           images);
  return CGAP_OK;
}

static cgap_status check_queries(const cgap_dataset *d, cgap_error *error)
{
  static const char *const COLUMN[3] = {"image row", "source word", "target word"};
  size_t words = d->role[CGAP_ROLE_WORDS].taken->entry->shape[0];
  size_t limit[3] = {cgap_role_datasets_rows(&d->role[CGAP_ROLE_IMAGE]), words, words};
  for (size_t q = 0; q < d->data.queries; q++) {
    for (int c = 0; c < 3; c++) {
      int64_t value = d->query[QUERY_COLUMNS * q + (size_t)c];
      if (value < 0 || (uint64_t)value >= limit[c])
        return cgap_fail(error, CGAP_DATA, "%s: query %zu has %s %" PRId64 ", there are %zu (0 to %zu); correct it",
                         d->role[CGAP_ROLE_QUERY].name, q, COLUMN[c], value, limit[c], limit[c] - 1);
    }
  }
  return CGAP_OK;
}

/* Rows and words of MATLAB and Octave count from 1 where none is 0; labels are only compared. */
static void count_from_zero(cgap_dataset *d)
{
  bool from_one = d->role[CGAP_ROLE_QUERY].taken->entry->turned;
  for (size_t i = 0; i < QUERY_COLUMNS * d->data.queries && from_one; i++)
    from_one = i % QUERY_COLUMNS == QUERY_COLUMNS - 1 || d->query[i] >= 1;
  for (size_t i = 0; i < QUERY_COLUMNS * d->data.queries && from_one; i++)
    d->query[i] -= i % QUERY_COLUMNS < QUERY_COLUMNS - 1;
}

static cgap_status read_weights(cgap_dataset *d, cgap_error *error)
{
  const cgap_role_datasets *series = &d->role[CGAP_ROLE_WEIGHT];
  if (series->count == 0)
    return CGAP_OK;
  d->weight = malloc((d->data.queries + 1) * sizeof *d->weight);
  if (!d->weight)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", series->name);
  if (series->taken->entry->type == CGAP_BFLOAT16 && series->taken->entry->kind == CGAP_KIND_FLOAT)
    return cgap_fail(error, CGAP_DATA, "%s: bfloat16; write weights as float32 or float64", series->name);
  cgap_status status = cgap_read_float64(d->weight, series->taken, error);
  double sum = 0;
  for (size_t q = 0; q < d->data.queries && status == CGAP_OK; q++) {
    if (!isfinite(d->weight[q]) || d->weight[q] < 0)
      status = cgap_fail(error, CGAP_DATA, "%s: query %zu has weight %g; weights are finite and not negative",
                         series->name, q, d->weight[q]);
    sum += d->weight[q];
  }
  if (status == CGAP_OK && sum <= 0)
    status =
      cgap_fail(error, CGAP_DATA, "%s: all %zu weights are 0; at least one must not be", series->name, d->data.queries);
  return status;
}

static cgap_status read_image_labels(cgap_dataset *d, cgap_error *error)
{
  const cgap_role_datasets *series = &d->role[CGAP_ROLE_IMAGE_LABEL];
  d->image_label = cgap_alloc(cgap_role_datasets_rows(&d->role[CGAP_ROLE_IMAGE]), sizeof *d->image_label);
  return d->image_label ? cgap_read_whole(d->image_label, series->taken, "labels", error)
                        : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", series->name);
}

static cgap_status read_members(cgap_dataset *d, cgap_error *error)
{
  cgap_role_datasets *words = &d->role[CGAP_ROLE_WORDS];
  cgap_status status = check_shapes(d, error);
  if (status == CGAP_OK)
    status = read_image_labels(d, error);
  size_t queries = d->role[CGAP_ROLE_QUERY].taken->entry->shape[0];
  size_t elements = 0;
  if (status == CGAP_OK && cgap_product(&elements, queries, QUERY_COLUMNS))
    d->query = cgap_alloc(elements, sizeof *d->query);
  if (status == CGAP_OK && !d->query)
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", d->role[CGAP_ROLE_QUERY].name);
  if (status == CGAP_OK)
    status = cgap_read_whole(d->query, d->role[CGAP_ROLE_QUERY].taken, "queries", error);
  d->data.queries = queries;
  if (status == CGAP_OK) {
    count_from_zero(d);
    status = check_queries(d, error);
  }
  if (status == CGAP_OK)
    status = read_weights(d, error);
  if (status == CGAP_OK)
    status = cgap_dataset_rows_open(&d->word_rows, &d->data.words, words->taken, 1, words->name, error);
  if (status == CGAP_OK)
    status = cgap_memory_take(words->taken, d->data.words.rows, 2 * sizeof(double) * d->data.words.dim, error);
  d->data.image_label = d->image_label;
  d->data.query = d->query;
  d->data.query_weight = d->weight;
  return status;
}

/* Queries are about all images, so only one of several shards may have the group, for all of them. */
cgap_status cgap_find_arithmetic(cgap_dataset *d, cgap_error *error)
{
  const cgap_role_datasets *image = &d->role[CGAP_ROLE_IMAGE];
  const cgap_chosen_dataset *holder = NULL;
  char *group = NULL;
  size_t holders = 0;
  cgap_status status = CGAP_OK;
  for (size_t i = 0; i < image->count && status == CGAP_OK; i++) {
    char *found = NULL;
    status = find_group(&found, &image->taken[i], error);
    holders += found != NULL;
    if (found && !group) {
      group = found;
      holder = &image->taken[i];
    } else {
      free(found);
    }
  }
  if (status == CGAP_OK && holders > 1)
    cgap_append(&d->notes,
                "arithmetic not used: %zu shards have the group, which must be about all images, in one file\n",
                holders);
  else if (status == CGAP_OK && holders == 1)
    status = find_members(d, holder, group, error);
  if (status == CGAP_OK && holders == 1)
    status = read_members(d, error);
  free(group);
  return status;
}
