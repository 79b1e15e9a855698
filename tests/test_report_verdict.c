/* The sentences of the verdict, on audits filled by hand. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "report/json.h"
#include "report/text.h"
#include "report_support.h"

Test(verdict, levels)
{
  const struct {
    double value, lo;
    cgap_level level;
  } cases[] = {{0.05, 0, CGAP_LEVEL_NOISE},      {0.9, 0, CGAP_LEVEL_NOISE},         {0.1899, 0.1, CGAP_LEVEL_LOW},
               {0.19, 0.1, CGAP_LEVEL_MODERATE}, {0.6299, 0.5, CGAP_LEVEL_MODERATE}, {0.63, 0.5, CGAP_LEVEL_SEVERE},
               {0.1, NAN, CGAP_LEVEL_LOW},       {NAN, NAN, CGAP_LEVEL_UNKNOWN}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cgap_scalar d = {.value = cases[i].value, .lo = cases[i].lo, .hi = cases[i].lo + 1};
    cr_expect_eq(cgap_gap_level(&d), cases[i].level, "%g, %g", cases[i].value, cases[i].lo);
  }
}

/* An audit whose modalities mix as by chance, at this corrected distance. */
static void fill_distance(cgap_audit *audit, unsigned has, size_t images, size_t texts, double value, double lo,
                          double hi)
{
  report_support_fill(audit, has, images, texts, 16);
  audit->gap.corrected_distance = (cgap_scalar){.value = value, .lo = lo, .hi = hi, .n = images};
  audit->mixed.same_modality_share.value = audit->mixed.unbiased.value = 0.5;
}

/* The sentence that has the words, or "". */
static const char *sentence_with(const cgap_audit *audit, const char *words)
{
  static cgap_verdict_words verdict;
  cgap_verdict_write(&verdict, audit);
  for (size_t i = 0; i < verdict.count; i++)
    if (strstr(verdict.sentence[i], words))
      return verdict.sentence[i];
  return "";
}

static void expect_sentence(const cgap_audit *audit, const char *with, const char *words)
{
  cr_expect_not_null(strstr(sentence_with(audit, with), words), "\"%s\" does not say \"%s\"",
                     sentence_with(audit, with), words);
}

Test(verdict, thresholds_that_the_interval_crosses_are_said)
{
  const struct {
    double value, lo, hi;
    const char *words;
  } cases[] = {{0.3, 0.25, 0.35, "The gap is moderate: corrected distance 0.300 [0.250, 0.350] (this tool's own scale"},
               {0.2, 0.15, 0.25, "[0.150, 0.250]; the interval reaches from low to moderate (this"},
               {0.18, 0.1, 0.64,
                "The gap is low: corrected distance 0.180 [0.100, 0.640]; the interval reaches from low "
                "to severe"},
               {0.05, 0, 0.1, "No gap is found (none): corrected distance 0.050 [0.000, 0.100], which reaches 0 (this"},
               {0.05, 0, 0.2, "which reaches 0, but a moderate one of up to 0.200 is not excluded (this"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cgap_audit audit;
    fill_distance(&audit, ALL, 100, 100, cases[i].value, cases[i].lo, cases[i].hi);
    expect_sentence(&audit, "corrected distance", cases[i].words);
    expect_sentence(&audit, "corrected distance", "low below 0.19, moderate, severe from 0.63");
    report_support_clear(&audit);
  }
}

Test(verdict, modalities_that_do_not_mix_are_apart)
{
  cgap_audit audit;
  fill_distance(&audit, ALL, 100, 100, 0.02, 0, 0.05);
  audit.mixed.same_modality_share.value = 0.85;
  cr_expect_eq(cgap_audit_level(&audit), CGAP_LEVEL_NOISE, "0.7 of the way is not above it");
  audit.mixed.same_modality_share.value = 0.92;
  cr_expect_str_eq(cgap_level_word(cgap_audit_level(&audit)), "apart");
  expect_sentence(&audit, "apart", "92 % of a row's nearest rows are of its own modality (by chance 50 %");
  cr_expect_null(strstr(sentence_with(&audit, "apart"), "the shift is gone"));
  audit.gap.corrected_distance = (cgap_scalar){.value = 0, .lo = 0, .hi = 0, .n = 100}; /* centred rows */
  expect_sentence(&audit, "apart", "the shift is gone, the neighbourhoods still differ");
  audit.gap.corrected_distance = (cgap_scalar){.value = 0.21, .lo = 0.19, .hi = 0.23, .n = 100};
  cr_expect_eq(cgap_audit_level(&audit), CGAP_LEVEL_APART);
  audit.gap.corrected_distance.lo = 0.191;
  cr_expect_eq(cgap_audit_level(&audit), CGAP_LEVEL_MODERATE, "a gap that the distance shows");
  audit.mixed.unbiased.value = 0.8; /* several texts per image */
  audit.gap.corrected_distance.lo = 0;
  cr_expect_eq(cgap_audit_level(&audit), CGAP_LEVEL_NOISE, "0.12 of 0.2");
  audit.mixed.same_modality_share.value = 0.95;
  cr_expect_eq(cgap_audit_level(&audit), CGAP_LEVEL_APART, "0.15 of 0.2");
  audit.mixed.same_modality_share.why = "too few rows";
  cr_expect_eq(cgap_audit_level(&audit), CGAP_LEVEL_NOISE);
  report_support_clear(&audit);
}

Test(verdict, a_narrow_modality_is_collapsed)
{
  cgap_audit audit;
  fill_distance(&audit, ALL, 100, 100, 0.01, 0, 0.02);
  audit.cosine_text.mean = 0.98;
  cr_expect_eq(cgap_audit_level(&audit), CGAP_LEVEL_NOISE);
  audit.cosine_text.mean = 0.9801;
  audit.mixed.same_modality_share.value = 1; /* collapsed comes before apart */
  cr_expect_str_eq(cgap_level_word(cgap_audit_level(&audit)), "collapsed");
  expect_sentence(&audit, "collapsed", "the mean cosine of two texts is 0.980");
  audit.cosine_image.mean = 0.999;
  expect_sentence(&audit, "collapsed", "the mean cosine of two images is 0.999, of two texts 0.980");
  audit.cosine_image.why = audit.cosine_text.why = "one row alone";
  cr_expect_eq(cgap_audit_level(&audit), CGAP_LEVEL_APART);
  report_support_clear(&audit);
}

Test(verdict, what_a_classifier_tells_follows_its_rows)
{
  const struct {
    size_t rows;
    double accuracy, auc;
    const char *words;
  } cases[] = {
    {500, 1, 1, "A linear classifier tells images from texts: 100.0 % correct"},
    {30, 1, 1, "A linear classifier tells images from texts: 100.0 % correct"},
    {52000, 0.745, 0.8, "A linear classifier mostly tells images from texts: 74.5 % correct"},
    {52000, 0.52, 0.53, "tells images from texts better than chance does: 52.0 % correct"},
    {40, 0.55, 0.56, "Whether a linear classifier tells images from texts is unclear: 55.0 % correct"},
    {52000, 0.5, 0.5, "A linear classifier does not tell images from texts"},
    {500, 0.29, 0.2, "less than by chance"},
    {40, 0.5, 1, "by its score (area under the ROC curve 1.000), but its threshold is right on only 50.0 %"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cgap_audit audit;
    fill_distance(&audit, 0, 2 * cases[i].rows, cases[i].rows, 0.3, 0.2, 0.4);
    audit.gap.linear_separability.value = cases[i].accuracy;
    audit.gap.separability_auc.value = cases[i].auc;
    expect_sentence(&audit, "linear classifier", cases[i].words);
    report_support_clear(&audit);
  }
}

Test(verdict, nothing_is_learnt_from_few_rows)
{
  cgap_audit audit;
  fill_distance(&audit, CGAP_TEXT_IS_CLASSES, 100, 5, 0.3, 0.2, 0.4);
  audit.gap.linear_separability.why = "under 30 rows";
  expect_sentence(&audit, "linear classifier",
                  "Whether a linear classifier tells images from class texts is not known (under 30 rows).");
  report_support_clear(&audit);
}

Test(verdict, search_names_the_size_of_the_index)
{
  cgap_audit audit;
  fill_distance(&audit, ALL, 600, 1200, 0.3, 0.2, 0.4);
  audit.image_to_text.recall_at_1 = (cgap_scalar){.value = 0.373, .lo = 0.336, .hi = 0.413};
  audit.image_to_text.recall_at_10 = (cgap_scalar){.value = 0.798, .lo = 0.764, .hi = 0.828};
  audit.text_to_image.recall_at_1 = (cgap_scalar){.value = 0.002, .lo = NAN, .hi = NAN};
  audit.text_to_image.recall_at_10 = (cgap_scalar){.value = 0.016, .lo = NAN, .hi = NAN};
  expect_sentence(
    &audit, "Search",
    "Search: among 1200 texts an image finds one of its own first in 37.3 % [33.6, 41.3] of searches, among "
    "the first ten in 79.8 %; among 600 images a text finds its own first in 0.2 % of searches, among the "
    "first ten in 1.6 %.");
  audit.image_to_text.recall_at_10 = (cgap_scalar){.value = 0.02, .lo = 0.01, .hi = 0.03};
  expect_sentence(&audit, "Search", "Search is not shown to beat guessing: among 1200 texts");
  expect_sentence(&audit, "dimensions", "of 16 dimensions about");
  expect_sentence(&audit, "Zero-shot", "of the images have the text of their own class nearest");
  report_support_clear(&audit);
}

/* 768 dimensions of which half are in use: uniformity is 0.01 above that of the whole sphere */
Test(verdict, half_of_the_dimensions_are_not_evenly_spread)
{
  cgap_audit audit;
  fill_distance(&audit, ALL, 1000, 1000, 0.3, 0.2, 0.4);
  audit.dim = 768;
  audit.uniformity.sphere = -3.9896;
  audit.uniformity.image.value = audit.uniformity.text.value = -3.979;
  audit.pca_image.participation_ratio = audit.pca_text.participation_ratio = (cgap_scalar){.value = 434, .n = 1000};
  expect_sentence(&audit, "sphere", "Images and texts each fill the sphere evenly");
  audit.pca_image.participation_ratio.value = 277;
  expect_sentence(&audit, "sphere", "Images fill most of the sphere, texts fill the sphere evenly");
  report_support_clear(&audit);
}

Test(verdict, the_share_of_one_shift_promises_nothing)
{
  cgap_audit audit;
  fill_distance(&audit, ALL, 100, 100, 0.3, 0.2, 0.4);
  audit.gap.share_of_alignment.value = 0.77;
  cr_expect_str_eq(sentence_with(&audit, "shift"),
                   "77 % of the mean squared distance of matching pairs is one constant shift.");
  report_support_clear(&audit);
}

Test(verdict, is_in_the_report)
{
  cgap_audit audit;
  cgap_verdict_words words;
  report_support_fill(&audit, ALL, 10, 40, 16);
  cgap_verdict_write(&words, &audit);
  json_t *report = cgap_report_json(&audit, NULL, NULL);
  cr_expect_str_eq(json_string_value(cgap_json_get(report, "verdict.gap")), "severe");
  cr_expect_str_eq(json_string_value(cgap_json_get(report, "verdict.pairing")), "matched");
  cr_expect_eq(json_array_size(cgap_json_get(report, "verdict.sentences")), words.count);
  cr_expect_str_eq(json_string_value(json_array_get(cgap_json_get(report, "verdict.sentences"), 0)), words.sentence[0]);
  cr_expect_eq(json_array_size(cgap_json_get(report, "verdict.notes")), 1, "few rows");
  cr_expect_eq(json_integer_value(cgap_json_get(report, "schema_version")), 1);
  json_decref(report);
  audit.has = CGAP_HAS_TEXT | CGAP_ONE_SPACE;
  report = cgap_report_json(&audit, NULL, NULL);
  cr_expect(json_is_null(cgap_json_get(report, "verdict.pairing")));
  json_decref(report);
  report_support_clear(&audit);
}
