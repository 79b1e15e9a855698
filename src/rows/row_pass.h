/* The row pass over one modality: read once, check, normalise, sum. Bad rows (not finite, norm zero) are left out. */
#ifndef CGAP_ROWS_ROW_PASS_H
#define CGAP_ROWS_ROW_PASS_H

#include "rows/modality.h"

enum { CGAP_ROW_PASS_BLOCKS = 3 }; /* of rows at once: one is summed, one is looked at, one is read */

typedef struct cgap_row_pass_options {
  const bool *skip; /* (source rows) rows to leave out though nothing may be wrong with them, or NULL */
  bool merge;       /* equal rows become one */
  bool resident;
  int threads;
  const char *phase; /* for progress */
  cgap_progress progress;
  cgap_comm *comm; /* that share the rows out, or NULL; resident: each holds its own, else it reads them twice */
} cgap_row_pass_options;

/* kept_as (source rows), or NULL: which kept row each row of the source became; SIZE_MAX where dropped. */
CGAP_MUST_CHECK cgap_status cgap_row_pass_run(cgap_modality_rows *out, const cgap_source *source,
                                              const cgap_row_pass_options *options, size_t *kept_as, cgap_error *error);
/* Rows of `dim` doubles that are worked on at once in the row pass. */
size_t cgap_row_pass_chunk_rows(size_t dim);

/* Rows of a source that the row pass reads at once, a whole number of chunks or all; two such blocks are held. */
size_t cgap_row_pass_block_rows(const cgap_source *source);

#endif
