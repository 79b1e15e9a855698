/* What ranks gathered in a pass, brought together. */
#ifndef CGAP_ENGINE_BRING_H
#define CGAP_ENGINE_BRING_H

#include "audit/pair_sums.h"
#include "comm/comm.h"

/* Totals of each rank's block of a side of `rows` rows, to rank 0, which writes them where they belong: as
 * cgap_tiles_finish does. */
CGAP_MUST_CHECK cgap_status cgap_bring_totals(cgap_evidence *e, cgap_comm *ranks, const cgap_totals *mine, size_t rows,
                                              bool columns, cgap_error *error);

/* Every rank's totals of the same rows, added up on rank 0, pair by pair. */
CGAP_MUST_CHECK cgap_status cgap_bring_sum(const cgap_evidence *e, cgap_comm *ranks, cgap_totals *mine,
                                           cgap_error *error);

/* Counts of a whole pass, least and greatest, on every rank. */
CGAP_MUST_CHECK cgap_status cgap_bring_counts(cgap_evidence *e, cgap_comm *ranks, cgap_couples kind, cgap_error *error);

/* Rows that travel take the ten best known at home along, so that no worse ones are noted on the way: guest is of some
 * of home's rows, and without lists so far. On their return guest keeps what home does not have. */
void cgap_lists_lend(cgap_totals *guest, const cgap_totals *home);
void cgap_lists_return(cgap_totals *guest, const cgap_totals *home);

#endif
