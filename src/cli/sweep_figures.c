#include "cli/sweep_figures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/fields.h"
#include "report/comparison_page.h"
#include "report/curves.h"
#include "report/sweep_page.h"

/* What the figures show, mean over both directions where there are two. */
static const struct shown_measure {
  const char *title, *key, *other;
} SHOWN[] = {
  {"centroid distance", "gap.centroid_distance", NULL},
  {"uniformity", "uniformity.mean", NULL},
  {"alignment", "alignment.mean_squared_distance", NULL},
  {"recall@1", "retrieval.image_to_text.recall_at_1", "retrieval.text_to_image.recall_at_1"},
};
enum { SHOWN_COUNT = sizeof SHOWN / sizeof *SHOWN };

static cgap_mean_sd shown_mean_sd(const sweep_results *r, const cgap_sweep_grid *g, const size_t index[CGAP_AXES_MAX],
                                  unsigned fixed, const struct shown_measure *what)
{
  return sweep_mean_sd_over(r, g, index, fixed, what->key, what->other);
}

/* x of an axis: its values where they are numbers, else their places. */
static bool axis_numbers(const cgap_sweep_grid *g, int axis, double *x)
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
static bool needs_log_axis(const double *x, size_t count)
{
  double least = INFINITY, most = 0;
  for (size_t k = 0; k < count; k++) {
    least = x[k] < least ? x[k] : least;
    most = x[k] > most ? x[k] : most;
  }
  return least > 0 && most / least >= 10;
}

/* Means over everything but the axis and the loss, with bars of one standard deviation. numbers: 3 of each curve. */
static void fill_curve(cgap_curve *out, const sweep_results *r, const cgap_sweep_grid *g, int axis, size_t loss,
                       const struct shown_measure *what, const double *x, double *numbers)
{
  const size_t count = g->count[axis];
  const bool by_loss = axis != CGAP_AXIS_LOSS && g->count[CGAP_AXIS_LOSS] > 0;
  const unsigned fixed = 1U << axis | (by_loss ? 1U << CGAP_AXIS_LOSS : 0U);
  size_t index[CGAP_AXES_MAX] = {0};
  double *y = numbers, *low = y + count, *high = low + count;
  index[CGAP_AXIS_LOSS] = by_loss ? loss : 0;
  for (size_t k = 0; k < count; k++) {
    index[axis] = k;
    const cgap_mean_sd s = shown_mean_sd(r, g, index, fixed, what);
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

static cgap_status write_axis(const sweep_results *r, const cgap_sweep_grid *g, int axis, const char *folder,
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
    const bool log_x = axis_numbers(g, axis, x) && needs_log_axis(x, g->count[axis]);
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
                                     .source = source,
                                     .images = r->images,
                                     .texts = r->texts,
                                     .dim = r->dim};
    status = cgap_curves_write(folder, name, curve, curves, &about, error);
  }
  free(curve);
  free(numbers);
  return status;
}

/* The gap over the first two options that vary, losses taken together. */
static cgap_status write_map(const sweep_results *r, const cgap_sweep_grid *g, int row, int column, const char *folder,
                             const char *source, cgap_error *error)
{
  const size_t rows = g->count[row], columns = g->count[column];
  double *value = calloc(rows * columns, sizeof *value);
  size_t index[CGAP_AXES_MAX] = {0};
  if (!value)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (size_t k = 0; k < rows * columns; k++) {
    index[row] = k / columns;
    index[column] = k % columns;
    value[k] = shown_mean_sd(r, g, index, 1U << row | 1U << column, &SHOWN[0]).mean;
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
                                   .source = source,
                                   .images = r->images,
                                   .texts = r->texts,
                                   .dim = r->dim};
  cgap_status status = cgap_map_write(folder, &map, &about, error);
  free(value);
  return status;
}

/* ---------------------------------------------------------------- the page */

/* What the page points into. */
typedef struct page_data {
  cgap_sweep_axis axis[CGAP_AXES_MAX];
  cgap_sweep_value *along[CGAP_AXES_MAX], *value;
  const char **setting;
  char figure[CGAP_AXES_MAX][40];
  size_t axes;
} page_data;

static void page_data_clear(page_data *p)
{
  for (int a = 0; a < cgap_axis_count(); a++)
    free(p->along[a]);
  free(p->value);
  free(p->setting);
}

static bool fill_axis(page_data *p, const sweep_results *r, const cgap_sweep_grid *g, int axis)
{
  const size_t count = g->count[axis], at = p->axes;
  const bool by_loss = axis != CGAP_AXIS_LOSS && g->count[CGAP_AXIS_LOSS] > 1;
  const size_t losses = by_loss ? g->count[CGAP_AXIS_LOSS] : 1;
  double *x = calloc(count, sizeof *x);
  cgap_sweep_value *v = p->along[at] = calloc(losses * SHOWN_COUNT * count, sizeof *v);
  size_t index[CGAP_AXES_MAX] = {0};
  if (!x || !v) {
    free(x);
    return false;
  }
  for (size_t l = 0; l < losses; l++)
    for (size_t m = 0; m < SHOWN_COUNT; m++)
      for (size_t k = 0; k < count; k++, v++) {
        index[CGAP_AXIS_LOSS] = by_loss ? l : 0;
        index[axis] = k;
        const unsigned fixed = 1U << axis | (by_loss ? 1U << CGAP_AXIS_LOSS : 0U);
        const cgap_mean_sd s = shown_mean_sd(r, g, index, fixed, &SHOWN[m]);
        *v = (cgap_sweep_value){s.mean, s.sd};
      }
  snprintf(p->figure[at], sizeof p->figure[at], "sweep-%s", cgap_axis_name(axis));
  p->axis[at] = (cgap_sweep_axis){.name = cgap_axis_name(axis),
                                  .figure = p->figure[at],
                                  .value = (const char *const *)g->value[axis],
                                  .series = by_loss ? (const char *const *)g->value[CGAP_AXIS_LOSS] : NULL,
                                  .along = p->along[at],
                                  .count = count,
                                  .series_count = losses,
                                  .numbers = axis_numbers(g, axis, x)};
  p->axes++;
  free(x);
  return true;
}

/* Settings and values of every point; returns how many there are. */
static size_t fill_points(page_data *p, const sweep_results *r, const cgap_sweep_grid *g)
{
  size_t index[CGAP_AXES_MAX], points = 0;
  for (size_t s = 0; s < cgap_sweep_grid_settings(g); s++) {
    if (!sweep_is_first_seed(g, s, index))
      continue;
    size_t at = points * p->axes;
    for (int a = CGAP_AXIS_SEED + 1; a < cgap_axis_count(); a++)
      if (g->count[a] > 1)
        p->setting[at++] = g->value[a][index[a]];
    for (size_t m = 0; m < SHOWN_COUNT; m++) {
      const cgap_mean_sd v = shown_mean_sd(r, g, index, SWEEP_ALL_BUT_SEED, &SHOWN[m]);
      p->value[points * SHOWN_COUNT + m] = (cgap_sweep_value){v.mean, v.sd};
    }
    points++;
  }
  return points;
}

/* What the measures of the first run that has any need. */
static unsigned has_of(const sweep_results *r)
{
  size_t k = 0;
  while (json_object_get(json_array_get(r->runs, k), "why"))
    k++;
  const json_t *results = json_object_get(json_array_get(r->runs, k), "results");
  unsigned has = 0;
  for (size_t e = 0; e < cgap_field_count(); e++)
    if (json_object_get(results, cgap_field_at(e)->key))
      has |= cgap_field_at(e)->needs;
  return has;
}

static cgap_status write_page(const sweep_results *r, const cgap_sweep_grid *g, const char *folder, const cgap_run *run,
                              const char *source, cgap_error *error)
{
  page_data p = {0};
  const char *measure[SHOWN_COUNT];
  const size_t settings = cgap_sweep_grid_settings(g);
  bool ok = true;
  for (size_t m = 0; m < SHOWN_COUNT; m++)
    measure[m] = SHOWN[m].title;
  for (int a = CGAP_AXIS_SEED + 1; a < cgap_axis_count() && ok; a++)
    if (g->count[a] > 1)
      ok = fill_axis(&p, r, g, a);
  p.value = calloc(settings * SHOWN_COUNT, sizeof *p.value);
  p.setting = calloc(settings * CGAP_AXES_MAX, sizeof *p.setting);
  cgap_status status = CGAP_OK;
  if (!ok || !p.value || !p.setting)
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory");
  if (status == CGAP_OK) {
    const size_t points = fill_points(&p, r, g);
    const cgap_sweep sweep = {.source = source,
                              .axis = p.axis,
                              .axes = p.axes,
                              .measure = measure,
                              .measures = SHOWN_COUNT,
                              .setting = p.setting,
                              .value = p.value,
                              .points = points,
                              .runs = settings,
                              .seeds = g->count[CGAP_AXIS_SEED] ? g->count[CGAP_AXIS_SEED] : 1,
                              .map = p.axes > 1,
                              .has = has_of(r),
                              .run = *run};
    status = cgap_sweep_page_write(&sweep, folder, error);
  }
  page_data_clear(&p);
  return status;
}

cgap_status sweep_figures_write(const sweep_results *r, const cgap_sweep_grid *g, const char *folder,
                                const cgap_run *run, const char *source, void (*warn_line)(const char *line),
                                cgap_error *error)
{
  char figures[CGAP_PATH];
  cgap_folder made;
  cgap_status status = cgap_folder_file(figures, folder, "figures", error);
  if (status == CGAP_OK)
    status = cgap_folder_open(&made, figures, error);
  char figure_names[CGAP_AXES_MAX][40];
  const char *names[CGAP_AXES_MAX + 1];
  size_t count = 0, varied = 0;
  int first[2];
  for (int a = CGAP_AXIS_SEED + 1; status == CGAP_OK && a < cgap_axis_count(); a++)
    if (g->count[a] > 1) {
      status = write_axis(r, g, a, figures, source, error);
      snprintf(figure_names[a], sizeof figure_names[a], "sweep-%s", cgap_axis_name(a));
      names[count++] = figure_names[a];
      if (varied < 2)
        first[varied++] = a;
    }
  if (status == CGAP_OK && varied == 2) {
    status = write_map(r, g, first[0], first[1], figures, source, error);
    names[count++] = "map";
  }
  if (status == CGAP_OK)
    status = cgap_render_figures(figures, names, count, warn_line, error);
  return status == CGAP_OK ? write_page(r, g, folder, run, source, error) : status;
}

/* ---------------------------------------------------------------- the terminal */

/* How a mean and its spread over seeds are written: with less where the lines would not fit. */
typedef struct cell {
  int width;
  enum { SD_IN_WORDS, SD_AFTER_SIGN, NO_SD } sd_style;
} cell;

static int axis_width(const cgap_sweep_grid *g, int axis)
{
  size_t shown_width = strlen(cgap_axis_name(axis));
  for (size_t k = 0; k < g->count[axis]; k++)
    shown_width = strlen(g->value[axis][k]) > shown_width ? strlen(g->value[axis][k]) : shown_width;
  return (int)shown_width + 2;
}

static cell cell_for(const cgap_sweep_grid *g, int columns)
{
  static const cell CELLS[] = {{20, SD_IN_WORDS}, {16, SD_AFTER_SIGN}, {12, NO_SD}};
  const size_t last = sizeof CELLS / sizeof *CELLS - 1;
  int axes = 0;
  size_t k = 0;
  for (int a = CGAP_AXIS_SEED + 1; a < cgap_axis_count(); a++)
    axes += g->count[a] > 1 ? axis_width(g, a) : 0;
  while (k < last && axes + (int)SHOWN_COUNT * CELLS[k].width > columns)
    k++;
  return CELLS[k];
}

static void print_mean_sd(const cell *c, const cgap_mean_sd *value)
{
  char text[60] = "n/a";
  const bool has_sd = isfinite(value->sd) && c->sd_style != NO_SD;
  if (has_sd && c->sd_style == SD_IN_WORDS)
    snprintf(text, sizeof text, "%.4f (sd %.4f)", value->mean, value->sd);
  else if (has_sd)
    snprintf(text, sizeof text, "%.4f ±%.4f", value->mean, value->sd);
  else if (value->n > 0)
    snprintf(text, sizeof text, "%.4f", value->mean);
  printf("%*s", c->width + (has_sd && c->sd_style == SD_AFTER_SIGN), text); /* ± has two bytes */
}

void sweep_results_print(const sweep_results *r, const cgap_sweep_grid *g, int columns)
{
  static const char *const TITLE[] = {"distance", "uniformity", "alignment", "recall@1"};
  const cell c = cell_for(g, columns);
  size_t index[CGAP_AXES_MAX];
  for (int a = CGAP_AXIS_SEED + 1; a < cgap_axis_count(); a++)
    if (g->count[a] > 1)
      printf("%*s", axis_width(g, a), cgap_axis_name(a));
  for (size_t k = 0; k < SHOWN_COUNT; k++)
    printf("%*s", c.width, k == 0 && c.width > 17 ? "centroid distance" : TITLE[k]);
  printf("\n");
  for (size_t s = 0; s < cgap_sweep_grid_settings(g); s++) {
    if (!sweep_is_first_seed(g, s, index))
      continue;
    for (int a = CGAP_AXIS_SEED + 1; a < cgap_axis_count(); a++)
      if (g->count[a] > 1)
        printf("%*s", axis_width(g, a), g->value[a][index[a]]);
    for (size_t k = 0; k < SHOWN_COUNT; k++) {
      const cgap_mean_sd value = shown_mean_sd(r, g, index, SWEEP_ALL_BUT_SEED, &SHOWN[k]);
      print_mean_sd(&c, &value);
    }
    printf("\n");
  }
  if (c.sd_style == NO_SD && g->count[CGAP_AXIS_SEED] > 1)
    printf("\nmeans over %zu seeds; how they spread stands in report.html\n", g->count[CGAP_AXIS_SEED]);
}
