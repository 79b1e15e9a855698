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

/* Mean of a − b over the same images, of values such as score or mrr, and its standard error. */
double cgap_paired_mean(double *standard_error, const double *a, const double *b, size_t images);

#endif
