#include "engine/couples.h"

#include "engine/blas.h"
#include "engine/moment.h"
#include "engine/panel.h"
#include "engine/share.h"
#include "engine/side.h"
#include "memory.h"

#include <math.h>
#include <string.h>

enum { SHIFT_RUNS = 16, SHIFT_RUN_ROWS = 1024, SHIFTS = 2 * CGAP_SHIFTS + 1, WINDOW_ROWS = SHIFT_RUN_ROWS + SHIFTS };

/* A run of images with all their texts, as double unit rows. */
typedef struct group_run {
  size_t first_image, images, first_text, texts; /* texts count places in pairs.text */
  double *image, *text, *group;                  /* (images, dim), (texts, dim), (images, dim) */
  size_t image_room, text_room;                  /* rows that these hold */
} group_run;

/* What is summed over images, by runs. */
typedef struct image_sums {
  cgap_moment group; /* of N·g_i */
  cgap_wide weighed; /* (dim) Σ surplus·x */
} image_sums;

/* As many whole images as have at most `rows` rows together with their texts; at least one. A run ends where a tile
 * does, so that every rank has whole runs. */
static void next_run(group_run *run, const cgap_pairs *pairs, size_t first_image, size_t rows)
{
  run->first_image = first_image;
  run->first_text = pairs->first[first_image];
  run->images = 0;
  do {
    run->images++;
    run->texts = pairs->first[first_image + run->images] - run->first_text;
  } while (first_image + run->images < pairs->images && run->images < rows &&
           (first_image + run->images) % CGAP_TILE != 0 &&
           pairs->first[first_image + run->images + 1] - run->first_text <= rows);
}

/* Runs are about as long as one another: the first run's room does for nearly all. */
static bool reserve_run(group_run *run, size_t dim)
{
  if (run->image_room < run->images) {
    cgap_free(run->image);
    cgap_free(run->group);
    run->image = cgap_alloc(run->images * dim, sizeof(double));
    run->group = cgap_alloc(run->images * dim, sizeof(double));
    run->image_room = run->images;
  }
  if (run->text_room < run->texts || !run->text) {
    cgap_free(run->text);
    run->text = cgap_alloc(run->texts * dim, sizeof(double));
    run->text_room = run->texts;
  }
  return run->image && run->text && run->group;
}

static cgap_status read_run(group_run *run, const cgap_embeddings *e, int threads, cgap_error *error)
{
  const size_t *texts = e->pairs.text + run->first_text;
  bool straight = true;
  for (size_t k = 1; straight && k < run->texts; k++)
    straight = texts[k] == texts[0] + k;
  if (!reserve_run(run, e->image.dim))
    return cgap_fail(error, CGAP_RESOURCE, "no memory for %zu images with %zu texts", run->images, run->texts);
  cgap_status status = cgap_side_fetch(&e->image, NULL, run->first_image, run->images, threads, run->image, error);
  if (!status && run->texts > 0)
    status = cgap_side_fetch(&e->text, straight ? NULL : texts, texts[0], run->texts, threads, run->text, error);
  return status;
}

static void clear_run(group_run *run)
{
  cgap_free(run->image);
  cgap_free(run->text);
  cgap_free(run->group);
  *run = (group_run){0};
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

static void measure_image(cgap_couple_sums *out, const cgap_embeddings *e, const group_run *run, size_t i)
{
  const size_t dim = e->image.dim, image = run->first_image + i;
  const size_t first = e->pairs.first[image], texts = e->pairs.first[image + 1] - first;
  const double *x = run->image + i * dim, *y = run->text + (first - run->first_text) * dim;
  double *g = run->group + i * dim, best = -2;
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

/* Σ over couples of x_o(j), by way of the images' surplus over one text each, which most files do not have. */
static void weigh_images(image_sums *sums, const cgap_embeddings *e, const group_run *run)
{
  const size_t dim = e->image.dim;
  double *own = run->group; /* read already */
  bool any = false;
  memset(own, 0, dim * sizeof *own);
  for (size_t i = 0; i < run->images; i++) {
    const size_t image = run->first_image + i;
    const double surplus = (double)(e->pairs.first[image + 1] - e->pairs.first[image]) - 1;
    any |= surplus != 0;
    for (size_t k = 0; surplus != 0 && k < dim; k++)
      own[k] += surplus * run->image[i * dim + k];
  }
  if (any)
    cgap_wide_add(&sums->weighed, 0, own, dim);
}

static cgap_status measure_run(cgap_couple_sums *out, image_sums *sums, const cgap_embeddings *e, const group_run *run,
                               int threads, cgap_error *error)
{
  const size_t step = cgap_moment_run(e->image.dim);
  size_t start[CGAP_TILE / 256 + 2], runs = 0;
#pragma omp parallel for schedule(static) num_threads(threads)
  for (size_t i = 0; i < run->images; i++)
    measure_image(out, e, run, i);
  for (start[0] = 0; start[runs] < run->images; runs++)
    start[runs + 1] = start[runs] + step < run->images ? start[runs] + step : run->images;
  cgap_status status = cgap_moment_add(&sums->group, run->group, start, runs, threads, error);
  weigh_images(sums, e, run);
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

/* A run of texts beside their images and those some rows off: the images at one shift, or all from the first to the
 * last at any shift where these are few. */
typedef struct shift_run {
  size_t first, rows;         /* texts */
  size_t first_image, images; /* the least and the greatest that is asked for; at most WINDOW_ROWS, or 0 */
  double *text, *image;       /* (SHIFT_RUN_ROWS, dim), (WINDOW_ROWS, dim) */
  size_t *wanted;             /* (SHIFT_RUN_ROWS) */
} shift_run;

static void set_window(shift_run *run, const cgap_embeddings *e)
{
  const size_t *image_of = e->pairs.image_of + run->first;
  size_t least = image_of[0], greatest = image_of[0];
  for (size_t j = 1; j < run->rows; j++) {
    least = image_of[j] < least ? image_of[j] : least;
    greatest = image_of[j] > greatest ? image_of[j] : greatest;
  }
  least = least > CGAP_SHIFTS ? least - CGAP_SHIFTS : 0;
  greatest = greatest + CGAP_SHIFTS < e->image.rows ? greatest + CGAP_SHIFTS : e->image.rows - 1;
  run->first_image = least;
  run->images = greatest - least < WINDOW_ROWS ? greatest - least + 1 : 0;
}

/* Of shift s: the sum of the cosines, and behind the sums of all shifts how many. */
static void sum_shift(const shift_run *run, const cgap_embeddings *e, int s, double *sums)
{
  const size_t dim = e->image.dim, off = (size_t)(s - CGAP_SHIFTS);
  for (size_t j = 0; j < run->rows; j++) {
    const size_t shifted = e->pairs.image_of[run->first + j] + off; /* wraps far past the end when below 0 */
    if (shifted >= e->image.rows)
      continue;
    const size_t row = run->images ? shifted - run->first_image : j;
    sums[s] += cgap_dot(run->image + row * dim, run->text + j * dim, dim);
    sums[SHIFTS + s]++;
  }
}

static cgap_status measure_shift_run(shift_run *run, const cgap_embeddings *e, int threads, double *sums,
                                     cgap_error *error)
{
  const size_t images = e->image.rows;
  set_window(run, e);
  cgap_status status = cgap_side_fetch(&e->text, NULL, run->first, run->rows, threads, run->text, error);
  if (!status && run->images)
    status = cgap_side_fetch(&e->image, NULL, run->first_image, run->images, threads, run->image, error);
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) if (!status && run->images)
  for (int s = 0; s < (!status && run->images ? SHIFTS : 0); s++)
    sum_shift(run, e, s, sums);
  for (int s = 0; !status && !run->images && s < SHIFTS; s++) {
    for (size_t j = 0; j < run->rows; j++) /* rows past either end wrap here and are left out by the sum */
      run->wanted[j] = (e->pairs.image_of[run->first + j] + images + (size_t)(s - CGAP_SHIFTS)) % images;
    status = cgap_side_fetch(&e->image, run->wanted, 0, run->rows, threads, run->image, error);
    if (!status)
      sum_shift(run, e, s, sums);
  }
  return status;
}

static bool is_own(const cgap_side *side, size_t row)
{
  return row >= side->own_first && row < side->own_first + side->own_rows;
}

/* Mean cosine of (o(j) + shift, j): over all texts, or over SHIFT_RUNS runs of texts spread over a large file. Rows of
 * the file are meant: where some were dropped or merged, it is not asked. A run is the rank's that has its first text;
 * the runs' sums are added in order. */
static cgap_status measure_shifts(cgap_couple_sums *out, const cgap_embeddings *e, cgap_comm *ranks, int threads,
                                  cgap_error *error)
{
  double sums[SHIFT_RUNS][2 * SHIFTS] = {{0}};
  const size_t dim = e->image.dim, texts = e->text.rows;
  const bool all = texts <= (size_t)SHIFT_RUNS * SHIFT_RUN_ROWS;
  const size_t runs = all ? (texts + SHIFT_RUN_ROWS - 1) / SHIFT_RUN_ROWS : SHIFT_RUNS;
  const bool whole = e->dropped_images + e->dropped_texts + e->merged_images == 0;
  shift_run room = {.text = cgap_alloc(SHIFT_RUN_ROWS * dim, sizeof *room.text),
                    .image = cgap_alloc(WINDOW_ROWS * dim, sizeof *room.image),
                    .wanted = cgap_alloc(SHIFT_RUN_ROWS, sizeof *room.wanted)};
  cgap_status status = CGAP_OK;
  if (!room.text || !room.image || !room.wanted)
    status = cgap_fail(error, CGAP_RESOURCE, "no memory for %d rows of %zu", SHIFT_RUN_ROWS, dim);
  for (size_t r = 0; whole && !status && r < runs; r++) {
    room.first = all ? r * SHIFT_RUN_ROWS : r * (texts / SHIFT_RUNS);
    room.rows = texts - room.first < SHIFT_RUN_ROWS ? texts - room.first : SHIFT_RUN_ROWS;
    if (!ranks || is_own(&e->text, room.first))
      status = measure_shift_run(&room, e, threads, sums[r], error);
  }
  if (!status) /* every number is one rank's, the others' are 0 */
    status = cgap_comm_sum(ranks, sums, (size_t)SHIFT_RUNS * 2 * SHIFTS, CGAP_COMM_F64, error);
  for (int s = 0; s < SHIFTS; s++) {
    for (size_t r = 0; r < runs; r++) {
      out->shift_mean[s] += sums[r][s];
      out->shift_count[s] += sums[r][SHIFTS + s];
    }
    out->shift_mean[s] = out->shift_count[s] > 0 ? out->shift_mean[s] / out->shift_count[s] : NAN;
  }
  cgap_free(room.text);
  cgap_free(room.image);
  cgap_free(room.wanted);
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

static cgap_status run_images(cgap_couple_sums *out, image_sums *sums, const cgap_embeddings *e, cgap_comm *ranks,
                              int threads, cgap_progress progress, cgap_error *error)
{
  const size_t dim = e->image.dim;
  const cgap_share own = cgap_share_of(ranks, e->image.rows);
  group_run run = {0};
  cgap_status status = CGAP_OK;
  for (size_t i = own.first; !status && i < own.end;) {
    next_run(&run, &e->pairs, i, cgap_chunk_rows(dim));
    status = read_run(&run, e, threads, error);
    if (!status)
      status = measure_run(out, sums, e, &run, threads, error);
    i += run.images;
    if (!status && progress.tick &&
        progress.tick(progress.context, "matched couples", (double)(i - own.first) / (double)(own.end - own.first)))
      status = cgap_fail(error, CGAP_INTERRUPTED, "interrupted while measuring matched couples; nothing was written");
    if (!status)
      status = cgap_comm_poll(ranks, NULL, error);
  }
  clear_run(&run);
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
    status = measure_shifts(out, e, ranks, threads, error);
  if (!status)
    status = sums_finish(&sums, out, e, ranks, error);
  if (status)
    cgap_couples_clear(out);
  cgap_moment_clear(&sums.group);
  cgap_wide_clear(&sums.weighed);
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
