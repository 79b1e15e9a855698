#include "cli/ranks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "cli/messages.h"
#include "cli/run_info.h"
#include "comm/comm.h"

static struct {
  cgap_comm *comm;
  bool failed;
  cgap_error error;
} ranks;

static bool is_interrupted(void *context)
{
  (void)context;
  if (cli_interrupted())
    cli_interrupt_acknowledge();
  return cli_interrupted();
}

/* Asked for several tasks of Slurm and started as one: allowed, but hardly meant. */
static void warn_of_single_rank(void)
{
  const char *tasks = getenv("SLURM_NTASKS");
  if (tasks && atoi(tasks) > 1)
    cli_warn("Slurm has %s tasks for this job, and this is one process without ranks: start it with srun --mpi=pmix, "
             "or with mpirun",
             tasks);
}

/* Keeps a failure for cli_ranks_close; false: there are no ranks, say it at once. */
static bool record_failure(const cgap_error *error)
{
  if (!ranks.comm || error->status == CGAP_CROSSED)
    return false;
  if (!ranks.failed)
    ranks.error = *error;
  ranks.failed = true;
  cgap_comm_report_failure(ranks.comm, error);
  return true;
}

int cli_ranks_open(bool distributed)
{
  cgap_error error = {0};
  const bool other = cgap_comm_launched() > 1 && cgap_comm_launched_as() > 0;
  cli_ranks_set_first(!other);
  cli_fail_offer(record_failure);
  if (other && !freopen("/dev/null", "w", stdout))
    cli_ranks_set_first(false);
  if (!distributed)
    return other ? CGAP_OK : CLI_GO;
  if (cgap_comm_open(&ranks.comm, &error) != CGAP_OK)
    return cli_fail(&error);
  cgap_comm_on_stop(ranks.comm, is_interrupted, NULL);
  if (!ranks.comm)
    warn_of_single_rank();
  else
    cli_ranks_set_first(cgap_comm_rank(ranks.comm) == 0);
  return CLI_GO;
}

int cli_ranks_close(int code)
{
  if (!ranks.comm)
    return code;
  cgap_comm *comm = ranks.comm;
  if (!ranks.failed && code > CGAP_CROSSED) /* said already */
    ranks.error.status = (cgap_status)code;
  const cgap_status status = cgap_comm_finish(comm, &ranks.error);
  cli_interrupt_acknowledge(); /* MPI may end this process by a signal */
  ranks.comm = NULL;           /* what is said now is said at once */
  if (status != CGAP_OK && ranks.error.message[0] && cli_ranks_first())
    (void)cli_fail(&ranks.error);
  code = status != CGAP_OK ? (int)status : code;
  cli_interrupt_exit_decided(); /* ranks that no longer hear each other are ended within it */
  cgap_comm_close(comm, code);
  return code;
}

cgap_comm *cli_ranks(void)
{
  return ranks.comm;
}

int cli_rank_threads(void)
{
  if (cli_shared.threads || !ranks.comm)
    return cli_shared.threads;
  const int own = cli_cores() / cgap_comm_neighbours(ranks.comm);
  const bool bound = cli_cores() < (int)sysconf(_SC_NPROCESSORS_ONLN); /* the launcher has given it a part */
  return bound ? cli_cores() : own > 0 ? own : 1;
}

cgap_paper cli_paper(void)
{
  const char *off = getenv("NO_COLOR"), *kind = getenv("TERM");
  const bool no_colour = (off && *off) || !kind || !*kind || strcmp(kind, "dumb") == 0 ||
                         cli_ranks(); /* a launcher's terminal is its own: what it gets may end in a file */
  const int columns = cli_columns(STDOUT_FILENO);
  return (cgap_paper){.colour = isatty(STDOUT_FILENO) && !no_colour, .columns = columns < 80 ? 80 : columns};
}
