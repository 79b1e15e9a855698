/* The one file that knows mpi.h: a module of its own, loaded by job.c if the program was started as several
 * ranks, so that a single process does not pay for the start of an MPI library. */
#include <mpi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/comm_internal.h"

extern const cgap_comm_backend contragap_mpi_backend;

static MPI_Comm world = MPI_COMM_NULL; /* a copy, so that messages of other users of MPI are kept apart */

static bool find_neighbours(int *out)
{
  MPI_Comm node;
  if (MPI_Comm_split_type(world, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node) != MPI_SUCCESS)
    return false;
  const bool ok = MPI_Comm_size(node, out) == MPI_SUCCESS;
  return MPI_Comm_free(&node) == MPI_SUCCESS && ok;
}

static bool open_mpi(cgap_comm_place *out)
{
  int there = 0, level = 0, length = 0;
  char library[MPI_MAX_LIBRARY_VERSION_STRING], node[MPI_MAX_PROCESSOR_NAME];
  if (MPI_Initialized(&there) != MPI_SUCCESS)
    return false;
  if (!there && MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level) != MPI_SUCCESS)
    return false;
  if (MPI_Comm_dup(MPI_COMM_WORLD, &world) != MPI_SUCCESS ||
      MPI_Comm_set_errhandler(world, MPI_ERRORS_RETURN) != MPI_SUCCESS ||
      MPI_Comm_rank(world, &out->rank) != MPI_SUCCESS || MPI_Comm_size(world, &out->size) != MPI_SUCCESS ||
      MPI_Get_processor_name(node, &length) != MPI_SUCCESS || !find_neighbours(&out->neighbours))
    return false;
  snprintf(out->node, sizeof out->node, "%s", node);
  if (MPI_Get_library_version(library, &length) == MPI_SUCCESS)
    snprintf(out->library, sizeof out->library, "%.*s", (int)strcspn(library, ",\n"), library);
  return true;
}

static void *request_of(int code, MPI_Request request)
{
  MPI_Request *own = code == MPI_SUCCESS ? malloc(sizeof *own) : NULL;
  if (own)
    *own = request;
  return own;
}

static void *send_block(const void *block, int bytes, int to, int tag)
{
  MPI_Request request = MPI_REQUEST_NULL;
  const int code = MPI_Isend(block, bytes, MPI_BYTE, to, tag, world, &request);
  return request_of(code, request);
}

static void *receive_block(void *block, int bytes, int from, int tag)
{
  MPI_Request request = MPI_REQUEST_NULL;
  const int code = MPI_Irecv(block, bytes, MPI_BYTE, from, tag, world, &request);
  return request_of(code, request);
}

static void *sum_values(void *values, int count, cgap_comm_type type)
{
  MPI_Datatype kind = type == CGAP_COMM_U64 ? MPI_UINT64_T : type == CGAP_COMM_F64 ? MPI_DOUBLE : MPI_FLOAT;
  MPI_Request request = MPI_REQUEST_NULL;
  const int code = MPI_Iallreduce(MPI_IN_PLACE, values, count, kind, MPI_SUM, world, &request);
  return request_of(code, request);
}

static void *broadcast_block(void *block, int bytes, int from)
{
  MPI_Request request = MPI_REQUEST_NULL;
  const int code = MPI_Ibcast(block, bytes, MPI_BYTE, from, world, &request);
  return request_of(code, request);
}

static void *gather_blocks(const void *mine, void *out, const int *bytes, const int *first)
{
  MPI_Request request = MPI_REQUEST_NULL;
  int rank = 0;
  if (MPI_Comm_rank(world, &rank) != MPI_SUCCESS)
    return NULL;
  const void *send = mine == (char *)out + first[rank] ? MPI_IN_PLACE : mine;
  const int code = MPI_Iallgatherv(send, bytes[rank], MPI_BYTE, out, bytes, first, MPI_BYTE, world, &request);
  return request_of(code, request);
}

static int test_request(void *request)
{
  int done = 0;
  const int code = MPI_Test(request, &done, MPI_STATUS_IGNORE);
  if (code == MPI_SUCCESS && !done)
    return 0;
  free(request);
  return code == MPI_SUCCESS ? 1 : -1;
}

static bool probe_message(int *from, int tag, int *bytes)
{
  int there = 0;
  MPI_Status status;
  if (MPI_Iprobe(*from < 0 ? MPI_ANY_SOURCE : *from, tag, world, &there, &status) != MPI_SUCCESS || !there)
    return false;
  *from = status.MPI_SOURCE;
  return MPI_Get_count(&status, MPI_BYTE, bytes) == MPI_SUCCESS;
}

static void close_mpi(void)
{
  (void)MPI_Comm_free(&world);
  (void)MPI_Finalize();
}

static void abort_mpi(int code)
{
  (void)MPI_Abort(MPI_COMM_WORLD, code);
  exit(code);
}

__attribute__((visibility("default"))) const cgap_comm_backend contragap_mpi_backend = {
  .version = CGAP_COMM_VERSION,
  .open = open_mpi,
  .send = send_block,
  .receive = receive_block,
  .sum = sum_values,
  .broadcast = broadcast_block,
  .gather = gather_blocks,
  .test = test_request,
  .probe = probe_message,
  .close = close_mpi,
  .abort = abort_mpi,
};
