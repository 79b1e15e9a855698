/* The reports of an audit for a caller of the library: as text in memory, and as a folder. */
#include "report/audit_report.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/output_file.h"
#include "base/source.h"
#include "base/text_buffer.h"
#include "report/gnuplot.h"
#include "report/overwrite.h"
#include "report/page.h"

static const char *const WRITTEN[] = {"report.json", "rows.tsv", "report.html", "card.png", NULL};

/* A report with all that it borrows. */
typedef struct made_report {
  cgap_report report;
  cgap_run run;
  cgap_row_names names;
  json_t *json;
} made_report;

json_t *cgap_source_json(const cgap_source *s, const char *use)
{
  if (s->rows == 0)
    return json_null();
  return json_pack("{s:o, s:I, s:I, s:s, s:s, s:[]}", "name", cgap_json_string(s->name ? s->name : use), "rows",
                   (json_int_t)s->rows, "dim", (json_int_t)s->dim, "type", cgap_type_name(s->type), "why",
                   "given by the caller", "datasets");
}

/* As cgap_dataset_json has it of files. */
static json_t *data_json(const cgap_data *d)
{
  static const char *const KINDS[] = {
    [CGAP_UNPAIRED] = "unpaired", [CGAP_BY_ROW] = "by row", [CGAP_BY_INDEX] = "by index", [CGAP_PAIRING_OPEN] = "open"};
  return json_pack("{s:[], s:o, s:o, s:{s:s, s:s, s:[]}, s:o, s:[]}", "files", "image",
                   cgap_source_json(&d->image, "image"), "text", cgap_source_json(&d->text, "text"), "pairing", "kind",
                   KINDS[d->pairing], "why", "given by the caller", "datasets", "class_text",
                   cgap_source_json(&d->class_text, "class texts"), "notes");
}

cgap_status cgap_about_input(json_t **out, const cgap_report_about *about, cgap_error *error)
{
  *out = about->dataset ? cgap_dataset_json(about->dataset) : about->data ? data_json(about->data) : NULL;
  return *out || (!about->dataset && !about->data) ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory");
}

cgap_run cgap_about_run(const cgap_report_about *about, const char *command)
{
  return (cgap_run){.command_line = about->command_line ? about->command_line : command,
                    .seed = about->seed,
                    .threads = about->threads,
                    .seconds = about->seconds,
                    .peak_memory_bytes = cgap_peak_memory_bytes()};
}

cgap_status cgap_text_make(char **out, cgap_text_writer *write, const void *of, cgap_error *error)
{
  size_t bytes;
  const cgap_c_locale locale = cgap_c_locale_begin();
  FILE *stream = open_memstream(out, &bytes);
  cgap_status status = stream ? write(stream, of, error) : CGAP_OK;
  if (!stream || (fclose(stream) != 0 && status == CGAP_OK))
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory");
  cgap_c_locale_end(locale);
  if (status != CGAP_OK && stream)
    free(*out);
  if (status != CGAP_OK)
    *out = NULL;
  return status;
}

static void made_report_clear(made_report *r)
{
  json_decref(r->json);
  cgap_row_names_clear(&r->names);
}

static cgap_status made_report_init(made_report *out, const cgap_audit *audit, const cgap_report_about *about,
                                    cgap_error *error)
{
  *out = (made_report){.run = cgap_about_run(about, "contragap audit")};
  cgap_status status = about->dataset ? cgap_row_names_read(&out->names, about->dataset, error) : CGAP_OK;
  if (status != CGAP_OK)
    return status;
  json_t *input = NULL;
  status = cgap_about_input(&input, about, error);
  if (status != CGAP_OK) {
    cgap_row_names_clear(&out->names);
    return status;
  }
  out->json = cgap_report_json(audit, input, &out->run);
  json_decref(input);
  if (!out->json || !cgap_report_name_pairs(out->json, &out->names)) {
    made_report_clear(out);
    return cgap_fail(error, CGAP_RESOURCE, "the report does not fit into memory; close other programs");
  }
  out->report = (cgap_report){.audit = audit,
                              .json = out->json,
                              .source = about->source ? about->source : "embeddings",
                              .run = &out->run,
                              .names = &out->names};
  return CGAP_OK;
}

/* ---------------------------------------------------------------- the folder */

static cgap_status write_all(const void *report, const char *folder, void (*warn)(const char *line), cgap_error *error)
{
  const cgap_report *r = report;
  cgap_status status = cgap_report_write(r, folder, error);
  if (status == CGAP_OK)
    status = cgap_report_render(r, folder, warn, error);
  return status == CGAP_OK ? cgap_audit_page_write(r, folder, warn, error) : status;
}

static cgap_status save(const char *path, bool replace, cgap_folder_writer *write, const void *of,
                        void (*warn)(const char *line), cgap_error *error)
{
  cgap_folder folder;
  cgap_stage stage;
  cgap_error ignored;
  cgap_status status = cgap_folder_open_alone(&folder, path, error);
  if (status != CGAP_OK)
    return status;
  status = cgap_overwrite_folder(path, CGAP_FOLDER_AUDIT, WRITTEN, replace, error);
  if (status == CGAP_OK)
    status = cgap_stage_open(&stage, folder.path, error);
  if (status == CGAP_OK) {
    status = write(of, stage.path, warn, error);
    if (status == CGAP_OK)
      status = cgap_overwrite_replace(&stage, CGAP_FOLDER_AUDIT, WRITTEN, error);
    else if (cgap_stage_close(&stage, false, &ignored) != CGAP_OK)
      status = cgap_fail(error, ignored.status, "%s", ignored.message);
  }
  if (status != CGAP_OK) {
    if (error)
      cgap_stage_hide(error->message);
    cgap_folder_abandon(&folder);
  }
  cgap_lock_release(path, true);
  return status;
}

cgap_status cgap_audit_folder_save(const char *path, bool replace, cgap_folder_writer *write, const void *of,
                                   void (*warn)(const char *line), cgap_error *error)
{
  const cgap_c_locale locale = cgap_c_locale_begin();
  const cgap_status status = save(path, replace, write, of, warn, error);
  cgap_gnuplot_close();
  cgap_c_locale_end(locale);
  return status;
}

cgap_status cgap_audit_save(const cgap_audit *audit, const char *folder, bool replace, const cgap_report_about *about,
                            void (*warn)(const char *line), cgap_error *error)
{
  made_report r;
  cgap_status status = cgap_check_argument(audit, "cgap_audit_save", "audit", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(folder, "cgap_audit_save", "folder", error);
  if (status == CGAP_OK)
    status = made_report_init(&r, audit, about ? about : &(cgap_report_about){0}, error);
  if (status != CGAP_OK)
    return status;
  status = cgap_audit_folder_save(folder, replace, write_all, &r.report, warn, error);
  made_report_clear(&r);
  return status;
}

/* ---------------------------------------------------------------- text */

static int remove_entry(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
  (void)facts;
  (void)kind;
  (void)place;
  return remove(path);
}

static cgap_status write_screen(const void *report, const char *folder, void (*warn)(const char *line),
                                cgap_error *error)
{
  const cgap_report *r = report;
  cgap_status status = cgap_report_write(r, folder, error);
  if (status == CGAP_OK)
    status = cgap_report_render(r, folder, warn, error);
  return status == CGAP_OK ? cgap_audit_screen_write(r, folder, warn, error) : status;
}

static cgap_status make_page(char **out, cgap_folder_writer *write, const void *of, cgap_error *error)
{
  enum { OPEN_FOLDERS_MAX = 4 };
  char folder[CGAP_PATH], path[CGAP_PATH];
  const int length = snprintf(folder, sizeof folder, "%s/contragap-XXXXXX", cgap_unnamed_file_folder());
  if (length >= (int)sizeof folder || !mkdtemp(folder))
    return cgap_fail(error, CGAP_RESOURCE, "%s: cannot make a folder for the figures; set TMPDIR to one with space",
                     cgap_unnamed_file_folder());
  cgap_status status = write(of, folder, NULL, error);
  if (status == CGAP_OK)
    status = cgap_folder_file(path, folder, "report.html", error);
  if (status == CGAP_OK && !(*out = cgap_read_text(path, NULL)))
    status = cgap_fail(error, CGAP_RESOURCE, "%s: cannot be read again", path);
  (void)nftw(folder, remove_entry, OPEN_FOLDERS_MAX, FTW_DEPTH | FTW_PHYS);
  return status;
}

cgap_status cgap_page_make(char **out, cgap_folder_writer *write, const void *of, cgap_error *error)
{
  const cgap_c_locale locale = cgap_c_locale_begin();
  const cgap_status status = make_page(out, write, of, error);
  cgap_gnuplot_close();
  cgap_c_locale_end(locale);
  return status;
}

/* What is printed, and how. */
typedef struct printed_report {
  const cgap_report *report;
  cgap_report_form form;
  int columns;
} printed_report;

static cgap_status print_report(FILE *stream, const void *of, cgap_error *error)
{
  const printed_report *p = of;
  const cgap_report *r = p->report;
  const cgap_paper paper = cgap_paper_plain(p->columns);
  switch (p->form) {
  case CGAP_REPORT_JSON:
    return cgap_json_print(r->json, stream, error);
  case CGAP_REPORT_TABLE:
  case CGAP_REPORT_TABLE_ALL:
    return cgap_table_print(r->audit, r->source, p->form == CGAP_REPORT_TABLE_ALL, &paper, stream, error);
  case CGAP_REPORT_MARKDOWN:
    return cgap_markup_print(r->audit, r->source, CGAP_MARKDOWN, stream, error);
  case CGAP_REPORT_LATEX:
    return cgap_markup_print(r->audit, r->source, CGAP_LATEX, stream, error);
  case CGAP_REPORT_CSV:
    return cgap_csv_print(r->audit, stream, error);
  case CGAP_REPORT_HTML:
    break;
  }
  return cgap_fail(error, CGAP_USAGE, "cgap_audit_text: there is no form %d", (int)p->form);
}

cgap_status cgap_audit_text(char **out, const cgap_audit *audit, cgap_report_form form, int columns,
                            const cgap_report_about *about, cgap_error *error)
{
  made_report r;
  cgap_status status = cgap_check_argument(out, "cgap_audit_text", "out", error);
  if (status == CGAP_OK) {
    *out = NULL;
    status = cgap_check_argument(audit, "cgap_audit_text", "audit", error);
  }
  if (status == CGAP_OK)
    status = made_report_init(&r, audit, about ? about : &(cgap_report_about){0}, error);
  if (status != CGAP_OK)
    return status;
  status = form == CGAP_REPORT_HTML
             ? cgap_page_make(out, write_screen, &r.report, error)
             : cgap_text_make(out, print_report, &(printed_report){&r.report, form, columns}, error);
  made_report_clear(&r);
  return status;
}

void cgap_text_free(char *text)
{
  free(text);
}
