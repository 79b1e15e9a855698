/* Lengths of rows in double, at any scale: where the sum of squares would overflow or vanish, the row is first
 * multiplied by an exact power of two. Every command takes lengths from here, so that all agree on which rows are bad.
 */
#ifndef CGAP_BASE_NORM_H
#define CGAP_BASE_NORM_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* NaN where an element is not finite, 0 where all are zero, infinity where every element is finite and the norm is
 * beyond a double. */
double cgap_norm(const double *row, size_t dim);

/* Element x of a row becomes x·2^power·factor in its unit row. */
typedef struct cgap_scale {
  int power;
  double factor;
} cgap_scale;

cgap_scale cgap_scale_of(const double *row, size_t dim); /* factor not finite: the row has no direction */

static inline double cgap_scaled(double x, cgap_scale scale)
{
  return (scale.power ? ldexp(x, scale.power) : x) * scale.factor;
}

/* out = row/‖row‖; out may be row. false: an element is not finite, or all are zero, and so is out. */
bool cgap_normalise(double *out, const double *row, size_t dim);

#endif
