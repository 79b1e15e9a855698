/* The table of a sweep on the terminal, in the widest layout that fits. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/sweep_view.h"

/* How a mean and its standard deviation over seeds are written: with less where the lines would not fit. */
typedef struct cell_layout {
  int width;
  bool is_narrow; /* the gap and the searches alone */
  enum { SD_IN_WORDS, SD_AFTER_SIGN, NO_SD } sd_style;
} cell_layout;

static int axis_width(const cgap_sweep_grid *g, int axis)
{
  size_t width = strlen(cgap_axis_name(axis));
  for (size_t k = 0; k < g->count[axis]; k++)
    width = strlen(g->value[axis][k]) > width ? strlen(g->value[axis][k]) : width;
  return (int)width + 2;
}

static int axes_width(const sweep_view *v)
{
  int width = 0;
  for (size_t a = 0; a < v->axes; a++)
    width += axis_width(v->grid, v->axis[a]);
  return width;
}

enum { RANK = 5 }; /* width */

/* One setting has no rank. */
static int rank_width(const sweep_view *v)
{
  return v->axes ? RANK : 0;
}

static cell_layout layout_for(const sweep_view *v, int columns)
{
  static const cell_layout LAYOUTS[] = {
    {20, false, SD_IN_WORDS}, {16, false, SD_AFTER_SIGN}, {11, false, NO_SD}, {11, true, NO_SD}};
  const size_t last = sizeof LAYOUTS / sizeof *LAYOUTS - 1;
  const int axes = rank_width(v) + axes_width(v);
  size_t k = 0;
  while (k < last && axes + (int)SWEEP_SHOWN_COUNT * LAYOUTS[k].width > columns)
    k++;
  return LAYOUTS[k];
}

static bool is_shown(const cell_layout *c, size_t measure)
{
  return !c->is_narrow || (measure != SWEEP_UNIFORMITY && measure != SWEEP_ALIGNMENT);
}

static void put_right(const char *text, int width)
{
  printf("%*s%s", width - cgap_text_width(text, strlen(text)), "", text);
}

static void print_mean_sd(const cell_layout *c, const cgap_mean_sd *value)
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

/* What the heads are next to, as lines of their table. */
static void print_references(const sweep_view *v, const cell_layout *c, int label)
{
  for (int r = 0; r < SWEEP_REFERENCES; r++) {
    put_right(cgap_tr(&v->results->names, sweep_reference_names[r]), label);
    for (size_t m = 0; m < SWEEP_SHOWN_COUNT; m++) {
      if (!is_shown(c, m))
        continue;
      const cgap_mean_sd value =
        sweep_reference_over(v->results, (sweep_reference)r, sweep_shown[m].key, sweep_shown[m].other);
      print_mean_sd(c, &value);
    }
    printf("\n");
  }
}

static void print_rank(const sweep_view *v, size_t k, const cell_layout *c)
{
  const sweep_rank *r = &v->ranking->rank[k];
  const size_t place = sweep_place(v->ranking, k);
  char rank[30] = "-";
  if (place)
    snprintf(rank, sizeof rank, "%zu", place);
  printf("%*s", rank_width(v), v->axes ? rank : "");
  for (size_t a = 0; a < v->axes; a++)
    printf("%*s", axis_width(v->grid, v->axis[a]), v->grid->value[v->axis[a]][r->index[v->axis[a]]]);
  for (size_t m = 0; m < SWEEP_SHOWN_COUNT; m++) {
    const cgap_mean_sd value = sweep_view_mean_sd(v, r->index, SWEEP_ALL_BUT_SEED, m);
    if (is_shown(c, m))
      print_mean_sd(c, &value);
  }
  printf("\n");
}

/* all: not only the first settings. */
static void print_table(const sweep_view *v, const cell_layout *c, bool all)
{
  enum { SHOWN_FIRST = 10 };
  const cgap_modality_names *names = &v->results->names;
  size_t hidden = 0;
  const int width = rank_width(v) + axes_width(v);
  put_right(v->axes ? cgap_tr(names, N_("rank")) : "", rank_width(v));
  for (size_t a = 0; a < v->axes; a++)
    printf("%*s", axis_width(v->grid, v->axis[a]), cgap_axis_name(v->axis[a]));
  for (size_t m = 0; m < SWEEP_SHOWN_COUNT; m++)
    if (is_shown(c, m))
      put_right(cgap_tr(names, m == SWEEP_GAP && c->width > 17 ? sweep_shown[m].title : sweep_shown[m].head), c->width);
  printf("\n");
  if (v->axes)
    print_references(v, c, width);
  for (size_t k = 0; k < v->ranking->count; k++) {
    const sweep_rank *r = &v->ranking->rank[k];
    if (!all && k >= SHOWN_FIRST) {
      hidden++;
      continue;
    }
    if (v->axes && isfinite(r->score) && r->against.opens && (k == 0 || !r[-1].against.opens))
      printf("%*s\n", width, cgap_tr(names, N_("open the gap:")));
    print_rank(v, k, c);
  }
  if (hidden) {
    char text[CGAP_SENTENCE];
    (void)cgap_modality_printf(text, sizeof text, &v->results->names, "… and %zu settings more; --all shows them",
                               hidden);
    puts(text);
  }
}

/* What ±, "sd" and brackets are. */
static void print_legend(const sweep_view *v, const cell_layout *c, const cgap_paper *paper)
{
  static const char *const WORDS[] = {[SD_IN_WORDS] = N_("sd: standard deviation over %zu seeds"),
                                      [SD_AFTER_SIGN] = N_("±: one standard deviation over %zu seeds"),
                                      [NO_SD] = N_("means over %zu seeds; report.html has their standard deviations")};
  char text[200];
  if (sweep_view_has_intervals(v))
    cgap_text_wrap(stdout, paper->columns, "", cgap_tr(&v->results->names, sweep_brackets), 0);
  if (sweep_seed_count(v->grid) < 2)
    return;
  (void)cgap_modality_printf(text, sizeof text, &v->results->names, WORDS[c->sd_style], sweep_seed_count(v->grid));
  cgap_text_wrap(stdout, paper->columns, "", text, 0);
}

cgap_status sweep_report_print(const sweep_results *r, const cgap_sweep_grid *g, bool all, const cgap_paper *paper,
                               cgap_error *error)
{
  sweep_ranking ranking;
  char text[CGAP_SENTENCE];
  double before[CGAP_TRIAL_MEASURES];
  const cgap_status status = sweep_ranking_init(&ranking, r, g, error);
  if (status != CGAP_OK)
    return status;
  const sweep_view v = sweep_view_of(r, g, &ranking);
  const cell_layout c = layout_for(&v, paper->columns);
  sweep_conclude(text, &r->names, &ranking);
  cgap_text_wrap(stdout, paper->columns, "", text, 0);
  sweep_criterion(text, &r->names, &ranking, r, g);
  if (text[0])
    cgap_text_wrap(stdout, paper->columns, "", text, 0);
  printf("\n");
  print_table(&v, &c, all);
  print_legend(&v, &c, paper);
  sweep_view_before(before, &v);
  if (v.axes == 0 && sweep_view_has_intervals(&v)) { /* a table of one line has no names */
    printf("\n");
    cgap_against_print(&r->names, before, ranking.head, ranking.count, paper, stdout);
  }
  sweep_ranking_clear(&ranking);
  return CGAP_OK;
}
