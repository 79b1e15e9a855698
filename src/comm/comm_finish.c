/* How a job ends: every rank tells rank 0 how it fared, and rank 0 what is to be said of it in one line. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "comm/failure.h"

/* How long rank 0 waits for ranks that should come to their end, once one has failed. */
static const double PATIENCE_SECONDS = 20, PATIENCE_STOPPED_SECONDS = 0.4;

/* What a rank says at its end; rank 0's answer. */
typedef struct rank_outcome {
  int original; /* a failure of its own */
  int transfer_aborted;
  failure how;
} rank_outcome;

static void send_whole(cgap_comm *c, void *block, size_t bytes, int to, int tag)
{
  void *request = c->backend->send(block, (int)bytes, to, tag);
  for (unsigned polls = 0; request && c->backend->test(request) == 0; polls++)
    cgap_comm_backoff(polls);
}

static bool receive_waiting(cgap_comm *c, void *block, size_t bytes, int tag)
{
  int from = -1, length = 0;
  if (!c->backend->probe(&from, tag, &length) || length != (int)bytes)
    return false;
  void *request = c->backend->receive(block, length, from, tag);
  for (unsigned polls = 0; request && c->backend->test(request) == 0; polls++)
    cgap_comm_backoff(polls);
  return request != NULL;
}

/* What rank 0 makes of all ends: the lowest original failure; one that is the same on every rank belongs to none of
 * them. */
typedef struct job_outcome {
  int ended, failed, originals, alike;
  int silent; /* the lowest rank that was not heard */
  bool transfer_aborted, stopped;
  failure first;
} job_outcome;

static void count_outcome(job_outcome *v, const rank_outcome *d)
{
  v->ended++;
  v->transfer_aborted |= d->transfer_aborted;
  v->failed += d->how.status != CGAP_OK;
  if (!d->original)
    return;
  v->alike += v->originals == 0 || strcmp(d->how.message, v->first.message) == 0;
  if (v->originals++ == 0 || d->how.rank < v->first.rank)
    v->first = d->how;
}

static void conclude_outcome(const cgap_comm *c, const job_outcome *v, cgap_error *error)
{
  char said[sizeof error->message];
  if (v->stopped && v->silent < c->place.size) { /* the launcher ends all ranks when one has died */
    snprintf(said, sizeof said, "%s", error->status ? error->message : "interrupted");
    (void)cgap_fail(error, CGAP_INTERRUPTED, "rank %d on %s does not answer any more: %.1500s", v->silent,
                    c->node[v->silent], said);
    return;
  }
  const bool common = v->originals == c->place.size && v->alike == v->originals;
  if (v->originals && (common || v->first.status == CGAP_INTERRUPTED))
    (void)cgap_fail(error, (cgap_status)v->first.status, "%s", v->first.message);
  else if (v->originals)
    (void)cgap_failure_to_error(&v->first, error);
  else if (c->failed_elsewhere)
    (void)cgap_failure_to_error(&c->first, error);
  else
    (void)cgap_fail(error, CGAP_RESOURCE, "rank %d on %s has ended without a word", v->silent, c->node[v->silent]);
}

static void finish_as_first(cgap_comm *c, rank_outcome *mine, cgap_error *error)
{
  job_outcome v = {0};
  rank_outcome d;
  double since = cgap_clock_seconds();
  count_outcome(&v, mine);
  for (unsigned polls = 0; v.ended < c->place.size; polls++) {
    v.stopped = c->stop && c->stop(c->stop_context);
    cgap_comm_receive_failure(c);
    if (receive_waiting(c, &d, sizeof d, TAG_DONE)) {
      count_outcome(&v, &d);
      c->ended[d.how.rank] = true;
      polls = 0;
      since = cgap_clock_seconds();
    } else if ((v.failed || c->failed_elsewhere || v.stopped) &&
               cgap_clock_seconds() - since > (v.stopped ? PATIENCE_STOPPED_SECONDS : PATIENCE_SECONDS)) {
      break;
    }
    cgap_comm_backoff(polls);
  }
  const bool whole = v.ended == c->place.size;
  for (v.silent = 1; v.silent < c->place.size && c->ended[v.silent];)
    v.silent++;
  c->transfer_aborted = v.transfer_aborted || !whole || v.failed != v.originals || (v.failed && v.failed < v.ended);
  if (v.failed || !whole)
    conclude_outcome(c, &v, error);
  int answer[2] = {(int)error->status, c->transfer_aborted};
  for (int r = 1; whole && r < c->place.size; r++)
    send_whole(c, answer, sizeof answer, r, TAG_VERDICT);
}

static void finish_as_other(cgap_comm *c, rank_outcome *mine, cgap_error *error)
{
  int answer[2] = {0, 0};
  send_whole(c, mine, sizeof *mine, 0, TAG_DONE);
  const double since = cgap_clock_seconds();
  for (unsigned polls = 0; !receive_waiting(c, answer, sizeof answer, TAG_VERDICT); polls++) {
    if (mine->how.status && cgap_clock_seconds() - since > 2 * PATIENCE_SECONDS)
      answer[1] = 1;
    if (answer[1])
      break;
    cgap_comm_backoff(polls);
  }
  c->transfer_aborted |= answer[1] != 0;
  error->status = answer[0] ? (cgap_status)answer[0] : error->status;
  error->message[0] = '\0';
}

/* After a failure the notices that were not received are still under way: MPI_Finalize would wait for them. */
cgap_status cgap_comm_finish(cgap_comm *c, cgap_error *error)
{
  if (!c)
    return error->status;
  rank_outcome mine;
  memset(&mine, 0, sizeof mine);
  cgap_comm_report_failure(c, error);
  mine.original = c->reported;
  mine.transfer_aborted = c->transfer_aborted;
  cgap_failure_fill(&mine.how, c, error);
  if (c->place.rank == 0)
    finish_as_first(c, &mine, error);
  else
    finish_as_other(c, &mine, error);
  return error->status;
}
