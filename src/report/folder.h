/* DIR of `audit -o DIR`: report.json, rows.tsv, figures/ and report.html. */
#ifndef CGAP_REPORT_FOLDER_H
#define CGAP_REPORT_FOLDER_H

#include "base/output_file.h"
#include "contragap/contragap.h"
#include "report/json.h"

typedef struct cgap_report {
  const cgap_audit *audit;
  const json_t *json; /* of cgap_report_json */
  const char *source; /* names the data, in one line */
  const cgap_run *run;
} cgap_report;

/* Writes everything but the pictures. */
CGAP_MUST_CHECK cgap_status cgap_report_write(const cgap_report *report, const char *folder, cgap_error *error);

/* Draws the audit's figures in folder/figures as SVG. Fails as cgap_figures_render does. */
CGAP_MUST_CHECK cgap_status cgap_report_render(const cgap_audit *audit, const char *folder,
                                               void (*warn_line)(const char *line), cgap_error *error);

/* rows.tsv: for every pair the rows of text and image in the file, their cosine, and the rank of each for the other.
 * Where the audit has no pairs, an earlier file of that name is removed. */
CGAP_MUST_CHECK cgap_status cgap_rows_write(const cgap_audit *audit, const char *path, cgap_error *error);

/* Writes folder/report.html; the tables and scripts of folder/figures are there already. Without gnuplot the page says
 * so and has no figures. */
CGAP_MUST_CHECK cgap_status cgap_audit_page_write(const cgap_report *report, const char *folder, cgap_error *error);

#endif
