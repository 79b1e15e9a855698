/* The first screen of an audit's page: whether the gap is bad, why, what it costs, and what to do. */
#include <math.h>
#include <string.h>

#include "analysis/fields.h"
#include "analysis/interval.h"
#include "base/text_buffer.h"
#include "report/brief.h"
#include "report/figures.h"
#include "report/tiles.h"

/* ---------------------------------------------------------------- why */

enum { LARGEST = 3 };

/* The coordinates in which the centroids differ most, the largest first, and what each holds of their squared distance.
 * Returns how many there are: 0 where the centroids coincide. */
static size_t largest_coordinates(const cgap_audit *a, size_t coordinate[LARGEST], double fraction[LARGEST])
{
  double total = 0, square[LARGEST] = {0};
  size_t count = 0;
  if (!(a->has & CGAP_ONE_SPACE) || !a->image_mean || !a->text_mean)
    return 0;
  for (size_t k = 0; k < a->dim; k++) {
    const double d = a->image_mean[k] - a->text_mean[k], own = d * d;
    size_t at = count < LARGEST ? count++ : LARGEST;
    total += own;
    for (; at > 0 && own > square[at - 1]; at--)
      if (at < LARGEST) {
        square[at] = square[at - 1];
        coordinate[at] = coordinate[at - 1];
      }
    if (at < LARGEST) {
      square[at] = own;
      coordinate[at] = k;
    }
  }
  for (size_t c = 0; c < count; c++)
    fraction[c] = square[c] / total;
  return isfinite(total) && total > 0 ? count : 0;
}

static void put_coordinates(cgap_page *page, const cgap_audit *a)
{
  size_t at[LARGEST];
  double fraction[LARGEST];
  const size_t count = largest_coordinates(a, at, fraction);
  if (count < LARGEST || a->dim <= LARGEST || !cgap_level_is_gap(cgap_audit_level(a)))
    return;
  const double two = fraction[0] + fraction[1], three = two + fraction[2];
  const bool third = fraction[2] >= 0.05; /* not worth its name otherwise */
  if (two < 0.1)
    cgap_page_put(page, "p",
                  "The distance is spread over many coordinates: of %zu the largest three hold %.1f %% of the squared "
                  "centroid distance.",
                  a->dim, 100 * three);
  else if (third)
    cgap_page_put(page, "p",
                  "Coordinates %zu, %zu and %zu of %zu (counted from 0) hold %.0f %% of the squared centroid distance.",
                  at[0], at[1], at[2], a->dim, 100 * three);
  else
    cgap_page_put(page, "p",
                  "Coordinates %zu and %zu of %zu (counted from 0) hold %.0f %% of the squared centroid distance.",
                  at[0], at[1], a->dim, 100 * two);
}

/* ---------------------------------------------------------------- tiles */

enum { TILES = 6 };

/* What a reader looks for first, in this order; those that an audit has, six at most. */
static const char *const FIRST[] = {"gap.corrected_distance",
                                    "retrieval.text_to_image.recall_at_1",
                                    "zero_shot.top_1",
                                    "retrieval.image_to_text.recall_at_1",
                                    "gap.share_of_alignment",
                                    "mixed_retrieval.text_query.recall_at_10",
                                    "mixed_retrieval.image_query.recall_at_10",
                                    "zero_shot.mean_per_class",
                                    "mixed.same_modality_share",
                                    "gap.linear_separability",
                                    "gap.mmd2",
                                    "agreement.mutual_knn",
                                    "agreement.cka",
                                    "uniformity.image",
                                    "uniformity.text",
                                    "pca.image.participation_ratio",
                                    "pca.text.participation_ratio",
                                    "hubness.image.anti_hub_share",
                                    "hubness.image.skewness"};

/* What of a tile depends on the audit: ends of the scale, chance, how many candidates there were. */
static void adapt(cgap_tile_look *look, char note[CGAP_PHRASE], const cgap_audit *a)
{
  const char *key = look->key;
  const bool text = strstr(key, "text.") || strstr(key, ".text");
  note[0] = '\0';
  if (cgap_begins_with(key, "uniformity."))
    look->to = text && !(a->has & CGAP_ONE_SPACE) ? a->uniformity.text_sphere : a->uniformity.sphere;
  else if (cgap_begins_with(key, "pca."))
    look->to = (double)(text && !(a->has & CGAP_ONE_SPACE) ? a->text_dim : a->dim);
  else if (strcmp(key, "mixed.same_modality_share") == 0)
    look->chance = a->mixed.unbiased.value;
  else if (strcmp(key, "agreement.mutual_knn") == 0)
    look->chance = a->agreement.mutual_knn_by_chance.value;
  else if (cgap_begins_with(key, "zero_shot.") && a->has & CGAP_TEXT_IS_CLASSES)
    look->chance = 1 / (double)a->texts;

  if (cgap_begins_with(key, "retrieval.image"))
    cgap_modality_printf(note, CGAP_PHRASE, &a->names, "among %zu {texts}", a->texts);
  else if (cgap_begins_with(key, "retrieval.text"))
    cgap_modality_printf(note, CGAP_PHRASE, &a->names, "among %zu {images}", a->images);
  else if (cgap_begins_with(key, "mixed_retrieval."))
    cgap_modality_printf(note, CGAP_PHRASE, &a->names, "in the first ten of %zu rows", a->images + a->texts);
  else if (strcmp(key, "gap.share_of_alignment") == 0)
    cgap_modality_printf(note, CGAP_PHRASE, &a->names, "of the squared distance of pairs");
  else if (isfinite(look->chance))
    cgap_modality_printf(note, CGAP_PHRASE, &a->names, "by chance %.*f%s%s", look->factor > 1,
                         look->chance * look->factor, *look->unit ? " " : "", look->unit);
  look->note = *note ? note : NULL;
}

static void put_tiles(cgap_page *page, const cgap_audit *a)
{
  const cgap_level level = cgap_audit_level(a);
  const bool levelled = !(a->has & CGAP_IS_DRIFT);
  size_t count = 0;
  cgap_page_tiles(page, "The main numbers");
  for (size_t k = 0; k < sizeof FIRST / sizeof *FIRST && count < TILES; k++) {
    const cgap_field *f = cgap_field_find(FIRST[k]);
    if (!f || !cgap_field_present(a, f))
      continue;
    char note[CGAP_PHRASE];
    cgap_tile_look look = cgap_tile_look_of(FIRST[k]);
    adapt(&look, note, a);
    if (k == 0 && !levelled) /* the scale is of gaps */
      look.zones[0] = NULL;
    cgap_page_tile(page, &look, cgap_field_scalar(a, f), k == 0 && levelled ? cgap_level_word(level) : NULL, level);
    count++;
  }
  cgap_page_tiles_end(page);
}

/* ---------------------------------------------------------------- what to do */

static void put_trial(cgap_page *page, const cgap_audit *a)
{
  static const char *const KEYS[CGAP_TRIAL_MEASURES] = {
    [CGAP_TRIAL_DISTANCE] = "gap.corrected_distance",
    [CGAP_TRIAL_MIXED_NDCG] = "mixed_retrieval.text_query.ndcg_at_10",
    [CGAP_TRIAL_RECALL_AT_1] = "retrieval.text_to_image.recall_at_1"};
  static const char *const LABELS[CGAP_TRIAL_MEASURES] = {
    [CGAP_TRIAL_DISTANCE] = "Distance between {images} and {texts}",
    [CGAP_TRIAL_MIXED_NDCG] = "Search in one mixed index, nDCG@10",
    [CGAP_TRIAL_RECALL_AT_1] = "Search within the other modality, recall@1"};
  static const int ORDER[] = {CGAP_TRIAL_MIXED_NDCG, CGAP_TRIAL_RECALL_AT_1, CGAP_TRIAL_DISTANCE};
  const cgap_center_trial *t = &a->advice.center;
  cgap_page_tiles(page, "Before and after subtracting the means");
  for (size_t k = 0; k < sizeof ORDER / sizeof *ORDER; k++) {
    const int m = ORDER[k];
    cgap_tile_look look = cgap_tile_look_of(KEYS[m]);
    look.label = LABELS[m];
    look.key = NULL; /* searches are means of both directions, the distance has its key above */
    if (m != CGAP_TRIAL_DISTANCE && !(a->has & CGAP_HAS_PAIRS))
      continue;
    cgap_page_tile_change(page, &look, &t->before[m], &t->after[m], &t->difference[m]);
  }
  cgap_page_tiles_end(page);
}

static void put_advice(cgap_page *page, const cgap_audit *a)
{
  cgap_advice_words advice;
  cgap_advice_write(&advice, a);
  if (!advice.word)
    return;
  const bool tried = advice.trial_count > 0;
  fprintf(page->out, "<div id=\"advice\" class=\"advice%s\">\n", tried ? " tried" : "");
  cgap_page_put(page, "h3", "Advice: %s", advice.word);
  for (size_t i = 0; i < advice.count; i++)
    if (!tried || i < advice.trial || i >= advice.trial + advice.trial_count)
      cgap_page_put(page, "p", "%s", advice.sentence[i]);
  if (tried)
    cgap_page_put(page, "p",
                  "Tried on %zu {images} and %zu %s, with the means of all other rows:", a->advice.center.images,
                  a->advice.center.texts, cgap_text_word(a, a->advice.center.texts).s);
  if (tried) {
    put_trial(page, a);
    cgap_page_put(page, "p", "%s", cgap_tr(&a->names, cgap_brief_hurts(a)));
  }
  if (advice.command[0])
    cgap_page_put(page, "pre", "%s", advice.command);
  if (advice.further) {
    cgap_page_put(page, "p", "%s", advice.further);
    cgap_page_put(page, "pre", "%s", advice.further_command);
  }
  fputs("</div>\n", page->out);
}

/* ---------------------------------------------------------------- the screen */

static void put_sentences(cgap_page *page, const cgap_verdict_words *verdict, const cgap_advice_words *advice)
{
  fputs("<details class=\"sentences\">\n<summary>", page->out);
  cgap_page_text(page, "All of this in sentences");
  fputs("</summary>\n", page->out);
  for (size_t i = 0; i < verdict->count; i++)
    cgap_page_put(page, "p", "%s", verdict->sentence[i]);
  for (size_t i = 0; i < advice->trial_count; i++)
    cgap_page_put(page, "p", "%s", advice->sentence[advice->trial + i]);
  fputs("</details>\n", page->out);
}

void cgap_audit_first_screen(cgap_page *page, const cgap_audit *a)
{
  const char *names[CGAP_FIGURES_MAX];
  cgap_verdict_words verdict;
  cgap_advice_words advice;
  cgap_notes notes;
  cgap_verdict_write(&verdict, a);
  cgap_advice_write(&advice, a);
  cgap_notes_write(&notes, a);
  for (size_t i = 0; i < notes.count; i++)
    if (notes.bad[i])
      cgap_page_put(page, "p class=\"alarm\" role=\"alert\"", "%s", notes.text[i]);
  fprintf(page->out, "<div class=\"verdict %s\">\n", cgap_level_class(verdict.level));
  cgap_page_headline(page, verdict.sentence[0]);
  if (advice.word) {
    fputs("<p class=\"go\"><a href=\"#advice\">", page->out);
    cgap_page_text(page, "Advice: %s", advice.word);
    fputs("</a></p>\n", page->out);
  }
  put_coordinates(page, a);
  fputs("</div>\n<div class=\"first\">\n", page->out);
  put_tiles(page, a);
  put_advice(page, a);
  if (cgap_figures_of(a, names)) {
    page->small = true;
    cgap_page_figures(page, names, 1);
    page->small = false;
  }
  fputs("</div>\n", page->out);
  cgap_page_notes(page, &notes);
  put_sentences(page, &verdict, &advice);
}
