/* Frozen values of an independent program, as tests/ref holds them. */
#ifndef CGAP_TESTS_REFERENCE_H
#define CGAP_TESTS_REFERENCE_H

#include "contragap/contragap.h"

#include <jansson.h>

/* tests/ref/<name>.json; ends the program where it is not there. Freed with json_decref. */
json_t *reference_load(const char *name);

/* The number at a dotted key, or NaN. */
double reference_number(const json_t *values, const char *key);

/* Every key of the table in compare.h that `values` holds, and the explained variance ratios; each
 * difference is printed. *compared: how many keys were looked at. */
size_t reference_differences(const char *where, const cgap_audit *got, const json_t *values, size_t *compared);

/* The rows that ragged.json holds. */
typedef struct reference_rows {
  size_t images, texts, dim;
  double *image, *text; /* (images, dim), (texts, dim) */
  size_t *owner;        /* (texts) */
} reference_rows;

void reference_rows_init(reference_rows *out, const json_t *frozen);
void reference_rows_clear(reference_rows *rows);

#endif
