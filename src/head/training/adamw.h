/* AdamW (Loshchilov and Hutter 2019) over a buffer of parameters, and the learning rate's schedule. */
#ifndef CGAP_HEAD_ADAMW_H
#define CGAP_HEAD_ADAMW_H

#include "contragap/contragap.h"
#include "head/model/layers.h"

typedef struct cgap_adamw {
  size_t count;
  float *m, *v;   /* (count) first and second moment; one block, freed through m */
  double *square; /* sums of squares of a gradient's chunks */
  uint64_t step;  /* steps taken */
} cgap_adamw;

enum { CGAP_ADAMW_TEMPERATURE = 1 }; /* one parameter more than the layers have: log τ, at the end */

bool cgap_adamw_init(cgap_adamw *out, size_t count);
void cgap_adamw_clear(cgap_adamw *a);

/* One step. parameters and gradient (count): the blocks of `layers`, then log τ. Weights are decayed, biases and log τ
 * are not. clip > 0: a gradient of greater norm is scaled down to it. Returns the gradient's norm before. */
double cgap_adamw_update(cgap_adamw *a, const cgap_layers *layers, float *parameters, const float *gradient,
                         double rate, double decay, double clip, int threads);

/* The rate of step `step` (from 0) of `steps`: cosine rises over the first 5 % and falls to 0; constant is constant. */
double cgap_schedule_rate(cgap_schedule schedule, double rate, uint64_t step, uint64_t steps);

#endif
