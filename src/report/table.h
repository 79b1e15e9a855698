/* The audit as a person reads it: a table for the terminal, and one in Markdown. */
#ifndef CGAP_REPORT_TABLE_H
#define CGAP_REPORT_TABLE_H

#include <stdio.h>

#include "contragap/contragap.h"
#include "report/text.h"

/* What a table is printed on. */
typedef struct cgap_paper {
  bool colour; /* escape sequences are understood */
  int columns; /* at least 80, which every table fits into; more is used */
} cgap_paper;

/* `name` says what was measured, in one line. */
CGAP_MUST_CHECK cgap_status cgap_table_print(const cgap_audit *audit, const char *name, const cgap_paper *paper,
                                             FILE *stream, cgap_error *error);

CGAP_MUST_CHECK cgap_status cgap_markdown_print(const cgap_audit *audit, const char *name, FILE *stream,
                                                cgap_error *error);

#endif
