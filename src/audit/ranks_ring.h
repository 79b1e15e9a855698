/* The tile pass of several ranks. Each has a block of rows of both sides; blocks of one side go round a ring, with what
 * has been gathered about their rows, and meet the blocks that stay at home. */
#ifndef CGAP_ENGINE_RING_H
#define CGAP_ENGINE_RING_H

#include "audit/pair_pass.h"
#include "rows/embeddings.h"

/* Room for rows that visit, kept from one pass to the next; {0} at first. */
typedef struct cgap_visitors {
  unsigned char *raw[2];
  float *unit;
  size_t raw_bytes[2], unit_bytes;
} cgap_visitors;
void cgap_visitors_clear(cgap_visitors *v);

/* As cgap_tiles_run, on every rank; rank 0 ends with all of it, the others with the counts of the pass. Embeddings are
 * shared (cgap_embeddings_share). memory_bytes: what this rank may use for rows that are not its own. */
CGAP_MUST_CHECK cgap_status cgap_ring_run(cgap_evidence *evidence, const cgap_embeddings *e, cgap_comm *ranks,
                                          cgap_couples kind, const cgap_tile_options *options, cgap_visitors *room,
                                          uint64_t memory_bytes, cgap_error *error);

/* Bytes of a row that visits, of a side of this type. */
size_t cgap_ring_row_bytes(cgap_type type, size_t dim);

#endif
