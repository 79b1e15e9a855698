/* Sums over all couples of a sample, for every drawing at once: a strip of kernel values times the drawings' counts. */
#ifndef CGAP_HEAD_RESAMPLE_SUMS_H
#define CGAP_HEAD_RESAMPLE_SUMS_H

#include "head/resample.h"

/* Each array is (draws), or (draws, dim) for the sums of rows; images are counted as often as they are drawn. */
typedef struct cgap_resample_sums {
  double *image_kernel, *text_kernel; /* Σ over ordered couples of e^{4s − 4} */
  double *cross_kernel;               /* over the unmatched */
  double *clip_image, *clip_text;     /* Σ of the losses of the queries */
  double *image_sum, *text_sum;       /* Σ of rows */
  double *paired_sum;                 /* Σ of the image's row for each text */
  double *text_square;                /* (images) ‖Σ of the image's texts‖² */
} cgap_resample_sums;

CGAP_MUST_CHECK cgap_status cgap_resample_sums_init(cgap_resample_sums *out, const cgap_judged *sample,
                                                    const cgap_drawing *drawing, double temperature, int threads,
                                                    cgap_error *error);
void cgap_resample_sums_clear(cgap_resample_sums *sums);

#endif
