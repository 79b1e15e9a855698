/* The row pass over one modality: read once, check, normalise, sum. Bad rows (not finite, norm zero) are left out. */
#ifndef CGAP_ENGINE_SIDE_H
#define CGAP_ENGINE_SIDE_H

#include "rows/embeddings.h"

typedef struct cgap_side_options {
  const bool *skip; /* (source rows) rows to leave out though nothing may be wrong with them, or NULL */
  bool merge;       /* equal rows become one */
  bool resident;
  int threads;
  const char *phase; /* for progress */
  cgap_progress progress;
  cgap_comm *ranks; /* that share the rows out, or NULL; resident: each holds its own, else it reads them twice */
} cgap_side_options;

/* kept_as (source rows), or NULL: which kept row each row of the source became; SIZE_MAX where dropped. */
CGAP_MUST_CHECK cgap_status cgap_side_load(cgap_side *out, const cgap_source *source, const cgap_side_options *options,
                                           size_t *kept_as, cgap_error *error);
void cgap_side_clear(cgap_side *side);

/* Appends to out which rows of a source are bad: "pairs.h5:/image: 300 rows, 2 with NaN or infinity (rows 3, 17)".
 * false: none is, and nothing is appended. */
bool cgap_describe_bad(const cgap_source *source, const cgap_side_checks *checks, char *out, size_t size);

/* Rows of `dim` doubles that are worked on at once in the row pass. */
size_t cgap_chunk_rows(size_t dim);

/* Rows of a source that the row pass reads at once, a whole number of chunks or all; two such blocks are held. */
size_t cgap_block_rows(const cgap_source *source);

#endif
