/* contragap compare: reports or files of embeddings side by side. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output_file.h"
#include "base/text_buffer.h"
#include "cli/gates.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/overwrite.h"
#include "head/evaluation/comparison.h"
#include "head/evaluation/evaluation.h"
#include "io/find/dataset.h"
#include "io/read/container.h"
#include "report/comparison_show.h"
#include "report/figures.h"
#include "report/gnuplot.h"

static struct {
  const char *out;
  cli_forms forms;
  bool all, independent, allow_missing, keys;
  cli_list fail_if;
} opt;

static const cli_option own[] = {
  {"output", 'o', CLI_STRING, &opt.out, "DIR", .help = "write compare.json, report.html and figures/ to DIR"},
  {"json", 0, CLI_FLAG, &opt.forms.json, .help = "print the comparison as JSON on stdout, and nothing else"},
  {"csv", 0, CLI_FLAG, &opt.forms.csv, .help = "print every measure and difference as comma-separated values"},
  CLI_MARKUP_OPTIONS(opt.forms),
  {"all", 0, CLI_FLAG, &opt.all, .help = "include measures for which neither direction is better"},
  {"independent", 0, CLI_FLAG, &opt.independent,
   .help = "the inputs are of different images: use intervals of independent samples"},
  {"fail-if", 0, CLI_LIST, &opt.fail_if, "'KEY<NUMBER'",
   .help =
     "exit 1 if the difference of any input to A crosses a threshold (<, <=, >, >=), 4 if it cannot be tested; worse: "
     "if any measure is significantly worse"},
  {"allow-missing", 0, CLI_FLAG, &opt.allow_missing, .help = "only warn if a --fail-if cannot be tested"},
  CLI_KEYS_OPTION(opt.keys),
  CLI_FORCE_OPTION,
  {0}};

/* One input of the comparison. */
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
  double start;
} compare_run;

/* ---------------------------------------------------------------- arguments */

/* A .npy file in a folder, or in one below it. */
static bool holds_arrays(const char *folder, int depth)
{
  bool found = false;
  DIR *list = opendir(folder);
  for (const struct dirent *entry; list && !found && (entry = readdir(list));) {
    char path[CGAP_PATH];
    const char *dot = strrchr(entry->d_name, '.');
    found = dot && strcmp(dot, ".npy") == 0;
    if (!found && depth > 0 && entry->d_name[0] != '.' &&
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < (int)sizeof path)
      found = holds_arrays(path, depth - 1);
  }
  if (list)
    closedir(list);
  return found;
}

/* report.json of a folder, or the after.json of a training; the first where there is neither, and no arrays. */
static bool folder_report(char path[CGAP_PATH], const char *folder)
{
  cgap_error ignored;
  if (cgap_folder_file(path, folder, "report.json", &ignored) != CGAP_OK)
    return false;
  if (access(path, F_OK) == 0)
    return true;
  if (cgap_folder_file(path, folder, "after.json", &ignored) == CGAP_OK && access(path, F_OK) == 0)
    return true;
  return !holds_arrays(folder, 1) && cgap_folder_file(path, folder, "report.json", &ignored) == CGAP_OK;
}

/* Whether an argument is or holds a report, and its path: a folder's report.json, a training's after.json, or a file
 * that begins with a brace. */
static bool find_report(char path[CGAP_PATH], const char *argument)
{
  struct stat status;
  if (stat(argument, &status) != 0)
    return false;
  if (S_ISDIR(status.st_mode))
    return folder_report(path, argument);
  FILE *file = cgap_open_regular(argument, "rb");
  int c = file ? fgetc(file) : EOF;
  while (c != EOF && isspace(c))
    c = fgetc(file);
  if (file)
    fclose(file);
  snprintf(path, CGAP_PATH, "%s", argument);
  return c == '{';
}

/* A path without slashes at its end and without the report.json of a folder. */
static size_t significant_length(const char *path)
{
  static const char REPORT[] = "/report.json";
  size_t length = strlen(path);
  if (length > strlen(REPORT) && strcmp(path + length - strlen(REPORT), REPORT) == 0)
    length -= strlen(REPORT);
  while (length > 1 && path[length - 1] == '/')
    length--;
  return length;
}

/* The last so many components of a path. */
static void tail_of(char out[CGAP_PATH], const char *path, size_t components)
{
  const size_t length = significant_length(path);
  size_t at = length;
  while (at > 0 && (path[at - 1] != '/' || --components > 0))
    at--;
  snprintf(out, CGAP_PATH, "%.*s", (int)(length - at), path + at);
}

/* The shortest tail of argument k that no other argument ends with. */
static void name_input(char out[CGAP_PATH], const cli_args *args, size_t k)
{
  char other[CGAP_PATH];
  for (size_t components = 1;; components++) {
    bool alone = true;
    tail_of(out, args->items[k], components);
    for (size_t i = 0; i < args->count && alone; i++) {
      tail_of(other, args->items[i], components);
      alone = i == k || strcmp(other, out) != 0;
    }
    if (alone || strlen(out) == significant_length(args->items[k]))
      break;
  }
  cgap_text_clean(out, '?', "");
}

/* ---------------------------------------------------------------- inputs */

/* The figures next to a report have to be of the same run. */
static cgap_status check_whole(const char *report, cgap_error *error)
{
  char folder[CGAP_PATH];
  const char *slash = strrchr(report, '/');
  snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - report) : 1, slash ? report : ".");
  return cgap_stage_check(folder, error);
}

static cgap_status read_report(compare_run *r, size_t k, const char *name, const char *path, cgap_error *error)
{
  json_error_t fault;
  size_t bytes = 0;
  cgap_status status = check_whole(path, error);
  if (status != CGAP_OK)
    return status;
  char *text = cgap_read_text(path, &bytes); /* json_load_file takes a read that failed for the file's end */
  if (!text)
    return cgap_fail(error, CGAP_FILE,
                     "%s: cannot be read; give a report.json, a folder that holds one, or a file of embeddings", path);
  json_t *json = json_loadb(text, bytes, 0, &fault);
  free(text);
  if (!json)
    return cgap_fail(error, CGAP_DATA, "%s: no JSON at line %d: %.200s", path, fault.line, fault.text);
  status = cgap_comparison_report(&r->comparison, k, name, json, error);
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
  cgap_input_options input = cli_input_shared();
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
  name_input(name, args, k);
  return find_report(path, args->items[k]) ? read_report(r, k, name, path, error)
                                           : audit_embeddings(r, k, name, args->items[k], error);
}

/* ---------------------------------------------------------------- intervals */

/* Whether the rows of an input are those of the first, and what says so: the user's --independent, ids and captions of
 * the files, then the rows themselves. */
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

/* ---------------------------------------------------------------- the folder */

static const char *const written[] = {"compare.json", "report.html", NULL};

static cgap_status open_folder(cgap_folder *out, const cli_args *args, cgap_error *error)
{
  cgap_status status = cli_overwrite_inputs(opt.out, written, NULL, args->items, args->count, error);
  if (status == CGAP_OK)
    status = cgap_folder_open_alone(out, opt.out, error);
  if (status != CGAP_OK)
    return status;
  status = cli_overwrite_folder(opt.out, CLI_FOLDER_COMPARE, written, error);
  if (status != CGAP_OK)
    cgap_folder_abandon(out);
  return status;
}

enum { PAIRED_FIGURES = CGAP_BEFORE_AFTER, LETTERS = 26, NAME = 40 };
static const char *const KINDS[PAIRED_FIGURES] = {"scatter", "cosines", "variance", "dimensions"};

/* Names of figures in the order of the page. */
typedef struct figure_list {
  char text[PAIRED_FIGURES * LETTERS][NAME];
  const char *names[PAIRED_FIGURES * LETTERS];
  size_t count;
  const char *words;
} figure_list;

/* The table that `audit -o` wrote next to a report; NULL: none. */
static cgap_status read_table(char **out, const char *argument, const char *kind, cgap_error *error)
{
  char path[CGAP_PATH];
  size_t length = strlen(argument);
  const char *slash = strrchr(argument, '/');
  const bool is_file = length > 5 && strcmp(argument + length - 5, ".json") == 0;
  if (is_file)
    length = slash ? (size_t)(slash - argument) : 0;
  const int used = snprintf(path, sizeof path, "%.*s%sfigures/%s.tsv", (int)length, argument, length ? "/" : "", kind);
  *out = NULL;
  errno = ENOENT;
  if (used > 0 && (size_t)used < sizeof path)
    *out = cgap_read_text(path, NULL);
  return *out || errno == ENOENT || errno == ENOTDIR ? CGAP_OK : cgap_fail_read(error, errno, path);
}

/* "scatter-A" of A's table and so on, one kind after the other; a kind that one of them lacks is left out. */
static cgap_status copy_kind(figure_list *list, const compare_run *r, const cli_args *args, const char *kind,
                             const char *folder, cgap_error *error)
{
  char *table[LETTERS] = {NULL};
  const size_t count = r->comparison.count;
  bool all = true;
  cgap_status status = CGAP_OK;
  for (size_t k = 0; k < count && all && status == CGAP_OK; k++) {
    status = read_table(&table[k], args->items[k], kind, error);
    all = table[k] != NULL;
  }
  for (size_t k = 0; k < count && all && status == CGAP_OK; k++) {
    char path[CGAP_PATH], file[NAME + 4];
    char *name = list->text[list->count];
    snprintf(name, NAME, "%s-%c", kind, (char)('A' + k));
    snprintf(file, sizeof file, "%s.tsv", name);
    status = cgap_folder_file(path, folder, file, error);
    if (status == CGAP_OK) {
      cgap_text_clean(table[k], ' ', "\t\n"); /* what it says is drawn, and goes into the page */
      status = cgap_write_file(path, table[k], strlen(table[k]), error);
    }
    if (status == CGAP_OK)
      status = cgap_plots_copy(folder, name, error);
    list->names[list->count++] = name;
  }
  for (size_t k = 0; k < count; k++)
    free(table[k]);
  return status;
}

static cgap_status copy_figures(figure_list *list, const compare_run *r, const cli_args *args, const char *folder,
                                cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (size_t f = 0; f < PAIRED_FIGURES && r->comparison.count <= LETTERS && status == CGAP_OK; f++)
    status = copy_kind(list, r, args, KINDS[f], folder, error);
  list->words = "The figures of the reports side by side, in the order in which they were given; each names its data. "
                "Their axes are each report's own.";
  return status;
}

/* Of two files of embeddings: on the same axes. */
static cgap_status before_after(figure_list *list, const compare_run *r, const char *folder, cgap_error *error)
{
  char source[400], from[100], to[100];
  cgap_name_shorten(from, sizeof from, r->comparison.input[0].name);
  cgap_name_shorten(to, sizeof to, r->comparison.input[1].name);
  snprintf(source, sizeof source, "%s, %s", from, to);
  list->count = CGAP_BEFORE_AFTER;
  memcpy(list->names, cgap_before_after, sizeof cgap_before_after);
  list->words = r->comparison.count > 2 ? "Before is the first file, after the second; the others have no figures."
                                        : "Before is the first file, after the second.";
  return cgap_before_after_write(&r->item[0].audit, &r->item[1].audit, source, folder, error);
}

static cgap_status write_figures(figure_list *list, const compare_run *r, const cli_args *args, const char *folder,
                                 cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_folder made;
  bool reports = true;
  for (size_t k = 0; k < r->comparison.count; k++)
    reports = reports && !r->item[k].dataset;
  cgap_status status = cgap_folder_file(path, folder, "figures", error);
  if (status == CGAP_OK)
    status = cgap_folder_open(&made, path, error);
  if (status == CGAP_OK && reports)
    status = copy_figures(list, r, args, path, error);
  else if (status == CGAP_OK && r->item[0].dataset && r->item[1].dataset)
    status = before_after(list, r, path, error);
  if (status == CGAP_OK && list->count == 0)
    cgap_folder_abandon(&made);
  return status == CGAP_OK ? cgap_figures_render(path, list->names, list->count, cli_warn_line, error) : status;
}

/* ---------------------------------------------------------------- all */

static cgap_status measure_inputs(compare_run *r, const cli_args *args, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  r->count = args->count;
  r->item = calloc(r->count, sizeof *r->item);
  if (!r->item)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  status = cli_thresholds(&r->thresholds, &opt.fail_if, CLI_TESTS_WORSE, error);
  if (status == CGAP_OK)
    status = cgap_comparison_init(&r->comparison, r->count, error);
  if (status == CGAP_OK && opt.out && !opt.keys)
    status = open_folder(&r->folder, args, error);
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

/* A table for each input but the first, as on the terminal. */
static void print_markup(const compare_run *r, cgap_markup markup)
{
  for (size_t k = 1; k < r->count; k++) {
    cgap_verdict_words words;
    cgap_comparison_words(&words, &r->comparison, k);
    fputs(k > 1 ? "\n" : "", stdout);
    for (size_t i = 0; i < words.count; i++)
      cgap_markup_note(stdout, markup, NULL, words.sentence[i]);
    cgap_markup_note(stdout, markup, "Intervals:", r->comparison.intervals);
    fputs(markup == CGAP_MARKDOWN ? "\n" : "", stdout);
    cgap_comparison_markup(&r->comparison, k, 0, 0, opt.all, markup, stdout);
  }
}

static cgap_status write_folder(const compare_run *r, const cli_args *args, const json_t *json, cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_stage stage;
  cgap_error ignored;
  figure_list *list = calloc(1, sizeof *list);
  if (!list)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  cgap_status status = cgap_stage_open(&stage, r->folder.path, error);
  if (status == CGAP_OK)
    status = cgap_folder_file(path, stage.path, "compare.json", error);
  if (status == CGAP_OK)
    status = cgap_json_write(json, path, error);
  if (status == CGAP_OK)
    status = write_figures(list, r, args, stage.path, error);
  const cgap_comparison_about about = {.paths = args->items,
                                       .figures = list->names,
                                       .figure_count = list->count,
                                       .figure_words = list->words,
                                       .warn_line = cli_warn_line,
                                       .run = cli_run(args->command_line, cli_shared.threads, r->start)};
  if (status == CGAP_OK)
    status = cgap_comparison_page_write(&r->comparison, &about, stage.path, error);
  free(list);
  if (status == CGAP_OK)
    return cli_overwrite_replace(&stage, CLI_FOLDER_COMPARE, written, error);
  return cgap_stage_close(&stage, false, &ignored) == CGAP_OK ? status : ignored.status;
}

static cgap_status write_out(const compare_run *r, const cli_args *args, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  json_t *json = opt.forms.json || opt.out ? cgap_comparison_json(&r->comparison) : NULL;
  if (json && opt.fail_if.count &&
      !cgap_json_put(json, "fail_if",
                     cgap_comparison_thresholds_json(&r->comparison, r->thresholds, opt.fail_if.count))) {
    json_decref(json);
    json = NULL;
  }
  if ((opt.forms.json || opt.out) && !json)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  if (opt.out)
    status = write_folder(r, args, json, error);
  if (status == CGAP_OK && opt.forms.json)
    status = cli_printed(cgap_json_print(json, stdout, error), error);
  else if (status == CGAP_OK && opt.forms.csv)
    cgap_comparison_csv(&r->comparison, stdout);
  else if (status == CGAP_OK && (opt.forms.markdown || opt.forms.latex))
    print_markup(r, opt.forms.latex ? CGAP_LATEX : CGAP_MARKDOWN);
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
      cgap_error why;
      const cgap_status status = cgap_comparison_check(&r->comparison, k, &r->thresholds[i], &why);
      code = cli_fail_if(code, &r->thresholds[i], status, &why, opt.allow_missing);
    }
  return code;
}

static int run_compare(const cli_args *args)
{
  compare_run r = {.start = cli_seconds()};
  cgap_error error = {0};
  if (opt.keys && args->count == 0)
    return cli_keys(CGAP_KEYS_OF_DIFFERENCE, NULL, NULL, opt.forms.json);
  cgap_status status = cli_check_forms("compare", &opt.forms, &error);
  if (status == CGAP_OK)
    status = measure_inputs(&r, args, &error);
  if (status == CGAP_OK)
    warn_of_dimensions(&r);
  if (status == CGAP_OK && !opt.keys)
    status = write_out(&r, args, &error);
  if (status != CGAP_OK)
    cgap_folder_abandon(&r.folder);
  const int code = status     ? cli_fail(&error)
                   : opt.keys ? cli_keys(CGAP_KEYS_OF_DIFFERENCE, NULL, &r.comparison, opt.forms.json)
                              : check_thresholds(&r);
  if (status == CGAP_OK && opt.out && !opt.keys)
    cli_wrote_folder(opt.out, "compare.json and figures");
  for (size_t k = 0; r.item && k < r.count; k++) {
    cgap_audit_clear(&r.item[k].audit);
    cgap_dataset_close(r.item[k].dataset);
  }
  free(r.item);
  free(r.thresholds);
  cgap_comparison_clear(&r.comparison);
  return code;
}

const cli_spec cmd_compare = {
  .name = "compare",
  .summary = "reports or embeddings side by side: each difference",
  .usage = "A B [C…]",
  .example = "contragap compare pairs.h5 closed.h5\n"
             "contragap compare before/report.json after/report.json \\\n"
             "  --fail-if 'retrieval.text_to_image.recall_at_1<-0.02'",
  .about =
    "Compares every measure of A with those of B, C, …: the difference, an interval for it, and whether it is better "
    "or worse. Each argument is a report (report.json, the folder that holds it, or the folder of a training) or a "
    "file of embeddings (for two .npy files, the folder that holds them). Where A and another are embeddings of the "
    "same pairs, intervals are paired.",
  .groups = {{"Options", own}, CLI_INPUT_GROUP, CLI_RUN_GROUP},
  .at_least = 2,
  .argument = "A and B",
  .run = run_compare,
};
