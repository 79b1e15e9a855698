#include "cli/messages.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/temporary_file.h"
#include "base/text_buffer.h"
#include "cli/interrupt.h"
#include "cli/run_info.h"
#include "comm/comm.h"

static struct {
  cgap_comm *comm;
  bool failed;
  cgap_error error;
} ranks;

static cgap_modality_names names; /* zeros: by default */

const cgap_modality_names *cli_names(void)
{
  return &names;
}

void cli_use_names(const char *const of[2])
{
  names = cgap_modality_names_of(of);
}

/* A message may quote a file's or a command line's text: one line, whatever that holds. */
static void one_line(char *text)
{
  cgap_stage_hide(text);
  cgap_text_clean(text, '?', "");
}

void cli_name_flags(char *out, size_t size, const char *text)
{
  static const char *const FLAGS[][2] = {{"`image`", "--image"},
                                         {"`text`", "--text"},
                                         {"`text_image`", "--text-image"},
                                         {"`class_text`", "--class-text"},
                                         {"`labels`", "--labels"},
                                         {"`unpaired`", "--unpaired"},
                                         {"`by`", "--by"},
                                         {"`by_file`", "--by-file"},
                                         {"`replace`", "--force"},
                                         {"`memory_bytes`", "--memory"},
                                         {"`pairs`", "--pairs"},
                                         {"`precision`", "--precision"},
                                         {"`threads`", "--threads"},
                                         {"`follow`", "--follow"},
                                         {"`plugins`", "--plugins"}};
  size_t used = 0;
  while (*text && used + 1 < size) {
    const char *flag = NULL;
    size_t length = 1;
    for (size_t i = 0; i < sizeof FLAGS / sizeof *FLAGS && !flag; i++)
      if (strncmp(text, FLAGS[i][0], strlen(FLAGS[i][0])) == 0) {
        flag = FLAGS[i][1];
        length = strlen(FLAGS[i][0]);
      }
    used += (size_t)snprintf(out + used, size - used, "%.*s", flag ? (int)strlen(flag) : 1, flag ? flag : text);
    text += length;
  }
  out[used < size ? used : size - 1] = '\0';
}

static void print_line(const char *lead, const char *format, va_list values)
{
  char raw[2400], text[2400];
  if (!cli_ranks_first())
    return;
  (void)cgap_modality_vprintf(raw, sizeof raw, cli_names(), format, values);
  cli_name_flags(text, sizeof text, raw);
  one_line(text);
  cli_progress_clear();
  fprintf(stderr, "contragap: %s%s\n", lead, text);
}

/* Keeps a failure for cli_ranks_close; false: there are no ranks, say it at once. */
static bool record_failure(const cgap_error *error)
{
  if (!ranks.comm || error->status == CGAP_CROSSED)
    return false;
  if (!ranks.failed)
    ranks.error = *error;
  ranks.failed = true;
  cgap_comm_report_failure(ranks.comm, error);
  return true;
}

int cli_fail(const cgap_error *error)
{
  cli_interrupt_let_end(error->status == CGAP_INTERRUPTED);
  if (record_failure(error) || !cli_ranks_first())
    return (int)error->status;
  cli_progress_clear();
  char text[sizeof error->message];
  cli_name_flags(text, sizeof text, error->message);
  fprintf(stderr, "contragap: %s\n", text);
  return (int)error->status;
}

int cli_fail_if(int code, const cgap_threshold *threshold, cgap_status status, const cgap_error *why,
                bool allow_missing)
{
  cgap_error error = {0};
  if (status == CGAP_OK)
    return code;
  if (status == CGAP_DATA && allow_missing) {
    cli_warn("--fail-if '%s' cannot be tested: %s", threshold->text, why->message);
    return code;
  }
  if (status == CGAP_CROSSED)
    (void)cgap_fail(&error, status, "threshold crossed: %s (--fail-if '%s')", why->message, threshold->text);
  else
    (void)cgap_fail(&error, status, "--fail-if '%s' cannot be tested: %s; leave it out, or give --allow-missing",
                    threshold->text, why->message);
  const int own = cli_fail(&error);
  return own > code ? own : code; /* "cannot be tested" (4) before "crossed" (1) */
}

/* Whether stdout is a pipe without a reader, as `| head` leaves it. */
static bool reader_has_gone(void)
{
  struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
  return poll(&out, 1, 0) > 0 && (out.revents & POLLERR);
}

cgap_status cli_printed(cgap_status status, cgap_error *error)
{
  errno = 0;
  if (status == CGAP_OK && (fflush(stdout) != 0 || ferror(stdout)))
    status = cgap_fail(error, CGAP_RESOURCE, "standard output: cannot be written: %s",
                       errno ? strerror(errno) : "an earlier write failed");
  return status == CGAP_RESOURCE && reader_has_gone() ? CGAP_OK : status;
}

int cli_flushed(void)
{
  cgap_error error;
  return cli_printed(CGAP_OK, &error) ? cli_fail(&error) : CGAP_OK;
}

int cli_usage(const char *format, ...)
{
  va_list values;
  va_start(values, format);
  print_line("", format, values);
  va_end(values);
  return CGAP_USAGE;
}

void cli_say(const char *format, ...)
{
  if (cli_shared.quiet)
    return;
  va_list values;
  va_start(values, format);
  print_line("", format, values);
  va_end(values);
}

void cli_wrote_folder(const char *folder, const char *contents)
{
  size_t length = strlen(folder);
  while (length > 1 && folder[length - 1] == '/')
    length--;
  cli_say("wrote %.*s: %s; open %.*s/report.html", (int)length, folder, contents, (int)length, folder);
}

void cli_warn(const char *format, ...)
{
  if (cli_interrupted()) /* what a step that was cut short complains of */
    return;
  va_list values;
  va_start(values, format);
  print_line("warning: ", format, values);
  va_end(values);
}

void cli_warn_line(const char *line)
{
  cli_warn("%s", line);
}

static void say_notes(const cgap_dataset *dataset)
{
  const char *note = cgap_dataset_notes(dataset);
  for (const char *end; (end = strchr(note, '\n')); note = end + 1)
    cli_say("note: %.*s", (int)(end - note), note);
}

cgap_status cli_open(cgap_dataset **out, const cgap_input_options *input, cgap_error *error)
{
  cli_use_names(input->names);
  const cgap_status status = cgap_dataset_open(out, input, error);
  if (status == CGAP_OK)
    cli_use_names(cgap_dataset_data(*out)->names);
  if (status == CGAP_OK)
    say_notes(*out);
  return status;
}

/* ---------------------------------------------------------------- ranks */

static bool is_interrupted(void *context)
{
  (void)context;
  if (cli_interrupted())
    cli_interrupt_acknowledge();
  return cli_interrupted();
}

/* Asked for several tasks of Slurm and started as one: allowed, but hardly meant. */
static void warn_of_single_rank(void)
{
  const char *tasks = getenv("SLURM_NTASKS");
  if (tasks && atoi(tasks) > 1)
    cli_warn("Slurm has %s tasks for this job, and this is one process without ranks: start it with srun --mpi=pmix, "
             "or with mpirun",
             tasks);
}

int cli_ranks_open(bool distributed)
{
  cgap_error error = {0};
  const bool other = cgap_comm_launched() > 1 && cgap_comm_launched_as() > 0;
  cli_ranks_set_first(!other);
  if (other && !freopen("/dev/null", "w", stdout))
    cli_ranks_set_first(false);
  if (!distributed)
    return other ? CGAP_OK : CLI_GO;
  if (cgap_comm_open(&ranks.comm, &error) != CGAP_OK)
    return cli_fail(&error);
  cgap_comm_on_stop(ranks.comm, is_interrupted, NULL);
  if (!ranks.comm)
    warn_of_single_rank();
  else
    cli_ranks_set_first(cgap_comm_rank(ranks.comm) == 0);
  return CLI_GO;
}

int cli_ranks_close(int code)
{
  if (!ranks.comm)
    return code;
  cgap_comm *comm = ranks.comm;
  if (!ranks.failed && code > CGAP_CROSSED) /* said already */
    ranks.error.status = (cgap_status)code;
  const cgap_status status = cgap_comm_finish(comm, &ranks.error);
  cli_interrupt_acknowledge(); /* MPI may end this process by a signal */
  ranks.comm = NULL;           /* what is said now is said at once */
  if (status != CGAP_OK && ranks.error.message[0] && cli_ranks_first())
    (void)cli_fail(&ranks.error);
  code = status != CGAP_OK ? (int)status : code;
  cli_interrupt_exit_decided(); /* ranks that no longer hear each other are ended within it */
  cgap_comm_close(comm, code);
  return code;
}

cgap_comm *cli_ranks(void)
{
  return ranks.comm;
}

int cli_rank_threads(void)
{
  if (cli_shared.threads || !ranks.comm)
    return cli_shared.threads;
  const int own = cli_cores() / cgap_comm_neighbours(ranks.comm);
  const bool bound = cli_cores() < (int)sysconf(_SC_NPROCESSORS_ONLN); /* the launcher has given it a part */
  return bound ? cli_cores() : own > 0 ? own : 1;
}

cgap_paper cli_paper(void)
{
  const char *off = getenv("NO_COLOR"), *kind = getenv("TERM");
  const bool no_colour = (off && *off) || !kind || !*kind || strcmp(kind, "dumb") == 0 ||
                         cli_ranks(); /* a launcher's terminal is its own: what it gets may end in a file */
  const int columns = cli_columns(STDOUT_FILENO);
  return (cgap_paper){.colour = isatty(STDOUT_FILENO) && !no_colour,
                      .columns = columns < CGAP_COLUMNS_MIN ? CGAP_COLUMNS_MIN : columns};
}

cgap_run cli_run(const char *command_line, int threads, double start)
{
  return (cgap_run){.command_line = command_line,
                    .seed = cli_shared.seed,
                    .threads = threads ? threads : cli_cores(),
                    .rank_count = ranks.comm ? cgap_comm_size(ranks.comm) : 0,
                    .seconds = cli_seconds() - start,
                    .peak_memory_bytes = cgap_peak_memory_bytes()};
}
