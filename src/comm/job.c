/* A job of several ranks: found, opened, closed. Without one there is nothing: a NULL comm. */
#include "comm/comm.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "comm/failure.h"

static int number_in(const char *name)
{
  const char *value = getenv(name);
  return value ? atoi(value) : 0;
}

/* As how many processes a launcher says that it started this program; 0: none says so. */
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

/* Which of them this is, by the launcher's word. */
int cgap_comm_launched_as(void)
{
  static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"};
  for (size_t k = 0; k < sizeof names / sizeof *names; k++)
    if (getenv(names[k]))
      return number_in(names[k]);
  return 0;
}

/* Whether a process manager is there, by whose means an MPI library finds the other processes. */
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
  c->module = dlopen(CGAP_COMM_MODULE, RTLD_NOW | RTLD_GLOBAL); /* global: plugins of MPI libraries look for them */
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

/* Where each rank is, for what is said of one that cannot say it any more. */
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
  if (!has_process_manager()) /* some MPI libraries end the process over this with a page of their own */
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

/* Launchers end all ranks where one aborts, some at once and by a signal: rank 0 says why, and aborts as soon as that
 * was taken from its pipe; the others would do so if it did not. */
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

int cgap_comm_rank(const cgap_comm *c)
{
  return c ? c->place.rank : 0;
}

int cgap_comm_size(const cgap_comm *c)
{
  return c ? c->place.size : 1;
}

int cgap_comm_neighbours(const cgap_comm *c)
{
  return c ? c->place.neighbours : 1;
}

const char *cgap_comm_node(const cgap_comm *c)
{
  return c ? c->place.node : "";
}
