/* Files that grow by a line of JSON at a time (history.jsonl, runs.jsonl), read back to go on with them.
 *
 * Lines are appended whole, so that only a last line without its end can be half: it does not count. Any other line
 * that is no JSON, and whatever keeps the file from being read, is an error: what is behind it is worth having. */
#ifndef CGAP_BASE_JSON_LINES_H
#define CGAP_BASE_JSON_LINES_H

#include <jansson.h>

#include "contragap/contragap.h"

typedef struct cgap_json_line {
  const char *path;
  size_t number;  /* from 1 */
  uint64_t first; /* byte of the file */
  json_t *value;  /* borrowed */
} cgap_json_line;

/* Calls take with each line, until it returns an error. *end: bytes up to where the next line belongs; a missing file
 * has none. CGAP_FILE where a line is no JSON, with its number. */
CGAP_MUST_CHECK cgap_status cgap_json_lines_read(const char *path,
                                                 cgap_status (*read_line)(void *context, const cgap_json_line *line,
                                                                          cgap_error *error),
                                                 void *context, uint64_t *end, cgap_error *error);

/* "PATH, line 3: WHAT; …", CGAP_FILE: for a line that take refuses. */
cgap_status cgap_json_line_refuse(const cgap_json_line *line, const char *what, cgap_error *error);

/* Leaves the first `end` bytes of the file, and a line end behind them. copy: what is cut off is more than half a line,
 * so the file as it was stays as PATH.bak-1, -2 and so on. Nothing is done to a missing file. */
CGAP_MUST_CHECK cgap_status cgap_json_lines_cut(const char *path, uint64_t end, bool copy, cgap_error *error);

/* ---------------------------------------------------------------- json memory */

/* jansson leaves out what it has no memory for, so that a report would lack a key without a word. The program notes
 * each such failure, and writes no JSON after one. */

/* For the program alone, at its start: jansson has one allocator for the whole process. */
void cgap_json_watch_memory(void);

/* A value as text (free). NULL where it is NULL, or jansson has been short of memory: something may be missing in it.
 */
char *cgap_json_text(const json_t *json, size_t flags);

#endif
