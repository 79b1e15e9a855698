#include "audit/ranks_queries.h"

#include "base/memory.h"
#include "base/threads.h"
#include "comm/comm.h"

typedef struct query_pass {
  cgap_audit_sums *evidence;
  cgap_comm *comm;
  cgap_pair_pass_options options;
  bool columns;           /* texts ask, else images */
  cgap_row_block queries; /* all of them */
  cgap_pair_sums query_sums, no_sums;
  cgap_error error; /* of what ranks say during a pass */
  cgap_status status;
  cgap_progress progress;
} query_pass;

/* Between tiles: whether another rank has failed. */
static bool poll_and_tick(void *context, const char *phase, double fraction)
{
  query_pass *a = context;
  a->status = cgap_comm_poll(a->comm, NULL, &a->error);
  return a->status || (a->progress.tick && a->progress.tick(a->progress.context, phase, fraction));
}

static cgap_status show_candidates(query_pass *a, const cgap_row_block *candidates, cgap_error *error)
{
  const cgap_row_block *rows = a->columns ? candidates : &a->queries, *columns = a->columns ? &a->queries : candidates;
  a->no_sums.first = candidates->first;
  a->no_sums.rows = candidates->rows;
  cgap_status status =
    cgap_pair_pass_show(a->evidence, CGAP_IMAGE_TEXT, &a->options, rows, a->columns ? &a->no_sums : &a->query_sums,
                        columns, a->columns ? &a->query_sums : &a->no_sums, error);
  if (a->status && error)
    *error = a->error;
  return a->status ? a->status : status;
}

/* Candidates, half a block of which is shown while the next half is read where they are not in memory. */
typedef struct candidate_reader {
  const cgap_modality_rows *modality;
  size_t next, end;
  cgap_row_block half[2];
} candidate_reader;

static bool set_target(void *reader, void *half)
{
  candidate_reader *r = reader;
  cgap_row_block *block = half;
  block->modality = r->modality;
  block->first = r->next;
  block->rows = cgap_lesser(r->modality->unit ? r->modality->rows : CGAP_QUERY_BLOCK_ROWS / 2, r->end - r->next);
  r->next += block->rows;
  return block->rows > 0;
}

static cgap_status load_rows(void *half, cgap_error *error)
{
  cgap_row_block *block = half;
  return cgap_row_block_load(block, block->modality, block->first, block->rows, error);
}

static cgap_status show_all_candidates(query_pass *a, const cgap_modality_rows *modality, cgap_error *error)
{
  const cgap_rank_rows own = cgap_rank_rows_own(a->comm, modality->rows);
  const double before = a->options.fraction_before, span = a->options.fraction_after - before;
  candidate_reader r = {.modality = modality, .next = own.first, .end = own.end};
  cgap_read_ahead ahead = {
    .set_target = set_target, .read = load_rows, .context = &r, .blocks = r.half, .count = 2, .size = sizeof *r.half};
  void *half;
  cgap_read_ahead_open(&ahead, modality->unit ? 1 : a->options.threads);
  cgap_status status = cgap_read_ahead_next(&ahead, &half, error);
  while (!status && half) {
    const cgap_row_block *now = half;
    a->options.fraction_before = before + span * (double)(now->first - own.first) / (double)(own.end - own.first);
    a->options.fraction_after =
      before + span * (double)(now->first + now->rows - own.first) / (double)(own.end - own.first);
    status = show_candidates(a, now, error);
    if (!status)
      status = cgap_read_ahead_next(&ahead, &half, error);
  }
  cgap_read_ahead_close(&ahead);
  cgap_row_block_clear(&r.half[0]);
  cgap_row_block_clear(&r.half[1]);
  return status;
}

cgap_status cgap_ranks_queries_run(cgap_audit_sums *evidence, const cgap_embeddings *e, cgap_comm *comm,
                                   const cgap_pair_pass_options *options, cgap_error *error)
{
  query_pass a = {.evidence = evidence,
                  .comm = comm,
                  .options = *options,
                  .columns = options->want == CGAP_WANT_COLUMN_QUERIES,
                  .no_sums = {.kind = CGAP_IMAGE_TEXT},
                  .progress = options->progress};
  const cgap_modality_rows *queries = a.columns ? &e->text : &e->image, *candidates = a.columns ? &e->image : &e->text;
  a.options.progress = (cgap_progress){.tick = poll_and_tick, .context = &a};
  cgap_status status =
    cgap_sums_init_queries(evidence, a.columns ? 0 : queries->rows, a.columns ? queries->rows : 0, error);
  if (!status && !cgap_pair_sums_init_queries(&a.query_sums, evidence, queries->rows))
    status = cgap_fail(error, CGAP_RESOURCE, "no memory for the sums of %zu queries", queries->rows);
  if (!status)
    status = cgap_row_block_load(&a.queries, queries, 0, queries->rows, error);
  if (!status)
    status = show_all_candidates(&a, candidates, error);
  if (!status) /* words of fixed point and counts, and nothing else */
    status = cgap_comm_sum(comm, a.query_sums.memory, a.query_sums.bytes / sizeof(uint64_t), CGAP_COMM_U64, error);
  if (!status)
    cgap_pair_pass_finish(evidence, &a.query_sums, a.columns);
  cgap_row_block_clear(&a.queries);
  if (!status) /* else MPI may still use it */
    cgap_pair_sums_clear(&a.query_sums);
  return status;
}
