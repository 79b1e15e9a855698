/* How a head is laid out in its buffer, and how it starts. */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "head/model/layers.h"

enum { START_STREAM = 0x5741 }; /* of the random numbers */

static cgap_block block(size_t *count, size_t rows, size_t columns)
{
  cgap_block b = {.offset = *count, .rows = rows, .columns = columns};
  *count += rows * columns;
  return b;
}

static cgap_tower tower(size_t *count, const cgap_head_shape *s)
{
  cgap_tower t = {0};
  const bool mlp = s->kind == CGAP_HEAD_MLP;
  t.weight = block(count, mlp ? s->hidden : s->dim, s->dim_in);
  if (s->kind != CGAP_HEAD_LINEAR)
    t.bias = block(count, t.weight.rows, 1);
  if (mlp) {
    t.weight2 = block(count, s->dim, s->hidden);
    t.bias2 = block(count, s->dim, 1);
  }
  return t;
}

cgap_layers cgap_layers_init(const cgap_head_shape *shape)
{
  cgap_layers l = {.shape = *shape};
  l.tower[CGAP_IMAGE_SIDE] = tower(&l.count, shape);
  l.tower[CGAP_TEXT_SIDE] = shape->shared ? l.tower[CGAP_IMAGE_SIDE] : tower(&l.count, shape);
  return l;
}

/* N(0, 1/columns), so that rows of unit norm keep their scale */
static void start_random(float *parameters, const cgap_block *b, cgap_random *random)
{
  const double sd = 1 / sqrt((double)b->columns);
  for (size_t k = 0; k < b->rows * b->columns; k++)
    parameters[b->offset + k] = (float)(sd * cgap_random_normal(random));
}

void cgap_layers_start(const cgap_layers *l, float *parameters, cgap_start start, const double *image_mean,
                       const double *text_mean, uint64_t seed)
{
  const cgap_head_shape *s = &l->shape;
  const bool residual = s->kind != CGAP_HEAD_LINEAR && s->dim == s->dim_in;
  const double *mean[CGAP_SIDES] = {image_mean, text_mean};
  memset(parameters, 0, l->count * sizeof *parameters);
  for (int side = 0; side < (s->shared ? 1 : CGAP_SIDES); side++) {
    const cgap_tower *t = &l->tower[side];
    cgap_random random = cgap_random_init(seed, START_STREAM + (uint64_t)side);
    if (s->kind != CGAP_HEAD_RESIDUAL)
      start_random(parameters, &t->weight, &random);
    if (s->kind == CGAP_HEAD_MLP && !residual)
      start_random(parameters, &t->weight2, &random);
    if (start != CGAP_START_CENTER || !residual)
      continue;
    float *bias = parameters + (s->kind == CGAP_HEAD_MLP ? t->bias2 : t->bias).offset;
    for (size_t k = 0; k < s->dim; k++)
      bias[k] = (float)-(s->shared ? (image_mean[k] + text_mean[k]) / 2 : mean[side][k]);
  }
}
