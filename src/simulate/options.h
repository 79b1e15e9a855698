/* What a simulation is asked for. */
#ifndef CGAP_SIMULATE_OPTIONS_H
#define CGAP_SIMULATE_OPTIONS_H

#include "contragap/contragap.h"

typedef enum cgap_model { CGAP_MODEL_OFFSET, CGAP_MODEL_UNIFORM, CGAP_MODEL_CONE, CGAP_MODEL_CLIP } cgap_model;

enum { CGAP_MODELS = 4 };

typedef struct cgap_simulate_options {
  cgap_model model;
  size_t images; /* at least 3 */
  size_t dim;    /* at least 2; clip: at least 3 */
  uint64_t seed;
  double h;              /* offset: half the centroid distance, 0 ≤ h < 1 */
  double kappa;          /* cone: concentration; 0: as large as dim */
  size_t captions_least; /* texts an image, drawn evenly from least … most */
  size_t captions_most;
  size_t classes; /* clip: 0, or 2 and more: labels, class texts and arithmetic */
  int threads;    /* 0: as many as the machine has */
} cgap_simulate_options;

#define CGAP_SIMULATE_OPTIONS_INIT                                                                                     \
  {                                                                                                                    \
    .model = CGAP_MODEL_CLIP, .images = 1000, .dim = 64, .h = 0.4, .captions_least = 1, .captions_most = 1             \
  }

const char *cgap_model_name(cgap_model model);
bool cgap_model_find(cgap_model *out, const char *name); /* false: no such model */

/* CGAP_USAGE with the sentence to print where the options make no sense. */
CGAP_MUST_CHECK cgap_status cgap_simulate_check(const cgap_simulate_options *options, cgap_error *error);

#endif
