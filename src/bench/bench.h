/* What `contragap bench` measures: how fast this machine does the work, and how fast it could at best, both in the same
 * minute. */
#ifndef CGAP_BENCH_BENCH_H
#define CGAP_BENCH_BENCH_H

#include "comm/comm.h"
#include "contragap/contragap.h"

typedef struct cgap_rate {
  const char *key, *label; /* static: "tile_pass", "tile pass" */
  const char *unit;        /* "GFLOP/s", "GB/s", "k/s", "%", "µs" */
  const char *limited_by;  /* the key of the limit, or NULL */
  double value;            /* NaN: not to be had here */
  double limit;            /* in the same unit; NaN: this is a limit itself */
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

enum { CGAP_RATES = 18 };

typedef struct cgap_bench {
  cgap_rate rate[CGAP_RATES]; /* of several ranks the mean of what each has measured */
  size_t count;
  size_t rows, dim;          /* of the tile pass */
  size_t small_pages;        /* in a huge one */
  const char *no_huge_pages; /* why the huge page's fault is NaN, static */
  bool uses_huge_pages;      /* of this program: cgap_huge_pages() */
  const char *kernels;       /* "portable", "avx2", …, static */
} cgap_bench;

CGAP_MUST_CHECK cgap_status cgap_bench_run(cgap_bench *out, const cgap_bench_options *options, cgap_error *error);

/* The rate of this key; NULL: not measured. */
const cgap_rate *cgap_bench_rate(const cgap_bench *bench, const char *key);

/* ---------------------------------------------------------------- does this machine do well? */

/* What holds a machine back. Each threshold has its reason in judgement.c and is said by `contragap bench --help`. */
enum {
  CGAP_TILE_PERCENT = 50,      /* of sgemm: the tile pass does at least so much on a good machine … */
  CGAP_JUDGED_ROWS = 10000,    /* … from so many rows … */
  CGAP_JUDGED_DIM = 512,       /* … and dimensions on: smaller ones do less everywhere */
  CGAP_FAULT_MICROSECONDS = 2, /* a page fault costs at most so much */
  CGAP_PROCESSOR_PERCENT = 80, /* of their processors' time that the threads get at least */
  CGAP_HOLDS = 3
};

typedef struct cgap_judgement {
  const char *held_back_by[CGAP_HOLDS]; /* keys of rates */
  size_t held_back;                     /* how many; 0: it does well, as far as was measured */
  bool has_tiles;                       /* the tile pass was large enough to be judged */
  char sentence[512];
} cgap_judgement;

/* Whether this machine does well, and if not what holds it back, in one sentence of the measured figures. */
void cgap_bench_judge(cgap_judgement *out, const cgap_bench *bench);

#endif
