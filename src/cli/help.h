/* --help of a command: example first, then the options with their live defaults. */
#ifndef CGAP_CLI_HELP_H
#define CGAP_CLI_HELP_H

#include "cli/opt.h"

int cli_help(const cli_spec *spec); /* on stdout; returns 0 */

/* Prints text wrapped at `width` columns, every line after the first indented by `indent`; starts at column `at`. */
void cli_wrap(const char *text, int at, int indent, int width);

#endif
