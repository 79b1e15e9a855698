/* Every measure of the audit, N × N in double, written from the definitions and sharing no code with the
 * library: what the engine is held against. Small inputs only. */
#ifndef CGAP_TESTS_NAIVE_H
#define CGAP_TESTS_NAIVE_H

#include "contragap/contragap.h"

typedef struct naive_input {
  size_t images, texts, dim;          /* rows kept */
  const double *image, *text;         /* (images, dim), (texts, dim) values as stored, any norm but 0 */
  const size_t *owner;                /* (texts) kept image of each text; NULL: unpaired */
  const size_t *image_row, *text_row; /* rows of the file; NULL: the same */

  const int64_t *labels;    /* (images) or NULL */
  const double *class_text; /* (classes, prompts, dim) or NULL */
  size_t classes, prompts;

  const double *words; /* (word_count, dim) or NULL */
  size_t word_count, queries;
  const int64_t *image_label, *query; /* (images), (queries, 4) with kept image rows */
  const double *query_weight;         /* (queries) or NULL */

  double temperature;
} naive_input;

enum { NAIVE_PAIR, NAIVE_CROSS, NAIVE_IMAGE, NAIVE_TEXT, NAIVE_SETS };

/* The numbers, in the struct of the public header, and what a fair comparison needs beside them. */
typedef struct naive_result {
  cgap_audit audit; /* scatter points and seconds are left empty */
  /* how many cosines lie below edge k of the histogram, counting those within 1e-6 of it not at all and all */
  uint64_t below[NAIVE_SETS][CGAP_HISTOGRAM_BINS + 1], upto[NAIVE_SETS][CGAP_HISTOGRAM_BINS + 1];
  /* rows whose ten best another order of rounding could change: their 10th and 11th cosines lie within
   * 1e-6 of one another, and the rows differ */
  size_t open_image_to_text, open_text_to_image, open_mixed;
  /* what rows whose scores lie within 1e-5 of the line, or of one another, weigh in the separability: its fit ends
   * where the gradient is 1e-6 of the weights, and such rows may fall on either side */
  double open_separability, open_auc;
  /* where texts share an image and the rows are many, z rests on some of the images and groups: within a twentieth */
  double open_z;
  /* near duplicates at cosine > 0.999 + 1e-6 and > 0.999 − 1e-6 */
  uint64_t near_least[2], near_most[2];
} naive_result;

void naive_audit(naive_result *out, const naive_input *in);
void naive_clear(naive_result *out);

#endif
