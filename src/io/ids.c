/* Pairing by ids on both sides: each image has one of its own, each text names its image's. */
#include "io/dataset_parts.h"

#include "io/format.h"
#include "io/hdf5_values.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static bool id_type(const cgap_entry *entry, const cgap_words *w, const cgap_taken *side)
{
  const unsigned never = CGAP_WORD_LABEL | CGAP_WORD_CLASS | CGAP_WORD_SIDELINE | CGAP_WORD_EMBEDDING;
  return (entry->kind == CGAP_KIND_INTEGER || entry->kind == CGAP_KIND_STRING) && entry->rank == 1 &&
         entry->shape[0] == cgap_taken_rows(side) && !(w->leaf & never);
}

static int image_id_fit(const cgap_entry *entry, const cgap_words *w, const cgap_taken *image)
{
  bool id = w->leaf & (CGAP_WORD_ID | CGAP_WORD_INDEX);
  if (!id || !id_type(entry, w, image) || (w->leaf & CGAP_WORD_TEXT) || w->group == CGAP_WORD_TEXT)
    return 0;
  return w->leaf & CGAP_WORD_IMAGE ? 10 : w->group == CGAP_WORD_IMAGE ? 8 : 5;
}

static int text_id_fit(const cgap_entry *entry, const cgap_words *w, const cgap_taken *text)
{
  const unsigned needs = CGAP_WORD_IMAGE | CGAP_WORD_ID;
  if ((w->leaf & needs) != needs || !id_type(entry, w, text))
    return 0;
  return w->leaf & CGAP_WORD_TEXT ? 10 : w->group == CGAP_WORD_TEXT ? 8 : 0;
}

/* Texts in a file of their own need not say "text" again. */
static int lone_text_id_fit(const cgap_entry *entry, const cgap_words *w, const cgap_taken *text)
{
  const unsigned needs = CGAP_WORD_IMAGE | CGAP_WORD_ID;
  return (w->leaf & needs) == needs && id_type(entry, w, text) ? 6 : 0;
}

static cgap_status find_series(cgap_series *out, const cgap_series *side, cgap_fit fit, const char *what,
                               cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (size_t i = 0; i < side->count && status == CGAP_OK; i++) {
    const cgap_entry *entry = NULL;
    status = cgap_find_beside(&entry, &side->taken[i], fit, what, error);
    if (status == CGAP_OK && entry)
      status = cgap_series_add(out, side->taken[i].file, entry, error);
  }
  return status;
}

/* ---------------------------------------------------------------- the table of image ids */

typedef struct table {
  size_t *slot; /* (mask + 1) image row + 1, or 0 */
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

static cgap_status fill_table(table *t, const cgap_series *series, cgap_error *error)
{
  size_t size = 16;
  while (size < 2 * t->ids->count)
    size *= 2;
  t->mask = size - 1;
  t->slot = calloc(size, sizeof *t->slot);
  if (!t->slot)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu ids", series->name, t->ids->count);
  for (size_t i = 0; i < t->ids->count; i++) {
    size_t *slot = find_slot(t, &t->ids->id[i]);
    char text[80];
    if (*slot)
      return cgap_fail(error, CGAP_DATA,
                       "%s: id %s stands at rows %zu and %zu; an image has one row, or give --text-image", series->name,
                       cgap_id_text(text, sizeof text, t->ids, i), *slot - 1, i);
    *slot = i + 1;
  }
  return CGAP_OK;
}

static cgap_status join(cgap_dataset *d, const cgap_ids *images, const cgap_ids *texts, cgap_error *error)
{
  const cgap_series *image = &d->role[CGAP_ROLE_IMAGE_ID], *text = &d->role[CGAP_ROLE_TEXT_ID];
  table t = {.ids = images};
  char id[80];
  if (images->kind != texts->kind)
    return cgap_fail(error, CGAP_DATA, "%s is %s, %s is %s; write both as integers or both as strings", image->name,
                     image->taken->entry->type_text, text->name, text->taken->entry->type_text);
  cgap_status status = fill_table(&t, image, error);
  d->text_image = malloc((texts->count + 1) * sizeof *d->text_image);
  if (!d->text_image && status == CGAP_OK)
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu ids", text->name, texts->count);
  for (size_t j = 0; j < texts->count && status == CGAP_OK; j++) {
    size_t row = *find_slot(&t, &texts->id[j]);
    if (row == 0)
      status = cgap_fail(error, CGAP_DATA,
                         "%s: text %zu has id %s, which none of the %zu images of %s has; mend it or "
                         "give --text-image",
                         text->name, j, cgap_id_text(id, sizeof id, texts, j), images->count, image->name);
    else
      d->text_image[j] = row - 1;
  }
  free(t.slot);
  return status;
}

cgap_status cgap_pairing_join(cgap_dataset *d, cgap_error *error)
{
  const cgap_series *image = &d->role[CGAP_ROLE_IMAGE], *text = &d->role[CGAP_ROLE_TEXT];
  cgap_series *image_id = &d->role[CGAP_ROLE_IMAGE_ID], *text_id = &d->role[CGAP_ROLE_TEXT_ID];
  bool apart = image->taken->file != text->taken->file;
  cgap_ids images = {0}, texts = {0};
  cgap_status status = find_series(text_id, text, text_id_fit, "the image id of each text", error);
  if (status == CGAP_OK && text_id->count == 0 && apart)
    status = find_series(text_id, text, lone_text_id_fit, "the image id of each text", error);
  if (status == CGAP_OK && text_id->count == text->count)
    status = find_series(image_id, image, image_id_fit, "the id of each image", error);
  if (status != CGAP_OK || text_id->count != text->count || image_id->count != image->count) {
    image_id->count = text_id->count = 0;
    return status;
  }
  cgap_series_explain(image_id, "its name says an id of each image");
  cgap_series_explain(text_id, "its name says the image id of each text");
  status = cgap_ids_read(&images, image_id->taken, image_id->count, error);
  if (status == CGAP_OK)
    status = cgap_ids_read(&texts, text_id->taken, text_id->count, error);
  if (status == CGAP_OK)
    status = join(d, &images, &texts, error);
  if (status == CGAP_OK) {
    d->data.pairing = CGAP_BY_INDEX;
    d->pairing = cgap_format("ids: %s of the texts against %s of the images", text_id->name, image_id->name);
  }
  cgap_ids_clear(&images);
  cgap_ids_clear(&texts);
  return status;
}
