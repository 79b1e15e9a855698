/* A whole training: epoch after epoch, with checkpoints and a history in a folder where one is given. */
#ifndef CGAP_HEAD_TRAINING_TRAINING_RUN_H
#define CGAP_HEAD_TRAINING_TRAINING_RUN_H

#include "head/training/epoch_log.h"
#include "head/training/training_data.h"

typedef struct cgap_training_output {
  const char *folder; /* NULL: nothing is written */
  const char *prefix; /* of the files' names, "" or "clip-" */
  bool resume;        /* from the folder's checkpoint, where it has one */
  bool table;         /* history.csv next to history.jsonl */
  const char *events; /* folder for TensorBoard; NULL: none */
} cgap_training_output;

typedef struct cgap_training_result {
  cgap_head *head; /* of the kept epoch */
  cgap_history history;
  cgap_head *start_head; /* before the first step */
  cgap_epoch start;      /* epoch 0: validation before the first step; training terms NaN */
  uint64_t kept_epoch, steps;
  double seconds; /* of training, over all sessions */
  bool resumed;
} cgap_training_result;

/* CGAP_INTERRUPTED: a checkpoint has been saved. CGAP_USAGE with head set: training diverged, the head is that of the
 * last good epoch. Clear in any case. */
CGAP_MUST_CHECK cgap_status cgap_training_run(cgap_training_result *out, const cgap_training_data *training_data,
                                              const cgap_train_options *options, const cgap_training_output *store,
                                              const cgap_observer *observer, cgap_error *error);
void cgap_training_result_clear(cgap_training_result *training_result);

#endif
