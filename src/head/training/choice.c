#include "head/training/choice.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "base/language.h"
#include "base/memory.h"
#include "base/modality_names.h"
#include "base/threads.h"
#include "head/training/choice_fit.h"
#include "head/training/train_options.h"

const char *const cgap_goal_names[CGAP_GOALS + 1] = {"mixed", "retrieval", "zero-shot", NULL};

enum { LEVEL_IMAGES = 2000 };        /* that the level of the original embeddings is measured on */
static const double GAP_LEFT = 0.3;  /* of the corrected distance before, at most */
static const double MRR_LOST = 0.02; /* of the cross-modal mrr, at most, beside one standard error */
static const double BLEND = 0.5;     /* of a head with its start */

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
_Static_assert(sizeof GRID / sizeof *GRID <= CGAP_TRIALS_MAX, "a trial for each line of the grid");
_Static_assert(1 + CLOSED_COUNT + 2 * CGAP_TRIALS_MAX <= CGAP_CANDIDATES_MAX, "room for every candidate");

static void name_candidate(cgap_candidate *c, const cgap_recipe *r, const cgap_trial *t)
{
  static const char *const STARTS[] = {"the identity", "center", "whiten"};
  const size_t size = sizeof c->name;
  if (!r->closed && r->training < 0) {
    c->method = "original";
    snprintf(c->name, size, "original");
  } else if (r->closed) {
    const cgap_gap_method method = r->method;
    c->method = cgap_gap_method_name(method);
    if (method == CGAP_WHITEN || method == CGAP_CCA)
      snprintf(c->name, size, "%s, shrinkage %g", c->method, r->factor);
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
static bool add_trial(cgap_choosing *r, size_t k)
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
  r->trial[r->trials++] = (cgap_trial){.options = o, .races = true};
  return true;
}

static void add_candidate(cgap_choosing *r, cgap_recipe what)
{
  cgap_choice *c = r->out;
  r->recipe[c->count] = what;
  name_candidate(&c->candidate[c->count++], &what, r->trial);
}

static cgap_status list_candidates(cgap_choosing *r, cgap_error *error)
{
  r->out->candidate = cgap_zalloc(CGAP_CANDIDATES_MAX, sizeof *r->out->candidate);
  if (!r->out->candidate)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the choice");
  for (size_t k = 0; k < sizeof GRID / sizeof *GRID; k++)
    (void)add_trial(r, k);
  add_candidate(r, (cgap_recipe){.training = -1, .blend = 1});
  for (size_t k = 0; k < CLOSED_COUNT; k++)
    add_candidate(
      r, (cgap_recipe){
           .closed = true, .method = CLOSED[k].method, .factor = CLOSED[k].factor, .training = -1, .blend = 1});
  for (int k = 0; k < (int)r->trials; k++) {
    if (r->trial[k].options.head == CGAP_HEAD_RESIDUAL)
      add_candidate(r, (cgap_recipe){.training = k, .blend = BLEND});
    add_candidate(r, (cgap_recipe){.training = k, .blend = 1});
  }
  return CGAP_OK;
}

/* ---------------------------------------------------------------- the original embeddings */

/* The level of the gap on the training and validation part, or so many of their images. */
static cgap_status measure_level(cgap_choosing *r, cgap_error *error)
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

static bool left_race(const cgap_choosing *r, size_t c)
{
  return r->recipe[c].training >= 0 && !r->trial[r->recipe[c].training].races;
}

/* Squares are averaged before the root is taken: that of a small fold alone is cut at 0 half of the time. */
static double distance_of(const cgap_choosing *r, size_t c, size_t folds)
{
  const double square = cgap_choosing_mean(r->square[c], folds);
  return isnan(square) ? NAN : sqrt(fmax(0, square));
}

/* What sampling alone leaves of a distance: of the images that score, and with folds of those that were fitted on. */
static double floor_of(const cgap_choosing *r, size_t c, size_t folds)
{
  const double n = (double)folds, noise = cgap_choosing_mean(r->noise[c], folds);
  return sqrt(folds > 1 ? noise * (1 / n + 1 / (n - 1)) : noise);
}

/* Notes the means of every candidate, and which of them the rules leave out. */
static void judge_each(cgap_choosing *r)
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
    a->mean = cgap_choosing_mean(r->score[c], images);
    a->corrected_distance = distance_of(r, c, folds);
    a->noise_floor = floor_of(r, c, folds);
    const bool open = gap && a->corrected_distance > fmax(o->guard, a->noise_floor);
    a->out = left                               ? N_("left the race in the first fold")
             : mixed && lost > MRR_LOST + error ? N_("finds fewer partners in the other modality")
             : open                             ? N_("leaves the gap open")
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
static void choose(cgap_choosing *r)
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

void cgap_choice_reason(char *out, size_t size, const cgap_choice *o, const cgap_modality_names *names)
{
  const cgap_candidate *a = &o->candidate[o->chosen], *best = &o->candidate[o->best];
  if (nothing_to_close(o))
    (void)cgap_modality_printf(out, size, names,
                               "the embeddings have no gap beyond noise, so there is nothing to close");
  else if (o->still_open)
    (void)cgap_modality_printf(
      out, size, names,
      "no candidate closes the gap to %.3f without losing search in the other modality; this one leaves the "
      "least, %.3f",
      o->guard, a->corrected_distance);
  else if (o->chosen == o->best)
    (void)cgap_modality_printf(
      out, size, names, "it has the best score, %.3f, and none that is simpler is within one standard error of it",
      a->mean);
  else
    (void)cgap_modality_printf(
      out, size, names, "it is the simplest whose score, %.3f, is within one standard error of the best, %.3f (%s)",
      a->mean, best->mean, best->name);
}

/* ---------------------------------------------------------------- all of it */

cgap_status cgap_choice_run(cgap_choice *out, const cgap_training_data *data, const cgap_choice_options *options,
                            cgap_error *error)
{
  cgap_choosing *r = cgap_zalloc(1, sizeof *r);
  const double begun = cgap_clock_seconds();
  *out = (cgap_choice){.goal = options->goal};
  if (!r)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the choice");
  *r = (cgap_choosing){.out = out, .data = data, .e = &data->rows->e, .options = *options};
  r->threads = options->training.threads > 0 ? options->training.threads : omp_get_max_threads();
  cgap_status status = list_candidates(r, error);
  if (status == CGAP_OK)
    status = measure_level(r, error);
  if (status == CGAP_OK)
    status = cgap_choosing_open_folds(r, error);
  if (status == CGAP_OK)
    status = cgap_choosing_score_methods(r, error);
  if (status == CGAP_OK)
    status = cgap_choosing_race_heads(r, error);
  if (status == CGAP_OK) {
    choose(r);
    cgap_choice_reason(out->reason, sizeof out->reason, out, NULL);
    status = cgap_choosing_fit(r, error);
  }
  if (status == CGAP_OK)
    status = cgap_choosing_note_trained(r, error);
  out->seconds_fit = out->result.seconds;
  if (status == CGAP_OK)
    status = cgap_choosing_learn(r, error);
  out->seconds = cgap_clock_seconds() - begun;
  cgap_choosing_clear(r);
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

void cgap_choice_fingerprint(char out[CGAP_FINGERPRINT], uint64_t data, const cgap_train_options *options,
                             size_t dim_in, unsigned fixed, cgap_goal goal)
{
  const uint64_t asked = goal == CGAP_GOAL_AUTO ? 0 : (uint64_t)goal + 1, axes = 16 * (uint64_t)fixed;
  snprintf(out, CGAP_FINGERPRINT, "%016llx-%016llx", (unsigned long long)data,
           (unsigned long long)(cgap_options_hash(options, dim_in) ^ (axes + asked)));
}
