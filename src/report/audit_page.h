/* report.html of an audit. */
#ifndef CGAP_REPORT_AUDIT_PAGE_H
#define CGAP_REPORT_AUDIT_PAGE_H

#include "report/folder.h"

/* Writes folder/report.html; the tables and scripts of folder/figures are there already. Without gnuplot the page says
 * so and has no figures. */
CGAP_MUST_CHECK cgap_status cgap_audit_page_write(const cgap_report *report, const char *folder, cgap_error *error);

#endif
