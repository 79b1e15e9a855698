/* The arguments of `compare`: which are reports, and short names for all. */
#ifndef CGAP_CLI_COMPARE_INPUT_H
#define CGAP_CLI_COMPARE_INPUT_H

#include "base/output_file.h"
#include "cli/options.h"

/* Whether a report stands behind an argument, and its path: a folder's report.json, a training's after.json, or a file
 * that begins with a brace. */
bool cli_compare_report(char path[CGAP_PATH], const char *argument);

/* The shortest tail of argument k that no other argument ends with. */
void cli_compare_name(char out[CGAP_PATH], const cli_args *args, size_t k);

#endif
