#include "report/page.h"

#include <math.h>
#include <string.h>

#include "analysis/fields.h"
#include "report/figures.h"
#include "report/gnuplot.h"
#include "report/svg.h"
#include "report/table.h"

#include <stdlib.h>

void cgap_page_text(cgap_page *page, const char *text)
{
  cgap_html_escape(page->out, text);
}

cgap_status cgap_page_open(cgap_page *page, const char *path, const char *title, const char *about,
                           const cgap_section *sections, cgap_error *error)
{
  *page = (cgap_page){0};
  cgap_status status = cgap_outfile_open(&page->file, path, error);
  if (status)
    return status;
  page->out = page->file.stream;
  fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline'; img-src data:\">\n<link rel=\"icon\" href=\"data:,\">\n<title>",
        page->out);
  cgap_page_text(page, title);
  fprintf(page->out,
          "</title>\n<style>\n%s</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#%s\">Skip to the report</a>\n"
          "<header>\n<h1>",
          cgap_embedded("page.css"), sections[0].id);
  cgap_page_text(page, title);
  fputs("</h1>\n<p class=\"soft\">", page->out);
  cgap_page_text(page, about);
  fputs("</p>\n<nav aria-label=\"Sections\">\n<ul>\n", page->out);
  for (; sections->id; sections++)
    fprintf(page->out, "<li><a href=\"#%s\">%s</a></li>\n", sections->id, sections->title);
  fputs("</ul>\n</nav>\n</header>\n<main>\n", page->out);
  return CGAP_OK;
}

cgap_status cgap_page_close(cgap_page *page, bool commit, cgap_error *error)
{
  if (page->out)
    fprintf(page->out, "</main>\n<footer>contragap %s</footer>\n<script>\n%s</script>\n</body>\n</html>\n",
            cgap_version(), cgap_embedded("page.js"));
  return cgap_outfile_close(&page->file, commit, error);
}

void cgap_page_section(cgap_page *page, const cgap_section *section)
{
  fprintf(page->out, "<section id=\"%s\" aria-labelledby=\"%s-title\">\n<h2 id=\"%s-title\">%s</h2>\n", section->id,
          section->id, section->id, section->title);
}

void cgap_page_section_end(cgap_page *page)
{
  fputs("</section>\n", page->out);
}

void cgap_page_table(cgap_page *page, const char *caption, const char *const *heads, size_t count)
{
  fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"", page->out);
  cgap_page_text(page, caption);
  fputs("\">\n<table class=\"sort\">\n<caption>", page->out);
  cgap_page_text(page, caption);
  fputs("</caption>\n<thead><tr>", page->out);
  for (size_t h = 0; h < count; h++) {
    bool number = heads[h][0] == '#';
    fprintf(page->out, "<th scope=\"col\"%s>", number ? " class=\"n\"" : "");
    cgap_page_text(page, heads[h] + number);
    fputs("</th>", page->out);
  }
  fputs("</tr></thead>\n<tbody>\n", page->out);
}

void cgap_page_row(cgap_page *page)
{
  fputs("<tr>", page->out);
}

void cgap_page_cell(cgap_page *page, const char *text)
{
  fputs("<td>", page->out);
  cgap_page_text(page, text);
  fputs("</td>", page->out);
}

void cgap_page_number(cgap_page *page, double value, int decimals)
{
  char text[40];
  cgap_value_show(text, value, decimals);
  if (isfinite(value))
    fprintf(page->out, "<td class=\"n\" data-v=\"%.9g\">%s</td>", value, text);
  else
    fprintf(page->out, "<td class=\"n\" data-v=\"NaN\">%s</td>", text);
}

void cgap_page_count(cgap_page *page, double value)
{
  fprintf(page->out, "<td class=\"n\" data-v=\"%.0f\">%.0f</td>", value, value);
}

void cgap_page_table_end(cgap_page *page)
{
  fputs("</tbody>\n</table>\n</div>\n", page->out);
}

void cgap_page_term(cgap_page *page, const char *term, const char *text)
{
  fputs("<dt>", page->out);
  cgap_page_text(page, term);
  fputs("</dt><dd>", page->out);
  cgap_page_text(page, text);
  fputs("</dd>\n", page->out);
}

cgap_status cgap_page_figure(cgap_page *page, const char *folder, const char *name, cgap_error *error)
{
  const cgap_plot_job job = {.format = "svg", .theme = "page", .size = "640,460"};
  const cgap_figure_info *info = cgap_figure_find(name);
  const char *title = info ? info->title : name, *reading = info ? info->reading : "";
  char label[700];
  char *svg = cgap_gnuplot_text(folder, name, &job, error);
  if (!svg)
    return error->status;
  snprintf(label, sizeof label, "Figure: %s. %s", title, reading);
  fprintf(page->out, "<figure id=\"figure-%s\">\n<h3>", name);
  cgap_page_text(page, title);
  fputs("</h3>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"", page->out);
  cgap_page_text(page, title);
  fputs("\">\n", page->out);
  bool sound = cgap_svg_inline(page->out, svg, name, label);
  free(svg);
  fputs("</div>\n<figcaption>", page->out);
  cgap_page_text(page, reading);
  fprintf(page->out, " Data: <code>figures/%s.tsv</code></figcaption>\n</figure>\n", name);
  return sound ? CGAP_OK : cgap_fail(error, CGAP_FILE, "%s/%s.gp: gnuplot wrote no SVG", folder, name);
}

static const char *level_class(cgap_level level)
{
  static const char *const names[] = {
    [CGAP_LEVEL_UNKNOWN] = "unknown",   [CGAP_LEVEL_NOISE] = "noise",   [CGAP_LEVEL_LOW] = "low",
    [CGAP_LEVEL_MODERATE] = "moderate", [CGAP_LEVEL_SEVERE] = "severe", [CGAP_LEVEL_APART] = "severe",
    [CGAP_LEVEL_COLLAPSED] = "severe"};
  return names[level];
}

void cgap_page_verdict(cgap_page *page, const cgap_verdict_words *verdict, const cgap_notes *notes)
{
  size_t ok = 0;
  for (size_t i = 0; i < notes->count; i++) {
    ok += !notes->bad[i];
    if (!notes->bad[i])
      continue;
    fputs("<p class=\"alarm\" role=\"alert\">", page->out);
    cgap_page_text(page, notes->text[i]);
    fputs("</p>\n", page->out);
  }
  fprintf(page->out, "<div class=\"verdict %s\">\n", level_class(verdict->level));
  for (size_t i = 0; i < verdict->count; i++) {
    fputs("<p>", page->out);
    cgap_page_text(page, verdict->sentence[i]);
    fputs("</p>\n", page->out);
  }
  fputs("</div>\n", page->out);
  if (!ok)
    return;
  fputs("<ul>\n", page->out);
  for (size_t i = 0; i < notes->count; i++) {
    if (notes->bad[i])
      continue;
    fputs("<li>", page->out);
    cgap_page_text(page, notes->text[i]);
    fputs("</li>\n", page->out);
  }
  fputs("</ul>\n", page->out);
}

/* Fields side by side often share one definition: it is written once, the key with a star for the side. */
static bool has_same_definition(const cgap_field *a, const cgap_field *b)
{
  return a->group == b->group && strcmp(a->definition, b->definition) == 0;
}

static void put_key(cgap_page *page, const cgap_field *f, bool shared)
{
  const char *last = strrchr(f->key, '.');
  if (shared)
    fprintf(page->out, "<td><code>%.*s.*%s</code></td>", (int)strcspn(f->key, "."), f->key, last ? last : "");
  else
    fprintf(page->out, "<td><code>%s</code></td>", f->key);
}

void cgap_page_definitions(cgap_page *page, unsigned has)
{
  static const char *const heads[] = {"Measure", "Key", "Definition", "Source"};
  char title[100];
  cgap_page_table(page, "What each number is; all of rows divided by their norm, t = 2, temperature 0.01", heads, 4);
  for (size_t i = 0; i < cgap_field_count(); i++) {
    const cgap_field *f = cgap_field_at(i);
    bool again = i > 0 && has_same_definition(f, cgap_field_at(i - 1));
    bool shared = i + 1 < cgap_field_count() && has_same_definition(f, cgap_field_at(i + 1));
    if ((has & f->needs) != f->needs || again)
      continue;
    cgap_field_title(f, title);
    if (shared)
      snprintf(title, sizeof title, "%s: %s", cgap_groups[f->group].title, f->label);
    cgap_page_row(page);
    cgap_page_cell(page, title);
    put_key(page, f, shared);
    cgap_page_cell(page, f->definition);
    cgap_page_cell(page, f->source);
    fputs("</tr>\n", page->out);
  }
  cgap_page_table_end(page);
}
