#include "report/sweep_page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/comparison_page.h"
#include "report/table.h"

enum { RESULT, FIGURES, MEASURES, DEFINITIONS, RUN };
static const cgap_section sections[] = {{"result", "What was varied and what was seen"},
                                        {"figures", "Figures"},
                                        {"measures", "Every point"},
                                        {"definitions", "Definitions"},
                                        {"run", "How it was run"},
                                        {NULL, NULL}};
enum { DECIMALS = 4, GAP = 0 };

/* ---------------------------------------------------------------- sentences */

static void put_values(cgap_page *page, const cgap_sweep_axis *a)
{
  for (size_t k = 0; k < a->count; k++) {
    fputs(k ? ", " : "", page->out);
    cgap_page_text(page, a->value[k]);
  }
}

static void put_varied(cgap_page *page, const cgap_sweep *s)
{
  fputs("<p>", page->out);
  for (size_t a = 0; a < s->axes; a++) {
    fprintf(page->out, "%s%s (", a ? "; " : "Varied: ", s->axis[a].name);
    put_values(page, &s->axis[a]);
    fputs(")", page->out);
  }
  fprintf(page->out, "%s %zu seed%s each, %zu runs, all measured on the test part, which training never saw.</p>\n",
          s->axes ? ";" : "Only the seed varied:", s->seeds, s->seeds == 1 ? "" : "s", s->runs);
}

static void put_at(cgap_page *page, const char *words, double value, const char *at)
{
  char text[40];
  cgap_value_show(text, value, DECIMALS);
  fprintf(page->out, "%s %s at ", words, text);
  cgap_page_text(page, at);
}

/* "rises from … at … to … at …": the ends decide; less than the runs' own spread is said as such. */
static void put_trend(cgap_page *page, const cgap_sweep_axis *a, const cgap_sweep_value *v)
{
  const size_t last = a->count - 1;
  const double move = v[last].mean - v[0].mean, deviation = fmax(v[0].sd, v[last].sd);
  bool steady = true;
  for (size_t k = 1; k < a->count; k++)
    steady = steady && (v[k].mean - v[k - 1].mean) * move > 0;
  const bool small = isfinite(deviation) && fabs(move) <= deviation;
  fputs(small ? "goes" : move > 0 ? "rises" : "falls", page->out);
  put_at(page, " from", v[0].mean, a->value[0]);
  put_at(page, " to", v[last].mean, a->value[last]);
  fputs(small ? ", within one standard deviation of the runs" : !steady ? ", not at every step" : "", page->out);
}

static void put_extremes(cgap_page *page, const cgap_sweep_axis *a, const cgap_sweep_value *v)
{
  size_t least = 0, most = 0;
  for (size_t k = 1; k < a->count; k++) {
    least = v[k].mean < v[least].mean ? k : least;
    most = v[k].mean > v[most].mean ? k : most;
  }
  if (v[least].mean >= v[most].mean) {
    char text[40];
    cgap_value_show(text, v[0].mean, DECIMALS);
    fprintf(page->out, "is %s at each", text);
    return;
  }
  put_at(page, "is least,", v[least].mean, a->value[least]);
  put_at(page, ", and most,", v[most].mean, a->value[most]);
}

static bool is_known(const cgap_sweep_value *v, size_t count)
{
  for (size_t k = 0; k < count; k++)
    if (!isfinite(v[k].mean))
      return false;
  return true;
}

static void put_measure(cgap_page *page, const cgap_sweep *s, const cgap_sweep_axis *a, size_t m)
{
  fprintf(page->out, "<p>Along %s, %s%s ", a->name, m == GAP ? "the gap (centroid distance)" : s->measure[m],
          a->series ? ":" : "");
  for (size_t l = 0; l < a->series_count; l++) {
    const cgap_sweep_value *v = a->along + (l * s->measures + m) * a->count;
    fputs(l ? "; " : "", page->out);
    if (a->series) {
      fputs("under ", page->out);
      cgap_page_text(page, a->series[l]);
      fputs(" it ", page->out);
    }
    if (!is_known(v, a->count))
      fputs("is not known everywhere", page->out);
    else if (a->numbers)
      put_trend(page, a, v);
    else
      put_extremes(page, a, v);
  }
  fputs(".</p>\n", page->out);
}

static void put_result(cgap_page *page, const cgap_sweep *s)
{
  cgap_page_section(page, &sections[RESULT]);
  fputs("<div class=\"verdict\">\n", page->out);
  put_varied(page, s);
  for (size_t a = 0; a < s->axes; a++)
    put_measure(page, s, &s->axis[a], GAP);
  fputs("</div>\n", page->out);
  for (size_t a = 0; a < s->axes; a++)
    put_measure(page, s, &s->axis[a], s->measures - 1); /* what it cost: retrieval */
  if (s->axes > 1)
    fputs("<p>Each is a mean over the seeds and over the other options; whether one option's effect hangs on another "
          "is seen in the table.</p>\n",
          page->out);
  cgap_page_section_end(page);
}

/* ---------------------------------------------------------------- figures and table */

static cgap_status put_axis_figure(cgap_page *page, const cgap_sweep_axis *a, const char *folder, cgap_error *error)
{
  fputs("<h3>Along ", page->out);
  cgap_page_text(page, a->name);
  fputs("</h3>\n", page->out);
  if (!a->numbers) {
    fputs("<p>On the axis", page->out);
    for (size_t k = 0; k < a->count; k++) {
      fprintf(page->out, "%s %zu is ", k ? "," : "", k);
      cgap_page_text(page, a->value[k]);
    }
    fputs(".</p>\n", page->out);
  }
  return cgap_page_figures(page, folder, &a->figure, 1, error);
}

static cgap_status put_figures(cgap_page *page, const cgap_sweep *s, const char *folder, cgap_error *error)
{
  static const char *const map = "map";
  char path[CGAP_PATH];
  cgap_status status = cgap_folder_file(path, folder, "figures", error);
  cgap_page_section(page, &sections[FIGURES]);
  if (s->axes == 0)
    fputs("<p>Only the seed varied: there is nothing to draw the gap against.</p>\n", page->out);
  for (size_t a = 0; a < s->axes && status == CGAP_OK; a++)
    status = put_axis_figure(page, &s->axis[a], path, error);
  if (s->map && status == CGAP_OK)
    status = cgap_page_figures(page, path, &map, 1, error);
  cgap_page_section_end(page);
  return status;
}

static void put_setting(cgap_page *page, const cgap_sweep_axis *a, const char *text)
{
  if (!a->numbers) {
    cgap_page_cell(page, text);
    return;
  }
  fprintf(page->out, "<td class=\"n\" data-v=\"%.9g\">", strtod(text, NULL));
  cgap_page_text(page, text);
  fputs("</td>", page->out);
}

static void put_mean_sd(cgap_page *page, const cgap_sweep_value *v)
{
  char mean[40], sd[40];
  if (!isfinite(v->sd)) {
    cgap_page_number(page, v->mean, DECIMALS);
    return;
  }
  cgap_value_show(mean, v->mean, DECIMALS);
  cgap_value_show(sd, v->sd, DECIMALS);
  fprintf(page->out, "<td class=\"n\" data-v=\"%.9g\">%s ± %s</td>", v->mean, mean, sd);
}

static void put_points(cgap_page *page, const cgap_sweep *s)
{
  enum { HEADS = 16, HEAD = 40 };
  char names[HEADS][HEAD], caption[100];
  const char *heads[HEADS];
  size_t count = 0;
  for (size_t a = 0; a < s->axes && count < HEADS; a++, count++)
    snprintf(names[count], HEAD, "%s%.30s", s->axis[a].numbers ? "#" : "", s->axis[a].name);
  for (size_t m = 0; m < s->measures && count < HEADS; m++, count++)
    snprintf(names[count], HEAD, "#%.30s", s->measure[m]);
  for (size_t h = 0; h < count; h++)
    heads[h] = names[h];
  snprintf(caption, sizeof caption, s->seeds > 1 ? "Mean ± standard deviation over %zu seeds" : "One run a line",
           s->seeds);
  cgap_page_section(page, &sections[MEASURES]);
  cgap_page_table(page, caption, heads, count);
  for (size_t p = 0; p < s->points; p++) {
    cgap_page_row(page);
    for (size_t a = 0; a < s->axes; a++)
      put_setting(page, &s->axis[a], s->setting[p * s->axes + a]);
    for (size_t m = 0; m < s->measures; m++)
      put_mean_sd(page, &s->value[p * s->measures + m]);
    fputs("</tr>\n", page->out);
  }
  cgap_page_table_end(page);
  fputs(
    "<p>recall@1 is the mean of both directions. Every measure of every run stands in <code>sweep.csv</code>, means "
    "in <code>sweep.json</code>, each run's options in <code>runs.jsonl</code>.</p>\n",
    page->out);
  cgap_page_section_end(page);
}

static void put_run(cgap_page *page, const cgap_sweep *s)
{
  char text[100];
  cgap_page_section(page, &sections[RUN]);
  fputs("<dl class=\"run\">\n", page->out);
  cgap_page_term(page, "command", s->run.command_line ? s->run.command_line : "");
  cgap_page_term(page, "version", cgap_version());
  cgap_page_term(page, "data", s->source);
  snprintf(text, sizeof text, "%.1f s on %d threads", s->run.seconds, s->run.threads);
  cgap_page_term(page, "time", text);
  fputs("</dl>\n", page->out);
  cgap_page_section_end(page);
}

cgap_status cgap_sweep_page_write(const cgap_sweep *s, const char *folder, cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_page page;
  cgap_status status = cgap_folder_file(path, folder, "report.html", error);
  if (status == CGAP_OK)
    status = cgap_page_open(&page, path, "The gap against the options of training", s->source, sections, error);
  if (status != CGAP_OK)
    return status;
  put_result(&page, s);
  status = put_figures(&page, s, folder, error);
  put_points(&page, s);
  cgap_page_section(&page, &sections[DEFINITIONS]);
  cgap_page_definitions(&page, s->has);
  cgap_page_section_end(&page);
  put_run(&page, s);
  const bool commit = status == CGAP_OK;
  cgap_status closed = cgap_page_close(&page, commit, commit ? error : NULL);
  return commit ? closed : status;
}
