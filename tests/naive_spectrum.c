/* Eigenvalues, and the straight line between the modalities. */
#include "naive_inner.h"
#include "support.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- pca */

/* rankme over the min(rows, d) uncentred singular values */
static double rank_me(const double *x, size_t rows, size_t d)
{
  size_t few = rows < d ? rows : d;
  double *copy = support_alloc(rows * d, sizeof *copy), *sigma = support_alloc(few, sizeof *sigma);
  double total = 0, entropy = 0;
  memcpy(copy, x, rows * d * sizeof *copy);
  /* the rows as columns: the transpose has the same singular values */
  if (LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'N', (lapack_int)d, (lapack_int)rows, copy, (lapack_int)d, sigma, NULL,
                     (lapack_int)d, NULL, (lapack_int)rows) != 0)
    abort();
  for (size_t k = 0; k < few; k++)
    total += sigma[k];
  for (size_t k = 0; k < few; k++) {
    double p = sigma[k] / total + 1e-7;
    entropy -= p * log(p);
  }
  free(copy);
  free(sigma);
  return exp(entropy);
}

/* ratio (d), descending: the eigenvalues of the centred covariance over their sum; false where that is 0 */
static bool variance_ratios(const double *x, size_t rows, size_t d, double *ratio)
{
  double *c = support_alloc(d * d, sizeof *c), *mean = support_alloc(d, sizeof *mean), total = 0;
  for (size_t i = 0; i < rows; i++)
    for (size_t k = 0; k < d; k++)
      mean[k] += x[i * d + k] / (double)rows;
  for (size_t i = 0; i < rows; i++)
    for (size_t k = 0; k < d; k++)
      for (size_t l = 0; l < d; l++)
        c[k * d + l] += (x[i * d + k] - mean[k]) * (x[i * d + l] - mean[l]);
  if (LAPACKE_dsyev(LAPACK_ROW_MAJOR, 'N', 'U', (lapack_int)d, c, (lapack_int)d, ratio) != 0)
    abort();
  for (size_t k = 0; k < d / 2; k++) {
    double t = ratio[k];
    ratio[k] = ratio[d - 1 - k];
    ratio[d - 1 - k] = t;
  }
  for (size_t k = 0; k < d; k++)
    total += ratio[k] = fmax(ratio[k], 0);
  for (size_t k = 0; k < d; k++)
    ratio[k] /= total;
  free(c);
  free(mean);
  return total > 1e-20 * (double)rows;
}

static void spectrum(cgap_spectrum *out, const double *x, size_t rows, size_t d)
{
  double *ratio = support_alloc(d, sizeof *ratio), square = 0, entropy = 0, cumulated = 0;
  bool varied = variance_ratios(x, rows, d, ratio);
  *out = (cgap_spectrum){.explained_variance_ratio = ratio, .count = d};
  out->rankme = naive_scalar(rank_me(x, rows, d), rows);
  out->participation_ratio = out->isoscore = out->entropy_rank = out->components_90 = naive_null();
  if (!varied)
    return;
  size_t components = 0;
  for (size_t k = 0; k < d; k++) {
    square += ratio[k] * ratio[k];
    entropy -= ratio[k] > 0 ? ratio[k] * log(ratio[k]) : 0;
    components += cumulated < 0.9 - 1e-12;
    cumulated += ratio[k];
  }
  out->participation_ratio = naive_scalar(1 / square, rows);
  out->isoscore = naive_scalar((1 / square - 1) / (double)(d - 1), rows);
  out->entropy_rank = naive_scalar(exp(entropy), rows);
  out->components_90 = naive_scalar((double)components, rows);
}

void naive_spectra(naive_result *out, const naive_state *s)
{
  double *pool = support_alloc((s->n + s->m) * s->d, sizeof *pool);
  memcpy(pool, s->x, s->n * s->d * sizeof *pool);
  memcpy(pool + s->n * s->d, s->y, s->m * s->d * sizeof *pool);
  spectrum(&out->audit.pca_image, s->x, s->n, s->d);
  spectrum(&out->audit.pca_text, s->y, s->m, s->d);
  spectrum(&out->audit.pca_joint, pool, s->n + s->m, s->d);
  free(pool);
}

/* ---------------------------------------------------------------- linear separability */

enum { FOLDS = 5 };

/* Row r of the pool: images first; class 0 image, 1 text. */
static size_t fold_of(const naive_state *s, size_t r)
{
  if (r < s->n)
    return r % FOLDS;
  return (s->in->owner ? s->in->owner[r - s->n] : r - s->n) % FOLDS;
}

static const double *row_of(const naive_state *s, size_t r)
{
  return r < s->n ? s->x + r * s->d : s->y + (r - s->n) * s->d;
}

static double score(const naive_state *s, const double *w, size_t r)
{
  return naive_dot(w, row_of(s, r), s->d) + w[s->d];
}

static double log_loss(double z)
{
  return z > 0 ? z + log1p(exp(-z)) : log1p(exp(z));
}

/* ½‖w‖² + Σ log-loss over the rows outside `fold`; g (d + 1) its gradient, h (d + 1, d + 1) its Hessian, or NULL */
static double objective(const naive_state *s, size_t fold, const double *w, double *g, double *h)
{
  size_t d = s->d, e = d + 1;
  double f = naive_dot(w, w, d) / 2;
  if (g) {
    memcpy(g, w, d * sizeof *g);
    g[d] = 0;
    memset(h, 0, e * e * sizeof *h);
    for (size_t k = 0; k < d; k++)
      h[k * e + k] = 1;
  }
  for (size_t r = 0; r < s->n + s->m; r++) {
    if (fold_of(s, r) == fold)
      continue;
    double z = score(s, w, r), p = 1 / (1 + exp(-z));
    const double *row = row_of(s, r);
    f += r < s->n ? log_loss(z) : log_loss(-z);
    for (size_t k = 0; g && k < e; k++) {
      double a = k < d ? row[k] : 1;
      g[k] += (p - (r >= s->n)) * a;
      for (size_t l = 0; l <= k; l++)
        h[k * e + l] += p * (1 - p) * a * (l < d ? row[l] : 1);
    }
  }
  return f;
}

/* Newton's method with halved steps until the gradient vanishes. */
static void fit(const naive_state *s, size_t fold, double *w)
{
  size_t e = s->d + 1;
  double *g = support_alloc(e, sizeof *g), *h = support_alloc(e * e, sizeof *h), *next = support_alloc(e, sizeof *next);
  memset(w, 0, e * sizeof *w);
  for (int step = 0; step < 100; step++) {
    double f = objective(s, fold, w, g, h), size = 1;
    if (naive_dot(g, g, e) < 1e-24)
      break;
    if (LAPACKE_dposv(LAPACK_ROW_MAJOR, 'L', (lapack_int)e, 1, h, (lapack_int)e, g, 1) != 0)
      abort();
    do {
      for (size_t k = 0; k < e; k++)
        next[k] = w[k] - size * g[k];
      size /= 2;
    } while (objective(s, fold, next, NULL, NULL) > f && size > 1e-6);
    memcpy(w, next, e * sizeof *w);
  }
  free(g);
  free(h);
  free(next);
}

typedef struct fold_sums {
  double accuracy, auc, open_accuracy, open_auc;
  size_t used;
} fold_sums;

/* One fold: mean of the two classes' accuracies and the area under the curve; not used where a class is missing. */
static void test_fold(fold_sums *sums, const naive_state *s, size_t fold, const double *w)
{
  size_t rows = s->n + s->m, count[2] = {0};
  double right[2] = {0}, near[2] = {0}, won = 0, open = 0;
  for (size_t r = 0; r < rows; r++) {
    if (fold_of(s, r) != fold)
      continue;
    bool text = r >= s->n;
    double z = score(s, w, r);
    count[text]++;
    right[text] += (z > 0) == text;
    near[text] += fabs(z) < 1e-5;
    for (size_t q = s->n; !text && q < rows; q++) {
      if (fold_of(s, q) != fold)
        continue;
      double difference = score(s, w, q) - z;
      won += fabs(difference) <= 1e-12 ? 0.5 : difference > 0;
      open += fabs(difference) < 1e-5;
    }
  }
  if (count[0] == 0 || count[1] == 0)
    return;
  double images = (double)count[0], texts = (double)count[1];
  sums->accuracy += (right[0] / images + right[1] / texts) / 2;
  sums->open_accuracy += (near[0] / images + near[1] / texts) / 2;
  sums->auc += won / (images * texts);
  sums->open_auc += open / (images * texts);
  sums->used++;
}

void naive_separability(naive_result *out, const naive_state *s)
{
  cgap_gap *gap = &out->audit.gap;
  size_t n = s->in->owner || s->n < s->m ? s->n : s->m;
  fold_sums sums = {0};
  gap->linear_separability = gap->separability_auc = naive_null();
  if (s->n < 30 || s->m < 30)
    return;
  double *w = support_alloc(s->d + 1, sizeof *w);
  for (size_t fold = 0; fold < FOLDS; fold++) {
    fit(s, fold, w);
    test_fold(&sums, s, fold, w);
  }
  free(w);
  if (sums.used < FOLDS) /* 0/0 */
    return;
  gap->linear_separability = naive_scalar(sums.accuracy / FOLDS, n);
  gap->separability_auc = naive_scalar(sums.auc / FOLDS, n);
  out->open_separability = sums.open_accuracy / FOLDS;
  out->open_auc = sums.open_auc / FOLDS;
}
