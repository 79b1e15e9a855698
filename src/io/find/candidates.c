/* Lists of what a file has, for refusals. */
#include "io/find/dataset_internal.h"

#include "base/did_you_mean.h"
#include "base/text_buffer.h"

#include <stdlib.h>
#include <string.h>

enum { LISTED_MAX = 12 };

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
  char *word = number > LISTED_MAX ? cgap_shell_word(file->path) : NULL;
  if (word)
    cgap_append(text, " and %zu more (contragap info %s)", number - LISTED_MAX, word);
  free(word);
  if (number == 0)
    cgap_append(text, " no dataset at all");
}

cgap_status cgap_refuse_missing(const cgap_file *file, const char *path, const char *option, cgap_error *error)
{
  char *text = NULL;
  cgap_suggestion near = cgap_suggestion_init(path + (path[0] == '/'));
  for (size_t i = 0; i < file->count; i++)
    cgap_suggestion_offer(&near, file->entries[i].path + 1);
  const char *leaf = strrchr(path, '/');
  if (option && strchr(leaf ? leaf : path, '.')) /* more like the name of a file */
    cgap_append(&text, "%s: no such file for %s, and ", path, option);
  cgap_append(&text, "%s: no dataset %s%s%s%s", file->path, path[0] == '/' ? "" : "/", path, option ? " for " : "",
              option ? option : "");
  if (near.name)
    cgap_append(&text, "; did you mean /%s?", near.name);
  cgap_append(&text, "; there is:");
  cgap_candidates_append(&text, file);
  cgap_status status = cgap_fail(error, CGAP_FILE, "%s", text ? text : path);
  free(text);
  return status;
}
