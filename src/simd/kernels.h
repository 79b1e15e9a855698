/* Kernels: the loops over rows of cosines, over file values and over parameters, in which the time is spent.
 *
 * audit_kernels_body.c and training_kernels_body.c are plain C, compiled once for each instruction set (see
 * meson.build here); the tables are chosen once, by cpuid. "portable" is the reference that the others are tested
 * against. In an audit a masked pair (one that does not count) has the cosine -INFINITY: it adds nothing to exponential
 * sums and is above nothing. In training it has a cosine far below −1 (see mask_of in head/model/loss.c), whose
 * exponential vanishes next to any other. */
#ifndef CGAP_SIMD_KERNELS_H
#define CGAP_SIMD_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  CGAP_KERNEL_SETS = 3,         /* portable, AVX2, AVX-512 */
  CGAP_TILE = 1024,             /* rows and columns of a tile: never a matter of threads or memory */
  CGAP_WAITING_CANDIDATES = 32, /* candidates of a row for its ten nearest, before all but some ten are dropped */
  CGAP_ROWS_PER_MAXIMUM = 8,
  CGAP_SCORE_VECTORS = 8,
  CGAP_LINE_POINTS = 21
};

/* e^(scale·s) as 2^(s·factor), factor = scale/ln 2. The argument is reduced by whole steps of 1/factor, split in two
 * floats of which the first has few enough bits that its multiples are exact, so that the reduced argument is good to
 * float rounding with and without fused multiply-adds; with them, factor + factor_low does the same. Arguments below
 * `lowest` are taken as `lowest`. Values are divided by 2^apart, an integer, which keeps large ones within a float. */
typedef struct cgap_exponent {
  float factor, factor_low, step_high, step_low, lowest, apart;
} cgap_exponent;

/* Cosines of [least, greatest], in `bins` bins of this width from low on; at most 2^16 of them. */
typedef struct cgap_bins {
  float least, greatest;
  double low, step;
  int bins;
} cgap_bins;

typedef struct cgap_audit_kernels {
  const char *name;

  /* Least and greatest of s, masked pairs left out of the least. */
  void (*range)(const float *s, size_t n, float *least, float *greatest);

  /* *sum += Σ e^(scale·s_j), *squares += Σ e^(2·scale·s_j), columns[j] += e^(scale·s_j), in float, which has to hold
   * them; the squares may fall to zero. */
  void (*exp_sums)(const float *s, size_t n, const cgap_exponent *e, float *columns, double *sum, double *squares);

  /* The same without squares, in one piece and with double columns: scale up to 200 (e^200 needs a double). */
  void (*exp_sums_double)(const float *s, size_t n, const cgap_exponent *e, double *columns, double *sum);

  /* counts[bin]++ for `bins` equal bins over [-1, 1], at most 2^16; what lies outside, and masked pairs, in the end
   * bins. n at most CGAP_TILE. */
  void (*histogram)(const float *s, size_t n, uint64_t *counts, int bins);

  /* *above += how many s_j > greatest; of those with least <= s_j <= greatest counts[bin]++, bin the whole part of
   * (s_j − low)/step in double, what is outside the bins in those at the ends. n at most CGAP_TILE. */
  void (*window)(const float *s, size_t n, const cgap_bins *w, uint64_t *above, uint64_t *counts);

  /* The tenth greatest. */
  float (*tenth)(const float s[CGAP_WAITING_CANDIDATES]);

  /* best[k·CGAP_TILE + j], 0 <= k < 10, descending in k: the ten greatest of what column j has shown and of the maxima
   * of CGAP_ROWS_PER_MAXIMUM of these rows at a time. The last is a bound that ten or more of the column reach. */
  void (*best_of_columns)(const float *s, size_t stride, size_t rows, size_t n, float *best);

  /* A bound that ten or more of s reach, n at least CGAP_WAITING_CANDIDATES: the tenth greatest of the maxima of so
   * many interleaved parts. */
  float (*tenth_or_less)(const float *s, size_t n);

  /* Places j with s_j >= row_bound or s_j >= column_bound[j], ascending, into index; returns how many.
   * n at most CGAP_TILE. */
  size_t (*find)(const float *s, size_t n, float row_bound, const float *column_bound, uint16_t *index);

  /* *above += how many s_j > high, columns_above[j] += s_j > column_high[j]. Places j with low <= s_j <= high or
   * column_low[j] <= s_j <= column_high[j], ascending, into index; returns how many. n at most CGAP_TILE. */
  size_t (*compare)(const float *s, size_t n, float low, float high, uint32_t *above, const float *column_low,
                    const float *column_high, uint32_t *columns_above, uint16_t *index);

  /* Whether a line a_j + factor_p·b_j is above bound_p for any j and p. */
  bool (*line_above)(const float *a, const float *b, size_t n, const float factor[CGAP_LINE_POINTS],
                     const float bound[CGAP_LINE_POINTS]);

  /* a·b in double: the products of floats are exact in it. */
  double (*dot)(const float *a, const float *b, size_t n);

  /* s[j] += part + parts[j] */
  void (*add_offsets)(float *s, size_t n, float offset, const float *offsets);

  /* out = bfloat16 of x − centre, to the nearest, ties to even; *norm = ‖x − centre‖², *rounded = ‖out‖²,
   * *residual = ‖x − centre − out‖². */
  void (*to_bfloat)(const float *x, const float *centre, size_t n, uint16_t *out, float *norm, float *rounded,
                    float *residual);

  /* Products with CGAP_SCORE_VECTORS vectors at once, in double: scores (rows, CGAP_SCORE_VECTORS) = z (rows, dim) · w
   * (dim, CGAP_SCORE_VECTORS), and back, gradient (dim, CGAP_SCORE_VECTORS) += zᵀ · residual (rows,
   * CGAP_SCORE_VECTORS). All sums run in the order of z. */
  void (*vector_scores)(const double *z, size_t rows, size_t dim, const double *w, double *scores);
  void (*vector_gradient)(const double *z, size_t rows, size_t dim, const double *residual, double *gradient);

  void (*from_half)(const uint16_t *in, size_t n, float *out);
  void (*from_half_scaled)(const uint16_t *in, size_t n, double scale, double *out); /* each times scale */
  void (*from_bfloat)(const uint16_t *in, size_t n, float *out);

  /* Σ x_j² in double, of eight sums in parallel. The squares of floats are exact: with and without fused
   * multiply-adds the same. */
  double (*square_sum)(const float *x, size_t n);

  /* high[j], low[j] += the two whole numbers, units 1 and 2^-31, nearest to x_j·up, which is at most 2^31. */
  void (*add_exact)(const double *x, size_t n, double up, uint64_t *high, uint64_t *low);

  /* out[j] = in[j]·scale, in double; and that rounded to float. */
  void (*widen)(const float *in, size_t n, double scale, double *out);
  void (*rescale)(const float *in, size_t n, double scale, float *out);
} cgap_audit_kernels;

/* Powers of two below the lowest are taken as it, counted after 2^apart is taken out. */
cgap_exponent cgap_exponent_init(double scale, double lowest_power_of_two, int apart);

/* The table for this machine. */
const cgap_audit_kernels *cgap_audit_kernels_here(void);

/* All tables that this machine can run, portable first; for tests. Returns how many. */
size_t cgap_audit_kernels_list(const cgap_audit_kernels *out[CGAP_KERNEL_SETS]);

/* ---------------------------------------------------------------- training */

/* What the gradient of a tile needs, per row and per column: e^(scale·(s − reference) − offset). */
typedef struct cgap_softmax_reference {
  const float *reference, *offset;
} cgap_softmax_reference;

/* One AdamW step's numbers (Loshchilov and Hutter 2019). */
typedef struct cgap_adamw_step {
  float rate;         /* the schedule's learning rate */
  float decay;        /* decoupled weight decay; 0 for biases */
  float beta1, beta2; /* decay of the two moments */
  float unbias1;      /* 1/(1 − beta1^step) */
  float unbias2;      /* 1/(1 − beta2^step) */
  float epsilon;
  float gradient_scale; /* of gradient clipping; 1: none */
} cgap_adamw_step;

typedef struct cgap_training_kernels {
  const char *name;

  /* Greatest cosine of every row and column of a (rows, columns) tile with leading dimension ld. */
  void (*tile_greatest)(const float *s, size_t rows, size_t columns, size_t ld, float *row, float *column);

  /* row_sum[i] = Σ_j e^(scale·(s_ij − row[i])), column_sum[j] = Σ_i e^(scale·(s_ij − column[j]));
   * returns Σ e^(4s_ij − 4). */
  double (*tile_sums)(const float *s, size_t rows, size_t columns, size_t ld, float scale, const float *row,
                      const float *column, double *row_sum, double *column_sum);

  /* In place s_ij ← g_ij + cross·e^(4s_ij − 4) with g_ij = e^(…row) + e^(…column) as in cgap_softmax_reference;
   * returns Σ s_ij·g_ij over the cosines as they were. */
  double (*tile_gradient)(float *s, size_t rows, size_t columns, size_t ld, float scale, cgap_softmax_reference row,
                          cgap_softmax_reference column, float cross);

  /* In place s_ij ← e^(4s_ij − 4); returns the sum. */
  double (*tile_kernel)(float *s, size_t rows, size_t columns, size_t ld);

  /* One step over `count` parameters w with gradient g and moments m and v. */
  void (*adamw)(float *w, const float *g, float *m, float *v, size_t count, const cgap_adamw_step *step);

  double (*dot)(const float *a, const float *b, size_t count); /* summed in double */
} cgap_training_kernels;

const cgap_training_kernels *cgap_training_kernels_here(void);

/* All tables that this machine can run, portable first; for tests. Returns how many. */
size_t cgap_training_kernels_list(const cgap_training_kernels *out[CGAP_KERNEL_SETS]);

#endif
