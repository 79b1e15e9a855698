#include "base/blas_threads.h"

#include <cblas.h>
#include <omp.h>
#include <pthread.h>
#include <stdbool.h>

/* Calls under way, and the number of threads to put back after the last. */
static struct {
  pthread_mutex_t lock;
  int calls, threads;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool has_pool(void)
{
  return openblas_get_parallel() == OPENBLAS_THREAD;
}

int cgap_blas_single(void)
{
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  if (has_pool()) {
    (void)pthread_mutex_lock(&pool.lock);
    if (pool.calls++ == 0) {
      pool.threads = openblas_get_num_threads();
      openblas_set_num_threads(1);
    }
    (void)pthread_mutex_unlock(&pool.lock);
  }
  return threads;
}

void cgap_blas_restore(int threads)
{
  if (has_pool()) {
    (void)pthread_mutex_lock(&pool.lock);
    if (--pool.calls == 0)
      openblas_set_num_threads(pool.threads);
    (void)pthread_mutex_unlock(&pool.lock);
  }
  omp_set_num_threads(threads);
}
