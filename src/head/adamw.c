#include "head/adamw.h"

#include <math.h>

#include "head/vector.h"
#include "memory.h"

static const double BETA1 = 0.9, BETA2 = 0.99, EPSILON = 1e-8, WARM_UP = 0.05;
enum { CHUNK = 1 << 14, PARALLEL_FROM = 1 << 18 };

bool cgap_adamw_init(cgap_adamw *out, size_t count)
{
  *out = (cgap_adamw){.count = count, .m = cgap_zalloc(2 * count, sizeof(float))};
  out->v = out->m ? out->m + count : NULL;
  return out->m != NULL;
}

void cgap_adamw_clear(cgap_adamw *a)
{
  cgap_free(a->m);
  *a = (cgap_adamw){0};
}

double cgap_schedule_rate(cgap_schedule schedule, double rate, uint64_t step, uint64_t steps)
{
  const double warm = ceil(WARM_UP * (double)steps), at = (double)step;
  if (schedule == CGAP_SCHEDULE_CONSTANT)
    return rate;
  if (at < warm)
    return rate * (at + 1) / warm;
  return rate * 0.5 * (1 + cos(M_PI * (at - warm) / fmax(1, (double)steps - warm)));
}

static double norm_of(const cgap_vector *vector, const float *gradient, size_t count)
{
  double sum = 0;
  for (size_t k = 0; k < count; k += CHUNK) {
    const size_t width = count - k < CHUNK ? count - k : CHUNK;
    sum += vector->dot(gradient + k, gradient + k, width);
  }
  return sqrt(sum);
}

static void update(cgap_adamw *a, const cgap_vector *vector, float *parameters, const float *gradient, size_t offset,
                   size_t count, cgap_adamw_step step, double decay, int threads)
{
  step.decay = (float)decay;
#pragma omp parallel for num_threads(threads) schedule(static) if (count >= PARALLEL_FROM)
  for (size_t k = offset; k < offset + count; k += CHUNK) {
    const size_t width = offset + count - k < CHUNK ? offset + count - k : CHUNK;
    vector->adamw(parameters + k, gradient + k, a->m + k, a->v + k, width, &step);
  }
}

double cgap_adamw_update(cgap_adamw *a, const cgap_layers *l, float *parameters, const float *gradient, double rate,
                         double decay, double clip, int threads)
{
  const cgap_vector *vector = cgap_vector_here();
  const double norm = norm_of(vector, gradient, a->count);
  a->step++;
  cgap_adamw_step step = {
    .rate = (float)rate,
    .beta1 = (float)BETA1,
    .beta2 = (float)BETA2,
    .unbias1 = (float)(1 / (1 - pow(BETA1, (double)a->step))),
    .unbias2 = (float)(1 / (1 - pow(BETA2, (double)a->step))),
    .epsilon = (float)EPSILON,
    .gradient_scale = clip > 0 && norm > clip ? (float)(clip / norm) : 1,
  };
  for (int side = 0; side < (l->shape.shared ? 1 : CGAP_SIDES); side++) {
    const cgap_block *blocks[] = {&l->tower[side].weight, &l->tower[side].bias, &l->tower[side].weight2,
                                  &l->tower[side].bias2};
    for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++)
      update(a, vector, parameters, gradient, blocks[b]->offset, blocks[b]->rows * blocks[b]->columns, step,
             b % 2 == 0 ? decay : 0, threads);
  }
  update(a, vector, parameters, gradient, l->count, a->count - l->count, step, 0, threads);
  return norm;
}
