/* contragap convert: other containers into our HDF5 layout, or into .npy. */
#include <stdio.h>
#include <string.h>

#include "base/temporary_file.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/overwrite.h"
#include "io/write/convert.h"

static struct {
  const char *out;
  int format;
} opt;

static const char *const formats[] = {"hdf5", "npy", NULL}; /* as in cgap_layout */

static const cli_option own[] = {
  {"output", 'o', CLI_STRING, &opt.out, "OUT.h5",
   .help = "the file to write: /image, /text, and pairing, labels, class texts and arithmetic"},
  {"format", 0, CLI_CHOICE, &opt.format, .help = "npy: -o names a folder for image.npy, text.npy and the rest",
   .choices = formats},
  CLI_FORCE_OPTION,
  {0}};

static int check_options(void)
{
  if (!opt.out)
    return cli_usage("convert: no output; give -o OUT.h5");
  if (cli_shared.drop_bad || cli_shared.merge_images)
    return cli_usage("convert: rows are copied as they are; give --%s to the audit of the result",
                     cli_shared.drop_bad ? "drop-bad" : "merge-images");
  if (opt.format == CGAP_LAYOUT_HDF5 && (cli_ends_with(opt.out, ".npy") || cli_ends_with(opt.out, "/")))
    return cli_usage("convert: -o %s: HDF5 goes into a file such as pairs.h5; for .npy give --format npy and a folder",
                     opt.out);
  if (opt.format == CGAP_LAYOUT_NPY && (cli_ends_with(opt.out, ".npy") || cli_ends_with(opt.out, ".h5")))
    return cli_usage("convert: -o %s: --format npy needs a folder, image.npy and text.npy go into it", opt.out);
  return CGAP_OK;
}

static void print_summary_of(const cgap_data *data)
{
  cgap_phrase text = cgap_phrase_of(cli_names(), "no {texts}");
  if (data->text.rows)
    (void)cgap_modality_printf(text.s, sizeof text.s, cli_names(), "%zu {texts}", data->text.rows);
  if (opt.format == CGAP_LAYOUT_NPY && (data->image.type == CGAP_BFLOAT16 || data->text.type == CGAP_BFLOAT16))
    cli_say("NumPy has no bfloat16: it was widened to float32, which is exact");
  cli_say("wrote %s: %zu {images}, %s, d = %zu, %s; list what it holds with contragap info", opt.out, data->image.rows,
          text.s, data->image.dim, cgap_type_name(data->image.type));
}

static int run_convert(const cli_args *args)
{
  int code = check_options();
  if (code)
    return code;
  cgap_dataset *dataset = NULL;
  cgap_error error = {0};
  cgap_input_options input;
  cli_modalities names;
  const cgap_convert_options options = {.layout = (cgap_layout)opt.format,
                                        .command = args->command_line,
                                        .replace = cli_shared.force,
                                        .progress = cli_progress()};
  cgap_status status = cli_input(&input, &names, args, &error);
  if (!status)
    status = cli_open(&dataset, &input, &error);
  if (!status && opt.format == CGAP_LAYOUT_HDF5 && !cgap_dataset_reads(dataset, opt.out))
    status = cli_overwrite_file(opt.out, "convert", &error);
  if (!status)
    status = cgap_lock_output(opt.out, false, &error);
  if (!status)
    status = cgap_convert(dataset, opt.out, &options, &error);
  cli_progress_clear();
  if (!status)
    print_summary_of(cgap_dataset_data(dataset));
  cgap_dataset_close(dataset);
  return status ? cli_fail(&error) : CGAP_OK;
}

const cli_spec cmd_convert = {
  .name = "convert",
  .summary = "other containers into our HDF5 layout, or into .npy",
  .usage = "IN… -o OUT.h5",
  .example = "contragap convert img_emb.npy text_emb.npy -o pairs.h5\n"
             "contragap convert --image a.npz:image --text b.safetensors:text -o pairs.h5\n"
             "contragap convert pairs.h5 --format npy -o pairs",
  .about = "Writes the embeddings of IN, with pairing, labels, class texts and arithmetic where there are any, as one "
           "HDF5 file. IN is HDF5, .npy, .npz, safetensors, or a folder of .npy shards. The type of the numbers and "
           "every bit of them are kept.",
  .groups = {{"Options", own}, CLI_INPUT_GROUP, CLI_RUN_GROUP},
  .argument = "IN",
  .run = run_convert,
};
