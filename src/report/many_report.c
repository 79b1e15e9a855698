/* The reports of more than two modalities for a caller of the library: as text in memory, and as a folder. */
#include <stdio.h>

#include "base/source.h"
#include "report/audit_report.h"
#include "report/many_show.h"

/* A report with all that it borrows. */
typedef struct made_report {
  cgap_many_report report;
  cgap_many_input input;
  cgap_run run;
  json_t *modality[CGAP_MODALITIES_MAX], *json;
  char source[CGAP_MODALITIES_MAX * (CGAP_NAME_SIZE + 2)]; /* "image, text, audio" */
} made_report;

static void made_report_clear(made_report *r)
{
  for (size_t m = 0; m < CGAP_MODALITIES_MAX; m++)
    json_decref(r->modality[m]);
  json_decref(r->json);
}

static cgap_status check_arguments(const char *call, const void *target, const char *target_name, const cgap_many *many,
                                   const cgap_many_data *data, cgap_error *error)
{
  cgap_status status = cgap_check_argument(target, call, target_name, error);
  if (status == CGAP_OK)
    status = cgap_check_argument(many, call, "many", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(data, call, "data", error);
  if (status == CGAP_OK && many->count != data->count)
    status = cgap_fail(error, CGAP_USAGE, "%s: %zu modalities were audited, data has %zu; give the same data", call,
                       many->count, data->count);
  return status;
}

static cgap_status made_report_init(made_report *out, const cgap_many *many, const cgap_many_data *data,
                                    const cgap_report_about *about, cgap_error *error)
{
  size_t used = 0;
  *out = (made_report){.run = cgap_about_run(about ? about : &(cgap_report_about){0}, "contragap audit")};
  for (size_t m = 0; m < many->count; m++) {
    used +=
      (size_t)snprintf(out->source + used, sizeof out->source - used, "%s%s", m ? ", " : "", many->modality[m].name);
    out->input.modality[m] = out->modality[m] = cgap_source_json(&data->source[m], many->modality[m].name);
  }
  out->input.pairing = data->unpaired ? "unpaired" : "by row";
  out->input.source = about && about->source ? about->source : out->source;
  out->json = cgap_many_json(many, &out->input, &out->run);
  out->report = (cgap_many_report){.many = many, .input = &out->input, .json = out->json, .run = &out->run};
  if (out->json)
    return CGAP_OK;
  made_report_clear(out);
  return cgap_fail(error, CGAP_RESOURCE, "the report does not fit into memory; close other programs");
}

static cgap_status write_folder(const void *report, const char *folder, void (*warn)(const char *line),
                                cgap_error *error)
{
  return cgap_many_folder_write(report, folder, warn, error);
}

cgap_status cgap_many_save(const cgap_many *many, const cgap_many_data *data, const char *folder, bool replace,
                           const cgap_report_about *about, void (*warn)(const char *line), cgap_error *error)
{
  made_report r;
  cgap_status status = check_arguments("cgap_many_save", folder, "folder", many, data, error);
  if (status == CGAP_OK)
    status = made_report_init(&r, many, data, about, error);
  if (status != CGAP_OK)
    return status;
  status = cgap_audit_folder_save(folder, replace, write_folder, &r.report, warn, error);
  made_report_clear(&r);
  return status;
}

/* What is printed, and how. */
typedef struct printed_report {
  const cgap_many_report *report;
  cgap_report_form form;
  int columns;
} printed_report;

static cgap_status print_report(FILE *stream, const void *of, cgap_error *error)
{
  const printed_report *p = of;
  const cgap_many_report *r = p->report;
  const cgap_paper paper = cgap_paper_plain(p->columns);
  switch (p->form) {
  case CGAP_REPORT_JSON:
    return cgap_json_print(r->json, stream, error);
  case CGAP_REPORT_TABLE:
  case CGAP_REPORT_TABLE_ALL:
    return cgap_many_table_print(r->many, r->input, &paper, stream, error);
  case CGAP_REPORT_MARKDOWN:
    return cgap_many_markup_print(r->many, r->input, CGAP_MARKDOWN, stream, error);
  case CGAP_REPORT_LATEX:
    return cgap_many_markup_print(r->many, r->input, CGAP_LATEX, stream, error);
  case CGAP_REPORT_CSV:
    return cgap_many_csv_print(r->many, stream, error);
  case CGAP_REPORT_HTML:
    break;
  }
  return cgap_fail(error, CGAP_USAGE, "cgap_many_text: there is no form %d", (int)p->form);
}

cgap_status cgap_many_text(char **out, const cgap_many *many, const cgap_many_data *data, cgap_report_form form,
                           int columns, const cgap_report_about *about, cgap_error *error)
{
  made_report r;
  cgap_status status = check_arguments("cgap_many_text", out, "out", many, data, error);
  if (out)
    *out = NULL;
  if (status == CGAP_OK)
    status = made_report_init(&r, many, data, about, error);
  if (status != CGAP_OK)
    return status;
  status = form == CGAP_REPORT_HTML
             ? cgap_page_make(out, write_folder, &r.report, error)
             : cgap_text_make(out, print_report, &(printed_report){&r.report, form, columns}, error);
  made_report_clear(&r);
  return status;
}
