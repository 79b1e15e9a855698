/* What the reports of the library's callers have in common: of audits here, of closings in closing.c. */
#ifndef CGAP_REPORT_AUDIT_REPORT_H
#define CGAP_REPORT_AUDIT_REPORT_H

#include <stdio.h>

#include "report/json.h"

/* The "input" of a report: of the dataset, or of the data; NULL where about has neither. The caller owns it. */
CGAP_MUST_CHECK cgap_status cgap_about_input(json_t **out, const cgap_report_about *about, cgap_error *error);

/* command: where about has none. */
cgap_run cgap_about_run(const cgap_report_about *about, const char *command);

/* *out: what `write` writes, in the C locale, to be freed; NULL on failure. */
typedef cgap_status cgap_text_writer(FILE *stream, const void *of, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_text_make(char **out, cgap_text_writer *write, const void *of, cgap_error *error);

#endif
