/* Pairing by ids: each image has one, and each text names its image's. */
#include "io/find/dataset_internal.h"

#include "base/modality_names.h"
#include "base/text_buffer.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static const unsigned NO_ID = CGAP_WORD_LABEL | CGAP_WORD_CLASS | CGAP_WORD_SIDELINE | CGAP_WORD_EMBEDDING;

/* Ids are preferred to names that say the same. */
static int id_first(const cgap_name_words *w)
{
  return !strcmp(w->id_word, "id");
}

static bool has_word(const cgap_name_words *w, const cgap_companion *companion)
{
  return !companion->word || !strcmp(companion->word, w->id_word);
}

static bool is_list_of(const cgap_entry *entry, size_t count)
{
  return entry->kind != CGAP_KIND_OTHER && cgap_entry_list(entry) == count;
}

/* A list of another length may be ids by mistake, a matrix is something else. */
static int usable_or_broken(const cgap_entry *entry, size_t count, int score, bool clear)
{
  if (is_list_of(entry, count))
    return CGAP_SCORE_USABLE + score;
  return clear && entry->ndim > 0 && (entry->kind != CGAP_KIND_FLOAT || cgap_entry_list(entry) > 0) ? score : 0;
}

static int image_id_score(const cgap_entry *entry, const cgap_name_words *w, const cgap_companion *companion)
{
  bool id = w->leaf & (CGAP_WORD_ID | CGAP_WORD_INDEX);
  if (!id || (w->leaf & (NO_ID | CGAP_WORD_TEXT)) || w->group == CGAP_WORD_TEXT || !has_word(w, companion))
    return 0;
  const int score = id_first(w) + (w->leaf & CGAP_WORD_IMAGE ? 10 : w->group == CGAP_WORD_IMAGE ? 8 : 5);
  return usable_or_broken(entry, companion->images, score, w->leaf & CGAP_WORD_IMAGE && w->leaf & CGAP_WORD_ID);
}

/* The id of each text's image. The name need not say "text" where texts are in another file than the images, or of
 * another number; strings need no word for ids. */
static int text_id_score(const cgap_entry *entry, const cgap_name_words *w, const cgap_companion *companion)
{
  const bool named = w->leaf & CGAP_WORD_ID ||
                     (entry->kind == CGAP_KIND_STRING && !w->more && (w->text_first || w->group == CGAP_WORD_TEXT));
  if (!(w->leaf & CGAP_WORD_IMAGE) || !named || (w->leaf & NO_ID))
    return 0;
  if (w->leaf & CGAP_WORD_TEXT || w->group == CGAP_WORD_TEXT)
    return usable_or_broken(entry, companion->texts, id_first(w) + (w->leaf & CGAP_WORD_TEXT ? 10 : 8), true);
  const bool lone = companion->apart || companion->images != companion->texts;
  return lone && w->group != CGAP_WORD_IMAGE && cgap_entry_list(entry) == companion->texts
           ? usable_or_broken(entry, companion->texts, 6 + id_first(w), false)
           : 0;
}

/* Ids that may be the image's, or the text's own; in a file of texts alone the name need not say so. */
static int own_id_score(const cgap_entry *entry, const cgap_name_words *w, const cgap_companion *companion)
{
  const bool of_text = w->leaf & CGAP_WORD_TEXT || w->group == CGAP_WORD_TEXT || companion->apart;
  if (!of_text || !(w->leaf & CGAP_WORD_ID) || (w->leaf & (NO_ID | CGAP_WORD_IMAGE)) || !has_word(w, companion))
    return 0;
  return usable_or_broken(entry, companion->texts, w->leaf & CGAP_WORD_TEXT ? 10 : 8, false);
}

/* The datasets of each shard of a modality; *usable: all of them are. */
static cgap_status find_series(cgap_role_datasets *out, bool *usable, const cgap_dataset *d, cgap_role modality,
                               cgap_name_score name_score, const char *word, const char *what, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  out->count = 0;
  *usable = true;
  for (size_t i = 0; i < d->role[modality].count && status == CGAP_OK; i++) {
    cgap_companion companion = cgap_companion_of(d, modality, i);
    const cgap_entry *entry = NULL;
    int score = 0;
    companion.word = word;
    status = cgap_companion_find(&entry, &score, &companion, name_score, what, error);
    if (status == CGAP_OK && entry)
      status = cgap_role_datasets_add(out, companion.modality->file, entry, error);
    *usable = *usable && (!entry || score >= CGAP_SCORE_USABLE);
  }
  return status;
}

/* ---------------------------------------------------------------- the table of ids */

typedef struct table {
  size_t *slot; /* (mask + 1) row + 1, or 0 */
  size_t mask;
  const cgap_ids *ids;
} table;

static bool same_id(const cgap_id *a, const cgap_id *b)
{
  return a->length == b->length && !memcmp(a->bytes, b->bytes, a->length);
}

/* The slot that holds the id, or the empty one where it belongs. */
static size_t *find_slot(const table *t, const cgap_id *id)
{
  size_t at = (size_t)XXH3_64bits(id->bytes, id->length) & t->mask;
  while (t->slot[at] && !same_id(&t->ids->id[t->slot[at] - 1], id))
    at = (at + 1) & t->mask;
  return &t->slot[at];
}

cgap_status cgap_ids_match(uint64_t *out, size_t *twice, const cgap_ids *among, const cgap_ids *of, const char *name,
                           cgap_error *error)
{
  table t = {.ids = among};
  size_t size = 16;
  while (size < 2 * among->count)
    size *= 2;
  t.mask = size - 1;
  t.slot = calloc(size, sizeof *t.slot);
  *twice = SIZE_MAX;
  if (!t.slot)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", name);
  for (size_t i = 0; i < among->count; i++) {
    size_t *slot = find_slot(&t, &among->id[i]);
    if (*slot && *twice == SIZE_MAX)
      *twice = i;
    if (!*slot)
      *slot = i + 1;
  }
  for (size_t j = 0; j < of->count; j++) {
    const size_t row = *find_slot(&t, &of->id[j]);
    out[j] = row ? row - 1 : UINT64_MAX;
  }
  free(t.slot);
  return CGAP_OK;
}

/* ---------------------------------------------------------------- refusals */

static cgap_status refuse_series(const cgap_role_datasets *series, const char *each, size_t count, cgap_error *error)
{
  char text[400];
  for (size_t i = 0; i < series->count; i++) {
    const cgap_entry *e = series->taken[i].entry;
    if (e->kind == CGAP_KIND_OTHER && e->obstacle)
      return cgap_fail(error, CGAP_FILE,
                       "%s cannot be ids: its type is not read; "
                       "write strings, numpy.array(ids, dtype='S'), or integers, or give `text_image`",
                       cgap_entry_text(text, sizeof text, e));
    if (series->count == 1 || e->kind == CGAP_KIND_OTHER || cgap_entry_list(e) == 0)
      return cgap_fail(error, CGAP_DATA,
                       "%s cannot be the ids: one integer or string is needed for each of %zu %ss; correct it, or give "
                       "`text_image` (`text_image` none: pair by position)",
                       cgap_entry_text(text, sizeof text, e), count, each);
  }
  return cgap_fail(error, CGAP_DATA, "%s: not as many ids in each shard as it has %ss; correct it or give `text_image`",
                   series->name, each);
}

/* The ids of the texts have no ids of images to match. */
static cgap_status refuse_alone(const cgap_dataset *d, cgap_error *error)
{
  const cgap_role_datasets *text_id = &d->role[CGAP_ROLE_TEXT_ID];
  const size_t images = cgap_role_datasets_rows(&d->role[CGAP_ROLE_IMAGE]);
  const size_t count = d->role[CGAP_ROLE_IMAGE_ID].count;
  if (count > 0)
    return cgap_fail_named(error, CGAP_FILE, d->data.names,
                           "%s: %zu of %zu shards have ids of the {images}; give `text_image`",
                           d->role[CGAP_ROLE_IMAGE_ID].name, count, d->role[CGAP_ROLE_IMAGE].count);
  return cgap_fail_named(
    error, CGAP_FILE, d->data.names,
    "%s: gives the {image} id of each {one text}, but no dataset gives those of the %zu {images}; add image_id, or "
    "give `text_image` %s where it counts {image} rows, or `text_image` none to pair by position",
    text_id->name, images, text_id->taken->entry->path);
}

/* ---------------------------------------------------------------- joining */

typedef struct id_match {
  cgap_ids images, texts;
  uint64_t *row; /* (texts) the image row, UINT64_MAX: none */
  size_t twice, found;
} id_match;

static void id_match_clear(id_match *j)
{
  cgap_ids_clear(&j->images);
  cgap_ids_clear(&j->texts);
  free(j->row);
  *j = (id_match){0};
}

/* A duplicate id of an image, or an id of a text that no image has. */
static cgap_status refuse_match(const cgap_dataset *d, const id_match *j, cgap_error *error)
{
  const cgap_role_datasets *image = &d->role[CGAP_ROLE_IMAGE_ID], *text = &d->role[CGAP_ROLE_TEXT_ID];
  char id[80];
  size_t first = 0, t = 0;
  if (j->twice != SIZE_MAX) {
    while (!same_id(&j->images.id[first], &j->images.id[j->twice]))
      first++;
    return cgap_fail_named(
      error, CGAP_DATA, d->data.names,
      "%s: duplicate {image} id %s (rows %zu and %zu); {image} ids must be unique, or give `text_image`", image->name,
      cgap_id_text(id, sizeof id, &j->images, j->twice), first, j->twice);
  }
  while (j->row[t] != UINT64_MAX)
    t++;
  return cgap_fail_named(
    error, CGAP_DATA, d->data.names,
    "%s: {text} %zu has id %s, which none of the %zu {images} of %s has; correct it or give `text_image`", text->name,
    t, cgap_id_text(id, sizeof id, &j->texts, t), j->images.count, image->name);
}

/* The rows become the caller's. */
static uint64_t *take_rows(id_match *j)
{
  uint64_t *rows = j->row;
  j->row = NULL;
  return rows;
}

/* Reads both series, which must be of one kind, and finds the image of each text. */
static cgap_status join_ids(id_match *j, const cgap_dataset *d, cgap_error *error)
{
  const cgap_role_datasets *image = &d->role[CGAP_ROLE_IMAGE_ID], *text = &d->role[CGAP_ROLE_TEXT_ID];
  *j = (id_match){.twice = SIZE_MAX};
  cgap_status status = cgap_ids_read(&j->images, image->taken, image->count, error);
  if (status == CGAP_OK)
    status = cgap_ids_read(&j->texts, text->taken, text->count, error);
  if (status == CGAP_OK && j->images.kind != j->texts.kind)
    status = cgap_fail(error, CGAP_DATA, "%s is %s, %s is %s; write both as integers or both as strings", image->name,
                       image->taken->entry->type_text, text->name, text->taken->entry->type_text);
  if (status == CGAP_OK && !(j->row = malloc((j->texts.count + 1) * sizeof *j->row)))
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", text->name);
  if (status == CGAP_OK)
    status = cgap_ids_match(j->row, &j->twice, &j->images, &j->texts, image->name, error);
  for (size_t t = 0; status == CGAP_OK && t < j->texts.count; t++)
    j->found += j->row[t] != UINT64_MAX;
  return status;
}

/* Ids of the texts alone are image rows where they are exactly the numbers 0 to N − 1. */
static cgap_status rows_as_ids(uint64_t **out, cgap_dataset *d, cgap_error *error)
{
  const cgap_role_datasets *text = &d->role[CGAP_ROLE_TEXT_ID];
  const size_t images = cgap_role_datasets_rows(&d->role[CGAP_ROLE_IMAGE]);
  size_t seen = 0;
  cgap_ids ids = {0};
  if (text->taken->entry->kind == CGAP_KIND_STRING || text->count > 1)
    return refuse_alone(d, error);
  cgap_status status = cgap_ids_read(&ids, text->taken, text->count, error);
  if (status != CGAP_OK)
    return status;
  bool *there = calloc(images, sizeof *there);
  *out = malloc((ids.count + 1) * sizeof **out);
  if (!there || !*out)
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", text->name);
  bool rows = status == CGAP_OK;
  for (size_t t = 0; t < ids.count && rows; t++) {
    memcpy(*out + t, ids.id[t].bytes, sizeof **out);
    rows = (*out)[t] < images;
    seen += rows && !there[(*out)[t]];
    if (rows)
      there[(*out)[t]] = true;
  }
  if (status == CGAP_OK && (!rows || seen < images))
    status = refuse_alone(d, error);
  if (status != CGAP_OK) {
    free(*out);
    *out = NULL;
  }
  free(there);
  cgap_ids_clear(&ids);
  return status;
}

cgap_status cgap_pair_by_id(uint64_t **out, cgap_dataset *d, cgap_error *error)
{
  const cgap_role_datasets *image = &d->role[CGAP_ROLE_IMAGE], *text = &d->role[CGAP_ROLE_TEXT];
  cgap_role_datasets *image_id = &d->role[CGAP_ROLE_IMAGE_ID], *text_id = &d->role[CGAP_ROLE_TEXT_ID];
  bool usable = false;
  id_match j = {0};
  *out = NULL;
  cgap_status status = find_series(text_id, &usable, d, CGAP_ROLE_TEXT, text_id_score, NULL,
                                   cgap_phrase_of(&d->names, "the {image} id of each {one text}").s, error);
  if (status != CGAP_OK || text_id->count == 0)
    return status;
  if (!usable)
    return refuse_series(text_id, cgap_modality_name(d->data.names[1], 1), cgap_role_datasets_rows(text), error);
  if (text_id->count < text->count)
    return cgap_fail_named(error, CGAP_FILE, d->data.names,
                           "%s: %zu of %zu shards have {image} ids of the {texts}; give `text_image`", text_id->name,
                           text_id->count, text->count);
  cgap_role_datasets_explain(text_id, "%s",
                             cgap_phrase_of(&d->names, "its name says the {image} id of each {one text}").s);
  const cgap_name_words words = cgap_name_words_of(text_id->taken->entry->path);
  status = find_series(image_id, &usable, d, CGAP_ROLE_IMAGE, image_id_score, words.id_word,
                       cgap_phrase_of(&d->names, "the id of each {one image}").s, error);
  if (status == CGAP_OK && (image_id->count == 0 || !usable))
    status = find_series(image_id, &usable, d, CGAP_ROLE_IMAGE, image_id_score, NULL,
                         cgap_phrase_of(&d->names, "the id of each {one image}").s, error);
  if (status != CGAP_OK)
    return status;
  if (image_id->count > 0 && image_id->taken->entry == text_id->taken->entry)
    image_id->count = 0;
  if (image_id->count > 0 && !usable)
    return refuse_series(image_id, cgap_modality_name(d->data.names[0], 0), cgap_role_datasets_rows(image), error);
  if (image_id->count == 0 && !(words.leaf & CGAP_WORD_ID) && words.text_first)
    return cgap_fail_named(
      error, CGAP_DATA, d->data.names,
      "%s: strings, but no dataset has such ids of the {images}; write the row of each {one text}'s {image}, or "
      "give `text_image` (`text_image` none: pair by position)",
      text_id->name);
  if (image_id->count == 0 && !(words.leaf & CGAP_WORD_ID)) { /* strings that name an image for another purpose */
    cgap_append(&d->notes, "%s not used for the pairing: no dataset has ids of the %s\n", text_id->name,
                cgap_phrase_of(&d->names, "{images}").s);
    text_id->count = 0;
    return CGAP_OK;
  }
  if (image_id->count < image->count)
    return image_id->count ? refuse_alone(d, error) : rows_as_ids(out, d, error);
  cgap_role_datasets_explain(image_id, "%s", cgap_phrase_of(&d->names, "its name says an id of each {one image}").s);
  status = join_ids(&j, d, error);
  if (status == CGAP_OK && (j.twice != SIZE_MAX || j.found < j.texts.count))
    status = refuse_match(d, &j, error);
  if (status == CGAP_OK)
    *out = take_rows(&j);
  id_match_clear(&j);
  return status;
}

/* ---------------------------------------------------------------- ids that may be the texts' own */

/* Matches the ids that both modalities call by one word. They pair where each text's is an image's; where hardly any
 * is, they are the texts' own. */
static cgap_status join_by(uint64_t **out, cgap_dataset *d, const char *word, cgap_error *error)
{
  cgap_role_datasets *image_id = &d->role[CGAP_ROLE_IMAGE_ID], *text_id = &d->role[CGAP_ROLE_TEXT_ID];
  bool images_usable = false, texts_usable = false;
  id_match j = {0};
  cgap_status status = find_series(text_id, &texts_usable, d, CGAP_ROLE_TEXT, own_id_score, word,
                                   cgap_phrase_of(&d->names, "the id of each {one text}").s, error);
  if (status == CGAP_OK)
    status = find_series(image_id, &images_usable, d, CGAP_ROLE_IMAGE, image_id_score, word,
                         cgap_phrase_of(&d->names, "the id of each {one image}").s, error);
  if (status == CGAP_FILE) /* a tie: what only may be the pairing is not used */
    return cgap_note_refusal(d, CGAP_DATA, cgap_phrase_of(&d->names, "ids of the {texts}").s, error);
  if (status != CGAP_OK || !images_usable || !texts_usable || image_id->count < d->role[CGAP_ROLE_IMAGE].count ||
      text_id->count < d->role[CGAP_ROLE_TEXT].count || image_id->taken->entry == text_id->taken->entry)
    return status;
  status = join_ids(&j, d, error);
  if (status == CGAP_DATA)
    status = cgap_note_refusal(d, status, text_id->name, error);
  else if (status == CGAP_OK && j.found == j.texts.count && j.twice == SIZE_MAX)
    *out = take_rows(&j);
  else if (status == CGAP_OK && 2 * j.found >= j.texts.count && j.twice == SIZE_MAX)
    status = refuse_match(d, &j, error);
  else if (status == CGAP_OK)
    cgap_append(&d->notes, "%s not used for the pairing: %zu of its %zu are ids in %s%s\n", text_id->name, j.found,
                j.texts.count, image_id->name, j.twice == SIZE_MAX ? "" : ", which has duplicates");
  id_match_clear(&j);
  return status;
}

/* What is called "id" in the file of one modality, NULL: nothing is; *broken: none is as long as it has rows. */
static const cgap_entry *find_plain_id(bool *broken, const cgap_dataset *d, cgap_role role)
{
  const cgap_file *file = d->role[role].taken->file;
  const cgap_entry *found = NULL;
  *broken = true;
  for (size_t i = 0; i < file->count && *broken; i++) {
    const cgap_entry *e = &file->entries[i];
    const cgap_name_words words = cgap_name_words_of(e->path);
    if (!(words.leaf & CGAP_WORD_ID) || words.leaf & NO_ID || !id_first(&words) || cgap_entry_list(e) < 2)
      continue;
    found = e;
    *broken = !is_list_of(e, cgap_role_datasets_rows(&d->role[role]));
  }
  return found;
}

/* Ids in the files of both modalities are meant for the pairing: it does not fall back to positions without a word
 * where some are too few or too many. */
static cgap_status check_plain_ids(cgap_dataset *d, cgap_error *error)
{
  static const cgap_role ROLES[] = {CGAP_ROLE_IMAGE, CGAP_ROLE_TEXT};
  const cgap_role_datasets *image = &d->role[CGAP_ROLE_IMAGE], *text = &d->role[CGAP_ROLE_TEXT];
  const cgap_entry *id[2];
  bool broken[2];
  char shape[80];
  if (image->count != 1 || text->count != 1 || image->taken->file == text->taken->file)
    return CGAP_OK;
  for (int k = 0; k < 2; k++)
    id[k] = find_plain_id(&broken[k], d, ROLES[k]);
  for (int k = 0; k < 2; k++)
    if (id[0] && id[1] && broken[k])
      return cgap_fail_named(error, CGAP_DATA, d->data.names,
                             k ? "%s: %s of shape %s, and there are %zu {texts}: give an integer or string for each "
                                 "of them, or `text_image` (`text_image` none: pair by position)"
                               : "%s: %s of shape %s, and there are %zu {images}: give an integer or string for each "
                                 "of them, or `text_image` (`text_image` none: pair by position)",
                             id[k]->name, id[k]->type_text, cgap_shape_text(shape, sizeof shape, id[k]),
                             cgap_role_datasets_rows(&d->role[ROLES[k]]));
  for (int k = 0; k < 2; k++)
    if (id[k] && broken[k])
      cgap_append(&d->notes, "%s not used: its shape is %s, and there are %zu %s\n", id[k]->name,
                  cgap_shape_text(shape, sizeof shape, id[k]), cgap_role_datasets_rows(&d->role[ROLES[k]]),
                  cgap_phrase_of(&d->names, k ? "{texts}" : "{images}").s);
  return CGAP_OK;
}

cgap_status cgap_pair_by_own_id(uint64_t **out, cgap_dataset *d, cgap_error *error)
{
  cgap_role_datasets *image_id = &d->role[CGAP_ROLE_IMAGE_ID], *text_id = &d->role[CGAP_ROLE_TEXT_ID];
  const cgap_companion companion = cgap_companion_of(d, CGAP_ROLE_TEXT, 0);
  const cgap_file *file = companion.modality->file;
  cgap_status status = CGAP_OK;
  *out = NULL;
  for (size_t i = 0; i < file->count && status == CGAP_OK && !*out; i++) {
    const cgap_name_words words = cgap_name_words_of(file->entries[i].path);
    bool seen = own_id_score(&file->entries[i], &words, &companion) == 0;
    for (size_t k = 0; k < i && !seen; k++) {
      const cgap_name_words earlier = cgap_name_words_of(file->entries[k].path);
      seen = own_id_score(&file->entries[k], &earlier, &companion) > 0 && !strcmp(earlier.id_word, words.id_word);
    }
    if (!seen)
      status = join_by(out, d, words.id_word, error);
  }
  if (!*out)
    image_id->count = text_id->count = 0;
  if (!*out && status == CGAP_OK)
    status = check_plain_ids(d, error);
  cgap_role_datasets_explain(image_id, "%s", cgap_phrase_of(&d->names, "its name says an id of each {one image}").s);
  cgap_role_datasets_explain(text_id, "%s", cgap_phrase_of(&d->names, "each is the id of {an image}").s);
  return status;
}
