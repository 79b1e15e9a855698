/* contragap convert: any container into any that we write. */
#include <stdio.h>
#include <string.h>

#include "base/temporary_file.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "io/write/convert.h"
#include "report/overwrite.h"

static struct {
  const char *out;
  int format;
} opt;

static const char *const formats[] = {"hdf5", "npy", NULL}; /* as in cgap_layout; others by the name of OUT */

static const cli_option own[] = {
  {"output", 'o', CLI_STRING, &opt.out, "OUT",
   .help = "the file to write: OUT.h5, OUT.npz, OUT.safetensors, or OUT.npy for OUT_image.npy and OUT_text.npy"},
  {"format", 0, CLI_CHOICE, &opt.format,
   .help = "npy: -o names a folder for image.npy, text.npy and the rest; hdf5: as the name of OUT says",
   .choices = formats},
  CLI_FORCE_OPTION,
  {0}};

static cgap_layout layout(void)
{
  return opt.format == CGAP_LAYOUT_NPY ? CGAP_LAYOUT_NPY : cgap_layout_of(opt.out);
}

static int check_options(void)
{
  if (!opt.out)
    return cli_usage("convert: no output; give -o OUT.h5, OUT.npy, OUT.npz or OUT.safetensors");
  if (cli_shared.drop_bad || cli_shared.merge_images)
    return cli_usage("convert: rows are copied as they are; give --%s to the audit of the result",
                     cli_shared.drop_bad ? "drop-bad" : "merge-images");
  if (layout() == CGAP_LAYOUT_HDF5 && cli_ends_with(opt.out, "/"))
    return cli_usage("convert: -o %s: one file is written, such as pairs.h5; for a folder of .npy give --format npy",
                     opt.out);
  if (layout() == CGAP_LAYOUT_NPY && (cgap_layout_of(opt.out) != CGAP_LAYOUT_HDF5 || cli_ends_with(opt.out, ".h5")))
    return cli_usage("convert: -o %s: --format npy needs a folder, image.npy and text.npy go into it", opt.out);
  cgap_error error = {0};
  if (layout() == CGAP_LAYOUT_HDF5 && cgap_layout_check(opt.out, &error) != CGAP_OK)
    return cli_usage("convert: -o %s", error.message);
  return CGAP_OK;
}

static void print_summary_of(const cgap_data *data, const cgap_converted *converted)
{
  const cgap_source *rows = data->image.rows ? &data->image : &data->text;
  const bool is_numpy = layout() != CGAP_LAYOUT_HDF5 && layout() != CGAP_LAYOUT_SAFETENSORS;
  cgap_phrase text = cgap_phrase_of(cli_names(), "no {texts}");
  if (data->text.rows)
    (void)cgap_modality_printf(text.s, sizeof text.s, cli_names(), "%zu {texts}", data->text.rows);
  if (is_numpy && (data->image.type == CGAP_BFLOAT16 || data->text.type == CGAP_BFLOAT16))
    cli_say("NumPy has no bfloat16: it was widened to float32, which is exact");
  if (converted->left_out[0])
    cli_warn("%s: cannot hold these arrays, which are left out: %s", converted->written, converted->left_out);
  cli_say("wrote %s: %zu {images}, %s, d = %zu, %s; list what it holds with contragap info", converted->written,
          data->image.rows, text.s, rows->dim, cgap_type_name(rows->type));
}

static int run_convert(const cli_args *args)
{
  int code = check_options();
  if (code)
    return code;
  cgap_dataset *dataset = NULL;
  cgap_converted converted;
  cgap_error error = {0};
  cgap_input_options input;
  cli_modalities names;
  const cgap_convert_options options = {
    .layout = layout(), .command = args->command_line, .replace = cli_shared.force, .progress = cli_progress()};
  cgap_status status = cli_input(&input, &names, args, &error);
  input.one_modality = true;
  if (!status)
    status = cli_open(&dataset, &input, &error);
  if (!status && options.layout != CGAP_LAYOUT_NPY && options.layout != CGAP_LAYOUT_NPY_FILES &&
      !cgap_dataset_reads(dataset, opt.out))
    status = cgap_overwrite_file(opt.out, "convert", cli_shared.force, &error);
  if (!status)
    status = cgap_lock_output(opt.out, false, &error);
  if (!status)
    status = cgap_convert(&converted, dataset, opt.out, &options, &error);
  cli_progress_clear();
  if (!status)
    print_summary_of(cgap_dataset_data(dataset), &converted);
  cgap_dataset_close(dataset);
  return status ? cli_fail(&error) : CGAP_OK;
}

const cli_spec cmd_convert = {
  .name = "convert",
  .summary = "embeddings from any container into HDF5, .npy, .npz or safetensors",
  .usage = "IN… -o OUT",
  .example = "contragap convert img_emb.npy text_emb.npy -o pairs.h5\n"
             "contragap convert --image a.npz:image --text b.safetensors:text -o pairs.h5\n"
             "contragap convert pairs.h5 -o pairs.safetensors\n"
             "contragap convert pairs.h5 --format npy -o pairs",
  .about =
    "Writes the embeddings of IN, with pairing, labels, class texts, arithmetic, ids and captions where there are "
    "any, as OUT: its name says whether that is HDF5, .npz, safetensors, or .npy (OUT_image.npy and OUT_text.npy, "
    "or OUT.npy for images or texts alone). IN is any container that the audit reads. The type of the numbers "
    "and every bit of them are kept.",
  .groups = {{"Options", own}, CLI_INPUT_GROUP, CLI_RUN_GROUP},
  .argument = "IN",
  .run = run_convert,
};
