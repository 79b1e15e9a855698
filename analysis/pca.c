/* pca.{image,text,joint}, from second moments summed in double: eigenvalues λ of the covariance (divisor n − 1) and,
 * for rankme, of the uncentred moment. participation_ratio (Σλ)²/Σλ²; isoscore (PR − 1)/(d − 1) (after Rudman et al.
 * 2022); entropy_rank exp(−Σ p ln p), p = λ/Σλ (Roy & Vetterli 2007); rankme exp(−Σ p ln p) over the min(n, d)
 * uncentred singular values, p_k = σ_k/Σσ + 1e-7 (Garrido et al. 2023); components_90: the least k with cumulated ratio
 * ≥ 0.9. */
#include "analysis/finish.h"
#include "analysis/interval.h"
#include "base/memory.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

enum { IMAGE, TEXT, JOINT, POOLS = CGAP_PCA_PROBLEMS };

/* Rows of one modality or of both, as sums. */
typedef struct row_pool {
  double rows;
  const cgap_modality *modality[2]; /* the second NULL for one modality */
  size_t dim;
} row_pool;

/* The eigenvalues of a pool's covariance and of its uncentred moment, (2, dim), descending; of the joint pool also the
 * first two components, (2, dim), the second one first. */
typedef struct problem {
  row_pool rows;
  bool vectors;
  double *values;
  bool out_of_memory, failed;
} problem;

/* What a problem is solved in, n = dim. */
typedef struct eigen_scratch {
  double *matrix;         /* (n, n) */
  double *mean;           /* (n) */
  double *mirror, *moved; /* (n): I − τ·mirror·mirrorᵀ turns the mean onto the first axis */
  double *diagonal, *off_diagonal, *tau;
  double *spare; /* (2, n) */
} eigen_scratch;

/* Σ (z − m)(z − m)ᵀ, all of it, and m. */
static void fill_covariance(const row_pool *p, double *matrix, double *mean)
{
  const size_t dim = p->dim;
  memset(matrix, 0, dim * dim * sizeof *matrix);
  memset(mean, 0, dim * sizeof *mean);
  for (int s = 0; s < 2 && p->modality[s]; s++) {
    for (size_t k = 0; k < dim * dim; k++)
      matrix[k] += p->modality[s]->moment[k];
    for (size_t k = 0; k < dim; k++)
      mean[k] += (double)p->modality[s]->rows * p->modality[s]->mean[k] / p->rows;
  }
  for (size_t a = 0; a < dim; a++)
    for (size_t b = 0; b < dim; b++)
      matrix[a * dim + b] -= p->rows * mean[a] * mean[b];
}

/* In coordinates whose first axis is the mean's, a reduction that leaves this axis alone serves both problems: the
 * uncentred moment differs by Σ m mᵀ, one element of the tridiagonal matrix. Returns LAPACK's info; *length: of m. */
static int tridiagonalise(const eigen_scratch *r, size_t n, double *tau, double *length)
{
  const int dim = (int)n;
  memcpy(r->mirror, r->mean, n * sizeof *r->mirror);
  *length = r->mirror[0];
  if (LAPACKE_dlarfg(dim, length, r->mirror + 1, 1, tau) != 0)
    return -1;
  r->mirror[0] = 1;
  cblas_dsymv(CblasColMajor, CblasLower, dim, *tau, r->matrix, dim, r->mirror, 1, 0, r->moved, 1);
  const double along = cblas_ddot(dim, r->moved, 1, r->mirror, 1);
  cblas_daxpy(dim, -0.5 * *tau * along, r->mirror, 1, r->moved, 1);
  cblas_dsyr2(CblasColMajor, CblasLower, dim, -1, r->mirror, 1, r->moved, 1, r->matrix, dim);
  return LAPACKE_dsytrd(LAPACK_COL_MAJOR, 'L', dim, r->matrix, dim, r->diagonal, r->off_diagonal, r->tau);
}

/* Eigenvalues of the tridiagonal matrix with `more` on its first element, by `scale`. */
static int values_of(const eigen_scratch *r, size_t n, double more, double scale, double *out)
{
  double *value = r->spare, *off_diagonal = r->spare + n;
  memcpy(value, r->diagonal, n * sizeof *value);
  memcpy(off_diagonal, r->off_diagonal, n * sizeof *off_diagonal);
  value[0] += more;
  const int info = LAPACKE_dsterf((int)n, value, off_diagonal);
  for (size_t k = 0; k < n; k++)
    out[k] = fmax(0, value[n - 1 - k] * scale);
  return info;
}

/* The two greatest eigenvalues' vectors, back in the coordinates of the rows. */
static int vectors_of(const eigen_scratch *r, size_t n, double tau, double *out)
{
  const lapack_int dim = (lapack_int)n;
  lapack_int found = 0, support[4];
  int info = LAPACKE_dstevr(LAPACK_COL_MAJOR, 'V', 'I', dim, r->diagonal, r->off_diagonal, 0, 0, dim - 1, dim, 0,
                            &found, r->spare, out, dim, support);
  if (!info)
    info = LAPACKE_dormtr(LAPACK_COL_MAJOR, 'L', 'L', 'N', dim, 2, r->matrix, dim, r->tau, out, dim);
  for (size_t c = 0; !info && c < 2; c++)
    cblas_daxpy(dim, -tau * cblas_ddot(dim, r->mirror, 1, out + c * n, 1), r->mirror, 1, out + c * n, 1);
  return info;
}

static void solve_problem(problem *p)
{
  const size_t n = p->rows.dim;
  double *block = cgap_alloc(n * n + 8 * n, sizeof *block), tau, length;
  p->out_of_memory = !block;
  if (!block)
    return;
  double *const row = block + n * n;
  const eigen_scratch r = {block, row, row + n, row + 2 * n, row + 3 * n, row + 4 * n, row + 5 * n, row + 6 * n};
  fill_covariance(&p->rows, r.matrix, r.mean);
  int info = tridiagonalise(&r, n, &tau, &length);
  if (!info)
    info = values_of(&r, n, 0, 1 / (p->rows.rows - 1), p->values);
  if (!info)
    info = values_of(&r, n, p->rows.rows * length * length, 1, p->values + n);
  if (!info && p->vectors)
    info = vectors_of(&r, n, tau, p->values + 2 * n);
  p->failed = info != 0;
  cgap_free(block);
}

static double entropy_rank(const double *variance_ratio, size_t n)
{
  double entropy = 0;
  for (size_t k = 0; k < n; k++)
    entropy -= variance_ratio[k] > 0 ? variance_ratio[k] * log(variance_ratio[k]) : 0;
  return exp(entropy);
}

static void finish_variance(cgap_spectrum *out, const double *lambda, size_t dim, uint64_t n)
{
  double sum = 0, squares = 0, cumulated = 0;
  size_t least = 0;
  for (size_t k = 0; k < dim; k++) {
    sum += lambda[k];
    squares += lambda[k] * lambda[k];
  }
  if (!(sum > 1e-13)) { /* what rounding leaves of unit rows that are all equal */
    out->participation_ratio = cgap_scalar_null("all rows are equal", n);
    out->isoscore = out->entropy_rank = out->components_90 = out->participation_ratio;
    return;
  }
  out->count = dim;
  for (size_t k = 0; k < dim; k++) {
    out->explained_variance_ratio[k] = lambda[k] / sum;
    cumulated += lambda[k] / sum;
    if (least == 0 && cumulated >= 0.9 - 1e-12)
      least = k + 1;
  }
  const double ratio = sum * sum / squares;
  out->participation_ratio = cgap_scalar_number(ratio, n);
  out->isoscore = cgap_scalar_number((ratio - 1) / ((double)dim - 1), n);
  out->entropy_rank = cgap_scalar_number(entropy_rank(out->explained_variance_ratio, dim), n);
  out->components_90 = cgap_scalar_number((double)least, n);
}

/* square: squared singular values, descending; turned into fractions in place. */
static void finish_rankme(cgap_spectrum *out, double *square, size_t dim, double rows, uint64_t n)
{
  const size_t count = rows < (double)dim ? (size_t)rows : dim;
  double sum = 0;
  for (size_t k = 0; k < count; k++)
    sum += sqrt(square[k]);
  for (size_t k = 0; k < count; k++)
    square[k] = sqrt(square[k]) / sum + 1e-7;
  out->rankme = cgap_scalar_number(entropy_rank(square, count), n);
}

/* Signs that do not depend on the library: the images have a positive mean on each component. */
static void orient_components(const cgap_audit_sums *e, const double *vectors, double *components)
{
  for (size_t c = 0; c < 2; c++) {
    const double *v = vectors + (1 - c) * e->dim; /* ascending */
    double along = 0;
    for (size_t a = 0; a < e->dim; a++)
      along += v[a] * (e->image.mean[a] - e->text.mean[a]);
    for (size_t a = 0; a < e->dim; a++)
      components[c * e->dim + a] = along < 0 ? -v[a] : v[a];
  }
}

static row_pool pool_of(const cgap_audit_sums *e, int which)
{
  row_pool p = {.rows = (double)e->image.rows, .modality = {&e->image}, .dim = e->dim};
  if (which == TEXT)
    p = (row_pool){.rows = (double)e->text.rows, .modality = {&e->text}, .dim = e->dim};
  if (which == JOINT) {
    p.rows += (double)e->text.rows;
    p.modality[1] = &e->text;
  }
  return p;
}

int cgap_pca_problems(const cgap_audit_sums *e)
{
  return e->text.rows > 0 ? POOLS : TEXT;
}

size_t cgap_pca_place(int which, size_t dim)
{
  return (size_t)(2 * which + (which > JOINT ? 2 : 0)) * dim;
}

cgap_status cgap_pca_solve(const cgap_audit_sums *e, int first, int end, int threads, cgap_concurrent_task concurrent,
                           double *values, cgap_error *error)
{
  problem list[POOLS];
  for (int k = 0; k < POOLS; k++)
    list[k] = (problem){.rows = pool_of(e, k), .vectors = k == JOINT, .values = values + cgap_pca_place(k, e->dim)};
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (int k = end; k >= first; k--) /* the joint pool's takes longest, and comes with the concurrent work */
    if (k < end)
      solve_problem(&list[k]);
    else if (concurrent.work)
      concurrent.work(concurrent.context);
  for (int k = first; k < end; k++)
    if (list[k].out_of_memory || list[k].failed)
      return cgap_fail(error, CGAP_RESOURCE,
                       list[k].failed ? "the eigenvalues of %zu dimensions did not converge"
                                      : "out of memory for the eigenvalues of %zu dimensions",
                       e->dim);
  return CGAP_OK;
}

cgap_status cgap_pca_finish(const cgap_audit_sums *e, double *values, double *components, cgap_audit *out,
                            cgap_error *error)
{
  cgap_spectrum *spectrum[POOLS] = {&out->pca_image, &out->pca_text, &out->pca_joint};
  const int problems = cgap_pca_problems(e);
  for (int k = 0; k < problems; k++) {
    const double rows = pool_of(e, k).rows;
    spectrum[k]->explained_variance_ratio = cgap_alloc(e->dim, sizeof(double));
    if (!spectrum[k]->explained_variance_ratio)
      return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu ratios", e->dim);
    finish_variance(spectrum[k], values + cgap_pca_place(k, e->dim), e->dim, (uint64_t)rows);
    finish_rankme(spectrum[k], values + cgap_pca_place(k, e->dim) + e->dim, e->dim, rows, (uint64_t)rows);
  }
  if (problems > JOINT)
    orient_components(e, values + cgap_pca_place(JOINT, e->dim) + 2 * e->dim, components);
  return CGAP_OK;
}

/* ---------------------------------------------------------------- axes of a picture */

/* vector less its part along the unit vector `axis`, of length 1; returns the length before that. */
static double make_orthogonal(double *vector, const double *axis, size_t n)
{
  cblas_daxpy((int)n, -cblas_ddot((int)n, vector, 1, axis, 1), axis, 1, vector, 1);
  const double length = cblas_dnrm2((int)n, vector, 1);
  if (length > 0)
    cblas_dscal((int)n, 1 / length, vector, 1);
  return length;
}

/* The power method in the space orthogonal to `axis`, from `vector`; both become unit vectors of that space. A picture
 * needs no more than a few digits: it stops when the vector turns by less than 1e-6, or after STEPS_MAX. */
static void first_orthogonal(const double *covariance, const double *axis, double *vector, double *moved, size_t n)
{
  enum { STEPS_MAX = 500 };
  bool turning = make_orthogonal(vector, axis, n) > 0;
  for (int step = 0; turning && step < STEPS_MAX; step++) {
    cblas_dsymv(CblasColMajor, CblasLower, (int)n, 1, covariance, (int)n, vector, 1, 0, moved, 1);
    if (!(make_orthogonal(moved, axis, n) > 0))
      return;
    turning = 1 - cblas_ddot((int)n, moved, 1, vector, 1) > 1e-12;
    memcpy(vector, moved, n * sizeof *vector);
  }
}

static double variance_along(const double *covariance, const double *axis, double *moved, size_t n)
{
  double all = 0;
  for (size_t k = 0; k < n; k++)
    all += covariance[k * n + k];
  cblas_dsymv(CblasColMajor, CblasLower, (int)n, 1, covariance, (int)n, axis, 1, 0, moved, 1);
  return all > 0 ? cblas_ddot((int)n, moved, 1, axis, 1) / all : NAN;
}

cgap_status cgap_pca_gap_axes(const cgap_audit_sums *e, double *components, double variance[2], cgap_error *error)
{
  const size_t n = e->dim;
  double *const block = cgap_alloc(n * n + 3 * n, sizeof *block);
  if (!block)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the axes of %zu dimensions", n);
  double *const axis = block + n * n, *const moved = axis + n, *const mean = moved + n, *const second = components + n;
  const row_pool pool = pool_of(e, JOINT);
  fill_covariance(&pool, block, mean);
  for (size_t k = 0; k < n; k++)
    axis[k] = e->image.mean[k] - e->text.mean[k];
  const double length = cblas_dnrm2((int)n, axis, 1);
  if (length > 0) {
    cblas_dscal((int)n, 1 / length, axis, 1);
    /* both components have a part in the start, so that it is not orthogonal to what is looked for */
    cblas_daxpy((int)n, 1, components, 1, second, 1);
    first_orthogonal(block, axis, second, moved, n);
    memcpy(components, axis, n * sizeof *components);
  }
  for (size_t c = 0; c < 2; c++)
    variance[c] = variance_along(block, components + c * n, moved, n);
  cgap_free(block);
  return CGAP_OK;
}

static const cgap_field fields[] = {
  {"pca.image.participation_ratio", "participation ratio", CGAP_GROUP_SPECTRUM, 0,
   offsetof(cgap_audit, pca_image.participation_ratio), 2, CGAP_HIGHER, 0,
   "(sum of variances)² / sum of squared variances of the principal components: how many directions share the "
   "variance.",
   ""},
  {"pca.text.participation_ratio", "participation ratio", CGAP_GROUP_SPECTRUM, 1,
   offsetof(cgap_audit, pca_text.participation_ratio), 2, CGAP_HIGHER, CGAP_HAS_TEXT,
   "(sum of variances)² / sum of squared variances of the principal components: how many directions share the "
   "variance.",
   ""},
  {"pca.joint.participation_ratio", "participation ratio", CGAP_GROUP_SPECTRUM, 2,
   offsetof(cgap_audit, pca_joint.participation_ratio), 2, CGAP_HIGHER, CGAP_ONE_SPACE,
   "(sum of variances)² / sum of squared variances of the principal components: how many directions share the "
   "variance.",
   ""},
  {"pca.image.isoscore", "IsoScore", CGAP_GROUP_SPECTRUM, 0, offsetof(cgap_audit, pca_image.isoscore), 4, CGAP_HIGHER,
   0, "(participation ratio - 1)/(d - 1): 0 is one direction, 1 is all alike.", "Rudman et al. 2022, arXiv 2108.07344"},
  {"pca.text.isoscore", "IsoScore", CGAP_GROUP_SPECTRUM, 1, offsetof(cgap_audit, pca_text.isoscore), 4, CGAP_HIGHER,
   CGAP_HAS_TEXT, "(participation ratio - 1)/(d - 1): 0 is one direction, 1 is all alike.",
   "Rudman et al. 2022, arXiv 2108.07344"},
  {"pca.joint.isoscore", "IsoScore", CGAP_GROUP_SPECTRUM, 2, offsetof(cgap_audit, pca_joint.isoscore), 4, CGAP_HIGHER,
   CGAP_ONE_SPACE, "(participation ratio - 1)/(d - 1): 0 is one direction, 1 is all alike.",
   "Rudman et al. 2022, arXiv 2108.07344"},
  {"pca.image.entropy_rank", "entropy rank", CGAP_GROUP_SPECTRUM, 0, offsetof(cgap_audit, pca_image.entropy_rank), 2,
   CGAP_HIGHER, 0, "exp of the entropy of the variance shares.", "Roy, Vetterli 2007, EUSIPCO"},
  {"pca.text.entropy_rank", "entropy rank", CGAP_GROUP_SPECTRUM, 1, offsetof(cgap_audit, pca_text.entropy_rank), 2,
   CGAP_HIGHER, CGAP_HAS_TEXT, "exp of the entropy of the variance shares.", "Roy, Vetterli 2007, EUSIPCO"},
  {"pca.joint.entropy_rank", "entropy rank", CGAP_GROUP_SPECTRUM, 2, offsetof(cgap_audit, pca_joint.entropy_rank), 2,
   CGAP_HIGHER, CGAP_ONE_SPACE, "exp of the entropy of the variance shares.", "Roy, Vetterli 2007, EUSIPCO"},
  {"pca.image.rankme", "RankMe", CGAP_GROUP_SPECTRUM, 0, offsetof(cgap_audit, pca_image.rankme), 2, CGAP_HIGHER, 0,
   "exp of the entropy of the uncentred singular values.", "Garrido et al. 2023, arXiv 2210.02885"},
  {"pca.text.rankme", "RankMe", CGAP_GROUP_SPECTRUM, 1, offsetof(cgap_audit, pca_text.rankme), 2, CGAP_HIGHER,
   CGAP_HAS_TEXT, "exp of the entropy of the uncentred singular values.", "Garrido et al. 2023, arXiv 2210.02885"},
  {"pca.joint.rankme", "RankMe", CGAP_GROUP_SPECTRUM, 2, offsetof(cgap_audit, pca_joint.rankme), 2, CGAP_HIGHER,
   CGAP_ONE_SPACE, "exp of the entropy of the uncentred singular values.", "Garrido et al. 2023, arXiv 2210.02885"},
  {"pca.image.components_90", "components for 90 %", CGAP_GROUP_SPECTRUM, 0,
   offsetof(cgap_audit, pca_image.components_90), 0, CGAP_HIGHER, 0,
   "The least number of components that carry 90 percent of the variance.", ""},
  {"pca.text.components_90", "components for 90 %", CGAP_GROUP_SPECTRUM, 1,
   offsetof(cgap_audit, pca_text.components_90), 0, CGAP_HIGHER, CGAP_HAS_TEXT,
   "The least number of components that carry 90 percent of the variance.", ""},
  {"pca.joint.components_90", "components for 90 %", CGAP_GROUP_SPECTRUM, 2,
   offsetof(cgap_audit, pca_joint.components_90), 0, CGAP_HIGHER, CGAP_ONE_SPACE,
   "The least number of components that carry 90 percent of the variance.", ""},
};

const cgap_measure cgap_measure_pca = {
  .name = "spectrum",
  .basis = CGAP_ON_ROWS,
  .one_modality = true,
  .fields = fields,
  .field_count = sizeof fields / sizeof *fields,
};
