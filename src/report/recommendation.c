#include "report/recommendation.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

cgap_status cgap_recommendation_init(cgap_recommendation *out, const cgap_choice *choice,
                                     const cgap_evaluation *evaluation, const char *folder, const char *input,
                                     cgap_error *error)
{
  const cgap_audit *before = &evaluation->audit[0], *chosen = &evaluation->audit[1], *center = NULL;
  for (size_t k = 2; k < evaluation->count; k++)
    if (strcmp(evaluation->comparison.input[k].name, "center") == 0)
      center = &evaluation->audit[k];
  *out = (cgap_recommendation){.choice = choice,
                               .method = choice->candidate[choice->chosen].name,
                               .images = before->images,
                               .texts = before->texts};
  cgap_trial_measures(out->before, before);
  cgap_trial_measures(out->chosen, chosen);
  cgap_status status = cgap_trial_differences(out->from_before, before, chosen, error);
  if (center)
    cgap_trial_measures(out->center, center);
  if (status == CGAP_OK && center)
    status = cgap_trial_differences(out->from_center, center, chosen, error);
  if (choice->chosen > 0)
    snprintf(out->command, sizeof out->command, "contragap apply %s %s -o closed.h5", folder, input);
  return status;
}

/* ---------------------------------------------------------------- JSON */

static json_t *candidate_json(const cgap_candidate *c)
{
  return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s?}", "name", c->name, "method", c->method, "score",
                   cgap_number_json(c->mean), "behind", cgap_number_json(c->behind), "standard_error",
                   cgap_number_json(c->standard_error), "gap", cgap_number_json(c->corrected_distance), "noise_floor",
                   cgap_number_json(c->noise_floor), "left_out", c->out);
}

json_t *cgap_recommendation_json(const cgap_recommendation *r)
{
  const cgap_choice *c = r->choice;
  json_t *candidates = json_array();
  for (size_t k = 0; candidates && k < c->count; k++)
    if (json_array_append_new(candidates, candidate_json(&c->candidate[k])) != 0) {
      json_decref(candidates);
      candidates = NULL;
    }
  json_t *differences = json_pack("{s:o, s:o}", "chosen_minus_before", cgap_trial_json(r->from_before, true, true),
                                  "chosen_minus_center", cgap_trial_json(r->from_center, true, true));
  json_t *test =
    json_pack("{s:I, s:I, s:o, s:o, s:o, s:o}", "images", (json_int_t)r->images, "texts", (json_int_t)r->texts,
              "before", cgap_trial_json(r->before, true, false), "chosen", cgap_trial_json(r->chosen, true, false),
              "center", cgap_trial_json(r->center, true, false), "differences", differences);
  json_t *cost =
    json_pack("{s:o, s:o, s:o}", "seconds_fit", cgap_number_json(c->seconds_fit), "seconds_choice",
              cgap_number_json(c->seconds), "seconds_per_million_rows", cgap_number_json(c->seconds_per_million_rows));
  return json_pack("{s:i, s:s, s:s, s:s, s:s?, s:I, s:I, s:s, s:o, s:o, s:o}", "schema_version", CGAP_SCHEMA_VERSION,
                   "goal", cgap_goal_names[c->goal], "method", r->method, "reason", c->reason, "command",
                   r->command[0] ? r->command : NULL, "folds", (json_int_t)c->folds, "images", (json_int_t)c->images,
                   "gap_before", cgap_level_word(c->level), "candidates", candidates, "test", test, "cost", cost);
}

/* ---------------------------------------------------------------- in words */

enum { WORDS = 120 };

static void CGAP_PRINTF(2, 3) add_sentence(cgap_advice_words *out, const char *format, ...)
{
  va_list values;
  va_start(values, format);
  (void)vsnprintf(out->sentence[out->count++], CGAP_SENTENCE, format, values);
  va_end(values);
}

/* "+0.010 [-0.050, +0.030]" */
static void difference_words(char out[WORDS], const cgap_scalar *d)
{
  if (isfinite(d->lo) && isfinite(d->hi))
    snprintf(out, WORDS, "%+.3f [%+.3f, %+.3f]", d->value, d->lo, d->hi);
  else
    snprintf(out, WORDS, "%+.3f", d->value);
}

static void say_gain(cgap_advice_words *out, const cgap_recommendation *r)
{
  char mixed[WORDS], recall[WORDS], mixed_center[WORDS], recall_center[WORDS], against[2 * WORDS + 60] = "";
  difference_words(mixed, &r->from_before[CGAP_TRIAL_MIXED_NDCG]);
  difference_words(recall, &r->from_before[CGAP_TRIAL_RECALL_AT_1]);
  difference_words(mixed_center, &r->from_center[CGAP_TRIAL_MIXED_NDCG]);
  difference_words(recall_center, &r->from_center[CGAP_TRIAL_RECALL_AT_1]);
  if (strcmp(r->method, "center") != 0)
    snprintf(against, sizeof against, " Against center: %s and %s.", mixed_center, recall_center);
  add_sentence(
    out,
    "On the test part (%zu images, %zu texts), which the choice never saw: nDCG@10 in one index of both %.3f "
    "to %.3f (%s), recall@1 in the other modality %.3f to %.3f (%s), corrected distance %.3f to %.3f.%s",
    r->images, r->texts, r->before[CGAP_TRIAL_MIXED_NDCG].value, r->chosen[CGAP_TRIAL_MIXED_NDCG].value, mixed,
    r->before[CGAP_TRIAL_RECALL_AT_1].value, r->chosen[CGAP_TRIAL_RECALL_AT_1].value, recall,
    r->before[CGAP_TRIAL_DISTANCE].value, r->chosen[CGAP_TRIAL_DISTANCE].value, against);
}

void cgap_recommendation_write(cgap_advice_words *out, const cgap_recommendation *r)
{
  const cgap_choice *c = r->choice;
  *out = (cgap_advice_words){.word = c->chosen ? r->method : "nothing to do"};
  add_sentence(out, "%s: %s (%zu candidates, %zu held-out images%s).", out->word, c->reason, c->count, c->images,
               c->folds > 1 ? " in 5 folds" : "");
  say_gain(out, r);
  if (c->chosen)
    add_sentence(out, "Fitting it takes %.2g s, applying it %.2g s per million rows.", c->seconds_fit,
                 c->seconds_per_million_rows);
  snprintf(out->command, sizeof out->command, "%s", r->command);
}

/* ---------------------------------------------------------------- on the page */

void cgap_recommendation_page(cgap_page *page, const cgap_recommendation *r)
{
  cgap_advice_words words;
  cgap_recommendation_write(&words, r);
  fputs("<div class=\"verdict\">\n", page->out);
  for (size_t i = 0; i < words.count; i++)
    cgap_page_put(page, "p", "%s%s", i ? "" : "Recommended: ", words.sentence[i]);
  fputs("</div>\n", page->out);
  if (words.command[0])
    cgap_page_put(page, "pre", "%s", words.command);
}

void cgap_candidates_page(cgap_page *page, const cgap_recommendation *r)
{
  static const char *const HEADS[] = {"candidate", "#score", "#behind the best", "#standard error", "#gap left", ""};
  const cgap_choice *c = r->choice;
  cgap_page_table(page, "What was tried, from the simplest; the score is of held-out images", HEADS,
                  sizeof HEADS / sizeof *HEADS);
  for (size_t k = 0; k < c->count; k++) {
    const cgap_candidate *a = &c->candidate[k];
    cgap_page_row(page,
                  (const cgap_cell[]){cgap_cell_text(a->name), cgap_cell_number(a->mean, 3),
                                      cgap_cell_number(a->behind, 3), cgap_cell_number(a->standard_error, 3),
                                      cgap_cell_number(a->corrected_distance, 3),
                                      cgap_cell_text(k == c->chosen ? "recommended"
                                                     : k == c->best ? "best score"
                                                     : a->out       ? a->out
                                                                    : "")},
                  sizeof HEADS / sizeof *HEADS);
  }
  cgap_page_table_end(page);
}
