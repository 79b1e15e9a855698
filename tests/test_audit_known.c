/* Answers that are known without a program: closed forms and identities. */
#include "reference.h"
#include "report/text.h"
#include "run_audit.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The stated precision: float32 cosines, double sums. */
static void near(const char *where, const char *key, double got, double want, double atol)
{
  cr_expect(support_near(where, key, got, want, atol, 0), "%s", key);
}

/* ---------------------------------------------------------------- offset model */

/* x_i = √(1−h²) u_i + h e, y_i = √(1−h²) u_i − h e; u orthogonal to e, Σ u_i = 0 */
static void offset_rows(double h, size_t pairs, size_t d, double *x, double *y)
{
  support_random r = support_seed(11);
  double *u = support_alloc(d, sizeof *u);
  for (size_t i = 0; i < pairs; i++) {
    support_normals(&r, u, d);
    u[0] = 0;
    support_normalise(u, 1, d);
    for (int sign = 0; sign < 2; sign++) {
      size_t row = (2 * i + sign) * d;
      for (size_t k = 0; k < d; k++)
        x[row + k] = y[row + k] = sqrt(1 - h * h) * (sign ? -u[k] : u[k]);
      x[row] = h;
      y[row] = -h;
    }
  }
  free(u);
}

Test(audit_known, offset_model)
{
  enum { PAIRS = 60, N = 2 * PAIRS, D = 24 };
  const double H[] = {0, 0.1, 0.3, 0.5, 0.7, 0.95};
  double *x = support_alloc(N * D, sizeof *x), *y = support_alloc(N * D, sizeof *y);
  for (size_t k = 0; k < sizeof H / sizeof *H; k++) {
    double h = H[k], tau = 0.07;
    char where[50];
    snprintf(where, sizeof where, "offset, h = %g", h);
    run_rows rows = {N, N, D, x, y, NULL, CGAP_BY_ROW, false};
    offset_rows(h, PAIRS, D, x, y);
    cgap_audit a = run_audit(&rows, tau, 2, 0);
    offset_rows(0, PAIRS, D, x, y);
    cgap_audit still = run_audit(&rows, tau / (1 - h * h), 2, 0);
    near(where, "gap.centroid_distance", a.gap.centroid_distance.value, 2 * h, 1e-9);
    near(where, "alignment.mean_squared_distance", a.alignment.mean_squared_distance.value, 4 * h * h, 1e-9);
    near(where, "alignment.mean_distance", a.alignment.mean_distance.value, 2 * h, 1e-7); /* a root near 0 */
    near(where, "uniformity.cross − uniformity.mean", a.uniformity.cross.value - a.uniformity.mean.value, -8 * h * h,
         1e-6);
    near(where, "loss.clip at h, τ", a.loss.clip.value, still.loss.clip.value, 1e-6);
    near(where, "cosine.pair.mean", a.cosine_pair.mean, 1 - 2 * h * h, 1e-9);
    near(where, "gap.noise_floor", a.gap.noise_floor.value, 0, 1e-7);
    near(where, "lower end", a.gap.corrected_distance.lo, 2 * h, 1e-7);
    near(where, "upper end", a.gap.corrected_distance.hi, 2 * h, 1e-7);
    if (h > 0) {
      near(where, "gap.share_of_alignment", a.gap.share_of_alignment.value, 1, 1e-9);
      near(where, "gap.dimensions.share", a.gap.dimensions[0].share, 1, 1e-9);
      cr_expect_eq(a.gap.dimensions[0].index, 0);
    }
    cgap_audit_clear(&a);
    cgap_audit_clear(&still);
  }
  free(x);
  free(y);
}

/* ---------------------------------------------------------------- uniformity */

Test(audit_known, uniform_sphere)
{
  static const struct {
    size_t d;
    double value;
  } CASES[] = {
    {32, -3.7518050199}, {64, -3.8752355897}, {128, -3.9375300102}, {512, -3.9843754749}, {768, -3.9895834742}};
  for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
    double *x, *y;
    run_pairs(k, 4, CASES[k].d, 0, &x, &y);
    run_rows rows = {4, 4, CASES[k].d, x, y, NULL, CGAP_BY_ROW, false};
    cgap_audit a = run_audit(&rows, 0.01, 1, 0);
    near("sphere", "uniformity.sphere", a.uniformity.sphere, CASES[k].value, 1e-10);
    cgap_audit_clear(&a);
    free(x);
    free(y);
  }
}

/* e_i − mean, normalised: n points at equal distances, the optimum −2tN/(N − 1) */
Test(audit_known, simplex)
{
  const size_t SIZES[] = {3, 5, 17, 64};
  for (size_t k = 0; k < 4; k++) {
    size_t n = SIZES[k];
    double *x = support_alloc(n * n, sizeof *x), dn = (double)n;
    for (size_t i = 0; i < n * n; i++)
      x[i] = (i % (n + 1) == 0) - 1 / dn;
    support_normalise(x, n, n);
    run_rows rows = {n, n, n, x, x, NULL, CGAP_BY_ROW, false};
    cgap_audit a = run_audit(&rows, 0.01, 2, 0);
    double best = -4 * dn / (dn - 1);
    near("simplex", "uniformity.image", a.uniformity.image.value, best, 1e-6);
    near("simplex", "uniformity.text", a.uniformity.text.value, best, 1e-6);
    near("simplex", "uniformity.cross", a.uniformity.cross.value, best, 1e-6);
    near("simplex", "pca.image.participation_ratio", a.pca_image.participation_ratio.value, dn - 1, 1e-5 * dn);
    near("simplex", "pca.image.isoscore", a.pca_image.isoscore.value, (dn - 2) / (dn - 1), 1e-5);
    near("simplex", "pca.image.entropy_rank", a.pca_image.entropy_rank.value, dn - 1, 1e-5 * dn);
    near("simplex", "cosine.image.max", a.cosine_image.max, -1 / (dn - 1), 1e-6);
    near("simplex", "cosine.image.sd", a.cosine_image.sd, 0, 1e-6);
    cgap_audit_clear(&a);
    free(x);
  }
}

/* ---------------------------------------------------------------- identities */

/* trace of the covariance of x − y, divisor N */
static double difference_trace(const double *x, const double *y, size_t n, size_t d)
{
  double trace = 0;
  for (size_t k = 0; k < d; k++) {
    double mean = 0;
    for (size_t i = 0; i < n; i++)
      mean += (x[i * d + k] - y[i * d + k]) / (double)n;
    for (size_t i = 0; i < n; i++)
      trace += pow(x[i * d + k] - y[i * d + k] - mean, 2) / (double)n;
  }
  return trace;
}

Test(audit_known, identities)
{
  enum { N = 230, D = 37 };
  double *x, *y;
  run_pairs(5, N, D, 0.4, &x, &y);
  run_rows rows = {N, N, D, x, y, NULL, CGAP_BY_ROW, false};
  cgap_audit a = run_audit(&rows, 0.01, 2, 0);
  double gap2 = pow(a.gap.centroid_distance.value, 2), align = a.alignment.mean_squared_distance.value;
  double trace = difference_trace(x, y, N, D);
  near("identities", "mean squared distance", align, gap2 + trace, 1e-9);
  near("identities", "noise floor", a.gap.noise_floor.value, sqrt(trace / (N - 1)), 1e-9);
  near("identities", "alignment and cosine", align, 2 - 2 * a.cosine_pair.mean, 1e-9);
  near("identities", "share of alignment", a.gap.share_of_alignment.value, gap2 / align, 1e-9);
  near("identities", "isoscore", a.pca_joint.isoscore.value, (a.pca_joint.participation_ratio.value - 1) / (D - 1),
       1e-12);
  near("identities", "uniformity.mean", a.uniformity.mean.value,
       (a.uniformity.image.value + a.uniformity.text.value) / 2, 1e-12);
  near("identities", "loss.clip", a.loss.clip.value,
       (a.loss.clip_image_to_text.value + a.loss.clip_text_to_image.value) / 2, 1e-12);
  near("identities", "loss.cua", a.loss.cua.value, a.loss.clip.value + a.uniformity.mean.value + align, 1e-12);
  near("identities", "loss.cuaxu", a.loss.cuaxu.value, a.loss.cua.value + a.uniformity.cross.value, 1e-12);
  double dm = (1 - a.cosine_pair.mean) / 2, di = (1 - a.cosine_image.mean) / 2, dt = (1 - a.cosine_text.mean) / 2;
  near("identities", "rmg", a.gap.rmg.value, dm / (dm + (di + dt) / 2), 1e-9);
  near("identities", "pairs.worst", a.worst[0].cosine, a.cosine_pair.min, 1e-12);
  cgap_audit_clear(&a);
  free(x);
  free(y);
}

Test(audit_known, equal_sides)
{
  enum { N = 100, D = 20 };
  double *x, *y;
  run_pairs(6, N, D, 0, &x, &y);
  run_rows rows = {N, N, D, x, x, NULL, CGAP_BY_ROW, false};
  cgap_audit a = run_audit(&rows, 0.01, 2, 0);
  near("X = Y", "gap.centroid_distance", a.gap.centroid_distance.value, 0, 1e-12);
  near("X = Y", "gap.corrected_distance", a.gap.corrected_distance.value, 0, 0);
  near("X = Y", "lower end", a.gap.corrected_distance.lo, 0, 0);
  cr_expect(isnan(a.gap.centroid_distance.lo), "the distance of these rows has no interval");
  near("X = Y", "alignment.mean_squared_distance", a.alignment.mean_squared_distance.value, 0, 1e-12);
  near("X = Y", "alignment.mean_distance", a.alignment.mean_distance.value, 0, 1e-7);
  near("X = Y", "gap.centroid_cosine", a.gap.centroid_cosine.value, 1, 1e-12);
  near("X = Y", "recall", a.image_to_text.recall_at_1.value, 1, 0);
  near("X = Y", "recall", a.text_to_image.recall_at_1.value, 1, 0);
  near("X = Y", "mean_rank", a.text_to_image.mean_rank.value, 1, 0);
  near("X = Y", "gap.rmg", a.gap.rmg.value, 0, 1e-12);
  near("X = Y", "uniformity.cross", a.uniformity.cross.value, a.uniformity.image.value, 1e-6);
  cr_expect_not_null(a.gap.share_of_alignment.why, "0/0 is null");
  cr_expect_eq(a.gap.dimension_count, 0, "0/0 has no dimensions");
  cgap_audit_clear(&a);
  free(x);
  free(y);
}

/* τ → ∞: every candidate is as likely: log of their number */
Test(audit_known, hot_loss)
{
  enum { N = 90, D = 12, K = 3 };
  double *x, *y, *texts = support_alloc(K * N * D, sizeof *texts);
  uint64_t owner[K * N];
  run_pairs(7, N, D, 0.3, &x, &y);
  run_rows rows = {N, N, D, x, y, NULL, CGAP_BY_ROW, false};
  cgap_audit a = run_audit(&rows, 1e7, 2, 0);
  near("hot", "loss.clip", a.loss.clip.value, log(N), 1e-6);
  cgap_audit_clear(&a);
  for (size_t j = 0; j < K * N; j++) {
    owner[j] = j / K;
    for (size_t k = 0; k < D; k++)
      texts[j * D + k] = y[(j + j % K) % N * D + k];
  }
  run_rows captions = {N, K * N, D, x, texts, owner, CGAP_BY_INDEX, false};
  a = run_audit(&captions, 1e7, 2, 0);
  near("hot", "loss.clip_text_to_image", a.loss.clip_text_to_image.value, log(N), 1e-6);
  near("hot", "loss.clip_image_to_text", a.loss.clip_image_to_text.value, log(K * N - K + 1), 1e-6);
  cgap_audit_clear(&a);
  free(x);
  free(y);
  free(texts);
}

/* Three pairs in the plane, all angles multiples of 60 degrees. */
Test(audit_known, by_hand)
{
  const double s = sqrt(3) / 2;
  const double x[] = {1, 0, 0.5, s, -0.5, s}, y[] = {0.5, s, 1, 0, -0.5, s};
  run_rows rows = {3, 3, 2, x, y, NULL, CGAP_BY_ROW, false};
  cgap_audit a = run_audit(&rows, 1, 1, 0);
  /* cosines (x down, y across): .5 1 −.5, 1 .5 .5, .5 −.5 1 */
  near("by hand", "cosine.pair.mean", a.cosine_pair.mean, 2.0 / 3, 1e-12);
  near("by hand", "cosine.cross.mean", a.cosine_cross.mean, 2.0 / 6, 1e-7);
  near("by hand", "alignment", a.alignment.mean_squared_distance.value, 2.0 / 3, 1e-12);
  near("by hand", "median", a.image_to_text.median_rank.value, 2, 0);
  near("by hand", "recall_at_1", a.image_to_text.recall_at_1.value, 1.0 / 3, 1e-15);
  near("by hand", "mrr", a.image_to_text.mrr.value, 1.9 / 3, 1e-15); /* ranks 2, 2.5 by a tie, 1 */
  near("by hand", "uniformity.image", a.uniformity.image.value, log((2 * exp(-2) + exp(-6)) / 3), 1e-6);
  near("by hand", "uniformity.cross", a.uniformity.cross.value, log((2 + 2 * exp(-2) + 2 * exp(-6)) / 6), 1e-6);
  near("by hand", "loss.clip_text_to_image", a.loss.clip_text_to_image.value,
       (log(2 * exp(0.5) + exp(1)) - 0.5 + 2 * log(exp(1) + exp(0.5) + exp(-0.5)) - 1.5) / 3, 1e-6);
  near("by hand", "mixed.unbiased", a.mixed.unbiased.value, 0.4, 1e-12);
  cr_expect_not_null(a.gap.linear_separability.why, "under 30 rows of a modality");
  cgap_audit_clear(&a);
}

/* A line parts the sides, but 29 rows of one are too few to learn it from; beside many of the other, 0.5 would be read.
 */
Test(audit_known, separability_needs_30_rows_of_each_modality)
{
  enum { N = 300, D = 64 };
  double *x, *y;
  run_pairs(9, N, D, 0.4, &x, &y);
  for (size_t texts = 29; texts <= 30; texts++) {
    run_rows rows = {N, texts, D, x, y, NULL, CGAP_UNPAIRED, false};
    cgap_audit a = run_audit(&rows, 0.01, 2, 0);
    cr_expect_eq(a.gap.linear_separability.why == NULL, texts >= 30, "%zu texts", texts);
    cr_expect_eq(a.gap.separability_auc.why == NULL, texts >= 30, "%zu texts", texts);
    cgap_audit_clear(&a);
  }
  free(x);
  free(y);
}

/* A distance near 0 is no closed gap: rows that never meet, centred rows, and rows that are all but equal. */
Test(audit_known, verdicts_of_what_the_distance_does_not_see)
{
  enum { N = 200, D = 40 };
  double *x, *y, *cone = support_alloc(N * D, sizeof *cone);
  run_pairs(10, N, D, 0, &x, &y);
  for (size_t i = 0; i < N; i++)
    for (size_t k = 0; k < D; k++) {
      cone[i * D + k] = y[i * D + k] + (k == 0 ? 100 : 0);
      if (k < D / 2)
        y[i * D + k] = 0;
      else
        x[i * D + k] = 0;
    }
  const struct {
    const char *name;
    const double *text;
    cgap_level level;
  } cases[] = {
    {"orthogonal", y, CGAP_LEVEL_APART}, {"cone", cone, CGAP_LEVEL_COLLAPSED}, {"same", x, CGAP_LEVEL_NOISE}};
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    run_rows rows = {N, N, D, x, cases[c].text, NULL, CGAP_UNPAIRED, false};
    cgap_audit a = run_audit(&rows, 0.01, 2, 0);
    cr_expect_eq(cgap_audit_level(&a), cases[c].level, "%s: %s", cases[c].name, cgap_level_word(cgap_audit_level(&a)));
    cgap_audit_clear(&a);
  }
  free(x);
  free(y);
  free(cone);
}

/* All rows are shown where there are few: pooled scores have mean 0, variances λ1 and λ2, and no covariance. */
Test(audit_known, scatter)
{
  enum { N = 150, D = 14 };
  double *x, *y, total = 0, sum[2] = {0}, square[2] = {0}, product = 0;
  run_pairs(8, N, D, 0.4, &x, &y);
  run_rows rows = {N, N, D, x, y, NULL, CGAP_BY_ROW, false};
  cgap_audit a = run_audit(&rows, 0.01, 2, 0);
  for (size_t k = 0; k < D; k++) {
    double mean = (a.image_mean[k] + a.text_mean[k]) / 2, image = 0;
    for (size_t i = 0; i < N; i++) {
      image += x[i * D + k] / N;
      total += (pow(x[i * D + k] - mean, 2) + pow(y[i * D + k] - mean, 2)) / (2 * N - 1);
    }
    near("scatter", "image mean", a.image_mean[k], image, 1e-12);
  }
  cr_assert_eq(a.scatter_images, N);
  cr_assert_eq(a.scatter_texts, N);
  for (size_t i = 0; i < 2 * N; i++) {
    const cgap_point *p = i < N ? &a.scatter_image[i] : &a.scatter_text[i - N];
    cr_assert_eq(p->row, i % N);
    sum[0] += p->x;
    sum[1] += p->y;
    square[0] += p->x * p->x / (2 * N - 1);
    square[1] += p->y * p->y / (2 * N - 1);
    product += p->x * p->y / (2 * N - 1);
  }
  near("scatter", "mean of x", sum[0] / N, 0, 1e-6);
  near("scatter", "mean of y", sum[1] / N, 0, 1e-6);
  near("scatter", "variance of x", square[0], total * a.pca_joint.explained_variance_ratio[0], 1e-6);
  near("scatter", "variance of y", square[1], total * a.pca_joint.explained_variance_ratio[1], 1e-6);
  near("scatter", "covariance", product, 0, 1e-6);
  cgap_audit_clear(&a);
  free(x);
  free(y);
}

/* Frozen values of an independent program for rows that the project holds itself. */
Test(audit_known, ragged_captions)
{
  reference_rows rows;
  size_t compared;
  json_t *frozen = reference_load("ragged");
  reference_rows_init(&rows, frozen);
  uint64_t *owner = support_alloc(rows.texts, sizeof *owner);
  for (size_t j = 0; j < rows.texts; j++)
    owner[j] = rows.owner[j];
  run_rows in = {rows.images, rows.texts, rows.dim, rows.image, rows.text, owner, CGAP_BY_INDEX, false};
  cgap_audit audit = run_audit(&in, 0.01, 2, 0);
  cr_expect_eq(reference_differences("ragged", &audit, json_object_get(frozen, "oracle"), &compared), 0);
  cr_expect_eq(compared, 59, "%zu keys were compared", compared);
  cgap_audit_clear(&audit);
  reference_rows_clear(&rows);
  free(owner);
  json_decref(frozen);
}
