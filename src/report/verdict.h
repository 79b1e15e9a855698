/* The verdict in words, and what a reader must know before the numbers; shared by table, Markdown and page. */
#ifndef CGAP_REPORT_VERDICT_H
#define CGAP_REPORT_VERDICT_H

#include "contragap/contragap.h"

typedef enum cgap_level {
  CGAP_LEVEL_UNKNOWN,
  CGAP_LEVEL_NOISE,
  CGAP_LEVEL_LOW,
  CGAP_LEVEL_MODERATE,
  CGAP_LEVEL_SEVERE
} cgap_level;

enum { CGAP_SENTENCES = 10, CGAP_SENTENCE = 480, CGAP_NOTES = 20 };
enum { CGAP_FEW_ROWS = 30 }; /* of a side, below which chance alone moves everything */

typedef struct cgap_verdict_words {
  cgap_level level;
  const char *word;                             /* "severe" */
  char sentence[CGAP_SENTENCES][CGAP_SENTENCE]; /* gap, straight line, sphere, shift; in this order */
  size_t count;
} cgap_verdict_words;

/* Within noise where the interval of the centroid distance reaches 0; low below 0.19; severe from 0.63 on (thresholds
 * of I0T, Findings of ACL 2025); moderate between. */
cgap_level cgap_gap_level(const cgap_scalar *corrected_distance);
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
