/* Sweeps over tiles. A panel is CGAP_LOSS_TILE columns; its row blocks are shared out in groups, each a
 * task with a slot for what it adds to the panel's columns; the slots are merged in order. Rows are
 * written by the one task that has them, panel after panel. */
#include "head/model/loss_tiles.h"

#include "base/memory.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "simd/gemm.h"

enum {
  TILE = CGAP_LOSS_TILE,
  TILE_HEIGHT_MIN = 32,
  PARALLEL_FROM = 1 << 19 /* multiplications of a product that are worth a second thread */
};

typedef struct tile {
  size_t row, rows, column, columns, ld;
  float *s;
} tile;

static size_t blocks_of(size_t rows, size_t height)
{
  return (rows + height - 1) / height;
}

static size_t tile_extent(size_t block, size_t rows, size_t height)
{
  return rows - block * height < height ? rows - block * height : height;
}

/* Rows of a block of the cross sweep: small batches are cut as well, so that two threads have work. */
static size_t height_of(size_t rows)
{
  size_t height = TILE;
  while (height > TILE_HEIGHT_MIN && 2 * height > rows)
    height /= 2;
  return height;
}

static size_t groups_of(size_t blocks)
{
  return blocks < CGAP_LOSS_GROUPS ? blocks : CGAP_LOSS_GROUPS;
}

static float mask_of(double temperature)
{
  return -200.0f * (float)fmax(1.0, temperature);
}

static void compute_cosines(const tile *t, const float *a, const float *b, size_t dim)
{
  const cgap_operand rows = {a + t->row * dim, dim, false}, columns = {b + t->column * dim, dim, true};
  cgap_sgemm(t->rows, t->columns, dim, rows, columns, 0, t->s, t->ld);
}

/* out (rows of the tile, dim) = β·out + s·b, and its transposed counterpart. */
static void pull_rows(const tile *t, const float *b, size_t dim, float beta, float *out)
{
  const cgap_operand s = {t->s, t->ld, false}, rows = {b + t->column * dim, dim, false};
  cgap_sgemm(t->rows, dim, t->columns, s, rows, beta, out + t->row * dim, dim);
}

static void pull_columns(const tile *t, const float *a, size_t dim, bool first, float *out)
{
  const cgap_operand s = {t->s, t->ld, true}, rows = {a + t->row * dim, dim, false};
  cgap_sgemm(t->columns, dim, t->rows, s, rows, first ? 0 : 1, out, dim);
}

/* out = β·out + more; out is not read where β is 0 */
static void add_rows(float *restrict out, const float *restrict more, float beta, size_t count)
{
  if (beta == 0)
    memcpy(out, more, count * sizeof *out);
  for (size_t k = 0; beta != 0 && k < count; k++)
    out[k] = beta * out[k] + more[k];
}

void cgap_running_sum_merge(cgap_running_sum *into, float greatest, double sum, double scale)
{
  if (sum == 0)
    return;
  if (greatest > into->greatest) {
    into->sum = into->sum * exp(scale * ((double)into->greatest - (double)greatest)) + sum;
    into->greatest = greatest;
  } else {
    into->sum += sum * exp(scale * ((double)greatest - (double)into->greatest));
  }
}

/* ---------------------------------------------------------------- ranks */

/* A batch shared out over ranks: each sweeps its own row blocks against all columns, and what they find is joined. A
 * rank that hears of a failure notes it in the loss; the rest of the step is then without meaning. */

/* Blocks of this rank, [begin, end) of `blocks`; alone: all. */
typedef struct block_range {
  size_t begin, end;
} block_range;

static block_range own_of(size_t blocks, int rank, int size)
{
  return (block_range){blocks * (size_t)rank / (size_t)size, blocks * ((size_t)rank + 1) / (size_t)size};
}

static block_range own_blocks(const cgap_loss *l, size_t blocks)
{
  return own_of(blocks, cgap_comm_rank(l->comm), cgap_comm_size(l->comm));
}

static void sum_over_ranks(cgap_loss *l, double *values, size_t count)
{
  if (!l->status)
    l->status = cgap_comm_sum(l->comm, values, count, CGAP_COMM_F64, &l->error);
}

static void sum_rows_over_ranks(cgap_loss *l, float *values, size_t count)
{
  if (!l->status)
    l->status = cgap_comm_sum(l->comm, values, count, CGAP_COMM_F32, &l->error);
}

/* What each rank found of the columns of its rows: (ranks, texts), joined in the order of the ranks. */
static void join_columns(cgap_loss *l, size_t texts, double scale, size_t *place)
{
  const size_t size = (size_t)cgap_comm_size(l->comm), rank = (size_t)cgap_comm_rank(l->comm);
  cgap_running_sum *all = cgap_alloc(size * texts, sizeof *all);
  if (!all) {
    l->status = cgap_fail(&l->error, CGAP_RESOURCE, "out of memory for a batch of %zu texts", texts);
    return;
  }
  for (size_t r = 0; r <= size; r++)
    place[r] = r * texts * sizeof *all;
  memcpy(all + rank * texts, l->column, texts * sizeof *all);
  l->status = cgap_comm_gather(l->comm, all, place, &l->error);
  for (size_t j = 0; j < texts; j++) {
    cgap_running_sum total = {.greatest = -INFINITY};
    for (size_t r = 0; r < size; r++)
      cgap_running_sum_merge(&total, all[r * texts + j].greatest, all[r * texts + j].sum, scale);
    l->column[j] = total;
  }
  if (l->status == CGAP_OK)
    cgap_free(all);
}

static void join_forward(cgap_loss *l, const cgap_cross_sweep *x, size_t height, size_t blocks, double *sum)
{
  const size_t images = x->positives->images;
  const int size = cgap_comm_size(l->comm);
  if (!l->comm || l->status)
    return;
  size_t *place = cgap_alloc(2 * ((size_t)size + 1), sizeof *place), *positive_index = place ? place + size + 1 : NULL;
  if (!place) {
    l->status = cgap_fail(&l->error, CGAP_RESOURCE, "out of memory for %d ranks", size);
    return;
  }
  for (int r = 0; r <= size; r++) {
    const size_t row = r < size ? cgap_lesser(own_of(blocks, r, size).begin * height, images) : images;
    place[r] = row * sizeof *l->row;
    positive_index[r] = x->positives->image_first[row] * sizeof *l->positive;
  }
  sum_over_ranks(l, sum, 1);
  if (!l->status)
    l->status = cgap_comm_gather(l->comm, l->row, place, &l->error);
  if (!l->status)
    l->status = cgap_comm_gather(l->comm, l->positive, positive_index, &l->error);
  if (!l->status)
    join_columns(l, x->positives->texts, 1.0 / x->temperature, place);
  cgap_free(place);
}

static void scale_rows(float *gradient, size_t count, float scale)
{
  for (size_t k = 0; k < count; k++)
    gradient[k] = scale != 0 ? gradient[k] * scale : 0;
}

static void scale_rows_of_others(const cgap_loss *l, const cgap_cross_sweep *x, size_t height, size_t blocks,
                                 const cgap_cosine_gradient *out)
{
  const block_range own = own_blocks(l, blocks);
  const size_t images = x->positives->images, begin = cgap_lesser(own.begin * height, images);
  const size_t end = cgap_lesser(own.end * height, images);
  if (!l->comm)
    return;
  scale_rows(out->gradient[0], begin * l->dim, out->scale[0]);
  scale_rows(out->gradient[0] + end * l->dim, (images - end) * l->dim, out->scale[0]);
  if (own.begin == own.end)
    scale_rows(out->gradient[1], x->positives->texts * l->dim, out->scale[1]);
}

/* ---------------------------------------------------------------- sweeps */

static void reset_running(cgap_running_sum *running, size_t count)
{
  for (size_t i = 0; i < count; i++)
    running[i] = (cgap_running_sum){.greatest = -INFINITY};
}

/* Calls visit for every pair within the tile. */
typedef void positive_visit(cgap_loss *loss, size_t positive_index, float *s, float mask);

static void visit_positives(cgap_loss *loss, const cgap_positives *positives, const tile *t, positive_visit *visit,
                            float mask)
{
  for (size_t i = 0; i < t->rows; i++) {
    size_t image = t->row + i;
    for (size_t c = positives->image_first[image]; c < positives->image_first[image + 1]; c++) {
      size_t text = positives->positive_text[c];
      if (text >= t->column && text < t->column + t->columns)
        visit(loss, c, &t->s[i * t->ld + text - t->column], mask);
    }
  }
}

static void store_and_mask(cgap_loss *loss, size_t positive_index, float *s, float mask)
{
  loss->positive[positive_index] = *s;
  *s = mask;
}

static void only_mask(cgap_loss *loss, size_t positive_index, float *s, float mask)
{
  (void)loss, (void)positive_index;
  *s = mask;
}

static void put_pull(cgap_loss *loss, size_t positive_index, float *s, float mask)
{
  (void)mask;
  *s = loss->pull[positive_index];
}

static tile tile_at(cgap_loss *loss, size_t block, size_t rows, size_t height, size_t panel, size_t columns,
                    float *keep)
{
  tile t = {.row = block * height,
            .rows = tile_extent(block, rows, height),
            .column = panel * TILE,
            .columns = tile_extent(panel, columns, TILE)};
  if (keep) {
    t.s = keep + t.row * columns + t.column;
    t.ld = columns;
  } else {
    t.s = loss->scratch + (size_t)omp_get_thread_num() * TILE * TILE;
    t.ld = t.columns;
  }
  return t;
}

static void forward_tile(cgap_loss *loss, const cgap_cross_sweep *x, const tile *t, cgap_group_slot *slot)
{
  float row[TILE], column[TILE];
  double row_sum[TILE], column_sum[TILE];
  const double scale = 1.0 / x->temperature;
  const float mask = mask_of(x->temperature), least = mask / 2;
  compute_cosines(t, x->x, x->y, loss->dim);
  visit_positives(loss, x->positives, t, store_and_mask, mask);
  loss->vector->tile_greatest(t->s, t->rows, t->columns, t->ld, row, column);
  slot->sum +=
    loss->vector->tile_sums(t->s, t->rows, t->columns, t->ld, (float)scale, row, column, row_sum, column_sum);
  for (size_t i = 0; i < t->rows; i++)
    cgap_running_sum_merge(&loss->row[t->row + i], row[i], row[i] > least ? row_sum[i] : 0, scale);
  for (size_t j = 0; j < t->columns; j++)
    cgap_running_sum_merge(&slot->column[j], column[j], column[j] > least ? column_sum[j] : 0, scale);
}

double cgap_loss_forward(cgap_loss *loss, const cgap_cross_sweep *x)
{
  const size_t images = x->positives->images, texts = x->positives->texts;
  const size_t height = height_of(images), blocks = blocks_of(images, height);
  const block_range own = own_blocks(loss, blocks);
  const size_t mine = own.end - own.begin, groups = groups_of(mine);
  const size_t panels = blocks_of(texts, TILE);
  const double scale = 1.0 / x->temperature;
  float *keep = images * texts <= CGAP_LOSS_KEPT_COSINES ? loss->keep : NULL;
  double sum = 0;
  reset_running(loss->row, images);
  reset_running(loss->column, texts);
#pragma omp parallel num_threads(loss->threads) if (images * texts * loss->dim >= PARALLEL_FROM)
  for (size_t panel = 0; panel < panels; panel++) {
#pragma omp for schedule(dynamic, 1)
    for (size_t g = 0; g < groups; g++) {
      cgap_group_slot *slot = &loss->slot[g];
      slot->sum = 0;
      reset_running(slot->column, TILE);
      for (size_t block = own.begin + g * mine / groups; block < own.begin + (g + 1) * mine / groups; block++) {
        tile t = tile_at(loss, block, images, height, panel, texts, keep);
        forward_tile(loss, x, &t, slot);
      }
    }
#pragma omp single
    for (size_t g = 0; g < groups; g++) {
      sum += loss->slot[g].sum;
      for (size_t j = 0; j < tile_extent(panel, texts, TILE); j++)
        cgap_running_sum_merge(&loss->column[panel * TILE + j], loss->slot[g].column[j].greatest,
                               loss->slot[g].column[j].sum, scale);
    }
  }
  join_forward(loss, x, height, blocks, &sum);
  return sum;
}

static void backward_tile(cgap_loss *loss, const cgap_cross_sweep *x, const tile *t, bool kept, cgap_group_slot *slot,
                          bool first, const cgap_cosine_gradient *out)
{
  const float mask = mask_of(x->temperature);
  const cgap_softmax_reference row = {loss->row_reference + t->row, loss->row_offset + t->row};
  const cgap_softmax_reference column = {loss->column_reference + t->column, loss->column_offset + t->column};
  if (!kept) {
    compute_cosines(t, x->x, x->y, loss->dim);
    visit_positives(loss, x->positives, t, only_mask, mask);
  }
  slot->dot +=
    loss->vector->tile_gradient(t->s, t->rows, t->columns, t->ld, (float)(1.0 / x->temperature), row, column, x->cross);
  visit_positives(loss, x->positives, t, put_pull, mask);
  pull_rows(t, x->y, loss->dim, t->column == 0 ? out->scale[0] : 1, out->gradient[0]);
  pull_columns(t, x->x, loss->dim, first, slot->gradient);
}

/* Rows of the panel = β·themselves + what the slots hold, in the order of the slots. */
static void merge_panel(const cgap_loss *loss, size_t slot, size_t groups, size_t row, size_t rows, float beta,
                        float *gradient)
{
  for (size_t g = 0; g < groups; g++)
    add_rows(gradient + row * loss->dim, loss->slot[slot + g].gradient + row % TILE * loss->dim, g == 0 ? beta : 1,
             rows * loss->dim);
}

enum { MERGE_ROWS = 32 };

double cgap_loss_backward(cgap_loss *loss, const cgap_cross_sweep *x, const cgap_cosine_gradient *out)
{
  const size_t images = x->positives->images, texts = x->positives->texts;
  const size_t height = height_of(images), blocks = blocks_of(images, height);
  const block_range own = own_blocks(loss, blocks);
  const size_t mine = own.end - own.begin, groups = groups_of(mine);
  const size_t panels = blocks_of(texts, TILE);
  float *keep = images * texts <= CGAP_LOSS_KEPT_COSINES ? loss->keep : NULL;
  double dot = 0;
  scale_rows_of_others(loss, x, height, blocks, out);
#pragma omp parallel num_threads(loss->threads) if (images * texts * loss->dim >= PARALLEL_FROM)
  for (size_t panel = 0; panel < panels; panel++) {
    const size_t end = panel * TILE + tile_extent(panel, texts, TILE);
#pragma omp for schedule(dynamic, 1)
    for (size_t g = 0; g < groups; g++) {
      cgap_group_slot *slot = &loss->slot[g];
      const size_t begin = own.begin + g * mine / groups;
      slot->dot = 0;
      for (size_t block = begin; block < own.begin + (g + 1) * mine / groups; block++) {
        tile t = tile_at(loss, block, images, height, panel, texts, keep);
        backward_tile(loss, x, &t, keep != NULL, slot, block == begin, out);
      }
    }
#pragma omp for schedule(static)
    for (size_t row = panel * TILE; row < end; row += MERGE_ROWS)
      merge_panel(loss, 0, groups, row, end - row < MERGE_ROWS ? end - row : MERGE_ROWS, out->scale[1],
                  out->gradient[1]);
#pragma omp single
    for (size_t g = 0; g < groups; g++)
      dot += loss->slot[g].dot;
  }
  if (loss->comm) {
    sum_over_ranks(loss, &dot, 1);
    sum_rows_over_ranks(loss, out->gradient[0], images * loss->dim);
    sum_rows_over_ranks(loss, out->gradient[1], texts * loss->dim);
  }
  return dot;
}

/* A tile of one side with itself: on the diagonal every pair stands twice and a row is no pair. */
static void uniformity_tile(cgap_loss *loss, const float *z, const tile *t, cgap_group_slot *slot, bool first,
                            float *gradient)
{
  const bool diagonal = t->row == t->column;
  compute_cosines(t, z, z, loss->dim);
  for (size_t i = 0; diagonal && i < t->rows; i++)
    t->s[i * t->ld + i] = mask_of(1);
  slot->sum += loss->vector->tile_kernel(t->s, t->rows, t->columns, t->ld) * (diagonal ? 0.5 : 1);
  if (!gradient)
    return;
  pull_rows(t, z, loss->dim, diagonal && !loss->comm ? 0 : 1,
            gradient); /* panels come in order: the diagonal's is a row's first */
  if (!diagonal)
    pull_columns(t, z, loss->dim, first, slot->gradient);
  else if (first)
    memset(slot->gradient, 0, t->columns * loss->dim * sizeof *slot->gradient);
}

/* Slots of the two sides are apart: their groups are shared out together. */
static void uniformity_group(cgap_loss *loss, const cgap_modality_pair *modalities, int modality, size_t panel,
                             size_t g, size_t groups)
{
  cgap_group_slot *slot = &loss->slot[modality * CGAP_LOSS_GROUPS + g];
  const size_t blocks = panel + 1, begin = g * blocks / groups;
  slot->sum = 0;
  for (size_t block = begin; block < (g + 1) * blocks / groups; block++) {
    tile t = tile_at(loss, block, modalities->rows[modality], TILE, panel, modalities->rows[modality], NULL);
    uniformity_tile(loss, modalities->z[modality], &t, slot, block == begin, modalities->gradient[modality]);
  }
}

void cgap_loss_uniformity(cgap_loss *loss, const cgap_modality_pair *modalities, double sum[2])
{
  const size_t most = modalities->rows[0] > modalities->rows[1] ? modalities->rows[0] : modalities->rows[1];
  const size_t size = (size_t)cgap_comm_size(loss->comm), rank = (size_t)cgap_comm_rank(loss->comm);
  sum[0] = sum[1] = 0;
  for (int modality = 0; loss->comm && modality < 2; modality++)
    if (modalities->gradient[modality])
      memset(modalities->gradient[modality], 0, modalities->rows[modality] * loss->dim * sizeof(float));
#pragma omp parallel num_threads(loss->threads) if (most * most * loss->dim >= PARALLEL_FROM)
  for (size_t panel = rank; panel < blocks_of(most, TILE); panel += size) { /* a panel is one rank's */
    const size_t groups = groups_of(panel + 1);
#pragma omp for schedule(dynamic, 1)
    for (size_t g = 0; g < 2 * groups; g++)
      if (panel * TILE < modalities->rows[g % 2])
        uniformity_group(loss, modalities, (int)(g % 2), panel, g / 2, groups);
#pragma omp for schedule(static)
    for (size_t m = 0; m < 2 * TILE / MERGE_ROWS; m++) {
      const size_t modality = m % 2, row = panel * TILE + m / 2 * MERGE_ROWS, rows = modalities->rows[modality];
      if (row < rows && modalities->gradient[modality])
        merge_panel(loss, modality * CGAP_LOSS_GROUPS, groups, row, rows - row < MERGE_ROWS ? rows - row : MERGE_ROWS,
                    1, modalities->gradient[modality]);
    }
#pragma omp single
    for (size_t g = 0; g < 2 * groups; g++)
      if (panel * TILE < modalities->rows[g % 2])
        sum[g % 2] += loss->slot[g % 2 * CGAP_LOSS_GROUPS + g / 2].sum;
  }
  if (loss->comm)
    sum_over_ranks(loss, sum, 2);
}
