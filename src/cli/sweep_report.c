/* What a person sees of a sweep: a figure for each axis that varies and a map of the first two, the page, and the table
 * as markup. Every number is a mean over the runs that agree on some of the axes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/fields.h"
#include "cli/sweep_view.h"
#include "report/figures.h"
#include "report/page.h"

const struct sweep_shown_measure sweep_shown[SWEEP_SHOWN_COUNT] = {
  {"centroid distance", N_("the gap (centroid distance)"), "distance", "gap.centroid_distance", NULL},
  {"uniformity", "uniformity", "uniformity", "uniformity.mean", NULL},
  {"alignment", "alignment", "alignment", "alignment.mean_squared_distance", NULL},
  {"mixed nDCG@10", "mixed nDCG@10", "mixed nDCG", "mixed_retrieval.image_query.ndcg_at_10",
   "mixed_retrieval.text_query.ndcg_at_10"},
  {"recall@1", "recall@1", "recall@1", "retrieval.image_to_text.recall_at_1", "retrieval.text_to_image.recall_at_1"},
};
enum { DECIMALS = 4 };

sweep_view sweep_view_of(const sweep_results *r, const cgap_sweep_grid *g, const sweep_ranking *ranking)
{
  sweep_view v = {.results = r, .grid = g, .ranking = ranking};
  for (int a = CGAP_AXIS_SEED + 1; a < cgap_axis_count(); a++)
    if (g->count[a] > 1)
      v.axis[v.axes++] = a;
  return v;
}

cgap_mean_sd sweep_view_mean_sd(const sweep_view *v, const size_t index[CGAP_AXES_MAX], unsigned fixed, size_t measure)
{
  return sweep_mean_sd_over(v->results, v->grid, index, fixed, sweep_shown[measure].key, sweep_shown[measure].other);
}

/* Losses that an axis is shown for one by one; 0: all runs together. */
static size_t losses_along(const sweep_view *v, int axis)
{
  return axis == CGAP_AXIS_LOSS ? 0 : v->grid->count[CGAP_AXIS_LOSS];
}

/* A measure along an axis, over everything but the axis and, where there are losses, this one. The caller's; NULL: out
 * of memory. */
static cgap_mean_sd *measure_along(const sweep_view *v, int axis, size_t loss, size_t measure)
{
  const bool by_loss = losses_along(v, axis) > 0;
  const unsigned fixed = 1U << axis | (by_loss ? 1U << CGAP_AXIS_LOSS : 0U);
  size_t index[CGAP_AXES_MAX] = {[CGAP_AXIS_LOSS] = by_loss ? loss : 0};
  cgap_mean_sd *out = calloc(v->grid->count[axis], sizeof *out);
  for (size_t k = 0; out && k < v->grid->count[axis]; k++) {
    index[axis] = k;
    out[k] = sweep_view_mean_sd(v, index, fixed, measure);
  }
  return out;
}

static bool is_number(const char *text)
{
  char *end = NULL;
  (void)strtod(text, &end);
  return end != text && !*end;
}

static bool has_numbers(const cgap_sweep_grid *g, int axis)
{
  bool numbers = true;
  for (size_t k = 0; k < g->count[axis]; k++)
    numbers = numbers && is_number(g->value[axis][k]);
  return numbers;
}

/* ---------------------------------------------------------------- next to what needs no training */

void sweep_view_before(double out[CGAP_TRIAL_MEASURES], const sweep_view *v)
{
  for (int m = 0; m < CGAP_TRIAL_MEASURES; m++)
    out[m] = sweep_reference_over(v->results, SWEEP_BEFORE, sweep_trial_keys[m][0], sweep_trial_keys[m][1]).mean;
}

bool sweep_view_has_intervals(const sweep_view *v)
{
  return v->ranking->count && v->ranking->rank[0].against.known[CGAP_RIVAL_CENTER];
}

const char sweep_brackets[] = N_("Brackets of the conclusion: 95 % confidence intervals.");

/* ---------------------------------------------------------------- figures */

static cgap_curves_about about_sweep(const sweep_view *v, const char *title, const char *shown, const char *x)
{
  return (cgap_curves_about){.title = title,
                             .shown = shown,
                             .x = x,
                             .source = v->source,
                             .images = v->results->images,
                             .texts = v->results->texts,
                             .dim = v->results->dim,
                             .names = &v->results->names};
}

static int compare_doubles(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

/* Values above 0 that extend over a decade, or three or more of one ratio (32, 64, 128), are shown on a logarithmic
 * axis. */
static bool needs_log_axis(const double *values, size_t count)
{
  double *x = count ? malloc(count * sizeof *x) : NULL;
  if (!x)
    return false;
  memcpy(x, values, count * sizeof *x);
  qsort(x, count, sizeof *x, compare_doubles);
  bool geometric = count > 2 && x[0] > 0;
  for (size_t k = 2; k < count && geometric; k++)
    geometric = fabs(x[k] / x[k - 1] / (x[1] / x[0]) - 1) < 0.01;
  const bool decade = x[0] > 0 && x[count - 1] / x[0] >= 10;
  free(x);
  return geometric || decade;
}

/* Bars of one standard deviation. numbers: three for each value of the axis. */
static bool fill_curve(cgap_curve *out, const sweep_view *v, int axis, size_t loss, size_t measure, const double *x,
                       double *numbers)
{
  const size_t count = v->grid->count[axis];
  double *y = numbers, *low = y + count, *high = low + count;
  cgap_mean_sd *along = measure_along(v, axis, loss, measure);
  for (size_t k = 0; along && k < count; k++) {
    y[k] = along[k].mean;
    low[k] = along[k].mean - along[k].sd;
    high[k] = along[k].mean + along[k].sd;
  }
  *out = (cgap_curve){.panel = sweep_shown[measure].title,
                      .series = losses_along(v, axis) ? v->grid->value[CGAP_AXIS_LOSS][loss] : "mean",
                      .x = x,
                      .y = y,
                      .low = low,
                      .high = high,
                      .count = count};
  const bool ok = along != NULL;
  free(along);
  return ok;
}

/* The single runs behind a curve: x, then y. numbers: two for each run. */
static void fill_runs(cgap_curve *out, const sweep_view *v, int axis, size_t loss, const cgap_curve *mean,
                      size_t measure, double *numbers)
{
  const bool by_loss = losses_along(v, axis) > 0;
  const unsigned fixed = 1U << axis | (by_loss ? 1U << CGAP_AXIS_LOSS : 0U);
  size_t index[CGAP_AXES_MAX] = {[CGAP_AXIS_LOSS] = by_loss ? loss : 0};
  double *x = numbers, *y = numbers + json_array_size(v->results->runs);
  *out = (cgap_curve){.panel = mean->panel, .series = mean->series, .x = x, .y = y, .runs = true};
  for (size_t k = 0; k < mean->count; k++) {
    index[axis] = k;
    const size_t found = sweep_values_over(y + out->count, v->results, v->grid, index, fixed, sweep_shown[measure].key,
                                           sweep_shown[measure].other);
    for (size_t i = 0; i < found; i++)
      x[out->count++] = mean->x[k];
  }
}

static cgap_status write_axis(const sweep_view *v, int axis, const char *folder, cgap_error *error)
{
  char name[60], title[100];
  const size_t count = v->grid->count[axis], losses = losses_along(v, axis) ? losses_along(v, axis) : 1;
  const size_t curves = losses * SWEEP_SHOWN_COUNT, runs = json_array_size(v->results->runs);
  const bool numbers = has_numbers(v->grid, axis);
  cgap_curve *curve = calloc(2 * curves, sizeof *curve);
  double *values = calloc((3 * curves + 1) * count, sizeof *values), *x = values;
  double *of_runs = calloc(2 * curves * runs + 1, sizeof *of_runs);
  bool ok = curve && values && of_runs;
  for (size_t k = 0; ok && k < count; k++) /* texts by their places */
    x[k] = numbers ? strtod(v->grid->value[axis][k], NULL) : (double)k;
  for (size_t c = 0; ok && c < curves; c++) {
    ok = fill_curve(&curve[c], v, axis, c % losses, c / losses, x, values + (1 + 3 * c) * count);
    if (ok)
      fill_runs(&curve[curves + c], v, axis, c % losses, &curve[c], c / losses, of_runs + 2 * c * runs);
  }
  snprintf(name, sizeof name, "sweep-%s", cgap_axis_name(axis));
  snprintf(title, sizeof title, "The gap against --%s", cgap_axis_name(axis));
  cgap_curves_about about =
    about_sweep(v, title, "means over seeds and the other options; bars: one standard deviation; pale: single runs",
                cgap_axis_name(axis));
  about.log_x = ok && numbers && needs_log_axis(x, count);
  about.x_names = numbers ? NULL : (const char *const *)v->grid->value[axis];
  about.x_name_count = numbers ? 0 : count;
  const cgap_status status = ok ? cgap_curves_write(folder, name, curve, 2 * curves, &about, error)
                                : cgap_fail(error, CGAP_RESOURCE, "out of memory");
  free(curve);
  free(values);
  free(of_runs);
  return status;
}

/* The gap over the first two axes that vary, losses taken together. */
static cgap_status write_map(const sweep_view *v, const char *folder, cgap_error *error)
{
  const int row = v->axis[0], column = v->axis[1];
  const size_t rows = v->grid->count[row], columns = v->grid->count[column];
  double *value = calloc(rows * columns, sizeof *value);
  size_t index[CGAP_AXES_MAX] = {0};
  if (!value)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (size_t k = 0; k < rows * columns; k++) {
    index[row] = k / columns;
    index[column] = k % columns;
    value[k] = sweep_view_mean_sd(v, index, 1U << row | 1U << column, SWEEP_GAP).mean;
  }
  const cgap_map map = {.x = cgap_axis_name(column),
                        .y = cgap_axis_name(row),
                        .measure = sweep_shown[SWEEP_GAP].title,
                        .column = (const char *const *)v->grid->value[column],
                        .row = (const char *const *)v->grid->value[row],
                        .columns = columns,
                        .rows = rows,
                        .value = value,
                        .lower_is_better = true};
  const cgap_curves_about about =
    about_sweep(v, "Centroid distance over two options", "means over seeds and the other options", map.x);
  const cgap_status status = cgap_map_write(folder, &map, &about, error);
  free(value);
  return status;
}

static cgap_status write_figures(const sweep_view *v, const char *folder, void (*warn_line)(const char *line),
                                 cgap_error *error)
{
  char path[CGAP_PATH], name[CGAP_AXES_MAX][40];
  const char *names[CGAP_AXES_MAX + 1];
  cgap_folder made;
  cgap_status status = cgap_folder_file(path, folder, "figures", error);
  if (status == CGAP_OK)
    status = cgap_folder_open(&made, path, error);
  for (size_t a = 0; status == CGAP_OK && a < v->axes; a++) {
    status = write_axis(v, v->axis[a], path, error);
    snprintf(name[a], sizeof name[a], "sweep-%s", cgap_axis_name(v->axis[a]));
    names[a] = name[a];
  }
  if (status == CGAP_OK && v->axes > 1)
    status = write_map(v, path, error);
  names[v->axes] = "map";
  return status == CGAP_OK ? cgap_figures_render(path, names, v->axes + (v->axes > 1), warn_line, error) : status;
}

/* ---------------------------------------------------------------- the page: sentences */

static void put_varied(cgap_page *page, const sweep_view *v)
{
  fputs("<p>", page->out);
  for (size_t a = 0; a < v->axes; a++) {
    cgap_page_text(page, "%s%s%s", cgap_tr(page->names, a ? N_("; ") : N_("Varied: ")), cgap_axis_name(v->axis[a]),
                   cgap_tr(page->names, N_(" (")));
    for (size_t k = 0; k < v->grid->count[v->axis[a]]; k++)
      cgap_page_text(page, "%s%s", k ? cgap_tr(page->names, N_(", ")) : "", v->grid->value[v->axis[a]][k]);
    fputs(cgap_tr(page->names, N_(")")), page->out);
  }
  cgap_page_text(page, "%s %zu seed%s each, %zu runs, all measured on the test part, which training never saw.",
                 cgap_tr(page->names, v->axes ? N_(";") : N_("Only the seed varied:")), sweep_seed_count(v->grid),
                 sweep_seed_count(v->grid) == 1 ? "" : "s", cgap_sweep_grid_settings(v->grid));
  fputs("</p>\n", page->out);
}

/* "rises from … at … to … at …": the ends decide; less than the runs' own standard deviation is marked as such. */
static void put_trend(cgap_page *page, char *const *at, const cgap_mean_sd *v, size_t count)
{
  const size_t last = count - 1;
  const double move = v[last].mean - v[0].mean, deviation = fmax(v[0].sd, v[last].sd);
  bool steady = true;
  for (size_t k = 1; k < count; k++)
    steady = steady && (v[k].mean - v[k - 1].mean) * move > 0;
  const bool small = isfinite(deviation) && fabs(move) <= deviation;
  char from[40], to[40];
  cgap_value_show(from, v[0].mean, DECIMALS);
  cgap_value_show(to, v[last].mean, DECIMALS);
  if (strcmp(from, to) == 0) {
    cgap_page_text(page, "is %s at %s and at %s", from, at[0], at[last]);
    return;
  }
  cgap_page_text(page,
                 small      ? N_("goes from %s at %s to %s at %s, within one standard deviation of the runs")
                 : move > 0 ? N_("rises from %s at %s to %s at %s")
                            : N_("falls from %s at %s to %s at %s"),
                 from, at[0], to, at[last]);
  if (!small && !steady)
    cgap_page_text(page, ", not at every step");
}

static void put_extremes(cgap_page *page, char *const *at, const cgap_mean_sd *v, size_t count)
{
  size_t low = 0, high = 0;
  char text[40], most[40];
  for (size_t k = 1; k < count; k++) {
    low = v[k].mean < v[low].mean ? k : low;
    high = v[k].mean > v[high].mean ? k : high;
  }
  if (v[low].mean >= v[high].mean) {
    cgap_value_show(text, v[0].mean, DECIMALS);
    cgap_page_text(page, "is %s at each", text);
    return;
  }
  cgap_value_show(text, v[low].mean, DECIMALS);
  cgap_value_show(most, v[high].mean, DECIMALS);
  cgap_page_text(page, "is lowest, %s at %s, and highest, %s at %s", text, at[low], most, at[high]);
}

static void put_measure(cgap_page *page, const sweep_view *v, int axis, size_t measure)
{
  const size_t losses = losses_along(v, axis), count = v->grid->count[axis];
  const bool named = losses > 1, numbers = has_numbers(v->grid, axis);
  fputs("<p>", page->out);
  cgap_page_text(page, "Along %s, %s%s ", cgap_axis_name(axis),
                 cgap_phrase_of(page->names, sweep_shown[measure].words).s, named ? cgap_tr(page->names, N_(":")) : "");
  for (size_t l = 0; l < (losses ? losses : 1); l++) {
    cgap_mean_sd *along = measure_along(v, axis, l, measure);
    bool known = along != NULL;
    for (size_t k = 0; known && k < count; k++)
      known = isfinite(along[k].mean);
    fputs(l ? cgap_tr(page->names, N_("; ")) : "", page->out);
    if (named)
      cgap_page_text(page, "under %s it ", v->grid->value[CGAP_AXIS_LOSS][l]);
    if (!known)
      cgap_page_text(page, "is not known everywhere");
    else if (numbers)
      put_trend(page, v->grid->value[axis], along, count);
    else
      put_extremes(page, v->grid->value[axis], along, count);
    free(along);
  }
  fprintf(page->out, "%s</p>\n", cgap_tr(page->names, N_(".")));
}

/* ---------------------------------------------------------------- the page: what moves the gap */

/* The smallest and the largest mean of the gap along an axis, over all that differs else. */
typedef struct gap_range {
  size_t low, high; /* values of the axis */
  double from, to;  /* NaN where a value has no results */
} gap_range;

static gap_range range_along(const sweep_view *v, int axis)
{
  gap_range range = {.from = INFINITY, .to = -INFINITY};
  size_t index[CGAP_AXES_MAX] = {0};
  for (size_t k = 0; k < v->grid->count[axis]; k++) {
    index[axis] = k;
    const double mean = sweep_view_mean_sd(v, index, 1U << axis, SWEEP_GAP).mean;
    if (isnan(mean))
      return (gap_range){.from = NAN, .to = NAN};
    if (mean < range.from) {
      range.from = mean;
      range.low = k;
    }
    if (mean > range.to) {
      range.to = mean;
      range.high = k;
    }
  }
  return range;
}

/* The axis along which the gap moves most, the first where none is known. */
static int moving_axis(const sweep_view *v)
{
  int best = v->axis[0];
  double most = 0;
  for (size_t a = 0; a < v->axes; a++) {
    const gap_range range = range_along(v, v->axis[a]);
    if (range.to - range.from > most) {
      most = range.to - range.from;
      best = v->axis[a];
    }
  }
  return best;
}

static void put_mover(cgap_page *page, const sweep_view *v)
{
  const int axis = moving_axis(v);
  const gap_range range = range_along(v, axis);
  char *const *at = v->grid->value[axis];
  if (!isfinite(range.to - range.from))
    cgap_page_put(page, "p", "What moves the gap is not known: a value of --%s has no results.", cgap_axis_name(axis));
  else
    cgap_page_put(page, "p", "The gap moves %s --%s: %s %.3f at %s, %.3f at %s%s.",
                  cgap_tr(page->names, v->axes > 1 ? N_("most with") : N_("with")), cgap_axis_name(axis),
                  cgap_phrase_of(page->names, sweep_shown[SWEEP_GAP].title).s, range.from, at[range.low], range.to,
                  at[range.high], v->axes > 1 ? cgap_tr(page->names, N_(", means over the other options")) : "");
}

static void name_figure(char name[40], int axis)
{
  snprintf(name, 40, "sweep-%s", cgap_axis_name(axis));
}

static void put_result(cgap_page *page, const void *data)
{
  const sweep_view *v = data;
  char conclusion[CGAP_SENTENCE], advice[CGAP_SENTENCE], name[40];
  cgap_against_advise(advice, &v->results->names, v->ranking->head, v->ranking->count);
  sweep_conclude(conclusion, &v->results->names, v->ranking);
  fputs("<div class=\"verdict\">\n", page->out);
  if (advice[0])
    cgap_page_put(page, "p class=\"lead\"", "%s", advice);
  cgap_page_put(page, "p", "%s", conclusion);
  if (v->axes)
    put_mover(page, v);
  put_varied(page, v);
  if (sweep_view_has_intervals(v))
    cgap_page_put(page, "p", "%s", cgap_tr(page->names, sweep_brackets));
  fputs("</div>\n", page->out);
  if (v->axes == 0)
    return;
  name_figure(name, moving_axis(v));
  cgap_page_figures(page, (const char *const[]){name}, 1);
}

/* ---------------------------------------------------------------- the page: figures and table */

/* What each option did to the gap and to search, and the figures that the page does not open with. */
static void put_figures(cgap_page *page, const void *data)
{
  const sweep_view *v = data;
  if (v->axes == 0)
    cgap_page_put(page, "p", "Only the seed varied: there is nothing to draw the gap against.");
  else if (v->axes > 1)
    cgap_page_put(
      page, "p",
      "Each is a mean over the seeds and over the other options; whether the effect of one option depends on "
      "another is seen in the table.");
  for (size_t a = 0; a < v->axes; a++) {
    char name[40];
    const int axis = v->axis[a];
    put_measure(page, v, axis, SWEEP_GAP);
    put_measure(page, v, axis, SWEEP_RECALL); /* what it cost */
    name_figure(name, axis);
    if (axis != moving_axis(v))
      cgap_page_figures(page, (const char *const[]){name}, 1);
  }
  if (v->axes > 1)
    cgap_page_figures(page, (const char *const[]){"map"}, 1);
}

/* Of the setting's value on the axis. */
static cgap_cell setting_cell(const sweep_view *v, int axis, const char *text)
{
  cgap_cell cell = {.text = text, .is_number = has_numbers(v->grid, axis)};
  snprintf(cell.sort, sizeof cell.sort, "%.9g", strtod(text, NULL));
  return cell;
}

static cgap_cell mean_cell(const cgap_mean_sd *value)
{
  cgap_cell cell = cgap_cell_number(value->mean, DECIMALS);
  const size_t used = strlen(cell.shown);
  char sd[40];
  cgap_value_show(sd, value->sd, DECIMALS);
  if (isfinite(value->sd))
    snprintf(cell.shown + used, sizeof cell.shown - used, " ± %s", sd);
  return cell;
}

/* The heads of a table of the ranking: the rank, the axes that vary, the score, the measures, which open the gap. */
enum { HEADS_MAX = 3 + CGAP_AXES_MAX + SWEEP_SHOWN_COUNT, HEAD_BYTES = 60 };

static size_t name_heads(char names[HEADS_MAX][HEAD_BYTES], const char *heads[HEADS_MAX], const sweep_view *v)
{
  const size_t count = 3 + v->axes + SWEEP_SHOWN_COUNT;
  for (size_t h = 0; h < count; h++) {
    const char *name = h == 0             ? "Rank"
                       : h <= v->axes     ? cgap_axis_name(v->axis[h - 1])
                       : h == v->axes + 1 ? "score"
                       : h + 1 == count   ? "gap"
                                          : sweep_shown[h - v->axes - 2].title;
    const bool number =
      h == 0 || (h > v->axes && h + 1 < count) || (h <= v->axes && has_numbers(v->grid, v->axis[h - 1]));
    snprintf(names[h], HEAD_BYTES, "%s%.50s", number ? "#" : "", cgap_tr(&v->results->names, name));
    heads[h] = names[h];
  }
  return count;
}

static cgap_cell rank_cell(const sweep_ranking *ranking, size_t k)
{
  const size_t place = sweep_place(ranking, k);
  return place ? cgap_cell_count((double)place) : cgap_cell_number(NAN, 0);
}

static void put_ranking(cgap_page *page, const void *data)
{
  const sweep_view *v = data;
  char names[HEADS_MAX][HEAD_BYTES], caption[200], criterion[CGAP_SENTENCE];
  const char *heads[HEADS_MAX];
  double before[CGAP_TRIAL_MEASURES];
  bool opens = false;
  for (size_t k = 0; k < v->ranking->count; k++)
    opens = opens || v->ranking->rank[k].against.opens;
  const size_t count = name_heads(names, heads, v) - !opens; /* the last column says which */
  sweep_criterion(criterion, &v->results->names, v->ranking, v->results, v->grid);
  if (criterion[0])
    cgap_page_put(page, "p", "%s", criterion);
  if (sweep_seed_count(v->grid) > 1)
    (void)cgap_modality_printf(caption, sizeof caption, page->names, "Mean ± standard deviation over %zu seeds",
                               sweep_seed_count(v->grid));
  else
    snprintf(caption, sizeof caption, "%s", cgap_tr(page->names, N_("One run per line")));
  cgap_page_table(page, caption, heads, count);
  for (size_t k = 0; k < v->ranking->count; k++) {
    const sweep_rank *r = &v->ranking->rank[k];
    cgap_cell cells[HEADS_MAX] = {rank_cell(v->ranking, k)};
    for (size_t a = 0; a < v->axes; a++)
      cells[1 + a] = setting_cell(v, v->axis[a], v->grid->value[v->axis[a]][r->index[v->axis[a]]]);
    cells[1 + v->axes] = cgap_cell_number(r->score, DECIMALS);
    for (size_t m = 0; m < SWEEP_SHOWN_COUNT; m++) {
      const cgap_mean_sd value = sweep_view_mean_sd(v, r->index, SWEEP_ALL_BUT_SEED, m);
      cells[2 + v->axes + m] = mean_cell(&value);
    }
    cells[2 + v->axes + SWEEP_SHOWN_COUNT] = cgap_cell_text(r->against.opens ? cgap_tr(page->names, N_("opens")) : "");
    cgap_page_row(page, cells, count);
  }
  cgap_page_table_end(page);
  cgap_page_put(
    page, "p",
    "The score is the mean of mixed nDCG@10 and recall@1, which are means of both directions. Every measure "
    "of every run is in sweep.csv, means are in sweep.json, and each run's options in runs.jsonl.");
  sweep_view_before(before, v);
  if (sweep_view_has_intervals(v))
    cgap_against_page(page, before, v->ranking->head, v->ranking->count);
}

/* Of what the first run has that was measured. */
static void put_definitions(cgap_page *page, const void *data)
{
  const json_t *runs = ((const sweep_view *)data)->results->runs;
  size_t k = 0;
  unsigned has = 0;
  while (json_object_get(json_array_get(runs, k), "why"))
    k++;
  const json_t *results = json_object_get(json_array_get(runs, k), "results");
  for (size_t e = 0; e < cgap_field_count(); e++)
    if (json_object_get(results, cgap_field_at(e)->key))
      has |= cgap_field_at(e)->needs;
  cgap_page_definitions(page, has);
}

static void put_run(cgap_page *page, const void *data)
{
  const sweep_view *v = data;
  cgap_page_run(page, v->run);
  cgap_page_term(page, N_("data"), "%s", v->source);
  fputs("</dl>\n", page->out);
}

cgap_status sweep_report_write(const sweep_results *r, const cgap_sweep_grid *g, const char *folder,
                               const cgap_run *run, const char *source, void (*warn_line)(const char *line),
                               cgap_error *error)
{
  static const cgap_section sections[] = {
    {"result", "What moves the gap", put_result}, {"measures", "Ranking", put_ranking},
    {"figures", "Option by option", put_figures}, {"definitions", "Definitions", put_definitions},
    {"run", "How it was run", put_run},           {NULL, NULL, NULL}};
  sweep_ranking ranking;
  cgap_status status = sweep_ranking_init(&ranking, r, g, error);
  sweep_view v = sweep_view_of(r, g, &ranking);
  v.run = run;
  v.source = source;
  if (status == CGAP_OK)
    status = write_figures(&v, folder, warn_line, error);
  if (status == CGAP_OK)
    status = cgap_page_write(folder, "The gap against the options of training", source, &r->names, sections, &v,
                             warn_line, error);
  sweep_ranking_clear(&ranking);
  return status;
}

/* ---------------------------------------------------------------- markup */

cgap_status sweep_report_markup(const sweep_results *r, const cgap_sweep_grid *g, cgap_markup markup, cgap_error *error)
{
  sweep_ranking ranking;
  char text[HEADS_MAX][HEAD_BYTES], sentence[CGAP_SENTENCE];
  const char *cells[HEADS_MAX];
  const cgap_status status = sweep_ranking_init(&ranking, r, g, error);
  if (status != CGAP_OK)
    return status;
  const sweep_view v = sweep_view_of(r, g, &ranking);
  const size_t count = name_heads(text, cells, &v);
  sweep_conclude(sentence, &r->names, &ranking);
  cgap_markup_note(stdout, markup, NULL, sentence);
  sweep_criterion(sentence, &r->names, &ranking, r, g);
  if (sentence[0])
    cgap_markup_note(stdout, markup, NULL, sentence);
  if (sweep_view_has_intervals(&v))
    cgap_markup_note(stdout, markup, NULL, cgap_tr(&r->names, sweep_brackets));
  cgap_markup_note(stdout, markup, NULL,
                   cgap_tr(&r->names, sweep_seed_count(g) > 1
                                        ? N_("Mean ± standard deviation over the seeds, on the test part.")
                                        : N_("One run per line, on the test part.")));
  fputs(markup == CGAP_MARKDOWN ? "\n" : "", stdout);
  cgap_markup_begin(stdout, markup, cells, count);
  for (size_t k = 0; k < ranking.count; k++) {
    const sweep_rank *one = &ranking.rank[k];
    const cgap_cell score = cgap_cell_number(one->score, DECIMALS);
    snprintf(text[0], HEAD_BYTES, "%s", rank_cell(&ranking, k).shown);
    for (size_t a = 0; a < v.axes; a++)
      snprintf(text[1 + a], HEAD_BYTES, "%s", g->value[v.axis[a]][one->index[v.axis[a]]]);
    snprintf(text[1 + v.axes], HEAD_BYTES, "%s", score.shown);
    for (size_t m = 0; m < SWEEP_SHOWN_COUNT; m++) {
      const cgap_mean_sd value = sweep_view_mean_sd(&v, one->index, SWEEP_ALL_BUT_SEED, m);
      snprintf(text[2 + v.axes + m], HEAD_BYTES, "%s", mean_cell(&value).shown);
    }
    snprintf(text[count - 1], HEAD_BYTES, "%s", one->against.opens ? cgap_tr(&r->names, N_("opens")) : "");
    cgap_markup_row(stdout, markup, cells, count);
  }
  cgap_markup_end(stdout, markup);
  sweep_ranking_clear(&ranking);
  return CGAP_OK;
}
