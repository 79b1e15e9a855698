/* Thresholds: "gap.centroid_distance>0.5" against the table of fields. */
#ifndef CGAP_REPORT_FAIL_IF_H
#define CGAP_REPORT_FAIL_IF_H

#include <jansson.h>

#include "contragap/contragap.h"

typedef enum cgap_relation { CGAP_LESS, CGAP_LESS_EQUAL, CGAP_GREATER, CGAP_GREATER_EQUAL } cgap_relation;

typedef struct cgap_threshold {
  const char *text; /* as typed, borrowed */
  char key[100];
  cgap_relation relation;
  double bound;
} cgap_threshold;

/* Parses KEY OP NUMBER, blanks around OP allowed. CGAP_USAGE: no sign, no number, or no such key. */
cgap_status cgap_threshold_parse(cgap_threshold *out, const char *text, cgap_error *error);

/* CGAP_CROSSED where the audit's value crosses the threshold, CGAP_DATA where it cannot be tested: the measure is not
 * in the report, or null. error->message says which. */
cgap_status cgap_threshold_check(const cgap_threshold *threshold, const cgap_audit *audit, cgap_error *error);

bool cgap_threshold_crosses(const cgap_threshold *threshold, double value); /* NaN: no */

/* {"test": as typed, "value", "crossed"}, both null where value is NaN; and the list of these for an audit. NULL:
 * memory is out. */
json_t *cgap_threshold_json(const cgap_threshold *threshold, double value);
json_t *cgap_thresholds_json(const cgap_threshold *thresholds, size_t count, const cgap_audit *audit);

#endif
