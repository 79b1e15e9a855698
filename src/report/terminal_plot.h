/* Figures in the terminal, from their tables: scatter, curves, distributions, rows of dots, matrices. What a table
 * shows follows from its columns (plots/README.md), so that new figures of a known form need nothing here. */
#ifndef CGAP_REPORT_TERMINAL_PLOT_H
#define CGAP_REPORT_TERMINAL_PLOT_H

#include "report/terminal_canvas.h"

/* text: of NAME.tsv; changed by the call. drawn: false where no form here fits its columns. */
CGAP_MUST_CHECK cgap_status cgap_terminal_plot(bool *drawn, const char *title, char *text,
                                               const cgap_terminal *terminal, FILE *stream, cgap_error *error);

#endif
