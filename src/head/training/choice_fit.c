#include "head/training/choice_fit.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/memory.h"
#include "base/numbers.h"
#include "base/threads.h"
#include "comm/comm.h"
#include "head/training/train_options.h"

enum {
  FOLDS = CGAP_FOLDS_MAX,
  VALIDATION_MIN = 400, /* images, below which there are folds */
  STEPS = 400,          /* that a training has at least, within so many epochs: */
  EPOCHS_MIN = 10,
  EPOCHS_MAX = 30,
  RACE = 4,     /* the first part of a training, after which the better half goes on … */
  FINALISTS = 2 /* … of which so many are trained in further folds */
};
static const double INNER_SHARE = 0.1; /* of a fold's images: they choose the epoch */

double cgap_choosing_mean(const double *v, size_t count)
{
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += v[i];
  return sum / (double)count;
}

/* ---------------------------------------------------------------- jobs */

typedef cgap_status job(cgap_choosing *r, size_t k, int threads, cgap_error *error);

/* Fits and scores are independent: each job gets its share of the threads. One after the other where ranks meet in
 * every step, and where rows stay in files, which one reader may read. The failure of the first job that failed. */
static cgap_status run_jobs(cgap_choosing *r, job *one, size_t count, cgap_error *error)
{
  enum { JOBS_MAX = CGAP_TRIALS_MAX * FOLDS };
  const size_t threads = (size_t)r->threads;
  const bool one_by_one = r->options.training.comm || !r->data->plan.resident || count == 0;
  const int workers = one_by_one ? 1 : (int)(threads < count ? threads : count), levels = omp_get_max_active_levels();
  cgap_status status[JOBS_MAX] = {CGAP_OK};
  cgap_error errors[JOBS_MAX];
  bool failed = false;
  omp_set_max_active_levels(levels > 2 ? levels : 2); /* jobs and the loops within */
#pragma omp parallel for num_threads(workers) schedule(dynamic, 1)
  for (size_t k = 0; k < count; k++) {
    bool skip;
#pragma omp atomic read
    skip = failed;
    if (skip)
      continue;
    status[k] = one(r, k, r->threads / workers, &errors[k]);
    if (status[k] != CGAP_OK)
#pragma omp atomic write
      failed = true;
#pragma omp atomic
    r->jobs_done++;
  }
  omp_set_max_active_levels(levels);
  for (size_t k = 0; k < count; k++)
    if (status[k] != CGAP_OK) {
      if (error)
        *error = errors[k];
      return status[k];
    }
  return CGAP_OK;
}

/* Of the trainers: the caller's own progress is called by one thread alone. */
static bool tick_job(void *context, const char *phase, double fraction)
{
  cgap_choosing *r = context;
  const cgap_progress *outer = &r->options.training.progress;
  bool stop;
  size_t done;
  (void)phase;
#pragma omp atomic read
  done = r->jobs_done;
  if (omp_get_thread_num() == 0 && outer->tick &&
      outer->tick(outer->context, "choosing", fmin(1, ((double)done + fraction) / (double)r->jobs)))
#pragma omp atomic write
    r->stop = true;
#pragma omp atomic read
  stop = r->stop;
  return stop;
}

/* ---------------------------------------------------------------- scores */

static cgap_status score_rows(const cgap_choosing *r, cgap_validation_score *out, const cgap_split_rows *rows,
                              const cgap_validation_classes *classes, const cgap_head *head, int threads,
                              cgap_error *error)
{
  return r->options.goal == CGAP_GOAL_ZERO_SHOT
           ? cgap_validation_zero_shot_init(out, rows, classes, head, threads, error)
           : cgap_validation_score_init(out, rows, head, threads, error);
}

static const double *values_of(const cgap_choosing *r, const cgap_validation_score *s)
{
  return r->options.goal == CGAP_GOAL_RETRIEVAL ? s->mrr : s->score;
}

/* Candidate c in one fold; head NULL: the rows as they are. */
static cgap_status score(cgap_choosing *r, size_t f, size_t c, const cgap_head *head, int threads, cgap_error *error)
{
  cgap_validation_score s;
  const cgap_choice_fold *o = &r->fold[f];
  const cgap_status status = score_rows(r, &s, &o->scored, &o->classes, head, threads, error);
  if (status != CGAP_OK)
    return status;
  memcpy(r->score[c] + o->first, values_of(r, &s), o->images * sizeof *s.score);
  memcpy(r->mrr[c] + o->first, s.mrr, o->images * sizeof *s.mrr);
  r->square[c][f] = s.corrected_square;
  r->noise[c][f] = s.noise_floor * s.noise_floor;
  cgap_validation_score_clear(&s);
  return CGAP_OK;
}

/* What ranks computed may differ in the last bits: all take those of rank 0. */
static cgap_status agree(cgap_choosing *r, cgap_error *error)
{
  cgap_comm *comm = r->options.training.comm;
  cgap_status status = CGAP_OK;
  if (comm)
    status = cgap_comm_broadcast(comm, 0, &r->out->level, sizeof r->out->level, error);
  if (status == CGAP_OK && comm)
    status = cgap_comm_broadcast(comm, 0, r->epoch, sizeof r->epoch, error);
  for (size_t c = 0; status == CGAP_OK && comm && c < r->out->count; c++) {
    status = cgap_comm_broadcast(comm, 0, r->score[c], r->images * sizeof(double), error);
    if (status == CGAP_OK)
      status = cgap_comm_broadcast(comm, 0, r->mrr[c], r->images * sizeof(double), error);
    if (status == CGAP_OK)
      status = cgap_comm_broadcast(comm, 0, r->square[c], sizeof r->square[c], error);
    if (status == CGAP_OK)
      status = cgap_comm_broadcast(comm, 0, r->noise[c], sizeof r->noise[c], error);
  }
  return status;
}

/* ---------------------------------------------------------------- folds */

/* For zero-shot: what becomes of classes that nothing was fitted on, each of which is one value. */
static bool leaves_classes(const cgap_choosing *r)
{
  return r->options.goal == CGAP_GOAL_ZERO_SHOT;
}

/* EVERY: what methods are fitted on, equal rows too, but for class texts, which all images of a class share. SCORED: as
 * many of them as a score takes, drawn at random. */
typedef enum row_use { HEADS, EVERY, INNER, SCORED } row_use;

static cgap_split_rows_options rows_options(const cgap_choosing *r, row_use use)
{
  const cgap_train_options *o = &r->options.training;
  const bool fits = use == HEADS || use == EVERY, all = use == EVERY || use == SCORED;
  return (cgap_split_rows_options){.keep_duplicates = (all && !r->e->data->texts_are_classes) || o->keep_duplicates,
                                   .noise = fits ? o->noise : 0,
                                   .most_images = fits            ? o->training_images
                                                  : use == SCORED ? CGAP_VALIDATION_ROWS_MAX / 2
                                                                  : 0,
                                   .seed = o->seed,
                                   .leave = true, /* as in the file, or in memory where they are */
                                   .threads = r->threads};
}

static void merge_parts(cgap_split *s, size_t images, int from, int to)
{
  for (size_t i = 0; i < images; i++)
    s->of_image[i] = s->of_image[i] == from ? (unsigned char)to : s->of_image[i];
}

/* The split with classes in place of groups of images: each goes as a whole to a part of a fold. */
static cgap_status group_classes(cgap_split *out, const cgap_choosing *r, cgap_error *error)
{
  const cgap_split *split = &r->data->split;
  const cgap_data *data = r->e->data;
  const size_t images = r->e->image.rows, classes = data->class_text.rows / (data->prompts ? data->prompts : 1);
  size_t *first = cgap_alloc(classes, sizeof *first);
  *out = (cgap_split){.of_image = cgap_alloc(images, 1), .group = cgap_alloc(images, sizeof *out->group)};
  if (!out->of_image || !out->group || !first) {
    cgap_free(first);
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the choice");
  }
  memcpy(out->of_image, split->of_image, images);
  for (size_t c = 0; c < classes; c++)
    first[c] = SIZE_MAX;
  for (size_t i = 0; i < images; i++) {
    size_t *of_class = &first[data->labels[r->e->image.file_row[i]]];
    if (split->of_image[i] != CGAP_TEST && *of_class == SIZE_MAX)
      *of_class = i;
    out->group[i] = split->of_image[i] != CGAP_TEST ? *of_class : i;
  }
  cgap_free(first);
  return CGAP_OK;
}

/* Of folds the methods need no epoch, so that what would choose it is theirs too. */
static cgap_status open_fold(cgap_choosing *r, size_t k, int threads, cgap_error *error)
{
  cgap_choice_fold *f = &r->fold[k];
  const cgap_split_rows_options every = rows_options(r, EVERY), heads = rows_options(r, HEADS),
                                inner = rows_options(r, INNER), scored = rows_options(r, SCORED);
  cgap_split by_class = {0};
  (void)threads;
  cgap_status status = leaves_classes(r) ? group_classes(&by_class, r, error) : CGAP_OK;
  if (status == CGAP_OK)
    status = cgap_split_fold(&f->split, leaves_classes(r) ? &by_class : &r->data->split, r->e, k, r->folds, INNER_SHARE,
                             r->options.training.seed, error);
  cgap_split_clear(&by_class);
  if (status == CGAP_OK)
    status = cgap_split_rows_init(&f->training, r->e, &f->split, CGAP_TRAINING, &heads, error);
  if (status == CGAP_OK)
    status = cgap_split_rows_init(&f->inner, r->e, &f->split, CGAP_VALIDATION, &inner, error);
  if (status == CGAP_OK)
    status = cgap_split_rows_init(&f->scored, r->e, &f->split, CGAP_TEST, &scored, error);
  if (status == CGAP_OK && r->folds > 1)
    merge_parts(&f->split, r->e->image.rows, CGAP_VALIDATION, CGAP_TRAINING);
  if (status == CGAP_OK)
    status = cgap_split_rows_init(&f->every, r->e, &f->split, CGAP_TRAINING, &every, error);
  if (status == CGAP_OK)
    f->images = cgap_validation_images(&f->scored);
  return status;
}

static void clear_fold(cgap_choice_fold *f)
{
  cgap_split_clear(&f->split);
  cgap_split_rows_clear(&f->every);
  cgap_split_rows_clear(&f->training);
  cgap_split_rows_clear(&f->inner);
  cgap_split_rows_clear(&f->scored);
  cgap_validation_classes_clear(&f->classes);
  for (int k = 0; k < CGAP_STARTS; k++)
    cgap_head_close(f->start[k]);
}

cgap_status cgap_choosing_open_folds(cgap_choosing *r, cgap_error *error)
{
  r->folds = r->data->split.images[CGAP_VALIDATION] < VALIDATION_MIN || leaves_classes(r) ? FOLDS : 1;
  const unsigned parts = 1 << CGAP_TRAINING | 1 << CGAP_VALIDATION;
  cgap_status status = run_jobs(r, open_fold, r->folds, error);
  for (size_t f = 0; status == CGAP_OK && leaves_classes(r) && f < r->folds; f++) { /* one reader for class texts */
    status = cgap_validation_classes_init(&r->fold[f].classes, r->e, &r->data->split, &r->fold[f].scored, parts, error);
    r->fold[f].images = r->fold[f].classes.present;
  }
  for (size_t f = 0; f < r->folds; f++) {
    r->fold[f].first = r->images;
    r->images += r->fold[f].images;
  }
  r->jobs = r->folds + r->trials + (r->trials + 1) / 2 + FINALISTS * (r->folds - 1);
  r->jobs_done = 0;
  for (size_t c = 0; status == CGAP_OK && c < r->out->count; c++) {
    r->score[c] = cgap_zalloc(r->images, sizeof(double));
    r->mrr[c] = cgap_zalloc(r->images, sizeof(double));
    if (!r->score[c] || !r->mrr[c])
      status = cgap_fail(error, CGAP_RESOURCE, "out of memory for the scores of %zu images", r->images);
  }
  return status;
}

/* The original embeddings and the methods in one fold; leaves there what heads start from. */
static cgap_status score_methods(cgap_choosing *r, size_t k, int threads, cgap_error *error)
{
  cgap_choice_fold *f = &r->fold[k];
  cgap_moments *moments = NULL;
  cgap_status status = score(r, k, 0, NULL, threads, error);
  if (status == CGAP_OK)
    status = cgap_moments_open(&moments, &f->every, true, error);
  if (status == CGAP_OK)
    status = cgap_whitened_start(&f->start[CGAP_START_WHITEN], moments, error);
  for (size_t c = 1; status == CGAP_OK && c < r->out->count && r->recipe[c].closed; c++) {
    const cgap_gap_method method = r->recipe[c].method;
    const double factor = r->recipe[c].factor;
    cgap_head *head = NULL;
    status = method == CGAP_WHITEN || method == CGAP_CCA
               ? cgap_gap_method_fit_moments(&head, method, factor, moments, error)
               : cgap_gap_method_fit_rows(&head, method, factor, &f->every, error);
    if (status == CGAP_OK)
      status = score(r, k, c, head, threads, error);
    if (method == CGAP_CENTER)
      f->start[CGAP_START_CENTER] = head;
    else
      cgap_head_close(head);
  }
  cgap_moments_close(moments);
  return status;
}

cgap_status cgap_choosing_score_methods(cgap_choosing *r, cgap_error *error)
{
  return run_jobs(r, score_methods, r->folds, error);
}

/* ---------------------------------------------------------------- heads */

static const cgap_head *start_of(const cgap_choice_fold *f, const cgap_train_options *o)
{
  return o->head == CGAP_HEAD_RESIDUAL && !o->shared ? f->start[o->start] : NULL;
}

static size_t epochs_of(const cgap_choosing *r, const cgap_split_rows *training)
{
  const cgap_train_options *o = &r->options.training;
  const size_t size = o->batch == CGAP_BATCH_AUTO ? CGAP_BATCH_AUTO_SIZE : o->batch;
  const size_t steps = size == 0 || size >= training->positives.texts ? 1 : training->positives.texts / size;
  const size_t epochs = STEPS / steps;
  if (r->options.fixed & CGAP_FIX_EPOCHS)
    return cgap_train_epochs(o, steps);
  return epochs < EPOCHS_MIN ? EPOCHS_MIN : epochs > EPOCHS_MAX ? EPOCHS_MAX : epochs;
}

/* Trains a trial up to epoch `last` at most. inner: chooses the epoch; empty: the last is kept. One that diverges has
 * the head of its last good epoch. */
static cgap_status train(cgap_choosing *r, cgap_training_result *out, size_t t, const cgap_split_rows *training,
                         const cgap_split_rows *inner, const cgap_head *start, size_t last, int threads,
                         cgap_error *error)
{
  cgap_train_options o = r->trial[t].options;
  cgap_trainer *trainer = cgap_zalloc(1, sizeof *trainer);
  *out = (cgap_training_result){0};
  if (!trainer)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  o.epochs = epochs_of(r, training);
  o.steps = 0;
  o.patience = inner->positives.count && o.patience ? o.epochs : 0;
  o.batch = o.batch != CGAP_BATCH_AUTO && o.batch > training->positives.texts ? 0 : o.batch; /* all */
  o.threads = threads;
  o.progress = (cgap_progress){.tick = tick_job, .context = r};
  cgap_status status = cgap_train_check_batch(&o, training, error);
  if (status == CGAP_OK)
    status = cgap_trainer_init(trainer, training, inner, &o, start, error);
  if (status == CGAP_OK)
    status = cgap_trainer_broadcast(trainer, error);
  if (status == CGAP_OK)
    status = cgap_training_note_start(out, trainer, error);
  while (status == CGAP_OK && !cgap_trainer_done(trainer) && trainer->state.epoch < last) {
    cgap_epoch record;
    status = cgap_trainer_epoch(trainer, &record, error);
    if (status == CGAP_OK)
      status = cgap_history_add(&out->history, &record, error);
  }
  if (status == CGAP_OK || (status == CGAP_USAGE && out->start_head))
    status = cgap_training_take_head(out, trainer, r->data, error);
  cgap_trainer_clear(trainer);
  cgap_free(trainer);
  return status;
}

static cgap_status copy_history(cgap_history *out, const cgap_history *from, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  cgap_history_clear(out);
  for (size_t k = 0; status == CGAP_OK && k < from->count; k++)
    status = cgap_history_add(out, &from->epoch[k], error);
  return status;
}

/* The candidates of one trial in one fold. */
static cgap_status score_trial(cgap_choosing *r, size_t f, size_t t, const cgap_training_result *trained, int threads,
                               cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (size_t c = 0; status == CGAP_OK && c < r->out->count; c++) {
    cgap_head *blend = NULL;
    if (r->recipe[c].training != (int)t)
      continue;
    if (r->recipe[c].blend < 1)
      status = cgap_head_blend(&blend, trained->start_head, trained->head, r->recipe[c].blend, error);
    if (status == CGAP_OK)
      status = score(r, f, c, blend ? blend : trained->head, threads, error);
    cgap_head_close(blend);
  }
  return status;
}

static cgap_status race(cgap_choosing *r, size_t t, int threads, cgap_error *error)
{
  const cgap_choice_fold *f = &r->fold[0];
  cgap_training_result trained;
  const size_t epochs = epochs_of(r, &f->training);
  cgap_status status = train(r, &trained, t, &f->training, &f->inner, start_of(f, &r->trial[t].options),
                             (epochs + RACE - 1) / RACE, threads, error);
  if (status == CGAP_OK)
    status = score_trial(r, 0, t, &trained, threads, error);
  if (status == CGAP_OK)
    status = copy_history(&r->log[t][0], &trained.history, error);
  cgap_training_result_clear(&trained);
  return status;
}

static cgap_status finish(cgap_choosing *r, size_t f, size_t t, int threads, cgap_error *error)
{
  const cgap_choice_fold *o = &r->fold[f];
  cgap_training_result trained;
  cgap_status status =
    train(r, &trained, t, &o->training, &o->inner, start_of(o, &r->trial[t].options), SIZE_MAX, threads, error);
  if (status == CGAP_OK)
    status = score_trial(r, f, t, &trained, threads, error);
  if (status == CGAP_OK)
    status = copy_history(&r->log[t][f], &trained.history, error);
  r->epoch[t][f] = trained.kept_epoch;
  if (r->folds == 1)
    r->kept[t] = trained;
  else
    cgap_training_result_clear(&trained);
  return status;
}

static size_t racing(const cgap_choosing *r, size_t k)
{
  size_t t = 0;
  while (!r->trial[t].races || k-- > 0)
    t++;
  return t;
}

static cgap_status finish_first(cgap_choosing *r, size_t k, int threads, cgap_error *error)
{
  return finish(r, 0, racing(r, k), threads, error);
}

static cgap_status finish_others(cgap_choosing *r, size_t k, int threads, cgap_error *error)
{
  return finish(r, 1 + k % (r->folds - 1), racing(r, k / (r->folds - 1)), threads, error);
}

/* The better of a trial's candidates, in the first fold. */
static double first_score(const cgap_choosing *r, size_t t)
{
  double best = -INFINITY;
  for (size_t c = 0; c < r->out->count; c++)
    if (r->recipe[c].training == (int)t)
      best = fmax(best, cgap_choosing_mean(r->score[c], r->fold[0].images));
  return best;
}

/* The best `stay` of those that race go on. Returns how many. */
static size_t leave_race(cgap_choosing *r, size_t stay)
{
  size_t going = 0;
  double mean[CGAP_TRIALS_MAX];
  for (size_t t = 0; t < r->trials; t++)
    mean[t] = r->trial[t].races ? first_score(r, t) : -INFINITY;
  for (size_t t = 0; t < r->trials; t++) {
    size_t better = 0;
    for (size_t i = 0; i < r->trials; i++)
      better += mean[i] > mean[t] || (i < t && mean[i] == mean[t]);
    r->trial[t].races = r->trial[t].races && better < stay;
    going += r->trial[t].races;
  }
  return going;
}

cgap_status cgap_choosing_race_heads(cgap_choosing *r, cgap_error *error)
{
  size_t going = r->trials;
  cgap_status status = run_jobs(r, race, going, error);
  if (status == CGAP_OK)
    status = agree(r, error);
  if (status == CGAP_OK) {
    going = leave_race(r, (going + 1) / 2);
    status = run_jobs(r, finish_first, going, error);
  }
  if (status == CGAP_OK)
    status = agree(r, error);
  if (status != CGAP_OK || r->folds == 1)
    return status;
  going = leave_race(r, FINALISTS);
  status = run_jobs(r, finish_others, going * (r->folds - 1), error);
  return status == CGAP_OK ? agree(r, error) : status;
}

/* ---------------------------------------------------------------- the chosen one */

static cgap_status fit_original(cgap_choosing *r, cgap_training_result *out, cgap_error *error)
{
  const cgap_head_shape shape = {.kind = CGAP_HEAD_RESIDUAL, .dim_in = r->data->dim, .dim = r->data->dim};
  out->head = cgap_head_new(&shape, "{\"method\": \"original\"}");
  return out->head ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for the head");
}

/* On the training part, or where there are folds on the validation part too. most_images: at most so many; 0: all. */
static cgap_status fit_again(cgap_choosing *r, cgap_training_result *out, cgap_recipe what, size_t most_images,
                             cgap_error *error)
{
  cgap_split_rows_options every = rows_options(r, EVERY), heads = rows_options(r, HEADS);
  const cgap_split_rows nothing = {0};
  cgap_split both = {.of_image = cgap_alloc(r->e->image.rows, 1)};
  cgap_split_rows rows = {0}, training = {0};
  cgap_moments *moments = NULL;
  cgap_head *start = NULL;
  const double begun = cgap_clock_seconds();
  if (most_images)
    every.most_images = heads.most_images = most_images;
  cgap_status status = both.of_image ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for the choice");
  if (status == CGAP_OK) {
    memcpy(both.of_image, r->data->split.of_image, r->e->image.rows);
    if (r->folds > 1)
      merge_parts(&both, r->e->image.rows, CGAP_VALIDATION, CGAP_TRAINING);
    status = cgap_split_rows_init(&rows, r->e, &both, CGAP_TRAINING, &every, error);
  }
  const cgap_gap_method method = what.closed ? what.method : CGAP_CENTER;
  const double factor = what.closed ? what.factor : 1;
  const cgap_train_options *o = what.training >= 0 ? &r->trial[what.training].options : NULL;
  if (status == CGAP_OK && what.closed)
    status = cgap_gap_method_fit_rows(&out->head, method, factor, &rows, error);
  if (status == CGAP_OK && o && o->start == CGAP_START_WHITEN)
    status = cgap_moments_open(&moments, &rows, false, error);
  if (status == CGAP_OK && moments)
    status = cgap_whitened_start(&start, moments, error);
  if (status == CGAP_OK && o)
    status = cgap_split_rows_init(&training, r->e, &both, CGAP_TRAINING, &heads, error);
  if (status == CGAP_OK && o) {
    double epochs = 0;
    for (size_t f = 0; f < r->folds; f++)
      epochs += (double)r->epoch[what.training][f] / (double)r->folds;
    status =
      train(r, out, (size_t)what.training, &training, &nothing, start, (size_t)llround(epochs), r->threads, error);
  }
  if (status == CGAP_OK && !o)
    out->seconds = cgap_clock_seconds() - begun;
  cgap_head_close(start);
  cgap_moments_close(moments);
  cgap_split_rows_clear(&training);
  cgap_split_rows_clear(&rows);
  cgap_split_clear(&both);
  return status;
}

/* As trained, or blended with its start. */
static cgap_status blend_result(cgap_training_result *out, double alpha, cgap_error *error)
{
  cgap_head *blend = NULL;
  if (alpha >= 1)
    return CGAP_OK;
  const cgap_status status = cgap_head_blend(&blend, out->start_head, out->head, alpha, error);
  if (status != CGAP_OK)
    return status;
  cgap_head_close(out->head);
  out->head = blend;
  return CGAP_OK;
}

static cgap_status fit_recipe(cgap_choosing *r, cgap_training_result *out, cgap_recipe what, size_t most_images,
                              cgap_error *error)
{
  const cgap_status status =
    what.training < 0 && !what.closed ? fit_original(r, out, error) : fit_again(r, out, what, most_images, error);
  return status == CGAP_OK ? blend_result(out, what.blend, error) : status;
}

/* Seconds for a million rows, of applying the head alone. */
static cgap_status time_head(cgap_choosing *r, const cgap_head *head, cgap_error *error)
{
  enum { ROWS = 4096 };
  static const double AT_LEAST = 0.02;
  const size_t dim = r->data->dim;
  float *in = cgap_zalloc(ROWS, dim * sizeof *in), *out = cgap_alloc(ROWS, head->layers.shape.dim * sizeof *out);
  cgap_status status = in && out ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for the choice");
  const double begun = cgap_clock_seconds();
  double taken = 0, rows = 0;
  for (size_t i = 0; status == CGAP_OK && i < ROWS; i++)
    in[i * dim + i % dim] = 1;
  while (status == CGAP_OK && taken < AT_LEAST) {
    status = cgap_head_transform(head, CGAP_IMAGE_MODALITY, in, ROWS, out, r->threads, error);
    taken = cgap_clock_seconds() - begun;
    rows += ROWS;
  }
  r->out->seconds_per_million_rows = 1e6 * taken / rows;
  cgap_free(in);
  cgap_free(out);
  return status;
}

/* Which rows it was fitted on: where there are folds, those of the validation part too. */
static cgap_status note_rows(const cgap_choosing *r, cgap_head *head, cgap_error *error)
{
  const cgap_training_data *d = r->data;
  const size_t images = r->e->image.rows;
  if (r->folds == 1)
    return cgap_training_data_note(head, d, error);
  int64_t *split = cgap_alloc(d->file_images, sizeof *split);
  uint64_t *hash = cgap_alloc(images, sizeof *hash);
  size_t count = 0;
  cgap_status status = split && hash ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for the head");
  for (size_t i = 0; status == CGAP_OK && i < d->file_images; i++)
    split[i] = d->split_of_row[i] == CGAP_VALIDATION ? CGAP_TRAINING : d->split_of_row[i];
  for (size_t i = 0; status == CGAP_OK && i < images; i++)
    if (d->split.of_image[i] != CGAP_TEST)
      hash[count++] = d->split.hash[i];
  if (status == CGAP_OK)
    head->names = d->names;
  if (status == CGAP_OK)
    status = cgap_head_note_training(head, split, d->file_images, hash, count, error);
  cgap_free(split);
  cgap_free(hash);
  return status;
}

cgap_status cgap_choosing_fit(cgap_choosing *r, cgap_error *error)
{
  const cgap_recipe what = r->recipe[r->out->chosen];
  cgap_training_result *out = &r->out->result;
  cgap_status status = CGAP_OK;
  if (what.training >= 0 && r->folds == 1) {
    *out = r->kept[what.training];
    r->kept[what.training] = (cgap_training_result){0};
    status = blend_result(out, what.blend, error);
  } else {
    status = fit_recipe(r, out, what, 0, error);
  }
  if (status == CGAP_OK)
    status = time_head(r, out->head, error);
  if (status == CGAP_OK && !cgap_head_name(out->head, r->out->candidate[r->out->chosen].name))
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for the head");
  return status == CGAP_OK ? note_rows(r, out->head, error) : status;
}

cgap_status cgap_choosing_learn(cgap_choosing *r, cgap_error *error)
{
  static const size_t PARTS[CGAP_LEARNING] = {4, 2, 1};
  cgap_choice *o = r->out;
  const cgap_split *split = &r->data->split;
  const size_t both = split->images[CGAP_TRAINING] + (r->folds > 1 ? split->images[CGAP_VALIDATION] : 0);
  const size_t most = r->options.training.training_images, all = most && most < both ? most : both;
  const cgap_split_rows_options scored = rows_options(r, SCORED);
  cgap_validation_classes classes = {0};
  cgap_split_rows test;
  cgap_status status = cgap_split_rows_init(&test, r->e, split, CGAP_TEST, &scored, error);
  if (status == CGAP_OK && o->goal == CGAP_GOAL_ZERO_SHOT)
    status = cgap_validation_classes_init(&classes, r->e, split, &test, ~0U, error);
  for (size_t k = 0; status == CGAP_OK && k < CGAP_LEARNING; k++) {
    cgap_training_result part = {0};
    cgap_validation_score s = {0};
    o->curve[k] = (cgap_learning){.images = all / PARTS[k], .score = NAN, .standard_error = NAN};
    if (PARTS[k] > 1)
      status = fit_recipe(r, &part, r->recipe[o->chosen], cgap_greater(all / PARTS[k], 1), error);
    if (status == CGAP_DATA) { /* too few to fit anything on */
      status = CGAP_OK;
      continue;
    }
    if (status == CGAP_OK)
      status = score_rows(r, &s, &test, &classes, part.head ? part.head : o->result.head, r->threads, error);
    if (status == CGAP_OK) {
      double *zeros = cgap_zalloc(s.images, sizeof *zeros);
      status = zeros ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for the learning curve");
      if (zeros)
        o->curve[k].score = cgap_paired_mean(&o->curve[k].standard_error, values_of(r, &s), zeros, s.images);
      cgap_free(zeros);
    }
    cgap_validation_score_clear(&s);
    cgap_training_result_clear(&part);
  }
  cgap_split_rows_clear(&test);
  cgap_validation_classes_clear(&classes);
  return status;
}

/* The candidate of a trial as it was trained. */
static size_t candidate_of(const cgap_choosing *r, size_t t)
{
  size_t c = 0;
  while (r->recipe[c].training != (int)t || r->recipe[c].blend < 1)
    c++;
  return c;
}

/* Every training by the order of the grid, then of the folds. */
cgap_status cgap_choosing_note_trained(cgap_choosing *r, cgap_error *error)
{
  cgap_choice *o = r->out;
  o->trained = cgap_zalloc(CGAP_TRIALS_MAX * FOLDS + 1, sizeof *o->trained);
  if (!o->trained)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the choice");
  for (size_t t = 0; t < r->trials; t++)
    for (size_t f = 0; f < r->folds; f++)
      if (r->log[t][f].count) {
        cgap_trained_candidate *one = &o->trained[o->trained_count++];
        memcpy(one->name, o->candidate[candidate_of(r, t)].name, sizeof one->name);
        one->fold = f + 1;
        one->history = r->log[t][f];
        r->log[t][f] = (cgap_history){0};
      }
  if (!o->result.history.count || r->folds == 1)
    return CGAP_OK;
  cgap_trained_candidate *last = &o->trained[o->trained_count++];
  memcpy(last->name, o->candidate[o->chosen].name, sizeof last->name);
  return copy_history(&last->history, &o->result.history, error);
}

void cgap_choosing_clear(cgap_choosing *r)
{
  for (size_t f = 0; f < FOLDS; f++)
    clear_fold(&r->fold[f]);
  for (size_t t = 0; t < CGAP_TRIALS_MAX; t++)
    cgap_training_result_clear(&r->kept[t]);
  for (size_t t = 0; t < CGAP_TRIALS_MAX; t++)
    for (size_t f = 0; f < FOLDS; f++)
      cgap_history_clear(&r->log[t][f]);
  for (size_t c = 0; c < CGAP_CANDIDATES_MAX; c++) {
    cgap_free(r->score[c]);
    cgap_free(r->mrr[c]);
  }
  cgap_free(r);
}
