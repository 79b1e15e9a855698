/* Completes the lists of the ten best after the passes: adds equal rows, and decides close cases in double. */
#ifndef CGAP_AUDIT_TOP_K_LISTS_H
#define CGAP_AUDIT_TOP_K_LISTS_H

#include "analysis/measure.h"
#include "rows/embeddings.h"

/* Brings the equals of those that the tiles offered, and makes again in double what is open between the two lists of a
 * row: which of its neighbours in the pool of both modalities are of its own. in_double: all cosines of the lists. */
CGAP_MUST_CHECK cgap_status cgap_top_k_lists_complete(cgap_audit_sums *evidence, const cgap_embeddings *e,
                                                      bool in_double, int threads, cgap_error *error);

#endif
