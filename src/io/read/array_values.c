#include "io/read/array_values.h"

#include "base/memory.h"
#include "io/read/array_reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static cgap_status read_raw(unsigned char **out, size_t *count, const cgap_entry *e, cgap_error *error)
{
  size_t bytes = 0;
  *out = NULL;
  if (!cgap_entry_elements(count, e) || !cgap_product(&bytes, *count, e->item) || !(*out = malloc(bytes + 1)))
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu values", e->name, *count);
  cgap_status status = cgap_array_read_all(*out, e, error);
  if (status != CGAP_OK) {
    free(*out);
    *out = NULL;
  }
  return status;
}

/* An integer of 1, 2, 4 or 8 bytes at `at`. */
static int64_t integer_at(const unsigned char *at, size_t size, bool is_signed)
{
  uint64_t value = 0;
  uint8_t one = 0;
  uint16_t two = 0;
  uint32_t four = 0;
  switch (size) {
  case 1:
    memcpy(&one, at, 1);
    return is_signed ? (int64_t)(int8_t)one : (int64_t)one;
  case 2:
    memcpy(&two, at, 2);
    return is_signed ? (int64_t)(int16_t)two : (int64_t)two;
  case 4:
    memcpy(&four, at, 4);
    return is_signed ? (int64_t)(int32_t)four : (int64_t)four;
  default:
    memcpy(&value, at, 8);
    return (int64_t)value;
  }
}

cgap_status cgap_array_int64(int64_t *out, const cgap_entry *e, cgap_error *error)
{
  unsigned char *raw = NULL;
  size_t count = 0;
  cgap_status status = read_raw(&raw, &count, e, error);
  for (size_t i = 0; i < count && status == CGAP_OK; i++)
    out[i] = integer_at(raw + i * e->item, e->item, e->is_signed);
  free(raw);
  return status;
}

static double half_value(uint16_t half)
{
  int exponent = half >> 10 & 31, mantissa = half & 1023;
  double value = exponent == 31 ? (mantissa ? (double)NAN : (double)INFINITY)
                 : exponent     ? ldexp(1024 + mantissa, exponent - 25)
                                : ldexp(mantissa, -24);
  return half >> 15 ? -value : value;
}

static double number_at(const unsigned char *at, const cgap_entry *e)
{
  float single = 0;
  double value = 0;
  uint16_t half = 0;
  if (e->kind == CGAP_KIND_INTEGER)
    return (double)integer_at(at, e->item, e->is_signed);
  switch (e->item) {
  case 2:
    memcpy(&half, at, 2);
    return half_value(half);
  case 4:
    memcpy(&single, at, 4);
    return (double)single;
  default:
    memcpy(&value, at, 8);
    return value;
  }
}

cgap_status cgap_array_float64(double *out, const cgap_entry *e, cgap_error *error)
{
  unsigned char *raw = NULL;
  size_t count = 0;
  cgap_status status = read_raw(&raw, &count, e, error);
  for (size_t i = 0; i < count && status == CGAP_OK; i++)
    out[i] = number_at(raw + i * e->item, e);
  free(raw);
  return status;
}

/* ---------------------------------------------------------------- strings */

/* A character as UTF-8, at most four bytes; returns how many. */
static size_t put_character(unsigned char *out, uint32_t c)
{
  if (c < 0x80) {
    out[0] = (unsigned char)c;
    return 1;
  }
  size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  static const unsigned char LEAD[4] = {0, 0xc0, 0xe0, 0xf0};
  out[0] = (unsigned char)(LEAD[more] | (c >> (6 * more) & (0x3fu >> more)));
  for (size_t k = 1; k <= more; k++)
    out[k] = (unsigned char)(0x80 | (c >> (6 * (more - k)) & 0x3f));
  return more + 1;
}

/* In place: a character takes at most the four bytes it had. */
static size_t narrow(unsigned char *text, size_t bytes)
{
  size_t used = 0;
  for (size_t at = 0; at + 4 <= bytes; at += 4) {
    uint32_t c = 0;
    memcpy(&c, text + at, 4);
    if (c == 0)
      break;
    used += put_character(text + used, c > 0x10ffff ? '?' : c);
  }
  return used;
}

cgap_status cgap_array_strings(cgap_id *id, unsigned char **blob, const cgap_entry *e, cgap_error *error)
{
  size_t count = 0;
  cgap_status status = read_raw(blob, &count, e, error);
  for (size_t i = 0; i < count && status == CGAP_OK; i++) {
    unsigned char *text = *blob + i * e->item;
    id[i] = (cgap_id){text, e->wide ? narrow(text, e->item) : strnlen((const char *)text, e->item)};
  }
  return status;
}
