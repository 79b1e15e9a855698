/* One modality in memory: which rows of its source are kept, their norms, their sums, and the rows themselves where
 * they are held; and those rows wherever they are: in memory, or read again from the source. */
#ifndef CGAP_ROWS_MODALITY_H
#define CGAP_ROWS_MODALITY_H

#include "contragap/contragap.h"

/* Index i counts kept rows, 0 ≤ i < rows; file_row[i] is its row in the file. */
typedef struct cgap_modality_rows {
  const cgap_source *source;
  size_t rows, dim;
  size_t *file_row;           /* (rows) */
  size_t *first_equal;        /* (rows) the first kept row with the same bytes, or itself; NULL where all rows differ */
  double *inverse_norm;       /* (rows), 1/‖row‖ of the file's values, as cgap_to_scaled takes it */
  double *mean;               /* (dim) centroid of the unit rows */
  double *moment;             /* (dim, dim) Σ z zᵀ over unit rows z, in double; upper triangle = lower */
  size_t own_first, own_rows; /* what raw and unit hold of them: all, or what this rank has */
  unsigned char *raw;         /* (own_rows, dim) of source->type, or NULL when not resident */
  float *unit;                /* (own_rows, dim) float32 unit rows, or NULL when not resident */
  cgap_modality_checks checks;
} cgap_modality_rows;

void cgap_modality_rows_clear(cgap_modality_rows *modality);

/* Unit rows of such values. */
void cgap_modality_rows_normalise(const cgap_modality_rows *modality, size_t first, size_t rows,
                                  const unsigned char *raw, float *unit, int threads);

/* Unit rows in double of `count` kept rows, in the order of `rows` (NULL: first, first + 1, …); out is (count, dim). */
CGAP_MUST_CHECK cgap_status cgap_modality_rows_fetch(const cgap_modality_rows *modality, const size_t *rows,
                                                     size_t first, size_t count, int threads, double *out,
                                                     cgap_error *error);

/* Whether these kept rows are in memory. */
bool cgap_modality_rows_hold(const cgap_modality_rows *modality, size_t first, size_t rows);

/* The file's values of a kept row, where they are in memory, else NULL. */
const unsigned char *cgap_modality_rows_raw(const cgap_modality_rows *modality, size_t row);

/* The file's values of those of these rows that are not in memory, each into its place of *buffer (count, dim), which
 * is allocated where there are any, else left NULL. */
CGAP_MUST_CHECK cgap_status cgap_modality_rows_read_missing(const cgap_modality_rows *modality, const size_t *rows,
                                                            size_t first, size_t count, unsigned char **buffer,
                                                            cgap_error *error);

/* ---------------------------------------------------------------- gather */

/* Unit rows from anywhere in a side: out of the memory where it is resident, out of its source where it is not. */

/* Whether several threads may read from a side at once, which it has been read from before. */
bool cgap_gather_rows_is_thread_safe(const cgap_modality_rows *modality);

/* out (count, dim): unit rows of the kept rows that are listed, in that order, the same bits from either place. Rows
 * that follow each other are read at once. Where the side is not resident, threads above 1 only where it shares. */
CGAP_MUST_CHECK cgap_status cgap_gather_rows(const cgap_modality_rows *modality, const size_t *rows, size_t count,
                                             int threads, float *out, cgap_error *error);

/* The same rows will be wanted soon. */
void cgap_gather_rows_prefetch(const cgap_modality_rows *modality, const size_t *rows, size_t count);

#endif
