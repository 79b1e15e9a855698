/* How fast this machine does the work, and how fast it could at best, both measured in the same minute. */
#ifndef CGAP_BENCH_BENCH_H
#define CGAP_BENCH_BENCH_H

#include "bench/rates.h"

CGAP_MUST_CHECK cgap_status cgap_bench_run(cgap_bench *out, const cgap_bench_options *options, cgap_error *error);

#endif
