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

#endif
