/* Sources beyond the public cgap_source: what one of this library can do; and the checks of public arguments. */
#ifndef CGAP_BASE_SOURCE_H
#define CGAP_BASE_SOURCE_H

#include "contragap/contragap.h"

/* The first member of such a source's context, whose `read` is cgap_source_read. */
typedef struct cgap_source_hooks {
  cgap_status (*read)(const cgap_source *source, size_t first, size_t count, void *out, cgap_error *error);
  bool (*seeks)(const cgap_source *source);
  bool (*is_thread_safe)(const cgap_source *source);
  void (*expect)(const cgap_source *source, size_t first, size_t count);
} cgap_source_hooks;

/* Reads by the hooks' `read`. */
CGAP_MUST_CHECK cgap_status cgap_source_read(const cgap_source *source, size_t first, size_t count, void *out,
                                             cgap_error *error);

/* Whether a few rows from anywhere in a source are as quick to read as the same number in order: not where they are
 * stored in chunks. A source without hooks is taken to be so. */
bool cgap_source_seeks(const cgap_source *source);

/* Whether such reads may come from several threads at once, after a first one that came from one thread. false without
 * hooks. */
bool cgap_source_is_thread_safe(const cgap_source *source);

/* Says that rows [first, first + count) will be read soon, so that the disk may begin. Does nothing without hooks. */
void cgap_source_prefetch(const cgap_source *source, size_t first, size_t count);

/* Bytes of a row as the source has it. */
size_t cgap_row_bytes(const cgap_source *source);

/* ---------------------------------------------------------------- check */

/* Arguments of the public calls: what makes no sense is refused in one line before anything is computed from it. */

enum { CGAP_DIMENSIONS_MAX = 65536, CGAP_THREADS_MAX = 1024 };

/* *out = *given, with a name for each source and at least one prompt per class. CGAP_USAGE: a pointer that is missing,
 * or a number that is none of its enumeration; CGAP_DATA: shapes. */
CGAP_MUST_CHECK cgap_status cgap_check_data(cgap_data *out, const cgap_data *given, cgap_error *error);

/* A source that has rows; called `what` where it has no name. */
CGAP_MUST_CHECK cgap_status cgap_check_source(cgap_source *out, const cgap_source *given, const char *what,
                                              cgap_error *error);

/* CGAP_USAGE unless `there`. */
CGAP_MUST_CHECK cgap_status cgap_check_argument(bool there, const char *call, const char *argument, cgap_error *error);

CGAP_MUST_CHECK cgap_status cgap_check_threads(int threads, cgap_error *error);

/* CGAP_USAGE unless it is the name of a modality: 1 to CGAP_NAME_SIZE - 1 of the characters [A-Za-z0-9_]. */
CGAP_MUST_CHECK cgap_status cgap_check_name(const char *name, cgap_error *error);

/* CGAP_USAGE unless 0 <= value < count. */
CGAP_MUST_CHECK cgap_status cgap_check_choice(const char *what, int value, int count, cgap_error *error);

#endif
