/* One modality: which rows of its source are kept, their norms and sums, and the rows themselves wherever they are: in
 * memory, or read again from the source. A list of rows is read in the order of the file, neighbours in one call. */
#ifndef CGAP_ROWS_MODALITY_H
#define CGAP_ROWS_MODALITY_H

#include "contragap/contragap.h"

/* What stays in memory of a modality. Unit rows are held where most passes use them all, as that of all pairs does. */
typedef enum cgap_hold { CGAP_HOLD_NONE, CGAP_HOLD_RAW, CGAP_HOLD_UNIT } cgap_hold;

/* Index i counts kept rows, 0 ≤ i < rows; file_row[i] is its row in the file. */
typedef struct cgap_modality_rows {
  const cgap_source *source;
  size_t rows, dim;
  size_t *file_row;           /* (rows) */
  size_t *first_equal;        /* (rows) the first kept row with the same bytes, or itself; NULL where all rows differ */
  double *inverse_norm;       /* (rows), 1/‖row‖ of the file's values, the scale of cgap_to_scaled */
  double *mean;               /* (dim) centroid of the unit rows */
  double *moment;             /* (dim, dim) Σ z zᵀ over unit rows z, in double; upper triangle = lower */
  size_t own_first, own_rows; /* the kept rows that raw and unit hold: all, or those of this rank */
  unsigned char *raw;         /* (own_rows, dim) of source->type, or NULL: not in memory */
  float *unit;                /* (own_rows, dim) float32 unit rows, or NULL: made from raw when they are needed */
  cgap_modality_checks checks;
} cgap_modality_rows;

void cgap_modality_rows_clear(cgap_modality_rows *modality);

/* Whether these kept rows are in memory. */
bool cgap_modality_rows_hold(const cgap_modality_rows *modality, size_t first, size_t rows);

/* The file's values of a kept row; NULL where it is not in memory. */
const unsigned char *cgap_modality_rows_raw(const cgap_modality_rows *modality, size_t row);

/* Unit rows of kept rows [first, first + rows), from the file's values in raw. */
void cgap_modality_rows_normalise(const cgap_modality_rows *modality, size_t first, size_t rows,
                                  const unsigned char *raw, float *unit, int threads);

/* Kept rows as double unit rows, out (count, dim): the listed ones in the order of the list, or, where `rows` is NULL,
 * first, first + 1, … */
CGAP_MUST_CHECK cgap_status cgap_modality_rows_fetch(const cgap_modality_rows *modality, const size_t *rows,
                                                     size_t first, size_t count, int threads, double *out,
                                                     cgap_error *error);

/* The file's values of those of the same rows that are not in memory, each at its place in *buffer (count, dim), which
 * is allocated; NULL where all are in memory. */
CGAP_MUST_CHECK cgap_status cgap_modality_rows_read_missing(const cgap_modality_rows *modality, const size_t *rows,
                                                            size_t first, size_t count, unsigned char **buffer,
                                                            cgap_error *error);

/* The listed kept rows as float unit rows, out (count, dim), in the order of the list: the same bits from memory and
 * from the source. Where they are not in memory, threads is 1 unless the source is thread-safe. */
CGAP_MUST_CHECK cgap_status cgap_gather_rows(const cgap_modality_rows *modality, const size_t *rows, size_t count,
                                             int threads, float *out, cgap_error *error);

/* Whether several threads may read from the modality's source at once, after a first reading by one. */
bool cgap_gather_rows_is_thread_safe(const cgap_modality_rows *modality);

/* Announces that these rows will be read soon, so that the disk can begin. */
void cgap_gather_rows_prefetch(const cgap_modality_rows *modality, const size_t *rows, size_t count);

#endif
