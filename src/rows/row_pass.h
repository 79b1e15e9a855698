/* The row pass over one modality: each row is read once, checked, normalised and summed. Bad rows (not finite, norm
 * zero) are left out. Equal rows are found by 128-bit hashes of their bytes. */
#ifndef CGAP_ROWS_ROW_PASS_H
#define CGAP_ROWS_ROW_PASS_H

#include "rows/modality.h"

#define CGAP_UNIT_TOLERANCE 1e-3 /* norms as far from 1 are noted */
enum { CGAP_ROW_PASS_BLOCKS = 3 }; /* blocks in memory: one is summed, one is hashed, one is read */

typedef struct cgap_row_pass_options {
  const bool *skip; /* (source rows), or NULL: rows that are left out whatever their values */
  bool merge;       /* equal rows become one */
  bool resident;
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

/* ---------------------------------------------------------------- checks */

void cgap_check_note(cgap_check *check, size_t row); /* counts it; the first ones are examples */

/* Appends to out which rows of a source are bad: "pairs.h5:/image: 300 rows, 2 with NaN or infinity (rows 3, 17)".
 * false where none is bad; then nothing is appended. */
bool cgap_describe_bad(const cgap_source *source, const cgap_modality_checks *checks, char *out, size_t size);

/* ---------------------------------------------------------------- duplicate rows */

/* 128-bit hashes (XXH3) of rows seen before, in an open table. Rows count as equal where their hashes are; at 1e9 rows
 * the odds that two others have the same hash are 1e-21. */
typedef struct cgap_hash {
  uint64_t low, high;
} cgap_hash;

typedef struct cgap_duplicate_rows {
  struct cgap_hash_slot *slot; /* (slots), at least a third of them free */
  size_t slots;
} cgap_duplicate_rows;

bool cgap_duplicate_rows_init(cgap_duplicate_rows *d, size_t rows); /* false: out of memory */
void cgap_duplicate_rows_clear(cgap_duplicate_rows *d);

/* Adds a row under its hash; returns the first of those that have had the same hash, or `row` itself. */
size_t cgap_duplicate_rows_add(cgap_duplicate_rows *d, cgap_hash hash, size_t row);
void cgap_duplicate_rows_prefetch(const cgap_duplicate_rows *d, cgap_hash hash); /* it will be added soon */

/* The hash of a unit row: that of rows of the file that differ only in length is the same. scratch (dim) */
cgap_hash cgap_unit_hash(const float *row, size_t dim, float *scratch);

#endif
