#include "report/overwrite.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output_file.h"
#include "head/training/train_options.h"
#include "io/read/hdf5_basics.h"
#include "report/card.h"
#include "report/figures.h"
#include "report/gnuplot.h"
#include "report/many_show.h"

enum { NAME = 300, TEXT_BYTES_MAX = 65536 };

const char *const cgap_training_files[CGAP_TRAINING_FILES] = {"head.h5", "checkpoint.bin", "history.jsonl",
                                                              "history.csv", "head.safetensors"};
const char *const cgap_training_prefixes[CGAP_TRAINING_PREFIXES] = {"", "clip-", "cua-", "cuaxu-"};

/* An error is no absence: what cannot be examined is taken as there. */
static bool is_there(const char *path)
{
  struct stat facts;
  return lstat(path, &facts) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

static bool holds_file(const char *folder, const char *name)
{
  char path[CGAP_PATH];
  cgap_error ignored;
  return cgap_folder_file(path, folder, name, &ignored) != CGAP_OK || is_there(path);
}

static bool is_command(const char *line, const char *command)
{
  const size_t length = strlen(command);
  return line && strncmp(line, "contragap ", 10) == 0 && strncmp(line + 10, command, length) == 0 &&
         (line[10 + length] == ' ' || line[10 + length] == '\0');
}

/* ---------------------------------------------------------------- folders */

static json_t *load_json(const char *folder, const char *name)
{
  char path[CGAP_PATH];
  cgap_error ignored;
  FILE *file = cgap_folder_file(path, folder, name, &ignored) == CGAP_OK ? cgap_open_regular(path, "rb") : NULL;
  json_t *json = file ? json_loadf(file, 0, NULL) : NULL;
  if (file)
    fclose(file);
  return json;
}

static bool has_audit(const char *folder, char found[NAME])
{
  json_t *json = load_json(folder, "report.json");
  const json_t *run = json_object_get(json, "run");
  const bool has = is_command(json_string_value(json_object_get(run, "command_line")), "audit");
  snprintf(found, NAME, "report.json");
  json_decref(json);
  return has;
}

/* That of a training says how it trained. */
static bool has_comparison(const char *folder, char found[NAME])
{
  json_t *json = load_json(folder, "compare.json");
  const bool has =
    (json_object_get(json, "baseline") || json_object_get(json, "sorted_by")) && !json_object_get(json, "training");
  snprintf(found, NAME, "compare.json");
  json_decref(json);
  return has;
}

static bool has_sweep(const char *folder, char found[NAME])
{
  snprintf(found, NAME, "runs.jsonl");
  return holds_file(folder, found);
}

bool cgap_overwrite_finds_training(const char *folder, char found[NAME])
{
  for (int p = 0; p < CGAP_TRAINING_PREFIXES; p++)
    for (int k = CGAP_TRAINING_HEAD; k <= CGAP_TRAINING_HISTORY; k++) { /* a history.csv alone may be anyone's */
      char path[CGAP_PATH];
      cgap_error ignored;
      snprintf(found, NAME, "%s%s", cgap_training_prefixes[p], cgap_training_files[k]);
      if (cgap_folder_file(path, folder, found, &ignored) == CGAP_OK && access(path, F_OK) == 0)
        return true;
    }
  return false;
}

static const struct {
  const char *command, *result;
  bool (*has)(const char *folder, char found[NAME]); /* the file by which that is known into found */
} KINDS[] = {[CGAP_FOLDER_AUDIT] = {"audit", "an audit", has_audit},
             [CGAP_FOLDER_TRAIN] = {"train", "a training", cgap_overwrite_finds_training},
             [CGAP_FOLDER_COMPARE] = {"compare", "a comparison", has_comparison},
             [CGAP_FOLDER_SWEEP] = {"sweep", "a sweep", has_sweep}};

static bool file_contains(const char *folder, const char *name, const char *mark)
{
  char path[CGAP_PATH];
  cgap_error ignored;
  char *text = cgap_folder_file(path, folder, name, &ignored) == CGAP_OK ? cgap_read_text(path, NULL) : NULL;
  const bool found = text && strstr(text, mark);
  free(text);
  return found;
}

/* In a folder that the command wrote pictures may be drawn again: those that gnuplot drew. */
static bool is_own_figure(const char *folder, const char *name, const char *format)
{
  static const char *const PICTURES[] = {"svg", "png", "pdf", "tex"};
  char path[CGAP_PATH];
  cgap_error ignored;
  for (size_t k = 0; k < sizeof PICTURES / sizeof *PICTURES; k++)
    if (strcmp(format, PICTURES[k]) == 0)
      return cgap_folder_file(path, folder, name, &ignored) == CGAP_OK && cgap_gnuplot_made(path, format);
  return true;
}

/* In a folder that the command wrote: whether this file is still such a one as the program writes. */
static bool is_own_kind(const char *folder, const char *name)
{
  if (strcmp(name, "report.html") == 0)
    return file_contains(folder, name, "<footer>contragap ");
  if (strcmp(name, "rows.tsv") == 0)
    return file_contains(folder, name, "\tcosine\trank_") || file_contains(folder, name, CGAP_MANY_ROWS_HEAD);
  if (strcmp(name, "changes.tsv") == 0)
    return file_contains(folder, name, "direction\trow\trank_before\trank_after\tmixed_rank_before");
  if (strcmp(name, "classes.tsv") == 0)
    return file_contains(folder, name, "\ttop_1_before\ttop_1_after\tlost\tgained");
  if (strcmp(name, CGAP_CARD_FILE) == 0)
    return is_own_figure(folder, name, "png");
  if (strcmp(name, "groups.tsv") == 0)
    return file_contains(folder, name, "name\tn\ttexts\tcorrected_distance");
  return true;
}

/* The stem of a figure's file, "scatter" of "scatter.svg"; false: it has another ending. */
static bool stem_of(char stem[NAME], const char *file)
{
  static const char *const ENDINGS[] = {".tsv", ".gp", ".svg", ".png", ".pdf", ".tex"};
  const char *dot = strrchr(file, '.');
  for (size_t k = 0; dot && k < sizeof ENDINGS / sizeof *ENDINGS; k++)
    if (strcmp(dot, ENDINGS[k]) == 0) {
      snprintf(stem, NAME, "%.*s", (int)(dot - file), file);
      return true;
    }
  return false;
}

/* A file that a figure of the program would replace into found; own: the command wrote the folder. */
static bool holds_figure(const char *folder, bool own, char found[NAME])
{
  char path[CGAP_PATH];
  cgap_error ignored;
  DIR *list = cgap_folder_file(path, folder, "figures", &ignored) == CGAP_OK ? opendir(path) : NULL;
  bool any = false;
  for (const struct dirent *entry; !any && list && (entry = readdir(list));) {
    char stem[NAME];
    if (!stem_of(stem, entry->d_name))
      continue;
    any = (cgap_figure_find(stem) || strcmp(entry->d_name, "style.gp") == 0) &&
          !(own && is_own_figure(path, entry->d_name, entry->d_name + strlen(stem) + 1));
    snprintf(found, NAME, "figures/%.280s", entry->d_name);
  }
  if (list)
    closedir(list);
  return any;
}

static cgap_status fail_foreign(const char *folder, const char *name, cgap_folder_kind kind, cgap_error *error)
{
  return cgap_fail(
    error, CGAP_FILE,
    "%s: holds %s, which %s did not write and would replace; give another folder, or `replace` to replace "
    "it",
    folder, name, KINDS[kind].command);
}

cgap_status cgap_overwrite_folder(const char *folder, cgap_folder_kind kind, const char *const *names, bool replace,
                                  cgap_error *error)
{
  char found[NAME];
  if (replace || !is_there(folder))
    return CGAP_OK;
  for (size_t k = 0; k < sizeof KINDS / sizeof *KINDS; k++)
    if (k != (size_t)kind && KINDS[k].has(folder, found))
      return cgap_fail(error, CGAP_FILE,
                       "%s: holds the results of %s (%s), whose page and figures %s would replace; give another "
                       "folder, or `replace` to replace them",
                       folder, KINDS[k].result, found, KINDS[kind].command);
  const bool own = KINDS[kind].has(folder, found);
  for (; *names; names++)
    if (holds_file(folder, *names) && !(own && is_own_kind(folder, *names)))
      return fail_foreign(folder, *names, kind, error);
  return holds_figure(folder, own, found) ? fail_foreign(folder, found, kind, error) : CGAP_OK;
}

/* ---------------------------------------------------------------- what is replaced */

enum { FIGURES_OF_ONE_MAX = 12 };

/* "sweep-": and the name of an axis, or one capital letter. */
static const char *const FIGURES[][FIGURES_OF_ONE_MAX + 1] = {
  [CGAP_FOLDER_AUDIT] = {"scatter", "cosines", "variance", "dimensions", "recall", "plane", "matrix", "modalities",
                         "groups", "card"},
  [CGAP_FOLDER_TRAIN] = {"history", "race", "scatter_before_after", "cosines_before_after", "variance_before_after",
                         "dimensions_before_after", "one_index", "confusion", "who_loses", "card"},
  [CGAP_FOLDER_COMPARE] = {"scatter-", "cosines-", "variance-", "dimensions-", "scatter_before_after",
                           "cosines_before_after", "variance_before_after", "dimensions_before_after", "overview",
                           "series"},
  [CGAP_FOLDER_SWEEP] = {"sweep-", "map"}};

static bool is_axis_or_letter(const char *text)
{
  bool found = text[0] >= 'A' && text[0] <= 'Z' && !text[1];
  for (int a = 0; !found && a < cgap_axis_count(); a++)
    found = strcmp(text, cgap_axis_name(a)) == 0;
  return found;
}

static bool is_figure_of(cgap_folder_kind kind, const char *stem)
{
  for (const char *const *name = FIGURES[kind]; *name; name++) {
    const size_t length = strlen(*name);
    const bool open = (*name)[length - 1] == '-';
    if (strncmp(stem, *name, length) == 0 && (open ? is_axis_or_letter(stem + length) : !stem[length]))
      return true;
  }
  return false;
}

/* stage NULL: at once. */
static cgap_status remove_figures(const char *folder, cgap_folder_kind kind, const cgap_stage *stage, cgap_error *error)
{
  char figures[CGAP_PATH], name[NAME + 8], stem[NAME];
  cgap_status status = cgap_folder_file(figures, folder, "figures", error);
  DIR *list = status == CGAP_OK ? opendir(figures) : NULL;
  for (const struct dirent *entry; status == CGAP_OK && list && (entry = readdir(list));) {
    if (!stem_of(stem, entry->d_name) || !is_figure_of(kind, stem))
      continue;
    snprintf(name, sizeof name, "figures/%s", entry->d_name);
    if (stage)
      status = cgap_stage_remove(stage, name, error);
    else
      (void)unlinkat(dirfd(list), entry->d_name, 0);
  }
  if (list)
    closedir(list);
  return status;
}

void cgap_overwrite_remove_figures(const char *folder, cgap_folder_kind kind)
{
  cgap_error ignored;
  if (remove_figures(folder, kind, NULL, &ignored) != CGAP_OK)
    return; /* none has so long a name */
}

cgap_status cgap_overwrite_replace(cgap_stage *stage, cgap_folder_kind kind, const char *const *names,
                                   cgap_error *error)
{
  cgap_status status = remove_figures(stage->folder, kind, stage, error);
  for (; status == CGAP_OK && *names; names++)
    status = cgap_stage_remove(stage, *names, error);
  if (status == CGAP_OK)
    return cgap_stage_close(stage, true, error);
  cgap_error ignored;
  return cgap_stage_close(stage, false, &ignored) == CGAP_OK ? status : ignored.status;
}

/* ---------------------------------------------------------------- what is read */

bool cgap_same_file(const char *a, const char *b)
{
  struct stat one, other;
  return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

cgap_status cgap_overwrite_inputs(const char *folder, const char *const *names, const cgap_dataset *dataset,
                                  const char *const *inputs, size_t count, cgap_error *error)
{
  for (; *names; names++) {
    char path[CGAP_PATH];
    cgap_status status = cgap_folder_file(path, folder, *names, error);
    if (status != CGAP_OK)
      return status;
    bool is_read = dataset && cgap_dataset_reads(dataset, path);
    for (size_t k = 0; !is_read && k < count; k++)
      is_read = cgap_same_file(inputs[k], path);
    if (is_read)
      return cgap_fail(error, CGAP_USAGE, "%s: this command reads it; give another folder with -o", path);
  }
  return CGAP_OK;
}

/* ---------------------------------------------------------------- files */

static bool is_written_by(const char *path, const char *command)
{
  cgap_file *file = NULL;
  cgap_error ignored;
  char *line = calloc(TEXT_BYTES_MAX + 1, 1); /* an attribute is no longer */
  bool own = false;
  if (line && cgap_file_open(&file, path, NULL, &ignored) == CGAP_OK)
    own = cgap_file_mark(line, TEXT_BYTES_MAX + 1, file, "command") && is_command(line, command);
  cgap_file_close(file);
  free(line);
  return own;
}

cgap_status cgap_overwrite_file(const char *path, const char *command, bool replace, cgap_error *error)
{
  struct stat facts;
  if (replace || !is_there(path))
    return CGAP_OK;
  if (stat(path, &facts) == 0 && !S_ISREG(facts.st_mode)) /* the writer says what it is */
    return CGAP_OK;
  if (is_written_by(path, command))
    return CGAP_OK;
  return cgap_fail(
    error, CGAP_FILE,
    "%s: exists already and was not written by contragap %s; give another name, or `replace` to replace it", path,
    command);
}
