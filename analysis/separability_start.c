/* Where the fit of the separability begins. Along the line that tells two normal distributions of these means and
 * covariances apart best (Fisher's discriminant), with the scale and the intercept that are best where scores on that
 * line are normal on each side: a fit of two unknowns that needs no rows. On embeddings of real models what is left
 * takes an evaluation or two, where a fit from 0 takes a dozen. */
#include "analysis/separability.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

enum { NODES = 32, MOST_STEPS = 60, IMAGES = 0, TEXTS = 1 };

/* Scores on the line less their pooled mean, as margins: of the images' turned round. */
typedef struct line {
  double mean[2], deviation[2], rows[2];
  double penalty; /* the squared length of w */
} line;

/* The objective at a scale and an intercept, with its gradient and its Hessian (aa, ab, bb). */
static double measure(const line *l, const double at[2], double slope[2], double bend[3])
{
  double value = 0.5 * l->penalty * at[0] * at[0];
  slope[0] = l->penalty * at[0], slope[1] = 0;
  bend[0] = l->penalty, bend[1] = bend[2] = 0;
  for (int side = 0; side < 2; side++) {
    const double sign = side == TEXTS ? 1 : -1;
    double total = 0;
    for (int k = -NODES; k <= NODES; k++)
      total += exp(-8.0 * k * k / (NODES * NODES)); /* four deviations to either side */
    for (int k = -NODES; k <= NODES; k++) {
      const double weight = l->rows[side] * exp(-8.0 * k * k / (NODES * NODES)) / total;
      const double along = l->mean[side] + l->deviation[side] * 4.0 * k / NODES, margin = at[0] * along + sign * at[1];
      const double tail = exp(-fabs(margin)), miss = (margin > 0 ? tail : 1) / (1 + tail), bent = miss * (1 - miss);
      value += weight * (log1p(tail) + fmax(0, -margin));
      slope[0] -= weight * miss * along, slope[1] -= weight * miss * sign;
      bend[0] += weight * bent * along * along, bend[1] += weight * bent * along * sign, bend[2] += weight * bent;
    }
  }
  return value;
}

/* Newton's steps, halved where they go too far. */
static void settle(const line *l, double at[2])
{
  double slope[2], bend[3], next_slope[2], next_bend[3];
  double value = measure(l, at, slope, bend);
  for (int k = 0; k < MOST_STEPS; k++) {
    const double area = bend[0] * bend[2] - bend[1] * bend[1];
    if (!(area > 1e-14 * bend[0] * bend[2]))
      return;
    const double a = (bend[2] * slope[0] - bend[1] * slope[1]) / area;
    const double b = (bend[0] * slope[1] - bend[1] * slope[0]) / area;
    double share = 1, there[2] = {at[0] - a, at[1] - b}, next = measure(l, there, next_slope, next_bend);
    for (; !(next <= value) && share > 1e-6; next = measure(l, there, next_slope, next_bend)) {
      share /= 2;
      there[0] = at[0] - share * a, there[1] = at[1] - share * b;
    }
    if (!(next < value - 1e-9 * value))
      return;
    at[0] = there[0], at[1] = there[1];
    value = next;
    memcpy(slope, next_slope, sizeof slope);
    memcpy(bend, next_bend, sizeof bend);
  }
}

void cgap_separability_start(const cgap_evidence *e, const double *factor, const double *mean, double share, double *v,
                             double *intercept, double *room)
{
  const cgap_modality *side[2] = {&e->image, &e->text};
  const int dim = (int)e->dim;
  double *w = room, *image = room + e->dim, at[2] = {0, 0};
  for (size_t a = 0; a < e->dim; a++)
    v[a] = e->text.mean[a] - e->image.mean[a];
  cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, dim, factor, dim, v, 1);
  memcpy(w, v, e->dim * sizeof *w);
  cblas_dtrsv(CblasRowMajor, CblasLower, CblasTrans, CblasNonUnit, dim, factor, dim, w, 1);
  line l = {.penalty = cblas_ddot(dim, w, 1, w, 1)};
  for (int s = 0; s < 2; s++) {
    const double rows = (double)side[s]->rows, along = cblas_ddot(dim, w, 1, side[s]->mean, 1);
    const double middle = cblas_ddot(dim, w, 1, mean, 1);
    cblas_dsymv(CblasRowMajor, CblasUpper, dim, 1 / rows, side[s]->moment, dim, w, 1, 0, image, 1);
    l.rows[s] = share * rows;
    l.mean[s] = s == TEXTS ? along - middle : middle - along;
    l.deviation[s] = sqrt(fmax(0, cblas_ddot(dim, w, 1, image, 1) - along * along));
  }
  settle(&l, at);
  for (size_t a = 0; a < e->dim; a++)
    v[a] *= at[0];
  *intercept = at[1];
}
