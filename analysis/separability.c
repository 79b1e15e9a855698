/* gap.linear_separability: held-out accuracy of L2-regularised logistic regression, image against text: minimise
 * ½‖w‖² + C Σ log-loss, C = 1, intercept free (scikit-learn's default), 5 folds by image (image i in fold i mod 5, a
 * text in its image's; unpaired: row mod 5), mean of the two classes' accuracies, mean over folds.
 * gap.separability_auc: area under the ROC curve of the held-out scores (Mann–Whitney, ties half), mean over folds.
 *
 * The five fits are one problem of 5 (dim + 1) unknowns, solved by L-BFGS, so that one product with the rows serves
 * all. Rows are centred on their pooled mean m: w·z + b = w·(z − m) + b', the same model with a better-conditioned
 * intercept.
 *
 * Where every row is on the right side of the line, in fits and outside, by more than the optimum can differ, the
 * accuracies and areas are 1 whatever the rest of the fit would bring, and it ends there. That is so of most models'
 * embeddings. */
#include "analysis/finish.h"

#include "analysis/interval.h"
#include "base/memory.h"

#include <cblas.h>
#include <lapacke.h>
#include <lbfgs.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- where the fit begins */

/* Where the fit of the separability begins. Along the line that tells two normal distributions of these means and
 * covariances apart best (Fisher's discriminant), with the scale and the intercept that fit best where scores on that
 * line are normal on each side: a fit of two unknowns that needs no rows. On embeddings of real models what is left
 * takes an evaluation or two, where a fit from 0 takes a dozen. */

enum { NODES = 32, STEPS_MAX = 60, IMAGES = 0, TEXTS = 1 };

/* Scores on the line less their pooled mean, as margins: of the images' turned round. */
typedef struct line {
  double mean[2], deviation[2], rows[2];
  double penalty; /* the squared length of w */
} line;

/* The objective at a scale and an intercept, with its gradient and its Hessian (aa, ab, bb). */
static double line_objective(const line *l, const double at[2], double slope[2], double bend[3])
{
  double value = 0.5 * l->penalty * at[0] * at[0];
  slope[0] = l->penalty * at[0], slope[1] = 0;
  bend[0] = l->penalty, bend[1] = bend[2] = 0;
  for (int modality = 0; modality < 2; modality++) {
    const double sign = modality == TEXTS ? 1 : -1;
    double total = 0;
    for (int k = -NODES; k <= NODES; k++)
      total += exp(-8.0 * k * k / (NODES * NODES)); /* four deviations to either side */
    for (int k = -NODES; k <= NODES; k++) {
      const double weight = l->rows[modality] * exp(-8.0 * k * k / (NODES * NODES)) / total;
      const double along = l->mean[modality] + l->deviation[modality] * 4.0 * k / NODES,
                   margin = at[0] * along + sign * at[1];
      const double tail = exp(-fabs(margin)), miss = (margin > 0 ? tail : 1) / (1 + tail), bent = miss * (1 - miss);
      value += weight * (log1p(tail) + fmax(0, -margin));
      slope[0] -= weight * miss * along, slope[1] -= weight * miss * sign;
      bend[0] += weight * bent * along * along, bend[1] += weight * bent * along * sign, bend[2] += weight * bent;
    }
  }
  return value;
}

/* Newton's steps, halved where they go too far. */
static void fit_line(const line *l, double at[2])
{
  double slope[2], bend[3], next_slope[2], next_bend[3];
  double value = line_objective(l, at, slope, bend);
  for (int k = 0; k < STEPS_MAX; k++) {
    const double area = bend[0] * bend[2] - bend[1] * bend[1];
    if (!(area > 1e-14 * bend[0] * bend[2]))
      return;
    const double a = (bend[2] * slope[0] - bend[1] * slope[1]) / area;
    const double b = (bend[0] * slope[1] - bend[1] * slope[0]) / area;
    double step = 1, there[2] = {at[0] - a, at[1] - b}, next = line_objective(l, there, next_slope, next_bend);
    for (; !(next <= value) && step > 1e-6; next = line_objective(l, there, next_slope, next_bend)) {
      step /= 2;
      there[0] = at[0] - step * a, there[1] = at[1] - step * b;
    }
    if (!(next < value - 1e-9 * value))
      return;
    at[0] = there[0], at[1] = there[1];
    value = next;
    memcpy(slope, next_slope, sizeof slope);
    memcpy(bend, next_bend, sizeof bend);
  }
}

static void start_of_fit(const cgap_audit_sums *e, const double *factor, const double *mean, double fraction, double *v,
                         double *intercept, double *scratch)
{
  const cgap_modality *modality[2] = {&e->image, &e->text};
  const int dim = (int)e->dim;
  double *w = scratch, *image = scratch + e->dim, at[2] = {0, 0};
  for (size_t a = 0; a < e->dim; a++)
    v[a] = e->text.mean[a] - e->image.mean[a];
  cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, dim, factor, dim, v, 1);
  memcpy(w, v, e->dim * sizeof *w);
  cblas_dtrsv(CblasRowMajor, CblasLower, CblasTrans, CblasNonUnit, dim, factor, dim, w, 1);
  line l = {.penalty = cblas_ddot(dim, w, 1, w, 1)};
  for (int s = 0; s < 2; s++) {
    const double rows = (double)modality[s]->rows, along = cblas_ddot(dim, w, 1, modality[s]->mean, 1);
    const double middle = cblas_ddot(dim, w, 1, mean, 1);
    cblas_dsymv(CblasRowMajor, CblasUpper, dim, 1 / rows, modality[s]->moment, dim, w, 1, 0, image, 1);
    l.rows[s] = fraction * rows;
    l.mean[s] = s == TEXTS ? along - middle : middle - along;
    l.deviation[s] = sqrt(fmax(0, cblas_ddot(dim, w, 1, image, 1) - along * along));
  }
  fit_line(&l, at);
  for (size_t a = 0; a < e->dim; a++)
    v[a] *= at[0];
  *intercept = at[1];
}

/* ---------------------------------------------------------------- the fit */

/* Of κ = KAPPA/√rows: what p(1 − p) comes to where the modalities are apart, by trial (12 to 20 evaluations from 26 to
 * 41).
 */
#define KAPPA 0.5
enum { ROWS_MIN = 30, MAX_ITERATIONS = 500 };

/* Held-out rows are counted that have no such margin. */
static const double margins[CGAP_FOLD_MARGINS] = {0.5, 1, 2, 4};

typedef struct separability_fit {
  const cgap_audit_sums *e;
  const cgap_products *products;
  size_t dim;
  double *weights;  /* (CGAP_FOLDS, dim) */
  double *gradient; /* (CGAP_FOLDS, dim) */
  double *mean;     /* (dim) pooled */
  double *factor;   /* (dim, dim) lower L, L Lᵀ = I + κ Σ (z − m)(z − m)ᵀ; unknowns are v, w = L⁻ᵀ v */
  double intercept_scale;    /* of b' likewise: b' = v/this */
  double offset[CGAP_FOLDS]; /* b' − w·m */
  double *score[2];          /* (rows) of the fold that has the row, at the last point asked for … */
  double *at, *slope, value; /* … which is this one, with what was found there */
  bool asked, decided, converged;
  cgap_status status;
  cgap_error *error;
} separability_fit;

static size_t rows_of(const separability_fit *f, int modality)
{
  return modality == IMAGES ? f->e->image.rows : f->e->text.rows;
}

static size_t fold_of(const separability_fit *f, int modality, size_t row)
{
  return (modality == TEXTS && f->e->paired ? f->e->image_of[row] : row) % CGAP_FOLDS;
}

/* Log-loss and its derivative by the score; class 1 is text. A row does not count in its own fold's fit. sums: the
 * loss, then the derivative by each fold's intercept, then for each of `margins` the fits that lack it: on the wrong
 * side of the line, or held out and within the margin. */
static void residual_rows(void *context, cgap_pair_kind kind, size_t first, size_t rows, double *scores, double *sums)
{
  separability_fit *f = context;
  const int modality = kind == CGAP_TEXT_TEXT ? TEXTS : IMAGES;
  for (size_t i = 0; i < rows; i++) {
    const size_t fold = fold_of(f, modality, first + i);
    for (size_t k = 0; k < CGAP_FOLDS; k++) {
      const double z = scores[i * CGAP_FOLDS + k] + f->offset[k], margin = modality == TEXTS ? z : -z;
      const double tail = exp(-fabs(margin)), miss = (margin > 0 ? tail : 1) / (1 + tail); /* 1/(1 + e^margin) */
      const double residual = fold == k ? 0 : modality == TEXTS ? -miss : miss;
      if (fold == k)
        f->score[modality][first + i] = z;
      for (size_t m = 0; m < CGAP_FOLD_MARGINS; m++)
        sums[1 + CGAP_FOLDS + m] += margin < (fold == k ? margins[m] : 0);
      sums[0] += fold == k ? 0 : log1p(tail) + fmax(0, -margin);
      sums[1 + k] += residual;
      scores[i * CGAP_FOLDS + k] = residual;
    }
  }
}

/* v to w: without the intercepts between, and what the centring adds to the score. */
static void set_weights(separability_fit *f, const lbfgsfloatval_t *x)
{
  const int dim = (int)f->dim;
  for (size_t k = 0; k < CGAP_FOLDS; k++) {
    const double *v = x + k * (f->dim + 1);
    double *w = f->weights + k * f->dim;
    memcpy(w, v, f->dim * sizeof *w);
    cblas_dtrsv(CblasRowMajor, CblasLower, CblasTrans, CblasNonUnit, dim, f->factor, dim, w, 1);
    f->offset[k] = v[f->dim] / f->intercept_scale - cblas_ddot(dim, w, 1, f->mean, 1);
  }
}

/* By how much a held-out score of fold k can differ from the optimum's at most. The objective less ½‖w‖² is convex:
 * with D = ‖w − w*‖ and B = |b − b*|, D² ≤ ‖∂f/∂w‖ D + |∂f/∂b| B. Rows lie within R of the mean, so that w moves scores
 * by R·D. All fitted rows have margins from 0 on: where b' moves by R·D + δ, the misses Σ 1/(1 + e^margin) of one side
 * fall to 2/(1 + e^δ) or less of what they are and the other's grow, and at the optimum both are equal. Their sum is at
 * least ‖w − ∂f/∂w‖/R. */
static double error_of(const separability_fit *f, size_t k, const double *along, double residual)
{
  const int dim = (int)f->dim;
  const double reach = 1 + cblas_dnrm2(dim, f->mean, 1), length = cblas_dnrm2(dim, f->weights + k * f->dim, 1);
  const double slope = cblas_dnrm2(dim, along, 1), by = fabs(residual), misses = (length - slope) / reach;
  if (!(misses > by))
    return INFINITY;
  const double shift = log(2 * (misses + by) / (misses - by) - 1), linear = slope + by * reach;
  const double distance = (linear + sqrt(linear * linear + 4 * by * shift)) / 2;
  return 2 * reach * distance + shift;
}

/* Whether the margin that no held-out row lacks is larger than the error. */
static bool is_decided(const double *lacking, double error)
{
  for (size_t m = 0; m < CGAP_FOLD_MARGINS; m++)
    if (lacking[m] == 0 && error < margins[m])
      return true;
  return false;
}

/* The objective at x, into f, by way of all rows. */
static void evaluate_fit(separability_fit *f, const lbfgsfloatval_t *x)
{
  if (f->status) /* a call that failed is not repeated */
    return;
  set_weights(f, x);
  double sums[CGAP_FOLD_SUMS] = {0}, error = 0;
  f->status = f->products->run(f->products->self, f->weights, residual_rows, f, f->gradient, sums, f->error);
  const double *residuals = sums + 1;
  f->value = sums[0];
  for (size_t k = 0; !f->status && k < CGAP_FOLDS; k++) {
    const double *w = f->weights + k * f->dim;
    double *into = f->slope + k * (f->dim + 1);
    for (size_t a = 0; a < f->dim; a++) {
      f->value += 0.5 * w[a] * w[a];
      into[a] = w[a] + f->gradient[k * f->dim + a] - residuals[k] * f->mean[a];
    }
    error = fmax(error, error_of(f, k, into, residuals[k]));
    cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, (int)f->dim, f->factor, (int)f->dim, into, 1);
    into[f->dim] = residuals[k] / f->intercept_scale;
  }
  f->decided = !f->status && is_decided(residuals + CGAP_FOLDS, error);
}

/* The last point may be asked for again: the first by L-BFGS, the last after it. */
static lbfgsfloatval_t lbfgs_objective(void *instance, const lbfgsfloatval_t *x, lbfgsfloatval_t *g, const int n,
                                       const lbfgsfloatval_t step)
{
  separability_fit *f = instance;
  const size_t bytes = (size_t)n * sizeof *x;
  (void)step;
  if (!f->asked || memcmp(x, f->at, bytes) != 0)
    evaluate_fit(f, x);
  f->asked = true;
  memcpy(f->at, x, bytes);
  memcpy(g, f->slope, bytes);
  return f->status ? NAN : f->value;
}

/* liblbfgs stops where the progress callback returns non-zero. */
static int stop_early(void *instance, const lbfgsfloatval_t *x, const lbfgsfloatval_t *g, const lbfgsfloatval_t fx,
                      const lbfgsfloatval_t xnorm, const lbfgsfloatval_t gnorm, const lbfgsfloatval_t step, int n,
                      int k, int ls)
{
  (void)x, (void)g, (void)fx, (void)xnorm, (void)gnorm, (void)step, (void)n, (void)k, (void)ls;
  const separability_fit *f = instance;
  return f->status || f->decided;
}

typedef struct labelled {
  double score;
  bool text;
} labelled;

static int by_score(const void *a, const void *b)
{
  const double x = ((const labelled *)a)->score, y = ((const labelled *)b)->score;
  return (x > y) - (x < y);
}

/* How many pairs of an image and a text have the text above; ties count half. */
static double count_ordered(labelled *list, size_t count)
{
  double below = 0, pairs = 0;
  qsort(list, count, sizeof *list, by_score);
  for (size_t i = 0; i < count;) {
    double images = 0, texts = 0;
    size_t j = i;
    for (; j < count && list[j].score <= list[i].score; j++)
      *(list[j].text ? &texts : &images) += 1;
    pairs += texts * (below + 0.5 * images);
    below += images;
    i = j;
  }
  return pairs;
}

/* Accuracy balanced over the classes and AUC of fold k on its own rows. list: scratch for all rows. */
static void score_fold(const separability_fit *f, size_t k, labelled *list, double *accuracy, double *auc)
{
  size_t count = 0;
  double right[2] = {0, 0}, n[2] = {0, 0}, greatest_image = -INFINITY, least_text = INFINITY;
  for (int modality = 0; modality < 2; modality++)
    for (size_t i = 0; i < rows_of(f, modality); i++)
      if (fold_of(f, modality, i) == k) {
        const double z = f->score[modality][i];
        list[count++] = (labelled){.score = z, .text = modality == TEXTS};
        greatest_image = modality == IMAGES ? fmax(greatest_image, z) : greatest_image;
        least_text = modality == TEXTS ? fmin(least_text, z) : least_text;
        right[modality] += modality == TEXTS ? z > 0 : z <= 0;
        n[modality]++;
      }
  const bool apart = greatest_image < least_text; /* nothing to count */
  *accuracy = n[0] > 0 && n[1] > 0 ? (right[0] / n[0] + right[1] / n[1]) / 2 : NAN;
  *auc = n[0] > 0 && n[1] > 0 ? (apart ? 1 : count_ordered(list, count) / (n[0] * n[1])) : NAN;
}

/* The Hessian is I + C Σ p(1 − p)(z − m)(z − m)ᵀ. With one κ for all p(1 − p) it is known beforehand, and in the
 * unknowns that make it the unit matrix L-BFGS takes half the evaluations or fewer. */
static cgap_status set_preconditioner(separability_fit *f, cgap_error *error)
{
  const cgap_audit_sums *e = f->e;
  const size_t dim = f->dim;
  const double n = (double)(e->image.rows + e->text.rows);
  const double kappa = KAPPA / sqrt(n);
  for (size_t a = 0; a < dim; a++)
    for (size_t b = 0; b <= a; b++) {
      const double variance = e->image.moment[a * dim + b] + e->text.moment[a * dim + b] - n * f->mean[a] * f->mean[b];
      f->factor[a * dim + b] = (a == b) + kappa * variance;
    }
  f->intercept_scale = sqrt(1 + kappa * n);
  /* the lower triangle by rows is the upper one by columns, and need not be turned round */
  if (LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'U', (int)dim, f->factor, (int)dim) == 0)
    return CGAP_OK;
  return cgap_fail(error, CGAP_DATA, "the second moments of %zu and %zu rows have no Cholesky factor", e->image.rows,
                   e->text.rows);
}

static bool fit_alloc(separability_fit *f)
{
  bool ok = true;
  f->weights = cgap_alloc(CGAP_FOLDS * f->dim, sizeof *f->weights);
  f->gradient = cgap_alloc(CGAP_FOLDS * f->dim, sizeof *f->gradient);
  f->mean = cgap_alloc(f->dim, sizeof *f->mean);
  f->factor = cgap_alloc(f->dim, f->dim * sizeof *f->factor);
  f->at = cgap_alloc(CGAP_FOLDS * (f->dim + 1), sizeof *f->at);
  f->slope = cgap_alloc(CGAP_FOLDS * (f->dim + 1), sizeof *f->slope);
  for (int modality = 0; modality < 2; modality++) {
    f->score[modality] = cgap_alloc(rows_of(f, modality), sizeof *f->score[modality]);
    ok = ok && f->score[modality];
  }
  return ok && f->weights && f->gradient && f->mean && f->factor && f->at && f->slope;
}

static void fit_clear(separability_fit *f)
{
  cgap_free(f->weights);
  cgap_free(f->gradient);
  cgap_free(f->mean);
  cgap_free(f->factor);
  cgap_free(f->at);
  cgap_free(f->slope);
  for (int modality = 0; modality < 2; modality++)
    cgap_free(f->score[modality]);
}

static void set_start(const separability_fit *f, lbfgsfloatval_t *x)
{
  double intercept;
  start_of_fit(f->e, f->factor, f->mean, 1 - 1.0 / CGAP_FOLDS, x, &intercept, f->weights);
  x[f->dim] = intercept * f->intercept_scale;
  for (size_t k = 1; k < CGAP_FOLDS; k++)
    memcpy(x + k * (f->dim + 1), x, (f->dim + 1) * sizeof *x);
}

/* Minimises, and ends with the scores of every row. Where doubles no longer tell whether the objective falls, the line
 * search gives up: that is converged. */
static cgap_status fit_run(separability_fit *f, cgap_error *error)
{
  lbfgs_parameter_t parameter;
  const int n = (int)(CGAP_FOLDS * (f->dim + 1));
  lbfgsfloatval_t *x = lbfgs_malloc(n), *g = lbfgs_malloc(n);
  int code = LBFGS_SUCCESS;
  if (!x || !g) {
    lbfgs_free(x);
    lbfgs_free(g);
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for a fit of %d unknowns", n);
  }
  set_start(f, x);
  lbfgs_parameter_init(&parameter);
  parameter.m = 10;
  parameter.epsilon = 1e-7;
  parameter.max_iterations = MAX_ITERATIONS;
  (void)lbfgs_objective(f, x, g, n, 0);
  if (!f->status && !f->decided)
    code = lbfgs(n, x, NULL, lbfgs_objective, stop_early, f, &parameter);
  if (!f->status && code == LBFGSERR_OUTOFMEMORY)
    f->status = cgap_fail(error, CGAP_RESOURCE, "out of memory for a fit of %d unknowns", n);
  f->converged = code != LBFGSERR_MAXIMUMITERATION;
  if (!f->status)
    (void)lbfgs_objective(f, x, g, n, 0);
  for (int modality = 0; !f->status && modality < 2; modality++)
    f->status = f->products->gather(f->products->self, modality == TEXTS ? CGAP_TEXT_TEXT : CGAP_IMAGE_IMAGE,
                                    f->score[modality], error);
  lbfgs_free(x);
  lbfgs_free(g);
  return f->status;
}

static cgap_status finish_folds(const separability_fit *f, uint64_t n, cgap_gap *gap, cgap_error *error)
{
  labelled *list = cgap_alloc(rows_of(f, IMAGES) + rows_of(f, TEXTS), sizeof *list);
  double accuracy = 0, auc = 0;
  if (!list)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the scores of a fold");
  for (size_t k = 0; k < CGAP_FOLDS; k++) {
    double fold_accuracy, fold_auc;
    score_fold(f, k, list, &fold_accuracy, &fold_auc);
    accuracy += fold_accuracy / CGAP_FOLDS;
    auc += fold_auc / CGAP_FOLDS;
  }
  cgap_free(list);
  const char *why = isnan(accuracy) ? "a fold holds rows of one modality only"
                    : !f->converged ? "the fit did not converge in 500 iterations"
                                    : NULL;
  gap->linear_separability = why ? cgap_scalar_null(why, n) : cgap_scalar_number(accuracy, n);
  gap->separability_auc = why ? cgap_scalar_null(why, n) : cgap_scalar_number(auc, n);
  return CGAP_OK;
}

cgap_status cgap_separability_finish(const cgap_audit_sums *e, const cgap_products *products, cgap_audit *out,
                                     cgap_error *error)
{
  const double images = (double)e->image.rows, texts = (double)e->text.rows;
  const uint64_t n = e->paired || e->image.rows < e->text.rows ? e->image.rows : e->text.rows;
  if (e->image.rows < ROWS_MIN || e->text.rows < ROWS_MIN) {
    out->gap.linear_separability = cgap_scalar_null("under 30 rows of a modality: too few to learn", n);
    out->gap.separability_auc = out->gap.linear_separability;
    return CGAP_OK;
  }
  separability_fit f = {.e = e, .products = products, .dim = e->dim, .error = error};
  cgap_status status = CGAP_OK;
  if (!fit_alloc(&f))
    status =
      cgap_fail(error, CGAP_RESOURCE, "out of memory for a fit of %zu and %zu rows", e->image.rows, e->text.rows);
  for (size_t a = 0; !status && a < e->dim; a++)
    f.mean[a] = (images * e->image.mean[a] + texts * e->text.mean[a]) / (images + texts);
  if (!status)
    status = set_preconditioner(&f, error);
  if (!status)
    status = fit_run(&f, error);
  if (!status)
    status = finish_folds(&f, n, &out->gap, error);
  fit_clear(&f);
  return status;
}

static const cgap_field fields[] = {
  {"gap.linear_separability", "linear separability", CGAP_GROUP_GAP, 0, offsetof(cgap_audit, gap.linear_separability),
   4, CGAP_LOWER, CGAP_ONE_SPACE,
   "Held-out accuracy of a logistic regression that tells {images} from {texts}, five folds, classes weighted alike; "
   "0.5 "
   "is chance.",
   CGAP_FAHIM},
  {"gap.separability_auc", "separability AUC", CGAP_GROUP_GAP, 0, offsetof(cgap_audit, gap.separability_auc), 4,
   CGAP_LOWER, CGAP_ONE_SPACE, "Area under the ROC curve of the same regression, mean of the folds; 0.5 is chance.",
   CGAP_FAHIM},
};

const cgap_measure cgap_measure_separability = {
  .name = "separability",
  .basis = CGAP_ON_ROWS_OF_SAMPLE,
  .fields = fields,
  .field_count = sizeof fields / sizeof *fields,
};
