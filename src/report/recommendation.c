#include "report/recommendation.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void note_zero_shot(cgap_recommendation *out, const cgap_evaluation *evaluation)
{
  const cgap_change *change = cgap_comparison_change_of(&evaluation->comparison, 1, "zero_shot.mean_per_class");
  for (int k = 0; k < 2; k++)
    out->zero_shot[k] = evaluation->audit[k].zero_shot.mean_per_class;
  if (change)
    out->from_zero_shot = (cgap_scalar){.value = change->difference, .lo = change->lo, .hi = change->hi};
}

cgap_status cgap_recommendation_init(cgap_recommendation *out, const cgap_choice *choice, const cgap_pilot *pilot,
                                     const cgap_evaluation *evaluation, const char *folder, const char *input,
                                     cgap_error *error)
{
  const cgap_audit *before = &evaluation->audit[0], *chosen = &evaluation->audit[1], *center = NULL;
  for (size_t k = 2; k < evaluation->count; k++)
    if (strcmp(evaluation->comparison.input[k].name, "center") == 0)
      center = &evaluation->audit[k];
  *out = (cgap_recommendation){.choice = choice,
                               .pilot = pilot,
                               .method = choice->candidate[choice->chosen].name,
                               .names = before->names,
                               .images = before->images,
                               .texts = before->texts};
  cgap_trial_measures(out->before, before);
  cgap_trial_measures(out->chosen, chosen);
  cgap_status status = cgap_trial_differences(out->from_before, before, chosen, error);
  if (center)
    cgap_trial_measures(out->center, center);
  if (status == CGAP_OK && center)
    status = cgap_trial_differences(out->from_center, center, chosen, error);
  note_zero_shot(out, evaluation);
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

static json_t *index_json(const cgap_pilot_index *index, size_t count)
{
  json_t *out = json_array();
  for (size_t k = 0; out && k < count; k++) {
    json_t *gain = cgap_scalar_json(&index[k].gain);
    if (gain)
      json_object_del(gain, "method");
    json_t *one = json_pack("{s:I, s:o, s:o, s:o}", "items", (json_int_t)index[k].items, "before",
                            cgap_number_json(index[k].before), "after", cgap_number_json(index[k].after), "gain", gain);
    if (!one || json_array_append_new(out, one) != 0) {
      json_decref(out);
      out = NULL;
    }
  }
  return out;
}

static json_t *pilot_json(const cgap_recommendation *r)
{
  const cgap_pilot *p = r->pilot;
  json_t *curve = json_array();
  for (size_t k = 0; curve && k < CGAP_LEARNING; k++) {
    const cgap_learning *l = &r->choice->curve[k];
    (void)json_array_append_new(curve, json_pack("{s:I, s:o, s:o}", "images", (json_int_t)l->images, "score",
                                                 cgap_number_json(l->score), "standard_error",
                                                 cgap_number_json(l->standard_error)));
  }
  return json_pack("{s:i, s:I, s:o, s:o, s:I, s:o}", "searches", 1000, "queries", (json_int_t)p->queries, "cross_modal",
                   index_json(p->cross, p->cross_count), "mixed", index_json(p->mixed, p->mixed_count),
                   "pairs_for_two_points", (json_int_t)p->pairs_for_two_points, "learning_curve", curve);
}

static json_t *zero_shot_json(const cgap_recommendation *r)
{
  if (r->zero_shot[0].why || !isfinite(r->zero_shot[0].value) || r->zero_shot[0].n == 0)
    return json_null();
  json_t *difference = cgap_scalar_json(&r->from_zero_shot);
  if (difference) {
    json_object_del(difference, "method");
    json_object_del(difference, "n");
  }
  return json_pack("{s:o, s:o, s:o}", "before", cgap_scalar_json(&r->zero_shot[0]), "chosen",
                   cgap_scalar_json(&r->zero_shot[1]), "chosen_minus_before", difference);
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
  json_t *test = json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "images", (json_int_t)r->images, "texts",
                           (json_int_t)r->texts, "before", cgap_trial_json(r->before, true, false), "chosen",
                           cgap_trial_json(r->chosen, true, false), "center", cgap_trial_json(r->center, true, false),
                           "differences", differences, "zero_shot_mean_per_class", zero_shot_json(r));
  json_t *cost =
    json_pack("{s:o, s:o, s:o}", "seconds_fit", cgap_number_json(c->seconds_fit), "seconds_choice",
              cgap_number_json(c->seconds), "seconds_per_million_rows", cgap_number_json(c->seconds_per_million_rows));
  return json_pack("{s:i, s:s?, s:s, s:s, s:s, s:s?, s:I, s:I, s:s, s:o, s:o, s:o, s:o}", "schema_version",
                   CGAP_SCHEMA_VERSION, "fingerprint", r->fingerprint, "goal", cgap_goal_names[c->goal], "method",
                   r->method, "reason", c->reason, "command", r->command[0] ? r->command : NULL, "folds",
                   (json_int_t)c->folds, "images", (json_int_t)c->images, "gap_before", cgap_level_word(c->level),
                   "candidates", candidates, "test", test, "cost", cost, "pilot", pilot_json(r));
}

/* ---------------------------------------------------------------- in words */

enum { WORDS = 120, CHANGE = 600 };

static void CGAP_PRINTF(2, 3) add_sentence(cgap_advice_words *out, const char *format, ...)
{
  va_list values;
  va_start(values, format);
  (void)cgap_modality_vprintf(out->sentence[out->count++], CGAP_SENTENCE, out->names, format, values);
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

const cgap_scalar *cgap_recommendation_gain(const cgap_recommendation *r)
{
  return r->choice->goal == CGAP_GOAL_ZERO_SHOT   ? &r->from_zero_shot
         : r->choice->goal == CGAP_GOAL_RETRIEVAL ? &r->from_before[CGAP_TRIAL_RECALL_AT_1]
                                                  : &r->from_before[CGAP_TRIAL_MIXED_NDCG];
}

const char *cgap_recommendation_outcome(const cgap_recommendation *r)
{
  const cgap_scalar *d = cgap_recommendation_gain(r);
  return !isfinite(d->lo) ? N_("it cannot be told whether it helps")
         : d->lo > 0      ? N_("it helps")
         : d->hi < 0      ? N_("it hurts")
                          : N_("it is not shown to help");
}

/* "recall@1 in the other modality 0.720 to 0.745 (+0.025 [-0.021, +0.070])" */
static void change_words(char out[CHANGE], const cgap_modality_names *names, const char *what, const cgap_scalar *from,
                         const cgap_scalar *to, const cgap_scalar *difference)
{
  char change[WORDS];
  difference_words(change, difference);
  cgap_modality_printf(out, CHANGE, names, "%s %.3f to %.3f (%s)", what, from->value, to->value, change);
}

/* By the measure of the goal first; of classes the searches would be for any image of the class. */
static void say_gain(cgap_advice_words *out, const cgap_recommendation *r)
{
  char first[CHANGE], second[CHANGE + 8] = "";
  const cgap_goal goal = r->choice->goal;
  const int measure = goal == CGAP_GOAL_RETRIEVAL ? CGAP_TRIAL_RECALL_AT_1 : CGAP_TRIAL_MIXED_NDCG;
  const cgap_scalar *gain = cgap_recommendation_gain(r);
  if (goal == CGAP_GOAL_ZERO_SHOT)
    change_words(first, &r->names, cgap_tr(&r->names, N_("accuracy, a mean over classes,")), &r->zero_shot[0],
                 &r->zero_shot[1], gain);
  else
    change_words(first, &r->names,
                 cgap_phrase_of(&r->names, measure == CGAP_TRIAL_RECALL_AT_1
                                             ? N_("recall@1 in the other modality")
                                             : N_("nDCG@10 in one index of {images} and {texts}"))
                   .s,
                 &r->before[measure], &r->chosen[measure], gain);
  if (goal == CGAP_GOAL_MIXED) {
    const int comma = snprintf(second, sizeof second, "%s", cgap_tr(&r->names, N_(", ")));
    change_words(second + comma, &r->names, cgap_tr(&r->names, "recall@1 in the other modality"),
                 &r->before[CGAP_TRIAL_RECALL_AT_1], &r->chosen[CGAP_TRIAL_RECALL_AT_1],
                 &r->from_before[CGAP_TRIAL_RECALL_AT_1]);
  }
  add_sentence(
    out, "%s. On the test part (%zu {images}), which the choice never saw, %s: %s%s, corrected distance %.3f to %.3f.",
    out->word, r->images, cgap_tr(out->names, cgap_recommendation_outcome(r)), first, second,
    r->before[CGAP_TRIAL_DISTANCE].value, r->chosen[CGAP_TRIAL_DISTANCE].value);
}

/* What it adds to the simplest method. */
static void say_more(cgap_advice_words *out, const cgap_recommendation *r)
{
  char mixed[WORDS], recall[WORDS];
  difference_words(mixed, &r->from_center[CGAP_TRIAL_MIXED_NDCG]);
  difference_words(recall, &r->from_center[CGAP_TRIAL_RECALL_AT_1]);
  if (r->choice->goal == CGAP_GOAL_RETRIEVAL)
    add_sentence(out, "Against center, each modality's mean subtracted: recall@1 %s.", recall);
  else
    add_sentence(out, "Against center, each modality's mean subtracted: nDCG@10 %s, recall@1 %s.", mixed, recall);
}

void cgap_recommendation_write(cgap_advice_words *out, const cgap_recommendation *r)
{
  const cgap_choice *c = r->choice;
  char reason[CGAP_SENTENCE];
  size_t left = 0;
  cgap_choice_reason(reason, sizeof reason, c, &r->names);
  for (size_t k = 0; k < c->count; k++)
    left += c->candidate[k].out != NULL;
  *out =
    (cgap_advice_words){.names = &r->names, .word = c->chosen ? r->method : cgap_tr(&r->names, N_("nothing to do"))};
  if (c->chosen)
    say_gain(out, r);
  if (c->chosen && c->goal != CGAP_GOAL_ZERO_SHOT && strcmp(r->method, "center") != 0)
    say_more(out, r);
  if (c->chosen)
    add_sentence(
      out,
      "Why: of %zu candidates (%zu left out) %s; scored by %s of %zu held-out %s%s. Fitting it takes %.2g s, "
      "applying it %.2g s per million rows here.",
      c->count, left, reason,
      cgap_tr(&r->names, c->goal == CGAP_GOAL_MIXED       ? N_("nDCG@10 and mrr")
                         : c->goal == CGAP_GOAL_RETRIEVAL ? N_("the mrr")
                                                          : N_("the accuracy")),
      c->images,
      c->goal == CGAP_GOAL_ZERO_SHOT ? cgap_tr(&r->names, N_("classes")) : cgap_phrase_of(&r->names, "{images}").s,
      cgap_tr(&r->names, c->folds > 1 ? N_(" in 5 folds") : ""), c->seconds_fit, c->seconds_per_million_rows);
  else
    add_sentence(out, "%s: of %zu candidates %s; the embeddings stay as they are.", out->word, c->count, reason);
  snprintf(out->command, sizeof out->command, "%s", r->command);
}
