/* A sampled audit: the same bits for one seed however it runs, right on average, exact where nothing is left out, and
 * for each query what all pairs would say. */
#include "compare.h"
#include "simulate/simulate.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 1500, ROWS = 700, ASKING = 200 };

static cgap_simulation simulate(size_t images, size_t captions, cgap_model model)
{
  cgap_simulate_options o = CGAP_SIMULATE_OPTIONS_INIT;
  cgap_simulation set;
  cgap_error error;
  o.images = images;
  o.dim = 32;
  o.captions_most = captions;
  o.model = model;
  cr_assert_eq(cgap_simulate(&set, &o, &error), CGAP_OK, "%s", error.message);
  return set;
}

static cgap_audit_options sampled_options(size_t rows, size_t queries)
{
  cgap_audit_options o = CGAP_AUDIT_OPTIONS_INIT;
  o.threads = 2;
  o.pairs = CGAP_PAIRS_SAMPLED;
  o.sample_rows = rows;
  o.sample_queries = queries;
  o.seed = 11;
  return o;
}

static cgap_audit audit(const cgap_data *data, const cgap_audit_options *o)
{
  cgap_audit out;
  cgap_error error;
  cr_assert_eq(cgap_audit_run(&out, data, o, &error), CGAP_OK, "%s", error.message);
  return out;
}

static const cgap_scalar *scalar_of(const cgap_audit *a, const compare_field *f)
{
  return (const void *)((const char *)a + f->offset);
}

static bool same_bits(const char *where, const cgap_audit *a, const cgap_audit *b)
{
  bool same = compare_bits(where, a, b) == 0;
  for (size_t k = 0; k < CGAP_PAIR_KINDS; k++)
    same = support_same(where, "gain", a->sample.gain[k], b->sample.gain[k]) && same;
  for (size_t f = 0; f < COMPARE_FIELD_COUNT; f++)
    if (COMPARE_FIELDS[f].kind == COMPARE_SCALAR)
      same = support_count(where, COMPARE_FIELDS[f].key, scalar_of(a, &COMPARE_FIELDS[f])->method,
                           scalar_of(b, &COMPARE_FIELDS[f])->method) &&
             same;
  return same;
}

/* Threads, and rows read again panel by panel, the sample's too. */
Test(sampled, same_bits)
{
  cgap_simulation set = simulate(2 * IMAGES, 3, CGAP_MODEL_CLIP);
  cgap_data data = cgap_simulation_data(&set);
  cgap_audit_options o = sampled_options(2 * ROWS, ASKING);
  cgap_plan_info plan;
  cgap_error error;
  cgap_audit first = audit(&data, &o);
  cr_expect_eq(first.sample.images, (size_t)(4.0 * ROWS * (double)set.images / (double)(set.images + set.texts)));
  cr_expect_eq(first.sample.image_queries, ASKING);
  cr_assert_eq(cgap_audit_plan(&plan, &data, &o, &error), CGAP_OK);
  cr_expect_eq(plan.sample_images, first.sample.images);
  for (int threads = 1; threads <= 3; threads += 2) {
    o.threads = threads;
    cgap_audit other = audit(&data, &o);
    cr_expect(same_bits("threads", &other, &first));
    cgap_audit_clear(&other);
  }
  o.threads = 2;
  o.memory_bytes = plan.smallest_bytes;
  cr_assert_eq(cgap_audit_plan(&plan, &data, &o, &error), CGAP_OK);
  cr_expect_not(plan.resident);
  cgap_audit other = audit(&data, &o);
  cr_expect(same_bits("memory", &other, &first));
  cgap_audit_clear(&other);
  o.seed++;
  other = audit(&data, &o);
  cr_expect_neq(other.uniformity.image.value, first.uniformity.image.value);
  cr_expect_eq(other.gap.centroid_distance.value, first.gap.centroid_distance.value);
  cgap_audit_clear(&other);
  cgap_audit_clear(&first);
  cgap_simulation_clear(&set);
}

/* What needs no pairs, and what moments tell of them, is that of all rows; a query's rank is its rank among all. */
static void check_exact_parts(const cgap_audit *all, const cgap_audit *some)
{
  const struct {
    const double *all, *some;
    size_t rows, asked;
  } ranks[] = {{all->rank_image_to_text, some->rank_image_to_text, all->images, some->sample.image_queries},
               {all->rank_text_to_image, some->rank_text_to_image, all->texts, some->sample.text_queries},
               {all->mixed_rank_image, some->mixed_rank_image, all->images, some->sample.image_queries},
               {all->mixed_rank_text, some->mixed_rank_text, all->texts, some->sample.text_queries}};
  const cgap_cosines *cosines[][2] = {{&all->cosine_cross, &some->cosine_cross},
                                      {&all->cosine_image, &some->cosine_image},
                                      {&all->cosine_text, &some->cosine_text}};
  for (size_t f = 0; f < COMPARE_FIELD_COUNT; f++)
    if (COMPARE_FIELDS[f].kind == COMPARE_SCALAR && (COMPARE_FIELDS[f].needs & all->has) == COMPARE_FIELDS[f].needs &&
        scalar_of(some, &COMPARE_FIELDS[f])->method == CGAP_EXACT)
      cr_expect(support_same("exact", COMPARE_FIELDS[f].key, scalar_of(some, &COMPARE_FIELDS[f])->value,
                             scalar_of(all, &COMPARE_FIELDS[f])->value));
  for (size_t k = 0; k < 3; k++) {
    cr_expect_eq(cosines[k][1]->count, cosines[k][0]->count);
    cr_expect_lt(cosines[k][1]->sampled, cosines[k][1]->count);
    cr_expect(support_near("cosines", "mean", cosines[k][1]->mean, cosines[k][0]->mean, 1e-14, 0));
    cr_expect(support_near("cosines", "sd", cosines[k][1]->sd, cosines[k][0]->sd, 1e-14, 0));
    cr_expect(support_near("cosines", "p50", cosines[k][1]->p50, cosines[k][0]->p50, 0.02, 0));
  }
  for (size_t side = 0; side < sizeof ranks / sizeof *ranks && ranks[side].all; side++) {
    size_t asked = 0;
    for (size_t i = 0; i < ranks[side].rows; i++)
      if (!isnan(ranks[side].some[i])) {
        asked++;
        cr_expect(support_same("rank", side % 2 ? "text" : "image", ranks[side].some[i], ranks[side].all[i]));
      }
    cr_expect_eq(asked, ranks[side].asked);
    cr_expect_gt(asked, 0);
  }
}

Test(sampled, exact_parts)
{
  cgap_simulation set = simulate(IMAGES, 3, CGAP_MODEL_CLIP);
  cgap_data data = cgap_simulation_data(&set);
  cgap_audit_options o = sampled_options(ROWS, ASKING), exact = CGAP_AUDIT_OPTIONS_INIT;
  cgap_audit all = audit(&data, &exact), some = audit(&data, &o);
  check_exact_parts(&all, &some);
  cr_expect_eq(some.uniformity.cross.method, CGAP_SAMPLED);
  cr_expect_eq(some.image_to_text.recall_at_1.n, ASKING);
  cr_expect_eq(some.hubs_image_to_text.skewness.n, some.sample.texts);
  cr_expect_eq(some.mixed.image.n, some.sample.images);
  for (size_t k = 0; k < CGAP_PAIR_KINDS; k++)
    cr_expect_gt(some.sample.gain[k], 50);
  cgap_audit_clear(&all);
  cgap_audit_clear(&some);
  cgap_simulation_clear(&set);
}

/* Nothing is left out: all pairs are looked at, and that is said. */
Test(sampled, all_of_it)
{
  cgap_simulation set = simulate(200, 1, CGAP_MODEL_CLIP);
  cgap_data data = cgap_simulation_data(&set);
  cgap_audit_options o = sampled_options(200, 0), exact = CGAP_AUDIT_OPTIONS_INIT;
  cgap_audit all = audit(&data, &exact), some = audit(&data, &o);
  cr_expect(same_bits("all", &some, &all));
  cr_expect_eq(some.sample.images, 0);
  cr_expect_eq(some.uniformity.image.method, CGAP_EXACT);
  cgap_audit_clear(&all);
  cgap_audit_clear(&some);
  cgap_simulation_clear(&set);
}

typedef struct moments {
  double sum, squares;
} moments;

/* Over many samples of one file the mean is the file's value, within five standard errors. */
static void right_on_average(cgap_simulation *set, cgap_pairing pairing, size_t rows, const size_t *offset,
                             size_t count)
{
  enum { SEEDS = 60, MOST = 16 };
  cgap_data data = cgap_simulation_data(set);
  data.pairing = pairing == CGAP_UNPAIRED ? pairing : data.pairing;
  cgap_audit_options o = sampled_options(rows, rows / 2), exact = CGAP_AUDIT_OPTIONS_INIT;
  cgap_audit all = audit(&data, &exact);
  moments m[MOST] = {{0}};
  for (size_t s = 0; s < SEEDS; s++) {
    o.seed = s;
    cgap_audit some = audit(&data, &o);
    for (size_t k = 0; k < count; k++) {
      const double v = ((const cgap_scalar *)(const void *)((const char *)&some + offset[k]))->value;
      m[k].sum += v;
      m[k].squares += v * v;
    }
    cgap_audit_clear(&some);
  }
  for (size_t k = 0; k < count; k++) {
    const double mean = m[k].sum / SEEDS, variance = m[k].squares / SEEDS - mean * mean;
    const double want = ((const cgap_scalar *)(const void *)((const char *)&all + offset[k]))->value;
    cr_expect(support_near("on average", "measure", mean, want, 5 * sqrt(fmax(0, variance) / (SEEDS - 1)) + 1e-6, 0),
              "measure %zu", k);
  }
  cgap_audit_clear(&all);
  cgap_simulation_clear(set);
}

#define AT(member) offsetof(cgap_audit, member)

/* Many captions an image: pairs of one image's own texts would be too frequent in a sample. */
Test(sampled, right_on_average)
{
  static const size_t offset[] = {
    AT(uniformity.image),          AT(uniformity.text),           AT(uniformity.mean),
    AT(uniformity.cross),          AT(loss.clip_image_to_text),   AT(loss.clip_text_to_image),
    AT(image_to_text.recall_at_1), AT(text_to_image.recall_at_1), AT(text_to_image.mrr),
  };
  cgap_simulation set = simulate(250, 8, CGAP_MODEL_CLIP);
  right_on_average(&set, CGAP_BY_INDEX, 300, offset, sizeof offset / sizeof *offset);
}

Test(sampled, right_on_average_unpaired)
{
  static const size_t offset[] = {AT(uniformity.image), AT(uniformity.text), AT(uniformity.mean), AT(uniformity.cross)};
  cgap_simulation set = simulate(300, 2, CGAP_MODEL_CONE);
  right_on_average(&set, CGAP_UNPAIRED, 150, offset, sizeof offset / sizeof *offset);
}

/* Bad rows are never drawn, and rows are named as the file counts them; equal rows stay equal. */
Test(sampled, rows_of_the_file)
{
  cgap_simulation set = simulate(IMAGES, 1, CGAP_MODEL_CLIP);
  for (size_t i = 0; i < IMAGES; i += 3)
    set.image[i * set.dim] = NAN;
  memcpy(set.text + 4 * set.dim, set.text + set.dim, set.dim * sizeof *set.text);
  for (size_t i = 100; i < IMAGES; i += 3)
    memcpy(set.image + i * set.dim, set.image + set.dim, set.dim * sizeof *set.image);
  cgap_data data = cgap_simulation_data(&set);
  data.drop_bad = true;
  cgap_audit_options o = sampled_options(ROWS, ASKING), exact = CGAP_AUDIT_OPTIONS_INIT;
  cgap_audit all = audit(&data, &exact), some = audit(&data, &o);
  check_exact_parts(&all, &some);
  cr_expect_eq(some.images, all.images);
  cr_expect_gt(some.checks_image.near_duplicates.count, 100);
  cr_expect_leq(some.checks_image.near_duplicates.count, some.sample.images);
  for (size_t h = 0; h < some.hubs_text_to_image.hub_count; h++)
    cr_expect_neq(some.hubs_text_to_image.hubs[h].row % 3, 0);
  cgap_audit_clear(&all);
  cgap_audit_clear(&some);
  cgap_simulation_clear(&set);
}

static cgap_status never_read(const cgap_source *source, size_t first, size_t count, void *out, cgap_error *error)
{
  (void)source, (void)first, (void)count, (void)out;
  return cgap_fail(error, CGAP_FILE, "a plan read rows");
}

/* What auto takes, by the work alone where no machine could say otherwise. */
Test(sampled, auto_choice)
{
  static const struct {
    size_t rows;
    bool sampled;
  } want[] = {{1000, false}, {5000000, true}};
  for (size_t k = 0; k < 2; k++) {
    cgap_source side = {.rows = want[k].rows, .dim = 512, .type = CGAP_FLOAT16, .read = never_read, .name = "side"};
    cgap_data data = {.image = side, .text = side, .pairing = CGAP_BY_ROW};
    cgap_audit_options o = CGAP_AUDIT_OPTIONS_INIT;
    cgap_plan_info plan;
    cgap_error error;
    o.pairs = CGAP_PAIRS_AUTO;
    o.threads = 2;
    o.memory_bytes = (uint64_t)1 << 40;
    cr_assert_eq(cgap_audit_plan(&plan, &data, &o, &error), CGAP_OK, "%s", error.message);
    cr_expect_eq(plan.sample_images > 0, want[k].sampled);
    cr_expect_eq(isfinite(plan.exact_seconds), want[k].sampled);
    o.pairs = CGAP_PAIRS_EXACT;
    cr_assert_eq(cgap_audit_plan(&plan, &data, &o, &error), CGAP_OK, "%s", error.message);
    cr_expect_eq(plan.sample_images, 0);
  }
}
