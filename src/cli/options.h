/* Options of the commands: tables that libpopt parses and --help prints.
 *
 * A command declares its options as a table of cli_option over its own static variables, names the
 * groups it takes in a cli_spec, and calls cli_parse. See cmd_audit.c for an example. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/language.h"
#include "cli/messages.h"
#include "cli/modalities.h"
#include "cli/option_table.h"
#include "cli/run_info.h"

extern const cli_option cli_input_options[]; /* --image … --merge-images */
extern const cli_option cli_run_options[];   /* --threads --memory --seed --progress --quiet -v */
/* A row for the tables of commands that write. */
#define CLI_FORCE_OPTION                                                                                               \
  {                                                                                                                    \
    .name = "force", .kind = CLI_FLAG, .target = &cli_shared.force,                                                    \
    .help = "replace existing output: a finished training or sweep, results of another command, your files"            \
  }
#define CLI_LANG_OPTION                                                                                                \
  {                                                                                                                    \
    .name = "lang", .kind = CLI_CHOICE, .target = &cli_shared.lang, .choices = cgap_language_codes,                    \
    .help = "language of sentences, pages and figures; JSON, CSV and messages stay English"                            \
  }
#define CLI_INPUT_GROUP                                                                                                \
  {                                                                                                                    \
    "Input", cli_input_options                                                                                         \
  }
#define CLI_RUN_GROUP                                                                                                  \
  {                                                                                                                    \
    "Running", cli_run_options                                                                                         \
  }

/* The commands, one cmd_*.c each; main.c lists them. */
extern const cli_spec cmd_info, cmd_audit, cmd_simulate, cmd_bench, cmd_train, cmd_apply, cmd_compare, cmd_sweep,
  cmd_convert, cmd_plot;

/* Parses argv (argv[0] is the command's name). Returns CLI_GO, or the exit code to leave with: 0 after --help,
 * 2 after one line on stderr. Call cli_args_clear in every case, when the options' strings are no longer used. */
int cli_parse(cli_args *out, const cli_spec *spec, int argc, char **argv);
void cli_args_clear(cli_args *args);
bool cli_given(const cli_args *args, const char *option); /* whether the command line names it */

/* The forms in which a command prints its table instead of text; and rows for its options. */
typedef struct cli_forms {
  bool json, csv, markdown, latex;
} cli_forms;
#define CLI_KEYS_OPTION(target_)                                                                                       \
  {                                                                                                                    \
    .name = "keys", .kind = CLI_FLAG, .target = &(target_),                                                            \
    .help = "list what --fail-if can test, a key a line, and stop; with files, what is known of them"                  \
  }
#define CLI_MARKUP_OPTIONS(forms)                                                                                      \
  {.name = "markdown",                                                                                                 \
   .kind = CLI_FLAG,                                                                                                   \
   .target = &(forms).markdown,                                                                                        \
   .help = "print the table as Markdown, for a model card"},                                                           \
  {                                                                                                                    \
    .name = "latex", .kind = CLI_FLAG, .target = &(forms).latex,                                                       \
    .help = "print the table as LaTeX with booktabs, for a paper"                                                      \
  }

/* CGAP_USAGE where more than one is asked for: each takes standard output. */
CGAP_MUST_CHECK cgap_status cli_check_forms(const char *command, const cli_forms *forms, cgap_error *error);

/* Prints folder/name, which was just written, on stdout. */
CGAP_MUST_CHECK cgap_status cli_print_file(const char *folder, const char *name, cgap_error *error);

/* The thresholds of --fail-if, one for each item and a place for one more; the caller's (free), also on failure.
 * allowed: what the command has besides the report of what it made. */
enum { CLI_TESTS_BEFORE = 1, CLI_TESTS_DIFFERENCE = 2, CLI_TESTS_WORSE = 4 };
CGAP_MUST_CHECK cgap_status cli_thresholds(cgap_threshold **out, const cli_list *texts, unsigned allowed,
                                           cgap_error *error);

/* What was given, for titles: the names of the files without their folders, "a.h5 and 3 more" where they are many. */
void cli_source_name(char *out, size_t size, const cli_args *args);

#endif
