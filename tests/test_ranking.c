/* Several inputs: who is best, whether that is more than chance, the numbers of a series, and names that fit. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "report/comparison_show.h"
#include "report/json.h"
#include "report/overview.h"

enum { INPUTS = 3 };

/* One measure of three reports; half an interval, NaN for none; value NaN: the report lacks the measure. */
typedef struct made {
  const char *key;
  double value[INPUTS], half[INPUTS];
  json_int_t n[INPUTS];
} made;

static json_t *scalar_of(double value, double half, json_int_t n)
{
  json_t *interval = isfinite(half) ? json_pack("[f,f]", value - half, value + half) : json_null();
  return json_pack("{s:f,s:o,s:I,s:s}", "value", value, "ci95", interval, "n", n, "method", "exact");
}

static void compare(cgap_comparison *c, const made *m, size_t count)
{
  static const char *const NAMES[INPUTS] = {"a", "b", "c"};
  cgap_error error;
  cr_assert_eq(cgap_comparison_init(c, INPUTS, &error), CGAP_OK);
  for (size_t k = 0; k < INPUTS; k++) {
    json_t *report = json_object();
    cr_assert(cgap_json_put(report, "gap.noise_floor", scalar_of(0.1, NAN, 50)));
    for (size_t i = 0; i < count; i++)
      if (isfinite(m[i].value[k]))
        cr_assert(cgap_json_put(report, m[i].key, scalar_of(m[i].value[k], m[i].half[k], m[i].n[k])));
    cr_assert_eq(cgap_comparison_report(c, k, NAMES[k], report, &error), CGAP_OK, "%s", error.message);
    json_decref(report);
  }
}

static void rank(cgap_ranking *r, cgap_comparison *c, const made *m, size_t count)
{
  static const cgap_audit *const AUDITS[INPUTS];
  static const cgap_rows_relation UNKNOWN[INPUTS * INPUTS];
  size_t entries[8];
  cgap_error error;
  compare(c, m, count);
  for (size_t i = 0; i < count; i++)
    entries[i] = cgap_entry_find(m[i].key);
  cr_assert_eq(cgap_ranking_init(r, c, entries, count, AUDITS, UNKNOWN, &error), CGAP_OK, "%s", error.message);
}

static void clear(cgap_ranking *r, cgap_comparison *c)
{
  cgap_ranking_clear(r);
  cgap_comparison_clear(c);
}

#define SAME_N                                                                                                         \
  {                                                                                                                    \
    50, 50, 50                                                                                                         \
  }

Test(ranking, the_best_is_marked_where_it_is_clear_of_each_other)
{
  const made m[] = {{"gap.corrected_distance", {0.5, 0.3, 0.9}, {0.03, 0.03, 0.03}, SAME_N},
                    {"zero_shot.top_1", {0.5, 0.52, 0.9}, {0.03, 0.03, 0.03}, SAME_N},
                    {"zero_shot.top_5", {0.90, 0.93, 0.5}, {0.03, 0.03, 0.03}, SAME_N}};
  const size_t best[] = {1, 2, 1}, next[] = {0, 1, 0};
  const bool significant[] = {true, true, false};
  cgap_comparison c;
  cgap_ranking r;
  rank(&r, &c, m, 3);
  cr_expect_eq(r.tests, 6);
  for (size_t i = 0; i < 3; i++) {
    cr_expect_eq(r.measure[i].best, best[i], "%s", m[i].key);
    cr_expect_eq(r.measure[i].next, next[i], "%s", m[i].key);
    cr_expect_eq(r.measure[i].significant, significant[i], "%s", m[i].key);
  }
  /* the best less the other; the half interval of a difference is the root of the sum of squares */
  const cgap_lead *lead = &r.measure[2].lead[0];
  const double half = hypot(0.03, 0.03), z = 1.959963984540054 * 0.03 / half;
  cr_expect_float_eq(lead->change.difference, 0.03, 1e-12);
  cr_expect_float_eq(lead->change.lo, 0.03 - half, 1e-12);
  cr_expect_float_eq(lead->p, erfc(z / sqrt(2)), 1e-12);
  cr_expect(isnan(r.measure[2].lead[1].p), "the best is not compared with itself");
  clear(&r, &c);
}

Test(ranking, the_comparisons_of_one_measure_are_corrected_together_and_no_others)
{
  /* p = 0.0104 and 0.03 alone; corrected for two comparisons twice that */
  const double half = 0.03 / hypot(1, 1), clear_by = 2.5613 / 1.959963984540054 * 0.03,
               hardly_by = 2.1701 / 1.959963984540054 * 0.03;
  const made m[] = {{"zero_shot.top_1", {0.5, 0.5 - clear_by, 0.5 - clear_by}, {half, half, half}, SAME_N},
                    {"zero_shot.top_5", {0.5, 0.5 - hardly_by, 0.5 - hardly_by}, {half, half, half}, SAME_N},
                    {"zero_shot.mean_per_class", {0.5, 0.499, 0.498}, {half, half, half}, SAME_N}};
  for (size_t count = 1; count <= 3; count++) {
    cgap_comparison c;
    cgap_ranking r;
    rank(&r, &c, m, count);
    cr_expect_eq(r.tests, 2 * count);
    cr_expect_float_eq(r.measure[0].lead[1].p_holm, 2 * 0.0104, 1e-4, "whatever else is in the table");
    cr_expect(r.measure[0].significant);
    if (count > 1)
      cr_expect_float_eq(r.measure[1].lead[1].p_holm, 2 * 0.03, 1e-4);
    cr_expect_not(count > 1 && r.measure[1].significant);
    clear(&r, &c);
  }
}

Test(ranking, without_interval_or_with_other_rows_nothing_is_marked)
{
  const made m[] = {{"gap.rmg", {0.5, 0.3, 0.9}, {NAN, NAN, NAN}, SAME_N},
                    {"retrieval.image_to_text.recall_at_1", {0.5, 0.3, 0.9}, {0.01, 0.01, 0.01}, {50, 50, 60}},
                    {"zero_shot.top_1", {0.5, 0.5, 0.2}, {0.01, 0.01, 0.01}, SAME_N},
                    {"gap.noise_floor", {0.5, 0.4, 0.2}, {0.01, 0.01, 0.01}, SAME_N},
                    {"zero_shot.top_5", {NAN, 0.5, NAN}, {0.01, 0.01, 0.01}, SAME_N}};
  cgap_comparison c;
  cgap_ranking r;
  rank(&r, &c, m, 5);
  cr_expect_eq(r.measure[0].best, 1, "a best without interval is one, unmarked");
  cr_expect(isnan(r.measure[0].lead[0].p));
  cr_expect_eq(r.measure[1].best, SIZE_MAX);
  cr_expect_eq(r.measure[1].other, CGAP_OTHER_N);
  cr_expect_eq(r.measure[2].best, SIZE_MAX, "two that are the same");
  cr_expect_eq(r.measure[3].best, SIZE_MAX, "neither direction is better");
  cr_expect_eq(r.measure[4].best, SIZE_MAX, "one alone is not the best");
  cr_expect_eq(r.tests, 0);
  for (size_t i = 0; i < 5; i++)
    cr_expect_not(r.measure[i].significant, "%s", m[i].key);
  clear(&r, &c);
}

static void expect_order(const made *m, size_t count, const char *key, size_t a, size_t b, size_t c_at)
{
  cgap_comparison c;
  size_t order[INPUTS];
  compare(&c, m, count);
  cgap_ranking_order(order, &c, cgap_entry_find(key));
  cr_expect(order[0] == a && order[1] == b && order[2] == c_at, "%s: %zu %zu %zu, not %zu %zu %zu", key, order[0],
            order[1], order[2], a, b, c_at);
  cgap_comparison_clear(&c);
}

Test(ranking, the_best_comes_first_and_what_is_missing_last)
{
  const made m[] = {{"gap.rmg", {0.5, 0.3, 0.9}, {NAN, NAN, NAN}, SAME_N},
                    {"zero_shot.top_1", {NAN, 0.3, 0.9}, {NAN, NAN, NAN}, SAME_N},
                    {"zero_shot.top_5", {0.4, 0.4, NAN}, {NAN, NAN, NAN}, SAME_N},
                    {"uniformity.cross", {-3.2, -4.1, -3.8}, {NAN, NAN, NAN}, SAME_N},
                    {"uniformity.sphere", {-3.9, -3.9, -3.9}, {NAN, NAN, NAN}, SAME_N}};
  expect_order(m, 1, "gap.rmg", 1, 0, 2);
  expect_order(m, 2, "zero_shot.top_1", 2, 1, 0);
  expect_order(m, 3, "zero_shot.top_5", 0, 1, 2);
  /* the nearest to the uniform distribution's value; without that the lowest */
  expect_order(m, 5, "uniformity.cross", 2, 1, 0);
  expect_order(m, 4, "uniformity.cross", 1, 2, 0);
}

Test(ranking, a_table_has_the_measures_that_two_inputs_have)
{
  const made m[] = {{"zero_shot.top_5", {0.4, 0.4, NAN}, {NAN, NAN, NAN}, SAME_N},
                    {"zero_shot.top_1", {0.4, NAN, NAN}, {NAN, NAN, NAN}, SAME_N},
                    {"gap.corrected_distance", {0.4, 0.4, 0.4}, {NAN, NAN, NAN}, SAME_N}};
  cgap_comparison c;
  compare(&c, m, 3);
  size_t entries[c.entries];
  cr_expect_eq(cgap_ranking_entries(entries, &c, false), 2);
  cr_expect_str_eq(cgap_entry_key(entries[0]), "gap.corrected_distance");
  cr_expect_str_eq(cgap_entry_key(entries[1]), "zero_shot.top_5");
  cr_expect_eq(cgap_ranking_entries(entries, &c, true), 3, "the noise floor too");
  cgap_comparison_clear(&c);
}

/* ---------------------------------------------------------------- series */

static void expect_numbers(const char *const names[INPUTS], double a, double b, double c)
{
  const double wanted[INPUTS] = {a, b, c};
  double number[INPUTS];
  cgap_error error;
  cr_assert_eq(cgap_series_numbers(number, names, INPUTS, &error), CGAP_OK, "%s", error.message);
  for (size_t k = 0; k < INPUTS; k++)
    cr_expect_float_eq(number[k], wanted[k], 1e-12, "%s: %g", names[k], number[k]);
}

static void expect_refused(const char *const names[INPUTS], const char *words)
{
  double number[INPUTS];
  cgap_error error;
  cr_assert_eq(cgap_series_numbers(number, names, INPUTS, &error), CGAP_USAGE, "%s", names[0]);
  cr_expect_not_null(strstr(error.message, words), "%s", error.message);
}

Test(ranking, the_number_of_a_series_is_the_one_that_differs)
{
  expect_numbers((const char *[]){"ckpt_100", "ckpt_20", "ckpt_3000"}, 100, 20, 3000);
  expect_numbers((const char *[]){"step-2000.h5", "step-4000.h5", "step-6000.h5"}, 2000, 4000, 6000);
  expect_numbers((const char *[]){"epoch03", "epoch1", "epoch10"}, 3, 1, 10);
  expect_numbers((const char *[]){"vit-b32_e1.npy", "vit-b32_e2.npy", "vit-b32_e3.npy"}, 1, 2, 3);
  expect_numbers((const char *[]){"lr1e-4", "lr3e-4", "lr0.001"}, 1e-4, 3e-4, 1e-3);
  expect_numbers((const char *[]){"2epochs", "4epochs", "8epochs"}, 2, 4, 8);
  expect_refused((const char *[]){"ckpt_1", "base.h5", "ckpt_3"}, "no number in the name base.h5");
  expect_refused((const char *[]){"e1_s10", "e2_s20", "e3_s30"}, "2 numbers differ in names such as e1_s10, 1 and 10");
  expect_refused((const char *[]){"ckpt_1", "ckpt_2_3", "ckpt_4"}, "ckpt_1 has 1 numbers, ckpt_2_3 has 2");
  expect_refused((const char *[]){"a_1", "b_01", "c_2"}, "a_1 and b_01 have the same number, 1");
  expect_refused((const char *[]){"a_1", "b_1", "c_1"}, "a_1 and b_1 have the same number, 1");
}

Test(ranking, geometric_series_are_those_whose_ratios_are_even)
{
  cr_expect(cgap_series_is_geometric((const double[]){1, 2, 4, 8, 16}, 5));
  cr_expect(cgap_series_is_geometric((const double[]){100, 1000, 10000}, 3));
  cr_expect_not(cgap_series_is_geometric((const double[]){1, 2, 3, 4, 50}, 4), "less than a decade");
  cr_expect_not(cgap_series_is_geometric((const double[]){10, 110, 210, 310}, 4));
  cr_expect_not(cgap_series_is_geometric((const double[]){0, 10, 100, 1000}, 4), "0 has no logarithm");
  cr_expect_not(cgap_series_is_geometric((const double[]){1, 100}, 2), "two points tell nothing");
}

/* ---------------------------------------------------------------- names */

static void expect_heads(const char *const names[INPUTS], int width, const char *a, const char *b, const char *c_head)
{
  cgap_comparison c;
  cgap_error error;
  char heads[INPUTS][CGAP_HEAD_SIZE];
  cr_assert_eq(cgap_comparison_init(&c, INPUTS, &error), CGAP_OK);
  for (size_t k = 0; k < INPUTS; k++)
    cr_assert_eq(cgap_comparison_set_name(&c, k, names[k], &error), CGAP_OK);
  cgap_overview_heads(heads, &c, width);
  cr_expect_str_eq(heads[0], a);
  cr_expect_str_eq(heads[1], b);
  cr_expect_str_eq(heads[2], c_head);
  cgap_comparison_clear(&c);
}

Test(ranking, names_are_shortened_alike_and_stay_different)
{
  expect_heads((const char *[]){"a.h5", "b.h5", "c.json"}, 8, "a", "b", "c");
  expect_heads((const char *[]){"a.h5", "a.npz", "c.h5"}, 8, "a.h5", "a.npz", "c.h5");
  expect_heads((const char *[]){"whurs_clip_vit.h5", "whurs_siglip_vit.h5", "whurs_blip_vit.h5"}, 8, "clip", "siglip",
               "blip");
  expect_heads((const char *[]){"model_1", "model_2", "model_10"}, 7, "model_1", "model_2", "mod…_10");
  expect_heads((const char *[]){"aaaaaaaaaaaaa-x-zzzzz", "aaaaaaaaaaaaa-y-zzzzz", "bbbbbbb"}, 5, "A", "B", "C");
  expect_heads((const char *[]){"größe_längste", "größe_kürzeste", "größe_x"}, 7, "längste", "kür…ste", "x");
}
