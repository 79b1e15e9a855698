#include "audit/median_window.h"

#include "base/memory.h"
#include "comm/comm.h"
#include "rows/row_blocks.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>

/* COSINE_BLOCK: rows of one product. */
enum { COSINE_BLOCK = 32 };

/* The window reaches this many standard errors of the median's place either way; where it misses, a second look is due.
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
      if (p->embeddings->pairs.image_of[p->text[j]] == p->image[i])
        *cosine = NAN;
      else
        p->sorted[p->count++] = *cosine;
    }
  return status;
}

/* The value of this rank among v (count), which is put in order about it (Hoare's selection). */
static double select_rank(double *v, size_t count, size_t rank)
{
  size_t low = 0, high = count - 1;
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
  return (select_rank(p->sorted, p->count, (p->count - 1) / 2) + select_rank(p->sorted, p->count, p->count / 2)) / 2;
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

/* How much rows and columns differ in their share of cosines below the median. */
static void measure_variances(cgap_median_window *window, const row_probe *p, double median)
{
  double row[CGAP_PROBE_ROWS] = {0}, column[CGAP_PROBE_ROWS] = {0};
  for (size_t i = 0; i < p->images; i++)
    for (size_t j = 0; j < p->texts; j++) {
      const bool below = p->cosine[i * p->texts + j] < median;
      row[i] += below / (double)p->texts;
      column[j] += below / (double)p->images;
    }
  window->row_variance = variance_of(row, p->images);
  window->column_variance = variance_of(column, p->texts);
}

static void set_window(cgap_median_window *window, row_probe *p)
{
  measure_variances(window, p, median_of(p));
  const double error =
    sqrt(window->row_variance / (double)p->images + window->column_variance / (double)p->texts) * REACH_DEVIATIONS;
  const double reach = fmin(0.4, error), last = (double)(p->count - 1);
  const double low = select_rank(p->sorted, p->count, (size_t)((0.5 - reach) * last)),
               high = select_rank(p->sorted, p->count, (size_t)((0.5 + reach) * last));
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
    status = cgap_fail(error, CGAP_RESOURCE, "no memory for the cosines of %zu and %zu rows", p.images, p.texts);
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
