/* Which text belongs to which image: the rules of FORMATS.md, in their order. */
#include "io/find/dataset_internal.h"

#include "base/modality_names.h"
#include "base/text_buffer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static size_t elements_of(const cgap_entry *entry)
{
  size_t elements = 0;
  return cgap_entry_elements(&elements, entry) ? elements : 0;
}

/* ---------------------------------------------------------------- forms of a pairing */

/* A dataset that pairs: the image row of each text; where the texts of each image begin; how many there are; the text
 * rows of each image. */
typedef enum pair_form { FORM_INDEX, FORM_POINTER, FORM_COUNT, FORM_TEXTS, FORMS } pair_form;

static const unsigned NO_PAIRS = CGAP_WORD_ID | CGAP_WORD_LABEL | CGAP_WORD_CLASS | CGAP_WORD_EMBEDDING;

/* How well a name says "the image row of each text". */
static int index_name(const cgap_name_words *w)
{
  if (!(w->leaf & CGAP_WORD_IMAGE) || (w->leaf & (NO_PAIRS | CGAP_WORD_SIDELINE)))
    return 0;
  bool index = w->leaf & CGAP_WORD_INDEX;
  if (w->leaf & CGAP_WORD_TEXT)
    return w->text_first ? (index ? 9 : 10) : (index && !(w->leaf & CGAP_WORD_TO) ? 4 : 0);
  if (w->group == CGAP_WORD_TEXT)
    return index ? 8 : w->more ? 0 : 7;
  return index && w->group == 0 ? 6 : 0;
}

/* Floats of a name that says more are measures: text_image_similarity. */
static bool is_measure(const cgap_entry *entry, const cgap_name_words *w)
{
  return w->more && entry->kind != CGAP_KIND_INTEGER;
}

/* A dataset named text_image that cannot be used is a mistake and is refused; strings are ids. */
int cgap_index_score(const cgap_entry *entry, const cgap_name_words *words, const cgap_companion *companion)
{
  const cgap_entry *text = companion->modality->entry;
  const size_t list = cgap_entry_list(entry), elements = elements_of(entry);
  const int score = index_name(words);
  bool as_texts = entry->ndim == 2 && text->ndim == 3 && entry->shape[0] == text->shape[0];
  if (score == 0 || entry->ndim == 0 || entry->ndim > 2 || is_measure(entry, words))
    return 0;
  if (entry->kind == CGAP_KIND_STRING)
    return words->leaf & CGAP_WORD_INDEX && score >= 6 && list == companion->texts ? score : 0;
  if (cgap_entry_is_number(entry) && elements == companion->texts && (list > 0 || as_texts))
    return CGAP_SCORE_USABLE + score;
  if (score < 6 || (score == 6 && (!cgap_entry_is_number(entry) || list == 0 || list == companion->images)))
    return 0;
  return entry->kind != CGAP_KIND_FLOAT || list > 0 || entry->shape[1] == companion->images ? score : 0;
}

/* How clearly a name is about the texts of each image. */
static int of_texts(const cgap_name_words *w, const cgap_companion *companion)
{
  if (w->more && companion->images == companion->texts) /* caption_start_time */
    return 0;
  const unsigned modality_flags = w->leaf & CGAP_WORD_MODALITY;
  if (w->leaf & (NO_PAIRS | CGAP_WORD_INDEX) && !(w->leaf & CGAP_WORD_POINTER))
    return 0;
  return modality_flags & CGAP_WORD_TEXT ? 10 : w->group == CGAP_WORD_TEXT ? 8 : modality_flags || w->group ? 6 : 3;
}

/* Where the counts alone do not pair and the name is about texts, values that do not fit are a mistake. */
static bool is_meant(const cgap_name_words *w, const cgap_companion *companion)
{
  return of_texts(w, companion) >= 8 && companion->images != companion->texts;
}

static int pointer_score(const cgap_entry *entry, const cgap_name_words *w, const cgap_companion *companion)
{
  const size_t list = cgap_entry_list(entry);
  const size_t pieces = entry->piece_count > 1 ? entry->piece_count : 1;
  const int score = w->leaf & CGAP_WORD_POINTER ? of_texts(w, companion) : 0;
  const bool ranges = entry->ndim == 2 && entry->shape[0] == companion->images && entry->shape[1] == 2;
  if (score == 0 || (list == 0 && cgap_entry_is_number(entry) && !ranges) || entry->kind == CGAP_KIND_STRING ||
      entry->ndim == 0 || is_measure(entry, w))
    return 0;
  if (cgap_entry_is_number(entry) && (list == companion->images || list == companion->images + pieces))
    return score > 3 || companion->images != companion->texts ? CGAP_SCORE_USABLE + score : 0;
  return is_meant(w, companion) && list != companion->texts && list != companion->texts + pieces ? score : 0;
}

static int count_score(const cgap_entry *entry, const cgap_name_words *w, const cgap_companion *companion)
{
  const size_t list = cgap_entry_list(entry);
  const int score = w->leaf & CGAP_WORD_COUNT && !(w->leaf & CGAP_WORD_POINTER) ? of_texts(w, companion) : 0;
  if (score == 0 || (list == 0 && cgap_entry_is_number(entry)) || entry->kind == CGAP_KIND_STRING || entry->ndim == 0 ||
      is_measure(entry, w))
    return 0;
  if (cgap_entry_is_number(entry) && list == companion->images)
    return score > 3 || companion->images != companion->texts ? CGAP_SCORE_USABLE + score : 0;
  return is_meant(w, companion) && list != companion->texts && list != 1 ? score : 0;
}

static int texts_score(const cgap_entry *entry, const cgap_name_words *w, const cgap_companion *companion)
{
  const unsigned both = CGAP_WORD_MODALITY;
  const bool to = w->leaf & CGAP_WORD_TO;
  if ((w->leaf & both) != both || w->text_first || (w->leaf & (NO_PAIRS | CGAP_WORD_SIDELINE)) ||
      (w->leaf & CGAP_WORD_INDEX && !to) || entry->ndim == 0 || entry->ndim > 2 || entry->kind == CGAP_KIND_STRING ||
      is_measure(entry, w))
    return 0;
  if (cgap_entry_is_number(entry) && entry->shape[0] == companion->images && elements_of(entry) == companion->texts)
    return CGAP_SCORE_USABLE + (to ? 10 : 5);
  if (cgap_entry_is_number(entry) && cgap_entry_list(entry) == companion->images &&
      companion->images == companion->texts)
    return CGAP_SCORE_USABLE + (to ? 10 : 5);
  return to ? 10 : 0;
}

static const struct {
  cgap_name_score name_score;
  const char *what, *why, *says;
  const char *needs; /* for a refusal */
} FORM[FORMS] = {
  {cgap_index_score, "the pairing (`text_image`)", "its name says the {image} of each {one text}",
   "gives each {one text}'s {image} row", "one integer per {one text} is needed: the row of its {one image}"},
  {pointer_score, "where the {texts} of each {one image} begin", "its name says where each {one image}'s {texts} begin",
   "gives where the {texts} of each {one image} begin",
   "N + 1 integers are needed: where the {texts} of each {one image} begin"},
  {count_score, "how many {texts} each {one image} has", "its name says how many {texts} each {one image} has",
   "gives how many {texts} each {one image} has", "one integer per {one image} is needed: how many {texts} it has"},
  {texts_score, "the {texts} of each {one image}", "its name says the {texts} of each {one image}",
   "gives the {text} rows of each {one image}", "N or (N, k) integers are needed: the {text} rows of each {one image}"},
};

/* ---------------------------------------------------------------- from its values to image rows */

/* The texts and the images [first_image, + images) that a list of values is about. */
typedef struct shard_rows {
  const cgap_chosen_dataset *taken;
  size_t first_image, images, texts;
  int64_t base;             /* of row numbers: 0 or 1 */
  const char *const *names; /* of the modalities, as in cgap_data */
} shard_rows;

static void range_of(int64_t *lowest, int64_t *highest, const int64_t *values, size_t count)
{
  *lowest = INT64_MAX;
  *highest = INT64_MIN;
  for (size_t j = 0; j < count; j++) {
    *lowest = values[j] < *lowest ? values[j] : *lowest;
    *highest = values[j] > *highest ? values[j] : *highest;
  }
}

/* MATLAB and Octave count from 1: so does a list of theirs without a 0. */
static int64_t base_of(const cgap_chosen_dataset *taken, const int64_t *values, size_t count)
{
  int64_t lowest = 0, highest = 0;
  range_of(&lowest, &highest, values, count);
  return taken->entry->turned && count > 0 && lowest >= 1 ? 1 : 0;
}

/* Rows in one shard, which count from its first image, as rows of all. */
static cgap_status place_index(uint64_t *out, const int64_t *rows, size_t count, const shard_rows *s, cgap_error *error)
{
  int64_t lowest = 0, highest = 0;
  range_of(&lowest, &highest, rows, count);
  for (size_t j = 0; j < count; j++) {
    const int64_t row = rows[j] - s->base;
    if (row < 0 || (uint64_t)row >= s->images)
      return cgap_fail_named(
        error, CGAP_DATA, s->names,
        "%s: {text} %zu points to {image} row %" PRId64 ", there are %zu {images} (rows %" PRId64 " to %zu); %s",
        s->taken->entry->name, j, rows[j], s->images, s->base, s->images - 1 + (size_t)s->base,
        lowest == 1 && highest == (int64_t)s->images ? "all rows count from 1: subtract 1 from each"
                                                     : "correct it or give `text_image`");
    out[j] = s->first_image + (uint64_t)row;
  }
  return CGAP_OK;
}

/* Gives each text its image, where the texts of image i end before end(i). */
static void fill_to_ends(uint64_t *out, const int64_t *ends, int64_t base, size_t images, const shard_rows *s)
{
  size_t image = 0;
  for (size_t j = 0; j < s->texts; j++) {
    while (image < images && ends[image] - base <= (int64_t)j)
      image++;
    out[j] = s->first_image + image;
  }
}

/* N + 1 values begin with 0 and end with M, or with 1 and M + 1; N values are either the beginnings or the ends. */
static cgap_status place_pointers(uint64_t *out, const int64_t *v, size_t count, const shard_rows *s, cgap_error *error)
{
  const char *name = s->taken->entry->name;
  const int64_t texts = (int64_t)s->texts, first = count ? v[0] : 0, last = count ? v[count - 1] : 0;
  bool rising = count == s->images || count == s->images + 1;
  for (size_t i = 1; i < count && rising; i++)
    rising = v[i] >= v[i - 1];
  const bool whole = rising && count == s->images + 1, short_one = rising && count == s->images;
  if (whole && (first == 0 || first == 1) && last - first == texts) {
    fill_to_ends(out, v + 1, first, s->images - 1, s);
    return CGAP_OK;
  }
  const bool begins = short_one && first == 0 && last <= texts, from_one = short_one && first == 1 && last <= texts + 1;
  const bool ends = short_one && first >= 0 && last == texts;
  if (begins + from_one + ends > 1)
    return cgap_fail_named(
      error, CGAP_FILE, s->names,
      "%s: its %zu values may be where the {texts} of each {one image} begin or where they end; write %zu, from 0 to "
      "%zu, or give `text_image`",
      name, count, s->images + 1, s->texts);
  if (begins || from_one || ends) { /* each begins where the one before it ends */
    fill_to_ends(out, ends ? v : v + 1, ends ? 0 : first, s->images - 1, s);
    return CGAP_OK;
  }
  return cgap_fail_named(error, CGAP_DATA, s->names,
                         "%s: %zu values from %" PRId64 " to %" PRId64
                         "%s cannot be where the {texts} of %zu {images} begin in %zu "
                         "{texts}; correct it or give `text_image`",
                         name, count, first, last, rising ? "" : ", not rising,", s->images, s->texts);
}

static cgap_status place_counts(uint64_t *out, const int64_t *v, size_t count, const shard_rows *s, cgap_error *error)
{
  size_t sum = 0, image = 0;
  bool good = count == s->images;
  const cgap_modality_names names = cgap_modality_names_of(s->names);
  for (size_t i = 0; i < count && good; i++) {
    good = v[i] >= 0 && (uint64_t)v[i] <= s->texts - sum;
    sum += good ? (size_t)v[i] : 0;
  }
  if (!good || sum != s->texts)
    return cgap_fail_named(
      error, CGAP_DATA, s->names,
      "%s: %zu values cannot be how many of the %zu {texts} each of %zu {images} has: %s; correct it or give "
      "`text_image`",
      s->taken->entry->name, count, s->texts, s->images,
      good                 ? "their sum is smaller"
      : count == s->images ? "one is negative, or their sum is larger"
                           : cgap_phrase_of(&names, "not one per {one image}").s);
  for (size_t j = 0, left = (size_t)v[0]; j < s->texts; j++, left--) {
    while (left == 0)
      left = (size_t)v[++image];
    out[j] = s->first_image + image;
  }
  return CGAP_OK;
}

/* (N, k) text rows, each text once. */
static cgap_status place_texts(uint64_t *out, const int64_t *v, size_t count, const shard_rows *s, cgap_error *error)
{
  const size_t each = s->texts / s->images;
  if (count != s->texts || each * s->images != s->texts)
    return cgap_fail_named(error, CGAP_DATA, s->names,
                           "%s: %zu values for %zu {texts}; each {one text} is needed once, or give `text_image`",
                           s->taken->entry->name, count, s->texts);
  for (size_t j = 0; j < s->texts; j++)
    out[j] = UINT64_MAX;
  for (size_t k = 0; k < count; k++) {
    const int64_t text = v[k] - s->base;
    if (text < 0 || (uint64_t)text >= s->texts || out[text] != UINT64_MAX)
      return cgap_fail_named(
        error, CGAP_DATA, s->names,
        "%s: {image} %zu points to {text} row %" PRId64 ", %s; correct it or give `text_image`", s->taken->entry->name,
        k / each, v[k], text >= 0 && (uint64_t)text < s->texts ? "which an earlier entry has" : "which does not exist");
    out[text] = s->first_image + k / each;
  }
  return CGAP_OK;
}

static cgap_status place_texts_by_form(uint64_t *out, pair_form form, const int64_t *values, size_t count, shard_rows s,
                                       cgap_error *error)
{
  static cgap_status (*const PLACE[FORMS])(uint64_t *, const int64_t *, size_t, const shard_rows *,
                                           cgap_error *) = {place_index, place_pointers, place_counts, place_texts};
  s.base = base_of(s.taken, values, count);
  return PLACE[form](out, values, count, &s, error);
}

/* ---------------------------------------------------------------- over shards */

static size_t piece_rows(const cgap_entry *e, size_t piece)
{
  return e->pieces[piece].rows * (e->ndim == 3 ? e->shape[1] : 1);
}

/* The values of one dataset, of one shard. Where they and the images are in as many .npy shards, each shard of values
 * counts from the first image of its own. */
static cgap_status read_form(uint64_t *out, pair_form form, const shard_rows *s, const cgap_entry *image,
                             const cgap_entry *text, cgap_error *error)
{
  const cgap_entry *e = s->taken->entry;
  const size_t count = elements_of(e);
  const bool by_piece = form != FORM_TEXTS && e->ndim == 1 && e->piece_count > 1 &&
                        e->piece_count == image->piece_count &&
                        (form == FORM_INDEX || text->piece_count == image->piece_count);
  int64_t *values = malloc((count + 1) * sizeof *values);
  if (!values)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", e->name);
  cgap_status status = cgap_read_whole(values, s->taken, "rows", error);
  if (status == CGAP_OK && !by_piece)
    status = place_texts_by_form(out, form, values, count, *s, error);
  shard_rows piece = {.taken = s->taken, .names = s->names};
  for (size_t k = 0, at = 0; by_piece && k < e->piece_count && status == CGAP_OK; k++) {
    const size_t rows = e->pieces[k].rows;
    piece.images = piece_rows(image, k);
    piece.texts = form == FORM_INDEX ? rows : piece_rows(text, k);
    status = place_texts_by_form(out, form, values + at, rows, piece, error);
    out += piece.texts;
    at += rows;
    piece.first_image += piece.images;
  }
  free(values);
  return status;
}

static cgap_status refuse_form(const cgap_chosen_dataset *taken, pair_form form, size_t texts,
                               const cgap_modality_names *names, cgap_error *error)
{
  const cgap_entry *e = taken->entry;
  char text[400];
  if (cgap_entry_is_number(e) && form == FORM_INDEX && cgap_entry_list(e) > 0)
    return cgap_fail_named(error, CGAP_DATA, (const char *const[]){names->of[0], names->of[1]},
                           "%s: %zu entries for %zu {texts}; one per {one text} is needed, or give `text_image`",
                           e->name, elements_of(e), texts);
  return cgap_fail(error, e->obstacle ? CGAP_FILE : CGAP_DATA, "%s cannot be a pairing; %s, or give `text_image`",
                   cgap_entry_text(text, sizeof text, e), cgap_phrase_of(names, FORM[form].needs).s);
}

/* The datasets of one form, one for each shard of the texts; from the images' file where the texts' has none. */
static cgap_status find_form(cgap_role_datasets *out, bool *usable, bool *meant, const cgap_dataset *d, pair_form form,
                             cgap_error *error)
{
  const cgap_role_datasets *text = &d->role[CGAP_ROLE_TEXT], *image = &d->role[CGAP_ROLE_IMAGE];
  cgap_status status = CGAP_OK;
  *usable = true;
  *meant = form == FORM_INDEX;
  for (size_t i = 0; i < text->count && status == CGAP_OK; i++) {
    cgap_companion companion = cgap_companion_of(d, CGAP_ROLE_TEXT, i);
    const cgap_entry *entry = NULL;
    const cgap_file *file = companion.modality->file;
    int score = 0;
    status = cgap_companion_find(&entry, &score, &companion, FORM[form].name_score,
                                 cgap_phrase_of(&d->names, FORM[form].what).s, error);
    if (status == CGAP_OK && !entry && image->count == text->count && image->taken[i].file != file &&
        form != FORM_INDEX) {
      companion.modality = &image->taken[i];
      file = companion.modality->file;
      status = cgap_companion_find(&entry, &score, &companion, FORM[form].name_score,
                                   cgap_phrase_of(&d->names, FORM[form].what).s, error);
    }
    if (status == CGAP_FILE && form != FORM_INDEX &&
        companion.images == companion.texts) { /* lengths of texts, most likely */
      out->count = 0;
      return CGAP_OK;
    }
    if (status != CGAP_OK || !entry)
      continue;
    const cgap_name_words words = cgap_name_words_of(entry->path);
    *meant = *meant || is_meant(&words, &companion) || (form == FORM_TEXTS && words.leaf & CGAP_WORD_TO);
    *usable = *usable && score >= CGAP_SCORE_USABLE;
    status = cgap_role_datasets_add(out, file, entry, error);
  }
  if (status == CGAP_OK && out->count > 0 && out->count < text->count)
    return cgap_fail(error, CGAP_FILE, "%s: %zu of %zu shards have a pairing; give `text_image`", out->name, out->count,
                     text->count);
  return status;
}

/* The image row of each text by the datasets of a form. */
static cgap_status read_series(uint64_t **out, const cgap_dataset *d, pair_form form, const cgap_role_datasets *series,
                               cgap_error *error)
{
  const cgap_role_datasets *image = &d->role[CGAP_ROLE_IMAGE], *text = &d->role[CGAP_ROLE_TEXT];
  const size_t texts = cgap_role_datasets_rows(text), images = cgap_role_datasets_rows(image);
  const bool by_shard = series->count > 1 && image->count == series->count;
  *out = malloc((texts + 1) * sizeof **out);
  if (!*out)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", series->name);
  cgap_status status = CGAP_OK;
  shard_rows s = {.names = d->data.names};
  for (size_t i = 0, at = 0; i < series->count && status == CGAP_OK; i++) {
    s.taken = &series->taken[i];
    s.texts = series->count > 1 ? cgap_chosen_dataset_rows(&text->taken[i]) : texts;
    s.images = by_shard ? cgap_chosen_dataset_rows(&image->taken[i]) : images;
    if (form == FORM_INDEX && elements_of(s.taken->entry) != s.texts)
      status = refuse_form(s.taken, form, s.texts, &d->names, error);
    else
      status = read_form(*out + at, form, &s, image->taken[by_shard ? i : 0].entry,
                         text->taken[series->count > 1 ? i : 0].entry, error);
    at += s.texts;
    s.first_image += by_shard ? s.images : 0;
  }
  if (status != CGAP_OK) {
    free(*out);
    *out = NULL;
  }
  return status;
}

/* ---------------------------------------------------------------- one pairing from all of them */

/* Makes `map`, from `series`, the pairing, or refuses it where an earlier dataset disagrees. */
static cgap_status set_pairing(cgap_dataset *d, cgap_role_datasets *series, uint64_t *map, pair_form form,
                               cgap_error *error)
{
  const size_t texts = cgap_role_datasets_rows(&d->role[CGAP_ROLE_TEXT]);
  cgap_role_datasets *index = &d->role[CGAP_ROLE_TEXT_IMAGE];
  if (series->count > 0 && series->taken->entry->turned && (form == FORM_INDEX || form == FORM_TEXTS))
    cgap_append(&d->notes, "%s: rows count from 1, as in MATLAB and Octave, where none is 0\n", series->name);
  if (!d->text_image) {
    cgap_role_datasets old = *index;
    *index = *series;
    *series = old;
    d->text_image = map;
    d->data.pairing = CGAP_BY_INDEX;
    d->pairing = cgap_format(
      "%s %s%s (%s)", index->name, cgap_phrase_of(&d->names, FORM[form].says).s,
      index->count > 1 && index->count == d->role[CGAP_ROLE_IMAGE].count ? ", counted in each shard" : "", index->why);
    return CGAP_OK;
  }
  cgap_status status = CGAP_OK;
  for (size_t j = 0; j < texts && status == CGAP_OK; j++)
    if (map[j] != d->text_image[j])
      status = cgap_fail_named(
        error, CGAP_FILE, d->data.names,
        "%s and %s disagree about the {image} of {text} %zu; give one as `text_image`, or remove the other "
        "from the file",
        index->name, series->name, j);
  free(map);
  return status;
}

/* A name such as image_text_index may be the text of each image, where there are as many texts as images. */
static cgap_status check_direction(const cgap_role_datasets *index, const uint64_t *map, size_t images, size_t texts,
                                   cgap_error *error)
{
  const cgap_name_words words = cgap_name_words_of(index->taken->entry->path);
  if (index_name(&words) != 4 || images != texts)
    return CGAP_OK;
  for (size_t j = 0; j < texts; j++)
    if (map[map[j]] != j)
      return cgap_fail(error, CGAP_FILE,
                       "%s: may be the image row of each text or the text row of each image; give it as `text_image` "
                       "if it is the first",
                       index->name);
  return CGAP_OK;
}

static cgap_status try_form(cgap_dataset *d, pair_form form, cgap_error *error)
{
  cgap_role_datasets series = {0};
  uint64_t *map = NULL;
  bool usable = false, meant = false;
  const size_t images = cgap_role_datasets_rows(&d->role[CGAP_ROLE_IMAGE]),
               texts = cgap_role_datasets_rows(&d->role[CGAP_ROLE_TEXT]);
  cgap_status status = find_form(&series, &usable, &meant, d, form, error);
  if (status == CGAP_OK && series.count > 0) {
    cgap_role_datasets_explain(&series, "%s", cgap_phrase_of(&d->names, FORM[form].why).s);
    status =
      usable ? read_series(&map, d, form, &series, error) : refuse_form(series.taken, form, texts, &d->names, error);
    if (status == CGAP_OK && form == FORM_INDEX)
      status = check_direction(&series, map, images, texts, error);
    if (!meant && (status == CGAP_DATA || (status == CGAP_FILE && usable && !series.taken->entry->obstacle)))
      status = cgap_note_refusal(d, CGAP_DATA, "a dataset for the pairing", error);
  }
  if (status == CGAP_OK && map)
    status = set_pairing(d, &series, map, form, error);
  else
    free(map);
  cgap_role_datasets_clear(&series);
  return status;
}

/* Integers for each text, whatever the dataset is called. */
static cgap_status use_given_dataset(cgap_dataset *d, cgap_error *error)
{
  const cgap_dataset_option *option = &d->option[CGAP_ROLE_TEXT_IMAGE];
  const cgap_role_datasets *text = &d->role[CGAP_ROLE_TEXT];
  cgap_role_datasets series = {0};
  uint64_t *map = NULL;
  cgap_status status = CGAP_OK;
  const size_t wanted = option->file ? 1 : text->count;
  for (size_t i = 0; i < wanted && status == CGAP_OK; i++) {
    const cgap_entry *entry = NULL;
    status = cgap_given_dataset_find(&entry, &text->taken[i], option, error);
    if (status == CGAP_OK)
      status = cgap_role_datasets_add(&series, option->file ? option->file : text->taken[i].file, entry, error);
    if (status == CGAP_OK && (!cgap_entry_is_number(entry) || (cgap_entry_list(entry) == 0 && entry->ndim != 2)))
      status = refuse_form(&series.taken[i], FORM_INDEX, cgap_role_datasets_rows(text), &d->names, error);
  }
  cgap_role_datasets_explain(&series, "given explicitly");
  if (status == CGAP_OK)
    status = read_series(&map, d, FORM_INDEX, &series, error);
  if (status == CGAP_OK)
    status = set_pairing(d, &series, map, FORM_INDEX, error);
  cgap_role_datasets_clear(&series);
  return status;
}

/* Where nothing else pairs, a dataset called pairs was meant to. */
static int pairs_score(const cgap_entry *entry, const cgap_name_words *w, const cgap_companion *companion)
{
  const size_t elements = elements_of(entry);
  if (!(w->leaf & CGAP_WORD_PAIRS) || (w->leaf & (NO_PAIRS | CGAP_WORD_SIDELINE)) || entry->ndim == 0)
    return 0;
  return entry->kind == CGAP_KIND_OTHER ||
         (entry->kind == CGAP_KIND_INTEGER && (elements == companion->texts || elements == 2 * companion->texts));
}

static cgap_status refuse_pairs(const cgap_dataset *d, cgap_error *error)
{
  const cgap_companion companion = cgap_companion_of(d, CGAP_ROLE_TEXT, 0);
  const cgap_entry *entry = NULL;
  char text[400];
  cgap_status status = cgap_companion_find(&entry, NULL, &companion, pairs_score, "the pairing (`text_image`)", error);
  if (status != CGAP_OK || !entry)
    return status;
  return cgap_fail_named(
    error, CGAP_FILE, d->data.names,
    "%s: its name says pairs, not which rows of which modality; write the {image} row of each {one text} and give it "
    "as `text_image` (`text_image` none: pair by position)",
    cgap_entry_text(text, sizeof text, entry));
}

/* By ids, which must agree with the other datasets. */
static cgap_status pair_by_ids(cgap_dataset *d, cgap_error *error)
{
  const cgap_role_datasets *text_id = &d->role[CGAP_ROLE_TEXT_ID], *image_id = &d->role[CGAP_ROLE_IMAGE_ID];
  uint64_t *map = NULL;
  cgap_status status = cgap_pair_by_id(&map, d, error);
  if (status == CGAP_OK && !map && !d->text_image)
    status = cgap_pair_by_own_id(&map, d, error);
  if (status != CGAP_OK || !map)
    return status;
  if (d->text_image) {
    cgap_role_datasets ids = {.name = text_id->name};
    return set_pairing(d, &ids, map, FORM_INDEX, error);
  }
  d->text_image = map;
  d->data.pairing = CGAP_BY_INDEX;
  d->pairing = image_id->count
                 ? cgap_modality_format(&d->names, "ids: %s of the {texts} against %s of the {images}", text_id->name,
                                        image_id->name)
                 : cgap_modality_format(&d->names, "%s: rows of {images}, from 0, each at least once", text_id->name);
  return CGAP_OK;
}

/* ---------------------------------------------------------------- by shape or count */

/* Texts of shape (N, k, d) in every shard, N the shard's images. */
static bool texts_by_image(const cgap_role_datasets *image, const cgap_role_datasets *text)
{
  if (text->count != image->count)
    return false;
  for (size_t i = 0; i < text->count; i++) {
    const cgap_entry *t = text->taken[i].entry;
    if (cgap_entry_middle(t) == 0 || t->shape[0] != cgap_chosen_dataset_rows(&image->taken[i]))
      return false;
  }
  return true;
}

static cgap_status pair_by_shape(cgap_dataset *d, size_t texts, cgap_error *error)
{
  size_t k = d->role[CGAP_ROLE_TEXT].taken->entry->shape[1];
  d->text_image = malloc((texts + 1) * sizeof *d->text_image);
  if (!d->text_image)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", d->role[CGAP_ROLE_TEXT].name);
  for (size_t j = 0; j < texts; j++)
    d->text_image[j] = j / k;
  d->data.pairing = CGAP_BY_INDEX;
  d->pairing = cgap_modality_format(&d->names, "%zu {texts} per {one image}, from the shape (N, k, d) of %s", k,
                                    d->role[CGAP_ROLE_TEXT].name);
  return CGAP_OK;
}

/* Texts per image, the same in every shard; 0 where counts alone do not pair. */
static size_t texts_an_image(const cgap_role_datasets *image, const cgap_role_datasets *text, size_t images,
                             size_t texts)
{
  if (texts % images != 0)
    return 0;
  for (size_t i = 0; text->count == image->count && i < text->count; i++) {
    const cgap_entry *t = text->taken[i].entry, *m = image->taken[i].entry;
    if (cgap_chosen_dataset_rows(&text->taken[i]) != texts / images * cgap_chosen_dataset_rows(&image->taken[i]))
      return 0;
    for (size_t s = 0; t->piece_count == m->piece_count && s < t->piece_count; s++)
      if (t->pieces[s].rows * (t->ndim == 3 ? t->shape[1] : 1) != texts / images * m->pieces[s].rows)
        return 0;
  }
  return texts / images;
}

static cgap_status refuse_counts(const cgap_dataset *d, size_t images, size_t texts, cgap_error *error)
{
  const cgap_role_datasets *image = &d->role[CGAP_ROLE_IMAGE], *text = &d->role[CGAP_ROLE_TEXT];
  if (texts % images == 0)
    return cgap_fail(
      error, CGAP_FILE,
      "%s: %zu rows for the %zu of %s, but not the same ratio in every shard; make the shards alike, or give "
      "`text_image`",
      text->name, texts, images, image->name);
  return cgap_fail_named(
    error, CGAP_FILE, d->data.names,
    "%s: %zu rows, %s has %zu, and no text_image, image_index or ids say which belong together; make the counts "
    "equal, or give `text_image` or `unpaired`%s",
    text->name, texts, image->name, images,
    d->role[CGAP_ROLE_LABELS].count ? ", or, if these are texts of classes, `text` none `class_text` PATH" : "");
}

static cgap_status pair_by_count(cgap_dataset *d, size_t images, size_t texts, cgap_error *error)
{
  const cgap_role_datasets *image = &d->role[CGAP_ROLE_IMAGE], *text = &d->role[CGAP_ROLE_TEXT];
  size_t each = texts_an_image(image, text, images, texts);
  if (each == 0)
    return refuse_counts(d, images, texts, error);
  if (each == 1) {
    d->data.pairing = CGAP_BY_ROW;
    d->pairing = cgap_format("row i with row i (%zu each)", images);
  } else {
    d->data.pairing = CGAP_PAIRING_OPEN;
    d->pairing = cgap_modality_format(
      &d->names,
      "open: %zu {texts} per {one image} by count; the pairing test decides between image-major and "
      "caption-major",
      each);
  }
  return CGAP_OK;
}

cgap_status cgap_find_pairing(cgap_dataset *d, cgap_error *error)
{
  const cgap_role_datasets *image = &d->role[CGAP_ROLE_IMAGE], *text = &d->role[CGAP_ROLE_TEXT];
  const cgap_dataset_option *option = &d->option[CGAP_ROLE_TEXT_IMAGE];
  const size_t images = cgap_role_datasets_rows(image), texts = cgap_role_datasets_rows(text);
  cgap_status status = CGAP_OK;
  d->data.pairing = CGAP_UNPAIRED;
  if (text->count == 0) {
    d->pairing = cgap_modality_format(
      &d->names, d->data.class_text.rows ? "none: no {texts}; the class texts take their place" : "none: no {texts}");
  } else if (d->unpaired) {
    d->pairing = cgap_format("none: two unpaired sets");
  } else if (option->given && !option->none) {
    status = use_given_dataset(d, error);
  } else {
    for (int form = 0; form < FORMS && status == CGAP_OK && !option->none; form++)
      status = try_form(d, (pair_form)form, error);
    if (status == CGAP_OK && !option->none)
      status = pair_by_ids(d, error);
    if (status == CGAP_OK && !option->none && !d->text_image)
      status = refuse_pairs(d, error);
    if (status == CGAP_OK && !d->text_image)
      status = texts_by_image(image, text) ? pair_by_shape(d, texts, error) : pair_by_count(d, images, texts, error);
  }
  if (status == CGAP_OK && !d->pairing)
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", image->name);
  d->data.text_image = d->text_image;
  return status;
}
