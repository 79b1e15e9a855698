/* The audit as a person reads it: numbers and wrapped lines, the verdict and the notes in sentences, and the table, for
 * the terminal and in Markdown. */
#ifndef CGAP_REPORT_TEXT_H
#define CGAP_REPORT_TEXT_H

#include <stdio.h>

#include "analysis/fields.h"
#include "base/language.h"
#include "report/markup.h"

/* ---------------------------------------------------------------- numbers and lines */

/* value with its field's decimals, fewer where it is large; "n/a" where it is not finite. */
void cgap_value_show(char out[40], double value, int decimals);

/* Both ends by `format`, "[%s, %s]" or "%s to %s"; "" where there is no interval. */
void cgap_interval_show(char out[100], double lo, double hi, int decimals, const char *format);

double cgap_value_or_nan(const cgap_scalar *scalar); /* NaN where it is null */

/* name, without its end and with "…" where it does not fit into size bytes (8 at least). */
void cgap_name_shorten(char *out, size_t size, const char *name);

/* The same into `width` columns of a table, filled up with blanks. */
void cgap_name_print(FILE *stream, const char *name, int width);

#define CGAP_NO_BREAK "\xC2\xA0" /* between words that stay on one line */

#define CGAP_MINUS "\xE2\x88\x92" /* U+2212, on pages and in figures */

/* Whether `at`, in `text`, is a hyphen that means minus: before a digit, and behind no word. */
bool cgap_text_is_minus(const char *text, const char *at);

/* Prints words wrapped at `columns`, at 100 where those are more, behind `first`; later lines are indented by `indent`
 * blanks. */
void cgap_text_wrap(FILE *stream, int columns, const char *first, const char *text, int indent);

/* The same from column `at` on, without a newline at the end. */
void cgap_text_wrap_from(FILE *stream, int columns, int at, const char *text, int indent);

/* Bytes of the first line of words that is broken at `columns`; of a longer word as much as fits. */
size_t cgap_text_line(const char *text, int columns);

/* Columns of UTF-8 text: two for a wide character, none for an accent on the one before. */
int cgap_text_width(const char *text, size_t bytes);

/* ---------------------------------------------------------------- verdict and notes */

/* The thresholds of the word for a gap, shown wherever the word is. */
#define CGAP_GAP_SCALE N_("this tool's own scale: low below 0.19, moderate, severe from 0.63")

enum { CGAP_SENTENCES = 10, CGAP_SENTENCE = 900, CGAP_NOTES = 20 };
enum { CGAP_RELIABLE_ROWS_MIN = 30 }; /* of a modality, below which chance alone moves everything */

/* Adds to a sentence, as much as fits. */
void cgap_sentence_append(char text[CGAP_SENTENCE], const char *format, ...) CGAP_PRINTF(2, 3);

/* The same in the language of names, whose format is a template (base/modality_names.h). */
void cgap_sentence_say(char text[CGAP_SENTENCE], const cgap_modality_names *names, const char *format, ...)
  CGAP_PRINTF(3, 4);

/* One word for the gap, then a sentence for each thing that a reader wants to know first. */
typedef struct cgap_verdict_words {
  const cgap_modality_names *names; /* which its sentences get; NULL: those by default */
  cgap_level level;
  const char *word; /* "severe" */
  char sentence[CGAP_SENTENCES][CGAP_SENTENCE];
  size_t count;
} cgap_verdict_words;

/* "1 image", "300 class texts": the words after a count. */
cgap_phrase cgap_image_word(const cgap_audit *audit, size_t count);
cgap_phrase cgap_text_word(const cgap_audit *audit, size_t count);

void cgap_verdict_write(cgap_verdict_words *out, const cgap_audit *audit);

/* Adds the sentences of an audit that is of no gap: of one modality, of two widths, of drift. */
void cgap_verdict_one_write(cgap_verdict_words *out, const cgap_audit *audit);

/* "fill the sphere evenly" to "fill only a narrow cone", of so many rows. Evenly: near the uniform distribution's
 * value, with as many dimensions in use as that many rows of it have (n·d/(n + d), the participation ratio of n rows of
 * equal variances); half of the dimensions cost uniformity almost nothing. */
const char *cgap_sphere_words(const cgap_scalar *uniformity, double sphere, const cgap_scalar *dimensions, size_t rows,
                              size_t dim);

/* By the interval of a difference: 1 clearly better, -1 clearly worse, 0 neither, or no interval. */
int cgap_outcome(const cgap_scalar *difference, cgap_better better);

/* What to do about the gap, for what reason, and the command to type. */
enum { CGAP_REASONS = 3 };
typedef struct cgap_advice_words {
  const cgap_modality_names *names;
  const char *word; /* "subtract the means"; NULL: the audit has no advice */
  char sentence[CGAP_REASONS][CGAP_SENTENCE];
  size_t count, trial, trial_count; /* of them on the trial: from `trial` on so many */
  char command[700];                /* "": none */
  const char *further;              /* what else may help, and … */
  char further_command[700];        /* … the command that finds out; NULL and "": nothing */
} cgap_advice_words;

void cgap_advice_write(cgap_advice_words *out, const cgap_audit *audit);

/* What the checks found, the worst first. bad: the numbers may mean nothing until this is looked into. */
typedef struct cgap_notes {
  const cgap_modality_names *names;
  char text[CGAP_NOTES][CGAP_SENTENCE];
  bool bad[CGAP_NOTES];
  size_t count;
} cgap_notes;

void cgap_notes_write(cgap_notes *out, const cgap_audit *audit);
/* "Contrastive gap", or what else the report is of. */
const char *cgap_title_words(const cgap_audit *audit);

/* "6000 images, d = 192", of one modality or two widths. Returns out. */
const char *cgap_size_words(char out[CGAP_SENTENCE], const cgap_audit *audit);

void cgap_notes_one_write(cgap_notes *out, const cgap_audit *audit); /* as cgap_verdict_one_write */

/* ---------------------------------------------------------------- tables */

enum { CGAP_COLUMNS_MIN = 50 }; /* which every table fits into */

/* What a table is printed on. */
typedef struct cgap_paper {
  bool colour; /* escape sequences are understood */
  int columns; /* at least CGAP_COLUMNS_MIN */
} cgap_paper;

/* Without colour; 0 columns: 80, less than CGAP_COLUMNS_MIN: that. */
cgap_paper cgap_paper_plain(int columns);

/* Verdict, advice, the lines that matter, and the table by blocks: a line each, or where `all` every measure with its
 * interval. `name` says what was measured, in one line. */
CGAP_MUST_CHECK cgap_status cgap_table_print(const cgap_audit *audit, const char *name, bool all,
                                             const cgap_paper *paper, FILE *stream, cgap_error *error);

/* The same in Markdown; in LaTeX with the sentences as comments. */
CGAP_MUST_CHECK cgap_status cgap_markup_print(const cgap_audit *audit, const char *name, cgap_markup markup,
                                              FILE *stream, cgap_error *error);

/* The same numbers as comma-separated values: a line per measure, in full precision. */
CGAP_MUST_CHECK cgap_status cgap_csv_print(const cgap_audit *audit, FILE *stream, cgap_error *error);

/* A cell: text, in quotes where it needs them, and a number, empty where it is not finite. */
void cgap_csv_text(FILE *stream, const char *text);
void cgap_csv_number(FILE *stream, double value);

/* A row's name as a cell between tabs: as CSV has it where it begins with a quote, which readers of such tables take
 * for the begin of a cell in quotes. NULL: nothing. */
void cgap_tsv_name(FILE *stream, const char *name);

#endif
