/* Do the 95 % intervals cover the truth? 400 simulated sets of each population, every set audited;
 * the share of sets whose interval holds the population's value must lie in 92 to 98 % (400 draws at 95 %
 * have a standard deviation of 1.1 %), and at 95 % or more where the true gap is 0. */
#include "simulate/simulate.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum { SETS = 400, OTHERS = 1000 };
enum { DISTANCE, ALIGNMENT, MMD, IMAGE, TEXT, CROSS, RECALL_IMAGE, RECALL_TEXT, NDCG_IMAGE, NDCG_TEXT, MEASURES };

#define AT(member) offsetof(cgap_audit, member)

static const struct {
  const char *key;
  size_t offset;
} MEASURE[MEASURES] = {
  [DISTANCE] = {"gap.corrected_distance", AT(gap.corrected_distance)},
  [ALIGNMENT] = {"alignment.mean_squared_distance", AT(alignment.mean_squared_distance)},
  [MMD] = {"gap.mmd2", AT(gap.mmd2)},
  [IMAGE] = {"uniformity.image", AT(uniformity.image)},
  [TEXT] = {"uniformity.text", AT(uniformity.text)},
  [CROSS] = {"uniformity.cross", AT(uniformity.cross)},
  [RECALL_IMAGE] = {"retrieval.image_to_text.recall_at_1", AT(image_to_text.recall_at_1)},
  [RECALL_TEXT] = {"retrieval.text_to_image.recall_at_1", AT(text_to_image.recall_at_1)},
  [NDCG_IMAGE] = {"mixed_retrieval.image_query.ndcg_at_10", AT(mixed_image_query.ndcg_at_10)},
  [NDCG_TEXT] = {"mixed_retrieval.text_query.ndcg_at_10", AT(mixed_text_query.ndcg_at_10)},
};

/* Rows less their mean; an audit divides them by their norms. */
static void subtract_mean(double *row, size_t rows, size_t dim)
{
  for (size_t k = 0; k < dim; k++) {
    double mean = 0;
    for (size_t i = 0; i < rows; i++)
      mean += row[i * dim + k] / (double)rows;
    for (size_t i = 0; i < rows; i++)
      row[i * dim + k] -= mean;
  }
}

static void measure(cgap_scalar *out, const cgap_simulate_options *population, bool centred, uint64_t seed)
{
  cgap_simulate_options options = *population;
  cgap_simulation set;
  cgap_audit audit;
  cgap_error error;
  options.seed = seed;
  options.threads = 1;
  cr_assert_eq(cgap_simulate(&set, &options, &error), CGAP_OK, "%s", error.message);
  if (centred) {
    subtract_mean(set.image, set.images, set.dim);
    subtract_mean(set.text, set.texts, set.dim);
  }
  cgap_data data = cgap_simulation_data(&set);
  cgap_audit_options audit_options = CGAP_AUDIT_OPTIONS_INIT;
  audit_options.threads = 1; /* the tests of this suite run beside each other */
  cr_assert_eq(cgap_audit_run(&audit, &data, &audit_options, &error), CGAP_OK, "%s", error.message);
  for (size_t k = 0; k < MEASURES; k++)
    out[k] = *(const cgap_scalar *)((const char *)&audit + MEASURE[k].offset);
  cgap_audit_clear(&audit);
  cgap_simulation_clear(&set);
}

/* The mean over other sets of the same size, from seeds that no tested set has. */
static void mean_of_others(double *truth, const cgap_simulate_options *population, bool centred)
{
  cgap_scalar value[MEASURES];
  double sum[MEASURES] = {0};
  for (size_t s = 0; s < OTHERS; s++) {
    measure(value, population, centred, 1000000 + s);
    for (size_t k = 0; k < MEASURES; k++)
      sum[k] += value[k].value / OTHERS;
  }
  for (size_t k = 0; k < MEASURES; k++)
    truth[k] = k <= ALIGNMENT ? truth[k] : sum[k];
}

/* truth: NaN where a measure is not asked about */
static void cover(const char *name, const cgap_simulate_options *population, bool centred, const double *truth)
{
  cgap_scalar value[MEASURES];
  size_t inside[MEASURES] = {0}, above[MEASURES] = {0};
  double width[MEASURES] = {0};
  for (size_t s = 0; s < SETS; s++) {
    measure(value, population, centred, 1 + s);
    for (size_t k = 0; k < MEASURES; k++) {
      inside[k] += value[k].lo <= truth[k] && truth[k] <= value[k].hi;
      above[k] += value[k].lo > truth[k];
      width[k] += (value[k].hi - value[k].lo) / SETS;
    }
  }
  for (size_t k = 0; k < MEASURES; k++) {
    if (isnan(truth[k]))
      continue;
    double covered = (double)inside[k] / SETS;
    fprintf(stderr, "%-22s %-40s true %9.6f  width %.5f  covered %5.2f %% (below %zu, above %zu)\n", name,
            MEASURE[k].key, truth[k], width[k], 100 * covered, SETS - inside[k] - above[k], above[k]);
    const bool none = (k == DISTANCE || k == MMD) && truth[k] == 0, new = k == MMD || k >= NDCG_IMAGE;
    const double least = new ? 0.91 : none ? 0.95 : 0.92, most = none ? 1 : new ? 0.99 : 0.98;
    cr_expect(covered >= least && covered <= most, "%s, %s: %.2f %%", name, MEASURE[k].key, 100 * covered);
  }
}

/* Without a shift to subtract, no partner is among the first ten of one index. */
static void leave_out_mixed_search(double *truth)
{
  truth[NDCG_IMAGE] = truth[NDCG_TEXT] = NAN;
}

static void cover_clip(const char *name, size_t least, size_t most)
{
  cgap_simulate_options population = CGAP_SIMULATE_OPTIONS_INIT;
  population.images = 300;
  population.captions_least = least;
  population.captions_most = most;
  cgap_truth model = cgap_simulate_truth(&population);
  double truth[MEASURES] = {[DISTANCE] = model.centroid_distance, [ALIGNMENT] = model.mean_squared_distance};
  mean_of_others(truth, &population, false);
  leave_out_mixed_search(truth);
  cover(name, &population, false, truth);
}

Test(intervals, clip)
{
  cover_clip("clip", 1, 1);
}

Test(intervals, clip_with_captions)
{
  cover_clip("clip, 1 to 8 captions", 1, 8);
}

Test(intervals, clip_with_five_captions)
{
  cover_clip("clip, 5 captions", 5, 5);
}

/* Each set less its own means: what is asked of search in one index. */
Test(intervals, clip_centred)
{
  cgap_simulate_options population = CGAP_SIMULATE_OPTIONS_INIT;
  population.images = 300;
  double truth[MEASURES] = {0}, asked[MEASURES];
  mean_of_others(truth, &population, true);
  for (size_t k = 0; k < MEASURES; k++)
    asked[k] = k == NDCG_IMAGE || k == NDCG_TEXT ? truth[k] : NAN;
  cover("clip, centred", &population, true, asked);
}

Test(intervals, uniform)
{
  cgap_simulate_options population = CGAP_SIMULATE_OPTIONS_INIT;
  population.model = CGAP_MODEL_UNIFORM;
  population.images = 300;
  const double sphere = -3.8752355897; /* d = 64 */
  const double truth[MEASURES] = {
    [DISTANCE] = 0,   [ALIGNMENT] = 2,      [MMD] = 0,           [IMAGE] = sphere,   [TEXT] = sphere,
    [CROSS] = sphere, [RECALL_IMAGE] = NAN, [RECALL_TEXT] = NAN, [NDCG_IMAGE] = NAN, [NDCG_TEXT] = NAN};
  cgap_truth model = cgap_simulate_truth(&population);
  cr_assert_eq(model.centroid_distance, truth[DISTANCE]);
  cr_assert_eq(model.mean_squared_distance, truth[ALIGNMENT]);
  cover("uniform", &population, false, truth);
}
