/* The page of a comparison, and what the pages of trainings show of one. */
#include <math.h>
#include <string.h>

#include "report/comparison_show.h"

static void put_list(cgap_page *page, const cgap_comparison *c, size_t k, const char *word, const char *lead)
{
  size_t count = 0;
  for (size_t e = 0; e < cgap_field_count(); e++) {
    const cgap_change *d = &c->change[k * c->entries + e];
    if (strcmp(cgap_change_word(d, cgap_comparison_better(c, k, e)), word) != 0)
      continue;
    fputs(count ? "; " : "<p>", page->out);
    cgap_page_text(page, "%s%s%s%s", count ? "" : lead, count ? "" : " ",
                   cgap_field_title(cgap_field_at(e), &c->names).s,
                   cgap_comparison_trained_on(c, k, e) ? " (trained on)" : "");
    count++;
  }
  if (count)
    fputs(".</p>\n", page->out);
}

void cgap_comparison_page_words(cgap_page *page, const cgap_comparison *c, size_t k)
{
  char text[CGAP_SENTENCE];
  if (cgap_comparison_other_d(text, c, k))
    cgap_page_put(page, "p", "%s.", text);
  put_list(page, c, k, "better", "Clearly better (95 % interval excludes 0):");
  put_list(page, c, k, "worse",
           c->input[k].rows == CGAP_ROWS_SAME ? "The price: clearly worse (95 % interval excludes 0):"
                                              : "Clearly worse (95 % interval excludes 0):");
}

enum { FIXED = 6, HEADS = 16, HEAD = 80 };

static cgap_cell value_cell(const cgap_compared *in, size_t e)
{
  return cgap_cell_number(cgap_value_or_nan(&in->scalar[e]), cgap_field_at(e)->decimals);
}

/* The values of the inputs [beside, beside_end) follow. */
static void put_row(cgap_page *page, const cgap_comparison *c, size_t k, size_t e, size_t beside, size_t beside_end)
{
  char interval[100];
  const cgap_phrase title = cgap_field_title(cgap_field_at(e), &c->names);
  const cgap_change *d = &c->change[k * c->entries + e];
  const int decimals = cgap_field_at(e)->decimals;
  const char *word = cgap_change_word(d, cgap_comparison_better(c, k, e));
  char verdict[60];
  snprintf(verdict, sizeof verdict, "%s%s", word, cgap_comparison_trained_on(c, k, e) ? " (trained on)" : "");
  cgap_interval_show(interval, d->lo, d->hi, decimals, "%s to %s");
  cgap_cell cells[HEADS] = {cgap_cell_text(title.s),     value_cell(&c->input[0], e),
                            value_cell(&c->input[k], e), cgap_cell_number(d->difference, decimals),
                            cgap_cell_text(interval),    cgap_cell_text(verdict)};
  size_t count = FIXED;
  for (size_t i = beside; i < beside_end; i++)
    cells[count++] = value_cell(&c->input[i], e);
  cgap_page_row(page, cells, count);
}

static void head_of(char out[HEAD], const char *name)
{
  out[0] = '#';
  cgap_name_shorten(out + 1, HEAD - 1, name);
}

void cgap_comparison_page_table(cgap_page *page, const cgap_comparison *c, size_t k, size_t beside, size_t beside_end)
{
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

/* ---------------------------------------------------------------- the page of compare */

typedef struct page_data {
  const cgap_comparison *comparison;
  const cgap_comparison_about *about;
} page_data;

static void put_result(cgap_page *page, const void *data)
{
  const cgap_comparison *c = ((const page_data *)data)->comparison;
  for (size_t k = 1; k < c->count; k++) {
    cgap_verdict_words words;
    cgap_comparison_words(&words, c, k);
    if (c->count > 2)
      cgap_page_put(page, "h3", "%s", c->input[k].name);
    cgap_page_verdict(page, &words, NULL);
    cgap_comparison_page_words(page, c, k);
  }
  fputs("<p>A difference is better or worse where its 95 % interval excludes 0, and unclear where it does not; without "
        "an interval there is no verdict.</p>\n",
        page->out);
}

static void put_figures(cgap_page *page, const void *data)
{
  const cgap_comparison_about *about = ((const page_data *)data)->about;
  cgap_page_put(page, "p", "%s", about->figure_words);
  cgap_page_figures(page, about->figures, about->figure_count);
}

static void put_measures(cgap_page *page, const void *data)
{
  const cgap_comparison *c = ((const page_data *)data)->comparison;
  for (size_t k = 1; k < c->count; k++)
    cgap_comparison_page_table(page, c, k, 0, 0);
}

/* Of the measures that both inputs have. */
static void put_definitions(cgap_page *page, const void *data)
{
  const cgap_comparison *c = ((const page_data *)data)->comparison;
  unsigned has = 0;
  for (size_t e = 0; e < cgap_field_count(); e++)
    for (size_t k = 1; k < c->count; k++)
      if (c->input[0].present[e] && c->input[k].present[e])
        has |= cgap_field_at(e)->needs;
  cgap_page_definitions(page, has);
}

static void put_run(cgap_page *page, const void *data)
{
  const page_data *p = data;
  cgap_page_run(page, &p->about->run);
  for (size_t k = 0; k < p->comparison->count; k++)
    cgap_page_term(page, k ? "compared with it" : "the first", "%s", p->about->paths[k]);
  cgap_page_term(page, "intervals", "%s", p->comparison->intervals);
  cgap_page_term(page, "seed", "%llu", (unsigned long long)p->about->run.seed);
  fputs("</dl>\n<p>The same numbers are in <code>compare.json</code>.</p>\n", page->out);
}

cgap_status cgap_comparison_page_write(const cgap_comparison *c, const cgap_comparison_about *about, const char *folder,
                                       cgap_error *error)
{
  static const cgap_section all[] = {{"result", "What changed", put_result},
                                     {"figures", "Figures", put_figures},
                                     {"measures", "Every measure", put_measures},
                                     {"definitions", "Definitions", put_definitions},
                                     {"run", "How it was run", put_run}};
  cgap_section sections[sizeof all / sizeof *all + 1] = {{NULL, NULL, NULL}};
  char title[200], from[80], to[80];
  size_t used = 0;
  for (size_t s = 0; s < sizeof all / sizeof *all; s++)
    if (all[s].put != put_figures || about->figure_count)
      sections[used++] = all[s];
  cgap_name_shorten(from, sizeof from, c->input[0].name);
  cgap_name_shorten(to, sizeof to, c->input[1].name);
  snprintf(title, sizeof title, "From %s to %s%s", from, to, c->count > 2 ? " and others" : "");
  const page_data data = {c, about};
  return cgap_page_write(folder, title, "The contrastive gap, compared", &c->names, sections, &data, about->warn_line,
                         error);
}
