/* Checkpoints: the trainer's state in one file, under its name only when it is whole. */
#ifndef CGAP_HEAD_TRAINING_CHECKPOINT_H
#define CGAP_HEAD_TRAINING_CHECKPOINT_H

#include "contragap/contragap.h"
#include "head/training/trainer.h"

/* What the run is: a checkpoint goes on with the same options and data only. */
typedef struct cgap_fingerprint {
  uint64_t options, data;
} cgap_fingerprint;

/* Goes through the rows of both parts once. */
CGAP_MUST_CHECK cgap_status cgap_fingerprint_of(cgap_fingerprint *out, const cgap_trainer *trainer, cgap_error *error);

CGAP_MUST_CHECK cgap_status cgap_checkpoint_write(const cgap_trainer *trainer, cgap_fingerprint fingerprint,
                                                  const char *path, cgap_error *error);

/* Puts the state of the file into a trainer that was made for the same run. CGAP_FILE: missing, cut short, damaged or
 * no checkpoint; CGAP_USAGE: of a run with other options or data. The trainer is unchanged on failure. */
CGAP_MUST_CHECK cgap_status cgap_checkpoint_read(cgap_trainer *trainer, cgap_fingerprint fingerprint, const char *path,
                                                 cgap_error *error);

/* ---------------------------------------------------------------- data hash */

/* Which data a result came from. */

/* Of the rows of both sides as they stand in the file, who belongs to whom, and what is done with bad and equal
 * rows. Reads every row once; CGAP_FILE and CGAP_RESOURCE as reading has them. */
CGAP_MUST_CHECK cgap_status cgap_data_hash(uint64_t *out, const cgap_data *data, cgap_error *error);

#endif
