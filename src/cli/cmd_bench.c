/* contragap bench: how fast this machine does the work, and how fast it could. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/ranks.h"
#include "report/json.h"

static struct {
  bool json;
  size_t rows, dim;
} opt = {.rows = 10000, .dim = 512};

static const cli_option own[] = {
  {.name = "json", .kind = CLI_FLAG, .target = &opt.json, .help = "the same as JSON on stdout, and nothing else"},
  {.name = "n",
   .kind = CLI_COUNT,
   .target = &opt.rows,
   .value = "N",
   .help = "pairs of the tile pass",
   .low = 100,
   .high = 1e6},
  {.name = "d", .kind = CLI_COUNT, .target = &opt.dim, .value = "D", .help = "dimensions", .low = 4, .high = 16384},
  {0}};

static const cli_spec spec = {
  .name = "bench",
  .usage = "[--n N] [--d D]",
  .example = "contragap bench",
  .about =
    "Measures, in the same minute, the limits of this machine (sgemm, memory, file) and the work against them: the "
    "tile pass with every measure (counted as 4·d·N² operations), the row pass, reading, matched pairs (thousands "
    "a second), the separability (thousands of rows), the eigenproblems, and a training step's loss. Under mpirun all "
    "ranks measure at the same time: the figures are a rank's, their mean, and the ring between them is measured too. "
    "samples/slurm/README.md says how a job's time follows. Needs about 200 MB a rank in $TMPDIR for a while.",
  .groups = {{"Options", own}, CLI_RUN_GROUP},
  .at_most = 0,
  .argument = "option",
};

static json_t *to_json(const cgap_bench *bench, const cgap_bench_options *options)
{
  json_t *root = json_pack("{s:{s:i, s:i, s:I, s:I}}", "run", "ranks", cgap_comm_size(options->comm), "threads",
                           options->threads, "rows", (json_int_t)options->rows, "dim", (json_int_t)options->dim);
  for (size_t k = 0; root && k < bench->count; k++) {
    const cgap_rate *r = &bench->rate[k];
    json_t *entry =
      json_pack("{s:f, s:s, s:o, s:s?, s:o}", "value", r->value, "unit", r->unit, "limit", cgap_number_json(r->limit),
                "limited_by", r->limited_by, "share", cgap_number_json(r->value / r->limit));
    if (json_object_set_new(root, r->key, entry)) {
      json_decref(root);
      return NULL;
    }
  }
  return root;
}

static void print_table(const cgap_bench *bench)
{
  for (size_t k = 0; k < bench->count; k++) {
    const cgap_rate *r = &bench->rate[k];
    printf("%-32s %9.*f %-8s", r->label, r->value < 10 ? 2 : 1, r->value, r->unit);
    if (!isnan(r->limit))
      printf("  %3.0f %% of %s", 100 * r->value / r->limit, r->limited_by);
    putchar('\n');
  }
}

static int print_result(const cgap_bench *bench, const cgap_bench_options *options, cgap_error *error)
{
  if (!opt.json) {
    print_table(bench);
    return cli_flushed();
  }
  json_t *json = to_json(bench, options);
  cgap_status status = json ? cgap_json_print(json, stdout, error) : cgap_fail(error, CGAP_RESOURCE, "memory is out");
  json_decref(json);
  return cli_printed(status, error) ? cli_fail(error) : CGAP_OK;
}

int cmd_bench(int argc, char **argv)
{
  cli_args args;
  cgap_error error;
  cgap_bench bench;
  int code = cli_parse(&args, &spec, argc, argv);
  if (code == CLI_GO && args.count > 0)
    code = cli_usage("bench takes no %s; contragap bench --help says what it takes", args.items[0]);
  if (code == CLI_GO) {
    cgap_bench_options options = CGAP_BENCH_OPTIONS_INIT;
    options.rows = opt.rows;
    options.dim = opt.dim;
    options.threads = cli_rank_threads();
    options.threads = options.threads ? options.threads : cli_cores();
    options.comm = cli_ranks();
    options.progress = cli_progress();
    if (getenv("TMPDIR"))
      options.folder = getenv("TMPDIR");
    cgap_status status = cgap_bench_run(&bench, &options, &error);
    cli_progress_clear();
    code = status ? cli_fail(&error) : print_result(&bench, &options, &error);
  }
  cli_args_clear(&args);
  return code;
}
