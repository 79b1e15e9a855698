/* For the files of comm alone: the operations of the module over MPI, and a rank with the failures it knows of. */
#ifndef CGAP_COMM_INTERNAL_H
#define CGAP_COMM_INTERNAL_H

#include "comm/comm.h"

/* What the module over MPI offers to exchange.c: operations that are started, then tested until they are
 * done.
 * Counts fit an int; exchange.c cuts what is longer. One thread calls, outside of parallel regions or as their master.
 */

#define CGAP_COMM_MODULE "contragap-mpi.so"
#define CGAP_COMM_SYMBOL "contragap_mpi_backend"

typedef struct cgap_comm_place {
  int rank, size;
  int neighbours; /* ranks on this node, this one included */
  char node[256];
  char library[256]; /* "Open MPI v4.1.4" */
} cgap_comm_place;

typedef struct cgap_comm_backend {
  int version; /* CGAP_COMM_VERSION when the module was built */
  bool (*open)(cgap_comm_place *out);
  void *(*send)(const void *block, int bytes, int to, int tag); /* a request; NULL: failed */
  void *(*receive)(void *block, int bytes, int from, int tag);
  void *(*sum)(void *values, int count, cgap_comm_type type); /* in place, the same on every rank */
  void *(*broadcast)(void *block, int bytes, int from);       /* from one to all */
  /* every rank's `bytes[rank]` to out + first[rank]; this rank's may be there already. bytes and first (size) are
   * needed until it is done */
  void *(*gather)(const void *mine, void *out, const int *bytes, const int *first);
  int (*test)(void *request);                    /* 1: done and freed; 0: under way; -1: failed and freed */
  bool (*probe)(int *from, int tag, int *bytes); /* whether a message with this tag waits; *from -1: of any rank */
  void (*close)(void);
  void (*abort)(int code); /* ends all ranks; does not return */
} cgap_comm_backend;

enum { CGAP_COMM_VERSION = 2 };

/* ---------------------------------------------------------------- a rank */

enum { TAG_PASS = 80, TAG_FAILURE = TAG_PASS + CGAP_CHANNELS, TAG_DONE, TAG_VERDICT, TAG_SMALL = 100 };
enum { PIECE_BYTES = 1 << 30, GATHER_BYTES = 1 << 24, SUM_VALUES = 1 << 21 }; /* of one message; of those to all */

enum { NODE_NAME = sizeof((cgap_comm_place *)NULL)->node };

/* The report of a rank that failed; sent byte by byte. */
typedef struct failure {
  int rank, status;
  char node[256];
  char message[2000];
} failure;

struct cgap_comm {
  const cgap_comm_backend *backend;
  cgap_comm_place place;
  void *module;
  bool (*stop)(void *context);
  void *stop_context;
  unsigned polls;
  bool reported;         /* the others know of the failure of this rank */
  bool failed_elsewhere; /* `first` is what another rank reported */
  bool transfer_aborted; /* a message was not completed */
  failure first, own;
  void **failure_send;     /* (size) requests of the reports that are being sent */
  bool *ended;             /* (size) ranks that have told rank 0 how they ended */
  char (*node)[NODE_NAME]; /* (size) where each rank is */
};

/* Checks whether another rank has reported a failure; returns it as an error. A NULL comm has none. */
CGAP_MUST_CHECK cgap_status cgap_comm_check_failure(cgap_comm *c, cgap_error *error);

/* Receives a report that has arrived, if any, into c->first. */
void cgap_comm_receive_failure(cgap_comm *c);

/* What this rank reports: its place and its error (CGAP_OK: none). */
void cgap_failure_fill(failure *f, const cgap_comm *c, const cgap_error *error);

/* The error that a report of another rank becomes here. */
cgap_status cgap_failure_to_error(const failure *f, cgap_error *error);

#endif
