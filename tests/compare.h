/* The keys of the report as a table over cgap_audit, and comparisons that walk it. */
#ifndef CGAP_TESTS_COMPARE_H
#define CGAP_TESTS_COMPARE_H

#include "naive.h"

typedef enum compare_kind { COMPARE_SCALAR, COMPARE_COSINE, COMPARE_NUMBER } compare_kind;

typedef enum compare_tolerance {
  TOLERANCE_EXACT,    /* ratios of counts, ranks, medians, counts */
  TOLERANCE_CLOSE,    /* 1e-6 */
  TOLERANCE_LOSS,     /* 1e-6, and a float32 rounding of the cosine that is divided by the temperature */
  TOLERANCE_SPECTRUM, /* 1e-5 relative */
  TOLERANCE_HUB,      /* 1e-3 relative */
  TOLERANCE_QUANTILE, /* 5e-4: one bin of the inner histogram */
  TOLERANCES
} compare_tolerance;

typedef struct compare_field {
  const char *key;
  size_t offset; /* in cgap_audit */
  compare_kind kind;
  compare_tolerance tolerance;
  unsigned needs; /* CGAP_HAS_… */
} compare_field;

extern const compare_field COMPARE_FIELDS[];
extern const size_t COMPARE_FIELD_COUNT;

/* NaN where the report says null */
double compare_value(const cgap_audit *audit, const compare_field *field);
bool compare_near(const char *where, const compare_field *field, double got, double want);

/* Everything of the report; each difference is printed. Returns how many there are. */
size_t compare_audits(const char *where, const cgap_audit *got, const naive_result *want);

/* The numbers of two audits of the same data, bit for bit; returns the differences, each printed. */
size_t compare_bits(const char *where, const cgap_audit *a, const cgap_audit *b);

#endif
