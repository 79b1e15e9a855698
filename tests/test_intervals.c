/* Do the 95 % intervals cover the truth? 400 simulated sets of each of three populations, every set audited;
 * the share of sets whose interval holds the population's value must lie in 92 to 98 % (400 draws at 95 %
 * have a standard deviation of 1.1 %), and at 95 % or more where the true gap is 0. */
#include "simulate/simulate.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum { SETS = 400, OTHERS = 1000, MEASURES = 7 };

#define AT(member) offsetof(cgap_audit, member)

static const struct {
  const char *key;
  size_t offset;
} MEASURE[MEASURES] = {
  {"gap.corrected_distance", AT(gap.corrected_distance)},
  {"alignment.mean_squared_distance", AT(alignment.mean_squared_distance)},
  {"uniformity.image", AT(uniformity.image)},
  {"uniformity.text", AT(uniformity.text)},
  {"uniformity.cross", AT(uniformity.cross)},
  {"retrieval.image_to_text.recall_at_1", AT(image_to_text.recall_at_1)},
  {"retrieval.text_to_image.recall_at_1", AT(text_to_image.recall_at_1)},
};

static void measure(cgap_scalar *out, const cgap_simulate_options *population, uint64_t seed)
{
  cgap_simulate_options options = *population;
  cgap_simulation set;
  cgap_audit audit;
  cgap_error error;
  options.seed = seed;
  options.threads = 1;
  cr_assert_eq(cgap_simulate(&set, &options, &error), CGAP_OK, "%s", error.message);
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
static void mean_of_others(double *truth, const cgap_simulate_options *population)
{
  cgap_scalar value[MEASURES];
  double sum[MEASURES] = {0};
  for (size_t s = 0; s < OTHERS; s++) {
    measure(value, population, 1000000 + s);
    for (size_t k = 0; k < MEASURES; k++)
      sum[k] += value[k].value / OTHERS;
  }
  for (size_t k = 2; k < MEASURES; k++)
    truth[k] = sum[k];
}

/* truth: NaN where a measure is not asked about */
static void cover(const char *name, const cgap_simulate_options *population, const double *truth)
{
  cgap_scalar value[MEASURES];
  size_t inside[MEASURES] = {0}, above[MEASURES] = {0};
  double width[MEASURES] = {0};
  for (size_t s = 0; s < SETS; s++) {
    measure(value, population, 1 + s);
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
    fprintf(stderr, "%-22s %-36s true %9.6f  width %.5f  covered %5.2f %% (below %zu, above %zu)\n", name,
            MEASURE[k].key, truth[k], width[k], 100 * covered, SETS - inside[k] - above[k], above[k]);
    bool none = k == 0 && truth[k] == 0;
    cr_expect(covered >= (none ? 0.95 : 0.92) && (none || covered <= 0.98), "%s, %s: %.2f %%", name, MEASURE[k].key,
              100 * covered);
  }
}

Test(intervals, clip)
{
  cgap_simulate_options population = CGAP_SIMULATE_OPTIONS_INIT;
  population.images = 300;
  cgap_truth model = cgap_simulate_truth(&population);
  double truth[MEASURES] = {model.centroid_distance, model.mean_squared_distance};
  mean_of_others(truth, &population);
  cover("clip", &population, truth);
}

Test(intervals, clip_with_captions)
{
  cgap_simulate_options population = CGAP_SIMULATE_OPTIONS_INIT;
  population.images = 300;
  population.captions_most = 8;
  cgap_truth model = cgap_simulate_truth(&population);
  double truth[MEASURES] = {model.centroid_distance, model.mean_squared_distance};
  mean_of_others(truth, &population);
  cover("clip, 1 to 8 captions", &population, truth);
}

Test(intervals, uniform)
{
  cgap_simulate_options population = CGAP_SIMULATE_OPTIONS_INIT;
  population.model = CGAP_MODEL_UNIFORM;
  population.images = 300;
  double sphere = -3.8752355897; /* d = 64 */
  double truth[MEASURES] = {0, 2, sphere, sphere, sphere, NAN, NAN};
  cgap_truth model = cgap_simulate_truth(&population);
  cr_assert_eq(model.centroid_distance, truth[0]);
  cr_assert_eq(model.mean_squared_distance, truth[1]);
  cover("uniform", &population, truth);
}
