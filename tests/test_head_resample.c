/* Paired differences: what each image contributes against leaving it out; exact tests against their tables; intervals
 * that hold the difference, and 0 where the verdict says so; the same rows in other clothes; who is the same at all. */
#include "analysis/interval.h"
#include "analysis/measure.h"
#include "head/evaluation/comparison.h"
#include "head/evaluation/evaluation.h"
#include "two_models.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Test(head_resample, quantiles_are_those_of_the_tables)
{
  cr_expect(support_near("Student", "1", cgap_student_95(1), 12.706204736, 0, 1e-9));
  cr_expect(support_near("Student", "5", cgap_student_95(5), 2.570581836, 0, 1e-9));
  cr_expect(support_near("Student", "59", cgap_student_95(59), 2.000995378, 0, 1e-9));
  cr_expect(support_near("Student", "1e6", cgap_student_95(1e6), 1.959966357, 0, 1e-8));
  /* Clopper and Pearson of 7 among 20 */
  cr_expect(support_near("beta", "lower", cgap_beta_quantile(0.025, 7, 14), 0.1539092, 0, 1e-6));
  cr_expect(support_near("beta", "upper", cgap_beta_quantile(0.975, 8, 13), 0.5921885, 0, 1e-6));
  cr_expect(support_near("beta", "one", cgap_beta_quantile(0.025, 1, 1), 0.025, 0, 1e-12));
}

/* ---------------------------------------------------------------- contributions */

/* The data without image `left_out` and its texts. */
static void audit_without(cgap_audit *out, const two_models *m, size_t left_out)
{
  two_models some = *m;
  some.images--;
  some.texts = 0;
  some.image[0] = support_alloc(m->images * m->dim, sizeof(double));
  some.text[0] = support_alloc(m->texts * m->dim, sizeof(double));
  some.text_image = support_alloc(m->texts, sizeof *some.text_image);
  for (size_t i = 0, to = 0; i < m->images; i++)
    if (i != left_out)
      memcpy(some.image[0] + to++ * m->dim, m->image[0] + i * m->dim, m->dim * sizeof(double));
  for (size_t j = 0; j < m->texts; j++)
    if (m->text_image[j] != left_out) {
      memcpy(some.text[0] + some.texts * m->dim, m->text[0] + j * m->dim, m->dim * sizeof(double));
      some.text_image[some.texts++] = m->text_image[j] - (m->text_image[j] > left_out);
    }
  cgap_data data = two_models_data(&some, 0);
  data.labels = NULL;
  data.class_text.rows = data.words.rows = data.queries = 0;
  two_models_audit(out, &data);
  free(some.image[0]);
  free(some.text[0]);
  free(some.text_image);
}

static void check_jackknife(size_t captions)
{
  enum { IMAGES = 80, LEFT_OUT = 12, KEYS = 7 };
  const two_models_options options = {
    .images = IMAGES, .dim = 12, .captions = captions, .noise = 0.7, .cone = 0.5, .gap = {0.3, 0.3}, .seed = 3};
  two_models m;
  cgap_audit whole;
  two_models_init(&m, &options);
  const cgap_data data = two_models_data(&m, 0);
  two_models_audit(&whole, &data);
  const cgap_contributions *c = whole.contributions;
  const double *kept[KEYS] = {c->kernel[CGAP_IMAGE_IMAGE],
                              c->kernel[CGAP_TEXT_TEXT],
                              c->kernel[CGAP_IMAGE_TEXT],
                              c->centroid[CGAP_OF_SQUARED_DISTANCE],
                              c->centroid[CGAP_OF_CENTROID_COSINE],
                              c->centroid[CGAP_OF_RMG],
                              c->centroid[CGAP_OF_SHARE_OF_ALIGNMENT]};
  const char *const names[KEYS] = {"image", "text", "cross", "distance", "cosine", "rmg", "share"};
  double products[KEYS] = {0}, squares[KEYS] = {0}, wanted[KEYS] = {0};
  for (size_t i = 0; i < LEFT_OUT; i++) {
    cgap_audit part;
    audit_without(&part, &m, i);
    const double from[KEYS] = {part.uniformity.image.value,      part.uniformity.text.value,
                               part.uniformity.cross.value,      pow(part.gap.corrected_distance.value, 2) / 2,
                               part.gap.centroid_cosine.value,   part.gap.rmg.value,
                               part.gap.share_of_alignment.value};
    const double to[KEYS] = {whole.uniformity.image.value,      whole.uniformity.text.value,
                             whole.uniformity.cross.value,      pow(whole.gap.corrected_distance.value, 2) / 2,
                             whole.gap.centroid_cosine.value,   whole.gap.rmg.value,
                             whole.gap.share_of_alignment.value};
    for (int k = 0; k < KEYS; k++) {
      const double moved = to[k] - from[k];
      products[k] += moved * kept[k][i];
      squares[k] += kept[k][i] * kept[k][i];
      wanted[k] += moved * moved;
    }
    cgap_audit_clear(&part);
  }
  for (int k = 0; k < KEYS; k++) { /* leaving one out of 80 is the first order but for terms of 1/80 */
    cr_expect_gt(products[k] / sqrt(squares[k] * wanted[k]), 0.99, "%s: correlation", names[k]);
    cr_expect(support_near("jackknife", names[k], products[k] / squares[k], 1, 0.06, 0));
  }
  cgap_audit_clear(&whole);
  two_models_clear(&m);
}

Test(head_resample, contributions_are_what_leaving_an_image_out_takes)
{
  check_jackknife(1);
  check_jackknife(4);
}

/* ---------------------------------------------------------------- exact tests */

static cgap_change *change_of(const cgap_comparison *c, const char *key)
{
  return &c->change[c->entries + cgap_entry_find(key)];
}

static const char *word_of(const cgap_comparison *c, const char *key)
{
  const size_t e = cgap_entry_find(key);
  return cgap_change_word(&c->change[c->entries + e], cgap_comparison_better(c, 1, e));
}

/* Text i is the unit vector i; images lean so far to another text that they find that one first, where the bit says. */
static void audit_leaning(cgap_audit *out, const bool *leans, size_t images)
{
  double *image = support_alloc(images * images, sizeof *image), *text = support_alloc(images * images, sizeof *text);
  for (size_t i = 0; i < images; i++) {
    text[i * images + i] = 1;
    image[i * images + i] = leans[i] ? 0.6 : 1;
    image[i * images + (i + images / 2) % images] = leans[i] ? 0.8 : 0;
  }
  const cgap_data data = {.image = cgap_source_view(image, images, images, CGAP_FLOAT64, "image"),
                          .text = cgap_source_view(text, images, images, CGAP_FLOAT64, "text"),
                          .pairing = CGAP_BY_ROW};
  two_models_audit(out, &data);
  free(image);
  free(text);
}

Test(head_resample, mcnemar_gives_verdict_and_interval_of_shares)
{
  enum { IMAGES = 40 };
  static const struct {
    size_t gained, lost;
    double lo, hi; /* of 40; Clopper and Pearson of the gains among the changed */
    const char *word;
  } cases[] = {
    {1, 0, -0.02375, 0.025, "unclear"},           {5, 0, -0.00545593753, 0.125, "unclear"},      /* p = 0.0625 */
    {6, 0, 0.0122225621, 0.15, "better"},                                                        /* p = 0.03125 */
    {0, 6, -0.15, -0.0122225621, "worse"},        {7, 1, -0.0106038684, 0.198736111, "unclear"}, /* p = 0.0703 */
    {8, 1, 0.00787656829, 0.223735888, "better"},                                                /* p = 0.0391 */
    {3, 3, -0.114564825, 0.114564825, "same"}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    bool before[IMAGES] = {false}, after[IMAGES] = {false};
    cgap_audit a, b;
    cgap_comparison c;
    for (size_t i = 0; i < cases[k].gained; i++)
      before[i] = true;
    for (size_t i = 0; i < cases[k].lost; i++)
      after[IMAGES / 2 - 1 - i] = true;
    audit_leaning(&a, before, IMAGES);
    audit_leaning(&b, after, IMAGES);
    two_models_compare(&c, &a, &b);
    const char *key = "retrieval.image_to_text.recall_at_1";
    const cgap_change *d = change_of(&c, key);
    cr_expect(support_near("McNemar", "lo", d->lo, cases[k].lo, 1e-6, 0), "case %zu", k);
    cr_expect(support_near("McNemar", "hi", d->hi, cases[k].hi, 1e-6, 0), "case %zu", k);
    cr_expect_str_eq(word_of(&c, key), cases[k].word, "case %zu: %s", k, word_of(&c, key));
    cgap_comparison_clear(&c);
    cgap_audit_clear(&a);
    cgap_audit_clear(&b);
  }
}

/* An interval holds its difference, and 0 exactly where there is no verdict; the same audits give the same bits. */
Test(head_resample, intervals_and_verdicts_agree)
{
  for (uint64_t seed = 0; seed < 12; seed++) {
    const two_models_options options = {.images = 30 + 40 * (seed % 3),
                                        .dim = 10,
                                        .captions = 1 + seed % 4,
                                        .noise = 0.5,
                                        .gap = {0.2 * (double)(seed % 2), 0.05},
                                        .seed = seed};
    two_models m;
    cgap_audit a, b;
    cgap_comparison c, again;
    two_models_init(&m, &options);
    const cgap_data first = two_models_data(&m, 0), other = two_models_data(&m, 1);
    two_models_audit(&a, &first);
    two_models_audit(&b, &other);
    two_models_compare(&c, &a, &b);
    two_models_compare(&again, &a, &b);
    size_t intervals = 0;
    for (size_t e = 0; e < c.entries; e++) {
      const cgap_change *d = &c.change[c.entries + e];
      const char *key = cgap_entry_key(e), *word = word_of(&c, key);
      const bool verdict = strcmp(word, "better") == 0 || strcmp(word, "worse") == 0 || strcmp(word, "different") == 0;
      if (!isfinite(d->lo)) {
        cr_expect_not(verdict, "%s: %s without an interval", key, word);
        continue;
      }
      intervals++;
      cr_expect(d->lo <= d->difference && d->difference <= d->hi, "%s: %g [%g, %g]", key, d->difference, d->lo, d->hi);
      cr_expect_eq(verdict, d->lo > 0 || d->hi < 0, "%s: %s [%g, %g]", key, word, d->lo, d->hi);
      cr_expect_eq(d->lo, again.change[c.entries + e].lo);
      cr_expect_eq(d->hi, again.change[c.entries + e].hi);
    }
    cr_expect_eq(intervals, 41, "%zu measures have an interval", intervals);
    cgap_comparison_clear(&c);
    cgap_comparison_clear(&again);
    cgap_audit_clear(&a);
    cgap_audit_clear(&b);
    two_models_clear(&m);
  }
}

/* ---------------------------------------------------------------- the same rows */

static void rotate(double *rows, size_t count, const double *rotation, size_t dim)
{
  double *out = support_alloc(count * dim, sizeof *out);
  support_product(rows, rotation, out, count, dim);
  memcpy(rows, out, count * dim * sizeof *out);
  free(out);
}

static void scale_rows(double *rows, size_t count, size_t dim, support_random *r)
{
  for (size_t i = 0; i < count; i++) {
    const double factor = 0.1 + 5 * support_uniform(r);
    for (size_t a = 0; a < dim; a++)
      rows[i * dim + a] *= factor;
  }
}

static void count_verdicts(size_t *better, size_t *same, const cgap_comparison *c)
{
  *better = *same = 0;
  for (size_t e = 0; e < c->entries; e++) {
    const char *word = word_of(c, cgap_entry_key(e));
    *better += strcmp(word, "better") == 0 || strcmp(word, "worse") == 0 || strcmp(word, "different") == 0;
    *same += strcmp(word, "same") == 0;
  }
}

Test(head_resample, the_same_rows_are_never_better)
{
  enum { IMAGES = 70, DIM = 24 };
  static const cgap_type types[] = {CGAP_FLOAT64, CGAP_FLOAT32, CGAP_FLOAT16, CGAP_BFLOAT16};
  for (size_t t = 0; t < 2 * sizeof types / sizeof *types; t++) {
    const cgap_type type = types[t / 2];
    const two_models_options options = {
      .images = IMAGES, .dim = DIM, .captions = 2, .noise = 0.5, .cone = 0.3, .gap = {0.3, 0.3}, .seed = 7 + t};
    support_random r = support_seed(t);
    double rotation[DIM * DIM];
    two_models m;
    cgap_audit a, b;
    cgap_comparison c;
    size_t better, same;
    two_models_init(&m, &options);
    cgap_data data = two_models_data(&m, 0);
    data.labels = NULL;
    data.class_text.rows = data.words.rows = data.queries = 0;
    two_models_audit(&a, &data);
    support_rotation(&r, rotation, DIM);
    double *sides[] = {m.image[0], m.text[0]};
    void *stored[2];
    for (int s = 0; s < 2; s++) {
      const size_t rows = s ? m.texts : m.images;
      if (t % 2)
        rotate(sides[s], rows, rotation, DIM);
      scale_rows(sides[s], rows, DIM, &r);
      stored[s] = support_encode(sides[s], rows * DIM, type);
    }
    data.image = cgap_source_view(stored[0], m.images, DIM, type, "image");
    data.text = cgap_source_view(stored[1], m.texts, DIM, type, "text");
    two_models_audit(&b, &data);
    two_models_compare(&c, &a, &b);
    count_verdicts(&better, &same, &c);
    cr_expect_eq(better, 0, "%s%s: %zu verdicts", cgap_type_name(type), t % 2 ? ", rotated" : "", better);
    cr_expect_gt(same, 30, "%s: %zu are the same", cgap_type_name(type), same);
    cr_expect(cgap_paired_same_rows(&a, &b));
    cgap_comparison_clear(&c);
    cgap_audit_clear(&a);
    cgap_audit_clear(&b);
    free(stored[0]);
    free(stored[1]);
    two_models_clear(&m);
  }
}

/* ---------------------------------------------------------------- who is the same */

static cgap_rows_relation relation_of(const two_models *m, const two_models *n)
{
  cgap_audit a, b;
  const char *why;
  const cgap_data first = two_models_data(m, 0), other = two_models_data(n, 1);
  two_models_audit(&a, &first);
  two_models_audit(&b, &other);
  const cgap_rows_relation relation = cgap_rows_recognised(&a, &b, &why);
  cgap_audit_clear(&a);
  cgap_audit_clear(&b);
  return relation;
}

Test(head_resample, rows_are_recognised_by_their_neighbours)
{
  for (uint64_t seed = 0; seed < 20; seed++) {
    two_models_options options = {.images = seed % 2 ? 60 : 400,
                                  .dim = 16,
                                  .captions = 1,
                                  .noise = 0.1,
                                  .cone = 0.5,
                                  .gap = {0.5, 0},
                                  .seed = seed};
    two_models close, apart, unrelated;
    two_models_init(&close, &options);
    options.noise = 1;
    two_models_init(&apart, &options);
    options.seed = 1000 + seed;
    options.noise = 0.1;
    two_models_init(&unrelated, &options);
    cr_expect_eq(relation_of(&close, &close), CGAP_ROWS_SAME, "seed %llu", (unsigned long long)seed);
    cr_expect_eq(relation_of(&apart, &apart), CGAP_ROWS_ASSUMED, "seed %llu", (unsigned long long)seed);
    cr_expect_eq(relation_of(&close, &unrelated), CGAP_ROWS_OTHER, "seed %llu", (unsigned long long)seed);
    two_models_clear(&close);
    two_models_clear(&apart);
    two_models_clear(&unrelated);
  }
}
