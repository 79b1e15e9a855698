#include "head/training/training_data.h"

#include <omp.h>

#include "audit/measure_runs.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "head/training/methods.h"
#include "head/training/train_options.h"
#include "rows/embeddings.h"

enum { CLOSER_SHIFT_ALL = 1 };

cgap_status cgap_same_modality(cgap_data *out, const cgap_data *data, cgap_row_kind kind, cgap_error *error)
{
  const cgap_source *rows = kind == CGAP_IMAGE_ROWS ? &data->image : &data->text;
  *out = (cgap_data){.image = *rows, .text = *rows, .pairing = CGAP_BY_ROW, .drop_bad = data->drop_bad};
  if (rows->rows == 0)
    return cgap_fail(error, CGAP_FILE, "%s: there are no texts for --same-modality text", data->image.name);
  return CGAP_OK;
}

cgap_status cgap_train_fits(const cgap_train_options *o, const cgap_part *training, cgap_error *error)
{
  const size_t texts = training->couples.texts;
  if (texts < 2)
    return cgap_fail(error, CGAP_DATA, "the training part has %zu texts that differ; at least 2 are needed", texts);
  if (o->batch != CGAP_BATCH_AUTO && o->batch > texts)
    return cgap_fail(
      error, CGAP_USAGE,
      "--batch %zu is larger than the training part, which has %zu texts; give --batch %zu or less, or full", o->batch,
      texts, texts);
  return CGAP_OK;
}

static int threads_of(const cgap_train_options *o)
{
  return o->threads > 0 ? o->threads : omp_get_max_threads();
}

static cgap_status fit_closers(cgap_trial *t, const cgap_embeddings *e, const cgap_train_options *o, cgap_error *error)
{
  const cgap_part_options every = {.keep_duplicates = true, .leave = t->budget.reads, .threads = threads_of(o)};
  cgap_part part;
  cgap_status status = cgap_part_init(&part, e, &t->split, CGAP_TRAINING, &every, error);
  if (status != CGAP_OK)
    return status;
  for (int k = 0; status == CGAP_OK && k < CGAP_CLOSERS; k++) {
    const double start = cgap_clock_seconds();
    status = cgap_closer_of_part(&t->closer[k], (cgap_closer)k, CLOSER_SHIFT_ALL, &part, error);
    t->closer_seconds[k] = cgap_clock_seconds() - start;
  }
  cgap_part_clear(&part);
  return status;
}

static bool note_parts(cgap_trial *t, const cgap_embeddings *e)
{
  t->file_images = e->data->image.rows;
  t->part_of_row = cgap_alloc(t->file_images, sizeof *t->part_of_row);
  if (!t->part_of_row)
    return false;
  for (size_t row = 0; row < t->file_images; row++)
    t->part_of_row[row] = -1;
  for (size_t i = 0; i < e->image.rows; i++)
    t->part_of_row[e->image.file_row[i]] = t->split.part[i];
  t->training_images = t->split.images[CGAP_TRAINING];
  t->training_texts = t->split.texts[CGAP_TRAINING];
  return true;
}

static cgap_status make_parts(cgap_trial *t, const cgap_embeddings *e, const cgap_train_options *o, bool closers,
                              cgap_error *error)
{
  const cgap_part_options training = {.keep_duplicates = o->keep_duplicates,
                                      .noise = o->noise,
                                      .most_images = o->training_images,
                                      .seed = o->seed,
                                      .leave = t->budget.reads,
                                      .threads = threads_of(o)};
  const cgap_part_options validation = {
    .keep_duplicates = o->keep_duplicates, .leave = t->budget.reads, .threads = threads_of(o)};
  cgap_status status = cgap_split_init(&t->split, e, o->validation, o->test, o->seed, error);
  if (status == CGAP_OK && o->training_images > t->split.images[CGAP_TRAINING])
    status = cgap_fail(error, CGAP_USAGE,
                       "--train-images %zu: the training part has %zu images; give that many or fewer, or leave it out",
                       o->training_images, t->split.images[CGAP_TRAINING]);
  if (status == CGAP_OK && !note_parts(t, e))
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory");
  if (status == CGAP_OK && closers)
    status = fit_closers(t, e, o, error);
  if (status == CGAP_OK)
    status = cgap_part_init(&t->training, e, &t->split, CGAP_TRAINING, &training, error);
  if (status == CGAP_OK)
    status = cgap_part_init(&t->validation, e, &t->split, CGAP_VALIDATION, &validation, error);
  return status == CGAP_OK ? cgap_subset_init(&t->test, e, &t->split, CGAP_TEST, error) : status;
}

/* The rows of a trial that stay where they are: the data they come from, of which sides may have been put aside, and
 * what was found of them. */
struct cgap_trial_rows {
  cgap_data data;
  cgap_embeddings e;
  cgap_spill *spill[CGAP_SIDES];
};

static cgap_status put_aside(cgap_trial_rows *rows, const cgap_budget *b, cgap_progress progress, cgap_error *error)
{
  cgap_source *sides[] = {&rows->data.image, &rows->data.text};
  cgap_status status = CGAP_OK;
  for (int k = 0; status == CGAP_OK && k < CGAP_SIDES; k++) {
    const cgap_source from = *sides[k];
    if (b->spill[k])
      status = cgap_spill_copy(&rows->spill[k], sides[k], &from, progress, error);
  }
  return status;
}

static void clear_rows(cgap_trial_rows *rows)
{
  if (!rows)
    return;
  cgap_embeddings_clear(&rows->e);
  for (int k = 0; k < CGAP_SIDES; k++)
    cgap_spill_close(rows->spill[k]);
  cgap_free(rows);
}

cgap_status cgap_trial_open(cgap_trial *out, const cgap_data *given, const cgap_train_options *o, bool closers,
                            cgap_error *error)
{
  cgap_data checked;
  const cgap_data *data = &checked;
  *out = (cgap_trial){0};
  cgap_status status = cgap_check_argument(given, "training", "data", error);
  if (status == CGAP_OK)
    status = cgap_check_data(&checked, given, error);
  if (status != CGAP_OK)
    return status;
  out->dim = data->image.dim;
  if (data->text.rows == 0 || data->pairing == CGAP_UNPAIRED)
    return cgap_fail(error, CGAP_FILE,
                     "%s: training needs pairs of images and texts, and this has %s; give --text or --text-image",
                     data->image.name, data->text.rows == 0 ? "no texts" : "no pairing");
  status = cgap_train_check(o, data->image.dim, error);
  if (status == CGAP_OK)
    status = cgap_extras_check(data, error);
  if (status == CGAP_OK)
    status = cgap_budget_make(&out->budget, data, o, error);
  if (status != CGAP_OK)
    return status;
  cgap_trial_rows *rows = out->rows = cgap_zalloc(1, sizeof *rows);
  if (!rows)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  rows->data = *data;
  status = put_aside(rows, &out->budget, o->progress, error);
  if (status == CGAP_OK)
    status = cgap_embeddings_load(&rows->e, &rows->data, !out->budget.reads, threads_of(o), o->progress, error);
  if (status == CGAP_OK)
    status = make_parts(out, &rows->e, o, closers, error);
  cgap_give_back(); /* what reading took is not needed for training */
  if (status != CGAP_OK) {
    cgap_trial_clear(out);
  } else if (!out->budget.reads) { /* the parts have copies of their own */
    clear_rows(rows);
    out->rows = NULL;
  }
  return status;
}

void cgap_trial_rest(cgap_trial *t)
{
  cgap_part *parts[] = {&t->training, &t->validation};
  for (int k = 0; k < 2; k++) {
    const size_t images = parts[k]->couples.images, texts = parts[k]->couples.texts;
    cgap_part_clear(parts[k]);
    parts[k]->couples.images = images;
    parts[k]->couples.texts = texts;
  }
  if (t->rows)
    cgap_embeddings_clear(&t->rows->e);
  cgap_give_back();
}

uint64_t cgap_trial_study_memory(const cgap_trial *t, const cgap_train_options *o)
{
  const cgap_data *d = &t->test.data;
  const uint64_t rows = (uint64_t)d->image.rows + d->text.rows, new_dim = cgap_train_shape(o, t->dim).dim;
  const uint64_t held = t->budget.reads ? 0 : rows * (t->dim * cgap_type_size(d->image.type) + new_dim * sizeof(float));
  return o->memory_bytes > held ? o->memory_bytes - held : o->memory_bytes;
}

void cgap_trial_clear(cgap_trial *t)
{
  cgap_split_clear(&t->split);
  cgap_part_clear(&t->training);
  cgap_part_clear(&t->validation);
  cgap_subset_clear(&t->test);
  for (int k = 0; k < CGAP_CLOSERS; k++)
    cgap_head_close(t->closer[k]);
  cgap_free(t->part_of_row);
  clear_rows(t->rows);
  *t = (cgap_trial){0};
}
