/* A run of a modality's rows in memory: a view where the rows are held, a copy read from their source where not. And
 * which runs of two modalities meet, in what order: back and forth, so that each step needs one new run at most, and
 * that one is read while the step before is computed. */
#ifndef CGAP_ROWS_ROW_BLOCKS_H
#define CGAP_ROWS_ROW_BLOCKS_H

#include "base/threads.h"
#include "rows/modality.h"
#include "simd/bfloat16_rows.h"

typedef struct cgap_row_block {
  const cgap_modality_rows *modality;
  size_t first, rows;
  const float *unit;        /* (rows, dim) */
  const unsigned char *raw; /* (rows, dim) of the side's type */
  float *own_unit;
  unsigned char *own_raw;
  size_t capacity; /* rows that the own buffers hold … */
  size_t element;  /* … of so many bytes an element as the file has them */
} cgap_row_block;

/* Fills *panel with kept rows [first, first + rows); its buffers are reused from call to call. */
CGAP_MUST_CHECK cgap_status cgap_row_block_load(cgap_row_block *panel, const cgap_modality_rows *modality, size_t first,
                                                size_t rows, cgap_error *error);
void cgap_row_block_clear(cgap_row_block *panel);
cgap_row_block cgap_row_block_view(const cgap_row_block *panel); /* the same rows, owning nothing */

/* The block in bfloat16, as cgap_bfloat16_rows_make does, with the centroids of its modality and of the other. */
CGAP_MUST_CHECK cgap_status cgap_row_block_to_bfloat16(cgap_bfloat16_rows *out, const cgap_row_block *panel,
                                                       const double *mean, const double *other_mean, int threads,
                                                       cgap_error *error);

/* A place in the order; both count rows. */
typedef struct cgap_row_block_step {
  size_t row, column;
  bool back, over;
} cgap_row_block_step;

typedef struct cgap_row_block_pairs {
  const cgap_modality_rows *rows, *columns;
  size_t row_step, column_step; /* rows of a panel; of a triangle the second divides the first */
  bool triangle;                /* one side with itself: only columns from the row's panel on */
  cgap_row_block a, b;          /* the current ones */
  cgap_row_block next;          /* that is being read */
  bool loading, loading_row;    /* whether it is, and for a */
  bool started;
  bool new_a, new_b; /* what the last step brought */
  bool within;       /* whether its b lies in its a */
  cgap_row_block_step at;
  cgap_background_reader ahead;
} cgap_row_block_pairs;

/* rows, columns, their steps and triangle are set, the rest is zeros. Sides in memory are not copied. */
void cgap_row_block_pairs_open(cgap_row_block_pairs *panels, int threads);
void cgap_row_block_pairs_close(cgap_row_block_pairs *panels);

/* The next pair, as views that own nothing; of a triangle's panel with itself *b lies in *a. *more: false after the
 * last. */
CGAP_MUST_CHECK cgap_status cgap_row_block_pairs_next(cgap_row_block_pairs *panels, cgap_row_block *a,
                                                      cgap_row_block *b, bool *more, cgap_error *error);

#endif
