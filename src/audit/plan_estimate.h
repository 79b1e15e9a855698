/* What a plan comes to: how often the file is read, and how long it takes on this machine, about. */
#ifndef CGAP_ENGINE_ESTIMATE_H
#define CGAP_ENGINE_ESTIMATE_H

#include "audit/plan.h"
#include "audit/plan_sampling.h"

typedef struct cgap_estimate {
  size_t block_rows; /* images of a block, of which the row pass holds some */
  double passes;     /* over the file */
  double seconds;    /* from a measurement of some hundredths of a second; NaN where nothing could be measured */
} cgap_estimate;

/* Reads one block of the images, whose failure is not reported: the audit will. */
cgap_estimate cgap_estimate_make(const cgap_data *data, const cgap_plan *plan, const cgap_sampling *sampling,
                                 bool bfloat);

#endif
