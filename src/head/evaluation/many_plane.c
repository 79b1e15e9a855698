/* The plane of all modalities: one PCA of their pooled unit rows. Second moments are summed in double, modality by
 * modality, in one pass over the rows; at most CGAP_PLANE_ROWS rows of each are then projected. */
#include "head/evaluation/many_plane.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/source.h"
#include "rows/row_reader.h"
#include "rows/row_sums.h"
#include "simd/convert.h"

typedef struct plane {
  size_t dim, rows;   /* of the pool */
  double *covariance; /* (dim, dim): Σ z zᵀ, then centred and over rows */
  double *moment;     /* (dim, dim) of one modality */
  double *mean;       /* (CGAP_MODALITIES_MAX + 1, dim): of each modality, then of the pool */
  double *axes;       /* (dim, 2) */
  double variance[2];
} plane;

static void plane_clear(plane *p)
{
  cgap_free(p->covariance);
  cgap_free(p->moment);
  cgap_free(p->mean);
  cgap_free(p->axes);
}

static cgap_status plane_init(plane *p, size_t dim, cgap_error *error)
{
  size_t square = 0;
  const bool fits = cgap_product(&square, dim, dim);
  *p = (plane){.dim = dim};
  p->covariance = fits ? cgap_zalloc(square, sizeof *p->covariance) : NULL;
  p->moment = fits ? cgap_alloc(square, sizeof *p->moment) : NULL;
  p->mean = cgap_zalloc((CGAP_MODALITIES_MAX + 1) * dim, sizeof *p->mean);
  p->axes = cgap_alloc(2 * dim, sizeof *p->axes);
  return p->covariance && p->moment && p->mean && p->axes
           ? CGAP_OK
           : cgap_fail(error, CGAP_RESOURCE, "out of memory for the covariance of %zu dimensions", dim);
}

/* Unit rows in double; a row without direction is zero. */
static cgap_status read_unit(const cgap_source *source, size_t first, size_t count, unsigned char *raw, double *out,
                             cgap_error *error)
{
  const cgap_status status = source->read(source, first, count, raw, error);
  if (status != CGAP_OK)
    return status;
  cgap_to_double(source->type, raw, count * source->dim, out);
  for (size_t i = 0; i < count; i++)
    (void)cgap_normalise(out + i * source->dim, out + i * source->dim, source->dim);
  return CGAP_OK;
}

/* Adds a modality's second moment to the pool's, and sets its mean. */
static cgap_status add_modality(plane *p, const cgap_source *source, double *mean, int threads, cgap_error *error)
{
  const size_t dim = p->dim, run = cgap_second_moment_run_rows(dim), block = cgap_lesser(run, source->rows);
  cgap_second_moment sums;
  unsigned char *raw = cgap_alloc(block * dim, cgap_type_size(source->type));
  double *rows = cgap_alloc(block * dim, sizeof *rows);
  cgap_status status = cgap_second_moment_init(&sums, dim, (double)run, threads, error);
  if (status == CGAP_OK && (!raw || !rows))
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu rows of %zu", source->name, block, dim);
  for (size_t first = 0; status == CGAP_OK && first < source->rows; first += block) {
    const size_t start[] = {0, cgap_lesser(block, source->rows - first)};
    status = read_unit(source, first, start[1], raw, rows, error);
    if (status == CGAP_OK)
      cgap_second_moment_add(&sums, rows, start, 1);
  }
  if (status == CGAP_OK)
    status = cgap_second_moment_finish(&sums, NULL, 1, p->moment, mean, error);
  for (size_t k = 0; status == CGAP_OK && k < dim * dim; k++)
    p->covariance[k] += p->moment[k];
  for (size_t k = 0; status == CGAP_OK && k < dim; k++) {
    p->mean[CGAP_MODALITIES_MAX * dim + k] += mean[k];
    mean[k] /= (double)source->rows;
  }
  p->rows += source->rows;
  cgap_second_moment_clear(&sums);
  cgap_free(raw);
  cgap_free(rows);
  return status;
}

/* The two axes of most variance, each with its largest element positive. */
static cgap_status find_axes(plane *p, cgap_error *error)
{
  const size_t dim = p->dim;
  const lapack_int n = (lapack_int)dim;
  double *mean = p->mean + CGAP_MODALITIES_MAX * dim, trace = 0;
  double *values = cgap_alloc(dim, sizeof *values), *vectors = cgap_alloc(2 * dim, sizeof *vectors);
  lapack_int found = 0, support[4];
  cgap_status status = values && vectors ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for two axes");
  for (size_t k = 0; k < dim; k++)
    mean[k] /= (double)p->rows;
  for (size_t i = 0; i < dim; i++)
    for (size_t j = 0; j < dim; j++)
      p->covariance[i * dim + j] = p->covariance[i * dim + j] / (double)p->rows - mean[i] * mean[j];
  for (size_t k = 0; k < dim; k++)
    trace += p->covariance[k * dim + k];
  if (status == CGAP_OK && LAPACKE_dsyevr(LAPACK_COL_MAJOR, 'V', 'I', 'U', n, p->covariance, n, 0, 0, n - 1, n, 0,
                                          &found, values, vectors, n, support) != 0)
    status = cgap_fail(error, CGAP_RESOURCE, "the two axes of the pooled rows were not found");
  for (size_t a = 0; status == CGAP_OK && a < 2; a++) {
    const double *vector = vectors + (1 - a) * dim; /* the values ascend */
    size_t largest = 0;
    for (size_t k = 1; k < dim; k++)
      largest = fabs(vector[k]) > fabs(vector[largest]) ? k : largest;
    for (size_t k = 0; k < dim; k++)
      p->axes[a * dim + k] = vector[largest] < 0 ? -vector[k] : vector[k];
    p->variance[a] = trace > 0 ? fmax(0, values[1 - a]) / trace : NAN;
  }
  cgap_free(values);
  cgap_free(vectors);
  return status;
}

static void project(const plane *p, const double *row, double out[2])
{
  const double *mean = p->mean + CGAP_MODALITIES_MAX * p->dim;
  for (size_t a = 0; a < 2; a++)
    out[a] = cgap_dot(row, p->axes + a * p->dim, p->dim) - cgap_dot(mean, p->axes + a * p->dim, p->dim);
}

static cgap_status project_rows(const plane *p, cgap_many_modality *m, const cgap_source *source, cgap_error *error)
{
  const size_t count = cgap_lesser(source->rows, CGAP_PLANE_ROWS), dim = p->dim;
  size_t *row = cgap_alloc(count, sizeof *row);
  float *unit = cgap_alloc(count * dim, sizeof *unit);
  double *one = cgap_alloc(dim, sizeof *one);
  m->plane = cgap_alloc(count, sizeof *m->plane);
  cgap_status status = row && unit && one && m->plane
                         ? CGAP_OK
                         : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu points", source->name, count);
  for (size_t i = 0; status == CGAP_OK && i < count; i++)
    row[i] = i * source->rows / count;
  if (status == CGAP_OK)
    status = cgap_read_unit_rows(source, row, count, unit, NULL, error);
  for (size_t i = 0; status == CGAP_OK && i < count; i++) {
    double at[2];
    cgap_to_double(CGAP_FLOAT32, unit + i * dim, dim, one);
    project(p, one, at);
    m->plane[m->plane_rows++] = (cgap_point){.row = m->row ? m->row[row[i]] : row[i], .x = at[0], .y = at[1]};
  }
  cgap_free(row);
  cgap_free(unit);
  cgap_free(one);
  return status;
}

cgap_status cgap_many_plane_run(cgap_many *out, const cgap_source *source, int threads, cgap_progress progress,
                                cgap_error *error)
{
  plane p;
  cgap_status status = plane_init(&p, source[0].dim, error);
  for (size_t m = 0; status == CGAP_OK && m < out->count; m++) {
    status = add_modality(&p, &source[m], p.mean + m * p.dim, threads, error);
    if (status == CGAP_OK && progress.tick &&
        progress.tick(progress.context, "plane", (double)(m + 1) / (double)out->count))
      status = cgap_fail(error, CGAP_INTERRUPTED, "interrupted while the plane was measured; nothing was written");
  }
  if (status == CGAP_OK)
    status = find_axes(&p, error);
  for (size_t m = 0; status == CGAP_OK && m < out->count; m++) {
    project(&p, p.mean + m * p.dim, out->modality[m].centre);
    status = project_rows(&p, &out->modality[m], &source[m], error);
  }
  memcpy(out->plane_variance, p.variance, sizeof p.variance);
  plane_clear(&p);
  return status;
}
