#include "head/part.h"

#include <string.h>

#include "head/rows.h"
#include "memory.h"
#include "random.h"

enum { NOISE_STREAM = 0x4E4F, DRAW_STREAM = 0x4452 };

/* Counting sort by text, then by image, keeps the texts of an image ascending. */
static void sort_couples(size_t *first, size_t keys, size_t count, const size_t *key, const size_t *order, size_t *out)
{
  memset(first, 0, (keys + 1) * sizeof *first);
  for (size_t c = 0; c < count; c++)
    first[key[c] + 1]++;
  for (size_t k = 0; k < keys; k++)
    first[k + 1] += first[k];
  for (size_t c = 0; c < count; c++) {
    const size_t at = order ? order[c] : c;
    out[first[key[at]]++] = at;
  }
  memmove(first + 1, first, keys * sizeof *first); /* the ends have become the beginnings of the next */
  first[0] = 0;
}

/* Couples in `order` without doubles into couple_text; image_first again. Returns how many. */
static size_t drop_doubles(size_t *image_first, size_t images, const size_t *order, const size_t *text,
                           size_t *couple_text)
{
  size_t kept = 0, at = 0;
  for (size_t i = 0; i < images; i++) {
    const size_t end = image_first[i + 1], begin = kept;
    for (; at < end; at++)
      if (kept == begin || couple_text[kept - 1] != text[order[at]])
        couple_text[kept++] = text[order[at]];
    image_first[i + 1] = kept;
  }
  return kept;
}

bool cgap_coupling_init(cgap_coupling *out, size_t **index, size_t images, size_t texts, size_t count,
                        const size_t *couple_image, const size_t *couple_text)
{
  size_t *block = cgap_alloc(images + texts + 2 + 3 * count, sizeof *block);
  size_t *work = cgap_alloc(2 * count, sizeof *work);
  *index = block;
  *out = (cgap_coupling){0};
  if (block && work) {
    size_t *image_first = block, *text_first = block + images + 1, *by_image = text_first + texts + 1;
    size_t *by_text = by_image + count, *image_of = by_text + count;
    sort_couples(text_first, texts, count, couple_text, NULL, work);
    sort_couples(image_first, images, count, couple_image, work, work + count);
    count = drop_doubles(image_first, images, work + count, couple_text, by_image);
    sort_couples(text_first, texts, count, by_image, NULL, by_text);
    for (size_t i = 0; i < images; i++)
      for (size_t c = image_first[i]; c < image_first[i + 1]; c++)
        image_of[c] = i;
    *out = (cgap_coupling){images, texts, count, image_first, by_image, text_first, by_text, image_of};
  }
  cgap_free(work);
  return block && work;
}

/* What each row of a side became in the part: SIZE_MAX where it is not in it. */
typedef struct chosen {
  size_t *image, *text;               /* (images), (texts) of the embeddings */
  size_t images, texts;               /* rows of the part */
  size_t *couple_image, *couple_text; /* (couples) */
  size_t couples;
} chosen;

/* Draws which of the part's images take part, in a fixed order of all of them, so that fewer are a subset of more. */
static void draw_images(chosen *c, const cgap_embeddings *e, const cgap_split *split, int part,
                        const cgap_part_options *o, size_t *order)
{
  size_t count = 0;
  for (size_t i = 0; i < e->image.rows; i++) {
    c->image[i] = SIZE_MAX;
    if (split->part[i] == part && e->pairs.first[i + 1] > e->pairs.first[i])
      order[count++] = i;
  }
  if (o->most_images > 0 && o->most_images < count) {
    cgap_random random = cgap_random_init(o->seed, DRAW_STREAM);
    cgap_random_shuffle(&random, order, count);
    count = o->most_images;
  }
  for (size_t k = 0; k < count; k++)
    c->image[order[k]] = 0;
}

/* The image of every text of the part; a share of the texts exchange theirs. */
static void list_couples(chosen *c, const cgap_embeddings *e, const cgap_part_options *o, size_t *order)
{
  for (size_t j = 0; j < e->text.rows; j++) {
    c->text[j] = SIZE_MAX;
    if (c->image[e->pairs.image_of[j]] == SIZE_MAX)
      continue;
    c->text[j] = 0;
    c->couple_image[c->couples] = e->pairs.image_of[j];
    c->couple_text[c->couples++] = j;
  }
  const size_t wrong = (size_t)(o->noise * (double)c->couples + 0.5);
  if (wrong < 2)
    return;
  for (size_t k = 0; k < c->couples; k++)
    order[k] = k;
  cgap_random random = cgap_random_init(o->seed, NOISE_STREAM);
  cgap_random_shuffle(&random, order, c->couples);
  const size_t spare = c->couple_image[order[0]];
  for (size_t k = 0; k + 1 < wrong; k++)
    c->couple_image[order[k]] = c->couple_image[order[k + 1]];
  c->couple_image[order[wrong - 1]] = spare;
}

/* Numbers the rows that take part; equal ones alike where they are merged. place: 0 or SIZE_MAX on entry. */
static bool number_rows(size_t *place, size_t *rows, const cgap_side *side, bool merge)
{
  cgap_distinct seen;
  float *spare = cgap_alloc(side->dim, sizeof *spare);
  const bool fine = cgap_distinct_init(&seen, side->rows) && spare;
  *rows = 0;
  for (size_t i = 0; fine && i < side->rows; i++) {
    if (place[i] == SIZE_MAX)
      continue;
    const size_t first =
      merge ? cgap_distinct_add(&seen, cgap_unit_hash(side->unit + i * side->dim, side->dim, spare), i) : i;
    place[i] = first == i ? (*rows)++ : place[first];
  }
  cgap_distinct_clear(&seen);
  cgap_free(spare);
  return fine;
}

static bool copy_rows(float **out, double **mean, const cgap_side *side, const size_t *place, size_t rows)
{
  size_t count = 0;
  *mean = cgap_zalloc(side->dim, sizeof **mean);
  *out = cgap_product(&count, rows, side->dim) ? cgap_alloc(count, sizeof **out) : NULL;
  if (!*out || !*mean)
    return false;
  size_t taken = 0;
  for (size_t i = 0; i < side->rows; i++) {
    if (place[i] == SIZE_MAX)
      continue;
    const float *row = side->unit + i * side->dim;
    memcpy(*out + place[i] * side->dim, row, side->dim * sizeof *row);
    for (size_t k = 0; k < side->dim; k++)
      (*mean)[k] += (double)row[k];
    taken++;
  }
  for (size_t k = 0; k < side->dim; k++)
    (*mean)[k] /= (double)(taken ? taken : 1);
  return true;
}

static bool build(cgap_part *out, chosen *c, const cgap_embeddings *e, bool merge)
{
  if (!number_rows(c->image, &c->images, &e->image, merge) || !number_rows(c->text, &c->texts, &e->text, merge))
    return false;
  for (size_t k = 0; k < c->couples; k++) {
    c->couple_image[k] = c->image[c->couple_image[k]];
    c->couple_text[k] = c->text[c->couple_text[k]];
  }
  return copy_rows(&out->image, &out->image_mean, &e->image, c->image, c->images) &&
         copy_rows(&out->text, &out->text_mean, &e->text, c->text, c->texts) &&
         cgap_coupling_init(&out->couples, &out->index, c->images, c->texts, c->couples, c->couple_image,
                            c->couple_text);
}

cgap_status cgap_part_init(cgap_part *out, const cgap_embeddings *e, const cgap_split *split, int part,
                           const cgap_part_options *options, cgap_error *error)
{
  const size_t images = e->image.rows, texts = e->text.rows;
  size_t *block = cgap_alloc(images + (images > texts ? images : texts) + 3 * texts, sizeof *block);
  chosen c = {.image = block};
  *out = (cgap_part){.dim = e->image.dim};
  bool fine = block != NULL;
  if (fine) {
    size_t *order = block + images;
    c.text = order + (images > texts ? images : texts);
    c.couple_image = c.text + texts;
    c.couple_text = c.couple_image + texts;
    draw_images(&c, e, split, part, options, order);
    list_couples(&c, e, options, order);
    fine = build(out, &c, e, !options->keep_duplicates);
  }
  cgap_free(block);
  if (fine)
    return CGAP_OK;
  cgap_part_clear(out);
  return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu images and %zu texts", images, texts);
}

void cgap_part_clear(cgap_part *part)
{
  cgap_free(part->image);
  cgap_free(part->text);
  cgap_free(part->image_mean);
  cgap_free(part->text_mean);
  cgap_free(part->index);
  *part = (cgap_part){0};
}
