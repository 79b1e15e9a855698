/* Row makers of the offset, uniform and cone models, and the normal numbers under all of them. */
#include "simulate/models.h"

#include <math.h>

static const double TWO_PI = 6.283185307179586;
static const double HALF_ANGLE = 0.5235987755982988; /* 30°: the cones' axes are 60° apart */

cgap_normals cgap_normals_init(uint64_t seed, cgap_random_stream stream, uint64_t row)
{
  return (cgap_normals){.random = cgap_random_init(seed, (uint64_t)stream << 56 | row)};
}

/* Box–Muller with both of its numbers, from 32 bits each: twice as fast as cgap_random_normal. */
double cgap_normals_next(cgap_normals *n)
{
  if (n->has_spare) {
    n->has_spare = false;
    return n->spare;
  }
  double radius = sqrt(-2.0 * log(((double)cgap_random_u32(&n->random) + 0.5) * 0x1p-32));
  double sine = 0, cosine = 0;
  sincos(TWO_PI * 0x1p-32 * (double)cgap_random_u32(&n->random), &sine, &cosine);
  n->spare = radius * sine;
  n->has_spare = true;
  return radius * cosine;
}

static double norm_of(const double *row, size_t dim)
{
  double sum = 0;
  for (size_t k = 0; k < dim; k++)
    sum += row[k] * row[k];
  return sqrt(sum);
}

void cgap_unit_row(double *row, size_t dim)
{
  double inverse = 1.0 / norm_of(row, dim);
  for (size_t k = 0; k < dim; k++)
    row[k] *= inverse;
}

/* Uniform on the sphere of R^dim. */
static void draw_on_sphere(cgap_normals *normals, size_t dim, double *out)
{
  for (size_t k = 0; k < dim; k++)
    out[k] = cgap_normals_next(normals);
  cgap_unit_row(out, dim);
}

/* ---------------------------------------------------------------- uniform */

void cgap_uniform_image(const cgap_simulator *s, uint64_t row, double *out)
{
  cgap_normals normals = cgap_normals_init(s->options.seed, CGAP_STREAM_IMAGE, row);
  draw_on_sphere(&normals, s->options.dim, out);
}

void cgap_uniform_text(const cgap_simulator *s, uint64_t row, double *out)
{
  cgap_normals normals = cgap_normals_init(s->options.seed, CGAP_STREAM_TEXT, row);
  draw_on_sphere(&normals, s->options.dim, out);
}

/* ---------------------------------------------------------------- offset */

/* √(1−h²) u behind the first `axes` elements, which are left. Rows 2m and 2m + 1 have u and −u, so that Σu = 0 to the
 * last bit where n is even. */
static void draw_shared(const cgap_simulator *s, uint64_t image, double h, size_t axes, double *out)
{
  cgap_normals normals = cgap_normals_init(s->options.seed, CGAP_STREAM_SHARED, image / 2);
  const double scale = sqrt((1 - h) * (1 + h)) * (image % 2 ? -1 : 1);
  draw_on_sphere(&normals, s->options.dim - axes, out + axes);
  for (size_t k = axes; k < s->options.dim; k++)
    out[k] *= scale;
}

static void offset_row(const cgap_simulator *s, uint64_t image, double height, double *out)
{
  draw_shared(s, image, s->options.h, 1, out);
  out[0] = height;
}

double cgap_offset_of(const cgap_simulate_options *o, size_t modality)
{
  return o->h * (double)(modality + 1) / (double)o->modalities;
}

void cgap_offset_modality(const cgap_simulator *s, size_t modality, uint64_t row, double *out)
{
  const double h = cgap_offset_of(&s->options, modality);
  draw_shared(s, row, h, s->options.modalities, out);
  for (size_t k = 0; k < s->options.modalities; k++)
    out[k] = k == modality ? h : 0;
}

void cgap_offset_image(const cgap_simulator *s, uint64_t row, double *out)
{
  offset_row(s, row, s->options.h, out);
}

void cgap_offset_text(const cgap_simulator *s, uint64_t row, double *out)
{
  offset_row(s, cgap_simulator_owner(s, row), -s->options.h, out);
}

/* ---------------------------------------------------------------- cone */

/* von Mises–Fisher about the first axis by rejection: G. Ulrich, Applied Statistics 33 (1984), as corrected
 * in A. T. A. Wood, Communications in Statistics: Simulation and Computation 23 (1994), algorithm VM*.
 * A uniform direction (t, √(1−t²) ξ) gives both what a proposal needs, (1+t)/2 ~ Beta((d−1)/2, (d−1)/2),
 * and the tangent direction ξ, which is independent of t. */
static void von_mises_fisher(cgap_normals *normals, size_t dim, double kappa, double *out)
{
  double freedom = (double)dim - 1;
  double b = freedom / (2 * kappa + sqrt(4 * kappa * kappa + freedom * freedom));
  double x0 = (1 - b) / (1 + b);
  double c = kappa * x0 + freedom * log(1 - x0 * x0);
  for (;;) {
    draw_on_sphere(normals, dim, out);
    double beta = (1 + out[0]) / 2;
    double w = (1 - (1 + b) * beta) / (1 - (1 - b) * beta);
    double tangent = norm_of(out + 1, dim - 1);
    double accept = kappa * w + freedom * log(1 - x0 * w) - c;
    if (!(accept >= log(cgap_random_uniform(&normals->random))) || tangent == 0)
      continue;
    double scale = sqrt(fmax(0, (1 - w) * (1 + w))) / tangent;
    for (size_t k = 1; k < dim; k++)
      out[k] *= scale;
    out[0] = w;
    return;
  }
}

/* Turns the cone by `angle` in the plane of the first two axes. */
static void cone_row(const cgap_simulator *s, cgap_random_stream stream, uint64_t row, double angle, double *out)
{
  cgap_normals normals = cgap_normals_init(s->options.seed, stream, row);
  von_mises_fisher(&normals, s->options.dim, s->options.kappa, out);
  double a = out[0], b = out[1];
  out[0] = cos(angle) * a - sin(angle) * b;
  out[1] = sin(angle) * a + cos(angle) * b;
}

void cgap_cone_image(const cgap_simulator *s, uint64_t row, double *out)
{
  cone_row(s, CGAP_STREAM_IMAGE, row, HALF_ANGLE, out);
}

void cgap_cone_text(const cgap_simulator *s, uint64_t row, double *out)
{
  cone_row(s, CGAP_STREAM_TEXT, row, -HALF_ANGLE, out);
}

/* I_{d/2}(κ)/I_{d/2−1}(κ) by its continued fraction 1/(d/κ + 1/((d+2)/κ + …)), from far out inwards
 * (Mardia & Jupp, Directional Statistics, 2000, A.8; the fraction is Gauss's). */
double cgap_cone_resultant(size_t dim, double kappa)
{
  double ratio = 0;
  size_t terms = 200 + (size_t)(2 * kappa);
  for (size_t k = terms + 1; k-- > 0;)
    ratio = 1 / ((double)(dim + 2 * k) / kappa + ratio);
  return ratio;
}
