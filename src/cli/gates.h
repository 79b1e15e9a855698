/* What ends a command with 1 or 4 although all went well: the tests of --fail-if, also against an earlier report. */
#ifndef CLI_GATES_H
#define CLI_GATES_H

#include "cli/messages.h"
#include "cli/option_table.h"
#include "report/gate.h"

/* The tests of an audit. */
typedef struct cli_gates {
  cgap_threshold *tests; /* (count) */
  size_t count;
  const char *against;        /* the earlier report as it was given; NULL: none */
  cgap_comparison comparison; /* of it, and of the audit once that is there */
} cli_gates;

/* Parses the tests, and reads the report at `against`, a file or the folder that holds it: NULL: none. With one,
 * "worse" is tested, also where it is not among the tests, and diff:KEY can be. */
CGAP_MUST_CHECK cgap_status cli_gates_read(cli_gates *out, const cli_list *fail_if, const char *against,
                                           cgap_error *error);
void cli_gates_clear(cli_gates *gates);

/* Compares the audit, called name, with the earlier report. */
CGAP_MUST_CHECK cgap_status cli_gates_compare(cli_gates *gates, const cgap_audit *audit, const char *name,
                                              cgap_error *error);

/* The audit against the earlier report, whose intervals are of independent samples. */
cgap_compared_pair cli_gates_pair(const cli_gates *gates);

/* The outcome of every test; NULL: out of memory. */
json_t *cli_gates_json(const cli_gates *gates, const cgap_audit *audit);

/* Says what crosses or cannot be tested, and returns the exit code. */
int cli_gates_check(const cli_gates *gates, const cgap_audit *audit, bool allow_missing);

/* Prints the list of cgap_keys_print on stdout and returns the exit code. */
int cli_keys(cgap_keys_of of, const cgap_audit *audit, const cgap_comparison *comparison, bool json);

#endif
