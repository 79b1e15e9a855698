/* contragap compare: reports or files of embeddings side by side. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/output_file.h"
#include "cli/commands.h"
#include "cli/compare_folder.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/ranks.h"
#include "head/evaluation/evaluation.h"
#include "head/evaluation/comparison.h"
#include "io/find/dataset.h"
#include "io/read/container.h"
#include "report/comparison_show.h"
#include "report/json.h"
#include "report/table.h"

static struct {
  const char *out;
  bool json, all, independent, allow_missing;
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
  {.name = "all",
   .kind = CLI_FLAG,
   .target = &opt.all,
   .help = "include measures for which neither direction is better"},
  {.name = "independent",
   .kind = CLI_FLAG,
   .target = &opt.independent,
   .help = "the inputs are of different images: use intervals of independent samples"},
  {.name = "fail-if",
   .kind = CLI_LIST,
   .target = &opt.fail_if,
   .value = "'KEY<NUMBER'",
   .help = "exit 1 if the difference of any input to A crosses a threshold (<, <=, >, >=), 4 if there is none to test"},
  {.name = "allow-missing",
   .kind = CLI_FLAG,
   .target = &opt.allow_missing,
   .help = "only warn if a --fail-if cannot be tested"},
  CLI_FORCE_OPTION,
  {0}};

static const cli_spec spec = {
  .name = "compare",
  .usage = "A B [C…]",
  .example = "contragap compare pairs.h5 closed.h5\n"
             "contragap compare before/report.json after/report.json \\\n"
             "  --fail-if 'retrieval.text_to_image.recall_at_1<-0.02'",
  .about =
    "Every measure of A against those of B, C, …: the difference, an interval for it, and whether it is for the "
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

static cgap_status read_report(compare_run *r, size_t k, const char *name, const char *path, cgap_error *error)
{
  json_error_t fault;
  size_t bytes = 0;
  char *text = cgap_read_text(path, &bytes); /* json_load_file takes a read that failed for the file's end */
  if (!text)
    return cgap_fail(error, CGAP_FILE,
                     "%s: cannot be read; give a report.json, a folder that holds one, or a file of embeddings", path);
  json_t *json = json_loadb(text, bytes, 0, &fault);
  free(text);
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

static cgap_status audit_embeddings(compare_run *r, size_t k, const char *name, const char *path, cgap_error *error)
{
  compared *c = &r->item[k];
  cgap_input_options input = cli_input(&(cli_args){0});
  input.files = &path;
  input.file_count = 1;
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  options.threads = cli_shared.threads;
  options.memory_bytes = cli_shared.memory_bytes;
  options.progress = cli_progress();
  options.contributions = true;
  const double start = cli_seconds();
  cgap_status status = cli_open(&c->dataset, &input, error);
  const char *dot = strrchr(path, '.');
  if (status == CGAP_FILE && dot && strcmp(dot, ".npy") == 0 && cgap_file_is_npy(path, NULL))
    status = refuse_array(path, error);
  if (status == CGAP_OK)
    status = cgap_audit_run(&c->audit, cgap_dataset_data(c->dataset), &options, error);
  cli_progress_clear();
  if (status == CGAP_OK)
    status = cgap_comparison_audit(&r->comparison, k, name, &c->audit, error);
  json_t *described = status == CGAP_OK ? cgap_dataset_json(c->dataset) : NULL;
  if (status == CGAP_OK)
    status = cgap_comparison_trained(&r->comparison, k, described, error);
  json_decref(described);
  if (status == CGAP_OK)
    r->comparison.input[k].seconds = cli_seconds() - start;
  return status;
}

static cgap_status read_input(compare_run *r, size_t k, const cli_args *args, cgap_error *error)
{
  char path[CGAP_PATH], name[CGAP_PATH];
  cli_compare_name(name, args, k);
  return cli_compare_report(path, args->items[k]) ? read_report(r, k, name, path, error)
                                                  : audit_embeddings(r, k, name, args->items[k], error);
}

/* ---------------------------------------------------------------- intervals */

/* Whether the rows of an input are those of the first, and what says so: the words of the user, ids and captions of the
 * files, then the rows themselves. */
static cgap_status relate_rows(cgap_rows_relation *out, const char **why, const compared *a, const compared *b,
                               cgap_error *error)
{
  *out = CGAP_ROWS_UNKNOWN;
  *why = NULL;
  if (!a->dataset || !b->dataset)
    return CGAP_OK;
  *out = CGAP_ROWS_OTHER;
  *why = opt.independent ? "--independent says so" : "the numbers of images or texts, or who belongs to whom, differ";
  if (opt.independent || !cgap_paired_possible(&a->audit, &b->audit))
    return CGAP_OK;
  cgap_names_relation names;
  cgap_status status = cgap_dataset_same_names(&names, a->dataset, b->dataset, error);
  if (names == CGAP_NAMES_SILENT) {
    *out = cgap_rows_recognised(&a->audit, &b->audit, why);
  } else {
    *out = names == CGAP_NAMES_SAME ? CGAP_ROWS_SAME : CGAP_ROWS_OTHER;
    *why = names == CGAP_NAMES_SAME ? "their ids, file names or captions are the same"
                                    : "their ids, file names or captions differ";
  }
  return status;
}

static cgap_status pair_intervals(compare_run *r, cgap_error *error)
{
  cgap_comparison *c = &r->comparison;
  cgap_status status = CGAP_OK;
  for (size_t k = 1; status == CGAP_OK && k < r->count; k++) {
    cgap_compared *in = &c->input[k];
    status = relate_rows(&in->rows, &in->rows_why, &r->item[0], &r->item[k], error);
    if (status == CGAP_OK && (in->rows == CGAP_ROWS_SAME || in->rows == CGAP_ROWS_ASSUMED))
      status = cgap_paired_differences(c, k, &r->item[0].audit, &r->item[k].audit, error);
  }
  cgap_comparison_name_intervals(c);
  return status;
}

/* ---------------------------------------------------------------- all */

static cgap_status measure_inputs(compare_run *r, const cli_args *args, cgap_error *error)
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
    status = cli_compare_folder_open(&r->folder, opt.out, args->items, args->count, error);
  for (size_t k = 0; status == CGAP_OK && k < r->count; k++)
    status = read_input(r, k, args, error);
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

static void warn_line(const char *line)
{
  cli_warn("%s", line);
}

static cgap_status write_folder(const compare_run *r, const cli_args *args, const json_t *json, cgap_error *error)
{
  cli_interrupt_set_message("%s is not complete; the same command writes it again", opt.out);
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
  cgap_status status = cli_compare_write(&written, opt.out, warn_line, error);
  free(audits);
  return status;
}

static cgap_status write_out(const compare_run *r, const cli_args *args, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  json_t *json = opt.json || opt.out ? cgap_comparison_json(&r->comparison) : NULL;
  if (json && opt.fail_if.count &&
      !cgap_json_put(json, "fail_if",
                     cgap_comparison_thresholds_json(&r->comparison, r->thresholds, opt.fail_if.count))) {
    json_decref(json);
    json = NULL;
  }
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

static void warn_of_dimensions(const compare_run *r)
{
  char text[CGAP_SENTENCE];
  for (size_t k = 1; k < r->count; k++)
    if (cgap_comparison_other_d(text, &r->comparison, k))
      cli_warn("%s", text);
}

static int check_thresholds(const compare_run *r)
{
  int code = CGAP_OK;
  for (size_t i = 0; i < opt.fail_if.count; i++)
    for (size_t k = 1; k < r->count; k++) {
      cgap_error said;
      const cgap_status status = cgap_comparison_check(&r->comparison, k, &r->thresholds[i], &said);
      code = cli_fail_if(code, status, &said, opt.allow_missing);
    }
  return code;
}

static int run_compare(const cli_args *args, int argc, char **argv)
{
  compare_run r = {.command_line = cli_command_line(argc, argv), .start = cli_seconds()};
  cgap_error error = {0};
  cgap_status status = measure_inputs(&r, args, &error);
  if (status == CGAP_OK)
    warn_of_dimensions(&r);
  if (status == CGAP_OK)
    status = write_out(&r, args, &error);
  if (status != CGAP_OK)
    cgap_folder_abandon(&r.folder);
  const int code = status ? cli_fail(&error) : check_thresholds(&r);
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
