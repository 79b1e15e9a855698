#include "report/text.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "base/text_buffer.h"

enum { WIDEST_TEXT = 100 };

/* A character that takes two columns or, as accents that are set on the one before do, none: ranges of Unicode 15,
 * which wcwidth knows only under a locale of UTF-8. */
typedef struct width_range {
  uint32_t first, last;
} width_range;

static bool is_in(const width_range *ranges, size_t count, uint32_t c)
{
  for (size_t i = 0; i < count; i++)
    if (c >= ranges[i].first && c <= ranges[i].last)
      return true;
  return false;
}

static int character_width(uint32_t c)
{
  static const width_range NONE[] = {{0x300, 0x36F},   {0x483, 0x489},   {0x591, 0x5BD},   {0x610, 0x61A},
                                     {0x64B, 0x65F},   {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x200B, 0x200F},
                                     {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}};
  static const width_range WIDE[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},
                                     {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},   {0xA960, 0xA97F},   {0xAC00, 0xD7A3},
                                     {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},
                                     {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
  return c < 0x300                                    ? 1
         : is_in(NONE, sizeof NONE / sizeof *NONE, c) ? 0
         : is_in(WIDE, sizeof WIDE / sizeof *WIDE, c) ? 2
                                                      : 1;
}

/* The character that begins at text, and its bytes; a byte that begins none is one by itself. */
static uint32_t character_at(const char *text, size_t bytes, size_t *length)
{
  const unsigned char first = (unsigned char)text[0];
  const size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
  uint32_t c = more ? first & (0x3Fu >> more) : first;
  for (*length = 1; *length <= more && *length < bytes && ((unsigned char)text[*length] & 0xC0) == 0x80; ++*length)
    c = c << 6 | ((unsigned char)text[*length] & 0x3F);
  return c;
}

int cgap_text_width(const char *text, size_t bytes)
{
  int count = 0;
  for (size_t i = 0, length; i < bytes; i += length)
    count += character_width(character_at(text + i, bytes - i, &length));
  return count;
}

int cgap_outcome(const cgap_scalar *d, cgap_better better)
{
  if (better == CGAP_NEITHER || !isfinite(d->lo) || !isfinite(d->hi) || (d->lo <= 0 && d->hi >= 0))
    return 0;
  return (d->lo > 0) == (better == CGAP_HIGHER) ? 1 : -1;
}

bool cgap_text_is_minus(const char *text, const char *at)
{
  return *at == '-' && isdigit((unsigned char)at[1]) &&
         (at == text || strchr(" ([+=", at[-1]) || (unsigned char)at[-1] >= 0x80); /* a no-break space, "、" */
}

/* To the next blank; a number and its "%" belong together, and so does what short
 * brackets hold, "[0.1, 0.2]". */
static size_t unit_length(const char *text)
{
  enum { BRACKET_MAX = 20 };
  size_t bytes = strcspn(text, " ");
  const char *const closing = text[0] == '[' ? "]" : text[0] == '(' ? ")" : NULL;
  const size_t end = closing ? strcspn(text, closing) : 0;
  if (closing && end > bytes && end <= BRACKET_MAX)
    bytes = end + strcspn(text + end, " ");
  if (text[bytes] == ' ' && text[bytes + 1] == '%')
    bytes += 1 + strcspn(text + bytes + 1, " ");
  return bytes;
}

/* Bytes that stay on one line: to the next blank, or a character of a script without blanks, with what may not begin a
 * line behind it. */
static size_t word_length(const char *text)
{
  static const char *const CLOSING = "、。，．）」』】！？：；ー%％", *const OPENING = "（「『【";
  const size_t bytes = unit_length(text);
  size_t used = 0, length;
  bool opened = false; /* what follows stays with it */
  while (used < bytes) {
    const uint32_t c = character_at(text + used, bytes - used, &length);
    char own[8] = "";
    memcpy(own, text + used, length);
    const bool closes = length > 1 && strstr(CLOSING, own), wide = character_width(c) == 2;
    if (wide && !closes && used && !opened)
      return used;
    opened = length > 1 && strstr(OPENING, own);
    used += length;
    if (!wide || closes || opened)
      continue;
    while (used < bytes) { /* what closes stays with it */
      (void)character_at(text + used, bytes - used, &length);
      memset(own, 0, sizeof own);
      memcpy(own, text + used, length);
      if (length < 2 || !strstr(CLOSING, own))
        return used;
      used += length;
    }
  }
  return bytes;
}

size_t cgap_text_line(const char *text, int columns)
{
  const size_t all = strlen(text);
  size_t used = 0, next = 0, length;
  while (text[next] && cgap_text_width(text, next + word_length(text + next)) <= columns) {
    used = next + word_length(text + next);
    next = used + strspn(text + used, " ");
  }
  if (used || !*text)
    return used;
  for (used = 0; used < all; used += length) {
    (void)character_at(text + used, all - used, &length);
    if (cgap_text_width(text, used + length) > columns)
      break;
  }
  return used;
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
  bool start = true, blank = false;
  while (*text) {
    const size_t word = word_length(text);
    const int shown_width = cgap_text_width(text, word);
    if (!start && at + blank + shown_width > last) {
      fprintf(stream, "\n%*s", indent, "");
      at = indent;
      start = true;
    }
    if (!start && blank)
      fputc(' ', stream);
    put_word(stream, text, word);
    at += shown_width + (!start && blank);
    start = false;
    text += word;
    blank = *text == ' ';
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
  const size_t bytes = strlen(name);
  size_t shown = 0;
  if (cgap_text_width(name, bytes) <= width)
    shown = bytes;
  else
    for (size_t next = 0, length; cgap_text_width(name, next) < width; next += length) {
      shown = next;
      (void)character_at(name + next, bytes - next, &length);
    }
  const char *more = shown < bytes ? "…" : "";
  fprintf(out, "%.*s%s%*s", (int)shown, name, more, width - cgap_text_width(name, shown) - (*more != '\0'), "");
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

cgap_paper cgap_paper_plain(int columns)
{
  enum { COLUMNS_DEFAULT = 80 };
  return (cgap_paper){.columns = columns == 0                 ? COLUMNS_DEFAULT
                                 : columns < CGAP_COLUMNS_MIN ? CGAP_COLUMNS_MIN
                                                              : columns};
}
