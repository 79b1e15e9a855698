/* The verdict in words, and what a reader must know before the numbers; shared by table, Markdown, page and JSON. */
#ifndef CGAP_REPORT_VERDICT_H
#define CGAP_REPORT_VERDICT_H

#include "contragap/contragap.h"

typedef enum cgap_level {
  CGAP_LEVEL_UNKNOWN,
  CGAP_LEVEL_NOISE, /* the word is "none" */
  CGAP_LEVEL_LOW,
  CGAP_LEVEL_MODERATE,
  CGAP_LEVEL_SEVERE,
  CGAP_LEVEL_APART,
  CGAP_LEVEL_COLLAPSED,
  CGAP_LEVELS
} cgap_level;

enum { CGAP_SENTENCES = 10, CGAP_SENTENCE = 480, CGAP_NOTES = 20 };
enum { CGAP_FEW_ROWS = 30 }; /* of a side, below which chance alone moves everything */

typedef struct cgap_verdict_words {
  cgap_level level;
  const char *word; /* "severe" */
  char sentence[CGAP_SENTENCES][CGAP_SENTENCE];
  size_t count;
} cgap_verdict_words;

/* By the corrected distance alone: none where its interval reaches 0, low below 0.19, severe from 0.63, moderate
 * between. The thresholds are this tool's own. */
cgap_level cgap_gap_level(const cgap_scalar *corrected_distance);

/* The corrected distance may be low, yet the modalities hardly mix: more than 0.7 of the way from what chance gives
 * (mixed.unbiased) to no row of the other modality among the ten nearest (mixed.same_modality_share). */
bool cgap_is_apart(const cgap_scalar *corrected_distance, const cgap_scalar *same_modality,
                   const cgap_scalar *unbiased);

bool cgap_is_collapsed(const cgap_scalar *mean_cosine); /* of two rows of one modality: above 0.98 */

/* The first that fits: collapsed (the mean cosine within a modality is above 0.98), apart, else the level of the
 * corrected distance. */
cgap_level cgap_audit_level(const cgap_audit *audit);
const char *cgap_level_word(cgap_level level);
void cgap_verdict_write(cgap_verdict_words *out, const cgap_audit *audit);

/* What the checks found, the worst first. bad: the numbers may mean nothing until it is looked at. */
typedef struct cgap_notes {
  char text[CGAP_NOTES][CGAP_SENTENCE];
  bool bad[CGAP_NOTES];
  size_t count;
} cgap_notes;

void cgap_notes_write(cgap_notes *out, const cgap_audit *audit);

#endif
