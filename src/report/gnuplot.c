#include "report/gnuplot.h"

#include <ctype.h>
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

enum { FILE_NAME = 300, WORD = 4 * FILE_NAME + 3, COMMANDS = 8192, USUAL_SECONDS = 60, COMMANDS_FD = 3 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pid_t running; /* 0: none, or not to be waited for any more */
static bool stopped, hung;

/* The gnuplot of this thread, which draws the figures of a folder one after the other: most of them take less than its
 * start. It reads its commands from a pipe; an error in them ends it, as one in a script. The pipe's reading end is
 * kept open here too, so that no signal tells of a gnuplot that has ended. */
static _Thread_local struct {
  pid_t child;     /* 0: none */
  int from;        /* what it says */
  int commands[2]; /* the pipe */
  bool drew;       /* a figure, whose settings are still there */
  dev_t device;    /* the folder */
  ino_t inode;
} session;

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

/* Starts gnuplot in `folder`; its stderr and stdout go into the pipe whose reading end is *from. `commands` (-1: none)
 * is its COMMANDS_FD. 0 or an errno. */
static int spawn_gnuplot(pid_t *child, int *from, const char *folder, int commands, char *const *arguments)
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
    if (commands >= 0)
      number = number ? number : posix_spawn_file_actions_adddup2(&actions, commands, COMMANDS_FD);
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

/* Reads what the child says, so that it never blocks on a full pipe, to the line `mark` (NULL: none), to its end, or
 * until `end`; *marked, *ended: which of the first two came. */
static void read_output(int from, double end, const char *mark, char said[300], bool *marked, bool *ended)
{
  char text[4096], rest[1024];
  size_t used = 0;
  *marked = *ended = false;
  while (!*ended && !*marked && wait_for_output(from, end)) {
    const ssize_t got = read(from, rest, sizeof rest);
    *ended = got == 0 || (got < 0 && errno != EINTR);
    if (used + sizeof rest >= sizeof text) { /* the end is what matters */
      memmove(text, text + used / 2, used - used / 2);
      used -= used / 2;
    }
    for (ssize_t i = 0; i < got; i++)
      text[used++] = rest[i] ? rest[i] : ' ';
    text[used] = '\0';
    *marked = mark && strstr(text, mark);
  }
  text[used] = '\0';
  last_word(said, text);
}

/* Starts it, unless cgap_gnuplot_stop has been called. 0 or an errno. */
static int begin_gnuplot(pid_t *child, int *from, bool *interrupted, const char *folder, int commands,
                         char *const *arguments)
{
  int number = 0;
  pthread_mutex_lock(&lock);
  *interrupted = stopped;
  if (!stopped)
    number = spawn_gnuplot(child, from, folder, commands, arguments);
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
  bool interrupted = false, late = false, marked, ended;
  if (begin_gnuplot(&child, &from, &interrupted, "/", -1, arguments) != 0 || interrupted)
    return true;
  const double end = seconds_now() + ASKED_SECONDS;
  read_output(from, end, NULL, said, &marked, &ended);
  close(from);
  late = !ended;
  const int number = late ? 0 : await_gnuplot(child, end, &late);
  if (finish_gnuplot(child, number != 0, &status, &interrupted) != 0 || late || interrupted)
    return true;
  return !WIFEXITED(status) || WEXITSTATUS(status) != 1; /* 1: none */
}

/* ---------------------------------------------------------------- one gnuplot for many figures */

/* What a figure leaves behind and `reset session` does not take away: the types of lines that the scripts set, and in
 * the SVG terminal the background and the last colour and width, which the first lines of the next picture would show.
 * With this before it a picture of SVG, PNG or TikZ has the bytes of one by a gnuplot of its own; one of PDF has not.
 */
static const char RESET[] = "reset session\n"
                            "do for [i = 1:8] { unset linetype i }\n"
                            "do for [i = 101:106] { unset linetype i }\n"
                            "set colorsequence default\n"
                            "set terminal svg background -1\n"
                            "set output '/dev/null'\n"
                            "plot [0:1] [0:1] 0 notitle\n"
                            "set multiplot\n"
                            "unset multiplot\n"
                            "unset output\n";

/* In double quotes for gnuplot, which would take what a name may hold for ends of strings, commands and line ends. */
static const char *quote(char out[WORD], const char *word)
{
  char *at = out;
  *at++ = '"';
  for (; *word && at < out + WORD - 6; word++) {
    if (isalnum((unsigned char)*word) || strchr(".,_-", *word))
      *at++ = *word;
    else
      at += sprintf(at, "\\%03o", (unsigned char)*word);
  }
  memcpy(at, "\"", 2);
  return out;
}

/* 0 or an errno. */
static int write_all(int to, const char *text, size_t bytes)
{
  while (bytes) {
    const ssize_t done = write(to, text, bytes);
    if (done < 0 && errno != EINTR)
      return errno;
    text += done > 0 ? done : 0;
    bytes -= done > 0 ? (size_t)done : 0;
  }
  return 0;
}

/* Tells gnuplot to draw. It says `mark` when the picture is complete. 0 or an errno. */
static int send_figure(char mark[FILE_NAME], const char *name, const char *temporary, const cgap_plot_job *d)
{
  char text[COMMANDS], file[FILE_NAME], word[5][WORD];
  snprintf(file, sizeof file, "%s.gp", name);
  (void)quote(word[0], file);
  snprintf(file, sizeof file, "%s.tsv", name);
  (void)quote(word[1], file);
  (void)quote(word[2], temporary);
  (void)quote(word[3], d->theme ? d->theme : "light");
  (void)quote(word[4], d->size ? d->size : "");
  const int bytes =
    snprintf(text, sizeof text, "%scall %s %s %s %s %s\nunset multiplot\nunset output\nset print\nprint \"drew \".%s\n",
             session.drew ? RESET : "", word[0], word[1], word[2], word[3], word[4], word[2]);
  snprintf(mark, FILE_NAME, "drew %s\n", temporary);
  return write_all(session.commands[1], text, (size_t)bytes);
}

/* 0 or an errno. */
static int open_session(const char *folder, bool *interrupted)
{
  const char *const words[] = {"gnuplot", "-d", "/dev/fd/3", NULL}; /* COMMANDS_FD */
  char *arguments[sizeof words / sizeof *words];
  memcpy(arguments, words, sizeof words); /* exec wants pointers to char and changes nothing */
  struct stat facts;
  if (stat(folder, &facts) != 0 || pipe2(session.commands, O_CLOEXEC | O_NONBLOCK) != 0)
    return errno;
  session.device = facts.st_dev;
  session.inode = facts.st_ino;
  session.drew = false;
  const int number = begin_gnuplot(&session.child, &session.from, interrupted, folder, session.commands[0], arguments);
  if (number || *interrupted) {
    close(session.commands[0]);
    close(session.commands[1]);
    session.child = 0;
  }
  return number;
}

/* Lets gnuplot read the end of its commands and waits for it until `end`; late: it had to be ended. 0 or an errno. */
static int close_session(double end, int *status, bool *late, bool *interrupted)
{
  char said[300];
  bool marked, ended;
  close(session.commands[0]);
  close(session.commands[1]);
  read_output(session.from, end, NULL, said, &marked, &ended);
  close(session.from);
  *late = !ended;
  const int number = ended ? await_gnuplot(session.child, end, late) : 0;
  const int lost = finish_gnuplot(session.child, number != 0, status, interrupted);
  session.child = 0;
  return number ? number : lost;
}

void cgap_gnuplot_close(void)
{
  enum { LEAVE_SECONDS = 2 };
  int status = 0;
  bool late, interrupted;
  if (session.child)
    (void)close_session(seconds_now() + LEAVE_SECONDS, &status, &late, &interrupted);
}

static bool session_is_in(const char *folder)
{
  struct stat facts;
  return session.child && stat(folder, &facts) == 0 && facts.st_dev == session.device && facts.st_ino == session.inode;
}

/* By the gnuplot of this thread, or a new one, which stays only where this goes well. */
static cgap_status run_script(const char *folder, const char *name, const char *temporary, const cgap_plot_job *d,
                              cgap_error *error)
{
  char script[FILE_NAME], mark[FILE_NAME], said[300] = "";
  int status = 0, number = 0;
  bool interrupted = false, marked = false, ended = false, late = false;
  snprintf(script, sizeof script, "%s.gp", name);
  const double limit = d->seconds_max > 0 ? d->seconds_max : USUAL_SECONDS, end = seconds_now() + limit;
  if (!session.child)
    number = open_session(folder, &interrupted);
  if (number == ENOENT && !cgap_gnuplot_found())
    return cgap_fail(error, CGAP_USAGE, "%s", MISSING);
  if (number == EMFILE || number == ENFILE || number == ENOMEM)
    return cgap_fail_errno(error, number, folder, "draw");
  if (number)
    return cgap_fail(error, CGAP_FILE, "%s/%s: gnuplot cannot be started: %s", folder, script, strerror(number));
  if (session.child) {
    pthread_mutex_lock(&lock);
    running = session.child;
    if (stopped)
      end_group(running);
    pthread_mutex_unlock(&lock);
    number = send_figure(mark, name, temporary, d);
    if (!number)
      read_output(session.from, end, mark, said, &marked, &ended);
    session.drew = true;
    if (marked)
      return CGAP_OK;
    const int lost = close_session(ended ? end : 0, &status, &late, &interrupted);
    if (number)
      return cgap_fail_errno(error, number, folder, "draw");
    number = lost;
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

static const char *find_embedded(const char *file)
{
  for (size_t i = 0; i < cgap_plot_count; i++)
    if (strcmp(cgap_plots[i].name, file) == 0)
      return cgap_plots[i].text;
  return NULL;
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

/* Whether the file is the program's own, or not there. */
static bool is_own(const char *folder, const char *file)
{
  char path[CGAP_PATH];
  const char *own = embedded_or_kind(file);
  char *text = cgap_folder_file(path, folder, file, NULL) == CGAP_OK ? cgap_read_text(path, NULL) : NULL;
  const bool same = !text || (own && strcmp(text, own) == 0);
  free(text);
  return same;
}

/* Whether one gnuplot may draw this and other figures: RESET is enough for the format, and no script is the user's,
 * which could set anything. */
static bool can_share(const char *folder, const char *name, const char *format)
{
  char script[FILE_NAME];
  snprintf(script, sizeof script, "%s.gp", name);
  bool can = strcmp(format, "pdf") != 0 && strcmp(format, "txt") != 0 && is_own(folder, script);
  for (size_t i = 0; i < cgap_plot_count && can; i++)
    can = is_own(folder, cgap_plots[i].name);
  return can;
}

/* A figure that fails after another is drawn once more by a gnuplot of its own: the other may have left the reason. */
static cgap_status draw_figure(const char *folder, const char *name, const char *temporary, const cgap_plot_job *d,
                               cgap_error *error)
{
  if (hung) /* each of the others would take as long */
    return cgap_fail(error, CGAP_USAGE,
                     "gnuplot did not end in time, so no more figures are drawn; tables and scripts "
                     "are kept, contragap plot DIR draws them later");
  const bool shares = can_share(folder, name, d->format);
  if (!shares || !session_is_in(folder))
    cgap_gnuplot_close();
  const bool after_another = session.child != 0;
  cgap_status status = run_script(folder, name, temporary, d, error);
  if (status == CGAP_FILE && after_another && !hung)
    status = run_script(folder, name, temporary, d, error);
  if (!shares)
    cgap_gnuplot_close();
  return status;
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
    status = draw_figure(folder, name, strrchr(temporary, '/') + 1, d, error);
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

/* The user's own script, when CONTRAGAP_PLOTS has one; to be freed. */
static char *own_script(const char *file)
{
  const char *folder = getenv("CONTRAGAP_PLOTS");
  char path[CGAP_PATH];
  if (!folder || !*folder || cgap_folder_file(path, folder, file, NULL) != CGAP_OK)
    return NULL;
  return cgap_read_text(path, NULL);
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
