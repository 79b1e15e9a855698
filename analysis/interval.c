#include "analysis/interval.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

cgap_scalar cgap_scalar_bounds(double value, double lo, double hi, uint64_t n)
{
  return (cgap_scalar){.value = value, .lo = lo, .hi = hi, .n = n, .method = CGAP_EXACT};
}

cgap_scalar cgap_scalar_number(double value, uint64_t n)
{
  return cgap_scalar_bounds(value, NAN, NAN, n);
}

cgap_scalar cgap_scalar_null(const char *why, uint64_t n)
{
  cgap_scalar s = cgap_scalar_number(NAN, n);
  s.why = why;
  return s;
}

cgap_scalar cgap_scalar_normal(double value, double variance, uint64_t n)
{
  if (isnan(variance)) /* one unit alone says nothing of its variance */
    return cgap_scalar_number(value, n);
  const double half = CGAP_Z95 * sqrt(variance < 0 ? 0 : variance); /* NaN: no interval */
  return cgap_scalar_bounds(value, value - half, value + half, n);
}

/* v (texts), or NULL: the function of the pair's cosine and the bound. */
static double variance_of_mean_over_texts(const cgap_audit_sums *e, const double *v, cgap_pair_value of, double bound,
                                          double mean)
{
  const double images = (double)e->image.rows, texts = (double)e->text.rows;
  double total = 0;
  size_t groups = 0;
  for (size_t i = 0; i < e->image.rows; i++) {
    double group = 0;
    const size_t first = cgap_first_of(e, i), end = cgap_first_of(e, i + 1);
    groups += end > first;
    for (size_t k = first; k < end; k++)
      group += (v ? v[cgap_text_of(e, k)] : of(e->pair_cosine[cgap_text_of(e, k)], bound)) - mean;
    total += group * group;
  }
  return groups > 1 ? images / (images - 1) * total / (texts * texts) : NAN;
}

double cgap_variance_of_text_mean(const cgap_audit_sums *e, const double *v, double mean)
{
  return variance_of_mean_over_texts(e, v, NULL, 0, mean);
}

double cgap_variance_of_pair_mean(const cgap_audit_sums *e, cgap_pair_value of, double bound, double mean)
{
  return variance_of_mean_over_texts(e, NULL, of, bound, mean);
}

double cgap_variance_of_image_mean(const double *v, size_t images, double mean)
{
  double total = 0, n = 0;
  for (size_t i = 0; i < images; i++)
    if (!isnan(v[i])) {
      total += (v[i] - mean) * (v[i] - mean);
      n++;
    }
  return n > 1 ? total / (n * (n - 1)) : NAN;
}

cgap_scalar cgap_scalar_wilson(double p, double variance, uint64_t n)
{
  const double binomial = p * (1 - p) / (double)n;
  if (isnan(variance))
    return cgap_scalar_number(p, n);
  const double effect = binomial > 0 ? fmax(1, variance / binomial) : 1;
  const double trials = (double)n / effect, z2 = CGAP_Z95 * CGAP_Z95;
  const double centre = (p + z2 / (2 * trials)) / (1 + z2 / trials);
  const double half = CGAP_Z95 / (1 + z2 / trials) * sqrt(p * (1 - p) / trials + z2 / (4 * trials * trials));
  return cgap_scalar_bounds(p, p > 0 ? centre - half : 0, p < 1 ? centre + half : 1, n);
}

/* ---------------------------------------------------------------- quantiles */

/* The regularised incomplete beta function by its continued fraction (Lentz's method, as in Numerical Recipes 6.4),
 * its quantile by bisection. */

static double continued_fraction(double x, double a, double b)
{
  enum { TERMS = 10000 };
  const double tiny = 1e-300;
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  d = 1 / (fabs(d) < tiny ? tiny : d);
  double value = d;
  for (int k = 1; k < TERMS; k++) {
    const double m = k, two = 2 * m;
    const double terms[] = {m * (b - m) * x / ((a + two - 1) * (a + two)),
                            -(a + m) * (a + b + m) * x / ((a + two) * (a + two + 1))};
    double change = 1;
    for (int half = 0; half < 2; half++) {
      d = 1 + terms[half] * d;
      d = 1 / (fabs(d) < tiny ? tiny : d);
      c = 1 + terms[half] / c;
      c = fabs(c) < tiny ? tiny : c;
      change = c * d;
      value *= change;
    }
    if (fabs(change - 1) < 1e-15)
      break;
  }
  return value;
}

static double incomplete_beta(double x, double a, double b)
{
  if (x <= 0 || x >= 1)
    return x <= 0 ? 0 : 1;
  const double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
  return x < (a + 1) / (a + b + 2) ? front * continued_fraction(x, a, b) / a
                                   : 1 - front * continued_fraction(1 - x, b, a) / b;
}

double cgap_beta_quantile(double p, double a, double b)
{
  double lo = 0, hi = 1;
  for (int k = 0; k < 100; k++) {
    const double middle = (lo + hi) / 2;
    if (incomplete_beta(middle, a, b) < p)
      lo = middle;
    else
      hi = middle;
  }
  return (lo + hi) / 2;
}

double cgap_sign_test(double lost, double gained)
{
  if (lost + gained <= 0)
    return 1;
  return fmin(1, 2 * incomplete_beta(0.5, fmax(lost, gained), fmin(lost, gained) + 1));
}

double cgap_student_95(double freedom)
{
  const double x = cgap_beta_quantile(0.05, freedom / 2, 0.5);
  return sqrt(freedom * (1 / x - 1));
}

double cgap_student_p(double t, double freedom)
{
  return isnan(t) ? 1 : incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5);
}

/* ---------------------------------------------------------------- query ranks */

/* Recall, mean reciprocal rank and mean rank as in Musgrave et al. 2020 and Voorhees 1999; nDCG of Järvelin and
 * Kekäläinen 2002. Intervals: the image with its texts is the unit (interval.h). */

static double variance_of_mean(const cgap_query_ranks *q, double mean)
{
  return q->texts ? cgap_variance_of_text_mean(q->sums, q->scratch, mean)
                  : cgap_variance_of_image_mean(q->scratch, q->rows, mean);
}

/* Fills scratch with a number made of each rank, and returns its mean. */
static double mean_of(const cgap_query_ranks *q, double (*of)(double rank, double k), double k)
{
  double mean = 0;
  for (size_t i = 0; i < q->rows; i++) {
    q->scratch[i] = isnan(q->rank[i]) ? NAN : of(q->rank[i], k);
    mean += isnan(q->rank[i]) ? 0 : q->scratch[i];
  }
  return mean / (double)q->queries;
}

static double is_within(double rank, double k)
{
  return rank <= k;
}

static double identity(double rank, double k)
{
  (void)k;
  return rank;
}

static double reciprocal(double rank, double k)
{
  (void)k;
  return 1 / rank;
}

static double discounted_gain(double rank, double k)
{
  return rank <= k ? 1 / log2(1 + rank) : 0;
}

void cgap_query_ranks_clear(cgap_query_ranks q[CGAP_QUERY_KINDS])
{
  for (int k = 0; k < CGAP_QUERY_KINDS; k++) {
    cgap_free(q[k].rank);
    cgap_free(q[k].scratch);
    q[k] = (cgap_query_ranks){0};
  }
}

cgap_status cgap_query_ranks_init(cgap_query_ranks q[CGAP_QUERY_KINDS], const cgap_audit_sums *e,
                                  const cgap_sums *cross, cgap_error *error)
{
  const size_t images = e->image.rows, texts = e->text.rows;
  q[CGAP_BY_IMAGE] = (cgap_query_ranks){.sums = e, .rows = images};
  q[CGAP_BY_TEXT] = (cgap_query_ranks){.sums = e, .rows = texts, .queries = texts, .texts = true};
  bool ok = true;
  for (int k = 0; k < CGAP_QUERY_KINDS; k++) {
    q[k].rank = cgap_alloc(q[k].rows, sizeof(double));
    q[k].scratch = cgap_alloc(q[k].rows, sizeof(double));
    ok = ok && q[k].rank && q[k].scratch;
  }
  if (!ok) {
    cgap_query_ranks_clear(q);
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the ranks of %zu images and %zu texts", images, texts);
  }
  for (size_t i = 0; i < images; i++) {
    const bool asks = e->first[i + 1] > e->first[i];
    q[CGAP_BY_IMAGE].queries += asks;
    q[CGAP_BY_IMAGE].rank[i] = asks ? 1 + cgap_query_added_rank(cross->row_counts, cross->row_stride, i) : NAN;
  }
  for (size_t j = 0; j < texts; j++)
    q[CGAP_BY_TEXT].rank[j] = 1 + cgap_query_added_rank(cross->column_counts, cross->column_stride, j);
  return CGAP_OK;
}

cgap_scalar cgap_query_recall(const cgap_query_ranks *q, double k)
{
  const double mean = mean_of(q, is_within, k);
  return cgap_scalar_wilson(mean, variance_of_mean(q, mean), q->queries);
}

cgap_scalar cgap_query_mean_rank(const cgap_query_ranks *q)
{
  const double mean = mean_of(q, identity, 0);
  return cgap_scalar_normal(mean, variance_of_mean(q, mean), q->queries);
}

cgap_scalar cgap_query_mean_reciprocal_rank(const cgap_query_ranks *q)
{
  const double mean = mean_of(q, reciprocal, 0);
  return cgap_scalar_normal(mean, variance_of_mean(q, mean), q->queries);
}

cgap_scalar cgap_query_ndcg_at_10(const cgap_query_ranks *q)
{
  const double mean = mean_of(q, discounted_gain, 10), variance = variance_of_mean(q, mean);
  return mean <= 0 || mean >= 1 ? cgap_scalar_wilson(mean, variance, q->queries)
                                : cgap_scalar_normal(mean, variance, q->queries);
}

static void swap_doubles(double *a, double *b)
{
  const double t = *a;
  *a = *b;
  *b = t;
}

/* v[k] goes down to its place in a heap of n with the greatest on top. */
static void sift_down(double *v, size_t k, size_t n)
{
  for (size_t child; (child = 2 * k + 1) < n; k = child) {
    child += child + 1 < n && v[child + 1] > v[child];
    if (!(v[child] > v[k]))
      return;
    swap_doubles(&v[k], &v[child]);
  }
}

static void sort_by_heap(double *v, size_t n)
{
  for (size_t k = n / 2; k-- > 0;)
    sift_down(v, k, n);
  for (size_t last = n; last-- > 1;) {
    swap_doubles(&v[0], &v[last]);
    sift_down(v, 0, last);
  }
}

/* Quicksort (Hoare 1962) that heaps finish where `splits` were not enough (Musser 1997): in place, which qsort is not.
 */
static void sort_part(double *v, size_t n, int splits)
{
  for (; n > 1 && splits > 0; splits--) {
    const double a = v[0], b = v[n / 2], c = v[n - 1];
    const double pivot = fmax(fmin(a, b), fmin(fmax(a, b), c));
    size_t i = 0, j = n - 1;
    for (;; i++, j--) {
      while (v[i] < pivot)
        i++;
      while (v[j] > pivot)
        j--;
      if (i >= j)
        break;
      swap_doubles(&v[i], &v[j]);
    }
    const size_t low = i > j ? i : i + (i == 0); /* v[0 … low − 1] ≤ pivot ≤ the rest, and neither is empty */
    sort_part(v, low, splits - 1);
    v += low;
    n -= low;
  }
  sort_by_heap(v, n);
}

void cgap_sort(double *v, size_t n)
{
  int splits = 0;
  for (size_t k = n; k > 0; k /= 2)
    splits += 2;
  sort_part(v, n, splits);
}

cgap_scalar cgap_query_median_rank(const cgap_query_ranks *q)
{
  double *v = q->scratch;
  size_t n = 0;
  for (size_t i = 0; i < q->rows; i++)
    if (!isnan(q->rank[i]))
      v[n++] = q->rank[i];
  cgap_sort(v, n);
  return cgap_scalar_number(n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2, n);
}
