/* Recall, mean reciprocal rank and mean rank as in Musgrave et al. 2020 and Voorhees 1999; nDCG of Järvelin and
 * Kekäläinen 2002. Intervals: the image with its texts is the unit (interval.h). */
#include "analysis/query_ranks.h"

#include <math.h>
#include <stdlib.h>

static double variance_of_mean(const cgap_query_ranks *q, double mean)
{
  return q->texts ? cgap_variance_of_text_mean(q->sums, q->scratch, mean)
                  : cgap_variance_of_image_mean(q->scratch, q->rows, mean);
}

/* Fills scratch with a number made of each rank, and returns its mean. */
static double mean_of(const cgap_query_ranks *q, double (*of)(double rank, double k), double k)
{
  double mean = 0;
  for (size_t i = 0; i < q->rows; i++) {
    q->scratch[i] = isnan(q->rank[i]) ? NAN : of(q->rank[i], k);
    mean += isnan(q->rank[i]) ? 0 : q->scratch[i];
  }
  return mean / (double)q->queries;
}

static double is_within(double rank, double k)
{
  return rank <= k;
}

static double identity(double rank, double k)
{
  (void)k;
  return rank;
}

static double reciprocal(double rank, double k)
{
  (void)k;
  return 1 / rank;
}

static double discounted_gain(double rank, double k)
{
  return rank <= k ? 1 / log2(1 + rank) : 0;
}

cgap_scalar cgap_query_recall(const cgap_query_ranks *q, double k)
{
  const double mean = mean_of(q, is_within, k);
  return cgap_scalar_wilson(mean, variance_of_mean(q, mean), q->queries);
}

cgap_scalar cgap_query_mean_rank(const cgap_query_ranks *q)
{
  const double mean = mean_of(q, identity, 0);
  return cgap_scalar_normal(mean, variance_of_mean(q, mean), q->queries);
}

cgap_scalar cgap_query_mean_reciprocal_rank(const cgap_query_ranks *q)
{
  const double mean = mean_of(q, reciprocal, 0);
  return cgap_scalar_normal(mean, variance_of_mean(q, mean), q->queries);
}

cgap_scalar cgap_query_ndcg_at_10(const cgap_query_ranks *q)
{
  const double mean = mean_of(q, discounted_gain, 10), variance = variance_of_mean(q, mean);
  return mean <= 0 || mean >= 1 ? cgap_scalar_wilson(mean, variance, q->queries)
                                : cgap_scalar_normal(mean, variance, q->queries);
}

static int compare_doubles(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

cgap_scalar cgap_query_median_rank(const cgap_query_ranks *q)
{
  double *v = q->scratch;
  size_t n = 0;
  for (size_t i = 0; i < q->rows; i++)
    if (!isnan(q->rank[i]))
      v[n++] = q->rank[i];
  qsort(v, n, sizeof *v, compare_doubles);
  return cgap_scalar_number(n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2, n);
}
