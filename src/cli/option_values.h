/* The kinds of option values: how each is read and how its default is shown. */
#ifndef CGAP_CLI_VALUE_H
#define CGAP_CLI_VALUE_H

#include "cli/options.h"

/* Reads `text` into option->target; false with the reason in why (one line, without the option's name). */
bool cli_value_read(const cli_option *option, const char *text, char why[200]);

/* The default as --help prints it; "" where there is none to show. */
void cli_value_show(const cli_option *option, char out[100]);

#endif
