#include "head/evaluation/apply_file.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/plan.h"
#include "base/memory.h"
#include "base/source.h"
#include "head/evaluation/apply_output.h"
#include "head/evaluation/comparison.h"
#include "head/model/head.h"
#include "head/training/split.h"
#include "io/find/dataset_internal.h"
#include "io/write/writer.h"
#include "rows/row_reader.h"

enum { BLOCK = 4096, BLOCK_ROWS_MIN = CGAP_LAYERS_BLOCK, BASE_BYTES = 40 << 20 };

/* The datasets that change, where each goes in our own layout, through which side, and whether parts share it. */
static const struct moved {
  cgap_role role;
  int modality;
  const char *name;
  bool shared;
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
  cgap_apply_output files;
  cgap_apply_summary *out;
  size_t block;    /* rows at once, BLOCK at most */
  float *changed;  /* (block, dim) */
  bool bad[BLOCK]; /* of them */
  size_t done, total;
} apply_state;

/* One rank writes what is not in parts; what the others have passed through comes to it. */
static bool is_writer(const apply_state *c)
{
  return c->files.whole != NULL;
}

/* bad rows become zeros, or are refused */
static cgap_status transform_block(apply_state *c, cgap_row_reader *r, int modality, size_t first, size_t rows,
                                   cgap_error *error)
{
  const size_t dim = c->head->layers.shape.dim;
  memset(c->bad, 0, sizeof c->bad);
  cgap_status status = cgap_row_reader_read(r, first, rows, c->options->leave_bad ? c->bad : NULL, error);
  if (status == CGAP_OK)
    status = cgap_head_transform(c->head, modality, r->unit, rows, c->changed, c->options->threads, error);
  for (size_t i = 0; status == CGAP_OK && i < rows; i++)
    if (c->bad[i])
      memset(c->changed + i * dim, 0, dim * sizeof *c->changed);
  return status;
}

static void count_bad(apply_state *c, size_t first, size_t end)
{
  for (size_t i = first; i < end; i++)
    c->out->bad += c->bad[i];
}

static cgap_status tick_rows(apply_state *c, size_t rows, cgap_error *error)
{
  const cgap_progress *p = &c->options->progress;
  c->done += rows;
  if (p->tick && p->tick(p->context, "applying", (double)c->done / (double)c->total))
    return cgap_fail(error, CGAP_INTERRUPTED, "interrupted; nothing was written");
  return CGAP_OK;
}

/* A block is one rank's, in turn; it goes to the one that writes. */
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
    count_bad(c, 0, rows);
  }
  if (status == CGAP_OK)
    status = send_to_writer(c, owner, rows, error);
  if (status == CGAP_OK && is_writer(c))
    status = cgap_writer_append(c->files.whole, to, c->changed, rows, error);
  return status == CGAP_OK ? tick_rows(c, rows, error) : status;
}

/* Blocks in turn, one rank's after another's, to the rank that writes. */
static cgap_status apply_in_turn(apply_state *c, cgap_row_reader *r, const char *to, int modality, size_t rows,
                                 cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (size_t first = 0; status == CGAP_OK && first < rows; first += c->block)
    status = pass_block(c, r, to, modality, first, rows - first < c->block ? rows - first : c->block, error);
  return status;
}

/* This rank's rows into its part. Blocks begin where they do for one process, so that rows at the margin are passed by
 * two ranks: rows go through the head in blocks, and products of other sizes may round otherwise. */
static cgap_status apply_own_rows(apply_state *c, cgap_row_reader *r, const char *to, int modality, size_t middle,
                                  cgap_error *error)
{
  const size_t rows = r->source->rows, each = middle ? middle : 1, rank = (size_t)cgap_comm_rank(c->options->comm);
  if (rank >= c->files.part_count)
    return CGAP_OK;
  const size_t begin = each * cgap_apply_output_first(&c->files, rank, rows / each);
  const size_t end = each * cgap_apply_output_first(&c->files, rank + 1, rows / each);
  cgap_status status = CGAP_OK;
  for (size_t first = begin / BLOCK_ROWS_MIN * BLOCK_ROWS_MIN; status == CGAP_OK && first < end; first += c->block) {
    const size_t from = first < begin ? begin - first : 0, until = end - first < c->block ? end - first : c->block;
    const size_t whole = (until + BLOCK_ROWS_MIN - 1) / BLOCK_ROWS_MIN * BLOCK_ROWS_MIN;
    status = transform_block(c, r, modality, first, rows - first < whole ? rows - first : whole, error);
    count_bad(c, from, until);
    if (status == CGAP_OK)
      status = cgap_writer_append(c->files.part_writer, to, c->changed + from * c->head->layers.shape.dim, until - from,
                                  error);
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
  const bool shared = c->files.part_count && m->shared;
  cgap_row_reader reader = {0};
  cgap_status status = CGAP_OK;
  if (shared)
    status = cgap_apply_output_create(&c->files, to, source->type, rows, middle, dim, error);
  else if (is_writer(c))
    status = cgap_writer_create(c->files.whole, to, source->type, rows, middle, dim, error);
  if (status == CGAP_OK)
    status = cgap_row_reader_init(&reader, source, c->block, error);
  if (status == CGAP_OK)
    status = shared ? apply_own_rows(c, &reader, to, m->modality, middle, error)
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

/* Attributes of the groups on the way to an object, once each is there; those on the way to the one before have
 * theirs. */
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
      continue; /* its group may not be there; its rows would be the old ones */
    else if (is_writer(c))
      status = copy_dataset(c, file, e, error);
    if (status == CGAP_OK && is_writer(c))
      status = copy_group_attributes(c, file, e->path, before, error);
    before = e->path;
  }
  return status;
}

/* ---------------------------------------------------------------- shards: our own layout */

static cgap_status apply_series(apply_state *c, const struct moved *m, const cgap_source *source, size_t middle,
                                cgap_error *error)
{
  return source->rows ? apply_rows(c, source, m, m->name, middle, error) : CGAP_OK;
}

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

/* Ids are left out too: text_image says the same. */
static bool has_place(const cgap_dataset *d, const cgap_entry *entry)
{
  for (int role = 0; role < CGAP_ROLES; role++)
    for (size_t k = 0; k < d->role[role].count; k++)
      if (d->role[role].taken[k].entry == entry)
        return role != CGAP_ROLE_IMAGE_ID && role != CGAP_ROLE_TEXT_ID;
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
  cgap_status status = apply_series(c, &MOVED[0], &d->image, 0, error);
  if (status == CGAP_OK)
    status = apply_series(c, &MOVED[1], &d->text, 0, error);
  if (status == CGAP_OK)
    status = apply_series(c, &MOVED[2], &d->class_text, d->prompts > 1 ? d->prompts : 0, error);
  if (status == CGAP_OK)
    status = apply_series(c, &MOVED[3], &d->words, 0, error);
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
  if (d->file_count != 1 || d->input_count != 1 || d->files[0]->id < 0) /* not HDF5: it has no layout of its own */
    return false;
  for (size_t k = 0; k < MOVES; k++)
    if (d->role[MOVED[k].role].count > 1)
      return false;
  for (size_t k = 0; k < d->files[0]->count; k++) /* the rows go out as rows, which its marks would deny */
    if (d->files[0]->entries[k].turned)
      return false;
  return true;
}

/* Both have one width, and one alone may be there. */
static const cgap_source *any_modality(const cgap_dataset *d)
{
  return d->data.image.rows ? &d->data.image : &d->data.text;
}

static cgap_status check_arguments(const cgap_head *head, const cgap_dataset *d, const char *path, cgap_error *error)
{
  const size_t takes = head->layers.shape.dim_in;
  const cgap_source *rows = any_modality(d);
  if (rows->dim != takes)
    return cgap_fail(
      error, CGAP_DATA,
      "%s: rows of %zu dimensions, the head takes %zu; give the head that was trained on these embeddings", rows->name,
      rows->dim, takes);
  if (cgap_dataset_reads(d, path))
    return cgap_fail(error, CGAP_USAGE, "%s: is the input itself; give another name with -o", path);
  return CGAP_OK;
}

/* As many rows at once as the memory has room for. */
static cgap_status choose_block(apply_state *c, cgap_error *error)
{
  const cgap_head_shape *shape = &c->head->layers.shape;
  const cgap_source *rows = any_modality(c->dataset);
  const double limit = c->options->memory_bytes
                         ? (double)c->options->memory_bytes
                         : (double)cgap_free_memory() / 2 / cgap_comm_neighbours(c->options->comm);
  const double row = (double)shape->dim_in * (double)(cgap_type_size(rows->type) + 2 * sizeof(float)) +
                     (double)(2 * shape->dim + 2 * shape->hidden) * (double)sizeof(float);
  const double base = BASE_BYTES + (double)c->head->layers.count * (double)sizeof(float);
  c->block = BLOCK;
  while (c->block > BLOCK_ROWS_MIN && base + (double)c->block * row > limit)
    c->block /= 2;
  if (base + (double)c->block * row <= limit)
    return CGAP_OK;
  const double least = ceil((base + (double)c->block * row) / 1048576);
  return cgap_fail(error, CGAP_RESOURCE,
                   "%s: %zu rows of %zu at a time need %.0fM, --memory allows %.0fM; give --memory %.0fM", rows->name,
                   c->block, rows->dim, least, floor(limit / 1048576), least);
}

/* As many parts as ranks, where there are images enough; one alone is the file itself. */
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

static double weight_in(const json_t *options, const char *name)
{
  return json_number_value(json_object_get(options, name)); /* 0 where it has none */
}

/* The terms of the loss that the head was trained on. */
static cgap_status note_losses(const apply_state *c, cgap_error *error)
{
  char text[CGAP_TERMS];
  json_t *options = json_loads(c->head->options, 0, NULL);
  const cgap_weights weights = {.clip = weight_in(options, "weight_clip"),
                                .uniform = weight_in(options, "weight_uniform"),
                                .align = weight_in(options, "weight_align"),
                                .xuniform = weight_in(options, "weight_xuniform")};
  json_decref(options);
  cgap_terms_text(text, cgap_terms_of(&weights));
  return text[0] && is_writer(c) ? cgap_writer_attribute(c->files.whole, "/", CGAP_TRAINED_LOSSES, text, error)
                                 : CGAP_OK;
}

/* Which images a head was trained on it knows by their rows: a file with as many is taken for the one that it saw. */
static cgap_status note_training(apply_state *c, cgap_error *error)
{
  char text[100];
  const cgap_head *h = c->head;
  const size_t images = c->dataset->data.image.rows;
  for (size_t i = 0; h->split && h->split_rows == images && i < images; i++)
    c->out->trained += h->split[i] == CGAP_TRAINING;
  if (!c->out->trained || !is_writer(c))
    return CGAP_OK;
  (void)snprintf(text, sizeof text, "%zu of %zu images", c->out->trained, images);
  return cgap_writer_attribute(c->files.whole, "/", CGAP_TRAINED_ON, text, error);
}

static cgap_status apply_to_all(apply_state *c, const char *path, cgap_error *error)
{
  cgap_status status =
    cgap_apply_output_open(&c->files, path, count_output_parts(c), c->options->comm, c->dataset, error);
  if (status == CGAP_OK)
    status = note_training(c, error);
  if (status == CGAP_OK)
    status = note_losses(c, error);
  if (status == CGAP_OK)
    status = is_one_file(c->dataset) ? apply_to_one_file(c, error) : apply_to_shards(c, error);
  if (status == CGAP_OK && is_writer(c)) /* in place of that of the input: by it apply knows its own output */
    status = cgap_writer_attribute(c->files.whole, "/", "command", "contragap apply", error);
  uint64_t bad = c->out->bad;
  if (status == CGAP_OK)
    status = cgap_comm_sum(c->options->comm, &bad, 1, CGAP_COMM_U64, error);
  c->out->bad = (size_t)bad;
  if (status == CGAP_OK)
    note_output_parts(c);
  return cgap_apply_output_close(&c->files, status, error);
}

cgap_status cgap_apply_file(cgap_apply_summary *out, const cgap_head *head, const cgap_dataset *dataset,
                            const char *path, const cgap_apply_file_options *options, cgap_error *error)
{
  const cgap_data *d = &dataset->data;
  apply_state c = {.head = head, .dataset = dataset, .options = options, .out = out};
  *out = (cgap_apply_summary){0};
  c.total = d->image.rows + d->text.rows + d->class_text.rows + d->words.rows;
  cgap_status status = check_arguments(head, dataset, path, error);
  if (status == CGAP_OK)
    status = choose_block(&c, error);
  if (status == CGAP_OK) /* ranks may have different memory */
    status = cgap_comm_broadcast(options->comm, 0, &c.block, sizeof c.block, error);
  if (status != CGAP_OK)
    return status;
  c.changed = cgap_alloc(c.block * head->layers.shape.dim, sizeof *c.changed);
  status = c.changed ? apply_to_all(&c, path, error) : cgap_fail(error, CGAP_RESOURCE, "out of memory");
  cgap_comm_free(options->comm, c.changed);
  return status;
}

/* ---------------------------------------------------------------- head apply */

/* The public header's application: all rows of a source through a head, into memory. */

enum { APPLY_BLOCK = 4096 };

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
  status = cgap_row_reader_init(&reader, source, rows < APPLY_BLOCK ? rows : APPLY_BLOCK, error);
  for (size_t first = 0; status == CGAP_OK && first < rows; first += APPLY_BLOCK) {
    const size_t count = rows - first < APPLY_BLOCK ? rows - first : APPLY_BLOCK;
    status = cgap_row_reader_read(&reader, first, count, NULL, error);
    if (status == CGAP_OK)
      status = cgap_head_transform(head, modality, reader.unit, count, out + first * dim,
                                   threads > 0 ? threads : omp_get_max_threads(), error);
    if (status == CGAP_OK && progress.tick &&
        progress.tick(progress.context, "applying", (double)(first + count) / (double)rows))
      status =
        cgap_fail(error, CGAP_INTERRUPTED, "%s: interrupted after %zu of %zu rows", source->name, first + count, rows);
  }
  cgap_row_reader_clear(&reader);
  return status;
}
