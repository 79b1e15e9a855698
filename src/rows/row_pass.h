/* The row pass over one modality: read once, check, normalise, sum. Bad rows (not finite, norm zero) are left out. */
#ifndef CGAP_ROWS_ROW_PASS_H
#define CGAP_ROWS_ROW_PASS_H

#include "rows/modality.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* ---------------------------------------------------------------- duplicate rows */

/* Rows seen before: 128-bit hashes of the file's bytes (XXH3), in an open table. Two rows count as equal when
 * their hashes are; at 1e9 rows the odds of a false one are 1e-21. */

typedef struct cgap_hash {
  uint64_t low, high;
} cgap_hash;

typedef struct cgap_duplicate_rows {
  struct cgap_hash_slot *slot; /* (slots), a third of them free at least */
  size_t slots;
} cgap_duplicate_rows;

bool cgap_duplicate_rows_init(cgap_duplicate_rows *d, size_t rows); /* false: out of memory */
void cgap_duplicate_rows_clear(cgap_duplicate_rows *d);

cgap_hash cgap_hash_row(const void *bytes, size_t size);

/* By this hash unit rows are equal: rows of the file that differ in length alone are one. spare (dim) */
cgap_hash cgap_unit_hash(const float *row, size_t dim, float *spare);

/* Says that this hash will be added soon, so that its slot is on its way from memory. */
void cgap_duplicate_rows_prefetch(const cgap_duplicate_rows *d, cgap_hash hash);

/* Notes the row under this hash; returns the first row that had the same hash, or `row` itself. */
size_t cgap_duplicate_rows_add(cgap_duplicate_rows *d, cgap_hash hash, size_t row);

#endif
