#include "compare.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define AT(member) offsetof(cgap_audit, member)

static const void *part(const cgap_audit *audit, size_t offset)
{
  return (const char *)audit + offset;
}

/* ---------------------------------------------------------------- against the naive program */

/* An end of an interval. The corrected distance's are roots, whose error near 0 is that of their square. */
static bool end_near(const char *where, const char *key, double got, double want)
{
  if (strstr(key, "corrected_distance") && fabs(got * got - want * want) <= 1e-6)
    return true;
  return support_near(where, key, got, want, 1e-6, 1e-5);
}

static size_t scalar_differences(const char *where, const compare_field *field, const cgap_audit *got,
                                 const cgap_audit *want)
{
  const cgap_scalar *g = part(got, field->offset), *w = part(want, field->offset);
  char key[100];
  size_t failed = 0;
  if ((g->why != NULL) != (w->why != NULL)) {
    fprintf(stderr, "%s: %s: got %s, want %s\n", where, field->key, g->why ? "null" : "a value",
            w->why ? "null" : "a value");
    return 1;
  }
  if (w->why)
    return 0;
  snprintf(key, sizeof key, "%s (n)", field->key);
  failed += !support_count(where, key, g->n, w->n);
  snprintf(key, sizeof key, "%s (lower end)", field->key);
  failed += !end_near(where, key, g->lo, w->lo);
  snprintf(key, sizeof key, "%s (upper end)", field->key);
  failed += !end_near(where, key, g->hi, w->hi);
  return failed;
}

/* A key that another rounding may move: ten best of which some are open. */
static bool is_undecided_between(const compare_field *field, const naive_result *want)
{
  return (strncmp(field->key, "hubness.image", 13) == 0 && want->open_image_to_text) ||
         (strncmp(field->key, "hubness.text", 12) == 0 && want->open_text_to_image) ||
         (strncmp(field->key, "mixed.", 6) == 0 && strcmp(field->key, "mixed.unbiased") != 0 && want->open_mixed);
}

/* Rows so near the line that its last digits decide. */
static bool is_near_enough(const compare_field *field, const cgap_audit *got, const naive_result *want)
{
  double open = strcmp(field->key, "gap.linear_separability") == 0 ? want->open_separability
                : strcmp(field->key, "gap.separability_auc") == 0  ? want->open_auc
                : strcmp(field->key, "checks.pairing.z") == 0      ? want->open_z
                                                                   : 0;
  return fabs(compare_value(got, field) - compare_value(&want->audit, field)) <= open;
}

static size_t field_differences(const char *where, const cgap_audit *got, const naive_result *want)
{
  size_t failed = 0;
  for (size_t f = 0; f < COMPARE_FIELD_COUNT; f++) {
    const compare_field *field = &COMPARE_FIELDS[f];
    if ((field->needs & want->audit.has) != field->needs || is_undecided_between(field, want))
      continue;
    if (field->kind == COMPARE_SCALAR)
      failed += scalar_differences(where, field, got, &want->audit);
    failed += !is_near_enough(field, got, want) &&
              !compare_near(where, field, compare_value(got, field), compare_value(&want->audit, field));
  }
  return failed;
}

/* Counts up to each edge, where a cosine within 1e-6 of it may stand on either side. */
static size_t histogram_differences(const char *where, const char *key, const uint64_t *bins, const uint64_t *below,
                                    const uint64_t *upto, uint64_t count)
{
  uint64_t sum = 0;
  for (size_t k = 0; k < CGAP_HISTOGRAM_BINS; k++) {
    if (sum < below[k] || sum > upto[k]) {
      fprintf(stderr, "%s: cosine.histogram.%s: %llu below edge %zu, want %llu to %llu\n", where, key,
              (unsigned long long)sum, k, (unsigned long long)below[k], (unsigned long long)upto[k]);
      return 1;
    }
    sum += bins[k];
  }
  return !support_count(where, "cosine.histogram (all)", sum, count);
}

static size_t histograms_differ(const char *where, const cgap_audit *got, const naive_result *want)
{
  const cgap_audit *w = &want->audit;
  size_t failed = 0;
  for (size_t k = 0; k <= CGAP_HISTOGRAM_BINS; k++)
    failed += !support_near(where, "cosine.histogram.edges", got->histogram_edges[k], w->histogram_edges[k], 1e-15, 0);
  const struct {
    const char *key;
    const uint64_t *bins;
    const cgap_cosines *got, *want;
  } SETS[NAIVE_SETS] = {
    [NAIVE_PAIR] = {"pair", got->histogram_pair, &got->cosine_pair, &w->cosine_pair},
    [NAIVE_CROSS] = {"cross", got->histogram_cross, &got->cosine_cross, &w->cosine_cross},
    [NAIVE_IMAGE] = {"image", got->histogram_image, &got->cosine_image, &w->cosine_image},
    [NAIVE_TEXT] = {"text", got->histogram_text, &got->cosine_text, &w->cosine_text},
  };
  for (int s = w->has & CGAP_HAS_PAIRS ? NAIVE_PAIR : NAIVE_CROSS; s < NAIVE_SETS; s++) {
    failed +=
      histogram_differences(where, SETS[s].key, SETS[s].bins, want->below[s], want->upto[s], SETS[s].want->count);
    failed += !support_count(where, "cosine (count)", SETS[s].got->count, SETS[s].want->count);
  }
  return failed;
}

static size_t spectrum_differences(const char *where, const char *key, const cgap_spectrum *got,
                                   const cgap_spectrum *want)
{
  size_t failed = 0;
  if (want->participation_ratio.why)
    return 0;
  for (size_t k = 0; k < want->count; k++) /* the rest of a shorter list is 0 */
    failed += !support_near(where, key, k < got->count ? got->explained_variance_ratio[k] : 0,
                            want->explained_variance_ratio[k], 1e-8, 1e-5);
  return failed;
}

static size_t check_differences(const char *where, const char *key, const cgap_check *got, const cgap_check *want)
{
  size_t failed = !support_count(where, key, got->count, want->count);
  failed += !support_count(where, key, got->example_count, want->example_count);
  for (size_t k = 0; failed == 0 && k < want->example_count; k++)
    failed += !support_count(where, key, got->examples[k], want->examples[k]);
  return failed;
}

static size_t side_differences(const char *where, const cgap_modality_checks *got, const cgap_modality_checks *want,
                               uint64_t near_least, uint64_t near_most)
{
  size_t failed = check_differences(where, "checks.off_unit", &got->off_unit, &want->off_unit);
  failed += check_differences(where, "checks.constant_columns", &got->constant_columns, &want->constant_columns);
  failed += check_differences(where, "checks.duplicates", &got->duplicates, &want->duplicates);
  failed += check_differences(where, "checks.not_finite", &got->not_finite, &want->not_finite);
  failed += check_differences(where, "checks.zero", &got->zero, &want->zero);
  if (near_least == near_most)
    failed += check_differences(where, "checks.near_duplicates", &got->near_duplicates, &want->near_duplicates);
  return failed;
}

static size_t hub_differences(const char *where, const char *key, const cgap_hubness *got, const cgap_hubness *want)
{
  size_t failed = !support_count(where, key, got->hub_count, want->hub_count);
  for (size_t h = 0; failed == 0 && h < want->hub_count; h++)
    failed += !support_count(where, key, got->hubs[h].row, want->hubs[h].row) ||
              !support_count(where, key, got->hubs[h].count, want->hubs[h].count);
  return failed;
}

static size_t list_differences(const char *where, const char *key, const double *got, const double *want, size_t count,
                               double atol)
{
  if (!got) {
    fprintf(stderr, "%s: %s is missing\n", where, key);
    return 1;
  }
  for (size_t i = 0; i < count; i++) {
    char name[100];
    snprintf(name, sizeof name, "%s[%zu]", key, i);
    if (!support_near(where, name, got[i], want[i], atol, 0))
      return 1;
  }
  return 0;
}

/* Cosines of equal places agree; a place names rows of its own pair. */
static size_t worst_differences(const char *where, const cgap_audit *got, const cgap_audit *want)
{
  size_t failed = !support_count(where, "pairs.worst", got->worst_count, want->worst_count);
  for (size_t w = 0; failed == 0 && w < want->worst_count; w++) {
    const cgap_pair *pair = &got->worst[w];
    failed += !support_near(where, "pairs.worst.cosine", pair->cosine, want->worst[w].cosine, 1e-6, 0);
    size_t j = 0;
    while (j < got->texts && got->text_row[j] != pair->text)
      j++;
    if (j == got->texts || got->image_row[got->image_of[j]] != pair->image ||
        fabs(want->pair_cosine[j] - pair->cosine) > 1e-6) {
      fprintf(stderr, "%s: pairs.worst[%zu]: image %zu and text %zu are no pair of cosine %g\n", where, w, pair->image,
              pair->text, pair->cosine);
      failed++;
    }
  }
  return failed;
}

static size_t dimension_differences(const char *where, const cgap_gap *got, const cgap_gap *want)
{
  size_t failed = !support_count(where, "gap.dimensions", got->dimension_count, want->dimension_count);
  for (size_t k = 0; failed == 0 && k < want->dimension_count; k++) {
    const cgap_dimension *g = &got->dimensions[k], *w = &want->dimensions[k];
    failed += !support_near(where, "gap.dimensions.share", g->share, w->share, 1e-6, 0);
    if (fabs(g->share - w->share) < 1e-6 && g->index != w->index)
      continue; /* equal shares stand in any order */
    failed += !support_near(where, "gap.dimensions.image_mean", g->image_mean, w->image_mean, 1e-6, 0);
    failed += !support_near(where, "gap.dimensions.text_mean", g->text_mean, w->text_mean, 1e-6, 0);
  }
  return failed;
}

static size_t pair_differences(const char *where, const cgap_audit *got, const naive_result *want)
{
  const cgap_audit *w = &want->audit;
  size_t failed =
    list_differences(where, "rank text to image", got->rank_text_to_image, w->rank_text_to_image, w->texts, 1e-12);
  failed +=
    list_differences(where, "rank image to text", got->rank_image_to_text, w->rank_image_to_text, w->images, 1e-12);
  failed += list_differences(where, "rank of an image in one index", got->mixed_rank_image, w->mixed_rank_image,
                             w->images, 1e-12);
  failed +=
    list_differences(where, "rank of a text in one index", got->mixed_rank_text, w->mixed_rank_text, w->texts, 1e-12);
  failed += list_differences(where, "pair cosine", got->pair_cosine, w->pair_cosine, w->texts, 1e-6);
  failed += worst_differences(where, got, w);
  failed += !support_count(where, "checks.pairing.verdict", got->pairing_check.verdict, w->pairing_check.verdict);
  failed += !support_near(where, "checks.pairing.shift", got->pairing_check.shift, w->pairing_check.shift, 0, 0);
  if (!want->open_image_to_text)
    failed += hub_differences(where, "hubness.image_to_text.hubs", &got->hubs_image_to_text, &w->hubs_image_to_text);
  if (!want->open_text_to_image)
    failed += hub_differences(where, "hubness.text_to_image.hubs", &got->hubs_text_to_image, &w->hubs_text_to_image);
  return failed;
}

static size_t class_differences(const char *where, const cgap_zero_shot *got, const cgap_zero_shot *want)
{
  size_t failed = !support_count(where, "zero_shot.classes", got->class_count, want->class_count);
  for (size_t c = 0; !failed && c < want->class_count; c++) {
    const cgap_zero_shot_class *g = &got->classes[c], *w = &want->classes[c];
    failed += !support_count(where, "zero_shot.classes.class", g->label, w->label);
    failed += !support_count(where, "zero_shot.classes.images", g->images, w->images);
    failed += !support_near(where, "zero_shot.classes.top_1", g->top_1, w->top_1, 1e-12, 0);
    failed += !support_near(where, "zero_shot.classes.gap", g->gap, w->gap, 1e-12, 0);
  }
  return failed;
}

size_t compare_audits(const char *where, const cgap_audit *got, const naive_result *want)
{
  const cgap_audit *w = &want->audit;
  size_t failed = !support_count(where, "images", got->images, w->images);
  failed += !support_count(where, "texts", got->texts, w->texts);
  failed += !support_count(where, "dim", got->dim, w->dim);
  failed += !support_count(where, "has", got->has & ~(unsigned)CGAP_TEXT_IS_CLASSES, w->has);
  if (failed)
    return failed;
  failed += field_differences(where, got, want);
  failed += histograms_differ(where, got, want);
  failed += spectrum_differences(where, "pca.image.explained_variance_ratio", &got->pca_image, &w->pca_image);
  failed += spectrum_differences(where, "pca.text.explained_variance_ratio", &got->pca_text, &w->pca_text);
  failed += spectrum_differences(where, "pca.joint.explained_variance_ratio", &got->pca_joint, &w->pca_joint);
  failed += dimension_differences(where, &got->gap, &w->gap);
  failed += side_differences(where, &got->checks_image, &w->checks_image, want->near_least[0], want->near_most[0]);
  failed += side_differences(where, &got->checks_text, &w->checks_text, want->near_least[1], want->near_most[1]);
  if (w->has & CGAP_HAS_PAIRS)
    failed += pair_differences(where, got, want);
  if (w->has & CGAP_HAS_ZERO_SHOT)
    failed += class_differences(where, &got->zero_shot, &w->zero_shot);
  if (w->has & CGAP_HAS_ARITHMETIC)
    failed +=
      list_differences(where, "arithmetic.curve", got->arithmetic.curve, w->arithmetic.curve, CGAP_CURVE_POINTS, 1e-9);
  return failed;
}

/* ---------------------------------------------------------------- bit for bit */

static size_t bits_differ(const char *where, const char *key, const void *a, const void *b, size_t size)
{
  if (memcmp(a, b, size) == 0)
    return 0;
  double x, y;
  memcpy(&x, a, sizeof x);
  memcpy(&y, b, sizeof y);
  fprintf(stderr, "%s: %s: bits differ (%.17g and %.17g)\n", where, key, x, y);
  return 1;
}

size_t compare_bits(const char *where, const cgap_audit *a, const cgap_audit *b)
{
  size_t failed = !support_count(where, "has", a->has, b->has);
  for (size_t f = 0; f < COMPARE_FIELD_COUNT; f++) {
    const compare_field *field = &COMPARE_FIELDS[f];
    if ((field->needs & a->has) != field->needs)
      continue;
    double x = compare_value(a, field), y = compare_value(b, field);
    failed += bits_differ(where, field->key, &x, &y, sizeof x);
    if (field->kind == COMPARE_SCALAR) /* value, lo and hi stand in a row */
      failed += bits_differ(where, field->key, part(a, field->offset), part(b, field->offset), 3 * sizeof(double));
  }
  const struct {
    const char *key;
    size_t offset, size;
  } BLOCKS[] = {
    {"histogram.pair", AT(histogram_pair), sizeof a->histogram_pair},
    {"histogram.cross", AT(histogram_cross), sizeof a->histogram_cross},
    {"histogram.image", AT(histogram_image), sizeof a->histogram_image},
    {"histogram.text", AT(histogram_text), sizeof a->histogram_text},
    {"arithmetic.curve", AT(arithmetic.curve), sizeof a->arithmetic.curve},
    {"hubs", AT(hubs_image_to_text.hubs), sizeof a->hubs_image_to_text.hubs},
    {"hubs", AT(hubs_text_to_image.hubs), sizeof a->hubs_text_to_image.hubs},
    {"pairs.worst", AT(worst), a->worst_count * sizeof *a->worst},
  };
  for (size_t k = 0; k < sizeof BLOCKS / sizeof *BLOCKS; k++)
    failed += bits_differ(where, BLOCKS[k].key, part(a, BLOCKS[k].offset), part(b, BLOCKS[k].offset), BLOCKS[k].size);
  if (a->has & b->has & CGAP_HAS_ZERO_SHOT)
    for (size_t c = 0; c < a->zero_shot.class_count && c < b->zero_shot.class_count; c++)
      failed += bits_differ(where, "zero_shot.classes.gap", &a->zero_shot.classes[c].gap, &b->zero_shot.classes[c].gap,
                            sizeof(double));
  if (a->has & b->has & CGAP_HAS_PAIRS) {
    failed += bits_differ(where, "ranks", a->rank_text_to_image, b->rank_text_to_image, a->texts * sizeof(double));
    failed += bits_differ(where, "ranks", a->rank_image_to_text, b->rank_image_to_text, a->images * sizeof(double));
    failed += bits_differ(where, "ranks", a->mixed_rank_image, b->mixed_rank_image, a->images * sizeof(double));
    failed += bits_differ(where, "ranks", a->mixed_rank_text, b->mixed_rank_text, a->texts * sizeof(double));
    failed += bits_differ(where, "pair cosines", a->pair_cosine, b->pair_cosine, a->texts * sizeof(double));
  }
  return failed;
}
