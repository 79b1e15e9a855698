/* The bytes of one piece, at any place; zip archives, by libzip. */
#ifndef CGAP_IO_READ_BYTE_SOURCE_H
#define CGAP_IO_READ_BYTE_SOURCE_H

#include "io/read/container.h"

#include <zip.h>

typedef struct cgap_byte_source cgap_byte_source;

/* Opens what holds a piece (borrowed). A deflated member is unpacked once, at the first read, into a nameless file
 * under TMPDIR; a stored one is read in place. */
CGAP_MUST_CHECK cgap_status cgap_byte_source_open(cgap_byte_source **out, cgap_piece *piece, const char *name,
                                                  cgap_error *error);
/* `count` bytes from `at` on, counted from the piece's first element. */
CGAP_MUST_CHECK cgap_status cgap_byte_source_read(cgap_byte_source *bytes, uint64_t at, size_t count, void *out,
                                                  cgap_error *error);
void cgap_byte_source_close(cgap_byte_source *bytes); /* NULL is fine */

/* ---------------------------------------------------------------- members of zip archives, read in order */

/* Read-only; closed by zip_discard. */
CGAP_MUST_CHECK cgap_status cgap_zip_open(zip_t **out, const char *path, cgap_error *error);
/* Closed by zip_fclose, before the archive. */
CGAP_MUST_CHECK cgap_status cgap_zip_member(zip_file_t **out, zip_t *zip, int64_t member, const char *name,
                                            cgap_error *error);
/* The next `count` bytes, or CGAP_FILE. name: for messages. */
CGAP_MUST_CHECK cgap_status cgap_zip_read(zip_file_t *file, void *out, size_t count, const char *name,
                                          cgap_error *error);

/* Reads what is left of a member that was read in order: its checksum is compared at its end, or CGAP_FILE. */
CGAP_MUST_CHECK cgap_status cgap_zip_check(zip_file_t *file, const char *name, cgap_error *error);

#endif
