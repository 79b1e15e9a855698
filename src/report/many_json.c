/* The report of more than two modalities as JSON, its schema, and thresholds over its pairs. */
#include "report/many_show.h"

#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/output_file.h"
#include "report/gnuplot.h"

/* ---------------------------------------------------------------- words */

const char *const cgap_many_keys[CGAP_MANY_MEASURES] = {
  [CGAP_MANY_CORRECTED_DISTANCE] = "corrected_distance",
  [CGAP_MANY_NOISE_FLOOR] = "noise_floor",
  [CGAP_MANY_LINEAR_SEPARABILITY] = "linear_separability",
  [CGAP_MANY_MMD2] = "mmd2",
  [CGAP_MANY_RECALL_AT_1] = "recall_at_1",
  [CGAP_MANY_MIXED_NDCG_AT_10] = "mixed_ndcg_at_10",
  [CGAP_MANY_MUTUAL_KNN] = "mutual_knn",
  [CGAP_MANY_CKA] = "cka",
};

const char *const cgap_many_titles[CGAP_MANY_MEASURES] = {
  [CGAP_MANY_CORRECTED_DISTANCE] = "Corrected distance",
  [CGAP_MANY_NOISE_FLOOR] = "Noise floor of the distance",
  [CGAP_MANY_LINEAR_SEPARABILITY] = "Linear separability",
  [CGAP_MANY_MMD2] = "Squared MMD",
  [CGAP_MANY_RECALL_AT_1] = "Recall@1, the row searches the column",
  [CGAP_MANY_MIXED_NDCG_AT_10] = "nDCG@10 in one index of both, the row searches",
  [CGAP_MANY_MUTUAL_KNN] = "mutual kNN",
  [CGAP_MANY_CKA] = "Linear CKA",
};

const cgap_modality_names *cgap_many_names(const cgap_many *many)
{
  return &many->pair[0].names;
}

double cgap_many_number(const cgap_many *many, cgap_many_measure measure, size_t a, size_t b)
{
  const cgap_scalar *s = cgap_many_value(many, measure, a, b);
  return s ? cgap_value_or_nan(s) : (double)NAN;
}

void cgap_many_pair_name(char out[CGAP_PAIR_NAME], const cgap_many *many, size_t pair, size_t *a, size_t *b)
{
  for (size_t i = 0; i < many->count; i++)
    for (size_t k = i + 1; k < many->count; k++)
      if (cgap_many_pair(many->count, i, k) == pair) {
        snprintf(out, CGAP_PAIR_NAME, "%s-%s", many->modality[i].name, many->modality[k].name);
        if (a)
          *a = i;
        if (b)
          *b = k;
      }
}

cgap_level cgap_many_sentence(char out[CGAP_SENTENCE], const cgap_many *many, size_t pair)
{
  const cgap_modality_names *names = &many->pair[pair].names;
  char name[CGAP_PAIR_NAME], shown_scale[CGAP_SENTENCE];
  cgap_verdict_words words;
  cgap_many_pair_name(name, many, pair, NULL, NULL);
  cgap_verdict_write(&words, &many->pair[pair]);
  (void)cgap_modality_printf(shown_scale, sizeof shown_scale, names, " (%s)", cgap_tr(names, CGAP_GAP_SCALE));
  const char *first = words.count ? words.sentence[0] : "", *scale = strstr(first, shown_scale);
  out[0] = '\0';
  if (!(many->pair[pair].has & CGAP_ONE_SPACE)) {
    cgap_sentence_say(out, names, "%s: Two widths, %zu and %zu: no distance, no search. %s", name, many->pair[pair].dim,
                      many->pair[pair].text_dim, words.count > 1 ? words.sentence[1] : "");
    return words.level;
  }
  cgap_sentence_say(out, names, "%s: %.*s%s", name, (int)(scale ? scale - first : (ptrdiff_t)strlen(first)), first,
                    scale ? scale + strlen(shown_scale) : "");
  return words.level;
}

void cgap_many_summary(char out[CGAP_SENTENCE], const cgap_many *many)
{
  size_t widest = many->pairs, narrowest = many->pairs;
  char names[2][CGAP_PAIR_NAME];
  out[0] = '\0';
  for (size_t p = 0; p < many->pairs; p++) {
    const cgap_scalar *d = &many->pair[p].gap.corrected_distance;
    if (!(many->pair[p].has & CGAP_ONE_SPACE) || !isfinite(cgap_value_or_nan(d)))
      continue;
    if (widest == many->pairs || d->value > many->pair[widest].gap.corrected_distance.value)
      widest = p;
    if (narrowest == many->pairs || d->value < many->pair[narrowest].gap.corrected_distance.value)
      narrowest = p;
  }
  if (widest == many->pairs)
    return;
  cgap_many_pair_name(names[0], many, widest, NULL, NULL);
  cgap_many_pair_name(names[1], many, narrowest, NULL, NULL);
  if (widest == narrowest)
    cgap_sentence_say(out, cgap_many_names(many), "One pair alone has a common space: %s, corrected distance %.3f.",
                      names[0], many->pair[widest].gap.corrected_distance.value);
  else
    cgap_sentence_say(
      out, cgap_many_names(many), "The widest gap is %s (corrected distance %.3f), the narrowest %s (%.3f).", names[0],
      many->pair[widest].gap.corrected_distance.value, names[1], many->pair[narrowest].gap.corrected_distance.value);
}

void cgap_many_mixed_sentence(char out[CGAP_SENTENCE], const cgap_many *many)
{
  out[0] = '\0';
  if (!many->same_modality_share.why)
    cgap_sentence_say(out, cgap_many_names(many),
                      "In one pool of all modalities %.0f %% of a row's 10 nearest rows are of its own modality (by "
                      "chance %.0f %%).",
                      100 * many->same_modality_share.value, 100 * many->unbiased.value);
}

size_t cgap_many_alarms(char out[CGAP_NOTES][CGAP_SENTENCE], const cgap_many *many, size_t pair)
{
  char name[CGAP_PAIR_NAME];
  cgap_notes notes;
  size_t count = 0;
  cgap_many_pair_name(name, many, pair, NULL, NULL);
  cgap_notes_write(&notes, &many->pair[pair]);
  for (size_t i = 0; i < notes.count; i++)
    if (notes.bad[i]) {
      out[count][0] = '\0';
      cgap_sentence_say(out[count++], &many->pair[pair].names, "%s: %s", name, notes.text[i]);
    }
  return count;
}

/* ---------------------------------------------------------------- the report */

static json_t *modalities_json(const cgap_many *many)
{
  json_t *list = json_array();
  for (size_t m = 0; list && m < many->count; m++)
    json_array_append_new(list,
                          json_pack("{s:s, s:I, s:I}", "name", many->modality[m].name, "rows",
                                    (json_int_t)many->modality[m].rows, "dim", (json_int_t)many->modality[m].dim));
  return list;
}

static json_t *matrix_json(const cgap_many *many)
{
  json_t *out = json_object();
  for (int measure = 0; out && measure < CGAP_MANY_MEASURES; measure++) {
    json_t *rows = json_array();
    for (size_t a = 0; a < many->count; a++) {
      json_t *row = json_array();
      for (size_t b = 0; b < many->count; b++)
        json_array_append_new(row, cgap_number_json(cgap_many_number(many, (cgap_many_measure)measure, a, b)));
      json_array_append_new(rows, row);
    }
    json_object_set_new(out, cgap_many_keys[measure], rows);
  }
  return out;
}

static json_t *mixed_json(const cgap_many *many)
{
  json_t *out = json_pack("{s:o, s:o}", "same_modality_share", cgap_scalar_json(&many->same_modality_share), "unbiased",
                          cgap_scalar_json(&many->unbiased));
  for (size_t m = 0; out && m < many->count; m++)
    json_object_set_new(out, many->modality[m].name, cgap_scalar_json(&many->modality[m].same_modality_share));
  return out;
}

static json_t *verdict_json(const cgap_many *many)
{
  json_t *sentences = json_array(), *notes = json_array();
  for (size_t p = 0; sentences && notes && p < many->pairs; p++) {
    char sentence[CGAP_SENTENCE], alarms[CGAP_NOTES][CGAP_SENTENCE];
    (void)cgap_many_sentence(sentence, many, p);
    json_array_append_new(sentences, cgap_json_string(sentence));
    const size_t count = cgap_many_alarms(alarms, many, p);
    for (size_t i = 0; i < count; i++)
      json_array_append_new(notes, cgap_json_string(alarms[i]));
  }
  return json_pack("{s:o, s:o}", "sentences", sentences, "notes", notes);
}

cgap_row_names cgap_many_row_names(const cgap_many_input *input, size_t a, size_t b)
{
  return (cgap_row_names){.of = {[CGAP_NAMED_IMAGES] = input->row_names[a], [CGAP_NAMED_TEXTS] = input->row_names[b]}};
}

static json_t *pair_json(const cgap_many *many, const cgap_many_input *input, size_t a, size_t b, const cgap_run *run)
{
  const cgap_audit *audit = &many->pair[cgap_many_pair(many->count, a, b)];
  const cgap_row_names names = cgap_many_row_names(input, a, b);
  cgap_run own = *run;
  own.seconds = audit->seconds_total;
  json_t *from = json_pack("{s:O?, s:O?, s:{s:s}}", "image", input->modality[a], "text", input->modality[b], "pairing",
                           "kind", input->pairing);
  json_t *out = from ? cgap_report_json(audit, from, &own) : NULL;
  json_decref(from);
  if (out && !cgap_report_name_pairs(out, &names)) {
    json_decref(out);
    return NULL;
  }
  return out;
}

static json_t *pairs_json(const cgap_many *many, const cgap_many_input *input, const cgap_run *run)
{
  json_t *out = json_object();
  for (size_t a = 0; out && a < many->count; a++)
    for (size_t b = a + 1; out && b < many->count; b++) {
      char name[CGAP_PAIR_NAME];
      cgap_many_pair_name(name, many, cgap_many_pair(many->count, a, b), NULL, NULL);
      json_t *pair = pair_json(many, input, a, b, run);
      if (!pair || json_object_set_new(out, name, pair) != 0) {
        json_decref(out);
        out = NULL;
      }
    }
  return out;
}

static json_t *input_json(const cgap_many *many, const cgap_many_input *input)
{
  json_t *modalities = json_object(), *dropped = json_object(), *left_out = json_object();
  for (size_t m = 0; modalities && dropped && m < many->count; m++) {
    json_object_set_new(modalities, many->modality[m].name,
                        input->modality[m] ? json_deep_copy(input->modality[m]) : json_null());
    json_object_set_new(dropped, many->modality[m].name, json_integer((json_int_t)many->modality[m].dropped));
    json_object_set_new(left_out, many->modality[m].name, json_integer((json_int_t)input->left_out[m]));
  }
  return json_pack("{s:o, s:s, s:o, s:o}", "modalities", modalities, "pairing", input->pairing, "dropped", dropped,
                   "left_out", left_out);
}

json_t *cgap_many_json(const cgap_many *many, const cgap_many_input *input, const cgap_run *run)
{
  json_t *root = json_object();
  const bool sound =
    root && cgap_json_put(root, "schema_version", json_integer(CGAP_SCHEMA_VERSION)) &&
    cgap_json_put(root, "modalities", modalities_json(many)) && cgap_json_put(root, "verdict", verdict_json(many)) &&
    cgap_json_put(root, "matrix", matrix_json(many)) && cgap_json_put(root, "mixed", mixed_json(many)) &&
    cgap_json_put(root, "pairs", pairs_json(many, input, run)) &&
    cgap_json_put(root, "input", input_json(many, input)) && cgap_json_put(root, "run", cgap_run_json(run));
  if (sound)
    return root;
  json_decref(root);
  return NULL;
}

/* That of two modalities becomes a definition, for the pairs; its own definitions are found where it looks for them. */
json_t *cgap_many_schema(void)
{
  json_t *root = json_loads(cgap_embedded("report.many.schema.base.json"), 0, NULL), *pair = cgap_report_schema();
  json_t *definitions = json_object_get(root, "definitions");
  const bool sound = definitions && pair &&
                     json_object_update(definitions, json_object_get(pair, "definitions")) == 0 &&
                     json_object_del(pair, "definitions") == 0 && json_object_del(pair, "$schema") == 0 &&
                     json_object_set(definitions, "report", pair) == 0;
  json_decref(pair);
  if (sound)
    return root;
  json_decref(root);
  return NULL;
}

/* ---------------------------------------------------------------- thresholds */

static bool names_a_pair(const char *pattern, const char *const *names, size_t count)
{
  for (size_t a = 0; a < count; a++)
    for (size_t b = a + 1; b < count; b++) {
      char name[CGAP_PAIR_NAME];
      snprintf(name, sizeof name, "%s-%s", names[a], names[b]);
      if (fnmatch(pattern, name, 0) == 0)
        return true;
    }
  return false;
}

cgap_status cgap_many_threshold_parse(cgap_many_threshold *out, const char *text, const char *const *names,
                                      size_t count, cgap_error *error)
{
  static const char PAIRS[] = "pairs.";
  const char *start = text + strspn(text, " \t"), *pair = start + strlen(PAIRS);
  *out = (cgap_many_threshold){0};
  const bool prefixed = strncmp(start, PAIRS, strlen(PAIRS)) == 0;
  const size_t length = prefixed ? strcspn(pair, ".<>") : 0;
  if (!prefixed || pair[length] != '.' || length >= sizeof out->pair)
    return cgap_fail(error, CGAP_USAGE,
                     "of %zu modalities every pair has its own measures; name the pair, as in "
                     "pairs.%s-%s.gap.corrected_distance>0.5, or all by pairs.*.KEY",
                     count, names[0], names[1]);
  snprintf(out->pair, sizeof out->pair, "%.*s", (int)length, pair);
  if (!names_a_pair(out->pair, names, count))
    return cgap_fail(error, CGAP_USAGE,
                     "no pair '%s'; pairs are named in the order of the arguments, as %s-%s and %s-%s", out->pair,
                     names[0], names[1], names[0], names[2]);
  const cgap_status status = cgap_threshold_parse(&out->key, pair + length + 1, error);
  out->key.text = text;
  if (status == CGAP_OK && out->key.of != CGAP_TESTED_AFTER)
    return cgap_fail(error, CGAP_USAGE, "before: and diff: are of train; give the key alone");
  return status;
}

/* A pair that crosses comes before what cannot be tested. */
cgap_status cgap_many_threshold_run(const cgap_many_threshold *t, const cgap_many *many, json_t *outcomes,
                                    cgap_error *error)
{
  cgap_status worst = CGAP_OK;
  for (size_t p = 0; p < many->pairs; p++) {
    char name[CGAP_PAIR_NAME];
    cgap_error why = {0};
    cgap_many_pair_name(name, many, p, NULL, NULL);
    if (fnmatch(t->pair, name, 0) != 0)
      continue;
    const bool one = strcmp(t->pair, name) == 0;
    const cgap_status status = cgap_threshold_run(&t->key, cgap_threshold_of_audit, &many->pair[p], outcomes,
                                                  one ? NULL : "pair", one ? NULL : name, &why);
    if (status == CGAP_RESOURCE)
      return cgap_fail(error, status, "%s", why.message);
    if (status > worst) {
      worst = status;
      (void)cgap_fail(error, status, "%s: %s", name, why.message);
    }
  }
  return worst;
}
