/* What some measures offer besides their descriptors: to the audit, which has runs of its own for them, or to others.
 */
#ifndef CGAP_ANALYSIS_FINISH_H
#define CGAP_ANALYSIS_FINISH_H

#include "analysis/measure.h"

enum { CGAP_FINE_BINS = 4000 }; /* of the histogram that the tiles fill */

/* log E e^(-t‖x − y‖²) for x, y uniform on the unit sphere of R^dim: -2t + log 0F1(; dim/2; t²). */
double cgap_sphere_uniformity(size_t dim, double t);

/* What is known of the median of the non-matching cosines: pairs up to low are at most it, from high on above it. */
typedef struct cgap_median {
  double low, high;
} cgap_median;

/* Narrows the bounds by what a pass has counted, of cosines that are off by `margin` at most. */
void cgap_median_narrow(cgap_median *m, const cgap_audit_sums *seen, double margin);

/* The distinct cosines of the pairs between the bounds, for a further pass; *values 0: none is open. false: out of
 * memory. */
CGAP_MUST_CHECK bool cgap_median_open(const cgap_median *m, const cgap_audit_sums *e, double **value, size_t *values);

/* checks.pairing.below_median_share, of e's pairs; seen: whose cosines the median is of, e's or a sample's. */
CGAP_MUST_CHECK cgap_status cgap_below_median_finish(const cgap_audit_sums *e, const cgap_audit_sums *seen,
                                                     const cgap_median *m, cgap_audit *out, cgap_error *error);

/* scale (lists->rows): the mean of a row's 10 highest cosines, or of all `targets`, in its list. */
void cgap_csls_scales(const cgap_neighbours *lists, size_t targets, double *scale);

/* The marks, from the scales. */
void cgap_csls_marks(const cgap_audit_sums *e, cgap_csls_scaling *scaling);

/* pca.* rests on eigenproblems, one per set of rows, that any thread or rank may solve. values: of problem k they begin
 * at cgap_pca_place(k), and there are cgap_pca_place(CGAP_PCA_PROBLEMS) of them all. Without texts the images' problem
 * is the only one. */
enum { CGAP_PCA_PROBLEMS = 3 };
int cgap_pca_problems(const cgap_audit_sums *e);
size_t cgap_pca_place(int problem, size_t dim);

/* Work of one thread that may run concurrently with other work. */
typedef struct cgap_concurrent_task {
  void (*work)(void *context); /* NULL: none */
  void *context;
} cgap_concurrent_task;

/* Solves problems [first, end), on `threads` threads, and the concurrent work. */
CGAP_MUST_CHECK cgap_status cgap_pca_solve(const cgap_audit_sums *e, int first, int end, int threads,
                                           cgap_concurrent_task concurrent, double *values, cgap_error *error);

/* pca.* from the values of all, which are used up; components (2, dim) receives the first two of pca.joint, where it is
 * there. */
CGAP_MUST_CHECK cgap_status cgap_pca_finish(const cgap_audit_sums *e, double *values, double *components,
                                            cgap_audit *out, cgap_error *error);

/* Turns the two components into the axes of a picture of unpaired sets, orthonormal: along the difference of the
 * centroids, and along the first principal component orthogonal to it; variance: the share of the joint pool's that
 * each carries. Leaves them where the centroids are equal. */
CGAP_MUST_CHECK cgap_status cgap_pca_gap_axes(const cgap_audit_sums *e, double *components, double variance[2],
                                              cgap_error *error);

/* ---------------------------------------------------------------- samples */

/* What the finishers of sampled measures see. A sample holds n of N images drawn at random without replacement, each
 * with all its texts (unpaired: rows of either modality), and all pairs within it are looked at: a U-statistic over one
 * random block of rows, incomplete for the file. */

/* Functions of a cosine: the kernel e^(-t‖x − y‖²), and the two whose means over all pairs of the file are known. */
typedef enum cgap_function { CGAP_KERNEL_OF, CGAP_COSINE_OF, CGAP_SQUARE_OF, CGAP_FUNCTIONS } cgap_function;

typedef struct cgap_sampled {
  const cgap_audit_sums *whole, *sample;
  const cgap_measure *uniformity; /* whose sums of the kernel are in sample */

  /* Σ over the pairs of each row, and of each column, within the sample: of the cosine and of its square, in double
   * from means and second moments. Of a triangle, rows and columns are the same arrays. The kernel's are sample->sums'.
   */
  const double *row[CGAP_PAIR_KINDS][CGAP_FUNCTIONS], *column[CGAP_PAIR_KINDS][CGAP_FUNCTIONS];

  /* Σ over pairs of an image's own texts, where paired */
  const double *within[CGAP_FUNCTIONS]; /* (images of the sample) */
  double whole_within[CGAP_FUNCTIONS];  /* over all images */
} cgap_sampled;

/* gap.mmd2 from the same estimates of the mean kernels. */
CGAP_MUST_CHECK cgap_status cgap_mmd_finish_sampled(const cgap_sampled *s, cgap_audit *out, cgap_error *error);

/* uniformity.*, and the gain of the control variates. */
CGAP_MUST_CHECK cgap_status cgap_uniformity_finish_sampled(const cgap_sampled *s, cgap_audit *out, cgap_error *error);

/* ---------------------------------------------------------------- mean kernels */

/* Mean kernels over pairs of rows, from the sums that uniformity collects: u = mean of e^(-t‖x − y‖²) over L pairs.
 *
 * Their variance: with k̃ = k − u, A_g the sum of k̃ over the pairs that touch group g (an image with its texts;
 * unpaired: a row) and S = Σ k̃², Var u = max(Σ A_g² − S, S)/L² (Hoeffding's decomposition of a U-statistic). A_g
 * follows from row and column sums. */

/* Sums of a row or column: of e^(2t cosine), and of its square (of rows alone). */
enum { CGAP_KERNEL_SUMS, CGAP_KERNEL_SQUARES, CGAP_KERNEL_SUM_COUNT };

typedef struct cgap_mean_kernel {
  double mean, squares; /* u; S */
  double pairs;         /* L */
  double touching;      /* Σ_g A_g² */
  uint64_t n;
} cgap_mean_kernel;

double cgap_mean_kernel_variance(const cgap_mean_kernel *k);

/* Within one modality. touch receives A_g: (images) where paired and of texts, else (rows). between_groups: pairs of
 * texts of one image are left out. */
cgap_mean_kernel cgap_mean_kernel_within(const cgap_audit_sums *e, cgap_pair_kind kind, bool between_groups,
                                         double *touch);

/* Of images with texts that are not their own. image_touch (images), or NULL, receives A_g, by image where paired;
 * text_touch (texts), or NULL, that of each text where unpaired. */
cgap_mean_kernel cgap_mean_kernel_cross(const cgap_audit_sums *e, double *image_touch, double *text_touch);

/* ---------------------------------------------------------------- arithmetic.*: image + word − word */

/* One query at every λ. */
typedef struct cgap_arithmetic_best {
  double score[CGAP_CURVE_POINTS];
  size_t image[CGAP_CURVE_POINTS]; /* kept row; SIZE_MAX: none yet */
} cgap_arithmetic_best;

/* A run of queries that are scored together, and the words that they name. */
typedef struct cgap_arithmetic_run {
  size_t queries, dim, word_count;
  const double *own, *words;     /* (queries, dim) x̂; (word_count, dim) ŵ */
  const size_t *source, *target; /* (queries) which of the words */
  const size_t *image;           /* (queries) kept row of the query's own image */
  float margin;                  /* by how much a float product of two unit rows may be off */
  cgap_arithmetic_best *best;    /* (queries) */
  double *scratch;               /* (threads, dim) */
  int threads;
} cgap_arithmetic_run;

double cgap_arithmetic_lambda(size_t point); /* 0 to 2 by 0.1 */
void cgap_arithmetic_start(cgap_arithmetic_run *run);

/* Shown images [first, first + rows), in order: their float products with the queries' own images and with the words
 * (queries + word_count, rows), and their unit rows (rows, dim), by which what the products leave open is decided;
 * lower row first among equals. */
void cgap_arithmetic_visit(const cgap_arithmetic_run *run, size_t first, size_t rows, const float *scores,
                           const double *unit);

/* The kept row that a query finds at λ = 1. */
size_t cgap_arithmetic_found(const cgap_arithmetic_best *best);

/* Adds the run's right answers to right[CGAP_CURVE_POINTS]; label_of maps a kept row to its label. */
void cgap_arithmetic_add(const cgap_arithmetic_run *run, const int64_t *label_of, const int64_t *wanted,
                         const double *weight, double *right, double *total);
void cgap_arithmetic_finish(const double *right, double total, uint64_t queries, cgap_audit *out);

/* ---------------------------------------------------------------- gap.linear_separability and gap.separability_auc */

enum { CGAP_FOLDS = 5 };

/* What the audit does for the fit: for the rows of both modalities, scores = Z Wᵀ (+ intercept, by the callback), then
 * gradient = residualᵀ Z. weights and gradient are (CGAP_FOLDS, dim), sums (CGAP_FOLD_SUMS) what the callback adds up.
 * It is called for runs of a modality's rows with their scores (rows, CGAP_FOLDS), from several threads at once, and
 * turns them into residuals; under ranks each shows its own rows, and the results are of all. `gather` completes
 * numbers (rows) of a modality where the callback has filled those that it was shown. */
enum { CGAP_FOLD_MARGINS = 4, CGAP_FOLD_SUMS = 1 + CGAP_FOLDS + CGAP_FOLD_MARGINS };
typedef void (*cgap_fold_rows)(void *context, cgap_pair_kind modality, size_t first, size_t rows, double *scores,
                               double *sums);
typedef struct cgap_products {
  cgap_status (*run)(void *self, const double *weights, cgap_fold_rows rows, void *context, double *gradient,
                     double *sums, cgap_error *error);
  cgap_status (*gather)(void *self, cgap_pair_kind modality, double *values, cgap_error *error);
  void *self;
} cgap_products;

CGAP_MUST_CHECK cgap_status cgap_separability_finish(const cgap_audit_sums *e, const cgap_products *products,
                                                     cgap_audit *out, cgap_error *error);

#endif
