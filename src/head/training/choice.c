#include "head/training/choice.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/threads.h"
#include "comm/comm.h"
#include "head/training/train_options.h"
#include "head/training/validation_score.h"

const char *const cgap_goal_names[CGAP_GOALS + 1] = {"mixed", "retrieval", "zero-shot", NULL};

enum {
  FOLDS = 5,
  VALIDATION_MIN = 400, /* images, below which there are folds */
  STEPS = 400,          /* of a training: so many epochs as have them, … */
  EPOCHS_MIN = 10,      /* … within these */
  EPOCHS_MAX = 30,
  RACE = 4,           /* the first part of a training, after which the better half goes on … */
  FINALISTS = 2,      /* … of which so many are trained in further folds */
  LEVEL_IMAGES = 2000 /* that the level of the original embeddings is measured on */
};
static const double INNER_SHARE = 0.1; /* of a fold's images: they choose the epoch */
static const double GAP_LEFT = 0.3;    /* of the corrected distance before, at most */
static const double MRR_LOST = 0.02;   /* of the cross-modal mrr, at most, beside one standard error */
static const double BLEND = 0.5;       /* of a head with its start */

/* ---------------------------------------------------------------- candidates */

/* Methods with their strengths, from the simplest. */
static const struct {
  cgap_gap_method method;
  double factor;
} CLOSED[] = {{CGAP_CENTER, 1},   {CGAP_SHIFT, 1},  {CGAP_PROCRUSTES, 1}, {CGAP_WHITEN, 16},
              {CGAP_WHITEN, 8},   {CGAP_WHITEN, 4}, {CGAP_WHITEN, 2},     {CGAP_WHITEN, 1},
              {CGAP_WHITEN, 0.5}, {CGAP_CCA, 2},    {CGAP_CCA, 0.5}};
enum { CLOSED_COUNT = sizeof CLOSED / sizeof *CLOSED };

/* A temperature of 0.1 lets L_Uniform and L_Align have their say, of which 0.01 leaves little; the start is closed
 * already, by the means or by whitening. */
static const struct {
  cgap_head_kind head;
  cgap_start start;
  double temperature, rate;
} GRID[] = {{CGAP_HEAD_RESIDUAL, CGAP_START_WHITEN, 0.1, 3e-4},  {CGAP_HEAD_RESIDUAL, CGAP_START_WHITEN, 0.1, 1e-3},
            {CGAP_HEAD_RESIDUAL, CGAP_START_CENTER, 0.1, 3e-4},  {CGAP_HEAD_RESIDUAL, CGAP_START_CENTER, 0.1, 1e-3},
            {CGAP_HEAD_RESIDUAL, CGAP_START_WHITEN, 0.05, 3e-4}, {CGAP_HEAD_LINEAR, CGAP_START_IDENTITY, 0.1, 1e-3}};
enum { GRID_COUNT = sizeof GRID / sizeof *GRID, CANDIDATES_MAX = 1 + CLOSED_COUNT + 2 * GRID_COUNT };

/* What a candidate is: CLOSED[closed], or trial `training` blended with its start; both −1: the original embeddings. */
typedef struct recipe {
  int closed, training;
  double blend; /* 1: the head as trained */
} recipe;

/* One training of the grid. */
typedef struct trial {
  cgap_train_options options;
  bool races; /* still */
} trial;

/* A fold: what candidates are fitted on, and the images that score them. */
typedef struct fold {
  cgap_split split;
  cgap_split_rows every;                   /* all rows that methods are fitted on, equal ones too */
  cgap_validation_classes classes;         /* of those scored, for zero-shot */
  cgap_split_rows training, inner, scored; /* of heads; inner chooses their epoch */
  cgap_head *start[CGAP_STARTS];           /* that heads start from; NULL: what options say */
  size_t first, images;                    /* its place among the images scored */
} fold;

typedef struct run {
  cgap_choice *out;
  const cgap_training_data *data;
  const cgap_embeddings *e;
  cgap_choice_options options;
  int threads;
  recipe recipe[CANDIDATES_MAX];
  trial trial[GRID_COUNT];
  size_t trials, folds;
  fold fold[FOLDS];
  size_t epoch[GRID_COUNT][FOLDS];       /* kept */
  cgap_training_result kept[GRID_COUNT]; /* of one fold alone: what may be chosen */
  cgap_history log[GRID_COUNT][FOLDS];   /* of the longest training in each fold */
  size_t images;
  double *score[CANDIDATES_MAX], *mrr[CANDIDATES_MAX];                /* (images) */
  double square[CANDIDATES_MAX][FOLDS], noise[CANDIDATES_MAX][FOLDS]; /* corrected distance, noise floor, squared */
  bool stop;                                                          /* the user asks for it */
  size_t jobs_done, jobs;
} run;

static void name_candidate(cgap_candidate *c, const recipe *r, const trial *t)
{
  static const char *const STARTS[] = {"the identity", "center", "whiten"};
  const size_t size = sizeof c->name;
  if (r->closed < 0 && r->training < 0) {
    c->method = "original";
    snprintf(c->name, size, "original");
  } else if (r->closed >= 0) {
    const cgap_gap_method method = CLOSED[r->closed].method;
    c->method = cgap_gap_method_name(method);
    if (method == CGAP_WHITEN || method == CGAP_CCA)
      snprintf(c->name, size, "%s, shrinkage %g", c->method, CLOSED[r->closed].factor);
    else
      snprintf(c->name, size, "%s", c->method);
  } else {
    const cgap_train_options *o = &t[r->training].options;
    char from[40] = "";
    c->method = cgap_head_kind_name(o->head);
    if (o->head != CGAP_HEAD_LINEAR)
      snprintf(from, sizeof from, " from %s", STARTS[o->start]);
    snprintf(c->name, size, "%s%s, temperature %g, rate %g%s", c->method, from, o->temperature, cgap_train_rate(o),
             r->blend < 1 ? ", half" : "");
  }
}

static bool same_trial(const cgap_train_options *a, const cgap_train_options *b)
{
  return a->head == b->head && a->start == b->start && a->temperature == b->temperature &&
         a->learning_rate == b->learning_rate;
}

/* A line of the grid, but for what the user fixed; false: the fixed ones make another line of it that is there, or
 * nothing that can be. */
static bool add_trial(run *r, size_t k)
{
  const unsigned fixed = r->options.fixed;
  cgap_train_options o = r->options.training;
  if (!(fixed & CGAP_FIX_HEAD))
    o.head = GRID[k].head;
  else if (o.head != GRID[k].head && (o.head != CGAP_HEAD_MLP || GRID[k].start == CGAP_START_WHITEN))
    return false;
  if (o.head == CGAP_HEAD_LINEAR)
    o.start = CGAP_START_IDENTITY;
  else if (!(fixed & CGAP_FIX_START))
    o.start = o.shared ? CGAP_START_CENTER : GRID[k].start;
  if (!(fixed & CGAP_FIX_TEMPERATURE))
    o.temperature = GRID[k].temperature;
  if (!(fixed & CGAP_FIX_RATE))
    o.learning_rate = GRID[k].rate;
  o.progress = (cgap_progress){0};
  if (cgap_train_check(&o, r->data->dim, NULL) != CGAP_OK)
    return false;
  for (size_t i = 0; i < r->trials; i++)
    if (same_trial(&r->trial[i].options, &o))
      return false;
  r->trial[r->trials++] = (trial){.options = o, .races = true};
  return true;
}

static void add_candidate(run *r, recipe what)
{
  cgap_choice *c = r->out;
  r->recipe[c->count] = what;
  name_candidate(&c->candidate[c->count++], &what, r->trial);
}

static cgap_status list_candidates(run *r, cgap_error *error)
{
  r->out->candidate = cgap_zalloc(CANDIDATES_MAX, sizeof *r->out->candidate);
  if (!r->out->candidate)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the choice");
  for (size_t k = 0; k < GRID_COUNT; k++)
    (void)add_trial(r, k);
  add_candidate(r, (recipe){-1, -1, 1});
  for (int k = 0; k < (int)CLOSED_COUNT; k++)
    add_candidate(r, (recipe){k, -1, 1});
  for (int k = 0; k < (int)r->trials; k++) {
    if (r->trial[k].options.head == CGAP_HEAD_RESIDUAL)
      add_candidate(r, (recipe){-1, k, BLEND});
    add_candidate(r, (recipe){-1, k, 1});
  }
  return CGAP_OK;
}

/* ---------------------------------------------------------------- jobs */

typedef cgap_status job(run *r, size_t k, int threads, cgap_error *error);

/* Fits and scores are independent: each job gets its share of the threads. One after the other where ranks meet in
 * every step, and where rows stay in files, which one reader may read. The failure of the first job that failed. */
static cgap_status run_jobs(run *r, job *one, size_t count, cgap_error *error)
{
  enum { JOBS_MAX = GRID_COUNT * FOLDS };
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
  run *r = context;
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

static cgap_status score_rows(const run *r, cgap_validation_score *out, const cgap_split_rows *rows,
                              const cgap_validation_classes *classes, const cgap_head *head, int threads,
                              cgap_error *error)
{
  return r->options.goal == CGAP_GOAL_ZERO_SHOT
           ? cgap_validation_zero_shot_init(out, rows, classes, head, threads, error)
           : cgap_validation_score_init(out, rows, head, threads, error);
}

static const double *values_of(const run *r, const cgap_validation_score *s)
{
  return r->options.goal == CGAP_GOAL_RETRIEVAL ? s->mrr : s->score;
}

/* Candidate c in one fold; head NULL: the rows as they are. */
static cgap_status score(run *r, size_t f, size_t c, const cgap_head *head, int threads, cgap_error *error)
{
  cgap_validation_score s;
  const fold *o = &r->fold[f];
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

static double mean_of(const double *v, size_t count)
{
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += v[i];
  return sum / (double)count;
}

/* What ranks computed may differ in the last bits: all take those of rank 0. */
static cgap_status agree(run *r, cgap_error *error)
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
static bool leaves_classes(const run *r)
{
  return r->options.goal == CGAP_GOAL_ZERO_SHOT;
}

/* EVERY: what methods are fitted on, equal rows too, but for class texts, which all images of a class share. SCORED: as
 * many of them as a score takes, drawn at random. */
typedef enum row_use { HEADS, EVERY, INNER, SCORED } row_use;

static cgap_split_rows_options rows_options(const run *r, row_use use)
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
static cgap_status group_classes(cgap_split *out, const run *r, cgap_error *error)
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
static cgap_status open_fold(run *r, size_t k, int threads, cgap_error *error)
{
  fold *f = &r->fold[k];
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

static void clear_fold(fold *f)
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

static cgap_status open_folds(run *r, cgap_error *error)
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
  for (size_t c = 0; status == CGAP_OK && c < r->out->count; c++) {
    r->score[c] = cgap_zalloc(r->images, sizeof(double));
    r->mrr[c] = cgap_zalloc(r->images, sizeof(double));
    if (!r->score[c] || !r->mrr[c])
      status = cgap_fail(error, CGAP_RESOURCE, "out of memory for the scores of %zu images", r->images);
  }
  return status;
}

/* The original embeddings and the methods in one fold; leaves there what heads start from. */
static cgap_status score_methods(run *r, size_t k, int threads, cgap_error *error)
{
  fold *f = &r->fold[k];
  cgap_moments *moments = NULL;
  cgap_status status = score(r, k, 0, NULL, threads, error);
  if (status == CGAP_OK)
    status = cgap_moments_open(&moments, &f->every, true, error);
  if (status == CGAP_OK)
    status = cgap_whitened_start(&f->start[CGAP_START_WHITEN], moments, error);
  for (size_t c = 1; status == CGAP_OK && c < r->out->count && r->recipe[c].closed >= 0; c++) {
    const cgap_gap_method method = CLOSED[r->recipe[c].closed].method;
    const double factor = CLOSED[r->recipe[c].closed].factor;
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

/* ---------------------------------------------------------------- heads */

static const cgap_head *start_of(const fold *f, const cgap_train_options *o)
{
  return o->head == CGAP_HEAD_RESIDUAL && !o->shared ? f->start[o->start] : NULL;
}

static size_t epochs_of(const run *r, const cgap_split_rows *training)
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
static cgap_status train(run *r, cgap_training_result *out, size_t t, const cgap_split_rows *training,
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
static cgap_status score_trial(run *r, size_t f, size_t t, const cgap_training_result *trained, int threads,
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

static cgap_status race(run *r, size_t t, int threads, cgap_error *error)
{
  const fold *f = &r->fold[0];
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

static cgap_status finish(run *r, size_t f, size_t t, int threads, cgap_error *error)
{
  const fold *o = &r->fold[f];
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

static size_t racing(const run *r, size_t k)
{
  size_t t = 0;
  while (!r->trial[t].races || k-- > 0)
    t++;
  return t;
}

static cgap_status finish_first(run *r, size_t k, int threads, cgap_error *error)
{
  return finish(r, 0, racing(r, k), threads, error);
}

static cgap_status finish_others(run *r, size_t k, int threads, cgap_error *error)
{
  return finish(r, 1 + k % (r->folds - 1), racing(r, k / (r->folds - 1)), threads, error);
}

/* The candidate of a trial as it was trained. */
static size_t candidate_of(const run *r, size_t t)
{
  size_t c = 0;
  while (r->recipe[c].training != (int)t || r->recipe[c].blend < 1)
    c++;
  return c;
}

/* The better of a trial's candidates, in the first fold. */
static double first_score(const run *r, size_t t)
{
  double best = -INFINITY;
  for (size_t c = 0; c < r->out->count; c++)
    if (r->recipe[c].training == (int)t)
      best = fmax(best, mean_of(r->score[c], r->fold[0].images));
  return best;
}

/* The best `stay` of those that race go on. Returns how many. */
static size_t leave_race(run *r, size_t stay)
{
  size_t going = 0;
  double mean[GRID_COUNT];
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

/* A quarter of every training in the first fold, then the better half whole, then the best of them in all folds. */
static cgap_status race_heads(run *r, cgap_error *error)
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

/* ---------------------------------------------------------------- the original embeddings */

/* The level of the gap on the training and validation part, or so many of their images. */
static cgap_status measure_level(run *r, cgap_error *error)
{
  const size_t images = r->e->image.rows, both = images - r->data->split.images[CGAP_TEST];
  const size_t step = (both + LEVEL_IMAGES - 1) / LEVEL_IMAGES;
  cgap_split part = {.of_image = cgap_alloc(images, 1)};
  cgap_test_set set = {0};
  cgap_audit audit = {0};
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  options.threads = r->threads;
  options.brief = true;
  cgap_status status = part.of_image ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for the choice");
  for (size_t i = 0, seen = 0; status == CGAP_OK && i < images; i++) {
    const bool taken = r->data->split.of_image[i] != CGAP_TEST && seen++ % step == 0;
    part.of_image[i] = taken ? CGAP_TRAINING : CGAP_SPLITS;
    part.texts[CGAP_TRAINING] += taken ? r->e->pairs.first[i + 1] - r->e->pairs.first[i] : 0;
  }
  if (status == CGAP_OK)
    status = cgap_test_set_init(&set, r->e, &part, CGAP_TRAINING, error);
  if (status == CGAP_OK)
    status = cgap_audit_run(&audit, &set.data, &options, error);
  if (status == CGAP_OK)
    r->out->level = cgap_audit_level(&audit);
  cgap_audit_clear(&audit);
  cgap_test_set_clear(&set);
  cgap_split_clear(&part);
  return status;
}

/* ---------------------------------------------------------------- the rule */

static bool left_race(const run *r, size_t c)
{
  return r->recipe[c].training >= 0 && !r->trial[r->recipe[c].training].races;
}

/* Squares are averaged before the root is taken: that of a small fold alone is cut at 0 half of the time. */
static double distance_of(const run *r, size_t c, size_t folds)
{
  const double square = mean_of(r->square[c], folds);
  return isnan(square) ? NAN : sqrt(fmax(0, square));
}

/* What sampling alone leaves of a distance: of the images that score, and with folds of those that were fitted on. */
static double floor_of(const run *r, size_t c, size_t folds)
{
  const double n = (double)folds, noise = mean_of(r->noise[c], folds);
  return sqrt(folds > 1 ? noise * (1 / n + 1 / (n - 1)) : noise);
}

/* Notes the means of every candidate, and which of them the rules leave out. */
static void judge_each(run *r)
{
  cgap_choice *o = r->out;
  const bool mixed = o->goal == CGAP_GOAL_MIXED, gap = mixed && o->level > CGAP_LEVEL_LOW;
  o->images = r->images;
  o->folds = r->folds;
  o->guard = gap ? GAP_LEFT * distance_of(r, 0, r->folds) : INFINITY;
  o->still_open = gap;
  for (size_t c = 0; c < o->count; c++) {
    cgap_candidate *a = &o->candidate[c];
    const bool left = left_race(r, c);
    const size_t folds = left ? 1 : r->folds, images = left ? r->fold[0].images : r->images;
    double error = 0;
    const double lost = cgap_paired_mean(&error, r->mrr[0], r->mrr[c], images);
    a->mean = mean_of(r->score[c], images);
    a->corrected_distance = distance_of(r, c, folds);
    a->noise_floor = floor_of(r, c, folds);
    const bool open = gap && a->corrected_distance > fmax(o->guard, a->noise_floor);
    a->out = left                               ? "left the race in the first fold"
             : mixed && lost > MRR_LOST + error ? "finds fewer partners in the other modality"
             : open                             ? "leaves the gap open"
                                                : NULL;
    o->still_open = o->still_open && a->out;
  }
}

static size_t least_wide(const cgap_choice *o)
{
  size_t best = 0;
  for (size_t c = 1; c < o->count; c++) {
    const char *out = o->candidate[c].out;
    if ((!out || strcmp(out, "leaves the gap open") == 0) &&
        o->candidate[c].corrected_distance < o->candidate[best].corrected_distance)
      best = c;
  }
  return best;
}

static bool nothing_to_close(const cgap_choice *o)
{
  return o->goal == CGAP_GOAL_MIXED && o->level == CGAP_LEVEL_NOISE;
}

/* The simplest candidate that is at most one standard error of the paired difference behind the best. */
static void choose(run *r)
{
  cgap_choice *o = r->out;
  bool any = false;
  judge_each(r);
  for (size_t c = 0; c < o->count; c++)
    if (!o->candidate[c].out && (!any || o->candidate[c].mean > o->candidate[o->best].mean)) {
      o->best = c;
      any = true;
    }
  if (!any)
    o->best = least_wide(o);
  for (size_t c = 0; c < o->count; c++) {
    cgap_candidate *a = &o->candidate[c];
    a->behind = a->standard_error = NAN; /* what left the race was scored in the first fold alone */
    if (!left_race(r, c))
      a->behind = cgap_paired_mean(&a->standard_error, r->score[o->best], r->score[c], r->images);
  }
  o->chosen = o->best;
  for (size_t c = o->best; any && c-- > 0;)
    if (!o->candidate[c].out && o->candidate[c].behind <= o->candidate[c].standard_error)
      o->chosen = c;
  if (nothing_to_close(o))
    o->chosen = 0;
}

static void give_reason(cgap_choice *o)
{
  const cgap_candidate *a = &o->candidate[o->chosen], *best = &o->candidate[o->best];
  if (nothing_to_close(o))
    snprintf(o->reason, sizeof o->reason, "the embeddings have no gap beyond noise, so there is nothing to close");
  else if (o->still_open)
    snprintf(o->reason, sizeof o->reason,
             "no candidate closes the gap to %.3f without losing search in the other modality; this one leaves the "
             "least, %.3f",
             o->guard, a->corrected_distance);
  else if (o->chosen == o->best)
    snprintf(o->reason, sizeof o->reason,
             "it has the best score, %.3f, and none that is simpler is within one standard error of it", a->mean);
  else
    snprintf(o->reason, sizeof o->reason,
             "it is the simplest whose score, %.3f, is within one standard error of the best, %.3f (%s)", a->mean,
             best->mean, best->name);
}

/* ---------------------------------------------------------------- the chosen one */

static cgap_status fit_original(run *r, cgap_training_result *out, cgap_error *error)
{
  const cgap_head_shape shape = {.kind = CGAP_HEAD_RESIDUAL, .dim_in = r->data->dim, .dim = r->data->dim};
  out->head = cgap_head_new(&shape, "{\"method\": \"original\"}");
  return out->head ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for the head");
}

/* On the training part, or where there are folds on the validation part too. most_images: at most so many; 0: all. */
static cgap_status fit_again(run *r, cgap_training_result *out, recipe what, size_t most_images, cgap_error *error)
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
  const cgap_gap_method method = what.closed >= 0 ? CLOSED[what.closed].method : CGAP_CENTER;
  const double factor = what.closed >= 0 ? CLOSED[what.closed].factor : 1;
  const cgap_train_options *o = what.training >= 0 ? &r->trial[what.training].options : NULL;
  if (status == CGAP_OK && what.closed >= 0)
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

/* Seconds for a million rows, of applying the head alone. */
static cgap_status time_head(run *r, const cgap_head *head, cgap_error *error)
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

/* Every training by the order of the grid, then of the folds. */
static cgap_status note_trained(run *r, cgap_error *error)
{
  cgap_choice *o = r->out;
  o->trained = cgap_zalloc(GRID_COUNT * FOLDS + 1, sizeof *o->trained);
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

static cgap_status fit_recipe(run *r, cgap_training_result *out, recipe what, size_t most_images, cgap_error *error)
{
  const cgap_status status =
    what.training < 0 && what.closed < 0 ? fit_original(r, out, error) : fit_again(r, out, what, most_images, error);
  return status == CGAP_OK ? blend_result(out, what.blend, error) : status;
}

/* Which rows it was fitted on: where there are folds, those of the validation part too. */
static cgap_status note_rows(const run *r, cgap_head *head, cgap_error *error)
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
    status = cgap_head_note_training(head, split, d->file_images, hash, count, error);
  cgap_free(split);
  cgap_free(hash);
  return status;
}

static cgap_status fit_chosen(run *r, cgap_error *error)
{
  const recipe what = r->recipe[r->out->chosen];
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

/* The chosen recipe on ¼, ½ and all images, scored on the test part. */
static cgap_status learn(run *r, cgap_error *error)
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

/* ---------------------------------------------------------------- all of it */

static void clear_run(run *r)
{
  for (size_t f = 0; f < FOLDS; f++)
    clear_fold(&r->fold[f]);
  for (size_t t = 0; t < GRID_COUNT; t++)
    cgap_training_result_clear(&r->kept[t]);
  for (size_t t = 0; t < GRID_COUNT; t++)
    for (size_t f = 0; f < FOLDS; f++)
      cgap_history_clear(&r->log[t][f]);
  for (size_t c = 0; c < CANDIDATES_MAX; c++) {
    cgap_free(r->score[c]);
    cgap_free(r->mrr[c]);
  }
  cgap_free(r);
}

cgap_status cgap_choice_run(cgap_choice *out, const cgap_training_data *data, const cgap_choice_options *options,
                            cgap_error *error)
{
  run *r = cgap_zalloc(1, sizeof *r);
  const double begun = cgap_clock_seconds();
  *out = (cgap_choice){.goal = options->goal};
  if (!r)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the choice");
  *r = (run){.out = out, .data = data, .e = &data->rows->e, .options = *options};
  r->threads = options->training.threads > 0 ? options->training.threads : omp_get_max_threads();
  cgap_status status = list_candidates(r, error);
  if (status == CGAP_OK)
    status = measure_level(r, error);
  if (status == CGAP_OK)
    status = open_folds(r, error);
  r->jobs = r->folds + r->trials + (r->trials + 1) / 2 + FINALISTS * (r->folds - 1);
  r->jobs_done = 0;
  if (status == CGAP_OK)
    status = run_jobs(r, score_methods, r->folds, error);
  if (status == CGAP_OK)
    status = race_heads(r, error);
  if (status == CGAP_OK) {
    choose(r);
    give_reason(out);
    status = fit_chosen(r, error);
  }
  if (status == CGAP_OK)
    status = note_trained(r, error);
  out->seconds_fit = out->result.seconds;
  if (status == CGAP_OK)
    status = learn(r, error);
  out->seconds = cgap_clock_seconds() - begun;
  clear_run(r);
  return status;
}

void cgap_choice_clear(cgap_choice *c)
{
  cgap_training_result_clear(&c->result);
  for (size_t k = 0; k < c->trained_count; k++)
    cgap_history_clear(&c->trained[k].history);
  cgap_free(c->trained);
  cgap_free(c->candidate);
  *c = (cgap_choice){0};
}
