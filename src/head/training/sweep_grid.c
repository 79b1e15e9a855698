#include "head/training/sweep_grid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const NAMES[CGAP_AXES] = {
  "seed",        "train-images",   "noise",        "loss",           "dim", "batch", "temperature",
  "weight-clip", "weight-uniform", "weight-align", "weight-xuniform"};

const char *cgap_axis_name(cgap_axis axis)
{
  return NAMES[axis];
}

static cgap_status add_value(cgap_sweep_grid *g, cgap_axis axis, const char *text, size_t length, cgap_error *error)
{
  if (length == 0)
    return cgap_fail(error, CGAP_USAGE, "--%s: an empty value; give a list such as 1,2,3", NAMES[axis]);
  for (size_t k = 0; k < g->count[axis]; k++)
    if (strlen(g->value[axis][k]) == length && strncmp(g->value[axis][k], text, length) == 0)
      return cgap_fail(error, CGAP_USAGE, "--%s: %.*s is given twice", NAMES[axis], (int)length, text);
  char **grown = realloc(g->value[axis], (g->count[axis] + 1) * sizeof *grown);
  if (grown)
    g->value[axis] = grown;
  char *own = grown ? strndup(text, length) : NULL;
  if (!own)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  grown[g->count[axis]++] = own;
  return CGAP_OK;
}

cgap_status cgap_sweep_grid_set(cgap_sweep_grid *g, cgap_axis axis, const char *list, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  while (status == CGAP_OK && list) {
    const size_t length = strcspn(list, ",");
    status = add_value(g, axis, list, length, error);
    list = list[length] ? list + length + 1 : NULL;
  }
  return status;
}

void cgap_sweep_grid_clear(cgap_sweep_grid *g)
{
  for (int a = 0; a < CGAP_AXES; a++) {
    for (size_t k = 0; k < g->count[a]; k++)
      free(g->value[a][k]);
    free(g->value[a]);
  }
  *g = (cgap_sweep_grid){0};
}

size_t cgap_sweep_grid_settings(const cgap_sweep_grid *g)
{
  size_t all = 1;
  for (int a = 0; a < CGAP_AXES; a++)
    all *= g->count[a] ? g->count[a] : 1;
  return all;
}

void cgap_sweep_grid_setting(const cgap_sweep_grid *g, size_t setting, size_t index[CGAP_AXES])
{
  for (int a = CGAP_AXES - 1; a >= 0; a--) {
    const size_t count = g->count[a] ? g->count[a] : 1;
    index[a] = setting % count;
    setting /= count;
  }
}

cgap_mean_sd cgap_mean_sd_of(const double *values, size_t count)
{
  cgap_mean_sd s = {.mean = NAN, .sd = NAN};
  double sum = 0, squares = 0;
  for (size_t k = 0; k < count; k++)
    if (isfinite(values[k])) {
      sum += values[k];
      s.n++;
    }
  if (s.n == 0)
    return s;
  s.mean = sum / (double)s.n;
  for (size_t k = 0; k < count; k++)
    if (isfinite(values[k]))
      squares += (values[k] - s.mean) * (values[k] - s.mean);
  if (s.n > 1)
    s.sd = sqrt(squares / (double)(s.n - 1));
  return s;
}
