#include "analysis/gap_level.h"

#include <math.h>

#include "analysis/interval.h"

cgap_level cgap_distance_level(double distance)
{
  return distance < CGAP_GAP_LOW      ? CGAP_LEVEL_LOW
         : distance < CGAP_GAP_SEVERE ? CGAP_LEVEL_MODERATE
                                      : CGAP_LEVEL_SEVERE;
}

cgap_level cgap_gap_level(const cgap_scalar *d)
{
  if (!cgap_scalar_known(d))
    return CGAP_LEVEL_UNKNOWN;
  return isfinite(d->lo) && d->lo <= 0 ? CGAP_LEVEL_NOISE : cgap_distance_level(d->value);
}

bool cgap_is_collapsed(const cgap_scalar *mean_cosine)
{
  return cgap_scalar_known(mean_cosine) && mean_cosine->value > CGAP_COLLAPSED_COSINE;
}

bool cgap_cosines_collapsed(const cgap_cosines *c)
{
  return c->count && !c->why && c->mean > CGAP_COLLAPSED_COSINE;
}

double cgap_apart_above(const cgap_scalar *unbiased)
{
  return unbiased->value + CGAP_APART_FRACTION * (1 - unbiased->value);
}

bool cgap_is_apart(const cgap_scalar *d, const cgap_scalar *same_modality, const cgap_scalar *unbiased)
{
  return cgap_scalar_known(d) && cgap_scalar_known(same_modality) && cgap_scalar_known(unbiased) &&
         (isfinite(d->lo) ? d->lo : d->value) <= CGAP_GAP_LOW && same_modality->value > cgap_apart_above(unbiased);
}

cgap_level cgap_audit_level(const cgap_audit *a)
{
  if (cgap_cosines_collapsed(&a->cosine_image) || cgap_cosines_collapsed(&a->cosine_text))
    return CGAP_LEVEL_COLLAPSED;
  const cgap_scalar *d = &a->gap.corrected_distance;
  return cgap_is_apart(d, &a->mixed.same_modality_share, &a->mixed.unbiased) ? CGAP_LEVEL_APART : cgap_gap_level(d);
}

const char *cgap_level_word(cgap_level level)
{
  static const char *const words[CGAP_LEVELS] = {
    [CGAP_LEVEL_UNKNOWN] = "unknown",    [CGAP_LEVEL_NOISE] = "none",    [CGAP_LEVEL_LOW] = "low",
    [CGAP_LEVEL_MODERATE] = "moderate",  [CGAP_LEVEL_SEVERE] = "severe", [CGAP_LEVEL_APART] = "apart",
    [CGAP_LEVEL_COLLAPSED] = "collapsed"};
  return words[level];
}
