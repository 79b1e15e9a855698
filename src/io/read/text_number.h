/* Decimal numbers in text. */
#ifndef CGAP_IO_READ_TEXT_NUMBER_H
#define CGAP_IO_READ_TEXT_NUMBER_H

#include <locale.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct cgap_text_number {
  double value;    /* the nearest double; infinite where there is none */
  unsigned digits; /* significant ones */
  bool integer;    /* digits alone */
} cgap_text_number;

/* Decimal digits with a point and an exponent, nan, inf. Returns the first byte behind it; NULL: there is no number.
 * The text ends with a byte 0 at the latest. */
const char *cgap_text_number_read(cgap_text_number *out, const char *text, locale_t c_locale);
/* What is wrong with a text that is no number, and what to do: the end of a message. */
const char *cgap_text_number_fault(const char *text, size_t length);
#define CGAP_DECIMAL_COMMA "has a decimal comma; write numbers with a point" /* one of them */

#endif
