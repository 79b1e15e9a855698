/* One float product on the calling thread alone, so that its bits do not depend on how many threads there are.
 *
 * By oneDNN where the build and the processor have it: it takes AVX-512 where OpenBLAS, which goes by a list of
 * processors, may take AVX2. Else by OpenBLAS; its flavour with a pool of its own needs cgap_blas_single around the
 * work (base/threads.h). */
#ifndef CGAP_SIMD_GEMM_H
#define CGAP_SIMD_GEMM_H

#include <stdbool.h>
#include <stddef.h>

/* C (m, n) = β·C + op(A) (m, k) · op(B) (k, n), rows one after the other with leading dimensions lda, ldb, ldc. op(A)
 * of a transposed A is Aᵀ, with A (k, m). Sizes are at most INT_MAX; C is not read where β is 0. */
typedef struct cgap_operand {
  const float *data;
  size_t ld;
  bool transposed;
} cgap_operand;

void cgap_sgemm(size_t m, size_t n, size_t k, cgap_operand a, cgap_operand b, float beta, float *c, size_t ldc);

/* ---------------------------------------------------------------- tile gemm */

/* Products of rows for the tile pass: strips of A · Bᵀ with the rows of B packed once for many strips.
 *
 * Two kinds do the work: oneDNN's matmul over packed weights, in float32 and in bfloat16 (optional at build, and taken
 * where the processor has AVX-512), and OpenBLAS's sgemm. A product belongs to one thread, runs on that thread alone,
 * and gives the same bits whatever the other threads do. */

enum {
  CGAP_STRIP_ROWS = 128, /* rows of A at once: with CGAP_TILE columns a strip stays in the second-level cache */
  CGAP_COLUMN_STEP = 64  /* columns of B may be left out in steps of this */
};

/* Rows are float, or uint16_t holding bfloat16 where `bfloat`; products are float. */
typedef struct cgap_tile_gemm {
  const char *name;
  bool (*here)(bool bfloat);                                  /* whether this machine can */
  void *(*open)(size_t dim, bool bfloat);                     /* NULL: out of memory */
  bool (*pack)(void *product, const void *b, size_t columns); /* at most CGAP_TILE rows of B; false: out of memory */
  /* out (rows, stride) = A · Bᵀ for at most CGAP_STRIP_ROWS rows of A and the columns from `first`, a multiple of
   * CGAP_COLUMN_STEP, on; out holds CGAP_STRIP_ROWS · CGAP_TILE. Returns the stride, 0: out of memory. */
  size_t (*strip)(void *product, const void *a, size_t rows, size_t first, float *out);
  void (*close)(void *product);
} cgap_tile_gemm;

/* The kind for this machine; NULL: none (bfloat16 without oneDNN or without AVX512-BF16). */
const cgap_tile_gemm *cgap_tile_gemm_here(bool bfloat);

/* Where there is none for bfloat16: what is missing, in words. */
const char *cgap_tile_gemm_missing(void);

/* All kinds that this machine has, for tests and benchmarks. Returns how many. */
size_t cgap_tile_gemm_list(bool bfloat, const cgap_tile_gemm *out[2]);

extern const cgap_tile_gemm cgap_tile_gemm_openblas;
#ifdef CGAP_ONEDNN
extern const cgap_tile_gemm cgap_tile_gemm_onednn;
#endif

#endif
