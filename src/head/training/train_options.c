#include "head/training/train_options.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/source.h"
#include "base/text_buffer.h"
#include "head/model/layers.h"
#include "head/model/loss.h"

enum { LINEAR_DIM = 128, WIDTH_MAX = 1 << 20, STEPS_MAX = 1 << 30 };

/* ---------------------------------------------------------------- the table */

/* Places of the axes: those of cgap_train_option.sweep, which vary the slower the smaller they are. Axes of one place
 * come in the order of the table. */
enum {
  SEED_PLACE = 1 + CGAP_AXIS_SEED,
  IMAGES_PLACE,
  NOISE_PLACE,
  LOSS_PLACE = 1 + CGAP_AXIS_LOSS,
  DIM_PLACE,
  BATCH_PLACE,
  TEMPERATURE_PLACE,
  HEAD_PLACE,
  START_PLACE,
  LAST_PLACE
};

#define FIELD(member) offsetof(cgap_train_options, member)

static const char *const HEADS[] = {"linear", "residual", "mlp", NULL};
static const char *const STARTS[] = {"identity", "center", "whiten", NULL};
static const char *const SCHEDULES[] = {"cosine", "constant", NULL};

static const cgap_train_option ROWS[] = {
  {"head", CGAP_TRAIN_CHOICE, FIELD(head), "Head",
   .help = "W z; z + W z + b; or z + W2 gelu(W z + b) + b2; then normalised to length 1", .choices = HEADS,
   .zero = "residual; linear with --dim or --same-modality",
   .sweep = {.place = HEAD_PLACE, .help = "of linear, residual, mlp"}},
  {"start", CGAP_TRAIN_CHOICE, FIELD(start), "Head",
   .help = "a residual head starts as the identity, by subtracting each modality's mean, or by whitening",
   .choices = STARTS,
   .sweep = {.place = START_PLACE, .help = "of identity, center, whiten: where a residual head starts"}},
  {"shared", CGAP_TRAIN_FLAG, FIELD(shared), "Head", .help = "one head for both modalities"},
  {"dim", CGAP_TRAIN_COUNT, FIELD(dim), "Settings", .help = "dimensions of the new rows", .high = WIDTH_MAX,
   .value = "N", .zero = "128 for a linear head, else those of the file", .sweep = {.place = DIM_PLACE}},
  {"hidden", CGAP_TRAIN_COUNT, FIELD(hidden), "Head", .help = "width of an mlp's hidden layer", .high = WIDTH_MAX,
   .value = "N", .zero = "as the file's rows"},
  {"loss", CGAP_TRAIN_LOSS, FIELD(weights), "Settings", .help = "CLIP; + L_Uniform + L_Align; + L_XUniform",
   .choices = cgap_loss_names, .zero = "cua",
   .sweep = {.place = LOSS_PLACE, .values = "clip,cua,cuaxu", .help = "of clip, cua, cuaxu"}},
  /* a row for each term: weight-clip, … */
  {"weight", CGAP_TRAIN_WEIGHT, FIELD(weights), "Settings", .high = 1e6, .value = "X", .sweep = {.place = LAST_PLACE}},
  {"temperature", CGAP_TRAIN_REAL, FIELD(temperature), "Settings",
   .help = "of L_CLIP in training; reports always use 0.01", .low = 0.005, .high = 1000, .value = "X",
   .sweep = {.place = TEMPERATURE_PLACE}},
  {"learn-temperature", CGAP_TRAIN_FLAG, FIELD(learn_temperature), "Training",
   .help = "learn the temperature, starting at --temperature"},
  {"lr", CGAP_TRAIN_REAL, FIELD(learning_rate), "Training", .help = "learning rate of AdamW", .high = INFINITY,
   .value = "X", .zero = "the head's own"},
  {"decay", CGAP_TRAIN_REAL, FIELD(decay), "Training", .help = "weight decay, not on biases", .high = 1000,
   .value = "X"},
  {"clip-norm", CGAP_TRAIN_REAL, FIELD(clip_norm), "Training", .help = "scale gradients with a larger norm down to it",
   .high = INFINITY, .value = "X", .zero = "none"},
  {"schedule", CGAP_TRAIN_CHOICE, FIELD(schedule), "Training",
   .help = "5 % of warm-up, then down to 0 along a cosine; or one rate throughout", .choices = SCHEDULES},
  {"batch", CGAP_TRAIN_BATCH, FIELD(batch), "Settings", .help = "texts per step, with their images", .value = "N|full",
   .zero = "256, or all where they are fewer", .sweep = {.place = BATCH_PLACE}},
  {"epochs", CGAP_TRAIN_COUNT, FIELD(epochs), "Training", .help = "passes over the training split", .high = STEPS_MAX,
   .value = "N", .zero = "100, fewer where that is over 3000 steps"},
  {"steps", CGAP_TRAIN_COUNT, FIELD(steps), "Training",
   .help =
     "instead of --epochs: as many whole epochs as it takes to reach N steps, so that batch sizes can be compared",
   .high = STEPS_MAX, .value = "N", .zero = "as --epochs says"},
  {"patience", CGAP_TRAIN_COUNT, FIELD(patience), "Training",
   .help = "stop after N epochs without a lower validation loss and keep the best; 0: never stop, keep the last",
   .value = "N"},
  {"val", CGAP_TRAIN_REAL, FIELD(validation), "Training", .help = "fraction of the images used to choose the epoch",
   .high = 0.5, .data = true, .value = "FRACTION"},
  {"test", CGAP_TRAIN_REAL, FIELD(test), "Training",
   .help = "fraction of the images measured before and after; used for nothing else", .high = 0.9, .above_low = true,
   .data = true, .value = "FRACTION"},
  {"hold-out-classes", CGAP_TRAIN_REAL, FIELD(hold_out_classes), "Training",
   .help = "keep this share of the classes out of training and validation, and report zero-shot accuracy of seen and "
           "unseen classes apart",
   .high = 0.9, .data = true, .value = "SHARE", .zero = "none"},
  {"keep-duplicates", CGAP_TRAIN_FLAG, FIELD(keep_duplicates), "Training",
   .help = "keep equal rows separate: they are negatives of each other", .data = true},
  {"noise", CGAP_TRAIN_REAL, FIELD(noise), "Settings", .help = "fraction of the training texts that swap their images",
   .high = 1, .data = true, .value = "FRACTION", .sweep = {.place = NOISE_PLACE}},
  {"train-images", CGAP_TRAIN_COUNT, FIELD(training_images), "Settings", .help = "train on so many images",
   .key = "training_images", .data = true, .value = "N", .zero = "all of the training part",
   .sweep = {.place = IMAGES_PLACE}},
  {"seed", CGAP_TRAIN_SEED, FIELD(seed), NULL, .data = true,
   .sweep = {.place = SEED_PLACE,
             .name = "seeds",
             .values = "1,2,3",
             .help = "random seeds to train with; results are averaged over them"}},
};

/* A row for each term of the loss in place of theirs. */
bool cgap_train_option_at(cgap_train_option *out, size_t k)
{
  for (size_t r = 0; r < sizeof ROWS / sizeof *ROWS; r++) {
    *out = ROWS[r];
    if (ROWS[r].kind != CGAP_TRAIN_WEIGHT) {
      if (k-- == 0)
        return true;
      continue;
    }
    const cgap_loss_value *term;
    for (size_t i = 0; (term = cgap_loss_term_at(i)); i++)
      if (k-- == 0) {
        out->name = term->option;
        out->help = term->help;
        out->offset += term->weight;
        return true;
      }
  }
  return false;
}

static const void *field_of(const cgap_train_options *o, const cgap_train_option *option)
{
  return (const char *)o + option->offset;
}

bool cgap_train_same_data(const cgap_train_options *a, const cgap_train_options *b)
{
  static const size_t BYTES[] = {
    [CGAP_TRAIN_FLAG] = sizeof(bool),         [CGAP_TRAIN_COUNT] = sizeof(size_t),  [CGAP_TRAIN_REAL] = sizeof(double),
    [CGAP_TRAIN_CHOICE] = sizeof(int),        [CGAP_TRAIN_SEED] = sizeof(uint64_t), [CGAP_TRAIN_BATCH] = sizeof(size_t),
    [CGAP_TRAIN_LOSS] = sizeof(cgap_weights), [CGAP_TRAIN_WEIGHT] = sizeof(double)};
  cgap_train_option option;
  bool same = true;
  for (size_t k = 0; cgap_train_option_at(&option, k); k++)
    same = same && (!option.data || memcmp(field_of(a, &option), field_of(b, &option), BYTES[option.kind]) == 0);
  return same;
}

/* ---------------------------------------------------------------- what they mean */

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

static cgap_status check_number(const cgap_train_option *option, double value, cgap_error *error)
{
  char most[40] = "";
  if (option->high == 0 || (isfinite(value) && value >= option->low && value <= option->high &&
                            !(option->above_low && value <= option->low)))
    return CGAP_OK;
  if (isfinite(option->high))
    snprintf(most, sizeof most, " to %g", option->high);
  return cgap_fail(error, CGAP_USAGE, "%s %g: give a number %s %g%s", option->name, value,
                   option->above_low ? "above" : "from", option->low, most);
}

static cgap_status check_option(const cgap_train_option *option, const cgap_train_options *o, cgap_error *error)
{
  const void *field = field_of(o, option);
  int choices = 0;
  switch (option->kind) {
  case CGAP_TRAIN_COUNT:
    if (option->high > 0 && *(const size_t *)field > (size_t)option->high)
      return cgap_fail(error, CGAP_USAGE, "%s %zu: give %.0f or less", option->name, *(const size_t *)field,
                       option->high);
    return CGAP_OK;
  case CGAP_TRAIN_REAL:
  case CGAP_TRAIN_WEIGHT:
    return check_number(option, *(const double *)field, error);
  case CGAP_TRAIN_CHOICE:
    while (option->choices[choices])
      choices++;
    return cgap_check_choice(option->name, *(const int *)field, choices, error);
  case CGAP_TRAIN_FLAG:
  case CGAP_TRAIN_SEED:
  case CGAP_TRAIN_BATCH:
  case CGAP_TRAIN_LOSS:
    break;
  }
  return CGAP_OK;
}

cgap_status cgap_train_check(const cgap_train_options *o, size_t dim_in, cgap_error *error)
{
  cgap_train_option option;
  cgap_status status = cgap_check_argument(o, "training", "options", error);
  for (size_t k = 0; status == CGAP_OK && cgap_train_option_at(&option, k); k++)
    status = check_option(&option, o, error);
  if (status == CGAP_OK)
    status = cgap_check_threads(o->threads, error);
  if (status != CGAP_OK)
    return status;
  if (cgap_terms_of(&o->weights) == 0)
    return cgap_fail(error, CGAP_USAGE, "every weight of the loss is 0: there is nothing to train for");
  if (o->validation + o->test >= 0.95)
    return cgap_fail(error, CGAP_USAGE,
                     "val %g and test %g leave nothing to train on: give fractions that sum to less than 0.95",
                     o->validation, o->test);
  if (o->patience > 0 && o->validation <= 0)
    return cgap_fail(error, CGAP_USAGE, "patience %zu needs a validation part: give val above 0, or patience 0",
                     o->patience);
  if (o->batch == 1)
    return cgap_fail(error, CGAP_USAGE, "batch 1: contrastive training needs at least 2 texts per batch");
  if (o->head == CGAP_HEAD_RESIDUAL && o->dim && o->dim != dim_in)
    return cgap_fail(error, CGAP_USAGE,
                     "dim %zu: a residual head keeps the %zu dimensions of the file; leave dim out, or take a linear "
                     "head",
                     o->dim, dim_in);
  if (o->head == CGAP_HEAD_LINEAR && o->dim > dim_in)
    return cgap_fail(error, CGAP_USAGE,
                     "dim %zu: the file's rows have %zu dimensions, and a linear head cannot add any; give %zu or less",
                     o->dim, dim_in, dim_in);
  if (o->start == CGAP_START_WHITEN && (o->head != CGAP_HEAD_RESIDUAL || o->shared))
    return cgap_fail(error, CGAP_USAGE,
                     "start whiten: only a residual head that is not shared starts by whitening; give start center");
  if (o->dim == 1)
    return cgap_fail(error, CGAP_USAGE, "dim 1: on a sphere of one dimension there are two points; give at least 2");
  return CGAP_OK;
}

/* ---------------------------------------------------------------- JSON */

enum { VALUE_BYTES = 80 };

static void value_text(char out[VALUE_BYTES], const cgap_train_option *option, const void *field)
{
  const size_t size = VALUE_BYTES;
  switch (option->kind) {
  case CGAP_TRAIN_FLAG:
    snprintf(out, size, "%s", *(const bool *)field ? "true" : "false");
    break;
  case CGAP_TRAIN_COUNT:
    snprintf(out, size, "%zu", *(const size_t *)field);
    break;
  case CGAP_TRAIN_BATCH:
    snprintf(out, size, "%lld", *(const size_t *)field == CGAP_BATCH_AUTO ? -1LL : (long long)*(const size_t *)field);
    break;
  case CGAP_TRAIN_REAL:
  case CGAP_TRAIN_WEIGHT:
    snprintf(out, size, "%.17g", *(const double *)field);
    break;
  case CGAP_TRAIN_CHOICE:
    snprintf(out, size, "\"%s\"", option->choices[*(const int *)field]);
    break;
  case CGAP_TRAIN_SEED:
    snprintf(out, size, "%llu", (unsigned long long)*(const uint64_t *)field);
    break;
  case CGAP_TRAIN_LOSS:
    out[0] = '\0';
    break;
  }
}

void cgap_train_describe(char out[CGAP_TRAIN_DESCRIPTION], const cgap_train_options *options, const cgap_head_shape *s)
{
  const cgap_c_locale locale = cgap_c_locale_begin();
  cgap_train_options o = *options;
  cgap_train_option option;
  size_t used = 0;
  o.dim = s->dim; /* as they are, where options leave them open */
  o.hidden = s->hidden;
  for (size_t k = 0; cgap_train_option_at(&option, k); k++) {
    char dim_in[40] = "", value[VALUE_BYTES];
    if (option.kind == CGAP_TRAIN_LOSS)
      continue;
    if (option.offset == FIELD(dim))
      snprintf(dim_in, sizeof dim_in, "\"dim_in\": %zu, ", s->dim_in);
    value_text(value, &option, field_of(&o, &option));
    char *start = out + used;
    used += (size_t)snprintf(start, CGAP_TRAIN_DESCRIPTION - used, "%s%s\"%s\": %s", k ? ", " : "{", dim_in,
                             option.key ? option.key : option.name, value);
    if (used >= CGAP_TRAIN_DESCRIPTION)
      break;
    for (char *c = strchr(start, ':'); !option.key && c > start; c--)
      *c = *c == '-' ? '_' : *c;
  }
  if (used + 1 < CGAP_TRAIN_DESCRIPTION)
    strcpy(out + used, "}");
  cgap_c_locale_end(locale);
}

/* ---------------------------------------------------------------- the grid of a sweep */

int cgap_axis_count(void)
{
  cgap_train_option option;
  int axes = 0;
  for (size_t k = 0; cgap_train_option_at(&option, k); k++)
    axes += option.sweep.place > 0;
  return axes < CGAP_AXES_MAX ? axes : CGAP_AXES_MAX;
}

cgap_train_option cgap_axis_option(int axis)
{
  cgap_train_option option = {0};
  for (int place = 1; place <= LAST_PLACE; place++)
    for (size_t k = 0; cgap_train_option_at(&option, k); k++)
      if (option.sweep.place == place && axis-- == 0)
        return option;
  return option;
}

const char *cgap_axis_name(int axis)
{
  return cgap_axis_option(axis).name;
}

static cgap_status add_value(cgap_sweep_grid *g, int axis, const char *text, size_t length, cgap_error *error)
{
  if (length == 0)
    return cgap_fail(error, CGAP_USAGE, "%s: an empty value; give a list such as 1,2,3", cgap_axis_name(axis));
  for (size_t k = 0; k < g->count[axis]; k++)
    if (strlen(g->value[axis][k]) == length && strncmp(g->value[axis][k], text, length) == 0)
      return cgap_fail(error, CGAP_USAGE, "%s: %.*s is given twice", cgap_axis_name(axis), (int)length, text);
  char **grown = realloc(g->value[axis], (g->count[axis] + 1) * sizeof *grown);
  if (grown)
    g->value[axis] = grown;
  char *own = grown ? strndup(text, length) : NULL;
  if (!own)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  grown[g->count[axis]++] = own;
  return CGAP_OK;
}

cgap_status cgap_sweep_grid_set(cgap_sweep_grid *g, int axis, const char *list, cgap_error *error)
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
  for (int a = 0; a < CGAP_AXES_MAX; a++) {
    for (size_t k = 0; k < g->count[a]; k++)
      free(g->value[a][k]);
    free(g->value[a]);
  }
  *g = (cgap_sweep_grid){0};
}

size_t cgap_sweep_grid_settings(const cgap_sweep_grid *g)
{
  size_t all = 1;
  for (int a = 0; a < CGAP_AXES_MAX; a++)
    all *= g->count[a] ? g->count[a] : 1;
  return all;
}

void cgap_sweep_grid_setting(const cgap_sweep_grid *g, size_t setting, size_t index[CGAP_AXES_MAX])
{
  for (int a = CGAP_AXES_MAX - 1; a >= 0; a--) {
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
