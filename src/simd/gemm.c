#include "simd/gemm.h"

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

/* false: not done */
static bool by_onednn(size_t m, size_t n, size_t k, cgap_operand a, cgap_operand b, float beta, float *c, size_t ldc)
{
  return has_avx2() &&
         dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', (dnnl_dim_t)m, (dnnl_dim_t)n, (dnnl_dim_t)k,
                    1.0f, a.data, (dnnl_dim_t)a.ld, b.data, (dnnl_dim_t)b.ld, beta, c, (dnnl_dim_t)ldc) == dnnl_success;
}
#else
static bool by_onednn(size_t m, size_t n, size_t k, cgap_operand a, cgap_operand b, float beta, float *c, size_t ldc)
{
  (void)m, (void)n, (void)k, (void)a, (void)b, (void)beta, (void)c, (void)ldc;
  return false;
}
#endif

/* Within a parallel region both libraries stay on the thread that calls; elsewhere, a team of one included, they go by
 * OpenMP's number of threads, which is the calling thread's own. */
void cgap_sgemm(size_t m, size_t n, size_t k, cgap_operand a, cgap_operand b, float beta, float *c, size_t ldc)
{
  const int threads = omp_get_max_threads();
  const bool alone = threads > 1 && !omp_in_parallel();
  if (m == 0 || n == 0)
    return;
  if (alone)
    omp_set_num_threads(1);
  if (!by_onednn(m, n, k, a, b, beta, c, ldc))
    by_openblas(m, n, k, a, b, beta, c, ldc);
  if (alone)
    omp_set_num_threads(threads);
}
