/* The points of the scatter: some rows on the first two components. */
#ifndef CGAP_ENGINE_SCATTER_H
#define CGAP_ENGINE_SCATTER_H

#include "rows/embeddings.h"

/* components (2, dim) of pca.joint. Of one rank. */
CGAP_MUST_CHECK cgap_status cgap_scatter_run(const cgap_embeddings *e, const double *components, int threads,
                                             cgap_audit *out, cgap_error *error);

#endif
