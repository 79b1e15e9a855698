/* What the module over MPI offers to job.c: operations that start at once and are asked after until they are done.
 * Counts fit an int; job.c cuts what is longer. One thread calls, outside of parallel regions or as their master. */
#ifndef CGAP_COMM_BACKEND_H
#define CGAP_COMM_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

#define CGAP_COMM_MODULE "contragap-mpi.so"
#define CGAP_COMM_SYMBOL "contragap_mpi_backend"

typedef enum cgap_comm_type { CGAP_COMM_U64, CGAP_COMM_F64, CGAP_COMM_F32, CGAP_COMM_TYPES } cgap_comm_type;

typedef struct cgap_comm_place {
  int rank, size;
  int neighbours; /* ranks on this node, this one included */
  char node[256];
  char library[256]; /* "Open MPI v4.1.4" */
} cgap_comm_place;

typedef struct cgap_comm_backend {
  int version; /* CGAP_COMM_VERSION of both sides agree */
  bool (*open)(cgap_comm_place *out);
  void *(*send)(const void *block, int bytes, int to, int tag); /* a request; NULL: failed */
  void *(*receive)(void *block, int bytes, int from, int tag);
  void *(*sum)(void *values, int count, cgap_comm_type type); /* in place, the same on every rank */
  void *(*broadcast)(void *block, int bytes, int from);       /* from one to all */
  /* every rank's `bytes[rank]` to out + first[rank], where one's own may lie already; bytes and first (size) must live
   * until it is done */
  void *(*gather)(const void *mine, void *out, const int *bytes, const int *first);
  int (*test)(void *request);                    /* 1: done and freed; 0: under way; -1: failed and freed */
  bool (*probe)(int *from, int tag, int *bytes); /* whether a message with this tag waits; *from -1: of any rank */
  void (*close)(void);
  void (*abort)(int code); /* ends all ranks; does not return */
} cgap_comm_backend;

enum { CGAP_COMM_VERSION = 2 };

#endif
