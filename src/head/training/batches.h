/* An epoch cut into batches: N texts in a random order with their distinct images and every pair among them. */
#ifndef CGAP_HEAD_TRAINING_BATCHES_H
#define CGAP_HEAD_TRAINING_BATCHES_H

#include "base/threads.h"
#include "head/training/split.h"

enum { CGAP_BATCH_AUTO_SIZE = 256 }; /* texts of a batch by default, or all where they are fewer */

/* One batch, as it is made. */
typedef struct cgap_training_batch {
  size_t number; /* of the epoch; SIZE_MAX: none */
  size_t *image; /* (size or more) its images */
  size_t *index; /* arrays of pairs */
  float *image_rows, *text_rows;
  cgap_positives positives; /* views */
} cgap_training_batch;

typedef struct cgap_batches {
  const cgap_split_rows *split_rows;
  size_t size;                        /* texts a batch; all of them: one batch in the part's own order */
  size_t count;                       /* batches an epoch: what is left at the end is left out */
  size_t most_images, most_positives; /* of any batch */
  uint64_t seed;

  size_t *order;                /* (texts) of this epoch */
  size_t *stamp;                /* (images) place in the batch, valid where the image's batch is this one */
  cgap_training_batch batch[2]; /* the current one and, where rows are not in memory, the next */
  cgap_background_reader ahead; /* that reads the next one's rows */
  bool reads;                   /* rows are not in memory … */
  bool thread_safe; /* … and all threads read them, when they are wanted; else one reads the next batch's … */
  bool started;     /* … which it does at the moment */
  bool waits;       /* the last batch's rows came from the disk: the next one's are announced to it */

  cgap_positives positives; /* the current batch: views */
  const float *x, *y;
} cgap_batches;

/* size as of cgap_train_options, at most the part's texts. Where the part's rows are not in memory those of each batch
 * are read: by all threads when they are wanted, or, from a source that only one may read, in a thread of its own while
 * the batch before is at work. Batches and their bits are the same. threads: of the training as a whole. */
CGAP_MUST_CHECK cgap_status cgap_batches_init(cgap_batches *out, const cgap_split_rows *split_rows, size_t size,
                                              uint64_t seed, int threads, cgap_error *error);
void cgap_batches_clear(cgap_batches *batches);

void cgap_batches_epoch(cgap_batches *batches, size_t epoch); /* the order depends on (seed, epoch) alone */

/* 0 ≤ batch < count. Can fail only where rows are read. */
CGAP_MUST_CHECK cgap_status cgap_batches_load(cgap_batches *batches, size_t batch, int threads, cgap_error *error);

#endif
