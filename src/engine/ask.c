#include "engine/ask.h"

#include "engine/share.h"

typedef struct asking {
  cgap_evidence *evidence;
  cgap_comm *ranks;
  cgap_tile_options options;
  bool columns;       /* texts ask, else images */
  cgap_panel queries; /* all of them */
  cgap_totals asked, none;
  cgap_error error; /* of what ranks say during a pass */
  cgap_status status;
  cgap_progress progress;
} asking;

/* Between tiles: whether another rank has failed. */
static bool tick(void *context, const char *phase, double share)
{
  asking *a = context;
  a->status = cgap_comm_poll(a->ranks, NULL, &a->error);
  return a->status || (a->progress.tick && a->progress.tick(a->progress.context, phase, share));
}

static cgap_status show(asking *a, const cgap_panel *candidates, cgap_error *error)
{
  const cgap_panel *rows = a->columns ? candidates : &a->queries, *columns = a->columns ? &a->queries : candidates;
  a->none.first = candidates->first;
  a->none.rows = candidates->rows;
  cgap_status status =
    cgap_tiles_show(a->evidence, CGAP_IMAGE_TEXT, &a->options, rows, a->columns ? &a->none : &a->asked, columns,
                    a->columns ? &a->asked : &a->none, error);
  if (a->status && error)
    *error = a->error;
  return a->status ? a->status : status;
}

static cgap_status show_all(asking *a, const cgap_side *side, cgap_error *error)
{
  const cgap_share own = cgap_share_of(a->ranks, side->rows);
  const size_t step = side->unit ? side->rows : CGAP_ASK_ROWS;
  const double before = a->options.share_before, span = a->options.share_after - before;
  cgap_panel candidates = {0};
  cgap_status status = CGAP_OK;
  for (size_t first = own.first; !status && first < own.end; first += step) {
    const size_t rows = own.end - first < step ? own.end - first : step;
    a->options.share_before = before + span * (double)(first - own.first) / (double)(own.end - own.first);
    a->options.share_after = before + span * (double)(first + rows - own.first) / (double)(own.end - own.first);
    status = cgap_panel_load(&candidates, side, first, rows, error);
    if (!status)
      status = show(a, &candidates, error);
  }
  cgap_panel_clear(&candidates);
  return status;
}

cgap_status cgap_ask_run(cgap_evidence *evidence, const cgap_embeddings *e, cgap_comm *ranks,
                         const cgap_tile_options *options, cgap_error *error)
{
  asking a = {.evidence = evidence,
              .ranks = ranks,
              .options = *options,
              .columns = options->want == CGAP_WANT_COLUMN_QUERIES,
              .none = {.kind = CGAP_IMAGE_TEXT},
              .progress = options->progress};
  const cgap_side *queries = a.columns ? &e->text : &e->image, *candidates = a.columns ? &e->image : &e->text;
  a.options.progress = (cgap_progress){.tick = tick, .context = &a};
  cgap_status status =
    cgap_sums_init_queries(evidence, a.columns ? 0 : queries->rows, a.columns ? queries->rows : 0, error);
  if (!status && !cgap_totals_init_queries(&a.asked, evidence, queries->rows))
    status = cgap_fail(error, CGAP_RESOURCE, "no memory for the sums of %zu queries", queries->rows);
  if (!status)
    status = cgap_panel_load(&a.queries, queries, 0, queries->rows, error);
  if (!status)
    status = show_all(&a, candidates, error);
  if (!status) /* words of fixed point and counts, and nothing else */
    status = cgap_comm_sum(ranks, a.asked.memory, a.asked.bytes / sizeof(uint64_t), CGAP_COMM_U64, error);
  if (!status)
    cgap_tiles_finish(evidence, &a.asked, a.columns);
  cgap_panel_clear(&a.queries);
  if (!status) /* else MPI may still use it */
    cgap_totals_clear(&a.asked);
  return status;
}
