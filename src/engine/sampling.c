#include "engine/sampling.h"

#include "engine/blas.h"
#include "memory.h"

#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <time.h>

#define MINUTE 60.0
#define SURELY_LESS 1e11 /* operations a thread that no machine takes a minute for … */
#define SURELY_MORE 1e14 /* … and that every one does */
#define QUERY_WORK 8e12  /* operations that ranking may take */
enum { SAMPLE_ROWS = 32768, LEAST_QUERIES = 1000, MOST_QUERIES = 10000, PROBE = 512, PROBES = 8, LEAST_IMAGES = 100 };

/* Operations of all couples: a product of dim terms each. */
static double work_of(double images, double texts, double dim)
{
  return 2 * dim * (images * images / 2 + texts * texts / 2 + images * texts);
}

double cgap_product_rate(size_t dim, int threads)
{
  float *rows = cgap_alloc(PROBE * dim, sizeof *rows), *out = cgap_alloc((size_t)threads * PROBE, PROBE * sizeof *out);
  const int blas_threads = cgap_blas_single();
  double best = 0;
  for (size_t k = 0; rows && k < PROBE * dim; k++)
    rows[k] = 1.0f / (float)(1 + k % 7);
  for (int run = 0; rows && out && run < PROBES; run++) {
    const double start = omp_get_wtime();
#pragma omp parallel num_threads(threads)
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, PROBE, PROBE, (int)dim, 1.0f, rows, (int)dim, rows, (int)dim,
                0.0f, out + (size_t)omp_get_thread_num() * PROBE * PROBE, PROBE);
    const double seconds = omp_get_wtime() - start;
    if (seconds > 0)
      best = fmax(best, 2.0 * PROBE * PROBE * (double)dim * threads / seconds);
  }
  cgap_blas_restore(blas_threads);
  cgap_free(rows);
  cgap_free(out);
  return best;
}

static double exact_seconds(size_t images, size_t texts, size_t dim, int threads, int ranks)
{
  const double rate = cgap_product_rate(dim, threads) * ranks;
  return rate > 0 ? work_of((double)images, (double)texts, (double)dim) / (rate * CGAP_SHARE_OF_PRODUCTS) : INFINITY;
}

/* As many images as have, with their texts, twice the rows of a side. */
static void choose_size(cgap_sampling *s, size_t images, size_t texts, size_t dim, bool paired,
                        const cgap_audit_options *o)
{
  const double rows = (double)(o->sample_rows ? o->sample_rows : SAMPLE_ROWS), n = (double)images, m = (double)texts;
  if (!paired) {
    s->images = cgap_lesser(images, (size_t)rows);
    s->texts = cgap_lesser(texts, (size_t)rows);
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
  const double work = work_of((double)images, (double)texts, (double)dim) / threads / ranks;
  if (options->pairs == CGAP_PAIRS_EXACT)
    return all;
  choose_size(&part, images, texts, dim, paired, options);
  if (part.images == images && (paired || part.texts == texts))
    return all;
  if (options->pairs == CGAP_PAIRS_AUTO) {
    if (work < SURELY_LESS)
      return all;
    all.exact_seconds = part.exact_seconds = exact_seconds(images, texts, dim, threads, ranks);
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
