#include "cli/progress.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/opt.h"

static volatile sig_atomic_t stop, asked_at; /* asked_at: seconds of the monotonic clock */

/* The first signal asks the work to stop. A later one finds the default action, so that a program that does not answer
 * can still be ended; what comes within a second belongs to the first (timeout signals the child and its group). */
static void on_signal(int number)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (!stop) {
    stop = 1;
    asked_at = (sig_atomic_t)now.tv_sec;
  } else if ((sig_atomic_t)now.tv_sec - asked_at > 1) {
    signal(number, SIG_DFL);
    raise(number);
  }
}

void cli_signals(void)
{
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  signal(SIGXFSZ, SIG_IGN); /* a file past the size limit becomes a failed write as well */
  signal(SIGPIPE, SIG_IGN); /* a closed pipe becomes a failed write, which is reported */
}

static struct {
  char phase[64];
  double phase_start, last;
  bool drawn;
} line;

static void eta(char out[40], double share, double spent)
{
  double left = share > 0.02 && spent > 0.5 ? spent * (1 - share) / share : -1;
  if (left < 0)
    out[0] = '\0';
  else if (left < 90)
    snprintf(out, 40, ", %.0f s left", left);
  else
    snprintf(out, 40, ", %.0f min left", left / 60);
}

static bool tick(void *context, const char *phase, double share)
{
  (void)context;
  bool terminal = isatty(STDERR_FILENO);
  bool wanted = cli_shared.progress == CLI_PROGRESS_ALWAYS ||
                (cli_shared.progress == CLI_PROGRESS_AUTO && terminal && !cli_shared.quiet);
  if (!wanted || stop)
    return stop;
  double now = cli_seconds();
  /* what stands behind a comma is detail of the same phase */
  const int length = (int)strcspn(phase, ",");
  if (strncmp(line.phase, phase, (size_t)length) != 0 || line.phase[length < 63 ? length : 63] != '\0') {
    snprintf(line.phase, sizeof line.phase, "%.*s", length < 63 ? length : 63, phase);
    line.phase_start = now;
  }
  if (now - line.last < (terminal ? 0.1 : 10))
    return stop;
  line.last = now;
  char left[40];
  eta(left, share, now - line.phase_start);
  fprintf(stderr, terminal ? "\r%s: %.0f %%%s\033[K" : "%s: %.0f %%%s\n", phase, 100 * share, left);
  fflush(stderr);
  line.drawn = terminal;
  return stop;
}

cgap_progress cli_progress(void)
{
  line.last = isatty(STDERR_FILENO) ? 0 : cli_seconds();
  return (cgap_progress){.tick = tick};
}

void cli_progress_clear(void)
{
  if (line.drawn)
    fprintf(stderr, "\r\033[K");
  line.drawn = false;
}
