/* The losses of a batch and their gradients: CLIP with several positives, uniformity, alignment.
 *
 *   L = clip·L_CLIP + uniform·L_Uniform + align·L_Align + xuniform·L_XUniform
 *
 * over unit rows x_i (images) and y_j (texts), cosines s_ij = x_i·y_j, T_i the texts of image i and O_j
 * the images of text j (Fahim, Murphy, Fyshe 2024, arXiv 2405.18570; t = 2):
 *   image→text  mean over images with a text of the mean over p ∈ T_i of
 *               log(e^{s_ip/τ} + Σ_{j∉T_i} e^{s_ij/τ}) − s_ip/τ;  text→image the same over O_j
 *   L_CLIP      the mean of the two
 *   L_Uniform   mean over the two sides of log mean over i < k of e^{−t‖z_i − z_k‖²}
 *   L_XUniform  log mean over the unmatched (i, j) of e^{−t‖x_i − y_j‖²}
 *   L_Align     mean over pairs of ‖x_i − y_j‖²
 *
 * Cosines are made in tiles of fixed size: forward keeps a running log-sum-exp per row and column,
 * backward makes the tiles again, so that memory is of the order rows × dim. Partial sums are merged in
 * a fixed order: the bits do not depend on the number of threads.
 */
#ifndef CGAP_HEAD_MODEL_LOSS_H
#define CGAP_HEAD_MODEL_LOSS_H

#include "head/model/loss_tiles.h"

/* ∂total/∂: x (images, dim), y (texts, dim) of the rows as free vectors (not yet projected on the sphere). */
typedef struct cgap_loss_gradient {
  float *x, *y;
  double log_temperature;
} cgap_loss_gradient;

/* For batches of at most these sizes. Freed by cgap_loss_close. */
CGAP_MUST_CHECK cgap_status cgap_loss_open(cgap_loss **out, size_t images, size_t texts, size_t positives, size_t dim,
                                           int threads, cgap_error *error);
void cgap_loss_close(cgap_loss *loss); /* NULL is fine */

/* The sweeps of every run are shared out over ranks, which all make it; the results are the same on each. */
void cgap_loss_set_comm(cgap_loss *loss, cgap_comm *comm);

/* What was heard of other ranks since: not CGAP_OK, and the results of the last run mean nothing. */
CGAP_MUST_CHECK cgap_status cgap_loss_status(const cgap_loss *loss, cgap_error *error);

/* Fills *terms, and *gradient where it is not NULL. x (images, dim) and y (texts, dim) are unit rows. */
void cgap_loss_run(cgap_loss *loss, const cgap_positives *positives, const float *x, const float *y,
                   const cgap_weights *weights, double temperature, cgap_loss_terms *terms,
                   cgap_loss_gradient *gradient);

#endif
