/* A rate and its limit, as they are measured; bench.c: limits and order, file_rates.c: reading, work_rates.c: the work.
 */
#ifndef CGAP_BENCH_RATES_H
#define CGAP_BENCH_RATES_H

#include "comm/comm.h"
#include "contragap/contragap.h"

typedef struct cgap_rate {
  const char *key, *label; /* static: "tile_pass", "tile pass" */
  const char *unit;        /* "GFLOP/s", "GB/s", "steps/s" */
  double value;
  double limit;           /* in the same unit; NaN: this is a limit itself */
  const char *limited_by; /* the key of the limit, or NULL */
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
  cgap_rate rate[CGAP_RATES];
  size_t count;
} cgap_bench;

enum { CGAP_BENCH_REPEATS = 3 }; /* of which the fastest counts */

typedef struct cgap_bench_state {
  cgap_bench *out;
  const cgap_bench_options *options;
  int threads;
} cgap_bench_state;

/* Before something is timed: ranks begin it together. */
CGAP_MUST_CHECK cgap_status cgap_bench_begin(const cgap_bench_state *b, cgap_error *error);

/* Adds a rate to b->out: of several ranks the mean of what each has measured. rate.limit is filled in. */
CGAP_MUST_CHECK cgap_status cgap_bench_add(cgap_bench_state *b, cgap_rate rate, cgap_error *error);

CGAP_MUST_CHECK cgap_status cgap_bench_tick(const cgap_bench_state *b, const char *phase, cgap_error *error);
cgap_status cgap_bench_no_memory(cgap_error *error);

/* Reading, the row pass, against the file as raw bytes. */
CGAP_MUST_CHECK cgap_status cgap_bench_files(cgap_bench_state *b, cgap_error *error);

/* The audit's stages on a simulated set; a training step's loss. */
CGAP_MUST_CHECK cgap_status cgap_bench_audit(cgap_bench_state *b, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_bench_training(cgap_bench_state *b, cgap_error *error);

#endif
