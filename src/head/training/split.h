/* Which image is for what. A text goes with its image; images with equal rows, and images that share an
 * equal text row, go together, so that nothing of the test part is seen in training. */
#ifndef CGAP_HEAD_TRAINING_SPLIT_H
#define CGAP_HEAD_TRAINING_SPLIT_H

#include "head/model/layers.h"
#include "head/model/loss.h"
#include "rows/embeddings.h"

typedef struct cgap_split {
  unsigned char *of_image; /* (images) */
  size_t images[CGAP_SPLITS], texts[CGAP_SPLITS];
  size_t tied;       /* images that go with another one */
  bool texts_across; /* equal texts were so frequent that only equal images go together */
} cgap_split;

/* e has pairs; where it is not resident its rows are read once more. Shares of the images, validation may be 0.
 * CGAP_DATA under 10 images. */
CGAP_MUST_CHECK cgap_status cgap_split_init(cgap_split *out, const cgap_embeddings *e, double validation, double test,
                                            uint64_t seed, cgap_error *error);
void cgap_split_clear(cgap_split *split);

/* ---------------------------------------------------------------- split rows */

/* The rows and pairs of one part of the data, as training and validation use them. */

/* Owns everything but what `side` points at. Images without a text are left out. */
typedef struct cgap_split_rows {
  size_t dim;
  float *image, *text; /* (positives.images, dim), (positives.texts, dim) unit rows; NULL where they stay … */
  const cgap_modality_rows *modality[CGAP_MODALITIES]; /* … in these, images and texts, which outlive the part … */
  size_t *kept[CGAP_MODALITIES];                       /* … as these rows; NULL: row i is kept row i */
  double *image_mean, *text_mean; /* (dim) over the part's rows as they stand in the file, equal ones too */
  int threads[CGAP_MODALITIES];   /* that may read at once, where rows stay there; 0: they may not */
  size_t *index;                  /* the arrays of pairs */
  cgap_positives positives;
} cgap_split_rows;

typedef struct cgap_split_rows_options {
  bool keep_duplicates; /* else equal unit rows of a side become one row with all positives */
  double noise;         /* share of the texts whose images are shuffled among themselves; 0: none */
  size_t most_images;   /* at most so many images, drawn at random; 0: all */
  uint64_t seed;        /* of the noise and the draw */
  bool leave;           /* unit rows stay where e has them, which then outlives the part … */
  int threads;          /* … and are read by so many, where they can */
} cgap_split_rows_options;

CGAP_MUST_CHECK cgap_status cgap_split_rows_init(cgap_split_rows *out, const cgap_embeddings *e,
                                                 const cgap_split *split, int split_index,
                                                 const cgap_split_rows_options *options, cgap_error *error);
void cgap_split_rows_clear(cgap_split_rows *rows);

/* out (count, dim): unit rows rows[0], rows[1], … of a side; rows NULL: from `first` on. */
CGAP_MUST_CHECK cgap_status cgap_split_rows_read(const cgap_split_rows *split_rows, int modality, const size_t *rows,
                                                 size_t first, size_t count, float *out, cgap_error *error);

/* Rows that will be taken soon. */
void cgap_split_rows_prefetch(const cgap_split_rows *split_rows, int modality, const size_t *rows, size_t count);

/* Pairs sorted by image and text, doubles removed, and the lists by text. The view's arrays lie in *index, which is
 * to be freed. false: out of memory. positive_image and positive_text (count) are reordered. */
bool cgap_positives_init(cgap_positives *out, size_t **index, size_t images, size_t texts, size_t count,
                         const size_t *positive_image, const size_t *positive_text);

#endif
