/* What the finishers of sampled measures see. A sample holds n of N images drawn at random without replacement, each
 * with all its texts (unpaired: rows of either side), and all pairs within it are looked at: a U-statistic over one
 * random block of rows, incomplete for the file. */
#ifndef CGAP_ANALYSIS_SAMPLED_H
#define CGAP_ANALYSIS_SAMPLED_H

#include "analysis/measure.h"

/* Functions of a cosine: the kernel e^(-t‖x − y‖²), and the two whose means over all pairs of the file are known. */
typedef enum cgap_function { CGAP_KERNEL_OF, CGAP_COSINE_OF, CGAP_SQUARE_OF, CGAP_FUNCTIONS } cgap_function;

typedef struct cgap_sampled {
  const cgap_audit_sums *whole, *sample;
  const cgap_measure *uniformity; /* whose sums of the kernel are in sample */

  /* Σ over the pairs of each row, and of each column, within the sample: of the cosine and of its square, in double
   * from means and second moments. Of a triangle, rows and columns are the same arrays. The kernel's are sample->sums'.
   */
  const double *row[CGAP_PAIR_KINDS][CGAP_FUNCTIONS], *column[CGAP_PAIR_KINDS][CGAP_FUNCTIONS];

  /* Σ over pairs of an image's own texts, where paired */
  const double *within[CGAP_FUNCTIONS]; /* (images of the sample) */
  double whole_within[CGAP_FUNCTIONS];  /* over all images */
} cgap_sampled;

/* gap.mmd2 from the same estimates of the mean kernels. */
CGAP_MUST_CHECK cgap_status cgap_mmd_finish_sampled(const cgap_sampled *s, cgap_audit *out, cgap_error *error);

/* uniformity.*, and the gain of the control variates. */
CGAP_MUST_CHECK cgap_status cgap_uniformity_finish_sampled(const cgap_sampled *s, cgap_audit *out, cgap_error *error);

#endif
