/* Does this machine do well? The thresholds, and why they are where they are:
 *
 * The tile pass does 54 to 78 % of the best sgemm on machines with AVX2, 72 % and more with AVX-512
 * (tests/bench/README.md), from 10,000 x 512 on; with fewer rows or dimensions its sweeps outweigh the products,
 * everywhere. 50 % leaves room for noise.
 *
 * An audit of 500 x 512 takes 0.12 s and some 3,700 page faults: at 2 µs they are a twentieth of the time. On bare
 * metal a fault costs 0.1 µs, under virtualisation 0.5 to 17.
 *
 * Threads that all compute get all the time of their processors on an idle machine: less than four fifths is the work
 * of others, or a limit on processors. */
#include "bench/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text_buffer.h"

static double value_of(const cgap_bench *bench, const char *key)
{
  const cgap_rate *rate = cgap_bench_rate(bench, key);
  return rate ? rate->value : NAN;
}

/* The tile pass in % of sgemm, as it is shown. */
static double tile_percent(const cgap_bench *bench)
{
  const cgap_rate *rate = cgap_bench_rate(bench, "tile_pass");
  return rate ? round(100 * rate->value / rate->limit) : NAN;
}

/* µs with one place, as it is shown. */
static double fault_microseconds(const cgap_bench *bench)
{
  return round(10 * value_of(bench, "small_page_fault")) / 10;
}

static void add_reason(cgap_judgement *out, const char *key)
{
  out->held_back_by[out->held_back++] = key;
}

/* What is known of huge pages, behind "one costs 7.0 µs". */
static char *words_of_huge_pages(const cgap_bench *bench)
{
  const double each = value_of(bench, "huge_page_fault") / (double)bench->small_pages;
  if (isnan(each))
    return cgap_format(", and there are no huge pages (%s)", bench->no_huge_pages);
  return cgap_format(", %.2f µs in a huge page%s", each, bench->uses_huge_pages ? ", which large buffers have" : "");
}

/* A reason in words, to be freed; NULL: out of memory. */
static char *words_of(const cgap_bench *bench, const char *key)
{
  if (strcmp(key, "processor_time") == 0)
    return cgap_format("other work: the threads get %.0f %% of their processors' time",
                       round(value_of(bench, "processor_time")));
  if (strcmp(key, "tile_pass") == 0)
    return cgap_format("the tile pass, at %.0f %% of sgemm where %d %% and more are usual%s", tile_percent(bench),
                       CGAP_TILE_PERCENT, strcmp(bench->kernels, "portable") == 0 ? ": no AVX2" : "");
  char *huge = words_of_huge_pages(bench);
  char *words = cgap_format("page faults: one costs %.1f µs%s", fault_microseconds(bench), huge ? huge : "");
  free(huge);
  return words;
}

static void say_held_back(cgap_judgement *out, const cgap_bench *bench)
{
  (void)snprintf(out->sentence, sizeof out->sentence, "This machine is held back by ");
  for (size_t k = 0; k < out->held_back; k++) {
    char *words = words_of(bench, out->held_back_by[k]);
    const size_t at = strlen(out->sentence);
    (void)snprintf(out->sentence + at, sizeof out->sentence - at, "%s%s%s", k > 0 ? "; and by " : "",
                   words ? words : out->held_back_by[k], k + 1 == out->held_back ? "." : "");
    free(words);
  }
}

void cgap_bench_judge(cgap_judgement *out, const cgap_bench *bench)
{
  const double fault = fault_microseconds(bench), tile = tile_percent(bench);
  *out = (cgap_judgement){.has_tiles = bench->rows >= CGAP_JUDGED_ROWS && bench->dim >= CGAP_JUDGED_DIM};
  if (round(value_of(bench, "processor_time")) < CGAP_PROCESSOR_PERCENT)
    add_reason(out, "processor_time");
  if (fault > CGAP_FAULT_MICROSECONDS)
    add_reason(out, "small_page_fault");
  if (out->has_tiles && tile < CGAP_TILE_PERCENT)
    add_reason(out, "tile_pass");
  if (out->held_back > 0)
    say_held_back(out, bench);
  else if (out->has_tiles)
    (void)snprintf(out->sentence, sizeof out->sentence,
                   "This machine does well: the tile pass runs at %.0f %% of sgemm and a page fault costs %.1f µs.",
                   tile, fault);
  else
    (void)snprintf(out->sentence, sizeof out->sentence,
                   "This machine does well as far as %zu x %zu can tell: a page fault costs %.1f µs; to judge the tile "
                   "pass takes %d x %d.",
                   bench->rows, bench->dim, fault, CGAP_JUDGED_ROWS, CGAP_JUDGED_DIM);
}
