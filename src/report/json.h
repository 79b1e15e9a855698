/* The report as JSON, with the keys of the table of fields, and the thresholds of --fail-if. */
#ifndef CGAP_REPORT_JSON_H
#define CGAP_REPORT_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "contragap/contragap.h"
#include "io/find/row_names.h"

/* What may differ between two runs on the same data; stands under "run" alone. */
typedef struct cgap_run {
  const char *command_line;
  uint64_t seed;
  int threads;    /* that worked, of each rank */
  int rank_count; /* 0: one process */
  double seconds;
  uint64_t peak_memory_bytes;
} cgap_run;

enum {
  CGAP_SCHEMA_VERSION = 1
}; /* of every JSON that is written; rises where a key is removed or changes its meaning */

/* The whole report; `input` (borrowed) is what cgap_dataset_json gave, NULL where there is none; run may be NULL.
 * The caller owns the result (json_decref). NULL: out of memory. */
json_t *cgap_report_json(const cgap_audit *audit, json_t *input, const cgap_run *run);

/* Adds image_name and text_name to the pairs of pairs.worst, where there are names. false: out of memory. */
bool cgap_report_name_pairs(json_t *report, const cgap_row_names *names);

/* The JSON Schema of a report: report.schema.base.json, and the scalars that the measures name. The caller owns the
 * result. NULL: out of memory. */
json_t *cgap_report_schema(void);

json_t *cgap_run_json(const cgap_run *run);
const char *cgap_method_name(cgap_method method);               /* "exact", "sampled", "bf16" */
const char *cgap_pairing_word(const cgap_pairing_check *check); /* "matched", "shuffled", "unclear" */
json_t *cgap_scalar_json(const cgap_scalar *scalar); /* {value, ci95, n, method}, "why" where value is null */
/* ["image", "text"], or the names given; reading what is no such list leaves the names as they are. */
json_t *cgap_modality_names_json(const cgap_modality_names *names);
void cgap_modality_names_read(cgap_modality_names *out, const json_t *list);

json_t *cgap_number_json(double value); /* null where value is not finite */

/* {"corrected_distance", "mixed_ndcg_at_10", "recall_at_1"} of a trial, the distance alone without pairs; differences:
 * their scalars have no method. */
json_t *cgap_trial_json(const cgap_scalar *measures, bool pairs, bool differences);

/* Sets root["a"]["b"]["c"] for the path "a.b.c", making objects on the way; steals value. false: out of memory. */
bool cgap_json_put(json_t *root, const char *path, json_t *value);

/* root at "a.b.c", borrowed, or NULL. */
json_t *cgap_json_get(const json_t *root, const char *path);

CGAP_MUST_CHECK cgap_status cgap_json_print(const json_t *json, FILE *stream, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_json_write(const json_t *json, const char *path, cgap_error *error);

/* The process's own figures, for cgap_run. */
uint64_t cgap_peak_memory_bytes(void);

/* ---------------------------------------------------------------- thresholds */

typedef enum cgap_relation { CGAP_LESS, CGAP_LESS_EQUAL, CGAP_GREATER, CGAP_GREATER_EQUAL } cgap_relation;

/* What a key is looked up in: "KEY" in the report of what was made, "before:KEY" in that of the original rows,
 * "diff:KEY" in the difference of the two. "worse", without key, sign and number, tests all differences (gate.h). */
typedef enum cgap_tested {
  CGAP_TESTED_AFTER,
  CGAP_TESTED_BEFORE,
  CGAP_TESTED_DIFFERENCE,
  CGAP_TESTED_WORSE
} cgap_tested;

typedef struct cgap_threshold {
  const char *text; /* as typed, borrowed */
  char key[100];    /* or a pattern with * in it, which stands for every key that it fits */
  cgap_tested of;
  cgap_relation relation;
  double bound;
} cgap_threshold;

/* Parses KEY OP NUMBER, blanks around OP allowed, or "worse". CGAP_USAGE: no sign, no number, or no such key. The
 * messages of these functions name neither option nor threshold. */
cgap_status cgap_threshold_parse(cgap_threshold *out, const char *text, cgap_error *error);

bool cgap_threshold_crosses(const cgap_threshold *threshold, double value); /* NaN: no */

/* Tests one key of whatever `of` is, and puts its value, NaN where there is none: as cgap_threshold_check. */
typedef cgap_status cgap_threshold_tester(const cgap_threshold *threshold, const char *key, const void *of,
                                          double *value, cgap_error *error);
cgap_threshold_tester cgap_threshold_of_audit; /* of: a cgap_audit */

/* Every key of the threshold. CGAP_CROSSED where one crosses it; CGAP_DATA where it cannot be tested: the measure is
 * not there, or null; of a pattern, all that it fits. error->message says which. outcomes, or NULL: gets {"test": as
 * typed, "value", "crossed"} of each, both null where there is no value, "key" where the threshold has a pattern, and
 * `label`: `name` where those are given. Of "worse", `of` is a cgap_compared_pair, and the outcome has the lists of
 * gate.h too. */
cgap_status cgap_threshold_run(const cgap_threshold *threshold, cgap_threshold_tester *tester, const void *of,
                               json_t *outcomes, const char *label, const char *name, cgap_error *error);

/* Of an audit: the check, and the list of outcomes; NULL: out of memory. */
cgap_status cgap_threshold_check(const cgap_threshold *threshold, const cgap_audit *audit, cgap_error *error);
json_t *cgap_thresholds_json(const cgap_threshold *thresholds, size_t count, const cgap_audit *audit);

#endif
