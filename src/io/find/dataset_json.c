/* A data set as JSON: what was found, and the listing of its files. */
#include "base/modality_names.h"
#include "base/output_file.h"
#include "io/find/dataset.h"
#include "io/find/dataset_internal.h"

#include <stdlib.h>
#include <string.h>

static json_t *shape_json(const cgap_entry *entry)
{
  json_t *shape = json_array();
  for (int k = 0; k < entry->ndim && k < CGAP_SHAPE_MAX; k++)
    json_array_append_new(shape, json_integer((json_int_t)entry->shape[k]));
  return shape;
}

static json_t *entry_json(const cgap_entry *entry)
{
  return json_pack("{s:o, s:o, s:o, s:o}", "path", cgap_json_string(entry->path), "shape", shape_json(entry), "type",
                   cgap_json_string(entry->type_text), "storage", cgap_json_string(entry->storage));
}

/* The file; of an array in several files, the first under "file" and all under "files". */
static void set_files(json_t *item, const cgap_chosen_dataset *taken)
{
  const cgap_entry *e = taken->entry;
  json_object_set_new(item, "file", cgap_json_string(e->pieces ? e->pieces[0].path : taken->file->path));
  if (e->piece_count < 2)
    return;
  json_t *files = json_array();
  for (size_t i = 0; i < e->piece_count; i++)
    json_array_append_new(files, cgap_json_string(e->pieces[i].path));
  json_object_set_new(item, "files", files);
}

static json_t *datasets_json(const cgap_role_datasets *series)
{
  json_t *list = json_array();
  for (size_t i = 0; i < series->count; i++) {
    json_t *item = entry_json(series->taken[i].entry);
    set_files(item, &series->taken[i]);
    json_array_append_new(list, item);
  }
  return list;
}

static json_t *series_json(const cgap_role_datasets *series)
{
  if (series->count == 0)
    return json_null();
  json_t *out = json_object();
  json_object_set_new(out, "name", cgap_json_string(series->name));
  if (series->taken->entry->kind == CGAP_KIND_FLOAT && series->taken->entry->ndim >= 2) {
    json_object_set_new(out, "rows", json_integer((json_int_t)cgap_role_datasets_rows(series)));
    json_object_set_new(out, "dim", json_integer((json_int_t)cgap_chosen_dataset_dim(series->taken)));
    json_object_set_new(out, "type", cgap_json_string(cgap_type_name(series->taken->entry->type)));
  }
  json_object_set_new(out, "why", cgap_json_string(series->why));
  json_object_set_new(out, "datasets", datasets_json(series));
  return out;
}

static json_t *pairing_json(const cgap_dataset *d)
{
  static const char *const KINDS[] = {
    [CGAP_UNPAIRED] = "unpaired", [CGAP_BY_ROW] = "by row", [CGAP_BY_INDEX] = "by index", [CGAP_PAIRING_OPEN] = "open"};
  static const cgap_role USED[] = {CGAP_ROLE_TEXT_IMAGE, CGAP_ROLE_IMAGE_ID, CGAP_ROLE_TEXT_ID};
  if (!d->pairing)
    return json_null();
  json_t *datasets = json_array();
  for (size_t i = 0; i < sizeof USED / sizeof *USED; i++) {
    json_t *some = datasets_json(&d->role[USED[i]]);
    json_array_extend(datasets, some);
    json_decref(some);
  }
  return json_pack("{s:s, s:o, s:o}", "kind", KINDS[d->data.pairing], "why", cgap_json_string(d->pairing), "datasets",
                   datasets);
}

static json_t *arithmetic_json(const cgap_dataset *d)
{
  if (d->role[CGAP_ROLE_WORDS].count == 0)
    return json_null();
  return json_pack("{s:o, s:o, s:o, s:o}", "words", series_json(&d->role[CGAP_ROLE_WORDS]), "image_label",
                   series_json(&d->role[CGAP_ROLE_IMAGE_LABEL]), "query", series_json(&d->role[CGAP_ROLE_QUERY]),
                   "weight", series_json(&d->role[CGAP_ROLE_WEIGHT]));
}

static json_t *notes_json(const cgap_dataset *d)
{
  json_t *list = json_array();
  const char *line = d->notes ? d->notes : "";
  for (const char *end; (end = strchr(line, '\n')); line = end + 1) {
    char *note = strndup(line, (size_t)(end - line));
    json_array_append_new(list, cgap_json_string(note));
    free(note);
  }
  return list;
}

json_t *cgap_dataset_json(const cgap_dataset *d)
{
  json_t *files = json_array();
  for (size_t i = 0; i < d->file_count; i++)
    json_array_append_new(files, cgap_json_string(d->files[i]->path));
  json_t *out =
    json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "files", files, "image",
              series_json(&d->role[CGAP_ROLE_IMAGE]), "text", series_json(&d->role[CGAP_ROLE_TEXT]), "pairing",
              pairing_json(d), "labels", series_json(&d->role[CGAP_ROLE_LABELS]), "class_text",
              series_json(&d->role[CGAP_ROLE_CLASS_TEXT]), "arithmetic", arithmetic_json(d), "notes", notes_json(d));
  if (d->role[CGAP_ROLE_IMAGE_NAME].count || d->role[CGAP_ROLE_TEXT_NAME].count || d->role[CGAP_ROLE_CLASS_NAME].count)
    json_object_set_new(out, "names",
                        json_pack("{s:o, s:o, s:o}", "image", series_json(&d->role[CGAP_ROLE_IMAGE_NAME]), "text",
                                  series_json(&d->role[CGAP_ROLE_TEXT_NAME]), "class",
                                  series_json(&d->role[CGAP_ROLE_CLASS_NAME])));
  if (!cgap_modality_names_default(&d->names))
    json_object_set_new(
      out, "modalities",
      json_pack("[s, s]", cgap_modality_name(d->names.of[0], 0), cgap_modality_name(d->names.of[1], 1)));
  if (d->role[CGAP_ROLE_GROUP].count)
    json_object_set_new(out, "group", series_json(&d->role[CGAP_ROLE_GROUP]));
  if (d->trained_on[0])
    json_object_set_new(out, "trained_on", cgap_json_string(d->trained_on));
  if (d->trained_losses[0])
    json_object_set_new(out, "trained_losses", cgap_json_string(d->trained_losses));
  return out;
}

/* The role of a dataset; NULL: none. */
static const char *taken_as(const cgap_dataset *d, const cgap_entry *entry)
{
  static const char *const NAMES[CGAP_ROLES] = {
    [CGAP_ROLE_IMAGE] = "image",           [CGAP_ROLE_TEXT] = "text",         [CGAP_ROLE_TEXT_IMAGE] = "pairing",
    [CGAP_ROLE_IMAGE_ID] = "pairing",      [CGAP_ROLE_TEXT_ID] = "pairing",   [CGAP_ROLE_LABELS] = "labels",
    [CGAP_ROLE_CLASS_TEXT] = "class_text", [CGAP_ROLE_WORDS] = "arithmetic",  [CGAP_ROLE_IMAGE_LABEL] = "arithmetic",
    [CGAP_ROLE_QUERY] = "arithmetic",      [CGAP_ROLE_WEIGHT] = "arithmetic", [CGAP_ROLE_GROUP] = "group",
    [CGAP_ROLE_IMAGE_NAME] = "names",      [CGAP_ROLE_TEXT_NAME] = "names",   [CGAP_ROLE_CLASS_NAME] = "names"};
  for (int role = 0; role < CGAP_ROLES; role++)
    for (size_t k = 0; k < d->role[role].count; k++)
      if (cgap_entry_same(d->role[role].taken[k].entry, entry))
        return NAMES[role];
  return NULL;
}

json_t *cgap_dataset_listing_json(const cgap_dataset *d)
{
  json_t *out = json_array();
  for (size_t i = 0; i < d->file_count; i++) {
    const cgap_file *file = d->files[i];
    json_t *datasets = json_array();
    for (size_t k = 0; k < file->count; k++) {
      const cgap_entry *e = &file->entries[k];
      json_t *entry = entry_json(e);
      json_object_set_new(entry, "unreadable", cgap_json_string(e->obstacle));
      json_object_set_new(entry, "taken_as", cgap_json_string(taken_as(d, e)));
      json_object_set_new(entry, "same_as_earlier", json_boolean(e->alias));
      json_array_append_new(datasets, entry);
    }
    json_array_append_new(out, json_pack("{s:o, s:I, s:o}", "path", cgap_json_string(file->path), "bytes",
                                         (json_int_t)file->bytes, "datasets", datasets));
  }
  return out;
}
