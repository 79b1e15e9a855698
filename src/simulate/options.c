#include "simulate/options.h"

#include "base/memory.h"

#include <string.h>

static const char *const NAMES[CGAP_MODELS] = {
  [CGAP_MODEL_OFFSET] = "offset",
  [CGAP_MODEL_UNIFORM] = "uniform",
  [CGAP_MODEL_CONE] = "cone",
  [CGAP_MODEL_CLIP] = "clip",
};

const char *cgap_model_name(cgap_model model)
{
  return NAMES[model];
}

bool cgap_model_find(cgap_model *out, const char *name)
{
  for (int m = 0; m < CGAP_MODELS; m++)
    if (strcmp(name, NAMES[m]) == 0) {
      *out = (cgap_model)m;
      return true;
    }
  return false;
}

static cgap_status check_sizes(const cgap_simulate_options *o, cgap_error *error)
{
  size_t least = o->model == CGAP_MODEL_CLIP ? 3 : 2, texts = 0, numbers = 0;
  if (o->images < 3)
    return cgap_fail(error, CGAP_USAGE, "simulate: n is %zu, a set has at least 3 images; give --n 3 or more",
                     o->images);
  if (o->dim < least)
    return cgap_fail(error, CGAP_USAGE, "simulate: d is %zu, model %s needs at least %zu; give --d %zu or more", o->dim,
                     cgap_model_name(o->model), least, least);
  if (o->captions_least < 1 || o->captions_most < o->captions_least)
    return cgap_fail(error, CGAP_USAGE,
                     "simulate: captions %zu-%zu: at least 1, and the second not below the first; give --captions 5 "
                     "or --captions 1-8",
                     o->captions_least, o->captions_most);
  if (!cgap_product(&texts, o->images, o->captions_most) || !cgap_product(&numbers, texts, o->dim) ||
      numbers > SIZE_MAX / 16)
    return cgap_fail(error, CGAP_USAGE,
                     "simulate: %zu images with %zu texts of %zu numbers do not fit any file; give a smaller --n",
                     o->images, o->captions_most, o->dim);
  return CGAP_OK;
}

cgap_status cgap_simulate_check(const cgap_simulate_options *o, cgap_error *error)
{
  cgap_status status = check_sizes(o, error);
  if (status)
    return status;
  if (!(o->h >= 0 && o->h < 1))
    return cgap_fail(error, CGAP_USAGE, "simulate: h is %g, it lies in 0 ≤ h < 1; give --h 0.4", o->h);
  if (!(o->kappa >= 0 && o->kappa <= 1e6))
    return cgap_fail(error, CGAP_USAGE,
                     "simulate: kappa is %g, it lies in 0 to 1e6 (0: as large as d); give --kappa 64", o->kappa);
  if (o->classes && o->model != CGAP_MODEL_CLIP)
    return cgap_fail(error, CGAP_USAGE, "simulate: %zu classes with model %s; only --model clip has classes",
                     o->classes, cgap_model_name(o->model));
  if (o->classes == 1 || o->classes > o->images)
    return cgap_fail(error, CGAP_USAGE,
                     "simulate: %zu classes among %zu images; give --classes 2 to %zu, or 0 for none", o->classes,
                     o->images, o->images);
  return CGAP_OK;
}
