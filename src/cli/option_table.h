/* Commands and their options as tables, and what follows from them: how a value is read, --help, man pages, and
 * completions for bash and zsh. The build asks the program for these documents by options that --help does not list:
 *
 *   contragap --help-roff [COMMAND]   contragap --help-bash   contragap --help-zsh   contragap --help-schema */
#ifndef CLI_OPTION_TABLE_H
#define CLI_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum cli_kind {
  CLI_FLAG,   /* bool */
  CLI_STRING, /* const char *, lives until cli_args_clear */
  CLI_INT,    /* int */
  CLI_COUNT,  /* size_t, digits only */
  CLI_SEED,   /* uint64_t, digits only */
  CLI_REAL,   /* double, finite */
  CLI_BYTES,  /* uint64_t: digits and K, M or G (2^10, 2^20, 2^30) */
  CLI_CHOICE, /* int: index into choices */
  CLI_LIST    /* cli_list: the option may be given again */
} cli_kind;

typedef struct cli_list {
  const char **items;
  size_t count;
} cli_list;

/* One option; its default is what the target holds. Ends a table where name is NULL. */
typedef struct cli_option {
  const char *name; /* without the dashes */
  char letter;      /* '\0': none */
  cli_kind kind;
  void *target;
  const char *value; /* what --help calls the value: "N", "PATH"; NULL for flags and choices */
  const char *help;
  const char *zero;           /* what --help prints for the default 0, NULL or choice -1; NULL: nothing */
  double low, high;           /* inclusive bounds of numbers; both 0: none (counts are never negative) */
  const char *const *choices; /* CLI_CHOICE: ends with NULL */
} cli_option;

typedef struct cli_group {
  const char *title;
  const cli_option *options;
} cli_group;

/* What is left of a command line when its options are read. */
typedef struct cli_args {
  const char **items; /* (count) */
  size_t count;
  char *command_line; /* all of it, as one line */
  void *state;        /* owns every string of the command line */
} cli_args;

enum { CLI_GROUPS = 6 };

typedef struct cli_spec {
  const char *name, *summary; /* "audit"; a line for the list of commands */
  const char *usage;          /* what follows the name: "FILE… [-o DIR]" */
  const char *example;        /* one or more command lines */
  const char *about;          /* a sentence or two */
  cli_group groups[CLI_GROUPS + 1];
  size_t at_least, at_most;         /* arguments that are no options; at_most 0: any number */
  const char *argument;             /* what they are, for the message: "FILE" */
  bool distributed;                 /* shares its work out where several ranks are started */
  void (*prepare)(void);            /* sets defaults that differ from those in the tables; NULL: none do */
  int (*run)(const cli_args *args); /* returns the exit code */
} cli_spec;

/* Reads `text` into option->target; false with the reason in why (one line, without the option's name). */
bool cli_value_read(const cli_option *option, const char *text, char why[200]);

/* The default as --help prints it; "" where there is none to show. */
void cli_value_show(const cli_option *option, char out[100]);

/* --help of a command, on stdout; returns the exit code. */
int cli_help(const cli_spec *spec);

/* The document that argv[1] asks for, on stdout: the exit code, or CLI_GO where it asks for none. */
int cli_document(int argc, char **argv, const cli_spec *const *commands, size_t count);

#endif
