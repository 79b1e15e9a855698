/* What is found out about rows while they are read: bad ones, norms that are off 1, and equal rows by their hashes. */
#ifndef CGAP_ROWS_ROW_CHECKS_H
#define CGAP_ROWS_ROW_CHECKS_H

#include "contragap/contragap.h"

#define CGAP_UNIT_TOLERANCE 1e-3 /* norms as far from 1 are noted */

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

cgap_hash cgap_hash_bytes(const void *bytes, size_t size);

/* The hash of a unit row: that of rows of the file that differ only in length is the same. scratch (dim) */
cgap_hash cgap_unit_hash(const float *row, size_t dim, float *scratch);

#endif
