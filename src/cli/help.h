/* --help of a command: example first, then the options with their live defaults. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli/option_values.h"

int cli_help(const cli_spec *spec); /* on stdout; returns 0 */

#endif
