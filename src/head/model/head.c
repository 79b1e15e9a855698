#include "head/model/head.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/modality_names.h"
#include "base/source.h"
#include "base/threads.h"
#include "head/model/layers.h"
#include "io/read/datasets.h"
#include "io/read/hdf5_basics.h"
#include "io/read/name_words.h"
#include "io/write/writer.h"

cgap_head *cgap_head_new(const cgap_head_shape *shape, const char *options)
{
  cgap_head *h = cgap_zalloc(1, sizeof *h);
  if (!h)
    return NULL;
  h->layers = cgap_layers_init(shape);
  h->parameters = cgap_zalloc(h->layers.count, sizeof *h->parameters);
  h->options = cgap_alloc(strlen(options) + 1, 1);
  if (!h->parameters || !h->options) {
    cgap_head_close(h);
    return NULL;
  }
  strcpy(h->options, options);
  return h;
}

void cgap_head_close(cgap_head *head)
{
  if (!head)
    return;
  cgap_free(head->parameters);
  cgap_free(head->options);
  cgap_free(head->split);
  cgap_free(head->training_hash);
  cgap_free(head);
}

static int by_value(const void *a, const void *b)
{
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

cgap_status cgap_head_note_training(cgap_head *head, const int64_t *split, size_t rows, const uint64_t *hash,
                                    size_t count, cgap_error *error)
{
  cgap_free(head->split);
  cgap_free(head->training_hash);
  head->split = cgap_alloc(rows, sizeof *head->split);
  head->training_hash = cgap_alloc(count, sizeof *head->training_hash);
  if (!head->split || !head->training_hash)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the head");
  memcpy(head->split, split, rows * sizeof *split);
  if (count)
    memcpy(head->training_hash, hash, count * sizeof *hash);
  qsort(head->training_hash, count, sizeof *hash, by_value);
  head->split_rows = rows;
  head->training_hashes = count < CGAP_TRAINING_HASHES_MAX ? count : CGAP_TRAINING_HASHES_MAX;
  return CGAP_OK;
}

bool cgap_head_knows(const cgap_head *head, uint64_t hash)
{
  return head->training_hashes &&
         bsearch(&hash, head->training_hash, head->training_hashes, sizeof hash, by_value) != NULL;
}

cgap_head_shape cgap_head_shape_of(const cgap_head *head)
{
  return head ? head->layers.shape : (cgap_head_shape){0};
}

const int64_t *cgap_head_split(const cgap_head *head, size_t *rows)
{
  if (rows)
    *rows = head ? head->split_rows : 0;
  return head ? head->split : NULL;
}

bool cgap_head_name(cgap_head *h, const char *candidate)
{
  const size_t letters = strlen(h->options) - 1; /* without the closing brace */
  const size_t size = letters + strlen(candidate) + sizeof ", \"candidate\": \"\"}";
  char *named = cgap_alloc(size, 1);
  if (!named)
    return false;
  snprintf(named, size, "%.*s%s\"candidate\": \"%s\"}", (int)letters, h->options, letters > 1 ? ", " : "", candidate);
  cgap_free(h->options);
  h->options = named;
  return true;
}

cgap_status cgap_head_blend(cgap_head **out, const cgap_head *from, const cgap_head *to, double alpha,
                            cgap_error *error)
{
  const cgap_head_shape *a = &from->layers.shape, *b = &to->layers.shape;
  *out = NULL;
  if (a->kind != b->kind || a->shared != b->shared || a->dim_in != b->dim_in || a->dim != b->dim ||
      a->hidden != b->hidden)
    return cgap_fail(error, CGAP_USAGE,
                     "heads of %zu to %zu and of %zu to %zu dimensions: only heads of the same "
                     "layers can be blended",
                     a->dim_in, a->dim, b->dim_in, b->dim);
  cgap_head *h = cgap_head_new(b, to->options);
  cgap_status status = h ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for the head");
  if (status == CGAP_OK && to->split)
    status = cgap_head_note_training(h, to->split, to->split_rows, to->training_hash, to->training_hashes, error);
  if (status != CGAP_OK) {
    cgap_head_close(h);
    return status;
  }
  h->names = to->names;
  h->temperature = to->temperature;
  h->kept_epoch = to->kept_epoch;
  for (size_t k = 0; k < h->layers.count; k++)
    h->parameters[k] = (float)((1 - alpha) * (double)from->parameters[k] + alpha * (double)to->parameters[k]);
  *out = h;
  return CGAP_OK;
}

cgap_status cgap_head_transform(const cgap_head *head, int modality, const float *in, size_t rows, float *out,
                                int threads, cgap_error *error)
{
  const cgap_head_shape *s = &head->layers.shape;
  const size_t block = CGAP_LAYERS_BLOCK;
  const int blas = cgap_blas_single();
  bool ok = true;
#pragma omp parallel num_threads(threads > 0 ? threads : 1) reduction(&& : ok)
  {
    cgap_activations scratch;
    ok = cgap_activations_init(&scratch, &head->layers, block);
#pragma omp for schedule(dynamic, 1)
    for (size_t first = 0; first < rows; first += block)
      if (ok)
        cgap_layers_apply(&head->layers, head->parameters, modality, in + first * s->dim_in,
                          rows - first < block ? rows - first : block, out + first * s->dim, &scratch);
    cgap_activations_clear(&scratch);
  }
  cgap_blas_restore(blas);
  return ok ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for the head");
}

cgap_status cgap_head_transform_rows(const cgap_head *head, cgap_row_reader *reader, int modality, size_t first,
                                     size_t count, bool *bad, float *out, int threads, cgap_error *error)
{
  const size_t dim = head->layers.shape.dim;
  cgap_status status = cgap_row_reader_read(reader, first, count, bad, error);
  if (status == CGAP_OK)
    status = cgap_head_transform(head, modality, reader->unit, count, out, threads, error);
  for (size_t i = 0; status == CGAP_OK && bad && i < count; i++)
    if (bad[i])
      memset(out + i * dim, 0, dim * sizeof *out);
  return status;
}

cgap_status cgap_head_apply(const cgap_head *head, cgap_row_kind kind, const float *in, size_t rows, float *out,
                            cgap_error *error)
{
  static const char *const CALL = "cgap_head_apply";
  cgap_status status = cgap_check_argument(head, CALL, "head", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(in || rows == 0, CALL, "in", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(out || rows == 0, CALL, "out", error);
  if (status == CGAP_OK)
    status = cgap_check_choice("kind of rows", (int)kind, CGAP_TEXT_ROWS + 1, error);
  if (status != CGAP_OK)
    return status;
  return cgap_head_transform(head, kind == CGAP_IMAGE_ROWS ? CGAP_IMAGE_MODALITY : CGAP_TEXT_MODALITY, in, rows, out, 1,
                             error);
}

static cgap_status check_source(cgap_source *checked, const cgap_head *head, cgap_row_kind kind,
                                const cgap_source *source, const float *out, int threads, cgap_error *error)
{
  static const char *const CALL = "cgap_head_apply_source";
  cgap_status status = cgap_check_argument(head, CALL, "head", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(source, CALL, "source", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(out || source->rows == 0, CALL, "out", error);
  if (status == CGAP_OK)
    status = cgap_check_choice("kind of rows", (int)kind, CGAP_TEXT_ROWS + 1, error);
  if (status == CGAP_OK)
    status = cgap_check_threads(threads, error);
  return status == CGAP_OK ? cgap_check_source(checked, source, "rows", error) : status;
}

cgap_status cgap_head_apply_source(const cgap_head *head, cgap_row_kind kind, const cgap_source *given, float *out,
                                   int threads, cgap_progress progress, cgap_error *error)
{
  cgap_source checked;
  const cgap_source *source = &checked;
  cgap_status status = check_source(&checked, head, kind, given, out, threads, error);
  if (status != CGAP_OK)
    return status;
  const size_t takes = head->layers.shape.dim_in, dim = head->layers.shape.dim, rows = source->rows;
  const int modality = kind == CGAP_IMAGE_ROWS ? CGAP_IMAGE_MODALITY : CGAP_TEXT_MODALITY;
  cgap_row_reader reader;
  if (source->dim != takes)
    return cgap_fail(error, CGAP_DATA,
                     "%s: rows of %zu dimensions, the head takes %zu; give the head that was trained on these "
                     "embeddings",
                     source->name, source->dim, takes);
  status = cgap_row_reader_init(&reader, source, rows < CGAP_TRANSFORM_ROWS ? rows : CGAP_TRANSFORM_ROWS, error);
  for (size_t first = 0; status == CGAP_OK && first < rows; first += CGAP_TRANSFORM_ROWS) {
    const size_t count = rows - first < CGAP_TRANSFORM_ROWS ? rows - first : CGAP_TRANSFORM_ROWS;
    status = cgap_head_transform_rows(head, &reader, modality, first, count, NULL, out + first * dim,
                                      threads > 0 ? threads : omp_get_max_threads(), error);
    if (status == CGAP_OK && progress.tick &&
        progress.tick(progress.context, "applying", (double)(first + count) / (double)rows))
      status =
        cgap_fail(error, CGAP_INTERRUPTED, "%s: interrupted after %zu of %zu rows", source->name, first + count, rows);
  }
  cgap_row_reader_clear(&reader);
  return status;
}

/* ---------------------------------------------------------------- head file */

/* head.h5: the parameters as datasets that h5py reads, everything else as numbers and text. */

enum { FORMAT = 1, DEFLATE_BYTES_MAX = 1032 };
const char *const cgap_head_modalities[CGAP_MODALITIES] = {"image", "text"};

size_t cgap_head_blocks(cgap_named_block out[4], const cgap_tower *t)
{
  const cgap_named_block all[] = {
    {"weight", &t->weight}, {"bias", &t->bias}, {"weight2", &t->weight2}, {"bias2", &t->bias2}};
  size_t count = 0;
  for (size_t k = 0; k < 4; k++)
    if (all[k].block->rows)
      out[count++] = all[k];
  return count;
}

/* ---------------------------------------------------------------- writing */

static cgap_status write_block(cgap_writer *w, const char *path, const cgap_parameter_block *b, const float *parameters,
                               cgap_error *error)
{
  const float *values = parameters + b->offset;
  if (b->columns > 1) {
    cgap_status status = cgap_writer_create(w, path, CGAP_FLOAT32, b->rows, 0, b->columns, error);
    return status == CGAP_OK ? cgap_writer_append(w, path, values, b->rows, error) : status;
  }
  double *doubles = cgap_alloc(b->rows, sizeof *doubles);
  if (!doubles)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (size_t k = 0; k < b->rows; k++)
    doubles[k] = (double)values[k];
  cgap_status status = cgap_writer_float64(w, path, doubles, b->rows, 0, error);
  cgap_free(doubles);
  return status;
}

static cgap_status write_modality(cgap_writer *w, const cgap_head *h, int modality, cgap_error *error)
{
  cgap_named_block blocks[4];
  const size_t count = cgap_head_blocks(blocks, &h->layers.tower[modality]);
  cgap_status status = CGAP_OK;
  for (size_t k = 0; status == CGAP_OK && k < count; k++) {
    char path[64];
    snprintf(path, sizeof path, "/%s/%s", cgap_head_modalities[modality], blocks[k].name);
    status = write_block(w, path, blocks[k].block, h->parameters, error);
  }
  return status;
}

void cgap_head_shape_numbers(int64_t out[CGAP_HEAD_SHAPE_NUMBERS], const cgap_head_shape *s)
{
  const int64_t numbers[CGAP_HEAD_SHAPE_NUMBERS] = {FORMAT,          (int64_t)s->kind,  s->shared, (int64_t)s->dim_in,
                                                    (int64_t)s->dim, (int64_t)s->hidden};
  memcpy(out, numbers, sizeof numbers);
}

static cgap_status write_facts(cgap_writer *w, const cgap_head *h, cgap_error *error)
{
  const cgap_head_shape *s = &h->layers.shape;
  int64_t shape[CGAP_HEAD_SHAPE_NUMBERS];
  cgap_head_shape_numbers(shape, s);
  const int64_t epoch = (int64_t)h->kept_epoch;
  cgap_status status = cgap_writer_int64(w, "/contragap_head", shape, CGAP_HEAD_SHAPE_NUMBERS, 0, error);
  if (status == CGAP_OK)
    status = cgap_writer_attribute(w, "/contragap_head", "columns", "format, kind, shared, dim_in, dim, hidden", error);
  if (status == CGAP_OK)
    status = cgap_writer_int64(w, "/kept_epoch", &epoch, 1, 0, error);
  if (status == CGAP_OK)
    status = cgap_writer_float64(w, "/temperature", &h->temperature, 1, 0, error);
  if (status == CGAP_OK && h->split)
    status = cgap_writer_int64(w, "/split", h->split, h->split_rows, 0, error);
  if (status == CGAP_OK && h->split)
    status = cgap_writer_attribute(w, "/split", "values",
                                   "part of each image row: 0 training, 1 validation, 2 test, -1 none", error);
  if (status == CGAP_OK && h->training_hashes)
    status = cgap_writer_int64(w, CGAP_HEAD_HASHES, (const int64_t *)h->training_hash, h->training_hashes, 0, error);
  if (status == CGAP_OK && h->training_hashes)
    status = cgap_writer_attribute(w, CGAP_HEAD_HASHES, "values",
                                   "the smallest 65536, or all, of the low halves of XXH3-128 of the training images "
                                   "as float32 unit rows",
                                   error);
  if (status == CGAP_OK && !cgap_modality_names_default(&h->names)) {
    char names[2 * CGAP_NAME_SIZE];
    (void)cgap_modality_printf(names, sizeof names, &h->names, "{image},{text}");
    status = cgap_writer_attribute(w, "/", CGAP_MODALITIES_NAMED, names, error);
  }
  if (status == CGAP_OK)
    status = cgap_writer_attribute(w, "/", "kind", cgap_head_kind_name(s->kind), error);
  return status == CGAP_OK ? cgap_writer_attribute(w, "/", "options", h->options, error) : status;
}

cgap_status cgap_head_write_hdf5(const cgap_head *h, const char *path, cgap_error *error)
{
  cgap_writer *w = NULL;
  cgap_status status = cgap_writer_open(&w, path, error);
  if (status != CGAP_OK)
    return status;
  status = write_facts(w, h, error);
  for (int modality = 0; status == CGAP_OK && modality < (h->layers.shape.shared ? 1 : CGAP_MODALITIES); modality++)
    status = write_modality(w, h, modality, error);
  const bool commit = status == CGAP_OK;
  cgap_status closed = cgap_writer_close(w, commit, commit ? error : NULL);
  return commit ? closed : status;
}

/* ---------------------------------------------------------------- reading */

static cgap_status fail_foreign(const char *path, const char *why, cgap_error *error)
{
  return cgap_fail(error, CGAP_FILE, "%s: not a head of contragap (%s); give the head.h5 that train wrote", path, why);
}

static cgap_status read_shape(cgap_head_shape *out, const cgap_file *file, const char *path, cgap_error *error)
{
  const cgap_entry *e = cgap_file_find(file, "/contragap_head");
  int64_t n[CGAP_HEAD_SHAPE_NUMBERS];
  if (!e || e->kind != CGAP_KIND_INTEGER || e->ndim != 1 || e->shape[0] != CGAP_HEAD_SHAPE_NUMBERS)
    return fail_foreign(path, "no dataset /contragap_head of 6 integers", error);
  cgap_status status = cgap_read_int64(n, &(cgap_chosen_dataset){file, e}, error);
  if (status != CGAP_OK)
    return status;
  if (n[0] != FORMAT)
    return cgap_fail(error, CGAP_FILE,
                     "%s: format %lld of a head, this version reads %d; use the version that wrote it", path,
                     (long long)n[0], FORMAT);
  enum { LIMIT = 1 << 20 };
  bool ok = n[1] >= CGAP_HEAD_LINEAR && n[1] <= CGAP_HEAD_MLP;
  for (int k = 3; k < CGAP_HEAD_SHAPE_NUMBERS; k++)
    ok = ok && n[k] >= (k < 5 || n[1] == CGAP_HEAD_MLP) && n[k] <= LIMIT;
  if (!ok)
    return fail_foreign(path, "its shape makes no sense", error);
  *out = (cgap_head_shape){.kind = (cgap_head_kind)n[1],
                           .shared = n[2] != 0,
                           .dim_in = (size_t)n[3],
                           .dim = (size_t)n[4],
                           .hidden = (size_t)n[5]};
  return CGAP_OK;
}

static cgap_status check_block(const cgap_entry **out, const cgap_parameter_block *b, const cgap_file *file,
                               const char *name, const char *path, cgap_error *error)
{
  const cgap_entry *e = *out = cgap_file_find(file, name);
  char why[200], shape[80];
  const bool matrix = b->columns > 1;
  if (e && e->obstacle)
    return cgap_fail(error, CGAP_FILE, "%s: %s", e->name, e->obstacle);
  if (e && e->kind == CGAP_KIND_FLOAT && e->ndim == (matrix ? 2 : 1) && e->shape[0] == b->rows &&
      (!matrix || e->shape[1] == b->columns))
    return CGAP_OK;
  snprintf(why, sizeof why, "%s is %s, its head says (%zu, %zu)", name,
           e ? cgap_shape_text(shape, sizeof shape, e) : "missing", b->rows, b->columns);
  return fail_foreign(path, why, error);
}

static cgap_status read_block(float *parameters, const cgap_parameter_block *b, const cgap_file *file, const char *name,
                              const char *path, cgap_error *error)
{
  const cgap_entry *e = NULL;
  cgap_status status = check_block(&e, b, file, name, path, error);
  if (status != CGAP_OK || !parameters)
    return status;
  double *doubles = cgap_alloc(b->rows * b->columns, sizeof *doubles);
  if (!doubles)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  status = cgap_read_float64(doubles, &(cgap_chosen_dataset){file, e}, error);
  bool finite = true;
  for (size_t k = 0; status == CGAP_OK && k < b->rows * b->columns; k++) {
    parameters[b->offset + k] = (float)doubles[k];
    finite = finite && doubles[k] - doubles[k] == 0;
  }
  cgap_free(doubles);
  return status == CGAP_OK && !finite ? fail_foreign(path, "it holds NaN or infinity", error) : status;
}

/* parameters NULL: only whether every block is there in its shape. */
static cgap_status read_modalities(float *parameters, const cgap_layers *layers, const cgap_file *file,
                                   const char *path, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (int modality = 0; status == CGAP_OK && modality < (layers->shape.shared ? 1 : CGAP_MODALITIES); modality++) {
    cgap_named_block blocks[4];
    const size_t count = cgap_head_blocks(blocks, &layers->tower[modality]);
    for (size_t k = 0; status == CGAP_OK && k < count; k++) {
      char name[64];
      snprintf(name, sizeof name, "/%s/%s", cgap_head_modalities[modality], blocks[k].name);
      status = read_block(parameters, blocks[k].block, file, name, path, error);
    }
  }
  return status;
}

/* Training-free methods and heads of other programs have none. */
static cgap_status read_split(cgap_head *head, const cgap_file *file, const char *path, cgap_error *error)
{
  const cgap_entry *e = cgap_file_find(file, "/split");
  if (!e)
    return CGAP_OK;
  if (e->kind != CGAP_KIND_INTEGER || e->ndim != 1 || e->shape[0] == 0)
    return fail_foreign(path, "/split is no list of integers", error);
  if (e->shape[0] / DEFLATE_BYTES_MAX > file->bytes / sizeof *head->split)
    return fail_foreign(path, "/split has more rows than the file could hold", error);
  head->split = cgap_alloc(e->shape[0], sizeof *head->split);
  if (!head->split)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the split of %zu rows", e->shape[0]);
  head->split_rows = e->shape[0];
  cgap_status status = cgap_read_int64(head->split, &(cgap_chosen_dataset){file, e}, error);
  for (size_t i = 0; status == CGAP_OK && i < head->split_rows; i++)
    if (head->split[i] < -1 || head->split[i] >= CGAP_SPLITS)
      status = fail_foreign(path, "/split holds other numbers than -1, 0, 1, 2", error);
  return status;
}

/* Heads of earlier versions have none. */
static cgap_status read_hashes(cgap_head *head, const cgap_file *file, const char *path, cgap_error *error)
{
  const cgap_entry *e = cgap_file_find(file, CGAP_HEAD_HASHES);
  if (!e)
    return CGAP_OK;
  if (e->kind != CGAP_KIND_INTEGER || e->ndim != 1 || e->shape[0] > CGAP_TRAINING_HASHES_MAX)
    return fail_foreign(path, "/training_hashes is no list of at most 65536 integers", error);
  head->training_hash = cgap_alloc(e->shape[0], sizeof *head->training_hash);
  if (!head->training_hash)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  head->training_hashes = e->shape[0];
  const cgap_status status = cgap_read_int64((int64_t *)head->training_hash, &(cgap_chosen_dataset){file, e}, error);
  qsort(head->training_hash, head->training_hashes, sizeof *head->training_hash, by_value);
  return status;
}

cgap_status cgap_head_read(cgap_head **out, const char *path, cgap_error *error)
{
  cgap_file *file = NULL;
  cgap_head_shape shape;
  cgap_status status = cgap_check_argument(out, "cgap_head_read", "out", error);
  if (status != CGAP_OK)
    return status;
  *out = NULL;
  status = cgap_check_argument(path, "cgap_head_read", "path", error);
  if (status == CGAP_OK)
    status = cgap_file_open(&file, path, NULL, error);
  if (status == CGAP_OK)
    status = read_shape(&shape, file, path, error);
  const cgap_layers layers = status == CGAP_OK ? cgap_layers_init(&shape) : (cgap_layers){0};
  if (status == CGAP_OK) /* before memory is asked for by what the header says */
    status = read_modalities(NULL, &layers, file, path, error);
  if (status == CGAP_OK) {
    char options[2048];
    if (!cgap_file_mark(options, sizeof options, file, "options"))
      snprintf(options, sizeof options, "{}");
    *out = cgap_head_new(&shape, options);
    for (int m = 0; *out && m < 2; m++)
      cgap_file_modality_name((*out)->names.of[m], file, m);
    status = *out ? read_modalities((*out)->parameters, &layers, file, path, error)
                  : cgap_fail(error, CGAP_RESOURCE, "out of memory");
  }
  if (status == CGAP_OK)
    status = read_split(*out, file, path, error);
  if (status == CGAP_OK)
    status = read_hashes(*out, file, path, error);
  cgap_file_close(file);
  if (status != CGAP_OK) {
    cgap_head_close(*out);
    *out = NULL;
  }
  return status;
}
