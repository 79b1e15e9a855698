/* What the page, the figures and the table of a sweep are made of: the results, the axes that vary, and the measures
 * that are shown. Functions are in sweep_report.c. */
#ifndef CGAP_CLI_SWEEP_VIEW_H
#define CGAP_CLI_SWEEP_VIEW_H

#include "cli/sweep_results.h"

enum { SWEEP_GAP, SWEEP_UNIFORMITY, SWEEP_ALIGNMENT, SWEEP_NDCG, SWEEP_RECALL, SWEEP_SHOWN_COUNT };

/* The mean of both directions where there are two (other not NULL); the gap first, retrieval last. */
extern const struct sweep_shown_measure {
  const char *title, *words, *head, *key, *other;
} sweep_shown[SWEEP_SHOWN_COUNT];

typedef struct sweep_view {
  const sweep_results *results;
  const sweep_ranking *ranking;
  const cgap_sweep_grid *grid;
  const cgap_run *run;
  const char *source;
  int axis[CGAP_AXES_MAX]; /* those that vary, without the seed */
  size_t axes;
} sweep_view;

sweep_view sweep_view_of(const sweep_results *results, const cgap_sweep_grid *grid, const sweep_ranking *ranking);

/* Of a shown measure, over the runs that agree with `index` on the axes of the bits `fixed`. */
cgap_mean_sd sweep_view_mean_sd(const sweep_view *view, const size_t index[CGAP_AXES_MAX], unsigned fixed,
                                size_t measure);

/* What a head is compared with: the rows before any training. */
void sweep_view_before(double out[CGAP_TRIAL_MEASURES], const sweep_view *view);

bool sweep_view_has_intervals(const sweep_view *view); /* of the conclusion */
extern const char sweep_brackets[];                    /* the sentence that says so */

#endif
