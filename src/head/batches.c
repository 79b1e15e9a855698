#include "head/batches.h"

#include <string.h>

#include "memory.h"
#include "random.h"

enum {
  PARALLEL_FROM = 1 << 15, /* numbers to copy that are worth a second thread */
  AHEAD = 3,               /* rows asked for before they are copied */
  LINE = 16                /* numbers of a cache line */
};

static const uint64_t ORDER_STREAM = UINT64_C(1) << 32;

static bool is_full(const cgap_batches *b)
{
  return b->size == b->part->couples.texts;
}

/* The most images and couples that `size` texts can have: those of the texts with the most. */
static void bounds(cgap_batches *b)
{
  const cgap_coupling *p = &b->part->couples;
  size_t most = 0;
  for (size_t j = 0; j < p->texts; j++) {
    const size_t couples = p->text_first[j + 1] - p->text_first[j];
    most = couples > most ? couples : most;
  }
  b->most_couples = most > p->count / b->size ? p->count : most * b->size;
  b->most_images = b->most_couples < p->images ? b->most_couples : p->images;
}

cgap_status cgap_batches_init(cgap_batches *out, const cgap_part *part, size_t size, uint64_t seed, cgap_error *error)
{
  const size_t texts = part->couples.texts, images = part->couples.images;
  *out = (cgap_batches){.part = part, .size = size ? size : texts, .seed = seed};
  if (size == CGAP_BATCH_AUTO)
    out->size = texts < CGAP_BATCH_AUTO_SIZE ? texts : CGAP_BATCH_AUTO_SIZE;
  out->count = texts / out->size;
  bounds(out);
  if (is_full(out)) {
    out->couples = part->couples;
    out->x = part->image;
    out->y = part->text;
    return CGAP_OK;
  }
  out->order = cgap_alloc(texts, sizeof *out->order);
  out->stamp = cgap_alloc(images, sizeof *out->stamp);
  out->image = cgap_alloc(out->most_images, sizeof *out->image);
  out->index = cgap_alloc(out->most_images + out->size + 2 + 3 * out->most_couples, sizeof *out->index);
  out->image_rows = cgap_alloc(out->most_images, part->dim * sizeof(float));
  out->text_rows = cgap_alloc(out->size, part->dim * sizeof(float));
  if (out->order && out->stamp && out->image && out->index && out->image_rows && out->text_rows) {
    memset(out->stamp, 0xff, images * sizeof *out->stamp);
    return CGAP_OK;
  }
  cgap_batches_clear(out);
  return cgap_fail(error, CGAP_RESOURCE, "out of memory for batches of %zu texts", out->size);
}

void cgap_batches_clear(cgap_batches *b)
{
  cgap_free(b->order);
  cgap_free(b->stamp);
  cgap_free(b->image);
  cgap_free(b->index);
  cgap_free(b->image_rows);
  cgap_free(b->text_rows);
  *b = (cgap_batches){0};
}

void cgap_batches_epoch(cgap_batches *b, size_t epoch)
{
  if (is_full(b))
    return;
  cgap_random random = cgap_random_init(b->seed, ORDER_STREAM + epoch);
  for (size_t j = 0; j < b->part->couples.texts; j++)
    b->order[j] = j;
  cgap_random_shuffle(&random, b->order, b->part->couples.texts);
}

/* Numbers the images of the batch in the order they are met; counts[i + 1] is image i's number of couples. */
static size_t meet_images(cgap_batches *b, const size_t *text, size_t *counts)
{
  const cgap_coupling *p = &b->part->couples;
  size_t images = 0;
  for (size_t j = 0; j < b->size; j++)
    for (size_t k = p->text_first[text[j]]; k < p->text_first[text[j] + 1]; k++) {
      const size_t image = p->couple_image[p->text_couple[k]];
      if (b->stamp[image] >= images || b->image[b->stamp[image]] != image) {
        b->stamp[image] = images;
        b->image[images] = image;
        counts[++images] = 0;
      }
      counts[b->stamp[image] + 1]++;
    }
  return images;
}

static const float *source_row(const cgap_batches *b, const size_t *text, size_t images, size_t k)
{
  return k < images ? b->part->image + b->image[k] * b->part->dim : b->part->text + text[k - images] * b->part->dim;
}

static void fetch(const float *row, size_t dim)
{
  for (size_t k = 0; k < dim; k += LINE)
    __builtin_prefetch(row + k);
}

/* The rows come from all over the part's memory: those to come are asked for while one is copied. */
static void gather(cgap_batches *b, const size_t *text, size_t images, int threads)
{
  const size_t dim = b->part->dim, rows = images + b->size;
#pragma omp parallel for num_threads(threads) schedule(static) if (rows * dim >= PARALLEL_FROM)
  for (size_t k = 0; k < rows; k++) {
    float *to = k < images ? b->image_rows + k * dim : b->text_rows + (k - images) * dim;
    if (k + AHEAD < rows)
      fetch(source_row(b, text, images, k + AHEAD), dim);
    memcpy(to, source_row(b, text, images, k), dim * sizeof *to);
  }
}

void cgap_batches_take(cgap_batches *b, size_t batch, int threads)
{
  if (is_full(b))
    return;
  const cgap_coupling *p = &b->part->couples;
  const size_t *text = b->order + batch * b->size;
  size_t *text_first = b->index, *image_first = text_first + b->size + 1;
  image_first[0] = 0;
  const size_t images = meet_images(b, text, image_first);
  size_t *couple_text = image_first + b->most_images + 1, *text_couple = couple_text + b->most_couples, count = 0;
  size_t *couple_image = text_couple + b->most_couples;
  for (size_t i = 0; i < images; i++)
    image_first[i + 1] += image_first[i];
  text_first[0] = 0;
  for (size_t j = 0; j < b->size; j++) {
    for (size_t k = p->text_first[text[j]]; k < p->text_first[text[j] + 1]; k++) {
      const size_t image = b->stamp[p->couple_image[p->text_couple[k]]], place = image_first[image]++;
      couple_text[place] = j;
      couple_image[place] = image;
      text_couple[count++] = place;
    }
    text_first[j + 1] = count;
  }
  memmove(image_first + 1, image_first, images * sizeof *image_first);
  image_first[0] = 0;
  gather(b, text, images, threads);
  b->couples = (cgap_coupling){images, b->size, count, image_first, couple_text, text_first, text_couple, couple_image};
  b->x = b->image_rows;
  b->y = b->text_rows;
}
