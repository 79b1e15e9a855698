/* Quantiles of the distributions that intervals of differences rest on. */
#ifndef CGAP_ANALYSIS_QUANTILES_H
#define CGAP_ANALYSIS_QUANTILES_H

/* x with I_x(a, b) = p, I the regularised incomplete beta function; a, b > 0, 0 < p < 1. */
double cgap_beta_quantile(double p, double a, double b);

/* t with P(|T| > t) = 0.05 for Student's T with `freedom` degrees of freedom, above 0. */
double cgap_student_95(double freedom);

#endif
