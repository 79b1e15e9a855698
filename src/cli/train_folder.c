/* The folder of a training: whether it may be written, its reports, its figures and its page. */
#include "cli/train_folder.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/output_file.h"
#include "cli/options.h"
#include "cli/overwrite.h"
#include "head/training/class_pairs.h"
#include "head/training/epoch_log.h"
#include "head/training/memory_plan.h"
#include "report/comparison_show.h"
#include "report/figures.h"

/* What it leaves once, at the end. */
static const char *const RESULT[] = {"before.json",       "after.json",       "clip.json",       "cua.json",
                                     "cuaxu.json",        "start.json",       "center.json",     "shift.json",
                                     "whiten.json",       "procrustes.json",  "cca.json",        "compare.json",
                                     "report.html",       "changes.tsv",      "classes.tsv",     "recommendation.json",
                                     "clip-changes.tsv",  "clip-classes.tsv", "cua-changes.tsv", "cua-classes.tsv",
                                     "cuaxu-changes.tsv", "cuaxu-classes.tsv"};
enum { RESULTS = sizeof RESULT / sizeof *RESULT };

static cgap_status file_in(char path[CGAP_PATH], const char *folder, const char *prefix, const char *name,
                           cgap_error *error)
{
  char both[300];
  snprintf(both, sizeof both, "%s%s", prefix, name);
  return cgap_folder_file(path, folder, both, error);
}

static bool file_exists(const char *folder, const char *prefix, const char *name)
{
  char path[CGAP_PATH];
  cgap_error ignored;
  return file_in(path, folder, prefix, name, &ignored) == CGAP_OK && access(path, F_OK) == 0;
}

static void remove_file(const char *folder, const char *prefix, const char *name)
{
  char path[CGAP_PATH];
  cgap_error ignored;
  if (file_in(path, folder, prefix, name, &ignored) == CGAP_OK)
    (void)remove(path); /* a file that stays is replaced when the run writes its own */
}

/* Only these names, and only in the folder of a run: whatever else is there is the user's. The files by which it is
 * known as such go last, so that what a process that was killed has left is removed by the next one. */
static void remove_run(const char *folder)
{
  char first[300];
  if (!cli_overwrite_finds_training(folder, first))
    return;
  cli_overwrite_remove_figures(folder, CLI_FOLDER_TRAIN);
  for (size_t k = 0; k < RESULTS; k++)
    remove_file(folder, "", RESULT[k]);
  for (int k = CLI_TRAINING_FILES; k-- > 0;)
    for (int p = 0; p < CLI_TRAINING_PREFIXES; p++)
      remove_file(folder, cli_training_prefixes[p], cli_training_files[k]);
}

/* A run that was ended before its first checkpoint starts over, but never over what another run finished. */
static cgap_status check_resume(const char *folder, const cli_train_begin *how, cgap_error *error)
{
  bool known = false, other = false;
  char found[300] = "", lacking[300] = "checkpoint.bin";
  for (size_t k = how->runs; k-- > 0;) {
    const bool checkpoint = file_exists(folder, how->prefix[k], cli_training_files[CLI_TRAINING_CHECKPOINT]);
    known = known || checkpoint;
    if (checkpoint)
      continue;
    snprintf(lacking, sizeof lacking, "%s%s", how->prefix[k], cli_training_files[CLI_TRAINING_CHECKPOINT]);
    if (file_exists(folder, how->prefix[k], cli_training_files[CLI_TRAINING_HEAD])) {
      snprintf(found, sizeof found, "%s%s", how->prefix[k], cli_training_files[CLI_TRAINING_HEAD]);
      other = true;
      break;
    }
  }
  for (int p = 0; !known && !other && p < CLI_TRAINING_PREFIXES; p++)
    for (int k = CLI_TRAINING_HEAD; !other && k <= CLI_TRAINING_CHECKPOINT; k++)
      if ((other = file_exists(folder, cli_training_prefixes[p], cli_training_files[k])))
        snprintf(found, sizeof found, "%s%s", cli_training_prefixes[p], cli_training_files[k]);
  if (!other)
    return CGAP_OK;
  return cgap_fail(error, CGAP_FILE,
                   "%s: holds %s but no %s, so there is nothing to go on from; give the options of the run that is "
                   "there, --force to replace it, or another folder",
                   folder, found, lacking);
}

/* A choice leaves no checkpoints: it starts over, to the same bits, over a choice of the same data and options alone.
 */
static cgap_status check_choose_again(const char *folder, const cli_train_begin *how, cgap_error *error)
{
  char path[CGAP_PATH], first[300];
  const char *checkpoint = cli_training_files[CLI_TRAINING_CHECKPOINT];
  if (file_exists(folder, "", checkpoint) && cli_overwrite_finds_training(folder, first))
    return cgap_fail(error, CGAP_FILE,
                     "%s: holds %s of a training without a choice; give the options of that run to go on with it, "
                     "--force to replace it, or another folder",
                     folder, first);
  cgap_status status = cgap_folder_file(path, folder, "recommendation.json", error);
  if (status != CGAP_OK || access(path, F_OK) != 0)
    return status;
  json_t *found = json_load_file(path, 0, NULL);
  const char *of = json_string_value(json_object_get(found, "fingerprint"));
  if (!of || strcmp(of, how->fingerprint) != 0)
    status = cgap_fail(error, CGAP_USAGE,
                       "%s: holds a choice on other data or with other options; give the same ones, --force to replace "
                       "it, or another folder",
                       folder);
  json_decref(found);
  return status;
}

bool cli_train_checkpoint_stands(const char *path, const cli_train_begin *how)
{
  for (size_t k = 0; k < how->runs; k++)
    if (file_exists(path, how->prefix[k], cli_training_files[CLI_TRAINING_CHECKPOINT]))
      return true;
  return false;
}

static cgap_status check_events(const char *folder, const cli_train_begin *how, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  DIR *list = *folder ? opendir(folder) : NULL; /* what cannot be read is refused when it is to be written */
  for (const struct dirent *entry; status == CGAP_OK && list && (entry = readdir(list));) {
    if (!cgap_tensorboard_is_name(entry->d_name))
      continue;
    if (how->force)
      remove_file(folder, "", entry->d_name);
    else if (!how->resume)
      status = cgap_fail(error, CGAP_FILE,
                         "%s: holds the events of another run (%s); give --resume to go on with it, --force to replace "
                         "it, or another folder",
                         folder, entry->d_name);
  }
  if (list)
    closedir(list);
  return status;
}

cgap_status cli_train_events_check(const cli_train_begin *how, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (size_t k = 0; status == CGAP_OK && k < how->runs; k++)
    status = check_events(how->events[k], how, error);
  return status;
}

/* Whether this command writes the result: a race those of each of its losses, else those of the one head. */
static bool is_written(const char *result, const cli_train_begin *how)
{
  for (int p = 1; p < CLI_TRAINING_PREFIXES; p++) {
    const size_t letters = strlen(cli_training_prefixes[p]) - 1;
    if (strncmp(result, cli_training_prefixes[p], letters) != 0 || (result[letters] != '.' && result[letters] != '-'))
      continue;
    for (size_t k = 0; k < how->runs; k++)
      if (strcmp(how->prefix[k], cli_training_prefixes[p]) == 0)
        return true;
    return false;
  }
  return how->prefix[0][0] == '\0' || (strcmp(result, "after.json") != 0 && strcmp(result, "changes.tsv") != 0 &&
                                       strcmp(result, "classes.tsv") != 0);
}

/* Files of others that this command would write over. */
static cgap_status check_foreign(const char *folder, const cli_train_begin *how, cgap_error *error)
{
  char table[CGAP_NAMED_LOSSES][40];
  const char *names[RESULTS + CGAP_NAMED_LOSSES + 1];
  size_t count = 0;
  for (size_t k = 0; k < RESULTS; k++)
    if (is_written(RESULT[k], how))
      names[count++] = RESULT[k];
  for (size_t k = 0; how->table && !how->resume && k < how->runs; k++) {
    snprintf(table[k], sizeof table[k], "%s%s", how->prefix[k], cli_training_files[CLI_TRAINING_TABLE]);
    names[count++] = table[k];
  }
  names[count] = NULL;
  return cli_overwrite_folder(folder, CLI_FOLDER_TRAIN, names, error);
}

/* None of what a training may leave is what it reads: force removes all of it. */
static cgap_status check_inputs(const char *folder, const cgap_dataset *dataset, cgap_error *error)
{
  char file[CLI_TRAINING_PREFIXES * CLI_TRAINING_FILES][40];
  const char *names[CLI_TRAINING_PREFIXES * CLI_TRAINING_FILES + RESULTS + 1];
  size_t count = 0;
  for (int p = 0; p < CLI_TRAINING_PREFIXES; p++)
    for (int k = 0; k < CLI_TRAINING_FILES; k++, count++) {
      snprintf(file[count], sizeof file[count], "%s%s", cli_training_prefixes[p], cli_training_files[k]);
      names[count] = file[count];
    }
  for (size_t k = 0; k < RESULTS; k++)
    names[count++] = RESULT[k];
  names[count] = NULL;
  return cli_overwrite_inputs(folder, names, dataset, NULL, 0, error);
}

static cgap_status check_folder(const char *path, const cli_train_begin *how, cgap_error *error)
{
  char first[300];
  if (!how->resume && !how->force && cli_overwrite_finds_training(path, first))
    return cgap_fail(
      error, CGAP_FILE,
      "%s: holds another run (%s); give --resume to go on with it, --force to replace it, or another folder", path,
      first);
  cgap_status status = !how->resume   ? CGAP_OK
                       : how->chooses ? check_choose_again(path, how, error)
                                      : check_resume(path, how, error);
  return status == CGAP_OK ? check_foreign(path, how, error) : status;
}

cgap_status cli_train_folder_open(cgap_folder *out, const char *path, const cli_train_begin *how, cgap_error *error)
{
  cgap_status status = check_inputs(path, how->dataset, error);
  if (status == CGAP_OK)
    status = cgap_folder_open_alone(out, path, error);
  if (status != CGAP_OK)
    return status;
  status = check_folder(path, how, error);
  if (status != CGAP_OK)
    cgap_folder_abandon(out);
  else if (how->force)
    remove_run(path);
  return status;
}

cgap_status cli_train_write_head(const char *folder, const char *prefix, int file, const cgap_head *head,
                                 cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_status status = file_in(path, folder, prefix, cli_training_files[file], error);
  return status == CGAP_OK ? cgap_head_write(head, path, error) : status;
}

cgap_status cli_train_write_choice(const char *folder, const cgap_choice *choice, const cgap_head *head,
                                   cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_status status = file_in(path, folder, "", cli_training_files[CLI_TRAINING_HISTORY], error);
  if (status != CGAP_OK)
    return status;
  (void)remove(path); /* lines are added to what stands there */
  for (size_t k = 0; status == CGAP_OK && k < choice->trained_count; k++) {
    const cgap_trained_candidate *t = &choice->trained[k];
    for (size_t e = 0; status == CGAP_OK && e < t->history.count; e++)
      status = cgap_history_append(path, t->name, t->fold, &t->history.epoch[e], error);
  }
  return status == CGAP_OK ? cli_train_write_head(folder, "", CLI_TRAINING_HEAD, head, error) : status;
}

static cgap_status write_recommendation(const cgap_recommendation *r, const char *folder, cgap_error *error)
{
  char path[CGAP_PATH];
  json_t *json = cgap_recommendation_json(r);
  cgap_status status = json ? cgap_folder_file(path, folder, "recommendation.json", error)
                            : cgap_fail(error, CGAP_RESOURCE, "out of memory");
  if (status == CGAP_OK)
    status = cgap_json_write(json, path, error);
  json_decref(json);
  return status;
}

static cgap_status write_report(const cli_train_result *r, size_t k, const char *folder, cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_run run = r->run;
  cgap_status status = file_in(path, folder, r->evaluation->comparison.input[k].name, ".json", error);
  if (status != CGAP_OK)
    return status;
  char terms[CGAP_TERMS];
  json_t *input = json_copy(r->input);
  cgap_terms_text(terms, r->evaluation->comparison.input[k].trained);
  if (input && terms[0])
    json_object_set_new(input, "trained_losses", cgap_json_string(terms));
  json_t *json = input ? cgap_report_json(&r->evaluation->audit[k], input, &run) : NULL;
  json_decref(input);
  if (!json || !cgap_report_name_pairs(json, r->names)) {
    json_decref(json);
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  }
  status = cgap_json_write(json, path, error);
  json_decref(json);
  return status;
}

static cgap_status write_changes(const cli_train_result *r, const char *folder, cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_status status = CGAP_OK;
  for (size_t k = 0; status == CGAP_OK && k < r->run_count; k++) {
    status = file_in(path, folder, r->prefix[k], "changes.tsv", error);
    if (status == CGAP_OK)
      status = cgap_changes_write(r->changes[k], r->names, path, error);
    if (status == CGAP_OK)
      status = file_in(path, folder, r->prefix[k], "classes.tsv", error);
    if (status == CGAP_OK)
      status = cgap_classes_write(r->changes[k], r->names, path, error);
  }
  return status;
}

/* The comparison, with what training was, and what it changed for whom. */
static cgap_status write_comparison(const cli_train_result *r, const char *folder, cgap_error *error)
{
  char path[CGAP_PATH];
  json_t *json = cgap_comparison_json(&r->evaluation->comparison), *trainings = json_object(), *changes = json_object(),
         *against = json_object();
  cgap_status status = cgap_folder_file(path, folder, "compare.json", error);
  if (!json || !trainings || !changes || !against)
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (size_t k = 0; status == CGAP_OK && k < r->run_count; k++) {
    const cgap_training_result *f = r->training_result[k];
    json_t *one = json_object();
    json_object_set_new(one, "epochs", json_integer((json_int_t)f->history.count));
    json_object_set_new(one, "kept_epoch", json_integer((json_int_t)f->kept_epoch));
    json_object_set_new(one, "steps", json_integer((json_int_t)f->steps));
    json_object_set_new(one, "seconds", cgap_number_json(f->seconds));
    json_object_set_new(one, "options", json_loads(f->head->options, 0, NULL));
    json_object_set_new(trainings, r->evaluation->comparison.input[k + 1].name, one);
    json_object_set_new(changes, r->evaluation->comparison.input[k + 1].name,
                        cgap_changes_json(r->changes[k], r->names));
    json_object_set_new(against, r->head[k].name, cgap_against_json(r->head[k].against));
  }
  if (status == CGAP_OK) {
    json_object_set(json, "training", trainings);
    json_object_set(json, "against", against);
    json_object_set(json, "changes", changes);
    if (r->fail_if)
      json_object_set(json, "fail_if", r->fail_if);
    if (r->recommendation)
      json_object_set_new(json, "recommendation", cgap_recommendation_json(r->recommendation));
    if (r->changes[0]->held) {
      const cgap_held_out_view view = {r->evaluation, r->changes, r->run_count};
      json_object_set_new(json, "held_out_classes", cgap_held_out_json(&view));
    }
    json_object_set_new(json, "run", cgap_run_json(&r->run));
    status = cgap_json_write(json, path, error);
  }
  json_decref(trainings);
  json_decref(changes);
  json_decref(against);
  json_decref(json);
  return status;
}

static cgap_status write_reports(const cli_train_result *r, const char *folder, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (size_t k = 0; status == CGAP_OK && k < r->evaluation->count; k++)
    status = write_report(r, k, folder, error);
  if (status == CGAP_OK)
    status = write_changes(r, folder, error);
  if (status == CGAP_OK)
    status = write_comparison(r, folder, error);
  return status == CGAP_OK && r->recommendation ? write_recommendation(r->recommendation, folder, error) : status;
}

/* ---------------------------------------------------------------- train plan */

enum { WORDS = 800 };

static double mib_of(uint64_t bytes)
{
  return ceil((double)bytes / 1048576);
}

static void plan_words(char out[WORDS], const cgap_data *d, const cgap_memory_plan *b)
{
  static const char *const SIDES[] = {"images", "texts"};
  char aside[300] = "", rows[160] = "rows stay in memory";
  const bool both = b->spill[0] && b->spill[1];
  if (!b->resident)
    snprintf(rows, sizeof rows, "rows stay in the file and those of each batch are read (in memory they take %.0fM)",
             mib_of(b->resident_bytes));
  if (b->spill_bytes)
    snprintf(aside, sizeof aside, "; %s are unpacked once into a nameless file of %.0fM in %s",
             both ? "both modalities" : SIDES[b->spill[1]], mib_of(b->spill_bytes), cgap_unnamed_file_folder());
  snprintf(out, WORDS, "plan: %zu images, %zu texts, d = %zu: %s%s; needs %.0fM of memory, %.0fM allowed",
           d->image.rows, d->text.rows, d->image.dim, rows, aside, mib_of(b->needed_bytes),
           floor((double)b->memory_bytes / 1048576));
}

cgap_status cli_train_plan_say(const cgap_data *data, const cgap_train_options *options, bool print, cgap_error *error)
{
  char words[WORDS];
  cgap_memory_plan plan;
  cgap_data planned = *data;
  if (!print && !cli_shared.verbose)
    return CGAP_OK;
  cgap_class_pairs_count(&planned);
  cgap_status status = cgap_train_check(options, data->image.dim, error);
  if (status == CGAP_OK)
    status = cgap_plan_training(&plan, &planned, options, error);
  if (status != CGAP_OK)
    return status;
  plan_words(words, &planned, &plan);
  if (!print)
    cli_say("%s", words);
  else
    printf("%s\n", words);
  return cli_printed(CGAP_OK, error);
}

/* ---------------------------------------------------------------- curves */

/* A measure of an epoch. */
typedef struct measured {
  const char *panel;
  size_t training, validation; /* offsets in cgap_epoch; ABSENT: none */
} measured;

#define ABSENT SIZE_MAX

static const measured MEASURED[] = {
  {"loss", offsetof(cgap_epoch, training.total), offsetof(cgap_epoch, validation.total)},
  {"L_CLIP", offsetof(cgap_epoch, training.clip), offsetof(cgap_epoch, validation.clip)},
  {"centroid distance", ABSENT, offsetof(cgap_epoch, validation_gap)},
  {"L_Uniform", offsetof(cgap_epoch, training.uniform), offsetof(cgap_epoch, validation.uniform)},
  {"L_Align", offsetof(cgap_epoch, training.align), offsetof(cgap_epoch, validation.align)},
  {"recall@1", ABSENT, ABSENT}, /* mean of both directions, see value_of */
};
enum { MEASURES = sizeof MEASURED / sizeof *MEASURED, RECALL = MEASURES - 1 };

static double value_of(const cgap_epoch *e, int measure, bool training)
{
  if (measure == RECALL) {
    const cgap_loss_terms *t = training ? &e->training : &e->validation;
    return (t->recall_image_to_text + t->recall_text_to_image) / 2;
  }
  const size_t at = training ? MEASURED[measure].training : MEASURED[measure].validation;
  return at == ABSENT ? NAN : *(const double *)((const char *)e + at);
}

/* Epochs 0 (the start, validation alone) to the last. */
static size_t epochs_of(const cgap_training_result *f)
{
  return f->history.count + 1;
}

static void fill_curve_points(double *x, double *y, const cgap_training_result *f, int measure, bool training)
{
  for (size_t k = 0; k < epochs_of(f); k++) {
    const cgap_epoch *e = k ? &f->history.epoch[k - 1] : &f->start;
    x[k] = (double)k;
    y[k] = value_of(e, measure, training);
  }
}

static bool has_values(const double *y, size_t count)
{
  for (size_t k = 0; k < count; k++)
    if (isfinite(y[k]))
      return true;
  return false;
}

typedef struct curve_list {
  cgap_curve *curve;
  double *numbers; /* two runs of `most` for each curve */
  size_t count, most;
} curve_list;

static bool curve_list_init(curve_list *l, const cli_train_result *r, size_t capacity)
{
  *l = (curve_list){0};
  for (size_t k = 0; k < r->run_count; k++)
    l->most = epochs_of(r->training_result[k]) > l->most ? epochs_of(r->training_result[k]) : l->most;
  l->curve = calloc(capacity, sizeof *l->curve);
  l->numbers = calloc(2 * capacity * l->most, sizeof *l->numbers);
  return l->curve && l->numbers;
}

static void curve_list_clear(curve_list *l)
{
  free(l->curve);
  free(l->numbers);
}

static void add_curve(curve_list *l, const cgap_training_result *f, int measure, const char *series, bool training)
{
  double *x = l->numbers + 2 * l->count * l->most, *y = x + l->most;
  fill_curve_points(x, y, f, measure, training);
  if (has_values(y, epochs_of(f)))
    l->curve[l->count++] =
      (cgap_curve){.panel = MEASURED[measure].panel, .series = series, .x = x, .y = y, .count = epochs_of(f)};
}

static cgap_status write_curves(const cli_train_result *r, const char *folder, cgap_error *error)
{
  const bool race = r->run_count > 1;
  const cgap_comparison *c = &r->evaluation->comparison;
  const cgap_audit *after = &r->evaluation->audit[1];
  char shown[200];
  curve_list list;
  cgap_status status = CGAP_OK;
  snprintf(shown, sizeof shown, "corrected distance of the test part: %.3f before",
           r->evaluation->audit[0].gap.corrected_distance.value);
  for (size_t k = 1; k <= r->run_count; k++) {
    const size_t used = strlen(shown);
    snprintf(shown + used, sizeof shown - used, ", %.3f %s%s", r->evaluation->audit[k].gap.corrected_distance.value,
             race ? "under " : "", c->input[k].name);
  }
  if (!curve_list_init(&list, r, (size_t)MEASURES * (race ? r->run_count : 2)))
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (int m = 0; status == CGAP_OK && m < MEASURES; m++)
    for (size_t k = 0; k < r->run_count; k++) {
      if (!race)
        add_curve(&list, r->training_result[k], m, "training", true);
      if (!race || m != 0) /* losses of different kinds do not compare */
        add_curve(&list, r->training_result[k], m, race ? c->input[k + 1].name : "validation", false);
    }
  const cgap_curves_about about = {.title = race ? "The race: only the loss differs" : "Training",
                                   .shown = shown,
                                   .x = "epoch",
                                   .source = r->source,
                                   .images = after->images,
                                   .texts = after->texts,
                                   .dim = after->dim};
  if (status == CGAP_OK)
    status = cgap_curves_write(folder, race ? "race" : "history", list.curve, list.count, &about, error);
  curve_list_clear(&list);
  return status;
}

/* ---------------------------------------------------------------- the page */

static void put_result(cgap_page *page, const void *result)
{
  const cli_train_result *r = result;
  const cgap_comparison *c = &r->evaluation->comparison;
  char conclusion[CGAP_SENTENCE];
  double before[CGAP_TRIAL_MEASURES];
  cgap_trial_values(before, &r->evaluation->audit[0]);
  for (size_t k = 1; k <= r->run_count; k++) {
    const cgap_training_result *f = r->training_result[k - 1];
    cgap_verdict_words words;
    cgap_comparison_words(&words, c, k);
    cgap_page_put(page, "h3", "%s", c->input[k].name);
    for (size_t i = 0; !r->recommendation && i < words.count; i++)
      cgap_page_put(page, i || !cgap_comparison_opens(c, k) ? "p" : "p class=\"bad\"", "%s", words.sentence[i]);
    if (f->history.count)
      cgap_page_put(page, "p", "%zu epochs in %.1f seconds, epoch %llu is kept.", f->history.count, f->seconds,
                    (unsigned long long)f->kept_epoch);
    cgap_comparison_page_words(page, c, k);
  }
  cgap_against_page(page, before, r->head, r->run_count);
  cgap_against_conclude(conclusion, r->head, r->run_count);
  if (!r->recommendation)
    cgap_page_put(page, "p", "%s", conclusion);
}

static void put_changes(cgap_page *page, const void *result)
{
  const cli_train_result *r = result;
  const cgap_held_out_view view = {r->evaluation, r->changes, r->run_count};
  if (r->changes[0]->held)
    cgap_held_out_page(page, &view);
  for (size_t k = 0; k < r->run_count; k++) {
    if (r->run_count > 1)
      cgap_page_put(page, "h3", "%s", r->evaluation->comparison.input[k + 1].name);
    cgap_changes_page(page, r->changes[k], r->names);
  }
}

static void put_recommendation(cgap_page *page, const void *result)
{
  const cli_train_result *r = result;
  cgap_recommendation_page(page, r->recommendation, r->changes[0], r->names);
}

static void put_pilot(cgap_page *page, const void *result)
{
  cgap_pilot_page(page, ((const cli_train_result *)result)->recommendation);
}

static void put_candidates(cgap_page *page, const void *result)
{
  cgap_candidates_page(page, ((const cli_train_result *)result)->recommendation);
}

static const char *curves_name(const cli_train_result *r)
{
  return r->run_count > 1 ? "race" : "history";
}

static void put_training(cgap_page *page, const void *result)
{
  cgap_page_figures(page, (const char *const[]){curves_name(result)}, 1);
}

static void put_figures(cgap_page *page, const void *result)
{
  (void)result;
  cgap_page_figures(page, cgap_before_after, CGAP_BEFORE_AFTER);
}

static void put_measures(cgap_page *page, const void *result)
{
  const cli_train_result *r = result;
  const cgap_evaluation *e = r->evaluation;
  fputs("<p>All on the test part, which training never saw. The columns on the right are the head at its start, and "
        "methods that need no training.</p>\n",
        page->out);
  for (size_t k = 1; k <= r->run_count; k++)
    cgap_comparison_page_table(page, &e->comparison, k, r->run_count + 1, e->count);
}

static void put_definitions(cgap_page *page, const void *result)
{
  cgap_page_definitions(page, ((const cli_train_result *)result)->evaluation->audit[0].has);
}

static void put_run(cgap_page *page, const void *result)
{
  const cli_train_result *r = result;
  cgap_page_run(page, &r->run);
  cgap_page_term(page, "options", "%s", r->training_result[0]->head->options);
  fputs("</dl>\n", page->out);
}

/* Whether a head was trained: what needs no training has no curves. */
static bool has_epochs(const cli_train_result *r)
{
  return r->training_result[0]->history.count > 0;
}

static cgap_status write_page(const cli_train_result *r, const char *folder, void (*warn_line)(const char *line),
                              cgap_error *error)
{
  cgap_section sections[12];
  size_t count = 0;
  if (r->recommendation)
    sections[count++] = (cgap_section){"recommendation", "What to do", put_recommendation};
  sections[count++] = (cgap_section){"result", "What it gained and what it cost", put_result};
  sections[count++] = (cgap_section){"changes", "Which queries and classes get worse", put_changes};
  if (r->recommendation)
    sections[count++] = (cgap_section){"candidates", "What was tried", put_candidates};
  if (has_epochs(r))
    sections[count++] = (cgap_section){"training", "Training", put_training};
  sections[count++] = (cgap_section){"figures", "Before and after", put_figures};
  if (r->recommendation)
    sections[count++] = (cgap_section){"pilot", "What a pilot would see", put_pilot};
  sections[count++] = (cgap_section){"measures", "Every measure", put_measures};
  sections[count++] = (cgap_section){"definitions", "Definitions", put_definitions};
  sections[count++] = (cgap_section){"run", "How it was run", put_run};
  sections[count] = (cgap_section){NULL, NULL, NULL};
  char path[CGAP_PATH];
  const char *names[1 + CGAP_BEFORE_AFTER] = {curves_name(r)};
  const size_t first = has_epochs(r) ? 0 : 1;
  const cgap_audit *audit = r->evaluation->audit;
  cgap_folder made;
  cgap_status status = cgap_folder_file(path, folder, "figures", error);
  if (status == CGAP_OK)
    status = cgap_folder_open(&made, path, error);
  if (status == CGAP_OK && has_epochs(r))
    status = write_curves(r, path, error);
  if (status == CGAP_OK) /* of a race the last, which has every term */
    status = cgap_before_after_write(&audit[0], &audit[r->run_count], r->source, path, error);
  memcpy(names + 1, cgap_before_after, sizeof cgap_before_after);
  if (status == CGAP_OK)
    status = cgap_figures_render(path, names + first, 1 + CGAP_BEFORE_AFTER - first, warn_line, error);
  return status == CGAP_OK ? cgap_page_write(folder, "Closing the gap", r->source, sections, r, warn_line, error)
                           : status;
}

cgap_status cli_train_write(const cli_train_result *r, const char *folder, void (*warn_line)(const char *line),
                            cgap_error *error)
{
  cgap_stage stage;
  cgap_error ignored;
  cgap_status status = cgap_stage_open(&stage, folder, error);
  if (status == CGAP_OK)
    status = write_reports(r, stage.path, error);
  if (status == CGAP_OK)
    status = write_page(r, stage.path, warn_line, error);
  if (status == CGAP_OK) /* the reports of a run that --force replaced are gone since its begin */
    return cli_overwrite_replace(&stage, CLI_FOLDER_TRAIN, (const char *const[]){NULL}, error);
  return cgap_stage_close(&stage, false, &ignored) == CGAP_OK ? status : ignored.status;
}
