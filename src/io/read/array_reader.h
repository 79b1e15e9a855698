/* Elements of an entry outside HDF5, over its pieces, in row-major order whatever the file's. */
#ifndef CGAP_IO_READ_ARRAY_READER_H
#define CGAP_IO_READ_ARRAY_READER_H

#include "io/read/container.h"

typedef struct cgap_array cgap_array;

/* entry (borrowed) has pieces, and at most three axes. */
CGAP_MUST_CHECK cgap_status cgap_array_open(cgap_array **out, const cgap_entry *entry, cgap_error *error);
void cgap_array_close(cgap_array *array); /* NULL is fine */

/* Rows [first, first + count) of the entry as a matrix: (N, k, d) counts as N·k rows of d, (N) as N rows of 1.
 * Elements as stored, byte order and all. */
CGAP_MUST_CHECK cgap_status cgap_array_read(cgap_array *array, size_t first, size_t count, void *out,
                                            cgap_error *error);

/* Whether a few rows from anywhere are as quick to read as the same number in order. */
bool cgap_array_seeks(const cgap_array *array);
/* Whether it may be read by several threads at once; not before the first read. */
bool cgap_array_is_thread_safe(const cgap_array *array);

/* All elements of a small entry, in native byte order: 4-byte characters too. */
CGAP_MUST_CHECK cgap_status cgap_array_read_all(void *out, const cgap_entry *entry, cgap_error *error);

/* Swaps the bytes of `count` elements of 2, 4 or 8 bytes in place; other sizes are left alone. */
void cgap_swap_bytes(void *data, size_t count, size_t size);

/* ---------------------------------------------------------------- small entries, whole */

/* An id is a run of bytes: 8 for an integer, the text without padding for a string. */
typedef struct cgap_id {
  const unsigned char *bytes;
  size_t length;
} cgap_id;

CGAP_MUST_CHECK cgap_status cgap_array_int64(int64_t *out, const cgap_entry *entry, cgap_error *error);
/* Integers and floats but bfloat16. */
CGAP_MUST_CHECK cgap_status cgap_array_float64(double *out, const cgap_entry *entry, cgap_error *error);
/* Strings into id (rows) and one block (free): without their padding, characters of four bytes as UTF-8. */
CGAP_MUST_CHECK cgap_status cgap_array_strings(cgap_id *id, unsigned char **blob, const cgap_entry *entry,
                                               cgap_error *error);

#endif
