#include "report/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/output_file.h"
#include "report/tikz.h"

extern char **environ;

enum { FILE_NAME = 300, USUAL_SECONDS = 60 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pid_t running; /* 0: none, or not to be waited for any more */
static bool stopped, hung;

/* gnuplot leads a group of its own, with what a script in its place starts: a signal to it reaches all. As long as the
 * leader has not been waited for the number is its own. */
static void end_group(pid_t leader)
{
  (void)kill(-leader, SIGKILL);
}

void cgap_gnuplot_stop(void)
{
  pthread_mutex_lock(&lock);
  stopped = true;
  if (running)
    end_group(running);
  pthread_mutex_unlock(&lock);
}

static const char MISSING[] = "gnuplot is not installed, so figures are not drawn (Debian: apt install gnuplot-nox); "
                              "tables and scripts are kept, contragap plot DIR draws them later";

bool cgap_gnuplot_found(void)
{
  const char *path = getenv("PATH");
  char file[CGAP_PATH];
  while (path && *path) {
    size_t length = strcspn(path, ":");
    snprintf(file, sizeof file, "%.*s/gnuplot", (int)length, path);
    if (access(file, X_OK) == 0)
      return true;
    path += length + (path[length] == ':');
  }
  return false;
}

/* The environment without what would change gnuplot's drawing: GNUTERM names a terminal that may not be there, and
 * others fonts, folders of scripts and logs. Its init files are left out by -d. The list alone is to be freed. */
static char **own_environment(void)
{
  static const char *const NAMES[] = {"GNUTERM=", "GNUPLOT", "GDFONTPATH=", "FIT_", "GNUFITLOG="};
  size_t count = 0, kept = 0;
  while (environ[count])
    count++;
  char **out = malloc((count + 1) * sizeof *out);
  for (size_t k = 0; out && k <= count; k++) {
    bool fits = true;
    for (size_t n = 0; environ[k] && n < sizeof NAMES / sizeof *NAMES; n++)
      fits = fits && strncmp(environ[k], NAMES[n], strlen(NAMES[n])) != 0;
    if (fits)
      out[kept++] = environ[k];
  }
  return out;
}

/* Starts gnuplot in `folder`; its stderr and stdout go into the pipe whose reading end is *from. 0 or an errno. */
static int spawn_gnuplot(pid_t *child, int *from, const char *folder, char *const *arguments)
{
  int ends[2];
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t how;
  sigset_t none;
  char **environment = own_environment();
  if (!environment)
    return ENOMEM;
  if (pipe2(ends, O_CLOEXEC) != 0) {
    const int why = errno;
    free(environment);
    return why;
  }
  sigemptyset(&none); /* what this thread holds back, gnuplot is to hear */
  posix_spawnattr_init(&how);
  posix_spawnattr_setsigmask(&how, &none);
  posix_spawnattr_setpgroup(&how, 0);
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  int number = posix_spawn_file_actions_init(&actions);
  if (!number) {
    number = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    number = number ? number : posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    number = number ? number : posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    number = number ? number : posix_spawn_file_actions_addchdir_np(&actions, folder);
    number = number ? number : posix_spawnp(child, arguments[0], &actions, &how, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
  }
  posix_spawnattr_destroy(&how);
  free(environment);
  close(ends[1]);
  *from = ends[0];
  if (number)
    close(ends[0]);
  return number;
}

/* gnuplot warns first and names its error last: the last line that is no warning. */
static void last_word(char said[300], const char *text)
{
  snprintf(said, 300, "it said nothing");
  while (*text) {
    text += strspn(text, " ^\n\t");
    size_t length = strcspn(text, "\n");
    char line[300];
    snprintf(line, sizeof line, "%.*s", (int)length, text);
    if (length && !strstr(line, "warning"))
      snprintf(said, 300, "%s", line);
    text += length;
  }
}

static double seconds_now(void)
{
  struct timespec now;
  return clock_gettime(CLOCK_MONOTONIC, &now) == 0 ? (double)now.tv_sec + 1e-9 * (double)now.tv_nsec : 0;
}

/* Whether there is something to read, or the end, before the moment `end`. */
static bool wait_for_output(int from, double end)
{
  for (;;) {
    struct pollfd pipe = {.fd = from, .events = POLLIN};
    const double left = end - seconds_now();
    const int count = left > 0 ? poll(&pipe, 1, (int)ceil(1000 * left)) : 0;
    if (count > 0 || (count < 0 && errno != EINTR))
      return true;
    if (left <= 0)
      return false;
  }
}

/* What the child says, read to its end so that it never blocks on a full pipe; false: that did not come before `end`.
 */
static bool read_output(int from, double end, char said[300])
{
  char text[2048], rest[1024];
  size_t used = 0;
  bool ended = false;
  while (!ended && wait_for_output(from, end)) {
    const ssize_t got = read(from, rest, sizeof rest);
    ended = got == 0 || (got < 0 && errno != EINTR);
    if (used + (size_t)(got > 0 ? got : 0) >= sizeof text) /* the end is what matters */
      used = 0;
    for (ssize_t i = 0; i < got; i++)
      text[used++] = rest[i];
  }
  close(from);
  text[used] = '\0';
  last_word(said, text);
  return ended;
}

/* Starts it, unless cgap_gnuplot_stop has been called. 0 or an errno. */
static int begin_gnuplot(pid_t *child, int *from, bool *interrupted, const char *folder, char *const *arguments)
{
  int number = 0;
  pthread_mutex_lock(&lock);
  *interrupted = stopped;
  if (!stopped)
    number = spawn_gnuplot(child, from, folder, arguments);
  running = stopped || number ? 0 : *child;
  pthread_mutex_unlock(&lock);
  return number;
}

/* Waits until it has ended, or until `end`: it may close its output and go on. Its number stays its own. 0 or an errno.
 */
static int await_gnuplot(pid_t child, double end, bool *late)
{
  static const struct timespec STEP = {.tv_nsec = 2000000};
  siginfo_t facts = {0};
  for (;;) {
    if (waitid(P_PID, (id_t)child, &facts, WEXITED | WNOWAIT | WNOHANG) != 0 && errno != EINTR)
      return errno;
    if (facts.si_pid)
      return 0;
    if (seconds_now() >= end) {
      *late = true;
      return 0;
    }
    nanosleep(&STEP, NULL);
  }
}

/* Ends it, and what it has started and left, and gives its number back, which nothing signals any more. lost: the
 * caller's process has waited for it, and the number may be another's. 0 or an errno. */
static int finish_gnuplot(pid_t child, bool lost, int *status, bool *interrupted)
{
  pthread_mutex_lock(&lock);
  if (!lost)
    end_group(child);
  running = 0;
  *interrupted = stopped;
  pthread_mutex_unlock(&lock);
  while (waitpid(child, status, 0) < 0)
    if (errno != EINTR)
      return errno;
  *interrupted = WIFSIGNALED(*status) && (*interrupted || WTERMSIG(*status) == SIGINT || WTERMSIG(*status) == SIGTERM);
  return 0;
}

bool cgap_gnuplot_has_font(const char *code)
{
  char query[40], said[300] = "";
  snprintf(query, sizeof query, ":lang=%s", code);
  const char *const words[] = {"fc-list", "-q", query, NULL};
  char *arguments[sizeof words / sizeof *words];
  memcpy(arguments, words, sizeof words); /* exec wants pointers to char and changes nothing */
  enum { ASKED_SECONDS = 10 };
  pid_t child = 0;
  int from = -1, status = 0;
  bool interrupted = false, late = false;
  if (begin_gnuplot(&child, &from, &interrupted, "/", arguments) != 0 || interrupted)
    return true;
  const double end = seconds_now() + ASKED_SECONDS;
  late = !read_output(from, end, said);
  const int number = late ? 0 : await_gnuplot(child, end, &late);
  if (finish_gnuplot(child, number != 0, &status, &interrupted) != 0 || late || interrupted)
    return true;
  return !WIFEXITED(status) || WEXITSTATUS(status) != 1; /* 1: none */
}

static cgap_status run_script(const char *folder, const char *name, const char *temporary, const cgap_plot_job *d,
                              cgap_error *error)
{
  char script[FILE_NAME], table[FILE_NAME], said[300];
  snprintf(script, sizeof script, "%s.gp", name);
  snprintf(table, sizeof table, "%s.tsv", name);
  const char *const words[] = {
    "gnuplot", "-d", "-c", script, table, temporary, d->theme ? d->theme : "light", d->size ? d->size : "", NULL};
  char *arguments[sizeof words / sizeof *words];
  memcpy(arguments, words, sizeof words); /* exec wants pointers to char and changes nothing */
  pid_t child = 0;
  int from = -1, status = 0;
  bool interrupted = false;
  bool late = false;
  if (hung) /* each of the others would take as long */
    return cgap_fail(error, CGAP_USAGE,
                     "gnuplot did not end in time, so no more figures are drawn; tables and scripts "
                     "are kept, contragap plot DIR draws them later");
  const double limit = d->seconds_max > 0 ? d->seconds_max : USUAL_SECONDS;
  int number = begin_gnuplot(&child, &from, &interrupted, folder, arguments);
  if (number == ENOENT && !cgap_gnuplot_found())
    return cgap_fail(error, CGAP_USAGE, "%s", MISSING);
  if (number == EMFILE || number == ENFILE || number == ENOMEM)
    return cgap_fail_errno(error, number, folder, "draw");
  if (number)
    return cgap_fail(error, CGAP_FILE, "%s/%s: gnuplot cannot be started: %s", folder, script, strerror(number));
  if (!interrupted) {
    const double end = seconds_now() + limit;
    late = !read_output(from, end, said);
    number = late ? 0 : await_gnuplot(child, end, &late);
    number = finish_gnuplot(child, number != 0, &status, &interrupted);
  }
  if (number)
    return cgap_fail(error, CGAP_FILE, "%s/%s: gnuplot was lost: %s", folder, script, strerror(number));
  if (interrupted)
    return cgap_fail(error, CGAP_INTERRUPTED, "interrupted while drawing %s/%s; the same command draws it", folder,
                     script);
  if (late) {
    hung = true;
    return cgap_fail(error, CGAP_FILE, "%s/%s: gnuplot did not end within %g seconds and was ended", folder, script,
                     limit);
  }
  const bool failed = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
  if (failed && strcmp(d->format, "tex") == 0 && strstr(said, "terminal type"))
    return cgap_fail(error, CGAP_USAGE,
                     "%s/%s: this gnuplot has no tikz terminal, as it was built without Lua; install one that has "
                     "(Debian: apt install gnuplot-nox), or draw pdf",
                     folder, script);
  if (WIFSIGNALED(status))
    return cgap_fail(error, CGAP_FILE, "%s/%s: gnuplot was ended by signal %d (%s); the table and the script are kept",
                     folder, script, WTERMSIG(status), strsignal(WTERMSIG(status)));
  if (failed)
    return cgap_fail(error, CGAP_FILE, "%s/%s: gnuplot failed: %s", folder, script, said);
  return CGAP_OK;
}

/* Draws into a temporary file of the picture, whose name tells the script the format. Nothing is left behind on
 * failure. */
static cgap_status render_temporary(cgap_temporary *out, char picture[CGAP_PATH], const char *folder, const char *name,
                                    const cgap_plot_job *d, cgap_error *error)
{
  char file[FILE_NAME], ending[20], temporary[CGAP_TEMPORARY];
  struct stat facts;
  *out = (cgap_temporary){.fd = -1};
  snprintf(file, sizeof file, "%s.%s", name, d->format);
  snprintf(ending, sizeof ending, ".%s", d->format);
  cgap_status status = cgap_folder_file(picture, folder, file, error);
  if (status)
    return status;
  cgap_temporary_name(temporary, picture, cgap_temporary_token(), ending);
  status = cgap_temporary_create(out, picture, temporary, error);
  if (!status)
    cgap_temporary_unlock(out); /* where locks keep others from writing, gnuplot could not */
  if (!status)
    status = run_script(folder, name, strrchr(temporary, '/') + 1, d, error);
  if (!status && strcmp(d->format, "tex") == 0)
    status = cgap_tikz_escape(out->path, error);
  if (!status && (fstat(out->fd, &facts) != 0 || facts.st_size == 0))
    status =
      cgap_fail(error, CGAP_FILE, "%s/%s.gp: gnuplot wrote an empty picture; check whether the disk is full or broken",
                folder, name);
  if (status)
    cgap_temporary_close(out);
  return status;
}

cgap_status cgap_gnuplot_render(const char *folder, const char *name, const cgap_plot_job *d, cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_temporary temporary;
  cgap_status status = render_temporary(&temporary, path, folder, name, d, error);
  return status ? status : cgap_temporary_publish(&temporary, path, error);
}

bool cgap_gnuplot_made(const char *path, const char *format)
{
  static const char *const MARKS[][2] = {
    {"svg", "Produced by GNUPLOT"}, {"png", "bKGD"}, {"pdf", "Producer (cairo"}, {"tex", "%% generated with GNUPLOT"}};
  size_t bytes = 0;
  char *picture = cgap_read_text(path, &bytes);
  bool drew = false;
  for (size_t k = 0; picture && k < sizeof MARKS / sizeof *MARKS; k++)
    if (strcmp(MARKS[k][0], format) == 0)
      drew = memmem(picture, bytes, MARKS[k][1], strlen(MARKS[k][1])) != NULL;
  free(picture);
  return drew;
}

char *cgap_gnuplot_text(const char *folder, const char *name, const cgap_plot_job *d, cgap_error *error)
{
  char picture[CGAP_PATH];
  cgap_temporary temporary;
  if (render_temporary(&temporary, picture, folder, name, d, error) != CGAP_OK)
    return NULL;
  char *text = cgap_read_text(temporary.path, NULL);
  if (!text)
    (void)cgap_fail(error, CGAP_RESOURCE, "%s: cannot be read back after drawing; check the disk", picture);
  cgap_temporary_close(&temporary);
  return text;
}

/* ---------------------------------------------------------------- plots */

static const char *find_embedded(const char *file)
{
  for (size_t i = 0; i < cgap_plot_count; i++)
    if (strcmp(cgap_plots[i].name, file) == 0)
      return cgap_plots[i].text;
  return NULL;
}

/* The user's own script, when CONTRAGAP_PLOTS has one; to be freed. */
static char *own_script(const char *file)
{
  const char *folder = getenv("CONTRAGAP_PLOTS");
  char path[CGAP_PATH];
  if (!folder || !*folder || cgap_folder_file(path, folder, file, NULL) != CGAP_OK)
    return NULL;
  return cgap_read_text(path, NULL);
}

/* A script, or for "sweep-dim.gp" the one of its kind, "sweep.gp". */
static const char *embedded_or_kind(const char *file)
{
  char kind[300];
  const char *text = find_embedded(file);
  if (text)
    return text;
  snprintf(kind, sizeof kind, "%.*s.gp", (int)strcspn(file, "-."), file);
  return find_embedded(kind);
}

static cgap_status copy_script(const char *folder, const char *file, cgap_error *error)
{
  char path[CGAP_PATH];
  char *own = own_script(file);
  const char *text = own ? own : embedded_or_kind(file);
  cgap_status status = cgap_folder_file(path, folder, file, error);
  if (!status && !text)
    status = cgap_fail(error, CGAP_USAGE, "%s: there is no such script", file);
  if (!status)
    status = cgap_write_file(path, text, strlen(text), error);
  free(own);
  return status;
}

cgap_status cgap_plots_copy(const char *folder, const char *name, cgap_error *error)
{
  char file[300];
  snprintf(file, sizeof file, "%s.gp", name);
  cgap_status status = copy_script(folder, "style.gp", error);
  if (!status)
    status = copy_script(folder, file, error);
  /* what a script calls must be in the same folder */
  const char *text = embedded_or_kind(file);
  for (size_t i = 0; i < cgap_plot_count && !status && text; i++) {
    snprintf(file, sizeof file, "call \"%s\"", cgap_plots[i].name);
    if (strcmp(cgap_plots[i].name, "style.gp") != 0 && strstr(text, file))
      status = copy_script(folder, cgap_plots[i].name, error);
  }
  return status;
}

const char *cgap_embedded(const char *name)
{
  const char *text = find_embedded(name);
  return text ? text : "";
}
