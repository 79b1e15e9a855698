#include "base/text_buffer.h"

#include <stdarg.h>
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

/* In single quotes; those in it, and backslashes where `backslash`, are replaced by what stands for them. */
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
