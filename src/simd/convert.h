/* Values as a file has them, in float or double, scaled; and inner products of such rows. */
#ifndef CGAP_SIMD_CONVERT_H
#define CGAP_SIMD_CONVERT_H

#include "contragap/contragap.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* n elements of `type` as double, as float, each as double times scale, and that rounded to float. A scale is a row's
 * 1/‖row‖; where that is no normal double, and n a whole row of doubles, the row is normalised by way of its largest
 * element. */
void cgap_to_double(cgap_type type, const void *raw, size_t n, double *out);
void cgap_to_float(cgap_type type, const void *raw, size_t n, float *out);
void cgap_to_scaled(cgap_type type, const void *raw, size_t n, double scale, double *out);
void cgap_to_unit(cgap_type type, const void *raw, size_t n, double scale, float *out);

/* The inner product of two rows of file values, each times its scale, in double. */
double cgap_raw_dot(cgap_type a_type, const void *a, double a_scale, cgap_type b_type, const void *b, double b_scale,
                    size_t dim);

/* a·b of (n) doubles. */
double cgap_dot(const double *a, const double *b, size_t n);

/* ---------------------------------------------------------------- norms */

/* Norms of rows in double, at any scale: where the sum of squares would overflow or vanish, the row is first multiplied
 * by an exact power of two. Every command takes norms from here, so that all agree on which rows are bad. */

/* NaN where an element is not finite, 0 where all are zero, infinity where every element is finite and the norm is
 * beyond a double. */
double cgap_norm(const double *row, size_t dim);

/* Element x of a row becomes x·2^power·factor in its unit row. */
typedef struct cgap_scale {
  int power;
  double factor;
} cgap_scale;

cgap_scale cgap_scale_of(const double *row, size_t dim); /* factor not finite: the row has no direction */

double cgap_scaled(double x, cgap_scale scale);

/* out = row/‖row‖; out may be row. false: an element is not finite, or all are zero, and so is out. */
bool cgap_normalise(double *out, const double *row, size_t dim);

/* ---------------------------------------------------------------- half */

/* Rounding to the two 16-bit floats, to nearest, ties to even; beyond the range to infinity, NaN stays NaN. From
 * double in one step, since rounding by way of float would round twice.  */

uint16_t cgap_half_from_double(double value);
uint16_t cgap_bfloat16_from_double(double value);

/* ---------------------------------------------------------------- bfloat16 rows */

/* By how much cosines that are made in float may be off, and rows in bfloat16.
 *
 * A float sum of n products, in whatever order, is off by γ_n Σ |x_k y_k| at most, γ_n = n u/(1 − n u), u = 2^-24
 * (Higham 2002, 3.1); of unit rows that is γ_n (Cauchy and Schwarz). Rows of one magnitude round in one direction and
 * come near it. Elements that were rounded before, and bounds that are rounded afterwards, count as SPARE further
 * roundings.
 *
 * Rows in bfloat16 are unit rows less their centroid, rounded, with what puts the cosine together again. With x = c + μ
 * and y = d + ν, x·y = c·d + x·ν + y·μ − μ·ν; the first product is made in bfloat16 and summed in float, the rest is
 * computed in double and added in float. |c·d − ĉ·d̂| ≤ ‖c − ĉ‖‖d‖ + ‖ĉ‖‖d − d̂‖, the sum is off by γ_n ‖ĉ‖‖d̂‖, and what
 * is added by a few roundings of numbers about 1. */

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
