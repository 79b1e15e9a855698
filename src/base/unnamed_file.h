/* Nameless files for what is too large for the memory: they are gone when the program is. */
#ifndef CGAP_SCRATCH_H
#define CGAP_SCRATCH_H

#include "contragap/contragap.h"

/* Where they lie: TMPDIR, or /tmp. */
const char *cgap_scratch_folder(void);

/* Opens one with room for `bytes`, which are taken from the disk now. CGAP_RESOURCE where it has fewer, CGAP_FILE where
 * none can be made there. name: what it is for; way_out ends the sentence: "set TMPDIR to a larger place or …". *out is
 * to be closed; -1 on failure. */
CGAP_MUST_CHECK cgap_status cgap_scratch_open(int *out, uint64_t bytes, const char *name, const char *way_out,
                                              cgap_error *error);

/* Writes all of `count` bytes at the end of what was written before. */
CGAP_MUST_CHECK cgap_status cgap_scratch_write(int fd, const void *data, size_t count, cgap_error *error);

/* Reads `count` bytes of any file from byte `at` on; name is for messages. CGAP_FILE where it ends before. */
CGAP_MUST_CHECK cgap_status cgap_pread_all(int fd, uint64_t at, size_t count, void *out, const char *name,
                                           cgap_error *error);

#endif
