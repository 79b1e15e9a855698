/* Man pages, in roff (man(7)). */
#ifndef CGAP_CLI_MANUAL_H
#define CGAP_CLI_MANUAL_H

#include "cli/commands.h"
#include "cli/option_values.h"

void cli_manual_program(const cli_command *commands, size_t count);
void cli_manual_begin(const cli_command *command);
void cli_manual_part(const cli_spec *spec);

#endif
