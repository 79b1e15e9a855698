/* Three inputs or more in one view: a table of inputs and measures, the best marked where it is more than chance, in
 * sentences, as a table, as JSON, as a figure and as a page. Series of numbered inputs are shown over their number. */
#ifndef CGAP_REPORT_OVERVIEW_H
#define CGAP_REPORT_OVERVIEW_H

#include "head/evaluation/ranking.h"
#include "report/comparison_show.h"
#include "report/page.h"

typedef struct cgap_overview {
  const cgap_comparison *comparison; /* the caller's */
  cgap_ranking ranking;
  size_t *order;                       /* (inputs) in which they are shown */
  size_t sort_entry;                   /* by which they are sorted; SIZE_MAX: by their numbers */
  double *number;                      /* (inputs) of a series; NULL: none */
  size_t related[CGAP_ROWS_OTHER + 1]; /* how many pairs of inputs are so related */
} cgap_overview;

typedef struct cgap_overview_options {
  const cgap_audit *const *audit;     /* (inputs), NULL for a report */
  const cgap_rows_relation *relation; /* (inputs, inputs) */
  bool all;                           /* every measure that two inputs have, not the twenty that matter first */
  bool series;                        /* the inputs are numbered */
  const char *sort;                   /* key; NULL: the first measure, or the numbers of a series */
} cgap_overview_options;

/* CGAP_USAGE: no input has the key, or names without numbers; CGAP_DATA: no measure that two inputs have. */
CGAP_MUST_CHECK cgap_status cgap_overview_init(cgap_overview *out, const cgap_comparison *c,
                                               const cgap_overview_options *options, cgap_error *error);
void cgap_overview_clear(cgap_overview *overview);

/* ---------------------------------------------------------------- names */

enum { CGAP_HEAD_SIZE = 130 }; /* 32 columns of four bytes, with an end */

/* heads (inputs): names of at most `width` columns, all different: whole where they fit, else without the words that
 * all begin and end with, else also shortened in the middle. `width` is at least 3. */
void cgap_overview_heads(char (*heads)[CGAP_HEAD_SIZE], const cgap_comparison *c, int width);

/* What heads stand for, "clip = whurs19_clip.h5, …", into out; false: all are whole names. */
bool cgap_overview_legend(char out[CGAP_SENTENCE], const cgap_comparison *c, char (*heads)[CGAP_HEAD_SIZE]);

/* ---------------------------------------------------------------- words and tables */

/* Who is first, who is best at what, and whose rows they are. */
void cgap_overview_words(cgap_verdict_words *out, const cgap_overview *o, char (*heads)[CGAP_HEAD_SIZE]);

/* Whether the inputs are of the same rows, and what follows for the intervals. */
void cgap_overview_rows(char out[CGAP_SENTENCE], const cgap_overview *o);

/* What the marks of the table mean, `mark` being "*" or "bold", and which measures are not ranked. */
void cgap_overview_notes(cgap_notes *out, const cgap_overview *o, const char *mark);

/* Sentences, table and notes. Up to six inputs are columns, where they fit; else they are rows. */
void cgap_overview_print(const cgap_overview *o, const cgap_paper *paper, FILE *stream);

/* The same for other documents: of LaTeX, tables of up to five inputs and thirty measures, which fit on a
 * page. */
void cgap_overview_markup(const cgap_overview *o, cgap_markup markup, FILE *stream);

/* A line per measure: the values and intervals of all inputs, then the best, the next and their difference. */
void cgap_overview_csv(const cgap_overview *o, FILE *stream);

/* {schema_version, sorted_by, order: [name], rows, comparisons, inputs: [{name, number (of a series), dim, seconds,
 * method, same_rows, same_rows_why, trained_on}], measures: [{key, better, values: [{input, value, ci95, n, method}],
 * best, next, significant, differences: [{input, value, ci95, p, p_holm}]}]}. Inputs are in the order of the command
 * line, which is that of values and differences; a difference is the best less the input. NULL: out of memory. */
json_t *cgap_overview_json(const cgap_overview *o);

/* ---------------------------------------------------------------- figure and page */

/* folder/overview.tsv, or of a series folder/series.tsv, and its scripts. *name: which. */
CGAP_MUST_CHECK cgap_status cgap_overview_figure_write(const char **name, const cgap_overview *o, const char *folder,
                                                       cgap_error *error);

typedef struct cgap_overview_about {
  const char *const *paths; /* (inputs), as they were given */
  const char *figure;
  void (*warn_line)(const char *line);
  const cgap_run *run;
} cgap_overview_about;

/* folder/report.html */
CGAP_MUST_CHECK cgap_status cgap_overview_page_write(const cgap_overview *o, const cgap_overview_about *about,
                                                     const char *folder, cgap_error *error);

#endif
