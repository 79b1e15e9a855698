#include "base/background_reader.h"

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
