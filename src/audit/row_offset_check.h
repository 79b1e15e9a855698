/* How well texts fit the images of their own rows and those of rows nearby, block by block, for the pairing check. */
#ifndef CGAP_AUDIT_ROW_OFFSET_CHECK_H
#define CGAP_AUDIT_ROW_OFFSET_CHECK_H

#include "analysis/measure.h"
#include "rows/embeddings.h"

typedef struct cgap_row_offset_check {
  cgap_block_products block[CGAP_PAIR_BLOCKS];
  size_t blocks;
  double group_growth;
} cgap_row_offset_check;

/* A block is measured by the rank that has the first of its texts that are looked at; every rank ends with all. */
CGAP_MUST_CHECK cgap_status cgap_row_offset_check_run(cgap_row_offset_check *out, const cgap_embeddings *e,
                                                      cgap_comm *comm, int threads, cgap_error *error);

#endif
