/* The figures of an audit: a table each, its script beside it, and the picture. */
#ifndef CGAP_REPORT_FIGURES_H
#define CGAP_REPORT_FIGURES_H

#include "contragap/contragap.h"

/* What any figure of the program is called and how it is read; scripts of the same name lie in plots/. */
typedef struct cgap_figure_info {
  const char *name;    /* "scatter" */
  const char *title;   /* a line */
  const char *reading; /* a sentence on how to read it */
} cgap_figure_info;

extern const cgap_figure_info cgap_figure_infos[];
extern const size_t cgap_figure_info_count;
const cgap_figure_info *cgap_figure_find(const char *name); /* NULL: none */

/* Writes the tables and scripts of every figure that this audit has into `folder`, which exists. `source` names the
 * data in the pictures. */
CGAP_MUST_CHECK cgap_status cgap_figures_write(const cgap_audit *audit, const char *source, const char *folder,
                                               cgap_error *error);

/* The names of the figures that this audit has, in the order of a report; at most `room`. */
size_t cgap_figures_of(const cgap_audit *audit, const char *names[], size_t room);

/* Scatter, cosines, variance and dimensions of two audits on the same axes: tables and scripts, as above. */
CGAP_MUST_CHECK cgap_status cgap_before_after_write(const cgap_audit *before, const cgap_audit *after,
                                                    const char *source, const char *folder, cgap_error *error);
size_t cgap_before_after_of(const char *names[], size_t room);

#endif
