/* What a run tells about itself: its input's name, its command line, the clock, the machine. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/options.h"
#include "cli/ranks.h"

static const char *without_folder(const char *path)
{
  /* "a/b.h5:/group/x" is b.h5:/group/x */
  const char *part = strstr(path, ":/");
  const char *name = path;
  for (const char *c = path; *c && (!part || c < part); c++)
    if (*c == '/' && c[1])
      name = c + 1;
  return name;
}

bool cli_ends_with(const char *text, const char *ending)
{
  const size_t a = strlen(text), b = strlen(ending);
  return a >= b && strcmp(text + a - b, ending) == 0;
}

void cli_source_name(char *out, size_t size, const cli_args *args)
{
  const char *first = args->count ? args->items[0] : cli_shared.image ? cli_shared.image : "";
  if (args->count > 2)
    snprintf(out, size, "%s and %zu more", without_folder(first), args->count - 1);
  else if (args->count == 2)
    snprintf(out, size, "%s, %s", without_folder(first), without_folder(args->items[1]));
  else if (!args->count && cli_shared.text)
    snprintf(out, size, "%s, %s", without_folder(first), without_folder(cli_shared.text));
  else
    snprintf(out, size, "%s", without_folder(first));
  for (char *c = out; *c; c++)
    if ((unsigned char)*c < 32 || *c == 127)
      *c = ' ';
}

/* A word that the shell would split stands in single quotes. */
static void put_word(FILE *out, const char *word)
{
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,/:@%";
  if (*word && word[strspn(word, plain)] == '\0') {
    fputs(word, out);
    return;
  }
  fputc('\'', out);
  for (; *word; word++) {
    if (*word == '\'')
      fputs("'\\''", out);
    else
      fputc(*word, out);
  }
  fputc('\'', out);
}

char *cli_command_line(int argc, char **argv)
{
  char *text = NULL;
  size_t bytes;
  FILE *out = open_memstream(&text, &bytes);
  if (!out)
    return NULL;
  fputs("contragap", out);
  for (int i = 0; i < argc; i++) {
    fputc(' ', out);
    put_word(out, argv[i]);
  }
  if (fclose(out) != 0) {
    free(text);
    return NULL;
  }
  return text;
}

double cli_seconds(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int cli_cores(void)
{
  cpu_set_t set;
  int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int)sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? count : 1;
}

int cli_columns(int file)
{
  enum { USUAL = 80, LEAST = 40, MOST = 400 };
  struct winsize window = {0};
  if (ioctl(file, TIOCGWINSZ, &window) != 0 || window.ws_col < LEAST)
    return USUAL;
  return window.ws_col < MOST ? window.ws_col : MOST;
}

cgap_paper cli_paper(void)
{
  const char *off = getenv("NO_COLOR"), *kind = getenv("TERM");
  const bool plain = (off && *off) || !kind || !*kind || strcmp(kind, "dumb") == 0 ||
                     cli_ranks(); /* a launcher's terminal is its own: what it gets may end in a file */
  const int columns = cli_columns(STDOUT_FILENO);
  return (cgap_paper){.colour = isatty(STDOUT_FILENO) && !plain, .columns = columns < 80 ? 80 : columns};
}
