/* What closes a gap without training: maps z → A z + b of each side, fitted on the rows of a part. */
#ifndef CGAP_HEAD_TRAINING_METHODS_H
#define CGAP_HEAD_TRAINING_METHODS_H

#include "head/model/head.h"
#include "head/training/split.h"

/* A residual head that applies `method`. center: z − mean of its side. shift: both sides along the gap
 * vector, each half of `factor` of it. whiten: (C + r I)^−½ (z − mean), C the side's covariance. procrustes: the texts
 * turned onto their images by the best orthogonal map. The part has its duplicates kept. */
CGAP_MUST_CHECK cgap_status cgap_gap_method_fit_rows(cgap_head **out, cgap_gap_method method, double factor,
                                                     const cgap_split_rows *split_rows, cgap_error *error);

/* As cgap_gap_method_fit, within `limit` bytes, 0: half of what is free. Rows that do not fit stay in the file, with
 * the same bits; CGAP_RESOURCE where it takes more all the same. */
CGAP_MUST_CHECK cgap_status cgap_gap_method_fit_within(cgap_head **out, cgap_gap_method method, double factor,
                                                       const cgap_data *data, int threads, uint64_t limit,
                                                       cgap_progress progress, cgap_error *error);

#endif
