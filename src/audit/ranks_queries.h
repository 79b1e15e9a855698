/* Queries against all candidates on several ranks: each rank has all queries and its own candidates, and the results
 * are added up. */
#ifndef CGAP_AUDIT_RANKS_QUERIES_H
#define CGAP_AUDIT_RANKS_QUERIES_H

#include "audit/pair_pass.h"
#include "rows/embeddings.h"

enum { CGAP_QUERY_BLOCK_ROWS = 8 * CGAP_TILE }; /* candidates at once, where they are not in memory: half are shown */

/* As cgap_pair_pass_run with CGAP_WANT_ROW_QUERIES or CGAP_WANT_COLUMN_QUERIES, on every rank. The side of the queries
 * is in memory everywhere, the other is shared (cgap_embeddings_load_distributed). */
CGAP_MUST_CHECK cgap_status cgap_ranks_queries_run(cgap_audit_sums *evidence, const cgap_embeddings *e, cgap_comm *comm,
                                                   const cgap_pair_pass_options *options, cgap_error *error);

#endif
