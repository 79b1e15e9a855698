/* contragap compare: reports or files of embeddings side by side. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/compare_folder.h"
#include "cli/compare_input.h"
#include "cli/leave.h"
#include "cli/opt.h"
#include "cli/progress.h"
#include "head/resample.h"
#include "head/study.h"
#include "io/dataset.h"
#include "output.h"
#include "report/comparison.h"
#include "report/json.h"
#include "report/table.h"

static struct {
  const char *out;
  bool json, all;
  cli_list fail_if;
} opt;

static const cli_option own[] = {
  {.name = "output",
   .letter = 'o',
   .kind = CLI_STRING,
   .target = &opt.out,
   .value = "DIR",
   .help = "write compare.json, report.html and figures/ to DIR"},
  {.name = "json", .kind = CLI_FLAG, .target = &opt.json, .help = "the comparison as JSON on stdout, and nothing else"},
  {.name = "all", .kind = CLI_FLAG, .target = &opt.all, .help = "also measures of which neither direction is better"},
  {.name = "fail-if",
   .kind = CLI_LIST,
   .target = &opt.fail_if,
   .value = "'KEY<NUMBER'",
   .help = "exit 1 where the difference to A of any other crosses a threshold (<, <=, >, >=)"},
  {0}};

static const cli_spec spec = {
  .name = "compare",
  .usage = "A B [C…]",
  .example = "contragap compare pairs.h5 closed.h5\n"
             "contragap compare before/report.json after/report.json \\\n"
             "  --fail-if 'retrieval.text_to_image.recall_at_1<-0.02'",
  .about =
    "Every measure of A beside those of B, C, …: the difference, an interval for it, and whether it is for the "
    "better or the worse. Each is a report (report.json, the folder that holds it, or the folder of a training) or "
    "a file of embeddings (of two .npy files the folder that holds them); where it and A are embeddings of the same "
    "pairs its intervals are paired.",
  .groups = {{"Options", own}, CLI_INPUT_GROUP, CLI_RUN_GROUP},
  .at_least = 2,
  .argument = "A and B",
};

/* One side of the comparison. */
typedef struct compared {
  cgap_dataset *dataset; /* NULL: a report */
  cgap_audit audit;
} compared;

typedef struct compare_run {
  size_t count;
  compared *item;
  cgap_comparison comparison;
  cgap_threshold *thresholds;
  cgap_folder folder;
  char *command_line;
  double start;
} compare_run;

/* ---------------------------------------------------------------- inputs */

static cgap_status take_report(compare_run *r, size_t k, const char *name, const char *path, cgap_error *error)
{
  json_error_t fault;
  json_t *json = json_load_file(path, 0, &fault);
  if (!json && json_error_code(&fault) == json_error_cannot_open_file)
    return cgap_fail(error, CGAP_FILE,
                     "%s: cannot be read; give a report.json, a folder that holds one, or a file of embeddings", path);
  if (!json)
    return cgap_fail(error, CGAP_DATA, "%s: no JSON at line %d: %.200s", path, fault.line, fault.text);
  cgap_status status = cgap_comparison_report(&r->comparison, k, name, json, error);
  json_decref(json);
  return status;
}

/* One argument is one input, and images alone are none. */
static cgap_status refuse_array(const char *path, cgap_error *error)
{
  return cgap_fail(error, CGAP_FILE,
                   "%s: one array, and each argument is a data set of its own: give a folder that holds the .npy files "
                   "of images and texts, or make one file of them, `contragap convert IMAGES.npy TEXTS.npy -o NEW.h5`",
                   path);
}

static cgap_status take_embeddings(compare_run *r, size_t k, const char *name, const char *path, cgap_error *error)
{
  compared *c = &r->item[k];
  cgap_input_options input = cli_input(&(cli_args){0});
  input.files = &path;
  input.file_count = 1;
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  options.threads = cli_shared.threads;
  options.memory_bytes = cli_shared.memory_bytes;
  options.progress = cli_progress();
  const double start = cli_seconds();
  cgap_status status = cgap_dataset_open(&c->dataset, &input, error);
  const char *dot = strrchr(path, '.');
  if (status == CGAP_FILE && dot && strcmp(dot, ".npy") == 0 && access(path, R_OK) == 0)
    status = refuse_array(path, error);
  if (status == CGAP_OK)
    cli_say_notes(c->dataset);
  if (status == CGAP_OK)
    status = cgap_audit_run(&c->audit, cgap_dataset_data(c->dataset), &options, error);
  cli_progress_clear();
  if (status == CGAP_OK)
    status = cgap_comparison_audit(&r->comparison, k, name, &c->audit, error);
  json_t *described = status == CGAP_OK ? cgap_dataset_describe(c->dataset) : NULL;
  if (status == CGAP_OK)
    status = cgap_comparison_trained(&r->comparison, k, described, error);
  json_decref(described);
  if (status == CGAP_OK)
    r->comparison.input[k].seconds = cli_seconds() - start;
  return status;
}

static cgap_status take(compare_run *r, size_t k, const cli_args *args, cgap_error *error)
{
  char path[CGAP_PATH], name[CGAP_PATH];
  cli_compare_name(name, args, k);
  return cli_compare_report(path, args->items[k]) ? take_report(r, k, name, path, error)
                                                  : take_embeddings(r, k, name, args->items[k], error);
}

/* ---------------------------------------------------------------- intervals */

/* The same images with the same texts in the same places. */
static bool same_pairs(const compared *a, const compared *b)
{
  return a->dataset && b->dataset && a->audit.image_of && b->audit.image_of && a->audit.images == b->audit.images &&
         a->audit.texts == b->audit.texts &&
         memcmp(a->audit.image_of, b->audit.image_of, a->audit.texts * sizeof *a->audit.image_of) == 0 &&
         memcmp(a->audit.image_row, b->audit.image_row, a->audit.images * sizeof *a->audit.image_row) == 0;
}

static cgap_status draw(double **out, const compared *c, const cgap_drawing *drawing, cgap_error *error)
{
  cgap_judged sample = {0};
  *out = malloc(drawing->draws * cgap_resampled_key_count * sizeof **out);
  if (!*out)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu drawings", drawing->draws);
  cgap_status status = cgap_sample_init(&sample, cgap_dataset_data(c->dataset), &c->audit, cli_shared.threads, error);
  if (status == CGAP_OK)
    status = cgap_resample(*out, &sample, drawing, c->audit.loss.temperature, cli_shared.threads, error);
  cgap_sample_clear(&sample);
  return status;
}

static cgap_status pair_intervals(compare_run *r, cgap_error *error)
{
  cgap_drawing drawing = {0};
  double *first = NULL;
  size_t paired = 0;
  for (size_t k = 1; k < r->count; k++)
    paired += same_pairs(&r->item[0], &r->item[k]);
  if (!paired)
    return CGAP_OK;
  cgap_status status = cgap_drawing_init(&drawing, r->item[0].audit.images, cli_shared.seed, error);
  drawing.progress = cli_progress();
  if (status == CGAP_OK)
    status = draw(&first, &r->item[0], &drawing, error);
  for (size_t k = 1; status == CGAP_OK && k < r->count; k++) {
    double *other = NULL;
    if (!same_pairs(&r->item[0], &r->item[k]))
      continue;
    status = draw(&other, &r->item[k], &drawing, error);
    if (status == CGAP_OK)
      cgap_comparison_pair(&r->comparison, k, first, other, drawing.draws);
    free(other);
  }
  free(first);
  cgap_drawing_clear(&drawing);
  cli_progress_clear();
  r->comparison.intervals =
    paired + 1 == r->count ? "paired: bootstrap over the images, the same drawings for all"
                           : "paired (bootstrap over the images) with those of A's pairs, else of independent samples";
  return status;
}

/* ---------------------------------------------------------------- all */

static cgap_status measure(compare_run *r, const cli_args *args, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  r->count = args->count;
  r->item = calloc(r->count, sizeof *r->item);
  r->thresholds = calloc(opt.fail_if.count + 1, sizeof *r->thresholds);
  if (!r->item || !r->thresholds)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (size_t k = 0; status == CGAP_OK && k < opt.fail_if.count; k++)
    status = cgap_threshold_parse(&r->thresholds[k], opt.fail_if.items[k], error);
  if (status == CGAP_OK)
    status = cgap_comparison_init(&r->comparison, r->count, error);
  if (status == CGAP_OK && opt.out)
    status = cli_compare_folder_open(&r->folder, opt.out, error);
  for (size_t k = 0; status == CGAP_OK && k < r->count; k++)
    status = take(r, k, args, error);
  for (size_t k = 1; status == CGAP_OK && k < r->count; k++)
    cgap_comparison_differences(&r->comparison, k);
  return status == CGAP_OK ? pair_intervals(r, error) : status;
}

static void print_table(const compare_run *r)
{
  const cgap_paper paper = cli_paper();
  for (size_t k = 1; k < r->count; k++) {
    cgap_verdict_words words;
    cgap_comparison_words(&words, &r->comparison, k);
    for (size_t i = 0; i < words.count; i++)
      cgap_text_wrap(stdout, paper.columns, "", words.sentence[i], 0);
  }
  printf("\nintervals %s\n", r->comparison.intervals);
  for (size_t k = 1; k < r->count; k++) {
    printf("\n");
    cgap_comparison_print(&r->comparison, k, 0, 0, opt.all, &paper, stdout);
  }
}

static void told(const char *line)
{
  cli_warn("%s", line);
}

static cgap_status write_folder(const compare_run *r, const cli_args *args, const json_t *json, cgap_error *error)
{
  cli_leave_says("%s is not complete; the same command writes it again", opt.out);
  const cgap_audit **audits = calloc(r->count, sizeof *audits);
  if (!audits)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (size_t k = 0; k < r->count; k++)
    audits[k] = r->item[k].dataset ? &r->item[k].audit : NULL;
  const cli_comparison written = {.comparison = &r->comparison,
                                  .paths = args->items,
                                  .audits = audits,
                                  .json = json,
                                  .run = {.command_line = r->command_line,
                                          .seed = cli_shared.seed,
                                          .threads = cli_shared.threads ? cli_shared.threads : cli_cores(),
                                          .seconds = cli_seconds() - r->start,
                                          .peak_memory_bytes = cgap_peak_memory_bytes()}};
  cgap_status status = cli_compare_write(&written, opt.out, told, error);
  free(audits);
  return status;
}

static cgap_status write_out(const compare_run *r, const cli_args *args, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  json_t *json = opt.json || opt.out ? cgap_comparison_json(&r->comparison) : NULL;
  if ((opt.json || opt.out) && !json)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  if (opt.out)
    status = write_folder(r, args, json, error);
  if (status == CGAP_OK && opt.json)
    status = cli_printed(cgap_json_print(json, stdout, error), error);
  else if (status == CGAP_OK)
    print_table(r);
  json_decref(json);
  return status == CGAP_OK ? cli_printed(CGAP_OK, error) : status;
}

static void warn(const compare_run *r)
{
  char text[CGAP_SENTENCE];
  for (size_t k = 1; k < r->count; k++)
    if (cgap_comparison_other_d(text, &r->comparison, k))
      cli_warn("%s", text);
}

/* Every crossed threshold is said. */
static int check(const compare_run *r)
{
  int code = CGAP_OK;
  for (size_t k = 0; k < opt.fail_if.count; k++) {
    cgap_error said = {0};
    if (cgap_comparison_check(&r->comparison, &r->thresholds[k], &said) != CGAP_OK)
      code = cli_fail(&said);
    else if (said.message[0])
      cli_warn("%s", said.message);
  }
  return code;
}

static int run_compare(const cli_args *args, int argc, char **argv)
{
  compare_run r = {.command_line = cli_command_line(argc, argv), .start = cli_seconds()};
  cgap_error error = {0};
  cgap_status status = measure(&r, args, &error);
  if (status == CGAP_OK)
    warn(&r);
  if (status == CGAP_OK)
    status = write_out(&r, args, &error);
  if (status != CGAP_OK)
    cgap_folder_abandon(&r.folder);
  const int code = status ? cli_fail(&error) : check(&r);
  for (size_t k = 0; r.item && k < r.count; k++) {
    cgap_audit_clear(&r.item[k].audit);
    cgap_dataset_close(r.item[k].dataset);
  }
  free(r.item);
  free(r.thresholds);
  free(r.command_line);
  cgap_comparison_clear(&r.comparison);
  return code;
}

int cmd_compare(int argc, char **argv)
{
  cli_args args;
  int code = cli_parse(&args, &spec, argc, argv);
  if (code == CLI_GO)
    code = run_compare(&args, argc, argv);
  cli_args_clear(&args);
  return code;
}
