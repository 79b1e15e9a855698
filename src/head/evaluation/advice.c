/* The advice: what subtracting each modality's mean does to rows that the means do not come from, and the word that
 * follows from it. A fifth of the images, at most SAMPLE_IMAGES, with their texts (unpaired: of the texts likewise)
 * becomes data of its own, which is audited as it is and once more with the means of the other rows subtracted. Both
 * audits run at once, with half of the threads each: small as they are, they lose less than when threads wait for one
 * another; one after the other where there is one thread, or a limit of memory, or little to measure. */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "analysis/fields.h"
#include "analysis/interval.h"
#include "base/memory.h"
#include "base/source.h"
#include "base/threads.h"
#include "head/evaluation/evaluation.h"
#include "rows/row_reader.h"
#include "simd/kernels.h"

enum {
  SAMPLE_IMAGES = 2000,
  IMAGES_AT_ONCE_MIN = 1000, /* of fewer, what two audits touch costs more than it saves */
  ROWS_MIN = 3               /* sampled, and left for the means */
};

/* A modality's part in the trial. */
typedef struct sample {
  size_t *row;   /* (count) of the file, ascending */
  size_t *place; /* (rows measured) its place in the sample, SIZE_MAX: not in it; the images' where pairs are implied */
  size_t count;
  float *unit;    /* (count, dim) */
  float *centred; /* (count, dim) less the mean of the others */
} sample;

/* One of the two audits. */
typedef struct trial_audit {
  cgap_data data;
  cgap_audit_options options;
  cgap_audit result;
  cgap_progress outer; /* the caller's, which goes from `from` to `to` */
  double from, to;
} trial_audit;

typedef struct trial {
  sample image, text;
  uint64_t *text_image; /* (text.count) or NULL */
  trial_audit before, after;
} trial;

/* ---------------------------------------------------------------- the sample */

static bool sample_init(sample *s, size_t rows)
{
  s->place = cgap_alloc(rows, sizeof *s->place);
  for (size_t i = 0; s->place && i < rows; i++)
    s->place[i] = SIZE_MAX;
  return s->place;
}

static void choose_rows(sample *s, size_t rows, int modality)
{
  static const uint64_t STREAM = 0x41445649; /* one for all, so that no advice depends on a seed */
  const size_t fifth = (rows + 2) / 5;
  s->count =
    cgap_choose_rows(s->place, rows, fifth < SAMPLE_IMAGES ? fifth : SAMPLE_IMAGES, STREAM + (uint64_t)modality);
}

static void choose_texts(sample *text, const sample *image, const cgap_audit *a)
{
  for (size_t j = 0; j < a->texts; j++)
    if (image->place[a->image_of[j]] != SIZE_MAX)
      text->place[j] = text->count++;
}

static bool list_rows(sample *s, const size_t *file_row, size_t rows, size_t dim)
{
  size_t elements = 0;
  s->row = cgap_alloc(s->count, sizeof *s->row);
  const bool fits = cgap_product(&elements, s->count, dim);
  s->unit = fits ? cgap_alloc(elements, sizeof *s->unit) : NULL;
  s->centred = fits ? cgap_alloc(elements, sizeof *s->centred) : NULL;
  for (size_t i = 0; s->row && i < rows; i++)
    if (s->place[i] != SIZE_MAX)
      s->row[s->place[i]] = file_row ? file_row[i] : i;
  return s->row && s->unit && s->centred;
}

/* s->centred: every row less the mean of the rows that are not in the sample; false: a row is at that mean. */
static bool subtract_mean(const sample *s, const double *mean, size_t rows, size_t dim, double *others)
{
  const double left = (double)(rows - s->count);
  for (size_t k = 0; k < dim; k++)
    others[k] = mean[k] * (double)rows;
  for (size_t i = 0; i < s->count; i++)
    for (size_t k = 0; k < dim; k++)
      others[k] -= (double)s->unit[i * dim + k];
  for (size_t k = 0; k < dim; k++)
    others[k] /= left;
  bool sound = true;
  for (size_t i = 0; sound && i < s->count; i++) {
    const float *row = s->unit + i * dim;
    float *centred = s->centred + i * dim;
    for (size_t k = 0; k < dim; k++)
      centred[k] = (float)((double)row[k] - others[k]);
    sound = cgap_audit_kernels_here()->square_sum(centred, dim) > 1e-12; /* of unit rows in float32 less is rounding */
  }
  return sound;
}

/* ---------------------------------------------------------------- the trial */

static void trial_clear(trial *t)
{
  sample *const samples[] = {&t->image, &t->text};
  for (int k = 0; k < 2; k++) {
    cgap_free(samples[k]->row);
    if (k == 0 || t->text.place != t->image.place)
      cgap_free(samples[k]->place);
    cgap_free(samples[k]->unit);
    cgap_free(samples[k]->centred);
  }
  cgap_free(t->text_image);
  cgap_audit_clear(&t->before.result);
  cgap_audit_clear(&t->after.result);
}

static bool tick_trial(void *context, const char *phase, double fraction)
{
  const trial_audit *t = context;
  (void)phase; /* of the audit within */
  return t->outer.tick(t->outer.context, "advice", t->from + (t->to - t->from) * fraction);
}

static cgap_status out_of_memory(cgap_error *error)
{
  return cgap_fail(error, CGAP_RESOURCE, "out of memory for the advice; give less --threads, or close other programs");
}

/* Chooses the rows; *enough: whether they, and those left, are enough to measure anything. */
static cgap_status choose_sample(trial *t, const cgap_audit *a, bool *enough, cgap_error *error)
{
  const bool paired = a->has & CGAP_HAS_PAIRS, implied = paired && !a->image_of; /* image i with text i */
  if (!sample_init(&t->image, a->images) || (!implied && !sample_init(&t->text, a->texts)))
    return out_of_memory(error);
  choose_rows(&t->image, a->images, 0);
  if (implied)
    t->text = t->image;
  else if (paired)
    choose_texts(&t->text, &t->image, a);
  else
    choose_rows(&t->text, a->texts, 1);
  *enough = t->image.count >= ROWS_MIN && t->text.count >= ROWS_MIN && a->images - t->image.count >= ROWS_MIN &&
            a->texts - t->text.count >= ROWS_MIN;
  return CGAP_OK;
}

/* Both modalities at once where that is sound: the audit has read them before. threads 0: all */
static cgap_status read_sample(trial *t, const cgap_data *data, const cgap_audit *a, int threads, cgap_error *error)
{
  const cgap_source *texts = a->has & CGAP_TEXT_IS_CLASSES ? &data->class_text : &data->text;
  const bool paired = a->has & CGAP_HAS_PAIRS;
  if (!list_rows(&t->image, a->image_row, a->images, a->dim) || !list_rows(&t->text, a->text_row, a->texts, a->dim) ||
      (paired && !(t->text_image = cgap_alloc(t->text.count, sizeof *t->text_image))))
    return out_of_memory(error);
  for (size_t j = 0; paired && j < a->texts; j++)
    if (t->text.place[j] != SIZE_MAX)
      t->text_image[t->text.place[j]] = t->image.place[a->image_of ? a->image_of[j] : j];
  cgap_status status = CGAP_OK, text_status = CGAP_OK;
  cgap_error text_error;
  const bool at_once = threads != 1 && cgap_source_is_thread_safe(&data->image) && cgap_source_is_thread_safe(texts);
#pragma omp parallel sections num_threads(2) if (at_once)
  {
#pragma omp section
    status = cgap_read_unit_rows(&data->image, t->image.row, t->image.count, t->image.unit, NULL, error);
#pragma omp section
    text_status = cgap_read_unit_rows(texts, t->text.row, t->text.count, t->text.unit, NULL, &text_error);
  }
  if (status == CGAP_OK && text_status != CGAP_OK && error)
    *error = text_error;
  return status == CGAP_OK ? text_status : status;
}

/* Where the audits run at once only the second one, which the calling thread makes, has the caller's progress. */
static void set_audits(trial *t, const cgap_audit *a, const cgap_audit_options *given, bool at_once)
{
  const int all = given->threads ? given->threads : omp_get_num_procs();
  trial_audit *const audits[] = {&t->before, &t->after};
  for (int k = 0; k < 2; k++) {
    const sample *image = &t->image, *text = &t->text;
    trial_audit *one = audits[k];
    *one = (trial_audit){
      .data = {.image = cgap_source_view(k ? image->centred : image->unit, image->count, a->dim, CGAP_FLOAT32, "image"),
               .text = cgap_source_view(k ? text->centred : text->unit, text->count, a->dim, CGAP_FLOAT32, "text"),
               .pairing = t->text_image ? CGAP_BY_INDEX : CGAP_UNPAIRED,
               .text_image = t->text_image},
      .options = cgap_audit_options_default(),
      .outer = given->progress,
      .from = k && !at_once ? 0.5 : 0,
      .to = k ? 1 : 0.5};
    one->options.threads = at_once ? (all + 1) / 2 : all;
    one->options.memory_bytes = given->memory_bytes;
    one->options.contributions = one->options.brief = true;
    if (given->progress.tick && (k || !at_once))
      one->options.progress = (cgap_progress){.tick = tick_trial, .context = one};
  }
}

static cgap_status run_audit(void *audit, cgap_error *error)
{
  trial_audit *t = audit;
  return cgap_audit_run(&t->result, &t->data, &t->options, error);
}

static cgap_status run_audits(trial *t, bool at_once, cgap_error *error)
{
  cgap_background_reader other;
  cgap_error other_error;
  cgap_background_reader_open(&other, at_once ? 2 : 1);
  cgap_background_reader_start(&other, run_audit, &t->before);
  const cgap_status after = run_audit(&t->after, error), before = cgap_background_reader_wait(&other, &other_error);
  cgap_background_reader_close(&other);
  if (after == CGAP_OK && before != CGAP_OK && error)
    *error = other_error;
  return after == CGAP_OK ? before : after;
}

static cgap_scalar mean_of(const cgap_scalar *a, const cgap_scalar *b)
{
  if (!cgap_scalar_known(a) || !cgap_scalar_known(b))
    return cgap_scalar_null("not measured", 0);
  return cgap_scalar_number((a->value + b->value) / 2, a->n + b->n);
}

void cgap_trial_measures(cgap_scalar out[CGAP_TRIAL_MEASURES], const cgap_audit *a)
{
  out[CGAP_TRIAL_DISTANCE] = a->gap.corrected_distance;
  if (!(a->has & CGAP_HAS_PAIRS))
    return;
  out[CGAP_TRIAL_MIXED_NDCG] = mean_of(&a->mixed_image_query.ndcg_at_10, &a->mixed_text_query.ndcg_at_10);
  out[CGAP_TRIAL_RECALL_AT_1] = mean_of(&a->image_to_text.recall_at_1, &a->text_to_image.recall_at_1);
}

static cgap_scalar difference_of(const cgap_change *change, size_t images)
{
  return (cgap_scalar){.value = change->difference, .lo = change->lo, .hi = change->hi, .n = images};
}

cgap_status cgap_trial_differences(cgap_scalar out[CGAP_TRIAL_MEASURES], const cgap_audit *a, const cgap_audit *b,
                                   cgap_error *error)
{
  cgap_change change = cgap_paired_distance(a, b);
  out[CGAP_TRIAL_DISTANCE] = difference_of(&change, a->images);
  if (!cgap_paired_possible(a, b))
    return CGAP_OK;
  cgap_status status = cgap_paired_both(&change, CGAP_BOTH_MIXED_NDCG, a, b, error);
  out[CGAP_TRIAL_MIXED_NDCG] = difference_of(&change, a->images);
  if (status == CGAP_OK)
    status = cgap_paired_both(&change, CGAP_BOTH_RECALL_AT_1, a, b, error);
  out[CGAP_TRIAL_RECALL_AT_1] = difference_of(&change, a->images);
  return status;
}

/* Leaves out->why where there is nothing to measure. */
static cgap_status run_trial(cgap_center_trial *out, const cgap_data *data, const cgap_audit *a,
                             const cgap_audit_options *given, cgap_error *error)
{
  trial t = {0};
  bool enough = false, sound = false;
  double *others = cgap_alloc(a->dim, sizeof *others);
  cgap_status status = others ? choose_sample(&t, a, &enough, error) : out_of_memory(error);
  *out = (cgap_center_trial){.why = "too few rows for a sample and for the means of the others"};
  if (status == CGAP_OK && enough) {
    status = read_sample(&t, data, a, given->threads, error);
    sound = status == CGAP_OK && subtract_mean(&t.image, a->image_mean, a->images, a->dim, others) &&
            subtract_mean(&t.text, a->text_mean, a->texts, a->dim, others);
    out->why = "a row equals the mean of its modality";
  }
  if (sound) {
    *out = (cgap_center_trial){.images = t.image.count, .texts = t.text.count};
    const bool at_once = given->threads != 1 && !given->memory_bytes && t.image.count >= IMAGES_AT_ONCE_MIN;
    set_audits(&t, a, given, at_once);
    status = run_audits(&t, at_once, error);
    out->gap_stays = cgap_level_is_gap(cgap_audit_level(&t.after.result));
    cgap_trial_measures(out->before, &t.before.result);
    cgap_trial_measures(out->after, &t.after.result);
  }
  if (sound && status == CGAP_OK)
    status = cgap_trial_differences(out->difference, &t.before.result, &t.after.result, error);
  trial_clear(&t);
  cgap_free(others);
  return status;
}

/* ---------------------------------------------------------------- the word */

/* Where no remedy is shown to help: nothing is to be done only where no gap is left open, and where a trial on many
 * rows found nothing to gain. */
static cgap_advice_word word_without_remedy(const cgap_audit *a, const cgap_center_trial *t, cgap_level level)
{
  const bool paired = a->has & CGAP_HAS_PAIRS, few = !paired || a->images < CGAP_TRAINING_IMAGES_MIN;
  if (level == CGAP_LEVEL_UNKNOWN || (level == CGAP_LEVEL_NOISE && a->gap.corrected_distance.hi >= CGAP_GAP_LOW))
    return CGAP_ADVICE_MEASURE;
  return cgap_level_is_gap(level) && (t->why || few) ? CGAP_ADVICE_MEASURE : CGAP_ADVICE_NOTHING;
}

/* Comparisons with an end that is NaN are false. */
static cgap_advice_word word_of(const cgap_audit *a, const cgap_center_trial *t)
{
  const bool paired = a->has & CGAP_HAS_PAIRS, worse = t->difference[CGAP_TRIAL_RECALL_AT_1].hi < 0;
  const cgap_level level = cgap_audit_level(a);
  if (paired && (a->pairing_check.verdict != CGAP_PAIRING_MATCHED || a->pairing_check.block_count))
    return CGAP_ADVICE_LOOK;
  if (level <= CGAP_LEVEL_NOISE)
    return cgap_pairs_look_mismatched(a) ? CGAP_ADVICE_LOOK : word_without_remedy(a, t, level);
  if (!t->why && !paired && cgap_level_is_gap(level) && t->difference[CGAP_TRIAL_DISTANCE].hi < 0)
    return CGAP_ADVICE_SUBTRACT;
  if (!t->why && paired && t->difference[CGAP_TRIAL_MIXED_NDCG].lo > 0 && !worse)
    return CGAP_ADVICE_SUBTRACT;
  if (paired && a->images >= CGAP_TRAINING_IMAGES_MIN && cgap_level_is_gap(level) &&
      (t->why || worse || t->gap_stays || level == CGAP_LEVEL_APART)) /* a shift that is gone cannot be subtracted */
    return CGAP_ADVICE_TRAIN;
  return cgap_pairs_look_mismatched(a) ? CGAP_ADVICE_LOOK : word_without_remedy(a, t, level);
}

cgap_status cgap_advice_run(cgap_audit *audit, const cgap_data *given, const char *input,
                            const cgap_audit_options *options, cgap_error *error)
{
  static const char *const CALL = "cgap_advice_run";
  const double start = cgap_clock_seconds();
  cgap_data data;
  cgap_status status = cgap_check_argument(audit && audit->image_mean, CALL, "audit", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(given, CALL, "data", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(options, CALL, "options", error);
  const bool of_gap = status == CGAP_OK && audit->has & CGAP_ONE_SPACE && !(audit->has & CGAP_IS_DRIFT);
  if (of_gap)
    status = cgap_check_data(&data, given, error);
  if (status == CGAP_OK && of_gap)
    status = run_trial(&audit->advice.center, &data, audit, options, error);
  if (status == CGAP_OK)
    snprintf(audit->advice.input, sizeof audit->advice.input, "%s",
             input && strlen(input) < sizeof audit->advice.input ? input : "FILE");
  if (!audit)
    return status;
  audit->advice.seconds = cgap_clock_seconds() - start;
  audit->advice.word = status == CGAP_OK && of_gap ? word_of(audit, &audit->advice.center) : CGAP_ADVICE_NOT_ASKED;
  return status;
}
