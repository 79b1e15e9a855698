/* The losses, in two layers. Sweeps over tiles of cosines leave running sums and gradients; the terms are made of
 * these. A panel is TILE columns; its row blocks are divided into groups, each a task with a slot for what it adds to
 * the panel's columns; the slots are merged in order. Rows are written by the one task that has them, panel after
 * panel. */
#include "head/model/loss.h"

#include <limits.h>
#include <math.h>
#include <omp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "simd/gemm.h"
#include "simd/kernels.h"

enum {
  TILE = 256,                        /* rows and columns of a tile: never a matter of threads */
  GROUPS_MAX = 16,                   /* row blocks of a panel are summed in at most so many groups, merged in order */
  KEPT_COSINES_MAX = 4 * 1024 * 1024 /* cosines of a batch that are kept for the backward sweep, not recomputed */
};

/* A running Σ e^{scale·(s − max)}. */
typedef struct running_sum {
  float max;
  double sum;
} running_sum;

/* What one group of row blocks leaves for the panel's columns. */
typedef struct group_slot {
  running_sum *column; /* (TILE) */
  float *gradient;     /* (TILE, dim) */
  double sum, dot;     /* of the kernel; of cosine × gradient */
} group_slot;

struct cgap_loss {
  size_t images, texts, positive_capacity, dim;
  int threads;
  cgap_comm *comm;    /* or NULL */
  cgap_status status; /* CGAP_OK, or the failure of a rank */
  cgap_error error;
  const cgap_training_kernels *vector;
  running_sum *row, *column;               /* negatives of each image, each text */
  float *row_reference, *row_offset;       /* (images), as cgap_softmax_reference */
  float *column_reference, *column_offset; /* (texts) */
  float *positive;                         /* (pairs) cosine */
  float *pull;                             /* (pairs) ∂total/∂cosine */
  float *keep;                             /* (images, texts) cosines, or NULL: too many */
  float *scratch;                          /* (threads) tiles */
  float *slot_gradient;
  running_sum *slot_column;
  group_slot slot[2 * GROUPS_MAX]; /* as many again for the uniformity of the texts */
};

/* The cross sweep's constant inputs. */
typedef struct cross_sweep {
  const cgap_positives *positives;
  const float *x, *y;
  double temperature;
  float cross; /* ∂total/∂(Σ kernel over unmatched)·4: factor of e^{4s − 4} */
} cross_sweep;

/* Of x and of y: gradient (rows, dim) becomes scale·gradient + what the cosines pull; not read where scale is 0. */
typedef struct cosine_gradient {
  float *gradient[2], scale[2];
} cosine_gradient;

/* Both modalities, each with itself. */
typedef struct modality_pair {
  const float *z[2]; /* (rows, dim) */
  size_t rows[2];
  float *gradient[2]; /* (rows, dim); NULL: not wanted */
} modality_pair;

enum {
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
  return blocks < GROUPS_MAX ? blocks : GROUPS_MAX;
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

/* into += a running sum at the same scale. */
static void merge_running_sum(running_sum *into, float max, double sum, double scale)
{
  if (sum == 0)
    return;
  if (max > into->max) {
    into->sum = into->sum * exp(scale * ((double)into->max - (double)max)) + sum;
    into->max = max;
  } else {
    into->sum += sum * exp(scale * ((double)max - (double)into->max));
  }
}

/* ---------------------------------------------------------------- ranks */

/* A batch divided among ranks: each sweeps its own row blocks against all columns, and their results are joined. A rank
 * that learns of a failure notes it in the loss; the rest of the step is then without meaning. */

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
  running_sum *all = cgap_alloc(size * texts, sizeof *all);
  if (!all) {
    l->status = cgap_fail(&l->error, CGAP_RESOURCE, "out of memory for a batch of %zu texts", texts);
    return;
  }
  for (size_t r = 0; r <= size; r++)
    place[r] = r * texts * sizeof *all;
  memcpy(all + rank * texts, l->column, texts * sizeof *all);
  l->status = cgap_comm_gather(l->comm, all, place, &l->error);
  for (size_t j = 0; j < texts; j++) {
    running_sum total = {.max = -INFINITY};
    for (size_t r = 0; r < size; r++)
      merge_running_sum(&total, all[r * texts + j].max, all[r * texts + j].sum, scale);
    l->column[j] = total;
  }
  if (l->status == CGAP_OK)
    cgap_free(all);
}

static void join_forward(cgap_loss *l, const cross_sweep *x, size_t height, size_t blocks, double *sum)
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

static void scale_rows_of_others(const cgap_loss *l, const cross_sweep *x, size_t height, size_t blocks,
                                 const cosine_gradient *out)
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

static void reset_running(running_sum *running, size_t count)
{
  for (size_t i = 0; i < count; i++)
    running[i] = (running_sum){.max = -INFINITY};
}

typedef enum pair_value { STORE_AND_MASK, MASK, PULL } pair_value;

/* Replaces the cosine of every matched pair within the tile, by the mask or by what pulls it. */
static void replace_positives(cgap_loss *loss, const cgap_positives *positives, const tile *t, pair_value value,
                              float mask)
{
  for (size_t i = 0; i < t->rows; i++)
    for (size_t c = positives->image_first[t->row + i]; c < positives->image_first[t->row + i + 1]; c++) {
      const size_t text = positives->positive_text[c];
      if (text < t->column || text >= t->column + t->columns)
        continue;
      float *s = &t->s[i * t->ld + text - t->column];
      if (value == STORE_AND_MASK)
        loss->positive[c] = *s;
      *s = value == PULL ? loss->pull[c] : mask;
    }
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

static void forward_tile(cgap_loss *loss, const cross_sweep *x, const tile *t, group_slot *slot)
{
  float row[TILE], column[TILE];
  double row_sum[TILE], column_sum[TILE];
  const double scale = 1.0 / x->temperature;
  const float mask = mask_of(x->temperature), least = mask / 2;
  compute_cosines(t, x->x, x->y, loss->dim);
  replace_positives(loss, x->positives, t, STORE_AND_MASK, mask);
  loss->vector->tile_greatest(t->s, t->rows, t->columns, t->ld, row, column);
  slot->sum +=
    loss->vector->tile_sums(t->s, t->rows, t->columns, t->ld, (float)scale, row, column, row_sum, column_sum);
  for (size_t i = 0; i < t->rows; i++)
    merge_running_sum(&loss->row[t->row + i], row[i], row[i] > least ? row_sum[i] : 0, scale);
  for (size_t j = 0; j < t->columns; j++)
    merge_running_sum(&slot->column[j], column[j], column[j] > least ? column_sum[j] : 0, scale);
}

/* Fills row, column (negatives only) and positive; returns Σ e^{4s − 4} over the unmatched. */
static double sweep_forward(cgap_loss *loss, const cross_sweep *x)
{
  const size_t images = x->positives->images, texts = x->positives->texts;
  const size_t height = height_of(images), blocks = blocks_of(images, height);
  const block_range own = own_blocks(loss, blocks);
  const size_t mine = own.end - own.begin, groups = groups_of(mine);
  const size_t panels = blocks_of(texts, TILE);
  const double scale = 1.0 / x->temperature;
  float *keep = images * texts <= KEPT_COSINES_MAX ? loss->keep : NULL;
  double sum = 0;
  reset_running(loss->row, images);
  reset_running(loss->column, texts);
#pragma omp parallel num_threads(loss->threads) if (images * texts * loss->dim >= PARALLEL_FROM)
  for (size_t panel = 0; panel < panels; panel++) {
#pragma omp for schedule(dynamic, 1)
    for (size_t g = 0; g < groups; g++) {
      group_slot *slot = &loss->slot[g];
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
        merge_running_sum(&loss->column[panel * TILE + j], loss->slot[g].column[j].max, loss->slot[g].column[j].sum,
                          scale);
    }
  }
  join_forward(loss, x, height, blocks, &sum);
  return sum;
}

static void backward_tile(cgap_loss *loss, const cross_sweep *x, const tile *t, bool kept, group_slot *slot, bool first,
                          const cosine_gradient *out)
{
  const float mask = mask_of(x->temperature);
  const cgap_softmax_reference row = {loss->row_reference + t->row, loss->row_offset + t->row};
  const cgap_softmax_reference column = {loss->column_reference + t->column, loss->column_offset + t->column};
  if (!kept) {
    compute_cosines(t, x->x, x->y, loss->dim);
    replace_positives(loss, x->positives, t, MASK, mask);
  }
  slot->dot +=
    loss->vector->tile_gradient(t->s, t->rows, t->columns, t->ld, (float)(1.0 / x->temperature), row, column, x->cross);
  replace_positives(loss, x->positives, t, PULL, mask);
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

/* Returns Σ s·∂total/∂s over the unmatched, the cross term left out. */
static double sweep_backward(cgap_loss *loss, const cross_sweep *x, const cosine_gradient *out)
{
  const size_t images = x->positives->images, texts = x->positives->texts;
  const size_t height = height_of(images), blocks = blocks_of(images, height);
  const block_range own = own_blocks(loss, blocks);
  const size_t mine = own.end - own.begin, groups = groups_of(mine);
  const size_t panels = blocks_of(texts, TILE);
  float *keep = images * texts <= KEPT_COSINES_MAX ? loss->keep : NULL;
  double dot = 0;
  scale_rows_of_others(loss, x, height, blocks, out);
#pragma omp parallel num_threads(loss->threads) if (images * texts * loss->dim >= PARALLEL_FROM)
  for (size_t panel = 0; panel < panels; panel++) {
    const size_t end = panel * TILE + tile_extent(panel, texts, TILE);
#pragma omp for schedule(dynamic, 1)
    for (size_t g = 0; g < groups; g++) {
      group_slot *slot = &loss->slot[g];
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

/* A tile of one modality with itself: on the diagonal every pair occurs twice, and a row with itself is no pair. */
static void uniformity_tile(cgap_loss *loss, const float *z, const tile *t, group_slot *slot, bool first,
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

/* The modalities have slots of their own: their groups are one loop of threads. */
static void uniformity_group(cgap_loss *loss, const modality_pair *modalities, int modality, size_t panel, size_t g,
                             size_t groups)
{
  group_slot *slot = &loss->slot[modality * GROUPS_MAX + g];
  const size_t blocks = panel + 1, begin = g * blocks / groups;
  slot->sum = 0;
  for (size_t block = begin; block < (g + 1) * blocks / groups; block++) {
    tile t = tile_at(loss, block, modalities->rows[modality], TILE, panel, modalities->rows[modality], NULL);
    uniformity_tile(loss, modalities->z[modality], &t, slot, block == begin, modalities->gradient[modality]);
  }
}

/* Of each modality Σ over i < k of e^{4 z_i·z_k − 4}; its gradient becomes Σ_{k≠i} e^{4 z_i·z_k − 4} z_k. */
static void sweep_modalities(cgap_loss *loss, const modality_pair *modalities, double sum[2])
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
#pragma omp for schedule(static, 1)
    for (size_t g = 0; g < 2 * groups; g++)
      if (panel * TILE < modalities->rows[g % 2])
        uniformity_group(loss, modalities, (int)(g % 2), panel, g / 2, groups);
#pragma omp for schedule(static, 1)
    for (size_t m = 0; m < 2 * TILE / MERGE_ROWS; m++) {
      const size_t modality = m % 2, row = panel * TILE + m / 2 * MERGE_ROWS, rows = modalities->rows[modality];
      if (row < rows && modalities->gradient[modality])
        merge_panel(loss, modality * GROUPS_MAX, groups, row, rows - row < MERGE_ROWS ? rows - row : MERGE_ROWS, 1,
                    modalities->gradient[modality]);
    }
#pragma omp single
    for (size_t g = 0; g < 2 * groups; g++)
      if (panel * TILE < modalities->rows[g % 2])
        sum[g % 2] += loss->slot[g % 2 * GROUPS_MAX + g / 2].sum;
  }
  if (loss->comm)
    sum_over_ranks(loss, sum, 2);
}

/* ---------------------------------------------------------------- open and close */

static bool allocate_noting_failure(cgap_loss *l)
{
  size_t pairs = 0;
  const size_t slot = (size_t)TILE * l->dim;
  const bool keeps = cgap_product(&pairs, l->images, l->texts) && pairs <= KEPT_COSINES_MAX;
  l->row = cgap_alloc(l->images, sizeof *l->row);
  l->column = cgap_alloc(l->texts, sizeof *l->column);
  l->row_reference = cgap_alloc(2 * l->images, sizeof *l->row_reference);
  l->column_reference = cgap_alloc(2 * l->texts, sizeof *l->column_reference);
  l->positive = cgap_alloc(2 * l->positive_capacity, sizeof *l->positive);
  l->keep = cgap_alloc(keeps ? pairs : 1, sizeof *l->keep);
  l->scratch = cgap_alloc((size_t)l->threads * TILE * TILE, sizeof *l->scratch);
  l->slot_gradient = cgap_alloc(2 * GROUPS_MAX * slot, sizeof *l->slot_gradient);
  l->slot_column = cgap_alloc((size_t)2 * GROUPS_MAX * TILE, sizeof *l->slot_column);
  if (!l->row || !l->column || !l->row_reference || !l->column_reference || !l->positive || !l->keep || !l->scratch ||
      !l->slot_gradient || !l->slot_column)
    return false;
  l->row_offset = l->row_reference + l->images;
  l->column_offset = l->column_reference + l->texts;
  l->pull = l->positive + l->positive_capacity;
  for (size_t g = 0; g < (size_t)2 * GROUPS_MAX; g++) {
    l->slot[g].gradient = l->slot_gradient + g * slot;
    l->slot[g].column = l->slot_column + g * TILE;
  }
  if (!keeps) {
    cgap_free(l->keep);
    l->keep = NULL;
  }
  return true;
}

double cgap_loss_bytes(double images, double texts, size_t dim, double threads)
{
  const double tile_cosines = (double)TILE * TILE, pairs = images * texts, kept = pairs <= KEPT_COSINES_MAX ? pairs : 0;
  return (kept + threads * tile_cosines + 2.0 * GROUPS_MAX * TILE * (double)dim) * sizeof(float);
}

cgap_status cgap_loss_open(cgap_loss **out, size_t images, size_t texts, size_t positives, size_t dim, int threads,
                           cgap_error *error)
{
  *out = NULL;
  if (images > INT_MAX || texts > INT_MAX || dim > INT_MAX)
    return cgap_fail(error, CGAP_USAGE, "a batch of %zu images and %zu texts of %zu dimensions: at most %d of each",
                     images, texts, dim, INT_MAX);
  cgap_loss *l = cgap_zalloc(1, sizeof *l);
  if (!l)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  l->images = images;
  l->texts = texts;
  l->positive_capacity = positives;
  l->dim = dim;
  l->threads = threads > 0 ? threads : 1;
  l->vector = cgap_training_kernels_here();
  if (!allocate_noting_failure(l)) {
    cgap_loss_close(l);
    return cgap_fail(error, CGAP_RESOURCE,
                     "out of memory for a batch of %zu images and %zu texts; give a smaller batch", images, texts);
  }
  *out = l;
  return CGAP_OK;
}

void cgap_loss_set_comm(cgap_loss *l, cgap_comm *comm)
{
  l->comm = comm;
}

cgap_status cgap_loss_status(const cgap_loss *l, cgap_error *error)
{
  if (l->status && error)
    *error = l->error;
  return l->status;
}

void cgap_loss_close(cgap_loss *l)
{
  if (!l)
    return;
  cgap_free(l->row);
  cgap_free(l->column);
  cgap_free(l->row_reference);
  cgap_free(l->column_reference);
  cgap_free(l->positive);
  cgap_free(l->keep);
  cgap_free(l->scratch);
  cgap_free(l->slot_gradient);
  cgap_free(l->slot_column);
  cgap_free(l);
}

/* ---------------------------------------------------------------- the table */

#define VALUE(member) offsetof(cgap_loss_terms, member)
#define WEIGHT(member) offsetof(cgap_weights, member)

static const cgap_loss_value VALUES[] = {
  {.key = "loss", .offset = VALUE(total)},
  {.key = "clip",
   .offset = VALUE(clip),
   .option = "weight-clip",
   .help = "weight of L_CLIP; -1: as in --loss",
   .weight = WEIGHT(clip),
   .measures = {"loss.clip_image_to_text", "loss.clip_text_to_image"}},
  {.key = "clip_image_to_text", .offset = VALUE(image_to_text)},
  {.key = "clip_text_to_image", .offset = VALUE(text_to_image)},
  {.key = "uniform",
   .offset = VALUE(uniform),
   .option = "weight-uniform",
   .help = "weight of L_Uniform; -1: as in --loss",
   .weight = WEIGHT(uniform),
   .measures = {"uniformity.image", "uniformity.text", "uniformity.mean"}},
  {.key = "uniform_image", .offset = VALUE(uniform_image)},
  {.key = "uniform_text", .offset = VALUE(uniform_text)},
  {.key = "align",
   .offset = VALUE(align),
   .option = "weight-align",
   .help = "weight of L_Align; -1: as in --loss",
   .weight = WEIGHT(align),
   .measures = {"alignment.mean_squared_distance"}},
  {.key = "xuniform",
   .offset = VALUE(xuniform),
   .option = "weight-xuniform",
   .help = "weight of L_XUniform; -1: as in --loss",
   .weight = WEIGHT(xuniform),
   .measures = {"uniformity.cross"}},
  {.key = "recall_at_1_image_to_text", .offset = VALUE(recall_image_to_text)},
  {.key = "recall_at_1_text_to_image", .offset = VALUE(recall_text_to_image)},
};
enum { VALUE_COUNT = sizeof VALUES / sizeof *VALUES };
_Static_assert(VALUE_COUNT * sizeof(double) == sizeof(cgap_loss_terms), "the table lists every number of the terms");

/* A measure "loss.NAME" of the report is the value of the loss of that name. */
const char *const cgap_loss_names[CGAP_NAMED_LOSSES + 1] = {"clip", "cua", "cuaxu", NULL};
static const cgap_weights LOSSES[CGAP_NAMED_LOSSES] = {
  {.clip = 1},
  {.clip = 1, .uniform = 1, .align = 1},
  {.clip = 1, .uniform = 1, .align = 1, .xuniform = 1},
};

const cgap_loss_value *cgap_loss_value_at(size_t k)
{
  return k < VALUE_COUNT ? &VALUES[k] : NULL;
}

const cgap_loss_value *cgap_loss_term_at(size_t k)
{
  for (size_t v = 0; v < VALUE_COUNT; v++)
    if (VALUES[v].option && k-- == 0)
      return &VALUES[v];
  return NULL;
}

double *cgap_loss_weight(cgap_weights *weights, const cgap_loss_value *term)
{
  return (double *)((char *)weights + term->weight);
}

cgap_weights cgap_loss_weights(int loss)
{
  return LOSSES[loss];
}

int cgap_loss_find(const char *name, size_t length)
{
  for (int k = 0; k < CGAP_NAMED_LOSSES; k++)
    if (strlen(cgap_loss_names[k]) == length && strncmp(cgap_loss_names[k], name, length) == 0)
      return k;
  return -1;
}

static double weight_of(const cgap_weights *weights, const cgap_loss_value *term)
{
  return *(const double *)((const char *)weights + term->weight);
}

static double value_of(const cgap_loss_terms *terms, size_t k)
{
  return *(const double *)((const char *)terms + VALUES[k].offset);
}

static double *value_in(cgap_loss_terms *terms, size_t k)
{
  return (double *)((char *)terms + VALUES[k].offset);
}

unsigned cgap_terms_of(const cgap_weights *weights)
{
  unsigned terms = 0;
  for (size_t k = 0; cgap_loss_term_at(k); k++)
    terms |= (unsigned)(weight_of(weights, cgap_loss_term_at(k)) > 0) << k;
  return terms;
}

unsigned cgap_terms_of_text(const char *text)
{
  unsigned terms = 0;
  for (const char *at = text; at && *at; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ','))
    for (size_t k = 0; cgap_loss_term_at(k); k++) {
      const char *key = cgap_loss_term_at(k)->key;
      if (strlen(key) == strcspn(at, ",") && strncmp(at, key, strlen(key)) == 0)
        terms |= 1u << k;
    }
  return terms;
}

void cgap_terms_text(char out[CGAP_TERMS], unsigned terms)
{
  out[0] = '\0';
  for (size_t k = 0; cgap_loss_term_at(k); k++)
    if (terms >> k & 1u)
      snprintf(out + strlen(out), CGAP_TERMS - strlen(out), "%s%s", out[0] ? "," : "", cgap_loss_term_at(k)->key);
}

bool cgap_terms_train(unsigned terms, const char *measure)
{
  for (size_t k = 0; cgap_loss_term_at(k); k++)
    for (const char *const *m = cgap_loss_term_at(k)->measures; (terms >> k & 1u) && *m; m++)
      if (strcmp(measure, *m) == 0)
        return true;
  const int loss = strncmp(measure, "loss.", 5) == 0 ? cgap_loss_find(measure + 5, strlen(measure + 5)) : -1;
  return loss >= 0 && (cgap_terms_of(&LOSSES[loss]) & ~terms) == 0;
}

void cgap_loss_terms_add(cgap_loss_terms *into, const cgap_loss_terms *terms)
{
  for (size_t k = 0; k < VALUE_COUNT; k++)
    *value_in(into, k) += value_of(terms, k);
}

cgap_loss_terms cgap_loss_terms_mean(const cgap_loss_terms *sums, double count)
{
  cgap_loss_terms out = {0};
  for (size_t k = 0; k < VALUE_COUNT; k++)
    *value_in(&out, k) = value_of(sums, k) / count;
  return out;
}

cgap_loss_terms cgap_loss_terms_unknown(void)
{
  return cgap_loss_terms_mean(&(cgap_loss_terms){0}, 0);
}

/* ---------------------------------------------------------------- the terms */

static const float NO_PULL = 1e30f; /* an offset that makes the exponential vanish */

/* log(e^a + e^b); *weight_of_first: the fraction of the sum that is e^a. A batch does this for each of its rows: only
 * comparisons and one exponential. */
static double log_add(double a, double b, double *weight_of_first)
{
  const bool above = a > b; /* false for a number that is none: the sum is none then */
  const double high = above ? a : b, low = above ? b : a, e = low == -INFINITY ? 0 : exp(low - high);
  *weight_of_first = (above ? e : 1) / (1 + e);
  return e > 0 || isnan(e) ? high + log1p(e) : high;
}

/* One direction of CLIP: queries with their pairs, and the running sums over their negatives. */
typedef struct direction {
  size_t queries;
  const size_t *first;
  const size_t *positive_index; /* pairs listed by query; NULL: in their own order */
  const running_sum *negatives;
  float *reference, *offset;
  double weight, log_strength; /* of one query's loss; log(weight·β) */
} direction;

typedef struct direction_sums {
  double loss;
  size_t asked, found; /* queries with a positive; those whose best positive is above every negative */
} direction_sums;

static size_t positive_at(const direction *d, size_t place)
{
  return d->positive_index ? d->positive_index[place] : place;
}

static direction_sums count_asked(const direction *d)
{
  direction_sums sums = {0};
  for (size_t q = 0; q < d->queries; q++)
    sums.asked += d->first[q + 1] > d->first[q];
  return sums;
}

/* loss_q = mean over p of log(e^{βs_p} + R) − βs_p, R the negatives' sum.
 * ∂/∂s_j = β e^{βs_j} · mean over p of 1/(e^{βs_p} + R); ∂/∂s_p = β/k (e^{βs_p}/(e^{βs_p} + R) − 1). */
static double query_loss(const direction *d, size_t q, double beta, const cgap_loss *l, direction_sums *sums)
{
  const size_t begin = d->first[q], end = d->first[q + 1], count = end - begin;
  const running_sum *negatives = &d->negatives[q];
  const double rest = negatives->sum > 0 ? beta * (double)negatives->max + log(negatives->sum) : -INFINITY;
  double loss = 0, best = -INFINITY, log_pull = -INFINITY; /* log Σ_p 1/(e^{βs_p} + R) */
  for (size_t k = begin; k < end; k++) {
    size_t c = positive_at(d, k);
    double s = (double)l->positive[c], weight_of_first, ignored, all = log_add(beta * s, rest, &weight_of_first);
    loss += all - beta * s;
    log_pull = k == begin ? -all : log_add(log_pull, -all, &ignored);
    best = s > best ? s : best;
    l->pull[c] -= (float)(d->weight * beta / (double)count * weight_of_first);
  }
  const bool pulls = count > 0 && negatives->sum > 0 && d->weight > 0;
  const double log_count = count > 1 ? log((double)count) : 0;
  d->reference[q] = pulls ? negatives->max : 0;
  d->offset[q] = pulls ? (float)-(beta * (double)negatives->max + log_pull - log_count + d->log_strength) : NO_PULL;
  sums->found += count > 0 && best > (double)negatives->max;
  return count > 0 ? loss / (double)count : 0;
}

static direction_sums direction_loss(direction *d, double beta, double weight, cgap_loss *l)
{
  direction_sums sums = count_asked(d);
  d->weight = sums.asked ? weight / 2 / (double)sums.asked : 0;
  d->log_strength = log(d->weight * beta);
  for (size_t q = 0; q < d->queries; q++)
    sums.loss += query_loss(d, q, beta, l, &sums);
  return sums;
}

static double mean_of(double sum, size_t count)
{
  return count ? sum / (double)count : NAN;
}

/* Terms of pairs, and what pulls every cosine. Returns Σ s·∂(CLIP part)/∂s over the pairs. */
static double positive_terms(cgap_loss *l, const cgap_positives *p, const cgap_weights *w, double beta,
                             cgap_loss_terms *terms)
{
  direction by_image = {p->images, p->image_first, NULL, l->row, l->row_reference, l->row_offset, 0, 0};
  direction by_text = {p->texts, p->text_first, p->text_positive, l->column, l->column_reference, l->column_offset, 0,
                       0};
  double align = 0, dot = 0;
  memset(l->pull, 0, p->count * sizeof *l->pull);
  direction_sums image = direction_loss(&by_image, beta, w->clip, l), text = direction_loss(&by_text, beta, w->clip, l);
  for (size_t c = 0; c < p->count; c++) {
    double s = (double)l->positive[c];
    align += 2 - 2 * s;
    dot += s * (double)l->pull[c];
    l->pull[c] += (float)(-2 * w->align / (double)p->count);
  }
  terms->image_to_text = mean_of(image.loss, image.asked);
  terms->text_to_image = mean_of(text.loss, text.asked);
  terms->clip = (terms->image_to_text + terms->text_to_image) / 2;
  terms->align = mean_of(align, p->count);
  terms->recall_image_to_text = mean_of((double)image.found, image.asked);
  terms->recall_text_to_image = mean_of((double)text.found, text.asked);
  return dot;
}

/* u = log(2 Σ/(n(n − 1))), ∂u/∂z_i = 4/Σ · Σ_k e^{4 z_i·z_k − 4} z_k (L_Uniform takes half). Leaves the sums over k in
 * the gradients, and in *out what they are to be multiplied by. */
static void uniformity_terms(cgap_loss *l, const cgap_positives *p, const float *x, const float *y, double weight,
                             cgap_loss_terms *terms, cosine_gradient *out)
{
  const bool pulls = out && weight > 0;
  const modality_pair modalities = {
    .z = {x, y},
    .rows = {p->images, p->texts},
    .gradient = {pulls ? out->gradient[0] : NULL, pulls ? out->gradient[1] : NULL},
  };
  double sum[2], term[2];
  sweep_modalities(l, &modalities, sum);
  for (int modality = 0; modality < 2; modality++) {
    const double rows = (double)modalities.rows[modality];
    term[modality] = rows < 2 ? NAN : log(2 * sum[modality] / (rows * (rows - 1)));
    if (pulls && rows >= 2)
      out->scale[modality] = (float)(weight / 2 * 4 / sum[modality]);
  }
  terms->uniform_image = term[0];
  terms->uniform_text = term[1];
  terms->uniform = (term[0] + term[1]) / 2;
}

/* A term without a value adds nothing; rows that are not finite leave no finite total. */
static double weighted_sum(const cgap_loss_terms *terms, const cgap_weights *weights)
{
  double total = 0;
  for (size_t k = 0; k < VALUE_COUNT; k++) {
    const double weight = VALUES[k].option ? weight_of(weights, &VALUES[k]) : 0, term = value_of(terms, k);
    total += weight > 0 && !isnan(term) ? weight * term : 0;
  }
  return total + 0 * terms->align;
}

void cgap_loss_run(cgap_loss *l, const cgap_positives *p, const float *x, const float *y, const cgap_weights *w,
                   double temperature, cgap_loss_terms *terms, cgap_loss_gradient *gradient)
{
  cross_sweep cross = {.positives = p, .x = x, .y = y, .temperature = temperature};
  const double unmatched = (double)p->images * (double)p->texts - (double)p->count;
  cosine_gradient pulled = {.gradient = {gradient ? gradient->x : NULL, gradient ? gradient->y : NULL}};
  uniformity_terms(l, p, x, y, w->uniform, terms, gradient ? &pulled : NULL);
  const double kernel = sweep_forward(l, &cross);
  double dot = positive_terms(l, p, w, 1 / temperature, terms);
  terms->xuniform = unmatched > 0 ? log(kernel / unmatched) : NAN;
  terms->total = weighted_sum(terms, w);
  if (!gradient)
    return;
  cross.cross = unmatched > 0 ? (float)(w->xuniform * 4 / kernel) : 0;
  dot += sweep_backward(l, &cross, &pulled);
  gradient->log_temperature = -dot; /* the loss holds s/τ alone: τ ∂/∂τ = −s ∂/∂s */
}
