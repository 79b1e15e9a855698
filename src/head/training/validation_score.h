/* How well a head does on a validation part: what candidates are compared by. One number per image, so that two
 * candidates are compared in pairs. */
#ifndef CGAP_HEAD_TRAINING_VALIDATION_SCORE_H
#define CGAP_HEAD_TRAINING_VALIDATION_SCORE_H

#include "head/model/head.h"
#include "head/training/split.h"

typedef struct cgap_validation_score {
  size_t images;
  double *score; /* (images) the mean over them is ½ nDCG@10 in one index of both modalities + ½ mrr in the other one,
                  * each the mean of image and text queries */
  double *mrr;   /* (images) the same of mrr alone */
  double mean;   /* of score */
  double corrected_square; /* that of the distance before it is cut at 0 */
  double corrected_distance, noise_floor;
} cgap_validation_score;

/* rows keep their duplicates: each text has one image. Of many the first images are taken, at most
 * CGAP_VALIDATION_ROWS_MAX rows with their texts. head NULL: the rows as they are. Cosines within 1e-6 tie. The same
 * bits for any number of threads. */
enum { CGAP_VALIDATION_ROWS_MAX = 4000 };
CGAP_MUST_CHECK cgap_status cgap_validation_score_init(cgap_validation_score *out, const cgap_split_rows *rows,
                                                       const cgap_head *head, int threads, cgap_error *error);
size_t cgap_validation_images(const cgap_split_rows *rows); /* those that are scored */
void cgap_validation_score_clear(cgap_validation_score *score);

/* Zero-shot: the classes and the labels of a validation part's images. */
typedef struct cgap_validation_classes {
  size_t classes, prompts;
  float *text;    /* (classes × prompts, dim) unit rows */
  bool *counts;   /* (classes) whether an image can be taken for it */
  int64_t *label; /* (images) */
  bool *there;    /* (classes) whether it has images */
  size_t present; /* classes that have */
} cgap_validation_classes;

/* counts: those that images of these parts of the split have (bits: 1 << CGAP_TRAINING …). CGAP_DATA where there are no
 * labels or no class texts. */
CGAP_MUST_CHECK cgap_status cgap_validation_classes_init(cgap_validation_classes *out, const cgap_embeddings *e,
                                                         const cgap_split *split, const cgap_split_rows *rows,
                                                         unsigned parts, cgap_error *error);
void cgap_validation_classes_clear(cgap_validation_classes *classes);

/* The same with accuracy in place of searches, one number per class that has images, in their order: the share of its
 * images that are nearest to its text (prompts averaged, ties by the smaller number). The gap is not measured: NaN. */
CGAP_MUST_CHECK cgap_status cgap_validation_zero_shot_init(cgap_validation_score *out, const cgap_split_rows *rows,
                                                           const cgap_validation_classes *classes,
                                                           const cgap_head *head, int threads, cgap_error *error);

/* Mean of a − b over the same images, of values such as score or mrr, and its standard error. */
double cgap_paired_mean(double *standard_error, const double *a, const double *b, size_t images);

#endif
