/* contragap sweep: training over a grid, the gap against each axis. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/fields.h"
#include "base/memory.h"
#include "base/output_file.h"
#include "cli/gates.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/sweep_results.h"
#include "cli/train_options.h"
#include "comm/comm.h"
#include "head/training/train_options.h"
#include "head/training/training_run.h"
#include "report/overwrite.h"

static struct {
  const char *out;
  cli_forms forms;
  bool resume, allow_missing, keys, all;
  cli_list fail_if;
} opt;

static const cli_option own[] = {
  {"output", 'o', CLI_STRING, &opt.out, "DIR", .help = "where sweep.csv, sweep.json, report.html and the figures go"},
  {"json", 0, CLI_FLAG, &opt.forms.json, .help = "print sweep.json on stdout, and nothing else"},
  {"csv", 0, CLI_FLAG, &opt.forms.csv, .help = "print sweep.csv on stdout: a line per run"},
  CLI_MARKUP_OPTIONS(opt.forms),
  {"all", 0, CLI_FLAG, &opt.all, .help = "print every setting, not the ten best alone"},
  {"fail-if", 0, CLI_LIST, &opt.fail_if, "'KEY>NUMBER'",
   .help = "exit 1 if a measure of any run crosses a threshold (<, <=, >, >=), 4 if it cannot be tested"},
  {"allow-missing", 0, CLI_FLAG, &opt.allow_missing, .help = "only warn if a --fail-if cannot be tested"},
  CLI_KEYS_OPTION(opt.keys),
  {"resume", 0, CLI_FLAG, &opt.resume, .help = "keep the runs that DIR has and make the others"},
  CLI_LANG_OPTION,
  CLI_FORCE_OPTION,
  {0}};

/* ---------------------------------------------------------------- the queue of jobs */

/* A list of jobs distributed over ranks, each to one that is free; rank 0 keeps the results, and does jobs too. */

typedef struct job_queue {
  cgap_comm *comm;
  const size_t *todo; /* (count) of rank 0: numbers of jobs */
  size_t count;
  /* Does a job; *result is a text (free), which for a job that could not be done says so. A failure ends the work of
   * all ranks. */
  cgap_status (*work)(void *context, size_t job, char **result, cgap_error *error);
  cgap_status (*store)(void *context, const char *result, cgap_error *error); /* on rank 0, also within a job */
  void *context;
  size_t next, kept, dismissed; /* of rank 0 */
} job_queue;

enum { JOB_REQUEST, JOB_NUMBER, JOB_RESULT }; /* letters */
static const size_t NO_JOB = SIZE_MAX;

/* Rank 0: a letter of a rank that is free. */
static cgap_status assign_job(job_queue *q, bool *any, cgap_error *error)
{
  int from;
  size_t bytes;
  void *letter;
  cgap_status status = cgap_comm_receive_small(q->comm, JOB_REQUEST, false, &from, &letter, &bytes, error);
  *any = letter != NULL;
  if (status != CGAP_OK || !letter)
    return status;
  const size_t job = q->next < q->count ? q->todo[q->next++] : NO_JOB;
  q->dismissed += job == NO_JOB;
  cgap_free(letter);
  return cgap_comm_send_small(q->comm, from, JOB_NUMBER, &job, sizeof job, error);
}

static cgap_status receive_result(job_queue *q, bool *any, cgap_error *error)
{
  int from;
  size_t bytes;
  void *letter;
  cgap_status status = cgap_comm_receive_small(q->comm, JOB_RESULT, false, &from, &letter, &bytes, error);
  *any = letter != NULL;
  if (status == CGAP_OK && letter) {
    status = q->store(q->context, letter, error);
    q->kept++;
  }
  cgap_free(letter);
  return status;
}

/* From within a job, now and then: rank 0 answers who asks. */
static cgap_status serve_ranks(job_queue *q, cgap_error *error)
{
  bool assigned = true, came = true;
  cgap_status status = CGAP_OK;
  if (!q->comm || cgap_comm_rank(q->comm) > 0)
    return cgap_comm_poll(q->comm, NULL, error);
  while (status == CGAP_OK && (assigned || came)) {
    status = receive_result(q, &came, error);
    if (status == CGAP_OK)
      status = assign_job(q, &assigned, error);
  }
  return status;
}

static cgap_status run_first_rank(job_queue *q, cgap_error *error)
{
  const size_t others = (size_t)cgap_comm_size(q->comm) - 1;
  cgap_status status = CGAP_OK;
  while (status == CGAP_OK && q->next < q->count) {
    char *result = NULL;
    status = q->work(q->context, q->todo[q->next++], &result, error);
    if (status == CGAP_OK)
      status = q->store(q->context, result, error);
    q->kept++;
    free(result);
    if (status == CGAP_OK)
      status = serve_ranks(q, error);
  }
  for (unsigned polls = 0; status == CGAP_OK && (q->kept < q->count || q->dismissed < others); polls++) {
    const size_t before = q->kept + q->dismissed;
    status = serve_ranks(q, error);
    polls = q->kept + q->dismissed > before ? 0 : polls;
    cgap_comm_backoff(polls);
  }
  return status;
}

static cgap_status run_other_rank(job_queue *q, cgap_error *error)
{
  for (;;) {
    int from;
    size_t bytes;
    void *letter = NULL;
    char *result = NULL;
    cgap_status status = cgap_comm_send_small(q->comm, 0, JOB_REQUEST, "", 1, error);
    if (status == CGAP_OK)
      status = cgap_comm_receive_small(q->comm, JOB_NUMBER, true, &from, &letter, &bytes, error);
    if (status != CGAP_OK)
      return status;
    size_t job;
    memcpy(&job, letter, sizeof job);
    cgap_free(letter);
    if (job == NO_JOB)
      return CGAP_OK;
    status = q->work(q->context, job, &result, error);
    if (status == CGAP_OK)
      status = cgap_comm_send_small(q->comm, 0, JOB_RESULT, result, strlen(result) + 1, error);
    free(result);
    if (status != CGAP_OK)
      return status;
  }
}

/* On every rank, until all jobs are done. */
static cgap_status run_job_queue(job_queue *queue, cgap_error *error)
{
  return cgap_comm_rank(queue->comm) == 0 ? run_first_rank(queue, error) : run_other_rank(queue, error);
}

/* ---------------------------------------------------------------- one run */

typedef struct sweep_run {
  cgap_dataset *dataset;
  cgap_train_options base;
  cgap_sweep_grid grid;
  cgap_folder folder;
  sweep_results results;
  cgap_training_data training_data;
  cgap_audit reference[SWEEP_START]; /* of its test part: as it is, and through center */
  bool measured;                     /* these */
  bool prepared;                     /* the training data, for: */
  cgap_train_options prepared_for;
  char data[20]; /* hash of the rows */
  cgap_progress inner;
  job_queue queue;
  cgap_status failed; /* what other ranks reported during a run, with error */
  cgap_error error;
  size_t settings;
  char line[120];
  char source[512];
  double start;
  cgap_threshold *thresholds; /* (opt.fail_if.count) */
} sweep_run;

static bool tick_run(void *context, const char *phase, double fraction)
{
  sweep_run *s = context;
  const double run = strcmp(phase, "training") == 0 ? fraction : 1; /* what follows a training takes little */
  if (!s->failed)
    s->failed = serve_ranks(&s->queue, &s->error);
  return s->failed || (s->inner.tick && s->inner.tick(s->inner.context, s->line,
                                                      ((double)s->queue.kept + run) / fmax(1, (double)s->queue.count)));
}

/* The training data is kept while no option changes that it depends on. */
static cgap_status prepare_training_data(sweep_run *s, const cgap_train_options *o, cgap_error *error)
{
  if (s->prepared && cgap_train_same_data(&s->prepared_for, o))
    return CGAP_OK;
  cgap_training_data_clear(&s->training_data);
  s->measured = false;
  cgap_train_options quiet = *o;
  quiet.progress = (cgap_progress){0};
  quiet.threads = cli_rank_threads();
  quiet.comm = cli_ranks(); /* for the memory, which those of a node share; each trains alone */
  cgap_status status = cgap_training_data_open(&s->training_data, cgap_dataset_data(s->dataset), &quiet, false, error);
  s->prepared = status == CGAP_OK;
  s->prepared_for = *o;
  return status;
}

/* head NULL: the test part as it is. full: all measures, else those that heads are compared by. */
static cgap_status audit_through(cgap_audit *out, const sweep_run *s, const cgap_head *head, bool full,
                                 cgap_error *error)
{
  cgap_transformed through = {.data = s->training_data.test.data};
  cgap_audit_options how = CGAP_AUDIT_OPTIONS_INIT;
  how.threads = cli_rank_threads();
  how.memory_bytes = cgap_memory_limit(cli_shared.memory_bytes, cli_ranks());
  how.contributions = true;
  how.brief = !full;
  cgap_audit_clear(out);
  cgap_status status = CGAP_OK;
  if (head)
    status = cgap_transformed_init(&through, &s->training_data.test.data, head, !s->training_data.plan.resident,
                                   how.threads, error);
  if (status == CGAP_OK)
    status = cgap_audit_run(out, &through.data, &how, error);
  cgap_transformed_clear(&through);
  return status;
}

/* What does not depend on the head is measured once for the same training data. */
static cgap_status measure_references(sweep_run *s, cgap_error *error)
{
  cgap_head *center = NULL;
  if (s->measured)
    return CGAP_OK;
  cgap_status status = cgap_gap_method_fit_rows(&center, CGAP_CENTER, 1, &s->training_data.training, error);
  if (status == CGAP_OK)
    status = audit_through(&s->reference[SWEEP_BEFORE], s, NULL, false, error);
  if (status == CGAP_OK)
    status = audit_through(&s->reference[SWEEP_CENTER], s, center, false, error);
  s->measured = status == CGAP_OK;
  cgap_head_close(center);
  return status;
}

/* The head of a run, its start and its references. */
static cgap_status measure_run(sweep_run *s, const cgap_training_result *result, cgap_audit *head, cgap_audit *start,
                               cgap_against *against, cgap_error *error)
{
  const cgap_audit *const rivals[CGAP_RIVALS] = {
    [CGAP_RIVAL_CENTER] = &s->reference[SWEEP_CENTER], [CGAP_RIVAL_START] = start};
  cgap_status status = measure_references(s, error);
  if (status == CGAP_OK)
    status = audit_through(start, s, result->start_head, false, error);
  if (status == CGAP_OK)
    status = audit_through(head, s, result->head, true, error);
  return status == CGAP_OK ? cgap_against_init(against, rivals, head, error) : status;
}

/* *out: what came of it, NULL where nothing that can be kept. */
static cgap_status run_one(sweep_run *s, json_t *setting, const cgap_train_options *o, json_t *options, json_t **out,
                           cgap_error *error)
{
  cgap_training_result training_result = {0};
  cgap_audit head = {0}, start = {0};
  cgap_against against = {0};
  const cgap_training_output nowhere = {0};
  cgap_status status = prepare_training_data(s, o, error);
  if (status == CGAP_OK)
    status = cgap_train_check_batch(o, &s->training_data.training, error);
  if (status == CGAP_OK)
    status = cgap_training_run(&training_result, &s->training_data, o, &nowhere, NULL, error);
  const bool diverged = status == CGAP_USAGE && training_result.head;
  if (status == CGAP_OK)
    status = measure_run(s, &training_result, &head, &start, &against, error);
  const sweep_measured measured = {.head = &head,
                                   .reference = {&s->reference[SWEEP_BEFORE], &s->reference[SWEEP_CENTER], &start},
                                   .against = &against};
  /* among several ranks one that fails marks its run, and all go on; a later --resume tries it again */
  const bool marked = s->queue.comm && !s->failed && status != CGAP_OK && status != CGAP_INTERRUPTED;
  if (status == CGAP_OK || diverged || marked)
    *out =
      sweep_run_json(setting, s->data, options, &training_result, status == CGAP_OK ? &measured : NULL, error->message);
  if (marked && !diverged) {
    char why[sizeof error->message + 300];
    snprintf(why, sizeof why, "rank %d on %s: %s", cgap_comm_rank(s->queue.comm), cgap_comm_node(s->queue.comm),
             error->message);
    json_object_set_new(*out, "why", cgap_json_string(why));
    json_object_set_new(*out, "failed", json_true());
  }
  if (*out)
    status = CGAP_OK;
  cgap_audit_clear(&head);
  cgap_audit_clear(&start);
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
  cgap_status status = cli_check_forms("sweep", &opt.forms, error);
  if (status == CGAP_OK)
    status = cli_thresholds(&s->thresholds, &opt.fail_if, 0, error);
  if (status == CGAP_OK)
    status = cli_train_options(&s->base, error);
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

static const char *const results[] = {"sweep.csv", "sweep.json", "report.html", NULL};
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
  return status == CGAP_OK ? cgap_overwrite_folder(opt.out, CGAP_FOLDER_SWEEP, written, cli_shared.force, error)
                           : status;
}

/* Of an earlier sweep, before its runs: whatever ends the program, those of the new one are never next to them. */
static void remove_results(const char *folder)
{
  char path[CGAP_PATH];
  cgap_error ignored;
  if (cgap_folder_file(path, folder, "runs.jsonl", &ignored) != CGAP_OK || access(path, F_OK) != 0)
    return;
  cgap_overwrite_remove_figures(folder, CGAP_FOLDER_SWEEP);
  for (const char *const *name = results; *name; name++)
    if (cgap_folder_file(path, folder, *name, &ignored) == CGAP_OK)
      (void)remove(path); /* a file that stays is replaced at the end */
}

static cgap_status open_folder(sweep_run *s, cgap_error *error)
{
  cgap_status status = cgap_overwrite_inputs(opt.out, written, s->dataset, NULL, 0, error);
  if (status == CGAP_OK)
    status = cgap_folder_open_alone(&s->folder, opt.out, error);
  if (status == CGAP_OK)
    status = check_folder(error);
  if (status == CGAP_OK && !opt.resume)
    remove_results(s->folder.path);
  return status == CGAP_OK ? sweep_results_open(&s->results, opt.out, opt.resume, s->data, error) : status;
}

/* A setting's options as they are written in the runs, and its spelling. */
static cgap_status spell_setting(const sweep_run *s, size_t k, cgap_train_options *o, json_t **options,
                                 json_t **setting, cgap_error *error)
{
  cgap_status status = sweep_setting_options(o, &s->grid, &s->base, k, error);
  *options = status == CGAP_OK ? sweep_options_json(o, cgap_dataset_data(s->dataset)->image.dim) : NULL;
  size_t index[CGAP_AXES_MAX];
  cgap_sweep_grid_setting(&s->grid, k, index);
  *setting = status == CGAP_OK ? sweep_setting_json(&s->grid, index, SWEEP_ALL) : NULL;
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
  if (status == CGAP_OK && (json_object_set_new(run, "line", cgap_json_string(s->line)) != 0 ||
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

static cgap_status fail_interrupted(const sweep_run *s, cgap_error *error)
{
  return cgap_fail(error, CGAP_INTERRUPTED,
                   "interrupted; %s holds %zu of %zu runs: the same command with --resume goes on from there", opt.out,
                   json_array_size(s->results.runs), s->settings);
}

static cgap_status run_queue(sweep_run *s, cgap_error *error)
{
  s->settings = cgap_sweep_grid_settings(&s->grid);
  size_t *todo = calloc(s->settings, sizeof *todo), missing = 0;
  cgap_status status = todo ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory");
  if (status == CGAP_OK && cli_ranks_first())
    status = find_missing_runs(s, todo, &missing, error);
  s->queue = (job_queue){
    .comm = cli_ranks(), .todo = todo, .count = missing, .work = run_job, .store = store_result, .context = s};
  if (status == CGAP_OK)
    status = run_job_queue(&s->queue, error);
  cli_progress_clear();
  if (status == CGAP_INTERRUPTED)
    status = fail_interrupted(s, error);
  else if (status == CGAP_OK && cli_ranks_first() && missing < s->settings)
    cli_say("%zu of %zu runs existed already", s->settings - missing, s->settings);
  if (status == CGAP_OK && cli_ranks_first()) /* they came in any order */
    status = find_missing_runs(s, todo, &missing, error);
  free(todo);
  return status;
}

/* ---------------------------------------------------------------- thresholds */

/* "dim 32, loss clip, seed 1" */
static void setting_words(char out[200], const json_t *run)
{
  const char *axis;
  json_t *value;
  size_t used = 0;
  out[0] = '\0';
  json_object_foreach(json_object_get(run, "setting"), axis, value) if (used < 200) used +=
    (size_t)snprintf(out + used, 200 - used, "%s%s %s", used ? ", " : "", axis, json_string_value(value));
}

/* of: a run of the sweep */
static cgap_status test_run(const cgap_threshold *t, const char *key, const void *of, double *value, cgap_error *error)
{
  const char *why = json_string_value(json_object_get(of, "why"));
  const json_t *found = json_object_get(json_object_get(of, "results"), key);
  char setting[200];
  setting_words(setting, of);
  *value = json_is_number(found) ? json_number_value(found) : NAN;
  if (!found)
    return cgap_fail(error, CGAP_DATA, "%s is not in the results of the sweep (%s)", key, setting);
  if (!isfinite(*value))
    return cgap_fail(error, CGAP_DATA, "%s is null (%s%s%s)", key, setting, why ? ": " : "", why ? why : "");
  if (!cgap_threshold_crosses(t, *value))
    return CGAP_OK;
  return cgap_fail(error, CGAP_CROSSED, "%s is %.6g (%s)", key, *value, setting);
}

/* All of them of every run: outcomes, or NULL, gets what came of each; *code, or NULL, the exit code, and what crosses
 * is said. */
static cgap_status test_thresholds(const sweep_run *s, json_t *outcomes, int *code, cgap_error *error)
{
  size_t k;
  const json_t *run;
  for (size_t i = 0; i < opt.fail_if.count; i++)
    json_array_foreach(s->results.runs, k, run)
    {
      cgap_error why;
      char setting[200];
      setting_words(setting, run);
      const cgap_status status = cgap_threshold_run(&s->thresholds[i], test_run, run, outcomes, "run", setting, &why);
      if (status == CGAP_RESOURCE)
        return cgap_fail(error, status, "out of memory");
      if (code)
        *code = cli_fail_if(*code, &s->thresholds[i], status, &why, opt.allow_missing);
    }
  return CGAP_OK;
}

/* The runs have been kept already: runs.jsonl is none of what is replaced. */
static cgap_status write_results(const sweep_run *s, const cgap_run *run, cgap_error *error)
{
  cgap_stage stage;
  cgap_error ignored;
  json_t *outcomes = opt.fail_if.count ? json_array() : NULL;
  cgap_status status = opt.fail_if.count && !outcomes ? cgap_fail(error, CGAP_RESOURCE, "out of memory")
                                                      : test_thresholds(s, outcomes, NULL, error);
  if (status == CGAP_OK)
    status = cgap_stage_open(&stage, s->folder.path, error);
  if (status != CGAP_OK) {
    json_decref(outcomes);
    return status;
  }
  status = sweep_results_write(&s->results, &s->grid, stage.path, run, outcomes, error);
  json_decref(outcomes);
  if (status == CGAP_OK)
    status = sweep_report_write(&s->results, &s->grid, stage.path, run, s->source, cli_warn_line, error);
  if (status == CGAP_OK)
    return cgap_overwrite_replace(&stage, CGAP_FOLDER_SWEEP, results, error);
  if (status == CGAP_INTERRUPTED)
    (void)fail_interrupted(s, error);
  return cgap_stage_close(&stage, false, &ignored) == CGAP_OK ? status : ignored.status;
}

/* ---------------------------------------------------------------- the command */

static cgap_status run_all(sweep_run *s, const cli_args *args, cgap_error *error)
{
  cgap_input_options input;
  cli_modalities names;
  s->inner = cli_progress();
  s->start = cli_seconds();
  cgap_status status = cli_input(&input, &names, args, error);
  if (status == CGAP_OK)
    status = read_grid(s, error);
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
  const cgap_run run = cli_run(args->command_line, cli_rank_threads(), s->start);
  if (status == CGAP_OK) {
    const cgap_data *data = cgap_dataset_data(s->dataset);
    s->results.images = data->image.rows;
    s->results.names = *cli_names();
    s->results.names.language = cli_language();
    s->results.texts = data->text.rows;
    s->results.dim = data->image.dim;
  }
  if (status == CGAP_OK)
    status = write_results(s, &run, error);
  if (status == CGAP_OK && (opt.forms.json || opt.forms.csv))
    status = cli_print_file(opt.out, opt.forms.json ? "sweep.json" : "sweep.csv", error);
  else if (status == CGAP_OK && (opt.forms.markdown || opt.forms.latex)) {
    status = sweep_report_markup(&s->results, &s->grid, opt.forms.latex ? CGAP_LATEX : CGAP_MARKDOWN, error);
    status = cli_printed(status, error);
  } else if (status == CGAP_OK) {
    const cgap_paper paper = cli_paper();
    status = sweep_report_print(&s->results, &s->grid, opt.all, &paper, error);
    status = cli_printed(status, error);
  }
  if (status == CGAP_OK)
    cli_wrote_folder(opt.out, "sweep.csv, sweep.json, runs.jsonl and figures");
  return status;
}

static int run_sweep(const cli_args *args)
{
  sweep_run s = {0};
  cgap_error error = {0};
  if (opt.keys)
    return cli_keys(CGAP_KEYS_OF_SWEEP, NULL, NULL, opt.forms.json);
  cli_arena_per_thread();
  cli_source_name(s.source, sizeof s.source, args);
  int code = CGAP_OK;
  if (run_all(&s, args, &error) != CGAP_OK) {
    cli_train_name_flag(&error);
    code = cli_fail(&error);
    cgap_folder_abandon(&s.folder);
  } else if (cli_ranks_first() && test_thresholds(&s, NULL, &code, &error) != CGAP_OK)
    code = cli_fail(&error);
  free(s.thresholds);
  cgap_training_data_clear(&s.training_data);
  for (int k = 0; k < SWEEP_START; k++)
    cgap_audit_clear(&s.reference[k]);
  sweep_results_clear(&s.results);
  cgap_sweep_grid_clear(&s.grid);
  cgap_dataset_close(s.dataset);
  return code;
}

static void prepare(void)
{
  cli_train_options_build(true);
}

const cli_spec cmd_sweep = {
  .name = "sweep",
  .summary = "training over a grid: the gap against each axis",
  .usage = "FILE… -o DIR",
  .example = "contragap sweep pairs.h5 -o out --dim 32,64,128 --loss clip,cua --seeds 1,2,3\n"
             "contragap sweep pairs.h5 -o noise --loss clip --noise 0,0.1,0.3 \\\n"
             "  --temperature 0.01,0.1",
  .about =
    "Trains a head for every combination of the lists and measures each on the test part: how the gap, "
    "uniformity, alignment and recall depend on capacity, batch size, temperature, loss and mismatched pairs. Each is "
    "shown next to the original embeddings, to subtracting the means and to its start; the best comes first, by "
    "numbers of the test part.",
  .groups = {{"Options", own},
             {"Grid", cli_grid_options},
             {"Head", cli_head_options},
             {"Training", cli_training_options},
             CLI_INPUT_GROUP,
             CLI_RUN_GROUP},
  .argument = "FILE",
  .distributed = true,
  .prepare = prepare,
  .run = run_sweep,
};
