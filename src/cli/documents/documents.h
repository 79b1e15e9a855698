/* What is made from the option tables besides --help: man pages, and completions for bash and zsh. The build asks the
 * program for them by options that --help does not list:
 *
 *   contragap --help-roff [COMMAND]   contragap --help-bash   contragap --help-zsh   contragap --help-schema */
#ifndef CLI_DOCUMENTS_DOCUMENTS_H
#define CLI_DOCUMENTS_DOCUMENTS_H

#include "cli/commands.h"
#include "cli/option_values.h"

/* The whole document on stdout; CLI_GO where argv[1] asks for none. */
int cli_document(int argc, char **argv, const cli_command *commands, size_t count);

/* A command's own part of it; CLI_GO where `option` asks for none. */
int cli_document_command(const cli_spec *spec, const char *option);

/* ---------------------------------------------------------------- manual */

/* Man pages, in roff (man(7)). */

void cli_manual_program(const cli_command *commands, size_t count);
void cli_manual_begin(const cli_command *command);
void cli_manual_command(const cli_spec *spec);

/* ---------------------------------------------------------------- completion */

/* Completions for bash and zsh: commands, their options, the choices of an option, and files everywhere else. */

void cli_bash_begin(const cli_command *commands, size_t count);
void cli_bash_command(const cli_spec *spec);
void cli_bash_end(void);
void cli_zsh_begin(const cli_command *commands, size_t count);
void cli_zsh_command(const cli_spec *spec);
void cli_zsh_end(void);

#endif
