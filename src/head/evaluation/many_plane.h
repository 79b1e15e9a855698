/* The plane of an audit of more than two modalities. */
#ifndef CGAP_HEAD_EVALUATION_MANY_PLANE_H
#define CGAP_HEAD_EVALUATION_MANY_PLANE_H

#include "contragap/contragap.h"

/* Fills the planes of out's modalities, of which `source` has the rows, and plane_variance: the two main axes of all
 * rows pooled, as unit rows. The same bits for any threads. */
CGAP_MUST_CHECK cgap_status cgap_many_plane_run(cgap_many *out, const cgap_source *source, int threads,
                                                cgap_progress progress, cgap_error *error);

#endif
