#include "report/terminal_canvas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/source.h"
#include "report/text.h"

/* Cells of a plot: dots of lines, and a mark with the series it belongs to. */
typedef struct cell {
  unsigned char dots;               /* as braille has them */
  unsigned char mark;               /* 1 + series; 0: none */
  unsigned char ink;                /* 1 + series of the last dot */
  unsigned weight[CGAP_TRACES_MAX]; /* points of each series */
} cell;

typedef struct canvas {
  int width, height; /* in cells */
  double low[2], high[2];
  bool logarithmic_x;
  cell *cell; /* (height, width), the top first */
} canvas;

const char *cgap_trace_mark(const cgap_terminal *t, size_t k)
{
  static const char *const MARKS[2][CGAP_TRACES_MAX] = {{"o", "x", "+", "*", "#", "%", "@", "&"},
                                                        {"o", "×", "+", "*", "#", "%", "@", "&"}};
  return MARKS[t->utf8][k % CGAP_TRACES_MAX];
}

const char *cgap_trace_ink(const cgap_terminal *t, size_t k)
{
  static const char *const INKS[CGAP_TRACES_MAX] = {"\033[34m", "\033[33m", "\033[32m", "\033[35m",
                                                    "\033[36m", "\033[31m", "\033[37m", "\033[90m"};
  return t->colour ? INKS[k % CGAP_TRACES_MAX] : "";
}

const char *cgap_trace_ink_off(const cgap_terminal *t)
{
  return t->colour ? "\033[0m" : "";
}

/* ---------------------------------------------------------------- ranges and ticks */

/* Widens a range to hold what a panel draws. */
static void add_to_range(double *low, double *high, const cgap_terminal_panel *p, int axis)
{
  for (size_t k = 0; k < p->count; k++)
    for (size_t i = 0; i < p->trace[k].count; i++) {
      const double x = p->trace[k].x[i], y = p->trace[k].y[i], v = axis ? y : x;
      if (!isfinite(x) || !isfinite(y) || (p->logarithmic_x && x <= 0))
        continue;
      *low = v < *low ? v : *low;
      *high = v > *high ? v : *high;
    }
  for (size_t k = 0; axis && k < p->count; k++)
    if (p->trace[k].kind == CGAP_TRACE_IMPULSES) { /* they begin at 0 */
      *low = *low > 0 ? 0 : *low;
      *high = *high < 0 ? 0 : *high;
    }
}

/* Of all points that are drawn, here and in the panels alike; a range of nothing is [0, 1], or [1, 10] where it is
 * logarithmic, of one value a little around it, also where what differs is rounding. */
static void find_range(canvas *c, const cgap_terminal_panel *p)
{
  for (int axis = 0; axis < 2; axis++) {
    double low = INFINITY, high = -INFINITY;
    add_to_range(&low, &high, p, axis);
    for (size_t k = 0; k < p->alike_count; k++)
      add_to_range(&low, &high, p->alike[k], axis);
    const bool logarithmic = axis == 0 && c->logarithmic_x;
    if (low > high) {
      low = logarithmic ? 1 : 0;
      high = logarithmic ? 10 : 1;
    }
    if (high - low <= 1e-9 * fmax(fabs(low), fabs(high)) && !logarithmic) {
      const double around = low != 0 ? fabs(low) / 10 : 1;
      low -= around;
      high += around;
    }
    c->low[axis] = low;
    c->high[axis] = high;
  }
  if (p->categories) {
    c->low[0] = -0.5;
    c->high[0] = (double)p->category_count - 0.5;
  }
}

/* 1, 2 or 5 times a power of ten, for at most `most` ticks, or for two. */
static double tick_step(double low, double high, int most)
{
  static const double TIMES[] = {10, 5, 2, 1, 0.5, 0.2, 0.1};
  const double power = pow(10, floor(log10((high - low) / (most > 1 ? most : 1))));
  double step = power * TIMES[0];
  for (size_t k = 1; k < sizeof TIMES / sizeof *TIMES; k++) {
    const double next = power * TIMES[k];
    const bool has_two = ceil(low / step - 1e-9) + 1 <= floor(high / step + 1e-9);
    if (has_two && (high - low) / next > most)
      break;
    step = next;
  }
  return step;
}

static void tick_words(char out[24], double value, double step)
{
  const int decimals = step >= 1 ? 0 : (int)ceil(-log10(step) - 1e-9);
  const double shown = fabs(value) < step / 1000 ? 0 : value;
  if (fabs(value) >= 1e6 || decimals > 5)
    snprintf(out, 24, "%.3g", shown);
  else
    snprintf(out, 24, "%.*f", decimals, shown);
}

/* Where a value is along an axis, from 0 to 1. */
static double place_of(const canvas *c, int axis, double value)
{
  const bool logarithmic = axis == 0 && c->logarithmic_x;
  const double low = logarithmic ? log(c->low[0]) : c->low[axis], high = logarithmic ? log(c->high[0]) : c->high[axis];
  const double v = logarithmic ? log(value) : value;
  return high > low ? (v - low) / (high - low) : 0.5;
}

/* ---------------------------------------------------------------- dots, lines, points */

static void put_dot(canvas *c, int x, int y, size_t series)
{
  static const unsigned char BITS[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
  if (x < 0 || y < 0 || x >= 2 * c->width || y >= 4 * c->height)
    return;
  cell *at = &c->cell[(size_t)(y / 4) * (size_t)c->width + (size_t)(x / 2)];
  at->dots |= BITS[y % 4][x % 2];
  at->ink = (unsigned char)(series + 1);
}

static void dot_of(const canvas *c, double x, double y, int out[2])
{
  out[0] = (int)lround(place_of(c, 0, x) * (2 * c->width - 1));
  out[1] = (int)lround((1 - place_of(c, 1, y)) * (4 * c->height - 1));
}

/* Bresenham's. */
static void put_line(canvas *c, const int from[2], const int to[2], size_t series)
{
  const int dx = abs(to[0] - from[0]), dy = -abs(to[1] - from[1]);
  const int sx = from[0] < to[0] ? 1 : -1, sy = from[1] < to[1] ? 1 : -1;
  int x = from[0], y = from[1], off = dx + dy;
  for (;;) {
    put_dot(c, x, y, series);
    if (x == to[0] && y == to[1])
      return;
    const int twice = 2 * off;
    if (twice >= dy) {
      off += dy;
      x += sx;
    }
    if (twice <= dx) {
      off += dx;
      y += sy;
    }
  }
}

static cell *cell_of(canvas *c, const int dot[2])
{
  return &c->cell[(size_t)(dot[1] / 4) * (size_t)c->width + (size_t)(dot[0] / 2)];
}

static bool is_point(const canvas *c, const cgap_trace *t, size_t i)
{
  return isfinite(t->x[i]) && isfinite(t->y[i]) && !(c->logarithmic_x && t->x[i] <= 0);
}

static void draw_line(canvas *c, const cgap_trace *t, size_t series)
{
  int last[2] = {0, 0}, dot[2];
  bool joined = false;
  for (size_t i = 0; i < t->count; i++) {
    if (!is_point(c, t, i)) {
      joined = false;
      continue;
    }
    dot_of(c, t->x[i], t->y[i], dot);
    put_line(c, joined ? last : dot, dot, series);
    memcpy(last, dot, sizeof last);
    joined = true;
  }
}

/* Marks on the line, at places of its own, that tell it from the others. */
static void mark_line(canvas *c, const cgap_trace *t, size_t series, size_t all)
{
  enum { MARKS = 4 };
  for (size_t m = 0; m < MARKS && all > 1; m++) {
    const double wanted = ((double)m + ((double)series + 0.5) / (double)all) / MARKS;
    int dot[2];
    size_t nearest = t->count;
    double off = INFINITY;
    for (size_t i = 0; i < t->count; i++)
      if (is_point(c, t, i) && fabs(place_of(c, 0, t->x[i]) - wanted) < off) {
        off = fabs(place_of(c, 0, t->x[i]) - wanted);
        nearest = i;
      }
    if (nearest == t->count)
      return;
    dot_of(c, t->x[nearest], t->y[nearest], dot);
    if (!cell_of(c, dot)->mark)
      cell_of(c, dot)->mark = (unsigned char)(series + 1);
  }
}

static void draw_points(canvas *c, const cgap_trace *t, size_t series)
{
  for (size_t i = 0; i < t->count; i++) {
    int dot[2];
    if (!is_point(c, t, i))
      continue;
    dot_of(c, t->x[i], t->y[i], dot);
    cell_of(c, dot)->weight[series]++;
  }
}

static void draw_impulses(canvas *c, const cgap_trace *t, size_t series)
{
  for (size_t i = 0; i < t->count; i++) {
    int from[2], to[2];
    if (!is_point(c, t, i))
      continue;
    dot_of(c, t->x[i], 0, from);
    dot_of(c, t->x[i], t->y[i], to);
    put_line(c, from, to, series);
  }
}

/* A cell of points shows the series that has most of them. */
static void settle_points(canvas *c)
{
  for (size_t i = 0; i < (size_t)c->width * (size_t)c->height; i++) {
    cell *at = &c->cell[i];
    unsigned most = 0;
    for (size_t k = 0; k < CGAP_TRACES_MAX; k++)
      if (at->weight[k] > most) {
        most = at->weight[k];
        at->mark = (unsigned char)(k + 1);
      }
  }
}

static void draw_traces(canvas *c, const cgap_terminal_panel *p)
{
  size_t lines = 0;
  for (size_t k = 0; k < p->count; k++)
    lines += p->trace[k].kind == CGAP_TRACE_LINE;
  for (size_t k = 0; k < p->count; k++)
    if (p->trace[k].kind == CGAP_TRACE_LINE)
      draw_line(c, &p->trace[k], k);
    else if (p->trace[k].kind == CGAP_TRACE_POINTS)
      draw_points(c, &p->trace[k], k);
    else
      draw_impulses(c, &p->trace[k], k);
  settle_points(c);
  for (size_t k = 0; k < p->count; k++)
    if (p->trace[k].kind == CGAP_TRACE_LINE)
      mark_line(c, &p->trace[k], k, lines);
}

/* ---------------------------------------------------------------- text */

static void print_cell(const cell *at, const cgap_terminal *t, FILE *out)
{
  const unsigned code = 0x2800u + at->dots;
  if (at->mark)
    fprintf(out, "%s%s%s", cgap_trace_ink(t, at->mark - 1u), cgap_trace_mark(t, at->mark - 1u), cgap_trace_ink_off(t));
  else if (!at->dots)
    fputc(' ', out);
  else if (t->utf8)
    fprintf(out, "%s%c%c%c%s", cgap_trace_ink(t, at->ink - 1u), 0xE0 | (code >> 12), 0x80 | (code >> 6 & 0x3F),
            0x80 | (code & 0x3F), cgap_trace_ink_off(t));
  else
    fprintf(out, "%s.%s", cgap_trace_ink(t, at->ink - 1u), cgap_trace_ink_off(t));
}

/* The row of cells that a tick of the vertical axis belongs to, and its words; false: none does. */
static bool row_tick(const canvas *c, int row, double step, char words[24])
{
  for (double v = ceil(c->low[1] / step - 1e-9) * step; v <= c->high[1] + step * 1e-9; v += step) {
    const int at = (int)lround((1 - place_of(c, 1, v)) * (4 * c->height - 1)) / 4;
    tick_words(words, v, step);
    if (at == row)
      return true;
  }
  return false;
}

/* Names below their places, whole ones as far as they fit; where two are too near, the later is left out. */
static void print_category_ticks(const canvas *c, const cgap_terminal_panel *p, int margin, FILE *out)
{
  const int each = c->width / (int)(p->category_count ? p->category_count : 1);
  int at = 0;
  fprintf(out, "%*s", margin, "");
  for (size_t k = 0; k < p->category_count; k++) {
    char name[60];
    cgap_name_shorten(name, each > 9 && each < 60 ? (size_t)each : each <= 9 ? 9 : sizeof name, p->categories[k]);
    const int width = cgap_text_width(name, strlen(name));
    int begin = (int)lround(place_of(c, 0, (double)k) * (c->width - 1)) - width / 2;
    begin = begin + width > c->width ? c->width - width : begin < 0 ? 0 : begin;
    if (k && begin <= at)
      continue;
    fprintf(out, "%*s%s", begin - at, "", name);
    at = begin + width;
  }
  fputc('\n', out);
}

/* The horizontal axis: a line with ticks, and their values below it. */
static void print_x_axis(const canvas *c, const cgap_terminal_panel *p, const cgap_terminal *t, int margin, FILE *out)
{
  char words[CGAP_TRACES_MAX * 2][24];
  int place[CGAP_TRACES_MAX * 2];
  size_t ticks = 0;
  const int most = c->width / 12 < 2 ? 2 : c->width / 12;
  if (!p->categories && c->logarithmic_x) {
    for (double v = pow(10, floor(log10(c->low[0]) + 1e-9)); v <= c->high[0] * 1.0001 && ticks < 16; v *= 10)
      for (int times = 1; times <= 5 && ticks < 16; times += times == 1 ? 1 : 3)
        if (v * times >= c->low[0] * 0.9999 && v * times <= c->high[0] * 1.0001) {
          snprintf(words[ticks], 24, "%g", v * times);
          place[ticks++] = (int)lround(place_of(c, 0, v * times) * (c->width - 1));
        }
  } else if (!p->categories) {
    const double step = tick_step(c->low[0], c->high[0], most);
    for (double v = ceil(c->low[0] / step - 1e-9) * step; v <= c->high[0] + step * 1e-9 && ticks < 16; v += step) {
      tick_words(words[ticks], v, step);
      place[ticks++] = (int)lround(place_of(c, 0, v) * (c->width - 1));
    }
  }
  fprintf(out, "%*s%s", margin - 1, "", t->utf8 ? "└" : "+");
  for (int x = 0; x < c->width; x++) {
    bool tick = false;
    for (size_t k = 0; k < ticks; k++)
      tick = tick || place[k] == x;
    fputs(tick ? (t->utf8 ? "┬" : "+") : (t->utf8 ? "─" : "-"), out);
  }
  fputc('\n', out);
  if (p->categories) {
    print_category_ticks(c, p, margin, out);
    return;
  }
  int at = -margin;
  for (size_t k = 0; k < ticks; k++) {
    const int width = (int)strlen(words[k]);
    int begin = place[k] - width / 2;
    begin = begin + width > c->width ? c->width - width : begin;
    if (k && begin <= at)
      continue;
    fprintf(out, "%*s%s", begin - at, "", words[k]);
    at = begin + width;
  }
  fputc('\n', out);
}

/* Legend and the name of the axis; a line more where they do not fit. */
static void print_legend(const cgap_terminal_panel *p, const cgap_terminal *t, int margin, FILE *out)
{
  enum { BETWEEN = 2 };
  int at = margin;
  bool any = false;
  for (size_t k = 0; k <= p->count; k++) {
    const bool is_axis = k == p->count;
    const char *name = is_axis ? p->x_name : p->trace[k].name;
    if (is_axis ? !name : p->count < 2)
      continue;
    const int width = cgap_text_width(name, strlen(name)) + 2;
    const bool next_line = any && at + BETWEEN + width > t->columns;
    fprintf(out, "%s%*s", next_line ? "\n" : "", next_line || !any ? margin : BETWEEN, "");
    at = (next_line || !any ? margin : at + BETWEEN) + width;
    any = true;
    if (is_axis)
      fprintf(out, "%s %s", t->utf8 ? "→" : ">", name);
    else
      fprintf(out, "%s%s%s %s", cgap_trace_ink(t, k), cgap_trace_mark(t, k), cgap_trace_ink_off(t), name);
  }
  fputs(any ? "\n" : "", out);
}

/* The widest tick of the vertical axis. */
static int margin_of(const canvas *c, double step)
{
  int widest = 1;
  for (int row = 0; row < c->height; row++) {
    char words[24];
    if (row_tick(c, row, step, words))
      widest = (int)strlen(words) > widest ? (int)strlen(words) : widest;
  }
  return widest + 2;
}

cgap_status cgap_terminal_panel_print(const cgap_terminal_panel *p, const cgap_terminal *t, int height, FILE *out,
                                      cgap_error *error)
{
  const int around = (p->title && p->title[0]) + 2 + (p->count > 1 || p->x_name);
  canvas c = {.height = height - around > 3 ? height - around : 3, .logarithmic_x = p->logarithmic_x && !p->categories};
  find_range(&c, p);
  const double step = tick_step(c.low[1], c.high[1], c.height / 3 < 2 ? 2 : c.height / 3);
  const int margin = margin_of(&c, step);
  c.width = t->columns - margin - 1;
  c.cell = calloc((size_t)c.width * (size_t)c.height, sizeof *c.cell);
  if (!c.cell)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  draw_traces(&c, p);
  if (p->title && p->title[0])
    fprintf(out, "%*s%s%s%s\n", margin, "", t->colour ? "\033[1m" : "", p->title, cgap_trace_ink_off(t));
  for (int row = 0; row < c.height; row++) {
    char words[24];
    const bool tick = row_tick(&c, row, step, words);
    fprintf(out, "%*s%s", margin - 1, tick ? words : "", t->utf8 ? (tick ? "┤" : "│") : (tick ? "+" : "|"));
    int end = c.width; /* without the blanks at its end */
    while (end > 0 && !c.cell[row * c.width + end - 1].mark && !c.cell[row * c.width + end - 1].dots)
      end--;
    for (int x = 0; x < end; x++)
      print_cell(&c.cell[row * c.width + x], t, out);
    fputc('\n', out);
  }
  print_x_axis(&c, p, t, margin, out);
  print_legend(p, t, margin, out);
  free(c.cell);
  return CGAP_OK;
}
