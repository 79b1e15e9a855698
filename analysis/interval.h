/* 95 % intervals, the image with its texts being the unit, and the scalars that carry them. */
#ifndef CGAP_ANALYSIS_INTERVAL_H
#define CGAP_ANALYSIS_INTERVAL_H

#include <math.h>

#include "analysis/measure.h"

#define CGAP_Z95 1.96

cgap_scalar cgap_scalar_number(double value, uint64_t n);                  /* no interval */
cgap_scalar cgap_scalar_null(const char *why, uint64_t n);                 /* why: a static sentence */
cgap_scalar cgap_scalar_normal(double value, double variance, uint64_t n); /* value ± 1.96 sd */
cgap_scalar cgap_scalar_bounds(double value, double lo, double hi, uint64_t n);

/* NaN, that is no interval, where fewer than two images have a text.
 * Var v̄ = N/(N − 1) Σ_i (Σ_{j∈T_i} (v_j − v̄))²/M², v (texts) one number a text. */
double cgap_variance_of_text_mean(const cgap_audit_sums *e, const double *v, double mean);

/* The same with one number an image: N/(N − 1) Σ (v_i − v̄)²/N² over the n images that have one (v not NaN); NaN for
 * fewer than two. */
double cgap_variance_of_image_mean(const double *v, size_t images, double mean);

/* Wilson's interval of a proportion p with n/deff trials, deff = max(1, variance/(p(1 − p)/n)). */
cgap_scalar cgap_scalar_wilson(double p, double variance, uint64_t n);

static inline bool cgap_scalar_known(const cgap_scalar *s)
{
  return !s->why && isfinite(s->value);
}

/* ---------------------------------------------------------------- quantiles */

/* Quantiles of the distributions that intervals of differences rest on. */

/* x with I_x(a, b) = p, I the regularised incomplete beta function; a, b > 0, 0 < p < 1. */
double cgap_beta_quantile(double p, double a, double b);

/* t with P(|T| > t) = 0.05 for Student's T with `freedom` degrees of freedom, above 0. */
double cgap_student_95(double freedom);

#endif
