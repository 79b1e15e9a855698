/* Zero-shot, arithmetic, checks, and the pairing test. */
#include "naive_inner.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- zero-shot */

/* (classes, dim): prompts normalised, averaged, normalised */
static double *class_rows(const naive_input *in)
{
  size_t d = in->dim, count = in->classes * in->prompts;
  double *prompt = support_alloc(count * d, sizeof *prompt), *out = support_alloc(in->classes * d, sizeof *out);
  memcpy(prompt, in->class_text, count * d * sizeof *prompt);
  support_normalise(prompt, count, d);
  for (size_t p = 0; p < count; p++)
    for (size_t k = 0; k < d; k++)
      out[p / in->prompts * d + k] += prompt[p * d + k];
  support_normalise(out, in->classes, d);
  free(prompt);
  return out;
}

/* ‖mean of the images of the class − its class text‖ */
static double class_gap(const naive_state *s, const double *class_text, size_t label, double images)
{
  double square = 0;
  for (size_t k = 0; k < s->d; k++) {
    double mean = 0;
    for (size_t i = 0; i < s->n; i++)
      mean += (size_t)s->in->labels[i] == label ? s->x[i * s->d + k] / images : 0;
    square += (mean - class_text[k]) * (mean - class_text[k]);
  }
  return sqrt(square);
}

void naive_zero_shot(naive_result *out, const naive_state *s)
{
  const naive_input *in = s->in;
  size_t n = s->n, present = 0;
  double *c = class_rows(in), *score = support_alloc(in->classes, sizeof *score);
  double *right = support_alloc(in->classes, sizeof *right), *images = support_alloc(in->classes, sizeof *images);
  double top1 = 0, top5 = 0, per_class = 0, variance = 0;
  for (size_t i = 0; i < n; i++) {
    size_t label = (size_t)in->labels[i], above = 0;
    for (size_t k = 0; k < in->classes; k++)
      score[k] = naive_dot(s->x + i * s->d, c + k * s->d, s->d);
    for (size_t k = 0; k < in->classes; k++)
      above += score[k] > score[label] + 1e-12 || (k < label && fabs(score[k] - score[label]) <= 1e-12);
    top1 += above == 0;
    top5 += above < 5;
    right[label] += above == 0;
    images[label]++;
  }
  for (size_t k = 0; k < in->classes; k++) {
    double fraction = images[k] > 0 ? right[k] / images[k] : 0;
    present += images[k] > 0;
    per_class += fraction;
    variance += images[k] > 1 ? fraction * (1 - fraction) / (images[k] - 1) : 0; /* of the class's mean, as below */
  }
  /* one v an image: Var v̄ = N/(N − 1) p(1 − p)/N */
  double p1 = top1 / (double)n, p5 = top5 / (double)n;
  cgap_zero_shot *z = &out->audit.zero_shot;
  z->top_1 = naive_wilson(p1, n, p1 * (1 - p1) / (double)(n - 1));
  z->top_5 = naive_wilson(p5, n, p5 * (1 - p5) / (double)(n - 1));
  z->mean_per_class = naive_wilson(per_class / (double)present, n, variance / ((double)present * (double)present));
  z->classes = support_alloc(in->classes, sizeof *z->classes);
  for (size_t k = 0; k < in->classes; k++)
    if (images[k] > 0)
      z->classes[z->class_count++] = (cgap_zero_shot_class){.label = k,
                                                            .images = (uint64_t)images[k],
                                                            .top_1 = right[k] / images[k],
                                                            .gap = class_gap(s, c + k * s->d, k, images[k])};
  out->audit.has |= CGAP_HAS_ZERO_SHOT;
  free(c);
  free(score);
  free(right);
  free(images);
}

/* ---------------------------------------------------------------- arithmetic */

/* the nearest image to x̂ + λ(ŵ_target − ŵ_source) other than the query has the wanted label */
static bool hits(const naive_state *s, const double *words, const int64_t *query, double lambda, double *target)
{
  size_t d = s->d, best = s->n, self = (size_t)query[0];
  double top = -INFINITY;
  for (size_t k = 0; k < d; k++)
    target[k] = s->x[self * d + k] + lambda * (words[(size_t)query[2] * d + k] - words[(size_t)query[1] * d + k]);
  for (size_t i = 0; i < s->n; i++) {
    double score = naive_dot(target, s->x + i * d, d);
    if (i != self && score > top + 1e-12) { /* equal images: the first */
      top = score;
      best = i;
    }
  }
  return s->in->image_label[best] == query[3];
}

void naive_arithmetic(naive_result *out, const naive_state *s)
{
  const naive_input *in = s->in;
  cgap_arithmetic *a = &out->audit.arithmetic;
  double *words = support_alloc(in->word_count * s->d, sizeof *words), *target = support_alloc(s->d, sizeof *target);
  memcpy(words, in->words, in->word_count * s->d * sizeof *words);
  support_normalise(words, in->word_count, s->d);
  for (int l = 0; l < CGAP_CURVE_POINTS; l++) {
    double right = 0, all = 0;
    a->lambda[l] = l / 10.0;
    for (size_t q = 0; q < in->queries; q++) {
      double weight = in->query_weight ? in->query_weight[q] : 1;
      all += weight;
      right += hits(s, words, in->query + 4 * q, a->lambda[l], target) ? weight : 0;
    }
    a->curve[l] = 100 * right / all;
  }
  a->score = naive_scalar(a->curve[10], in->queries);
  out->audit.has |= CGAP_HAS_ARITHMETIC;
  free(words);
  free(target);
}

/* ---------------------------------------------------------------- checks */

static void found(cgap_check *check, size_t row)
{
  if (check->example_count < CGAP_EXAMPLES)
    check->examples[check->example_count++] = row;
  check->count++;
}

static void check_rows(cgap_modality_checks *c, const double *raw, const double *cosine, size_t rows, size_t d,
                       const size_t *file_row, uint64_t *least, uint64_t *most)
{
  double norms = 0;
  for (size_t i = 0; i < rows; i++) {
    size_t name = file_row ? file_row[i] : i;
    double norm = sqrt(naive_dot(raw + i * d, raw + i * d, d)), near = -1;
    bool repeats = false;
    norms += norm;
    for (size_t j = 0; j < rows; j++) {
      repeats |= j < i && memcmp(raw + i * d, raw + j * d, d * sizeof *raw) == 0;
      near = j != i ? fmax(near, cosine[i * rows + j]) : near;
    }
    if (fabs(norm - 1) > 1e-3)
      found(&c->off_unit, name);
    if (repeats)
      found(&c->duplicates, name);
    if (near > 0.999)
      found(&c->near_duplicates, name);
    *least += near > 0.999 + 1e-6;
    *most += near > 0.999 - 1e-6;
  }
  c->norm_mean = norms / (double)rows;
  for (size_t k = 0; k < d; k++) {
    bool constant = true;
    for (size_t i = 1; i < rows; i++)
      constant &= raw[i * d + k] == raw[k];
    if (constant)
      found(&c->constant_columns, k);
  }
}

/* (x_i − x̄)·(y_j − ȳ) */
static double product_of(const naive_state *s, size_t i, size_t j)
{
  return s->xy[i * s->m + j] - naive_dot(s->x + i * s->d, s->my, s->d) - naive_dot(s->mx, s->y + j * s->d, s->d) +
         naive_dot(s->mx, s->my, s->d);
}

static size_t file_row(const naive_state *s, size_t image)
{
  return s->in->image_row ? s->in->image_row[image] : image;
}

/* Mean product of (o(j) + shift, j) over the *count texts where that row of the file is. */
static double shifted_mean(const naive_state *s, int shift, size_t *count)
{
  double sum = 0;
  *count = 0;
  for (size_t j = 0; j < s->m; j++)
    for (size_t i = 0; i < s->n; i++)
      if (file_row(s, i) == file_row(s, s->in->owner[j]) + (size_t)shift) {
        sum += product_of(s, i, j);
        ++*count;
      }
  return sum / (double)*count;
}

static bool same_group(const naive_state *s, size_t a, size_t b)
{
  const size_t i = s->in->owner[a], k = s->in->owner[b];
  return memcmp(s->in->image + i * s->d, s->in->image + k * s->d, s->d * sizeof *s->in->image) == 0;
}

/* Mean square, over random images, of the sum of the products of the texts of one image (or its copies), per text; at
 * least that of each text alone. *grouped: whether any text shares its image. */
static double square_of_random(const naive_state *s, bool *grouped)
{
  double together = 0, alone = 0;
  *grouped = false;
  for (size_t j = 0; j < s->m; j++)
    for (size_t k = 0; k < s->m; k++) {
      if (!same_group(s, j, k))
        continue;
      *grouped = *grouped || j != k;
      for (size_t i = 0; i < s->n; i++) {
        const double square = product_of(s, i, j) * product_of(s, i, k);
        together += square;
        alone += j == k ? square : 0;
      }
    }
  return fmax(alone, together) / ((double)s->n * (double)s->m);
}

/* The offset of greatest z, each over its own pairs, where that is at least 4 and 4 more than as given. */
static int better_shift(const naive_state *s, double square)
{
  double z[11], best = -INFINITY;
  int shift = 0;
  for (int o = -5; o <= 5; o++) {
    size_t count;
    double mean = shifted_mean(s, o, &count);
    z[o + 5] = count ? mean * sqrt((double)count / square) : -INFINITY;
    if (o != 0 && z[o + 5] > best) {
      best = z[o + 5];
      shift = o;
    }
  }
  return best >= 4 && best - z[5] >= 4 ? shift : 0;
}

/* Twice the share of pairs at or below the median of the unmatched, ties within 1e-12. */
static cgap_scalar below_median(const naive_state *s)
{
  double *sorted = support_alloc(s->n * s->m, sizeof *sorted), *below = support_alloc(s->m, sizeof *below),
         fraction = 0;
  size_t count = 0;
  for (size_t i = 0; i < s->n; i++)
    for (size_t j = 0; j < s->m; j++)
      if (s->in->owner[j] != i)
        sorted[count++] = s->xy[i * s->m + j];
  qsort(sorted, count, sizeof *sorted, naive_compare_doubles);
  const double median = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
  for (size_t j = 0; j < s->m; j++) {
    below[j] = s->xy[s->in->owner[j] * s->m + j] <= median + 1e-12;
    fraction += below[j] / (double)s->m;
  }
  cgap_scalar out = naive_wilson(fraction, s->m, naive_mean_variance(s, below, true));
  out.value = fmin(1, 2 * out.value);
  out.lo = fmin(1, 2 * out.lo);
  out.hi = fmin(1, 2 * out.hi);
  free(sorted);
  free(below);
  return out;
}

static void check_pairing(naive_result *result, const naive_state *s)
{
  const cgap_audit *a = &result->audit;
  cgap_pairing_check *out = &result->audit.pairing_check;
  size_t all;
  bool grouped;
  double square = square_of_random(s, &grouped);
  out->matched_mean = a->cosine_pair.mean;
  out->shuffled_mean = a->cosine_cross.mean;
  /* N/(N − 1): the centroids are those of the same rows */
  out->z = shifted_mean(s, 0, &all) * (double)s->n / (double)(s->n - 1) * sqrt((double)s->m / square);
  out->verdict = out->z >= 4 ? CGAP_PAIRING_MATCHED : out->z < 2 ? CGAP_PAIRING_SHUFFLED : CGAP_PAIRING_UNCLEAR;
  result->open_z = grouped && (s->n > 256 || s->m > 256) ? fabs(out->z) / 20 : 0;
  out->shift = better_shift(s, square);
  out->below_median_share = below_median(s);
}

static void worst_pairs(cgap_audit *a, const naive_state *s)
{
  bool *taken = support_alloc(s->m, sizeof *taken);
  a->worst_count = s->m < CGAP_WORST ? s->m : CGAP_WORST;
  for (size_t w = 0; w < a->worst_count; w++) {
    size_t low = s->m;
    for (size_t j = 0; j < s->m; j++)
      if (!taken[j] && (low == s->m || a->pair_cosine[j] < a->pair_cosine[low]))
        low = j;
    taken[low] = true;
    size_t image = s->in->owner[low];
    a->worst[w] = (cgap_pair){s->in->image_row ? s->in->image_row[image] : image,
                              s->in->text_row ? s->in->text_row[low] : low, a->pair_cosine[low]};
  }
  free(taken);
}

void naive_checks(naive_result *out, const naive_state *s)
{
  cgap_audit *a = &out->audit;
  check_rows(&a->checks_image, s->in->image, s->xx, s->n, s->d, s->in->image_row, &out->near_least[0],
             &out->near_most[0]);
  check_rows(&a->checks_text, s->in->text, s->yy, s->m, s->d, s->in->text_row, &out->near_least[1], &out->near_most[1]);
  if (s->in->owner) {
    check_pairing(out, s);
    worst_pairs(a, s);
  }
}
