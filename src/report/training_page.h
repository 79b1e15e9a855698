/* The page of a training: what to do, what that gains and costs and whom it hurts, then how it came about. */
#ifndef CGAP_REPORT_TRAINING_PAGE_H
#define CGAP_REPORT_TRAINING_PAGE_H

#include "head/evaluation/evaluation.h"
#include "head/model/loss.h"
#include "head/training/training_run.h"
#include "report/against_show.h"
#include "report/changes_show.h"
#include "report/json.h"
#include "report/recommendation.h"

/* What came of a training: what its folder and its page are made of. */
typedef struct cgap_training_results {
  const cgap_evaluation *evaluation;
  const cgap_training_result *training_result[CGAP_NAMED_LOSSES]; /* inputs 1 to fits of the study */
  const cgap_changes *changes[CGAP_NAMED_LOSSES];                 /* of these against input 0 */
  const char *prefix[CGAP_NAMED_LOSSES];                          /* of their files */
  cgap_contender head[CGAP_NAMED_LOSSES];                         /* the same, next to what needs no training */
  size_t run_count;
  const cgap_row_names *names;
  const cgap_recommendation *recommendation; /* NULL: there was no choice */
  const char *source;
  json_t *input;   /* borrowed */
  json_t *fail_if; /* the outcome of each threshold, borrowed; NULL: none was given */
  cgap_run run;
} cgap_training_results;

/* "history", or "race" of several losses: the figure of the epochs. */
const char *cgap_training_curves(const cgap_training_results *result);

/* Whether a head was trained: what needs no training has no curves. */
bool cgap_training_has_epochs(const cgap_training_results *result);

/* folder/report.html; the tables and scripts of folder/figures are there already. */
CGAP_MUST_CHECK cgap_status cgap_training_page_write(const cgap_training_results *result, const char *folder,
                                                     void (*warn_line)(const char *line), cgap_error *error);

#endif
