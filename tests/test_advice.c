/* The advice on data whose answer is known: a constant shift, none, shuffled pairs, no pairs, few pairs. */
#include "run_audit.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/json.h"
#include "report/text.h"

enum { DIM = 24 };

/* To be cleared by cgap_audit_clear. */
static cgap_audit advised(const cgap_data *data, const char *input, int threads)
{
  cgap_audit out = run_audit_data(data, 0.01, threads, 0);
  cgap_error error = {0};
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  options.threads = threads;
  cr_assert_eq(cgap_advice_run(&out, data, input, &options, &error), CGAP_OK, "%s", error.message);
  return out;
}

static cgap_audit advised_pairs(size_t pairs, double offset, uint64_t seed, double **x, double **y)
{
  run_pairs(seed, pairs, DIM, offset, x, y);
  const run_rows rows = {pairs, pairs, DIM, *x, *y, NULL, CGAP_BY_ROW, false};
  const cgap_data data = run_data(&rows);
  return advised(&data, "pairs.h5", 1);
}

static void expect_word(const cgap_audit *a, const char *word, const char *command)
{
  cgap_advice_words words;
  cgap_advice_write(&words, a);
  cr_expect_str_eq(words.word, word);
  cr_expect_str_eq(words.command, command);
  cr_expect(words.count > 0, "a reason");
}

Test(advice, a_constant_shift_is_to_be_subtracted)
{
  double *x, *y;
  cgap_audit a = advised_pairs(400, 1, 1, &x, &y);
  const cgap_center_trial *t = &a.advice.center;
  expect_word(&a, "subtract the means", "contragap apply --method center pairs.h5 -o centered.h5");
  cr_expect_eq(t->images, 80, "every fifth");
  cr_expect_eq(t->texts, 80);
  cr_expect(t->difference[CGAP_TRIAL_MIXED_NDCG].lo > 0.5);
  cr_expect(t->difference[CGAP_TRIAL_DISTANCE].hi < -0.5);
  cr_expect_not(t->gap_stays);
  for (int m = 0; m < CGAP_TRIAL_MEASURES; m++)
    cr_expect(
      support_near("shift", "difference", t->difference[m].value, t->after[m].value - t->before[m].value, 1e-12, 0));
  cgap_advice_words words;
  cgap_advice_write(&words, &a);
  cr_expect_str_eq(words.further_command, "contragap train pairs.h5 -o closed");
  cgap_audit_clear(&a);
  free(x);
  free(y);
}

Test(advice, without_a_gap_there_is_nothing_to_do)
{
  for (uint64_t seed = 1; seed <= 20; seed++) {
    double *x, *y;
    cgap_audit a = advised_pairs(300, 0, seed, &x, &y);
    cr_expect_lt(a.gap.corrected_distance.hi, 0.19);
    expect_word(&a, "nothing to do", "");
    cgap_audit_clear(&a);
    free(x);
    free(y);
  }
}

Test(advice, few_pairs_are_not_to_be_trained_on)
{
  double *x, *y;
  cgap_audit a = advised_pairs(299, 1, 3, &x, &y);
  cgap_advice_words words;
  cgap_advice_write(&words, &a);
  expect_word(&a, "subtract the means", "contragap apply --method center pairs.h5 -o centered.h5");
  cr_expect_null(words.further);
  cgap_audit_clear(&a);
  free(x);
  free(y);
}

/* No gap is found among so few pairs, but neither is one excluded. */
Test(advice, a_gap_that_is_not_excluded_is_not_nothing)
{
  double *x, *y;
  run_pairs(1, 60, DIM, 0, &x, &y);
  const run_rows rows = {60, 60, DIM, x, y, NULL, CGAP_BY_ROW, false};
  const cgap_data data = run_data(&rows);
  cgap_audit a = advised(&data, "pairs.h5", 1);
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  a.gap.corrected_distance.lo = 0;
  a.gap.corrected_distance.hi = 0.4;
  cr_assert_eq(cgap_advice_run(&a, &data, "pairs.h5", &options, NULL), CGAP_OK);
  expect_word(&a, "measure more rows", "");
  cgap_audit_clear(&a);
  free(x);
  free(y);
}

/* The sample of very few rows cannot be measured. */
Test(advice, too_few_rows_are_said)
{
  double *x, *y;
  cgap_audit a = advised_pairs(10, 1, 3, &x, &y);
  a.pairing_check.verdict = CGAP_PAIRING_MATCHED;
  cr_expect_not_null(a.advice.center.why);
  expect_word(&a, "measure more rows", ""); /* with a gap that is severe */
  cgap_advice_words words;
  cgap_advice_write(&words, &a);
  cr_expect_not_null(strstr(words.sentence[0], "severe"), "%s", words.sentence[0]);
  cgap_audit_clear(&a);
  free(x);
  free(y);
}

Test(advice, shuffled_pairs_come_first)
{
  double *x, *y;
  run_pairs(5, 400, DIM, 1, &x, &y);
  support_random r = support_seed(6);
  uint64_t text_image[400];
  for (size_t j = 0; j < 400; j++)
    text_image[j] = support_below(&r, 400);
  const run_rows rows = {400, 400, DIM, x, y, text_image, CGAP_BY_INDEX, false};
  const cgap_data data = run_data(&rows);
  cgap_audit a = advised(&data, NULL, 2);
  expect_word(&a, "look at the pairs first", "contragap audit FILE -o report");
  cgap_audit_clear(&a);
  free(x);
  free(y);
}

/* Means are subtracted from what they do not come from, and search is not measured. */
Test(advice, unpaired_rows_have_the_distance_alone)
{
  double *x, *y;
  run_pairs(7, 400, DIM, 1, &x, &y);
  const run_rows rows = {400, 250, DIM, x, y, NULL, CGAP_UNPAIRED, false};
  const cgap_data data = run_data(&rows);
  cgap_audit a = advised(&data, "pairs.h5 --unpaired", 2);
  expect_word(&a, "subtract the means", "contragap apply --method center pairs.h5 --unpaired -o centered.h5");
  cr_expect_eq(a.advice.center.images, 80);
  cr_expect_eq(a.advice.center.texts, 50);
  json_t *json = cgap_report_json(&a, NULL, NULL);
  cr_expect_not_null(cgap_json_get(json, "advice.center.differences.corrected_distance"));
  cr_expect_null(cgap_json_get(json, "advice.center.differences.recall_at_1"));
  json_decref(json);
  cgap_audit_clear(&a);
  free(x);
  free(y);
}

/* Each modality has dimensions of its own, so that the neighbourhoods still differ when the shift is gone. */
Test(advice, what_subtracting_does_not_close_is_to_be_trained)
{
  enum { N = 400 };
  double *x = support_alloc(N * DIM, sizeof *x), *y = support_alloc(N * DIM, sizeof *y);
  support_random r = support_seed(8);
  for (size_t i = 0; i < N; i++)
    for (size_t k = 0; k < DIM / 2; k++) {
      const double z = support_normal(&r);
      x[i * DIM + k] = 0.7 * z;
      y[i * DIM + k] = 0.7 * z;
      x[i * DIM + DIM / 2 + k] = k % 2 ? 2 * support_normal(&r) + 1 : 0;
      y[i * DIM + DIM / 2 + k] = k % 2 ? 0 : 2 * support_normal(&r) - 1;
    }
  support_normalise(x, N, DIM);
  support_normalise(y, N, DIM);
  const run_rows rows = {N, N, DIM, x, y, NULL, CGAP_BY_ROW, false};
  const cgap_data data = run_data(&rows);
  cgap_audit a = advised(&data, "pairs.h5", 1);
  cr_expect(a.advice.center.gap_stays);
  expect_word(&a, "train", "contragap train pairs.h5 -o closed");
  cgap_audit_clear(&a);
  free(x);
  free(y);
}

/* The same bits for any number of threads, and a sample in the order of the file for several texts per image. */
Test(advice, threads_change_nothing)
{
  enum { N = 150, TEXTS = 2 * N };
  double *x, *y;
  uint64_t text_image[TEXTS];
  run_pairs(9, TEXTS, DIM, 1, &x, &y);
  for (size_t j = 0; j < TEXTS; j++)
    text_image[j] = (j * 7) % N;
  for (size_t j = 0; j < TEXTS; j++)
    for (size_t k = 0; k < DIM; k++)
      y[j * DIM + k] += x[text_image[j] * DIM + k];
  const run_rows rows = {N, TEXTS, DIM, x, y, text_image, CGAP_BY_INDEX, false};
  const cgap_data data = run_data(&rows);
  cgap_audit a = advised(&data, "FILE", 1), b = advised(&data, "FILE", 2);
  cr_expect_eq(a.advice.center.images, 30);
  cr_expect_eq(a.advice.center.texts, 60);
  json_t *one = cgap_report_json(&a, NULL, NULL), *two = cgap_report_json(&b, NULL, NULL);
  cr_expect(json_equal(cgap_json_get(one, "advice"), cgap_json_get(two, "advice")));
  json_decref(one);
  json_decref(two);
  cgap_audit_clear(&a);
  cgap_audit_clear(&b);
  free(x);
  free(y);
}
