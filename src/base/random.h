/* Random numbers: Philox4x32-10 of Random123 (Salmon et al., SC 2011), counter-based, so that a number
 * depends on (seed, stream, position) alone and never on threads or order. */
#ifndef CGAP_BASE_RANDOM_H
#define CGAP_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

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
