/* Output files: a folder that can be written to, files that get their name only when they are complete, files that grow
 * by a line of JSON, and unnamed files for rows that do not fit into memory. */
#ifndef CGAP_BASE_OUTPUT_FILE_H
#define CGAP_BASE_OUTPUT_FILE_H

#include <stdio.h>

#include "base/temporary_file.h"
#include "contragap/contragap.h"

#include <jansson.h>

/* A folder of results. Made at once, with its parents, and tried for writing before the long computation. */
typedef struct cgap_folder {
  char path[CGAP_PATH];
  size_t made; /* parents and the folder that did not exist: length of the longest path that did */
  bool fresh;
} cgap_folder;

/* CGAP_FILE where it cannot be made or written, CGAP_RESOURCE where the disk is full. */
CGAP_MUST_CHECK cgap_status cgap_folder_open(cgap_folder *out, const char *path, cgap_error *error);
/* The same with the folder's lock, which the program keeps to its end: CGAP_FILE where another process has it. What a
 * process that was killed has not put in its place is. Check what is in the folder only after this. */
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

/* Returns when what was added to the file, if there is one, is on disk. */
CGAP_MUST_CHECK cgap_status cgap_synchronise_file(const char *path, cgap_error *error);

/* As fopen to read, "rb" or "r+b", but NULL with ESPIPE for a FIFO, a device or a folder: opening one could wait for
 * ever. */
FILE *cgap_open_regular(const char *path, const char *mode);

/* The whole file as a string (free) of *bytes bytes (bytes may be NULL), or NULL where it cannot be read. */
char *cgap_read_text(const char *path, size_t *bytes);

/* ---------------------------------------------------------------- unnamed file */

/* Files without a name, which are gone when the program ends. Their folder: TMPDIR, or /tmp. */
const char *cgap_unnamed_file_folder(void);

/* Opens one and reserves `bytes` of disk space. CGAP_RESOURCE where fewer are free, CGAP_FILE where no file can be made
 * there. name: what it is for; way_out ends the sentence: "set TMPDIR to a larger place or …". *out is to be closed; -1
 * on failure. */
CGAP_MUST_CHECK cgap_status cgap_unnamed_file_open(int *out, uint64_t bytes, const char *name, const char *way_out,
                                                   cgap_error *error);

/* Writes all of `count` bytes at the end of what was written before. */
CGAP_MUST_CHECK cgap_status cgap_unnamed_file_write(int fd, const void *data, size_t count, cgap_error *error);

/* Reads `count` bytes of any file from byte `at` on; name is for messages. CGAP_FILE where it ends before. */
CGAP_MUST_CHECK cgap_status cgap_pread_all(int fd, uint64_t at, size_t count, void *out, const char *name,
                                           cgap_error *error);

/* ---------------------------------------------------------------- json lines */

/* Files that grow by a line of JSON at a time (history.jsonl, runs.jsonl), read back to go on with them.
 *
 * Lines are appended whole, so that only a last line without its end can be half: it does not count. Any other line
 * that is no JSON, and whatever keeps the file from being read, is an error: what is behind it is worth having. */

typedef struct cgap_json_line {
  const char *path;
  size_t number;  /* from 1 */
  uint64_t first; /* byte of the file */
  json_t *value;  /* borrowed */
} cgap_json_line;

/* Calls read_line with each line, until it returns an error. *end: bytes up to where the next line belongs; 0 for a
 * missing file. CGAP_FILE, with the number of the line, where a line is not JSON. */
CGAP_MUST_CHECK cgap_status cgap_json_lines_read(const char *path,
                                                 cgap_status (*read_line)(void *context, const cgap_json_line *line,
                                                                          cgap_error *error),
                                                 void *context, uint64_t *end, cgap_error *error);

/* CGAP_FILE with "PATH, line 3: WHAT; …": for a line that read_line refuses. */
cgap_status cgap_json_line_refuse(const cgap_json_line *line, const char *what, cgap_error *error);

/* Cuts the file after its first `end` bytes, and adds a line end if it lacks one. copy: where anything is cut off, the
 * file as it was is first copied to PATH.bak-1, -2 and so on. A missing file stays missing. */
CGAP_MUST_CHECK cgap_status cgap_json_lines_cut(const char *path, uint64_t end, bool copy, cgap_error *error);

/* ---------------------------------------------------------------- json memory */

/* jansson leaves out what it has no memory for, so that a key would silently be missing from a report. The program
 * notes each such failure, and writes no JSON after one. */

/* For the program alone, at its start: jansson has one allocator for the whole process. */
void cgap_json_watch_memory(void);

/* A value as text (free), read back and compared before it is given out. NULL where it is NULL, or jansson has been
 * short of memory: something may be missing in it. Characters that are not to reach a terminal are escaped (\u202e). */
char *cgap_json_text(const json_t *json, size_t flags);

/* A text of any bytes, such as a file's name: what is no UTF-8 becomes U+FFFD. json_string gives NULL for it, and the
 * key would be missing; so does json_pack for "s", which is for the program's own words. null for NULL. */
json_t *cgap_json_string(const char *text);
#pragma GCC poison json_string

#endif
