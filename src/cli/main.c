/* contragap: a table of commands. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/output_file.h"
#include "base/text_buffer.h"
#include "cli/commands.h"
#include "cli/documents/documents.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/ranks.h"
#include "io/read/hdf5_basics.h"

static const cli_command commands[] = {
  {"info", "what is in a file, what was taken from it, and why", cmd_info, false},
  {"audit", "every measure of the gap: a table, a report, figures", cmd_audit, true},
  {"simulate", "embeddings with known answers", cmd_simulate, false},
  {"bench", "how fast this machine does the work, and how fast it could", cmd_bench, true},
  {"train", "fits a head that closes the gap; before and after", cmd_train, true},
  {"apply", "embeddings through a head or a training-free method", cmd_apply, true},
  {"compare", "reports or embeddings side by side: each difference", cmd_compare, false},
  {"sweep", "training over a grid: the gap against each axis", cmd_sweep, true},
  {"convert", "other containers into our HDF5 layout, or into .npy", cmd_convert, false},
  {"plot", "draws the figures of a folder again", cmd_plot, false},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static int list_commands(void)
{
  printf("contragap %s: audits the gap between two modalities' embeddings and closes it\n\n", cgap_version());
  printf("example:\n  contragap audit img_emb.npy text_emb.npy\n  contragap audit pairs.h5 -o report\n\n");
  printf("usage: contragap COMMAND …   (contragap COMMAND --help says more)\n\n");
  for (size_t i = 0; i < COMMANDS; i++)
    printf("  %-10s %s\n", commands[i].name, commands[i].summary);
  return cli_flushed();
}

static int unknown_command(const char *name)
{
  cgap_did_you_mean near = cgap_did_you_mean_init(name);
  for (size_t i = 0; i < COMMANDS; i++)
    cgap_did_you_mean_offer(&near, commands[i].name);
  if (near.name)
    return cli_usage("unknown command %s; did you mean %s?", name, near.name);
  return cli_usage("unknown %s %s (contragap --help lists the commands)", name[0] == '-' ? "option" : "command", name);
}

static const cli_command *find_command(const char *name)
{
  for (size_t i = 0; i < COMMANDS; i++)
    if (strcmp(commands[i].name, name) == 0)
      return &commands[i];
  return NULL;
}

/* HDF5 keeps the sources of virtual datasets open, and there may be more than the usual limit allows. */
static void allow_many_files(void)
{
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
  }
}

/* CGAP_INTERRUPTED in place of CGAP_OK where a signal came that the work did not notice before its end. */
static int final_code(int code)
{
  cgap_error error = {0};
  if (code != CGAP_OK || !cli_interrupted())
    return code;
  cli_interrupt_acknowledge();
  (void)cgap_fail(&error, CGAP_INTERRUPTED, "interrupted after the work had finished; all output is complete");
  return cli_fail(&error);
}

static int run_command(int argc, char **argv, const cli_command *command)
{
  if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
    return list_commands();
  if (strcmp(argv[1], "--version") == 0) {
    printf("contragap %s\n", cgap_version());
    return cli_flushed();
  }
  if (strcmp(argv[1], "help") == 0) {
    const cli_command *topic = argc > 2 ? find_command(argv[2]) : NULL;
    if (argc > 2 && !topic)
      return unknown_command(argv[2]);
    return topic ? topic->run(2, (char *[]){argv[2], (char[]){"--help"}, NULL}) : list_commands();
  }
  int code = cli_document(argc, argv, commands, COMMANDS);
  if (code != CLI_GO)
    return code;
  if (!command)
    return unknown_command(argv[1]);
  code = cli_ranks_open(command->distributed);
  if (code != CLI_GO)
    return code;
  code = command->run(argc - 1, argv + 1);
  cgap_locks_remove(); /* the end of a job of ranks may be a signal */
  return cli_ranks() ? cli_ranks_close(code) : final_code(code);
}

int main(int argc, char **argv)
{
  const cli_command *command = argc > 1 ? find_command(argv[1]) : NULL;
  static cgap_temporaries temporaries;
  cli_signals_hold();
  cgap_temporaries_watch(&temporaries);
  cgap_json_watch_memory();
  if (command)
    cli_select_blas(argv); /* before there is a second thread, which executing would end */
  cli_signals_watch();
  cli_interrupt_guard_exit();
  cgap_hdf5_skip_exit();
  allow_many_files();
  const int code = run_command(argc, argv, command);
  cli_interrupt_exit_decided();
  return code;
}
