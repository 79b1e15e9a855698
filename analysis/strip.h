/* Strips of cosines, as measures see them.
 *
 * The cosines of a strip are floats, from products that may have been made in bfloat16. A measure that has to know
 * whether a cosine is above or below a mark (a rank, a near duplicate) calls cgap_strip_compare, which recomputes in
 * double whatever the strip leaves open; nothing else needs to know how the cosines were made. */
#ifndef CGAP_ANALYSIS_STRIP_H
#define CGAP_ANALYSIS_STRIP_H

#include "contragap/contragap.h"
#include "simd/kernels.h"

/* Cosines one by one, from the file's values, for the pass that computes strips and for strip.c. */
typedef struct cgap_exact_cosines {
  double (*cosine)(const void *context, size_t row, size_t column); /* in double */
  /* by how much the strip's cosine of this pair may be off; NULL: the margins of its row and column are all there is */
  float (*margin)(const void *context, size_t row, size_t column);
  /* starts to fetch the row whose cosine is computed next: one of the rows, or else of the columns */
  void (*prefetch)(const void *context, size_t row, bool rows);
  const void *context;
} cgap_exact_cosines;

/* Row r, 0 ≤ r < rows, is cosine + r·stride; its columns first[r] … columns − 1 count (on the diagonal of a triangle a
 * row starts right of itself). Matched pairs are masked with -INFINITY. */
typedef struct cgap_strip {
  cgap_pair_kind kind;
  const float *cosine;
  const double *precise; /* the same in double, where the pass computes them so, else NULL */
  size_t stride, rows, columns;
  const size_t *first;           /* (rows) */
  const float *least, *greatest; /* (rows) of each row; ±INFINITY where none counts */
  size_t row, column;            /* which rows of the modalities the strip's first row and column are */
  size_t tile_row;               /* the strip's first row in the tile's sums */
  /* for strip.c: by how much any cosine of the row, of the column may be off */
  const float *row_margin, *column_margin; /* (rows), (columns) */
  const cgap_exact_cosines *exact;
} cgap_strip;

/* The cosine of row r and column c in double. */
static inline double cgap_strip_exact(const cgap_strip *s, size_t r, size_t c)
{
  return s->precise ? s->precise[r * s->stride + c] : s->exact->cosine(s->exact->context, s->row + r, s->column + c);
}

/* Whether any cosine of the strip may be `mark` or more. */
bool cgap_strip_reaches(const cgap_strip *s, double mark);

/* What the cosines of each row, or of each column, are compared with. */
typedef struct cgap_marks {
  const double *low, *high; /* (rows or columns) low ≤ high, often the same array; NULL: these are not compared */
  uint64_t *above;          /* (rows or columns) += pairs that are certainly above high */
  const double *shift;      /* (rows or columns) is subtracted from a cosine before it is compared; NULL: nothing */
} cgap_marks;

/* A pair whose cosine may be anywhere about the marks of its row, of its column, or of both; `cosine` is exact. */
typedef struct cgap_close_pair {
  size_t row, column; /* of the strip */
  bool of_row, of_column;
  double cosine;
} cgap_close_pair;

/* Compares every cosine with the marks of its row and of its column. Those certainly below a mark's `low` are passed
 * over, those certainly above its `high` are counted, and `decide` receives all others. Rows and columns both have a
 * shift, or neither. */
void cgap_strip_compare(const cgap_strip *s, const cgap_audit_kernels *kernels, cgap_marks rows, cgap_marks columns,
                        void (*decide)(void *context, const cgap_close_pair *pair), void *context);

#endif
