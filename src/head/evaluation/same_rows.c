/* Similarities between the probed images, log kernels, are freed of row and column means: what is left of a row is a
 * profile of the image. Its correlation with the profiles in the other audit recognises the image; the correlation of
 * all similarities (Mantel 1967), with 1/√pairs as its standard deviation where there is none, relates the data. */
#include "head/evaluation/same_rows.h"

#include <math.h>

#include "analysis/contributions.h"
#include "base/memory.h"

enum { IMAGES_MIN = 12 }; /* images that can be told apart by their neighbours */
static const double KNOWN = 0.9, DEVIATIONS = 5, TIE = 1e-9;

/* out (n, n): similarities less the mean of row and column, 0 on the diagonal. */
static void centre_similarities(double *out, const double *between, size_t n)
{
  double all = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      out[i * n + j] = i == j ? 0 : log(fmax(between[i * n + j], 1e-300));
  double *mean = out + n * n;
  for (size_t i = 0; i < n; i++) {
    mean[i] = 0;
    for (size_t j = 0; j < n; j++)
      mean[i] += out[i * n + j] / (double)(n - 2);
    all += mean[i] / (double)n;
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      if (i != j)
        out[i * n + j] -= mean[i] + mean[j] - all * (double)(n - 2) / (double)(n - 1);
}

static double dot_product(const double *a, const double *b, size_t n)
{
  double s = 0;
  for (size_t k = 0; k < n; k++)
    s += a[k] * b[k];
  return s;
}

typedef struct resemblance {
  double recognised;  /* fraction of the images */
  double correlation; /* of all similarities, in its standard deviations without any */
} resemblance;

/* Of one kind of pairs. spare (2, n + 1, n) */
static resemblance resemblance_of(const double *a, const double *b, size_t n, double *spare)
{
  double *p = spare, *q = spare + (n + 1) * n, recognised = 0;
  centre_similarities(p, a, n);
  centre_similarities(q, b, n);
  for (size_t i = 0; i < n; i++) {
    const double own_norm = sqrt(dot_product(q + i * n, q + i * n, n)),
                 own = dot_product(p + i * n, q + i * n, n) / own_norm;
    bool best = own > 0;
    for (size_t j = 0; best && j < n; j++)
      best = j == i || dot_product(p + i * n, q + j * n, n) <= (own + TIE) * sqrt(dot_product(q + j * n, q + j * n, n));
    recognised += best;
  }
  const double pq = dot_product(p, q, n * n), pp = dot_product(p, p, n * n), qq = dot_product(q, q, n * n);
  const double pairs = (double)n * ((double)n - 1) / 2;
  return (resemblance){.recognised = recognised / (double)n,
                       .correlation = pp > 0 && qq > 0 ? pq / sqrt(pp * qq) * sqrt(pairs) : 0};
}

cgap_rows_relation cgap_rows_recognised(const cgap_audit *a, const cgap_audit *b, const char **why)
{
  static const cgap_pair_kind KINDS[] = {CGAP_IMAGE_IMAGE, CGAP_TEXT_TEXT};
  const cgap_contributions *c = a->contributions, *d = b->contributions;
  const size_t n = c->probed;
  double *spare = n < IMAGES_MIN ? NULL : cgap_alloc(2 * (n + 1), n * sizeof *spare);
  bool known = true, related = true;
  *why = "too few images to tell by their neighbours";
  if (!spare)
    return CGAP_ROWS_ASSUMED;
  for (size_t k = 0; k < sizeof KINDS / sizeof *KINDS; k++) {
    const resemblance r = resemblance_of(c->between[KINDS[k]], d->between[KINDS[k]], n, spare);
    known = known && r.recognised >= KNOWN;
    related = related && r.correlation >= DEVIATIONS;
  }
  cgap_free(spare);
  *why = known     ? "images and texts have the same neighbours in both"
         : related ? "nothing in the files says so, but what is similar in one is similar in the other"
                   : "what is similar in one is not similar in the other";
  return known ? CGAP_ROWS_SAME : related ? CGAP_ROWS_ASSUMED : CGAP_ROWS_OTHER;
}
