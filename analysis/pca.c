/* pca.{image,text,joint}, from second moments summed in double: eigenvalues λ of the covariance (divisor n − 1) and,
 * for rankme, of the uncentred moment. participation_ratio (Σλ)²/Σλ²; isoscore (PR − 1)/(d − 1) (after Rudman et al.
 * 2022); entropy_rank exp(−Σ p ln p), p = λ/Σλ (Roy & Vetterli 2007); rankme exp(−Σ p ln p) over the min(n, d)
 * uncentred singular values, p_k = σ_k/Σσ + 1e-7 (Garrido et al. 2023); components_90: the least k with cumulated ratio
 * ≥ 0.9. */
#include "analysis/finish.h"
#include "analysis/interval.h"
#include "memory.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

enum { IMAGE, TEXT, JOINT, POOLS };

/* Rows of one side or of both, as sums. */
typedef struct pool {
  double rows;
  const cgap_modality *side[2]; /* the second NULL for one side */
  size_t dim;
} pool;

typedef struct problem {
  pool rows;
  bool centred;
  double *vectors;    /* (2, dim) the first two components, or NULL: eigenvalues only */
  double *eigenvalue; /* (dim), descending; 2 where vectors are asked for */
  bool out_of_memory, failed;
} problem;

static void fill(const pool *p, bool centred, double *matrix, double *mean)
{
  const size_t dim = p->dim;
  memset(matrix, 0, dim * dim * sizeof *matrix);
  memset(mean, 0, dim * sizeof *mean);
  for (int s = 0; s < 2 && p->side[s]; s++) {
    for (size_t k = 0; k < dim * dim; k++)
      matrix[k] += p->side[s]->moment[k];
    for (size_t k = 0; k < dim; k++)
      mean[k] += (double)p->side[s]->rows * p->side[s]->mean[k] / p->rows;
  }
  for (size_t a = 0; centred && a < dim; a++)
    for (size_t b = 0; b < dim; b++)
      matrix[a * dim + b] = (matrix[a * dim + b] - p->rows * mean[a] * mean[b]) / (p->rows - 1);
}

static void solve(problem *p)
{
  const lapack_int dim = (lapack_int)p->rows.dim;
  const size_t n = p->rows.dim;
  double *matrix = cgap_alloc(n * n, sizeof *matrix), *value = cgap_alloc(n, sizeof *value);
  lapack_int found = 0, support[4], info = -1;
  p->out_of_memory = !matrix || !value;
  if (!p->out_of_memory) {
    fill(&p->rows, p->centred, matrix, value);
    if (p->vectors)
      info = LAPACKE_dsyevr(LAPACK_COL_MAJOR, 'V', 'I', 'U', dim, matrix, dim, 0, 0, dim - 1, dim, 0, &found, value,
                            p->vectors, dim, support);
    else
      info = LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'N', 'U', dim, matrix, dim, value);
    p->failed = info != 0;
  }
  for (size_t k = 0; !p->out_of_memory && !p->vectors && k < n; k++)
    p->eigenvalue[k] = fmax(0, value[n - 1 - k]);
  cgap_free(matrix);
  cgap_free(value);
}

static double entropy_rank(const double *share, size_t n)
{
  double entropy = 0;
  for (size_t k = 0; k < n; k++)
    entropy -= share[k] > 0 ? share[k] * log(share[k]) : 0;
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
  out->participation_ratio = cgap_scalar_plain(ratio, n);
  out->isoscore = cgap_scalar_plain((ratio - 1) / ((double)dim - 1), n);
  out->entropy_rank = cgap_scalar_plain(entropy_rank(out->explained_variance_ratio, dim), n);
  out->components_90 = cgap_scalar_plain((double)least, n);
}

/* square: squared singular values, descending; turned into shares in place. */
static void finish_rankme(cgap_spectrum *out, double *square, size_t dim, double rows, uint64_t n)
{
  const size_t count = rows < (double)dim ? (size_t)rows : dim;
  double sum = 0;
  for (size_t k = 0; k < count; k++)
    sum += sqrt(square[k]);
  for (size_t k = 0; k < count; k++)
    square[k] = sqrt(square[k]) / sum + 1e-7;
  out->rankme = cgap_scalar_plain(entropy_rank(square, count), n);
}

/* Signs that do not depend on the library: images lie on the positive side of each component. */
static void orient(const cgap_evidence *e, const double *vectors, double *components)
{
  for (size_t c = 0; c < 2; c++) {
    const double *v = vectors + (1 - c) * e->dim; /* dsyevr: ascending */
    double along = 0;
    for (size_t a = 0; a < e->dim; a++)
      along += v[a] * (e->image.mean[a] - e->text.mean[a]);
    for (size_t a = 0; a < e->dim; a++)
      components[c * e->dim + a] = along < 0 ? -v[a] : v[a];
  }
}

static cgap_status finish_pools(const cgap_evidence *e, problem *list, double *components, cgap_audit *out,
                                cgap_error *error)
{
  cgap_spectrum *spectrum[POOLS] = {&out->pca_image, &out->pca_text, &out->pca_joint};
  for (int k = 0; k <= 2 * POOLS; k++)
    if (list[k].out_of_memory || list[k].failed)
      return cgap_fail(error, CGAP_RESOURCE,
                       list[k].failed ? "the eigenvalues of %zu dimensions did not converge"
                                      : "no memory for the eigenvalues of %zu dimensions",
                       e->dim);
  for (int k = 0; k < POOLS; k++) {
    spectrum[k]->explained_variance_ratio = cgap_alloc(e->dim, sizeof(double));
    if (!spectrum[k]->explained_variance_ratio)
      return cgap_fail(error, CGAP_RESOURCE, "no memory for %zu ratios", e->dim);
    const double rows = list[k].rows.rows;
    finish_variance(spectrum[k], list[k].eigenvalue, e->dim, (uint64_t)rows);
    finish_rankme(spectrum[k], list[POOLS + k].eigenvalue, e->dim, rows, (uint64_t)rows);
  }
  orient(e, list[2 * POOLS].vectors, components);
  return CGAP_OK;
}

cgap_status cgap_pca_finish(const cgap_evidence *e, int threads, double *components, cgap_audit *out, cgap_error *error)
{
  const double images = (double)e->image.rows, texts = (double)e->text.rows;
  const pool pools[POOLS] = {{.rows = images, .side = {&e->image}, .dim = e->dim},
                             {.rows = texts, .side = {&e->text}, .dim = e->dim},
                             {.rows = images + texts, .side = {&e->image, &e->text}, .dim = e->dim}};
  double *room = cgap_alloc((2 * POOLS + 2) * e->dim, sizeof *room);
  problem list[2 * POOLS + 1];
  if (!room)
    return cgap_fail(error, CGAP_RESOURCE, "no memory for the eigenvalues of %zu dimensions", e->dim);
  for (int k = 0; k < 2 * POOLS; k++)
    list[k] = (problem){.rows = pools[k % POOLS], .centred = k < POOLS, .eigenvalue = room + (size_t)k * e->dim};
  list[2 * POOLS] = (problem){.rows = pools[JOINT], .centred = true, .vectors = room + 2 * POOLS * e->dim};
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (int k = 2 * POOLS; k >= 0; k--)
    solve(&list[k]);
  cgap_status status = finish_pools(e, list, components, out, error);
  cgap_free(room);
  return status;
}
