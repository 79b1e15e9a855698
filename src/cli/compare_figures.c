/* The figures of a comparison of two, or of one with each other input. */
#include "cli/compare_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text_buffer.h"
#include "report/figures.h"
#include "report/gnuplot.h"

static const char *const KINDS[CGAP_BEFORE_AFTER] = {"scatter", "cosines", "variance", "dimensions"};

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
static cgap_status copy_kind(compare_figures *list, const compare_run *r, const char *kind, const char *folder,
                             cgap_error *error)
{
  char *table[COMPARE_LETTERS] = {NULL};
  const size_t count = r->comparison.count;
  bool all = true;
  cgap_status status = CGAP_OK;
  for (size_t k = 0; k < count && all && status == CGAP_OK; k++) {
    status = read_table(&table[k], r->item[k].source, kind, error);
    all = table[k] != NULL;
  }
  for (size_t k = 0; k < count && all && status == CGAP_OK; k++) {
    char path[CGAP_PATH], file[COMPARE_NAME + 4];
    char *name = list->text[list->count];
    snprintf(name, COMPARE_NAME, "%s-%c", kind, (char)('A' + k));
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

static cgap_status copy_figures(compare_figures *list, const compare_run *r, const char *folder, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (size_t f = 0; f < CGAP_BEFORE_AFTER && r->comparison.count <= COMPARE_LETTERS && status == CGAP_OK; f++)
    status = copy_kind(list, r, KINDS[f], folder, error);
  list->words = "The figures of the reports side by side, in the order in which they were given; each names its data. "
                "Their axes are each report's own.";
  return status;
}

/* Of two files of embeddings: on the same axes. */
static cgap_status before_after(compare_figures *list, const compare_run *r, const char *folder, cgap_error *error)
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

cgap_status compare_figures_write(compare_figures *list, const compare_run *r, const char *folder, cgap_error *error)
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
    status = copy_figures(list, r, path, error);
  else if (status == CGAP_OK && r->item[0].dataset && r->item[1].dataset)
    status = before_after(list, r, path, error);
  if (status == CGAP_OK && list->count == 0)
    cgap_folder_abandon(&made);
  return status == CGAP_OK ? cgap_figures_render(path, list->names, list->count, cli_warn_line, error) : status;
}
