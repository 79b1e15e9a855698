/* The report as JSON: its keys, values and reasons; the thresholds of --fail-if. On audits filled by hand. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/fields.h"
#include "base/output_file.h"
#include "base/text_buffer.h"
#include "report/json.h"
#include "report_support.h"

/* The scalars of the contract, written down apart from the table of fields. */
static const char contract[] =
  "gap.corrected_distance gap.centroid_distance gap.noise_floor gap.centroid_cosine gap.linear_separability "
  "gap.separability_auc gap.rmg gap.share_of_alignment uniformity.image uniformity.text uniformity.mean "
  "uniformity.cross alignment.mean_squared_distance alignment.mean_distance loss.clip_image_to_text "
  "loss.clip_text_to_image loss.clip loss.cua loss.cuaxu pca.image.participation_ratio pca.text.isoscore "
  "pca.joint.entropy_rank pca.image.rankme pca.joint.components_90 retrieval.image_to_text.recall_at_1 "
  "retrieval.image_to_text.recall_at_5 retrieval.text_to_image.recall_at_10 "
  "retrieval.text_to_image.median_rank retrieval.image_to_text.mean_rank retrieval.text_to_image.mrr "
  "hubness.image_to_text.skewness hubness.text_to_image.robin_hood hubness.image_to_text.anti_hub_share "
  "checks.pairing.below_median_share gap.mmd2 mixed_retrieval.image_query.ndcg_at_10 "
  "mixed_retrieval.text_query.recall_at_10 agreement.mutual_knn agreement.cka csls.image_to_text.recall_at_1 "
  "csls.text_to_image.recall_at_10 mixed.same_modality_share mixed.image "
  "mixed.text mixed.unbiased "
  "zero_shot.top_1 zero_shot.top_5 zero_shot.mean_per_class arithmetic.score";

Test(fields, keys_are_distinct_and_complete)
{
  for (size_t i = 0; i < cgap_field_count(); i++) {
    for (size_t j = i + 1; j < cgap_field_count(); j++) {
      cr_expect_str_neq(cgap_field_at(i)->key, cgap_field_at(j)->key);
      cr_expect_neq(cgap_field_at(i)->offset, cgap_field_at(j)->offset, "%s and %s share a scalar",
                    cgap_field_at(i)->key, cgap_field_at(j)->key);
    }
    cr_expect(strlen(cgap_field_at(i)->definition) > 10, "%s has no definition", cgap_field_at(i)->key);
    cr_expect_lt(cgap_field_at(i)->group, CGAP_GROUPS);
  }
  char keys[sizeof contract], *rest = keys;
  memcpy(keys, contract, sizeof contract);
  for (const char *key; (key = strtok_r(rest, " ", &rest));)
    cr_expect_not_null(cgap_field_find(key), "no field %s", key);
  cr_expect_eq(cgap_field_count(), 87, "%zu fields", cgap_field_count());
}

Test(json, every_scalar_stands_under_its_key)
{
  cgap_audit audit;
  json_t *report = report_support_json(&audit, ALL);
  for (size_t i = 0; i < cgap_field_count(); i++) {
    json_t *at = cgap_json_get(report, cgap_field_at(i)->key);
    cr_assert(json_is_object(at), "%s is not there", cgap_field_at(i)->key);
    const cgap_scalar *s = cgap_field_scalar(&audit, cgap_field_at(i));
    cr_expect(json_real_value(json_object_get(at, "value")) == s->value, "%s", cgap_field_at(i)->key);
    cr_expect(json_integer_value(json_object_get(at, "n")) == (json_int_t)s->n, "%s", cgap_field_at(i)->key);
    cr_expect_str_eq(json_string_value(json_object_get(at, "method")), "exact");
    cr_expect(isfinite(s->lo) ? json_array_size(json_object_get(at, "ci95")) == 2
                              : json_is_null(json_object_get(at, "ci95")));
  }
  cr_expect_eq(json_array_size(cgap_json_get(report, "cosine.histogram.edges")), 201);
  cr_expect_eq(json_array_size(cgap_json_get(report, "cosine.histogram.pair")), 200);
  cr_expect_eq(json_array_size(cgap_json_get(report, "pca.text.explained_variance_ratio")), 16);
  cr_expect_eq(json_array_size(cgap_json_get(report, "arithmetic.curve")), 21);
  cr_expect_eq(json_array_size(cgap_json_get(report, "pairs.worst")), 20);
  cr_expect_eq(json_array_size(cgap_json_get(report, "gap.dimensions")), 10);
  cr_expect_str_eq(json_string_value(cgap_json_get(report, "checks.pairing.verdict")), "matched");
  cr_expect(json_is_null(cgap_json_get(report, "checks.pairing.shift")));
  cr_expect_eq(json_integer_value(cgap_json_get(report, "run.threads")), 2);
  json_decref(report);
  report_support_clear(&audit);
}

Test(json, null_has_a_reason_and_nan_never_stands)
{
  cgap_audit audit;
  report_support_fill(&audit, ALL, 30, 40, 16);
  audit.gap.rmg = (cgap_scalar){.value = 0.5, .lo = 0.4, .hi = 0.6, .why = "too few rows"};
  audit.loss.cua = (cgap_scalar){.value = NAN, .lo = NAN, .hi = NAN};
  audit.cosine_text.why = "one text alone";
  audit.pairing_check = (cgap_pairing_check){.z = NAN, .shift = -2, .verdict = CGAP_PAIRING_UNCLEAR};
  json_t *report = cgap_report_json(&audit, NULL, NULL);
  json_t *rmg = cgap_json_get(report, "gap.rmg");
  cr_expect(json_is_null(json_object_get(rmg, "value")));
  cr_expect(json_is_null(json_object_get(rmg, "ci95")));
  cr_expect_str_eq(json_string_value(json_object_get(rmg, "why")), "too few rows");
  cr_expect(json_is_null(cgap_json_get(report, "loss.cua.value")));
  cr_expect(json_string_length(cgap_json_get(report, "loss.cua.why")) > 0);
  cr_expect(json_is_null(cgap_json_get(report, "cosine.text.mean")));
  cr_expect(json_is_null(cgap_json_get(report, "checks.pairing.z")));
  cr_expect_eq(json_integer_value(cgap_json_get(report, "checks.pairing.shift")), -2);
  char *text = json_dumps(report, 0);
  cr_expect_null(strstr(text, "nan"));
  cr_expect_null(strstr(text, "NaN"));
  free(text);
  json_decref(report);
  report_support_clear(&audit);
}

Test(json, an_open_pairing_says_how_it_was_settled)
{
  cgap_audit audit;
  report_support_fill(&audit, ALL, 30, 60, 16);
  const char *const kinds[] = {"open", "by row"};
  for (int k = 0; k < 2; k++) {
    json_t *input = json_pack("{s:{s:s}}", "pairing", "kind", kinds[k]);
    json_t *report = cgap_report_json(&audit, input, NULL);
    const json_t *settled = cgap_json_get(report, "input.pairing.settled");
    cr_expect(k == 0 ? strcmp(json_string_value(settled), audit.pairing) == 0 : settled == NULL);
    json_decref(input);
    json_decref(report);
  }
  report_support_clear(&audit);
}

Test(json, what_needs_pairs_is_absent_without)
{
  static const char *const kept[] = {"gap.corrected_distance", "gap.centroid_distance",   "gap.centroid_cosine",
                                     "gap.noise_floor",        "gap.linear_separability", "gap.dimensions",
                                     "uniformity.cross",       "cosine.cross.mean",       "cosine.histogram.cross",
                                     "pca.joint.rankme",       "mixed.unbiased",          "checks.image"};
  static const char *const absent[] = {
    "gap.rmg",     "gap.share_of_alignment", "alignment",      "loss",  "retrieval", "hubness",
    "cosine.pair", "cosine.histogram.pair",  "checks.pairing", "pairs", "zero_shot", "arithmetic"};
  cgap_audit audit;
  json_t *report = report_support_json(&audit, 0);
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
    cr_expect_not_null(cgap_json_get(report, kept[i]), "%s is missing", kept[i]);
  for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
    cr_expect_null(cgap_json_get(report, absent[i]), "%s is there", absent[i]);
  json_decref(report);
  report_support_clear(&audit);
}

Test(thresholds, are_parsed_or_refused)
{
  const struct {
    const char *text;
    cgap_status status;
    const char *said;
  } cases[] = {{"gap.centroid_distance>0.5", CGAP_OK, ""},
               {" gap.rmg <= 1e-2 ", CGAP_OK, ""},
               {"cosine.pair.mean<0.2", CGAP_OK, ""},
               {"checks.image.duplicates.count>=1", CGAP_OK, ""},
               {"before:gap.rmg>0", CGAP_OK, ""},
               {" diff:retrieval.*.recall_at_1 < -0.02", CGAP_OK, ""},
               {"gap.*e>0.5", CGAP_OK, ""},
               {"diff:gap.nope*>0.5", CGAP_USAGE, "no measure fits 'gap.nope*'"},
               {"gap.centroid_distnace>0.5", CGAP_USAGE, "did you mean gap.centroid_distance?"},
               {"gap.centroid_distance>", CGAP_USAGE, "a number must follow"},
               {"gap.centroid_distance>0.5x", CGAP_USAGE, "a number must follow"},
               {"gap.centroid_distance>nan", CGAP_USAGE, "a number must follow"},
               {"gap.centroid_distance=0.5", CGAP_USAGE, "one of < <= > >="},
               {"gap.foo>0.5", CGAP_USAGE, "no measure 'gap.foo'; report.json names them"},
               {"", CGAP_USAGE, "one of < <= > >="},
               {">3", CGAP_USAGE, "no measure"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cgap_threshold t;
    cgap_error error = {0};
    cr_expect_eq(cgap_threshold_parse(&t, cases[i].text, &error), cases[i].status, "%s", cases[i].text);
    cr_expect_not_null(strstr(error.message, cases[i].said), "%s: %s", cases[i].text, error.message);
  }
}

Test(thresholds, cross_where_the_value_does)
{
  const struct {
    const char *text;
    cgap_status status;
  } cases[] = {{"gap.centroid_distance>0.8514", CGAP_OK},   {"gap.centroid_distance>=0.8514", CGAP_CROSSED},
               {"gap.centroid_distance<0.8514", CGAP_OK},   {"gap.centroid_distance<=0.8514", CGAP_CROSSED},
               {"gap.centroid_distance>0.5", CGAP_CROSSED}, {"cosine.pair.mean<0.5", CGAP_CROSSED},
               {"checks.text.zero.count>0", CGAP_OK}};
  cgap_audit audit;
  report_support_fill(&audit, CGAP_HAS_PAIRS, 30, 40, 16);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cgap_threshold t;
    cgap_error error;
    cr_assert_eq(cgap_threshold_parse(&t, cases[i].text, &error), CGAP_OK);
    cr_expect_eq(cgap_threshold_check(&t, &audit, &error), cases[i].status, "%s: %s", cases[i].text, error.message);
  }
  report_support_clear(&audit);
}

/* A pattern is every key that it fits: one that crosses is enough, and what is not there is left out. */
Test(thresholds, a_star_stands_for_many_keys)
{
  const struct {
    const char *text;
    cgap_status status;
  } cases[] = {{"gap.centroid_*>0.5", CGAP_CROSSED},
               {"gap.centroid_*>2", CGAP_OK},
               {"*.top_1<9", CGAP_DATA},
               {"csls.*<9", CGAP_DATA}};
  cgap_audit audit;
  report_support_fill(&audit, CGAP_HAS_PAIRS, 30, 40, 16);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cgap_threshold t;
    cgap_error error;
    cr_assert_eq(cgap_threshold_parse(&t, cases[i].text, &error), CGAP_OK);
    cr_expect_eq(cgap_threshold_check(&t, &audit, &error), cases[i].status, "%s: %s", cases[i].text, error.message);
  }
  report_support_clear(&audit);
}

Test(thresholds, what_cannot_be_tested_does_not_pass)
{
  static const char *const texts[] = {"gap.rmg<9", "zero_shot.top_1<9", "gap.centroid_distance>0.5",
                                      "gap.centroid_distance>2"};
  cgap_threshold t[4];
  cgap_audit audit;
  cgap_error error;
  report_support_fill(&audit, CGAP_HAS_PAIRS, 30, 40, 16);
  audit.gap.rmg.why = "too few rows";
  for (int i = 0; i < 4; i++)
    cr_assert_eq(cgap_threshold_parse(&t[i], texts[i], &error), CGAP_OK);
  cr_expect_eq(cgap_threshold_check(&t[0], &audit, &error), CGAP_DATA);
  cr_expect_not_null(strstr(error.message, "gap.rmg is null (too few rows)"), "%s", error.message);
  cr_expect_eq(cgap_threshold_check(&t[1], &audit, &error), CGAP_DATA);
  cr_expect_not_null(strstr(error.message, "zero_shot.top_1 is not in this report"), "%s", error.message);
  json_t *list = cgap_thresholds_json(t, 4, &audit);
  char *text = json_dumps(list, JSON_COMPACT | JSON_REAL_PRECISION(6));
  cr_expect_str_eq(text, "[{\"test\":\"gap.rmg<9\",\"value\":null,\"crossed\":null},"
                         "{\"test\":\"zero_shot.top_1<9\",\"value\":null,\"crossed\":null},"
                         "{\"test\":\"gap.centroid_distance>0.5\",\"value\":0.8514,\"crossed\":true},"
                         "{\"test\":\"gap.centroid_distance>2\",\"value\":0.8514,\"crossed\":false}]");
  free(text);
  json_decref(list);
  report_support_clear(&audit);
}

Test(suggest, distances)
{
  cr_expect_eq(cgap_edit_distance("", "abc"), 3);
  cr_expect_eq(cgap_edit_distance("kitten", "sitting"), 3);
  cr_expect_eq(cgap_edit_distance("ab", "ba"), 1);
  cr_expect_eq(cgap_edit_distance("threads", "threads"), 0);
  cgap_did_you_mean s = cgap_did_you_mean_init("thread");
  cgap_did_you_mean_offer(&s, "memory");
  cr_expect_null(s.name);
  cgap_did_you_mean_offer(&s, "threads");
  cgap_did_you_mean_offer(&s, "text");
  cr_expect_str_eq(s.name, "threads");
}

Test(text, hidden_characters_are_replaced)
{
  static const struct {
    const char *text, *clean;
  } cases[] = {{"plain é 文 😀 \u00A0", "plain é 文 😀 \u00A0"},
               {"a\tb\x1B[0m\x7F", "a?b?[0m?"},
               {"\xC2\x80\xC2\x9F\xC2\xAD", "???"},                                   /* C1, soft hyphen */
               {"\u200B\u200F\u2028\u202E\u2066\u2069\uFEFF", "???????"},             /* no width, lines, directions */
               {"\u034F\u115F\u1160\u2800\u3164\uFFA0", "??????"},                    /* fillers and blanks */
               {"\U0001D173\U0001D17A\U000E0100\U000E01EF", "????"},                  /* of music; selectors */
               {"\u2764\uFE0F", "\u2764\uFE0F"},                                      /* an emoji's selector */
               {"\U000E0041", "?"},                                                   /* a tag */
               {"\xFF\xC0\xAF\xED\xA0\x80\xF4\x90\x80\x80\xE2\x82", "????????????"}}; /* no UTF-8 */
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    char text[100];
    snprintf(text, sizeof text, "%s", cases[k].text);
    cgap_text_clean(text, '?', "");
    cr_expect_str_eq(text, cases[k].clean, "%zu: %s", k, text);
  }
}

Test(text, json_escapes_what_is_hidden_and_reads_back)
{
  json_t *json =
    json_pack("[o, o, o]", cgap_json_string("é\u202E\xFF"), cgap_json_string("\U000E0041\x7F"), cgap_json_string(NULL));
  char *text = cgap_json_text(json, JSON_COMPACT);
  cr_expect_str_eq(text, "[\"é\\u202e\\ufffd\",\"\\udb40\\udc41\\u007f\",null]");
  free(text);
  json_decref(json);
}
