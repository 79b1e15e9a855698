/* Curves and maps of trainings and sweeps: the rows of their tables. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text_buffer.h"
#include "report/figures.h"
#include "report/gnuplot.h"

static void about_curves(cgap_tsv *t, const cgap_curves_about *about)
{
  cgap_tsv_about(t, "title", "%s", about->title);
  cgap_tsv_about(t, "shown", "%s", about->shown ? about->shown : "");
  cgap_tsv_about(t, "file", "%s", about->source ? about->source : "");
  cgap_tsv_about(t, "images", "%zu", about->images);
  cgap_tsv_about(t, "texts", "%zu", about->texts);
  cgap_tsv_about_names(t, about->names);
  cgap_tsv_about(t, "dim", "%zu", about->dim);
}

static const char *panel_of(const cgap_curve *c)
{
  return c->panel;
}

static const char *series_of(const cgap_curve *c)
{
  return c->series;
}

/* "# panels<tab>2" and "# panel_1<tab>name": the distinct names in the order of the curves. */
static void about_names(cgap_tsv *t, const char *what, const cgap_curve *curves, size_t count,
                        const char *(*name_of)(const cgap_curve *))
{
  char key[60];
  size_t names = 0;
  for (size_t c = 0; c < count; c++) {
    bool again = curves[c].runs;
    for (size_t b = 0; b < c && !again; b++)
      again = !curves[b].runs && strcmp(name_of(&curves[b]), name_of(&curves[c])) == 0;
    if (again)
      continue;
    snprintf(key, sizeof key, "%s_%zu", what, ++names);
    cgap_tsv_about(t, key, "%s", name_of(&curves[c]));
    if (name_of == series_of && curves[c].kept) {
      snprintf(key, sizeof key, "kept_%zu", names);
      cgap_tsv_about(t, key, "%.9g", *curves[c].kept);
    }
  }
  snprintf(key, sizeof key, strcmp(what, "series") == 0 ? "%s" : "%ss", what);
  cgap_tsv_about(t, key, "%zu", names);
}

/* "# line_1<tab>value", its panel and its name. */
static void about_lines(cgap_tsv *t, const cgap_curves_about *about)
{
  char key[60];
  size_t used = 0;
  for (size_t k = 0; k < about->line_count; k++) {
    const cgap_reference_line *l = &about->line[k];
    if (!isfinite(l->y))
      continue;
    snprintf(key, sizeof key, "line_%zu", ++used);
    cgap_tsv_about(t, key, "%.9g", l->y);
    snprintf(key, sizeof key, "line_%zu_panel", used);
    cgap_tsv_about(t, key, "%s", l->panel);
    snprintf(key, sizeof key, "line_%zu_name", used);
    cgap_tsv_about(t, key, "%s", l->name);
  }
  if (used)
    cgap_tsv_about(t, "lines", "%zu", used);
}

enum { TICKS = 8 };

static int by_value(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Each place of the axis by its name. */
static void about_categories(cgap_tsv *t, const cgap_curves_about *about)
{
  char key[60];
  for (size_t k = 0; k < about->x_name_count; k++) {
    snprintf(key, sizeof key, "category_%zu", k + 1);
    cgap_tsv_about(t, key, "%s", about->x_names[k]);
  }
  cgap_tsv_about(t, "categories", "%zu", about->x_name_count);
}

/* Where x takes few values, each has its own mark on the axis. */
static void about_ticks(cgap_tsv *t, const cgap_curve *curves, size_t count)
{
  double ticks[TICKS];
  char key[60];
  size_t used = 0;
  for (size_t c = 0; c < count; c++) {
    for (size_t i = 0; i < curves[c].count; i++) {
      size_t k = 0;
      while (k < used && ticks[k] != curves[c].x[i])
        k++;
      if (k == TICKS)
        return;
      if (k == used && isfinite(curves[c].x[i]))
        ticks[used++] = curves[c].x[i];
    }
  }
  qsort(ticks, used, sizeof *ticks, by_value);
  for (size_t k = 0; k < used; k++) {
    snprintf(key, sizeof key, "tick_%zu", k + 1);
    cgap_tsv_about(t, key, "%.6g", ticks[k]);
  }
  cgap_tsv_about(t, "ticks", "%zu", used);
}

static void put_name(cgap_tsv *t, const char *name)
{
  while (*name)
    name += cgap_text_put_next(t->file.stream, *name == '"' ? " " : name, ' ');
  fputc('\t', t->file.stream);
}

static void put_curve(cgap_tsv *t, const cgap_curve *c)
{
  for (size_t i = 0; i < c->count; i++) {
    put_name(t, c->panel);
    fputs(c->runs ? "runs of " : "", t->file.stream);
    put_name(t, c->series);
    cgap_tsv_number(t, c->x[i], '\t');
    cgap_tsv_number(t, c->y[i], '\t');
    cgap_tsv_number(t, c->low ? c->low[i] : NAN, '\t');
    cgap_tsv_number(t, c->high ? c->high[i] : NAN, '\n');
  }
}

cgap_status cgap_curves_write(const char *folder, const char *name, const cgap_curve *curves, size_t count,
                              const cgap_curves_about *about, cgap_error *error)
{
  cgap_tsv table;
  cgap_status status = cgap_tsv_open(&table, folder, name, "panel\tseries\tx\ty\tlow\thigh", error);
  if (status)
    return status;
  for (size_t c = 0; c < count; c++)
    put_curve(&table, &curves[c]);
  about_curves(&table, about);
  cgap_tsv_about(&table, "x", "%s", about->x);
  if (about->log_x)
    cgap_tsv_about(&table, "log_x", "1");
  about_names(&table, "panel", curves, count, panel_of);
  about_names(&table, "series", curves, count, series_of);
  about_lines(&table, about);
  if (about->x_names)
    about_categories(&table, about);
  else
    about_ticks(&table, curves, count);
  status = cgap_tsv_close(&table, true, error);
  return status ? status : cgap_plots_copy(folder, name, error);
}

static void about_axis(cgap_tsv *t, const char *what, const char *const *names, size_t count)
{
  char key[60];
  snprintf(key, sizeof key, "%ss", what);
  cgap_tsv_about(t, key, "%zu", count);
  for (size_t i = 0; i < count; i++) {
    snprintf(key, sizeof key, "%s_%zu", what, i + 1);
    cgap_tsv_about(t, key, "%s", names[i]);
  }
}

cgap_status cgap_map_write(const char *folder, const cgap_map *m, const cgap_curves_about *about, cgap_error *error)
{
  cgap_tsv table;
  cgap_status status = cgap_tsv_open(&table, folder, "map", "x\ty\tcolumn\trow\tvalue", error);
  if (status)
    return status;
  for (size_t r = 0; r < m->rows; r++) {
    for (size_t c = 0; c < m->columns; c++) {
      put_name(&table, m->column[c]);
      put_name(&table, m->row[r]);
      fprintf(table.file.stream, "%zu\t%zu\t", c + 1, r + 1);
      cgap_tsv_number(&table, m->value[r * m->columns + c], '\n');
    }
  }
  about_curves(&table, about);
  cgap_tsv_about(&table, "x", "%s", m->x);
  cgap_tsv_about(&table, "y", "%s", m->y);
  cgap_tsv_about(&table, "measure", "%s", m->measure);
  cgap_tsv_about(&table, "better", m->lower_is_better ? "lower" : "higher");
  about_axis(&table, "column", m->column, m->columns);
  about_axis(&table, "row", m->row, m->rows);
  status = cgap_tsv_close(&table, true, error);
  return status ? status : cgap_plots_copy(folder, "map", error);
}
