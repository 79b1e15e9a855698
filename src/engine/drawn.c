#include "engine/drawn.h"

#include "engine/moment.h"
#include "engine/pairing.h"
#include "engine/panel.h"
#include "engine/side.h"
#include "memory.h"
#include "random.h"

#include <stdint.h>
#include <string.h>

enum { HOLD_ROWS = 4096 };

static size_t lesser(size_t a, size_t b)
{
  return a < b ? a : b;
}

/* ---------------------------------------------------------------- drawing */

/* `count` of 0 … from − 1, ascending, each set of them as likely (Fan, Muller and Rezucha 1962). */
static size_t *draw(size_t count, size_t from, uint64_t seed, uint64_t stream)
{
  cgap_random random = cgap_random_init(seed, stream);
  size_t *out = cgap_alloc(count, sizeof *out), taken = 0;
  for (size_t i = 0; out && taken < count; i++)
    if (cgap_random_below(&random, from - i) < count - taken)
      out[taken++] = i;
  return out;
}

/* Every text of the images in s->image; *texts says how many. image_of (texts) counts places in s->image. */
static size_t *texts_of(const cgap_embeddings *whole, const size_t *image, size_t images, size_t **image_of,
                        size_t *texts)
{
  size_t *place = cgap_alloc(whole->image.rows, sizeof *place), *out = NULL;
  *texts = 0;
  for (size_t k = 0; k < images; k++)
    *texts += whole->pairs.first[image[k] + 1] - whole->pairs.first[image[k]];
  out = cgap_alloc(*texts, sizeof *out);
  *image_of = cgap_alloc(*texts, sizeof **image_of);
  if (!place || !out || !*image_of) {
    cgap_free(place);
    cgap_free(out);
    cgap_free(*image_of);
    return NULL;
  }
  for (size_t i = 0; i < whole->image.rows; i++)
    place[i] = SIZE_MAX;
  for (size_t k = 0; k < images; k++)
    place[image[k]] = k;
  for (size_t j = 0, taken = 0; j < whole->text.rows && taken < *texts; j++)
    if (place[whole->pairs.image_of[j]] != SIZE_MAX) {
      (*image_of)[taken] = place[whole->pairs.image_of[j]];
      out[taken++] = j;
    }
  cgap_free(place);
  return out;
}

/* ---------------------------------------------------------------- sides */

static cgap_status no_memory(const cgap_side *whole, size_t rows, cgap_error *error)
{
  return cgap_fail(error, CGAP_RESOURCE, "%s: no memory for a sample of %zu rows of %zu", whole->source->name, rows,
                   whole->dim);
}

/* The first of equal rows within the sample. */
static bool find_equals(cgap_side *out, const cgap_side *whole, const size_t *rows)
{
  if (whole->checks.duplicates.count == 0) {
    for (size_t k = 0; k < out->rows; k++)
      out->first_equal[k] = k;
    return true;
  }
  size_t *first = cgap_alloc(whole->rows, sizeof *first);
  for (size_t i = 0; first && i < whole->rows; i++)
    first[i] = SIZE_MAX;
  for (size_t k = 0; first && k < out->rows; k++) {
    size_t *at = &first[whole->first_equal[rows[k]]];
    *at = *at == SIZE_MAX ? k : *at;
    out->first_equal[k] = *at;
    out->checks.duplicates.count += *at != k;
  }
  cgap_free(first);
  return first != NULL;
}

static cgap_status take_side(cgap_side *out, const cgap_side *whole, const size_t *rows, size_t count,
                             cgap_error *error)
{
  *out = (cgap_side){.source = whole->source, .rows = count, .own_rows = count, .dim = whole->dim};
  out->file_row = cgap_alloc(count, sizeof *out->file_row);
  out->first_equal = cgap_alloc(count, sizeof *out->first_equal);
  out->inverse_norm = cgap_alloc(count, sizeof *out->inverse_norm);
  if (!out->file_row || !out->first_equal || !out->inverse_norm || !find_equals(out, whole, rows))
    return no_memory(whole, count, error);
  for (size_t k = 0; k < count; k++) {
    out->file_row[k] = whole->file_row[rows[k]];
    out->inverse_norm[k] = whole->inverse_norm[rows[k]];
  }
  return CGAP_OK;
}

/* ---------------------------------------------------------------- what belongs to rows */

static double *pick(const double *from, const size_t *rows, size_t count)
{
  double *out = cgap_alloc(count, sizeof *out);
  for (size_t k = 0; out && k < count; k++)
    out[k] = from[rows[k]];
  return out;
}

static bool take_couples(cgap_drawn *s, const cgap_couple_sums *c)
{
  const size_t images = s->embeddings.image.rows;
  s->pair_cosine = pick(c->pair_cosine, s->text, s->embeddings.text.rows);
  s->best_positive = pick(c->best_positive, s->image, images);
  s->within_kernel = pick(c->within_kernel, s->image, images);
  s->within_cosine = pick(c->within_cosine, s->image, images);
  s->within_square = pick(c->within_square, s->image, images);
  return s->pair_cosine && s->best_positive && s->within_kernel && s->within_cosine && s->within_square;
}

/* s->image and, where unpaired, s->text are there. */
static cgap_status take(cgap_drawn *s, const cgap_embeddings *whole, const cgap_couple_sums *couples,
                        cgap_drawn_size size, cgap_error *error)
{
  cgap_embeddings *e = &s->embeddings;
  size_t *image_of = NULL;
  *e = (cgap_embeddings){.data = whole->data, .paired = whole->paired};
  if (whole->paired && s->image)
    s->text = texts_of(whole, s->image, size.images, &image_of, &size.texts);
  if (!s->image || !s->text)
    return no_memory(&whole->image, size.images, error);
  cgap_status status = CGAP_OK;
  if (whole->paired) /* takes image_of over, whatever it returns */
    status = cgap_pairs_init(&e->pairs, image_of, size.images, size.texts, error);
  if (!status)
    status = take_side(&e->image, &whole->image, s->image, size.images, error);
  if (!status)
    status = take_side(&e->text, &whole->text, s->text, size.texts, error);
  if (!status && whole->paired && !take_couples(s, couples))
    status = no_memory(&whole->text, size.texts, error);
  return status;
}

cgap_status cgap_drawn_make(cgap_drawn *out, const cgap_embeddings *whole, const cgap_couple_sums *couples,
                            cgap_drawn_size size, uint64_t seed, uint64_t stream, cgap_error *error)
{
  *out = (cgap_drawn){.image = draw(size.images, whole->image.rows, seed, stream)};
  if (!whole->paired)
    out->text = draw(size.texts, whole->text.rows, seed, stream + 1);
  cgap_status status = take(out, whole, couples, size, error);
  if (status)
    cgap_drawn_clear(out);
  return status;
}

cgap_status cgap_drawn_part(cgap_drawn *out, const cgap_drawn *of, const cgap_embeddings *whole,
                            const cgap_couple_sums *couples, size_t images, uint64_t seed, uint64_t stream,
                            cgap_error *error)
{
  *out = (cgap_drawn){.image = draw(images, of->embeddings.image.rows, seed, stream)};
  for (size_t k = 0; out->image && k < images; k++)
    out->image[k] = of->image[out->image[k]];
  cgap_status status = take(out, whole, couples, (cgap_drawn_size){.images = images}, error);
  if (status)
    cgap_drawn_clear(out);
  return status;
}

void cgap_drawn_clear(cgap_drawn *s)
{
  cgap_embeddings_clear(&s->embeddings);
  cgap_free(s->image);
  cgap_free(s->text);
  cgap_free(s->pair_cosine);
  cgap_free(s->best_positive);
  cgap_free(s->within_kernel);
  cgap_free(s->within_cosine);
  cgap_free(s->within_square);
  *s = (cgap_drawn){0};
}

/* ---------------------------------------------------------------- rows in memory */

static void copy_rows(cgap_side *side, const cgap_side *whole, const size_t *rows)
{
  const size_t dim = side->dim, bytes = dim * cgap_type_size(side->source->type);
  for (size_t k = 0; k < side->rows; k++) {
    memcpy(side->raw + k * bytes, whole->raw + rows[k] * bytes, bytes);
    memcpy(side->unit + k * dim, whole->unit + rows[k] * dim, dim * sizeof *side->unit);
  }
}

static cgap_status read_rows(cgap_side *side, unsigned char *raw, float *unit, cgap_error *error)
{
  const size_t dim = side->dim, bytes = dim * cgap_type_size(side->source->type);
  cgap_panel panel = {0};
  cgap_status status = CGAP_OK;
  for (size_t first = 0; !status && first < side->rows; first += HOLD_ROWS) {
    const size_t n = lesser(HOLD_ROWS, side->rows - first);
    status = cgap_panel_load(&panel, side, first, n, error);
    if (status)
      break;
    memcpy(raw + first * bytes, panel.raw, n * bytes);
    memcpy(unit + first * dim, panel.unit, n * dim * sizeof *unit);
  }
  cgap_panel_clear(&panel);
  return status;
}

static cgap_status hold_side(cgap_side *side, const cgap_side *whole, const size_t *rows, cgap_error *error)
{
  unsigned char *raw = cgap_alloc(side->rows, side->dim * cgap_type_size(side->source->type));
  float *unit = cgap_alloc(side->rows, side->dim * sizeof *unit);
  cgap_status status = CGAP_OK;
  if (!raw || !unit)
    status = no_memory(whole, side->rows, error);
  if (!status && !whole->unit)
    status = read_rows(side, raw, unit, error);
  side->raw = raw;
  side->unit = unit;
  if (!status && whole->unit)
    copy_rows(side, whole, rows);
  return status;
}

cgap_status cgap_drawn_hold(cgap_drawn *s, const cgap_embeddings *whole, cgap_error *error)
{
  cgap_status status = hold_side(&s->embeddings.image, &whole->image, s->image, error);
  return status ? status : hold_side(&s->embeddings.text, &whole->text, s->text, error);
}

/* ---------------------------------------------------------------- moments */

static cgap_status side_moments(cgap_side *side, int threads, cgap_error *error)
{
  const size_t dim = side->dim, run = cgap_moment_run(dim), block = run * (size_t)threads;
  double *rows = cgap_alloc(block * dim, sizeof *rows);
  size_t *start = cgap_alloc((size_t)threads + 1, sizeof *start);
  cgap_moment moment = {0};
  side->mean = cgap_zalloc(dim, sizeof *side->mean);
  side->moment = cgap_zalloc(dim * dim, sizeof *side->moment);
  cgap_status status = rows && start && side->mean && side->moment ? CGAP_OK : no_memory(side, side->rows, error);
  if (!status)
    status = cgap_moment_init(&moment, dim, (double)run, error);
  for (size_t first = 0; !status && first < side->rows; first += block) {
    const size_t n = lesser(block, side->rows - first), runs = (n + run - 1) / run;
    for (size_t r = 0; r <= runs; r++)
      start[r] = lesser(r * run, n);
    status = cgap_side_fetch(side, NULL, first, n, threads, rows, error);
    if (!status)
      status = cgap_moment_add(&moment, rows, start, runs, threads, error);
  }
  if (!status)
    status = cgap_moment_finish(&moment, NULL, 1, side->moment, side->mean, error);
  for (size_t a = 0; !status && a < dim; a++)
    side->mean[a] /= (double)side->rows;
  cgap_moment_clear(&moment);
  cgap_free(rows);
  cgap_free(start);
  return status;
}

cgap_status cgap_drawn_moments(cgap_drawn *s, int threads, cgap_error *error)
{
  cgap_status status = side_moments(&s->embeddings.image, threads, error);
  return status ? status : side_moments(&s->embeddings.text, threads, error);
}
