/* Rows seen before: 128-bit hashes of the file's bytes (XXH3), in an open table. Two rows count as equal when
 * their hashes are; at 1e9 rows the odds of a false one are 1e-21. */
#ifndef CGAP_ENGINE_DISTINCT_H
#define CGAP_ENGINE_DISTINCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cgap_hash {
  uint64_t low, high;
} cgap_hash;

typedef struct cgap_distinct {
  struct cgap_hash_slot *slot; /* (slots), a third of them free at least */
  size_t slots;
} cgap_distinct;

bool cgap_distinct_init(cgap_distinct *d, size_t rows); /* false: out of memory */
void cgap_distinct_clear(cgap_distinct *d);

cgap_hash cgap_hash_row(const void *bytes, size_t size);

/* Says that this hash will be added soon, so that its slot is on its way from memory. */
void cgap_distinct_prefetch(const cgap_distinct *d, cgap_hash hash);

/* Notes the row under this hash; returns the first row that had the same hash, or `row` itself. */
size_t cgap_distinct_add(cgap_distinct *d, cgap_hash hash, size_t row);

#endif
