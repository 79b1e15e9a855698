/* What an audit settles before it begins: whether it can be done, what its sides are, whether all couples or those of a
 * sample are looked at, and how memory is used. */
#ifndef CGAP_ENGINE_PREPARE_H
#define CGAP_ENGINE_PREPARE_H

#include "audit/plan.h"
#include "audit/plan_sampling.h"
#include "rows/embeddings.h"

typedef struct cgap_prepared {
  cgap_data data; /* as given, with the class texts for texts where there are none */
  unsigned has;   /* CGAP_HAS_…, CGAP_TEXT_IS_CLASSES */
  cgap_plan plan;
  cgap_sampling sampling; /* of no images: all couples */
} cgap_prepared;

/* Options and sides. */
CGAP_MUST_CHECK cgap_status cgap_prepare(cgap_prepared *out, const cgap_data *given, const cgap_audit_options *options,
                                         cgap_error *error);

/* The sampling and the plan. Of several ranks the first one chooses: the choice may rest on a measurement. */
CGAP_MUST_CHECK cgap_status cgap_prepare_plan(cgap_prepared *out, const cgap_audit_options *options, cgap_error *error);

/* The sampling once more, of the rows that are left: some may have been dropped or merged since the plan was made. */
void cgap_prepare_sample(cgap_prepared *out, const cgap_embeddings *embeddings, const cgap_audit_options *options);

#endif
