/* Comparisons of reports that were written before, and what --fail-if makes of a comparison. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/comparison_show.h"
#include "report/json.h"

cgap_status cgap_comparison_trained(cgap_comparison *c, size_t k, const json_t *input, cgap_error *error)
{
  const char *text = json_string_value(json_object_get(input, "trained_on"));
  c->input[k].trained = cgap_terms_of_text(json_string_value(json_object_get(input, "trained_losses")));
  if (!text)
    return CGAP_OK;
  free(c->input[k].trained_on);
  c->input[k].trained_on = strdup(text);
  return c->input[k].trained_on ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory");
}

static double number_of(const json_t *json)
{
  return json_is_number(json) ? json_number_value(json) : NAN;
}

static cgap_scalar scalar_of(const json_t *json)
{
  if (!json_is_object(json))
    return (cgap_scalar){.value = number_of(json), .lo = NAN, .hi = NAN};
  const json_t *interval = json_object_get(json, "ci95");
  cgap_scalar s = {.value = number_of(json_object_get(json, "value"))};
  s.lo = number_of(json_array_get(interval, 0));
  s.hi = number_of(json_array_get(interval, 1));
  s.n = (uint64_t)json_integer_value(json_object_get(json, "n"));
  const char *method = json_string_value(json_object_get(json, "method"));
  s.method = !method                          ? CGAP_EXACT
             : strcmp(method, "sampled") == 0 ? CGAP_SAMPLED
             : strcmp(method, "bf16") == 0    ? CGAP_BF16
                                              : CGAP_EXACT;
  return s;
}

cgap_status cgap_comparison_report(cgap_comparison *c, size_t k, const char *name, const json_t *report,
                                   cgap_error *error)
{
  cgap_compared *in = &c->input[k];
  bool any = false;
  for (size_t e = 0; e < c->entries; e++) {
    const json_t *found = cgap_json_get(report, cgap_entry_key(e));
    in->present[e] = found != NULL;
    in->scalar[e] = scalar_of(found);
    any = any || (found && e < cgap_field_count());
  }
  in->dim = (uint64_t)json_integer_value(cgap_json_get(report, "input.measured.dim"));
  in->seconds = number_of(cgap_json_get(report, "run.seconds"));
  if (!any)
    return cgap_fail(
      error, CGAP_DATA,
      "%s: no report of contragap (no key such as gap.centroid_distance); give a report.json or a file of embeddings",
      name);
  cgap_status status = cgap_comparison_trained(c, k, json_object_get(report, "input"), error);
  return status == CGAP_OK ? cgap_comparison_set_name(c, k, name, error) : status;
}

cgap_status cgap_comparison_check(const cgap_comparison *c, size_t k, const cgap_threshold *t, cgap_error *error)
{
  const cgap_change *d = cgap_comparison_change_of(c, k, t->key);
  *error = (cgap_error){0};
  if (!d)
    return cgap_fail(error, CGAP_DATA,
                     "--fail-if '%s' cannot be tested: %s is not in these reports; leave it out, or give "
                     "--allow-missing",
                     t->text, t->key);
  const char *first = c->input[0].name, *other = c->input[k].name;
  if (d->other == CGAP_OTHER_N)
    return cgap_fail(error, CGAP_DATA,
                     "--fail-if '%s' cannot be tested: %s depends on the number of rows, which differs between %s and "
                     "%s; leave it out, or give --allow-missing",
                     t->text, t->key, first, other);
  if (!isfinite(d->difference))
    return cgap_fail(error, CGAP_DATA,
                     "--fail-if '%s' cannot be tested: %s is not known in both %s and %s; leave it out, or give "
                     "--allow-missing",
                     t->text, t->key, first, other);
  if (!cgap_threshold_crosses(t, d->difference))
    return CGAP_OK;
  return cgap_fail(error, CGAP_CROSSED,
                   "threshold crossed: the difference of %s from %s to %s is %.6g (--fail-if '%s')", t->key, first,
                   other, d->difference, t->text);
}

json_t *cgap_comparison_thresholds_json(const cgap_comparison *c, const cgap_threshold *thresholds, size_t count)
{
  json_t *out = json_array();
  for (size_t i = 0; out && i < count; i++)
    for (size_t k = 1; k < c->count; k++) {
      const cgap_change *d = cgap_comparison_change_of(c, k, thresholds[i].key);
      json_t *one = cgap_threshold_json(&thresholds[i], d ? d->difference : NAN);
      if (!one || json_object_set_new(one, "input", json_string(c->input[k].name)) != 0 ||
          json_array_append_new(out, one) != 0) {
        json_decref(out);
        return NULL;
      }
    }
  return out;
}
