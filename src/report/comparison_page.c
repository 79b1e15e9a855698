#include "report/comparison_page.h"

#include <math.h>
#include <string.h>

#include "report/gnuplot.h"
#include "report/table.h"

static void put_list(cgap_page *page, const cgap_comparison *c, size_t k, const char *word, const char *lead)
{
  size_t count = 0;
  for (size_t e = 0; e < cgap_field_count(); e++) {
    char title[100];
    const cgap_change *d = &c->change[k * c->entries + e];
    if (strcmp(cgap_change_word(d, cgap_comparison_better(c, k, e)), word) != 0)
      continue;
    cgap_field_title(cgap_field_at(e), title);
    fputs(count++ ? "; " : "<p>", page->out);
    if (count == 1) {
      cgap_page_text(page, lead);
      fputs(" ", page->out);
    }
    cgap_page_text(page, title);
    if (cgap_comparison_trained_on(c, k, e))
      fputs(" (trained on)", page->out);
  }
  if (count)
    fputs(".</p>\n", page->out);
}

void cgap_comparison_page_words(cgap_page *page, const cgap_comparison *c, size_t k)
{
  char text[CGAP_SENTENCE];
  if (cgap_comparison_other_d(text, c, k)) {
    fputs("<p>", page->out);
    cgap_page_text(page, text);
    fputs(".</p>\n", page->out);
  }
  put_list(page, c, k, "better", "Clearly better (95 % interval excludes 0):");
  put_list(page, c, k, "worse",
           c->input[k].rows == CGAP_ROWS_SAME ? "The price: clearly worse (95 % interval excludes 0):"
                                              : "Clearly worse (95 % interval excludes 0):");
}

static void put_row(cgap_page *page, const cgap_comparison *c, size_t k, size_t e, size_t beside, size_t beside_end)
{
  char title[100], lo[40], hi[40], interval[100] = "";
  const cgap_change *d = &c->change[k * c->entries + e];
  const int decimals = cgap_field_at(e)->decimals;
  if (isfinite(d->lo) && isfinite(d->hi)) {
    cgap_value_show(lo, d->lo, decimals);
    cgap_value_show(hi, d->hi, decimals);
    snprintf(interval, sizeof interval, "%s to %s", lo, hi);
  }
  cgap_field_title(cgap_field_at(e), title);
  cgap_page_row(page);
  cgap_page_cell(page, title);
  cgap_page_number(page, c->input[0].scalar[e].why ? NAN : c->input[0].scalar[e].value, decimals);
  cgap_page_number(page, c->input[k].scalar[e].why ? NAN : c->input[k].scalar[e].value, decimals);
  cgap_page_number(page, d->difference, decimals);
  cgap_page_cell(page, interval);
  const char *word = cgap_change_word(d, cgap_comparison_better(c, k, e));
  const bool on_purpose = strcmp(word, "better") == 0 && cgap_comparison_trained_on(c, k, e);
  cgap_page_cell(page, on_purpose ? "better (trained on)" : word);
  for (size_t i = beside; i < beside_end; i++)
    cgap_page_number(page, c->input[i].scalar[e].why ? NAN : c->input[i].scalar[e].value, decimals);
  fputs("</tr>\n", page->out);
}

enum { HEAD = 80 };

static void head_of(char out[HEAD], const char *name)
{
  out[0] = '#';
  cgap_name_shorten(out + 1, HEAD - 1, name);
}

void cgap_comparison_page_table(cgap_page *page, const cgap_comparison *c, size_t k, size_t beside, size_t beside_end)
{
  enum { FIXED = 6, HEADS = 16 };
  char names[HEADS][HEAD], caption[400];
  const char *heads[HEADS] = {"Measure", names[1], names[2], "#Difference", "95 % interval", "For the"};
  size_t count = FIXED;
  head_of(names[1], c->input[0].name);
  head_of(names[2], c->input[k].name);
  for (size_t i = beside; i < beside_end && count < HEADS; i++, count++) {
    head_of(names[count], c->input[i].name);
    heads[count] = names[count];
  }
  snprintf(caption, sizeof caption, "%.79s against %.79s; intervals: %.200s", names[2] + 1, names[1] + 1, c->intervals);
  cgap_page_table(page, caption, heads, count);
  for (size_t e = 0; e < cgap_field_count(); e++)
    if (c->input[0].present[e] && c->input[k].present[e])
      put_row(page, c, k, e, beside, beside + count - FIXED);
  cgap_page_table_end(page);
}

cgap_status cgap_page_figures(cgap_page *page, const char *folder, const char *const *names, size_t count,
                              cgap_error *error)
{
  cgap_status status = CGAP_OK;
  fputs("<div class=\"figures\">\n", page->out);
  for (size_t f = 0; f < count && !status; f++) {
    cgap_error fault = {0};
    cgap_status rendered = cgap_page_figure(page, folder, names[f], &fault);
    if (rendered == CGAP_INTERRUPTED || rendered == CGAP_RESOURCE)
      status = cgap_fail(error, rendered, "%s", fault.message);
    if (!rendered)
      continue;
    fputs("<p>", page->out);
    cgap_page_text(page, fault.message);
    fputs(".</p>\n", page->out);
    if (rendered == CGAP_USAGE)
      break;
  }
  fputs("</div>\n", page->out);
  return status;
}

/* ---------------------------------------------------------------- the page of compare */

enum { RESULT, FIGURES, MEASURES, DEFINITIONS, RUN, SECTIONS };
static const cgap_section all_sections[SECTIONS] = {{"result", "What changed"},
                                                    {"figures", "Figures"},
                                                    {"measures", "Every measure"},
                                                    {"definitions", "Definitions"},
                                                    {"run", "How it was run"}};

static void put_result(cgap_page *page, const cgap_comparison *c)
{
  static const cgap_notes none = {.count = 0};
  cgap_page_section(page, &all_sections[RESULT]);
  for (size_t k = 1; k < c->count; k++) {
    cgap_verdict_words words;
    cgap_comparison_words(&words, c, k);
    if (c->count > 2) {
      fputs("<h3>", page->out);
      cgap_page_text(page, c->input[k].name);
      fputs("</h3>\n", page->out);
    }
    cgap_page_verdict(page, &words, &none);
    cgap_comparison_page_words(page, c, k);
  }
  fputs(
    "<p>A difference is better or worse where its 95 % interval leaves out 0, unclear where it does not; without an "
    "interval there is no verdict.</p>\n",
    page->out);
  cgap_page_section_end(page);
}

static void put_measures(cgap_page *page, const cgap_comparison *c)
{
  cgap_page_section(page, &all_sections[MEASURES]);
  for (size_t k = 1; k < c->count; k++)
    cgap_comparison_page_table(page, c, k, 0, 0);
  cgap_page_section_end(page);
}

static void put_run(cgap_page *page, const cgap_comparison *c, const cgap_comparison_about *about)
{
  char text[100];
  cgap_page_section(page, &all_sections[RUN]);
  fputs("<dl class=\"run\">\n", page->out);
  cgap_page_term(page, "command", about->run.command_line ? about->run.command_line : "");
  cgap_page_term(page, "version", cgap_version());
  for (size_t k = 0; k < c->count; k++)
    cgap_page_term(page, k ? "against it" : "the first", about->paths[k]);
  cgap_page_term(page, "intervals", c->intervals);
  snprintf(text, sizeof text, "%llu", (unsigned long long)about->run.seed);
  cgap_page_term(page, "seed", text);
  snprintf(text, sizeof text, "%.2f s on %d threads", about->run.seconds, about->run.threads);
  cgap_page_term(page, "time", text);
  fputs("</dl>\n<p>The same numbers stand in <code>compare.json</code>.</p>\n", page->out);
  cgap_page_section_end(page);
}

/* What the measures that both sides have need. */
static unsigned has_of(const cgap_comparison *c)
{
  unsigned has = 0;
  for (size_t e = 0; e < cgap_field_count(); e++)
    for (size_t k = 1; k < c->count; k++)
      if (c->input[0].present[e] && c->input[k].present[e])
        has |= cgap_field_at(e)->needs;
  return has;
}

static cgap_status put_figures(cgap_page *page, const cgap_comparison_about *about, const char *folder,
                               cgap_error *error)
{
  char figures[CGAP_PATH];
  cgap_status status = cgap_folder_file(figures, folder, "figures", error);
  cgap_page_section(page, &all_sections[FIGURES]);
  fputs("<p>", page->out);
  cgap_page_text(page, about->figure_words);
  fputs("</p>\n", page->out);
  if (status == CGAP_OK)
    status = cgap_page_figures(page, figures, about->figures, about->figure_count, error);
  cgap_page_section_end(page);
  return status;
}

cgap_status cgap_comparison_page_write(const cgap_comparison *c, const cgap_comparison_about *about, const char *folder,
                                       cgap_error *error)
{
  char path[CGAP_PATH], title[200], from[80], to[80];
  cgap_section sections[SECTIONS + 1] = {{NULL, NULL}};
  cgap_page page;
  size_t used = 0;
  for (size_t s = 0; s < SECTIONS; s++)
    if (s != FIGURES || about->figure_count)
      sections[used++] = all_sections[s];
  cgap_name_shorten(from, sizeof from, c->input[0].name);
  cgap_name_shorten(to, sizeof to, c->input[1].name);
  snprintf(title, sizeof title, "From %s to %s%s", from, to, c->count > 2 ? " and others" : "");
  cgap_status status = cgap_folder_file(path, folder, "report.html", error);
  if (status == CGAP_OK)
    status = cgap_page_open(&page, path, title, "The contrastive gap, compared", sections, error);
  if (status != CGAP_OK)
    return status;
  put_result(&page, c);
  if (about->figure_count)
    status = put_figures(&page, about, folder, error);
  put_measures(&page, c);
  cgap_page_section(&page, &all_sections[DEFINITIONS]);
  cgap_page_definitions(&page, has_of(c));
  cgap_page_section_end(&page);
  put_run(&page, c, about);
  const bool commit = status == CGAP_OK;
  cgap_status closed = cgap_page_close(&page, commit, commit ? error : NULL);
  return commit ? closed : status;
}

cgap_status cgap_render_figures(const char *folder, const char *const *names, size_t count,
                                void (*warn_line)(const char *line), cgap_error *error)
{
  const cgap_plot_job job = {.format = "svg", .theme = "light"};
  cgap_status status = CGAP_OK;
  for (size_t f = 0; f < count && !status; f++) {
    cgap_error fault = {0};
    cgap_status rendered = cgap_gnuplot_render(folder, names[f], &job, &fault);
    if (rendered == CGAP_INTERRUPTED || rendered == CGAP_RESOURCE)
      status = cgap_fail(error, rendered, "%s", fault.message);
    else if (rendered && warn_line)
      warn_line(fault.message);
    if (rendered == CGAP_USAGE) /* no gnuplot: said once */
      break;
  }
  return status;
}
