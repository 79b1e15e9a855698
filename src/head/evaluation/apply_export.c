/* A data set through a head into containers other than HDF5: the conversion of io/write reads sources whose rows have
 * passed through the head. Rows pass in the same blocks as in apply_file.c, so that the bits are the same. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "head/evaluation/apply_file.h"
#include "head/evaluation/comparison.h"
#include "head/training/memory_plan.h"
#include "io/find/dataset_internal.h"
#include "io/write/convert.h"
#include "rows/row_pass.h"
#include "rows/row_reader.h"
#include "simd/convert.h"

enum { ROLES = 4 };

/* What all rows of an export share. */
typedef struct export_state {
  const cgap_head *head;
  const cgap_apply_file_options *options;
  cgap_apply_summary *out;
  size_t block; /* rows at once */
  bool *bad;    /* (block) */
  float *spare; /* (dim_in) */
} export_state;

/* Rows of one source as the head makes them, of which a block is kept: reads come in order. */
typedef struct head_source {
  export_state *state;
  cgap_source view;
  int modality;
  cgap_row_reader reader;
  float *changed; /* (block, dim) */
  size_t first, count;
} head_source;

static cgap_status pass_block(head_source *h, size_t row, cgap_error *error)
{
  export_state *s = h->state;
  h->first = row / s->block * s->block;
  h->count = cgap_lesser(s->block, h->view.rows - h->first);
  memset(s->bad, 0, s->block * sizeof *s->bad);
  const cgap_status status =
    cgap_head_transform_rows(s->head, &h->reader, h->modality, h->first, h->count,
                             s->options->leave_bad ? s->bad : NULL, h->changed, s->options->threads, error);
  for (size_t i = 0; i < h->count; i++)
    s->out->bad += s->bad[i];
  h->count = status == CGAP_OK ? h->count : 0;
  return status;
}

/* As the writer of HDF5 converts them. */
static void convert_elements(void *out, cgap_type type, const float *in, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    if (type == CGAP_FLOAT16)
      ((uint16_t *)out)[i] = cgap_half_from_double((double)in[i]);
    else if (type == CGAP_BFLOAT16)
      ((uint16_t *)out)[i] = cgap_bfloat16_from_double((double)in[i]);
    else if (type == CGAP_FLOAT32)
      ((float *)out)[i] = in[i];
    else
      ((double *)out)[i] = (double)in[i];
  }
}

static cgap_status read_rows(const cgap_source *source, size_t first, size_t count, void *out, cgap_error *error)
{
  head_source *h = source->context;
  const size_t row_bytes = source->dim * cgap_type_size(source->type);
  cgap_status status = CGAP_OK;
  for (size_t row = first, here = 0; row < first + count && status == CGAP_OK; row += here) {
    if (row < h->first || row >= h->first + h->count)
      status = pass_block(h, row, error);
    here = cgap_lesser(h->first + h->count, first + count) - row;
    if (status == CGAP_OK)
      convert_elements((unsigned char *)out + (row - first) * row_bytes, source->type,
                       h->changed + (row - h->first) * source->dim, here * source->dim);
  }
  return status;
}

static cgap_status open_source(head_source *h, export_state *s, const cgap_source *from, int modality,
                               cgap_error *error)
{
  if (from->rows == 0)
    return CGAP_OK;
  const size_t dim = s->head->layers.shape.dim;
  h->state = s;
  h->modality = modality;
  h->view = *from;
  h->view.dim = dim;
  h->view.read = read_rows;
  h->view.context = h;
  h->changed = cgap_alloc(s->block * dim, sizeof *h->changed);
  s->out->rows += from->rows;
  return h->changed ? cgap_row_reader_init(&h->reader, from, s->block, error)
                    : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", from->name);
}

/* How many of the images the head was trained on: before anything is written, since safetensors begin with what they
 * say of themselves. */
static cgap_status count_training(export_state *s, cgap_row_reader *images, cgap_error *error)
{
  const size_t rows = images->source->rows, dim = images->source->dim;
  cgap_status status = CGAP_OK;
  for (size_t first = 0, here = 0; first < rows && status == CGAP_OK; first += here) {
    here = cgap_lesser(rows - first, s->block);
    memset(s->bad, 0, s->block * sizeof *s->bad);
    status = cgap_row_reader_read(images, first, here, s->options->leave_bad ? s->bad : NULL, error);
    for (size_t i = 0; i < here && status == CGAP_OK; i++)
      s->out->trained += cgap_head_knows(s->head, cgap_unit_hash(images->unit + i * dim, dim, s->spare).low);
  }
  return status;
}

static cgap_status convert(export_state *s, const cgap_dataset *dataset, const char *path, const char *command,
                           bool replace, cgap_error *error)
{
  const cgap_data *d = &dataset->data;
  const cgap_source *const from[ROLES] = {&d->image, &d->text, &d->class_text, &d->words};
  char losses[CGAP_TERMS], trained[100];
  head_source rows[ROLES] = {0};
  cgap_converted converted = {.written = ""};
  cgap_status status = CGAP_OK;
  for (int k = 0; k < ROLES && status == CGAP_OK; k++)
    status = open_source(&rows[k], s, from[k], k ? CGAP_TEXT_MODALITY : CGAP_IMAGE_MODALITY, error);
  if (status == CGAP_OK && d->image.rows && s->head->training_hashes)
    status = count_training(s, &rows[0].reader, error);
  cgap_apply_losses(losses, s->head);
  cgap_apply_trained(s->out, trained, s->head, d->image.rows);
  const cgap_convert_options options = {.layout = cgap_layout_of(path),
                                        .command = command,
                                        .trained_on = s->out->trained ? trained : NULL,
                                        .trained_losses = losses[0] ? losses : NULL,
                                        .replace = replace,
                                        .image = rows[0].reader.source ? &rows[0].view : NULL,
                                        .text = rows[1].reader.source ? &rows[1].view : NULL,
                                        .class_text = rows[2].reader.source ? &rows[2].view : NULL,
                                        .words = rows[3].reader.source ? &rows[3].view : NULL,
                                        .phase = "applying",
                                        .progress = s->options->progress};
  if (status == CGAP_OK)
    status = cgap_convert(&converted, dataset, path, &options, error);
  memcpy(s->out->left_out, converted.left_out, sizeof s->out->left_out);
  memcpy(s->out->written, converted.written, sizeof s->out->written);
  for (int k = 0; k < ROLES; k++) {
    cgap_row_reader_clear(&rows[k].reader);
    cgap_free(rows[k].changed);
  }
  return status;
}

cgap_status cgap_apply_export(cgap_apply_summary *out, const cgap_head *head, const cgap_dataset *dataset,
                              const char *path, const char *command, bool replace,
                              const cgap_apply_file_options *options, cgap_error *error)
{
  const cgap_data *d = &dataset->data;
  export_state s = {.head = head, .options = options, .out = out};
  cgap_memory_plan plan = {0};
  *out = (cgap_apply_summary){0};
  cgap_status status = cgap_apply_check(head, dataset, path, error);
  if (status == CGAP_OK)
    status = cgap_plan_apply(&plan, d->image.rows ? &d->image : &d->text, &head->layers.shape, CGAP_LAYERS_BLOCK,
                             CGAP_TRANSFORM_ROWS, options->memory_bytes, options->comm, error);
  if (status != CGAP_OK)
    return status;
  s.block = plan.block_rows;
  s.bad = cgap_alloc(s.block, sizeof *s.bad);
  s.spare = cgap_alloc(head->layers.shape.dim_in, sizeof *s.spare);
  status = s.bad && s.spare ? convert(&s, dataset, path, command, replace, error)
                            : cgap_fail(error, CGAP_RESOURCE, "out of memory");
  cgap_free(s.spare);
  cgap_free(s.bad);
  return status;
}
