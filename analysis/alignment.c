/* alignment.mean_squared_distance: mean over P of ‖x − y‖² = 2 − 2 cos, L_Align of the paper (Wang & Isola 2020,
 * α = 2); .mean_distance: mean over P of ‖x − y‖.
 * gap.share_of_alignment = ‖mean over P of (x − y)‖²/mean_squared_distance: the part that is one shift. */
#include "analysis/finish.h"
#include "analysis/interval.h"

#include <math.h>

static cgap_scalar mean_over_pairs(const cgap_audit_sums *e, cgap_pair_value of)
{
  double mean = 0;
  for (size_t j = 0; j < e->text.rows; j++)
    mean += of(e->pair_cosine[j], 0);
  mean /= (double)e->text.rows;
  return cgap_scalar_normal(mean, cgap_variance_of_pair_mean(e, of, 0, mean), e->text.rows);
}

static double squared_distance(double cosine, double unused)
{
  (void)unused;
  return fmax(0, 2 - 2 * cosine);
}

static double distance_of_cosine(double cosine, double unused)
{
  return sqrt(squared_distance(cosine, unused));
}

static cgap_status finish(const cgap_audit_sums *e, cgap_audit *out, cgap_error *error)
{
  double shift = 0;
  (void)error;
  if (!e->paired)
    return CGAP_OK;
  out->alignment.mean_squared_distance = mean_over_pairs(e, squared_distance);
  out->alignment.mean_distance = mean_over_pairs(e, distance_of_cosine);
  for (size_t a = 0; a < e->dim; a++)
    shift += (e->paired_image_mean[a] - e->text.mean[a]) * (e->paired_image_mean[a] - e->text.mean[a]);
  const double whole = out->alignment.mean_squared_distance.value;
  out->gap.share_of_alignment = whole > 1e-12
                                  ? cgap_scalar_number(shift / whole, e->image.rows)
                                  : cgap_scalar_null("every {one text} equals its {one image}", e->image.rows);
  return CGAP_OK;
}

static const cgap_field fields[] = {
  {"gap.share_of_alignment", "share of alignment", CGAP_GROUP_GAP, 0, offsetof(cgap_audit, gap.share_of_alignment), 4,
   CGAP_LOWER, CGAP_HAS_PAIRS, "How much of the mean squared distance of the pairs is one constant shift.", ""},
  {"alignment.mean_squared_distance", "mean squared distance", CGAP_GROUP_ALIGNMENT, 0,
   offsetof(cgap_audit, alignment.mean_squared_distance), 4, CGAP_LOWER, CGAP_HAS_PAIRS,
   "Mean squared distance of {an image} and its {one text}, the paper's L_Align.", CGAP_WANG},
  {"alignment.mean_distance", "mean distance", CGAP_GROUP_ALIGNMENT, 0, offsetof(cgap_audit, alignment.mean_distance),
   4, CGAP_LOWER, CGAP_HAS_PAIRS, "Mean distance of {an image} and its {one text}.", CGAP_WANG},
};

const cgap_measure cgap_measure_alignment = {
  .name = "alignment",
  .basis = CGAP_ON_ROWS,
  .finish = finish,
  .fields = fields,
  .field_count = sizeof fields / sizeof *fields,
};
