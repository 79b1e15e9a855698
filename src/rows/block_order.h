/* Which panels of two sides meet, and in what order: back and forth, so that each step needs one new panel at most, and
 * that one is read while the step before is computed. */
#ifndef CGAP_ENGINE_PANELS_H
#define CGAP_ENGINE_PANELS_H

#include "base/background_reader.h"
#include "rows/row_block.h"

/* A place in the order; both count rows. */
typedef struct cgap_walk {
  size_t row, column;
  bool back, over;
} cgap_walk;

typedef struct cgap_panels {
  const cgap_side *rows, *columns;
  size_t row_step, column_step; /* rows of a panel; of a triangle the second divides the first */
  bool triangle;                /* one side with itself: only columns from the row's panel on */
  cgap_panel a, b;              /* those at hand */
  cgap_panel next;              /* that is being read */
  bool asked, asked_row;        /* whether it is, and for a */
  bool started;
  bool new_a, new_b; /* what the last step brought */
  bool within;       /* whether its b lies in its a */
  cgap_walk at;
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
