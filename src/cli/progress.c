#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "cli/run_info.h"

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

static void print_line(const char *phase, double fraction, double spent, bool again)
{
  char left[40], done[60];
  format_time_left(left, fraction, spent);
  const int tail = snprintf(done, sizeof done, ": %.0f %%%s", 100 * fraction, left);
  if (again) /* a line that wraps could not be drawn over */
    fprintf(stderr, "\r%.*s%s\033[K", cli_columns(STDERR_FILENO) - 1 - tail, phase, done);
  else
    fprintf(stderr, "%s%s\n", phase, done);
  fflush(stderr);
  shown_line.line_shown = again;
}

static bool print_progress(void *context, const char *phase, double fraction)
{
  (void)context;
  const bool wanted =
    cli_shared.progress == CLI_PROGRESS_ALWAYS || (cli_shared.progress == CLI_PROGRESS_AUTO && !cli_shared.quiet);
  const bool stop = cli_interrupted();
  if (stop)
    cli_interrupt_acknowledge();
  if (!wanted || stop || !cli_ranks_first())
    return stop;
  const bool again = is_redrawable();
  const double now = cli_seconds();
  /* what stands behind a comma is detail of the same phase */
  const int length = (int)strcspn(phase, ",");
  if (strncmp(shown_line.phase, phase, (size_t)length) != 0 || shown_line.phase[length < 63 ? length : 63] != '\0') {
    snprintf(shown_line.phase, sizeof shown_line.phase, "%.*s", length < 63 ? length : 63, phase);
    shown_line.phase_start = now;
  }
  if (now - shown_line.last < (again ? 0.1 : 10))
    return stop;
  shown_line.last = now;
  print_line(phase, fraction, now - shown_line.phase_start, again);
  return stop;
}

cgap_progress cli_progress(void)
{
  cli_leave_wipe(cli_progress_clear);
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
