/* Files out: a folder that can be written, and files that take their name only when they are complete. */
#ifndef CGAP_BASE_OUTPUT_FILE_H
#define CGAP_BASE_OUTPUT_FILE_H

#include <stdio.h>

#include "base/temporary_file.h"
#include "contragap/contragap.h"

/* A folder of results. Made at once, with its parents, and tried for writing before the long computation. */
typedef struct cgap_folder {
  char path[CGAP_PATH];
  size_t made; /* parents and the folder that did not exist: length of the longest path that did */
  bool fresh;
} cgap_folder;

/* CGAP_FILE where it cannot be made or written, CGAP_RESOURCE where the disk is full. */
CGAP_MUST_CHECK cgap_status cgap_folder_open(cgap_folder *out, const char *path, cgap_error *error);
/* The same with the folder's lock, which the program keeps to its end: CGAP_FILE where another process has it. Only
 * then does it say anything what is in the folder. */
CGAP_MUST_CHECK cgap_status cgap_folder_open_alone(cgap_folder *out, const char *path, cgap_error *error);
void cgap_folder_abandon(cgap_folder *folder); /* removes what open made, where still empty */

/* path = folder/name; CGAP_FILE where that is too long. */
CGAP_MUST_CHECK cgap_status cgap_folder_file(char path[CGAP_PATH], const char *folder, const char *name,
                                             cgap_error *error);

/* A file under its temporary name. */
typedef struct cgap_outfile {
  FILE *stream;
  cgap_temporary temporary;
  char path[CGAP_PATH];
} cgap_outfile;

CGAP_MUST_CHECK cgap_status cgap_outfile_open(cgap_outfile *out, const char *path, cgap_error *error);
/* commit: on disk, and then called path; else, and on failure, the temporary file is removed. */
CGAP_MUST_CHECK cgap_status cgap_outfile_close(cgap_outfile *file, bool commit, cgap_error *error);

/* A whole small file at once. */
CGAP_MUST_CHECK cgap_status cgap_write_file(const char *path, const char *text, size_t bytes, cgap_error *error);

/* Adds to the end of a file, which is made where it is missing: all of it, or nothing, in one write. */
CGAP_MUST_CHECK cgap_status cgap_append_file(const char *path, const void *bytes, size_t count, cgap_error *error);

/* The whole file as a string (free) of *bytes bytes (bytes may be NULL), or NULL where it cannot be read. */
char *cgap_read_text(const char *path, size_t *bytes);

/* ---------------------------------------------------------------- unnamed file */

/* Nameless files for what is too large for the memory: they are gone when the program is. */

/* Where they lie: TMPDIR, or /tmp. */
const char *cgap_unnamed_file_folder(void);

/* Opens one with room for `bytes`, which are taken from the disk now. CGAP_RESOURCE where it has fewer, CGAP_FILE where
 * none can be made there. name: what it is for; way_out ends the sentence: "set TMPDIR to a larger place or …". *out is
 * to be closed; -1 on failure. */
CGAP_MUST_CHECK cgap_status cgap_unnamed_file_open(int *out, uint64_t bytes, const char *name, const char *way_out,
                                                   cgap_error *error);

/* Writes all of `count` bytes at the end of what was written before. */
CGAP_MUST_CHECK cgap_status cgap_unnamed_file_write(int fd, const void *data, size_t count, cgap_error *error);

/* Reads `count` bytes of any file from byte `at` on; name is for messages. CGAP_FILE where it ends before. */
CGAP_MUST_CHECK cgap_status cgap_pread_all(int fd, uint64_t at, size_t count, void *out, const char *name,
                                           cgap_error *error);

#endif
