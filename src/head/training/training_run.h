/* A whole training: epoch after epoch, with checkpoints and a history in a folder where one is given. */
#ifndef CGAP_HEAD_TRAINING_TRAINING_RUN_H
#define CGAP_HEAD_TRAINING_TRAINING_RUN_H

#include "contragap/contragap.h"
#include "head/training/epoch_log.h"
#include "head/training/trainer.h"
#include "head/training/training_data.h"

typedef struct cgap_training_output {
  const char *folder; /* NULL: nothing is written */
  const char *prefix; /* of the files' names, "" or "clip-" */
  bool resume;        /* from the folder's checkpoint, where it has one */
  bool table;         /* history.csv next to history.jsonl */
  const char *events; /* folder for TensorBoard; NULL: none */
  bool levels;        /* on every rank alike: measure the result's levels */
} cgap_training_output;

typedef struct cgap_training_result {
  cgap_head *head; /* of the kept epoch */
  cgap_history history;
  cgap_head *start_head;        /* before the first step */
  cgap_epoch start;             /* epoch 0: validation before the first step; training terms NaN */
  cgap_reference_levels levels; /* of the validation part, where they were asked for and training has ended; else NaN */
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

/* Parts of a training, for those who run its epochs themselves: before the first, the start's head and validation;
 * after the last, the head of the kept epoch, with the split of the file's rows. */
CGAP_MUST_CHECK cgap_status cgap_training_note_start(cgap_training_result *out, cgap_trainer *trainer,
                                                     cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_training_take_head(cgap_training_result *out, const cgap_trainer *trainer,
                                                    const cgap_training_data *training_data, cgap_error *error);

/* ---------------------------------------------------------------- checkpoint */

/* The trainer's state in one file, which appears under its name only when it is whole. */

/* What a run is of: a checkpoint goes on with the same options and data only. */
typedef struct cgap_fingerprint {
  uint64_t options, data;
} cgap_fingerprint;

/* Reads the rows of both splits once. */
CGAP_MUST_CHECK cgap_status cgap_fingerprint_of(cgap_fingerprint *out, const cgap_trainer *trainer, cgap_error *error);

CGAP_MUST_CHECK cgap_status cgap_checkpoint_write(const cgap_trainer *trainer, cgap_fingerprint fingerprint,
                                                  const char *path, cgap_error *error);

/* Puts the state of the file into a trainer that was made for the same run. CGAP_FILE: missing, cut short, damaged or
 * no checkpoint; CGAP_USAGE: of a run with other options or data. The trainer is unchanged on failure. */
CGAP_MUST_CHECK cgap_status cgap_checkpoint_read(cgap_trainer *trainer, cgap_fingerprint fingerprint, const char *path,
                                                 cgap_error *error);

/* Which data a result came from: a hash of the rows of both modalities in the file, of the pairing, and of what is done
 * with bad and equal rows. Reads every row once; CGAP_FILE and CGAP_RESOURCE as reading has them. */
CGAP_MUST_CHECK cgap_status cgap_data_hash(uint64_t *out, const cgap_data *data, cgap_error *error);

/* Of all options that change what is trained. */
uint64_t cgap_options_hash(const cgap_train_options *options, size_t dim_in);

#endif
