/* Figures, page and table of a sweep. */
#ifndef CLI_SWEEP_FIGURES_H
#define CLI_SWEEP_FIGURES_H

#include "cli/sweep_results.h"

/* report.html, and in folder/figures a figure for each axis that varies and a map of the first two. */
CGAP_MUST_CHECK cgap_status sweep_figures_write(const sweep_results *results, const cgap_sweep_grid *grid,
                                                const char *folder, const cgap_run *run, const char *source,
                                                void (*warn_line)(const char *line), cgap_error *error);

/* Means over seeds of the main measures, a line a setting, on stdout. */
void sweep_results_print(const sweep_results *results, const cgap_sweep_grid *grid, int columns);

#endif
