/* The helper is forked at the start, while the process is small and has one thread. For each file it forks again: that
 * child probes the file (cgap_hdf5_probe) under limits of processor time, memory and writing, and may die of it.
 * Forking costs a millisecond or two; executing the program once more would cost 30, for its many libraries. The answer
 * is left in memory that all of them share: the status of opening the file, or that the child died. */
#include "cli/hdf5_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/temporary_file.h"
#include "cli/interrupt.h"
#include "io/read/hdf5_basics.h"

/* Of processor time: enough for a small file; a large one may take longer, as 40,000 objects a second are listed and
 * one takes 300 bytes or more. A million are the most that are listed. */
enum { MILLISECONDS = 800, BYTES_PER_SECOND = 4 << 20, SECONDS_MAX = 60 };
static const size_t MEMORY_BYTES = (size_t)512 << 20;
/* And for each source of a virtual dataset, which HDF5 may keep open. */
enum { SOURCE_MICROSECONDS = 1000, SOURCE_BYTES = 1 << 20 };

typedef struct exchange {
  char path[CGAP_PATH];
  cgap_file_access access;
  cgap_error reply;
} exchange;

static struct {
  int channel; /* a byte asks, a byte says that the reply is there */
  pid_t process;
  int failure; /* errno where there is no process */
  exchange *shared;
} helper = {.channel = -1, .process = -1};

/* ---------------------------------------------------------------- in the child */

static void set_limit(int which, rlim_t value)
{
  struct rlimit limit;
  if (getrlimit(which, &limit) != 0)
    return;
  limit.rlim_cur = value < limit.rlim_cur ? value : limit.rlim_cur;
  (void)setrlimit(which, &limit);
}

static size_t address_space(void)
{
  size_t pages = 0;
  FILE *file = fopen("/proc/self/statm", "re");
  if (file && fscanf(file, "%zu", &pages) != 1)
    pages = 0;
  if (file)
    fclose(file);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void allow_source(bool another)
{
  struct itimerval time;
  struct rlimit memory;
  if (getitimer(ITIMER_PROF, &time) == 0) {
    time.it_value.tv_usec += SOURCE_MICROSECONDS;
    time.it_value.tv_sec += time.it_value.tv_usec / 1000000;
    time.it_value.tv_usec %= 1000000;
    (void)setitimer(ITIMER_PROF, &time, NULL);
  }
  if (another && getrlimit(RLIMIT_AS, &memory) == 0 && memory.rlim_cur < memory.rlim_max) {
    memory.rlim_cur += SOURCE_BYTES;
    (void)setrlimit(RLIMIT_AS, &memory);
  }
}

static void set_limits(const char *path)
{
  const uint64_t seconds = cgap_hdf5_bytes(path) / BYTES_PER_SECOND;
  const time_t more = seconds < SECONDS_MAX ? (time_t)seconds : SECONDS_MAX;
  const struct itimerval time = {.it_value = {.tv_sec = more, .tv_usec = MILLISECONDS * 1000}};
  (void)setitimer(ITIMER_PROF, &time, NULL); /* RLIMIT_CPU counts whole seconds */
  set_limit(RLIMIT_FSIZE, 0);
  signal(SIGXFSZ, SIG_IGN); /* a write fails */
  set_limit(RLIMIT_CORE, 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they map terabytes */
  const size_t present = address_space();
  if (present)
    set_limit(RLIMIT_AS, present + MEMORY_BYTES);
#endif
}

static cgap_status fail_hostile(exchange *e)
{
  return cgap_fail(&e->reply, CGAP_FILE,
                   "the HDF5 library failed on %s; it is damaged or hostile: copy or download it again", e->path);
}

static _Noreturn void probe(exchange *e)
{
  cgap_file *file = NULL;
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  set_limits(e->path);
  cgap_hdf5_allow_plugins(e->access.plugins);
  cgap_hdf5_set_source_opened(allow_source);
  if (cgap_file_open(&file, e->path, &e->access, &e->reply) == CGAP_OK) {
    e->reply.status = CGAP_OK;
    if (!cgap_hdf5_probe(file))
      (void)fail_hostile(e);
    cgap_file_close(file);
  }
  _exit(CGAP_OK);
}

/* ---------------------------------------------------------------- in the helper */

/* What the end of the child says where it came to no answer of its own. */
static void judge(exchange *e, int how, const struct rusage *used)
{
  if (WIFEXITED(how) && WEXITSTATUS(how) == CGAP_OK)
    return;
  if (WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL) /* from outside: no limit that is set here ends in that */
    (void)cgap_fail(&e->reply, CGAP_RESOURCE, "%s: the process that checks it was killed; is memory out?", e->path);
  else if (WIFEXITED(how) && WEXITSTATUS(how) == CGAP_RESOURCE && (size_t)used->ru_maxrss << 10 < MEMORY_BYTES / 2)
    (void)cgap_fail(&e->reply, CGAP_RESOURCE, "%s: out of memory while the HDF5 library lists it", e->path);
  else
    (void)fail_hostile(e);
}

static cgap_status fail_start(cgap_error *error, const char *path, int failure)
{
  const char *remedy = failure == EMFILE   ? "raise the limit (ulimit -n)"
                       : failure == EAGAIN ? "raise the limit (ulimit -u)"
                                           : "is memory out?";
  return cgap_fail(error, CGAP_RESOURCE, "%s: no process can be started to check it: %s; %s", path, strerror(failure),
                   remedy);
}

static void answer(exchange *e)
{
  struct rusage used = {0};
  int how = 0;
  (void)fail_hostile(e); /* until the child says otherwise */
  const pid_t child = fork();
  if (child == 0)
    probe(e);
  if (child < 0)
    (void)fail_start(&e->reply, e->path, errno);
  else if (TEMP_FAILURE_RETRY(wait4(child, &how, 0, &used)) == child)
    judge(e, how, &used);
  else
    (void)fail_hostile(e);
}

/* Until the program ends, which closes the channel. Nothing that a library prints is seen. */
static _Noreturn void serve(int channel, exchange *e, pid_t program)
{
  char byte;
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGCHLD, SIG_DFL); /* where it is ignored, as by some that start programs, no child can be waited for */
  signal(SIGPROF, SIG_DFL);
  const int nowhere = open("/dev/null", O_RDWR);
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    (void)dup2(nowhere, fd);
  (void)H5open();
  while (getppid() == program && TEMP_FAILURE_RETRY(read(channel, &byte, 1)) == 1) {
    answer(e);
    if (write(channel, &byte, 1) != 1)
      break;
  }
  _exit(CGAP_OK);
}

/* ---------------------------------------------------------------- in the program */

static cgap_status check_file(const char *path, const cgap_file_access *access, cgap_error *error)
{
  char byte = 0;
  cli_crash_name(path); /* what this process reads itself after that */
  if (helper.process < 0)
    return fail_start(error, path, helper.failure);
  if ((size_t)snprintf(helper.shared->path, CGAP_PATH, "%s", path) >= CGAP_PATH)
    return cgap_fail(error, CGAP_FILE, "%s: the path has more than %d bytes", path, CGAP_PATH - 1);
  helper.shared->access = *access;
  helper.shared->access.memory = NULL;
  if (send(helper.channel, &byte, 1, MSG_NOSIGNAL) != 1 || TEMP_FAILURE_RETRY(read(helper.channel, &byte, 1)) != 1)
    return cgap_fail(error, CGAP_RESOURCE, "%s: the process that checks it was killed; start again", path);
  if (helper.shared->reply.status != CGAP_OK && error)
    *error = helper.shared->reply;
  return helper.shared->reply.status;
}

void cli_hdf5_helper_start(void)
{
  int ends[2];
  const pid_t program = getpid();
  cgap_hdf5_set_check(check_file);
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    helper.failure = errno;
    return;
  }
  void *shared = mmap(NULL, sizeof *helper.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  const pid_t process = shared == MAP_FAILED ? -1 : fork();
  helper.failure = errno;
  if (process == 0) {
    close(ends[0]);
    cgap_hdf5_set_check(NULL);
    serve(ends[1], shared, program);
  }
  close(ends[1]);
  helper.channel = ends[0];
  helper.shared = shared;
  helper.process = process;
}

void cli_hdf5_helper_end(void)
{
  if (helper.process < 0)
    return;
  close(helper.channel);
  (void)waitpid(helper.process, NULL, 0);
  helper.process = -1;
}
