/* report.html: one self-contained file, for audits, trainings, comparisons and sweeps alike. A page is a table of
 * sections, each with a function that writes its elements. Also the folder of an audit, in which its page is. */
#ifndef CGAP_REPORT_PAGE_H
#define CGAP_REPORT_PAGE_H

#include "base/output_file.h"
#include "io/find/row_names.h"
#include "report/json.h"
#include "report/text.h"

typedef struct cgap_page {
  bool within;                      /* no cosines across: figures are of each modality by itself */
  bool unpaired;                    /* no pairs: figures show none */
  bool defines;                     /* it has a section of definitions, which keys lead to … */
  unsigned linked;                  /* … and has what these need, of keys so far */
  bool small;                       /* figures are next to tiles, their captions folded */
  FILE *out;                        /* for HTML as it stands here; text from outside goes through the functions below */
  const char *folder;               /* of the page; its figures are in folder/figures */
  const cgap_modality_names *names; /* which formats, captions and figures get; NULL: those by default */
  void (*warn_line)(const char *line); /* NULL, or gets a line where only the page lacks a figure */
  cgap_status status;                  /* of the first figure that ended the page; *error says why */
  cgap_error *error;
} cgap_page;

typedef struct cgap_section {
  const char *id, *title;
  void (*put)(cgap_page *page, const void *data);
} cgap_section;

/* Writes folder/report.html: title, a line about it, and the sections, of which the last has id NULL. names may be
 * NULL. warn_line (may be NULL) gets a line for each figure that is drawn in figures/ and cannot be for the page. */
CGAP_MUST_CHECK cgap_status cgap_page_write(const char *folder, const char *title, const char *about,
                                            const cgap_modality_names *names, const cgap_section *sections,
                                            const void *data, void (*warn_line)(const char *line), cgap_error *error);

/* ---------------------------------------------------------------- elements; all text is escaped */

/* Formats and captions are templates (base/modality_names.h). Negative numbers get a minus sign, but not in "pre",
 * "code", terms and cells of words. */

void cgap_page_text(cgap_page *page, const char *format, ...) CGAP_PRINTF(2, 3);
void cgap_page_put(cgap_page *page, const char *tag, const char *format, ...) CGAP_PRINTF(3, 4); /* "p class=\"bad\"" */

/* A cell of text, or of a number, which sorts by its value. */
typedef struct cgap_cell {
  const char *text; /* NULL: shown */
  const char *key;  /* below it, as cgap_page_key; NULL: none */
  const char *link; /* an anchor of the page that it leads to; NULL: none */
  char shown[40], sort[40];
  bool is_number, is_key;
} cgap_cell;

cgap_cell cgap_cell_text(const char *text);
cgap_cell cgap_cell_number(double value, int decimals); /* "n/a" where not finite */
cgap_cell cgap_cell_count(double value);

/* A table that sorts: its heads, of which those of numbers begin with '#', its rows, its end. */
void cgap_page_table(cgap_page *page, const char *caption, const char *const *heads, size_t count);
void cgap_page_row(cgap_page *page, const cgap_cell *cells, size_t count);
void cgap_page_table_end(cgap_page *page);

/* Begins the list of terms of the section on the run, which ends with "</dl>". */
void cgap_page_run(cgap_page *page, const cgap_run *run);
void cgap_page_term(cgap_page *page, const char *term, const char *format, ...) CGAP_PRINTF(3, 4);

/* The figures of page->folder/figures in this order; one that cannot be drawn leaves a sentence. */
void cgap_page_figures(cgap_page *page, const char *const *names, size_t count);

/* The verdict box, what is alarming before it, the rest of the notes (NULL: none) after it. */
void cgap_page_verdict(cgap_page *page, const cgap_verdict_words *verdict, const cgap_notes *notes);

/* The first sentence of a verdict, large up to its colon. */
void cgap_page_headline(cgap_page *page, const char *sentence);

/* What the checks found and is not alarming, as a list. */
void cgap_page_notes(cgap_page *page, const cgap_notes *notes);

/* Whether the gap is bad, why, what it costs and what to do, with the first figure of the audit. */
void cgap_audit_first_screen(cgap_page *page, const cgap_audit *audit);

/* The table of definitions and sources of every field whose `needs` are in `has`, and, folded, what the measures mean
 * and when they mislead: the chapters of analysis/MEASURES.md. */
void cgap_page_definitions(cgap_page *page, unsigned has);

/* A key, in small letters; a link to its definition where the page has one. */
void cgap_page_key(cgap_page *page, const char *key);

/* "severe": the class of page.css that has the colour of a level. */
const char *cgap_level_class(cgap_level level);

/* The table of every measure of an audit. */
void cgap_page_measures(cgap_page *page, const cgap_audit *audit);

/* What was found in its rows and pairs; names (NULL: none) of the rows. */
void cgap_page_checks(cgap_page *page, const cgap_audit *audit, const cgap_row_names *names);

/* ---------------------------------------------------------------- the folder of an audit */

/* DIR of `audit -o DIR`: report.json, rows.tsv, figures/ and report.html. */
typedef struct cgap_report {
  const cgap_audit *audit;
  const json_t *json; /* of cgap_report_json */
  const char *source; /* names the data, in one line */
  const cgap_run *run;
  const cgap_row_names *names;     /* NULL: none */
  const cgap_image_groups *groups; /* NULL: none */
} cgap_report;

/* Writes everything but the pictures. */
CGAP_MUST_CHECK cgap_status cgap_report_write(const cgap_report *report, const char *folder, cgap_error *error);

/* Draws the audit's figures in folder/figures as SVG. Fails as cgap_figures_render does. */
CGAP_MUST_CHECK cgap_status cgap_report_render(const cgap_report *report, const char *folder,
                                               void (*warn_line)(const char *line), cgap_error *error);

/* rows.tsv: for every pair the rows of text and image in the file, their cosine, the rank of each for the other, and
 * their names where there are some (names may be NULL). No file where the audit has no pairs. */
CGAP_MUST_CHECK cgap_status cgap_rows_write(const cgap_audit *audit, const cgap_row_names *names, const char *path,
                                            cgap_error *error);

/* Writes folder/report.html; the tables and scripts of folder/figures are there already. Without gnuplot the page says
 * so and has no figures. */
CGAP_MUST_CHECK cgap_status cgap_audit_page_write(const cgap_report *report, const char *folder,
                                                  void (*warn_line)(const char *line), cgap_error *error);

/* The same with the verdict and the figures alone. */
CGAP_MUST_CHECK cgap_status cgap_audit_screen_write(const cgap_report *report, const char *folder,
                                                    void (*warn_line)(const char *line), cgap_error *error);

#endif
