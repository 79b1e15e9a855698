/* checks.pairing: do the pairs belong together?
 *
 * z = (mean over the pairs of (x − x̄)·(y − ȳ))/s, the mean with N/(N − 1) for the centroids that come from the same
 * rows. s² = tr(Cov x · Cov y)/M is the variance of the mean over M pairs put together at random (the permutation
 * variance of Mantel's test, 1967), times what it grows by where texts of one image go to a random place together.
 * matched: z ≥ 4; shuffled: z < 2; else unclear. shift: the row offset −5 … 5 whose z is at least 4 and at least 4
 * above that of offset 0, as after an off-by-one.
 *
 * Blocks of consecutive texts: the same with the centroids, and the random order, of the block alone, so that a tail
 * that is off by a row is seen in a file sorted by class too. A block of a model that tells little may fail to be
 * matched by chance, and so may one within a class of a model that tells classes alone: without a shift, blocks are
 * named only where they are as good as random though sound pairs would show. As many blocks are taken together as make
 * the expected z at least SHOWS. */
#include "analysis/finish.h"
#include "analysis/interval.h"

#include <math.h>
#include <stdlib.h>

#define MATCHED_Z 4.0
#define SHUFFLED_Z 2.0
#define VISIBLE_Z 12.0

/* ---------------------------------------------------------------- the whole */

/* tr(Cov x · Cov y): the mean square of a product of random rows. 0: the rows of a modality are all equal. */
static double square_of_random(const cgap_audit_sums *e)
{
  const double images = (double)e->image.rows, texts = (double)e->text.rows;
  double trace = 0, image_variance = 0, text_variance = 0;
  for (size_t a = 0; a < e->dim; a++)
    for (size_t b = 0; b < e->dim; b++) {
      const double x = e->image.moment[a * e->dim + b] / images - e->image.mean[a] * e->image.mean[b];
      const double y = e->text.moment[a * e->dim + b] / texts - e->text.mean[a] * e->text.mean[b];
      trace += x * y;
      image_variance += a == b ? x : 0;
      text_variance += a == b ? y : 0;
    }
  if (!(image_variance > 1e-13 && text_variance > 1e-13)) /* what rounding leaves of unit rows that are all equal */
    return 0;
  return fmax(0, trace);
}

/* Mean over the pairs of (x − x̄)·(y − ȳ). */
static double mean_product(const cgap_audit_sums *e, double matched_mean)
{
  const double images = (double)e->image.rows;
  for (size_t k = 0; k < e->dim; k++)
    matched_mean -= e->paired_image_mean[k] * e->text.mean[k];
  return images > 1 ? matched_mean * images / (images - 1) : 0;
}

static double z_of(double sum, double count, double square)
{
  return count > 0 && square > 0 ? sum / sqrt(count * square) : NAN;
}

/* The shift that z names; 0: none. */
static int shift_of(const double z[CGAP_OFFSETS])
{
  const double given = z[CGAP_SHIFTS];
  int best = CGAP_SHIFTS;
  for (int k = 0; k < CGAP_OFFSETS; k++)
    best = z[k] > z[best] ? k : best;
  return z[best] >= MATCHED_Z && z[best] - given >= MATCHED_Z ? best - CGAP_SHIFTS : 0;
}

static int shift_of_whole(const cgap_audit_sums *e, double square)
{
  double z[CGAP_OFFSETS];
  for (int k = 0; k < CGAP_OFFSETS; k++) {
    double sum = 0, count = 0;
    for (size_t b = 0; b < e->blocks; b++) {
      sum += e->block[b].whole[k];
      count += e->block[b].count[k];
    }
    z[k] = z_of(sum, count, square);
  }
  return shift_of(z);
}

/* ---------------------------------------------------------------- blocks */

/* z within each block at every offset, and of the pairs as given with the file's centroids and random order. NaN:
 * nothing varies, or the offset is not asked for. */
typedef struct block_z {
  double within[CGAP_PAIR_BLOCKS][CGAP_OFFSETS], whole[CGAP_PAIR_BLOCKS];
  bool named[CGAP_PAIR_BLOCKS];
} block_z;

static void find_block_z(block_z *out, const cgap_audit_sums *e, double square)
{
  *out = (block_z){.named = {false}};
  for (size_t b = 0; b < e->blocks; b++) {
    const cgap_block_products *products = &e->block[b];
    for (int k = 0; k < CGAP_OFFSETS; k++)
      out->within[b][k] =
        z_of(products->within[k], products->count[k], products->within_square > 1e-26 ? products->within_square : 0);
    out->whole[b] = z_of(products->whole[CGAP_SHIFTS], products->count[CGAP_SHIFTS], square);
  }
}

/* Stouffer's sum of the z of blocks [first, end). */
static double combine_z_within(const block_z *z, size_t first, size_t end, int offset)
{
  double total = 0;
  for (size_t b = first; b < end; b++)
    total += z->within[b][offset];
  return total / sqrt((double)(end - first));
}

static double combine_z_whole(const block_z *z, size_t first, size_t end)
{
  double total = 0;
  for (size_t b = first; b < end; b++)
    total += z->whole[b];
  return total / sqrt((double)(end - first));
}

static bool any_named(const block_z *z, size_t first, size_t end)
{
  bool any = false;
  for (size_t b = first; b < end; b++)
    any = any || z->named[b];
  return any;
}

/* Names blocks [first, end) as one, by their texts in the rows of the file. */
static void name_blocks(cgap_pairing_check *check, const cgap_audit_sums *e, block_z *z, size_t first, size_t end,
                        int shift)
{
  const size_t texts = e->text.rows;
  check->blocks[check->block_count++] = (cgap_pair_block){.first = cgap_file_row(&e->text, first * texts / e->blocks),
                                                          .last = cgap_file_row(&e->text, end * texts / e->blocks - 1),
                                                          .z = combine_z_within(z, first, end, CGAP_SHIFTS),
                                                          .shift = shift};
  for (size_t b = first; b < end; b++)
    z->named[b] = true;
}

/* Each block alone, then two, four … of those that were not named, for models that tell little. */
static void name_shifted(cgap_pairing_check *check, const cgap_audit_sums *e, block_z *z)
{
  for (size_t together = 1; together < e->blocks; together *= 2)
    for (size_t first = 0; first + together <= e->blocks; first += together) {
      double at[CGAP_OFFSETS];
      for (int k = 0; k < CGAP_OFFSETS; k++)
        at[k] = combine_z_within(z, first, first + together, k);
      const int shift = any_named(z, first, first + together) ? 0 : shift_of(at);
      if (shift)
        name_blocks(check, e, z, first, first + together, shift);
    }
}

/* Of the z of the pairs as given, within blocks; 0 where there is none. */
static double median_within(const block_z *z, size_t blocks)
{
  double sorted[CGAP_PAIR_BLOCKS];
  size_t n = 0;
  for (size_t b = 0; b < blocks; b++)
    if (isfinite(z->within[b][CGAP_SHIFTS]))
      sorted[n++] = z->within[b][CGAP_SHIFTS];
  cgap_sort(sorted, n);
  return n ? (sorted[(n - 1) / 2] + sorted[n / 2]) / 2 : 0;
}

static void name_unmatched(cgap_pairing_check *check, const cgap_audit_sums *e, block_z *z)
{
  const double of_whole = check->z / sqrt((double)e->blocks), of_blocks = median_within(z, e->blocks);
  size_t together = 1;
  while (fmax(of_whole, of_blocks) * sqrt((double)together) < VISIBLE_Z && together <= e->blocks)
    together++;
  const bool whole_shows = of_whole * sqrt((double)together) >= VISIBLE_Z,
             blocks_show = of_blocks * sqrt((double)together) >= VISIBLE_Z;
  for (size_t first = 0; first + together <= e->blocks && together < e->blocks; first += together) {
    const size_t end = first + together;
    if (!any_named(z, first, end) && combine_z_within(z, first, end, CGAP_SHIFTS) < MATCHED_Z &&
        (blocks_show || (whole_shows && combine_z_whole(z, first, end) < MATCHED_Z)))
      name_blocks(check, e, z, first, end, 0);
  }
}

static int by_first(const void *a, const void *b)
{
  const size_t x = ((const cgap_pair_block *)a)->first, y = ((const cgap_pair_block *)b)->first;
  return (x > y) - (x < y);
}

static void find_blocks(cgap_pairing_check *check, const cgap_audit_sums *e, double square)
{
  block_z z;
  find_block_z(&z, e, square);
  name_shifted(check, e, &z);
  name_unmatched(check, e, &z);
  qsort(check->blocks, check->block_count, sizeof *check->blocks, by_first);
}

static cgap_status finish(const cgap_audit_sums *e, cgap_audit *out, cgap_error *error)
{
  (void)error;
  if (!e->paired)
    return CGAP_OK;
  cgap_pairing_check *check = &out->pairing_check;
  const double square = square_of_random(e) * e->group_growth;
  check->matched_mean = out->cosine_pair.mean;
  check->shuffled_mean = out->cosine_cross.why ? out->cosine_pair.mean : out->cosine_cross.mean;
  check->verdict = CGAP_PAIRING_UNCLEAR;
  check->z = NAN;
  if (!(sqrt(square / (double)e->text.rows) > 1e-12)) /* every order of equal rows is as good */
    return CGAP_OK;
  check->z = mean_product(e, check->matched_mean) / sqrt(square / (double)e->text.rows);
  if (check->z >= MATCHED_Z)
    check->verdict = CGAP_PAIRING_MATCHED;
  else if (check->z < SHUFFLED_Z)
    check->verdict = CGAP_PAIRING_SHUFFLED;
  check->shift = shift_of_whole(e, square);
  if (check->verdict == CGAP_PAIRING_MATCHED && e->blocks > 1)
    find_blocks(check, e, square);
  return CGAP_OK;
}

static const cgap_number numbers[] = {
  {"checks.pairing.matched_mean", offsetof(cgap_audit, pairing_check.matched_mean), false, CGAP_HAS_PAIRS, 0},
  {"checks.pairing.shuffled_mean", offsetof(cgap_audit, pairing_check.shuffled_mean), false, CGAP_HAS_PAIRS, 0},
  {"checks.pairing.z", offsetof(cgap_audit, pairing_check.z), false, CGAP_HAS_PAIRS, 0},
};

const cgap_measure cgap_measure_pairing_check = {
  .name = "pairing check",
  .basis = CGAP_ON_ROWS,
  .finish = finish,
  .numbers = numbers,
  .number_count = sizeof numbers / sizeof *numbers,
};
