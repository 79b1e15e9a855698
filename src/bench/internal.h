/* What the parts of the benchmark share: bench.c (limits, order), file_rates.c (reading), work_rates.c (the work). */
#ifndef CGAP_BENCH_PARTS_H
#define CGAP_BENCH_PARTS_H

#include "bench/bench.h"

enum { CGAP_BENCH_REPEATS = 3 }; /* of which the fastest counts */

typedef struct cgap_bench_state {
  cgap_bench *out;
  const cgap_bench_options *options;
  int threads;
} cgap_bench_state;

double cgap_bench_now(void); /* seconds */

/* Before something is timed: ranks begin it together. */
CGAP_MUST_CHECK cgap_status cgap_bench_begin(const cgap_bench_state *b, cgap_error *error);

/* Adds a rate to b->out: of several ranks the mean of what each has measured. rate.limit is filled in. */
CGAP_MUST_CHECK cgap_status cgap_bench_add(cgap_bench_state *b, cgap_rate rate, cgap_error *error);

CGAP_MUST_CHECK cgap_status cgap_bench_tick(const cgap_bench_state *b, const char *phase, cgap_error *error);
cgap_status cgap_bench_no_memory(cgap_error *error);

/* Reading, the row pass, beside the file as plain bytes. */
CGAP_MUST_CHECK cgap_status cgap_bench_files(cgap_bench_state *b, cgap_error *error);

/* The audit's stages on a simulated set; a training step's loss. */
CGAP_MUST_CHECK cgap_status cgap_bench_audit(cgap_bench_state *b, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_bench_training(cgap_bench_state *b, cgap_error *error);

#endif
