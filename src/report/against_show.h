/* Heads next to the original embeddings, to center and to their start: a table, JSON, and the conclusion. */
#ifndef CGAP_REPORT_AGAINST_SHOW_H
#define CGAP_REPORT_AGAINST_SHOW_H

#include "head/evaluation/against.h"
#include "report/page.h"

/* {"center": {"corrected_distance": {"value", "ci95", "verdict"}, "mixed_ndcg_at_10", "recall_at_1"}, "start",
 * "opens"}, a rival null where it is not known. NULL: out of memory. */
json_t *cgap_against_json(const cgap_against *against);

/* Who competes: a head, or the mean of several. */
typedef struct cgap_contender {
  const char *name;
  const cgap_against *against;
} cgap_contender;

/* A line for the embeddings as they are (before: CGAP_TRIAL_MEASURES numbers), for center, and for each head with its
 * start and the differences to both; 80 columns. What is the same is shown once: the start of several heads, and
 * differences to a start that is center. */
void cgap_against_print(const cgap_modality_names *names, const double *before, const cgap_contender *heads,
                        size_t count, const cgap_paper *paper, FILE *stream);
void cgap_against_page(cgap_page *page, const double *before, const cgap_contender *heads, size_t count);

/* One sentence: which head is best by the mean of mixed nDCG@10 and recall@1, of those that do not open the gap;
 * whether it is better than center; which of them open the gap. "" where center is not known. */
void cgap_against_conclude(char text[CGAP_SENTENCE], const cgap_modality_names *names, const cgap_contender *heads,
                           size_t count);

/* What follows from it: that head, or center. */
void cgap_against_advise(char text[CGAP_SENTENCE], const cgap_modality_names *names, const cgap_contender *heads,
                         size_t count);

#endif
