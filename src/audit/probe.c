#include "audit/probe.h"

#include "base/memory.h"
#include "base/numbers.h"
#include "rows/row_blocks.h"
#include "simd/audit_kernels.h"
#include "simd/bfloat16_rows.h"
#include "simd/tile_gemm.h"

#include <cblas.h>
#include <math.h>

enum { COLUMNS = 256, ROWS = CGAP_STRIP_ROWS }; /* of the pairs that are looked at */
#define SHIFT_MAX 1e-6                          /* what roundings in one direction may move a sum's logarithm by … */
#define OPEN_FRACTION 0.2 /* … the share of comparisons that may be computed again one by one … */
#define SURE_DEVIATIONS 5 /* … and what is no chance, in standard errors */

/* Rows of a side, spread over it. */
typedef struct probe_rows {
  const cgap_modality_rows *modality;
  size_t count;
  size_t row[COLUMNS];
  double *precise;               /* (count, dim) */
  float *unit;                   /* (count, dim) */
  cgap_bfloat16_rows own, cross; /* for products within the side, and with the other */
} probe_rows;

/* Pairs of the first rows of one part and all of another: their cosines, and what tiles would show. */
typedef struct probe_pairs {
  const cgap_audit_sums *evidence;
  cgap_pair_kind kind;
  const probe_rows *a, *b;
  size_t rows, columns;
  double cosine[ROWS * COLUMNS]; /* (rows, columns) */
  float *shown;                  /* (rows, stride), at most (CGAP_STRIP_ROWS, CGAP_TILE) */
  size_t stride;
} probe_pairs;

static void probe_rows_clear(probe_rows *p)
{
  cgap_free(p->precise);
  cgap_free(p->unit);
  cgap_bfloat16_rows_clear(&p->own);
  cgap_bfloat16_rows_clear(&p->cross);
}

/* One row of each stretch of the side, in no order, so that no order of the file's rows hides some of them. */
static void choose_rows(probe_rows *p)
{
  cgap_random random = cgap_random_init(p->modality->rows, 0);
  for (size_t k = 0; k < p->count; k++) {
    const size_t first = k * p->modality->rows / p->count, end = (k + 1) * p->modality->rows / p->count;
    p->row[k] = first + cgap_random_below(&random, end - first);
  }
  cgap_random_shuffle(&random, p->row, p->count);
}

static cgap_status probe_rows_load(probe_rows *p, const cgap_modality_rows *modality, const cgap_modality_rows *other,
                                   bool bfloat, cgap_error *error)
{
  const size_t dim = modality->dim;
  *p = (probe_rows){.modality = modality, .count = modality->rows < COLUMNS ? modality->rows : COLUMNS};
  choose_rows(p);
  p->precise = cgap_alloc(p->count * dim, sizeof *p->precise);
  p->unit = cgap_alloc(p->count * dim, sizeof *p->unit);
  if (!p->precise || !p->unit)
    return cgap_fail(error, CGAP_RESOURCE, "%s: no memory for %zu rows of %zu", modality->source->name, p->count, dim);
  cgap_status status = cgap_modality_rows_fetch(modality, p->row, 0, p->count, 1, p->precise, error);
  for (size_t k = 0; !status && k < p->count * dim; k++)
    p->unit[k] = (float)p->precise[k];
  const cgap_row_block panel = {.modality = modality, .rows = p->count, .unit = p->unit};
  if (!status && bfloat)
    status = cgap_row_block_to_bfloat16(&p->own, &panel, modality->mean, modality->mean, 1, error);
  if (!status && bfloat)
    status = cgap_row_block_to_bfloat16(&p->cross, &panel, modality->mean, other->mean, 1, error);
  return status;
}

static const cgap_bfloat16_rows *bfloat16_of(const probe_pairs *c, const probe_rows *p)
{
  return c->kind == CGAP_IMAGE_TEXT ? &p->cross : &p->own;
}

static bool multiply_rows(probe_pairs *c, bool bfloat)
{
  const cgap_bfloat16_rows *a = bfloat16_of(c, c->a), *b = bfloat16_of(c, c->b);
  const cgap_tile_gemm *kind = cgap_tile_gemm_here(bfloat);
  const int dim = (int)c->a->modality->dim, rows = (int)c->rows, columns = (int)c->columns;
  void *product = kind->open((size_t)dim, bfloat);
  if (product && kind->pack(product, bfloat ? (const void *)b->row : c->b->unit, c->columns))
    c->stride = kind->strip(product, bfloat ? (const void *)a->row : c->a->unit, c->rows, 0, c->shown);
  if (product)
    kind->close(product);
  for (size_t r = 0; bfloat && c->stride && r < c->rows; r++)
    cgap_audit_kernels_here()->add_offsets(c->shown + r * c->stride, c->columns, a->offset[r], b->offset);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, columns, dim, 1.0, c->a->precise, dim, c->b->precise, dim,
              0.0, c->cosine, columns);
  return c->stride != 0;
}

/* Whether the pair counts in sums: no row with itself, and none that belongs together. */
static bool counts_in_sums(const probe_pairs *c, size_t r, size_t k)
{
  const size_t row = c->a->row[r], column = c->b->row[k];
  if (c->kind == CGAP_IMAGE_TEXT)
    return !c->evidence->paired || c->evidence->image_of[column] != row;
  return row != column;
}

/* ---------------------------------------------------------------- what they show */

/* By how much roundings in one direction move log Σ e^(scale·cosine): an error that goes with the cosine is fitted by a
 * straight line, and read off where the sum has its weight. Beyond what chance explains. */
static double shift_of_sums(const probe_pairs *c, double scale)
{
  double n = 0, x = 0, y = 0, xx = 0, xy = 0, yy = 0, weight = 0, at = 0, greatest = -1;
  for (size_t k = 0; k < c->rows * c->columns; k++)
    greatest = fmax(greatest, counts_in_sums(c, k / c->columns, k % c->columns) ? c->cosine[k] : -1);
  for (size_t r = 0; r < c->rows; r++)
    for (size_t k = 0; k < c->columns; k++) {
      if (!counts_in_sums(c, r, k))
        continue;
      const double cosine = c->cosine[r * c->columns + k], off = (double)c->shown[r * c->stride + k] - cosine;
      const double w = exp(scale * (cosine - greatest));
      n++;
      x += cosine;
      y += off;
      xx += cosine * cosine;
      xy += cosine * off;
      yy += off * off;
      weight += w;
      at += w * cosine;
    }
  if (n < 1)
    return 0;
  const double deviation = fmax(0, xx / n - x / n * x / n), along = xy / n - x / n * y / n;
  const double slope = deviation > 1e-20 ? along / deviation : 0, away = at / weight - x / n;
  const double left = fmax(0, yy / n - y / n * y / n - slope * along);
  const double chance = sqrt(left / n * (1 + (deviation > 1e-20 ? away * away / deviation : 0)));
  return scale * fmax(0, fabs(y / n + slope * away) - SURE_DEVIATIONS * chance);
}

/* The finite-population factor of the sampling error: near 1 for a small sample, 0 where all pairs were looked at. */
static double left_to_chance(const probe_pairs *c)
{
  const double all = (double)c->a->modality->rows * (double)c->b->modality->rows;
  return sqrt(fmax(0, 1 - (double)c->rows * (double)c->columns / all));
}

/* The same as the pairs themselves have it, whatever rows they are of: a few rows that round in one direction move
 * the sum and no line through all of them. */
static double shift_of_kernels(const probe_pairs *c)
{
  const double scale = 2 * CGAP_KERNEL_T;
  double weight = 0, moved = 0, squares = 0;
  for (size_t r = 0; r < c->rows; r++)
    for (size_t k = 0; k < c->columns; k++) {
      if (!counts_in_sums(c, r, k))
        continue;
      const double cosine = c->cosine[r * c->columns + k], w = exp(scale * cosine);
      const double off = w * ((double)c->shown[r * c->stride + k] - cosine);
      weight += w;
      moved += off;
      squares += off * off;
    }
  return weight > 0 ? scale * fmax(0, fabs(moved) - SURE_DEVIATIONS * left_to_chance(c) * sqrt(squares)) / weight : 0;
}

/* What roundings move the mean loss of the queries by, those of rows or of columns. */
static double shift_of_losses(const probe_pairs *c, bool of_rows)
{
  const cgap_audit_sums *e = c->evidence;
  const size_t queries = of_rows ? c->rows : c->columns, candidates = of_rows ? c->columns : c->rows;
  const double scale = 1 / e->temperature;
  const double times = (double)(of_rows ? c->b : c->a)->modality->rows / (double)candidates;
  double moved = 0, squares = 0;
  for (size_t q = 0; q < queries; q++) {
    const double own = of_rows ? e->best_positive[c->a->row[q]] : e->pair_cosine[c->b->row[q]];
    double weight = 0, off = 0, most = 0;
    for (size_t k = 0; k < candidates; k++)
      most = fmax(most, scale * (c->cosine[of_rows ? q * c->columns + k : k * c->columns + q] - own));
    for (size_t k = 0; k < candidates; k++) {
      const size_t row = of_rows ? q : k, column = of_rows ? k : q;
      if (!counts_in_sums(c, row, column))
        continue;
      const double cosine = c->cosine[row * c->columns + column], w = times * exp(scale * (cosine - own) - most);
      weight += w;
      off += w * ((double)c->shown[row * c->stride + column] - cosine);
    }
    off *= scale / (weight + exp(-most));
    moved += off;
    squares += off * off;
  }
  return fmax(0, fabs(moved) - SURE_DEVIATIONS * left_to_chance(c) * sqrt(squares)) / (double)queries;
}

/* The share of pairs that are within their margins of what their rows compare them with: the positive, or the
 * greatest here. */
static double open_fraction(const probe_pairs *c, bool bfloat)
{
  const bool positives = c->kind == CGAP_IMAGE_TEXT && c->evidence->paired;
  const double margin = (double)cgap_product_margin(c->a->modality->dim);
  double open = 0, n = 0;
  for (size_t r = 0; r < c->rows; r++) {
    double mark = positives ? c->evidence->best_positive[c->a->row[r]] : -1;
    for (size_t k = 0; !positives && k < c->columns; k++)
      mark = fmax(mark, counts_in_sums(c, r, k) ? c->cosine[r * c->columns + k] : -1);
    for (size_t k = 0; k < c->columns; k++)
      if (counts_in_sums(c, r, k)) {
        n++;
        open += fabs(c->cosine[r * c->columns + k] - mark) <=
                (bfloat ? (double)cgap_bfloat16_margin(bfloat16_of(c, c->a), r, bfloat16_of(c, c->b), k) : margin);
      }
  }
  return n > 0 ? open / n : 0;
}

static bool is_hard(const probe_pairs *c, bool bfloat)
{
  const bool softmax = c->kind == CGAP_IMAGE_TEXT && c->evidence->paired && !bfloat;
  const double most = (bfloat ? 5 : 0.25) * SHIFT_MAX;
  return shift_of_kernels(c) > most || shift_of_sums(c, 2 * CGAP_KERNEL_T) > most ||
         (softmax && (shift_of_sums(c, 1 / c->evidence->temperature) > SHIFT_MAX / 2 ||
                      shift_of_losses(c, true) > SHIFT_MAX / 2 || shift_of_losses(c, false) > SHIFT_MAX / 2)) ||
         open_fraction(c, bfloat) > OPEN_FRACTION;
}

static cgap_status probe_kind(probe_pairs *c, bool bfloat, bool *precise, cgap_error *error)
{
  c->rows = c->a->count < ROWS ? c->a->count : ROWS;
  c->columns = c->b->count;
  c->stride = 0;
  if (!multiply_rows(c, bfloat))
    return cgap_fail(error, CGAP_RESOURCE, "no memory for the products of %zu and %zu rows", c->rows, c->columns);
  *precise = is_hard(c, bfloat);
  return CGAP_OK;
}

cgap_status cgap_probe_run(bool precise[CGAP_PAIR_KINDS], const cgap_audit_sums *evidence, const cgap_embeddings *e,
                           bool bfloat, cgap_error *error)
{
  probe_rows image = {0}, text = {0};
  probe_pairs *c = cgap_zalloc(1, sizeof *c);
  float *shown = cgap_alloc((size_t)CGAP_STRIP_ROWS * CGAP_TILE, sizeof *shown);
  cgap_status status = c && shown ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "no memory for %d rows", COLUMNS);
  if (!status)
    status = probe_rows_load(&image, &e->image, &e->text, bfloat, error);
  if (!status)
    status = probe_rows_load(&text, &e->text, &e->image, bfloat, error);
  for (int kind = 0; !status && kind < CGAP_PAIR_KINDS; kind++) {
    c->evidence = evidence;
    c->kind = (cgap_pair_kind)kind;
    c->shown = shown;
    c->a = kind == CGAP_TEXT_TEXT ? &text : &image;
    c->b = kind == CGAP_IMAGE_IMAGE ? &image : &text;
    status = probe_kind(c, bfloat, &precise[kind], error);
  }
  probe_rows_clear(&image);
  probe_rows_clear(&text);
  cgap_free(shown);
  cgap_free(c);
  return status;
}
