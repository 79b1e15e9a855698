/* Sums that do not depend on the order of their terms, and random numbers that do not depend on threads. */
#ifndef CGAP_BASE_NUMBERS_H
#define CGAP_BASE_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

/* ---------------------------------------------------------------- exact sum */

/* Sums that do not depend on the order: each double is rounded once to a wide fixed point and added as an integer
 * (Kulisch's long accumulator, as short as its range allows). A number is `words` int64 digits to the base 2^32, the
 * least significant first; digits take 2^31 additions before they could overflow. Only values from 0 on are added. */

typedef struct cgap_exact_format {
  int unit; /* the last digit counts units of 2^unit */
  size_t words;
} cgap_exact_format;

/* For values that are 0 or in [2^exponent_min, 2^exponent_max], to full double precision, and up to 2^40 of
 * them. */
cgap_exact_format cgap_exact_format_for(int exponent_min, int exponent_max);

void cgap_exact_add(const cgap_exact_format *format, int64_t *digits, double value);
double cgap_exact_value(const cgap_exact_format *format, const int64_t *digits);

/* ---------------------------------------------------------------- random */

/* Random numbers: Philox4x32-10 of Random123 (Salmon et al., SC 2011), counter-based, so that a number
 * depends on (seed, stream, position) alone and never on threads or order. */

typedef struct cgap_random {
  uint64_t seed, stream, position;
  uint32_t word[4];
  unsigned left;
} cgap_random;

cgap_random cgap_random_init(uint64_t seed, uint64_t stream);
uint32_t cgap_random_u32(cgap_random *r);
double cgap_random_uniform(cgap_random *r);                            /* in (0, 1) */
double cgap_random_normal(cgap_random *r);                             /* N(0, 1), Box–Muller */
uint64_t cgap_random_below(cgap_random *r, uint64_t bound);            /* 0 … bound − 1, unbiased */
void cgap_random_shuffle(cgap_random *r, size_t *items, size_t count); /* Fisher–Yates */

#endif
