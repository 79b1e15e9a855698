#include "cli/interrupt.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/output_file.h"
#include "base/text_buffer.h"
#include "cli/run_info.h"
#include "report/gnuplot.h"
#include "report/text.h"

enum { GRACE_MILLISECONDS = 400 };

static sigset_t asking;
static atomic_bool stop, answered, decided, removing;
enum { UNCLAIMED, BY_WORK, BY_WATCH };
static atomic_int line_of = UNCLAIMED; /* who says that the program was interrupted: one of the two alone */
static char kept[CGAP_PATH + 300] = "nothing was written";
static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
  char path[CGAP_PATH];
  size_t stood; /* letters of path that existed when the program began */
} output;

void cli_interrupt_set_message(const char *format, ...)
{
  va_list values;
  va_start(values, format);
  pthread_mutex_lock(&kept_lock);
  vsnprintf(kept, sizeof kept, format, values);
  pthread_mutex_unlock(&kept_lock);
  va_end(values);
}

void cli_interrupt_set_output(const char *path)
{
  struct stat there;
  size_t length = strlen(path);
  while (length > 1 && path[length - 1] == '/')
    length--;
  if (length >= sizeof output.path)
    return;
  memcpy(output.path, path, length);
  output.path[length] = '\0';
  for (output.stood = length; output.stood > 0; output.stood--) {
    char parent[CGAP_PATH];
    if (output.path[output.stood] != '/' && output.path[output.stood] != '\0')
      continue;
    snprintf(parent, sizeof parent, "%.*s", (int)output.stood, output.path);
    if (stat(parent, &there) == 0)
      break;
  }
}

/* Allocates nothing: the memory may be out, or a thread that was stopped may hold its lock. */
static void clean_up(void)
{
  atomic_store(&removing, true);
  cgap_temporaries_remove_all();
  for (size_t length = strlen(output.path); length > output.stood; length--)
    if (output.path[length] == '/' || output.path[length] == '\0') {
      output.path[length] = '\0';
      if (rmdir(output.path) != 0 && errno != ENOENT) /* a folder with something in it stays */
        break;
    }
}

/* Whether `who` is the one that says it. */
static bool takes_line(int who)
{
  int owner = UNCLAIMED;
  return atomic_compare_exchange_strong(&line_of, &owner, who) || owner == who;
}

void cli_interrupt_let_end(bool says_it)
{
  while (atomic_load(&removing) || (says_it && !takes_line(BY_WORK)))
    pause();
}

/* The next signal that asks the program to stop. */
static int next_signal(void)
{
  int number = 0;
  while (sigwait(&asking, &number) != 0)
    continue;
  return number;
}

static void end_now(void)
{
  clean_up();
  cli_progress_clear();
  pthread_mutex_lock(&kept_lock);
  char text[sizeof kept + 40];
  snprintf(text, sizeof text, "contragap: interrupted; %s\n", kept);
  cgap_text_clean(text, '?', "\n");
  if (cli_ranks_first() && write(STDERR_FILENO, text, strlen(text)) < 0)
    _exit(CGAP_INTERRUPTED);
  _exit(CGAP_INTERRUPTED); /* not exit: the work still runs and holds locks */
}

/* What comes within a second of the first belongs to it: timeout signals the child and its group. */
static void *watch_signals(void *unused)
{
  static const struct timespec grace = {.tv_nsec = GRACE_MILLISECONDS * 1000000L};
  (void)unused;
  int number = next_signal();
  const double first = cli_seconds();
  atomic_store(&stop, true);
  cgap_gnuplot_stop();
  nanosleep(&grace, NULL);
  if (!atomic_load(&answered) && takes_line(BY_WATCH))
    end_now();
  do
    number = next_signal();
  while (cli_seconds() - first < 1);
  signal(number, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &asking, NULL);
  raise(number);
  return NULL;
}

void cli_signals_hold(void)
{
  struct sigaction hangup;
  sigemptyset(&asking);
  sigaddset(&asking, SIGINT);
  sigaddset(&asking, SIGTERM);
  if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) /* nohup */
    sigaddset(&asking, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &asking, NULL); /* threads that come later inherit it */
}

void cli_signals_of_writes_ignore(void)
{
  signal(SIGXFSZ, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
}

void cli_signals_watch(void)
{
  pthread_t thread;
  if (pthread_create(&thread, NULL, watch_signals, NULL) == 0)
    (void)pthread_detach(thread);
  else
    pthread_sigmask(SIG_UNBLOCK, &asking, NULL);
}

/* Nothing of stdio, whose locks the threads that still run may hold. */
static _Noreturn void end_with(const char *line, size_t length, int code)
{
  static atomic_flag ending = ATOMIC_FLAG_INIT;
  while (atomic_flag_test_and_set(&ending)) /* another thread is at it */
    pause();
  clean_up();
  cli_progress_clear();
  if (write(STDERR_FILENO, line, length) < 0) /* on any rank: the others do not know */
    _exit(code);
  _exit(code);
}

/* Last of what exit() calls. */
static void end_guarded(int code, void *unused)
{
  static const char LINE[] =
    "contragap: a library ended the program, as it does where memory or threads run out (ulimit -v, ulimit -u, the "
    "memory of a job); give --threads 1 or raise the limit\n";
  (void)code;
  (void)unused;
  if (!atomic_load(&decided))
    end_with(LINE, sizeof LINE - 1, CGAP_RESOURCE);
}

_Noreturn void cli_end_out_of_memory(size_t bytes)
{
  char line[200];
  const int length = snprintf(line, sizeof line,
                              "contragap: out of memory: there are no %zu bytes more; close other programs, give a "
                              "smaller --memory or --threads 1, or raise the limit (ulimit -v)\n",
                              bytes);
  end_with(line, (size_t)length, CGAP_RESOURCE);
}

/* "one.h5 or two.h5": what is being read, for a last line that no library can print. */
static char read_names[1000];

void cli_crash_name(const char *name)
{
  const size_t used = strlen(read_names), length = strlen(name);
  const char *found = strstr(read_names, name);
  if (found && (found[length] == '\0' || found[length] == ' ')) /* also where it is the end of another's path */
    return;
  if (used + length + sizeof " or " > sizeof read_names)
    return;
  (void)snprintf(read_names + used, sizeof read_names - used, "%s%s", used ? " or " : "", name);
  cgap_text_clean(read_names + used, '?', "");
}

static void end_crashed(int number)
{
  static char line[1300];
  const int length =
    snprintf(line, sizeof line,
             "contragap: a library failed on %s, which is damaged or hostile, or on a disk that cannot "
             "be read; copy it again; if it is sound, please report this\n",
             read_names[0] ? read_names : "its input");
  (void)number;
  end_with(line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1, CGAP_FILE);
}

/* On a stack of its own, as the main thread's may be what ran out. Not with a sanitizer, which says more. */
static void guard_crashes(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  static const int NUMBERS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
  static char stack[1 << 16];
  const stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
  struct sigaction how = {.sa_handler = end_crashed, .sa_flags = SA_ONSTACK | SA_RESETHAND};
  sigemptyset(&how.sa_mask);
  (void)sigaltstack(&own, NULL);
  for (size_t k = 0; k < sizeof NUMBERS / sizeof *NUMBERS; k++)
    (void)sigaction(NUMBERS[k], &how, NULL);
#endif
}

void cli_interrupt_guard_exit(void)
{
  (void)on_exit(end_guarded, NULL);
  guard_crashes();
}

void cli_interrupt_exit_decided(void)
{
  atomic_store(&decided, true);
}

bool cli_interrupted(void)
{
  return atomic_load(&stop);
}

void cli_interrupt_acknowledge(void)
{
  atomic_store(&answered, true);
}

/* ---------------------------------------------------------------- progress */

static struct {
  char phase[64];
  double phase_start, last;
  bool line_shown;
} shown_line;

static void format_time_left(char out[40], double fraction, double spent)
{
  double left = fraction > 0.02 && spent > 0.5 ? spent * (1 - fraction) / fraction : -1;
  if (left < 0)
    out[0] = '\0';
  else if (left < 90)
    snprintf(out, 40, ", %.0f s left", left);
  else
    snprintf(out, 40, ", %.0f min left", left / 60);
}

/* One line that a terminal can draw again; "dumb" ones cannot go back. */
static bool is_redrawable(void)
{
  const char *kind = getenv("TERM");
  return isatty(STDERR_FILENO) && kind && *kind && strcmp(kind, "dumb") != 0;
}

/* Bytes of a phase that fit into so many columns: whole words, and no bracket left open. */
static size_t phase_length(const char *phase, int columns)
{
  size_t fits = 0;
  for (size_t i = 0, depth = 0;; i++) {
    if ((phase[i] == ' ' || phase[i] == '\0') && depth == 0 && cgap_text_width(phase, i) <= columns)
      fits = i;
    if (phase[i] == '\0')
      break;
    depth += phase[i] == '(';
    depth -= phase[i] == ')' && depth > 0;
  }
  while (fits && strchr(" ,|:", phase[fits - 1]))
    fits--;
  return fits;
}

/* "42 % rows, 3 s left": the share first. */
static void print_line(const char *phase, double fraction, double spent, bool again)
{
  char left[40], share[20];
  format_time_left(left, fraction, spent);
  const int used = snprintf(share, sizeof share, "%.0f %% ", 100 * fraction) + (int)strlen(left);
  if (again) /* a line that wraps could not be drawn over */
    fprintf(stderr, "\r%s%.*s%s\033[K", share, (int)phase_length(phase, cli_columns(STDERR_FILENO) - 1 - used), phase,
            left);
  else
    fprintf(stderr, "%s%s%s\n", share, phase, left);
  fflush(stderr);
  shown_line.line_shown = again;
}

static bool print_progress(void *context, const char *phase, double fraction)
{
  (void)context;
  const bool wanted =
    cli_shared.progress == CLI_PROGRESS_ALWAYS || (cli_shared.progress == CLI_PROGRESS_AUTO && !cli_shared.quiet);
  const bool stopping = cli_interrupted();
  if (stopping)
    cli_interrupt_acknowledge();
  if (!wanted || stopping || !cli_ranks_first())
    return stopping;
  const bool again = is_redrawable();
  const double now = cli_seconds();
  /* what follows a comma is a detail of the same phase */
  const int length = (int)strcspn(phase, ",");
  if (strncmp(shown_line.phase, phase, (size_t)length) != 0 || shown_line.phase[length < 63 ? length : 63] != '\0') {
    snprintf(shown_line.phase, sizeof shown_line.phase, "%.*s", length < 63 ? length : 63, phase);
    shown_line.phase_start = now;
  }
  if (now - shown_line.last < (again ? 0.1 : 10))
    return stopping;
  shown_line.last = now;
  print_line(phase, fraction, now - shown_line.phase_start, again);
  return stopping;
}

cgap_progress cli_progress(void)
{
  shown_line.last = is_redrawable() ? 0 : cli_seconds();
  return (cgap_progress){.tick = print_progress};
}

void cli_progress_clear(void)
{
  static const char wipe[] = "\r\033[K";
  /* not through stdio, whose lock the work may hold when another thread ends the program */
  if (shown_line.line_shown && write(STDERR_FILENO, wipe, sizeof wipe - 1) > 0)
    shown_line.line_shown = false;
}
