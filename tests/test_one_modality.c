/* One modality alone, and two whose widths differ, against a naive program in double: sizes at the edges of tiles,
 * copies, every type, panels, samples; and what the fields say that such an audit has. */
#include "analysis/fields.h"
#include "run_audit.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEAREST = 10 };

/* Rows with some copies, in the type's values, so that the naive program sees what the file holds. */
static void *make_rows(uint64_t seed, size_t rows, size_t dim, cgap_type type, double **unit)
{
  support_random r = support_seed(seed);
  double *x = support_alloc(rows * dim, sizeof *x);
  support_normals(&r, x, rows * dim);
  for (size_t k = 0; k < rows * dim; k++)
    x[k] += 0.5;
  for (size_t i = 20; i < rows && i < 33; i++) /* more than ten equal rows */
    memcpy(x + i * dim, x + 3 * dim, dim * sizeof *x);
  void *stored = support_encode(x, rows * dim, type);
  free(x);
  *unit = support_decode(stored, rows * dim, type);
  support_normalise(*unit, rows, dim);
  return stored;
}

static double dot(const double *a, const double *b, size_t dim)
{
  double sum = 0;
  for (size_t k = 0; k < dim; k++)
    sum += a[k] * b[k];
  return sum;
}

/* near (rows, k): the nearest other rows, equal cosines by the lower row. */
static size_t *naive_nearest(const double *x, size_t rows, size_t dim, size_t k)
{
  size_t *near = support_alloc(rows * k, sizeof *near);
  double best[NEAREST];
  for (size_t i = 0; i < rows; i++) {
    size_t count = 0;
    for (size_t j = 0; j < rows; j++) {
      if (j == i)
        continue;
      const double c = rint(dot(x + i * dim, x + j * dim, dim) * 1e12) / 1e12;
      size_t at = count;
      for (; at > 0 && c > best[at - 1]; at--)
        if (at < k) {
          best[at] = best[at - 1];
          near[i * k + at] = near[i * k + at - 1];
        }
      if (at < k) {
        best[at] = c;
        near[i * k + at] = j;
        count += count < k;
      }
    }
  }
  return near;
}

static void check_hubness(const char *where, const cgap_hubness *got, const size_t *near, size_t rows, size_t k)
{
  double *count = support_alloc(rows, sizeof *count), second = 0, third = 0, away = 0, never = 0, most = 0;
  for (size_t n = 0; n < rows * k; n++)
    count[near[n]]++;
  for (size_t i = 0; i < rows; i++) {
    const double d = count[i] - (double)k;
    second += d * d / (double)rows;
    third += d * d * d / (double)rows;
    away += fabs(d);
    never += count[i] == 0;
    most = fmax(most, count[i]);
  }
  if (second > 0)
    cr_expect(support_near(where, "skewness", got->skewness.value, third / pow(second, 1.5), 1e-9, 1e-9));
  else
    cr_expect_not_null(got->skewness.why);
  cr_expect(support_near(where, "robin_hood", got->robin_hood.value, away / 2 / (double)(rows * k), 1e-12, 1e-12));
  cr_expect(support_near(where, "anti_hub_share", got->anti_hub_share.value, never / (double)rows, 1e-12, 0));
  cr_expect(support_count(where, "hub", got->hubs[0].count, (uint64_t)most));
  free(count);
}

/* Uniformity, cosines, hubness and copies of one modality, from all its pairs. */
static void check_modality(const char *where, const double *x, size_t rows, size_t dim, const cgap_scalar *uniformity,
                           const cgap_cosines *cosines, const cgap_hubness *hubs, const cgap_modality_checks *checks)
{
  const size_t k = rows - 1 < NEAREST ? rows - 1 : NEAREST;
  double kernel = 0, sum = 0, squares = 0;
  size_t near_copies = 0, pairs = rows * (rows - 1) / 2;
  for (size_t i = 0; i < rows; i++) {
    bool near = false;
    for (size_t j = 0; j < rows; j++) {
      const double c = i == j ? 0 : dot(x + i * dim, x + j * dim, dim);
      near = near || c > 0.999;
      kernel += i < j ? exp(4 * (c - 1)) : 0;
      sum += i < j ? c : 0;
      squares += i < j ? c * c : 0;
    }
    near_copies += near;
  }
  const double mean = sum / (double)pairs;
  size_t *near = naive_nearest(x, rows, dim, k);
  cr_expect(support_near(where, "uniformity", uniformity->value, log(kernel / (double)pairs), 1e-5, 1e-5));
  cr_expect(uniformity->lo <= uniformity->value && uniformity->value <= uniformity->hi, "%s: no interval", where);
  cr_expect(support_near(where, "mean", cosines->mean, mean, 1e-12, 1e-12));
  cr_expect(support_near(where, "sd", cosines->sd,
                         sqrt(fmax(0, squares - (double)pairs * mean * mean) / (double)(pairs - 1)), 1e-9, 1e-7));
  cr_expect(support_count(where, "pairs", cosines->count, pairs));
  cr_expect(support_count(where, "near duplicates", checks->near_duplicates.count, near_copies));
  check_hubness(where, hubs, near, rows, k);
  free(near);
}

static double hsic(const double *x, size_t wide, const double *y, size_t dim, size_t rows)
{
  const double n = (double)rows;
  double product = 0, a = 0, b = 0, sums = 0;
  for (size_t i = 0; i < rows; i++) {
    double row_a = 0, row_b = 0;
    for (size_t j = 0; j < rows; j++) {
      if (i == j)
        continue;
      const double p = dot(x + i * wide, x + j * wide, wide), q = dot(y + i * dim, y + j * dim, dim);
      product += p * q;
      row_a += p;
      row_b += q;
    }
    a += row_a;
    b += row_b;
    sums += row_a * row_b;
  }
  return (product + a * b / ((n - 1) * (n - 2)) - 2 * sums / (n - 2)) / (n * (n - 3));
}

static void check_agreement(const char *where, const cgap_agreement *got, const double *x, size_t wide, const double *y,
                            size_t dim, size_t rows)
{
  const size_t k = rows - 1 < NEAREST ? rows - 1 : NEAREST;
  size_t *a = naive_nearest(x, rows, wide, k), *b = naive_nearest(y, rows, dim, k), common = 0;
  for (size_t i = 0; i < rows; i++)
    for (size_t p = 0; p < k; p++)
      for (size_t q = 0; q < k; q++)
        common += a[i * k + p] == b[i * k + q];
  const double xx = hsic(x, wide, x, wide, rows), yy = hsic(y, dim, y, dim, rows);
  cr_expect(support_near(where, "mutual_knn", got->mutual_knn.value, (double)common / (double)(rows * k), 1e-12, 0));
  if (xx > 0 && yy > 0)
    cr_expect(support_near(where, "cka", got->cka.value, hsic(x, wide, y, dim, rows) / sqrt(xx * yy), 1e-8, 1e-8));
  else
    cr_expect_not_null(got->cka.why);
  free(a);
  free(b);
}

static const unsigned ONE = CGAP_HAS_HUBS_WITHIN, TWO = CGAP_HAS_HUBS_WITHIN | CGAP_HAS_TEXT;

Test(one_modality, as_the_naive_program)
{
  static const struct {
    size_t rows, dim;
    cgap_type type;
  } CASES[] = {{3, 2, CGAP_FLOAT64},    {4, 5, CGAP_FLOAT32},    {10, 7, CGAP_FLOAT16},   {11, 7, CGAP_FLOAT64},
               {34, 9, CGAP_BFLOAT16},  {127, 8, CGAP_FLOAT32},  {512, 16, CGAP_FLOAT32}, {513, 12, CGAP_FLOAT64},
               {1023, 8, CGAP_FLOAT16}, {1024, 8, CGAP_FLOAT32}, {1025, 8, CGAP_FLOAT32}};
  for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++) {
    char where[60];
    double *x;
    void *stored = make_rows(c, CASES[c].rows, CASES[c].dim, CASES[c].type, &x);
    cgap_data data = {.image = cgap_source_view(stored, CASES[c].rows, CASES[c].dim, CASES[c].type, "x")};
    cgap_data text = {.text = data.image};
    cgap_audit a = run_audit_data(&data, 0.01, 2, 0), b = run_audit_data(&text, 0.01, 1, 0);
    snprintf(where, sizeof where, "%zu rows of %zu", CASES[c].rows, CASES[c].dim);
    cr_assert_eq(a.has, ONE, "%s: %x", where, a.has);
    cr_expect_eq(a.texts + a.text_dim, 0);
    cr_expect_str_eq(a.pairing, "one modality");
    check_modality(where, x, CASES[c].rows, CASES[c].dim, &a.uniformity.image, &a.cosine_image, &a.hubs_image,
                   &a.checks_image);
    /* texts alone are the same, but for the name */
    cr_expect_str_eq(a.names.of[0], "image");
    cr_expect_str_eq(b.names.of[0], "text");
    cr_expect_eq(b.uniformity.image.value, a.uniformity.image.value, "%s: threads or modality change bits", where);
    cr_expect(support_same(where, "skewness", b.hubs_image.skewness.value, a.hubs_image.skewness.value));
    cgap_audit_clear(&a);
    cgap_audit_clear(&b);
    free(stored);
    free(x);
  }
}

Test(one_modality, two_widths)
{
  static const struct {
    size_t rows, wide, dim;
  } CASES[] = {{4, 3, 9}, {11, 6, 2}, {64, 24, 5}, {513, 7, 12}, {1025, 9, 4}};
  for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++) {
    const size_t n = CASES[c].rows, wide = CASES[c].wide, dim = CASES[c].dim;
    char where[60];
    double *x, *y;
    void *a = make_rows(c, n, wide, CGAP_FLOAT32, &x), *b = make_rows(50 + c, n, dim, CGAP_FLOAT64, &y);
    uint64_t *owner = support_alloc(n, sizeof *owner);
    for (size_t j = 0; j < n; j++)
      owner[j] = j;
    cgap_data data = {.image = cgap_source_view(a, n, wide, CGAP_FLOAT32, "x"),
                      .text = cgap_source_view(b, n, dim, CGAP_FLOAT64, "y"),
                      .pairing = CGAP_BY_ROW};
    cgap_audit by_row = run_audit_data(&data, 0.01, 2, 0);
    data.pairing = CGAP_BY_INDEX;
    data.text_image = owner;
    cgap_audit by_index = run_audit_data(&data, 0.01, 1, 0);
    snprintf(where, sizeof where, "%zu rows of %zu and %zu", n, wide, dim);
    cr_assert_eq(by_row.has, TWO | CGAP_HAS_AGREEMENT);
    cr_expect_eq(by_row.dim, wide);
    cr_expect_eq(by_row.text_dim, dim);
    check_modality(where, x, n, wide, &by_row.uniformity.image, &by_row.cosine_image, &by_row.hubs_image,
                   &by_row.checks_image);
    check_modality(where, y, n, dim, &by_row.uniformity.text, &by_row.cosine_text, &by_row.hubs_text,
                   &by_row.checks_text);
    check_agreement(where, &by_row.agreement, x, wide, y, dim, n);
    cr_expect_eq(by_index.agreement.cka.value, by_row.agreement.cka.value);
    cr_expect_eq(by_index.agreement.mutual_knn.value, by_row.agreement.mutual_knn.value);
    owner[0] = 1; /* two texts of one image */
    cgap_audit several = run_audit_data(&data, 0.01, 2, 0);
    cr_expect_not_null(several.agreement.cka.why);
    cr_expect_not_null(several.agreement.mutual_knn.why);
    cr_expect_eq(several.uniformity.text.value, by_row.uniformity.text.value);
    data.pairing = CGAP_UNPAIRED;
    cgap_audit unpaired = run_audit_data(&data, 0.01, 2, 0);
    cr_expect_eq(unpaired.has, TWO);
    cgap_audit_clear(&by_row);
    cgap_audit_clear(&by_index);
    cgap_audit_clear(&several);
    cgap_audit_clear(&unpaired);
    free(a);
    free(b);
    free(x);
    free(y);
    free(owner);
  }
}

/* Rows that have nothing to do with each other. */
Test(one_modality, unrelated_spaces_do_not_agree)
{
  enum { N = 1000, WIDE = 48, D = 32 };
  for (uint64_t seed = 0; seed < 5; seed++) {
    support_random r = support_seed(900 + seed);
    double *x = support_alloc(N * WIDE, sizeof *x), *y = support_alloc(N * D, sizeof *y);
    support_normals(&r, x, N * WIDE);
    support_normals(&r, y, N * D);
    const cgap_data data = {.image = cgap_source_view(x, N, WIDE, CGAP_FLOAT64, "x"),
                            .text = cgap_source_view(y, N, D, CGAP_FLOAT64, "y"),
                            .pairing = CGAP_BY_ROW};
    cgap_audit a = run_audit_data(&data, 0.01, 2, 0);
    cr_expect_lt(fabs(a.agreement.cka.value), 0.01, "seed %d: CKA %g", (int)seed, a.agreement.cka.value);
    cr_expect_lt(fabs(a.agreement.mutual_knn.value - a.agreement.mutual_knn_by_chance.value), 0.005);
    cgap_audit_clear(&a);
    free(x);
    free(y);
  }
}

/* 100 samples of 300 of 2,000 rows: the interval holds the value of all pairs as often as it says, at least. */
Test(one_modality, a_sample_covers_the_value_of_all_pairs)
{
  enum { N = 2000, D = 16, SAMPLE = 300, SEEDS = 100 };
  double *x;
  void *stored = make_rows(7, N, D, CGAP_FLOAT32, &x);
  const cgap_data data = {.image = cgap_source_view(stored, N, D, CGAP_FLOAT32, "x")};
  cgap_audit all = run_audit_data(&data, 0.01, 2, 0);
  size_t covered = 0;
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
    cgap_audit a;
    cgap_error error;
    options.pairs = CGAP_PAIRS_SAMPLED;
    options.sample_rows = SAMPLE;
    options.seed = seed;
    options.brief = true;
    options.threads = 2;
    cr_assert_eq(cgap_audit_run(&a, &data, &options, &error), CGAP_OK, "%s", error.message);
    cr_expect_eq(a.uniformity.image.method, CGAP_SAMPLED);
    cr_expect_eq(a.sample.images, SAMPLE);
    cr_expect_eq(a.sample.texts, 0);
    covered +=
      a.uniformity.image.lo <= all.uniformity.image.value && all.uniformity.image.value <= a.uniformity.image.hi;
    cgap_audit_clear(&a);
  }
  cr_expect_geq(covered, 90, "%zu of %d", covered, SEEDS);
  cgap_audit_clear(&all);
  free(stored);
  free(x);
}

static bool finishes_alone(const cgap_field *field)
{
  for (size_t m = 0; cgap_measures[m]; m++)
    for (size_t k = 0; k < cgap_measures[m]->field_count; k++)
      if (&cgap_measures[m]->fields[k] == field)
        return cgap_measures[m]->one_modality;
  return false;
}

/* What a field needs must be there: a measure that is left out of such an audit has no field in it. */
Test(one_modality, fields_are_those_of_measures_that_finish)
{
  const cgap_audit one = {.has = CGAP_HAS_HUBS_WITHIN};
  size_t present = 0;
  for (size_t i = 0; i < cgap_field_count(); i++) {
    const cgap_field *f = cgap_field_at(i);
    if (!cgap_field_present(&one, f))
      continue;
    present++;
    cr_expect(finishes_alone(f), "%s is there without a second modality, its measure is not", f->key);
    cr_expect_null(strstr(f->key, "text"), "%s", f->key);
  }
  cr_expect_eq(present, 9, "%zu fields", present);
}
