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

/* The numbers of a record besides its epoch, in the order of history.jsonl, by "group.key", or "key" at the top. */
typedef struct cgap_history_value {
  char name[60];
  double value;
} cgap_history_value;

enum { CGAP_HISTORY_VALUES = 28 };

/* separator: what stands between group and key. Returns CGAP_HISTORY_VALUES. */
size_t cgap_history_values(cgap_history_value out[CGAP_HISTORY_VALUES], const cgap_epoch *record, char separator);

/* One line of JSON with its line end, to be freed with free; NULL: out of memory. */
char *cgap_history_line(const cgap_epoch *record);

CGAP_MUST_CHECK cgap_status cgap_history_append(const char *path, const cgap_epoch *record, cgap_error *error);

/* Reads the epochs up to `last`, that of the checkpoint, and leaves the file with those lines alone, later ones in a
 * copy next to it. A last line without its end does not count. CGAP_FILE, with the file as it was, where another line
 * is no record of its epoch or where there are fewer than `last`. */
CGAP_MUST_CHECK cgap_status cgap_history_resume(cgap_history *out, const char *path, uint64_t last, cgap_error *error);

/* ---------------------------------------------------------------- tensorboard */

/* TensorBoard's event files: scalars against the training step and the wall clock.
 *
 * A file is a sequence of records: uint64 length, uint32 masked CRC-32C of the length, the bytes, uint32 masked CRC-32C
 * of the bytes, all little-endian (TensorFlow, core/lib/io/record_writer.h). The bytes are a protocol buffer "Event"
 * (core/util/event.proto). A file grows by whole records alone. */

typedef struct cgap_tensorboard {
  char path[CGAP_PATH]; /* "": closed */
} cgap_tensorboard;

typedef struct cgap_tensorboard_scalar {
  const char *tag;
  double value; /* left out where it is no number */
} cgap_tensorboard_scalar;

enum { CGAP_TENSORBOARD_SCALARS = 64 }; /* at most, in one event */

/* Begins a new file in folder, which is made where it is missing. Events of earlier files whose step is first_step or
 * later no longer count to a reader: a resumed run passes those again. */
CGAP_MUST_CHECK cgap_status cgap_tensorboard_open(cgap_tensorboard *out, const char *folder, uint64_t first_step,
                                                  cgap_error *error);

CGAP_MUST_CHECK cgap_status cgap_tensorboard_add(const cgap_tensorboard *events, uint64_t step,
                                                 const cgap_tensorboard_scalar *scalars, size_t count,
                                                 cgap_error *error);

/* Whether a file of this name is one that cgap_tensorboard_open began. */
bool cgap_tensorboard_is_name(const char *name);

/* ---------------------------------------------------------------- epoch log */

typedef struct cgap_epoch_log {
  char history[CGAP_PATH], table[CGAP_PATH]; /* "": not written */
  cgap_tensorboard events;
} cgap_epoch_log;

/* Where the logs of a run go; NULL or false: not written. */
typedef struct cgap_epoch_log_files {
  const char *folder, *prefix; /* folder/PREFIXhistory.jsonl */
  bool table;                  /* folder/PREFIXhistory.csv too */
  const char *events;          /* a folder */
} cgap_epoch_log_files;

/* past takes the epochs up to last_epoch, where that is not 0, from the history that stands there; what stands behind
 * them in any of the logs no longer counts. steps: training steps taken until then. */
CGAP_MUST_CHECK cgap_status cgap_epoch_log_open(cgap_epoch_log *out, const cgap_epoch_log_files *where,
                                                cgap_history *past, uint64_t last_epoch, uint64_t steps,
                                                cgap_error *error);

CGAP_MUST_CHECK cgap_status cgap_epoch_log_add(const cgap_epoch_log *logs, const cgap_epoch *record, uint64_t step,
                                               cgap_error *error);

#endif
