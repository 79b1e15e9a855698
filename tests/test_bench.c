/* What `contragap bench` says of a machine, from planted figures; and that page faults are measured. */
#include "base/memory.h"
#include "src/bench/bench.h" /* tests/bench has another bench.h */

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* What is measured on a machine: of the rates those that the sentence rests on. */
typedef struct machine {
  double processors, small_fault, huge_fault, tile_pass; /* %, µs, µs, of an sgemm of 200 */
  size_t rows, dim;
  bool uses_huge_pages;
  const char *kernels;
} machine;

static cgap_judgement judge(const machine *m)
{
  cgap_bench bench = {.count = 4,
                      .rows = m->rows,
                      .dim = m->dim,
                      .small_pages = 512,
                      .no_huge_pages = "the system is set never to give any",
                      .uses_huge_pages = m->uses_huge_pages,
                      .kernels = m->kernels,
                      .rate = {{.key = "processor_time", .value = m->processors, .limit = NAN},
                               {.key = "small_page_fault", .value = m->small_fault, .limit = NAN},
                               {.key = "huge_page_fault", .value = m->huge_fault, .limit = NAN},
                               {.key = "tile_pass", .value = m->tile_pass, .limit = 200}}};
  cgap_judgement out;
  cgap_bench_judge(&out, &bench);
  return out;
}

Test(bench, the_sentence_follows_the_figures)
{
  static const struct {
    machine machine;
    size_t held_back;
    const char *sentence;
  } CASES[] = {
    {{100, 0.2, 60, 156, 10000, 512, true, "avx2"},
     0,
     "This machine does well: the tile pass runs at 78 % of sgemm and a page fault costs 0.2 µs."},
    /* at the thresholds, as they are shown */
    {{79.6, 2.04, 60, 99.2, 10000, 512, true, "avx2"},
     0,
     "This machine does well: the tile pass runs at 50 % of sgemm and a page fault costs 2.0 µs."},
    {{100, 0.2, 60, 156, 10000, 511, true, "avx2"},
     0,
     "This machine does well as far as 10000 x 511 can tell: a page fault costs 0.2 µs; to judge the tile pass takes "
     "10000 x 512."},
    {{100, 7, 51.2, 156, 10000, 512, true, "avx2"},
     1,
     "This machine is held back by page faults: one costs 7.0 µs, 0.10 µs in a huge page, which large buffers have."},
    {{100, 7, 5120, 156, 10000, 512, false, "avx2"},
     1,
     "This machine is held back by page faults: one costs 7.0 µs, 10.00 µs in a huge page."},
    {{100, 2.06, NAN, 20, 9999, 512, false, "avx2"},
     1,
     "This machine is held back by page faults: one costs 2.1 µs, and there are no huge pages (the system is set never "
     "to give any)."},
    {{100, 0.2, 60, 82, 10000, 512, true, "portable"},
     1,
     "This machine is held back by the tile pass, at 41 % of sgemm where 50 % and more are usual: no AVX2."},
    {{62, 3, NAN, 82, 20000, 1024, false, "avx2"},
     3,
     "This machine is held back by other work: the threads get 62 % of their processors' time; and by page faults: one "
     "costs 3.0 µs, and there are no huge pages (the system is set never to give any); and by the tile pass, at 41 % "
     "of sgemm where 50 % and more are usual."},
  };
  for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
    const cgap_judgement got = judge(&CASES[k].machine);
    cr_assert_str_eq(got.sentence, CASES[k].sentence, "case %zu: %s", k, got.sentence);
    cr_assert_eq(got.held_back, CASES[k].held_back, "case %zu: %zu", k, got.held_back);
  }
}

Test(bench, reasons_are_keys_of_rates)
{
  const cgap_judgement got = judge(&(machine){62, 3, NAN, 82, 20000, 1024, false, "avx2"});
  static const char *const WANT[CGAP_HOLDS] = {"processor_time", "small_page_fault", "tile_pass"};
  for (size_t k = 0; k < CGAP_HOLDS; k++)
    cr_assert_str_eq(got.held_back_by[k], WANT[k]);
  cr_assert(got.has_tiles);
}

Test(bench, faults_cost_something)
{
  const cgap_fault_cost cost = cgap_fault_cost_measure();
  cr_assert(cost.small_seconds > 0, "%g s", cost.small_seconds);
  cr_assert((cost.why != NULL) == isnan(cost.huge_seconds), "%g s: %s", cost.huge_seconds, cost.why ? cost.why : "");
  cr_assert(isnan(cost.huge_seconds) || cost.huge_seconds > 0, "%g s", cost.huge_seconds);
}
