/* The progress line, and leaving within a second of Ctrl-C, whatever the work is doing.
 *
 * Most work asks between two blocks whether it should stop, cleans up and says what was kept. Some of it cannot be
 * asked for long (an eigenproblem of 4096 columns, a training step of 30,000 rows): a thread of the program's own then
 * removes what is half-written and ends it. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include "contragap/contragap.h"

/* Signals that ask the program to stop: SIGINT, SIGTERM and, unless it was started with nohup, SIGHUP. Blocks them. One
 * that comes from here on waits for cli_signals_watch; before, the system ends the program. So none is lost, at any
 * instant. */
void cli_signals_hold(void);

/* From here on they come to a thread of the program's own, which must not start before the helper of HDF5 is forked:
 * the first signal asks the work to stop; one that comes more than a second later ends the program by its default
 * action. No thread that computes ever runs a signal handler and goes on: generated kernels of matrix products use the
 * stack pointer for other things, and a handler's frame would be written there. */
void cli_signals_watch(void);

/* A closed pipe and a file past the size limit become failed writes. */
void cli_signals_of_writes_ignore(void);

bool cli_interrupted(void); /* a signal has asked the program to stop */
void cli_interrupt_acknowledge(void);

/* Does not return where the program is being ended: what fails then may fail because its files are removed already.
 * says_it: the caller says that the program was interrupted, and then ends it. */
void cli_interrupt_let_end(bool says_it);

/* From here on the program's exit code is main's own decision: libgomp, libpopt and libhdf5 call exit(1) or exit(-1)
 * where something runs out, which becomes CGAP_RESOURCE and one line, until cli_interrupt_exit_decided. A crash, which
 * libhdf5 has on some files that are damaged, becomes CGAP_FILE and one line. Both remove temporary files. */
void cli_interrupt_guard_exit(void);
void cli_interrupt_exit_decided(void);

/* One of the files and folders that a crash is said to have happened on. */
void cli_crash_name(const char *name);

/* Ends the program with CGAP_RESOURCE and one line, whatever locks are held; temporary files are removed. */
_Noreturn void cli_end_out_of_memory(size_t bytes);

/* What stands if the program is ended now, as it follows "interrupted; ". At the start: "nothing was written". */
void cli_interrupt_set_message(const char *format, ...) CGAP_PRINTF(1, 2);

/* The file or the folder that the command writes: temporary files there are removed, and the folder where the program
 * made it and it is still empty. Lives as long as the program. */
void cli_interrupt_set_output(const char *path);

/* ---------------------------------------------------------------- progress */

/* What the work calls between blocks. On a terminal one line is redrawn; elsewhere, and where TERM is "dumb", a line
 * every ten seconds. */
cgap_progress cli_progress(void);

void cli_progress_clear(void); /* wipes the line, before something else is printed on stderr */

#endif
