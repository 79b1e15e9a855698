/* Numbers and wrapped lines as every output of this room writes them. */
#ifndef CGAP_REPORT_TEXT_H
#define CGAP_REPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* value with its field's decimals, fewer where it is large; "n/a" where null. */
void cgap_value_show(char out[40], double value, int decimals);

#define CGAP_NO_BREAK "\xC2\xA0" /* between words that stay on one line */

/* Prints words wrapped at `columns`, at 100 where those are more, behind `first`; later lines are indented by `indent`
 * blanks. */
void cgap_text_wrap(FILE *stream, int columns, const char *first, const char *text, int indent);

/* The same from column `at` on, without a newline at the end. */
void cgap_text_wrap_from(FILE *stream, int columns, int at, const char *text, int indent);

/* Columns of UTF-8 text: bytes that do not continue a character. */
int cgap_text_width(const char *text, size_t bytes);

#endif
