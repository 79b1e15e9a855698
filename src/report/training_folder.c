/* The folder of a training: its head and history, its reports and its figures. */
#include "report/training_folder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "head/training/epoch_log.h"
#include "report/against_show.h"
#include "report/card.h"
#include "report/change_figures.h"
#include "report/comparison_show.h"
#include "report/figures.h"
#include "report/overwrite.h"

const char *const cgap_training_result_names[CGAP_TRAINING_RESULT_NAMES] = {
  "before.json",       "after.json",        "clip.json",       "cua.json",
  "cuaxu.json",        "start.json",        "center.json",     "shift.json",
  "whiten.json",       "procrustes.json",   "cca.json",        "compare.json",
  "report.html",       "changes.tsv",       "classes.tsv",     "recommendation.json",
  "clip-changes.tsv",  "clip-classes.tsv",  "cua-changes.tsv", "cua-classes.tsv",
  "cuaxu-changes.tsv", "cuaxu-classes.tsv", "card.png"};

cgap_status cgap_training_file(char path[CGAP_PATH], const char *folder, const char *prefix, const char *name,
                               cgap_error *error)
{
  char both[300];
  snprintf(both, sizeof both, "%s%s", prefix, name);
  return cgap_folder_file(path, folder, both, error);
}

void cgap_training_file_remove(const char *folder, const char *prefix, const char *name)
{
  char path[CGAP_PATH];
  cgap_error ignored;
  if (cgap_training_file(path, folder, prefix, name, &ignored) == CGAP_OK)
    (void)remove(path); /* a file that stays is replaced when the run writes its own */
}

/* The files by which a run is known go last, so that what a process that was killed has left is removed by the next
 * one. */
void cgap_training_folder_remove(const char *folder)
{
  char first[300];
  if (!cgap_overwrite_finds_training(folder, first))
    return;
  cgap_overwrite_remove_figures(folder, CGAP_FOLDER_TRAIN);
  for (size_t k = 0; k < CGAP_TRAINING_RESULT_NAMES; k++)
    cgap_training_file_remove(folder, "", cgap_training_result_names[k]);
  for (int k = CGAP_TRAINING_FILES; k-- > 0;)
    for (int p = 0; p < CGAP_TRAINING_PREFIXES; p++)
      cgap_training_file_remove(folder, cgap_training_prefixes[p], cgap_training_files[k]);
}

cgap_status cgap_training_folder_write_head(const char *folder, const char *prefix, int file, const cgap_head *head,
                                            cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_status status = cgap_training_file(path, folder, prefix, cgap_training_files[file], error);
  return status == CGAP_OK ? cgap_head_write(head, path, error) : status;
}

cgap_status cgap_training_folder_write_choice(const char *folder, const cgap_choice *choice, const cgap_head *head,
                                              cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_status status = cgap_training_file(path, folder, "", cgap_training_files[CGAP_TRAINING_HISTORY], error);
  if (status != CGAP_OK)
    return status;
  (void)remove(path); /* lines are added to what stands there */
  for (size_t k = 0; status == CGAP_OK && k < choice->trained_count; k++) {
    const cgap_trained_candidate *t = &choice->trained[k];
    for (size_t e = 0; status == CGAP_OK && e < t->history.count; e++)
      status = cgap_history_append(path, t->name, t->fold, &t->history.epoch[e], error);
  }
  return status == CGAP_OK ? cgap_training_folder_write_head(folder, "", CGAP_TRAINING_HEAD, head, error) : status;
}

cgap_status cgap_training_folder_write_single(const char *folder, const cgap_training_result *result, cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_status status = cgap_training_file(path, folder, "", cgap_training_files[CGAP_TRAINING_HISTORY], error);
  if (status == CGAP_OK)
    (void)remove(path);
  for (size_t e = 0; status == CGAP_OK && e < result->history.count; e++)
    status = cgap_history_append(path, NULL, 0, &result->history.epoch[e], error);
  return status == CGAP_OK ? cgap_training_folder_write_head(folder, "", CGAP_TRAINING_HEAD, result->head, error)
                           : status;
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

static cgap_status write_report(const cgap_training_results *r, size_t k, const char *folder, cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_run run = r->run;
  cgap_status status = cgap_training_file(path, folder, r->evaluation->comparison.input[k].name, ".json", error);
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

static cgap_status write_changes(const cgap_training_results *r, const char *folder, cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_status status = CGAP_OK;
  for (size_t k = 0; status == CGAP_OK && k < r->run_count; k++) {
    status = cgap_training_file(path, folder, r->prefix[k], "changes.tsv", error);
    if (status == CGAP_OK)
      status = cgap_changes_write(r->changes[k], r->names, path, error);
    if (status == CGAP_OK)
      status = cgap_training_file(path, folder, r->prefix[k], "classes.tsv", error);
    if (status == CGAP_OK)
      status = cgap_classes_write(r->changes[k], r->names, path, error);
  }
  return status;
}

/* The comparison, with what training was, and what it changed for whom. */
static cgap_status write_comparison(const cgap_training_results *r, const char *folder, cgap_error *error)
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

static cgap_status write_reports(const cgap_training_results *r, const char *folder, cgap_error *error)
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
enum { MEASURES = sizeof MEASURED / sizeof *MEASURED, DISTANCE = 2, RECALL = MEASURES - 1 };

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

static bool curve_list_init(curve_list *l, const cgap_training_results *r, size_t capacity)
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
    l->curve[l->count++] = (cgap_curve){.panel = MEASURED[measure].panel,
                                        .series = series,
                                        .x = x,
                                        .y = y,
                                        .count = epochs_of(f),
                                        .kept = &x[f->kept_epoch]};
}

enum { LINES = MEASURES };

/* A race shows where it comes from: what the validation rows are without a head; a history what its distance can mean:
 * the noise floor through the head that was kept. Returns how many. */
static size_t fill_lines(cgap_reference_line out[LINES], const cgap_training_result *f, bool race)
{
  const cgap_reference_levels *l = &f->levels;
  const cgap_epoch raw = {.training = cgap_loss_terms_unknown(), .validation = l->raw, .validation_gap = l->raw_gap};
  size_t count = 0;
  for (int m = 1; race && m < MEASURES; m++)
    out[count++] = (cgap_reference_line){MEASURED[m].panel, "before", value_of(&raw, m, false)};
  if (!race)
    out[count++] = (cgap_reference_line){MEASURED[DISTANCE].panel, "noise floor", l->noise_floor};
  return count;
}

static cgap_status write_curves(const cgap_training_results *r, const char *folder, cgap_error *error)
{
  const bool race = r->run_count > 1;
  const cgap_comparison *c = &r->evaluation->comparison;
  const cgap_audit *after = &r->evaluation->audit[1];
  char shown[200];
  curve_list list;
  cgap_status status = CGAP_OK;
  snprintf(shown, sizeof shown, "corrected distance of the test part: before %.3f",
           r->evaluation->audit[0].gap.corrected_distance.value);
  for (size_t k = 1; k <= r->run_count; k++) {
    const size_t used = strlen(shown);
    snprintf(shown + used, sizeof shown - used, ", %s %.3f", c->input[k].name,
             r->evaluation->audit[k].gap.corrected_distance.value);
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
  cgap_reference_line line[LINES];
  const size_t line_count = fill_lines(line, r->training_result[0], race);
  const cgap_curves_about about = {.title = race ? "The race: only the loss differs" : "Training",
                                   .shown = shown,
                                   .x = "epoch",
                                   .line = line,
                                   .line_count = line_count,
                                   .source = r->source,
                                   .images = after->images,
                                   .texts = after->texts,
                                   .dim = after->dim,
                                   .names = &after->names};
  if (status == CGAP_OK)
    status = cgap_curves_write(folder, cgap_training_curves(r), list.curve, list.count, &about, error);
  curve_list_clear(&list);
  return status;
}

/* Of a race the last, as the figures are. */
static cgap_status write_card(const cgap_training_results *r, const char *figures, cgap_error *error)
{
  /* views, in a language that the picture can show */
  const cgap_modality_names names = cgap_card_names(&r->evaluation->comparison.names);
  cgap_comparison compared = r->evaluation->comparison;
  cgap_recommendation recommended = {0};
  cgap_audit before = r->evaluation->audit[0];
  const cgap_comparison *c = &compared;
  cgap_verdict_words words;
  cgap_advice_words advice = {0};
  char todo[CGAP_SENTENCE];
  compared.names = before.names = names;
  cgap_comparison_words(&words, c, r->run_count);
  if (r->recommendation) {
    recommended = *r->recommendation;
    recommended.names = cgap_card_names(&r->recommendation->names);
    cgap_recommendation_write(&advice, &recommended);
  }
  const char *end = strstr(advice.sentence[0], ". "), *stop = strstr(advice.sentence[0], "。");
  end = stop && (!end || stop < end) ? stop : end;
  if (advice.count)
    (void)cgap_modality_printf(todo, sizeof todo, &names, "Recommended: %.*s",
                               end ? (int)(end - advice.sentence[0]) : CGAP_SENTENCE, advice.sentence[0]);
  else
    cgap_against_advise(todo, &names, r->head, r->run_count);
  const cgap_card card = {.before = &before,
                          .after = &r->evaluation->audit[r->run_count],
                          .verdict = words.sentence[0],
                          .advice = todo,
                          .command = advice.count ? advice.command : "",
                          .source = r->source};
  return cgap_card_write(&card, figures, error);
}

static cgap_status write_figures(const cgap_training_results *r, const char *folder,
                                 void (*warn_line)(const char *line), cgap_error *error)
{
  char path[CGAP_PATH];
  const bool curves = cgap_training_has_epochs(r);
  const char *names[1 + CGAP_BEFORE_AFTER + CGAP_CHANGE_FIGURES] = {cgap_training_curves(r)};
  const cgap_audit *audit = r->evaluation->audit;
  cgap_folder made;
  cgap_status status = cgap_folder_file(path, folder, "figures", error);
  if (status == CGAP_OK)
    status = cgap_folder_open(&made, path, error);
  if (status == CGAP_OK && curves)
    status = write_curves(r, path, error);
  if (status == CGAP_OK) /* of a race the last, which has every term */
    status = cgap_before_after_write(&audit[0], &audit[r->run_count], r->source, path, error);
  const cgap_change_view view = {r->changes[r->run_count - 1], &audit[0], &audit[r->run_count], r->names, r->source};
  if (status == CGAP_OK)
    status = cgap_change_figures_write(&view, path, error);
  if (status == CGAP_OK)
    status = write_card(r, path, error);
  memcpy(names + 1, cgap_before_after, sizeof cgap_before_after);
  const size_t count = curves + CGAP_BEFORE_AFTER + cgap_change_figures_of(view.changes, names + 1 + CGAP_BEFORE_AFTER);
  if (status == CGAP_OK)
    status = cgap_figures_render(path, names + !curves, count, warn_line, error);
  return status == CGAP_OK ? cgap_card_render_or_warn(folder, &audit->names, warn_line, error) : status;
}

cgap_status cgap_training_folder_write(const cgap_training_results *r, const char *folder,
                                       void (*warn_line)(const char *line), cgap_error *error)
{
  cgap_stage stage;
  cgap_error ignored;
  cgap_status status = cgap_stage_open(&stage, folder, error);
  if (status == CGAP_OK)
    status = write_reports(r, stage.path, error);
  if (status == CGAP_OK)
    status = write_figures(r, stage.path, warn_line, error);
  if (status == CGAP_OK)
    status = cgap_training_page_write(r, stage.path, warn_line, error);
  if (status == CGAP_OK) /* the reports of a run that --force replaced are gone since its begin */
    return cgap_overwrite_replace(&stage, CGAP_FOLDER_TRAIN, (const char *const[]){NULL}, error);
  return cgap_stage_close(&stage, false, &ignored) == CGAP_OK ? status : ignored.status;
}
