#include "io/write/convert.h"

#include "base/memory.h"
#include "base/output_file.h"
#include "base/text_buffer.h"
#include "io/find/dataset_internal.h"
#include "io/write/npy_writer.h"
#include "io/write/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BLOCK_BYTES = 4 << 20 };

/* One of the two writers, and where the work stands. */
typedef struct conversion {
  const cgap_dataset *dataset;
  const cgap_convert_options *options;
  cgap_writer *hdf5;
  cgap_npy_writer *npy;
  size_t done, total; /* rows */
} conversion;

/* ---------------------------------------------------------------- rows */

typedef struct matrix {
  const char *path;
  const cgap_source *source;
  const cgap_role_datasets *series;
} matrix;

static cgap_status begin_matrix(conversion *j, const matrix *m, cgap_error *error)
{
  const cgap_source *s = m->source;
  const cgap_data *d = &j->dataset->data;
  size_t middle = s == &d->class_text ? (d->prompts > 1 ? d->prompts : 0) : cgap_entry_middle(m->series->taken->entry);
  size_t rows = middle ? s->rows / middle : s->rows;
  if (j->npy)
    return cgap_npy_writer_create(j->npy, m->path, s->type, rows, middle, s->dim, error);
  return cgap_writer_create(j->hdf5, m->path, s->type, rows, middle, s->dim, error);
}

static cgap_status copy_rows(conversion *j, const matrix *m, unsigned char *block, size_t block_rows, cgap_error *error)
{
  const cgap_source *s = m->source;
  cgap_status status = CGAP_OK;
  for (size_t first = 0; first < s->rows && status == CGAP_OK; first += block_rows) {
    size_t here = s->rows - first < block_rows ? s->rows - first : block_rows;
    status = s->read(s, first, here, block, error);
    if (status == CGAP_OK)
      status = j->npy ? cgap_npy_writer_append(j->npy, block, here, error)
                      : cgap_writer_append_raw(j->hdf5, m->path, block, here, error);
    j->done += here;
    const cgap_progress *p = &j->options->progress;
    if (status == CGAP_OK && p->tick && p->tick(p->context, "converting", (double)j->done / (double)j->total))
      status =
        cgap_fail(error, CGAP_INTERRUPTED, "interrupted after %zu of %zu rows; nothing was written", j->done, j->total);
  }
  return status;
}

static cgap_status write_matrix(conversion *j, const matrix *m, cgap_error *error)
{
  const cgap_source *s = m->source;
  if (s->rows == 0)
    return CGAP_OK;
  size_t row = s->dim * cgap_type_size(s->type), block_rows = BLOCK_BYTES / row ? BLOCK_BYTES / row : 1;
  unsigned char *block = cgap_alloc(block_rows, row);
  cgap_status status = block ? begin_matrix(j, m, error)
                             : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu rows", s->name, block_rows);
  if (status == CGAP_OK)
    status = copy_rows(j, m, block, block_rows, error);
  if (status == CGAP_OK && j->hdf5)
    status = cgap_writer_attribute(j->hdf5, m->path, "source", m->series->name, error);
  cgap_free(block);
  return status;
}

/* ---------------------------------------------------------------- small arrays */

static cgap_status write_whole(conversion *j, const char *path, bool integers, const void *values, size_t rows,
                               size_t columns, cgap_error *error)
{
  if (!values || rows == 0)
    return CGAP_OK;
  if (j->npy)
    return cgap_npy_writer_whole(j->npy, path, integers, values, rows, columns, error);
  return integers ? cgap_writer_int64(j->hdf5, path, values, rows, columns, error)
                  : cgap_writer_float64(j->hdf5, path, values, rows, columns, error);
}

static cgap_status write_text_image(conversion *j, cgap_error *error)
{
  const cgap_dataset *d = j->dataset;
  bool by_shape = d->role[CGAP_ROLE_TEXT_IMAGE].count == 0 && d->role[CGAP_ROLE_TEXT_ID].count == 0;
  if (!d->text_image || by_shape) /* the shape (N, k, d) is kept, and says it */
    return CGAP_OK;
  int64_t *rows = cgap_alloc(d->data.text.rows, sizeof *rows);
  if (!rows)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu rows of the pairing", d->data.text.rows);
  for (size_t i = 0; i < d->data.text.rows; i++)
    rows[i] = (int64_t)d->text_image[i];
  cgap_status status = write_whole(j, "/text_image", true, rows, d->data.text.rows, 0, error);
  cgap_free(rows);
  return status;
}

static cgap_status write_small(conversion *j, cgap_error *error)
{
  const cgap_data *d = &j->dataset->data;
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
  cgap_status status = write_text_image(j, error);
  for (size_t i = 0; i < sizeof small / sizeof *small && status == CGAP_OK; i++)
    status = write_whole(j, small[i].path, small[i].integers, small[i].values, small[i].rows, small[i].columns, error);
  return status;
}

/* ---------------------------------------------------------------- the whole */

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

static const char *const PATHS[] = {"/image",
                                    "/text",
                                    "/class_text",
                                    "/text_image",
                                    "/labels",
                                    "/arithmetic/words",
                                    "/arithmetic/image_label",
                                    "/arithmetic/query",
                                    "/arithmetic/weight",
                                    NULL};

/* Arrays of the folder that would be written over. */
static cgap_status check_arrays(const cgap_dataset *dataset, const char *folder, bool replace, cgap_error *error)
{
  for (size_t k = 0; PATHS[k]; k++) {
    char name[100], path[CGAP_PATH];
    struct stat facts;
    (void)snprintf(name, sizeof name, "%s.npy", PATHS[k] + 1);
    cgap_status status = cgap_folder_file(path, folder, name, error);
    if (status != CGAP_OK)
      return status;
    if (cgap_dataset_reads(dataset, path))
      return cgap_fail(error, CGAP_USAGE, "%s: is what is read; name another folder with -o", path);
    if (!replace && lstat(path, &facts) == 0)
      return cgap_fail(error, CGAP_FILE,
                       "%s: is there already, and .npy does not say who wrote it; name another folder, or give --force "
                       "to replace it",
                       path);
  }
  return CGAP_OK;
}

static cgap_status write_all(conversion *j, cgap_error *error)
{
  const cgap_dataset *d = j->dataset;
  const matrix matrices[] = {
    {"/image", &d->data.image, &d->role[CGAP_ROLE_IMAGE]},
    {"/text", &d->data.text, &d->role[CGAP_ROLE_TEXT]},
    {"/class_text", &d->data.class_text, &d->role[CGAP_ROLE_CLASS_TEXT]},
    {"/arithmetic/words", &d->data.words, &d->role[CGAP_ROLE_WORDS]},
  };
  cgap_status status = CGAP_OK;
  for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++)
    j->total += matrices[i].source->rows;
  for (size_t i = 0; i < sizeof matrices / sizeof *matrices && status == CGAP_OK; i++)
    status = write_matrix(j, &matrices[i], error);
  if (status == CGAP_OK)
    status = write_small(j, error);
  if (status == CGAP_OK && j->hdf5)
    status = write_attributes(j, error);
  if (status == CGAP_OK && j->npy)
    status = cgap_npy_writer_check(j->npy, PATHS, error);
  return status;
}

cgap_status cgap_convert(const cgap_dataset *dataset, const char *path, const cgap_convert_options *options,
                         cgap_error *error)
{
  conversion j = {.dataset = dataset, .options = options};
  bool npy = options->layout == CGAP_LAYOUT_NPY;
  if (cgap_dataset_reads(dataset, path))
    return cgap_fail(error, CGAP_USAGE, "%s: is what is read; give another name with -o", path);
  cgap_status status = npy ? check_arrays(dataset, path, options->replace, error) : CGAP_OK;
  if (status == CGAP_OK)
    status = npy ? cgap_npy_writer_open(&j.npy, path, error) : cgap_writer_open(&j.hdf5, path, error);
  if (status != CGAP_OK)
    return status;
  status = write_all(&j, error);
  bool commit = status == CGAP_OK;
  cgap_status closed = npy ? cgap_npy_writer_close(j.npy, commit, commit ? error : NULL)
                           : cgap_writer_close(j.hdf5, commit, commit ? error : NULL);
  return commit ? closed : status;
}
