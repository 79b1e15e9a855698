/* The progress line on stderr, and the signals that end a command. */
#ifndef CGAP_CLI_PROGRESS_H
#define CGAP_CLI_PROGRESS_H

#include "contragap/contragap.h"

/* SIGINT and SIGTERM set a flag that the tick callback reads; a second one ends the program at once. */
void cli_signals(void);

/* What the work calls between blocks. On a terminal one line is redrawn; elsewhere, and where TERM is "dumb", a line
 * every ten seconds. */
cgap_progress cli_progress(void);

bool cli_interrupted(void); /* a signal has asked the program to stop */

void cli_progress_clear(void); /* wipes the line, before something else is printed on stderr */

#endif
