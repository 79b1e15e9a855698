#include "gemm.h"

#include <cblas.h>
#include <omp.h>

static void by_openblas(size_t m, size_t n, size_t k, cgap_operand a, cgap_operand b, float beta, float *c, size_t ldc)
{
  cblas_sgemm(CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans, b.transposed ? CblasTrans : CblasNoTrans, (int)m,
              (int)n, (int)k, 1.0f, a.data, (int)a.ld, b.data, (int)b.ld, beta, c, (int)ldc);
}

#if defined(CGAP_ONEDNN) && defined(__x86_64__)
#include <dnnl.h>

static bool has_avx2(void)
{
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

/* Within a parallel region oneDNN stays on the thread that calls; elsewhere, and in a team of one, it goes by OpenMP's
 * number of threads, which is the calling thread's own. */
void cgap_sgemm(size_t m, size_t n, size_t k, cgap_operand a, cgap_operand b, float beta, float *c, size_t ldc)
{
  const int threads = omp_get_max_threads();
  const bool alone = !omp_in_parallel() && threads > 1;
  bool done = m == 0 || n == 0;
  if (!done && has_avx2()) {
    if (alone)
      omp_set_num_threads(1);
    done =
      dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', (dnnl_dim_t)m, (dnnl_dim_t)n, (dnnl_dim_t)k, 1.0f,
                 a.data, (dnnl_dim_t)a.ld, b.data, (dnnl_dim_t)b.ld, beta, c, (dnnl_dim_t)ldc) == dnnl_success;
    if (alone)
      omp_set_num_threads(threads);
  }
  if (!done)
    by_openblas(m, n, k, a, b, beta, c, ldc);
}

#else

void cgap_sgemm(size_t m, size_t n, size_t k, cgap_operand a, cgap_operand b, float beta, float *c, size_t ldc)
{
  if (m > 0 && n > 0)
    by_openblas(m, n, k, a, b, beta, c, ldc);
}

#endif
