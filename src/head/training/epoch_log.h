/* What a training writes after every epoch: history.jsonl, and on demand history.csv and TensorBoard's events. Each
 * grows by whole lines or records. */
#ifndef CGAP_HEAD_TRAINING_EPOCH_LOG_H
#define CGAP_HEAD_TRAINING_EPOCH_LOG_H

#include "base/output_file.h"
#include "contragap/contragap.h"

/* ---------------------------------------------------------------- history */

/* history.jsonl: a line of JSON for every epoch, appended whole. */

typedef struct cgap_history {
  cgap_epoch *epoch; /* (count) */
  size_t count, capacity;
} cgap_history;

void cgap_history_clear(cgap_history *history);
CGAP_MUST_CHECK cgap_status cgap_history_add(cgap_history *history, const cgap_epoch *record, cgap_error *error);

/* One line with its end. candidate: of a choice, first in the line with its fold, which 0 leaves out; NULL: there was
 * no choice. */
CGAP_MUST_CHECK cgap_status cgap_history_append(const char *path, const char *candidate, size_t fold,
                                                const cgap_epoch *record, cgap_error *error);

/* Whether a file of this name is one of events that a log began. */
bool cgap_tensorboard_is_name(const char *name);

typedef struct cgap_epoch_log {
  char history[CGAP_PATH], table[CGAP_PATH], events[CGAP_PATH]; /* "": not written */
} cgap_epoch_log;

/* Where the logs of a run go; NULL or false: not written. */
typedef struct cgap_epoch_log_files {
  const char *folder, *prefix; /* folder/PREFIXhistory.jsonl */
  bool table;                  /* folder/PREFIXhistory.csv too */
  const char *events;          /* a folder */
} cgap_epoch_log_files;

/* Fills past with the epochs up to last_epoch, where that is not 0, from the history in the folder; later ones in any
 * of the logs no longer count. steps: training steps up to last_epoch. */
CGAP_MUST_CHECK cgap_status cgap_epoch_log_open(cgap_epoch_log *out, const cgap_epoch_log_files *where,
                                                cgap_history *past, uint64_t last_epoch, uint64_t steps,
                                                cgap_error *error);

/* Returns when all lines so far are on disk: before a checkpoint says that they are there. */
CGAP_MUST_CHECK cgap_status cgap_epoch_log_synchronise(const cgap_epoch_log *logs, cgap_error *error);

CGAP_MUST_CHECK cgap_status cgap_epoch_log_add(const cgap_epoch_log *logs, const cgap_epoch *record, uint64_t step,
                                               cgap_error *error);

#endif
