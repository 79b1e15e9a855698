#include "cli/documents/documents.h"

#include <stdio.h>
#include <string.h>

#include "cli/documents/completion.h"
#include "cli/documents/manual.h"
#include "cli/messages.h"

/* begin and end stand around the parts of all commands; a man page has one command. */
static const struct document {
  const char *option;
  void (*part)(const cli_spec *spec);
  void (*begin)(const cli_command *commands, size_t count);
  void (*end)(void);
} DOCUMENTS[] = {
  {"--help-roff", cli_manual_part, NULL, NULL},
  {"--help-bash", cli_bash_part, cli_bash_begin, cli_bash_end},
  {"--help-zsh", cli_zsh_part, cli_zsh_begin, cli_zsh_end},
};

static const struct document *find(const char *option)
{
  for (size_t i = 0; i < sizeof DOCUMENTS / sizeof *DOCUMENTS; i++)
    if (strcmp(DOCUMENTS[i].option, option) == 0)
      return &DOCUMENTS[i];
  return NULL;
}

int cli_document_part(const cli_spec *spec, const char *option)
{
  const struct document *d = find(option);
  if (!d)
    return CLI_GO;
  d->part(spec);
  return cli_flushed();
}

static int run_part(const cli_command *command, const struct document *d)
{
  char name[40], option[40];
  (void)snprintf(name, sizeof name, "%s", command->name);
  (void)snprintf(option, sizeof option, "%s", d->option);
  return command->run(2, (char *[]){name, option, NULL});
}

/* The page of one command, or, where none is named, of the program. */
static int man_page(const struct document *d, const char *name, const cli_command *commands, size_t count)
{
  if (!name) {
    cli_manual_program(commands, count);
    return cli_flushed();
  }
  for (size_t i = 0; i < count; i++) {
    if (strcmp(commands[i].name, name) == 0) {
      cli_manual_begin(&commands[i]);
      return run_part(&commands[i], d);
    }
  }
  return cli_usage("unknown command %s", name);
}

int cli_document(int argc, char **argv, const cli_command *commands, size_t count)
{
  const struct document *d = argc > 1 ? find(argv[1]) : NULL;
  int code = CGAP_OK;
  if (!d)
    return CLI_GO;
  if (!d->begin)
    return man_page(d, argc > 2 ? argv[2] : NULL, commands, count);
  d->begin(commands, count);
  for (size_t i = 0; i < count && code == CGAP_OK; i++)
    code = run_part(&commands[i], d);
  if (code == CGAP_OK)
    d->end();
  return code == CGAP_OK ? cli_flushed() : code;
}
