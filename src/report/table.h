/* The audit as a person reads it: a table for the terminal, and one in Markdown. */
#ifndef CGAP_REPORT_TABLE_H
#define CGAP_REPORT_TABLE_H

#include <stdio.h>

#include "contragap/contragap.h"

/* `name` says what was measured, in one line. colour: with escape sequences. 80 columns. */
CGAP_MUST_CHECK cgap_status cgap_table_print(const cgap_audit *audit, const char *name, bool colour, FILE *stream,
                                             cgap_error *error);

CGAP_MUST_CHECK cgap_status cgap_markdown_print(const cgap_audit *audit, const char *name, FILE *stream,
                                                cgap_error *error);

/* value with its field's decimals, fewer where it is large; "n/a" where null. */
void cgap_value_show(char out[40], double value, int decimals);

#define CGAP_NO_BREAK "\xC2\xA0" /* between words that stay on one line */

/* Prints words wrapped at 80 columns behind `first`, later lines indented by `indent` blanks. */
void cgap_text_wrap(FILE *stream, const char *first, const char *text, int indent);

#endif
