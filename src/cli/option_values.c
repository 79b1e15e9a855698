#include "cli/option_values.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text_buffer.h"

enum { WHY_BYTES = 200, SHOWN_BYTES = 100 };

static bool in_bounds(const cli_option *option, double value, char *why)
{
  if ((option->low == 0 && option->high == 0) || (value >= option->low && value <= option->high))
    return true;
  if (isinf(option->high))
    snprintf(why, WHY_BYTES, "must be at least %.12g", option->low);
  else
    snprintf(why, WHY_BYTES, "must lie between %.12g and %.12g", option->low, option->high);
  return false;
}

/* Digits only: no sign, no blanks, no trailing letters but `rest`. */
static bool read_digits(uint64_t *out, const char *text, char **rest)
{
  if (!isdigit((unsigned char)text[0]))
    return false;
  errno = 0;
  *out = strtoull(text, rest, 10);
  return errno == 0;
}

static bool read_whole(uint64_t *out, const cli_option *option, const char *text, char *why)
{
  char *rest;
  if (!read_digits(out, text, &rest) || *rest) {
    snprintf(why, WHY_BYTES, "needs a whole number, 0 or more");
    return false;
  }
  return in_bounds(option, (double)*out, why);
}

static bool read_flag(const cli_option *option, const char *text, char *why)
{
  (void)text, (void)why;
  *(bool *)option->target = true;
  return true;
}

static bool read_string(const cli_option *option, const char *text, char *why)
{
  if (!*text) {
    snprintf(why, WHY_BYTES, "needs a value");
    return false;
  }
  *(const char **)option->target = text;
  return true;
}

static bool read_int(const cli_option *option, const char *text, char *why)
{
  char *rest;
  errno = 0;
  long value = strtol(text, &rest, 10);
  if (errno || rest == text || *rest || isspace((unsigned char)text[0]) || value < -2147483647L ||
      value > 2147483647L) {
    snprintf(why, WHY_BYTES, "needs a whole number");
    return false;
  }
  *(int *)option->target = (int)value;
  return in_bounds(option, (double)value, why);
}

static bool read_count(const cli_option *option, const char *text, char *why)
{
  uint64_t value;
  if (!read_whole(&value, option, text, why))
    return false;
  *(size_t *)option->target = value;
  return true;
}

static bool read_seed(const cli_option *option, const char *text, char *why)
{
  return read_whole(option->target, option, text, why);
}

static bool read_real(const cli_option *option, const char *text, char *why)
{
  char *rest;
  double value = strtod(text, &rest);
  if (rest == text || *rest || isspace((unsigned char)text[0]) || !isfinite(value)) {
    snprintf(why, WHY_BYTES, "needs a number");
    return false;
  }
  *(double *)option->target = value;
  return in_bounds(option, value, why);
}

static bool read_bytes(const cli_option *option, const char *text, char *why)
{
  static const struct {
    char letter;
    int shift;
  } units[] = {{'\0', 0}, {'K', 10}, {'M', 20}, {'G', 30}};
  uint64_t value;
  char *rest;
  if (read_digits(&value, text, &rest)) {
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
      if (rest[0] != units[u].letter || (rest[0] && rest[1]) || value > (UINT64_MAX >> units[u].shift))
        continue;
      *(uint64_t *)option->target = value << units[u].shift;
      return in_bounds(option, (double)(value << units[u].shift), why);
    }
  }
  snprintf(why, WHY_BYTES, "needs a size: digits and K, M or G, as in 400M");
  return false;
}

static bool read_choice(const cli_option *option, const char *text, char *why)
{
  cgap_did_you_mean near = cgap_did_you_mean_init(text);
  size_t used = (size_t)snprintf(why, WHY_BYTES, "takes ");
  for (int c = 0; option->choices[c]; c++) {
    if (strcmp(option->choices[c], text) == 0) {
      *(int *)option->target = c;
      return true;
    }
    cgap_did_you_mean_offer(&near, option->choices[c]);
    if (used < WHY_BYTES)
      used += (size_t)snprintf(why + used, WHY_BYTES - used, "%s%s", c ? ", " : "", option->choices[c]);
  }
  if (near.name && used < WHY_BYTES)
    snprintf(why + used, WHY_BYTES - used, "; did you mean %s?", near.name);
  return false;
}

static bool read_list(const cli_option *option, const char *text, char *why)
{
  cli_list *list = option->target;
  const char **grown = realloc(list->items, (list->count + 1) * sizeof *grown);
  if (!grown) {
    snprintf(why, WHY_BYTES, "memory is out");
    return false;
  }
  list->items = grown;
  list->items[list->count++] = text;
  return true;
}

static void show_nothing(const cli_option *option, char *out)
{
  (void)option;
  out[0] = '\0';
}

static void show_string(const cli_option *option, char *out)
{
  const char *value = *(const char **)option->target;
  snprintf(out, SHOWN_BYTES, "%s", value ? value : option->zero ? option->zero : "");
}

static void show_number(const cli_option *option, char *out, double value)
{
  if (value == 0 && option->zero)
    snprintf(out, SHOWN_BYTES, "%s", option->zero);
  else
    snprintf(out, SHOWN_BYTES, "%.12g", value);
}

static void show_int(const cli_option *option, char *out)
{
  show_number(option, out, *(int *)option->target);
}

static void show_count(const cli_option *option, char *out)
{
  show_number(option, out, (double)*(size_t *)option->target);
}

static void show_seed(const cli_option *option, char *out)
{
  show_number(option, out, (double)*(uint64_t *)option->target);
}

static void show_real(const cli_option *option, char *out)
{
  show_number(option, out, *(double *)option->target);
}

static void show_bytes(const cli_option *option, char *out)
{
  uint64_t value = *(uint64_t *)option->target;
  if (value && value % (1u << 20) == 0)
    snprintf(out, SHOWN_BYTES, "%lluM", (unsigned long long)(value >> 20));
  else
    show_number(option, out, (double)value);
}

static void show_choice(const cli_option *option, char *out)
{
  const int choice = *(int *)option->target;
  snprintf(out, SHOWN_BYTES, "%s", choice >= 0 ? option->choices[choice] : option->zero);
}

static const struct {
  bool (*read)(const cli_option *option, const char *text, char *why);
  void (*show)(const cli_option *option, char *out);
} kinds[] = {
  [CLI_FLAG] = {read_flag, show_nothing}, [CLI_STRING] = {read_string, show_string},
  [CLI_INT] = {read_int, show_int},       [CLI_COUNT] = {read_count, show_count},
  [CLI_SEED] = {read_seed, show_seed},    [CLI_REAL] = {read_real, show_real},
  [CLI_BYTES] = {read_bytes, show_bytes}, [CLI_CHOICE] = {read_choice, show_choice},
  [CLI_LIST] = {read_list, show_nothing},
};

bool cli_value_read(const cli_option *option, const char *text, char why[WHY_BYTES])
{
  return kinds[option->kind].read(option, text, why);
}

void cli_value_show(const cli_option *option, char out[SHOWN_BYTES])
{
  kinds[option->kind].show(option, out);
}
