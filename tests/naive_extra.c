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
    double share = images[k] > 0 ? right[k] / images[k] : 0;
    present += images[k] > 0;
    per_class += share;
    variance += images[k] > 1 ? share * (1 - share) / (images[k] - 1) : 0; /* of the class's mean, as below */
  }
  /* one v an image: Var v̄ = N/(N − 1) p(1 − p)/N */
  double p1 = top1 / (double)n, p5 = top5 / (double)n;
  cgap_zero_shot *z = &out->audit.zero_shot;
  z->top_1 = naive_wilson(p1, n, p1 * (1 - p1) / (double)(n - 1));
  z->top_5 = naive_wilson(p5, n, p5 * (1 - p5) / (double)(n - 1));
  z->mean_per_class = naive_wilson(per_class / (double)present, n, variance / ((double)present * (double)present));
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

static void check_rows(cgap_side_checks *c, const double *raw, const double *cosine, size_t rows, size_t d,
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

/* mean cosine of (o(j) + shift, j) over the *count texts where that row exists */
static double shifted_mean(const naive_state *s, int shift, size_t *count)
{
  double sum = 0;
  *count = 0;
  for (size_t j = 0; j < s->m; j++) {
    long i = (long)s->in->owner[j] + shift;
    if (i >= 0 && i < (long)s->n) {
      sum += s->xy[(size_t)i * s->m + j];
      ++*count;
    }
  }
  return sum / (double)*count;
}

/* trace(Cx·Cy), divisors N and M: the mean square of the doubly centred cosines */
static double cross_trace(const naive_state *s)
{
  double total = 0, mean = naive_dot(s->mx, s->my, s->d);
  for (size_t i = 0; i < s->n; i++)
    for (size_t j = 0; j < s->m; j++) {
      double c =
        s->xy[i * s->m + j] - naive_dot(s->x + i * s->d, s->my, s->d) - naive_dot(s->mx, s->y + j * s->d, s->d) + mean;
      total += c * c;
    }
  return total / ((double)s->n * (double)s->m);
}

/* The offset of greatest z, each over its own couples, where that is at least 4 and 4 more than as given. */
static int better_shift(const naive_state *s, double shuffled, double sd)
{
  double z[11], best = -INFINITY;
  int shift = 0;
  for (int o = -5; o <= 5; o++) {
    size_t count;
    double mean = shifted_mean(s, o, &count);
    z[o + 5] = count ? (mean - shuffled) / (sd * sqrt((double)s->m / (double)count)) : -INFINITY;
    if (o != 0 && z[o + 5] > best) {
      best = z[o + 5];
      shift = o;
    }
  }
  return best >= 4 && best - z[5] >= 4 ? shift : 0;
}

static void check_pairing(cgap_pairing_check *out, const naive_state *s, const cgap_cosines *cross)
{
  size_t all;
  double sd = sqrt(cross_trace(s) / (double)s->m);
  out->matched_mean = shifted_mean(s, 0, &all);
  out->shuffled_mean = cross->mean;
  out->z = (out->matched_mean - cross->mean) / sd;
  out->verdict = out->z >= 4 ? CGAP_PAIRING_MATCHED : out->z < 2 ? CGAP_PAIRING_SHUFFLED : CGAP_PAIRING_UNCLEAR;
  out->shift = s->in->row_offsets ? better_shift(s, cross->mean, sd) : 0;
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
    check_pairing(&a->pairing_check, s, &a->cosine_cross);
    worst_pairs(a, s);
  }
}
