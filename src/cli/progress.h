/* The progress line on stderr. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "contragap/contragap.h"

/* What the work calls between blocks. On a terminal one line is redrawn; elsewhere, and where TERM is "dumb", a line
 * every ten seconds. */
cgap_progress cli_progress(void);

void cli_progress_clear(void); /* wipes the line, before something else is printed on stderr */

#endif
