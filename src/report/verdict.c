#include "report/verdict.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "report/table.h"

static bool known(const cgap_scalar *s)
{
  return !s->why && isfinite(s->value);
}

cgap_level cgap_gap_level(const cgap_scalar *d)
{
  if (!known(d))
    return CGAP_LEVEL_UNKNOWN;
  if (isfinite(d->lo) && d->lo <= 0)
    return CGAP_LEVEL_NOISE;
  if (d->value < 0.19)
    return CGAP_LEVEL_LOW;
  return d->value < 0.63 ? CGAP_LEVEL_MODERATE : CGAP_LEVEL_SEVERE;
}

const char *cgap_level_word(cgap_level level)
{
  static const char *const words[] = {[CGAP_LEVEL_UNKNOWN] = "unknown",
                                      [CGAP_LEVEL_NOISE] = "within noise",
                                      [CGAP_LEVEL_LOW] = "low",
                                      [CGAP_LEVEL_MODERATE] = "moderate",
                                      [CGAP_LEVEL_SEVERE] = "severe"};
  return words[level];
}

static void CGAP_PRINTF(2, 3) add(cgap_verdict_words *out, const char *format, ...)
{
  va_list values;
  va_start(values, format);
  (void)vsnprintf(out->sentence[out->count++], CGAP_SENTENCE, format, values);
  va_end(values);
}

static void say_gap(cgap_verdict_words *out, const cgap_audit *a)
{
  const cgap_scalar *d = &a->gap.corrected_distance, *floor = &a->gap.noise_floor;
  char interval[60] = "", noise[100] = "";
  if (!known(d)) {
    add(out, "The gap could not be measured: %s.", d->why ? d->why : "the centroids are not defined");
    return;
  }
  if (isfinite(d->lo) && isfinite(d->hi))
    snprintf(interval, sizeof interval, " [%.3f, %.3f]", d->lo, d->hi);
  if (known(floor))
    snprintf(noise, sizeof noise, "; sampling alone would give %.3f", floor->value);
  const char *what = out->level == CGAP_LEVEL_NOISE ? "The gap is within noise" : "The gap is";
  const char *word = out->level == CGAP_LEVEL_NOISE ? "" : cgap_level_word(out->level);
  add(out, "%s%s%s: the centroids lie %.3f%s apart%s.", what, *word ? " " : "", word, d->value, interval, noise);
}

static const char *texts_word(const cgap_audit *a)
{
  return a->has & CGAP_TEXT_IS_CLASSES ? "class texts" : "texts";
}

static void say_line(cgap_verdict_words *out, const cgap_audit *a)
{
  const cgap_scalar *s = &a->gap.linear_separability;
  if (!known(s))
    return;
  const size_t least = a->images < a->texts ? a->images : a->texts;
  if (least < CGAP_FEW_ROWS && s->value < 0.6) {
    add(out, "Whether a straight line tells images from %s is not known: %zu %s are too few to learn it from.",
        texts_word(a), least, least == a->images ? "images" : texts_word(a));
    return;
  }
  const char *tells = s->value >= 0.99   ? "A straight line tells"
                      : s->value >= 0.75 ? "A straight line mostly tells"
                      : s->value >= 0.6  ? "A straight line hardly tells"
                                         : "No straight line tells";
  add(out, "%s images from %s: it is right on %.1f %% of held-out rows (chance: 50).", tells, texts_word(a),
      100 * s->value);
}

static void say_sphere(cgap_verdict_words *out, const cgap_audit *a)
{
  const cgap_uniformity *u = &a->uniformity;
  if (!known(&u->image) || !known(&u->text))
    return;
  double mean = (u->image.value + u->text.value) / 2, missing = mean - u->sphere;
  const char *fills = missing < 0.1   ? "The rows fill the sphere evenly"
                      : missing < 0.7 ? "The rows fill most of the sphere"
                      : missing < 2   ? "The rows crowd on a part of the sphere"
                                      : "The rows crowd in a small part of the sphere";
  char image[40], text[40];
  cgap_value_show(image, u->image.value, 2);
  cgap_value_show(text, u->text.value, 2);
  add(out, "%s: uniformity %s (images) and %s (%s), %.2f if uniform.", fills, image, text, texts_word(a), u->sphere);
}

static void say_shift(cgap_verdict_words *out, const cgap_audit *a)
{
  const cgap_scalar *share = &a->gap.share_of_alignment;
  if (!(a->has & CGAP_HAS_PAIRS) || !known(share))
    return;
  add(out, "%.0f %% of the misalignment of the pairs is one constant shift%s.", 100 * share->value,
      share->value >= 0.3 ? ", which centring would take away" : "");
}

void cgap_verdict_write(cgap_verdict_words *out, const cgap_audit *a)
{
  *out = (cgap_verdict_words){.level = cgap_gap_level(&a->gap.corrected_distance)};
  out->word = cgap_level_word(out->level);
  say_gap(out, a);
  say_line(out, a);
  say_sphere(out, a);
  say_shift(out, a);
}
