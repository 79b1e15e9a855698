/* Which image is for what. A text goes with its image; images with equal rows, and images with an
 * equal text row, go together, so that training sees nothing of the test split. */
#ifndef CGAP_HEAD_TRAINING_SPLIT_H
#define CGAP_HEAD_TRAINING_SPLIT_H

#include "base/threads.h"
#include "head/model/head.h"
#include "head/model/loss.h"
#include "rows/embeddings.h"

typedef struct cgap_split {
  unsigned char *of_image; /* (images) CGAP_SPLITS: in none */
  size_t *group;           /* (images) the first of the images that go together with it */
  uint64_t *hash;          /* (images) cgap_unit_hash(…).low of the unit rows, by which apply recognises them */
  size_t images[CGAP_SPLITS], texts[CGAP_SPLITS];
  size_t tied;       /* images that go with another one */
  bool texts_across; /* equal texts were so frequent that only equal images go together */
} cgap_split;

/* e has pairs; where it is not resident its rows are read once more. validation and test: fractions of the images,
 * validation may be 0. CGAP_DATA under 10 images. */
CGAP_MUST_CHECK cgap_status cgap_split_init(cgap_split *out, const cgap_embeddings *e, double validation, double test,
                                            uint64_t seed, cgap_error *error);
void cgap_split_clear(cgap_split *split);

/* Divides the training and the validation part of a split once more, by the same groups of images, to compare
 * candidates on rows that they were not fitted on: the images of `fold` are the test part, `inner` of the others the
 * validation part. folds 1: the training part stays, one half of the validation part is the validation part and the
 * other the test part. The test part of `split` is in none. Depends on nothing else than its arguments. CGAP_DATA where
 * a part has no texts.
 */
enum { CGAP_FOLDS_MAX = 5 };
CGAP_MUST_CHECK cgap_status cgap_split_fold(cgap_split *out, const cgap_split *split, const cgap_embeddings *e,
                                            size_t fold, size_t folds, double inner, uint64_t seed, cgap_error *error);

/* ---------------------------------------------------------------- split rows */

/* The rows and pairs of one split, as training and validation use them. */

/* Owns everything but what `modality` points at. Images without a text are left out. */
typedef struct cgap_split_rows {
  size_t dim;
  float *image, *text; /* (positives.images, dim), (positives.texts, dim) unit rows; NULL where they stay … */
  const cgap_modality_rows *modality[CGAP_MODALITIES]; /* … in these, images and texts, which outlive this … */
  size_t *kept[CGAP_MODALITIES];                       /* … as these rows; NULL: row i is kept row i */
  double *image_mean, *text_mean;                      /* (dim) over the split's rows in the file, equal ones too */
  int threads[CGAP_MODALITIES]; /* that may read at once, where rows stay there; 0: they may not */
  size_t *index;                /* the arrays of pairs */
  cgap_positives positives;
} cgap_split_rows;

typedef struct cgap_split_rows_options {
  bool keep_duplicates; /* else equal unit rows of a modality become one row with all positives */
  double noise;         /* fraction of the texts whose images are shuffled among themselves; 0: none */
  size_t most_images;   /* at most so many images, drawn at random; 0: all */
  uint64_t seed;        /* of the noise and the draw */
  bool leave;           /* unit rows stay where e has them, which then outlives the result … */
  int threads;          /* … and are read by so many, where they can */
} cgap_split_rows_options;

CGAP_MUST_CHECK cgap_status cgap_split_rows_init(cgap_split_rows *out, const cgap_embeddings *e,
                                                 const cgap_split *split, int split_index,
                                                 const cgap_split_rows_options *options, cgap_error *error);
void cgap_split_rows_clear(cgap_split_rows *rows);

/* out (count, dim): unit rows rows[0], rows[1], … of a modality; rows NULL: from `first` on. */
CGAP_MUST_CHECK cgap_status cgap_split_rows_read(const cgap_split_rows *split_rows, int modality, const size_t *rows,
                                                 size_t first, size_t count, float *out, cgap_error *error);

/* Announces rows that will be read soon. */
void cgap_split_rows_prefetch(const cgap_split_rows *split_rows, int modality, const size_t *rows, size_t count);

/* Pairs sorted by image and text, duplicates removed, and the lists by text. The view's arrays are in *index, which is
 * to be freed. false: out of memory. positive_image and positive_text (count) are reordered. */
bool cgap_positives_init(cgap_positives *out, size_t **index, size_t images, size_t texts, size_t count,
                         const size_t *positive_image, const size_t *positive_text);

/* ---------------------------------------------------------------- methods that need no training */

/* Maps z → A z + b of each modality, fitted on the rows of a split (methods.c). */

/* A residual head that applies `method`. center: z − mean of its modality. shift: both modalities along the gap
 * vector, each half of `factor` of it. whiten: (C + r I)^−½ (z − mean), C the modality's covariance, r = `factor`
 * times trace C over the number of rows. procrustes: the texts turned onto their images by the best orthogonal map.
 * cca: regularised canonical correlation, r as in whiten. The split keeps its duplicates. */
CGAP_MUST_CHECK cgap_status cgap_gap_method_fit_rows(cgap_head **out, cgap_gap_method method, double factor,
                                                     const cgap_split_rows *split_rows, cgap_error *error);

/* What whiten and cca are made of, so that several shrinkages cost little more than one: the eigenvectors of both
 * covariances, and with `pairs` the moment of matched pairs, which cca needs. split_rows must outlive it. */
typedef struct cgap_moments cgap_moments;
CGAP_MUST_CHECK cgap_status cgap_moments_open(cgap_moments **out, const cgap_split_rows *split_rows, bool pairs,
                                              cgap_error *error);
void cgap_moments_close(cgap_moments *moments); /* NULL is fine */

/* CGAP_WHITEN or CGAP_CCA of one shrinkage, as above. The moments keep their numbers, yet only one thread may fit. */
CGAP_MUST_CHECK cgap_status cgap_gap_method_fit_moments(cgap_head **out, cgap_gap_method method, double shrinkage,
                                                        cgap_moments *moments, cgap_error *error);

/* What a residual head may start from: whiten of shrinkage 2, scaled so that each modality keeps its variance. */
CGAP_MUST_CHECK cgap_status cgap_whitened_start(cgap_head **out, cgap_moments *moments, cgap_error *error);

/* The same with the shrinkage of whiten and cca chosen on a validation part, which keeps its duplicates: the strongest
 * whose score is within one standard error of the best (validation_score.h). Without images there, and for the other
 * methods: a factor of 1. */
CGAP_MUST_CHECK cgap_status cgap_gap_method_fit_chosen(cgap_head **out, cgap_gap_method method,
                                                       const cgap_split_rows *split_rows,
                                                       const cgap_split_rows *validation, int threads,
                                                       cgap_error *error);

/* As cgap_gap_method_fit, within `limit` bytes, 0: half of what is free. Rows that do not fit stay in the file; the
 * bits are the same. CGAP_RESOURCE where even that needs more. */
CGAP_MUST_CHECK cgap_status cgap_gap_method_fit_within(cgap_head **out, cgap_gap_method method, double factor,
                                                       const cgap_data *data, int threads, uint64_t limit,
                                                       cgap_progress progress, cgap_error *error);

/* ---------------------------------------------------------------- batches */

/* An epoch cut into batches: N texts in a random order with their distinct images and every pair among them. */

enum { CGAP_BATCH_AUTO_SIZE = 256 }; /* texts of a batch by default, or all where they are fewer */

typedef struct cgap_training_batch {
  struct cgap_batches *of;
  size_t number; /* of the epoch; SIZE_MAX: none */
  size_t *image; /* (size or more) its images */
  size_t *index; /* arrays of pairs */
  float *image_rows, *text_rows;
  cgap_positives positives; /* views */
} cgap_training_batch;

typedef struct cgap_batches {
  const cgap_split_rows *split_rows;
  size_t size;                        /* texts a batch; all of them: one batch in the split's own order */
  size_t count;                       /* batches an epoch: what is left at the end is left out */
  size_t most_images, most_positives; /* of any batch */
  uint64_t seed;

  size_t *order;                /* (texts) of this epoch */
  size_t *stamp;                /* (images) place in the batch, valid where the image's batch is this one */
  cgap_training_batch batch[2]; /* the current one and, where rows are not in memory, the next */
  int at;                       /* which is current */
  int threads;
  bool reads;       /* rows are not in memory … */
  bool thread_safe; /* … and all threads read them, when they are needed; else ahead reads the next batch's */
  bool waits;       /* the last batch's rows came from the disk: the next one's are announced to it */
  cgap_read_ahead ahead;
  size_t wanted, next; /* batches that ahead will give and read next; wanted SIZE_MAX: it is not open */

  cgap_positives positives; /* the current batch: views */
  const float *x, *y;
} cgap_batches;

/* size as of cgap_train_options, at most the split's texts. Where the split's rows are not in memory those of each
 * batch are read: by all threads when they are needed, or, from a source that allows one reader only, by a background
 * thread while the batch before is used. Batches and their bits are the same. threads: of the training as a whole. */
CGAP_MUST_CHECK cgap_status cgap_batches_init(cgap_batches *out, const cgap_split_rows *split_rows, size_t size,
                                              uint64_t seed, int threads, cgap_error *error);
void cgap_batches_clear(cgap_batches *batches);

void cgap_batches_epoch(cgap_batches *batches, size_t epoch); /* the order depends on (seed, epoch) alone */

/* 0 ≤ batch < count. Can fail only where rows are read. */
CGAP_MUST_CHECK cgap_status cgap_batches_load(cgap_batches *batches, size_t batch, int threads, cgap_error *error);

#endif
