/* history.jsonl: a line of JSON for every epoch, appended whole. */
#ifndef CGAP_HEAD_HISTORY_H
#define CGAP_HEAD_HISTORY_H

#include "contragap/contragap.h"

typedef struct cgap_history {
  cgap_epoch *epoch; /* (count) */
  size_t count, capacity;
} cgap_history;

void cgap_history_clear(cgap_history *history);
CGAP_MUST_CHECK cgap_status cgap_history_add(cgap_history *history, const cgap_epoch *record, cgap_error *error);

/* The numbers of a record beside its epoch, in the order of history.jsonl, by "group.key", or "key" at the top. */
typedef struct cgap_history_value {
  char name[60];
  double value;
} cgap_history_value;

enum { CGAP_HISTORY_VALUES = 28 };

/* separator: what stands between group and key. Returns CGAP_HISTORY_VALUES. */
size_t cgap_history_values(cgap_history_value out[CGAP_HISTORY_VALUES], const cgap_epoch *record, char separator);

/* One line of JSON with its line end, to be freed with free; NULL: out of memory. */
char *cgap_history_line(const cgap_epoch *record);

CGAP_MUST_CHECK cgap_status cgap_history_append(const char *path, const cgap_epoch *record, cgap_error *error);

/* Reads the epochs up to `last`, that of the checkpoint, and leaves the file with those lines alone, later ones in a
 * copy next to it. A last line without its end does not count. CGAP_FILE, with the file as it was, where another line
 * is no record of its epoch or where there are fewer than `last`. */
CGAP_MUST_CHECK cgap_status cgap_history_resume(cgap_history *out, const char *path, uint64_t last, cgap_error *error);

#endif
