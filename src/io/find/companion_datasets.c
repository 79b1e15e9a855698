/* Finding the small datasets that belong to a side: pairings, ids, labels, class texts. */
#include "io/find/companion_datasets.h"

#include "base/text_buffer.h"
#include "io/read/small_datasets.h"

#include <stdlib.h>
#include <string.h>

cgap_companion cgap_companion_of(const cgap_dataset *d, cgap_role modality, size_t shard)
{
  const cgap_role_datasets *image = &d->role[CGAP_ROLE_IMAGE], *text = &d->role[CGAP_ROLE_TEXT];
  const bool by_shard = image->count == text->count;
  return (cgap_companion){
    .modality = &d->role[modality].taken[shard],
    .images = by_shard || modality == CGAP_ROLE_IMAGE ? cgap_chosen_dataset_rows(&image->taken[shard])
                                                      : cgap_role_datasets_rows(image),
    .texts = by_shard || modality == CGAP_ROLE_TEXT ? cgap_chosen_dataset_rows(&text->taken[shard])
                                                    : cgap_role_datasets_rows(text),
    .apart = text->count > 0 && image->taken->file != text->taken->file,
  };
}

cgap_status cgap_companion_find(const cgap_entry **out, int *score_out, const cgap_companion *companion,
                                cgap_name_score name_score, const char *what, cgap_error *error)
{
  const cgap_chosen_dataset *modality = companion->modality;
  int best = 0;
  size_t ties = 0;
  char *list = NULL;
  *out = NULL;
  for (size_t i = 0; i < modality->file->count; i++) {
    const cgap_entry *entry = &modality->file->entries[i];
    if (cgap_entry_same(entry, modality->entry) || strstr(entry->path, "/arithmetic/"))
      continue;
    cgap_name_words words = cgap_name_words_of(entry->path);
    const int own = name_score(entry, &words, companion);
    const int score = own > 0 ? 2 * own + cgap_entry_neighbours(entry, modality->entry) : 0;
    if (score == 0 || score < best || (score == best && cgap_entry_same(entry, *out)))
      continue;
    if (score > best) {
      free(list);
      list = NULL;
      ties = 0;
      best = score;
      *out = entry;
    }
    cgap_candidate_append(&list, &ties, entry);
  }
  cgap_status status = CGAP_OK;
  if (ties > 1) {
    *out = NULL;
    status = cgap_fail(error, CGAP_FILE, "%s: %zu datasets can be %s; give one of:%s", modality->file->path, ties, what,
                       list ? list : "");
  }
  free(list);
  if (score_out)
    *score_out = best / 2;
  return status;
}

cgap_status cgap_given_dataset_find(const cgap_entry **out, const cgap_chosen_dataset *modality,
                                    const cgap_dataset_option *spec, cgap_error *error)
{
  const cgap_file *file = spec->file ? spec->file : modality->file;
  *out = NULL;
  if (!spec->path && file->count == 1) {
    *out = file->entries;
    return CGAP_OK;
  }
  if (!spec->path)
    return cgap_fail(error, CGAP_USAGE, "%s: %s needs the dataset too: %s:/path", file->path, spec->option, file->path);
  char *group = strdup(modality->entry->path);
  if (group)
    *strrchr(group, '/') = '\0';
  cgap_input input = {.file = file, .inside = group};
  *out = cgap_input_find(&input, spec->path);
  free(group);
  if (*out && (*out)->dangling)
    return cgap_fail(error, CGAP_FILE, "%s: %s", (*out)->name, (*out)->obstacle);
  return *out ? CGAP_OK : cgap_refuse_missing(file, spec->path, spec->option, error);
}

/* ---------------------------------------------------------------- one value an image */

cgap_status cgap_per_image_find(cgap_dataset *d, cgap_role_datasets *out, const cgap_dataset_option *spec,
                                cgap_name_score name_score, const char *what, cgap_error *error)
{
  const cgap_role_datasets *image = &d->role[CGAP_ROLE_IMAGE];
  cgap_status status = CGAP_OK;
  size_t places = spec->file ? 1 : image->count;
  for (size_t i = 0; i < places && status == CGAP_OK; i++) {
    const cgap_companion companion = cgap_companion_of(d, CGAP_ROLE_IMAGE, i);
    const cgap_entry *entry = NULL;
    status = spec->given ? cgap_given_dataset_find(&entry, companion.modality, spec, error)
                         : cgap_companion_find(&entry, NULL, &companion, name_score, what, error);
    if (status == CGAP_OK && entry)
      status = cgap_role_datasets_add(out, spec->file ? spec->file : companion.modality->file, entry, error);
  }
  return status;
}

cgap_status cgap_per_image_check(const cgap_role_datasets *series, const cgap_role_datasets *image, const char *option,
                                 cgap_error *error)
{
  size_t rows = 0, images = cgap_role_datasets_rows(image);
  for (size_t i = 0; i < series->count; i++) {
    const cgap_entry *e = series->taken[i].entry;
    char text[400];
    if ((e->kind != CGAP_KIND_INTEGER && e->kind != CGAP_KIND_FLOAT) || cgap_entry_list(e) == 0)
      return cgap_fail(error, CGAP_DATA, "%s; one integer per image is needed%s%s",
                       cgap_entry_text(text, sizeof text, e), option ? ": give " : "", option ? option : "");
    rows += cgap_entry_list(e);
  }
  if (rows != images)
    return cgap_fail(error, CGAP_DATA, "%s: %zu rows, %s has %zu; one per image is needed%s%s", series->name, rows,
                     image->name, images, option ? ": give " : "", option ? option : "");
  return CGAP_OK;
}

cgap_status cgap_int64_series(int64_t **out, const cgap_role_datasets *series, cgap_error *error)
{
  size_t total = 0, at = 0;
  for (size_t i = 0; i < series->count; i++)
    total += cgap_entry_list(series->taken[i].entry);
  *out = malloc((total + 1) * sizeof **out);
  if (!*out)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu values", series->name, total);
  cgap_status status = CGAP_OK;
  for (size_t i = 0; i < series->count && status == CGAP_OK; i++) {
    status = cgap_read_whole(*out + at, &series->taken[i], "labels", error);
    at += cgap_entry_list(series->taken[i].entry);
  }
  return status;
}
