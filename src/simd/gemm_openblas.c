#include "base/memory.h"
#include "simd/gemm.h"
#include "simd/kernels.h"

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

/* ---------------------------------------------------------------- tile gemm */

static const cgap_tile_gemm *const kinds[] = {
#ifdef CGAP_ONEDNN
  &cgap_tile_gemm_onednn,
#endif
  &cgap_tile_gemm_openblas,
};

size_t cgap_tile_gemm_list(bool bfloat, const cgap_tile_gemm *out[2])
{
  size_t n = 0;
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
    if (kinds[k]->here(bfloat))
      out[n++] = kinds[k];
  return n;
}

const cgap_tile_gemm *cgap_tile_gemm_here(bool bfloat)
{
  const cgap_tile_gemm *list[2];
  return cgap_tile_gemm_list(bfloat, list) ? list[0] : NULL;
}

const char *cgap_tile_gemm_missing(void)
{
#if !defined(CGAP_ONEDNN)
  return "oneDNN, which this build is without";
#elif defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") ? "a newer oneDNN"
                                              : "the instruction set AVX512-BF16, which this processor lacks";
#else
  return "the instruction set AVX512-BF16 of x86-64 processors";
#endif
}

/* ---------------------------------------------------------------- OpenBLAS */

typedef struct blas_product {
  size_t dim, columns;
  const float *b;
} blas_product;

static bool blas_here(bool bfloat)
{
  return !bfloat;
}

static void *blas_open(size_t dim, bool bfloat)
{
  (void)bfloat;
  blas_product *p = cgap_zalloc(1, sizeof *p);
  if (p)
    p->dim = dim;
  return p;
}

static bool blas_pack(void *product, const void *b, size_t columns)
{
  blas_product *p = product;
  p->b = b;
  p->columns = columns;
  return true;
}

static size_t blas_strip(void *product, const void *a, size_t rows, size_t first, float *out)
{
  const blas_product *p = product;
  const int dim = (int)p->dim;
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)(p->columns - first), dim, 1.0f, a, dim,
              p->b + first * p->dim, dim, 0.0f, out, CGAP_TILE);
  return CGAP_TILE;
}

static void blas_close(void *product)
{
  cgap_free(product);
}

const cgap_tile_gemm cgap_tile_gemm_openblas = {
  .name = "OpenBLAS",
  .here = blas_here,
  .open = blas_open,
  .pack = blas_pack,
  .strip = blas_strip,
  .close = blas_close,
};
