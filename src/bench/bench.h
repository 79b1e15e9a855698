/* What `contragap bench` measures: how fast this machine does the work, and how fast it could at best, both in the same
 * minute. */
#ifndef CGAP_BENCH_BENCH_H
#define CGAP_BENCH_BENCH_H

#include "comm/comm.h"
#include "contragap/contragap.h"

typedef struct cgap_rate {
  const char *key, *label; /* static: "tile_pass", "tile pass" */
  const char *unit;        /* "GFLOP/s", "GB/s", "k/s" */
  const char *limited_by;  /* the key of the limit, or NULL */
  double value;
  double limit; /* in the same unit; NaN: this is a limit itself */
} cgap_rate;

typedef struct cgap_bench_options {
  size_t rows, dim;   /* pairs of the tile pass */
  int threads;        /* 0: as many as the machine has */
  const char *folder; /* where the files that are read are made, and removed */
  cgap_comm *comm;    /* all measure at the same time; NULL: one process */
  cgap_progress progress;
} cgap_bench_options;

#define CGAP_BENCH_OPTIONS_INIT                                                                                        \
  {                                                                                                                    \
    .rows = 10000, .dim = 512, .folder = "/tmp"                                                                        \
  }

enum { CGAP_RATES = 15 };

typedef struct cgap_bench {
  cgap_rate rate[CGAP_RATES]; /* of several ranks the mean of what each has measured */
  size_t count;
} cgap_bench;

CGAP_MUST_CHECK cgap_status cgap_bench_run(cgap_bench *out, const cgap_bench_options *options, cgap_error *error);

#endif
