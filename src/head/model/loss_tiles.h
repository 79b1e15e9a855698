/* The two sweeps over tiles that the losses are made of, and what they share. */
#ifndef CGAP_HEAD_MODEL_LOSS_TILES_H
#define CGAP_HEAD_MODEL_LOSS_TILES_H

#include "comm/comm.h"
#include "simd/training_kernels.h"

enum {
  CGAP_LOSS_TILE = 256,  /* rows and columns of a tile: never a matter of threads */
  CGAP_LOSS_GROUPS = 16, /* row blocks of a panel are summed in at most so many groups, merged in order */
  CGAP_LOSS_KEPT_COSINES = 4 * 1024 * 1024 /* cosines of a batch that are kept for the backward sweep, not recomputed */
};

/* A running Σ e^{scale·(s − greatest)}. */
typedef struct cgap_running_sum {
  float greatest;
  double sum;
} cgap_running_sum;

/* into += a running sum at the same scale. */
void cgap_running_sum_merge(cgap_running_sum *into, float greatest, double sum, double scale);

/* What one group of row blocks leaves for the panel's columns. */
typedef struct cgap_group_slot {
  cgap_running_sum *column; /* (CGAP_LOSS_TILE) */
  float *gradient;          /* (CGAP_LOSS_TILE, dim) */
  double sum, dot;          /* of the kernel; of cosine × gradient */
} cgap_group_slot;

/* Who belongs to whom. Pair c of image i: image_first[i] ≤ c < image_first[i + 1], its text is
 * positive_text[c], ascending within an image; text_positive lists the pairs by text. A view. */
typedef struct cgap_positives {
  size_t images, texts, count;
  const size_t *image_first;    /* (images + 1) */
  const size_t *positive_text;  /* (count) */
  const size_t *text_first;     /* (texts + 1) */
  const size_t *text_positive;  /* (count) */
  const size_t *positive_image; /* (count), or NULL where only the losses are wanted */
} cgap_positives;

typedef struct cgap_loss {
  size_t images, texts, positive_capacity, dim;
  int threads;
  cgap_comm *comm;    /* or NULL */
  cgap_status status; /* what was heard of other ranks */
  cgap_error error;
  const cgap_training_kernels *vector;
  cgap_running_sum *row, *column;          /* negatives of each image, each text */
  float *row_reference, *row_offset;       /* (images), as cgap_softmax_reference */
  float *column_reference, *column_offset; /* (texts) */
  float *positive;                         /* (pairs) cosine */
  float *pull;                             /* (pairs) ∂total/∂cosine */
  float *keep;                             /* (images, texts) cosines, or NULL: too many */
  float *scratch;                          /* (threads) tiles */
  float *slot_gradient;
  cgap_running_sum *slot_column;
  cgap_group_slot slot[2 * CGAP_LOSS_GROUPS]; /* as many again for the other side's uniformity */
} cgap_loss;

/* The cross sweep's constant inputs. */
typedef struct cgap_cross_sweep {
  const cgap_positives *positives;
  const float *x, *y;
  double temperature;
  float cross; /* ∂total/∂(Σ kernel over unmatched)·4: factor of e^{4s − 4} */
} cgap_cross_sweep;

/* Fills row, column (negatives only) and positive; returns Σ e^{4s − 4} over the unmatched. */
double cgap_loss_forward(cgap_loss *loss, const cgap_cross_sweep *cross);

/* Of x and of y: gradient (rows, dim) becomes scale·gradient + what the cosines pull; not read where scale is 0. */
typedef struct cgap_cosine_gradient {
  float *gradient[2], scale[2];
} cgap_cosine_gradient;

/* Returns Σ s·∂total/∂s over the unmatched, the cross term left out. */
double cgap_loss_backward(cgap_loss *loss, const cgap_cross_sweep *cross, const cgap_cosine_gradient *out);

/* Both modalities, each with itself. */
typedef struct cgap_modality_pair {
  const float *z[2]; /* (rows, dim) */
  size_t rows[2];
  float *gradient[2]; /* (rows, dim); NULL: not wanted */
} cgap_modality_pair;

/* Of each side Σ over i < k of e^{4 z_i·z_k − 4}; its gradient becomes Σ_{k≠i} e^{4 z_i·z_k − 4} z_k. */
void cgap_loss_uniformity(cgap_loss *loss, const cgap_modality_pair *modalities, double sum[2]);

#endif
