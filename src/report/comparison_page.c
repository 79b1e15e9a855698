/* The page of a comparison, and what the pages of trainings show of one. */
#include <math.h>
#include <string.h>

#include "report/comparison_show.h"
#include "report/tiles.h"

/* ---------------------------------------------------------------- what came of all measures */

/* How a difference counts, and what its mark looks like. */
typedef enum outcome { BETTER, WORSE, UNCLEAR, BARE, OUTCOMES } outcome;

static const struct {
  const char *class, *sign, *word;
} LOOK[OUTCOMES] = {{"gain", "▲", N_("better")},
                    {"loss", "▼", N_("worse")},
                    {"unclear", "○", N_("unclear")},
                    {"bare", "·", N_("without verdict")}};

/* OUTCOMES: there is no difference. */
static outcome outcome_of(const cgap_comparison *c, size_t k, size_t e)
{
  const cgap_change *d = &c->change[k * c->entries + e];
  const char *word = cgap_change_word(d, cgap_comparison_better(c, k, e));
  if (!c->input[0].present[e] || !c->input[k].present[e] || !isfinite(d->difference))
    return OUTCOMES;
  return strcmp(word, "better") == 0                                 ? BETTER
         : strcmp(word, "worse") == 0 || strcmp(word, "opens") == 0  ? WORSE
         : strcmp(word, "unclear") == 0 || strcmp(word, "same") == 0 ? UNCLEAR
                                                                     : BARE;
}

/* In the group of fields (CGAP_GROUPS: in all). */
static size_t count_outcomes(size_t count[OUTCOMES], const cgap_comparison *c, size_t k, size_t group)
{
  size_t all = 0;
  memset(count, 0, OUTCOMES * sizeof *count);
  for (size_t e = 0; e < cgap_field_count(); e++) {
    const outcome o = outcome_of(c, k, e);
    if (o == OUTCOMES || (group < CGAP_GROUPS && (size_t)cgap_field_at(e)->group != group))
      continue;
    count[o]++;
    all++;
  }
  return all;
}

/* "18 better, 2 worse, 7 unclear" */
static void append_counts(char text[CGAP_SENTENCE], const cgap_modality_names *names, const size_t count[OUTCOMES],
                          outcome last)
{
  const char *comma = "";
  for (outcome o = BETTER; o <= last; o++) {
    if (!count[o])
      continue;
    cgap_sentence_say(text, names, "%s%zu %s", comma, count[o], cgap_tr(names, LOOK[o].word));
    comma = cgap_tr(names, N_(", "));
  }
}

/* A mark for each measure of the group; its name and its values are shown to who points at it. */
static void put_marks(cgap_page *page, const cgap_comparison *c, size_t k, size_t group)
{
  fputs("<td class=\"marks\" aria-hidden=\"true\">", page->out);
  for (size_t e = 0; e < cgap_field_count(); e++) {
    const cgap_field *f = cgap_field_at(e);
    const outcome o = outcome_of(c, k, e);
    char from[40], to[40];
    if (o == OUTCOMES || (size_t)f->group != group)
      continue;
    cgap_value_show(from, c->input[0].scalar[e].value, f->decimals);
    cgap_value_show(to, c->input[k].scalar[e].value, f->decimals);
    fprintf(page->out, "<i class=\"%s\" title=\"", LOOK[o].class);
    cgap_page_text(
      page, "%s: %s → %s, %s", cgap_field_title(f, &c->names).s, from, to,
      cgap_tr(&c->names, cgap_change_word(&c->change[k * c->entries + e], cgap_comparison_better(c, k, e))));
    fprintf(page->out, "\">%s</i>", LOOK[o].sign);
  }
  fputs("</td>", page->out);
}

/* The names of those that are clearly worse, of the group, as long as they are few. */
static void put_worse(cgap_page *page, const cgap_comparison *c, size_t k, size_t group, size_t count)
{
  enum { NAMED_MAX = 3 };
  size_t named = 0;
  fputs("<td>", page->out);
  for (size_t e = 0; e < cgap_field_count() && named < NAMED_MAX; e++) {
    if ((size_t)cgap_field_at(e)->group != group || outcome_of(c, k, e) != WORSE)
      continue;
    const cgap_phrase title = cgap_field_title(cgap_field_at(e), &c->names);
    const char *label = strstr(title.s, ": ");
    cgap_page_text(page, "%s%s%s", cgap_tr(&c->names, named++ ? N_("; ") : N_("worse: ")), label ? label + 2 : title.s,
                   cgap_tr(&c->names, cgap_comparison_trained_on(c, k, e) ? N_(" (trained on)") : ""));
  }
  if (count > named)
    cgap_page_text(page, "; and %zu more", count - named);
  fputs("</td>", page->out);
}

void cgap_comparison_page_summary(cgap_page *page, const cgap_comparison *c, size_t k)
{
  char text[CGAP_SENTENCE] = "";
  size_t count[OUTCOMES];
  if (cgap_comparison_other_d(text, c, k))
    cgap_page_put(page, "p", "%s.", text);
  text[0] = '\0';
  if (count_outcomes(count, c, k, CGAP_GROUPS) == count[BARE])
    return;
  append_counts(text, &c->names, count, UNCLEAR);
  cgap_page_put(page, "p",
                "Of %zu measures: %s. %s better and %s worse: the 95 %% interval of the difference "
                "excludes 0; %s unclear or the same; %s no interval, or no better direction.",
                count[BETTER] + count[WORSE] + count[UNCLEAR], text, LOOK[BETTER].sign, LOOK[WORSE].sign,
                LOOK[UNCLEAR].sign, LOOK[BARE].sign);
  fputs("<table class=\"summary\">\n", page->out);
  cgap_page_put(page, "caption", "A mark for each measure");
  fputs("<tbody>\n", page->out);
  for (size_t g = 0; g < CGAP_GROUPS; g++) {
    if (count_outcomes(count, c, k, g) == count[BARE])
      continue;
    text[0] = '\0';
    append_counts(text, &c->names, count, UNCLEAR);
    fputs("<tr><th scope=\"row\">", page->out);
    cgap_page_text(page, "%s", cgap_tr(page->names, cgap_groups[g].title));
    fputs("</th>", page->out);
    put_marks(page, c, k, g);
    fputs("<td class=\"o\">", page->out);
    cgap_page_text(page, "%s", text);
    fputs("</td>", page->out);
    put_worse(page, c, k, g, count[WORSE]);
    fputs("</tr>\n", page->out);
  }
  fputs("</tbody>\n</table>\n", page->out);
}

void cgap_comparison_worse(char text[CGAP_SENTENCE], const cgap_comparison *c, size_t k)
{
  size_t count[OUTCOMES];
  const char *comma = ": ";
  text[0] = '\0';
  count_outcomes(count, c, k, CGAP_GROUPS);
  const size_t all = count[BETTER] + count[WORSE] + count[UNCLEAR];
  if (count[WORSE])
    cgap_sentence_say(text, &c->names, "%zu of %zu measures clearly worse", count[WORSE], all);
  else
    cgap_sentence_say(text, &c->names, "none of %zu measures clearly worse", all);
  for (size_t g = 0; g < CGAP_GROUPS && count[WORSE]; g++) {
    size_t own[OUTCOMES];
    count_outcomes(own, c, k, g);
    if (!own[WORSE])
      continue;
    cgap_sentence_append(text, "%s%s (%zu)", comma, cgap_tr(&c->names, cgap_groups[g].title), own[WORSE]);
    comma = ", ";
  }
}

/* ---------------------------------------------------------------- the table of every measure */

enum { FIXED = 6, HEADS = 16, HEAD = 80 };

static cgap_cell value_cell(const cgap_compared *in, size_t e)
{
  return cgap_cell_number(cgap_value_or_nan(&in->scalar[e]), cgap_field_at(e)->decimals);
}

/* The values of the inputs [beside, beside_end) follow. */
static void put_row(cgap_page *page, const cgap_comparison *c, size_t k, size_t e, size_t beside, size_t beside_end)
{
  char interval[100];
  const cgap_phrase title = cgap_field_title(cgap_field_at(e), &c->names);
  const cgap_change *d = &c->change[k * c->entries + e];
  const int decimals = cgap_field_at(e)->decimals;
  const char *word = cgap_change_word(d, cgap_comparison_better(c, k, e));
  char verdict[60];
  snprintf(verdict, sizeof verdict, "%s%s", cgap_tr(&c->names, word),
           cgap_tr(&c->names, cgap_comparison_trained_on(c, k, e) ? N_(" (trained on)") : ""));
  cgap_interval_show(interval, d->lo, d->hi, decimals, cgap_tr(&c->names, N_("%s to %s")));
  cgap_cell cells[HEADS] = {
    {.text = title.s, .key = cgap_field_at(e)->key}, value_cell(&c->input[0], e), value_cell(&c->input[k], e),
    cgap_cell_number(d->difference, decimals),       cgap_cell_text(interval),    cgap_cell_text(verdict)};
  size_t count = FIXED;
  for (size_t i = beside; i < beside_end; i++)
    cells[count++] = value_cell(&c->input[i], e);
  cgap_page_row(page, cells, count);
}

static void head_of(char out[HEAD], const char *name)
{
  out[0] = '#';
  cgap_name_shorten(out + 1, HEAD - 1, name);
}

void cgap_comparison_page_table(cgap_page *page, const cgap_comparison *c, size_t k, size_t beside, size_t beside_end)
{
  char names[HEADS][HEAD], caption[CGAP_SENTENCE], intervals[CGAP_INTERVALS];
  const char *heads[HEADS] = {"Measure", names[1], names[2], "#Difference", "95 % interval", "For the"};
  size_t count = FIXED;
  head_of(names[1], cgap_input_shown(c, 0));
  head_of(names[2], cgap_input_shown(c, k));
  for (size_t i = beside; i < beside_end && count < HEADS; i++, count++) {
    head_of(names[count], c->input[i].name);
    heads[count] = names[count];
  }
  cgap_comparison_intervals(intervals, c, &c->names);
  cgap_modality_printf(caption, sizeof caption, &c->names, "%.79s against %.79s; intervals: %s", names[2] + 1,
                       names[1] + 1, intervals);
  cgap_page_table(page, caption, heads, count);
  for (size_t e = 0; e < cgap_field_count(); e++)
    if (c->input[0].present[e] && c->input[k].present[e])
      put_row(page, c, k, e, beside, beside + count - FIXED);
  cgap_page_table_end(page);
}

/* ---------------------------------------------------------------- the page of compare */

typedef struct page_data {
  const cgap_comparison *comparison;
  const cgap_comparison_about *about;
} page_data;

/* A difference as a tile has it. */
static cgap_scalar change_scalar(const cgap_change *d)
{
  return (cgap_scalar){.value = d->difference, .lo = d->lo, .hi = d->hi};
}

/* What a reader wants to know first of two inputs; those that both have. */
static void put_tiles(cgap_page *page, const cgap_comparison *c, size_t k)
{
  static const char *const KEYS[] = {"gap.corrected_distance",
                                     "retrieval.image_to_text.recall_at_1",
                                     "retrieval.text_to_image.recall_at_1",
                                     "mixed_retrieval.image_query.ndcg_at_10",
                                     "mixed_retrieval.text_query.ndcg_at_10",
                                     "zero_shot.mean_per_class"};
  cgap_page_tiles(page, "What changed");
  for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
    const size_t e = cgap_entry_find(KEYS[i]);
    cgap_tile_look tile = cgap_tile_look_of(KEYS[i]);
    if (!c->input[0].present[e] || !c->input[k].present[e])
      continue;
    if (c->change[k * c->entries + e].other == CGAP_OTHER_N)
      tile.note = "not compared: it depends on the number of rows, which differs";
    const cgap_scalar difference = change_scalar(&c->change[k * c->entries + e]);
    cgap_page_tile_change(page, &tile, &c->input[0].scalar[e], &c->input[k].scalar[e], &difference);
  }
  cgap_page_tiles_end(page);
}

const char *const cgap_search_kinds[CGAP_SEARCH_KINDS] = {
  "retrieval.image_to_text.recall_at_1", "retrieval.text_to_image.recall_at_1",
  "mixed_retrieval.image_query.ndcg_at_10", "mixed_retrieval.text_query.ndcg_at_10", "zero_shot.mean_per_class"};

/* What follows for the choice between the first input and input k, and what it costs. */
static void add_advice(cgap_verdict_words *words, const cgap_comparison *c, size_t k)
{
  size_t count[OUTCOMES + 1] = {0}, compared = 0;
  for (size_t s = 0; s < CGAP_SEARCH_KINDS; s++)
    count[outcome_of(c, k, cgap_entry_find(cgap_search_kinds[s]))]++;
  compared = count[BETTER] + count[WORSE] + count[UNCLEAR];
  char *text = words->sentence[words->count];
  text[0] = '\0';
  if (!compared || words->count + 2 > sizeof words->sentence / sizeof *words->sentence)
    return;
  if (count[BETTER] + count[WORSE] == 0)
    cgap_sentence_say(text, &c->names, "What to do: search does not decide, none of its %zu kinds clearly differs.",
                      compared);
  else {
    if (count[BETTER] && count[WORSE])
      cgap_sentence_say(text, &c->names, "What to do: choose by the search that matters.");
    else
      cgap_sentence_say(text, &c->names, "What to do: use %s.", c->input[count[BETTER] ? k : 0].name);
    cgap_sentence_say(text, &c->names, " With %s search is clearly better in %zu of %zu kinds, clearly worse in %zu.",
                      c->input[k].name, count[BETTER], compared, count[WORSE]);
  }
  words->count++;
  char *hurts = words->sentence[words->count++], worse[CGAP_SENTENCE];
  hurts[0] = '\0';
  cgap_comparison_worse(worse, c, k);
  cgap_sentence_say(hurts, &c->names, "Whom it hurts: %s.", worse);
}

/* The box has the colour of what became of the gap. */
static cgap_level direction_level(const cgap_comparison *c, size_t k)
{
  const outcome o = outcome_of(c, k, cgap_entry_find("gap.corrected_distance"));
  return o == BETTER ? CGAP_LEVEL_LOW : o == WORSE ? CGAP_LEVEL_SEVERE : CGAP_LEVEL_UNKNOWN;
}

static void put_result(cgap_page *page, const void *data)
{
  const cgap_comparison *c = ((const page_data *)data)->comparison;
  for (size_t k = 1; k < c->count; k++) {
    cgap_verdict_words words, box;
    cgap_comparison_words(&words, c, k);
    box = words;
    box.count = 1;
    box.level = direction_level(c, k);
    add_advice(&box, c, k);
    if (c->count > 2)
      cgap_page_put(page, "h3", "%s", c->input[k].name);
    cgap_page_verdict(page, &box, NULL);
    put_tiles(page, c, k);
    for (size_t i = 1; i < words.count; i++)
      cgap_page_put(page, "p", "%s", words.sentence[i]);
    cgap_comparison_page_summary(page, c, k);
  }
}

static void put_figures(cgap_page *page, const void *data)
{
  const cgap_comparison_about *about = ((const page_data *)data)->about;
  cgap_page_put(page, "p", "%s", cgap_tr(page->names, about->figure_words));
  cgap_page_figures(page, about->figures, about->figure_count);
}

static void put_measures(cgap_page *page, const void *data)
{
  const cgap_comparison *c = ((const page_data *)data)->comparison;
  for (size_t k = 1; k < c->count; k++)
    cgap_comparison_page_table(page, c, k, 0, 0);
}

/* Of the measures that both inputs have. */
static void put_definitions(cgap_page *page, const void *data)
{
  const cgap_comparison *c = ((const page_data *)data)->comparison;
  unsigned has = 0;
  for (size_t e = 0; e < cgap_field_count(); e++)
    for (size_t k = 1; k < c->count; k++)
      if (c->input[0].present[e] && c->input[k].present[e])
        has |= cgap_field_at(e)->needs;
  cgap_page_definitions(page, has);
}

static void put_run(cgap_page *page, const void *data)
{
  const page_data *p = data;
  char intervals[CGAP_INTERVALS];
  cgap_page_run(page, &p->about->run);
  for (size_t k = 0; k < p->comparison->count; k++)
    cgap_page_term(page, k ? N_("compared with it") : N_("the first"), "%s", p->about->paths[k]);
  cgap_comparison_intervals(intervals, p->comparison, &p->comparison->names);
  cgap_page_term(page, N_("intervals"), "%s", intervals);
  cgap_page_term(page, "seed", "%llu", (unsigned long long)p->about->run.seed);
  fputs("</dl>\n", page->out);
  cgap_page_put(page, "p", "The same numbers are in %s.", "compare.json");
}

cgap_status cgap_comparison_page_write(const cgap_comparison *c, const cgap_comparison_about *about, const char *folder,
                                       cgap_error *error)
{
  static const cgap_section all[] = {{"result", "What changed", put_result},
                                     {"figures", "Figures", put_figures},
                                     {"measures", "Every measure", put_measures},
                                     {"definitions", "Definitions", put_definitions},
                                     {"run", "How it was run", put_run}};
  cgap_section sections[sizeof all / sizeof *all + 1] = {{NULL, NULL, NULL}};
  char title[200], from[80], to[80];
  size_t used = 0;
  for (size_t s = 0; s < sizeof all / sizeof *all; s++)
    if (all[s].put != put_figures || about->figure_count)
      sections[used++] = all[s];
  cgap_name_shorten(from, sizeof from, c->input[0].name);
  cgap_name_shorten(to, sizeof to, c->input[1].name);
  (void)cgap_modality_printf(title, sizeof title, &c->names, "From %s to %s%s", from, to,
                             cgap_tr(&c->names, c->count > 2 ? N_(" and others") : ""));
  const page_data data = {c, about};
  return cgap_page_write(folder, title, "The contrastive gap, compared", &c->names, sections, &data, about->warn_line,
                         error);
}
