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

#include <math.h>
#include <stdlib.h>

#define MATCHED_Z 4.0
#define SHUFFLED_Z 2.0
#define SHOWS 12.0

/* ---------------------------------------------------------------- the whole */

/* tr(Cov x · Cov y): the mean square of a product of random rows. 0: the rows of a side are all equal. */
static double square_of_random(const cgap_evidence *e)
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

/* How much more the mean over random pairs varies since texts of one image come together; 1 where none do. */
static double growth_of_groups(const cgap_evidence *e)
{
  double texts = 0, groups = 0;
  for (size_t b = 0; b < e->blocks; b++) {
    texts += e->block[b].text_square;
    groups += e->block[b].group_square;
  }
  return texts > 0 ? fmax(1, groups / texts) : 1;
}

/* Mean over the pairs of (x − x̄)·(y − ȳ). */
static double mean_product(const cgap_evidence *e, double matched_mean)
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

static int shift_of_whole(const cgap_evidence *e, double square)
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

/* z of the pairs as given: within each block, and with the file's centroids and random order. NaN: nothing varies. */
typedef struct block_z {
  double within[CGAP_PAIR_BLOCKS], whole[CGAP_PAIR_BLOCKS];
  int shift[CGAP_PAIR_BLOCKS];
} block_z;

static void find_block_z(block_z *out, const cgap_evidence *e, double square)
{
  for (size_t b = 0; b < e->blocks; b++) {
    const cgap_block_fit *fit = &e->block[b];
    double z[CGAP_OFFSETS];
    for (int k = 0; k < CGAP_OFFSETS; k++)
      z[k] = z_of(fit->within[k], fit->count[k], fit->within_square > 1e-26 ? fit->within_square : 0);
    out->within[b] = z[CGAP_SHIFTS];
    out->whole[b] = z_of(fit->whole[CGAP_SHIFTS], fit->count[CGAP_SHIFTS], square);
    out->shift[b] = shift_of(z);
  }
}

static int ascending(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* 0 where there is none. */
static double median_of_finite(const double *v, size_t count)
{
  double sorted[CGAP_PAIR_BLOCKS];
  size_t n = 0;
  for (size_t b = 0; b < count; b++)
    if (isfinite(v[b]))
      sorted[n++] = v[b];
  qsort(sorted, n, sizeof *sorted, ascending);
  return n ? (sorted[(n - 1) / 2] + sorted[n / 2]) / 2 : 0;
}

/* Stouffer's sum of `count` z. */
static double z_together(const double *z, size_t count)
{
  double total = 0;
  for (size_t k = 0; k < count; k++)
    total += z[k];
  return total / sqrt((double)count);
}

/* Texts of blocks [first, end), in the rows of the file. */
static void name_block(cgap_pairing_check *check, const cgap_evidence *e, size_t first, size_t end, double z, int shift)
{
  const size_t texts = e->text.rows;
  check->blocks[check->block_count++] = (cgap_pair_block){.first = e->text.file_row[first * texts / e->blocks],
                                                          .last = e->text.file_row[end * texts / e->blocks - 1],
                                                          .z = z,
                                                          .shift = shift};
}

static void find_blocks(cgap_pairing_check *check, const cgap_evidence *e, double square)
{
  block_z z;
  find_block_z(&z, e, square);
  const double of_whole = check->z / sqrt((double)e->blocks), of_blocks = median_of_finite(z.within, e->blocks);
  size_t together = 1;
  while (fmax(of_whole, of_blocks) * sqrt((double)together) < SHOWS && together <= e->blocks)
    together++;
  const bool whole_shows = of_whole * sqrt((double)together) >= SHOWS,
             blocks_show = of_blocks * sqrt((double)together) >= SHOWS;
  for (size_t first = 0, end; first < e->blocks; first = end) {
    end = first + together < e->blocks ? first + together : e->blocks;
    bool shifted = false;
    for (size_t b = first; b < end; b++) {
      if (z.shift[b])
        name_block(check, e, b, b + 1, z.within[b], z.shift[b]);
      shifted = shifted || z.shift[b];
    }
    const double within = z_together(z.within + first, end - first), whole = z_together(z.whole + first, end - first);
    if (!shifted && end - first == together && within < MATCHED_Z &&
        (blocks_show || (whole_shows && whole < MATCHED_Z)))
      name_block(check, e, first, end, within, 0);
  }
}

void cgap_pairing_finish(const cgap_evidence *e, cgap_audit *out)
{
  if (!e->paired)
    return;
  cgap_pairing_check *check = &out->pairing_check;
  const double square = square_of_random(e) * growth_of_groups(e);
  check->matched_mean = out->cosine_pair.mean;
  check->shuffled_mean = out->cosine_cross.why ? out->cosine_pair.mean : out->cosine_cross.mean;
  check->verdict = CGAP_PAIRING_UNCLEAR;
  check->z = NAN;
  if (!(sqrt(square / (double)e->text.rows) > 1e-12)) /* every order of equal rows is as good */
    return;
  check->z = mean_product(e, check->matched_mean) / sqrt(square / (double)e->text.rows);
  if (check->z >= MATCHED_Z)
    check->verdict = CGAP_PAIRING_MATCHED;
  else if (check->z < SHUFFLED_Z)
    check->verdict = CGAP_PAIRING_SHUFFLED;
  check->shift = shift_of_whole(e, square);
  if (check->verdict == CGAP_PAIRING_MATCHED && e->blocks > 1)
    find_blocks(check, e, square);
}
