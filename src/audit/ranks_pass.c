#include "audit/ranks_pass.h"

#include "audit/passes.h"
#include "base/memory.h"
#include "base/threads.h"
#include "comm/comm.h"

#include <math.h>
#include <string.h>

enum { RING_PIECE_BYTES = 1 << 26 }; /* of a piece that goes round: a rank holds one, and the raw rows of the next */

typedef struct ring {
  cgap_audit_sums *evidence;
  cgap_comm *comm;
  cgap_pair_kind kind;
  cgap_pair_pass_options options;
  const cgap_modality_rows *home, *away; /* the modality that stays, and the one that travels: the same of a triangle */
  bool triangle, away_first;             /* images travel: they are the rows of the tiles */
  int rank, size;
  cgap_pair_sums home_sums, away_sums; /* of this rank's blocks; away_sums of no triangle */
  cgap_pair_sums visiting;             /* of the rows that visit now */
  size_t piece;                        /* rows of a piece at most */
  cgap_receive_buffers *receive_buffers;
  cgap_transfer raw; /* unit rows are recomputed where rows arrive */
  bool moving;
  cgap_progress progress;
  double done, all; /* pairs of rows, for progress */
  double fraction_before, fraction_after;
  cgap_error error; /* of what is under way during a pass */
  cgap_status status;
} ring;

size_t cgap_ranks_ring_row_bytes(cgap_type type, size_t dim)
{
  return dim * (sizeof(float) + cgap_type_size(type));
}

/* Piece k of rank r's block of the modality that travels. */
static cgap_rank_rows piece_of(const ring *g, int r, size_t k)
{
  const cgap_rank_rows block = cgap_rank_rows_of(g->away->rows, r, g->size);
  return (cgap_rank_rows){cgap_lesser(block.first + k * g->piece, block.end),
                          cgap_lesser(block.first + (k + 1) * g->piece, block.end)};
}

/* ---------------------------------------------------------------- while tiles are at work */

/* Between tiles the rows under way move on. */
static bool poll_and_tick(void *context, const char *phase, double fraction)
{
  ring *g = context;
  g->status = cgap_comm_poll(g->comm, g->moving ? &g->raw : NULL, &g->error);
  if (g->status)
    return true;
  return g->progress.tick && g->progress.tick(g->progress.context, phase, fraction);
}

/* The pairs of rows at home and rows that visit. */
static cgap_status show_pair(ring *g, const cgap_row_block *home, const cgap_row_block *guest,
                             cgap_pair_sums *guest_sums, cgap_error *error)
{
  const double pairs = (double)home->rows * (double)guest->rows;
  const bool guest_first = g->triangle ? guest->first < home->first : g->away_first;
  if (home->rows == 0 || guest->rows == 0)
    return CGAP_OK;
  g->options.fraction_before =
    g->fraction_before + (g->fraction_after - g->fraction_before) * fmin(1, g->done / g->all);
  g->done += pairs;
  g->options.fraction_after = g->fraction_before + (g->fraction_after - g->fraction_before) * fmin(1, g->done / g->all);
  cgap_status status =
    guest_first ? cgap_pair_pass_show(g->evidence, g->kind, &g->options, guest, guest_sums, home, &g->home_sums, error)
                : cgap_pair_pass_show(g->evidence, g->kind, &g->options, home, &g->home_sums, guest, guest_sums, error);
  if (g->status) {
    if (error)
      *error = g->error;
    return g->status;
  }
  return status;
}

static cgap_status load_range(cgap_row_block *panel, const cgap_modality_rows *modality, size_t first, size_t end,
                              cgap_error *error)
{
  return cgap_row_block_load(panel, modality, first, end > first ? end - first : 0, error);
}

/* ---------------------------------------------------------------- one stop */

static size_t half_of(cgap_rank_rows block)
{
  const size_t tiles = (block.end - block.first + CGAP_TILE - 1) / CGAP_TILE;
  return cgap_lesser(block.first + tiles / 2 * CGAP_TILE, block.end);
}

/* The current piece is of rank `owner`. Two ranks that are half a ring apart meet twice: of the block of the lower one,
 * the first half is shown where it is at home, the second where it visits. */
static cgap_status show_visiting_piece(ring *g, int owner, const cgap_row_block *guest, cgap_error *error)
{
  cgap_rank_rows home = cgap_rank_rows_of(g->home->rows, g->rank, g->size);
  cgap_rank_rows visit = {guest->first, guest->first + guest->rows};
  const bool own = g->triangle && owner == g->rank;
  if (own) /* right of the diagonal */
    home.end = cgap_lesser(home.end, visit.end);
  else if (g->triangle && 2 * ((g->rank - owner + g->size) % g->size) == g->size) {
    if (g->rank < owner)
      home.end = half_of(home);
    else
      visit.first = cgap_greater(visit.first, half_of(cgap_rank_rows_of(g->home->rows, owner, g->size)));
  }
  cgap_row_block stays = {0}, comes = cgap_row_block_view(guest);
  const size_t skipped = cgap_lesser(visit.first - guest->first, guest->rows), dim = guest->modality->dim;
  comes.first += skipped;
  comes.rows -= skipped;
  comes.unit += skipped * dim;
  comes.raw += skipped * dim * cgap_type_size(guest->modality->source->type);
  cgap_status status = load_range(&stays, g->home, home.first, home.end, error);
  if (!status)
    status = show_pair(g, &stays, &comes, own ? &g->home_sums : &g->visiting, error);
  cgap_row_block_clear(&stays);
  return status;
}

/* ---------------------------------------------------------------- on the way */

static size_t raw_bytes(const cgap_modality_rows *modality)
{
  return modality->dim * cgap_type_size(modality->source->type);
}

/* Memory is kept from pass to pass: to be given new pages takes as long as to copy rows into them. */
static cgap_status reserve_buffers(cgap_receive_buffers *v, const cgap_modality_rows *modality, size_t rows, int raws,
                                   cgap_error *error)
{
  const size_t raw = rows * raw_bytes(modality), unit = rows * modality->dim * sizeof(float);
  bool ok = true;
  for (int k = 0; k < raws; k++) {
    if (raw > v->raw_bytes[k]) {
      cgap_free(v->raw[k]);
      v->raw[k] = cgap_alloc(raw, 1);
      v->raw_bytes[k] = raw;
    }
    ok = ok && v->raw[k];
  }
  if (unit > v->unit_bytes) {
    cgap_free(v->unit);
    v->unit = cgap_alloc(unit, 1);
    v->unit_bytes = unit;
  }
  return ok && v->unit ? CGAP_OK
                       : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu visiting rows of %zu",
                                   modality->source->name, rows, modality->dim);
}

void cgap_receive_buffers_clear(cgap_receive_buffers *v)
{
  cgap_free(v->raw[0]);
  cgap_free(v->raw[1]);
  cgap_free(v->unit);
  *v = (cgap_receive_buffers){0};
}

/* Rows that have come, as a panel. */
static cgap_row_block block_from_received(const ring *g, const unsigned char *raw, cgap_rank_rows rows)
{
  const size_t n = rows.end - rows.first;
  cgap_modality_rows_normalise(g->away, rows.first, n, raw, g->receive_buffers->unit, g->options.threads);
  return (cgap_row_block){
    .modality = g->away, .first = rows.first, .rows = n, .unit = g->receive_buffers->unit, .raw = raw};
}

/* Sends the visiting rows to the next rank and receives those of the previous one. */
static cgap_status send_rows(ring *g, const cgap_row_block *now, unsigned char *next, cgap_rank_rows coming,
                             cgap_error *error)
{
  const int to = (g->rank + 1) % g->size, from = (g->rank + g->size - 1) % g->size;
  cgap_status status = cgap_comm_pass(g->comm, &g->raw, 0, now->raw, now->rows * raw_bytes(g->away), to, next,
                                      (coming.end - coming.first) * raw_bytes(g->away), from, error);
  g->moving = !status;
  return status;
}

static cgap_status wait_for_rows(ring *g, cgap_error *error)
{
  cgap_status status = g->moving ? cgap_comm_wait(g->comm, &g->raw, error) : CGAP_OK;
  g->moving = false;
  return status;
}

/* What was gathered about the visiting rows goes to rank `to`; *g->visiting becomes what rank `from` has of `rows`. */
static cgap_status exchange_sums(ring *g, int to, int from, cgap_rank_rows rows, cgap_error *error)
{
  cgap_pair_sums coming;
  cgap_transfer t;
  cgap_status status = cgap_pair_sums_init(&coming, g->evidence, g->kind, rows.first, rows.end - rows.first, error);
  if (!status)
    status = cgap_comm_pass(g->comm, &t, 1, g->visiting.memory, g->visiting.bytes, to, coming.memory, coming.bytes,
                            from, error);
  if (!status)
    status = cgap_comm_wait(g->comm, &t, error);
  if (status) /* its memory may still be written to */
    return status;
  cgap_pair_sums_clear(&g->visiting);
  g->visiting = coming;
  return CGAP_OK;
}

/* Piece k of every rank goes round: of a triangle half the ring, else all of it; then its totals go home. */
static cgap_status circulate_piece(ring *g, size_t k, cgap_error *error)
{
  const int stops = g->triangle ? g->size / 2 + 1 : g->size;
  const cgap_rank_rows mine = piece_of(g, g->rank, k);
  cgap_row_block now = {0};
  cgap_status status = load_range(&now, g->away, mine.first, mine.end, error);
  cgap_pair_sums_clear(&g->visiting);
  if (!status)
    status = cgap_pair_sums_init(&g->visiting, g->evidence, g->kind, mine.first, mine.end - mine.first, error);
  for (int s = 0; !status && s < stops; s++) {
    const int owner = (g->rank - s + g->size) % g->size, coming = (owner - 1 + g->size) % g->size;
    const bool on = s + 1 < stops;
    unsigned char *next = g->receive_buffers->raw[s % 2];
    if (on)
      status = send_rows(g, &now, next, piece_of(g, coming, k), error);
    if (!status)
      status = show_visiting_piece(g, owner, &now, error);
    if (g->triangle && s == 0)
      cgap_top_k_lists_seed_from_home(&g->visiting, &g->home_sums);
    if (!status)
      status = wait_for_rows(g, error);
    if (!status && on)
      status =
        exchange_sums(g, (g->rank + 1) % g->size, (g->rank + g->size - 1) % g->size, piece_of(g, coming, k), error);
    if (!status && on)
      now = block_from_received(g, next, piece_of(g, coming, k));
  }
  if (!status)
    status = exchange_sums(g, (g->rank - stops + 1 + g->size) % g->size, (g->rank + stops - 1) % g->size, mine, error);
  if (!status && g->triangle)
    cgap_top_k_lists_keep_new(&g->visiting, &g->home_sums);
  if (!status)
    cgap_pair_sums_merge(g->triangle ? &g->home_sums : &g->away_sums, g->evidence, &g->visiting);
  return status;
}

/* ---------------------------------------------------------------- the smaller modality in every rank */

/* All rows of a modality. */
static cgap_status replicate_rows(ring *g, cgap_row_block *out, cgap_error *error)
{
  const cgap_modality_rows *modality = g->away;
  const size_t bytes = raw_bytes(modality);
  cgap_status status = reserve_buffers(g->receive_buffers, modality, modality->rows, 1, error);
  if (status)
    return status;
  memcpy(g->receive_buffers->raw[0] + modality->own_first * bytes, modality->raw, modality->own_rows * bytes);
  status = cgap_rank_rows_gather(g->comm, g->receive_buffers->raw[0], modality->rows, bytes, error);
  if (!status)
    *out = block_from_received(g, g->receive_buffers->raw[0], (cgap_rank_rows){0, modality->rows});
  return status;
}

static cgap_status run_replicated(ring *g, cgap_error *error)
{
  cgap_row_block home = {0}, away = {0};
  cgap_status status = replicate_rows(g, &away, error);
  if (!status)
    status = cgap_pair_sums_init(&g->visiting, g->evidence, g->kind, 0, g->away->rows, error);
  if (!status)
    status = load_range(&home, g->home, g->home->own_first, g->home->own_first + g->home->own_rows, error);
  if (!status)
    status = show_pair(g, &home, &away, &g->visiting, error);
  if (!status)
    status = cgap_ranks_add_sums(g->evidence, g->comm, &g->visiting, error);
  if (!status && g->rank == 0)
    cgap_pair_pass_finish(g->evidence, &g->visiting, !g->away_first);
  return status;
}

/* ---------------------------------------------------------------- all */

/* Whether the modality that travels is small enough to be in every rank: half of a rank's own rows of both modalities
 * at most, or with too few tiles to go round, and within the memory. */
static bool fits_on_all_ranks(const ring *g, uint64_t memory_bytes)
{
  const cgap_modality_rows *away = g->away, *home = g->home;
  const uint64_t row = cgap_ranks_ring_row_bytes(away->source->type, away->dim);
  const uint64_t totals = 2 * cgap_pair_sums_row_bytes(g->evidence->temperature);
  const uint64_t all = away->rows * (row + totals), size = (uint64_t)g->size;
  const uint64_t own =
    (away->rows * row + home->rows * cgap_ranks_ring_row_bytes(home->source->type, home->dim)) / size;
  return !g->triangle && all <= memory_bytes && (2 * away->rows * row <= own || away->rows < size * CGAP_TILE);
}

/* One way for all: their memories differ, by what they hold and by their nodes. */
static cgap_status agree_on_replication(ring *g, uint64_t memory_bytes, bool *replicated, cgap_error *error)
{
  uint64_t without = !fits_on_all_ranks(g, memory_bytes);
  const cgap_status status = cgap_comm_sum(g->comm, &without, 1, CGAP_COMM_U64, error);
  *replicated = without == 0;
  return status;
}

static cgap_status open_ring(ring *g, cgap_error *error)
{
  const cgap_modality_rows *away = g->away;
  size_t most = 0;
  for (int r = 0; r < g->size; r++) {
    const cgap_rank_rows block = cgap_rank_rows_of(away->rows, r, g->size);
    most = cgap_greater(most, block.end - block.first);
  }
  g->piece = RING_PIECE_BYTES / cgap_ranks_ring_row_bytes(away->source->type, away->dim) / CGAP_TILE * CGAP_TILE;
  g->piece = cgap_lesser(cgap_greater(g->piece, CGAP_TILE), cgap_greater(most, CGAP_TILE));
  cgap_status status = reserve_buffers(g->receive_buffers, away, g->piece, 2, error);
  if (!status && !g->triangle)
    status = cgap_pair_sums_init(&g->away_sums, g->evidence, g->kind, away->own_first, away->own_rows, error);
  return status;
}

static cgap_status run_ring(ring *g, cgap_error *error)
{
  size_t pieces = 1;
  cgap_status status = open_ring(g, error);
  for (int r = 0; !status && r < g->size; r++) {
    const cgap_rank_rows block = cgap_rank_rows_of(g->away->rows, r, g->size);
    pieces = cgap_greater(pieces, (block.end - block.first + g->piece - 1) / g->piece);
  }
  for (size_t k = 0; !status && k < pieces; k++)
    status = circulate_piece(g, k, error);
  return status;
}

/* After an aborted transfer the buffers are leaked on purpose: MPI may still write to them. */
static void close_ring(ring *g, bool broken)
{
  if (broken) {
    *g->receive_buffers = (cgap_receive_buffers){0};
    return;
  }
  cgap_pair_sums_clear(&g->home_sums);
  cgap_pair_sums_clear(&g->away_sums);
  cgap_pair_sums_clear(&g->visiting);
}

/* Pairs that this rank will show, about: for progress. */
static double pair_count_of_rank(const ring *g, bool replicated)
{
  const double home = (double)g->home->own_rows, away = (double)g->away->rows;
  return replicated || !g->triangle ? home * away : home * away / 2;
}

cgap_status cgap_ranks_ring_run(cgap_audit_sums *evidence, const cgap_embeddings *e, cgap_comm *comm,
                                cgap_pair_kind kind, const cgap_pair_pass_options *options,
                                cgap_receive_buffers *receive_buffers, uint64_t memory_bytes, cgap_error *error)
{
  ring g = {.evidence = evidence,
            .receive_buffers = receive_buffers,
            .comm = comm,
            .kind = kind,
            .options = *options,
            .triangle = kind != CGAP_IMAGE_TEXT,
            .away_first = kind == CGAP_IMAGE_TEXT && e->image.rows < e->text.rows,
            .rank = cgap_comm_rank(comm),
            .size = cgap_comm_size(comm),
            .progress = options->progress,
            .fraction_before = options->fraction_before,
            .fraction_after = options->fraction_after};
  g.home = kind == CGAP_TEXT_TEXT || g.away_first ? &e->text : &e->image;
  g.away = kind == CGAP_IMAGE_IMAGE || g.away_first ? &e->image : &e->text;
  g.options.progress = (cgap_progress){.tick = poll_and_tick, .context = &g};
  bool replicated = false;
  cgap_status status = agree_on_replication(&g, memory_bytes, &replicated, error);
  g.all = fmax(1, pair_count_of_rank(&g, replicated));
  if (!status)
    status = cgap_sums_init(evidence, kind, g.rank == 0, error);
  if (!status)
    status = cgap_pair_sums_init(&g.home_sums, evidence, kind, g.home->own_first, g.home->own_rows, error);
  if (!status)
    status = replicated ? run_replicated(&g, error) : run_ring(&g, error);
  if (!status)
    status = cgap_ranks_gather_sums(evidence, comm, &g.home_sums, g.home->rows, g.away_first, error);
  if (!status && !g.triangle && !replicated)
    status = cgap_ranks_gather_sums(evidence, comm, &g.away_sums, g.away->rows, !g.away_first, error);
  if (!status)
    status = cgap_ranks_add_counts(evidence, comm, kind, error);
  close_ring(&g, status != CGAP_OK);
  return status;
}

/* ---------------------------------------------------------------- what the ranks found */

static cgap_status send_sums(cgap_comm *comm, const cgap_pair_sums *mine, int to, cgap_error *error)
{
  cgap_transfer t;
  cgap_status status = cgap_comm_pass(comm, &t, 2, mine->memory, mine->bytes, to, NULL, 0, 0, error);
  return status ? status : cgap_comm_wait(comm, &t, error);
}

/* *out of the rows [first, first + rows). After a failure MPI may still write to its memory, which is not freed. */
static cgap_status receive_sums(cgap_pair_sums *out, const cgap_audit_sums *e, cgap_comm *comm, cgap_pair_kind kind,
                                size_t first, size_t rows, int from, cgap_error *error)
{
  cgap_transfer t;
  cgap_status status = cgap_pair_sums_init(out, e, kind, first, rows, error);
  if (!status)
    status = cgap_comm_pass(comm, &t, 2, NULL, 0, 0, out->memory, out->bytes, from, error);
  return status ? status : cgap_comm_wait(comm, &t, error);
}

cgap_status cgap_ranks_add_sums(const cgap_audit_sums *e, cgap_comm *comm, cgap_pair_sums *mine, cgap_error *error)
{
  const int rank = cgap_comm_rank(comm), size = cgap_comm_size(comm);
  for (int step = 1; step < size; step *= 2) {
    cgap_pair_sums other;
    if (rank % (2 * step) == step)
      return send_sums(comm, mine, rank - step, error);
    if (rank + step >= size)
      continue;
    cgap_status status = receive_sums(&other, e, comm, mine->kind, mine->first, mine->rows, rank + step, error);
    if (status)
      return status;
    cgap_pair_sums_merge(mine, e, &other);
    cgap_pair_sums_clear(&other);
  }
  return CGAP_OK;
}

cgap_status cgap_ranks_gather_sums(cgap_audit_sums *e, cgap_comm *comm, const cgap_pair_sums *mine, size_t rows,
                                   bool columns, cgap_error *error)
{
  const int size = cgap_comm_size(comm);
  if (cgap_comm_rank(comm) > 0)
    return send_sums(comm, mine, 0, error);
  cgap_pair_pass_finish(e, mine, columns);
  for (int r = 1; r < size; r++) {
    const cgap_rank_rows block = cgap_rank_rows_of(rows, r, size);
    cgap_pair_sums other;
    cgap_status status = receive_sums(&other, e, comm, mine->kind, block.first, block.end - block.first, r, error);
    if (status)
      return status;
    cgap_pair_pass_finish(e, &other, columns);
    cgap_pair_sums_clear(&other);
  }
  return CGAP_OK;
}

cgap_status cgap_ranks_add_counts(cgap_audit_sums *e, cgap_comm *comm, cgap_pair_kind kind, cgap_error *error)
{
  const int rank = cgap_comm_rank(comm), size = cgap_comm_size(comm);
  double(*ends)[2] = cgap_alloc((size_t)size, sizeof *ends);
  size_t *place = cgap_alloc((size_t)size + 1, sizeof *place);
  cgap_status status = ends && place ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for %d ranks", size);
  for (int m = 0; !status && cgap_measures[m]; m++)
    if (e->sums[kind][m].counts)
      status = cgap_comm_sum(comm, e->sums[kind][m].counts, cgap_measures[m]->need.counts, CGAP_COMM_U64, error);
  for (int r = 0; !status && r <= size; r++)
    place[r] = (size_t)r * sizeof *ends;
  if (!status) {
    ends[rank][0] = e->least[kind];
    ends[rank][1] = e->greatest[kind];
    status = cgap_comm_gather(comm, ends, place, error);
  }
  for (int r = 0; !status && r < size; r++) {
    e->least[kind] = fmin(e->least[kind], ends[r][0]);
    e->greatest[kind] = fmax(e->greatest[kind], ends[r][1]);
  }
  cgap_free(ends);
  cgap_free(place);
  return status;
}

void cgap_top_k_lists_seed_from_home(cgap_pair_sums *guest, const cgap_pair_sums *home)
{
  const size_t first = guest->first - home->first;
  memcpy(guest->lists.list, home->lists.list + first * CGAP_NEIGHBOURS,
         guest->rows * CGAP_NEIGHBOURS * sizeof *guest->lists.list);
}

static bool list_has(const cgap_neighbour *list, uint32_t row)
{
  for (int k = 0; k < CGAP_NEIGHBOURS; k++)
    if (list[k].row == row)
      return true;
  return false;
}

void cgap_top_k_lists_keep_new(cgap_pair_sums *guest, const cgap_pair_sums *home)
{
  const size_t first = guest->first - home->first;
  for (size_t i = 0; i < guest->rows; i++) {
    cgap_neighbour *list = guest->lists.list + i * CGAP_NEIGHBOURS;
    const cgap_neighbour *known = home->lists.list + (first + i) * CGAP_NEIGHBOURS;
    int kept = 0;
    for (int k = 0; k < CGAP_NEIGHBOURS; k++)
      if (!list_has(known, list[k].row))
        list[kept++] = list[k];
    for (; kept < CGAP_NEIGHBOURS; kept++)
      list[kept] = cgap_neighbour_none();
  }
}

/* ---------------------------------------------------------------- queries */

typedef struct query_pass {
  cgap_audit_sums *evidence;
  cgap_comm *comm;
  cgap_pair_pass_options options;
  bool columns;           /* the queries are texts, else images */
  cgap_row_block queries; /* all of them */
  cgap_pair_sums query_sums, no_sums;
  cgap_error error; /* of what ranks say during a pass */
  cgap_status status;
  cgap_progress progress;
} query_pass;

/* Between tiles: whether another rank has failed. */
static bool queries_poll_and_tick(void *context, const char *phase, double fraction)
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
  a.options.progress = (cgap_progress){.tick = queries_poll_and_tick, .context = &a};
  cgap_status status =
    cgap_sums_init_queries(evidence, a.columns ? 0 : queries->rows, a.columns ? queries->rows : 0, error);
  if (!status)
    status = cgap_pair_sums_init_queries(&a.query_sums, evidence, queries->rows, error);
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
