/* By how much cosines that are made in float may be off, and rows in bfloat16.
 *
 * A float sum of n products, in whatever order, is off by γ_n Σ |x_k y_k| at most, γ_n = n u/(1 − n u), u = 2^-24
 * (Higham 2002, 3.1); of unit rows that is γ_n (Cauchy and Schwarz). Rows of one magnitude round in one direction and
 * come near it. Elements that were rounded before, and bounds that are rounded afterwards, count as SPARE further
 * roundings.
 *
 * Rows in bfloat16 are unit rows less their centroid, rounded, with what puts the cosine together again. With x = c + μ
 * and y = d + ν, x·y = c·d + x·ν + y·μ − μ·ν; the first product is made in bfloat16 and summed in float, the rest is
 * made in double and added in float. |c·d − ĉ·d̂| ≤ ‖c − ĉ‖‖d‖ + ‖ĉ‖‖d − d̂‖, the sum is off by γ_n ‖ĉ‖‖d̂‖, and what is
 * added by a few roundings of numbers about 1. */
#ifndef CGAP_SIMD_BFLOAT16_ROWS_H
#define CGAP_SIMD_BFLOAT16_ROWS_H

#include "contragap/contragap.h"

/* By how much a float product of unit rows of so many elements may be off. */
static inline float cgap_product_margin(size_t dim)
{
  enum { EXTRA_ROUNDINGS = 8 };
  const double n_u = (double)(dim + EXTRA_ROUNDINGS) * 0x1p-24;
  return (float)(n_u / (1 - n_u));
}

typedef struct cgap_bfloat16_rows {
  size_t rows;
  float product;   /* cgap_product_margin of the rows */
  uint16_t *row;   /* (rows, dim) ĉ */
  float *offset;   /* (rows) x·ν − μ·ν/2 */
  float *norm;     /* (rows) the greater of ‖c‖ and ‖ĉ‖, rounded up */
  float *residual; /* (rows) ‖c − ĉ‖, rounded up */
} cgap_bfloat16_rows;

/* From unit rows (rows, dim), the centroid of their modality and that of the other. Reuses the buffers of *out. name:
 * of the source, for messages. */
CGAP_MUST_CHECK cgap_status cgap_bfloat16_rows_make(cgap_bfloat16_rows *out, const float *unit, size_t rows, size_t dim,
                                                    const char *name, const double *mean, const double *other_mean,
                                                    int threads, cgap_error *error);
void cgap_bfloat16_rows_clear(cgap_bfloat16_rows *r);

/* By how much a cosine may be off, of rows with these residuals and norms. */
static inline float cgap_bfloat16_margin_of(float residual, float norm, float other_residual, float other_norm,
                                            float product)
{
  const float added = 0x1p-20f; /* 16 roundings, of numbers up to 1: unit rows, parts, and bounds */
  return residual * other_norm + norm * other_residual + product * norm * other_norm + added;
}

/* By how much the cosine of row i of a and row j of b may be off. */
static inline float cgap_bfloat16_margin(const cgap_bfloat16_rows *a, size_t i, const cgap_bfloat16_rows *b, size_t j)
{
  return cgap_bfloat16_margin_of(a->residual[i], a->norm[i], b->residual[j], b->norm[j], a->product);
}

/* Bytes of a row. */
size_t cgap_bfloat16_row_bytes(size_t dim);

#endif
