/* Sums that do not depend on the order: each double is rounded once to a wide fixed point and added as an integer
 * (Kulisch's long accumulator, as short as its range allows). A number is `words` int64 digits to the base 2^32, the
 * least first; digits take 2^31 additions before they could overflow. Only values from 0 on are added. */
#ifndef CGAP_BASE_EXACT_SUM_H
#define CGAP_BASE_EXACT_SUM_H

#include <stddef.h>
#include <stdint.h>

typedef struct cgap_exact_format {
  int least; /* the last digit counts units of 2^least */
  size_t words;
} cgap_exact_format;

/* For values that are 0 or in [2^least_exponent, 2^greatest_exponent], to full double precision, and up to 2^40 of
 * them. */
cgap_exact_format cgap_exact_format_for(int least_exponent, int greatest_exponent);

void cgap_exact_add(const cgap_exact_format *format, int64_t *digits, double value);
double cgap_exact_value(const cgap_exact_format *format, const int64_t *digits);

#endif
