/* gnuplot's SVG made fit for a page: no prolog, no scripts, names of its own, colours as variables of the page. */
#ifndef CGAP_REPORT_SVG_H
#define CGAP_REPORT_SVG_H

#include <stdbool.h>
#include <stdio.h>

/* Writes the <svg> element. `name` prefixes the ids, `label` (plain text) is what a screen reader says. Points that
 * gnuplot gave a hypertext become <use class="pt"> with a <title>. false: the text is no SVG. */
bool cgap_svg_inline(FILE *out, const char *svg, const char *name, const char *label);

void cgap_html_escape(FILE *out, const char *text); /* for text and attributes */

#endif
