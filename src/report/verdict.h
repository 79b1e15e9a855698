/* The verdict in words, and what a reader must know before the numbers; shared by table, Markdown, page and JSON. */
#ifndef CGAP_REPORT_VERDICT_H
#define CGAP_REPORT_VERDICT_H

#include "analysis/gap_level.h"

enum { CGAP_SENTENCES = 10, CGAP_SENTENCE = 480, CGAP_NOTES = 20 };
enum { CGAP_RELIABLE_ROWS_MIN = 30 }; /* of a side, below which chance alone moves everything */

typedef struct cgap_verdict_words {
  cgap_level level;
  const char *word; /* "severe" */
  char sentence[CGAP_SENTENCES][CGAP_SENTENCE];
  size_t count;
} cgap_verdict_words;

void cgap_verdict_write(cgap_verdict_words *out, const cgap_audit *audit);

/* What the checks found, the worst first. bad: the numbers may mean nothing until it is looked at. */
typedef struct cgap_notes {
  char text[CGAP_NOTES][CGAP_SENTENCE];
  bool bad[CGAP_NOTES];
  size_t count;
} cgap_notes;

void cgap_notes_write(cgap_notes *out, const cgap_audit *audit);

#endif
