/* The list of measures. A new one: a file here, its name below and in meson.build, its value in cgap_audit. */
#include "analysis/measure.h"

extern const cgap_measure cgap_measure_agreement, cgap_measure_centroid, cgap_measure_separability, cgap_measure_rmg,
  cgap_measure_alignment, cgap_measure_pairing_check, cgap_measure_zero_shot, cgap_measure_arithmetic, cgap_measure_pca,
  cgap_measure_hubness, cgap_measure_mixed_retrieval, cgap_measure_mmd, cgap_measure_modality_mixing,
  cgap_measure_worst_pairs;

/* Losses use uniformity and alignment, the pairing check the cosines. Uniformity comes before the cosines, which take
 * the matched pairs out of the histogram that its sampled form reads. */
const cgap_measure *const cgap_measures[CGAP_MEASURES] = {
  &cgap_measure_centroid,
  &cgap_measure_separability,
  &cgap_measure_rmg,
  &cgap_measure_uniformity,
  &cgap_measure_mmd,
  &cgap_measure_alignment,
  &cgap_measure_cosine,
  &cgap_measure_below_median,
  &cgap_measure_pairing_check,
  &cgap_measure_retrieval,
  &cgap_measure_mixed_retrieval,
  &cgap_measure_csls,
  &cgap_measure_zero_shot,
  &cgap_measure_arithmetic,
  &cgap_measure_loss,
  &cgap_measure_pca,
  &cgap_measure_hubness,
  &cgap_measure_modality_mixing,
  &cgap_measure_agreement,
  &cgap_measure_near_duplicates,
  &cgap_measure_worst_pairs,
  NULL,
};

void cgap_measure_mark(const cgap_measure *measure, cgap_method method, cgap_audit *out)
{
  for (size_t k = 0; k < measure->field_count; k++) {
    cgap_scalar *s = (cgap_scalar *)((char *)out + measure->fields[k].offset);
    s->method = s->method == CGAP_EXACT || method == CGAP_SAMPLED ? method : s->method;
  }
}
