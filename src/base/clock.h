/* A clock that only goes forward. */
#ifndef CGAP_BASE_CLOCK_H
#define CGAP_BASE_CLOCK_H

#include <time.h>

static inline double cgap_clock_seconds(void)
{
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
