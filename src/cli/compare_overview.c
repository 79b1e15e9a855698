/* contragap compare with three inputs or more, or with --sort or --series: one table of all. */
#include <stdlib.h>

#include "cli/compare_run.h"
#include "report/figures.h"

cgap_status compare_overview_check(const compare_run *r, const compare_overview_options *options, cgap_error *error)
{
  const char *names[r->count];
  double number[r->count];
  for (size_t k = 0; k < r->count; k++)
    names[k] = r->item[k].name;
  if (options->sort && cgap_entry_find(options->sort) == SIZE_MAX) {
    const char *near = cgap_key_suggestion(options->sort);
    return cgap_fail(error, CGAP_USAGE, "--sort %s: no measure has this key%s%s%s", options->sort,
                     near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
  }
  return options->series ? cgap_series_numbers(number, names, r->count, error) : CGAP_OK;
}

cgap_status compare_overview_run(cgap_overview *out, const compare_run *r, const compare_overview_options *options,
                                 cgap_error *error)
{
  const cgap_audit **audit = calloc(r->count, sizeof *audit);
  cgap_rows_relation *relation = calloc(r->count * r->count, sizeof *relation);
  *out = (cgap_overview){0};
  cgap_status status = audit && relation ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (size_t k = 0; status == CGAP_OK && k < r->count; k++)
    audit[k] = r->item[k].dataset ? &r->item[k].audit : NULL;
  if (status == CGAP_OK)
    status = compare_relate_all(relation, r, error);
  const cgap_overview_options how = {
    .audit = audit, .relation = relation, .all = options->all, .series = options->series, .sort = options->sort};
  if (status == CGAP_OK)
    status = cgap_overview_init(out, &r->comparison, &how, error);
  free(audit);
  free(relation);
  return status;
}

cgap_status compare_overview_write(const cgap_overview *o, const compare_run *r, const cgap_run *run,
                                   const char *folder, cgap_error *error)
{
  char figures[CGAP_PATH];
  const char *paths[r->count];
  cgap_folder made;
  cgap_overview_about about = {.paths = paths, .warn_line = cli_warn_line, .run = run};
  for (size_t k = 0; k < r->count; k++)
    paths[k] = r->item[k].source;
  cgap_status status = cgap_folder_file(figures, folder, "figures", error);
  if (status == CGAP_OK)
    status = cgap_folder_open(&made, figures, error);
  if (status == CGAP_OK)
    status = cgap_overview_figure_write(&about.figure, o, figures, error);
  if (status == CGAP_OK)
    status = cgap_figures_render(figures, &about.figure, 1, cli_warn_line, error);
  return status == CGAP_OK ? cgap_overview_page_write(o, &about, folder, error) : status;
}
