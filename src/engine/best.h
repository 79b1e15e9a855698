/* The ten best of each row while tiles run. A tile hands over what it found in batches, each couple for its row and for
 * its column. Float cosines go straight into the lists. Rough ones (bfloat16) wait: when CGAP_WAITING have come to a
 * row, those that ten others surely beat are let go, and what still waits at the end is made again in float. Either way
 * the lists hold float cosines alone, whatever the order in which couples came. */
#ifndef CGAP_ENGINE_BEST_H
#define CGAP_ENGINE_BEST_H

#include "engine/rough.h"
#include "engine/totals.h"

#include <omp.h>

/* A couple of a tile that may be among the ten best of its row, or of its column. */
typedef struct cgap_found {
  uint16_t row, column; /* of the tile */
  float cosine;
} cgap_found;

typedef struct cgap_batch {
  const cgap_found *found;
  size_t count;
  size_t row, column;                     /* of the sides: where the tile begins */
  const cgap_rough *a, *b;                /* of rows and columns where cosines are rough … */
  size_t a_first, b_first;                /* … which begin at these of the sides */
  const size_t *row_first, *column_first; /* first_equal of the sides: only the first of equal rows is a candidate */
  const cgap_evidence *evidence;          /* for `closer` */
} cgap_batch;

/* Of the rows of some totals. */
typedef struct cgap_best {
  const cgap_kernels *kernels;
  cgap_totals *totals;    /* not owned; without lists nobody wants any */
  omp_lock_t *lock;       /* (rows / CGAP_TILE + 1) for CGAP_TILE rows of the totals each: their sums too */
  bool triangle, columns; /* how a row and a candidate make a couple: the lower first, or the candidate is the row */
  /* where cosines are rough, else NULL */
  cgap_neighbour *waiting; /* (rows, CGAP_WAITING) */
  uint8_t *count;          /* (rows) of those waiting */
  float *sure;             /* (rows) what ten candidates are sure to reach */
  float *margin;           /* (rows) the greatest of those waiting */
} cgap_best;

/* columns: the totals are of a tile's columns; of a triangle either way. false: out of memory. */
bool cgap_best_init(cgap_best *b, cgap_totals *totals, bool triangle, bool columns, bool rough);
void cgap_best_clear(cgap_best *b);
size_t cgap_best_row_bytes(bool rough);

/* Locks the totals of the tile's rows that begin at `row` of the side. */
void cgap_best_lock(cgap_best *b, size_t row);
void cgap_best_unlock(cgap_best *b, size_t row);

/* bound (rows) = what a candidate's float cosine must reach to be among the ten best of a row. */
void cgap_best_bounds(cgap_best *b, size_t row, size_t rows, float *bound);

/* Takes what a tile found, for its rows or for its columns. */
void cgap_best_take(cgap_best *b, const cgap_batch *batch, bool columns);

/* Makes what waits again in float and puts it into the lists. */
void cgap_best_settle(cgap_best *b, const cgap_evidence *evidence, int threads);

#endif
