/* A head against what needs no training: its start, and subtracting the means. What a head adds to those is what its
 * training is worth. */
#ifndef CGAP_HEAD_EVALUATION_AGAINST_H
#define CGAP_HEAD_EVALUATION_AGAINST_H

#include "head/evaluation/evaluation.h"
#include "head/training/training_run.h"

typedef enum cgap_rival { CGAP_RIVAL_CENTER, CGAP_RIVAL_START, CGAP_RIVALS } cgap_rival;
extern const char *const cgap_rival_names[CGAP_RIVALS]; /* "center", "start" */

/* The measures are those of the advice, CGAP_TRIAL_…: the distance, and means over both directions of search. */
extern const char *const cgap_trial_keys[CGAP_TRIAL_MEASURES]; /* "corrected_distance", … */
extern const cgap_better cgap_trial_better[CGAP_TRIAL_MEASURES];

typedef struct cgap_against {
  bool known[CGAP_RIVALS];
  bool opens; /* training opened the gap: no difference of the distance is better */
  double rival[CGAP_RIVALS][CGAP_TRIAL_MEASURES], head[CGAP_TRIAL_MEASURES];
  cgap_change change[CGAP_RIVALS][CGAP_TRIAL_MEASURES]; /* head − rival, with paired intervals */
} cgap_against;

/* rivals: NULL where there is none, or where cgap_paired_possible has it not together with head. */
CGAP_MUST_CHECK cgap_status cgap_against_init(cgap_against *out, const cgap_audit *const rivals[CGAP_RIVALS],
                                              const cgap_audit *head, cgap_error *error);

/* Of input k of an evaluation, whose rivals are the inputs of those names. */
CGAP_MUST_CHECK cgap_status cgap_against_evaluation(cgap_against *out, const cgap_evaluation *evaluation, size_t k,
                                                    cgap_error *error);

/* A head, and the training that it comes from. */
typedef struct cgap_trained {
  const char *name;
  const cgap_training_result *result;
  const cgap_weights *weights; /* of its loss */
} cgap_trained;

/* Audits of the test part: "before", each head, the "start" that they share, and the methods that the data have fitted,
 * which need no training. options: of the training; threads: of the audits. */
CGAP_MUST_CHECK cgap_status cgap_trained_evaluation_run(cgap_evaluation *out, const cgap_training_data *data,
                                                        const cgap_trained *heads, size_t count,
                                                        const cgap_train_options *options, int threads,
                                                        cgap_error *error);

void cgap_trial_values(double out[CGAP_TRIAL_MEASURES], const cgap_audit *audit);

#endif
