#include "report/folder.h"

#include <string.h>

#include "report/figures.h"
#include "report/gnuplot.h"
#include "report/rows.h"

cgap_status cgap_report_write(const cgap_report *r, const char *folder, cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_folder figures = {0};
  cgap_status status = cgap_folder_file(path, folder, "figures", error);
  if (!status)
    status = cgap_folder_open(&figures, path, error);
  if (!status)
    status = cgap_folder_file(path, folder, "report.json", error);
  if (!status) /* first: by it an audit that was ended in the middle knows the folder again */
    status = cgap_json_write(r->json, path, error);
  if (!status)
    status = cgap_folder_file(path, folder, "figures", error);
  if (!status)
    status = cgap_figures_write(r->audit, r->source, path, error);
  if (!status)
    status = cgap_folder_file(path, folder, "rows.tsv", error);
  if (!status)
    status = cgap_rows_write(r->audit, path, error);
  return status;
}

cgap_status cgap_report_draw(const cgap_audit *audit, const char *folder, void (*told)(const char *line),
                             cgap_error *error)
{
  enum { ROOM = 20 };
  const char *names[ROOM];
  char path[CGAP_PATH];
  const cgap_drawing drawing = {.format = "svg", .theme = "light"};
  size_t count = cgap_figures_of(audit, names, ROOM);
  cgap_status status = cgap_folder_file(path, folder, "figures", error);
  for (size_t f = 0; f < count && !status; f++) {
    cgap_error fault = {0};
    cgap_status drawn = cgap_gnuplot_draw(path, names[f], &drawing, &fault);
    if (drawn == CGAP_INTERRUPTED || drawn == CGAP_RESOURCE)
      status = cgap_fail(error, drawn, "%s", fault.message);
    else if (drawn && told)
      told(fault.message);
    if (drawn == CGAP_USAGE) /* no gnuplot: said once */
      break;
  }
  return status;
}
