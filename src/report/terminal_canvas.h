/* A figure in characters: panels with axes, ticks and a legend, one below the other. Curves are drawn with the 2 × 4
 * dots of Unicode's braille (U+2800), points with a character of their series; where the terminal cannot show these,
 * all is ASCII. Plain numbers in, text out. */
#ifndef CGAP_REPORT_TERMINAL_CANVAS_H
#define CGAP_REPORT_TERMINAL_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "contragap/contragap.h"

/* What is drawn on. */
typedef struct cgap_terminal {
  int columns, rows;
  bool utf8, colour;
} cgap_terminal;

typedef enum cgap_trace_kind { CGAP_TRACE_LINE, CGAP_TRACE_POINTS, CGAP_TRACE_IMPULSES } cgap_trace_kind;

/* A series: (count) of x and y each; NaN: no point, and a gap in a line. Borrowed. */
typedef struct cgap_trace {
  const char *name;
  const double *x, *y;
  size_t count;
  cgap_trace_kind kind;
} cgap_trace;

enum { CGAP_TRACES_MAX = 8 };

typedef struct cgap_terminal_panel {
  const char *title, *x_name; /* of the horizontal axis; NULL: none */
  cgap_trace trace[CGAP_TRACES_MAX];
  size_t count;
  bool logarithmic_x;
  const char *const *categories; /* names of x = 0, 1, …; NULL: x are numbers */
  size_t category_count;
  const struct cgap_terminal_panel *const *alike; /* (alike_count) panels whose axes are the same, this one too */
  size_t alike_count;                             /* 0: it is drawn by itself */
} cgap_terminal_panel;

/* The character that points of series k have, and that marks its line. */
const char *cgap_trace_mark(const cgap_terminal *terminal, size_t k);

/* Of `height` lines in all, 6 at least: title, plot, axis, ticks and legend. */
CGAP_MUST_CHECK cgap_status cgap_terminal_panel_print(const cgap_terminal_panel *panel, const cgap_terminal *terminal,
                                                      int height, FILE *stream, cgap_error *error);

/* Escape sequences of series k's colour and of its end, "" without colour. */
const char *cgap_trace_ink(const cgap_terminal *terminal, size_t k);
const char *cgap_trace_ink_off(const cgap_terminal *terminal);

#endif
