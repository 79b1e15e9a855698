#include "comm/failure.h"

#include <string.h>

void cgap_failure_fill(failure *f, const cgap_comm *c, const cgap_error *error)
{
  memset(f, 0, sizeof *f); /* it is sent with its padding */
  f->rank = c->place.rank;
  f->status = (int)error->status;
  memcpy(f->node, c->place.node, sizeof f->node);
  memcpy(f->message, error->message, sizeof f->message);
  f->message[sizeof f->message - 1] = '\0';
}

cgap_status cgap_failure_to_error(const failure *f, cgap_error *error)
{
  if (f->status == CGAP_INTERRUPTED)
    return cgap_fail(error, CGAP_INTERRUPTED, "%s", f->message);
  return cgap_fail(error, (cgap_status)f->status, "rank %d on %s: %s", f->rank, f->node, f->message);
}

void cgap_comm_receive_failure(cgap_comm *c)
{
  int from = -1, bytes = 0;
  failure f;
  if (!c->backend->probe(&from, TAG_FAILURE, &bytes) || bytes != (int)sizeof f)
    return;
  void *request = c->backend->receive(&f, bytes, from, TAG_FAILURE);
  while (request && c->backend->test(request) == 0)
    ;
  if (request && !c->failed_elsewhere) {
    c->first = f;
    c->failed_elsewhere = true;
  }
}

cgap_status cgap_comm_check_failure(cgap_comm *c, cgap_error *error)
{
  if (!c)
    return CGAP_OK;
  if (!c->failed_elsewhere)
    cgap_comm_receive_failure(c);
  if (c->failed_elsewhere)
    return cgap_failure_to_error(&c->first, error);
  if (c->stop && c->stop(c->stop_context))
    return cgap_fail(error, CGAP_INTERRUPTED, "interrupted; nothing was written");
  return CGAP_OK;
}

void cgap_comm_report_failure(cgap_comm *c, const cgap_error *error)
{
  if (!c || c->reported || c->failed_elsewhere || error->status == CGAP_OK)
    return;
  c->reported = true;
  cgap_failure_fill(&c->own, c, error);
  for (int r = 0; r < c->place.size; r++)
    if (r != c->place.rank)
      c->failure_send[r] = c->backend->send(&c->own, (int)sizeof c->own, r, TAG_FAILURE);
}
