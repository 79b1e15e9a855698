/* What a file may hold besides the two sides: class texts, labels, the group "arithmetic". */
#include "io/dataset_parts.h"

#include "io/format.h"
#include "io/hdf5_values.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What nothing needs is no reason to refuse a file: labels without class texts, class texts without labels. */
static cgap_status pass_over(cgap_dataset *d, cgap_series *series, const char *what, cgap_error *error)
{
  cgap_append(&d->notes, "%s not used: %s\n", what, error ? error->message : "they do not fit");
  series->count = 0;
  if (error)
    *error = (cgap_error){0};
  return CGAP_OK;
}

static bool any_fits(const cgap_taken *side, cgap_fit fit)
{
  for (size_t i = 0; i < side->file->count; i++) {
    cgap_words words = cgap_words_of(side->file->entries[i].path);
    if (fit(&side->file->entries[i], &words, side) > 0)
      return true;
  }
  return false;
}

/* ---------------------------------------------------------------- class texts */

static bool named(const cgap_entry *entry, const char *name)
{
  return !strcmp(strrchr(entry->path, '/') + 1, name);
}

static int class_fit(const cgap_entry *entry, const cgap_words *w, const cgap_taken *image)
{
  bool named_class = (w->leaf | w->parent) & CGAP_WORD_CLASS;
  if (!named_class || entry->kind != CGAP_KIND_FLOAT || (entry->rank != 2 && entry->rank != 3) ||
      (w->leaf & CGAP_WORD_LABEL))
    return 0;
  if (named(entry, "class_text"))
    return 20;
  if (cgap_taken_dim(&(cgap_taken){image->file, entry}) != cgap_taken_dim(image))
    return 0;
  return 4 + (w->side == CGAP_WORD_TEXT ? 4 : 0) + (w->leaf & CGAP_WORD_EMBEDDING ? 2 : 0) -
         (w->leaf & CGAP_WORD_SIDELINE ? 3 : 0);
}

static int label_fit(const cgap_entry *entry, const cgap_words *w, const cgap_taken *image)
{
  static const char *const USUAL[] = {"labels", "label", "targets", "target", "image_labels", "image_label"};
  if (entry->kind != CGAP_KIND_INTEGER || entry->rank != 1 || !(w->leaf & CGAP_WORD_LABEL) ||
      (w->leaf & (CGAP_WORD_TEXT | CGAP_WORD_ID)) || w->group == CGAP_WORD_TEXT)
    return 0;
  int score = entry->shape[0] == cgap_taken_rows(image) ? 30 : 0;
  for (size_t i = 0; i < sizeof USUAL / sizeof *USUAL; i++) {
    if (named(entry, USUAL[i]))
      return score + 20 - (int)i;
  }
  return score + 1;
}

static cgap_status check_class_text(const cgap_taken *t, const cgap_taken *image, cgap_error *error)
{
  const cgap_entry *e = t->entry;
  char shape[160];
  cgap_shape_text(shape, sizeof shape, e);
  if (e->kind != CGAP_KIND_FLOAT || (e->rank != 2 && e->rank != 3))
    return cgap_fail(error, CGAP_DATA,
                     "%s: %s of shape %s cannot be class texts; floats of shape (C, d) or (C, "
                     "prompts, d) are needed: give --class-text",
                     e->name, e->type_text, shape);
  if (cgap_taken_rows(t) == 0)
    return cgap_fail(error, CGAP_DATA, "%s: shape %s has no rows; give --class-text", e->name, shape);
  if (cgap_taken_dim(t) != cgap_taken_dim(image))
    return cgap_fail(error, CGAP_DATA, "%s has d = %zu, %s has %zu: not one joint space; give --class-text", e->name,
                     cgap_taken_dim(t), image->entry->name, cgap_taken_dim(image));
  return CGAP_OK;
}

static cgap_status find_class_text(cgap_dataset *d, const cgap_spec *spec, bool needed, cgap_error *error)
{
  const cgap_taken *image = d->role[CGAP_ROLE_IMAGE].taken;
  cgap_series *series = &d->role[CGAP_ROLE_CLASS_TEXT];
  const cgap_entry *entry = NULL;
  cgap_status status = spec->given
                         ? cgap_find_given(&entry, image, spec, error)
                         : cgap_find_beside(&entry, image, class_fit, "the class texts (--class-text)", error);
  if (status == CGAP_OK && !entry)
    return CGAP_OK;
  cgap_taken taken = {spec->file ? spec->file : image->file, entry};
  if (status == CGAP_OK)
    status = check_class_text(&taken, image, error);
  if (status != CGAP_OK && !needed)
    return pass_over(d, series, "class texts", error);
  if (status == CGAP_OK)
    status = cgap_series_add(series, taken.file, entry, error);
  if (status != CGAP_OK)
    return status;
  cgap_series_explain(series, "%s", spec->given ? "given by --class-text" : "\"class\" in its name");
  d->data.prompts = entry->rank == 3 ? entry->shape[1] : 1;
  return cgap_rows_open(&d->class_rows, &d->data.class_text, series->taken, 1, series->name, error);
}

cgap_status cgap_class_text_find(cgap_dataset *d, const cgap_input_options *options, cgap_error *error)
{
  cgap_spec spec;
  cgap_status status = cgap_spec_parse(&spec, d, "--class-text", options->class_text, error);
  if (status == CGAP_OK)
    status = find_class_text(
      d, &spec, spec.given || options->labels || any_fits(d->role[CGAP_ROLE_IMAGE].taken, label_fit), error);
  free(spec.owned);
  return status;
}

/* ---------------------------------------------------------------- labels */

static cgap_status check_labels(const cgap_dataset *d, cgap_error *error)
{
  const cgap_series *labels = &d->role[CGAP_ROLE_LABELS], *classes = &d->role[CGAP_ROLE_CLASS_TEXT];
  size_t images = cgap_series_rows(&d->role[CGAP_ROLE_IMAGE]);
  if (classes->count == 0)
    return CGAP_OK;
  size_t count = classes->taken->entry->shape[0];
  for (size_t i = 0; i < images; i++) {
    if (d->labels[i] < 0 || (uint64_t)d->labels[i] >= count)
      return cgap_fail(error, CGAP_DATA,
                       "%s: image %zu has label %" PRId64 ", %s has %zu classes (0 to %zu); mend it or give --labels",
                       labels->name, i, d->labels[i], classes->name, count, count - 1);
  }
  return CGAP_OK;
}

static cgap_status find_labels(cgap_dataset *d, const cgap_spec *spec, cgap_error *error)
{
  const cgap_series *image = &d->role[CGAP_ROLE_IMAGE];
  cgap_series *labels = &d->role[CGAP_ROLE_LABELS];
  cgap_status status = cgap_per_image_find(labels, image, spec, label_fit, "the labels (--labels)", error);
  if (status == CGAP_OK && labels->count == 0)
    return CGAP_OK;
  if (status == CGAP_OK) {
    cgap_series_explain(labels, "%s", spec->given ? "given by --labels" : "its name says labels");
    status = cgap_per_image_check(labels, image, "--labels", error);
  }
  if (status != CGAP_OK && !spec->given && d->role[CGAP_ROLE_CLASS_TEXT].count == 0)
    return pass_over(d, labels, "labels", error);
  if (status == CGAP_OK)
    status = cgap_int64_series(&d->labels, labels, error);
  if (status == CGAP_OK)
    status = check_labels(d, error);
  d->data.labels = d->labels;
  return status;
}

cgap_status cgap_labels_find(cgap_dataset *d, const cgap_input_options *options, cgap_error *error)
{
  cgap_spec spec;
  cgap_status status = cgap_spec_parse(&spec, d, "--labels", options->labels, error);
  if (status == CGAP_OK)
    status = find_labels(d, &spec, error);
  free(spec.owned);
  return status;
}

/* ---------------------------------------------------------------- training */

void cgap_training_find(cgap_dataset *d)
{
  for (size_t i = 0; i < d->file_count && !d->trained_on[0]; i++)
    if (d->files[i]->id >= 0 &&
        cgap_hdf5_text(d->trained_on, sizeof d->trained_on, d->files[i]->id, CGAP_TRAINED_ON) <= 0)
      d->trained_on[0] = '\0';
  for (size_t i = 0; i < d->file_count && !d->trained_losses[0]; i++)
    if (d->files[i]->id >= 0 &&
        !cgap_hdf5_text(d->trained_losses, sizeof d->trained_losses, d->files[i]->id, CGAP_TRAINED_LOSSES))
      d->trained_losses[0] = '\0';
  if (d->trained_on[0])
    cgap_append(
      &d->notes,
      "came through a head that was trained on %s, of this file or of another with as many: it suits those better\n",
      d->trained_on);
}

bool cgap_dataset_part(char *out, size_t size, const cgap_dataset *d)
{
  return d->file_count == 1 && d->files[0]->id >= 0 &&
         cgap_hdf5_text(out, size, d->files[0]->id, CGAP_PART_ATTRIBUTE) > 0;
}
