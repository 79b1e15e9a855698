/* What is printed and written about an audit, on audits filled by hand. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/fields.h"
#include "base/did_you_mean.h"
#include "report/curves.h"
#include "report/fail_if.h"
#include "report/figures.h"
#include "report/folder.h"
#include "report/gnuplot.h"
#include "report/table.h"
#include "report/verdict.h"
#include "report_support.h"
#include "support.h"

enum { ALL = CGAP_HAS_PAIRS | CGAP_HAS_ZERO_SHOT | CGAP_HAS_ARITHMETIC };

/* The scalars of the contract, written down apart from the table of fields. */
static const char *const contract[] = {"gap.corrected_distance",
                                       "gap.centroid_distance",
                                       "gap.noise_floor",
                                       "gap.centroid_cosine",
                                       "gap.linear_separability",
                                       "gap.separability_auc",
                                       "gap.rmg",
                                       "gap.share_of_alignment",
                                       "uniformity.image",
                                       "uniformity.text",
                                       "uniformity.mean",
                                       "uniformity.cross",
                                       "alignment.mean_squared_distance",
                                       "alignment.mean_distance",
                                       "loss.clip_image_to_text",
                                       "loss.clip_text_to_image",
                                       "loss.clip",
                                       "loss.cua",
                                       "loss.cuaxu",
                                       "pca.image.participation_ratio",
                                       "pca.text.isoscore",
                                       "pca.joint.entropy_rank",
                                       "pca.image.rankme",
                                       "pca.joint.components_90",
                                       "retrieval.image_to_text.recall_at_1",
                                       "retrieval.image_to_text.recall_at_5",
                                       "retrieval.text_to_image.recall_at_10",
                                       "retrieval.text_to_image.median_rank",
                                       "retrieval.image_to_text.mean_rank",
                                       "retrieval.text_to_image.mrr",
                                       "hubness.image_to_text.skewness",
                                       "hubness.text_to_image.robin_hood",
                                       "hubness.image_to_text.anti_hub_share",
                                       "checks.pairing.below_median_share",
                                       "mixed.same_modality_share",
                                       "mixed.image",
                                       "mixed.text",
                                       "mixed.unbiased",
                                       "zero_shot.top_1",
                                       "zero_shot.top_5",
                                       "zero_shot.mean_per_class",
                                       "arithmetic.score"};

static json_t *report_of(cgap_audit *audit, unsigned has)
{
  cgap_run run = {.command_line = "contragap audit x.h5", .threads = 2, .seconds = 1.5, .peak_memory_bytes = 1 << 20};
  report_support_fill(audit, has, 30, 40, 16);
  json_t *report = cgap_report_json(audit, NULL, &run);
  cr_assert_not_null(report);
  return report;
}

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
  for (size_t i = 0; i < sizeof contract / sizeof *contract; i++)
    cr_expect_not_null(cgap_field_find(contract[i]), "no field %s", contract[i]);
  cr_expect_eq(cgap_field_count(), 61, "%zu fields", cgap_field_count());
}

Test(json, every_scalar_stands_under_its_key)
{
  cgap_audit audit;
  json_t *report = report_of(&audit, ALL);
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
  json_t *report = report_of(&audit, 0);
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
    cr_expect_not_null(cgap_json_get(report, kept[i]), "%s is missing", kept[i]);
  for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
    cr_expect_null(cgap_json_get(report, absent[i]), "%s is there", absent[i]);
  json_decref(report);
  report_support_clear(&audit);
}

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
  audit.has = 0;
  report = cgap_report_json(&audit, NULL, NULL);
  cr_expect(json_is_null(cgap_json_get(report, "verdict.pairing")));
  json_decref(report);
  report_support_clear(&audit);
}

static char *table_of(const cgap_audit *audit, const char *name, bool markdown)
{
  char *text = NULL;
  size_t bytes;
  cgap_error error;
  FILE *out = open_memstream(&text, &bytes);
  cgap_status status = markdown ? cgap_markdown_print(audit, name, out, &error)
                                : cgap_table_print(audit, name, &(cgap_paper){.columns = 80}, out, &error);
  cr_assert_eq(status, CGAP_OK);
  cr_assert_eq(fclose(out), 0);
  return text;
}

static size_t columns(const char *line, size_t bytes)
{
  size_t count = 0;
  for (size_t i = 0; i < bytes; i++)
    count += ((unsigned char)line[i] & 0xC0) != 0x80;
  return count;
}

Test(table, fits_80_columns)
{
  cgap_audit audit;
  report_support_fill(&audit, ALL, 100000, 250000, 16);
  audit.image_to_text.mean_rank = (cgap_scalar){.value = 12345.678, .lo = 12300.1, .hi = 12400.2, .n = 3};
  audit.gap.rmg.why = "a reason that is much longer than what any line of eighty columns can hold at its end";
  audit.pairing_check.verdict = CGAP_PAIRING_SHUFFLED;
  audit.checks_image.off_unit.count = 100000;
  char *text =
    table_of(&audit, "a file with a fairly long name that goes on for more than one line of the table.h5", false);
  for (const char *line = text; *line;) {
    size_t length = strcspn(line, "\n");
    cr_expect_leq(columns(line, length), 80, "%.*s", (int)length, line);
    cr_expect(length == 0 || line[length - 1] != ' ', "a trailing blank: \"%.*s\"", (int)length, line);
    line += length + (line[length] == '\n');
  }
  cr_expect_null(strchr(text, '\033'), "colour without a terminal");
  cr_expect_not_null(strstr(text, "d = 16"), "d and its number on two lines");
  cr_expect_null(strstr(text, CGAP_NO_BREAK));
  free(text);
  report_support_clear(&audit);
}

Test(table, verdict_on_top_and_a_bad_pairing_before_it)
{
  cgap_audit audit;
  report_support_fill(&audit, ALL, 30, 40, 16);
  char *text = table_of(&audit, "x.h5", false);
  cr_expect_not_null(strstr(text, "The gap is severe"));
  cr_expect(strstr(text, "The gap is severe") < strstr(text, "Uniformity"));
  free(text);
  audit.pairing_check.verdict = CGAP_PAIRING_SHUFFLED;
  text = table_of(&audit, "x.h5", false);
  cr_expect(strstr(text, "look shuffled") && strstr(text, "look shuffled") < strstr(text, "The gap is severe"));
  free(text);
  report_support_clear(&audit);
}

/* The first note that has the words, or NULL. */
static const char *note_with(const cgap_audit *audit, const char *words, bool bad)
{
  static cgap_notes notes;
  cgap_notes_write(&notes, audit);
  for (size_t i = 0; i < notes.count; i++)
    if (strstr(notes.text[i], words) && notes.bad[i] == bad)
      return notes.text[i];
  return NULL;
}

Test(notes, nothing_to_say_of_sound_data)
{
  cgap_audit audit;
  cgap_notes notes;
  report_support_fill(&audit, ALL, 30, 40, 16);
  audit.gap.linear_separability.value = 0.5;
  cgap_notes_write(&notes, &audit);
  cr_expect_eq(notes.count, 0, "%s", notes.text[0]);
  report_support_clear(&audit);
}

Test(notes, a_shift_has_a_direction)
{
  cgap_audit audit;
  report_support_fill(&audit, ALL, 30, 40, 16);
  audit.pairing_check.shift = 1;
  cr_expect_not_null(note_with(&audit, "text i belongs to image i + 1: the texts must move down by 1 row.", true));
  audit.pairing_check.verdict = CGAP_PAIRING_SHUFFLED;
  audit.pairing_check.shift = -2;
  cr_expect_not_null(note_with(&audit, "text i belongs to image i - 2: the texts must move up by 2 rows.", true));
  cr_expect_not_null(note_with(&audit, "look shuffled, or the model does not match images with texts", true));
  report_support_clear(&audit);
}

Test(notes, data_measured_against_themselves)
{
  cgap_audit audit;
  report_support_fill(&audit, ALL, 40, 40, 16);
  for (size_t j = 0; j < 19; j++)
    audit.pair_cosine[j] = 1;
  cr_expect_null(note_with(&audit, "pairs equal", true));
  audit.pair_cosine[19] = 1;
  cr_expect_not_null(note_with(&audit, "(20 of 40 pairs equal)", true));
  for (size_t j = 0; j < 40; j++)
    audit.pair_cosine[j] = 1 - 1e-13;
  cr_expect_not_null(note_with(&audit, "Image and text are the same rows (40 of 40 pairs equal)", true));
  report_support_clear(&audit);
}

Test(notes, repeated_images)
{
  cgap_audit audit;
  report_support_fill(&audit, ALL, 150, 150, 16);
  audit.checks_image.duplicates = (cgap_check){.count = 29, .examples = {1, 2}, .example_count = 2};
  cr_expect_not_null(note_with(&audit, "29 image rows repeat an earlier row exactly (first: 1, 2).", false));
  cr_expect_null(note_with(&audit, "--merge-images", true));
  audit.checks_image.duplicates.count = 120;
  cr_expect_not_null(
    note_with(&audit, "Each image stands about 5 times (120 of 150 rows are copies): recall counts", true));
  cr_expect_null(note_with(&audit, "repeat an earlier row", false));
  audit.merged_images = 120;
  audit.images = 30;
  cr_expect_not_null(note_with(&audit, "120 repeated image rows were merged: 30 images are left", false));
  cr_expect_null(note_with(&audit, "--merge-images", true));
  cr_expect_null(note_with(&audit, "repeat an earlier row", false));
  audit.checks_text.duplicates.count = 1;
  cr_expect_not_null(note_with(&audit, "1 text row repeats an earlier row exactly.", false));
  report_support_clear(&audit);
}

Test(notes, rows_that_are_all_equal_and_few_rows)
{
  cgap_audit audit;
  cgap_notes notes;
  report_support_fill(&audit, ALL, 3, 3, 16);
  cr_expect_not_null(note_with(&audit, "Only 3 pairs: ", true));
  audit.pca_image.participation_ratio.why = "all rows are equal";
  audit.checks_image.duplicates.count = 2;
  audit.pairing_check = (cgap_pairing_check){.matched_mean = 1, .shuffled_mean = 1, .z = NAN};
  audit.pairing_check.verdict = CGAP_PAIRING_UNCLEAR;
  cgap_notes_write(&notes, &audit);
  cr_expect(strstr(notes.text[0], "All image rows are the same") == notes.text[0], "%s", notes.text[0]);
  cr_expect_null(note_with(&audit, "nan", true));
  cr_expect_null(note_with(&audit, "pairing", true));
  cr_expect_null(note_with(&audit, "--merge-images", true));
  char *text = table_of(&audit, "x.h5", false);
  cr_expect_null(strstr(text, "nan"));
  cr_expect_not_null(strstr(text, "  n/a: all rows are equal\n"));
  free(text);
  report_support_clear(&audit);
}

Test(notes, norms_of_both_sides_in_one_line)
{
  cgap_audit audit;
  report_support_fill(&audit, 0, 100, 200, 16);
  audit.checks_image.off_unit.count = 100;
  audit.checks_text.off_unit.count = 7;
  audit.checks_image.norm_mean = 10.5;
  cr_expect_not_null(
    note_with(&audit, "100 of 100 image rows (mean norm 10.5) and 7 of 200 text rows (mean norm 1).", false));
  report_support_clear(&audit);
}

Test(table, markdown_has_every_field_and_escapes_names)
{
  cgap_audit audit;
  report_support_fill(&audit, ALL, 30, 40, 16);
  char *text = table_of(&audit, "a_b<script>|c.h5", true);
  size_t rows = 0;
  for (const char *at = text; (at = strstr(at, "\n| ")); at++)
    rows++;
  cr_expect_eq(rows, cgap_field_count() + 2);
  cr_expect_null(strstr(text, "<script>"));
  cr_expect_not_null(strstr(text, "a\\_b&lt;script&gt;\\|c.h5"));
  free(text);
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
  cgap_suggestion s = cgap_suggestion_init("thread");
  cgap_suggestion_offer(&s, "memory");
  cr_expect_null(s.name);
  cgap_suggestion_offer(&s, "threads");
  cgap_suggestion_offer(&s, "text");
  cr_expect_str_eq(s.name, "threads");
}

static bool there(const char *folder, const char *name)
{
  char path[CGAP_PATH];
  struct stat about;
  return cgap_folder_file(path, folder, name, NULL) == CGAP_OK && stat(path, &about) == 0 && about.st_size > 0;
}

Test(output, appears_only_when_complete)
{
  char folder[200], path[CGAP_PATH];
  cgap_error error;
  cgap_outfile file;
  support_directory(folder, sizeof folder);
  cr_assert_eq(cgap_folder_file(path, folder, "a.txt", &error), CGAP_OK);
  cr_assert_eq(cgap_write_file(path, "old", 3, &error), CGAP_OK);
  cr_assert_eq(cgap_outfile_open(&file, path, &error), CGAP_OK);
  fputs("new", file.stream);
  char *text = cgap_read_text(path, NULL);
  cr_expect_str_eq(text, "old");
  free(text);
  cr_assert_eq(cgap_outfile_close(&file, false, &error), CGAP_OK);
  cr_expect(access(file.temporary, F_OK) != 0);
  cr_assert_eq(cgap_outfile_open(&file, path, &error), CGAP_OK);
  fputs("newer", file.stream);
  cr_assert_eq(cgap_outfile_close(&file, true, &error), CGAP_OK);
  size_t bytes;
  text = cgap_read_text(path, &bytes);
  cr_expect_str_eq(text, "newer");
  cr_expect_eq(bytes, 5);
  free(text);
  cr_assert_eq(cgap_outfile_open(&file, "/dev/full", &error), CGAP_OK);
  unlink(file.temporary);
  fclose(file.stream);
  file.stream = fopen("/dev/full", "wb");
  fputs("no room", file.stream);
  cr_expect_eq(cgap_outfile_close(&file, true, &error), CGAP_RESOURCE);
  support_remove(folder);
}

Test(output, folders_are_made_and_taken_back)
{
  char base[200], deep[300], inside[400];
  cgap_error error;
  cgap_folder folder;
  support_directory(base, sizeof base);
  snprintf(deep, sizeof deep, "%s/a/b/c/", base);
  cr_assert_eq(cgap_folder_open(&folder, deep, &error), CGAP_OK);
  cr_expect_eq(access(deep, W_OK), 0);
  cgap_folder_abandon(&folder);
  snprintf(deep, sizeof deep, "%s/a", base);
  cr_expect_neq(access(deep, F_OK), 0);
  cr_expect_eq(access(base, F_OK), 0);
  snprintf(inside, sizeof inside, "%s/kept", base);
  cr_assert_eq(cgap_write_file(inside, "x", 1, &error), CGAP_OK);
  cr_assert_eq(cgap_folder_open(&folder, base, &error), CGAP_OK);
  cgap_folder_abandon(&folder);
  cr_expect_eq(access(inside, F_OK), 0, "abandoning a folder that stood before must leave it");
  cr_expect_eq(cgap_folder_open(&folder, inside, &error), CGAP_FILE);
  cr_expect_not_null(strstr(error.message, "is a file"));
  cr_expect_eq(cgap_folder_open(&folder, "/proc/contragap", &error), CGAP_FILE);
  support_remove(base);
}

static size_t lines_of(const char *folder, const char *name, char sign)
{
  char path[CGAP_PATH];
  size_t count = 0;
  cr_assert_eq(cgap_folder_file(path, folder, name, NULL), CGAP_OK);
  char *text = cgap_read_text(path, NULL);
  cr_assert_not_null(text, "%s", path);
  for (char *line = text; *line; line += strcspn(line, "\n") + 1)
    count += (*line == '#') == (sign == '#');
  free(text);
  return count;
}

Test(folder, holds_tables_scripts_and_pictures)
{
  static const char *const names[] = {"scatter", "cosines", "variance", "dimensions", "recall", "plane"};
  char folder[200], figures[300], file[100];
  cgap_audit audit;
  cgap_error error;
  support_directory(folder, sizeof folder);
  json_t *json = report_of(&audit, CGAP_HAS_PAIRS);
  cgap_report report = {.audit = &audit, .json = json, .source = "a \"quoted\" <b>_name\t.h5"};
  cr_assert_eq(cgap_report_write(&report, folder, &error), CGAP_OK, "%s", error.message);
  cr_expect(there(folder, "report.json"));
  cr_expect_eq(lines_of(folder, "rows.tsv", ' '), 1 + 40);
  snprintf(figures, sizeof figures, "%s/figures", folder);
  cr_expect_eq(lines_of(figures, "scatter.tsv", ' '), 1 + 40);
  cr_expect_eq(lines_of(figures, "cosines.tsv", ' '), 1 + 200);
  cr_expect_eq(lines_of(figures, "variance.tsv", ' '), 1 + 16);
  cr_expect_eq(lines_of(figures, "dimensions.tsv", ' '), 1 + 16);
  cr_expect_eq(lines_of(figures, "plane.tsv", ' '), 1 + 4);
  cr_expect_eq(lines_of(figures, "recall.tsv", ' '), 1 + 9 + 5);
  cr_expect(there(figures, "style.gp"));
  if (cgap_gnuplot_found()) {
    cr_assert_eq(cgap_report_draw(&audit, folder, NULL, &error), CGAP_OK);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
      snprintf(file, sizeof file, "%s.svg", names[i]);
      cr_expect(there(figures, file), "%s was not drawn", file);
    }
  }
  json_decref(json);
  report_support_clear(&audit);
  support_remove(folder);
}

/* What gnuplot makes of the table is no error and has every word. */
static void draws(const char *folder, const char *name, const char *word)
{
  const cgap_drawing drawing = {.format = "svg", .theme = "light"};
  cgap_error error = {0};
  if (!cgap_gnuplot_found())
    return;
  char *svg = cgap_gnuplot_text(folder, name, &drawing, &error);
  cr_expect(svg && strstr(svg, word), "%s: no '%s'; %s", name, word, error.message);
  free(svg);
}

Test(figures, before_and_after_on_the_same_axes)
{
  char folder[200];
  cgap_audit before, after;
  cgap_error error;
  const char *names[10];
  support_directory(folder, sizeof folder);
  report_support_fill(&before, CGAP_HAS_PAIRS, 30, 40, 16);
  report_support_fill(&after, CGAP_HAS_PAIRS, 30, 40, 8);
  after.gap.corrected_distance = (cgap_scalar){.value = 0.1234, .lo = NAN, .hi = NAN};
  cr_assert_eq(cgap_before_after_write(&before, &after, "pairs.h5", folder, &error), CGAP_OK, "%s", error.message);
  cr_expect_eq(lines_of(folder, "scatter_before_after.tsv", ' '), 1 + 2 * 40);
  cr_expect_eq(lines_of(folder, "cosines_before_after.tsv", ' '), 1 + 2 * 200);
  cr_expect_eq(lines_of(folder, "variance_before_after.tsv", ' '), 1 + 16 + 8);
  cr_expect_eq(lines_of(folder, "dimensions_before_after.tsv", ' '), 1 + 16 + 8);
  size_t count = cgap_before_after_of(names, 10);
  cr_expect_eq(count, 4);
  for (size_t i = 0; i < count; i++)
    draws(folder, names[i], "before");
  draws(folder, "scatter_before_after", "0.123 after");
  report_support_clear(&before);
  report_support_clear(&after);
  support_remove(folder);
}

Test(figures, curves_of_a_race_and_of_forty_seeds)
{
  enum { SEEDS = 40, POINTS = 5 };
  static const double x[POINTS] = {16, 32, 64, 128, 256}, y[POINTS] = {0.5, 0.4, NAN, 0.2, 0.1};
  char folder[200], series[SEEDS][20];
  cgap_curve curves[SEEDS];
  cgap_error error;
  cgap_curves_about about = {
    .title = "A title", .shown = "a number", .x = "dimension", .log_x = true, .source = "x.h5"};
  support_directory(folder, sizeof folder);
  for (int s = 0; s < SEEDS; s++) {
    snprintf(series[s], sizeof series[s], "seed %d", s);
    curves[s] = (cgap_curve){
      .panel = s % 2 ? "recall@1" : "centroid distance", .series = series[s], .x = x, .y = y, .count = POINTS};
  }
  cr_assert_eq(cgap_curves_write(folder, "sweep", curves, SEEDS, &about, &error), CGAP_OK, "%s", error.message);
  cr_expect_eq(lines_of(folder, "sweep.tsv", ' '), 1 + SEEDS * POINTS);
  cr_expect(there(folder, "panels.gp"), "what sweep.gp calls must lie beside it");
  draws(folder, "sweep", "40 runs");
  draws(folder, "sweep", "recall@1");
  cr_assert_eq(cgap_curves_write(folder, "race", curves, 4, &about, &error), CGAP_OK);
  draws(folder, "race", "seed 3");
  about.log_x = false;
  cr_assert_eq(cgap_curves_write(folder, "history", curves, 1, &about, &error), CGAP_OK);
  draws(folder, "history", "centroid distance");
  support_remove(folder);
}

Test(figures, a_map_names_its_cells)
{
  static const char *const columns[] = {"16", "32", "64"}, *const rows[] = {"0.01", "0.02"};
  static const double value[] = {0.1, 0.2, 0.3, 0.456, NAN, 0.6};
  const cgap_map map = {.x = "dimension",
                        .y = "temperature",
                        .measure = "centroid distance",
                        .column = columns,
                        .row = rows,
                        .columns = 3,
                        .rows = 2,
                        .value = value};
  const cgap_curves_about about = {.title = "A map", .source = "x.h5"};
  char folder[200];
  cgap_error error;
  support_directory(folder, sizeof folder);
  cr_assert_eq(cgap_map_write(folder, &map, &about, &error), CGAP_OK, "%s", error.message);
  cr_expect_eq(lines_of(folder, "map.tsv", ' '), 1 + 6);
  draws(folder, "map", "0.456");
  draws(folder, "map", "temperature");
  support_remove(folder);
}

Test(gnuplot, a_failure_leaves_no_file_and_says_why)
{
  char folder[200], path[CGAP_PATH];
  cgap_error error;
  const cgap_drawing drawing = {.format = "svg", .theme = "light"};
  support_directory(folder, sizeof folder);
  cr_assert_eq(cgap_folder_file(path, folder, "bad.gp", &error), CGAP_OK);
  cr_assert_eq(cgap_write_file(path, "set output ARG2\nplot nothing at all\n", 36, &error), CGAP_OK);
  cgap_status status = cgap_gnuplot_draw(folder, "bad", &drawing, &error);
  if (cgap_gnuplot_found()) {
    cr_expect_eq(status, CGAP_FILE);
    cr_expect_not_null(strstr(error.message, "bad.gp"));
    cr_expect_not_null(strstr(error.message, "line 2"), "%s", error.message);
  }
  cr_assert_eq(unlink(path), 0);
  cr_expect_eq(rmdir(folder), 0, "something was left: %s", strerror(errno));
  setenv("PATH", "/nowhere", 1);
  cr_expect_eq(cgap_gnuplot_draw("/tmp", "bad", &drawing, &error), CGAP_USAGE);
  cr_expect_not_null(strstr(error.message, "gnuplot-nox"));
}
