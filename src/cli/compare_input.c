#include "cli/compare_input.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
static size_t told_length(const char *path)
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
static void tail_of(char out[CGAP_PATH], const char *path, size_t parts)
{
  const size_t length = told_length(path);
  size_t at = length;
  while (at > 0 && (path[at - 1] != '/' || --parts > 0))
    at--;
  snprintf(out, CGAP_PATH, "%.*s", (int)(length - at), path + at);
}

void cli_compare_name(char out[CGAP_PATH], const cli_args *args, size_t k)
{
  char other[CGAP_PATH];
  for (size_t parts = 1;; parts++) {
    bool alone = true;
    tail_of(out, args->items[k], parts);
    for (size_t i = 0; i < args->count && alone; i++) {
      tail_of(other, args->items[i], parts);
      alone = i == k || strcmp(other, out) != 0;
    }
    if (alone || strlen(out) == told_length(args->items[k]))
      return;
  }
}
