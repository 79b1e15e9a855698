#include "head/training/training_run.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/memory.h"
#include "base/output_file.h"
#include "base/source.h"
#include "base/threads.h"
#include "head/model/head.h"
#include "head/training/epoch_log.h"
#include "head/training/train_options.h"
#include "head/training/training_data.h"

/* ---------------------------------------------------------------- checkpoint */

/* The file: this, then four arrays of `count` floats (parameters, kept, first and second moment). */
typedef struct checkpoint {
  char magic[8];
  uint64_t version, bytes; /* of the whole file */
  uint64_t hash;           /* of all that follows */
  cgap_fingerprint fingerprint;
  uint64_t count, adamw_step;
  cgap_progress_state state;
} checkpoint;

static const char MAGIC[8] = "cgapckpt";
enum { VERSION = 1, ARRAYS = 4 };

/* Unit rows in blocks, the same as of all at once. *h: the seed, then the hash. */
static cgap_status hash_rows(uint64_t *h, const cgap_split_rows *p, int modality, size_t rows, cgap_error *error)
{
  enum { READ_ROWS = 1024 };
  float *block = cgap_alloc(READ_ROWS, p->dim * sizeof *block);
  XXH3_state_t *state = XXH3_createState();
  cgap_status status = CGAP_OK;
  if (!block || !state || XXH3_64bits_reset_withSeed(state, *h) != XXH_OK)
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (size_t first = 0; status == CGAP_OK && first < rows; first += READ_ROWS) {
    const size_t count = rows - first < READ_ROWS ? rows - first : READ_ROWS;
    status = cgap_split_rows_read(p, modality, NULL, first, count, block, error);
    if (status == CGAP_OK)
      (void)XXH3_64bits_update(state, block, count * p->dim * sizeof *block);
  }
  if (status == CGAP_OK)
    *h = XXH3_64bits_digest(state);
  (void)XXH3_freeState(state);
  cgap_free(block);
  return status;
}

static cgap_status hash_split_rows(uint64_t *h, const cgap_split_rows *p, cgap_error *error)
{
  const cgap_positives *c = &p->positives;
  cgap_status status = hash_rows(h, p, CGAP_IMAGE_MODALITY, c->images, error);
  if (status == CGAP_OK)
    status = hash_rows(h, p, CGAP_TEXT_MODALITY, c->texts, error);
  *h = XXH3_64bits_withSeed(c->image_first, (c->images + 1) * sizeof(size_t), *h);
  *h = XXH3_64bits_withSeed(c->positive_text, c->count * sizeof(size_t), *h);
  return status;
}

uint64_t cgap_options_hash(const cgap_train_options *options, size_t dim_in)
{
  char text[CGAP_TRAIN_DESCRIPTION];
  const cgap_head_shape shape = cgap_train_shape(options, dim_in);
  cgap_train_describe(text, options, &shape);
  return XXH3_64bits(text, strlen(text));
}

cgap_status cgap_fingerprint_of(cgap_fingerprint *out, const cgap_trainer *t, cgap_error *error)
{
  char text[CGAP_TRAIN_DESCRIPTION];
  cgap_train_describe(text, &t->options, &t->layers.shape);
  *out = (cgap_fingerprint){.options = XXH3_64bits(text, strlen(text)), .data = 1};
  const cgap_status status = hash_split_rows(&out->data, t->training, error);
  return status == CGAP_OK && t->validation->positives.count ? hash_split_rows(&out->data, t->validation, error)
                                                             : status;
}

static uint64_t hash_of(const checkpoint *head, const float *const arrays[ARRAYS])
{
  uint64_t h = XXH3_64bits(&head->fingerprint, sizeof *head - offsetof(checkpoint, fingerprint));
  for (int k = 0; k < ARRAYS; k++)
    h = XXH3_64bits_withSeed(arrays[k], head->count * sizeof(float), h);
  return h;
}

cgap_status cgap_checkpoint_write(const cgap_trainer *t, cgap_fingerprint fingerprint, const char *path,
                                  cgap_error *error)
{
  const float *const arrays[ARRAYS] = {t->parameters, t->kept, t->adamw.m, t->adamw.v};
  checkpoint head; /* its padding is hashed and written */
  memset(&head, 0, sizeof head);
  memcpy(head.magic, MAGIC, sizeof MAGIC);
  head.version = VERSION;
  head.bytes = sizeof head + ARRAYS * t->count * sizeof(float);
  head.fingerprint = fingerprint;
  head.count = t->count;
  head.adamw_step = t->adamw.step;
  head.state = t->state;
  head.hash = hash_of(&head, arrays);
  cgap_outfile file;
  cgap_status status = cgap_outfile_open(&file, path, error);
  if (status != CGAP_OK)
    return status;
  bool ok = fwrite(&head, sizeof head, 1, file.stream) == 1;
  for (int k = 0; ok && k < ARRAYS; k++)
    ok = fwrite(arrays[k], sizeof(float), t->count, file.stream) == t->count;
  if (!ok)
    status = cgap_fail_errno(error, errno, path, "write");
  cgap_status closed = cgap_outfile_close(&file, ok, ok ? error : NULL);
  return ok ? closed : status;
}

static cgap_status fail_damaged(const char *path, const char *why, cgap_error *error)
{
  return cgap_fail(error, CGAP_FILE, "%s: %s; remove it, or start over", path, why);
}

/* A read that failed is no proof that the file is short. */
static cgap_status fail_short(FILE *file, const char *path, cgap_error *error)
{
  return ferror(file) ? cgap_fail_read(error, errno, path) : fail_damaged(path, "cut short", error);
}

static cgap_status check_header(const checkpoint *head, const cgap_trainer *t, cgap_fingerprint f, const char *path,
                                cgap_error *error)
{
  if (head->fingerprint.options != f.options)
    return cgap_fail(error, CGAP_USAGE,
                     "%s: a checkpoint of a run with other options; give the same ones, or start over", path);
  if (head->fingerprint.data != f.data || head->count != t->count)
    return cgap_fail(error, CGAP_USAGE, "%s: a checkpoint of a run on other data; give the same file, or start over",
                     path);
  return CGAP_OK;
}

/* The file into *head and *block (head->count × ARRAYS, cgap_free), its checksum compared: before that, nothing in it
 * says anything of its run. */
static cgap_status read_whole(checkpoint *head, float **block, FILE *file, const char *path, cgap_error *error)
{
  struct stat facts;
  if (fstat(fileno(file), &facts) != 0)
    return cgap_fail_read(error, errno, path);
  if (fread(head, sizeof *head, 1, file) != 1)
    return fail_short(file, path, error);
  if (memcmp(head->magic, MAGIC, sizeof MAGIC) != 0)
    return fail_damaged(path, "not a checkpoint of contragap", error);
  if (head->version != VERSION)
    return fail_damaged(path, "a checkpoint of another version", error);
  const uint64_t floats = ((uint64_t)facts.st_size - sizeof *head) / sizeof **block;
  if (head->bytes != (uint64_t)facts.st_size || floats % ARRAYS != 0 || head->count != floats / ARRAYS)
    return fail_damaged(path, "cut short, or longer than it says", error);
  *block = cgap_alloc(floats, sizeof **block);
  if (!*block)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  if (fread(*block, sizeof **block, floats, file) != floats)
    return fail_short(file, path, error);
  const size_t count = head->count;
  const float *const arrays[ARRAYS] = {*block, *block + count, *block + 2 * count, *block + 3 * count};
  return head->hash == hash_of(head, arrays) ? CGAP_OK
                                             : fail_damaged(path, "damaged: its checksum does not fit", error);
}

cgap_status cgap_checkpoint_read(cgap_trainer *t, cgap_fingerprint fingerprint, const char *path, cgap_error *error)
{
  checkpoint head;
  float *block = NULL;
  FILE *file = cgap_open_regular(path, "rb");
  if (!file)
    return cgap_fail_read(error, errno, path);
  cgap_status status = read_whole(&head, &block, file, path, error);
  if (status == CGAP_OK)
    status = check_header(&head, t, fingerprint, path, error);
  if (status == CGAP_OK) {
    float *const to[ARRAYS] = {t->parameters, t->kept, t->adamw.m, t->adamw.v};
    for (int k = 0; k < ARRAYS; k++)
      memcpy(to[k], block + (size_t)k * t->count, t->count * sizeof *block);
    t->adamw.step = head.adamw_step;
    t->state = head.state;
  }
  cgap_free(block);
  fclose(file);
  return status;
}

enum { PANEL_BYTES = 1 << 22 };

static cgap_status hash_source(uint64_t *hash, const cgap_source *source, cgap_error *error)
{
  const uint64_t shape[] = {source->rows, source->dim, (uint64_t)source->type};
  const size_t row_bytes = source->dim * cgap_type_size(source->type);
  const size_t panel = row_bytes && row_bytes < PANEL_BYTES ? PANEL_BYTES / row_bytes : 1;
  *hash = XXH3_64bits_withSeed(shape, sizeof shape, *hash);
  if (source->rows == 0)
    return CGAP_OK;
  unsigned char *rows = cgap_alloc(panel, row_bytes);
  cgap_status status = rows ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (size_t first = 0; status == CGAP_OK && first < source->rows; first += panel) {
    const size_t count = source->rows - first < panel ? source->rows - first : panel;
    status = source->read(source, first, count, rows, error);
    if (status == CGAP_OK)
      *hash = XXH3_64bits_withSeed(rows, count * row_bytes, *hash);
  }
  cgap_free(rows);
  return status;
}

cgap_status cgap_data_hash(uint64_t *out, const cgap_data *data, cgap_error *error)
{
  const uint64_t how[] = {(uint64_t)data->pairing, data->drop_bad, data->merge_images};
  *out = XXH3_64bits(how, sizeof how);
  if (data->text_image)
    *out = XXH3_64bits_withSeed(data->text_image, data->text.rows * sizeof *data->text_image, *out);
  cgap_status status = hash_source(out, &data->image, error);
  return status == CGAP_OK ? hash_source(out, &data->text, error) : status;
}

/* ---------------------------------------------------------------- a whole training */

/* A checkpoint may cost this fraction of the time between two. */
static const double SAVING_FRACTION = 0.05;

typedef struct run_state {
  cgap_trainer trainer;
  cgap_fingerprint fingerprint;
  char checkpoint[CGAP_PATH]; /* "" without a folder */
  cgap_epoch_log logs;
  double saved_at, saving; /* when, and how long it took */
} run_state;

static cgap_status name_files(run_state *f, const cgap_training_output *store, cgap_error *error)
{
  char name[100];
  if (!store->folder)
    return CGAP_OK;
  snprintf(name, sizeof name, "%scheckpoint.bin", store->prefix);
  return cgap_folder_file(f->checkpoint, store->folder, name, error);
}

static cgap_status save_checkpoint(run_state *f, cgap_error *error)
{
  if (!f->checkpoint[0])
    return CGAP_OK;
  const double start = cgap_clock_seconds();
  cgap_status status = cgap_epoch_log_synchronise(&f->logs, error);
  if (status == CGAP_OK)
    status = cgap_checkpoint_write(&f->trainer, f->fingerprint, f->checkpoint, error);
  f->saved_at = cgap_clock_seconds();
  f->saving = f->saved_at - start;
  return status;
}

/* Goes on from the folder's checkpoint; a run that ended before its first one starts over. */
static cgap_status begin_or_resume(run_state *f, cgap_training_result *out, const cgap_training_output *store,
                                   cgap_error *error)
{
  if (!f->checkpoint[0])
    return CGAP_OK;
  cgap_status status = cgap_fingerprint_of(&f->fingerprint, &f->trainer, error);
  if (status != CGAP_OK)
    return status;
  out->resumed = store->resume && (access(f->checkpoint, F_OK) == 0 || errno != ENOENT);
  if (out->resumed)
    status = cgap_checkpoint_read(&f->trainer, f->fingerprint, f->checkpoint, error);
  const cgap_progress_state *at = &f->trainer.state;
  const cgap_epoch_log_files where = {
    .folder = store->folder, .prefix = store->prefix, .table = store->table, .events = store->events};
  return status == CGAP_OK ? cgap_epoch_log_open(&f->logs, &where, &out->history, at->epoch, at->steps, error) : status;
}

static cgap_status run_epochs(run_state *f, cgap_training_result *out, const cgap_observer *observer, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  f->saved_at = cgap_clock_seconds();
  while (status == CGAP_OK && !cgap_trainer_done(&f->trainer)) {
    cgap_epoch record;
    status = cgap_trainer_epoch(&f->trainer, &record, error);
    if (status == CGAP_INTERRUPTED) {
      cgap_status saved = save_checkpoint(f, error);
      return saved == CGAP_OK ? status : saved;
    }
    if (status == CGAP_OK)
      status = cgap_history_add(&out->history, &record, error);
    if (status == CGAP_OK)
      status = cgap_epoch_log_add(&f->logs, &record, f->trainer.state.steps, error);
    if (status == CGAP_OK && observer && observer->epoch)
      observer->epoch(observer->context, &record, &f->trainer.options);
    if (status == CGAP_OK && cgap_clock_seconds() - f->saved_at >= f->saving / SAVING_FRACTION)
      status = save_checkpoint(f, error);
  }
  return status == CGAP_OK ? save_checkpoint(f, error) : status;
}

cgap_status cgap_training_take_head(cgap_training_result *out, const cgap_trainer *t,
                                    const cgap_training_data *training_data, cgap_error *error)
{
  char text[CGAP_TRAIN_DESCRIPTION];
  cgap_train_describe(text, &t->options, &t->layers.shape);
  out->kept_epoch = t->state.kept_epoch;
  out->steps = t->state.steps;
  out->seconds = t->state.seconds;
  out->head = cgap_head_new(&t->layers.shape, text);
  if (!out->head)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the head");
  memcpy(out->head->parameters, t->kept, t->layers.count * sizeof(float));
  out->head->kept_epoch = t->state.kept_epoch;
  out->head->temperature =
    t->options.learn_temperature ? exp((double)t->kept[t->layers.count]) : t->options.temperature;
  return cgap_training_data_note(out->head, training_data, error);
}

cgap_status cgap_training_note_start(cgap_training_result *out, cgap_trainer *t, cgap_error *error)
{
  out->start_head = cgap_head_new(&t->layers.shape, "{}");
  if (!out->start_head)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the head");
  memcpy(out->start_head->parameters, t->parameters, t->layers.count * sizeof(float));
  out->start.training = cgap_loss_terms_unknown();
  out->start.temperature = t->options.temperature;
  const int blas = cgap_blas_single();
  cgap_status status = cgap_trainer_validate(t, &out->start.validation, &out->start.validation_gap, error);
  cgap_blas_restore(blas);
  return status;
}

cgap_status cgap_training_run(cgap_training_result *out, const cgap_training_data *training_data,
                              const cgap_train_options *options, const cgap_training_output *store,
                              const cgap_observer *observer, cgap_error *error)
{
  run_state *f = cgap_zalloc(1, sizeof *f);
  *out = (cgap_training_result){.levels = {cgap_loss_terms_unknown(), NAN, NAN}};
  if (!f)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  cgap_status status =
    cgap_trainer_init(&f->trainer, &training_data->training, &training_data->validation, options, NULL, error);
  if (status == CGAP_OK)
    status = cgap_training_note_start(out, &f->trainer, error);
  if (status == CGAP_OK)
    status = name_files(f, store, error);
  if (status == CGAP_OK)
    status = begin_or_resume(f, out, store, error);
  if (status == CGAP_OK)
    status = cgap_trainer_broadcast(&f->trainer, error);
  const bool began = status == CGAP_OK;
  if (began)
    status = run_epochs(f, out, observer, error);
  if (began && status == CGAP_OK && store->levels)
    status = cgap_trainer_levels(&f->trainer, &out->levels, error);
  if (began && (status == CGAP_OK || status == CGAP_USAGE)) {
    cgap_status taken = cgap_training_take_head(out, &f->trainer, training_data, status == CGAP_OK ? error : NULL);
    status = status == CGAP_OK ? taken : status;
  }
  cgap_trainer_clear(&f->trainer);
  cgap_free(f);
  return status;
}

void cgap_training_result_clear(cgap_training_result *training_result)
{
  cgap_head_close(training_result->head);
  cgap_head_close(training_result->start_head);
  cgap_history_clear(&training_result->history);
  *training_result = (cgap_training_result){0};
}

/* ---------------------------------------------------------------- the public call */

cgap_status cgap_train_run(cgap_head **out, const cgap_data *data, const cgap_train_options *options,
                           const cgap_observer *observer, cgap_error *error)
{
  const cgap_training_output nowhere = {0};
  cgap_training_data training_data = {0};
  cgap_training_result training_result = {0};
  cgap_status status = cgap_check_argument(out, "cgap_train_run", "out", error);
  if (status != CGAP_OK)
    return status;
  *out = NULL;
  status = cgap_training_data_open(&training_data, data, options, false, error);
  if (status == CGAP_OK)
    status = cgap_train_check_batch(options, &training_data.training, error);
  if (status == CGAP_OK)
    status = cgap_training_run(&training_result, &training_data, options, &nowhere, observer, error);
  if (status == CGAP_OK) {
    *out = training_result.head;
    training_result.head = NULL;
  }
  cgap_training_result_clear(&training_result);
  cgap_training_data_clear(&training_data);
  return status;
}
