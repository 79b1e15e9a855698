#include "cli/audit_many.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/output_file.h"
#include "cli/interrupt.h"
#include "io/find/dataset.h"
#include "io/find/many_dataset.h"
#include "report/many_show.h"
#include "report/overwrite.h"

static const char *const written[] = {"report.json", "rows.tsv", "report.html", "card.png", NULL};

/* What one run holds; cleared in one place. */
typedef struct many_audit {
  const cli_modalities *names;
  const cli_audit_options *own;
  cgap_many_dataset *files;
  cgap_many_data data;
  cgap_many many;
  json_t *described[CGAP_MODALITIES_MAX];
  cgap_row_names row_names[CGAP_MODALITIES_MAX];
  cgap_many_threshold *thresholds;
  cgap_folder folder;
  cgap_many_input input;
  json_t *json;
  cgap_run run;
  char source[CGAP_MODALITIES_MAX * CGAP_NAME_SIZE + 20];
} many_audit;

/* ---------------------------------------------------------------- what is asked for */

static cgap_status check_options(const many_audit *r, cgap_error *error)
{
  const struct {
    bool given;
    const char *option;
  } of_two[] = {{cli_shared.text_image, "--text-image"},
                {cli_shared.labels, "--labels"},
                {cli_shared.class_text, "--class-text"},
                {cli_shared.merge_images, "--merge-images"},
                {r->own->by || r->own->by_file, "--by"},
                {r->own->against, "--against"},
                {r->own->csls, "--csls"}};
  if (cli_ranks())
    return cgap_fail(error, CGAP_USAGE, "%zu modalities are audited by one process; start contragap without ranks",
                     r->names->count);
  if (r->own->keys)
    return cgap_fail(error, CGAP_USAGE,
                     "of more than two modalities --fail-if tests pairs.A-B.KEY: A and B are names, KEY is one that "
                     "contragap audit --keys lists");
  for (size_t k = 0; k < sizeof of_two / sizeof *of_two; k++)
    if (of_two[k].given)
      return cgap_fail(error, CGAP_USAGE, "%s is for two modalities, %zu are named; leave it out, or audit two",
                       of_two[k].option, r->names->count);
  for (size_t m = 0; m < r->names->count; m++)
    if (strcmp(r->names->name[m], "unbiased") == 0 || strcmp(r->names->name[m], "same_modality_share") == 0)
      return cgap_fail(error, CGAP_USAGE, "a modality cannot be named %s, which is a key of the report; rename it",
                       r->names->name[m]);
  return CGAP_OK;
}

static cgap_status read_thresholds(many_audit *r, cgap_error *error)
{
  const cli_list *texts = &r->own->fail_if;
  const char *names[CGAP_MODALITIES_MAX];
  cgap_status status = CGAP_OK;
  for (size_t m = 0; m < r->names->count; m++)
    names[m] = r->names->name[m];
  r->thresholds = calloc(texts->count + 1, sizeof *r->thresholds);
  if (!r->thresholds)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (size_t k = 0; status == CGAP_OK && k < texts->count; k++) {
    cgap_error why = {0};
    status = cgap_many_threshold_parse(&r->thresholds[k], texts->items[k], names, r->names->count, &why);
    if (status != CGAP_OK)
      (void)cgap_fail(error, status, "--fail-if '%s': %s", texts->items[k], why.message);
  }
  return status;
}

/* ---------------------------------------------------------------- the rows */

static cgap_status open_modalities(many_audit *r, cgap_error *error)
{
  const size_t count = r->names->count;
  const cgap_input_options input = cli_input_shared();
  const char *names[CGAP_MODALITIES_MAX];
  for (size_t m = 0; m < count; m++)
    names[m] = r->names->name[m];
  const cgap_status status = cgap_many_dataset_open(&r->files, names, r->names->source, count, &input, error);
  for (size_t m = 1; status == CGAP_OK && m < count; m++) {
    cgap_error why = {0};
    if (cgap_row_names_read(&r->row_names[m], r->files->dataset[m], &why) != CGAP_OK)
      cli_warn("the report has no names of rows: %s", why.message); /* it is a report without them too */
  }
  if (status == CGAP_OK)
    r->data = r->files->data;
  return status;
}

static void say_alignment(many_audit *r)
{
  const cgap_row_alignment *a = &r->files->alignment;
  for (size_t m = 0; a->by_id && m < a->count; m++) {
    const size_t rows = cgap_many_dataset_source(r->files, m)->rows, left_out = rows - a->rows;
    r->input.left_out[m] = left_out;
    if (left_out)
      cli_say("%s: %zu of %zu rows %s left out, whose ids (%s) not all modalities have", r->names->name[m], left_out,
              rows, left_out == 1 ? "is" : "are", a->id[m]);
  }
}

/* How a command line names each pair. */
static void name_inputs(many_audit *r, const cli_args *args)
{
  for (size_t a = 0; a < args->count; a++)
    for (size_t b = a + 1; b < args->count; b++) {
      const char *const pair[] = {args->items[a], args->items[b]};
      r->data.input[cgap_many_pair(args->count, a, b)] = cli_input_line(pair, 2);
    }
}

/* ---------------------------------------------------------------- the audit */

static cgap_status say_plans(const many_audit *r, const cgap_audit_options *options, cgap_error *error)
{
  const cgap_many_data *d = &r->data;
  for (size_t a = 0; a < d->count; a++)
    for (size_t b = a + 1; b < d->count; b++) {
      const cgap_data data = {.image = d->source[a],
                              .text = d->source[b],
                              .pairing = d->unpaired ? CGAP_UNPAIRED : CGAP_BY_ROW,
                              .drop_bad = d->drop_bad,
                              .names = {d->name[a], d->name[b]}};
      cgap_plan_info plan;
      char words[CLI_PLAN_WORDS];
      const cgap_status status = cgap_audit_plan(&plan, &data, options, error);
      if (status != CGAP_OK)
        return status;
      cli_plan_words(words, &plan);
      if (r->own->dry_run)
        printf("%s-%s: %s\n", d->name[a], d->name[b], words);
      else
        cli_say("%s-%s: %s", d->name[a], d->name[b], words);
    }
  return cli_printed(CGAP_OK, error);
}

static cgap_status open_folder(many_audit *r, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  if (!r->own->out)
    return status;
  for (size_t m = 1; status == CGAP_OK && m < r->names->count; m++)
    status = cgap_overwrite_inputs(r->own->out, written, r->files->dataset[m], NULL, 0, error);
  if (status == CGAP_OK)
    status = cgap_folder_open_alone(&r->folder, r->own->out, error);
  return status == CGAP_OK ? cgap_overwrite_folder(r->own->out, CGAP_FOLDER_AUDIT, written, cli_shared.force, error)
                           : status;
}

static void describe_input(many_audit *r)
{
  r->input.pairing = r->data.unpaired ? "unpaired" : r->files->alignment.by_id ? "by id" : "by row";
  r->input.source = r->source;
  for (size_t m = 0; m < r->names->count; m++) {
    json_t *all = cgap_dataset_json(cgap_many_dataset_of(r->files, m));
    r->described[m] = json_incref(json_object_get(all, m ? "text" : "image"));
    r->input.modality[m] = r->described[m];
    r->input.row_names[m] = r->row_names[m ? m : 1].of[m ? CGAP_NAMED_TEXTS : CGAP_NAMED_IMAGES];
    json_decref(all);
  }
}

static cgap_status make_json(many_audit *r, cgap_error *error)
{
  json_t *outcomes = r->own->fail_if.count ? json_array() : NULL;
  cgap_error ignored;
  bool sound = true;
  describe_input(r);
  r->json = cgap_many_json(&r->many, &r->input, &r->run);
  for (size_t k = 0; sound && outcomes && k < r->own->fail_if.count; k++)
    sound = cgap_many_threshold_run(&r->thresholds[k], &r->many, outcomes, &ignored) != CGAP_RESOURCE;
  if (outcomes && json_object_set_new(r->json, "fail_if", outcomes) != 0)
    sound = false;
  return r->json && sound ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "the report does not fit into memory");
}

static cgap_status measure(many_audit *r, const cli_args *args, cgap_error *error)
{
  const double start = cli_seconds();
  const cgap_audit_options options = cli_audit_library_options(r->own);
  cgap_status status = open_modalities(r, error);
  if (status == CGAP_OK)
    say_alignment(r);
  if (status == CGAP_OK && (r->own->dry_run || cli_shared.verbose))
    status = say_plans(r, &options, error);
  if (status != CGAP_OK || r->own->dry_run)
    return status;
  name_inputs(r, args);
  status = open_folder(r, error);
  if (status == CGAP_OK)
    status = cgap_many_run(&r->many, &r->data, &options, error);
  cli_progress_clear();
  if (status != CGAP_OK) {
    cgap_folder_abandon(&r->folder);
    return status;
  }
  r->run = cli_run(args->command_line, options.threads, start);
  if (!r->many.in_memory)
    cli_say("the rows of %zu modalities do not fit into the memory that is allowed, so they were read again for every "
            "pair; a greater --memory is faster",
            r->many.count);
  return make_json(r, error);
}

/* ---------------------------------------------------------------- results */

static cgap_status write_folder(many_audit *r, cgap_error *error)
{
  cgap_stage stage;
  cgap_error ignored;
  if (!r->own->out)
    return CGAP_OK;
  const cgap_many_report report = {.many = &r->many, .input = &r->input, .json = r->json, .run = &r->run};
  cgap_status status = cgap_stage_open(&stage, r->folder.path, error);
  if (status == CGAP_OK)
    status = cgap_many_folder_write(&report, stage.path, cli_warn_line, error);
  if (status == CGAP_OK)
    return cgap_overwrite_replace(&stage, CGAP_FOLDER_AUDIT, written, error);
  if (cgap_stage_close(&stage, false, &ignored) == CGAP_OK)
    cgap_folder_abandon(&r->folder);
  return status;
}

static cgap_status print_report(const many_audit *r, cgap_error *error)
{
  const cli_forms *forms = &r->own->forms;
  const cgap_paper paper = cli_paper();
  if (forms->json)
    return cli_printed(cgap_json_print(r->json, stdout, error), error);
  if (forms->csv)
    return cli_printed(cgap_many_csv_print(&r->many, stdout, error), error);
  if (forms->markdown || forms->latex)
    return cli_printed(
      cgap_many_markup_print(&r->many, &r->input, forms->latex ? CGAP_LATEX : CGAP_MARKDOWN, stdout, error), error);
  return cli_printed(cgap_many_table_print(&r->many, &r->input, &paper, stdout, error), error);
}

static int check_thresholds(const many_audit *r)
{
  int code = CGAP_OK;
  for (size_t k = 0; k < r->own->fail_if.count; k++) {
    cgap_error why = {0};
    const cgap_status status = cgap_many_threshold_run(&r->thresholds[k], &r->many, NULL, &why);
    code = cli_fail_if(code, &r->thresholds[k].key, status, &why, r->own->allow_missing);
  }
  return code;
}

static void many_audit_clear(many_audit *r)
{
  cgap_many_clear(&r->many);
  cgap_many_dataset_close(r->files);
  for (size_t m = 0; m < CGAP_MODALITIES_MAX; m++) {
    cgap_row_names_clear(&r->row_names[m]);
    json_decref(r->described[m]);
  }
  for (size_t p = 0; p < CGAP_MANY_PAIRS_MAX; p++)
    free((char *)r->data.input[p]);
  free(r->thresholds);
  json_decref(r->json);
}

int cli_audit_many(const cli_modalities *names, const cli_audit_options *own, const cli_args *args)
{
  many_audit r = {.names = names, .own = own};
  cgap_error error = {0};
  size_t used = 0;
  for (size_t m = 0; m < names->count; m++)
    used += (size_t)snprintf(r.source + used, sizeof r.source - used, "%s%s", m ? ", " : "", names->name[m]);
  cgap_status status = check_options(&r, &error);
  if (status == CGAP_OK)
    status = read_thresholds(&r, &error);
  if (status == CGAP_OK)
    status = measure(&r, args, &error);
  const bool has_report = status == CGAP_OK && !own->dry_run;
  for (size_t p = 0; p < r.many.pairs; p++) /* the JSON is made */
    r.many.pair[p].names.language = cli_language();
  if (has_report)
    status = write_folder(&r, &error);
  if (has_report && status == CGAP_OK)
    status = print_report(&r, &error);
  const int code = status != CGAP_OK ? cli_fail(&error) : has_report ? check_thresholds(&r) : CGAP_OK;
  if (has_report && status == CGAP_OK && own->out)
    cli_wrote_folder(own->out, r.data.unpaired ? "report.json and figures" : "report.json, rows.tsv and figures");
  many_audit_clear(&r);
  return code;
}
