#include "analysis/fields.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/did_you_mean.h"

/* ---------------------------------------------------------------- the table */

enum { GAP, UNIFORMITY, ALIGNMENT, RETRIEVAL, ZERO_SHOT, ARITHMETIC, LOSS, SPECTRUM, HUBNESS, MIXED };

const cgap_group cgap_groups[] = {
  [GAP] = {"Gap", {NULL}, true},
  [UNIFORMITY] = {"Uniformity", {NULL}, true},
  [ALIGNMENT] = {"Alignment", {NULL}, true},
  [RETRIEVAL] = {"Retrieval", {"image to text", "text to image"}, true},
  [ZERO_SHOT] = {"Zero-shot", {NULL}, true},
  [ARITHMETIC] = {"Arithmetic", {NULL}, false},
  [LOSS] = {"Loss", {NULL}, true},
  [SPECTRUM] = {"Spectrum", {"image", "text", "joint"}, false},
  [HUBNESS] = {"Hubness", {"image to text", "text to image"}, false},
  [MIXED] = {"Same modality", {"all", "image", "text", "by chance"}, false},
};
const size_t cgap_group_count = sizeof cgap_groups / sizeof *cgap_groups;

#define PAPER "Fahim, Murphy, Fyshe 2024, arXiv 2405.18570"
#define LIANG "Liang et al. 2022, arXiv 2203.02053"
#define SCHRODI "Schrodi et al. 2024, arXiv 2404.07983"
#define WANG "Wang, Isola 2020, arXiv 2005.10242"
#define RADFORD "Radford et al. 2021, arXiv 2103.00020"
#define RUDMAN "Rudman et al. 2022, arXiv 2108.07344"
#define ROY "Roy, Vetterli 2007, EUSIPCO"
#define GARRIDO "Garrido et al. 2023, arXiv 2210.02885"
#define RADOVANOVIC "Radovanović et al. 2010, JMLR 11"
#define FELDBAUER "Feldbauer et al. 2018, ICBK"
#define SIMAT "Couairon et al. 2021, arXiv 2112.03162"

const cgap_field cgap_fields[] = {
  {"gap.corrected_distance", "corrected distance", GAP, 0, offsetof(cgap_audit, gap.corrected_distance), 4, CGAP_LOWER,
   0,
   "Estimate of the distance between the population's mean image and mean text: the centroid distance, from whose "
   "square that of the noise floor is subtracted.",
   ""},
  {"gap.centroid_distance", "centroid distance", GAP, 0, offsetof(cgap_audit, gap.centroid_distance), 4, CGAP_LOWER, 0,
   "Distance between the mean image and the mean text of these unit rows; on a sample it is too large, by what the "
   "noise "
   "floor says.",
   LIANG},
  {"gap.noise_floor", "noise floor", GAP, 0, offsetof(cgap_audit, gap.noise_floor), 4, CGAP_NEITHER, 0,
   "The centroid distance that sampling alone gives at this size when the true centroids coincide.", ""},
  {"gap.centroid_cosine", "centroid cosine", GAP, 0, offsetof(cgap_audit, gap.centroid_cosine), 4, CGAP_NEITHER, 0,
   "Cosine of the two centroids; says little once both lie near the origin, as after centring.", ""},
  {"gap.linear_separability", "linear separability", GAP, 0, offsetof(cgap_audit, gap.linear_separability), 4,
   CGAP_LOWER, 0,
   "Held-out accuracy of a logistic regression that tells images from texts, five folds, classes weighted alike; 0.5 "
   "is chance.",
   PAPER},
  {"gap.separability_auc", "separability AUC", GAP, 0, offsetof(cgap_audit, gap.separability_auc), 4, CGAP_LOWER, 0,
   "Area under the ROC curve of the same regression, mean of the folds; 0.5 is chance.", PAPER},
  {"gap.rmg", "relative modality gap", GAP, 0, offsetof(cgap_audit, gap.rmg), 4, CGAP_LOWER, CGAP_HAS_PAIRS,
   "Cosine distance of the pairs, relative to itself plus the mean cosine distance within the modalities.", SCHRODI},
  {"gap.share_of_alignment", "share of misalignment", GAP, 0, offsetof(cgap_audit, gap.share_of_alignment), 4,
   CGAP_LOWER, CGAP_HAS_PAIRS, "How much of the mean squared distance of the pairs is one constant shift.", ""},

  {"uniformity.image", "image", UNIFORMITY, 0, offsetof(cgap_audit, uniformity.image), 4, CGAP_LOWER, 0,
   "Log of the mean of exp(-2 d²) over couples of images; the lower, the more evenly they fill the sphere.", WANG},
  {"uniformity.text", "text", UNIFORMITY, 0, offsetof(cgap_audit, uniformity.text), 4, CGAP_LOWER, 0,
   "Log of the mean of exp(-2 d²) over couples of texts.", WANG},
  {"uniformity.mean", "mean", UNIFORMITY, 0, offsetof(cgap_audit, uniformity.mean), 4, CGAP_LOWER, 0,
   "Mean of both sides' uniformity, the paper's L_Uniform.", PAPER},
  {"uniformity.cross", "cross", UNIFORMITY, 0, offsetof(cgap_audit, uniformity.cross), 4, CGAP_LOWER, 0,
   "Log of the mean of exp(-2 d²) over images and texts that do not belong together, the paper's L_XUniform; best at "
   "the uniform "
   "distribution's value, below which images and texts keep apart.",
   PAPER},

  {"alignment.mean_squared_distance", "mean squared distance", ALIGNMENT, 0,
   offsetof(cgap_audit, alignment.mean_squared_distance), 4, CGAP_LOWER, CGAP_HAS_PAIRS,
   "Mean squared distance of an image and its text, the paper's L_Align.", WANG},
  {"alignment.mean_distance", "mean distance", ALIGNMENT, 0, offsetof(cgap_audit, alignment.mean_distance), 4,
   CGAP_LOWER, CGAP_HAS_PAIRS, "Mean distance of an image and its text.", WANG},
  {"checks.pairing.below_median_share", "pairs below the median", ALIGNMENT, 0,
   offsetof(cgap_audit, pairing_check.below_median_share), 4, CGAP_NEITHER, CGAP_HAS_PAIRS,
   "Twice the share of pairs whose cosine is at most the median of images and texts that do not belong together: of a "
   "model that can tell its pairs, the share of mismatched ones.",
   ""},

  {"retrieval.image_to_text.recall_at_1", "recall@1", RETRIEVAL, 0, offsetof(cgap_audit, image_to_text.recall_at_1), 4,
   CGAP_HIGHER, CGAP_HAS_PAIRS, "Share of queries whose own partner comes first.", RADFORD},
  {"retrieval.text_to_image.recall_at_1", "recall@1", RETRIEVAL, 1, offsetof(cgap_audit, text_to_image.recall_at_1), 4,
   CGAP_HIGHER, CGAP_HAS_PAIRS, "Share of queries whose own partner comes first.", RADFORD},
  {"retrieval.image_to_text.recall_at_5", "recall@5", RETRIEVAL, 0, offsetof(cgap_audit, image_to_text.recall_at_5), 4,
   CGAP_HIGHER, CGAP_HAS_PAIRS, "Share of queries whose own partner is among the first 5.", RADFORD},
  {"retrieval.text_to_image.recall_at_5", "recall@5", RETRIEVAL, 1, offsetof(cgap_audit, text_to_image.recall_at_5), 4,
   CGAP_HIGHER, CGAP_HAS_PAIRS, "Share of queries whose own partner is among the first 5.", RADFORD},
  {"retrieval.image_to_text.recall_at_10", "recall@10", RETRIEVAL, 0, offsetof(cgap_audit, image_to_text.recall_at_10),
   4, CGAP_HIGHER, CGAP_HAS_PAIRS, "Share of queries whose own partner is among the first 10.", RADFORD},
  {"retrieval.text_to_image.recall_at_10", "recall@10", RETRIEVAL, 1, offsetof(cgap_audit, text_to_image.recall_at_10),
   4, CGAP_HIGHER, CGAP_HAS_PAIRS, "Share of queries whose own partner is among the first 10.", RADFORD},
  {"retrieval.image_to_text.median_rank", "median rank", RETRIEVAL, 0, offsetof(cgap_audit, image_to_text.median_rank),
   1, CGAP_LOWER, CGAP_HAS_PAIRS, "Median rank of the own partner; 1 is first, ties count half.", ""},
  {"retrieval.text_to_image.median_rank", "median rank", RETRIEVAL, 1, offsetof(cgap_audit, text_to_image.median_rank),
   1, CGAP_LOWER, CGAP_HAS_PAIRS, "Median rank of the own partner; 1 is first, ties count half.", ""},
  {"retrieval.image_to_text.mean_rank", "mean rank", RETRIEVAL, 0, offsetof(cgap_audit, image_to_text.mean_rank), 2,
   CGAP_LOWER, CGAP_HAS_PAIRS, "Mean rank of the own partner.", ""},
  {"retrieval.text_to_image.mean_rank", "mean rank", RETRIEVAL, 1, offsetof(cgap_audit, text_to_image.mean_rank), 2,
   CGAP_LOWER, CGAP_HAS_PAIRS, "Mean rank of the own partner.", ""},
  {"retrieval.image_to_text.mrr", "reciprocal rank", RETRIEVAL, 0, offsetof(cgap_audit, image_to_text.mrr), 4,
   CGAP_HIGHER, CGAP_HAS_PAIRS, "Mean of 1/rank of the own partner.", ""},
  {"retrieval.text_to_image.mrr", "reciprocal rank", RETRIEVAL, 1, offsetof(cgap_audit, text_to_image.mrr), 4,
   CGAP_HIGHER, CGAP_HAS_PAIRS, "Mean of 1/rank of the own partner.", ""},

  {"zero_shot.top_1", "top 1", ZERO_SHOT, 0, offsetof(cgap_audit, zero_shot.top_1), 4, CGAP_HIGHER, CGAP_HAS_ZERO_SHOT,
   "Share of images whose class text is the nearest; prompts of a class are averaged.", RADFORD},
  {"zero_shot.top_5", "top 5", ZERO_SHOT, 0, offsetof(cgap_audit, zero_shot.top_5), 4, CGAP_HIGHER, CGAP_HAS_ZERO_SHOT,
   "Share of images whose class text is among the 5 nearest.", RADFORD},
  {"zero_shot.mean_per_class", "mean per class", ZERO_SHOT, 0, offsetof(cgap_audit, zero_shot.mean_per_class), 4,
   CGAP_HIGHER, CGAP_HAS_ZERO_SHOT, "Top 1 of each class, averaged over the classes that have images.", RADFORD},

  {"arithmetic.score", "score (percent)", ARITHMETIC, 0, offsetof(cgap_audit, arithmetic.score), 2, CGAP_HIGHER,
   CGAP_HAS_ARITHMETIC,
   "Percent of transformations image + (target word - source word) whose nearest image is of the wanted kind.", SIMAT},

  {"loss.clip", "CLIP", LOSS, 0, offsetof(cgap_audit, loss.clip), 4, CGAP_LOWER, CGAP_HAS_PAIRS,
   "The contrastive loss at temperature 0.01, mean of both directions.", RADFORD},
  {"loss.clip_image_to_text", "CLIP, image to text", LOSS, 0, offsetof(cgap_audit, loss.clip_image_to_text), 4,
   CGAP_LOWER, CGAP_HAS_PAIRS, "Mean over images of the cross-entropy of picking the own text.", RADFORD},
  {"loss.clip_text_to_image", "CLIP, text to image", LOSS, 0, offsetof(cgap_audit, loss.clip_text_to_image), 4,
   CGAP_LOWER, CGAP_HAS_PAIRS, "Mean over texts of the cross-entropy of picking the own image.", RADFORD},
  {"loss.cua", "CUA", LOSS, 0, offsetof(cgap_audit, loss.cua), 4, CGAP_LOWER, CGAP_HAS_PAIRS,
   "CLIP + L_Uniform + L_Align.", PAPER},
  {"loss.cuaxu", "CUAXU", LOSS, 0, offsetof(cgap_audit, loss.cuaxu), 4, CGAP_LOWER, CGAP_HAS_PAIRS, "CUA + L_XUniform.",
   PAPER},

  {"pca.image.participation_ratio", "participation ratio", SPECTRUM, 0,
   offsetof(cgap_audit, pca_image.participation_ratio), 2, CGAP_HIGHER, 0,
   "(sum of variances)² / sum of squared variances of the principal components: how many directions share the "
   "variance.",
   ""},
  {"pca.text.participation_ratio", "participation ratio", SPECTRUM, 1,
   offsetof(cgap_audit, pca_text.participation_ratio), 2, CGAP_HIGHER, 0,
   "(sum of variances)² / sum of squared variances of the principal components: how many directions share the "
   "variance.",
   ""},
  {"pca.joint.participation_ratio", "participation ratio", SPECTRUM, 2,
   offsetof(cgap_audit, pca_joint.participation_ratio), 2, CGAP_HIGHER, 0,
   "(sum of variances)² / sum of squared variances of the principal components: how many directions share the "
   "variance.",
   ""},
  {"pca.image.isoscore", "IsoScore", SPECTRUM, 0, offsetof(cgap_audit, pca_image.isoscore), 4, CGAP_HIGHER, 0,
   "(participation ratio - 1)/(d - 1): 0 is one direction, 1 is all alike.", RUDMAN},
  {"pca.text.isoscore", "IsoScore", SPECTRUM, 1, offsetof(cgap_audit, pca_text.isoscore), 4, CGAP_HIGHER, 0,
   "(participation ratio - 1)/(d - 1): 0 is one direction, 1 is all alike.", RUDMAN},
  {"pca.joint.isoscore", "IsoScore", SPECTRUM, 2, offsetof(cgap_audit, pca_joint.isoscore), 4, CGAP_HIGHER, 0,
   "(participation ratio - 1)/(d - 1): 0 is one direction, 1 is all alike.", RUDMAN},
  {"pca.image.entropy_rank", "entropy rank", SPECTRUM, 0, offsetof(cgap_audit, pca_image.entropy_rank), 2, CGAP_HIGHER,
   0, "exp of the entropy of the variance shares.", ROY},
  {"pca.text.entropy_rank", "entropy rank", SPECTRUM, 1, offsetof(cgap_audit, pca_text.entropy_rank), 2, CGAP_HIGHER, 0,
   "exp of the entropy of the variance shares.", ROY},
  {"pca.joint.entropy_rank", "entropy rank", SPECTRUM, 2, offsetof(cgap_audit, pca_joint.entropy_rank), 2, CGAP_HIGHER,
   0, "exp of the entropy of the variance shares.", ROY},
  {"pca.image.rankme", "RankMe", SPECTRUM, 0, offsetof(cgap_audit, pca_image.rankme), 2, CGAP_HIGHER, 0,
   "exp of the entropy of the uncentred singular values.", GARRIDO},
  {"pca.text.rankme", "RankMe", SPECTRUM, 1, offsetof(cgap_audit, pca_text.rankme), 2, CGAP_HIGHER, 0,
   "exp of the entropy of the uncentred singular values.", GARRIDO},
  {"pca.joint.rankme", "RankMe", SPECTRUM, 2, offsetof(cgap_audit, pca_joint.rankme), 2, CGAP_HIGHER, 0,
   "exp of the entropy of the uncentred singular values.", GARRIDO},
  {"pca.image.components_90", "components for 90 %", SPECTRUM, 0, offsetof(cgap_audit, pca_image.components_90), 0,
   CGAP_HIGHER, 0, "The least number of components that carry 90 percent of the variance.", ""},
  {"pca.text.components_90", "components for 90 %", SPECTRUM, 1, offsetof(cgap_audit, pca_text.components_90), 0,
   CGAP_HIGHER, 0, "The least number of components that carry 90 percent of the variance.", ""},
  {"pca.joint.components_90", "components for 90 %", SPECTRUM, 2, offsetof(cgap_audit, pca_joint.components_90), 0,
   CGAP_HIGHER, 0, "The least number of components that carry 90 percent of the variance.", ""},

  {"hubness.image_to_text.skewness", "skewness", HUBNESS, 0, offsetof(cgap_audit, hubs_image_to_text.skewness), 4,
   CGAP_LOWER, CGAP_HAS_PAIRS, "Skewness of how often a row is among the 10 nearest of the other side's queries.",
   RADOVANOVIC},
  {"hubness.text_to_image.skewness", "skewness", HUBNESS, 1, offsetof(cgap_audit, hubs_text_to_image.skewness), 4,
   CGAP_LOWER, CGAP_HAS_PAIRS, "Skewness of how often a row is among the 10 nearest of the other side's queries.",
   RADOVANOVIC},
  {"hubness.image_to_text.robin_hood", "Robin Hood index", HUBNESS, 0,
   offsetof(cgap_audit, hubs_image_to_text.robin_hood), 4, CGAP_LOWER, CGAP_HAS_PAIRS,
   "Share of neighbour places that would have to move for all rows to be hit alike.", FELDBAUER},
  {"hubness.text_to_image.robin_hood", "Robin Hood index", HUBNESS, 1,
   offsetof(cgap_audit, hubs_text_to_image.robin_hood), 4, CGAP_LOWER, CGAP_HAS_PAIRS,
   "Share of neighbour places that would have to move for all rows to be hit alike.", FELDBAUER},
  {"hubness.image_to_text.anti_hub_share", "never a neighbour", HUBNESS, 0,
   offsetof(cgap_audit, hubs_image_to_text.anti_hub_share), 4, CGAP_LOWER, CGAP_HAS_PAIRS,
   "Share of rows that no query has among its 10 nearest.", RADOVANOVIC},
  {"hubness.text_to_image.anti_hub_share", "never a neighbour", HUBNESS, 1,
   offsetof(cgap_audit, hubs_text_to_image.anti_hub_share), 4, CGAP_LOWER, CGAP_HAS_PAIRS,
   "Share of rows that no query has among its 10 nearest.", RADOVANOVIC},

  {"mixed.same_modality_share", "share of 10 nearest", MIXED, 0, offsetof(cgap_audit, mixed.same_modality_share), 4,
   CGAP_LOWER, 0, "Share of a row's 10 nearest rows, of both sides pooled, that are of its own modality.", ""},
  {"mixed.image", "share of 10 nearest", MIXED, 1, offsetof(cgap_audit, mixed.image), 4, CGAP_LOWER, 0,
   "Of an image's 10 nearest rows, the share that are images.", ""},
  {"mixed.text", "share of 10 nearest", MIXED, 2, offsetof(cgap_audit, mixed.text), 4, CGAP_LOWER, 0,
   "Of a text's 10 nearest rows, the share that are texts.", ""},
  {"mixed.unbiased", "share of 10 nearest", MIXED, 3, offsetof(cgap_audit, mixed.unbiased), 4, CGAP_NEITHER, 0,
   "The share of the own modality that chance would give at these sizes.", ""},
};
const size_t cgap_field_count = sizeof cgap_fields / sizeof *cgap_fields;

const cgap_plain cgap_plains[] = {
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
  {"cosine.cross.mean", offsetof(cgap_audit, cosine_cross.mean), false, 0, offsetof(cgap_audit, cosine_cross.why)},
  {"cosine.cross.sd", offsetof(cgap_audit, cosine_cross.sd), false, 0, offsetof(cgap_audit, cosine_cross.why)},
  {"cosine.cross.min", offsetof(cgap_audit, cosine_cross.min), false, 0, offsetof(cgap_audit, cosine_cross.why)},
  {"cosine.cross.max", offsetof(cgap_audit, cosine_cross.max), false, 0, offsetof(cgap_audit, cosine_cross.why)},
  {"cosine.cross.p05", offsetof(cgap_audit, cosine_cross.p05), false, 0, offsetof(cgap_audit, cosine_cross.why)},
  {"cosine.cross.p25", offsetof(cgap_audit, cosine_cross.p25), false, 0, offsetof(cgap_audit, cosine_cross.why)},
  {"cosine.cross.p50", offsetof(cgap_audit, cosine_cross.p50), false, 0, offsetof(cgap_audit, cosine_cross.why)},
  {"cosine.cross.p75", offsetof(cgap_audit, cosine_cross.p75), false, 0, offsetof(cgap_audit, cosine_cross.why)},
  {"cosine.cross.p95", offsetof(cgap_audit, cosine_cross.p95), false, 0, offsetof(cgap_audit, cosine_cross.why)},
  {"cosine.image.mean", offsetof(cgap_audit, cosine_image.mean), false, 0, offsetof(cgap_audit, cosine_image.why)},
  {"cosine.image.sd", offsetof(cgap_audit, cosine_image.sd), false, 0, offsetof(cgap_audit, cosine_image.why)},
  {"cosine.image.min", offsetof(cgap_audit, cosine_image.min), false, 0, offsetof(cgap_audit, cosine_image.why)},
  {"cosine.image.max", offsetof(cgap_audit, cosine_image.max), false, 0, offsetof(cgap_audit, cosine_image.why)},
  {"cosine.image.p05", offsetof(cgap_audit, cosine_image.p05), false, 0, offsetof(cgap_audit, cosine_image.why)},
  {"cosine.image.p25", offsetof(cgap_audit, cosine_image.p25), false, 0, offsetof(cgap_audit, cosine_image.why)},
  {"cosine.image.p50", offsetof(cgap_audit, cosine_image.p50), false, 0, offsetof(cgap_audit, cosine_image.why)},
  {"cosine.image.p75", offsetof(cgap_audit, cosine_image.p75), false, 0, offsetof(cgap_audit, cosine_image.why)},
  {"cosine.image.p95", offsetof(cgap_audit, cosine_image.p95), false, 0, offsetof(cgap_audit, cosine_image.why)},
  {"cosine.text.mean", offsetof(cgap_audit, cosine_text.mean), false, 0, offsetof(cgap_audit, cosine_text.why)},
  {"cosine.text.sd", offsetof(cgap_audit, cosine_text.sd), false, 0, offsetof(cgap_audit, cosine_text.why)},
  {"cosine.text.min", offsetof(cgap_audit, cosine_text.min), false, 0, offsetof(cgap_audit, cosine_text.why)},
  {"cosine.text.max", offsetof(cgap_audit, cosine_text.max), false, 0, offsetof(cgap_audit, cosine_text.why)},
  {"cosine.text.p05", offsetof(cgap_audit, cosine_text.p05), false, 0, offsetof(cgap_audit, cosine_text.why)},
  {"cosine.text.p25", offsetof(cgap_audit, cosine_text.p25), false, 0, offsetof(cgap_audit, cosine_text.why)},
  {"cosine.text.p50", offsetof(cgap_audit, cosine_text.p50), false, 0, offsetof(cgap_audit, cosine_text.why)},
  {"cosine.text.p75", offsetof(cgap_audit, cosine_text.p75), false, 0, offsetof(cgap_audit, cosine_text.why)},
  {"cosine.text.p95", offsetof(cgap_audit, cosine_text.p95), false, 0, offsetof(cgap_audit, cosine_text.why)},
  {"uniformity.sphere", offsetof(cgap_audit, uniformity.sphere), false, 0, 0},
  {"loss.temperature", offsetof(cgap_audit, loss.temperature), false, CGAP_HAS_PAIRS, 0},
  {"checks.pairing.matched_mean", offsetof(cgap_audit, pairing_check.matched_mean), false, CGAP_HAS_PAIRS, 0},
  {"checks.pairing.shuffled_mean", offsetof(cgap_audit, pairing_check.shuffled_mean), false, CGAP_HAS_PAIRS, 0},
  {"checks.pairing.z", offsetof(cgap_audit, pairing_check.z), false, CGAP_HAS_PAIRS, 0},
  {"checks.image.not_finite.count", offsetof(cgap_audit, checks_image.not_finite.count), true, 0, 0},
  {"checks.image.zero.count", offsetof(cgap_audit, checks_image.zero.count), true, 0, 0},
  {"checks.image.off_unit.count", offsetof(cgap_audit, checks_image.off_unit.count), true, 0, 0},
  {"checks.image.constant_columns.count", offsetof(cgap_audit, checks_image.constant_columns.count), true, 0, 0},
  {"checks.image.duplicates.count", offsetof(cgap_audit, checks_image.duplicates.count), true, 0, 0},
  {"checks.image.near_duplicates.count", offsetof(cgap_audit, checks_image.near_duplicates.count), true, 0, 0},
  {"checks.text.not_finite.count", offsetof(cgap_audit, checks_text.not_finite.count), true, 0, 0},
  {"checks.text.zero.count", offsetof(cgap_audit, checks_text.zero.count), true, 0, 0},
  {"checks.text.off_unit.count", offsetof(cgap_audit, checks_text.off_unit.count), true, 0, 0},
  {"checks.text.constant_columns.count", offsetof(cgap_audit, checks_text.constant_columns.count), true, 0, 0},
  {"checks.text.duplicates.count", offsetof(cgap_audit, checks_text.duplicates.count), true, 0, 0},
  {"checks.text.near_duplicates.count", offsetof(cgap_audit, checks_text.near_duplicates.count), true, 0, 0},
};
const size_t cgap_plain_count = sizeof cgap_plains / sizeof *cgap_plains;

/* ---------------------------------------------------------------- look-ups */

const cgap_scalar *cgap_field_scalar(const cgap_audit *audit, const cgap_field *field)
{
  return (const cgap_scalar *)((const char *)audit + field->offset);
}

cgap_better cgap_field_better(const cgap_audit *audit, const cgap_field *field)
{
  const bool cross = field->offset == offsetof(cgap_audit, uniformity.cross);
  return cross && audit->uniformity.cross.value < audit->uniformity.sphere ? CGAP_HIGHER : field->better;
}

bool cgap_field_present(const cgap_audit *audit, const cgap_field *field)
{
  return (audit->has & field->needs) == field->needs;
}

const cgap_field *cgap_field_find(const char *key)
{
  for (size_t i = 0; i < cgap_field_count; i++)
    if (strcmp(cgap_fields[i].key, key) == 0)
      return &cgap_fields[i];
  return NULL;
}

void cgap_field_title(const cgap_field *field, char out[100])
{
  const cgap_group *group = &cgap_groups[field->group];
  if (group->columns[0])
    snprintf(out, 100, "%s: %s, %s", group->title, field->label, group->columns[field->column]);
  else
    snprintf(out, 100, "%s: %s", group->title, field->label);
}

static const cgap_plain *find_plain(const char *key)
{
  for (size_t i = 0; i < cgap_plain_count; i++)
    if (strcmp(cgap_plains[i].key, key) == 0)
      return &cgap_plains[i];
  return NULL;
}

cgap_looked_up cgap_look_up(const cgap_audit *audit, const char *key)
{
  const cgap_field *field = cgap_field_find(key);
  if (field) {
    const cgap_scalar *s = cgap_field_scalar(audit, field);
    return (cgap_looked_up){
      .found = true, .present = cgap_field_present(audit, field), .value = s->why ? NAN : s->value, .why = s->why};
  }
  const cgap_plain *plain = find_plain(key);
  if (!plain)
    return (cgap_looked_up){.value = NAN};
  const char *at = (const char *)audit + plain->offset;
  double value = plain->counted ? (double)*(const uint64_t *)(const void *)at : *(const double *)(const void *)at;
  const char *why = plain->why ? *(const char *const *)(const void *)((const char *)audit + plain->why) : NULL;
  if (!why && !isfinite(value))
    why = "not defined for these data";
  return (cgap_looked_up){
    .found = true, .present = (audit->has & plain->needs) == plain->needs, .value = why ? NAN : value, .why = why};
}

/* Measures that are defined, but that no report of this version has. */
static const char *const unreported[] = {"gap.mmd2",
                                         "csls.image_to_text.recall_at_1",
                                         "csls.image_to_text.recall_at_5",
                                         "csls.image_to_text.recall_at_10",
                                         "csls.text_to_image.recall_at_1",
                                         "csls.text_to_image.recall_at_5",
                                         "csls.text_to_image.recall_at_10",
                                         "mixed_retrieval.image_query.ndcg_at_10",
                                         "mixed_retrieval.image_query.recall_at_1",
                                         "mixed_retrieval.image_query.recall_at_10",
                                         "mixed_retrieval.image_query.median_rank",
                                         "mixed_retrieval.image_query.mrr",
                                         "mixed_retrieval.text_query.ndcg_at_10",
                                         "mixed_retrieval.text_query.recall_at_1",
                                         "mixed_retrieval.text_query.recall_at_10",
                                         "mixed_retrieval.text_query.median_rank",
                                         "mixed_retrieval.text_query.mrr",
                                         "agreement.mutual_knn",
                                         "agreement.mutual_knn_by_chance",
                                         "agreement.cka"};

const char *cgap_key_suggestion(const char *key)
{
  cgap_suggestion near = cgap_suggestion_init(key);
  for (size_t i = 0; i < cgap_field_count; i++)
    cgap_suggestion_offer(&near, cgap_fields[i].key);
  for (size_t i = 0; i < cgap_plain_count; i++)
    cgap_suggestion_offer(&near, cgap_plains[i].key);
  for (size_t i = 0; i < sizeof unreported / sizeof *unreported; i++)
    cgap_suggestion_offer(&near, unreported[i]);
  return near.name;
}

bool cgap_key_exists(const char *key)
{
  return cgap_field_find(key) || find_plain(key);
}

bool cgap_key_defined(const char *key)
{
  for (size_t i = 0; i < sizeof unreported / sizeof *unreported; i++)
    if (strcmp(unreported[i], key) == 0)
      return true;
  return cgap_key_exists(key);
}
