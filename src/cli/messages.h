/* What the program says to a person: one line each, on stderr. */
#ifndef CLI_MESSAGES_H
#define CLI_MESSAGES_H

#include "io/find/dataset.h"

enum { CLI_GO = -1 };

/* cgap_dataset_open, and what was left out or is odd said on stderr. */
CGAP_MUST_CHECK cgap_status cli_open(cgap_dataset **out, const cgap_input_options *input, cgap_error *error);

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

/* Replaces the names of options in a text of the library, `text_image` as in its struct of options, by their flags,
 * --text-image. The calls above do so themselves. */
void cli_name_flags(char *out, size_t size, const char *text);

/* From here on a failure is first offered to `keep`; one that it keeps is not said. */
void cli_fail_offer(bool (*keep)(const cgap_error *error));

#endif
