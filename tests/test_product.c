/* The parts under the tile pass: products of every kind that this machine has, sums in fixed point, rows in bfloat16
 * with their margins; and audits in bfloat16 beside those in float. */
#include "base/numbers.h"
#include "run_audit.h"
#include "simd/convert.h"
#include "simd/gemm.h"
#include "simd/kernels.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void unit_rows(support_random *r, float *out, size_t rows, size_t dim)
{
  for (size_t i = 0; i < rows; i++) {
    double norm = 0;
    for (size_t k = 0; k < dim; k++) {
      out[i * dim + k] = (float)(support_uniform(r) - 0.3);
      norm += (double)out[i * dim + k] * (double)out[i * dim + k];
    }
    for (size_t k = 0; k < dim; k++)
      out[i * dim + k] /= (float)sqrt(norm);
  }
}

static double dot_of(const float *a, const float *b, size_t dim)
{
  double total = 0;
  for (size_t k = 0; k < dim; k++)
    total += (double)a[k] * (double)b[k];
  return total;
}

static uint16_t to_bfloat(float x)
{
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

static float from_bfloat(uint16_t half)
{
  const uint32_t bits = (uint32_t)half << 16;
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* One strip against sums in double. Rows of bfloat16 are rounded first: their products are exact in float. */
static void check_strip(const cgap_tile_gemm *kind, bool bfloat, size_t rows, size_t columns, size_t first, size_t dim)
{
  char where[160];
  support_random r = support_seed(rows * 7 + columns * 3 + first + dim);
  float *a = support_alloc(rows * dim, sizeof *a), *b = support_alloc(columns * dim, sizeof *b);
  uint16_t *a_half = support_alloc(rows * dim, sizeof *a_half), *b_half = support_alloc(columns * dim, sizeof *b_half);
  float *out = support_alloc(CGAP_STRIP_ROWS * CGAP_TILE, sizeof *out);
  unit_rows(&r, a, rows, dim);
  unit_rows(&r, b, columns, dim);
  for (size_t k = 0; bfloat && k < rows * dim; k++)
    a[k] = from_bfloat(a_half[k] = to_bfloat(a[k]));
  for (size_t k = 0; bfloat && k < columns * dim; k++)
    b[k] = from_bfloat(b_half[k] = to_bfloat(b[k]));
  void *product = kind->open(dim, bfloat);
  cr_assert_not_null(product);
  cr_assert(kind->pack(product, bfloat ? (const void *)b_half : b, columns));
  const size_t stride = kind->strip(product, bfloat ? (const void *)a_half : a, rows, first, out);
  snprintf(where, sizeof where, "%s%s, %zu rows, columns %zu to %zu, d %zu", kind->name, bfloat ? " bfloat16" : "",
           rows, first, columns, dim);
  cr_assert_geq(stride, columns - first, "%s", where);
  for (size_t i = 0; i < rows; i++)
    for (size_t j = first; j < columns; j++)
      cr_assert(
        support_near(where, "cosine", out[i * stride + j - first], dot_of(a + i * dim, b + j * dim, dim), 1e-6, 0));
  kind->close(product);
  free(a);
  free(b);
  free(a_half);
  free(b_half);
  free(out);
}

Test(product, strips)
{
  static const size_t shapes[][4] = {/* rows, columns, first, dim */
                                     {CGAP_STRIP_ROWS, CGAP_TILE, 0, 64},
                                     {CGAP_STRIP_ROWS, CGAP_TILE, 128, 33},
                                     {16, 784, 640, 512},
                                     {1, 1, 0, 2},
                                     {77, 65, 64, 100},
                                     {CGAP_STRIP_ROWS, 1000, 960, 17}};
  for (int bfloat = 0; bfloat < 2; bfloat++) {
    const cgap_tile_gemm *list[2];
    const size_t kinds = cgap_tile_gemm_list(bfloat, list);
    cr_assert(bfloat || kinds >= 1);
    for (size_t k = 0; k < kinds; k++)
      for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        check_strip(list[k], bfloat, shapes[s][0], shapes[s][1], shapes[s][2], shapes[s][3]);
  }
}

/* A strip gives the same cosines whatever strip it is cut from: rows and columns do not know their neighbours. */
Test(product, pieces_agree)
{
  const cgap_tile_gemm *kind = cgap_tile_gemm_here(false);
  const size_t dim = 96, columns = 300, rows = 100;
  const double off = kind == &cgap_tile_gemm_openblas ? 5e-7 : 2e-7; /* OpenBLAS sums in other orders at other shapes */
  support_random r = support_seed(5);
  float *a = support_alloc(rows * dim, sizeof *a), *b = support_alloc(columns * dim, sizeof *b);
  float *whole = support_alloc(CGAP_STRIP_ROWS * CGAP_TILE, sizeof *whole),
        *piece = support_alloc(CGAP_STRIP_ROWS * CGAP_TILE, sizeof *piece);
  unit_rows(&r, a, rows, dim);
  unit_rows(&r, b, columns, dim);
  void *product = kind->open(dim, false);
  cr_assert(product && kind->pack(product, b, columns));
  const size_t stride = kind->strip(product, a, rows, 0, whole);
  const size_t again = kind->strip(product, a + 30 * dim, 20, 128, piece);
  cr_assert(stride && again);
  for (size_t i = 0; i < 20; i++)
    for (size_t j = 128; j < columns; j++)
      cr_assert(support_near("a piece", "cosine", piece[i * again + j - 128], whole[(30 + i) * stride + j], off, 0));
  kind->close(product);
  free(a);
  free(b);
  free(whole);
  free(piece);
}

/* ---------------------------------------------------------------- fixed point */

Test(product, fixed_sums_know_no_order)
{
  enum { COUNT = 1000 };
  const cgap_exact_format format = cgap_exact_format_for(-290, 300);
  double values[COUNT], total = 0;
  support_random r = support_seed(11);
  int64_t forward[64] = {0}, backward[64] = {0}, halves[2][64] = {{0}};
  cr_assert_leq(format.words, 64);
  for (int i = 0; i < COUNT; i++) {
    values[i] = ldexp(support_uniform(&r) + 0.5, (int)support_below(&r, 580) - 290);
    total += values[i];
  }
  for (int i = 0; i < COUNT; i++) {
    cgap_exact_add(&format, forward, values[i]);
    cgap_exact_add(&format, backward, values[COUNT - 1 - i]);
    cgap_exact_add(&format, halves[i % 2], values[i]);
  }
  for (size_t k = 0; k < format.words; k++)
    halves[0][k] += halves[1][k];
  const double sum = cgap_exact_value(&format, forward);
  cr_expect(support_near("fixed", "sum", sum, total, 0, 1e-13));
  cr_expect(support_same("fixed", "backward", cgap_exact_value(&format, backward), sum));
  cr_expect(support_same("fixed", "in two parts", cgap_exact_value(&format, halves[0]), sum));
}

Test(product, fixed_values_are_exact)
{
  const double values[] = {0, 1, 0.1, 1.0 / 3, 4096.75, ldexp(1.7, -12), ldexp(1.9999999999999998, 12)};
  const cgap_exact_format format = cgap_exact_format_for(-12, 13);
  for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
    int64_t digits[16] = {0};
    cgap_exact_add(&format, digits, values[k]);
    cr_expect(support_same("one value", "back", cgap_exact_value(&format, digits), values[k]));
  }
  int64_t digits[16] = {0};
  for (int i = 0; i < 1 << 20; i++)
    cgap_exact_add(&format, digits, 0.25);
  cr_expect(support_same("many", "sum", cgap_exact_value(&format, digits), 0.25 * (1 << 20)));
}

/* ---------------------------------------------------------------- bfloat16 */

Test(product, margins_hold)
{
  const size_t dim = 48, rows = 40;
  const cgap_audit_kernels *kernels = cgap_audit_kernels_here();
  support_random r = support_seed(3);
  float *x = support_alloc(rows * dim, sizeof *x), centre[48], norm[40], rounded, residual[40];
  uint16_t *half = support_alloc(rows * dim, sizeof *half);
  unit_rows(&r, x, rows, dim);
  for (size_t k = 0; k < dim; k++)
    centre[k] = (float)(0.02 * support_uniform(&r));
  for (size_t i = 0; i < rows; i++) {
    kernels->to_bfloat(x + i * dim, centre, dim, half + i * dim, &norm[i], &rounded, &residual[i]);
    norm[i] = sqrtf(fmaxf(norm[i], rounded));
    residual[i] = sqrtf(residual[i]);
  }
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < rows; j++) {
      double exact = 0, rough = 0;
      for (size_t k = 0; k < dim; k++) {
        exact += ((double)x[i * dim + k] - (double)centre[k]) * ((double)x[j * dim + k] - (double)centre[k]);
        rough += (double)from_bfloat(half[i * dim + k]) * (double)from_bfloat(half[j * dim + k]);
      }
      cr_expect_leq(fabs(exact - rough), (double)(residual[i] * norm[j] + norm[i] * residual[j]) + 1e-6);
    }
  free(x);
  free(half);
}

static cgap_audit audit_of(const cgap_data *data, cgap_precision precision)
{
  cgap_audit out;
  cgap_error error;
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  options.threads = 2;
  options.precision = precision;
  cr_assert_eq(cgap_audit_run(&out, data, &options, &error), CGAP_OK, "%s", error.message);
  return out;
}

static void expect_uniformity(const char *where, const char *key, const cgap_scalar *got, const cgap_scalar *want)
{
  cr_expect(support_near(where, key, got->value, want->value, 1e-5, 0));
  cr_expect_eq(got->method, CGAP_BF16, "%s: %s", where, key);
  cr_expect_eq(want->method, CGAP_EXACT);
}

static void expect_cosines(const char *where, const cgap_cosines *got, const cgap_cosines *want)
{
  cr_expect(support_near(where, "mean", got->mean, want->mean, 1e-12, 0));
  cr_expect(support_near(where, "min", got->min, want->min, 1e-6, 0));
  cr_expect(support_near(where, "max", got->max, want->max, 1e-6, 0));
  cr_expect(support_near(where, "p05", got->p05, want->p05, 1e-3, 0));
  cr_expect(support_near(where, "p50", got->p50, want->p50, 1e-3, 0));
  cr_expect(support_near(where, "p95", got->p95, want->p95, 1e-3, 0));
}

/* Ranks are the same to the last, neighbours but for roundings of float, the rest within what is promised. */
static void expect_close(const char *where, const cgap_audit *rough, const cgap_audit *fine)
{
  cr_assert_eq(rough->texts, fine->texts);
  for (size_t j = 0; j < fine->texts; j++)
    cr_assert(support_same(where, "rank of a text", rough->rank_text_to_image[j], fine->rank_text_to_image[j]));
  for (size_t i = 0; i < fine->images; i++)
    cr_assert(support_same(where, "rank of an image", rough->rank_image_to_text[i], fine->rank_image_to_text[i]));
  expect_uniformity(where, "uniformity.image", &rough->uniformity.image, &fine->uniformity.image);
  expect_uniformity(where, "uniformity.text", &rough->uniformity.text, &fine->uniformity.text);
  expect_uniformity(where, "uniformity.cross", &rough->uniformity.cross, &fine->uniformity.cross);
  expect_cosines(where, &rough->cosine_cross, &fine->cosine_cross);
  expect_cosines(where, &rough->cosine_image, &fine->cosine_image);
  expect_cosines(where, &rough->cosine_text, &fine->cosine_text);
  cr_expect(support_count(where, "near duplicates", rough->checks_image.near_duplicates.count,
                          fine->checks_image.near_duplicates.count));
  cr_expect_eq(rough->text_to_image.recall_at_1.method, CGAP_EXACT);
}

static bool has_bfloat(void)
{
  const bool has = cgap_tile_gemm_here(true) != NULL;
  if (!has)
    fprintf(stderr, "no bfloat16 products here: %s\n", cgap_tile_gemm_missing());
  return has;
}

Test(product, audits_in_bfloat16)
{
  static const double offsets[] = {0, 0.3, 6}; /* 6: crowded cones, nearly all within the margin of one another */
  for (size_t k = 0; has_bfloat() && k < sizeof offsets / sizeof *offsets; k++) {
    char where[60];
    run_rows rows = {.images = 1500, .texts = 1500, .dim = 40, .pairing = CGAP_BY_ROW};
    double *x, *y;
    snprintf(where, sizeof where, "offset %g", offsets[k]);
    run_pairs(k + 1, rows.images, rows.dim, offsets[k], &x, &y);
    rows.image = x;
    rows.text = y;
    const cgap_data data = run_data(&rows);
    cgap_audit fine = audit_of(&data, CGAP_PRECISION_FP32), rough = audit_of(&data, CGAP_PRECISION_BF16);
    cr_expect_lt(fine.text_to_image.recall_at_1.value, 0.995);
    expect_close(where, &rough, &fine);
    cgap_audit_clear(&fine);
    cgap_audit_clear(&rough);
    free(x);
    free(y);
  }
}

/* Real rows in crowded cones, where positives are no nearer than the others. */
Test(product, real_rows_in_bfloat16)
{
  static const char *const names[] = {"data/modgap_clip_coco_randominit.h5", "data/modgap_clip_coco.h5"};
  for (size_t k = 0; has_bfloat() && k < sizeof names / sizeof *names; k++) {
    char path[1000];
    const char *files[] = {path};
    cgap_input_options input = CGAP_INPUT_OPTIONS_INIT;
    cgap_dataset *dataset;
    cgap_error error;
    if (!support_shared(path, sizeof path, names[k])) {
      fprintf(stderr, "%s is not there\n", path);
      continue;
    }
    input.files = files;
    input.file_count = 1;
    cr_assert_eq(cgap_dataset_open(&dataset, &input, &error), CGAP_OK, "%s", error.message);
    cgap_audit fine = audit_of(cgap_dataset_data(dataset), CGAP_PRECISION_FP32),
               rough = audit_of(cgap_dataset_data(dataset), CGAP_PRECISION_BF16);
    expect_close(names[k], &rough, &fine);
    cgap_audit_clear(&fine);
    cgap_audit_clear(&rough);
    cgap_dataset_close(dataset);
  }
}

/* Where the machine has none: a usage error that says what is missing. */
Test(product, bfloat16_is_refused_where_there_is_none)
{
  double *x, *y;
  cgap_error error;
  cgap_audit out;
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  run_pairs(1, 20, 4, 0, &x, &y);
  const run_rows rows = {.images = 20, .texts = 20, .dim = 4, .image = x, .text = y};
  const cgap_data data = run_data(&rows);
  options.precision = CGAP_PRECISION_BF16;
  const cgap_status status = cgap_audit_run(&out, &data, &options, &error);
  if (cgap_tile_gemm_here(true)) {
    cr_expect_eq(status, CGAP_OK, "%s", error.message);
  } else {
    cr_expect_eq(status, CGAP_USAGE);
    cr_expect(strstr(error.message, "`precision` fp32"), "%s", error.message);
  }
  cgap_audit_clear(&out);
  free(x);
  free(y);
}
