/* The losses of a batch and their gradients: CLIP with several positives, uniformity, alignment.
 *
 *   L = clip·L_CLIP + uniform·L_Uniform + align·L_Align + xuniform·L_XUniform
 *
 * over unit rows x_i (images) and y_j (texts), cosines s_ij = x_i·y_j, T_i the texts of image i and O_j
 * the images of text j (Fahim, Murphy, Fyshe 2024, arXiv 2405.18570; t = 2):
 *   image→text  mean over images with a text of the mean over p ∈ T_i of
 *               log(e^{s_ip/τ} + Σ_{j∉T_i} e^{s_ij/τ}) − s_ip/τ;  text→image the same over O_j
 *   L_CLIP      the mean of the two
 *   L_Uniform   mean over the two modalities of log mean over i < k of e^{−t‖z_i − z_k‖²}
 *   L_XUniform  log mean over the unmatched (i, j) of e^{−t‖x_i − y_j‖²}
 *   L_Align     mean over pairs of ‖x_i − y_j‖²
 *
 * Cosines are computed in tiles of fixed size: forward keeps a running log-sum-exp per row and column,
 * backward computes the tiles once more, so that memory is of the order rows × dim. Partial sums are merged in
 * a fixed order: the bits do not depend on the number of threads.
 */
#ifndef CGAP_HEAD_MODEL_LOSS_H
#define CGAP_HEAD_MODEL_LOSS_H

#include "comm/comm.h"

typedef struct cgap_loss cgap_loss;

/* The matched pairs of a batch. Pair c of image i: image_first[i] ≤ c < image_first[i + 1], its text is
 * positive_text[c], ascending within an image; text_positive lists the pairs by text. A view. */
typedef struct cgap_positives {
  size_t images, texts, count;
  const size_t *image_first;    /* (images + 1) */
  const size_t *positive_text;  /* (count) */
  const size_t *text_first;     /* (texts + 1) */
  const size_t *text_positive;  /* (count) */
  const size_t *positive_image; /* (count), or NULL where only the losses are wanted */
} cgap_positives;

/* A number of cgap_loss_terms. One table lists them: the columns of a history follow from it, and from the rows that
 * are terms of the loss the options of their weights with checks, JSON and sweeps, the sum, and the names in reports.
 */
typedef struct cgap_loss_value {
  const char *key;         /* "uniform": the column of the history; of a term also its name in reports */
  size_t offset;           /* in cgap_loss_terms */
  const char *option;      /* of a term "weight-uniform": the option of its weight; else NULL */
  const char *help;        /* of that option */
  size_t weight;           /* of a term: offset in cgap_weights */
  const char *measures[4]; /* of a term: the measures of a report that it trains, up to NULL */
} cgap_loss_value;

const cgap_loss_value *cgap_loss_value_at(size_t k); /* in the order of the history; NULL: past the last */
const cgap_loss_value *cgap_loss_term_at(size_t k);  /* those that are terms */

double *cgap_loss_weight(cgap_weights *weights, const cgap_loss_value *term);

/* Named losses: sums of terms, each of weight 1. */
enum { CGAP_NAMED_LOSSES = 3 };
extern const char *const cgap_loss_names[CGAP_NAMED_LOSSES + 1]; /* "clip", "cua", …; ends with NULL */
cgap_weights cgap_loss_weights(int loss);                        /* index into the names */
int cgap_loss_find(const char *name, size_t length);             /* −1: no loss has this name */

/* Sets of terms: bit k is term k. */
unsigned cgap_terms_of(const cgap_weights *weights); /* those of a weight above 0 */
unsigned cgap_terms_of_text(const char *text);       /* "clip,align"; names without a term are passed over */
enum { CGAP_TERMS = 100 };
void cgap_terms_text(char out[CGAP_TERMS], unsigned terms);

/* Whether training on these terms moves a measure of the report on purpose. */
bool cgap_terms_train(unsigned terms, const char *measure);

/* Number by number: into += terms; sums / count; NaN. */
void cgap_loss_terms_add(cgap_loss_terms *into, const cgap_loss_terms *terms);
cgap_loss_terms cgap_loss_terms_mean(const cgap_loss_terms *sums, double count);
cgap_loss_terms cgap_loss_terms_unknown(void);

/* ∂total/∂: x (images, dim), y (texts, dim) of the rows as free vectors (not yet projected on the sphere). */
typedef struct cgap_loss_gradient {
  float *x, *y;
  double log_temperature;
} cgap_loss_gradient;

/* For batches of at most these sizes. Freed by cgap_loss_close. */
CGAP_MUST_CHECK cgap_status cgap_loss_open(cgap_loss **out, size_t images, size_t texts, size_t positives, size_t dim,
                                           int threads, cgap_error *error);
void cgap_loss_close(cgap_loss *loss); /* NULL is fine */

/* The sweeps of every run are divided among the ranks, which all make it; the results are the same on each. */
void cgap_loss_set_comm(cgap_loss *loss, cgap_comm *comm);

/* CGAP_OK, or the failure of a rank: then the results of the last run mean nothing. */
CGAP_MUST_CHECK cgap_status cgap_loss_status(const cgap_loss *loss, cgap_error *error);

/* Fills *terms, and *gradient where it is not NULL. x (images, dim) and y (texts, dim) are unit rows. */
void cgap_loss_run(cgap_loss *loss, const cgap_positives *positives, const float *x, const float *y,
                   const cgap_weights *weights, double temperature, cgap_loss_terms *terms,
                   cgap_loss_gradient *gradient);

/* Memory of a loss opened for so many images and texts, its numbers of each row left out. */
double cgap_loss_bytes(double images, double texts, size_t dim, double threads);

#endif
