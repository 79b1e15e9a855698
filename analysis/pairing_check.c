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
  double trace = 0;
  for (size_t a = 0; a < e->dim; a++)
    for (size_t b = 0; b < e->dim; b++) {
      const double x = e->image.moment[a * e->dim + b] / images - e->image.mean[a] * e->image.mean[b];
      const double y = e->text.moment[a * e->dim + b] / texts - e->text.mean[a] * e->text.mean[b];
      trace += x * y;
    }
  return sqrt(fmax(0, trace) / texts);
}

static int better_shift(const cgap_evidence *e, double shuffled, double spread, double z)
{
  int best = 0;
  for (int s = 0; s <= 10; s++)
    if (e->shift_mean[s] > e->shift_mean[best + 5])
      best = s - 5;
  const double best_z = (e->shift_mean[best + 5] - shuffled) / spread;
  return best_z >= MATCHED_Z && best_z - z >= MATCHED_Z ? best : 0;
}

void cgap_pairing_finish(const cgap_evidence *e, cgap_audit *out)
{
  if (!e->paired)
    return;
  cgap_pairing_check *check = &out->pairing_check;
  const double spread = spread_of_random(e);
  check->matched_mean = out->cosine_pair.mean;
  check->shuffled_mean = out->cosine_cross.why ? out->cosine_pair.mean : out->cosine_cross.mean;
  check->z = spread > 1e-12 ? (check->matched_mean - check->shuffled_mean) / spread : 0;
  check->verdict = check->z >= MATCHED_Z   ? CGAP_PAIRING_MATCHED
                   : check->z < SHUFFLED_Z ? CGAP_PAIRING_SHUFFLED
                                           : CGAP_PAIRING_UNCLEAR;
  check->shift = spread > 1e-12 ? better_shift(e, check->shuffled_mean, spread, check->z) : 0;
}
