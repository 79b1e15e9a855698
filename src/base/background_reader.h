/* One job at a time in a thread of its own: rows that the next step needs are read while the present one computes. */
#ifndef CGAP_ENGINE_AHEAD_H
#define CGAP_ENGINE_AHEAD_H

#include "contragap/contragap.h"

#include <pthread.h>

typedef cgap_status cgap_job(void *context, cgap_error *error);

typedef struct cgap_ahead {
  bool threaded;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  cgap_job *job; /* NULL: nothing to do */
  void *context;
  bool leave;
  cgap_status status; /* of the job that ended last */
  cgap_error error;
} cgap_ahead;

/* threads: of the work as a whole; with 1, or where no thread can be had, jobs are done by cgap_ahead_start itself. */
void cgap_ahead_open(cgap_ahead *ahead, int threads);
void cgap_ahead_close(cgap_ahead *ahead); /* waits for the job at hand */

/* Starts a job, once the one before has been waited for; context must outlive it. */
void cgap_ahead_start(cgap_ahead *ahead, cgap_job *job, void *context);
/* The status of the job started last. */
CGAP_MUST_CHECK cgap_status cgap_ahead_wait(cgap_ahead *ahead, cgap_error *error);

#endif
