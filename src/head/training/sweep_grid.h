/* A sweep's grid: what varies, every setting of it in order, and means over seeds. */
#ifndef CGAP_HEAD_TRAINING_SWEEP_GRID_H
#define CGAP_HEAD_TRAINING_SWEEP_GRID_H

#include "contragap/contragap.h"

/* The axes, outermost first: what needs the data prepared again varies slowest. */
typedef enum cgap_axis {
  CGAP_AXIS_SEED,
  CGAP_AXIS_IMAGES,
  CGAP_AXIS_NOISE,
  CGAP_AXIS_LOSS,
  CGAP_AXIS_DIM,
  CGAP_AXIS_BATCH,
  CGAP_AXIS_TEMPERATURE,
  CGAP_AXIS_WEIGHT_CLIP,
  CGAP_AXIS_WEIGHT_UNIFORM,
  CGAP_AXIS_WEIGHT_ALIGN,
  CGAP_AXIS_WEIGHT_XUNIFORM,
  CGAP_AXES
} cgap_axis;

const char *cgap_axis_name(cgap_axis axis); /* "temperature": the option and the column */

/* Values of each axis as they were written; none: the axis is left as the options have it. */
typedef struct cgap_sweep_grid {
  char **value[CGAP_AXES]; /* (count[axis]), owned */
  size_t count[CGAP_AXES];
} cgap_sweep_grid;

/* Takes "32,64,128"; CGAP_USAGE where an item is empty or stands twice. */
CGAP_MUST_CHECK cgap_status cgap_sweep_grid_set(cgap_sweep_grid *grid, cgap_axis axis, const char *list,
                                                cgap_error *error);
void cgap_sweep_grid_clear(cgap_sweep_grid *grid);

size_t cgap_sweep_grid_settings(const cgap_sweep_grid *grid); /* their number */

/* Index into the values of each axis, 0 where it has none. */
void cgap_sweep_grid_setting(const cgap_sweep_grid *grid, size_t setting, size_t index[CGAP_AXES]);

typedef struct cgap_mean_sd {
  double mean, sd; /* sd with n − 1; NaN below two values */
  size_t n;        /* finite values */
} cgap_mean_sd;

cgap_mean_sd cgap_mean_sd_of(const double *values, size_t count);

#endif
