/* Looks at a few rows before the pass over all pairs: whether float products are accurate enough for them, and where
 * the median of the non-matching cosines is.
 *
 * Float products of most rows are rounded up as often as down, and sums of many cosines hardly notice; those of rows of
 * one magnitude are all rounded in one direction, and in a narrow cone nearly all comparisons are within the margin.
 * For such rows the tiles are computed in double. */
#include "audit/passes.h"

#include "base/memory.h"
#include "base/numbers.h"
#include "comm/comm.h"
#include "rows/row_blocks.h"
#include "simd/convert.h"
#include "simd/gemm.h"
#include "simd/kernels.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>

enum { COLUMNS = 256, ROWS = CGAP_STRIP_ROWS }; /* of the pairs of the probe */
#define SHIFT_MAX 1e-6                          /* what roundings in one direction may move a sum's logarithm by … */
#define OPEN_FRACTION 0.2 /* … the fraction of comparisons that may be recomputed one by one … */
#define SURE_DEVIATIONS 5 /* … and what is no chance, in standard errors */

/* Rows of a modality, spread over it. */
typedef struct probe_rows {
  const cgap_modality_rows *modality;
  size_t count;
  size_t row[COLUMNS];
  double *precise;               /* (count, dim) */
  float *unit;                   /* (count, dim) */
  cgap_bfloat16_rows own, cross; /* for products within the modality, and with the other */
} probe_rows;

/* Pairs of the first rows of one part and all of another: their cosines, and what tiles would show. */
typedef struct probe_pairs {
  const cgap_audit_sums *evidence;
  cgap_pair_kind kind;
  const probe_rows *a, *b;
  size_t rows, columns;
  double cosine[ROWS * COLUMNS];            /* (rows, columns) */
  float shown[CGAP_STRIP_ROWS * CGAP_TILE]; /* (rows, stride) */
  size_t stride;
} probe_pairs;

static void probe_rows_clear(probe_rows *p)
{
  cgap_free(p->precise);
  cgap_free(p->unit);
  cgap_bfloat16_rows_clear(&p->own);
  cgap_bfloat16_rows_clear(&p->cross);
}

/* One row of each stretch of the modality, in no order, so that no order of the file's rows hides some of them. */
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
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu rows of %zu", modality->source->name, p->count,
                     dim);
  cgap_status status = cgap_modality_rows_fetch(modality, p->row, 0, p->count, 1, p->precise, error);
  for (size_t k = 0; !status && k < p->count * dim; k++)
    p->unit[k] = (float)p->precise[k];
  const cgap_row_block panel = {.modality = modality, .rows = p->count, .unit = p->unit};
  if (!status && bfloat)
    status = cgap_row_block_to_bfloat16(&p->own, &panel, modality->mean, modality->mean, 1, error);
  if (!status && bfloat && other->rows > 0)
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

/* The finite-population factor of the sampling error: near 1 for a small sample, 0 where these are all pairs. */
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

/* The fraction of pairs that are within their margins of what their rows compare them with: the positive, or the
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

/* false: out of memory */
static bool probe_kind(probe_pairs *c, bool bfloat, bool *precise)
{
  c->rows = c->a->count < ROWS ? c->a->count : ROWS;
  c->columns = c->b->count;
  c->stride = 0;
  if (!multiply_rows(c, bfloat))
    return false;
  *precise = is_hard(c, bfloat);
  return true;
}

cgap_status cgap_probe_run(bool precise[CGAP_PAIR_KINDS], const cgap_audit_sums *evidence, const cgap_embeddings *e,
                           bool bfloat, int threads, cgap_error *error)
{
  const int kinds = cgap_pair_kinds_of(evidence);
  probe_rows image = {0}, text = {0};
  probe_pairs *pairs = cgap_alloc((size_t)kinds, sizeof *pairs);
  bool sound = true;
  cgap_status status = pairs ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for %d rows", COLUMNS);
  if (!status)
    status = probe_rows_load(&image, &e->image, &e->text, bfloat, error);
  if (!status && e->text.rows > 0)
    status = probe_rows_load(&text, &e->text, &e->image, bfloat, error);
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) reduction(&& : sound) if (!status)
  for (int k = 0; k < (status ? 0 : kinds); k++) {
    const int kind = kinds - 1 - k; /* the longest first */
    probe_pairs *c = &pairs[kind];
    c->evidence = evidence;
    c->kind = (cgap_pair_kind)kind;
    c->a = kind == CGAP_TEXT_TEXT ? &text : &image;
    c->b = kind == CGAP_IMAGE_IMAGE ? &image : &text;
    sound = probe_kind(c, bfloat, &precise[kind]) && sound;
  }
  if (!sound)
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for the products of %d and %d rows", ROWS, COLUMNS);
  probe_rows_clear(&image);
  probe_rows_clear(&text);
  cgap_free(pairs);
  return status;
}

/* ---------------------------------------------------------------- median window */

/* COSINE_BLOCK: rows of one product. */
enum { COSINE_BLOCK = 32 };

/* The window reaches this many standard errors of the median's place either way; where the median is outside, a second
 * pass is due.
 */
#define REACH_DEVIATIONS 4.0

double cgap_median_margin(size_t dim)
{
  const double roundings = ((double)dim + 10) * 0x1p-24;
  return roundings / (1 - roundings);
}

typedef struct row_probe {
  const cgap_embeddings *embeddings;
  size_t images, texts;
  size_t image[CGAP_PROBE_ROWS], text[CGAP_PROBE_ROWS]; /* which rows */
  double *image_row, *text_row;                         /* unit rows */
  double *cosine;                                       /* (images, texts); matched ones are NaN */
  double *sorted;                                       /* (count) */
  size_t count;
} row_probe;

static size_t choose_spaced_rows(size_t *row, size_t rows)
{
  const size_t count = cgap_lesser(rows, CGAP_PROBE_ROWS);
  for (size_t k = 0; k < count; k++)
    row[k] = k * rows / count;
  return count;
}

static cgap_status measure_cosines(row_probe *p, int threads, cgap_error *error)
{
  const cgap_modality_rows *image = &p->embeddings->image, *text = &p->embeddings->text;
  const size_t dim = image->dim;
  cgap_status status = cgap_modality_rows_fetch(image, p->image, 0, p->images, threads, p->image_row, error);
  if (!status)
    status = cgap_modality_rows_fetch(text, p->text, 0, p->texts, threads, p->text_row, error);
#pragma omp parallel for schedule(static) num_threads(threads)
  for (size_t i = 0; i < (status ? 0 : p->images); i += COSINE_BLOCK)
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)cgap_lesser(COSINE_BLOCK, p->images - i), (int)p->texts,
                (int)dim, 1.0, p->image_row + i * dim, (int)dim, p->text_row, (int)dim, 0.0, p->cosine + i * p->texts,
                (int)p->texts);
  for (size_t i = 0; !status && i < p->images; i++)
    for (size_t j = 0; j < p->texts; j++) {
      double *cosine = &p->cosine[i * p->texts + j];
      if (cgap_pairs_image(&p->embeddings->pairs, p->text[j]) == p->image[i])
        *cosine = NAN;
      else
        p->sorted[p->count++] = *cosine;
    }
  return status;
}

/* The value of this rank among v, which is put in order about it (Hoare's selection). Where that has been done for
 * another rank before, the value is among v[low] … v[high] on its side of it. */
static double select_rank(double *v, size_t low, size_t high, size_t rank)
{
  while (low < high) {
    const double pivot = v[low + (high - low) / 2];
    size_t i = low, j = high;
    for (;;) {
      while (v[i] < pivot)
        i++;
      while (v[j] > pivot)
        j--;
      if (i >= j)
        break;
      const double t = v[i];
      v[i++] = v[j];
      v[j--] = t;
    }
    if (rank <= j)
      high = j;
    else
      low = j + 1;
  }
  return v[rank];
}

static double median_of(row_probe *p)
{
  const size_t last = p->count - 1, lower = last / 2, upper = p->count / 2;
  const double median = select_rank(p->sorted, 0, last, lower);
  return (median + select_rank(p->sorted, lower, last, upper)) / 2;
}

static double variance_of(const double *fraction_below, size_t count)
{
  double mean = 0, squares = 0;
  for (size_t k = 0; k < count; k++)
    mean += fraction_below[k] / (double)count;
  for (size_t k = 0; k < count; k++)
    squares += (fraction_below[k] - mean) * (fraction_below[k] - mean);
  return count > 1 ? squares / (double)(count - 1) : 0;
}

/* How much rows and columns differ in their fraction of cosines below the median. */
static void measure_variances(cgap_median_window *window, const row_probe *p, double median)
{
  const double of_row = 1 / (double)p->texts, of_column = 1 / (double)p->images;
  double row[CGAP_PROBE_ROWS] = {0}, column[CGAP_PROBE_ROWS] = {0};
  for (size_t i = 0; i < p->images; i++)
    for (size_t j = 0; j < p->texts; j++) {
      const double below = p->cosine[i * p->texts + j] < median;
      row[i] += below * of_row;
      column[j] += below * of_column;
    }
  window->row_variance = variance_of(row, p->images);
  window->column_variance = variance_of(column, p->texts);
}

static void set_window(cgap_median_window *window, row_probe *p)
{
  measure_variances(window, p, median_of(p));
  const double error =
    sqrt(window->row_variance / (double)p->images + window->column_variance / (double)p->texts) * REACH_DEVIATIONS;
  const double reach = fmin(0.4, error);
  const size_t last = p->count - 1, middle = last / 2; /* in order about which they are */
  const double low = select_rank(p->sorted, 0, middle, (size_t)((0.5 - reach) * (double)last)),
               high = select_rank(p->sorted, middle, last, (size_t)((0.5 + reach) * (double)last));
  const double spare = 1e-5 + (high - low) / 10;
  window->low = low - spare;
  window->step = (high - low + 2 * spare) / CGAP_MEDIAN_BINS;
}

static cgap_status choose_window(cgap_median_window *window, cgap_median *median, const cgap_embeddings *e, int threads,
                                 cgap_error *error)
{
  row_probe p = {.embeddings = e};
  p.images = choose_spaced_rows(p.image, e->image.rows);
  p.texts = choose_spaced_rows(p.text, e->text.rows);
  p.image_row = cgap_alloc(p.images * e->image.dim, sizeof *p.image_row);
  p.text_row = cgap_alloc(p.texts * e->text.dim, sizeof *p.text_row);
  p.cosine = cgap_alloc(p.images * p.texts, sizeof *p.cosine);
  p.sorted = cgap_alloc(p.images * p.texts, sizeof *p.sorted);
  cgap_status status = CGAP_OK;
  if (!p.image_row || !p.text_row || !p.cosine || !p.sorted)
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for the cosines of %zu and %zu rows", p.images, p.texts);
  if (!status)
    status = measure_cosines(&p, threads, error);
  if (!status && p.images == e->image.rows && p.texts == e->text.rows && p.count > 0)
    median->low = median->high = median_of(&p) + CGAP_COSINE_TIE;
  else if (!status && p.count > 0)
    set_window(window, &p);
  cgap_free(p.image_row);
  cgap_free(p.text_row);
  cgap_free(p.cosine);
  cgap_free(p.sorted);
  return status;
}

cgap_status cgap_median_window_choose(cgap_median_window *window, cgap_median *median, const cgap_embeddings *e,
                                      cgap_comm *comm, int threads, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  *window = (cgap_median_window){0};
  *median = (cgap_median){0};
  if (!e->paired || e->image.rows < 2)
    return CGAP_OK;
  if (cgap_comm_rank(comm) == 0)
    status = choose_window(window, median, e, threads, error);
  double found[] = {window->low, window->step, window->row_variance, window->column_variance,
                    median->low, median->high};
  if (!status) /* the other ranks add 0 */
    status = cgap_comm_sum(comm, found, sizeof found / sizeof *found, CGAP_COMM_F64, error);
  *window =
    (cgap_median_window){.low = found[0], .step = found[1], .row_variance = found[2], .column_variance = found[3]};
  *median = (cgap_median){found[4], found[5]};
  return status;
}
