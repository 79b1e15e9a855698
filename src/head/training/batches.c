#include "head/training/batches.h"

#include <string.h>

#include "base/memory.h"
#include "base/numbers.h"
#include "base/threads.h"

enum {
  PARALLEL_FROM = 1 << 15, /* numbers to copy that are worth a second thread */
  PREFETCH_ROWS = 3,       /* rows asked for before they are copied */
  LINE = 16                /* numbers of a cache line */
};

static const double WAITING = 8e-6; /* seconds a row, above which it came from the disk */
static const uint64_t ORDER_STREAM = UINT64_C(1) << 32;

static bool is_full(const cgap_batches *b)
{
  return b->size == b->split_rows->positives.texts;
}

/* The most images and pairs that `size` texts can have: those of the texts with the most. */
static void find_bounds(cgap_batches *b)
{
  const cgap_positives *p = &b->split_rows->positives;
  size_t most = 0;
  for (size_t j = 0; j < p->texts; j++) {
    const size_t positives = p->text_first[j + 1] - p->text_first[j];
    most = positives > most ? positives : most;
  }
  b->most_positives = most > p->count / b->size ? p->count : most * b->size;
  b->most_images = b->most_positives < p->images ? b->most_positives : p->images;
}

static bool batch_alloc(cgap_training_batch *out, const cgap_batches *b)
{
  *out = (cgap_training_batch){.number = SIZE_MAX};
  out->image = cgap_alloc(b->most_images, sizeof *out->image);
  out->index = cgap_alloc(b->most_images + b->size + 2 + 3 * b->most_positives, sizeof *out->index);
  out->image_rows = cgap_alloc(b->most_images, b->split_rows->dim * sizeof(float));
  out->text_rows = cgap_alloc(b->size, b->split_rows->dim * sizeof(float));
  return out->image && out->index && out->image_rows && out->text_rows;
}

static bool allocate_noting_failure(cgap_batches *b)
{
  const cgap_positives *p = &b->split_rows->positives;
  b->order = cgap_alloc(p->texts, sizeof *b->order);
  b->stamp = cgap_alloc(p->images, sizeof *b->stamp);
  if (!b->order || !b->stamp || !batch_alloc(&b->batch[0], b) || (b->reads && !batch_alloc(&b->batch[1], b)))
    return false;
  memset(b->stamp, 0xff, p->images * sizeof *b->stamp);
  return true;
}

/* The one batch of a whole part: its own rows where they are in memory, else read once. */
static cgap_status load_whole(cgap_batches *b, cgap_error *error)
{
  const cgap_split_rows *p = b->split_rows;
  cgap_training_batch *batch = &b->batch[0];
  b->positives = p->positives;
  b->x = p->image;
  b->y = p->text;
  if (!b->reads)
    return CGAP_OK;
  b->x = batch->image_rows = cgap_alloc(p->positives.images, p->dim * sizeof(float));
  b->y = batch->text_rows = cgap_alloc(p->positives.texts, p->dim * sizeof(float));
  if (!b->x || !b->y)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for a batch of %zu texts", p->positives.texts);
  cgap_status status =
    cgap_split_rows_read(p, CGAP_IMAGE_MODALITY, NULL, 0, p->positives.images, batch->image_rows, error);
  return status == CGAP_OK
           ? cgap_split_rows_read(p, CGAP_TEXT_MODALITY, NULL, 0, p->positives.texts, batch->text_rows, error)
           : status;
}

cgap_status cgap_batches_init(cgap_batches *out, const cgap_split_rows *split_rows, size_t size, uint64_t seed,
                              int threads, cgap_error *error)
{
  const size_t texts = split_rows->positives.texts;
  cgap_status status = CGAP_OK;
  *out =
    (cgap_batches){.split_rows = split_rows, .size = size ? size : texts, .seed = seed, .reads = !split_rows->image};
  out->thread_safe = out->reads && split_rows->threads[CGAP_IMAGE_MODALITY] && split_rows->threads[CGAP_TEXT_MODALITY];
  if (size == CGAP_BATCH_AUTO)
    out->size = texts < CGAP_BATCH_AUTO_SIZE ? texts : CGAP_BATCH_AUTO_SIZE;
  out->count = texts / out->size;
  find_bounds(out);
  if (is_full(out))
    status = load_whole(out, error);
  else if (!allocate_noting_failure(out))
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for batches of %zu texts", out->size);
  if (status != CGAP_OK)
    cgap_batches_clear(out);
  else if (out->reads && !out->thread_safe && !is_full(out))
    cgap_background_reader_open(&out->ahead, threads);
  return status;
}

void cgap_batches_clear(cgap_batches *b)
{
  cgap_background_reader_close(&b->ahead);
  cgap_free(b->order);
  cgap_free(b->stamp);
  for (int k = 0; k < 2; k++) {
    cgap_free(b->batch[k].image);
    cgap_free(b->batch[k].index);
    cgap_free(b->batch[k].image_rows);
    cgap_free(b->batch[k].text_rows);
  }
  *b = (cgap_batches){0};
}

void cgap_batches_epoch(cgap_batches *b, size_t epoch)
{
  if (is_full(b))
    return;
  const cgap_status left = b->started ? cgap_background_reader_wait(&b->ahead, NULL) : CGAP_OK;
  (void)left; /* what is read still, or failed to be, is of another order */
  b->started = false;
  b->batch[1].number = SIZE_MAX;
  cgap_random random = cgap_random_init(b->seed, ORDER_STREAM + epoch);
  for (size_t j = 0; j < b->split_rows->positives.texts; j++)
    b->order[j] = j;
  cgap_random_shuffle(&random, b->order, b->split_rows->positives.texts);
}

/* Numbers the images of a batch in the order they are met, into met; counts[i + 1] is image i's number of pairs. */
static size_t number_batch_images(const cgap_batches *b, size_t *met, const size_t *text, size_t *counts)
{
  const cgap_positives *p = &b->split_rows->positives;
  size_t images = 0;
  for (size_t j = 0; j < b->size; j++)
    for (size_t k = p->text_first[text[j]]; k < p->text_first[text[j] + 1]; k++) {
      const size_t image = p->positive_image[p->text_positive[k]];
      if (b->stamp[image] >= images || met[b->stamp[image]] != image) {
        b->stamp[image] = images;
        met[images] = image;
        counts[++images] = 0;
      }
      counts[b->stamp[image] + 1]++;
    }
  return images;
}

static const float *source_row(const cgap_batches *b, const cgap_training_batch *out, const size_t *text, size_t k)
{
  const size_t images = out->positives.images;
  return k < images ? b->split_rows->image + out->image[k] * b->split_rows->dim
                    : b->split_rows->text + text[k - images] * b->split_rows->dim;
}

static void prefetch_row(const float *row, size_t dim)
{
  for (size_t k = 0; k < dim; k += LINE)
    __builtin_prefetch(row + k);
}

/* The rows come from all over the part's memory: those to come are asked for while one is copied. */
static void gather_batch(const cgap_batches *b, cgap_training_batch *out, const size_t *text, int threads)
{
  const size_t dim = b->split_rows->dim, images = out->positives.images, rows = images + b->size;
#pragma omp parallel for num_threads(threads) schedule(static) if (rows * dim >= PARALLEL_FROM)
  for (size_t k = 0; k < rows; k++) {
    float *to = k < images ? out->image_rows + k * dim : out->text_rows + (k - images) * dim;
    if (k + PREFETCH_ROWS < rows)
      prefetch_row(source_row(b, out, text, k + PREFETCH_ROWS), dim);
    memcpy(to, source_row(b, out, text, k), dim * sizeof *to);
  }
}

/* Pairs and rows of batch out->number. */
static void make_batch(cgap_batches *b, cgap_training_batch *out)
{
  const cgap_positives *p = &b->split_rows->positives;
  const size_t *text = b->order + out->number * b->size;
  size_t *text_first = out->index, *image_first = text_first + b->size + 1;
  image_first[0] = 0;
  const size_t images = number_batch_images(b, out->image, text, image_first);
  size_t *positive_text = image_first + b->most_images + 1, *text_positive = positive_text + b->most_positives,
         count = 0;
  size_t *positive_image = text_positive + b->most_positives;
  for (size_t i = 0; i < images; i++)
    image_first[i + 1] += image_first[i];
  text_first[0] = 0;
  for (size_t j = 0; j < b->size; j++) {
    for (size_t k = p->text_first[text[j]]; k < p->text_first[text[j] + 1]; k++) {
      const size_t image = b->stamp[p->positive_image[p->text_positive[k]]], place = image_first[image]++;
      positive_text[place] = j;
      positive_image[place] = image;
      text_positive[count++] = place;
    }
    text_first[j + 1] = count;
  }
  memmove(image_first + 1, image_first, images * sizeof *image_first);
  image_first[0] = 0;
  out->positives =
    (cgap_positives){images, b->size, count, image_first, positive_text, text_first, text_positive, positive_image};
}

/* The rows of a batch that has been matched. */
static cgap_status read_rows(const cgap_batches *b, cgap_training_batch *out, cgap_error *error)
{
  const size_t *text = b->order + out->number * b->size;
  const cgap_status status = cgap_split_rows_read(b->split_rows, CGAP_IMAGE_MODALITY, out->image, 0,
                                                  out->positives.images, out->image_rows, error);
  return status == CGAP_OK
           ? cgap_split_rows_read(b->split_rows, CGAP_TEXT_MODALITY, text, 0, b->size, out->text_rows, error)
           : status;
}

static void match_at(cgap_batches *b, int place, size_t number)
{
  b->batch[place].number = number;
  make_batch(b, &b->batch[place]);
}

static void swap_batches(cgap_batches *b)
{
  const cgap_training_batch spare = b->batch[0];
  b->batch[0] = b->batch[1];
  b->batch[1] = spare;
}

/* Batch `number` into batch[0] by all threads. From the page cache that is quick; where it waits for the disk,
 * the rows of the next batch are announced to it. */
static cgap_status load_by_all_threads(cgap_batches *b, size_t number, cgap_error *error)
{
  if (b->batch[1].number == number)
    swap_batches(b);
  else
    match_at(b, 0, number);
  b->batch[1].number = SIZE_MAX;
  const double start = cgap_clock_seconds(), rows = (double)(b->batch[0].positives.images + b->size);
  const cgap_status status = read_rows(b, &b->batch[0], error);
  b->waits = cgap_clock_seconds() - start > (b->waits ? WAITING / 4 : WAITING) * rows;
  if (status == CGAP_OK && b->waits && number + 1 < b->count) {
    match_at(b, 1, number + 1);
    cgap_split_rows_prefetch(b->split_rows, CGAP_IMAGE_MODALITY, b->batch[1].image, b->batch[1].positives.images);
    cgap_split_rows_prefetch(b->split_rows, CGAP_TEXT_MODALITY, b->order + (number + 1) * b->size, b->size);
  }
  return status;
}

/* A whole batch: a job for the reading thread. */
static cgap_status read_batch(cgap_batches *b, cgap_training_batch *out, cgap_error *error)
{
  make_batch(b, out);
  return read_rows(b, out, error);
}

static cgap_status read_next(void *batches, cgap_error *error)
{
  cgap_batches *b = batches;
  return read_batch(b, &b->batch[1], error);
}

/* Batch `number` into batch[0], and the one after it on its way into batch[1]. */
static cgap_status load_read_ahead(cgap_batches *b, size_t number, cgap_error *error)
{
  cgap_status status = b->started ? cgap_background_reader_wait(&b->ahead, error) : CGAP_OK;
  const bool ready = b->started && b->batch[1].number == number;
  b->started = false;
  if (status == CGAP_OK && ready) {
    swap_batches(b);
  } else if (status == CGAP_OK) {
    b->batch[0].number = number;
    status = read_batch(b, &b->batch[0], error);
  }
  if (status == CGAP_OK && number + 1 < b->count) {
    b->batch[1].number = number + 1;
    b->started = true;
    cgap_background_reader_start(&b->ahead, read_next, b);
  }
  return status;
}

cgap_status cgap_batches_load(cgap_batches *b, size_t number, int threads, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  if (is_full(b))
    return CGAP_OK;
  if (b->reads) {
    status = b->thread_safe ? load_by_all_threads(b, number, error) : load_read_ahead(b, number, error);
  } else {
    match_at(b, 0, number);
    gather_batch(b, &b->batch[0], b->order + number * b->size, threads);
  }
  b->positives = b->batch[0].positives;
  b->x = b->batch[0].image_rows;
  b->y = b->batch[0].text_rows;
  return status;
}
