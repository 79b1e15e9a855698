/* Which rows are a rank's: a run of whole tiles, as even as can be. Alone: all. */
#ifndef CGAP_COMM_RANK_ROWS_H
#define CGAP_COMM_RANK_ROWS_H

#include "comm/comm.h"

typedef struct cgap_rank_rows {
  size_t first, end;
} cgap_rank_rows;

cgap_rank_rows cgap_rank_rows_of(size_t rows, int rank, int size);
cgap_rank_rows cgap_rank_rows_own(const cgap_comm *comm, size_t rows); /* of this rank */

/* block (rows, size bytes): every rank has filled its own rows, and gets all. */
CGAP_MUST_CHECK cgap_status cgap_rank_rows_gather(cgap_comm *comm, void *block, size_t rows, size_t size,
                                                  cgap_error *error);

/* The same where rank r's part is [first[row], first[end row)) of the block, first (rows + 1) counting elements. */
CGAP_MUST_CHECK cgap_status cgap_rank_rows_gather_by(cgap_comm *comm, void *block, size_t rows, const size_t *first,
                                                     size_t size, cgap_error *error);

#endif
