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

bool cgap_begins_with(const char *text, const char *beginning)
{
  return strncmp(text, beginning, strlen(beginning)) == 0;
}

bool cgap_ends_with(const char *text, const char *ending)
{
  const size_t length = strlen(text), end = strlen(ending);
  return length >= end && strcmp(text + length - end, ending) == 0;
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

/* ---------------------------------------------------------------- text from outside */

/* Bytes of the character and its code; 1 and U+FFFD where it is no UTF-8: overlong, a surrogate, past U+10FFFF. */
static size_t decode(const unsigned char *text, uint32_t *code)
{
  static const uint32_t LOW[] = {0, 0, 0x80, 0x800, 0x10000};
  const unsigned char first = text[0];
  const size_t bytes = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
  uint32_t value = bytes == 1 ? first : bytes ? first & (0x7fU >> bytes) : 0;
  bool sound = bytes > 0;
  for (size_t k = 1; sound && k < bytes; k++) {
    sound = (text[k] & 0xC0) == 0x80; /* a final 0 is none */
    value = value << 6 | (text[k] & 0x3fU);
  }
  sound = sound && value >= LOW[bytes] && value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
  *code = sound ? value : 0xFFFD;
  return sound ? bytes : 1;
}

size_t cgap_text_next(const char *text, bool *visible, uint32_t *code)
{
  static const struct {
    uint32_t first, last;
  } HIDDEN[] = {{0, 0x1F},        {0x7F, 0x9F},       {0xAD, 0xAD},       {0x34F, 0x34F},    {0x61C, 0x61C},
                {0x115F, 0x1160}, {0x180E, 0x180E},   {0x200B, 0x200F},   {0x2028, 0x202E},  {0x2060, 0x206F},
                {0x2800, 0x2800}, {0x3164, 0x3164},   {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},  {0xFFF9, 0xFFFB},
                {0xFFFD, 0xFFFD}, {0x1D173, 0x1D17A}, {0xE0000, 0xE007F}, {0xE0100, 0xE01EF}};
  uint32_t value;
  const size_t bytes = decode((const unsigned char *)text, &value);
  *visible = true;
  for (size_t k = 0; *visible && k < sizeof HIDDEN / sizeof *HIDDEN; k++)
    *visible = value < HIDDEN[k].first || value > HIDDEN[k].last;
  if (code)
    *code = value;
  return bytes;
}

size_t cgap_utf8_encode(char *out, uint32_t code)
{
  static const unsigned char LEAD[4] = {0, 0xc0, 0xe0, 0xf0};
  const size_t more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  out[0] = (char)(LEAD[more] | code >> (6 * more));
  for (size_t k = 1; k <= more; k++)
    out[k] = (char)(0x80 | (code >> (6 * (more - k)) & 0x3f));
  return more + 1;
}

void cgap_text_clean(char *text, char instead, const char *keep)
{
  char *to = text;
  size_t bytes;
  for (bool visible; *text; text += bytes) {
    bytes = cgap_text_next(text, &visible, NULL);
    if (visible || strchr(keep, *text)) {
      memmove(to, text, bytes);
      to += bytes;
    } else
      *to++ = instead;
  }
  *to = '\0';
}

size_t cgap_text_put_next(FILE *out, const char *text, char instead)
{
  bool visible;
  const size_t bytes = cgap_text_next(text, &visible, NULL);
  if (visible)
    (void)fwrite(text, 1, bytes, out);
  else
    (void)fputc(instead, out);
  return bytes;
}

void cgap_text_put(FILE *out, const char *text, char instead)
{
  while (*text)
    text += cgap_text_put_next(out, text, instead);
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
