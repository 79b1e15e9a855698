/* Collects candidates for the ten best of each row while tiles are computed. A tile hands over what it found in
 * batches, each pair for its row and for its column, with cosines that are off by up to a margin. Candidates wait: when
 * CGAP_WAITING_CANDIDATES have come to a row, those that ten others surely beat are dropped, and what still waits at
 * the end is computed again in double. The lists hold cosines made in double alone, whatever the order in which pairs
 * came; but where all candidates of a row have come and no more than ten are left, these are the ten best, and their
 * cosines may stay as they are. */
#ifndef CGAP_AUDIT_TOP_K_PASS_H
#define CGAP_AUDIT_TOP_K_PASS_H

#include "audit/pair_sums.h"
#include "simd/bfloat16_rows.h"

#include <omp.h>

/* A pair of a tile that may be among the ten best of its row, or of its column. */
typedef struct cgap_tile_candidate {
  double cosine;
  uint16_t row, column; /* of the tile */
} cgap_tile_candidate;

typedef struct cgap_candidate_batch {
  const cgap_tile_candidate *found;
  size_t count;
  size_t row, column;                     /* of the sides: where the tile begins */
  float margin;                           /* by how much cosines may be off, where they are not rough */
  const cgap_bfloat16_rows *a, *b;        /* of rows and columns where they are (bfloat16), else NULL … */
  size_t a_first, b_first;                /* … which begin at these of the sides */
  const size_t *row_first, *column_first; /* first_equal of the sides: only the first of equal rows is a candidate */
  const cgap_exact_cosines *exact;
} cgap_candidate_batch;

/* A candidate that waits. */
typedef struct cgap_candidate {
  float cosine;
  uint32_t row;
} cgap_candidate;

/* What comes. */
typedef enum cgap_top_k_kind {
  CGAP_TOP_K_PARTIAL,  /* some of the candidates: other lists are merged with these */
  CGAP_TOP_K_COMPLETE, /* all candidates, before they are settled */
  CGAP_TOP_K_PRECISE   /* cosines made in double, which go straight into the lists */
} cgap_top_k_kind;

/* Of the rows of some totals. */
typedef struct cgap_top_k {
  const cgap_audit_kernels *kernels;
  cgap_pair_sums *totals; /* not owned; without lists there are no candidates */
  omp_lock_t *lock;       /* (rows / CGAP_TILE + 1) for CGAP_TILE rows of the totals each: their sums too */
  bool triangle, columns; /* how a row and a candidate make a pair: the lower first, or the candidate is the row */
  cgap_top_k_kind kind;
  /* where there are lists and candidates wait, else NULL */
  cgap_candidate *waiting; /* (rows, CGAP_WAITING_CANDIDATES) */
  uint8_t *count;          /* (rows) of those waiting */
  float *sure;             /* (rows) what ten candidates are sure to reach */
  float *margin;           /* (rows) the greatest of those waiting */
} cgap_top_k;

/* columns: the totals are of a tile's columns; of a triangle either way. false: out of memory. */
bool cgap_top_k_init(cgap_top_k *b, cgap_pair_sums *totals, bool triangle, bool columns, cgap_top_k_kind kind);
void cgap_top_k_clear(cgap_top_k *b);
size_t cgap_top_k_row_bytes(void);

/* Locks the totals of the tile's rows that begin at `row` of the side. */
void cgap_top_k_lock(cgap_top_k *b, size_t row);
void cgap_top_k_unlock(cgap_top_k *b, size_t row);

/* bound (rows) = what a candidate's cosine must reach, within its margin, to be among the ten best of a row. */
void cgap_top_k_bounds(cgap_top_k *b, size_t row, size_t rows, float *bound);

/* Takes what a tile found, for its rows or for its columns. */
void cgap_top_k_offer(cgap_top_k *b, const cgap_candidate_batch *batch, bool columns);

/* Makes what waits again in double and puts it into the lists. */
void cgap_top_k_resolve(cgap_top_k *b, const cgap_exact_cosines *exact, int threads);

#endif
