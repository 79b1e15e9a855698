#include "cli/job_queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "comm/comm.h"

enum { JOB_REQUEST, JOB_NUMBER, JOB_RESULT }; /* letters */
static const size_t NO_JOB = SIZE_MAX;

/* Rank 0: a letter of a rank that is free. */
static cgap_status assign_job(cli_job_queue *f, bool *any, cgap_error *error)
{
  int from;
  size_t bytes;
  void *letter;
  cgap_status status = cgap_comm_receive_small(f->comm, JOB_REQUEST, false, &from, &letter, &bytes, error);
  *any = letter != NULL;
  if (status != CGAP_OK || !letter)
    return status;
  const size_t job = f->next < f->count ? f->todo[f->next++] : NO_JOB;
  f->dismissed += job == NO_JOB;
  cgap_free(letter);
  return cgap_comm_send_small(f->comm, from, JOB_NUMBER, &job, sizeof job, error);
}

static cgap_status receive_result(cli_job_queue *f, bool *any, cgap_error *error)
{
  int from;
  size_t bytes;
  void *letter;
  cgap_status status = cgap_comm_receive_small(f->comm, JOB_RESULT, false, &from, &letter, &bytes, error);
  *any = letter != NULL;
  if (status == CGAP_OK && letter) {
    status = f->store(f->context, letter, error);
    f->kept++;
  }
  cgap_free(letter);
  return status;
}

cgap_status cli_job_queue_serve(cli_job_queue *f, cgap_error *error)
{
  bool assigned = true, came = true;
  cgap_status status = CGAP_OK;
  if (!f->comm || cgap_comm_rank(f->comm) > 0)
    return cgap_comm_poll(f->comm, NULL, error);
  while (status == CGAP_OK && (assigned || came)) {
    status = receive_result(f, &came, error);
    if (status == CGAP_OK)
      status = assign_job(f, &assigned, error);
  }
  return status;
}

static cgap_status run_first_rank(cli_job_queue *f, cgap_error *error)
{
  const size_t others = (size_t)cgap_comm_size(f->comm) - 1;
  cgap_status status = CGAP_OK;
  while (status == CGAP_OK && f->next < f->count) {
    char *result = NULL;
    status = f->work(f->context, f->todo[f->next++], &result, error);
    if (status == CGAP_OK)
      status = f->store(f->context, result, error);
    f->kept++;
    free(result);
    if (status == CGAP_OK)
      status = cli_job_queue_serve(f, error);
  }
  for (unsigned polls = 0; status == CGAP_OK && (f->kept < f->count || f->dismissed < others); polls++) {
    const size_t before = f->kept + f->dismissed;
    status = cli_job_queue_serve(f, error);
    polls = f->kept + f->dismissed > before ? 0 : polls;
    cgap_comm_backoff(polls);
  }
  return status;
}

static cgap_status run_other_rank(cli_job_queue *f, cgap_error *error)
{
  for (;;) {
    int from;
    size_t bytes;
    void *letter = NULL;
    char *result = NULL;
    cgap_status status = cgap_comm_send_small(f->comm, 0, JOB_REQUEST, "", 1, error);
    if (status == CGAP_OK)
      status = cgap_comm_receive_small(f->comm, JOB_NUMBER, true, &from, &letter, &bytes, error);
    if (status != CGAP_OK)
      return status;
    size_t job;
    memcpy(&job, letter, sizeof job);
    cgap_free(letter);
    if (job == NO_JOB)
      return CGAP_OK;
    status = f->work(f->context, job, &result, error);
    if (status == CGAP_OK)
      status = cgap_comm_send_small(f->comm, 0, JOB_RESULT, result, strlen(result) + 1, error);
    free(result);
    if (status != CGAP_OK)
      return status;
  }
}

cgap_status cli_job_queue_run(cli_job_queue *farm, cgap_error *error)
{
  return cgap_comm_rank(farm->comm) == 0 ? run_first_rank(farm, error) : run_other_rank(farm, error);
}
