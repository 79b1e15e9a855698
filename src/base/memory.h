/* Sizes and memory: products that cannot overflow, and blocks aligned for the vector units. */
#ifndef CGAP_BASE_MEMORY_H
#define CGAP_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline size_t cgap_lesser(size_t a, size_t b)
{
  return a < b ? a : b;
}

static inline size_t cgap_greater(size_t a, size_t b)
{
  return a > b ? a : b;
}

/* a·b, or false when it does not fit size_t. */
bool cgap_product(size_t *out, size_t a, size_t b);

/* count × size bytes, 64-byte aligned; NULL when the product overflows or memory is exhausted. Freed by cgap_free.
 * A count of 0 gives a block of its own, so that NULL always means failure. */
void *cgap_alloc(size_t count, size_t size);
void *cgap_zalloc(size_t count, size_t size); /* the same, all bytes 0 */
void cgap_free(void *block);                  /* NULL is fine */

/* Whether blocks of CGAP_HUGE_BYTES and more get huge pages, where the system gives them on request only: one page
 * fault for 2 MiB in place of 512 for 4 KiB. Each costs more where memory is in pieces, so the first such block has
 * both measured, which takes less than a millisecond; the answer then holds for the process. */
enum { CGAP_HUGE_BYTES = 2 << 20 };
bool cgap_huge_pages(void);

/* What the first write to a page costs, in seconds of this thread: for a small page (4 KiB on most systems) the mean of
 * some, and for one huge page. Takes less than a millisecond where a fault costs 10 µs. An interrupt makes a figure
 * larger, so take the least of several calls. */
typedef struct cgap_fault_cost {
  double small_seconds, huge_seconds; /* NaN: not to be had */
  size_t pages;                       /* small ones in a huge one */
  const char *why;                    /* huge_seconds is NaN, static; else NULL */
} cgap_fault_cost;
cgap_fault_cost cgap_fault_cost_measure(void);

/* After a pass whose buffers are not needed again: returns freed memory to the system where the plan needs more than a
 * quarter of its limit. Otherwise the next pass uses it: what the system gives back later costs a page fault for every
 * 4 KiB. */
void cgap_release_memory(uint64_t needed_bytes, uint64_t limit_bytes);

/* ---------------------------------------------------------------- available memory */

/* Bytes that this process's control group and those above it may still use, page cache not counted; UINT64_MAX where
 * none has a limit. */
uint64_t cgap_cgroup_available(void);

/* The same for the groups from `path` up to `root`, by the file names of version 2 or 1; for tests. */
uint64_t cgap_cgroup_available_at(const char *root, const char *path, int version);

#endif
