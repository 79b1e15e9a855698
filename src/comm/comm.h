/* Ranks: several processes that do one job. A NULL comm is a process alone, and every function accepts it: sums stay as
 * they are, blocks are gathered already.
 *
 * All ranks call the collective functions in the same order. A rank that fails reports it to the others by
 * cgap_comm_report_failure; a rank that waits then stops waiting and fails with that report, and every rank does so at
 * its next call: none hangs. */
#ifndef CGAP_COMM_COMM_H
#define CGAP_COMM_COMM_H

#include "contragap/contragap.h"

int cgap_comm_neighbours(const cgap_comm *comm); /* ranks on this node, this one included */
const char *cgap_comm_node(const cgap_comm *comm);

/* From the environment that launchers set, before MPI is started: as how many processes this program was started (0:
 * not known), and which of them this is. */
int cgap_comm_launched(void);
int cgap_comm_launched_as(void);

typedef enum cgap_comm_type { CGAP_COMM_U64, CGAP_COMM_F64, CGAP_COMM_F32, CGAP_COMM_TYPES } cgap_comm_type;

/* values (count) become their sums over the ranks, on every rank. Sums of integers are exact; those of floats are the
 * same on all ranks, but depend on how many ranks there are. */
CGAP_MUST_CHECK cgap_status cgap_comm_sum(cgap_comm *comm, void *values, size_t count, cgap_comm_type type,
                                          cgap_error *error);

/* Rank r has bytes [first[r], first[r + 1]) of block; afterwards every rank has them all. */
CGAP_MUST_CHECK cgap_status cgap_comm_gather(cgap_comm *comm, void *block, const size_t *first, cgap_error *error);

/* `bytes` bytes of rank `from` to all. */
CGAP_MUST_CHECK cgap_status cgap_comm_broadcast(cgap_comm *comm, int from, void *block, size_t bytes,
                                                cgap_error *error);

/* Ring exchange: one block is sent to a rank while another is received; both belong to the transfer until
 * cgap_comm_wait. It progresses in cgap_comm_poll. Either block may have 0 bytes. Each of several transfers at the same
 * time has its own channel, below CGAP_CHANNELS. */
typedef struct cgap_transfer {
  const char *out;
  char *in;
  size_t out_left, in_left;
  int to, from, tag;
  void *sending, *receiving;
} cgap_transfer;
enum { CGAP_CHANNELS = 4 };
CGAP_MUST_CHECK cgap_status cgap_comm_pass(cgap_comm *comm, cgap_transfer *t, int channel, const void *out,
                                           size_t out_bytes, int to, void *in, size_t in_bytes, int from,
                                           cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_comm_wait(cgap_comm *comm, cgap_transfer *t, cgap_error *error);

/* Advances a transfer (NULL: none) and checks whether a rank has failed; cheap enough to be called after every tile. */
CGAP_MUST_CHECK cgap_status cgap_comm_poll(cgap_comm *comm, cgap_transfer *t, cgap_error *error);

/* Small messages: a block to one rank, which receives it when it asks for one. tag 0 … 9. */
CGAP_MUST_CHECK cgap_status cgap_comm_send_small(cgap_comm *comm, int to, int tag, const void *block, size_t bytes,
                                                 cgap_error *error);
/* *block (cgap_free) is NULL where no message has arrived, unless `wait`. *from: its sender. */
CGAP_MUST_CHECK cgap_status cgap_comm_receive_small(cgap_comm *comm, int tag, bool wait, int *from, void **block,
                                                    size_t *bytes, cgap_error *error);

/* Waits after the polls-th poll that found nothing: at first not at all, then one turn of the scheduler, then 50 µs. */
void cgap_comm_backoff(unsigned polls);

/* Items of which each is for one rank: ranks hand them over in blocks, so that none holds more than a few MB of
 * others'. */
typedef struct cgap_comm_items {
  size_t count; /* items of this rank */
  size_t item_bytes, answer_bytes;
  void *context;
  int (*make)(void *context, size_t k, void *item); /* returns the rank that item k is for; -1: it is for none */
  void (*take)(void *context, const void *items, size_t count, void *answers); /* those of one rank, in its order */
  void (*answered)(void *context, size_t k, const void *answer);               /* NULL: no answers go back */
} cgap_comm_items;

/* Every item is made and taken once; blocks come from ranks in any order. */
CGAP_MUST_CHECK cgap_status cgap_comm_hand_over(cgap_comm *comm, const cgap_comm_items *items, cgap_error *error);

/* first (ranks + 1): the sums of `mine` over the ranks before each, and over all. */
CGAP_MUST_CHECK cgap_status cgap_comm_places(cgap_comm *comm, size_t mine, size_t *first, cgap_error *error);

/* What goes from rank to rank in their order: a block from the rank before this one, which rank 0 leaves as it is, and
 * on to the next one; every rank ends with the last one's. */
CGAP_MUST_CHECK cgap_status cgap_comm_from_previous(cgap_comm *comm, void *block, size_t bytes, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_comm_to_next(cgap_comm *comm, void *block, size_t bytes, cgap_error *error);

/* Rank 0 gets in whole (first[ranks], size) what rank r has in mine (first[r + 1] − first[r], size); the others give
 * NULL. */
CGAP_MUST_CHECK cgap_status cgap_comm_collect(cgap_comm *comm, const void *mine, const size_t *first, size_t size,
                                              void *whole, cgap_error *error);

/* Frees a block that a transfer used. After an aborted transfer blocks are leaked on purpose: MPI may still use them.
 */
void cgap_comm_free(const cgap_comm *comm, void *block);

/* Reports to all other ranks that this one has failed: once, and only if the failure was not reported by another. */
void cgap_comm_report_failure(cgap_comm *comm, const cgap_error *error);

/* ---------------------------------------------------------------- rows of a rank */

/* The rows that a rank owns: a run of whole tiles, as even as can be. A process alone owns all. */
typedef struct cgap_rank_rows {
  size_t first, end;
} cgap_rank_rows;

cgap_rank_rows cgap_rank_rows_of(size_t rows, int rank, int size);
cgap_rank_rows cgap_rank_rows_own(const cgap_comm *comm, size_t rows); /* of this rank */

/* block (rows, size bytes): every rank has filled its own rows, and gets all. */
CGAP_MUST_CHECK cgap_status cgap_rank_rows_gather(cgap_comm *comm, void *block, size_t rows, size_t size,
                                                  cgap_error *error);

/* The same where rank r's part is [first[row], first[end row)) of the block, first (rows + 1) counting elements. */
CGAP_MUST_CHECK cgap_status cgap_rank_rows_gather_by(cgap_comm *comm, void *block, size_t rows, const size_t *first,
                                                     size_t size, cgap_error *error);

#endif
