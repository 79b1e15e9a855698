/* The kinds of option values: how each is read and how its default is shown. */
#ifndef CLI_OPTION_VALUES_H
#define CLI_OPTION_VALUES_H

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

/* One option. Ends a table where name is NULL. */
typedef struct cli_option {
  const char *name; /* without the dashes */
  char letter;      /* '\0': none */
  cli_kind kind;
  void *target;
  const char *value; /* what --help calls the value: "N", "PATH"; NULL for flags and choices */
  const char *help;
  double low, high;           /* inclusive bounds of numbers; both 0: none (counts are never negative) */
  const char *const *choices; /* CLI_CHOICE: ends with NULL */
  const char *zero;           /* what --help prints for the default 0, NULL or choice -1; NULL: nothing */
} cli_option;

typedef struct cli_group {
  const char *title;
  const cli_option *options;
} cli_group;

enum { CLI_GROUPS = 6 };

typedef struct cli_spec {
  const char *name;    /* "audit" */
  const char *usage;   /* what follows the name: "FILE… [-o DIR]" */
  const char *example; /* one or more command lines */
  const char *about;   /* a sentence or two */
  cli_group groups[CLI_GROUPS + 1];
  size_t at_least, at_most; /* arguments that are no options; at_most 0: any number */
  const char *argument;     /* what they are, for the message: "FILE" */
} cli_spec;

/* Reads `text` into option->target; false with the reason in why (one line, without the option's name). */
bool cli_value_read(const cli_option *option, const char *text, char why[200]);

/* The default as --help prints it; "" where there is none to show. */
void cli_value_show(const cli_option *option, char out[100]);

#endif
