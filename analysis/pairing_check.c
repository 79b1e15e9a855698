/* checks.pairing: do the couples belong together? z = (mean cosine of couples − mean of unmatched ones)/s, where s² =
 * tr(Cov x · Cov y)/M is the variance of the mean over M couples put together at random (doubly centred cosines; the
 * permutation variance of Mantel's test, 1967). matched: z ≥ 4; shuffled: z < 2; else unclear. shift: the row offset
 * −5…5 at which couples fit far better than as given (z ≥ 4 and 4 more), as after an off-by-one. */
#include "analysis/finish.h"

#include <math.h>

#define MATCHED_Z 4.0
#define SHUFFLED_Z 2.0

static double spread_of_random(const cgap_evidence *e)
{
  const double images = (double)e->image.rows, texts = (double)e->text.rows;
  double trace = 0, image_variance = 0, text_variance = 0;
  for (size_t a = 0; a < e->dim; a++)
    for (size_t b = 0; b < e->dim; b++) {
      const double x = e->image.moment[a * e->dim + b] / images - e->image.mean[a] * e->image.mean[b];
      const double y = e->text.moment[a * e->dim + b] / texts - e->text.mean[a] * e->text.mean[b];
      trace += x * y;
      image_variance += a == b ? x : 0;
      text_variance += a == b ? y : 0;
    }
  if (!(image_variance > 1e-13 && text_variance > 1e-13)) /* what rounding leaves of unit rows that are all equal */
    return 0;
  return sqrt(fmax(0, trace) / texts);
}

/* z of the mean cosine at a shift, on as many couples as it was asked of. */
static double shift_z(const cgap_evidence *e, int shift, double shuffled, double spread)
{
  const double couples = e->shift_count[shift + CGAP_SHIFTS];
  return (e->shift_mean[shift + CGAP_SHIFTS] - shuffled) / (spread * sqrt((double)e->text.rows / couples));
}

static int better_shift(const cgap_evidence *e, double shuffled, double spread)
{
  const double given = shift_z(e, 0, shuffled, spread);
  int best = 0;
  for (int s = -CGAP_SHIFTS; s <= CGAP_SHIFTS; s++)
    if (shift_z(e, s, shuffled, spread) > shift_z(e, best, shuffled, spread))
      best = s;
  const double z = shift_z(e, best, shuffled, spread);
  return z >= MATCHED_Z && z - given >= MATCHED_Z ? best : 0;
}

void cgap_pairing_finish(const cgap_evidence *e, cgap_audit *out)
{
  if (!e->paired)
    return;
  cgap_pairing_check *check = &out->pairing_check;
  const double spread = spread_of_random(e);
  check->matched_mean = out->cosine_pair.mean;
  check->shuffled_mean = out->cosine_cross.why ? out->cosine_pair.mean : out->cosine_cross.mean;
  check->verdict = CGAP_PAIRING_UNCLEAR;
  check->z = NAN;
  if (!(spread > 1e-12)) /* every order of equal rows is as good */
    return;
  check->z = (check->matched_mean - check->shuffled_mean) / spread;
  if (check->z >= MATCHED_Z)
    check->verdict = CGAP_PAIRING_MATCHED;
  else if (check->z < SHUFFLED_Z)
    check->verdict = CGAP_PAIRING_SHUFFLED;
  check->shift = better_shift(e, check->shuffled_mean, spread);
}
