#include "audit/plan_estimate.h"

#include "base/blas_threads.h"
#include "base/memory.h"
#include "rows/row_pass.h"

#include <cblas.h>
#include <math.h>
#include <omp.h>

enum {
  SEPARABILITY_PASSES = 4, /* evaluations of its fit, where there is a gap */
  PROBE_DIM = 1024,        /* at most; the work of a row grows with the square */
  PROBE_ROWS = 256,
  PROBES = 3
};

/* Seconds for the second moments of a row, all threads at work. */
static double moment_seconds(size_t dim, int threads)
{
  const size_t d = dim < PROBE_DIM ? dim : PROBE_DIM;
  double *rows = cgap_zalloc(PROBE_ROWS * d, sizeof *rows), best = NAN;
  double *out = cgap_alloc((size_t)threads * d, d * sizeof *out);
  const int blas_threads = cgap_blas_single();
  for (int probe = 0; rows && out && probe < PROBES; probe++) {
    const double start = omp_get_wtime();
#pragma omp parallel num_threads(threads)
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)d, PROBE_ROWS, 1.0, rows, (int)d, 0.0,
                out + (size_t)omp_get_thread_num() * d * d, (int)d);
    best = fmin(best, (omp_get_wtime() - start) / PROBE_ROWS / threads);
  }
  cgap_blas_restore(blas_threads);
  cgap_free(rows);
  cgap_free(out);
  return best * (double)dim / (double)d * (double)dim / (double)d;
}

/* Seconds to read a row, as the system has it now. */
static double read_seconds(const cgap_source *source)
{
  const size_t rows = cgap_block_rows(source);
  unsigned char *room = cgap_alloc(rows, source->dim * cgap_type_size(source->type));
  double seconds = NAN;
  cgap_error ignored;
  const double start = omp_get_wtime();
  if (room && rows > 0 && source->read(source, (source->rows - rows) / 2, rows, room, &ignored) == CGAP_OK)
    seconds = (omp_get_wtime() - start) / (double)rows;
  cgap_free(room);
  return seconds;
}

static double panels_of(size_t rows, size_t panel_rows)
{
  return ceil((double)rows / (double)panel_rows);
}

/* Rows that the tile pass reads, for each row of the file. */
static double tile_passes(double n, double m, const cgap_plan *plan)
{
  const double images = panels_of((size_t)n, plan->panel_rows), texts = panels_of((size_t)m, plan->panel_rows);
  const double triangles = n * (1 + (images - 1) / 2) + m * (1 + (texts - 1) / 2);
  return (triangles + n + m * images) / (n + m);
}

static double cosines_of(double n, double m, const cgap_sampling *s)
{
  if (s->images == 0)
    return n * n / 2 + m * m / 2 + n * m;
  const double a = (double)s->images, b = (double)s->texts, asking = (double)s->queries;
  return a * a / 2 + b * b / 2 + a * b + asking * m + asking * b / a * n;
}

cgap_estimate cgap_estimate_make(const cgap_data *data, const cgap_plan *plan, const cgap_sampling *sampling,
                                 bool bfloat)
{
  const double n = (double)data->image.rows, m = (double)data->text.rows;
  const bool paired = data->pairing != CGAP_UNPAIRED;
  const double moment = moment_seconds(data->image.dim, plan->threads), read = read_seconds(&data->image);
  const double tiles = cgap_tiles_seconds(cosines_of(n, m, sampling), data->image.dim, bfloat, plan->threads);
  cgap_estimate e = {.block_rows = cgap_block_rows(&data->image), .passes = 1};
  if (!plan->resident)
    e.passes += paired + (plan->ranks > 1) + (sampling->images ? 1 : SEPARABILITY_PASSES + tile_passes(n, m, plan));
  /* the first pass and the one over couples sum second moments, of rows and of images; the others overlap or compute */
  const double rows = (n + m) * fmax(read, moment) + (paired ? n * moment : 0);
  const double again = (e.passes - 1) * (n + m) * read;
  e.seconds = (rows + again + tiles) / plan->ranks;
  return e;
}
