#include "audit/ranks_gather.h"

#include "audit/pair_pass.h"
#include "base/memory.h"
#include "comm/rank_rows.h"

#include <math.h>
#include <string.h>

cgap_status cgap_bring_sum(const cgap_evidence *e, cgap_comm *ranks, cgap_totals *mine, cgap_error *error)
{
  const int rank = cgap_comm_rank(ranks), size = cgap_comm_size(ranks);
  cgap_status status = CGAP_OK;
  for (int step = 1; !status && step < size; step *= 2) {
    cgap_totals other = {0};
    cgap_transfer t;
    if (rank % (2 * step) == step) {
      status = cgap_comm_pass(ranks, &t, 2, mine->memory, mine->bytes, rank - step, NULL, 0, 0, error);
      return status ? status : cgap_comm_wait(ranks, &t, error);
    }
    if (rank + step >= size)
      continue;
    if (!cgap_totals_init(&other, e, mine->kind, mine->first, mine->rows))
      return cgap_fail(error, CGAP_RESOURCE, "no memory for the sums of %zu rows", mine->rows);
    status = cgap_comm_pass(ranks, &t, 2, NULL, 0, 0, other.memory, other.bytes, rank + step, error);
    if (!status)
      status = cgap_comm_wait(ranks, &t, error);
    if (status)
      return status;
    cgap_totals_merge(mine, e, &other);
    cgap_totals_clear(&other);
  }
  return status;
}

cgap_status cgap_bring_totals(cgap_evidence *e, cgap_comm *ranks, const cgap_totals *mine, size_t rows, bool columns,
                              cgap_error *error)
{
  const int rank = cgap_comm_rank(ranks), size = cgap_comm_size(ranks);
  cgap_status status = CGAP_OK;
  cgap_transfer t;
  if (rank > 0) {
    status = cgap_comm_pass(ranks, &t, 2, mine->memory, mine->bytes, 0, NULL, 0, 0, error);
    return status ? status : cgap_comm_wait(ranks, &t, error);
  }
  cgap_tiles_finish(e, mine, columns);
  for (int r = 1; !status && r < size; r++) {
    const cgap_share block = cgap_share_of_rank(rows, r, size);
    cgap_totals other;
    if (!cgap_totals_init(&other, e, mine->kind, block.first, block.end - block.first))
      return cgap_fail(error, CGAP_RESOURCE, "no memory for the sums of %zu rows", block.end - block.first);
    status = cgap_comm_pass(ranks, &t, 2, NULL, 0, 0, other.memory, other.bytes, r, error);
    if (!status)
      status = cgap_comm_wait(ranks, &t, error);
    if (status)
      return status;
    cgap_tiles_finish(e, &other, columns);
    cgap_totals_clear(&other);
  }
  return status;
}

cgap_status cgap_bring_counts(cgap_evidence *e, cgap_comm *ranks, cgap_couples kind, cgap_error *error)
{
  const int rank = cgap_comm_rank(ranks), size = cgap_comm_size(ranks);
  double(*ends)[2] = cgap_alloc((size_t)size, sizeof *ends);
  size_t *place = cgap_alloc((size_t)size + 1, sizeof *place);
  cgap_status status = ends && place ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for %d ranks", size);
  for (int m = 0; !status && cgap_measures[m]; m++)
    if (e->sums[kind][m].counts)
      status = cgap_comm_sum(ranks, e->sums[kind][m].counts, cgap_measures[m]->need.counts, CGAP_COMM_U64, error);
  for (int r = 0; !status && r <= size; r++)
    place[r] = (size_t)r * sizeof *ends;
  if (!status) {
    ends[rank][0] = e->least[kind];
    ends[rank][1] = e->greatest[kind];
    status = cgap_comm_gather(ranks, ends, place, error);
  }
  for (int r = 0; !status && r < size; r++) {
    e->least[kind] = fmin(e->least[kind], ends[r][0]);
    e->greatest[kind] = fmax(e->greatest[kind], ends[r][1]);
  }
  cgap_free(ends);
  cgap_free(place);
  return status;
}

void cgap_lists_lend(cgap_totals *guest, const cgap_totals *home)
{
  const size_t first = guest->first - home->first;
  memcpy(guest->lists.list, home->lists.list + first * CGAP_NEIGHBOURS,
         guest->rows * CGAP_NEIGHBOURS * sizeof *guest->lists.list);
}

static bool has(const cgap_neighbour *list, uint32_t row)
{
  for (int k = 0; k < CGAP_NEIGHBOURS; k++)
    if (list[k].row == row)
      return true;
  return false;
}

void cgap_lists_return(cgap_totals *guest, const cgap_totals *home)
{
  const size_t first = guest->first - home->first;
  for (size_t i = 0; i < guest->rows; i++) {
    cgap_neighbour *list = guest->lists.list + i * CGAP_NEIGHBOURS;
    const cgap_neighbour *known = home->lists.list + (first + i) * CGAP_NEIGHBOURS;
    int kept = 0;
    for (int k = 0; k < CGAP_NEIGHBOURS; k++)
      if (!has(known, list[k].row))
        list[kept++] = list[k];
    for (; kept < CGAP_NEIGHBOURS; kept++)
      list[kept] = cgap_neighbour_none();
  }
}
