/* A batch shared out over ranks: each sweeps its own row blocks against all columns, and what they find is joined. A
 * rank that hears of a failure notes it in the loss; the rest of the step is then without meaning. */
#ifndef CGAP_HEAD_LOSS_RANKS_H
#define CGAP_HEAD_LOSS_RANKS_H

#include "head/model/loss_tiles.h"

/* Blocks of this rank, [begin, end) of `blocks`; alone: all. */
typedef struct cgap_own {
  size_t begin, end;
} cgap_own;
cgap_own cgap_loss_own(const cgap_loss *loss, size_t blocks);

/* After the forward sweep over blocks of `height` rows: rows, columns, positives and *sum of all ranks. */
void cgap_loss_join_forward(cgap_loss *loss, const cgap_cross *cross, size_t height, size_t blocks, double *sum);

/* Before the backward sweep: rows that are not this rank's take scale·gradient; where it has none, the columns too. */
void cgap_loss_scale_others(const cgap_loss *loss, const cgap_cross *cross, size_t height, size_t blocks,
                            const cgap_pulled *out);

/* Sums over ranks, in place. */
void cgap_loss_sum(cgap_loss *loss, double *values, size_t count);
void cgap_loss_sum_rows(cgap_loss *loss, float *values, size_t count);

#endif
