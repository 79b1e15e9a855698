/* The figures of an audit: a table, a script and a picture each. */
#ifndef CGAP_REPORT_FIGURES_H
#define CGAP_REPORT_FIGURES_H

#include "base/output_file.h"
#include "contragap/contragap.h"

/* The tables that figures are drawn from: a header line, rows, and at the end lines "# key<tab>value" that say what
 * the table is about. */

typedef struct cgap_tsv {
  cgap_outfile file; /* rows are printed to file.stream */
  const char *when;  /* "before" or "after": a first column, and a first word of what is said about it; or NULL */
} cgap_tsv;

/* folder/name.tsv; header: the column names with tabs between them. */
CGAP_MUST_CHECK cgap_status cgap_tsv_open(cgap_tsv *out, const char *folder, const char *name, const char *header,
                                          cgap_error *error);
void cgap_tsv_row(cgap_tsv *table); /* begins a row: the first column, where there is a `when` */
void cgap_tsv_number(cgap_tsv *table, double value, char end); /* NA where not finite */
/* Tabs and line ends of the value become blanks, " becomes ″ (gnuplot's reader stops at a quote). */
void cgap_tsv_about(cgap_tsv *table, const char *key, const char *format, ...) CGAP_PRINTF(3, 4);
CGAP_MUST_CHECK cgap_status cgap_tsv_close(cgap_tsv *table, bool commit, cgap_error *error);

/* ---------------------------------------------------------------- figures */

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
size_t cgap_figures_of(const cgap_audit *audit, const char *names[], size_t capacity);

/* Scatter, cosines, variance and dimensions of two audits on the same axes: tables and scripts, as above. */
CGAP_MUST_CHECK cgap_status cgap_before_after_write(const cgap_audit *before, const cgap_audit *after,
                                                    const char *source, const char *folder, cgap_error *error);
size_t cgap_before_after_of(const char *names[], size_t capacity);

/* ---------------------------------------------------------------- figure tables */

/* The rows of each figure's table, and what is said at its end; headers stand in figures.c. */

cgap_status cgap_table_of_scatter(cgap_tsv *table, const cgap_audit *audit, cgap_error *error);
cgap_status cgap_table_of_cosines(cgap_tsv *table, const cgap_audit *audit, cgap_error *error);
cgap_status cgap_table_of_variance(cgap_tsv *table, const cgap_audit *audit, cgap_error *error);
cgap_status cgap_table_of_dimensions(cgap_tsv *table, const cgap_audit *audit, cgap_error *error);
cgap_status cgap_table_of_recall(cgap_tsv *table, const cgap_audit *audit, cgap_error *error);
cgap_status cgap_table_of_plane(cgap_tsv *table, const cgap_audit *audit, cgap_error *error);

#endif
