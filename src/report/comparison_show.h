/* A comparison as people and programs read it: from reports, in words, as a table, as JSON, against thresholds. */
#ifndef CGAP_REPORT_COMPARISON_SHOW_H
#define CGAP_REPORT_COMPARISON_SHOW_H

#include "head/evaluation/comparison.h"
#include "report/page.h"

/* Fills input k from a report.json: CGAP_DATA where it holds none of the keys. */
CGAP_MUST_CHECK cgap_status cgap_comparison_report(cgap_comparison *c, size_t k, const char *name, const json_t *report,
                                                   cgap_error *error);

/* Of FILE:PAIR, where FILE exists and FILE:PAIR does not, the place of PAIR, and FILE into file; else NULL. */
const char *cgap_report_pair(char file[CGAP_PATH], const char *argument);

/* The report of a pair in one of more than two modalities; NULL: there is none. Borrowed. */
const json_t *cgap_report_of_pair(const json_t *report, const char *pair);

/* What the input of an audit says of training, as it stands in a report; copied. */
CGAP_MUST_CHECK cgap_status cgap_comparison_trained(cgap_comparison *c, size_t k, const json_t *input,
                                                    cgap_error *error);

/* How the gap moved from the first input to input k, then what that did to retrieval, where both sides have it, and
 * where one was measured less exactly or on another number of rows than the other, or holds rows that a head was
 * trained on, that. The level is that of input k's gap. */
void cgap_comparison_words(cgap_verdict_words *out, const cgap_comparison *c, size_t k);

/* Whether the inputs call a modality differently; text then says so in one sentence. */
bool cgap_comparison_other_names(char text[CGAP_SENTENCE], const cgap_comparison *c);

/* Whether the first input and input k are of different d; text then says so in one sentence that names both. */
bool cgap_comparison_other_d(char text[CGAP_SENTENCE], const cgap_comparison *c, size_t k);

/* Input k against the first: value, value, difference, interval, word; then a column of values for each input in
 * [beside, beside_end). Where the paper has not room for those, they follow in a table of their own. Names too long
 * for a column become A, B, …, named above the table. all: measures without direction or interval too. */
void cgap_comparison_print(const cgap_comparison *c, size_t k, size_t beside, size_t beside_end, bool all,
                           const cgap_paper *paper, FILE *stream);

/* The words of all inputs against the first, and how their intervals were made. */
void cgap_comparison_print_words(const cgap_comparison *c, const cgap_paper *paper, FILE *stream);

/* The same table for other documents. */
void cgap_comparison_markup(const cgap_comparison *c, size_t k, size_t beside, size_t beside_end, bool all,
                            cgap_markup markup, FILE *stream);

/* The table as comma-separated values, a line per measure: its value in every input, and the differences to the first
 * with interval and word, in full precision. */
void cgap_comparison_csv(const cgap_comparison *c, FILE *stream);

/* {schema_version, baseline, intervals, inputs: [{name, dim, seconds, method, same_rows, same_rows_why, trained_on}],
 * measures: {…key…: {values: {name: scalar}, differences: {name: {value, ci95, verdict, trained_on: true where it is a
 * loss that was trained on}}}}, better: {name: [key…]}, worse: {…}, opens: {…}}; NULL when out of memory. */
json_t *cgap_comparison_json(const cgap_comparison *c);

/* "Retrieval: recall@1, image to text", in the names of the modalities (NULL: those by default); of a plain number its
 * key in words, "cosine pair mean". */
/* The name of input k; what a training calls its inputs, before and after, in the language of c. */
const char *cgap_input_shown(const cgap_comparison *c, size_t k);

enum { CGAP_TITLE_SIZE = 100 };
void cgap_entry_title(char out[CGAP_TITLE_SIZE], size_t entry, const cgap_modality_names *names);

/* Input k against the first, which a threshold tests. */
typedef struct cgap_compared_pair {
  const cgap_comparison *comparison;
  size_t k;
  bool corrected; /* "worse" is after Holm's correction for all measures: see gate.h */
} cgap_compared_pair;
cgap_threshold_tester cgap_threshold_of_difference; /* of: a cgap_compared_pair */

/* CGAP_CROSSED where the difference of input k to the first crosses the threshold, CGAP_DATA where there is none to
 * test; error->message says which. */
cgap_status cgap_comparison_check(const cgap_comparison *c, size_t k, const cgap_threshold *threshold,
                                  cgap_error *error);

/* The outcome of each threshold for each input but the first, which "input" names. NULL: out of memory. */
json_t *cgap_comparison_thresholds_json(const cgap_comparison *c, const cgap_threshold *thresholds, size_t count);

/* ---------------------------------------------------------------- on pages */

/* What became better and worse with input k: a table of the groups of measures with a mark for each measure. */
void cgap_comparison_page_summary(cgap_page *page, const cgap_comparison *c, size_t k);

/* The keys that decide for users: each kind of search, and zero-shot. */
enum { CGAP_SEARCH_KINDS = 5 };
extern const char *const cgap_search_kinds[CGAP_SEARCH_KINDS];

/* "2 of 64 measures clearly worse: Loss (2)", of those with an interval. */
void cgap_comparison_worse(char text[CGAP_SENTENCE], const cgap_comparison *c, size_t k);

/* The table of input k against the first, with the values of the inputs [beside, beside_end). */
void cgap_comparison_page_table(cgap_page *page, const cgap_comparison *c, size_t k, size_t beside, size_t beside_end);

/* What a comparison's page shows besides the numbers. */
typedef struct cgap_comparison_about {
  const char *const *paths;   /* (count of the comparison), as they were given */
  const char *const *figures; /* (figure_count) names in folder/figures */
  size_t figure_count;        /* 0: the page has no section of figures */
  const char *figure_words;   /* a sentence above them */
  void (*warn_line)(const char *line);
  cgap_run run;
} cgap_comparison_about;

/* folder/report.html of compare. */
CGAP_MUST_CHECK cgap_status cgap_comparison_page_write(const cgap_comparison *c, const cgap_comparison_about *about,
                                                       const char *folder, cgap_error *error);

#endif
