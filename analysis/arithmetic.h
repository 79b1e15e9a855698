/* arithmetic.*: image + word − word. */
#ifndef CGAP_ANALYSIS_ARITHMETIC_H
#define CGAP_ANALYSIS_ARITHMETIC_H

#include "analysis/measure.h"

/* One query at every λ. */
typedef struct cgap_arithmetic_best {
  double score[CGAP_CURVE_POINTS];
  size_t image[CGAP_CURVE_POINTS]; /* kept row; SIZE_MAX: none yet */
} cgap_arithmetic_best;

/* A run of queries whose vectors are scored together: vectors 2q and 2q + 1 are x̂ and ŵ_target − ŵ_source. */
typedef struct cgap_arithmetic_run {
  size_t queries;
  const size_t *image;        /* (queries) kept row of the query's own image */
  cgap_arithmetic_best *best; /* (queries) */
  int threads;
} cgap_arithmetic_run;

double cgap_arithmetic_lambda(size_t point); /* 0 to 2 by 0.1 */
void cgap_arithmetic_start(cgap_arithmetic_run *run);

/* Shown scores (rows, 2·queries) of images [first, first + rows); lower row first among equals. */
void cgap_arithmetic_visit(void *run, size_t first, size_t rows, const double *scores);

/* The kept row that a query finds at λ = 1. */
size_t cgap_arithmetic_found(const cgap_arithmetic_best *best);

/* Adds the run's right answers to right[CGAP_CURVE_POINTS]; label_of maps a kept row to its label. */
void cgap_arithmetic_add(const cgap_arithmetic_run *run, const int64_t *label_of, const int64_t *wanted,
                         const double *weight, double *right, double *total);
void cgap_arithmetic_finish(const double *right, double total, uint64_t queries, cgap_audit *out);

#endif
