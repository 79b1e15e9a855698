/* 95 % intervals, the image with its texts being the unit, the scalars that carry them, and what is computed from the
 * ranks of queries. */
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

/* The same where a text's number follows from the cosine of its pair, and a bound, if it needs one. */
typedef double (*cgap_pair_value)(double cosine, double bound);
double cgap_variance_of_pair_mean(const cgap_audit_sums *e, cgap_pair_value of, double bound, double mean);

/* The same with one number an image: N/(N − 1) Σ (v_i − v̄)²/N² over the n images that have one (v not NaN); NaN for
 * fewer than two. */
double cgap_variance_of_image_mean(const double *v, size_t images, double mean);

/* Wilson's interval of a proportion p with n/deff trials, deff = max(1, variance/(p(1 − p)/n)). */
cgap_scalar cgap_scalar_wilson(double p, double variance, uint64_t n);

static inline bool cgap_scalar_known(const cgap_scalar *s)
{
  return !s->why && isfinite(s->value);
}

/* ---------------------------------------------------------------- quantiles, for the intervals of differences */

/* x with I_x(a, b) = p, I the regularised incomplete beta function; a, b > 0, 0 < p < 1. */
double cgap_beta_quantile(double p, double a, double b);

/* t with P(|T| > t) = 0.05 for Student's T with `freedom` degrees of freedom, above 0. */
double cgap_student_95(double freedom);

/* P(|T| > |t|) for Student's T; 1 where t is NaN. */
double cgap_student_p(double t, double freedom);

/* The exact two-sided sign test, which is McNemar's: the probability of a split at least as uneven where a loss is as
 * likely as a gain; 1 where there is neither. Counts that are no integers are allowed. */
double cgap_sign_test(double lost, double gained);

/* ---------------------------------------------------------------- query ranks */

/* What is computed from the ranks at which queries find their partners: recall, nDCG, mean and median rank. */

/* The ranks of one direction. */
typedef struct cgap_query_ranks {
  const cgap_audit_sums *sums;
  double *rank;    /* (rows) 1 is first; NaN: the row is no query */
  double *scratch; /* (rows) */
  size_t rows, queries;
  bool texts; /* whether the queries are texts */
} cgap_query_ranks;

enum { CGAP_BY_IMAGE, CGAP_BY_TEXT, CGAP_QUERY_KINDS };

/* The ranks of images among texts and of texts among images, from what a pass counted over their pairs: 1 + those above
 * the best positive + half of those that tie. Cleared by cgap_query_ranks_clear. */
CGAP_MUST_CHECK cgap_status cgap_query_ranks_init(cgap_query_ranks q[CGAP_QUERY_KINDS], const cgap_audit_sums *e,
                                                  const cgap_sums *cross, cgap_error *error);
void cgap_query_ranks_clear(cgap_query_ranks q[CGAP_QUERY_KINDS]);

/* The fraction of queries whose partner is among the first k, with Wilson's interval. */
cgap_scalar cgap_query_recall(const cgap_query_ranks *q, double k);

/* Means over the queries, with normal intervals. */
cgap_scalar cgap_query_mean_rank(const cgap_query_ranks *q);
cgap_scalar cgap_query_mean_reciprocal_rank(const cgap_query_ranks *q);

/* nDCG@10 of one relevant item a query: 1/log2(1 + rank) up to rank 10, else 0. Where all values are 0, or all are 1,
 * the interval is that of a proportion. */
cgap_scalar cgap_query_ndcg_at_10(const cgap_query_ranks *q);

void cgap_sort(double *v, size_t n); /* ascending */

/* The median rank; no interval. */
cgap_scalar cgap_query_median_rank(const cgap_query_ranks *q);

/* Counts a candidate against the best positive, both in double; counts of a query are stride apart. */
static inline void cgap_query_count(double candidate, double positive, uint64_t *counts, size_t stride)
{
  const double difference = candidate - positive;
  if (fabs(difference) <= CGAP_COSINE_TIE)
    ++counts[CGAP_RANK_TIED * stride];
  else if (difference > 0)
    ++counts[CGAP_RANK_ABOVE * stride];
}

/* What the competitors that were counted add to the rank of a query: those above, and half of those that tie. */
static inline double cgap_query_added_rank(const uint64_t *counts, size_t stride, size_t query)
{
  return (double)counts[CGAP_RANK_ABOVE * stride + query] + 0.5 * (double)counts[CGAP_RANK_TIED * stride + query];
}

#endif
