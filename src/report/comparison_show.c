/* Comparisons of reports that were written before; a comparison as a table and as JSON. */
#include "report/comparison_show.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/output_file.h"
#include "base/text_buffer.h"
#include "report/brief.h"

const char *cgap_input_shown(const cgap_comparison *c, size_t k)
{
  const char *name = c->input[k].name;
  return strcmp(name, "before") == 0 || strcmp(name, "after") == 0 ? cgap_tr(&c->names, name) : name;
}

void cgap_entry_title(char out[CGAP_TITLE_SIZE], size_t entry, const cgap_modality_names *names)
{
  if (entry < cgap_field_count()) {
    snprintf(out, CGAP_TITLE_SIZE, "%.*s", CGAP_TITLE_SIZE - 1, cgap_field_title(cgap_field_at(entry), names).s);
    return;
  }
  snprintf(out, CGAP_TITLE_SIZE, "%s", cgap_entry_key(entry));
  for (char *p = out; *p; p++)
    *p = *p == '.' || *p == '_' ? ' ' : *p;
}

/* ---------------------------------------------------------------- from reports */

cgap_status cgap_comparison_trained(cgap_comparison *c, size_t k, const json_t *input, cgap_error *error)
{
  const char *text = json_string_value(json_object_get(input, "trained_on"));
  c->input[k].trained = cgap_terms_of_text(json_string_value(json_object_get(input, "trained_losses")));
  if (!text)
    return CGAP_OK;
  free(c->input[k].trained_on);
  c->input[k].trained_on = strdup(text);
  if (c->input[k].trained_on)
    cgap_text_clean(c->input[k].trained_on, '?', "");
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
  cgap_modality_names names = {0};
  bool any = false;
  const size_t modalities = json_array_size(json_object_get(report, "modalities"));
  if (modalities > 2)
    return cgap_fail(
      error, CGAP_DATA,
      "%s: a report of %zu modalities, and reports of one or two can be compared; give FILE:PAIR for one "
      "of its pairs, as in report.json:image-text",
      name, modalities);
  for (size_t e = 0; e < c->entries; e++) {
    const json_t *found = cgap_json_get(report, cgap_entry_key(e));
    in->present[e] = found != NULL;
    in->scalar[e] = scalar_of(found);
    any = any || (found && e < cgap_field_count());
  }
  in->dim = (uint64_t)json_integer_value(cgap_json_get(report, "input.measured.dim"));
  const json_t *text_dim = cgap_json_get(report, "input.measured.text_dim");
  const bool has_texts = json_integer_value(cgap_json_get(report, "input.measured.texts")) > 0;
  in->text_dim = text_dim ? (uint64_t)json_integer_value(text_dim) : has_texts ? in->dim : 0;
  cgap_modality_names_read(&names, json_object_get(report, "modalities"));
  if (modalities > 0)
    cgap_comparison_call_modalities(c, &names, has_texts);
  in->seconds = number_of(cgap_json_get(report, "run.seconds"));
  if (!any)
    return cgap_fail(
      error, CGAP_DATA,
      "%s: no report of contragap (no key such as gap.centroid_distance); give a report.json or a file of embeddings",
      name);
  cgap_status status = cgap_comparison_trained(c, k, json_object_get(report, "input"), error);
  return status == CGAP_OK ? cgap_comparison_set_name(c, k, name, error) : status;
}

const char *cgap_report_pair(char file[CGAP_PATH], const char *argument)
{
  struct stat facts;
  const char *colon = strrchr(argument, ':');
  if (!colon || stat(argument, &facts) == 0 || colon - argument >= CGAP_PATH)
    return NULL;
  snprintf(file, CGAP_PATH, "%.*s", (int)(colon - argument), argument);
  return stat(file, &facts) == 0 ? colon + 1 : NULL;
}

const json_t *cgap_report_of_pair(const json_t *report, const char *pair)
{
  const json_t *found = json_object_get(json_object_get(report, "pairs"), pair);
  return json_object_get(found, "schema_version") ? found : NULL;
}

/* ---------------------------------------------------------------- table */

enum { NUMBER_DECIMALS = 4 };

/* How wide the columns are; in a narrow table labels are shortened and the other columns follow in a table of their
 * own. */
typedef struct column_layout {
  int label, value, difference, interval, word, beside;
  bool narrow, apart;
  int decimals; /* at most */
} column_layout;

/* Two lines a measure: its name and the word, then the numbers. */
static const column_layout NARROWEST = {4, 8, 9, 18, 0, 11, false, true, 4}; /* 48 */
static const column_layout NARROW = {24, 9, 9, 18, 9, 11, true, true, 6};    /* 80 in all */
static const column_layout BRIEF = {29, 8, 8, 16, 8, 11, false, true, 3};    /* 79, of the measures that matter */
static const column_layout WIDE = {36, 14, 12, 20, 9, 12, false, false, 6};

static column_layout layout_for(int columns, size_t beside, bool all)
{
  const column_layout *w = &WIDE;
  if (!all && columns >= 80)
    return BRIEF;
  const int table = w->label + 2 * w->value + w->difference + w->interval + w->word + 2;
  column_layout out = table <= columns ? WIDE : columns < 80 ? NARROWEST : NARROW;
  out.apart = out.apart || table + (int)beside * w->beside > columns;
  return out;
}

static int decimals_of(size_t e)
{
  return e < cgap_field_count() ? cgap_field_at(e)->decimals : NUMBER_DECIMALS;
}

static int width_of(const char *text)
{
  return cgap_text_width(text, strlen(text));
}

static void put_name(FILE *out, const char *name, int width)
{
  const int blanks = width - width_of(name);
  fprintf(out, "%*s%s", blanks > 0 ? blanks : 1, "", name);
}

static void value_words(char out[40], const cgap_compared *in, size_t e)
{
  cgap_value_show(out, in->present[e] && !in->scalar[e].why ? in->scalar[e].value : NAN, decimals_of(e));
}

static int decimals_in(const column_layout *l, size_t e)
{
  return decimals_of(e) < l->decimals ? decimals_of(e) : l->decimals;
}

static void put_value(FILE *out, const column_layout *l, const cgap_compared *in, size_t e, int width)
{
  char text[40];
  cgap_value_show(text, in->present[e] && !in->scalar[e].why ? in->scalar[e].value : NAN, decimals_in(l, e));
  fprintf(out, "%*s", width, text);
}

/* "better", and "better*" where the loss that was trained on contains the measure. */
static void change_words(char out[40], const cgap_comparison *c, size_t k, size_t e)
{
  snprintf(out, 40, "%s%s", cgap_change_word(&c->change[k * c->entries + e], cgap_comparison_better(c, k, e)),
           cgap_comparison_trained_on(c, k, e) ? "*" : "");
}

/* The same in the language of names. */
static void shown_word(char out[40], const cgap_modality_names *names, const char *word)
{
  char bare[40];
  snprintf(bare, sizeof bare, "%.*s", (int)strcspn(word, "*"), word);
  snprintf(out, 40, "%s%s", *bare ? cgap_tr(names, bare) : "", word + strlen(bare));
}

static void put_left(FILE *out, const char *text, int width)
{
  fprintf(out, "%s%*s", text, width_of(text) < width ? width - width_of(text) : 0, "");
}

static void put_change(FILE *out, const column_layout *l, const cgap_modality_names *names, const cgap_change *d,
                       size_t e, const char *word, bool colour)
{
  char text[40], interval[100], shown[40];
  const char *paint = !colour                           ? ""
                      : strncmp(word, "better", 6) == 0 ? "\033[32m"
                      : strncmp(word, "worse", 5) == 0  ? "\033[31m"
                      : strncmp(word, "opens", 5) == 0  ? "\033[31m"
                                                        : "\033[2m";
  cgap_value_show(text, d->difference, decimals_in(l, e));
  cgap_interval_show(interval, d->lo, d->hi, decimals_in(l, e), "[%s, %s]");
  fprintf(out, "%*s", l->difference, text);
  if (*interval || *word)
    fputc(' ', out);
  if (l->word == 0) { /* the word is elsewhere */
    fputs(interval, out);
    return;
  }
  shown_word(shown, names, word);
  if (strncmp(word, "no interval", 11) == 0) { /* longer than the column of words, and this one is free */
    put_left(out, shown, l->apart ? 0 : l->interval + 1 + l->word);
    return;
  }
  fprintf(out, "%-*s %s", l->interval, interval, paint);
  put_left(out, shown, l->apart ? 0 : l->word);
  fputs(colour ? "\033[0m" : "", out);
}

/* The inputs that a table shows: the first and k where there are changes, then the other columns. */
typedef struct shown_inputs {
  size_t k; /* 0: no changes */
  size_t beside, end;
} shown_inputs;

static bool is_shown(const shown_inputs *s, size_t i)
{
  return (s->k && (i == 0 || i == s->k)) || (i >= s->beside && i < s->end);
}

static bool are_names_short(const cgap_comparison *c, const shown_inputs *s, const column_layout *l)
{
  for (size_t i = 0; i < c->count; i++) {
    const int width = s->k && (i == 0 || i == s->k) ? l->value : l->beside;
    if (is_shown(s, i) && width_of(cgap_input_shown(c, i)) >= width)
      return false;
  }
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

static void put_head(const cgap_comparison *c, const shown_inputs *s, const column_layout *l, FILE *out)
{
  const bool fit = are_names_short(c, s, l);
  char letter[24];
  for (size_t i = 0; !fit && i < c->count; i++)
    if (is_shown(s, i)) {
      letter_of(letter, i);
      fprintf(out, "%s = %s\n", letter, c->input[i].name);
    }
  fprintf(out, "%-*s", l->label, "");
  for (size_t i = 0; s->k && i <= s->k; i += s->k) {
    letter_of(letter, i);
    put_name(out, fit ? cgap_input_shown(c, i) : letter, l->value);
  }
  if (s->k) {
    put_name(out, cgap_tr(&c->names, l->difference < 11 ? N_("change") : N_("difference")), l->difference);
    fputc(' ', out);
    put_left(out, "95 %", s->end > s->beside ? l->interval : 0);
  }
  if (s->k && s->end > s->beside)
    fprintf(out, " %*s", l->word, "");
  for (size_t i = s->beside; i < s->end; i++) {
    letter_of(letter, i);
    put_name(out, fit ? cgap_input_shown(c, i) : letter, l->beside);
  }
  fputc('\n', out);
}

/* In a narrow table "image to text" is arrows between the first letters; where those are the same, "to text". */
static void narrow_direction(char words[100], const cgap_modality_names *names)
{
  static const char *const DIRECTION[2] = {"{image} to {text}", "{text} to {image}"};
  const int first[2] = {toupper((unsigned char)cgap_modality_name(names->of[0], 0)[0]),
                        toupper((unsigned char)cgap_modality_name(names->of[1], 1)[0])};
  for (int k = 0; k < 2; k++) {
    char *at = strstr(words, DIRECTION[k]);
    if (!at)
      continue;
    if (first[0] != first[1])
      snprintf(at, 100 - (size_t)(at - words), "%c→%c", first[k], first[1 - k]);
    else
      snprintf(at, 100 - (size_t)(at - words), "to %s", k ? "{image}" : "{text}");
  }
}

/* The field's label within its block, "recall@1, image to text". titled: the block's name is over it. */
static cgap_phrase label_of(const cgap_comparison *c, const cgap_field *f, bool narrow, bool titled)
{
  char words[100];
  const char *column = cgap_groups[f->group].columns[0] ? cgap_groups[f->group].columns[f->column] : "";
  const char *block = titled                              ? ""
                      : f->group == CGAP_GROUP_UNIFORMITY ? N_("uniformity, ") /* "mean" says too little */
                      : f->group == CGAP_GROUP_ZERO_SHOT  ? N_("zero-shot, ")
                                                          : "";
  cgap_phrase out;
  snprintf(words, sizeof words, "%.90s", column);
  if (narrow && !c->names.language)
    narrow_direction(words, &c->names);
  snprintf(out.s, sizeof out.s, "%s%.300s%s%.300s", *block ? cgap_tr(&c->names, block) : "",
           cgap_phrase_of(&c->names, f->label).s, *column ? ", " : "", cgap_phrase_of(&c->names, words).s);
  return out;
}

/* A label that its column does not hold has a line of its own. */
static void put_label(const cgap_comparison *c, const cgap_field *f, const column_layout *l, bool titled, FILE *out)
{
  const cgap_phrase title = label_of(c, f, l->narrow, titled);
  const int label_width = l->label - 2, shown_width = width_of(title.s);
  fprintf(out, "  %s%*s", title.s, shown_width <= label_width ? label_width - shown_width : 0, "");
  if (shown_width > label_width)
    fprintf(out, "\n%*s", l->label, "");
}

/* With the word behind the label, where no column of the numbers' line is left for it. */
static void put_label_and_word(const cgap_comparison *c, const cgap_field *f, const char *word, bool titled, FILE *out)
{
  enum { LABEL = 34 };
  const cgap_phrase title = label_of(c, f, false, titled);
  char shown[40];
  shown_word(shown, &c->names, word);
  fprintf(out, "  %s%*s%s\n    ", title.s, width_of(title.s) < LABEL ? LABEL - width_of(title.s) : 1, "", shown);
}

static bool is_listed_measure(const cgap_comparison *c, size_t k, size_t e, bool all)
{
  if (e >= cgap_field_count() || !c->input[0].present[e] || !c->input[k].present[e])
    return false;
  return all || cgap_entry_better(e) != CGAP_NEITHER;
}

/* Whether a measure is among the first that matter and that both inputs have. */
static bool is_main_measure(const cgap_comparison *c, size_t k, size_t e)
{
  const size_t place = cgap_brief_place(cgap_field_at(e)->key);
  size_t before = 0;
  for (size_t other = 0; place != CGAP_BRIEF_NOT && other < cgap_field_count(); other++)
    before += is_listed_measure(c, k, other, false) && cgap_brief_place(cgap_field_at(other)->key) < place;
  return place != CGAP_BRIEF_NOT && before < CGAP_BRIEF_LINES;
}

/* Without `all` those that matter alone. */
static void print_table(const cgap_comparison *c, size_t of, const shown_inputs *s, const column_layout *l, bool all,
                        bool colour, FILE *out)
{
  put_head(c, s, l, out);
  size_t group = SIZE_MAX;
  bool any_marked = false;
  for (size_t e = 0; e < cgap_field_count(); e++) {
    if (!is_listed_measure(c, of, e, all) || (!all && !is_main_measure(c, of, e)))
      continue;
    if (all && cgap_field_at(e)->group != group)
      fprintf(out, "%s%s%s\n", colour ? "\033[1m" : "", cgap_tr(&c->names, cgap_groups[cgap_field_at(e)->group].title),
              colour ? "\033[0m" : "");
    group = cgap_field_at(e)->group;
    char word[40] = "";
    if (s->k)
      change_words(word, c, s->k, e);
    if (s->k && l->word == 0)
      put_label_and_word(c, cgap_field_at(e), word, all, out);
    else
      put_label(c, cgap_field_at(e), l, all, out);
    if (s->k) {
      const cgap_change *d = &c->change[s->k * c->entries + e];
      put_value(out, l, &c->input[0], e, l->value);
      put_value(out, l, &c->input[s->k], e, l->value);
      put_change(out, l, &c->names, d, e, l->word ? word : "", colour);
      any_marked = any_marked || cgap_comparison_trained_on(c, s->k, e);
    }
    for (size_t i = s->beside; i < s->end; i++)
      put_value(out, l, &c->input[i], e, l->beside);
    fputc('\n', out);
  }
  if (any_marked)
    fprintf(out, "* %s\n", cgap_tr(&c->names, N_("a loss that was trained on")));
}

/* How the other measures came out, and the names of those that are worse. */
static void print_rest(const cgap_comparison *c, size_t k, const cgap_paper *paper, FILE *out)
{
  enum { NAMED_MAX = 3 };
  char text[CGAP_SENTENCE] = "", named[CGAP_SENTENCE] = "";
  size_t rest = 0, better = 0, worse = 0;
  for (size_t e = 0; e < cgap_field_count(); e++) {
    if (!is_listed_measure(c, k, e, false) || is_main_measure(c, k, e))
      continue;
    const char *word = cgap_change_word(&c->change[k * c->entries + e], cgap_comparison_better(c, k, e));
    rest++;
    better += strcmp(word, "better") == 0;
    if (strcmp(word, "worse") != 0)
      continue;
    if (++worse <= NAMED_MAX)
      cgap_sentence_append(named, "%s%s", cgap_tr(&c->names, worse > 1 ? N_("; ") : N_(": ")),
                           label_of(c, cgap_field_at(e), false, false).s);
  }
  if (worse > NAMED_MAX)
    cgap_sentence_say(named, &c->names, "; and %zu more", worse - NAMED_MAX);
  cgap_sentence_say(text, &c->names, "%zu measures more: %zu better, %zu worse%s. --all shows them.", rest, better,
                    worse, named);
  cgap_text_wrap(out, paper->columns, "", text, 0);
}

void cgap_comparison_print(const cgap_comparison *c, size_t k, size_t beside, size_t beside_end, bool all,
                           const cgap_paper *paper, FILE *out)
{
  const column_layout l = layout_for(paper->columns, all ? beside_end - beside : 0, all);
  const shown_inputs one = {.k = k, .beside = beside, .end = l.apart || !all ? beside : beside_end};
  print_table(c, k, &one, &l, all, paper->colour, out);
  if (!all)
    print_rest(c, k, paper, out);
  column_layout rest = l;
  rest.label = NARROW.label;
  const size_t fit = (size_t)((paper->columns - rest.label) / rest.beside);
  for (size_t from = beside; all && l.apart && from < beside_end; from += fit) {
    const shown_inputs some = {.beside = from, .end = from + fit < beside_end ? from + fit : beside_end};
    fputc('\n', out);
    print_table(c, k, &some, &rest, all, paper->colour, out);
  }
}

/* ---------------------------------------------------------------- for other documents */

enum { CHANGE_COLUMNS = 6 }; /* measure, value, value, difference, interval, verdict */

static void put_markup_row(FILE *out, cgap_markup markup, const cgap_comparison *c, const shown_inputs *s, size_t e,
                           size_t columns)
{
  enum { CELL = 100 };
  char text[columns][CELL];
  const char *cells[columns];
  const int decimals = decimals_of(e);
  const cgap_change *d = &c->change[s->k * c->entries + e];
  const size_t values[] = {0, s->k};
  char word[40];
  const cgap_phrase label = label_of(c, cgap_field_at(e), false, true);
  for (size_t i = 0; i < 2; i++)
    value_words(text[1 + i], &c->input[values[i]], e);
  cgap_value_show(text[3], d->difference, decimals);
  cgap_interval_show(text[4], d->lo, d->hi, decimals,
                     markup == CGAP_LATEX ? "[%s, %s]" : cgap_tr(&c->names, N_("%s to %s")));
  change_words(word, c, s->k, e);
  shown_word(text[5], &c->names, word);
  if (markup == CGAP_LATEX && !text[4][0]) /* the empty column before it says so */
    text[5][0] = '\0';
  for (size_t i = s->beside; i < s->end; i++)
    value_words(text[CHANGE_COLUMNS + i - s->beside], &c->input[i], e);
  for (size_t i = 0; i < columns; i++)
    cells[i] = i ? text[i] : label.s;
  cgap_markup_row(out, markup, cells, columns);
}

void cgap_comparison_markup(const cgap_comparison *c, size_t k, size_t beside, size_t beside_end, bool all,
                            cgap_markup markup, FILE *out)
{
  enum { HEAD = 120 };
  const shown_inputs s = {.k = k, .beside = beside, .end = beside_end};
  const size_t columns = CHANGE_COLUMNS + beside_end - beside;
  char named[columns][HEAD];
  const char *heads[columns];
  heads[0] = cgap_tr(&c->names, N_("measure"));
  heads[3] = cgap_tr(&c->names, N_("#difference"));
  heads[4] = cgap_tr(&c->names, N_("95 % interval"));
  heads[5] = cgap_tr(&c->names, N_("verdict"));
  for (size_t i = 0; i < columns; i++)
    if (i == 1 || i == 2 || i >= CHANGE_COLUMNS) {
      const size_t input = i == 1 ? 0 : i == 2 ? k : beside + i - CHANGE_COLUMNS;
      named[i][0] = '#';
      cgap_name_shorten(named[i] + 1, HEAD - 1, cgap_input_shown(c, input));
      heads[i] = named[i];
    }
  bool any_marked = false;
  cgap_markup_begin(out, markup, heads, columns);
  for (size_t e = 0, group = SIZE_MAX; e < cgap_field_count(); e++) {
    if (!is_listed_measure(c, k, e, all))
      continue;
    if (cgap_field_at(e)->group != group)
      cgap_markup_group(out, markup, cgap_tr(&c->names, cgap_groups[cgap_field_at(e)->group].title), columns);
    group = cgap_field_at(e)->group;
    put_markup_row(out, markup, c, &s, e, columns);
    any_marked = any_marked || cgap_comparison_trained_on(c, k, e);
  }
  cgap_markup_end(out, markup);
  if (any_marked && markup == CGAP_MARKDOWN)
    fputc('\n', out);
  char note[CGAP_SENTENCE];
  snprintf(note, sizeof note, "* %s", cgap_tr(&c->names, N_("a loss that was trained on")));
  if (any_marked)
    cgap_markup_note(out, markup, NULL, note);
}

/* ---------------------------------------------------------------- comma-separated values */

static void put_csv_head(const cgap_comparison *c, size_t k, const char *what, FILE *out)
{
  char head[400];
  snprintf(head, sizeof head, "%.300s%s", c->input[k].name, what);
  fputc(',', out);
  cgap_csv_text(out, head);
}

void cgap_comparison_csv(const cgap_comparison *c, FILE *out)
{
  static const char *const DIFFERENCE[] = {" difference", " ci95_low", " ci95_high", " verdict"};
  fputs("measure", out);
  for (size_t k = 0; k < c->count; k++)
    put_csv_head(c, k, "", out);
  for (size_t k = 1; k < c->count; k++)
    for (size_t w = 0; w < sizeof DIFFERENCE / sizeof *DIFFERENCE; w++)
      put_csv_head(c, k, DIFFERENCE[w], out);
  fputc('\n', out);
  for (size_t e = 0; e < c->entries; e++) {
    bool any = false;
    for (size_t k = 0; k < c->count; k++)
      any = any || c->input[k].present[e];
    if (!any)
      continue;
    fputs(cgap_entry_key(e), out);
    for (size_t k = 0; k < c->count; k++) {
      const cgap_scalar *s = &c->input[k].scalar[e];
      fputc(',', out);
      cgap_csv_number(out, c->input[k].present[e] && !s->why ? s->value : NAN);
    }
    for (size_t k = 1; k < c->count; k++) {
      const cgap_change *d = &c->change[k * c->entries + e];
      const double cells[] = {d->difference, d->lo, d->hi};
      for (size_t w = 0; w < sizeof cells / sizeof *cells; w++) {
        fputc(',', out);
        cgap_csv_number(out, cells[w]);
      }
      fprintf(out, ",%s", cgap_change_word(d, cgap_comparison_better(c, k, e)));
    }
    fputc('\n', out);
  }
}

/* ---------------------------------------------------------------- JSON */

static json_t *change_json(const cgap_change *d, cgap_better better, bool trained_on)
{
  json_t *interval = isfinite(d->lo) && isfinite(d->hi) ? json_pack("[f, f]", d->lo, d->hi) : json_null();
  return json_pack("{s:o, s:o, s:s, s:o*}", "value", cgap_number_json(d->difference), "ci95", interval, "verdict",
                   cgap_change_word(d, better), "trained_on", trained_on ? json_true() : NULL);
}

static json_t *measure_json(const cgap_comparison *c, size_t e)
{
  json_t *values = json_object(), *differences = json_object();
  for (size_t k = 0; k < c->count; k++) {
    const cgap_compared *in = &c->input[k];
    if (!in->present[e])
      continue;
    json_object_set_new(values, in->name,
                        e < cgap_field_count() ? cgap_scalar_json(&in->scalar[e])
                                               : cgap_number_json(in->scalar[e].value));
    if (k > 0)
      json_object_set_new(differences, in->name,
                          change_json(&c->change[k * c->entries + e], cgap_comparison_better(c, k, e),
                                      cgap_comparison_trained_on(c, k, e)));
  }
  return json_pack("{s:o, s:o}", "values", values, "differences", differences);
}

/* {name: [key…]} of the measures whose change has this word */
static json_t *named_json(const cgap_comparison *c, const char *word)
{
  json_t *out = json_object();
  for (size_t k = 1; k < c->count; k++) {
    json_t *keys = json_array();
    for (size_t e = 0; e < c->entries; e++)
      if (strcmp(cgap_change_word(&c->change[k * c->entries + e], cgap_comparison_better(c, k, e)), word) == 0)
        json_array_append_new(keys, cgap_json_string(cgap_entry_key(e)));
    json_object_set_new(out, c->input[k].name, keys);
  }
  return out;
}

static json_t *relation_json(cgap_rows_relation relation)
{
  static const char *const WORDS[] = {
    [CGAP_ROWS_SAME] = "known", [CGAP_ROWS_ASSUMED] = "assumed", [CGAP_ROWS_OTHER] = "no"};
  return relation == CGAP_ROWS_UNKNOWN ? json_null() : cgap_json_string(WORDS[relation]);
}

json_t *cgap_comparison_json(const cgap_comparison *c)
{
  json_t *root = json_object(), *inputs = json_array(), *measures = json_object();
  cgap_modality_names english = c->names;
  english.language = NULL;
  for (size_t k = 0; k < c->count; k++) {
    const cgap_compared *in = &c->input[k];
    json_t *input = json_pack("{s:o, s:o, s:o, s:s, s:o, s:s?, s:o}", "name", cgap_json_string(in->name), "dim",
                              in->dim ? json_integer((json_int_t)in->dim) : json_null(), "seconds",
                              cgap_number_json(in->seconds), "method", cgap_method_name(cgap_comparison_method(c, k)),
                              "same_rows", k ? relation_json(in->rows) : json_null(), "same_rows_why",
                              in->rows_why ? cgap_phrase_of(&english, in->rows_why).s : NULL, "trained_on",
                              cgap_json_string(in->trained_on));
    json_array_append_new(inputs, input);
  }
  json_object_set_new(root, "schema_version", json_integer(CGAP_SCHEMA_VERSION));
  json_object_set_new(root, "baseline", cgap_json_string(c->input[0].name));
  char intervals[CGAP_INTERVALS];
  cgap_comparison_intervals(intervals, c, &english);
  json_object_set_new(root, "intervals", cgap_json_string(intervals));
  json_object_set_new(root, "inputs", inputs);
  json_object_set_new(root, "better", named_json(c, "better"));
  json_object_set_new(root, "worse", named_json(c, "worse"));
  json_object_set_new(root, "opens", named_json(c, "opens"));
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
