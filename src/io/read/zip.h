/* Zip archives, by libzip: opening, and reading a member in order. */
#ifndef CGAP_IO_ZIP_H
#define CGAP_IO_ZIP_H

#include "contragap/contragap.h"

#include <zip.h>

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
