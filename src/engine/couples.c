#include "engine/couples.h"

#include "engine/blas.h"
#include "engine/panel.h"
#include "engine/side.h"
#include "memory.h"

#include <math.h>

enum { SHIFT_RUNS = 16, SHIFT_RUN_ROWS = 1024 };

/* A run of images with all their texts, as double unit rows. */
typedef struct group_run {
  size_t first_image, images, first_text, texts; /* texts count places in pairs.text */
  double *image, *text, *group;                  /* (images, dim), (texts, dim), (images, dim) */
} group_run;

/* As many whole images as have at most `rows` rows together with their texts; at least one. */
static void next_run(group_run *run, const cgap_pairs *pairs, size_t first_image, size_t rows)
{
  run->first_image = first_image;
  run->first_text = pairs->first[first_image];
  run->images = 0;
  do {
    run->images++;
    run->texts = pairs->first[first_image + run->images] - run->first_text;
  } while (first_image + run->images < pairs->images && run->images < rows &&
           pairs->first[first_image + run->images + 1] - run->first_text <= rows);
}

static cgap_status read_run(group_run *run, const cgap_embeddings *e, int threads, cgap_error *error)
{
  const size_t dim = e->image.dim, *texts = e->pairs.text + run->first_text;
  bool straight = true;
  for (size_t k = 1; straight && k < run->texts; k++)
    straight = texts[k] == texts[0] + k;
  run->image = cgap_alloc(run->images * dim, sizeof(double));
  run->text = cgap_alloc(run->texts * dim, sizeof(double));
  run->group = cgap_alloc(run->images * dim, sizeof(double));
  if (!run->image || !run->text || !run->group)
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
  for (size_t k = 0; k < dim; k++)
    g[k] = (x[k] - e->image.mean[k]) / (double)e->image.rows;
  for (size_t t = 0; t < texts; t++) {
    double cosine = cgap_dot(x, y + t * dim, dim);
    out->pair_cosine[e->pairs.text[first + t]] = cosine;
    best = cosine > best ? cosine : best;
    for (size_t k = 0; k < dim; k++)
      g[k] -= (y[t * dim + k] - e->text.mean[k]) / (double)e->text.rows;
  }
  out->best_positive[image] = texts ? best : 2;
  measure_within(out, image, y, texts, dim);
}

/* Σ over couples of x_o(j), by way of the images' surplus over one text each, which most files do not have. */
static void weigh_images(cgap_couple_sums *out, const cgap_embeddings *e, const group_run *run)
{
  for (size_t i = 0; i < run->images; i++) {
    const size_t image = run->first_image + i;
    const double surplus = (double)(e->pairs.first[image + 1] - e->pairs.first[image]) - 1;
    for (size_t k = 0; surplus != 0 && k < e->image.dim; k++)
      out->paired_image_mean[k] += surplus * run->image[i * e->image.dim + k];
  }
}

static cgap_status measure_run(cgap_couple_sums *out, const cgap_embeddings *e, const group_run *run, int threads,
                               cgap_error *error)
{
  const size_t dim = e->image.dim;
#pragma omp parallel for schedule(static) num_threads(threads)
  for (size_t i = 0; i < run->images; i++)
    measure_image(out, e, run, i);
  weigh_images(out, e, run);
  return cgap_moment_add(out->group_moment, NULL, run->group, run->images, dim, threads, error);
}

/* Mean cosine of (o(j) + shift, j): over all texts, or over SHIFT_RUNS runs of texts spread over a large file. Rows of
 * the file are meant: where some were dropped or merged, it is not asked. */
static cgap_status measure_shifts(cgap_couple_sums *out, const cgap_embeddings *e, cgap_error *error)
{
  const size_t dim = e->image.dim, texts = e->text.rows, images = e->image.rows;
  const bool all = texts <= (size_t)SHIFT_RUNS * SHIFT_RUN_ROWS;
  const size_t runs = all ? (texts + SHIFT_RUN_ROWS - 1) / SHIFT_RUN_ROWS : SHIFT_RUNS;
  double *count = out->shift_count;
  double *text = cgap_alloc(SHIFT_RUN_ROWS * dim, sizeof *text),
         *image = cgap_alloc(SHIFT_RUN_ROWS * dim, sizeof *image);
  size_t *wanted = cgap_alloc(SHIFT_RUN_ROWS, sizeof *wanted);
  cgap_status status = CGAP_OK;
  if (!text || !image || !wanted)
    status = cgap_fail(error, CGAP_RESOURCE, "no memory for %d rows of %zu", SHIFT_RUN_ROWS, dim);
  const bool whole = e->dropped_images + e->dropped_texts + e->merged_images == 0;
  for (size_t r = 0; whole && !status && r < runs; r++) {
    const size_t first = all ? r * SHIFT_RUN_ROWS : r * (texts / SHIFT_RUNS);
    const size_t n = texts - first < SHIFT_RUN_ROWS ? texts - first : SHIFT_RUN_ROWS;
    status = cgap_side_fetch(&e->text, NULL, first, n, 1, text, error);
    for (int s = -CGAP_SHIFTS; !status && s <= CGAP_SHIFTS; s++) {
      for (size_t j = 0; j < n; j++) /* rows past either end wrap here and are left out below */
        wanted[j] = (e->pairs.image_of[first + j] + images + (size_t)s) % images;
      status = cgap_side_fetch(&e->image, wanted, 0, n, 1, image, error);
      for (size_t j = 0; !status && j < n; j++) {
        size_t shifted = e->pairs.image_of[first + j] + (size_t)s; /* wraps far past the end when below 0 */
        if (shifted >= images)
          continue;
        out->shift_mean[s + CGAP_SHIFTS] += cgap_dot(image + j * dim, text + j * dim, dim);
        count[s + CGAP_SHIFTS]++;
      }
    }
  }
  for (int s = 0; s <= 2 * CGAP_SHIFTS; s++)
    out->shift_mean[s] = count[s] > 0 ? out->shift_mean[s] / count[s] : NAN;
  cgap_free(text);
  cgap_free(image);
  cgap_free(wanted);
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

cgap_status cgap_couples_run(cgap_couple_sums *out, const cgap_embeddings *e, int threads, cgap_progress progress,
                             cgap_error *error)
{
  const size_t dim = e->image.dim;
  const int blas_threads = cgap_blas_single();
  cgap_status status = CGAP_OK;
  if (!couples_alloc(out, e))
    status = cgap_fail(error, CGAP_RESOURCE, "no memory for %zu couples of %zu dimensions", e->text.rows, dim);
  for (size_t i = 0; !status && i < e->image.rows;) {
    group_run run = {0};
    next_run(&run, &e->pairs, i, cgap_chunk_rows(dim));
    status = read_run(&run, e, threads, error);
    if (!status)
      status = measure_run(out, e, &run, threads, error);
    i += run.images;
    clear_run(&run);
    if (!status && progress.tick &&
        progress.tick(progress.context, "matched couples", (double)i / (double)e->image.rows))
      status = cgap_fail(error, CGAP_INTERRUPTED, "interrupted while measuring matched couples; nothing was written");
  }
  if (!status)
    status = measure_shifts(out, e, error);
  if (!status) {
    cgap_moment_mirror(out->group_moment, dim);
    for (size_t k = 0; k < dim; k++)
      out->paired_image_mean[k] =
        (out->paired_image_mean[k] + (double)e->image.rows * e->image.mean[k]) / (double)e->text.rows;
  } else {
    cgap_couples_clear(out);
  }
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
