#include "head/training/train_options.h"

#include "base/source.h"
#include "base/text_buffer.h"
#include "head/model/layers.h"

#include <math.h>
#include <stdio.h>

enum { LINEAR_DIM = 128, WIDTH_MAX = 1 << 20, STEPS_MAX = 1 << 30 };

size_t cgap_train_epochs(const cgap_train_options *o, size_t steps_an_epoch)
{
  enum { EPOCHS_MAX = 100, EPOCHS_MIN = 5, STEPS = 3000 };
  const size_t affordable = STEPS / (steps_an_epoch ? steps_an_epoch : 1);
  if (o->steps && steps_an_epoch)
    return (o->steps + steps_an_epoch - 1) / steps_an_epoch;
  return o->epochs                 ? o->epochs
         : affordable > EPOCHS_MAX ? EPOCHS_MAX
         : affordable < EPOCHS_MIN ? EPOCHS_MIN
                                   : affordable;
}

double cgap_train_rate(const cgap_train_options *o)
{
  static const double LINEAR = 1e-3, RESIDUAL = 1e-4;
  return o->learning_rate > 0 ? o->learning_rate : o->head == CGAP_HEAD_LINEAR ? LINEAR : RESIDUAL;
}

cgap_head_shape cgap_train_shape(const cgap_train_options *o, size_t dim_in)
{
  cgap_head_shape s = {.kind = o->head, .shared = o->shared, .dim_in = dim_in};
  s.dim = o->dim ? o->dim : o->head == CGAP_HEAD_LINEAR && LINEAR_DIM < dim_in ? LINEAR_DIM : dim_in;
  s.hidden = o->head != CGAP_HEAD_MLP ? 0 : o->hidden ? o->hidden : dim_in;
  return s;
}

/* A number with its bounds, as it is called on the command line. */
typedef struct bound {
  const char *name;
  double value, low, high;
  bool open; /* low itself is refused */
} bound;

static cgap_status check_bounds(const cgap_train_options *o, cgap_error *error)
{
  const bound bounds[] = {
    {"--temperature", o->temperature, 0.005, 1000, false},
    {"--lr", o->learning_rate, 0, INFINITY, false},
    {"--decay", o->decay, 0, 1000, false},
    {"--clip-norm", o->clip_norm, 0, INFINITY, false},
    {"--val", o->validation, 0, 0.5, false},
    {"--test", o->test, 0, 0.9, true},
    {"--noise", o->noise, 0, 1, false},
    {"--weight-clip", o->weights.clip, 0, 1e6, false},
    {"--weight-uniform", o->weights.uniform, 0, 1e6, false},
    {"--weight-align", o->weights.align, 0, 1e6, false},
    {"--weight-xuniform", o->weights.xuniform, 0, 1e6, false},
  };
  for (size_t k = 0; k < sizeof bounds / sizeof *bounds; k++) {
    const bound *b = &bounds[k];
    char most[40] = "";
    if (isfinite(b->value) && b->value >= b->low && b->value <= b->high && !(b->open && b->value <= b->low))
      continue;
    if (isfinite(b->high))
      snprintf(most, sizeof most, " to %g", b->high);
    return cgap_fail(error, CGAP_USAGE, "%s %g: give a number %s %g%s", b->name, b->value, b->open ? "above" : "from",
                     b->low, most);
  }
  return CGAP_OK;
}

static cgap_status check_sizes(const cgap_train_options *o, cgap_error *error)
{
  const struct {
    const char *name;
    size_t value, most;
  } sizes[] = {
    {"--dim", o->dim, WIDTH_MAX},
    {"--hidden", o->hidden, WIDTH_MAX},
    {"--epochs", o->epochs, STEPS_MAX},
    {"--steps", o->steps, STEPS_MAX},
  };
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
    if (sizes[k].value > sizes[k].most)
      return cgap_fail(error, CGAP_USAGE, "%s %zu: give %zu or less", sizes[k].name, sizes[k].value, sizes[k].most);
  return CGAP_OK;
}

cgap_status cgap_train_check(const cgap_train_options *o, size_t dim_in, cgap_error *error)
{
  cgap_status status = cgap_check_argument(o, "training", "options", error);
  if (status == CGAP_OK)
    status = cgap_check_choice("head", (int)o->head, CGAP_HEAD_MLP + 1, error);
  if (status == CGAP_OK)
    status = cgap_check_choice("start", (int)o->start, CGAP_START_CENTER + 1, error);
  if (status == CGAP_OK)
    status = cgap_check_choice("schedule", (int)o->schedule, CGAP_SCHEDULE_CONSTANT + 1, error);
  if (status == CGAP_OK)
    status = cgap_check_threads(o->threads, error);
  if (status == CGAP_OK)
    status = check_bounds(o, error);
  if (status == CGAP_OK)
    status = check_sizes(o, error);
  if (status != CGAP_OK)
    return status;
  const cgap_weights *w = &o->weights;
  if (w->clip + w->uniform + w->align + w->xuniform <= 0)
    return cgap_fail(error, CGAP_USAGE, "every weight of the loss is 0: there is nothing to train for");
  if (o->validation + o->test >= 0.95)
    return cgap_fail(error, CGAP_USAGE,
                     "--val %g and --test %g leave nothing to train on: give shares that sum to less than 0.95",
                     o->validation, o->test);
  if (o->patience > 0 && o->validation <= 0)
    return cgap_fail(error, CGAP_USAGE, "--patience %zu needs a validation part: give --val above 0, or --patience 0",
                     o->patience);
  if (o->batch == 1)
    return cgap_fail(error, CGAP_USAGE, "--batch 1: contrastive training needs at least 2 texts per batch");
  if (o->head == CGAP_HEAD_RESIDUAL && o->dim && o->dim != dim_in)
    return cgap_fail(
      error, CGAP_USAGE,
      "--dim %zu: a residual head keeps the %zu dimensions of the file; leave --dim out, or give --head linear", o->dim,
      dim_in);
  if (o->head == CGAP_HEAD_LINEAR && o->dim > dim_in)
    return cgap_fail(
      error, CGAP_USAGE,
      "--dim %zu: the file's rows have %zu dimensions, and a linear head cannot add any; give %zu or less", o->dim,
      dim_in, dim_in);
  if (o->dim == 1)
    return cgap_fail(error, CGAP_USAGE, "--dim 1: on a sphere of one dimension there are two points; give at least 2");
  return CGAP_OK;
}

void cgap_train_describe(char *out, size_t size, const cgap_train_options *o, const cgap_head_shape *s)
{
  const cgap_c_locale locale = cgap_c_locale_begin();
  snprintf(out, size,
           "{\"head\": \"%s\", \"start\": \"%s\", \"shared\": %s, \"dim_in\": %zu, \"dim\": %zu, \"hidden\": %zu, "
           "\"weight_clip\": %.17g, \"weight_uniform\": %.17g, \"weight_align\": %.17g, \"weight_xuniform\": %.17g, "
           "\"temperature\": %.17g, \"learn_temperature\": %s, \"lr\": %.17g, \"decay\": %.17g, \"clip_norm\": %.17g, "
           "\"schedule\": \"%s\", \"batch\": %lld, \"epochs\": %zu, \"steps\": %zu, \"patience\": %zu, \"val\": %.17g, "
           "\"test\": %.17g, "
           "\"keep_duplicates\": %s, \"noise\": %.17g, \"training_images\": %zu, \"seed\": %llu}",
           cgap_head_kind_name(s->kind), o->start == CGAP_START_CENTER ? "center" : "identity",
           s->shared ? "true" : "false", s->dim_in, s->dim, s->hidden, o->weights.clip, o->weights.uniform,
           o->weights.align, o->weights.xuniform, o->temperature, o->learn_temperature ? "true" : "false",
           o->learning_rate, o->decay, o->clip_norm, o->schedule == CGAP_SCHEDULE_COSINE ? "cosine" : "constant",
           o->batch == CGAP_BATCH_AUTO ? -1LL : (long long)o->batch, o->epochs, o->steps, o->patience, o->validation,
           o->test, o->keep_duplicates ? "true" : "false", o->noise, o->training_images, (unsigned long long)o->seed);
  cgap_c_locale_end(locale);
}
