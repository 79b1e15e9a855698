/* What is made from the option tables besides --help: man pages, and completions for bash and zsh. The build asks the
 * program for them by options that --help does not list:
 *
 *   contragap --help-roff [COMMAND]   contragap --help-bash   contragap --help-zsh */
#ifndef CGAP_CLI_DOCUMENTS_H
#define CGAP_CLI_DOCUMENTS_H

#include "cli/commands.h"
#include "cli/option_values.h"

/* The whole document on stdout; CLI_GO where argv[1] asks for none. */
int cli_document(int argc, char **argv, const cli_command *commands, size_t count);

/* A command's own part of it; CLI_GO where `option` asks for none. */
int cli_document_part(const cli_spec *spec, const char *option);

#endif
