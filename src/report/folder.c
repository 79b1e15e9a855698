#include "report/folder.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/output_file.h"
#include "report/figures.h"
#include "report/gnuplot.h"

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

cgap_status cgap_report_render(const cgap_audit *audit, const char *folder, void (*warn_line)(const char *line),
                               cgap_error *error)
{
  enum { MOST_FIGURES = 20 };
  const char *names[MOST_FIGURES];
  char path[CGAP_PATH];
  const cgap_plot_job job = {.format = "svg", .theme = "light"};
  size_t count = cgap_figures_of(audit, names, MOST_FIGURES);
  cgap_status status = cgap_folder_file(path, folder, "figures", error);
  for (size_t f = 0; f < count && !status; f++) {
    cgap_error fault = {0};
    cgap_status rendered = cgap_gnuplot_render(path, names[f], &job, &fault);
    if (rendered == CGAP_INTERRUPTED || rendered == CGAP_RESOURCE)
      status = cgap_fail(error, rendered, "%s", fault.message);
    else if (rendered && warn_line)
      warn_line(fault.message);
    if (rendered == CGAP_USAGE) /* no gnuplot: said once */
      break;
  }
  return status;
}

/* ---------------------------------------------------------------- rows */

static void print_rank(FILE *stream, double value, char end)
{
  if (isfinite(value))
    fprintf(stream, "%.1f%c", value, end);
  else
    fprintf(stream, "NA%c", end);
}

cgap_status cgap_rows_write(const cgap_audit *a, const char *path, cgap_error *error)
{
  if (!(a->has & CGAP_HAS_PAIRS)) {
    unlink(path); /* of an earlier audit: it would not belong to this report */
    return CGAP_OK;
  }
  cgap_outfile file;
  cgap_status status = cgap_outfile_open(&file, path, error);
  if (status)
    return status;
  fprintf(file.stream, "text\timage\tcosine\trank_text_to_image\trank_image_to_text\n");
  for (size_t j = 0; j < a->texts; j++) {
    size_t i = a->image_of[j];
    fprintf(file.stream, "%zu\t%zu\t%.9g\t", a->text_row[j], a->image_row[i], a->pair_cosine[j]);
    print_rank(file.stream, a->rank_text_to_image[j], '\t');
    print_rank(file.stream, a->rank_image_to_text[i], '\n');
  }
  return cgap_outfile_close(&file, true, error);
}
