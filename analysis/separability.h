/* gap.linear_separability and gap.separability_auc. */
#ifndef CGAP_ANALYSIS_SEPARABILITY_H
#define CGAP_ANALYSIS_SEPARABILITY_H

#include "analysis/measure.h"

enum { CGAP_FOLDS = 5 };

/* What the audit does for the fit: for the rows of both sides, scores = Z Wᵀ (+ intercept, by the callback), then
 * gradient = residualᵀ Z. weights and gradient are (CGAP_FOLDS, dim), sums (CGAP_FOLD_SUMS) what the callback adds up.
 * It is called for runs of a side's rows with their scores (rows, CGAP_FOLDS), from several threads at once, and turns
 * them into residuals; under ranks each shows its own rows, and the results are of all. `gather` completes numbers
 * (rows) of a side where the callback has filled those that it was shown. */
enum { CGAP_FOLD_MARGINS = 4, CGAP_FOLD_SUMS = 1 + CGAP_FOLDS + CGAP_FOLD_MARGINS };
typedef void (*cgap_fold_rows)(void *context, cgap_pair_kind modality, size_t first, size_t rows, double *scores,
                               double *sums);
typedef struct cgap_products {
  cgap_status (*run)(void *self, const double *weights, cgap_fold_rows rows, void *context, double *gradient,
                     double *sums, cgap_error *error);
  cgap_status (*gather)(void *self, cgap_pair_kind modality, double *values, cgap_error *error);
  void *self;
} cgap_products;

CGAP_MUST_CHECK cgap_status cgap_separability_finish(const cgap_audit_sums *e, const cgap_products *products,
                                                     cgap_audit *out, cgap_error *error);

#endif
