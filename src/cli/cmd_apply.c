/* contragap apply: embeddings through a head, or through a training-free method. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/output_file.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/overwrite.h"
#include "head/evaluation/apply_file.h"
#include "head/training/split.h"
#include "io/find/dataset.h"

static const char *const method_names[] = {"none", "center", "shift", "whiten", "procrustes", "cca", NULL};

static struct {
  const char *out, *fit;
  int method;
  double factor;
  bool one_file;
} opt = {.factor = 1};

static const cli_option own[] = {
  {"output", 'o', CLI_STRING, &opt.out, "OUT.h5", .help = "the file to write"},
  {"method", 0, CLI_CHOICE, &opt.method,
   .help = "instead of HEAD: subtract each modality's mean; shift along the gap; whiten each modality; rotate the "
           "texts onto the images; canonical correlation",
   .choices = method_names},
  {"fit", 0, CLI_STRING, &opt.fit, "FILE2", "fit the method on another file", .zero = "on FILE"},
  {"factor", 0, CLI_REAL, &opt.factor, "X",
   .help =
     "for shift: how much of the gap vector to remove; for whiten and cca: more than 1 shrinks more towards center"},
  {"one-file", 0, CLI_FLAG, &opt.one_file,
   .help =
     "with ranks: rank 0 writes all rows; otherwise each rank writes a part next to OUT.h5, which reads as one file"},
  CLI_FORCE_OPTION,
  {0}};

/* Whether an option's value says FILE:/path, or a file alone, and not a dataset of the input. */
static bool names_file(const char *value)
{
  char file[CGAP_PATH];
  struct stat facts;
  const char *colon = strrchr(value, ':');
  const size_t length = colon ? (size_t)(colon - value) : strlen(value);
  if (length >= sizeof file)
    return false;
  memcpy(file, value, length);
  file[length] = '\0';
  return (stat(file, &facts) == 0 || stat(value, &facts) == 0) && S_ISREG(facts.st_mode);
}

/* The input options for --fit: what they say of other files is not of this one. */
static cgap_input_options fit_input(void)
{
  cgap_input_options input = cli_input(&(cli_args){0});
  const char **values[] = {&input.image, &input.text, &input.text_image, &input.labels, &input.class_text};
  input.files = &opt.fit;
  input.file_count = 1;
  input.one_modality = true;
  for (size_t k = 0; k < sizeof values / sizeof *values; k++)
    if (*values[k] && names_file(*values[k]))
      *values[k] = NULL;
  return input;
}

/* What is applied to a modality is fitted on that modality. */
static cgap_status check_fit(const cgap_data *fit, const cgap_data *data, cgap_error *error)
{
  const bool image = data->image.rows > 0 && fit->image.rows == 0;
  const bool text = data->text.rows > 0 && fit->text.rows == 0 && fit->class_text.rows == 0;
  if (!image && !text)
    return CGAP_OK;
  return cgap_fail(error, CGAP_FILE, "%s: no %s to fit the method on, and %s has some; give --fit another file",
                   opt.fit, image ? "images" : "texts", (image ? data->image : data->text).name);
}

static cgap_status fit_method(cgap_head **out, const cgap_dataset *dataset, cgap_error *error)
{
  const cgap_gap_method gap_method = (cgap_gap_method)(opt.method - 1);
  cgap_dataset *other = NULL;
  if (opt.fit) {
    const cgap_input_options input = fit_input();
    cgap_status status = cgap_dataset_open(&other, &input, error);
    if (status != CGAP_OK)
      return status;
  }
  const cgap_data *data = cgap_dataset_data(other ? other : dataset);
  cgap_status status = check_fit(data, cgap_dataset_data(dataset), error);
  if (status == CGAP_OK)
    status = cgap_gap_method_fit_within(out, gap_method, opt.factor, data, cli_shared.threads, cli_shared.memory_bytes,
                                        cli_progress(), error);
  cgap_dataset_close(other);
  return status;
}

static cgap_status check_options(const cli_args *args, cgap_error *error)
{
  static const char *const others[] = {".npy", ".npz", ".safetensors", "/"};
  if (!opt.out)
    return cgap_fail(error, CGAP_USAGE, "apply: give -o OUT.h5, the file to write");
  if (opt.method == 0 && opt.fit)
    return cgap_fail(error, CGAP_USAGE, "apply: --fit belongs to --method; a trained head is fitted already");
  if ((opt.method - 1 == CGAP_WHITEN || opt.method - 1 == CGAP_CCA) && !(opt.factor > 0))
    return cgap_fail(error, CGAP_USAGE, "apply: --factor %g: the shrinkage of %s is a number above 0, such as 1",
                     opt.factor, method_names[opt.method]);
  if (opt.method == 0 && args->count < 2 && !cli_shared.image && !cli_shared.text)
    return cgap_fail(error, CGAP_USAGE, "apply: give HEAD and FILE, or --method with FILE");
  for (size_t k = 0; k < sizeof others / sizeof *others; k++)
    if (cli_ends_with(opt.out, others[k]))
      return cgap_fail(
        error, CGAP_USAGE,
        "apply: -o %s: HDF5 is written, into a file such as closed.h5; contragap convert makes .npy of it", opt.out);
  return CGAP_OK;
}

/* Never over what is read, and without --force over nothing but an earlier output of apply. */
static cgap_status check_output(const char *head, const cgap_dataset *dataset, cgap_error *error)
{
  char inside[CGAP_PATH];
  const char *const others[] = {head, head ? inside : NULL, opt.fit};
  cgap_status status = cgap_folder_file(inside, head ? head : "", "head.h5", error);
  for (size_t k = 0; status == CGAP_OK && k < sizeof others / sizeof *others; k++)
    if (others[k] && cli_same_file(others[k], opt.out))
      status = cgap_fail(error, CGAP_USAGE, "%s: this command reads it; give another name with -o", opt.out);
  if (status == CGAP_OK && cli_ranks_first() &&
      !cgap_dataset_reads(dataset, opt.out)) /* that cgap_apply_file refuses */
    status = cli_overwrite_file(opt.out, "apply", error);
  return status;
}

static void print_summary(const cgap_apply_summary *summary, const cgap_data *data, size_t dim)
{
  const bool both = data->image.rows && (data->text.rows || data->class_text.rows);
  const char *next = both ? "measure it with contragap audit" : "list what it holds with contragap info";
  if (summary->trained)
    cli_say("if the head was trained on this file, %zu of its images were in the training, which flatters the result; "
            "before.json and "
            "after.json of the training have the numbers of images that it never saw",
            summary->trained);
  if (summary->part_count)
    cli_say("wrote %s: %zu rows of %zu dimensions, stored in %s … %s next to it: move and copy them together "
            "(--one-file writes one file); h5py reads a missing part as NaN without a warning",
            opt.out, summary->rows, dim, summary->first_part, summary->last_part);
  else
    cli_say("wrote %s: %zu rows of %zu dimensions; %s", opt.out, summary->rows, dim, next);
}

/* head.h5, or the folder of a training. */
static cgap_status read_head(cgap_head **out, const char *name, cgap_error *error)
{
  struct stat facts;
  char path[CGAP_PATH];
  if (stat(name, &facts) != 0 || !S_ISDIR(facts.st_mode))
    return cgap_head_read(out, name, error);
  cgap_status status = cgap_folder_file(path, name, "head.h5", error);
  if (status == CGAP_OK && stat(path, &facts) != 0)
    status =
      cgap_fail(error, CGAP_FILE, "%s: the folder has no head.h5; give the folder of a training, or a head", name);
  return status == CGAP_OK ? cgap_head_read(out, path, error) : status;
}

static cgap_status apply(const cli_args *args, cgap_error *error)
{
  cli_args files = *args;
  cgap_dataset *dataset = NULL;
  cgap_head *head = NULL;
  cgap_apply_summary summary = {0};
  cgap_status status = check_options(args, error);
  if (status == CGAP_OK && opt.method == 0) {
    status = read_head(&head, args->items[0], error);
    files.items++;
    files.count--;
  }
  cgap_input_options input = cli_input(&files);
  input.one_modality = true;
  if (status == CGAP_OK)
    status = cgap_dataset_open(&dataset, &input, error);
  if (status == CGAP_OK)
    status = check_output(opt.method == 0 ? args->items[0] : NULL, dataset, error);
  if (status == CGAP_OK && cli_ranks_first())
    status = cgap_lock_output(opt.out, false, error);
  if (status == CGAP_OK && !head)
    status = fit_method(&head, dataset, error);
  const cgap_apply_file_options options = {.leave_bad = cli_shared.drop_bad,
                                           .threads = cli_rank_threads() ? cli_rank_threads() : cli_cores(),
                                           .comm = cli_ranks(),
                                           .one_file = opt.one_file,
                                           .memory_bytes = cli_shared.memory_bytes,
                                           .progress = cli_progress()};
  if (status == CGAP_OK)
    status = cgap_apply_file(&summary, head, dataset, opt.out, &options, error);
  cli_progress_clear();
  if (status == CGAP_OK && summary.bad)
    cli_warn("%zu bad rows were written as zeros", summary.bad);
  if (status == CGAP_OK && summary.left_out[0])
    cli_warn("%s: cannot hold these datasets, which are left out: %s", opt.out, summary.left_out);
  if (status == CGAP_OK)
    print_summary(&summary, cgap_dataset_data(dataset), cgap_head_shape_of(head).dim);
  cgap_head_close(head);
  cgap_dataset_close(dataset);
  return status;
}

static int run_apply(const cli_args *args)
{
  cgap_error error = {0};
  return apply(args, &error) ? cli_fail(&error) : CGAP_OK;
}

const cli_spec cmd_apply = {
  .name = "apply",
  .summary = "embeddings through a head or a training-free method",
  .usage = "[HEAD] FILE… -o OUT.h5",
  .example = "contragap apply closed/head.h5 pairs.h5 -o closed.h5\n"
             "contragap apply --method center pairs.h5 -o centered.h5",
  .about =
    "Passes the embeddings of FILE through a trained head, or through a method that needs no training, and writes "
    "a file of the same layout. HEAD is the head.h5 of a training, or its folder. Several FILEs are one data set: "
    "images "
    "and texts as .npy, or shards, which become one file. Images alone or texts alone will do.",
  .groups = {{"Options", own}, CLI_INPUT_GROUP, CLI_RUN_GROUP},
  .argument = "HEAD or FILE",
  .distributed = true,
  .run = run_apply,
};
