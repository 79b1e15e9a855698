/* The regularised incomplete beta function by its continued fraction (Lentz's method, as in Numerical Recipes 6.4),
 * its quantile by bisection. */
#include "analysis/quantiles.h"

#include <math.h>

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
