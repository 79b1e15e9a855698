/* Mean kernels over pairs of rows, from the sums that uniformity collects: u = mean of e^(-t‖x − y‖²) over L pairs.
 *
 * Their variance: with k̃ = k − u, A_g the sum of k̃ over the pairs that touch group g (an image with its texts;
 * unpaired: a row) and S = Σ k̃², Var u = max(Σ A_g² − S, S)/L² (Hoeffding's decomposition of a U-statistic). A_g
 * follows from row and column sums. */
#ifndef CGAP_ANALYSIS_MEAN_KERNEL_H
#define CGAP_ANALYSIS_MEAN_KERNEL_H

#include "analysis/measure.h"

/* Sums of a row or column: of e^(2t cosine), and of its square (of rows alone). */
enum { CGAP_KERNEL_SUMS, CGAP_KERNEL_SQUARES, CGAP_KERNEL_SUM_COUNT };

typedef struct cgap_mean_kernel {
  double mean, squares; /* u; S */
  double pairs;         /* L */
  double touching;      /* Σ_g A_g² */
  uint64_t n;
} cgap_mean_kernel;

double cgap_mean_kernel_variance(const cgap_mean_kernel *k);

/* Within one modality. touch receives A_g: (images) where paired and of texts, else (rows). between_groups: pairs of
 * texts of one image are left out. */
cgap_mean_kernel cgap_mean_kernel_within(const cgap_audit_sums *e, cgap_pair_kind kind, bool between_groups,
                                         double *touch);

/* Of images with texts that are not their own. image_touch (images), or NULL, receives A_g, by image where paired;
 * text_touch (texts), or NULL, that of each text where unpaired. */
cgap_mean_kernel cgap_mean_kernel_cross(const cgap_audit_sums *e, double *image_touch, double *text_touch);

#endif
