#include "audit/pair_sums.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

enum { LOG2_TILE = 10 }; /* log2 CGAP_TILE: pairs of a row in one tile */

bool cgap_measure_uses_kind(const cgap_measure *measure, cgap_pair_kind kind, bool paired)
{
  return measure && (measure->kinds & 1u << kind) && (paired || !measure->paired_only);
}

/* The same of a pass, which may be for one measure alone; the median is looked for where it is not known. */
static bool is_wanted(const cgap_audit_sums *e, int measure, cgap_pair_kind kind)
{
  const cgap_measure *m = cgap_measures[measure];
  const bool median = e->window.step > 0 || e->window.values > 0;
  return cgap_measure_uses_kind(m, kind, e->paired) && (e->alone ? e->alone == m : !m->own_pass) &&
         (m != &cgap_measure_below_median || median);
}

/* Ranks and losses are what queries are asked for. */
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

/* Places the arrays of all measures that keep sums in t->memory; with NULL, only returns the bytes needed. */
static size_t lay_out_sums(cgap_pair_sums *t, const cgap_audit_sums *e, bool queries)
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
  return at;
}

static size_t lay_out(cgap_pair_sums *t, const cgap_audit_sums *e)
{
  const size_t at = lay_out_sums(t, e, false);
  t->lists = (cgap_neighbours){.rows = t->rows, .list = t->memory ? (cgap_neighbour *)(t->memory + at) : NULL};
  return at + t->rows * CGAP_NEIGHBOURS * sizeof(cgap_neighbour);
}

bool cgap_pair_sums_init(cgap_pair_sums *t, const cgap_audit_sums *evidence, cgap_pair_kind kind, size_t first,
                         size_t rows)
{
  *t = (cgap_pair_sums){.kind = kind, .first = first, .rows = rows};
  t->bytes = lay_out(t, evidence);
  t->memory = cgap_zalloc(t->bytes, 1);
  if (!t->memory)
    return false;
  (void)lay_out(t, evidence);
  cgap_neighbours_reset(&t->lists, rows);
  return true;
}

bool cgap_pair_sums_init_queries(cgap_pair_sums *t, const cgap_audit_sums *evidence, size_t rows)
{
  *t = (cgap_pair_sums){.kind = CGAP_IMAGE_TEXT, .rows = rows};
  t->bytes = lay_out_sums(t, evidence, true);
  t->memory = cgap_zalloc(t->bytes, 1);
  if (t->memory)
    (void)lay_out_sums(t, evidence, true);
  return t->memory != NULL;
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

/* ---------------------------------------------------------------- sums of whole sides */

static bool sums_alloc(cgap_sums *s, cgap_need need, size_t rows, size_t columns, bool shared)
{
  *s = (cgap_sums){.row_stride = rows, .column_stride = columns};
  s->counts = cgap_zalloc(need.counts, sizeof *s->counts);
  s->row_sums = cgap_alloc(need.sums * rows, sizeof *s->row_sums);
  s->row_counts = cgap_alloc(need.row_counts * rows, sizeof *s->row_counts);
  s->column_sums = shared ? s->row_sums : cgap_alloc(need.sums * columns, sizeof *s->column_sums);
  s->column_counts = shared ? s->row_counts : cgap_alloc(need.row_counts * columns, sizeof *s->column_counts);
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

cgap_status cgap_sums_init(cgap_audit_sums *evidence, cgap_pair_kind kind, bool whole, cgap_error *error)
{
  size_t rows = kind == CGAP_TEXT_TEXT ? evidence->text.rows : evidence->image.rows;
  size_t columns = kind == CGAP_IMAGE_IMAGE ? evidence->image.rows : evidence->text.rows;
  rows = whole ? rows : 0;
  columns = whole ? columns : 0;
  evidence->least[kind] = INFINITY;
  evidence->greatest[kind] = -INFINITY;
  for (int m = 0; cgap_measures[m]; m++)
    if (is_wanted(evidence, m, kind) &&
        !sums_alloc(&evidence->sums[kind][m], cgap_measures[m]->need, rows, columns, kind != CGAP_IMAGE_TEXT))
      return cgap_fail(error, CGAP_RESOURCE, "no memory for the sums of %zu and %zu rows", rows, columns);
  return CGAP_OK;
}

cgap_status cgap_sums_init_queries(cgap_audit_sums *evidence, size_t rows, size_t columns, cgap_error *error)
{
  const cgap_pair_kind kind = CGAP_IMAGE_TEXT;
  evidence->least[kind] = INFINITY;
  evidence->greatest[kind] = -INFINITY;
  for (int m = 0; cgap_measures[m]; m++)
    if (is_of_queries(m) && is_wanted(evidence, m, kind) &&
        !sums_alloc(&evidence->sums[kind][m], cgap_measures[m]->need, rows, columns, false))
      return cgap_fail(error, CGAP_RESOURCE, "no memory for the sums of %zu queries", rows + columns);
  return CGAP_OK;
}

void cgap_sums_clear(cgap_audit_sums *evidence)
{
  for (int kind = 0; kind < CGAP_PAIR_KINDS; kind++)
    for (int m = 0; cgap_measures[m]; m++)
      sums_free(&evidence->sums[kind][m]);
}
cgap_modality cgap_modality_of(const cgap_modality_rows *modality)
{
  return (cgap_modality){.rows = modality->rows,
                         .mean = modality->mean,
                         .moment = modality->moment,
                         .file_row = modality->file_row,
                         .first_equal = modality->checks.duplicates.count ? modality->first_equal : NULL};
}
