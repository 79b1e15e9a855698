/* What a training writes after every epoch: history.jsonl, and on demand history.csv and TensorBoard's events. Each
 * grows by whole lines or records. */
#ifndef CGAP_HEAD_LOGS_H
#define CGAP_HEAD_LOGS_H

#include "head/training/history.h"
#include "head/training/tensorboard.h"

typedef struct cgap_logs {
  char history[CGAP_PATH], table[CGAP_PATH]; /* "": not written */
  cgap_events events;
} cgap_logs;

/* Where the logs of a run go; NULL or false: not written. */
typedef struct cgap_logs_where {
  const char *folder, *prefix; /* folder/PREFIXhistory.jsonl */
  bool table;                  /* folder/PREFIXhistory.csv too */
  const char *events;          /* a folder */
} cgap_logs_where;

/* past takes the epochs up to last_epoch, where that is not 0, from the history that stands there; what stands behind
 * them in any of the logs no longer counts. steps: training steps taken until then. */
CGAP_MUST_CHECK cgap_status cgap_logs_open(cgap_logs *out, const cgap_logs_where *where, cgap_history *past,
                                           uint64_t last_epoch, uint64_t steps, cgap_error *error);

CGAP_MUST_CHECK cgap_status cgap_logs_add(const cgap_logs *logs, const cgap_epoch *record, uint64_t step,
                                          cgap_error *error);

#endif
