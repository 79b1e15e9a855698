/* What ranks keep of rows is what a process alone keeps of them: which rows are left out, merged or equal to another,
 * listed in full or by what is out of the ordinary. */
#include "base/memory.h"
#include "rows/row_pass.h"
#include "rows/row_selection.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { ROWS = 1500, DIM = 4 };

typedef struct given_rows {
  float x[ROWS][DIM];
  bool skip[ROWS];
  cgap_source source;
  double norm[ROWS];
  cgap_hash hash[ROWS];
} given_rows;

/* Rows with equals, zeros, NaN and rows to skip among them. */
static void give(given_rows *g)
{
  support_random random = support_seed(7);
  double x[ROWS * DIM];
  float scratch[DIM];
  support_normals(&random, x, ROWS * DIM);
  for (size_t i = 0; i < ROWS; i++) {
    for (size_t k = 0; k < DIM; k++)
      g->x[i][k] = i % 11 == 5 ? (float)(i % 3 + 1) : i % 97 == 3 ? 0 : (float)x[i * DIM + k];
    if (i % 101 == 50)
      g->x[i][1] = NAN;
    g->skip[i] = i % 13 == 5;
    g->norm[i] = cgap_file_norm(CGAP_FLOAT32, (const unsigned char *)g->x[i], DIM, scratch);
    g->hash[i] = cgap_hash_bytes(g->x[i], sizeof g->x[i]);
  }
  g->source = cgap_source_view(g->x, ROWS, DIM, CGAP_FLOAT32, "rows");
}

static void want_same_check(const char *name, const cgap_check *got, const cgap_check *want)
{
  cr_assert_eq(got->count, want->count, "%s: %llu, not %llu", name, (unsigned long long)got->count,
               (unsigned long long)want->count);
  for (size_t e = 0; e < want->example_count; e++)
    cr_assert_eq(got->examples[e], want->examples[e], "%s: example %zu", name, e);
}

static void compare(bool merge, bool spread)
{
  static given_rows g;
  size_t kept_as[ROWS], selected_as[ROWS], first;
  cgap_modality_rows alone;
  give(&g);
  const cgap_row_pass_options options = {.skip = g.skip, .merge = merge, .threads = 2};
  cr_assert_eq(cgap_row_pass_run(&alone, &g.source, &options, kept_as, NULL), CGAP_OK);
  cgap_modality_rows got = {.source = &g.source, .dim = DIM, .spread = spread};
  const cgap_row_selection how = {.skip = g.skip, .merge = merge};
  cr_assert_eq(cgap_row_selection_run(&got, &how, g.norm, g.hash, selected_as, &first, NULL), CGAP_OK);
  cr_assert_eq(got.rows, alone.rows);
  cr_assert_eq(first, 0);
  for (size_t i = 0; i < got.rows; i++) {
    cr_assert_eq(cgap_file_row_of(&got, i), alone.file_row[i], "row %zu", i);
    cr_assert_eq(cgap_first_equal_of(&got, i), cgap_first_equal_of(&alone, i), "row %zu", i);
    const unsigned char *raw = (const unsigned char *)g.x[alone.file_row[i]];
    cr_assert_eq(cgap_row_scale(&got, i, raw), alone.inverse_norm[i], "row %zu", i);
    got.known_rows -= spread && i + 1 == got.rows; /* as if another rank had read the last one */
    cr_assert_eq(cgap_row_scale(&got, i, raw), alone.inverse_norm[i], "row %zu", i);
  }
  for (size_t i = 0; i < ROWS; i++)
    cr_assert_eq(spread ? cgap_kept_row_of(&got, i) : selected_as[i], kept_as[i], "row %zu of the file", i);
  want_same_check("zero", &got.checks.zero, &alone.checks.zero);
  want_same_check("not finite", &got.checks.not_finite, &alone.checks.not_finite);
  want_same_check("off 1", &got.checks.off_unit, &alone.checks.off_unit);
  want_same_check("duplicates", &got.checks.duplicates, &alone.checks.duplicates);
  cr_assert_eq(got.checks.norm_mean, alone.checks.norm_mean);
  cr_assert_gt(got.checks.duplicates.count, 50);
  cgap_modality_rows_clear(&got);
  cgap_modality_rows_clear(&alone);
}

Test(row_selection, lists_all_rows)
{
  compare(false, false);
  compare(true, false);
}

Test(row_selection, lists_what_is_out_of_the_ordinary)
{
  compare(false, true);
  compare(true, true);
}

Test(row_selection, spread_rows_are_read_around_those_left_out)
{
  static given_rows g;
  static float out[ROWS][DIM];
  size_t first;
  give(&g);
  cgap_modality_rows rows = {.source = &g.source, .dim = DIM, .spread = true};
  cr_assert_eq(cgap_row_selection_run(&rows, &(cgap_row_selection){.skip = g.skip}, g.norm, g.hash, NULL, &first, NULL),
               CGAP_OK);
  cr_assert_eq(cgap_modality_rows_read(&rows, 2, rows.rows - 2, (unsigned char *)out, NULL), CGAP_OK);
  for (size_t i = 2; i < rows.rows; i++)
    cr_assert_eq(memcmp(out[i - 2], g.x[cgap_file_row_of(&rows, i)], sizeof *out), 0, "row %zu", i);
  cr_assert_eq(cgap_modality_rows_unspread(&rows, NULL, NULL), CGAP_OK);
  for (size_t i = 0; i < rows.rows; i++)
    cr_assert_eq(rows.inverse_norm[i], 1 / g.norm[rows.file_row[i]], "row %zu", i);
  cgap_modality_rows_clear(&rows);
}
