#include "report/terminal_plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/source.h"
#include "base/text_buffer.h"
#include "report/text.h"

/* ---------------------------------------------------------------- a table */

enum { COLUMNS_MAX = 40 };

typedef struct table {
  char *head[COLUMNS_MAX];
  size_t columns, rows;
  char **cell;    /* (rows, columns), into the text */
  double *number; /* the same, NaN where it is none */
  char **note;    /* lines "# key<tab>value" */
  size_t notes;
} table;

static void table_clear(table *t)
{
  free(t->cell);
  free(t->number);
  free(t->note);
}

/* Cuts a line at its tabs; what is missing is "". */
static void cut_line(char *line, char **cell, size_t columns)
{
  for (size_t c = 0; c < columns; c++) {
    cell[c] = line;
    line += strcspn(line, "\t");
    if (*line)
      *line++ = '\0';
  }
}

static cgap_status table_read(table *t, char *text, cgap_error *error)
{
  size_t lines = 0;
  for (const char *at = text; *at; at++)
    lines += *at == '\n';
  char *next = text + strcspn(text, "\n");
  if (*next)
    *next++ = '\0';
  *t = (table){.columns = 1};
  for (const char *at = text; *at; at++)
    t->columns += *at == '\t';
  t->columns = t->columns < COLUMNS_MAX ? t->columns : COLUMNS_MAX;
  cut_line(text, t->head, t->columns);
  t->cell = calloc((lines + 1) * t->columns, sizeof *t->cell);
  t->number = calloc((lines + 1) * t->columns, sizeof *t->number);
  t->note = calloc(lines + 1, sizeof *t->note);
  if (!t->cell || !t->number || !t->note) {
    table_clear(t);
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  }
  for (char *line = next; *line; line = next) {
    next = line + strcspn(line, "\n");
    if (*next)
      *next++ = '\0';
    if (line[0] == '#')
      t->note[t->notes++] = line;
    else if (line[0])
      cut_line(line, &t->cell[t->rows++ * t->columns], t->columns);
  }
  for (size_t i = 0; i < t->rows * t->columns; i++) {
    char *end;
    t->number[i] = strtod(t->cell[i], &end);
    if (end == t->cell[i] || *end)
      t->number[i] = NAN;
  }
  return CGAP_OK;
}

/* SIZE_MAX: the table has no such column. */
static size_t column_of(const table *t, const char *name)
{
  for (size_t c = 0; c < t->columns; c++)
    if (strcmp(t->head[c], name) == 0)
      return c;
  return SIZE_MAX;
}

static bool has(const table *t, const char *name)
{
  return column_of(t, name) != SIZE_MAX;
}

static const char *word_at(const table *t, size_t row, size_t column)
{
  return column == SIZE_MAX ? "" : t->cell[row * t->columns + column];
}

static double number_at(const table *t, size_t row, size_t column)
{
  return column == SIZE_MAX ? NAN : t->number[row * t->columns + column];
}

/* The value of a note, NULL: there is none. */
static const char *note_of(const table *t, const char *key)
{
  const size_t length = strlen(key);
  for (size_t i = 0; i < t->notes; i++) {
    const char *at = t->note[i] + 1 + strspn(t->note[i] + 1, " ");
    if (strncmp(at, key, length) == 0 && at[length] == '\t')
      return at + length + 1;
  }
  return NULL;
}

/* A column's head as words. Changes it. */
static const char *words_of_head(char *head)
{
  for (char *at = head; *at; at++)
    *at = *at == '_' ? ' ' : *at;
  return head;
}

/* The different words of a column, in their order. */
enum { WORDS_MAX = 64 };
typedef struct words {
  const char *of[WORDS_MAX];
  size_t count;
} words;

static void add_word(words *w, const char *word)
{
  for (size_t k = 0; k < w->count; k++)
    if (strcmp(w->of[k], word) == 0)
      return;
  if (w->count < WORDS_MAX)
    w->of[w->count++] = word;
}

static words words_of(const table *t, size_t column)
{
  words out = {.count = 0};
  for (size_t r = 0; r < t->rows; r++)
    add_word(&out, word_at(t, r, column));
  return out;
}

/* ---------------------------------------------------------------- panels */

/* Numbers of the traces of one panel, which own them here. */
typedef struct drawn_panel {
  cgap_terminal_panel panel;
  double *x[CGAP_TRACES_MAX], *y[CGAP_TRACES_MAX];
  bool failed;
} drawn_panel;

static void panel_clear(drawn_panel *p)
{
  for (size_t k = 0; k < CGAP_TRACES_MAX; k++) {
    free(p->x[k]);
    free(p->y[k]);
  }
}

/* Which rows of a table belong to a trace: those where column `of` has `word`, and `also` the word of that. */
typedef struct picked_rows {
  size_t of, also; /* SIZE_MAX: all */
  const char *word, *also_word;
} picked_rows;

static bool is_picked(const table *t, size_t row, const picked_rows *p)
{
  return (p->of == SIZE_MAX || strcmp(word_at(t, row, p->of), p->word) == 0) &&
         (p->also == SIZE_MAX || strcmp(word_at(t, row, p->also), p->also_word) == 0);
}

/* The last one. */
static void drop_trace(drawn_panel *p)
{
  const size_t k = --p->panel.count;
  free(p->x[k]);
  free(p->y[k]);
  p->x[k] = p->y[k] = NULL;
}

static void add_trace(drawn_panel *p, const table *t, const picked_rows *rows, const char *name, size_t x, size_t y,
                      cgap_trace_kind kind)
{
  const size_t k = p->panel.count;
  if (k == CGAP_TRACES_MAX || y == SIZE_MAX || x == SIZE_MAX)
    return;
  p->x[k] = calloc(t->rows + 1, sizeof *p->x[k]);
  p->y[k] = calloc(t->rows + 1, sizeof *p->y[k]);
  if (!p->x[k] || !p->y[k]) {
    p->failed = true;
    return;
  }
  size_t count = 0;
  bool any = false;
  for (size_t r = 0; r < t->rows; r++)
    if (is_picked(t, r, rows)) {
      p->x[k][count] = number_at(t, r, x);
      p->y[k][count] = number_at(t, r, y);
      any = any || isfinite(p->y[k][count]);
      count++;
    }
  p->panel.trace[k] = (cgap_trace){.name = name, .x = p->x[k], .y = p->y[k], .count = count, .kind = kind};
  p->panel.count++;
  if (!any)
    drop_trace(p);
}

/* What draws a figure: the table, where to, and how high a panel is. */
typedef struct figure {
  const table *t;
  const cgap_terminal *terminal;
  size_t panels; /* that share the rows of the terminal */
  FILE *out;
} figure;

static int panel_height(const figure *f)
{
  enum { HEIGHT_MIN = 9, HEIGHT_MAX = 24 };
  const int each = (f->terminal->rows - 2) / (int)(f->panels ? f->panels : 1);
  return each < HEIGHT_MIN ? HEIGHT_MIN : each > HEIGHT_MAX ? HEIGHT_MAX : each;
}

static cgap_status panel_print(const figure *f, drawn_panel *p, cgap_error *error)
{
  cgap_status status = p->failed ? cgap_fail(error, CGAP_RESOURCE, "out of memory") : CGAP_OK;
  if (status == CGAP_OK && p->panel.count)
    status = cgap_terminal_panel_print(&p->panel, f->terminal, panel_height(f), f->out, error);
  return status;
}

/* ---------------------------------------------------------------- the forms */

/* A panel for each word of the column `when`, "before" and "after", or one. */
typedef void panel_fill(const figure *f, drawn_panel *p, const picked_rows *rows);

static cgap_status print_when(figure *f, panel_fill *fill, const char *x_name, cgap_error *error)
{
  enum { TIMES_MAX = 4 };
  const size_t when = column_of(f->t, "when");
  words times = words_of(f->t, when);
  times.count = times.count < TIMES_MAX ? times.count : TIMES_MAX;
  drawn_panel *p = calloc(TIMES_MAX, sizeof *p);
  const cgap_terminal_panel *alike[TIMES_MAX];
  if (!p)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  cgap_status status = CGAP_OK;
  f->panels = times.count;
  for (size_t k = 0; k < times.count; k++) {
    const picked_rows rows = {when, SIZE_MAX, times.of[k], NULL};
    p[k].panel.title = times.of[k];
    p[k].panel.x_name = x_name;
    fill(f, &p[k], &rows);
    alike[k] = &p[k].panel;
  }
  for (size_t k = 0; k < times.count; k++) {
    p[k].panel.alike = alike;
    p[k].panel.alike_count = times.count;
    if (status == CGAP_OK)
      status = panel_print(f, &p[k], error);
  }
  for (size_t k = 0; k < times.count; k++)
    panel_clear(&p[k]);
  free(p);
  return status;
}

/* The names of the two modalities, where the table has them. */
static const char *modality(const figure *f, int k)
{
  const char *name = note_of(f->t, k ? "text_word" : "image_word");
  return name ? name : k ? "text" : "image";
}

/* Columns that bear a modality's name are found by their place: row, x, y of each before the cosine. */
static void fill_scatter(const figure *f, drawn_panel *p, const picked_rows *rows)
{
  const size_t cosine = column_of(f->t, "cosine");
  if (cosine < 6)
    return;
  add_trace(p, f->t, rows, modality(f, 0), cosine - 5, cosine - 4, CGAP_TRACE_POINTS);
  add_trace(p, f->t, rows, modality(f, 1), cosine - 2, cosine - 1, CGAP_TRACE_POINTS);
}

/* Shares of each set of pairs, per bin of cosines, where there are any. */
static void fill_cosines(const figure *f, drawn_panel *p, const picked_rows *rows)
{
  const char *const names[] = {"matched pairs", "non-matching", modality(f, 0), modality(f, 1)};
  const size_t pair = column_of(f->t, "pair"); /* the other sets follow */
  for (int s = 0; s < 4; s++) {
    const size_t before = p->panel.count;
    if (pair + s < f->t->columns)
      add_trace(p, f->t, rows, names[s], column_of(f->t, "low"), pair + s, CGAP_TRACE_LINE);
    double all = 0;
    for (size_t i = 0; p->panel.count > before && i < p->panel.trace[before].count; i++)
      all += p->y[before][i];
    if (p->panel.count > before && all <= 0) /* the audit has none of them */
      drop_trace(p);
    for (size_t i = 0; p->panel.count > before && i < p->panel.trace[before].count; i++)
      p->y[before][i] = all > 0 && p->y[before][i] > 0 ? p->y[before][i] / all : NAN;
  }
}

static void fill_curves(const figure *f, drawn_panel *p, const picked_rows *rows)
{
  const size_t x = column_of(f->t, has(f->t, "components") ? "components" : has(f->t, "k") ? "k" : "rank");
  p->panel.logarithmic_x = true;
  for (size_t c = 0; c < f->t->columns; c++)
    if (c != x && c != column_of(f->t, "when") && !cgap_ends_with(f->t->head[c], "_low") &&
        !cgap_ends_with(f->t->head[c], "_high"))
      add_trace(p, f->t, rows, words_of_head(f->t->head[c]), x, c, CGAP_TRACE_LINE);
}

static void fill_losers(const figure *f, drawn_panel *p, const picked_rows *rows)
{
  const size_t change = column_of(f->t, "change");
  const words all = words_of(f->t, change);
  (void)rows;
  p->panel.title = "rank after";
  p->panel.logarithmic_x = true;
  for (size_t k = 0; k < all.count; k++) {
    const picked_rows one = {change, SIZE_MAX, all.of[k], NULL};
    add_trace(p, f->t, &one, all.of[k], column_of(f->t, "rank_before"), column_of(f->t, "rank_after"),
              CGAP_TRACE_POINTS);
  }
}

static void fill_dimensions(const figure *f, drawn_panel *p, const picked_rows *rows)
{
  add_trace(p, f->t, rows, "difference of the means", column_of(f->t, "coordinate"), column_of(f->t, "difference"),
            CGAP_TRACE_IMPULSES);
}

static void fill_plane(const figure *f, drawn_panel *p, const picked_rows *rows)
{
  const size_t name = column_of(f->t, "name");
  const words all = words_of(f->t, name);
  (void)rows;
  p->panel.title = "alignment; nearer the lower left is better";
  for (size_t k = 0; k < all.count; k++) {
    const picked_rows one = {name, SIZE_MAX, all.of[k], NULL};
    add_trace(p, f->t, &one, all.of[k], column_of(f->t, "uniformity"), column_of(f->t, "alignment"), CGAP_TRACE_POINTS);
  }
}

static void fill_modalities(const figure *f, drawn_panel *p, const picked_rows *rows)
{
  const size_t of = column_of(f->t, "modality");
  const words all = words_of(f->t, of);
  (void)rows;
  for (size_t k = 0; k < all.count; k++) {
    const picked_rows one = {of, SIZE_MAX, all.of[k], NULL};
    add_trace(p, f->t, &one, all.of[k], column_of(f->t, "x"), column_of(f->t, "y"), CGAP_TRACE_POINTS);
  }
}

/* panel, series, x, y: a panel for each measure, a trace for each series. */
static cgap_status print_panels(figure *f, cgap_error *error)
{
  const table *t = f->t;
  const size_t panel = column_of(t, "panel"), series = has(t, "series") ? column_of(t, "series") : SIZE_MAX,
               y = has(t, "y") ? column_of(t, "y") : column_of(t, "value");
  const words panels = words_of(t, panel), names = words_of(t, series);
  const char *categories[WORDS_MAX];
  size_t category_count = 0;
  char key[40];
  for (const char *found = ""; found && category_count < WORDS_MAX;) {
    snprintf(key, sizeof key, "category_%zu", category_count + 1);
    found = note_of(t, key);
    if (found)
      categories[category_count++] = found;
  }
  cgap_status status = CGAP_OK;
  f->panels = panels.count;
  for (size_t k = 0; status == CGAP_OK && k < panels.count; k++) {
    const char *title;
    snprintf(key, sizeof key, "panel_%zu", k + 1);
    title = note_of(t, key);
    drawn_panel p = {.panel = {.title = title ? title : panels.of[k],
                               .x_name = k + 1 == panels.count ? note_of(t, "x") : NULL,
                               .categories = category_count ? categories : NULL,
                               .category_count = category_count}};
    for (size_t s = 0; s < names.count; s++) {
      const picked_rows rows = {panel, series, panels.of[k], names.of[s]};
      add_trace(&p, t, &rows, names.of[s], column_of(t, "x"), y, category_count ? CGAP_TRACE_POINTS : CGAP_TRACE_LINE);
    }
    status = panel_print(f, &p, error);
    panel_clear(&p);
  }
  return status;
}

/* ---------------------------------------------------------------- a line for each name */

static double lowest(const table *t, const picked_rows *rows, size_t column, double so_far)
{
  for (size_t r = 0; r < t->rows; r++)
    if (is_picked(t, r, rows) && number_at(t, r, column) < so_far)
      so_far = number_at(t, r, column);
  return so_far;
}

static double highest(const table *t, const picked_rows *rows, size_t column, double so_far)
{
  for (size_t r = 0; r < t->rows; r++)
    if (is_picked(t, r, rows) && number_at(t, r, column) > so_far)
      so_far = number_at(t, r, column);
  return so_far;
}

/* "after  ──o──  0.704": a dot in its interval, and the value. */
static void print_dot_row(const figure *f, size_t row, const char *name, const size_t column[3], double low,
                          double high, int label)
{
  enum { VALUE = 10 };
  const int width = f->terminal->columns - label - VALUE - 3;
  const bool utf8 = f->terminal->utf8;
  int at[3];
  for (int k = 0; k < 3; k++) {
    const double v = number_at(f->t, row, column[k]);
    at[k] = isfinite(v) && high > low ? (int)lround((v - low) / (high - low) * (width - 1)) : -1;
  }
  char shown[40];
  cgap_value_show(shown, number_at(f->t, row, column[0]), 3);
  cgap_name_print(f->out, name, label);
  fputs(utf8 ? " │" : " |", f->out);
  for (int x = 0; x < width; x++)
    fputs(x == at[0]                                             ? cgap_trace_mark(f->terminal, 0)
          : at[1] >= 0 && at[2] >= 0 && x >= at[1] && x <= at[2] ? (utf8 ? "─" : "-")
                                                                 : " ",
          f->out);
  fprintf(f->out, "%*s\n", VALUE, shown);
}

static void print_dot_rows(const figure *f, const char *title, const picked_rows *rows, size_t names,
                           const size_t column[3])
{
  enum { LABEL_MAX = 24 };
  const table *t = f->t;
  double low = INFINITY, high = -INFINITY;
  int label = 4;
  for (int k = 0; k < 3; k++) {
    low = lowest(t, rows, column[k], low);
    high = highest(t, rows, column[k], high);
  }
  for (size_t r = 0; r < t->rows; r++) {
    const int own = is_picked(t, r, rows) ? cgap_text_width(word_at(t, r, names), strlen(word_at(t, r, names))) : 0;
    label = own > label ? (own < LABEL_MAX ? own : LABEL_MAX) : label;
  }
  low = low > 0 && low < (high - low) * 2 ? 0 : low; /* from 0 where that is near */
  if (title)
    fprintf(f->out, "%s%s%s\n", f->terminal->colour ? "\033[1m" : "", title, cgap_trace_ink_off(f->terminal));
  for (size_t r = 0; r < t->rows; r++)
    if (is_picked(t, r, rows))
      print_dot_row(f, r, word_at(t, r, names), column, low, high, label);
  char ends[2][40];
  cgap_value_show(ends[0], low, 3);
  cgap_value_show(ends[1], high, 3);
  const int width = f->terminal->columns - label - 13;
  fprintf(f->out, "%*s%s%*s\n", label + 2, "", ends[0], width - (int)strlen(ends[0]), ends[1]);
}

/* panel, input, value: all inputs of a measure; or name, distance. */
static void print_dots(figure *f)
{
  const table *t = f->t;
  const size_t panel = column_of(t, "panel"), name = has(t, "input") ? column_of(t, "input") : column_of(t, "name");
  const size_t value = has(t, "value") ? column_of(t, "value") : column_of(t, "distance");
  const size_t column[3] = {value, column_of(t, "low"), column_of(t, "high")};
  const words panels = words_of(t, panel);
  for (size_t k = 0; k < panels.count; k++) {
    const picked_rows rows = {panel, SIZE_MAX, panels.of[k], NULL};
    if (k)
      fputc('\n', f->out);
    print_dot_rows(f, panel == SIZE_MAX ? "corrected distance" : panels.of[k], &rows, name, column);
  }
}

/* ---------------------------------------------------------------- a matrix */

/* The row of the table that has a place of the matrix; SIZE_MAX: none has. */
static size_t row_at_place(const table *t, size_t column, size_t row)
{
  for (size_t r = 0; r < t->rows; r++)
    if (number_at(t, r, column_of(t, "column")) == (double)column &&
        number_at(t, r, column_of(t, "row")) == (double)row)
      return r;
  return SIZE_MAX;
}

/* What a row or a column is called, by a note "row_1" or by the cell of its own. */
static const char *name_at_place(const table *t, const char *what, size_t place, size_t row, size_t column)
{
  char key[40];
  snprintf(key, sizeof key, "%s_%zu", what, place);
  const char *name = note_of(t, key);
  return name ? name : row == SIZE_MAX ? "" : word_at(t, row, column);
}

/* Values in their places, darker where they are higher; as many columns at a time as fit. */
static void print_matrix(const figure *f)
{
  enum { LABEL = 14, VALUE = 7, SHADE = 3 };
  static const char *const SHADES[2][5] = {{"  ", "..", "::", "++", "##"}, {"  ", "░░", "▒▒", "▓▓", "██"}};
  const table *t = f->t;
  const picked_rows all = {SIZE_MAX, SIZE_MAX, NULL, NULL};
  const size_t value = column_of(t, has(t, "value") ? "value" : "images"), down = column_of(t, has(t, "a") ? "a" : "y"),
               across = column_of(t, has(t, "b") ? "b" : "x");
  const double low = lowest(t, &all, value, INFINITY), high = highest(t, &all, value, -INFINITY);
  size_t begin[2], end[2];
  for (int k = 0; k < 2; k++) {
    const size_t place = column_of(t, k ? "row" : "column");
    begin[k] = t->rows ? (size_t)lowest(t, &all, place, INFINITY) : 0;
    end[k] = t->rows ? (size_t)highest(t, &all, place, -INFINITY) + 1 : 0;
  }
  const size_t fits = (size_t)((f->terminal->columns - LABEL) / (VALUE + SHADE));
  for (size_t from = begin[0]; from < end[0]; from += fits) {
    const size_t last = from + fits < end[0] ? from + fits : end[0];
    fprintf(f->out, "%*s", LABEL, "");
    for (size_t c = from; c < last; c++) {
      const size_t r = row_at_place(t, c, begin[1]);
      char name[60];
      cgap_name_shorten(name, VALUE + SHADE, name_at_place(t, "column", c, r, across));
      fprintf(f->out, "%*s%s", VALUE + SHADE - cgap_text_width(name, strlen(name)), "", name);
    }
    fputc('\n', f->out);
    for (size_t line = begin[1]; line < end[1]; line++) {
      const size_t named = row_at_place(t, from, line);
      cgap_name_print(f->out, name_at_place(t, "row", line, named, down), LABEL);
      for (size_t c = from; c < last; c++) {
        const size_t r = row_at_place(t, c, line);
        const double v = r == SIZE_MAX ? NAN : number_at(t, r, value);
        char shown[40] = "-";
        if (isfinite(v))
          cgap_value_show(shown, v, has(t, "value") ? 3 : 0);
        fprintf(f->out, " %s%*s",
                SHADES[f->terminal->utf8][isfinite(v) && high > low ? (int)((v - low) / (high - low) * 4) : 0], VALUE,
                shown);
      }
      fputc('\n', f->out);
    }
  }
}

/* The title, and what the figure says of itself. */
static void print_title(const table *t, const char *title, const cgap_terminal *terminal, FILE *out)
{
  static const char *const NOTES[][2] = {{"shown", ""},
                                         {"means", "mean cosine "},
                                         {"ratios", "participation ratio "},
                                         {"corrected_distance", "corrected distance "}};
  const char *own = note_of(t, "title");
  fputs(terminal->colour ? "\033[1m" : "", out);
  cgap_text_wrap(out, terminal->columns, "", own ? own : title, 0);
  fputs(cgap_trace_ink_off(terminal), out);
  for (size_t k = 0; k < sizeof NOTES / sizeof *NOTES; k++)
    if (note_of(t, NOTES[k][0]))
      cgap_text_wrap(out, terminal->columns, NOTES[k][1], note_of(t, NOTES[k][0]), 0);
}

cgap_status cgap_terminal_plot(bool *drawn, const char *title, char *text, const cgap_terminal *terminal, FILE *out,
                               cgap_error *error)
{
  table t;
  cgap_status status = table_read(&t, text, error);
  *drawn = false;
  if (status != CGAP_OK)
    return status;
  static const struct {
    const char *columns[4];
    panel_fill *fill;
    const char *x_name;
  } FORMS[] = {{{"cosine"}, fill_scatter, "first principal component"},
               {{"low", "pair", "cross"}, fill_cosines, "cosine"},
               {{"components"}, fill_curves, "number of components"},
               {{"k"}, fill_curves, "k, candidates looked at"},
               {{"rank", "image_query_before"}, fill_curves, "rank of the partner in one index"},
               {{"rank_before", "rank_after", "change"}, fill_losers, "rank before"},
               {{"coordinate", "difference"}, fill_dimensions, "coordinate"},
               {{"name", "uniformity", "alignment"}, fill_plane, "uniformity"},
               {{"modality", "x", "y"}, fill_modalities, "first principal component"}};
  figure f = {.t = &t, .terminal = terminal, .panels = 1, .out = out};
  panel_fill *fill = NULL;
  const char *x_name = NULL;
  for (size_t k = 0; !fill && k < sizeof FORMS / sizeof *FORMS; k++) {
    bool fits = true;
    for (int c = 0; c < 4 && FORMS[k].columns[c]; c++)
      fits = fits && has(&t, FORMS[k].columns[c]);
    fill = fits ? FORMS[k].fill : NULL;
    x_name = FORMS[k].x_name;
  }
  const bool is_matrix = has(&t, "column") && has(&t, "row") && (has(&t, "value") || has(&t, "images"));
  const bool is_dots = has(&t, "value") ? has(&t, "input") : has(&t, "name") && has(&t, "distance");
  const bool is_panels = has(&t, "panel") && has(&t, "series") && has(&t, "x") && has(&t, "y");
  *drawn = fill || is_matrix || is_dots || is_panels;
  if (*drawn)
    print_title(&t, title, terminal, out);
  if (fill)
    status = print_when(&f, fill, x_name, error);
  else if (is_matrix)
    print_matrix(&f);
  else if (is_dots)
    print_dots(&f);
  else if (is_panels)
    status = print_panels(&f, error);
  table_clear(&t);
  return status;
}
