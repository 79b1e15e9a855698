/* Reading past the page cache: for files that are larger than what it could keep for the next pass, where putting pages
 * into it and taking others out costs more of the processor than reading itself. */
#ifndef CGAP_IO_READ_DIRECT_IO_H
#define CGAP_IO_READ_DIRECT_IO_H

#include "contragap/contragap.h"

typedef struct cgap_direct_io cgap_direct_io;

/* A file of `bytes`; NULL where it is smaller than three quarters of the machine's memory, or where the file system
 * does not have it. */
cgap_direct_io *cgap_direct_io_open(const char *path, uint64_t bytes);
void cgap_direct_io_close(cgap_direct_io *direct); /* NULL is fine */

/* Whether a request is worth it: small ones may hit pages that are there. */
bool cgap_direct_io_is_worth_it(const cgap_direct_io *direct, size_t count);

/* `count` bytes at `at`, by fd, the same file opened as usual, where this fails; name is for messages. */
CGAP_MUST_CHECK cgap_status cgap_direct_io_read(cgap_direct_io *direct, int fd, uint64_t at, size_t count, void *out,
                                                const char *name, cgap_error *error);

/* The same for a file of any size; for tests. */
cgap_direct_io *cgap_direct_io_open_any(const char *path);

#endif
