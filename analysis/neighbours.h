/* The ten best of each row: lists kept in the order (greater cosine, then lower row). The set of the best
 * does not depend on the order in which couples come, so lists may be merged in any. Equal rows must tie, but a float
 * product gives them cosines that differ by a rounding here and there: only the first of equal rows is a candidate in
 * the tile pass, and the lists are expanded afterwards. */
#ifndef CGAP_ANALYSIS_NEIGHBOURS_H
#define CGAP_ANALYSIS_NEIGHBOURS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CGAP_NEIGHBOURS = 10 };
#define CGAP_NO_BOUND -2.0f /* the cosine of an unused place */

typedef struct cgap_neighbour {
  float cosine;
  uint32_t row;
} cgap_neighbour;

typedef struct cgap_neighbours {
  size_t rows;
  cgap_neighbour *list; /* (rows, CGAP_NEIGHBOURS), best first; unused places have cosine CGAP_NO_BOUND */
} cgap_neighbours;

bool cgap_neighbours_init(cgap_neighbours *n, size_t rows); /* false: out of memory */
void cgap_neighbours_clear(cgap_neighbours *n);
void cgap_neighbours_reset(cgap_neighbours *n, size_t rows); /* empties the first `rows` lists */

/* Offers row `candidate` at `cosine` to the list of `row`. */
void cgap_neighbours_offer(cgap_neighbours *n, size_t row, float cosine, uint32_t candidate);

/* Copies lists into those of the rows from `first` on. */
void cgap_neighbours_copy(cgap_neighbours *to, size_t first, const cgap_neighbours *from);

/* Lists made of the first of equal rows alone become lists of all: each candidate brings its equals, at its own
 * cosine. first_equal: of the candidates. own_side: rows and candidates are the same, a row is no neighbour of itself
 * and its equals are at cosine 1. false: out of memory. */
bool cgap_neighbours_expand(cgap_neighbours *n, const size_t *first_equal, size_t candidates, bool own_side);

/* What a candidate of this row must reach to get into its list. */
static inline float cgap_neighbours_bound(const cgap_neighbours *n, size_t row)
{
  return n->list[row * CGAP_NEIGHBOURS + CGAP_NEIGHBOURS - 1].cosine;
}

#endif
