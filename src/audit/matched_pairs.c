/* Passes over the matched pairs: computes in double everything that needs an image with its own texts, and, where every
 * image has one text, the moment Σ x yᵀ of both, for measures of how far two spaces agree. */
#include "audit/passes.h"

#include "base/memory.h"
#include "base/threads.h"
#include "comm/comm.h"
#include "rows/modality.h"
#include "rows/row_blocks.h"
#include "rows/row_pass.h"
#include "rows/row_sums.h"
#include "simd/convert.h"

#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <string.h>

/* BATCH_RUNS_MAX: of a batch. KEPT: texts of an image that are doubles at a time, while they are measured. */
enum { BATCH_RUNS_MAX = 4, HELD_RUNS_MAX = 64, HELD_TEXTS = 5, ROWS = 1 + HELD_TEXTS + 1 };

size_t cgap_matched_pairs_held_runs(int threads)
{
  return threads < BATCH_RUNS_MAX ? (size_t)threads : BATCH_RUNS_MAX;
}

/* Runs of images with all their texts: as many runs as threads have work with, or many where all are in memory. */
typedef struct batch {
  size_t first_image, images, first_text, texts; /* texts count places in pairs.text */
  size_t start[HELD_RUNS_MAX + 1], runs;         /* run r: images start[r] … start[r + 1] − 1 of the batch */
  unsigned char *image, *text; /* (images, dim), (texts, dim) as the file has them: of rows not in memory */
  const cgap_embeddings *embeddings;
} batch;

/* What is summed over images, by runs. */
typedef struct image_sums {
  cgap_second_moment group; /* of N·g_i */
  cgap_exact_sums weighed;  /* (dim) Σ surplus·x */
  double *row;              /* (threads, ROWS, dim) unit rows of the current image and of its texts */
} image_sums;

static size_t texts_of(const cgap_pairs *pairs, size_t first_image, size_t images)
{
  return cgap_pairs_first(pairs, first_image + images) - cgap_pairs_first(pairs, first_image);
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

/* At most `runs` runs of the images before `end`, with no more than `texts` texts or those of one. */
static void next_batch(batch *b, const cgap_pairs *pairs, size_t first_image, size_t end, size_t rows, size_t runs,
                       size_t texts)
{
  b->first_image = first_image;
  b->first_text = cgap_pairs_first(pairs, first_image);
  b->start[0] = b->images = b->runs = 0;
  while (b->runs < runs && first_image + b->images < end) {
    const size_t images = b->images + run_length(pairs, first_image + b->images, rows);
    if (b->runs > 0 && texts_of(pairs, first_image, images) > texts)
      break;
    b->start[++b->runs] = b->images = images;
  }
  b->texts = texts_of(pairs, first_image, b->images);
}

static void clear_batch(batch *b)
{
  cgap_free(b->image);
  cgap_free(b->text);
  b->image = b->text = NULL;
}

static cgap_status read_batch(void *batch_, cgap_error *error)
{
  batch *b = batch_;
  const cgap_embeddings *e = b->embeddings;
  const size_t *texts = e->pairs.text ? e->pairs.text + b->first_text : NULL;
  const size_t first = texts && b->texts ? texts[0] : b->first_text;
  bool straight = true;
  for (size_t k = 1; texts && straight && k < b->texts; k++)
    straight = texts[k] == first + k;
  clear_batch(b);
  cgap_status status = cgap_modality_rows_read_missing(&e->image, NULL, b->first_image, b->images, &b->image, error);
  if (!status && b->texts > 0)
    status = cgap_modality_rows_read_missing(&e->text, straight ? NULL : texts, first, b->texts, &b->text, error);
  return status;
}

/* A row of a modality as a double unit row; place: in the batch's rows. */
static void make_unit(const cgap_modality_rows *modality, size_t row, const unsigned char *loaded, size_t place,
                      double *out)
{
  const cgap_type type = modality->source->type;
  const unsigned char *held = cgap_modality_rows_raw(modality, row);
  const unsigned char *raw = held ? held : loaded + place * modality->dim * cgap_type_size(type);
  cgap_to_scaled(type, raw, modality->dim, cgap_row_scale(modality, row, raw), out);
}

static void make_image(const batch *b, size_t i, double *out)
{
  make_unit(&b->embeddings->image, b->first_image + i, b->image, i, out);
}

/* An image of the batch and its texts, while one thread measures them. */
typedef struct group {
  const batch *batch;
  size_t image, first, texts; /* first: a place in pairs.text */
  size_t unit_from;           /* texts [kept, kept + KEPT) are in `text` */
  double *x, *text, *spare;   /* (dim), (KEPT, dim), (dim) */
} group;

static void make_text(const group *g, size_t t, double *out)
{
  const size_t place = g->first + t;
  make_unit(&g->batch->embeddings->text, cgap_pairs_text(&g->batch->embeddings->pairs, place), g->batch->text,
            place - g->batch->first_text, out);
}

static void make_unit_texts(group *g, size_t from)
{
  g->unit_from = from;
  for (size_t t = from; t < g->texts && t < from + HELD_TEXTS; t++)
    make_text(g, t, g->text + (t - from) * g->batch->embeddings->text.dim);
}

/* Text t as a double unit row: kept, or for now in the spare one. */
static const double *text_of(const group *g, size_t t)
{
  if (t >= g->unit_from && t < g->unit_from + HELD_TEXTS)
    return g->text + (t - g->unit_from) * g->batch->embeddings->text.dim;
  make_text(g, t, g->spare);
  return g->spare;
}

static group group_of(const batch *b, size_t i, double *row)
{
  const cgap_pairs *pairs = &b->embeddings->pairs;
  const size_t dim = b->embeddings->image.dim, image = b->first_image + i, first = cgap_pairs_first(pairs, image);
  group g = {.batch = b,
             .image = image,
             .first = first,
             .texts = cgap_pairs_first(pairs, image + 1) - first,
             .x = row,
             .text = row + dim,
             .spare = row + (1 + HELD_TEXTS) * dim};
  make_image(b, i, g.x);
  make_unit_texts(&g, 0);
  return g;
}

/* In one index of both, a text of the same image ranks before the image where it is nearer, and ties where it is as
 * near. */
static double rank_added_by(double sibling_cosine, double pair_cosine)
{
  const double difference = sibling_cosine - pair_cosine;
  return fabs(difference) <= CGAP_COSINE_TIE ? 0.5 : difference > 0;
}

/* Σ over pairs of an image's own texts of e^(-t‖y − y'‖²), of the cosine and of its square; and what they add to each
 * other's ranks. */
static void measure_within(cgap_matched_pair_sums *out, group *g, size_t dim)
{
  const size_t *text = g->batch->embeddings->pairs.text + g->first;
  double kernel = 0, kernel_square = 0, linear = 0, square = 0, *sibling_rank = out->sibling_rank;
  for (size_t first = 0; first + 1 < g->texts; first += HELD_TEXTS) {
    if (first != g->unit_from)
      make_unit_texts(g, first);
    for (size_t b = first + 1; b < g->texts; b++) {
      const double *y = text_of(g, b);
      for (size_t a = first; a < b && a < first + HELD_TEXTS; a++) {
        const double cosine = cgap_dot(text_of(g, a), y, dim);
        if (sibling_rank) {
          sibling_rank[text[a]] += rank_added_by(cosine, out->pair_cosine[text[a]]);
          sibling_rank[text[b]] += rank_added_by(cosine, out->pair_cosine[text[b]]);
        }
        const double k = exp(2 * CGAP_KERNEL_T * (cosine - 1));
        kernel += k;
        kernel_square += k * k;
        linear += cosine;
        square += cosine * cosine;
      }
    }
  }
  const size_t image = g->image - out->first_image;
  out->within_kernel[image] = kernel;
  if (out->within_kernel_square)
    out->within_kernel_square[image] = kernel_square;
  out->within_cosine[image] = linear;
  out->within_square[image] = square;
}

/* sum becomes N·g_i. */
static void measure_group(cgap_matched_pair_sums *out, group *g, double *sum)
{
  const cgap_embeddings *e = g->batch->embeddings;
  const size_t dim = e->image.dim;
  const double *mean = e->text.mean, images_per_text = (double)e->image.rows / (double)e->text.rows;
  double best = -2;
  for (size_t k = 0; k < dim; k++)
    sum[k] = g->x[k] - e->image.mean[k];
  for (size_t t = 0; t < g->texts; t++) {
    const double *y = text_of(g, t), cosine = cgap_dot(g->x, y, dim);
    const size_t place = g->first + t;
    out->pair_cosine[out->spread ? place - out->first_place : e->pairs.text[place]] = cosine;
    best = cosine > best ? cosine : best;
    for (size_t k = 0; k < dim; k++)
      sum[k] -= (y[k] - mean[k]) * images_per_text;
  }
  out->best_positive[g->image - out->first_image] = g->texts ? best : 2;
  if (out->within_kernel)
    measure_within(out, g, dim);
}

/* Images [first, end) of the batch: N·g_i, and all that is found on the way. */
static void measure_run(cgap_matched_pair_sums *out, image_sums *sums, const batch *b, size_t first, size_t end)
{
  const size_t dim = b->embeddings->image.dim;
  double *row = sums->row + (size_t)omp_get_thread_num() * ROWS * dim;
  cgap_moment_run run = cgap_moment_run_begin(&sums->group);
  for (size_t i = first; i < end; i++) {
    group g = group_of(b, i, row);
    measure_group(out, &g, cgap_moment_run_rows(&run));
    cgap_moment_run_add(&run, 1);
  }
  cgap_moment_run_end(&run);
}

/* Σ over pairs of x_o(j), by way of the images' surplus over one text each, which most files do not have. Of images
 * [first, end) of the batch. */
static void add_weighted_images(image_sums *sums, const batch *b, size_t first, size_t end)
{
  const cgap_embeddings *e = b->embeddings;
  const size_t dim = e->image.dim;
  double *x = sums->row, *own = sums->row + dim;
  bool any = false;
  memset(own, 0, dim * sizeof *own);
  for (size_t i = first; i < end; i++) {
    const double surplus = (double)texts_of(&e->pairs, b->first_image + i, 1) - 1;
    if (surplus == 0)
      continue;
    any = true;
    make_image(b, i, x);
    for (size_t k = 0; k < dim; k++)
      own[k] += surplus * x[k];
  }
  if (any)
    cgap_exact_sums_add(&sums->weighed, 0, own, dim);
}

static void measure_batch(cgap_matched_pair_sums *out, image_sums *sums, const batch *b, int threads)
{
  const size_t step = cgap_second_moment_run_rows(b->embeddings->image.dim);
  size_t start[HELD_RUNS_MAX * (CGAP_TILE / CGAP_MOMENT_RUN_ROWS_MIN) + 1] = {0}, pieces = 0;
  for (size_t r = 0; r < b->runs; r++)
    for (; start[pieces] < b->start[r + 1]; pieces++)
      start[pieces + 1] = start[pieces] + step < b->start[r + 1] ? start[pieces] + step : b->start[r + 1];
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (size_t k = 0; k < pieces; k++)
    measure_run(out, sums, b, start[k], start[k + 1]);
  for (size_t r = 0; r < b->runs; r++)
    add_weighted_images(sums, b, b->start[r], b->start[r + 1]);
}

/* Bounds: of Σ ‖N·g_i‖² over the images of a run, ‖N·g_i‖ ≤ 2 + 2 |T_i| N/M, and of Σ surplus. */
static cgap_status sums_init(image_sums *sums, const cgap_embeddings *e, int threads, cgap_error *error)
{
  const double images_per_text = (double)e->image.rows / (double)e->text.rows;
  double squares = 0, bound = 1;
  const size_t different = e->pairs.first ? e->image.rows : cgap_lesser(e->image.rows, CGAP_TILE);
  for (size_t i = 0; i < different; i++) {
    const double norm = 2 + 2 * images_per_text * (double)texts_of(&e->pairs, i, 1);
    squares = i % CGAP_TILE == 0 ? norm * norm : squares + norm * norm;
    bound = fmax(bound, squares);
  }
  cgap_status status = cgap_second_moment_init(&sums->group, e->image.dim, bound, threads, error);
  sums->row = cgap_alloc((size_t)threads * ROWS * e->image.dim, sizeof *sums->row);
  if (!status &&
      (!sums->row || !cgap_exact_sums_init(&sums->weighed, e->image.dim, (double)e->image.rows + (double)e->text.rows)))
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for a mean of %zu dimensions", e->image.dim);
  return status;
}

static cgap_status sums_finish(image_sums *sums, cgap_matched_pair_sums *out, const cgap_embeddings *e, cgap_comm *comm,
                               cgap_error *error)
{
  const size_t dim = e->image.dim;
  const double images = (double)e->image.rows;
  cgap_status status =
    cgap_second_moment_finish(&sums->group, comm, 1 / (images * images), out->group_moment, NULL, error);
  if (!status)
    status = cgap_exact_sums_reduce(&sums->weighed, comm, error);
  if (status)
    return status;
  cgap_exact_sums_values(&sums->weighed, 0, dim, out->paired_image_mean);
  for (size_t k = 0; k < dim; k++)
    out->paired_image_mean[k] = (out->paired_image_mean[k] + images * e->image.mean[k]) / (double)e->text.rows;
  return CGAP_OK;
}

/* The cosine of a pair on its way to the rank that has its text. */
typedef struct text_cosine {
  size_t text;
  double cosine;
} text_cosine;

typedef struct text_cosines {
  const cgap_matched_pair_sums *sums;
  const cgap_embeddings *e;
  size_t *end;     /* (ranks) after the texts of each rank */
  double *by_text; /* (own texts) */
} text_cosines;

static int make_text_cosine(void *context, size_t k, void *item)
{
  const text_cosines *c = context;
  const text_cosine pair = {cgap_pairs_text(&c->e->pairs, c->sums->first_place + k), c->sums->pair_cosine[k]};
  int r = 0;
  while (pair.text >= c->end[r])
    r++;
  memcpy(item, &pair, sizeof pair);
  return r;
}

static void take_text_cosines(void *context, const void *items, size_t count, void *answers)
{
  const text_cosines *c = context;
  const text_cosine *pair = items;
  (void)answers;
  for (size_t k = 0; k < count; k++)
    c->by_text[pair[k].text - c->sums->first_text] = pair[k].cosine;
}

/* Pairs were measured by the ranks that have their images: their cosines go to those that have the texts. */
static cgap_status sort_by_text(cgap_matched_pair_sums *out, const cgap_embeddings *e, cgap_comm *comm,
                                cgap_error *error)
{
  const int size = cgap_comm_size(comm);
  const cgap_rank_rows own = cgap_rank_rows_own(comm, e->image.rows), texts = cgap_rank_rows_own(comm, e->text.rows);
  text_cosines c = {.sums = out,
                    .e = e,
                    .end = cgap_alloc((size_t)size, sizeof *c.end),
                    .by_text = cgap_alloc(texts.end - texts.first, sizeof *c.by_text)};
  cgap_status status =
    c.end && c.by_text ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu pairs", e->text.rows);
  for (int r = 0; !status && r < size; r++)
    c.end[r] = cgap_rank_rows_of(e->text.rows, r, size).end;
  const cgap_comm_items items = {.count = texts_of(&e->pairs, own.first, own.end - own.first),
                                 .item_bytes = sizeof(text_cosine),
                                 .context = &c,
                                 .make = make_text_cosine,
                                 .take = take_text_cosines};
  if (!status)
    status = cgap_comm_hand_over(comm, &items, error);
  cgap_free(c.end);
  cgap_free(out->pair_cosine);
  out->pair_cosine = c.by_text;
  return status;
}

/* What each rank found of its own images, to all. Pairs come image by image: a text's place is not its row. */
static cgap_status gather_matched_pairs(cgap_matched_pair_sums *out, const cgap_embeddings *e, cgap_comm *comm,
                                        cgap_error *error)
{
  const size_t texts = e->text.rows, images = e->image.rows;
  double *const by_text[] = {out->pair_cosine, out->sibling_rank};
  double *const by_image[] = {out->best_positive, out->within_kernel, out->within_kernel_square, out->within_cosine,
                              out->within_square};
  if (!comm)
    return CGAP_OK;
  double *value = cgap_alloc(texts, sizeof *value);
  cgap_status status = CGAP_OK;
  if (!value)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu pairs", texts);
  for (size_t v = 0; !status && v < sizeof by_text / sizeof *by_text; v++) {
    for (size_t k = 0; k < texts; k++)
      value[k] = by_text[v][e->pairs.text[k]];
    status = cgap_rank_rows_gather_by(comm, value, images, e->pairs.first, sizeof *value, error);
    for (size_t k = 0; !status && k < texts; k++)
      by_text[v][e->pairs.text[k]] = value[k];
  }
  for (size_t k = 0; !status && k < sizeof by_image / sizeof *by_image; k++)
    status = cgap_rank_rows_gather(comm, by_image[k], images, sizeof(double), error);
  cgap_free(value);
  return status;
}

static bool spread_pairs_alloc(cgap_matched_pair_sums *out, const cgap_embeddings *e, cgap_comm *comm)
{
  const cgap_rank_rows own = cgap_rank_rows_own(comm, e->image.rows);
  const size_t images = own.end - own.first;
  out->spread = true;
  out->first_image = own.first;
  out->first_text = cgap_rank_rows_own(comm, e->text.rows).first;
  out->first_place = cgap_pairs_first(&e->pairs, own.first);
  out->pair_cosine = cgap_alloc(texts_of(&e->pairs, own.first, images), sizeof(double));
  out->best_positive = cgap_alloc(images, sizeof(double));
  if (!e->pairs.first)
    return out->pair_cosine && out->best_positive;
  out->within_kernel = cgap_alloc(images, sizeof(double));
  out->within_cosine = cgap_alloc(images, sizeof(double));
  out->within_square = cgap_alloc(images, sizeof(double));
  return out->pair_cosine && out->best_positive && out->within_kernel && out->within_cosine && out->within_square;
}

static bool matched_pairs_alloc(cgap_matched_pair_sums *out, const cgap_embeddings *e, cgap_comm *comm)
{
  *out = (cgap_matched_pair_sums){0};
  out->paired_image_mean = cgap_zalloc(e->image.dim, sizeof(double));
  out->group_moment = cgap_zalloc(e->image.dim * e->image.dim, sizeof(double));
  if (!out->paired_image_mean || !out->group_moment)
    return false;
  if (e->image.spread)
    return spread_pairs_alloc(out, e, comm);
  out->pair_cosine = cgap_alloc(e->text.rows, sizeof(double));
  out->best_positive = cgap_alloc(e->image.rows, sizeof(double));
  out->within_kernel = cgap_alloc(e->image.rows, sizeof(double));
  out->within_kernel_square = cgap_alloc(e->image.rows, sizeof(double));
  out->within_cosine = cgap_alloc(e->image.rows, sizeof(double));
  out->within_square = cgap_alloc(e->image.rows, sizeof(double));
  out->sibling_rank = cgap_zalloc(e->text.rows, sizeof(double));
  return out->pair_cosine && out->best_positive && out->within_kernel && out->within_cosine && out->within_square &&
         out->sibling_rank && out->within_kernel_square;
}

static cgap_status tick_images(const cgap_rank_rows *own, size_t done, cgap_comm *comm, const cgap_progress *progress,
                               cgap_error *error)
{
  const double fraction = (double)(done - own->first) / (double)(own->end - own->first);
  if (progress->tick && progress->tick(progress->context, "matched pairs", fraction))
    return cgap_fail(error, CGAP_INTERRUPTED, "interrupted while measuring matched pairs; nothing was written");
  return cgap_comm_poll(comm, NULL, error);
}

/* While one batch is measured the next is read, unless all rows are in memory. */
typedef struct batch_reader {
  const cgap_pairs *pairs;
  size_t next, end, rows, runs, texts;
  batch batch[2];
} batch_reader;

static bool set_target(void *reader, void *batch_)
{
  batch_reader *r = reader;
  batch *b = batch_;
  if (r->next >= r->end)
    return false;
  next_batch(b, r->pairs, r->next, r->end, r->rows, r->runs, r->texts);
  r->next += b->images;
  return true;
}

static cgap_status run_images(cgap_matched_pair_sums *out, image_sums *sums, const cgap_embeddings *e, cgap_comm *comm,
                              int threads, cgap_progress progress, cgap_error *error)
{
  const size_t rows = cgap_row_pass_chunk_rows(e->image.dim);
  const cgap_rank_rows own = cgap_rank_rows_own(comm, e->image.rows);
  const bool held = e->image.raw && e->text.raw, whole = held && !comm;
  batch_reader r = {.pairs = &e->pairs,
                    .next = own.first,
                    .end = own.end,
                    .rows = rows,
                    .runs = whole ? HELD_RUNS_MAX : cgap_matched_pairs_held_runs(threads),
                    .texts = whole ? SIZE_MAX : rows,
                    .batch = {{.embeddings = e}, {.embeddings = e}}};
  cgap_read_ahead ahead = {.set_target = set_target,
                           .read = read_batch,
                           .context = &r,
                           .blocks = r.batch,
                           .count = 2,
                           .size = sizeof *r.batch};
  void *current;
  cgap_read_ahead_open(&ahead, held ? 1 : threads);
  cgap_status status = cgap_read_ahead_next(&ahead, &current, error);
  while (!status && current) {
    const batch *b = current;
    measure_batch(out, sums, b, threads);
    status = tick_images(&own, b->first_image + b->images, comm, &progress, error);
    if (!status)
      status = cgap_read_ahead_next(&ahead, &current, error);
  }
  cgap_read_ahead_close(&ahead);
  clear_batch(&r.batch[0]);
  clear_batch(&r.batch[1]);
  return status;
}

cgap_status cgap_matched_pairs_run(cgap_matched_pair_sums *out, const cgap_embeddings *e, bool offsets, cgap_comm *comm,
                                   int threads, cgap_progress progress, cgap_error *error)
{
  const int blas_threads = cgap_blas_single();
  image_sums sums = {0};
  cgap_status status = CGAP_OK;
  if (!matched_pairs_alloc(out, e, comm))
    status =
      cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu pairs of %zu dimensions", e->text.rows, e->image.dim);
  if (!status)
    status = sums_init(&sums, e, threads, error);
  if (!status)
    status = run_images(out, &sums, e, comm, threads, progress, error);
  if (!status && !out->spread)
    status = gather_matched_pairs(out, e, comm, error);
  else if (!status && e->pairs.first)
    status = sort_by_text(out, e, comm, error);
  if (!status && offsets)
    status = cgap_row_offset_check_run(&out->offsets, e, comm, threads, error);
  if (!status)
    status = sums_finish(&sums, out, e, comm, error);
  if (status)
    cgap_matched_pairs_clear(out);
  cgap_second_moment_clear(&sums.group);
  cgap_exact_sums_clear(&sums.weighed);
  cgap_free(sums.row);
  cgap_blas_restore(blas_threads);
  return status;
}

cgap_status cgap_matched_pairs_collect(double **pair_cosine, const cgap_matched_pair_sums *sums,
                                       const cgap_embeddings *e, cgap_comm *comm, cgap_error *error)
{
  const int size = cgap_comm_size(comm);
  const bool first = cgap_comm_rank(comm) == 0;
  size_t *place = cgap_alloc((size_t)size + 1, sizeof *place);
  *pair_cosine = first ? cgap_alloc(e->text.rows, sizeof **pair_cosine) : NULL;
  cgap_status status = CGAP_OK;
  if (!place || (first && !*pair_cosine))
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for the cosines of %zu pairs", e->text.rows);
  for (int r = 0; !status && r <= size; r++)
    place[r] = r < size ? cgap_rank_rows_of(e->text.rows, r, size).first : e->text.rows;
  if (!status)
    status = cgap_comm_collect(comm, sums->pair_cosine, place, sizeof **pair_cosine, *pair_cosine, error);
  cgap_free(place);
  return status;
}

cgap_status cgap_matched_pairs_within(double out[3], const cgap_matched_pair_sums *sums, const cgap_embeddings *e,
                                      cgap_comm *comm, cgap_error *error)
{
  const double *const values[] = {sums->within_kernel, sums->within_cosine, sums->within_square};
  const cgap_rank_rows own = cgap_rank_rows_own(sums->spread ? comm : NULL, e->image.rows);
  double *total = cgap_zalloc(3, sizeof *total);
  cgap_status status = total ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for three sums");
  if (!status && sums->spread)
    status = cgap_comm_from_previous(comm, total, 3 * sizeof *total, error);
  for (int v = 0; !status && sums->within_kernel && v < 3; v++)
    for (size_t i = 0; i < own.end - own.first; i++)
      total[v] += values[v][i];
  if (!status && sums->spread)
    status = cgap_comm_to_next(comm, total, 3 * sizeof *total, error);
  if (!status)
    memcpy(out, total, 3 * sizeof *total);
  cgap_comm_free(comm, total);
  return status;
}

void cgap_matched_pairs_clear(cgap_matched_pair_sums *sums)
{
  cgap_free(sums->pair_cosine);
  cgap_free(sums->best_positive);
  cgap_free(sums->within_kernel);
  cgap_free(sums->within_cosine);
  cgap_free(sums->within_square);
  cgap_free(sums->sibling_rank);
  cgap_free(sums->within_kernel_square);
  cgap_free(sums->paired_image_mean);
  cgap_free(sums->group_moment);
  *sums = (cgap_matched_pair_sums){0};
}

/* ---------------------------------------------------------------- cross moment */

/* Sums that follow the moment: Σ a, Σ b, Σ ab, Σ a², Σ b² with a = ‖x‖², b = ‖y‖². */
enum { SUM_A, SUM_B, SUM_AB, SUM_AA, SUM_BB, NORM_SUMS };

enum { SLICE_ROWS = 256 }; /* of one product: these stay in the second-level cache */

/* Runs of rows, one a thread, which are read together. */
typedef struct runs {
  const cgap_embeddings *embeddings;
  size_t first, rows, run_rows;
  size_t *text;                              /* (threads·run_rows): the texts of the images */
  unsigned char *loaded_image, *loaded_text; /* the rows as the file has them, where they are not in memory */
  double *x, *y;                             /* (threads, SLICE_ROWS, dim of images), (…, dim of texts) */
  double *moment;                            /* (threads, size) */
  size_t size;                               /* dim of images · dim of texts + NORM_SUMS */
  cgap_exact_sums total;
} runs;

bool cgap_cross_moment_wanted(const cgap_embeddings *e)
{
  bool one = e->paired && e->image.rows >= 4 && e->image.rows == e->text.rows;
  for (size_t i = 0; one && e->pairs.first && i < e->image.rows; i++)
    one = e->pairs.first[i + 1] - e->pairs.first[i] == 1;
  return one;
}

/* Subtracts the mean; returns ‖x‖². */
static double centre(double *x, const double *mean, size_t dim)
{
  for (size_t k = 0; k < dim; k++)
    x[k] -= mean[k];
  return cgap_dot(x, x, dim);
}

/* The moment and the sums of one run, in the order of its rows. */
static void sum_run(runs *r, size_t run)
{
  const cgap_embeddings *e = r->embeddings;
  const size_t wide = e->image.dim, dim = e->text.dim, first = run * r->run_rows,
               end = cgap_lesser(first + r->run_rows, r->rows);
  double *moment = r->moment + run * r->size, *sums = moment + wide * dim;
  double *x = r->x + run * SLICE_ROWS * wide, *y = r->y + run * SLICE_ROWS * dim;
  for (int s = 0; s < NORM_SUMS; s++)
    sums[s] = 0;
  for (size_t slice = first; slice < end; slice += SLICE_ROWS) {
    const size_t rows = cgap_lesser(SLICE_ROWS, end - slice);
    for (size_t i = 0; i < rows; i++) {
      make_unit(&e->image, r->first + slice + i, r->loaded_image, slice + i, x + i * wide);
      make_unit(&e->text, r->text[slice + i], r->loaded_text, slice + i, y + i * dim);
      const double a = centre(x + i * wide, e->image.mean, wide), b = centre(y + i * dim, e->text.mean, dim);
      sums[SUM_A] += a;
      sums[SUM_B] += b;
      sums[SUM_AB] += a * b;
      sums[SUM_AA] += a * a;
      sums[SUM_BB] += b * b;
    }
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)wide, (int)dim, (int)rows, 1.0, x, (int)wide, y, (int)dim,
                slice == first ? 0.0 : 1.0, moment, (int)dim);
  }
#pragma omp critical(cgap_cross_moment)
  cgap_exact_sums_add(&r->total, 0, moment, r->size);
}

static cgap_status add_runs(runs *r, int threads, cgap_error *error)
{
  const cgap_embeddings *e = r->embeddings;
  for (size_t i = 0; i < r->rows; i++)
    r->text[i] = cgap_pairs_text(&e->pairs, cgap_pairs_first(&e->pairs, r->first + i));
  cgap_status status = cgap_modality_rows_read_missing(&e->image, NULL, r->first, r->rows, &r->loaded_image, error);
  if (!status)
    status = cgap_modality_rows_read_missing(&e->text, r->text, 0, r->rows, &r->loaded_text, error);
#pragma omp parallel for schedule(static) num_threads(threads) if (!status)
  for (size_t run = 0; run < (status ? 0 : (r->rows + r->run_rows - 1) / r->run_rows); run++)
    sum_run(r, run);
  cgap_free(r->loaded_image);
  cgap_free(r->loaded_text);
  r->loaded_image = r->loaded_text = NULL;
  return status;
}

static cgap_status runs_init(runs *r, int threads, cgap_error *error)
{
  const size_t wide = r->embeddings->image.dim, dim = r->embeddings->text.dim, rows = (size_t)threads * SLICE_ROWS;
  r->size = wide * dim + NORM_SUMS;
  r->text = cgap_alloc((size_t)threads * r->run_rows, sizeof *r->text);
  r->x = cgap_alloc(rows * wide, sizeof *r->x);
  r->y = cgap_alloc(rows * dim, sizeof *r->y);
  r->moment = cgap_alloc((size_t)threads * r->size, sizeof *r->moment);
  /* rows are unit rows less their mean, so their norms are at most 2 */
  if (r->text && r->x && r->y && r->moment && cgap_exact_sums_init(&r->total, r->size, 16 * (double)r->run_rows))
    return CGAP_OK;
  return cgap_fail(error, CGAP_RESOURCE, "out of memory for the moment of %zu and %zu dimensions", wide, dim);
}

static void runs_clear(runs *r)
{
  cgap_free(r->text);
  cgap_free(r->x);
  cgap_free(r->y);
  cgap_free(r->moment);
  cgap_exact_sums_clear(&r->total);
}

static void finish(cgap_agreement_sums *out, const runs *r, double *moment)
{
  const double *sums = moment + r->size - NORM_SUMS;
  cgap_exact_sums_values(&r->total, 0, r->size, moment);
  *out = (cgap_agreement_sums){.image = sums[SUM_A],
                               .text = sums[SUM_B],
                               .product = sums[SUM_AB],
                               .image_fourth = sums[SUM_AA],
                               .text_fourth = sums[SUM_BB]};
  for (size_t k = 0; k < r->size - NORM_SUMS; k++)
    out->cross_square += moment[k] * moment[k];
}

cgap_status cgap_cross_moment_run(cgap_agreement_sums *out, const cgap_embeddings *e, cgap_comm *comm, int threads,
                                  cgap_error *error)
{
  const cgap_rank_rows own = cgap_rank_rows_own(comm, e->image.rows);
  const int blas_threads = cgap_blas_single();
  runs r = {.embeddings = e, .run_rows = cgap_second_moment_run_rows(cgap_greater(e->image.dim, e->text.dim))};
  cgap_status status = runs_init(&r, threads, error);
  for (r.first = own.first; !status && r.first < own.end; r.first += r.rows) {
    const size_t most = (size_t)threads * r.run_rows;
    r.rows = own.end - r.first < most ? own.end - r.first : most;
    status = add_runs(&r, threads, error);
  }
  if (!status)
    status = cgap_exact_sums_reduce(&r.total, comm, error);
  if (!status)
    finish(out, &r, r.moment);
  runs_clear(&r);
  cgap_blas_restore(blas_threads);
  return status;
}
