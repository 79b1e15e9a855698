/* Blocks of a modality's kept rows: views where the rows are in memory, else copies read from the source. And pairs of
 * blocks of two modalities, in an order that goes back and forth: each step needs at most one new block, which is read
 * while the step before is computed. */
#ifndef CGAP_ROWS_ROW_BLOCKS_H
#define CGAP_ROWS_ROW_BLOCKS_H

#include "base/threads.h"
#include "rows/modality.h"
#include "simd/convert.h"

typedef struct cgap_row_block {
  const cgap_modality_rows *modality;
  size_t first, rows;
  const float *unit;        /* (rows, dim) */
  const unsigned char *raw; /* (rows, dim) of the source's type */
  float *own_unit;
  unsigned char *own_raw;
  size_t capacity; /* rows that the own buffers can have … */
  size_t element;  /* … with elements of so many bytes in the file */
} cgap_row_block;

/* Loads kept rows [first, first + rows); its buffers are used again from call to call. */
CGAP_MUST_CHECK cgap_status cgap_row_block_load(cgap_row_block *block, const cgap_modality_rows *modality, size_t first,
                                                size_t rows, cgap_error *error);
void cgap_row_block_clear(cgap_row_block *block);
cgap_row_block cgap_row_block_view(const cgap_row_block *block); /* the same rows, owning nothing */

/* The block in bfloat16, as cgap_bfloat16_rows_make does, with the centroids of its modality and of the other. */
CGAP_MUST_CHECK cgap_status cgap_row_block_to_bfloat16(cgap_bfloat16_rows *out, const cgap_row_block *block,
                                                       const double *mean, const double *other_mean, int threads,
                                                       cgap_error *error);

/* A step of the order: the first row of each block. */
typedef struct cgap_row_block_step {
  size_t row, column;
  bool back, over;
} cgap_row_block_step;

typedef struct cgap_row_block_pairs {
  const cgap_modality_rows *rows, *columns;
  size_t row_step, column_step; /* rows of a block; of a triangle the second divides the first */
  bool triangle;                /* a modality with itself: only columns from the row's block on */
  cgap_row_block a, b;          /* of the current step */
  cgap_row_block next;          /* the one that is being read … */
  bool loading, loading_row;    /* … if any is; whether it is for a */
  bool started;
  bool new_a, new_b; /* which of them the last step changed */
  bool within;       /* whether its b is a part of its a */
  cgap_row_block_step at;
  cgap_background_reader ahead;
} cgap_row_block_pairs;

/* rows, columns, their steps and triangle are set, the rest is zeros. Rows in memory are not copied. */
void cgap_row_block_pairs_open(cgap_row_block_pairs *blocks, int threads);
void cgap_row_block_pairs_close(cgap_row_block_pairs *blocks);

/* The next pair, as views that own nothing; of a triangle's block with itself *b is a part of *a. *more: false after
 * the last. */
CGAP_MUST_CHECK cgap_status cgap_row_block_pairs_next(cgap_row_block_pairs *blocks, cgap_row_block *a,
                                                      cgap_row_block *b, bool *more, cgap_error *error);

#endif
