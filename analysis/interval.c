#include "analysis/interval.h"

#include <math.h>

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
  if (isnan(variance)) /* one unit alone says nothing of its spread */
    return cgap_scalar_number(value, n);
  const double half = CGAP_Z95 * sqrt(variance < 0 ? 0 : variance); /* NaN: no interval */
  return cgap_scalar_bounds(value, value - half, value + half, n);
}

double cgap_variance_of_text_mean(const cgap_audit_sums *e, const double *v, double mean)
{
  const double images = (double)e->image.rows, texts = (double)e->text.rows;
  double total = 0;
  size_t groups = 0;
  for (size_t i = 0; i < e->image.rows; i++) {
    double group = 0;
    groups += e->first[i + 1] > e->first[i];
    for (size_t k = e->first[i]; k < e->first[i + 1]; k++)
      group += v[e->text_of[k]] - mean;
    total += group * group;
  }
  return groups > 1 ? images / (images - 1) * total / (texts * texts) : NAN;
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

double cgap_student_95(double freedom)
{
  const double x = cgap_beta_quantile(0.05, freedom / 2, 0.5);
  return sqrt(freedom * (1 / x - 1));
}
