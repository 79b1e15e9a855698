#include "base/json_lines.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output_file.h"

cgap_status cgap_json_line_refuse(const cgap_json_line *line, const char *what, cgap_error *error)
{
  return cgap_fail(error, CGAP_FILE,
                   "%s, line %zu: %s; only a last line without its end may be half: put the file back as it was or "
                   "correct the line, or give --force to begin again without what the folder holds",
                   line->path, line->number, what);
}

/* *value NULL with CGAP_OK: half a line, the last one. */
static cgap_status parse_line(json_t **value, cgap_json_line *line, const char *text, size_t bytes, cgap_error *error)
{
  char what[300];
  json_error_t fault;
  *value = json_loadb(text, bytes, 0, &fault);
  if (*value)
    return CGAP_OK;
  if (json_error_code(&fault) == json_error_out_of_memory)
    return cgap_fail(error, CGAP_RESOURCE, "%s, line %zu: out of memory", line->path, line->number);
  if (text[bytes - 1] != '\n')
    return CGAP_OK;
  snprintf(what, sizeof what, "no JSON (%.200s)", fault.text);
  return cgap_json_line_refuse(line, what, error);
}

cgap_status cgap_json_lines_read(const char *path,
                                 cgap_status (*read_line)(void *context, const cgap_json_line *line, cgap_error *error),
                                 void *context, uint64_t *end, cgap_error *error)
{
  cgap_json_line line = {.path = path};
  char *text = NULL;
  size_t size = 0;
  ssize_t bytes = 0;
  cgap_status status = CGAP_OK;
  *end = 0;
  FILE *file = fopen(path, "r");
  if (!file)
    return errno == ENOENT ? CGAP_OK : cgap_fail_read(error, errno, path);
  while (status == CGAP_OK && (errno = 0, bytes = getline(&text, &size, file)) > 0) {
    line.number++;
    line.first = *end;
    status = parse_line(&line.value, &line, text, (size_t)bytes, error);
    if (status == CGAP_OK && line.value) {
      status = read_line(context, &line, error);
      *end += (uint64_t)bytes;
    }
    json_decref(line.value);
  }
  if (status == CGAP_OK && !feof(file))
    status = errno == ENOMEM ? cgap_fail(error, CGAP_RESOURCE, "%s, line %zu: out of memory", path, line.number + 1)
                             : cgap_fail_read(error, errno, path);
  free(text);
  fclose(file);
  return status;
}

/* ---------------------------------------------------------------- cutting */

static cgap_status keep_copy(const char *path, cgap_error *error)
{
  char copy[CGAP_PATH];
  for (int k = 1;; k++) {
    if (snprintf(copy, sizeof copy, "%s.bak-%d", path, k) >= (int)sizeof copy)
      return cgap_fail(error, CGAP_FILE, "%s: its name is too long for a copy next to it", path);
    if (access(copy, F_OK) == 0)
      continue;
    size_t bytes;
    char *text = cgap_read_text(path, &bytes);
    cgap_status status = text ? cgap_write_file(copy, text, bytes, error)
                              : cgap_fail(error, CGAP_FILE, "%s: cannot be read again to be copied", path);
    free(text);
    return status;
  }
}

static bool ends_in_newline(FILE *file, uint64_t end)
{
  return end == 0 || (fseeko(file, (off_t)end - 1, SEEK_SET) == 0 && getc(file) == '\n');
}

cgap_status cgap_json_lines_cut(const char *path, uint64_t end, bool copy, cgap_error *error)
{
  struct stat facts;
  FILE *file = fopen(path, "r+");
  if (!file)
    return errno == ENOENT ? CGAP_OK : cgap_fail_errno(error, errno, path, "write");
  cgap_status status = CGAP_OK;
  if (fstat(fileno(file), &facts) != 0)
    status = cgap_fail_read(error, errno, path);
  if (status == CGAP_OK && copy && (uint64_t)facts.st_size > end)
    status = keep_copy(path, error);
  if (status == CGAP_OK && (uint64_t)facts.st_size > end && ftruncate(fileno(file), (off_t)end) != 0)
    status = cgap_fail_errno(error, errno, path, "cut back");
  const bool ended = ends_in_newline(file, end);
  if (fclose(file) != 0 && status == CGAP_OK)
    status = cgap_fail_errno(error, errno, path, "write");
  return status == CGAP_OK && !ended ? cgap_append_file(path, "\n", 1, error) : status;
}

/* ---------------------------------------------------------------- json memory */

static atomic_bool incomplete;

static void *allocate_noting_failure(size_t bytes)
{
  void *block = malloc(bytes);
  if (!block)
    atomic_store(&incomplete, true);
  return block;
}

void cgap_json_watch_memory(void)
{
  json_set_alloc_funcs(allocate_noting_failure, free);
}

char *cgap_json_text(const json_t *json, size_t flags)
{
  char *text = json ? json_dumps(json, flags) : NULL;
  if (text && atomic_load(&incomplete)) {
    free(text);
    text = NULL;
  }
  return text;
}
