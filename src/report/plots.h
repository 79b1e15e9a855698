/* The gnuplot scripts of plots/, in the library (written by plots/embed.py). */
#ifndef CGAP_REPORT_PLOTS_H
#define CGAP_REPORT_PLOTS_H

#include <stddef.h>

#include "contragap/contragap.h"

typedef struct cgap_plot {
  const char *name; /* "scatter.gp" */
  const char *text;
} cgap_plot;

extern const cgap_plot cgap_plots[];
extern const size_t cgap_plot_count;

/* Writes NAME.gp and style.gp into folder. Where CONTRAGAP_PLOTS names a folder that has NAME.gp, that one is taken. */
CGAP_MUST_CHECK cgap_status cgap_plots_copy(const char *folder, const char *name, cgap_error *error);

#endif
