/* Unit rows from anywhere in a side: out of the memory where it is resident, out of its source where it is not. */
#ifndef CGAP_HEAD_GATHER_H
#define CGAP_HEAD_GATHER_H

#include "engine/embeddings.h"

/* out (count, dim): unit rows of the kept rows that are listed, in that order, the same bits from either place. Rows
 * that follow each other are read at once. Called from one thread at a time where the side is not resident. */
CGAP_MUST_CHECK cgap_status cgap_gather(const cgap_side *side, const size_t *rows, size_t count, float *out,
                                        cgap_error *error);

#endif
