/* The ten best of each row: lists kept in the order (greater cosine, then lower row). The set of the best
 * does not depend on the order in which couples come, so lists may be merged in any. */
#ifndef CGAP_ANALYSIS_NEIGHBOURS_H
#define CGAP_ANALYSIS_NEIGHBOURS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CGAP_NEIGHBOURS = 10 };

typedef struct cgap_neighbour {
  float cosine;
  uint32_t row;
} cgap_neighbour;

typedef struct cgap_neighbours {
  size_t rows;
  cgap_neighbour *list; /* (rows, CGAP_NEIGHBOURS), best first; unused places have cosine -2 */
} cgap_neighbours;

bool cgap_neighbours_init(cgap_neighbours *n, size_t rows); /* false: out of memory */
void cgap_neighbours_clear(cgap_neighbours *n);
void cgap_neighbours_reset(cgap_neighbours *n, size_t rows); /* empties the first `rows` lists */

/* Offers row `candidate` at `cosine` to the list of `row`. */
void cgap_neighbours_offer(cgap_neighbours *n, size_t row, float cosine, uint32_t candidate);

/* What a candidate of this row must reach to get into its list. */
static inline float cgap_neighbours_bound(const cgap_neighbours *n, size_t row)
{
  return n->list[row * CGAP_NEIGHBOURS + CGAP_NEIGHBOURS - 1].cosine;
}

#endif
