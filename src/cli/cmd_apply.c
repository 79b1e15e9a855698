/* contragap apply: embeddings through a head, or through a training-free method. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/modality_names.h"
#include "base/output_file.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "head/evaluation/applied_gap.h"
#include "head/evaluation/apply_file.h"
#include "head/training/memory_plan.h"
#include "head/training/split.h"
#include "io/find/dataset.h"
#include "io/write/convert.h"
#include "report/overwrite.h"

static const char *const method_names[] = {"center", "shift", "whiten", "procrustes", "cca", NULL};

static struct {
  const char *out, *fit;
  int method;
  double factor;
  bool one_file, json;
} opt = {.method = -1, .factor = 1};

static const cli_option own[] = {
  {"output", 'o', CLI_STRING, &opt.out, "OUT",
   .help = "the file to write: OUT.h5, OUT.npz, OUT.safetensors, or OUT.npy for OUT_image.npy and OUT_text.npy"},
  {"method", 0, CLI_CHOICE, &opt.method,
   .help = "instead of HEAD: subtract each modality's mean; shift along the gap; whiten each modality; rotate the "
           "texts onto the images; canonical correlation",
   .zero = "the head is applied", .choices = method_names},
  {"fit", 0, CLI_STRING, &opt.fit, "FILE2", "fit the method on another file", .zero = "on FILE"},
  {"factor", 0, CLI_REAL, &opt.factor, "X",
   .help =
     "for shift: how much of the gap vector to remove; for whiten and cca: more than 1 shrinks more towards center"},
  {"one-file", 0, CLI_FLAG, &opt.one_file,
   .help =
     "with ranks: rank 0 writes all rows; otherwise each rank writes a part next to OUT.h5, which reads as one file"},
  {"json", 0, CLI_FLAG, &opt.json, .help = "print what was written and the gap before and after as JSON on stdout"},
  CLI_FORCE_OPTION,
  {0}};

/* What one run holds; cleared in one place. */
typedef struct apply_run {
  const char *head_name; /* as given; NULL: a method */
  cli_args files;        /* the input's */
  cgap_dataset *dataset, *fit;
  cgap_head *head;
  cgap_apply_summary summary;
  cgap_applied_gap gap;
  const char *unmeasured; /* why there is no gap; NULL: there is one */
  cgap_error failure;     /* of the measurement, which unmeasured may point into */
} apply_run;

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
  cgap_input_options input = cli_input_shared();
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
                   opt.fit, cgap_phrase_of(cli_names(), image ? "{images}" : "{texts}").s,
                   (image ? data->image : data->text).name);
}

static cgap_status fit_method(apply_run *r, cgap_error *error)
{
  const cgap_gap_method gap_method = (cgap_gap_method)opt.method;
  if (opt.fit) {
    const cgap_input_options input = fit_input();
    cgap_status status = cgap_dataset_open(&r->fit, &input, error);
    if (status != CGAP_OK)
      return status;
  }
  const cgap_data *data = cgap_dataset_data(r->fit ? r->fit : r->dataset);
  cgap_status status = check_fit(data, cgap_dataset_data(r->dataset), error);
  return status == CGAP_OK ? cgap_gap_method_fit_within(&r->head, gap_method, opt.factor, data, cli_shared.threads,
                                                        cli_shared.memory_bytes, cli_progress(), error)
                           : status;
}

/* Into another container than HDF5. */
static bool is_export(void)
{
  return cgap_layout_of(opt.out) != CGAP_LAYOUT_HDF5;
}

static cgap_status check_options(const cli_args *args, cgap_error *error)
{
  if (!opt.out)
    return cgap_fail(error, CGAP_USAGE, "apply: give -o OUT.h5, the file to write (or .npy, .npz, .safetensors)");
  if (opt.method < 0 && opt.fit)
    return cgap_fail(error, CGAP_USAGE, "apply: --fit belongs to --method; a trained head is fitted already");
  if ((opt.method == CGAP_WHITEN || opt.method == CGAP_CCA) && !(opt.factor > 0))
    return cgap_fail(error, CGAP_USAGE, "apply: --factor %g: the shrinkage of %s is a number above 0, such as 1",
                     opt.factor, method_names[opt.method]);
  if (opt.method < 0 && args->count < 2 && !cli_shared.image && !cli_shared.text)
    return cgap_fail(error, CGAP_USAGE, "apply: give HEAD and FILE, or --method with FILE");
  if (cli_ends_with(opt.out, "/"))
    return cgap_fail(error, CGAP_USAGE, "apply: -o %s: a file is written, such as closed.h5 or closed.npz", opt.out);
  cgap_error why = {0};
  if (cgap_layout_check(opt.out, &why) != CGAP_OK)
    return cgap_fail(error, CGAP_USAGE, "apply: -o %s", why.message);
  if (is_export() && cli_ranks())
    return cgap_fail(error, CGAP_USAGE,
                     "apply: -o %s: several ranks write HDF5; give a name such as closed.h5, or start one process",
                     opt.out);
  return CGAP_OK;
}

/* Never over what is read, and without --force over nothing but an earlier output of apply. */
static cgap_status check_output(const char *head, const cgap_dataset *dataset, cgap_error *error)
{
  char inside[CGAP_PATH];
  const char *const others[] = {head, head ? inside : NULL, opt.fit};
  cgap_status status = cgap_folder_file(inside, head ? head : "", "head.h5", error);
  for (size_t k = 0; status == CGAP_OK && k < sizeof others / sizeof *others; k++)
    if (others[k] && cgap_same_file(others[k], opt.out))
      status = cgap_fail(error, CGAP_USAGE, "%s: this command reads it; give another name with -o", opt.out);
  if (status == CGAP_OK && cli_ranks_first() && cgap_layout_of(opt.out) != CGAP_LAYOUT_NPY_FILES && /* convert's */
      !cgap_dataset_reads(dataset, opt.out)) /* that cgap_apply_file refuses */
    status = cgap_overwrite_file(opt.out, "apply", cli_shared.force, error);
  return status;
}

/* ---------------------------------------------------------------- the gap, before and after */

/* Rank 0, once the output is whole: a failure of the measurement takes nothing back. */
static cgap_status measure_gap(apply_run *r, cgap_error *error)
{
  const cgap_applied_gap_options options = {.threads = cli_rank_threads(),
                                            .memory_bytes = cgap_memory_limit(cli_shared.memory_bytes, cli_ranks()),
                                            .progress = cli_progress()};
  cli_interrupt_set_message("%s is complete; its gap was not measured", opt.out);
  const cgap_data *fit = r->fit ? cgap_dataset_data(r->fit) : NULL;
  const cgap_status status =
    cgap_applied_gap_measure(&r->gap, r->head, cgap_dataset_data(r->dataset), fit, &options, &r->failure);
  cli_progress_clear();
  if (status == CGAP_INTERRUPTED)
    return cgap_fail(error, status, "interrupted; %s is complete, its gap was not measured", opt.out);
  if (status != CGAP_OK)
    r->gap.images = 0;
  r->unmeasured = status != CGAP_OK ? r->failure.message
                  : !r->gap.images  ? "it takes rows of both modalities, at least 3 of each"
                                    : NULL;
  if (status != CGAP_OK)
    cli_warn("the gap was not measured: %s", r->unmeasured);
  return CGAP_OK;
}

static void put_distance(const cgap_sample_gap *gap)
{
  char value[40], ends[100];
  const cgap_scalar *d = &gap->distance;
  cgap_value_show(value, cgap_value_or_nan(d), 3);
  cgap_interval_show(ends, d->lo, d->hi, 3, " [%s, %s]");
  printf("%s%s (%s)", value, ends, cgap_level_word(gap->level));
}

static void print_gap(const cgap_applied_gap *gap)
{
  char text[400];
  printf("gap: ");
  put_distance(&gap->before);
  printf(" → ");
  put_distance(&gap->after);
  (void)cgap_modality_printf(
    text, sizeof text, cli_names(), "corrected distance of %zu {images} and %zu {texts}, noise floor %.3f → %.3f; %s",
    gap->images, gap->texts, gap->before.noise_floor.value, gap->after.noise_floor.value, CGAP_GAP_SCALE);
  printf("\n");
  cgap_text_wrap(stdout, cli_paper().columns, "  ", text, 2);
}

/* Whether what is applied was fitted on rows of the input, as far as that is known. */
static bool is_fitted_on_these(const apply_run *r)
{
  return r->summary.trained || r->gap.common || (!r->head_name && !opt.fit);
}

static void say_flattery(const apply_run *r)
{
  static const char FLATTERS[] = "what is measured on them is better than on new rows";
  const size_t images = cgap_dataset_data(r->dataset)->image.rows;
  if (r->summary.by_number)
    cli_say("if the head was trained on this file, %zu of its {images} were in the training, and %s; before.json and "
            "after.json of the training have the numbers of {images} that it never saw",
            r->summary.trained, FLATTERS);
  else if (r->summary.trained)
    cli_say(
      "%zu of these %zu {images} trained the head: %s; before.json and after.json of the training have the numbers "
      "of {images} that it never saw",
      r->summary.trained, images, FLATTERS);
  else if (r->gap.common)
    cli_say("%zu of %zu rows looked at are also in %s, which %s was fitted on: %s", r->gap.common, r->gap.sampled,
            opt.fit, method_names[opt.method], FLATTERS);
  else if (!r->head_name && !opt.fit)
    cli_say("%s was fitted on these very rows: %s; --fit FILE2 fits it on others", method_names[opt.method], FLATTERS);
}

/* A gap that stays, or that opens. Apart is no failure of the shift that was fitted. */
static void warn_of_gap(const apply_run *r)
{
  const cgap_applied_gap *gap = &r->gap;
  const cgap_level level =
    gap->after.level == CGAP_LEVEL_APART ? cgap_gap_level(&gap->after.distance) : gap->after.level;
  if (gap->images && gap->after.level == CGAP_LEVEL_APART)
    cli_say("the distance is not all: the neighbourhoods of {images} and {texts} %s differ (apart)",
            gap->before.level == CGAP_LEVEL_NOISE || gap->before.level == CGAP_LEVEL_LOW ? "now" : "still");
  if (!gap->images || !cgap_level_is_gap(level))
    return;
  char *input = cli_input_line(r->files.items, r->files.count);
  const char *word = cgap_level_word(level), *line = input ? input : "FILE";
  const char *when = cgap_level_is_gap(gap->before.level) ? "still" : "now";
  if (is_fitted_on_these(r))
    cli_warn("the gap of these rows is %s %s; contragap train %s -o DIR looks for what closes it", when, word, line);
  else
    cli_warn("the gap of these rows is %s %s: %s was fitted on others; fit on rows like these, with contragap train "
             "%s -o DIR or contragap apply --method center %s -o OUT.h5",
             when, word, r->head_name ? r->head_name : method_names[opt.method], line, line);
  free(input);
}

/* procrustes turns, and uses no means. */
static bool uses_means(void)
{
  return opt.method >= 0 && opt.method != CGAP_PROCRUSTES;
}

static void warn_of_means(const apply_run *r)
{
  static const char *const NAMES[CGAP_MODALITIES] = {"{images}", "{texts}"};
  for (int m = 0; r->fit && uses_means() && m < CGAP_MODALITIES; m++) {
    const cgap_scalar *moved = &r->gap.moved[m];
    if (cgap_applied_gap_means_differ(&r->gap, m))
      cli_warn("the means of %s do not fit: its %s are %.3f [%.3f, %.3f] away from those of the input (corrected "
               "distance); fit %s on rows like these",
               opt.fit, cgap_phrase_of(cli_names(), NAMES[m]).s, moved->value, moved->lo, moved->hi,
               method_names[opt.method]);
  }
}

/* ---------------------------------------------------------------- results */

static json_t *sample_gap_json(const cgap_sample_gap *gap)
{
  return json_pack("{s:o, s:o, s:s}", "corrected_distance", cgap_scalar_json(&gap->distance), "noise_floor",
                   cgap_scalar_json(&gap->noise_floor), "word", cgap_level_word(gap->level));
}

static json_t *gap_json(const apply_run *r)
{
  const cgap_applied_gap *gap = &r->gap;
  if (!gap->images)
    return json_pack("{s:s}", "why", r->unmeasured);
  return json_pack("{s:i, s:i, s:o, s:o}", "images", (int)gap->images, "texts", (int)gap->texts, "before",
                   sample_gap_json(&gap->before), "after", sample_gap_json(&gap->after));
}

/* How far the means moved between the file of --fit and the input; null without one. */
static json_t *fit_json(const apply_run *r)
{
  if (!r->fit)
    return json_null();
  const cgap_applied_gap *gap = &r->gap;
  return json_pack("{s:s, s:i, s:i, s:o, s:o, s:b}", "file", opt.fit, "rows", (int)gap->sampled, "rows_in_both",
                   (int)gap->common, "image", cgap_scalar_json(&gap->moved[CGAP_IMAGE_MODALITY]), "text",
                   cgap_scalar_json(&gap->moved[CGAP_TEXT_MODALITY]), "means_differ",
                   uses_means() && (cgap_applied_gap_means_differ(gap, CGAP_IMAGE_MODALITY) ||
                                    cgap_applied_gap_means_differ(gap, CGAP_TEXT_MODALITY)));
}

static cgap_status print_json(const apply_run *r, cgap_error *error)
{
  const cgap_apply_summary *s = &r->summary;
  json_t *json =
    json_pack("{s:i, s:s, s:s, s:I, s:I, s:I, s:I, s:b, s:o, s:o}", "schema_version", CGAP_SCHEMA_VERSION, "output",
              opt.out, "applied", r->head_name ? r->head_name : method_names[opt.method], "rows", (json_int_t)s->rows,
              "dim", (json_int_t)cgap_head_shape_of(r->head).dim, "bad_rows", (json_int_t)s->bad, "training_images",
              (json_int_t)s->trained, "fitted_on_these", is_fitted_on_these(r), "fit", fit_json(r), "gap", gap_json(r));
  if (!json)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  const cgap_status status = cgap_json_print(json, stdout, error);
  json_decref(json);
  return status;
}

static void say_written(const apply_run *r)
{
  const cgap_apply_summary *s = &r->summary;
  const cgap_data *data = cgap_dataset_data(r->dataset);
  const size_t dim = cgap_head_shape_of(r->head).dim;
  const bool both = data->image.rows && (data->text.rows || data->class_text.rows);
  const char *next = both ? "measure it with contragap audit" : "list what it holds with contragap info";
  if (s->part_count)
    cli_say("wrote %s: %zu rows of %zu dimensions, stored in %s … %s next to it: move and copy them together "
            "(--one-file writes one file); h5py reads a missing part as NaN without a warning",
            opt.out, s->rows, dim, s->first_part, s->last_part);
  else
    cli_say("wrote %s: %zu rows of %zu dimensions; %s", s->written[0] ? s->written : opt.out, s->rows, dim, next);
}

static cgap_status show_results(const apply_run *r, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  if (r->summary.bad)
    cli_warn("%zu bad rows were written as zeros", r->summary.bad);
  if (r->summary.left_out[0])
    cli_warn("%s: cannot hold these datasets, which are left out: %s",
             r->summary.written[0] ? r->summary.written : opt.out, r->summary.left_out);
  if (opt.json)
    status = print_json(r, error);
  else if (r->gap.images)
    print_gap(&r->gap);
  warn_of_means(r);
  warn_of_gap(r);
  say_flattery(r);
  say_written(r);
  return cli_printed(status, error);
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

/* NAME=FILE arguments in another order than that of the head: each goes through the layers of its name. */
static cgap_status order_by_head(cgap_input_options *input, const cli_modalities *names, const cgap_head *head,
                                 cgap_error *error)
{
  const char *first = cgap_modality_name(head->names.of[0], 0), *second = cgap_modality_name(head->names.of[1], 1);
  const bool second_first = names->count == 2 && strcmp(names->name[0], second) == 0,
             first_second = names->count == 2 && strcmp(names->name[1], first) == 0;
  if (second_first != first_second)
    return cgap_fail(error, CGAP_USAGE,
                     "%s and %s are named, the head was trained on %s and %s; give the names of these", names->name[0],
                     names->name[1], first, second);
  if (second_first)
    *input = cli_input_pair(names, 1, 0);
  if (names->count == 1 && strcmp(names->name[0], second) == 0) {
    input->files = NULL;
    input->file_count = 0;
    input->text = names->source[0];
    input->names[0] = NULL;
    input->names[1] = names->name[0];
  }
  return CGAP_OK;
}

static cgap_status apply(apply_run *r, const cli_args *args, cgap_error *error)
{
  r->files = *args;
  cgap_status status = check_options(args, error);
  if (status == CGAP_OK && opt.method < 0) {
    r->head_name = args->items[0];
    status = read_head(&r->head, r->head_name, error);
    r->files.items++;
    r->files.count--;
  }
  cgap_input_options input;
  cli_modalities names;
  if (status == CGAP_OK)
    status = cli_input(&input, &names, &r->files, error);
  if (status == CGAP_OK && r->head)
    status = order_by_head(&input, &names, r->head, error);
  input.one_modality = true;
  for (int m = 0; status == CGAP_OK && r->head && m < 2; m++)
    if (!input.names[m] && r->head->names.of[m][0])
      input.names[m] = r->head->names.of[m];
  if (status == CGAP_OK)
    status = cgap_dataset_open(&r->dataset, &input, error);
  if (status == CGAP_OK)
    cli_use_names(cgap_dataset_data(r->dataset)->names);
  if (status == CGAP_OK)
    status = check_output(r->head_name, r->dataset, error);
  if (status == CGAP_OK && cli_ranks_first())
    status = cgap_lock_output(opt.out, false, error);
  if (status == CGAP_OK && !r->head)
    status = fit_method(r, error);
  const cgap_apply_file_options options = {.leave_bad = cli_shared.drop_bad,
                                           .threads = cli_rank_threads() ? cli_rank_threads() : cli_cores(),
                                           .comm = cli_ranks(),
                                           .one_file = opt.one_file,
                                           .memory_bytes = cli_shared.memory_bytes,
                                           .progress = cli_progress()};
  if (status == CGAP_OK)
    status = is_export() ? cgap_apply_export(&r->summary, r->head, r->dataset, opt.out, "contragap apply",
                                             cli_shared.force, &options, error)
                         : cgap_apply_file(&r->summary, r->head, r->dataset, opt.out, &options, error);
  cli_progress_clear();
  if (status == CGAP_OK && cli_ranks_first())
    status = measure_gap(r, error);
  return status == CGAP_OK && cli_ranks_first() ? show_results(r, error) : status;
}

static int run_apply(const cli_args *args)
{
  cgap_error error = {0};
  apply_run r = {0};
  const int code = apply(&r, args, &error) ? cli_fail(&error) : CGAP_OK;
  cgap_head_close(r.head);
  cgap_dataset_close(r.fit);
  cgap_dataset_close(r.dataset);
  return code;
}

const cli_spec cmd_apply = {
  .name = "apply",
  .summary = "embeddings through a head or a training-free method",
  .usage = "[HEAD] FILE… -o OUT",
  .example = "contragap apply closed/head.h5 pairs.h5 -o closed.h5\n"
             "contragap apply --method center pairs.h5 -o centered.h5\n"
             "contragap apply closed img_emb.npy text_emb.npy -o closed.npy",
  .about =
    "Passes the embeddings of FILE through a trained head, or through a method that needs no training, and writes "
    "a file of the same layout; the name of OUT says which container. HEAD is the head.h5 of a training, or its "
    "folder. Several FILEs are one data set: "
    "images and texts as .npy, or shards, which become one file. Images alone or texts alone will do. The gap before "
    "and after is measured on a sample of at most 2,000 images and their texts.",
  .groups = {{"Options", own}, CLI_INPUT_GROUP, CLI_RUN_GROUP},
  .argument = "HEAD or FILE",
  .distributed = true,
  .run = run_apply,
};
