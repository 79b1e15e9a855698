/* What a head is worth in numbers that a pilot would see: of 1,000 searches, how many more find their partner among the
 * first ten, in indices of several sizes; and how many test pairs show a difference of two points. */
#ifndef CGAP_HEAD_EVALUATION_PILOT_H
#define CGAP_HEAD_EVALUATION_PILOT_H

#include "head/training/training_data.h"

enum { CGAP_PILOT_SIZES = 12 };

/* Searches with an image and with a text count alike. */
typedef struct cgap_pilot_index {
  size_t items;
  double before, after; /* of 1,000 searches, those that find their partner among the first ten */
  cgap_scalar gain;     /* after − before, its interval paired by image */
} cgap_pilot_index;

typedef struct cgap_pilot {
  size_t queries;                                                    /* test images that search, with their texts */
  cgap_pilot_index cross[CGAP_PILOT_SIZES], mixed[CGAP_PILOT_SIZES]; /* items of the other modality; of both */
  size_t cross_count, mixed_count;
  size_t pairs_for_two_points; /* test images with which a difference of 0.02 in recall@1 of the other modality is
                                * found in four of five trials, from the spread of what was seen; 0: not known */
} cgap_pilot;

/* Test images and their texts search among all rows of the file, those of the training part too (at most
 * CGAP_PILOT_ROWS of a modality); smaller indices hold their partner and others drawn at random, of which the exact
 * expectation is taken. data was opened with CGAP_WITH_ROWS. head NULL: nothing changes. */
enum { CGAP_PILOT_ROWS = 100000 };
CGAP_MUST_CHECK cgap_status cgap_pilot_run(cgap_pilot *out, const cgap_training_data *data, const cgap_head *head,
                                           int threads, cgap_error *error);

#endif
