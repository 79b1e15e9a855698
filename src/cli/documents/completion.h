/* Completions for bash and zsh: commands, their options, the choices of an option, and files everywhere else. */
#ifndef CGAP_CLI_COMPLETION_H
#define CGAP_CLI_COMPLETION_H

#include "cli/commands.h"
#include "cli/option_values.h"

void cli_bash_begin(const cli_command *commands, size_t count);
void cli_bash_part(const cli_spec *spec);
void cli_bash_end(void);
void cli_zsh_begin(const cli_command *commands, size_t count);
void cli_zsh_part(const cli_spec *spec);
void cli_zsh_end(void);

#endif
