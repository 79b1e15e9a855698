/* Arrays of sums that do not depend on the order of their terms, which may be of either sign: each term is rounded once
 * to a fixed point of two integers, and those are added. One bound holds for all terms of an array; what is rounded
 * away of a term is at most 2^-62 of it. At most 2^31 terms. */
#ifndef CGAP_ROWS_EXP_SUMS_H
#define CGAP_ROWS_EXP_SUMS_H

#include "comm/comm.h"

typedef struct cgap_exact_sums {
  size_t count;
  int exponent;  /* terms are at most 2^exponent */
  int64_t *high; /* (count) units of 2^(exponent − 31) */
  int64_t *low;  /* (count) units of 2^(exponent − 62); of one block with high */
} cgap_exact_sums;

bool cgap_exact_sums_init(cgap_exact_sums *out, size_t count, double bound); /* all 0; false: out of memory */
void cgap_exact_sums_clear(cgap_exact_sums *sums);
void cgap_exact_sums_zero(cgap_exact_sums *sums);

/* Sums first … first + n − 1 += values (n), each at most the bound. */
void cgap_exact_sums_add(cgap_exact_sums *sums, size_t first, const double *values, size_t n);

/* Over all ranks. */
CGAP_MUST_CHECK cgap_status cgap_exact_sums_reduce(cgap_exact_sums *sums, cgap_comm *comm, cgap_error *error);

void cgap_exact_sums_values(const cgap_exact_sums *sums, size_t first, size_t n, double *out);

#endif
