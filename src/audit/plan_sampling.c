#include "audit/plan_sampling.h"

#include "base/blas_threads.h"
#include "base/memory.h"
#include "simd/audit_kernels.h"
#include "simd/tile_gemm.h"

#include <math.h>
#include <omp.h>

#define MINUTE 60.0
#define SURELY_LESS 1e11 /* operations a thread that no machine takes a minute for … */
#define SURELY_MORE 1e14 /* … and that every one does */
#define QUERY_WORK 8e12  /* operations that ranking may take */
enum { SAMPLE_ROWS = 32768, LEAST_QUERIES = 1000, MOST_QUERIES = 10000, PROBE = 512, PROBES = 8, LEAST_IMAGES = 100 };
/* what is done to a cosine takes as long as so many more dimensions of its product: in float, and in bfloat16, where
 * products take half as long and some are made again */
enum { SWEEPS = 128, SWEEPS_ROUGH = 384 };

/* Operations a second of one thread's strips, begun with those of all others; 0: no memory. */
static double strip_rate(const cgap_product_kind *kind, size_t dim, bool bfloat, const float *rows)
{
  float *out = cgap_alloc(CGAP_STRIP * CGAP_TILE, sizeof *out);
  void *product = kind->open(dim, bfloat);
  const bool fine = out && product && kind->pack(product, rows, PROBE);
  double best = 0;
  for (int run = 0; run < PROBES; run++) {
#pragma omp barrier
    const double start = omp_get_wtime();
    const bool made = fine && kind->strip(product, rows, CGAP_STRIP, 0, out) != 0;
    const double seconds = omp_get_wtime() - start;
    if (made && seconds > 0)
      best = fmax(best, 2.0 * CGAP_STRIP * PROBE * (double)dim / seconds);
  }
  if (product)
    kind->close(product);
  cgap_free(out);
  return best;
}

double cgap_tiles_seconds(double cosines, size_t dim, bool bfloat, int threads)
{
  const cgap_product_kind *kind = cgap_product_here(bfloat);
  float *rows = cgap_zalloc(PROBE * dim, sizeof *rows);
  const int blas_threads = cgap_blas_single();
  double rate = 0;
#pragma omp parallel num_threads(threads) reduction(+ : rate) if (rows && kind)
  rate += rows && kind ? strip_rate(kind, dim, bfloat, rows) : 0;
  cgap_blas_restore(blas_threads);
  cgap_free(rows);
  return rate > 0 ? 2 * cosines * ((double)dim + (bfloat ? SWEEPS_ROUGH : SWEEPS)) / rate : INFINITY;
}

/* All couples: each within a side once. */
static double cosines_of(double images, double texts)
{
  return images * images / 2 + texts * texts / 2 + images * texts;
}

/* As many images as have, with their texts, twice the rows of a side. */
static void choose_size(cgap_sampling *s, size_t images, size_t texts, size_t dim, bool paired,
                        const cgap_audit_options *o)
{
  const size_t most = cgap_lesser(o->sample_rows ? o->sample_rows : SAMPLE_ROWS, cgap_greater(images, texts));
  const double rows = (double)most, n = (double)images, m = (double)texts;
  if (!paired) {
    s->images = cgap_lesser(images, most);
    s->texts = cgap_lesser(texts, most);
    return;
  }
  s->images = cgap_lesser(images, (size_t)fmax(LEAST_IMAGES, 2 * rows * n / (n + m)));
  s->texts = (size_t)round((double)s->images * m / n);
  const double queries = fmin(MOST_QUERIES, fmax(LEAST_QUERIES, QUERY_WORK / (2 * (n + m) * (double)dim)));
  s->queries = cgap_lesser(s->images, o->sample_queries ? o->sample_queries : (size_t)queries);
}

cgap_sampling cgap_sampling_choose(size_t images, size_t texts, size_t dim, bool paired, int threads,
                                   const cgap_audit_options *options)
{
  cgap_sampling all = {.exact_seconds = NAN}, part = all;
  const int ranks = cgap_comm_size(options->ranks);
  const double cosines = cosines_of((double)images, (double)texts), work = 2 * (double)dim * cosines / threads / ranks;
  if (options->pairs == CGAP_PAIRS_EXACT)
    return all;
  choose_size(&part, images, texts, dim, paired, options);
  if (part.images == images && (paired || part.texts == texts))
    return all;
  if (options->pairs == CGAP_PAIRS_AUTO) {
    if (work < SURELY_LESS)
      return all;
    all.exact_seconds = part.exact_seconds =
      cgap_tiles_seconds(cosines, dim, options->precision == CGAP_PRECISION_BF16, threads) / ranks;
    if (all.exact_seconds < MINUTE && work < SURELY_MORE)
      return all;
  }
  return part;
}

uint64_t cgap_sampling_bytes(const cgap_sampling *s, size_t dim, cgap_type image, cgap_type text, int ranks)
{
  const double held = 1.0 / ranks + (s->images ? (double)s->queries / (double)s->images : 0);
  return (uint64_t)(held * (double)dim *
                    ((double)s->images * (double)(sizeof(float) + cgap_type_size(image)) +
                     (double)s->texts * (double)(sizeof(float) + cgap_type_size(text))));
}
