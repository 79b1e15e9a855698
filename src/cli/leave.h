/* Leaving within a second of Ctrl-C, whatever the work is at.
 *
 * Most work asks between two blocks whether it should stop, cleans up and says what was kept. Some of it cannot be
 * asked for long (an eigenproblem of 4096 columns, a training step of 30,000 rows): a thread of the program's own then
 * removes what is half-written and ends it. */
#ifndef CGAP_CLI_LEAVE_H
#define CGAP_CLI_LEAVE_H

#include "contragap/contragap.h"

/* From here on SIGINT and SIGTERM come to a thread of the program's own: the first asks the work to stop; one that
 * comes more than a second later ends the program by its default action. No thread that computes ever runs a signal
 * handler: generated kernels of matrix products use the stack pointer for other things, and a handler's frame would be
 * written there. A closed pipe and a file past the size limit become failed writes. */
void cli_signals(void);

bool cli_interrupted(void);    /* a signal has asked the program to stop */
void cli_leave_answered(void); /* the work knows and is on its way out: it is given the time that takes */

/* What stands if the program is ended now, as it follows "interrupted; ". At the start: "nothing was written". */
void cli_leave_says(const char *format, ...) CGAP_PRINTF(1, 2);

/* The file or the folder that the command writes: temporary files there are removed, and the folder where the program
 * made it and it is still empty. Lives as long as the program. */
void cli_leave_output(const char *path);

#endif
