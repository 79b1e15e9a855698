/* DIR of `compare -o DIR`: compare.json, report.html, and figures where the inputs have them. */
#ifndef CLI_COMPARE_FOLDER_H
#define CLI_COMPARE_FOLDER_H

#include "base/output_file.h"
#include "cli/options.h"
#include "report/comparison_show.h"
#include "report/json.h"

typedef struct cli_comparison {
  const cgap_comparison *comparison;
  const char *const *paths;        /* (count of the comparison), as they were given */
  const cgap_audit *const *audits; /* (count); NULL: a report */
  const json_t *json;              /* of cgap_comparison_json */
  cgap_run run;
} cli_comparison;

/* Before the work: makes the folder. CGAP_FILE where it holds what compare did not write, CGAP_USAGE where it would
 * replace an input. */
CGAP_MUST_CHECK cgap_status cli_compare_folder_open(cgap_folder *out, const char *folder, const char *const *inputs,
                                                    size_t count, cgap_error *error);

/* told: as of cgap_render_figures. */
CGAP_MUST_CHECK cgap_status cli_compare_write(const cli_comparison *c, const char *folder,
                                              void (*warn_line)(const char *line), cgap_error *error);

/* ---------------------------------------------------------------- compare input */

/* The arguments of `compare`: which are reports, and short names for all. */

/* Whether a report stands behind an argument, and its path: a folder's report.json, a training's after.json, or a file
 * that begins with a brace. */
bool cli_compare_report(char path[CGAP_PATH], const char *argument);

/* The shortest tail of argument k that no other argument ends with. */
void cli_compare_name(char out[CGAP_PATH], const cli_args *args, size_t k);

#endif
