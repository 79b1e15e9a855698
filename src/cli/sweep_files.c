/* The files of a sweep at its end: sweep.csv, one line per run with all digits, and sweep.json, with the ranking, means
 * over seeds and every run. */
#include <math.h>
#include <stdio.h>

#include "analysis/fields.h"
#include "base/output_file.h"
#include "cli/sweep_results.h"

static void put_csv_run(FILE *out, const json_t *run, size_t place)
{
  for (int a = 0; a < cgap_axis_count(); a++)
    fprintf(out, "%s,", sweep_setting_of(run, a));
  fprintf(out, "%.17g,%lld,%lld", json_number_value(json_object_get(run, "seconds")),
          (long long)json_integer_value(json_object_get(run, "epochs")),
          (long long)json_integer_value(json_object_get(run, "kept_epoch")));
  for (size_t e = 0; e < cgap_field_count(); e++) {
    const double value = sweep_result_of(run, cgap_field_at(e)->key);
    if (isfinite(value))
      fprintf(out, ",%.17g", value);
    else
      fprintf(out, ",");
  }
  for (int rival = 0; rival < CGAP_RIVALS; rival++)
    for (int m = 0; m < CGAP_TRIAL_MEASURES; m++) {
      const json_t *one =
        json_object_get(json_object_get(json_object_get(run, "against"), cgap_rival_names[rival]), cgap_trial_keys[m]);
      const json_t *ends = json_object_get(one, "ci95");
      const json_t *const cells[] = {json_object_get(one, "value"), json_array_get(ends, 0), json_array_get(ends, 1)};
      for (size_t c = 0; c < sizeof cells / sizeof *cells; c++)
        if (json_is_number(cells[c]))
          fprintf(out, ",%.17g", json_number_value(cells[c]));
        else
          fprintf(out, ",");
    }
  if (place)
    fprintf(out, ",%zu\n", place);
  else
    fprintf(out, ",\n");
}

static cgap_status write_csv(const sweep_results *r, const cgap_sweep_grid *g, const sweep_ranking *ranking,
                             const char *folder, cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_outfile file;
  cgap_status status = cgap_folder_file(path, folder, "sweep.csv", error);
  if (status == CGAP_OK)
    status = cgap_outfile_open(&file, path, error);
  if (status != CGAP_OK)
    return status;
  for (int a = 0; a < cgap_axis_count(); a++)
    fprintf(file.stream, "%s,", cgap_axis_name(a));
  fprintf(file.stream, "seconds,epochs,kept_epoch");
  for (size_t e = 0; e < cgap_field_count(); e++)
    fprintf(file.stream, ",%s", cgap_field_at(e)->key);
  for (int rival = 0; rival < CGAP_RIVALS; rival++)
    for (int m = 0; m < CGAP_TRIAL_MEASURES; m++)
      fprintf(file.stream, ",%s_minus_%s,ci95_low,ci95_high", cgap_trial_keys[m], cgap_rival_names[rival]);
  fprintf(file.stream, ",rank\n");
  size_t k;
  json_t *run;
  json_array_foreach(r->runs, k, run) put_csv_run(file.stream, run, sweep_place_of(ranking, g, run));
  return cgap_outfile_close(&file, true, error);
}

/* The same of a setting of the grid. */
static json_t *numbers_of(const cgap_sweep_grid *g, const size_t index[CGAP_AXES_MAX], unsigned axes)
{
  json_t *texts = sweep_setting_json(g, index, axes), *out = texts ? sweep_setting_numbers_json(texts) : NULL;
  json_decref(texts);
  return out;
}

/* Of each measure that has a value, over the runs that differ in their seed alone; *n: the most values of one. */
static json_t *measures_json(const sweep_results *r, const cgap_sweep_grid *g, const size_t index[CGAP_AXES_MAX],
                             size_t *n)
{
  json_t *out = json_object();
  bool ok = out != NULL;
  *n = 0;
  for (size_t e = 0; e < cgap_field_count() && ok; e++) {
    const cgap_mean_sd mean_sd = sweep_mean_sd_over(r, g, index, SWEEP_ALL_BUT_SEED, cgap_field_at(e)->key, NULL);
    if (mean_sd.n == 0)
      continue;
    *n = mean_sd.n > *n ? mean_sd.n : *n;
    ok = sweep_json_put(
      out, cgap_field_at(e)->key,
      json_pack("{s:o, s:o}", "mean", cgap_number_json(mean_sd.mean), "sd", cgap_number_json(mean_sd.sd)));
  }
  return sweep_json_complete(out, ok);
}

/* Means and spreads over the seeds of each setting. */
static json_t *means_json(const sweep_results *r, const cgap_sweep_grid *g)
{
  json_t *out = json_array();
  bool ok = out != NULL;
  size_t index[CGAP_AXES_MAX], n;
  for (size_t s = 0; s < cgap_sweep_grid_settings(g) && ok; s++) {
    if (!sweep_is_first_seed(g, s, index))
      continue;
    json_t *one = json_object();
    cgap_against against;
    sweep_against(&against, r, g, index);
    ok = sweep_json_put(one, "setting", numbers_of(g, index, SWEEP_ALL_BUT_SEED)) &&
         sweep_json_put(one, "against", cgap_against_json(&against)) &&
         sweep_json_put(one, "measures", measures_json(r, g, index, &n)) &&
         sweep_json_put(one, "n", json_integer((json_int_t)n));
    ok = json_array_append_new(out, one) == 0 && ok;
  }
  return sweep_json_complete(out, ok);
}

/* Means over all runs of what the heads are shown next to. */
static json_t *mean_references_json(const sweep_results *r)
{
  json_t *out = json_object();
  for (int k = 0; k < SWEEP_REFERENCES; k++) {
    json_t *one = json_object();
    for (size_t m = 0; sweep_reference_keys[m]; m++)
      json_object_set_new(
        one, sweep_reference_keys[m],
        cgap_number_json(sweep_reference_over(r, (sweep_reference)k, sweep_reference_keys[m], NULL).mean));
    json_object_set_new(out, sweep_reference_names[k], one);
  }
  return out;
}

static json_t *axes_json(const cgap_sweep_grid *g)
{
  json_t *out = json_object();
  bool ok = out != NULL;
  for (int a = 0; a < cgap_axis_count() && ok; a++) {
    json_t *values = json_array();
    for (size_t k = 0; k < g->count[a]; k++)
      ok = json_array_append_new(values, sweep_value_json(a, g->value[a][k])) == 0 && ok;
    ok = sweep_json_put(out, cgap_axis_name(a), values) && ok;
  }
  return sweep_json_complete(out, ok);
}

/* Without a seed: they stand under "axes". */
static json_t *run_json(const cgap_run *run)
{
  json_t *out = cgap_run_json(run);
  (void)json_object_del(out, "seed");
  return out;
}

static json_t *runs_json(const sweep_results *r)
{
  json_t *out = json_array(), *run;
  bool ok = out != NULL;
  size_t k;
  json_array_foreach(r->runs, k, run) ok = ok && json_array_append_new(out, sweep_written_run(run)) == 0;
  return sweep_json_complete(out, ok);
}

static cgap_status write_json(const sweep_results *r, const cgap_sweep_grid *g, const sweep_ranking *ranking,
                              const char *folder, const cgap_run *run, json_t *fail_if, cgap_error *error)
{
  char path[CGAP_PATH], conclusion[CGAP_SENTENCE], criterion[CGAP_SENTENCE];
  json_t *root = json_object();
  sweep_conclude(conclusion, NULL, ranking);
  sweep_criterion(criterion, NULL, ranking, r, g);
  const bool ok =
    sweep_json_put(root, "schema_version", json_integer(CGAP_SCHEMA_VERSION)) &&
    sweep_json_put(root, "conclusion", cgap_json_string(conclusion)) &&
    sweep_json_put(root, "criterion", cgap_json_string(criterion)) &&
    sweep_json_put(root, "ranking", sweep_ranking_json(ranking, g)) && sweep_json_put(root, "axes", axes_json(g)) &&
    sweep_json_put(root, "references", mean_references_json(r)) && sweep_json_put(root, "means", means_json(r, g)) &&
    sweep_json_put(root, "runs", runs_json(r)) && (!fail_if || json_object_set(root, "fail_if", fail_if) == 0) &&
    sweep_json_put(root, "run", run_json(run));
  cgap_status status =
    ok ? cgap_folder_file(path, folder, "sweep.json", error) : cgap_fail(error, CGAP_RESOURCE, "out of memory");
  if (status == CGAP_OK)
    status = cgap_json_write(root, path, error);
  json_decref(root);
  return status;
}

cgap_status sweep_results_write(const sweep_results *r, const cgap_sweep_grid *g, const char *folder,
                                const cgap_run *run, json_t *fail_if, cgap_error *error)
{
  sweep_ranking ranking;
  cgap_status status = sweep_ranking_init(&ranking, r, g, error);
  if (status == CGAP_OK)
    status = write_csv(r, g, &ranking, folder, error);
  if (status == CGAP_OK)
    status = write_json(r, g, &ranking, folder, run, fail_if, error);
  sweep_ranking_clear(&ranking);
  return status;
}
