/* rows.tsv: a line for every couple. */
#ifndef CGAP_REPORT_ROWS_H
#define CGAP_REPORT_ROWS_H

#include "contragap/contragap.h"

/* text and image rows of the file, their cosine, and the rank of each for the other. Where the audit has no
 * pairs, an earlier file of that name is removed. */
CGAP_MUST_CHECK cgap_status cgap_rows_write(const cgap_audit *audit, const char *path, cgap_error *error);

#endif
