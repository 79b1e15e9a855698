/* Forward and backward of the heads. Work is cut into fixed blocks, whatever the number of threads. Two threads have a
 * modality each, all through a step: its rows and parameters stay in the cache of one core. */
#include "head/model/layers.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/numbers.h"
#include "simd/gemm.h"
#include "simd/kernels.h"

enum {
  BLOCK = CGAP_LAYERS_BLOCK,
  COLUMNS = 256,
  PARALLEL_FROM = 1 << 19 /* multiplications that are worth a second thread */
};

bool cgap_activations_init(cgap_activations *out, const cgap_layers *l, size_t rows)
{
  *out = (cgap_activations){.rows = rows};
  const size_t hidden = l->shape.kind == CGAP_HEAD_MLP ? l->shape.hidden : 0;
  size_t z = 0, h = 0;
  if (!cgap_product(&z, rows, l->shape.dim) || !cgap_product(&h, rows, hidden))
    return false;
  out->z = cgap_alloc(z, sizeof *out->z);
  out->norm = cgap_alloc(rows, sizeof *out->norm);
  out->before = hidden ? cgap_alloc(h, sizeof *out->before) : NULL;
  out->after = hidden ? cgap_alloc(h, sizeof *out->after) : NULL;
  out->pull = hidden ? cgap_alloc(h, sizeof *out->pull) : NULL;
  return out->z && out->norm && (!hidden || (out->before && out->after && out->pull));
}

void cgap_activations_clear(cgap_activations *a)
{
  cgap_free(a->z);
  cgap_free(a->norm);
  cgap_free(a->before);
  cgap_free(a->after);
  cgap_free(a->pull);
  *a = (cgap_activations){0};
}

/* out (rows, w.rows) = β·out + in · Wᵀ + b */
static void affine_forward(const float *parameters, const cgap_parameter_block *w, const cgap_parameter_block *b,
                           const float *in, size_t rows, float beta, float *out)
{
  const cgap_operand x = {in, w->columns, false}, weight = {parameters + w->offset, w->columns, true};
  cgap_sgemm(rows, w->rows, w->columns, x, weight, beta, out, w->rows);
  const float *bias = parameters + b->offset;
  for (size_t i = 0; b->rows && i < rows; i++)
    for (size_t k = 0; k < b->rows; k++)
      out[i * b->rows + k] += bias[k];
}

/* x Φ(x) and its derivative Φ(x) + x φ(x) (Hendrycks and Gimpel 2016, exact form) */
static float gelu_of(float x)
{
  return 0.5f * x * (1.0f + erff(x * 0.70710678f));
}

static float gelu_slope(float x)
{
  return 0.5f * (1.0f + erff(x * 0.70710678f)) + x * 0.39894228f * expf(-0.5f * x * x);
}

static bool is_residual(const cgap_head_shape *s)
{
  return s->kind != CGAP_HEAD_LINEAR && s->dim == s->dim_in;
}

/* z = a/‖a‖, in place; a row of zeros stays one. */
static void normalise_rows(const cgap_training_kernels *v, float *z, size_t rows, size_t dim, float *norm)
{
  for (size_t i = 0; i < rows; i++) {
    float *a = z + i * dim;
    norm[i] = (float)sqrt(v->dot(a, a, dim));
    const float inverse = norm[i] > 0 ? 1.0f / norm[i] : 0;
    for (size_t k = 0; k < dim; k++)
      a[k] *= inverse;
  }
}

static void forward_block(const cgap_layers *l, const float *parameters, int modality, const float *in, size_t first,
                          size_t rows, cgap_activations *out)
{
  const cgap_head_shape *s = &l->shape;
  const cgap_tower *t = &l->tower[modality];
  const float *x = in + first * s->dim_in;
  float *a = out->z + first * s->dim;
  const float beta = is_residual(s) ? 1.0f : 0.0f;
  if (is_residual(s))
    memcpy(a, x, rows * s->dim * sizeof *a);
  if (s->kind == CGAP_HEAD_MLP) {
    float *before = out->before + first * s->hidden, *after = out->after + first * s->hidden;
    affine_forward(parameters, &t->weight, &t->bias, x, rows, 0, before);
    for (size_t k = 0; k < rows * s->hidden; k++)
      after[k] = gelu_of(before[k]);
    affine_forward(parameters, &t->weight2, &t->bias2, after, rows, beta, a);
  } else {
    affine_forward(parameters, &t->weight, &t->bias, x, rows, beta, a);
  }
  normalise_rows(cgap_training_kernels_here(), a, rows, s->dim, out->norm + first);
}

static size_t blocks_of(size_t rows)
{
  return (rows + BLOCK - 1) / BLOCK;
}

static size_t block_extent(size_t block, size_t rows)
{
  return rows - block * BLOCK < BLOCK ? rows - block * BLOCK : BLOCK;
}

static bool is_worth_threads(const cgap_layers *l, const size_t rows[CGAP_MODALITIES])
{
  return (rows[0] + rows[1]) * (l->count / 2) >= PARALLEL_FROM;
}

void cgap_layers_forward(const cgap_layers *l, const float *parameters, const float *const in[CGAP_MODALITIES],
                         const size_t rows[CGAP_MODALITIES], cgap_activations out[CGAP_MODALITIES], int threads)
{
  const size_t images = blocks_of(rows[CGAP_IMAGE_MODALITY]), all = images + blocks_of(rows[CGAP_TEXT_MODALITY]);
#pragma omp parallel for num_threads(threads) schedule(static) if (is_worth_threads(l, rows))
  for (size_t i = 0; i < all; i++) {
    const int modality = i < images ? CGAP_IMAGE_MODALITY : CGAP_TEXT_MODALITY;
    const size_t block = i < images ? i : i - images;
    forward_block(l, parameters, modality, in[modality], block * BLOCK, block_extent(block, rows[modality]),
                  &out[modality]);
  }
}

void cgap_layers_apply(const cgap_layers *l, const float *parameters, int modality, const float *in, size_t rows,
                       float *out, cgap_activations *scratch)
{
  for (size_t block = 0; block < blocks_of(rows); block++) {
    const size_t count = block_extent(block, rows);
    forward_block(l, parameters, modality, in + block * BLOCK * l->shape.dim_in, 0, count, scratch);
    memcpy(out + block * BLOCK * l->shape.dim, scratch->z, count * l->shape.dim * sizeof *out);
  }
}

/* z = a/‖a‖ gives ∂L/∂a = (I − z zᵀ) ∂L/∂z / ‖a‖, in place */
static void project_gradient(const cgap_training_kernels *v, const float *z, const float *norm, size_t rows, size_t dim,
                             float *dz)
{
  for (size_t i = 0; i < rows; i++) {
    const float *zi = z + i * dim;
    float *d = dz + i * dim;
    const float along = (float)v->dot(zi, d, dim), inverse = norm[i] > 0 ? 1.0f / norm[i] : 0;
    for (size_t k = 0; k < dim; k++)
      d[k] = (d[k] - along * zi[k]) * inverse;
  }
}

/* dz becomes ∂L/∂a; of an mlp `before` becomes ∂L/∂(the hidden layer before gelu). */
static void backward_block(const cgap_layers *l, const float *parameters, int modality, size_t first, size_t rows,
                           cgap_activations *a, float *dz)
{
  const cgap_head_shape *s = &l->shape;
  const cgap_tower *t = &l->tower[modality];
  float *da = dz + first * s->dim;
  project_gradient(cgap_training_kernels_here(), a->z + first * s->dim, a->norm + first, rows, s->dim, da);
  if (s->kind != CGAP_HEAD_MLP)
    return;
  float *before = a->before + first * s->hidden, *pull = a->pull + first * s->hidden;
  const cgap_operand above = {da, s->dim, false}, weight = {parameters + t->weight2.offset, s->hidden, false};
  cgap_sgemm(rows, s->hidden, s->dim, above, weight, 0, pull, s->hidden);
  for (size_t k = 0; k < rows * s->hidden; k++)
    before[k] = pull[k] * gelu_slope(before[k]);
}

/* gradient of W (rows, columns), columns [first, first + count): β·… + daᵀ · in */
static void weight_gradient(const cgap_parameter_block *w, const float *da, const float *in, size_t rows, size_t first,
                            size_t count, float beta, float *gradient)
{
  const cgap_operand above = {da, w->rows, true}, x = {in + first, w->columns, false};
  cgap_sgemm(w->rows, count, rows, above, x, beta, gradient + w->offset + first, w->columns);
}

static void bias_gradient(const cgap_parameter_block *b, const float *da, size_t rows, float beta, float *gradient)
{
  enum { WIDTH = 64 };
  for (size_t first = 0; first < b->rows; first += WIDTH) {
    const size_t width = b->rows - first < WIDTH ? b->rows - first : WIDTH;
    double sum[WIDTH] = {0};
    for (size_t i = 0; i < rows; i++)
      for (size_t k = 0; k < width; k++)
        sum[k] += (double)da[i * b->rows + first + k];
    float *out = gradient + b->offset + first;
    for (size_t k = 0; k < width; k++)
      out[k] = (beta > 0 ? out[k] : 0) + (float)sum[k];
  }
}

/* A weight of one modality with its bias, and what its gradient is a product of. */
typedef struct layer_pull {
  const cgap_parameter_block *weight, *bias;
  const float *da, *in;
  size_t rows;
  float beta; /* 1: of a shared head the texts add to the gradient of the images */
} layer_pull;

static size_t panels_of(const layer_pull *p)
{
  return (p->weight->columns + COLUMNS - 1) / COLUMNS + 1;
}

static void gradient_panel(const layer_pull *p, size_t panel, float *gradient)
{
  const size_t first = panel * COLUMNS, columns = p->weight->columns;
  if (first >= columns)
    bias_gradient(p->bias, p->da, p->rows, p->beta, gradient);
  else
    weight_gradient(p->weight, p->da, p->in, p->rows, first, columns - first < COLUMNS ? columns - first : COLUMNS,
                    p->beta, gradient);
}

/* Panels of one layer of both modalities are one loop of the team's threads; of a shared head the texts follow the
 * images. */
static void layer_gradient(const layer_pull modality[CGAP_MODALITIES], bool tied, float *gradient)
{
  const size_t panels = panels_of(&modality[0]); /* the same for both modalities */
#pragma omp for schedule(static) nowait
  for (size_t p = 0; p < (tied ? 1 : CGAP_MODALITIES) * panels; p++) {
    gradient_panel(&modality[p / panels], p % panels, gradient);
    if (tied)
      gradient_panel(&modality[CGAP_TEXT_MODALITY], p, gradient);
  }
}

void cgap_layers_backward(const cgap_layers *l, const float *parameters, const float *const in[CGAP_MODALITIES],
                          const size_t rows[CGAP_MODALITIES], cgap_activations a[CGAP_MODALITIES],
                          float *const dz[CGAP_MODALITIES], float *gradient, int threads)
{
  const size_t images = blocks_of(rows[CGAP_IMAGE_MODALITY]), all = images + blocks_of(rows[CGAP_TEXT_MODALITY]);
  const bool mlp = l->shape.kind == CGAP_HEAD_MLP, tied = l->shape.shared;
  layer_pull first[CGAP_MODALITIES], second[CGAP_MODALITIES];
  for (int modality = 0; modality < CGAP_MODALITIES; modality++) {
    const cgap_tower *t = &l->tower[modality];
    const float beta = tied && modality == CGAP_TEXT_MODALITY ? 1.0f : 0.0f;
    first[modality] =
      (layer_pull){&t->weight, &t->bias, mlp ? a[modality].before : dz[modality], in[modality], rows[modality], beta};
    second[modality] = (layer_pull){&t->weight2, &t->bias2, dz[modality], a[modality].after, rows[modality], beta};
  }
#pragma omp parallel num_threads(threads) if (is_worth_threads(l, rows))
  {
#pragma omp for schedule(static)
    for (size_t i = 0; i < all; i++) {
      const int modality = i < images ? CGAP_IMAGE_MODALITY : CGAP_TEXT_MODALITY;
      const size_t block = i < images ? i : i - images;
      backward_block(l, parameters, modality, block * BLOCK, block_extent(block, rows[modality]), &a[modality],
                     dz[modality]);
    }
    layer_gradient(first, tied, gradient);
    if (mlp)
      layer_gradient(second, tied, gradient);
  }
}

/* ---------------------------------------------------------------- how a head is laid out in its buffer, and starts */

const char *cgap_head_kind_name(cgap_head_kind kind)
{
  static const char *const NAMES[] = {"linear", "residual", "mlp"};
  return NAMES[kind];
}

enum { START_STREAM = 0x5741 }; /* of the random numbers */

static cgap_parameter_block add_block(size_t *count, size_t rows, size_t columns)
{
  cgap_parameter_block b = {.offset = *count, .rows = rows, .columns = columns};
  *count += rows * columns;
  return b;
}

static cgap_tower add_tower(size_t *count, const cgap_head_shape *s)
{
  cgap_tower t = {0};
  const bool mlp = s->kind == CGAP_HEAD_MLP;
  t.weight = add_block(count, mlp ? s->hidden : s->dim, s->dim_in);
  if (s->kind != CGAP_HEAD_LINEAR)
    t.bias = add_block(count, t.weight.rows, 1);
  if (mlp) {
    t.weight2 = add_block(count, s->dim, s->hidden);
    t.bias2 = add_block(count, s->dim, 1);
  }
  return t;
}

cgap_layers cgap_layers_init(const cgap_head_shape *shape)
{
  cgap_layers l = {.shape = *shape};
  l.tower[CGAP_IMAGE_MODALITY] = add_tower(&l.count, shape);
  l.tower[CGAP_TEXT_MODALITY] = shape->shared ? l.tower[CGAP_IMAGE_MODALITY] : add_tower(&l.count, shape);
  return l;
}

/* N(0, 1/columns), so that rows of unit norm keep their scale */
static void start_random(float *parameters, const cgap_parameter_block *b, cgap_random *random)
{
  const double sd = 1 / sqrt((double)b->columns);
  for (size_t k = 0; k < b->rows * b->columns; k++)
    parameters[b->offset + k] = (float)(sd * cgap_random_normal(random));
}

void cgap_layers_start(const cgap_layers *l, float *parameters, cgap_start start, const double *image_mean,
                       const double *text_mean, uint64_t seed)
{
  const cgap_head_shape *s = &l->shape;
  const bool residual = is_residual(s);
  const double *mean[CGAP_MODALITIES] = {image_mean, text_mean};
  memset(parameters, 0, l->count * sizeof *parameters);
  for (int modality = 0; modality < (s->shared ? 1 : CGAP_MODALITIES); modality++) {
    const cgap_tower *t = &l->tower[modality];
    cgap_random random = cgap_random_init(seed, START_STREAM + (uint64_t)modality);
    if (s->kind != CGAP_HEAD_RESIDUAL)
      start_random(parameters, &t->weight, &random);
    if (s->kind == CGAP_HEAD_MLP && !residual)
      start_random(parameters, &t->weight2, &random);
    if (start != CGAP_START_CENTER || !residual)
      continue;
    float *bias = parameters + (s->kind == CGAP_HEAD_MLP ? t->bias2 : t->bias).offset;
    for (size_t k = 0; k < s->dim; k++)
      bias[k] = (float)-(s->shared ? (image_mean[k] + text_mean[k]) / 2 : mean[modality][k]);
  }
}
