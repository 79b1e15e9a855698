/* The commands of main.c's table, one cmd_*.c each: argv[0] is the command's name, the exit code comes back. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include <stdbool.h>

typedef struct cli_command {
  const char *name, *summary;
  int (*run)(int argc, char **argv);
  bool distributed; /* shares its work out where several ranks are started */
} cli_command;

/* Starts the program again with faster BLAS kernels where OpenBLAS does not know the processor; argv is main's. */
void cli_select_blas(char **argv);

int cmd_audit(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_apply(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_sweep(int argc, char **argv);
int cmd_train(int argc, char **argv);
int cmd_simulate(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_plot(int argc, char **argv);

#endif
