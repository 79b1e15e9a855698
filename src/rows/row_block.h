/* A run of a side's rows in memory: a view where the side is resident, a copy read from its source where not. */
#ifndef CGAP_ENGINE_PANEL_H
#define CGAP_ENGINE_PANEL_H

#include "rows/embeddings.h"

typedef struct cgap_panel {
  const cgap_side *side;
  size_t first, rows;
  const float *unit;        /* (rows, dim) */
  const unsigned char *raw; /* (rows, dim) of the side's type */
  float *own_unit;
  unsigned char *own_raw;
  size_t capacity; /* rows that the own buffers hold … */
  size_t element;  /* … of so many bytes an element as the file has them */
} cgap_panel;

/* Fills *panel with kept rows [first, first + rows); its buffers are reused from call to call. */
CGAP_MUST_CHECK cgap_status cgap_panel_load(cgap_panel *panel, const cgap_side *side, size_t first, size_t rows,
                                            cgap_error *error);
void cgap_panel_clear(cgap_panel *panel);
cgap_panel cgap_panel_view(const cgap_panel *panel); /* the same rows, owning nothing */

/* The file's values of kept rows [first, first + rows), without the rows between that were dropped, into out. */
CGAP_MUST_CHECK cgap_status cgap_side_read(const cgap_side *side, size_t first, size_t rows, unsigned char *out,
                                           cgap_error *error);

/* Unit rows of such values. */
void cgap_side_normalise(const cgap_side *side, size_t first, size_t rows, const unsigned char *raw, float *unit,
                         int threads);

/* A row of a list and where it goes; for qsort, in the order of the rows. */
typedef struct cgap_wanted {
  size_t row, place;
} cgap_wanted;
int cgap_wanted_by_row(const void *a, const void *b);

/* Unit rows in double of `count` kept rows, in the order of `rows` (NULL: first, first + 1, …); out is (count, dim). */
CGAP_MUST_CHECK cgap_status cgap_side_fetch(const cgap_side *side, const size_t *rows, size_t first, size_t count,
                                            int threads, double *out, cgap_error *error);

/* The file's values of a kept row, where they are in memory, else NULL. */
const unsigned char *cgap_side_row(const cgap_side *side, size_t row);

/* The file's values of those of these rows that are not in memory, each into its place of *buffer (count, dim), which
 * is allocated where there are any, else left NULL. */
CGAP_MUST_CHECK cgap_status cgap_side_bring(const cgap_side *side, const size_t *rows, size_t first, size_t count,
                                            unsigned char **buffer, cgap_error *error);

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

#endif
