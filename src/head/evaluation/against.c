#include "head/evaluation/against.h"

#include <math.h>
#include <string.h>

const char *const cgap_rival_names[CGAP_RIVALS] = {[CGAP_RIVAL_CENTER] = "center", [CGAP_RIVAL_START] = "start"};
const char *const cgap_trial_keys[CGAP_TRIAL_MEASURES] = {[CGAP_TRIAL_DISTANCE] = "corrected_distance",
                                                          [CGAP_TRIAL_MIXED_NDCG] = "mixed_ndcg_at_10",
                                                          [CGAP_TRIAL_RECALL_AT_1] = "recall_at_1"};
const cgap_better cgap_trial_better[CGAP_TRIAL_MEASURES] = {
  [CGAP_TRIAL_DISTANCE] = CGAP_LOWER, [CGAP_TRIAL_MIXED_NDCG] = CGAP_HIGHER, [CGAP_TRIAL_RECALL_AT_1] = CGAP_HIGHER};

void cgap_trial_values(double out[CGAP_TRIAL_MEASURES], const cgap_audit *a)
{
  cgap_scalar measures[CGAP_TRIAL_MEASURES] = {{.value = NAN}, {.value = NAN}, {.value = NAN}};
  cgap_trial_measures(measures, a);
  for (int m = 0; m < CGAP_TRIAL_MEASURES; m++)
    out[m] = measures[m].why ? NAN : measures[m].value;
}

cgap_status cgap_against_init(cgap_against *out, const cgap_audit *const rivals[CGAP_RIVALS], const cgap_audit *head,
                              cgap_error *error)
{
  cgap_status status = CGAP_OK;
  *out = (cgap_against){0};
  cgap_trial_values(out->head, head);
  for (int r = 0; status == CGAP_OK && r < CGAP_RIVALS; r++) {
    cgap_change *change = out->change[r];
    if (!rivals[r])
      continue;
    out->known[r] = true;
    cgap_trial_values(out->rival[r], rivals[r]);
    change[CGAP_TRIAL_DISTANCE] = cgap_paired_distance(rivals[r], head);
    status = cgap_paired_both(&change[CGAP_TRIAL_MIXED_NDCG], CGAP_BOTH_MIXED_NDCG, rivals[r], head, error);
    if (status == CGAP_OK)
      status = cgap_paired_both(&change[CGAP_TRIAL_RECALL_AT_1], CGAP_BOTH_RECALL_AT_1, rivals[r], head, error);
  }
  out->opens = out->known[CGAP_RIVAL_START] && out->change[CGAP_RIVAL_START][CGAP_TRIAL_DISTANCE].lo > 0 &&
               cgap_gap_level(&head->gap.corrected_distance) >= CGAP_LEVEL_MODERATE;
  for (int r = 0; r < CGAP_RIVALS; r++)
    out->change[r][CGAP_TRIAL_DISTANCE].opens = out->opens;
  return status;
}

cgap_status cgap_against_evaluation(cgap_against *out, const cgap_evaluation *e, size_t k, cgap_error *error)
{
  const cgap_audit *rivals[CGAP_RIVALS] = {NULL};
  for (int r = 0; r < CGAP_RIVALS; r++)
    for (size_t i = 0; i < e->count; i++)
      if (i != k && strcmp(e->comparison.input[i].name, cgap_rival_names[r]) == 0 &&
          cgap_paired_possible(&e->audit[i], &e->audit[k]))
        rivals[r] = &e->audit[i];
  return cgap_against_init(out, rivals, &e->audit[k], error);
}

/* In columns. */
static const cgap_gap_method METHOD_ORDER[CGAP_GAP_METHODS] = {CGAP_CENTER, CGAP_SHIFT, CGAP_WHITEN, CGAP_CCA,
                                                               CGAP_PROCRUSTES};

cgap_status cgap_trained_evaluation_run(cgap_evaluation *out, const cgap_training_data *data, const cgap_trained *heads,
                                        size_t count, const cgap_train_options *options, int threads, cgap_error *error)
{
  cgap_evaluated_head entrants[2 + CGAP_NAMED_LOSSES + CGAP_GAP_METHODS] = {{.name = "before"}};
  const cgap_head *start = heads->result->start_head;
  size_t entrant_count = 1;
  for (size_t k = 0; k < count; k++)
    entrants[entrant_count++] =
      (cgap_evaluated_head){heads[k].name, heads[k].result->head, heads[k].result->seconds,
                            start ? cgap_terms_of(heads[k].weights) : 0, start ? 1 + count : 0};
  if (start) /* that of all heads; what needs no training has none */
    entrants[entrant_count++] = (cgap_evaluated_head){.name = "start", .head = start};
  for (int i = 0; i < CGAP_GAP_METHODS; i++) {
    const cgap_gap_method k = METHOD_ORDER[i];
    if (data->method[k])
      entrants[entrant_count++] =
        (cgap_evaluated_head){cgap_gap_method_name(k), data->method[k], data->method_seconds[k], 0, 0};
  }
  const cgap_evaluation_options how = {.threads = threads,
                                       .memory_bytes =
                                         cgap_plan_test_memory(&data->plan, options, &data->test.data, data->dim),
                                       .spill = !data->plan.resident,
                                       .progress = options->progress};
  return cgap_evaluation_run(out, &data->test, entrants, entrant_count, &how, error);
}
