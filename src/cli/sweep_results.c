#include "cli/sweep_results.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/fields.h"
#include "base/output_file.h"
#include "head/training/train_options.h"
#include "report/text.h"

/* Sets object[key]; steals value, which is NULL where memory ran out. */
bool sweep_json_put(json_t *object, const char *key, json_t *value)
{
  return json_object_set_new(object, key, value) == 0;
}

/* What was made, or NULL where a part of it could not be. */
json_t *sweep_json_complete(json_t *made, bool ok)
{
  if (ok)
    return made;
  json_decref(made);
  return NULL;
}

/* ---------------------------------------------------------------- settings */

json_t *sweep_setting_json(const cgap_sweep_grid *g, const size_t index[CGAP_AXES_MAX], unsigned axes)
{
  json_t *out = json_object();
  bool ok = out != NULL;
  for (int a = 0; a < cgap_axis_count() && ok; a++)
    if ((axes >> a & 1U) && g->count[a])
      ok = sweep_json_put(out, cgap_axis_name(a), cgap_json_string(g->value[a][index[a]]));
  return sweep_json_complete(out, ok);
}

/* The value of an axis as a number where it is one: "full" of a batch and the names of losses stay texts. */
json_t *sweep_value_json(int axis, const char *text)
{
  const cgap_train_option_kind kind = cgap_axis_option(axis).kind;
  char *end = NULL;
  errno = 0;
  if (kind == CGAP_TRAIN_REAL || kind == CGAP_TRAIN_WEIGHT) {
    const double value = strtod(text, &end);
    return end != text && !*end && isfinite(value) ? json_real(value) : cgap_json_string(text);
  }
  if (kind != CGAP_TRAIN_COUNT && kind != CGAP_TRAIN_SEED && kind != CGAP_TRAIN_BATCH)
    return cgap_json_string(text);
  const long long value = strtoll(text, &end, 10);
  return end != text && !*end && !errno ? json_integer(value) : cgap_json_string(text);
}

json_t *sweep_setting_numbers_json(const json_t *setting)
{
  json_t *out = json_object();
  bool ok = out != NULL;
  for (int a = 0; a < cgap_axis_count() && ok; a++) {
    const char *text = json_string_value(json_object_get(setting, cgap_axis_name(a)));
    ok = !text || sweep_json_put(out, cgap_axis_name(a), sweep_value_json(a, text));
  }
  return sweep_json_complete(out, ok);
}

/* A run as files have it. */
json_t *sweep_written_run(json_t *run)
{
  json_t *out = json_copy(run);
  return sweep_json_complete(
    out, out && sweep_json_put(out, "setting", sweep_setting_numbers_json(json_object_get(run, "setting"))));
}

/* ---------------------------------------------------------------- a run */

static json_t *results_json(const cgap_audit *audit)
{
  json_t *out = json_object();
  for (size_t e = 0; e < cgap_field_count(); e++) {
    const cgap_scalar *value = cgap_field_scalar(audit, cgap_field_at(e));
    if (cgap_field_present(audit, cgap_field_at(e)))
      json_object_set_new(out, cgap_field_at(e)->key, cgap_number_json(value->why ? NAN : value->value));
  }
  return out;
}

static json_t *nulls_json(void)
{
  json_t *out = json_object();
  for (size_t e = 0; e < cgap_field_count(); e++)
    json_object_set_new(out, cgap_field_at(e)->key, json_null());
  return out;
}

const char *const sweep_reference_names[SWEEP_REFERENCES] = {
  [SWEEP_BEFORE] = "before", [SWEEP_CENTER] = "center", [SWEEP_START] = "start"};

/* What is shown of references. */
const char *const sweep_reference_keys[] = {"gap.corrected_distance",
                                            "gap.centroid_distance",
                                            "uniformity.mean",
                                            "alignment.mean_squared_distance",
                                            "mixed_retrieval.image_query.ndcg_at_10",
                                            "mixed_retrieval.text_query.ndcg_at_10",
                                            "retrieval.image_to_text.recall_at_1",
                                            "retrieval.text_to_image.recall_at_1",
                                            NULL};

static json_t *references_json(const sweep_measured *m)
{
  json_t *out = json_object();
  for (int r = 0; r < SWEEP_REFERENCES; r++) {
    json_t *one = json_object();
    for (size_t k = 0; sweep_reference_keys[k]; k++)
      json_object_set_new(one, sweep_reference_keys[k],
                          cgap_number_json(cgap_value_or_nan(
                            cgap_field_scalar(m->reference[r], cgap_field_find(sweep_reference_keys[k])))));
    json_object_set_new(out, sweep_reference_names[r], one);
  }
  return out;
}

json_t *sweep_run_json(json_t *setting, const char *data, json_t *options, const cgap_training_result *training_result,
                       const sweep_measured *measured, const char *why)
{
  json_t *out = json_object();
  json_object_set(out, "setting", setting);
  json_object_set_new(out, "data", cgap_json_string(data));
  json_object_set(out, "options", options);
  json_object_set_new(out, "seconds", cgap_number_json(training_result->seconds));
  json_object_set_new(out, "epochs", json_integer((json_int_t)training_result->history.count));
  json_object_set_new(out, "kept_epoch", json_integer((json_int_t)training_result->kept_epoch));
  if (!measured)
    json_object_set_new(out, "why", cgap_json_string(why));
  json_object_set_new(out, "results", measured ? results_json(measured->head) : nulls_json());
  if (measured) {
    json_object_set_new(out, "references", references_json(measured));
    json_object_set_new(out, "against", cgap_against_json(measured->against));
  }
  return out;
}

/* ---------------------------------------------------------------- the growing file */

static cgap_status check_data(const sweep_results *r, const json_t *run, const char *data, cgap_error *error)
{
  const char *there = json_string_value(json_object_get(run, "data"));
  if (there && strcmp(there, data) == 0)
    return CGAP_OK;
  return cgap_fail(
    error, CGAP_USAGE,
    "%s: runs on other data (%.40s, these are %s); give the same file, --force to start over, or another "
    "folder",
    r->path, there ? there : "not named", data);
}

typedef struct runs_reader {
  sweep_results *results;
  const char *data;
} runs_reader;

/* A measure that another version added may be missing; none is of another name or kind. */
static cgap_status check_measures(const cgap_json_line *line, cgap_error *error)
{
  json_t *results = json_object_get(line->value, "results"), *value;
  const char *key;
  char what[200];
  if (json_object_size(results) == 0)
    return cgap_json_line_refuse(line, "no measures", error);
  json_object_foreach(results, key, value) if (!cgap_key_exists(key) || !(json_is_number(value) || json_is_null(value)))
  {
    snprintf(what, sizeof what, "%.100s is no measure, or its value no number", key);
    return cgap_json_line_refuse(line, what, error);
  }
  return CGAP_OK;
}

static cgap_status read_run(void *context, const cgap_json_line *line, cgap_error *error)
{
  runs_reader *r = context;
  static const char *const OBJECTS[] = {"setting", "options", "results"};
  for (size_t k = 0; k < sizeof OBJECTS / sizeof *OBJECTS; k++)
    if (!json_is_object(json_object_get(line->value, OBJECTS[k])))
      return cgap_json_line_refuse(line, "no run of a sweep", error);
  cgap_status status = check_data(r->results, line->value, r->data, error);
  if (status == CGAP_OK)
    status = check_measures(line, error);
  if (status == CGAP_OK && !json_is_true(json_object_get(line->value, "failed")) && /* else to be tried again */
      json_array_append(r->results->file, line->value) != 0)
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory");
  return status;
}

cgap_status sweep_results_open(sweep_results *out, const char *folder, bool resume, const char *data, cgap_error *error)
{
  uint64_t end;
  runs_reader r = {.results = out, .data = data};
  *out = (sweep_results){.file = json_array(), .runs = json_array()};
  if (!out->file || !out->runs)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  cgap_status status = cgap_folder_file(out->path, folder, "runs.jsonl", error);
  if (status == CGAP_OK && !resume)
    return cgap_write_file(out->path, "", 0, error);
  if (status == CGAP_OK)
    status = cgap_json_lines_read(out->path, read_run, &r, &end, error);
  return status == CGAP_OK ? cgap_json_lines_cut(out->path, end, false, error) : status;
}

void sweep_results_clear(sweep_results *r)
{
  json_decref(r->file);
  json_decref(r->runs);
  *r = (sweep_results){0};
}

cgap_status sweep_results_take(sweep_results *r, const json_t *options, const json_t *setting, bool *found,
                               cgap_error *error)
{
  size_t k;
  json_t *run;
  *found = false;
  json_array_foreach(r->file, k, run)
  {
    if (!json_equal(json_object_get(run, "options"), options))
      continue;
    json_t *one = json_copy(run), *label = json_deep_copy(setting); /* 0.10 stands for a run made as 0.1 */
    const bool ok = json_object_set_new(one, "setting", label) == 0;
    *found = true;
    return json_array_append_new(r->runs, one) == 0 && ok ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory");
  }
  return CGAP_OK;
}

cgap_status sweep_results_add(sweep_results *r, json_t *run, cgap_error *error)
{
  json_t *numbers = sweep_written_run(run);
  char *text = numbers ? cgap_json_text(numbers, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
  const size_t length = text ? strlen(text) : 0;
  char *line = text ? realloc(text, length + 2) : NULL;
  cgap_status status = CGAP_OK;
  if (!line || json_array_append(r->file, run) != 0 || json_array_append(r->runs, run) != 0)
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory");
  if (status == CGAP_OK) {
    line[length] = '\n';
    line[length + 1] = '\0';
    status = cgap_append_file(r->path, line, length + 1, error);
  }
  if (status == CGAP_OK)
    status = cgap_synchronise_file(r->path, error);
  free(line ? line : text);
  json_decref(numbers);
  json_decref(run);
  return status;
}

/* ---------------------------------------------------------------- looking at runs */

const char *sweep_setting_of(const json_t *run, int axis)
{
  const char *text = json_string_value(json_object_get(json_object_get(run, "setting"), cgap_axis_name(axis)));
  return text ? text : "";
}

static double number_at(const json_t *object, const char *key)
{
  const json_t *value = json_object_get(object, key);
  return json_is_number(value) ? json_number_value(value) : NAN;
}

double sweep_result_of(const json_t *run, const char *key)
{
  return number_at(json_object_get(run, "results"), key);
}

/* Runs that agree with `index` on every axis whose bit is set in `fixed`. */
static bool agrees_on_axes(const json_t *run, const cgap_sweep_grid *g, const size_t index[CGAP_AXES_MAX],
                           unsigned fixed)
{
  for (int a = 0; a < cgap_axis_count(); a++)
    if ((fixed >> a & 1U) && g->count[a] && strcmp(sweep_setting_of(run, a), g->value[a][index[a]]) != 0)
      return false;
  return true;
}

size_t sweep_values_over(double *values, const sweep_results *r, const cgap_sweep_grid *g,
                         const size_t index[CGAP_AXES_MAX], unsigned fixed, const char *key, const char *other)
{
  size_t found = 0, k;
  json_t *run;
  json_array_foreach(r->runs, k, run)
  {
    if (agrees_on_axes(run, g, index, fixed))
      values[found++] =
        other ? (sweep_result_of(run, key) + sweep_result_of(run, other)) / 2 : sweep_result_of(run, key);
  }
  return found;
}

cgap_mean_sd sweep_mean_sd_over(const sweep_results *r, const cgap_sweep_grid *g, const size_t index[CGAP_AXES_MAX],
                                unsigned fixed, const char *key, const char *other)
{
  double *values = calloc(json_array_size(r->runs) + 1, sizeof *values);
  const size_t found = values ? sweep_values_over(values, r, g, index, fixed, key, other) : 0;
  cgap_mean_sd s = cgap_mean_sd_of(values, found);
  free(values);
  return s;
}

/* The mean of a reference's two keys; other NULL: the value of one. */
static double reference_of(const json_t *run, sweep_reference reference, const char *key, const char *other)
{
  const json_t *values = json_object_get(json_object_get(run, "references"), sweep_reference_names[reference]);
  return other ? (number_at(values, key) + number_at(values, other)) / 2 : number_at(values, key);
}

cgap_mean_sd sweep_reference_over(const sweep_results *r, sweep_reference reference, const char *key, const char *other)
{
  double *values = calloc(json_array_size(r->runs) + 1, sizeof *values);
  size_t found = 0, k;
  json_t *run;
  json_array_foreach(r->runs, k, run)
  {
    if (values)
      values[found++] = reference_of(run, reference, key, other);
  }
  const cgap_mean_sd s = cgap_mean_sd_of(values, found);
  free(values);
  return s;
}

const char *const sweep_trial_keys[CGAP_TRIAL_MEASURES][2] = {
  [CGAP_TRIAL_DISTANCE] = {"gap.corrected_distance", NULL},
  [CGAP_TRIAL_MIXED_NDCG] = {"mixed_retrieval.image_query.ndcg_at_10", "mixed_retrieval.text_query.ndcg_at_10"},
  [CGAP_TRIAL_RECALL_AT_1] = {"retrieval.image_to_text.recall_at_1", "retrieval.text_to_image.recall_at_1"}};

/* Of a run's head: one of the measures that heads are compared by. */
static double measure_of(const json_t *run, int measure)
{
  const char *const *keys = sweep_trial_keys[measure];
  const double value = sweep_result_of(run, keys[0]);
  return keys[1] ? (value + sweep_result_of(run, keys[1])) / 2 : value;
}

/* Adds what a run says of a rival, 1/count of it. */
static void add_rival(cgap_against *out, const json_t *run, cgap_rival rival, double count)
{
  const json_t *changes = json_object_get(json_object_get(run, "against"), cgap_rival_names[rival]);
  const sweep_reference reference = rival == CGAP_RIVAL_CENTER ? SWEEP_CENTER : SWEEP_START;
  out->known[rival] = out->known[rival] && json_is_object(changes);
  for (int m = 0; m < CGAP_TRIAL_MEASURES; m++) {
    const json_t *one = json_object_get(changes, cgap_trial_keys[m]), *ends = json_object_get(one, "ci95");
    const json_t *low = json_array_get(ends, 0), *high = json_array_get(ends, 1);
    cgap_change *d = &out->change[rival][m];
    d->difference += number_at(one, "value") / count;
    d->lo += (low ? json_number_value(low) : NAN) / count;
    d->hi += (high ? json_number_value(high) : NAN) / count;
    out->rival[rival][m] += reference_of(run, reference, sweep_trial_keys[m][0], sweep_trial_keys[m][1]) / count;
  }
}

void sweep_against(cgap_against *out, const sweep_results *r, const cgap_sweep_grid *g,
                   const size_t index[CGAP_AXES_MAX])
{
  size_t runs = 0, opening = 0, k;
  json_t *run;
  *out = (cgap_against){.known = {true, true}};
  json_array_foreach(r->runs, k, run) runs += agrees_on_axes(run, g, index, SWEEP_ALL_BUT_SEED);
  json_array_foreach(r->runs, k, run)
  {
    if (!agrees_on_axes(run, g, index, SWEEP_ALL_BUT_SEED))
      continue;
    for (int rival = 0; rival < CGAP_RIVALS; rival++)
      add_rival(out, run, (cgap_rival)rival, (double)runs);
    for (int m = 0; m < CGAP_TRIAL_MEASURES; m++)
      out->head[m] += measure_of(run, m) / (double)runs;
    opening += json_is_true(json_object_get(json_object_get(run, "against"), "opens"));
  }
  out->opens = 2 * opening > runs;
  for (int rival = 0; rival < CGAP_RIVALS; rival++) {
    out->known[rival] = out->known[rival] && runs > 0;
    out->change[rival][CGAP_TRIAL_DISTANCE].opens = out->opens;
  }
}

size_t sweep_seed_count(const cgap_sweep_grid *g)
{
  return g->count[CGAP_AXIS_SEED] ? g->count[CGAP_AXIS_SEED] : 1;
}

void sweep_scores(double *out, const sweep_results *r, const cgap_sweep_grid *g, const size_t index[CGAP_AXES_MAX])
{
  size_t at[CGAP_AXES_MAX], k;
  json_t *run;
  memcpy(at, index, sizeof at);
  for (size_t seed = 0; seed < sweep_seed_count(g); seed++) {
    at[CGAP_AXIS_SEED] = seed;
    out[seed] = NAN;
    json_array_foreach(r->runs, k, run)
    {
      if (agrees_on_axes(run, g, at, SWEEP_ALL))
        out[seed] = (measure_of(run, CGAP_TRIAL_MIXED_NDCG) + measure_of(run, CGAP_TRIAL_RECALL_AT_1)) / 2;
    }
  }
}

bool sweep_is_first_seed(const cgap_sweep_grid *g, size_t setting, size_t index[CGAP_AXES_MAX])
{
  cgap_sweep_grid_setting(g, setting, index);
  return index[CGAP_AXIS_SEED] == 0;
}

/* ---------------------------------------------------------------- sweep setting */

/* One setting of a sweep's grid: its options for a training, and how they are written. */

cgap_status sweep_setting_options(cgap_train_options *out, const cgap_sweep_grid *grid, const cgap_train_options *base,
                                  size_t setting, cgap_error *error)
{
  size_t index[CGAP_AXES_MAX];
  cgap_status status = CGAP_OK;
  *out = *base;
  cgap_sweep_grid_setting(grid, setting, index);
  for (int a = 0; status == CGAP_OK && a < cgap_axis_count(); a++)
    if (grid->count[a]) {
      const cgap_train_option axis = cgap_axis_option(a);
      status = cli_train_set(out, &axis, grid->value[a][index[a]], error);
    }
  return status;
}

json_t *sweep_options_json(const cgap_train_options *o, size_t dim_in)
{
  char text[CGAP_TRAIN_DESCRIPTION];
  const cgap_head_shape shape = cgap_train_shape(o, dim_in);
  cgap_train_describe(text, o, &shape);
  return json_loads(text, 0, NULL);
}
