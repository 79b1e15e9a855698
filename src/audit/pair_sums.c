#include "audit/pair_sums.h"

#include "base/memory.h"
#include "rows/row_blocks.h"
#include "simd/convert.h"

#include <math.h>
#include <string.h>

enum { LOG2_TILE = 10 }; /* log2 CGAP_TILE: pairs of a row in one tile */

bool cgap_measure_uses_kind(const cgap_measure *measure, cgap_pair_kind kind, bool paired)
{
  return measure && (measure->kinds & 1u << kind) && (paired || !measure->paired_only);
}

/* The same of a pass, which may be for one measure alone; the median is counted where it is not known. */
static bool is_wanted(const cgap_audit_sums *e, int measure, cgap_pair_kind kind)
{
  const cgap_measure *m = cgap_measures[measure];
  const bool median = e->window.step > 0 || e->window.values > 0;
  return cgap_measure_uses_kind(m, kind, e->paired) && (e->alone ? e->alone == m : !m->own_pass) &&
         (m != &cgap_measure_below_median || median);
}

/* Queries are measured by ranks and losses. */
static bool is_of_queries(int measure)
{
  return cgap_measures[measure] && cgap_measures[measure]->basis == CGAP_ON_QUERIES;
}

cgap_exact_format cgap_measure_format(const cgap_measure *measure, double temperature)
{
  if (!measure || measure->need.sums == 0)
    return (cgap_exact_format){0};
  const int greatest = (int)ceil(measure->need.greatest_log(temperature) / log(2.0)) + 1;
  return cgap_exact_format_for(-greatest, greatest + LOG2_TILE);
}

/* Places all arrays in t->memory; without it, only returns the bytes needed. */
static size_t lay_out(cgap_pair_sums *t, const cgap_audit_sums *e, bool queries)
{
  size_t at = 0;
  for (int m = 0; cgap_measures[m]; m++) {
    const cgap_measure *measure = cgap_measures[m];
    if (!is_wanted(e, m, t->kind) || (queries && !is_of_queries(m)))
      continue;
    const size_t words = cgap_measure_format(measure, e->temperature).words;
    t->sums[m] = t->memory && measure->need.sums ? (int64_t *)(t->memory + at) : NULL;
    at += measure->need.sums * t->rows * words * sizeof(int64_t);
    t->counts[m] = t->memory && measure->need.row_counts ? (uint64_t *)(t->memory + at) : NULL;
    at += measure->need.row_counts * t->rows * sizeof(uint64_t);
  }
  if (queries)
    return at;
  t->lists = (cgap_neighbours){.rows = t->rows, .list = t->memory ? (cgap_neighbour *)(t->memory + at) : NULL};
  return at + t->rows * CGAP_NEIGHBOURS * sizeof(cgap_neighbour);
}

static cgap_status init_sums(cgap_pair_sums *t, const cgap_audit_sums *evidence, bool queries, cgap_error *error)
{
  t->bytes = lay_out(t, evidence, queries);
  t->memory = cgap_zalloc(t->bytes, 1);
  if (!t->memory)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the sums of %zu rows", t->rows);
  (void)lay_out(t, evidence, queries);
  if (!queries)
    cgap_neighbours_reset(&t->lists, t->rows);
  return CGAP_OK;
}

cgap_status cgap_pair_sums_init(cgap_pair_sums *t, const cgap_audit_sums *evidence, cgap_pair_kind kind, size_t first,
                                size_t rows, cgap_error *error)
{
  *t = (cgap_pair_sums){.kind = kind, .first = first, .rows = rows};
  return init_sums(t, evidence, false, error);
}

cgap_status cgap_pair_sums_init_queries(cgap_pair_sums *t, const cgap_audit_sums *evidence, size_t rows,
                                        cgap_error *error)
{
  *t = (cgap_pair_sums){.kind = CGAP_IMAGE_TEXT, .rows = rows};
  return init_sums(t, evidence, true, error);
}

void cgap_pair_sums_clear(cgap_pair_sums *t)
{
  cgap_free(t->memory);
  *t = (cgap_pair_sums){0};
}

size_t cgap_pair_sums_row_bytes(double temperature)
{
  size_t bytes = CGAP_NEIGHBOURS * sizeof(cgap_neighbour);
  for (int m = 0; cgap_measures[m]; m++)
    bytes += cgap_measures[m]->need.sums * cgap_measure_format(cgap_measures[m], temperature).words * sizeof(int64_t) +
             cgap_measures[m]->need.row_counts * sizeof(uint64_t);
  return bytes;
}

void cgap_pair_sums_add(cgap_pair_sums *t, int measure, const cgap_exact_format *format, const double *sums,
                        const uint64_t *counts, size_t stride, size_t row, size_t rows)
{
  const cgap_need need = cgap_measures[measure]->need;
  const size_t at = row - t->first;
  for (size_t k = 0; k < need.sums; k++)
    for (size_t i = 0; i < rows; i++)
      cgap_exact_add(format, t->sums[measure] + (k * t->rows + at + i) * format->words, sums[k * stride + i]);
  for (size_t k = 0; k < need.row_counts; k++)
    for (size_t i = 0; i < rows; i++)
      t->counts[measure][k * t->rows + at + i] += counts[k * stride + i];
}

static void offer_lists(cgap_pair_sums *t, const cgap_pair_sums *added)
{
  for (size_t r = 0; r < added->rows; r++) {
    const cgap_neighbour *list = added->lists.list + r * CGAP_NEIGHBOURS;
    for (int k = 0; k < CGAP_NEIGHBOURS && list[k].row != UINT32_MAX; k++)
      cgap_neighbours_offer(&t->lists, added->first - t->first + r, list[k].cosine, list[k].row);
  }
}

void cgap_pair_sums_merge(cgap_pair_sums *t, const cgap_audit_sums *evidence, const cgap_pair_sums *added)
{
  const size_t at = added->first - t->first;
  for (int m = 0; cgap_measures[m]; m++) {
    const cgap_need need = cgap_measures[m]->need;
    const size_t words = cgap_measure_format(cgap_measures[m], evidence->temperature).words;
    for (size_t k = 0; added->sums[m] && k < need.sums; k++)
      for (size_t i = 0; i < added->rows * words; i++)
        t->sums[m][(k * t->rows + at) * words + i] += added->sums[m][k * added->rows * words + i];
    for (size_t k = 0; added->counts[m] && k < need.row_counts; k++)
      for (size_t i = 0; i < added->rows; i++)
        t->counts[m][k * t->rows + at + i] += added->counts[m][k * added->rows + i];
  }
  offer_lists(t, added);
}

void cgap_pair_sums_finish(const cgap_pair_sums *t, const cgap_audit_sums *evidence, int measure, double *sums,
                           uint64_t *counts, size_t stride)
{
  const cgap_measure *m = cgap_measures[measure];
  const cgap_exact_format format = cgap_measure_format(m, evidence->temperature);
  for (size_t k = 0; k < m->need.sums; k++)
    for (size_t i = 0; i < t->rows; i++)
      sums[k * stride + t->first + i] = cgap_exact_value(&format, t->sums[measure] + (k * t->rows + i) * format.words);
  for (size_t k = 0; k < m->need.row_counts; k++)
    memcpy(counts + k * stride + t->first, t->counts[measure] + k * t->rows, t->rows * sizeof *counts);
}

/* ---------------------------------------------------------------- sums of whole modalities */

bool cgap_sums_alloc(cgap_sums *s, cgap_need need, size_t rows, size_t columns, bool same)
{
  *s = (cgap_sums){.row_stride = rows, .column_stride = columns};
  s->counts = cgap_zalloc(need.counts, sizeof *s->counts);
  s->row_sums = cgap_alloc(need.sums * rows, sizeof *s->row_sums);
  s->row_counts = cgap_alloc(need.row_counts * rows, sizeof *s->row_counts);
  s->column_sums = same ? s->row_sums : cgap_alloc(need.sums * columns, sizeof *s->column_sums);
  s->column_counts = same ? s->row_counts : cgap_alloc(need.row_counts * columns, sizeof *s->column_counts);
  return s->counts && s->row_sums && s->row_counts && s->column_sums && s->column_counts;
}

void cgap_sums_free(cgap_sums *s)
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

static cgap_status init_whole(cgap_audit_sums *evidence, cgap_pair_kind kind, size_t rows, size_t columns, bool queries,
                              cgap_error *error)
{
  evidence->least[kind] = INFINITY;
  evidence->greatest[kind] = -INFINITY;
  for (int m = 0; cgap_measures[m]; m++)
    if (is_wanted(evidence, m, kind) && (!queries || is_of_queries(m)) &&
        !cgap_sums_alloc(&evidence->sums[kind][m], cgap_measures[m]->need, rows, columns, kind != CGAP_IMAGE_TEXT))
      return cgap_fail(error, CGAP_RESOURCE, "out of memory for the sums of %zu and %zu rows", rows, columns);
  return CGAP_OK;
}

cgap_status cgap_sums_init(cgap_audit_sums *evidence, cgap_pair_kind kind, bool whole, cgap_error *error)
{
  const size_t rows = kind == CGAP_TEXT_TEXT ? evidence->text.rows : evidence->image.rows;
  const size_t columns = kind == CGAP_IMAGE_IMAGE ? evidence->image.rows : evidence->text.rows;
  return init_whole(evidence, kind, whole ? rows : 0, whole ? columns : 0, false, error);
}

cgap_status cgap_sums_init_queries(cgap_audit_sums *evidence, size_t rows, size_t columns, cgap_error *error)
{
  return init_whole(evidence, CGAP_IMAGE_TEXT, rows, columns, true, error);
}

void cgap_sums_clear(cgap_audit_sums *evidence)
{
  for (int kind = 0; kind < CGAP_PAIR_KINDS; kind++)
    for (int m = 0; cgap_measures[m]; m++)
      cgap_sums_free(&evidence->sums[kind][m]);
}
cgap_modality cgap_modality_of(const cgap_modality_rows *modality)
{
  return (cgap_modality){.rows = modality->rows,
                         .dim = modality->dim,
                         .mean = modality->mean,
                         .moment = modality->moment,
                         .file_row = modality->file_row,
                         .left_out = modality->left_out,
                         .left_out_count = modality->left_out_count,
                         .first_equal = modality->checks.duplicates.count ? modality->first_equal : NULL};
}

/* ---------------------------------------------------------------- the ten nearest: candidates */

enum {
  RESOLVE_AT_WAITING = CGAP_WAITING_CANDIDATES * 3 / 4
}; /* where so many are left, they are recomputed in double */

/* fmaxf and fminf are calls where NaN is not ruled out. */
static float greater_bound(float a, float b)
{
  return a > b ? a : b;
}

/* What ten of a list reach, and no more. */
static float bound_of_list(const cgap_neighbours *lists, size_t i)
{
  return (float)(cgap_neighbours_bound(lists, i) - 0x1p-23);
}

static size_t locks_of(const cgap_pair_sums *totals)
{
  return totals->rows / CGAP_TILE + 1;
}

bool cgap_top_k_init(cgap_top_k *b, cgap_pair_sums *totals, bool triangle, bool columns, cgap_top_k_kind kind)
{
  const size_t rows = totals->rows;
  *b = (cgap_top_k){
    .totals = totals, .kernels = cgap_audit_kernels_here(), .triangle = triangle, .columns = columns, .kind = kind};
  b->lock = cgap_alloc(locks_of(totals), sizeof *b->lock);
  for (size_t k = 0; b->lock && k < locks_of(totals); k++)
    omp_init_lock(&b->lock[k]);
  if (!totals->lists.list || kind == CGAP_TOP_K_PRECISE)
    return b->lock != NULL;
  b->waiting = cgap_alloc(rows, CGAP_WAITING_CANDIDATES * sizeof *b->waiting);
  b->count = cgap_zalloc(rows, sizeof *b->count);
  b->sure = cgap_alloc(rows, sizeof *b->sure);
  b->margin = cgap_zalloc(rows, sizeof *b->margin);
  for (size_t i = 0; b->sure && i < rows; i++)
    b->sure[i] = bound_of_list(&totals->lists, i);
  return b->lock && b->waiting && b->count && b->sure && b->margin;
}

void cgap_top_k_clear(cgap_top_k *b)
{
  for (size_t k = 0; b->lock && k < locks_of(b->totals); k++)
    omp_destroy_lock(&b->lock[k]);
  cgap_free(b->lock);
  cgap_free(b->waiting);
  cgap_free(b->count);
  cgap_free(b->sure);
  cgap_free(b->margin);
  *b = (cgap_top_k){0};
}

size_t cgap_top_k_row_bytes(void)
{
  return CGAP_WAITING_CANDIDATES * sizeof(cgap_candidate) + sizeof(uint8_t) + 2 * sizeof(float);
}

static omp_lock_t *lock_of(cgap_top_k *b, size_t row)
{
  return &b->lock[(row - b->totals->first) / CGAP_TILE];
}

void cgap_top_k_lock(cgap_top_k *b, size_t row)
{
  omp_set_lock(lock_of(b, row));
}

void cgap_top_k_unlock(cgap_top_k *b, size_t row)
{
  omp_unset_lock(lock_of(b, row));
}

/* Without lists no candidate is good enough. */
void cgap_top_k_bounds(cgap_top_k *b, size_t row, size_t rows, float *bound)
{
  const size_t at = row - b->totals->first;
  if (!b->totals->lists.list) {
    for (size_t r = 0; r < rows; r++)
      bound[r] = INFINITY;
    return;
  }
  cgap_top_k_lock(b, row);
  for (size_t r = 0; r < rows; r++)
    bound[r] = b->sure ? b->sure[at + r] : bound_of_list(&b->totals->lists, at + r);
  cgap_top_k_unlock(b, row);
}

/* ---------------------------------------------------------------- candidates */

/* Drops those waiting that ten others, or the list, surely beat. */
static void drop_beaten(cgap_top_k *b, size_t i)
{
  cgap_candidate *waiting = b->waiting + i * CGAP_WAITING_CANDIDATES;
  float cosine[CGAP_WAITING_CANDIDATES];
  size_t kept = 0;
  for (size_t k = 0; k < CGAP_WAITING_CANDIDATES; k++)
    cosine[k] = k < b->count[i] ? waiting[k].cosine : -INFINITY;
  if (b->count[i] >= CGAP_NEIGHBOURS)
    b->sure[i] = greater_bound(b->sure[i], b->kernels->tenth(cosine) - b->margin[i]);
  const float least = b->sure[i] - b->margin[i];
  for (size_t k = 0; k < b->count[i]; k++) { /* without branches: any may go */
    waiting[kept] = waiting[k];
    kept += cosine[k] >= least;
  }
  b->count[i] = (uint8_t)kept;
}

/* Whether a pair's row is the candidate, and its column the row that the candidate is for. */
static bool is_turned(const cgap_top_k *b, size_t row, uint32_t candidate)
{
  return b->triangle ? candidate < row : b->columns;
}

/* Cosines of those waiting in double, into the list. */
static void resolve_row(cgap_top_k *b, const cgap_exact_cosines *exact, size_t i)
{
  const size_t row = b->totals->first + i;
  const cgap_candidate *waiting = b->waiting + i * CGAP_WAITING_CANDIDATES;
  for (size_t k = 0; k < b->count[i]; k++) {
    const uint32_t candidate = waiting[k].row;
    if (k + 1 < b->count[i])
      exact->prefetch(exact->context, waiting[k + 1].row, is_turned(b, row, waiting[k + 1].row));
    const bool turned = is_turned(b, row, candidate);
    const double cosine = exact->cosine(exact->context, turned ? candidate : row, turned ? row : candidate);
    cgap_neighbours_offer(&b->totals->lists, i, cosine, candidate);
  }
  b->count[i] = 0;
  b->margin[i] = 0;
  b->sure[i] = greater_bound(b->sure[i], bound_of_list(&b->totals->lists, i));
}

/* Half of the candidates are not good enough, in no order that a processor foresees: no branch depends on it. */
static void add_waiting(cgap_top_k *b, const cgap_exact_cosines *exact, size_t i, cgap_candidate candidate,
                        float margin)
{
  const bool waits = candidate.cosine + margin >= b->sure[i];
  const size_t count = b->count[i];
  b->margin[i] = greater_bound(b->margin[i], waits ? margin : 0);
  b->waiting[i * CGAP_WAITING_CANDIDATES + count] = candidate;
  b->count[i] = (uint8_t)(count + waits);
  if (count + waits < CGAP_WAITING_CANDIDATES)
    return;
  drop_beaten(b, i);
  if (b->count[i] > RESOLVE_AT_WAITING)
    resolve_row(b, exact, i);
}

/* Those waiting as they are, where they are the ten nearest; false: they may not be. */
static bool adopt_waiting(cgap_top_k *b, size_t i)
{
  const cgap_candidate *waiting = b->waiting + i * CGAP_WAITING_CANDIDATES;
  const bool untouched = b->totals->lists.list[i * CGAP_NEIGHBOURS].row == UINT32_MAX;
  if (b->kind != CGAP_TOP_K_COMPLETE || !untouched || b->count[i] > CGAP_NEIGHBOURS)
    return false;
  for (size_t k = 0; k < b->count[i]; k++)
    cgap_neighbours_offer(&b->totals->lists, i, (double)waiting[k].cosine, waiting[k].row);
  b->count[i] = 0;
  return true;
}

void cgap_top_k_resolve(cgap_top_k *b, const cgap_exact_cosines *exact, int threads)
{
#pragma omp parallel for schedule(dynamic, 256) num_threads(threads) if (b->waiting)
  for (size_t i = 0; i < (b->waiting ? b->totals->rows : 0); i++) {
    drop_beaten(b, i);
    if (!adopt_waiting(b, i))
      resolve_row(b, exact, i);
  }
}

/* ---------------------------------------------------------------- batches */

static bool is_first(const size_t *first_equal, size_t row)
{
  return !first_equal || first_equal[row] == row;
}

static void offer_found(cgap_top_k *b, const cgap_candidate_batch *batch, bool columns)
{
  const size_t first = b->totals->first;
  const size_t *first_equal = columns ? batch->row_first : batch->column_first;
  for (size_t f = 0; f < batch->count; f++) {
    const cgap_tile_candidate *found = &batch->found[f];
    const size_t row = batch->row + found->row, column = batch->column + found->column;
    const size_t own = columns ? column : row, other = columns ? row : column;
    if (!is_first(first_equal, other))
      continue;
    if (!b->waiting)
      cgap_neighbours_offer(&b->totals->lists, own - first, found->cosine, (uint32_t)other);
    else
      add_waiting(b, batch->exact, own - first,
                  (cgap_candidate){.cosine = (float)found->cosine, .row = (uint32_t)other},
                  batch->a ? cgap_bfloat16_margin(batch->a, row - batch->a_first, batch->b, column - batch->b_first)
                           : batch->margin);
  }
}

void cgap_top_k_offer(cgap_top_k *b, const cgap_candidate_batch *batch, bool columns)
{
  const size_t row = columns ? batch->column : batch->row;
  if (!b->totals->lists.list || batch->count == 0)
    return;
  cgap_top_k_lock(b, row);
  offer_found(b, batch, columns);
  cgap_top_k_unlock(b, row);
}

/* ---------------------------------------------------------------- the ten nearest: complete lists */

/* Both lists of a modality's rows: neighbours of their own side, and of the other. */
typedef struct lists {
  const cgap_modality_rows *modality, *other_modality;
  cgap_neighbours *own, *other;
  double margin;
  bool in_double; /* all cosines are to be in double, not only those that decide */
} lists;

/* Whether the border of the ten nearest of both runs between an own and another one that are within their margins.
 * Of two of one modality it does not matter which is in. */
static bool is_undecided_between(const lists *l, size_t row)
{
  const cgap_neighbour *own = l->own->list + row * CGAP_NEIGHBOURS, *other = l->other->list + row * CGAP_NEIGHBOURS;
  size_t mine = 0, others = 0;
  while (mine + others < CGAP_NEIGHBOURS)
    if (own[mine].cosine >= other[others].cosine)
      mine++;
    else
      others++;
  return (mine > 0 && others < CGAP_NEIGHBOURS && own[mine - 1].cosine - other[others].cosine <= 2 * l->margin) ||
         (others > 0 && mine < CGAP_NEIGHBOURS && other[others - 1].cosine - own[mine].cosine <= 2 * l->margin);
}

/* The cosines of a row's list in double. */
static void recompute_exactly(cgap_neighbours *n, size_t row, const cgap_modality_rows *modality,
                              const cgap_modality_rows *candidates)
{
  cgap_neighbour old[CGAP_NEIGHBOURS], *list = n->list + row * CGAP_NEIGHBOURS;
  for (int k = 0; k < CGAP_NEIGHBOURS; k++) {
    old[k] = list[k];
    list[k] = cgap_neighbour_none();
  }
  for (int k = 0; k < CGAP_NEIGHBOURS && old[k].row != UINT32_MAX; k++)
    cgap_neighbours_offer(n, row,
                          cgap_raw_dot(modality->source->type, cgap_modality_rows_raw(modality, row),
                                       modality->inverse_norm[row], candidates->source->type,
                                       cgap_modality_rows_raw(candidates, old[k].row),
                                       candidates->inverse_norm[old[k].row], modality->dim),
                          old[k].row);
}

static void resolve_lists(const lists *l, int threads)
{
#pragma omp parallel for schedule(dynamic, 256) num_threads(threads)
  for (size_t row = 0; row < l->modality->rows; row++)
    if (l->in_double || is_undecided_between(l, row)) {
      recompute_exactly(l->own, row, l->modality, l->modality);
      recompute_exactly(l->other, row, l->modality, l->other_modality);
    }
}

cgap_status cgap_top_k_lists_complete(cgap_audit_sums *evidence, const cgap_embeddings *e, bool in_double, int threads,
                                      cgap_error *error)
{
  const size_t images = evidence->image.rows, texts = evidence->text.rows;
  const size_t *image_first = evidence->image.first_equal, *text_first = evidence->text.first_equal;
  const double margin = (double)evidence->list_margin;
  if (!cgap_neighbours_expand(&evidence->image_image, image_first, images, true) ||
      !cgap_neighbours_expand(&evidence->image_text, text_first, texts, false) ||
      !cgap_neighbours_expand(&evidence->text_image, image_first, images, false) ||
      !cgap_neighbours_expand(&evidence->text_text, text_first, texts, true))
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the neighbours of %zu and %zu rows", images, texts);
  if (margin > 0) {
    resolve_lists(&(lists){&e->image, &e->text, &evidence->image_image, &evidence->image_text, margin, in_double},
                  threads);
    resolve_lists(&(lists){&e->text, &e->image, &evidence->text_text, &evidence->text_image, margin, in_double},
                  threads);
  }
  return CGAP_OK;
}
