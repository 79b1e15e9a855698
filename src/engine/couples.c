#include "engine/couples.h"

#include "engine/ahead.h"
#include "engine/blas.h"
#include "engine/moment.h"
#include "engine/panel.h"
#include "engine/share.h"
#include "engine/side.h"
#include "memory.h"

#include <math.h>
#include <string.h>

enum { MOST_RUNS = 4 }; /* of a batch */

size_t cgap_couples_runs(int threads)
{
  return threads < MOST_RUNS ? (size_t)threads : MOST_RUNS;
}

/* Runs of images with all their texts, as double unit rows: as many runs as threads have work with. */
typedef struct batch {
  size_t first_image, images, first_text, texts; /* texts count places in pairs.text */
  size_t start[MOST_RUNS + 1], runs;             /* run r: images start[r] … start[r + 1] − 1 of the batch */
  double *image, *text;                          /* (images, dim), (texts, dim) */
  size_t image_room, text_room;                  /* rows that these hold */
  const cgap_embeddings *embeddings;
  int threads; /* that read it */
} batch;

/* What is summed over images, by runs. */
typedef struct image_sums {
  cgap_moment group; /* of N·g_i */
  cgap_wide weighed; /* (dim) Σ surplus·x */
  double *row;       /* (row_room, dim) N·g_i of the batch at hand */
  size_t row_room;
} image_sums;

static size_t texts_of(const cgap_pairs *pairs, size_t first_image, size_t images)
{
  return pairs->first[first_image + images] - pairs->first[first_image];
}

/* As many whole images as have at most `rows` rows together with their texts; at least one. A run ends where a tile
 * does, so that every rank has whole runs. Threads and memory do not matter: sums are rounded run by run. */
static size_t run_length(const cgap_pairs *pairs, size_t first_image, size_t rows)
{
  size_t images = 1;
  while (first_image + images < pairs->images && images < rows && (first_image + images) % CGAP_TILE != 0 &&
         texts_of(pairs, first_image, images + 1) <= rows)
    images++;
  return images;
}

/* At most `runs` runs of the images before `end`, with no more texts than one alone may have. */
static void next_batch(batch *b, const cgap_pairs *pairs, size_t first_image, size_t end, size_t rows, size_t runs)
{
  b->first_image = first_image;
  b->first_text = pairs->first[first_image];
  b->start[0] = b->images = b->runs = 0;
  while (b->runs < runs && first_image + b->images < end) {
    const size_t images = b->images + run_length(pairs, first_image + b->images, rows);
    if (b->runs > 0 && texts_of(pairs, first_image, images) > rows)
      break;
    b->start[++b->runs] = b->images = images;
  }
  b->texts = texts_of(pairs, first_image, b->images);
}

/* Room for rows; batches are about as long as one another, so that the first one's does for nearly all. */
static bool reserve_rows(double **row, size_t *room, size_t rows, size_t dim)
{
  if (*row && *room >= rows)
    return true;
  cgap_free(*row);
  *row = cgap_alloc(rows * dim, sizeof **row);
  *room = *row ? rows : 0;
  return *row != NULL;
}

static cgap_status no_room(const batch *b, cgap_error *error)
{
  return cgap_fail(error, CGAP_RESOURCE, "no memory for %zu images with %zu texts", b->images, b->texts);
}

static cgap_status read_batch(void *batch_, cgap_error *error)
{
  batch *b = batch_;
  const cgap_embeddings *e = b->embeddings;
  const size_t *texts = e->pairs.text + b->first_text;
  bool straight = true;
  for (size_t k = 1; straight && k < b->texts; k++)
    straight = texts[k] == texts[0] + k;
  if (!reserve_rows(&b->image, &b->image_room, b->images, e->image.dim) ||
      !reserve_rows(&b->text, &b->text_room, b->texts, e->image.dim))
    return no_room(b, error);
  cgap_status status = cgap_side_fetch(&e->image, NULL, b->first_image, b->images, b->threads, b->image, error);
  if (!status && b->texts > 0)
    status = cgap_side_fetch(&e->text, straight ? NULL : texts, texts[0], b->texts, b->threads, b->text, error);
  return status;
}

static void clear_batch(batch *b)
{
  cgap_free(b->image);
  cgap_free(b->text);
  *b = (batch){0};
}

/* Σ over couples of an image's own texts of e^(-t‖y − y'‖²), of the cosine and of its square. */
static void measure_within(cgap_couple_sums *out, size_t image, const double *text, size_t texts, size_t dim)
{
  double kernel = 0, linear = 0, square = 0;
  for (size_t a = 0; a < texts; a++)
    for (size_t b = a + 1; b < texts; b++) {
      const double cosine = cgap_dot(text + a * dim, text + b * dim, dim);
      kernel += exp(2 * CGAP_KERNEL_T * (cosine - 1));
      linear += cosine;
      square += cosine * cosine;
    }
  out->within_kernel[image] = kernel;
  out->within_cosine[image] = linear;
  out->within_square[image] = square;
}

/* Of one image; g becomes N·g_i. */
static void measure_image(cgap_couple_sums *out, const batch *b, size_t i, double *g)
{
  const cgap_embeddings *e = b->embeddings;
  const size_t dim = e->image.dim, image = b->first_image + i;
  const size_t first = e->pairs.first[image], texts = e->pairs.first[image + 1] - first;
  const double *x = b->image + i * dim, *y = b->text + (first - b->first_text) * dim;
  double best = -2;
  const double share = (double)e->image.rows / (double)e->text.rows;
  for (size_t k = 0; k < dim; k++)
    g[k] = x[k] - e->image.mean[k];
  for (size_t t = 0; t < texts; t++) {
    double cosine = cgap_dot(x, y + t * dim, dim);
    out->pair_cosine[e->pairs.text[first + t]] = cosine;
    best = cosine > best ? cosine : best;
    for (size_t k = 0; k < dim; k++)
      g[k] -= (y[t * dim + k] - e->text.mean[k]) * share;
  }
  out->best_positive[image] = texts ? best : 2;
  measure_within(out, image, y, texts, dim);
}

/* Σ over couples of x_o(j), by way of the images' surplus over one text each, which most files do not have. Of images
 * [first, end) of the batch. */
static void weigh_images(image_sums *sums, const batch *b, size_t first, size_t end)
{
  const cgap_embeddings *e = b->embeddings;
  const size_t dim = e->image.dim;
  double *own = sums->row; /* added already */
  bool any = false;
  memset(own, 0, dim * sizeof *own);
  for (size_t i = first; i < end; i++) {
    const double surplus = (double)texts_of(&e->pairs, b->first_image + i, 1) - 1;
    any |= surplus != 0;
    for (size_t k = 0; surplus != 0 && k < dim; k++)
      own[k] += surplus * b->image[i * dim + k];
  }
  if (any)
    cgap_wide_add(&sums->weighed, 0, own, dim);
}

static cgap_status measure_batch(cgap_couple_sums *out, image_sums *sums, const batch *b, int threads,
                                 cgap_error *error)
{
  const size_t dim = b->embeddings->image.dim, step = cgap_moment_run(dim);
  size_t start[MOST_RUNS * (CGAP_TILE / CGAP_MOMENT_LEAST_RUN) + 1] = {0}, pieces = 0;
  if (!reserve_rows(&sums->row, &sums->row_room, b->images, dim))
    return no_room(b, error);
#pragma omp parallel for schedule(static) num_threads(threads)
  for (size_t i = 0; i < b->images; i++)
    measure_image(out, b, i, sums->row + i * dim);
  for (size_t r = 0; r < b->runs; r++)
    for (; start[pieces] < b->start[r + 1]; pieces++)
      start[pieces + 1] = start[pieces] + step < b->start[r + 1] ? start[pieces] + step : b->start[r + 1];
  cgap_status status = cgap_moment_add(&sums->group, sums->row, start, pieces, threads, error);
  for (size_t r = 0; r < b->runs; r++)
    weigh_images(sums, b, b->start[r], b->start[r + 1]);
  return status;
}

/* Bounds: of Σ ‖N·g_i‖² over the images of a run, ‖N·g_i‖ ≤ 2 + 2 |T_i| N/M, and of Σ surplus. */
static cgap_status sums_init(image_sums *sums, const cgap_embeddings *e, cgap_error *error)
{
  const double share = (double)e->image.rows / (double)e->text.rows;
  double squares = 0, bound = 1;
  for (size_t i = 0; i < e->image.rows; i++) {
    const double norm = 2 + 2 * share * (double)(e->pairs.first[i + 1] - e->pairs.first[i]);
    squares = i % CGAP_TILE == 0 ? norm * norm : squares + norm * norm;
    bound = fmax(bound, squares);
  }
  cgap_status status = cgap_moment_init(&sums->group, e->image.dim, bound, error);
  if (!status && !cgap_wide_init(&sums->weighed, e->image.dim, (double)e->image.rows + (double)e->text.rows))
    status = cgap_fail(error, CGAP_RESOURCE, "no memory for a mean of %zu dimensions", e->image.dim);
  return status;
}

static cgap_status sums_finish(image_sums *sums, cgap_couple_sums *out, const cgap_embeddings *e, cgap_comm *ranks,
                               cgap_error *error)
{
  const size_t dim = e->image.dim;
  const double images = (double)e->image.rows;
  cgap_status status = cgap_moment_finish(&sums->group, ranks, 1 / (images * images), out->group_moment, NULL, error);
  if (!status)
    status = cgap_wide_reduce(&sums->weighed, ranks, error);
  if (status)
    return status;
  cgap_wide_values(&sums->weighed, 0, dim, out->paired_image_mean);
  for (size_t k = 0; k < dim; k++)
    out->paired_image_mean[k] = (out->paired_image_mean[k] + images * e->image.mean[k]) / (double)e->text.rows;
  return CGAP_OK;
}

/* What each rank found of its own images, to all. Couples come image by image: a text's place is not its row. */
static cgap_status gather_couples(cgap_couple_sums *out, const cgap_embeddings *e, cgap_comm *ranks, cgap_error *error)
{
  const size_t texts = e->text.rows, images = e->image.rows;
  double *const by_image[] = {out->best_positive, out->within_kernel, out->within_cosine, out->within_square};
  if (!ranks)
    return CGAP_OK;
  double *cosine = cgap_alloc(texts, sizeof *cosine);
  cgap_status status = CGAP_OK;
  if (!cosine)
    return cgap_fail(error, CGAP_RESOURCE, "no memory for %zu couples", texts);
  for (size_t k = 0; k < texts; k++)
    cosine[k] = out->pair_cosine[e->pairs.text[k]];
  status = cgap_share_gather_by(ranks, cosine, images, e->pairs.first, sizeof *cosine, error);
  for (size_t k = 0; !status && k < texts; k++)
    out->pair_cosine[e->pairs.text[k]] = cosine[k];
  for (size_t k = 0; !status && k < sizeof by_image / sizeof *by_image; k++)
    status = cgap_share_gather(ranks, by_image[k], images, sizeof(double), error);
  cgap_free(cosine);
  return status;
}

static bool couples_alloc(cgap_couple_sums *out, const cgap_embeddings *e)
{
  *out = (cgap_couple_sums){0};
  out->pair_cosine = cgap_alloc(e->text.rows, sizeof(double));
  out->best_positive = cgap_alloc(e->image.rows, sizeof(double));
  out->within_kernel = cgap_alloc(e->image.rows, sizeof(double));
  out->within_cosine = cgap_alloc(e->image.rows, sizeof(double));
  out->within_square = cgap_alloc(e->image.rows, sizeof(double));
  out->paired_image_mean = cgap_zalloc(e->image.dim, sizeof(double));
  out->group_moment = cgap_zalloc(e->image.dim * e->image.dim, sizeof(double));
  return out->pair_cosine && out->best_positive && out->within_kernel && out->within_cosine && out->within_square &&
         out->paired_image_mean && out->group_moment;
}

static cgap_status tick(const cgap_share *own, size_t done, cgap_comm *ranks, const cgap_progress *progress,
                        cgap_error *error)
{
  const double share = (double)(done - own->first) / (double)(own->end - own->first);
  if (progress->tick && progress->tick(progress->context, "matched couples", share))
    return cgap_fail(error, CGAP_INTERRUPTED, "interrupted while measuring matched couples; nothing was written");
  return cgap_comm_poll(ranks, NULL, error);
}

/* While one batch is measured the next is read, unless all rows are in memory. */
static cgap_status run_images(cgap_couple_sums *out, image_sums *sums, const cgap_embeddings *e, cgap_comm *ranks,
                              int threads, cgap_progress progress, cgap_error *error)
{
  const size_t rows = cgap_chunk_rows(e->image.dim), runs = cgap_couples_runs(threads);
  const cgap_share own = cgap_share_of(ranks, e->image.rows);
  const bool held = e->image.unit && e->text.unit;
  const batch none = {.embeddings = e, .threads = held ? threads : 1};
  batch batches[2] = {none, none};
  cgap_ahead ahead;
  cgap_status status = CGAP_OK;
  cgap_ahead_open(&ahead, held ? 1 : threads);
  if (own.first < own.end) {
    next_batch(&batches[0], &e->pairs, own.first, own.end, rows, runs);
    cgap_ahead_start(&ahead, read_batch, &batches[0]);
  }
  for (size_t done = own.first, turn = 0; !status && done < own.end; turn = 1 - turn) {
    status = cgap_ahead_wait(&ahead, error);
    done += batches[turn].images;
    if (!status && done < own.end) {
      next_batch(&batches[1 - turn], &e->pairs, done, own.end, rows, runs);
      cgap_ahead_start(&ahead, read_batch, &batches[1 - turn]);
    }
    if (!status)
      status = measure_batch(out, sums, &batches[turn], threads, error);
    if (!status)
      status = tick(&own, done, ranks, &progress, error);
  }
  cgap_ahead_close(&ahead);
  clear_batch(&batches[0]);
  clear_batch(&batches[1]);
  return status;
}

cgap_status cgap_couples_run(cgap_couple_sums *out, const cgap_embeddings *e, cgap_comm *ranks, int threads,
                             cgap_progress progress, cgap_error *error)
{
  const int blas_threads = cgap_blas_single();
  image_sums sums = {0};
  cgap_status status = CGAP_OK;
  if (!couples_alloc(out, e))
    status = cgap_fail(error, CGAP_RESOURCE, "no memory for %zu couples of %zu dimensions", e->text.rows, e->image.dim);
  if (!status)
    status = sums_init(&sums, e, error);
  if (!status)
    status = run_images(out, &sums, e, ranks, threads, progress, error);
  if (!status)
    status = gather_couples(out, e, ranks, error);
  if (!status)
    status = cgap_shifts_measure(out, e, ranks, threads, error);
  if (!status)
    status = sums_finish(&sums, out, e, ranks, error);
  if (status)
    cgap_couples_clear(out);
  cgap_moment_clear(&sums.group);
  cgap_wide_clear(&sums.weighed);
  cgap_free(sums.row);
  cgap_blas_restore(blas_threads);
  return status;
}

void cgap_couples_clear(cgap_couple_sums *sums)
{
  cgap_free(sums->pair_cosine);
  cgap_free(sums->best_positive);
  cgap_free(sums->within_kernel);
  cgap_free(sums->within_cosine);
  cgap_free(sums->within_square);
  cgap_free(sums->paired_image_mean);
  cgap_free(sums->group_moment);
  *sums = (cgap_couple_sums){0};
}
