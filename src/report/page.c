/* One self-contained file of HTML: the frame of a page, its elements, and gnuplot's SVG prepared for it. */
#include "report/page.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/fields.h"
#include "base/text_buffer.h"
#include "report/figures.h"
#include "report/gnuplot.h"

/* ---------------------------------------------------------------- elements */

/* numbers: with minus signs in front of them, which names, keys and commands do not get. */
static void put_escaped_as(FILE *out, const char *text, bool numbers)
{
  const char *begin = text;
  static const struct {
    char sign;
    const char *as;
  } escapes[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
  while (*text) {
    size_t e = 0;
    while (e < sizeof escapes / sizeof *escapes && escapes[e].sign != *text)
      e++;
    if (numbers && cgap_text_is_minus(begin, text)) {
      fputs(CGAP_MINUS, out);
      text++;
    } else if (e == sizeof escapes / sizeof *escapes)
      text += cgap_text_put_next(out, text, *text == '\n' ? '\n' : ' ');
    else {
      fputs(escapes[e].as, out);
      text++;
    }
  }
}

static void put_escaped(FILE *out, const char *text)
{
  put_escaped_as(out, text, false);
}

static void put_formatted(cgap_page *page, bool numbers, const char *format, va_list values)
{
  char *text = NULL;
  va_list again;
  va_copy(again, values);
  const int length = cgap_modality_vprintf(NULL, 0, page->names, format, values);
  if (length >= 0)
    text = malloc((size_t)length + 1);
  if (text) {
    (void)cgap_modality_vprintf(text, (size_t)length + 1, page->names, format, again);
    put_escaped_as(page->out, text, numbers);
  } else {
    page->status = cgap_fail(page->error, CGAP_RESOURCE, "out of memory for the page");
  }
  va_end(again);
  free(text);
}

void cgap_page_text(cgap_page *page, const char *format, ...)
{
  va_list values;
  va_start(values, format);
  put_formatted(page, true, format, values);
  va_end(values);
}

void cgap_page_put(cgap_page *page, const char *tag, const char *format, ...)
{
  va_list values;
  va_start(values, format);
  fprintf(page->out, "<%s>", tag);
  put_formatted(page, strncmp(tag, "pre", 3) != 0 && strncmp(tag, "code", 4) != 0, format, values);
  va_end(values);
  fprintf(page->out, "</%.*s>\n", (int)strcspn(tag, " "), tag);
}

void cgap_page_term(cgap_page *page, const char *term, const char *format, ...)
{
  va_list values;
  va_start(values, format);
  fprintf(page->out, "<dt>%s</dt><dd>", cgap_tr(page->names, term));
  put_formatted(page, false, format, values);
  va_end(values);
  fputs("</dd>\n", page->out);
}

void cgap_page_run(cgap_page *page, const cgap_run *run)
{
  fputs("<dl class=\"run\">\n", page->out);
  if (run->command_line)
    cgap_page_term(page, "command", "%s", run->command_line);
  cgap_page_term(page, "version", "%s", cgap_version());
  cgap_page_term(page, "time", N_("%.2f s on %d thread%s"), run->seconds, run->threads, run->threads == 1 ? "" : "s");
  cgap_page_term(page, "peak memory", "%.0f MB", (double)run->peak_memory_bytes / 1e6);
}

/* ---------------------------------------------------------------- tables */

void cgap_page_table(cgap_page *page, const char *caption, const char *const *heads, size_t count)
{
  const cgap_phrase shown = cgap_phrase_of(page->names, caption);
  fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"", page->out);
  put_escaped(page->out, shown.s);
  fputs("\">\n<table class=\"sort\">\n<caption><span>", page->out);
  put_escaped(page->out, shown.s);
  fputs("</span></caption>\n<thead><tr>", page->out);
  for (size_t h = 0; h < count; h++) {
    const char *head = cgap_tr(page->names, heads[h]);
    const bool number = head[0] == '#';
    fprintf(page->out, "<th scope=\"col\"%s>", number ? " class=\"n\"" : "");
    put_escaped(page->out, head + number);
    fputs("</th>", page->out);
  }
  fputs("</tr></thead>\n<tbody>\n", page->out);
}

cgap_cell cgap_cell_text(const char *text)
{
  return (cgap_cell){.text = text};
}

cgap_cell cgap_cell_number(double value, int decimals)
{
  cgap_cell cell = {.is_number = true};
  cgap_value_show(cell.shown, value, decimals);
  snprintf(cell.sort, sizeof cell.sort, isfinite(value) ? "%.9g" : "NaN", value);
  return cell;
}

cgap_cell cgap_cell_count(double value)
{
  cgap_cell cell = {.is_number = true};
  snprintf(cell.shown, sizeof cell.shown, "%.0f", value);
  snprintf(cell.sort, sizeof cell.sort, "%.0f", value);
  return cell;
}

/* Whether a text is numbers alone, such as an interval: "-0.8 to -0.7". */
static bool is_numbers(const char *text)
{
  return text[strspn(text, "0123456789.,-+ ()[]to%en/a")] == '\0';
}

/* defined (NULL: none): the key whose definition the row is. */
static void put_row(cgap_page *page, const char *defined, const cgap_cell *cells, size_t count)
{
  if (defined)
    fprintf(page->out, "<tr id=\"defined-%s\">", defined);
  else
    fputs("<tr>", page->out);
  for (size_t c = 0; c < count; c++) {
    if (cells[c].is_number)
      fprintf(page->out, "<td class=\"n\" data-v=\"%s\">", cells[c].sort);
    else
      fputs(cells[c].is_key ? "<td><code>" : "<td>", page->out);
    const char *text = cells[c].text ? cells[c].text : cells[c].shown;
    if (cells[c].link)
      fprintf(page->out, "<a href=\"#%s\">", cells[c].link);
    put_escaped_as(page->out, text, cells[c].is_number || is_numbers(text));
    if (cells[c].link)
      fputs("</a>", page->out);
    if (cells[c].key)
      cgap_page_key(page, cells[c].key);
    fputs(cells[c].is_key ? "</code></td>" : "</td>", page->out);
  }
  fputs("</tr>\n", page->out);
}

void cgap_page_row(cgap_page *page, const cgap_cell *cells, size_t count)
{
  put_row(page, NULL, cells, count);
}

void cgap_page_table_end(cgap_page *page)
{
  fputs("</tbody>\n</table>\n</div>\n", page->out);
}

/* ---------------------------------------------------------------- gnuplot's SVG */

/* The colours of plots/style.gp by the names that page.css gives them. */
static const struct {
  unsigned rgb;
  const char *name;
} colours[] = {{0x222222, "ink"},        {0x5f5f5f, "soft"},  {0xdddddd, "faint"},     {0xffffff, "paper"},
               {0x0072b2, "image"},      {0xd55e00, "text"},  {0x009e73, "pair"},      {0xcc79a7, "joint"},
               {0x555555, "cross"},      {0x565656, "sixth"}, {0xc05400, "text-word"}, {0x008460, "pair-word"},
               {0xa25f84, "joint-word"}, {0x000000, "ink"}};

static void put_colour(FILE *out, unsigned rgb)
{
  for (size_t c = 0; c < sizeof colours / sizeof *colours; c++) {
    if (colours[c].rgb == rgb) {
      fprintf(out, "var(--%s)", colours[c].name);
      return;
    }
  }
  fprintf(out, "#%06x", rgb);
}

/* "rgb( 31, 119, 180)": the bytes it takes, or 0. Not by sscanf, which measures all of the text behind it each time. */
static size_t read_rgb(const char *text, unsigned *rgb)
{
  static const char ends[] = ",,)";
  const char *at = text + strlen("rgb(");
  if (!cgap_begins_with(text, "rgb("))
    return 0;
  *rgb = 0;
  for (int k = 0; k < 3; k++, at++) {
    char *end;
    const unsigned long value = strtoul(at, &end, 10);
    if (end == at || *end != ends[k])
      return 0;
    *rgb = *rgb << 8 | (value & 255);
    at = end;
  }
  return (size_t)(at - text);
}

/* A word of gnuplot's that becomes something else. */
static size_t put_word(FILE *out, const char *text, const char *name)
{
  unsigned rgb;
  size_t used = read_rgb(text, &rgb);
  if (used) {
    put_colour(out, rgb);
    return used;
  }
  if (cgap_begins_with(text, "=\"black\"") || cgap_begins_with(text, "='black'")) {
    fputs("='var(--ink)'", out);
    return 8;
  }
  if (cgap_begins_with(text, "=\"white\"") || cgap_begins_with(text, "='white'")) {
    fputs("='var(--paper)'", out);
    return 8;
  }
  if (cgap_begins_with(text, "gpPt") || cgap_begins_with(text, "gpDot") || cgap_begins_with(text, "gnuplot_")) {
    fprintf(out, "%s-", name);
    fputc(*text, out);
    return 1;
  }
  if (cgap_begins_with(text, "xlink:href")) {
    fputs("href", out);
    return 10;
  }
  return 0;
}

static void put_tag(FILE *out, const char *tag, size_t length, const char *name)
{
  for (size_t i = 0; i < length;) {
    size_t used = put_word(out, tag + i, name);
    if (used) {
      i += used;
      continue;
    }
    bool blank = isspace((unsigned char)tag[i]);
    if (!blank || (i > 0 && !isspace((unsigned char)tag[i - 1])))
      fputc(blank ? ' ' : tag[i], out);
    i++;
  }
}

enum { DEPTH = 64 };

/* Groups that are open. A group is written only when something comes inside it: gnuplot leaves many empty. */
typedef struct cleaner {
  FILE *out;
  const char *name;
  struct {
    const char *tag;
    size_t length;
    bool written, hyper;
  } group[DEPTH];
  int depth;
  char label[300]; /* of the hypertext group that is open */
} cleaner;

static void write_groups(cleaner *c)
{
  for (int g = 0; g < c->depth; g++) {
    if (!c->group[g].written && !c->group[g].hyper)
      put_tag(c->out, c->group[g].tag, c->group[g].length, c->name);
    c->group[g].written = true;
  }
}

static void open_group(cleaner *c, const char *tag, size_t length)
{
  const char *said = strstr(tag, "showHypertext(evt,'");
  bool hyper = said && said < tag + length;
  if (hyper) {
    said += strlen("showHypertext(evt,'");
    snprintf(c->label, sizeof c->label, "%.*s", (int)strcspn(said, "'"), said);
  }
  if (c->depth < DEPTH) {
    c->group[c->depth].tag = tag;
    c->group[c->depth].length = length;
    c->group[c->depth].written = false;
    c->group[c->depth].hyper = hyper;
  }
  c->depth++;
}

static void close_group(cleaner *c)
{
  if (c->depth == 0)
    return;
  c->depth--;
  if (c->depth >= DEPTH || c->group[c->depth].hyper)
    c->label[0] = '\0';
  else if (c->group[c->depth].written)
    fputs("</g>\n", c->out);
}

/* A point with a label stands for itself: its groups say nothing that it does not. */
static void put_point(cleaner *c, const char *tag, size_t length)
{
  fputs("<use class='pt' ", c->out);
  put_tag(c->out, tag + 4, length - 6, c->name);
  fputs("><title>", c->out);
  put_escaped(c->out, c->label);
  fputs("</title></use>\n", c->out);
}

/* One tag; returns where to read on. */
static const char *write_tag(cleaner *c, const char *tag, size_t length)
{
  const char *end = tag + length, *closing;
  if (cgap_begins_with(tag, "<title") || cgap_begins_with(tag, "<filter") || cgap_begins_with(tag, "<desc")) {
    closing = strstr(tag, cgap_begins_with(tag, "<title")  ? "</title>"
                          : cgap_begins_with(tag, "<desc") ? "</desc>"
                                                           : "</filter>");
    return closing ? strchr(closing, '>') + 1 : end;
  }
  if (cgap_begins_with(tag, "</g>")) {
    close_group(c);
  } else if (cgap_begins_with(tag, "<g ") || cgap_begins_with(tag, "<g>")) {
    open_group(c, tag, length);
  } else if (cgap_begins_with(tag, "<use") && c->label[0] && length > 6 && tag[length - 2] == '/') {
    put_point(c, tag, length);
  } else {
    write_groups(c);
    put_tag(c->out, tag, length, c->name);
    if (cgap_begins_with(tag, "</text") || tag[length - 2] == '/')
      fputc('\n', c->out);
  }
  return end;
}

/* Text as gnuplot escaped it, with minus signs before numbers. */
static void put_svg_text(FILE *out, const char *text, size_t length)
{
  for (size_t i = 0; i < length; i++)
    if (cgap_text_is_minus(text, text + i))
      fputs(CGAP_MINUS, out);
    else
      fputc(text[i], out);
}

enum { LEFT = 8 };

static bool put_svg(FILE *out, const char *svg, const char *name, const char *label)
{
  const char *at = strstr(svg, "<svg"), *box = at ? strstr(at, "viewBox=\"") : NULL;
  const char *end = at ? strchr(at, '>') : NULL;
  if (!box || !end || box > end)
    return false;
  double width, height;
  if (sscanf(box, "viewBox=\"0 0 %lf %lf\"", &width, &height) != 2)
    return false;
  /* some more to the left, where wide numbers push the axis' name over the edge */
  fprintf(out, "<svg viewBox=\"%d 0 %g %g\" role=\"img\" aria-label=\"", -LEFT, width + LEFT, height);
  put_escaped(out, label);
  fputs("\">\n", out);
  cleaner c = {.out = out, .name = name};
  for (at = end + 1; *at && !cgap_begins_with(at, "</svg>");) {
    if (*at != '<') {
      size_t length = strcspn(at, "<");
      /* blanks between tags say nothing; inside a text they are kept */
      if (strspn(at, " \t\r\n") < length) {
        write_groups(&c);
        put_svg_text(out, at, length);
      }
      at += length;
      continue;
    }
    const char *close = strchr(at, '>');
    if (!close)
      return false;
    at = write_tag(&c, at, (size_t)(close - at) + 1);
  }
  fputs("</svg>\n", out);
  return true;
}

/* ---------------------------------------------------------------- figures */

/* A figure with its title, how it is read, and its data file. */
static cgap_status put_figure(cgap_page *page, const char *folder, const char *name, cgap_error *error)
{
  const cgap_plot_job job = {
    .format = "svg", .theme = "page", .size = page->small ? "650,490" : cgap_figure_page_size(name)};
  char variant[80];
  snprintf(variant, sizeof variant, "%s%s", name, page->within ? "_within" : page->unpaired ? "_unpaired" : "");
  const cgap_figure_info *own = cgap_figure_find(variant), *info = own ? own : cgap_figure_find(name);
  const cgap_phrase title_words = cgap_phrase_of(page->names, info ? info->title : name),
                    reading_words = cgap_phrase_of(page->names, info ? info->reading : "");
  const char *title = title_words.s, *reading = reading_words.s;
  char label[2 * CGAP_PHRASE + 20];
  char *svg = cgap_gnuplot_text(folder, name, &job, error);
  if (!svg)
    return error->status;
  (void)cgap_modality_printf(label, sizeof label, page->names, "Figure: %s. %s", title, reading);
  fprintf(page->out, "<figure id=\"figure-%s\">\n", name);
  cgap_page_put(page, "h3", "%s", title);
  fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"", page->out);
  put_escaped(page->out, title);
  fputs("\">\n", page->out);
  const bool ok = put_svg(page->out, svg, name, label);
  free(svg);
  fputs(page->small ? "</div>\n<figcaption><details><summary>" : "</div>\n<figcaption>", page->out);
  if (page->small) {
    cgap_page_text(page, "How to read it");
    fputs("</summary>", page->out);
  }
  put_escaped(page->out, reading);
  fprintf(page->out, " %s<code>figures/%s.tsv</code>%s</figcaption>\n</figure>\n", cgap_tr(page->names, N_("Data: ")),
          name, page->small ? "</details>" : "");
  return ok ? CGAP_OK : cgap_fail(error, CGAP_FILE, "%s/%s.gp: gnuplot wrote no SVG", folder, name);
}

/* Where the picture is missing as well that has been said. */
static void warn_of_missing(const cgap_page *page, const char *folder, const char *name, const char *why)
{
  char picture[CGAP_PATH], line[sizeof(cgap_error) + 40];
  if (!page->warn_line || snprintf(picture, sizeof picture, "%s/%s.svg", folder, name) >= (int)sizeof picture ||
      access(picture, F_OK) != 0)
    return;
  snprintf(line, sizeof line, "report.html lacks a figure: %s", why);
  page->warn_line(line);
}

void cgap_page_figures(cgap_page *page, const char *const *names, size_t count)
{
  char folder[CGAP_PATH];
  if (page->status == CGAP_OK)
    page->status = cgap_folder_file(folder, page->folder, "figures", page->error);
  fputs("<div class=\"figures\">\n", page->out);
  for (size_t f = 0; f < count && page->status == CGAP_OK; f++) {
    cgap_error fault = {0};
    const cgap_status rendered = put_figure(page, folder, names[f], &fault);
    if (rendered == CGAP_INTERRUPTED || rendered == CGAP_RESOURCE)
      page->status = cgap_fail(page->error, rendered, "%s", fault.message);
    cgap_stage_hide(fault.message);
    if (rendered == CGAP_FILE)
      warn_of_missing(page, folder, names[f], fault.message);
    if (rendered != CGAP_OK)
      cgap_page_put(page, "p", "%s.", fault.message);
    if (rendered == CGAP_USAGE) /* no gnuplot: one sentence is enough */
      break;
  }
  fputs("</div>\n", page->out);
}

const char *cgap_level_class(cgap_level level)
{
  static const char *const names[] = {
    [CGAP_LEVEL_UNKNOWN] = "unknown",   [CGAP_LEVEL_NOISE] = "noise",   [CGAP_LEVEL_LOW] = "low",
    [CGAP_LEVEL_MODERATE] = "moderate", [CGAP_LEVEL_SEVERE] = "severe", [CGAP_LEVEL_APART] = "severe",
    [CGAP_LEVEL_COLLAPSED] = "severe"};
  return names[level];
}

void cgap_page_headline(cgap_page *page, const char *sentence)
{
  const char *colon = strstr(sentence, cgap_tr(page->names, N_(": "))); /* or what ends the first words */
  const int large = (int)(colon ? (size_t)(colon - sentence) : strlen(sentence));
  fputs("<p class=\"headline\"><strong>", page->out);
  cgap_page_text(page, "%.*s", large, sentence);
  fputs("</strong>", page->out);
  cgap_page_text(page, "%s", sentence + large);
  fputs("</p>\n", page->out);
}

void cgap_page_notes(cgap_page *page, const cgap_notes *notes)
{
  size_t listed = 0;
  for (size_t i = 0; i < notes->count; i++) {
    if (notes->bad[i])
      continue;
    fputs(listed++ ? "" : "<ul class=\"notes\">\n", page->out);
    cgap_page_put(page, "li", "%s", notes->text[i]);
  }
  fputs(listed ? "</ul>\n" : "", page->out);
}

void cgap_page_verdict(cgap_page *page, const cgap_verdict_words *verdict, const cgap_notes *notes)
{
  for (size_t i = 0; notes && i < notes->count; i++)
    if (notes->bad[i])
      cgap_page_put(page, "p class=\"alarm\" role=\"alert\"", "%s", notes->text[i]);
  fprintf(page->out, "<div class=\"verdict %s\">\n", cgap_level_class(verdict->level));
  for (size_t i = 0; i < verdict->count; i++)
    if (i == 0)
      cgap_page_headline(page, verdict->sentence[i]);
    else
      cgap_page_put(page, "p", "%s", verdict->sentence[i]);
  fputs("</div>\n", page->out);
  if (notes)
    cgap_page_notes(page, notes);
}

/* Fields side by side often share one definition: it is written once, the key with a star in place of the modality. */
static bool has_same_definition(const cgap_field *a, const cgap_field *b)
{
  return a->group == b->group && strcmp(a->definition, b->definition) == 0;
}

/* The first field with the definition of this one, whose row it is. */
static const cgap_field *defined_with(size_t field)
{
  while (field > 0 && has_same_definition(cgap_field_at(field), cgap_field_at(field - 1)))
    field--;
  return cgap_field_at(field);
}

static void put_key(FILE *out, const char *key)
{
  fputs("<code>", out);
  for (const char *at = key; *at; at++)
    fprintf(out, *at == '.' ? "%c<wbr>" : "%c", *at);
  fputs("</code>", out);
}

void cgap_page_key(cgap_page *page, const char *key)
{
  const cgap_field *defined = NULL;
  for (size_t i = 0; page->defines && !defined && i < cgap_field_count(); i++)
    if (strcmp(cgap_field_at(i)->key, key) == 0)
      defined = defined_with(i);
  if (defined) {
    page->linked |= defined->needs;
    fprintf(page->out, "<a class=\"key\" href=\"#defined-%s\">", defined->key);
  } else {
    fputs("<span class=\"key\">", page->out);
  }
  put_key(page->out, key);
  fputs(defined ? "</a>" : "</span>", page->out);
}

enum { ANCHOR = 100 };

/* "means-corrected-distance", as meanings.py makes it of a term. */
static void anchor_of(char out[ANCHOR], const char *term)
{
  int used = snprintf(out, ANCHOR, "means");
  bool gap = true;
  for (; *term && used < ANCHOR - 2; term++) {
    const int letter = tolower((unsigned char)*term);
    if (!isalnum(letter)) {
      gap = true;
      continue;
    }
    if (gap)
      out[used++] = '-';
    out[used++] = (char)letter;
    gap = false;
  }
  out[used] = '\0';
}

/* Where the page says when a measure misleads: at its own term, or where its block is explained. */
static void meaning_of(char out[ANCHOR], const cgap_field *f)
{
  static const char *const terms[CGAP_GROUPS] = {
    [CGAP_GROUP_GAP] = "the gap",
    [CGAP_GROUP_UNIFORMITY] = "uniformity",
    [CGAP_GROUP_ALIGNMENT] = "alignment",
    [CGAP_GROUP_RETRIEVAL] = "recall k",
    [CGAP_GROUP_MIXED_RETRIEVAL] = "search in one mixed index",
    [CGAP_GROUP_CSLS] = "csls",
    [CGAP_GROUP_ZERO_SHOT] = "zero shot",
    [CGAP_GROUP_ARITHMETIC] = "zero shot and arithmetic",
    [CGAP_GROUP_LOSS] = "loss clip",
    [CGAP_GROUP_SPECTRUM] = "spectrum",
    [CGAP_GROUP_HUBNESS] = "hubness and neighbours",
    [CGAP_GROUP_HUBS_WITHIN] = "hubness and neighbours",
    [CGAP_GROUP_MIXED] = "same modality",
    [CGAP_GROUP_AGREEMENT] = "agreement",
  };
  char id[ANCHOR + 10];
  anchor_of(out, f->label);
  snprintf(id, sizeof id, "id=\"%s\"", out);
  if (!strstr(cgap_embedded("measures.html"), id))
    anchor_of(out, terms[f->group]);
}

void cgap_page_definitions(cgap_page *page, unsigned has)
{
  static const char *const heads[] = {"Measure", "Key", "Definition", "Source"};
  has |= page->linked;
  cgap_page_table(page,
                  "What each number is, of rows divided by their norm, with t = 2 and temperature 0.01. A name leads "
                  "to when it misleads.",
                  heads, 4);
  for (size_t i = 0; i < cgap_field_count(); i++) {
    const cgap_field *f = cgap_field_at(i);
    const bool again = i > 0 && has_same_definition(f, cgap_field_at(i - 1));
    const bool shared = i + 1 < cgap_field_count() && has_same_definition(f, cgap_field_at(i + 1));
    const char *last = strrchr(f->key, '.');
    char key[200];
    cgap_phrase title;
    if ((has & f->needs) != f->needs || again)
      continue;
    title = cgap_field_title(f, page->names);
    snprintf(key, sizeof key, "%s", f->key);
    if (shared) {
      snprintf(title.s, sizeof title.s, "%s: %.300s", cgap_tr(page->names, cgap_groups[f->group].title),
               cgap_field_label(f, page->names).s);
      snprintf(key, sizeof key, "%.*s.*%s", (int)strcspn(f->key, "."), f->key, last ? last : "");
    }
    const cgap_phrase definition = cgap_phrase_of(page->names, f->definition);
    char meaning[ANCHOR];
    meaning_of(meaning, f);
    const cgap_cell cells[] = {
      {.text = title.s, .link = meaning}, {.text = key, .is_key = true}, {.text = definition.s}, {.text = f->source}};
    put_row(page, f->key, cells, 4);
  }
  cgap_page_table_end(page);
  fprintf(page->out, "<details class=\"meanings\">\n<summary>%s</summary>\n<div lang=\"en\">\n%s</div>\n</details>\n",
          cgap_tr(page->names, "What the measures mean, and when they mislead (MEASURES)"),
          cgap_embedded("measures.html"));
}

/* ---------------------------------------------------------------- the page */

static void open_page(cgap_page *page, const char *title, const char *about, const cgap_section *sections)
{
  const struct cgap_language *language = page->names ? page->names->language : NULL;
  fprintf(page->out, "<!DOCTYPE html>\n<html lang=\"%s\">\n", language ? language->code : "en");
  fputs("<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline'; img-src data:\">\n<link rel=\"icon\" href=\"data:,\">\n",
        page->out);
  title = cgap_tr(page->names, title);
  cgap_page_put(page, "title", "%s", title);
  fprintf(page->out, "<style>\n%s</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#%s\">%s</a>\n<header>\n",
          cgap_embedded("page.css"), sections[0].id, cgap_tr(page->names, "Skip to the report"));
  cgap_page_put(page, "h1", "%s", title);
  cgap_page_put(page, "p class=\"soft\"", "%s", cgap_tr(page->names, about));
  fprintf(page->out, "<nav aria-label=\"%s\">\n<ul>\n", cgap_tr(page->names, "Sections"));
  for (; sections->id; sections++)
    fprintf(page->out, "<li><a href=\"#%s\">%s</a></li>\n", sections->id, cgap_tr(page->names, sections->title));
  fputs("</ul>\n</nav>\n</header>\n<main>\n", page->out);
}

cgap_status cgap_page_write(const char *folder, const char *title, const char *about, const cgap_modality_names *names,
                            const cgap_section *sections, const void *data, void (*warn_line)(const char *line),
                            cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_outfile file;
  cgap_status status = cgap_folder_file(path, folder, "report.html", error);
  if (status == CGAP_OK)
    status = cgap_outfile_open(&file, path, error);
  if (status != CGAP_OK)
    return status;
  cgap_page page = {.out = file.stream, .folder = folder, .names = names, .warn_line = warn_line, .error = error};
  for (const cgap_section *s = sections; s->id; s++)
    page.defines |= strcmp(s->id, "definitions") == 0;
  open_page(&page, title, about, sections);
  for (const cgap_section *s = sections; s->id && page.status == CGAP_OK; s++) {
    fprintf(page.out, "<section id=\"%s\" aria-labelledby=\"%s-title\">\n<h2 id=\"%s-title\">%s</h2>\n", s->id, s->id,
            s->id, cgap_tr(names, s->title));
    s->put(&page, data);
    fputs("</section>\n", page.out);
  }
  fprintf(page.out, "</main>\n<footer>contragap %s</footer>\n<script>\n%s</script>\n</body>\n</html>\n", cgap_version(),
          cgap_embedded("page.js"));
  const bool commit = page.status == CGAP_OK;
  const cgap_status closed = cgap_outfile_close(&file, commit, commit ? error : NULL);
  return commit ? closed : page.status;
}
