/* The pass over all pairs on several ranks: blocks of rows travel from rank to rank until every pair has met. Each has
 * a block of rows of both modalities; blocks of one modality go round a ring, with what has been gathered about their
 * rows, and meet the blocks that stay at home. */
#ifndef CGAP_AUDIT_RANKS_PASS_H
#define CGAP_AUDIT_RANKS_PASS_H

#include "audit/passes.h"
#include "comm/comm.h"
#include "rows/embeddings.h"

/* Buffers for rows that visit, kept from one pass to the next; {0} at first. */
typedef struct cgap_receive_buffers {
  unsigned char *raw[2];
  float *unit;
  size_t raw_bytes[2], unit_bytes;
} cgap_receive_buffers;
void cgap_receive_buffers_clear(cgap_receive_buffers *v);

/* As cgap_pair_pass_run, on every rank; rank 0 ends with all of it, the others with the counts of the pass. Embeddings
 * are distributed (cgap_embeddings_load_distributed). memory_bytes: what this rank may use for rows that are not its
 * own. */
CGAP_MUST_CHECK cgap_status cgap_ranks_ring_run(cgap_audit_sums *evidence, const cgap_embeddings *e, cgap_comm *comm,
                                                cgap_pair_kind kind, const cgap_pair_pass_options *options,
                                                cgap_receive_buffers *receive_buffers, uint64_t memory_bytes,
                                                cgap_error *error);

/* Bytes of a row that visits, of a modality of this type. */
size_t cgap_ranks_ring_row_bytes(cgap_type type, size_t dim);

/* ---------------------------------------------------------------- what the ranks found */

/* Totals of each rank's block of a modality of `rows` rows, to rank 0, which writes them where they belong: as
 * cgap_pair_pass_finish does. */
CGAP_MUST_CHECK cgap_status cgap_ranks_gather_sums(cgap_audit_sums *e, cgap_comm *comm, const cgap_pair_sums *mine,
                                                   size_t rows, bool columns, cgap_error *error);

/* Every rank's totals of the same rows, added up on rank 0, pair by pair. */
CGAP_MUST_CHECK cgap_status cgap_ranks_add_sums(const cgap_audit_sums *e, cgap_comm *comm, cgap_pair_sums *mine,
                                                cgap_error *error);

/* Counts of a whole pass, least and greatest, on every rank. */
CGAP_MUST_CHECK cgap_status cgap_ranks_add_counts(cgap_audit_sums *e, cgap_comm *comm, cgap_pair_kind kind,
                                                  cgap_error *error);

/* Rows that travel take the ten nearest known at home along, so that no worse ones are noted on the way: guest is of
 * some of home's rows, and without lists so far. On their return guest keeps what home does not have. */
void cgap_top_k_lists_seed_from_home(cgap_pair_sums *guest, const cgap_pair_sums *home);
void cgap_top_k_lists_keep_new(cgap_pair_sums *guest, const cgap_pair_sums *home);

/* ---------------------------------------------------------------- queries */

/* Queries against all candidates: each rank has all queries and its own candidates, and the results are added up. */

enum { CGAP_QUERY_BLOCK_ROWS = 8 * CGAP_TILE }; /* candidates at once, where they are not in memory: half are shown */

/* As cgap_pair_pass_run with CGAP_WANT_ROW_QUERIES or CGAP_WANT_COLUMN_QUERIES, on every rank. The modality of the
 * queries is in memory everywhere, the other is distributed (cgap_embeddings_load_distributed). */
CGAP_MUST_CHECK cgap_status cgap_ranks_queries_run(cgap_audit_sums *evidence, const cgap_embeddings *e, cgap_comm *comm,
                                                   const cgap_pair_pass_options *options, cgap_error *error);

#endif
