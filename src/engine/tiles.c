#include "engine/tiles.h"

#include "engine/blas.h"
#include "engine/panel.h"
#include "memory.h"

#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <string.h>

enum {
  STRIP = 32,
  FIRST_LOOK = 32,
  PIECES = 4
}; /* rows shown to the measures at once: a strip stays in the second-level cache */

/* What one worker owns. */
typedef struct worker {
  float *tile; /* (CGAP_TILE, CGAP_TILE) */
  cgap_sums sums[CGAP_MEASURES];
  cgap_neighbours rows, columns;   /* lists of this tile alone */
  float *row_bound, *column_bound; /* what a candidate must reach; both (CGAP_TILE) */
  float least, greatest;
} worker;

/* One pass over one kind of couples, for the panels at hand. */
typedef struct pass {
  cgap_evidence *evidence;
  const cgap_embeddings *embeddings;
  cgap_couples kind;
  bool triangle;
  cgap_panel a, b; /* rows and columns */
  cgap_neighbours *row_lists, *column_lists;
  const size_t *row_first, *column_first; /* first_equal of the sides */
  const cgap_kernels *kernels;
  const cgap_tile_options *options;
  size_t tiles_done, tiles; /* for progress */
  bool cancelled;
} pass;

typedef struct tile {
  size_t row, column;   /* of the sides */
  size_t rows, columns; /* at most CGAP_TILE */
  bool diagonal;
} tile;

static bool looks_at(const cgap_measure *measure, cgap_couples kind, bool paired)
{
  return (measure->couples & 1u << kind) && (paired || !measure->paired_only);
}

/* ---------------------------------------------------------------- sums */

static bool sums_alloc(cgap_sums *s, cgap_need need, size_t rows, size_t columns, bool shared)
{
  *s = (cgap_sums){.row_stride = rows, .column_stride = columns};
  s->counts = cgap_zalloc(need.counts, sizeof *s->counts);
  s->row_sums = cgap_zalloc(need.sums * rows, sizeof *s->row_sums);
  s->row_counts = cgap_zalloc(need.row_counts * rows, sizeof *s->row_counts);
  s->column_sums = shared ? s->row_sums : cgap_zalloc(need.sums * columns, sizeof *s->column_sums);
  s->column_counts = shared ? s->row_counts : cgap_zalloc(need.row_counts * columns, sizeof *s->column_counts);
  return s->counts && s->row_sums && s->row_counts && s->column_sums && s->column_counts;
}

static void sums_free(cgap_sums *s)
{
  if (s->column_sums != s->row_sums)
    cgap_free(s->column_sums);
  if (s->column_counts != s->row_counts)
    cgap_free(s->column_counts);
  cgap_free(s->counts);
  cgap_free(s->row_sums);
  cgap_free(s->row_counts);
  *s = (cgap_sums){0};
}

static void sums_zero(cgap_sums *s, cgap_need need)
{
  memset(s->counts, 0, need.counts * sizeof *s->counts);
  memset(s->row_sums, 0, need.sums * s->row_stride * sizeof *s->row_sums);
  memset(s->row_counts, 0, need.row_counts * s->row_stride * sizeof *s->row_counts);
  memset(s->column_sums, 0, need.sums * s->column_stride * sizeof *s->column_sums);
  memset(s->column_counts, 0, need.row_counts * s->column_stride * sizeof *s->column_counts);
}

cgap_status cgap_sums_init(cgap_evidence *evidence, cgap_couples kind, cgap_error *error)
{
  size_t rows = kind == CGAP_TEXT_TEXT ? evidence->text.rows : evidence->image.rows;
  size_t columns = kind == CGAP_IMAGE_IMAGE ? evidence->image.rows : evidence->text.rows;
  for (int m = 0; m < CGAP_MEASURES; m++)
    if (looks_at(cgap_measures[m], kind, evidence->paired) &&
        !sums_alloc(&evidence->sums[kind][m], cgap_measures[m]->need, rows, columns, kind != CGAP_IMAGE_TEXT))
      return cgap_fail(error, CGAP_RESOURCE, "no memory for the sums of %zu and %zu rows", rows, columns);
  return CGAP_OK;
}

void cgap_sums_clear(cgap_evidence *evidence)
{
  for (int kind = 0; kind < CGAP_COUPLE_KINDS; kind++)
    for (int m = 0; m < CGAP_MEASURES; m++)
      sums_free(&evidence->sums[kind][m]);
}

static void add_doubles(double *to, size_t to_stride, const double *from, size_t from_stride, size_t arrays, size_t n)
{
  for (size_t k = 0; k < arrays; k++)
    for (size_t i = 0; i < n; i++)
      to[k * to_stride + i] += from[k * from_stride + i];
}

static void add_counts(uint64_t *to, size_t to_stride, const uint64_t *from, size_t from_stride, size_t arrays,
                       size_t n)
{
  for (size_t k = 0; k < arrays; k++)
    for (size_t i = 0; i < n; i++)
      to[k * to_stride + i] += from[k * from_stride + i];
}

static void sums_merge(cgap_sums *to, const cgap_sums *from, cgap_need need, const tile *t)
{
  add_counts(to->counts, 0, from->counts, 0, 1, need.counts);
  add_doubles(to->row_sums + t->row, to->row_stride, from->row_sums, from->row_stride, need.sums, t->rows);
  add_doubles(to->column_sums + t->column, to->column_stride, from->column_sums, from->column_stride, need.sums,
              t->columns);
  add_counts(to->row_counts + t->row, to->row_stride, from->row_counts, from->row_stride, need.row_counts, t->rows);
  add_counts(to->column_counts + t->column, to->column_stride, from->column_counts, from->column_stride,
             need.row_counts, t->columns);
}

/* ---------------------------------------------------------------- workers */

static void worker_free(worker *w)
{
  cgap_free(w->tile);
  cgap_free(w->row_bound);
  cgap_free(w->column_bound);
  cgap_neighbours_clear(&w->rows);
  cgap_neighbours_clear(&w->columns);
  for (int m = 0; m < CGAP_MEASURES; m++)
    sums_free(&w->sums[m]);
}

static bool worker_alloc(worker *w, cgap_couples kind, bool paired)
{
  *w = (worker){0};
  w->tile = cgap_alloc((size_t)CGAP_TILE * CGAP_TILE, sizeof *w->tile);
  w->row_bound = cgap_alloc(CGAP_TILE, sizeof *w->row_bound);
  w->column_bound = cgap_alloc(CGAP_TILE, sizeof *w->column_bound);
  bool fine = w->tile && w->row_bound && w->column_bound && cgap_neighbours_init(&w->rows, CGAP_TILE) &&
              cgap_neighbours_init(&w->columns, CGAP_TILE);
  for (int m = 0; m < CGAP_MEASURES; m++)
    if (fine && looks_at(cgap_measures[m], kind, paired))
      fine = sums_alloc(&w->sums[m], cgap_measures[m]->need, CGAP_TILE, CGAP_TILE, false);
  return fine;
}

size_t cgap_tiles_worker_bytes(void)
{
  return (size_t)CGAP_TILE * CGAP_TILE * sizeof(float) +
         (size_t)CGAP_TILE * (2 * CGAP_NEIGHBOURS * sizeof(cgap_neighbour) + 256);
}

/* ---------------------------------------------------------------- one tile */

/* A diagonal tile is used right of its diagonal only: its product is made in PIECES bands that leave out most of
 * the rest. */
static void multiply(const pass *p, const tile *t, float *out)
{
  const size_t dim = p->a.side->dim, band = t->diagonal ? (t->rows + PIECES - 1) / PIECES : t->rows;
  const float *a = p->a.unit + (t->row - p->a.first) * dim, *b = p->b.unit + (t->column - p->b.first) * dim;
  for (size_t row = 0; row < t->rows; row += band) {
    const size_t column = t->diagonal ? row : 0, rows = t->rows - row < band ? t->rows - row : band;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)(t->columns - column), (int)dim, 1.0f,
                a + row * dim, (int)dim, b + column * dim, (int)dim, 0.0f, out + row * CGAP_TILE + column, CGAP_TILE);
  }
}

static bool is_first(const size_t *first_equal, size_t row)
{
  return !first_equal || first_equal[row] == row;
}

/* Offers a couple to the tile's own list of one of its rows, and raises the bound as the list fills. */
static void offer(cgap_neighbours *lists, float *bound, size_t row, float cosine, size_t candidate)
{
  if (cosine < bound[row])
    return;
  cgap_neighbours_offer(lists, row, fminf(cosine, 1.0f), (uint32_t)candidate);
  bound[row] = fmaxf(bound[row], cgap_neighbours_bound(lists, row));
}

static void find_neighbours(const pass *p, const tile *t, worker *w, const cgap_strip *s)
{
  uint16_t index[CGAP_TILE];
  for (size_t r = 0; r < s->rows; r++) {
    const size_t first = s->first[r], row = s->tile_row + r;
    const float *cosine = s->cosine + r * s->stride + first;
    const size_t found =
      p->kernels->find(cosine, s->columns - first, w->row_bound[row], w->column_bound + first, index);
    for (size_t f = 0; f < found; f++) {
      const size_t column = first + index[f];
      if (is_first(p->column_first, t->column + column))
        offer(&w->rows, w->row_bound, row, cosine[index[f]], t->column + column);
      if (is_first(p->row_first, t->row + row))
        offer(&w->columns, w->column_bound, column, cosine[index[f]], t->row + row);
    }
  }
}

/* Rows and columns that come for the first time have no bound, and nearly all of a tile would be looked at one by
 * one: they get the tenth best of this tile, or less. Not where rows are equal: a bound may then come from a row that
 * is no candidate, a rounding above the one that is. */
static void seed_bounds(const pass *p, const tile *t, worker *w)
{
  if (t->diagonal)
    return;
  if (!p->row_first && t->rows >= CGAP_NEIGHBOURS && w->column_bound[0] <= CGAP_NO_BOUND)
    p->kernels->tenth_of_columns(w->tile, CGAP_TILE, t->rows, t->columns, w->column_bound);
  for (size_t r = 0; !p->column_first && t->columns >= CGAP_LANES && r < t->rows; r++)
    if (w->row_bound[r] <= CGAP_NO_BOUND)
      w->row_bound[r] = fmaxf(CGAP_NO_BOUND, p->kernels->tenth_or_less(w->tile + r * CGAP_TILE, t->columns));
  for (size_t c = 0; c < t->columns; c++)
    w->column_bound[c] = fmaxf(CGAP_NO_BOUND, w->column_bound[c]);
}

/* Matched couples do not count in any sum: masked. As neighbours they do. */
static void mask_matched(const pass *p, const tile *t, worker *w)
{
  const cgap_evidence *e = p->evidence;
  if (p->triangle || !e->paired)
    return;
  for (size_t r = 0; r < t->rows; r++)
    for (size_t k = e->first[t->row + r]; k < e->first[t->row + r + 1]; k++) {
      size_t text = e->text_of[k];
      if (text < t->column || text >= t->column + t->columns)
        continue;
      float *cosine = w->tile + r * CGAP_TILE + (text - t->column);
      if (is_first(p->column_first, text))
        offer(&w->rows, w->row_bound, r, *cosine, text);
      if (is_first(p->row_first, t->row + r))
        offer(&w->columns, w->column_bound, text - t->column, *cosine, t->row + r);
      *cosine = -INFINITY;
    }
}

static void show_strip(const pass *p, const tile *t, worker *w, size_t first_row)
{
  size_t first[STRIP];
  float greatest[STRIP];
  cgap_strip s = {
    .couples = p->kind,
    .cosine = w->tile + first_row * CGAP_TILE,
    .stride = CGAP_TILE,
    .rows = t->rows - first_row < STRIP ? t->rows - first_row : STRIP,
    .columns = t->columns,
    .first = first,
    .greatest = greatest,
    .row = t->row + first_row,
    .column = t->column,
    .tile_row = first_row,
  };
  for (size_t r = 0; r < s.rows; r++) {
    float least;
    first[r] = t->diagonal ? first_row + r + 1 : 0;
    first[r] = first[r] < s.columns ? first[r] : s.columns;
    p->kernels->range(s.cosine + r * s.stride + first[r], s.columns - first[r], &least, &greatest[r]);
    w->least = fminf(w->least, least);
    w->greatest = fmaxf(w->greatest, greatest[r]);
  }
  for (int m = 0; m < CGAP_MEASURES; m++)
    if (w->sums[m].counts)
      cgap_measures[m]->strip(&s, p->evidence, p->kernels, &w->sums[m]);
  find_neighbours(p, t, w, &s);
}

static void start_tile(const pass *p, const tile *t, worker *w)
{
  for (int m = 0; m < CGAP_MEASURES; m++)
    if (w->sums[m].counts)
      sums_zero(&w->sums[m], cgap_measures[m]->need);
  w->least = INFINITY;
  w->greatest = -INFINITY;
  cgap_neighbours_reset(&w->rows, t->rows);
  cgap_neighbours_reset(&w->columns, t->columns);
#pragma omp critical(cgap_merge)
  {
    for (size_t r = 0; r < t->rows; r++)
      w->row_bound[r] = cgap_neighbours_bound(p->row_lists, t->row + r);
    for (size_t c = 0; c < t->columns; c++)
      w->column_bound[c] = cgap_neighbours_bound(p->column_lists, t->column + c);
  }
}

static void merge_lists(cgap_neighbours *to, size_t offset, const cgap_neighbours *from, size_t rows)
{
  for (size_t r = 0; r < rows; r++) {
    const cgap_neighbour *list = from->list + r * CGAP_NEIGHBOURS;
    for (int k = 0; k < CGAP_NEIGHBOURS && list[k].row != UINT32_MAX; k++)
      cgap_neighbours_offer(to, offset + r, list[k].cosine, list[k].row);
  }
}

static void merge_tile(pass *p, const tile *t, worker *w)
{
  cgap_evidence *e = p->evidence;
  for (int m = 0; m < CGAP_MEASURES; m++)
    if (w->sums[m].counts)
      sums_merge(&e->sums[p->kind][m], &w->sums[m], cgap_measures[m]->need, t);
  e->least[p->kind] = fminf(e->least[p->kind], w->least);
  e->greatest[p->kind] = fmaxf(e->greatest[p->kind], w->greatest);
#pragma omp critical(cgap_merge)
  {
    merge_lists(p->row_lists, t->row, &w->rows, t->rows);
    merge_lists(p->column_lists, t->column, &w->columns, t->columns);
  }
}

/* ---------------------------------------------------------------- the pass */

/* Tile number n of the panels at hand, row by row; of a triangle only those on and right of the diagonal. */
static bool tile_at(const pass *p, size_t row_block, size_t column_block, tile *t)
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

static void report_progress(pass *p, size_t done)
{
  const cgap_tile_options *o = p->options;
  double share = o->share_before + (o->share_after - o->share_before) * (double)done / (double)p->tiles;
  if (o->progress.tick && o->progress.tick(o->progress.context, "couples", share)) {
#pragma omp atomic write
    p->cancelled = true;
  }
}

static void run_tile(pass *p, const tile *t, worker *w)
{
  start_tile(p, t, w);
  multiply(p, t, w->tile);
  mask_matched(p, t, w);
  seed_bounds(p, t, w);
  for (size_t row = 0; row < t->rows; row += STRIP)
    show_strip(p, t, w, row);
}

/* Threads take tiles in order and merge in the same order: the sum of a row does not depend on them. */
static cgap_status run_panels(pass *p, cgap_error *error)
{
  const size_t row_blocks = (p->a.rows + CGAP_TILE - 1) / CGAP_TILE,
               column_blocks = (p->b.rows + CGAP_TILE - 1) / CGAP_TILE;
  bool out_of_memory = false;
#pragma omp parallel num_threads(p->options->threads)
  {
    worker w;
    bool fine = worker_alloc(&w, p->kind, p->evidence->paired);
    if (!fine) {
#pragma omp atomic write
      out_of_memory = true;
    }
#pragma omp for schedule(dynamic, 1) ordered
    for (size_t n = 0; n < row_blocks * column_blocks; n++) {
      tile t;
      bool stop, failed;
#pragma omp atomic read
      stop = p->cancelled;
#pragma omp atomic read
      failed = out_of_memory;
      bool run = !stop && !failed && fine && tile_at(p, n / column_blocks, n % column_blocks, &t);
      if (run)
        run_tile(p, &t, &w);
      size_t done = 0;
#pragma omp ordered
      if (run) {
        merge_tile(p, &t, &w);
        done = ++p->tiles_done;
      }
      if (run && omp_get_thread_num() == 0)
        report_progress(p, done);
    }
    worker_free(&w);
  }
  if (out_of_memory)
    return cgap_fail(error, CGAP_RESOURCE, "no memory for the workers of the tile pass; try fewer --threads");
  return p->cancelled ? cgap_fail(error, CGAP_INTERRUPTED, "interrupted during the tile pass; nothing was written")
                      : CGAP_OK;
}

static double exact_cosine(const void *context, cgap_couples couples, size_t row, size_t column)
{
  const pass *p = context;
  const cgap_side *a = p->a.side, *b = p->b.side;
  (void)couples;
  const size_t a_bytes = a->dim * cgap_type_size(a->source->type), b_bytes = b->dim * cgap_type_size(b->source->type);
  return cgap_raw_dot(a->source->type, p->a.raw + (row - p->a.first) * a_bytes, a->inverse_norm[row], b->source->type,
                      p->b.raw + (column - p->b.first) * b_bytes, b->inverse_norm[column], a->dim);
}

static void pass_init(pass *p, cgap_evidence *evidence, const cgap_embeddings *e, cgap_couples kind,
                      const cgap_tile_options *options)
{
  cgap_neighbours *lists[CGAP_COUPLE_KINDS][2] = {
    [CGAP_IMAGE_IMAGE] = {&evidence->image_image, &evidence->image_image},
    [CGAP_TEXT_TEXT] = {&evidence->text_text, &evidence->text_text},
    [CGAP_IMAGE_TEXT] = {&evidence->image_text, &evidence->text_image},
  };
  *p = (pass){.evidence = evidence,
              .embeddings = e,
              .kind = kind,
              .triangle = kind != CGAP_IMAGE_TEXT,
              .options = options,
              .kernels = cgap_kernels_here(),
              .row_first = kind == CGAP_TEXT_TEXT ? evidence->text.first_equal : evidence->image.first_equal,
              .column_first = kind == CGAP_IMAGE_IMAGE ? evidence->image.first_equal : evidence->text.first_equal,
              .row_lists = lists[kind][0],
              .column_lists = lists[kind][1]};
  evidence->least[kind] = INFINITY;
  evidence->greatest[kind] = -INFINITY;
  evidence->exact = exact_cosine;
  evidence->exact_context = p;
}

cgap_status cgap_tiles_run(cgap_evidence *evidence, const cgap_embeddings *e, cgap_couples kind,
                           const cgap_tile_options *options, cgap_error *error)
{
  const cgap_side *a = kind == CGAP_TEXT_TEXT ? &e->text : &e->image,
                  *b = kind == CGAP_IMAGE_IMAGE ? &e->image : &e->text;
  const size_t step = options->panel_rows;
  const int blas_threads = cgap_blas_single();
  pass p;
  pass_init(&p, evidence, e, kind, options);
  const size_t row_tiles = (a->rows + CGAP_TILE - 1) / CGAP_TILE, column_tiles = (b->rows + CGAP_TILE - 1) / CGAP_TILE;
  p.tiles = p.triangle ? row_tiles * (row_tiles + 1) / 2 : row_tiles * column_tiles;
  cgap_status status = CGAP_OK;
  for (size_t i = 0; !status && i < a->rows; i += step) {
    status = cgap_panel_load(&p.a, a, i, a->rows - i < step ? a->rows - i : step, error);
    for (size_t j = p.triangle ? i : 0; !status && j < b->rows; j += step) {
      status = cgap_panel_load(&p.b, b, j, b->rows - j < step ? b->rows - j : step, error);
      if (!status)
        status = run_panels(&p, error);
    }
  }
  cgap_panel_clear(&p.a);
  cgap_panel_clear(&p.b);
  evidence->exact = NULL;
  evidence->exact_context = NULL;
  cgap_blas_restore(blas_threads);
  return status;
}
