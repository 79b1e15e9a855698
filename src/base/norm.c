#include "base/norm.h"

#include <string.h>

#define SMALL_SQUARE 1e-200 /* between these no square that matters is lost */
#define LARGE_SQUARE 1e200

static double square_sum(const double *row, size_t dim)
{
  double total = 0;
#pragma omp simd reduction(+ : total)
  for (size_t k = 0; k < dim; k++)
    total += row[k] * row[k];
  return total;
}

/* The largest magnitude; NaN where an element is not finite. */
static double largest_of(const double *row, size_t dim)
{
  double largest = 0;
  for (size_t k = 0; k < dim; k++) {
    if (!isfinite(row[k]))
      return NAN;
    largest = fmax(largest, fabs(row[k]));
  }
  return largest;
}

/* Σ (x·2^power)², with a power that keeps it in range. */
static double scaled_square_sum(const double *row, size_t dim, int *power)
{
  double total = square_sum(row, dim);
  *power = 0;
  if (total > SMALL_SQUARE && total < LARGE_SQUARE)
    return total;
  const double largest = largest_of(row, dim);
  if (!(largest > 0))
    return largest;
  *power = -ilogb(largest);
  total = 0;
  for (size_t k = 0; k < dim; k++) {
    const double x = ldexp(row[k], *power);
    total += x * x;
  }
  return total;
}

double cgap_norm(const double *row, size_t dim)
{
  int power;
  const double norm = sqrt(scaled_square_sum(row, dim, &power));
  return power ? ldexp(norm, -power) : norm;
}

cgap_scale cgap_scale_of(const double *row, size_t dim)
{
  cgap_scale scale;
  scale.factor = 1 / sqrt(scaled_square_sum(row, dim, &scale.power));
  return scale;
}

bool cgap_normalise(double *out, const double *row, size_t dim)
{
  const cgap_scale scale = cgap_scale_of(row, dim);
  if (!isfinite(scale.factor)) {
    memset(out, 0, dim * sizeof *out);
    return false;
  }
  for (size_t k = 0; k < dim; k++)
    out[k] = cgap_scaled(row[k], scale);
  return true;
}
