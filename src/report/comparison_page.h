/* A comparison in report.html, and the figures of a folder in a section of a page. */
#ifndef CGAP_REPORT_COMPARISON_PAGE_H
#define CGAP_REPORT_COMPARISON_PAGE_H

#include "report/comparison_show.h"
#include "report/json.h"
#include "report/page.h"

/* Two lists in words: what became better with input k, and what it cost. */
void cgap_comparison_page_words(cgap_page *page, const cgap_comparison *c, size_t k);

/* The table of input k against the first, with the values of the inputs [beside, beside_end). */
void cgap_comparison_page_table(cgap_page *page, const cgap_comparison *c, size_t k, size_t beside, size_t beside_end);

/* The figures of folder in this order; one that cannot be drawn leaves a sentence. */
CGAP_MUST_CHECK cgap_status cgap_page_figures(cgap_page *page, const char *folder, const char *const *names,
                                              size_t count, cgap_error *error);

/* Draws them as SVG into the folder as well; told (may be NULL) gets a line for each that fails. */
CGAP_MUST_CHECK cgap_status cgap_render_figures(const char *folder, const char *const *names, size_t count,
                                                void (*warn_line)(const char *line), cgap_error *error);

/* What a comparison's page shows besides the numbers. */
typedef struct cgap_comparison_about {
  const char *const *paths;   /* (count of the comparison), as they were given */
  const char *const *figures; /* (figure_count) names in folder/figures */
  size_t figure_count;        /* 0: the page has no section of figures */
  const char *figure_words;   /* a sentence above them */
  cgap_run run;
} cgap_comparison_about;

/* folder/report.html of compare. */
CGAP_MUST_CHECK cgap_status cgap_comparison_page_write(const cgap_comparison *c, const cgap_comparison_about *about,
                                                       const char *folder, cgap_error *error);

#endif
