/* Tables for other documents: Markdown, and LaTeX with the rules of booktabs. Cells come as text and are escaped; in
 * LaTeX numbers get their minus signs, and their points below each other. */
#ifndef CGAP_REPORT_MARKUP_H
#define CGAP_REPORT_MARKUP_H

#include <stdio.h>

typedef enum cgap_markup { CGAP_MARKDOWN, CGAP_LATEX } cgap_markup;

/* Text from outside stays text: the signs that Markdown and HTML, or LaTeX, read are escaped. */
void cgap_markup_text(FILE *stream, cgap_markup markup, const char *text);

/* A paragraph next to a table, which begins with `strong`, or NULL: a list item of Markdown, a comment in LaTeX. */
void cgap_markup_note(FILE *stream, cgap_markup markup, const char *strong, const char *text);

/* heads (count): one that begins with # is of a column of numbers, to the right. */
void cgap_markup_begin(FILE *stream, cgap_markup markup, const char *const *heads, size_t count);
void cgap_markup_row(FILE *stream, cgap_markup markup, const char *const *cells, size_t count);
void cgap_markup_group(FILE *stream, cgap_markup markup, const char *title,
                       size_t count); /* a line over the rows below */
void cgap_markup_end(FILE *stream, cgap_markup markup);

#endif
