#include "base/half.h"

#include <string.h>

enum { DOUBLE_MANTISSA = 52, DOUBLE_BIAS = 1023 };

/* Any double to a sign, exponent_bits and mantissa_bits (at most 16 bits in all). Shifting the significand with
 * its hidden bit so that adding the rounded-up bit carries into the exponent makes every case one addition. */
static uint16_t round_to(double value, int exponent_bits, int mantissa_bits)
{
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof bits);
  uint16_t sign = (uint16_t)(bits >> 63 << 15);
  int exponent = (int)(bits >> DOUBLE_MANTISSA & 0x7ff);
  uint64_t mantissa = bits & (((uint64_t)1 << DOUBLE_MANTISSA) - 1);
  int bias = (1 << (exponent_bits - 1)) - 1, top = (1 << exponent_bits) - 1;
  uint16_t infinity = (uint16_t)(top << mantissa_bits);
  if (exponent == 0x7ff)
    return mantissa ? (uint16_t)(sign | infinity | 1 << (mantissa_bits - 1)) : (uint16_t)(sign | infinity);
  int to = exponent - DOUBLE_BIAS + bias; /* the exponent field, where the result is normal */
  if (to >= top)
    return (uint16_t)(sign | infinity);
  int shift = DOUBLE_MANTISSA - mantissa_bits + (to <= 0 ? 1 - to : 0);
  if (shift > DOUBLE_MANTISSA + 1 || exponent == 0)
    return sign; /* below half the least subnormal; half of it ties to even, to 0 */
  uint64_t significand = mantissa | (uint64_t)1 << DOUBLE_MANTISSA;
  uint64_t kept = significand >> shift, rest = significand & (((uint64_t)1 << shift) - 1);
  uint64_t half = (uint64_t)1 << (shift - 1);
  kept += rest > half || (rest == half && (kept & 1));
  /* normal: the hidden bit in `kept` adds 1 to the field, so start one below */
  uint64_t result = to <= 0 ? kept : ((uint64_t)(to - 1) << mantissa_bits) + kept;
  return (uint16_t)(sign | result);
}

uint16_t cgap_half_from_double(double value)
{
  return round_to(value, 5, 10);
}

uint16_t cgap_bfloat16_from_double(double value)
{
  return round_to(value, 8, 7);
}
