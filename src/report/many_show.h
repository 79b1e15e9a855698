/* More than two modalities: their report as JSON, in tables, and as a folder with figures and a page. */
#ifndef CGAP_REPORT_MANY_SHOW_H
#define CGAP_REPORT_MANY_SHOW_H

#include <jansson.h>
#include <stdio.h>

#include "contragap/contragap.h"
#include "report/json.h"
#include "report/markup.h"
#include "report/text.h"

/* What the report says of where the rows come from; borrows everything. */
typedef struct cgap_many_input {
  const json_t *modality[CGAP_MODALITIES_MAX]; /* {"name", "rows", "dim", "type" …} of each, or NULL */
  cgap_names row_names[CGAP_MODALITIES_MAX];   /* what its file calls its rows: ids, captions */
  const char *pairing;                         /* "by row", "by id", "unpaired" */
  size_t left_out[CGAP_MODALITIES_MAX];        /* rows whose ids not all modalities have */
  const char *source;                          /* names the data, in one line */
} cgap_many_input;

typedef struct cgap_many_report {
  const cgap_many *many;
  const cgap_many_input *input;
  const json_t *json; /* of cgap_many_json */
  const cgap_run *run;
} cgap_many_report;

/* ---------------------------------------------------------------- words */

extern const char *const cgap_many_keys[CGAP_MANY_MEASURES];   /* "recall_at_1", of `matrix` in the JSON */
extern const char *const cgap_many_titles[CGAP_MANY_MEASURES]; /* "recall@1, row searches column" */
double cgap_many_number(const cgap_many *many, cgap_many_measure measure, size_t a, size_t b); /* NaN: null */

/* Of the first pair, for their language. */
const cgap_modality_names *cgap_many_names(const cgap_many *many);

enum { CGAP_MANY_HEAD = 1000 };
/* "image, text, audio: 3 modalities of 2000 rows, d = 64, row i of all together" */
void cgap_many_head(char out[CGAP_MANY_HEAD], const cgap_many *many, const cgap_many_input *input);

enum { CGAP_PAIR_NAME = 2 * CGAP_NAME_SIZE };
/* "image-text" of place `pair`; the places of its modalities into a and b, which may be NULL. */
void cgap_many_pair_name(char out[CGAP_PAIR_NAME], const cgap_many *many, size_t pair, size_t *a, size_t *b);

/* What the files call the rows of a pair; borrowed. */
cgap_row_names cgap_many_row_names(const cgap_many_input *input, size_t a, size_t b);

/* The verdict on a pair in one sentence that begins with its name, without the scale; returns its level. */
cgap_level cgap_many_sentence(char out[CGAP_SENTENCE], const cgap_many *many, size_t pair);

/* The widest gap and the narrowest. "": no distance is known. */
void cgap_many_summary(char out[CGAP_SENTENCE], const cgap_many *many);

/* On the pool: how the modalities mix. "": not measured. */
void cgap_many_mixed_sentence(char out[CGAP_SENTENCE], const cgap_many *many);

/* What the checks of a pair found that makes its numbers doubtful, each with the pair's name; returns how many. */
size_t cgap_many_alarms(char out[CGAP_NOTES][CGAP_SENTENCE], const cgap_many *many, size_t pair);

/* ---------------------------------------------------------------- JSON */

/* The caller owns the result (json_decref). NULL: out of memory. */
json_t *cgap_many_json(const cgap_many *many, const cgap_many_input *input, const cgap_run *run);
json_t *cgap_many_schema(void);

/* A threshold of --fail-if over pairs: pairs.PAIR.KEY OP NUMBER; * stands for every pair. */
typedef struct cgap_many_threshold {
  cgap_threshold key;
  char pair[CGAP_PAIR_NAME];
} cgap_many_threshold;

/* CGAP_USAGE where it names no pair of `names` (count), or no such key. */
CGAP_MUST_CHECK cgap_status cgap_many_threshold_parse(cgap_many_threshold *out, const char *text,
                                                      const char *const *names, size_t count, cgap_error *error);

/* As cgap_threshold_run, over every pair that it names. */
CGAP_MUST_CHECK cgap_status cgap_many_threshold_run(const cgap_many_threshold *threshold, const cgap_many *many,
                                                    json_t *outcomes, cgap_error *error);

/* ---------------------------------------------------------------- tables */

CGAP_MUST_CHECK cgap_status cgap_many_table_print(const cgap_many *many, const cgap_many_input *input,
                                                  const cgap_paper *paper, FILE *stream, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_many_markup_print(const cgap_many *many, const cgap_many_input *input,
                                                   cgap_markup markup, FILE *stream, cgap_error *error);
/* Every measure of every pair, a line each. */
CGAP_MUST_CHECK cgap_status cgap_many_csv_print(const cgap_many *many, FILE *stream, cgap_error *error);

/* ---------------------------------------------------------------- the folder */

/* report.json, rows.tsv, figures/ with pictures, and report.html into `folder`. */
CGAP_MUST_CHECK cgap_status cgap_many_folder_write(const cgap_many_report *report, const char *folder,
                                                   void (*warn_line)(const char *line), cgap_error *error);

#define CGAP_MANY_ROWS_HEAD "index\trow_" /* rows.tsv begins with it */

#endif
