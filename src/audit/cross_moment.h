/* The moment Σ x yᵀ of centred images and their texts, in double, for measures of how far two spaces agree. */
#ifndef CGAP_AUDIT_CROSS_MOMENT_H
#define CGAP_AUDIT_CROSS_MOMENT_H

#include "analysis/measure.h"
#include "rows/embeddings.h"

/* Whether every image has one text, and there are enough of them (4). */
bool cgap_cross_moment_wanted(const cgap_embeddings *e);

/* Every rank ends with all of it. The bits do not depend on threads or ranks. */
CGAP_MUST_CHECK cgap_status cgap_cross_moment_run(cgap_agreement_sums *out, const cgap_embeddings *e, cgap_comm *comm,
                                                  int threads, cgap_error *error);

#endif
