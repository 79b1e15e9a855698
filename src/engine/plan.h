/* The memory plan: whether rows stay in memory, and if not, how many of a side are held at once. */
#ifndef CGAP_ENGINE_PLAN_H
#define CGAP_ENGINE_PLAN_H

#include "contragap/contragap.h"

typedef struct cgap_plan {
  int threads;
  bool resident;
  size_t panel_rows;       /* rows of a side at once in the tile pass */
  uint64_t memory_bytes;   /* the limit */
  uint64_t needed_bytes;   /* what this plan needs, about */
  uint64_t smallest_bytes; /* what the smallest would */
  uint64_t visit_bytes;    /* of several ranks: for rows that are not a rank's own */
} cgap_plan;

/* limit_bytes 0: half of what is free. CGAP_RESOURCE when even the smallest plan is above the limit. */
CGAP_MUST_CHECK cgap_status cgap_plan_make(cgap_plan *out, const cgap_source *image, const cgap_source *text,
                                           int threads, uint64_t limit_bytes, cgap_error *error);

/* The plan of one of several ranks: its share of the rows in memory, with those that visit. 0: half of what is free,
 * shared by the ranks of the node. */
CGAP_MUST_CHECK cgap_status cgap_plan_share(cgap_plan *out, const cgap_source *image, const cgap_source *text,
                                            const cgap_comm *ranks, int threads, uint64_t limit_bytes,
                                            cgap_error *error);

#endif
