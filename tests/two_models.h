/* The same images, texts, classes and questions as two models see them: each model adds noise of its own to what the
 * rows mean, so that the two could as well be exchanged. */
#ifndef CGAP_TESTS_TWO_MODELS_H
#define CGAP_TESTS_TWO_MODELS_H

#include "report/comparison_show.h"
#include "support.h"

typedef struct two_models_options {
  size_t images, dim, captions; /* 1 to `captions` texts an image */
  double noise;                 /* of each coordinate, whose meaning has a variance of 1 */
  double cone;                  /* what every row has in common: how narrow the cone is */
  double gap[2];                /* of each model, half the distance of the two modalities before normalising */
  uint64_t seed;
} two_models_options;

typedef struct two_models {
  size_t images, texts, dim;
  double *image[2], *text[2], *class_text;
  uint64_t *text_image;
  int64_t *label, *query;
  double *query_weight;
} two_models;

void two_models_init(two_models *out, const two_models_options *options);
void two_models_clear(two_models *models);
cgap_data two_models_data(const two_models *models, int model);

/* An audit with the contributions of each image. */
void two_models_audit(cgap_audit *out, const cgap_data *data);

/* b against a, paired; to be cleared by cgap_comparison_clear. */
void two_models_compare(cgap_comparison *out, const cgap_audit *a, const cgap_audit *b);

#endif
