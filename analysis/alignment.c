/* alignment.mean_squared_distance: mean over P of ‖x − y‖² = 2 − 2 cos, L_Align of the paper (Wang & Isola 2020,
 * α = 2); .mean_distance: mean over P of ‖x − y‖.
 * gap.share_of_alignment = ‖mean over P of (x − y)‖²/mean_squared_distance: the part that is one shift. */
#include "analysis/finish.h"
#include "analysis/interval.h"
#include "base/memory.h"

#include <math.h>

static cgap_scalar over_couples(const cgap_evidence *e, double *v, double (*of)(double cosine))
{
  double mean = 0;
  for (size_t j = 0; j < e->text.rows; j++) {
    v[j] = of(e->pair_cosine[j]);
    mean += v[j];
  }
  mean /= (double)e->text.rows;
  return cgap_scalar_normal(mean, cgap_variance_of_text_mean(e, v, mean), e->text.rows);
}

static double squared_distance(double cosine)
{
  return fmax(0, 2 - 2 * cosine);
}

static double distance(double cosine)
{
  return sqrt(squared_distance(cosine));
}

cgap_status cgap_alignment_finish(const cgap_evidence *e, cgap_audit *out, cgap_error *error)
{
  if (!e->paired)
    return CGAP_OK;
  double *v = cgap_alloc(e->text.rows, sizeof *v), shift = 0;
  if (!v)
    return cgap_fail(error, CGAP_RESOURCE, "no memory for %zu couples", e->text.rows);
  out->alignment.mean_squared_distance = over_couples(e, v, squared_distance);
  out->alignment.mean_distance = over_couples(e, v, distance);
  for (size_t a = 0; a < e->dim; a++)
    shift += (e->paired_image_mean[a] - e->text.mean[a]) * (e->paired_image_mean[a] - e->text.mean[a]);
  const double whole = out->alignment.mean_squared_distance.value;
  out->gap.share_of_alignment = whole > 1e-12 ? cgap_scalar_plain(shift / whole, e->image.rows)
                                              : cgap_scalar_null("every text equals its image", e->image.rows);
  cgap_free(v);
  return CGAP_OK;
}
