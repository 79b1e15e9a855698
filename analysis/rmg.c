/* gap.rmg, the relative modality gap (Schrodi et al. 2024): d_m/(d_m + (d_I + d_T)/2), d = (1 − cosine)/2;
 * d_m over the pairs of P, d_I and d_T over all i ≠ j of a modality. The means over a side follow from its
 * centroid: Σ_{i≠j} cos = ‖Σ x‖² − N. */
#include "analysis/finish.h"
#include "analysis/interval.h"

#include <math.h>

static double mean_distance_within(const cgap_modality *modality, size_t dim)
{
  const double n = (double)modality->rows;
  double square = 0;
  for (size_t a = 0; a < dim; a++)
    square += modality->mean[a] * modality->mean[a];
  return (1 - (n * square - 1) / (n - 1)) / 2;
}

static cgap_status finish(const cgap_audit_sums *e, cgap_audit *out, cgap_error *error)
{
  (void)error;
  if (!e->paired)
    return CGAP_OK;
  double pair = 0;
  for (size_t j = 0; j < e->text.rows; j++)
    pair += e->pair_cosine[j];
  const double matched = (1 - pair / (double)e->text.rows) / 2;
  const double whole = matched + (mean_distance_within(&e->image, e->dim) + mean_distance_within(&e->text, e->dim)) / 2;
  out->gap.rmg = whole > 1e-12 ? cgap_scalar_number(fmax(0, matched) / whole, e->image.rows)
                               : cgap_scalar_null("all rows are equal", e->image.rows);
  return CGAP_OK;
}

static const cgap_field fields[] = {
  {"gap.rmg", "relative modality gap", CGAP_GROUP_GAP, 0, offsetof(cgap_audit, gap.rmg), 4, CGAP_LOWER, CGAP_HAS_PAIRS,
   "Cosine distance of the pairs, relative to itself plus the mean cosine distance within the modalities.",
   "Schrodi et al. 2024, arXiv 2404.07983"},
};

const cgap_measure cgap_measure_rmg = {
  .name = "relative modality gap",
  .basis = CGAP_ON_ROWS,
  .finish = finish,
  .fields = fields,
  .field_count = sizeof fields / sizeof *fields,
};
