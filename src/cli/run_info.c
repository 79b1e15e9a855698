#include "cli/run_info.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

cli_common cli_shared;
static bool is_other_rank;

bool cli_ends_with(const char *text, const char *ending)
{
  const size_t a = strlen(text), b = strlen(ending);
  return a >= b && strcmp(text + a - b, ending) == 0;
}

/* A word that the shell would split stands in single quotes. */
static void put_word(FILE *out, const char *word)
{
  static const char unquoted[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,/:@%";
  if (*word && word[strspn(word, unquoted)] == '\0') {
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
  enum { COLUMNS_DEFAULT = 80, COLUMNS_MIN = 40, COLUMNS_MAX = 400 };
  struct winsize window = {0};
  if (ioctl(file, TIOCGWINSZ, &window) != 0 || window.ws_col < COLUMNS_MIN)
    return COLUMNS_DEFAULT;
  return window.ws_col < COLUMNS_MAX ? window.ws_col : COLUMNS_MAX;
}

bool cli_ranks_first(void)
{
  return !is_other_rank;
}

void cli_ranks_set_first(bool first)
{
  is_other_rank = !first;
}
