/* The head's losses and layers written down a second time: double, N × N, no tiles. What the tests take for true. */
#ifndef CGAP_TESTS_HEAD_REFERENCE_H
#define CGAP_TESTS_HEAD_REFERENCE_H

#include "head/model/layers.h"
#include "head/model/loss.h"

/* A batch: couple[i·texts + j] says whether image i and text j belong together. */
typedef struct reference_batch {
  size_t images, texts;
  const bool *matched;
} reference_batch;

/* Pairs as the library has them; arrays of support_alloc, to be freed by reference_positives_clear. */
typedef struct reference_positives {
  cgap_positives view;
  size_t *image_first, *positive_text, *text_first, *text_positive;
} reference_positives;

reference_positives reference_positives_init(const reference_batch *batch);
void reference_positives_clear(reference_positives *positives);

/* total = Σ weight·term over unit rows x (images, dim), y (texts, dim). gradient_x, gradient_y (NULL: not wanted) of
 * the rows as free vectors, up to a multiple of the row itself; *gradient_log_temperature may be NULL with them. */
cgap_loss_terms reference_loss(const reference_batch *batch, const double *x, const double *y, size_t dim,
                               const cgap_weights *weights, double temperature, double *gradient_x, double *gradient_y,
                               double *gradient_log_temperature);

/* The loss of a head with parameters (layers->count, then log τ) on embeddings x (images, dim_in), y (texts, dim_in);
 * gradient (count + 1) or NULL. */
cgap_loss_terms reference_step(const reference_batch *batch, const cgap_layers *layers, const double *parameters,
                               const double *x, const double *y, const cgap_weights *weights, double *gradient);

#endif
