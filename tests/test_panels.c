/* Panels meet each other once, with the rows that they should have, in whatever number of threads and steps; a failure
 * to read ends the walk; jobs done ahead give their status and words. */
#include "rows/modality.h"
#include "rows/row_blocks.h"
#include "rows/row_pass.h"
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 37, COLUMNS = 23, DIM = 3 };

typedef struct given_blocks {
  double *x;
  void *stored;
  cgap_source source;
  cgap_modality_rows side;
} given_blocks;

static void give(given_blocks *g, size_t rows, uint64_t seed, cgap_hold hold)
{
  support_random random = support_seed(seed);
  const cgap_row_pass_options options = {.hold = hold, .threads = 2};
  g->x = support_alloc(rows * DIM, sizeof *g->x);
  support_normals(&random, g->x, rows * DIM);
  support_normalise(g->x, rows, DIM);
  g->stored = support_encode(g->x, rows * DIM, CGAP_FLOAT32);
  g->source = cgap_source_view(g->stored, rows, DIM, CGAP_FLOAT32, "rows");
  cr_assert_eq(cgap_row_pass_run(&g->side, &g->source, &options, NULL, NULL), CGAP_OK);
}

static void take_back(given_blocks *g)
{
  cgap_modality_rows_clear(&g->side);
  free(g->x);
  free(g->stored);
}

static void check_panel(const char *where, const given_blocks *g, const cgap_row_block *panel)
{
  for (size_t k = 0; k < panel->rows * DIM; k++)
    cr_assert_float_eq((double)panel->unit[k], g->x[panel->first * DIM + k], 1e-6, "%s: row %zu", where,
                       panel->first + k / DIM);
  cr_assert_eq(memcmp(panel->raw, (char *)g->stored + panel->first * DIM * 4, panel->rows * DIM * 4), 0, "%s", where);
}

static void walk(const given_blocks *rows, const given_blocks *columns, size_t row_step, size_t column_step,
                 int threads)
{
  const bool triangle = rows == columns;
  cgap_row_block_pairs panels = {.rows = &rows->side,
                                 .columns = &columns->side,
                                 .row_step = row_step,
                                 .column_step = column_step,
                                 .triangle = triangle};
  unsigned char met[ROWS][ROWS] = {{0}};
  char where[80];
  cgap_row_block a, b;
  bool more = true;
  snprintf(where, sizeof where, "%s, steps %zu and %zu, %d threads", triangle ? "triangle" : "two sides", row_step,
           column_step, threads);
  cgap_row_block_pairs_open(&panels, threads);
  while (cgap_row_block_pairs_next(&panels, &a, &b, &more, NULL) == CGAP_OK && more) {
    check_panel(where, rows, &a);
    check_panel(where, columns, &b);
    cr_assert_eq(panels.within, triangle && b.first < a.first + row_step);
    for (size_t i = a.first; i < a.first + a.rows; i++)
      for (size_t j = b.first; j < b.first + b.rows; j++)
        met[i][j]++;
  }
  cr_assert_not(more, "%s: ended too early", where);
  cgap_row_block_pairs_close(&panels);
  for (size_t i = 0; i < rows->side.rows; i++)
    for (size_t j = triangle ? i : 0; j < columns->side.rows; j++)
      cr_assert_eq(met[i][j], 1, "%s: %zu and %zu met %d times", where, i, j, met[i][j]);
}

Test(panels, each_pair_meets_once)
{
  static const size_t STEPS[][2] = {{8, 4}, {5, 5}, {12, 3}, {6, 1}, {37, 37}, {4, 2}, {36, 12}};
  for (int hold = CGAP_HOLD_NONE; hold <= CGAP_HOLD_UNIT; hold++) {
    given_blocks x, y;
    give(&x, ROWS, 1, (cgap_hold)hold);
    give(&y, COLUMNS, 2, (cgap_hold)hold);
    for (size_t k = 0; k < sizeof STEPS / sizeof *STEPS; k++)
      for (int threads = 1; threads <= 2; threads++) {
        walk(&x, &x, STEPS[k][0], STEPS[k][1], threads);
        walk(&x, &y, STEPS[k][0], STEPS[k][1], threads);
        walk(&y, &x, STEPS[k][0], STEPS[k][1], threads);
      }
    take_back(&x);
    take_back(&y);
  }
}

/* Rows from 20 on cannot be read. */
static cgap_status read_some(const cgap_source *source, size_t first, size_t count, void *out, cgap_error *error)
{
  if (first + count > 20)
    return cgap_fail(error, CGAP_FILE, "rows: row %zu is gone", first + count - 1);
  memcpy(out, (char *)source->context + first * DIM * 4, count * DIM * 4);
  return CGAP_OK;
}

Test(panels, what_cannot_be_read_ends_the_walk)
{
  given_blocks x;
  give(&x, ROWS, 1, CGAP_HOLD_NONE);
  x.source.read = read_some;
  x.source.context = x.stored;
  for (int threads = 1; threads <= 2; threads++) {
    cgap_row_block_pairs panels = {
      .rows = &x.side, .columns = &x.side, .row_step = 8, .column_step = 4, .triangle = true};
    cgap_row_block a, b;
    cgap_error error = {0};
    cgap_status status = CGAP_OK;
    bool more = true;
    int steps = 0;
    cgap_row_block_pairs_open(&panels, threads);
    for (; !status && more; steps++)
      status = cgap_row_block_pairs_next(&panels, &a, &b, &more, &error);
    cr_expect_eq(status, CGAP_FILE);
    cr_expect_str_eq(error.message, "rows: row 23 is gone");
    cr_expect_eq(steps, 6, "%d steps", steps);
    cgap_row_block_pairs_close(&panels);
  }
  take_back(&x);
}

static cgap_status fail_third(void *context, cgap_error *error)
{
  int *count = context;
  return ++*count == 3 ? cgap_fail(error, CGAP_DATA, "the third") : CGAP_OK;
}

Test(panels, jobs_done_ahead_give_their_status)
{
  for (int threads = 1; threads <= 2; threads++) {
    cgap_background_reader ahead;
    cgap_error error = {0};
    int count = 0;
    cgap_background_reader_open(&ahead, threads);
    for (int k = 1; k <= 4; k++) {
      cgap_background_reader_start(&ahead, fail_third, &count);
      cr_expect_eq(cgap_background_reader_wait(&ahead, &error), k == 3 ? CGAP_DATA : CGAP_OK);
      cr_expect_eq(count, k);
    }
    cr_expect_str_eq(error.message, "the third");
    cgap_background_reader_start(&ahead, fail_third, &count);
    cgap_background_reader_close(&ahead); /* waits */
    cr_expect_eq(count, 5);
  }
}
