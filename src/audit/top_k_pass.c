#include "audit/top_k_pass.h"

#include "base/memory.h"

#include <math.h>

enum {
  RESOLVE_AT_WAITING = CGAP_WAITING_CANDIDATES * 3 / 4
}; /* where so many are left by a sift, they are computed again in double */

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

/* Those waiting as they are, where they are the ten best; false: they may not be. */
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
