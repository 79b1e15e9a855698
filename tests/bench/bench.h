/* What the benchmarks share: a clock, the fastest of several runs, peak memory. */
#ifndef CGAP_TESTS_BENCH_H
#define CGAP_TESTS_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static inline double bench_seconds(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline double bench_peak_mib(void)
{
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)usage.ru_maxrss / 1024;
}

/* Ends the program with a sentence where what is to be timed is wrong. */
static inline void bench_check(int fine, const char *sentence)
{
  if (!fine) {
    fprintf(stderr, "not timed: %s\n", sentence);
    exit(1);
  }
}

#endif
