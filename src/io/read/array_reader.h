/* Arrays outside HDF5: rows of an entry over its pieces, in row-major order whatever the file's; members of zip
 * archives, by libzip; files read past the page cache. */
#ifndef CGAP_IO_READ_ARRAY_READER_H
#define CGAP_IO_READ_ARRAY_READER_H

#include "io/read/container.h"

#include <zip.h>

typedef struct cgap_array cgap_array;

/* entry (borrowed) has pieces. A deflated member is unpacked once, at the first read, into an unnamed file under
 * TMPDIR; a stored one is read in place. */
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

/* All elements of a small entry of at most three axes, in native byte order: 4-byte characters too. */
CGAP_MUST_CHECK cgap_status cgap_array_read_all(void *out, const cgap_entry *entry, cgap_error *error);

/* Swaps the bytes of `count` elements of 2, 4 or 8 bytes in place; other sizes are left alone. */
void cgap_swap_bytes(void *data, size_t count, size_t size);

/* ---------------------------------------------------------------- members of zip archives, read in order */

/* Read-only; closed by zip_discard. */
CGAP_MUST_CHECK cgap_status cgap_zip_open(zip_t **out, const char *path, cgap_error *error);
/* Closed by zip_fclose, before the archive. */
CGAP_MUST_CHECK cgap_status cgap_zip_member(zip_file_t **out, zip_t *zip, int64_t member, const char *name,
                                            cgap_error *error);
/* The next `count` bytes, or CGAP_FILE. name: for messages. */
CGAP_MUST_CHECK cgap_status cgap_zip_read(zip_file_t *file, void *out, size_t count, const char *name,
                                          cgap_error *error);
/* Reads the rest of a member that was read in order: its checksum is compared at its end, or CGAP_FILE. */
CGAP_MUST_CHECK cgap_status cgap_zip_check(zip_file_t *file, const char *name, cgap_error *error);

/* ---------------------------------------------------------------- past the page cache */

/* For a file larger than the page cache could keep until the next pass, where adding and evicting pages costs more
 * processor time than reading itself. */
typedef struct cgap_direct_io cgap_direct_io;

/* A file of `bytes`; NULL where it is smaller than three quarters of the machine's memory, or where the file system
 * cannot do it. */
cgap_direct_io *cgap_direct_io_open(const char *path, uint64_t bytes);
cgap_direct_io *cgap_direct_io_open_any(const char *path); /* of any size; for tests */
void cgap_direct_io_close(cgap_direct_io *direct);         /* NULL is fine */

/* `count` bytes at `at`; by fd, the same file opened as usual, where direct is NULL or fails. name is for messages. */
CGAP_MUST_CHECK cgap_status cgap_direct_io_read(cgap_direct_io *direct, int fd, uint64_t at, size_t count, void *out,
                                                const char *name, cgap_error *error);

#endif
