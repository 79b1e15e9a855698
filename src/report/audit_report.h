/* What the reports of the library's callers have in common: of audits here, of closings in closing.c, of more than two
 * modalities in many_report.c. */
#ifndef CGAP_REPORT_AUDIT_REPORT_H
#define CGAP_REPORT_AUDIT_REPORT_H

#include <stdio.h>

#include "report/json.h"

/* The "input" of a report: of the dataset, or of the data; NULL where about has neither. The caller owns it. */
CGAP_MUST_CHECK cgap_status cgap_about_input(json_t **out, const cgap_report_about *about, cgap_error *error);

/* What a report says of a source that a caller gave; `use` names one without a name. null: it has no rows. */
json_t *cgap_source_json(const cgap_source *s, const char *use);

/* command: where about has none. */
cgap_run cgap_about_run(const cgap_report_about *about, const char *command);

/* *out: what `write` writes, in the C locale, to be freed; NULL on failure. */
typedef cgap_status cgap_text_writer(FILE *stream, const void *of, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_text_make(char **out, cgap_text_writer *write, const void *of, cgap_error *error);

/* Writes the files of a report, report.html among them, into a folder. warn may be NULL. */
typedef cgap_status cgap_folder_writer(const void *of, const char *folder, void (*warn)(const char *line),
                                       cgap_error *error);

/* The folder of an audit, as cgap_audit_save promises it, of what `write` writes. */
CGAP_MUST_CHECK cgap_status cgap_audit_folder_save(const char *path, bool replace, cgap_folder_writer *write,
                                                   const void *of, void (*warn)(const char *line), cgap_error *error);

/* *out: the report.html that `write` writes, to be freed. The page reads its figures from a folder, a temporary one. */
CGAP_MUST_CHECK cgap_status cgap_page_make(char **out, cgap_folder_writer *write, const void *of, cgap_error *error);

#endif
