/* gap.centroid_distance = ‖mean x − mean y‖, centroids not renormalised (Liang et al. 2022, "Mind the Gap"). On a
 * sample it is too large: it has no interval, and the estimate of the population's distance is
 * gap.corrected_distance = √max(0, centroid_distance² − noise_floor²).
 * gap.noise_floor = √(F/(1 − 1/N)), F = Σ_i ‖g_i‖², g_i = (x_i − mean x)/N − Σ_{j∈T_i} (y_j − mean y)/M:
 * the distance that sampling alone gives when the true centroids coincide. Unpaired: √(tr Cov x/N + tr Cov y/M).
 * Its interval: D = centroid_distance² − noise_floor² estimates the population's squared distance without bias; with g
 * the vector between the centroids and V the covariance of its error, Var D = 4 gᵀVg + 2 tr V², V = C/N =
 * N Σ g_i g_iᵀ/(N − 1) where paired, Cov x/N + Cov y/M where not (the variance of a quadratic form of a normal
 * vector). The ends of D ± 1.96 √Var D are cut at 0, then the root. */
#include "analysis/finish.h"
#include "analysis/interval.h"
#include "base/memory.h"

#include <math.h>

#define ROUNDING_SQUARE 1e-26 /* a squared length that is rounding alone */

/* Entry (a, b) of the covariance of a modality's mean: Cov/rows, divisor rows − 1. */
static double mean_covariance(const cgap_modality *modality, size_t dim, size_t a, size_t b)
{
  const double n = (double)modality->rows;
  return (modality->moment[a * dim + b] - n * modality->mean[a] * modality->mean[b]) / (n - 1) / n;
}

static double error_covariance(const cgap_audit_sums *e, size_t a, size_t b)
{
  const double n = (double)e->image.rows;
  if (e->paired)
    return e->group_moment[a * e->dim + b] * n / (n - 1);
  return mean_covariance(&e->image, e->dim, a, b) + mean_covariance(&e->text, e->dim, a, b);
}

static cgap_scalar corrected_distance(const cgap_audit_sums *e, double square, double floor_square, uint64_t n)
{
  double along = 0, squares = 0;
  for (size_t a = 0; a < e->dim; a++)
    for (size_t b = 0; b < e->dim; b++) {
      const double v = error_covariance(e, a, b);
      along += (e->image.mean[a] - e->text.mean[a]) * v * (e->image.mean[b] - e->text.mean[b]);
      squares += v * v;
    }
  const double centre = square - floor_square, half = CGAP_Z95 * sqrt(fmax(0, 4 * along) + 2 * squares);
  return cgap_scalar_bounds(sqrt(fmax(0, centre)), sqrt(fmax(0, centre - half)), sqrt(fmax(0, centre + half)), n);
}

/* The coordinates with the greatest fraction of the squared distance, lower index first among equals. */
static void finish_dimensions(const cgap_audit_sums *e, double square, cgap_gap *gap)
{
  gap->dimension_count = 0;
  if (!(square > ROUNDING_SQUARE)) /* fractions would be 0/0 */
    return;
  gap->dimension_count = e->dim < CGAP_TOP_DIMENSIONS ? e->dim : CGAP_TOP_DIMENSIONS;
  for (size_t k = 0; k < gap->dimension_count; k++)
    gap->dimensions[k].share = -1;
  for (size_t a = 0; a < e->dim; a++) {
    const double difference = e->image.mean[a] - e->text.mean[a];
    const cgap_dimension new = {.index = a,
                                .share = difference * difference / square,
                                .image_mean = e->image.mean[a],
                                .text_mean = e->text.mean[a]};
    size_t place = gap->dimension_count;
    for (; place > 0 && new.share > gap->dimensions[place - 1].share; place--)
      if (place < gap->dimension_count)
        gap->dimensions[place] = gap->dimensions[place - 1];
    if (place < gap->dimension_count)
      gap->dimensions[place] = new;
  }
}

static cgap_status finish(const cgap_audit_sums *e, cgap_audit *out, cgap_error *error)
{
  (void)error;
  const double images = (double)e->image.rows;
  const uint64_t n = e->paired || e->image.rows < e->text.rows ? e->image.rows : e->text.rows;
  double square = 0, image_square = 0, text_square = 0, product = 0, floor_square = 0;
  for (size_t a = 0; a < e->dim; a++) {
    const double x = e->image.mean[a], y = e->text.mean[a];
    square += (x - y) * (x - y);
    image_square += x * x;
    text_square += y * y;
    product += x * y;
    floor_square += e->paired ? e->group_moment[a * e->dim + a] / (1 - 1 / images)
                              : mean_covariance(&e->image, e->dim, a, a) + mean_covariance(&e->text, e->dim, a, a);
  }
  floor_square = fmax(0, floor_square);
  out->gap.centroid_distance = cgap_scalar_number(sqrt(square), n);
  out->gap.corrected_distance = corrected_distance(e, square, floor_square, n);
  out->gap.noise_floor = cgap_scalar_number(sqrt(floor_square), n);
  out->gap.centroid_cosine = image_square > ROUNDING_SQUARE && text_square > ROUNDING_SQUARE
                               ? cgap_scalar_number(product / sqrt(image_square * text_square), n)
                               : cgap_scalar_null("a centroid is the origin", n);
  finish_dimensions(e, square, &out->gap);
  return CGAP_OK;
}

static const cgap_field fields[] = {
  {"gap.corrected_distance", "corrected distance", CGAP_GROUP_GAP, 0, offsetof(cgap_audit, gap.corrected_distance), 4,
   CGAP_LOWER, CGAP_ONE_SPACE,
   "Estimate of the distance between the population's mean {image} and mean {text}: the centroid distance, from whose "
   "square that of the noise floor is subtracted.",
   ""},
  {"gap.centroid_distance", "centroid distance", CGAP_GROUP_GAP, 0, offsetof(cgap_audit, gap.centroid_distance), 4,
   CGAP_LOWER, CGAP_ONE_SPACE,
   "Distance between the mean {image} and the mean {text} of these unit rows; on a sample it is too large, by what the "
   "noise "
   "floor says.",
   "Liang et al. 2022, arXiv 2203.02053"},
  {"gap.noise_floor", "noise floor", CGAP_GROUP_GAP, 0, offsetof(cgap_audit, gap.noise_floor), 4, CGAP_NEITHER,
   CGAP_ONE_SPACE, "The centroid distance that sampling alone gives at this size when the true centroids coincide.",
   ""},
  {"gap.centroid_cosine", "centroid cosine", CGAP_GROUP_GAP, 0, offsetof(cgap_audit, gap.centroid_cosine), 4,
   CGAP_NEITHER, CGAP_ONE_SPACE,
   "Cosine of the two centroids; says little once both lie near the origin, as after centring.", ""},
};

const cgap_measure cgap_measure_centroid = {
  .name = "centroid",
  .basis = CGAP_ON_ROWS,
  .finish = finish,
  .fields = fields,
  .field_count = sizeof fields / sizeof *fields,
};
