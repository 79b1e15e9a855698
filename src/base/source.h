/* What a source of this library can say of itself beyond the public cgap_source. */
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

#endif
