/* A head into a file, by the end of its name: HDF5 (head.c), or safetensors, which has the same datasets under the same
 * names, for PyTorch, JAX and others to load. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/modality_names.h"
#include "base/output_file.h"
#include "base/source.h"
#include "head/model/head.h"
#include "io/read/name_words.h"
#include "io/write/array_files.h"

enum { BLOCKS_MAX = 8 };

typedef struct tensors {
  cgap_output_arrays list;
  cgap_source view[BLOCKS_MAX]; /* of the weights */
  size_t views;
  int64_t shape[CGAP_HEAD_SHAPE_NUMBERS], epoch;
} tensors;

static cgap_status add(tensors *t, const char *path, cgap_output_array_kind kind, const void *values, size_t rows,
                       size_t columns, cgap_error *error)
{
  cgap_output_array *a = &t->list.item[t->list.count];
  *a = (cgap_output_array){.path = strdup(path), .kind = kind, .values = values, .rows = rows, .ndim = columns ? 2 : 1};
  if (!a->path)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  a->shape[0] = rows;
  a->shape[1] = columns;
  t->list.count++;
  return CGAP_OK;
}

static cgap_status add_block(tensors *t, const char *path, const cgap_parameter_block *b, const float *parameters,
                             cgap_error *error)
{
  cgap_source *view = &t->view[t->views++];
  *view = cgap_source_view(parameters + b->offset, b->rows, b->columns, CGAP_FLOAT32, path);
  const cgap_status status = add(t, path, CGAP_OUTPUT_ROWS, NULL, b->rows, b->columns > 1 ? b->columns : 0, error);
  if (status == CGAP_OK)
    t->list.item[t->list.count - 1].source = view;
  return status;
}

static cgap_status list_tensors(tensors *t, const cgap_head *h, cgap_error *error)
{
  cgap_head_shape_numbers(t->shape, &h->layers.shape);
  t->epoch = (int64_t)h->kept_epoch;
  cgap_status status = add(t, "/contragap_head", CGAP_OUTPUT_INTEGERS, t->shape, CGAP_HEAD_SHAPE_NUMBERS, 0, error);
  if (status == CGAP_OK)
    status = add(t, "/kept_epoch", CGAP_OUTPUT_INTEGERS, &t->epoch, 1, 0, error);
  if (status == CGAP_OK)
    status = add(t, "/temperature", CGAP_OUTPUT_REALS, &h->temperature, 1, 0, error);
  if (status == CGAP_OK && h->split)
    status = add(t, "/split", CGAP_OUTPUT_INTEGERS, h->split, h->split_rows, 0, error);
  if (status == CGAP_OK && h->training_hashes)
    status = add(t, CGAP_HEAD_HASHES, CGAP_OUTPUT_INTEGERS, h->training_hash, h->training_hashes, 0, error);
  for (int modality = 0; status == CGAP_OK && modality < (h->layers.shape.shared ? 1 : CGAP_MODALITIES); modality++) {
    cgap_named_block blocks[4];
    const size_t count = cgap_head_blocks(blocks, &h->layers.tower[modality]);
    for (size_t k = 0; status == CGAP_OK && k < count; k++) {
      char path[64];
      (void)snprintf(path, sizeof path, "/%s/%s", cgap_head_modalities[modality], blocks[k].name);
      status = add_block(t, path, blocks[k].block, h->parameters, error);
    }
  }
  return status;
}

static cgap_status write_tensors(cgap_array_files *w, const tensors *t, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (size_t k = 0; status == CGAP_OK && k < t->list.count; k++) {
    const cgap_output_array *a = &t->list.item[k];
    status = cgap_array_files_begin(w, a, error);
    if (status == CGAP_OK)
      status = cgap_array_files_put(w, a, a->source ? a->source->context : a->values, a->rows, error);
    if (status == CGAP_OK)
      status = cgap_array_files_end(w, error);
  }
  return status;
}

static cgap_status write_safetensors(const cgap_head *h, const char *path, cgap_error *error)
{
  tensors t = {0};
  cgap_array_files *w = NULL;
  const cgap_modality_names names = {0};
  json_t *marks = json_pack("{s:s, s:o, s:s}", "kind", cgap_head_kind_name(h->layers.shape.kind), "options",
                            cgap_json_string(h->options), "contragap", cgap_version());
  if (marks && !cgap_modality_names_default(&h->names))
    json_object_set_new(marks, CGAP_MODALITIES_NAMED, cgap_json_string(cgap_phrase_of(&h->names, "{image},{text}").s));
  char *text = marks ? cgap_json_text(marks, JSON_COMPACT) : NULL;
  cgap_status status = text ? list_tensors(&t, h, error) : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", path);
  if (status == CGAP_OK)
    status = cgap_array_files_open(&w, path, CGAP_LAYOUT_SAFETENSORS, &t.list, &names, text, error);
  if (status == CGAP_OK) {
    status = write_tensors(w, &t, error);
    const bool commit = status == CGAP_OK;
    const cgap_status closed = cgap_array_files_close(w, commit, commit ? error : NULL);
    status = commit ? closed : status;
  }
  free(text);
  json_decref(marks);
  cgap_output_arrays_clear(&t.list);
  return status;
}

cgap_status cgap_head_write(const cgap_head *head, const char *path, cgap_error *error)
{
  cgap_status status = cgap_check_argument(head, "cgap_head_write", "head", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(path, "cgap_head_write", "path", error);
  if (status != CGAP_OK)
    return status;
  return cgap_layout_of(path) == CGAP_LAYOUT_SAFETENSORS ? write_safetensors(head, path, error)
                                                         : cgap_head_write_hdf5(head, path, error);
}
