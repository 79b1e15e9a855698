#include "head/resample_sums.h"

#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "gemm.h"
#include "head/vector.h"
#include "memory.h"

enum { ROWS = 64 };
static const float MASKED = -200; /* a cosine whose exponentials vanish */
static const float NO_PULL = 1e30f;

/* Rows grouped by image. */
typedef struct grouped {
  const float *z;
  const size_t *first; /* (images + 1) */
} grouped;

/* One kind of couples: every row of `from` with every row of `to`. */
typedef struct kind {
  grouped from, to;
  double *kernel; /* (draws) += Σ kernel, or NULL */
  double *clip;   /* (draws) += Σ losses of the queries, or NULL */
} kind;

typedef struct sweep {
  const cgap_judged *s;
  const cgap_drawing *d;
  const kind *kind;
  const cgap_vector *vector;
  const float *zero, *no_pull; /* (most targets) */
  const size_t *owner;         /* image of each row of `from` */
  double scale;
  size_t targets;
  double share_before, share_after; /* of all the work */
  bool *stopped;                    /* somebody has asked to stop */
} sweep;

/* What one thread works in. */
typedef struct bench {
  float *strip;   /* (ROWS, targets) */
  float *spare;   /* (ROWS, targets) */
  float *grouped; /* (ROWS, images) */
  float *product; /* (ROWS, draws) */
} bench;

static bool bench_init(bench *b, const sweep *w)
{
  b->strip = cgap_alloc(ROWS * w->targets, sizeof(float));
  b->spare = cgap_alloc(ROWS * w->targets, sizeof(float));
  b->grouped = cgap_alloc(ROWS * w->s->images, sizeof(float));
  b->product = cgap_alloc(ROWS * w->d->draws, sizeof(float));
  return b->strip && b->spare && b->grouped && b->product;
}

static void bench_clear(bench *b)
{
  cgap_free(b->strip);
  cgap_free(b->spare);
  cgap_free(b->grouped);
  cgap_free(b->product);
}

/* Cosines of `rows` queries with all targets; those of the query's own image are masked, and kept in own[q] where the
 * couple is a match (clip). */
static void fill_strip(const sweep *w, const bench *b, size_t row, size_t rows)
{
  const size_t dim = w->s->dim;
  const cgap_operand from = {w->kind->from.z + row * dim, dim, false}, to = {w->kind->to.z, dim, true};
  cgap_sgemm(rows, w->targets, dim, from, to, 0, b->strip, w->targets);
  for (size_t q = 0; q < rows; q++) {
    const size_t *range = &w->kind->to.first[w->owner[row + q]];
    for (size_t j = range[0]; j < range[1]; j++)
      b->strip[q * w->targets + j] = MASKED;
  }
}

/* product (rows, draws) = Σ over targets of values · times drawn */
static void multiply(const sweep *w, const bench *b, const float *values, size_t rows)
{
  const size_t *first = w->kind->to.first, images = w->s->images;
  for (size_t q = 0; q < rows; q++)
    for (size_t i = 0; i < images; i++) {
      float sum = 0;
      for (size_t j = first[i]; j < first[i + 1]; j++)
        sum += values[q * w->targets + j];
      b->grouped[q * images + i] = sum;
    }
  const cgap_operand values_by_image = {b->grouped, images, false}, times = {w->d->times, w->d->draws, false};
  cgap_sgemm(rows, w->d->draws, images, values_by_image, times, 0, b->product, w->d->draws);
}

static void add_kernel(const sweep *w, const bench *b, size_t row, size_t rows, double *sums)
{
  const size_t draws = w->d->draws;
  memcpy(b->spare, b->strip, rows * w->targets * sizeof *b->spare);
  (void)w->vector->tile_kernel(b->spare, rows, w->targets, w->targets);
  multiply(w, b, b->spare, rows);
  for (size_t q = 0; q < rows; q++) {
    const float *times = w->d->times + w->owner[row + q] * draws;
    for (size_t r = 0; r < draws; r++)
      sums[r] += (double)times[r] * (double)b->product[q * draws + r];
  }
}

/* The strip in place becomes e^{(s − greatest)/τ}; greatest (rows) over the unmasked. */
static void soften(const sweep *w, const bench *b, size_t rows, float *greatest)
{
  const float zeros[ROWS] = {0};
  for (size_t q = 0; q < rows; q++) {
    greatest[q] = MASKED;
    for (size_t j = 0; j < w->targets; j++)
      greatest[q] = b->strip[q * w->targets + j] > greatest[q] ? b->strip[q * w->targets + j] : greatest[q];
  }
  (void)w->vector->tile_gradient(b->strip, rows, w->targets, w->targets, (float)w->scale, (cgap_soft){greatest, zeros},
                                 (cgap_soft){w->zero, w->no_pull}, 0);
}

/* loss = mean over the query's positives p of log(e^{s_p/τ} + Σ over drawn negatives) − s_p/τ */
static void add_clip(const sweep *w, const bench *b, size_t row, size_t rows, const double *positive,
                     const size_t *positive_first, double *sums)
{
  float greatest[ROWS];
  const size_t draws = w->d->draws;
  soften(w, b, rows, greatest);
  multiply(w, b, b->strip, rows);
  for (size_t q = 0; q < rows; q++) {
    const size_t begin = positive_first[row + q], end = positive_first[row + q + 1];
    const float *times = w->d->times + w->owner[row + q] * draws, *rest = b->product + q * draws;
    for (size_t p = begin; p < end; p++) {
      const double above = w->scale * (positive[p] - (double)greatest[q]), share = 1 / (double)(end - begin);
      for (size_t r = 0; r < draws; r++)
        if (times[r] > 0)
          sums[r] += (double)times[r] * share *
                     (above > 0 ? log1p((double)rest[r] * exp(-above)) : log(exp(above) + (double)rest[r]) - above);
    }
  }
}

/* Asked by the calling thread alone; the others see what it was told. */
static bool go_on(const sweep *w, size_t block, size_t blocks)
{
  const cgap_progress *p = &w->d->progress;
  const double share = w->share_before + (w->share_after - w->share_before) * (double)block / (double)blocks;
  bool stopped;
  if (omp_get_thread_num() == 0 && p->tick && p->tick(p->context, "intervals", share)) {
#pragma omp atomic write
    *w->stopped = true;
  }
#pragma omp atomic read
  stopped = *w->stopped;
  return !stopped;
}

/* Blocks of queries are shared out; each leaves its sums, which are added in order. */
static bool run(const sweep *w, size_t queries, const double *positive, const size_t *positive_first, int threads)
{
  const size_t draws = w->d->draws, blocks = (queries + ROWS - 1) / ROWS;
  bool fine = true;
#pragma omp parallel num_threads(threads) reduction(&& : fine)
  {
    bench b;
    double *sums = cgap_alloc(2 * draws, sizeof *sums);
    fine = bench_init(&b, w) && sums;
#pragma omp for ordered schedule(static, 1)
    for (size_t k = 0; k < blocks; k++) {
      const size_t row = k * ROWS, rows = queries - row < ROWS ? queries - row : ROWS;
      if (fine && go_on(w, k, blocks)) {
        memset(sums, 0, 2 * draws * sizeof *sums);
        fill_strip(w, &b, row, rows);
        if (w->kind->kernel)
          add_kernel(w, &b, row, rows, sums);
        if (w->kind->clip)
          add_clip(w, &b, row, rows, positive, positive_first, sums + draws);
      }
#pragma omp ordered
      for (size_t r = 0; fine && r < draws; r++) {
        if (w->kind->kernel)
          w->kind->kernel[r] += sums[r];
        if (w->kind->clip)
          w->kind->clip[r] += sums[draws + r];
      }
    }
    cgap_free(sums);
    bench_clear(&b);
  }
  return fine;
}

/* Couples of texts of one image: as often as the image is drawn, not as often squared. */
static void add_within(cgap_resample_sums *sums, const cgap_judged *s, const cgap_drawing *d)
{
  for (size_t i = 0; i < s->images; i++) {
    double kernel = 0;
    for (size_t j = s->first[i]; j < s->first[i + 1]; j++)
      for (size_t k = s->first[i]; k < j; k++)
        kernel += 2 * exp(4 * (double)cblas_sdot((int)s->dim, s->text + j * s->dim, 1, s->text + k * s->dim, 1) - 4);
    for (size_t r = 0; kernel > 0 && r < d->draws; r++)
      sums->text_kernel[r] += (double)d->times[i * d->draws + r] * kernel;
  }
}

/* out (draws, dim) = timesᵀ · rows, in double from float products of exact counts */
static bool weigh_rows(double *out, const cgap_judged *s, const cgap_drawing *d, const float *rows)
{
  float *product = cgap_alloc(d->draws * s->dim, sizeof *product);
  if (!product)
    return false;
  const cgap_operand times = {d->times, d->draws, true}, z = {rows, s->dim, false};
  cgap_sgemm(d->draws, s->dim, s->images, times, z, 0, product, s->dim);
  for (size_t k = 0; k < d->draws * s->dim; k++)
    out[k] = (double)product[k];
  cgap_free(product);
  return true;
}

/* out (images, dim): the sum of each image's texts, with its square norms; or, `paired`, the image as often as it has
 * texts. */
static void sum_by_image(float *out, double *square, const cgap_judged *s, bool paired)
{
  for (size_t i = 0; i < s->images; i++) {
    const float count = (float)(s->first[i + 1] - s->first[i]);
    double total = 0;
    for (size_t k = 0; k < s->dim; k++) {
      float sum = paired ? count * s->image[i * s->dim + k] : 0;
      for (size_t j = s->first[i]; !paired && j < s->first[i + 1]; j++)
        sum += s->text[j * s->dim + k];
      out[i * s->dim + k] = sum;
      total += (double)sum * (double)sum;
    }
    if (!paired)
      square[i] = total;
  }
}

static bool sum_rows(cgap_resample_sums *sums, const cgap_judged *s, const cgap_drawing *d)
{
  float *rows = cgap_alloc(s->images, s->dim * sizeof *rows);
  bool fine = rows && weigh_rows(sums->image_sum, s, d, s->image);
  if (fine) {
    sum_by_image(rows, sums->text_square, s, false);
    fine = weigh_rows(sums->text_sum, s, d, rows);
  }
  if (fine) {
    sum_by_image(rows, sums->text_square, s, true);
    fine = weigh_rows(sums->paired_sum, s, d, rows);
  }
  cgap_free(rows);
  return fine;
}

static bool allocate(cgap_resample_sums *o, const cgap_judged *s, const cgap_drawing *d)
{
  const size_t draws = d->draws, each = draws * s->dim;
  o->image_kernel = cgap_zalloc(5 * draws + 3 * each + s->images, sizeof *o->image_kernel);
  if (!o->image_kernel)
    return false;
  o->text_kernel = o->image_kernel + draws;
  o->cross_kernel = o->text_kernel + draws;
  o->clip_image = o->cross_kernel + draws;
  o->clip_text = o->clip_image + draws;
  o->image_sum = o->clip_text + draws;
  o->text_sum = o->image_sum + each;
  o->paired_sum = o->text_sum + each;
  o->text_square = o->paired_sum + each;
  return true;
}

/* The four kinds of couples. index: image of each row, and first couple of each text, both sides. */
static bool run_all(cgap_resample_sums *o, const cgap_judged *s, const cgap_drawing *d, double temperature, int threads,
                    size_t *index, float *constants, bool *stopped)
{
  const size_t most = s->images > s->texts ? s->images : s->texts;
  size_t *same = index, *owner = same + most + 1;
  for (size_t k = 0; k <= most; k++)
    same[k] = k;
  for (size_t i = 0; i < s->images; i++)
    for (size_t j = s->first[i]; j < s->first[i + 1]; j++)
      owner[j] = i;
  for (size_t k = 0; k < most; k++) {
    constants[k] = 0;
    constants[most + k] = NO_PULL;
  }
  const grouped image = {s->image, same}, text = {s->text, s->first};
  const kind kinds[] = {{image, image, o->image_kernel, NULL},
                        {text, text, o->text_kernel, NULL},
                        {image, text, o->cross_kernel, o->clip_image},
                        {text, image, NULL, o->clip_text}};
  bool fine = true;
  const size_t count = sizeof kinds / sizeof *kinds;
  for (size_t k = 0; fine && !*stopped && k < count; k++) {
    const bool from_text = kinds[k].from.z == s->text;
    sweep w = {.s = s,
               .d = d,
               .kind = &kinds[k],
               .vector = cgap_vector_here(),
               .zero = constants,
               .no_pull = constants + most,
               .owner = from_text ? owner : same,
               .scale = 1 / temperature,
               .share_before = (double)k / (double)count,
               .share_after = (double)(k + 1) / (double)count,
               .stopped = stopped,
               .targets = kinds[k].to.z == s->text ? s->texts : s->images};
    fine = run(&w, from_text ? s->texts : s->images, s->pair_cosine, from_text ? same : s->first, threads);
  }
  return fine;
}

cgap_status cgap_resample_sums_init(cgap_resample_sums *out, const cgap_judged *s, const cgap_drawing *d,
                                    double temperature, int threads, cgap_error *error)
{
  *out = (cgap_resample_sums){0};
  const size_t most = s->images > s->texts ? s->images : s->texts;
  size_t *index = cgap_alloc(2 * (most + 1), sizeof *index);
  float *constants = cgap_alloc(2 * most, sizeof *constants);
  bool stopped = false;
  bool fine =
    index && constants && allocate(out, s, d) && sum_rows(out, s, d) &&
    run_all(out, s, d, temperature, threads > 0 ? threads : omp_get_max_threads(), index, constants, &stopped);
  if (fine)
    add_within(out, s, d);
  cgap_free(index);
  cgap_free(constants);
  if (fine && !stopped)
    return CGAP_OK;
  cgap_resample_sums_clear(out);
  if (stopped)
    return cgap_fail(error, CGAP_INTERRUPTED, "interrupted while drawing for the intervals; nothing was written");
  return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu drawings of %zu images", d->draws, s->images);
}

void cgap_resample_sums_clear(cgap_resample_sums *sums)
{
  cgap_free(sums->image_kernel);
  *sums = (cgap_resample_sums){0};
}
