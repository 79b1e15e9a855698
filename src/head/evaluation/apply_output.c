#include "head/evaluation/apply_output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/output_file.h"
#include "base/text_buffer.h"
#include "io/read/hdf5_basics.h"

enum { ATTRIBUTE_BYTES = 320 }; /* a name of a file, and two numbers */

/* ---------------------------------------------------------------- names */

static size_t folder_length(const char *path)
{
  const char *slash = strrchr(path, '/');
  return slash ? (size_t)(slash - path) + 1 : 0;
}

/* closed.h5 is closed to its parts; of a name that is nearly as long as one can be, what leaves space for the number,
 * cut between characters of UTF-8. */
static size_t stem_length(const char *name)
{
  enum { TRIES_MAX = 200 };
  const char *dot = strrchr(name, '.');
  const bool ends = dot && dot > name && (!strcmp(dot, ".h5") || !strcmp(dot, ".hdf5"));
  size_t length = ends ? (size_t)(dot - name) : strlen(name);
  if (length > TRIES_MAX)
    for (length = TRIES_MAX; length > 0 && ((unsigned char)name[length] & 0xC0) == 0x80;)
      length--;
  return length;
}

/* closed.part-01-of-12.h5; another try where such files stand there: closed.part-01-of-12.2.h5 */
static char *part_name(const char *path, size_t part_index, size_t part_count, int try)
{
  const char *name = path + folder_length(path);
  char counted[24], number[24] = "";
  const int width = snprintf(counted, sizeof counted, "%zu", part_count);
  if (try > 1)
    (void)snprintf(number, sizeof number, ".%d", try);
  return cgap_format("%.*s.part-%0*zu-of-%s%s.h5", (int)stem_length(name), name, width, part_index + 1, counted,
                     number);
}

static char *next_to(const char *path, const char *name)
{
  return cgap_format("%.*s%s", (int)folder_length(path), path, name);
}

/* Each rank's temporary names hold its token, so that rank 0 finds the files of all, to remove them. */
static char *temporary_of_part(const cgap_apply_output *o, size_t part_index)
{
  char temporary[CGAP_TEMPORARY], *whole = next_to(o->path, o->name[part_index]);
  if (!whole)
    return NULL;
  cgap_temporary_name(temporary, whole, (uint64_t)o->token[part_index], "");
  free(whole);
  return strdup(temporary);
}

static char *temporary_of_whole(const cgap_apply_output *o)
{
  char temporary[CGAP_TEMPORARY];
  cgap_temporary_name(temporary, o->path, (uint64_t)o->token[0], "");
  return strdup(temporary);
}

/* ---------------------------------------------------------------- what stood there */

static bool parse_number(const char **at, size_t *out)
{
  const char *first = *at;
  for (*out = 0; **at >= '0' && **at <= '9' && *at - first < 10; ++*at)
    *out = *out * 10 + (size_t)(**at - '0');
  return *at > first;
}

static bool parse_text(const char **at, const char *text)
{
  const size_t length = strlen(text);
  const bool there = !strncmp(*at, text, length);
  *at += there ? length : 0;
  return there;
}

/* The number of a part that is called as part_name calls those of path, and lies where they do; 0: it is none. */
static size_t number_of_part(const char *path, const char *source)
{
  const size_t folder = folder_length(path), stem = stem_length(path + folder);
  size_t part_index = 0, part_count = 0, try = 0;
  if (folder_length(source) != folder || strncmp(source, path, folder + stem) != 0)
    return 0;
  const char *at = source + folder + stem;
  bool fits = parse_text(&at, ".part-") && parse_number(&at, &part_index) && parse_text(&at, "-of-") &&
              parse_number(&at, &part_count);
  if (fits && at[0] == '.' && at[1] != 'h')
    fits = parse_text(&at, ".") && parse_number(&at, &try);
  return fits && !strcmp(at, ".h5") && part_index <= part_count ? part_index : 0;
}

/* Only what an earlier run has made for this very name: it is called so, and says itself whose part it is. Others may
 * have laid a virtual file of their own over files of such names. */
static bool is_own_part(const char *path, const char *part_count, const char *source)
{
  char says[ATTRIBUTE_BYTES + 24] = "", wanted[ATTRIBUTE_BYTES + 24];
  const size_t part_index = number_of_part(path, source);
  cgap_file *file = NULL;
  cgap_error unheard;
  if (!part_index || cgap_file_open(&file, source, &unheard) != CGAP_OK)
    return false;
  (void)snprintf(wanted, sizeof wanted, "%zu of %s", part_index, part_count);
  const bool own = file->id >= 0 && cgap_hdf5_text(says, sizeof says, file->id, CGAP_OUTPUT_PART_ATTRIBUTE) > 0 &&
                   !strcmp(says, wanted);
  cgap_file_close(file);
  return own;
}

static void note_old_part(cgap_apply_output *o, const char *source)
{
  for (size_t i = 0; i < o->old_count; i++)
    if (!strcmp(o->old[i], source))
      return;
  char **grown = realloc(o->old, (o->old_count + 1) * sizeof *grown);
  if (!grown)
    return;
  o->old = grown;
  o->old[o->old_count] = strdup(source);
  o->old_count += o->old[o->old_count] != NULL;
}

static void note_old_parts(cgap_apply_output *o, const cgap_dataset *input)
{
  cgap_file *file = NULL;
  cgap_error unheard;
  char part_count[ATTRIBUTE_BYTES] = "";
  if (access(o->path, R_OK) != 0 || cgap_file_open(&file, o->path, &unheard) != CGAP_OK)
    return;
  const bool own =
    file->id >= 0 && cgap_hdf5_text(part_count, sizeof part_count, file->id, CGAP_OUTPUT_PARTS_ATTRIBUTE) > 0;
  for (size_t k = 0; own && k < file->count; k++)
    for (size_t i = 0; i < file->entries[k].source_count; i++) {
      const char *source = file->entries[k].sources[i];
      if (!cgap_dataset_reads(input, source) && is_own_part(o->path, part_count, source))
        note_old_part(o, source);
    }
  cgap_file_close(file);
}

/* ---------------------------------------------------------------- open */

/* Whether a part of this try stands there already. -1: out of memory. */
static int is_taken(const char *path, size_t part_count, int try)
{
  int taken = 0;
  for (size_t part_index = 0; part_index < part_count && !taken; part_index++) {
    char *name = part_name(path, part_index, part_count, try), *whole = name ? next_to(path, name) : NULL;
    taken = !whole ? -1 : access(whole, F_OK) == 0;
    free(whole);
    free(name);
  }
  return taken;
}

/* Rank 0 says how the parts are called; each gives its token. */
static cgap_status agree_on_names(cgap_apply_output *o, cgap_error *error)
{
  const int size = cgap_comm_size(o->comm);
  int64_t try = 1;
  size_t *first = cgap_alloc((size_t)size + 1, sizeof *first);
  o->name = cgap_zalloc(o->part_count, sizeof *o->name);
  o->token = cgap_zalloc((size_t)size, sizeof *o->token);
  if (!first || !o->name || !o->token) {
    cgap_free(first);
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu parts", o->path, o->part_count);
  }
  for (int r = 0; r <= size; r++)
    first[r] = (size_t)r * sizeof *o->token;
  o->token[cgap_comm_rank(o->comm)] = (int64_t)cgap_temporary_token();
  cgap_status status = cgap_comm_gather(o->comm, o->token, first, error);
  cgap_free(first);
  while (cgap_comm_rank(o->comm) == 0 && is_taken(o->path, o->part_count, (int)try) > 0)
    try++;
  if (status == CGAP_OK)
    status = cgap_comm_broadcast(o->comm, 0, &try, sizeof try, error);
  for (size_t part_index = 0; status == CGAP_OK && part_index < o->part_count; part_index++)
    if (!(o->name[part_index] = part_name(o->path, part_index, o->part_count, (int)try)))
      status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu parts", o->path, o->part_count);
  return status;
}

static cgap_status open_part(cgap_apply_output *o, cgap_error *error)
{
  const size_t rank = (size_t)cgap_comm_rank(o->comm);
  if (rank >= o->part_count)
    return CGAP_OK;
  char *path = next_to(o->path, o->name[rank]), *temporary = temporary_of_part(o, rank);
  cgap_status status = path && temporary ? cgap_writer_open_as(&o->part_writer, path, temporary, error)
                                         : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", o->path);
  free(temporary);
  free(path);
  return status;
}

/* "3 of out.h5" in the whole, "1 of 3 of out.h5" in its part: by that they are known to belong together. */
static cgap_status write_part_attributes(const cgap_apply_output *o, cgap_error *error)
{
  char part_count[ATTRIBUTE_BYTES], part_index[ATTRIBUTE_BYTES + 24];
  cgap_status status = CGAP_OK;
  (void)snprintf(part_count, sizeof part_count, "%zu of %s", o->part_count, o->path + folder_length(o->path));
  (void)snprintf(part_index, sizeof part_index, "%d of %s", cgap_comm_rank(o->comm) + 1, part_count);
  if (o->part_writer)
    status = cgap_writer_attribute(o->part_writer, "/", CGAP_OUTPUT_PART_ATTRIBUTE, part_index, error);
  if (o->part_count && o->whole && status == CGAP_OK)
    status = cgap_writer_attribute(o->whole, "/", CGAP_OUTPUT_PARTS_ATTRIBUTE, part_count, error);
  return status;
}

cgap_status cgap_apply_output_open(cgap_apply_output *out, const char *path, size_t part_count, cgap_comm *comm,
                                   const cgap_dataset *input, cgap_error *error)
{
  *out = (cgap_apply_output){.comm = comm, .path = path, .part_count = part_count};
  cgap_status status = part_count ? agree_on_names(out, error) : CGAP_OK;
  if (status == CGAP_OK && cgap_comm_rank(comm) == 0) {
    note_old_parts(out, input);
    char *temporary = part_count ? temporary_of_whole(out) : NULL;
    status = part_count && !temporary ? cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", path)
                                      : cgap_writer_open_as(&out->whole, path, temporary, error);
    free(temporary);
  }
  if (status == CGAP_OK)
    status = open_part(out, error);
  return status == CGAP_OK ? write_part_attributes(out, error) : status;
}

/* ---------------------------------------------------------------- datasets */

size_t cgap_apply_output_first(const cgap_apply_output *out, size_t part_index, size_t rows)
{
  const size_t each = rows / out->part_count, more = rows % out->part_count;
  return part_index * each + (part_index < more ? part_index : more);
}

static size_t rows_of(const cgap_apply_output *o, size_t part_index, size_t rows)
{
  return cgap_apply_output_first(o, part_index + 1, rows) - cgap_apply_output_first(o, part_index, rows);
}

cgap_status cgap_apply_output_create(cgap_apply_output *out, const char *path, cgap_type type, size_t rows,
                                     size_t middle, size_t dim, cgap_error *error)
{
  const size_t own = out->part_writer ? rows_of(out, (size_t)cgap_comm_rank(out->comm), rows) : 0;
  cgap_status status = own ? cgap_writer_create(out->part_writer, path, type, own, middle, dim, error) : CGAP_OK;
  if (status != CGAP_OK || !out->whole)
    return status;
  cgap_writer_source *sources = cgap_alloc(out->part_count, sizeof *sources);
  if (!sources)
    return cgap_fail(error, CGAP_RESOURCE, "%s:%s: out of memory for %zu parts", out->path, path, out->part_count);
  for (size_t part_index = 0; part_index < out->part_count; part_index++)
    sources[part_index] = (cgap_writer_source){out->name[part_index], rows_of(out, part_index, rows)};
  status = cgap_writer_virtual(out->whole, path, type, middle, dim, sources, out->part_count, error);
  cgap_free(sources);
  return status;
}

/* ---------------------------------------------------------------- close */

/* Passed once all ranks have come here without a failure. */
static cgap_status synchronise(const cgap_apply_output *o, cgap_error *error)
{
  uint64_t one = 1;
  return cgap_comm_sum(o->comm, &one, 1, CGAP_COMM_U64, error);
}

static cgap_status rename_output(cgap_writer **w, cgap_error *error)
{
  cgap_status status = cgap_writer_close(*w, true, error);
  *w = NULL;
  return status;
}

/* All on disk, then the parts under their names, which were free, then the file that leads to them: there is no moment
 * at which a file stands under the path of which something is missing. */
static cgap_status publish_files(cgap_apply_output *o, cgap_error *error)
{
  cgap_status status = o->part_writer ? cgap_writer_finish(o->part_writer, error) : CGAP_OK;
  if (status == CGAP_OK && o->whole)
    status = cgap_writer_finish(o->whole, error);
  if (status == CGAP_OK)
    status = synchronise(o, error);
  o->published = status == CGAP_OK;
  if (status == CGAP_OK)
    status = rename_output(&o->part_writer, error);
  if (status == CGAP_OK)
    status = synchronise(o, error);
  return status == CGAP_OK ? rename_output(&o->whole, error) : status;
}

static void remove_named(char *name)
{
  if (name)
    (void)unlink(name);
  free(name);
}

/* Also what a rank has left that was killed. Temporary names go first: a part that is being renamed meanwhile either
 * has its name by then and is removed under it, or finds nothing to rename. */
static void remove_all(cgap_apply_output *o)
{
  cgap_status given_up = cgap_writer_close(o->part_writer, false, NULL);
  given_up = cgap_writer_close(o->whole, false, NULL);
  (void)given_up;
  const bool first = cgap_comm_rank(o->comm) == 0, named = o->part_count && o->name[o->part_count - 1];
  if (!named || (!first && o->published))
    return;
  remove_named(temporary_of_whole(o));
  if (!first)
    cgap_lock_remove_left(o->path, false);
  for (size_t part_index = 0; part_index < o->part_count; part_index++)
    remove_named(temporary_of_part(o, part_index));
  for (size_t part_index = 0; first && part_index < o->part_count; part_index++)
    remove_named(next_to(o->path, o->name[part_index]));
}

cgap_status cgap_apply_output_close(cgap_apply_output *out, cgap_status status, cgap_error *error)
{
  if (status == CGAP_OK)
    status = publish_files(out, error);
  if (status != CGAP_OK)
    remove_all(out);
  for (size_t i = 0; i < out->old_count; i++) {
    if (status == CGAP_OK)
      (void)unlink(out->old[i]);
    free(out->old[i]);
  }
  for (size_t part_index = 0; out->name && part_index < out->part_count; part_index++)
    free(out->name[part_index]);
  free(out->old);
  cgap_free(out->name);
  cgap_free(out->token);
  *out = (cgap_apply_output){0};
  return status;
}
