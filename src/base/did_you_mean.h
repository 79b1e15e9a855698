/* "Did you mean …": the nearest name to one that is not known. */
#ifndef CGAP_BASE_DID_YOU_MEAN_H
#define CGAP_BASE_DID_YOU_MEAN_H

#include <stddef.h>

/* Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours, each 1
 * (Damerau 1964). Names longer than 63 bytes count as far away. */
size_t cgap_edit_distance(const char *a, const char *b);

/* The nearest so far, for a caller that walks over its own table. */
typedef struct cgap_did_you_mean {
  const char *wanted;
  const char *name; /* NULL: nothing is near */
  size_t distance;
} cgap_did_you_mean;

cgap_did_you_mean cgap_did_you_mean_init(const char *wanted);
void cgap_did_you_mean_offer(cgap_did_you_mean *s, const char *name);

#endif
