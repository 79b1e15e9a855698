#include "cli/leave.h"

#include <dirent.h>
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

#include "cli/opt.h"
#include "cli/progress.h"
#include "cli/ranks.h"
#include "output.h"

enum { GRACE_MILLISECONDS = 400 };

static sigset_t asking;
static atomic_bool stop, answered;
static char kept[CGAP_PATH + 300] = "nothing was written";
static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
  char path[CGAP_PATH];
  size_t stood; /* letters of path that existed when the program began */
} output;

void cli_leave_says(const char *format, ...)
{
  va_list values;
  va_start(values, format);
  pthread_mutex_lock(&kept_lock);
  vsnprintf(kept, sizeof kept, format, values);
  pthread_mutex_unlock(&kept_lock);
  va_end(values);
}

void cli_leave_output(const char *path)
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
    char part[CGAP_PATH];
    if (output.path[output.stood] != '/' && output.path[output.stood] != '\0')
      continue;
    snprintf(part, sizeof part, "%.*s", (int)output.stood, output.path);
    if (stat(part, &there) == 0)
      break;
  }
}

/* Files of this process that have no name of their own yet: NAME.PID.tmp, .NAME.PID.tmp.svg */
static void remove_temporary(const char *folder)
{
  char mark[40];
  snprintf(mark, sizeof mark, ".%ld.tmp", (long)getpid());
  DIR *list = opendir(folder);
  for (const struct dirent *entry; list && (entry = readdir(list));) {
    char path[CGAP_PATH + 300];
    if (strstr(entry->d_name, mark) && snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < (int)sizeof path)
      (void)unlink(path);
  }
  if (list)
    closedir(list);
}

static void clean_up(void)
{
  char path[CGAP_PATH + 20];
  if (!output.path[0])
    return;
  remove_temporary(output.path);
  snprintf(path, sizeof path, "%s/figures", output.path);
  remove_temporary(path);
  const char *slash = strrchr(output.path, '/');
  snprintf(path, sizeof path, "%.*s", slash ? (int)(slash - output.path) + 1 : 1, slash ? output.path : ".");
  remove_temporary(path);
  for (size_t length = strlen(output.path); length > output.stood; length--)
    if (output.path[length] == '/' || output.path[length] == '\0') {
      output.path[length] = '\0';
      if (rmdir(output.path) != 0) /* a folder with something in it stays */
        break;
    }
}

/* The next SIGINT or SIGTERM. */
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
  const int length = snprintf(text, sizeof text, "contragap: interrupted; %s\n", kept);
  for (int k = 0; k + 1 < length; k++)
    if ((unsigned char)text[k] < 32)
      text[k] = '?';
  if (cli_ranks_first() && write(STDERR_FILENO, text, (size_t)length) < 0)
    _exit(CGAP_INTERRUPTED);
  _exit(CGAP_INTERRUPTED); /* not exit: the work still runs and holds locks */
}

/* What comes within a second of the first belongs to it: timeout signals the child and its group. */
static void *watch(void *unused)
{
  static const struct timespec grace = {.tv_nsec = GRACE_MILLISECONDS * 1000000L};
  (void)unused;
  int number = next_signal();
  const double first = cli_seconds();
  atomic_store(&stop, true);
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

void cli_signals(void)
{
  pthread_t thread;
  signal(SIGXFSZ, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  sigemptyset(&asking);
  sigaddset(&asking, SIGINT);
  sigaddset(&asking, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &asking, NULL); /* threads that come later inherit it */
  if (pthread_create(&thread, NULL, watch, NULL) == 0)
    (void)pthread_detach(thread);
  else
    pthread_sigmask(SIG_UNBLOCK, &asking, NULL);
}

bool cli_interrupted(void)
{
  return atomic_load(&stop);
}

void cli_leave_answered(void)
{
  atomic_store(&answered, true);
}
