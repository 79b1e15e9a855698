#include "head/training/split.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/modality_names.h"
#include "base/source.h"
#include "base/text_buffer.h"
#include "base/threads.h"
#include "head/training/memory_plan.h"
#include "head/training/validation_score.h"
#include "rows/row_reader.h"

/* Added to the pairs' moment, as a fraction of its mean diagonal: directions without data stay where they are. */
static const double TURN_RIDGE = 1e-6;

static const char *const NAMES[CGAP_GAP_METHODS] = {"center", "shift", "whiten", "procrustes", "cca"};

const char *cgap_gap_method_name(cgap_gap_method method)
{
  return (unsigned)method < CGAP_GAP_METHODS ? NAMES[method] : "unknown";
}

static void put_bias(cgap_head *h, int modality, const double *bias)
{
  float *out = h->parameters + h->layers.tower[modality].bias.offset;
  for (size_t k = 0; k < h->layers.shape.dim; k++)
    out[k] = (float)bias[k];
}

/* The residual head adds z itself: W = A − I */
static void put_matrix(cgap_head *h, int modality, const double *a)
{
  const size_t d = h->layers.shape.dim;
  float *out = h->parameters + h->layers.tower[modality].weight.offset;
  for (size_t k = 0; k < d * d; k++)
    out[k] = (float)(a[k] - (k % (d + 1) == 0));
}

static void fit_center(cgap_head *h, const cgap_split_rows *p, double *work)
{
  const double *mean[] = {p->image_mean, p->text_mean};
  for (int modality = 0; modality < CGAP_MODALITIES; modality++) {
    for (size_t k = 0; k < p->dim; k++)
      work[k] = -mean[modality][k];
    put_bias(h, modality, work);
  }
}

static void fit_shift(cgap_head *h, const cgap_split_rows *p, double factor, double *work)
{
  for (int modality = 0; modality < CGAP_MODALITIES; modality++) {
    for (size_t k = 0; k < p->dim; k++)
      work[k] = (modality == CGAP_IMAGE_MODALITY ? -0.5 : 0.5) * factor * (p->image_mean[k] - p->text_mean[k]);
    put_bias(h, modality, work);
  }
}

/* out (dim, dim) = Σ_c a_c b_cᵀ over rows of two modalities of a split, in double, less mean[k] (dim) where it is not
 * NULL; index (count) picks the rows of each, NULL: in order */
static cgap_status cross_moment(double *out, const cgap_split_rows *p, const int modality[2],
                                const size_t *const index[2], const double *const mean[2], size_t count,
                                cgap_error *error)
{
  enum { RUN = 512 };
  const size_t dim = p->dim;
  double *row_double = cgap_alloc(2 * RUN * dim, sizeof *row_double);
  float *rows = cgap_alloc(RUN * dim, sizeof *rows);
  cgap_status status =
    row_double && rows ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for a training-free method");
  memset(out, 0, dim * dim * sizeof *out);
  for (size_t first = 0; status == CGAP_OK && first < count; first += RUN) {
    const size_t run = count - first < RUN ? count - first : RUN;
    for (int k = 0; status == CGAP_OK && k < 2; k++) {
      status = cgap_split_rows_read(p, modality[k], index[k] ? index[k] + first : NULL, first, run, rows, error);
      for (size_t i = 0; status == CGAP_OK && i < run * dim; i++)
        row_double[(size_t)k * RUN * dim + i] = (double)rows[i] - (mean[k] ? mean[k][i % dim] : 0);
    }
    if (status == CGAP_OK)
      cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)dim, (int)dim, (int)run, 1, row_double, (int)dim,
                  row_double + RUN * dim, (int)dim, 1, out, (int)dim);
  }
  cgap_free(row_double);
  cgap_free(rows);
  return status;
}

/* c (d, d) = a b */
static void multiply(double *c, const double *a, const double *b, size_t d)
{
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)d, (int)d, (int)d, 1, a, (int)d, b, (int)d, 0, c, (int)d);
}

/* out (d, d), which may be vectors, = V (Λ + ridge I)^power Vᵀ. work (d, d) */
static void matrix_power(double *out, const double *vectors, const double *values, size_t d, double ridge, double power,
                         double *work)
{
  for (size_t j = 0; j < d; j++) {
    const double root = pow(fmax(values[j], 0) + ridge, power / 2);
    for (size_t i = 0; i < d; i++)
      work[i * d + j] = vectors[i * d + j] * root;
  }
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)d, (int)d, (int)d, 1, work, (int)d, work, (int)d, 0, out,
              (int)d);
}

struct cgap_moments {
  const cgap_split_rows *rows; /* that they are of */
  bool pairs;                  /* cross is filled */
  size_t dim;
  double *block;
  double *vectors[CGAP_MODALITIES], *values[CGAP_MODALITIES]; /* of the covariances: (dim, dim), (dim) */
  double ridge[CGAP_MODALITIES]; /* trace C / rows, about what noise alone adds to the eigenvalues of so few rows */
  double *cross;                 /* (dim, dim) of matched pairs */
  double *work[4];               /* (dim, dim) each */
};

void cgap_moments_close(cgap_moments *m)
{
  if (m)
    cgap_free(m->block);
  cgap_free(m);
}

static cgap_status decompose(cgap_moments *m, int modality, cgap_error *error)
{
  const cgap_split_rows *p = m->rows;
  static const double ROUNDING = 1e-12; /* of the variance of unit rows that are all equal */
  const bool images = modality == CGAP_IMAGE_MODALITY;
  const double *mean = images ? p->image_mean : p->text_mean;
  const size_t rows = images ? p->positives.images : p->positives.texts, d = m->dim;
  double *c = m->vectors[modality], trace = 0;
  const cgap_status status = cross_moment(c, p, (int[]){modality, modality}, (const size_t *[]){NULL, NULL},
                                          (const double *[]){mean, mean}, rows, error);
  if (status != CGAP_OK)
    return status;
  cblas_dscal((int)(d * d), 1 / (double)rows, c, 1);
  for (size_t k = 0; k < d; k++)
    trace += c[k * (d + 1)];
  m->ridge[modality] = trace / (double)rows;
  if (trace > ROUNDING &&
      LAPACKE_dsyevd(LAPACK_ROW_MAJOR, 'V', 'U', (lapack_int)d, c, (lapack_int)d, m->values[modality]) == 0)
    return CGAP_OK;
  return cgap_fail(error, CGAP_DATA, "%s: all %s are equal, there is nothing to fit it on",
                   NAMES[m->pairs ? CGAP_CCA : CGAP_WHITEN], images ? "images" : "texts");
}

cgap_status cgap_moments_open(cgap_moments **out, const cgap_split_rows *p, bool pairs, cgap_error *error)
{
  enum { SQUARES = 7 };
  const size_t d = p->dim;
  size_t square = 0;
  cgap_moments *m = *out = cgap_zalloc(1, sizeof *m);
  if (m)
    *m = (cgap_moments){.rows = p, .pairs = pairs, .dim = d};
  if (!m || !cgap_product(&square, d, d) || !(m->block = cgap_alloc(SQUARES * square + 2 * d, sizeof *m->block))) {
    cgap_moments_close(m);
    *out = NULL;
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the moments of %zu dimensions", d);
  }
  double *at = m->block;
  for (int k = 0; k < CGAP_MODALITIES; k++, at += square + d) {
    m->vectors[k] = at;
    m->values[k] = at + square;
  }
  m->cross = at;
  for (size_t k = 0; k < sizeof m->work / sizeof *m->work; k++)
    m->work[k] = m->cross + (k + 1) * square;
  const int blas = cgap_blas_single();
  cgap_status status = CGAP_OK;
  for (int k = 0; status == CGAP_OK && k < CGAP_MODALITIES; k++)
    status = decompose(m, k, error);
  if (status == CGAP_OK && pairs) {
    status = cross_moment(m->cross, p, (int[]){CGAP_IMAGE_MODALITY, CGAP_TEXT_MODALITY},
                          (const size_t *[]){p->positives.positive_image, p->positives.positive_text},
                          (const double *[]){p->image_mean, p->text_mean}, p->positives.count, error);
    cblas_dscal((int)square, 1 / (double)p->positives.count, m->cross, 1);
  }
  cgap_blas_restore(blas);
  if (status != CGAP_OK) {
    cgap_moments_close(m);
    *out = NULL;
  }
  return status;
}

/* out (dim, dim) = (C + r I)^−½, r being `shrinkage` times the ridge */
static void inverse_root_covariance(double *out, const cgap_moments *m, int modality, double shrinkage, double *work)
{
  matrix_power(out, m->vectors[modality], m->values[modality], m->dim, shrinkage * m->ridge[modality], -0.5, work);
}

/* z becomes a (z − mean): the mean of its modality. values (dim) */
static void put_centred_map(cgap_head *h, const cgap_split_rows *p, int modality, const double *a, double *values)
{
  const int d = (int)p->dim;
  const double *mean = modality == CGAP_IMAGE_MODALITY ? p->image_mean : p->text_mean;
  put_matrix(h, modality, a);
  cblas_dgemv(CblasRowMajor, CblasNoTrans, d, d, -1, a, d, mean, 1, 0, values, 1);
  put_bias(h, modality, values);
}

static void put_whiten(cgap_head *h, const cgap_moments *m, double shrinkage)
{
  for (int modality = 0; modality < CGAP_MODALITIES; modality++) {
    inverse_root_covariance(m->work[0], m, modality, shrinkage, m->work[1]);
    put_centred_map(h, m->rows, modality, m->work[0], m->work[1]);
  }
}

/* Regularised canonical correlation (Vinod 1976): with K = (C + r I)^−½ of each modality and M = K_x C_xy K_y = U S Vᵀ,
 * images get S Uᵀ K_x (x − mean) and texts S Vᵀ K_y (y − mean), the canonical directions weighted by their correlations
 * (Gong et al. 2014). Both are then turned by U, which changes no cosine: (M Mᵀ)^½ K_x for images, M K_y for texts. */
static cgap_status put_cca(cgap_head *h, const cgap_moments *s, double shrinkage, cgap_error *error)
{
  const cgap_split_rows *p = s->rows;
  const size_t d = s->dim, square = d * d;
  double *k_x = s->work[0], *k_y = s->work[1], *m = s->work[2], *spare = s->work[3];
  inverse_root_covariance(k_x, s, CGAP_IMAGE_MODALITY, shrinkage, spare);
  inverse_root_covariance(k_y, s, CGAP_TEXT_MODALITY, shrinkage, spare);
  multiply(spare, k_x, s->cross, d);
  multiply(m, spare, k_y, d);
  multiply(spare, m, k_y, d);
  put_centred_map(h, p, CGAP_TEXT_MODALITY, spare, k_y);
  const bool related = cblas_dnrm2((int)square, m, 1) > 0;
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)d, (int)d, (int)d, 1, m, (int)d, m, (int)d, 0, k_y, (int)d);
  if (!related || LAPACKE_dsyevd(LAPACK_ROW_MAJOR, 'V', 'U', (lapack_int)d, k_y, (lapack_int)d, m) != 0)
    return cgap_fail(error, CGAP_DATA,
                     "cca: images and texts are not correlated at all, there is nothing to fit it on");
  matrix_power(k_y, k_y, m, d, 0, 0.5, spare);
  multiply(spare, k_y, k_x, d);
  put_centred_map(h, p, CGAP_IMAGE_MODALITY, spare, k_y);
  return CGAP_OK;
}

/* max over orthogonal R of Σ x·R y = tr(Rᵀ M), M = Σ x yᵀ = U S Vᵀ: R = U Vᵀ (Schönemann 1966) */
static cgap_status fit_procrustes(cgap_head *h, const cgap_split_rows *p, double *work, cgap_error *error)
{
  const size_t d = p->dim;
  double *m = work, *u = m + d * d, *vt = u + d * d, *s = vt + d * d, trace = 0;
  const cgap_status status = cross_moment(m, p, (int[]){CGAP_IMAGE_MODALITY, CGAP_TEXT_MODALITY},
                                          (const size_t *[]){p->positives.positive_image, p->positives.positive_text},
                                          (const double *[]){NULL, NULL}, p->positives.count, error);
  if (status != CGAP_OK)
    return status;
  for (size_t k = 0; k < d; k++)
    trace += fabs(m[k * (d + 1)]);
  for (size_t k = 0; k < d; k++)
    m[k * (d + 1)] += TURN_RIDGE * trace / (double)d;
  const lapack_int n = (lapack_int)d;
  if (LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'A', n, n, m, n, s, u, n, vt, n) != 0)
    return cgap_fail(error, CGAP_DATA, "procrustes: the singular values of the pairs' moment did not converge");
  multiply(m, u, vt, d);
  put_matrix(h, CGAP_TEXT_MODALITY, m);
  return CGAP_OK;
}

static cgap_head *new_method_head(const cgap_split_rows *p, cgap_gap_method method, double factor, cgap_error *error)
{
  const cgap_head_shape shape = {.kind = CGAP_HEAD_RESIDUAL, .dim_in = p->dim, .dim = p->dim};
  char options[100];
  const cgap_c_locale locale = cgap_c_locale_begin();
  snprintf(options, sizeof options, "{\"method\": \"%s\", \"factor\": %.17g}", NAMES[method], factor);
  cgap_c_locale_end(locale);
  cgap_head *head = cgap_head_new(&shape, options);
  if (!head)
    (void)cgap_fail(error, CGAP_RESOURCE, "out of memory for %s of %zu dimensions", NAMES[method], p->dim);
  return head;
}

/* Whether a method has a shrinkage: it is then made of moments. */
static bool is_shrunk(cgap_gap_method method)
{
  return method == CGAP_WHITEN || method == CGAP_CCA;
}

static void close_failed(cgap_head **head, cgap_status status)
{
  if (status == CGAP_OK)
    return;
  cgap_head_close(*head);
  *head = NULL;
}

cgap_status cgap_gap_method_fit_moments(cgap_head **out, cgap_gap_method method, double shrinkage, cgap_moments *m,
                                        cgap_error *error)
{
  *out = new_method_head(m->rows, method, shrinkage, error);
  if (!*out)
    return CGAP_RESOURCE;
  const int blas = cgap_blas_single();
  cgap_status status = CGAP_OK;
  if (method == CGAP_CCA)
    status = put_cca(*out, m, shrinkage, error);
  else
    put_whiten(*out, m, shrinkage);
  cgap_blas_restore(blas);
  close_failed(out, status);
  return status;
}

/* The variances that whitening leaves are λ/(λ + r) of each eigenvalue λ. */
static double spread_of(const cgap_moments *m, int modality, double shrinkage)
{
  double before = 0, after = 0;
  for (size_t k = 0; k < m->dim; k++) {
    const double value = fmax(m->values[modality][k], 0);
    before += value;
    after += value / (value + shrinkage * m->ridge[modality]);
  }
  return sqrt(after / before);
}

cgap_status cgap_whitened_start(cgap_head **out, cgap_moments *m, cgap_error *error)
{
  static const double SHRINKAGE = 2;
  const cgap_status status = cgap_gap_method_fit_moments(out, CGAP_WHITEN, SHRINKAGE, m, error);
  for (int modality = 0; status == CGAP_OK && modality < CGAP_MODALITIES; modality++) {
    const cgap_tower *t = &(*out)->layers.tower[modality];
    const double scale = 1 / spread_of(m, modality, SHRINKAGE);
    float *w = (*out)->parameters + t->weight.offset, *b = (*out)->parameters + t->bias.offset;
    for (size_t k = 0; k < m->dim * m->dim; k++) { /* of W + I */
      const double one = k % (m->dim + 1) == 0;
      w[k] = (float)(scale * ((double)w[k] + one) - one);
    }
    for (size_t k = 0; k < m->dim; k++)
      b[k] = (float)(scale * (double)b[k]);
  }
  return status;
}

static cgap_status fit_shrunk(cgap_head **out, cgap_gap_method method, double shrinkage, const cgap_split_rows *p,
                              cgap_error *error)
{
  cgap_moments *m = NULL;
  cgap_status status = cgap_moments_open(&m, p, method == CGAP_CCA, error);
  if (status == CGAP_OK)
    status = cgap_gap_method_fit_moments(out, method, shrinkage, m, error);
  cgap_moments_close(m);
  return status;
}

static cgap_status put_method(cgap_head *h, cgap_gap_method method, double factor, const cgap_split_rows *p,
                              cgap_error *error)
{
  enum { WORK_SQUARES = 3 }; /* those of procrustes */
  size_t squares = 0;
  double *work =
    cgap_product(&squares, p->dim, p->dim) ? cgap_alloc(WORK_SQUARES * squares + p->dim, sizeof *work) : NULL;
  cgap_status status = CGAP_OK;
  if (!work)
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for %s of %zu dimensions", NAMES[method], p->dim);
  else if (method == CGAP_CENTER)
    fit_center(h, p, work);
  else if (method == CGAP_SHIFT)
    fit_shift(h, p, factor, work);
  else
    status = fit_procrustes(h, p, work, error);
  cgap_free(work);
  return status;
}

cgap_status cgap_gap_method_fit_rows(cgap_head **out, cgap_gap_method method, double factor, const cgap_split_rows *p,
                                     cgap_error *error)
{
  *out = NULL;
  if (is_shrunk(method))
    return fit_shrunk(out, method, factor, p, error);
  *out = new_method_head(p, method, factor, error);
  if (!*out)
    return CGAP_RESOURCE;
  const int blas = cgap_blas_single();
  const cgap_status status = put_method(*out, method, factor, p, error);
  cgap_blas_restore(blas);
  close_failed(out, status);
  return status;
}

/* ---------------------------------------------------------------- the shrinkage, chosen on a validation part */

/* From the strongest. One of cca costs an eigenproblem. */
enum { SHRINKAGES_MAX = 6 };
static const double WHITEN_SHRINKAGES[SHRINKAGES_MAX] = {16, 8, 4, 2, 1, 0.5}, CCA_SHRINKAGES[] = {2, 0.5};
enum { CCA_COUNT = sizeof CCA_SHRINKAGES / sizeof *CCA_SHRINKAGES };

/* The strongest of which the best is at most one standard error ahead, of the paired difference (the one-standard-error
 * rule of Breiman et al. 1984). */
static size_t choose_shrinkage(const cgap_validation_score *score, size_t count)
{
  size_t best = 0, chosen = 0;
  double error = 0;
  for (size_t k = 1; k < count; k++)
    best = score[k].mean > score[best].mean ? k : best;
  while (chosen < best && cgap_paired_mean(&error, score[best].score, score[chosen].score, score[best].images) > error)
    chosen++;
  return chosen;
}

cgap_status cgap_gap_method_fit_chosen(cgap_head **out, cgap_gap_method method, const cgap_split_rows *p,
                                       const cgap_split_rows *validation, int threads, cgap_error *error)
{
  cgap_validation_score score[SHRINKAGES_MAX] = {0};
  cgap_head *head[SHRINKAGES_MAX] = {0};
  const bool cca = method == CGAP_CCA;
  const double *shrinkage = cca ? CCA_SHRINKAGES : WHITEN_SHRINKAGES;
  const size_t count = cca ? CCA_COUNT : SHRINKAGES_MAX;
  cgap_moments *m = NULL;
  if (!is_shrunk(method) || validation->positives.images == 0)
    return cgap_gap_method_fit_rows(out, method, 1, p, error);
  *out = NULL;
  cgap_status status = cgap_moments_open(&m, p, cca, error);
  for (size_t k = 0; status == CGAP_OK && k < count; k++) {
    status = cgap_gap_method_fit_moments(&head[k], method, shrinkage[k], m, error);
    if (status == CGAP_OK)
      status = cgap_validation_score_init(&score[k], validation, head[k], threads, error);
  }
  if (status == CGAP_OK) {
    const size_t chosen = choose_shrinkage(score, count);
    *out = head[chosen];
    head[chosen] = NULL;
  }
  for (size_t k = 0; k < count; k++) {
    cgap_validation_score_clear(&score[k]);
    cgap_head_close(head[k]);
  }
  cgap_moments_close(m);
  return status;
}

/* ---------------------------------------------------------------- fitted on whole data, for apply and the public
 * header */

/* Without texts the class texts are used in their place; only procrustes and cca need matched pairs. Where one modality
 * is missing, the other is taken for both: what is fitted for the missing one is not used. */
static cgap_status modalities_of(cgap_data *out, const cgap_data *data, cgap_gap_method method, cgap_error *error)
{
  *out = *data;
  if (data->text.rows == 0 && data->class_text.rows > 0) {
    out->text = data->class_text;
    out->pairing = CGAP_UNPAIRED;
  }
  const bool pairs = method == CGAP_PROCRUSTES || method == CGAP_CCA;
  const cgap_modality_names names = cgap_modality_names_of(data->names);
  const bool apart = method == CGAP_CENTER || method == CGAP_WHITEN; /* each modality by itself */
  if (apart && (out->text.rows == 0 || out->image.rows == 0)) {
    out->image = out->image.rows ? out->image : out->text;
    out->text = out->text.rows ? out->text : out->image;
    out->pairing = CGAP_UNPAIRED;
  }
  if (out->text.rows == 0 || out->image.rows == 0 || (pairs && out->pairing == CGAP_UNPAIRED))
    return cgap_fail_named(error, CGAP_FILE, data->names,
                           "%s: %s is fitted on %s, and this has none; fit it on another file",
                           (data->image.rows ? data->image : data->text).name, cgap_gap_method_name(method),
                           cgap_phrase_of(&names, pairs ? "pairs of {images} and {texts}" : "{images} and {texts}").s);
  return CGAP_OK;
}

static cgap_split_rows whole_as_split_rows(const cgap_embeddings *e)
{
  return (cgap_split_rows){
    .dim = e->image.dim,
    .image = e->image.unit,
    .text = e->text.unit,
    .modality = {&e->image, &e->text},
    .image_mean = e->image.mean,
    .text_mean = e->text.mean,
    .positives = {
      .images = e->image.rows, .texts = e->text.rows, .count = e->text.rows, .positive_image = e->pairs.image_of}};
}

static cgap_status check_factor(cgap_gap_method method, double factor, cgap_error *error)
{
  if (is_shrunk(method) && !(factor > 0 && isfinite(factor)))
    return cgap_fail(error, CGAP_USAGE, "factor %g: the shrinkage of %s is a number above 0, such as 1", factor,
                     cgap_gap_method_name(method));
  return isfinite(factor) ? CGAP_OK
                          : cgap_fail(error, CGAP_USAGE, "factor %g: give a finite number; 1 closes the gap", factor);
}

cgap_status cgap_gap_method_fit_within(cgap_head **out, cgap_gap_method method, double factor, const cgap_data *data,
                                       int threads, uint64_t limit, cgap_progress progress, cgap_error *error)
{
  cgap_planned_rows loaded = {0};
  cgap_data modalities;
  cgap_memory_plan plan;
  *out = NULL;
  const bool rows = method != CGAP_CENTER && method != CGAP_SHIFT; /* the others are made of the means alone */
  cgap_status status = check_factor(method, factor, error);
  if (status == CGAP_OK)
    status = modalities_of(&modalities, data, method, error);
  if (status == CGAP_OK)
    status = cgap_plan_gap_method(&plan, &modalities, rows, cgap_gap_method_name(method), limit, error);
  if (status == CGAP_OK)
    status = cgap_planned_rows_load(&loaded, &modalities, &plan, rows && plan.resident,
                                    threads > 0 ? threads : omp_get_max_threads(), progress, error);
  const cgap_split_rows all = whole_as_split_rows(&loaded.e);
  if (status == CGAP_OK)
    status = cgap_gap_method_fit_rows(out, method, factor, &all, error);
  cgap_planned_rows_clear(&loaded);
  return status;
}

cgap_status cgap_gap_method_fit(cgap_head **out, cgap_gap_method method, double factor, const cgap_data *data,
                                int threads, cgap_progress progress, cgap_error *error)
{
  static const char *const CALL = "cgap_gap_method_fit";
  cgap_data checked;
  cgap_status status = cgap_check_argument(out, CALL, "out", error);
  if (status != CGAP_OK)
    return status;
  *out = NULL;
  status = cgap_check_argument(data, CALL, "data", error);
  if (status == CGAP_OK)
    status = cgap_check_choice("method", (int)method, CGAP_GAP_METHODS, error);
  if (status == CGAP_OK)
    status = cgap_check_threads(threads, error);
  if (status == CGAP_OK)
    status = cgap_check_data(&checked, data, error);
  return status == CGAP_OK ? cgap_gap_method_fit_within(out, method, factor, &checked, threads, 0, progress, error)
                           : status;
}
