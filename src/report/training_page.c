/* The page of a training. The first screen: what to use and the command, five tiles before and after, whom it hurts. */
#include "report/training_page.h"

#include <math.h>
#include <string.h>

#include "report/change_figures.h"
#include "report/figures.h"
#include "report/tiles.h"

bool cgap_training_has_epochs(const cgap_training_results *r)
{
  return r->training_result[0]->history.count > 0;
}

const char *cgap_training_curves(const cgap_training_results *r)
{
  return r->run_count > 1 ? "race" : "history";
}

/* Not where the embeddings as they are were chosen: before and after are the same. */
static bool changes_rows(const cgap_training_results *r)
{
  return !r->recommendation || r->recommendation->choice->chosen > 0;
}

/* ---------------------------------------------------------------- tiles */

/* What a tile of the means over both directions is called. */
static const cgap_tile_look TRIAL_TILES[CGAP_TRIAL_MEASURES] = {
  [CGAP_TRIAL_RECALL_AT_1] = {.label = "Finds its partner first, in the other modality",
                              .unit = "%",
                              .note = "recall@1, mean of both directions",
                              .factor = 100,
                              .decimals = 1,
                              .better = CGAP_HIGHER,
                              .to = 1,
                              .chance = NAN},
  [CGAP_TRIAL_MIXED_NDCG] = {.label = "Search in one index of {images} and {texts}",
                             .unit = "",
                             .note = "nDCG@10, mean of both directions",
                             .factor = 1,
                             .decimals = 3,
                             .better = CGAP_HIGHER,
                             .to = 1,
                             .chance = NAN},
};

/* The gap first, then the searches. */
static const int TRIAL_ORDER[] = {CGAP_TRIAL_DISTANCE, CGAP_TRIAL_RECALL_AT_1, CGAP_TRIAL_MIXED_NDCG};

/* The test part before and after run `run`. */
typedef struct trial {
  cgap_scalar before[CGAP_TRIAL_MEASURES], after[CGAP_TRIAL_MEASURES], difference[CGAP_TRIAL_MEASURES];
} trial;

static trial trial_of(cgap_page *page, const cgap_training_results *r, size_t run)
{
  trial t = {0};
  const cgap_audit *before = &r->evaluation->audit[0], *after = &r->evaluation->audit[run + 1];
  cgap_trial_measures(t.before, before);
  cgap_trial_measures(t.after, after);
  if (page->status == CGAP_OK)
    page->status = cgap_trial_differences(t.difference, before, after, page->error);
  return t;
}

static void put_zero_shot(cgap_page *page, const cgap_comparison *c, size_t k, bool changes)
{
  static const char KEY[] = "zero_shot.mean_per_class";
  const size_t e = cgap_entry_find(KEY);
  const cgap_tile_look tile = cgap_tile_look_of(KEY);
  if (!c->input[0].present[e] || !c->input[k].present[e])
    return;
  const cgap_change *d = &c->change[k * c->entries + e];
  const cgap_scalar difference = {.value = d->difference, .lo = d->lo, .hi = d->hi};
  if (changes)
    cgap_page_tile_change(page, &tile, &c->input[0].scalar[e], &c->input[k].scalar[e], &difference);
  else
    cgap_page_tile(page, &tile, &c->input[0].scalar[e], NULL, CGAP_LEVEL_UNKNOWN);
}

/* What it took, and which measures pay for it. */
static void put_cost(cgap_page *page, const cgap_training_results *r, size_t run)
{
  const cgap_choice *choice = r->recommendation ? r->recommendation->choice : NULL;
  const cgap_training_result *f = r->training_result[run];
  char worse[CGAP_SENTENCE];
  cgap_comparison_worse(worse, &r->evaluation->comparison, run + 1);
  fputs("<div class=\"tile\">\n<dt>", page->out);
  cgap_page_text(page, "Cost");
  fputs("</dt>\n<dd><b class=\"value\">", page->out);
  cgap_page_text(page, "%.2g s", choice ? choice->seconds_fit : f->seconds);
  fputs("</b>\n<small>", page->out);
  if (choice)
    cgap_page_text(page, "to fit it; to apply it %.2g s per million rows", choice->seconds_per_million_rows);
  else if (f->history.count)
    cgap_page_text(page, "%zu epochs, epoch %llu is kept", f->history.count, (unsigned long long)f->kept_epoch);
  else
    cgap_page_text(page, "to fit it");
  fputs("</small>\n<small>", page->out);
  cgap_page_text(page, "%s", worse);
  fputs("; <a href=\"#result\">", page->out);
  cgap_page_text(page, "%s", cgap_tr(page->names, N_("each measure")));
  fputs("</a></small>\n</dd>\n</div>\n", page->out);
}

static void put_tiles(cgap_page *page, const cgap_training_results *r, size_t run, bool changes)
{
  const trial t = trial_of(page, r, run);
  const cgap_tile_look distance = cgap_tile_look_of("gap.corrected_distance");
  cgap_page_tiles(page, changes ? "Before and after" : "As they are");
  for (size_t i = 0; i < sizeof TRIAL_ORDER / sizeof *TRIAL_ORDER; i++) {
    const int m = TRIAL_ORDER[i];
    const cgap_tile_look *tile = m == CGAP_TRIAL_DISTANCE ? &distance : &TRIAL_TILES[m];
    if (!isfinite(t.before[m].value))
      continue;
    if (changes)
      cgap_page_tile_change(page, tile, &t.before[m], &t.after[m], &t.difference[m]);
    else
      cgap_page_tile(page, tile, &t.before[m], NULL, CGAP_LEVEL_UNKNOWN);
  }
  put_zero_shot(page, &r->evaluation->comparison, run + 1, changes);
  if (changes)
    put_cost(page, r, run);
  cgap_page_tiles_end(page);
}

/* ---------------------------------------------------------------- what to do */

static void open_box(cgap_page *page, cgap_level level)
{
  fprintf(page->out, "<div class=\"verdict %s\">\n", cgap_level_class(level));
}

/* Whether the box speaks of classes, not of searches. */
static bool is_of_classes(const cgap_training_results *r)
{
  return r->recommendation && r->recommendation->choice->goal == CGAP_GOAL_ZERO_SHOT;
}

/* Whom the head hurts; of a race in few words. */
static void put_losers(cgap_page *page, const cgap_training_results *r)
{
  char text[CGAP_SENTENCE] = "";
  if (r->run_count == 1)
    cgap_changes_losers(text, r->changes[0], r->names, is_of_classes(r));
  for (size_t k = 0; k < r->run_count && r->run_count > 1; k++) {
    const cgap_flips *f = &r->changes[k]->flips[CGAP_SEARCH_CROSS][CGAP_BOTH_ASK][CGAP_WITHIN_1];
    cgap_sentence_say(
      text, page->names,
      k ? N_(", with %s %llu (%llu)")
        : N_("Search in the other modality: with %s %llu queries no longer find their partner first (%llu now do)"),
      r->evaluation->comparison.input[k + 1].name, (unsigned long long)f->lost, (unsigned long long)f->gained);
  }
  fputs("<p><b>", page->out);
  cgap_page_text(page, "Who loses.");
  fputs("</b> ", page->out);
  cgap_page_text(page, "%s%s", text, r->run_count > 1 ? cgap_tr(page->names, N_(".")) : "");
  fputs("</p>\n", page->out);
}

static void put_recommendation(cgap_page *page, const void *result)
{
  const cgap_training_results *r = result;
  const cgap_recommendation *own = r->recommendation;
  const bool chosen = changes_rows(r);
  const cgap_scalar *gain = cgap_recommendation_gain(own);
  cgap_advice_words words;
  cgap_recommendation_write(&words, own);
  open_box(page, !chosen || gain->lo > 0 ? CGAP_LEVEL_LOW : gain->hi < 0 ? CGAP_LEVEL_SEVERE : CGAP_LEVEL_UNKNOWN);
  if (chosen)
    cgap_page_put(page, "p class=\"lead\"", "Recommended: %s: %s.", words.word,
                  cgap_tr(page->names, cgap_recommendation_outcome(own)));
  else
    cgap_page_put(page, "p class=\"lead\"", "Recommended: %s", words.sentence[0]);
  if (words.command[0])
    cgap_page_put(page, "pre", "%s", words.command);
  fputs("</div>\n", page->out);
  put_tiles(page, r, 0, chosen);
  if (chosen)
    put_losers(page, r);
  for (size_t i = 1; i < words.count; i++) /* the first gives the numbers of the tiles */
    cgap_page_put(page, "p", "%s", words.sentence[i]);
  cgap_page_put(page, "p class=\"soft\"", "On the test part, %zu {images} that the choice never saw%s.", own->images,
                chosen ? cgap_tr(page->names, N_("; brackets: paired 95 % intervals")) : "");
}

/* Without a choice: how each head did, and next to what needs no training. */
static void put_conclusion(cgap_page *page, const void *result)
{
  const cgap_training_results *r = result;
  const cgap_comparison *c = &r->evaluation->comparison;
  const bool race = r->run_count > 1;
  char conclusion[CGAP_SENTENCE], advice[CGAP_SENTENCE];
  cgap_verdict_words words;
  double before[CGAP_TRIAL_MEASURES];
  bool opens = false;
  for (size_t k = 1; k <= r->run_count; k++)
    opens = opens || cgap_comparison_opens(c, k);
  cgap_against_advise(advice, &c->names, r->head, r->run_count);
  cgap_against_conclude(conclusion, &c->names, r->head, r->run_count);
  open_box(page, opens && !race ? CGAP_LEVEL_SEVERE : CGAP_LEVEL_UNKNOWN);
  cgap_comparison_words(&words, c, 1);
  cgap_page_put(page, "p class=\"lead\"", "%s", advice[0] ? advice : words.sentence[0]);
  if (!race) { /* its tiles come before the sentences */
    fputs("</div>\n", page->out);
    put_tiles(page, r, 0, true);
  }
  if (conclusion[0])
    cgap_page_put(page, "p", "%s", conclusion);
  for (size_t k = 1; k <= r->run_count; k++) {
    cgap_comparison_words(&words, c, k);
    for (size_t i = k == 1 && !advice[0]; i < (race ? 1 : words.count); i++)
      cgap_page_put(page, "p", "%s", words.sentence[i]);
  }
  put_losers(page, r);
  if (!race)
    return;
  fputs("</div>\n", page->out);
  cgap_trial_values(before, &r->evaluation->audit[0]);
  cgap_against_page(page, before, r->head, r->run_count);
  if (cgap_training_has_epochs(r))
    cgap_page_figures(page, (const char *const[]){cgap_training_curves(r)}, 1);
}

/* ---------------------------------------------------------------- whom it hurts */

static void put_changes(cgap_page *page, const void *result)
{
  char text[CGAP_SENTENCE];
  const cgap_training_results *r = result;
  const cgap_held_out_view view = {r->evaluation, r->changes, r->run_count};
  if (r->changes[0]->held)
    cgap_held_out_page(page, &view);
  for (size_t k = 0; k < r->run_count; k++) {
    if (r->run_count > 1)
      cgap_page_put(page, "h3", "%s", r->evaluation->comparison.input[k + 1].name);
    if (r->run_count > 1) { /* else the box says so */
      cgap_changes_losers(text, r->changes[k], r->names, false);
      cgap_page_put(page, "p", "%s", text);
    }
    if (r->changes[k]->classes && !is_of_classes(r)) {
      cgap_changes_losers(text, r->changes[k], r->names, true);
      cgap_page_put(page, "p", "%s", text);
    }
    cgap_changes_page(page, r->changes[k], r->names);
  }
  const char *figures[CGAP_CHANGE_FIGURES];
  const size_t count = cgap_change_figures_of(r->changes[r->run_count - 1], figures);
  if (count)
    cgap_page_figures(page, figures, count);
}

/* ---------------------------------------------------------------- what changed */

static void put_result(cgap_page *page, const void *result)
{
  const cgap_training_results *r = result;
  double before[CGAP_TRIAL_MEASURES];
  cgap_trial_values(before, &r->evaluation->audit[0]);
  if (r->run_count == 1)
    cgap_against_page(page, before, r->head, r->run_count);
  for (size_t k = 1; k <= r->run_count; k++) {
    const cgap_training_result *f = r->training_result[k - 1];
    if (r->run_count > 1)
      cgap_page_put(page, "h3", "%s", r->evaluation->comparison.input[k].name);
    if (r->run_count > 1 && f->history.count)
      cgap_page_put(page, "p", "%zu epochs in %.1f seconds, epoch %llu is kept.", f->history.count, f->seconds,
                    (unsigned long long)f->kept_epoch);
    if (changes_rows(r))
      cgap_comparison_page_summary(page, &r->evaluation->comparison, k);
  }
}

/* ---------------------------------------------------------------- what was tried */

enum { SHOWN_CANDIDATES = 6 };

/* Why a candidate is not the one. */
static const char *why_not(const cgap_choice *c, size_t k)
{
  const cgap_candidate *a = &c->candidate[k];
  return k == c->chosen                   ? N_("recommended")
         : a->out                         ? a->out
         : k == c->best                   ? N_("best score, but not the simplest within one standard error of it")
         : a->behind <= a->standard_error ? N_("as good within one standard error, but not as simple")
                                          : N_("more than one standard error behind the best");
}

/* shown (count): the recommended one, the embeddings as they are, center, and of other methods the best each. */
static void choose_shown(bool *shown, const cgap_choice *c)
{
  size_t left = SHOWN_CANDIDATES;
  memset(shown, 0, c->count * sizeof *shown);
  shown[c->chosen] = true;
  left--;
  for (size_t k = 0; k < c->count; k++)
    if (!shown[k] && (k == 0 || strcmp(c->candidate[k].method, "center") == 0)) {
      shown[k] = true;
      left--;
    }
  for (; left; left--) {
    size_t best = c->count;
    for (size_t k = 0; k < c->count; k++) {
      bool own = false; /* another of its method is shown */
      for (size_t other = 0; other < c->count; other++)
        own = own || (shown[other] && strcmp(c->candidate[other].method, c->candidate[k].method) == 0);
      if (!own && isfinite(c->candidate[k].mean) &&
          (best == c->count || c->candidate[k].mean > c->candidate[best].mean))
        best = k;
    }
    if (best == c->count)
      return;
    shown[best] = true;
  }
}

static void put_candidate_table(cgap_page *page, const cgap_choice *c, const bool *shown, bool which,
                                const char *caption)
{
  static const char *const HEADS[] = {"Candidate", "#Score", "#Behind the best", "#Gap left", "Why, or why not"};
  cgap_page_table(page, caption, HEADS, sizeof HEADS / sizeof *HEADS);
  for (size_t k = 0; k < c->count; k++) {
    const cgap_candidate *a = &c->candidate[k];
    cgap_cell behind = cgap_cell_number(a->behind, 3);
    if (shown[k] != which)
      continue;
    if (k == c->best)
      behind.shown[0] = '\0';
    else if (isfinite(a->behind))
      snprintf(behind.shown, sizeof behind.shown, "%.3f ± %.3f", a->behind, a->standard_error);
    cgap_page_row(page,
                  (const cgap_cell[]){cgap_cell_text(a->name), cgap_cell_number(a->mean, 3), behind,
                                      cgap_cell_number(a->corrected_distance, 3),
                                      cgap_cell_text(cgap_tr(page->names, why_not(c, k)))},
                  sizeof HEADS / sizeof *HEADS);
  }
  cgap_page_table_end(page);
}

static void put_candidates(cgap_page *page, const void *result)
{
  const cgap_choice *c = ((const cgap_training_results *)result)->recommendation->choice;
  bool shown[c->count];
  size_t folded = c->count;
  choose_shown(shown, c);
  for (size_t k = 0; k < c->count; k++)
    folded -= shown[k];
  put_candidate_table(
    page, c, shown, true,
    "The best of each kind, from the simplest; the score is of held-out {images}, ± one standard error");
  if (!folded)
    return;
  fputs("<details>\n", page->out);
  cgap_page_put(page, "summary", "%zu more", folded);
  put_candidate_table(page, c, shown, false, "The other candidates");
  fputs("</details>\n", page->out);
}

/* ---------------------------------------------------------------- what a pilot would see */

static void put_index(cgap_page *page, const char *caption, const cgap_pilot_index *index, size_t count)
{
  static const char *const HEADS[] = {"#items in the index", "#found before", "#found after", "#more", "95 %"};
  cgap_page_table(page, caption, HEADS, sizeof HEADS / sizeof *HEADS);
  for (size_t k = 0; k < count; k++) {
    char ends[100];
    cgap_interval_show(ends, index[k].gain.lo, index[k].gain.hi, 0, cgap_tr(page->names, N_("%s to %s")));
    cgap_page_row(page,
                  (const cgap_cell[]){cgap_cell_count((double)index[k].items), cgap_cell_number(index[k].before, 0),
                                      cgap_cell_number(index[k].after, 0), cgap_cell_number(index[k].gain.value, 0),
                                      cgap_cell_text(ends)},
                  sizeof HEADS / sizeof *HEADS);
  }
  cgap_page_table_end(page);
}

static void put_pilot(cgap_page *page, const void *result)
{
  const cgap_recommendation *r = ((const cgap_training_results *)result)->recommendation;
  const cgap_pilot *p = r->pilot;
  const cgap_learning *l = r->choice->curve;
  if (p->queries) {
    cgap_page_put(
      page, "p",
      "Of 1,000 searches, how many find their partner among the first ten: %zu test {images} and their {texts} "
      "search among all rows of the file, and among random parts of them.",
      p->queries);
    put_index(page, "In one index of {images} and {texts}", p->mixed, p->mixed_count);
    put_index(page, "In an index of the other modality", p->cross, p->cross_count);
  }
  if (p->pairs_for_two_points)
    cgap_page_put(
      page, "p", "To see a difference of 2 points in recall@1 in four of five trials, a test needs about %zu {images}.",
      p->pairs_for_two_points);
  cgap_page_put(
    page, "p",
    "More data: fitted on %zu, %zu and %zu {images}, the recommended candidate scores %.3f, %.3f and %.3f on "
    "the test part (standard error %.3f).",
    l[0].images, l[1].images, l[2].images, l[0].score, l[1].score, l[2].score, l[2].standard_error);
}

/* ---------------------------------------------------------------- figures and tables */

static void put_training(cgap_page *page, const void *result)
{
  cgap_page_figures(page, (const char *const[]){cgap_training_curves(result)}, 1);
}

static void put_before_after(cgap_page *page, const void *result)
{
  (void)result;
  cgap_page_figures(page, cgap_before_after, 1);
}

static void put_figures(cgap_page *page, const void *result)
{
  (void)result;
  cgap_page_figures(page, cgap_before_after + 1, CGAP_BEFORE_AFTER - 1);
}

/* Of embeddings that stay as they are. */
static void put_same(cgap_page *page, const void *result)
{
  (void)result;
  cgap_page_figures(page, cgap_before_after, CGAP_BEFORE_AFTER);
}

static void put_measures(cgap_page *page, const void *result)
{
  const cgap_training_results *r = result;
  const cgap_evaluation *e = r->evaluation;
  cgap_page_put(page, "p",
                "All on the test part, which training never saw. The columns on the right are the head at its start, "
                "and methods that need no training.");
  for (size_t k = 1; k <= r->run_count; k++)
    cgap_comparison_page_table(page, &e->comparison, k, r->run_count + 1, e->count);
}

static void put_definitions(cgap_page *page, const void *result)
{
  cgap_page_definitions(page, ((const cgap_training_results *)result)->evaluation->audit[0].has);
}

static void put_run(cgap_page *page, const void *result)
{
  const cgap_training_results *r = result;
  cgap_page_run(page, &r->run);
  cgap_page_term(page, "options", "%s", r->training_result[0]->head->options);
  fputs("</dl>\n", page->out);
}

cgap_status cgap_training_page_write(const cgap_training_results *r, const char *folder,
                                     void (*warn_line)(const char *line), cgap_error *error)
{
  const bool choice = r->recommendation, race = r->run_count > 1;
  const bool changes = changes_rows(r);
  const struct {
    cgap_section section;
    bool shown;
  } all[] = {{{"recommendation", "What to do", put_recommendation}, choice},
             {{"conclusion", "What came of it", put_conclusion}, !choice},
             {{"changes", "Who loses", put_changes}, changes},
             {{"before-after", "Before and after", put_before_after}, changes},
             {{"result", changes ? "What changed" : "Next to center", put_result}, true},
             {{"candidates", "What was tried", put_candidates}, choice},
             {{"training", "Training", put_training}, cgap_training_has_epochs(r) && !race},
             {{"figures", "More figures", put_figures}, changes},
             {{"figures", "Figures", put_same}, !changes},
             {{"pilot", "Pilot", put_pilot}, choice},
             {{"measures", "Every measure", put_measures}, true},
             {{"definitions", "Definitions", put_definitions}, true},
             {{"run", "How it was run", put_run}, true}};
  cgap_section sections[sizeof all / sizeof *all + 1] = {{NULL, NULL, NULL}};
  size_t count = 0;
  for (size_t s = 0; s < sizeof all / sizeof *all; s++)
    if (all[s].shown)
      sections[count++] = all[s].section;
  return cgap_page_write(folder, "Closing the gap", r->source, &r->evaluation->audit->names, sections, r, warn_line,
                         error);
}
