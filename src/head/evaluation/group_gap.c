#include "head/evaluation/group_gap.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

#include "analysis/interval.h"
#include "base/memory.h"

enum { SUM_X, SUM_T, SUM_KX, SUM_KT, SUMS };

static size_t elements_of(const cgap_gap_sums *s)
{
  return s->width * s->width;
}

cgap_status cgap_gap_sums_init(cgap_gap_sums *out, size_t dim, bool even, cgap_error *error)
{
  size_t elements = 0;
  *out = (cgap_gap_sums){.dim = dim, .width = even ? dim : 2 * dim};
  out->sum = cgap_zalloc(SUMS * dim, sizeof *out->sum);
  out->moment = cgap_product(&elements, out->width, out->width) ? cgap_zalloc(elements, sizeof *out->moment) : NULL;
  if (out->sum && out->moment)
    return CGAP_OK;
  cgap_gap_sums_clear(out);
  return cgap_fail(error, CGAP_RESOURCE, "out of memory for the second moments of groups, %zu × %zu numbers",
                   out->width, out->width);
}

void cgap_gap_sums_clear(cgap_gap_sums *s)
{
  cgap_free(s->sum);
  cgap_free(s->moment);
  s->sum = s->moment = NULL;
}

void cgap_gap_sums_zero(cgap_gap_sums *s)
{
  s->images = s->texts = 0;
  s->text_squares = 0;
  memset(s->sum, 0, SUMS * s->dim * sizeof *s->sum);
  memset(s->moment, 0, elements_of(s) * sizeof *s->moment);
}

void cgap_gap_sums_add(cgap_gap_sums *s, const double *x, const double *t, const size_t *k, size_t n, double *scratch)
{
  const size_t dim = s->dim;
  for (size_t i = 0; i < n; i++) {
    const double *xi = x + i * dim, *ti = t + i * dim, count = (double)k[i];
    double *v = scratch + i * s->width;
    s->images++;
    s->texts += k[i];
    s->text_squares += count * count;
    for (size_t a = 0; a < dim; a++) {
      s->sum[SUM_X * dim + a] += xi[a];
      s->sum[SUM_T * dim + a] += ti[a];
      s->sum[SUM_KX * dim + a] += count * xi[a];
      s->sum[SUM_KT * dim + a] += count * ti[a];
      v[a] = s->width == dim ? xi[a] - ti[a] / count : xi[a];
      if (s->width > dim)
        v[dim + a] = ti[a];
    }
  }
  cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)s->width, (int)n, 1.0, scratch, (int)s->width, 1.0, s->moment,
              (int)s->width);
}

void cgap_gap_sums_combine(cgap_gap_sums *out, const cgap_gap_sums *a, double sign, const cgap_gap_sums *b)
{
  out->images = sign > 0 ? a->images + b->images : a->images - b->images;
  out->texts = sign > 0 ? a->texts + b->texts : a->texts - b->texts;
  out->text_squares = a->text_squares + sign * b->text_squares;
  for (size_t k = 0; k < SUMS * a->dim; k++)
    out->sum[k] = a->sum[k] + sign * b->sum[k];
  for (size_t k = 0; k < elements_of(a); k++)
    out->moment[k] = a->moment[k] + sign * b->moment[k];
}

/* Entry (a, b) of Σ g_i g_iᵀ, g_i = (x_i − x̄)/N − (t_i − k_i ȳ)/M; u = 1/N, w = 1/M, g = x̄ − ȳ. With r_i = u x_i − w
 * t_i and h_i = u x̄ − w k_i ȳ it is Σ r rᵀ − Σ r hᵀ − Σ h rᵀ + Σ h hᵀ. */
static double product_of(const cgap_gap_sums *s, size_t a, size_t b)
{
  const size_t dim = s->dim, width = s->width;
  const double u = 1 / (double)s->images, w = 1 / (double)s->texts;
  const double *x = s->sum + SUM_X * dim, *t = s->sum + SUM_T * dim;
  const double *kx = s->sum + SUM_KX * dim, *kt = s->sum + SUM_KT * dim;
  const double xa = u * x[a], xb = u * x[b], ya = w * t[a], yb = w * t[b], ga = xa - ya, gb = xb - yb;
  const double *row = s->moment + a * width;
  if (width == dim)
    return u * (u * row[b] - ga * gb);
  const double ra = u * kx[a] - w * kt[a], rb = u * kx[b] - w * kt[b]; /* Σ k r */
  const double rr = u * u * row[b] - u * w * (row[dim + b] + s->moment[b * width + dim + a]) +
                    w * w * s->moment[(dim + a) * width + dim + b];
  const double rh = u * (ga * xb + gb * xa) - w * (ra * yb + rb * ya);
  const double hh = u * (xa * xb - xa * yb - ya * xb) + w * w * s->text_squares * ya * yb;
  return rr - rh + hh;
}

cgap_squared_gap cgap_gap_sums_finish(const cgap_gap_sums *s)
{
  const double n = (double)s->images, u = 1 / n, w = 1 / (double)s->texts, scale = n / (n - 1);
  const double *x = s->sum + SUM_X * s->dim, *t = s->sum + SUM_T * s->dim;
  double square = 0, floor_square = 0, along = 0, squares = 0;
  if (s->images < 2 || s->texts == 0)
    return (cgap_squared_gap){.square = NAN, .variance = NAN, .images = s->images};
  for (size_t a = 0; a < s->dim; a++) {
    const double ga = u * x[a] - w * t[a], diagonal = scale * product_of(s, a, a);
    square += ga * ga;
    floor_square += diagonal;
    along += ga * ga * diagonal;
    squares += diagonal * diagonal;
    for (size_t b = a + 1; b < s->dim; b++) {
      const double v = scale * product_of(s, a, b);
      along += 2 * ga * v * (u * x[b] - w * t[b]);
      squares += 2 * v * v;
    }
  }
  return (cgap_squared_gap){
    .square = square - fmax(0, floor_square), .variance = fmax(0, 4 * along) + 2 * squares, .images = s->images};
}

#define ROUNDING_SQUARE 1e-6 /* by how much rounding to float32 may move a squared distance */

double cgap_squared_gap_p(const cgap_squared_gap *a, const cgap_squared_gap *b)
{
  const double variance = a->variance + b->variance;
  const double freedom =
    variance * variance /
    (a->variance * a->variance / ((double)a->images - 1) + b->variance * b->variance / ((double)b->images - 1));
  if (isnan(variance) || fabs(a->square - b->square) <= ROUNDING_SQUARE)
    return 1;
  if (variance == 0)
    return 0;
  return cgap_student_p((a->square - b->square) / sqrt(variance), freedom);
}

cgap_scalar cgap_squared_gap_distance(const cgap_squared_gap *gap)
{
  const double half = CGAP_Z95 * sqrt(gap->variance);
  return cgap_scalar_bounds(sqrt(fmax(0, gap->square)), sqrt(fmax(0, gap->square - half)),
                            sqrt(fmax(0, gap->square + half)), gap->images);
}
