/* For the check of the pairing: are texts closer to their own images than to those some rows off? */
#include "comm/comm.h"
#include "engine/couples.h"
#include "engine/panel.h"
#include "memory.h"

#include <math.h>

enum {
  SHIFT_RUNS = 16,
  SHIFT_RUN_ROWS = 1024,
  SHIFTS = 2 * CGAP_SHIFTS + 1,
  WINDOW_ROWS = SHIFT_RUN_ROWS + SHIFTS,
  FOUR = 4
};

/* A run of texts beside their images and those some rows off: the images at one shift, or all from the first to the
 * last at any shift where these are few. */
typedef struct shift_run {
  size_t first, rows;         /* texts */
  size_t first_image, images; /* the least and the greatest that is asked for; at most WINDOW_ROWS, or 0 */
  double *text, *image;       /* (SHIFT_RUN_ROWS, dim), (WINDOW_ROWS, dim) */
  double *cosine;             /* (SHIFT_RUN_ROWS, SHIFTS) */
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

/* a·y for FOUR rows a at once, whose sums need not wait for one another; the bits are cgap_dot's. */
static void four_dots(const double *const a[FOUR], const double *y, size_t n, double out[FOUR])
{
  const double *a0 = a[0], *a1 = a[1], *a2 = a[2], *a3 = a[3];
  double t0 = 0, t1 = 0, t2 = 0, t3 = 0;
#pragma omp simd reduction(+ : t0, t1, t2, t3)
  for (size_t k = 0; k < n; k++) {
    t0 += a0[k] * y[k];
    t1 += a1[k] * y[k];
    t2 += a2[k] * y[k];
    t3 += a3[k] * y[k];
  }
  out[0] = t0, out[1] = t1, out[2] = t2, out[3] = t3;
}

/* The image row of text j of the run at shift s; past either end it is none. */
static size_t shifted_image(const shift_run *run, const cgap_embeddings *e, size_t j, int s)
{
  return e->pairs.image_of[run->first + j] + (size_t)(s - CGAP_SHIFTS); /* below 0 it wraps far past the end */
}

/* The cosines of text j at shifts [first, end). */
static void measure_text(const shift_run *run, const cgap_embeddings *e, size_t j, int first, int end)
{
  const size_t dim = e->image.dim;
  const double *y = run->text + j * dim;
  for (int s = first; s < end; s += FOUR) {
    const double *image[FOUR] = {y, y, y, y};
    double cosine[FOUR];
    for (int k = 0; k < FOUR && s + k < end; k++) {
      const size_t shifted = shifted_image(run, e, j, s + k);
      if (shifted < e->image.rows)
        image[k] = run->image + (run->images ? shifted - run->first_image : j) * dim;
    }
    four_dots(image, y, dim, cosine);
    for (int k = 0; k < FOUR && s + k < end; k++)
      run->cosine[j * SHIFTS + (size_t)(s + k)] = cosine[k];
  }
}

/* Of shifts [first, end): the sums of the cosines, in the order of the texts, and behind the sums of all how many. */
static void sum_shifts(const shift_run *run, const cgap_embeddings *e, int first, int end, int threads, double *sums)
{
#pragma omp parallel for schedule(static) num_threads(threads)
  for (size_t j = 0; j < run->rows; j++)
    measure_text(run, e, j, first, end);
  for (size_t j = 0; j < run->rows; j++)
    for (int s = first; s < end; s++)
      if (shifted_image(run, e, j, s) < e->image.rows) {
        sums[s] += run->cosine[j * SHIFTS + (size_t)s];
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
  if (!status && run->images)
    sum_shifts(run, e, 0, SHIFTS, threads, sums);
  for (int s = 0; !status && !run->images && s < SHIFTS; s++) {
    for (size_t j = 0; j < run->rows; j++) /* rows past either end wrap here and are left out by the sum */
      run->wanted[j] = (e->pairs.image_of[run->first + j] + images + (size_t)(s - CGAP_SHIFTS)) % images;
    status = cgap_side_fetch(&e->image, run->wanted, 0, run->rows, threads, run->image, error);
    if (!status)
      sum_shifts(run, e, s, s + 1, threads, sums);
  }
  return status;
}

static bool is_own(const cgap_side *side, size_t row)
{
  return row >= side->own_first && row < side->own_first + side->own_rows;
}

cgap_status cgap_shifts_measure(cgap_couple_sums *out, const cgap_embeddings *e, cgap_comm *ranks, int threads,
                                cgap_error *error)
{
  double sums[SHIFT_RUNS][2 * SHIFTS] = {{0}};
  const size_t dim = e->image.dim, texts = e->text.rows;
  const bool all = texts <= (size_t)SHIFT_RUNS * SHIFT_RUN_ROWS;
  const size_t runs = all ? (texts + SHIFT_RUN_ROWS - 1) / SHIFT_RUN_ROWS : SHIFT_RUNS;
  const bool whole = e->dropped_images + e->dropped_texts + e->merged_images == 0;
  shift_run room = {.text = cgap_alloc(SHIFT_RUN_ROWS * dim, sizeof *room.text),
                    .image = cgap_alloc(WINDOW_ROWS * dim, sizeof *room.image),
                    .cosine = cgap_alloc(SHIFT_RUN_ROWS * SHIFTS, sizeof *room.cosine),
                    .wanted = cgap_alloc(SHIFT_RUN_ROWS, sizeof *room.wanted)};
  cgap_status status = CGAP_OK;
  if (!room.text || !room.image || !room.cosine || !room.wanted)
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
  cgap_free(room.cosine);
  cgap_free(room.wanted);
  return status;
}
