/* The figure and the page of an overview. */
#include <math.h>
#include <string.h>

#include "report/figures.h"
#include "report/gnuplot.h"
#include "report/overview.h"

/* ---------------------------------------------------------------- figure */

enum { FIGURE_HEAD = 26, PAGE_HEAD = 28, PANELS_MAX = 24 };

static void put_point(cgap_tsv *t, const cgap_overview *o, const cgap_ranked *m, size_t place, const char *title,
                      const char *head)
{
  const size_t k = o->order[place];
  const cgap_scalar *s = &o->comparison->input[k].scalar[m->entry];
  const double value = cgap_ranking_value(o->comparison, k, m->entry);
  fprintf(t->file.stream, "%s\t%s\t%.17g\t", title, head, o->number ? o->number[k] : (double)place + 1);
  cgap_tsv_number(t, value, '\t');
  cgap_tsv_number(t, isfinite(value) ? s->lo : NAN, '\t');
  cgap_tsv_number(t, isfinite(value) ? s->hi : NAN, '\t');
  fprintf(t->file.stream, "%d\n", m->significant && m->best == k);
}

/* A quote would end a string of gnuplot, a tab a cell. */
static void make_cell(char *text)
{
  for (; *text; text++)
    if (*text == '"' || *text == '\'' || *text == '\t' || *text == '\\')
      *text = ' ';
}

/* A step between the marks of an axis, 1, 2 or 5 times a power of ten, that gives at most four of them; 0 where all
 * values are the same. */
static double axis_step(const cgap_overview *o, size_t entry)
{
  double least = INFINITY, most = -INFINITY;
  for (size_t k = 0; k < o->comparison->count; k++) {
    const double value = cgap_ranking_value(o->comparison, k, entry);
    const cgap_scalar *s = &o->comparison->input[k].scalar[entry];
    if (!isfinite(value))
      continue;
    least = fmin(least, isfinite(s->lo) ? s->lo : value);
    most = fmax(most, isfinite(s->hi) ? s->hi : value);
  }
  const double wanted = (most - least) / 4;
  if (wanted < 1e-9 * fmax(1, fabs(most)))
    return 0;
  const double power = pow(10, floor(log10(wanted)));
  return power * (wanted <= power ? 1 : wanted <= 2 * power ? 2 : wanted <= 5 * power ? 5 : 10);
}

/* The measures with a better direction; of all measures the first, so that each panel can be read. */
static size_t put_panels(cgap_tsv *t, const cgap_overview *o, char (*heads)[CGAP_HEAD_SIZE])
{
  size_t panels = 0;
  for (size_t m = 0; m < o->ranking.count && panels < PANELS_MAX; m++) {
    const cgap_ranked *r = &o->ranking.measure[m];
    char title[CGAP_TITLE_SIZE], key[40];
    if (r->better == CGAP_NEITHER)
      continue;
    cgap_entry_title(title, r->entry, &o->comparison->names);
    make_cell(title);
    for (size_t i = 0; i < o->comparison->count; i++)
      put_point(t, o, r, i, title, heads[o->order[i]]);
    snprintf(key, sizeof key, "panel_%zu", ++panels);
    cgap_tsv_about(t, key, "%s", title);
    snprintf(key, sizeof key, "step_%zu", panels);
    cgap_tsv_about(t, key, "%.12g", axis_step(o, r->entry));
  }
  return panels;
}

cgap_status cgap_overview_figure_write(const char **name, const cgap_overview *o, const char *folder, cgap_error *error)
{
  const size_t count = o->comparison->count;
  char heads[count][CGAP_HEAD_SIZE];
  cgap_tsv table;
  *name = o->number ? "series" : "overview";
  cgap_overview_heads(heads, o->comparison, FIGURE_HEAD);
  cgap_status status = cgap_tsv_open(&table, folder, *name, "panel\tinput\tx\tvalue\tlow\thigh\tmarked", error);
  if (status != CGAP_OK)
    return status;
  for (size_t k = 0; k < count; k++)
    make_cell(heads[k]);
  const size_t panels = put_panels(&table, o, heads);
  cgap_tsv_about(&table, "title", o->number ? "The series" : "The inputs, measure by measure");
  cgap_tsv_about(&table, "shown", "%s",
                 o->number ? "bands: 95 % intervals"
                           : "95 % intervals; filled: significantly better than each of the others");
  cgap_tsv_about(&table, "panels", "%zu", panels);
  cgap_tsv_about(&table, "inputs", "%zu", count);
  for (size_t i = 0; i < count; i++) {
    char key[40];
    snprintf(key, sizeof key, "input_%zu", i + 1);
    cgap_tsv_about(&table, key, "%s", heads[o->order[i]]);
  }
  if (o->number) {
    double rising[count];
    for (size_t i = 0; i < count; i++) {
      size_t at = i;
      for (; at > 0 && rising[at - 1] > o->number[i]; at--)
        rising[at] = rising[at - 1];
      rising[at] = o->number[i];
    }
    if (cgap_series_is_geometric(rising, count))
      cgap_tsv_about(&table, "log_x", "1");
  }
  status = cgap_tsv_close(&table, true, error);
  return status == CGAP_OK ? cgap_plots_copy(folder, *name, error) : status;
}

/* ---------------------------------------------------------------- page */

typedef struct page_data {
  const cgap_overview *overview;
  const cgap_overview_about *about;
} page_data;

/* How near a value is to the best of its line, from 0, the worst, to 1; NaN where the line has no better direction, or
 * its values are the same. */
static double nearness(const cgap_overview *o, const cgap_ranked *m, size_t k)
{
  double best = INFINITY, worst = -INFINITY;
  if (m->better == CGAP_NEITHER || m->other != CGAP_OTHER_NONE)
    return NAN;
  for (size_t i = 0; i < o->comparison->count; i++) {
    const double score = cgap_ranking_score(o->comparison, i, m->entry);
    best = isfinite(score) ? fmin(best, score) : best;
    worst = isfinite(score) ? fmax(worst, score) : worst;
  }
  /* what looks the same is not told apart */
  return worst - best >= pow(10, -cgap_field_at(m->entry)->decimals) / 2
           ? (worst - cgap_ranking_score(o->comparison, k, m->entry)) / (worst - best)
           : NAN;
}

static void put_value(cgap_page *page, const cgap_overview *o, const cgap_ranked *m, size_t k)
{
  enum { SHADE_MAX = 40 }; /* per cent, so that the number stays readable */
  const cgap_cell cell =
    cgap_cell_number(cgap_ranking_value(o->comparison, k, m->entry), cgap_field_at(m->entry)->decimals);
  const double near = nearness(o, m, k);
  const bool marked = m->significant && m->best == k;
  fprintf(page->out, "<td class=\"n\" data-v=\"%s\" style=\"--near:%.0f%%\">%s", cell.sort,
          isfinite(near) ? near * SHADE_MAX : 0, marked ? "<b>" : "");
  cgap_page_text(page, marked ? "%s *" : "%s", cell.shown);
  fputs(marked ? "</b></td>" : "</td>", page->out);
}

/* Inputs by measures; the shade of a cell says how near it is to the best of its line. */
static void put_matrix(cgap_page *page, const cgap_overview *o)
{
  const size_t count = o->comparison->count;
  char heads[count][CGAP_HEAD_SIZE], named[count][CGAP_HEAD_SIZE + 1], caption[200];
  const char *titles[count + 1];
  cgap_notes notes;
  cgap_overview_heads(heads, o->comparison, PAGE_HEAD);
  titles[0] = "Measure";
  for (size_t i = 0; i < count; i++) {
    snprintf(named[i], sizeof named[i], "#%s", heads[o->order[i]]);
    titles[i + 1] = named[i];
  }
  cgap_page_put(page, "p class=\"soft\"",
                "↓ lower is better, ↑ higher is better; the darker a cell, the nearer to the best of its line.");
  (void)cgap_modality_printf(caption, sizeof caption, page->names, "%zu inputs, sorted by %s", count,
                             o->sort_entry == SIZE_MAX ? cgap_tr(page->names, N_("their numbers"))
                                                       : cgap_entry_key(o->sort_entry));
  cgap_page_table(page, caption, titles, count + 1);
  for (size_t m = 0; m < o->ranking.count; m++) {
    const cgap_ranked *r = &o->ranking.measure[m];
    char title[CGAP_TITLE_SIZE];
    cgap_entry_title(title, r->entry, &o->comparison->names);
    fputs("<tr><td>", page->out);
    cgap_page_text(page, "%s%s", title, r->better == CGAP_LOWER ? " ↓" : r->better == CGAP_HIGHER ? " ↑" : "");
    cgap_page_key(page, cgap_entry_key(r->entry));
    fputs("</td>", page->out);
    for (size_t i = 0; i < count; i++)
      put_value(page, o, r, o->order[i]);
    fputs("</tr>\n", page->out);
  }
  cgap_page_table_end(page);
  cgap_overview_notes(&notes, o, "*");
  fputs("<ul>\n", page->out);
  for (size_t i = 0; i < notes.count; i++)
    cgap_page_put(page, "li", "%s", notes.text[i]);
  fputs("</ul>\n", page->out);
}

/* Which input to use: the one that is significantly best in the kinds of search, where it is only one. */
static void put_advice(cgap_page *page, const cgap_overview *o, char (*heads)[CGAP_HEAD_SIZE])
{
  size_t kinds = 0, won = 0, first = SIZE_MAX;
  bool several = false;
  for (size_t m = 0; m < o->ranking.count; m++) {
    const cgap_ranked *r = &o->ranking.measure[m];
    for (size_t s = 0; s < CGAP_SEARCH_KINDS; s++) {
      if (strcmp(cgap_entry_key(r->entry), cgap_search_kinds[s]) != 0)
        continue;
      kinds++;
      if (!r->significant)
        continue;
      several = several || (won && r->best != first);
      first = r->best;
      won++;
    }
  }
  if (several)
    cgap_page_put(page, "p", "What to do: choose by the search that matters; different inputs are best.");
  else if (won)
    cgap_page_put(page, "p", "What to do: use %s. It is significantly best in %zu of %zu kinds of search, no other is.",
                  heads[first], won, kinds);
  else if (kinds)
    cgap_page_put(page, "p", "What to do: search does not decide, no input is significantly best in its %zu kinds.",
                  kinds);
}

static void put_result(cgap_page *page, const void *data)
{
  const cgap_overview *o = ((const page_data *)data)->overview;
  char heads[o->comparison->count][CGAP_HEAD_SIZE];
  char legend[CGAP_SENTENCE];
  cgap_verdict_words words;
  cgap_overview_heads(heads, o->comparison, PAGE_HEAD);
  cgap_overview_words(&words, o, heads);
  fputs("<div class=\"verdict\">\n", page->out);
  for (size_t i = 0; i < words.count; i++)
    cgap_page_put(page, i ? "p" : "p class=\"lead\"", "%s", words.sentence[i]);
  put_advice(page, o, heads);
  fputs("</div>\n", page->out);
  if (cgap_overview_legend(legend, o->comparison, heads))
    cgap_page_put(page, "p", "%s", legend);
}

static void put_figures(cgap_page *page, const void *data)
{
  const page_data *p = data;
  cgap_page_figures(page, &p->about->figure, 1);
}

static void put_measures(cgap_page *page, const void *data)
{
  put_matrix(page, ((const page_data *)data)->overview);
}

static cgap_cell p_cell(double p)
{
  cgap_cell cell = cgap_cell_number(p, 4);
  if (p < 0.0001)
    snprintf(cell.shown, sizeof cell.shown, "< 0.0001");
  return cell;
}

/* The best against the next, measure by measure. */
static void put_differences(cgap_page *page, const void *data)
{
  static const char *const HEADS[] = {"Measure",       "Best",          "Next",        "#Difference",
                                      "95 % interval", "#p after Holm", "For the best"};
  const cgap_overview *o = ((const page_data *)data)->overview;
  char heads[o->comparison->count][CGAP_HEAD_SIZE];
  cgap_overview_heads(heads, o->comparison, PAGE_HEAD);
  cgap_page_table(page, "The best less the next", HEADS, sizeof HEADS / sizeof *HEADS);
  for (size_t m = 0; m < o->ranking.count; m++) {
    const cgap_ranked *r = &o->ranking.measure[m];
    char title[CGAP_TITLE_SIZE], interval[100];
    if (r->best == SIZE_MAX)
      continue;
    const cgap_lead *lead = &r->lead[r->next];
    const int decimals = cgap_field_at(r->entry)->decimals;
    cgap_entry_title(title, r->entry, &o->comparison->names);
    cgap_interval_show(interval, lead->change.lo, lead->change.hi, decimals, cgap_tr(page->names, N_("%s to %s")));
    const cgap_cell cells[] = {{.text = title, .key = cgap_entry_key(r->entry)},
                               cgap_cell_text(heads[r->best]),
                               cgap_cell_text(heads[r->next]),
                               cgap_cell_number(lead->change.difference, decimals),
                               cgap_cell_text(interval),
                               p_cell(lead->p_holm),
                               cgap_cell_text(r->significant        ? cgap_tr(page->names, N_("significantly best"))
                                              : !isfinite(lead->p)  ? cgap_tr(page->names, N_("no interval"))
                                              : lead->p_holm < 0.05 ? "better than this one"
                                              : lead->p < 0.05      ? "not after correction"
                                                                    : "unclear")};
    cgap_page_row(page, cells, sizeof cells / sizeof *cells);
  }
  cgap_page_table_end(page);
}

static void put_definitions(cgap_page *page, const void *data)
{
  const cgap_overview *o = ((const page_data *)data)->overview;
  unsigned has = 0;
  for (size_t m = 0; m < o->ranking.count; m++)
    has |= cgap_field_at(o->ranking.measure[m].entry)->needs;
  cgap_page_definitions(page, has);
}

static void put_run(cgap_page *page, const void *data)
{
  const page_data *p = data;
  cgap_page_run(page, p->about->run);
  for (size_t k = 0; k < p->overview->comparison->count; k++)
    cgap_page_term(page, N_("input"), "%s: %s", p->overview->comparison->input[k].name, p->about->paths[k]);
  fputs("</dl>\n", page->out);
  cgap_page_put(page, "p", "The same numbers are in %s.", "compare.json");
}

cgap_status cgap_overview_page_write(const cgap_overview *o, const cgap_overview_about *about, const char *folder,
                                     cgap_error *error)
{
  const cgap_section measures = {"measures", "Measures", put_measures}, figures = {"figures", "Figure", put_figures};
  const cgap_section sections[] = {{"result", o->number ? "The series" : "Who is best", put_result},
                                   o->number ? figures : measures,
                                   o->number ? measures : figures,
                                   {"differences", "Best against next", put_differences},
                                   {"definitions", "Definitions", put_definitions},
                                   {"run", "How it was run", put_run},
                                   {NULL, NULL, NULL}};
  char heads[o->comparison->count][CGAP_HEAD_SIZE], title[300];
  cgap_overview_heads(heads, o->comparison, PAGE_HEAD);
  const size_t count = o->comparison->count;
  const cgap_modality_names *names = &o->comparison->names;
  if (o->number)
    (void)cgap_modality_printf(title, sizeof title, names, "%s to %s: %zu inputs compared", heads[o->order[0]],
                               heads[o->order[count - 1]], count);
  else if (count == 3)
    (void)cgap_modality_printf(title, sizeof title, names, "%s, %s and %s compared", heads[o->order[0]],
                               heads[o->order[1]], heads[o->order[2]]);
  else
    (void)cgap_modality_printf(title, sizeof title, names, "%s, %s, %s and %zu more compared", heads[o->order[0]],
                               heads[o->order[1]], heads[o->order[2 < count ? 2 : 1]], count - 3);
  const page_data data = {o, about};
  return cgap_page_write(folder, title, "The contrastive gap, compared", &o->comparison->names, sections, &data,
                         about->warn_line, error);
}
