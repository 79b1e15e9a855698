/* What is computed from the ranks at which queries find their partners: recall, nDCG, mean and median rank. */
#ifndef CGAP_ANALYSIS_QUERY_RANKS_H
#define CGAP_ANALYSIS_QUERY_RANKS_H

#include "analysis/interval.h"

/* The ranks of one direction. */
typedef struct cgap_query_ranks {
  const cgap_audit_sums *sums;
  const double *rank; /* (rows) 1 is first; NaN: the row is no query */
  double *scratch;    /* (rows) */
  size_t rows, queries;
  bool texts; /* whether the queries are texts */
} cgap_query_ranks;

/* The share of queries whose partner is among the first k, with Wilson's interval. */
cgap_scalar cgap_query_recall(const cgap_query_ranks *q, double k);

/* Means over the queries, with normal intervals. */
cgap_scalar cgap_query_mean_rank(const cgap_query_ranks *q);
cgap_scalar cgap_query_mean_reciprocal_rank(const cgap_query_ranks *q);

/* nDCG@10 of one relevant item a query: 1/log2(1 + rank) up to rank 10, else 0. Where all values are 0, or all are 1,
 * the interval is that of a proportion. */
cgap_scalar cgap_query_ndcg_at_10(const cgap_query_ranks *q);

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
