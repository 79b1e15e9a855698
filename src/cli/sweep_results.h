/* What a sweep has measured: a growing file of runs, and at the end tables, means over seeds and figures. */
#ifndef CLI_SWEEP_RESULTS_H
#define CLI_SWEEP_RESULTS_H

#include <jansson.h>

#include "cli/train_options.h"
#include "head/training/train_options.h"
#include "head/training/training_run.h"
#include "report/against_show.h"
#include "report/json.h"
#include "report/markup.h"

/* A run is {"setting": {axis: number or text}, "data", "options": {…}, "seconds", "epochs", "kept_epoch",
 * "results": {key: number or null}, "references": {"before", "center", "start": {key: number}}, "against":
 * cgap_against_json}, of which the last two are missing in runs of earlier versions; with "why" where the training
 * diverged, and next to it "failed" where a rank could not make the run, which --resume tries again. */
typedef struct sweep_results {
  json_t *file;    /* every run of runs.jsonl that was made */
  json_t *runs;    /* those of the present grid, settings as the texts of the grid: all that is written and shown */
  char path[4096]; /* runs.jsonl */
  size_t images, texts, dim; /* of the data, for the figures */
  cgap_modality_names names;
} sweep_results;

/* What a head is shown next to. */
typedef enum sweep_reference { SWEEP_BEFORE, SWEEP_CENTER, SWEEP_START, SWEEP_REFERENCES } sweep_reference;
extern const char *const sweep_reference_names[SWEEP_REFERENCES];
extern const char *const sweep_reference_keys[]; /* of the measures shown of them; ends with NULL */

/* What was measured of a run on the test part. */
typedef struct sweep_measured {
  const cgap_audit *head, *reference[SWEEP_REFERENCES];
  const cgap_against *against;
} sweep_measured;

/* A new run, the caller's. measured NULL: there are no results, and why says how that came. */
json_t *sweep_run_json(json_t *setting, const char *data, json_t *options, const cgap_training_result *training_result,
                       const sweep_measured *measured, const char *why);

/* resume: takes the runs that folder/runs.jsonl holds, a last half-written line left out. CGAP_FILE where another line
 * is no run, CGAP_USAGE where one has other data than `data`: the file stays as it was. */
CGAP_MUST_CHECK cgap_status sweep_results_open(sweep_results *out, const char *folder, bool resume, const char *data,
                                               cgap_error *error);
void sweep_results_clear(sweep_results *results);

/* Takes a run with these options from the file into the present grid; *found: whether there was one. */
CGAP_MUST_CHECK cgap_status sweep_results_take(sweep_results *results, const json_t *options, const json_t *setting,
                                               bool *found, cgap_error *error);

/* Appends to the file, one whole line, and to the present grid; steals run. */
CGAP_MUST_CHECK cgap_status sweep_results_add(sweep_results *results, json_t *run, cgap_error *error);

/* sweep.csv and sweep.json. fail_if: what came of each threshold; NULL: none was given. */
CGAP_MUST_CHECK cgap_status sweep_results_write(const sweep_results *results, const cgap_sweep_grid *grid,
                                                const char *folder, const cgap_run *run, json_t *fail_if,
                                                cgap_error *error);

/* A bit for each axis. */
enum { SWEEP_ALL = (1 << CGAP_AXES_MAX) - 1, SWEEP_ALL_BUT_SEED = SWEEP_ALL & ~(1 << CGAP_AXIS_SEED) };

/* Of a measure, or of each run's mean of two (other not NULL), over the runs that agree with `index` on every axis
 * whose bit is set in `fixed`; and the values of these runs, NaN where a run has none; returns how many. values has a
 * place for every run. */
size_t sweep_values_over(double *values, const sweep_results *results, const cgap_sweep_grid *grid,
                         const size_t index[CGAP_AXES_MAX], unsigned fixed, const char *key, const char *other);
cgap_mean_sd sweep_mean_sd_over(const sweep_results *results, const cgap_sweep_grid *grid,
                                const size_t index[CGAP_AXES_MAX], unsigned fixed, const char *key, const char *other);

/* The same of what the heads are shown next to, over all runs. */
cgap_mean_sd sweep_reference_over(const sweep_results *results, sweep_reference reference, const char *key,
                                  const char *other);

/* The keys of the measures that heads are compared by: one, or the mean of two. */
extern const char *const sweep_trial_keys[CGAP_TRIAL_MEASURES][2];

/* A setting's heads against center and start: means over its seeds, whose test parts overlap, so that the ends of the
 * intervals are means too: too wide rather than too narrow. opens: most of them open the gap. */
void sweep_against(cgap_against *out, const sweep_results *results, const cgap_sweep_grid *grid,
                   const size_t index[CGAP_AXES_MAX]);

/* Of each seed (seed_count of the grid, 1 where it has none): the mean of mixed nDCG@10 and recall@1 of its run, NaN
 * where there is none. */
void sweep_scores(double *out, const sweep_results *results, const cgap_sweep_grid *grid,
                  const size_t index[CGAP_AXES_MAX]);
size_t sweep_seed_count(const cgap_sweep_grid *grid);

/* The settings without the seed are those whose seed is the first one; fills index. */
bool sweep_is_first_seed(const cgap_sweep_grid *grid, size_t setting, size_t index[CGAP_AXES_MAX]);

/* ---------------------------------------------------------------- sweep setting */

/* One setting of a sweep's grid: its options for a training, and how they are written. */

/* base, with what the setting says of each axis. CGAP_USAGE names the axis and the text that it cannot have. */
CGAP_MUST_CHECK cgap_status sweep_setting_options(cgap_train_options *out, const cgap_sweep_grid *grid,
                                                  const cgap_train_options *base, size_t setting, cgap_error *error);

/* {axis: text} of a setting, of the axes whose bit is set; its copy with numbers as numbers; all that matters to a
 * training of rows of dim_in. All the caller's; NULL: out of memory.
 */
json_t *sweep_setting_json(const cgap_sweep_grid *grid, const size_t index[CGAP_AXES_MAX], unsigned axes);
json_t *sweep_setting_numbers_json(const json_t *setting);

/* The text of an axis' value as a number where it is one: "full" of a batch and the names of losses stay texts. */
json_t *sweep_value_json(int axis, const char *text);

json_t *sweep_written_run(json_t *run);                              /* as files have it: numbers as numbers */
const char *sweep_setting_of(const json_t *run, int axis);           /* the text; "" where there is none */
double sweep_result_of(const json_t *run, const char *key);          /* a measure; NaN where there is none */
bool sweep_json_put(json_t *object, const char *key, json_t *value); /* steals value, NULL where memory ran out */
json_t *sweep_json_complete(json_t *made, bool ok);                  /* made, or NULL where a part of it could not be */
json_t *sweep_options_json(const cgap_train_options *o, size_t dim_in);

/* ---------------------------------------------------------------- ranking */

/* A setting without its seed. */
typedef struct sweep_rank {
  size_t setting; /* its number in the grid, of its first seed */
  size_t index[CGAP_AXES_MAX];
  char name[80]; /* "--loss cua --dim 4": the axes that vary */
  cgap_against against;
  double score; /* mean of sweep_scores; NaN where a run of it has no results */
} sweep_rank;

/* Best first: by the score, a held-out number. Those that open the gap come after the others, those without a score
 * last; equals are in the order of the grid. */
typedef struct sweep_ranking {
  sweep_rank *rank;     /* (count) */
  cgap_contender *head; /* (count) the same for report/against_show */
  size_t count;
} sweep_ranking;

CGAP_MUST_CHECK cgap_status sweep_ranking_init(sweep_ranking *out, const sweep_results *results,
                                               const cgap_sweep_grid *grid, cgap_error *error);
void sweep_ranking_clear(sweep_ranking *ranking);

/* One sentence: which setting is best, compared with center; then what ranks the settings, and how sure the first
 * place is. */
void sweep_conclude(char text[CGAP_SENTENCE], const cgap_modality_names *names, const sweep_ranking *ranking);
void sweep_criterion(char text[CGAP_SENTENCE], const cgap_modality_names *names, const sweep_ranking *ranking,
                     const sweep_results *results, const cgap_sweep_grid *grid);

/* [{"rank", "setting", "score", "opens_gap"}], best first; rank null without a score. NULL: out of memory. */
json_t *sweep_ranking_json(const sweep_ranking *ranking, const cgap_sweep_grid *grid);

/* The place of rank[k], from 1, equals sharing it; 0 without a score. The same of the setting that a run belongs to. */
size_t sweep_place(const sweep_ranking *ranking, size_t k);
size_t sweep_place_of(const sweep_ranking *ranking, const cgap_sweep_grid *grid, const json_t *run);

/* ---------------------------------------------------------------- sweep report */

/* report.html, and in folder/figures a figure for each axis that varies and a map of the first two. */
CGAP_MUST_CHECK cgap_status sweep_report_write(const sweep_results *results, const cgap_sweep_grid *grid,
                                               const char *folder, const cgap_run *run, const char *source,
                                               void (*warn_line)(const char *line), cgap_error *error);

/* Means over seeds of the main measures on stdout: a sentence of conclusion, a line for what needs no training, and one
 * for each setting, best first: the first ten, or `all`. */
CGAP_MUST_CHECK cgap_status sweep_report_print(const sweep_results *results, const cgap_sweep_grid *grid, bool all,
                                               const cgap_paper *paper, cgap_error *error);
CGAP_MUST_CHECK cgap_status sweep_report_markup(const sweep_results *results, const cgap_sweep_grid *grid,
                                                cgap_markup markup, cgap_error *error);

#endif
