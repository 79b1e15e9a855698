/* Do the paired intervals of differences keep their word? Two models that could as well be exchanged are called better
 * or worse in 3 to 7 % of a thousand data sets, shares and medians in at most 7 %; the difference of two corrected
 * distances is covered in 93 to 98 % where both gaps are wide, in 95 % or more where one or both are 0. A thousand
 * draws at 5 % have a standard deviation of 0.7 %. */
#include "head/evaluation/evaluation.h"
#include "two_models.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETS = 1000 };

/* How rare the verdicts may be, of 1000. */
typedef struct bounds {
  const char *key;
  size_t least, most;
} bounds;

static const bounds BOUNDS[] = {
  {"retrieval.image_to_text.recall_at_1", 0, 70},
  {"retrieval.image_to_text.recall_at_5", 0, 70},
  {"retrieval.image_to_text.recall_at_10", 0, 70},
  {"retrieval.text_to_image.recall_at_1", 0, 70},
  {"retrieval.text_to_image.recall_at_5", 0, 70},
  {"retrieval.text_to_image.recall_at_10", 0, 70},
  {"zero_shot.top_1", 0, 70},
  {"zero_shot.top_5", 0, 70},
  {"retrieval.image_to_text.median_rank", 0, 70},
  {"retrieval.text_to_image.median_rank", 0, 70},
  {"gap.corrected_distance", 0, 70},
  {"retrieval.image_to_text.mrr", 30, 70},
  {"retrieval.text_to_image.mrr", 30, 70},
  {"retrieval.image_to_text.mean_rank", 30, 70},
  {"retrieval.text_to_image.mean_rank", 30, 70},
  {"alignment.mean_squared_distance", 30, 70},
  {"alignment.mean_distance", 30, 70},
  {"loss.clip_image_to_text", 30, 70},
  {"loss.clip_text_to_image", 30, 70},
  {"loss.clip", 30, 70},
  {"loss.cua", 30, 70},
  {"loss.cuaxu", 30, 70},
  {"zero_shot.mean_per_class", 30, 70},
  {"arithmetic.score", 30, 70},
  {"uniformity.image", 30, 70},
  {"uniformity.text", 30, 70},
  {"uniformity.mean", 30, 70},
  {"uniformity.cross", 30, 70},
  {"gap.centroid_cosine", 30, 70},
  {"gap.rmg", 30, 70},
  {"gap.share_of_alignment", 30, 70},
};
enum { MEASURES = sizeof BOUNDS / sizeof *BOUNDS };

static void audit_both(cgap_audit out[2], const two_models_options *options)
{
  two_models m;
  two_models_init(&m, options);
  for (int k = 0; k < 2; k++) {
    const cgap_data data = two_models_data(&m, k);
    two_models_audit(&out[k], &data);
  }
  two_models_clear(&m);
}

/* alarms (MEASURES): how many sets of each have an interval without 0. */
static void count_alarms(size_t *alarms, const two_models_options *population)
{
  memset(alarms, 0, MEASURES * sizeof *alarms);
#pragma omp parallel for schedule(dynamic)
  for (uint64_t seed = 0; seed < SETS; seed++) {
    two_models_options options = *population;
    cgap_audit audit[2];
    cgap_comparison c;
    options.seed = seed << 32; /* streams of the generator that do not overlap */
    audit_both(audit, &options);
    two_models_compare(&c, &audit[0], &audit[1]);
    for (size_t m = 0; m < MEASURES; m++) {
      const cgap_change *d = &c.change[c.entries + cgap_entry_find(BOUNDS[m].key)];
      const bool alarm = d->lo > 0 || d->hi < 0;
#pragma omp atomic
      alarms[m] += alarm;
    }
    cgap_comparison_clear(&c);
    cgap_audit_clear(&audit[0]);
    cgap_audit_clear(&audit[1]);
  }
}

static void check_alarms(size_t images, size_t captions)
{
  const two_models_options population = {
    .images = images, .dim = 16, .captions = captions, .noise = 1.2, .cone = 0.4, .gap = {0.3, 0.3}};
  size_t alarms[MEASURES];
  count_alarms(alarms, &population);
  for (size_t m = 0; m < MEASURES; m++) {
    printf("%zu images, %zu captions, %-40s %4.1f %%\n", images, captions, BOUNDS[m].key, (double)alarms[m] / 10);
    cr_expect(alarms[m] >= BOUNDS[m].least && alarms[m] <= BOUNDS[m].most,
              "%zu images, %s: %zu of %d are called better or worse", images, BOUNDS[m].key, alarms[m], SETS);
  }
}

Test(differences, false_alarms_of_60_images)
{
  check_alarms(60, 1);
}

Test(differences, false_alarms_of_60_images_with_several_texts)
{
  check_alarms(60, 5);
}

Test(differences, false_alarms_of_200_images)
{
  check_alarms(200, 1);
}

Test(differences, false_alarms_of_1000_images)
{
  check_alarms(1000, 1);
}

/* ---------------------------------------------------------------- coverage of the distance */

/* The distance of the means of all unit rows that a model with this gap could make. */
static double true_distance(const two_models_options *o, double gap)
{
  enum { ROWS = 400000, MOST_DIM = 32 };
  support_random r = support_seed(1);
  double mean[MOST_DIM] = {0}, square = 0;
  for (size_t row = 0; row < ROWS; row++) {
    double v[MOST_DIM];
    for (size_t a = 0; a < o->dim; a++)
      v[a] = support_normal(&r) * sqrt(1 + o->noise * o->noise);
    v[o->dim - 1] += o->cone * sqrt((double)o->dim);
    v[0] += (row % 2 ? gap : -gap) * sqrt((double)o->dim);
    support_normalise(v, 1, o->dim);
    for (size_t a = 0; a < o->dim; a++)
      mean[a] += (row % 2 ? v[a] : -v[a]) / (ROWS / 2.0);
  }
  square = mean[0] * mean[0]; /* in all other coordinates the modalities are alike */
  return gap > 0 ? sqrt(square) : 0;
}

static void check_coverage(size_t images, size_t captions, double from, double to, size_t least, size_t most)
{
  const two_models_options population = {
    .images = images, .dim = 16, .captions = captions, .noise = 0.5, .cone = 0.3, .gap = {from, to}};
  const double truth = true_distance(&population, to) - true_distance(&population, from);
  size_t covered = 0;
#pragma omp parallel for schedule(dynamic) reduction(+ : covered)
  for (uint64_t seed = 0; seed < SETS; seed++) {
    two_models_options options = population;
    cgap_audit audit[2];
    options.seed = (seed + 7) << 32;
    audit_both(audit, &options);
    const cgap_change d = cgap_paired_distance(&audit[0], &audit[1]);
    covered += d.lo <= truth && truth <= d.hi;
    cgap_audit_clear(&audit[0]);
    cgap_audit_clear(&audit[1]);
  }
  printf("%zu images, %zu captions, gap from %.2f to %.2f, difference %.4f: %4.1f %% covered\n", images, captions, from,
         to, truth, (double)covered / 10);
  cr_expect(covered >= least && covered <= most, "%zu images, gap from %g to %g: %zu of %d cover %g", images, from, to,
            covered, SETS, truth);
}

Test(differences, of_two_wide_gaps_are_covered)
{
  check_coverage(60, 1, 0.5, 0.5, 930, 980);
  check_coverage(60, 1, 1, 0.3, 930, 980);
  check_coverage(60, 5, 0.3, 0.6, 930, 980);
  check_coverage(200, 1, 0.5, 0.2, 930, 980);
}

Test(differences, of_closed_gaps_are_covered)
{
  check_coverage(60, 1, 0, 0, 950, SETS);
  check_coverage(60, 1, 0.05, 0, 950, SETS);
  check_coverage(60, 1, 0.5, 0, 950, SETS);
  check_coverage(60, 5, 0, 0.1, 950, SETS);
  check_coverage(200, 1, 0.1, 0, 950, SETS);
  check_coverage(200, 1, 0, 0, 950, SETS);
}
