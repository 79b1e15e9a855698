/* What contragap audit is asked for, and the plan of an audit in words. */
#ifndef CLI_AUDIT_PLAN_H
#define CLI_AUDIT_PLAN_H

#include "cli/options.h"

/* The options of contragap audit. */
typedef struct cli_audit_options {
  const char *out, *by, *by_file, *against;
  cli_forms forms;
  bool dry_run, allow_missing, csls, all, keys;
  int pairs;     /* cgap_pairs_choice */
  int precision; /* cgap_precision */
  size_t sample_rows;
  cli_list fail_if;
} cli_audit_options;

/* The options of the library that those of the command line are. */
cgap_audit_options cli_audit_library_options(const cli_audit_options *own);

enum { CLI_PLAN_WORDS = 600 };
/* "plan: 500 images, 500 texts …" */
void cli_plan_words(char out[CLI_PLAN_WORDS], const cgap_plan_info *plan);

#endif
