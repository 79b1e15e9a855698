/* What the models' populations have for centroid distance and alignment. */
#include "simulate/simulate.h"
#include "simulate/simulator.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

/* Trapezoid rule over a line of an even function that falls at least as fast as exp(−s²/2): its error
 * falls exponentially with 1/STEP, and both figures here are below 1e-13. */
static const double STEP = 0.125;
enum { NODES = 72 };

/* E ‖x‖⁻¹ of x = m + Σ λ_k^½ g_k: (1/√π) ∫ exp(−s²‖m‖²) Π (1 + 2 s² λ_k)^−½ ds over the line, because
 * A^−½ = (1/√π) ∫ exp(−s² A) ds. The mean of the unit rows is m times this, the noise being symmetric. */
static double inverse_norm(const cgap_clip *c, const double *own)
{
  double mean = c->mean[0] * c->mean[0] + c->mean[1] * c->mean[1], sum = 0.5;
  for (int i = 1; i <= NODES; i++) {
    double s2 = STEP * i * STEP * i, exponent = -s2 * mean;
    for (size_t k = 0; k < c->noise; k++)
      exponent -= 0.5 * log1p(2 * s2 * (c->shared[k] * c->shared[k] + own[k] * own[k]));
    sum += exp(exponent);
  }
  return 2 * STEP * sum / sqrt(PI);
}

/* The integrand of E x·y/(‖x‖‖y‖) at (s², t²): per axis the pair (x_k, y_k) is normal with variances a, b
 * and covariance c; tilted by exp(−s²x² − t²y²) it has mass D^−½ and covariance c/D,
 * D = 1 + 2 s² a + 2 t² b + 4 s² t² (ab − c²). */
static double tilted_product(const cgap_clip *c, double s2, double t2)
{
  double mean = c->mean[0] * c->mean[0] + c->mean[1] * c->mean[1];
  double product = c->mean[0] * c->mean[0] - c->mean[1] * c->mean[1];
  double exponent = -(s2 + t2) * mean;
  for (size_t k = 0; k < c->noise; k++) {
    double z = c->shared[k] * c->shared[k];
    double a = z + c->image[k] * c->image[k], b = z + c->text[k] * c->text[k];
    double rise = 2 * s2 * a + 2 * t2 * b + 4 * s2 * t2 * (a * b - z * z);
    exponent -= 0.5 * log1p(rise);
    product += z / (1 + rise);
  }
  return product * exp(exponent);
}

static double mean_cosine(const cgap_clip *c)
{
  double sum = 0;
  for (int i = 0; i <= NODES; i++)
    for (int j = 0; j <= NODES; j++) {
      double weight = (i ? 2 : 1) * (j ? 2 : 1);
      sum += weight * tilted_product(c, STEP * i * STEP * i, STEP * j * STEP * j);
    }
  return STEP * STEP * sum / PI;
}

static cgap_truth clip_truth(const cgap_clip *c)
{
  double image = inverse_norm(c, c->image), text = inverse_norm(c, c->text);
  return (cgap_truth){
    .centroid_distance = hypot(c->mean[0] * (image - text), c->mean[1] * (image + text)),
    .mean_squared_distance = 2 - 2 * mean_cosine(c),
  };
}

cgap_truth cgap_simulate_truth(const cgap_simulate_options *options)
{
  cgap_truth truth = {NAN, NAN};
  cgap_simulator simulator;
  if (options->classes || cgap_simulator_open(&simulator, options, NULL) != CGAP_OK)
    return truth;
  double h = options->h, length = 0;
  switch (options->model) {
  case CGAP_MODEL_OFFSET:
    truth = (cgap_truth){2 * h, 4 * h * h};
    break;
  case CGAP_MODEL_UNIFORM:
    truth = (cgap_truth){0, 2};
    break;
  case CGAP_MODEL_CONE: /* means A μ and A ν with μ·ν = cos 60° */
    length = cgap_cone_resultant(options->dim, simulator.options.kappa);
    truth = (cgap_truth){length, 2 - length * length};
    break;
  case CGAP_MODEL_CLIP:
    truth = clip_truth(&simulator.clip);
    break;
  }
  cgap_simulator_close(&simulator);
  return truth;
}
