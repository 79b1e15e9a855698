/* Unit rows from anywhere in a side: out of the memory where it is resident, out of its source where it is not. */
#ifndef CGAP_ROWS_GATHER_H
#define CGAP_ROWS_GATHER_H

#include "rows/embeddings.h"

/* Whether several threads may read from a side at once, which it has been read from before. */
bool cgap_gather_rows_is_thread_safe(const cgap_modality_rows *modality);

/* out (count, dim): unit rows of the kept rows that are listed, in that order, the same bits from either place. Rows
 * that follow each other are read at once. Where the side is not resident, threads above 1 only where it shares. */
CGAP_MUST_CHECK cgap_status cgap_gather_rows(const cgap_modality_rows *modality, const size_t *rows, size_t count,
                                             int threads, float *out, cgap_error *error);

/* The same rows will be wanted soon. */
void cgap_gather_rows_prefetch(const cgap_modality_rows *modality, const size_t *rows, size_t count);

#endif
