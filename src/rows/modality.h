/* One modality: which rows of its source are kept, their norms and sums, and the rows themselves wherever they are: in
 * memory, or read again from the source. A list of rows is read in the order of the file, neighbours in one call. */
#ifndef CGAP_ROWS_MODALITY_H
#define CGAP_ROWS_MODALITY_H

#include "contragap/contragap.h"

/* What stays in memory of a modality. Unit rows are held where most passes use them all, as that of all pairs does. */
typedef enum cgap_hold { CGAP_HOLD_NONE, CGAP_HOLD_RAW, CGAP_HOLD_UNIT } cgap_hold;

/* A row of the file that is not a kept row of its own. */
typedef struct cgap_left_out_row {
  size_t row, as; /* as: the kept row that it was merged into; SIZE_MAX: none */
} cgap_left_out_row;

/* A kept row and the first one with the same bytes, which is another. */
typedef struct cgap_equal_row {
  size_t row, first;
} cgap_equal_row;

/* Index i counts kept rows, 0 ≤ i < rows; file_row[i] is its row in the file. Where rows are spread over ranks, each
 * has the scales of those that it has read, and in place of file_row and first_equal what is out of the ordinary. */
typedef struct cgap_modality_rows {
  const cgap_source *source;
  size_t rows, dim;
  size_t *file_row;     /* (rows); NULL where rows are spread */
  size_t *first_equal;  /* (rows) the first kept row with the same bytes, or itself; NULL where all rows differ, or
                         * where rows are spread */
  double *inverse_norm; /* (rows), 1/‖row‖ of the file's values, the scale of cgap_to_scaled; where rows are
                         * spread, (known_rows) of those from known_first on: of others it is computed again */
  bool spread;
  size_t known_first, known_rows;
  cgap_left_out_row *left_out; /* (left_out_count) in the order of the file */
  cgap_equal_row *equal;       /* (equal_count) in the order of the rows */
  size_t left_out_count, equal_count;
  double *mean;               /* (dim) centroid of the unit rows */
  double *moment;             /* (dim, dim) Σ z zᵀ over unit rows z, in double; upper triangle = lower */
  size_t own_first, own_rows; /* the kept rows that raw and unit hold: all, or those of this rank */
  unsigned char *raw;         /* (own_rows, dim) of source->type, or NULL: not in memory */
  float *unit;                /* (own_rows, dim) float32 unit rows, or NULL: made from raw when they are needed */
  cgap_modality_checks checks;
} cgap_modality_rows;

void cgap_modality_rows_clear(cgap_modality_rows *modality);

/* The row of the file that became kept row i, of which `left_out` (count) says which are not there. */
size_t cgap_file_row_between(const cgap_left_out_row *left_out, size_t count, size_t i);

static inline size_t cgap_file_row_of(const cgap_modality_rows *modality, size_t i)
{
  return modality->file_row ? modality->file_row[i]
                            : cgap_file_row_between(modality->left_out, modality->left_out_count, i);
}

/* What a row of the file was kept as, SIZE_MAX: it was left out. Of a modality whose rows are spread. */
size_t cgap_kept_row_of(const cgap_modality_rows *modality, size_t file_row);

/* The first kept row with the same bytes as kept row i. */
size_t cgap_first_equal_of(const cgap_modality_rows *modality, size_t i);

/* The scale of kept row i, whose values in the file are raw (dim). */
double cgap_spread_row_scale(const cgap_modality_rows *modality, size_t i, const unsigned char *raw);

static inline double cgap_row_scale(const cgap_modality_rows *modality, size_t i, const unsigned char *raw)
{
  return modality->spread ? cgap_spread_row_scale(modality, i, raw) : modality->inverse_norm[i];
}

/* The norm of a row as the file has it; NaN where that is not finite. scratch (dim) */
double cgap_file_norm(cgap_type type, const unsigned char *raw, size_t dim, float *scratch);

/* Every rank gets file_row, first_equal and inverse_norm of all kept rows, which are no longer spread. */
CGAP_MUST_CHECK cgap_status cgap_modality_rows_unspread(cgap_modality_rows *modality, cgap_comm *comm,
                                                        cgap_error *error);

/* The file's values of kept rows [first, first + rows), out (rows, dim). */
CGAP_MUST_CHECK cgap_status cgap_modality_rows_read(const cgap_modality_rows *modality, size_t first, size_t rows,
                                                    unsigned char *out, cgap_error *error);

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
