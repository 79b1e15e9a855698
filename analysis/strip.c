#include "analysis/strip.h"

#include <math.h>
#include <string.h>

#define SHIFT_ROUNDED 0x1p-22 /* what a shift is off by as a float, with its subtraction, and more */

/* Cosines from low on may be among the marks, those beyond high are above them. */
typedef struct range {
  float low, high;
} range;

static range range_around(const cgap_marks *marks, size_t k, float row_or_column_margin)
{
  const double margin = (double)row_or_column_margin + (marks->shift ? SHIFT_ROUNDED : 0);
  return (range){.low = (float)(marks->low[k] - margin), .high = (float)(marks->high[k] + margin)};
}

static bool is_in(float cosine, range near)
{
  return cosine >= near.low && cosine <= near.high;
}

/* The ranges of a strip's columns, and how many are above them. */
typedef struct column_ranges {
  float low[CGAP_TILE], high[CGAP_TILE];
  uint32_t above[CGAP_TILE];
} column_ranges;

/* Whether the margin of the pair itself leaves it open too; where it does not, the pair counts as above or below. */
static bool is_open(const cgap_strip *s, size_t r, size_t c, double cosine, const cgap_marks *marks, size_t k)
{
  const cgap_exact_cosines *exact = s->exact;
  if (!exact->margin)
    return true;
  const double margin =
    (double)exact->margin(exact->context, s->row + r, s->column + c) + (marks->shift ? SHIFT_ROUNDED : 0);
  const bool above = cosine - marks->high[k] > margin;
  marks->above[k] += above;
  return !above && marks->low[k] - cosine <= margin;
}

/* Compares one row with its own range and those of the columns; decides what is near, and meanwhile fetches what comes
 * next. */
static void compare_row(const cgap_strip *s, const cgap_audit_kernels *kernels, size_t r, const cgap_marks *rows,
                        const cgap_marks *columns, column_ranges *of_columns,
                        void (*decide)(void *context, const cgap_close_pair *pair), void *context)
{
  const cgap_exact_cosines *exact = s->exact;
  uint16_t index[CGAP_TILE];
  cgap_close_pair open[CGAP_TILE];
  uint32_t above = 0;
  size_t count = 0;
  float shifted[CGAP_TILE];
  const float *cosine = s->cosine + r * s->stride;
  const size_t first = s->first[r];
  if (rows->shift) {
    for (size_t c = first; c < s->columns; c++)
      shifted[c] = cosine[c] - (float)(rows->shift[r] + columns->shift[c]);
    cosine = shifted;
  }
  const range near = range_around(rows, r, s->row_margin[r]);
  const size_t found =
    kernels->compare(cosine + first, s->columns - first, near.low, near.high, &above, of_columns->low + first,
                     of_columns->high + first, of_columns->above + first, index);
  rows->above[r] += above;
  for (size_t f = 0; f < found; f++) {
    const size_t c = first + index[f];
    const bool of_row = is_in(cosine[c], near) && is_open(s, r, c, (double)cosine[c], rows, r);
    const bool of_column = is_in(cosine[c], (range){of_columns->low[c], of_columns->high[c]}) &&
                           is_open(s, r, c, (double)cosine[c], columns, c);
    open[count] = (cgap_close_pair){.row = r, .column = c, .of_row = of_row, .of_column = of_column};
    count += of_row || of_column;
  }
  for (size_t f = 0; f < count; f++) {
    if (!s->precise && f + 1 < count)
      exact->prefetch(exact->context, s->column + open[f + 1].column, false);
    open[f].cosine = cgap_strip_exact(s, r, open[f].column);
    decide(context, &open[f]);
  }
}

/* Without marks: ranges that no cosine reaches. */
static void fill_ranges(column_ranges *out, const cgap_marks *marks, const float *column_margin, size_t columns)
{
  const double *low = marks->low, *high = marks->high, spare = marks->shift ? SHIFT_ROUNDED : 0;
  memset(out->above, 0, columns * sizeof *out->above);
#pragma omp simd
  for (size_t c = 0; c < columns; c++) {
    out->low[c] = low ? (float)(low[c] - ((double)column_margin[c] + spare)) : INFINITY;
    out->high[c] = low ? (float)(high[c] + ((double)column_margin[c] + spare)) : INFINITY;
  }
}

void cgap_strip_compare(const cgap_strip *s, const cgap_audit_kernels *kernels, cgap_marks rows, cgap_marks columns,
                        void (*decide)(void *context, const cgap_close_pair *pair), void *context)
{
  column_ranges of_columns;
  fill_ranges(&of_columns, &columns, s->column_margin, s->columns);
  for (size_t r = 0; r < s->rows; r++)
    compare_row(s, kernels, r, &rows, &columns, &of_columns, decide, context);
  for (size_t c = 0; columns.above && c < s->columns; c++)
    columns.above[c] += of_columns.above[c];
}

bool cgap_strip_reaches(const cgap_strip *s, double mark)
{
  bool reaches = false;
  for (size_t r = 0; r < s->rows; r++)
    reaches |= (double)s->greatest[r] >= mark - (double)s->row_margin[r];
  return reaches;
}
