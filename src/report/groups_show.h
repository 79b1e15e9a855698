/* Groups of images as people and programs read them: sentences, a table, JSON, a figure, a section of the page. */
#ifndef CGAP_REPORT_GROUPS_SHOW_H
#define CGAP_REPORT_GROUPS_SHOW_H

#include <jansson.h>

#include "report/page.h"

/* What the groups say together: which of them differ from the rest, Simpson's paradox, what was left out. */
enum { CGAP_GROUP_SENTENCES = 4 };
size_t cgap_groups_words(char out[CGAP_GROUP_SENTENCES][CGAP_SENTENCE], const cgap_image_groups *groups,
                         const cgap_audit *audit);

/* {by, groups: [{name, n, texts, corrected_distance, mean_squared_distance, recall_at_1: {image_to_text,
 * text_to_image}, uniformity: {image, text}, rest, p, p_holm, marked}], within, paradox, left_out: {count, rows},
 * sentences}, the widest gap first. NULL: out of memory. */
json_t *cgap_groups_json(const cgap_image_groups *groups, const cgap_audit *audit);

/* The sentences, then a line per group, the widest gap first: the first 20 and those that are marked, or all. */
void cgap_groups_print(const cgap_image_groups *groups, const cgap_audit *audit, bool all, const cgap_paper *paper,
                       FILE *stream);
void cgap_groups_markup(const cgap_image_groups *groups, const cgap_audit *audit, cgap_markup markup, FILE *stream);

/* Lines for the table of cgap_csv_print: "groups.NAME.corrected_distance", … */
void cgap_groups_csv(const cgap_image_groups *groups, FILE *stream);

/* folder/groups.tsv, a line per group with every number, and the table and script of the figure in folder/figures. */
CGAP_MUST_CHECK cgap_status cgap_groups_write(const cgap_image_groups *groups, const cgap_audit *audit,
                                              const char *source, const char *folder, cgap_error *error);

/* The elements of the section. */
void cgap_groups_page(cgap_page *page, const cgap_image_groups *groups, const cgap_audit *audit);

#endif
