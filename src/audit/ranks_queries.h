/* Queries against all candidates, where ranks share the candidates: every rank has all queries and shows them its own
 * candidates, and what they are told is added. */
#ifndef CGAP_ENGINE_ASK_H
#define CGAP_ENGINE_ASK_H

#include "audit/pair_pass.h"
#include "rows/embeddings.h"

enum { CGAP_QUERY_BLOCK_ROWS = 8 * CGAP_TILE }; /* candidates at once, where they are not in memory: half are shown */

/* As cgap_pair_pass_run with CGAP_WANT_ROW_QUERIES or CGAP_WANT_COLUMN_QUERIES, on every rank. The side of the queries
 * is in memory everywhere, the other is shared (cgap_embeddings_load_distributed). */
CGAP_MUST_CHECK cgap_status cgap_ranks_queries_run(cgap_audit_sums *evidence, const cgap_embeddings *e, cgap_comm *comm,
                                                   const cgap_pair_pass_options *options, cgap_error *error);

#endif
