/* A list of jobs distributed over ranks, each to one that is free; rank 0 keeps what comes of them, and does jobs too.
 */
#ifndef CLI_JOB_QUEUE_H
#define CLI_JOB_QUEUE_H

#include "contragap/contragap.h"

typedef struct cli_job_queue {
  cgap_comm *comm;
  const size_t *todo; /* (count) of rank 0: numbers of jobs */
  size_t count;
  /* Does a job; *result is a text (free), which for a job that could not be done says so. A status that is not fine
   * ends the work of all ranks. */
  cgap_status (*work)(void *context, size_t job, char **result, cgap_error *error);
  cgap_status (*store)(void *context, const char *result, cgap_error *error); /* on rank 0, also within a job */
  void *context;
  size_t next, kept, dismissed; /* of rank 0 */
} cli_job_queue;

/* On every rank, until all jobs are done. */
CGAP_MUST_CHECK cgap_status cli_job_queue_run(cli_job_queue *farm, cgap_error *error);

/* From within a job, now and then: rank 0 answers who asks. */
CGAP_MUST_CHECK cgap_status cli_job_queue_serve(cli_job_queue *farm, cgap_error *error);

#endif
