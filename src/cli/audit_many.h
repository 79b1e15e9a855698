/* contragap audit of more than two named modalities. */
#ifndef CLI_AUDIT_MANY_H
#define CLI_AUDIT_MANY_H

#include "cli/options.h"

/* The options of contragap audit. */
typedef struct cli_audit_options {
  const char *out;
  cli_forms forms;
  bool dry_run, allow_missing, csls;
  int pairs;     /* cgap_pairs_choice */
  int precision; /* cgap_precision */
  size_t sample_rows;
  cli_list fail_if;
} cli_audit_options;

/* The options of the library that those of the command line are. */
cgap_audit_options cli_audit_library_options(const cli_audit_options *own);

enum { CLI_PLAN_WORDS = 600 };
void cli_plan_words(char out[CLI_PLAN_WORDS], const cgap_plan_info *plan);

/* The whole command, for three modalities or more; returns the exit code. */
int cli_audit_many(const cli_modalities *names, const cli_audit_options *own, const cli_args *args);

#endif
