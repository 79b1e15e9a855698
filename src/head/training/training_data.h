/* A file made ready for training: split, the rows of the splits in memory or to be read, the test split as data of its
 * own, the training-free methods fitted. */
#ifndef CGAP_HEAD_TRAINING_TRAINING_DATA_H
#define CGAP_HEAD_TRAINING_TRAINING_DATA_H

#include "base/modality_names.h"
#include "head/model/head.h"
#include "head/training/class_pairs.h"
#include "head/training/memory_plan.h"
#include "head/training/split.h"
#include "head/training/trainer.h"
#include "rows/row_reader.h"

/* ---------------------------------------------------------------- test set */

/* The images of one split with all that belongs to them, as data of their own; and the same passed through a head. */

typedef struct cgap_test_set {
  cgap_data data;               /* views of what follows, and of the class texts and words of the whole */
  unsigned char *image, *text;  /* file values; NULL where they are read … */
  cgap_picked_rows *picked[2];  /* … from the whole's sources, images and texts */
  uint64_t *text_image;         /* (texts) */
  size_t *image_row, *text_row; /* rows of the file */
  int64_t *labels, *image_label, *query;
  double *query_weight;
} cgap_test_set;

/* The data of e must outlive the test set where it has class texts or words, and where e is not resident. */
CGAP_MUST_CHECK cgap_status cgap_test_set_init(cgap_test_set *out, const cgap_embeddings *e, const cgap_split *split,
                                               int split_index, cgap_error *error);
void cgap_test_set_clear(cgap_test_set *test);

/* The rows of an audit of the test set's data, or of the same rows transformed, become those of the file. */
void cgap_test_set_map_rows(cgap_audit *audit, const cgap_test_set *test);

/* Data through a head: the images through that of the images, everything else through that of the texts. */
enum { CGAP_TRANSFORMED = 4 }; /* images, texts, class texts, words */

typedef struct cgap_transformed {
  cgap_data data;
  float *rows[CGAP_TRANSFORMED];              /* unit rows; NULL where there are none, or where they are in … */
  cgap_spill_file *spilled[CGAP_TRANSFORMED]; /* … unnamed files */
} cgap_transformed;

/* spill: images and texts go into unnamed files instead of memory. Zero rows or NaN: CGAP_DATA. The original must
 * outlive the result. */
CGAP_MUST_CHECK cgap_status cgap_transformed_init(cgap_transformed *out, const cgap_data *data, const cgap_head *head,
                                                  bool spill, int threads, cgap_error *error);
void cgap_transformed_clear(cgap_transformed *transformed);

/* ---------------------------------------------------------------- training data */

typedef struct cgap_training_data {
  cgap_memory_plan plan;
  cgap_planned_rows *rows;      /* that the splits are read from; NULL where they are in memory and not kept */
  cgap_class_pairs class_pairs; /* where class texts take the place of texts */
  cgap_split split;
  cgap_held_out held_out;
  cgap_split_rows training, validation;
  cgap_test_set test;
  cgap_head *method[CGAP_GAP_METHODS]; /* NULL: not asked for */
  double method_seconds[CGAP_GAP_METHODS];
  size_t dim;
  cgap_modality_names names;
  size_t training_images, training_texts; /* before equal rows became one */
  int64_t *split_of_row;                  /* (file_images) of head.h5's /split */
  size_t file_images;
  uint64_t *training_hash; /* (training_images) of head.h5's /training_hashes */
} cgap_training_data;

/* data must outlive the result. Of options those matter that the table marks as `data`.
 * Without texts, images are paired with the prompts of their class; the test part then has one of them for each image.
 * CGAP_FILE where there are no pairs, CGAP_DATA where there are too few. */
enum { CGAP_WITH_METHODS = 1, CGAP_WITH_ROWS = 2 }; /* bits: fit the methods; keep `rows` for a choice */
CGAP_MUST_CHECK cgap_status cgap_training_data_open(cgap_training_data *out, const cgap_data *data,
                                                    const cgap_train_options *options, unsigned with,
                                                    cgap_error *error);
void cgap_training_data_clear(cgap_training_data *training_data);

/* Which of the file's images a head was trained on; every head that is fitted on the training split says so. */
CGAP_MUST_CHECK cgap_status cgap_training_data_note(cgap_head *head, const cgap_training_data *training_data,
                                                    cgap_error *error);

/* After the last training: the rows of the splits are freed; their numbers and the test set stay. */
void cgap_training_data_release_rows(cgap_training_data *training_data);

/* Whether the training split is large enough for these options: CGAP_USAGE where a batch is larger than it. */
CGAP_MUST_CHECK cgap_status cgap_train_check_batch(const cgap_train_options *options, const cgap_split_rows *training,
                                                   cgap_error *error);

/* Both modalities are the image rows (or the text rows), row i with row i; labels, classes and words are left out. */
CGAP_MUST_CHECK cgap_status cgap_same_modality(cgap_data *out, const cgap_data *data, cgap_row_kind kind,
                                               cgap_error *error);

#endif
