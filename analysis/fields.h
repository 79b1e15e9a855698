/* The table of fields: every number of the report by its key. The JSON, the table, --fail-if, compare and the page
 * all read this one table, which is made of what the measures say of themselves (measure.h). */
#ifndef CGAP_ANALYSIS_FIELDS_H
#define CGAP_ANALYSIS_FIELDS_H

#include "analysis/measure.h"
#include "base/modality_names.h"
#include "contragap/contragap.h"

/* A block of the table: a title, and the column heads, which are templates (base/modality_names.h), where it has
 * columns.
 */
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

/* A field's label, and "retrieval.image_to_text.recall_at_1" in words, "Retrieval: recall@1, image to text", with the
 * names of the modalities. */
cgap_phrase cgap_field_label(const cgap_field *field, const cgap_modality_names *names);
cgap_phrase cgap_field_title(const cgap_field *field, const cgap_modality_names *names);

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

/* ---------------------------------------------------------------- gap level */

/* The words for a gap: from none to severe by its distance, or apart, or collapsed. */

typedef enum cgap_level {
  CGAP_LEVEL_UNKNOWN,
  CGAP_LEVEL_NOISE, /* the word is "none" */
  CGAP_LEVEL_LOW,
  CGAP_LEVEL_MODERATE,
  CGAP_LEVEL_SEVERE,
  CGAP_LEVEL_APART,
  CGAP_LEVEL_COLLAPSED,
  CGAP_LEVELS
} cgap_level;

/* Thresholds of this tool's own, shown wherever their word is. */
#define CGAP_GAP_LOW 0.19          /* of the corrected distance: low below it … */
#define CGAP_GAP_SEVERE 0.63       /* … severe from it */
#define CGAP_COLLAPSED_COSINE 0.98 /* mean cosine within a modality */
#define CGAP_APART_FRACTION 0.7    /* from chance (0) to no row of the other modality nearby (1) */

cgap_level cgap_distance_level(double distance); /* low, moderate or severe */

/* By the corrected distance alone: none where its interval reaches 0, low below 0.19, severe from 0.63, moderate
 * between. The thresholds are this tool's own. */
cgap_level cgap_gap_level(const cgap_scalar *corrected_distance);

/* The fraction of a row's nearest rows that are of its own modality above which the modalities are apart. */
double cgap_apart_above(const cgap_scalar *unbiased);

/* The corrected distance may be low, yet the modalities hardly mix: more than 0.7 of the way from what chance gives
 * (mixed.unbiased) to no row of the other modality among the ten nearest (mixed.same_modality_share). */
bool cgap_is_apart(const cgap_scalar *corrected_distance, const cgap_scalar *same_modality,
                   const cgap_scalar *unbiased);

bool cgap_cosines_collapsed(const cgap_cosines *within);
bool cgap_is_collapsed(const cgap_scalar *mean_cosine); /* of two rows of one modality: above 0.98 */

/* The first that fits: collapsed (the mean cosine within a modality is above 0.98), apart, else the level of the
 * corrected distance. */
cgap_level cgap_audit_level(const cgap_audit *audit);
bool cgap_level_is_gap(cgap_level level); /* one that matters: moderate or severe, apart or collapsed */
const char *cgap_level_word(cgap_level level);

/* Whether mismatched pairs show, where most are matched: a model that cannot tell its pairs has as many at or below the
 * median of the others as one whose pairs are wrong, so it has to find its pairs ten times as often as chance does. */
bool cgap_pairs_look_mismatched(const cgap_audit *audit);

#endif
