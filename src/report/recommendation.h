/* What train recommends, by the choice among candidates and the test part: for programs and in words. */
#ifndef CGAP_REPORT_RECOMMENDATION_H
#define CGAP_REPORT_RECOMMENDATION_H

#include "head/evaluation/evaluation.h"
#include "head/evaluation/pilot.h"
#include "head/training/choice.h"
#include "report/changes_show.h"
#include "report/page.h"

/* The chosen candidate on the test part, against the embeddings as they are and against center. */
typedef struct cgap_recommendation {
  const cgap_choice *choice; /* borrowed */
  const cgap_pilot *pilot;   /* borrowed */
  const char *method;        /* its name, borrowed */
  size_t images, texts;      /* of the test part */
  cgap_modality_names names;
  cgap_scalar before[CGAP_TRIAL_MEASURES], chosen[CGAP_TRIAL_MEASURES], center[CGAP_TRIAL_MEASURES];
  cgap_scalar from_before[CGAP_TRIAL_MEASURES], from_center[CGAP_TRIAL_MEASURES]; /* chosen less these, paired */
  cgap_scalar zero_shot[2], from_zero_shot; /* mean per class before and of the chosen one, and the difference */
  const char *fingerprint;                  /* of data and options, borrowed */
  char command[700];                        /* to type next */
} cgap_recommendation;

/* before and chosen are the first two audits of the evaluation, center the one of that name. folder: of the training;
 * input: what was read, both as they were typed. */
CGAP_MUST_CHECK cgap_status cgap_recommendation_init(cgap_recommendation *out, const cgap_choice *choice,
                                                     const cgap_pilot *pilot, const cgap_evaluation *evaluation,
                                                     const char *folder, const char *input, cgap_error *error);

/* {schema_version, fingerprint, goal, method, reason, command, folds, images, gap_before, candidates: [{name, score,
 * behind, standard_error, gap, noise_floor, left_out}], test: {images, texts, before, chosen, center, differences:
 * {chosen_minus_before, chosen_minus_center}, zero_shot_mean_per_class: {before, chosen, chosen_minus_before}}, cost:
 * {seconds_fit, seconds_choice, seconds_per_million_rows}, pilot: {searches, queries, cross_modal: [{items, before,
 * after, gain: {value, ci95}}], mixed: […], pairs_for_two_points, learning_curve: [{images, score, standard_error}]}}.
 * NULL: out of memory. */
json_t *cgap_recommendation_json(const cgap_recommendation *r);

/* What is recommended and whether it helps on the test part, what it adds to center, why and at what cost: up to three
 * sentences, the first begins with the word; and the command. */
void cgap_recommendation_write(cgap_advice_words *out, const cgap_recommendation *r);

/* The difference on the test part of the measure that the goal is about, and what it says: "it helps". */
const cgap_scalar *cgap_recommendation_gain(const cgap_recommendation *r);
const char *cgap_recommendation_outcome(const cgap_recommendation *r);

#endif
