/* contragap bench: how fast this machine does the work, and how fast it could. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "bench/bench.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/run_info.h"
#include "report/json.h"
#include "report/text.h"

static struct {
  bool json;
  size_t rows, dim;
} opt = {.rows = 10000, .dim = 512};

static const cli_option own[] = {{"json", 0, CLI_FLAG, &opt.json, .help = "print JSON on stdout, and nothing else"},
                                 {"n", 0, CLI_COUNT, &opt.rows, "N", "pairs of the tile pass", .low = 100, .high = 1e6},
                                 {"d", 0, CLI_COUNT, &opt.dim, "D", "dimensions", .low = 4, .high = 16384},
                                 {0}};

/* null where nothing holds it back and the tile pass is too small to be judged. */
static json_t *does_well(const cgap_judgement *judgement)
{
  return judgement->held_back > 0 ? json_false() : judgement->has_tiles ? json_true() : json_null();
}

static json_t *judgement_json(const cgap_judgement *judgement)
{
  json_t *keys = json_array();
  for (size_t k = 0; k < judgement->held_back; k++)
    (void)json_array_append_new(keys, json_string(judgement->held_back_by[k]));
  return json_pack("{s:o, s:s, s:o}", "does_well", does_well(judgement), "sentence", judgement->sentence,
                   "held_back_by", keys);
}

static json_t *to_json(const cgap_bench *bench, const cgap_judgement *judgement, const cgap_bench_options *options)
{
  json_t *root = json_pack("{s:{s:i, s:i, s:I, s:I}, s:o}", "run", "ranks", cgap_comm_size(options->comm), "threads",
                           options->threads, "rows", (json_int_t)options->rows, "dim", (json_int_t)options->dim,
                           "machine", judgement_json(judgement));
  for (size_t k = 0; root && k < bench->count; k++) {
    const cgap_rate *r = &bench->rate[k];
    json_t *entry = json_pack("{s:o, s:s, s:o, s:s?, s:o}", "value", cgap_number_json(r->value), "unit", r->unit,
                              "limit", cgap_number_json(r->limit), "limited_by", r->limited_by, "share",
                              cgap_number_json(r->value / r->limit));
    if (json_object_set_new(root, r->key, entry)) {
      json_decref(root);
      return NULL;
    }
  }
  return root;
}

static void print_table(const cgap_bench *bench, const cgap_judgement *judgement)
{
  cgap_text_wrap(stdout, cli_columns(STDOUT_FILENO), "", judgement->sentence, 0);
  putchar('\n');
  for (size_t k = 0; k < bench->count; k++) {
    const cgap_rate *r = &bench->rate[k];
    if (isnan(r->value)) {
      printf("%-34s       n/a (%s)\n", r->label, bench->no_huge_pages);
      continue;
    }
    printf("%-34s %9.*f %-8s", r->label, r->value < 10 ? 2 : 1, r->value, r->unit);
    if (strcmp(r->key, "huge_page_fault") == 0)
      printf("  %.2f %s for each %zu KiB", r->value / (double)bench->small_pages, r->unit,
             CGAP_HUGE_BYTES / 1024 / bench->small_pages);
    if (!isnan(r->limit))
      printf("  %3.0f %% of %s", 100 * r->value / r->limit, r->limited_by);
    putchar('\n');
  }
}

static int print_result(const cgap_bench *bench, const cgap_bench_options *options, cgap_error *error)
{
  cgap_judgement judgement;
  cgap_bench_judge(&judgement, bench);
  if (!opt.json) {
    print_table(bench, &judgement);
    return cli_flushed();
  }
  json_t *json = to_json(bench, &judgement, options);
  cgap_status status = json ? cgap_json_print(json, stdout, error) : cgap_fail(error, CGAP_RESOURCE, "out of memory");
  json_decref(json);
  return cli_printed(status, error) ? cli_fail(error) : CGAP_OK;
}

static int run_bench(const cli_args *args)
{
  cgap_error error = {0};
  cgap_bench bench;
  cgap_bench_options options = CGAP_BENCH_OPTIONS_INIT;
  (void)args;
  options.rows = opt.rows;
  options.dim = opt.dim;
  options.threads = cli_rank_threads() ? cli_rank_threads() : cli_cores();
  options.comm = cli_ranks();
  options.progress = cli_progress();
  if (getenv("TMPDIR"))
    options.folder = getenv("TMPDIR");
  const cgap_status status = cgap_bench_run(&bench, &options, &error);
  cli_progress_clear();
  return status ? cli_fail(&error) : print_result(&bench, &options, &error);
}

const cli_spec cmd_bench = {
  .name = "bench",
  .summary = "how fast this machine does the work, and how fast it could",
  .usage = "[--n N] [--d D]",
  .example = "contragap bench",
  .about =
    "Says in one sentence whether this machine does well, and if not what holds it back: other work, where the threads "
    "get under 80 % of their processors' time; page faults, where one costs more than 2 µs (then they are a twentieth "
    "of the time of an audit of 500 pairs); the tile pass, where it does under 50 % of sgemm (54 % and more were "
    "measured on good machines; only from 10000 x 512 on). Measures, in the same minute, the limits of this machine "
    "(sgemm, memory, a page fault, file) and the work against them: the tile pass with every measure (counted as "
    "4·d·N² operations), the row pass, reading, matched pairs (thousands "
    "per second), the separability (thousands of rows), the eigenproblems, and a training step's loss. Under mpirun "
    "all ranks measure at the same time: each figure is the mean over the ranks, and the ring between them is measured "
    "too. What is slow is repeated less often. samples/slurm/README.md says how to estimate the time of a job from it. "
    "Needs about 100 MB per rank in $TMPDIR while it runs.",
  .groups = {{"Options", own}, CLI_RUN_GROUP},
  .distributed = true,
  .run = run_bench,
};
