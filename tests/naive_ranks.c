/* Measures by order: retrieval, hubness, mixing. */
#include "naive_inner.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- retrieval */

/* 1 + candidates above the best positive + half the ties (within 1e-12); other positives do not compete.
 * score(candidate) at s[candidate × stride] */
static double rank_of(const double *score, size_t stride, const bool *positive, size_t count)
{
  double best = -INFINITY, rank = 1;
  for (size_t c = 0; c < count; c++)
    if (positive[c] && score[c * stride] > best)
      best = score[c * stride];
  for (size_t c = 0; c < count; c++) {
    double above = score[c * stride] - best;
    if (!positive[c])
      rank += fabs(above) <= 1e-12 ? 0.5 : above > 0;
  }
  return rank;
}

/* rank (per_text: texts; else images, NaN without a text) → the six numbers */
static void summarise(cgap_retrieval *out, const naive_state *s, const double *rank, bool per_text)
{
  size_t rows = per_text ? s->m : s->n, queries = 0;
  double *sorted = support_alloc(rows, sizeof *sorted), *v = support_alloc(rows, sizeof *v);
  for (size_t q = 0; q < rows; q++)
    if (!isnan(rank[q]))
      sorted[queries++] = rank[q];
  qsort(sorted, queries, sizeof *sorted, naive_compare_doubles);
  out->median_rank = naive_scalar((sorted[(queries - 1) / 2] + sorted[queries / 2]) / 2, queries);
  out->mean_rank = naive_mean(s, rank, per_text);
  for (size_t q = 0; q < rows; q++)
    v[q] = 1 / rank[q];
  out->mrr = naive_mean(s, v, per_text);
  cgap_scalar *recall[] = {&out->recall_at_1, &out->recall_at_5, &out->recall_at_10};
  for (int k = 0; k < 3; k++) {
    size_t at[] = {1, 5, 10}, hits = 0;
    for (size_t q = 0; q < rows; q++)
      hits += v[q] = rank[q] <= (double)at[k];
    *recall[k] = naive_wilson((double)hits / (double)queries, queries, naive_mean_variance(s, v, per_text));
  }
  free(sorted);
  free(v);
}

void naive_retrieval(naive_result *out, const naive_state *s)
{
  cgap_audit *a = &out->audit;
  bool *positive = support_alloc(s->n > s->m ? s->n : s->m, sizeof *positive);
  a->rank_text_to_image = support_alloc(s->m, sizeof *a->rank_text_to_image);
  a->rank_image_to_text = support_alloc(s->n, sizeof *a->rank_image_to_text);
  for (size_t j = 0; j < s->m; j++) {
    for (size_t i = 0; i < s->n; i++)
      positive[i] = s->in->owner[j] == i;
    a->rank_text_to_image[j] = rank_of(s->xy + j, s->m, positive, s->n);
  }
  for (size_t i = 0; i < s->n; i++) {
    for (size_t j = 0; j < s->m; j++)
      positive[j] = s->in->owner[j] == i;
    a->rank_image_to_text[i] = s->texts_of[i] ? rank_of(s->xy + i * s->m, 1, positive, s->m) : NAN;
  }
  summarise(&a->image_to_text, s, a->rank_image_to_text, false);
  summarise(&a->text_to_image, s, a->rank_text_to_image, true);
  free(positive);
}

/* ---------------------------------------------------------------- the ten best */

typedef struct naive_scored {
  double score;
  size_t row;
} naive_scored;

static int better(const void *a, const void *b)
{
  const naive_scored *p = a, *q = b;
  return p->score != q->score ? (p->score < q->score ? 1 : -1) : (p->row > q->row) - (p->row < q->row);
}

/* Sorts; true where the first k could fall otherwise under another rounding: candidates within 1e-6 on either side of
 * the border that are not equal rows of one side. rows (·, d): the candidates; from `second` on they are of the other
 * side. */
static bool best_first(naive_scored *list, size_t count, size_t k, const double *rows, size_t d, size_t second)
{
  qsort(list, count, sizeof *list, better);
  for (size_t a = k; a-- > 0 && k < count && list[a].score - list[k].score < 1e-6;)
    for (size_t b = k; b < count && list[a].score - list[b].score < 1e-6; b++)
      if ((list[a].row < second) != (list[b].row < second) ||
          memcmp(rows + list[a].row * d, rows + list[b].row * d, d * sizeof *rows) != 0)
        return true;
  return false;
}

/* ---------------------------------------------------------------- hubness */

/* count (targets): how often each is among its queries' k best; returns the queries that are open */
static size_t occurrences(const double *cosine, size_t queries, size_t query_step, size_t targets, size_t target_step,
                          const double *rows, size_t d, double *count)
{
  size_t k = targets < 10 ? targets : 10, open = 0;
  naive_scored *list = support_alloc(targets, sizeof *list);
  for (size_t q = 0; q < queries; q++) {
    for (size_t t = 0; t < targets; t++)
      list[t] = (naive_scored){cosine[q * query_step + t * target_step], t};
    open += best_first(list, targets, k, rows, d, targets);
    for (size_t r = 0; r < k; r++)
      count[list[r].row]++;
  }
  free(list);
  return open;
}

static void hub_measures(cgap_hubness *out, const double *count, size_t targets, const size_t *file_row)
{
  double total = 0, second = 0, third = 0, half = 0, never = 0;
  for (size_t t = 0; t < targets; t++)
    total += count[t];
  double mean = total / (double)targets;
  for (size_t t = 0; t < targets; t++) {
    double c = count[t] - mean;
    second += c * c / (double)targets;
    third += c * c * c / (double)targets;
    half += fabs(c) / 2;
    never += count[t] == 0;
  }
  out->skewness = second > 0 ? naive_scalar(third / pow(second, 1.5), targets) : naive_null();
  out->robin_hood = naive_scalar(half / total, targets);
  out->anti_hub_share = naive_scalar(never / (double)targets, targets);
  naive_scored *list = support_alloc(targets, sizeof *list);
  for (size_t t = 0; t < targets; t++)
    list[t] = (naive_scored){count[t], t};
  qsort(list, targets, sizeof *list, better);
  out->hub_count = targets < CGAP_HUBS ? targets : CGAP_HUBS;
  for (size_t h = 0; h < out->hub_count; h++)
    out->hubs[h] = (cgap_hub){file_row ? file_row[list[h].row] : list[h].row, (uint64_t)list[h].score};
  free(list);
}

void naive_hubness(naive_result *out, const naive_state *s)
{
  double *count = support_alloc(s->n + s->m, sizeof *count);
  out->open_image_to_text = occurrences(s->xy, s->n, s->m, s->m, 1, s->y, s->d, count);
  hub_measures(&out->audit.hubs_image_to_text, count, s->m, s->in->text_row);
  memset(count, 0, (s->n + s->m) * sizeof *count);
  out->open_text_to_image = occurrences(s->xy, s->m, 1, s->n, s->m, s->x, s->d, count);
  hub_measures(&out->audit.hubs_text_to_image, count, s->n, s->in->image_row);
  free(count);
}

/* ---------------------------------------------------------------- mixing */

static double pool_cosine(const naive_state *s, size_t a, size_t b)
{
  if (a < s->n)
    return b < s->n ? s->xx[a * s->n + b] : s->xy[a * s->m + b - s->n];
  return b < s->n ? s->xy[b * s->m + a - s->n] : s->yy[(a - s->n) * s->m + b - s->n];
}

void naive_mixed(naive_result *out, const naive_state *s)
{
  size_t n = s->n, m = s->m, pool = n + m, k = pool - 1 < 10 ? pool - 1 : 10;
  double same[2] = {0}, *rows = support_alloc(pool * s->d, sizeof *rows);
  naive_scored *list = support_alloc(pool, sizeof *list);
  memcpy(rows, s->x, n * s->d * sizeof *rows);
  memcpy(rows + n * s->d, s->y, m * s->d * sizeof *rows);
  for (size_t a = 0; a < pool; a++) {
    size_t count = 0;
    for (size_t b = 0; b < pool; b++)
      if (b != a)
        list[count++] = (naive_scored){pool_cosine(s, a, b), b};
    out->open_mixed += best_first(list, count, k, rows, s->d, n);
    for (size_t r = 0; r < k; r++)
      same[a >= n] += ((list[r].row >= n) == (a >= n)) / (double)k;
  }
  cgap_mixed *mixed = &out->audit.mixed;
  double dn = (double)n, dm = (double)m, all = dn + dm;
  mixed->same_modality_share = naive_scalar((same[0] + same[1]) / all, pool);
  mixed->image = naive_scalar(same[0] / dn, n);
  mixed->text = naive_scalar(same[1] / dm, m);
  mixed->unbiased = naive_scalar((dn * (dn - 1) + dm * (dm - 1)) / (all * (all - 1)), pool);
  free(list);
  free(rows);
}

/* ---------------------------------------------------------------- one index of both modalities */

/* Rank of the best partner of row q of the pool among all rows, but for q itself, its other partners, and the other
 * texts of a text's image. */
static double pool_rank(const naive_state *s, size_t q)
{
  const size_t n = s->n, m = s->m, image = q < n ? q : s->in->owner[q - n];
  double best = -INFINITY, rank = 1;
  for (size_t c = 0; c < n + m; c++) {
    const bool partner = q < n ? c >= n && s->in->owner[c - n] == image : c == image;
    if (partner && pool_cosine(s, q, c) > best)
      best = pool_cosine(s, q, c);
  }
  for (size_t c = 0; c < n + m; c++) {
    const bool left_out = c == image || (c >= n && s->in->owner[c - n] == image);
    const double above = pool_cosine(s, q, c) - best;
    if (!left_out)
      rank += fabs(above) <= 1e-12 ? 0.5 : above > 0;
  }
  return rank;
}

static void summarise_mixed(cgap_mixed_retrieval *out, const naive_state *s, const double *rank, bool per_text)
{
  const size_t rows = per_text ? s->m : s->n;
  double *gain = support_alloc(rows, sizeof *gain);
  cgap_retrieval same = {0};
  summarise(&same, s, rank, per_text);
  for (size_t q = 0; q < rows; q++)
    gain[q] = isnan(rank[q]) ? NAN : rank[q] <= 10 ? 1 / log2(1 + rank[q]) : 0;
  out->ndcg_at_10 = naive_mean(s, gain, per_text);
  if (out->ndcg_at_10.value <= 0 || out->ndcg_at_10.value >= 1)
    out->ndcg_at_10 = naive_wilson(out->ndcg_at_10.value, same.mrr.n, naive_mean_variance(s, gain, per_text));
  out->recall_at_1 = same.recall_at_1;
  out->recall_at_10 = same.recall_at_10;
  out->median_rank = same.median_rank;
  out->mrr = same.mrr;
  free(gain);
}

void naive_mixed_retrieval(naive_result *out, const naive_state *s)
{
  cgap_audit *a = &out->audit;
  a->mixed_rank_image = support_alloc(s->n, sizeof(double));
  a->mixed_rank_text = support_alloc(s->m, sizeof(double));
  for (size_t i = 0; i < s->n; i++)
    a->mixed_rank_image[i] = s->texts_of[i] ? pool_rank(s, i) : NAN;
  for (size_t j = 0; j < s->m; j++)
    a->mixed_rank_text[j] = pool_rank(s, s->n + j);
  summarise_mixed(&a->mixed_image_query, s, a->mixed_rank_image, false);
  summarise_mixed(&a->mixed_text_query, s, a->mixed_rank_text, true);
}

/* ---------------------------------------------------------------- CSLS */

/* Mean of the ten greatest of v (count), or of all. */
static double mean_of_greatest(const double *v, size_t count, size_t stride)
{
  double *sorted = support_alloc(count, sizeof *sorted), mean = 0;
  const size_t k = count < 10 ? count : 10;
  for (size_t c = 0; c < count; c++)
    sorted[c] = v[c * stride];
  qsort(sorted, count, sizeof *sorted, naive_compare_doubles);
  for (size_t c = count - k; c < count; c++)
    mean += sorted[c] / (double)k;
  free(sorted);
  return mean;
}

static void summarise_csls(cgap_csls *out, const naive_state *s, const double *rank, bool per_text)
{
  cgap_retrieval same = {0};
  summarise(&same, s, rank, per_text);
  *out = (cgap_csls){same.recall_at_1, same.recall_at_5, same.recall_at_10};
}

void naive_csls(naive_result *out, const naive_state *s)
{
  const size_t n = s->n, m = s->m, longest = n > m ? n : m;
  double *of_image = support_alloc(n, sizeof *of_image), *of_text = support_alloc(m, sizeof *of_text),
         *score = support_alloc(n * m, sizeof *score), *rank = support_alloc(longest, sizeof *rank);
  bool *positive = support_alloc(longest, sizeof *positive);
  for (size_t i = 0; i < n; i++)
    of_image[i] = mean_of_greatest(s->xy + i * m, m, 1);
  for (size_t j = 0; j < m; j++)
    of_text[j] = mean_of_greatest(s->xy + j, n, m);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < m; j++)
      score[i * m + j] = 2 * s->xy[i * m + j] - of_image[i] - of_text[j];
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < m; j++)
      positive[j] = s->in->owner[j] == i;
    rank[i] = s->texts_of[i] ? rank_of(score + i * m, 1, positive, m) : NAN;
  }
  summarise_csls(&out->audit.csls_image_to_text, s, rank, false);
  for (size_t j = 0; j < m; j++) {
    for (size_t i = 0; i < n; i++)
      positive[i] = s->in->owner[j] == i;
    rank[j] = rank_of(score + j, m, positive, n);
  }
  summarise_csls(&out->audit.csls_text_to_image, s, rank, true);
  free(of_image);
  free(of_text);
  free(score);
  free(rank);
  free(positive);
}

/* ---------------------------------------------------------------- agreement */

/* near (n, k): the k nearest other rows of each, the lower row first among equals. */
static void nearest(const double *cosine, size_t n, size_t k, size_t *near)
{
  naive_scored *list = support_alloc(n, sizeof *list);
  for (size_t i = 0; i < n; i++) {
    size_t count = 0;
    for (size_t j = 0; j < n; j++)
      if (j != i)
        list[count++] = (naive_scored){round(cosine[i * n + j] * 1e12), j};
    qsort(list, count, sizeof *list, better);
    for (size_t r = 0; r < k; r++)
      near[i * k + r] = list[r].row;
  }
  free(list);
}

/* Σ over i ≠ j of a b, the unbiased HSIC of Song et al. 2012, term by term; at: row of b that belongs to row i of a. */
static double unbiased_hsic(const double *a, const double *b, const size_t *at, size_t n)
{
  double trace = 0, all_a = 0, all_b = 0, rows = 0, count = (double)n;
  for (size_t i = 0; i < n; i++) {
    double row_a = 0, row_b = 0;
    for (size_t j = 0; j < n; j++)
      if (j != i) {
        trace += a[i * n + j] * b[at[i] * n + at[j]];
        row_a += a[i * n + j];
        row_b += b[at[i] * n + at[j]];
      }
    all_a += row_a;
    all_b += row_b;
    rows += row_a * row_b;
  }
  return (trace + all_a * all_b / ((count - 1) * (count - 2)) - 2 / (count - 2) * rows) / (count * (count - 3));
}

void naive_agreement(naive_result *out, const naive_state *s)
{
  cgap_agreement *a = &out->audit.agreement;
  const size_t n = s->n, k = n - 1 < 10 ? n - 1 : 10;
  bool one = n >= 4 && s->m == n;
  for (size_t i = 0; i < n; i++)
    one = one && s->texts_of[i] == 1;
  a->mutual_knn = a->mutual_knn_by_chance = a->cka = naive_null();
  if (!one)
    return;
  size_t *image = support_alloc(n * k, sizeof *image), *text = support_alloc(n * k, sizeof *text),
         *text_of = support_alloc(n, sizeof *text_of), *same = support_alloc(n, sizeof *same), common = 0;
  for (size_t j = 0; j < n; j++) {
    text_of[s->in->owner[j]] = j;
    same[j] = j;
  }
  nearest(s->xx, n, k, image);
  nearest(s->yy, n, k, text);
  for (size_t i = 0; i < n; i++)
    for (size_t p = 0; p < k; p++)
      for (size_t q = 0; q < k; q++)
        common += image[i * k + p] == s->in->owner[text[text_of[i] * k + q]];
  a->mutual_knn = naive_scalar((double)common / (double)(n * k), n);
  a->mutual_knn_by_chance = naive_scalar((double)k / (double)(n - 1), n);
  const double xx = unbiased_hsic(s->xx, s->xx, same, n), yy = unbiased_hsic(s->yy, s->yy, same, n);
  if (xx > 0 && yy > 0)
    a->cka = naive_scalar(unbiased_hsic(s->xx, s->yy, text_of, n) / sqrt(xx * yy), n);
  free(image);
  free(text);
  free(text_of);
  free(same);
}
