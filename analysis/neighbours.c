#include "analysis/neighbours.h"

#include "memory.h"

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

void cgap_neighbours_reset(cgap_neighbours *n, size_t rows)
{
  for (size_t i = 0; i < rows * CGAP_NEIGHBOURS; i++)
    n->list[i] = (cgap_neighbour){.cosine = -2.0f, .row = UINT32_MAX};
}

static bool better(cgap_neighbour a, cgap_neighbour b)
{
  return a.cosine > b.cosine || (a.cosine == b.cosine && a.row < b.row);
}

void cgap_neighbours_offer(cgap_neighbours *n, size_t row, float cosine, uint32_t candidate)
{
  cgap_neighbour *list = n->list + row * CGAP_NEIGHBOURS;
  const cgap_neighbour new = {.cosine = cosine, .row = candidate};
  if (!better(new, list[CGAP_NEIGHBOURS - 1]))
    return;
  int place = CGAP_NEIGHBOURS - 1;
  for (; place > 0 && better(new, list[place - 1]); place--)
    list[place] = list[place - 1];
  list[place] = new;
}
