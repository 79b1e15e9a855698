/* What a head does to the gap of a file that it is applied to: measured on a sample of the rows, as they are and
 * through the head. And whether the means that a method was fitted with are those of this file. */
#ifndef CGAP_HEAD_EVALUATION_APPLIED_GAP_H
#define CGAP_HEAD_EVALUATION_APPLIED_GAP_H

#include "analysis/fields.h"
#include "head/model/head.h"
#include "head/model/loss.h"

typedef struct cgap_sample_gap {
  cgap_scalar distance, noise_floor; /* gap.corrected_distance and gap.noise_floor of the sample */
  cgap_level level;
} cgap_sample_gap;

typedef struct cgap_applied_gap {
  size_t images, texts; /* of the sample; 0: the data have not both modalities, or too few rows */
  cgap_sample_gap before, after;

  /* Of the file that a method was fitted on, where that is another one. moved: gap.corrected_distance between the rows
   * of one modality in both files, as if they were two modalities; null where one of them has none. */
  cgap_scalar moved[CGAP_MODALITIES];
  size_t sampled, common; /* rows of one modality in the sample of this file; of them in that of the other */
} cgap_applied_gap;

typedef struct cgap_applied_gap_options {
  int threads;
  uint64_t memory_bytes;
  cgap_progress progress;
} cgap_applied_gap_options;

/* At most 2,000 images with their texts, 12,000 rows and 16M elements in all, chosen by their index alone, without bad
 * rows. Class texts where there are no others. fit: the data that a method was fitted on, or NULL: on these. Fails as
 * an audit does. */
CGAP_MUST_CHECK cgap_status cgap_applied_gap_measure(cgap_applied_gap *out, const cgap_head *head,
                                                     const cgap_data *data, const cgap_data *fit,
                                                     const cgap_applied_gap_options *options, cgap_error *error);

/* Whether the means of a modality in both files differ by more than chance, and by so much that it matters: the lower
 * end of moved is above a fifth of the gap before, and above 0.05. */
bool cgap_applied_gap_means_differ(const cgap_applied_gap *gap, int modality);

#endif
