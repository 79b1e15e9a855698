/* The program as one of several ranks. Rank 0 alone talks and writes; how the others fare it hears and says. */
#ifndef CLI_RANKS_H
#define CLI_RANKS_H

#include "contragap/contragap.h"
#include "report/table.h"

/* Before a command runs. shares: the command's work is shared out over ranks; without, rank 0 does all of it and the
 * others are not needed. Returns CLI_GO, or the exit code to leave with. */
int cli_ranks_open(bool distributed);

/* After it: the exit code of the job from that of this rank. Ends MPI. */
int cli_ranks_close(int code);

cgap_comm *cli_ranks(void); /* NULL: alone */

/* --threads, and where it is not given under ranks, this rank's part of the node's; 0: the work's own choice. */
int cli_rank_threads(void);

/* stdout: colours unless it has none or NO_COLOR is set, its columns */
cgap_paper cli_paper(void);

#endif
