/* Figures of what a head changes for whom: search in one index before and after, and who loses. */
#ifndef CGAP_REPORT_CHANGE_FIGURES_H
#define CGAP_REPORT_CHANGE_FIGURES_H

#include "head/evaluation/changes.h"
#include "io/find/row_names.h"

/* one_index: for each rank in one index of both modalities, which fraction of the queries has its partner up to there.
 * Then one of: confusion, of classes whose images go to others: from which class into which; who_loses, of queries:
 * their ranks in the other modality, before and after. */
enum { CGAP_CHANGE_FIGURES = 2 };

/* What the changes are of. */
typedef struct cgap_change_view {
  const cgap_changes *changes;
  const cgap_audit *before, *after;
  const cgap_row_names *names; /* of the classes; or NULL */
  const char *source;          /* name of the data */
} cgap_change_view;

/* The names of those that there are; returns how many. */
size_t cgap_change_figures_of(const cgap_changes *changes, const char *names[CGAP_CHANGE_FIGURES]);

/* Their tables and scripts into folder, which exists. */
CGAP_MUST_CHECK cgap_status cgap_change_figures_write(const cgap_change_view *view, const char *folder,
                                                      cgap_error *error);

#endif
