/* The ten best of rows and columns from batches in any order, of cosines that are off by up to a margin, the same for
 * all or each its own (bfloat16): the lists of a plain sort. */
#include "support.h"

#include "audit/pair_sums.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 90, COLUMNS = 2 * CGAP_TILE + 37, PIECE = 700 };

/* Cosines of all pairs, what products make of them, and rows in bfloat16, or a margin, that allow for as much. */
typedef struct offered_pairs {
  size_t rows, columns;
  double *cosine; /* (rows, columns) */
  float *shown;   /* (rows, columns) */
  cgap_bfloat16_rows a, b;
  float margin;
  bool rough; /* else the margin is the same for all */
  cgap_exact_cosines exact;
  size_t remade;
} offered_pairs;

static double exact(const void *context, size_t row, size_t column)
{
  offered_pairs *c = (offered_pairs *)context;
#pragma omp atomic
  c->remade++;
  return c->cosine[row * c->columns + column];
}

static void prefetch(const void *context, size_t row, bool rows)
{
  const offered_pairs *c = context;
  cr_assert_lt(row, rows ? c->rows : c->columns);
}

static cgap_bfloat16_rows bfloat16_of(support_random *r, size_t rows, float residual)
{
  cgap_bfloat16_rows out = {.rows = rows};
  out.norm = support_alloc(rows, sizeof *out.norm);
  out.residual = support_alloc(rows, sizeof *out.residual);
  for (size_t i = 0; i < rows; i++) {
    out.norm[i] = (float)(0.5 + support_uniform(r) / 2);
    out.residual[i] = residual * (float)(0.5 + support_uniform(r) / 2);
  }
  return out;
}

/* By how much a product may be off, with and without margins of its own. */
static float margin_of(const offered_pairs *c, size_t i, size_t j)
{
  return c->rough ? cgap_bfloat16_margin(&c->a, i, &c->b, j) : c->margin;
}

/* levels: cosines are one of so many, so that many tie; 0: any. */
static void couples_init(offered_pairs *c, uint64_t seed, bool triangle, bool rough, float residual, size_t levels)
{
  support_random r = support_seed(seed);
  *c = (offered_pairs){.rows = triangle ? COLUMNS : ROWS, .columns = COLUMNS, .rough = rough, .margin = residual};
  c->cosine = support_alloc(c->rows * c->columns, sizeof *c->cosine);
  c->shown = support_alloc(c->rows * c->columns, sizeof *c->shown);
  c->a = bfloat16_of(&r, c->rows, residual);
  c->b = triangle ? c->a : bfloat16_of(&r, c->columns, residual);
  for (size_t i = 0; i < c->rows; i++)
    for (size_t j = 0; j < c->columns; j++) {
      const size_t at = i * c->columns + j;
      c->cosine[at] = levels ? (double)support_below(&r, levels) / (double)levels : support_uniform(&r) * 0.9;
      c->shown[at] = (float)(c->cosine[at] + (2 * support_uniform(&r) - 1) * 0.99 * (double)margin_of(c, i, j));
    }
  c->exact = (cgap_exact_cosines){.cosine = exact, .prefetch = prefetch, .context = c};
}

static void couples_clear(offered_pairs *c)
{
  free(c->cosine);
  free(c->shown);
  free(c->a.norm);
  free(c->a.residual);
  if (c->b.norm != c->a.norm) {
    free(c->b.norm);
    free(c->b.residual);
  }
}

/* Hands over the pairs of one tile, in an order of its own and in pieces. */
static void show_tile(const offered_pairs *c, support_random *r, cgap_top_k *rows, cgap_top_k *columns, size_t row,
                      size_t column, const size_t *row_first, const size_t *column_first)
{
  cgap_tile_candidate *found = support_alloc((size_t)CGAP_TILE * CGAP_TILE, sizeof *found);
  size_t count = 0;
  for (size_t i = row; i < c->rows && i < row + CGAP_TILE; i++)
    for (size_t j = column; j < c->columns && j < column + CGAP_TILE; j++) {
      if (rows == columns && i >= j)
        continue;
      const size_t place = support_below(r, ++count);
      found[count - 1] = found[place];
      found[place] = (cgap_tile_candidate){
        .row = (uint16_t)(i - row), .column = (uint16_t)(j - column), .cosine = (double)c->shown[i * c->columns + j]};
    }
  for (size_t at = 0; at < count; at += PIECE) {
    const cgap_candidate_batch batch = {.found = found + at,
                                        .count = count - at < PIECE ? count - at : PIECE,
                                        .row = row,
                                        .column = column,
                                        .margin = c->margin,
                                        .a = c->rough ? &c->a : NULL,
                                        .b = c->rough ? &c->b : NULL,
                                        .row_first = row_first,
                                        .column_first = column_first,
                                        .exact = &c->exact};
    cgap_top_k_offer(rows, &batch, false);
    cgap_top_k_offer(columns, &batch, true);
  }
  free(found);
}

static cgap_pair_sums totals_of(size_t rows)
{
  cgap_pair_sums t = {.rows = rows};
  cr_assert(cgap_neighbours_init(&t.lists, rows));
  return t;
}

static int better(const void *a_, const void *b_)
{
  const cgap_neighbour *a = a_, *b = b_;
  if (a->cosine != b->cosine)
    return a->cosine < b->cosine ? 1 : -1;
  return (a->row > b->row) - (a->row < b->row);
}

static double cosine_of(const offered_pairs *c, bool triangle, bool columns, size_t own, size_t other)
{
  const size_t row = triangle ? (own < other ? own : other) : columns ? other : own;
  const size_t column = triangle ? (own < other ? other : own) : columns ? own : other;
  return c->cosine[row * c->columns + column];
}

static void expect_lists(const char *where, const offered_pairs *c, const cgap_pair_sums *t, bool triangle,
                         bool columns, const size_t *first_equal)
{
  const size_t others = triangle ? c->rows : columns ? c->rows : c->columns;
  cgap_neighbour *want = support_alloc(others, sizeof *want);
  for (size_t own = 0; own < t->rows; own++) {
    size_t count = 0;
    for (size_t other = 0; other < others; other++)
      if ((!triangle || other != own) && (!first_equal || first_equal[other] == other))
        want[count++] = (cgap_neighbour){.cosine = cgap_neighbours_rounded(cosine_of(c, triangle, columns, own, other)),
                                         .row = (uint32_t)other};
    qsort(want, count, sizeof *want, better);
    for (size_t k = 0; k < CGAP_NEIGHBOURS; k++) {
      const cgap_neighbour *got = &t->lists.list[own * CGAP_NEIGHBOURS + k];
      cr_assert(got->row == want[k].row && got->cosine == want[k].cosine,
                "%s: place %zu of row %zu: %u at %g, not %u at %g", where, k, own, got->row, got->cosine, want[k].row,
                want[k].cosine);
    }
  }
  free(want);
}

static void check_across(const char *where, float residual, size_t levels, bool rough, const size_t *row_first,
                         const size_t *column_first)
{
  offered_pairs c;
  cgap_top_k rows, columns;
  support_random r = support_seed(3);
  couples_init(&c, 1, false, rough, residual, levels);
  cgap_pair_sums of_rows = totals_of(c.rows), of_columns = totals_of(c.columns);
  cr_assert(cgap_top_k_init(&rows, &of_rows, false, false, CGAP_TOP_K_PARTIAL));
  cr_assert(cgap_top_k_init(&columns, &of_columns, false, true, CGAP_TOP_K_PARTIAL));
  for (size_t column = 0; column < c.columns; column += CGAP_TILE)
    show_tile(&c, &r, &rows, &columns, 0, column, row_first, column_first);
  cgap_top_k_resolve(&rows, &c.exact, 2);
  cgap_top_k_resolve(&columns, &c.exact, 2);
  expect_lists(where, &c, &of_rows, false, false, column_first);
  expect_lists(where, &c, &of_columns, false, true, row_first);
  cr_expect_geq(c.remade, 10 * (c.rows + c.columns));
  if (levels == 0 && residual < 0.01f) /* what was dropped was not made again */
    cr_expect_lt(c.remade, 25 * (c.rows + c.columns), "%zu", c.remade);
  cgap_top_k_clear(&rows);
  cgap_top_k_clear(&columns);
  cgap_neighbours_clear(&of_rows.lists);
  cgap_neighbours_clear(&of_columns.lists);
  couples_clear(&c);
}

Test(best, across)
{
  check_across("float", 0.0001f, 0, false, NULL, NULL);
  check_across("float with ties", 0.0001f, 40, false, NULL, NULL);
  check_across("float, crowded", 0.3f, 0, false, NULL, NULL);
  check_across("rough", 0.002f, 0, true, NULL, NULL);
  check_across("rough with ties", 0.002f, 40, true, NULL, NULL);
  check_across("crowded: nearly all within the margin", 0.3f, 0, true, NULL, NULL);
}

/* Of equal rows only the first is a candidate. */
Test(best, equal_rows)
{
  size_t row_first[ROWS], column_first[COLUMNS];
  for (size_t i = 0; i < ROWS; i++)
    row_first[i] = i % 40;
  for (size_t j = 0; j < COLUMNS; j++)
    column_first[j] = j - j % 3;
  check_across("float, equal rows", 0.0001f, 0, false, row_first, column_first);
  check_across("rough, equal rows", 0.002f, 0, true, row_first, column_first);
}

/* One side with itself: a row's candidates lie on both sides of the diagonal, in one list. */
Test(best, triangle)
{
  for (int rough = 0; rough < 2; rough++) {
    offered_pairs c;
    cgap_top_k best;
    support_random r = support_seed(4);
    couples_init(&c, 2, true, rough, 0.002f, 0);
    cgap_pair_sums totals = totals_of(c.rows);
    cr_assert(cgap_top_k_init(&best, &totals, true, false, CGAP_TOP_K_PARTIAL));
    for (size_t column = 0; column < c.columns; column += CGAP_TILE)
      for (size_t row = 0; row <= column; row += CGAP_TILE)
        show_tile(&c, &r, &best, &best, row, column, NULL, NULL);
    cgap_top_k_resolve(&best, &c.exact, 2);
    expect_lists(rough ? "rough" : "float", &c, &totals, true, false, NULL);
    cgap_top_k_clear(&best);
    cgap_neighbours_clear(&totals.lists);
    couples_clear(&c);
  }
}

/* Where all candidates come at once, the ten best of most rows are told without a cosine made again. */
Test(best, complete)
{
  offered_pairs c;
  cgap_top_k rows, columns;
  support_random r = support_seed(6);
  couples_init(&c, 4, false, false, 0.0001f, 0);
  cgap_pair_sums of_rows = totals_of(c.rows), none = {.rows = c.columns};
  cr_assert(cgap_top_k_init(&rows, &of_rows, false, false, CGAP_TOP_K_COMPLETE));
  cr_assert(cgap_top_k_init(&columns, &none, false, true, CGAP_TOP_K_COMPLETE));
  for (size_t column = 0; column < c.columns; column += CGAP_TILE)
    show_tile(&c, &r, &rows, &columns, 0, column, NULL, NULL);
  cgap_top_k_resolve(&rows, &c.exact, 2);
  cr_expect_gt(c.remade, 0);
  cr_expect_lt(c.remade, 6 * c.rows, "%zu", c.remade);
  for (size_t own = 0; own < c.rows; own++) {
    const cgap_neighbour *list = of_rows.lists.list + own * CGAP_NEIGHBOURS;
    double least = 1;
    size_t above = 0;
    for (int k = 0; k < CGAP_NEIGHBOURS; k++)
      least = fmin(least, c.cosine[own * c.columns + list[k].row]);
    for (size_t j = 0; j < c.columns; j++)
      above += c.cosine[own * c.columns + j] >= least;
    cr_assert_eq(above, CGAP_NEIGHBOURS, "row %zu: %zu", own, above);
  }
  cgap_top_k_clear(&rows);
  cgap_top_k_clear(&columns);
  cgap_neighbours_clear(&of_rows.lists);
  couples_clear(&c);
}

/* What is asked of a candidate rises with what came, and never past the tenth best. */
Test(best, bounds)
{
  offered_pairs c;
  cgap_top_k rows, columns;
  float bound[ROWS];
  support_random r = support_seed(5);
  couples_init(&c, 3, false, true, 0.002f, 0);
  cgap_pair_sums of_rows = totals_of(c.rows), none = {.rows = c.columns};
  cr_assert(cgap_top_k_init(&rows, &of_rows, false, false, CGAP_TOP_K_PARTIAL));
  cr_assert(cgap_top_k_init(&columns, &none, false, true, CGAP_TOP_K_PARTIAL));
  cgap_top_k_bounds(&rows, 0, c.rows, bound);
  for (size_t i = 0; i < c.rows; i++)
    cr_assert_leq(bound[i], CGAP_NO_BOUND);
  for (size_t column = 0; column < c.columns; column += CGAP_TILE)
    show_tile(&c, &r, &rows, &columns, 0, column, NULL, NULL);
  cgap_top_k_bounds(&rows, 0, c.rows, bound);
  for (size_t i = 0; i < c.rows; i++) {
    size_t above = 0;
    for (size_t j = 0; j < c.columns; j++)
      above += c.cosine[i * c.columns + j] >= (double)bound[i];
    cr_expect_geq(above, 10);
    cr_expect_leq(above, 40, "row %zu: %zu reach %g", i, above, (double)bound[i]);
  }
  cgap_top_k_bounds(&columns, 0, c.rows, bound); /* no lists are wanted */
  cr_expect_eq(bound[0], INFINITY);
  cgap_top_k_clear(&rows);
  cgap_top_k_clear(&columns);
  cgap_neighbours_clear(&of_rows.lists);
  couples_clear(&c);
}
