/* The memory of a training: whether rows stay in memory or in their file, and the least that does. */
#ifndef CGAP_HEAD_TRAINING_BUDGET_H
#define CGAP_HEAD_TRAINING_BUDGET_H

#include "contragap/contragap.h"

typedef struct cgap_budget {
  bool reads;            /* rows stay in the file, and those of each batch are read; else all are in memory */
  bool spill[2];         /* images, texts: put aside first, where their file has no quick way to single rows */
  uint64_t spill_bytes;  /* of the disk, for that */
  uint64_t held_bytes;   /* of memory, about: with all rows in it */
  uint64_t needed_bytes; /* as planned */
  uint64_t limit_bytes;
} cgap_budget;

/* CGAP_RESOURCE where even with the rows in the file it is more than options allow. */
CGAP_MUST_CHECK cgap_status cgap_budget_make(cgap_budget *out, const cgap_data *data, const cgap_train_options *options,
                                             cgap_error *error);

/* A training-free method fitted on whole data: reads where `rows` of it are needed and do not fit. limit 0: half of
 * what is free. */
CGAP_MUST_CHECK cgap_status cgap_budget_gap_method(cgap_budget *out, const cgap_data *data, bool rows, const char *name,
                                                   uint64_t limit, cgap_error *error);

#endif
