/* checks.pairing.below_median_share: min(1, 2·(fraction of pairs whose cosine is at most the median of the non-matching
 * cosines)). Half of all mismatched pairs are below that median and hardly any of a sound model's matched ones are.
 *
 * The pairs' cosines are known in double before the tile pass; the median is not. The pass counts the non-matching
 * cosines that are above a window, where a few rows had put the median, and those in narrow bins of it. Order
 * statistics of cosines that are off by a margin at most are off by it at most, so the bin of the median and the margin
 * either way bound the median, and nearly always no pair is within these bounds. Where some are, the cross cosines are
 * compared once more, with the values of those pairs, decided in double; within 1e-12 they tie. */
#include "analysis/finish.h"
#include "analysis/interval.h"
#include "base/memory.h"

#include <math.h>

#define BOUND_ROUNDING 1e-7 /* what the bounds lose as floats */

enum { ABOVE, SLOT, VALUES = CGAP_MEDIAN_BINS / 2 - 1 };

/* ---------------------------------------------------------------- strips */

/* Slot 2i: cosines between value i − 1 and value i; slot 2i + 1: those equal to value i. */
static size_t slot_of(const cgap_median_window *w, double cosine)
{
  size_t low = 0, high = w->values;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (w->value[middle] + CGAP_COSINE_TIE < cosine)
      low = middle + 1;
    else
      high = middle;
  }
  return 2 * low + (low < w->values && cosine >= w->value[low] - CGAP_COSINE_TIE);
}

static void count_bins(const cgap_strip *s, const cgap_audit_sums *e, const cgap_audit_kernels *kernels,
                       cgap_sums *sums)
{
  const cgap_median_window *w = &e->window;
  const cgap_bins bins = {.least = (float)w->low,
                          .greatest = (float)(w->low + w->step * CGAP_MEDIAN_BINS),
                          .low = w->low,
                          .step = w->step,
                          .bins = CGAP_MEDIAN_BINS};
  for (size_t r = 0; r < s->rows; r++)
    kernels->window(s->cosine + r * s->stride, s->columns, &bins, &sums->counts[ABOVE], sums->counts + SLOT);
}

typedef struct strip_slots {
  const cgap_median_window *window;
  uint64_t *slot;
} strip_slots;

static void decide_pair(void *context, const cgap_close_pair *pair)
{
  const strip_slots *slots = context;
  slots->slot[slot_of(slots->window, pair->cosine)]++;
}

static void count_slots(const cgap_strip *s, const cgap_audit_sums *e, const cgap_audit_kernels *kernels,
                        cgap_sums *sums)
{
  const cgap_median_window *w = &e->window;
  strip_slots slots = {.window = w, .slot = sums->counts + SLOT};
  double low[CGAP_TILE], high[CGAP_TILE];
  uint64_t above[CGAP_TILE] = {0};
  for (size_t r = 0; r < s->rows; r++) {
    low[r] = w->value[0];
    high[r] = w->value[w->values - 1];
  }
  cgap_strip_compare(s, kernels, (cgap_marks){.low = low, .high = high, .above = above}, (cgap_marks){0}, decide_pair,
                     &slots);
  for (size_t r = 0; r < s->rows; r++)
    sums->counts[ABOVE] += above[r];
}

static void median_strip(const cgap_strip *s, const cgap_audit_sums *e, const cgap_audit_kernels *kernels,
                         cgap_sums *sums)
{
  if (e->window.values)
    count_slots(s, e, kernels, sums);
  else
    count_bins(s, e, kernels, sums);
}

/* ---------------------------------------------------------------- where the median is */

/* In slots counted from 0 (none of the cosines below the first, `below` of them) the one of the cosine of this rank. */
static size_t slot_of_rank(const uint64_t *slot, size_t slots, uint64_t below, uint64_t rank)
{
  size_t k = 0;
  for (uint64_t before = below; k < slots && rank >= before + slot[k]; k++)
    before += slot[k];
  return k;
}

/* Bounds of the cosine of this rank, before margins; it may be outside the window. */
static void bounds_of_rank(const cgap_median_window *w, const uint64_t *bin, uint64_t below, uint64_t rank,
                           double bounds[2])
{
  bounds[0] = -2;
  bounds[1] = w->low;
  if (rank < below)
    return;
  const size_t k = slot_of_rank(bin, CGAP_MEDIAN_BINS, below, rank);
  bounds[0] = w->low + (double)k * w->step;
  bounds[1] = k < CGAP_MEDIAN_BINS ? bounds[0] + w->step : 2;
}

/* From the bins: the median is within bounds of the two in the middle. */
static void narrow_by_bins(cgap_median *m, const cgap_median_window *w, const uint64_t *bin, uint64_t below,
                           uint64_t count, double margin)
{
  double lower[2], upper[2];
  bounds_of_rank(w, bin, below, (count - 1) / 2, lower);
  bounds_of_rank(w, bin, below, count / 2, upper);
  m->low = (lower[0] + upper[0]) / 2 - margin - BOUND_ROUNDING;
  m->high = (lower[1] + upper[1]) / 2 + margin + BOUND_ROUNDING;
}

/* From the values of pairs: value i is at most the median where no more cosines are below it than the lower of the two
 * in the middle has. (A value between these two, which hardly any is, counts as above.) */
static void narrow_by_values(cgap_median *m, const cgap_median_window *w, const uint64_t *slot, uint64_t below,
                             uint64_t count)
{
  uint64_t less = below;
  for (size_t i = 0; i < w->values; i++) {
    less += slot[2 * i] + (i ? slot[2 * i - 1] : 0);
    if (less > (count - 1) / 2) {
      m->high = w->value[i] - CGAP_COSINE_TIE;
      return;
    }
    m->low = w->value[i] + CGAP_COSINE_TIE;
  }
}

void cgap_median_narrow(cgap_median *m, const cgap_audit_sums *seen, double margin)
{
  const uint64_t *counts = cgap_sums_of(seen, CGAP_IMAGE_TEXT, &cgap_measure_below_median)->counts;
  const uint64_t count = (uint64_t)seen->image.rows * seen->text.rows - seen->text.rows;
  uint64_t there = counts[ABOVE];
  for (size_t k = 0; k < CGAP_MEDIAN_BINS; k++)
    there += counts[SLOT + k];
  const cgap_median_window *w = &seen->window;
  if (w->values) /* what is below all values is in the first slot or was not counted */
    narrow_by_values(m, w, counts + SLOT, count - there, count);
  else
    narrow_by_bins(m, w, counts + SLOT, count - there, count, margin);
}

/* ---------------------------------------------------------------- pairs between the bounds */

static bool is_undecided_between(const cgap_median *m, double cosine)
{
  return cosine > m->low && cosine < m->high;
}

bool cgap_median_open(const cgap_median *m, const cgap_audit_sums *e, double **value, size_t *values)
{
  size_t open = 0, kept = 0;
  *value = NULL;
  *values = 0;
  for (size_t j = 0; j < e->text.rows; j++)
    open += is_undecided_between(m, e->pair_cosine[j]);
  double *all = cgap_alloc(open, sizeof *all);
  if (!all)
    return false;
  for (size_t j = 0, k = 0; j < e->text.rows; j++)
    if (is_undecided_between(m, e->pair_cosine[j]))
      all[k++] = e->pair_cosine[j];
  cgap_sort(all, open);
  for (size_t k = 0; k < open; k++)
    if (kept == 0 || all[k] > all[kept - 1] + CGAP_COSINE_TIE)
      all[kept++] = all[k];
  for (size_t k = 0; kept > VALUES && k < VALUES;
       k++) /* too many for one pass, which then leaves open those between two */
    all[k] = all[k * (kept - 1) / (VALUES - 1)];
  *value = all;
  *values = kept < VALUES ? kept : VALUES;
  return true;
}

/* ---------------------------------------------------------------- the fraction of pairs */

/* How many times as many pairs as non-matching cosines are about the median: what an error of the median's place does.
 */
static double pair_density_ratio(const cgap_audit_sums *e, const cgap_audit_sums *seen)
{
  const cgap_median_window *w = &seen->window;
  const uint64_t *counts = cgap_sums_of(seen, CGAP_IMAGE_TEXT, &cgap_measure_below_median)->counts;
  const double high = w->low + w->step * CGAP_MEDIAN_BINS;
  double pairs = 0, others = 0;
  for (size_t k = 0; k < CGAP_MEDIAN_BINS; k++)
    others += (double)counts[SLOT + k];
  for (size_t j = 0; j < e->text.rows; j++)
    pairs += e->pair_cosine[j] >= w->low && e->pair_cosine[j] < high;
  const double count = ((double)seen->image.rows - 1) * (double)seen->text.rows;
  return others > 0 ? pairs / (double)e->text.rows / (others / count) : 0;
}

/* Variance of the place of the median of a sample's cosines among all, as a fraction of them. */
static double variance_of_place(const cgap_audit_sums *e, const cgap_audit_sums *seen)
{
  const double images = (double)seen->image.rows, texts = (double)seen->text.rows;
  return seen->window.row_variance / images * (1 - images / (double)e->image.rows) +
         seen->window.column_variance / texts * (1 - texts / (double)e->text.rows);
}

static double is_at_most(double cosine, double bound)
{
  return cosine <= bound;
}

cgap_status cgap_below_median_finish(const cgap_audit_sums *e, const cgap_audit_sums *seen, const cgap_median *m,
                                     cgap_audit *out, cgap_error *error)
{
  const size_t texts = e->text.rows;
  const double median = (m->low + m->high) / 2;
  cgap_scalar *proportion = &out->pairing_check.below_median_share;
  double mean = 0;
  (void)error;
  for (size_t j = 0; j < texts; j++)
    mean += is_at_most(e->pair_cosine[j], median);
  mean /= (double)texts;
  double variance = cgap_variance_of_pair_mean(e, is_at_most, median, mean);
  if (seen != e)
    variance += pair_density_ratio(e, seen) * pair_density_ratio(e, seen) * variance_of_place(e, seen);
  *proportion = cgap_scalar_wilson(mean, variance, texts);
  proportion->value = fmin(1, 2 * proportion->value);
  if (!isnan(proportion->lo)) {
    proportion->lo = fmin(1, 2 * proportion->lo);
    proportion->hi = fmin(1, 2 * proportion->hi);
  }
  proportion->method = seen == e ? CGAP_EXACT : CGAP_SAMPLED;
  if (e->image.rows < 2)
    *proportion = cgap_scalar_null("every {one text} belongs to the one {one image}", texts);
  return CGAP_OK;
}

static const cgap_field fields[] = {
  {"checks.pairing.below_median_share", "below-median pair share", CGAP_GROUP_ALIGNMENT, 0,
   offsetof(cgap_audit, pairing_check.below_median_share), 4, CGAP_NEITHER, CGAP_HAS_PAIRS,
   "Twice the share of pairs whose cosine is at most the median of {images} and {texts} that do not belong together: "
   "of a "
   "model that can tell its pairs, the share of mismatched ones.",
   ""},
};

const cgap_measure cgap_measure_below_median = {
  .name = "below-median pair share",
  .kinds = 1u << CGAP_IMAGE_TEXT,
  .paired_only = true,
  .need = {.counts = SLOT + CGAP_MEDIAN_BINS},
  .strip = median_strip,
  .basis = CGAP_ON_ROWS,
  .fields = fields,
  .field_count = sizeof fields / sizeof *fields,
};
