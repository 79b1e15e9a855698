#include "analysis/neighbours.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

bool cgap_neighbours_init(cgap_neighbours *n, size_t rows)
{
  *n = (cgap_neighbours){.rows = rows, .list = cgap_alloc(rows, CGAP_NEIGHBOURS * sizeof *n->list)};
  if (n->list)
    cgap_neighbours_reset(n, rows);
  return n->list != NULL;
}

void cgap_neighbours_clear(cgap_neighbours *n)
{
  cgap_free(n->list);
  *n = (cgap_neighbours){0};
}

void cgap_neighbour_lists_free(cgap_neighbour_lists *lists)
{
  if (!lists)
    return;
  cgap_neighbours_clear(&lists->image_image);
  cgap_neighbours_clear(&lists->image_text);
  cgap_neighbours_clear(&lists->text_image);
  cgap_neighbours_clear(&lists->text_text);
  cgap_free(lists);
}

void cgap_neighbours_reset(cgap_neighbours *n, size_t rows)
{
  for (size_t i = 0; i < rows * CGAP_NEIGHBOURS; i++)
    n->list[i] = cgap_neighbour_none();
}

static bool is_better(cgap_neighbour a, cgap_neighbour b)
{
  return a.cosine > b.cosine || (a.cosine == b.cosine && a.row < b.row);
}

double cgap_neighbours_rounded(double cosine)
{
  return fmin(1, rint(cosine * 1e12) / 1e12);
}

void cgap_neighbours_offer(cgap_neighbours *n, size_t row, double cosine, uint32_t candidate)
{
  cgap_neighbour *list = n->list + row * CGAP_NEIGHBOURS;
  const cgap_neighbour new = {.cosine = cgap_neighbours_rounded(cosine), .row = candidate};
  if (!is_better(new, list[CGAP_NEIGHBOURS - 1]))
    return;
  int place = CGAP_NEIGHBOURS - 1;
  for (; place > 0 && is_better(new, list[place - 1]); place--)
    list[place] = list[place - 1];
  list[place] = new;
}

void cgap_neighbours_copy(cgap_neighbours *to, size_t first, const cgap_neighbours *from)
{
  memcpy(to->list + first * CGAP_NEIGHBOURS, from->list, from->rows * CGAP_NEIGHBOURS * sizeof *from->list);
}

enum { EQUAL_ROWS_MAX = CGAP_NEIGHBOURS + 1 }; /* of equal rows, the row itself among them */

static void expand_row(cgap_neighbours *n, size_t row, const uint32_t *next, bool same_modality, bool is_first)
{
  cgap_neighbour firsts[CGAP_NEIGHBOURS], *list = n->list + row * CGAP_NEIGHBOURS;
  memcpy(firsts, list, sizeof firsts);
  for (int k = 0; k < CGAP_NEIGHBOURS && firsts[k].row != UINT32_MAX; k++) {
    uint32_t equal = next[firsts[k].row];
    for (int taken = 1; equal != UINT32_MAX && taken <= EQUAL_ROWS_MAX; equal = next[equal], taken++)
      if (!same_modality || equal != row)
        cgap_neighbours_offer(n, row, firsts[k].cosine, equal);
  }
  uint32_t equal = same_modality && is_first ? next[row] : UINT32_MAX;
  for (int taken = 1; equal != UINT32_MAX && taken <= EQUAL_ROWS_MAX; equal = next[equal], taken++)
    cgap_neighbours_offer(n, row, 1, equal);
}

bool cgap_neighbours_expand(cgap_neighbours *n, const size_t *first_equal, size_t candidates, bool same_modality)
{
  if (!first_equal)
    return true;
  uint32_t *next = cgap_alloc(candidates, sizeof *next), *last = cgap_alloc(candidates, sizeof *last);
  for (size_t c = 0; next && last && c < candidates; c++) {
    next[c] = UINT32_MAX;
    last[c] = (uint32_t)c;
    if (first_equal[c] != c) {
      next[last[first_equal[c]]] = (uint32_t)c;
      last[first_equal[c]] = (uint32_t)c;
    }
  }
  for (size_t row = 0; next && last && row < n->rows; row++)
    expand_row(n, row, next, same_modality, same_modality && first_equal[row] == row);
  const bool ok = next && last;
  cgap_free(next);
  cgap_free(last);
  return ok;
}
