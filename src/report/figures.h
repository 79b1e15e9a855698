/* The figures: a table, a script and a picture each; those of an audit, and curves and maps of trainings and sweeps. */
#ifndef CGAP_REPORT_FIGURES_H
#define CGAP_REPORT_FIGURES_H

#include "base/output_file.h"
#include "contragap/contragap.h"
#include "io/find/row_names.h"

/* The tables that figures are drawn from: a header line, rows, and at the end lines "# key<tab>value" that say what
 * the table is about. */

typedef struct cgap_tsv {
  cgap_outfile file;           /* rows are printed to file.stream */
  const cgap_row_names *names; /* of rows, for the scatter; or NULL */
  const char *when; /* "before" or "after": a first column, and a first word of what is said about it; or NULL */
} cgap_tsv;

/* folder/name.tsv; header: the column names with tabs between them. */
CGAP_MUST_CHECK cgap_status cgap_tsv_open(cgap_tsv *out, const char *folder, const char *name, const char *header,
                                          cgap_error *error);
void cgap_tsv_row(cgap_tsv *table); /* begins a row: the first column, where there is a `when` */
void cgap_tsv_number(cgap_tsv *table, double value, char end); /* NA where not finite */
/* Tabs and line ends of the value become blanks, " becomes ″ (gnuplot's reader stops at a quote). */
void cgap_tsv_about(cgap_tsv *table, const char *key, const char *format, ...) CGAP_PRINTF(3, 4);
/* What every figure of an audit says of its data. */
void cgap_tsv_about_audit(cgap_tsv *table, const cgap_audit *audit, const char *source);
/* The words that the scripts use where modalities are not image and text (plots/style.gp). */
void cgap_tsv_about_names(cgap_tsv *table, const cgap_modality_names *names);
/* A name as a cell: characters that end a string of gnuplot, of a script in SVG, or of markup have a look-alike. */
void cgap_tsv_label(FILE *stream, const char *name);
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
/* In a page; a height of 0 is as high as its panels need. */
const char *cgap_figure_page_size(const char *name);

/* Writes the tables and scripts of every figure that this audit has into `folder`, which exists. `source` names the
 * data in the pictures; names (or NULL) its rows in the labels of points. */
CGAP_MUST_CHECK cgap_status cgap_figures_write(const cgap_audit *audit, const cgap_row_names *names, const char *source,
                                               const char *folder, cgap_error *error);

enum { CGAP_FIGURES_MAX = 6, CGAP_BEFORE_AFTER = 4 };

/* The names of the figures that this audit has, in the order of a report; returns how many. */
size_t cgap_figures_of(const cgap_audit *audit, const char *names[CGAP_FIGURES_MAX]);

/* Scatter, cosines, variance and dimensions of two audits on the same axes: tables and scripts, as above. */
CGAP_MUST_CHECK cgap_status cgap_before_after_write(const cgap_audit *before, const cgap_audit *after,
                                                    const char *source, const char *folder, cgap_error *error);
extern const char *const cgap_before_after[CGAP_BEFORE_AFTER]; /* their names */

/* Draws figures of the folder as SVG. A failure of one leaves the others drawn; warn_line (may be NULL) gets a line for
 * each, one where gnuplot is missing. CGAP_INTERRUPTED where a signal ended gnuplot. */
CGAP_MUST_CHECK cgap_status cgap_figures_render(const char *folder, const char *const *names, size_t count,
                                                void (*warn_line)(const char *line), cgap_error *error);

/* ---------------------------------------------------------------- curves and maps */

/* One curve: series (a loss, a part, a run) of the panel that shows one measure. */
typedef struct cgap_curve {
  const char *panel, *series;
  const double *x, *y;      /* (count); NaN where there is none */
  const double *low, *high; /* (count) interval, or NULL */
  size_t count;
  const double *kept; /* the x that was kept of this series, marked in each panel; or NULL */
  bool runs;          /* no series of its own but single runs behind the series of this name: pale points */
} cgap_curve;

/* A horizontal line across one panel. */
typedef struct cgap_reference_line {
  const char *panel, *name; /* "before" */
  double y;                 /* NaN: not drawn */
} cgap_reference_line;

/* What a figure is about; every text stands in the picture. */
typedef struct cgap_curves_about {
  const char *title, *shown; /* "Training"; the number that it shows: "centroid distance 0.85 → 0.12" */
  const char *x;             /* what x is: "epoch" */
  bool log_x;
  const char *const *x_names; /* (x_name_count) names of the places 0, 1, …: drawn as points, or NULL */
  size_t x_name_count;
  const cgap_reference_line *line; /* (line_count) */
  size_t line_count;
  const char *source; /* name of the data */
  size_t images, texts, dim;
  const cgap_modality_names *names; /* NULL: those by default */
} cgap_curves_about;

/* folder/NAME.tsv and its scripts; NAME is "history", "race" or "sweep". Panels and series come in the order in which
 * the curves name them first. More than 8 series are drawn pale with their mean. */
CGAP_MUST_CHECK cgap_status cgap_curves_write(const char *folder, const char *name, const cgap_curve *curves,
                                              size_t count, const cgap_curves_about *about, cgap_error *error);

/* folder/map.tsv: value (rows, columns) of a measure over two options, NaN where there is none; the names of columns
 * and rows are the options' values. */
typedef struct cgap_map {
  const char *x, *y, *measure; /* what columns, rows and values are */
  const char *const *column, *const *row;
  size_t columns, rows;
  const double *value;
  bool lower_is_better; /* which cell is marked as the best */
} cgap_map;

CGAP_MUST_CHECK cgap_status cgap_map_write(const char *folder, const cgap_map *map, const cgap_curves_about *about,
                                           cgap_error *error);

#endif
