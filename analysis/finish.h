/* What some measures offer besides their descriptors: to the audit, which has runs of its own for them, or to others.
 */
#ifndef CGAP_ANALYSIS_FINISH_H
#define CGAP_ANALYSIS_FINISH_H

#include "analysis/measure.h"

enum { CGAP_FINE_BINS = 4000 }; /* of the histogram that the tiles fill */

/* log E e^(-t‖x − y‖²) for x, y uniform on the unit sphere of R^dim: -2t + log 0F1(; dim/2; t²). */
double cgap_sphere_uniformity(size_t dim, double t);

/* What is known of the median of the unmatched cosines: pairs up to low are at most it, from high on above it. */
typedef struct cgap_median {
  double low, high;
} cgap_median;

/* Narrows the bounds by what a pass has counted, of cosines that are off by `margin` at most. */
void cgap_median_narrow(cgap_median *m, const cgap_audit_sums *seen, double margin);

/* The distinct cosines of the pairs between the bounds, for a further look; *values 0: none is open. false: out of
 * memory. */
CGAP_MUST_CHECK bool cgap_median_open(const cgap_median *m, const cgap_audit_sums *e, double **value, size_t *values);

/* checks.pairing.below_median_share, of e's pairs; seen: whose cosines the median is of, e's or a sample's. */
CGAP_MUST_CHECK cgap_status cgap_below_median_finish(const cgap_audit_sums *e, const cgap_audit_sums *seen,
                                                     const cgap_median *m, cgap_audit *out, cgap_error *error);

/* scale (lists->rows): the mean of a row's 10 highest cosines, or of all `targets`, in its list. */
void cgap_csls_scales(const cgap_neighbours *lists, size_t targets, double *scale);

/* The marks, from the scales. */
void cgap_csls_marks(const cgap_audit_sums *e, cgap_csls_scaling *scaling);

/* pca.* rests on eigenproblems, one a pool of rows, that any thread or rank may solve. values: of problem k they begin
 * at cgap_pca_place(k), and there are cgap_pca_place(CGAP_PCA_PROBLEMS) of them all. */
enum { CGAP_PCA_PROBLEMS = 3 };
size_t cgap_pca_place(int problem, size_t dim);

/* Work of one thread that may run concurrently with other work. */
typedef struct cgap_concurrent_task {
  void (*work)(void *context); /* NULL: none */
  void *context;
} cgap_concurrent_task;

/* Solves problems [first, end), on `threads` threads, and the concurrent work. */
CGAP_MUST_CHECK cgap_status cgap_pca_solve(const cgap_audit_sums *e, int first, int end, int threads,
                                           cgap_concurrent_task beside, double *values, cgap_error *error);

/* pca.* from the values of all, which are used up; components (2, dim) receives the first two of pca.joint. */
CGAP_MUST_CHECK cgap_status cgap_pca_finish(const cgap_audit_sums *e, double *values, double *components,
                                            cgap_audit *out, cgap_error *error);

#endif
