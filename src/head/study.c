#include "head/study.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "head/resample.h"
#include "memory.h"

void cgap_comparison_pair(cgap_comparison *c, size_t k, const double *first, const double *other, size_t draws)
{
  for (size_t e = 0; e < c->entries; e++)
    c->change[k * c->entries + e].lo = c->change[k * c->entries + e].hi = NAN;
  for (size_t key = 0; key < cgap_resampled_key_count; key++) {
    const size_t e = cgap_entry_find(cgap_resampled_keys[key]);
    if (e == SIZE_MAX)
      continue;
    cgap_change *d = &c->change[k * c->entries + e];
    cgap_resampled_interval(first, other, draws, key, d->difference, &d->lo, &d->hi);
  }
  c->intervals = "bootstrap over the images of the test part";
}

/* What is measured of one entrant: its data, its audit, its drawings. */
typedef struct work {
  const cgap_subset *test;
  const cgap_study_options *options;
  cgap_drawing drawing;
  double *values[2]; /* (draws, keys) of the first, of the one at work */
} work;

static cgap_status draw(double *values, const cgap_data *data, const cgap_audit *audit, const work *w,
                        cgap_error *error)
{
  cgap_judged sample;
  cgap_status status = cgap_sample_init(&sample, data, audit, w->options->threads, error);
  if (status == CGAP_OK)
    status = cgap_resample(values, &sample, &w->drawing, audit->loss.temperature, w->options->threads, error);
  cgap_sample_clear(&sample);
  return status;
}

static cgap_status measure(cgap_study *s, size_t k, const cgap_entrant *entrant, work *w, cgap_error *error)
{
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  cgap_transformed through = {.data = w->test->data};
  cgap_audit *audit = &s->audit[k];
  options.threads = w->options->threads;
  options.memory_bytes = w->options->memory_bytes;
  options.progress = w->options->progress;
  cgap_status status = CGAP_OK;
  if (entrant->head)
    status =
      cgap_transformed_init(&through, &w->test->data, entrant->head, w->options->spill, w->options->threads, error);
  if (status == CGAP_OK) /* rows as the test part counts them, for the drawings */
    status = cgap_audit_run(audit, &through.data, &options, error);
  if (status == CGAP_OK && (k == 0 || entrant->interval))
    status = draw(w->values[k > 0], &through.data, audit, w, error);
  if (status == CGAP_OK)
    status = cgap_comparison_audit(&s->comparison, k, entrant->name, audit, error);
  if (status == CGAP_OK)
    cgap_subset_map(audit, w->test);
  s->comparison.input[k].seconds = entrant->seconds;
  cgap_transformed_clear(&through);
  return status;
}

static cgap_status run_all(cgap_study *s, const cgap_entrant *entrants, work *w, cgap_error *error)
{
  cgap_comparison *c = &s->comparison;
  cgap_status status = CGAP_OK;
  for (size_t k = 0; status == CGAP_OK && k < s->count; k++) {
    status = measure(s, k, &entrants[k], w, error);
    if (status != CGAP_OK || k == 0)
      continue;
    cgap_comparison_differences(c, k);
    if (entrants[k].interval)
      cgap_comparison_pair(c, k, w->values[0], w->values[1], w->drawing.draws);
  }
  return status;
}

cgap_status cgap_study_run(cgap_study *out, const cgap_subset *test, const cgap_entrant *entrants, size_t count,
                           const cgap_study_options *options, cgap_error *error)
{
  work w = {.test = test, .options = options};
  *out = (cgap_study){.count = count, .audit = calloc(count, sizeof *out->audit)};
  if (!out->audit)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  cgap_status status = cgap_comparison_init(&out->comparison, count, error);
  if (status == CGAP_OK)
    status = cgap_drawing_init(&w.drawing, test->data.image.rows, options->seed, error);
  w.drawing.progress = options->progress;
  for (int k = 0; status == CGAP_OK && k < 2; k++)
    if (!(w.values[k] = cgap_alloc(w.drawing.draws * cgap_resampled_key_count, sizeof(double))))
      status = cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu drawings", w.drawing.draws);
  if (status == CGAP_OK)
    status = run_all(out, entrants, &w, error);
  cgap_free(w.values[0]);
  cgap_free(w.values[1]);
  cgap_drawing_clear(&w.drawing);
  if (status != CGAP_OK)
    cgap_study_clear(out);
  return status;
}

void cgap_study_clear(cgap_study *s)
{
  for (size_t k = 0; s->audit && k < s->count; k++)
    cgap_audit_clear(&s->audit[k]);
  free(s->audit);
  cgap_comparison_clear(&s->comparison);
  *s = (cgap_study){0};
}
