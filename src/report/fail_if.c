/* Thresholds, as "gap.centroid_distance>0.5": of an audit, and of the differences of a comparison. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/fields.h"
#include "base/output_file.h"
#include "report/comparison_show.h"

/* longer signs first: "<=" also starts with "<" */
static const struct {
  const char *sign;
  cgap_relation relation;
} signs[] = {{"<=", CGAP_LESS_EQUAL}, {">=", CGAP_GREATER_EQUAL}, {"<", CGAP_LESS}, {">", CGAP_GREATER}};

enum { SIGNS = sizeof signs / sizeof *signs };

static cgap_status parse_bound(cgap_threshold *out, const char *number, cgap_error *error)
{
  char *rest;
  out->bound = strtod(number, &rest);
  bool any = rest != number;
  rest += strspn(rest, " \t");
  if (!any || *rest || !isfinite(out->bound))
    return cgap_fail(error, CGAP_USAGE, "a number must follow the sign, as in gap.centroid_distance>0.5");
  return CGAP_OK;
}

cgap_status cgap_threshold_parse(cgap_threshold *out, const char *text, cgap_error *error)
{
  *out = (cgap_threshold){.text = text};
  const char *start = text + strspn(text, " \t");
  size_t length = strcspn(start, "<>");
  size_t s = 0;
  while (s < SIGNS && strncmp(start + length, signs[s].sign, strlen(signs[s].sign)) != 0)
    s++;
  if (s == SIGNS)
    return cgap_fail(error, CGAP_USAGE, "needs KEY, one of < <= > >=, and a number, as in gap.centroid_distance>0.5");
  const char *number = start + length + strlen(signs[s].sign);
  while (length && isspace((unsigned char)start[length - 1]))
    length--;
  if (length >= sizeof out->key)
    length = sizeof out->key - 1;
  memcpy(out->key, start, length);
  out->relation = signs[s].relation;
  if (!cgap_key_exists(out->key)) {
    const char *near = cgap_key_suggestion(out->key);
    if (near)
      return cgap_fail(error, CGAP_USAGE, "no measure %s; did you mean %s?", out->key, near);
    return cgap_fail(error, CGAP_USAGE, "no measure '%s'; report.json names them, as gap.centroid_distance", out->key);
  }
  return parse_bound(out, number, error);
}

bool cgap_threshold_crosses(const cgap_threshold *t, double value)
{
  switch (t->relation) {
  case CGAP_LESS:
    return value < t->bound;
  case CGAP_LESS_EQUAL:
    return value <= t->bound;
  case CGAP_GREATER:
    return value > t->bound;
  case CGAP_GREATER_EQUAL:
    return value >= t->bound;
  }
  return false;
}

cgap_status cgap_threshold_check(const cgap_threshold *t, const cgap_audit *audit, cgap_error *error)
{
  *error = (cgap_error){0};
  const cgap_key_value found = cgap_key_find(audit, t->key);
  if (!found.present)
    return cgap_fail(error, CGAP_DATA, "%s is not in this report", t->key);
  if (!isfinite(found.value))
    return cgap_fail(error, CGAP_DATA, "%s is null (%s)", t->key, found.why ? found.why : "not defined for these data");
  if (!cgap_threshold_crosses(t, found.value))
    return CGAP_OK;
  return cgap_fail(error, CGAP_CROSSED, "%s is %.6g", t->key, found.value);
}

json_t *cgap_threshold_json(const cgap_threshold *t, double value)
{
  return json_pack("{s:o, s:o, s:o}", "test", cgap_json_string(t->text), "value", cgap_number_json(value), "crossed",
                   isfinite(value) ? json_boolean(cgap_threshold_crosses(t, value)) : json_null());
}

json_t *cgap_thresholds_json(const cgap_threshold *thresholds, size_t count, const cgap_audit *audit)
{
  json_t *out = json_array();
  for (size_t i = 0; out && i < count; i++) {
    const cgap_key_value found = cgap_key_find(audit, thresholds[i].key);
    if (json_array_append_new(out, cgap_threshold_json(&thresholds[i], found.present ? found.value : NAN)) != 0) {
      json_decref(out);
      return NULL;
    }
  }
  return out;
}

/* ---------------------------------------------------------------- of a comparison */

cgap_status cgap_comparison_check(const cgap_comparison *c, size_t k, const cgap_threshold *t, cgap_error *error)
{
  const cgap_change *d = cgap_comparison_change_of(c, k, t->key);
  const char *first = c->input[0].name, *other = c->input[k].name;
  *error = (cgap_error){0};
  if (!d)
    return cgap_fail(error, CGAP_DATA, "%s is not in these reports", t->key);
  if (d->other == CGAP_OTHER_N)
    return cgap_fail(error, CGAP_DATA, "%s depends on the number of rows, which differs between %s and %s", t->key,
                     first, other);
  if (!isfinite(d->difference))
    return cgap_fail(error, CGAP_DATA, "%s is not known in both %s and %s", t->key, first, other);
  if (!cgap_threshold_crosses(t, d->difference))
    return CGAP_OK;
  return cgap_fail(error, CGAP_CROSSED, "the difference of %s from %s to %s is %.6g", t->key, first, other,
                   d->difference);
}

json_t *cgap_comparison_thresholds_json(const cgap_comparison *c, const cgap_threshold *thresholds, size_t count)
{
  json_t *out = json_array();
  for (size_t i = 0; out && i < count; i++)
    for (size_t k = 1; k < c->count; k++) {
      const cgap_change *d = cgap_comparison_change_of(c, k, thresholds[i].key);
      json_t *one = cgap_threshold_json(&thresholds[i], d ? d->difference : NAN);
      if (!one || json_object_set_new(one, "input", cgap_json_string(c->input[k].name)) != 0 ||
          json_array_append_new(out, one) != 0) {
        json_decref(out);
        return NULL;
      }
    }
  return out;
}
