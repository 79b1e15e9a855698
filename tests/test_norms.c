/* Rows count by their direction alone: any length that a file can hold gives the same numbers in every command, and
 * rows without a direction are refused by every one of them. */
#include "compare.h"
#include "run_audit.h"
#include "simd/convert.h"
#include "support.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 60, D = 8, CLASSES = 3, PROMPTS = 2, WORDS = 4, QUERIES = 10, LENGTHS = 9 };

/* What a row is multiplied by; 0: nearly as much as its largest element allows, so that its norm is beyond a double. */
static double length_of(size_t i, const double *row)
{
  static const double lengths[LENGTHS] = {1, 1e-163, 1e-300, 1e160, 1e300, 0x1p-1022, 0x1p-1045, 0x1p1018, 0};
  double largest = 0;
  for (size_t k = 0; k < D; k++)
    largest = fmax(largest, fabs(row[k]));
  return lengths[i % LENGTHS] > 0 ? lengths[i % LENGTHS] : 0.999 * DBL_MAX / largest;
}

/* Multiples of 2^-16, which lose nothing among the denormals. */
static double *make_rows(uint64_t seed, size_t rows)
{
  support_random r = support_seed(seed);
  double *x = support_alloc(rows * D, sizeof *x);
  for (size_t k = 0; k < rows * D; k++)
    x[k] = rint(0x1p16 * (support_normal(&r) + (double)(k % 3))) * 0x1p-16;
  return x;
}

static double *lengthened(const double *x, size_t rows)
{
  double *out = support_alloc(rows * D, sizeof *out);
  for (size_t i = 0; i < rows; i++)
    for (size_t k = 0; k < D; k++)
      out[i * D + k] = x[i * D + k] * length_of(i, x + i * D);
  return out;
}

Test(norms, of_rows_at_any_scale)
{
  double *x = make_rows(1, LENGTHS), *far = lengthened(x, LENGTHS), unit[D], was[D];
  for (size_t i = 0; i < LENGTHS; i++) {
    cr_assert(cgap_normalise(was, x + i * D, D) && cgap_normalise(unit, far + i * D, D));
    cr_expect(support_near("norm", "unit", cgap_norm(unit, D), 1, 1e-15, 0));
    for (size_t k = 0; k < D; k++)
      cr_expect(support_near("element", "of a unit row", unit[k], was[k], 4e-16, 0));
    const double norm = cgap_norm(x + i * D, D) * length_of(i, x + i * D);
    cr_expect(norm > DBL_MAX ? cgap_norm(far + i * D, D) == INFINITY
                             : support_near("norm", "scaled", cgap_norm(far + i * D, D), norm, 5e-324, 1e-15));
  }
  free(x);
  free(far);
}

Test(norms, of_rows_without_a_direction)
{
  double zero[D] = {0, -0.0}, infinite[D] = {1, INFINITY}, undefined[D] = {1e300, NAN}, least[D] = {0, 5e-324}, unit[D];
  cr_expect_eq(cgap_norm(zero, D), 0);
  cr_expect(isnan(cgap_norm(infinite, D)) && isnan(cgap_norm(undefined, D)));
  cr_expect_not(cgap_normalise(unit, zero, D));
  cr_expect_not(cgap_normalise(unit, infinite, D));
  cr_expect_not(cgap_normalise(unit, undefined, D));
  cr_expect_eq(unit[0], 0, "zeros in its place");
  cr_expect_eq(cgap_norm(least, D), 5e-324);
  cr_expect(cgap_normalise(unit, least, D));
  cr_expect_eq(unit[1], 1);
}

/* ---------------------------------------------------------------- audits */

/* Everything that has rows, in double. */
typedef struct whole {
  double *image, *text, *classes, *words;
  int64_t labels[N], query[4 * QUERIES];
} whole;

static whole make_whole(void)
{
  whole w = {make_rows(2, N), NULL, make_rows(3, CLASSES * PROMPTS), make_rows(4, WORDS), {0}, {0}};
  double *noise = make_rows(5, N);
  w.text = support_alloc(N * D, sizeof *w.text);
  for (size_t k = 0; k < N * D; k++)
    w.text[k] = w.image[k] + noise[k];
  for (size_t i = 0; i < N; i++)
    w.labels[i] = (int64_t)(i * 7 % CLASSES);
  for (size_t q = 0; q < QUERIES; q++) {
    w.query[4 * q] = (int64_t)(q * 11 % N);
    w.query[4 * q + 1] = (int64_t)(q % WORDS);
    w.query[4 * q + 2] = (int64_t)((q + 1) % WORDS);
    w.query[4 * q + 3] = (int64_t)(q % CLASSES);
  }
  free(noise);
  return w;
}

static void free_whole(whole *w)
{
  free(w->image);
  free(w->text);
  free(w->classes);
  free(w->words);
}

static cgap_data data_of(const whole *w)
{
  return (cgap_data){.image = cgap_source_view(w->image, N, D, CGAP_FLOAT64, "test:/image"),
                     .text = cgap_source_view(w->text, N, D, CGAP_FLOAT64, "test:/text"),
                     .pairing = CGAP_BY_ROW,
                     .labels = w->labels,
                     .class_text = cgap_source_view(w->classes, CLASSES * PROMPTS, D, CGAP_FLOAT64, "test:/class_text"),
                     .prompts = PROMPTS,
                     .words = cgap_source_view(w->words, WORDS, D, CGAP_FLOAT64, "test:/words"),
                     .image_label = w->labels,
                     .query = w->query,
                     .queries = QUERIES};
}

/* Every number but those of the lengths themselves. */
static void expect_same(const char *where, const cgap_audit *got, const cgap_audit *want)
{
  for (size_t f = 0; f < COMPARE_FIELD_COUNT; f++) {
    const compare_field *field = &COMPARE_FIELDS[f];
    const double g = compare_value(got, field), w = compare_value(want, field);
    if (strstr(field->key, "norm_mean") || strstr(field->key, "off_unit"))
      continue;
    cr_expect((isnan(g) && isnan(w)) || support_near(where, field->key, g, w, 1e-10, 1e-10));
  }
  for (size_t i = 0; got->rank_image_to_text && i < got->images; i++)
    cr_expect(support_same(where, "rank", got->rank_image_to_text[i], want->rank_image_to_text[i]));
  for (size_t j = 0; got->rank_text_to_image && j < got->texts; j++)
    cr_expect(support_same(where, "rank", got->rank_text_to_image[j], want->rank_text_to_image[j]));
}

/* Rows of all lengths mixed, in images, texts, class texts and words; in memory and read in panels. */
Test(norms, an_audit_does_not_see_lengths)
{
  whole w = make_whole();
  whole far = w;
  far.image = lengthened(w.image, N);
  far.text = lengthened(w.text, N);
  far.classes = lengthened(w.classes, CLASSES * PROMPTS);
  far.words = lengthened(w.words, WORDS);
  const cgap_data data = data_of(&w), far_data = data_of(&far);
  cgap_audit want = run_audit_data(&data, 0.01, 2, 0), got = run_audit_data(&far_data, 0.01, 2, 0);
  cr_assert_eq(want.has & CGAP_HAS_ZERO_SHOT, CGAP_HAS_ZERO_SHOT);
  cr_assert_eq(want.has & CGAP_HAS_ARITHMETIC, CGAP_HAS_ARITHMETIC);
  expect_same("any length", &got, &want);
  cr_expect_eq(got.checks_image.not_finite.count + got.checks_image.zero.count, 0);
  cr_expect_lt(want.zero_shot.top_1.value, 1, "not every image is right");
  cgap_audit_clear(&want);
  cgap_audit_clear(&got);
  free_whole(&w);
  free_whole(&far);
}

/* The order of several texts an image is settled by rows read one by one. */
Test(norms, a_pairing_is_settled_at_any_length)
{
  enum { K = 2 };
  whole w = make_whole();
  double *texts = support_alloc(K * N * D, sizeof *texts);
  for (size_t j = 0; j < K * N; j++) /* image-major */
    for (size_t k = 0; k < D; k++)
      texts[j * D + k] = w.image[j / K * D + k] + (k == j % K ? 0.5 : 0);
  double *far = lengthened(texts, K * N), *far_image = lengthened(w.image, N);
  const run_rows rows = {N, K * N, D, w.image, texts, NULL, CGAP_PAIRING_OPEN, false};
  const run_rows far_rows = {N, K * N, D, far_image, far, NULL, CGAP_PAIRING_OPEN, false};
  cgap_audit want = run_audit(&rows, 0.01, 1, 0), got = run_audit(&far_rows, 0.01, 1, 0);
  cr_expect_not_null(strstr(got.pairing, "image-major"), "%s", got.pairing);
  expect_same("open pairing", &got, &want);
  cgap_audit_clear(&want);
  cgap_audit_clear(&got);
  free(texts);
  free(far);
  free(far_image);
  free_whole(&w);
}

/* Denormals of the short types are ordinary numbers. */
Test(norms, denormals_of_the_short_types)
{
  static const struct {
    cgap_type type;
    double least;
  } types[] = {{CGAP_FLOAT16, 0x1p-24}, {CGAP_BFLOAT16, 0x1p-133}, {CGAP_FLOAT32, 0x1p-149}};
  enum { MOST = 100 };
  double *image = make_rows(6, N), *noise = make_rows(7, N), *text = support_alloc(N * D, sizeof *text);
  for (size_t k = 0; k < N * D; k++) {
    image[k] = rint(fmin(fmax(15 * image[k], -MOST), MOST));
    text[k] = rint(fmin(fmax(image[k] + 5 * noise[k], -MOST), MOST));
  }
  const run_rows rows = {N, N, D, image, text, NULL, CGAP_BY_ROW, false};
  cgap_audit want = run_audit(&rows, 0.01, 1, 0);
  for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
    double *scaled[2] = {support_alloc(N * D, sizeof(double)), support_alloc(N * D, sizeof(double))};
    for (size_t k = 0; k < N * D; k++) {
      scaled[0][k] = image[k] * types[t].least;
      scaled[1][k] = text[k] * types[t].least;
    }
    void *x = support_encode(scaled[0], N * D, types[t].type), *y = support_encode(scaled[1], N * D, types[t].type);
    const cgap_data data = {.image = cgap_source_view(x, N, D, types[t].type, "x"),
                            .text = cgap_source_view(y, N, D, types[t].type, "y"),
                            .pairing = CGAP_BY_ROW};
    cgap_audit got = run_audit_data(&data, 0.01, 1, 0);
    expect_same(cgap_type_name(types[t].type), &got, &want);
    cgap_audit_clear(&got);
    void *blocks[] = {x, y, scaled[0], scaled[1]};
    for (size_t k = 0; k < 4; k++)
      free(blocks[k]);
  }
  cgap_audit_clear(&want);
  free(image);
  free(noise);
  free(text);
}

/* ---------------------------------------------------------------- heads */

Test(norms, heads_do_not_see_lengths)
{
  whole w = make_whole();
  double *far[] = {lengthened(w.image, N), lengthened(w.text, N)};
  const run_rows rows = {N, N, D, w.image, w.text, NULL, CGAP_BY_ROW, false};
  const run_rows far_rows = {N, N, D, far[0], far[1], NULL, CGAP_BY_ROW, false};
  const cgap_data data[] = {run_data(&rows), run_data(&far_rows)};
  cgap_train_options o = CGAP_TRAIN_OPTIONS_INIT;
  cgap_error error = {0};
  float out[2][N * D];
  o.epochs = 3;
  o.batch = 10;
  o.threads = 2;
  for (int kind = -1; kind < CGAP_GAP_METHODS; kind++) { /* -1: a trained head */
    for (int k = 0; k < 2; k++) {
      cgap_head *head = NULL;
      const cgap_status status =
        kind < 0 ? cgap_train_run(&head, &data[k], &o, NULL, &error)
                 : cgap_gap_method_fit(&head, (cgap_gap_method)kind, 1, &data[k], 2, (cgap_progress){0}, &error);
      cr_assert_eq(status, CGAP_OK, "%s", error.message);
      cr_assert_eq(cgap_head_apply_source(head, CGAP_TEXT_ROWS, &data[k].text, out[k], 2, (cgap_progress){0}, &error),
                   CGAP_OK, "%s", error.message);
      cgap_head_close(head);
    }
    for (size_t k = 0; k < N * D; k++)
      cr_assert(support_near(kind < 0 ? "trained" : cgap_gap_method_name((cgap_gap_method)kind), "element",
                             (double)out[1][k], (double)out[0][k], 1e-5, 0));
  }
  free(far[0]);
  free(far[1]);
  free_whole(&w);
}

/* ---------------------------------------------------------------- refusals */

static void expect_refused(const cgap_data *data, const char *first, const char *second)
{
  const cgap_audit_options o = CGAP_AUDIT_OPTIONS_INIT;
  cgap_audit audit;
  cgap_error error = {0};
  cr_expect_eq(cgap_audit_run(&audit, data, &o, &error), CGAP_DATA);
  cr_expect(strstr(error.message, first) && strstr(error.message, second), "%s", error.message);
  cgap_audit_clear(&audit);
}

/* Class texts and words are refused as images and texts are: with counts and rows. */
Test(norms, bad_class_texts_and_words_are_counted)
{
  whole w = make_whole();
  cgap_data data = data_of(&w);
  w.classes[1 * D] = NAN;
  w.classes[4 * D + 2] = -INFINITY;
  memset(w.classes + 3 * D, 0, D * sizeof *w.classes);
  expect_refused(&data, "test:/class_text: 6 rows, 2 with NaN or infinity (rows 1, 4)", "1 of norm zero (row 3)");
  data.drop_bad = true; /* one prompt of each class is left */
  cgap_audit audit = run_audit_data(&data, 0.01, 1, 0);
  cr_expect_gt(audit.zero_shot.top_1.value, 0);
  cr_expect_lt(audit.zero_shot.top_1.value, 1);
  cgap_audit_clear(&audit);
  memset(w.classes + 2 * D, 0, D * sizeof *w.classes);
  expect_refused(&data, "test:/class_text", "class 1 has no direction");

  data.drop_bad = false;
  data.class_text.rows = 0;
  w.words[2 * D] = INFINITY;
  memset(w.words, 0, D * sizeof *w.words);
  expect_refused(&data, "test:/words: 4 rows, 1 with NaN or infinity (row 2)", "1 of norm zero (row 0)");
  cgap_train_options o = CGAP_TRAIN_OPTIONS_INIT;
  cgap_head *head = NULL;
  cgap_error error = {0};
  o.epochs = 1;
  cr_expect_eq(cgap_train_run(&head, &data, &o, NULL, &error), CGAP_DATA, "before it trains");
  cr_expect_not_null(strstr(error.message, "test:/words: 4 rows"), "%s", error.message);
  data.drop_bad = true; /* queries of words 1 and 3 alone are left, of which there are none */
  audit = run_audit_data(&data, 0.01, 1, 0);
  cr_expect_eq(audit.arithmetic.score.n, 0);
  cgap_audit_clear(&audit);
  w.words[2 * D] = 1; /* words 1, 2 and 3, of which two follow each other in half of the queries */
  audit = run_audit_data(&data, 0.01, 1, 0);
  cr_expect_eq(audit.arithmetic.score.n, QUERIES / 2);
  cr_expect(isfinite(audit.arithmetic.score.value));
  cgap_audit_clear(&audit);
  free_whole(&w);
}

/* Prompts that point opposite ways have no mean. */
Test(norms, prompts_that_cancel_out_are_named)
{
  whole w = make_whole();
  const cgap_data data = data_of(&w);
  for (size_t k = 0; k < D; k++)
    w.classes[5 * D + k] = -3 * w.classes[4 * D + k];
  expect_refused(&data, "class 2", "cancel out");
  free_whole(&w);
}
