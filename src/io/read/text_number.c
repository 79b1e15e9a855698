/* Decimal numbers in text as the nearest double, whatever the locale.
 *
 * Up to 19 digits fit into 64 bits. With at most 53 of them and a power of ten that a double holds, one multiplication
 * or division rounds once and is right (W. Clinger, How to Read Floating Point Numbers Accurately, 1990). The long
 * double of x86 does the same with 64 bits and powers up to 27; its result is rounded a second time, which is right
 * unless the bits cut off are exactly one half. All else, and every machine without such a type, takes strtod. */
#include "io/read/text_number.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DIGITS_MAX = 19, EXPONENT_MAX = 100000, POWER_DOUBLE = 22, POWER_LONG = 27 };

static const long double POWERS[] = {1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,  1e7L,  1e8L,  1e9L,
                                     1e10L, 1e11L, 1e12L, 1e13L, 1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L,
                                     1e20L, 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L};

/* mantissa · 10^exponent; false where only strtod knows. */
static bool scale(double *out, uint64_t mantissa, int exponent)
{
  const int power = exponent < 0 ? -exponent : exponent;
  *out = 0;
  if (mantissa == 0)
    return true;
  if (mantissa >> DBL_MANT_DIG == 0 && power <= POWER_DOUBLE) {
    const double p = (double)POWERS[power];
    *out = exponent < 0 ? (double)mantissa / p : (double)mantissa * p;
    return true;
  }
#if LDBL_MANT_DIG == 64
  if (power <= POWER_LONG) {
    const long double r = exponent < 0 ? (long double)mantissa / POWERS[power] : (long double)mantissa * POWERS[power];
    uint64_t bits = 0;
    memcpy(&bits, &r, sizeof bits);
    *out = (double)r;
    return (bits & 0x7ff) != 0x400;
  }
#endif
  return false;
}

static const char *read_word(cgap_text_number *out, const char *at, bool negative)
{
  static const struct {
    const char *word;
    double value;
  } WORDS[] = {{"infinity", INFINITY}, {"inf", INFINITY}, {"nan", NAN}};
  for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
    const size_t length = strlen(WORDS[i].word);
    if (strncasecmp(at, WORDS[i].word, length) == 0) {
      *out = (cgap_text_number){.value = negative ? -WORDS[i].value : WORDS[i].value};
      return at + length;
    }
  }
  return NULL;
}

/* Digits, of which the first DIGITS_MAX significant ones go into the mantissa. */
typedef struct digit_run {
  uint64_t mantissa;
  unsigned significant;
  int beyond; /* that did not go into it */
  bool any;
} digit_run;

static const char *read_digits(digit_run *r, const char *at)
{
  unsigned digit;
  for (; (digit = (unsigned)(unsigned char)*at - '0') < 10; at++) {
    r->any = true;
    r->significant += r->significant > 0 || digit > 0;
    if (r->significant <= DIGITS_MAX)
      r->mantissa = r->mantissa * 10 + digit;
    else
      r->beyond++;
  }
  return at;
}

const char *cgap_text_number_read(cgap_text_number *out, const char *text, locale_t c_locale)
{
  const bool negative = *text == '-';
  const char *at = text + (*text == '-' || *text == '+');
  digit_run run = {0};
  int exponent = 0;
  *out = (cgap_text_number){.integer = true};
  if (((unsigned)(unsigned char)*at | 0x20U) >= 'a')
    return read_word(out, at, negative);
  at = read_digits(&run, at);
  exponent = run.beyond;
  if (*at == '.') {
    const char *point = at + 1;
    at = read_digits(&run, point);
    out->integer = false;
    exponent = run.beyond - (int)(at - point);
  }
  if (!run.any)
    return NULL;
  if (*at == 'e' || *at == 'E') {
    const bool below = at[1] == '-';
    const char *digits = at + 1 + (at[1] == '-' || at[1] == '+');
    int power = 0;
    if (*digits < '0' || *digits > '9')
      return NULL;
    for (at = digits; *at >= '0' && *at <= '9'; at++)
      power = power < EXPONENT_MAX ? power * 10 + (*at - '0') : power;
    exponent += below ? -power : power;
    out->integer = false;
  }
  out->digits = run.significant;
  if (run.significant > DIGITS_MAX || !scale(&out->value, run.mantissa, exponent))
    out->value = fabs(strtod_l(text, NULL, c_locale));
  if (negative)
    out->value = -out->value;
  return at;
}

const char *cgap_text_number_fault(const char *text, size_t length)
{
  const char *comma = memchr(text, ',', length), *point = memchr(text, '.', length);
  size_t signs = 0, digits = 0;
  for (size_t k = 0; k < length; k++) {
    signs += strchr(",.'+-eE ", text[k]) != NULL;
    digits += isdigit((unsigned char)text[k]) != 0;
  }
  if (length == 0)
    return "an empty cell; give a number, or leave the row out";
  if (digits > 0 && signs + digits == length && comma && !point &&
      !memchr(comma + 1, ',', length - (size_t)(comma + 1 - text)))
    return CGAP_DECIMAL_COMMA;
  if (digits > 0 && signs + digits == length && (comma || memchr(text, '\'', length) || memchr(text, ' ', length)))
    return "has separators of thousands; write numbers without them";
  const size_t sign = *text == '-' || *text == '+';
  if (length > sign + 2 && text[sign] == '0' && (text[sign + 1] | 0x20) == 'x')
    return "is hexadecimal; write decimal numbers";
  return "is no number; correct it, or leave the row out";
}
