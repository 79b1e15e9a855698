/* The table of fields: every number of the report by its key. The JSON, the table, --fail-if, compare and the page
 * all read this one table; a new measure is one new row. */
#ifndef CGAP_REPORT_FIELDS_H
#define CGAP_REPORT_FIELDS_H

#include "contragap/contragap.h"

typedef enum cgap_better { CGAP_NEITHER, CGAP_LOWER, CGAP_HIGHER } cgap_better;

/* A block of the table: a title, and the column heads where its fields come side by side. */
typedef struct cgap_group {
  const char *title;
  const char *columns[4]; /* columns[0] NULL: one field a line */
  bool intervals;         /* some field of the block has a 95 % interval */
} cgap_group;

/* One scalar of SPEC's table of measures. */
typedef struct cgap_field {
  const char *key;   /* "gap.centroid_distance" */
  const char *label; /* in its block: "centroid distance" */
  size_t group;      /* index into cgap_groups */
  int column;        /* into the block's columns; 0 where it has none */
  size_t offset;     /* of its cgap_scalar in cgap_audit */
  int decimals;
  cgap_better better;
  unsigned needs; /* CGAP_HAS_… bits without which the key is absent */
  const char *definition;
  const char *source; /* "" where it is plain statistics */
} cgap_field;

extern const cgap_group cgap_groups[];
extern const size_t cgap_group_count;
extern const cgap_field cgap_fields[];
extern const size_t cgap_field_count;

const cgap_scalar *cgap_field_scalar(const cgap_audit *audit, const cgap_field *field);
/* Which way is better from this audit's value: towards the uniform distribution's for uniformity.cross, past which
 * images and texts keep apart. */
cgap_better cgap_field_better(const cgap_audit *audit, const cgap_field *field);
bool cgap_field_present(const cgap_audit *audit, const cgap_field *field);
const cgap_field *cgap_field_find(const char *key); /* NULL: no scalar has this key */

/* "retrieval.image_to_text.recall_at_1" in words: "recall@1, image to text". */
void cgap_field_title(const cgap_field *field, char out[100]);

/* The numbers that stand plain in the report. */
typedef struct cgap_plain {
  const char *key; /* "cosine.pair.mean" */
  size_t offset;   /* of the double, or of the uint64 where `counted` */
  bool counted;
  unsigned needs;
  size_t why; /* offset of the sentence that makes it null; 0: none */
} cgap_plain;

extern const cgap_plain cgap_plains[];
extern const size_t cgap_plain_count;

/* The value behind any key of either table. found: false where no table has the key; present: false where this audit
 * does not have it; value NaN and why where it is null. */
typedef struct cgap_looked_up {
  bool found, present;
  double value;
  const char *why;
} cgap_looked_up;

cgap_looked_up cgap_look_up(const cgap_audit *audit, const char *key);

/* The key nearest to one that does not exist, or NULL. */
const char *cgap_key_suggestion(const char *key);
bool cgap_key_exists(const char *key);
bool cgap_key_defined(const char *key); /* also where no report of this version has it */

#endif
