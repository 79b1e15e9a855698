#include "audit/pair_tile.h"

#include "audit/pair_sums.h"
#include "base/memory.h"
#include "simd/convert.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

enum {
  STRIP_ROWS_SHOWN = 32, /* rows shown to the measures at once: they stay in the first-level cache for most */
  CHUNK = 256,           /* elements of rows that are multiplied in double at once */
  PRECISE = CGAP_STRIP_ROWS * CGAP_TILE + (CGAP_STRIP_ROWS + CGAP_TILE) * CHUNK
};

/* ---------------------------------------------------------------- workers */

static void sums_zero(cgap_sums *s, cgap_need need)
{
  memset(s->counts, 0, need.counts * sizeof *s->counts);
  memset(s->row_sums, 0, need.sums * CGAP_TILE * sizeof *s->row_sums);
  memset(s->column_sums, 0, need.sums * CGAP_TILE * sizeof *s->column_sums);
  memset(s->row_counts, 0, need.row_counts * CGAP_TILE * sizeof *s->row_counts);
  memset(s->column_counts, 0, need.row_counts * CGAP_TILE * sizeof *s->column_counts);
}

static float *row_floats(cgap_pair_tile_worker *w, size_t place)
{
  return w->strip + CGAP_STRIP_ROWS * CGAP_TILE + place * CGAP_TILE;
}

bool cgap_pair_tile_worker_init(cgap_pair_tile_worker *w, const cgap_pair_tile_pass *pass)
{
  *w = (cgap_pair_tile_worker){.kind = pass->product, .packed = SIZE_MAX, .least = INFINITY, .greatest = -INFINITY};
  if (pass->precise)
    w->precise = cgap_alloc(PRECISE, sizeof *w->precise);
  else
    w->product = pass->product->open(pass->a.modality->dim, pass->bfloat);
  w->memory = cgap_alloc((CGAP_STRIP_ROWS + 6 + CGAP_NEIGHBOURS) * CGAP_TILE, sizeof *w->memory);
  w->found = cgap_alloc(CGAP_FOUND_CANDIDATES, sizeof *w->found);
  bool ok = (w->product || w->precise) && w->memory && w->found;
  for (int m = 0; cgap_measures[m]; m++)
    if (ok && pass->evidence->sums[pass->kind][m].counts) /* a sum that is wanted */
      ok = cgap_sums_alloc(&w->sums[m], cgap_measures[m]->need, CGAP_TILE, CGAP_TILE, false);
  if (!ok)
    return false;
  w->strip = w->memory + CGAP_TILE;
  w->a = pass->precise ? w->precise + CGAP_STRIP_ROWS * CGAP_TILE : NULL;
  w->b = pass->precise ? w->a + CGAP_STRIP_ROWS * CHUNK : NULL;
  w->row_bound = row_floats(w, 0);
  w->column_bound = row_floats(w, 1);
  w->row_margin = row_floats(w, 2);
  w->column_margin = row_floats(w, 3);
  w->column_look = row_floats(w, 4);
  w->column_maxima = row_floats(w, 5);
  return true;
}

void cgap_pair_tile_worker_clear(cgap_pair_tile_worker *w)
{
  if (w->product)
    w->kind->close(w->product);
  cgap_free(w->precise);
  cgap_free(w->memory);
  cgap_free(w->found);
  for (int m = 0; cgap_measures[m]; m++)
    cgap_sums_free(&w->sums[m]);
}

size_t cgap_pair_tile_worker_bytes(size_t dim)
{
  const size_t packed = CGAP_TILE * dim * sizeof(float), precise = PRECISE * sizeof(double);
  return (packed > precise ? packed : precise) + CGAP_TILE * (CGAP_STRIP_ROWS * sizeof(float) + 320) +
         CGAP_FOUND_CANDIDATES * sizeof(cgap_tile_candidate);
}

/* ---------------------------------------------------------------- the ten nearest */

static void raise_row_bound(cgap_pair_tile_worker *w, size_t r, float bound)
{
  w->row_bound[r] = fmaxf(w->row_bound[r], bound);
}

/* Lists hold no cosine above 1, whatever rounding made of it. */
static float within_lists(float cosine)
{
  return fminf(cosine, 1.0f);
}

static void raise_column_bound(cgap_pair_tile_worker *w, size_t c, float bound)
{
  w->column_bound[c] = fmaxf(w->column_bound[c], bound);
  w->column_look[c] = w->column_bound[c] - w->column_margin[c];
}

/* Bounds never fall within a tile: some come from its own cosines. */
static void fetch_bounds(const cgap_pair_tile_pass *p, const cgap_pair_tile_place *t, cgap_pair_tile_worker *w)
{
  float bound[CGAP_TILE];
  cgap_top_k_bounds(p->row_top_k, t->row, t->rows, bound);
  for (size_t r = 0; r < t->rows; r++)
    raise_row_bound(w, r, bound[r]);
  cgap_top_k_bounds(p->column_maxima, t->column, t->columns, bound);
  for (size_t c = 0; c < t->columns; c++)
    raise_column_bound(w, c, bound[c]);
}

static void offer_found(const cgap_pair_tile_pass *p, const cgap_pair_tile_place *t, cgap_pair_tile_worker *w)
{
  const cgap_candidate_batch batch = {.found = w->found,
                                      .count = w->count,
                                      .row = t->row,
                                      .column = t->column,
                                      .margin = p->margin,
                                      .a = p->bfloat ? &p->a_bfloat16 : NULL,
                                      .b = p->bfloat ? &p->b_bfloat16 : NULL,
                                      .a_first = p->a.first,
                                      .b_first = p->b.first,
                                      .row_first = p->row_first,
                                      .column_first = p->column_first,
                                      .exact = &p->exact};
  cgap_top_k_offer(p->row_top_k, &batch, false);
  cgap_top_k_offer(p->column_maxima, &batch, true);
  w->count = 0;
}

/* Makes space for the candidates of a row; bounds are higher after what filled it. */
static void reserve_found(const cgap_pair_tile_pass *p, const cgap_pair_tile_place *t, cgap_pair_tile_worker *w)
{
  if (w->count + CGAP_TILE <= CGAP_FOUND_CANDIDATES)
    return;
  offer_found(p, t, w);
  fetch_bounds(p, t, w);
}

static void add_found(cgap_pair_tile_worker *w, size_t r, size_t c, double cosine)
{
  w->found[w->count++] = (cgap_tile_candidate){.row = (uint16_t)r, .column = (uint16_t)c, .cosine = cosine};
}

static void find_neighbours(const cgap_pair_tile_pass *p, const cgap_pair_tile_place *t, cgap_pair_tile_worker *w,
                            const cgap_strip *s)
{
  uint16_t index[CGAP_TILE];
  for (size_t k = 0; k < s->rows; k++) {
    const size_t first = s->first[k], r = s->tile_row + k;
    const float *cosine = s->cosine + k * s->stride + first;
    reserve_found(p, t, w);
    const size_t found =
      p->kernels->find(cosine, s->columns - first, w->row_bound[r] - w->row_margin[r], w->column_look + first, index);
    for (size_t f = 0; f < found; f++) {
      const size_t c = first + index[f];
      add_found(w, r, c, s->precise ? s->precise[k * s->stride + c] : (double)cosine[index[f]]);
    }
  }
}

/* Whether columns come for the first time: they have no bound, and nearly all of the tile would be checked one by
 * one. Not where rows are equal: a bound may then come from a row that is no candidate, a rounding above the one that
 * is. */
static bool are_new(const cgap_pair_tile_pass *p, const cgap_pair_tile_place *t, const cgap_pair_tile_worker *w)
{
  return !t->diagonal && !p->row_first && w->column_bound[0] <= CGAP_NO_BOUND;
}

/* New columns get the tenth greatest of the strips so far, or less; new rows that of this strip. */
static void seed_bounds(const cgap_pair_tile_pass *p, const cgap_pair_tile_place *t, cgap_pair_tile_worker *w,
                        const cgap_strip *s)
{
  if (w->new_columns) {
    const float *tenth = w->column_maxima + (CGAP_NEIGHBOURS - 1) * CGAP_TILE;
    p->kernels->best_of_columns(s->cosine, s->stride, s->rows, t->columns, w->column_maxima);
    for (size_t c = 0; c < t->columns; c++)
      raise_column_bound(w, c, within_lists(tenth[c]) - w->column_margin[c]);
  }
  for (size_t k = 0; !p->column_first && k < s->rows; k++) {
    const size_t r = s->tile_row + k, first = t->diagonal ? r + 1 : 0;
    if (w->row_bound[r] <= CGAP_NO_BOUND && first + CGAP_WAITING_CANDIDATES <= t->columns)
      raise_row_bound(w, r,
                      within_lists(p->kernels->tenth_or_less(s->cosine + k * s->stride + first, t->columns - first)) -
                        w->row_margin[r]);
  }
}

/* ---------------------------------------------------------------- strips */

/* Matched pairs do not count in any sum: masked. As neighbours they do. */
static void mask_matched(const cgap_pair_tile_pass *p, const cgap_pair_tile_place *t, cgap_pair_tile_worker *w,
                         const cgap_strip *s, float *cosines, double *precise)
{
  const cgap_audit_sums *e = p->evidence;
  if (p->triangle || !e->paired)
    return;
  for (size_t k = 0; k < s->rows; k++) {
    reserve_found(p, t, w);
    const size_t *texts = e->first + (s->row + k - e->row_from);
    for (size_t m = texts[0]; m < texts[1]; m++) {
      const size_t text = e->text_of[m];
      if (text < t->column || text >= t->column + t->columns)
        continue;
      const size_t at = k * s->stride + (text - t->column);
      add_found(w, s->tile_row + k, text - t->column, precise ? precise[at] : (double)cosines[at]);
      cosines[at] = -INFINITY;
      if (precise)
        precise[at] = -INFINITY;
    }
  }
}

/* Takes what may be the least or the greatest cosine of the tile from row k, in double. Cosines within 1e-12 of 1 are
 * 1, whichever comes first: above it there is none, and equal rows need not be looked at again. */
static void widen_range(cgap_pair_tile_worker *w, const cgap_strip *s, size_t k)
{
  const double margin = (double)s->row_margin[k], low = (double)s->least[k], high = (double)s->greatest[k];
  const bool lower = w->least > low - margin, higher = w->greatest < high + margin && w->greatest < 1;
  if (low > high || (!lower && !higher)) /* none counts, or neither */
    return;
  for (size_t c = s->first[k]; c < s->columns; c++) {
    const double cosine = (double)s->cosine[k * s->stride + c];
    if (cosine < -2 || !((lower && cosine <= low + 2 * margin) || (higher && cosine >= high - 2 * margin)))
      continue;
    const double x = cgap_strip_exact(s, k, c);
    w->least = fmin(w->least, x);
    w->greatest = fmax(w->greatest, x < 1 - 1e-12 ? x : 1);
  }
}

static void show_strip(const cgap_pair_tile_pass *p, const cgap_pair_tile_place *t, cgap_pair_tile_worker *w,
                       cgap_strip s)
{
  size_t first[STRIP_ROWS_SHOWN];
  float least[STRIP_ROWS_SHOWN], greatest[STRIP_ROWS_SHOWN];
  s.first = first;
  s.least = least;
  s.greatest = greatest;
  for (size_t k = 0; k < s.rows; k++) {
    first[k] = t->diagonal ? s.tile_row + k + 1 : 0;
    first[k] = first[k] < s.columns ? first[k] : s.columns;
    p->kernels->range(s.cosine + k * s.stride + first[k], s.columns - first[k], &least[k], &greatest[k]);
    widen_range(w, &s, k);
  }
  for (int m = 0; cgap_measures[m]; m++)
    if (w->sums[m].counts)
      cgap_measures[m]->strip(&s, p->evidence, p->kernels, &w->sums[m]);
  find_neighbours(p, t, w, &s);
}

/* The product of a strip's rows with the tile's columns; of a diagonal tile without most of what is left of it. */
static bool multiply_strip(const cgap_pair_tile_pass *p, const cgap_pair_tile_place *t, cgap_pair_tile_worker *w,
                           size_t row, size_t rows, size_t first, size_t *stride)
{
  const size_t dim = p->a.modality->dim, a = t->row - p->a.first + row, b = t->column - p->b.first;
  if (w->packed != t->column &&
      !w->kind->pack(w->product, p->bfloat ? (const void *)(p->b_bfloat16.row + b * dim) : p->b.unit + b * dim,
                     t->columns))
    return false;
  w->packed = t->column;
  *stride = w->kind->strip(w->product, p->bfloat ? (const void *)(p->a_bfloat16.row + a * dim) : p->a.unit + a * dim,
                           rows, first, w->strip);
  for (size_t k = 0; p->bfloat && *stride && k < rows; k++)
    p->kernels->add_offsets(w->strip + k * *stride, t->columns - first, p->a_bfloat16.offset[a + k],
                            p->b_bfloat16.offset + b + first);
  return *stride != 0;
}

/* Some elements of a panel's rows, of unit rows in double. */
static void copy_elements_double(const cgap_row_block *panel, size_t row, size_t rows, size_t first, size_t count,
                                 double *out)
{
  const cgap_modality_rows *modality = panel->modality;
  const cgap_type type = modality->source->type;
  const size_t size = cgap_type_size(type);
  for (size_t i = row; i < row + rows; i++, out += count) {
    const unsigned char *raw = panel->raw + (i - panel->first) * modality->dim * size;
    cgap_to_scaled(type, raw + first * size, count, cgap_row_scale(modality, i, raw), out);
  }
}

/* The same in double, from the file's values, and rounded. */
static void multiply_precisely(const cgap_pair_tile_pass *p, const cgap_pair_tile_place *t, cgap_pair_tile_worker *w,
                               size_t row, size_t rows, size_t first)
{
  const size_t dim = p->a.modality->dim, columns = t->columns - first;
  for (size_t done = 0; done < dim; done += CHUNK) {
    const size_t count = dim - done < CHUNK ? dim - done : CHUNK;
    copy_elements_double(&p->a, t->row + row, rows, done, count, w->a);
    copy_elements_double(&p->b, t->column + first, columns, done, count, w->b);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)columns, (int)count, 1.0, w->a, (int)count,
                w->b, (int)count, done ? 1.0 : 0.0, w->precise + first, CGAP_TILE);
  }
  for (size_t k = 0; k < rows; k++)
    for (size_t c = first; c < t->columns; c++)
      w->strip[k * CGAP_TILE + c - first] = (float)w->precise[k * CGAP_TILE + c];
}

static bool run_strip(const cgap_pair_tile_pass *p, const cgap_pair_tile_place *t, cgap_pair_tile_worker *w, size_t row)
{
  const size_t rows = t->rows - row < CGAP_STRIP_ROWS ? t->rows - row : CGAP_STRIP_ROWS, first = t->diagonal ? row : 0;
  size_t stride = CGAP_TILE;
  if (p->precise)
    multiply_precisely(p, t, w, row, rows, first);
  else if (!multiply_strip(p, t, w, row, rows, first, &stride))
    return false;
  float *cosine = w->strip - first; /* column 0 of the tile, left of what was multiplied */
  cgap_strip s = {.kind = p->kind,
                  .cosine = cosine,
                  .precise = w->precise,
                  .stride = stride,
                  .rows = rows,
                  .columns = t->columns,
                  .row = t->row + row,
                  .column = t->column,
                  .tile_row = row,
                  .row_margin = w->row_margin + row,
                  .column_margin = w->column_margin,
                  .exact = &p->exact};
  mask_matched(p, t, w, &s, cosine, w->precise);
  seed_bounds(p, t, w, &s);
  for (size_t k = 0; k < rows; k += STRIP_ROWS_SHOWN) {
    cgap_strip shown = s;
    shown.cosine += k * stride;
    shown.precise = w->precise ? w->precise + k * stride : NULL;
    shown.row_margin += k;
    shown.rows = rows - k < STRIP_ROWS_SHOWN ? rows - k : STRIP_ROWS_SHOWN;
    shown.row += k;
    shown.tile_row += k;
    show_strip(p, t, w, shown);
  }
  return true;
}

/* ---------------------------------------------------------------- a tile */

static float greatest_of(const float *v, size_t n)
{
  float greatest = 0;
  for (size_t i = 0; i < n; i++)
    greatest = fmaxf(greatest, v[i]);
  return greatest;
}

static void set_margins(const cgap_bfloat16_rows *own, size_t first, size_t rows, const cgap_bfloat16_rows *other,
                        size_t other_first, size_t other_rows, float *margin)
{
  const float norm = greatest_of(other->norm + other_first, other_rows),
              residual = greatest_of(other->residual + other_first, other_rows);
  for (size_t i = 0; i < rows; i++)
    margin[i] = cgap_bfloat16_margin_of(own->residual[first + i], own->norm[first + i], residual, norm, own->product);
}

static void start_tile(const cgap_pair_tile_pass *p, const cgap_pair_tile_place *t, cgap_pair_tile_worker *w)
{
  const size_t a = t->row - p->a.first, b = t->column - p->b.first;
  for (int m = 0; cgap_measures[m]; m++)
    if (w->sums[m].counts)
      sums_zero(&w->sums[m], cgap_measures[m]->need);
  if (p->bfloat) {
    set_margins(&p->a_bfloat16, a, t->rows, &p->b_bfloat16, b, t->columns, w->row_margin);
    set_margins(&p->b_bfloat16, b, t->columns, &p->a_bfloat16, a, t->rows, w->column_margin);
  }
  for (size_t i = 0; !p->bfloat && i < CGAP_TILE; i++)
    w->row_margin[i] = w->column_margin[i] = p->margin;
  for (size_t i = 0; i < CGAP_TILE; i++)
    w->row_bound[i] = w->column_bound[i] = CGAP_NO_BOUND;
  fetch_bounds(p, t, w);
  w->new_columns = are_new(p, t, w);
  for (size_t i = 0; w->new_columns && i < CGAP_NEIGHBOURS * CGAP_TILE; i++)
    w->column_maxima[i] = -INFINITY;
}

bool cgap_pair_tile_run(const cgap_pair_tile_pass *pass, const cgap_pair_tile_place *place, cgap_pair_tile_worker *w)
{
  bool ok = true;
  start_tile(pass, place, w);
  for (size_t row = 0; ok && row < place->rows; row += CGAP_STRIP_ROWS)
    ok = run_strip(pass, place, w, row);
  offer_found(pass, place, w);
  return ok;
}
