/* cosine.{pair,cross,image,text} and cosine.histogram. Means and standard deviations follow from centroids and
 * second moments: Σ_{i,j} x_i·y_j = (Σ x)·(Σ y) and Σ_{i,j} (x_i·y_j)² = tr(Σ x xᵀ Σ y yᵀ); least and greatest
 * from the tiles; quantiles by the linear rule between order statistics placed in a histogram of 4000 bins
 * (for `pair` exact). */
#include "analysis/finish.h"
#include "analysis/interval.h"
#include "base/memory.h"

#include <math.h>

enum { FINE_PER_BIN = CGAP_FINE_BINS / CGAP_HISTOGRAM_BINS };

static void histogram_strip(const cgap_strip *s, const cgap_audit_sums *e, const cgap_audit_kernels *kernels,
                            cgap_sums *sums)
{
  (void)e;
  for (size_t r = 0; r < s->rows; r++)
    kernels->histogram(s->cosine + r * s->stride + s->first[r], s->columns - s->first[r], sums->counts, CGAP_FINE_BINS);
}

/* An order statistic, from wherever the values are. */
typedef double (*order_statistic)(const void *values, uint64_t rank);

static double from_sorted(const void *values, uint64_t rank)
{
  return ((const double *)values)[rank];
}

/* Values of a bin are taken as spread evenly over it. */
static double from_bins(const void *values, uint64_t rank)
{
  const uint64_t *counts = values;
  size_t b = 0;
  uint64_t before = 0;
  while (b + 1 < CGAP_FINE_BINS && before + counts[b] <= rank)
    before += counts[b++];
  return -1 + 2.0 / CGAP_FINE_BINS * ((double)b + ((double)(rank - before) + 0.5) / (double)counts[b]);
}

static double quantile_at(const void *values, order_statistic at, uint64_t count, double p)
{
  const double place = p * (double)(count - 1);
  const uint64_t rank = (uint64_t)place;
  const double low = at(values, rank), high = rank + 1 < count ? at(values, rank + 1) : low;
  return low + (place - (double)rank) * (high - low);
}

static double clamp_to_range(const cgap_cosines *c, double x)
{
  return fmin(c->max, fmax(c->min, x));
}

static void finish_quantiles(cgap_cosines *c, const void *values, order_statistic at, uint64_t count)
{
  c->p05 = clamp_to_range(c, quantile_at(values, at, count, 0.05));
  c->p25 = clamp_to_range(c, quantile_at(values, at, count, 0.25));
  c->p50 = clamp_to_range(c, quantile_at(values, at, count, 0.50));
  c->p75 = clamp_to_range(c, quantile_at(values, at, count, 0.75));
  c->p95 = clamp_to_range(c, quantile_at(values, at, count, 0.95));
}

static void finish_moments(cgap_cosines *c, double sum, double squares)
{
  const double n = (double)c->count;
  c->mean = sum / n;
  c->sd = n > 1 ? sqrt(fmax(0, (squares - n * c->mean * c->mean) / (n - 1))) : 0;
}

static double clamp_cosine(double x)
{
  return fmin(1, fmax(-1, x));
}

/* Those seen in tiles, which is fewer than `count` where seen is a sample. Matched pairs are in the lowest bin and
 * are taken out. */
static void finish_tiles(const cgap_audit_sums *seen, cgap_pair_kind kind, uint64_t count, double sum, double squares,
                         cgap_cosines *c, uint64_t bins[CGAP_HISTOGRAM_BINS])
{
  uint64_t *fine_bins = cgap_sums_of(seen, kind, &cgap_measure_cosine)->counts, total = 0;
  *c = (cgap_cosines){.count = count};
  if (kind == CGAP_IMAGE_TEXT && seen->paired)
    fine_bins[0] -= seen->text.rows;
  for (size_t b = 0; b < CGAP_FINE_BINS; b++) {
    bins[b / FINE_PER_BIN] += fine_bins[b];
    total += fine_bins[b];
  }
  if (total == 0) {
    c->why = "no pairs";
    return;
  }
  c->sampled = total < count ? total : 0;
  c->min = clamp_cosine(seen->least[kind]);
  c->max = clamp_cosine(seen->greatest[kind]);
  finish_moments(c, sum, squares);
  finish_quantiles(c, fine_bins, from_bins, total);
}

static double product_trace(const double *a, const double *b, size_t n)
{
  double total = 0;
  for (size_t k = 0; k < n; k++)
    total += a[k] * b[k];
  return total;
}

static void finish_modality(const cgap_audit_sums *e, const cgap_audit_sums *seen, cgap_pair_kind kind, cgap_cosines *c,
                            uint64_t bins[CGAP_HISTOGRAM_BINS])
{
  const cgap_modality *modality = kind == CGAP_TEXT_TEXT ? &e->text : &e->image;
  const double n = (double)modality->rows;
  const double sum = (n * n * product_trace(modality->mean, modality->mean, e->dim) - n) / 2;
  const double squares = (product_trace(modality->moment, modality->moment, e->dim * e->dim) - n) / 2;
  finish_tiles(seen, kind, (uint64_t)modality->rows * (modality->rows - 1) / 2, sum, squares, c, bins);
}

static cgap_status finish_pairs(const cgap_audit_sums *e, cgap_audit *out, cgap_error *error)
{
  const size_t n = e->text.rows;
  double *sorted = cgap_alloc(n, sizeof *sorted), sum = 0, deviation = 0;
  cgap_cosines *c = &out->cosine_pair;
  if (!sorted)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu pairs", n);
  for (size_t j = 0; j < n; j++) {
    sorted[j] = clamp_cosine(e->pair_cosine[j]);
    sum += sorted[j];
    const double bin = floor((sorted[j] + 1) * CGAP_HISTOGRAM_BINS / 2);
    out->histogram_pair[(size_t)fmin(bin, CGAP_HISTOGRAM_BINS - 1)]++;
  }
  *c = (cgap_cosines){.count = n, .mean = sum / (double)n};
  for (size_t j = 0; j < n; j++)
    deviation += (sorted[j] - c->mean) * (sorted[j] - c->mean);
  c->sd = sqrt(deviation / (double)(n - 1));
  cgap_sort(sorted, n);
  c->min = sorted[0];
  c->max = sorted[n - 1];
  finish_quantiles(c, sorted, from_sorted, c->count);
  cgap_free(sorted);
  return CGAP_OK;
}

/* Means and deviations of e's pairs, all else of those in `seen`: e's, or a sample's. */
static cgap_status finish_seen(const cgap_audit_sums *e, const cgap_audit_sums *seen, cgap_audit *out,
                               cgap_error *error)
{
  const double images = (double)e->image.rows, texts = (double)e->text.rows;
  uint64_t matched = 0;
  for (int k = 0; k <= CGAP_HISTOGRAM_BINS; k++)
    out->histogram_edges[k] = (double)(2 * k - CGAP_HISTOGRAM_BINS) / CGAP_HISTOGRAM_BINS;
  finish_modality(e, seen, CGAP_IMAGE_IMAGE, &out->cosine_image, out->histogram_image);
  if (e->text.rows == 0)
    return CGAP_OK;
  double sum = images * texts * product_trace(e->image.mean, e->text.mean, e->dim);
  double squares = product_trace(e->image.moment, e->text.moment, e->dim * e->dim);
  for (size_t j = 0; e->paired && j < e->text.rows; j++) {
    sum -= e->pair_cosine[j];
    squares -= e->pair_cosine[j] * e->pair_cosine[j];
    matched++;
  }
  finish_modality(e, seen, CGAP_TEXT_TEXT, &out->cosine_text, out->histogram_text);
  finish_tiles(seen, CGAP_IMAGE_TEXT, (uint64_t)e->image.rows * e->text.rows - matched, sum, squares,
               &out->cosine_cross, out->histogram_cross);
  return e->paired ? finish_pairs(e, out, error) : CGAP_OK;
}

static cgap_status finish(const cgap_audit_sums *e, cgap_audit *out, cgap_error *error)
{
  return finish_seen(e, e, out, error);
}

static cgap_status finish_sampled(const cgap_sampled *s, cgap_audit *out, cgap_error *error)
{
  return finish_seen(s->whole, s->sample, out, error);
}

static const cgap_number numbers[] = {
  {"cosine.pair.mean", offsetof(cgap_audit, cosine_pair.mean), false, CGAP_HAS_PAIRS,
   offsetof(cgap_audit, cosine_pair.why)},
  {"cosine.pair.sd", offsetof(cgap_audit, cosine_pair.sd), false, CGAP_HAS_PAIRS,
   offsetof(cgap_audit, cosine_pair.why)},
  {"cosine.pair.min", offsetof(cgap_audit, cosine_pair.min), false, CGAP_HAS_PAIRS,
   offsetof(cgap_audit, cosine_pair.why)},
  {"cosine.pair.max", offsetof(cgap_audit, cosine_pair.max), false, CGAP_HAS_PAIRS,
   offsetof(cgap_audit, cosine_pair.why)},
  {"cosine.pair.p05", offsetof(cgap_audit, cosine_pair.p05), false, CGAP_HAS_PAIRS,
   offsetof(cgap_audit, cosine_pair.why)},
  {"cosine.pair.p25", offsetof(cgap_audit, cosine_pair.p25), false, CGAP_HAS_PAIRS,
   offsetof(cgap_audit, cosine_pair.why)},
  {"cosine.pair.p50", offsetof(cgap_audit, cosine_pair.p50), false, CGAP_HAS_PAIRS,
   offsetof(cgap_audit, cosine_pair.why)},
  {"cosine.pair.p75", offsetof(cgap_audit, cosine_pair.p75), false, CGAP_HAS_PAIRS,
   offsetof(cgap_audit, cosine_pair.why)},
  {"cosine.pair.p95", offsetof(cgap_audit, cosine_pair.p95), false, CGAP_HAS_PAIRS,
   offsetof(cgap_audit, cosine_pair.why)},
  {"cosine.cross.mean", offsetof(cgap_audit, cosine_cross.mean), false, CGAP_ONE_SPACE,
   offsetof(cgap_audit, cosine_cross.why)},
  {"cosine.cross.sd", offsetof(cgap_audit, cosine_cross.sd), false, CGAP_ONE_SPACE,
   offsetof(cgap_audit, cosine_cross.why)},
  {"cosine.cross.min", offsetof(cgap_audit, cosine_cross.min), false, CGAP_ONE_SPACE,
   offsetof(cgap_audit, cosine_cross.why)},
  {"cosine.cross.max", offsetof(cgap_audit, cosine_cross.max), false, CGAP_ONE_SPACE,
   offsetof(cgap_audit, cosine_cross.why)},
  {"cosine.cross.p05", offsetof(cgap_audit, cosine_cross.p05), false, CGAP_ONE_SPACE,
   offsetof(cgap_audit, cosine_cross.why)},
  {"cosine.cross.p25", offsetof(cgap_audit, cosine_cross.p25), false, CGAP_ONE_SPACE,
   offsetof(cgap_audit, cosine_cross.why)},
  {"cosine.cross.p50", offsetof(cgap_audit, cosine_cross.p50), false, CGAP_ONE_SPACE,
   offsetof(cgap_audit, cosine_cross.why)},
  {"cosine.cross.p75", offsetof(cgap_audit, cosine_cross.p75), false, CGAP_ONE_SPACE,
   offsetof(cgap_audit, cosine_cross.why)},
  {"cosine.cross.p95", offsetof(cgap_audit, cosine_cross.p95), false, CGAP_ONE_SPACE,
   offsetof(cgap_audit, cosine_cross.why)},
  {"cosine.image.mean", offsetof(cgap_audit, cosine_image.mean), false, 0, offsetof(cgap_audit, cosine_image.why)},
  {"cosine.image.sd", offsetof(cgap_audit, cosine_image.sd), false, 0, offsetof(cgap_audit, cosine_image.why)},
  {"cosine.image.min", offsetof(cgap_audit, cosine_image.min), false, 0, offsetof(cgap_audit, cosine_image.why)},
  {"cosine.image.max", offsetof(cgap_audit, cosine_image.max), false, 0, offsetof(cgap_audit, cosine_image.why)},
  {"cosine.image.p05", offsetof(cgap_audit, cosine_image.p05), false, 0, offsetof(cgap_audit, cosine_image.why)},
  {"cosine.image.p25", offsetof(cgap_audit, cosine_image.p25), false, 0, offsetof(cgap_audit, cosine_image.why)},
  {"cosine.image.p50", offsetof(cgap_audit, cosine_image.p50), false, 0, offsetof(cgap_audit, cosine_image.why)},
  {"cosine.image.p75", offsetof(cgap_audit, cosine_image.p75), false, 0, offsetof(cgap_audit, cosine_image.why)},
  {"cosine.image.p95", offsetof(cgap_audit, cosine_image.p95), false, 0, offsetof(cgap_audit, cosine_image.why)},
  {"cosine.text.mean", offsetof(cgap_audit, cosine_text.mean), false, CGAP_HAS_TEXT,
   offsetof(cgap_audit, cosine_text.why)},
  {"cosine.text.sd", offsetof(cgap_audit, cosine_text.sd), false, CGAP_HAS_TEXT, offsetof(cgap_audit, cosine_text.why)},
  {"cosine.text.min", offsetof(cgap_audit, cosine_text.min), false, CGAP_HAS_TEXT,
   offsetof(cgap_audit, cosine_text.why)},
  {"cosine.text.max", offsetof(cgap_audit, cosine_text.max), false, CGAP_HAS_TEXT,
   offsetof(cgap_audit, cosine_text.why)},
  {"cosine.text.p05", offsetof(cgap_audit, cosine_text.p05), false, CGAP_HAS_TEXT,
   offsetof(cgap_audit, cosine_text.why)},
  {"cosine.text.p25", offsetof(cgap_audit, cosine_text.p25), false, CGAP_HAS_TEXT,
   offsetof(cgap_audit, cosine_text.why)},
  {"cosine.text.p50", offsetof(cgap_audit, cosine_text.p50), false, CGAP_HAS_TEXT,
   offsetof(cgap_audit, cosine_text.why)},
  {"cosine.text.p75", offsetof(cgap_audit, cosine_text.p75), false, CGAP_HAS_TEXT,
   offsetof(cgap_audit, cosine_text.why)},
  {"cosine.text.p95", offsetof(cgap_audit, cosine_text.p95), false, CGAP_HAS_TEXT,
   offsetof(cgap_audit, cosine_text.why)},
};

const cgap_measure cgap_measure_cosine = {
  .name = "cosines",
  .kinds = 1u << CGAP_IMAGE_IMAGE | 1u << CGAP_TEXT_TEXT | 1u << CGAP_IMAGE_TEXT,
  .need = {.counts = CGAP_FINE_BINS},
  .strip = histogram_strip,
  .basis = CGAP_ON_PAIRS,
  .one_modality = true,
  .finish = finish,
  .finish_sampled = finish_sampled,
  .numbers = numbers,
  .number_count = sizeof numbers / sizeof *numbers,
};
