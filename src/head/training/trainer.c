#include "head/training/trainer.h"

#include <math.h>
#include <omp.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/threads.h"
#include "comm/comm.h"
#include "head/training/train_options.h"
#include "simd/kernels.h"

static const double TEMPERATURE_MIN = 0.005, MOST_TEMPERATURE = 1000;

static cgap_status open_workspace(cgap_trainer *t, cgap_error *error)
{
  const cgap_positives *v = &t->validation->positives;
  const size_t batch_images = cgap_greater(t->batches.most_images, 1);
  const size_t images = cgap_greater(batch_images, v->images), texts = cgap_greater(t->batches.size, v->texts);
  const size_t positives = cgap_greater(t->batches.most_positives, v->count), dim = t->layers.shape.dim;
  t->parameters = cgap_zalloc(t->count, sizeof *t->parameters);
  t->kept = cgap_zalloc(t->count, sizeof *t->kept);
  t->gradient = cgap_zalloc(t->count, sizeof *t->gradient);
  t->pull[CGAP_IMAGE_MODALITY] = cgap_alloc(batch_images, dim * sizeof(float));
  t->pull[CGAP_TEXT_MODALITY] = cgap_alloc(t->batches.size, dim * sizeof(float));
  if (!t->parameters || !t->kept || !t->gradient || !t->pull[0] || !t->pull[1] ||
      !cgap_adamw_init(&t->adamw, t->count) ||
      !cgap_activations_init(&t->activations[CGAP_IMAGE_MODALITY], &t->layers, images) ||
      !cgap_activations_init(&t->activations[CGAP_TEXT_MODALITY], &t->layers, texts))
    return cgap_fail(error, CGAP_RESOURCE,
                     "out of memory for batches of %zu images and %zu texts; give a smaller batch", images, texts);
  cgap_status status = cgap_loss_open(&t->loss, images, texts, positives, dim, t->options.threads, error);
  if (status == CGAP_OK)
    cgap_loss_set_comm(t->loss, t->options.comm);
  return status;
}

/* start: NULL, or whose parameters to take */
static cgap_status set_start(cgap_trainer *t, const cgap_head *start, cgap_error *error)
{
  const cgap_split_rows *rows = t->training;
  cgap_head *whitened = NULL;
  if (!start && t->options.start == CGAP_START_WHITEN) {
    cgap_moments *moments = NULL;
    cgap_status status = cgap_moments_open(&moments, rows, false, error);
    if (status == CGAP_OK)
      status = cgap_whitened_start(&whitened, moments, error);
    cgap_moments_close(moments);
    if (status != CGAP_OK)
      return status;
    start = whitened;
  }
  if (start)
    memcpy(t->parameters, start->parameters, t->layers.count * sizeof *t->parameters);
  else
    cgap_layers_start(&t->layers, t->parameters, t->options.start, rows->image_mean, rows->text_mean, t->options.seed);
  cgap_head_close(whitened);
  return CGAP_OK;
}

cgap_status cgap_trainer_init(cgap_trainer *t, const cgap_split_rows *training, const cgap_split_rows *validation,
                              const cgap_train_options *options, const cgap_head *start, cgap_error *error)
{
  *t = (cgap_trainer){.options = *options, .training = training, .validation = validation};
  if (t->options.threads <= 0)
    t->options.threads = omp_get_max_threads();
  t->options.learning_rate = cgap_train_rate(options);
  cgap_head_shape shape = cgap_train_shape(options, training->dim);
  t->layers = cgap_layers_init(&shape);
  t->count = t->layers.count + CGAP_ADAMW_TEMPERATURE;
  t->state.kept_loss = INFINITY;
  t->state.first_loss = NAN;
  cgap_status status =
    cgap_batches_init(&t->batches, training, options->batch, options->seed, t->options.threads, error);
  t->options.epochs = cgap_train_epochs(options, t->batches.count);
  if (status == CGAP_OK)
    status = open_workspace(t, error);
  if (status != CGAP_OK) {
    cgap_trainer_clear(t);
    return status;
  }
  status = set_start(t, start, error);
  if (status != CGAP_OK) {
    cgap_trainer_clear(t);
    return status;
  }
  t->parameters[t->layers.count] = (float)log(options->temperature);
  memcpy(t->kept, t->parameters, t->count * sizeof *t->kept);
  return CGAP_OK;
}

void cgap_trainer_clear(cgap_trainer *t)
{
  for (int modality = 0; modality < CGAP_MODALITIES; modality++) {
    cgap_activations_clear(&t->activations[modality]);
    cgap_free(t->pull[modality]);
  }
  cgap_free(t->parameters);
  cgap_free(t->kept);
  cgap_free(t->gradient);
  cgap_adamw_clear(&t->adamw);
  cgap_batches_clear(&t->batches);
  cgap_loss_close(t->loss);
  *t = (cgap_trainer){0};
}

bool cgap_trainer_done(const cgap_trainer *t)
{
  const cgap_progress_state *s = &t->state;
  return s->epoch >= t->options.epochs ||
         (t->options.patience > 0 && s->epoch >= s->kept_epoch + t->options.patience && s->epoch > 0);
}

static double temperature_of(const cgap_trainer *t)
{
  return t->options.learn_temperature ? exp((double)t->parameters[t->layers.count]) : t->options.temperature;
}

static double current_rate(const cgap_trainer *t)
{
  const cgap_train_options *o = &t->options;
  return cgap_schedule_rate(o->schedule, o->learning_rate, t->state.steps, (uint64_t)o->epochs * t->batches.count);
}

/* The rows of both modalities that this rank maps; alone: all. */
typedef struct rank_batch {
  size_t first[CGAP_MODALITIES], rows[CGAP_MODALITIES];
  const float *in[CGAP_MODALITIES];
  cgap_activations activations[CGAP_MODALITIES]; /* views */
} rank_batch;

static void skip_rows(cgap_activations *a, const cgap_head_shape *shape, size_t rows)
{
  a->z += rows * shape->dim;
  a->norm += rows;
  a->before = a->before ? a->before + rows * shape->hidden : NULL;
  a->after = a->after ? a->after + rows * shape->hidden : NULL;
  a->pull = a->pull ? a->pull + rows * shape->hidden : NULL;
}

static rank_batch rank_batch_of(const cgap_trainer *t, const cgap_positives *positives, const float *x, const float *y)
{
  const size_t rows[] = {positives->images, positives->texts};
  const size_t size = (size_t)cgap_comm_size(t->options.comm), rank = (size_t)cgap_comm_rank(t->options.comm);
  const float *const in[] = {x, y};
  rank_batch p;
  for (int modality = 0; modality < CGAP_MODALITIES; modality++) {
    const size_t first = rows[modality] * rank / size;
    cgap_activations *a = &p.activations[modality];
    p.first[modality] = first;
    p.rows[modality] = rows[modality] * (rank + 1) / size - first;
    p.in[modality] = in[modality] + first * t->layers.shape.dim_in;
    *a = t->activations[modality];
    skip_rows(a, &t->layers.shape, first);
  }
  return p;
}

/* The new rows of all ranks. */
static cgap_status gather_rows(cgap_trainer *t, const cgap_positives *positives, cgap_error *error)
{
  const size_t rows[] = {positives->images, positives->texts}, size = (size_t)cgap_comm_size(t->options.comm);
  size_t *place = cgap_alloc(size + 1, sizeof *place);
  cgap_status status = place ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu ranks", size);
  for (int modality = 0; status == CGAP_OK && modality < CGAP_MODALITIES; modality++) {
    for (size_t r = 0; r <= size; r++)
      place[r] = rows[modality] * r / size * t->layers.shape.dim * sizeof(float);
    status = cgap_comm_gather(t->options.comm, t->activations[modality].z, place, error);
  }
  cgap_free(place);
  return status;
}

/* The losses of rows that have been mapped. */
static cgap_status score_batch(cgap_trainer *t, const cgap_positives *positives, cgap_loss_terms *terms,
                               cgap_loss_gradient *gradient, cgap_error *error)
{
  cgap_status status = t->options.comm ? gather_rows(t, positives, error) : CGAP_OK;
  if (status != CGAP_OK)
    return status;
  cgap_loss_run(t->loss, positives, t->activations[0].z, t->activations[1].z, &t->options.weights, temperature_of(t),
                terms, gradient);
  return cgap_loss_status(t->loss, error);
}

static cgap_status forward_batch(cgap_trainer *t, const cgap_positives *positives, const float *x, const float *y,
                                 cgap_loss_terms *terms, cgap_loss_gradient *gradient, cgap_error *error)
{
  rank_batch p = rank_batch_of(t, positives, x, y);
  cgap_layers_forward(&t->layers, t->parameters, p.in, p.rows, p.activations, t->options.threads);
  return score_batch(t, positives, terms, gradient, error);
}

/* Maps a split whose rows are not in memory, whole blocks at a time: the same bits. */
static cgap_status forward_read_rows(cgap_trainer *t, const cgap_split_rows *split_rows, cgap_error *error)
{
  enum { BLOCK_ROWS = 4 * CGAP_LAYERS_BLOCK };
  float *block = cgap_alloc(BLOCK_ROWS, split_rows->dim * sizeof *block);
  const rank_batch p = rank_batch_of(t, &split_rows->positives, block, block);
  cgap_status status = block ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for validation");
  for (int modality = 0; modality < CGAP_MODALITIES; modality++)
    for (size_t first = 0; status == CGAP_OK && first < p.rows[modality]; first += BLOCK_ROWS) {
      const size_t count = p.rows[modality] - first < BLOCK_ROWS ? p.rows[modality] - first : BLOCK_ROWS;
      const float *const in[] = {block, block};
      size_t rows[CGAP_MODALITIES] = {0};
      cgap_activations at[] = {p.activations[0], p.activations[1]};
      rows[modality] = count;
      skip_rows(&at[modality], &t->layers.shape, first);
      status = cgap_split_rows_read(split_rows, modality, NULL, p.first[modality] + first, count, block, error);
      if (status == CGAP_OK)
        cgap_layers_forward(&t->layers, t->parameters, in, rows, at, t->options.threads);
    }
  cgap_free(block);
  return status;
}

/* The gradient of the parameters, over all ranks. */
static cgap_status backward_batch(cgap_trainer *t, const cgap_positives *positives, const float *x, const float *y,
                                  cgap_error *error)
{
  const size_t dim = t->layers.shape.dim;
  rank_batch p = rank_batch_of(t, positives, x, y);
  float *const pull[] = {t->pull[0] + p.first[0] * dim, t->pull[1] + p.first[1] * dim};
  cgap_layers_backward(&t->layers, t->parameters, p.in, p.rows, p.activations, pull, t->gradient, t->options.threads);
  return cgap_comm_sum(t->options.comm, t->gradient, t->layers.count, CGAP_COMM_F32, error);
}

static double centroid_distance(const float *x, size_t images, const float *y, size_t texts, size_t dim)
{
  double square = 0;
  for (size_t k = 0; k < dim; k++) {
    double image = 0, text = 0;
    for (size_t i = 0; i < images; i++)
      image += (double)x[i * dim + k];
    for (size_t j = 0; j < texts; j++)
      text += (double)y[j * dim + k];
    image = image / (double)images - text / (double)texts;
    square += image * image;
  }
  return sqrt(square);
}

cgap_status cgap_trainer_validate(cgap_trainer *t, cgap_loss_terms *terms, double *gap, cgap_error *error)
{
  const cgap_positives *v = &t->validation->positives;
  *terms = cgap_loss_terms_unknown();
  *gap = NAN;
  if (v->count == 0)
    return CGAP_OK;
  cgap_status status = CGAP_OK;
  if (t->validation->image) {
    status = forward_batch(t, v, t->validation->image, t->validation->text, terms, NULL, error);
  } else {
    status = forward_read_rows(t, t->validation, error);
    if (status == CGAP_OK)
      status = score_batch(t, v, terms, NULL, error);
  }
  if (status != CGAP_OK)
    return status;
  *gap = centroid_distance(t->activations[0].z, v->images, t->activations[1].z, v->texts, t->layers.shape.dim);
  return CGAP_OK;
}

/* out (dim): the mean of rows. */
static void mean_row(double *out, const float *row, size_t rows, size_t dim)
{
  memset(out, 0, dim * sizeof *out);
  for (size_t i = 0; i < rows; i++)
    for (size_t k = 0; k < dim; k++)
      out[k] += (double)row[i * dim + k];
  for (size_t k = 0; k < dim; k++)
    out[k] /= (double)rows;
}

/* gap.noise_floor (analysis/centroid.c) of mapped rows; a text of several images counts for each by its fraction.
 * mean (3, dim): scratch. */
static double noise_floor(const cgap_positives *v, const float *x, const float *y, size_t dim, double *mean)
{
  const double n = (double)v->images, m = (double)v->texts;
  double square = 0, *text_mean = mean + dim, *own = mean + 2 * dim;
  mean_row(mean, x, v->images, dim);
  mean_row(text_mean, y, v->texts, dim);
  for (size_t i = 0; i < v->images; i++) {
    for (size_t k = 0; k < dim; k++)
      own[k] = ((double)x[i * dim + k] - mean[k]) / n;
    for (size_t c = v->image_first[i]; c < v->image_first[i + 1]; c++) {
      const size_t j = v->positive_text[c];
      const double weight = 1 / (m * (double)(v->text_first[j + 1] - v->text_first[j]));
      for (size_t k = 0; k < dim; k++)
        own[k] -= weight * ((double)y[j * dim + k] - text_mean[k]);
    }
    for (size_t k = 0; k < dim; k++)
      square += own[k] * own[k];
  }
  return v->images > 1 ? sqrt(square / (1 - 1 / n)) : NAN;
}

/* The losses of the validation rows without a head. */
static cgap_status score_raw(cgap_trainer *t, cgap_reference_levels *out, cgap_error *error)
{
  const cgap_split_rows *rows = t->validation;
  const cgap_positives *v = &rows->positives;
  cgap_loss *loss = NULL;
  cgap_status status = cgap_loss_open(&loss, v->images, v->texts, v->count, rows->dim, t->options.threads, error);
  if (status == CGAP_OK) {
    cgap_loss_run(loss, v, rows->image, rows->text, &t->options.weights, t->options.temperature, &out->raw, NULL);
    out->raw_gap = centroid_distance(rows->image, v->images, rows->text, v->texts, rows->dim);
    status = cgap_loss_status(loss, error);
  }
  cgap_loss_close(loss);
  return status;
}

cgap_status cgap_trainer_levels(cgap_trainer *t, cgap_reference_levels *out, cgap_error *error)
{
  const cgap_positives *v = &t->validation->positives;
  const size_t dim = t->layers.shape.dim;
  const int blas = cgap_blas_single();
  cgap_loss_terms kept;
  double gap;
  *out = (cgap_reference_levels){cgap_loss_terms_unknown(), NAN, NAN};
  cgap_status status = v->count && t->validation->image ? score_raw(t, out, error) : CGAP_OK;
  memcpy(t->parameters, t->kept, t->count * sizeof *t->parameters);
  if (status == CGAP_OK)
    status = cgap_trainer_validate(t, &kept, &gap, error);
  double *mean = cgap_alloc(3, dim * sizeof *mean);
  if (status == CGAP_OK && !mean)
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu means", dim);
  if (status == CGAP_OK && v->count)
    out->noise_floor = noise_floor(v, t->activations[0].z, t->activations[1].z, dim, mean);
  cgap_free(mean);
  cgap_blas_restore(blas);
  return status;
}

static bool keeps_log_temperature(cgap_trainer *t)
{
  float *log_temperature = &t->parameters[t->layers.count];
  if (!t->options.learn_temperature)
    return true;
  if (!isfinite(*log_temperature)) /* fmaxf would turn NaN into a number */
    return false;
  *log_temperature = fmaxf(*log_temperature, (float)log(TEMPERATURE_MIN));
  *log_temperature = fminf(*log_temperature, (float)log(MOST_TEMPERATURE));
  return true;
}

/* Far above where training began: no step that learns goes there. */
static bool has_exploded(const cgap_progress_state *s, double loss)
{
  return !isfinite(loss) || loss > s->first_loss + 10 * (1 + fabs(s->first_loss));
}

/* Whether the head still gives rows whose norm is finite in float. */
static bool parameters_usable(const cgap_trainer *t)
{
  static const float PARAMETER_MAX = 1e15F; /* far above any that learns; a sum of squares stays finite */
  for (size_t k = 0; k < t->count; k++)
    if (!(fabsf(t->parameters[k]) <= PARAMETER_MAX))
      return false;
  return true;
}

/* step: from 1, of the epoch at work */
static cgap_status fail_diverged(const cgap_trainer *t, uint64_t step, double loss, cgap_error *error)
{
  const cgap_progress_state *s = &t->state;
  return cgap_fail(
    error, CGAP_USAGE,
    "training diverged in epoch %llu, step %llu: the loss is %g, after %g at the first step; epoch %llu is "
    "kept; give a lower learning rate than %g",
    (unsigned long long)s->epoch + 1, (unsigned long long)step, isnan(loss) ? fabs(loss) : loss,
    isnan(s->first_loss) ? fabs(s->first_loss) : s->first_loss, (unsigned long long)s->kept_epoch,
    t->options.learning_rate);
}

static cgap_status train_step(cgap_trainer *t, cgap_error *error)
{
  cgap_progress_state *s = &t->state;
  const double start = cgap_clock_seconds(), rate = current_rate(t);
  cgap_loss_terms terms;
  cgap_loss_gradient gradient = {.x = t->pull[CGAP_IMAGE_MODALITY], .y = t->pull[CGAP_TEXT_MODALITY]};
  const cgap_batches *b = &t->batches;
  cgap_status status = cgap_batches_load(&t->batches, s->batch, t->options.threads, error);
  if (status == CGAP_OK)
    status = forward_batch(t, &b->positives, b->x, b->y, &terms, &gradient, error);
  if (status != CGAP_OK)
    return status;
  if (isnan(s->first_loss))
    s->first_loss = terms.total;
  if (has_exploded(s, terms.total))
    return fail_diverged(t, s->batch + 1, terms.total, error);
  status = backward_batch(t, &b->positives, b->x, b->y, error);
  if (status != CGAP_OK)
    return status;
  t->gradient[t->layers.count] = t->options.learn_temperature ? (float)gradient.log_temperature : 0;
  s->gradient_norm = cgap_adamw_update(&t->adamw, &t->layers, t->parameters, t->gradient, rate, t->options.decay,
                                       t->options.clip_norm, t->options.threads);
  if (!isfinite(s->gradient_norm) || !keeps_log_temperature(t))
    return fail_diverged(t, s->batch + 1, s->gradient_norm, error);
  cgap_loss_terms_add(&s->sums, &terms);
  s->batch++;
  s->steps++;
  s->step_seconds += cgap_clock_seconds() - start;
  return CGAP_OK;
}

static void keep_if_better(cgap_trainer *t, double validation_loss)
{
  cgap_progress_state *s = &t->state;
  const bool better = t->options.patience == 0 || isnan(s->kept_loss) || validation_loss < s->kept_loss;
  if (!better)
    return;
  s->kept_loss = validation_loss;
  s->kept_epoch = s->epoch;
  memcpy(t->kept, t->parameters, t->count * sizeof *t->kept);
}

/* The loss is checked before each step: the effect of the last step shows only here. */
static cgap_status finish_epoch(cgap_trainer *t, cgap_epoch *record, double started, cgap_error *error)
{
  cgap_progress_state *s = &t->state;
  *record = (cgap_epoch){.epoch = s->epoch + 1, .temperature = temperature_of(t), .gradient_norm = s->gradient_norm};
  record->learning_rate = cgap_schedule_rate(t->options.schedule, t->options.learning_rate, s->steps - 1,
                                             (uint64_t)t->options.epochs * t->batches.count);
  record->steps_per_second = s->step_seconds > 0 ? (double)s->batch / s->step_seconds : 0;
  record->training = cgap_loss_terms_mean(&s->sums, (double)s->batch);
  cgap_status status = cgap_trainer_validate(t, &record->validation, &record->validation_gap, error);
  if (status == CGAP_OK) /* the same on all ranks, whatever their processors computed */
    status = cgap_comm_broadcast(t->options.comm, 0, t->parameters, t->count * sizeof *t->parameters, error);
  if (status != CGAP_OK)
    return status;
  if (!parameters_usable(t) || (t->validation->positives.count && !isfinite(record->validation.total)))
    return fail_diverged(t, s->batch, record->validation.total, error);
  s->epoch++;
  s->batch = 0;
  s->step_seconds = 0;
  s->sums = (cgap_loss_terms){0};
  keep_if_better(t, record->validation.total);
  s->seconds += cgap_clock_seconds() - started;
  record->seconds = s->seconds;
  return CGAP_OK;
}

cgap_status cgap_trainer_epoch(cgap_trainer *t, cgap_epoch *record, cgap_error *error)
{
  cgap_progress_state *s = &t->state;
  const cgap_progress *p = &t->options.progress;
  const double started = cgap_clock_seconds();
  const int blas = cgap_blas_single();
  cgap_status status = CGAP_OK;
  cgap_batches_epoch(&t->batches, s->epoch);
  while (status == CGAP_OK && s->batch < t->batches.count) {
    const double fraction = (double)s->steps / ((double)t->options.epochs * (double)t->batches.count);
    if (p->tick && p->tick(p->context, "training", fraction))
      status = cgap_fail(error, CGAP_INTERRUPTED, "interrupted in epoch %llu", (unsigned long long)s->epoch + 1);
    else
      status = train_step(t, error);
  }
  if (status == CGAP_OK)
    status = finish_epoch(t, record, started, error);
  else
    s->seconds += cgap_clock_seconds() - started;
  cgap_blas_restore(blas);
  return status;
}

cgap_status cgap_trainer_broadcast(cgap_trainer *t, cgap_error *error)
{
  float *const arrays[] = {t->parameters, t->kept, t->adamw.m, t->adamw.v};
  cgap_status status = cgap_comm_broadcast(t->options.comm, 0, &t->state, sizeof t->state, error);
  if (status == CGAP_OK)
    status = cgap_comm_broadcast(t->options.comm, 0, &t->adamw.step, sizeof t->adamw.step, error);
  for (size_t k = 0; status == CGAP_OK && k < sizeof arrays / sizeof *arrays; k++)
    status = cgap_comm_broadcast(t->options.comm, 0, arrays[k], t->count * sizeof(float), error);
  return status;
}

/* ---------------------------------------------------------------- adamw */

static const double BETA1 = 0.9, BETA2 = 0.99, EPSILON = 1e-8, WARM_UP = 0.05;
enum { CHUNK = 1 << 14, PARALLEL_FROM = 1 << 15 };

bool cgap_adamw_init(cgap_adamw *out, size_t count)
{
  *out = (cgap_adamw){.count = count, .m = cgap_zalloc(2 * count, sizeof(float))};
  out->v = out->m ? out->m + count : NULL;
  out->square = cgap_alloc((count + CHUNK - 1) / CHUNK, sizeof *out->square);
  return out->m && out->square;
}

void cgap_adamw_clear(cgap_adamw *a)
{
  cgap_free(a->m);
  cgap_free(a->square);
  *a = (cgap_adamw){0};
}

double cgap_schedule_rate(cgap_schedule schedule, double rate, uint64_t step, uint64_t steps)
{
  const double warm = ceil(WARM_UP * (double)steps), at = (double)step;
  if (schedule == CGAP_SCHEDULE_CONSTANT)
    return rate;
  if (at < warm)
    return rate * (at + 1) / warm;
  return rate * 0.5 * (1 + cos(M_PI * (at - warm) / fmax(1, (double)steps - warm)));
}

/* A stretch of parameters that are decayed alike. */
typedef struct parameter_stretch {
  size_t offset, count;
  bool decayed;
} parameter_stretch;

enum { STRETCHES = 4 * CGAP_MODALITIES + 1 };

/* The blocks of the layers, biases not decayed, then log τ. */
static void stretches_of(const cgap_layers *l, size_t count, parameter_stretch out[STRETCHES])
{
  size_t n = 0;
  for (int modality = 0; modality < (l->shape.shared ? 1 : CGAP_MODALITIES); modality++) {
    const cgap_tower *t = &l->tower[modality];
    const cgap_parameter_block *blocks[] = {&t->weight, &t->bias, &t->weight2, &t->bias2};
    for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++)
      out[n++] = (parameter_stretch){blocks[b]->offset, blocks[b]->rows * blocks[b]->columns, b % 2 == 0};
  }
  out[n] = (parameter_stretch){l->count, count - l->count, false};
}

static size_t chunk_at(size_t k, size_t end)
{
  return end - k < CHUNK ? end - k : CHUNK;
}

static double sum_in_order(const double *sums, size_t count)
{
  double sum = 0;
  for (size_t k = 0; k < count; k++)
    sum += sums[k];
  return sum;
}

static cgap_adamw_step step_of(const cgap_adamw *a, double rate, double decay, double clip, double norm)
{
  return (cgap_adamw_step){
    .rate = (float)rate,
    .decay = (float)decay,
    .beta1 = (float)BETA1,
    .beta2 = (float)BETA2,
    .unbias1 = (float)(1 / (1 - pow(BETA1, (double)a->step))),
    .unbias2 = (float)(1 / (1 - pow(BETA2, (double)a->step))),
    .epsilon = (float)EPSILON,
    .gradient_scale = clip > 0 && norm > clip ? (float)(clip / norm) : 1,
  };
}

/* The parameters of the chunk that begins with `first`, stretch by stretch; step: not decayed, decayed. */
static void update_chunk(const cgap_adamw *a, const parameter_stretch *stretch, size_t first,
                         const cgap_adamw_step step[2], float *parameters, const float *gradient)
{
  const size_t end = first + chunk_at(first, a->count);
  for (size_t k = first; k < end; stretch++) {
    const size_t last = cgap_lesser(stretch->offset + stretch->count, end);
    if (last <= k)
      continue;
    cgap_training_kernels_here()->adamw(parameters + k, gradient + k, a->m + k, a->v + k, last - k,
                                        &step[stretch->decayed]);
    k = last;
  }
}

double cgap_adamw_update(cgap_adamw *a, const cgap_layers *l, float *parameters, const float *gradient, double rate,
                         double decay, double clip, int threads)
{
  const cgap_training_kernels *vector = cgap_training_kernels_here();
  parameter_stretch stretches[STRETCHES];
  const size_t chunks = (a->count + CHUNK - 1) / CHUNK;
  double norm = 0;
  stretches_of(l, a->count, stretches);
  a->step++;
#pragma omp parallel num_threads(threads) if (a->count >= PARALLEL_FROM)
  {
#pragma omp for schedule(static)
    for (size_t k = 0; k < chunks; k++)
      a->square[k] = vector->dot(gradient + k * CHUNK, gradient + k * CHUNK, chunk_at(k * CHUNK, a->count));
    const double all = sqrt(sum_in_order(a->square, chunks)); /* by each thread: cheaper than waiting for one */
    const cgap_adamw_step step[] = {step_of(a, rate, 0, clip, all), step_of(a, rate, decay, clip, all)};
#pragma omp for schedule(static) nowait
    for (size_t k = 0; k < chunks; k++)
      update_chunk(a, stretches, k * CHUNK, step, parameters, gradient);
#pragma omp master
    norm = all;
  }
  return norm;
}
