/* The inputs of contragap compare: what an argument names, reports and embeddings read, and whose rows are whose. */
#include "cli/compare_run.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/language.h"
#include "base/text_buffer.h"
#include "cli/interrupt.h"
#include "head/evaluation/evaluation.h"
#include "io/read/container.h"
#include "report/comparison_show.h"

/* ---------------------------------------------------------------- arguments */

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

/* Whether an argument is or holds a report, and its path: a folder's report.json, a training's after.json, or a file
 * that begins with a brace. pair: of FILE:PAIR, else NULL. */
static bool find_report(char path[CGAP_PATH], const char **pair, const char *argument)
{
  struct stat status;
  char report[CGAP_PATH];
  *pair = cgap_report_pair(report, argument);
  if (*pair)
    argument = report;
  if (stat(argument, &status) != 0)
    return false;
  if (S_ISDIR(status.st_mode))
    return folder_report(path, argument);
  FILE *file = cgap_open_regular(argument, "rb");
  int c = file ? fgetc(file) : EOF;
  while (c != EOF && isspace(c))
    c = fgetc(file);
  if (file)
    fclose(file);
  snprintf(path, CGAP_PATH, "%s", argument);
  return c == '{';
}

/* A path without slashes at its end and without the report.json of a folder. */
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

/* The last so many components of a path. */
static void tail_of(char out[CGAP_PATH], const char *path, size_t components)
{
  const size_t length = significant_length(path);
  size_t at = length;
  while (at > 0 && (path[at - 1] != '/' || --components > 0))
    at--;
  snprintf(out, CGAP_PATH, "%.*s", (int)(length - at), path + at);
}

/* What the name of an input without one is made of. */
static const char *path_of(const compare_input *in)
{
  return in->first[0] ? in->first : in->source;
}

/* The shortest tail of the path of input k that no other's ends with. */
static void name_input(compare_run *r, size_t k)
{
  compare_input *in = &r->item[k];
  char other[CGAP_PATH];
  for (size_t components = 1;; components++) {
    bool alone = true;
    tail_of(in->name, path_of(in), components);
    for (size_t i = 0; i < r->count && alone; i++) {
      tail_of(other, path_of(&r->item[i]), components);
      alone = i == k || r->item[i].is_named || strcmp(other, in->name) != 0;
    }
    if (alone || strlen(in->name) == significant_length(path_of(in)))
      break;
  }
  cgap_text_clean(in->name, '?', "");
}

/* IMAGES,TEXTS: at the comma that has a file on either side, else at the first; an existing file is one. */
static cgap_status split_arrays(compare_input *in, cgap_error *error)
{
  struct stat file;
  const char *at = NULL;
  if (!strchr(in->source, ',') || stat(in->source, &file) == 0)
    return CGAP_OK;
  for (const char *comma = strchr(in->source, ','); comma; comma = strchr(comma + 1, ',')) {
    if ((size_t)snprintf(in->first, sizeof in->first, "%.*s", (int)(comma - in->source), in->source) >=
          sizeof in->first ||
        (size_t)snprintf(in->second, sizeof in->second, "%s", comma + 1) >= sizeof in->second)
      return cgap_fail(error, CGAP_FILE, "%.200s…: the path is too long", in->source);
    at = stat(in->first, &file) == 0 && stat(in->second, &file) == 0 ? comma : at;
    if (at == comma)
      break;
  }
  if (!at) { /* FILE:/path,FILE:/path, and what is missing */
    at = strchr(in->source, ',');
    snprintf(in->first, sizeof in->first, "%.*s", (int)(at - in->source), in->source);
    snprintf(in->second, sizeof in->second, "%s", at + 1);
  }
  if (!in->first[0] || !in->second[0])
    return cgap_fail(error, CGAP_USAGE, "%s: give both arrays of an input, as in IMAGES.npy,TEXTS.npy", in->given);
  if (cli_shared.image || cli_shared.text)
    return cgap_fail(error, CGAP_USAGE, "%s names its modalities; leave out --image and --text", in->given);
  return CGAP_OK;
}

static cgap_status read_argument(compare_input *in, const char *given, cgap_error *error)
{
  const size_t length = cli_name_length(given);
  in->given = given;
  in->source = length ? given + length + 1 : given;
  in->is_named = length > 0;
  if (length >= CGAP_NAME_SIZE)
    return cgap_fail(error, CGAP_USAGE, "%.*s: a name of %zu letters; the name of an input has at most %d", (int)length,
                     given, length, CGAP_NAME_SIZE - 1);
  snprintf(in->name, sizeof in->name, "%.*s", (int)length, given);
  if (!in->source[0])
    return cgap_fail(error, CGAP_USAGE, "%s: no source; give NAME=FILE, as in %sFILE.h5", given, given);
  return split_arrays(in, error);
}

cgap_status compare_arguments(compare_run *r, const cli_args *args, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  r->count = args->count;
  r->item = calloc(r->count, sizeof *r->item);
  if (!r->item)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (size_t k = 0; status == CGAP_OK && k < r->count; k++) {
    status = read_argument(&r->item[k], args->items[k], error);
    for (size_t i = 0; status == CGAP_OK && r->item[k].is_named && i < k; i++)
      if (strcmp(r->item[i].name, r->item[k].name) == 0)
        return cgap_fail(error, CGAP_USAGE, "two inputs are named %s; give each another name", r->item[k].name);
  }
  for (size_t k = 0; status == CGAP_OK && k < r->count; k++)
    if (!r->item[k].is_named)
      name_input(r, k);
  return status;
}

/* ---------------------------------------------------------------- inputs */

/* The figures next to a report have to be of the same run. */
static cgap_status check_whole(const char *report, cgap_error *error)
{
  char folder[CGAP_PATH];
  const char *slash = strrchr(report, '/');
  snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - report) : 1, slash ? report : ".");
  return cgap_stage_check(folder, error);
}

static cgap_status read_report(compare_run *r, size_t k, const char *path, const char *pair, cgap_error *error)
{
  const char *name = r->item[k].name;
  json_error_t fault;
  size_t bytes = 0;
  cgap_status status = check_whole(path, error);
  if (status != CGAP_OK)
    return status;
  char *text = cgap_read_text(path, &bytes); /* json_load_file takes a read that failed for the file's end */
  if (!text)
    return cgap_fail(error, CGAP_FILE,
                     "%s: cannot be read; give a report.json, a folder that holds one, or a file of embeddings", path);
  json_t *json = json_loadb(text, bytes, 0, &fault);
  free(text);
  if (!json)
    return cgap_fail(error, CGAP_DATA, "%s: no JSON at line %d: %.200s", path, fault.line, fault.text);
  const json_t *report = pair ? cgap_report_of_pair(json, pair) : json;
  status = report ? cgap_comparison_report(&r->comparison, k, name, report, error)
                  : cgap_fail(error, CGAP_DATA, "%s: no pair %s; its \"pairs\" are named as in image-text", path, pair);
  json_decref(json);
  return status;
}

/* One argument is one input, and images alone are none. */
static cgap_status refuse_array(const char *path, cgap_error *error)
{
  return cgap_fail(error, CGAP_FILE,
                   "%s: one array, and each argument is a data set of its own: give a folder that holds the .npy files "
                   "of images and texts, or make one file of them, `contragap convert IMAGES.npy TEXTS.npy -o NEW.h5`",
                   path);
}

static cgap_status audit_embeddings(compare_run *r, size_t k, cgap_error *error)
{
  compare_input *in = &r->item[k];
  cgap_input_options input;
  cli_modalities names; /* of --names */
  cgap_status status = cli_input(&input, &names, &(const cli_args){0}, error);
  if (status != CGAP_OK)
    return status;
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  options.threads = cli_shared.threads;
  options.memory_bytes = cli_shared.memory_bytes;
  options.progress = cli_progress();
  options.contributions = true;
  if (in->first[0]) {
    input.image = in->first;
    input.text = in->second;
  } else {
    input.files = &in->source;
    input.file_count = 1;
  }
  const double start = cli_seconds();
  status = cli_open(&in->dataset, &input, error);
  const char *dot = strrchr(in->source, '.');
  if (status == CGAP_FILE && !in->first[0] && dot && strcmp(dot, ".npy") == 0 && cgap_file_is_npy(in->source, NULL))
    status = refuse_array(in->source, error);
  if (status == CGAP_OK)
    status = cgap_audit_run(&in->audit, cgap_dataset_data(in->dataset), &options, error);
  cli_progress_clear();
  if (status == CGAP_OK)
    status = cgap_comparison_audit(&r->comparison, k, in->name, &in->audit, error);
  json_t *described = status == CGAP_OK ? cgap_dataset_json(in->dataset) : NULL;
  if (status == CGAP_OK)
    status = cgap_comparison_trained(&r->comparison, k, described, error);
  json_decref(described);
  if (status == CGAP_OK)
    r->comparison.input[k].seconds = cli_seconds() - start;
  return status;
}

cgap_status compare_read(compare_run *r, size_t k, cgap_error *error)
{
  char path[CGAP_PATH];
  const char *pair;
  return !r->item[k].first[0] && find_report(path, &pair, r->item[k].source) ? read_report(r, k, path, pair, error)
                                                                             : audit_embeddings(r, k, error);
}

/* ---------------------------------------------------------------- whose rows */

/* Whether the rows of b are those of a, and what says so: the user's --independent, ids and captions of the files, then
 * the rows themselves. */
static cgap_status relate_rows(cgap_rows_relation *out, const char **why, const compare_input *a,
                               const compare_input *b, bool independent, cgap_error *error)
{
  *out = CGAP_ROWS_UNKNOWN;
  *why = NULL;
  if (!a->dataset || !b->dataset)
    return CGAP_OK;
  *out = CGAP_ROWS_OTHER;
  *why = independent ? N_("--independent says so")
                     : N_("the numbers of {images} or {texts}, or who belongs to whom, differ");
  if (independent || !cgap_paired_possible(&a->audit, &b->audit))
    return CGAP_OK;
  cgap_names_relation names;
  cgap_status status = cgap_dataset_same_names(&names, a->dataset, b->dataset, error);
  if (names == CGAP_NAMES_SILENT) {
    *out = cgap_rows_recognised(&a->audit, &b->audit, why);
  } else {
    *out = names == CGAP_NAMES_SAME ? CGAP_ROWS_SAME : CGAP_ROWS_OTHER;
    *why = names == CGAP_NAMES_SAME ? N_("their ids, file names or captions are the same")
                                    : N_("their ids, file names or captions differ");
  }
  return status;
}

cgap_status compare_with_first(compare_run *r, cgap_error *error)
{
  cgap_comparison *c = &r->comparison;
  cgap_status status = CGAP_OK;
  for (size_t k = 1; status == CGAP_OK && k < r->count; k++) {
    cgap_compared *in = &c->input[k];
    cgap_comparison_differences(c, k);
    status = relate_rows(&in->rows, &in->rows_why, &r->item[0], &r->item[k], r->independent, error);
    if (status == CGAP_OK && (in->rows == CGAP_ROWS_SAME || in->rows == CGAP_ROWS_ASSUMED))
      status = cgap_paired_differences(c, k, &r->item[0].audit, &r->item[k].audit, error);
  }
  return status;
}

/* What follows for two inputs from how their rows are to the first's. false: nothing. */
static bool follows(cgap_rows_relation *out, cgap_rows_relation a, cgap_rows_relation b)
{
  const bool a_same = a == CGAP_ROWS_SAME || a == CGAP_ROWS_ASSUMED,
             b_same = b == CGAP_ROWS_SAME || b == CGAP_ROWS_ASSUMED;
  *out = !a_same || !b_same ? CGAP_ROWS_OTHER : a == b && a == CGAP_ROWS_SAME ? CGAP_ROWS_SAME : CGAP_ROWS_ASSUMED;
  return a_same || b_same;
}

cgap_status compare_relate_all(cgap_rows_relation *relation, const compare_run *r, cgap_error *error)
{
  const size_t n = r->count;
  cgap_status status = CGAP_OK;
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; status == CGAP_OK && k <= i; k++) {
      const cgap_rows_relation a = k ? r->comparison.input[k].rows : CGAP_ROWS_SAME, b = r->comparison.input[i].rows;
      const bool has_report = !r->item[i].dataset || !r->item[k].dataset;
      const char *why;
      cgap_rows_relation found = i == k ? CGAP_ROWS_SAME : has_report ? CGAP_ROWS_UNKNOWN : b;
      if (i != k && k > 0 && !has_report && (a == CGAP_ROWS_UNKNOWN || !follows(&found, a, b)))
        status = relate_rows(&found, &why, &r->item[k], &r->item[i], r->independent, error);
      relation[i * n + k] = relation[k * n + i] = found;
    }
  return status;
}
