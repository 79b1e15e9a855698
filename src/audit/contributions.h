/* For each image, how much it adds to a measure; the intervals of differences between two audits need this. What the
 * measures leave in passing is kept by them. */
#ifndef CGAP_AUDIT_CONTRIBUTIONS_H
#define CGAP_AUDIT_CONTRIBUTIONS_H

#include "analysis/contributions.h"
#include "analysis/measure.h"
#include "rows/embeddings.h"

/* Before the measures finish: out->contributions for the rows of e, which is paired. */
CGAP_MUST_CHECK cgap_status cgap_contributions_begin(cgap_audit *out, const cgap_embeddings *e, cgap_error *error);

/* After they have: the contributions to the measures of the centroids, and the kernels between the probed images. */
CGAP_MUST_CHECK cgap_status cgap_contributions_complete(cgap_audit *out, const cgap_embeddings *e,
                                                        const cgap_audit_sums *evidence, int threads,
                                                        cgap_error *error);

#endif
