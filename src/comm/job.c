/* A job of several ranks: how it starts, how it ends. A process alone has none: its comm is NULL. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/threads.h"
#include "comm/comm_internal.h"

static int number_in(const char *name)
{
  const char *value = getenv(name);
  return value ? atoi(value) : 0;
}

int cgap_comm_launched(void)
{
  static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS", "SLURM_STEP_NUM_TASKS"};
  int most = 0;
  for (size_t k = 0; k < sizeof names / sizeof *names; k++)
    most = number_in(names[k]) > most ? number_in(names[k]) : most;
  if ((getenv("PMIX_RANK") || number_in("SLURM_PROCID") > 0) && number_in("SLURM_NTASKS") > most)
    most = number_in("SLURM_NTASKS");
  return most;
}

int cgap_comm_launched_as(void)
{
  static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"};
  for (size_t k = 0; k < sizeof names / sizeof *names; k++)
    if (getenv(names[k]))
      return number_in(names[k]);
  return 0;
}

/* Whether there is a process manager, through which an MPI library finds the other processes. */
static bool has_process_manager(void)
{
  static const char *const starts[] = {"OMPI_", "PMIX_", "PMI_", "PALS_", "MPI_LOCAL"};
  for (char **entry = environ; entry && *entry; entry++)
    for (size_t k = 0; k < sizeof starts / sizeof *starts; k++)
      if (strncmp(*entry, starts[k], strlen(starts[k])) == 0)
        return true;
  return false;
}

static cgap_status load_backend(cgap_comm *c, int launched, cgap_error *error)
{
#ifdef CGAP_MPI
  c->module = dlopen(CGAP_COMM_MODULE, RTLD_NOW | RTLD_GLOBAL); /* global: plugins of MPI libraries need its symbols */
  if (!c->module)
    return cgap_fail(error, CGAP_USAGE,
                     "started as %d processes, but contragap's part for MPI cannot be loaded: %s; install it next to "
                     "the program, or start one process",
                     launched, dlerror());
  c->backend = dlsym(c->module, CGAP_COMM_SYMBOL);
  if (!c->backend || c->backend->version != CGAP_COMM_VERSION)
    return cgap_fail(error, CGAP_USAGE, "%s: of another version of contragap; install it again", CGAP_COMM_MODULE);
  return CGAP_OK;
#else
  (void)c;
  return cgap_fail(error, CGAP_USAGE,
                   "started as %d processes, but this contragap was built without MPI (-Dmpi=enabled); start it once",
                   launched);
#endif
}

static cgap_status join_job(cgap_comm *c, int launched, cgap_error *error)
{
  if (!c->backend->open(&c->place))
    return cgap_fail(error, CGAP_USAGE, "MPI cannot start; does `mpirun -n %d hostname` work here?", launched);
  for (char *at = c->place.library; (at = strchr(at, '\t')); at++) /* MPICH's */
    *at = ' ';
  if (c->place.size < 2)
    return cgap_fail(error, CGAP_USAGE,
                     "started as %d processes that do not see each other (%s finds one rank): start contragap with the "
                     "mpirun of that library, or under Slurm with srun --mpi=pmix (MPICH: --mpi=pmi2)",
                     launched, c->place.library[0] ? c->place.library : "MPI");
  c->failure_send = cgap_zalloc((size_t)c->place.size, sizeof *c->failure_send);
  c->ended = cgap_zalloc((size_t)c->place.size, sizeof *c->ended);
  c->node = cgap_zalloc((size_t)c->place.size, sizeof *c->node);
  return c->failure_send && c->ended && c->node
           ? CGAP_OK
           : cgap_fail(error, CGAP_RESOURCE, "out of memory for %d ranks", c->place.size);
}

/* The node of each rank, for messages about one that does not answer any more. */
static cgap_status name_nodes(cgap_comm *c, cgap_error *error)
{
  size_t *first = cgap_alloc((size_t)c->place.size + 1, sizeof *first);
  if (!first)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %d ranks", c->place.size);
  for (int r = 0; r <= c->place.size; r++)
    first[r] = (size_t)r * NODE_NAME;
  memcpy(c->node[c->place.rank], c->place.node, NODE_NAME);
  cgap_status status = cgap_comm_gather(c, c->node, first, error);
  cgap_free(first);
  return status;
}

cgap_status cgap_comm_open(cgap_comm **out, cgap_error *error)
{
  const int launched = cgap_comm_launched();
  *out = NULL;
  if (launched < 2)
    return CGAP_OK;
  if (!has_process_manager()) /* some MPI libraries would end the process with a page of text */
    return cgap_fail(
      error, CGAP_USAGE,
      "started as %d processes that cannot find each other: give srun --mpi=pmix (where that is missing, "
      "or for MPICH, --mpi=pmi2), or start contragap with mpirun in the job",
      launched);
  cgap_comm *c = cgap_zalloc(1, sizeof *c);
  if (!c)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  cgap_status status = load_backend(c, launched, error);
  if (status == CGAP_OK) {
    status = join_job(c, launched, error);
    if (status == CGAP_OK)
      status = name_nodes(c, error);
    if (status != CGAP_OK && c->place.size > 0)
      c->backend->close();
  }
  if (status == CGAP_OK)
    *out = c;
  else
    cgap_free(c);
  return status;
}

void cgap_comm_on_stop(cgap_comm *c, bool (*stop)(void *context), void *context)
{
  if (!c)
    return;
  c->stop = stop;
  c->stop_context = context;
}

/* Launchers end all ranks when one aborts, some at once and by a signal: rank 0 prints why, and aborts as soon as that
 * has left its pipe; the others abort if it does not. */
static void abort_ranks(const cgap_comm *c, int code)
{
  const struct timespec first = {.tv_nsec = 100000000}, others = {.tv_sec = 10};
  (void)nanosleep(c->place.rank == 0 ? &first : &others, NULL);
  c->backend->abort(code);
}

/* The module stays loaded: MPI libraries do not like to be unloaded. */
void cgap_comm_close(cgap_comm *c, int code)
{
  if (!c)
    return;
  if (c->transfer_aborted)
    abort_ranks(c, code);
  c->backend->close();
  cgap_free(c->failure_send);
  cgap_free(c->ended);
  cgap_free(c->node);
  cgap_free(c);
}

/* ---------------------------------------------------------------- the end of a job */

/* Every rank sends its outcome to rank 0, which finds the one line to print. */

/* How long rank 0 waits for the outcomes of the others once a rank has failed. */
static const double PATIENCE_SECONDS = 20, PATIENCE_STOPPED_SECONDS = 0.4;

/* How a rank ended. */
typedef struct rank_outcome {
  int original; /* a failure of its own */
  int transfer_aborted;
  failure how;
} rank_outcome;

static void send_whole(cgap_comm *c, void *block, size_t bytes, int to, int tag)
{
  void *request = c->backend->send(block, (int)bytes, to, tag);
  for (unsigned polls = 0; request && c->backend->test(request) == 0; polls++)
    cgap_comm_backoff(polls);
}

static bool receive_waiting(cgap_comm *c, void *block, size_t bytes, int tag)
{
  int from = -1, length = 0;
  if (!c->backend->probe(&from, tag, &length) || length != (int)bytes)
    return false;
  void *request = c->backend->receive(block, length, from, tag);
  for (unsigned polls = 0; request && c->backend->test(request) == 0; polls++)
    cgap_comm_backoff(polls);
  return request != NULL;
}

/* All outcomes together: the original failure of the lowest rank. One that is the same on every rank is reported
 * without a rank. */
typedef struct job_outcome {
  int ended, failed, originals, alike;
  int silent; /* the lowest rank without an outcome */
  bool transfer_aborted, stopped;
  failure first;
} job_outcome;

static void count_outcome(job_outcome *v, const rank_outcome *d)
{
  v->ended++;
  v->transfer_aborted |= d->transfer_aborted;
  v->failed += d->how.status != CGAP_OK;
  if (!d->original)
    return;
  v->alike += v->originals == 0 || strcmp(d->how.message, v->first.message) == 0;
  if (v->originals++ == 0 || d->how.rank < v->first.rank)
    v->first = d->how;
}

static void conclude_outcome(const cgap_comm *c, const job_outcome *v, cgap_error *error)
{
  char reason[sizeof error->message];
  if (v->stopped && v->silent < c->place.size) { /* the launcher ends all ranks when one has died */
    snprintf(reason, sizeof reason, "%s", error->status ? error->message : "interrupted");
    (void)cgap_fail(error, CGAP_INTERRUPTED, "rank %d on %s does not answer any more: %.1500s", v->silent,
                    c->node[v->silent], reason);
    return;
  }
  const bool common = v->originals == c->place.size && v->alike == v->originals;
  if (v->originals && (common || v->first.status == CGAP_INTERRUPTED))
    (void)cgap_fail(error, (cgap_status)v->first.status, "%s", v->first.message);
  else if (v->originals)
    (void)cgap_failure_to_error(&v->first, error);
  else if (c->failed_elsewhere)
    (void)cgap_failure_to_error(&c->first, error);
  else
    (void)cgap_fail(error, CGAP_RESOURCE, "rank %d on %s has ended without a message", v->silent, c->node[v->silent]);
}

static void finish_as_first(cgap_comm *c, rank_outcome *mine, cgap_error *error)
{
  job_outcome v = {0};
  rank_outcome d;
  double since = cgap_clock_seconds();
  count_outcome(&v, mine);
  for (unsigned polls = 0; v.ended < c->place.size; polls++) {
    v.stopped = c->stop && c->stop(c->stop_context);
    cgap_comm_receive_failure(c);
    if (receive_waiting(c, &d, sizeof d, TAG_DONE)) {
      count_outcome(&v, &d);
      c->ended[d.how.rank] = true;
      polls = 0;
      since = cgap_clock_seconds();
    } else if ((v.failed || c->failed_elsewhere || v.stopped) &&
               cgap_clock_seconds() - since > (v.stopped ? PATIENCE_STOPPED_SECONDS : PATIENCE_SECONDS)) {
      break;
    }
    cgap_comm_backoff(polls);
  }
  const bool whole = v.ended == c->place.size;
  for (v.silent = 1; v.silent < c->place.size && c->ended[v.silent];)
    v.silent++;
  c->transfer_aborted = v.transfer_aborted || !whole || v.failed != v.originals || (v.failed && v.failed < v.ended);
  if (v.failed || !whole)
    conclude_outcome(c, &v, error);
  int answer[2] = {(int)error->status, c->transfer_aborted};
  for (int r = 1; whole && r < c->place.size; r++)
    send_whole(c, answer, sizeof answer, r, TAG_VERDICT);
}

static void finish_as_other(cgap_comm *c, rank_outcome *mine, cgap_error *error)
{
  int answer[2] = {0, 0};
  send_whole(c, mine, sizeof *mine, 0, TAG_DONE);
  const double since = cgap_clock_seconds();
  for (unsigned polls = 0; !receive_waiting(c, answer, sizeof answer, TAG_VERDICT); polls++) {
    if (mine->how.status && cgap_clock_seconds() - since > 2 * PATIENCE_SECONDS)
      answer[1] = 1;
    if (answer[1])
      break;
    cgap_comm_backoff(polls);
  }
  c->transfer_aborted |= answer[1] != 0;
  error->status = answer[0] ? (cgap_status)answer[0] : error->status;
  error->message[0] = '\0';
}

/* After a failure, reports that were not received are still being sent: MPI_Finalize would wait for them. */
cgap_status cgap_comm_finish(cgap_comm *c, cgap_error *error)
{
  if (!c)
    return error->status;
  rank_outcome mine;
  memset(&mine, 0, sizeof mine);
  cgap_comm_report_failure(c, error);
  mine.original = c->reported;
  mine.transfer_aborted = c->transfer_aborted;
  cgap_failure_fill(&mine.how, c, error);
  if (c->place.rank == 0)
    finish_as_first(c, &mine, error);
  else
    finish_as_other(c, &mine, error);
  return error->status;
}
