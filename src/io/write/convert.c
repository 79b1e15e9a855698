/* Writes the arrays of a data set as one HDF5 file (writer.c) or into other containers (array_files.c). Needs one block
 * of rows of memory. */
#include "io/write/convert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/modality_names.h"
#include "base/output_file.h"
#include "base/text_buffer.h"
#include "io/write/array_files.h"
#include "io/write/output_arrays.h"
#include "io/write/writer.h"

enum { BLOCK_BYTES = 4 << 20 };

/* Every array that our own layout has. */
static const char *const PATHS[] = {"/image",
                                    "/text",
                                    "/class_text",
                                    "/text_image",
                                    "/labels",
                                    "/arithmetic/words",
                                    "/arithmetic/image_label",
                                    "/arithmetic/query",
                                    "/arithmetic/weight"};

typedef struct conversion {
  const cgap_dataset *dataset;
  const cgap_convert_options *options;
  cgap_converted *out;
  cgap_output_arrays arrays;
  cgap_writer *hdf5; /* one of these two */
  cgap_array_files *files;
  size_t done, total; /* rows */
} conversion;

/* ---------------------------------------------------------------- arrays */

static cgap_status tick(conversion *j, size_t rows, cgap_error *error)
{
  const cgap_progress *p = &j->options->progress;
  j->done += rows;
  if (p->tick &&
      p->tick(p->context, j->options->phase ? j->options->phase : "converting", (double)j->done / (double)j->total))
    return cgap_fail(error, CGAP_INTERRUPTED, "interrupted after %zu of %zu rows; nothing was written", j->done,
                     j->total);
  return CGAP_OK;
}

/* Rows of the embeddings, block by block. */
static cgap_status stream_rows(conversion *j, const cgap_output_array *a, cgap_error *error)
{
  const size_t row_bytes = cgap_output_array_row_bytes(a), block_rows = cgap_greater(BLOCK_BYTES / row_bytes, 1);
  unsigned char *block = cgap_alloc(cgap_lesser(block_rows, a->rows), row_bytes);
  cgap_status status = block ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", a->path);
  for (size_t first = 0; first < a->rows && status == CGAP_OK; first += block_rows) {
    const size_t here = cgap_lesser(a->rows - first, block_rows);
    status = cgap_output_array_read(a, first, here, block, error);
    if (status == CGAP_OK)
      status = j->hdf5 ? cgap_writer_append_raw(j->hdf5, a->path, block, here, error)
                       : cgap_array_files_put(j->files, a, block, here, error);
    if (status == CGAP_OK && a->kind == CGAP_OUTPUT_ROWS)
      status = tick(j, here, error);
  }
  cgap_free(block);
  return status;
}

static cgap_status write_hdf5_rows(conversion *j, const cgap_output_array *a, cgap_error *error)
{
  const cgap_source *s = a->source;
  const size_t middle = a->ndim == 3 ? a->shape[1] : 0;
  cgap_status status = cgap_writer_create(j->hdf5, a->path, s->type, a->shape[0], middle, s->dim, error);
  if (status == CGAP_OK)
    status = stream_rows(j, a, error);
  return status == CGAP_OK ? cgap_writer_attribute(j->hdf5, a->path, "source", a->origin, error) : status;
}

static cgap_status write_hdf5_ids(conversion *j, const cgap_output_array *a, cgap_error *error)
{
  const size_t bytes = cgap_output_array_row_bytes(a);
  void *all = cgap_alloc(a->rows, bytes);
  cgap_status status = all ? cgap_output_array_read(a, 0, a->rows, all, error)
                           : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", a->path);
  if (status == CGAP_OK)
    status = a->ids.kind == CGAP_KIND_STRING ? cgap_writer_strings(j->hdf5, a->path, all, a->rows, bytes, error)
                                             : cgap_writer_int64(j->hdf5, a->path, all, a->rows, 0, error);
  cgap_free(all);
  return status;
}

static cgap_status write_hdf5(conversion *j, const cgap_output_array *a, cgap_error *error)
{
  const size_t columns = a->ndim > 1 ? a->shape[1] : 0;
  switch (a->kind) {
  case CGAP_OUTPUT_ROWS:
    return write_hdf5_rows(j, a, error);
  case CGAP_OUTPUT_INTEGERS:
    return cgap_writer_int64(j->hdf5, a->path, a->values, a->rows, columns, error);
  case CGAP_OUTPUT_REALS:
    return cgap_writer_float64(j->hdf5, a->path, a->values, a->rows, columns, error);
  case CGAP_OUTPUT_IDS:
    break;
  }
  return write_hdf5_ids(j, a, error);
}

static cgap_status write_array(conversion *j, const cgap_output_array *a, cgap_error *error)
{
  if (j->hdf5)
    return write_hdf5(j, a, error);
  cgap_status status = cgap_array_files_begin(j->files, a, error);
  if (status == CGAP_OK)
    status = stream_rows(j, a, error);
  return status == CGAP_OK ? cgap_array_files_end(j->files, error) : status;
}

/* "a, b" and one more, as far as it fits into 300 bytes. */
static void note(char list[300], const char *name)
{
  const size_t used = strlen(list);
  if (used + strlen(name) + 3 < 300)
    (void)snprintf(list + used, 300 - used, "%s%s", used ? ", " : "", name);
}

static cgap_status write_arrays(conversion *j, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (size_t k = 0; k < j->arrays.count; k++)
    if (j->arrays.item[k].kind == CGAP_OUTPUT_ROWS)
      j->total += j->arrays.item[k].rows;
  for (size_t k = 0; k < j->arrays.count && status == CGAP_OK; k++) {
    const cgap_output_array *a = &j->arrays.item[k];
    if (j->hdf5 || cgap_layout_holds(j->options->layout, a))
      status = write_array(j, a, error);
    else
      note(j->out->left_out, a->path + 1);
  }
  return status;
}

/* ---------------------------------------------------------------- .npy files, which do not say who wrote them */

/* The files that the arrays go into: none is an input, none is there already unless it may be replaced. */
static cgap_status check_files(conversion *j, const char *path, cgap_error *error)
{
  const cgap_layout layout = j->options->layout;
  const bool one = cgap_arrays_of_one_modality(&j->arrays);
  for (size_t k = 0; k < j->arrays.count; k++) {
    char full[CGAP_PATH];
    struct stat facts;
    if (!cgap_layout_holds(layout, &j->arrays.item[k]))
      continue;
    const cgap_status status =
      cgap_array_file_name(full, path, layout, j->arrays.item[k].path, one, &j->dataset->names, error);
    if (status != CGAP_OK)
      return status;
    if (cgap_dataset_reads(j->dataset, full))
      return cgap_fail(error, CGAP_USAGE, "%s: is an input; give another name", full);
    if (!j->options->replace && lstat(full, &facts) == 0)
      return cgap_fail(error, CGAP_FILE,
                       "%s: already exists, and .npy does not say who wrote it; give another name, or `replace`", full);
    if (layout == CGAP_LAYOUT_NPY_FILES)
      note(j->out->written, full);
  }
  return CGAP_OK;
}

/* Refuses a folder with an array of our layout that this conversion did not write: readers would take it for one. */
static cgap_status check_strangers(const conversion *j, const char *folder, cgap_error *error)
{
  for (size_t k = 0; k < sizeof PATHS / sizeof *PATHS; k++) {
    char full[CGAP_PATH];
    struct stat facts;
    const cgap_status status =
      cgap_array_file_name(full, folder, CGAP_LAYOUT_NPY, PATHS[k], false, &j->dataset->names, error);
    if (status != CGAP_OK)
      return status;
    if (!cgap_array_files_writes(j->files, full) && stat(full, &facts) == 0)
      return cgap_fail(error, CGAP_FILE,
                       "%s: already exists and is not part of what is written; remove it or name another folder", full);
  }
  return CGAP_OK;
}

/* ---------------------------------------------------------------- the whole */

/* What the file says of itself, as attributes of HDF5. */
static cgap_status write_attributes(conversion *j, const char *source, cgap_error *error)
{
  const cgap_convert_options *o = j->options;
  const cgap_modality_names *names = &j->dataset->names;
  const cgap_phrase both = cgap_phrase_of(names, "{image},{text}");
  const struct {
    const char *name, *value;
  } all[] = {{"source", source},
             {"command", o->command ? o->command : ""},
             {"contragap", cgap_version()},
             {CGAP_TRAINED_ON, o->trained_on},
             {CGAP_TRAINED_LOSSES, o->trained_losses},
             {CGAP_MODALITIES_NAMED, cgap_modality_names_default(names) ? NULL : both.s}};
  cgap_status status = CGAP_OK;
  for (size_t k = 0; k < sizeof all / sizeof *all && status == CGAP_OK; k++)
    if (all[k].value)
      status = cgap_writer_attribute(j->hdf5, "/", all[k].name, all[k].value, error);
  return status;
}

/* The same as a JSON object; free. The comment of an archive has a limit: of what is longer, the command is left out
 * first, then the files that it was made of. */
static char *marks_of(const conversion *j, const char *source)
{
  static const char *const LONG[] = {"command", "source"};
  const cgap_convert_options *o = j->options;
  const cgap_modality_names *names = &j->dataset->names;
  json_t *json = json_pack("{s:o, s:o, s:o}", "command", cgap_json_string(o->command ? o->command : ""), "source",
                           cgap_json_string(source), "contragap", cgap_json_string(cgap_version()));
  if (json && o->trained_on)
    json_object_set_new(json, CGAP_TRAINED_ON, cgap_json_string(o->trained_on));
  if (json && o->trained_losses)
    json_object_set_new(json, CGAP_TRAINED_LOSSES, cgap_json_string(o->trained_losses));
  if (json && !cgap_modality_names_default(names))
    json_object_set_new(json, CGAP_MODALITIES_NAMED, cgap_json_string(cgap_phrase_of(names, "{image},{text}").s));
  char *text = cgap_json_text(json, JSON_COMPACT);
  for (size_t k = 0; text && k < 2 && strlen(text) > CGAP_MARKS_MAX; k++) {
    json_object_set_new(json, LONG[k], cgap_json_string("too long to be kept"));
    free(text);
    text = cgap_json_text(json, JSON_COMPACT);
  }
  json_decref(json);
  return text;
}

static cgap_status open_files(conversion *j, const char *path, const char *source, cgap_error *error)
{
  const cgap_layout layout = j->options->layout;
  cgap_status status = CGAP_OK;
  if (layout == CGAP_LAYOUT_NPY || layout == CGAP_LAYOUT_NPY_FILES)
    status = check_files(j, path, error);
  char *marks = status == CGAP_OK ? marks_of(j, source) : NULL;
  if (status == CGAP_OK && !marks)
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", path);
  if (status == CGAP_OK)
    status = cgap_array_files_open(&j->files, path, layout, &j->arrays, &j->dataset->names, marks, error);
  free(marks);
  return status;
}

static cgap_status write_all(conversion *j, const char *path, const char *source, cgap_error *error)
{
  cgap_status status = j->options->layout == CGAP_LAYOUT_HDF5 ? cgap_writer_open(&j->hdf5, path, error)
                                                              : open_files(j, path, source, error);
  if (status != CGAP_OK)
    return status;
  status = write_arrays(j, error);
  if (status == CGAP_OK && j->hdf5)
    status = write_attributes(j, source, error);
  if (status == CGAP_OK && j->options->layout == CGAP_LAYOUT_NPY)
    status = check_strangers(j, path, error);
  const bool commit = status == CGAP_OK;
  cgap_error *close_error = commit ? error : NULL;
  const cgap_status closed =
    j->files ? cgap_array_files_close(j->files, commit, close_error) : cgap_writer_close(j->hdf5, commit, close_error);
  return commit ? closed : status;
}

cgap_status cgap_convert(cgap_converted *out, const cgap_dataset *dataset, const char *path,
                         const cgap_convert_options *options, cgap_error *error)
{
  cgap_converted unheard;
  conversion j = {.dataset = dataset, .options = options, .out = out ? out : &unheard};
  const cgap_replaced_rows replaced = {options->image, options->text, options->class_text, options->words};
  char *source = NULL;
  *j.out = (cgap_converted){0};
  if (cgap_dataset_reads(dataset, path))
    return cgap_fail(error, CGAP_USAGE, "%s: is an input; give another name", path);
  cgap_status status = cgap_output_arrays_list(&j.arrays, dataset, &replaced, error);
  if (options->source)
    cgap_append(&source, "%s", options->source);
  for (size_t i = 0; !options->source && i < dataset->file_count; i++)
    cgap_append(&source, "%s%s", i ? ", " : "", dataset->files[i]->path);
  if (status == CGAP_OK)
    status = write_all(&j, path, source ? source : "", error);
  if (!j.out->written[0])
    note(j.out->written, path);
  free(source);
  cgap_output_arrays_clear(&j.arrays);
  return status;
}
