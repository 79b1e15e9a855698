/* Arrays of sums that do not depend on the order of their terms, which may be of either sign: each term is rounded once
 * to a fixed point of two integers, and those are added. One bound holds for all terms of an array; what is rounded
 * away of a term is at most 2^-62 of it. At most 2^31 terms. */
#ifndef CGAP_ENGINE_WIDE_H
#define CGAP_ENGINE_WIDE_H

#include "comm/comm.h"

typedef struct cgap_wide {
  size_t count;
  int exponent;  /* terms are at most 2^exponent */
  int64_t *high; /* (count) units of 2^(exponent − 31) */
  int64_t *low;  /* (count) units of 2^(exponent − 62); of one block with high */
} cgap_wide;

bool cgap_wide_init(cgap_wide *out, size_t count, double bound); /* all 0; false: out of memory */
void cgap_wide_clear(cgap_wide *wide);
void cgap_wide_zero(cgap_wide *wide);

/* Sums first … first + n − 1 += values (n), each at most the bound. */
void cgap_wide_add(cgap_wide *wide, size_t first, const double *values, size_t n);

/* Over all ranks. */
CGAP_MUST_CHECK cgap_status cgap_wide_reduce(cgap_wide *wide, cgap_comm *comm, cgap_error *error);

void cgap_wide_values(const cgap_wide *wide, size_t first, size_t n, double *out);

#endif
