/* The eigenproblems of pca.*, which ranks share out. */
#ifndef CGAP_ENGINE_SPECTRA_H
#define CGAP_ENGINE_SPECTRA_H

#include "analysis/finish.h"
#include "comm/comm.h"

/* pca.* of *out and components (2, dim), on rank 0, and meanwhile the work beside; called on every rank. */
CGAP_MUST_CHECK cgap_status cgap_spectra_run(const cgap_evidence *evidence, cgap_comm *ranks, int threads,
                                             cgap_beside beside, double *components, cgap_audit *out,
                                             cgap_error *error);

#endif
