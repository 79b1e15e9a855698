#include "bench/rates.h"

#include <math.h>
#include <string.h>

static double rate_of(const cgap_bench *b, const char *key)
{
  for (size_t k = 0; key && k < b->count; k++)
    if (strcmp(b->rate[k].key, key) == 0)
      return b->rate[k].value;
  return NAN;
}

cgap_status cgap_bench_begin(const cgap_bench_state *b, cgap_error *error)
{
  uint64_t here = 1;
  return cgap_comm_sum(b->options->comm, &here, 1, CGAP_COMM_U64, error);
}

cgap_status cgap_bench_add(cgap_bench_state *b, cgap_rate rate, cgap_error *error)
{
  cgap_status status = cgap_comm_sum(b->options->comm, &rate.value, 1, CGAP_COMM_F64, error);
  rate.value /= cgap_comm_size(b->options->comm);
  rate.limit = rate_of(b->out, rate.limited_by);
  b->out->rate[b->out->count++] = rate;
  return status;
}

cgap_status cgap_bench_tick(const cgap_bench_state *b, const char *phase, cgap_error *error)
{
  const cgap_progress *p = &b->options->progress;
  if (p->tick && p->tick(p->context, phase, (double)b->out->count / CGAP_RATES))
    return cgap_fail(error, CGAP_INTERRUPTED, "interrupted; nothing was written");
  return CGAP_OK;
}

cgap_status cgap_bench_no_memory(cgap_error *error)
{
  return cgap_fail(error, CGAP_RESOURCE, "no memory for the benchmark; give smaller --n or --d");
}
