#include "head/evaluation/apply_file.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/output_file.h"
#include "base/source.h"
#include "base/text_buffer.h"
#include "head/evaluation/comparison.h"
#include "head/model/head.h"
#include "head/training/memory_plan.h"
#include "head/training/split.h"
#include "io/find/dataset_internal.h"
#include "io/read/hdf5_basics.h"
#include "io/write/writer.h"
#include "rows/row_pass.h"
#include "rows/row_reader.h"

/* ---------------------------------------------------------------- the output */

/* Where the rows of all ranks go: one file, which rank 0 writes; or one file with virtual datasets over parts, one
 * part from each rank, stored next to it. Nothing appears under its name before all of it is on disk. */
typedef struct apply_output {
  cgap_comm *comm;
  const char *path;
  cgap_writer *whole;       /* rank 0's, else NULL */
  cgap_writer *part_writer; /* of ranks below part_count, else NULL */
  size_t part_count;        /* 0: one file */
  char **name;              /* (part_count) without their folder, as the virtual datasets call them */
  int64_t *token;           /* (size) of each rank, in its temporary names */
  bool published;           /* parts have their final names: from here on rank 0 alone removes them */
  char **old;               /* parts of the older file at path, which are removed with it */
  size_t old_count;
} apply_output;

enum { ATTRIBUTE_BYTES = 320 }; /* a name of a file, and two numbers */

static size_t folder_length(const char *path)
{
  const char *slash = strrchr(path, '/');
  return slash ? (size_t)(slash - path) + 1 : 0;
}

/* "closed" of closed.h5; of a name that is nearly as long as a name can be, what leaves space for the number,
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

/* closed.part-01-of-12.h5; another try where such files exist: closed.part-01-of-12.2.h5 */
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

/* Each rank's temporary names contain its token, so that rank 0 finds the files of all, to remove them. */
static char *temporary_of_part(const apply_output *o, size_t part_index)
{
  char temporary[CGAP_TEMPORARY], *whole = next_to(o->path, o->name[part_index]);
  if (!whole)
    return NULL;
  cgap_temporary_name(temporary, whole, (uint64_t)o->token[part_index], "");
  free(whole);
  return strdup(temporary);
}

static char *temporary_of_whole(const apply_output *o)
{
  char temporary[CGAP_TEMPORARY];
  cgap_temporary_name(temporary, o->path, (uint64_t)o->token[0], "");
  return strdup(temporary);
}

/* ---------------------------------------------------------------- parts of an earlier run */

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

/* The number of a part whose name and folder are those that part_name gives to parts of path; 0: it is no such part.
 */
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

/* Whether an earlier run made this file as a part of path: by its name, and by the attribute in it. Other programs may
 * have written virtual files over files of such names. */
static bool is_own_part(const char *path, const char *part_count, const char *source)
{
  char says[ATTRIBUTE_BYTES + 24] = "", wanted[ATTRIBUTE_BYTES + 24];
  const size_t part_index = number_of_part(path, source);
  cgap_file *file = NULL;
  cgap_error unheard;
  if (!part_index || cgap_file_open(&file, source, NULL, &unheard) != CGAP_OK)
    return false;
  (void)snprintf(wanted, sizeof wanted, "%zu of %s", part_index, part_count);
  const bool own = file->id >= 0 && cgap_hdf5_text(says, sizeof says, file->id, CGAP_OUTPUT_PART_ATTRIBUTE) > 0 &&
                   !strcmp(says, wanted);
  cgap_file_close(file);
  return own;
}

static void note_old_part(apply_output *o, const char *source)
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

static void note_old_parts(apply_output *o, const cgap_dataset *input)
{
  cgap_file *file = NULL;
  cgap_error unheard;
  char part_count[ATTRIBUTE_BYTES] = "";
  if (access(o->path, R_OK) != 0 || cgap_file_open(&file, o->path, NULL, &unheard) != CGAP_OK)
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

/* Whether a part of this try exists already. −1: out of memory. */
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

/* Rank 0 chooses the names of the parts; each rank sends its token. */
static cgap_status agree_on_names(apply_output *o, cgap_error *error)
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

static cgap_status open_part(apply_output *o, cgap_error *error)
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

/* "3 of out.h5" in the whole, "1 of 3 of out.h5" in its part: so that each names the other. */
static cgap_status write_part_attributes(const apply_output *o, cgap_error *error)
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

/* Of all ranks together; part_count 0 or at most as many as there are ranks. path is borrowed. Parts that the input
 * reads are not removed with the file that they belonged to. */
static cgap_status open_output(apply_output *out, const char *path, size_t part_count, cgap_comm *comm,
                               const cgap_dataset *input, cgap_error *error)
{
  *out = (apply_output){.comm = comm, .path = path, .part_count = part_count};
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

/* The first of `rows` rows that is a part's; that of part part_count is rows. */
static size_t first_of_part(const apply_output *out, size_t part_index, size_t rows)
{
  const size_t each = rows / out->part_count, more = rows % out->part_count;
  return part_index * each + (part_index < more ? part_index : more);
}

static size_t rows_of(const apply_output *o, size_t part_index, size_t rows)
{
  return first_of_part(o, part_index + 1, rows) - first_of_part(o, part_index, rows);
}

/* A dataset over the parts, of which this rank appends its rows to out->part_writer. */
static cgap_status create_dataset(apply_output *out, const char *path, cgap_type type, size_t rows, size_t middle,
                                  size_t dim, cgap_error *error)
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
static cgap_status synchronise(const apply_output *o, cgap_error *error)
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

/* All files to the disk, then the parts to their names, which were free, then the file over them to its own: at no
 * moment is there a file at path that lacks something. */
static cgap_status publish_files(apply_output *o, cgap_error *error)
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

/* Also the files of a rank that was killed. Temporary names first: a part that its rank is renaming meanwhile either
 * has its final name by then and is removed under it, or has nothing left to rename. */
static void remove_all(apply_output *o)
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

/* All files appear, and those of an older output are removed; or, where any rank failed, none appears and what was
 * there stays. Returns how it ended. */
static cgap_status close_output(apply_output *out, cgap_status status, cgap_error *error)
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
  *out = (apply_output){0};
  return status;
}

/* ---------------------------------------------------------------- rows through the head */

enum { BLOCK = CGAP_TRANSFORM_ROWS, BLOCK_ROWS_MIN = CGAP_LAYERS_BLOCK };

/* The datasets that change: their names in our own layout, through which modality of the head, and whether their rows
 * are spread over the parts. */
static const struct moved {
  cgap_role role;
  int modality;
  const char *name;
  bool distributed;
} MOVED[] = {
  {CGAP_ROLE_IMAGE, CGAP_IMAGE_MODALITY, "/image", true},
  {CGAP_ROLE_TEXT, CGAP_TEXT_MODALITY, "/text", true},
  {CGAP_ROLE_CLASS_TEXT, CGAP_TEXT_MODALITY, "/class_text", false},
  {CGAP_ROLE_WORDS, CGAP_TEXT_MODALITY, "/arithmetic/words", false},
};
enum { MOVES = sizeof MOVED / sizeof *MOVED };

typedef struct apply_state {
  const cgap_head *head;
  const cgap_dataset *dataset;
  const cgap_apply_file_options *options;
  apply_output files;
  cgap_apply_summary *out;
  size_t block;    /* rows at once, BLOCK at most */
  float *changed;  /* (block, dim) */
  float *spare;    /* (dim_in) */
  bool bad[BLOCK]; /* of them */
  size_t done, total;
} apply_state;

/* Rank 0 writes what is not in parts; the others send it their rows. */
static bool is_writer(const apply_state *c)
{
  return c->files.whole != NULL;
}

/* Rows into c->changed; bad ones become zeros, or are refused. */
static cgap_status transform_block(apply_state *c, cgap_row_reader *r, int modality, size_t first, size_t rows,
                                   cgap_error *error)
{
  memset(c->bad, 0, sizeof c->bad);
  return cgap_head_transform_rows(c->head, r, modality, first, rows, c->options->leave_bad ? c->bad : NULL, c->changed,
                                  c->options->threads, error);
}

/* Of rows [first, end) of the block that was read: the bad ones, and the images that the head was trained on. */
static void count_rows(apply_state *c, const cgap_row_reader *r, int modality, size_t first, size_t end)
{
  const size_t dim = r->source->dim;
  for (size_t i = first; i < end; i++) {
    c->out->bad += c->bad[i];
    if (modality == CGAP_IMAGE_MODALITY && c->head->training_hashes)
      c->out->trained += cgap_head_knows(c->head, cgap_unit_hash(r->unit + i * dim, dim, c->spare).low);
  }
}

static cgap_status tick_rows(apply_state *c, size_t rows, cgap_error *error)
{
  const cgap_progress *p = &c->options->progress;
  c->done += rows;
  if (p->tick && p->tick(p->context, "applying", (double)c->done / (double)c->total))
    return cgap_fail(error, CGAP_INTERRUPTED, "interrupted; nothing was written");
  return CGAP_OK;
}

/* Blocks belong to the ranks in turn; their new rows go to the rank that writes. */
static cgap_status send_to_writer(apply_state *c, int owner, size_t rows, cgap_error *error)
{
  const size_t bytes = rows * c->head->layers.shape.dim * sizeof *c->changed;
  const int rank = cgap_comm_rank(c->options->comm);
  cgap_transfer t;
  if (owner == 0 || (rank != 0 && rank != owner))
    return cgap_comm_poll(c->options->comm, NULL, error);
  cgap_status status = cgap_comm_pass(c->options->comm, &t, 0, c->changed, rank ? bytes : 0, 0, c->changed,
                                      rank ? 0 : bytes, owner, error);
  return status == CGAP_OK ? cgap_comm_wait(c->options->comm, &t, error) : status;
}

static cgap_status pass_block(apply_state *c, cgap_row_reader *r, const char *to, int modality, size_t first,
                              size_t rows, cgap_error *error)
{
  const int owner = (int)(first / c->block % (size_t)cgap_comm_size(c->options->comm));
  cgap_status status = CGAP_OK;
  if (owner == cgap_comm_rank(c->options->comm)) {
    status = transform_block(c, r, modality, first, rows, error);
    if (status == CGAP_OK)
      count_rows(c, r, modality, 0, rows);
  }
  if (status == CGAP_OK)
    status = send_to_writer(c, owner, rows, error);
  if (status == CGAP_OK && is_writer(c))
    status = cgap_writer_append(c->files.whole, to, c->changed, rows, error);
  return status == CGAP_OK ? tick_rows(c, rows, error) : status;
}

/* All blocks in their order, those of other ranks as they arrive. */
static cgap_status apply_in_turn(apply_state *c, cgap_row_reader *r, const char *to, int modality, size_t rows,
                                 cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (size_t first = 0; status == CGAP_OK && first < rows; first += c->block)
    status = pass_block(c, r, to, modality, first, rows - first < c->block ? rows - first : c->block, error);
  return status;
}

/* This rank's rows into its part. Blocks begin where they do for one process, so that rows at the margin are made by
 * two ranks: rows go through the head in blocks, and products of other sizes may round otherwise. */
static cgap_status apply_own_rows(apply_state *c, cgap_row_reader *r, const char *to, int modality, size_t middle,
                                  cgap_error *error)
{
  const size_t rows = r->source->rows, each = middle ? middle : 1, rank = (size_t)cgap_comm_rank(c->options->comm);
  if (rank >= c->files.part_count)
    return CGAP_OK;
  const size_t begin = each * first_of_part(&c->files, rank, rows / each);
  const size_t end = each * first_of_part(&c->files, rank + 1, rows / each);
  cgap_status status = CGAP_OK;
  for (size_t first = begin / BLOCK_ROWS_MIN * BLOCK_ROWS_MIN; status == CGAP_OK && first < end; first += c->block) {
    const size_t from = first < begin ? begin - first : 0, until = end - first < c->block ? end - first : c->block;
    const size_t whole = (until + BLOCK_ROWS_MIN - 1) / BLOCK_ROWS_MIN * BLOCK_ROWS_MIN;
    status = transform_block(c, r, modality, first, rows - first < whole ? rows - first : whole, error);
    if (status == CGAP_OK) {
      count_rows(c, r, modality, from, until);
      status = cgap_writer_append(c->files.part_writer, to, c->changed + from * c->head->layers.shape.dim, until - from,
                                  error);
    }
    if (status == CGAP_OK)
      status = cgap_comm_poll(c->options->comm, NULL, error);
    if (status == CGAP_OK)
      status = tick_rows(c, (until - from) * c->files.part_count, error);
  }
  return status;
}

/* A dataset as it goes out, and all rows of it. middle 0: rank 2 */
static cgap_status apply_rows(apply_state *c, const cgap_source *source, const struct moved *m, const char *to,
                              size_t middle, cgap_error *error)
{
  const size_t dim = c->head->layers.shape.dim, rows = middle ? source->rows / middle : source->rows;
  const bool distributed = c->files.part_count && m->distributed;
  cgap_row_reader reader = {0};
  cgap_status status = CGAP_OK;
  if (distributed)
    status = create_dataset(&c->files, to, source->type, rows, middle, dim, error);
  else if (is_writer(c))
    status = cgap_writer_create(c->files.whole, to, source->type, rows, middle, dim, error);
  if (status == CGAP_OK)
    status = cgap_row_reader_init(&reader, source, c->block, error);
  if (status == CGAP_OK)
    status = distributed ? apply_own_rows(c, &reader, to, m->modality, middle, error)
                         : apply_in_turn(c, &reader, to, m->modality, source->rows, error);
  cgap_row_reader_clear(&reader);
  c->out->rows += source->rows;
  return status;
}

/* ---------------------------------------------------------------- one file: its own layout */

static cgap_status apply_dataset(apply_state *c, const cgap_chosen_dataset *taken, const struct moved *m,
                                 cgap_error *error)
{
  const cgap_entry *e = taken->entry;
  cgap_dataset_rows *rows = NULL;
  cgap_source source;
  char name[512];
  snprintf(name, sizeof name, "%.250s:%.250s", taken->file->path, e->path);
  cgap_status status = cgap_dataset_rows_open(&rows, &source, taken, 1, name, error);
  cgap_dataset_rows_set_threads(rows, c->options->threads);
  if (status == CGAP_OK)
    status = apply_rows(c, &source, m, e->path, e->ndim == 3 ? e->shape[1] : 0, error);
  if (status == CGAP_OK && is_writer(c))
    status = cgap_writer_copy_attributes(c->files.whole, taken->file, e->path, e->path, error);
  cgap_dataset_rows_close(rows);
  return status;
}

static const struct moved *move_of(const cgap_dataset *d, const cgap_entry *entry)
{
  for (size_t k = 0; k < MOVES; k++)
    if (d->role[MOVED[k].role].count && d->role[MOVED[k].role].taken[0].entry == entry)
      return &MOVED[k];
  return NULL;
}

/* Whether an entry is a dataset that goes through the head under another name. */
static bool is_other_name(const cgap_dataset *d, const cgap_entry *entry)
{
  for (size_t k = 0; k < MOVES; k++)
    if (d->role[MOVED[k].role].count && cgap_entry_same(d->role[MOVED[k].role].taken[0].entry, entry))
      return true;
  return false;
}

/* Attributes of the groups above an object, but for those that are above the object before as well: they have theirs.
 */
static cgap_status copy_group_attributes(apply_state *c, const cgap_file *file, const char *path, const char *before,
                                         cgap_error *error)
{
  char group[1024];
  cgap_status status = CGAP_OK;
  for (const char *slash = strchr(path + 1, '/'); status == CGAP_OK && slash; slash = strchr(slash + 1, '/')) {
    if (strncmp(path, before, (size_t)(slash - path) + 1) == 0)
      continue;
    snprintf(group, sizeof group, "%.*s", (int)(slash - path), path);
    status = cgap_writer_copy_attributes(c->files.whole, file, group, group, error);
  }
  return status;
}

static cgap_status copy_dataset(apply_state *c, const cgap_file *file, const cgap_entry *e, cgap_error *error)
{
  cgap_status status = cgap_dataset_check_open_files(c->dataset, e, error);
  return status == CGAP_OK ? cgap_writer_copy(c->files.whole, file, e->path, e->path, error) : status;
}

static cgap_status apply_to_one_file(apply_state *c, cgap_error *error)
{
  const cgap_file *file = c->dataset->inputs[0].file;
  const char *before = "";
  cgap_status status = is_writer(c) ? cgap_writer_copy_attributes(c->files.whole, file, "/", "/", error) : CGAP_OK;
  for (size_t k = 0; status == CGAP_OK && k < file->count; k++) {
    const cgap_entry *e = &file->entries[k];
    const struct moved *move = move_of(c->dataset, e);
    if (move)
      status = apply_dataset(c, &(cgap_chosen_dataset){file, e}, move, error);
    else if (e->alias || e->dangling || is_other_name(c->dataset, e))
      continue; /* its group may be missing; its rows would be the old ones */
    else if (is_writer(c))
      status = copy_dataset(c, file, e, error);
    if (status == CGAP_OK && is_writer(c))
      status = copy_group_attributes(c, file, e->path, before, error);
    before = e->path;
  }
  return status;
}

/* ---------------------------------------------------------------- shards: our own layout */

static cgap_status write_text_image(apply_state *c, const cgap_data *d, cgap_error *error)
{
  if (!d->text_image)
    return CGAP_OK;
  int64_t *rows = cgap_alloc(d->text.rows, sizeof *rows);
  if (!rows)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (size_t j = 0; j < d->text.rows; j++)
    rows[j] = (int64_t)d->text_image[j];
  cgap_status status = cgap_writer_int64(c->files.whole, "/text_image", rows, d->text.rows, 0, error);
  cgap_free(rows);
  return status;
}

/* Ids are left out too: text_image has the same content; and names. */
static bool has_place(const cgap_dataset *d, const cgap_entry *entry)
{
  for (int role = 0; role < CGAP_ROLES; role++)
    for (size_t k = 0; k < d->role[role].count; k++)
      if (d->role[role].taken[k].entry == entry)
        return role != CGAP_ROLE_IMAGE_ID && role != CGAP_ROLE_TEXT_ID && role < CGAP_ROLE_IMAGE_NAME;
  return false;
}

static bool is_listed(const char *list, const char *name)
{
  const size_t length = strlen(name);
  for (const char *at = list; (at = strstr(at, name)); at += length)
    if ((at == list || at[-1] == ' ') && (at[length] == ',' || at[length] == '\0'))
      return true;
  return false;
}

static void note_left_out(apply_state *c)
{
  char *list = c->out->left_out;
  const size_t size = sizeof c->out->left_out;
  for (size_t f = 0; f < c->dataset->file_count; f++)
    for (size_t k = 0; k < c->dataset->files[f]->count; k++) {
      const cgap_entry *e = &c->dataset->files[f]->entries[k];
      const size_t used = strlen(list);
      if (e->alias || has_place(c->dataset, e) || is_listed(list, e->path))
        continue;
      if (used + strlen(e->path) + 8 < size)
        snprintf(list + used, size - used, "%s%s", used ? ", " : "", e->path);
      else if (!is_listed(list, "…") && used + 8 < size)
        snprintf(list + used, size - used, "%s…", used ? ", " : "");
    }
}

static cgap_status apply_to_shards(apply_state *c, cgap_error *error)
{
  const cgap_data *d = &c->dataset->data;
  const cgap_source *const rows[MOVES] = {&d->image, &d->text, &d->class_text, &d->words};
  cgap_status status = CGAP_OK;
  for (size_t k = 0; status == CGAP_OK && k < MOVES; k++)
    if (rows[k]->rows)
      status = apply_rows(c, rows[k], &MOVED[k], MOVED[k].name,
                          rows[k] == &d->class_text && d->prompts > 1 ? d->prompts : 0, error);
  if (!is_writer(c))
    return status;
  if (status == CGAP_OK)
    status = write_text_image(c, d, error);
  if (status == CGAP_OK && d->labels)
    status = cgap_writer_int64(c->files.whole, "/labels", d->labels, d->image.rows, 0, error);
  if (status == CGAP_OK && d->image_label)
    status = cgap_writer_int64(c->files.whole, "/arithmetic/image_label", d->image_label, d->image.rows, 0, error);
  if (status == CGAP_OK && d->query)
    status = cgap_writer_int64(c->files.whole, "/arithmetic/query", d->query, d->queries, 4, error);
  if (status == CGAP_OK && d->query_weight)
    status = cgap_writer_float64(c->files.whole, "/arithmetic/weight", d->query_weight, d->queries, 0, error);
  const cgap_file *first = c->dataset->files[0];
  if (status == CGAP_OK && first->id >= 0)
    status = cgap_writer_copy_attributes(c->files.whole, first, "/", "/", error);
  note_left_out(c);
  return status;
}

/* ---------------------------------------------------------------- all */

static bool is_one_file(const cgap_dataset *d)
{
  if (d->file_count != 1 || d->input_count != 1 || d->files[0]->id < 0) /* a file that is not HDF5 has no layout */
    return false;
  for (size_t k = 0; k < MOVES; k++)
    if (d->role[MOVED[k].role].count > 1)
      return false;
  for (size_t k = 0; k < d->files[0]->count; k++) /* marks say that columns are the rows, and what we write has rows */
    if (d->files[0]->entries[k].turned)
      return false;
  return true;
}

/* Both have the same dimension, and one may be missing. */
static const cgap_source *any_modality(const cgap_dataset *d)
{
  return d->data.image.rows ? &d->data.image : &d->data.text;
}

cgap_status cgap_apply_check(const cgap_head *head, const cgap_dataset *d, const char *path, cgap_error *error)
{
  const size_t takes = head->layers.shape.dim_in;
  const cgap_source *rows = any_modality(d);
  if (rows->dim != takes)
    return cgap_fail(
      error, CGAP_DATA,
      "%s: rows of %zu dimensions, the head takes %zu; give the head that was trained on these embeddings", rows->name,
      rows->dim, takes);
  if (cgap_dataset_reads(d, path))
    return cgap_fail(error, CGAP_USAGE, "%s: is the input itself; give the output another name", path);
  return CGAP_OK;
}

/* As many parts as ranks, where there are images enough; one part alone is the file itself. */
static size_t count_output_parts(const apply_state *c)
{
  const size_t rank_count = (size_t)cgap_comm_size(c->options->comm), images = c->dataset->data.image.rows;
  const size_t part_count = rank_count < images ? rank_count : images;
  return c->options->one_file || part_count < 2 ? 0 : part_count;
}

static void note_output_parts(apply_state *c)
{
  const size_t part_count = c->out->part_count = c->files.part_count;
  if (!part_count)
    return;
  snprintf(c->out->first_part, sizeof c->out->first_part, "%s", c->files.name[0]);
  snprintf(c->out->last_part, sizeof c->out->last_part, "%s", c->files.name[part_count - 1]);
}

void cgap_apply_losses(char text[CGAP_TERMS], const cgap_head *head)
{
  char key[60];
  cgap_weights weights = {0};
  const cgap_loss_value *term;
  json_t *options = json_loads(head->options, 0, NULL);
  for (size_t k = 0; (term = cgap_loss_term_at(k)); k++) {
    snprintf(key, sizeof key, "weight_%s", term->key);
    *cgap_loss_weight(&weights, term) = json_number_value(json_object_get(options, key)); /* 0 where it has none */
  }
  json_decref(options);
  cgap_terms_text(text, cgap_terms_of(&weights));
}

static cgap_status note_losses(const apply_state *c, cgap_error *error)
{
  char text[CGAP_TERMS];
  cgap_apply_losses(text, c->head);
  return text[0] && is_writer(c) ? cgap_writer_attribute(c->files.whole, "/", CGAP_TRAINED_LOSSES, text, error)
                                 : CGAP_OK;
}

void cgap_apply_trained(cgap_apply_summary *out, char text[100], const cgap_head *h, size_t images)
{
  size_t all = 0;
  for (size_t i = 0; i < h->split_rows; i++)
    all += h->split[i] == CGAP_TRAINING;
  out->by_number = !h->training_hashes && all && h->split_rows == images;
  if (out->by_number)
    out->trained = all;
  else if (h->training_hashes && h->training_hashes < all) {
    const double times = (double)all / (double)h->training_hashes;
    out->trained = (size_t)fmin((double)images, round((double)out->trained * times));
  }
  (void)snprintf(text, 100, "%zu of %zu images", out->trained, images);
}

static cgap_status note_training(apply_state *c, cgap_error *error)
{
  char text[100];
  cgap_apply_trained(c->out, text, c->head, c->dataset->data.image.rows);
  if (!c->out->trained || !is_writer(c))
    return CGAP_OK;
  return cgap_writer_attribute(c->files.whole, "/", CGAP_TRAINED_ON, text, error);
}

static cgap_status apply_to_all(apply_state *c, const char *path, cgap_error *error)
{
  cgap_status status = open_output(&c->files, path, count_output_parts(c), c->options->comm, c->dataset, error);
  if (status == CGAP_OK)
    status = note_losses(c, error);
  if (status == CGAP_OK)
    status = is_one_file(c->dataset) ? apply_to_one_file(c, error) : apply_to_shards(c, error);
  if (status == CGAP_OK && is_writer(c)) /* in place of the input's: by it apply recognises its own output */
    status = cgap_writer_attribute(c->files.whole, "/", "command", "contragap apply", error);
  uint64_t counts[] = {c->out->bad, c->out->trained};
  if (status == CGAP_OK)
    status = cgap_comm_sum(c->options->comm, counts, 2, CGAP_COMM_U64, error);
  c->out->bad = (size_t)counts[0];
  c->out->trained = (size_t)counts[1];
  if (status == CGAP_OK)
    status = note_training(c, error);
  if (status == CGAP_OK)
    note_output_parts(c);
  return close_output(&c->files, status, error);
}

cgap_status cgap_apply_file(cgap_apply_summary *out, const cgap_head *head, const cgap_dataset *dataset,
                            const char *path, const cgap_apply_file_options *options, cgap_error *error)
{
  const cgap_data *d = &dataset->data;
  apply_state c = {.head = head, .dataset = dataset, .options = options, .out = out};
  cgap_memory_plan plan = {0};
  *out = (cgap_apply_summary){0};
  c.total = d->image.rows + d->text.rows + d->class_text.rows + d->words.rows;
  cgap_status status = cgap_apply_check(head, dataset, path, error);
  if (status == CGAP_OK)
    status = cgap_plan_apply(&plan, any_modality(dataset), &head->layers.shape, BLOCK_ROWS_MIN, BLOCK,
                             options->memory_bytes, options->comm, error);
  c.block = plan.block_rows;
  if (status == CGAP_OK) /* ranks may have different memory */
    status = cgap_comm_broadcast(options->comm, 0, &c.block, sizeof c.block, error);
  if (status != CGAP_OK)
    return status;
  c.changed = cgap_alloc(c.block * head->layers.shape.dim, sizeof *c.changed);
  c.spare = cgap_alloc(head->layers.shape.dim_in, sizeof *c.spare);
  status = c.changed && c.spare ? apply_to_all(&c, path, error) : cgap_fail(error, CGAP_RESOURCE, "out of memory");
  cgap_free(c.spare);
  cgap_comm_free(options->comm, c.changed);
  return status;
}
