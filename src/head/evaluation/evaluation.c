#include "head/evaluation/evaluation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/interval.h"
#include "analysis/measure.h"
#include "base/language.h"
#include "base/memory.h"
#include "base/numbers.h"

/* ---------------------------------------------------------------- what is compared, paired by image */

enum {
  FLIPS = 1999,         /* with the signs as they are 2,000, of which 5 % are whole */
  EXTREME = 100,        /* 5 % of them */
  FLIPPED_IMAGES = 4000 /* above, sums are normal whatever their terms */
};

/* A number of each query, pair or image. */
typedef enum quantity {
  NONE,
  IMAGE_RANK,
  TEXT_RANK,
  MIXED_IMAGE_RANK,
  MIXED_TEXT_RANK,
  PAIR_COSINE,
  IMAGE_LOSS,
  TEXT_LOSS,
  PLACE,
  CLASS_PLACE,
  ANSWER
} quantity;

typedef enum how { FRACTION, MEAN, MEDIAN, ANSWERS } how;

typedef struct mean_measure {
  const char *key;
  how how;
  quantity of[2]; /* the mean of two where both are there */
  double (*value)(double quantity);
} mean_measure;

static double identity(double v)
{
  return v;
}
static double within_1(double rank)
{
  return rank <= 1;
}
static double within_5(double rank)
{
  return rank <= 5;
}
static double within_10(double rank)
{
  return rank <= 10;
}
static double reciprocal_rank(double rank)
{
  return 1 / rank;
}
static double gain_within_10(double rank)
{
  return rank <= 10 ? 1 / log2(1 + rank) : 0;
}
static double squared_distance(double cosine)
{
  return fmax(0, 2 - 2 * cosine);
}
static double distance_of_cosine(double cosine)
{
  return sqrt(squared_distance(cosine));
}
static double is_first(double place)
{
  return place == 1;
}
static double is_among_five(double place)
{
  return place > 0;
}
static double percent_of(double right)
{
  return 100 * right;
}

static const mean_measure MEANS[] = {
  {"retrieval.image_to_text.recall_at_1", FRACTION, {IMAGE_RANK}, within_1},
  {"retrieval.image_to_text.recall_at_5", FRACTION, {IMAGE_RANK}, within_5},
  {"retrieval.image_to_text.recall_at_10", FRACTION, {IMAGE_RANK}, within_10},
  {"retrieval.text_to_image.recall_at_1", FRACTION, {TEXT_RANK}, within_1},
  {"retrieval.text_to_image.recall_at_5", FRACTION, {TEXT_RANK}, within_5},
  {"retrieval.text_to_image.recall_at_10", FRACTION, {TEXT_RANK}, within_10},
  {"zero_shot.top_1", FRACTION, {PLACE}, is_first},
  {"zero_shot.top_5", FRACTION, {PLACE}, is_among_five},
  {"retrieval.image_to_text.mean_rank", MEAN, {IMAGE_RANK}, identity},
  {"retrieval.image_to_text.mrr", MEAN, {IMAGE_RANK}, reciprocal_rank},
  {"retrieval.text_to_image.mean_rank", MEAN, {TEXT_RANK}, identity},
  {"retrieval.text_to_image.mrr", MEAN, {TEXT_RANK}, reciprocal_rank},
  {"alignment.mean_squared_distance", MEAN, {PAIR_COSINE}, squared_distance},
  {"alignment.mean_distance", MEAN, {PAIR_COSINE}, distance_of_cosine},
  {"loss.clip_image_to_text", MEAN, {IMAGE_LOSS}, identity},
  {"loss.clip_text_to_image", MEAN, {TEXT_LOSS}, identity},
  {"loss.clip", MEAN, {IMAGE_LOSS, TEXT_LOSS}, identity},
  {"zero_shot.mean_per_class", MEAN, {CLASS_PLACE}, is_first},
  {"arithmetic.score", ANSWERS, {ANSWER}, percent_of},
  {"retrieval.image_to_text.median_rank", MEDIAN, {IMAGE_RANK}, identity},
  {"retrieval.text_to_image.median_rank", MEDIAN, {TEXT_RANK}, identity},
  {"mixed_retrieval.image_query.recall_at_1", FRACTION, {MIXED_IMAGE_RANK}, within_1},
  {"mixed_retrieval.image_query.recall_at_10", FRACTION, {MIXED_IMAGE_RANK}, within_10},
  {"mixed_retrieval.image_query.ndcg_at_10", MEAN, {MIXED_IMAGE_RANK}, gain_within_10},
  {"mixed_retrieval.image_query.mrr", MEAN, {MIXED_IMAGE_RANK}, reciprocal_rank},
  {"mixed_retrieval.image_query.median_rank", MEDIAN, {MIXED_IMAGE_RANK}, identity},
  {"mixed_retrieval.text_query.recall_at_1", FRACTION, {MIXED_TEXT_RANK}, within_1},
  {"mixed_retrieval.text_query.recall_at_10", FRACTION, {MIXED_TEXT_RANK}, within_10},
  {"mixed_retrieval.text_query.ndcg_at_10", MEAN, {MIXED_TEXT_RANK}, gain_within_10},
  {"mixed_retrieval.text_query.mrr", MEAN, {MIXED_TEXT_RANK}, reciprocal_rank},
  {"mixed_retrieval.text_query.median_rank", MEDIAN, {MIXED_TEXT_RANK}, identity},
};

static const mean_measure BOTH[] = {
  [CGAP_BOTH_MIXED_NDCG] = {"", MEAN, {MIXED_IMAGE_RANK, MIXED_TEXT_RANK}, gain_within_10},
  [CGAP_BOTH_RECALL_AT_1] = {"", MEAN, {IMAGE_RANK, TEXT_RANK}, within_1},
};

/* Sums of contributions: of the logs of mean kernels, of one measure of the centroids, and of the two means that the
 * losses of the paper contain. */
typedef struct smooth_measure {
  const char *key;
  double kernel[CGAP_PAIR_KINDS];
  int centroid; /* cgap_centroid_measure; -1: none */
  bool losses;
} smooth_measure;

static const smooth_measure SMOOTH[] = {
  {"uniformity.image", {[CGAP_IMAGE_IMAGE] = 1}, -1, false},
  {"uniformity.text", {[CGAP_TEXT_TEXT] = 1}, -1, false},
  {"uniformity.mean", {[CGAP_IMAGE_IMAGE] = 0.5, [CGAP_TEXT_TEXT] = 0.5}, -1, false},
  {"uniformity.cross", {[CGAP_IMAGE_TEXT] = 1}, -1, false},
  {"loss.cua", {[CGAP_IMAGE_IMAGE] = 0.5, [CGAP_TEXT_TEXT] = 0.5}, -1, true},
  {"loss.cuaxu", {[CGAP_IMAGE_IMAGE] = 0.5, [CGAP_TEXT_TEXT] = 0.5, [CGAP_IMAGE_TEXT] = 1}, -1, true},
  {"gap.centroid_cosine", {0}, CGAP_OF_CENTROID_COSINE, false},
  {"gap.rmg", {0}, CGAP_OF_RMG, false},
  {"gap.share_of_alignment", {0}, CGAP_OF_SHARE_OF_ALIGNMENT, false},
};

/* Two audits of the same images. */
typedef struct paired {
  const cgap_audit *a, *b;
  size_t images;
  size_t *class_size; /* (classes) */
  /* (images) of one measure: what the image adds to the difference, and its weight in a mean */
  double *moves, *weight;
} paired;

static size_t count_of(const cgap_audit *a, quantity q)
{
  switch (q) {
  case TEXT_RANK:
  case MIXED_TEXT_RANK:
  case PAIR_COSINE:
  case TEXT_LOSS:
    return a->texts;
  case ANSWER:
    return a->contributions->queries;
  case IMAGE_RANK:
  case MIXED_IMAGE_RANK:
  case IMAGE_LOSS:
  case PLACE:
  case CLASS_PLACE:
    return a->images;
  case NONE:
    break;
  }
  return 0;
}

/* Whether several queries may be about one image. */
static bool is_of_texts(quantity q)
{
  return q == TEXT_RANK || q == MIXED_TEXT_RANK;
}

static size_t owner_of(const cgap_audit *a, quantity q, size_t item)
{
  switch (q) {
  case TEXT_RANK:
  case MIXED_TEXT_RANK:
  case PAIR_COSINE:
  case TEXT_LOSS:
    return a->image_of[item];
  case ANSWER:
    return a->contributions->query_image[item];
  default:
    return item;
  }
}

/* NaN: the item is left out. */
static double quantity_of(const cgap_audit *a, quantity q, size_t item)
{
  const cgap_contributions *c = a->contributions;
  switch (q) {
  case IMAGE_RANK:
    return a->rank_image_to_text[item];
  case TEXT_RANK:
    return a->rank_text_to_image[item];
  case MIXED_IMAGE_RANK:
    return a->mixed_rank_image[item];
  case MIXED_TEXT_RANK:
    return a->mixed_rank_text[item];
  case PAIR_COSINE:
    return a->pair_cosine[item];
  case IMAGE_LOSS:
    return c->loss_image[item];
  case TEXT_LOSS:
    return c->loss_text[item];
  case PLACE:
  case CLASS_PLACE:
    return c->place[item];
  case ANSWER:
    return c->query_right[item];
  case NONE:
    break;
  }
  return NAN;
}

static double weight_of(const paired *p, quantity q, size_t item)
{
  const cgap_contributions *c = p->a->contributions;
  return q == ANSWER ? c->query_weight[item] : q == CLASS_PLACE ? 1 / (double)p->class_size[c->label[item]] : 1;
}

/* Adds scale times the difference of one quantity's mean to moves and weight; centred: less what each image's weight
 * explains of it. */
static void add_mean(const paired *p, quantity q, double (*value)(double), double scale, bool centred)
{
  const size_t count = count_of(p->a, q);
  double total = 0, mean = 0;
  for (size_t k = 0; k < count; k++)
    if (!isnan(quantity_of(p->a, q, k))) {
      total += weight_of(p, q, k);
      mean += weight_of(p, q, k) * (value(quantity_of(p->b, q, k)) - value(quantity_of(p->a, q, k)));
    }
  mean = centred ? mean / total : 0;
  for (size_t k = 0; k < count && total > 0; k++) {
    const double from = quantity_of(p->a, q, k), item_weight = scale * weight_of(p, q, k) / total;
    if (isnan(from))
      continue;
    p->moves[owner_of(p->a, q, k)] += item_weight * (value(quantity_of(p->b, q, k)) - value(from) - mean);
    p->weight[owner_of(p->a, q, k)] += item_weight;
  }
}

static void clear_moves(const paired *p)
{
  memset(p->moves, 0, p->images * sizeof *p->moves);
  memset(p->weight, 0, p->images * sizeof *p->weight);
}

static void fill_mean(const paired *p, const mean_measure *m, bool centred)
{
  const double scale = m->of[1] == NONE ? 1 : 0.5;
  clear_moves(p);
  for (int k = 0; k < 2 && m->of[k] != NONE; k++)
    add_mean(p, m->of[k], m->value, scale, centred);
}

static double sum_of(const double *v, size_t count)
{
  double total = 0;
  for (size_t i = 0; i < count; i++)
    total += v[i];
  return total;
}

static double sum_of_squares(const double *v, size_t count)
{
  double total = 0;
  for (size_t i = 0; i < count; i++)
    total += v[i] * v[i];
  return total;
}

/* No interval where an end is not finite: too few images. */
static void set_ends(cgap_change *d, double lo, double hi)
{
  const bool finite = isfinite(lo) && isfinite(hi);
  d->lo = finite ? fmin(lo, d->difference) : NAN;
  d->hi = finite ? fmax(hi, d->difference) : NAN;
}

/* ---------------------------------------------------------------- Student */

/* `scale` makes the contributions' sum of squares a variance: n/(n − 1) for means, whose centring takes one degree of
 * freedom; n(n − 1)/(n − 2)² for pairs, since an image's contribution, less its contribution to the mean, is of n − 2
 * others. `twice`: what of the variance pairs count twice. */
static void interval_by_student(cgap_change *d, const paired *p, double scale, double twice)
{
  const double n = (double)p->images;
  const double variance = scale * sum_of_squares(p->moves, p->images) - twice;
  const double half = cgap_student_95(n - 1) * sqrt(fmax(variance, twice));
  set_ends(d, d->difference - half, d->difference + half);
}

/* Of two groups, the difference of kernel terms of the measure between b and a: h(g, g') of Hoeffding's decomposition.
 */
static double kernel_between(const smooth_measure *m, const cgap_audit *a, size_t p, size_t q)
{
  const cgap_contributions *c = a->contributions;
  const double n = (double)a->images, texts = (double)a->texts;
  const size_t i = p * a->images / c->probed, j = q * a->images / c->probed;
  const double m_i = (double)c->text_count[i], m_j = (double)c->text_count[j];
  const double rows[] = {1, m_i * m_j, m_i + m_j},
               all[] = {n * (n - 1) / 2, texts * (texts - 1) / 2, n * texts - texts};
  const double mean[] = {a->uniformity.image.value, a->uniformity.text.value, a->uniformity.cross.value};
  double h = 0;
  for (int k = 0; k < CGAP_PAIR_KINDS; k++)
    if (m->kernel[k] != 0) {
      const double u = exp(mean[k]);
      h += m->kernel[k] * (c->between[k][p * c->probed + q] - rows[k] * u) / (all[k] * u);
    }
  return h;
}

/* Σ over pairs of groups of the squared difference of h, from the probed ones. */
static double counted_twice(const paired *p, const smooth_measure *m)
{
  const size_t probed = p->a->contributions->probed;
  double total = 0;
  if (probed < 2 || m->centroid >= 0)
    return 0;
  for (size_t g = 1; g < probed; g++)
    for (size_t h = 0; h < g; h++) {
      const double difference = kernel_between(m, p->b, g, h) - kernel_between(m, p->a, g, h);
      total += difference * difference;
    }
  const double n = (double)p->images, seen = (double)probed;
  return total * (n * (n - 1)) / (seen * (seen - 1));
}

static void interval_of_smooth(cgap_change *d, const paired *p, const smooth_measure *m)
{
  const cgap_contributions *a = p->a->contributions, *b = p->b->contributions;
  clear_moves(p);
  if (m->losses) {
    add_mean(p, IMAGE_LOSS, identity, 0.5, true);
    add_mean(p, TEXT_LOSS, identity, 0.5, true);
    add_mean(p, PAIR_COSINE, squared_distance, 1, true);
  }
  for (size_t i = 0; i < p->images; i++) {
    for (int k = 0; k < CGAP_PAIR_KINDS; k++)
      p->moves[i] += m->kernel[k] * (b->kernel[k][i] - a->kernel[k][i]);
    if (m->centroid >= 0)
      p->moves[i] += b->centroid[m->centroid][i] - a->centroid[m->centroid][i];
  }
  const double n = (double)p->images;
  interval_by_student(d, p, m->centroid < 0 ? n * (n - 1) / ((n - 2) * (n - 2)) : n / (n - 1), counted_twice(p, m));
}

/* ---------------------------------------------------------------- random signs */

enum { RUN = 8, PATTERNS = 1 << RUN };

/* (runs, PATTERNS): Σ ± v over runs of eight images, for each pattern of signs. */
static double *signed_sums(const double *v, size_t images)
{
  const size_t runs = (images + RUN - 1) / RUN;
  double *table = cgap_zalloc(runs * PATTERNS, sizeof *table);
  for (size_t i = 0; table && i < images; i++)
    for (size_t pattern = 0; pattern < PATTERNS; pattern++)
      table[i / RUN * PATTERNS + pattern] += pattern >> (i % RUN) & 1 ? v[i] : -v[i];
  return table;
}

static int compare_doubles(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The shifts between `lo` and `hi` of which these signs make nothing more extreme: those that |difference − shift| >
 * |Σ ±moves − shift Σ ±weight| holds for. */
static void signed_range(double difference, double moves, double weight, double *lo, double *hi)
{
  *lo = -INFINITY;
  *hi = INFINITY;
  if (1 - fabs(weight) < 1e-12) /* all signs alike: as extreme at any shift */
    return;
  const double one = (difference - moves) / (1 - weight), other = (difference + moves) / (1 + weight);
  *lo = fmin(one, other);
  *hi = fmax(one, other);
}

/* The shifts that the test by random signs does not reject. No interval where so few images leave nothing to reject. */
static cgap_status interval_by_random_signs(cgap_change *d, const paired *p, cgap_error *error)
{
  static const uint64_t STREAM = 0x5349474E; /* one for all, so that no verdict depends on a seed */
  const size_t runs = (p->images + RUN - 1) / RUN;
  double *moves = signed_sums(p->moves, p->images), *weight = signed_sums(p->weight, p->images);
  double *lo = cgap_alloc(FLIPS, sizeof *lo), *hi = cgap_alloc(FLIPS, sizeof *hi), scale = 0;
  cgap_random random = cgap_random_init(0, STREAM);
  const bool ok = moves && weight && lo && hi;
  for (size_t r = 0; ok && r < FLIPS; r++) {
    double moved = 0, weighed = 0;
    uint32_t word = 0;
    for (size_t k = 0; k < runs; k++) {
      word = k % 4 ? word >> RUN : cgap_random_u32(&random);
      const size_t at = k * PATTERNS + (word & (PATTERNS - 1));
      moved += moves[at];
      weighed += weight[at];
    }
    signed_range(d->difference, moved, weighed, &lo[r], &hi[r]);
  }
  if (ok) {
    qsort(lo, FLIPS, sizeof *lo, compare_doubles);
    qsort(hi, FLIPS, sizeof *hi, compare_doubles);
    for (size_t i = 0; i < p->images; i++)
      scale += fabs(p->moves[i]);
    const double ends[] = {lo[EXTREME - 1], hi[FLIPS - EXTREME]};
    /* an end within rounding of 0 is 0: signs that give the same again */
    set_ends(d, fabs(ends[0]) <= 1e-12 * scale ? 0 : ends[0], fabs(ends[1]) <= 1e-12 * scale ? 0 : ends[1]);
  }
  cgap_free(moves);
  cgap_free(weight);
  cgap_free(lo);
  cgap_free(hi);
  return ok ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for the signs of %zu images", p->images);
}

/* ---------------------------------------------------------------- McNemar */

/* Queries that only the first, only the second answers right. */
static void count_changed(double *lost, double *gained, const paired *p, const mean_measure *m)
{
  const quantity q = m->of[0];
  *lost = *gained = 0;
  for (size_t k = 0; k < count_of(p->a, q); k++) {
    const double from = quantity_of(p->a, q, k), to = quantity_of(p->b, q, k);
    if (isnan(from))
      continue;
    *lost += m->value(from) > m->value(to);
    *gained += m->value(from) < m->value(to);
  }
}

static double count_asking(const cgap_audit *a, quantity q)
{
  double count = 0;
  for (size_t k = 0; k < count_of(a, q); k++)
    count += !isnan(quantity_of(a, q, k));
  return count;
}

/* How much wider the queries of one image make the variance of the difference than as many independent ones. */
static double design_effect(const paired *p, const mean_measure *m, double changed, double mean)
{
  const double n = (double)p->images, queries = count_asking(p->a, m->of[0]),
               alone = (changed / queries - mean * mean) / queries;
  fill_mean(p, m, true);
  return alone > 0 ? fmax(1, n / (n - 1) * sum_of_squares(p->moves, p->images) / alone) : 1;
}

/* Whether some image has several texts. */
static bool has_captions(const cgap_audit *a)
{
  size_t most = 0;
  for (size_t i = 0; i < a->images; i++)
    most = a->contributions->text_count[i] > most ? a->contributions->text_count[i] : most;
  return most > 1;
}

static void interval_by_mcnemar(cgap_change *d, const paired *p, const mean_measure *m)
{
  double lost, gained;
  count_changed(&lost, &gained, p, m);
  const double changed = lost + gained, changed_fraction = changed / count_asking(p->a, m->of[0]);
  const bool clustered = changed > 0 && is_of_texts(m->of[0]) && has_captions(p->a);
  const double effect = clustered ? design_effect(p, m, changed, d->difference) : 1;
  lost /= effect;
  gained /= effect;
  const double lo = gained > 0 ? cgap_beta_quantile(0.025, gained, lost + 1) : 0;
  const double hi = lost > 0 ? cgap_beta_quantile(0.975, gained + 1, lost) : 1;
  set_ends(d, changed_fraction * (2 * lo - 1), changed_fraction * (2 * hi - 1));
}

/* ---------------------------------------------------------------- medians */

/* n/(n − 1) Σ (Σ of an image's texts' deviations)² over that of as many independent texts, of v = 1 up to the median.
 */
static double median_effect(const paired *p, const cgap_audit *a, quantity q, double median)
{
  const double n = (double)p->images, texts = (double)a->texts;
  double below = 0;
  clear_moves(p);
  for (size_t j = 0; j < a->texts; j++)
    below += quantity_of(a, q, j) <= median;
  const double below_fraction = below / texts;
  for (size_t j = 0; j < a->texts; j++)
    p->moves[a->image_of[j]] += (quantity_of(a, q, j) <= median) - below_fraction;
  const double alone = texts * below_fraction * (1 - below_fraction);
  return alone > 0 ? fmax(1, n / (n - 1) * sum_of_squares(p->moves, p->images) / alone) : 1;
}

/* Order statistics around the middle. */
static cgap_status median_ends(double *lo, double *hi, const paired *p, const cgap_audit *a, quantity q, double median,
                               cgap_error *error)
{
  double *rank = cgap_alloc(count_of(a, q), sizeof *rank);
  size_t count = 0;
  if (!rank)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu ranks", count_of(a, q));
  for (size_t k = 0; k < count_of(a, q); k++)
    if (!isnan(quantity_of(a, q, k)))
      rank[count++] = quantity_of(a, q, k);
  qsort(rank, count, sizeof *rank, compare_doubles);
  const double n = (double)count, effect = is_of_texts(q) ? median_effect(p, a, q, median) : 1;
  const double half = CGAP_Z95 / 2 * sqrt(n * effect), last = n - 1;
  *lo = fmin(rank[(size_t)fmax(0, floor(n / 2 - half))], median);
  *hi = fmax(rank[(size_t)fmin(last, ceil(n / 2 + half))], median);
  cgap_free(rank);
  return CGAP_OK;
}

static cgap_status by_order(cgap_change *d, const paired *p, const mean_measure *m, double from, double to,
                            cgap_error *error)
{
  double a[2], b[2];
  cgap_status status = median_ends(&a[0], &a[1], p, p->a, m->of[0], from, error);
  if (status == CGAP_OK)
    status = median_ends(&b[0], &b[1], p, p->b, m->of[0], to, error);
  if (status == CGAP_OK)
    set_ends(d, d->difference - hypot(to - b[0], a[1] - from), d->difference + hypot(b[1] - to, from - a[0]));
  return status;
}

/* ---------------------------------------------------------------- the distance */

/* Of the two estimates of a squared distance: what is common to their errors comes from the images alone, at first
 * order. */
static double correlation_of_distances(const cgap_audit *a, const cgap_audit *b)
{
  const double n = (double)a->images, scale = 4 * n / (n - 1);
  const double *v = a->contributions->centroid[CGAP_OF_SQUARED_DISTANCE];
  const double *w = b->contributions->centroid[CGAP_OF_SQUARED_DISTANCE];
  double vv = 0, ww = 0, vw = 0;
  for (size_t i = 0; i < a->images; i++) {
    vv += v[i] * v[i];
    ww += w[i] * w[i];
    vw += v[i] * w[i];
  }
  const double both = sqrt((scale * vv + a->contributions->degenerate) * (scale * ww + b->contributions->degenerate));
  return both > 0 ? fmin(1, fmax(-1, scale * vw / both)) : 0;
}

/* Whether an estimate is so far from 0 that its root is about normal: the lower end of its square is half of it. */
static bool is_clear(const cgap_scalar *distance)
{
  return 2 * distance->lo * distance->lo >= distance->value * distance->value && distance->lo > 0;
}

/* √(x² + y² − 2r xy) */
static double joined_error(double x, double y, double r)
{
  return sqrt(fmax(0, x * x + y * y - 2 * r * x * y));
}

cgap_change cgap_paired_distance(const cgap_audit *a, const cgap_audit *b)
{
  const cgap_scalar *from = &a->gap.corrected_distance, *to = &b->gap.corrected_distance;
  cgap_change d = {.difference = to->value - from->value, .lo = NAN, .hi = NAN};
  if (!isfinite(from->lo) || !isfinite(to->lo))
    return d;
  if (!a->contributions || !b->contributions || !is_clear(from) || !is_clear(to)) {
    set_ends(&d, to->lo - from->hi, to->hi - from->lo);
    return d;
  }
  const double r = correlation_of_distances(a, b), student = cgap_student_95((double)a->images - 1) / CGAP_Z95;
  set_ends(&d, d.difference - student * joined_error(to->value - to->lo, from->hi - from->value, r),
           d.difference + student * joined_error(to->hi - to->value, from->value - from->lo, r));
  return d;
}

/* ---------------------------------------------------------------- arithmetic */

/* Σ over images of the square of what the queries move that are about it, or find it. */
static double clustered_variance(const paired *p, const double *moves, const size_t *image)
{
  clear_moves(p);
  for (size_t q = 0; q < p->a->contributions->queries; q++)
    p->moves[image[q]] += moves[q];
  return sum_of_squares(p->moves, p->images);
}

/* Answers hang together through the image that is asked about and through the image that is found, in either audit,
 * which many queries may have in common: the variance adds what each of the three groups makes of it (Cameron, Gelbach
 * and Miller 2011). */
static cgap_status interval_of_answers(cgap_change *d, const paired *p, cgap_error *error)
{
  const cgap_contributions *a = p->a->contributions, *b = p->b->contributions;
  double *moves = cgap_alloc(a->queries, sizeof *moves), total = 0;
  if (!moves)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu queries", a->queries);
  for (size_t q = 0; q < a->queries; q++)
    total += a->query_weight[q];
  for (size_t q = 0; q < a->queries; q++)
    moves[q] = a->query_weight[q] / total * (100 * (b->query_right[q] - a->query_right[q]) - d->difference);
  const double own = clustered_variance(p, moves, a->query_image), alone = sum_of_squares(moves, a->queries);
  const double found =
    clustered_variance(p, moves, a->query_found) + clustered_variance(p, moves, b->query_found) - 2 * alone;
  const double n = (double)p->images, half = cgap_student_95(n - 1) * sqrt(n / (n - 1) * (own + fmax(0, found)));
  set_ends(d, d->difference - half, d->difference + half);
  cgap_free(moves);
  return CGAP_OK;
}

/* ---------------------------------------------------------------- paired intervals of all measures */

bool cgap_paired_possible(const cgap_audit *a, const cgap_audit *b)
{
  return a->contributions && b->contributions && a->images == b->images && a->texts == b->texts &&
         memcmp(a->image_of, b->image_of, a->texts * sizeof *a->image_of) == 0 &&
         memcmp(a->image_row, b->image_row, a->images * sizeof *a->image_row) == 0;
}

bool cgap_paired_same_rows(const cgap_audit *a, const cgap_audit *b)
{
  const cgap_contributions *c = a->contributions, *d = b->contributions;
  const double most = 2 * (c->rounding + d->rounding) + 1e-12,
               mean = sum_of(a->pair_cosine, a->texts) / (double)a->texts;
  double largest = 0, squares = 0, deviations = 0;
  for (size_t j = 0; j < a->texts; j++) {
    const double difference = a->pair_cosine[j] - b->pair_cosine[j];
    largest = fmax(largest, fabs(difference));
    squares += difference * difference;
    deviations += (a->pair_cosine[j] - mean) * (a->pair_cosine[j] - mean);
  }
  /* cosines that hardly differ from each other would all agree */
  bool same = largest <= most && (largest <= 1e-12 || squares <= 0.01 * deviations);
  for (size_t k = 0; same && k < CGAP_PAIR_KINDS * c->probed * c->probed; k++)
    same = fabs(c->between[0][k] - d->between[0][k]) <= 2 * CGAP_KERNEL_T * most * c->between[0][k];
  return same;
}

static void paired_clear(paired *p)
{
  cgap_free(p->class_size);
  cgap_free(p->moves);
}

static cgap_status paired_init(paired *p, const cgap_audit *a, const cgap_audit *b, cgap_error *error)
{
  const cgap_contributions *c = a->contributions;
  *p = (paired){.a = a, .b = b, .images = a->images};
  p->class_size = cgap_zalloc(c->classes, sizeof *p->class_size);
  p->moves = cgap_alloc(2 * a->images, sizeof *p->moves);
  if (!p->class_size || !p->moves) {
    paired_clear(p);
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the differences of %zu images", a->images);
  }
  p->weight = p->moves + a->images;
  for (size_t i = 0; c->classes && i < a->images; i++)
    p->class_size[c->label[i]]++;
  return CGAP_OK;
}

/* By random signs, of many images by Student. */
static cgap_status interval_of_mean(cgap_change *d, const paired *p, const mean_measure *m, cgap_error *error)
{
  fill_mean(p, m, p->images > FLIPPED_IMAGES);
  if (p->images <= FLIPPED_IMAGES)
    return interval_by_random_signs(d, p, error);
  interval_by_student(d, p, (double)p->images / ((double)p->images - 1), 0);
  return CGAP_OK;
}

cgap_status cgap_paired_both(cgap_change *out, cgap_both score, const cgap_audit *a, const cgap_audit *b,
                             cgap_error *error)
{
  paired p;
  *out = (cgap_change){.lo = NAN, .hi = NAN};
  cgap_status status = paired_init(&p, a, b, error);
  if (status != CGAP_OK)
    return status;
  fill_mean(&p, &BOTH[score], false);
  out->difference = sum_of(p.moves, p.images);
  status = interval_of_mean(out, &p, &BOTH[score], error);
  paired_clear(&p);
  return status;
}

static cgap_status of_mean(cgap_change *d, const paired *p, const mean_measure *m, size_t entry,
                           const cgap_comparison *c, size_t k, cgap_error *error)
{
  if (m->how == MEDIAN)
    return by_order(d, p, m, c->input[0].scalar[entry].value, c->input[k].scalar[entry].value, error);
  if (m->how == FRACTION) {
    interval_by_mcnemar(d, p, m);
    return CGAP_OK;
  }
  if (m->how == ANSWERS)
    return interval_of_answers(d, p, error);
  return interval_of_mean(d, p, m, error);
}

cgap_status cgap_paired_differences(cgap_comparison *c, size_t k, const cgap_audit *a, const cgap_audit *b,
                                    cgap_error *error)
{
  cgap_change *change = &c->change[k * c->entries];
  paired p;
  cgap_status status = paired_init(&p, a, b, error);
  if (status != CGAP_OK)
    return status;
  for (size_t e = 0; e < c->entries; e++)
    change[e].lo = change[e].hi = NAN;
  for (size_t m = 0; status == CGAP_OK && m < sizeof MEANS / sizeof *MEANS; m++) {
    const size_t e = cgap_entry_find(MEANS[m].key);
    if (isfinite(change[e].difference))
      status = of_mean(&change[e], &p, &MEANS[m], e, c, k, error);
  }
  for (size_t m = 0; status == CGAP_OK && m < sizeof SMOOTH / sizeof *SMOOTH; m++) {
    const size_t e = cgap_entry_find(SMOOTH[m].key);
    if (isfinite(change[e].difference))
      interval_of_smooth(&change[e], &p, &SMOOTH[m]);
  }
  const size_t distance_entry = cgap_entry_find("gap.corrected_distance");
  const cgap_change moved = cgap_paired_distance(a, b);
  change[distance_entry].lo = moved.lo;
  change[distance_entry].hi = moved.hi;
  cgap_comparison_mark_same(c, k, cgap_paired_same_rows(a, b));
  paired_clear(&p);
  return status;
}

/* ---------------------------------------------------------------- before and after */

static cgap_status measure_head(cgap_evaluation *s, size_t k, const cgap_test_set *test,
                                const cgap_evaluated_head *entry, const cgap_evaluation_options *o, cgap_error *error)
{
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  cgap_transformed through = {.data = test->data};
  cgap_audit *audit = &s->audit[k];
  options.threads = o->threads;
  options.memory_bytes = o->memory_bytes;
  options.progress = o->progress;
  options.contributions = true;
  cgap_status status = CGAP_OK;
  if (entry->head)
    status = cgap_transformed_init(&through, &test->data, entry->head, o->spill, o->threads, error);
  if (status == CGAP_OK)
    status = cgap_audit_run(audit, &through.data, &options, error);
  if (status == CGAP_OK)
    status = cgap_comparison_audit(&s->comparison, k, entry->name, audit, error);
  if (status == CGAP_OK)
    cgap_test_set_map_rows(audit, test);
  s->comparison.input[k].seconds = entry->seconds;
  s->comparison.input[k].trained = entry->trained;
  cgap_transformed_clear(&through);
  return status;
}

static cgap_status run_all(cgap_evaluation *s, const cgap_test_set *test, const cgap_evaluated_head *heads,
                           const cgap_evaluation_options *options, cgap_error *error)
{
  cgap_comparison *c = &s->comparison;
  cgap_status status = CGAP_OK;
  for (size_t k = 0; status == CGAP_OK && k < s->count; k++) {
    status = measure_head(s, k, test, &heads[k], options, error);
    if (status != CGAP_OK || k == 0)
      continue;
    cgap_comparison_differences(c, k);
    c->input[k].rows = CGAP_ROWS_SAME;
    c->input[k].rows_why = N_("the same test part");
    if (cgap_paired_possible(&s->audit[0], &s->audit[k]))
      status = cgap_paired_differences(c, k, &s->audit[0], &s->audit[k], error);
  }
  for (size_t k = 1; status == CGAP_OK && k < s->count; k++)
    if (heads[k].start && cgap_paired_possible(&s->audit[heads[k].start], &s->audit[k])) {
      const cgap_change moved = cgap_paired_distance(&s->audit[heads[k].start], &s->audit[k]);
      cgap_comparison_set_start(c, k, heads[k].start, &moved);
    }
  return status;
}

cgap_status cgap_evaluation_run(cgap_evaluation *out, const cgap_test_set *test, const cgap_evaluated_head *heads,
                                size_t count, const cgap_evaluation_options *options, cgap_error *error)
{
  *out = (cgap_evaluation){.count = count, .audit = calloc(count, sizeof *out->audit)};
  if (!out->audit)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  cgap_status status = cgap_comparison_init(&out->comparison, count, error);
  if (status == CGAP_OK)
    status = run_all(out, test, heads, options, error);
  if (status != CGAP_OK)
    cgap_evaluation_clear(out);
  return status;
}

void cgap_evaluation_clear(cgap_evaluation *s)
{
  for (size_t k = 0; s->audit && k < s->count; k++)
    cgap_audit_clear(&s->audit[k]);
  free(s->audit);
  cgap_comparison_clear(&s->comparison);
  *s = (cgap_evaluation){0};
}
