#include "cli/sweep_results.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output.h"
#include "report/comparison_page.h"
#include "report/curves.h"
#include "report/fields.h"

/* ---------------------------------------------------------------- the growing file */

static cgap_status read_runs(sweep_results *r, cgap_error *error)
{
  FILE *file = fopen(r->path, "r");
  char *line = NULL;
  size_t room = 0;
  if (!file)
    return errno == ENOENT ? CGAP_OK : cgap_fail_errno(error, errno, r->path, "read");
  while (getline(&line, &room, file) > 0) {
    json_t *run = json_loads(line, 0, NULL);
    if (!json_is_object(json_object_get(run, "options")) || json_array_append(r->runs, run) != 0) {
      json_decref(run);
      break; /* half a line is the last one of a run that was killed */
    }
    json_decref(run);
  }
  free(line);
  fclose(file);
  return CGAP_OK;
}

static cgap_status rewrite(const sweep_results *r, cgap_error *error)
{
  cgap_outfile file;
  size_t k;
  json_t *run;
  cgap_status status = cgap_outfile_open(&file, r->path, error);
  if (status != CGAP_OK)
    return status;
  json_array_foreach(r->runs, k, run)
  {
    (void)json_dumpf(run, file.stream, JSON_COMPACT | JSON_PRESERVE_ORDER);
    fputc('\n', file.stream);
  }
  return cgap_outfile_close(&file, true, error);
}

cgap_status sweep_results_open(sweep_results *out, const char *folder, bool resume, cgap_error *error)
{
  *out = (sweep_results){.runs = json_array()};
  if (!out->runs)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  cgap_status status = cgap_folder_file(out->path, folder, "runs.jsonl", error);
  if (status == CGAP_OK && resume)
    status = read_runs(out, error);
  return status == CGAP_OK ? rewrite(out, error) : status;
}

void sweep_results_clear(sweep_results *r)
{
  json_decref(r->runs);
  *r = (sweep_results){0};
}

const json_t *sweep_results_find(const sweep_results *r, const json_t *options)
{
  size_t k;
  json_t *run;
  json_array_foreach(r->runs, k, run)
  {
    if (json_equal(json_object_get(run, "options"), options))
      return run;
  }
  return NULL;
}

cgap_status sweep_results_add(sweep_results *r, json_t *run, cgap_error *error)
{
  char *text = run ? json_dumps(run, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
  cgap_status status = CGAP_OK;
  if (!text || json_array_append(r->runs, run) != 0)
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory");
  const size_t length = text ? strlen(text) : 0;
  char *line = text ? realloc(text, length + 2) : NULL;
  if (line) {
    text = line;
    line[length] = '\n';
    line[length + 1] = '\0';
    const int file = open(r->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file < 0 || write(file, line, length + 1) != (ssize_t)length + 1)
      status = cgap_fail_errno(error, errno, r->path, "write");
    if (file >= 0 && close(file) != 0 && status == CGAP_OK)
      status = cgap_fail_errno(error, errno, r->path, "write");
  }
  free(text);
  json_decref(run);
  return status;
}

/* ---------------------------------------------------------------- looking at runs */

static const char *setting_of(const json_t *run, cgap_axis axis)
{
  const char *text = json_string_value(json_object_get(json_object_get(run, "setting"), cgap_axis_name(axis)));
  return text ? text : "";
}

static double result_of(const json_t *run, const char *key)
{
  const json_t *value = json_object_get(json_object_get(run, "results"), key);
  return json_is_number(value) ? json_number_value(value) : NAN;
}

/* Runs that agree with `index` on every axis whose bit is set in `fixed`. */
static bool agrees(const json_t *run, const cgap_grid *g, const size_t index[CGAP_AXES], unsigned fixed)
{
  for (int a = 0; a < CGAP_AXES; a++)
    if ((fixed >> a & 1U) && g->count[a] && strcmp(setting_of(run, (cgap_axis)a), g->value[a][index[a]]) != 0)
      return false;
  return true;
}

static cgap_spread spread_over(const sweep_results *r, const cgap_grid *g, const size_t index[CGAP_AXES],
                               unsigned fixed, const char *key)
{
  const size_t count = json_array_size(r->runs);
  double *values = calloc(count + 1, sizeof *values);
  size_t found = 0, k;
  json_t *run;
  json_array_foreach(r->runs, k, run)
  {
    if (values && agrees(run, g, index, fixed))
      values[found++] = result_of(run, key);
  }
  cgap_spread s = cgap_spread_of(values, found);
  free(values);
  return s;
}

static const unsigned ALL_BUT_SEED = ((1U << CGAP_AXES) - 1) & ~(1U << CGAP_AXIS_SEED);

/* The settings without the seed: those whose seed is the first one. */
static bool is_first_seed(const cgap_grid *g, size_t setting, size_t index[CGAP_AXES])
{
  cgap_grid_setting(g, setting, index);
  return index[CGAP_AXIS_SEED] == 0;
}

/* ---------------------------------------------------------------- files */

static void put_csv_run(FILE *out, const json_t *run)
{
  for (int a = 0; a < CGAP_AXES; a++)
    fprintf(out, "%s,", setting_of(run, (cgap_axis)a));
  fprintf(out, "%.9g,%lld,%lld", json_number_value(json_object_get(run, "seconds")),
          (long long)json_integer_value(json_object_get(run, "epochs")),
          (long long)json_integer_value(json_object_get(run, "kept_epoch")));
  for (size_t e = 0; e < cgap_field_count; e++) {
    const double value = result_of(run, cgap_fields[e].key);
    if (isfinite(value))
      fprintf(out, ",%.9g", value);
    else
      fprintf(out, ",");
  }
  fprintf(out, "\n");
}

static cgap_status write_csv(const sweep_results *r, const char *folder, cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_outfile file;
  cgap_status status = cgap_folder_file(path, folder, "sweep.csv", error);
  if (status == CGAP_OK)
    status = cgap_outfile_open(&file, path, error);
  if (status != CGAP_OK)
    return status;
  for (int a = 0; a < CGAP_AXES; a++)
    fprintf(file.stream, "%s,", cgap_axis_name((cgap_axis)a));
  fprintf(file.stream, "seconds,epochs,kept_epoch");
  for (size_t e = 0; e < cgap_field_count; e++)
    fprintf(file.stream, ",%s", cgap_fields[e].key);
  fprintf(file.stream, "\n");
  size_t k;
  json_t *run;
  json_array_foreach(r->runs, k, run) put_csv_run(file.stream, run);
  return cgap_outfile_close(&file, true, error);
}

static json_t *setting_json(const cgap_grid *g, const size_t index[CGAP_AXES], unsigned axes)
{
  json_t *out = json_object();
  for (int a = 0; a < CGAP_AXES; a++)
    if ((axes >> a & 1U) && g->count[a])
      json_object_set_new(out, cgap_axis_name((cgap_axis)a), json_string(g->value[a][index[a]]));
  return out;
}

/* Means and spreads over the seeds of each setting. */
static json_t *means_json(const sweep_results *r, const cgap_grid *g)
{
  json_t *out = json_array();
  size_t index[CGAP_AXES];
  for (size_t s = 0; s < cgap_grid_settings(g); s++) {
    if (!is_first_seed(g, s, index))
      continue;
    json_t *one = json_object(), *measures = json_object();
    size_t n = 0;
    for (size_t e = 0; e < cgap_field_count; e++) {
      const cgap_spread spread = spread_over(r, g, index, ALL_BUT_SEED, cgap_fields[e].key);
      if (spread.n == 0)
        continue;
      n = spread.n > n ? spread.n : n;
      json_object_set_new(
        measures, cgap_fields[e].key,
        json_pack("{s:o, s:o}", "mean", cgap_number_json(spread.mean), "sd", cgap_number_json(spread.sd)));
    }
    json_object_set_new(one, "setting", setting_json(g, index, ALL_BUT_SEED));
    json_object_set_new(one, "n", json_integer((json_int_t)n));
    json_object_set_new(one, "measures", measures);
    json_array_append_new(out, one);
  }
  return out;
}

static cgap_status write_json(const sweep_results *r, const cgap_grid *g, const char *folder, const cgap_run *run,
                              cgap_error *error)
{
  char path[CGAP_PATH];
  json_t *root = json_object(), *axes = json_object();
  for (int a = 0; a < CGAP_AXES; a++) {
    json_t *values = json_array();
    for (size_t k = 0; k < g->count[a]; k++)
      json_array_append_new(values, json_string(g->value[a][k]));
    json_object_set_new(axes, cgap_axis_name((cgap_axis)a), values);
  }
  json_object_set_new(root, "axes", axes);
  json_object_set_new(root, "means", means_json(r, g));
  json_object_set(root, "runs", r->runs);
  json_object_set_new(root, "run", cgap_run_json(run));
  cgap_status status = cgap_folder_file(path, folder, "sweep.json", error);
  if (status == CGAP_OK)
    status = cgap_json_write(root, path, error);
  json_decref(root);
  return status;
}

/* What the figures show, mean over both directions where there are two. */
static const struct shown {
  const char *title, *key, *other;
} SHOWN[] = {
  {"centroid distance", "gap.centroid_distance", NULL},
  {"uniformity", "uniformity.mean", NULL},
  {"alignment", "alignment.mean_squared_distance", NULL},
  {"recall@1", "retrieval.image_to_text.recall_at_1", "retrieval.text_to_image.recall_at_1"},
};
enum { SHOWN_COUNT = sizeof SHOWN / sizeof *SHOWN };

static cgap_spread shown_spread(const sweep_results *r, const cgap_grid *g, const size_t index[CGAP_AXES],
                                unsigned fixed, const struct shown *what)
{
  cgap_spread s = spread_over(r, g, index, fixed, what->key);
  if (what->other) {
    const cgap_spread b = spread_over(r, g, index, fixed, what->other);
    s.mean = (s.mean + b.mean) / 2;
    s.sd = (s.sd + b.sd) / 2;
  }
  return s;
}

/* x of an axis: its values where they are numbers, else their places. */
static bool axis_numbers(const cgap_grid *g, cgap_axis axis, double *x)
{
  bool numbers = true;
  for (size_t k = 0; k < g->count[axis]; k++) {
    char *end = NULL;
    x[k] = strtod(g->value[axis][k], &end);
    numbers = numbers && end != g->value[axis][k] && !*end;
  }
  for (size_t k = 0; !numbers && k < g->count[axis]; k++)
    x[k] = (double)k;
  return numbers;
}

/* Values above 0 that span a decade stand on a logarithmic axis. */
static bool is_wide(const double *x, size_t count)
{
  double least = INFINITY, most = 0;
  for (size_t k = 0; k < count; k++) {
    least = x[k] < least ? x[k] : least;
    most = x[k] > most ? x[k] : most;
  }
  return least > 0 && most / least >= 10;
}

/* Means over everything but the axis and the loss, with bars of one standard deviation. numbers: 3 of each curve. */
static void fill_curve(cgap_curve *out, const sweep_results *r, const cgap_grid *g, cgap_axis axis, size_t loss,
                       const struct shown *what, const double *x, double *numbers)
{
  const size_t count = g->count[axis];
  const bool by_loss = axis != CGAP_AXIS_LOSS && g->count[CGAP_AXIS_LOSS] > 0;
  const unsigned fixed = 1U << axis | (by_loss ? 1U << CGAP_AXIS_LOSS : 0U);
  size_t index[CGAP_AXES] = {0};
  double *y = numbers, *low = y + count, *high = low + count;
  index[CGAP_AXIS_LOSS] = by_loss ? loss : 0;
  for (size_t k = 0; k < count; k++) {
    index[axis] = k;
    const cgap_spread s = shown_spread(r, g, index, fixed, what);
    y[k] = s.mean;
    low[k] = s.mean - s.sd;
    high[k] = s.mean + s.sd;
  }
  *out = (cgap_curve){.panel = what->title,
                      .series = by_loss ? g->value[CGAP_AXIS_LOSS][loss] : "mean",
                      .x = x,
                      .y = y,
                      .low = low,
                      .high = high,
                      .count = count};
}

static cgap_status write_axis(const sweep_results *r, const cgap_grid *g, cgap_axis axis, const char *folder,
                              const char *source, cgap_error *error)
{
  char name[60], title[100];
  const size_t losses = axis != CGAP_AXIS_LOSS && g->count[CGAP_AXIS_LOSS] ? g->count[CGAP_AXIS_LOSS] : 1;
  const size_t curves = losses * SHOWN_COUNT;
  cgap_curve *curve = calloc(curves, sizeof *curve);
  double *numbers = calloc((3 * curves + 1) * g->count[axis], sizeof *numbers), *x = numbers;
  cgap_status status = CGAP_OK;
  if (!curve || !numbers)
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory");
  if (status == CGAP_OK) {
    const bool log_x = axis_numbers(g, axis, x) && is_wide(x, g->count[axis]);
    size_t used = 0;
    for (size_t c = 0; c < SHOWN_COUNT; c++)
      for (size_t l = 0; l < losses; l++, used++)
        fill_curve(&curve[used], r, g, axis, l, &SHOWN[c], x, numbers + (1 + 3 * used) * g->count[axis]);
    snprintf(name, sizeof name, "sweep-%s", cgap_axis_name(axis));
    snprintf(title, sizeof title, "The gap against --%s", cgap_axis_name(axis));
    const cgap_curves_about about = {.title = title,
                                     .shown = "means over seeds and the other options; bars of one standard deviation",
                                     .x = cgap_axis_name(axis),
                                     .log_x = log_x,
                                     .source = source};
    status = cgap_curves_write(folder, name, curve, curves, &about, error);
  }
  free(curve);
  free(numbers);
  return status;
}

/* The gap over the first two options that vary, losses taken together. */
static cgap_status write_map(const sweep_results *r, const cgap_grid *g, cgap_axis row, cgap_axis column,
                             const char *folder, const char *source, cgap_error *error)
{
  const size_t rows = g->count[row], columns = g->count[column];
  double *value = calloc(rows * columns, sizeof *value);
  size_t index[CGAP_AXES] = {0};
  if (!value)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (size_t k = 0; k < rows * columns; k++) {
    index[row] = k / columns;
    index[column] = k % columns;
    value[k] = shown_spread(r, g, index, 1U << row | 1U << column, &SHOWN[0]).mean;
  }
  const cgap_map map = {.x = cgap_axis_name(column),
                        .y = cgap_axis_name(row),
                        .measure = SHOWN[0].title,
                        .column = (const char *const *)g->value[column],
                        .row = (const char *const *)g->value[row],
                        .columns = columns,
                        .rows = rows,
                        .value = value};
  const cgap_curves_about about = {.title = "Centroid distance over two options",
                                   .shown = "means over seeds and the other options",
                                   .x = map.x,
                                   .source = source};
  cgap_status status = cgap_map_write(folder, &map, &about, error);
  free(value);
  return status;
}

cgap_status sweep_results_write(const sweep_results *r, const cgap_grid *g, const char *folder, const cgap_run *run,
                                const char *source, void (*told)(const char *line), cgap_error *error)
{
  char figures[CGAP_PATH];
  cgap_folder made;
  cgap_status status = write_csv(r, folder, error);
  if (status == CGAP_OK)
    status = write_json(r, g, folder, run, error);
  if (status == CGAP_OK)
    status = cgap_folder_file(figures, folder, "figures", error);
  if (status == CGAP_OK)
    status = cgap_folder_open(&made, figures, error);
  char drawn[CGAP_AXES][40];
  const char *names[CGAP_AXES + 1];
  size_t count = 0, varied = 0;
  cgap_axis first[2];
  for (int a = CGAP_AXIS_IMAGES; status == CGAP_OK && a < CGAP_AXES; a++)
    if (g->count[a] > 1) {
      status = write_axis(r, g, (cgap_axis)a, figures, source, error);
      snprintf(drawn[a], sizeof drawn[a], "sweep-%s", cgap_axis_name((cgap_axis)a));
      names[count++] = drawn[a];
      if (varied < 2)
        first[varied++] = (cgap_axis)a;
    }
  if (status == CGAP_OK && varied == 2) {
    status = write_map(r, g, first[0], first[1], figures, source, error);
    names[count++] = "map";
  }
  return status == CGAP_OK ? cgap_draw_figures(figures, names, count, told, error) : status;
}

/* ---------------------------------------------------------------- the terminal */

void sweep_results_print(const sweep_results *r, const cgap_grid *g)
{
  size_t index[CGAP_AXES];
  for (int a = CGAP_AXIS_IMAGES; a < CGAP_AXES; a++)
    if (g->count[a] > 1)
      printf("%16s", cgap_axis_name((cgap_axis)a));
  printf("%20s%20s%20s%20s\n", "centroid distance", "uniformity", "alignment", "recall@1");
  for (size_t s = 0; s < cgap_grid_settings(g); s++) {
    if (!is_first_seed(g, s, index))
      continue;
    for (int a = CGAP_AXIS_IMAGES; a < CGAP_AXES; a++)
      if (g->count[a] > 1)
        printf("%16s", g->value[a][index[a]]);
    for (size_t c = 0; c < SHOWN_COUNT; c++) {
      const cgap_spread spread = shown_spread(r, g, index, ALL_BUT_SEED, &SHOWN[c]);
      char text[60];
      if (isfinite(spread.sd))
        snprintf(text, sizeof text, "%.4f (sd %.4f)", spread.mean, spread.sd);
      else
        snprintf(text, sizeof text, "%.4f", spread.mean);
      printf("%20s", text);
    }
    printf("\n");
  }
}
