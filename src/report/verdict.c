/* The verdict: one word for the gap, then a sentence for each thing that a reader wants to know first; and the notes,
 * what the checks found, in sentences. Words follow the interval of what they rest on, not the value alone. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

#include "analysis/interval.h"
#include "base/text_buffer.h"
#include "report/text.h"

static void CGAP_PRINTF(2, 3) add_sentence(cgap_verdict_words *out, const char *format, ...)
{
  if (out->count == CGAP_SENTENCES)
    return;
  va_list values;
  va_start(values, format);
  (void)cgap_modality_vprintf(out->sentence[out->count++], CGAP_SENTENCE, out->names, format, values);
  va_end(values);
}

cgap_phrase cgap_image_word(const cgap_audit *a, size_t count)
{
  return cgap_phrase_of(&a->names, count == 1 ? N_("{one image}") : N_("{images}"));
}

cgap_phrase cgap_text_word(const cgap_audit *a, size_t count)
{
  const bool classes = a->has & CGAP_TEXT_IS_CLASSES;
  return cgap_phrase_of(&a->names, count == 1 ? (classes ? N_("class text") : N_("{one text}"))
                                   : classes  ? N_("class texts")
                                              : N_("{texts}"));
}

enum { MANY = 2 };

/* ---------------------------------------------------------------- the gap */

enum { WORDS = 320 };

static const char *level_word(const cgap_modality_names *names, cgap_level level)
{
  return cgap_tr(names, cgap_level_word(level));
}

static void distance_words(char out[WORDS], const cgap_modality_names *names, const cgap_scalar *d)
{
  if (isfinite(d->lo) && isfinite(d->hi))
    cgap_modality_printf(out, WORDS, names, "corrected distance %.3f [%.3f, %.3f]", d->value, d->lo, d->hi);
  else
    cgap_modality_printf(out, WORDS, names, "corrected distance %.3f", d->value);
}

/* Whether the interval of the distance crosses a threshold of the scale, in words. */
static void crossing_words(char out[WORDS], const cgap_modality_names *names, const cgap_scalar *d, cgap_level level)
{
  out[0] = '\0';
  if (!isfinite(d->lo) || !isfinite(d->hi))
    return;
  if (level == CGAP_LEVEL_NOISE && d->hi >= CGAP_GAP_LOW)
    cgap_modality_printf(out, WORDS, names, ", but a %s one of up to %.3f is not excluded",
                         level_word(names, cgap_distance_level(d->hi)), d->hi);
  else if (level != CGAP_LEVEL_NOISE && cgap_distance_level(d->lo) != cgap_distance_level(d->hi))
    cgap_modality_printf(out, WORDS, names, "; the interval reaches from %s to %s",
                         level_word(names, cgap_distance_level(d->lo)), level_word(names, cgap_distance_level(d->hi)));
}

static void say_collapsed(cgap_verdict_words *out, const cgap_audit *a, const char *distance)
{
  const bool images = cgap_cosines_collapsed(&a->cosine_image),
             both = images && cgap_cosines_collapsed(&a->cosine_text);
  char other[WORDS] = "";
  if (both)
    cgap_modality_printf(other, WORDS, &a->names, ", of two %s %.3f", cgap_text_word(a, MANY).s, a->cosine_text.mean);
  add_sentence(
    out,
    "The embeddings are collapsed: the mean cosine of two %s is %.3f%s (this tool calls it collapsed above %.2f), so "
    "that such rows can hardly be told from each other; %s, by itself %s.",
    images ? cgap_image_word(a, MANY).s : cgap_text_word(a, MANY).s,
    images ? a->cosine_image.mean : a->cosine_text.mean, other, CGAP_COLLAPSED_COSINE, distance,
    level_word(out->names, cgap_gap_level(&a->gap.corrected_distance)));
}

/* The whole interval is at 0: the distance is far below what sampling alone gives, so the means were subtracted from
 * these very rows. */
static bool shift_is_gone(const cgap_scalar *corrected_distance)
{
  return corrected_distance->hi <= 0;
}

static void say_apart(cgap_verdict_words *out, const cgap_audit *a, const char *distance)
{
  const char *what = shift_is_gone(&a->gap.corrected_distance)
                       ? N_("the shift is gone, the neighbourhoods still differ")
                       : N_("their centroids are near each other, yet the neighbourhoods differ");
  add_sentence(
    out,
    "The modalities are apart: %s. %.0f %% of a row's nearest rows are of its own modality (by chance %.0f %%; this "
    "tool calls it apart above %.0f %%); %s.",
    cgap_tr(out->names, what), 100 * a->mixed.same_modality_share.value, 100 * a->mixed.unbiased.value,
    100 * cgap_apart_above(&a->mixed.unbiased), distance);
}

static void say_gap(cgap_verdict_words *out, const cgap_audit *a)
{
  const cgap_scalar *d = &a->gap.corrected_distance;
  char distance[WORDS], crossing[WORDS];
  if (!cgap_scalar_known(d)) {
    add_sentence(out, "The gap could not be measured: %s.",
                 cgap_tr(out->names, d->why ? d->why : N_("the centroids are not defined")));
    return;
  }
  const char *scale = cgap_tr(out->names, CGAP_GAP_SCALE);
  distance_words(distance, out->names, d);
  crossing_words(crossing, out->names, d, out->level);
  if (out->level == CGAP_LEVEL_COLLAPSED)
    say_collapsed(out, a, distance);
  else if (out->level == CGAP_LEVEL_APART)
    say_apart(out, a, distance);
  else if (out->level == CGAP_LEVEL_NOISE)
    add_sentence(out, "No gap is found (none): %s, which reaches 0%s (%s).", distance, crossing, scale);
  else
    add_sentence(out, "The gap is %s: %s%s (%s).", cgap_tr(out->names, out->word), distance, crossing, scale);
}

/* ---------------------------------------------------------------- a linear classifier */

/* Rows of the smaller modality that the classifier was tested on. */
static size_t classifier_rows(const cgap_audit *a)
{
  const size_t images = a->sample.images ? a->sample.images : a->images;
  const size_t texts = a->sample.images ? a->sample.texts : a->texts;
  return images < texts ? images : texts;
}

static void say_classifier(cgap_verdict_words *out, const cgap_audit *a)
{
  const cgap_scalar *s = &a->gap.linear_separability, *auc = &a->gap.separability_auc;
  const cgap_phrase words = cgap_text_word(a, MANY);
  const char *texts = words.s;
  if (!cgap_scalar_known(s)) {
    add_sentence(out, "Whether a linear classifier tells {images} from %s is not known (%s).", texts,
                 cgap_tr(out->names, s->why ? s->why : N_("it was not measured")));
    return;
  }
  const size_t rows = classifier_rows(a);
  const double percent = 100 * s->value;
  const cgap_scalar right = cgap_scalar_wilson(s->value, 0, rows);
  const bool by_score = cgap_scalar_known(auc) && cgap_scalar_wilson(auc->value, 0, rows).lo >= 0.65;
  if (right.lo < 0.65 && by_score) /* one modality is so small that the threshold sits on its far side */
    add_sentence(
      out,
      "A linear classifier tells {images} from %s by its score (area under the ROC curve %.3f), but its threshold is "
      "right on only %.1f %% of held-out rows (chance: 50 %%).",
      texts, auc->value, percent);
  else if (right.hi < 0.5)
    add_sentence(
      out,
      "A linear classifier is right on %.1f %% of held-out rows, less than by chance (50 %%): the means of these very "
      "rows are equal, as after centring, so it says nothing about new rows.",
      percent);
  else if (right.lo > 0.5)
    add_sentence(out,
                 "A linear classifier %stells {images} from %s%s: %.1f %% correct on held-out rows (chance: 50 %%).",
                 cgap_tr(out->names, right.lo >= 0.65 && right.lo < 0.85 ? N_("mostly ") : ""), texts,
                 cgap_tr(out->names, right.lo < 0.65 ? N_(" better than chance does") : ""), percent);
  else if (right.hi > 0.6)
    add_sentence(out,
                 "Whether a linear classifier tells {images} from %s is unclear: %.1f %% correct on held-out rows "
                 "(chance: 50 %%), "
                 "and so few rows leave %.0f to %.0f %% open.",
                 texts, percent, 100 * right.lo, 100 * right.hi);
  else
    add_sentence(
      out, "A linear classifier does not tell {images} from %s: %.1f %% correct on held-out rows (chance: 50 %%).",
      texts, percent);
}

/* ---------------------------------------------------------------- cones and dimensions */

static const char *fills_sphere(const cgap_audit *a, const cgap_scalar *uniformity, const cgap_scalar *dimensions,
                                size_t rows)
{
  return cgap_tr(&a->names, cgap_sphere_words(uniformity, a->uniformity.sphere, dimensions, rows, a->dim));
}

static void dimensions_words(char out[WORDS], const cgap_audit *a)
{
  const cgap_scalar *image = &a->pca_image.participation_ratio, *text = &a->pca_text.participation_ratio;
  char counts[2][40];
  out[0] = '\0';
  if (!cgap_scalar_known(image) || !cgap_scalar_known(text))
    return;
  cgap_value_show(counts[0], image->value, image->value < 10);
  cgap_value_show(counts[1], text->value, text->value < 10);
  cgap_modality_printf(out, WORDS, &a->names, "; of %zu dimensions about %s and %s are in use (participation ratio)",
                       a->dim, counts[0], counts[1]);
}

static void say_cones(cgap_verdict_words *out, const cgap_audit *a)
{
  const cgap_uniformity *u = &a->uniformity;
  char image[40], text[40], dimensions[WORDS];
  if (!cgap_scalar_known(&u->image) || !cgap_scalar_known(&u->text))
    return;
  cgap_value_show(image, u->image.value, 2);
  cgap_value_show(text, u->text.value, 2);
  dimensions_words(dimensions, a);
  const char *images_fill = fills_sphere(a, &u->image, &a->pca_image.participation_ratio, a->images);
  const char *texts_fill = fills_sphere(a, &u->text, &a->pca_text.participation_ratio, a->texts);
  if (images_fill == texts_fill)
    add_sentence(out, "{Images} and %s each %s: uniformity %s and %s (evenly spread: %.2f)%s.",
                 cgap_text_word(a, MANY).s, images_fill, image, text, u->sphere, dimensions);
  else
    add_sentence(out, "{Images} %s, %s %s: uniformity %s and %s (evenly spread: %.2f)%s.", images_fill,
                 cgap_text_word(a, MANY).s, texts_fill, image, text, u->sphere, dimensions);
}

/* ---------------------------------------------------------------- what search finds */

static void found_words(char out[WORDS], const cgap_modality_names *names, const cgap_scalar *first,
                        const cgap_scalar *among)
{
  char ends[40] = "";
  if (isfinite(first->lo) && isfinite(first->hi))
    snprintf(ends, sizeof ends, " [%.1f, %.1f]", 100 * first->lo, 100 * first->hi);
  cgap_modality_printf(out, WORDS, names, "first in %.1f %%%s of searches, among the first ten in %.1f %%",
                       100 * first->value, ends, 100 * among->value);
}

/* Whether recall@10 may be what guessing gives: each of `candidates`, of which `right` are right, as likely as any. */
static bool is_guessing(const cgap_scalar *among, double right, double candidates)
{
  const double missed = 1 - right / candidates;
  return (isfinite(among->lo) ? among->lo : among->value) <= 1 - pow(missed > 0 ? missed : 0, 10);
}

static void say_search(cgap_verdict_words *out, const cgap_audit *a)
{
  const cgap_retrieval *image = &a->image_to_text, *text = &a->text_to_image;
  const double images = (double)a->images, texts = (double)a->texts;
  char by_image[WORDS], by_text[WORDS];
  if (!(a->has & CGAP_HAS_PAIRS) || !cgap_scalar_known(&image->recall_at_1) || !cgap_scalar_known(&text->recall_at_1) ||
      !cgap_scalar_known(&image->recall_at_10) || !cgap_scalar_known(&text->recall_at_10))
    return;
  found_words(by_image, &a->names, &image->recall_at_1, &image->recall_at_10);
  found_words(by_text, &a->names, &text->recall_at_1, &text->recall_at_10);
  const bool guessing = images > 10 && is_guessing(&image->recall_at_10, texts / images, texts) &&
                        is_guessing(&text->recall_at_10, 1, images);
  const char *beats = cgap_tr(&a->names, guessing ? N_(" is not shown to beat guessing") : "");
  add_sentence(
    out,
    "Search%s: among %zu {texts} {an image} finds one of its own %s; among %zu {images} {a text} finds its own %s.",
    beats, a->texts, by_image, a->images, by_text);
}

static void among_words(char out[WORDS], const cgap_modality_names *names, const cgap_scalar *among)
{
  char ends[40] = "";
  if (isfinite(among->lo) && isfinite(among->hi))
    snprintf(ends, sizeof ends, " [%.1f, %.1f]", 100 * among->lo, 100 * among->hi);
  cgap_modality_printf(out, WORDS, names, "in %.1f %%%s of searches", 100 * among->value, ends);
}

/* Where the gap costs most: the query's own modality is nearer than its partner. */
static void say_mixed_search(cgap_verdict_words *out, const cgap_audit *a)
{
  const cgap_mixed_retrieval *image = &a->mixed_image_query, *text = &a->mixed_text_query;
  char by_image[WORDS], by_text[WORDS];
  if (!(a->has & CGAP_HAS_PAIRS) || !cgap_scalar_known(&image->recall_at_10) ||
      !cgap_scalar_known(&text->recall_at_10) || !cgap_scalar_known(&image->ndcg_at_10) ||
      !cgap_scalar_known(&text->ndcg_at_10))
    return;
  among_words(by_image, &a->names, &image->recall_at_10);
  among_words(by_text, &a->names, &text->recall_at_10);
  add_sentence(
    out,
    "Search in one mixed index of all %zu {images} and {texts}: the partner is among the first ten %s by {image} "
    "and %s by {text} (nDCG@10 %.3f and %.3f). A larger index finds less, of either kind.",
    a->images + a->texts, by_image, by_text, image->ndcg_at_10.value, text->ndcg_at_10.value);
}

static void say_zero_shot(cgap_verdict_words *out, const cgap_audit *a)
{
  const cgap_scalar *s = &a->zero_shot.top_1;
  char ends[WORDS] = "", classes[WORDS] = "";
  if (!(a->has & CGAP_HAS_ZERO_SHOT) || !cgap_scalar_known(s))
    return;
  if (isfinite(s->lo) && isfinite(s->hi))
    snprintf(ends, WORDS, " [%.1f, %.1f]", 100 * s->lo, 100 * s->hi);
  if (a->has & CGAP_TEXT_IS_CLASSES)
    cgap_modality_printf(classes, WORDS, &a->names, " of %zu (guessing: %.1f %%)", a->texts, 100 / (double)a->texts);
  add_sentence(out, "Zero-shot: %.1f %%%s of the {images} have the text of their own class nearest%s.", 100 * s->value,
               ends, classes);
}

/* What centring does to the pairs is not said: rows are normalised again afterwards, and may be farther apart. */
static void say_shift(cgap_verdict_words *out, const cgap_audit *a)
{
  const cgap_scalar *alignment = &a->gap.share_of_alignment;
  if ((a->has & CGAP_HAS_PAIRS) && cgap_scalar_known(alignment))
    add_sentence(out, "%.0f %% of the mean squared distance of matching pairs is one constant shift.",
                 100 * alignment->value);
}

void cgap_verdict_write(cgap_verdict_words *out, const cgap_audit *a)
{
  *out = (cgap_verdict_words){.names = &a->names, .level = cgap_audit_level(a)};
  out->word = cgap_level_word(out->level);
  if (!(a->has & CGAP_ONE_SPACE) || a->has & CGAP_IS_DRIFT) {
    cgap_verdict_one_write(out, a);
    return;
  }
  say_gap(out, a);
  say_classifier(out, a);
  say_cones(out, a);
  say_search(out, a);
  say_mixed_search(out, a);
  say_zero_shot(out, a);
  say_shift(out, a);
}

/* ---------------------------------------------------------------- the advice */

static void CGAP_PRINTF(2, 3) add_reason(cgap_advice_words *out, const char *format, ...)
{
  va_list values;
  va_start(values, format);
  (void)cgap_modality_vprintf(out->sentence[out->count++], CGAP_SENTENCE, out->names, format, values);
  va_end(values);
}

/* "from 0.770 to 0.760 (difference -0.010 [-0.050, +0.030])" */
static void change_words(char out[WORDS], const cgap_modality_names *names, const cgap_center_trial *t, int measure)
{
  const cgap_scalar *d = &t->difference[measure];
  char ends[40] = "";
  if (isfinite(d->lo) && isfinite(d->hi))
    snprintf(ends, sizeof ends, " [%+.3f, %+.3f]", d->lo, d->hi);
  cgap_modality_printf(out, WORDS, names, "from %.3f to %.3f (difference %+.3f%s)", t->before[measure].value,
                       t->after[measure].value, d->value, ends);
}

static void add_trial(cgap_advice_words *out, const cgap_audit *a)
{
  const cgap_center_trial *t = &a->advice.center;
  out->trial = out->count;
  out->trial_count = a->has & CGAP_HAS_PAIRS ? 2 : 1;
  char distance[WORDS], mixed[WORDS], recall[WORDS];
  change_words(distance, &a->names, t, CGAP_TRIAL_DISTANCE);
  if (!(a->has & CGAP_HAS_PAIRS)) {
    add_reason(
      out,
      "Subtracting each modality's mean, tried on %zu {images} and %zu %s with the means of all other rows: the "
      "corrected distance goes %s. What that does to search cannot be measured without pairs.",
      t->images, t->texts, cgap_text_word(a, MANY).s, distance);
    return;
  }
  change_words(mixed, &a->names, t, CGAP_TRIAL_MIXED_NDCG);
  change_words(recall, &a->names, t, CGAP_TRIAL_RECALL_AT_1);
  add_reason(
    out,
    "Subtracting each modality's mean, tried on %zu {images} and %zu {texts} with the means of all other rows: in "
    "one mixed index of these %zu rows nDCG@10 goes %s.",
    t->images, t->texts, t->images + t->texts, mixed);
  add_reason(out, "Search within the other modality: recall@1 goes %s. Corrected distance: %s.", recall, distance);
}

static void advise_to_look(cgap_advice_words *out, const cgap_audit *a)
{
  const bool matched = a->pairing_check.verdict == CGAP_PAIRING_MATCHED, blocks = a->pairing_check.block_count;
  add_reason(out, "%s: every number that needs pairs depends on them. The report of this command lists %s.",
             cgap_tr(out->names, !matched ? N_("The pairs do not look matched")
                                 : blocks ? N_("Some consecutive pairs do not fit")
                                          : N_("Many pairs look mismatched")),
             cgap_tr(out->names, matched && blocks ? N_("these rows") : N_("the pairs with the lowest cosine")));
}

/* Why no remedy is named. */
static void add_no_remedy(cgap_advice_words *out, const cgap_audit *a)
{
  const cgap_center_trial *t = &a->advice.center;
  const cgap_level level = cgap_audit_level(a);
  const cgap_scalar *d = &a->gap.corrected_distance;
  if (level == CGAP_LEVEL_UNKNOWN)
    add_reason(out, "The gap could not be measured.");
  else if (level == CGAP_LEVEL_NOISE && a->advice.word == CGAP_ADVICE_MEASURE)
    add_reason(out, "No gap is found, but so few rows leave one of up to %.3f open.", d->hi);
  else if (level == CGAP_LEVEL_NOISE)
    add_reason(out, "No gap is found.");
  else if (t->why)
    add_reason(out, "The gap is %s, and what subtracting the means does could not be tried: %s.",
               level_word(out->names, level), cgap_tr(out->names, t->why));
  else if ((a->has & CGAP_HAS_PAIRS) && cgap_level_is_gap(level) && a->images < CGAP_TRAINING_IMAGES_MIN)
    add_reason(
      out,
      "The gap is %s, subtracting the means is not shown to help, and %zu {images} are too few to train on (at "
      "least %d).",
      level_word(out->names, level), a->images, CGAP_TRAINING_IMAGES_MIN);
  else
    add_reason(out, "The gap is %s, and subtracting the means is not shown to help.", level_word(out->names, level));
}

/* Why to train: by the trial, or because there could be none. */
static void add_training(cgap_advice_words *out, const cgap_audit *a)
{
  const cgap_center_trial *t = &a->advice.center;
  if (t->why) {
    add_no_remedy(out, a);
    add_reason(out, "A trained head may close it.");
    return;
  }
  add_trial(out, a);
  add_reason(out, "%s; a trained head may do better.",
             cgap_tr(out->names, t->gap_stays || cgap_audit_level(a) == CGAP_LEVEL_APART
                                   ? N_("A gap stays")
                                   : N_("Subtracting the means lowers recall@1")));
}

void cgap_advice_write(cgap_advice_words *out, const cgap_audit *a)
{
  static const char *const WORDS_OF[] = {[CGAP_ADVICE_NOT_ASKED] = NULL,
                                         [CGAP_ADVICE_LOOK] = N_("look at the pairs first"),
                                         [CGAP_ADVICE_SUBTRACT] = N_("subtract the means"),
                                         [CGAP_ADVICE_TRAIN] = N_("train"),
                                         [CGAP_ADVICE_NOTHING] = N_("nothing to do"),
                                         [CGAP_ADVICE_MEASURE] = N_("measure more rows")};
  const cgap_advice *advice = &a->advice;
  const char *input = advice->input;
  *out = (cgap_advice_words){.names = &a->names};
  if (WORDS_OF[advice->word])
    out->word = cgap_tr(out->names, WORDS_OF[advice->word]);
  switch (advice->word) {
  case CGAP_ADVICE_NOT_ASKED:
    break;
  case CGAP_ADVICE_LOOK:
    advise_to_look(out, a);
    snprintf(out->command, sizeof out->command, "contragap audit %s -o report", input);
    break;
  case CGAP_ADVICE_SUBTRACT:
    add_trial(out, a);
    snprintf(out->command, sizeof out->command, "contragap apply --method center %s -o centered.h5", input);
    if ((a->has & CGAP_HAS_PAIRS) && a->images >= CGAP_TRAINING_IMAGES_MIN) {
      out->further = cgap_tr(out->names, N_("A trained head may add to it. This finds out:"));
      snprintf(out->further_command, sizeof out->further_command, "contragap train %s -o closed", input);
    }
    break;
  case CGAP_ADVICE_TRAIN:
    add_training(out, a);
    snprintf(out->command, sizeof out->command, "contragap train %s -o closed", input);
    break;
  case CGAP_ADVICE_NOTHING:
  case CGAP_ADVICE_MEASURE:
    add_no_remedy(out, a);
    if (!advice->center.why && cgap_audit_level(a) > CGAP_LEVEL_NOISE)
      add_trial(out, a);
    break;
  }
  cgap_text_clean(out->command, '?', "");
  cgap_text_clean(out->further_command, '?', "");
}

/* ---------------------------------------------------------------- notes */

enum { SHOWN_RUNS = 3 };

static void CGAP_PRINTF(3, 4) add_note(cgap_notes *out, bool bad, const char *format, ...)
{
  if (out->count == CGAP_NOTES)
    return;
  va_list values;
  va_start(values, format);
  (void)cgap_modality_vprintf(out->text[out->count], CGAP_SENTENCE, out->names, format, values);
  va_end(values);
  out->bad[out->count++] = bad;
}

/* Before "row" and "column". */
static cgap_phrase text_word(const cgap_audit *a)
{
  return cgap_phrase_of(&a->names, a->has & CGAP_TEXT_IS_CLASSES ? N_("class text") : N_("{text}"));
}

static bool all_equal(const cgap_spectrum *s, size_t rows)
{
  return rows > 1 && s->participation_ratio.why;
}

/* ---------------------------------------------------------------- the pairing as a whole */

static void shift_sentence(char out[CGAP_PHRASE], const cgap_modality_names *names, int shift)
{
  out[0] = '\0';
  if (shift)
    (void)cgap_modality_printf(
      out, CGAP_PHRASE, names,
      " They fit better where {text} i belongs to {image} i %c %d: the {texts} must move %s by %d row%s.",
      shift > 0 ? '+' : '-', abs(shift), cgap_tr(names, shift > 0 ? N_("down") : N_("up")), abs(shift),
      abs(shift) == 1 ? "" : "s");
}

static void note_whole(cgap_notes *out, const cgap_pairing_check *c)
{
  char shift[CGAP_PHRASE];
  shift_sentence(shift, out->names, c->shift);
  if (c->verdict == CGAP_PAIRING_SHUFFLED)
    add_note(out, true,
             "The pairs look shuffled, or the model does not match {images} with {texts}: the mean cosine of pairs is "
             "%.3f, of "
             "random pairs %.3f (z = %.1f).%s",
             c->matched_mean, c->shuffled_mean, c->z,
             c->shift ? shift : cgap_tr(out->names, N_(" Check the order of the rows.")));
  else if (c->verdict == CGAP_PAIRING_UNCLEAR)
    add_note(out, true, "The pairing is unclear: the mean cosine of pairs is %.3f, of random pairs %.3f (z = %.1f).%s",
             c->matched_mean, c->shuffled_mean, c->z, shift);
  else if (c->shift)
    add_note(out, true, "Some of the pairs look shifted.%s", shift);
}

/* ---------------------------------------------------------------- blocks */

/* Blocks that follow one another and have one shift: from `first` on, `count` of them. */
static size_t run_length(const cgap_pairing_check *c, size_t first)
{
  size_t count = 1;
  while (first + count < c->block_count && c->blocks[first + count].shift == c->blocks[first].shift &&
         c->blocks[first + count].first == c->blocks[first + count - 1].last + 1)
    count++;
  return count;
}

static void note_run(cgap_notes *out, const cgap_audit *a, const cgap_pair_block *first, const cgap_pair_block *last)
{
  char where[200];
  const int shift = first->shift;
  const size_t last_row = a->text_row ? a->text_row[a->texts - 1] : a->texts - 1;
  if (last->last == last_row)
    (void)cgap_modality_printf(where, sizeof where, out->names, "From about {text} row %zu on", first->first);
  else
    (void)cgap_modality_printf(where, sizeof where, out->names, "From {text} row %zu to %zu, about,", first->first,
                               last->last);
  if (shift)
    add_note(out, true,
             "%s the pairs are off by %d {image} row%s: these {texts} fit the {one image} %d row%s %s their own. Look "
             "for a missing or "
             "an extra row there.",
             where, abs(shift), abs(shift) == 1 ? "" : "s", abs(shift), abs(shift) == 1 ? "" : "s",
             cgap_tr(out->names, shift > 0 ? N_("after") : N_("before")));
  else
    add_note(out, true, "%s the pairs do not fit, as if they were shuffled (z = %.1f). Check the order of these rows.",
             where, first->z);
}

static void note_blocks(cgap_notes *out, const cgap_audit *a)
{
  const cgap_pairing_check *c = &a->pairing_check;
  size_t runs = 0;
  for (size_t b = 0, count; b < c->block_count; b += count, runs++) {
    count = run_length(c, b);
    if (runs < SHOWN_RUNS)
      note_run(out, a, &c->blocks[b], &c->blocks[b + count - 1]);
  }
  if (runs > SHOWN_RUNS)
    add_note(out, true,
             "%zu further stretches of pairs do not fit: checks.pairing.blocks of the report lists all of them.",
             runs - SHOWN_RUNS);
}

/* ---------------------------------------------------------------- mismatched pairs */

static void note_mismatched(cgap_notes *out, const cgap_audit *a)
{
  const cgap_scalar *proportion = &a->pairing_check.below_median_share;
  if (!cgap_pairs_look_mismatched(a))
    return;
  add_note(
    out, true,
    "About %.0f %% of the pairs look mismatched [%.0f, %.0f]: their cosine is that of {images} and {texts} that do not "
    "belong together. The pairs with the lowest cosine are listed; check them first.",
    100 * proportion->value, 100 * proportion->lo, 100 * proportion->hi);
}

static void note_pairing(cgap_notes *out, const cgap_audit *a)
{
  if (!(a->has & CGAP_HAS_PAIRS) || !isfinite(a->pairing_check.z)) /* rows that are all equal, which has its own note */
    return;
  note_whole(out, &a->pairing_check);
  note_blocks(out, a);
  note_mismatched(out, a);
}

/* ---------------------------------------------------------------- what makes the numbers mean little */

static void note_equal_modalities(cgap_notes *out, const cgap_audit *a)
{
  if (all_equal(&a->pca_image, a->images))
    add_note(out, true, "All {image} rows are the same: nothing that compares {images} means anything here.");
  if (all_equal(&a->pca_text, a->texts))
    add_note(out, true, "All %s rows are the same: nothing that compares {texts} means anything here.", text_word(a).s);
}

/* Data measured against themselves. */
static void note_same(cgap_notes *out, const cgap_audit *a)
{
  size_t equal = 0;
  if (!(a->has & CGAP_HAS_PAIRS) || !a->pair_cosine || all_equal(&a->pca_joint, a->images + a->texts))
    return;
  for (size_t j = 0; j < a->texts; j++)
    equal += a->pair_cosine[j] > 1 - 1e-12;
  if (equal == a->texts)
    add_note(out, true, "{Image} and {text} are the same rows (%zu of %zu pairs equal): was one modality saved twice?",
             equal, a->texts);
  else if (2 * equal >= a->texts)
    add_note(
      out, true,
      "Many {texts} are their {one image}'s own row (%zu of %zu pairs equal): were parts of one modality saved twice?",
      equal, a->texts);
}

static void note_size(cgap_notes *out, const cgap_audit *a)
{
  const size_t few = a->texts < a->images && !(a->has & CGAP_TEXT_IS_CLASSES) ? a->texts : a->images;
  const bool one = few == 1;
  const char *what = !(a->has & CGAP_HAS_PAIRS) ? (one ? N_("row") : N_("rows"))
                     : few == a->texts          ? (one ? N_("pair") : N_("pairs"))
                                                : (one ? N_("{one image}") : N_("{images}"));
  if (few < CGAP_RELIABLE_ROWS_MIN)
    add_note(out, true, "Only %zu %s%s: chance alone moves every number below; measure %d or more.", few,
             cgap_phrase_of(&a->names, what).s,
             cgap_tr(&a->names, a->has & CGAP_HAS_PAIRS ? "" : N_(" in one modality")), CGAP_RELIABLE_ROWS_MIN);
}

static bool many_copies(const cgap_audit *a)
{
  return (a->has & CGAP_HAS_PAIRS) && !a->merged_images && !all_equal(&a->pca_image, a->images) &&
         5 * a->checks_image.duplicates.count >= a->images;
}

static void note_copies(cgap_notes *out, const cgap_audit *a)
{
  const uint64_t copies = a->checks_image.duplicates.count;
  char times[40];
  if (!many_copies(a))
    return;
  (void)snprintf(times, sizeof times, "%.1f", (double)a->images / (double)(a->images - copies));
  if (times[0] && times[1] == '.' && times[2] == '0')
    times[1] = '\0';
  add_note(out, true,
           "Each {one image} occurs about %s times (%llu of %zu rows are copies): recall counts its own copies as "
           "rivals; rerun "
           "with --merge-images.",
           times, (unsigned long long)copies, a->images);
}

/* ---------------------------------------------------------------- what is worth knowing */

static void rows_of(char out[80], const cgap_modality_names *names, const cgap_check *check)
{
  size_t used = 0;
  out[0] = '\0';
  if (check->example_count)
    used = (size_t)snprintf(out, 80, "%s", cgap_tr(names, N_(" (first: ")));
  for (size_t i = 0; i < check->example_count && i < 3 && used < 80; i++)
    used += (size_t)snprintf(out + used, 80 - used, "%s%zu", i ? ", " : "", check->examples[i]);
  if (used && used < 79)
    (void)snprintf(out + used, 80 - used, ")");
}

static void note_check(cgap_notes *out, const cgap_check *check, const char *modality, const char *one,
                       const char *many)
{
  char first[80];
  rows_of(first, out->names, check);
  if (check->count)
    add_note(out, false, "%llu %s %s%s.", (unsigned long long)check->count, modality,
             cgap_tr(out->names, check->count == 1 ? one : many), first);
}

/* copies: whether rows that repeat others are worth a line of their own. sampled: rows that near duplicates were looked
 * for among; 0: all. */
static void note_modality(cgap_notes *out, const cgap_modality_checks *c, const char *modality, bool copies,
                          size_t sampled)
{
  char many[WORDS] = N_("rows nearly repeat another (cosine > 0.999)");
  if (sampled)
    (void)cgap_modality_printf(many, sizeof many, out->names,
                               "rows of the %zu sampled nearly repeat another of them (cosine > 0.999)", sampled);
  note_check(out, &c->not_finite, modality, N_("row has NaN or infinity"), N_("rows have NaN or infinity"));
  note_check(out, &c->zero, modality, N_("row is zero"), N_("rows are zero"));
  if (copies)
    note_check(out, &c->duplicates, modality, N_("row repeats an earlier row exactly"),
               N_("rows repeat an earlier row exactly"));
  /* copies and what they copy are nearly alike as well */
  if (c->near_duplicates.count > 2 * c->duplicates.count)
    note_check(out, &c->near_duplicates, modality, N_("row nearly repeats another (cosine > 0.999)"), many);
  note_check(out, &c->constant_columns, modality, N_("column holds one value in all rows"),
             N_("columns hold one value in all rows"));
}

static void note_norms(cgap_notes *out, const cgap_audit *a)
{
  const struct {
    const cgap_modality_checks *checks;
    cgap_phrase modality;
    size_t rows;
  } modalities[] = {{&a->checks_image, cgap_phrase_of(&a->names, "{image}"), a->images + a->dropped_images},
                    {&a->checks_text, text_word(a), a->texts + a->dropped_texts}};
  char text[CGAP_SENTENCE];
  size_t used = 0;
  for (size_t k = 0; k < 2; k++) {
    const uint64_t off = modalities[k].checks->off_unit.count;
    if (off)
      used += (size_t)cgap_modality_printf(
        text + used, sizeof text - used, &a->names, "%s%llu of %zu %s rows (mean norm %.4g)",
        cgap_tr(&a->names, used ? N_(" and ") : ""), (unsigned long long)off, modalities[k].rows,
        modalities[k].modality.s, modalities[k].checks->norm_mean);
  }
  if (used)
    add_note(out, false, "Not of unit norm, and normalised: %s.", text);
}

/* Which numbers come from a sample, and what they then are. */
static void note_sample(cgap_notes *out, const cgap_audit *a)
{
  const cgap_sample *s = &a->sample;
  const bool pairs = a->has & CGAP_HAS_PAIRS;
  if (!s->images)
    return;
  add_note(
    out, false,
    "Sampled: uniformity and quantiles of cosines from the pairs of %zu {images} and %zu %s drawn at random; %smixing "
    "and separability are those of these rows alone.",
    s->images, s->texts, cgap_text_word(a, MANY).s, cgap_tr(&a->names, pairs ? N_("hubness, ") : ""));
  if (pairs)
    add_note(out, false,
             "Losses and retrieval: %zu of the {images} and %zu of the {texts}, each against every candidate.",
             s->image_queries, s->text_queries);
}

void cgap_notes_write(cgap_notes *out, const cgap_audit *a)
{
  *out = (cgap_notes){.names = &a->names};
  note_pairing(out, a);
  note_equal_modalities(out, a);
  note_same(out, a);
  note_copies(out, a);
  if (a->has & CGAP_ONE_SPACE)
    note_size(out, a);
  else
    cgap_notes_one_write(out, a);
  if (a->dropped_images || a->dropped_texts)
    add_note(out, false, "Dropped as bad: %zu %s and %zu %s.", a->dropped_images,
             cgap_image_word(a, a->dropped_images).s, a->dropped_texts,
             cgap_phrase_of(&a->names, a->dropped_texts == 1 ? N_("{one text}") : N_("{texts}")).s);
  if (a->merged_images)
    add_note(out, false, "%zu repeated {image} row%s merged: %zu {images} are left, with %zu {texts}.",
             a->merged_images, a->merged_images == 1 ? " was" : "s were", a->images, a->texts);
  if (!all_equal(&a->pca_image, a->images))
    note_modality(out, &a->checks_image, cgap_phrase_of(&a->names, "{image}").s, !a->merged_images && !many_copies(a),
                  a->sample.images);
  if (!all_equal(&a->pca_text, a->texts))
    note_modality(out, &a->checks_text, text_word(a).s, true, a->sample.texts);
  note_norms(out, a);
  if (a->has & CGAP_ONE_SPACE)
    note_sample(out, a);
}
