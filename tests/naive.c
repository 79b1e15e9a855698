/* The naive program's frame, the gap and the intervals that several measures share. */
#include "naive_inner.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double naive_dot(const double *a, const double *b, size_t d)
{
  double s = 0;
  for (size_t k = 0; k < d; k++)
    s += a[k] * b[k];
  return s;
}

cgap_scalar naive_scalar(double value, size_t n)
{
  return (cgap_scalar){.value = value, .lo = NAN, .hi = NAN, .n = n};
}

cgap_scalar naive_null(void)
{
  return (cgap_scalar){.value = NAN, .lo = NAN, .hi = NAN, .why = "null"};
}

cgap_scalar naive_with_sd(double value, double variance, size_t n)
{
  cgap_scalar out = naive_scalar(value, n);
  out.lo = value - 1.96 * sqrt(variance);
  out.hi = value + 1.96 * sqrt(variance);
  return out;
}

/* Var v̄ = N/(N − 1) Σ_i (Σ_{j∈T_i} (v_j − v̄))²/M²; image queries: one v an image. NaN where one image has all texts:
 * it says nothing of its spread */
double naive_mean_variance(const naive_state *s, const double *v, bool per_text)
{
  size_t count = 0, groups = 0, units = 0;
  double mean = 0, *sum = support_alloc(s->n, sizeof *sum), total = 0;
  if (per_text) {
    count = s->m;
    groups = s->n;
    for (size_t j = 0; j < s->m; j++)
      mean += v[j] / (double)s->m;
    for (size_t j = 0; j < s->m; j++)
      sum[s->in->owner[j]] += v[j] - mean;
  } else {
    for (size_t i = 0; i < s->n; i++)
      count += s->texts_of[i] > 0;
    groups = count;
    for (size_t i = 0; i < s->n; i++)
      mean += s->texts_of[i] > 0 ? v[i] / (double)count : 0;
    for (size_t i = 0; i < s->n; i++)
      sum[i] = s->texts_of[i] > 0 ? v[i] - mean : 0;
  }
  for (size_t i = 0; i < s->n; i++) {
    total += sum[i] * sum[i];
    units += s->texts_of[i] > 0;
  }
  free(sum);
  if (units < 2)
    return NAN;
  return (double)groups / (double)(groups - 1) * total / ((double)count * (double)count);
}

cgap_scalar naive_mean(const naive_state *s, const double *v, bool per_text)
{
  double mean = 0;
  size_t count = 0;
  for (size_t i = 0; i < (per_text ? s->m : s->n); i++) {
    if (per_text || s->texts_of[i] > 0) {
      mean += v[i];
      count++;
    }
  }
  return naive_with_sd(mean / (double)count, naive_mean_variance(s, v, per_text), count);
}

cgap_scalar naive_wilson(double p, size_t n, double variance)
{
  if (isnan(variance))
    return naive_scalar(p, n);
  double plain = p * (1 - p) / (double)n;
  double deff = p > 0 && p < 1 ? fmax(1, variance / plain) : 1;
  double m = (double)n / deff, z = 1.96, wide = 1 + z * z / m;
  double middle = (p + z * z / (2 * m)) / wide;
  double half = z / wide * sqrt(p * (1 - p) / m + z * z / (4 * m * m));
  cgap_scalar out = naive_scalar(p, n);
  out.lo = middle - half;
  out.hi = middle + half;
  return out;
}

int naive_compare_doubles(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* ---------------------------------------------------------------- gap */

/* out (d, d) = the covariance of the rows of x about mean, divisor n − 1 */
static void covariance(const double *x, const double *mean, size_t n, size_t d, double *out)
{
  memset(out, 0, d * d * sizeof *out);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < d; k++)
      for (size_t l = 0; l < d; l++)
        out[k * d + l] += (x[i * d + k] - mean[k]) * (x[i * d + l] - mean[l]) / (double)(n - 1);
}

/* v (d, d): the covariance of mean x − mean y, by groups where paired */
static void centroid_covariance(const naive_state *s, double *v)
{
  size_t d = s->d;
  double *a = support_alloc(d * d, sizeof *a), *b = support_alloc(d * d, sizeof *b);
  if (!s->in->owner) {
    covariance(s->x, s->mx, s->n, d, a);
    covariance(s->y, s->my, s->m, d, b);
    for (size_t k = 0; k < d * d; k++)
      v[k] = a[k] / (double)s->n + b[k] / (double)s->m;
  } else { /* g_i, then C/N = N Σ g_i g_iᵀ/(N − 1) */
    double *g = support_alloc(s->n * d, sizeof *g), *zero = support_alloc(d, sizeof *zero);
    for (size_t i = 0; i < s->n; i++)
      for (size_t k = 0; k < d; k++)
        g[i * d + k] = (s->x[i * d + k] - s->mx[k]) / (double)s->n;
    for (size_t j = 0; j < s->m; j++)
      for (size_t k = 0; k < d; k++)
        g[s->in->owner[j] * d + k] -= (s->y[j * d + k] - s->my[k]) / (double)s->m;
    covariance(g, zero, s->n, d, v);
    for (size_t k = 0; k < d * d; k++)
      v[k] *= (double)s->n;
    free(g);
    free(zero);
  }
  free(a);
  free(b);
}

/* corrected_distance: g² − noise_floor² ± 1.96 s, s² = 4gᵀVg + 2 trace(V²), V = C/N where paired; cut at 0, then the
 * root */
static void distances(naive_result *out, const naive_state *s, size_t n)
{
  size_t d = s->d;
  double *v = support_alloc(d * d, sizeof *v), floor2 = 0, g2 = 0, gvg = 0, v2 = 0;
  centroid_covariance(s, v);
  for (size_t k = 0; k < d; k++) {
    double gk = s->mx[k] - s->my[k];
    g2 += gk * gk;
    floor2 += v[k * d + k];
    for (size_t l = 0; l < d; l++) {
      gvg += gk * v[k * d + l] * (s->mx[l] - s->my[l]);
      v2 += v[k * d + l] * v[k * d + l];
    }
  }
  double sd = sqrt(4 * gvg + 2 * v2);
  cgap_gap *gap = &out->audit.gap;
  gap->centroid_distance = naive_scalar(sqrt(g2), n);
  gap->corrected_distance = naive_scalar(sqrt(fmax(0, g2 - floor2)), n);
  gap->corrected_distance.lo = sqrt(fmax(0, g2 - floor2 - 1.96 * sd));
  gap->corrected_distance.hi = sqrt(fmax(0, g2 - floor2 + 1.96 * sd));
  gap->noise_floor = naive_scalar(sqrt(floor2), n);
  free(v);
}

static void dimensions(naive_result *out, const naive_state *s)
{
  cgap_gap *gap = &out->audit.gap;
  double total = 0;
  for (size_t k = 0; k < s->d; k++)
    total += pow(s->mx[k] - s->my[k], 2);
  if (total == 0)
    return;
  bool *taken = support_alloc(s->d, sizeof *taken);
  gap->dimension_count = s->d < 10 ? s->d : 10;
  for (size_t place = 0; place < gap->dimension_count; place++) {
    size_t best = s->d;
    for (size_t k = 0; k < s->d; k++)
      if (!taken[k] && (best == s->d || fabs(s->mx[k] - s->my[k]) > fabs(s->mx[best] - s->my[best])))
        best = k;
    taken[best] = true;
    gap->dimensions[place] =
      (cgap_dimension){best, pow(s->mx[best] - s->my[best], 2) / total, s->mx[best], s->my[best]};
  }
  free(taken);
}

/* mean over the pairs i < j of a (rows, rows) matrix of cosines */
static double mean_off_diagonal(const double *cosine, size_t rows)
{
  double sum = 0;
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < i; j++)
      sum += cosine[i * rows + j];
  return sum / ((double)rows * (double)(rows - 1) / 2);
}

static void paired_gap(naive_result *out, const naive_state *s)
{
  size_t n = s->n, m = s->m, d = s->d;
  cgap_alignment *align = &out->audit.alignment;
  double *square = support_alloc(m, sizeof *square), *plain = support_alloc(m, sizeof *plain);
  double *shift = support_alloc(d, sizeof *shift), shift2 = 0, cosine = 0;
  for (size_t j = 0; j < m; j++) {
    const double *x = s->x + s->in->owner[j] * d, *y = s->y + j * d;
    for (size_t k = 0; k < d; k++) {
      square[j] += (x[k] - y[k]) * (x[k] - y[k]);
      shift[k] += (x[k] - y[k]) / (double)m;
    }
    plain[j] = sqrt(square[j]);
    cosine += s->xy[s->in->owner[j] * m + j] / (double)m;
  }
  for (size_t k = 0; k < d; k++)
    shift2 += shift[k] * shift[k];
  align->mean_squared_distance = naive_mean(s, square, true);
  align->mean_distance = naive_mean(s, plain, true);
  double dm = (1 - cosine) / 2, di = (1 - mean_off_diagonal(s->xx, n)) / 2, dt = (1 - mean_off_diagonal(s->yy, m)) / 2;
  double rmg = dm + (di + dt) / 2, mean = align->mean_squared_distance.value;
  out->audit.gap.rmg = rmg > 0 ? naive_scalar(dm / rmg, n) : naive_null();
  out->audit.gap.share_of_alignment = mean > 0 ? naive_scalar(shift2 / mean, n) : naive_null();
  free(square);
  free(plain);
  free(shift);
}

void naive_gap(naive_result *out, const naive_state *s)
{
  size_t n = s->in->owner || s->n < s->m ? s->n : s->m;
  distances(out, s, n);
  double lengths = sqrt(naive_dot(s->mx, s->mx, s->d) * naive_dot(s->my, s->my, s->d));
  out->audit.gap.centroid_cosine =
    lengths > 0 ? naive_scalar(naive_dot(s->mx, s->my, s->d) / lengths, n) : naive_null();
  dimensions(out, s);
  if (s->in->owner)
    paired_gap(out, s);
}

/* ---------------------------------------------------------------- the frame */

static double *unit_rows(const double *x, size_t rows, size_t d)
{
  double *out = support_alloc(rows * d, sizeof *out);
  memcpy(out, x, rows * d * sizeof *out);
  support_normalise(out, rows, d);
  return out;
}

static double *means(const double *x, size_t rows, size_t d)
{
  double *out = support_alloc(d, sizeof *out);
  for (size_t i = 0; i < rows; i++)
    for (size_t k = 0; k < d; k++)
      out[k] += x[i * d + k] / (double)rows;
  return out;
}

static double *products(const double *a, const double *b, size_t rows, size_t columns, size_t d)
{
  double *out = support_alloc(rows * columns, sizeof *out);
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < columns; j++)
      out[i * columns + j] = naive_dot(a + i * d, b + j * d, d);
  return out;
}

static void prepare(naive_state *s, const naive_input *in)
{
  *s = (naive_state){.in = in, .n = in->images, .m = in->texts, .d = in->dim};
  s->x = unit_rows(in->image, s->n, s->d);
  s->y = unit_rows(in->text, s->m, s->d);
  s->mx = means(s->x, s->n, s->d);
  s->my = means(s->y, s->m, s->d);
  s->xy = products(s->x, s->y, s->n, s->m, s->d);
  s->xx = products(s->x, s->x, s->n, s->n, s->d);
  s->yy = products(s->y, s->y, s->m, s->m, s->d);
  s->texts_of = support_alloc(s->n, sizeof *s->texts_of);
  for (size_t j = 0; in->owner && j < s->m; j++)
    s->texts_of[in->owner[j]]++;
}

void naive_audit(naive_result *out, const naive_input *in)
{
  naive_state s;
  prepare(&s, in);
  *out = (naive_result){
    .audit = {.has = CGAP_HAS_TEXT | CGAP_ONE_SPACE, .images = s.n, .texts = s.m, .dim = s.d, .text_dim = s.d}};
  naive_gap(out, &s);
  naive_uniformity(out, &s);
  naive_mmd(out, &s);
  naive_cosines(out, &s);
  naive_spectra(out, &s);
  naive_separability(out, &s);
  naive_mixed(out, &s);
  naive_checks(out, &s);
  if (in->owner) {
    out->audit.has |= CGAP_HAS_PAIRS | CGAP_HAS_AGREEMENT;
    naive_losses(out, &s);
    naive_retrieval(out, &s);
    naive_hubness(out, &s);
    naive_mixed_retrieval(out, &s);
    naive_csls(out, &s);
    naive_agreement(out, &s);
  }
  if (in->class_text)
    naive_zero_shot(out, &s);
  if (in->words)
    naive_arithmetic(out, &s);
  double *blocks[] = {s.x, s.y, s.mx, s.my, s.xy, s.xx, s.yy};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
    free(blocks[i]);
  free(s.texts_of);
}

void naive_clear(naive_result *out)
{
  cgap_audit *a = &out->audit;
  free(a->pca_image.explained_variance_ratio);
  free(a->pca_text.explained_variance_ratio);
  free(a->pca_joint.explained_variance_ratio);
  free(a->pair_cosine);
  free(a->rank_text_to_image);
  free(a->rank_image_to_text);
  free(a->mixed_rank_image);
  free(a->zero_shot.classes);
  free(a->mixed_rank_text);
  *out = (naive_result){0};
}
