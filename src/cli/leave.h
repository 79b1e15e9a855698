/* Leaving within a second of Ctrl-C, whatever the work is at.
 *
 * Most work asks between two blocks whether it should stop, cleans up and says what was kept. Some of it cannot be
 * asked for long (an eigenproblem of 4096 columns, a training step of 30,000 rows): a thread of the program's own then
 * removes what is half-written and ends it. */
#ifndef CGAP_CLI_LEAVE_H
#define CGAP_CLI_LEAVE_H

#include "contragap/contragap.h"

void cli_leave_watch(void); /* starts the thread; where that fails, only the work itself answers */

void cli_leave_asked(void);    /* from a signal handler, once */
void cli_leave_answered(void); /* the work knows and is on its way out: it is given the time that takes */

/* What stands if the program is ended now, as it follows "interrupted; ". At the start: "nothing was written". */
void cli_leave_says(const char *format, ...) CGAP_PRINTF(1, 2);

/* The file or the folder that the command writes: temporary files there are removed, and the folder where the program
 * made it and it is still empty. Lives as long as the program. */
void cli_leave_output(const char *path);

#endif
