/* The sums, counts and ten nearest that a pass collects for a block of rows of one modality: those of every
 * measure that looks at this kind of pairs. All of it merges in any order, so that threads, panels and machines give
 * the same bits. */
#ifndef CGAP_AUDIT_PAIR_SUMS_H
#define CGAP_AUDIT_PAIR_SUMS_H

#include "analysis/measure.h"
#include "base/numbers.h"
#include "rows/embeddings.h"
#include "simd/convert.h"
#include <omp.h>

typedef struct cgap_pair_sums {
  cgap_pair_kind kind;
  size_t first, rows; /* rows [first, first + rows) of the modality */
  size_t bytes;       /* of `memory`, which holds all that follows */
  unsigned char *memory;
  int64_t *sums[CGAP_MEASURES];    /* (need.sums, rows, format.words) */
  uint64_t *counts[CGAP_MEASURES]; /* (need.row_counts, rows) */
  cgap_neighbours lists;
} cgap_pair_sums;

/* A modality as measures see it; a view. */
cgap_modality cgap_modality_of(const cgap_modality_rows *modality);

/* Whether a measure (NULL: none) looks at this kind of pairs. */
bool cgap_measure_uses_kind(const cgap_measure *measure, cgap_pair_kind kind, bool paired);

/* The fixed point of a measure's sums. */
cgap_exact_format cgap_measure_format(const cgap_measure *measure, double temperature);

/* Empty totals. evidence says what is paired and the temperature. Of queries: the sums of measures on queries, without
 * lists. */
CGAP_MUST_CHECK cgap_status cgap_pair_sums_init(cgap_pair_sums *t, const cgap_audit_sums *evidence, cgap_pair_kind kind,
                                                size_t first, size_t rows, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_pair_sums_init_queries(cgap_pair_sums *t, const cgap_audit_sums *evidence, size_t rows,
                                                        cgap_error *error);
void cgap_pair_sums_clear(cgap_pair_sums *t);
size_t cgap_pair_sums_row_bytes(double temperature);

/* Adds what a tile found about `rows` rows from `row` (of the modality) on. */
void cgap_pair_sums_add(cgap_pair_sums *t, int measure, const cgap_exact_format *format, const double *sums,
                        const uint64_t *counts, size_t stride, size_t row, size_t rows);

/* Writes one measure's sums and counts into the arrays of a whole modality, (need, stride). */
void cgap_pair_sums_finish(const cgap_pair_sums *t, const cgap_audit_sums *evidence, int measure, double *sums,
                           uint64_t *counts, size_t stride);

/* t += those of all or some of its rows. */
void cgap_pair_sums_merge(cgap_pair_sums *t, const cgap_audit_sums *evidence, const cgap_pair_sums *added);

/* Allocates the sums of the measures that look at this kind, of whole modalities, in evidence->sums[kind]; whole false:
 * of no rows, the pass's counts alone. Of queries: the sums of measures on queries, of so many images and texts. Sets
 * least and greatest to those of no pair. */
CGAP_MUST_CHECK cgap_status cgap_sums_init(cgap_audit_sums *evidence, cgap_pair_kind kind, bool whole,
                                           cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_sums_init_queries(cgap_audit_sums *evidence, size_t rows, size_t columns,
                                                   cgap_error *error);
void cgap_sums_clear(cgap_audit_sums *evidence);

/* The arrays of one measure; same: rows and columns have the same ones. false: out of memory. Only counts are zero. */
bool cgap_sums_alloc(cgap_sums *s, cgap_need need, size_t rows, size_t columns, bool same);
void cgap_sums_free(cgap_sums *s);

/* ---------------------------------------------------------------- the ten nearest */

/* Collects candidates for the ten nearest of each row while tiles are computed. A tile hands over what it found in
 * batches, each pair for its row and for its column, with cosines that are off by up to a margin. Candidates wait: when
 * CGAP_WAITING_CANDIDATES have come to a row, those that ten others certainly beat are dropped, and what still waits at
 * the end is recomputed in double. The lists hold cosines computed in double alone, whatever the order in which pairs
 * came; but where all candidates of a row have come and no more than ten are left, these are the ten nearest, and their
 * cosines may stay as they are. */

/* A pair of a tile that may be among the ten nearest of its row, or of its column. */
typedef struct cgap_tile_candidate {
  double cosine;
  uint16_t row, column; /* of the tile */
} cgap_tile_candidate;

typedef struct cgap_candidate_batch {
  const cgap_tile_candidate *found;
  size_t count;
  size_t row, column;              /* of the modalities: where the tile begins */
  float margin;                    /* by how much cosines may be off, where they are float products */
  const cgap_bfloat16_rows *a, *b; /* of rows and columns whose products are in bfloat16, else NULL … */
  size_t a_first, b_first;         /* … which begin at these of the modalities */
  const size_t *row_first,
    *column_first; /* first_equal of the modalities: only the first of equal rows is a candidate */
  const cgap_exact_cosines *exact;
} cgap_candidate_batch;

/* A candidate that waits. */
typedef struct cgap_candidate {
  float cosine;
  uint32_t row;
} cgap_candidate;

/* Which candidates come. */
typedef enum cgap_top_k_kind {
  CGAP_TOP_K_PARTIAL,  /* some of the candidates: other lists are merged with these */
  CGAP_TOP_K_COMPLETE, /* all candidates, before any is decided */
  CGAP_TOP_K_PRECISE   /* cosines computed in double, which go straight into the lists */
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

/* Locks the totals of the tile's rows that begin at `row` of the modality. */
void cgap_top_k_lock(cgap_top_k *b, size_t row);
void cgap_top_k_unlock(cgap_top_k *b, size_t row);

/* bound (rows) = what a candidate's cosine must reach, within its margin, to be among the ten nearest of a row. */
void cgap_top_k_bounds(cgap_top_k *b, size_t row, size_t rows, float *bound);

/* Takes what a tile found, for its rows or for its columns. */
void cgap_top_k_offer(cgap_top_k *b, const cgap_candidate_batch *batch, bool columns);

/* Recomputes in double what waits, and puts it into the lists. */
void cgap_top_k_resolve(cgap_top_k *b, const cgap_exact_cosines *exact, int threads);

/* Adds the equals of those that the tiles offered, and recomputes in double what is open between the two lists of a
 * row: which of its neighbours among both modalities are of its own. in_double: all cosines of the lists. */
CGAP_MUST_CHECK cgap_status cgap_top_k_lists_complete(cgap_audit_sums *evidence, const cgap_embeddings *e,
                                                      bool in_double, int threads, cgap_error *error);

#endif
