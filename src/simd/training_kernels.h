/* The loops over a tile of cosines and over parameters in which training spends its time, besides gemm.
 *
 * training_kernels_body.c is plain C, compiled once for each instruction set (see meson.build); the table is
 * chosen by cpuid. A masked pair holds a cosine far below −1 (see mask_of in head/model/loss.c): its
 * exponential vanishes next to any other.
 */
#ifndef CGAP_SIMD_TRAINING_KERNELS_H
#define CGAP_SIMD_TRAINING_KERNELS_H

#include <stddef.h>

/* What the gradient of a tile needs, per row and per column: e^(scale·(s − reference) − offset). */
typedef struct cgap_softmax_reference {
  const float *reference, *offset;
} cgap_softmax_reference;

/* One AdamW step's numbers (Loshchilov and Hutter 2019). */
typedef struct cgap_adamw_step {
  float rate;         /* the schedule's learning rate */
  float decay;        /* decoupled weight decay; 0 for biases */
  float beta1, beta2; /* decay of the two moments */
  float unbias1;      /* 1/(1 − beta1^step) */
  float unbias2;      /* 1/(1 − beta2^step) */
  float epsilon;
  float gradient_scale; /* of gradient clipping; 1: none */
} cgap_adamw_step;

typedef struct cgap_training_kernels {
  const char *name;

  /* Greatest cosine of every row and column of a (rows, columns) tile with leading dimension ld. */
  void (*tile_greatest)(const float *s, size_t rows, size_t columns, size_t ld, float *row, float *column);

  /* row_sum[i] = Σ_j e^(scale·(s_ij − row[i])), column_sum[j] = Σ_i e^(scale·(s_ij − column[j]));
   * returns Σ e^(4s_ij − 4). */
  double (*tile_sums)(const float *s, size_t rows, size_t columns, size_t ld, float scale, const float *row,
                      const float *column, double *row_sum, double *column_sum);

  /* In place s_ij ← g_ij + cross·e^(4s_ij − 4) with g_ij = e^(…row) + e^(…column) as in cgap_softmax_reference;
   * returns Σ s_ij·g_ij over the cosines as they were. */
  double (*tile_gradient)(float *s, size_t rows, size_t columns, size_t ld, float scale, cgap_softmax_reference row,
                          cgap_softmax_reference column, float cross);

  /* In place s_ij ← e^(4s_ij − 4); returns the sum. */
  double (*tile_kernel)(float *s, size_t rows, size_t columns, size_t ld);

  /* One step over `count` parameters w with gradient g and moments m and v. */
  void (*adamw)(float *w, const float *g, float *m, float *v, size_t count, const cgap_adamw_step *step);

  double (*dot)(const float *a, const float *b, size_t count); /* summed in double */
} cgap_training_kernels;

const cgap_training_kernels *cgap_training_kernels_here(void);

/* All tables that this machine can run, portable first; for tests. Returns how many. */
size_t cgap_training_kernels_list(const cgap_training_kernels *out[3]);

#endif
