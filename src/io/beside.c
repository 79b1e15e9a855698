/* Finding the small datasets that belong to a side: pairings, ids, labels, class texts. */
#include "io/dataset_parts.h"

#include "io/format.h"
#include "io/hdf5_values.h"

#include <stdlib.h>
#include <string.h>

static bool same_group(const cgap_entry *a, const cgap_entry *b)
{
  size_t na = (size_t)(strrchr(a->path, '/') - a->path), nb = (size_t)(strrchr(b->path, '/') - b->path);
  return na == nb && !memcmp(a->path, b->path, na);
}

cgap_status cgap_find_beside(const cgap_entry **out, const cgap_taken *side, cgap_fit fit, const char *what,
                             cgap_error *error)
{
  int best = 0;
  size_t ties = 0;
  char *list = NULL;
  *out = NULL;
  for (size_t i = 0; i < side->file->count; i++) {
    const cgap_entry *entry = &side->file->entries[i];
    if (entry->alias || entry == side->entry || strstr(entry->path, "/arithmetic/"))
      continue;
    cgap_words words = cgap_words_of(entry->path);
    int score = fit(entry, &words, side);
    score = score > 0 ? 2 * score + same_group(entry, side->entry) : 0;
    if (score == 0 || score < best)
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
    status = cgap_fail(error, CGAP_FILE, "%s: %zu datasets can be %s; give one of:%s", side->file->path, ties, what,
                       list ? list : "");
  }
  free(list);
  return status;
}

const cgap_entry *cgap_input_find(const cgap_input *input, const char *path)
{
  const cgap_entry *entry = NULL;
  if (input->inside && path[0] != '/') {
    char *below = cgap_format("%s/%s", input->inside, path);
    entry = below ? cgap_file_find(input->file, below) : NULL;
    free(below);
  }
  return entry ? entry : cgap_file_find(input->file, path);
}

cgap_status cgap_find_given(const cgap_entry **out, const cgap_taken *side, const cgap_spec *spec, cgap_error *error)
{
  const cgap_file *file = spec->file ? spec->file : side->file;
  *out = NULL;
  if (!spec->path && file->count == 1) {
    *out = file->entries;
    return CGAP_OK;
  }
  if (!spec->path)
    return cgap_fail(error, CGAP_USAGE, "%s: %s needs the dataset too: %s:/path", file->path, spec->option, file->path);
  char *group = strdup(side->entry->path);
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

cgap_status cgap_per_image_find(cgap_series *out, const cgap_series *image, const cgap_spec *spec, cgap_fit fit,
                                const char *what, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  size_t places = spec->file ? 1 : image->count;
  for (size_t i = 0; i < places && status == CGAP_OK; i++) {
    const cgap_entry *entry = NULL;
    status = spec->given ? cgap_find_given(&entry, &image->taken[i], spec, error)
                         : cgap_find_beside(&entry, &image->taken[i], fit, what, error);
    if (status == CGAP_OK && entry)
      status = cgap_series_add(out, spec->file ? spec->file : image->taken[i].file, entry, error);
  }
  return status;
}

cgap_status cgap_per_image_check(const cgap_series *series, const cgap_series *image, const char *option,
                                 cgap_error *error)
{
  size_t rows = 0, images = cgap_series_rows(image);
  for (size_t i = 0; i < series->count; i++) {
    const cgap_taken *t = &series->taken[i];
    char shape[160];
    if (t->entry->kind != CGAP_KIND_INTEGER || t->entry->rank != 1)
      return cgap_fail(error, CGAP_DATA, "%s: %s of shape %s; one integer an image is needed%s%s", t->entry->name,
                       t->entry->type_text, cgap_shape_text(shape, sizeof shape, t->entry), option ? ": give " : "",
                       option ? option : "");
    rows += t->entry->shape[0];
  }
  if (rows != images)
    return cgap_fail(error, CGAP_DATA, "%s: %zu rows, %s has %zu; one an image is needed%s%s", series->name, rows,
                     image->name, images, option ? ": give " : "", option ? option : "");
  return CGAP_OK;
}

cgap_status cgap_int64_series(int64_t **out, const cgap_series *series, cgap_error *error)
{
  size_t total = 0, at = 0;
  for (size_t i = 0; i < series->count; i++)
    total += series->taken[i].entry->shape[0];
  *out = malloc((total + 1) * sizeof **out);
  if (!*out)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu values", series->name, total);
  cgap_status status = CGAP_OK;
  for (size_t i = 0; i < series->count && status == CGAP_OK; i++) {
    status = cgap_read_int64(*out + at, &series->taken[i], error);
    at += series->taken[i].entry->shape[0];
  }
  return status;
}
