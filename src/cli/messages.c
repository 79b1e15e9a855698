#include "cli/messages.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/run_info.h"

static bool (*failure_hook)(const cgap_error *error);

void cli_fail_offer(bool (*keep)(const cgap_error *error))
{
  failure_hook = keep;
}

/* A message may quote a file's or a command line's text: one line, whatever that holds. */
static void one_line(char *text)
{
  for (char *c = text; *c; c++)
    if ((unsigned char)*c < 32 || *c == 127)
      *c = '?';
}

void cli_name_flags(char *out, size_t size, const char *text)
{
  static const char *const FLAGS[][2] = {{"`image`", "--image"},           {"`text`", "--text"},
                                         {"`text_image`", "--text-image"}, {"`class_text`", "--class-text"},
                                         {"`labels`", "--labels"},         {"`unpaired`", "--unpaired"},
                                         {"`replace`", "--force"}};
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
  vsnprintf(raw, sizeof raw, format, values);
  cli_name_flags(text, sizeof text, raw);
  one_line(text);
  cli_progress_clear();
  fprintf(stderr, "contragap: %s%s\n", lead, text);
}

int cli_fail(const cgap_error *error)
{
  if ((failure_hook && failure_hook(error)) || !cli_ranks_first())
    return (int)error->status;
  cli_progress_clear();
  char text[sizeof error->message];
  cli_name_flags(text, sizeof text, error->message);
  one_line(text);
  fprintf(stderr, "contragap: %s\n", text);
  return (int)error->status;
}

int cli_fail_if(int code, cgap_status status, const cgap_error *error, bool allow_missing)
{
  if (status == CGAP_OK)
    return code;
  if (status == CGAP_DATA && allow_missing) {
    cli_warn("%s", error->message);
    return code;
  }
  const int own = cli_fail(error);
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

void cli_warn(const char *format, ...)
{
  if (cli_interrupted()) /* what a step that was cut short complains of */
    return;
  va_list values;
  va_start(values, format);
  print_line("warning: ", format, values);
  va_end(values);
}

static void say_notes(const cgap_dataset *dataset)
{
  const char *note = cgap_dataset_notes(dataset);
  for (const char *end; (end = strchr(note, '\n')); note = end + 1)
    cli_say("note: %.*s", (int)(end - note), note);
}

cgap_status cli_open(cgap_dataset **out, const cgap_input_options *input, cgap_error *error)
{
  const cgap_status status = cgap_dataset_open(out, input, error);
  if (status == CGAP_OK)
    say_notes(*out);
  return status;
}
