#include "head_reference.h"

#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

reference_positives reference_positives_init(const reference_batch *b)
{
  size_t count = 0;
  for (size_t k = 0; k < b->images * b->texts; k++)
    count += b->matched[k];
  reference_positives c = {
    .image_first = support_alloc(b->images + 1, sizeof(size_t)),
    .positive_text = support_alloc(count, sizeof(size_t)),
    .text_first = support_alloc(b->texts + 1, sizeof(size_t)),
    .text_positive = support_alloc(count, sizeof(size_t)),
  };
  size_t *of = support_alloc(b->images * b->texts, sizeof *of);
  count = 0;
  for (size_t i = 0; i < b->images; i++) {
    for (size_t j = 0; j < b->texts; j++)
      if (b->matched[i * b->texts + j]) {
        of[i * b->texts + j] = count;
        c.positive_text[count++] = j;
      }
    c.image_first[i + 1] = count;
  }
  size_t at = 0;
  for (size_t j = 0; j < b->texts; j++) {
    for (size_t i = 0; i < b->images; i++)
      if (b->matched[i * b->texts + j])
        c.text_positive[at++] = of[i * b->texts + j];
    c.text_first[j + 1] = at;
  }
  free(of);
  c.view =
    (cgap_positives){b->images, b->texts, count, c.image_first, c.positive_text, c.text_first, c.text_positive, NULL};
  return c;
}

void reference_positives_clear(reference_positives *c)
{
  free(c->image_first);
  free(c->positive_text);
  free(c->text_first);
  free(c->text_positive);
}

static double dot(const double *a, const double *b, size_t n)
{
  double s = 0;
  for (size_t k = 0; k < n; k++)
    s += a[k] * b[k];
  return s;
}

/* One direction of CLIP on scores s (queries, targets); pull += weight · ∂loss/∂s. found: best positive above all. */
static double clip(const double *s, const bool *matched, size_t queries, size_t targets, double tau, double weight,
                   double *pull, double *recall)
{
  size_t asked = 0, found = 0;
  double loss = 0;
  for (size_t q = 0; q < queries; q++)
    for (size_t t = 0; t < targets; t++)
      if (matched[q * targets + t]) {
        asked++;
        break;
      }
  for (size_t q = 0; q < queries; q++) {
    double rest = 0, best = -INFINITY, rival = -INFINITY, own = 0;
    size_t k = 0;
    for (size_t t = 0; t < targets; t++) {
      double v = s[q * targets + t];
      if (matched[q * targets + t]) {
        k++;
        best = fmax(best, v);
      } else {
        rest += exp((v - 1) / tau);
        rival = fmax(rival, v);
      }
    }
    if (k == 0)
      continue;
    found += best > rival;
    for (size_t p = 0; p < targets; p++) {
      if (!matched[q * targets + p])
        continue;
      double e = exp((s[q * targets + p] - 1) / tau), factor = weight / (double)asked / (double)k / tau;
      own += log(e + rest) - (s[q * targets + p] - 1) / tau;
      pull[q * targets + p] += factor * (e / (e + rest) - 1);
      for (size_t t = 0; t < targets; t++)
        if (!matched[q * targets + t])
          pull[q * targets + t] += factor * exp((s[q * targets + t] - 1) / tau) / (e + rest);
    }
    loss += own / (double)k;
  }
  *recall = (double)found / (double)asked;
  return loss / (double)asked;
}

/* log mean over i < k of exp(−2‖z_i − z_k‖²); gradient += weight · ∂/∂z */
static double uniformity(const double *z, size_t rows, size_t dim, double weight, double *gradient)
{
  double *k = support_alloc(rows * rows, sizeof *k), sum = 0;
  for (size_t a = 0; a < rows; a++)
    for (size_t b = 0; b < rows; b++) {
      double square = 0;
      for (size_t c = 0; c < dim; c++)
        square += pow(z[a * dim + c] - z[b * dim + c], 2);
      k[a * rows + b] = a == b ? 0 : exp(-2 * square);
      sum += a < b ? k[a * rows + b] : 0;
    }
  for (size_t a = 0; gradient && a < rows; a++)
    for (size_t b = 0; b < rows; b++)
      for (size_t c = 0; c < dim; c++)
        gradient[a * dim + c] -= weight * 4 * k[a * rows + b] / sum * (z[a * dim + c] - z[b * dim + c]);
  free(k);
  return log(2 * sum / ((double)rows * (double)(rows - 1)));
}

static double total_of(const cgap_weights *w, const cgap_loss_terms *t)
{
  return (w->clip > 0 ? w->clip * t->clip : 0) + (w->uniform > 0 ? w->uniform * t->uniform : 0) +
         (w->align > 0 ? w->align * t->align : 0) + (w->xuniform > 0 ? w->xuniform * t->xuniform : 0);
}

typedef struct scores {
  double *s, *turned, *pull, *pull_turned; /* (images, texts), (texts, images), twice */
  bool *couple_turned;
} scores;

static scores scores_init(const reference_batch *b, const double *x, const double *y, size_t dim)
{
  const size_t n = b->images * b->texts;
  scores s = {support_alloc(n, sizeof(double)), support_alloc(n, sizeof(double)), support_alloc(n, sizeof(double)),
              support_alloc(n, sizeof(double)), support_alloc(n, sizeof(bool))};
  for (size_t i = 0; i < b->images; i++)
    for (size_t j = 0; j < b->texts; j++) {
      s.s[i * b->texts + j] = s.turned[j * b->images + i] = dot(x + i * dim, y + j * dim, dim);
      s.couple_turned[j * b->images + i] = b->matched[i * b->texts + j];
    }
  return s;
}

static void scores_clear(scores *s)
{
  free(s->s);
  free(s->turned);
  free(s->pull);
  free(s->pull_turned);
  free(s->couple_turned);
}

cgap_loss_terms reference_loss(const reference_batch *b, const double *x, const double *y, size_t dim,
                               const cgap_weights *w, double tau, double *gx, double *gy, double *glog)
{
  const size_t n = b->images, m = b->texts;
  cgap_loss_terms t = {0};
  scores s = scores_init(b, x, y, dim);
  if (gx) {
    memset(gx, 0, n * dim * sizeof *gx);
    memset(gy, 0, m * dim * sizeof *gy);
  }
  t.uniform_image = uniformity(x, n, dim, w->uniform / 2, gx);
  t.uniform_text = uniformity(y, m, dim, w->uniform / 2, gy);
  t.uniform = (t.uniform_image + t.uniform_text) / 2;
  t.image_to_text = clip(s.s, b->matched, n, m, tau, w->clip / 2, s.pull, &t.recall_image_to_text);
  t.text_to_image = clip(s.turned, s.couple_turned, m, n, tau, w->clip / 2, s.pull_turned, &t.recall_text_to_image);
  t.clip = (t.image_to_text + t.text_to_image) / 2;
  double kernel = 0, unmatched = 0, positives = 0, scale = 0;
  for (size_t k = 0; k < n * m; k++) {
    kernel += b->matched[k] ? 0 : exp(4 * s.s[k] - 4);
    unmatched += !b->matched[k];
    positives += b->matched[k];
    t.align += b->matched[k] ? 2 - 2 * s.s[k] : 0;
  }
  t.align /= positives;
  t.xuniform = unmatched > 0 ? log(kernel / unmatched) : NAN;
  t.total = total_of(w, &t);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < m; j++) {
      const size_t k = i * m + j;
      double g = s.pull[k] + s.pull_turned[j * n + i];
      scale -= g * s.s[k];
      g += b->matched[k] ? -2 * w->align / positives : w->xuniform * 4 * exp(4 * s.s[k] - 4) / kernel;
      for (size_t c = 0; gx && c < dim; c++) {
        gx[i * dim + c] += g * y[j * dim + c];
        gy[j * dim + c] += g * x[i * dim + c];
      }
    }
  if (glog)
    *glog = scale;
  scores_clear(&s);
  return t;
}

/* ---------------------------------------------------------------- layers */

/* out (rows, w.rows) += in · Wᵀ + b */
static void affine(const double *p, const cgap_parameter_block *w, const cgap_parameter_block *b, const double *in,
                   size_t rows, double *out)
{
  for (size_t i = 0; i < rows; i++)
    for (size_t r = 0; r < w->rows; r++)
      out[i * w->rows + r] +=
        dot(in + i * w->columns, p + w->offset + r * w->columns, w->columns) + (b->rows ? p[b->offset + r] : 0);
}

static void affine_gradient(const cgap_parameter_block *w, const cgap_parameter_block *b, const double *in,
                            const double *da, size_t rows, double *g)
{
  for (size_t i = 0; i < rows; i++)
    for (size_t r = 0; r < w->rows; r++) {
      for (size_t c = 0; c < w->columns; c++)
        g[w->offset + r * w->columns + c] += da[i * w->rows + r] * in[i * w->columns + c];
      if (b->rows)
        g[b->offset + r] += da[i * w->rows + r];
    }
}

static double cumulative(double x)
{
  return 0.5 * (1 + erf(x / sqrt(2)));
}

/* One side: z unit rows, a before the division, u and h the hidden layer before and after gelu. */
typedef struct side {
  double *z, *a, *u, *h;
} side;

static side side_forward(const cgap_layers *l, int which, const double *p, const double *in, size_t rows)
{
  const cgap_head_shape *s = &l->shape;
  const cgap_tower *t = &l->tower[which];
  side o = {support_alloc(rows * s->dim, sizeof(double)), support_alloc(rows * s->dim, sizeof(double)),
            support_alloc(rows * s->hidden, sizeof(double)), support_alloc(rows * s->hidden, sizeof(double))};
  if (s->kind != CGAP_HEAD_LINEAR && s->dim == s->dim_in)
    memcpy(o.a, in, rows * s->dim * sizeof *o.a);
  if (s->kind == CGAP_HEAD_MLP) {
    affine(p, &t->weight, &t->bias, in, rows, o.u);
    for (size_t k = 0; k < rows * s->hidden; k++)
      o.h[k] = o.u[k] * cumulative(o.u[k]);
    affine(p, &t->weight2, &t->bias2, o.h, rows, o.a);
  } else {
    affine(p, &t->weight, &t->bias, in, rows, o.a);
  }
  memcpy(o.z, o.a, rows * s->dim * sizeof *o.z);
  support_normalise(o.z, rows, s->dim);
  return o;
}

static void side_backward(const cgap_layers *l, int which, const double *p, const double *in, size_t rows,
                          const side *o, double *dz, double *g)
{
  const cgap_head_shape *s = &l->shape;
  const cgap_tower *t = &l->tower[which];
  for (size_t i = 0; i < rows; i++) {
    double along = dot(o->z + i * s->dim, dz + i * s->dim, s->dim);
    double norm = sqrt(dot(o->a + i * s->dim, o->a + i * s->dim, s->dim));
    for (size_t k = 0; k < s->dim; k++)
      dz[i * s->dim + k] = (dz[i * s->dim + k] - along * o->z[i * s->dim + k]) / norm;
  }
  if (s->kind != CGAP_HEAD_MLP) {
    affine_gradient(&t->weight, &t->bias, in, dz, rows, g);
    return;
  }
  affine_gradient(&t->weight2, &t->bias2, o->h, dz, rows, g);
  double *du = support_alloc(rows * s->hidden, sizeof *du);
  for (size_t i = 0; i < rows; i++)
    for (size_t h = 0; h < s->hidden; h++) {
      double u = o->u[i * s->hidden + h], sum = 0;
      for (size_t k = 0; k < s->dim; k++)
        sum += dz[i * s->dim + k] * p[t->weight2.offset + k * s->hidden + h];
      du[i * s->hidden + h] = sum * (cumulative(u) + u * exp(-u * u / 2) / sqrt(2 * M_PI));
    }
  affine_gradient(&t->weight, &t->bias, in, du, rows, g);
  free(du);
}

static void side_clear(side *o)
{
  free(o->z);
  free(o->a);
  free(o->u);
  free(o->h);
}

cgap_loss_terms reference_step(const reference_batch *b, const cgap_layers *l, const double *p, const double *x,
                               const double *y, const cgap_weights *w, double *g)
{
  const size_t dim = l->shape.dim;
  const double tau = exp(p[l->count]);
  side image = side_forward(l, CGAP_IMAGE_MODALITY, p, x, b->images),
       text = side_forward(l, CGAP_TEXT_MODALITY, p, y, b->texts);
  double *dx = support_alloc(b->images * dim, sizeof *dx), *dy = support_alloc(b->texts * dim, sizeof *dy);
  cgap_loss_terms terms = reference_loss(b, image.z, text.z, dim, w, tau, dx, dy, g ? &g[l->count] : NULL);
  if (g) {
    memset(g, 0, l->count * sizeof *g);
    side_backward(l, CGAP_IMAGE_MODALITY, p, x, b->images, &image, dx, g);
    side_backward(l, CGAP_TEXT_MODALITY, p, y, b->texts, &text, dy, g);
  }
  free(dx);
  free(dy);
  side_clear(&image);
  side_clear(&text);
  return terms;
}
