/* Rows in bfloat16: unit rows less their centroid, rounded, with what puts the cosine together again and bounds its
 * error. With x = c + μ and y = d + ν, x·y = c·d + x·ν + y·μ − μ·ν; the first product is made in bfloat16, the rest is
 * added in float. |c·d − ĉ·d̂| ≤ ‖c − ĉ‖‖d‖ + ‖ĉ‖‖d − d̂‖ (Cauchy and Schwarz). */
#ifndef CGAP_ENGINE_ROUGH_H
#define CGAP_ENGINE_ROUGH_H

#include "engine/panel.h"

typedef struct cgap_rough {
  size_t rows;
  uint16_t *row;   /* (rows, dim) ĉ */
  float *part;     /* (rows) x·ν − μ·ν/2 */
  float *norm;     /* (rows) the greater of ‖c‖ and ‖ĉ‖, rounded up */
  float *residual; /* (rows) ‖c − ĉ‖, rounded up */
} cgap_rough;

/* From the rows of a panel, the centroid of its side and that of the other. Reuses the buffers of *out. */
CGAP_MUST_CHECK cgap_status cgap_rough_make(cgap_rough *out, const cgap_panel *panel, const double *mean,
                                            const double *other_mean, int threads, cgap_error *error);
void cgap_rough_clear(cgap_rough *r);

#define CGAP_FLOAT_MARGIN 1e-6f /* by how much a float product of unit rows may be off (5e-7 seen, d up to 4096) */

/* By how much the cosine of row i of a and row j of b may be off. */
static inline float cgap_rough_margin(const cgap_rough *a, size_t i, const cgap_rough *b, size_t j)
{
  return a->residual[i] * b->norm[j] + a->norm[i] * b->residual[j] + CGAP_FLOAT_MARGIN;
}

/* Bytes of a row. */
size_t cgap_rough_row_bytes(size_t dim);

#endif
