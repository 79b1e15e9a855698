/* One job at a time in a thread of its own: rows that the next step needs are read while the present one computes. */
#ifndef CGAP_BASE_BACKGROUND_READER_H
#define CGAP_BASE_BACKGROUND_READER_H

#include "contragap/contragap.h"

#include <pthread.h>

typedef cgap_status cgap_job(void *context, cgap_error *error);

typedef struct cgap_background_reader {
  bool threaded;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  cgap_job *job; /* NULL: nothing to do */
  void *context;
  bool leave;
  cgap_status status; /* of the job that ended last */
  cgap_error error;
} cgap_background_reader;

/* threads: of the work as a whole; with 1, or where no thread can be had, jobs are done by cgap_background_reader_start
 * itself. */
void cgap_background_reader_open(cgap_background_reader *ahead, int threads);
void cgap_background_reader_close(cgap_background_reader *ahead); /* waits for the running job */

/* Starts a job, once the one before has been waited for; context must outlive it. */
void cgap_background_reader_start(cgap_background_reader *ahead, cgap_job *job, void *context);
/* The status of the job started last. */
CGAP_MUST_CHECK cgap_status cgap_background_reader_wait(cgap_background_reader *ahead, cgap_error *error);

#endif
