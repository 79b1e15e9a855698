#include "cli/train_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "head/model/loss.h"
#include "head/training/choice.h"

static const char *const modality_names[] = {"none", "image", "text", NULL};

/* Weights of −1: as the loss has them; choices below 0: not given. */
static struct {
  cgap_train_options train;
  int loss, modality;
  const char *batch;
} opt = {.train = CGAP_TRAIN_OPTIONS_INIT, .loss = -1};

cli_option cli_head_options[CLI_TRAIN_OPTIONS_MAX], cli_setting_options[CLI_TRAIN_OPTIONS_MAX],
  cli_training_options[CLI_TRAIN_OPTIONS_MAX], cli_grid_options[CGAP_AXES_MAX + 1];
const char *cli_grid[CGAP_AXES_MAX];

static const cli_option same_modality = {
  .name = "same-modality",
  .kind = CLI_CHOICE,
  .target = &opt.modality,
  .choices = modality_names,
  .help = "train on one modality paired with itself, to see whether the loss alone creates a gap"};

static cli_option option_of(const cgap_train_option *from, void *target)
{
  static const cli_kind KINDS[] = {
    [CGAP_TRAIN_FLAG] = CLI_FLAG,     [CGAP_TRAIN_COUNT] = CLI_COUNT, [CGAP_TRAIN_REAL] = CLI_REAL,
    [CGAP_TRAIN_CHOICE] = CLI_CHOICE, [CGAP_TRAIN_SEED] = CLI_SEED,   [CGAP_TRAIN_BATCH] = CLI_STRING,
    [CGAP_TRAIN_LOSS] = CLI_CHOICE,   [CGAP_TRAIN_WEIGHT] = CLI_REAL};
  return (cli_option){.name = from->name,
                      .kind = KINDS[from->kind],
                      .target = target,
                      .value = from->value,
                      .help = from->help,
                      .choices = from->choices,
                      .zero = from->zero};
}

static void *field_of(cgap_train_options *o, const cgap_train_option *option)
{
  return (char *)o + option->offset;
}

/* Where the command line writes an option. */
static void *target_of(const cgap_train_option *option)
{
  return option->kind == CGAP_TRAIN_LOSS    ? (void *)&opt.loss
         : option->kind == CGAP_TRAIN_BATCH ? (void *)&opt.batch
                                            : field_of(&opt.train, option);
}

static void add_option(cli_option *group, cli_option option)
{
  while (group->name)
    group++;
  *group = option;
}

/* The lists of a sweep. What --help shows as the default of one without a list is the option's own. */
static void build_grid(void)
{
  static char shown[CGAP_AXES_MAX][100];
  for (int a = 0; a < cgap_axis_count(); a++) {
    const cgap_train_option axis = cgap_axis_option(a);
    const cli_option one = option_of(&axis, target_of(&axis));
    cli_value_show(&one, shown[a]);
    cli_grid[a] = axis.sweep.values;
    add_option(cli_grid_options, (cli_option){.name = axis.sweep.name ? axis.sweep.name : axis.name,
                                              .kind = CLI_STRING,
                                              .target = &cli_grid[a],
                                              .value = "LIST",
                                              .help = axis.sweep.help ? axis.sweep.help : axis.help,
                                              .zero = shown[a]});
  }
}

void cli_train_options_build(bool sweep)
{
  const struct {
    const char *title;
    cli_option *options;
  } groups[] = {{"Head", cli_head_options}, {"Settings", cli_setting_options}, {"Training", cli_training_options}};
  cgap_train_option option;
  for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
    memset(groups[g].options, 0, CLI_TRAIN_OPTIONS_MAX * sizeof *groups[g].options);
  memset(cli_grid_options, 0, sizeof cli_grid_options);
  opt.train.head = (cgap_head_kind)-1;
  for (size_t k = 0; cgap_train_option_at(&option, k); k++) {
    if (option.kind == CGAP_TRAIN_WEIGHT)
      *(double *)field_of(&opt.train, &option) = -1;
    for (size_t g = 0; option.group && g < sizeof groups / sizeof *groups; g++)
      if (strcmp(groups[g].title, option.group) == 0 && !(sweep && option.sweep.place))
        add_option(groups[g].options, option_of(&option, target_of(&option)));
  }
  add_option(cli_setting_options, same_modality);
  if (sweep)
    build_grid();
}

/* "64", "full", or NULL for the default. */
static cgap_status read_batch(size_t *out, const char *text, cgap_error *error)
{
  char *end = NULL;
  *out = CGAP_BATCH_AUTO;
  if (!text)
    return CGAP_OK;
  *out = 0;
  if (strcmp(text, "full") == 0)
    return CGAP_OK;
  errno = 0;
  const unsigned long long n = strtoull(text, &end, 10);
  if (errno || end == text || *end || text[0] == '-' || n == 0 || n >= CGAP_BATCH_AUTO)
    return cgap_fail(error, CGAP_USAGE, "--batch %.80s: give a number of texts, at least 2, or full", text);
  *out = (size_t)n;
  return CGAP_OK;
}

cgap_status cli_train_set(cgap_train_options *out, const cgap_train_option *option, const char *text, cgap_error *error)
{
  char why[200] = "takes yes or no";
  int loss = 0;
  double weight = 0;
  void *field = field_of(out, option);
  if (option->kind == CGAP_TRAIN_BATCH)
    return read_batch(field, text, error);
  const cli_option one = option_of(option, option->kind == CGAP_TRAIN_LOSS     ? (void *)&loss
                                           : option->kind == CGAP_TRAIN_WEIGHT ? (void *)&weight
                                                                               : field);
  const bool flag = option->kind == CGAP_TRAIN_FLAG, yes = strcmp(text, "yes") == 0;
  if (flag ? !yes && strcmp(text, "no") != 0 : !cli_value_read(&one, text, why))
    return cgap_fail(error, CGAP_USAGE, "--%s %.60s: %s", option->name, text, why);
  if (flag)
    *(bool *)field = yes;
  else if (option->kind == CGAP_TRAIN_LOSS)
    out->weights = cgap_loss_weights(loss);
  else if (option->kind == CGAP_TRAIN_WEIGHT && weight != -1)
    *(double *)field = weight;
  return CGAP_OK;
}

cgap_weights cli_asked_weights(int loss)
{
  cgap_weights out = cgap_loss_weights(loss);
  const cgap_loss_value *term;
  for (size_t k = 0; (term = cgap_loss_term_at(k)); k++)
    if (*cgap_loss_weight(&opt.train.weights, term) != -1)
      *cgap_loss_weight(&out, term) = *cgap_loss_weight(&opt.train.weights, term);
  return out;
}

bool cli_loss_given(void)
{
  return opt.loss >= 0;
}

/* Whether the command line names dimensions, which a residual head cannot change. */
static bool dim_given(void)
{
  bool listed = false;
  for (int a = 0; a < cgap_axis_count(); a++)
    listed = listed || (cli_grid[a] && strcmp(cgap_axis_name(a), "dim") == 0);
  return listed || opt.train.dim > 0;
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
  if ((int)out->head < 0)
    out->head = same || dim_given() ? CGAP_HEAD_LINEAR : CGAP_HEAD_RESIDUAL;
  out->weights = cli_asked_weights(cli_loss_given() ? opt.loss : cgap_loss_find("cua", 3));
  out->seed = cli_shared.seed;
  out->threads = cli_shared.threads;
  out->memory_bytes = cli_shared.memory_bytes;
  return read_batch(&out->batch, opt.batch, error);
}

bool cli_train_given(const cli_args *args)
{
  static const char *const OBEYED[] = {"val", "test", "patience", "hold-out-classes"};
  cgap_train_option option;
  bool given = cli_given(args, same_modality.name);
  for (size_t k = 0; cgap_train_option_at(&option, k); k++) {
    bool obeyed = !option.group;
    for (size_t i = 0; i < sizeof OBEYED / sizeof *OBEYED; i++)
      obeyed = obeyed || strcmp(option.name, OBEYED[i]) == 0;
    given = given || (!obeyed && cli_given(args, option.name));
  }
  return given;
}

unsigned cli_train_fixed(const cli_args *args)
{
  static const struct {
    const char *name;
    cgap_choice_axis axis;
  } AXES[] = {{"head", CGAP_FIX_HEAD}, {"start", CGAP_FIX_START},   {"temperature", CGAP_FIX_TEMPERATURE},
              {"lr", CGAP_FIX_RATE},   {"epochs", CGAP_FIX_EPOCHS}, {"steps", CGAP_FIX_EPOCHS}};
  unsigned fixed = 0;
  for (size_t k = 0; k < sizeof AXES / sizeof *AXES; k++)
    fixed |= cli_given(args, AXES[k].name) ? AXES[k].axis : 0;
  return fixed;
}

void cli_train_name_flag(cgap_error *error)
{
  cgap_train_option option;
  char said[sizeof error->message];
  snprintf(said, sizeof said, "%s", error->message);
  const size_t name = strcspn(said, " :");
  for (size_t k = 0; cgap_train_option_at(&option, k); k++)
    if (strlen(option.name) == name && strncmp(said, option.name, name) == 0)
      snprintf(error->message, sizeof error->message, "--%.*s", (int)sizeof said - 3, said);
  const size_t used = strlen(error->message);
  if (used > 10 && used + 11 < sizeof error->message && strcmp(error->message + used - 10, "start over") == 0)
    strcpy(error->message + used, " (--force)");
}

int cli_same_modality(void)
{
  return opt.modality - 1;
}
