/* contragap: a table of commands. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/output_file.h"
#include "base/text_buffer.h"
#include "cli/hdf5_helper.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "comm/comm.h"
#include "io/read/hdf5_basics.h"
#include "report/gnuplot.h"

static const cli_spec *const commands[] = {&cmd_info,  &cmd_audit,   &cmd_simulate, &cmd_bench,   &cmd_train,
                                           &cmd_apply, &cmd_compare, &cmd_sweep,    &cmd_convert, &cmd_plot};

enum { COMMANDS = sizeof commands / sizeof *commands };

static int list_commands(void)
{
  printf("contragap %s: audits the gap between two modalities' embeddings and closes it\n\n", cgap_version());
  printf("example:\n  contragap audit img_emb.npy text_emb.npy\n  contragap audit pairs.h5 -o report\n\n");
  printf("usage: contragap COMMAND …   (contragap COMMAND --help says more)\n\n");
  for (size_t i = 0; i < COMMANDS; i++)
    printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
  return cli_flushed();
}

static int unknown_command(const char *name)
{
  cgap_did_you_mean near = cgap_did_you_mean_init(name);
  for (size_t i = 0; i < COMMANDS; i++)
    cgap_did_you_mean_offer(&near, commands[i]->name);
  if (near.name)
    return cli_usage("unknown command %s; did you mean %s?", name, near.name);
  return cli_usage("unknown %s %s (contragap --help lists the commands)", name[0] == '-' ? "option" : "command", name);
}

static const cli_spec *find_command(const char *name)
{
  for (size_t i = 0; i < COMMANDS; i++)
    if (strcmp(commands[i]->name, name) == 0)
      return commands[i];
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

static int run_command(int argc, char **argv, const cli_spec *command)
{
  if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
    return list_commands();
  if (strcmp(argv[1], "--version") == 0) {
    printf("contragap %s\n", cgap_version());
    return cli_flushed();
  }
  if (strcmp(argv[1], "help") == 0) {
    const cli_spec *topic = argc > 2 ? find_command(argv[2]) : NULL;
    if (argc > 2 && !topic)
      return unknown_command(argv[2]);
    return topic ? cli_help(topic) : list_commands();
  }
  int code = cli_document(argc, argv, commands, COMMANDS);
  if (code != CLI_GO)
    return code;
  if (!command)
    return unknown_command(argv[1]);
  code = cli_ranks_open(command->distributed);
  if (code != CLI_GO)
    return code;
  cli_args args;
  if (command->prepare)
    command->prepare();
  code = cli_parse(&args, command, argc - 1, argv + 1);
  if (code == CLI_GO) {
    for (size_t i = 0; i < args.count; i++)
      cli_crash_name(args.items[i]);
    cgap_hdf5_allow_plugins(cli_shared.plugins);
    code = command->run(&args);
  }
  cli_args_clear(&args);
  cgap_locks_remove(); /* the end of a job of ranks may be a signal */
  return cli_ranks() ? cli_ranks_close(code) : final_code(code);
}

/* What a command needs and --version does not: a helper, which is forked before there is a second thread, and that
 * thread, which hears signals. */
static void prepare_command(const cli_spec *command)
{
  static cgap_temporaries temporaries;
  cli_signals_hold();
  cgap_hdf5_skip_exit();
  cgap_hdf5_add_lzf();
  cgap_temporaries_watch(&temporaries);
  cgap_json_watch_memory();
  allow_many_files();
  if (command->argument && cgap_comm_launched() < 2)
    cli_hdf5_helper_start();
  cli_signals_watch();
}

int main(int argc, char **argv)
{
  const cli_spec *command = argc > 1 ? find_command(argv[1]) : NULL;
  if (command)
    prepare_command(command);
  cli_signals_of_writes_ignore();
  cli_interrupt_guard_exit();
  const int code = run_command(argc, argv, command);
  cgap_gnuplot_close();
  cli_hdf5_helper_end();
  cli_interrupt_exit_decided();
  return code;
}
