#include "head/training/training_run.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/output_file.h"
#include "base/source.h"
#include "base/threads.h"
#include "head/model/head.h"
#include "head/training/checkpoint.h"
#include "head/training/epoch_log.h"
#include "head/training/train_options.h"
#include "head/training/training_data.h"

/* A checkpoint may cost this share of the time between two. */
static const double SAVING_SHARE = 0.05;

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
  cgap_status status = cgap_checkpoint_write(&f->trainer, f->fingerprint, f->checkpoint, error);
  f->saved_at = cgap_clock_seconds();
  f->saving = f->saved_at - start;
  return status;
}

/* Goes on where the folder's checkpoint stands; a run that was ended before its first starts over. */
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
    if (status == CGAP_OK && cgap_clock_seconds() - f->saved_at >= f->saving / SAVING_SHARE)
      status = save_checkpoint(f, error);
  }
  return status == CGAP_OK ? save_checkpoint(f, error) : status;
}

static cgap_status make_head(cgap_training_result *out, const run_state *f, const cgap_training_data *training_data,
                             cgap_error *error)
{
  char text[2048];
  const cgap_trainer *t = &f->trainer;
  cgap_train_describe(text, sizeof text, &t->options, &t->layers.shape);
  out->kept_epoch = t->state.kept_epoch;
  out->steps = t->state.steps;
  out->seconds = t->state.seconds;
  out->head = cgap_head_new(&t->layers.shape, text);
  if (!out->head || !(out->head->split = cgap_alloc(training_data->file_images, sizeof(int64_t))))
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the head");
  memcpy(out->head->parameters, t->kept, t->layers.count * sizeof(float));
  memcpy(out->head->split, training_data->split_of_row, training_data->file_images * sizeof(int64_t));
  out->head->split_rows = training_data->file_images;
  out->head->kept_epoch = t->state.kept_epoch;
  out->head->temperature =
    t->options.learn_temperature ? exp((double)t->kept[t->layers.count]) : t->options.temperature;
  return CGAP_OK;
}

static cgap_status note_start(cgap_training_result *out, cgap_trainer *t, cgap_error *error)
{
  out->start_head = cgap_head_new(&t->layers.shape, "{}");
  if (!out->start_head)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the head");
  memcpy(out->start_head->parameters, t->parameters, t->layers.count * sizeof(float));
  double *terms = &out->start.training.clip;
  for (size_t k = 0; k < sizeof out->start.training / sizeof *terms; k++)
    terms[k] = NAN;
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
  *out = (cgap_training_result){0};
  if (!f)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  cgap_status status =
    cgap_trainer_init(&f->trainer, &training_data->training, &training_data->validation, options, error);
  if (status == CGAP_OK)
    status = note_start(out, &f->trainer, error);
  if (status == CGAP_OK)
    status = name_files(f, store, error);
  if (status == CGAP_OK)
    status = begin_or_resume(f, out, store, error);
  if (status == CGAP_OK)
    status = cgap_trainer_broadcast(&f->trainer, error);
  const bool began = status == CGAP_OK;
  if (began)
    status = run_epochs(f, out, observer, error);
  if (began && (status == CGAP_OK || status == CGAP_USAGE)) {
    cgap_status taken = make_head(out, f, training_data, status == CGAP_OK ? error : NULL);
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

/* ---------------------------------------------------------------- train memory */

/* The public header's training: a whole one in memory, from data that a caller or a file offers. */

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
