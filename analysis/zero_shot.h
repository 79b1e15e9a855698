/* zero_shot.*: classes named by texts. */
#ifndef CGAP_ANALYSIS_ZERO_SHOT_H
#define CGAP_ANALYSIS_ZERO_SHOT_H

#include "analysis/measure.h"

typedef struct cgap_zero_shot_tally {
  const int64_t *labels;  /* of the file's rows */
  cgap_modality modality; /* the images */
  size_t classes;
  uint64_t images, top_1, top_5;
  uint64_t *class_images, *class_right; /* (classes) */
  unsigned char *place; /* (images) of the right class: 1 first, 2 among the first five, 0 neither; NULL: not kept */
  size_t *nearest;      /* (images) the nearest class, where places are kept */
} cgap_zero_shot_tally;

/* vectors (classes, dim) from texts (classes, prompts, dim), both double: prompts normalised, averaged, normalised.
 * drop_bad: prompts that are not finite or of norm zero are left out.
 * false: a class whose prompts cancel out or hold a bad row; *bad receives it. */
bool cgap_class_vectors(const double *texts, size_t classes, size_t prompts, size_t dim, bool drop_bad, double *vectors,
                        size_t *bad);

/* Shown scores (rows, classes) of images [first, first + rows); lower class first among equals. */
void cgap_zero_shot_visit(cgap_zero_shot_tally *t, size_t first, size_t rows, const double *scores);

/* gap (classes): ‖mean of a class's images − its class text‖. false: out of memory. */
CGAP_MUST_CHECK bool cgap_zero_shot_finish(const cgap_zero_shot_tally *tally, const double *gap, cgap_audit *out);

#endif
