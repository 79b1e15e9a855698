/* A file made ready for training: split, its parts in memory or to be read, the test part apart, the closers fitted. */
#ifndef CGAP_HEAD_TRIAL_H
#define CGAP_HEAD_TRIAL_H

#include "head/training/budget.h"
#include "head/training/methods.h"
#include "head/training/test_set.h"
#include "head/training/trainer.h"

typedef struct cgap_trial_rows cgap_trial_rows;

typedef struct cgap_trial {
  cgap_budget budget;
  cgap_trial_rows *rows; /* that the parts read from; NULL where they are in memory */
  cgap_split split;
  cgap_part training, validation;
  cgap_subset test;
  cgap_head *closer[CGAP_CLOSERS]; /* NULL: not asked for */
  double closer_seconds[CGAP_CLOSERS];
  size_t dim;
  size_t training_images, training_texts; /* before equal rows became one */
  int64_t *part_of_row;                   /* (file_images) of head.h5's /split */
  size_t file_images;
} cgap_trial;

/* data must outlive the trial. Of options the split, the duplicates, the noise, the size and the seed matter here.
 * CGAP_FILE where there are no pairs, CGAP_DATA where there are too few. */
CGAP_MUST_CHECK cgap_status cgap_trial_open(cgap_trial *out, const cgap_data *data, const cgap_train_options *options,
                                            bool closers, cgap_error *error);
void cgap_trial_clear(cgap_trial *trial);

/* After the last training: the parts' rows are let go, their numbers and the test part stay. */
void cgap_trial_rest(cgap_trial *trial);

/* What --memory leaves for an audit of the test part; 0: nothing was said. */
uint64_t cgap_trial_study_memory(const cgap_trial *trial, const cgap_train_options *options);

/* Whether the training part is large enough for these options: CGAP_USAGE where a batch is larger than it. */
CGAP_MUST_CHECK cgap_status cgap_train_fits(const cgap_train_options *options, const cgap_part *training,
                                            cgap_error *error);

/* Both sides are the image rows (or the text rows), row i with row i; labels, classes and words are left out. */
CGAP_MUST_CHECK cgap_status cgap_same_modality(cgap_data *out, const cgap_data *data, cgap_row_kind kind,
                                               cgap_error *error);

#endif
