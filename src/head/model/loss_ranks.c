#include "head/model/loss_ranks.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

static cgap_own own_of(size_t blocks, int rank, int size)
{
  return (cgap_own){blocks * (size_t)rank / (size_t)size, blocks * ((size_t)rank + 1) / (size_t)size};
}

cgap_own cgap_loss_own(const cgap_loss *l, size_t blocks)
{
  return own_of(blocks, cgap_comm_rank(l->ranks), cgap_comm_size(l->ranks));
}

void cgap_loss_sum(cgap_loss *l, double *values, size_t count)
{
  if (!l->status)
    l->status = cgap_comm_sum(l->ranks, values, count, CGAP_COMM_F64, &l->error);
}

void cgap_loss_sum_rows(cgap_loss *l, float *values, size_t count)
{
  if (!l->status)
    l->status = cgap_comm_sum(l->ranks, values, count, CGAP_COMM_F32, &l->error);
}

/* What each rank found of the columns of its rows: (ranks, texts), joined in the order of the ranks. */
static void join_columns(cgap_loss *l, size_t texts, double scale, size_t *place)
{
  const size_t size = (size_t)cgap_comm_size(l->ranks), rank = (size_t)cgap_comm_rank(l->ranks);
  cgap_running *all = cgap_alloc(size * texts, sizeof *all);
  if (!all) {
    l->status = cgap_fail(&l->error, CGAP_RESOURCE, "out of memory for a batch of %zu texts", texts);
    return;
  }
  for (size_t r = 0; r <= size; r++)
    place[r] = r * texts * sizeof *all;
  memcpy(all + rank * texts, l->column, texts * sizeof *all);
  l->status = cgap_comm_gather(l->ranks, all, place, &l->error);
  for (size_t j = 0; j < texts; j++) {
    cgap_running total = {.greatest = -INFINITY};
    for (size_t r = 0; r < size; r++)
      cgap_running_merge(&total, all[r * texts + j].greatest, all[r * texts + j].sum, scale);
    l->column[j] = total;
  }
  if (l->status == CGAP_OK)
    cgap_free(all);
}

void cgap_loss_join_forward(cgap_loss *l, const cgap_cross *x, size_t height, size_t blocks, double *sum)
{
  const size_t images = x->couples->images;
  const int size = cgap_comm_size(l->ranks);
  if (!l->ranks || l->status)
    return;
  size_t *place = cgap_alloc(2 * ((size_t)size + 1), sizeof *place), *couple = place ? place + size + 1 : NULL;
  if (!place) {
    l->status = cgap_fail(&l->error, CGAP_RESOURCE, "out of memory for %d ranks", size);
    return;
  }
  for (int r = 0; r <= size; r++) {
    const size_t row = r < size ? cgap_lesser(own_of(blocks, r, size).begin * height, images) : images;
    place[r] = row * sizeof *l->row;
    couple[r] = x->couples->image_first[row] * sizeof *l->positive;
  }
  cgap_loss_sum(l, sum, 1);
  if (!l->status)
    l->status = cgap_comm_gather(l->ranks, l->row, place, &l->error);
  if (!l->status)
    l->status = cgap_comm_gather(l->ranks, l->positive, couple, &l->error);
  if (!l->status)
    join_columns(l, x->couples->texts, 1.0 / x->temperature, place);
  cgap_free(place);
}

static void scale_rows(float *gradient, size_t count, float scale)
{
  for (size_t k = 0; k < count; k++)
    gradient[k] = scale != 0 ? gradient[k] * scale : 0;
}

void cgap_loss_scale_others(const cgap_loss *l, const cgap_cross *x, size_t height, size_t blocks,
                            const cgap_pulled *out)
{
  const cgap_own own = cgap_loss_own(l, blocks);
  const size_t images = x->couples->images, begin = cgap_lesser(own.begin * height, images);
  const size_t end = cgap_lesser(own.end * height, images);
  if (!l->ranks)
    return;
  scale_rows(out->gradient[0], begin * l->dim, out->scale[0]);
  scale_rows(out->gradient[0] + end * l->dim, (images - end) * l->dim, out->scale[0]);
  if (own.begin == own.end)
    scale_rows(out->gradient[1], x->couples->texts * l->dim, out->scale[1]);
}
