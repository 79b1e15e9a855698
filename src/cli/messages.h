/* What the program says to a person, one line each on stderr, and which of its ranks says it: rank 0 alone talks and
 * writes, and reports the failures of the others. */
#ifndef CLI_MESSAGES_H
#define CLI_MESSAGES_H

#include "base/modality_names.h"
#include "io/find/dataset.h"
#include "report/json.h"
#include "report/text.h"

enum { CLI_GO = -1 };

/* cgap_dataset_open, and its notes on stderr. */
CGAP_MUST_CHECK cgap_status cli_open(cgap_dataset **out, const cgap_input_options *input, cgap_error *error);

/* What the data opened last call their modalities; the formats below are templates, which these go into. */
const cgap_modality_names *cli_names(void);
void cli_use_names(const char *const names[2]); /* of data that cli_open has not opened; NULL: by default */

/* One line on stderr, "contragap: …"; returns the exit code. */
int cli_fail(const cgap_error *error);

/* Says how one --fail-if came out (`status` and `why` of cgap_threshold_check); returns the exit code of all so far.
 * allow_missing: what cannot be tested is a warning. */
int cli_fail_if(int code, const cgap_threshold *threshold, cgap_status status, const cgap_error *why,
                bool allow_missing);
int cli_flushed(void); /* 0 when stdout took everything, else a message and 5 */
/* What printing on stdout came to: `status`, or CGAP_RESOURCE where it did not take everything; a reader that has left
 * its pipe, as `| head` does, has had what it wanted. */
CGAP_MUST_CHECK cgap_status cli_printed(cgap_status status, cgap_error *error);
int cli_usage(const char *format, ...) CGAP_PRINTF(1, 2); /* returns 2 */
void cli_say(const char *format, ...) CGAP_PRINTF(1, 2);  /* on stderr, nothing under --quiet */
/* The last line of a command that has written a folder: what is in it, and that its page is to be opened. */
void cli_wrote_folder(const char *folder, const char *contents);
void cli_warn(const char *format, ...) CGAP_PRINTF(1, 2); /* "contragap: warning: …", also under --quiet */

void cli_warn_line(const char *line); /* the same of a whole line */

/* Replaces the names of options in a text of the library, `text_image` as in its struct of options, by their flags,
 * --text-image. The calls above do so themselves. */
void cli_name_flags(char *out, size_t size, const char *text);

/* ---------------------------------------------------------------- ranks */

/* Before a command runs. distributed: the command's work is shared out over ranks; otherwise rank 0 does all of it
 * and the others are not needed. Returns CLI_GO, or the exit code to leave with. */
int cli_ranks_open(bool distributed);

/* After it: the exit code of the job from that of this rank. Ends MPI. */
int cli_ranks_close(int code);

cgap_comm *cli_ranks(void); /* NULL: alone */

/* --threads, and where it is not given under ranks, this rank's part of the node's; 0: as the work chooses. */
int cli_rank_threads(void);

/* stdout: colours unless it has none or NO_COLOR is set, its columns */
cgap_paper cli_paper(void);

/* What a report says of this run, which began at `start` (cli_seconds); threads 0: as many as the machine has. */
cgap_run cli_run(const char *command_line, int threads, double start);

#endif
