#include "engine/blas.h"

#include <cblas.h>

int cgap_blas_single(void)
{
  int threads = openblas_get_num_threads();
  openblas_set_num_threads(1);
  return threads;
}

void cgap_blas_restore(int threads)
{
  openblas_set_num_threads(threads);
}
