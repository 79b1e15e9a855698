/* Decides, from some pairs of each kind, whether float products are accurate enough for these rows or double is needed.
 * Float products of most rows round to either side, and sums of many cosines hardly
 * notice; rows of one magnitude round in one direction, and in a narrow cone nearly all comparisons are within the
 * margin. A look at some pairs of each kind says whether that is so here; then the tiles are made in double. */
#ifndef CGAP_AUDIT_PROBE_H
#define CGAP_AUDIT_PROBE_H

#include "analysis/measure.h"
#include "rows/embeddings.h"

/* Sets precise of each kind of pairs. Every rank looks at the same rows. */
CGAP_MUST_CHECK cgap_status cgap_probe_run(bool precise[CGAP_PAIR_KINDS], const cgap_audit_sums *evidence,
                                           const cgap_embeddings *e, bool bfloat, cgap_error *error);

#endif
