/* Threads: one that reads ahead while the others compute, one BLAS thread for each thread that calls BLAS, and a clock.
 */
#ifndef CGAP_BASE_THREADS_H
#define CGAP_BASE_THREADS_H

#include "contragap/contragap.h"

#include <pthread.h>
#include <time.h>

/* ---------------------------------------------------------------- reading ahead */

typedef cgap_status cgap_job(void *context, cgap_error *error);

/* One job at a time in a thread of its own. */
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

/* threads: of the work as a whole; with 1, or where no thread can be started, cgap_background_reader_start itself does
 * the job. */
void cgap_background_reader_open(cgap_background_reader *reader, int threads);
void cgap_background_reader_close(cgap_background_reader *reader); /* waits for the running job */

/* Starts a job, once the one before has been waited for; context must outlive it. */
void cgap_background_reader_start(cgap_background_reader *reader, cgap_job *job, void *context);
/* The status of the job started last. */
CGAP_MUST_CHECK cgap_status cgap_background_reader_wait(cgap_background_reader *reader, cgap_error *error);

/* Two blocks or more that are read in turn: the next one in the background while those before it are used. */
typedef struct cgap_read_ahead {
  bool (*set_target)(void *context, void *block); /* what the block is to have; false: nothing is left */
  cgap_job *read;                                 /* reads it, with the block as context */
  void *context;
  void *blocks; /* (count) of `size` bytes each, owned by the caller */
  size_t count, size;
  size_t turn;  /* the block that is being read … */
  bool reading; /* … where one is */
  cgap_background_reader reader;
} cgap_read_ahead;

/* The first five members are set, the rest is zeros; threads as above. Starts to read the first block. */
void cgap_read_ahead_open(cgap_read_ahead *ahead, int threads);
void cgap_read_ahead_close(cgap_read_ahead *ahead);

/* The next block, which stays as it is until cgap_read_ahead_next is called for the (count − 1)th time from then on;
 * NULL after the last one and on failure. */
CGAP_MUST_CHECK cgap_status cgap_read_ahead_next(cgap_read_ahead *ahead, void **block, cgap_error *error);

/* ---------------------------------------------------------------- blas threads */

/* One BLAS thread for each thread that calls BLAS, so that a product gives the same bits whatever the number of
 * workers and whatever the caller of the library has set.
 *
 * OpenBLAS over OpenMP goes by OpenMP's number of threads, which is the calling thread's own: it alone is changed, and
 * put back. OpenBLAS with a pool of its own has one number for the whole process: the first call that is under way in
 * any thread puts it to one, and the last puts it back. */

int cgap_blas_single(void); /* returns what cgap_blas_restore takes; both in the same thread */
void cgap_blas_restore(int threads);

/* ---------------------------------------------------------------- clock */

/* A clock that only goes forward. */

static inline double cgap_clock_seconds(void)
{
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
