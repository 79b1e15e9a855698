/* Ranks: several processes that work on one thing. A NULL comm is a process alone, and every function takes it: sums
 * are what they were, blocks are gathered already.
 *
 * All ranks call the collective functions in the same order. One that fails tells the others by
 * cgap_comm_report_failure; whoever waits then stops waiting and fails with what it was told, and so does every rank at
 * the next call: none hangs. */
#ifndef CGAP_COMM_COMM_H
#define CGAP_COMM_COMM_H

#include "contragap/contragap.h"

int cgap_comm_neighbours(const cgap_comm *comm); /* ranks on this node, this one included */
const char *cgap_comm_node(const cgap_comm *comm);

/* What launchers say in the environment, before any MPI: as how many processes this program was started (0: nothing),
 * and which of them this is. */
int cgap_comm_launched(void);
int cgap_comm_launched_as(void);

typedef enum cgap_comm_type { CGAP_COMM_U64, CGAP_COMM_F64, CGAP_COMM_F32, CGAP_COMM_TYPES } cgap_comm_type;

/* values (count) become their sums over the ranks, on every rank. Integers are exact; floats are the same on all ranks,
 * but not for any number of them. */
CGAP_MUST_CHECK cgap_status cgap_comm_sum(cgap_comm *comm, void *values, size_t count, cgap_comm_type type,
                                          cgap_error *error);

/* Rank r has bytes [first[r], first[r + 1]) of block; afterwards every rank has them all. */
CGAP_MUST_CHECK cgap_status cgap_comm_gather(cgap_comm *comm, void *block, const size_t *first, cgap_error *error);

/* `bytes` bytes of rank `from` to all. */
CGAP_MUST_CHECK cgap_status cgap_comm_broadcast(cgap_comm *comm, int from, void *block, size_t bytes,
                                                cgap_error *error);

/* Ring exchange: one block goes out to a rank while another comes in; both belong to the transfer until
 * cgap_comm_wait. Moves on in cgap_comm_poll. Any of the two may have 0 bytes. Transfers under way at a time have
 * channels of their own, below CGAP_CHANNELS. */
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

/* Moves a transfer on (NULL: none) and listens whether a rank has failed; cheap, for between two tiles of work. */
CGAP_MUST_CHECK cgap_status cgap_comm_poll(cgap_comm *comm, cgap_transfer *t, cgap_error *error);

/* Letters: a small block to one rank, taken whenever that one looks. tag 0 … 9. */
CGAP_MUST_CHECK cgap_status cgap_comm_send_small(cgap_comm *comm, int to, int tag, const void *block, size_t bytes,
                                                 cgap_error *error);
/* *block (cgap_free) is NULL where no letter waits; wait: until one has come. *from: whose. */
CGAP_MUST_CHECK cgap_status cgap_comm_receive_small(cgap_comm *comm, int tag, bool wait, int *from, void **block,
                                                    size_t *bytes, cgap_error *error);

/* Between two looks for letters, the polls-th in vain: at once, then after others had the processor, then in sleep. */
void cgap_comm_backoff(unsigned polls);

/* Frees a block that a transfer used; one that may still be in use, since a message was left in the middle, stays. */
void cgap_comm_free(const cgap_comm *comm, void *block);

/* Tells all others that this rank has failed. Once; nothing where the failure is one that it was told of. */
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
