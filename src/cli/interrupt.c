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
#include "cli/run_info.h"
#include "report/gnuplot.h"

enum { GRACE_MILLISECONDS = 400 };

static sigset_t asking;
static void (*_Atomic wipe)(void);
static atomic_bool stop, answered, decided;
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
  cgap_temporaries_remove_all();
  for (size_t length = strlen(output.path); length > output.stood; length--)
    if (output.path[length] == '/' || output.path[length] == '\0') {
      output.path[length] = '\0';
      if (rmdir(output.path) != 0 && errno != ENOENT) /* a folder with something in it stays */
        break;
    }
}

/* The next signal that asks the program to stop. */
static int next_signal(void)
{
  int number = 0;
  while (sigwait(&asking, &number) != 0)
    continue;
  return number;
}

void cli_leave_wipe(void (*line)(void))
{
  atomic_store(&wipe, line);
}

static void wipe_line(void)
{
  void (*const line)(void) = atomic_load(&wipe);
  if (line)
    line();
}

static void end_now(void)
{
  clean_up();
  wipe_line();
  pthread_mutex_lock(&kept_lock);
  char text[sizeof kept + 40];
  const int length = snprintf(text, sizeof text, "contragap: interrupted; %s\n", kept);
  for (int k = 0; k + 1 < length; k++)
    if ((unsigned char)text[k] < 32)
      text[k] = '?';
  if (cli_ranks_first() && write(STDERR_FILENO, text, (size_t)length) < 0)
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
  if (!atomic_load(&answered))
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

void cli_signals_watch(void)
{
  pthread_t thread;
  signal(SIGXFSZ, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
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
  wipe_line();
  if (cli_ranks_first() && write(STDERR_FILENO, line, length) < 0)
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

static void end_crashed(int number)
{
  static const char LINE[] = "contragap: a library crashed, as libhdf5 does on damaged or hostile files and where the "
                             "disk cannot be read; check "
                             "the input (copy it again); if it is sound, please report this\n";
  (void)number;
  end_with(LINE, sizeof LINE - 1, CGAP_FILE);
}

/* Its stack may be what ran out. Not with a sanitizer, which says more. */
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
