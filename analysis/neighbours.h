/* The ten nearest of each row: lists kept in the order (greater cosine, then lower row). Cosines are computed in double
 * and rounded to whole multiples of 1e-12, so that pairs whose cosines are equal tie, whatever order their products
 * were summed in, and also across two lists. The set of the best does not depend on the order in which pairs come, so
 * lists may be merged in any. Equal rows would make long work of ties: only the first of them is a candidate in the
 * tile pass, and the lists are expanded afterwards. */
#ifndef CGAP_ANALYSIS_NEIGHBOURS_H
#define CGAP_ANALYSIS_NEIGHBOURS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CGAP_NEIGHBOURS = 10 };
#define CGAP_NO_BOUND (-2.0f) /* the cosine of an unused place */

typedef struct cgap_neighbour {
  double cosine; /* as of cgap_neighbours_rounded */
  uint32_t row;
} cgap_neighbour;

typedef struct cgap_neighbours {
  size_t rows;
  cgap_neighbour *list; /* (rows, CGAP_NEIGHBOURS), best first; unused places have cosine CGAP_NO_BOUND */
} cgap_neighbours;

/* Of both modalities of an audit, within and across. */
typedef struct cgap_neighbour_lists {
  cgap_neighbours image_image, image_text, text_image, text_text;
} cgap_neighbour_lists;

void cgap_neighbour_lists_free(cgap_neighbour_lists *lists); /* NULL is fine */

bool cgap_neighbours_init(cgap_neighbours *n, size_t rows); /* false: out of memory */
void cgap_neighbours_clear(cgap_neighbours *n);
void cgap_neighbours_reset(cgap_neighbours *n, size_t rows); /* empties the first `rows` lists */

/* A cosine as lists have it: no greater than 1, whatever rounding made of it. */
double cgap_neighbours_rounded(double cosine);

/* Offers row `candidate` at `cosine`, computed in double, to the list of `row`. */
void cgap_neighbours_offer(cgap_neighbours *n, size_t row, double cosine, uint32_t candidate);

/* Copies lists into those of the rows from `first` on. */
void cgap_neighbours_copy(cgap_neighbours *to, size_t first, const cgap_neighbours *from);

/* Lists made of the first of equal rows alone become lists of all: each candidate brings its equals, at its own
 * cosine. first_equal: of the candidates. same_modality: rows and candidates are the same, a row is no neighbour of
 * itself and its equals are at cosine 1. false: out of memory. */
bool cgap_neighbours_expand(cgap_neighbours *n, const size_t *first_equal, size_t candidates, bool same_modality);

static inline cgap_neighbour cgap_neighbour_none(void)
{
  return (cgap_neighbour){.cosine = (double)CGAP_NO_BOUND, .row = UINT32_MAX};
}

/* What a candidate of this row must reach to get into its list. */
static inline double cgap_neighbours_bound(const cgap_neighbours *n, size_t row)
{
  return n->list[row * CGAP_NEIGHBOURS + CGAP_NEIGHBOURS - 1].cosine;
}

#endif
