/* A rank among others, and how it hears and tells of failures. */
#ifndef CGAP_COMM_FAILURE_H
#define CGAP_COMM_FAILURE_H

#include "comm/comm.h"

enum { TAG_PASS = 80, TAG_FAILURE = TAG_PASS + CGAP_CHANNELS, TAG_DONE, TAG_VERDICT, TAG_LETTER = 100 };
enum { PIECE_BYTES = 1 << 30, GATHER_BYTES = 1 << 24, SUM_VALUES = 1 << 21 }; /* of one message; of those to all */

enum { NODE_NAME = sizeof((cgap_comm_place *)NULL)->node };

/* What a rank that failed tells the others; sent as it is. */
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
  bool reported;         /* the others know of our own failure */
  bool failed_elsewhere; /* `first` is what another rank said */
  bool transfer_aborted; /* a message was left in the middle */
  failure first, own;
  void **failure_send;     /* (size) requests of the notices under way */
  bool *ended;             /* (size) whose end rank 0 knows of */
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
