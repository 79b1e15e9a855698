/* contragap simulate: embeddings with known answers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/temporary_file.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/overwrite.h"
#include "cli/progress.h"
#include "simulate/simulate.h"

static cgap_simulate_options simulation = CGAP_SIMULATE_OPTIONS_INIT;

static struct {
  const char *out, *captions;
  int model, type;
} opt = {.captions = "1", .model = CGAP_MODEL_CLIP, .type = 2};

static const char *const models[] = {"offset", "uniform", "cone", "clip", NULL};        /* as in cgap_model */
static const char *const types[] = {"float16", "bfloat16", "float32", "float64", NULL}; /* as in cgap_type */

static const cli_option own[] = {
  {.name = "output",
   .letter = 'o',
   .kind = CLI_STRING,
   .target = &opt.out,
   .value = "OUT.h5",
   .help = "the file to write: /image, /text and what the options add"},
  {.name = "model",
   .kind = CLI_CHOICE,
   .target = &opt.model,
   .choices = models,
   .help = "offset: x - y = 2h e in every pair; uniform: both modalities evenly on the sphere, independent; cone: von "
           "Mises-Fisher, mean directions 60 degrees apart; clip: like CLIP ViT-B/32 on COCO"},
  {.name = "n", .kind = CLI_COUNT, .target = &simulation.images, .value = "N", .help = "images"},
  {.name = "d", .kind = CLI_COUNT, .target = &simulation.dim, .value = "N", .help = "dimensions"},
  {.name = "dtype", .kind = CLI_CHOICE, .target = &opt.type, .choices = types, .help = "the type of the numbers"},
  {.name = "captions",
   .kind = CLI_STRING,
   .target = &opt.captions,
   .value = "K",
   .help = "texts per image: a number writes /text as (N, K, d); a range such as 1-8 writes "
           "/text_image"},
  {.name = "classes",
   .kind = CLI_COUNT,
   .target = &simulation.classes,
   .value = "C",
   .help = "clip: labels, class_text, and a group arithmetic",
   .zero = "none"},
  {.name = "h", .kind = CLI_REAL, .target = &simulation.h, .value = "H", .help = "offset: half the centroid distance"},
  {.name = "kappa",
   .kind = CLI_REAL,
   .target = &simulation.kappa,
   .value = "K",
   .help = "cone: concentration",
   .zero = "as large as d"},
  CLI_FORCE_OPTION,
  {0}};

static const cli_spec spec = {
  .name = "simulate",
  .usage = "-o OUT.h5 [--model clip] [--n N] [--d N]",
  .example = "contragap simulate -o pairs.h5 --model clip --n 4962 --d 512\n"
             "contragap simulate -o offset.h5 --model offset --h 0.3",
  .about = "Writes image and text embeddings whose gap is known, to try contragap on and to test it with. The same "
           "seed gives the same file, whatever --threads says.",
  .groups = {{"Options", own}, CLI_RUN_GROUP},
};

/* "5" or "1-8"; the values are checked with the other options. */
static int read_captions(void)
{
  char *end = NULL;
  const char *text = opt.captions;
  errno = 0;
  bool good = *text >= '0' && *text <= '9';
  simulation.captions_least = simulation.captions_most = strtoul(text, &end, 10);
  if (good && *end == '-') {
    text = end + 1;
    good = *text >= '0' && *text <= '9';
    simulation.captions_most = strtoul(text, &end, 10);
  }
  if (!good || *end != '\0' || errno)
    return cli_usage("simulate: --captions %s is neither a number nor a range; give --captions 5 or --captions 1-8",
                     opt.captions);
  return CGAP_OK;
}

/* The command line as it was given, for the file's attributes; NULL without memory. */
static char *command_line(int argc, char **argv)
{
  size_t length = sizeof "contragap";
  for (int i = 0; i < argc; i++)
    length += strlen(argv[i]) + 1;
  char *line = malloc(length), *at = line;
  if (!line)
    return NULL;
  at = stpcpy(at, "contragap");
  for (int i = 0; i < argc; i++)
    at = stpcpy(stpcpy(at, " "), argv[i]);
  return line;
}

/* An option of another model would change nothing: it was meant for something else. */
static int check_model(const cli_args *args)
{
  static const struct {
    const char *option;
    cgap_model model;
  } bound[] = {{"h", CGAP_MODEL_OFFSET}, {"kappa", CGAP_MODEL_CONE}, {"classes", CGAP_MODEL_CLIP}};
  for (size_t i = 0; i < sizeof bound / sizeof *bound; i++)
    if (cli_given(args, bound[i].option) && (cgap_model)opt.model != bound[i].model)
      return cli_usage("simulate: --%s is of model %s, the model is %s; leave it out or give --model %s",
                       bound[i].option, cgap_model_name(bound[i].model), cgap_model_name((cgap_model)opt.model),
                       cgap_model_name(bound[i].model));
  return CGAP_OK;
}

static int run_simulate(const cli_args *args, const char *command)
{
  if (args->count)
    return cli_usage("simulate: %s is no option, and simulate reads no files; the output is -o OUT.h5", args->items[0]);
  if (!opt.out)
    return cli_usage("simulate: no output file; give -o OUT.h5");
  int code = read_captions();
  code = code ? code : check_model(args);
  if (code)
    return code;
  simulation.model = (cgap_model)opt.model;
  simulation.seed = cli_shared.seed;
  simulation.threads = cli_shared.threads;
  cgap_error error = {0};
  cgap_status status = cli_overwrite_file(opt.out, "simulate", &error);
  if (!status)
    status = cgap_lock_output(opt.out, false, &error);
  if (!status)
    status = cgap_simulate_file(opt.out, &simulation, (cgap_type)opt.type, command, cli_progress(), &error);
  cli_progress_clear();
  if (status)
    return cli_fail(&error);
  cli_say("%s: %zu images of %zu, model %s, seed %llu", opt.out, simulation.images, simulation.dim,
          cgap_model_name(simulation.model), (unsigned long long)simulation.seed);
  return CGAP_OK;
}

int cmd_simulate(int argc, char **argv)
{
  cli_args args;
  char *command = command_line(argc, argv);
  int code = cli_parse(&args, &spec, argc, argv);
  if (code == CLI_GO)
    code = run_simulate(&args, command ? command : "contragap simulate");
  free(command);
  cli_args_clear(&args);
  return code;
}
