/* contragap simulate: embeddings with known answers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/temporary_file.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "io/write/convert.h"
#include "report/overwrite.h"
#include "simulate/simulate.h"

static cgap_simulate_options simulation = CGAP_SIMULATE_OPTIONS_INIT;

static struct {
  const char *out, *captions;
  int model, type;
} opt = {.captions = "1", .model = CGAP_MODEL_CLIP, .type = 2};

static const char *const models[] = {"offset", "uniform", "cone", "clip", NULL};        /* as in cgap_model */
static const char *const types[] = {"float16", "bfloat16", "float32", "float64", NULL}; /* as in cgap_type */

static const cli_option own[] = {
  {"output", 'o', CLI_STRING, &opt.out, "OUT",
   .help = "the file to write: OUT.h5, OUT.npz, OUT.safetensors, or OUT.npy for OUT_image.npy and OUT_text.npy"},
  {"model", 0, CLI_CHOICE, &opt.model,
   .help = "offset: x - y = 2h e in every pair; uniform: both modalities evenly on the sphere, independent; cone: von "
           "Mises-Fisher, mean directions 60 degrees apart; clip: like CLIP ViT-B/32 on COCO",
   .choices = models},
  {"n", 0, CLI_COUNT, &simulation.images, "N", .help = "images"},
  {"d", 0, CLI_COUNT, &simulation.dim, "N", .help = "dimensions"},
  {"dtype", 0, CLI_CHOICE, &opt.type, .help = "the type of the numbers", .choices = types},
  {"captions", 0, CLI_STRING, &opt.captions, "K",
   .help = "texts per image: a number writes /text as (N, K, d); a range such as 1-8 writes /text_image"},
  {"modalities", 0, CLI_COUNT, &simulation.modalities, "K",
   .help =
     "offset: 2 to 8 modalities, image, text, audio ..., each with an offset of its own: h/K, 2h/K ... h; more than "
     "two take model offset without --model"},
  {"classes", 0, CLI_COUNT, &simulation.classes, "C", "clip: number of classes; adds labels, class_text and arithmetic",
   .zero = "none"},
  {"h", 0, CLI_REAL, &simulation.h, "H", .help = "offset: half the centroid distance"},
  {"kappa", 0, CLI_REAL, &simulation.kappa, "K", "cone: concentration", .zero = "as large as d"},
  CLI_FORCE_OPTION,
  {0}};

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

/* An option of another model would change nothing: it was meant for something else. */
static int check_model(const cli_args *args)
{
  static const struct {
    const char *option;
    cgap_model model;
  } bound[] = {{"h", CGAP_MODEL_OFFSET}, {"kappa", CGAP_MODEL_CONE}, {"classes", CGAP_MODEL_CLIP}};
  for (size_t i = 0; i < sizeof bound / sizeof *bound; i++)
    if (cli_given(args, bound[i].option) && (cgap_model)opt.model != bound[i].model)
      return cli_usage("simulate: --%s belongs to model %s, the model is %s; leave it out or give --model %s",
                       bound[i].option, cgap_model_name(bound[i].model), cgap_model_name((cgap_model)opt.model),
                       cgap_model_name(bound[i].model));
  return CGAP_OK;
}

/* Another container than HDF5 is made from a temporary HDF5 file next to it. */
static cgap_status export_simulation(cgap_converted *out, const char *command, cgap_error *error)
{
  cgap_temporary file;
  cgap_dataset *dataset = NULL;
  cgap_status status = cgap_temporary_create(&file, opt.out, NULL, error);
  if (status)
    return status;
  const char *const path = file.path;
  const cgap_input_options input = {.files = &path, .file_count = 1};
  const cgap_convert_options options = {.layout = cgap_layout_of(opt.out),
                                        .command = command,
                                        .source = cgap_model_name(simulation.model),
                                        .replace = cli_shared.force,
                                        .phase = "writing",
                                        .progress = cli_progress()};
  status = cgap_simulate_file(path, &simulation, (cgap_type)opt.type, command, cli_progress(), error);
  if (!status)
    status = cgap_dataset_open(&dataset, &input, error);
  if (!status)
    status = cgap_convert(out, dataset, opt.out, &options, error);
  if (out->left_out[0])
    cli_warn("%s: cannot hold these arrays, which are left out: %s", out->written, out->left_out);
  cgap_dataset_close(dataset);
  cgap_temporary_close(&file);
  return status;
}

/* The modalities with the distances of their centroids, and how to measure them. */
static int say_modalities(void)
{
  char command[1200] = "contragap audit", truths[1500] = "";
  for (size_t a = 0, used = strlen(command), told = 0; a < simulation.modalities; a++) {
    used += (size_t)snprintf(command + used, sizeof command - used, " %s=%.60s%s:/%s", cgap_simulated_names[a], opt.out,
                             strlen(opt.out) > 60 ? "..." : "", cgap_simulated_names[a]);
    for (size_t b = a + 1; b < simulation.modalities; b++)
      told +=
        (size_t)snprintf(truths + told, sizeof truths - told, "%s%s-%s %.4f", told ? ", " : "", cgap_simulated_names[a],
                         cgap_simulated_names[b], cgap_simulate_truth_of(&simulation, a, b).centroid_distance);
  }
  cli_say("centroid distances: %s", truths);
  cli_say("wrote %s: %zu modalities of %zu rows of %zu, model offset, seed %llu; measure it with %s", opt.out,
          simulation.modalities, simulation.images, simulation.dim, (unsigned long long)simulation.seed, command);
  return CGAP_OK;
}

static int run_simulate(const cli_args *args)
{
  if (!opt.out)
    return cli_usage("simulate: no output file; give -o OUT.h5, OUT.npy, OUT.npz or OUT.safetensors");
  int code = read_captions();
  if (simulation.modalities > 2 && !cli_given(args, "model"))
    opt.model = CGAP_MODEL_OFFSET;
  code = code ? code : check_model(args);
  if (code)
    return code;
  simulation.model = (cgap_model)opt.model;
  simulation.seed = cli_shared.seed;
  simulation.threads = cli_shared.threads;
  cgap_error error = {0};
  if (cgap_simulate_check(&simulation, &error) != CGAP_OK) /* its sentence begins with the option's name */
    return cli_usage("simulate: --%s", error.message);
  if (cgap_layout_check(opt.out, &error) != CGAP_OK)
    return cli_usage("simulate: -o %s", error.message);
  const cgap_layout layout = cgap_layout_of(opt.out);
  if (simulation.modalities > 2 && layout != CGAP_LAYOUT_HDF5)
    return cli_usage("simulate: -o %s: %zu modalities go into one HDF5 file; give a name such as triples.h5", opt.out,
                     simulation.modalities);
  cgap_converted converted = {.written = ""};
  cgap_status status =
    layout == CGAP_LAYOUT_NPY_FILES ? CGAP_OK : cgap_overwrite_file(opt.out, "simulate", cli_shared.force, &error);
  if (!status)
    status = cgap_lock_output(opt.out, false, &error);
  if (!status && layout != CGAP_LAYOUT_HDF5)
    status = export_simulation(&converted, args->command_line, &error);
  else if (!status)
    status = cgap_simulate_file(opt.out, &simulation, (cgap_type)opt.type, args->command_line, cli_progress(), &error);
  cli_progress_clear();
  if (status)
    return cli_fail(&error);
  if (simulation.modalities > 2)
    return say_modalities();
  cli_say("wrote %s: %zu images of %zu, model %s, seed %llu; measure it with contragap audit",
          converted.written[0] ? converted.written : opt.out, simulation.images, simulation.dim,
          cgap_model_name(simulation.model), (unsigned long long)simulation.seed);
  return CGAP_OK;
}

const cli_spec cmd_simulate = {
  .name = "simulate",
  .summary = "embeddings with known answers",
  .usage = "-o OUT [--model clip] [--n N] [--d N]",
  .example = "contragap simulate -o pairs.h5 --model clip --n 4962 --d 512\n"
             "contragap simulate -o offset.h5 --model offset --h 0.3\n"
             "contragap simulate -o triples.h5 --modalities 3",
  .about = "Writes image and text embeddings whose gap is known, to try contragap on and to test it with. The same "
           "seed gives the same file, whatever --threads says.",
  .groups = {{"Options", own}, CLI_RUN_GROUP},
  .run = run_simulate,
};
