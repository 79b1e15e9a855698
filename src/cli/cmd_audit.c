/* contragap audit: every measure of a file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/audit_many.h"
#include "cli/gates.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "io/find/dataset.h"
#include "report/groups_show.h"
#include "report/overwrite.h"
#include "report/page.h"

static cli_audit_options opt = {.pairs = CGAP_PAIRS_AUTO, .sample_rows = 32768};

static const char *const pairs_choices[] = {
  [CGAP_PAIRS_EXACT] = "exact", [CGAP_PAIRS_SAMPLED] = "sampled", [CGAP_PAIRS_AUTO] = "auto", NULL};

static const char *const precision_choices[] = {[CGAP_PRECISION_FP32] = "fp32", [CGAP_PRECISION_BF16] = "bf16", NULL};

static const cli_option own[] = {
  {"output", 'o', CLI_STRING, &opt.out, "DIR", .help = "write report.json, rows.tsv, figures/ and report.html to DIR"},
  {"json", 0, CLI_FLAG, &opt.forms.json, .help = "print the report as JSON on stdout, and nothing else"},
  {"csv", 0, CLI_FLAG, &opt.forms.csv, .help = "print the measures as comma-separated values"},
  CLI_MARKUP_OPTIONS(opt.forms),
  {"by", 0, CLI_STRING, &opt.by, "DATASET",
   .help = "also measure each group of images with their texts: a dataset of integers or words, one per image, in FILE "
           "or as FILE2.h5:/path, FILE2.npy"},
  {"by-file", 0, CLI_STRING, &opt.by_file, "TSV",
   .help = "the same from a text file: a line per image, or two columns with the head row or id, tab, group"},
  {"all", 0, CLI_FLAG, &opt.all, .help = "print every measure with its interval, and every group"},
  {"fail-if", 0, CLI_LIST, &opt.fail_if, "'KEY>NUMBER'",
   .help = "exit 1 if a measure crosses a threshold (<, <=, >, >=), 4 if it cannot be tested"},
  {"allow-missing", 0, CLI_FLAG, &opt.allow_missing,
   .help = "only warn if the measure of a --fail-if is not in the report, or is null"},
  {"against", 0, CLI_STRING, &opt.against, "OLD.json",
   .help = "compare with an earlier report: exit 1 if any measure is significantly worse (with Holm's correction "
           "for all measures), 4 if that cannot be tested; --fail-if then also takes diff:KEY"},
  CLI_KEYS_OPTION(opt.keys),
  {"pairs", 0, CLI_CHOICE, &opt.pairs,
   .help = "which pairs of rows to measure: all; those of a random sample; or all if that takes less than a minute, "
           "else a sample",
   .choices = pairs_choices},
  {"precision", 0, CLI_CHOICE, &opt.precision,
   .help = "precision of the matrix of cosines; bf16 is twice as fast and needs AVX512-BF16; close comparisons are "
           "computed again in double, so that ranks are identical; uniformities change by about 1e-5 in hundreds of "
           "dimensions, by about 1e-4 in few, and by 0.07 at most",
   .choices = precision_choices},
  {"csls", 0, CLI_FLAG, &opt.csls,
   .help = "also measure retrieval by CSLS, which takes off what makes hubs; a second pass over images and texts"},
  {"sample-rows", 0, CLI_COUNT, &opt.sample_rows, "N", "maximum rows per modality in a sample", .low = 100,
   .high = 1e9},
  {"dry-run", 0, CLI_FLAG, &opt.dry_run, .help = "print the plan and the memory it needs, and stop"},
  CLI_LANG_OPTION,
  CLI_FORCE_OPTION,
  {0}};

static const char *const written[] = {"report.json", "rows.tsv", "groups.tsv", "report.html", "card.png", NULL};

/* What one run holds; cleared in one place. */
typedef struct audit_run {
  cgap_dataset *dataset;
  cgap_audit audit;
  cgap_image_groups groups; /* by NULL: not asked for */
  cgap_folder folder;
  json_t *input, *json;
  cgap_run run;
  cgap_row_names names;
  cli_gates gates;
  char source[512];
} audit_run;

static void say_sampled(const cgap_audit *a)
{
  if (a->sample.images && opt.pairs == CGAP_PAIRS_AUTO)
    cli_say("all pairs would take more than a minute: a sample of %zu {images} and %zu {texts} was measured; --pairs "
            "exact measures all",
            a->sample.images, a->sample.texts);
  if (!a->sample.images && opt.pairs == CGAP_PAIRS_SAMPLED)
    cli_say("the sample would hold all rows, so all pairs were measured; give a smaller --sample-rows for a sample");
}

static void say_times(const cgap_audit *a, const cgap_run *run)
{
  const double rest = a->seconds_total - a->seconds_rows - a->seconds_pairs - a->seconds_tiles - a->seconds_spectra;
  if (cli_shared.verbose)
    cli_say("rows %.3f s, matched pairs %.3f s, tiles %.3f s, spectra %.3f s, other measures %.3f s, advice "
            "%.3f s, %.2f s in all on %d threads; peak memory %.0f MB; %s",
            a->seconds_rows, a->seconds_pairs, a->seconds_tiles, a->seconds_spectra, rest, a->advice.seconds,
            run->seconds, run->threads, (double)run->peak_memory_bytes / 1e6,
            cgap_huge_pages() ? "large buffers have huge pages, measured to be faster here"
                              : "no huge pages asked for: not on request here, or not faster");
}

/* Says the plan: on stdout where that is all that was asked for, else on stderr. */
static cgap_status say_plan(const cgap_data *data, cgap_audit_options *options, cgap_error *error)
{
  cgap_plan_info plan;
  char words[CLI_PLAN_WORDS];
  if (!opt.dry_run && !cli_shared.verbose)
    return CGAP_OK;
  cgap_status status = cgap_audit_plan(&plan, data, options, error);
  if (status)
    return status;
  cli_plan_words(words, &plan);
  if (options->pairs == CGAP_PAIRS_AUTO) /* as the plan says */
    options->pairs = plan.sample_images ? CGAP_PAIRS_SAMPLED : CGAP_PAIRS_EXACT;
  if (!opt.dry_run)
    cli_say("%s", words);
  else
    printf("%s\n", words);
  return cli_printed(CGAP_OK, error);
}

static void warn_of_one_modality(const json_t *input)
{
  const char *image = json_string_value(cgap_json_get(input, "image.name"));
  const char *text = json_string_value(cgap_json_get(input, "text.name"));
  if (image && text && strcmp(image, text) == 0)
    cli_warn("%s: {image} and {text} are the same dataset; give --image and --text", image);
}

static void warn_of_output_part(const cgap_dataset *dataset, const cli_args *args)
{
  char output_part[512];
  if (args->count == 1 && cgap_dataset_output_part(output_part, sizeof output_part, dataset))
    cli_warn("%s: is part %s; the rows of the other parts are not in it", args->items[0], output_part);
}

static cgap_status make_json(audit_run *r, cgap_error *error)
{
  cgap_error why;
  if (cgap_row_names_read(&r->names, r->dataset, &why) != CGAP_OK) /* a report without them is one too */
    cli_warn("the report has no names of rows: %s", why.message);
  r->json = cgap_report_json(&r->audit, r->input, &r->run);
  bool sound = r->json && cgap_report_name_pairs(r->json, &r->names);
  if (sound && r->groups.by)
    sound = cgap_json_put(r->json, "groups", cgap_groups_json(&r->groups, &r->audit));
  if (sound && r->gates.count)
    sound = cgap_json_put(r->json, "fail_if", cli_gates_json(&r->gates, &r->audit));
  if (!sound) {
    json_decref(r->json);
    r->json = NULL;
  }
  return r->json ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "the report does not fit into memory");
}

/* An audit that is finished is not lost where its advice fails. */
static cgap_status advise(audit_run *r, const cli_args *args, const cgap_audit_options *options, cgap_error *error)
{
  char *input = cli_input_line(args->items, args->count);
  const cgap_status status = cgap_advice_run(&r->audit, cgap_dataset_data(r->dataset), input, options, error);
  free(input);
  if (status != CGAP_OK && status != CGAP_INTERRUPTED)
    cli_warn("the report has no advice: %s", error->message);
  return status == CGAP_INTERRUPTED ? status : CGAP_OK;
}

static cgap_status measure_input(audit_run *r, const cli_args *args, cgap_error *error)
{
  cgap_input_options input;
  cli_modalities names;
  cgap_audit_options options = cli_audit_library_options(&opt);
  double start = cli_seconds();
  cgap_status status = cli_input(&input, &names, args, error);
  input.one_modality = input.for_audit = true;
  if (!status && names.count == 1) { /* of a file that holds more, that modality alone */
    input.image = names.source[0];
    input.text = "none";
  }
  input.by = opt.by;
  input.by_file = opt.by_file;
  options.no_rows = !opt.out && !opt.by && !opt.by_file;
  if (!status)
    status = cli_open(&r->dataset, &input, error);
  if (!status)
    r->input = cgap_dataset_json(r->dataset);
  if (!status)
    status = say_plan(cgap_dataset_data(r->dataset), &options, error);
  if (status || opt.dry_run)
    return status;
  warn_of_one_modality(r->input);
  warn_of_output_part(r->dataset, args);
  if (opt.out && cli_ranks_first())
    status = cgap_overwrite_inputs(opt.out, written, r->dataset, NULL, 0, error);
  if (!status && opt.out && cli_ranks_first())
    status = cgap_folder_open_alone(&r->folder, opt.out, error);
  if (!status && opt.out && cli_ranks_first())
    status = cgap_overwrite_folder(opt.out, CGAP_FOLDER_AUDIT, written, cli_shared.force, error);
  if (!status)
    status = cgap_audit_run(&r->audit, cgap_dataset_data(r->dataset), &options, error);
  if (!status && cli_ranks_first())
    status = advise(r, args, &options, error);
  if (!status && cli_ranks_first() && cgap_dataset_grouping(r->dataset))
    status = cgap_image_groups_run(&r->groups, cgap_dataset_grouping(r->dataset), &r->audit,
                                   cgap_dataset_data(r->dataset), &options, error);
  cli_progress_clear();
  if (status) {
    cgap_folder_abandon(&r->folder);
    return status;
  }
  if (!cli_ranks_first())
    return CGAP_OK;
  r->run = cli_run(args->command_line, options.threads, start);
  say_sampled(&r->audit);
  say_times(&r->audit, &r->run);
  status = cli_gates_compare(&r->gates, &r->audit, r->source, error);
  return status == CGAP_OK ? make_json(r, error) : status;
}

static const cgap_image_groups *groups_of(const audit_run *r)
{
  return r->groups.by ? &r->groups : NULL;
}

static cgap_status write_folder(audit_run *r, cgap_error *error)
{
  cgap_stage stage;
  cgap_error ignored;
  if (!opt.out)
    return CGAP_OK;
  cgap_report report = {.audit = &r->audit,
                        .json = r->json,
                        .source = r->source,
                        .run = &r->run,
                        .names = &r->names,
                        .groups = groups_of(r)};
  cgap_status status = cgap_stage_open(&stage, r->folder.path, error);
  if (!status)
    status = cgap_report_write(&report, stage.path, error);
  if (!status)
    status = cgap_report_render(&report, stage.path, cli_warn_line, error);
  if (!status)
    status = cgap_audit_page_write(&report, stage.path, cli_warn_line, error);
  if (!status)
    return cgap_overwrite_replace(&stage, CGAP_FOLDER_AUDIT, written, error);
  if (cgap_stage_close(&stage, false, &ignored) == CGAP_OK)
    cgap_folder_abandon(&r->folder);
  return status;
}

static cgap_status print_report(const audit_run *r, cgap_error *error)
{
  const cgap_image_groups *groups = groups_of(r);
  const cgap_markup markup = opt.forms.latex ? CGAP_LATEX : CGAP_MARKDOWN;
  const bool marks_up = opt.forms.markdown || opt.forms.latex;
  const cgap_paper paper = cli_paper();
  if (opt.forms.json)
    return cli_printed(cgap_json_print(r->json, stdout, error), error);
  cgap_status status = opt.forms.csv ? cgap_csv_print(&r->audit, stdout, error)
                       : marks_up    ? cgap_markup_print(&r->audit, r->source, markup, stdout, error)
                                     : cgap_table_print(&r->audit, r->source, opt.all, &paper, stdout, error);
  if (status == CGAP_OK && groups && opt.forms.csv)
    cgap_groups_csv(groups, stdout);
  else if (status == CGAP_OK && groups && marks_up)
    cgap_groups_markup(groups, &r->audit, markup, stdout);
  else if (status == CGAP_OK && groups)
    cgap_groups_print(groups, &r->audit, opt.all, &paper, stdout);
  if (status == CGAP_OK && r->gates.against && !opt.forms.csv && !marks_up) {
    const cgap_compared_pair pair = cli_gates_pair(&r->gates);
    status = cgap_worse_print(&pair, &paper, stdout, error);
  }
  return cli_printed(status, error);
}

/* The keys that were asked for, or what comes of the tests. */
static int finish(const audit_run *r)
{
  return opt.keys ? cli_keys(CGAP_KEYS_OF_REPORT, &r->audit, NULL, opt.forms.json)
                  : cli_gates_check(&r->gates, &r->audit, opt.allow_missing);
}

static int run_audit(const cli_args *args)
{
  audit_run r = {0};
  cgap_error error = {0};
  cli_modalities names;
  if (opt.keys && !args->count && !cli_shared.image && !cli_shared.text)
    return cli_keys(CGAP_KEYS_OF_REPORT, NULL, NULL, opt.forms.json);
  if (opt.keys)
    opt.out = NULL; /* nothing is written */
  cgap_status status = cli_check_forms("audit", &opt.forms, &error);
  if (!status)
    status = cli_modalities_read(&names, args, &error);
  if (!status && names.count > 2)
    return cli_audit_many(&names, &opt, args);
  if (!status)
    status = cli_gates_read(&r.gates, &opt.fail_if, opt.against, &error);
  cli_source_name(r.source, sizeof r.source, args);
  if (!status)
    status = measure_input(&r, args, &error);
  const bool has_report = !status && !opt.dry_run && cli_ranks_first();
  r.audit.names.language = cli_language(); /* its JSON is made */
  if (has_report)
    status = write_folder(&r, &error);
  if (has_report && !status && !opt.keys)
    status = print_report(&r, &error);
  int code = status ? cli_fail(&error) : !has_report ? CGAP_OK : finish(&r);
  if (has_report && !status && opt.out)
    cli_wrote_folder(opt.out, r.groups.by ? "report.json, rows.tsv, groups.tsv and figures"
                              : r.audit.has & CGAP_HAS_PAIRS || r.audit.image_neighbours
                                ? "report.json, rows.tsv and figures"
                                : "report.json and figures");
  cli_gates_clear(&r.gates);
  json_decref(r.input);
  json_decref(r.json);
  cgap_image_groups_clear(&r.groups);
  cgap_audit_clear(&r.audit);
  cgap_row_names_clear(&r.names);
  cgap_dataset_close(r.dataset);
  return code;
}

const cli_spec cmd_audit = {
  .name = "audit",
  .summary = "every measure of the gap: a table, a report, figures",
  .usage = "FILE… [-o DIR]",
  .example = "contragap audit img_emb.npy text_emb.npy\n"
             "contragap audit pairs.h5 -o report\n"
             "contragap audit audio=aud.npy text=txt.npy\n"
             "contragap audit pairs.h5 --fail-if 'gap.corrected_distance>0.5'\n"
             "contragap audit image=img.npy text=txt.npy audio=aud.npy -o report\n"
             "contragap audit old=before.npy new=after.npy --unpaired",
  .about =
    "Measures the gap between the image and the text embeddings of FILE: a table on stdout with the verdict "
    "on top; with -o also a report, a row per pair, and figures. NAME=FILE arguments and --names say what the "
    "modalities are called; the keys of the JSON stay image and text. One modality alone is measured by itself; where "
    "the two differ in width, each by itself, and whether paired rows agree on their neighbours. Three to eight "
    "modalities, each NAME=FILE, are measured pair by pair and in one pool.",
  .groups = {{"Options", own}, CLI_INPUT_GROUP, CLI_RUN_GROUP},
  .argument = "FILE",
  .distributed = true,
  .run = run_audit,
};
