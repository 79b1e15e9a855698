/* What must not change the numbers: rotation, order, threads, memory, the way pairs are written down. */
#include "audit/plan.h"
#include "compare.h"
#include "run_audit.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Keys that the change at hand moves, each a prefix. */
static bool is_left_out(const char *key, const char *const *left_out)
{
  for (; *left_out; left_out++)
    if (strncmp(key, *left_out, strlen(*left_out)) == 0)
      return true;
  return false;
}

/* Values and intervals of a and b, each within the key's tolerance; returns how many differ. */
static size_t differences(const char *where, const cgap_audit *a, const cgap_audit *b, const char *const *left_out)
{
  size_t failed = a->has != b->has, compared = 0;
  for (size_t f = 0; f < COMPARE_FIELD_COUNT; f++) {
    const compare_field *field = &COMPARE_FIELDS[f];
    if ((field->needs & a->has) != field->needs || is_left_out(field->key, left_out))
      continue;
    compared++;
    failed += !compare_near(where, field, compare_value(a, field), compare_value(b, field));
    if (field->kind == COMPARE_SCALAR) {
      const cgap_scalar *p = (const void *)((const char *)a + field->offset);
      const cgap_scalar *q = (const void *)((const char *)b + field->offset);
      failed += !support_near(where, field->key, p->lo, q->lo, 1e-6, 1e-5);
      failed += !support_near(where, field->key, p->hi, q->hi, 1e-6, 1e-5);
    }
  }
  cr_assert_gt(compared, 10);
  return failed;
}

enum { N = 160, D = 24 };

Test(audit_same, rotated)
{
  double *x, *y, *q = support_alloc(D * D, sizeof *q);
  double *rx = support_alloc(N * D, sizeof *rx), *ry = support_alloc(N * D, sizeof *ry);
  support_random r = support_seed(9);
  run_pairs(21, N, D, 0.5, &x, &y);
  support_rotation(&r, q, D);
  support_product(x, q, rx, N, D);
  support_product(y, q, ry, N, D);
  run_rows rows = {N, N, D, x, y, NULL, CGAP_BY_ROW, false}, turned = {N, N, D, rx, ry, NULL, CGAP_BY_ROW, false};
  cgap_audit a = run_audit(&rows, 0.01, 2, 0), b = run_audit(&turned, 0.01, 2, 0);
  const char *none[] = {NULL};
  cr_expect_eq(differences("rotated", &b, &a, none), 0);
  cgap_audit_clear(&a);
  cgap_audit_clear(&b);
  double *blocks[] = {x, y, q, rx, ry};
  for (size_t k = 0; k < 5; k++)
    free(blocks[k]);
}

/* Pairs in another order. The folds of the separability go by row; the pairing test's shift does as well. */
Test(audit_same, permuted)
{
  double *x, *y, *px = support_alloc(N * D, sizeof *px), *py = support_alloc(N * D, sizeof *py);
  size_t order[N];
  support_random r = support_seed(10);
  run_pairs(22, N, D, 0.5, &x, &y);
  for (size_t i = 0; i < N; i++)
    order[i] = i;
  support_shuffle(&r, order, N);
  for (size_t i = 0; i < N; i++) {
    memcpy(px + i * D, x + order[i] * D, D * sizeof *x);
    memcpy(py + i * D, y + order[i] * D, D * sizeof *y);
  }
  run_rows rows = {N, N, D, x, y, NULL, CGAP_BY_ROW, false}, moved = {N, N, D, px, py, NULL, CGAP_BY_ROW, false};
  cgap_audit a = run_audit(&rows, 0.01, 2, 0), b = run_audit(&moved, 0.01, 2, 0);
  const char *by_row[] = {"gap.linear_separability", "gap.separability_auc", NULL};
  cr_expect_eq(differences("permuted", &b, &a, by_row), 0);
  for (size_t i = 0; i < N; i++)
    cr_expect_eq(b.rank_text_to_image[i], a.rank_text_to_image[order[i]]);
  cgap_audit_clear(&a);
  cgap_audit_clear(&b);
  free(x);
  free(y);
  free(px);
  free(py);
}

/* The same pairs, texts in another order with text_image beside them. */
Test(audit_same, texts_in_any_order)
{
  double *x, *y, *py = support_alloc(N * D, sizeof *py);
  uint64_t owner[N];
  size_t order[N];
  support_random r = support_seed(12);
  run_pairs(23, N, D, 0.5, &x, &y);
  for (size_t i = 0; i < N; i++)
    order[i] = i;
  support_shuffle(&r, order, N);
  for (size_t j = 0; j < N; j++) {
    memcpy(py + j * D, y + order[j] * D, D * sizeof *y);
    owner[j] = order[j];
  }
  run_rows rows = {N, N, D, x, y, NULL, CGAP_BY_ROW, false}, moved = {N, N, D, x, py, owner, CGAP_BY_INDEX, false};
  cgap_audit a = run_audit(&rows, 0.01, 2, 0), b = run_audit(&moved, 0.01, 2, 0);
  const char *none[] = {NULL};
  cr_expect_eq(differences("texts in any order", &b, &a, none), 0);
  cgap_audit_clear(&a);
  cgap_audit_clear(&b);
  free(x);
  free(y);
  free(py);
}

/* Every text five times over adds no information: same values, and the same intervals, for the image with its texts
 * is the unit. What sees text against text or counts candidates among the texts is left out, and stated below. */
Test(audit_same, one_caption_against_five)
{
  enum { K = 5 };
  double *x, *y, *five = support_alloc(K * N * D, sizeof *five);
  uint64_t owner[K * N];
  run_pairs(24, N, D, 0.4, &x, &y);
  for (size_t j = 0; j < K * N; j++) {
    owner[j] = j / K;
    memcpy(five + j * D, y + j / K * D, D * sizeof *y);
  }
  run_rows rows = {N, N, D, x, y, NULL, CGAP_BY_ROW, false}, many = {N, K * N, D, x, five, owner, CGAP_BY_INDEX, false};
  cgap_audit a = run_audit(&rows, 0.05, 2, 0), b = run_audit(&many, 0.05, 2, 0);
  const char *moved[] = {"gap.linear_separability",
                         "gap.separability_auc",
                         "gap.rmg",
                         "gap.mmd2", /* its value stays: see below */
                         "agreement",
                         "uniformity.text",
                         "uniformity.mean",
                         "uniformity.cross", /* its value stays: see below */
                         "cosine.pair.sd",
                         "cosine.pair.p",
                         "cosine.cross.sd",
                         "cosine.text",
                         "loss.clip_image_to_text",
                         "loss.clip",
                         "loss.cua",
                         "pca.joint",
                         "retrieval.image_to_text",
                         "hubness",
                         "mixed",
                         "checks.pairing.z",
                         "checks.pairing.below_median_share", /* its value stays; at 0 its interval is of all texts */
                         NULL};
  cr_expect_eq(differences("five captions", &b, &a, moved), 0);
  cr_expect_eq(b.pairing_check.below_median_share.value, a.pairing_check.below_median_share.value);
  cr_expect(
    support_near("five captions", "uniformity.cross", b.uniformity.cross.value, a.uniformity.cross.value, 1e-6, 0));
  cr_expect(support_near("five captions", "gap.mmd2", b.gap.mmd2.value, a.gap.mmd2.value, 1e-6, 0));
  cr_expect_not_null(b.agreement.cka.why);
  cr_expect(support_near("five captions", "loss.clip_text_to_image", b.loss.clip_text_to_image.value,
                         a.loss.clip_text_to_image.value, 1e-6, 0));
  for (size_t i = 0; i < N; i++) /* each text above the positive is there five times */
    cr_expect_eq(b.rank_image_to_text[i], 1 + K * (a.rank_image_to_text[i] - 1));
  cr_expect_eq(b.image_to_text.recall_at_1.value, a.image_to_text.recall_at_1.value);
  cr_expect_eq(b.text_to_image.recall_at_1.n, K * N);
  /* a tenth of the pairs of texts is of equal ones: 5·4/2 of each N in 5N(5N − 1)/2 */
  double equal = N * K * (K - 1) / 2.0, all = K * N * (K * N - 1) / 2.0;
  double text = log((equal + (all - equal) * exp(a.uniformity.text.value)) / all);
  cr_expect(support_near("five captions", "uniformity.text", b.uniformity.text.value, text, 1e-6, 0));
  cgap_audit_clear(&a);
  cgap_audit_clear(&b);
  free(x);
  free(y);
  free(five);
}

/* An image row for every caption, merged, is the image once with its texts. */
Test(audit_same, merged_images)
{
  enum { K = 3, TEXTS = K * N };
  double *x, *y, *repeated = support_alloc(TEXTS * D, sizeof *repeated),
                 *texts = support_alloc(TEXTS * D, sizeof *texts);
  uint64_t owner[TEXTS];
  support_random r = support_seed(13);
  run_pairs(25, N, D, 0.4, &x, &y);
  for (size_t j = 0; j < TEXTS; j++) {
    owner[j] = j / K;
    memcpy(repeated + j * D, x + j / K * D, D * sizeof *x);
    for (size_t k = 0; k < D; k++)
      texts[j * D + k] = y[j / K * D + k] + 0.05 * support_normal(&r);
  }
  run_rows once = {N, TEXTS, D, x, texts, owner, CGAP_BY_INDEX, false};
  run_rows rows = {TEXTS, TEXTS, D, repeated, texts, NULL, CGAP_BY_ROW, true};
  cgap_audit a = run_audit(&once, 0.01, 2, 0), b = run_audit(&rows, 0.01, 2, 0);
  const char *none[] = {NULL};
  cr_assert_eq(b.images, N);
  cr_expect_eq(b.merged_images, TEXTS - N);
  cr_expect_eq(differences("merged", &b, &a, none), 0);
  cgap_audit_clear(&a);
  cgap_audit_clear(&b);
  free(x);
  free(y);
  free(repeated);
  free(texts);
}

/* Class texts stand in for texts that are not there. */
Test(audit_same, classes_as_texts)
{
  enum { C = 12 };
  double *x, *y;
  int64_t labels[N];
  run_pairs(26, N, D, 0.4, &x, &y);
  for (size_t i = 0; i < N; i++)
    labels[i] = (int64_t)(i % C);
  run_rows unpaired = {N, C, D, x, y, NULL, CGAP_UNPAIRED, false};
  cgap_data data = run_data(&unpaired), classes = data;
  classes.text = (cgap_source){0};
  classes.labels = labels;
  classes.class_text = data.text;
  classes.prompts = 1;
  cgap_audit a = run_audit_data(&data, 0.01, 2, 0), b = run_audit_data(&classes, 0.01, 2, 0);
  cr_expect_eq(b.has, CGAP_TEXT_IS_CLASSES | CGAP_HAS_ZERO_SHOT | CGAP_HAS_TEXT | CGAP_ONE_SPACE);
  cr_expect_eq(a.has, CGAP_HAS_TEXT | CGAP_ONE_SPACE);
  a.has = b.has = 0;
  const char *none[] = {NULL};
  cr_expect_eq(differences("classes", &b, &a, none), 0);
  cgap_audit_clear(&a);
  cgap_audit_clear(&b);
  free(x);
  free(y);
}

/* ---------------------------------------------------------------- threads and memory */

static void expect_same_bits(const run_rows *rows)
{
  cgap_audit one = run_audit(rows, 0.01, 1, 0), two = run_audit(rows, 0.01, 2, 0), three = run_audit(rows, 0.01, 3, 0);
  cr_expect_eq(compare_bits("threads 1 and 2", &one, &two), 0);
  cr_expect_eq(compare_bits("threads 1 and 3", &one, &three), 0);
  cgap_audit_clear(&one);
  cgap_audit_clear(&two);
  cgap_audit_clear(&three);
}

Test(audit_same, threads_give_the_same_bits)
{
  enum { ROWS = 3000, DIM = 16 };
  double *x, *y;
  run_pairs(31, ROWS, DIM, 0.4, &x, &y);
  expect_same_bits(&(run_rows){ROWS, ROWS, DIM, x, y, NULL, CGAP_BY_ROW, false});
  free(x);
  free(y);
}

/* Rows so near to one another that float cosines come out at 1 and above, where the lower row is the better one. */
Test(audit_same, threads_give_the_same_bits_of_nearly_equal_rows)
{
  enum { ROWS = 2300, DIM = 64 };
  double *x = support_alloc(ROWS * DIM, sizeof *x), *y = support_alloc(ROWS * DIM, sizeof *y), centre[DIM];
  support_random r = support_seed(33);
  support_normals(&r, centre, DIM);
  for (size_t k = 0; k < ROWS * DIM; k++) {
    x[k] = centre[k % DIM] + 1e-4 * support_normal(&r);
    y[k] = centre[k % DIM] + 1e-4 * support_normal(&r);
  }
  expect_same_bits(&(run_rows){ROWS, ROWS, DIM, x, y, NULL, CGAP_BY_ROW, false});
  free(x);
  free(y);
}

/* Rows read again panel by panel, or all in memory; with repeated rows and several texts an image. */
Test(audit_same, memory_gives_the_same_bits)
{
  enum { ROWS = 3100, DIM = 16, TEXTS = 3400 };
  double *x, *y, *texts = support_alloc(TEXTS * DIM, sizeof *texts);
  uint64_t *owner = support_alloc(TEXTS, sizeof *owner);
  cgap_plan plan;
  run_pairs(32, ROWS, DIM, 0.4, &x, &y);
  for (size_t j = 0; j < TEXTS; j++) {
    owner[j] = j * 7 % ROWS;
    memcpy(texts + j * DIM, y + owner[j] * DIM, DIM * sizeof *y);
    texts[j * DIM] += j % 3 == 0 ? 0.01 : 0;
  }
  memcpy(x + 3000 * DIM, x + 17 * DIM, 20 * DIM * sizeof *x);
  run_rows rows = {ROWS, TEXTS, DIM, x, texts, owner, CGAP_BY_INDEX, false};
  cgap_data data = run_data(&rows);
  cgap_plan_options options = {.threads = 2, .memory_bytes = (uint64_t)1 << 40};
  cr_assert_eq(cgap_plan_make(&plan, &data.image, &data.text, &options, NULL), CGAP_OK);
  cr_assert(plan.resident);
  options.memory_bytes = plan.smallest_bytes;
  cr_assert_eq(cgap_plan_make(&plan, &data.image, &data.text, &options, NULL), CGAP_OK);
  cr_assert_not(plan.resident);
  cr_assert_lt(plan.panel_rows, ROWS, "several panels a side");
  cgap_audit large = run_audit(&rows, 0.01, 2, (uint64_t)1 << 40);
  cgap_audit small = run_audit(&rows, 0.01, 2, plan.smallest_bytes);
  cr_expect_eq(compare_bits("memory", &large, &small), 0);
  cgap_audit_clear(&large);
  cgap_audit_clear(&small);
  free(x);
  free(y);
  free(texts);
  free(owner);
}
