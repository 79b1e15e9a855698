/* The words for a gap: from none to severe by its distance, or apart, or collapsed. */
#ifndef CGAP_ANALYSIS_GAP_LEVEL_H
#define CGAP_ANALYSIS_GAP_LEVEL_H

#include "contragap/contragap.h"

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
const char *cgap_level_word(cgap_level level);
#endif
