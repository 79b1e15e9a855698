/* Groups of images: each group's numbers are those of an audit of its rows alone, the rest's those of an audit of the
 * rest, Holm's correction, Simpson's paradox, and what is left out or refused. */
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "contragap/contragap.h"
#include "head/evaluation/group_gap.h"

enum { DIM = 12, IMAGES_MAX = 400, TEXTS_MAX = 1600, GROUPS_MAX = 8 };

/* Pairs in groups; the texts of an image follow one another. */
typedef struct pairs {
  size_t images, texts, groups;
  double image[IMAGES_MAX][DIM], text[TEXTS_MAX][DIM];
  uint64_t text_image[TEXTS_MAX];
  size_t group[IMAGES_MAX];
} pairs;

static const char *const NAMES[GROUPS_MAX] = {"a", "b", "c", "d", "e", "f", "g", "h"};

/* An image of the group with `texts` texts, images shifted by gap along axis `axis` and texts against it. */
static void add_image(pairs *p, size_t group, size_t texts, double gap, size_t axis, double place, cgap_random *random)
{
  double shared[DIM];
  for (size_t a = 0; a < DIM; a++)
    shared[a] = 0.6 * cgap_random_normal(random) + (a == DIM - 1 ? place : 0);
  for (size_t a = 0; a < DIM; a++)
    p->image[p->images][a] = shared[a] + 0.4 * cgap_random_normal(random) + (a == axis ? gap : 0);
  for (size_t k = 0; k < texts; k++, p->texts++) {
    for (size_t a = 0; a < DIM; a++)
      p->text[p->texts][a] = shared[a] + 0.4 * cgap_random_normal(random) - (a == axis ? gap : 0);
    p->text_image[p->texts] = p->images;
  }
  p->group[p->images++] = group;
  p->groups = group + 1 > p->groups ? group + 1 : p->groups;
}

static cgap_data data_of(const pairs *p)
{
  return (cgap_data){.image = cgap_source_view(p->image, p->images, DIM, CGAP_FLOAT64, "image"),
                     .text = cgap_source_view(p->text, p->texts, DIM, CGAP_FLOAT64, "text"),
                     .pairing = CGAP_BY_INDEX,
                     .text_image = p->text_image};
}

/* The images for which `in` is set, with their texts. */
static pairs *part_of(const pairs *p, const bool *in)
{
  pairs *out = calloc(1, sizeof *out);
  size_t became[IMAGES_MAX];
  for (size_t i = 0; i < p->images; i++)
    if (in[i]) {
      became[i] = out->images;
      memcpy(out->image[out->images++], p->image[i], sizeof p->image[i]);
    }
  for (size_t j = 0; j < p->texts; j++)
    if (in[p->text_image[j]]) {
      memcpy(out->text[out->texts], p->text[j], sizeof p->text[j]);
      out->text_image[out->texts++] = became[p->text_image[j]];
    }
  return out;
}

static cgap_audit audit_of(const cgap_data *data)
{
  cgap_audit out;
  cgap_error error = {0};
  const cgap_audit_options options = {.temperature = 0.01, .threads = 1, .pairs = CGAP_PAIRS_EXACT};
  cr_assert_eq(cgap_audit_run(&out, data, &options, &error), CGAP_OK, "%s", error.message);
  return out;
}

static cgap_image_groups groups_of(const pairs *p, const cgap_audit *audit)
{
  cgap_image_groups out;
  cgap_error error = {0};
  const cgap_data data = data_of(p);
  const cgap_audit_options options = {.temperature = 0.01, .threads = 1};
  const cgap_grouping grouping = {
    .by = "groups", .name = NAMES, .groups = p->groups, .of_image = p->group, .images = p->images};
  cr_assert_eq(cgap_image_groups_run(&out, &grouping, audit, &data, &options, &error), CGAP_OK, "%s", error.message);
  return out;
}

static void expect_same(const char *what, const cgap_scalar *got, const cgap_scalar *want)
{
  cr_expect(got->value == want->value && got->n == want->n, "%s: %.17g of %zu, %.17g of %zu", what, got->value,
            (size_t)got->n, want->value, (size_t)want->n);
  cr_expect(got->lo == want->lo && got->hi == want->hi, "%s: interval", what);
}

/* Of the group's queries, the fraction whose rank among all is 1, by hand. */
static double found_first(const cgap_audit *a, const pairs *p, size_t group, bool texts)
{
  double found = 0, asked = 0;
  for (size_t k = 0; k < (texts ? a->texts : a->images); k++) {
    const size_t image = texts ? a->image_of[k] : k;
    const double rank = texts ? a->rank_text_to_image[k] : a->rank_image_to_text[k];
    if (p->group[a->image_row[image]] != group || isnan(rank))
      continue;
    found += rank <= 1;
    asked++;
  }
  return found / asked;
}

/* rest: no group is marked, so that the rest is all other rows. */
static void expect_alone(const pairs *p, const cgap_audit *whole, const cgap_image_group *g, bool rest_too)
{
  bool in[IMAGES_MAX], out[IMAGES_MAX];
  const size_t group = (size_t)(g->name[0] - 'a');
  for (size_t i = 0; i < p->images; i++) {
    in[i] = p->group[i] == group;
    out[i] = !in[i];
  }
  pairs *alone = part_of(p, in), *others = part_of(p, out);
  const cgap_data data = data_of(alone), rest = data_of(others);
  cgap_audit a = audit_of(&data), b = audit_of(&rest);
  cr_expect_eq(g->images, a.images);
  cr_expect_eq(g->texts, a.texts);
  expect_same("distance", &g->corrected_distance, &a.gap.corrected_distance);
  expect_same("alignment", &g->mean_squared_distance, &a.alignment.mean_squared_distance);
  expect_same("uniformity, image", &g->uniformity_image, &a.uniformity.image);
  expect_same("uniformity, text", &g->uniformity_text, &a.uniformity.text);
  cr_expect(support_near("recall", g->name, g->recall_image_to_text.value, found_first(whole, p, group, false), 0, 0));
  cr_expect(support_near("recall", g->name, g->recall_text_to_image.value, found_first(whole, p, group, true), 0, 0));
  /* unit rows are read in float32: 1e-6 of the squares */
  if (rest_too)
    cr_expect(support_near("rest", g->name, g->rest * g->rest, pow(b.gap.corrected_distance.value, 2), 2e-6, 0));
  cgap_audit_clear(&a);
  cgap_audit_clear(&b);
  free(alone);
  free(others);
}

/* texts: of image i, 1 to 3 where it is 0. */
static pairs *grouped(size_t images, size_t groups, size_t texts, double gap, uint64_t seed)
{
  pairs *p = calloc(1, sizeof *p);
  cgap_random random = cgap_random_init(seed, 1);
  for (size_t i = 0; i < images; i++)
    add_image(p, i % groups, texts ? texts : 1 + (size_t)cgap_random_below(&random, 3), gap, 0, 0, &random);
  return p;
}

static void expect_groups_alone(size_t texts)
{
  pairs *p = grouped(200, 4, texts, 0.3, 3 + texts);
  const cgap_data data = data_of(p);
  cgap_audit a = audit_of(&data);
  cgap_image_groups g = groups_of(p, &a);
  cr_assert_eq(g.count, 4);
  cr_expect_eq(g.small, 0);
  for (size_t k = 0; k < g.count; k++) {
    expect_alone(p, &a, &g.group[k], g.marked == 0);
    cr_expect(k == 0 || g.group[k].corrected_distance.value <= g.group[k - 1].corrected_distance.value, "sorted");
  }
  cgap_image_groups_clear(&g);
  cgap_audit_clear(&a);
  free(p);
}

Test(groups, numbers_are_those_of_an_audit_of_the_rows_alone)
{
  expect_groups_alone(1);
}

Test(groups, several_texts_follow_their_image)
{
  expect_groups_alone(3);
}

Test(groups, images_with_unequal_numbers_of_texts)
{
  expect_groups_alone(0);
}

/* The sums give the estimate and the variance of the audit. */
static void expect_sums(size_t texts)
{
  pairs *p = grouped(150, 3, texts, 0.2, 9 + texts);
  const cgap_data data = data_of(p);
  cgap_audit a = audit_of(&data);
  cgap_gap_sums s;
  cgap_error error = {0};
  cr_assert_eq(cgap_gap_sums_init(&s, DIM, texts > 0, &error), CGAP_OK);
  size_t text = 0;
  for (size_t i = 0; i < p->images; i++) {
    double x[DIM], t[DIM] = {0}, scratch[2 * DIM], norm = 0;
    size_t k = 0;
    for (size_t c = 0; c < DIM; c++)
      norm += p->image[i][c] * p->image[i][c];
    for (size_t c = 0; c < DIM; c++)
      x[c] = p->image[i][c] / sqrt(norm);
    for (; text < p->texts && p->text_image[text] == i; text++, k++) {
      norm = 0;
      for (size_t c = 0; c < DIM; c++)
        norm += p->text[text][c] * p->text[text][c];
      for (size_t c = 0; c < DIM; c++)
        t[c] += p->text[text][c] / sqrt(norm);
    }
    cgap_gap_sums_add(&s, x, t, &k, 1, scratch);
  }
  const cgap_squared_gap gap = cgap_gap_sums_finish(&s);
  const cgap_scalar got = cgap_squared_gap_distance(&gap), *want = &a.gap.corrected_distance;
  cr_expect(support_near("distance", "", got.value, want->value, 1e-9, 0));
  cr_expect(support_near("low", "", got.lo, want->lo, 1e-9, 0));
  cr_expect(support_near("high", "", got.hi, want->hi, 1e-9, 0));
  cgap_gap_sums_clear(&s);
  cgap_audit_clear(&a);
  free(p);
}

Test(groups, sums_give_the_audits_distance_and_interval)
{
  expect_sums(1);
  expect_sums(2);
  expect_sums(0);
}

Test(groups, two_squared_gaps_are_compared_by_welchs_test)
{
  /* equal variances v and sizes n: freedom 2(n − 1) = 20, t = 2.086 is p 0.05, 2.845 is 0.01 (tables) */
  const cgap_squared_gap a = {.square = 1, .variance = 0.5, .images = 11};
  const cgap_squared_gap b = {.square = 1 - 2.085963, .variance = 0.5, .images = 11};
  const cgap_squared_gap c = {.square = 1 + 2.845340, .variance = 0.5, .images = 11};
  cr_expect(support_near("p", "0.05", cgap_squared_gap_p(&a, &b), 0.05, 1e-6, 0));
  cr_expect(support_near("p", "0.01", cgap_squared_gap_p(&a, &c), 0.01, 1e-6, 0));
  cr_expect_eq(cgap_squared_gap_p(&a, &a), 1);
}

Test(groups, one_other_gap_is_marked_alone_and_holm_corrects_the_rest)
{
  pairs *p = calloc(1, sizeof *p);
  cgap_random random = cgap_random_init(5, 1);
  for (size_t i = 0; i < 400; i++)
    add_image(p, i % 5, 1, i % 5 == 3 ? 0.6 : 0.15, 0, 0, &random);
  const cgap_data data = data_of(p);
  cgap_audit a = audit_of(&data);
  cgap_image_groups g = groups_of(p, &a);
  cr_assert_eq(g.count, 5);
  cr_expect_eq(g.marked, 1);
  for (size_t k = 0; k < g.count; k++) {
    size_t below = 0;
    double least = 0;
    cr_expect_eq(g.group[k].marked, g.group[k].name[0] == 'd', "%s", g.group[k].name);
    /* Holm: the largest of (m − rank) p over those with p up to its own */
    for (size_t i = 0; i < g.count; i++) {
      below = 0;
      for (size_t j = 0; j < g.count; j++)
        below += g.group[j].p < g.group[i].p;
      if (g.group[i].p <= g.group[k].p)
        least = fmax(least, fmin(1, g.group[i].p * (double)(g.count - below)));
    }
    cr_expect(support_near("p_holm", g.group[k].name, g.group[k].p_holm, least, 0, 1e-12));
  }
  /* the marked group is left out of the rest of the others */
  cr_expect(g.group[0].marked && g.group[1].rest < a.gap.corrected_distance.value);
  cgap_image_groups_clear(&g);
  cgap_audit_clear(&a);
  free(p);
}

static cgap_paradox paradox_of(const pairs *p)
{
  const cgap_data data = data_of(p);
  cgap_audit a = audit_of(&data);
  cgap_image_groups g = groups_of(p, &a);
  const cgap_paradox out = g.paradox;
  cr_expect_eq(g.count, p->groups);
  cgap_image_groups_clear(&g);
  cgap_audit_clear(&a);
  return out;
}

/* Two groups far from each other, no gap within; those of the second have four texts per image, so that the mean text
 * is nearer to it than the mean image. */
Test(groups, simpsons_paradox_of_a_whole_with_a_gap)
{
  pairs *p = calloc(1, sizeof *p);
  cgap_random random = cgap_random_init(6, 1);
  for (size_t i = 0; i < 400; i++)
    add_image(p, i % 2, i % 2 ? 4 : 1, 0, 0, i % 2 ? 3 : -3, &random);
  cr_expect_eq(paradox_of(p), CGAP_PARADOX_WHOLE);
  free(p);
}

/* Gaps of the groups that point in opposite directions. */
Test(groups, simpsons_paradox_of_groups_with_gaps)
{
  pairs *p = calloc(1, sizeof *p);
  cgap_random random = cgap_random_init(7, 1);
  for (size_t i = 0; i < 400; i++)
    add_image(p, i % 2, 1, i % 2 ? 0.5 : -0.5, 0, 0, &random);
  cr_expect_eq(paradox_of(p), CGAP_PARADOX_GROUPS);
  free(p);
}

Test(groups, no_paradox_where_groups_and_whole_agree)
{
  pairs *with = grouped(400, 4, 1, 0.4, 8), *without = grouped(400, 4, 1, 0, 8);
  cr_expect_eq(paradox_of(with), CGAP_PARADOX_NONE);
  cr_expect_eq(paradox_of(without), CGAP_PARADOX_NONE);
  free(with);
  free(without);
}

Test(groups, small_groups_are_counted_and_stay_in_the_rest)
{
  pairs *p = calloc(1, sizeof *p);
  cgap_random random = cgap_random_init(9, 1);
  for (size_t i = 0; i < 150; i++)
    add_image(p, i < 20 ? 0 : i < 39 ? 1 : i < 45 ? 2 : 3, 1, 0.3, 0, 0, &random);
  const cgap_data data = data_of(p);
  cgap_audit a = audit_of(&data);
  cgap_image_groups g = groups_of(p, &a);
  cr_expect_eq(g.count, 2);
  cr_expect_eq(g.small, 2);
  cr_expect_eq(g.small_images, 25);
  for (size_t k = 0; k < g.count; k++)
    expect_alone(p, &a, &g.group[k], g.marked == 0);
  cgap_image_groups_clear(&g);
  cgap_audit_clear(&a);
  free(p);
}

/* Bad rows that were dropped are in no group, and the rows of others stay their own. */
Test(groups, dropped_rows_leave_their_group)
{
  pairs *p = grouped(200, 4, 1, 0.3, 10);
  bool in[IMAGES_MAX];
  for (size_t i = 0; i < 200; i++)
    in[i] = i % 4 == 1 && i != 5 && i != 13;
  p->image[5][0] = NAN;
  memset(p->text[13], 0, sizeof p->text[13]);
  cgap_data data = data_of(p);
  data.drop_bad = true;
  cgap_audit a = audit_of(&data);
  cgap_image_groups g = groups_of(p, &a);
  pairs *alone = part_of(p, in);
  const cgap_data own = data_of(alone);
  cgap_audit b = audit_of(&own);
  for (size_t k = 0; k < g.count; k++)
    if (g.group[k].name[0] == 'b') {
      cr_expect_eq(g.group[k].texts, 48);
      cr_expect(support_near("uniformity", "text", g.group[k].uniformity_text.value, b.uniformity.text.value, 0, 0));
    }
  cgap_image_groups_clear(&g);
  cgap_audit_clear(&a);
  cgap_audit_clear(&b);
  free(alone);
  free(p);
}

Test(groups, what_does_not_fit_is_refused)
{
  pairs *p = grouped(100, 2, 1, 0.3, 11);
  cgap_data data = data_of(p);
  cgap_audit a = audit_of(&data);
  cgap_image_groups g;
  cgap_error error;
  const cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  cgap_grouping grouping = {.by = "g", .name = NAMES, .groups = 2, .of_image = p->group, .images = 99};
  cr_expect_eq(cgap_image_groups_run(&g, &grouping, &a, &data, &options, &error), CGAP_DATA);
  cr_expect(strstr(error.message, "99") && strstr(error.message, "100"), "%s", error.message);
  grouping.images = 100;
  grouping.groups = 1;
  cr_expect_eq(cgap_image_groups_run(&g, &grouping, &a, &data, &options, &error), CGAP_DATA);
  cr_expect(strstr(error.message, "image 1 is in group 1"), "%s", error.message);
  cr_expect_eq(cgap_image_groups_run(&g, NULL, &a, &data, &options, &error), CGAP_USAGE);
  cgap_audit_clear(&a);
  data.pairing = CGAP_UNPAIRED;
  data.text_image = NULL;
  a = audit_of(&data);
  grouping.groups = 2;
  cr_expect_eq(cgap_image_groups_run(&g, &grouping, &a, &data, &options, &error), CGAP_DATA);
  cgap_audit_clear(&a);
  free(p);
}
