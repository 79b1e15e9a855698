/* Thresholds, as "gap.centroid_distance>0.5": of an audit, and of the differences of a comparison. */
#include <ctype.h>
#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/fields.h"
#include "base/output_file.h"
#include "report/comparison_show.h"
#include "report/gate.h"

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

/* ---------------------------------------------------------------- keys */

/* Every key that has a number; NULL past the last. */
static const char *key_at(size_t index)
{
  const size_t fields = cgap_field_count();
  if (index < fields)
    return cgap_field_at(index)->key;
  return index < fields + cgap_number_count() ? cgap_number_at(index - fields)->key : NULL;
}

static bool is_pattern(const char *key)
{
  return strchr(key, '*') != NULL;
}

static bool fits_any(const char *pattern)
{
  const char *key;
  for (size_t i = 0; (key = key_at(i)); i++)
    if (fnmatch(pattern, key, 0) == 0)
      return true;
  return false;
}

/* ---------------------------------------------------------------- parsing */

static const char *parse_tested(cgap_threshold *out, const char *start)
{
  static const char *const PREFIX[] = {[CGAP_TESTED_BEFORE] = "before:", [CGAP_TESTED_DIFFERENCE] = "diff:"};
  for (int k = CGAP_TESTED_BEFORE; k <= CGAP_TESTED_DIFFERENCE; k++)
    if (strncmp(start, PREFIX[k], strlen(PREFIX[k])) == 0) {
      out->of = (cgap_tested)k;
      return start + strlen(PREFIX[k]);
    }
  return start;
}

static cgap_status refuse_key(const char *key, cgap_error *error)
{
  const char *near = cgap_key_suggestion(key);
  if (is_pattern(key))
    return cgap_fail(error, CGAP_USAGE, "no measure fits '%s'; report.json names them, as retrieval.*.recall_at_1",
                     key);
  if (near)
    return cgap_fail(error, CGAP_USAGE, "no measure %s; did you mean %s?", key, near);
  return cgap_fail(error, CGAP_USAGE, "no measure '%s'; report.json names them, as gap.centroid_distance", key);
}

cgap_status cgap_threshold_parse(cgap_threshold *out, const char *text, cgap_error *error)
{
  *out = (cgap_threshold){.text = text};
  if (strcmp(text, "worse") == 0) {
    out->of = CGAP_TESTED_WORSE;
    return CGAP_OK;
  }
  const char *start = parse_tested(out, text + strspn(text, " \t"));
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
  if (is_pattern(out->key) ? !fits_any(out->key) : !cgap_key_exists(out->key))
    return refuse_key(out->key, error);
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

/* ---------------------------------------------------------------- testing */

static bool put_outcome(json_t *outcomes, const cgap_threshold *t, const char *key, double value, const char *label,
                        const char *name)
{
  json_t *out = json_pack("{s:s, s:s*, s:o, s:o}", "test", t->text, "key", is_pattern(t->key) ? key : NULL, "value",
                          cgap_number_json(value), "crossed",
                          isfinite(value) ? json_boolean(cgap_threshold_crosses(t, value)) : json_null());
  const bool labelled = out && (!label || json_object_set_new(out, label, cgap_json_string(name)) == 0);
  if (!labelled)
    json_decref(out);
  return labelled && json_array_append_new(outcomes, out) == 0;
}

/* A key that crosses comes before those that do not, and those before what cannot be tested. */
static bool outweighs(cgap_status a, cgap_status b)
{
  return a != b && (a == CGAP_CROSSED || b == CGAP_DATA);
}

/* pair NULL: what is tested is no comparison. */
static cgap_status run_worse(const cgap_threshold *t, const cgap_compared_pair *pair, json_t *outcomes,
                             const char *label, const char *name, cgap_error *error)
{
  json_t *one = outcomes ? json_pack("{s:s, s:n, s:n}", "test", t->text, "value", "crossed") : NULL;
  if (outcomes && (!one || (label && json_object_set_new(one, label, cgap_json_string(name)) != 0) ||
                   json_array_append_new(outcomes, one) != 0))
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  return pair ? cgap_worse_check(pair, one, error) : cgap_fail(error, CGAP_DATA, "there is nothing to compare with");
}

cgap_status cgap_threshold_run(const cgap_threshold *t, cgap_threshold_tester *tester, const void *of, json_t *outcomes,
                               const char *label, const char *name, cgap_error *error)
{
  cgap_status status = CGAP_DATA;
  bool any = false;
  const char *key;
  if (t->of == CGAP_TESTED_WORSE)
    return run_worse(t, tester == cgap_threshold_of_difference ? of : NULL, outcomes, label, name, error);
  for (size_t i = 0; (key = key_at(i)); i++) {
    double value = NAN;
    cgap_error own = {0};
    if (is_pattern(t->key) ? fnmatch(t->key, key, 0) != 0 : strcmp(t->key, key) != 0)
      continue;
    const cgap_status tested = tester(t, key, of, &value, &own);
    if (outcomes && !put_outcome(outcomes, t, key, value, label, name))
      return cgap_fail(error, CGAP_RESOURCE, "out of memory");
    if (!any || outweighs(tested, status)) {
      status = tested;
      *error = own;
    }
    any = true;
  }
  return status;
}

cgap_status cgap_threshold_of_audit(const cgap_threshold *t, const char *key, const void *of, double *value,
                                    cgap_error *error)
{
  const cgap_key_value found = cgap_key_find(of, key);
  *value = found.present ? found.value : NAN;
  if (!found.present)
    return cgap_fail(error, CGAP_DATA, "%s is not in this report", key);
  if (!isfinite(found.value))
    return cgap_fail(error, CGAP_DATA, "%s is null (%s)", key, found.why ? found.why : "not defined for these data");
  if (!cgap_threshold_crosses(t, found.value))
    return CGAP_OK;
  return cgap_fail(error, CGAP_CROSSED, "%s is %.6g", key, found.value);
}

cgap_status cgap_threshold_check(const cgap_threshold *t, const cgap_audit *audit, cgap_error *error)
{
  return cgap_threshold_run(t, cgap_threshold_of_audit, audit, NULL, NULL, NULL, error);
}

json_t *cgap_thresholds_json(const cgap_threshold *thresholds, size_t count, const cgap_audit *audit)
{
  json_t *out = json_array();
  cgap_error error;
  for (size_t i = 0; out && i < count; i++)
    if (cgap_threshold_run(&thresholds[i], cgap_threshold_of_audit, audit, out, NULL, NULL, &error) == CGAP_RESOURCE) {
      json_decref(out);
      return NULL;
    }
  return out;
}

/* ---------------------------------------------------------------- of a comparison */

cgap_status cgap_threshold_of_difference(const cgap_threshold *t, const char *key, const void *of, double *value,
                                         cgap_error *error)
{
  const cgap_compared_pair *pair = of;
  const cgap_comparison *c = pair->comparison;
  const cgap_change *d = cgap_comparison_change_of(c, pair->k, key);
  const char *first = c->input[0].name, *other = c->input[pair->k].name;
  *value = d ? d->difference : NAN;
  if (!d)
    return cgap_fail(error, CGAP_DATA, "%s is not in these reports", key);
  if (d->other == CGAP_OTHER_N)
    return cgap_fail(error, CGAP_DATA, "%s depends on the number of rows, which differs between %s and %s", key, first,
                     other);
  if (!isfinite(d->difference))
    return cgap_fail(error, CGAP_DATA, "%s is not known in both %s and %s", key, first, other);
  if (!cgap_threshold_crosses(t, d->difference))
    return CGAP_OK;
  return cgap_fail(error, CGAP_CROSSED, "the difference of %s from %s to %s is %.6g", key, first, other, d->difference);
}

cgap_status cgap_comparison_check(const cgap_comparison *c, size_t k, const cgap_threshold *t, cgap_error *error)
{
  const cgap_compared_pair pair = {.comparison = c, .k = k};
  return cgap_threshold_run(t, cgap_threshold_of_difference, &pair, NULL, NULL, NULL, error);
}

json_t *cgap_comparison_thresholds_json(const cgap_comparison *c, const cgap_threshold *thresholds, size_t count)
{
  json_t *out = json_array();
  cgap_error error;
  for (size_t i = 0; out && i < count; i++)
    for (size_t k = 1; k < c->count; k++) {
      const cgap_compared_pair pair = {.comparison = c, .k = k};
      if (cgap_threshold_run(&thresholds[i], cgap_threshold_of_difference, &pair, out, "input", c->input[k].name,
                             &error) == CGAP_RESOURCE) {
        json_decref(out);
        return NULL;
      }
    }
  return out;
}
