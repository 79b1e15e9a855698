#include "head/trial.h"

#include <math.h>
#include <omp.h>

#include "engine/embeddings.h"
#include "engine/plan.h"
#include "head/batches.h"
#include "head/closers.h"
#include "head/options.h"
#include "memory.h"

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

static cgap_status fit_closers(cgap_trial *t, const cgap_embeddings *e, cgap_error *error)
{
  const cgap_part_options every = {.keep_duplicates = true};
  cgap_part part;
  cgap_status status = cgap_part_init(&part, e, &t->split, CGAP_TRAINING, &every, error);
  if (status != CGAP_OK)
    return status;
  for (int k = 0; status == CGAP_OK && k < CGAP_CLOSERS; k++) {
    const double start = cgap_seconds_now();
    status = cgap_closer_of_part(&t->closer[k], (cgap_closer)k, CLOSER_SHIFT_ALL, &part, error);
    t->closer_seconds[k] = cgap_seconds_now() - start;
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
  cgap_part_options training = {
    .keep_duplicates = o->keep_duplicates, .noise = o->noise, .most_images = o->training_images, .seed = o->seed};
  const cgap_part_options validation = {.keep_duplicates = o->keep_duplicates};
  cgap_status status = cgap_split_init(&t->split, e, o->validation, o->test, o->seed, error);
  if (status == CGAP_OK && o->training_images > t->split.images[CGAP_TRAINING])
    status = cgap_fail(error, CGAP_USAGE,
                       "--train-images %zu: the training part has %zu images; give that many or fewer, or leave it out",
                       o->training_images, t->split.images[CGAP_TRAINING]);
  if (status == CGAP_OK && !note_parts(t, e))
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory");
  if (status == CGAP_OK && closers)
    status = fit_closers(t, e, error);
  if (status == CGAP_OK)
    status = cgap_part_init(&t->training, e, &t->split, CGAP_TRAINING, &training, error);
  if (status == CGAP_OK)
    status = cgap_part_init(&t->validation, e, &t->split, CGAP_VALIDATION, &validation, error);
  return status == CGAP_OK ? cgap_subset_init(&t->test, e, &t->split, CGAP_TEST, error) : status;
}

/* Bytes while both sides are loaded: as in the file and as unit rows, the training part once more for training and
 * once for the closers. */
static double loading_bytes(const cgap_source *s)
{
  return (double)s->rows * (double)s->dim * ((double)cgap_type_size(s->type) + 3 * sizeof(float));
}

/* Bytes of a side afterwards: the parts' unit rows and the test part's rows of the file; beside them either a batch
 * with what its layers leave for the gradient, or the test part through a head and in the audit. */
static double training_bytes(const cgap_source *s, size_t texts, const cgap_train_options *o)
{
  const cgap_head_shape shape = cgap_train_shape(o, s->dim);
  const double rows = (double)s->rows, test = o->test * rows, training = rows - test;
  const double auto_batch = CGAP_BATCH_AUTO_SIZE, all = (1 - o->test - o->validation) * (double)texts;
  const double asked = o->batch == 0 ? all : o->batch == CGAP_BATCH_AUTO ? auto_batch : (double)o->batch;
  const double batch = fmax(fmin(fmin(asked, all), training), o->validation * rows);
  const double layers =
    batch * (2 * (double)shape.dim + (double)s->dim + 3 * (double)shape.hidden) * (double)sizeof(float);
  const double audit = test * 3 * (double)shape.dim * (double)sizeof(float);
  return training * (double)s->dim * (double)sizeof(float) + test * (double)s->dim * (double)cgap_type_size(s->type) +
         fmax(layers, audit);
}

static cgap_status check_memory(const cgap_data *d, const cgap_train_options *o, cgap_error *error)
{
  const cgap_source *sides[] = {&d->image, &d->text};
  const cgap_head_shape shape = cgap_train_shape(o, d->image.dim);
  /* parameters, those to keep, the gradient and two moments */
  double loading = 0, training = 5 * (double)cgap_layers_init(&shape).count * (double)sizeof(float);
  for (int side = 0; side < CGAP_SIDES; side++) {
    loading += loading_bytes(sides[side]);
    training += training_bytes(sides[side], d->text.rows, o);
  }
  const double bytes = fmax(loading, training);
  const double limit = o->memory_bytes ? (double)o->memory_bytes : (double)cgap_free_memory() / 2;
  if (bytes <= limit)
    return CGAP_OK;
  return cgap_fail(error, CGAP_RESOURCE,
                   "%s: training on %zu images and %zu texts takes about %.1f MB, %s %.1f; give more, or %s",
                   d->image.name, d->image.rows, d->text.rows, bytes / 1048576,
                   o->memory_bytes ? "--memory allows" : "half of what is free is", limit / 1048576,
                   training > loading ? "a smaller --batch, --hidden or --dim" : "fewer rows");
}

cgap_status cgap_trial_open(cgap_trial *out, const cgap_data *data, const cgap_train_options *o, bool closers,
                            cgap_error *error)
{
  cgap_embeddings e = {0};
  *out = (cgap_trial){.dim = data->image.dim};
  if (data->text.rows == 0 || data->pairing == CGAP_UNPAIRED)
    return cgap_fail(error, CGAP_FILE,
                     "%s: training needs pairs of images and texts, and this has %s; give --text or --text-image",
                     data->image.name, data->text.rows == 0 ? "no texts" : "no pairing");
  cgap_status status = cgap_train_check(o, data->image.dim, error);
  if (status == CGAP_OK)
    status = check_memory(data, o, error);
  if (status == CGAP_OK)
    status =
      cgap_embeddings_load(&e, data, true, o->threads > 0 ? o->threads : omp_get_max_threads(), o->progress, error);
  if (status == CGAP_OK)
    status = make_parts(out, &e, o, closers, error);
  cgap_embeddings_clear(&e);
  if (status != CGAP_OK)
    cgap_trial_clear(out);
  return status;
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
  *t = (cgap_trial){0};
}

/* Without texts the class texts stand for them; only a rotation needs to know who belongs to whom. */
static cgap_status sides_of(cgap_data *out, const cgap_data *data, cgap_closer closer, cgap_error *error)
{
  *out = *data;
  if (data->text.rows == 0 && data->class_text.rows > 0) {
    out->text = data->class_text;
    out->pairing = CGAP_UNPAIRED;
  }
  if (out->text.rows == 0 || (closer == CGAP_PROCRUSTES && out->pairing == CGAP_UNPAIRED))
    return cgap_fail(error, CGAP_FILE, "%s: %s is fitted on %s, and this has none; give --fit FILE2", data->image.name,
                     cgap_closer_name(closer),
                     closer == CGAP_PROCRUSTES ? "pairs of images and texts" : "images and texts");
  return CGAP_OK;
}

cgap_status cgap_closer_check_memory(cgap_closer closer, const cgap_data *data, uint64_t limit, cgap_error *error)
{
  enum { ROW_BYTES = 100, BASE = 40 << 20 };
  const cgap_source *sides[] = {&data->image, data->text.rows ? &data->text : &data->class_text};
  const double dim = (double)data->image.dim;
  const bool rows = closer == CGAP_WHITEN || closer == CGAP_PROCRUSTES;
  double bytes = BASE + 8 * dim * dim * (double)sizeof(double);
  for (int side = 0; side < CGAP_SIDES; side++)
    bytes += (double)sides[side]->rows *
             (ROW_BYTES + (rows ? dim * (double)(cgap_type_size(sides[side]->type) + sizeof(float)) : 0));
  const double allowed = limit ? (double)limit : (double)cgap_free_memory() / 2;
  if (bytes <= allowed)
    return CGAP_OK;
  return cgap_fail(error, CGAP_RESOURCE,
                   "%s: fitting %s on %zu and %zu rows of %zu takes about %.0fM, %s %.0fM; give --memory %.0fM%s",
                   data->image.name, cgap_closer_name(closer), sides[0]->rows, sides[1]->rows, data->image.dim,
                   ceil(bytes / 1048576), limit ? "--memory allows" : "half of what is free is",
                   floor(allowed / 1048576), ceil(bytes / 1048576), rows ? ", or --fit a file of fewer rows" : "");
}

cgap_status cgap_closer_fit(cgap_head **out, cgap_closer closer, double factor, const cgap_data *data, int threads,
                            cgap_progress progress, cgap_error *error)
{
  cgap_embeddings e = {0};
  cgap_data sides;
  *out = NULL;
  const bool rows = closer == CGAP_WHITEN || closer == CGAP_PROCRUSTES; /* the others are made of the means alone */
  cgap_status status = sides_of(&sides, data, closer, error);
  if (status == CGAP_OK)
    status = cgap_embeddings_load(&e, &sides, rows, threads > 0 ? threads : omp_get_max_threads(), progress, error);
  const cgap_part all = {
    .dim = e.image.dim,
    .image = e.image.unit,
    .text = e.text.unit,
    .image_mean = e.image.mean,
    .text_mean = e.text.mean,
    .couples = {.images = e.image.rows, .texts = e.text.rows, .count = e.text.rows, .couple_image = e.pairs.image_of}};
  if (status == CGAP_OK)
    status = cgap_closer_of_part(out, closer, factor, &all, error);
  cgap_embeddings_clear(&e);
  return status;
}
