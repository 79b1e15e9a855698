/* Arguments of the public calls: what makes no sense is refused in one line before anything is computed from it. */
#ifndef CGAP_BASE_CHECK_H
#define CGAP_BASE_CHECK_H

#include "contragap/contragap.h"

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

/* CGAP_USAGE unless 0 <= value < count. */
CGAP_MUST_CHECK cgap_status cgap_check_choice(const char *what, int value, int count, cgap_error *error);

#endif
