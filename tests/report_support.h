/* An audit filled by hand, for the tests of what is printed and written. */
#ifndef CGAP_TESTS_REPORT_SUPPORT_H
#define CGAP_TESTS_REPORT_SUPPORT_H

#include "contragap/contragap.h"

/* `texts` texts over `images` images, text j belonging to image j mod images; every scalar has a value of its own and
 * some an interval. Cleared by report_support_clear. */
void report_support_fill(cgap_audit *out, unsigned has, size_t images, size_t texts, size_t dim);
void report_support_clear(cgap_audit *audit);

#endif
