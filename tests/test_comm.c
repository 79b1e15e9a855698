/* What is left in the middle of a message when a rank stops: nothing of its caller's is still written to. */
#include "base/memory.h"
#include "comm/comm_internal.h"

#include <criterion/criterion.h>
#include <string.h>

enum { BYTES = 96, RANKS = 3, MINE = 1 };

/* A backend whose messages go out or come in much too late. */
static struct {
  char *block;
  size_t bytes;
  void *counts; /* of a gather */
  int request;
} late;

static void *keep(const void *block, size_t bytes)
{
  late.block = (char *)block; /* as MPI would */
  late.bytes = bytes;
  return &late.request;
}

static void *late_send(const void *block, int bytes, int to, int tag)
{
  (void)to, (void)tag;
  return keep(block, (size_t)bytes);
}

static void *late_receive(void *block, int bytes, int from, int tag)
{
  (void)from, (void)tag;
  return keep(block, (size_t)bytes);
}

static void *late_sum(void *values, int count, cgap_comm_type type)
{
  return keep(values, (size_t)count * (type == CGAP_COMM_F32 ? 4 : 8));
}

static void *late_share(void *block, int bytes, int from)
{
  (void)from;
  return keep(block, (size_t)bytes);
}

static void *late_gather(const void *mine, void *out, const int *bytes, const int *first)
{
  (void)mine;
  late.counts = (void *)bytes;
  return keep(out, (size_t)(first[RANKS - 1] + bytes[RANKS - 1]));
}

static int late_test(void *request)
{
  (void)request;
  return 0;
}

static bool late_probe(int *from, int tag, int *bytes)
{
  *from = 0;
  *bytes = BYTES;
  return tag >= TAG_SMALL;
}

static const cgap_comm_backend backend = {.version = CGAP_COMM_VERSION,
                                          .send = late_send,
                                          .receive = late_receive,
                                          .sum = late_sum,
                                          .broadcast = late_share,
                                          .gather = late_gather,
                                          .test = late_test,
                                          .probe = late_probe};

static bool stop(void *context)
{
  return ++*(int *)context > 1; /* not at once: the message is on its way */
}

/* The message comes after all, when its caller's block has another owner. */
static void comes_late(const char *block)
{
  memset(late.block, 7, late.bytes);
  for (size_t k = 0; k < BYTES; k++)
    cr_assert_eq(block[k], 1, "byte %zu was written to", k);
  cgap_free(late.block); /* it has no other owner */
  cgap_free(late.counts);
  late.counts = NULL;
}

static cgap_comm stopping(int *asked)
{
  *asked = 0;
  return (cgap_comm){.backend = &backend, .place = {.rank = MINE, .size = RANKS}, .stop = stop, .stop_context = asked};
}

Test(comm, nothing_of_a_caller_is_written_to_later)
{
  static const size_t first[RANKS + 1] = {0, BYTES / 3, 2 * BYTES / 3, BYTES};
  char block[BYTES];
  int asked;
  memset(block, 1, sizeof block);
  cgap_comm c = stopping(&asked);
  cr_expect_eq(cgap_comm_gather(&c, block, first, NULL), CGAP_INTERRUPTED);
  cr_expect(c.transfer_aborted);
  comes_late(block);
  for (int type = 0; type < CGAP_COMM_TYPES; type++) {
    c = stopping(&asked);
    const size_t count = BYTES / (type == CGAP_COMM_F32 ? 4 : 8);
    cr_expect_eq(cgap_comm_sum(&c, block, count, (cgap_comm_type)type, NULL), CGAP_INTERRUPTED);
    comes_late(block);
  }
  c = stopping(&asked);
  cr_expect_eq(cgap_comm_broadcast(&c, 0, block, BYTES, NULL), CGAP_INTERRUPTED);
  comes_late(block);
  c = stopping(&asked);
  asked = 1; /* a letter is posted before anybody is asked */
  cr_expect_eq(cgap_comm_send_small(&c, 0, 0, block, BYTES, NULL), CGAP_INTERRUPTED);
  comes_late(block);
}

Test(comm, a_letter_that_did_not_come_is_nobodys)
{
  int asked, from;
  size_t bytes;
  void *letter;
  cgap_comm c = stopping(&asked);
  cr_expect_eq(cgap_comm_receive_small(&c, 0, true, &from, &letter, &bytes, NULL), CGAP_INTERRUPTED);
  cr_expect_null(letter);
  memset(late.block, 7, late.bytes); /* still there to be written to */
  cgap_comm_free(&c, late.block);
  memset(late.block, 7, late.bytes);
  c.transfer_aborted = false;
  cgap_comm_free(&c, late.block);
}
