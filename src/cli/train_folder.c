#include "cli/train_folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool ends_with(const char *name, const char *end)
{
  const size_t a = strlen(name), b = strlen(end);
  return a >= b && strcmp(name + a - b, end) == 0;
}

/* What a training leaves, prefixes of a race included. */
static bool is_of_a_run(const char *name)
{
  return ends_with(name, "head.h5") || ends_with(name, "history.jsonl") || ends_with(name, "checkpoint.bin");
}

/* Calls for every file of a run; returns how many there are, and the first one's name. */
static size_t files_of_runs(const char *path, bool remove_them, char first[256])
{
  size_t count = 0;
  DIR *folder = opendir(path);
  for (struct dirent *entry; folder && (entry = readdir(folder));) {
    if (!is_of_a_run(entry->d_name))
      continue;
    if (count++ == 0)
      snprintf(first, 256, "%s", entry->d_name);
    char file[CGAP_PATH];
    cgap_error ignored;
    if (remove_them && !ends_with(entry->d_name, "head.h5") &&
        cgap_folder_file(file, path, entry->d_name, &ignored) == CGAP_OK)
      (void)remove(file); /* a file that stays is replaced when the run writes its own */
  }
  if (folder)
    closedir(folder);
  return count;
}

cgap_status cli_train_folder_open(cgap_folder *out, const char *path, bool resume, bool force, cgap_error *error)
{
  char first[256] = "";
  if (!resume && !force && files_of_runs(path, false, first) > 0)
    return cgap_fail(
      error, CGAP_USAGE,
      "%s: holds another run (%s); give --resume to go on with it, --force to replace it, or another folder", path,
      first);
  cgap_status status = cgap_folder_open(out, path, error);
  if (status == CGAP_OK && force)
    (void)files_of_runs(path, true, first);
  return status;
}

static cgap_status file_in(char path[CGAP_PATH], const char *folder, const char *prefix, const char *name,
                           cgap_error *error)
{
  char both[300];
  snprintf(both, sizeof both, "%s%s", prefix, name);
  return cgap_folder_file(path, folder, both, error);
}

cgap_status cli_train_write_head(const char *folder, const char *prefix, const cgap_head *head, cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_status status = file_in(path, folder, prefix, "head.h5", error);
  return status == CGAP_OK ? cgap_head_write(head, path, error) : status;
}

static cgap_status write_report(const cli_train_result *r, size_t k, const char *folder, cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_run run = r->run;
  cgap_status status = file_in(path, folder, r->study->comparison.input[k].name, ".json", error);
  if (status != CGAP_OK)
    return status;
  json_t *json = cgap_report_json(&r->study->audit[k], r->input, &run);
  if (!json)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  status = cgap_json_write(json, path, error);
  json_decref(json);
  return status;
}

/* The comparison, with what training was. */
static cgap_status write_comparison(const cli_train_result *r, const char *folder, cgap_error *error)
{
  char path[CGAP_PATH];
  json_t *json = cgap_comparison_json(&r->study->comparison), *trainings = json_object();
  cgap_status status = cgap_folder_file(path, folder, "compare.json", error);
  if (!json || !trainings)
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (size_t k = 0; status == CGAP_OK && k < r->fits; k++) {
    const cgap_fitted *f = r->fitted[k];
    json_t *one = json_object();
    json_object_set_new(one, "epochs", json_integer((json_int_t)f->history.count));
    json_object_set_new(one, "kept_epoch", json_integer((json_int_t)f->kept_epoch));
    json_object_set_new(one, "steps", json_integer((json_int_t)f->steps));
    json_object_set_new(one, "seconds", cgap_number_json(f->seconds));
    json_object_set_new(one, "options", json_loads(f->head->options, 0, NULL));
    json_object_set_new(trainings, r->study->comparison.input[k + 1].name, one);
  }
  if (status == CGAP_OK) {
    json_object_set(json, "training", trainings);
    json_object_set_new(json, "run", cgap_run_json(&r->run));
    status = cgap_json_write(json, path, error);
  }
  json_decref(trainings);
  json_decref(json);
  return status;
}

cgap_status cli_train_write(const cli_train_result *r, const char *folder, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (size_t k = 0; status == CGAP_OK && k < r->study->count; k++)
    status = write_report(r, k, folder, error);
  return status == CGAP_OK ? write_comparison(r, folder, error) : status;
}
