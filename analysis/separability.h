/* gap.linear_separability and gap.separability_auc. */
#ifndef CGAP_ANALYSIS_SEPARABILITY_H
#define CGAP_ANALYSIS_SEPARABILITY_H

#include "analysis/measure.h"

enum { CGAP_FOLDS = 5 };

/* What the engine does for the fit: for both sides, scores = Z Wᵀ (+ intercept, by the callback), then
 * gradient += residualᵀ Z. weights and gradient (CGAP_FOLDS, dim), zeroed by the caller. `rows`
 * is called for runs of a side's rows with their scores (rows, CGAP_FOLDS), from several threads at once, and turns
 * them into residuals. */
typedef void (*cgap_fold_rows)(void *context, cgap_couples side, size_t first, size_t rows, double *scores);
typedef struct cgap_products {
  cgap_status (*run)(void *self, const double *weights, cgap_fold_rows rows, void *context, double *gradient,
                     cgap_error *error);
  void *self;
} cgap_products;

CGAP_MUST_CHECK cgap_status cgap_separability_finish(const cgap_evidence *e, const cgap_products *products,
                                                     cgap_audit *out, cgap_error *error);

#endif
