#include "base/threads.h"

#include <cblas.h>
#include <omp.h>
#include <pthread.h>
#include <stdbool.h>

static void *run_jobs(void *self)
{
  cgap_background_reader *a = self;
  pthread_mutex_lock(&a->lock);
  for (;;) {
    while (!a->job && !a->leave)
      pthread_cond_wait(&a->changed, &a->lock);
    if (!a->job)
      break;
    cgap_job *job = a->job;
    void *context = a->context;
    pthread_mutex_unlock(&a->lock);
    cgap_error error = {0};
    const cgap_status status = job(context, &error);
    pthread_mutex_lock(&a->lock);
    a->job = NULL;
    a->status = status;
    a->error = error;
    pthread_cond_broadcast(&a->changed);
  }
  pthread_mutex_unlock(&a->lock);
  return NULL;
}

void cgap_background_reader_open(cgap_background_reader *a, int threads)
{
  *a = (cgap_background_reader){.threaded = threads > 1};
  if (!a->threaded)
    return;
  (void)pthread_mutex_init(&a->lock, NULL);
  (void)pthread_cond_init(&a->changed, NULL);
  a->threaded = pthread_create(&a->thread, NULL, run_jobs, a) == 0;
}

void cgap_background_reader_close(cgap_background_reader *a)
{
  if (!a->threaded)
    return;
  pthread_mutex_lock(&a->lock);
  a->leave = true;
  pthread_cond_broadcast(&a->changed);
  pthread_mutex_unlock(&a->lock);
  (void)pthread_join(a->thread, NULL);
  (void)pthread_cond_destroy(&a->changed);
  (void)pthread_mutex_destroy(&a->lock);
  a->threaded = false;
}

void cgap_background_reader_start(cgap_background_reader *a, cgap_job *job, void *context)
{
  if (!a->threaded) {
    a->error = (cgap_error){0};
    a->status = job(context, &a->error);
    return;
  }
  pthread_mutex_lock(&a->lock);
  a->job = job;
  a->context = context;
  pthread_cond_broadcast(&a->changed);
  pthread_mutex_unlock(&a->lock);
}

cgap_status cgap_background_reader_wait(cgap_background_reader *a, cgap_error *error)
{
  if (a->threaded) {
    pthread_mutex_lock(&a->lock);
    while (a->job)
      pthread_cond_wait(&a->changed, &a->lock);
    pthread_mutex_unlock(&a->lock);
  }
  if (a->status && error)
    *error = a->error;
  return a->status;
}

static void start_next(cgap_read_ahead *a)
{
  void *block = (char *)a->blocks + a->turn * a->size;
  a->reading = a->set_target(a->context, block);
  if (a->reading)
    cgap_background_reader_start(&a->reader, a->read, block);
}

void cgap_read_ahead_open(cgap_read_ahead *a, int threads)
{
  cgap_background_reader_open(&a->reader, threads);
  start_next(a);
}

void cgap_read_ahead_close(cgap_read_ahead *a)
{
  cgap_background_reader_close(&a->reader);
}

cgap_status cgap_read_ahead_next(cgap_read_ahead *a, void **block, cgap_error *error)
{
  *block = NULL;
  const cgap_status status = a->reading ? cgap_background_reader_wait(&a->reader, error) : CGAP_OK;
  if (status || !a->reading)
    return status;
  *block = (char *)a->blocks + a->turn * a->size;
  a->turn = (a->turn + 1) % a->count;
  start_next(a);
  return CGAP_OK;
}

/* ---------------------------------------------------------------- blas threads */

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
