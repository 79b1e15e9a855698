/* The closed forms against the same written out: covariances by loops, roots of matrices by Newton's iteration (Denman
 * and Beavers 1976) instead of eigenvalues. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "head/model/head.h"
#include "head/training/training_data.h"
#include "head/training/validation_score.h"
#include "support.h"

enum { D = 6, IMAGES = 50, CAPTIONS = 2, TEXTS = IMAGES * CAPTIONS };

/* ---------------------------------------------------------------- matrices (D, D) */

typedef struct matrix {
  double at[D][D];
} matrix;

static matrix product(const matrix *a, const matrix *b)
{
  matrix c = {{{0}}};
  for (int i = 0; i < D; i++)
    for (int j = 0; j < D; j++)
      for (int k = 0; k < D; k++)
        c.at[i][j] += a->at[i][k] * b->at[k][j];
  return c;
}

static matrix transposed(const matrix *a)
{
  matrix t;
  for (int i = 0; i < D; i++)
    for (int j = 0; j < D; j++)
      t.at[i][j] = a->at[j][i];
  return t;
}

static matrix inverse(const matrix *given)
{
  matrix a = *given, b = {{{0}}};
  for (int k = 0; k < D; k++)
    b.at[k][k] = 1;
  for (int k = 0; k < D; k++) {
    const double pivot = a.at[k][k]; /* positive definite: never 0 */
    for (int j = 0; j < D; j++) {
      a.at[k][j] /= pivot;
      b.at[k][j] /= pivot;
    }
    for (int i = 0; i < D; i++) {
      const double factor = a.at[i][k];
      for (int j = 0; i != k && j < D; j++) {
        a.at[i][j] -= factor * a.at[k][j];
        b.at[i][j] -= factor * b.at[k][j];
      }
    }
  }
  return b;
}

/* *root = a^½, *reverse = a^−½, a symmetric and positive definite */
static void roots(matrix *root, matrix *reverse, const matrix *a)
{
  *root = *a;
  memset(reverse, 0, sizeof *reverse);
  for (int k = 0; k < D; k++)
    reverse->at[k][k] = 1;
  for (int step = 0; step < 60; step++) {
    const matrix y = inverse(root), z = inverse(reverse);
    for (int i = 0; i < D; i++)
      for (int j = 0; j < D; j++) {
        root->at[i][j] = (root->at[i][j] + z.at[i][j]) / 2;
        reverse->at[i][j] = (reverse->at[i][j] + y.at[i][j]) / 2;
      }
  }
}

/* ---------------------------------------------------------------- data */

typedef struct pairs {
  double image[IMAGES * D], text[TEXTS * D];
  double image_mean[D], text_mean[D];
  uint64_t owner[TEXTS];
  cgap_data data;
} pairs;

static void mean_of(double *mean, const double *x, size_t rows)
{
  memset(mean, 0, D * sizeof *mean);
  for (size_t i = 0; i < rows * D; i++)
    mean[i % D] += x[i] / (double)rows;
}

/* Rows off the origin, variances that differ, texts that are a turned image with noise. turned: without noise. */
static pairs *make_pairs(bool turned)
{
  pairs *p = support_alloc(1, sizeof *p);
  support_random r = support_seed(5);
  double q[D * D], spun[IMAGES * D];
  support_normals(&r, p->image, IMAGES * D);
  for (size_t i = 0; i < IMAGES * D; i++)
    p->image[i] = p->image[i] * (1 + (double)(i % D)) / D + (i % D == 0 ? 1.5 : 0.2);
  support_normalise(p->image, IMAGES, D);
  support_rotation(&r, q, D);
  support_product(p->image, q, spun, IMAGES, D);
  for (size_t j = 0; j < TEXTS; j++) {
    p->owner[j] = (j * 7) % IMAGES;
    for (size_t k = 0; k < D; k++)
      p->text[j * D + k] = spun[p->owner[j] * D + k] + (turned ? 0 : 0.4 * support_normal(&r));
  }
  support_normalise(p->text, TEXTS, D);
  mean_of(p->image_mean, p->image, IMAGES);
  mean_of(p->text_mean, p->text, TEXTS);
  p->data = (cgap_data){.image = cgap_source_view(p->image, IMAGES, D, CGAP_FLOAT64, "image"),
                        .text = cgap_source_view(p->text, TEXTS, D, CGAP_FLOAT64, "text"),
                        .pairing = CGAP_BY_INDEX,
                        .text_image = p->owner};
  return p;
}

/* mean over rows of (a − its mean) (b − its mean)ᵀ; owner: the row of a that belongs to each of b */
static matrix covariance(const double *a, const double *a_mean, const uint64_t *owner, const double *b,
                         const double *b_mean, size_t rows)
{
  matrix c = {{{0}}};
  for (size_t r = 0; r < rows; r++)
    for (int i = 0; i < D; i++)
      for (int j = 0; j < D; j++)
        c.at[i][j] +=
          (a[(owner ? owner[r] : r) * D + (size_t)i] - a_mean[i]) * (b[r * D + (size_t)j] - b_mean[j]) / (double)rows;
  return c;
}

/* (C + factor · trace C / rows · I)^−½ */
static matrix whitening(const double *x, const double *mean, size_t rows, double factor)
{
  matrix c = covariance(x, mean, NULL, x, mean, rows), root, reverse;
  double trace = 0;
  for (int k = 0; k < D; k++)
    trace += c.at[k][k];
  for (int k = 0; k < D; k++)
    c.at[k][k] += factor * trace / (double)rows;
  roots(&root, &reverse, &c);
  return reverse;
}

/* Rows through the head of a method are those of a (x − mean), normalised. */
static void expect_rows(const cgap_head *head, cgap_row_kind kind, const double *x, const double *mean, size_t rows,
                        const matrix *a)
{
  double want[D];
  float *in = support_encode(x, rows * D, CGAP_FLOAT32), *out = support_alloc(rows * D, sizeof *out);
  cr_assert_eq(cgap_head_apply(head, kind, in, rows, out, NULL), CGAP_OK);
  for (size_t r = 0; r < rows; r++) {
    for (int i = 0; i < D; i++) {
      want[i] = 0;
      for (int k = 0; k < D; k++)
        want[i] += a->at[i][k] * (x[r * D + (size_t)k] - mean[k]);
    }
    support_normalise(want, 1, D);
    for (size_t k = 0; k < D; k++) /* float weights of about 10 on unit rows that nearly cancel */
      cr_assert(
        support_near(kind == CGAP_IMAGE_ROWS ? "image" : "text", "element", (double)out[r * D + k], want[k], 2e-4, 0));
  }
  free(in);
  free(out);
}

static cgap_head *fit(const pairs *p, cgap_gap_method method, double factor)
{
  cgap_head *head = NULL;
  cgap_error error = {0};
  cr_assert_eq(cgap_gap_method_fit(&head, method, factor, &p->data, 1, (cgap_progress){0}, &error), CGAP_OK, "%s",
               error.message);
  return head;
}

/* ---------------------------------------------------------------- tests */

Test(head_methods, whiten_is_the_shrunk_root)
{
  pairs *p = make_pairs(false);
  for (double factor = 0.25; factor < 100; factor *= 8) {
    cgap_head *head = fit(p, CGAP_WHITEN, factor);
    const matrix image = whitening(p->image, p->image_mean, IMAGES, factor),
                 text = whitening(p->text, p->text_mean, TEXTS, factor);
    expect_rows(head, CGAP_IMAGE_ROWS, p->image, p->image_mean, IMAGES, &image);
    expect_rows(head, CGAP_TEXT_ROWS, p->text, p->text_mean, TEXTS, &text);
    cgap_head_close(head);
  }
  free(p);
}

Test(head_methods, cca_weighs_directions_by_their_correlation)
{
  pairs *p = make_pairs(false);
  for (double factor = 0.25; factor < 100; factor *= 8) {
    cgap_head *head = fit(p, CGAP_CCA, factor);
    const matrix k_x = whitening(p->image, p->image_mean, IMAGES, factor),
                 k_y = whitening(p->text, p->text_mean, TEXTS, factor),
                 c = covariance(p->image, p->image_mean, p->owner, p->text, p->text_mean, TEXTS);
    const matrix half = product(&k_x, &c), m = product(&half, &k_y), turned = transposed(&m),
                 square = product(&m, &turned), text = product(&m, &k_y);
    matrix root, reverse;
    roots(&root, &reverse, &square);
    const matrix image = product(&root, &k_x);
    expect_rows(head, CGAP_IMAGE_ROWS, p->image, p->image_mean, IMAGES, &image);
    expect_rows(head, CGAP_TEXT_ROWS, p->text, p->text_mean, TEXTS, &text);
    cgap_head_close(head);
  }
  free(p);
}

/* Texts that are their images in other axes meet them. */
Test(head_methods, cca_undoes_a_rotation)
{
  pairs *p = make_pairs(true);
  cgap_head *head = fit(p, CGAP_CCA, 1);
  float *image = support_encode(p->image, IMAGES * D, CGAP_FLOAT32),
        *text = support_encode(p->text, TEXTS * D, CGAP_FLOAT32), x[IMAGES * D], y[TEXTS * D];
  cr_assert_eq(cgap_head_apply(head, CGAP_IMAGE_ROWS, image, IMAGES, x, NULL), CGAP_OK);
  cr_assert_eq(cgap_head_apply(head, CGAP_TEXT_ROWS, text, TEXTS, y, NULL), CGAP_OK);
  for (size_t j = 0; j < TEXTS; j++) {
    double cosine = 0;
    for (size_t k = 0; k < D; k++)
      cosine += (double)x[p->owner[j] * D + k] * (double)y[j * D + k];
    cr_assert_gt(cosine, 0.99, "text %zu: cosine %g", j, cosine); /* twice the rows: half the shrinkage */
  }
  free(image);
  free(text);
  cgap_head_close(head);
  free(p);
}

Test(head_methods, shrinkage_is_above_zero)
{
  pairs *p = make_pairs(false);
  cgap_head *head = NULL;
  cgap_error error = {0};
  for (int k = 0; k < 2; k++) {
    cr_expect_eq(cgap_gap_method_fit(&head, k ? CGAP_CCA : CGAP_WHITEN, 0, &p->data, 1, (cgap_progress){0}, &error),
                 CGAP_USAGE);
    cr_expect(strstr(error.message, "factor 0"), "%s", error.message);
  }
  free(p);
}

Test(head_methods, rows_that_are_all_equal_are_refused)
{
  pairs *p = make_pairs(false);
  cgap_head *head = NULL;
  cgap_error error = {0};
  for (size_t i = D; i < IMAGES * D; i++)
    p->image[i] = p->image[i % D];
  for (int k = 0; k < 2; k++) {
    cr_expect_eq(cgap_gap_method_fit(&head, k ? CGAP_CCA : CGAP_WHITEN, 1, &p->data, 1, (cgap_progress){0}, &error),
                 CGAP_DATA);
    cr_expect(strstr(error.message, "all images are equal"), "%s", error.message);
  }
  free(p);
}

/* A blend of two maps is the map of the blend, before rows are normalised. */
Test(head_methods, blends_mix_parameters)
{
  pairs *p = make_pairs(false);
  cgap_head *from = fit(p, CGAP_CENTER, 1), *to = fit(p, CGAP_WHITEN, 1), *head = NULL;
  const matrix white = whitening(p->image, p->image_mean, IMAGES, 1);
  for (double alpha = 0; alpha <= 1; alpha += 0.25) {
    matrix mixed;
    for (int i = 0; i < D; i++)
      for (int j = 0; j < D; j++)
        mixed.at[i][j] = alpha * white.at[i][j] + (1 - alpha) * (i == j);
    cr_assert_eq(cgap_head_blend(&head, from, to, alpha, NULL), CGAP_OK);
    expect_rows(head, CGAP_IMAGE_ROWS, p->image, p->image_mean, IMAGES, &mixed);
    cgap_head_close(head);
  }
  const cgap_head_shape other = {.kind = CGAP_HEAD_LINEAR, .dim_in = D, .dim = D};
  cgap_head *linear = cgap_head_new(&other, "{}");
  cr_expect_eq(cgap_head_blend(&head, from, linear, 0.5, NULL), CGAP_USAGE);
  cr_expect_null(head);
  cgap_head_close(linear);
  cgap_head_close(from);
  cgap_head_close(to);
  free(p);
}

/* ---------------------------------------------------------------- the score of a validation part */

/* Items of other groups above `best`, ties as half. owner: the group of each item, NULL: its number. */
static double naive_rank(const double *query, size_t group, const double *items, const uint64_t *owner, size_t rows,
                         double best)
{
  double above = 0;
  for (size_t r = 0; r < rows; r++) {
    double cosine = 0;
    for (size_t k = 0; k < D; k++)
      cosine += query[k] * items[r * D + k];
    if ((owner ? owner[r] : r) != group)
      above += fabs(cosine - best) <= 1e-6 ? 0.5 : cosine > best;
  }
  return above;
}

static double naive_best(const double *query, size_t group, const double *items, const uint64_t *owner, size_t rows)
{
  double best = -2;
  for (size_t r = 0; r < rows; r++) {
    double cosine = 0;
    for (size_t k = 0; k < D; k++)
      cosine += query[k] * items[r * D + k];
    best = (owner ? owner[r] : r) == group ? fmax(best, cosine) : best;
  }
  return best;
}

static double naive_score(const double *x, size_t images, const double *y, const uint64_t *owner, size_t texts)
{
  double total = 0;
  for (int texts_ask = 0; texts_ask < 2; texts_ask++) {
    const size_t queries = texts_ask ? texts : images;
    for (size_t q = 0; q < queries; q++) {
      const double *query = (texts_ask ? y : x) + q * D;
      const size_t group = texts_ask ? owner[q] : q;
      const double best =
        texts_ask ? naive_best(query, group, x, NULL, images) : naive_best(query, group, y, owner, texts);
      const double of_images = naive_rank(query, group, x, NULL, images, best),
                   of_texts = naive_rank(query, group, y, owner, texts, best);
      const double cross = 1 + (texts_ask ? of_images : of_texts), mixed = 1 + of_images + of_texts;
      total += ((mixed <= 10 ? 1 / log2(1 + mixed) : 0) + 1 / cross) / 4 / (double)queries;
    }
  }
  return total;
}

Test(head_methods, scores_are_those_of_loops)
{
  pairs *p = make_pairs(false);
  size_t image_first[IMAGES + 1], text[TEXTS], count = 0;
  uint64_t owner[TEXTS];
  double sorted[TEXTS * D];
  for (size_t i = 0; i < IMAGES; i++) { /* texts by image, an image with its two */
    image_first[i] = count;
    for (size_t j = 0; j < TEXTS; j++)
      if (p->owner[j] == i)
        text[count++] = j;
  }
  image_first[IMAGES] = count;
  for (size_t c = 0; c < TEXTS; c++) {
    owner[c] = p->owner[text[c]];
    memcpy(sorted + c * D, p->text + text[c] * D, D * sizeof *sorted);
  }
  const cgap_split_rows rows = {
    .dim = D,
    .image = support_encode(p->image, IMAGES * D, CGAP_FLOAT32),
    .text = support_encode(p->text, TEXTS * D, CGAP_FLOAT32),
    .positives = {.images = IMAGES, .texts = TEXTS, .count = TEXTS, .image_first = image_first, .positive_text = text}};
  const double want = naive_score(p->image, IMAGES, sorted, owner, TEXTS);
  for (int threads = 1; threads <= 3; threads += 2) {
    cgap_validation_score score;
    cr_assert_eq(cgap_validation_score_init(&score, &rows, NULL, threads, NULL), CGAP_OK);
    cr_expect(support_near("validation", "score", score.mean, want, 1e-9, 0));
    double g[D] = {0}, square = 0;
    for (size_t k = 0; k < D; k++)
      g[k] = p->image_mean[k] - p->text_mean[k];
    for (size_t k = 0; k < D; k++)
      square += g[k] * g[k];
    cr_expect(support_near("validation", "distance", hypot(score.corrected_distance, score.noise_floor), sqrt(square),
                           1e-6, 0));
    cgap_validation_score_clear(&score);
  }
  free(rows.image);
  free(rows.text);
  free(p);
}

/* Pairs whose signal is in small directions and whose noise in one large one: a weaker shrinkage is worth it, and is
 * taken; without a validation part the factor is 1. */
Test(head_methods, shrinkage_follows_the_validation_part)
{
  enum { N = 400, WIDE = 24 };
  support_random r = support_seed(9);
  double *x = support_alloc(N * WIDE, sizeof *x), *y = support_alloc(N * WIDE, sizeof *y);
  for (size_t i = 0; i < N; i++)
    for (size_t k = 0; k < WIDE; k++) {
      const double signal = support_normal(&r);
      x[i * WIDE + k] = k < 2 ? 8 * support_normal(&r) : signal + 0.3 * support_normal(&r);
      y[i * WIDE + k] = k < 2 ? 8 * support_normal(&r) : signal + 0.3 * support_normal(&r);
    }
  const cgap_data data = {.image = cgap_source_view(x, N, WIDE, CGAP_FLOAT64, "x"),
                          .text = cgap_source_view(y, N, WIDE, CGAP_FLOAT64, "y"),
                          .pairing = CGAP_BY_ROW};
  for (int held = 0; held < 2; held++) {
    cgap_training_data t;
    cgap_train_options o = CGAP_TRAIN_OPTIONS_INIT;
    o.validation = held ? 0.2 : 0;
    o.patience = 0;
    cr_assert_eq(cgap_training_data_open(&t, &data, &o, true, NULL), CGAP_OK);
    const char *options = t.method[CGAP_WHITEN]->options;
    const double factor = atof(strstr(options, "factor") + 9);
    cr_expect(held ? factor < 16 : factor == 1, "%s", options);
    cgap_training_data_clear(&t);
  }
  free(x);
  free(y);
}
