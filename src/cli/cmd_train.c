/* contragap train: fits a head on the training part, measures before and after on the test part. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/language.h"
#include "base/text_buffer.h"
#include "cli/gates.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/train_folder.h"
#include "cli/train_options.h"
#include "head/model/loss.h"
#include "head/training/choice.h"
#include "io/find/dataset.h"
#include "io/find/row_names.h"
#include "report/changes_show.h"
#include "report/comparison_show.h"
#include "report/overwrite.h"

enum { RUNS_MAX = CGAP_NAMED_LOSSES };

/* The table has the start and the first four methods; the page and compare.json have all of them. */
enum { COLUMNS_SHOWN = 5 };

static struct {
  const char *out, *race, *tensorboard;
  cli_forms forms;
  bool resume, history_csv, export, dry_run, allow_missing, keys, all;
  cli_list fail_if;
  int select, goal;
} opt = {.select = -1, .goal = -1};

enum { SELECT_AUTO, SELECT_NONE };
static const char *const SELECTS[] = {"auto", "none", NULL};

static const cli_option own[] = {
  {"output", 'o', CLI_STRING, &opt.out, "DIR", .help = "where head.h5, the reports and the figures go"},
  {"select", 0, CLI_CHOICE, &opt.select, NULL,
   "choose among candidates by held-out rows: the embeddings as they are, methods that need no training, and heads; "
   "or train one head",
   "auto, unless options say how to train", 0, 0, SELECTS},
  {"goal", 0, CLI_CHOICE, &opt.goal, NULL,
   "what the choice is for: search in one index of both modalities and in the other one; in the other one alone; or "
   "the class of an image",
   "mixed, or zero-shot where class texts take the place of texts", 0, 0, cgap_goal_names},
  {"race", 0, CLI_STRING, &opt.race, "LOSS,LOSS", .help = "train with several losses and compare them"},
  {"json", 0, CLI_FLAG, &opt.forms.json, .help = "print compare.json on stdout, and nothing else"},
  {"csv", 0, CLI_FLAG, &opt.forms.csv, .help = "print every measure and difference as comma-separated values"},
  CLI_MARKUP_OPTIONS(opt.forms),
  {"all", 0, CLI_FLAG, &opt.all, .help = "print every measure, also of the methods that need no training"},
  {"fail-if", 0, CLI_LIST, &opt.fail_if, "'KEY>NUMBER'",
   .help =
     "exit 1 if a measure of after.json crosses a threshold (<, <=, >, >=), or of before.json with before:KEY, or "
     "their difference with diff:KEY; 4 if it cannot be tested"},
  {"allow-missing", 0, CLI_FLAG, &opt.allow_missing, .help = "only warn if a --fail-if cannot be tested"},
  CLI_KEYS_OPTION(opt.keys),
  {"history-csv", 0, CLI_FLAG, &opt.history_csv, .help = "also write history.csv, one line per epoch"},
  {"export", 0, CLI_FLAG, &opt.export, .help = "also write head.safetensors, for PyTorch, JAX and others"},
  {"tensorboard", 0, CLI_STRING, &opt.tensorboard, "DIR",
   .help = "write each epoch's losses and measures as TensorBoard events; in a race, one folder per loss"},
  {"resume", 0, CLI_FLAG, &opt.resume, .help = "continue from the checkpoint in DIR"},
  CLI_LANG_OPTION,
  CLI_FORCE_OPTION,
  {"dry-run", 0, CLI_FLAG, &opt.dry_run, .help = "print where rows are kept and the memory that needs, and stop"},
  {0}};

/* One training of the command: alone, or one of a race. */
typedef struct race_run {
  char name[16], prefix[20];
  char events[CGAP_PATH]; /* folder for TensorBoard, or "" */
  cgap_train_options options;
  cgap_training_result training_result;
  cgap_against against;
  cgap_changes changes; /* of the test part, from as it is to through the head */
} race_run;

typedef struct train_run {
  cgap_dataset *dataset;
  cgap_data data;
  cgap_train_options options;
  race_run run[RUNS_MAX];
  size_t runs;
  bool chooses; /* among candidates, else it trains as asked */
  unsigned fixed;
  cgap_choice choice;
  cgap_pilot pilot;
  cgap_recommendation recommendation;
  char fingerprint[CGAP_FINGERPRINT]; /* of a choice: its data and options */
  cgap_folder folder, events;
  cgap_training_data training_data;
  cgap_evaluation evaluation;
  cgap_row_names names;
  cgap_progress inner; /* the program's own */
  char line[160];      /* what the progress line says */
  json_t *input;
  char source[512];
  double start;
  cgap_threshold *thresholds; /* (opt.fail_if.count) */
} train_run;

/* ---------------------------------------------------------------- options */

static void name_run(race_run *r, const char *name, const char *prefix)
{
  snprintf(r->name, sizeof r->name, "%s", name);
  snprintf(r->prefix, sizeof r->prefix, "%s", prefix);
}

/* --race clip,cua: a run for each loss. */
static cgap_status list_runs(train_run *t, cgap_error *error)
{
  if (!opt.race) {
    name_run(&t->run[0], "after", "");
    t->run[0].options = t->options;
    t->runs = 1;
    return CGAP_OK;
  }
  if (cli_loss_given())
    return cgap_fail(error, CGAP_USAGE, "train: --loss is one loss and --race several; give one of them");
  for (const char *at = opt.race; *at;) {
    const size_t length = strcspn(at, ",");
    char prefix[20];
    const int loss = cgap_loss_find(at, length);
    if (loss < 0 || t->runs == RUNS_MAX)
      return cgap_fail(error, CGAP_USAGE, "--race %.80s: give some of clip,cua,cuaxu, each once", opt.race);
    const char *name = cgap_loss_names[loss];
    for (size_t k = 0; k < t->runs; k++)
      if (strcmp(t->run[k].name, name) == 0)
        return cgap_fail(error, CGAP_USAGE, "--race %.80s: %s is given twice", opt.race, name);
    race_run *r = &t->run[t->runs++];
    snprintf(prefix, sizeof prefix, "%s-", name);
    name_run(r, name, prefix);
    r->options = t->options;
    r->options.weights = cli_asked_weights(loss);
    at += length + (at[length] == ',');
  }
  return t->runs ? CGAP_OK : cgap_fail(error, CGAP_USAGE, "--race: name the losses, as in clip,cua,cuaxu");
}

static bool tick_run(void *context, const char *phase, double fraction)
{
  const train_run *t = context;
  const bool training = strcmp(phase, "training") == 0 && t->line[0];
  return t->inner.tick && t->inner.tick(t->inner.context, training ? t->line : phase, fraction);
}

/* As all runs have them, and the trial that they share. */
static cgap_status read_options(train_run *t, const cli_args *args, cgap_error *error)
{
  t->chooses = opt.select == SELECT_AUTO || (opt.select < 0 && !opt.race && !cli_train_given(args));
  t->fixed = cli_train_fixed(args);
  if (!t->chooses && opt.goal >= 0)
    return cgap_fail(error, CGAP_USAGE,
                     "train: --goal belongs to the choice, which an option that says how to train turns off; leave one "
                     "of them out, or add --select auto");
  if (t->chooses && (opt.history_csv || opt.tensorboard))
    return cgap_fail(error, CGAP_USAGE,
                     "train: %s is of one training, and a choice makes many: its epochs are in history.jsonl; leave it "
                     "out, or give --select none",
                     opt.tensorboard ? "--tensorboard" : "--history-csv");
  if (t->chooses && opt.race)
    return cgap_fail(error, CGAP_USAGE, "train: --race trains as asked and --select auto chooses; give one of them");
  if (!opt.out && !opt.dry_run)
    return cgap_fail(error, CGAP_USAGE, "train: give -o DIR, the folder for the head and the reports");
  if (opt.resume && cli_shared.force)
    return cgap_fail(error, CGAP_USAGE, "train: --resume goes on and --force starts over; give one of them");
  cgap_status status = cli_check_forms("train", &opt.forms, error);
  if (status == CGAP_OK)
    status =
      cli_thresholds(&t->thresholds, &opt.fail_if, CLI_TESTS_BEFORE | CLI_TESTS_DIFFERENCE | CLI_TESTS_WORSE, error);
  if (status == CGAP_OK)
    status = cli_train_options(&t->options, error);
  t->options.progress = (cgap_progress){.tick = tick_run, .context = t};
  t->options.threads = cli_rank_threads();
  t->options.comm = cli_ranks();
  return status == CGAP_OK ? list_runs(t, error) : status;
}

/* ---------------------------------------------------------------- progress */

/* What a checkpoint means to a user who stops the program. */
static void note_checkpoint(void)
{
  cli_interrupt_set_message("%s holds a checkpoint: the same command with --resume goes on from there", opt.out);
}

static void print_epoch(void *context, const cgap_epoch *e, const cgap_train_options *o)
{
  train_run *t = context;
  note_checkpoint(); /* written after the first epoch and whenever it costs little */
  const cgap_loss_terms *v = &e->validation, *s = &e->training;
  int used = snprintf(t->line, sizeof t->line, "training, epoch %zu/%zu loss %.3f (clip %.2f uniform %.2f align %.2f)",
                      e->epoch, o->epochs, s->total, s->clip, s->uniform, s->align);
  if (isfinite(v->total) && used > 0 && (size_t)used < sizeof t->line)
    snprintf(t->line + used, sizeof t->line - (size_t)used, " | validation %.3f gap %.3f uniform %.2f R@1 %.3f",
             v->total, e->validation_gap, v->uniform, (v->recall_image_to_text + v->recall_text_to_image) / 2);
}

/* ---------------------------------------------------------------- work */

static cgap_status open_data(train_run *t, const cli_args *args, cgap_error *error)
{
  cgap_input_options input;
  cli_modalities names;
  cgap_status status = cli_input(&input, &names, args, error);
  if (status == CGAP_OK)
    status = cli_open(&t->dataset, &input, error);
  if (status != CGAP_OK)
    return status;
  const cgap_data *data = cgap_dataset_data(t->dataset);
  t->input = cgap_dataset_json(t->dataset);
  t->data = *data;
  const int kind = cli_same_modality();
  return kind < 0 ? CGAP_OK : cgap_same_modality(&t->data, data, (cgap_row_kind)kind, error);
}

/* Once training has begun something is written, whatever the step at work says of itself; a choice writes at its end.
 */
static cgap_status fail_interrupted(const train_run *t, cgap_error *error)
{
  if (t->chooses)
    return cgap_fail(error, CGAP_INTERRUPTED, "interrupted; %s has no recommendation yet: the same command starts over",
                     opt.out);
  return cgap_fail(error, CGAP_INTERRUPTED,
                   "interrupted; %s holds a checkpoint: the same command with --resume goes on from there", opt.out);
}

static cgap_status run_training(train_run *t, race_run *r, cgap_error *error)
{
  const cgap_training_output store = {.folder = cli_ranks_first() ? opt.out : NULL,
                                      .prefix = r->prefix,
                                      .resume = opt.resume,
                                      .levels = true,
                                      .table = opt.history_csv,
                                      .events = cli_ranks_first() && r->events[0] ? r->events : NULL};
  const cgap_observer observer = {.epoch = print_epoch, .context = t};
  cgap_status status = cgap_training_run(&r->training_result, &t->training_data, &r->options, &store, &observer, error);
  cli_progress_clear();
  t->line[0] = '\0';
  if (status == CGAP_INTERRUPTED)
    return fail_interrupted(t, error);
  if (r->training_result.head && cli_ranks_first()) {
    cgap_error written;
    cgap_status saved =
      cgap_training_folder_write_head(opt.out, r->prefix, CGAP_TRAINING_HEAD, r->training_result.head, &written);
    if (saved == CGAP_OK && opt.export)
      saved =
        cgap_training_folder_write_head(opt.out, r->prefix, CGAP_TRAINING_EXPORT, r->training_result.head, &written);
    if (status == CGAP_OK && saved != CGAP_OK)
      *error = written;
    status = status == CGAP_OK ? saved : status;
  }
  if (status == CGAP_OK)
    cli_say("%s: %zu epochs, %llu steps in %.1f s; epoch %llu is kept", r->name, r->training_result.history.count,
            (unsigned long long)r->training_result.steps, r->training_result.seconds,
            (unsigned long long)r->training_result.kept_epoch);
  return status;
}

static cgap_status run_choice(train_run *t, cgap_error *error)
{
  const bool classes = t->training_data.rows->data.texts_are_classes;
  const cgap_choice_options options = {.training = t->options,
                                       .fixed = t->fixed,
                                       .goal = opt.goal >= 0 ? (cgap_goal)opt.goal
                                               : classes     ? CGAP_GOAL_ZERO_SHOT
                                                             : CGAP_GOAL_MIXED};
  cgap_status status = cgap_choice_run(&t->choice, &t->training_data, &options, error);
  cli_progress_clear();
  if (status == CGAP_INTERRUPTED)
    return fail_interrupted(t, error);
  if (status != CGAP_OK)
    return status;
  t->run[0].training_result = t->choice.result;
  t->choice.result = (cgap_training_result){0};
  if (!cli_ranks_first())
    return CGAP_OK;
  if (!classes) /* else any image of a class would do */
    status = cgap_pilot_run(&t->pilot, &t->training_data, t->run[0].training_result.head, t->options.threads, error);
  return status;
}

static void say_split(const train_run *t)
{
  const cgap_split *s = &t->training_data.split;
  cli_say("trained on %zu {images} and %zu {texts}, validation %zu, test %zu {images}", s->images[CGAP_TRAINING],
          s->texts[CGAP_TRAINING], s->images[CGAP_VALIDATION], s->images[CGAP_TEST]);
  if (t->training_data.training.positives.images < s->images[CGAP_TRAINING] ||
      t->training_data.training.positives.texts < s->texts[CGAP_TRAINING])
    cli_say("rows of training after equal ones were merged: %zu {images}, %zu {texts}",
            t->training_data.training.positives.images, t->training_data.training.positives.texts);
  if (t->training_data.class_pairs.prompts)
    cli_say("there are no {texts}: %zu prompt%s of its class %s each {one image}; the test part has one of them {an "
            "image}, and "
            "search finds one text of the class among equal ones",
            t->training_data.class_pairs.prompts, t->training_data.class_pairs.prompts == 1 ? "" : "s",
            t->training_data.class_pairs.prompts == 1 ? "is the text of" : "are the texts of");
  if (s->texts_across)
    cli_warn(
      "equal {texts} belong to so many {images} that they could not be kept apart: some {texts} of the test part "
      "are in the training part too");
}

static cgap_status run_evaluation(train_run *t, cgap_error *error)
{
  cgap_trained heads[RUNS_MAX];
  for (size_t k = 0; k < t->runs; k++)
    heads[k] = (cgap_trained){t->run[k].name, &t->run[k].training_result, &t->run[k].options.weights};
  cgap_status status = cgap_trained_evaluation_run(&t->evaluation, &t->training_data, heads, t->runs, &t->options,
                                                   cli_shared.threads, error);
  for (size_t k = 0; status == CGAP_OK && k < t->runs; k++) {
    status = cgap_changes_init(&t->run[k].changes, &t->evaluation.audit[0], &t->evaluation.audit[1 + k], error);
    t->run[k].changes.held = t->training_data.held_out.class;
    if (status == CGAP_OK)
      status = cgap_against_evaluation(&t->run[k].against, &t->evaluation, 1 + k, error);
  }
  return status == CGAP_INTERRUPTED ? fail_interrupted(t, error) : status;
}

/* A training that is finished is not lost where names cannot be read. */
static void read_names(train_run *t)
{
  cgap_error error;
  const int kind = cli_same_modality();
  if (cgap_row_names_read(&t->names, t->dataset, &error) != CGAP_OK)
    cli_warn("tables have no names of rows: %s", error.message);
  if (kind >= 0) /* both modalities are the rows of this one */
    t->names.of[kind == CGAP_IMAGE_ROWS ? CGAP_NAMED_TEXTS : CGAP_NAMED_IMAGES].count = 0;
}

/* TensorBoard takes a folder for a run. */
static cgap_status name_events(race_run *r, cgap_error *error)
{
  if (!opt.tensorboard || opt.race)
    return opt.tensorboard ? cgap_folder_file(r->events, opt.tensorboard, r->name, error) : CGAP_OK;
  if (snprintf(r->events, sizeof r->events, "%s", opt.tensorboard) < (int)sizeof r->events)
    return CGAP_OK;
  return cgap_fail(error, CGAP_FILE, "--tensorboard: a name longer than %d letters", CGAP_PATH - 1);
}

/* Tells whether the folder holds a choice of the same data and options. */
static cgap_status note_fingerprint(train_run *t, cgap_error *error)
{
  uint64_t data = 0;
  const cgap_status status = cgap_data_hash(&data, &t->data, error);
  cgap_choice_fingerprint(t->fingerprint, data, &t->options, t->data.image.dim, t->fixed,
                          opt.goal >= 0 ? (cgap_goal)opt.goal : CGAP_GOAL_AUTO);
  return status;
}

static cgap_status open_folder(train_run *t, cgap_error *error)
{
  cli_train_begin how = {.dataset = t->dataset,
                         .resume = opt.resume,
                         .force = cli_shared.force,
                         .chooses = t->chooses,
                         .fingerprint = t->fingerprint,
                         .table = opt.history_csv,
                         .runs = t->runs};
  cgap_status status = CGAP_OK;
  for (size_t k = 0; status == CGAP_OK && k < t->runs; k++) {
    how.prefix[k] = t->run[k].prefix;
    status = name_events(&t->run[k], error);
    how.events[k] = t->run[k].events;
  }
  if (status == CGAP_OK)
    status = cli_train_folder_open(&t->folder, opt.out, &how, error);
  if (status == CGAP_OK)
    status = cli_train_events_check(&how, error);
  if (status == CGAP_OK && opt.tensorboard)
    status = cgap_folder_open(&t->events, opt.tensorboard, error);
  if (status == CGAP_OK && opt.resume && cli_train_checkpoint_stands(opt.out, &how))
    note_checkpoint();
  return status;
}

static cgap_status run_command_train(train_run *t, const cli_args *args, cgap_error *error)
{
  t->inner = cli_progress();
  t->start = cli_seconds();
  cgap_status status = open_data(t, args, error);
  if (status == CGAP_OK && cli_ranks_first())
    status = cli_train_plan_say(&t->data, &t->options, opt.dry_run, error);
  if (status != CGAP_OK || opt.dry_run)
    return status;
  status = cgap_training_data_open(&t->training_data, &t->data, &t->options,
                                   CGAP_WITH_METHODS | (t->chooses ? CGAP_WITH_ROWS : 0), error);
  for (size_t k = 0; status == CGAP_OK && k < t->runs; k++)
    status = cgap_train_check_batch(&t->run[k].options, &t->training_data.training, error);
  if (status == CGAP_OK && t->chooses && cli_ranks_first())
    status = note_fingerprint(t, error);
  if (status == CGAP_OK && cli_ranks_first())
    status = open_folder(t, error);
  if (status == CGAP_OK && t->chooses)
    status = run_choice(t, error);
  for (size_t k = 0; status == CGAP_OK && !t->chooses && k < t->runs; k++)
    status = run_training(t, &t->run[k], error);
  if (status == CGAP_OK)
    say_split(t);
  cgap_training_data_release_rows(&t->training_data);
  if (status == CGAP_OK && cli_ranks_first()) /* rank 0 measures and writes */
    status = run_evaluation(t, error);
  if (status == CGAP_OK && cli_ranks_first())
    read_names(t);
  cli_progress_clear();
  return status;
}

/* ---------------------------------------------------------------- results */

/* One threshold of one run. before:KEY is the same of all runs. */
static cgap_status test_run(const train_run *t, const cgap_threshold *threshold, size_t k, json_t *outcomes,
                            cgap_error *error)
{
  const cgap_comparison *c = &t->evaluation.comparison;
  const bool before = threshold->of == CGAP_TESTED_BEFORE;
  const cgap_compared_pair pair = {.comparison = c, .k = k};
  const char *name = c->input[before ? 0 : k].name, *label = t->runs > 1 ? "run" : NULL;
  cgap_error why = {0};
  const cgap_status status =
    threshold->of >= CGAP_TESTED_DIFFERENCE
      ? cgap_threshold_run(threshold, cgap_threshold_of_difference, &pair, outcomes, label, name, &why)
      : cgap_threshold_run(threshold, cgap_threshold_of_audit, &t->evaluation.audit[before ? 0 : k], outcomes, label,
                           name, &why);
  return status == CGAP_OK                         ? CGAP_OK
         : threshold->of >= CGAP_TESTED_DIFFERENCE ? cgap_fail(error, status, "%s", why.message)
                                                   : cgap_fail(error, status, "%s: %s", name, why.message);
}

/* All of them: outcomes, or NULL, gets what came of each; *code, or NULL, the exit code, and what crosses is said. */
static cgap_status test_thresholds(const train_run *t, json_t *outcomes, int *code, cgap_error *error)
{
  for (size_t i = 0; i < opt.fail_if.count; i++)
    for (size_t k = 1; k <= (t->thresholds[i].of == CGAP_TESTED_BEFORE ? 1 : t->runs); k++) {
      cgap_error why;
      const cgap_status status = test_run(t, &t->thresholds[i], k, outcomes, &why);
      if (status == CGAP_RESOURCE)
        return cgap_fail(error, status, "out of memory");
      if (code)
        *code = cli_fail_if(*code, &t->thresholds[i], status, &why, opt.allow_missing);
    }
  return CGAP_OK;
}

static void use_language(train_run *t)
{
  for (size_t k = 0; k < t->evaluation.count; k++)
    t->evaluation.audit[k].names.language = cli_language();
  t->evaluation.comparison.names.language = cli_language();
  for (size_t k = 0; k < t->runs; k++)
    t->run[k].changes.names.language = cli_language();
}

static cgap_status write_results(train_run *t, const cli_args *args, cgap_error *error)
{
  use_language(t);
  json_t *outcomes = opt.fail_if.count ? json_array() : NULL;
  cgap_training_results result = {.evaluation = &t->evaluation,
                                  .source = t->source,
                                  .input = t->input,
                                  .fail_if = outcomes,
                                  .run = cli_run(args->command_line, cli_shared.threads, t->start)};
  if (t->chooses) {
    char *input = cli_input_line(args->items, args->count), *folder = cgap_shell_word(opt.out);
    const cgap_status status = cgap_recommendation_init(&t->recommendation, &t->choice, &t->pilot, &t->evaluation,
                                                        folder ? folder : "DIR", input ? input : "FILE", error);
    free(input);
    free(folder);
    if (status != CGAP_OK) {
      json_decref(outcomes);
      return status;
    }
    t->recommendation.fingerprint = t->fingerprint;
    result.recommendation = &t->recommendation;
  }
  result.names = &t->names;
  for (size_t k = 0; k < t->runs; k++) {
    result.changes[k] = &t->run[k].changes;
    result.prefix[k] = t->run[k].prefix;
    result.head[k] = (cgap_contender){t->run[k].name, &t->run[k].against};
    result.training_result[result.run_count++] = &t->run[k].training_result;
  }
  cgap_status status = opt.fail_if.count && !outcomes ? cgap_fail(error, CGAP_RESOURCE, "out of memory")
                                                      : test_thresholds(t, outcomes, NULL, error);
  if (status == CGAP_OK && t->chooses)
    status = cgap_training_folder_write_choice(opt.out, &t->choice, t->run[0].training_result.head, error);
  if (status == CGAP_OK && t->chooses && opt.export)
    status = cgap_training_folder_write_head(opt.out, "", CGAP_TRAINING_EXPORT, t->run[0].training_result.head, error);
  if (status == CGAP_OK)
    status = cgap_training_folder_write(&result, t->folder.path, cli_warn_line, error);
  json_decref(outcomes);
  return status == CGAP_INTERRUPTED ? fail_interrupted(t, error) : status;
}

static void print_seconds(const train_run *t, int columns)
{
  char text[1000];
  size_t used = 0;
  for (size_t k = 1; k < t->evaluation.count && used < sizeof text; k++)
    used += (size_t)snprintf(text + used, sizeof text - used, "%s %.2g%s", t->evaluation.comparison.input[k].name,
                             t->evaluation.comparison.input[k].seconds, k + 1 < t->evaluation.count ? ", " : "");
  putchar('\n');
  cgap_text_wrap(stdout, columns, "seconds: ", text, 2);
}

/* The verdict on each run, those that open the gap first; of a race, without --all, on the gap alone. */
static void print_words(const train_run *t, int columns)
{
  for (int opening = 1; opening >= 0; opening--)
    for (size_t k = 1; k <= t->runs; k++) {
      cgap_verdict_words words;
      if (cgap_comparison_opens(&t->evaluation.comparison, k) != (opening == 1))
        continue;
      cgap_comparison_words(&words, &t->evaluation.comparison, k);
      for (size_t i = 0; i < (t->runs > 1 && !opt.all ? 1 : words.count); i++)
        cgap_text_wrap(stdout, columns, "", words.sentence[i], 0);
    }
}

/* Whom it helps and whom it hurts; of a race, without --all, what its table does not have. */
static void print_changes(const train_run *t, int columns)
{
  const bool race = t->runs > 1;
  for (size_t k = 0; k < t->runs; k++) {
    char sentence[CGAP_CHANGE_WORDS][CGAP_SENTENCE], first[sizeof t->run[k].name + 2] = "";
    const size_t count = cgap_changes_words(sentence, &t->run[k].changes, &t->names);
    if (race)
      snprintf(first, sizeof first, "%s: ", t->run[k].name);
    for (size_t i = t->choice.goal == CGAP_GOAL_ZERO_SHOT ? CGAP_CHANGE_CLASSES : 0; i < count; i++) {
      if (i == CGAP_CHANGE_MIXED && race && !opt.all)
        continue;
      cgap_text_wrap(stdout, columns, first, sentence[i], race ? 2 : 0);
      snprintf(first, sizeof first, "%s", race ? "  " : "");
    }
  }
}

/* What the modalities are called, in the language of what is shown. */
static const cgap_modality_names *shown_names(const train_run *t)
{
  return &t->evaluation.audit[0].names;
}

/* As on the terminal. */
static void print_markup(const train_run *t, cgap_markup markup)
{
  const cgap_comparison *c = &t->evaluation.comparison;
  cgap_advice_words advice = {0};
  if (t->chooses)
    cgap_recommendation_write(&advice, &t->recommendation);
  const cgap_split *s = &t->training_data.split;
  enum { SIZE_BYTES = 200 };
  char size[sizeof t->source + SIZE_BYTES];
  (void)cgap_modality_printf(size, sizeof size, shown_names(t), "%s, test part: %zu {images}, %zu {texts}.", t->source,
                             s->images[CGAP_TEST], s->texts[CGAP_TEST]);
  if (markup == CGAP_LATEX)
    cgap_markup_note(stdout, markup, NULL, size);
  for (size_t i = 0; i < advice.count; i++)
    cgap_markup_note(stdout, markup, i ? NULL : cgap_tr(shown_names(t), N_("Recommended:")), advice.sentence[i]);
  for (size_t k = 1; k <= t->runs; k++) {
    cgap_verdict_words words;
    cgap_comparison_words(&words, c, k);
    fputs(k > 1 ? "\n" : "", stdout);
    for (size_t i = 0; i < words.count; i++)
      cgap_markup_note(stdout, markup, NULL, words.sentence[i]);
    fputs(markup == CGAP_MARKDOWN ? "\n" : "", stdout);
    cgap_comparison_markup(c, k, t->runs + 1, t->runs + 1 + (k == 1 ? COLUMNS_SHOWN : 0), false, markup, stdout);
  }
}

/* What is recommended, what it gains, and the command; who loses; why. */
static void print_recommendation(const train_run *t, const cgap_advice_words *words, int columns)
{
  for (size_t i = 0; i + 1 < words->count || (i < words->count && !t->choice.chosen); i++)
    cgap_text_wrap(stdout, columns, i ? "" : cgap_tr(words->names, N_("Recommended: ")), words->sentence[i], 0);
  if (words->command[0])
    printf("    %s\n", words->command);
  if (!t->choice.chosen)
    return;
  print_changes(t, columns);
  cgap_text_wrap(stdout, columns, "", words->sentence[words->count - 1], 0);
}

static void print_held_out(const train_run *t, int columns)
{
  const cgap_changes *changes[RUNS_MAX];
  for (size_t k = 0; k < t->runs; k++)
    changes[k] = &t->run[k].changes;
  const cgap_held_out_view view = {&t->evaluation, changes, t->runs};
  if (t->training_data.held_out.classes)
    cgap_held_out_print(&view, opt.all, columns, stdout);
}

/* The heads next to what needs no training. */
static void print_against(const train_run *t, const cgap_paper *paper)
{
  cgap_contender heads[RUNS_MAX];
  double before[CGAP_TRIAL_MEASURES];
  for (size_t k = 0; k < t->runs; k++)
    heads[k] = (cgap_contender){t->run[k].name, &t->run[k].against};
  cgap_trial_values(before, &t->evaluation.audit[0]);
  cgap_against_print(shown_names(t), before, heads, t->runs, paper, stdout);
}

static void print_conclusion(const train_run *t, int columns)
{
  cgap_contender heads[RUNS_MAX];
  char text[CGAP_SENTENCE];
  for (size_t k = 0; k < t->runs; k++)
    heads[k] = (cgap_contender){t->run[k].name, &t->run[k].against};
  cgap_against_conclude(text, &t->evaluation.comparison.names, heads, t->runs);
  if (text[0])
    cgap_text_wrap(stdout, columns, "", text, 0);
  cgap_against_advise(text, &t->evaluation.comparison.names, heads, t->runs);
  if (text[0])
    cgap_text_wrap(stdout, columns, "", text, 0);
}

/* How bad it was, on what. */
static void print_before(const train_run *t, int columns)
{
  const cgap_split *s = &t->training_data.split;
  char text[sizeof t->source + 200];
  cgap_verdict_words verdict;
  (void)cgap_modality_printf(text, sizeof text, shown_names(t), "%s, test part: %zu {images}, %zu {texts}.", t->source,
                             s->images[CGAP_TEST], s->texts[CGAP_TEST]);
  cgap_text_wrap(stdout, columns, "", text, 2);
  cgap_verdict_write(&verdict, &t->evaluation.audit[0]);
  cgap_text_wrap(stdout, columns, cgap_tr(verdict.names, N_("Before: ")), verdict.sentence[0], 0);
}

/* Each run against the start; of a race, without --all, the table of all runs instead. */
static void print_tables(const train_run *t, const cgap_paper *paper)
{
  const cgap_comparison *c = &t->evaluation.comparison;
  if (opt.all || t->runs > 1) {
    putchar('\n');
    print_against(t, paper);
  }
  for (size_t k = 1; k <= t->runs && (opt.all || t->runs == 1); k++) {
    putchar('\n');
    cgap_comparison_print(c, k, t->runs + 1, t->runs + 1 + (k == 1 ? COLUMNS_SHOWN : 0), opt.all, paper, stdout);
  }
  if (opt.all)
    print_seconds(t, paper->columns);
  else if (t->runs > 1)
    puts(cgap_tr(shown_names(t), N_("--all shows every measure of each.")));
}

static void print_results(const train_run *t, const cgap_paper *paper)
{
  cgap_advice_words words = {0};
  if (t->chooses) {
    print_before(t, paper->columns);
    cgap_recommendation_write(&words, &t->recommendation);
    print_recommendation(t, &words, paper->columns);
  } else { /* a gap that opens comes first */
    print_words(t, paper->columns);
    print_before(t, paper->columns);
    print_conclusion(t, paper->columns);
    print_changes(t, paper->columns);
  }
  print_held_out(t, paper->columns);
  print_tables(t, paper);
}

static cgap_status print_comparison(const train_run *t, cgap_error *error)
{
  const cgap_comparison *c = &t->evaluation.comparison;
  const cgap_paper paper = cli_paper();
  if (opt.forms.json)
    return cli_print_file(opt.out, "compare.json", error);
  if (opt.forms.csv) {
    cgap_comparison_csv(c, stdout);
    return cli_printed(CGAP_OK, error);
  }
  if (opt.forms.markdown || opt.forms.latex) {
    print_markup(t, opt.forms.latex ? CGAP_LATEX : CGAP_MARKDOWN);
    return cli_printed(CGAP_OK, error);
  }
  print_results(t, &paper);
  return cli_printed(CGAP_OK, error);
}

static int run_train(const cli_args *args)
{
  train_run t = {0};
  cgap_error error = {0};
  if (opt.keys)
    return cli_keys(CGAP_KEYS_OF_TRAINING, NULL, NULL, opt.forms.json);
  cli_arena_per_thread();
  cgap_status status = read_options(&t, args, &error);
  cli_source_name(t.source, sizeof t.source, args);
  if (status == CGAP_OK)
    status = run_command_train(&t, args, &error);
  const bool has_results = status == CGAP_OK && !opt.dry_run && cli_ranks_first();
  if (has_results)
    status = write_results(&t, args, &error);
  if (has_results && status == CGAP_OK)
    status = print_comparison(&t, &error);
  if (has_results && status == CGAP_OK)
    cli_wrote_folder(opt.out, opt.race ? "a head and a history per loss, reports and figures"
                                       : "head.h5, history.jsonl, reports and figures");
  if (status != CGAP_OK) {
    cli_train_name_flag(&error);
    cgap_folder_abandon(&t.events);
    cgap_folder_abandon(&t.folder);
  }
  int code = CGAP_OK;
  if (has_results && status == CGAP_OK)
    status = test_thresholds(&t, NULL, &code, &error);
  if (status != CGAP_OK)
    code = cli_fail(&error);
  free(t.thresholds);
  for (size_t k = 0; k < t.runs; k++) {
    cgap_training_result_clear(&t.run[k].training_result);
    cgap_changes_clear(&t.run[k].changes);
  }
  cgap_row_names_clear(&t.names);
  cgap_evaluation_clear(&t.evaluation);
  cgap_choice_clear(&t.choice);
  cgap_training_data_clear(&t.training_data);
  json_decref(t.input);
  cgap_dataset_close(t.dataset);
  return code;
}

static void prepare(void)
{
  cli_train_options_build(false);
}

const cli_spec cmd_train = {
  .name = "train",
  .summary = "fits a head that closes the gap; before and after",
  .usage = "FILE… -o DIR",
  .example = "contragap train pairs.h5 -o closed\n"
             "contragap train pairs.h5 -o race --race clip,cua,cuaxu --batch 64 \\\n"
             "  --schedule constant --patience 0",
  .about =
    "Fits a light head on frozen embeddings to narrow the gap, and says what that gained and what it cost, on "
    "images that training never saw, next to methods that need no training. Several FILEs are one data set: images "
    "and texts as .npy, or shards. A file of images, labels and class texts trains on the prompts of each image's "
    "class.",
  .groups = {{"Options", own},
             {"Head", cli_head_options},
             {"Settings", cli_setting_options},
             {"Training", cli_training_options},
             CLI_INPUT_GROUP,
             CLI_RUN_GROUP},
  .argument = "FILE",
  .distributed = true,
  .prepare = prepare,
  .run = run_train,
};
