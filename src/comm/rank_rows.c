#include "comm/rank_rows.h"

#include "base/memory.h"
#include "simd/audit_kernels.h"

cgap_rank_rows cgap_rank_rows_of(size_t rows, int rank, int size)
{
  const size_t tiles = (rows + CGAP_TILE - 1) / CGAP_TILE, r = (size_t)rank, n = (size_t)size;
  return (cgap_rank_rows){cgap_lesser(tiles * r / n * CGAP_TILE, rows),
                          cgap_lesser(tiles * (r + 1) / n * CGAP_TILE, rows)};
}

cgap_rank_rows cgap_rank_rows_own(const cgap_comm *comm, size_t rows)
{
  return cgap_rank_rows_of(rows, cgap_comm_rank(comm), cgap_comm_size(comm));
}

cgap_status cgap_rank_rows_gather_by(cgap_comm *comm, void *block, size_t rows, const size_t *first, size_t size,
                                     cgap_error *error)
{
  const int n = cgap_comm_size(comm);
  if (!comm)
    return CGAP_OK;
  size_t *place = cgap_alloc((size_t)n + 1, sizeof *place);
  if (!place)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %d ranks", n);
  for (int r = 0; r <= n; r++) {
    const size_t row = r < n ? cgap_rank_rows_of(rows, r, n).first : rows;
    place[r] = (first ? first[row] : row) * size;
  }
  cgap_status status = cgap_comm_gather(comm, block, place, error);
  cgap_free(place);
  return status;
}

cgap_status cgap_rank_rows_gather(cgap_comm *comm, void *block, size_t rows, size_t size, cgap_error *error)
{
  return cgap_rank_rows_gather_by(comm, block, rows, NULL, size, error);
}
