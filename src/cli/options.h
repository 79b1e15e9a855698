/* Options of the commands: tables that libpopt parses and --help prints.
 *
 * A command declares its options as a table of cli_option over its own static variables, names the
 * groups it takes in a cli_spec, and calls cli_parse. The defaults that --help prints are the values
 * that the variables hold. See cmd_audit.c for an example. */
#ifndef CGAP_CLI_OPT_H
#define CGAP_CLI_OPT_H

#include "report/table.h"

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

/* The options that commands share, filled by the groups below. */
typedef struct cli_common {
  const char *image, *text, *text_image, *labels, *class_text;
  bool unpaired, drop_bad, merge_images;
  int threads;           /* 0: as many as the machine has */
  uint64_t memory_bytes; /* 0: half of what is free */
  uint64_t seed;
  int progress; /* cli_progress_choice */
  bool force;   /* replace what the output holds: cli/overwrite.h */
  bool quiet, verbose;
} cli_common;

enum cli_progress_choice { CLI_PROGRESS_AUTO, CLI_PROGRESS_ALWAYS, CLI_PROGRESS_NEVER };

extern cli_common cli_shared;
extern const cli_option cli_input_options[]; /* --image … --merge-images */
extern const cli_option cli_run_options[];   /* --threads --memory --seed --progress --quiet -v */
/* A row for the tables of commands that write. */
#define CLI_FORCE_OPTION                                                                                               \
  {                                                                                                                    \
    .name = "force", .kind = CLI_FLAG, .target = &cli_shared.force,                                                    \
    .help = "replace what is there already: a finished training or sweep, results of another command, your files"      \
  }
#define CLI_INPUT_GROUP                                                                                                \
  {                                                                                                                    \
    "Input", cli_input_options                                                                                         \
  }
#define CLI_RUN_GROUP                                                                                                  \
  {                                                                                                                    \
    "Running", cli_run_options                                                                                         \
  }

/* What is left of a command line when its options are taken. */
typedef struct cli_args {
  const char **items; /* (count) */
  size_t count;
  void *state; /* owns every string of the command line */
} cli_args;

enum { CLI_GO = -1 };

/* Parses argv (argv[0] is the command's name). Returns CLI_GO, or the exit code to leave with: 0 after --help,
 * 2 after one line on stderr. cli_args_clear is due in every case, when the options' strings are no longer used. */
int cli_parse(cli_args *out, const cli_spec *spec, int argc, char **argv);
void cli_args_clear(cli_args *args);
bool cli_given(const cli_args *args, const char *option); /* whether the command line names it */

/* The input options of the command line over `files`, borrowed. */
cgap_input_options cli_input(const cli_args *args);

/* cgap_dataset_open, and what was left out or is odd said on stderr. */
CGAP_MUST_CHECK cgap_status cli_open(cgap_dataset **out, const cgap_input_options *input, cgap_error *error);

/* What was given, for titles: the names of the files without their folders, "a.h5 and 3 more" where they are many. */
void cli_source_name(char *out, size_t size, const cli_args *args);
bool cli_ends_with(const char *text, const char *ending);
char *cli_command_line(int argc, char **argv); /* as one line; free; NULL: memory is out */
double cli_seconds(void);                      /* a clock that only goes on */
cgap_paper cli_paper(void);                    /* stdout: colours unless it has none or NO_COLOR is set, its columns */
int cli_cores(void);                           /* threads that the machine offers this process */
int cli_columns(int file);                     /* letters in a line of the terminal, 80 where it is none */

/* One line on stderr, "contragap: …"; returns the exit code. */
int cli_fail(const cgap_error *error);

/* Says how one --fail-if came out (cgap_threshold_check); the exit code of all so far. allow_missing: what cannot be
 * tested is a warning. */
int cli_fail_if(int code, cgap_status status, const cgap_error *error, bool allow_missing);
int cli_flushed(void); /* 0 when stdout took everything, else said and 5 */
/* What printing on stdout came to: `status`, or CGAP_RESOURCE where it did not take everything; a reader that has left
 * its pipe, as `| head` does, has had what it wanted. */
CGAP_MUST_CHECK cgap_status cli_printed(cgap_status status, cgap_error *error);
int cli_usage(const char *format, ...) CGAP_PRINTF(1, 2); /* returns 2 */
void cli_say(const char *format, ...) CGAP_PRINTF(1, 2);  /* talk on stderr, nothing under --quiet */
void cli_warn(const char *format, ...) CGAP_PRINTF(1, 2); /* "contragap: warning: …", also under --quiet */

#endif
