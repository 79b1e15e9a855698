/* gnuplot as a child process, without a shell. */
#ifndef CGAP_REPORT_GNUPLOT_H
#define CGAP_REPORT_GNUPLOT_H

#include "contragap/contragap.h"
#include <stddef.h>

typedef struct cgap_plot_job {
  const char *format; /* "svg", "png", "pdf", "tex" (TikZ), "txt" */
  const char *theme;  /* "light", "dark", "page", "paper" */
  const char *size;   /* "760,520"; NULL: the script's own */
  double seconds_max; /* 0: a minute */
} cgap_plot_job;

/* Runs folder/NAME.gp on folder/NAME.tsv; the picture folder/NAME.FORMAT appears only when gnuplot ended well and wrote
 * something. CGAP_USAGE: there is no gnuplot, or it did not end in time before. CGAP_FILE: it failed, and
 * error->message has its first line, or did not end in time. */
CGAP_MUST_CHECK cgap_status cgap_gnuplot_render(const char *folder, const char *name, const cgap_plot_job *job,
                                                cgap_error *error);

/* The same into a string of its own (free), leaving no file. NULL on failure. */
char *cgap_gnuplot_text(const char *folder, const char *name, const cgap_plot_job *job, cgap_error *error);

/* One gnuplot draws the figures of a folder, one after the other, and waits for the next until this ends it: for the
 * end of what draws. Does nothing where none waits. */
void cgap_gnuplot_close(void);

/* From another thread: ends the gnuplot that is running and lets none start any more; what draws returns
 * CGAP_INTERRUPTED. */
void cgap_gnuplot_stop(void);

/* Whether the picture says that gnuplot drew it; of PNG, whether it is such a one as cairo writes. */
bool cgap_gnuplot_made(const char *path, const char *format);

bool cgap_gnuplot_found(void); /* there is a gnuplot on PATH */

/* Whether fontconfig, by which gnuplot finds its fonts, has one for the language ("ja"); true where it cannot be asked.
 */
bool cgap_gnuplot_has_font(const char *code);

/* ---------------------------------------------------------------- plots */

/* The gnuplot scripts of plots/, in the library (written by plots/embed.py). */

typedef struct cgap_plot {
  const char *name; /* "scatter.gp" */
  const char *text;
} cgap_plot;

extern const cgap_plot cgap_plots[];
extern const size_t cgap_plot_count;

/* The text of an embedded file; "" where there is none of that name. */
const char *cgap_embedded(const char *name);

/* Writes NAME.gp and style.gp into folder. Where CONTRAGAP_PLOTS names a folder that has NAME.gp, that one is taken. */
CGAP_MUST_CHECK cgap_status cgap_plots_copy(const char *folder, const char *name, cgap_error *error);

#endif
