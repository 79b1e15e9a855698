#include "cli/train_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const head_names[] = {"linear", "residual", "mlp", NULL};
static const char *const start_names[] = {"identity", "center", NULL};
static const char *const schedule_names[] = {"cosine", "constant", NULL};
static const char *const modality_names[] = {"none", "image", "text", NULL};
const char *const cli_loss_names[] = {"clip", "cua", "cuaxu", NULL};

/* Weights below 0: as the loss has them; choices below 0: not given. */
static struct {
  cgap_train_options train;
  int head, start, loss, schedule, modality;
  double weight_clip, weight_uniform, weight_align, weight_xuniform;
  const char *batch;
} opt = {
  .train = CGAP_TRAIN_OPTIONS_INIT,
  .head = -1,
  .start = CGAP_START_CENTER,
  .loss = -1,
  .schedule = CGAP_SCHEDULE_COSINE,
  .weight_clip = -1,
  .weight_uniform = -1,
  .weight_align = -1,
  .weight_xuniform = -1,
};

const cli_option cli_head_options[] = {
  {.name = "head",
   .kind = CLI_CHOICE,
   .target = &opt.head,
   .choices = head_names,
   .help = "W z; z + W z + b; or z + W2 gelu(W z + b) + b2; then normalised to length 1",
   .zero = "residual, with --same-modality linear"},
  {.name = "start",
   .kind = CLI_CHOICE,
   .target = &opt.start,
   .choices = start_names,
   .help = "a residual head starts as the identity, or by subtracting each modality's mean"},
  {.name = "shared", .kind = CLI_FLAG, .target = &opt.train.shared, .help = "one head for both modalities"},
  {.name = "hidden",
   .kind = CLI_COUNT,
   .target = &opt.train.hidden,
   .value = "N",
   .help = "width of an mlp's hidden layer",
   .zero = "as the file's rows"},
  {0}};

const cli_option cli_training_options[] = {
  {.name = "learn-temperature",
   .kind = CLI_FLAG,
   .target = &opt.train.learn_temperature,
   .help = "learn the temperature, starting at --temperature"},
  {.name = "lr",
   .kind = CLI_REAL,
   .target = &opt.train.learning_rate,
   .value = "X",
   .help = "learning rate of AdamW",
   .zero = "the head's own"},
  {.name = "decay", .kind = CLI_REAL, .target = &opt.train.decay, .value = "X", .help = "weight decay, not on biases"},
  {.name = "clip-norm",
   .kind = CLI_REAL,
   .target = &opt.train.clip_norm,
   .value = "X",
   .help = "scale gradients with a larger norm down to it",
   .zero = "none"},
  {.name = "schedule",
   .kind = CLI_CHOICE,
   .target = &opt.schedule,
   .choices = schedule_names,
   .help = "5 % of warm-up, then down to 0 along a cosine; or one rate throughout"},
  {.name = "epochs",
   .kind = CLI_COUNT,
   .target = &opt.train.epochs,
   .value = "N",
   .help = "passes over the training split",
   .zero = "100, fewer where that is over 3000 steps"},
  {.name = "steps",
   .kind = CLI_COUNT,
   .target = &opt.train.steps,
   .value = "N",
   .help =
     "instead of --epochs: as many whole epochs as it takes to reach N steps, so that batch sizes can be compared",
   .zero = "as --epochs says"},
  {.name = "patience",
   .kind = CLI_COUNT,
   .target = &opt.train.patience,
   .value = "N",
   .help = "stop after N epochs without a lower validation loss and keep the best; 0: never stop, "
           "keep the last"},
  {.name = "val",
   .kind = CLI_REAL,
   .target = &opt.train.validation,
   .value = "SHARE",
   .help = "fraction of the images used to choose the epoch"},
  {.name = "test",
   .kind = CLI_REAL,
   .target = &opt.train.test,
   .value = "SHARE",
   .help = "fraction of the images measured before and after; used for nothing else"},
  {.name = "keep-duplicates",
   .kind = CLI_FLAG,
   .target = &opt.train.keep_duplicates,
   .help = "keep equal rows separate: they are negatives of each other"},
  {0}};

const cli_option cli_setting_options[] = {
  {.name = "dim",
   .kind = CLI_COUNT,
   .target = &opt.train.dim,
   .value = "N",
   .help = "dimensions of the new rows",
   .zero = "128 for a linear head, else those of the file"},
  {.name = "loss",
   .kind = CLI_CHOICE,
   .target = &opt.loss,
   .choices = cli_loss_names,
   .help = "CLIP; + L_Uniform + L_Align; + L_XUniform",
   .zero = "cua"},
  {.name = "weight-clip",
   .kind = CLI_REAL,
   .target = &opt.weight_clip,
   .value = "X",
   .help = "weight of L_CLIP; -1: as in --loss"},
  {.name = "weight-uniform",
   .kind = CLI_REAL,
   .target = &opt.weight_uniform,
   .value = "X",
   .help = "of L_Uniform, likewise"},
  {.name = "weight-align", .kind = CLI_REAL, .target = &opt.weight_align, .value = "X", .help = "of L_Align, likewise"},
  {.name = "weight-xuniform",
   .kind = CLI_REAL,
   .target = &opt.weight_xuniform,
   .value = "X",
   .help = "of L_XUniform, likewise"},
  {.name = "temperature",
   .kind = CLI_REAL,
   .target = &opt.train.temperature,
   .value = "X",
   .help = "of L_CLIP in training; reports always use 0.01"},
  {.name = "batch",
   .kind = CLI_STRING,
   .target = &opt.batch,
   .value = "N|full",
   .help = "texts per step, with their images",
   .zero = "256, or all where they are fewer"},
  {.name = "noise",
   .kind = CLI_REAL,
   .target = &opt.train.noise,
   .value = "SHARE",
   .help = "fraction of the training texts that swap their images"},
  {.name = "train-images",
   .kind = CLI_COUNT,
   .target = &opt.train.training_images,
   .value = "N",
   .help = "train on so many images",
   .zero = "all of the training part"},
  {.name = "same-modality",
   .kind = CLI_CHOICE,
   .target = &opt.modality,
   .choices = modality_names,
   .help = "train on one modality paired with itself, to see whether the loss alone creates a gap"},
  {0}};

cgap_weights cli_loss_weights(int loss)
{
  static const cgap_weights WEIGHTS[CLI_LOSSES] = {{1, 0, 0, 0}, {1, 1, 1, 0}, {1, 1, 1, 1}};
  return WEIGHTS[loss];
}

bool cli_loss_find(int *out, const char *name, size_t length)
{
  for (int k = 0; k < CLI_LOSSES; k++)
    if (strlen(cli_loss_names[k]) == length && strncmp(cli_loss_names[k], name, length) == 0) {
      *out = k;
      return true;
    }
  return false;
}

cgap_status cli_read_batch(size_t *out, const char *text, cgap_error *error)
{
  char *end = NULL;
  if (!text) {
    *out = CGAP_BATCH_AUTO;
    return CGAP_OK;
  }
  if (strcmp(text, "full") == 0) {
    *out = 0;
    return CGAP_OK;
  }
  errno = 0;
  const unsigned long long n = strtoull(text, &end, 10);
  if (errno || end == text || *end || text[0] == '-' || n == 0 || n >= CGAP_BATCH_AUTO)
    return cgap_fail(error, CGAP_USAGE, "--batch %.80s: give a number of texts, at least 2, or full", text);
  *out = (size_t)n;
  return CGAP_OK;
}

cgap_weights cli_asked_weights(int loss)
{
  cgap_weights out = cli_loss_weights(loss);
  const double given[] = {opt.weight_clip, opt.weight_uniform, opt.weight_align, opt.weight_xuniform};
  double *const weights[] = {&out.clip, &out.uniform, &out.align, &out.xuniform};
  for (int k = 0; k < 4; k++)
    if (given[k] != -1)
      *weights[k] = given[k];
  return out;
}

bool cli_loss_given(void)
{
  return opt.loss >= 0;
}

cgap_status cli_train_options(cgap_train_options *out, cgap_error *error)
{
  const bool same = opt.modality > 0;
  if (same && opt.train.shared)
    return cgap_fail(
      error, CGAP_USAGE,
      "--same-modality with --shared: both modalities would be the same rows through the same head; leave "
      "one of them out");
  *out = opt.train;
  if (out->steps && out->epochs)
    return cgap_fail(error, CGAP_USAGE, "--steps %zu and --epochs %zu: both say how long; give one of them", out->steps,
                     out->epochs);
  out->head = opt.head >= 0 ? (cgap_head_kind)opt.head : same ? CGAP_HEAD_LINEAR : CGAP_HEAD_RESIDUAL;
  out->start = (cgap_start)opt.start;
  out->schedule = (cgap_schedule)opt.schedule;
  out->weights = cli_asked_weights(cli_loss_given() ? opt.loss : CLI_LOSS_CUA);
  out->seed = cli_shared.seed;
  out->threads = cli_shared.threads;
  out->memory_bytes = cli_shared.memory_bytes;
  return cli_read_batch(&out->batch, opt.batch, error);
}

void cli_train_head_default(cgap_head_kind head)
{
  opt.head = (int)head;
}

int cli_same_modality(void)
{
  return opt.modality - 1;
}
