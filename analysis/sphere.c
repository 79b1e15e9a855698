/* uniformity.sphere: the value for the uniform distribution on S^(d−1). For x, y uniform, x·y has the density of one
 * coordinate, whose moment generating function at s is 0F1(; d/2; s²/4); with s = 2t the mean kernel is
 * e^(-2t) 0F1(; d/2; t²). The series has positive terms only. */
#include "analysis/finish.h"

#include <math.h>

double cgap_sphere_uniformity(size_t dim, double t)
{
  double term = 1, rest = 0;
  for (int k = 1; term > 1e-20 * (1 + rest); k++) {
    term *= t * t / ((double)dim / 2 + k - 1) / k;
    rest += term;
  }
  return -2 * t + log1p(rest);
}
