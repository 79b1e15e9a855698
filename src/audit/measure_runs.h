/* The measures that cannot be computed from sums over pairs: separability, zero-shot, arithmetic, spectra, and the
 * points of the scatter plot. */
#ifndef CGAP_AUDIT_MEASURE_RUNS_H
#define CGAP_AUDIT_MEASURE_RUNS_H

#include "analysis/finish.h"
#include "analysis/measure.h"
#include "comm/comm.h"
#include "rows/embeddings.h"

/* On every rank; the results are the same on all. */
CGAP_MUST_CHECK cgap_status cgap_separability_run(const cgap_audit_sums *evidence, const cgap_embeddings *e,
                                                  cgap_comm *comm, int threads, cgap_progress progress, cgap_audit *out,
                                                  cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_zero_shot_run(const cgap_embeddings *e, cgap_comm *comm, int threads, cgap_audit *out,
                                               cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_arithmetic_run_all(const cgap_embeddings *e, cgap_comm *comm, int threads,
                                                    cgap_audit *out, cgap_error *error);

/* Whether class texts and words can be used, before work that takes long and needs them at its end. */
CGAP_MUST_CHECK cgap_status cgap_measure_runs_check(const cgap_data *data, cgap_error *error);

/* ---------------------------------------------------------------- pca scatter */

/* The points of the scatter: some rows on the first two components. */

/* components (2, dim) of pca.joint. Of one rank. */
CGAP_MUST_CHECK cgap_status cgap_pca_scatter_run(const cgap_embeddings *e, const double *components, int threads,
                                                 cgap_audit *out, cgap_error *error);

/* ---------------------------------------------------------------- spectra */

/* The eigenproblems of pca.*, which ranks share out. */

/* pca.* of *out and components (2, dim), on rank 0, and the concurrent work; called on every rank. */
CGAP_MUST_CHECK cgap_status cgap_spectra_run(const cgap_audit_sums *evidence, cgap_comm *comm, int threads,
                                             cgap_concurrent_task beside, double *components, cgap_audit *out,
                                             cgap_error *error);

#endif
