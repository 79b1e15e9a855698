/* The numbers of a series of names. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text_buffer.h"
#include "head/evaluation/ranking.h"

enum { NUMBERS_MAX = 16 };

/* The numbers of one name, from left to right. */
typedef struct name_numbers {
  double value[NUMBERS_MAX];
  size_t count;
} name_numbers;

/* Bytes of the number at text: 100, 0.25, 1e-4 or 2e3; an e that begins a word is none of it. */
static size_t number_length(const char *text)
{
  size_t length = strspn(text, "0123456789");
  if (text[length] == '.' && isdigit((unsigned char)text[length + 1]))
    length += 1 + strspn(text + length + 1, "0123456789");
  if (!length || (text[length] != 'e' && text[length] != 'E'))
    return length;
  const char *sign = text + length + 1, *digits = sign + (*sign == '-' || *sign == '+');
  const size_t more = strspn(digits, "0123456789");
  return more && !isalpha((unsigned char)digits[more]) ? (size_t)(digits - text) + more : length;
}

/* An ending such as .h5 or .json is no part of what is numbered. */
static size_t length_without_ending(const char *name)
{
  static const char *const ENDINGS[] = {".h5", ".hdf5", ".npy", ".npz", ".json", ".safetensors", ".parquet", ".pt"};
  const size_t length = strlen(name);
  for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
    const size_t ending = strlen(ENDINGS[i]);
    if (length > ending && strcmp(name + length - ending, ENDINGS[i]) == 0)
      return length - ending;
  }
  return length;
}

static void find_numbers(name_numbers *out, const char *name)
{
  char text[400];
  const cgap_c_locale locale = cgap_c_locale_begin();
  snprintf(text, sizeof text, "%.*s", (int)length_without_ending(name), name);
  out->count = 0;
  for (const char *at = text; *at && out->count < NUMBERS_MAX;) {
    const size_t length = number_length(at);
    if (length) {
      char number[sizeof text];
      snprintf(number, sizeof number, "%.*s", (int)length, at);
      out->value[out->count++] = strtod(number, NULL);
    }
    at += length ? length : 1;
  }
  cgap_c_locale_end(locale);
}

/* Why these names have no one number, each case with a way out. */
static cgap_status find_place(size_t *place, const name_numbers *found, const char *const *names, size_t count,
                              cgap_error *error)
{
  static const char OUT[] = "name the inputs, as in step_100=FILE step_200=FILE";
  size_t differing = 0;
  for (size_t k = 0; k < count; k++) {
    if (!found[k].count)
      return cgap_fail(error, CGAP_USAGE, "--series: no number in the name %s; %s", names[k], OUT);
    if (found[k].count != found[0].count)
      return cgap_fail(error, CGAP_USAGE, "--series: %s has %zu numbers, %s has %zu; %s", names[0], found[0].count,
                       names[k], found[k].count, OUT);
  }
  for (size_t n = 0; n < found[0].count; n++) {
    bool differs = false;
    for (size_t k = 1; k < count; k++)
      differs = differs || found[k].value[n] != found[0].value[n];
    if (differs && differing++)
      return cgap_fail(error, CGAP_USAGE, "--series: %zu numbers differ in names such as %s, %g and %g; %s", differing,
                       names[0], found[0].value[*place], found[0].value[n], OUT);
    if (differs)
      *place = n;
  }
  if (!differing)
    return cgap_fail(error, CGAP_USAGE, "--series: %s and %s have the same number, %g; %s", names[0], names[1],
                     found[0].value[0], OUT);
  return CGAP_OK;
}

cgap_status cgap_series_numbers(double *number, const char *const *names, size_t count, cgap_error *error)
{
  name_numbers *found = calloc(count, sizeof *found);
  size_t place = 0;
  if (!found)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (size_t k = 0; k < count; k++)
    find_numbers(&found[k], names[k]);
  cgap_status status = find_place(&place, found, names, count, error);
  for (size_t k = 0; status == CGAP_OK && k < count; k++) {
    number[k] = found[k].value[place];
    for (size_t i = 0; i < k && status == CGAP_OK; i++)
      if (number[i] == number[k])
        status = cgap_fail(error, CGAP_USAGE, "--series: %s and %s have the same number, %g; give each its own",
                           names[i], names[k], number[k]);
  }
  free(found);
  return status;
}

/* Variance over squared mean of the steps between successive values. */
static double unevenness(const double *number, size_t count, double (*scale)(double))
{
  const double steps = (double)count - 1, mean = (scale(number[count - 1]) - scale(number[0])) / steps;
  double sum = 0;
  for (size_t k = 1; k < count; k++) {
    const double step = scale(number[k]) - scale(number[k - 1]);
    sum += (step - mean) * (step - mean);
  }
  return sum / steps / (mean * mean);
}

static double same(double v)
{
  return v;
}

bool cgap_series_is_geometric(const double *number, size_t count)
{
  return count > 2 && number[0] > 0 && number[count - 1] / number[0] >= 10 &&
         unevenness(number, count, log) < unevenness(number, count, same);
}
