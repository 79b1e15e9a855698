/* The report as JSON: scalars from the table of fields, the rest here; and its schema. */
#include "report/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "analysis/fields.h"
#include "base/modality_names.h"
#include "base/output_file.h"
#include "base/source.h"
#include "head/evaluation/against.h"
#include "report/gnuplot.h"
#include "report/text.h"

json_t *cgap_number_json(double value)
{
  return isfinite(value) ? json_real(value) : json_null();
}

json_t *cgap_modality_names_json(const cgap_modality_names *names)
{
  return json_pack("[s, s]", cgap_modality_name(names->of[0], 0), cgap_modality_name(names->of[1], 1));
}

void cgap_modality_names_read(cgap_modality_names *out, const json_t *list)
{
  for (int m = 0; json_array_size(list) <= 2 && m < (int)json_array_size(list); m++) {
    const char *name = json_string_value(json_array_get(list, (size_t)m));
    cgap_error unused;
    if (name && cgap_check_name(name, &unused) == CGAP_OK)
      snprintf(out->of[m], CGAP_NAME_SIZE, "%s", name);
  }
}

const char *cgap_method_name(cgap_method method)
{
  static const char *const NAMES[] = {[CGAP_EXACT] = "exact", [CGAP_SAMPLED] = "sampled", [CGAP_BF16] = "bf16"};
  return NAMES[method];
}

json_t *cgap_scalar_json(const cgap_scalar *s)
{
  bool null = s->why || !isfinite(s->value);
  json_t *interval = !null && isfinite(s->lo) && isfinite(s->hi) ? json_pack("[f,f]", s->lo, s->hi) : json_null();
  json_t *out = json_pack("{s:o, s:o, s:I, s:s}", "value", null ? json_null() : json_real(s->value), "ci95", interval,
                          "n", (json_int_t)s->n, "method", cgap_method_name(s->method));
  if (out && null &&
      json_object_set_new(out, "why", cgap_json_string(s->why ? s->why : "not defined for these data")) != 0) {
    json_decref(out);
    return NULL;
  }
  return out;
}

bool cgap_json_put(json_t *root, const char *path, json_t *value)
{
  char name[100];
  for (;;) {
    size_t length = strcspn(path, ".");
    snprintf(name, sizeof name, "%.*s", (int)length, path);
    if (!path[length])
      return json_object_set_new(root, name, value) == 0;
    json_t *next = json_object_get(root, name);
    if (!next) {
      next = json_object();
      if (json_object_set_new(root, name, next) != 0) {
        json_decref(value);
        return false;
      }
    }
    root = next;
    path += length + 1;
  }
}

json_t *cgap_json_get(const json_t *root, const char *path)
{
  char name[100];
  json_t *at = NULL;
  for (;;) {
    size_t length = strcspn(path, ".");
    snprintf(name, sizeof name, "%.*s", (int)length, path);
    at = json_object_get(root, name);
    if (!at || !path[length])
      return at;
    root = at;
    path += length + 1;
  }
}

uint64_t cgap_peak_memory_bytes(void)
{
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

json_t *cgap_run_json(const cgap_run *run)
{
  json_t *out =
    json_pack("{s:s, s:o, s:I, s:i, s:o, s:I}", "version", cgap_version(), "command_line",
              cgap_json_string(run->command_line), "seed", (json_int_t)run->seed, "threads", run->threads, "seconds",
              cgap_number_json(run->seconds), "peak_memory_bytes", (json_int_t)run->peak_memory_bytes);
  if (out && run->rank_count > 0)
    json_object_set_new(out, "ranks", json_integer(run->rank_count));
  return out;
}

cgap_status cgap_json_print(const json_t *json, FILE *stream, cgap_error *error)
{
  char *text = cgap_json_text(json, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
  if (!text)
    return cgap_fail(error, CGAP_RESOURCE, "the report does not fit into memory; close other programs");
  bool sound = fputs(text, stream) >= 0 && fputc('\n', stream) != EOF && fflush(stream) == 0;
  free(text);
  return sound ? CGAP_OK
               : cgap_fail(error, CGAP_RESOURCE,
                           "standard output: cannot write the report; check whether the disk is full or broken");
}

cgap_status cgap_json_write(const json_t *json, const char *path, cgap_error *error)
{
  char *text = cgap_json_text(json, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
  if (!text)
    return cgap_fail(error, CGAP_RESOURCE, "%s: the report does not fit into memory; close other programs", path);
  size_t length = strlen(text);
  text[length] = '\n'; /* in place of the final 0 */
  cgap_status status = cgap_write_file(path, text, length + 1, error);
  free(text);
  return status;
}

/* ---------------------------------------------------------------- report json */

static bool put_scalars(json_t *root, const cgap_audit *audit)
{
  for (size_t i = 0; i < cgap_field_count(); i++) {
    const cgap_field *field = cgap_field_at(i);
    if (cgap_field_present(audit, field) &&
        !cgap_json_put(root, field->key, cgap_scalar_json(cgap_field_scalar(audit, field))))
      return false;
  }
  return true;
}

static json_t *numbers_json(const double *values, size_t count)
{
  json_t *list = json_array();
  for (size_t i = 0; list && i < count; i++)
    json_array_append_new(list, cgap_number_json(values[i]));
  return list;
}

static json_t *counts_json(const uint64_t *values, size_t count)
{
  json_t *list = json_array();
  for (size_t i = 0; list && i < count; i++)
    json_array_append_new(list, json_integer((json_int_t)values[i]));
  return list;
}

static json_t *cosines_json(const cgap_cosines *c)
{
  bool null = c->why || c->count == 0;
  const struct {
    const char *name;
    double value;
  } parts[] = {{"mean", c->mean}, {"sd", c->sd},   {"min", c->min}, {"max", c->max}, {"p05", c->p05},
               {"p25", c->p25},   {"p50", c->p50}, {"p75", c->p75}, {"p95", c->p95}};
  json_t *out = json_object();
  for (size_t i = 0; out && i < sizeof parts / sizeof *parts; i++)
    json_object_set_new(out, parts[i].name, null ? json_null() : cgap_number_json(parts[i].value));
  json_object_set_new(out, "count", json_integer((json_int_t)c->count));
  if (c->sampled)
    json_object_set_new(out, "sampled", json_integer((json_int_t)c->sampled));
  if (null)
    json_object_set_new(out, "why", cgap_json_string(c->why ? c->why : "there are no pairs"));
  return out;
}

static bool put_cosines(json_t *root, const cgap_audit *a)
{
  bool paired = a->has & CGAP_HAS_PAIRS;
  const struct {
    const char *name;
    const cgap_cosines *summary;
    const uint64_t *histogram;
    bool present;
  } sets[] = {{"pair", &a->cosine_pair, a->histogram_pair, paired},
              {"cross", &a->cosine_cross, a->histogram_cross, a->has & CGAP_ONE_SPACE},
              {"image", &a->cosine_image, a->histogram_image, true},
              {"text", &a->cosine_text, a->histogram_text, a->has & CGAP_HAS_TEXT}};
  char path[60];
  bool sound = cgap_json_put(root, "cosine.histogram.edges", numbers_json(a->histogram_edges, CGAP_HISTOGRAM_BINS + 1));
  for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
    if (!sets[i].present)
      continue;
    snprintf(path, sizeof path, "cosine.%s", sets[i].name);
    sound = sound && cgap_json_put(root, path, cosines_json(sets[i].summary));
    snprintf(path, sizeof path, "cosine.histogram.%s", sets[i].name);
    sound = sound && cgap_json_put(root, path, counts_json(sets[i].histogram, CGAP_HISTOGRAM_BINS));
  }
  return sound;
}

static bool put_dimensions(json_t *root, const cgap_audit *a)
{
  json_t *list = json_array();
  for (size_t i = 0; list && i < a->gap.dimension_count; i++) {
    const cgap_dimension *d = &a->gap.dimensions[i];
    json_array_append_new(list, json_pack("{s:I, s:o, s:o, s:o}", "index", (json_int_t)d->index, "share",
                                          cgap_number_json(d->share), "image_mean", cgap_number_json(d->image_mean),
                                          "text_mean", cgap_number_json(d->text_mean)));
  }
  return cgap_json_put(root, "gap.dimensions", list);
}

static bool put_spectra(json_t *root, const cgap_audit *a)
{
  const char *const paths[] = {"pca.image.explained_variance_ratio", "pca.text.explained_variance_ratio",
                               "pca.joint.explained_variance_ratio"};
  const cgap_spectrum *const spectra[] = {&a->pca_image, &a->pca_text, &a->pca_joint};
  const bool present[] = {true, a->has & CGAP_HAS_TEXT, a->has & CGAP_ONE_SPACE};
  bool sound = true;
  for (int i = 0; i < 3; i++)
    sound = sound &&
            (!present[i] || cgap_json_put(root, paths[i],
                                          numbers_json(spectra[i]->explained_variance_ratio,
                                                       spectra[i]->explained_variance_ratio ? spectra[i]->count : 0)));
  return sound;
}

static json_t *hub_list(const cgap_hubness *h)
{
  json_t *list = json_array();
  for (size_t i = 0; list && i < h->hub_count; i++)
    json_array_append_new(
      list, json_pack("{s:I, s:I}", "row", (json_int_t)h->hubs[i].row, "count", (json_int_t)h->hubs[i].count));
  return list;
}

static json_t *class_list(const cgap_zero_shot *z)
{
  json_t *list = json_array();
  for (size_t c = 0; list && c < z->class_count; c++) {
    const cgap_zero_shot_class *k = &z->classes[c];
    json_array_append_new(list, json_pack("{s:I, s:I, s:o, s:o}", "class", (json_int_t)k->label, "images",
                                          (json_int_t)k->images, "top_1", cgap_number_json(k->top_1), "gap",
                                          cgap_number_json(k->gap)));
  }
  return list;
}

static bool put_curve(json_t *root, const cgap_arithmetic *arithmetic)
{
  json_t *list = json_array();
  for (size_t i = 0; list && i < CGAP_CURVE_POINTS; i++)
    json_array_append_new(list, json_pack("{s:o, s:o}", "lambda", cgap_number_json(arithmetic->lambda[i]), "score",
                                          cgap_number_json(arithmetic->curve[i])));
  return cgap_json_put(root, "arithmetic.curve", list);
}

static json_t *check_json(const cgap_check *c, const char *rows)
{
  json_t *list = json_array();
  for (size_t i = 0; list && i < c->example_count; i++)
    json_array_append_new(list, json_integer((json_int_t)c->examples[i]));
  return json_pack("{s:I, s:o}", "count", (json_int_t)c->count, rows, list);
}

/* sampled: rows that near duplicates were looked for among, 0: all. */
static json_t *modality_checks(const cgap_modality_checks *c, size_t sampled)
{
  json_t *near = check_json(&c->near_duplicates, "rows");
  if (sampled)
    json_object_set_new(near, "n", json_integer((json_int_t)sampled));
  return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "not_finite", check_json(&c->not_finite, "rows"), "zero",
                   check_json(&c->zero, "rows"), "off_unit", check_json(&c->off_unit, "rows"), "constant_columns",
                   check_json(&c->constant_columns, "columns"), "duplicates", check_json(&c->duplicates, "rows"),
                   "near_duplicates", near, "norm_mean", cgap_number_json(c->norm_mean));
}

const char *cgap_pairing_word(const cgap_pairing_check *c)
{
  static const char *const verdicts[] = {
    [CGAP_PAIRING_MATCHED] = "matched", [CGAP_PAIRING_SHUFFLED] = "shuffled", [CGAP_PAIRING_UNCLEAR] = "unclear"};
  return verdicts[c->verdict];
}

static json_t *shift_json(int rows)
{
  return rows ? json_integer(rows) : json_null();
}

static json_t *pair_blocks(const cgap_pairing_check *c)
{
  json_t *list = json_array();
  for (size_t i = 0; list && i < c->block_count; i++) {
    const cgap_pair_block *b = &c->blocks[i];
    json_array_append_new(list,
                          json_pack("{s:I, s:I, s:o, s:o}", "first", (json_int_t)b->first, "last", (json_int_t)b->last,
                                    "z", cgap_number_json(b->z), "shift", shift_json(b->shift)));
  }
  return list;
}

/* Without below_median_share, which is in the table of fields. */
static bool put_pairing_check(json_t *root, const cgap_pairing_check *c)
{
  return cgap_json_put(root, "checks.pairing.matched_mean", cgap_number_json(c->matched_mean)) &&
         cgap_json_put(root, "checks.pairing.shuffled_mean", cgap_number_json(c->shuffled_mean)) &&
         cgap_json_put(root, "checks.pairing.z", cgap_number_json(c->z)) &&
         cgap_json_put(root, "checks.pairing.verdict", cgap_json_string(cgap_pairing_word(c))) &&
         cgap_json_put(root, "checks.pairing.shift", shift_json(c->shift)) &&
         cgap_json_put(root, "checks.pairing.blocks", pair_blocks(c));
}

static json_t *worst_pairs(const cgap_audit *a)
{
  json_t *list = json_array();
  for (size_t i = 0; list && i < a->worst_count; i++)
    json_array_append_new(list,
                          json_pack("{s:I, s:I, s:o}", "image", (json_int_t)a->worst[i].image, "text",
                                    (json_int_t)a->worst[i].text, "cosine", cgap_number_json(a->worst[i].cosine)));
  return list;
}

bool cgap_report_name_pairs(json_t *report, const cgap_row_names *names)
{
  static const struct {
    cgap_named kind;
    const char *row, *key;
  } NAMED[] = {{CGAP_NAMED_IMAGES, "image", "image_name"}, {CGAP_NAMED_TEXTS, "text", "text_name"}};
  json_t *pair;
  size_t i;
  bool sound = true;
  json_array_foreach(cgap_json_get(report, "pairs.worst"), i, pair)
  {
    for (size_t k = 0; k < sizeof NAMED / sizeof *NAMED; k++) {
      const char *name =
        cgap_row_name(names, NAMED[k].kind, (size_t)json_integer_value(json_object_get(pair, NAMED[k].row)));
      sound = sound && (!name || json_object_set_new(pair, NAMED[k].key, cgap_json_string(name)) == 0);
    }
  }
  return sound;
}

static bool put_pairs(json_t *root, const cgap_audit *a)
{
  return cgap_json_put(root, "loss.temperature", cgap_number_json(a->loss.temperature)) &&
         cgap_json_put(root, "hubness.image_to_text.hubs", hub_list(&a->hubs_image_to_text)) &&
         cgap_json_put(root, "hubness.text_to_image.hubs", hub_list(&a->hubs_text_to_image)) &&
         put_pairing_check(root, &a->pairing_check) && cgap_json_put(root, "pairs.worst", worst_pairs(a));
}

/* What only an audit without a common space has; of one modality its name alone. */
static bool put_hubs_within(json_t *root, const cgap_audit *a)
{
  return (a->has & CGAP_HAS_TEXT ||
          cgap_json_put(root, "modalities", json_pack("[s]", cgap_modality_name(a->names.of[0], 0)))) &&
         cgap_json_put(root, "hubness.image.hubs", hub_list(&a->hubs_image)) &&
         (!(a->has & CGAP_HAS_TEXT) ||
          (cgap_json_put(root, "hubness.text.hubs", hub_list(&a->hubs_text)) &&
           cgap_json_put(root, "uniformity.text_sphere", cgap_number_json(a->uniformity.text_sphere)) &&
           cgap_json_put(root, "input.measured.text_dim", json_integer((json_int_t)a->text_dim))));
}

static json_t *sample_json(const cgap_sample *s)
{
  return json_pack("{s:I, s:I, s:I, s:I, s:{s:o, s:o, s:o}}", "images", (json_int_t)s->images, "texts",
                   (json_int_t)s->texts, "image_queries", (json_int_t)s->image_queries, "text_queries",
                   (json_int_t)s->text_queries, "gain", "image", cgap_number_json(s->gain[CGAP_IMAGE_IMAGE]), "text",
                   cgap_number_json(s->gain[CGAP_TEXT_TEXT]), "cross", cgap_number_json(s->gain[CGAP_IMAGE_TEXT]));
}

static json_t *measured_json(const cgap_audit *a)
{
  return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "images", (json_int_t)a->images, "texts",
                   (json_int_t)a->texts, "dim", (json_int_t)a->dim, "dropped_images", (json_int_t)a->dropped_images,
                   "dropped_texts", (json_int_t)a->dropped_texts, "merged_images", (json_int_t)a->merged_images,
                   "pairing", cgap_json_string(a->pairing));
}

/* A pairing that was open has been decided by the rows: how, in words. */
static bool put_resolved_pairing(json_t *root, const cgap_audit *a)
{
  const char *kind = json_string_value(cgap_json_get(root, "input.pairing.kind"));
  return !kind || strcmp(kind, "open") != 0 ||
         cgap_json_put(root, "input.pairing.settled", cgap_json_string(a->pairing));
}

/* The words of the table's top. gap: null where the distance is unknown; pairing: null without pairs. */
static json_t *verdict_json(const cgap_audit *a)
{
  cgap_verdict_words words;
  cgap_notes said;
  cgap_verdict_write(&words, a);
  cgap_notes_write(&said, a);
  json_t *sentences = json_array(), *notes = json_array();
  for (size_t i = 0; sentences && i < words.count; i++)
    json_array_append_new(sentences, cgap_json_string(words.sentence[i]));
  for (size_t i = 0; notes && i < said.count; i++)
    json_array_append_new(notes, cgap_json_string(said.text[i]));
  return json_pack("{s:s?, s:s?, s:o, s:o}", "gap", words.level == CGAP_LEVEL_UNKNOWN ? NULL : words.word, "pairing",
                   a->has & CGAP_HAS_PAIRS ? cgap_pairing_word(&a->pairing_check) : NULL, "sentences", sentences,
                   "notes", notes);
}

json_t *cgap_trial_json(const cgap_scalar *values, bool pairs, bool differences)
{
  const int count = pairs ? CGAP_TRIAL_MEASURES : CGAP_TRIAL_DISTANCE + 1;
  json_t *out = json_object();
  for (int m = 0; out && m < count; m++) {
    json_t *one = cgap_scalar_json(&values[m]);
    if (one && differences)
      json_object_del(one, "method");
    json_object_set_new(out, cgap_trial_keys[m], one);
  }
  return out;
}

static json_t *center_json(const cgap_audit *a)
{
  const cgap_center_trial *t = &a->advice.center;
  const bool pairs = a->has & CGAP_HAS_PAIRS;
  if (t->why)
    return json_null();
  return json_pack("{s:I, s:I, s:o, s:o, s:o}", "images", (json_int_t)t->images, "texts", (json_int_t)t->texts,
                   "before", cgap_trial_json(t->before, pairs, false), "after", cgap_trial_json(t->after, pairs, false),
                   "differences", cgap_trial_json(t->difference, pairs, true));
}

static json_t *advice_json(const cgap_audit *a)
{
  char reason[CGAP_REASONS * CGAP_SENTENCE + 1000] = "";
  cgap_advice_words words;
  cgap_advice_write(&words, a);
  size_t used = 0;
  for (size_t i = 0; i < words.count; i++)
    used += (size_t)snprintf(reason + used, sizeof reason - used, "%s%s", i ? " " : "", words.sentence[i]);
  if (words.further)
    snprintf(reason + used, sizeof reason - used, " %s %s", words.further, words.further_command);
  return json_pack("{s:s, s:o, s:o, s:o}", "word", words.word, "reason", cgap_json_string(reason), "command",
                   cgap_json_string(words.command[0] ? words.command : NULL), "center", center_json(a));
}

/* ---------------------------------------------------------------- its schema */

/* The schema of the object `name` in that of its parent; made where it is missing. Borrowed; NULL: out of memory. */
static json_t *schema_of(json_t *parent, const char *name, bool required)
{
  json_t *properties = json_object_get(parent, "properties"), *child = json_object_get(properties, name);
  if (!child) {
    child = json_pack("{s:s, s:{}, s:[], s:b}", "type", "object", "properties", "required", "additionalProperties", 0);
    if (json_object_set_new(properties, name, child) != 0)
      return NULL;
  }
  json_t *names = json_object_get(parent, "required"), *known;
  size_t i;
  json_array_foreach(names, i, known) if (strcmp(json_string_value(known), name) == 0) required = false;
  return !required || json_array_append_new(names, cgap_json_string(name)) == 0 ? child : NULL;
}

/* needs, and what these imply: pairs of one space are pairs, and in one space are two modalities. */
static unsigned all_needs(unsigned needs)
{
  if (needs & CGAP_HAS_PAIRS)
    needs |= CGAP_ONE_SPACE | CGAP_HAS_AGREEMENT;
  return needs & (CGAP_ONE_SPACE | CGAP_HAS_AGREEMENT) ? needs | CGAP_HAS_TEXT : needs;
}

/* Whether another field of the same parent needs less: the parent may be there without this one. */
static bool has_commoner_sibling(const cgap_field *field)
{
  const unsigned needs = all_needs(field->needs);
  const char *dot = strrchr(field->key, '.');
  const size_t parent = dot ? (size_t)(dot - field->key) + 1 : 0; /* letters of the key before its last name */
  for (size_t i = 0; i < cgap_field_count(); i++) {
    const cgap_field *other = cgap_field_at(i);
    const unsigned others = all_needs(other->needs);
    if ((others & needs) == others && others != needs && strncmp(other->key, field->key, parent) == 0 &&
        !strchr(other->key + parent, '.'))
      return true;
  }
  return false;
}

/* A field that needs more than rows is required where its parent is there, unless the parent may be there without it.
 */
static bool put_field_schema(json_t *root, const cgap_field *field)
{
  char name[100];
  const char *path = field->key;
  json_t *at = root;
  for (size_t length; at && path[length = strcspn(path, ".")]; path += length + 1) {
    snprintf(name, sizeof name, "%.*s", (int)length, path);
    at = schema_of(at, name, field->needs == 0);
  }
  if (!at || !schema_of(at, path, field->needs == 0 || !has_commoner_sibling(field)))
    return false;
  return json_object_set_new(json_object_get(at, "properties"), path,
                             json_pack("{s:s}", "$ref", "#/definitions/scalar")) == 0;
}

json_t *cgap_report_schema(void)
{
  json_t *root = json_loads(cgap_embedded("report.schema.base.json"), 0, NULL);
  bool sound = root != NULL;
  for (size_t i = 0; sound && i < cgap_field_count(); i++)
    sound = put_field_schema(root, cgap_field_at(i));
  if (sound)
    return root;
  json_decref(root);
  return NULL;
}

/* ---------------------------------------------------------------- the report */

json_t *cgap_report_json(const cgap_audit *audit, json_t *input, const cgap_run *run)
{
  cgap_audit english = *audit; /* for programs: the same in every language */
  const cgap_audit *a = &english;
  english.names.language = NULL;
  json_t *root = json_object();
  bool sound = root && cgap_json_put(root, "schema_version", json_integer(CGAP_SCHEMA_VERSION)) &&
               cgap_json_put(root, "modalities", cgap_modality_names_json(&a->names)) &&
               cgap_json_put(root, "verdict", verdict_json(a)) && put_scalars(root, a) && put_cosines(root, a) &&
               (!(a->has & CGAP_ONE_SPACE) || put_dimensions(root, a)) && put_spectra(root, a) &&
               cgap_json_put(root, "uniformity.sphere", cgap_number_json(a->uniformity.sphere)) &&
               cgap_json_put(root, "checks.image", modality_checks(&a->checks_image, a->sample.images)) &&
               (!(a->has & CGAP_HAS_TEXT) ||
                cgap_json_put(root, "checks.text", modality_checks(&a->checks_text, a->sample.texts)));
  if (sound && a->advice.word != CGAP_ADVICE_NOT_ASKED)
    sound = cgap_json_put(root, "advice", advice_json(a));
  if (sound && a->sample.images)
    sound = cgap_json_put(root, "sample", sample_json(&a->sample));
  if (sound && (a->has & CGAP_HAS_PAIRS))
    sound = put_pairs(root, a);
  if (sound && (a->has & CGAP_HAS_ZERO_SHOT))
    sound = cgap_json_put(root, "zero_shot.classes", class_list(&a->zero_shot));
  if (sound && (a->has & CGAP_HAS_ARITHMETIC))
    sound = put_curve(root, &a->arithmetic);
  if (sound)
    sound = cgap_json_put(root, "input", input ? json_deep_copy(input) : json_object()) &&
            put_resolved_pairing(root, a) && cgap_json_put(root, "input.measured", measured_json(a));
  if (sound && (a->has & CGAP_HAS_HUBS_WITHIN))
    sound = put_hubs_within(root, a);
  if (sound && run)
    sound = cgap_json_put(root, "run", cgap_run_json(run));
  if (!sound) {
    json_decref(root);
    return NULL;
  }
  return root;
}
