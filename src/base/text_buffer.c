#include "base/text_buffer.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *cgap_format(const char *format, ...)
{
  char *text = NULL;
  va_list arguments;
  va_start(arguments, format);
  int length = vasprintf(&text, format, arguments);
  va_end(arguments);
  return length < 0 ? NULL : text;
}

void cgap_append(char **text, const char *format, ...)
{
  char *more = NULL;
  va_list arguments;
  va_start(arguments, format);
  int length = vasprintf(&more, format, arguments);
  va_end(arguments);
  if (length < 0)
    return;
  size_t old = *text ? strlen(*text) : 0;
  char *grown = realloc(*text, old + (size_t)length + 1);
  if (grown) {
    memcpy(grown + old, more, (size_t)length + 1);
    *text = grown;
  }
  free(more);
}

/* The text in single quotes; quotes in it are replaced by for_quote, backslashes are doubled where `backslash`. */
static char *quote_text(const char *text, const char *for_quote, bool backslash)
{
  char *out = malloc(4 * strlen(text) + 3), *to = out;
  if (!out)
    return NULL;
  *to++ = '\'';
  for (; *text; text++) {
    if (*text == '\'') {
      to = stpcpy(to, for_quote);
      continue;
    }
    if (*text == '\\' && backslash)
      *to++ = '\\';
    *to++ = *text;
  }
  *to++ = '\'';
  *to = '\0';
  return out;
}

char *cgap_python_string(const char *text)
{
  return quote_text(text, "\\'", true);
}

char *cgap_shell_word(const char *text)
{
  static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=@%+,-";
  return text[0] && text[strspn(text, PLAIN)] == '\0' ? strdup(text) : quote_text(text, "'\\''", false);
}

char *cgap_python_key(const char *key)
{
  char *text = cgap_python_string(key), *out = text ? cgap_format("[%s]", text) : NULL;
  free(text);
  return out;
}

size_t cgap_unprintable(const char *start)
{
  const unsigned char *text = (const unsigned char *)start;
  if (text[0] < 32 || text[0] == 127)
    return text[0] != '\0';
  if (text[0] == 0xc2)
    return text[1] >= 0x80 && text[1] <= 0x9f ? 2 : 0;
  if (text[0] != 0xe2)
    return 0;
  const bool embeds = text[1] == 0x80 && text[2] >= 0xa8 && text[2] <= 0xae; /* two of these end a line */
  const bool isolates = text[1] == 0x81 && text[2] >= 0xa6 && text[2] <= 0xa9;
  return embeds || isolates ? 3 : 0;
}

void cgap_make_printable(char *text)
{
  while (*text) {
    const size_t bytes = cgap_unprintable(text);
    memset(text, '?', bytes);
    text += bytes ? bytes : 1;
  }
}

/* ---------------------------------------------------------------- c locale */

cgap_c_locale cgap_c_locale_begin(void)
{
  cgap_c_locale locale = {.own = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
  if (locale.own)
    locale.before = uselocale(locale.own);
  return locale;
}

void cgap_c_locale_end(cgap_c_locale locale)
{
  if (!locale.own)
    return;
  (void)uselocale(locale.before);
  freelocale(locale.own);
}

/* ---------------------------------------------------------------- did you mean */

enum { NAME_BYTES_MAX = 63 };

size_t cgap_edit_distance(const char *a, const char *b)
{
  size_t m = strlen(a), n = strlen(b);
  if (m > NAME_BYTES_MAX || n > NAME_BYTES_MAX)
    return SIZE_MAX;
  /* rows i − 2, i − 1 and i of the table, in turn */
  size_t table[3][NAME_BYTES_MAX + 1];
  for (size_t j = 0; j <= n; j++)
    table[0][j] = j;
  for (size_t i = 1; i <= m; i++) {
    size_t *row = table[i % 3], *above = table[(i + 2) % 3], *above_that = table[(i + 1) % 3];
    row[0] = i;
    for (size_t j = 1; j <= n; j++) {
      row[j] = cgap_lesser(cgap_lesser(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = cgap_lesser(row[j], above_that[j - 2] + 1);
    }
  }
  return table[m % 3][n];
}

cgap_did_you_mean cgap_did_you_mean_init(const char *wanted)
{
  /* one letter in four may be wrong, and one more; beyond that a suggestion is a guess */
  return (cgap_did_you_mean){.wanted = wanted, .distance = strlen(wanted) / 4 + 2};
}

void cgap_did_you_mean_offer(cgap_did_you_mean *s, const char *name)
{
  size_t distance = cgap_edit_distance(s->wanted, name);
  if (distance < s->distance) {
    s->distance = distance;
    s->name = name;
  }
}
