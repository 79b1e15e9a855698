/* The bytes of one piece, at any place. */
#ifndef CGAP_IO_BYTES_H
#define CGAP_IO_BYTES_H

#include "io/read/hdf5_file.h"

typedef struct cgap_bytes cgap_bytes;

/* Opens what holds a piece (borrowed). A deflated member is unpacked once, at the first read, into a nameless file
 * under TMPDIR; a stored one is read in place. */
CGAP_MUST_CHECK cgap_status cgap_bytes_open(cgap_bytes **out, cgap_piece *piece, const char *name, cgap_error *error);
/* `count` bytes from `at` on, counted from the piece's first element. */
CGAP_MUST_CHECK cgap_status cgap_bytes_read(cgap_bytes *bytes, uint64_t at, size_t count, void *out, cgap_error *error);
void cgap_bytes_close(cgap_bytes *bytes); /* NULL is fine */

#endif
