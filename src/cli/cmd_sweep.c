/* contragap sweep: training over a grid, the gap against each axis. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/fields.h"
#include "base/output_file.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/job_queue.h"
#include "cli/options.h"
#include "cli/overwrite.h"
#include "cli/progress.h"
#include "cli/ranks.h"
#include "cli/sweep_figures.h"
#include "cli/sweep_results.h"
#include "cli/train_options.h"
#include "comm/comm.h"
#include "head/training/training_run.h"
#include "head/training/train_options.h"

static struct {
  const char *out;
  bool resume;
} opt;

static const cli_option own[] = {{.name = "output",
                                  .letter = 'o',
                                  .kind = CLI_STRING,
                                  .target = &opt.out,
                                  .value = "DIR",
                                  .help = "where sweep.csv, sweep.json, report.html and the figures go"},
                                 {.name = "resume",
                                  .kind = CLI_FLAG,
                                  .target = &opt.resume,
                                  .help = "keep the runs that DIR has, go on with the others"},
                                 CLI_FORCE_OPTION,
                                 {0}};

static const cli_spec spec = {
  .name = "sweep",
  .usage = "FILE… -o DIR",
  .example = "contragap sweep pairs.h5 -o out --dim 32,64,128 --loss clip,cua --seeds 1,2,3\n"
             "contragap sweep pairs.h5 -o noise --loss clip --noise 0,0.1,0.3 \\\n"
             "  --temperature 0.01,0.1",
  .about = "Trains a head for every combination of the lists and measures each on the test part: how the gap, "
           "uniformity, alignment and recall depend on capacity, batch size, temperature, loss and mismatched pairs.",
  .groups = {{"Options", own},
             {"Grid", cli_grid_options},
             {"Head", cli_head_options},
             {"Training", cli_training_options},
             CLI_INPUT_GROUP,
             CLI_RUN_GROUP},
  .argument = "FILE",
};

typedef struct sweep_run {
  cgap_dataset *dataset;
  cgap_train_options base;
  cgap_sweep_grid grid;
  cgap_folder folder;
  sweep_results results;
  cgap_training_data training_data;
  bool prepared; /* the training data, for: */
  cgap_train_options prepared_for;
  char data[20]; /* hash of the rows */
  cgap_progress inner;
  cli_job_queue farm;
  cgap_status failed; /* what was heard of other ranks during a run, with error */
  cgap_error error;
  size_t settings;
  char line[120];
  char *command_line;
  char source[512];
  double start;
} sweep_run;

/* ---------------------------------------------------------------- one run */

static bool tick_run(void *context, const char *phase, double fraction)
{
  sweep_run *s = context;
  const double run = strcmp(phase, "training") == 0 ? fraction : 1; /* what follows a training takes little */
  if (!s->failed)
    s->failed = cli_job_queue_serve(&s->farm, &s->error);
  return s->failed || (s->inner.tick && s->inner.tick(s->inner.context, s->line,
                                                      ((double)s->farm.kept + run) / fmax(1, (double)s->farm.count)));
}

/* The training data is kept while no option changes that it depends on. */
static cgap_status prepare_training_data(sweep_run *s, const cgap_train_options *o, cgap_error *error)
{
  if (s->prepared && cgap_train_same_data(&s->prepared_for, o))
    return CGAP_OK;
  cgap_training_data_clear(&s->training_data);
  cgap_train_options quiet = *o;
  quiet.progress = (cgap_progress){0};
  quiet.threads = cli_rank_threads();
  quiet.comm = cli_ranks(); /* for the memory, which those of a node share; each trains alone */
  cgap_status status = cgap_training_data_open(&s->training_data, cgap_dataset_data(s->dataset), &quiet, false, error);
  s->prepared = status == CGAP_OK;
  s->prepared_for = *o;
  return status;
}

/* *out: what came of it, NULL where nothing that can be kept. */
static cgap_status run_one(sweep_run *s, json_t *setting, const cgap_train_options *o, json_t *options, json_t **out,
                           cgap_error *error)
{
  cgap_training_result training_result = {0};
  cgap_transformed through = {0};
  cgap_audit audit = {0};
  cgap_audit_options how = CGAP_AUDIT_OPTIONS_INIT;
  how.threads = cli_rank_threads();
  how.memory_bytes = cgap_memory_limit(cli_shared.memory_bytes, cli_ranks());
  const cgap_training_output nowhere = {0};
  cgap_status status = prepare_training_data(s, o, error);
  if (status == CGAP_OK)
    status = cgap_train_check_batch(o, &s->training_data.training, error);
  if (status == CGAP_OK)
    status = cgap_training_run(&training_result, &s->training_data, o, &nowhere, NULL, error);
  const bool diverged = status == CGAP_USAGE && training_result.head;
  if (status == CGAP_OK)
    status = cgap_transformed_init(&through, &s->training_data.test.data, training_result.head,
                                   !s->training_data.plan.resident, how.threads, error);
  if (status == CGAP_OK)
    status = cgap_audit_run(&audit, &through.data, &how, error);
  /* among several ranks one that fails marks its run, and all go on; a later --resume tries it again */
  const bool marked = s->farm.comm && !s->failed && status != CGAP_OK && status != CGAP_INTERRUPTED;
  if (status == CGAP_OK || diverged || marked)
    *out =
      sweep_run_json(setting, s->data, options, &training_result, status == CGAP_OK ? &audit : NULL, error->message);
  if (marked && !diverged) {
    char why[sizeof error->message + 300];
    snprintf(why, sizeof why, "rank %d on %s: %s", cgap_comm_rank(s->farm.comm), cgap_comm_node(s->farm.comm),
             error->message);
    json_object_set_new(*out, "why", json_string(why));
    json_object_set_new(*out, "failed", json_true());
  }
  if (*out)
    status = CGAP_OK;
  cgap_audit_clear(&audit);
  cgap_transformed_clear(&through);
  cgap_training_result_clear(&training_result);
  return status;
}

/* ---------------------------------------------------------------- all */

static cgap_status read_grid(sweep_run *s, cgap_error *error)
{
  if (!opt.out)
    return cgap_fail(error, CGAP_USAGE, "sweep: give -o DIR, the folder for the results");
  if (opt.resume && cli_shared.force)
    return cgap_fail(error, CGAP_USAGE, "sweep: --resume goes on and --force starts over; give one of them");
  if (cli_shared.seed)
    return cgap_fail(error, CGAP_USAGE, "sweep: --seed is of one run; give --seeds %llu",
                     (unsigned long long)cli_shared.seed);
  cgap_status status = cli_train_options(&s->base, error);
  for (int a = 0; status == CGAP_OK && a < cgap_axis_count(); a++)
    if (cli_grid[a])
      status = cgap_sweep_grid_set(&s->grid, a, cli_grid[a], error);
  return status;
}

/* Every setting is checked before the first one is trained; the data are split for those that name a batch. */
static cgap_status check_all(sweep_run *s, cgap_error *error)
{
  const size_t settings = cgap_sweep_grid_settings(&s->grid), dim = cgap_dataset_data(s->dataset)->image.dim;
  cgap_status status = CGAP_OK;
  cgap_train_options o;
  for (size_t k = 0; status == CGAP_OK && k < settings; k++) {
    status = sweep_setting_options(&o, &s->grid, &s->base, k, error);
    if (status == CGAP_OK)
      status = cgap_train_check(&o, dim, error);
  }
  for (size_t k = 0; status == CGAP_OK && k < settings; k++) {
    status = sweep_setting_options(&o, &s->grid, &s->base, k, error);
    if (status != CGAP_OK || (k > 0 && (o.batch == 0 || o.batch == CGAP_BATCH_AUTO)))
      continue;
    status = prepare_training_data(s, &o, error);
    if (status == CGAP_OK)
      status = cgap_train_check_batch(&o, &s->training_data.training, error);
    if (status == CGAP_RESOURCE && !cli_ranks_first()) /* what this rank alone lacks its runs will say */
      status = CGAP_OK;
  }
  return status;
}

static cgap_status name_data(sweep_run *s, cgap_error *error)
{
  uint64_t hash = 0;
  cgap_status status = cgap_data_hash(&hash, cgap_dataset_data(s->dataset), error);
  snprintf(s->data, sizeof s->data, "%016llx", (unsigned long long)hash);
  return status;
}

static const char *const written[] = {"sweep.csv", "sweep.json", "report.html", "runs.jsonl", NULL};

/* Before anything is read, and again when no other process writes there: the folder is made when all has been checked.
 */
static cgap_status check_folder(cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_status status = cgap_folder_file(path, opt.out, "runs.jsonl", error);
  if (status == CGAP_OK && !opt.resume && !cli_shared.force && access(path, F_OK) == 0)
    return cgap_fail(error, CGAP_FILE,
                     "%s: holds another sweep (runs.jsonl); give --resume to go on with it, --force to replace it, or "
                     "another folder",
                     opt.out);
  return status == CGAP_OK ? cli_overwrite_folder(opt.out, CLI_FOLDER_SWEEP, written, error) : status;
}

static cgap_status open_folder(sweep_run *s, cgap_error *error)
{
  cgap_status status = cli_overwrite_inputs(opt.out, written, s->dataset, NULL, 0, error);
  if (status == CGAP_OK)
    status = cgap_folder_open_alone(&s->folder, opt.out, error);
  if (status == CGAP_OK)
    status = check_folder(error);
  return status == CGAP_OK ? sweep_results_open(&s->results, opt.out, opt.resume, s->data, error) : status;
}

/* A setting's options as they stand in the runs, and its spelling. */
static cgap_status spell_setting(const sweep_run *s, size_t k, cgap_train_options *o, json_t **options,
                                 json_t **setting, cgap_error *error)
{
  cgap_status status = sweep_setting_options(o, &s->grid, &s->base, k, error);
  *options = status == CGAP_OK ? sweep_options_json(o, cgap_dataset_data(s->dataset)->image.dim) : NULL;
  *setting = status == CGAP_OK ? sweep_setting_json(&s->grid, k) : NULL;
  return status;
}

static cgap_status run_job(void *context, size_t k, char **result, cgap_error *error)
{
  sweep_run *s = context;
  cgap_train_options o;
  json_t *options = NULL, *setting = NULL, *run = NULL;
  cgap_status status = spell_setting(s, k, &o, &options, &setting, error);
  o.progress = (cgap_progress){.tick = tick_run, .context = s};
  o.threads = cli_rank_threads();
  snprintf(s->line, sizeof s->line, "sweep, run %zu of %zu", k + 1, s->settings);
  cli_interrupt_set_message("%s holds %zu of %zu runs: the same command with --resume goes on from there", opt.out,
                            json_array_size(s->results.runs), s->settings);
  if (status == CGAP_OK)
    status = run_one(s, setting, &o, options, &run, error);
  if (s->failed) {
    *error = s->error;
    status = s->failed;
  }
  if (status == CGAP_OK && (json_object_set_new(run, "line", json_string(s->line)) != 0 ||
                            !(*result = cgap_json_text(run, JSON_COMPACT | JSON_PRESERVE_ORDER))))
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory");
  json_decref(options);
  json_decref(setting);
  json_decref(run);
  return status;
}

static cgap_status store_result(void *context, const char *result, cgap_error *error)
{
  sweep_run *s = context;
  json_t *run = json_loads(result, 0, NULL);
  const char *why = json_string_value(json_object_get(run, "why"));
  if (why) {
    cli_progress_clear();
    cli_warn("%s: %s", json_string_value(json_object_get(run, "line")), why);
  }
  json_object_del(run, "line");
  return sweep_results_add(&s->results, run, error);
}

/* The runs of the present grid that the file has, in the grid's order; todo (settings): those that it has not. */
static cgap_status find_missing_runs(sweep_run *s, size_t *todo, size_t *missing, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  *missing = 0;
  json_array_clear(s->results.runs);
  for (size_t k = 0; status == CGAP_OK && k < s->settings; k++) {
    cgap_train_options o;
    bool there = false;
    json_t *options = NULL, *setting = NULL;
    status = spell_setting(s, k, &o, &options, &setting, error);
    if (status == CGAP_OK)
      status = sweep_results_take(&s->results, options, setting, &there, error);
    if (!there)
      todo[(*missing)++] = k;
    json_decref(options);
    json_decref(setting);
  }
  return status;
}

static cgap_status run_queue(sweep_run *s, cgap_error *error)
{
  s->settings = cgap_sweep_grid_settings(&s->grid);
  size_t *todo = calloc(s->settings, sizeof *todo), missing = 0;
  cgap_status status = todo ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory");
  if (status == CGAP_OK && cli_ranks_first())
    status = find_missing_runs(s, todo, &missing, error);
  s->farm = (cli_job_queue){
    .comm = cli_ranks(), .todo = todo, .count = missing, .work = run_job, .store = store_result, .context = s};
  if (status == CGAP_OK)
    status = cli_job_queue_run(&s->farm, error);
  cli_progress_clear();
  if (status == CGAP_INTERRUPTED)
    status = cgap_fail(error, status,
                       "interrupted; %s holds %zu of %zu runs: the same command with --resume goes on from there",
                       opt.out, json_array_size(s->results.runs), s->settings);
  else if (status == CGAP_OK && cli_ranks_first() && missing < s->settings)
    cli_say("%zu of %zu runs were there already", s->settings - missing, s->settings);
  if (status == CGAP_OK && cli_ranks_first()) /* they came in any order */
    status = find_missing_runs(s, todo, &missing, error);
  free(todo);
  return status;
}

static void warn_line(const char *line)
{
  cli_warn("%s", line);
}

static cgap_status run_all(sweep_run *s, const cli_args *args, cgap_error *error)
{
  cgap_input_options input = cli_input(args);
  s->inner = cli_progress();
  s->start = cli_seconds();
  cgap_status status = read_grid(s, error);
  if (status == CGAP_OK && cli_ranks_first())
    status = check_folder(error);
  if (status == CGAP_OK)
    status = cli_open(&s->dataset, &input, error);
  if (status == CGAP_OK)
    status = check_all(s, error);
  if (status == CGAP_OK)
    status = name_data(s, error);
  if (status == CGAP_OK && cli_ranks_first())
    status = open_folder(s, error);
  if (status == CGAP_OK)
    status = run_queue(s, error);
  if (!cli_ranks_first())
    return status;
  const cgap_run run = {.command_line = s->command_line,
                        .seed = cli_shared.seed,
                        .threads = cli_rank_threads() ? cli_rank_threads() : cli_cores(),
                        .rank_count = cli_ranks() ? cgap_comm_size(cli_ranks()) : 0,
                        .seconds = cli_seconds() - s->start,
                        .peak_memory_bytes = cgap_peak_memory_bytes()};
  if (status == CGAP_OK) {
    const cgap_data *data = cgap_dataset_data(s->dataset);
    s->results.images = data->image.rows;
    s->results.texts = data->text.rows;
    s->results.dim = data->image.dim;
  }
  if (status == CGAP_OK)
    status = sweep_results_write(&s->results, &s->grid, opt.out, &run, error);
  if (status == CGAP_OK)
    status = sweep_figures_write(&s->results, &s->grid, opt.out, &run, s->source, warn_line, error);
  if (status == CGAP_OK) {
    sweep_results_print(&s->results, &s->grid, cli_paper().columns);
    status = cli_printed(CGAP_OK, error);
  }
  return status;
}

static int run_sweep(const cli_args *args, int argc, char **argv)
{
  sweep_run s = {0};
  cgap_error error = {0};
  s.command_line = cli_command_line(argc, argv);
  cli_source_name(s.source, sizeof s.source, args);
  int code = CGAP_OK;
  if (run_all(&s, args, &error) != CGAP_OK) {
    cli_train_name_flag(&error);
    code = cli_fail(&error);
    cgap_folder_abandon(&s.folder);
  }
  cgap_training_data_clear(&s.training_data);
  sweep_results_clear(&s.results);
  cgap_sweep_grid_clear(&s.grid);
  free(s.command_line);
  cgap_dataset_close(s.dataset);
  return code;
}

int cmd_sweep(int argc, char **argv)
{
  cli_args args;
  cli_train_options_build(true);
  int code = cli_parse(&args, &spec, argc, argv);
  if (code == CLI_GO)
    code = run_sweep(&args, argc, argv);
  cli_args_clear(&args);
  return code;
}
