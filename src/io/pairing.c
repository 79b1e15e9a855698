/* Which text belongs to which image: the rules of the specification, in their order. */
#include "io/dataset_parts.h"

#include "io/format.h"
#include "io/hdf5_values.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static size_t elements_of(const cgap_entry *entry)
{
  size_t elements = 0;
  return cgap_entry_elements(&elements, entry) ? elements : 0;
}

/* How well a name says "the image row of each text". */
static int index_name(const cgap_words *w)
{
  const unsigned never = CGAP_WORD_ID | CGAP_WORD_LABEL | CGAP_WORD_CLASS | CGAP_WORD_EMBEDDING | CGAP_WORD_SIDELINE;
  if (!(w->leaf & CGAP_WORD_IMAGE) || (w->leaf & never))
    return 0;
  bool index = w->leaf & CGAP_WORD_INDEX;
  if (w->leaf & CGAP_WORD_TEXT)
    return w->text_first ? (index ? 9 : 10) : (index ? 4 : 0);
  if (w->group == CGAP_WORD_TEXT)
    return index ? 8 : 7;
  return index && w->group == 0 ? 6 : 0;
}

static int index_fit(const cgap_entry *entry, const cgap_words *words, const cgap_taken *text)
{
  bool flat = entry->rank == 1;
  bool as_texts = entry->rank == 2 && text->entry->rank == 3 && entry->shape[0] == text->entry->shape[0];
  if (entry->kind != CGAP_KIND_INTEGER || !(flat || as_texts) || elements_of(entry) != cgap_taken_rows(text))
    return 0;
  return index_name(words);
}

/* A dataset named text_image that cannot be used is a mistake to be told, not to be passed over. */
static int broken_index_fit(const cgap_entry *entry, const cgap_words *words, const cgap_taken *text)
{
  (void)text;
  return entry->rank == 1 && (entry->kind == CGAP_KIND_INTEGER || entry->kind == CGAP_KIND_FLOAT) &&
         index_name(words) == 10;
}

static cgap_status check_index_type(const cgap_taken *index, size_t texts, cgap_error *error)
{
  const cgap_entry *e = index->entry;
  char shape[160];
  if (e->kind != CGAP_KIND_INTEGER || e->rank < 1 || e->rank > 2)
    return cgap_fail(error, CGAP_DATA,
                     "%s: %s of shape %s cannot be a pairing; one integer a text is needed: the "
                     "row of its image",
                     e->name, e->type_text, cgap_shape_text(shape, sizeof shape, e));
  if (elements_of(e) != texts)
    return cgap_fail(error, CGAP_DATA, "%s: %zu entries for %zu texts; one a text is needed, or give --text-image",
                     e->name, elements_of(e), texts);
  return CGAP_OK;
}

static bool counts_from_one(const int64_t *rows, size_t texts, size_t images)
{
  int64_t least = INT64_MAX, greatest = INT64_MIN;
  for (size_t j = 0; j < texts; j++) {
    least = rows[j] < least ? rows[j] : least;
    greatest = rows[j] > greatest ? rows[j] : greatest;
  }
  return least == 1 && greatest == (int64_t)images;
}

/* Rows (texts) of one shard as rows of all: they count from its first image. */
static cgap_status place_index(uint64_t *out, const int64_t *rows, const cgap_taken *index, size_t texts,
                               size_t first_image, size_t images, cgap_error *error)
{
  for (size_t j = 0; j < texts; j++) {
    if (rows[j] < 0 || (uint64_t)rows[j] >= images)
      return cgap_fail(error, CGAP_DATA,
                       "%s: text %zu points to image row %" PRId64 ", there are %zu images (rows 0 to %zu); %s",
                       index->entry->name, j, rows[j], images, images - 1,
                       counts_from_one(rows, texts, images) ? "all of it counts from 1: take 1 from each"
                                                            : "mend it or give --text-image");
    out[j] = first_image + (uint64_t)rows[j];
  }
  return CGAP_OK;
}

/* One entry of several .npy shards, the images having as many: each counts from its own first image. */
static cgap_status place_shards(uint64_t *out, const int64_t *rows, const cgap_taken *index, const cgap_entry *image,
                                cgap_error *error)
{
  cgap_status status = CGAP_OK;
  size_t at = 0, first_image = 0;
  for (size_t s = 0; s < image->piece_count && status == CGAP_OK; s++) {
    size_t texts = index->entry->pieces[s].rows, images = image->pieces[s].rows;
    status = place_index(out + at, rows + at, index, texts, first_image, images, error);
    at += texts;
    first_image += images;
  }
  return status;
}

static cgap_status read_index(uint64_t *out, const cgap_taken *index, size_t texts, size_t first_image, size_t images,
                              const cgap_entry *image, cgap_error *error)
{
  cgap_status status = check_index_type(index, texts, error);
  if (status != CGAP_OK)
    return status;
  int64_t *rows = malloc((texts + 1) * sizeof *rows);
  if (!rows)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu entries", index->entry->name, texts);
  status = cgap_read_int64(rows, index, error);
  bool shards =
    index->entry->rank == 1 && index->entry->piece_count > 1 && index->entry->piece_count == image->piece_count;
  if (status == CGAP_OK)
    status = shards ? place_shards(out, rows, index, image, error)
                    : place_index(out, rows, index, texts, first_image, images, error);
  free(rows);
  return status;
}

/* Finds the index dataset of each text shard; the series stays empty where there is none. */
static cgap_status find_indices(cgap_dataset *d, const cgap_spec *spec, cgap_error *error)
{
  const cgap_series *text = &d->role[CGAP_ROLE_TEXT];
  cgap_series *index = &d->role[CGAP_ROLE_TEXT_IMAGE];
  cgap_status status = CGAP_OK;
  size_t wanted = spec->file ? 1 : text->count;
  for (size_t i = 0; i < wanted && status == CGAP_OK; i++) {
    const cgap_entry *entry = NULL;
    if (spec->given)
      status = cgap_find_given(&entry, &text->taken[i], spec, error);
    else
      status = cgap_find_beside(&entry, &text->taken[i], index_fit, "the pairing (--text-image)", error);
    if (status == CGAP_OK && !entry)
      status = cgap_find_beside(&entry, &text->taken[i], broken_index_fit, "the pairing (--text-image)", error);
    if (status == CGAP_OK && entry)
      status = cgap_series_add(index, spec->file ? spec->file : text->taken[i].file, entry, error);
  }
  if (status == CGAP_OK && index->count > 0 && index->count < wanted)
    return cgap_fail(error, CGAP_FILE, "%s: %zu of %zu shards have a pairing; give --text-image", index->name,
                     index->count, wanted);
  if (status == CGAP_OK && index->count > 0) {
    if (spec->given)
      cgap_series_explain(index, "given by --text-image");
    else
      cgap_series_explain(index, "its name says the image of each text");
  }
  return status;
}

static cgap_status pair_by_index(cgap_dataset *d, cgap_error *error)
{
  const cgap_series *image = &d->role[CGAP_ROLE_IMAGE], *text = &d->role[CGAP_ROLE_TEXT];
  const cgap_series *index = &d->role[CGAP_ROLE_TEXT_IMAGE];
  size_t texts = cgap_series_rows(text), images = cgap_series_rows(image);
  bool by_shard = index->count > 1 && image->count == index->count;
  d->text_image = malloc((texts + 1) * sizeof *d->text_image);
  if (!d->text_image)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu entries", index->name, texts);
  cgap_status status = CGAP_OK;
  size_t at = 0, first_image = 0;
  for (size_t i = 0; i < index->count && status == CGAP_OK; i++) {
    size_t count = index->count > 1 ? cgap_taken_rows(&text->taken[i]) : texts;
    size_t own_images = by_shard ? cgap_taken_rows(&image->taken[i]) : images;
    status = read_index(d->text_image + at, &index->taken[i], count, first_image, own_images,
                        image->taken[by_shard ? i : 0].entry, error);
    at += count;
    first_image += by_shard ? own_images : 0;
  }
  d->pairing = cgap_format("%s gives each text's image row%s (%s)", index->name,
                           by_shard ? ", counted in each shard" : "", index->why);
  d->data.pairing = CGAP_BY_INDEX;
  return status;
}

/* ---------------------------------------------------------------- without a dataset that says it */

/* Texts of shape (N, k, d) in every shard, N the shard's images. */
static bool texts_by_image(const cgap_series *image, const cgap_series *text)
{
  if (text->count != image->count)
    return false;
  for (size_t i = 0; i < text->count; i++) {
    const cgap_entry *t = text->taken[i].entry;
    if (t->rank != 3 || t->shape[0] != cgap_taken_rows(&image->taken[i]))
      return false;
  }
  return true;
}

static cgap_status pair_by_shape(cgap_dataset *d, size_t texts, cgap_error *error)
{
  size_t k = d->role[CGAP_ROLE_TEXT].taken->entry->shape[1];
  d->text_image = malloc((texts + 1) * sizeof *d->text_image);
  if (!d->text_image)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu entries", d->role[CGAP_ROLE_TEXT].name, texts);
  for (size_t j = 0; j < texts; j++)
    d->text_image[j] = j / k;
  d->data.pairing = CGAP_BY_INDEX;
  d->pairing = cgap_format("%zu texts an image, from the shape (N, k, d) of %s", k, d->role[CGAP_ROLE_TEXT].name);
  return CGAP_OK;
}

/* Texts an image, the same in every shard; 0 where counts alone do not pair. */
static size_t texts_an_image(const cgap_series *image, const cgap_series *text, size_t images, size_t texts)
{
  if (texts % images != 0)
    return 0;
  for (size_t i = 0; text->count == image->count && i < text->count; i++) {
    const cgap_entry *t = text->taken[i].entry, *m = image->taken[i].entry;
    if (cgap_taken_rows(&text->taken[i]) != texts / images * cgap_taken_rows(&image->taken[i]))
      return 0;
    for (size_t s = 0; t->piece_count == m->piece_count && s < t->piece_count; s++) {
      if (t->pieces[s].rows * (t->rank == 3 ? t->shape[1] : 1) != texts / images * m->pieces[s].rows)
        return 0;
    }
  }
  return texts / images;
}

static cgap_status refuse_counts(const cgap_series *image, const cgap_series *text, size_t images, size_t texts,
                                 cgap_error *error)
{
  if (texts % images == 0)
    return cgap_fail(error, CGAP_FILE,
                     "%s: %zu rows for the %zu of %s, but not so many in every shard; make the shards alike, or give "
                     "--text-image",
                     text->name, texts, images, image->name);
  return cgap_fail(
    error, CGAP_FILE,
    "%s: %zu rows, %s has %zu, and no text_image, image_index or ids say which belong together; make them "
    "equal, or give --text-image or --unpaired",
    text->name, texts, image->name, images);
}

static cgap_status pair_by_count(cgap_dataset *d, size_t images, size_t texts, cgap_error *error)
{
  const cgap_series *image = &d->role[CGAP_ROLE_IMAGE], *text = &d->role[CGAP_ROLE_TEXT];
  size_t each = texts_an_image(image, text, images, texts);
  if (each == 0)
    return refuse_counts(image, text, images, texts, error);
  if (each == 1) {
    d->data.pairing = CGAP_BY_ROW;
    d->pairing = cgap_format("row i with row i (%zu each)", images);
  } else {
    d->data.pairing = CGAP_PAIRING_OPEN;
    d->pairing = cgap_format("open: %zu texts an image by count; whether image-major or caption-major the pairing test "
                             "settles",
                             each);
  }
  return CGAP_OK;
}

static cgap_status find_pairing(cgap_dataset *d, const cgap_spec *spec, cgap_error *error)
{
  const cgap_series *image = &d->role[CGAP_ROLE_IMAGE], *text = &d->role[CGAP_ROLE_TEXT];
  size_t images = cgap_series_rows(image), texts = cgap_series_rows(text);
  cgap_status status = find_indices(d, spec, error);
  if (status != CGAP_OK)
    return status;
  if (d->role[CGAP_ROLE_TEXT_IMAGE].count > 0)
    return pair_by_index(d, error);
  status = cgap_pairing_join(d, error);
  if (status != CGAP_OK || d->text_image)
    return status;
  if (texts_by_image(image, text))
    return pair_by_shape(d, texts, error);
  return pair_by_count(d, images, texts, error);
}

cgap_status cgap_pairing_find(cgap_dataset *d, const cgap_input_options *options, cgap_error *error)
{
  d->data.pairing = CGAP_UNPAIRED;
  if (d->role[CGAP_ROLE_TEXT].count == 0) {
    d->pairing = cgap_format("none: no texts; the class texts stand on the other side");
    return CGAP_OK;
  }
  if (options->unpaired) {
    d->pairing = cgap_format("none: two sets (--unpaired)");
    return CGAP_OK;
  }
  cgap_spec spec;
  cgap_status status = cgap_spec_parse(&spec, d, "--text-image", options->text_image, error);
  if (status == CGAP_OK)
    status = find_pairing(d, &spec, error);
  free(spec.owned);
  if (status == CGAP_OK && !d->pairing)
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", d->role[CGAP_ROLE_TEXT].name);
  d->data.text_image = d->text_image;
  return status;
}
