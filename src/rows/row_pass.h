/* The row pass over one modality: each row is read once, checked, normalised and summed. Bad rows (not finite, norm
 * zero) are left out. Equal rows are found by 128-bit hashes of their bytes. */
#ifndef CGAP_ROWS_ROW_PASS_H
#define CGAP_ROWS_ROW_PASS_H

#include "rows/modality.h"
#include "rows/row_checks.h"

enum { CGAP_ROW_PASS_BLOCKS = 3 }; /* blocks in memory: one is summed, one is hashed, one is read */

typedef struct cgap_row_pass_options {
  const bool *skip; /* (source rows), or NULL: rows that are left out whatever their values */
  bool merge;       /* equal rows become one */
  cgap_hold hold;
  int threads;
  const char *phase; /* for progress */
  cgap_progress progress;
  cgap_comm *comm; /* of ranks that each read a part of the rows, or NULL; what a rank does not hold it reads twice */
  bool spread;     /* what ranks know of rows stays spread over them; kept_as is not set then */
} cgap_row_pass_options;

/* kept_as (source rows), or NULL: which kept row each row of the source became; SIZE_MAX where it was left out. */
CGAP_MUST_CHECK cgap_status cgap_row_pass_run(cgap_modality_rows *out, const cgap_source *source,
                                              const cgap_row_pass_options *options, size_t *kept_as, cgap_error *error);

/* Rows of `dim` doubles that a step of a pass over rows has in memory: a whole number of runs. */
size_t cgap_row_pass_chunk_rows(size_t dim);

/* Rows of a block of the row pass: a whole number of chunks, or all rows of the source. */
size_t cgap_row_pass_block_rows(const cgap_source *source);

#endif
