#include "base/numbers.h"

#include <Random123/philox.h>
#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- exact sum */

enum { DIGIT = 32, MANTISSA = 53, COUNT_BITS = 40 };

cgap_exact_format cgap_exact_format_for(int exponent_min, int exponent_max)
{
  const int unit = exponent_min - MANTISSA, bits = exponent_max + COUNT_BITS - unit;
  return (cgap_exact_format){.unit = unit, .words = (size_t)(bits / DIGIT + 2)}; /* a mantissa touches three digits */
}

void cgap_exact_add(const cgap_exact_format *format, int64_t *digits, double value)
{
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  const int exponent = (int)(bits >> 52 & 0x7ff);
  if (exponent == 0) /* 0, or so small that it rounds to it */
    return;
  uint64_t mantissa = (bits & 0xfffffffffffffu) | UINT64_C(1) << 52;
  int place = exponent - 1075 - format->unit; /* the value is mantissa · 2^(exponent − 1075) */
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
  int64_t over = 0; /* beyond 32 bits a digit is carried to the next: then equal sums have equal digits */
  for (size_t k = 0; k < format->words; k++) {
    const int64_t whole = digits[k] + over;
    value += ldexp((double)(whole & UINT32_MAX), format->unit + (int)k * DIGIT);
    over = whole >> DIGIT;
  }
  return value;
}

/* ---------------------------------------------------------------- random */

cgap_random cgap_random_init(uint64_t seed, uint64_t stream)
{
  return (cgap_random){.seed = seed, .stream = stream};
}

uint32_t cgap_random_u32(cgap_random *r)
{
  if (r->left == 0) {
    philox4x32_ctr_t counter = {
      {(uint32_t)r->position, (uint32_t)(r->position >> 32), (uint32_t)r->stream, (uint32_t)(r->stream >> 32)}};
    philox4x32_key_t key = {{(uint32_t)r->seed, (uint32_t)(r->seed >> 32)}};
    philox4x32_ctr_t out = philox4x32(counter, key);
    for (int i = 0; i < 4; i++)
      r->word[i] = out.v[i];
    r->left = 4;
    r->position++;
  }
  return r->word[--r->left];
}

double cgap_random_uniform(cgap_random *r)
{
  uint64_t high = cgap_random_u32(r) >> 5, low = cgap_random_u32(r) >> 6; /* 27 + 26 bits */
  return ((double)(high << 26 | low) + 0.5) * 0x1p-53;
}

double cgap_random_normal(cgap_random *r)
{
  double radius = sqrt(-2.0 * log(cgap_random_uniform(r)));
  return radius * cos(6.283185307179586 * cgap_random_uniform(r));
}

uint64_t cgap_random_below(cgap_random *r, uint64_t bound)
{
  uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  for (;;) {
    uint64_t high = cgap_random_u32(r), x = high << 32 | cgap_random_u32(r);
    if (x < limit)
      return x % bound;
  }
}

void cgap_random_shuffle(cgap_random *r, size_t *items, size_t count)
{
  for (size_t i = count; i > 1; i--) {
    size_t j = (size_t)cgap_random_below(r, i);
    size_t swap = items[i - 1];
    items[i - 1] = items[j];
    items[j] = swap;
  }
}
