/* The measures of one drawing from sums over images, and from products of kernels with the drawing's counts. */
#include "head/resample.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/blas.h"
#include "head/resample_sums.h"
#include "memory.h"
#include "random.h"

enum { DRAW_STREAM = 0x424F };

/* The order of `keys`. */
enum key {
  CENTROID_DISTANCE,
  CENTROID_COSINE,
  RMG,
  SHARE_OF_ALIGNMENT,
  UNIFORMITY_IMAGE,
  UNIFORMITY_TEXT,
  UNIFORMITY_MEAN,
  UNIFORMITY_CROSS,
  ALIGNMENT_SQUARED,
  ALIGNMENT_MEAN,
  CLIP_IMAGE,
  CLIP_TEXT,
  CLIP,
  CUA,
  CUAXU,
  IMAGE_RETRIEVAL,
  TEXT_RETRIEVAL = IMAGE_RETRIEVAL + 6,
  ZERO_SHOT = TEXT_RETRIEVAL + 6,
  ARITHMETIC = ZERO_SHOT + 3,
  KEYS
};

const char *const cgap_resampled_keys[] = {
  "gap.centroid_distance",
  "gap.centroid_cosine",
  "gap.rmg",
  "gap.share_of_alignment",
  "uniformity.image",
  "uniformity.text",
  "uniformity.mean",
  "uniformity.cross",
  "alignment.mean_squared_distance",
  "alignment.mean_distance",
  "loss.clip_image_to_text",
  "loss.clip_text_to_image",
  "loss.clip",
  "loss.cua",
  "loss.cuaxu",
  "retrieval.image_to_text.recall_at_1",
  "retrieval.image_to_text.recall_at_5",
  "retrieval.image_to_text.recall_at_10",
  "retrieval.image_to_text.median_rank",
  "retrieval.image_to_text.mean_rank",
  "retrieval.image_to_text.mrr",
  "retrieval.text_to_image.recall_at_1",
  "retrieval.text_to_image.recall_at_5",
  "retrieval.text_to_image.recall_at_10",
  "retrieval.text_to_image.median_rank",
  "retrieval.text_to_image.mean_rank",
  "retrieval.text_to_image.mrr",
  "zero_shot.top_1",
  "zero_shot.top_5",
  "zero_shot.mean_per_class",
  "arithmetic.score",
};
const size_t cgap_resampled_key_count = KEYS;

/* ---------------------------------------------------------------- drawing */

/* Enough for a percentile where that is cheap, for a spread where it is not. */
static size_t draws_for(size_t images)
{
  return images <= 2000 ? 1000 : images <= 6000 ? 400 : 200;
}

cgap_status cgap_drawing_init(cgap_drawing *out, size_t images, uint64_t seed, cgap_error *error)
{
  *out = (cgap_drawing){.images = images, .draws = draws_for(images)};
  out->times = cgap_zalloc(images, out->draws * sizeof *out->times);
  if (!out->times)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu drawings of %zu images", out->draws, images);
  for (size_t r = 0; r < out->draws; r++) {
    cgap_random random = cgap_random_init(seed, ((uint64_t)DRAW_STREAM << 32) + r);
    for (size_t k = 0; k < images; k++)
      out->times[cgap_random_below(&random, images) * out->draws + r] += 1;
  }
  return CGAP_OK;
}

void cgap_drawing_clear(cgap_drawing *drawing)
{
  cgap_free(drawing->times);
  *drawing = (cgap_drawing){0};
}

/* ---------------------------------------------------------------- one drawing */

/* One drawing's view: times[i·stride] is how often image i is drawn. */
typedef struct draw {
  const cgap_judged *s;
  const float *times;
  size_t stride;
} draw;

static double times_of(const draw *d, size_t image)
{
  return (double)d->times[image * d->stride];
}

static double texts_of(const cgap_judged *s, size_t image)
{
  return (double)(s->first[image + 1] - s->first[image]);
}

/* How many couples of each kind a drawing has. */
typedef struct couples {
  double images, texts;                     /* rows */
  double image_image, text_text, unmatched; /* ordered couples within a side, image–text couples apart */
  double asked;                             /* images with a text */
} couples;

static couples count_couples(const draw *d)
{
  couples c = {0};
  double image_squares = 0, text_squares = 0, mixed = 0, within = 0;
  for (size_t i = 0; i < d->s->images; i++) {
    const double w = times_of(d, i), m = texts_of(d->s, i);
    c.images += w;
    c.texts += w * m;
    c.asked += m > 0 ? w : 0;
    image_squares += w * w;
    text_squares += w * w * m * m;
    mixed += w * w * m;
    within += w * m * (m - 1);
  }
  c.image_image = c.images * c.images - image_squares;
  c.text_text = c.texts * c.texts - text_squares + within;
  c.unmatched = c.images * c.texts - mixed;
  return c;
}

static double square_norm(const double *v, size_t dim)
{
  double s = 0;
  for (size_t k = 0; k < dim; k++)
    s += v[k] * v[k];
  return s;
}

/* Centroids: distance, cosine, RMG and the share of the misalignment that is one shift. x, y (dim): Σ times · rows;
 * paired (dim): Σ over couples of the image. */
static void centroid_measures(double *out, const draw *d, const couples *c, const cgap_resample_sums *sums, double *x,
                              double *y, double *paired)
{
  const size_t dim = d->s->dim;
  double own_image = 0, own_text = 0, dot = 0, square = 0, shift = 0;
  for (size_t i = 0; i < d->s->images; i++) {
    const double w = times_of(d, i);
    own_image += w * w;
    own_text += w * w * sums->text_square[i] - w * (sums->text_square[i] - texts_of(d->s, i));
  }
  const double image_cosine = (square_norm(x, dim) - own_image) / c->image_image;
  const double text_cosine = (square_norm(y, dim) - own_text) / c->text_text;
  for (size_t k = 0; k < dim; k++) {
    const double a = x[k] / c->images, b = y[k] / c->texts, p = paired[k] / c->texts;
    square += (a - b) * (a - b);
    shift += (p - b) * (p - b);
    dot += a * b;
  }
  out[CENTROID_DISTANCE] = sqrt(square);
  out[CENTROID_COSINE] =
    dot / sqrt(square_norm(x, dim) / c->images / c->images * square_norm(y, dim) / c->texts / c->texts);
  const double matched = out[ALIGNMENT_SQUARED] / 4, within = (2 - image_cosine - text_cosine) / 4;
  out[RMG] = matched / (matched + within);
  out[SHARE_OF_ALIGNMENT] = shift / out[ALIGNMENT_SQUARED];
}

static void alignment_measures(double *out, const draw *d, const couples *c)
{
  double squared = 0, distance = 0;
  for (size_t i = 0; i < d->s->images; i++)
    for (size_t j = d->s->first[i]; j < d->s->first[i + 1]; j++) {
      const double square = fmax(0, 2 - 2 * d->s->pair_cosine[j]);
      squared += times_of(d, i) * square;
      distance += times_of(d, i) * sqrt(square);
    }
  out[ALIGNMENT_SQUARED] = squared / c->texts;
  out[ALIGNMENT_MEAN] = distance / c->texts;
}

static void kernel_measures(double *out, const cgap_resample_sums *sums, size_t r, const couples *c)
{
  out[UNIFORMITY_IMAGE] = log(sums->image_kernel[r] / c->image_image);
  out[UNIFORMITY_TEXT] = log(sums->text_kernel[r] / c->text_text);
  out[UNIFORMITY_CROSS] = log(sums->cross_kernel[r] / c->unmatched);
  out[UNIFORMITY_MEAN] = (out[UNIFORMITY_IMAGE] + out[UNIFORMITY_TEXT]) / 2;
  out[CLIP_IMAGE] = sums->clip_image[r] / c->asked;
  out[CLIP_TEXT] = sums->clip_text[r] / c->texts;
  out[CLIP] = (out[CLIP_IMAGE] + out[CLIP_TEXT]) / 2;
  out[CUA] = out[CLIP] + out[UNIFORMITY_MEAN] + out[ALIGNMENT_SQUARED];
  out[CUAXU] = out[CUA] + out[UNIFORMITY_CROSS];
}

/* Six measures of ranks; order lists the queries by rank, owner gives each query's image. */
static void rank_measures(double *out, const draw *d, const double *rank, const size_t *order, const size_t *owner,
                          size_t queries)
{
  static const double AT[] = {1, 5, 10};
  double total = 0, sums[6] = {0}, so_far = 0;
  for (size_t q = 0; q < queries; q++)
    total += times_of(d, owner[order[q]]);
  double lower = NAN, upper = NAN;
  for (size_t q = 0; q < queries; q++) {
    const double w = times_of(d, owner[order[q]]), value = rank[order[q]];
    for (int k = 0; k < 3; k++)
      sums[k] += value <= AT[k] ? w : 0;
    so_far += w;
    if (isnan(lower) && so_far >= total / 2)
      lower = value;
    if (isnan(upper) && so_far > total / 2)
      upper = value;
    sums[4] += w * value;
    sums[5] += w / value;
  }
  for (int k = 0; k < 6; k++)
    out[k] = sums[k] / total;
  out[3] = (lower + upper) / 2;
}

static void zero_shot_measures(double *out, const draw *d, double *seen, double *right)
{
  const cgap_judged *s = d->s;
  double total = 0, top_1 = 0, top_5 = 0, mean = 0, classes = 0;
  memset(seen, 0, s->classes * sizeof *seen);
  memset(right, 0, s->classes * sizeof *right);
  for (size_t i = 0; i < s->images; i++) {
    const double w = times_of(d, i);
    total += w;
    top_1 += s->place[i] == 1 ? w : 0;
    top_5 += s->place[i] ? w : 0;
    seen[s->label[i]] += w;
    right[s->label[i]] += s->place[i] == 1 ? w : 0;
  }
  for (size_t c = 0; c < s->classes; c++) {
    classes += seen[c] > 0;
    mean += seen[c] > 0 ? right[c] / seen[c] : 0;
  }
  out[ZERO_SHOT] = top_1 / total;
  out[ZERO_SHOT + 1] = top_5 / total;
  out[ZERO_SHOT + 2] = mean / classes;
}

static void arithmetic_measure(double *out, const draw *d)
{
  const cgap_judged *s = d->s;
  double total = 0, right = 0;
  for (size_t q = 0; q < s->queries; q++) {
    const double w = times_of(d, s->query_image[q]) * s->query_weight[q];
    total += w;
    right += s->query_right[q] ? w : 0;
  }
  out[ARITHMETIC] = 100 * right / total;
}

/* ---------------------------------------------------------------- all drawings */

/* Queries that asked, by rank. owner: image of each query. */
typedef struct ranked {
  const double *rank;
  size_t *order, *owner, count;
} ranked;

static void merge_sort(size_t *items, size_t *spare, size_t count, const double *by)
{
  if (count < 2)
    return;
  const size_t half = count / 2;
  merge_sort(items, spare, half, by);
  merge_sort(items + half, spare, count - half, by);
  memcpy(spare, items, half * sizeof *items);
  size_t a = 0, b = half, to = 0;
  while (a < half)
    items[to++] = b < count && by[items[b]] < by[spare[a]] ? items[b++] : spare[a++];
}

static bool ranked_init(ranked *out, const cgap_judged *s, bool by_text)
{
  const size_t queries = by_text ? s->texts : s->images;
  *out = (ranked){.rank = by_text ? s->rank_text : s->rank_image};
  out->order = cgap_alloc(3 * queries, sizeof *out->order);
  if (!out->order)
    return false;
  out->owner = out->order + 2 * queries;
  for (size_t i = 0; i < s->images; i++)
    for (size_t j = by_text ? s->first[i] : i; j < (by_text ? s->first[i + 1] : i + 1); j++)
      out->owner[j] = i;
  for (size_t q = 0; q < queries; q++)
    if (!isnan(out->rank[q]))
      out->order[out->count++] = q;
  merge_sort(out->order, out->order + queries, out->count, out->rank);
  return true;
}

typedef struct resampling {
  const cgap_judged *sample;
  const cgap_drawing *drawing;
  cgap_resample_sums sums;
  ranked image, text;
} resampling;

static void measure_draw(double *out, const resampling *x, size_t r, double *classes)
{
  const cgap_judged *s = x->sample;
  const draw d = {s, x->drawing->times + r, x->drawing->draws};
  const couples c = count_couples(&d);
  for (size_t k = 0; k < KEYS; k++)
    out[k] = NAN;
  alignment_measures(out, &d, &c);
  centroid_measures(out, &d, &c, &x->sums, x->sums.image_sum + r * s->dim, x->sums.text_sum + r * s->dim,
                    x->sums.paired_sum + r * s->dim);
  kernel_measures(out, &x->sums, r, &c);
  rank_measures(out + IMAGE_RETRIEVAL, &d, x->image.rank, x->image.order, x->image.owner, x->image.count);
  rank_measures(out + TEXT_RETRIEVAL, &d, x->text.rank, x->text.order, x->text.owner, x->text.count);
  if (s->label)
    zero_shot_measures(out, &d, classes, classes + s->classes);
  if (s->queries)
    arithmetic_measure(out, &d);
}

cgap_status cgap_resample(double *values, const cgap_judged *s, const cgap_drawing *drawing, double temperature,
                          int threads, cgap_error *error)
{
  resampling x = {.sample = s, .drawing = drawing};
  const int blas = cgap_blas_single();
  double *classes = cgap_alloc(2 * s->classes, sizeof *classes);
  cgap_status status = CGAP_OK;
  if (!classes || !ranked_init(&x.image, s, false) || !ranked_init(&x.text, s, true))
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu drawings", drawing->draws);
  if (status == CGAP_OK)
    status = cgap_resample_sums_init(&x.sums, s, drawing, temperature, threads, error);
  for (size_t r = 0; status == CGAP_OK && r < drawing->draws; r++)
    measure_draw(values + r * KEYS, &x, r, classes);
  cgap_resample_sums_clear(&x.sums);
  cgap_free(x.image.order);
  cgap_free(x.text.order);
  cgap_free(classes);
  cgap_blas_restore(blas);
  return status;
}

static int ascending(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The quantile of `count` sorted values by the linear rule. */
static double quantile(const double *sorted, size_t count, double share)
{
  const double at = share * (double)(count - 1);
  const size_t below = (size_t)at;
  const size_t above = below + 1 < count ? below + 1 : below;
  return sorted[below] + (at - (double)below) * (sorted[above] - sorted[below]);
}

void cgap_resampled_interval(const double *a, const double *b, size_t draws, size_t key, double difference, double *lo,
                             double *hi)
{
  double *d = cgap_alloc(draws, sizeof *d), mean = 0;
  size_t count = 0;
  *lo = *hi = NAN;
  for (size_t r = 0; d && r < draws; r++) {
    const double value = b[r * KEYS + key] - a[r * KEYS + key];
    if (isfinite(value)) {
      d[count++] = value;
      mean += value;
    }
  }
  if (d && 2 * count > draws && isfinite(difference)) {
    qsort(d, count, sizeof *d, ascending);
    mean /= (double)count;
    *lo = difference + quantile(d, count, 0.025) - mean;
    *hi = difference + quantile(d, count, 0.975) - mean;
  }
  cgap_free(d);
}
