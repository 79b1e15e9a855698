#include "report/text.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/text_buffer.h"

enum { WIDEST_TEXT = 100 };

int cgap_text_width(const char *text, size_t bytes)
{
  int count = 0;
  for (size_t i = 0; i < bytes; i++)
    count += ((unsigned char)text[i] & 0xC0) != 0x80;
  return count;
}

/* A no-break space (U+00A0) holds two words together; it is printed as a space. */
static void put_word(FILE *stream, const char *text, size_t bytes)
{
  const size_t hold = strlen(CGAP_NO_BREAK);
  for (const char *end = text + bytes; text < end;)
    if (strncmp(text, CGAP_NO_BREAK, hold) == 0) {
      fputc(' ', stream);
      text += hold;
    } else
      text += cgap_text_put_next(stream, text, '?');
}

void cgap_text_wrap_from(FILE *stream, int columns, int at, const char *text, int indent)
{
  const int last = columns < WIDEST_TEXT ? columns : WIDEST_TEXT;
  bool start = true;
  while (*text) {
    size_t word = strcspn(text, " ");
    int shown_width = cgap_text_width(text, word);
    if (!start && at + 1 + shown_width > last) {
      fprintf(stream, "\n%*s", indent, "");
      at = indent;
      start = true;
    }
    if (!start)
      fputc(' ', stream);
    put_word(stream, text, word);
    at += shown_width + !start;
    start = false;
    text += word;
    text += strspn(text, " ");
  }
}

void cgap_text_wrap(FILE *stream, int columns, const char *first, const char *text, int indent)
{
  fputs(first, stream);
  cgap_text_wrap_from(stream, columns, cgap_text_width(first, strlen(first)), text, indent);
  fputc('\n', stream);
}

void cgap_sentence_append(char text[CGAP_SENTENCE], const char *format, ...)
{
  const size_t used = strlen(text);
  va_list values;
  va_start(values, format);
  (void)vsnprintf(text + used, CGAP_SENTENCE - used, format, values);
  va_end(values);
}

void cgap_sentence_say(char text[CGAP_SENTENCE], const cgap_modality_names *names, const char *format, ...)
{
  const size_t used = strlen(text);
  va_list values;
  va_start(values, format);
  (void)cgap_modality_vprintf(text + used, CGAP_SENTENCE - used, names, format, values);
  va_end(values);
}

void cgap_name_shorten(char *out, size_t size, const char *name)
{
  static const char MORE[] = "…";
  size_t length = strlen(name);
  if (length < size) {
    snprintf(out, size, "%s", name);
    return;
  }
  length = size - sizeof MORE;
  while (length > 0 && ((unsigned char)name[length] & 0xC0) == 0x80)
    length--; /* a character of UTF-8 stays whole */
  snprintf(out, size, "%.*s%s", (int)length, name, MORE);
}

void cgap_name_print(FILE *out, const char *name, int width)
{
  char shown[200];
  cgap_name_shorten(shown, (size_t)width + 1 < sizeof shown ? (size_t)width + 1 : sizeof shown, name);
  fprintf(out, "%s%*s", shown, width - cgap_text_width(shown, strlen(shown)), "");
}

void cgap_value_show(char out[40], double value, int decimals)
{
  if (!isfinite(value)) {
    snprintf(out, 40, "n/a");
    return;
  }
  double size = fabs(value);
  if (decimals > 0 && size >= 100000)
    decimals = 0;
  else if (decimals > 1 && size >= 1000)
    decimals = 1;
  snprintf(out, 40, "%.*f", decimals, value);
  if (strspn(out, "-0.") == strlen(out) && out[0] == '-') /* "-0.0000" */
    memmove(out, out + 1, strlen(out));
}

void cgap_interval_show(char out[100], double lo, double hi, int decimals, const char *format)
{
  char low[40], high[40];
  out[0] = '\0';
  if (!isfinite(lo) || !isfinite(hi))
    return;
  cgap_value_show(low, lo, decimals);
  cgap_value_show(high, hi, decimals);
  snprintf(out, 100, format, low, high);
}

double cgap_value_or_nan(const cgap_scalar *s)
{
  return s->why ? NAN : s->value;
}
