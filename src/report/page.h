/* The pieces of report.html: one self-contained file, for the audit, training, comparisons and sweeps alike. */
#ifndef CGAP_REPORT_PAGE_H
#define CGAP_REPORT_PAGE_H

#include "base/output_file.h"
#include "report/verdict.h"

typedef struct cgap_page {
  cgap_outfile file;
  FILE *out; /* for plain HTML; text from outside goes through cgap_page_text */
} cgap_page;

typedef struct cgap_section {
  const char *id, *title;
} cgap_section;

/* Head, title and navigation to the sections, of which the last has id NULL. */
CGAP_MUST_CHECK cgap_status cgap_page_open(cgap_page *page, const char *path, const char *title, const char *about,
                                           const cgap_section *sections, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_page_close(cgap_page *page, bool commit, cgap_error *error);

void cgap_page_text(cgap_page *page, const char *text); /* escaped */
void cgap_page_section(cgap_page *page, const cgap_section *section);
void cgap_page_section_end(cgap_page *page);

/* A table that sorts; heads of number columns start with '#'. */
void cgap_page_table(cgap_page *page, const char *caption, const char *const *heads, size_t count);
void cgap_page_row(cgap_page *page);
void cgap_page_cell(cgap_page *page, const char *text);
void cgap_page_number(cgap_page *page, double value, int decimals); /* "n/a" where not finite */
void cgap_page_count(cgap_page *page, double value);
void cgap_page_table_end(cgap_page *page);

/* A figure of folder/NAME.tsv with its title, its reading and its data file. CGAP_USAGE: there is no gnuplot. */
CGAP_MUST_CHECK cgap_status cgap_page_figure(cgap_page *page, const char *folder, const char *name, cgap_error *error);

/* A definition list: term and text by turns. */
void cgap_page_term(cgap_page *page, const char *term, const char *text);

/* The verdict box, what is alarming before it, the rest of the notes after it. */
void cgap_page_verdict(cgap_page *page, const cgap_verdict_words *verdict, const cgap_notes *notes);

/* The table of definitions and sources of every field whose `needs` are in `has`. */
void cgap_page_definitions(cgap_page *page, unsigned has);

#endif
