/* Rows whose float products round in one direction, or lie so near together that a float tells nothing: binary codes,
 * constants, rows of one magnitude, whole numbers, narrow cones. Ranks, neighbours, extremes and sums beside a plain
 * double program. */
#include "audit/plan.h"
#include "simd/convert.h"
#include "simd/gemm.h"
#include "simd/kernels.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef enum rows_kind {
  BINARY,
  CONSTANT,
  MAGNITUDE,
  WHOLE,
  NEARLY_EQUAL,
  CONE,
  EVERY_OTHER,
  HEALTHY,
  KINDS
} rows_kind;
static const char *const NAMES[KINDS] = {"binary",       "constant", "one magnitude",   "whole numbers",
                                         "nearly equal", "cone",     "every other row", "healthy"};

static double sign(support_random *r, double minus)
{
  return support_uniform(r) < minus ? -1 : 1;
}

/* An element of an image, and of its text from it. */
static double image_element(support_random *r, rows_kind kind, size_t i, size_t k, size_t d)
{
  switch (kind) {
  case BINARY:
    return sign(r, 0.5);
  case CONSTANT:
    return 0.1;
  case MAGNITUDE:
    return 0.1 * sign(r, 0.3);
  case WHOLE:
    return (double)support_below(r, 255) - 127;
  case NEARLY_EQUAL:
    return k == i % d ? -1 : 1;
  case CONE:
    return 0.1 + 1e-4 * support_normal(r);
  case EVERY_OTHER: /* of one magnitude, with an element that tells it apart */
    return i % 2 ? (k == i % d ? -1 : 1) : support_normal(r);
  default:
    return support_normal(r);
  }
}

static double text_element(support_random *r, rows_kind kind, size_t i, double x)
{
  switch (kind) {
  case BINARY:
  case MAGNITUDE:
    return x * sign(r, 0.2);
  case WHOLE:
    return fmax(-127, fmin(127, x + (double)support_below(r, 101) - 50));
  case NEARLY_EQUAL:
    return 1;
  case CONE:
    return x + 3e-5 * support_normal(r);
  case EVERY_OTHER:
    return i % 2 ? 1 : x + support_normal(r);
  case HEALTHY:
    return x + support_normal(r);
  default:
    return x;
  }
}

typedef struct set {
  size_t n, d;
  cgap_type type;
  void *image, *text;
  double *x, *y;        /* unit rows in double */
  double *xy, *xx, *yy; /* (n, n) cosines */
} set;

static void *make_rows(const double *values, set *s, double **unit)
{
  void *stored = support_encode(values, s->n * s->d, s->type);
  *unit = support_decode(stored, s->n * s->d, s->type);
  support_normalise(*unit, s->n, s->d);
  return stored;
}

static double *products(const double *a, const double *b, size_t n, size_t d)
{
  double *out = support_alloc(n * n, sizeof *out);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      for (size_t k = 0; k < d; k++)
        out[i * n + j] += a[i * d + k] * b[j * d + k];
  return out;
}

static set make_set(rows_kind kind, size_t n, size_t d, cgap_type type)
{
  set s = {.n = n, .d = d, .type = type};
  support_random r = support_seed(n * 31 + d + (size_t)kind);
  double *x = support_alloc(n * d, sizeof *x), *y = support_alloc(n * d, sizeof *y);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < d; k++) {
      x[i * d + k] = image_element(&r, kind, i, k, d);
      y[i * d + k] = text_element(&r, kind, i, x[i * d + k]);
    }
  s.image = make_rows(x, &s, &s.x);
  s.text = make_rows(y, &s, &s.y);
  s.xy = products(s.x, s.y, n, d);
  s.xx = products(s.x, s.x, n, d);
  s.yy = products(s.y, s.y, n, d);
  free(x);
  free(y);
  return s;
}

static void set_clear(set *s)
{
  void *blocks[] = {s->image, s->text, s->x, s->y, s->xy, s->xx, s->yy};
  for (size_t k = 0; k < sizeof blocks / sizeof *blocks; k++)
    free(blocks[k]);
}

/* ---------------------------------------------------------------- the double program */

/* Of query q among candidates at s[c·step]. */
static double rank_of(const double *s, size_t n, size_t step, size_t q)
{
  double rank = 1;
  for (size_t c = 0; c < n; c++) {
    const double difference = s[c * step] - s[q * step];
    if (c != q)
      rank += fabs(difference) <= 1e-12 ? 0.5 : difference > 0;
  }
  return rank;
}

/* What its own modality, at own (n, n), adds to the rank of query q in one index, where its partner is at `best`. */
static double own_rank(const double *own, size_t n, double best, size_t q)
{
  double rank = 0;
  for (size_t c = 0; c < n; c++) {
    const double difference = own[q * n + c] - best;
    if (c != q)
      rank += fabs(difference) <= 1e-12 ? 0.5 : difference > 0;
  }
  return rank;
}

/* log mean e^(4 (cosine − 1)) over i ≠ j. */
static double uniformity_of(const double *s, size_t n)
{
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      sum += i == j ? 0 : exp(4 * (s[i * n + j] - 1));
  return log(sum / ((double)n * (double)(n - 1)));
}

static double loss_of(const double *s, size_t n, size_t row_step, size_t step)
{
  double mean = 0;
  for (size_t i = 0; i < n; i++) {
    const double *z = s + i * row_step, own = z[i * step];
    double sum = 0;
    for (size_t j = 0; j < n; j++)
      sum += exp((z[j * step] - own) / 0.01);
    mean += log(sum) / (double)n;
  }
  return mean;
}

static void expect_range(const char *where, const cgap_cosines *got, const double *s, size_t n)
{
  double least = 2, greatest = -2;
  for (size_t k = 0; k < n * n; k++)
    if (k / n != k % n) {
      least = fmin(least, s[k]);
      greatest = fmax(greatest, s[k]);
    }
  cr_expect(support_near(where, "least", got->min, fmin(1, least), 1e-9, 0));
  cr_expect(support_near(where, "greatest", got->max, fmin(1, greatest), 1e-9, 0));
}

typedef struct scored_rows {
  double cosine; /* in whole steps of 1e-12: equal ones tie */
  size_t row;
} scored_rows;

static int better(const void *a_, const void *b_)
{
  const scored_rows *a = a_, *b = b_;
  return a->cosine != b->cosine ? (a->cosine < b->cosine ? 1 : -1) : (a->row > b->row) - (a->row < b->row);
}

/* How many targets are in no row's ten best. */
static double never_of(const double *s, size_t n, size_t row_step, size_t step)
{
  scored_rows *list = support_alloc(n, sizeof *list);
  size_t *count = support_alloc(n, sizeof *count), never = 0;
  for (size_t q = 0; q < n; q++) {
    for (size_t t = 0; t < n; t++)
      list[t] = (scored_rows){rint(s[q * row_step + t * step] * 1e12), t};
    qsort(list, n, sizeof *list, better);
    for (size_t k = 0; k < 10 && k < n; k++)
      count[list[k].row]++;
  }
  for (size_t t = 0; t < n; t++)
    never += count[t] == 0;
  free(list);
  free(count);
  return (double)never / (double)n;
}

/* The share of rows of one side among the ten nearest of a side's rows in the pool, images first. */
static double own_share(const set *s, bool texts)
{
  const size_t n = s->n;
  scored_rows *list = support_alloc(2 * n, sizeof *list);
  double own = 0;
  for (size_t q = 0; q < n; q++) {
    size_t count = 0;
    for (size_t c = 0; c < 2 * n; c++) {
      const size_t row = c % n;
      const double cosine =
        texts ? (c < n ? s->xy[row * n + q] : s->yy[q * n + row]) : (c < n ? s->xx[q * n + row] : s->xy[q * n + row]);
      if (row != q || (c >= n) != texts)
        list[count++] = (scored_rows){rint(cosine * 1e12), c};
    }
    qsort(list, count, sizeof *list, better);
    const size_t ten = count < 10 ? count : 10;
    for (size_t k = 0; k < ten; k++)
      own += ((list[k].row >= n) == texts) / ((double)ten * (double)n);
  }
  free(list);
  return own;
}

static uint64_t near_of(const double *s, size_t n)
{
  uint64_t count = 0;
  for (size_t i = 0; i < n; i++) {
    bool near = false;
    for (size_t j = 0; j < n; j++)
      near |= i != j && s[i * n + j] > 0.999;
    count += near;
  }
  return count;
}

/* rough: in bfloat16, whose sums are off by more. */
static void expect_audit(const char *where, const cgap_audit *got, const set *s, bool rough)
{
  const size_t n = s->n;
  for (size_t i = 0; i < n; i++) {
    cr_assert(support_same(where, "rank of an image", got->rank_image_to_text[i], rank_of(s->xy + i * n, n, 1, i)));
    cr_assert(support_same(where, "rank of a text", got->rank_text_to_image[i], rank_of(s->xy + i, n, n, i)));
    const double best = s->xy[i * n + i];
    cr_assert(support_same(where, "rank of an image in one index", got->mixed_rank_image[i],
                           rank_of(s->xy + i * n, n, 1, i) + own_rank(s->xx, n, best, i)));
    cr_assert(support_same(where, "rank of a text in one index", got->mixed_rank_text[i],
                           rank_of(s->xy + i, n, n, i) + own_rank(s->yy, n, best, i)));
  }
  expect_range(where, &got->cosine_cross, s->xy, n);
  expect_range(where, &got->cosine_image, s->xx, n);
  expect_range(where, &got->cosine_text, s->yy, n);
  cr_expect(
    support_near(where, "anti-hubs", got->hubs_image_to_text.anti_hub_share.value, never_of(s->xy, n, n, 1), 1e-12, 0));
  cr_expect(
    support_near(where, "anti-hubs", got->hubs_text_to_image.anti_hub_share.value, never_of(s->xy, n, 1, n), 1e-12, 0));
  cr_expect(support_near(where, "mixed.image", got->mixed.image.value, own_share(s, false), 1e-12, 0));
  cr_expect(support_near(where, "mixed.text", got->mixed.text.value, own_share(s, true), 1e-12, 0));
  cr_expect(support_count(where, "near images", got->checks_image.near_duplicates.count, near_of(s->xx, n)));
  cr_expect(support_count(where, "near texts", got->checks_text.near_duplicates.count, near_of(s->yy, n)));
  const double off = rough ? 5e-4 : 1e-6;
  cr_expect(support_near(where, "uniformity.image", got->uniformity.image.value, uniformity_of(s->xx, n), off, 0));
  cr_expect(support_near(where, "uniformity.text", got->uniformity.text.value, uniformity_of(s->yy, n), off, 0));
  cr_expect(support_near(where, "uniformity.cross", got->uniformity.cross.value, uniformity_of(s->xy, n), off, 0));
  if (rough)
    return;
  cr_expect(support_near(where, "image to text", got->loss.clip_image_to_text.value, loss_of(s->xy, n, n, 1), 1e-6, 0));
  cr_expect(support_near(where, "text to image", got->loss.clip_text_to_image.value, loss_of(s->xy, n, 1, n), 1e-6, 0));
}

static void check(rows_kind kind, size_t n, size_t d, cgap_type type)
{
  set s = make_set(kind, n, d, type);
  const cgap_data data = {.image = cgap_source_view(s.image, n, d, type, "test:/image"),
                          .text = cgap_source_view(s.text, n, d, type, "test:/text"),
                          .pairing = CGAP_BY_ROW};
  for (int threads = 1; threads <= (cgap_tile_gemm_here(true) ? 3 : 2); threads++) {
    const bool bfloat = threads == 3;
    char where[120];
    cgap_audit got;
    cgap_error error = {0};
    cgap_plan plan;
    cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
    const cgap_plan_options all = {.threads = threads, .memory_bytes = UINT64_MAX, .bfloat = bfloat};
    cr_assert_eq(cgap_plan_make(&plan, &data.image, &data.text, &all, &error), CGAP_OK);
    options.threads = threads;
    options.precision = bfloat ? CGAP_PRECISION_BF16 : CGAP_PRECISION_FP32;
    options.memory_bytes = threads == 2 ? plan.smallest_bytes : 0;
    snprintf(where, sizeof where, "%s, n %zu, d %zu, %d threads%s", NAMES[kind], n, d, threads, bfloat ? ", bf16" : "");
    cr_assert_eq(cgap_audit_run(&got, &data, &options, &error), CGAP_OK, "%s: %s", where, error.message);
    expect_audit(where, &got, &s, bfloat);
    cgap_audit_clear(&got);
  }
  set_clear(&s);
}

Test(hard_rows, audits)
{
  for (int kind = 0; kind < KINDS; kind++) {
    check((rows_kind)kind, 5, 192, CGAP_FLOAT32);
    check((rows_kind)kind, 300, 64, CGAP_FLOAT16);
    check((rows_kind)kind, 280, 192, CGAP_FLOAT32);
  }
  check(EVERY_OTHER, 257, 1536, CGAP_FLOAT32);
  check(CONE, 100, 512, CGAP_FLOAT16);
  check(WHOLE, 300, 96, CGAP_FLOAT64);
}

Test(hard_rows, edges_of_tiles)
{
  check(BINARY, CGAP_TILE - 1, 24, CGAP_FLOAT32);
  check(NEARLY_EQUAL, CGAP_TILE, 24, CGAP_FLOAT32);
  check(WHOLE, CGAP_TILE + 1, 24, CGAP_FLOAT32);
  check(CONE, CGAP_TILE + 1, 24, CGAP_FLOAT32);
}

/* What costs more than twice the time is kept for rows that need it. */
Test(hard_rows, healthy_rows_stay_in_bfloat16)
{
  enum { N = 400, D = 64 };
  if (!cgap_tile_gemm_here(true))
    return;
  set s = make_set(HEALTHY, N, D, CGAP_FLOAT32);
  const cgap_data data = {.image = cgap_source_view(s.image, N, D, CGAP_FLOAT32, "test:/image"),
                          .text = cgap_source_view(s.text, N, D, CGAP_FLOAT32, "test:/text"),
                          .pairing = CGAP_BY_ROW};
  cgap_audit got;
  cgap_error error = {0};
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  options.precision = CGAP_PRECISION_BF16;
  cr_assert_eq(cgap_audit_run(&got, &data, &options, &error), CGAP_OK, "%s", error.message);
  cr_expect_gt(fabs(got.uniformity.image.value - uniformity_of(s.xx, N)), 1e-10);
  cr_expect_gt(fabs(got.uniformity.text.value - uniformity_of(s.yy, N)), 1e-10);
  cr_expect_gt(fabs(got.uniformity.cross.value - uniformity_of(s.xy, N)), 1e-10);
  cgap_audit_clear(&got);
  set_clear(&s);
}

/* ---------------------------------------------------------------- margins */

/* No product of such rows is off by more than the margin says, on any backend. */
static void check_margin(rows_kind kind, size_t d)
{
  enum { N = 70 };
  const cgap_tile_gemm *list[2];
  set s = make_set(kind, N, d, CGAP_FLOAT32);
  float *x = support_alloc(N * d, sizeof *x), *y = support_alloc(N * d, sizeof *y);
  float *out = support_alloc((size_t)CGAP_STRIP_ROWS * CGAP_TILE, sizeof *out);
  for (size_t k = 0; k < N * d; k++) {
    x[k] = (float)s.x[k];
    y[k] = (float)s.y[k];
  }
  const size_t kinds = cgap_tile_gemm_list(false, list);
  for (size_t p = 0; p < kinds; p++) {
    void *product = list[p]->open(d, false);
    cr_assert(product && list[p]->pack(product, y, N));
    const size_t stride = list[p]->strip(product, x, N, 0, out);
    for (size_t i = 0; i < N; i++)
      for (size_t j = 0; j < N; j++)
        cr_assert_leq(fabs((double)out[i * stride + j] - s.xy[i * N + j]), (double)cgap_product_margin(d),
                      "%s, %s, d %zu: %g, not %g", list[p]->name, NAMES[kind], d, (double)out[i * stride + j],
                      s.xy[i * N + j]);
    list[p]->close(product);
  }
  free(x);
  free(y);
  free(out);
  set_clear(&s);
}

Test(hard_rows, margins_hold)
{
  static const size_t dims[] = {2, 64, 192, 384, 1536, 3072, 6144};
  for (int kind = 0; kind < KINDS; kind++)
    for (size_t k = 0; k < sizeof dims / sizeof *dims; k++)
      check_margin((rows_kind)kind, dims[k]);
}
