/* contragap compare: reports or files of embeddings side by side. */
#include <stdlib.h>

#include "cli/compare_run.h"
#include "cli/gates.h"
#include "cli/interrupt.h"
#include "report/comparison_show.h"
#include "report/overwrite.h"

static struct {
  const char *out;
  cli_forms forms;
  bool all, independent, allow_missing, pairwise, series, keys;
  const char *sort;
  cli_list fail_if;
} opt;

static const cli_option own[] = {
  {"output", 'o', CLI_STRING, &opt.out, "DIR", .help = "write compare.json, report.html and figures/ to DIR"},
  {"json", 0, CLI_FLAG, &opt.forms.json, .help = "print the comparison as JSON on stdout, and nothing else"},
  {"csv", 0, CLI_FLAG, &opt.forms.csv, .help = "print every measure and difference as comma-separated values"},
  CLI_MARKUP_OPTIONS(opt.forms),
  {"all", 0, CLI_FLAG, &opt.all, .help = "print every measure, also those for which neither direction is better"},
  {"sort", 0, CLI_STRING, &opt.sort, "KEY",
   .help = "one table of all inputs, the best by this measure first [the first measure]"},
  {"series", 0, CLI_FLAG, &opt.series,
   .help = "the inputs are numbered (ckpt_100, step-2000): show the measures over their number"},
  {"pairwise", 0, CLI_FLAG, &opt.pairwise, .help = "three inputs or more: every input against A in a table of its own"},
  {"independent", 0, CLI_FLAG, &opt.independent,
   .help = "the inputs are of different images: use intervals of independent samples"},
  {"fail-if", 0, CLI_LIST, &opt.fail_if, "'KEY<NUMBER'",
   .help =
     "exit 1 if the difference of any input to A crosses a threshold (<, <=, >, >=), 4 if it cannot be tested; worse: "
     "if any measure is significantly worse"},
  {"allow-missing", 0, CLI_FLAG, &opt.allow_missing, .help = "only warn if a --fail-if cannot be tested"},
  CLI_KEYS_OPTION(opt.keys),
  CLI_LANG_OPTION,
  CLI_FORCE_OPTION,
  {0}};

/* ---------------------------------------------------------------- the folder */

static const char *const written[] = {"compare.json", "report.html", NULL};

static cgap_status check_inputs(const compare_run *r, cgap_error *error)
{
  const char *source[2 * r->count];
  size_t count = 0;
  for (size_t k = 0; k < r->count; k++) {
    const compare_input *in = &r->item[k];
    source[count++] = in->first[0] ? in->first : in->source;
    if (in->first[0])
      source[count++] = in->second;
  }
  return cgap_overwrite_inputs(opt.out, written, NULL, source, count, error);
}

static cgap_status open_folder(compare_run *r, cgap_error *error)
{
  cgap_folder *out = &r->folder;
  cgap_status status = check_inputs(r, error);
  if (status == CGAP_OK)
    status = cgap_folder_open_alone(out, opt.out, error);
  if (status != CGAP_OK)
    return status;
  status = cgap_overwrite_folder(opt.out, CGAP_FOLDER_COMPARE, written, cli_shared.force, error);
  if (status != CGAP_OK)
    cgap_folder_abandon(out);
  return status;
}

/* ---------------------------------------------------------------- all */

/* Three inputs or more, and what only one table of all can show. */
static bool is_overview(const compare_run *r)
{
  return !opt.pairwise && (r->count > 2 || opt.sort || opt.series);
}

static compare_overview_options overview_options(void)
{
  return (compare_overview_options){.all = opt.all, .series = opt.series, .sort = opt.sort};
}

static cgap_status measure_inputs(compare_run *r, const cli_args *args, cgap_error *error)
{
  const compare_overview_options overview = overview_options();
  cgap_status status = compare_arguments(r, args, error);
  r->independent = opt.independent;
  if (status == CGAP_OK && opt.pairwise && (opt.sort || opt.series))
    status = cgap_fail(error, CGAP_USAGE, "--pairwise has a table for each input; leave out --%s, or --pairwise",
                       opt.sort ? "sort" : "series");
  if (status == CGAP_OK)
    status = compare_overview_check(r, &overview, error);
  if (status == CGAP_OK)
    status = cli_thresholds(&r->thresholds, &opt.fail_if, CLI_TESTS_WORSE, error);
  if (status == CGAP_OK)
    status = cgap_comparison_init(&r->comparison, r->count, error);
  if (status == CGAP_OK && opt.out && !opt.keys)
    status = open_folder(r, error);
  for (size_t k = 0; status == CGAP_OK && k < r->count; k++)
    status = compare_read(r, k, error);
  return status == CGAP_OK ? compare_with_first(r, error) : status;
}

static void print_table(const compare_run *r)
{
  const cgap_paper paper = cli_paper();
  cgap_comparison_print_words(&r->comparison, &paper, stdout);
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
    char intervals[CGAP_INTERVALS];
    cgap_comparison_words(&words, &r->comparison, k);
    fputs(k > 1 ? "\n" : "", stdout);
    for (size_t i = 0; i < words.count; i++)
      cgap_markup_note(stdout, markup, NULL, words.sentence[i]);
    cgap_comparison_intervals(intervals, &r->comparison, &r->comparison.names);
    cgap_markup_note(stdout, markup, cgap_tr(&r->comparison.names, N_("Intervals:")), intervals);
    fputs(markup == CGAP_MARKDOWN ? "\n" : "", stdout);
    cgap_comparison_markup(&r->comparison, k, 0, 0, opt.all, markup, stdout);
  }
}

static cgap_status write_pairs(const compare_run *r, const cgap_run *run, const char *folder, cgap_error *error)
{
  compare_figures *list = calloc(1, sizeof *list);
  const char *paths[r->count];
  if (!list)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (size_t k = 0; k < r->count; k++)
    paths[k] = r->item[k].source;
  cgap_status status = compare_figures_write(list, r, folder, error);
  const cgap_comparison_about about = {.paths = paths,
                                       .figures = list->names,
                                       .figure_count = list->count,
                                       .figure_words = list->words,
                                       .warn_line = cli_warn_line,
                                       .run = *run};
  if (status == CGAP_OK)
    status = cgap_comparison_page_write(&r->comparison, &about, folder, error);
  free(list);
  return status;
}

/* overview: NULL for two inputs, or for pairs. */
static cgap_status write_folder(const compare_run *r, const cgap_overview *overview, const cli_args *args,
                                const json_t *json, cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_stage stage;
  cgap_error ignored;
  cgap_status status = cgap_stage_open(&stage, r->folder.path, error);
  if (status != CGAP_OK)
    return cgap_stage_close(&stage, false, &ignored) == CGAP_OK ? status : ignored.status;
  status = cgap_folder_file(path, stage.path, "compare.json", error);
  if (status == CGAP_OK)
    status = cgap_json_write(json, path, error);
  const cgap_run run = cli_run(args->command_line, cli_shared.threads, r->start);
  if (status == CGAP_OK)
    status =
      overview ? compare_overview_write(overview, r, &run, stage.path, error) : write_pairs(r, &run, stage.path, error);
  if (status == CGAP_OK)
    return cgap_overwrite_replace(&stage, CGAP_FOLDER_COMPARE, written, error);
  return cgap_stage_close(&stage, false, &ignored) == CGAP_OK ? status : ignored.status;
}

static void print_form(const compare_run *r, const cgap_overview *overview)
{
  const cgap_paper paper = cli_paper();
  const cgap_markup markup = opt.forms.latex ? CGAP_LATEX : CGAP_MARKDOWN;
  const bool is_markup = opt.forms.latex || opt.forms.markdown;
  if (opt.forms.csv && overview)
    cgap_overview_csv(overview, stdout);
  else if (opt.forms.csv)
    cgap_comparison_csv(&r->comparison, stdout);
  else if (is_markup && overview)
    cgap_overview_markup(overview, markup, stdout);
  else if (is_markup)
    print_markup(r, markup);
  else if (overview)
    cgap_overview_print(overview, &paper, stdout);
  else
    print_table(r);
}

static cgap_status write_forms(compare_run *r, const cgap_overview *overview, const cli_args *args, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  json_t *json = !opt.forms.json && !opt.out ? NULL
                 : overview                  ? cgap_overview_json(overview)
                                             : cgap_comparison_json(&r->comparison);
  if (json && opt.fail_if.count &&
      !cgap_json_put(json, "fail_if",
                     cgap_comparison_thresholds_json(&r->comparison, r->thresholds, opt.fail_if.count))) {
    json_decref(json);
    json = NULL;
  }
  if ((opt.forms.json || opt.out) && !json)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  r->comparison.names.language = cli_language(); /* the JSON is made */
  if (opt.out)
    status = write_folder(r, overview, args, json, error);
  if (status == CGAP_OK && opt.forms.json)
    status = cli_printed(cgap_json_print(json, stdout, error), error);
  else if (status == CGAP_OK)
    print_form(r, overview);
  json_decref(json);
  return status == CGAP_OK ? cli_printed(CGAP_OK, error) : status;
}

static cgap_status write_out(compare_run *r, const cli_args *args, cgap_error *error)
{
  const compare_overview_options options = overview_options();
  cgap_overview overview;
  if (!is_overview(r))
    return write_forms(r, NULL, args, error);
  cgap_status status = compare_overview_run(&overview, r, &options, error);
  if (status == CGAP_OK)
    status = write_forms(r, &overview, args, error);
  cgap_overview_clear(&overview);
  return status;
}

static void warn_of_dimensions(const compare_run *r)
{
  char text[CGAP_SENTENCE];
  for (size_t k = 1; k < r->count; k++)
    if (cgap_comparison_other_d(text, &r->comparison, k)) {
      cli_warn("%s", text);
      if (is_overview(r)) /* once is enough */
        return;
    }
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
  .usage = "[NAME=]A [NAME=]B …",
  .example = "contragap compare pairs.h5 closed.h5\n"
             "contragap compare before/report.json after/report.json \\\n"
             "  --fail-if 'retrieval.text_to_image.recall_at_1<-0.02'\n"
             "contragap compare A=img1.npy,txt1.npy B=img2.npy,txt2.npy C=model.h5 -o out",
  .about =
    "Two inputs: every measure of A and B, the difference, an interval for it, and whether it is better or worse. "
    "Three "
    "or more: one table of inputs and measures, sorted, the best of each measure marked where it is significantly "
    "better than each of the others. An input is a report (report.json, the folder that holds it, or the folder of a "
    "training; of more than two modalities FILE:A-B, one pair) or embeddings: a file, a folder of .npy files, or two "
    "arrays as IMAGES.npy,TEXTS.npy. NAME= names it. "
    "Where inputs are embeddings of the same pairs, differences are paired.",
  .groups = {{"Options", own}, CLI_INPUT_GROUP, CLI_RUN_GROUP},
  .at_least = 2,
  .argument = "A and B",
  .run = run_compare,
};
