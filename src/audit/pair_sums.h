/* The sums, counts and ten best matches that a pass collects for a block of rows of one modality: those of every
 * measure that looks at this kind of pairs. All of it merges in any order, so that threads, panels and machines give
 * the same bits. */
#ifndef CGAP_AUDIT_PAIR_SUMS_H
#define CGAP_AUDIT_PAIR_SUMS_H

#include "analysis/measure.h"
#include "base/numbers.h"
#include "rows/modality.h"

typedef struct cgap_pair_sums {
  cgap_pair_kind kind;
  size_t first, rows; /* rows [first, first + rows) of the side */
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

/* Empty totals; false: out of memory. evidence says what is paired and the temperature. */
bool cgap_pair_sums_init(cgap_pair_sums *t, const cgap_audit_sums *evidence, cgap_pair_kind kind, size_t first,
                         size_t rows);
void cgap_pair_sums_clear(cgap_pair_sums *t);
size_t cgap_pair_sums_row_bytes(double temperature);

/* Adds what a tile found about `rows` rows from `row` (of the side) on. */
void cgap_pair_sums_add(cgap_pair_sums *t, int measure, const cgap_exact_format *format, const double *sums,
                        const uint64_t *counts, size_t stride, size_t row, size_t rows);

/* Writes one measure's sums and counts into the arrays of a whole side, (need, stride). */
void cgap_pair_sums_finish(const cgap_pair_sums *t, const cgap_audit_sums *evidence, int measure, double *sums,
                           uint64_t *counts, size_t stride);

/* t += those of all or some of its rows. */
void cgap_pair_sums_merge(cgap_pair_sums *t, const cgap_audit_sums *evidence, const cgap_pair_sums *added);

/* Allocates the sums of the measures that look at this kind, of whole sides; evidence->sums[kind] then holds them.
 * whole false: of no rows, the pass's counts alone. Sets least and greatest to those of no pair. */
CGAP_MUST_CHECK cgap_status cgap_sums_init(cgap_audit_sums *evidence, cgap_pair_kind kind, bool whole,
                                           cgap_error *error);
/* The same of images and texts where only queries are asked about: the sums of the measures on
 * queries, of so many rows and columns; and totals of them, without lists. */
CGAP_MUST_CHECK cgap_status cgap_sums_init_queries(cgap_audit_sums *evidence, size_t rows, size_t columns,
                                                   cgap_error *error);
bool cgap_pair_sums_init_queries(cgap_pair_sums *t, const cgap_audit_sums *evidence, size_t rows);
void cgap_sums_clear(cgap_audit_sums *evidence);

#endif
