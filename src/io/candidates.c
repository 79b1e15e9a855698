/* Lists of what a file has, for refusals. */
#include "io/dataset_parts.h"

#include "io/format.h"
#include "io/names.h"

#include <stdlib.h>
#include <string.h>

enum { LISTED_MAX = 12, CLOSE_EDITS = 3 };

void cgap_candidate_append(char **text, size_t *number, const cgap_entry *entry)
{
  char shape[160];
  if (++*number <= LISTED_MAX)
    cgap_append(text, " %zu) %s %s %s", *number, entry->path, cgap_shape_text(shape, sizeof shape, entry),
                entry->type_text);
}

void cgap_candidates_append(char **text, const cgap_file *file)
{
  size_t number = 0;
  for (size_t i = 0; i < file->count; i++)
    cgap_candidate_append(text, &number, &file->entries[i]);
  if (number > LISTED_MAX)
    cgap_append(text, " and %zu more (contragap info %s)", number - LISTED_MAX, file->path);
  if (number == 0)
    cgap_append(text, " no dataset at all");
}

static const cgap_entry *closest(const cgap_file *file, const char *path)
{
  const cgap_entry *best = NULL;
  size_t least = CLOSE_EDITS + 1;
  for (size_t i = 0; i < file->count; i++) {
    size_t edits = cgap_edits(file->entries[i].path + 1, path + (path[0] == '/'));
    if (edits < least && edits * 2 <= strlen(path)) {
      least = edits;
      best = &file->entries[i];
    }
  }
  return best;
}

cgap_status cgap_refuse_missing(const cgap_file *file, const char *path, const char *option, cgap_error *error)
{
  char *text = NULL;
  const cgap_entry *near = closest(file, path);
  cgap_append(&text, "%s: no dataset %s%s%s%s", file->path, path[0] == '/' ? "" : "/", path, option ? " for " : "",
              option ? option : "");
  if (near)
    cgap_append(&text, "; did you mean %s?", near->path);
  cgap_append(&text, "; there is:");
  cgap_candidates_append(&text, file);
  cgap_status status = cgap_fail(error, CGAP_FILE, "%s", text ? text : path);
  free(text);
  return status;
}
