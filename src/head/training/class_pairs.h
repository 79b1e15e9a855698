/* Images with labels and class texts as pairs to train on, and whole classes kept out of training. */
#ifndef CGAP_HEAD_TRAINING_CLASS_PAIRS_H
#define CGAP_HEAD_TRAINING_CLASS_PAIRS_H

#include "head/training/split.h"

/* ---------------------------------------------------------------- pairs of images and class texts */

/* Texts of images: text i × prompts + p is prompt p of the class of image i. */
typedef struct cgap_class_pairs {
  unsigned char *rows; /* the class texts as the file has them */
  size_t row_bytes, prompts;
  const int64_t *labels;
  uint64_t *text_image; /* (images × prompts) */
} cgap_class_pairs;

/* Whether data have no texts, yet labels and class texts to take their place. */
bool cgap_class_pairs_possible(const cgap_data *data);

/* Makes each prompt of its class a text of every image of data, which must outlive *out, and which sources now refer to
 * *out. CGAP_RESOURCE: out of memory; an error of reading the class texts. */
CGAP_MUST_CHECK cgap_status cgap_class_pairs_open(cgap_class_pairs *out, cgap_data *data, cgap_error *error);
void cgap_class_pairs_clear(cgap_class_pairs *pairs);

/* Gives data the number of texts that cgap_class_pairs_open would, for a plan, which reads none; nothing where data
 * have texts. */
void cgap_class_pairs_count(cgap_data *data);

/* ---------------------------------------------------------------- classes that are kept out */

typedef struct cgap_held_out {
  bool *class;    /* (classes) kept out of training and validation */
  size_t classes; /* 0: none was asked for */
} cgap_held_out;

/* Draws `share` of the classes that have images, at least one, and moves all their images to the test part of *split.
 * CGAP_DATA: no labels, no class texts, fewer than two classes left, or no texts left in a part. */
CGAP_MUST_CHECK cgap_status cgap_hold_out_classes(cgap_held_out *out, cgap_split *split, const cgap_embeddings *e,
                                                  double share, bool validates, uint64_t seed, cgap_error *error);
void cgap_held_out_clear(cgap_held_out *held_out);

#endif
