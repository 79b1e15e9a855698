#include "base/exact_sum.h"

#include <math.h>
#include <string.h>

enum { DIGIT = 32, MANTISSA = 53, COUNT_BITS = 40 };

cgap_exact_format cgap_exact_format_for(int least_exponent, int greatest_exponent)
{
  const int least = least_exponent - MANTISSA, bits = greatest_exponent + COUNT_BITS - least;
  return (cgap_exact_format){.least = least, .words = (size_t)(bits / DIGIT + 2)}; /* a mantissa touches three digits */
}

void cgap_exact_add(const cgap_exact_format *format, int64_t *digits, double value)
{
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  const int exponent = (int)(bits >> 52 & 0x7ff);
  if (exponent == 0) /* 0, or so small that it rounds to it */
    return;
  uint64_t mantissa = (bits & 0xfffffffffffffu) | UINT64_C(1) << 52;
  int place = exponent - 1075 - format->least; /* the value is mantissa · 2^(exponent − 1075) */
  if (place < 0) {
    if (place < -MANTISSA)
      return;
    mantissa = (mantissa + (UINT64_C(1) << (-place - 1))) >> -place;
    place = 0;
  }
  const size_t digit = (size_t)place / DIGIT;
  const int shift = place % DIGIT;
  const uint64_t low = mantissa << shift, high = shift ? mantissa >> (64 - shift) : 0;
  digits[digit] += (int64_t)(low & UINT32_MAX);
  digits[digit + 1] += (int64_t)(low >> DIGIT);
  digits[digit + 2] += (int64_t)high;
}

double cgap_exact_value(const cgap_exact_format *format, const int64_t *digits)
{
  double value = 0;
  int64_t over = 0; /* what a digit holds beyond its 32 bits belongs to the next: equal sums have equal digits then */
  for (size_t k = 0; k < format->words; k++) {
    const int64_t whole = digits[k] + over;
    value += ldexp((double)(whole & UINT32_MAX), format->least + (int)k * DIGIT);
    over = whole >> DIGIT;
  }
  return value;
}
