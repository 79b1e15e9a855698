/* What comm.c, exchange.c and comm_finish.c share. */
#ifndef CGAP_COMM_INTERNAL_H
#define CGAP_COMM_INTERNAL_H

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
  bool raised; /* the others know of our own failure */
  bool told;   /* `first` is what another rank said */
  bool broken; /* a message was left in the middle */
  failure first, own;
  void **notice;           /* (size) requests of the notices under way */
  bool *heard;             /* (size) whose end rank 0 knows of */
  char (*node)[NODE_NAME]; /* (size) where each rank is */
};

/* A failure that came in becomes CGAP_OK's opposite here; looks for one. */
CGAP_MUST_CHECK cgap_status cgap_comm_listen(cgap_comm *c, cgap_error *error);

/* Until the request is done; NULL: it could not be started. */
CGAP_MUST_CHECK cgap_status cgap_comm_until(cgap_comm *c, void *request, const char *doing, cgap_error *error);

double cgap_comm_seconds(void);

#endif
