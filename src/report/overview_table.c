/* The table of an overview: on the terminal, for other documents, as comma-separated values and as JSON. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/overview.h"

enum {
  COLUMNS_MAX = 6,
  LATEX_COLUMNS = 5,
  LATEX_ROWS = 30,
  LATEX_WIDE = 4,
  CELL = 60,
  TITLE = CGAP_TITLE_SIZE,
  VALUE_MIN = 9,
  HEAD_LINES = 4
};

static int width_of(const char *text)
{
  return cgap_text_width(text, strlen(text));
}

static int decimals_of(size_t entry)
{
  return entry < cgap_field_count() ? cgap_field_at(entry)->decimals : 4;
}

static bool is_marked(const cgap_ranked *m, size_t k)
{
  return m->significant && m->best == k;
}

static void value_words(char out[40], const cgap_overview *o, const cgap_ranked *m, size_t k)
{
  if (isfinite(cgap_ranking_value(o->comparison, k, m->entry)))
    cgap_value_show(out, cgap_ranking_value(o->comparison, k, m->entry), decimals_of(m->entry));
  else
    snprintf(out, 40, "n/a");
}

/* ---------------------------------------------------------------- terminal */

/* What a table is printed with. */
typedef struct layout {
  char (*heads)[CGAP_HEAD_SIZE];
  int label, value, interval; /* columns; interval 0: none are shown */
  bool colour;
} layout;

static int value_width(const cgap_overview *o)
{
  int width = VALUE_MIN - 2;
  for (size_t m = 0; m < o->ranking.count; m++)
    for (size_t k = 0; k < o->comparison->count; k++) {
      char text[40];
      value_words(text, o, &o->ranking.measure[m], k);
      width = width_of(text) > width ? width_of(text) : width;
    }
  return width + 2; /* a blank before it and a mark after it */
}

static int interval_width(const cgap_overview *o)
{
  int width = 0;
  for (size_t m = 0; m < o->ranking.count; m++)
    for (size_t k = 0; k < o->comparison->count; k++) {
      const cgap_scalar *s = &o->comparison->input[k].scalar[o->ranking.measure[m].entry];
      char text[100];
      cgap_interval_show(text, s->lo, s->hi, decimals_of(o->ranking.measure[m].entry), "[%s, %s]");
      width = width_of(text) > width ? width_of(text) : width;
    }
  return width + 2;
}

static int label_width(const cgap_overview *o)
{
  int width = 0;
  for (size_t m = 0; m < o->ranking.count; m++) {
    char title[TITLE];
    cgap_entry_title(title, o->ranking.measure[m].entry, &o->comparison->names);
    width = width_of(title) > width ? width_of(title) : width;
  }
  return width;
}

static void put_left(FILE *out, const char *text, int width)
{
  fprintf(out, "%s%*s", text, width > width_of(text) ? width - width_of(text) : 0, "");
}

static void put_right(FILE *out, const char *text, int width)
{
  fprintf(out, "%*s%s", width > width_of(text) ? width - width_of(text) : 0, "", text);
}

/* A title in the width of the labels: where it is longer, the directions become arrows, then its block is left out,
 * then its end. */
static void put_label(FILE *out, const cgap_overview *o, size_t entry, int width)
{
  static const char *const DIRECTIONS[] = {"{image} to {text}", "{text} to {image}"};
  const cgap_modality_names *names = &o->comparison->names;
  char title[TITLE];
  cgap_entry_title(title, entry, &o->comparison->names);
  for (int i = 0; width_of(title) > width && i < 2; i++) {
    char *at = strstr(title, cgap_phrase_of(names, DIRECTIONS[i]).s);
    if (at)
      snprintf(at, sizeof title - (size_t)(at - title), "%c→%c", toupper(cgap_modality_name(names->of[i], i)[0]),
               toupper(cgap_modality_name(names->of[1 - i], 1 - i)[0]));
  }
  const char *colon = strstr(title, ": "), *from = width_of(title) > width && colon ? colon + 2 : title;
  cgap_name_print(out, from, width);
}

/* last: of its line, which ends without blanks. */
static void put_cell(FILE *out, const cgap_overview *o, const cgap_ranked *m, size_t k, const layout *l, bool last)
{
  char text[40], interval[100];
  const cgap_scalar *s = &o->comparison->input[k].scalar[m->entry];
  const bool marked = is_marked(m, k);
  value_words(text, o, m, k);
  put_right(out, "", l->value - 1 - width_of(text));
  fprintf(out, "%s%s%s%s", l->colour && marked ? "\033[1;32m" : "", text,
          marked                 ? "*"
          : last && !l->interval ? ""
                                 : " ",
          l->colour && marked ? "\033[0m" : "");
  if (!l->interval)
    return;
  cgap_interval_show(interval, s->lo, s->hi, decimals_of(m->entry), "[%s, %s]");
  put_right(out, interval, l->interval - 1);
  fputs(last ? "" : " ", out);
}

static void print_columns(const cgap_overview *o, const layout *l, FILE *out)
{
  put_left(out, "", l->label);
  for (size_t i = 0; i < o->comparison->count; i++) {
    put_right(out, l->heads[o->order[i]], l->value - 1);
    put_left(out, "", i + 1 < o->comparison->count ? 1 + l->interval : 0);
  }
  fputc('\n', out);
  for (size_t m = 0; m < o->ranking.count; m++) {
    put_label(out, o, o->ranking.measure[m].entry, l->label);
    for (size_t i = 0; i < o->comparison->count; i++)
      put_cell(out, o, &o->ranking.measure[m], o->order[i], l, i + 1 == o->comparison->count);
    fputc('\n', out);
  }
}

/* Breaks a title into lines of at most `width` columns; a longer word is shortened. Returns their number, HEAD_LINES +
 * 1 where they are more. */
static size_t break_title(char line[HEAD_LINES][TITLE], const char *title, int width)
{
  size_t lines = 0;
  line[0][0] = '\0';
  for (const char *at = title; *at; at += strspn(at, " ")) {
    char word[TITLE], shown[TITLE];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(at, " "), at);
    at += strlen(word);
    cgap_name_shorten(shown, (size_t)(width_of(word) > width ? width + 1 - 2 + (int)strlen("…") : TITLE), word);
    const bool begins = lines == 0;
    if (begins || width_of(line[lines - 1]) + 1 + width_of(shown) > width) {
      if (lines == HEAD_LINES)
        return HEAD_LINES + 1;
      snprintf(line[lines++], TITLE, "%s", shown);
    } else {
      snprintf(line[lines - 1] + strlen(line[lines - 1]), TITLE - strlen(line[lines - 1]), " %s", shown);
    }
  }
  return lines;
}

/* Measures [from, end) as columns, an input per row. */
static void print_block(const cgap_overview *o, const layout *l, size_t from, size_t end, FILE *out)
{
  char line[COLUMNS_MAX * 4][HEAD_LINES][TITLE];
  size_t lines[COLUMNS_MAX * 4], most = 0;
  for (size_t m = from; m < end; m++) {
    char title[TITLE];
    cgap_entry_title(title, o->ranking.measure[m].entry, &o->comparison->names);
    const char *colon = strstr(title, ": ");
    lines[m - from] = break_title(line[m - from], title, l->value - 2);
    if (lines[m - from] > HEAD_LINES && colon) /* without its block */
      lines[m - from] = break_title(line[m - from], colon + 2, l->value - 2);
    lines[m - from] = lines[m - from] > HEAD_LINES ? HEAD_LINES : lines[m - from];
    most = lines[m - from] > most ? lines[m - from] : most;
  }
  for (size_t h = 0; h < most; h++) {
    put_left(out, "", l->label);
    for (size_t m = 0; m < end - from; m++) {
      const size_t skipped = most - lines[m];
      put_right(out, h >= skipped ? line[m][h - skipped] : "", l->value - 1);
      fputs(m + 1 < end - from ? " " : "\n", out);
    }
  }
  for (size_t i = 0; i < o->comparison->count; i++) {
    put_left(out, l->heads[o->order[i]], l->label);
    for (size_t m = from; m < end; m++)
      put_cell(out, o, &o->ranking.measure[m], o->order[i], l, m + 1 == end);
    fputc('\n', out);
  }
}

static void print_rows(const cgap_overview *o, const layout *l, int columns, FILE *out)
{
  size_t fit = (size_t)((columns - l->label) / l->value);
  const size_t count = o->ranking.count;
  fit = fit > COLUMNS_MAX * 4 ? COLUMNS_MAX * 4 : fit;
  const size_t blocks = (count + fit - 1) / fit, each = (count + blocks - 1) / blocks;
  for (size_t m = 0; m < count; m += each) {
    fputs(m ? "\n" : "", out);
    print_block(o, l, m, m + each < count ? m + each : count, out);
  }
}

static int widest_head(char (*heads)[CGAP_HEAD_SIZE], size_t count)
{
  int width = 0;
  for (size_t k = 0; k < count; k++)
    width = width_of(heads[k]) > width ? width_of(heads[k]) : width;
  return width;
}

enum { LABEL_LEAST = 24, VALUE_MOST = 24, ROW_HEAD_MOST = 28, TITLE_COLUMN = 12 };

/* The inputs as columns: names whole where labels of LABEL_LEAST leave the columns for that, else shortened to what the
 * values need; intervals where there is a place for them. */
static void fit_columns(layout *l, const cgap_overview *o, int columns, int cell)
{
  const int count = (int)o->comparison->count, longest = label_width(o), interval = interval_width(o);
  cgap_overview_heads(l->heads, o->comparison, VALUE_MOST);
  const int whole = widest_head(l->heads, o->comparison->count) + 2;
  l->value = whole < cell ? cell : columns - count * whole >= LABEL_LEAST ? whole : cell;
  const int rest = columns - count * l->value;
  l->label = rest < longest ? rest : longest;
  if (l->value < whole) {
    const int each = (columns - l->label) / count;
    l->value = each > l->value ? each : l->value;
    cgap_overview_heads(l->heads, o->comparison, l->value - 2);
  }
  l->interval = interval > 2 && rest - longest >= count * interval ? interval : 0;
}

/* Whether the inputs are columns; sets the widths, and names that fit. */
static bool choose_layout(layout *l, const cgap_overview *o, int columns)
{
  const int count = (int)o->comparison->count, cell = value_width(o);
  *l = (layout){.heads = l->heads, .colour = l->colour};
  if (count <= COLUMNS_MAX && columns - count * cell >= LABEL_LEAST) {
    fit_columns(l, o, columns, cell);
    return true;
  }
  cgap_overview_heads(l->heads, o->comparison, columns / 4 < ROW_HEAD_MOST ? columns / 4 : ROW_HEAD_MOST);
  l->label = widest_head(l->heads, o->comparison->count);
  l->value = cell > TITLE_COLUMN ? cell : TITLE_COLUMN;
  return false;
}

void cgap_overview_print(const cgap_overview *o, const cgap_paper *paper, FILE *out)
{
  char heads[o->comparison->count][CGAP_HEAD_SIZE], legend[CGAP_SENTENCE];
  layout l = {.heads = heads, .colour = paper->colour};
  cgap_verdict_words words;
  cgap_notes notes;
  const bool are_columns = choose_layout(&l, o, paper->columns);
  cgap_overview_words(&words, o, heads);
  cgap_overview_notes(&notes, o, "*");
  for (size_t i = 0; i < words.count; i++)
    cgap_text_wrap(out, paper->columns, "", words.sentence[i], 0);
  fputc('\n', out);
  if (cgap_overview_legend(legend, o->comparison, heads))
    cgap_text_wrap(out, paper->columns, "", legend, 0);
  if (are_columns)
    print_columns(o, &l, out);
  else
    print_rows(o, &l, paper->columns, out);
  for (size_t i = 0; i < notes.count; i++)
    cgap_text_wrap(out, paper->columns, "", notes.text[i], 0);
}

/* ---------------------------------------------------------------- for other documents */

static void put_marked(FILE *out, cgap_markup markup, const char *text, bool marked)
{
  const bool latex = markup == CGAP_LATEX;
  fputs(!marked ? "" : latex ? "\\textbf{" : "**", out);
  cgap_markup_text(out, markup, text);
  fputs(!marked ? "" : latex ? "}" : "**", out);
}

static void put_markup_row(FILE *out, cgap_markup markup, const cgap_overview *o, const cgap_ranked *m, size_t from,
                           size_t end)
{
  const cgap_field *field = cgap_field_at(m->entry);
  const char *column = cgap_groups[field->group].columns[0] ? cgap_groups[field->group].columns[field->column] : "";
  const cgap_modality_names *names = &o->comparison->names;
  char label[TITLE];
  snprintf(label, sizeof label, "%.60s%s%.30s", cgap_phrase_of(names, field->label).s, *column ? ", " : "",
           cgap_phrase_of(names, column).s);
  fputs(markup == CGAP_MARKDOWN ? "| " : "", out);
  cgap_markup_text(out, markup, label);
  for (size_t i = from; i < end; i++) {
    char text[40];
    value_words(text, o, m, o->order[i]);
    fputs(markup == CGAP_MARKDOWN ? " | " : " & ", out);
    put_marked(out, markup, text, is_marked(m, o->order[i]));
  }
  fputs(markup == CGAP_MARKDOWN ? " |\n" : " \\\\\n", out);
}

/* The inputs [from, end) of the order, the measures [first, last). */
static void put_markup_table(FILE *out, cgap_markup markup, const cgap_overview *o, char (*heads)[CGAP_HEAD_SIZE],
                             size_t from, size_t end, size_t first, size_t last)
{
  const size_t columns = 1 + end - from;
  char named[columns][CGAP_HEAD_SIZE + 1];
  const char *titles[columns];
  titles[0] = cgap_tr(&o->comparison->names, N_("measure"));
  for (size_t i = 1; i < columns; i++) {
    snprintf(named[i], sizeof named[i], "#%s", heads[o->order[from + i - 1]]);
    titles[i] = named[i];
  }
  const bool is_wide = markup == CGAP_LATEX && columns > LATEX_WIDE;
  fputs(is_wide ? "{\\footnotesize\\setlength{\\tabcolsep}{4pt}%\n" : "", out);
  cgap_markup_begin(out, markup, titles, columns);
  for (size_t m = first, group = SIZE_MAX; m < last; m++) {
    const cgap_group_index own = cgap_field_at(o->ranking.measure[m].entry)->group;
    if (own != group)
      cgap_markup_group(out, markup, cgap_tr(&o->comparison->names, cgap_groups[own].title), columns);
    group = own;
    put_markup_row(out, markup, o, &o->ranking.measure[m], from, end);
  }
  cgap_markup_end(out, markup);
  fputs(is_wide ? "}\n" : "", out);
}

/* Of as many heads as a table of LaTeX has at most, the widest ones. */
static int letters_of_heads(char (*heads)[CGAP_HEAD_SIZE], size_t count)
{
  int letters = 0;
  for (size_t k = 0; k < count; k++)
    letters += width_of(heads[k]);
  return count > LATEX_COLUMNS ? LATEX_COLUMNS * widest_head(heads, count) : letters;
}

void cgap_overview_markup(const cgap_overview *o, cgap_markup markup, FILE *out)
{
  enum { LATEX_LETTERS = 40, LATEX_HEAD = 7, MARKDOWN_HEAD = 40 };
  const size_t count = o->comparison->count, all = markup == CGAP_LATEX ? LATEX_COLUMNS : count;
  char heads[count][CGAP_HEAD_SIZE], legend[CGAP_SENTENCE];
  cgap_verdict_words words;
  cgap_notes notes;
  int width = MARKDOWN_HEAD;
  cgap_overview_heads(heads, o->comparison, width);
  while (markup == CGAP_LATEX && width > LATEX_HEAD && letters_of_heads(heads, count) > LATEX_LETTERS)
    cgap_overview_heads(heads, o->comparison, --width);
  cgap_overview_words(&words, o, heads);
  cgap_overview_notes(&notes, o, "bold");
  for (size_t i = 0; i < words.count; i++)
    cgap_markup_note(out, markup, NULL, words.sentence[i]);
  for (size_t i = 0; i < notes.count; i++)
    cgap_markup_note(out, markup, NULL, notes.text[i]);
  if (cgap_overview_legend(legend, o->comparison, heads))
    cgap_markup_note(out, markup, cgap_tr(&o->comparison->names, N_("Inputs:")), legend);
  const size_t tables = (count + all - 1) / all, each = (count + tables - 1) / tables;
  const size_t measures = o->ranking.count, rows = markup == CGAP_LATEX ? LATEX_ROWS : measures;
  const size_t parts = (measures + rows - 1) / rows, part = (measures + parts - 1) / parts;
  for (size_t from = 0; from < count; from += each)
    for (size_t first = 0; first < measures; first += part) {
      fputs(markup == CGAP_MARKDOWN || from || first ? "\n" : "", out);
      put_markup_table(out, markup, o, heads, from, from + each < count ? from + each : count, first,
                       first + part < measures ? first + part : measures);
    }
}

/* ---------------------------------------------------------------- comma-separated values */

static void put_csv_name(FILE *out, const char *name, const char *what)
{
  char head[400];
  snprintf(head, sizeof head, "%.300s%s", name, what);
  fputc(',', out);
  cgap_csv_text(out, head);
}

static void put_csv_numbers(FILE *out, const double *value, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    fputc(',', out);
    cgap_csv_number(out, value[i]);
  }
}

void cgap_overview_csv(const cgap_overview *o, FILE *out)
{
  const cgap_comparison *c = o->comparison;
  fputs("measure,better", out);
  for (size_t i = 0; i < c->count; i++) {
    put_csv_name(out, c->input[o->order[i]].name, "");
    put_csv_name(out, c->input[o->order[i]].name, " ci95_low");
    put_csv_name(out, c->input[o->order[i]].name, " ci95_high");
  }
  fputs(",best,next,significant,difference,ci95_low,ci95_high,p_holm\n", out);
  for (size_t m = 0; m < o->ranking.count; m++) {
    const cgap_ranked *r = &o->ranking.measure[m];
    fprintf(out, "%s,%s", cgap_entry_key(r->entry),
            r->better == CGAP_LOWER    ? "lower"
            : r->better == CGAP_HIGHER ? "higher"
                                       : "");
    for (size_t i = 0; i < c->count; i++) {
      const cgap_scalar *s = &c->input[o->order[i]].scalar[r->entry];
      const double value = cgap_ranking_value(c, o->order[i], r->entry);
      const bool known = isfinite(value);
      put_csv_numbers(out, (const double[]){value, known ? s->lo : NAN, known ? s->hi : NAN}, 3);
    }
    if (r->best == SIZE_MAX) {
      fputs(",,,,,,,\n", out);
      continue;
    }
    const cgap_lead *lead = &r->lead[r->next];
    put_csv_name(out, c->input[r->best].name, "");
    put_csv_name(out, c->input[r->next].name, "");
    fprintf(out, ",%s", r->significant ? "yes" : "no");
    put_csv_numbers(out, (const double[]){lead->change.difference, lead->change.lo, lead->change.hi, lead->p_holm}, 4);
    fputc('\n', out);
  }
}

/* ---------------------------------------------------------------- JSON */

static const char *relation_word(cgap_rows_relation relation)
{
  static const char *const WORDS[] = {
    [CGAP_ROWS_SAME] = "known", [CGAP_ROWS_ASSUMED] = "assumed", [CGAP_ROWS_OTHER] = "no"};
  return relation == CGAP_ROWS_UNKNOWN ? NULL : WORDS[relation];
}

static json_t *input_json(const cgap_overview *o, size_t k)
{
  const cgap_compared *in = &o->comparison->input[k];
  return json_pack("{s:o, s:o*, s:o, s:o, s:s, s:s?, s:s?, s:o}", "name", cgap_json_string(in->name), "number",
                   o->number ? json_real(o->number[k]) : NULL, "dim",
                   in->dim ? json_integer((json_int_t)in->dim) : json_null(), "seconds", cgap_number_json(in->seconds),
                   "method", cgap_method_name(cgap_comparison_method(o->comparison, k)), "same_rows",
                   k ? relation_word(in->rows) : NULL, "same_rows_why", in->rows_why, "trained_on",
                   cgap_json_string(in->trained_on));
}

static json_t *name_json(const cgap_overview *o, size_t k)
{
  return cgap_json_string(k == SIZE_MAX ? NULL : o->comparison->input[k].name);
}

static json_t *lead_json(const cgap_overview *o, size_t k, const cgap_lead *lead)
{
  const cgap_change *d = &lead->change;
  return json_pack("{s:o, s:o, s:o, s:o, s:o}", "input", name_json(o, k), "value", cgap_number_json(d->difference),
                   "ci95", isfinite(d->lo) && isfinite(d->hi) ? json_pack("[f, f]", d->lo, d->hi) : json_null(), "p",
                   cgap_number_json(lead->p), "p_holm", cgap_number_json(lead->p_holm));
}

static json_t *measure_json(const cgap_overview *o, const cgap_ranked *m)
{
  json_t *values = json_array(), *differences = json_array();
  for (size_t k = 0; k < o->comparison->count; k++) {
    const cgap_compared *in = &o->comparison->input[k];
    if (in->present[m->entry]) {
      json_t *value = json_pack("{s:o}", "input", name_json(o, k)), *scalar = cgap_scalar_json(&in->scalar[m->entry]);
      json_object_update_new(value, scalar);
      json_array_append_new(values, value);
    }
    if (m->best != SIZE_MAX && k != m->best && isfinite(m->lead[k].change.difference))
      json_array_append_new(differences, lead_json(o, k, &m->lead[k]));
  }
  static const char *const BETTER[] = {[CGAP_NEITHER] = NULL, [CGAP_LOWER] = "lower", [CGAP_HIGHER] = "higher"};
  return json_pack("{s:s, s:s?, s:o, s:o, s:o, s:b, s:o}", "key", cgap_entry_key(m->entry), "better", BETTER[m->better],
                   "values", values, "best", name_json(o, m->best), "next", name_json(o, m->next), "significant",
                   m->significant, "differences", differences);
}

json_t *cgap_overview_json(const cgap_overview *o)
{
  const cgap_comparison *c = o->comparison;
  char rows[CGAP_SENTENCE];
  cgap_overview_rows(rows, o);
  json_t *inputs = json_array(), *order = json_array(), *measures = json_array();
  for (size_t k = 0; k < c->count; k++) {
    json_array_append_new(inputs, input_json(o, k));
    json_array_append_new(order, name_json(o, o->order[k]));
  }
  for (size_t m = 0; m < o->ranking.count; m++)
    json_array_append_new(measures, measure_json(o, &o->ranking.measure[m]));
  return json_pack("{s:i, s:s, s:o, s:s, s:I, s:o, s:o}", "schema_version", CGAP_SCHEMA_VERSION, "sorted_by",
                   o->sort_entry == SIZE_MAX ? "number" : cgap_entry_key(o->sort_entry), "order", order, "rows", rows,
                   "comparisons", (json_int_t)o->ranking.tests, "inputs", inputs, "measures", measures);
}
