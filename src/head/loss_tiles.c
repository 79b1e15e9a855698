/* Sweeps over tiles. A panel is CGAP_LOSS_TILE columns; its row blocks are shared out in groups, each a
 * task with a slot for what it adds to the panel's columns; the slots are merged in order. Rows are
 * written by the one task that has them, panel after panel. */
#include "head/loss_tiles.h"

#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <string.h>

enum { TILE = CGAP_LOSS_TILE, PARALLEL_FROM = 1 << 25 /* multiplications that are worth a second thread */ };

typedef struct tile {
  size_t row, rows, column, columns, ld;
  float *s;
} tile;

static size_t blocks_of(size_t rows)
{
  return (rows + TILE - 1) / TILE;
}

static size_t extent(size_t block, size_t rows)
{
  return rows - block * TILE < TILE ? rows - block * TILE : TILE;
}

static size_t groups_of(size_t blocks)
{
  return blocks < CGAP_LOSS_GROUPS ? blocks : CGAP_LOSS_GROUPS;
}

static float mask_of(double temperature)
{
  return -200.0f * (float)fmax(1.0, temperature);
}

static void cosines(const tile *t, const float *a, const float *b, size_t dim)
{
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)t->rows, (int)t->columns, (int)dim, 1.0f, a + t->row * dim,
              (int)dim, b + t->column * dim, (int)dim, 0.0f, t->s, (int)t->ld);
}

/* out (rows of the tile, dim) = β·out + s·b, and its transposed counterpart. */
static void pull_rows(const tile *t, const float *b, size_t dim, float *out)
{
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)t->rows, (int)dim, (int)t->columns, 1.0f, t->s,
              (int)t->ld, b + t->column * dim, (int)dim, 1.0f, out + t->row * dim, (int)dim);
}

static void pull_columns(const tile *t, const float *a, size_t dim, bool first, float *out)
{
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)t->columns, (int)dim, (int)t->rows, 1.0f, t->s, (int)t->ld,
              a + t->row * dim, (int)dim, first ? 0.0f : 1.0f, out, (int)dim);
}

static void add_rows(float *out, const float *more, size_t count)
{
  for (size_t k = 0; k < count; k++)
    out[k] += more[k];
}

static void merge(cgap_running *into, float greatest, double sum, double scale)
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

static void forget(cgap_running *running, size_t count)
{
  for (size_t i = 0; i < count; i++)
    running[i] = (cgap_running){.greatest = -INFINITY};
}

/* Calls visit for every couple within the tile. */
typedef void couple_visit(cgap_loss *loss, size_t couple, float *s, float mask);

static void visit_couples(cgap_loss *loss, const cgap_coupling *couples, const tile *t, couple_visit *visit, float mask)
{
  for (size_t i = 0; i < t->rows; i++) {
    size_t image = t->row + i;
    for (size_t c = couples->image_first[image]; c < couples->image_first[image + 1]; c++) {
      size_t text = couples->couple_text[c];
      if (text >= t->column && text < t->column + t->columns)
        visit(loss, c, &t->s[i * t->ld + text - t->column], mask);
    }
  }
}

static void take_and_mask(cgap_loss *loss, size_t couple, float *s, float mask)
{
  loss->positive[couple] = *s;
  *s = mask;
}

static void only_mask(cgap_loss *loss, size_t couple, float *s, float mask)
{
  (void)loss, (void)couple;
  *s = mask;
}

static void put_pull(cgap_loss *loss, size_t couple, float *s, float mask)
{
  (void)mask;
  *s = loss->pull[couple];
}

static tile tile_at(cgap_loss *loss, size_t block, size_t rows, size_t panel, size_t columns, float *keep)
{
  tile t = {
    .row = block * TILE, .rows = extent(block, rows), .column = panel * TILE, .columns = extent(panel, columns)};
  if (keep) {
    t.s = keep + t.row * columns + t.column;
    t.ld = columns;
  } else {
    t.s = loss->scratch + (size_t)omp_get_thread_num() * TILE * TILE;
    t.ld = t.columns;
  }
  return t;
}

static void forward_tile(cgap_loss *loss, const cgap_cross *x, const tile *t, cgap_slot *slot)
{
  float row[TILE], column[TILE];
  double row_sum[TILE], column_sum[TILE];
  const double scale = 1.0 / x->temperature;
  const float mask = mask_of(x->temperature), least = mask / 2;
  cosines(t, x->x, x->y, loss->dim);
  visit_couples(loss, x->couples, t, take_and_mask, mask);
  loss->vector->tile_greatest(t->s, t->rows, t->columns, t->ld, row, column);
  slot->sum +=
    loss->vector->tile_sums(t->s, t->rows, t->columns, t->ld, (float)scale, row, column, row_sum, column_sum);
  for (size_t i = 0; i < t->rows; i++)
    merge(&loss->row[t->row + i], row[i], row[i] > least ? row_sum[i] : 0, scale);
  for (size_t j = 0; j < t->columns; j++)
    merge(&slot->column[j], column[j], column[j] > least ? column_sum[j] : 0, scale);
}

double cgap_loss_forward(cgap_loss *loss, const cgap_cross *x)
{
  const size_t images = x->couples->images, texts = x->couples->texts;
  const size_t blocks = blocks_of(images), groups = groups_of(blocks), panels = blocks_of(texts);
  const double scale = 1.0 / x->temperature;
  float *keep = images * texts <= CGAP_LOSS_KEEP ? loss->keep : NULL;
  double sum = 0;
  forget(loss->row, images);
  forget(loss->column, texts);
#pragma omp parallel num_threads(loss->threads) if (images * texts * loss->dim > PARALLEL_FROM)
  for (size_t panel = 0; panel < panels; panel++) {
#pragma omp for schedule(dynamic, 1)
    for (size_t g = 0; g < groups; g++) {
      cgap_slot *slot = &loss->slot[g];
      slot->sum = 0;
      forget(slot->column, TILE);
      for (size_t block = g * blocks / groups; block < (g + 1) * blocks / groups; block++) {
        tile t = tile_at(loss, block, images, panel, texts, keep);
        forward_tile(loss, x, &t, slot);
      }
    }
#pragma omp single
    for (size_t g = 0; g < groups; g++) {
      sum += loss->slot[g].sum;
      for (size_t j = 0; j < extent(panel, texts); j++)
        merge(&loss->column[panel * TILE + j], loss->slot[g].column[j].greatest, loss->slot[g].column[j].sum, scale);
    }
  }
  return sum;
}

static void backward_tile(cgap_loss *loss, const cgap_cross *x, const tile *t, bool kept, cgap_slot *slot, bool first,
                          float *gradient_x)
{
  const float mask = mask_of(x->temperature);
  const cgap_soft row = {loss->row_reference + t->row, loss->row_offset + t->row};
  const cgap_soft column = {loss->column_reference + t->column, loss->column_offset + t->column};
  if (!kept) {
    cosines(t, x->x, x->y, loss->dim);
    visit_couples(loss, x->couples, t, only_mask, mask);
  }
  slot->dot +=
    loss->vector->tile_gradient(t->s, t->rows, t->columns, t->ld, (float)(1.0 / x->temperature), row, column, x->cross);
  visit_couples(loss, x->couples, t, put_pull, mask);
  pull_rows(t, x->y, loss->dim, gradient_x);
  pull_columns(t, x->x, loss->dim, first, slot->gradient);
}

/* Rows of the panel += what the slots hold, in the order of the slots. */
static void merge_panel(const cgap_loss *loss, size_t groups, size_t row, size_t rows, float *gradient)
{
  for (size_t g = 0; g < groups; g++)
    add_rows(gradient + row * loss->dim, loss->slot[g].gradient + row % TILE * loss->dim, rows * loss->dim);
}

enum { MERGE_ROWS = 32 };

double cgap_loss_backward(cgap_loss *loss, const cgap_cross *x, float *gradient_x, float *gradient_y)
{
  const size_t images = x->couples->images, texts = x->couples->texts;
  const size_t blocks = blocks_of(images), groups = groups_of(blocks), panels = blocks_of(texts);
  float *keep = images * texts <= CGAP_LOSS_KEEP ? loss->keep : NULL;
  double dot = 0;
#pragma omp parallel num_threads(loss->threads) if (images * texts * loss->dim > PARALLEL_FROM)
  for (size_t panel = 0; panel < panels; panel++) {
    const size_t end = panel * TILE + extent(panel, texts);
#pragma omp for schedule(dynamic, 1)
    for (size_t g = 0; g < groups; g++) {
      cgap_slot *slot = &loss->slot[g];
      const size_t begin = g * blocks / groups;
      slot->dot = 0;
      for (size_t block = begin; block < (g + 1) * blocks / groups; block++) {
        tile t = tile_at(loss, block, images, panel, texts, keep);
        backward_tile(loss, x, &t, keep != NULL, slot, block == begin, gradient_x);
      }
    }
#pragma omp for schedule(static)
    for (size_t row = panel * TILE; row < end; row += MERGE_ROWS)
      merge_panel(loss, groups, row, end - row < MERGE_ROWS ? end - row : MERGE_ROWS, gradient_y);
#pragma omp single
    for (size_t g = 0; g < groups; g++)
      dot += loss->slot[g].dot;
  }
  return dot;
}

/* A tile of one side with itself: on the diagonal every couple stands twice and a row is no couple. */
static void uniformity_tile(cgap_loss *loss, const float *z, const tile *t, cgap_slot *slot, bool first,
                            float *gradient)
{
  const bool diagonal = t->row == t->column;
  cosines(t, z, z, loss->dim);
  for (size_t i = 0; diagonal && i < t->rows; i++)
    t->s[i * t->ld + i] = mask_of(1);
  slot->sum += loss->vector->tile_kernel(t->s, t->rows, t->columns, t->ld) * (diagonal ? 0.5 : 1);
  if (!gradient)
    return;
  pull_rows(t, z, loss->dim, gradient);
  if (!diagonal)
    pull_columns(t, z, loss->dim, first, slot->gradient);
  else if (first)
    memset(slot->gradient, 0, t->columns * loss->dim * sizeof *slot->gradient);
}

double cgap_loss_uniformity(cgap_loss *loss, const float *z, size_t rows, float *gradient)
{
  double sum = 0;
#pragma omp parallel num_threads(loss->threads) if (rows * rows * loss->dim > 2 * PARALLEL_FROM)
  for (size_t panel = 0; panel < blocks_of(rows); panel++) {
    const size_t blocks = panel + 1, groups = groups_of(blocks), end = panel * TILE + extent(panel, rows);
#pragma omp for schedule(dynamic, 1)
    for (size_t g = 0; g < groups; g++) {
      cgap_slot *slot = &loss->slot[g];
      const size_t begin = g * blocks / groups;
      slot->sum = 0;
      for (size_t block = begin; block < (g + 1) * blocks / groups; block++) {
        tile t = tile_at(loss, block, rows, panel, rows, NULL);
        uniformity_tile(loss, z, &t, slot, block == begin, gradient);
      }
    }
#pragma omp for schedule(static)
    for (size_t row = panel * TILE; row < end; row += MERGE_ROWS)
      if (gradient)
        merge_panel(loss, groups, row, end - row < MERGE_ROWS ? end - row : MERGE_ROWS, gradient);
#pragma omp single
    for (size_t g = 0; g < groups; g++)
      sum += loss->slot[g].sum;
  }
  return sum;
}
