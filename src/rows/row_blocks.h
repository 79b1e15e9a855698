/* A run of a modality's rows in memory: a view where the rows are held, a copy read from their source where not. And
 * which runs of two modalities meet, in what order: back and forth, so that each step needs one new run at most, and
 * that one is read while the step before is computed. */
#ifndef CGAP_ROWS_ROW_BLOCKS_H
#define CGAP_ROWS_ROW_BLOCKS_H

#include "base/background_reader.h"
#include "rows/modality.h"
#include "simd/bfloat16_rows.h"

typedef struct cgap_panel {
  const cgap_modality_rows *modality;
  size_t first, rows;
  const float *unit;        /* (rows, dim) */
  const unsigned char *raw; /* (rows, dim) of the side's type */
  float *own_unit;
  unsigned char *own_raw;
  size_t capacity; /* rows that the own buffers hold … */
  size_t element;  /* … of so many bytes an element as the file has them */
} cgap_panel;

/* Fills *panel with kept rows [first, first + rows); its buffers are reused from call to call. */
CGAP_MUST_CHECK cgap_status cgap_panel_load(cgap_panel *panel, const cgap_modality_rows *modality, size_t first, size_t rows,
                                            cgap_error *error);
void cgap_panel_clear(cgap_panel *panel);
cgap_panel cgap_panel_view(const cgap_panel *panel); /* the same rows, owning nothing */

/* The block in bfloat16, as cgap_rough_make does, with the centroids of its modality and of the other. */
CGAP_MUST_CHECK cgap_status cgap_panel_to_rough(cgap_rough *out, const cgap_panel *panel, const double *mean,
                                                const double *other_mean, int threads, cgap_error *error);

/* A place in the order; both count rows. */
typedef struct cgap_row_block_step {
  size_t row, column;
  bool back, over;
} cgap_row_block_step;

typedef struct cgap_panels {
  const cgap_modality_rows *rows, *columns;
  size_t row_step, column_step; /* rows of a panel; of a triangle the second divides the first */
  bool triangle;                /* one side with itself: only columns from the row's panel on */
  cgap_panel a, b;              /* those at hand */
  cgap_panel next;              /* that is being read */
  bool loading, loading_row;        /* whether it is, and for a */
  bool started;
  bool new_a, new_b; /* what the last step brought */
  bool within;       /* whether its b lies in its a */
  cgap_row_block_step at;
  cgap_ahead ahead;
} cgap_panels;

/* rows, columns, their steps and triangle are set, the rest is zeros. Sides in memory are not copied. */
void cgap_panels_open(cgap_panels *panels, int threads);
void cgap_panels_close(cgap_panels *panels);

/* The next pair, as views that own nothing; of a triangle's panel with itself *b lies in *a. *more: false after the
 * last. */
CGAP_MUST_CHECK cgap_status cgap_panels_next(cgap_panels *panels, cgap_panel *a, cgap_panel *b, bool *more,
                                             cgap_error *error);

#endif
