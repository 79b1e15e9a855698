#include "rows/row_blocks.h"

#include "base/memory.h"
#include "base/source.h"
#include "rows/row_reader.h"

/* Room for unit rows, and for raw ones where those are not in memory. */
static cgap_status reserve_rows(cgap_row_block *block, size_t rows, bool raw, cgap_error *error)
{
  const cgap_modality_rows *modality = block->modality;
  const size_t element = raw ? cgap_type_size(modality->source->type) : 0;
  if (rows <= block->capacity && element <= block->element)
    return CGAP_OK;
  cgap_free(block->own_unit);
  cgap_free(block->own_raw);
  block->capacity = rows;
  block->element = element;
  block->own_unit = cgap_alloc(rows, modality->dim * sizeof(float));
  block->own_raw = cgap_alloc(rows, modality->dim * element);
  if (!block->own_unit || !block->own_raw)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu rows of %zu", modality->source->name, rows,
                     modality->dim);
  return CGAP_OK;
}

cgap_status cgap_row_block_load(cgap_row_block *block, const cgap_modality_rows *modality, size_t first, size_t rows,
                                cgap_error *error)
{
  const size_t dim = modality->dim, row_bytes = cgap_row_bytes(modality->source);
  block->modality = modality;
  block->first = first;
  block->rows = rows;
  const bool held = cgap_modality_rows_hold(modality, first, rows);
  if (held && modality->unit) {
    block->unit = modality->unit + (first - modality->own_first) * dim;
    block->raw = modality->raw + (first - modality->own_first) * row_bytes;
    return CGAP_OK;
  }
  cgap_status status = reserve_rows(block, rows, !held, error);
  block->unit = block->own_unit;
  block->raw = held ? modality->raw + (first - modality->own_first) * row_bytes : block->own_raw;
  if (!status && !held)
    status = cgap_modality_rows_read(modality, first, rows, block->own_raw, error);
  if (!status)
    cgap_modality_rows_normalise(modality, first, rows, block->raw, block->own_unit, 1);
  return status;
}

cgap_row_block cgap_row_block_view(const cgap_row_block *block)
{
  return (cgap_row_block){
    .modality = block->modality, .first = block->first, .rows = block->rows, .unit = block->unit, .raw = block->raw};
}

void cgap_row_block_clear(cgap_row_block *block)
{
  cgap_free(block->own_unit);
  cgap_free(block->own_raw);
  *block = (cgap_row_block){0};
}

cgap_status cgap_row_block_to_bfloat16(cgap_bfloat16_rows *out, const cgap_row_block *block, const double *mean,
                                       const double *other_mean, int threads, cgap_error *error)
{
  const cgap_modality_rows *modality = block->modality;
  return cgap_bfloat16_rows_make(out, block->unit, block->rows, modality->dim, modality->source->name, mean, other_mean,
                                 threads, error);
}

/* ---------------------------------------------------------------- pairs of blocks */

static bool within_row(const cgap_row_block_pairs *p, const cgap_row_block_step *at)
{
  return p->triangle && at->column < at->row + p->row_step;
}

/* Along a row of blocks, then back along the next. */
static void advance_step(const cgap_row_block_pairs *p, cgap_row_block_step *at)
{
  const size_t first = p->triangle ? at->row : 0;
  if (!at->back && p->columns->rows - at->column > p->column_step) {
    at->column += p->column_step;
  } else if (at->back && at->column > first) {
    at->column -= p->column_step;
  } else if (p->rows->rows - at->row > p->row_step) {
    at->row += p->row_step;
    at->back = !at->back;
    if (p->triangle && !at->back)
      at->column = at->row;
  } else {
    at->over = true;
  }
}

/* Whether a step needs a block that is not loaded; *row: one of `rows`, else one of `columns`. */
static bool needs_load(const cgap_row_block_pairs *p, const cgap_row_block_step *at, bool *row)
{
  *row = !p->a.modality || p->a.first != at->row;
  return *row || (!within_row(p, at) && (!p->b.modality || p->b.first != at->column));
}

static cgap_status load_block(void *context, cgap_error *error)
{
  cgap_row_block *block = context;
  return cgap_row_block_load(block, block->modality, block->first, block->rows, error);
}

/* Sets what a block is to have. */
static void set_target(const cgap_row_block_pairs *p, cgap_row_block *block, const cgap_row_block_step *at, bool row)
{
  block->modality = row ? p->rows : p->columns;
  block->first = row ? at->row : at->column;
  block->rows = cgap_lesser(block->modality->rows - block->first, row ? p->row_step : p->column_step);
}

/* Starts to read the next block that is not loaded. */
static void start_next_load(cgap_row_block_pairs *p)
{
  cgap_row_block_step at = p->at;
  bool row = false;
  while (!at.over && !needs_load(p, &at, &row))
    advance_step(p, &at);
  if (at.over || !p->ahead.threaded)
    return;
  set_target(p, &p->next, &at, row);
  p->loading = true;
  p->loading_row = row;
  cgap_background_reader_start(&p->ahead, load_block, &p->next);
}

/* What is being read, if anything is, is the block that is needed first. */
static cgap_status finish_load(cgap_row_block_pairs *p, bool row, cgap_error *error)
{
  cgap_row_block *block = row ? &p->a : &p->b;
  cgap_status status;
  if (p->loading) {
    status = cgap_background_reader_wait(&p->ahead, error);
    p->loading = false;
    const cgap_row_block old = *block;
    *block = p->next;
    p->next = old;
  } else {
    set_target(p, block, &p->at, row);
    status = load_block(block, error);
  }
  if (status)
    block->modality = NULL;
  p->new_a |= row;
  p->new_b |= !row;
  return status;
}

void cgap_row_block_pairs_open(cgap_row_block_pairs *p, int threads)
{
  const bool held = p->rows->unit && p->columns->unit;
  cgap_background_reader_open(&p->ahead, held ? 1 : threads);
}

void cgap_row_block_pairs_close(cgap_row_block_pairs *p)
{
  cgap_background_reader_close(&p->ahead);
  cgap_row_block_clear(&p->a);
  cgap_row_block_clear(&p->b);
  cgap_row_block_clear(&p->next);
}

cgap_status cgap_row_block_pairs_next(cgap_row_block_pairs *p, cgap_row_block *a, cgap_row_block *b, bool *more,
                                      cgap_error *error)
{
  cgap_status status = CGAP_OK;
  bool row;
  if (p->started)
    advance_step(p, &p->at);
  else
    p->at = (cgap_row_block_step){.over = p->rows->rows == 0 || p->columns->rows == 0};
  p->started = true;
  p->new_a = p->new_b = false;
  *more = !p->at.over;
  while (*more && !status && needs_load(p, &p->at, &row))
    status = finish_load(p, row, error);
  if (!*more || status)
    return status;
  if (!p->loading)
    start_next_load(p);
  *a = cgap_row_block_view(&p->a);
  *b = cgap_row_block_view(&p->b);
  p->within = within_row(p, &p->at);
  if (p->within) {
    const size_t off = p->at.column - p->at.row, dim = p->rows->dim;
    *b = cgap_row_block_view(&p->a);
    b->first += off;
    b->rows = cgap_lesser(p->a.rows - off, p->column_step);
    b->unit += off * dim;
    b->raw += off * cgap_row_bytes(p->rows->source);
  }
  return CGAP_OK;
}
