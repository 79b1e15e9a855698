/* What an overview shows: order, names, sentences. */
#include "report/overview.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text_buffer.h"
#include "report/comparison_show.h"

/* ---------------------------------------------------------------- contents */

static void count_relations(cgap_overview *o, const cgap_rows_relation *relation)
{
  const size_t inputs = o->comparison->count;
  for (size_t i = 0; i < inputs; i++)
    for (size_t k = 0; k < i; k++)
      o->related[relation[i * inputs + k]]++;
}

void cgap_overview_rows(char out[CGAP_SENTENCE], const cgap_overview *o)
{
  const cgap_comparison *c = o->comparison;
  const cgap_modality_names *names = &c->names;
  const size_t *count = o->related, pairs = c->count * (c->count - 1) / 2;
  const char *why[CGAP_ROWS_OTHER + 1] = {NULL};
  out[0] = '\0';
  for (size_t k = 1; k < c->count; k++)
    why[c->input[k].rows] = c->input[k].rows_why;
  const size_t paired = count[CGAP_ROWS_SAME] + count[CGAP_ROWS_ASSUMED];
  const cgap_rows_relation weakest = count[CGAP_ROWS_ASSUMED] ? CGAP_ROWS_ASSUMED : CGAP_ROWS_SAME;
  if (count[CGAP_ROWS_UNKNOWN] == pairs)
    cgap_sentence_say(out, names, "Reports hold no rows: differences are taken as of independent samples.");
  else if (paired == pairs && weakest == CGAP_ROWS_SAME)
    cgap_sentence_say(out, names, "All inputs are of the same rows (%s): differences are paired.",
                      why[weakest] ? cgap_phrase_of(names, why[weakest]).s
                                   : cgap_tr(names, N_("as each other's names say")));
  else if (paired == pairs)
    cgap_sentence_say(out, names,
                      "It is assumed that all inputs are of the same rows (%s): differences are paired; with "
                      "--independent they are not.",
                      why[weakest] ? cgap_phrase_of(names, why[weakest]).s
                                   : cgap_tr(names, N_("nothing says otherwise")));
  else if (paired)
    cgap_sentence_say(out, names,
                      "Of %zu pairs of inputs %zu %s the same rows%s: these differences are paired, the others "
                      "are of independent samples, and may come from the data.",
                      pairs, paired, paired == 1 ? "has" : "have",
                      weakest == CGAP_ROWS_ASSUMED ? cgap_tr(names, N_(", or may have")) : "");
  else
    cgap_sentence_say(out, names,
                      "The inputs are of different rows%s%s%s: differences are of independent samples, and may come "
                      "from the data.",
                      why[CGAP_ROWS_OTHER] ? cgap_tr(names, N_(" (")) : "",
                      why[CGAP_ROWS_OTHER] ? cgap_phrase_of(names, why[CGAP_ROWS_OTHER]).s : "",
                      why[CGAP_ROWS_OTHER] ? cgap_tr(names, N_(")")) : "");
}

static cgap_status order_by_number(cgap_overview *o, cgap_error *error)
{
  const cgap_comparison *c = o->comparison;
  const char *names[c->count];
  for (size_t k = 0; k < c->count; k++)
    names[k] = c->input[k].name;
  const cgap_status status = cgap_series_numbers(o->number, names, c->count, error);
  for (size_t i = 0; status == CGAP_OK && i < c->count; i++) {
    size_t at = i;
    for (; at > 0 && o->number[o->order[at - 1]] > o->number[i]; at--)
      o->order[at] = o->order[at - 1];
    o->order[at] = i;
  }
  return status;
}

static cgap_status find_sort_entry(cgap_overview *o, const cgap_overview_options *options, cgap_error *error)
{
  o->sort_entry = options->series ? SIZE_MAX : o->ranking.measure[0].entry;
  if (!options->sort)
    return CGAP_OK;
  o->sort_entry = cgap_entry_find(options->sort);
  for (size_t k = 0; o->sort_entry != SIZE_MAX && k < o->comparison->count; k++)
    if (isfinite(cgap_ranking_value(o->comparison, k, o->sort_entry)))
      return CGAP_OK;
  return cgap_fail(error, CGAP_USAGE, "--sort %s: no input has a value of it", options->sort);
}

cgap_status cgap_overview_init(cgap_overview *out, const cgap_comparison *c, const cgap_overview_options *options,
                               cgap_error *error)
{
  *out = (cgap_overview){.comparison = c};
  size_t *entries = calloc(c->entries, sizeof *entries);
  out->order = calloc(c->count, sizeof *out->order);
  out->number = options->series ? calloc(c->count, sizeof *out->number) : NULL;
  cgap_status status = CGAP_OK;
  if (!entries || !out->order || (options->series && !out->number))
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory");
  const size_t count = status == CGAP_OK ? cgap_ranking_entries(entries, c, options->all) : 0;
  if (status == CGAP_OK && count == 0)
    status = cgap_fail(error, CGAP_DATA, "no two of the %zu inputs have a measure in common", c->count);
  if (status == CGAP_OK)
    status = cgap_ranking_init(&out->ranking, c, entries, count, options->audit, options->relation, error);
  if (status == CGAP_OK)
    status = find_sort_entry(out, options, error);
  if (status == CGAP_OK && options->series)
    status = order_by_number(out, error);
  if (status == CGAP_OK && out->sort_entry != SIZE_MAX)
    cgap_ranking_order(out->order, c, out->sort_entry);
  if (status == CGAP_OK)
    count_relations(out, options->relation);
  free(entries);
  if (status != CGAP_OK)
    cgap_overview_clear(out);
  return status;
}

void cgap_overview_clear(cgap_overview *o)
{
  cgap_ranking_clear(&o->ranking);
  free(o->order);
  free(o->number);
  *o = (cgap_overview){0};
}

/* ---------------------------------------------------------------- names */

static bool ends_word(char c)
{
  return c == '_' || c == '-' || c == '.' || c == '/' || c == ' ';
}

/* Bytes of a name without an ending such as .h5. */
static size_t length_without_ending(const char *name)
{
  const char *dot = strrchr(name, '.');
  const size_t letters = dot ? strlen(dot + 1) : 0;
  return dot > name && letters >= 1 && letters <= 11 && isalpha((unsigned char)dot[1]) && !strpbrk(dot, " /")
           ? (size_t)(dot - name)
           : strlen(name);
}

/* Bytes of whole words with which all names (count) begin, or end, so that something is left of each; what is left does
 * not begin with a digit, which would look like a number. */
static void common_words(size_t *begin, size_t *end, const char *const *name, const size_t *length, size_t count)
{
  size_t shortest = length[0], same = length[0], same_end = length[0];
  for (size_t k = 1; k < count; k++) {
    size_t at = 0, back = 0;
    while (at < length[k] && at < length[0] && name[k][at] == name[0][at])
      at++;
    while (back < length[k] && back < length[0] && name[k][length[k] - 1 - back] == name[0][length[0] - 1 - back])
      back++;
    same = at < same ? at : same;
    same_end = back < same_end ? back : same_end;
    shortest = length[k] < shortest ? length[k] : shortest;
  }
  bool digit = true;
  while (same > 0 && digit) {
    digit = false;
    same -= same == length[0] || !ends_word(name[0][same - 1]);
    while (same > 0 && !ends_word(name[0][same - 1]))
      same--;
    for (size_t k = 0; k < count; k++)
      digit = digit || isdigit((unsigned char)name[k][same]);
    same -= digit && same > 0;
  }
  while (same_end > 0 && !ends_word(name[0][length[0] - same_end]))
    same_end--;
  *begin = same < shortest ? same : 0;
  *end = *begin + same_end < shortest ? same_end : 0;
}

/* Bytes of the first, or of the last, `columns` columns of text. */
static size_t bytes_of_columns(const char *text, int columns, bool last)
{
  const size_t length = strlen(text);
  size_t bytes = last ? length : 0;
  while (columns > 0 && (last ? bytes > 0 : bytes < length)) {
    bytes = last ? bytes - 1 : bytes + 1;
    while (bytes > 0 && bytes < length && ((unsigned char)text[bytes] & 0xC0) == 0x80)
      bytes = last ? bytes - 1 : bytes + 1;
    columns--;
  }
  return last ? length - bytes : bytes;
}

/* "remotec…_b32": the middle goes first, since names differ at their beginning or at their end. */
static void shorten_middle(char out[CGAP_HEAD_SIZE], const char *name, int width)
{
  if (cgap_text_width(name, strlen(name)) <= width && strlen(name) < CGAP_HEAD_SIZE) {
    snprintf(out, CGAP_HEAD_SIZE, "%s", name);
    return;
  }
  const int most = width < CGAP_HEAD_SIZE / 4 ? width : CGAP_HEAD_SIZE / 4; /* of four bytes each */
  const size_t front = bytes_of_columns(name, most / 2, false), back = bytes_of_columns(name, (most - 1) / 2, true);
  snprintf(out, CGAP_HEAD_SIZE, "%.*s…%s", (int)front, name, name + strlen(name) - back);
}

static bool all_differ(char (*heads)[CGAP_HEAD_SIZE], size_t count)
{
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < i; k++)
      if (strcmp(heads[i], heads[k]) == 0)
        return false;
  return true;
}

/* Names as they are, or without their endings where they differ then too. */
static void cut_endings(size_t *length, const char *const *name, size_t count)
{
  bool differ = true;
  for (size_t k = 0; k < count; k++)
    length[k] = length_without_ending(name[k]);
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < i; k++)
      differ = differ && (length[i] != length[k] || memcmp(name[i], name[k], length[i]) != 0);
  for (size_t k = 0; !differ && k < count; k++)
    length[k] = strlen(name[k]);
}

void cgap_overview_heads(char (*heads)[CGAP_HEAD_SIZE], const cgap_comparison *c, int width)
{
  const char *name[c->count];
  size_t length[c->count], begin = 0, end = 0;
  bool fit = true;
  for (size_t k = 0; k < c->count; k++)
    name[k] = c->input[k].name;
  cut_endings(length, name, c->count);
  for (size_t k = 0; k < c->count; k++)
    fit = fit && cgap_text_width(name[k], length[k]) <= width && length[k] < CGAP_HEAD_SIZE;
  if (!fit)
    common_words(&begin, &end, name, length, c->count);
  for (size_t k = 0; k < c->count; k++) {
    char middle[CGAP_PATH];
    snprintf(middle, sizeof middle, "%.*s", (int)(length[k] - begin - end), name[k] + begin);
    shorten_middle(heads[k], middle, width);
  }
  const bool differ = all_differ(heads, c->count);
  for (size_t k = 0; !differ && k < c->count; k++) {
    if (k < 26)
      snprintf(heads[k], CGAP_HEAD_SIZE, "%c", (char)('A' + k));
    else
      snprintf(heads[k], CGAP_HEAD_SIZE, "#%zu", k + 1);
  }
}

/* Whether the head is the name, or the name but for an ending such as .h5. */
static bool is_whole(const char *head, const char *name)
{
  const size_t length = strlen(head);
  return strncmp(head, name, length) == 0 && (name[length] == '\0' || strrchr(name, '.') == name + length);
}

bool cgap_overview_legend(char out[CGAP_SENTENCE], const cgap_comparison *c, char (*heads)[CGAP_HEAD_SIZE])
{
  bool any = false;
  out[0] = '\0';
  for (size_t k = 0; k < c->count; k++) {
    if (is_whole(heads[k], c->input[k].name))
      continue;
    cgap_sentence_append(out, "%s%s = %.80s", any ? ", " : "", heads[k], c->input[k].name);
    any = true;
  }
  return any;
}

/* ---------------------------------------------------------------- sentences */

static const cgap_field *field_of(size_t entry)
{
  return entry < cgap_field_count() ? cgap_field_at(entry) : NULL;
}

static void put_value(char out[40], const cgap_overview *o, size_t k, size_t entry)
{
  cgap_value_show(out, cgap_ranking_value(o->comparison, k, entry), field_of(entry) ? field_of(entry)->decimals : 4);
}

static const cgap_ranked *ranked_of(const cgap_overview *o, size_t entry)
{
  for (size_t m = 0; m < o->ranking.count; m++)
    if (o->ranking.measure[m].entry == entry)
      return &o->ranking.measure[m];
  return NULL;
}

/* The one by which the inputs are sorted, else the first. */
static const cgap_ranked *leading(const cgap_overview *o)
{
  const cgap_ranked *m = o->sort_entry == SIZE_MAX ? NULL : ranked_of(o, o->sort_entry);
  return m ? m : &o->ranking.measure[0];
}

/* Inputs that have the measure, but for the best. */
static size_t count_others(const cgap_overview *o, const cgap_ranked *m)
{
  size_t others = 0;
  for (size_t k = 0; k < o->comparison->count; k++)
    others += k != m->best && isfinite(cgap_ranking_value(o->comparison, k, m->entry));
  return others;
}

/* Inputs that the best is not clearly better than. */
static size_t count_near(const cgap_ranked *m, size_t inputs)
{
  size_t near = 0;
  for (size_t k = 0; k < inputs; k++)
    near += k != m->best && isfinite(m->lead[k].change.difference) && !(m->lead[k].p_holm < 0.05);
  return near;
}

static void say_first(cgap_verdict_words *out, const cgap_overview *o, char (*heads)[CGAP_HEAD_SIZE])
{
  const cgap_modality_names *names = &o->comparison->names;
  const cgap_ranked *m = leading(o);
  char title[CGAP_TITLE_SIZE], value[40], next[40];
  if (m->best == SIZE_MAX)
    return;
  char *text = out->sentence[out->count++];
  const size_t near = count_near(m, o->comparison->count);
  cgap_entry_title(title, m->entry, &o->comparison->names);
  put_value(value, o, m->best, m->entry);
  put_value(next, o, m->next, m->entry);
  cgap_sentence_say(text, names, "%s: %s is best (%s)", title, heads[m->best], value);
  if (m->significant)
    cgap_sentence_say(text, names, ", significantly better than each of the others%s; next is %s (%s).",
                      count_others(o, m) + 1 < o->comparison->count ? cgap_tr(names, N_(" that have a value")) : "",
                      heads[m->next], next);
  else if (near == count_others(o, m))
    cgap_sentence_say(text, names, ", not significantly better than any other; next is %s (%s).", heads[m->next], next);
  else if (near == 1)
    cgap_sentence_say(text, names, ", significantly better than all but %s (%s).", heads[m->next], next);
  else
    cgap_sentence_say(text, names, ", not significantly better than %s (%s)%s.", heads[m->next], next,
                      cgap_tr(names, near == 2 ? N_(" and one more") : N_(" and others")));
}

/* From the first of a series to its last. */
static void say_course(cgap_verdict_words *out, const cgap_overview *o, char (*heads)[CGAP_HEAD_SIZE])
{
  const size_t entry = leading(o)->entry;
  const size_t *by_number = o->order;
  size_t first = by_number[0], last = by_number[0];
  char title[CGAP_TITLE_SIZE], from[40], to[40];
  for (size_t k = 0; k < o->comparison->count; k++) {
    first = o->number[k] < o->number[first] ? k : first;
    last = o->number[k] > o->number[last] ? k : last;
  }
  cgap_entry_title(title, entry, &o->comparison->names);
  put_value(from, o, first, entry);
  put_value(to, o, last, entry);
  cgap_sentence_say(out->sentence[out->count++], &o->comparison->names,
                    "%s: %s at the start of the series (%s), %s at its end (%s).", title, from, heads[first], to,
                    heads[last]);
}

enum { NAMED_MEASURES = 3 };

/* "clip at 8 of 16 (Gap: corrected distance; … and 5 more)" */
static void put_wins(char text[CGAP_SENTENCE], const cgap_overview *o, size_t k, size_t wins)
{
  const cgap_modality_names *names = &o->comparison->names;
  size_t named = 0;
  const char *mark = cgap_tr(names, N_(" ("));
  for (size_t m = 0; m < o->ranking.count && named < NAMED_MEASURES; m++) {
    char title[CGAP_TITLE_SIZE];
    if (o->ranking.measure[m].best != k || !o->ranking.measure[m].significant)
      continue;
    cgap_entry_title(title, o->ranking.measure[m].entry, &o->comparison->names);
    cgap_sentence_append(text, "%s%s", mark, title);
    mark = cgap_tr(names, N_("; "));
    named++;
  }
  if (wins > named)
    cgap_sentence_say(text, names, "; %zu more", wins - named);
  cgap_sentence_say(text, names, ")");
}

static void say_wins(cgap_verdict_words *out, const cgap_overview *o, char (*heads)[CGAP_HEAD_SIZE])
{
  const cgap_modality_names *names = &o->comparison->names;
  const size_t inputs = o->comparison->count;
  size_t wins[inputs], any = 0, ranked = 0;
  for (size_t k = 0; k < inputs; k++)
    wins[k] = 0;
  for (size_t m = 0; m < o->ranking.count; m++) {
    ranked += o->ranking.measure[m].better != CGAP_NEITHER;
    any += o->ranking.measure[m].significant;
    if (o->ranking.measure[m].significant)
      wins[o->ranking.measure[m].best]++;
  }
  char *text = out->sentence[out->count++];
  if (!any) {
    cgap_sentence_say(text, names, "No input is significantly best at any of the %zu measures.", ranked);
    return;
  }
  cgap_sentence_say(text, names, "Significantly best:");
  for (size_t shown = 0, said = 0; said < any && shown < 3; shown++) {
    size_t most = 0;
    for (size_t k = 1; k < inputs; k++)
      most = wins[k] > wins[most] ? k : most;
    if (!wins[most])
      break;
    cgap_sentence_say(text, names, "%s %s at %zu of %zu", shown ? cgap_tr(names, N_(",")) : "", heads[most], wins[most],
                      ranked);
    put_wins(text, o, most, wins[most]);
    said += wins[most];
    wins[most] = 0;
  }
  if (any < ranked)
    cgap_sentence_say(text, names, "; at %zu no input is.", ranked - any);
  else
    cgap_sentence_say(text, names, ".");
}

static void say_methods(cgap_verdict_words *out, const cgap_comparison *c)
{
  size_t exact = 0;
  for (size_t k = 0; k < c->count; k++)
    exact += cgap_comparison_method(c, k) == CGAP_EXACT;
  if (exact > 0 && exact < c->count)
    cgap_sentence_say(out->sentence[out->count++], &c->names,
                      "%zu of %zu inputs were measured exactly, the others on a sample or in bfloat16: small "
                      "differences may come from that.",
                      exact, c->count);
}

static void say_training(cgap_verdict_words *out, const cgap_comparison *c, char (*heads)[CGAP_HEAD_SIZE])
{
  size_t trained = 0, one = 0;
  for (size_t k = 0; k < c->count; k++)
    if (c->input[k].trained_on) {
      trained++;
      one = k;
    }
  if (trained)
    cgap_sentence_say(out->sentence[out->count++], &c->names,
                      "The head behind %s%s was trained on %.60s of it, which it suits better than others.", heads[one],
                      trained > 1 ? cgap_tr(&c->names, N_(" (and those behind others)")) : "",
                      c->input[one].trained_on);
}

void cgap_overview_words(cgap_verdict_words *out, const cgap_overview *o, char (*heads)[CGAP_HEAD_SIZE])
{
  *out = (cgap_verdict_words){.names = &o->comparison->names, .level = CGAP_LEVEL_UNKNOWN};
  if (o->number)
    say_course(out, o, heads);
  say_first(out, o, heads);
  say_wins(out, o, heads);
  cgap_overview_rows(out->sentence[out->count++], o);
  if (cgap_comparison_other_names(out->sentence[out->count], o->comparison))
    out->count++;
  say_methods(out, o->comparison);
  say_training(out, o->comparison, heads);
}

void cgap_overview_notes(cgap_notes *out, const cgap_overview *o, const char *mark)
{
  const cgap_modality_names *names = &o->comparison->names;
  size_t other[CGAP_OTHER_D + 1] = {0}, bare = 0, tied = 0;
  *out = (cgap_notes){.names = names};
  for (size_t m = 0; m < o->ranking.count; m++) {
    const cgap_ranked *r = &o->ranking.measure[m];
    other[r->other]++;
    bare += r->best != SIZE_MAX && !isfinite(r->lead[r->next].p);
    tied += r->better != CGAP_NEITHER && r->best == SIZE_MAX && r->other == CGAP_OTHER_NONE;
  }
  if (o->ranking.tests == 0)
    cgap_sentence_say(out->text[out->count++], names, "No difference could be tested.");
  else
    cgap_sentence_say(out->text[out->count++], names,
                      "%s: significantly better than each other input (95 %% intervals of the differences, with "
                      "Holm's correction within each measure: one mark in twenty measures may be chance).",
                      mark);
  const struct {
    size_t count;
    const char *one, *more;
  } left_out[] = {
    {other[CGAP_OTHER_N], N_("depends on the number of rows, which differs"),
     N_("depend on the number of rows, which differs")},
    {other[CGAP_OTHER_D], N_("depends on d, which differs"), N_("depend on d, which differs")},
    {tied, N_("has the same best value in several inputs"), N_("have the same best value in several inputs")},
    {bare, N_("has no interval"), N_("have no interval")}};
  char *text = out->text[out->count];
  for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
    if (left_out[i].count)
      cgap_sentence_say(text, names, "%s%zu measure%s that %s", cgap_tr(names, *text ? N_("; ") : N_("Never marked: ")),
                        left_out[i].count, left_out[i].count == 1 ? "" : "s",
                        cgap_tr(names, left_out[i].count == 1 ? left_out[i].one : left_out[i].more));
  if (*text) {
    cgap_sentence_say(text, names, ".");
    out->count++;
  }
}
