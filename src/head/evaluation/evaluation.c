#include "head/evaluation/evaluation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "head/evaluation/paired.h"

static cgap_status measure_entrant(cgap_evaluation *s, size_t k, const cgap_test_set *test,
                                   const cgap_evaluated_head *entrant, const cgap_evaluation_options *o,
                                   cgap_error *error)
{
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  cgap_transformed through = {.data = test->data};
  cgap_audit *audit = &s->audit[k];
  options.threads = o->threads;
  options.memory_bytes = o->memory_bytes;
  options.progress = o->progress;
  options.contributions = true;
  cgap_status status = CGAP_OK;
  if (entrant->head)
    status = cgap_transformed_init(&through, &test->data, entrant->head, o->spill, o->threads, error);
  if (status == CGAP_OK)
    status = cgap_audit_run(audit, &through.data, &options, error);
  if (status == CGAP_OK)
    status = cgap_comparison_audit(&s->comparison, k, entrant->name, audit, error);
  if (status == CGAP_OK)
    cgap_test_set_map_rows(audit, test);
  s->comparison.input[k].seconds = entrant->seconds;
  s->comparison.input[k].trained = entrant->trained;
  cgap_transformed_clear(&through);
  return status;
}

static cgap_status run_all(cgap_evaluation *s, const cgap_test_set *test, const cgap_evaluated_head *entrants,
                           const cgap_evaluation_options *options, cgap_error *error)
{
  cgap_comparison *c = &s->comparison;
  cgap_status status = CGAP_OK;
  for (size_t k = 0; status == CGAP_OK && k < s->count; k++) {
    status = measure_entrant(s, k, test, &entrants[k], options, error);
    if (status != CGAP_OK || k == 0)
      continue;
    cgap_comparison_differences(c, k);
    c->input[k].rows = CGAP_ROWS_SAME;
    c->input[k].rows_why = "the same test part";
    if (cgap_paired_possible(&s->audit[0], &s->audit[k]))
      status = cgap_paired_differences(c, k, &s->audit[0], &s->audit[k], error);
  }
  for (size_t k = 1; status == CGAP_OK && k < s->count; k++)
    if (entrants[k].start && cgap_paired_possible(&s->audit[entrants[k].start], &s->audit[k])) {
      const cgap_change moved = cgap_paired_distance(&s->audit[entrants[k].start], &s->audit[k]);
      cgap_comparison_set_start(c, k, entrants[k].start, &moved);
    }
  if (status == CGAP_OK)
    cgap_comparison_name_intervals(c);
  return status;
}

cgap_status cgap_evaluation_run(cgap_evaluation *out, const cgap_test_set *test, const cgap_evaluated_head *entrants,
                                size_t count, const cgap_evaluation_options *options, cgap_error *error)
{
  *out = (cgap_evaluation){.count = count, .audit = calloc(count, sizeof *out->audit)};
  if (!out->audit)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  cgap_status status = cgap_comparison_init(&out->comparison, count, error);
  if (status == CGAP_OK)
    status = run_all(out, test, entrants, options, error);
  if (status != CGAP_OK)
    cgap_evaluation_clear(out);
  return status;
}

void cgap_evaluation_clear(cgap_evaluation *s)
{
  for (size_t k = 0; s->audit && k < s->count; k++)
    cgap_audit_clear(&s->audit[k]);
  free(s->audit);
  cgap_comparison_clear(&s->comparison);
  *s = (cgap_evaluation){0};
}
