/* The kernels of every instruction set that this machine has, against plain loops written here. */
#include "simd/kernels.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t SIZES[] = {1, 7, 16, CGAP_WAITING_CANDIDATES, 63, 64, 65, 100, 200, 1000, 1023, CGAP_TILE};
enum { SIZE_COUNT = sizeof SIZES / sizeof *SIZES };

/* Cosines in [−1, 1], some of them equal, some masked. */
static void cosines(support_random *r, float *s, size_t n, bool masked)
{
  for (size_t j = 0; j < n; j++) {
    s[j] = (float)(2 * support_uniform(r) - 1);
    if (j > 3 && support_below(r, 6) == 0)
      s[j] = s[support_below(r, j)];
    if (masked && support_below(r, 12) == 0)
      s[j] = -INFINITY;
  }
}

/* Calls check for every table, size and masking. */
static void each(void (*check)(const cgap_audit_kernels *k, support_random *r, const float *s, size_t n,
                               const char *where))
{
  const cgap_audit_kernels *list[3];
  size_t count = cgap_audit_kernels_list(list);
  float *s = support_alloc(CGAP_TILE, sizeof *s);
  cr_assert_geq(count, 1);
  cr_assert_str_eq(list[0]->name, "portable");
  for (size_t k = 0; k < count; k++)
    for (size_t size = 0; size < SIZE_COUNT; size++)
      for (int masked = 0; masked < 2; masked++) {
        char where[100];
        support_random r = support_seed(100 * size + (uint64_t)masked);
        snprintf(where, sizeof where, "%s, %zu cosines%s", list[k]->name, SIZES[size], masked ? ", masked" : "");
        cosines(&r, s, SIZES[size], masked);
        check(list[k], &r, s, SIZES[size], where);
      }
  free(s);
}

static void check_range(const cgap_audit_kernels *k, support_random *r, const float *s, size_t n, const char *where)
{
  float least = INFINITY, greatest = -INFINITY, got_least, got_greatest;
  (void)r;
  for (size_t j = 0; j < n; j++) {
    least = s[j] != -INFINITY && s[j] < least ? s[j] : least;
    greatest = s[j] > greatest ? s[j] : greatest;
  }
  k->range(s, n, &got_least, &got_greatest);
  if (least < INFINITY)
    cr_expect(support_same(where, "least", got_least, least));
  cr_expect(support_same(where, "greatest", got_greatest, greatest));
}

Test(kernels, range)
{
  each(check_range);
}

/* A single float exponential is good to 2e-7, and sums of up to 1024 of them, one after the other, to 2e-6. */
static void check_exp_sums(const cgap_audit_kernels *k, support_random *r, const float *s, size_t n, const char *where)
{
  const cgap_exponent e = cgap_exponent_init(4, -100, 0);
  float *columns = support_alloc(n, sizeof *columns);
  double sum = 0, squares = 0, want_sum = 0, want_squares = 0;
  (void)r;
  k->exp_sums(s, n, &e, columns, &sum, &squares);
  for (size_t j = 0; j < n; j++) {
    double want = exp(4 * (double)s[j]);
    want_sum += want;
    want_squares += want * want;
    cr_expect(support_near(where, "column", columns[j], want, 1e-25, 3e-7));
  }
  cr_expect(support_near(where, "sum", sum, want_sum, 1e-20, 2e-6));
  cr_expect(support_near(where, "squares", squares, want_squares, 1e-20, 2e-6));
  free(columns);
}

Test(kernels, exponentials)
{
  each(check_exp_sums);
}

/* A large scale within a float: cosines of [0.3, 0.8], a power of two next to the greatest taken out. */
static void check_exp_sums_apart(const cgap_audit_kernels *k, support_random *r, const float *s, size_t n,
                                 const char *where)
{
  const double scale = 100;
  const int apart = (int)ceil(0.8 * scale / log(2.0));
  const cgap_exponent e = cgap_exponent_init(scale, -126, apart);
  float *columns = support_alloc(n, sizeof *columns), *near = support_alloc(n, sizeof *near);
  double sum = 0, squares = 0, want_sum = 0;
  (void)r;
  memset(columns, 0, n * sizeof *columns);
  for (size_t j = 0; j < n; j++)
    near[j] = s[j] < -2 ? s[j] : 0.55f + s[j] / 4;
  k->exp_sums(near, n, &e, columns, &sum, &squares);
  for (size_t j = 0; j < n; j++) {
    const double want = exp(scale * (double)near[j]) * ldexp(1, -apart);
    want_sum += want;
    cr_expect(support_near(where, "column", columns[j], want, 1e-37, 3e-7));
  }
  cr_expect(support_near(where, "sum", sum, want_sum, 1e-34, 2e-6));
  free(columns);
  free(near);
}

Test(kernels, exponentials_apart)
{
  each(check_exp_sums_apart);
}

static void check_exp_sums_wide(const cgap_audit_kernels *k, support_random *r, const float *s, size_t n,
                                const char *where)
{
  static const double SCALES[] = {1e-7, 1, 14, 100, 200};
  double *columns = support_alloc(n, sizeof *columns);
  (void)r;
  for (size_t at = 0; at < sizeof SCALES / sizeof *SCALES; at++) {
    const double scale = SCALES[at];
    const cgap_exponent e = cgap_exponent_init(scale, -1000, 0);
    double sum = 0, want_sum = 0;
    memset(columns, 0, n * sizeof *columns);
    k->exp_sums_double(s, n, &e, columns, &sum);
    for (size_t j = 0; j < n; j++) {
      double want = exp(scale * (double)s[j]);
      want_sum += want;
      /* the argument is reduced in float: an error of 6e-8 for each unit of it, and that of the polynomial */
      cr_expect(support_near(where, "column", columns[j], want, 1e-290, 3e-7));
    }
    cr_expect(support_near(where, "sum", sum, want_sum, 1e-280, 3e-7));
  }
  free(columns);
}

Test(kernels, wide_exponentials)
{
  each(check_exp_sums_wide);
}

static void check_histogram(const cgap_audit_kernels *k, support_random *r, const float *s, size_t n, const char *where)
{
  enum { BINS = 4000 };
  uint64_t *counts = support_alloc(BINS, sizeof *counts), all = 0, sum = 0;
  (void)r;
  k->histogram(s, n, counts, BINS);
  for (size_t bin = 0; bin < BINS; bin++) { /* a cosine within 1e-6 of an edge may count on either side */
    double low = -1 + 2.0 * (double)bin / BINS;
    uint64_t least = 0, most = 0;
    for (size_t j = 0; j < n; j++) {
      least += s[j] < low - 1e-6;
      most += s[j] < low + 1e-6;
    }
    cr_assert(bin == 0 || (sum >= least && sum <= most), "%s: %llu below %g", where, (unsigned long long)sum, low);
    sum += counts[bin];
  }
  for (size_t bin = 0; bin < BINS; bin++)
    all += counts[bin];
  cr_expect(support_count(where, "all", all, n));
  free(counts);
}

Test(kernels, histogram)
{
  each(check_histogram);
}

Test(kernels, histogram_ends)
{
  const cgap_audit_kernels *list[3];
  const float ends[] = {-1, 1, 1.0000002f, -1.0000002f, -INFINITY, 0.99999994f};
  for (size_t k = cgap_audit_kernels_list(list); k-- > 0;) {
    uint64_t counts[200] = {0};
    list[k]->histogram(ends, 6, counts, 200);
    cr_expect_eq(counts[0], 3, "%s", list[k]->name);
    cr_expect_eq(counts[199], 3, "%s", list[k]->name);
  }
}

/* Bounds within the bins and beyond them; the cosines at the bounds count. */
static void check_window(const cgap_audit_kernels *k, support_random *r, const float *s, size_t n, const char *where)
{
  enum { BINS = 50 };
  uint64_t counts[BINS] = {0}, want[BINS] = {0}, above = 7, want_above = 7;
  for (int turn = 0; turn < 4; turn++) {
    const float a = s[support_below(r, n)], b = s[support_below(r, n)];
    cgap_bins w = {.least = fminf(a, b), .greatest = fmaxf(a, b), .low = -0.3, .step = 0.013, .bins = BINS};
    if (turn == 3)
      w.least = -2, w.greatest = 2;
    for (size_t j = 0; j < n; j++) {
      want_above += s[j] > w.greatest;
      if (s[j] >= w.least && s[j] <= w.greatest)
        want[(size_t)fmin(fmax(((double)s[j] - w.low) / w.step, 0), BINS - 1)]++;
    }
    k->window(s, n, &w, &above, counts);
  }
  cr_expect(support_count(where, "above", above, want_above));
  for (size_t bin = 0; bin < BINS; bin++)
    cr_expect(support_count(where, "bin", counts[bin], want[bin]));
}

Test(kernels, bins_of_a_window)
{
  each(check_window);
}

static void check_compare(const cgap_audit_kernels *k, support_random *r, const float *s, size_t n, const char *where)
{
  float *low = support_alloc(n, sizeof *low), *high = support_alloc(n, sizeof *high);
  uint32_t *above = support_alloc(n, sizeof *above), row_above = 7, want_above = 7;
  uint16_t index[CGAP_TILE];
  const float row_low = s[n / 2], row_high = fmaxf(row_low, s[n / 3]);
  size_t want = 0;
  for (size_t j = 0; j < n; j++) {
    low[j] = s[support_below(r, n)];
    high[j] = fmaxf(low[j], s[support_below(r, n)]);
    above[j] = (uint32_t)j;
    want_above += s[j] > row_high;
  }
  const size_t found = k->compare(s, n, row_low, row_high, &row_above, low, high, above, index);
  cr_expect(support_count(where, "above", row_above, want_above));
  for (size_t j = 0; j < n; j++) {
    cr_expect(support_count(where, "column above", above[j], j + (s[j] > high[j])));
    if ((s[j] >= row_low && s[j] <= row_high) || (s[j] >= low[j] && s[j] <= high[j]))
      cr_assert(want++ < found && index[want - 1] == j, "%s: place %zu is not found", where, j);
  }
  cr_expect(support_count(where, "near", found, want));
  free(low);
  free(high);
  free(above);
}

Test(kernels, compares_with_bounds)
{
  each(check_compare);
}

/* Above no bound where each is a little above the greatest, and above one where that one is a little below it. */
static void check_lines(const cgap_audit_kernels *k, support_random *r, const float *s, size_t n, const char *where)
{
  const float apart = 1e-4f;
  float *b = support_alloc(n, sizeof *b), factor[CGAP_LINE_POINTS], bound[CGAP_LINE_POINTS];
  for (size_t j = 0; j < n; j++)
    b[j] = (float)support_uniform(r) - 0.5f;
  for (size_t p = 0; p < CGAP_LINE_POINTS; p++) {
    double greatest = -1e30;
    factor[p] = (float)p / 10;
    for (size_t j = 0; j < n; j++)
      greatest = fmax(greatest, (double)s[j] + (double)factor[p] * (double)b[j]);
    bound[p] = (float)greatest + apart;
  }
  cr_expect(!k->line_above(s, b, n, factor, bound), "%s: a line is above no bound", where);
  for (size_t p = 0; p < CGAP_LINE_POINTS; p++) {
    bound[p] -= 2 * apart;
    cr_expect(k->line_above(s, b, n, factor, bound) == (bound[p] > -1e29f), "%s: point %zu", where, p);
    bound[p] += 2 * apart;
  }
  free(b);
}

Test(kernels, lines_above_bounds)
{
  each(check_lines);
}

static int descending(const void *a, const void *b)
{
  float x = *(const float *)a, y = *(const float *)b;
  return (x < y) - (x > y);
}

static void check_tenth_or_less(const cgap_audit_kernels *k, support_random *r, const float *s, size_t n,
                                const char *where)
{
  if (n < CGAP_WAITING_CANDIDATES)
    return;
  float *sorted = support_alloc(n, sizeof *sorted), bound = k->tenth_or_less(s, n);
  (void)r;
  memcpy(sorted, s, n * sizeof *s);
  qsort(sorted, n, sizeof *sorted, descending);
  cr_expect_leq(bound, sorted[9], "%s: %g is above the tenth, %g", where, (double)bound, (double)sorted[9]);
  cr_expect(n != CGAP_WAITING_CANDIDATES || bound == sorted[9], "%s: not the tenth", where);
  cr_expect(bound == -INFINITY || bound >= sorted[n - 1]);
  free(sorted);
}

Test(kernels, bound_of_a_row)
{
  each(check_tenth_or_less);
}

Test(kernels, tenth)
{
  const cgap_audit_kernels *list[3];
  float s[CGAP_WAITING_CANDIDATES], sorted[CGAP_WAITING_CANDIDATES];
  support_random r = support_seed(9);
  for (size_t k = cgap_audit_kernels_list(list); k-- > 0;)
    for (size_t turn = 0; turn < 50; turn++) {
      cosines(&r, s, CGAP_WAITING_CANDIDATES, true);
      for (size_t j = 0; turn % 2 && j < CGAP_WAITING_CANDIDATES; j += 3) /* with ties */
        s[j] = s[0];
      memcpy(sorted, s, sizeof s);
      qsort(sorted, CGAP_WAITING_CANDIDATES, sizeof *sorted, descending);
      cr_expect(support_same(list[k]->name, "tenth", list[k]->tenth(s), sorted[9]));
    }
}

/* The ten greatest of the maxima of eight rows of a column, in two calls of which the second starts again with eight.
 */
static void check_best_of_columns(const cgap_audit_kernels *k, const float *s, size_t stride, size_t rows,
                                  size_t columns)
{
  float *best = support_alloc(10 * CGAP_TILE, sizeof *best), greatest[16];
  const size_t half = rows / 2;
  for (size_t i = 0; i < 10 * CGAP_TILE; i++)
    best[i] = -INFINITY;
  k->best_of_columns(s, stride, half, columns, best);
  k->best_of_columns(s + half * stride, stride, rows - half, columns, best);
  for (size_t j = 0; j < columns; j++) {
    size_t groups = 0;
    for (size_t i = 0; i < rows; i++) {
      if (i == 0 || i == half || (i < half ? i : i - half) % CGAP_ROWS_PER_MAXIMUM == 0)
        greatest[groups++] = -INFINITY;
      greatest[groups - 1] = fmaxf(greatest[groups - 1], s[i * stride + j]);
    }
    qsort(greatest, groups, sizeof *greatest, descending);
    for (size_t n = 0; n < 10; n++)
      cr_expect(support_same(k->name, "best", best[n * CGAP_TILE + j], n < groups ? greatest[n] : -INFINITY));
  }
  free(best);
}

Test(kernels, best_of_columns)
{
  enum { ROWS = 96, STRIDE = 150 };
  static const size_t WIDTHS[] = {1, 63, 64, 65, 128, 150};
  static const size_t HEIGHTS[] = {3, 16, 79, ROWS};
  const cgap_audit_kernels *list[3];
  float *s = support_alloc(ROWS * STRIDE, sizeof *s);
  support_random r = support_seed(8);
  cosines(&r, s, ROWS * STRIDE, true);
  for (size_t k = cgap_audit_kernels_list(list); k-- > 0;)
    for (size_t w = 0; w < sizeof WIDTHS / sizeof *WIDTHS; w++)
      for (size_t h = 0; h < sizeof HEIGHTS / sizeof *HEIGHTS; h++)
        check_best_of_columns(list[k], s, STRIDE, HEIGHTS[h], WIDTHS[w]);
  free(s);
}

static void check_find(const cgap_audit_kernels *k, support_random *r, const float *s, size_t n, const char *where)
{
  static const float ROW_BOUNDS[] = {2, 0.97f, 0.5f, -1};
  float *bound = support_alloc(n, sizeof *bound);
  uint16_t index[CGAP_TILE];
  for (size_t at = 0; at < 4; at++) {
    size_t want = 0;
    for (size_t j = 0; j < n; j++)
      bound[j] = (float)(1 - 0.05 * support_uniform(r)) + (support_below(r, 20) ? 0 : -1);
    size_t found = k->find(s, n, ROW_BOUNDS[at], bound, index);
    for (size_t j = 0; j < n; j++)
      if (s[j] >= ROW_BOUNDS[at] || s[j] >= bound[j])
        cr_assert(want++ < found && index[want - 1] == j, "%s: place %zu is not found", where, j);
    cr_expect(support_count(where, "found", found, want));
  }
  free(bound);
}

Test(kernels, finds_what_reaches_a_bound)
{
  each(check_find);
}

Test(kernels, products_with_few_vectors)
{
  enum { ROWS = 11, DIM = 37 };
  const cgap_audit_kernels *list[3];
  double *z = support_alloc(ROWS * DIM, sizeof *z), w[DIM * CGAP_SCORE_VECTORS], scores[ROWS * CGAP_SCORE_VECTORS];
  double gradient[DIM * CGAP_SCORE_VECTORS];
  support_random r = support_seed(9);
  support_normals(&r, z, ROWS * DIM);
  support_normals(&r, w, DIM * CGAP_SCORE_VECTORS);
  memcpy(z + 9 * DIM, z, DIM * sizeof *z); /* equal rows have equal scores, in a group of four or not */
  for (size_t k = cgap_audit_kernels_list(list); k-- > 0;) {
    list[k]->vector_scores(z, ROWS, DIM, w, scores);
    cr_expect_eq(memcmp(scores, scores + 9 * CGAP_SCORE_VECTORS, CGAP_SCORE_VECTORS * sizeof *scores), 0, "%s",
                 list[k]->name);
    for (size_t at = 0; at < ROWS * CGAP_SCORE_VECTORS; at++) {
      double want = 0;
      for (size_t a = 0; a < DIM; a++)
        want += z[at / CGAP_SCORE_VECTORS * DIM + a] * w[a * CGAP_SCORE_VECTORS + at % CGAP_SCORE_VECTORS];
      cr_expect(support_near(list[k]->name, "score", scores[at], want, 1e-13, 1e-13));
    }
    for (size_t at = 0; at < DIM * CGAP_SCORE_VECTORS; at++)
      gradient[at] = (double)at;
    list[k]->vector_gradient(z, ROWS, DIM, scores, gradient);
    for (size_t at = 0; at < DIM * CGAP_SCORE_VECTORS; at++) {
      double want = (double)at;
      for (size_t i = 0; i < ROWS; i++)
        want += z[i * DIM + at / CGAP_SCORE_VECTORS] * scores[i * CGAP_SCORE_VECTORS + at % CGAP_SCORE_VECTORS];
      cr_expect(support_near(list[k]->name, "gradient", gradient[at], want, 1e-12, 1e-13));
    }
  }
  free(z);
}

Test(kernels, every_half_and_bfloat)
{
  enum { ALL = 0x10000 };
  const cgap_audit_kernels *list[3];
  uint16_t *bits = support_alloc(ALL, sizeof *bits);
  float *out = support_alloc(ALL, sizeof *out);
  for (size_t j = 0; j < ALL; j++)
    bits[j] = (uint16_t)j;
  for (int type = CGAP_FLOAT16; type <= CGAP_BFLOAT16; type++) {
    double *want = support_decode(bits, ALL, (cgap_type)type);
    for (size_t k = cgap_audit_kernels_list(list); k-- > 0;) {
      (type == CGAP_FLOAT16 ? list[k]->from_half : list[k]->from_bfloat)(bits, ALL, out);
      for (size_t j = 0; j < ALL; j++)
        cr_assert(isnan(want[j]) ? isnan(out[j]) : out[j] == want[j] && !signbit(out[j]) == !signbit(want[j]),
                  "%s, %s %#zx: got %g, want %g", list[k]->name, cgap_type_name((cgap_type)type), j, (double)out[j],
                  want[j]);
    }
    free(want);
  }
  free(bits);
  free(out);
}
