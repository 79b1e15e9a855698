/* Messages between ranks at work: failures, sums, gathered blocks, the ring, small messages; and which rows each owns.
 */
#include <sched.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/threads.h"
#include "comm/comm_internal.h"
#include "simd/kernels.h"

int cgap_comm_rank(const cgap_comm *c)
{
  return c ? c->place.rank : 0;
}

int cgap_comm_size(const cgap_comm *c)
{
  return c ? c->place.size : 1;
}

int cgap_comm_neighbours(const cgap_comm *c)
{
  return c ? c->place.neighbours : 1;
}

const char *cgap_comm_node(const cgap_comm *c)
{
  return c ? c->place.node : "";
}

/* ---------------------------------------------------------------- failures */

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

/* ---------------------------------------------------------------- waiting */

void cgap_comm_backoff(unsigned polls)
{
  enum { SPINS = 200, YIELDS = 2000 };
  const struct timespec nap = {.tv_nsec = 50000};
  if (polls > YIELDS)
    (void)nanosleep(&nap, NULL);
  else if (polls > SPINS)
    (void)sched_yield();
}

/* Until the request is done; NULL: it could not be started. */
static cgap_status wait_for_request(cgap_comm *c, void *request, const char *doing, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  if (!request) {
    c->transfer_aborted = true;
    return cgap_fail(error, CGAP_RESOURCE, "%s cannot %s", c->place.library, doing);
  }
  for (unsigned polls = 0; status == CGAP_OK; polls++) {
    const int done = c->backend->test(request);
    if (done > 0)
      return CGAP_OK;
    if (done < 0)
      status = cgap_fail(error, CGAP_RESOURCE, "%s failed to %s", c->place.library, doing);
    else if (polls % 64 == 63)
      status = cgap_comm_check_failure(c, error);
    cgap_comm_backoff(polls);
  }
  c->transfer_aborted = true;
  return status;
}

/* ---------------------------------------------------------------- all ranks */

/* A caller that fails frees its blocks, while MPI may go on with a message that was not completed: collective messages
 * use buffers of this file. */
void cgap_comm_free(const cgap_comm *c, void *block)
{
  if (!c || !c->transfer_aborted)
    cgap_free(block);
}

/* The sum over the ranks of `count` values of `size` bytes, or, where `from` is a rank, what that one has: in messages
 * of at most `most` values. */
static cgap_status exchange_values(cgap_comm *c, char *values, size_t count, size_t size, size_t most, int from,
                                   cgap_comm_type type, cgap_error *error)
{
  cgap_status status = cgap_comm_check_failure(c, error);
  if (!c || status)
    return status;
  const size_t piece = count < most ? count : most;
  char *message = cgap_alloc(piece, size);
  if (!message)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for a message of %zu bytes to all ranks", piece * size);
  for (size_t first = 0; !status && first < count; first += piece) {
    const size_t n = count - first < piece ? count - first : piece;
    memcpy(message, values + first * size, n * size);
    void *request = from < 0 ? c->backend->sum(message, (int)n, type) : c->backend->broadcast(message, (int)n, from);
    status = wait_for_request(c, request, from < 0 ? "add over the ranks" : "send to all ranks", error);
    if (!status)
      memcpy(values + first * size, message, n * size);
  }
  cgap_comm_free(c, message);
  return status;
}

cgap_status cgap_comm_sum(cgap_comm *c, void *values, size_t count, cgap_comm_type type, cgap_error *error)
{
  static const size_t sizes[CGAP_COMM_TYPES] = {sizeof(uint64_t), sizeof(double), sizeof(float)};
  return exchange_values(c, values, count, sizes[type], SUM_VALUES, -1, type, error);
}

cgap_status cgap_comm_broadcast(cgap_comm *c, int from, void *block, size_t bytes, cgap_error *error)
{
  return exchange_values(c, block, bytes, 1, GATHER_BYTES, from, CGAP_COMM_U64, error);
}

/* What rank r still has of [first, end), at most `piece` bytes from `done` on. */
static size_t left_of(const size_t *first, int r, size_t done, size_t piece)
{
  const size_t whole = first[r + 1] - first[r], left = whole > done ? whole - done : 0;
  return cgap_lesser(left, piece);
}

/* A piece of each rank's block, by way of `message`. */
static cgap_status gather_piece(cgap_comm *c, char *block, const size_t *first, size_t done, size_t piece,
                                char *message, int *counts, cgap_error *error)
{
  const int size = c->place.size, rank = c->place.rank;
  int *places = counts + size, total = 0;
  for (int r = 0; r < size; r++) {
    counts[r] = (int)left_of(first, r, done, piece);
    places[r] = total;
    total += counts[r];
  }
  char *mine = message + places[rank];
  if (counts[rank])
    memcpy(mine, block + first[rank] + done, (size_t)counts[rank]);
  cgap_status status =
    wait_for_request(c, c->backend->gather(mine, message, counts, places), "gather from all ranks", error);
  for (int r = 0; status == CGAP_OK && r < size; r++)
    if (r != rank && counts[r])
      memcpy(block + first[r] + done, message + places[r], (size_t)counts[r]);
  return status;
}

cgap_status cgap_comm_gather(cgap_comm *c, void *block, const size_t *first, cgap_error *error)
{
  if (!c)
    return CGAP_OK;
  size_t most = 0;
  for (int r = 0; r < c->place.size; r++)
    most = first[r + 1] - first[r] > most ? first[r + 1] - first[r] : most;
  const size_t size = (size_t)c->place.size, whole = first[size] - first[0];
  const size_t piece = whole <= GATHER_BYTES ? most : cgap_lesser(most, GATHER_BYTES / size);
  cgap_status status = cgap_comm_check_failure(c, error);
  if (status != CGAP_OK || most == 0)
    return status;
  char *message = cgap_alloc(cgap_lesser(whole, piece * size), 1);
  int *counts = cgap_alloc(2 * size, sizeof *counts);
  if (!message || !counts)
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory to gather %zu bytes of each rank", piece);
  for (size_t done = 0; status == CGAP_OK && done < most; done += piece)
    status = gather_piece(c, block, first, done, piece, message, counts, error);
  cgap_comm_free(c, message);
  cgap_comm_free(c, counts);
  return status;
}

/* ---------------------------------------------------------------- the ring */

/* Starts the next piece of each direction where none is under way. false: MPI refused. */
static bool start_pieces(cgap_comm *c, cgap_transfer *t)
{
  if (!t->sending && t->out_left) {
    t->sending = c->backend->send(t->out, (int)cgap_lesser(t->out_left, PIECE_BYTES), t->to, t->tag);
    if (!t->sending)
      return false;
  }
  if (!t->receiving && t->in_left) {
    t->receiving = c->backend->receive(t->in, (int)cgap_lesser(t->in_left, PIECE_BYTES), t->from, t->tag);
    if (!t->receiving)
      return false;
  }
  return true;
}

static int advance_transfer(cgap_comm *c, cgap_transfer *t)
{
  const int sent = t->sending ? c->backend->test(t->sending) : 0;
  const int received = t->receiving ? c->backend->test(t->receiving) : 0;
  if (sent > 0) {
    const size_t n = cgap_lesser(t->out_left, PIECE_BYTES);
    t->sending = NULL;
    t->out += n;
    t->out_left -= n;
  }
  if (received > 0) {
    const size_t n = cgap_lesser(t->in_left, PIECE_BYTES);
    t->receiving = NULL;
    t->in += n;
    t->in_left -= n;
  }
  if (sent < 0 || received < 0 || !start_pieces(c, t))
    return -1;
  return t->out_left == 0 && t->in_left == 0;
}

cgap_status cgap_comm_pass(cgap_comm *c, cgap_transfer *t, int channel, const void *out, size_t out_bytes, int to,
                           void *in, size_t in_bytes, int from, cgap_error *error)
{
  *t = (cgap_transfer){.out = out,
                       .in = in,
                       .out_left = c ? out_bytes : 0,
                       .in_left = c ? in_bytes : 0,
                       .to = to,
                       .from = from,
                       .tag = TAG_PASS + channel};
  if (!c || start_pieces(c, t))
    return CGAP_OK;
  c->transfer_aborted = true;
  return cgap_fail(error, CGAP_RESOURCE, "%s cannot pass a block on", c->place.library);
}

cgap_status cgap_comm_poll(cgap_comm *c, cgap_transfer *t, cgap_error *error)
{
  if (!c)
    return CGAP_OK;
  if (t && advance_transfer(c, t) < 0) {
    c->transfer_aborted = true;
    return cgap_fail(error, CGAP_RESOURCE, "%s failed to pass a block on", c->place.library);
  }
  return cgap_comm_check_failure(c, error);
}

cgap_status cgap_comm_wait(cgap_comm *c, cgap_transfer *t, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (unsigned polls = 0; c && status == CGAP_OK; polls++) {
    const int done = advance_transfer(c, t);
    if (done > 0)
      return CGAP_OK;
    if (done < 0)
      status = cgap_fail(error, CGAP_RESOURCE, "%s failed to pass a block on", c->place.library);
    else if (polls % 64 == 63)
      status = cgap_comm_check_failure(c, error);
    cgap_comm_backoff(polls);
  }
  if (c)
    c->transfer_aborted = true;
  return status;
}

cgap_status cgap_comm_places(cgap_comm *c, size_t mine, size_t *first, cgap_error *error)
{
  const int size = cgap_comm_size(c);
  memset(first, 0, ((size_t)size + 1) * sizeof *first);
  first[cgap_comm_rank(c) + 1] = mine;
  const cgap_status status = cgap_comm_sum(c, first, (size_t)size + 1, CGAP_COMM_U64, error);
  for (int r = 0; r < size; r++)
    first[r + 1] += first[r];
  return status;
}

cgap_status cgap_comm_from_previous(cgap_comm *c, void *block, size_t bytes, cgap_error *error)
{
  const int rank = cgap_comm_rank(c);
  cgap_transfer t;
  const cgap_status status = cgap_comm_pass(c, &t, 0, NULL, 0, 0, block, rank > 0 ? bytes : 0, rank - 1, error);
  return status ? status : cgap_comm_wait(c, &t, error);
}

cgap_status cgap_comm_to_next(cgap_comm *c, void *block, size_t bytes, cgap_error *error)
{
  const int rank = cgap_comm_rank(c), size = cgap_comm_size(c);
  cgap_transfer t;
  cgap_status status = cgap_comm_pass(c, &t, 0, block, rank + 1 < size ? bytes : 0, rank + 1, NULL, 0, 0, error);
  if (!status)
    status = cgap_comm_wait(c, &t, error);
  return status ? status : cgap_comm_broadcast(c, size - 1, block, bytes, error);
}

cgap_status cgap_comm_collect(cgap_comm *c, const void *mine, const size_t *first, size_t size, void *whole,
                              cgap_error *error)
{
  const int rank = cgap_comm_rank(c);
  cgap_transfer t;
  cgap_status status = CGAP_OK;
  if (rank > 0) {
    status = cgap_comm_pass(c, &t, 2, mine, (first[rank + 1] - first[rank]) * size, 0, NULL, 0, 0, error);
    return status ? status : cgap_comm_wait(c, &t, error);
  }
  memcpy(whole, mine, first[1] * size);
  for (int r = 1; !status && r < cgap_comm_size(c); r++) {
    status =
      cgap_comm_pass(c, &t, 2, NULL, 0, 0, (char *)whole + first[r] * size, (first[r + 1] - first[r]) * size, r, error);
    if (!status)
      status = cgap_comm_wait(c, &t, error);
  }
  return status;
}

/* ---------------------------------------------------------------- items for ranks */

enum { BLOCK_ITEMS = 1 << 17 };

/* A block of this rank's items, by the rank that each is for, and what comes from one other rank. */
typedef struct item_block {
  const cgap_comm_items *items;
  size_t *first;       /* (ranks + 1) where those for each rank begin */
  size_t *place, *k;   /* (BLOCK_ITEMS) of those made: where they are in `out`; of those in `out`: which they are */
  int *to;             /* (BLOCK_ITEMS) of those made */
  char *made, *out;    /* (BLOCK_ITEMS, item_bytes) */
  char *in;            /* the same, of another rank */
  char *answer, *back; /* (BLOCK_ITEMS, answer_bytes) to items of another rank, and to those in `out` */
  size_t *counts;      /* of items that go and come */
} item_block;

static bool item_block_init(item_block *b, const cgap_comm_items *items, int size)
{
  *b = (item_block){.items = items,
                    .first = cgap_alloc((size_t)size + 1, sizeof *b->first),
                    .place = cgap_alloc(BLOCK_ITEMS, sizeof *b->place),
                    .k = cgap_alloc(BLOCK_ITEMS, sizeof *b->k),
                    .to = cgap_alloc(BLOCK_ITEMS, sizeof *b->to),
                    .made = cgap_alloc(BLOCK_ITEMS, items->item_bytes),
                    .out = cgap_alloc(BLOCK_ITEMS, items->item_bytes),
                    .in = cgap_alloc(BLOCK_ITEMS, items->item_bytes),
                    .answer = cgap_alloc(BLOCK_ITEMS, items->answer_bytes),
                    .back = cgap_alloc(BLOCK_ITEMS, items->answer_bytes),
                    .counts = cgap_alloc(2, sizeof *b->counts)};
  return b->first && b->place && b->k && b->to && b->made && b->out && b->in && b->answer && b->back && b->counts;
}

static void item_block_clear(item_block *b, const cgap_comm *c)
{
  void *const block[] = {b->first, b->place, b->k, b->to, b->made, b->out, b->in, b->answer, b->back, b->counts};
  for (size_t i = 0; i < sizeof block / sizeof *block; i++)
    cgap_comm_free(c, block[i]);
}

/* Makes items [first, end) and puts them in the order of their ranks. */
static void make_items(item_block *b, int size, size_t first, size_t end)
{
  const cgap_comm_items *items = b->items;
  const size_t bytes = items->item_bytes;
  memset(b->first, 0, ((size_t)size + 1) * sizeof *b->first);
  for (size_t k = first; k < end; k++) {
    const int to = b->to[k - first] = items->make(items->context, k, b->made + (k - first) * bytes);
    if (to >= 0)
      b->place[k - first] = b->first[to + 1]++;
  }
  for (int r = 0; r < size; r++)
    b->first[r + 1] += b->first[r];
  for (size_t k = first; k < end; k++) {
    if (b->to[k - first] < 0)
      continue;
    const size_t at = b->first[b->to[k - first]] + b->place[k - first];
    memcpy(b->out + at * bytes, b->made + (k - first) * bytes, bytes);
    b->k[at] = k;
  }
}

static cgap_status pass_and_wait(cgap_comm *c, const void *out, size_t out_bytes, int to, void *in, size_t in_bytes,
                                 int from, cgap_error *error)
{
  cgap_transfer t;
  const cgap_status status = cgap_comm_pass(c, &t, 3, out, out_bytes, to, in, in_bytes, from, error);
  return status ? status : cgap_comm_wait(c, &t, error);
}

/* The items of the block for the rank `step` after this one, and those of the rank as far before it. */
static cgap_status hand_over_step(item_block *b, cgap_comm *c, int step, cgap_error *error)
{
  const cgap_comm_items *items = b->items;
  const int rank = cgap_comm_rank(c), size = cgap_comm_size(c), to = (rank + step) % size,
            from = (rank + size - step) % size;
  const size_t bytes = items->item_bytes, answer_bytes = items->answered ? items->answer_bytes : 0;
  const char *out = b->out + b->first[to] * bytes;
  char *back = b->back + b->first[to] * items->answer_bytes;
  b->counts[0] = b->first[to + 1] - b->first[to];
  if (step == 0) {
    items->take(items->context, out, b->counts[0], back);
    return CGAP_OK;
  }
  cgap_status status =
    pass_and_wait(c, b->counts, sizeof *b->counts, to, b->counts + 1, sizeof *b->counts, from, error);
  if (!status)
    status = pass_and_wait(c, out, b->counts[0] * bytes, to, b->in, b->counts[1] * bytes, from, error);
  if (status)
    return status;
  items->take(items->context, b->in, b->counts[1], b->answer);
  return pass_and_wait(c, b->answer, b->counts[1] * answer_bytes, from, back, b->counts[0] * answer_bytes, to, error);
}

cgap_status cgap_comm_hand_over(cgap_comm *c, const cgap_comm_items *items, cgap_error *error)
{
  const int size = cgap_comm_size(c);
  item_block b;
  cgap_status status = CGAP_OK;
  if (!item_block_init(&b, items, size))
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for %d items of %zu bytes", BLOCK_ITEMS, items->item_bytes);
  if (!status) /* how many blocks the rank with most items has */
    status = cgap_comm_places(c, items->count, b.first, error);
  size_t most = 0;
  for (int r = 0; !status && r < size; r++)
    most = cgap_greater(most, b.first[r + 1] - b.first[r]);
  for (size_t first = 0; !status && first < most; first += BLOCK_ITEMS) {
    make_items(&b, size, cgap_lesser(first, items->count), cgap_lesser(first + BLOCK_ITEMS, items->count));
    for (int step = 0; !status && step < size; step++)
      status = hand_over_step(&b, c, step, error);
    for (size_t at = 0; !status && items->answered && at < b.first[size]; at++)
      items->answered(items->context, b.k[at], b.back + at * items->answer_bytes);
  }
  item_block_clear(&b, c);
  return status;
}

/* ---------------------------------------------------------------- small messages */

cgap_status cgap_comm_send_small(cgap_comm *c, int to, int tag, const void *block, size_t bytes, cgap_error *error)
{
  if (bytes > PIECE_BYTES)
    return cgap_fail(error, CGAP_RESOURCE, "a message of %zu bytes is too long", bytes);
  char *message = cgap_alloc(bytes, 1);
  if (!message)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for a message of %zu bytes", bytes);
  memcpy(message, block, bytes);
  cgap_status status =
    wait_for_request(c, c->backend->send(message, (int)bytes, to, TAG_SMALL + tag), "send a message", error);
  cgap_comm_free(c, message);
  return status;
}

cgap_status cgap_comm_receive_small(cgap_comm *c, int tag, bool wait, int *from, void **block, size_t *bytes,
                                    cgap_error *error)
{
  int length = 0;
  *block = NULL;
  *bytes = 0;
  *from = -1;
  cgap_status status = cgap_comm_check_failure(c, error);
  for (unsigned polls = 0; status == CGAP_OK && !c->backend->probe(from, TAG_SMALL + tag, &length); polls++) {
    if (!wait)
      return CGAP_OK;
    cgap_comm_backoff(polls);
    if (polls % 64 == 63)
      status = cgap_comm_check_failure(c, error);
  }
  if (status != CGAP_OK)
    return status;
  *block = cgap_alloc((size_t)length + 1, 1);
  if (!*block)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for a message of %d bytes", length);
  ((char *)*block)[length] = '\0';
  *bytes = (size_t)length;
  status = wait_for_request(c, c->backend->receive(*block, length, *from, TAG_SMALL + tag), "receive a message", error);
  if (status != CGAP_OK) /* leaked: MPI may still write there */
    *block = NULL;
  return status;
}

/* ---------------------------------------------------------------- rows of a rank */

cgap_rank_rows cgap_rank_rows_of(size_t rows, int rank, int size)
{
  const size_t tiles = (rows + CGAP_TILE - 1) / CGAP_TILE, r = (size_t)rank, n = (size_t)size;
  const size_t first = tiles * r / n * CGAP_TILE, end = tiles * (r + 1) / n * CGAP_TILE;
  return (cgap_rank_rows){first < rows ? first : rows, end < rows ? end : rows};
}

cgap_rank_rows cgap_rank_rows_own(const cgap_comm *comm, size_t rows)
{
  return cgap_rank_rows_of(rows, cgap_comm_rank(comm), cgap_comm_size(comm));
}

cgap_status cgap_rank_rows_gather_by(cgap_comm *comm, void *block, size_t rows, const size_t *first, size_t size,
                                     cgap_error *error)
{
  const int n = cgap_comm_size(comm);
  if (!comm)
    return CGAP_OK;
  size_t *place = cgap_alloc((size_t)n + 1, sizeof *place);
  if (!place)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %d ranks", n);
  for (int r = 0; r <= n; r++) {
    const size_t row = r < n ? cgap_rank_rows_of(rows, r, n).first : rows;
    place[r] = (first ? first[row] : row) * size;
  }
  cgap_status status = cgap_comm_gather(comm, block, place, error);
  cgap_free(place);
  return status;
}

cgap_status cgap_rank_rows_gather(cgap_comm *comm, void *block, size_t rows, size_t size, cgap_error *error)
{
  return cgap_rank_rows_gather_by(comm, block, rows, NULL, size, error);
}
