/* What each image, with its texts, contributes to the measures of a paired audit: to first order a measure is its value
 * plus the sum of the contributions, and with several audits of the same images the difference of their contributions
 * gives the interval of a difference. Kept where cgap_audit_options.contributions asks for it. */
#ifndef CGAP_ANALYSIS_CONTRIBUTIONS_H
#define CGAP_ANALYSIS_CONTRIBUTIONS_H

#include "contragap/contragap.h"

/* Measures of the centroids and of the pairs' mean distance. */
typedef enum cgap_centroid_measure {
  CGAP_OF_SQUARED_DISTANCE, /* half of it: g · g_i of gap.noise_floor */
  CGAP_OF_CENTROID_COSINE,
  CGAP_OF_RMG,
  CGAP_OF_SHARE_OF_ALIGNMENT,
  CGAP_OF_CENTROIDS
} cgap_centroid_measure;

typedef struct cgap_contributions {
  size_t images, texts;
  double *kernel[CGAP_PAIR_KINDS];     /* (images) A_g/(L u) of uniformity.image, .text, .cross; sums are 0 */
  double *centroid[CGAP_OF_CENTROIDS]; /* (images) sums are 0 */
  double degenerate;                   /* 2 trace V² of gap.corrected_distance's interval */
  double *loss_image, *loss_text;      /* (images) NaN without a text, (texts): the loss of each query */
  size_t *text_count;                  /* (images) */
  unsigned char *place;                /* (images) of the right class: 1 first, 2 among the first five, 0 neither */
  size_t *label, classes;              /* (images) both NULL or 0 without zero-shot */
  size_t queries, *query_image;        /* (queries) of arithmetic */
  double *query_weight;                /* (queries) */
  size_t *query_found;                 /* (queries) the nearest image */
  unsigned char *query_right;          /* (queries) */
  size_t probed;                       /* images spread evenly over the rows, with all their texts … */
  double *between[CGAP_PAIR_KINDS];    /* (probed, probed) … the kernel summed over the rows of two of them */
  double rounding;                     /* by how much the rounding of the files' types moves a cosine at most */
} cgap_contributions;

/* For so many images and texts, zero-shot of so many classes and so many queries of arithmetic; NULL: out of memory. */
cgap_contributions *cgap_contributions_new(size_t images, size_t texts, size_t classes, size_t queries);
void cgap_contributions_free(cgap_contributions *contributions); /* NULL is fine */

#endif
