/* The table of fields: every number of the report by its key. The JSON, the table, --fail-if, compare and the page
 * all read this one table, which is made of what the measures say of themselves (measure.h). */
#ifndef CGAP_ANALYSIS_FIELDS_H
#define CGAP_ANALYSIS_FIELDS_H

#include "analysis/measure.h"

/* A block of the table: a title, and the column heads where its fields come side by side. */
typedef struct cgap_group {
  const char *title;
  const char *columns[4]; /* columns[0] NULL: one field a line */
  bool intervals;         /* some field of the block has a 95 % interval */
} cgap_group;

extern const cgap_group cgap_groups[CGAP_GROUPS];

/* The fields of all measures, block by block. */
size_t cgap_field_count(void);
const cgap_field *cgap_field_at(size_t index); /* NULL past the last */

/* The numbers without an interval. */
size_t cgap_number_count(void);
const cgap_number *cgap_number_at(size_t index);

const cgap_scalar *cgap_field_scalar(const cgap_audit *audit, const cgap_field *field);
/* Which way is better from this audit's value: towards the uniform distribution's for uniformity.cross, past which
 * images and texts keep apart. */
cgap_better cgap_field_better(const cgap_audit *audit, const cgap_field *field);
bool cgap_field_present(const cgap_audit *audit, const cgap_field *field);
const cgap_field *cgap_field_find(const char *key); /* NULL: no scalar has this key */

/* "retrieval.image_to_text.recall_at_1" in words: "recall@1, image to text". */
void cgap_field_title(const cgap_field *field, char out[100]);

/* The value behind any key of either table. found: false where no table has the key; present: false where this audit
 * does not have it; value NaN and why where it is null. */
typedef struct cgap_key_value {
  bool found, present;
  double value;
  const char *why;
} cgap_key_value;

cgap_key_value cgap_key_find(const cgap_audit *audit, const char *key);

/* The key nearest to one that does not exist, or NULL. */
const char *cgap_key_suggestion(const char *key);
bool cgap_key_exists(const char *key);

#endif
