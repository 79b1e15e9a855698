/* Which rows of a file are kept where several ranks read it, each its own rows: the table of equal rows is shared out
 * by hash, and what is known of a row stays with the rank that has read it. */
#ifndef CGAP_ROWS_ROW_SELECTION_H
#define CGAP_ROWS_ROW_SELECTION_H

#include "comm/comm.h"
#include "rows/modality.h"
#include "rows/row_checks.h"

typedef struct cgap_row_selection {
  cgap_comm *comm;
  const bool *skip; /* (source rows), or NULL: rows that are left out whatever their values */
  bool merge;       /* equal rows become one */
} cgap_row_selection;

/* Sets rows, file_row, first_equal and inverse_norm of the modality (left_out, equal and the scales of a rank's own
 * rows where they are spread), its checks of rows and the mean of their norms, as a process alone does. norm and hash
 * are of the rank's own rows of the file; hashes are used up. kept_as (source rows), or NULL, is not set where rows are
 * spread. *first_kept: the first of the kept rows that this rank has read. Every rank calls it. */
CGAP_MUST_CHECK cgap_status cgap_row_selection_run(cgap_modality_rows *modality, const cgap_row_selection *options,
                                                   const double *norm, cgap_hash *hash, size_t *kept_as,
                                                   size_t *first_kept, cgap_error *error);

#endif
