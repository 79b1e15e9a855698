/* Heads: what maps frozen rows of a modality to new unit rows, and its gradient.
 *
 *   linear    a = W z
 *   residual  a = z + W z + b
 *   mlp       a = (z where sizes agree) + W₂ gelu(W z + b) + b₂
 *
 * followed by a/‖a‖. All parameters of both modalities are in one buffer; a shared head has one set for both.
 */
#ifndef CGAP_HEAD_MODEL_LAYERS_H
#define CGAP_HEAD_MODEL_LAYERS_H

#include "contragap/contragap.h"

enum { CGAP_IMAGE_MODALITY, CGAP_TEXT_MODALITY, CGAP_MODALITIES };

/* One block of parameters: (rows, columns) at `offset` of the buffer. columns 1: a bias, which is not decayed. */
typedef struct cgap_parameter_block {
  size_t offset, rows, columns;
} cgap_parameter_block;

/* The blocks of one modality. rows == 0: the head has none. */
typedef struct cgap_tower {
  cgap_parameter_block weight, bias;   /* (dim or hidden, dim_in) */
  cgap_parameter_block weight2, bias2; /* (dim, hidden) of an mlp */
} cgap_tower;

typedef struct cgap_layers {
  cgap_head_shape shape;
  cgap_tower tower[CGAP_MODALITIES];
  size_t count; /* of parameters */
} cgap_layers;

/* What forward leaves for backward, of one modality. */
typedef struct cgap_activations {
  size_t rows;                  /* capacity */
  float *z;                     /* (rows, dim) unit rows: the output */
  float *norm;                  /* (rows) ‖a‖ */
  float *before, *after, *pull; /* (rows, hidden) of an mlp's hidden layer; else NULL */
} cgap_activations;

cgap_layers cgap_layers_init(const cgap_head_shape *shape);

/* Random start from `seed`, and zeros where a residual path starts as the identity; image_mean and
 * text_mean (dim_in) are subtracted by the biases where start is CGAP_START_CENTER. */
void cgap_layers_start(const cgap_layers *layers, float *parameters, cgap_start start, const double *image_mean,
                       const double *text_mean, uint64_t seed);

bool cgap_activations_init(cgap_activations *out, const cgap_layers *layers, size_t rows);
void cgap_activations_clear(cgap_activations *a);

/* in[m] is (rows[m], dim_in); fills out[m].z. */
void cgap_layers_forward(const cgap_layers *layers, const float *parameters, const float *const in[CGAP_MODALITIES],
                         const size_t rows[CGAP_MODALITIES], cgap_activations out[CGAP_MODALITIES], int threads);

/* dz[m] (rows, dim) is ∂L/∂z and is overwritten; `before` of the activations too. Fills gradient (count). */
void cgap_layers_backward(const cgap_layers *layers, const float *parameters, const float *const in[CGAP_MODALITIES],
                          const size_t rows[CGAP_MODALITIES], cgap_activations a[CGAP_MODALITIES],
                          float *const dz[CGAP_MODALITIES], float *gradient, int threads);

/* One modality alone, any number of rows, in blocks; out is (rows, dim). scratch activations hold at least one block.
 */
enum { CGAP_LAYERS_BLOCK = 256 };
void cgap_layers_apply(const cgap_layers *layers, const float *parameters, int modality, const float *in, size_t rows,
                       float *out, cgap_activations *scratch);

const char *cgap_head_kind_name(cgap_head_kind kind); /* "linear", … */

#endif
