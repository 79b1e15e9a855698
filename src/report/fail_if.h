/* Thresholds: "gap.centroid_distance>0.5" against the table of fields. */
#ifndef CGAP_REPORT_FAIL_IF_H
#define CGAP_REPORT_FAIL_IF_H

#include "contragap/contragap.h"

typedef enum cgap_relation { CGAP_LESS, CGAP_LESS_EQUAL, CGAP_GREATER, CGAP_GREATER_EQUAL } cgap_relation;

typedef struct cgap_threshold {
  char key[100];
  cgap_relation relation;
  double bound;
} cgap_threshold;

/* Parses KEY OP NUMBER, blanks around OP allowed. CGAP_USAGE: no sign, no number, or no such key. */
cgap_status cgap_threshold_parse(cgap_threshold *out, const char *text, cgap_error *error);

/* CGAP_CROSSED where the audit's value crosses the threshold; CGAP_OK where it does not. In both cases error->message
 * is a sentence to print, or empty: which threshold was crossed, or that the value is null or absent. */
cgap_status cgap_threshold_check(const cgap_threshold *threshold, const cgap_audit *audit, cgap_error *error);

#endif
