#include "report/gate.h"

#include <fnmatch.h>
#include <math.h>
#include <string.h>

#include "head/evaluation/changes.h"
#include "head/evaluation/ranking.h"

/* ---------------------------------------------------------------- worse */

static bool has_value(const cgap_compared *in, size_t e)
{
  return in->present[e] && !in->scalar[e].why && isfinite(in->scalar[e].value);
}

static bool has_interval(const cgap_scalar *s)
{
  return isfinite(s->lo) && isfinite(s->hi);
}

/* Why a measure of the first input cannot be compared with input k's; NULL: it can, or compare has no interval for such
 * differences. */
static const char *untested_why(const cgap_comparison *c, size_t k, size_t e)
{
  const cgap_change *d = &c->change[k * c->entries + e];
  const bool of_first = has_interval(&c->input[0].scalar[e]), of_other = has_interval(&c->input[k].scalar[e]);
  if (!c->input[k].present[e])
    return "is not in";
  if (!has_value(&c->input[k], e))
    return "is null in";
  if (d->other == CGAP_OTHER_N)
    return "depends on the number of rows, which differs in";
  if (d->same || d->other == CGAP_OTHER_D)
    return NULL;
  return of_first == of_other ? NULL : of_first ? "has no interval in" : "has an interval only in";
}

static bool append_key(json_t *outcome, const char *list, size_t e)
{
  return !outcome || json_array_append_new(json_object_get(outcome, list), cgap_json_string(cgap_entry_key(e))) == 0;
}

/* word (entries) of the measures that have a better direction, as compare has them, NULL of others. Corrected, those
 * that are better or worse by their own interval alone are unclear. */
static cgap_status fill_words(const char **word, const cgap_compared_pair *pair, cgap_error *error)
{
  const cgap_comparison *c = pair->comparison;
  const cgap_change *change = c->change + pair->k * c->entries;
  double p[c->entries], holm[c->entries];
  size_t entry[c->entries], tests = 0;
  for (size_t e = 0; e < c->entries; e++) {
    word[e] =
      cgap_entry_better(e) == CGAP_NEITHER ? NULL : cgap_change_word(&change[e], cgap_comparison_better(c, pair->k, e));
    const bool tested =
      word[e] && (strcmp(word[e], "better") == 0 || strcmp(word[e], "worse") == 0 || strcmp(word[e], "unclear") == 0);
    if (tested) {
      p[tests] = cgap_change_p(&change[e]);
      entry[tests++] = e;
    }
  }
  if (!pair->corrected || tests == 0)
    return CGAP_OK;
  const cgap_status status = cgap_holm(holm, p, tests, error);
  for (size_t t = 0; status == CGAP_OK && t < tests; t++)
    if (!(holm[t] < 0.05))
      word[entry[t]] = "unclear";
  return status;
}

static cgap_status fail_worse(const cgap_comparison *c, size_t k, size_t first, size_t count, cgap_error *error)
{
  char more[40] = "";
  if (count > 1)
    snprintf(more, sizeof more, ", and %zu more", count - 1);
  return cgap_fail(error, CGAP_CROSSED, "%s is significantly worse in %s than in %s (%.6g, before %.6g)%s",
                   cgap_entry_key(first), c->input[k].name, c->input[0].name, c->input[k].scalar[first].value,
                   c->input[0].scalar[first].value, more);
}

static cgap_status fail_untested(const cgap_comparison *c, size_t k, size_t first, size_t count, cgap_error *error)
{
  char more[40] = "";
  if (count > 1)
    snprintf(more, sizeof more, ", and so with %zu more", count - 1);
  return cgap_fail(error, CGAP_DATA, "%s %s %s%s (compared with %s)", cgap_entry_key(first), untested_why(c, k, first),
                   c->input[k].name, more, c->input[0].name);
}

cgap_status cgap_worse_check(const cgap_compared_pair *pair, json_t *outcome, cgap_error *error)
{
  const cgap_comparison *c = pair->comparison;
  const size_t k = pair->k;
  const char *word[c->entries];
  const cgap_status status = fill_words(word, pair, error);
  if (status != CGAP_OK)
    return status;
  size_t measures = 0, worse = 0, untested = 0, intervals = 0, differ = 0, first_worse = 0, first_untested = 0;
  bool ok = !outcome || (json_object_set_new(outcome, "worse", json_array()) == 0 &&
                         json_object_set_new(outcome, "untested", json_array()) == 0);
  for (size_t e = 0; ok && e < c->entries; e++) {
    const cgap_change *d = &c->change[k * c->entries + e];
    if (cgap_entry_better(e) == CGAP_NEITHER || !has_value(&c->input[0], e))
      continue;
    measures++;
    intervals += isfinite(d->lo);
    differ += !d->same && d->difference != 0;
    if (strcmp(word[e], "worse") == 0) {
      first_worse = worse++ ? first_worse : e;
      ok = append_key(outcome, "worse", e);
    } else if (untested_why(c, k, e)) {
      first_untested = untested++ ? first_untested : e;
      ok = append_key(outcome, "untested", e);
    }
  }
  const bool none = measures == 0 || (intervals == 0 && differ > 0), testable = worse || (!untested && !none);
  if (ok && outcome)
    ok = json_object_set_new(outcome, "value", testable ? json_integer((json_int_t)worse) : json_null()) == 0 &&
         json_object_set_new(outcome, "crossed", testable ? json_boolean(worse > 0) : json_null()) == 0;
  if (!ok)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  if (worse)
    return fail_worse(c, k, first_worse, worse, error);
  if (untested)
    return fail_untested(c, k, first_untested, untested, error);
  if (measures == 0)
    return cgap_fail(error, CGAP_DATA, "%s has no value of a measure with a better direction", c->input[0].name);
  if (none)
    return cgap_fail(error, CGAP_DATA, "no difference between %s and %s has an interval", c->input[0].name,
                     c->input[k].name);
  return CGAP_OK;
}

/* A line per measure of which the word is said. */
static size_t print_changes(const cgap_compared_pair *pair, const char *const *words, const char *word,
                            const cgap_paper *paper, FILE *out)
{
  const cgap_comparison *c = pair->comparison;
  const size_t k = pair->k;
  size_t count = 0;
  for (size_t e = 0; e < c->entries; e++) {
    const cgap_change *d = &c->change[k * c->entries + e];
    char title[CGAP_TITLE_SIZE], from[40], to[40], difference[40], interval[100], line[400];
    if (!words[e] || strcmp(words[e], word) != 0)
      continue;
    const int decimals = e < cgap_field_count() ? cgap_field_at(e)->decimals : 4;
    cgap_entry_title(title, e, &c->names);
    cgap_value_show(from, c->input[0].scalar[e].value, decimals);
    cgap_value_show(to, c->input[k].scalar[e].value, decimals);
    cgap_value_show(difference, d->difference, decimals);
    cgap_interval_show(interval, d->lo, d->hi, decimals, " [%s, %s]");
    snprintf(line, sizeof line, "%s %s, before %s (%s%s%s)", title, to, from, d->difference > 0 ? "+" : "", difference,
             interval);
    cgap_text_wrap(out, paper->columns, strcmp(word, "worse") ? "  better: " : "  worse: ", line, 4);
    count++;
  }
  return count;
}

cgap_status cgap_worse_print(const cgap_compared_pair *pair, const cgap_paper *paper, FILE *out, cgap_error *error)
{
  const cgap_comparison *c = pair->comparison;
  const char *words[c->entries];
  const cgap_status status = fill_words(words, pair, error);
  if (status != CGAP_OK)
    return status;
  fprintf(out, "\n%sAgainst %s%s\n", paper->colour ? "\033[1m" : "", c->input[0].name, paper->colour ? "\033[0m" : "");
  const size_t worse = print_changes(pair, words, "worse", paper, out),
               better = print_changes(pair, words, "better", paper, out);
  if (worse + better == 0)
    fputs("  no measure is significantly better or worse\n", out);
  char intervals[CGAP_INTERVALS];
  cgap_comparison_intervals(intervals, c, &c->names);
  cgap_text_wrap(out, paper->columns, "  intervals ", intervals, 2);
  if (pair->corrected)
    cgap_text_wrap(out, paper->columns, "  ",
                   "better and worse: after Holm's correction for all measures, so that another sample of the same "
                   "model is called worse in at most 5 % of all cases",
                   2);
  return CGAP_OK;
}

/* ---------------------------------------------------------------- keys */

/* The unit by the pattern of a key; the first that fits. Cosines, distances and their squares have none. */
static const char *unit_of(const char *key)
{
  static const char *const UNITS[][2] = {{"arithmetic.score", "percent"},
                                         {"*rank", "rank"},
                                         {"pca.*ratio", "directions"},
                                         {"pca.*rank*", "directions"},
                                         {"pca.*.components_90", "directions"},
                                         {"*recall_at_*", "fraction"},
                                         {"*share*", "fraction"},
                                         {"*top_*", "fraction"},
                                         {"*mean_per_class", "fraction"},
                                         {"*separability*", "fraction"},
                                         {"loss.temperature", "-"},
                                         {"loss.*", "nats"},
                                         {"uniformity.*", "log"},
                                         {"*.count", "count"}};
  for (size_t i = 0; i < sizeof UNITS / sizeof *UNITS; i++)
    if (fnmatch(UNITS[i][0], key, 0) == 0)
      return UNITS[i][1];
  return "-";
}

static const char *needs_of(unsigned needs)
{
  return needs & CGAP_HAS_CSLS          ? "with --csls"
         : needs & CGAP_HAS_ARITHMETIC  ? "with arithmetic"
         : needs & CGAP_HAS_ZERO_SHOT   ? "with labels and class texts"
         : needs & CGAP_HAS_HUBS_WITHIN ? "with one modality, or two widths"
         : needs & CGAP_HAS_PAIRS       ? "with pairs"
         : needs & CGAP_ONE_SPACE       ? "with two modalities of one width"
         : needs & CGAP_HAS_TEXT        ? "with two modalities"
                                        : "always";
}

static unsigned needs_at(size_t entry)
{
  return entry < cgap_field_count() ? cgap_field_at(entry)->needs : cgap_number_at(entry - cgap_field_count())->needs;
}

/* A training measures no csls, and has two modalities of one width; a sweep keeps the fields of its runs. */
static bool is_measured(size_t entry, cgap_keys_of of)
{
  const bool trains = of == CGAP_KEYS_OF_TRAINING || of == CGAP_KEYS_OF_SWEEP;
  return !(trains && needs_at(entry) & (CGAP_HAS_CSLS | CGAP_HAS_HUBS_WITHIN)) &&
         (of != CGAP_KEYS_OF_SWEEP || entry < cgap_field_count());
}

static bool is_known(size_t entry, const cgap_audit *audit, const cgap_comparison *c)
{
  const cgap_key_value found =
    audit ? cgap_key_find(audit, cgap_entry_key(entry)) : (cgap_key_value){.present = true, .value = 0};
  bool known = found.present && isfinite(found.value);
  for (size_t k = 1; c && k < c->count; k++)
    known = known && isfinite(c->change[k * c->entries + entry].difference);
  return known;
}

static cgap_status put_key(json_t *list, const char *prefix, size_t entry, cgap_keys_of of,
                           const cgap_modality_names *names, FILE *out, cgap_error *error)
{
  static const char *const BETTER[] = {[CGAP_NEITHER] = "-", [CGAP_LOWER] = "lower", [CGAP_HIGHER] = "higher"};
  char key[140], title[CGAP_TITLE_SIZE];
  const char *name = cgap_entry_key(entry), *better = BETTER[cgap_entry_better(entry)], *unit = unit_of(name);
  snprintf(key, sizeof key, "%s%s", prefix, name);
  cgap_entry_title(title, entry, names);
  const bool difference = of == CGAP_KEYS_OF_DIFFERENCE || strcmp(prefix, "diff:") == 0;
  if (!list) {
    fprintf(out, "%-*s  %s%s; unit %s; better %s; %s\n", of == CGAP_KEYS_OF_TRAINING ? 46 : 40, key,
            difference ? "difference of " : "", title, unit, better, needs_of(needs_at(entry)));
    return CGAP_OK;
  }
  json_t *one = json_pack("{s:s, s:s, s:s, s:s, s:s}", "key", key, "name", title, "unit", unit, "better", better,
                          "present", needs_of(needs_at(entry)));
  return json_array_append_new(list, one) == 0 ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory");
}

cgap_status cgap_keys_print(cgap_keys_of of, const cgap_audit *audit, const cgap_comparison *comparison, bool json,
                            FILE *out, cgap_error *error)
{
  static const char *const PREFIXES[] = {"", "before:", "diff:"};
  const cgap_modality_names *names = audit ? &audit->names : comparison ? &comparison->names : NULL;
  json_t *list = json ? json_array() : NULL;
  cgap_status status = json && !list ? cgap_fail(error, CGAP_RESOURCE, "out of memory") : CGAP_OK;
  const size_t entries = cgap_field_count() + cgap_number_count(), prefixes = of == CGAP_KEYS_OF_TRAINING ? 3 : 1;
  for (size_t p = 0; p < prefixes; p++)
    for (size_t e = 0; status == CGAP_OK && e < entries; e++)
      if (is_measured(e, of) && is_known(e, audit, comparison))
        status = put_key(list, PREFIXES[p], e, of, names, out, error);
  if (status == CGAP_OK && list)
    status = cgap_json_print(list, out, error);
  json_decref(list);
  return status;
}
