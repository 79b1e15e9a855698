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

#endif
