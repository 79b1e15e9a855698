/* What an audit keeps of each image for paired differences, beyond what its measures leave in passing. */
#ifndef CGAP_ENGINE_CONTRIBUTIONS_H
#define CGAP_ENGINE_CONTRIBUTIONS_H

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
