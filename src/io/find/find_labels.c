/* Class texts and labels of the images, and texts that are prompts of classes. */
#include "io/find/dataset_internal.h"

#include "base/memory.h"
#include "base/modality_names.h"
#include "base/text_buffer.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const size_t TABLE_VALUES_MAX = (size_t)1 << 27; /* of a table of labels: 1 GB */

/* Labels without class texts, and class texts without labels, are not needed: a fault in them is only a note. */
static cgap_status skip_with_note(cgap_dataset *d, cgap_role_datasets *series, const char *what, cgap_error *error)
{
  series->count = 0;
  return cgap_note_refusal(d, CGAP_DATA, what, error);
}

static bool any_is_usable(const cgap_companion *companion, cgap_name_score name_score)
{
  for (size_t i = 0; i < companion->modality->file->count; i++) {
    const cgap_entry *entry = &companion->modality->file->entries[i];
    cgap_name_words words = cgap_name_words_of(entry->path);
    if (!cgap_entry_same(entry, companion->modality->entry) && name_score(entry, &words, companion) > 0)
      return true;
  }
  return false;
}

/* ---------------------------------------------------------------- class texts */

static bool has_name(const cgap_entry *entry, const char *name)
{
  return !strcmp(strrchr(entry->path, '/') + 1, name);
}

static int class_score(const cgap_entry *entry, const cgap_name_words *w, const cgap_companion *companion)
{
  bool named_class = (w->leaf | w->parent) & CGAP_WORD_CLASS;
  if (!named_class || entry->kind != CGAP_KIND_FLOAT || (entry->ndim != 2 && entry->ndim != 3) ||
      (w->leaf & CGAP_WORD_LABEL))
    return 0;
  if (has_name(entry, "class_text"))
    return 20;
  if (cgap_chosen_dataset_dim(&(cgap_chosen_dataset){companion->modality->file, entry}) !=
      cgap_chosen_dataset_dim(companion->modality))
    return 0;
  return 4 + (w->modality == CGAP_WORD_TEXT ? 4 : 0) + (w->leaf & CGAP_WORD_EMBEDDING ? 2 : 0) -
         (w->leaf & CGAP_WORD_SIDELINE ? 3 : 0);
}

/* Labels, or a class's number under another name. */
static int label_name(const cgap_entry *entry, const cgap_name_words *w)
{
  static const char *const USUAL[] = {"labels", "label", "targets", "target", "image_labels", "image_label"};
  const bool number = w->leaf & CGAP_WORD_INDEX || !strcmp(w->id_word, "id");
  if ((w->leaf & (CGAP_WORD_TEXT | CGAP_WORD_EMBEDDING | CGAP_WORD_SIDELINE)) || w->group == CGAP_WORD_TEXT)
    return 0;
  for (size_t i = 0; i < sizeof USUAL / sizeof *USUAL; i++)
    if (has_name(entry, USUAL[i]))
      return 20 - (int)i;
  if (w->more && entry->kind != CGAP_KIND_INTEGER) /* label_confidence */
    return 0;
  if (w->leaf & CGAP_WORD_LABEL)
    return !w->id_word[0] || number ? 2 : 0;
  return w->leaf & CGAP_WORD_CLASS && number ? 1 : 0;
}

/* One of a kind in each row: (N, C). */
static bool is_table(const cgap_entry *entry)
{
  return cgap_entry_is_number(entry) && entry->ndim == 2 && cgap_entry_list(entry) == 0;
}

static int label_score(const cgap_entry *entry, const cgap_name_words *w, const cgap_companion *companion)
{
  const int name = label_name(entry, w);
  const size_t list = cgap_entry_list(entry);
  if (name == 0 || entry->ndim == 0)
    return 0;
  if (entry->kind != CGAP_KIND_OTHER && list == companion->images)
    return name + (entry->kind == CGAP_KIND_INTEGER ? 80 : entry->kind == CGAP_KIND_FLOAT ? 60 : 40);
  if (is_table(entry))
    return entry->shape[0] == companion->images ? name + 50 : entry->kind == CGAP_KIND_INTEGER ? name : 0;
  if (cgap_entry_is_number(entry))
    return list > 0 ? name : 0;
  return name > 2 ? name : 0; /* names of classes, or what cannot be labels */
}

/* The classes' names: strings, one per class. */
static int class_name_score(const cgap_entry *entry, const cgap_name_words *w, const cgap_companion *companion)
{
  const bool named_so = w->leaf & (CGAP_WORD_CLASS | CGAP_WORD_LABEL);
  (void)companion;
  if (!named_so || entry->kind != CGAP_KIND_STRING || cgap_entry_list(entry) < 2)
    return 0;
  return w->leaf & CGAP_WORD_CLASS ? 4 : 2;
}

static cgap_status check_class_text(const cgap_chosen_dataset *t, const cgap_chosen_dataset *image, cgap_error *error)
{
  const cgap_entry *e = t->entry;
  char shape[160];
  cgap_shape_text(shape, sizeof shape, e);
  if (e->kind != CGAP_KIND_FLOAT || (e->ndim != 2 && e->ndim != 3))
    return cgap_fail(error, CGAP_DATA,
                     "%s: %s of shape %s cannot be class texts; floats of shape (C, d) or (C, "
                     "prompts, d) are needed: give `class_text`",
                     e->name, e->type_text, shape);
  if (cgap_chosen_dataset_rows(t) == 0)
    return cgap_fail(error, CGAP_DATA, "%s: shape %s has no rows; give `class_text`", e->name, shape);
  if (cgap_chosen_dataset_dim(t) != cgap_chosen_dataset_dim(image))
    return cgap_fail(error, CGAP_DATA, "%s has d = %zu, %s has %zu: not one joint space; give `class_text`", e->name,
                     cgap_chosen_dataset_dim(t), image->entry->name, cgap_chosen_dataset_dim(image));
  return CGAP_OK;
}

cgap_status cgap_find_class_text(cgap_dataset *d, cgap_error *error)
{
  const cgap_companion companion = cgap_companion_of(d, CGAP_ROLE_IMAGE, 0);
  const cgap_chosen_dataset *image = companion.modality;
  const cgap_dataset_option *option = &d->option[CGAP_ROLE_CLASS_TEXT];
  cgap_role_datasets *series = &d->role[CGAP_ROLE_CLASS_TEXT];
  const cgap_entry *entry = NULL;
  if (option->none)
    return CGAP_OK;
  const bool needed = option->given || d->option[CGAP_ROLE_LABELS].given || any_is_usable(&companion, label_score);
  cgap_status status =
    option->given ? cgap_given_dataset_find(&entry, image, option, error)
                  : cgap_companion_find(&entry, NULL, &companion, class_score, "the class texts (`class_text`)", error);
  if (status == CGAP_OK && !entry)
    return CGAP_OK;
  cgap_chosen_dataset taken = {option->file ? option->file : image->file, entry};
  if (status == CGAP_OK)
    status = check_class_text(&taken, image, error);
  if (status != CGAP_OK && !needed)
    return skip_with_note(d, series, "class texts", error);
  if (status == CGAP_OK)
    status = cgap_role_datasets_add(series, taken.file, entry, error);
  if (status != CGAP_OK)
    return status;
  cgap_role_datasets_explain(series, "%s", option->given ? "given explicitly" : "\"class\" in its name");
  d->data.prompts = cgap_entry_middle(entry) ? cgap_entry_middle(entry) : 1;
  status = cgap_dataset_rows_open(&d->class_rows, &d->data.class_text, series->taken, 1, series->name, error);
  if (status != CGAP_OK)
    return status;
  /* the prompts of one class, and a vector for each class, in double precision and as stored */
  const size_t classes = d->data.class_text.rows / d->data.prompts;
  return cgap_memory_take(&taken, d->data.prompts + classes, 2 * sizeof(double) * d->data.class_text.dim, error);
}

/* ---------------------------------------------------------------- the axis of the classes */

/* Rows (prompts, C, d) given as (C, prompts, d). */
struct cgap_class_major {
  cgap_source stored;
  size_t classes, prompts;
};

static cgap_status read_class_major(const cgap_source *source, size_t first, size_t count, void *out, cgap_error *error)
{
  const struct cgap_class_major *m = source->context;
  const size_t bytes = source->dim * cgap_type_size(source->type);
  cgap_status status = CGAP_OK;
  for (size_t k = 0; k < count && status == CGAP_OK; k++) {
    const size_t row = first + k, stored = row % m->prompts * m->classes + row / m->prompts;
    status = m->stored.read(&m->stored, stored, 1, (unsigned char *)out + k * bytes, error);
  }
  return status;
}

const cgap_entry *cgap_class_names_find(const cgap_dataset *d)
{
  const cgap_companion companion = cgap_companion_of(d, CGAP_ROLE_IMAGE, 0);
  const cgap_entry *entry = NULL;
  cgap_error unused;
  if (cgap_companion_find(&entry, NULL, &companion, class_name_score, "the names of the classes", &unused) != CGAP_OK)
    return NULL;
  return entry;
}

/* The classes are the first axis, unless only the second has their number. */
static cgap_status choose_class_axis(cgap_dataset *d, cgap_error *error)
{
  cgap_role_datasets *series = &d->role[CGAP_ROLE_CLASS_TEXT];
  if (series->count == 0 || d->data.prompts < 2)
    return CGAP_OK;
  const cgap_entry *e = series->taken->entry, *names = cgap_class_names_find(d);
  size_t classes = names ? cgap_entry_list(names) : 0;
  if (classes != e->shape[0] && classes != e->shape[1])
    classes = 0;
  size_t needed = classes;
  for (size_t i = 0; d->labels && classes == 0 && i < d->data.image.rows; i++)
    if (d->labels[i] >= 0 && (size_t)d->labels[i] + 1 > needed)
      needed = (size_t)d->labels[i] + 1;
  const bool second =
    needed != e->shape[0] && (needed == e->shape[1] || (e->shape[0] < needed && needed < e->shape[1]));
  if (!second)
    return CGAP_OK;
  struct cgap_class_major *m = d->class_major = malloc(sizeof *m);
  if (!m)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", series->name);
  *m = (struct cgap_class_major){d->data.class_text, e->shape[1], e->shape[0]};
  d->data.class_text.read = read_class_major;
  d->data.class_text.context = m;
  d->data.prompts = m->prompts;
  cgap_append(&d->notes, "%s: its second axis is the number of classes: %zu prompts of %zu classes\n", series->name,
              m->prompts, m->classes);
  return CGAP_OK;
}

/* ---------------------------------------------------------------- texts that are prompts */

cgap_status cgap_prompts_exclude(cgap_dataset *d, cgap_error *error)
{
  cgap_role_datasets *text = &d->role[CGAP_ROLE_TEXT];
  if (text->count != 1 || d->role[CGAP_ROLE_IMAGE].count != 1 || d->option[CGAP_ROLE_TEXT].given ||
      d->option[CGAP_ROLE_TEXT_IMAGE].given || d->option[CGAP_ROLE_CLASS_TEXT].given)
    return CGAP_OK;
  const cgap_companion companion = cgap_companion_of(d, CGAP_ROLE_IMAGE, 0),
                       text_companion = cgap_companion_of(d, CGAP_ROLE_TEXT, 0);
  const cgap_entry *t = text->taken->entry, *classes = NULL;
  const size_t images = cgap_role_datasets_rows(&d->role[CGAP_ROLE_IMAGE]), texts = cgap_role_datasets_rows(text);
  char shape[160];
  if (!any_is_usable(&companion, label_score) || any_is_usable(&text_companion, cgap_index_score))
    return CGAP_OK;
  cgap_status status =
    cgap_companion_find(&classes, NULL, &companion, class_score, "the class texts (`class_text`)", error);
  if (status != CGAP_OK || !classes)
    return status;
  const size_t count = classes->shape[0], other = cgap_entry_middle(classes) ? classes->shape[1] : count;
  const bool axis = cgap_entry_middle(t) && t->shape[0] != images &&
                    (t->shape[0] == count || t->shape[1] == count || t->shape[0] == other || t->shape[1] == other);
  const bool rows = !cgap_entry_middle(t) && texts % images != 0 && texts % count == 0 &&
                    (texts == count || !strcmp(cgap_name_words_of(t->path).text_word, "prompt"));
  if (!axis && !rows)
    return CGAP_OK;
  cgap_append(&d->notes,
              "%s not used as texts: its shape %s has the number of classes of %s, %zu; give it as `text` to use it\n",
              t->name, cgap_shape_text(shape, sizeof shape, t), classes->name, count);
  text->count = 0;
  return CGAP_OK;
}

/* ---------------------------------------------------------------- labels */

static void label_range(int64_t *lowest, int64_t *highest, const cgap_dataset *d)
{
  *lowest = INT64_MAX;
  *highest = INT64_MIN;
  for (size_t i = 0; i < d->data.image.rows; i++) {
    *lowest = d->labels[i] < *lowest ? d->labels[i] : *lowest;
    *highest = d->labels[i] > *highest ? d->labels[i] : *highest;
  }
}

/* Labels of MATLAB and Octave count from 1 where none is 0. */
static void count_from_zero(cgap_dataset *d)
{
  const cgap_role_datasets *labels = &d->role[CGAP_ROLE_LABELS];
  const cgap_entry *e = labels->taken->entry;
  int64_t lowest, highest;
  label_range(&lowest, &highest, d);
  if (!e->turned || e->kind == CGAP_KIND_STRING || is_table(e) || lowest < 1)
    return;
  for (size_t i = 0; i < d->data.image.rows; i++)
    d->labels[i]--;
  cgap_append(&d->notes, "%s: labels count from 1, as in MATLAB and Octave\n", labels->name);
}

static cgap_status check_labels(const cgap_dataset *d, cgap_error *error)
{
  const cgap_role_datasets *labels = &d->role[CGAP_ROLE_LABELS], *classes = &d->role[CGAP_ROLE_CLASS_TEXT];
  const size_t count = classes->count ? d->data.class_text.rows / d->data.prompts : 0;
  int64_t lowest, highest;
  label_range(&lowest, &highest, d);
  for (size_t i = 0; i < d->data.image.rows && classes->count > 0; i++)
    if (d->labels[i] < 0 || (uint64_t)d->labels[i] >= count)
      return cgap_fail_named(
        error, CGAP_DATA, d->data.names,
        "%s: {image} %zu has label %" PRId64 ", %s has %zu classes (0 to %zu); %s or give `labels`", labels->name, i,
        d->labels[i], classes->name, count, count - 1,
        lowest == 1 && highest == (int64_t)count ? "all labels count from 1: subtract 1 from each" : "correct it");
  return CGAP_OK;
}

/* The class of each row of a table that has one value of 1 and else 0. */
static cgap_status read_table(int64_t *out, const cgap_chosen_dataset *taken, cgap_error *error)
{
  const cgap_entry *e = taken->entry;
  const size_t rows = e->shape[0], columns = e->shape[1];
  size_t elements = 0;
  if (!cgap_product(&elements, rows, columns) || elements > TABLE_VALUES_MAX)
    return cgap_fail(error, CGAP_DATA, "%s: a table (%zu, %zu) of labels is too large; write one integer per image",
                     e->name, rows, columns);
  int64_t *values = cgap_alloc(elements, sizeof *values);
  if (!values)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", e->name);
  cgap_status status = cgap_read_whole(values, taken, "labels", error);
  for (size_t i = 0; i < rows && status == CGAP_OK; i++) {
    size_t ones = 0, others = 0;
    for (size_t c = 0; c < columns; c++) {
      ones += values[i * columns + c] == 1;
      others += values[i * columns + c] != 1 && values[i * columns + c] != 0;
      if (values[i * columns + c] == 1)
        out[i] = (int64_t)c;
    }
    if (ones != 1 || others)
      status =
        cgap_fail(error, CGAP_DATA,
                  "%s: row %zu has %zu ones and %zu other values; a table of labels (N, C) has one 1 in each row, "
                  "else 0: write one integer per image or give `labels`",
                  e->name, i, ones, others);
  }
  cgap_free(values);
  return status;
}

/* Labels that are names of classes. */
static cgap_status read_names(int64_t *out, const cgap_dataset *d, const cgap_chosen_dataset *taken, cgap_error *error)
{
  const cgap_entry *names = cgap_class_names_find(d), *e = taken->entry;
  const cgap_chosen_dataset among = {d->role[CGAP_ROLE_IMAGE].taken->file, names};
  cgap_ids classes = {0}, labels = {0};
  size_t twice = SIZE_MAX;
  uint64_t *row = NULL;
  char text[80];
  if (!names || names == e)
    return cgap_fail_named(
      error, CGAP_DATA, d->data.names,
      "%s: strings, and no dataset (class_names) lists the names of the classes in order; write one "
      "integer per {one image} or give `labels`",
      e->name);
  cgap_status status = cgap_ids_read(&classes, &among, 1, error);
  if (status == CGAP_OK)
    status = cgap_ids_read(&labels, taken, 1, error);
  if (status == CGAP_OK && !(row = malloc((labels.count + 1) * sizeof *row)))
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", e->name);
  if (status == CGAP_OK)
    status = cgap_ids_match(row, &twice, &classes, &labels, names->name, error);
  if (status == CGAP_OK && twice != SIZE_MAX)
    status = cgap_fail(error, CGAP_DATA,
                       "%s: class %zu has the name of an earlier one, %s; labels that are names need "
                       "distinct ones",
                       names->name, twice, cgap_id_text(text, sizeof text, &classes, twice));
  for (size_t i = 0; i < labels.count && status == CGAP_OK; i++) {
    if (row[i] == UINT64_MAX)
      status = cgap_fail_named(error, CGAP_DATA, d->data.names,
                               "%s: {image} %zu has label %s, which is none of the %zu names of %s; correct it or "
                               "give `labels`",
                               e->name, i, cgap_id_text(text, sizeof text, &labels, i), classes.count, names->name);
    else
      out[i] = (int64_t)row[i];
  }
  free(row);
  cgap_ids_clear(&classes);
  cgap_ids_clear(&labels);
  return status;
}

/* Labels in a dataset: entries of a list, rows of a table; 0: it is neither. */
static size_t labels_of(const cgap_entry *e)
{
  return e->kind == CGAP_KIND_OTHER ? 0 : is_table(e) ? e->shape[0] : cgap_entry_list(e);
}

static cgap_status check_form(const cgap_dataset *d, cgap_error *error)
{
  const cgap_role_datasets *labels = &d->role[CGAP_ROLE_LABELS], *image = &d->role[CGAP_ROLE_IMAGE];
  const cgap_role_datasets *classes = &d->role[CGAP_ROLE_CLASS_TEXT];
  size_t rows = 0;
  char text[400];
  for (size_t i = 0; i < labels->count; i++) {
    const cgap_entry *e = labels->taken[i].entry;
    if (labels_of(e) == 0 || (e->kind == CGAP_KIND_STRING && labels->count > 1))
      return cgap_fail_named(error, CGAP_DATA, d->data.names,
                             "%s; one integer per {one image} is needed: give `labels`",
                             cgap_entry_text(text, sizeof text, e));
    if (is_table(e) && classes->count > 0 && d->data.prompts == 1 && e->shape[1] != d->data.class_text.rows)
      return cgap_fail_named(
        error, CGAP_DATA, d->data.names,
        "%s: a table of %zu classes, %s has %zu; write one integer per {one image} or give `labels`",
        cgap_entry_text(text, sizeof text, e), e->shape[1], classes->name, d->data.class_text.rows);
    rows += labels_of(e);
  }
  if (rows != cgap_role_datasets_rows(image))
    return cgap_fail_named(error, CGAP_DATA, d->data.names,
                           "%s: %zu rows, %s has %zu; one per {one image} is needed: give `labels`", labels->name, rows,
                           image->name, cgap_role_datasets_rows(image));
  return CGAP_OK;
}

static cgap_status read_labels(cgap_dataset *d, cgap_error *error)
{
  const cgap_role_datasets *labels = &d->role[CGAP_ROLE_LABELS];
  size_t at = 0;
  cgap_status status = check_form(d, error);
  if (status != CGAP_OK)
    return status;
  d->labels = malloc((cgap_role_datasets_rows(&d->role[CGAP_ROLE_IMAGE]) + 1) * sizeof *d->labels);
  if (!d->labels)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", labels->name);
  for (size_t i = 0; i < labels->count && status == CGAP_OK; i++) {
    const cgap_chosen_dataset *taken = &labels->taken[i];
    if (taken->entry->kind == CGAP_KIND_STRING)
      status = read_names(d->labels + at, d, taken, error);
    else
      status = is_table(taken->entry) ? read_table(d->labels + at, taken, error)
                                      : cgap_read_whole(d->labels + at, taken, "labels", error);
    at += labels_of(taken->entry);
  }
  if (status == CGAP_OK) {
    count_from_zero(d);
    return CGAP_OK;
  }
  free(d->labels);
  d->labels = NULL;
  return status;
}

cgap_status cgap_find_labels(cgap_dataset *d, cgap_error *error)
{
  const cgap_dataset_option *option = &d->option[CGAP_ROLE_LABELS];
  cgap_role_datasets *labels = &d->role[CGAP_ROLE_LABELS];
  if (option->none)
    return CGAP_OK;
  cgap_status status = cgap_per_image_find(d, CGAP_ROLE_LABELS, label_score, "the labels (`labels`)", error);
  if (status == CGAP_OK && labels->count == 0)
    return CGAP_OK;
  if (status == CGAP_OK) {
    cgap_role_datasets_explain(labels, "%s", option->given ? "given explicitly" : "its name says labels");
    status = read_labels(d, error);
  }
  const bool needed = option->given || d->role[CGAP_ROLE_CLASS_TEXT].count > 0;
  if ((status == CGAP_DATA || (status == CGAP_FILE && labels->count == 0)) && !needed)
    return skip_with_note(d, labels, "labels", error);
  if (status == CGAP_OK)
    status = choose_class_axis(d, error);
  if (status == CGAP_OK)
    status = check_labels(d, error);
  d->data.labels = d->labels;
  return status;
}
