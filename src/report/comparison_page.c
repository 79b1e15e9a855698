#include "report/comparison_page.h"

#include <math.h>
#include <string.h>

#include "report/gnuplot.h"
#include "report/table.h"

static void put_list(cgap_page *page, const cgap_comparison *c, size_t k, const char *word, const char *lead)
{
  size_t count = 0;
  for (size_t e = 0; e < cgap_field_count; e++) {
    char title[100];
    const cgap_change *d = &c->change[k * c->entries + e];
    /* only what has an interval counts as shown */
    if (!isfinite(d->lo) || strcmp(cgap_change_word(d, cgap_entry_better(e)), word) != 0)
      continue;
    cgap_field_title(&cgap_fields[e], title);
    fputs(count++ ? "; " : "<p>", page->out);
    if (count == 1) {
      cgap_page_text(page, lead);
      fputs(" ", page->out);
    }
    cgap_page_text(page, title);
  }
  if (count)
    fputs(".</p>\n", page->out);
}

void cgap_comparison_page_words(cgap_page *page, const cgap_comparison *c, size_t k)
{
  put_list(page, c, k, "better", "Better, with an interval that leaves out 0:");
  put_list(page, c, k, "worse", "The price, worse with an interval that leaves out 0:");
}

static void put_row(cgap_page *page, const cgap_comparison *c, size_t k, size_t e, size_t beside, size_t beside_end)
{
  char title[100], lo[40], hi[40], interval[100] = "";
  const cgap_change *d = &c->change[k * c->entries + e];
  const int decimals = cgap_fields[e].decimals;
  if (isfinite(d->lo) && isfinite(d->hi)) {
    cgap_value_show(lo, d->lo, decimals);
    cgap_value_show(hi, d->hi, decimals);
    snprintf(interval, sizeof interval, "%s to %s", lo, hi);
  }
  cgap_field_title(&cgap_fields[e], title);
  cgap_page_row(page);
  cgap_page_cell(page, title);
  cgap_page_number(page, c->input[0].scalar[e].why ? NAN : c->input[0].scalar[e].value, decimals);
  cgap_page_number(page, c->input[k].scalar[e].why ? NAN : c->input[k].scalar[e].value, decimals);
  cgap_page_number(page, d->difference, decimals);
  cgap_page_cell(page, interval);
  cgap_page_cell(page, cgap_change_word(d, cgap_entry_better(e)));
  for (size_t i = beside; i < beside_end; i++)
    cgap_page_number(page, c->input[i].scalar[e].why ? NAN : c->input[i].scalar[e].value, decimals);
  fputs("</tr>\n", page->out);
}

void cgap_comparison_page_table(cgap_page *page, const cgap_comparison *c, size_t k, size_t beside, size_t beside_end)
{
  enum { FIXED = 6, HEADS = 16 };
  char names[HEADS][80], caption[300];
  const char *heads[HEADS] = {"Measure", names[1], names[2], "#Difference", "95 % interval", "For the"};
  size_t count = FIXED;
  snprintf(names[1], sizeof names[1], "#%.70s", c->input[0].name);
  snprintf(names[2], sizeof names[2], "#%.70s", c->input[k].name);
  for (size_t i = beside; i < beside_end && count < HEADS; i++, count++) {
    snprintf(names[count], sizeof names[count], "#%.70s", c->input[i].name);
    heads[count] = names[count];
  }
  snprintf(caption, sizeof caption, "%.80s against %.80s; intervals: %.100s", c->input[k].name, c->input[0].name,
           c->intervals);
  cgap_page_table(page, caption, heads, count);
  for (size_t e = 0; e < cgap_field_count; e++)
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
    cgap_status drawn = cgap_page_figure(page, folder, names[f], &fault);
    if (drawn == CGAP_INTERRUPTED || drawn == CGAP_RESOURCE)
      status = cgap_fail(error, drawn, "%s", fault.message);
    if (!drawn)
      continue;
    fputs("<p>", page->out);
    cgap_page_text(page, fault.message);
    fputs(".</p>\n", page->out);
    if (drawn == CGAP_USAGE)
      break;
  }
  fputs("</div>\n", page->out);
  return status;
}

cgap_status cgap_draw_figures(const char *folder, const char *const *names, size_t count,
                              void (*told)(const char *line), cgap_error *error)
{
  const cgap_drawing drawing = {.format = "svg", .theme = "light"};
  cgap_status status = CGAP_OK;
  for (size_t f = 0; f < count && !status; f++) {
    cgap_error fault = {0};
    cgap_status drawn = cgap_gnuplot_draw(folder, names[f], &drawing, &fault);
    if (drawn == CGAP_INTERRUPTED || drawn == CGAP_RESOURCE)
      status = cgap_fail(error, drawn, "%s", fault.message);
    else if (drawn && told)
      told(fault.message);
    if (drawn == CGAP_USAGE) /* no gnuplot: said once */
      break;
  }
  return status;
}
