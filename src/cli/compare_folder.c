#include "cli/compare_folder.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/overwrite.h"
#include "report/comparison_page.h"
#include "report/figures.h"
#include "report/gnuplot.h"

cgap_status cli_compare_folder_open(cgap_folder *out, const char *folder, const char *const *inputs, size_t count,
                                    cgap_error *error)
{
  static const char *const written[] = {"compare.json", "report.html", NULL};
  cgap_status status = cli_overwrite_inputs(folder, written, NULL, inputs, count, error);
  if (status != CGAP_OK || (status = cgap_folder_open_alone(out, folder, error)) != CGAP_OK)
    return status;
  status = cli_overwrite_folder(folder, CLI_FOLDER_COMPARE, written, error);
  if (status != CGAP_OK)
    cgap_folder_abandon(out);
  return status;
}

/* ---------------------------------------------------------------- figures */

enum { PAIRED_FIGURES = 4, LETTERS = 26, NAME = 40 };
static const char *const KINDS[PAIRED_FIGURES] = {"scatter", "cosines", "variance", "dimensions"};

/* Names of figures in the order of the page. */
typedef struct figure_list {
  char text[PAIRED_FIGURES * LETTERS][NAME];
  const char *names[PAIRED_FIGURES * LETTERS];
  size_t count;
  const char *words;
} figure_list;

/* The table that `audit -o` wrote next to a report. */
static char *table_beside(const char *argument, const char *kind)
{
  char path[CGAP_PATH];
  size_t length = strlen(argument);
  const char *slash = strrchr(argument, '/');
  const bool is_file = length > 5 && strcmp(argument + length - 5, ".json") == 0;
  if (is_file)
    length = slash ? (size_t)(slash - argument) : 0;
  const int used = snprintf(path, sizeof path, "%.*s%sfigures/%s.tsv", (int)length, argument, length ? "/" : "", kind);
  return used > 0 && (size_t)used < sizeof path ? cgap_read_text(path, NULL) : NULL;
}

/* "scatter-A" of A's table and so on, one kind after the other; a kind that one of them lacks is left out. */
static cgap_status copy_kind(figure_list *list, const cli_comparison *c, const char *kind, const char *folder,
                             cgap_error *error)
{
  char *table[LETTERS] = {NULL};
  const size_t count = c->comparison->count;
  bool all = true;
  cgap_status status = CGAP_OK;
  for (size_t k = 0; k < count && all; k++) {
    table[k] = table_beside(c->paths[k], kind);
    all = table[k] != NULL;
  }
  for (size_t k = 0; k < count && all && status == CGAP_OK; k++) {
    char path[CGAP_PATH], file[NAME + 4];
    char *name = list->text[list->count];
    snprintf(name, NAME, "%s-%c", kind, (char)('A' + k));
    snprintf(file, sizeof file, "%s.tsv", name);
    status = cgap_folder_file(path, folder, file, error);
    if (status == CGAP_OK)
      status = cgap_write_file(path, table[k], strlen(table[k]), error);
    if (status == CGAP_OK)
      status = cgap_plots_copy(folder, name, error);
    list->names[list->count++] = name;
  }
  for (size_t k = 0; k < count; k++)
    free(table[k]);
  return status;
}

static cgap_status copy_figures(figure_list *list, const cli_comparison *c, const char *folder, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (size_t f = 0; f < PAIRED_FIGURES && c->comparison->count <= LETTERS && status == CGAP_OK; f++)
    status = copy_kind(list, c, KINDS[f], folder, error);
  list->words = "The figures of the reports side by side, in the order in which they were given; each names its data. "
                "Their axes are each report's own.";
  return status;
}

/* Of two files of embeddings: on the same axes. */
static cgap_status before_after(figure_list *list, const cli_comparison *c, const char *folder, cgap_error *error)
{
  char source[400], from[100], to[100];
  cgap_name_shorten(from, sizeof from, c->comparison->input[0].name);
  cgap_name_shorten(to, sizeof to, c->comparison->input[1].name);
  snprintf(source, sizeof source, "%s, %s", from, to);
  list->count = cgap_before_after_of(list->names, PAIRED_FIGURES);
  list->words = c->comparison->count > 2 ? "Before is the first file, after the second; the others have no figures."
                                         : "Before is the first file, after the second.";
  return cgap_before_after_write(c->audits[0], c->audits[1], source, folder, error);
}

static cgap_status write_figures(figure_list *list, const cli_comparison *c, const char *folder,
                                 void (*warn_line)(const char *line), cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_folder made;
  bool reports = true;
  for (size_t k = 0; k < c->comparison->count; k++)
    reports = reports && !c->audits[k];
  cgap_status status = cgap_folder_file(path, folder, "figures", error);
  if (status == CGAP_OK)
    status = cgap_folder_open(&made, path, error);
  if (status == CGAP_OK && reports)
    status = copy_figures(list, c, path, error);
  else if (status == CGAP_OK && c->audits[0] && c->audits[1])
    status = before_after(list, c, path, error);
  if (status == CGAP_OK && list->count == 0)
    cgap_folder_abandon(&made);
  return status == CGAP_OK ? cgap_render_figures(path, list->names, list->count, warn_line, error) : status;
}

cgap_status cli_compare_write(const cli_comparison *c, const char *folder, void (*warn_line)(const char *line),
                              cgap_error *error)
{
  char path[CGAP_PATH];
  figure_list *list = calloc(1, sizeof *list);
  if (!list)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  cgap_status status = cgap_folder_file(path, folder, "compare.json", error);
  if (status == CGAP_OK)
    status = cgap_json_write(c->json, path, error);
  if (status == CGAP_OK)
    status = write_figures(list, c, folder, warn_line, error);
  const cgap_comparison_about about = {
    .paths = c->paths, .figures = list->names, .figure_count = list->count, .figure_words = list->words, .run = c->run};
  if (status == CGAP_OK)
    status = cgap_comparison_page_write(c->comparison, &about, folder, error);
  free(list);
  return status;
}

/* ---------------------------------------------------------------- compare input */

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

bool cli_compare_report(char path[CGAP_PATH], const char *argument)
{
  struct stat status;
  if (stat(argument, &status) != 0)
    return false;
  if (S_ISDIR(status.st_mode))
    return folder_report(path, argument);
  FILE *file = fopen(argument, "rb");
  int c = file ? fgetc(file) : EOF;
  while (c != EOF && isspace(c))
    c = fgetc(file);
  if (file)
    fclose(file);
  snprintf(path, CGAP_PATH, "%s", argument);
  return c == '{';
}

/* A path without what says nothing: slashes at its end, and the report.json of a folder. */
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

/* The last `parts` parts of a path. */
static void tail_of(char out[CGAP_PATH], const char *path, size_t components)
{
  const size_t length = significant_length(path);
  size_t at = length;
  while (at > 0 && (path[at - 1] != '/' || --components > 0))
    at--;
  snprintf(out, CGAP_PATH, "%.*s", (int)(length - at), path + at);
}

void cli_compare_name(char out[CGAP_PATH], const cli_args *args, size_t k)
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
      return;
  }
}
