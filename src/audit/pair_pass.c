/* Computes the cosines of all pairs of one kind, in tiles X_I · Y_Jᵀ, and shows each tile once to every measure. */
#include "audit/pair_tile.h"
#include "audit/passes.h"
#include "base/memory.h"
#include "base/threads.h"
#include "rows/row_blocks.h"
#include "simd/convert.h"

#include <math.h>
#include <omp.h>

/* By how much what was computed in double is off once it is a float, and bounds with it. */
#define ROUNDED 0x1p-22f
enum { LINE = 64, PREFETCH_BYTES_MAX = 4096 }; /* bytes of a cache line, and of a row that are fetched ahead */

/* One pass over one kind of pairs. */
typedef struct pair_pass {
  cgap_pair_tile_pass tile;
  cgap_audit_sums *evidence;
  const cgap_embeddings *embeddings;
  cgap_top_k rows, columns; /* of a triangle's one block the first alone */
  cgap_exact_format format[CGAP_MEASURES];
  const cgap_pair_pass_options *options;
  size_t tiles_done, tiles; /* for progress */
  bool cancelled, out_of_memory;
} pair_pass;

/* ---------------------------------------------------------------- merging */

static void merge_rows(const pair_pass *p, cgap_top_k *best, size_t row, size_t rows, const cgap_pair_tile_worker *w,
                       bool columns)
{
  if (!best->totals->memory)
    return;
  cgap_top_k_lock(best, row);
  for (int m = 0; cgap_measures[m]; m++)
    if (w->sums[m].counts)
      cgap_pair_sums_add(best->totals, m, &p->format[m], columns ? w->sums[m].column_sums : w->sums[m].row_sums,
                         columns ? w->sums[m].column_counts : w->sums[m].row_counts, CGAP_TILE, row, rows);
  cgap_top_k_unlock(best, row);
}

/* In any order: nothing here depends on it. */
static void merge_tile(pair_pass *p, const cgap_pair_tile_place *t, const cgap_pair_tile_worker *w)
{
  cgap_audit_sums *e = p->evidence;
  const cgap_pair_kind kind = p->tile.kind;
  merge_rows(p, p->tile.row_top_k, t->row, t->rows, w, false);
  merge_rows(p, p->tile.column_maxima, t->column, t->columns, w, true);
#pragma omp critical(cgap_merge)
  {
    for (int m = 0; cgap_measures[m]; m++)
      for (size_t k = 0; w->sums[m].counts && k < cgap_measures[m]->need.counts; k++)
        e->sums[kind][m].counts[k] += w->sums[m].counts[k];
    e->least[kind] = fmin(e->least[kind], w->least);
    e->greatest[kind] = fmax(e->greatest[kind], w->greatest);
  }
}

/* ---------------------------------------------------------------- the pass */

/* A tile of the current panels; of a triangle only those on and right of the diagonal. */
static bool tile_at(const cgap_pair_tile_pass *p, size_t row_block, size_t column_block, cgap_pair_tile_place *t)
{
  t->row = p->a.first + row_block * CGAP_TILE;
  t->column = p->b.first + column_block * CGAP_TILE;
  t->rows = p->a.rows - row_block * CGAP_TILE;
  t->columns = p->b.rows - column_block * CGAP_TILE;
  t->rows = t->rows < CGAP_TILE ? t->rows : CGAP_TILE;
  t->columns = t->columns < CGAP_TILE ? t->columns : CGAP_TILE;
  t->diagonal = p->triangle && t->row == t->column;
  return !p->triangle || t->row <= t->column;
}

static void report_progress(pair_pass *p, size_t done)
{
  const cgap_pair_pass_options *o = p->options;
  double fraction = o->fraction_before + (o->fraction_after - o->fraction_before) * (double)done / (double)p->tiles;
  if (o->progress.tick && o->progress.tick(o->progress.context, "pairs", fraction)) {
#pragma omp atomic write
    p->cancelled = true;
  }
}

static void run_tile(pair_pass *p, const cgap_pair_tile_place *t, cgap_pair_tile_worker *w)
{
  size_t done;
  if (!cgap_pair_tile_run(&p->tile, t, w)) {
#pragma omp atomic write
    p->out_of_memory = true;
    return;
  }
  merge_tile(p, t, w);
#pragma omp atomic capture
  done = ++p->tiles_done;
  if (omp_get_thread_num() == 0)
    report_progress(p, done);
}

/* Tiles below one another use the same packed rows of columns, so these come in turn. */
static cgap_status run_panels(pair_pass *p, cgap_error *error)
{
  const size_t row_blocks = (p->tile.a.rows + CGAP_TILE - 1) / CGAP_TILE,
               column_blocks = (p->tile.b.rows + CGAP_TILE - 1) / CGAP_TILE;
#pragma omp parallel num_threads(p->options->threads)
  {
    cgap_pair_tile_worker w;
    if (!cgap_pair_tile_worker_init(&w, &p->tile)) {
#pragma omp atomic write
      p->out_of_memory = true;
    }
#pragma omp for schedule(dynamic, 1)
    for (size_t n = 0; n < row_blocks * column_blocks; n++) {
      cgap_pair_tile_place t;
      bool stop, failed;
#pragma omp atomic read
      stop = p->cancelled;
#pragma omp atomic read
      failed = p->out_of_memory;
      if (!stop && !failed && tile_at(&p->tile, n % row_blocks, n / row_blocks, &t))
        run_tile(p, &t, &w);
    }
    cgap_pair_tile_worker_clear(&w);
  }
  if (p->out_of_memory)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the workers of the tile pass; use fewer `threads`");
  cgap_top_k_resolve(&p->rows, &p->tile.exact, p->options->threads);
  if (p->tile.column_maxima != &p->rows)
    cgap_top_k_resolve(&p->columns, &p->tile.exact, p->options->threads);
  return p->cancelled ? cgap_fail(error, CGAP_INTERRUPTED, "interrupted during the tile pass; nothing was written")
                      : CGAP_OK;
}

/* ---------------------------------------------------------------- cosines one by one */

static double exact_cosine(const void *context, size_t row, size_t column)
{
  const cgap_pair_tile_pass *p = context;
  const cgap_modality_rows *a = p->a.modality, *b = p->b.modality;
  const size_t a_bytes = a->dim * cgap_type_size(a->source->type), b_bytes = b->dim * cgap_type_size(b->source->type);
  const unsigned char *x = p->a.raw + (row - p->a.first) * a_bytes, *y = p->b.raw + (column - p->b.first) * b_bytes;
  return cgap_raw_dot(a->source->type, x, cgap_row_scale(a, row, x), b->source->type, y, cgap_row_scale(b, column, y),
                      a->dim);
}

static float rounding_margin(const void *context, size_t row, size_t column)
{
  const cgap_pair_tile_pass *p = context;
  return cgap_bfloat16_margin(&p->a_bfloat16, row - p->a.first, &p->b_bfloat16, column - p->b.first);
}

/* All of it: the rows that come next are far apart in memory. */
static void prefetch_raw_rows(const void *context, size_t row, bool rows)
{
  const cgap_pair_tile_pass *p = context;
  const cgap_row_block *panel = rows ? &p->a : &p->b;
  const size_t bytes = panel->modality->dim * cgap_type_size(panel->modality->source->type);
  const unsigned char *raw = panel->raw + (row - panel->first) * bytes;
  for (size_t k = 0; k < bytes && k < PREFETCH_BYTES_MAX; k += LINE)
    __builtin_prefetch(raw + k);
}

/* ---------------------------------------------------------------- start and end */

static void pass_init(pair_pass *p, cgap_audit_sums *evidence, cgap_pair_kind kind,
                      const cgap_pair_pass_options *options)
{
  *p = (pair_pass){.evidence = evidence, .options = options};
  p->tile = (cgap_pair_tile_pass){
    .evidence = evidence,
    .kind = kind,
    .triangle = kind != CGAP_IMAGE_TEXT,
    .row_first = kind == CGAP_TEXT_TEXT ? evidence->text.first_equal : evidence->image.first_equal,
    .column_first = kind == CGAP_IMAGE_IMAGE ? evidence->image.first_equal : evidence->text.first_equal,
    .kernels = cgap_audit_kernels_here(),
    .product = cgap_tile_gemm_here(options->bfloat),
    .bfloat = options->bfloat && !options->precise[kind],
    .precise = options->precise[kind],
    .margin = options->precise[kind] ? ROUNDED : cgap_product_margin(evidence->dim),
  };
  for (int m = 0; cgap_measures[m]; m++)
    p->format[m] = cgap_measure_format(cgap_measures[m], evidence->temperature);
  p->tile.exact = (cgap_exact_cosines){.cosine = exact_cosine,
                                       .margin = p->tile.bfloat ? rounding_margin : NULL,
                                       .prefetch = prefetch_raw_rows,
                                       .context = &p->tile};
}

/* Tiles of these rows and columns; of a triangle those on and right of the diagonal. */
static size_t tiles_of(const pair_pass *p, size_t first_row, size_t rows, size_t first_column, size_t columns)
{
  const size_t row_tiles = (rows + CGAP_TILE - 1) / CGAP_TILE, column_tiles = (columns + CGAP_TILE - 1) / CGAP_TILE;
  size_t tiles = 0;
  if (!p->tile.triangle)
    return row_tiles * column_tiles;
  for (size_t c = 0; c < column_tiles; c++) {
    const size_t column = first_column / CGAP_TILE + c, row = first_row / CGAP_TILE;
    const size_t above = column >= row ? column - row + 1 : 0;
    tiles += above < row_tiles ? above : row_tiles;
  }
  return tiles;
}

/* The bfloat16 rows of a block that is part of another. */
static cgap_bfloat16_rows bfloat16_view(const cgap_bfloat16_rows *of, size_t off, size_t rows, size_t dim)
{
  return (cgap_bfloat16_rows){.rows = rows,
                              .product = of->product,
                              .row = of->row + off * dim,
                              .offset = of->offset + off,
                              .norm = of->norm + off,
                              .residual = of->residual + off};
}

/* What the tiles take in bfloat16 of the current panels; a and b own it. */
static cgap_status make_bfloat16(pair_pass *p, const cgap_row_block_pairs *panels, cgap_bfloat16_rows *a,
                                 cgap_bfloat16_rows *b, cgap_error *error)
{
  const cgap_modality_rows *rows = panels->rows, *columns = panels->columns;
  cgap_status status = CGAP_OK;
  if (panels->new_a)
    status = cgap_row_block_to_bfloat16(a, &p->tile.a, rows->mean, columns->mean, p->options->threads, error);
  if (!status && panels->new_b)
    status = cgap_row_block_to_bfloat16(b, &p->tile.b, columns->mean, rows->mean, p->options->threads, error);
  p->tile.a_bfloat16 = *a;
  p->tile.b_bfloat16 =
    panels->within && !status ? bfloat16_view(a, p->tile.b.first - p->tile.a.first, p->tile.b.rows, rows->dim) : *b;
  return status;
}

static cgap_status run_all_panels(pair_pass *p, cgap_error *error)
{
  const cgap_pair_kind kind = p->tile.kind;
  const cgap_pair_pass_options *o = p->options;
  cgap_row_block_pairs panels = {.rows = kind == CGAP_TEXT_TEXT ? &p->embeddings->text : &p->embeddings->image,
                                 .columns = kind == CGAP_IMAGE_IMAGE ? &p->embeddings->image : &p->embeddings->text,
                                 .row_step = o->panel_rows,
                                 .column_step = o->column_rows ? o->column_rows : o->panel_rows,
                                 .triangle = p->tile.triangle};
  cgap_bfloat16_rows a = {0}, b = {0};
  cgap_status status = CGAP_OK;
  bool more = true;
  cgap_row_block_pairs_open(&panels, o->threads);
  while (!status && more) {
    status = cgap_row_block_pairs_next(&panels, &p->tile.a, &p->tile.b, &more, error);
    if (!status && more && p->tile.bfloat)
      status = make_bfloat16(p, &panels, &a, &b, error);
    if (!status && more)
      status = run_panels(p, error);
  }
  cgap_row_block_pairs_close(&panels);
  cgap_bfloat16_rows_clear(&a);
  cgap_bfloat16_rows_clear(&b);
  p->tile.a = p->tile.b = (cgap_row_block){0};
  p->tile.a_bfloat16 = p->tile.b_bfloat16 = (cgap_bfloat16_rows){0};
  return status;
}

static cgap_status open_lists(pair_pass *p, cgap_pair_sums *rows, cgap_pair_sums *columns, cgap_top_k_kind kind,
                              cgap_error *error)
{
  const bool one = rows == columns, triangle = p->tile.triangle;
  p->tile.row_top_k = &p->rows;
  p->tile.column_maxima = one ? &p->rows : &p->columns;
  return cgap_top_k_init(&p->rows, rows, triangle, false, kind) &&
             (one || cgap_top_k_init(&p->columns, columns, triangle, true, kind))
           ? CGAP_OK
           : cgap_fail(error, CGAP_RESOURCE, "out of memory for a pass over %zu and %zu rows", rows->rows,
                       columns->rows);
}

static void pass_clear(pair_pass *p)
{
  cgap_top_k_clear(&p->rows);
  cgap_top_k_clear(&p->columns);
  cgap_row_block_clear(&p->tile.a);
  cgap_row_block_clear(&p->tile.b);
  cgap_bfloat16_rows_clear(&p->tile.a_bfloat16);
  cgap_bfloat16_rows_clear(&p->tile.b_bfloat16);
}

/* Which candidates come to the lists. A float product decides the ten nearest of most rows where all rows are in
 * memory, and there are no equal ones, whose lists would have to be merged. */
static cgap_top_k_kind top_k_kind_of(const pair_pass *p, const cgap_embeddings *e)
{
  const size_t columns = p->options->column_rows, step = columns ? columns : p->options->panel_rows;
  const bool texts = e->text.rows == 0 || (e->text.unit && step >= e->text.rows),
             all = e->image.unit && step >= e->image.rows && texts;
  if (p->tile.precise)
    return CGAP_TOP_K_PRECISE;
  return all && !p->tile.bfloat && !e->image.first_equal && !e->text.first_equal ? CGAP_TOP_K_COMPLETE
                                                                                 : CGAP_TOP_K_PARTIAL;
}

/* The pass itself, into totals that may be the same (of a triangle) or are of the two modalities. */
static cgap_status run_pass(cgap_audit_sums *evidence, const cgap_embeddings *e, cgap_pair_kind kind,
                            const cgap_pair_pass_options *options, cgap_pair_sums *rows, cgap_pair_sums *columns,
                            cgap_error *error)
{
  const int blas_threads = cgap_blas_single();
  pair_pass p;
  pass_init(&p, evidence, kind, options);
  p.embeddings = e;
  p.tiles = tiles_of(&p, 0, rows->rows, 0, columns->rows);
  const cgap_top_k_kind best = top_k_kind_of(&p, e);
  if (best == CGAP_TOP_K_COMPLETE)
    evidence->list_margin = p.tile.margin;
  cgap_status status = open_lists(&p, rows, columns, best, error);
  if (!status)
    status = run_all_panels(&p, error);
  pass_clear(&p);
  cgap_blas_restore(blas_threads);
  return status;
}

cgap_status cgap_pair_pass_show(cgap_audit_sums *evidence, cgap_pair_kind kind, const cgap_pair_pass_options *options,
                                const cgap_row_block *a, cgap_pair_sums *rows, const cgap_row_block *b,
                                cgap_pair_sums *columns, cgap_error *error)
{
  pair_pass p;
  pass_init(&p, evidence, kind, options);
  p.tiles = tiles_of(&p, a->first, a->rows, b->first, b->rows);
  if (p.tiles == 0)
    return CGAP_OK;
  const int blas_threads = cgap_blas_single();
  p.tile.a = cgap_row_block_view(a);
  p.tile.b = cgap_row_block_view(b);
  cgap_status status = open_lists(&p, rows, columns, p.tile.precise ? CGAP_TOP_K_PRECISE : CGAP_TOP_K_PARTIAL, error);
  if (!status && p.tile.bfloat)
    status =
      cgap_row_block_to_bfloat16(&p.tile.a_bfloat16, a, a->modality->mean, b->modality->mean, options->threads, error);
  if (!status && p.tile.bfloat)
    status =
      cgap_row_block_to_bfloat16(&p.tile.b_bfloat16, b, b->modality->mean, a->modality->mean, options->threads, error);
  if (!status)
    status = run_panels(&p, error);
  pass_clear(&p);
  cgap_blas_restore(blas_threads);
  return status;
}

void cgap_pair_pass_finish(cgap_audit_sums *e, const cgap_pair_sums *totals, bool columns)
{
  cgap_neighbours *lists[CGAP_PAIR_KINDS][2] = {
    [CGAP_IMAGE_IMAGE] = {&e->image_image, NULL},
    [CGAP_TEXT_TEXT] = {&e->text_text, NULL},
    [CGAP_IMAGE_TEXT] = {&e->image_text, &e->text_image},
  };
  const cgap_sums *sums = e->sums[totals->kind];
  for (int m = 0; cgap_measures[m]; m++)
    if (sums[m].counts)
      cgap_pair_sums_finish(totals, e, m, columns ? sums[m].column_sums : sums[m].row_sums,
                            columns ? sums[m].column_counts : sums[m].row_counts,
                            columns ? sums[m].column_stride : sums[m].row_stride);
  if (totals->lists.list)
    cgap_neighbours_copy(lists[totals->kind][columns], totals->first, &totals->lists);
}

/* Queries against all candidates: sums of the queries, no lists, nothing of the candidates. */
static cgap_status run_queries(cgap_audit_sums *evidence, const cgap_embeddings *e,
                               const cgap_pair_pass_options *options, cgap_error *error)
{
  const size_t images = evidence->image.rows, texts = evidence->text.rows;
  const bool columns = options->want == CGAP_WANT_COLUMN_QUERIES;
  cgap_pair_sums query_sums = {0}, no_sums = {.kind = CGAP_IMAGE_TEXT, .rows = columns ? images : texts};
  cgap_status status = cgap_sums_init_queries(evidence, columns ? 0 : images, columns ? texts : 0, error);
  if (!status)
    status = cgap_pair_sums_init_queries(&query_sums, evidence, columns ? texts : images, error);
  if (!status)
    status = run_pass(evidence, e, CGAP_IMAGE_TEXT, options, columns ? &no_sums : &query_sums,
                      columns ? &query_sums : &no_sums, error);
  if (!status)
    cgap_pair_pass_finish(evidence, &query_sums, columns);
  cgap_pair_sums_clear(&query_sums);
  return status;
}

cgap_status cgap_pair_pass_run(cgap_audit_sums *evidence, const cgap_embeddings *e, cgap_pair_kind kind,
                               const cgap_pair_pass_options *options, cgap_error *error)
{
  const size_t images = evidence->image.rows, texts = evidence->text.rows;
  const bool triangle = kind != CGAP_IMAGE_TEXT;
  cgap_pair_sums rows = {0}, columns = {0};
  if (options->want != CGAP_WANT_ALL)
    return run_queries(evidence, e, options, error);
  cgap_status status = cgap_sums_init(evidence, kind, true, error);
  if (!status)
    status = cgap_pair_sums_init(&rows, evidence, kind, 0, kind == CGAP_TEXT_TEXT ? texts : images, error);
  if (!status && !triangle)
    status = cgap_pair_sums_init(&columns, evidence, kind, 0, texts, error);
  if (!status)
    status = run_pass(evidence, e, kind, options, &rows, triangle ? &rows : &columns, error);
  if (!status)
    cgap_pair_pass_finish(evidence, &rows, false);
  if (!status && !triangle)
    cgap_pair_pass_finish(evidence, &columns, true);
  cgap_pair_sums_clear(&rows);
  cgap_pair_sums_clear(&columns);
  return status;
}
