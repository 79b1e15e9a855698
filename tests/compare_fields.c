/* The table of keys. */
#include "compare.h"
#include "support.h"

#include <math.h>

#define AT(member) offsetof(cgap_audit, member)

enum { PAIRS = CGAP_HAS_PAIRS, ZERO_SHOT = CGAP_HAS_ZERO_SHOT, ARITHMETIC = CGAP_HAS_ARITHMETIC };

const compare_field COMPARE_FIELDS[] = {
  {"gap.corrected_distance", AT(gap.corrected_distance), COMPARE_SCALAR, TOLERANCE_CLOSE, 0},
  {"gap.centroid_distance", AT(gap.centroid_distance), COMPARE_SCALAR, TOLERANCE_CLOSE, 0},
  {"gap.noise_floor", AT(gap.noise_floor), COMPARE_SCALAR, TOLERANCE_CLOSE, 0},
  {"gap.centroid_cosine", AT(gap.centroid_cosine), COMPARE_SCALAR, TOLERANCE_CLOSE, 0},
  {"gap.linear_separability", AT(gap.linear_separability), COMPARE_SCALAR, TOLERANCE_CLOSE, 0},
  {"gap.separability_auc", AT(gap.separability_auc), COMPARE_SCALAR, TOLERANCE_CLOSE, 0},
  {"gap.rmg", AT(gap.rmg), COMPARE_SCALAR, TOLERANCE_CLOSE, PAIRS},
  {"gap.share_of_alignment", AT(gap.share_of_alignment), COMPARE_SCALAR, TOLERANCE_CLOSE, PAIRS},
  {"gap.mmd2", AT(gap.mmd2), COMPARE_SCALAR, TOLERANCE_CLOSE, 0},
  {"uniformity.image", AT(uniformity.image), COMPARE_SCALAR, TOLERANCE_CLOSE, 0},
  {"uniformity.text", AT(uniformity.text), COMPARE_SCALAR, TOLERANCE_CLOSE, 0},
  {"uniformity.mean", AT(uniformity.mean), COMPARE_SCALAR, TOLERANCE_CLOSE, 0},
  {"uniformity.cross", AT(uniformity.cross), COMPARE_SCALAR, TOLERANCE_CLOSE, 0},
  {"uniformity.sphere", AT(uniformity.sphere), COMPARE_NUMBER, TOLERANCE_CLOSE, 0},
  {"alignment.mean_squared_distance", AT(alignment.mean_squared_distance), COMPARE_SCALAR, TOLERANCE_CLOSE, PAIRS},
  {"alignment.mean_distance", AT(alignment.mean_distance), COMPARE_SCALAR, TOLERANCE_CLOSE, PAIRS},
  {"cosine.pair.mean", AT(cosine_pair.mean), COMPARE_COSINE, TOLERANCE_CLOSE, PAIRS},
  {"cosine.pair.sd", AT(cosine_pair.sd), COMPARE_COSINE, TOLERANCE_CLOSE, PAIRS},
  {"cosine.pair.min", AT(cosine_pair.min), COMPARE_COSINE, TOLERANCE_CLOSE, PAIRS},
  {"cosine.pair.max", AT(cosine_pair.max), COMPARE_COSINE, TOLERANCE_CLOSE, PAIRS},
  {"cosine.pair.p05", AT(cosine_pair.p05), COMPARE_COSINE, TOLERANCE_CLOSE, PAIRS},
  {"cosine.pair.p25", AT(cosine_pair.p25), COMPARE_COSINE, TOLERANCE_CLOSE, PAIRS},
  {"cosine.pair.p50", AT(cosine_pair.p50), COMPARE_COSINE, TOLERANCE_CLOSE, PAIRS},
  {"cosine.pair.p75", AT(cosine_pair.p75), COMPARE_COSINE, TOLERANCE_CLOSE, PAIRS},
  {"cosine.pair.p95", AT(cosine_pair.p95), COMPARE_COSINE, TOLERANCE_CLOSE, PAIRS},
  {"cosine.cross.mean", AT(cosine_cross.mean), COMPARE_COSINE, TOLERANCE_CLOSE, 0},
  {"cosine.cross.sd", AT(cosine_cross.sd), COMPARE_COSINE, TOLERANCE_CLOSE, 0},
  {"cosine.cross.min", AT(cosine_cross.min), COMPARE_COSINE, TOLERANCE_CLOSE, 0},
  {"cosine.cross.max", AT(cosine_cross.max), COMPARE_COSINE, TOLERANCE_CLOSE, 0},
  {"cosine.cross.p05", AT(cosine_cross.p05), COMPARE_COSINE, TOLERANCE_QUANTILE, 0},
  {"cosine.cross.p25", AT(cosine_cross.p25), COMPARE_COSINE, TOLERANCE_QUANTILE, 0},
  {"cosine.cross.p50", AT(cosine_cross.p50), COMPARE_COSINE, TOLERANCE_QUANTILE, 0},
  {"cosine.cross.p75", AT(cosine_cross.p75), COMPARE_COSINE, TOLERANCE_QUANTILE, 0},
  {"cosine.cross.p95", AT(cosine_cross.p95), COMPARE_COSINE, TOLERANCE_QUANTILE, 0},
  {"cosine.image.mean", AT(cosine_image.mean), COMPARE_COSINE, TOLERANCE_CLOSE, 0},
  {"cosine.image.sd", AT(cosine_image.sd), COMPARE_COSINE, TOLERANCE_CLOSE, 0},
  {"cosine.image.min", AT(cosine_image.min), COMPARE_COSINE, TOLERANCE_CLOSE, 0},
  {"cosine.image.max", AT(cosine_image.max), COMPARE_COSINE, TOLERANCE_CLOSE, 0},
  {"cosine.image.p05", AT(cosine_image.p05), COMPARE_COSINE, TOLERANCE_QUANTILE, 0},
  {"cosine.image.p25", AT(cosine_image.p25), COMPARE_COSINE, TOLERANCE_QUANTILE, 0},
  {"cosine.image.p50", AT(cosine_image.p50), COMPARE_COSINE, TOLERANCE_QUANTILE, 0},
  {"cosine.image.p75", AT(cosine_image.p75), COMPARE_COSINE, TOLERANCE_QUANTILE, 0},
  {"cosine.image.p95", AT(cosine_image.p95), COMPARE_COSINE, TOLERANCE_QUANTILE, 0},
  {"cosine.text.mean", AT(cosine_text.mean), COMPARE_COSINE, TOLERANCE_CLOSE, 0},
  {"cosine.text.sd", AT(cosine_text.sd), COMPARE_COSINE, TOLERANCE_CLOSE, 0},
  {"cosine.text.min", AT(cosine_text.min), COMPARE_COSINE, TOLERANCE_CLOSE, 0},
  {"cosine.text.max", AT(cosine_text.max), COMPARE_COSINE, TOLERANCE_CLOSE, 0},
  {"cosine.text.p05", AT(cosine_text.p05), COMPARE_COSINE, TOLERANCE_QUANTILE, 0},
  {"cosine.text.p25", AT(cosine_text.p25), COMPARE_COSINE, TOLERANCE_QUANTILE, 0},
  {"cosine.text.p50", AT(cosine_text.p50), COMPARE_COSINE, TOLERANCE_QUANTILE, 0},
  {"cosine.text.p75", AT(cosine_text.p75), COMPARE_COSINE, TOLERANCE_QUANTILE, 0},
  {"cosine.text.p95", AT(cosine_text.p95), COMPARE_COSINE, TOLERANCE_QUANTILE, 0},
  {"loss.temperature", AT(loss.temperature), COMPARE_NUMBER, TOLERANCE_EXACT, PAIRS},
  {"loss.clip_image_to_text", AT(loss.clip_image_to_text), COMPARE_SCALAR, TOLERANCE_LOSS, PAIRS},
  {"loss.clip_text_to_image", AT(loss.clip_text_to_image), COMPARE_SCALAR, TOLERANCE_LOSS, PAIRS},
  {"loss.clip", AT(loss.clip), COMPARE_SCALAR, TOLERANCE_LOSS, PAIRS},
  {"loss.cua", AT(loss.cua), COMPARE_SCALAR, TOLERANCE_LOSS, PAIRS},
  {"loss.cuaxu", AT(loss.cuaxu), COMPARE_SCALAR, TOLERANCE_LOSS, PAIRS},
  {"pca.image.participation_ratio", AT(pca_image.participation_ratio), COMPARE_SCALAR, TOLERANCE_SPECTRUM, 0},
  {"pca.image.isoscore", AT(pca_image.isoscore), COMPARE_SCALAR, TOLERANCE_SPECTRUM, 0},
  {"pca.image.entropy_rank", AT(pca_image.entropy_rank), COMPARE_SCALAR, TOLERANCE_SPECTRUM, 0},
  {"pca.image.rankme", AT(pca_image.rankme), COMPARE_SCALAR, TOLERANCE_SPECTRUM, 0},
  {"pca.image.components_90", AT(pca_image.components_90), COMPARE_SCALAR, TOLERANCE_EXACT, 0},
  {"pca.text.participation_ratio", AT(pca_text.participation_ratio), COMPARE_SCALAR, TOLERANCE_SPECTRUM, 0},
  {"pca.text.isoscore", AT(pca_text.isoscore), COMPARE_SCALAR, TOLERANCE_SPECTRUM, 0},
  {"pca.text.entropy_rank", AT(pca_text.entropy_rank), COMPARE_SCALAR, TOLERANCE_SPECTRUM, 0},
  {"pca.text.rankme", AT(pca_text.rankme), COMPARE_SCALAR, TOLERANCE_SPECTRUM, 0},
  {"pca.text.components_90", AT(pca_text.components_90), COMPARE_SCALAR, TOLERANCE_EXACT, 0},
  {"pca.joint.participation_ratio", AT(pca_joint.participation_ratio), COMPARE_SCALAR, TOLERANCE_SPECTRUM, 0},
  {"pca.joint.isoscore", AT(pca_joint.isoscore), COMPARE_SCALAR, TOLERANCE_SPECTRUM, 0},
  {"pca.joint.entropy_rank", AT(pca_joint.entropy_rank), COMPARE_SCALAR, TOLERANCE_SPECTRUM, 0},
  {"pca.joint.rankme", AT(pca_joint.rankme), COMPARE_SCALAR, TOLERANCE_SPECTRUM, 0},
  {"pca.joint.components_90", AT(pca_joint.components_90), COMPARE_SCALAR, TOLERANCE_EXACT, 0},
  {"retrieval.image_to_text.recall_at_1", AT(image_to_text.recall_at_1), COMPARE_SCALAR, TOLERANCE_EXACT, PAIRS},
  {"retrieval.image_to_text.recall_at_5", AT(image_to_text.recall_at_5), COMPARE_SCALAR, TOLERANCE_EXACT, PAIRS},
  {"retrieval.image_to_text.recall_at_10", AT(image_to_text.recall_at_10), COMPARE_SCALAR, TOLERANCE_EXACT, PAIRS},
  {"retrieval.image_to_text.median_rank", AT(image_to_text.median_rank), COMPARE_SCALAR, TOLERANCE_EXACT, PAIRS},
  {"retrieval.image_to_text.mean_rank", AT(image_to_text.mean_rank), COMPARE_SCALAR, TOLERANCE_EXACT, PAIRS},
  {"retrieval.image_to_text.mrr", AT(image_to_text.mrr), COMPARE_SCALAR, TOLERANCE_EXACT, PAIRS},
  {"retrieval.text_to_image.recall_at_1", AT(text_to_image.recall_at_1), COMPARE_SCALAR, TOLERANCE_EXACT, PAIRS},
  {"retrieval.text_to_image.recall_at_5", AT(text_to_image.recall_at_5), COMPARE_SCALAR, TOLERANCE_EXACT, PAIRS},
  {"retrieval.text_to_image.recall_at_10", AT(text_to_image.recall_at_10), COMPARE_SCALAR, TOLERANCE_EXACT, PAIRS},
  {"retrieval.text_to_image.median_rank", AT(text_to_image.median_rank), COMPARE_SCALAR, TOLERANCE_EXACT, PAIRS},
  {"retrieval.text_to_image.mean_rank", AT(text_to_image.mean_rank), COMPARE_SCALAR, TOLERANCE_EXACT, PAIRS},
  {"retrieval.text_to_image.mrr", AT(text_to_image.mrr), COMPARE_SCALAR, TOLERANCE_EXACT, PAIRS},
  {"hubness.image_to_text.skewness", AT(hubs_image_to_text.skewness), COMPARE_SCALAR, TOLERANCE_HUB, PAIRS},
  {"hubness.image_to_text.robin_hood", AT(hubs_image_to_text.robin_hood), COMPARE_SCALAR, TOLERANCE_HUB, PAIRS},
  {"hubness.image_to_text.anti_hub_share", AT(hubs_image_to_text.anti_hub_share), COMPARE_SCALAR, TOLERANCE_HUB, PAIRS},
  {"hubness.text_to_image.skewness", AT(hubs_text_to_image.skewness), COMPARE_SCALAR, TOLERANCE_HUB, PAIRS},
  {"hubness.text_to_image.robin_hood", AT(hubs_text_to_image.robin_hood), COMPARE_SCALAR, TOLERANCE_HUB, PAIRS},
  {"hubness.text_to_image.anti_hub_share", AT(hubs_text_to_image.anti_hub_share), COMPARE_SCALAR, TOLERANCE_HUB, PAIRS},
  {"mixed.same_modality_share", AT(mixed.same_modality_share), COMPARE_SCALAR, TOLERANCE_CLOSE, 0},
  {"mixed.image", AT(mixed.image), COMPARE_SCALAR, TOLERANCE_CLOSE, 0},
  {"mixed.text", AT(mixed.text), COMPARE_SCALAR, TOLERANCE_CLOSE, 0},
  {"mixed.unbiased", AT(mixed.unbiased), COMPARE_SCALAR, TOLERANCE_CLOSE, 0},
  {"csls.image_to_text.recall_at_1", AT(csls_image_to_text.recall_at_1), COMPARE_SCALAR, TOLERANCE_EXACT,
   CGAP_HAS_CSLS},
  {"csls.image_to_text.recall_at_5", AT(csls_image_to_text.recall_at_5), COMPARE_SCALAR, TOLERANCE_EXACT,
   CGAP_HAS_CSLS},
  {"csls.image_to_text.recall_at_10", AT(csls_image_to_text.recall_at_10), COMPARE_SCALAR, TOLERANCE_EXACT,
   CGAP_HAS_CSLS},
  {"csls.text_to_image.recall_at_1", AT(csls_text_to_image.recall_at_1), COMPARE_SCALAR, TOLERANCE_EXACT,
   CGAP_HAS_CSLS},
  {"csls.text_to_image.recall_at_5", AT(csls_text_to_image.recall_at_5), COMPARE_SCALAR, TOLERANCE_EXACT,
   CGAP_HAS_CSLS},
  {"csls.text_to_image.recall_at_10", AT(csls_text_to_image.recall_at_10), COMPARE_SCALAR, TOLERANCE_EXACT,
   CGAP_HAS_CSLS},
  {"mixed_retrieval.image_query.ndcg_at_10", AT(mixed_image_query.ndcg_at_10), COMPARE_SCALAR, TOLERANCE_EXACT, PAIRS},
  {"mixed_retrieval.image_query.recall_at_1", AT(mixed_image_query.recall_at_1), COMPARE_SCALAR, TOLERANCE_EXACT,
   PAIRS},
  {"mixed_retrieval.image_query.recall_at_10", AT(mixed_image_query.recall_at_10), COMPARE_SCALAR, TOLERANCE_EXACT,
   PAIRS},
  {"mixed_retrieval.image_query.median_rank", AT(mixed_image_query.median_rank), COMPARE_SCALAR, TOLERANCE_EXACT,
   PAIRS},
  {"mixed_retrieval.image_query.mrr", AT(mixed_image_query.mrr), COMPARE_SCALAR, TOLERANCE_EXACT, PAIRS},
  {"mixed_retrieval.text_query.ndcg_at_10", AT(mixed_text_query.ndcg_at_10), COMPARE_SCALAR, TOLERANCE_EXACT, PAIRS},
  {"mixed_retrieval.text_query.recall_at_1", AT(mixed_text_query.recall_at_1), COMPARE_SCALAR, TOLERANCE_EXACT, PAIRS},
  {"mixed_retrieval.text_query.recall_at_10", AT(mixed_text_query.recall_at_10), COMPARE_SCALAR, TOLERANCE_EXACT,
   PAIRS},
  {"mixed_retrieval.text_query.median_rank", AT(mixed_text_query.median_rank), COMPARE_SCALAR, TOLERANCE_EXACT, PAIRS},
  {"mixed_retrieval.text_query.mrr", AT(mixed_text_query.mrr), COMPARE_SCALAR, TOLERANCE_EXACT, PAIRS},
  {"agreement.mutual_knn", AT(agreement.mutual_knn), COMPARE_SCALAR, TOLERANCE_EXACT, PAIRS},
  {"agreement.mutual_knn_by_chance", AT(agreement.mutual_knn_by_chance), COMPARE_SCALAR, TOLERANCE_EXACT, PAIRS},
  {"agreement.cka", AT(agreement.cka), COMPARE_SCALAR, TOLERANCE_CLOSE, PAIRS},
  {"zero_shot.top_1", AT(zero_shot.top_1), COMPARE_SCALAR, TOLERANCE_EXACT, ZERO_SHOT},
  {"zero_shot.top_5", AT(zero_shot.top_5), COMPARE_SCALAR, TOLERANCE_EXACT, ZERO_SHOT},
  {"zero_shot.mean_per_class", AT(zero_shot.mean_per_class), COMPARE_SCALAR, TOLERANCE_EXACT, ZERO_SHOT},
  {"arithmetic.score", AT(arithmetic.score), COMPARE_SCALAR, TOLERANCE_EXACT, ARITHMETIC},
  {"checks.pairing.matched_mean", AT(pairing_check.matched_mean), COMPARE_NUMBER, TOLERANCE_CLOSE, PAIRS},
  {"checks.pairing.shuffled_mean", AT(pairing_check.shuffled_mean), COMPARE_NUMBER, TOLERANCE_CLOSE, PAIRS},
  {"checks.pairing.below_median_share", AT(pairing_check.below_median_share), COMPARE_SCALAR, TOLERANCE_EXACT, PAIRS},
  {"checks.pairing.z", AT(pairing_check.z), COMPARE_NUMBER, TOLERANCE_SPECTRUM, PAIRS},
  {"checks.image.norm_mean", AT(checks_image.norm_mean), COMPARE_NUMBER, TOLERANCE_SPECTRUM, 0},
  {"checks.text.norm_mean", AT(checks_text.norm_mean), COMPARE_NUMBER, TOLERANCE_SPECTRUM, 0},
};
const size_t COMPARE_FIELD_COUNT = sizeof COMPARE_FIELDS / sizeof *COMPARE_FIELDS;

static const struct {
  double atol, rtol;
} TOLERANCE[TOLERANCES] = {
  [TOLERANCE_EXACT] = {1e-12, 1e-12}, /* quotients of the same integers, summed in another order */
  [TOLERANCE_CLOSE] = {1e-6, 0},      /* the stated precision */
  /* a loss is cosines over τ: 6e-8/τ where all round one way, as equal cosines of a lattice do */
  [TOLERANCE_LOSS] = {1e-6, 6e-8},
  [TOLERANCE_SPECTRUM] = {1e-9, 1e-5}, /* stated as relative; the rest is for values that are 0 */
  [TOLERANCE_HUB] = {1e-9, 1e-3},      /* float32 cosines choose the ten best */
  [TOLERANCE_QUANTILE] = {5.01e-4, 0}, /* a bin is 5e-4 wide, a float32 cosine off by 5e-7 */
};

static const void *part(const cgap_audit *audit, size_t offset)
{
  return (const char *)audit + offset;
}

static const cgap_cosines *cosines_around(const cgap_audit *audit, size_t offset)
{
  static const size_t SETS[] = {AT(cosine_pair), AT(cosine_cross), AT(cosine_image), AT(cosine_text)};
  size_t set = 0;
  while (offset >= SETS[set] + sizeof(cgap_cosines))
    set++;
  return part(audit, SETS[set]);
}

double compare_value(const cgap_audit *audit, const compare_field *field)
{
  if (field->kind == COMPARE_SCALAR) {
    const cgap_scalar *scalar = part(audit, field->offset);
    return scalar->why ? NAN : scalar->value;
  }
  if (field->kind == COMPARE_COSINE) {
    const cgap_cosines *cosines = cosines_around(audit, field->offset);
    if (cosines->count == 0 || cosines->why || (cosines->count < 2 && &cosines->sd == part(audit, field->offset)))
      return NAN;
  }
  return *(const double *)part(audit, field->offset);
}

bool compare_near(const char *where, const compare_field *field, double got, double want)
{
  return support_near(where, field->key, got, want, TOLERANCE[field->tolerance].atol, TOLERANCE[field->tolerance].rtol);
}
