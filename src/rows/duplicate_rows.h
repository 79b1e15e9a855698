/* Rows seen before: 128-bit hashes of the file's bytes (XXH3), in an open table. Two rows count as equal when
 * their hashes are; at 1e9 rows the odds of a false one are 1e-21. */
#ifndef CGAP_ROWS_DUPLICATE_ROWS_H
#define CGAP_ROWS_DUPLICATE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* Says that this hash will be added soon, so that its slot is on its way from memory. */
void cgap_duplicate_rows_prefetch(const cgap_duplicate_rows *d, cgap_hash hash);

/* Notes the row under this hash; returns the first row that had the same hash, or `row` itself. */
size_t cgap_duplicate_rows_add(cgap_duplicate_rows *d, cgap_hash hash, size_t row);

#endif
