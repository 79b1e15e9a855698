/* Which queries and classes a head helps and which it hurts: as tables, as JSON, in sentences and on a page. */
#ifndef CGAP_REPORT_CHANGES_SHOW_H
#define CGAP_REPORT_CHANGES_SHOW_H

#include "head/evaluation/changes.h"
#include "head/evaluation/evaluation.h"
#include "io/find/row_names.h"
#include "report/comparison_show.h"

/* names may be NULL: none; rows of changes and names are those of the file. */

/* changes.tsv: for every query its direction, its row in the file, its ranks before and after in the search in the
 * other modality and in one index of both, and its name where its modality has names. */
CGAP_MUST_CHECK cgap_status cgap_changes_write(const cgap_changes *changes, const cgap_row_names *names,
                                               const char *path, cgap_error *error);

/* classes.tsv: for every class its images, top 1 before and after, images lost and gained with the exact test, before
 * and after Holm's correction, its gap before and after,
 * and whether it was seen in training where some were not. Where there are no classes, an earlier file is removed. */
CGAP_MUST_CHECK cgap_status cgap_classes_write(const cgap_changes *changes, const cgap_row_names *names,
                                               const char *path, cgap_error *error);

/* {"retrieval": {"image_to_text", "text_to_image", "both": {"at_1", "at_10": {"queries", "lost", "gained", "p"}}},
 * "mixed_retrieval": {"image_query", "text_query", "both"}, "queries": the CGAP_LOSERS that lose most [{"direction",
 * "row", "name", "rank": [before, after], "mixed_rank"}], "classes": all [{"class", "name", "images", "top_1": [before,
 * after], "lost", "gained", "p", "p_holm", "gap", "unseen"}]}; "name" where there is one, "unseen" where classes were
 * kept out of training, "classes" where there are. NULL: out of memory. */
json_t *cgap_changes_json(const cgap_changes *changes, const cgap_row_names *names);

/* What changed for how many: one sentence for each kind of search, one for the classes. */
enum { CGAP_CHANGE_CROSS, CGAP_CHANGE_MIXED, CGAP_CHANGE_CLASSES, CGAP_CHANGE_WORDS };
size_t cgap_changes_words(char sentence[CGAP_CHANGE_WORDS][CGAP_SENTENCE], const cgap_changes *changes,
                          const cgap_row_names *names);

/* Zero-shot among all classes of those seen in training and of those kept out of it, of which the changes know. */
typedef struct cgap_held_out_view {
  const cgap_evaluation *evaluation;
  const cgap_changes *const *changes; /* (heads) of the inputs 1, 2, … */
  size_t heads;
} cgap_held_out_view;

/* {"classes": [label…], "seen": {"classes", "images", "top_1": {input: share}, "changes": {head: {"queries", "lost",
 * "gained", "p"}}}, "unseen": the same}. NULL: out of memory. */
json_t *cgap_held_out_json(const cgap_held_out_view *view);

/* What each head did to the classes that it has not seen; with `all` also a line for each input. */
void cgap_held_out_print(const cgap_held_out_view *view, bool all, int columns, FILE *stream);
void cgap_held_out_page(cgap_page *page, const cgap_held_out_view *view);

/* How many queries lost and gained the first place; of classes, where they are what matters, how many. */
void cgap_changes_losers(char text[CGAP_SENTENCE], const cgap_changes *changes, const cgap_row_names *names,
                         bool classes);

/* The classes and the queries that lose most: the worst five, the others folded. */
void cgap_changes_page(cgap_page *page, const cgap_changes *changes, const cgap_row_names *names);

#endif
