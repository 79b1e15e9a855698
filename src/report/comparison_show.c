/* A comparison as a table and as JSON. */
#include <math.h>
#include <string.h>

#include "report/comparison.h"
#include "report/json.h"
#include "report/table.h"

enum { LABEL = 36, VALUE = 14, BESIDE = 12, PLAIN_DECIMALS = 4 };

static int decimals_of(size_t e)
{
  return e < cgap_field_count ? cgap_fields[e].decimals : PLAIN_DECIMALS;
}

/* Of several bytes a character, so that columns stay in line. */
static int width_of(const char *text)
{
  int count = 0;
  for (; *text; text++)
    count += ((unsigned char)*text & 0xC0) != 0x80;
  return count;
}

static void put_name(FILE *out, const char *name, int width)
{
  const int blanks = width - width_of(name);
  fprintf(out, "%*s%s", blanks > 0 ? blanks : 1, "", name);
}

static void put_value(FILE *out, const cgap_compared *in, size_t e, int width)
{
  char text[40];
  cgap_value_show(text, in->present[e] && !in->scalar[e].why ? in->scalar[e].value : NAN, decimals_of(e));
  fprintf(out, "%*s", width, text);
}

static void put_change(FILE *out, const cgap_change *d, size_t e, const char *word, bool colour)
{
  char text[40], lo[40], hi[40], interval[100] = "";
  const char *paint = !colour                       ? ""
                      : strcmp(word, "better") == 0 ? "\033[32m"
                      : strcmp(word, "worse") == 0  ? "\033[31m"
                                                    : "\033[2m";
  cgap_value_show(text, d->difference, decimals_of(e));
  if (isfinite(d->lo)) {
    cgap_value_show(lo, d->lo, decimals_of(e));
    cgap_value_show(hi, d->hi, decimals_of(e));
    snprintf(interval, sizeof interval, "[%s, %s]", lo, hi);
  }
  fprintf(out, "%12s %-20s %s%-9s%s", text, interval, paint, word, colour ? "\033[0m" : "");
}

/* The inputs that a table shows: the first, k, then those beside. */
static bool is_shown(size_t i, size_t k, size_t beside, size_t beside_end)
{
  return i == 0 || i == k || (i >= beside && i < beside_end);
}

static bool names_fit(const cgap_comparison *c, size_t k, size_t beside, size_t beside_end)
{
  for (size_t i = 0; i < c->count; i++)
    if (is_shown(i, k, beside, beside_end) && width_of(c->input[i].name) >= (i == 0 || i == k ? VALUE : BESIDE))
      return false;
  return true;
}

/* "B", and "#27" where letters end */
static void letter_of(char out[24], size_t i)
{
  if (i < 26)
    snprintf(out, 24, "%c", (char)('A' + i));
  else
    snprintf(out, 24, "#%zu", i + 1);
}

static void put_head(const cgap_comparison *c, size_t k, size_t beside, size_t beside_end, FILE *out)
{
  const bool fit = names_fit(c, k, beside, beside_end);
  char letter[24];
  for (size_t i = 0; !fit && i < c->count; i++)
    if (is_shown(i, k, beside, beside_end)) {
      letter_of(letter, i);
      fprintf(out, "%s = %s\n", letter, c->input[i].name);
    }
  fprintf(out, "%-*s", LABEL, "");
  letter_of(letter, 0);
  put_name(out, fit ? c->input[0].name : letter, VALUE);
  letter_of(letter, k);
  put_name(out, fit ? c->input[k].name : letter, VALUE);
  fprintf(out, "%12s %-20s %-9s", "difference", "95 %", "");
  for (size_t i = beside; i < beside_end; i++) {
    letter_of(letter, i);
    put_name(out, fit ? c->input[i].name : letter, BESIDE);
  }
  fputc('\n', out);
}

/* The field's label within its block: "recall@1, image to text" */
static void label_of(char out[100], const cgap_field *f)
{
  const char *column = cgap_groups[f->group].columns[0] ? cgap_groups[f->group].columns[f->column] : "";
  snprintf(out, 100, "%.50s%s%.40s", f->label, *column ? ", " : "", column);
}

static bool worth_a_line(const cgap_comparison *c, size_t k, size_t e, bool all)
{
  if (e >= cgap_field_count || !c->input[0].present[e] || !c->input[k].present[e])
    return false;
  return all || cgap_entry_better(e) != CGAP_NEITHER;
}

void cgap_comparison_print(const cgap_comparison *c, size_t k, size_t beside, size_t beside_end, bool all, bool colour,
                           FILE *out)
{
  put_head(c, k, beside, beside_end, out);
  size_t group = SIZE_MAX;
  for (size_t e = 0; e < cgap_field_count; e++) {
    char title[100];
    const cgap_change *d = &c->change[k * c->entries + e];
    if (!worth_a_line(c, k, e, all))
      continue;
    if (cgap_fields[e].group != group)
      fprintf(out, "%s%s%s\n", colour ? "\033[1m" : "", cgap_groups[cgap_fields[e].group].title,
              colour ? "\033[0m" : "");
    group = cgap_fields[e].group;
    label_of(title, &cgap_fields[e]);
    fprintf(out, "  %s%*s", title, LABEL - 2 > width_of(title) ? LABEL - 2 - width_of(title) : 1, "");
    put_value(out, &c->input[0], e, VALUE);
    put_value(out, &c->input[k], e, VALUE);
    put_change(out, d, e, cgap_change_word(d, cgap_entry_better(e)), colour);
    for (size_t i = beside; i < beside_end; i++)
      put_value(out, &c->input[i], e, BESIDE);
    fputc('\n', out);
  }
}

/* ---------------------------------------------------------------- JSON */

static json_t *change_json(const cgap_change *d, cgap_better better)
{
  json_t *out = json_object();
  json_object_set_new(out, "value", cgap_number_json(d->difference));
  json_t *interval = isfinite(d->lo) && isfinite(d->hi) ? json_array() : json_null();
  if (json_is_array(interval)) {
    json_array_append_new(interval, json_real(d->lo));
    json_array_append_new(interval, json_real(d->hi));
  }
  json_object_set_new(out, "ci95", interval);
  json_object_set_new(out, "verdict", json_string(cgap_change_word(d, better)));
  return out;
}

static json_t *measure_json(const cgap_comparison *c, size_t e)
{
  json_t *out = json_object(), *values = json_object(), *differences = json_object();
  for (size_t k = 0; k < c->count; k++) {
    const cgap_compared *in = &c->input[k];
    if (!in->present[e])
      continue;
    json_object_set_new(values, in->name,
                        e < cgap_field_count ? cgap_scalar_json(&in->scalar[e])
                                             : cgap_number_json(in->scalar[e].value));
    if (k > 0)
      json_object_set_new(differences, in->name, change_json(&c->change[k * c->entries + e], cgap_entry_better(e)));
  }
  json_object_set_new(out, "values", values);
  json_object_set_new(out, "differences", differences);
  return out;
}

/* {name: [key…]} of the measures whose change has this word */
static json_t *named_json(const cgap_comparison *c, const char *word)
{
  json_t *out = json_object();
  for (size_t k = 1; k < c->count; k++) {
    json_t *keys = json_array();
    for (size_t e = 0; e < c->entries; e++)
      if (strcmp(cgap_change_word(&c->change[k * c->entries + e], cgap_entry_better(e)), word) == 0)
        json_array_append_new(keys, json_string(cgap_entry_key(e)));
    json_object_set_new(out, c->input[k].name, keys);
  }
  return out;
}

json_t *cgap_comparison_json(const cgap_comparison *c)
{
  json_t *root = json_object(), *inputs = json_array(), *measures = json_object();
  for (size_t k = 0; k < c->count; k++) {
    json_t *input = json_object();
    json_object_set_new(input, "name", json_string(c->input[k].name));
    json_object_set_new(input, "seconds", cgap_number_json(c->input[k].seconds));
    json_array_append_new(inputs, input);
  }
  json_object_set_new(root, "baseline", json_string(c->input[0].name));
  json_object_set_new(root, "intervals", json_string(c->intervals));
  json_object_set_new(root, "inputs", inputs);
  json_object_set_new(root, "better", named_json(c, "better"));
  json_object_set_new(root, "worse", named_json(c, "worse"));
  for (size_t e = 0; e < c->entries; e++) {
    bool any = false;
    for (size_t k = 0; k < c->count; k++)
      any = any || c->input[k].present[e];
    if (any && !cgap_json_put(measures, cgap_entry_key(e), measure_json(c, e))) {
      json_decref(measures);
      json_decref(root);
      return NULL;
    }
  }
  json_object_set_new(root, "measures", measures);
  return root;
}
