/* Two reports side by side: what has a verdict, and why the rest has none. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/comparison_show.h"
#include "report/json.h"

/* What a report says of one measure, beside its centroid distance. */
typedef struct made_reports {
  const char *key;
  double value, half; /* half the interval; NAN: none */
  json_int_t n, dim;
  const char *method;
} made_reports;

static json_t *scalar_of(double value, double half, json_int_t n, const char *method)
{
  json_t *interval = isfinite(half) ? json_pack("[f,f]", value - half, value + half) : json_null();
  return json_pack("{s:f,s:o,s:I,s:s}", "value", value, "ci95", interval, "n", n, "method", method);
}

static json_t *report_of(const made_reports *m)
{
  json_t *report = json_object();
  cr_assert(cgap_json_put(report, "gap.centroid_distance", scalar_of(0.5, 0.1, m->n, m->method)));
  cr_assert(cgap_json_put(report, m->key, scalar_of(m->value, m->half, m->n, m->method)));
  if (m->dim)
    cr_assert(cgap_json_put(report, "input.measured.dim", json_integer(m->dim)));
  return report;
}

static void compare(cgap_comparison *c, const made_reports *first, const made_reports *other)
{
  const made_reports *const both[] = {first, other};
  const char *const names[] = {"a", "b"};
  cgap_error error;
  cr_assert_eq(cgap_comparison_init(c, 2, &error), CGAP_OK);
  for (size_t k = 0; k < 2; k++) {
    json_t *report = report_of(both[k]);
    cr_assert_eq(cgap_comparison_report(c, k, names[k], report, &error), CGAP_OK, "%s", error.message);
    json_decref(report);
  }
  cgap_comparison_differences(c, 1);
}

static const cgap_change *change_of(const cgap_comparison *c, const char *key)
{
  const size_t e = cgap_entry_find(key);
  cr_assert_neq(e, SIZE_MAX, "%s", key);
  return &c->change[c->entries + e];
}

static const char *word_of(const cgap_comparison *c, const char *key)
{
  return cgap_change_word(change_of(c, key), cgap_comparison_better(c, 1, cgap_entry_find(key)));
}

Test(comparison, a_verdict_needs_an_interval_and_equal_rows_and_dimensions)
{
  const struct {
    made_reports first, other;
    const char *word;
  } cases[] = {
    /* an interval decides, none leaves it open, however far the values are apart */
    {{"gap.rmg", 0.5, 0.01, 100, 8, "exact"}, {"gap.rmg", 0.4, 0.01, 100, 8, "exact"}, "better"},
    {{"gap.rmg", 0.4, 0.01, 100, 8, "exact"}, {"gap.rmg", 0.5, 0.01, 100, 8, "exact"}, "worse"},
    {{"gap.rmg", 0.5, 0.2, 100, 8, "exact"}, {"gap.rmg", 0.4, 0.2, 100, 8, "exact"}, "unclear"},
    {{"gap.rmg", 0.5, NAN, 100, 8, "exact"}, {"gap.rmg", 0.1, NAN, 100, 8, "exact"}, "no interval"},
    {{"gap.rmg", 0.5, 0.01, 100, 8, "exact"}, {"gap.rmg", 0.1, NAN, 100, 8, "exact"}, "no interval"},
    {{"gap.rmg", 0.5, NAN, 100, 8, "exact"}, {"gap.rmg", 0.5, NAN, 100, 8, "exact"}, "same"},
    {{"gap.separability_auc", 0.6, NAN, 100, 8, "exact"},
     {"gap.separability_auc", 0.3, NAN, 100, 8, "exact"},
     "no interval"},
    /* neighbours and the line are of n rows, drawn or not; ranks and losses of all candidates */
    {{"hubness.image_to_text.skewness", 7.09, NAN, 9000, 8, "exact"},
     {"hubness.image_to_text.skewness", 4.37, NAN, 4000, 8, "sampled"},
     "other n"},
    {{"mixed.image", 0.9, NAN, 9000, 8, "sampled"}, {"mixed.image", 0.8, NAN, 4000, 8, "sampled"}, "other n"},
    {{"gap.linear_separability", 1, NAN, 9000, 8, "exact"},
     {"gap.linear_separability", 0.9, NAN, 4000, 8, "sampled"},
     "other n"},
    {{"gap.separability_auc", 1, NAN, 90, 8, "exact"}, {"gap.separability_auc", 0.9, NAN, 40, 8, "exact"}, "other n"},
    {{"loss.clip_image_to_text", 5, 0.1, 9000, 8, "exact"},
     {"loss.clip_image_to_text", 4, 0.1, 4000, 8, "sampled"},
     "better"},
    {{"loss.clip_image_to_text", 5, 0.1, 9000, 8, "exact"},
     {"loss.clip_image_to_text", 4, 0.1, 4000, 8, "bf16"},
     "other n"},
    {{"uniformity.image", -1, 0.1, 9000, 8, "exact"}, {"uniformity.image", -2, 0.1, 4000, 8, "sampled"}, "better"},
    /* of other d */
    {{"uniformity.image", -1, 0.1, 90, 8, "exact"}, {"uniformity.image", -2, 0.1, 90, 16, "exact"}, "other d"},
    {{"pca.joint.isoscore", 0.1, 0.01, 90, 8, "exact"}, {"pca.joint.isoscore", 0.5, 0.01, 90, 16, "exact"}, "other d"},
    {{"pca.image.rankme", 9, NAN, 90, 8, "exact"}, {"pca.image.rankme", 12, NAN, 90, 16, "exact"}, "other d"},
    {{"gap.rmg", 0.5, 0.01, 90, 8, "exact"}, {"gap.rmg", 0.4, 0.01, 90, 16, "exact"}, "better"},
    {{"uniformity.image", -1, 0.1, 90, 0, "exact"}, {"uniformity.image", -2, 0.1, 90, 16, "exact"}, "better"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cgap_comparison c;
    compare(&c, &cases[i].first, &cases[i].other);
    const char *word = word_of(&c, cases[i].first.key);
    cr_expect_str_eq(word, cases[i].word, "%zu, %s: %s, not %s", i, cases[i].first.key, word, cases[i].word);
    cr_expect_eq(isfinite(change_of(&c, cases[i].first.key)->difference), strcmp(cases[i].word, "other n") != 0);
    cgap_comparison_clear(&c);
  }
}

Test(comparison, other_rows_are_named_and_their_threshold_is_not_checked)
{
  const made_reports first = {"hubness.image_to_text.skewness", 7, NAN, 9000, 8, "exact"};
  const made_reports other = {"hubness.image_to_text.skewness", 4, NAN, 4000, 8, "exact"};
  const cgap_threshold threshold = {.text = "hubness.image_to_text.skewness<-1",
                                    .key = "hubness.image_to_text.skewness",
                                    .relation = CGAP_LESS,
                                    .bound = -1};
  cgap_verdict_words words;
  cgap_comparison c;
  cgap_error error;
  compare(&c, &first, &other);
  cgap_comparison_words(&words, &c, 1);
  cr_expect_not_null(strstr(words.sentence[words.count - 1], "a: 9000 rows, b: 4000"), "%s",
                     words.sentence[words.count - 1]);
  cr_expect_eq(cgap_comparison_check(&c, 1, &threshold, &error), CGAP_DATA);
  cr_expect_not_null(strstr(error.message, "number of rows, which differs"), "%s", error.message);
  cgap_comparison_clear(&c);
}

Test(comparison, other_dimensions_are_named)
{
  const made_reports first = {"gap.rmg", 0.5, NAN, 90, 512, "exact"}, other = {"gap.rmg", 0.4, NAN, 90, 768, "exact"};
  char text[CGAP_SENTENCE];
  cgap_comparison c;
  compare(&c, &first, &other);
  cr_expect(cgap_comparison_other_d(text, &c, 1));
  cr_expect_not_null(strstr(text, "a has d = 512, b has d = 768"), "%s", text);
  json_t *json = cgap_comparison_json(&c);
  cr_expect_eq(json_integer_value(json_object_get(json_array_get(json_object_get(json, "inputs"), 1), "dim")), 768);
  json_decref(json);
  cgap_comparison_clear(&c);
  compare(&c, &first, &first);
  cr_expect_not(cgap_comparison_other_d(text, &c, 1));
  cr_expect_str_eq(text, "");
  cgap_comparison_clear(&c);
}

Test(comparison, a_gap_without_an_interval_neither_narrows_nor_widens)
{
  const made_reports first = {"gap.centroid_distance", 0.5, NAN, 90, 8, "exact"};
  const made_reports other = {"gap.centroid_distance", 0.4, NAN, 90, 8, "exact"};
  cgap_verdict_words words;
  cgap_comparison c;
  compare(&c, &first, &other);
  cgap_comparison_words(&words, &c, 1);
  cr_expect_not_null(strstr(words.sentence[0], "unclear without an interval from a to b"), "%s", words.sentence[0]);
  cgap_comparison_clear(&c);
}

/* Two reports of a distance and of how the modalities mix. */
static void compare_mixing(cgap_comparison *c, double distance, const double same_modality[2], double cosine)
{
  cgap_error error;
  cr_assert_eq(cgap_comparison_init(c, 2, &error), CGAP_OK);
  for (size_t k = 0; k < 2; k++) {
    json_t *report = json_object();
    json_t *far = scalar_of(0.8, 0.01, 90, "exact"), *near = scalar_of(distance, distance / 2, 90, "exact");
    if (distance == 0)
      json_object_set_new(near, "ci95", json_pack("[f,f]", 0.0, 0.02));
    cr_assert(cgap_json_put(report, "gap.corrected_distance", k ? near : far));
    json_decref(k ? far : near);
    cr_assert(cgap_json_put(report, "mixed.same_modality_share", scalar_of(same_modality[k], NAN, 90, "exact")));
    cr_assert(cgap_json_put(report, "mixed.unbiased", scalar_of(0.5, NAN, 90, "exact")));
    if (k)
      cr_assert(cgap_json_put(report, "cosine.text.mean", json_real(cosine)));
    cr_assert_eq(cgap_comparison_report(c, k, k ? "b" : "a", report, &error), CGAP_OK, "%s", error.message);
    json_decref(report);
  }
  cgap_comparison_differences(c, 1);
}

Test(comparison, a_closed_shift_is_no_closed_gap_where_neighbours_differ)
{
  const struct {
    double distance, same_modality[2], cosine;
    cgap_level level;
    const char *words;
  } cases[] = {{0, {1, 0.6}, 0.5, CGAP_LEVEL_NOISE, "; what is left is within noise."},
               {0, {1, 0.92}, 0.5, CGAP_LEVEL_APART, "; the shift is gone, the neighbourhoods still differ."},
               {0.1, {1, 0.92}, 0.5, CGAP_LEVEL_APART, "; the shift is small, the neighbourhoods still differ."},
               {0.1, {0.5, 0.92}, 0.5, CGAP_LEVEL_APART, "; the shift is small, the neighbourhoods differ now."},
               {0, {1, 0.6}, 0.99, CGAP_LEVEL_COLLAPSED, "; the embeddings of b are collapsed."}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cgap_verdict_words words;
    cgap_comparison c;
    compare_mixing(&c, cases[i].distance, cases[i].same_modality, cases[i].cosine);
    cgap_comparison_words(&words, &c, 1);
    cr_expect_not_null(strstr(words.sentence[0], cases[i].words), "%s", words.sentence[0]);
    cr_expect_eq(words.level, cases[i].level);
    cgap_comparison_clear(&c);
  }
}
