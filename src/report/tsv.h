/* The tables that figures are drawn from: a header line, rows, and at the end lines "# key<tab>value" that say what
 * the table is about. */
#ifndef CGAP_REPORT_TSV_H
#define CGAP_REPORT_TSV_H

#include "base/output_file.h"

typedef struct cgap_tsv {
  cgap_outfile file; /* rows are printed to file.stream */
  const char *when;  /* "before" or "after": a first column, and a first word of what is said about it; or NULL */
} cgap_tsv;

/* folder/name.tsv; header: the column names with tabs between them. */
CGAP_MUST_CHECK cgap_status cgap_tsv_open(cgap_tsv *out, const char *folder, const char *name, const char *header,
                                          cgap_error *error);
void cgap_tsv_row(cgap_tsv *table); /* begins a row: the first column, where there is a `when` */
void cgap_tsv_number(cgap_tsv *table, double value, char end); /* NA where not finite */
/* Tabs and line ends of the value become blanks, " becomes ″ (gnuplot's reader stops at a quote). */
void cgap_tsv_about(cgap_tsv *table, const char *key, const char *format, ...) CGAP_PRINTF(3, 4);
CGAP_MUST_CHECK cgap_status cgap_tsv_close(cgap_tsv *table, bool commit, cgap_error *error);

#endif
