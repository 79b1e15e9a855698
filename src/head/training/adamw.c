#include "head/training/adamw.h"

#include <math.h>

#include "base/memory.h"
#include "simd/training_kernels.h"

static const double BETA1 = 0.9, BETA2 = 0.99, EPSILON = 1e-8, WARM_UP = 0.05;
enum { CHUNK = 1 << 14, PARALLEL_FROM = 1 << 15 };

bool cgap_adamw_init(cgap_adamw *out, size_t count)
{
  *out = (cgap_adamw){.count = count, .m = cgap_zalloc(2 * count, sizeof(float))};
  out->v = out->m ? out->m + count : NULL;
  out->square = cgap_alloc((count + CHUNK - 1) / CHUNK, sizeof *out->square);
  return out->m && out->square;
}

void cgap_adamw_clear(cgap_adamw *a)
{
  cgap_free(a->m);
  cgap_free(a->square);
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

/* A stretch of parameters that are decayed alike. */
typedef struct stretch {
  size_t offset, count;
  bool decayed;
} stretch;

enum { STRETCHES = 4 * CGAP_SIDES + 1 };

/* The blocks of the layers, biases not decayed, then log τ. Returns how many. */
static size_t stretches_of(const cgap_layers *l, size_t count, stretch out[STRETCHES])
{
  size_t n = 0;
  for (int side = 0; side < (l->shape.shared ? 1 : CGAP_SIDES); side++) {
    const cgap_tower *t = &l->tower[side];
    const cgap_block *blocks[] = {&t->weight, &t->bias, &t->weight2, &t->bias2};
    for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++)
      out[n++] = (stretch){blocks[b]->offset, blocks[b]->rows * blocks[b]->columns, b % 2 == 0};
  }
  out[n++] = (stretch){l->count, count - l->count, false};
  return n;
}

static size_t chunk_at(size_t k, size_t end)
{
  return end - k < CHUNK ? end - k : CHUNK;
}

static double total(const double *sums, size_t count)
{
  double sum = 0;
  for (size_t k = 0; k < count; k++)
    sum += sums[k];
  return sum;
}

static cgap_adamw_step step_of(const cgap_adamw *a, double rate, double decay, double clip, double norm)
{
  return (cgap_adamw_step){
    .rate = (float)rate,
    .decay = (float)decay,
    .beta1 = (float)BETA1,
    .beta2 = (float)BETA2,
    .unbias1 = (float)(1 / (1 - pow(BETA1, (double)a->step))),
    .unbias2 = (float)(1 / (1 - pow(BETA2, (double)a->step))),
    .epsilon = (float)EPSILON,
    .gradient_scale = clip > 0 && norm > clip ? (float)(clip / norm) : 1,
  };
}

double cgap_adamw_update(cgap_adamw *a, const cgap_layers *l, float *parameters, const float *gradient, double rate,
                         double decay, double clip, int threads)
{
  const cgap_vector *vector = cgap_vector_here();
  stretch part[STRETCHES];
  const size_t parts = stretches_of(l, a->count, part), chunks = (a->count + CHUNK - 1) / CHUNK;
  double norm = 0;
  cgap_adamw_step step[2]; /* not decayed, decayed */
  a->step++;
#pragma omp parallel num_threads(threads) if (a->count >= PARALLEL_FROM)
  {
#pragma omp for schedule(static)
    for (size_t k = 0; k < chunks; k++)
      a->square[k] = vector->dot(gradient + k * CHUNK, gradient + k * CHUNK, chunk_at(k * CHUNK, a->count));
#pragma omp single
    {
      norm = sqrt(total(a->square, chunks));
      step[0] = step_of(a, rate, 0, clip, norm);
      step[1] = step_of(a, rate, decay, clip, norm);
    }
    for (size_t p = 0; p < parts; p++) {
#pragma omp for schedule(static) nowait
      for (size_t k = part[p].offset; k < part[p].offset + part[p].count; k += CHUNK)
        vector->adamw(parameters + k, gradient + k, a->m + k, a->v + k, chunk_at(k, part[p].offset + part[p].count),
                      &step[part[p].decayed]);
    }
  }
  return norm;
}
