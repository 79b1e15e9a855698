/* Gates: whether any measure is significantly worse, in numbers and words, and the list of the keys that can be tested.
 * The thresholds of single measures are in report/json.h. */
#ifndef CGAP_REPORT_GATE_H
#define CGAP_REPORT_GATE_H

#include "report/comparison_show.h"

/* "worse": input k against the first. A measure is worse where compare says so: it has a better direction and the 95 %
 * interval of its difference leaves out 0 on the other side. Corrected, it is worse where the p value of its difference
 * (cgap_change_p) is below 0.05 after Holm's correction for all measures that have one and a direction, so that of two
 * samples of one model at most 5 % have any.
 * CGAP_CROSSED: some measure is worse. CGAP_DATA: none is, but one with a direction that the first input has cannot be
 * compared, since input k lacks it, or it is null, or only one of them has an interval, or it depends on the number of
 * rows, which differs; or no difference has an interval, or the first input has no such measure.
 * Measures that depend on the dimension, where that differs, are left out.
 * outcome, or NULL: an object that gets "value" (how many are worse), "crossed", "worse" and "untested" (keys). */
cgap_status cgap_worse_check(const cgap_compared_pair *pair, json_t *outcome, cgap_error *error);

/* What of input k is better and worse than in the first, a line each. */
CGAP_MUST_CHECK cgap_status cgap_worse_print(const cgap_compared_pair *pair, const cgap_paper *paper, FILE *stream,
                                             cgap_error *error);

/* ---------------------------------------------------------------- keys */

/* What the keys that --fail-if tests are of. */
typedef enum cgap_keys_of {
  CGAP_KEYS_OF_REPORT,
  CGAP_KEYS_OF_TRAINING, /* KEY, before:KEY and diff:KEY; no csls */
  CGAP_KEYS_OF_SWEEP,    /* what a sweep keeps of its runs: no plain numbers, no csls */
  CGAP_KEYS_OF_DIFFERENCE
} cgap_keys_of;

/* A line for each key that can be tested: the key, its name in words, its unit, which direction is better, what the
 * data must have. audit, comparison: only those that it knows; both NULL: all. json: the same as an array of objects.
 */
CGAP_MUST_CHECK cgap_status cgap_keys_print(cgap_keys_of of, const cgap_audit *audit, const cgap_comparison *comparison,
                                            bool json, FILE *stream, cgap_error *error);

#endif
