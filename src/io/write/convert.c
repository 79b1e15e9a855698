/* Writes a data set as one HDF5 file (writer.c) or as a folder of .npy files, each of which takes its name only when
 * all are complete. Needs one block of rows of memory. */
#include "io/write/convert.h"

#include "base/memory.h"
#include "base/output_file.h"
#include "base/text_buffer.h"
#include "io/find/dataset_internal.h"
#include "io/write/writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BLOCK_BYTES = 4 << 20, HEADER_ALIGN = 64, ARRAYS = 9 };

/* Every array that a data set may have. */
static const char *const PATHS[ARRAYS] = {"/image",
                                          "/text",
                                          "/class_text",
                                          "/text_image",
                                          "/labels",
                                          "/arithmetic/words",
                                          "/arithmetic/image_label",
                                          "/arithmetic/query",
                                          "/arithmetic/weight"};

typedef struct npy_folder {
  cgap_folder folder;
  cgap_outfile file[ARRAYS];
  size_t count;
} npy_folder;

typedef struct conversion {
  const cgap_dataset *dataset;
  const cgap_convert_options *options;
  cgap_writer *hdf5; /* one of these two */
  npy_folder *npy;
  size_t done, total; /* rows */
} conversion;

/* ---------------------------------------------------------------- a folder of .npy files */

/* FOLDER/arithmetic/words.npy */
static cgap_status array_file(char out[CGAP_PATH], const char *folder, const char *path, cgap_error *error)
{
  char name[100];
  (void)snprintf(name, sizeof name, "%s.npy", path + 1);
  return cgap_folder_file(out, folder, name, error);
}

/* Version 1.0; the array begins at a multiple of 64 bytes. */
static cgap_status write_npy_header(cgap_outfile *file, char letter, size_t item, const size_t *shape, int ndim,
                                    cgap_error *error)
{
  char text[256];
  const char order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '<' : '>';
  int used =
    snprintf(text, sizeof text, "{'descr': '%c%c%zu', 'fortran_order': False, 'shape': (", order, letter, item);
  for (int k = 0; k < ndim; k++)
    used += snprintf(text + used, sizeof text - (size_t)used, "%zu,%s", shape[k], k + 1 < ndim ? " " : "");
  used += snprintf(text + used, sizeof text - (size_t)used, "), }");
  while ((10 + used + 1) % HEADER_ALIGN != 0)
    text[used++] = ' ';
  text[used++] = '\n';
  const unsigned char head[10] = {
    0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)(used & 255), (unsigned char)(used >> 8)};
  if (fwrite(head, 1, sizeof head, file->stream) != sizeof head ||
      fwrite(text, 1, (size_t)used, file->stream) != (size_t)used)
    return cgap_fail_errno(error, errno, file->path, "write");
  return CGAP_OK;
}

static cgap_status begin_npy(npy_folder *w, const char *path, char letter, size_t item, const size_t *shape, int ndim,
                             cgap_error *error)
{
  char full[CGAP_PATH];
  cgap_status status = array_file(full, w->folder.path, path, error);
  char *slash = strrchr(full, '/');
  if (status == CGAP_OK && strchr(path + 1, '/')) { /* the folder "arithmetic" */
    *slash = '\0';
    if (mkdir(full, 0777) != 0 && errno != EEXIST)
      status = cgap_fail_errno(error, errno, full, "make the folder");
    *slash = '/';
  }
  if (status == CGAP_OK)
    status = cgap_outfile_open(&w->file[w->count], full, error);
  return status == CGAP_OK ? write_npy_header(&w->file[w->count++], letter, item, shape, ndim, error) : status;
}

static cgap_status put_npy(npy_folder *w, const void *data, size_t size, size_t count, cgap_error *error)
{
  const cgap_outfile *file = &w->file[w->count - 1];
  errno = 0;
  return fwrite(data, size, count, file->stream) == count ? CGAP_OK
                                                          : cgap_fail_errno(error, errno, file->path, "write");
}

/* bfloat16 in place of float32, of which it is the upper half. */
static cgap_status put_bfloat16(npy_folder *w, const uint16_t *in, size_t count, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  uint32_t floats[1024];
  const size_t most = sizeof floats / sizeof *floats;
  for (size_t at = 0; at < count && status == CGAP_OK; at += most) {
    const size_t here = cgap_lesser(count - at, most);
    for (size_t i = 0; i < here; i++)
      floats[i] = (uint32_t)in[at + i] << 16;
    status = put_npy(w, floats, sizeof *floats, here, error);
  }
  return status;
}

/* Refuses a folder with an array of the layout that this conversion did not write: readers would take it for one. */
static cgap_status check_strangers(const npy_folder *w, cgap_error *error)
{
  for (size_t k = 0; k < ARRAYS; k++) {
    char full[CGAP_PATH];
    struct stat facts;
    bool own = false;
    cgap_status status = array_file(full, w->folder.path, PATHS[k], error);
    if (status != CGAP_OK)
      return status;
    for (size_t i = 0; i < w->count; i++)
      own = own || !strcmp(w->file[i].path, full);
    if (!own && stat(full, &facts) == 0)
      return cgap_fail(error, CGAP_FILE,
                       "%s: already exists and is not part of what is written; remove it or name another folder", full);
  }
  return CGAP_OK;
}

static cgap_status open_npy(npy_folder **out, const cgap_dataset *dataset, const char *folder, bool replace,
                            cgap_error *error)
{
  for (size_t k = 0; k < ARRAYS; k++) {
    char path[CGAP_PATH];
    struct stat facts;
    cgap_status status = array_file(path, folder, PATHS[k], error);
    if (status != CGAP_OK)
      return status;
    if (cgap_dataset_reads(dataset, path))
      return cgap_fail(error, CGAP_USAGE, "%s: is an input; name another folder", path);
    if (!replace && lstat(path, &facts) == 0)
      return cgap_fail(error, CGAP_FILE,
                       "%s: already exists, and .npy does not say who wrote it; name another folder, or give `replace`",
                       path);
  }
  npy_folder *w = calloc(1, sizeof *w);
  if (!w)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", folder);
  cgap_status status = cgap_folder_open(&w->folder, folder, error);
  if (status == CGAP_OK)
    *out = w;
  else
    free(w);
  return status;
}

/* commit: all files take their names; else none is left. */
static cgap_status close_npy(npy_folder *w, bool commit, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (size_t i = 0; i < w->count; i++) {
    cgap_status closed = cgap_outfile_close(&w->file[i], commit && status == CGAP_OK, error);
    status = status == CGAP_OK ? closed : status;
  }
  if (!commit || status != CGAP_OK)
    cgap_folder_abandon(&w->folder);
  free(w);
  return status;
}

/* ---------------------------------------------------------------- rows */

typedef struct matrix {
  const char *path;
  const cgap_source *source;
  const cgap_role_datasets *datasets;
} matrix;

static cgap_status begin_matrix(conversion *j, const matrix *m, cgap_error *error)
{
  const cgap_source *s = m->source;
  const cgap_data *d = &j->dataset->data;
  const size_t prompts = d->prompts > 1 ? d->prompts : 0;
  const size_t middle = s == &d->class_text ? prompts : cgap_entry_middle(m->datasets->taken->entry);
  const size_t rows = middle ? s->rows / middle : s->rows;
  if (j->hdf5)
    return cgap_writer_create(j->hdf5, m->path, s->type, rows, middle, s->dim, error);
  const size_t item = s->type == CGAP_BFLOAT16 ? sizeof(float) : cgap_type_size(s->type);
  const size_t flat[2] = {rows, s->dim}, deep[3] = {rows, middle, s->dim};
  return begin_npy(j->npy, m->path, 'f', item, middle ? deep : flat, middle ? 3 : 2, error);
}

static cgap_status append_block(conversion *j, const matrix *m, const void *block, size_t count, cgap_error *error)
{
  const cgap_source *s = m->source;
  if (j->hdf5)
    return cgap_writer_append_raw(j->hdf5, m->path, block, count, error);
  return s->type == CGAP_BFLOAT16 ? put_bfloat16(j->npy, block, count * s->dim, error)
                                  : put_npy(j->npy, block, cgap_type_size(s->type), count * s->dim, error);
}

static cgap_status write_matrix(conversion *j, const matrix *m, cgap_error *error)
{
  const cgap_source *s = m->source;
  const cgap_progress *p = &j->options->progress;
  if (s->rows == 0)
    return CGAP_OK;
  const size_t row_bytes = s->dim * cgap_type_size(s->type), block_rows = cgap_greater(BLOCK_BYTES / row_bytes, 1);
  unsigned char *block = cgap_alloc(block_rows, row_bytes);
  cgap_status status =
    block ? begin_matrix(j, m, error) : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", s->name);
  for (size_t first = 0; first < s->rows && status == CGAP_OK; first += block_rows) {
    const size_t here = cgap_lesser(s->rows - first, block_rows);
    status = s->read(s, first, here, block, error);
    if (status == CGAP_OK)
      status = append_block(j, m, block, here, error);
    j->done += here;
    if (status == CGAP_OK && p->tick && p->tick(p->context, "converting", (double)j->done / (double)j->total))
      status =
        cgap_fail(error, CGAP_INTERRUPTED, "interrupted after %zu of %zu rows; nothing was written", j->done, j->total);
  }
  if (status == CGAP_OK && j->hdf5)
    status = cgap_writer_attribute(j->hdf5, m->path, "source", m->datasets->name, error);
  cgap_free(block);
  return status;
}

/* ---------------------------------------------------------------- small arrays */

static cgap_status write_whole(conversion *j, const char *path, bool integers, const void *values, size_t rows,
                               size_t columns, cgap_error *error)
{
  if (!values || rows == 0)
    return CGAP_OK;
  if (j->hdf5)
    return integers ? cgap_writer_int64(j->hdf5, path, values, rows, columns, error)
                    : cgap_writer_float64(j->hdf5, path, values, rows, columns, error);
  cgap_status status =
    begin_npy(j->npy, path, integers ? 'i' : 'f', 8, (size_t[2]){rows, columns}, columns ? 2 : 1, error);
  return status == CGAP_OK ? put_npy(j->npy, values, 8, rows * (columns ? columns : 1), error) : status;
}

/* A pairing that texts of shape (N, k, d) say by their shape needs no array. */
static cgap_status write_text_image(conversion *j, cgap_error *error)
{
  const cgap_dataset *d = j->dataset;
  const size_t texts = d->data.text.rows;
  if (!d->text_image || (d->role[CGAP_ROLE_TEXT_IMAGE].count == 0 && d->role[CGAP_ROLE_TEXT_ID].count == 0))
    return CGAP_OK;
  int64_t *rows = cgap_alloc(texts, sizeof *rows);
  if (!rows)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", d->data.text.name);
  for (size_t i = 0; i < texts; i++)
    rows[i] = (int64_t)d->text_image[i];
  cgap_status status = write_whole(j, "/text_image", true, rows, texts, 0, error);
  cgap_free(rows);
  return status;
}

static cgap_status write_attributes(conversion *j, cgap_error *error)
{
  char *files = NULL;
  for (size_t i = 0; i < j->dataset->file_count; i++)
    cgap_append(&files, "%s%s", i ? ", " : "", j->dataset->files[i]->path);
  cgap_status status = cgap_writer_attribute(j->hdf5, "/", "source", files ? files : "", error);
  if (status == CGAP_OK)
    status = cgap_writer_attribute(j->hdf5, "/", "command", j->options->command ? j->options->command : "", error);
  if (status == CGAP_OK)
    status = cgap_writer_attribute(j->hdf5, "/", "contragap", cgap_version(), error);
  free(files);
  return status;
}

/* ---------------------------------------------------------------- the whole */

static cgap_status write_all(conversion *j, cgap_error *error)
{
  const cgap_data *d = &j->dataset->data;
  const cgap_role_datasets *role = j->dataset->role;
  const matrix matrices[] = {
    {"/image", &d->image, &role[CGAP_ROLE_IMAGE]},
    {"/text", &d->text, &role[CGAP_ROLE_TEXT]},
    {"/class_text", &d->class_text, &role[CGAP_ROLE_CLASS_TEXT]},
    {"/arithmetic/words", &d->words, &role[CGAP_ROLE_WORDS]},
  };
  const struct {
    const char *path;
    bool integers;
    const void *values;
    size_t rows, columns;
  } small[] = {
    {"/labels", true, d->labels, d->image.rows, 0},
    {"/arithmetic/image_label", true, d->image_label, d->image.rows, 0},
    {"/arithmetic/query", true, d->query, d->queries, 4},
    {"/arithmetic/weight", false, d->query_weight, d->queries, 0},
  };
  cgap_status status = CGAP_OK;
  for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++)
    j->total += matrices[i].source->rows;
  for (size_t i = 0; i < sizeof matrices / sizeof *matrices && status == CGAP_OK; i++)
    status = write_matrix(j, &matrices[i], error);
  if (status == CGAP_OK)
    status = write_text_image(j, error);
  for (size_t i = 0; i < sizeof small / sizeof *small && status == CGAP_OK; i++)
    status = write_whole(j, small[i].path, small[i].integers, small[i].values, small[i].rows, small[i].columns, error);
  if (status != CGAP_OK)
    return status;
  return j->hdf5 ? write_attributes(j, error) : check_strangers(j->npy, error);
}

cgap_status cgap_convert(const cgap_dataset *dataset, const char *path, const cgap_convert_options *options,
                         cgap_error *error)
{
  conversion j = {.dataset = dataset, .options = options};
  if (cgap_dataset_reads(dataset, path))
    return cgap_fail(error, CGAP_USAGE, "%s: is an input; give another name", path);
  cgap_status status = options->layout == CGAP_LAYOUT_NPY ? open_npy(&j.npy, dataset, path, options->replace, error)
                                                          : cgap_writer_open(&j.hdf5, path, error);
  if (status != CGAP_OK)
    return status;
  status = write_all(&j, error);
  const bool commit = status == CGAP_OK;
  cgap_error *close_error = commit ? error : NULL;
  const cgap_status closed =
    j.npy ? close_npy(j.npy, commit, close_error) : cgap_writer_close(j.hdf5, commit, close_error);
  return commit ? closed : status;
}
