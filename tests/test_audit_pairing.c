/* How pairs are settled and doubted: an open pairing, the verdict on a given one, and the row offset. */
#include "run_audit.h"
#include "support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { N = 120, D = 16, K = 3 };

/* K texts for each image, all near it: text (i, k) stands at row i·K + k, or at k·N + i. */
static double *captions(const double *y, bool image_major)
{
  support_random r = support_seed(40);
  double *out = support_alloc(K * N * D, sizeof *out);
  for (size_t i = 0; i < N; i++)
    for (size_t k = 0; k < K; k++)
      for (size_t a = 0; a < D; a++)
        out[(image_major ? i * K + k : k * N + i) * D + a] = y[i * D + a] + 0.05 * support_normal(&r);
  return out;
}

/* The same audit as with the pairing written out. */
static void open_pairing(bool image_major)
{
  double *x, *y, *texts;
  uint64_t owner[K * N];
  run_pairs(41, N, D, 0.3, &x, &y);
  texts = captions(y, image_major);
  for (size_t j = 0; j < K * N; j++)
    owner[j] = image_major ? j / K : j % N;
  run_rows open = {N, K * N, D, x, texts, NULL, CGAP_PAIRING_OPEN, false};
  run_rows given = {N, K * N, D, x, texts, owner, CGAP_BY_INDEX, false};
  cgap_audit a = run_audit(&open, 0.01, 1, 0), b = run_audit(&given, 0.01, 1, 0);
  cr_assert_eq(a.has, CGAP_HAS_PAIRS | CGAP_HAS_TEXT | CGAP_ONE_SPACE | CGAP_HAS_AGREEMENT);
  for (size_t j = 0; j < K * N; j++)
    cr_assert_eq(a.image_of[j], owner[j], "text %zu went to image %zu", j, a.image_of[j]);
  cr_expect_eq(a.alignment.mean_squared_distance.value, b.alignment.mean_squared_distance.value);
  cr_expect_eq(a.text_to_image.recall_at_1.value, b.text_to_image.recall_at_1.value);
  cr_expect(strstr(a.pairing, image_major ? "image-major" : "caption-major"), "said: %s", a.pairing);
  cgap_audit_clear(&a);
  cgap_audit_clear(&b);
  free(x);
  free(y);
  free(texts);
}

Test(audit_pairing, open_image_major)
{
  open_pairing(true);
}

Test(audit_pairing, open_caption_major)
{
  open_pairing(false);
}

/* Texts in no order at all: neither way of counting is supported. */
Test(audit_pairing, open_and_neither)
{
  double *x, *y, *strange;
  cgap_audit out;
  cgap_error error;
  const cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  run_pairs(42, N, D, 0.3, &x, &y);
  strange = captions(y, true);
  support_random r = support_seed(43);
  support_normals(&r, strange, K * N * D);
  run_rows rows = {N, K * N, D, x, strange, NULL, CGAP_PAIRING_OPEN, false};
  cgap_data data = run_data(&rows);
  cr_expect_eq(cgap_audit_run(&out, &data, &options, &error), CGAP_FILE);
  cr_expect(strstr(error.message, "--text-image"), "%s", error.message);
  cgap_audit_clear(&out);
  free(x);
  free(y);
  free(strange);
}

/* text i shows image i + offset, wrapped around */
static cgap_pairing_check checked(int offset, bool strangers)
{
  double *x, *y, *moved = support_alloc(N * D, sizeof *moved);
  support_random r = support_seed(44);
  run_pairs(45, N, D, 0.3, &x, &y);
  for (int i = 0; i < N; i++)
    memcpy(moved + i * D, y + (i + offset + N) % N * D, D * sizeof *y);
  if (strangers)
    support_normals(&r, moved, N * D);
  run_rows rows = {N, N, D, x, moved, NULL, CGAP_BY_ROW, false};
  cgap_audit a = run_audit(&rows, 0.01, 1, 0);
  cgap_pairing_check out = a.pairing_check;
  cgap_audit_clear(&a);
  free(x);
  free(y);
  free(moved);
  return out;
}

Test(audit_pairing, verdicts)
{
  cgap_pairing_check sound = checked(0, false), strange = checked(0, true);
  cr_expect_eq(sound.verdict, CGAP_PAIRING_MATCHED);
  cr_expect_eq(sound.shift, 0);
  cr_expect_gt(sound.z, 10);
  cr_expect_gt(sound.matched_mean, sound.shuffled_mean);
  cr_expect_eq(strange.verdict, CGAP_PAIRING_SHUFFLED);
  cr_expect_eq(strange.shift, 0);
}

Test(audit_pairing, shifted_rows)
{
  for (int offset = -7; offset <= 7; offset++) {
    cgap_pairing_check check = checked(offset, false);
    int want = offset >= -5 && offset <= 5 ? offset : 0; /* farther ones are not looked for */
    cr_expect_eq(check.shift, want, "rows off by %d: shift %d", offset, check.shift);
    cr_expect_eq(check.verdict, offset ? CGAP_PAIRING_SHUFFLED : CGAP_PAIRING_MATCHED, "rows off by %d: z %g", offset,
                 check.z);
  }
}
