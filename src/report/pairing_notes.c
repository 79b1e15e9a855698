#include "report/pairing_notes.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN_RUNS = 3 };

static void CGAP_PRINTF(2, 3) note(cgap_notes *out, const char *format, ...)
{
  if (out->count == CGAP_NOTES)
    return;
  va_list values;
  va_start(values, format);
  (void)vsnprintf(out->text[out->count], CGAP_SENTENCE, format, values);
  va_end(values);
  out->bad[out->count++] = true;
}

static void shift_sentence(char out[200], int shift)
{
  out[0] = '\0';
  if (shift)
    (void)snprintf(
      out, 200, " They fit better where text i belongs to image i %c %d: the texts must move %s by %d row%s.",
      shift > 0 ? '+' : '-', abs(shift), shift > 0 ? "down" : "up", abs(shift), abs(shift) == 1 ? "" : "s");
}

static void note_whole(cgap_notes *out, const cgap_pairing_check *c)
{
  char shift[200];
  shift_sentence(shift, c->shift);
  if (c->verdict == CGAP_PAIRING_SHUFFLED)
    note(out,
         "The pairs look shuffled, or the model does not match images with texts: the mean cosine of pairs is %.3f, of "
         "random pairs %.3f (z = %.1f).%s",
         c->matched_mean, c->shuffled_mean, c->z, c->shift ? shift : " Check the order of the rows.");
  else if (c->verdict == CGAP_PAIRING_UNCLEAR)
    note(out, "The pairing is unclear: the mean cosine of pairs is %.3f, of random pairs %.3f (z = %.1f).%s",
         c->matched_mean, c->shuffled_mean, c->z, shift);
  else if (c->shift)
    note(out, "Some of the pairs look shifted.%s", shift);
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
  char where[100];
  const int shift = first->shift;
  if (a->text_row && last->last == a->text_row[a->texts - 1])
    (void)snprintf(where, sizeof where, "From about text row %zu on", first->first);
  else
    (void)snprintf(where, sizeof where, "From text row %zu to %zu, about,", first->first, last->last);
  if (shift)
    note(
      out,
      "%s the pairs are off by %d image row%s: these texts fit the image %d row%s %s their own. Look for a missing or "
      "an extra row there.",
      where, abs(shift), abs(shift) == 1 ? "" : "s", abs(shift), abs(shift) == 1 ? "" : "s",
      shift > 0 ? "after" : "before");
  else
    note(out, "%s the pairs do not fit, as if they were shuffled (z = %.1f). Check the order of these rows.", where,
         first->z);
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
    note(out, "%zu further stretches of pairs do not fit: checks.pairing.blocks of the report lists all of them.",
         runs - SHOWN_RUNS);
}

/* ---------------------------------------------------------------- mismatched pairs */

/* Ten times what random ranks give: with several texts per image about as many times as often. */
static bool is_well_above_chance(const cgap_scalar *recall_at_10, size_t images)
{
  return !recall_at_10->why && recall_at_10->value >= 10 * fmin(1, 10 / (double)images);
}

/* A model that cannot tell its pairs has as many below the median as one whose pairs are wrong. */
static void note_mismatched(cgap_notes *out, const cgap_audit *a)
{
  const cgap_pairing_check *c = &a->pairing_check;
  const cgap_scalar *share = &c->below_median_share;
  if (c->verdict != CGAP_PAIRING_MATCHED || share->why || !(share->lo > 0.05) ||
      !is_well_above_chance(&a->image_to_text.recall_at_10, a->images) ||
      !is_well_above_chance(&a->text_to_image.recall_at_10, a->images))
    return;
  note(out,
       "About %.0f %% of the pairs look mismatched [%.0f, %.0f]: their cosine is that of images and texts that do not "
       "belong together. The pairs with the lowest cosine are listed; check them first.",
       100 * share->value, 100 * share->lo, 100 * share->hi);
}

void cgap_pairing_notes(cgap_notes *out, const cgap_audit *a)
{
  if (!(a->has & CGAP_HAS_PAIRS) || !isfinite(a->pairing_check.z)) /* rows that are all equal, which has its own note */
    return;
  note_whole(out, &a->pairing_check);
  note_blocks(out, a);
  note_mismatched(out, a);
}
