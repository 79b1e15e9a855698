/* One setting of a sweep's grid: its options for a training, and how they are written. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/sweep_setting.h"
#include "head/training/train_options.h"

static cgap_status read_real(double *out, cgap_axis axis, const char *text, cgap_error *error)
{
  char *end = NULL;
  *out = strtod(text, &end);
  return end != text && !*end && isfinite(*out)
           ? CGAP_OK
           : cgap_fail(error, CGAP_USAGE, "--%s %.60s: not a number", cgap_axis_name(axis), text);
}

static cgap_status read_count(uint64_t *out, cgap_axis axis, const char *text, cgap_error *error)
{
  char *end = NULL;
  errno = 0;
  *out = strtoull(text, &end, 10);
  return end != text && !*end && !errno && text[0] != '-'
           ? CGAP_OK
           : cgap_fail(error, CGAP_USAGE, "--%s %.60s: not a whole number", cgap_axis_name(axis), text);
}

static cgap_status set_axis(cgap_train_options *o, cgap_axis axis, const char *text, cgap_error *error)
{
  double *const reals[CGAP_AXES] = {[CGAP_AXIS_NOISE] = &o->noise,
                                    [CGAP_AXIS_TEMPERATURE] = &o->temperature,
                                    [CGAP_AXIS_WEIGHT_CLIP] = &o->weights.clip,
                                    [CGAP_AXIS_WEIGHT_UNIFORM] = &o->weights.uniform,
                                    [CGAP_AXIS_WEIGHT_ALIGN] = &o->weights.align,
                                    [CGAP_AXIS_WEIGHT_XUNIFORM] = &o->weights.xuniform};
  uint64_t count = 0;
  int loss = 0;
  if (reals[axis])
    return read_real(reals[axis], axis, text, error);
  if (axis == CGAP_AXIS_BATCH)
    return cli_read_batch(&o->batch, text, error);
  if (axis == CGAP_AXIS_LOSS) {
    if (!cli_loss_find(&loss, text, strlen(text)))
      return cgap_fail(error, CGAP_USAGE, "--loss %.60s: give some of clip,cua,cuaxu", text);
    o->weights = cli_loss_weights(loss);
    return CGAP_OK;
  }
  cgap_status status = read_count(&count, axis, text, error);
  if (axis == CGAP_AXIS_SEED)
    o->seed = count;
  else if (axis == CGAP_AXIS_DIM)
    o->dim = (size_t)count;
  else
    o->training_images = (size_t)count;
  return status;
}

cgap_status sweep_setting_options(cgap_train_options *out, const cgap_grid *grid, const cgap_train_options *base,
                                  size_t setting, cgap_error *error)
{
  size_t index[CGAP_AXES];
  cgap_status status = CGAP_OK;
  *out = *base;
  cgap_grid_setting(grid, setting, index);
  for (int a = 0; status == CGAP_OK && a < CGAP_AXES; a++)
    if (grid->count[a])
      status = set_axis(out, (cgap_axis)a, grid->value[a][index[a]], error);
  return status;
}

json_t *sweep_options_json(const cgap_train_options *o, size_t dim_in)
{
  char text[2048];
  const cgap_head_shape shape = cgap_train_shape(o, dim_in);
  cgap_train_describe(text, sizeof text, o, &shape);
  return json_loads(text, 0, NULL);
}

json_t *sweep_setting_json(const cgap_grid *grid, size_t setting)
{
  size_t index[CGAP_AXES];
  json_t *out = json_object();
  cgap_grid_setting(grid, setting, index);
  for (int a = 0; a < CGAP_AXES; a++)
    if (grid->count[a])
      json_object_set_new(out, cgap_axis_name((cgap_axis)a), json_string(grid->value[a][index[a]]));
  return out;
}
