/* What the terminal shows where not everything is asked for: the measures that matter most, and a line for each block
 * of the others. */
#ifndef CGAP_REPORT_BRIEF_H
#define CGAP_REPORT_BRIEF_H

#include <stdio.h>

#include "report/text.h"

enum { CGAP_BRIEF_LINES = 10 };

/* The measure's place among those that matter most, from 0; CGAP_BRIEF_NOT where it is none of them. */
enum { CGAP_BRIEF_NOT = 1000 };
size_t cgap_brief_place(const char *key);

/* Its name without its block, "recall@1, image to text". */
cgap_phrase cgap_brief_label(const cgap_field *field, const cgap_modality_names *names);

/* What the gap costs, in a sentence; "" where nothing was searched. */
void cgap_brief_cost(char out[CGAP_SENTENCE], const cgap_audit *audit);

/* The trial of the advice: before, after and the difference with its interval, and what gets worse. */
void cgap_brief_trial(const cgap_audit *audit, const cgap_paper *paper, FILE *stream);

/* Which kind of search the trial made worse; a template. */
const char *cgap_brief_hurts(const cgap_audit *audit);

/* The lines that matter, and a line for each block of the table. */
void cgap_brief_lines(const cgap_audit *audit, const cgap_paper *paper, FILE *stream);
void cgap_brief_blocks(const cgap_audit *audit, const cgap_paper *paper, FILE *stream);

#endif
