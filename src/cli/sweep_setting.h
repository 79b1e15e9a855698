/* One setting of a sweep's grid: its options for a training, and how they are written. */
#ifndef CGAP_CLI_SWEEP_SETTING_H
#define CGAP_CLI_SWEEP_SETTING_H

#include <jansson.h>

#include "cli/train_options.h"
#include "head/training/sweep_grid.h"

/* base, with what the setting says of each axis. CGAP_USAGE names the axis and the text that it cannot have. */
CGAP_MUST_CHECK cgap_status sweep_setting_options(cgap_train_options *out, const cgap_grid *grid,
                                                  const cgap_train_options *base, size_t setting, cgap_error *error);

/* {axis: text} of a setting; all that matters to a training of rows of dim_in. Both the caller's; NULL: out of memory.
 */
json_t *sweep_setting_json(const cgap_grid *grid, size_t setting);
json_t *sweep_options_json(const cgap_train_options *o, size_t dim_in);

#endif
