/* What the checks found, in sentences. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "report/verdict.h"

static void CGAP_PRINTF(3, 4) note(cgap_notes *out, bool bad, const char *format, ...)
{
  if (out->count == CGAP_NOTES)
    return;
  va_list values;
  va_start(values, format);
  (void)vsnprintf(out->text[out->count], CGAP_SENTENCE, format, values);
  va_end(values);
  out->bad[out->count++] = bad;
}

static void note_pairing(cgap_notes *out, const cgap_pairing_check *c)
{
  if (c->verdict == CGAP_PAIRING_SHUFFLED && !c->shift)
    note(out, true,
         "The pairs look shuffled: their mean cosine is %.3f, that of random couples %.3f (z = %.1f). Check the order "
         "of the rows; a model without training looks the same.",
         c->matched_mean, c->shuffled_mean, c->z);
  if (c->verdict == CGAP_PAIRING_UNCLEAR && !c->shift)
    note(out, true, "The pairing is unclear: pairs have mean cosine %.3f, random couples %.3f (z = %.1f).",
         c->matched_mean, c->shuffled_mean, c->z);
  if (c->shift)
    note(out, true, "The pairs look shifted: an offset of %+d rows fits better. Check the order of the rows.",
         c->shift);
}

static void rows_of(char out[80], const cgap_check *check)
{
  size_t used = 0;
  out[0] = '\0';
  for (size_t i = 0; i < check->example_count && i < 3 && used < 80; i++)
    used += (size_t)snprintf(out + used, 80 - used, "%s%zu", i ? ", " : "", check->examples[i]);
}

static void note_side(cgap_notes *out, const cgap_side_checks *c, const char *side, size_t rows)
{
  const struct {
    const cgap_check *check;
    const char *what;
  } checks[] = {
    {&c->not_finite, "rows have NaN or infinity"},
    {&c->zero, "rows are zero"},
    {&c->duplicates, "rows repeat an earlier row exactly"},
    {&c->near_duplicates, "rows nearly repeat another (cosine > 0.999)"},
  };
  char first[80];
  for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
    rows_of(first, checks[i].check);
    if (checks[i].check->count)
      note(out, false, "%llu %s %s%s%s%s.", (unsigned long long)checks[i].check->count, side, checks[i].what,
           *first ? " (first: " : "", first, *first ? ")" : "");
  }
  rows_of(first, &c->constant_columns);
  if (c->constant_columns.count)
    note(out, false, "%llu %s columns hold one value in all rows (first: %s).",
         (unsigned long long)c->constant_columns.count, side, first);
  if (c->off_unit.count)
    note(out, false, "%llu of %zu %s rows were not of unit norm (mean norm %.4g) and were normalised.",
         (unsigned long long)c->off_unit.count, rows, side, c->norm_mean);
}

void cgap_notes_write(cgap_notes *out, const cgap_audit *a)
{
  *out = (cgap_notes){0};
  if (a->has & CGAP_HAS_PAIRS)
    note_pairing(out, &a->pairing_check);
  if (a->dropped_images || a->dropped_texts)
    note(out, false, "Dropped as bad: %zu images and %zu texts.", a->dropped_images, a->dropped_texts);
  if (a->merged_images)
    note(out, false, "%zu repeated image rows were merged into the images they repeat.", a->merged_images);
  if ((a->has & CGAP_HAS_PAIRS) && a->checks_image.duplicates.count && !a->merged_images && a->images == a->texts)
    note(out, false, "Image rows repeat: --merge-images makes them one image with several texts.");
  note_side(out, &a->checks_image, "image", a->images + a->dropped_images);
  note_side(out, &a->checks_text, a->has & CGAP_TEXT_IS_CLASSES ? "class text" : "text", a->texts + a->dropped_texts);
}
