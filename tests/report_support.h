/* An audit filled by hand, for the tests of what is printed and written. */
#ifndef CGAP_TESTS_REPORT_SUPPORT_H
#define CGAP_TESTS_REPORT_SUPPORT_H

#include "report/json.h"

enum { ALL = CGAP_HAS_PAIRS | CGAP_HAS_ZERO_SHOT | CGAP_HAS_ARITHMETIC | CGAP_HAS_CSLS | CGAP_HAS_HUBS_WITHIN };

/* `texts` texts over `images` images, text j belonging to image j mod images; every scalar has a value of its own and
 * some an interval. Cleared by report_support_clear. */
void report_support_fill(cgap_audit *out, unsigned has, size_t images, size_t texts, size_t dim);
void report_support_clear(cgap_audit *audit);

/* Fills the audit with 40 texts over 30 images; its report, to be released. */
json_t *report_support_json(cgap_audit *out, unsigned has);

#endif
