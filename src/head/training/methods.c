#include "head/training/split.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/source.h"
#include "base/threads.h"
#include "head/training/memory_plan.h"
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

/* c, symmetric and positive semidefinite, becomes (c + ridge I)^power. values (d), work (d, d). false: its eigenvalues
 * did not converge. */
static bool symmetric_power(double *c, size_t d, double ridge, double power, double *values, double *work)
{
  if (LAPACKE_dsyevd(LAPACK_ROW_MAJOR, 'V', 'U', (lapack_int)d, c, (lapack_int)d, values) != 0)
    return false;
  for (size_t j = 0; j < d; j++) {
    const double root = pow(fmax(values[j], 0) + ridge, power / 2);
    for (size_t i = 0; i < d; i++)
      work[i * d + j] = c[i * d + j] * root;
  }
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)d, (int)d, (int)d, 1, work, (int)d, work, (int)d, 0, c,
              (int)d);
  return true;
}

/* c (dim, dim) = (C + r I)^−½, C the covariance of a modality's rows and r = shrinkage · trace C / rows, which is about
 * what noise alone adds to the eigenvalues of so few rows. values (dim), work (dim, dim) */
static cgap_status inverse_root_covariance(double *c, const cgap_split_rows *p, int modality, double shrinkage,
                                           const char *name, double *values, double *work, cgap_error *error)
{
  static const double ROUNDING = 1e-12; /* of the variance of unit rows that are all equal */
  const bool images = modality == CGAP_IMAGE_MODALITY;
  const double *mean = images ? p->image_mean : p->text_mean;
  const size_t rows = images ? p->positives.images : p->positives.texts;
  double trace = 0;
  const cgap_status status = cross_moment(c, p, (int[]){modality, modality}, (const size_t *[]){NULL, NULL},
                                          (const double *[]){mean, mean}, rows, error);
  if (status != CGAP_OK)
    return status;
  cblas_dscal((int)(p->dim * p->dim), 1 / (double)rows, c, 1);
  for (size_t k = 0; k < p->dim; k++)
    trace += c[k * (p->dim + 1)];
  if (trace > ROUNDING && symmetric_power(c, p->dim, shrinkage * trace / (double)rows, -0.5, values, work))
    return CGAP_OK;
  return cgap_fail(error, CGAP_DATA, "%s: all %s are equal, there is nothing to fit it on", name,
                   images ? "images" : "texts");
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

static cgap_status fit_whiten(cgap_head *h, const cgap_split_rows *p, double shrinkage, double *work, cgap_error *error)
{
  double *c = work, *spare = c + p->dim * p->dim, *values = spare + p->dim * p->dim;
  cgap_status status = CGAP_OK;
  for (int modality = 0; status == CGAP_OK && modality < CGAP_MODALITIES; modality++) {
    status = inverse_root_covariance(c, p, modality, shrinkage, "whiten", values, spare, error);
    if (status == CGAP_OK)
      put_centred_map(h, p, modality, c, values);
  }
  return status;
}

/* Regularised canonical correlation (Vinod 1976): with K = (C + r I)^−½ of each modality and M = K_x C_xy K_y = U S Vᵀ,
 * images get S Uᵀ K_x (x − mean) and texts S Vᵀ K_y (y − mean), the canonical directions weighted by their correlations
 * (Gong et al. 2014). Both are then turned by U, which changes no cosine: (M Mᵀ)^½ K_x for images, M K_y for texts. */
static cgap_status fit_cca(cgap_head *h, const cgap_split_rows *p, double shrinkage, double *work, cgap_error *error)
{
  const size_t d = p->dim, square = d * d;
  double *k_x = work, *k_y = k_x + square, *m = k_y + square, *spare = m + square, *values = spare + square;
  cgap_status status = inverse_root_covariance(k_x, p, CGAP_IMAGE_MODALITY, shrinkage, "cca", values, spare, error);
  if (status == CGAP_OK)
    status = inverse_root_covariance(k_y, p, CGAP_TEXT_MODALITY, shrinkage, "cca", values, spare, error);
  if (status == CGAP_OK)
    status = cross_moment(m, p, (int[]){CGAP_IMAGE_MODALITY, CGAP_TEXT_MODALITY},
                          (const size_t *[]){p->positives.positive_image, p->positives.positive_text},
                          (const double *[]){p->image_mean, p->text_mean}, p->positives.count, error);
  if (status != CGAP_OK)
    return status;
  cblas_dscal((int)square, 1 / (double)p->positives.count, m, 1);
  multiply(spare, k_x, m, d);
  multiply(m, spare, k_y, d);
  multiply(spare, m, k_y, d);
  put_centred_map(h, p, CGAP_TEXT_MODALITY, spare, values);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)d, (int)d, (int)d, 1, m, (int)d, m, (int)d, 0, k_y, (int)d);
  if (!(cblas_dnrm2((int)square, m, 1) > 0) || !symmetric_power(k_y, d, 0, 0.5, values, spare))
    return cgap_fail(error, CGAP_DATA,
                     "cca: images and texts are not correlated at all, there is nothing to fit it on");
  multiply(spare, k_y, k_x, d);
  put_centred_map(h, p, CGAP_IMAGE_MODALITY, spare, values);
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

cgap_status cgap_gap_method_fit_rows(cgap_head **out, cgap_gap_method method, double factor, const cgap_split_rows *p,
                                     cgap_error *error)
{
  enum { WORK_SQUARES = 4 };
  const cgap_head_shape shape = {.kind = CGAP_HEAD_RESIDUAL, .dim_in = p->dim, .dim = p->dim};
  char options[80];
  snprintf(options, sizeof options, "{\"method\": \"%s\"}", NAMES[method]);
  *out = cgap_head_new(&shape, options);
  size_t squares = 0;
  double *work =
    cgap_product(&squares, p->dim, p->dim) ? cgap_alloc(WORK_SQUARES * squares + p->dim, sizeof *work) : NULL;
  const int blas = cgap_blas_single();
  cgap_status status = CGAP_OK;
  if (!*out || !work)
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for %s of %zu dimensions", NAMES[method], p->dim);
  else if (method == CGAP_CENTER)
    fit_center(*out, p, work);
  else if (method == CGAP_SHIFT)
    fit_shift(*out, p, factor, work);
  else if (method == CGAP_WHITEN)
    status = fit_whiten(*out, p, factor, work, error);
  else if (method == CGAP_CCA)
    status = fit_cca(*out, p, factor, work, error);
  else
    status = fit_procrustes(*out, p, work, error);
  cgap_blas_restore(blas);
  cgap_free(work);
  if (status != CGAP_OK) {
    cgap_head_close(*out);
    *out = NULL;
  }
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
  const bool apart = method == CGAP_CENTER || method == CGAP_WHITEN; /* each modality by itself */
  if (apart && (out->text.rows == 0 || out->image.rows == 0)) {
    out->image = out->image.rows ? out->image : out->text;
    out->text = out->text.rows ? out->text : out->image;
    out->pairing = CGAP_UNPAIRED;
  }
  if (out->text.rows == 0 || out->image.rows == 0 || (pairs && out->pairing == CGAP_UNPAIRED))
    return cgap_fail(error, CGAP_FILE, "%s: %s is fitted on %s, and this has none; fit it on another file",
                     (data->image.rows ? data->image : data->text).name, cgap_gap_method_name(method),
                     pairs ? "pairs of images and texts" : "images and texts");
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
  const bool shrinkage = method == CGAP_WHITEN || method == CGAP_CCA;
  if (shrinkage && !(factor > 0 && isfinite(factor)))
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
