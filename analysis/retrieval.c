/* retrieval.*: rank = 1 + candidates above the best positive + half the ties; the query's other positives do not
 * compete. No sort: each strip counts against the positive's score, known in double before the pass. Cosines within
 * the strip's margin of it are decided in double from the file's values; within 1e-12 they tie.
 * What is made of the ranks: query_ranks.c. */
#include "analysis/finish.h"
#include "analysis/query_ranks.h"
#include "base/memory.h"

#include <math.h>

/* Cosines from low on are no longer surely below the positive, those beyond high surely above. */
typedef struct range {
  float low, high;
} range;

static range range_around(double positive, float margin)
{
  return (range){.low = (float)(positive - (double)margin), .high = (float)(positive + (double)margin)};
}

static bool is_in(float cosine, range near)
{
  return cosine >= near.low && cosine <= near.high;
}

/* A pair that the strip's margins leave open for its row's query, its column's, or both. */
typedef struct open_pair {
  uint16_t column;
  bool of_row, of_column;
} open_pair;

/* The bounds of a strip's columns, and how many are above them. */
typedef struct column_bounds {
  float low[CGAP_TILE], high[CGAP_TILE];
  uint32_t above[CGAP_TILE];
} column_bounds;

/* What a row's query, and a column's, must be beaten by: the cosine of its best positive. Pairs of two images or of two
 * texts count for the search in one index of both modalities (mixed_retrieval.c). */
static const double *row_marks(const cgap_strip *s, const cgap_audit_sums *e)
{
  return (s->kind == CGAP_TEXT_TEXT ? e->pair_cosine : e->best_positive) + s->row;
}

static const double *column_marks(const cgap_strip *s, const cgap_audit_sums *e)
{
  return (s->kind == CGAP_IMAGE_IMAGE ? e->best_positive : e->pair_cosine) + s->column;
}

/* Whether the pair's own margin leaves it open too; where not it counts. */
static bool is_undecided(const cgap_strip *s, const cgap_audit_sums *e, size_t r, size_t c, double positive,
                         uint64_t *above)
{
  const double difference = (double)s->cosine[r * s->stride + c] - positive;
  if (!s->rough || fabs(difference) <= (double)e->margin(e->exact_context, s->row + r, s->column + c))
    return true;
  *above += difference > 0;
  return false;
}

/* Of the pairs at index those that stay open. */
static size_t collect_undecided(const cgap_strip *s, const cgap_audit_sums *e, size_t r, range near,
                                const column_bounds *k, const uint16_t *index, size_t found, open_pair *open,
                                cgap_sums *sums)
{
  uint64_t *row_above = &sums->row_counts[CGAP_RANK_ABOVE * sums->row_stride + s->tile_row + r];
  size_t count = 0;
  for (size_t f = 0; f < found; f++) {
    const size_t c = s->first[r] + index[f];
    const float cosine = s->cosine[r * s->stride + c];
    const bool of_row = is_in(cosine, near) && is_undecided(s, e, r, c, row_marks(s, e)[r], row_above);
    const bool of_column =
      is_in(cosine, (range){k->low[c], k->high[c]}) &&
      is_undecided(s, e, r, c, column_marks(s, e)[c], &sums->column_counts[CGAP_RANK_ABOVE * sums->column_stride + c]);
    open[count] = (open_pair){.column = (uint16_t)c, .of_row = of_row, .of_column = of_column};
    count += of_row || of_column;
  }
  return count;
}

static void decide_pair(const cgap_strip *s, const cgap_audit_sums *e, size_t r, open_pair open, cgap_sums *sums)
{
  const size_t c = open.column;
  const double cosine = cgap_strip_exact(s, e, r, c);
  if (open.of_row)
    cgap_query_count(cosine, row_marks(s, e)[r], sums->row_counts + s->tile_row + r, sums->row_stride);
  if (open.of_column)
    cgap_query_count(cosine, column_marks(s, e)[c], sums->column_counts + c, sums->column_stride);
}

/* One row against its own bounds and those of the columns; what is near is decided. */
static void ranks_row(const cgap_strip *s, const cgap_audit_sums *e, const cgap_audit_kernels *kernels, size_t r,
                      column_bounds *k, cgap_sums *sums)
{
  uint16_t index[CGAP_TILE];
  open_pair open[CGAP_TILE];
  uint32_t above = 0;
  const size_t first = s->first[r];
  const range near = range_around(row_marks(s, e)[r], s->row_margin[r]);
  const size_t found = kernels->compare(s->cosine + r * s->stride + first, s->columns - first, near.low, near.high,
                                        &above, k->low + first, k->high + first, k->above + first, index);
  sums->row_counts[CGAP_RANK_ABOVE * sums->row_stride + s->tile_row + r] += above;
  const size_t count = collect_undecided(s, e, r, near, k, index, found, open, sums);
  for (size_t f = 0; f < count; f++) {
    if (!s->precise && f + 1 < count)
      e->ahead(e->exact_context, s->column + open[f + 1].column, false);
    decide_pair(s, e, r, open[f], sums);
  }
}

static void ranks_strip(const cgap_strip *s, const cgap_audit_sums *e, const cgap_audit_kernels *kernels,
                        cgap_sums *sums)
{
  column_bounds k = {.above = {0}};
  for (size_t c = 0; c < s->columns; c++) {
    const range near = range_around(column_marks(s, e)[c], s->column_margin[c]);
    k.low[c] = near.low;
    k.high[c] = near.high;
  }
  for (size_t r = 0; r < s->rows; r++)
    ranks_row(s, e, kernels, r, &k, sums);
  for (size_t c = 0; c < s->columns; c++)
    sums->column_counts[CGAP_RANK_ABOVE * sums->column_stride + c] += k.above[c];
}

static void finish_direction(const cgap_query_ranks *q, cgap_retrieval *out)
{
  out->recall_at_1 = cgap_query_recall(q, 1);
  out->recall_at_5 = cgap_query_recall(q, 5);
  out->recall_at_10 = cgap_query_recall(q, 10);
  out->mean_rank = cgap_query_mean_rank(q);
  out->mrr = cgap_query_mean_reciprocal_rank(q);
  out->median_rank = cgap_query_median_rank(q);
}

static cgap_status finish(const cgap_audit_sums *e, cgap_audit *out, cgap_error *error)
{
  if (!e->paired)
    return CGAP_OK;
  const cgap_sums *sums = cgap_sums_of(e, CGAP_IMAGE_TEXT, &cgap_measure_retrieval);
  const size_t images = e->image.rows, texts = e->text.rows, longest = images > texts ? images : texts;
  double *v = cgap_alloc(longest, sizeof *v);
  out->rank_image_to_text = cgap_alloc(images, sizeof(double));
  out->rank_text_to_image = cgap_alloc(texts, sizeof(double));
  if (!v || !out->rank_image_to_text || !out->rank_text_to_image) {
    cgap_free(v);
    return cgap_fail(error, CGAP_RESOURCE, "no memory for %zu ranks", longest);
  }
  size_t asking = 0;
  for (size_t i = 0; i < images; i++) {
    const bool asks = e->first[i + 1] > e->first[i];
    asking += asks;
    out->rank_image_to_text[i] = asks ? 1 + cgap_query_added_rank(sums->row_counts, sums->row_stride, i) : NAN;
  }
  for (size_t j = 0; j < texts; j++)
    out->rank_text_to_image[j] = 1 + cgap_query_added_rank(sums->column_counts, sums->column_stride, j);
  finish_direction(
    &(cgap_query_ranks){.sums = e, .rank = out->rank_image_to_text, .scratch = v, .rows = images, .queries = asking},
    &out->image_to_text);
  finish_direction(
    &(cgap_query_ranks){
      .sums = e, .rank = out->rank_text_to_image, .scratch = v, .rows = texts, .queries = texts, .texts = true},
    &out->text_to_image);
  cgap_free(v);
  return CGAP_OK;
}

static const cgap_field fields[] = {
  {"retrieval.image_to_text.recall_at_1", "recall@1", CGAP_GROUP_RETRIEVAL, 0,
   offsetof(cgap_audit, image_to_text.recall_at_1), 4, CGAP_HIGHER, CGAP_HAS_PAIRS,
   "Share of queries whose own partner comes first.", CGAP_RADFORD},
  {"retrieval.text_to_image.recall_at_1", "recall@1", CGAP_GROUP_RETRIEVAL, 1,
   offsetof(cgap_audit, text_to_image.recall_at_1), 4, CGAP_HIGHER, CGAP_HAS_PAIRS,
   "Share of queries whose own partner comes first.", CGAP_RADFORD},
  {"retrieval.image_to_text.recall_at_5", "recall@5", CGAP_GROUP_RETRIEVAL, 0,
   offsetof(cgap_audit, image_to_text.recall_at_5), 4, CGAP_HIGHER, CGAP_HAS_PAIRS,
   "Share of queries whose own partner is among the first 5.", CGAP_RADFORD},
  {"retrieval.text_to_image.recall_at_5", "recall@5", CGAP_GROUP_RETRIEVAL, 1,
   offsetof(cgap_audit, text_to_image.recall_at_5), 4, CGAP_HIGHER, CGAP_HAS_PAIRS,
   "Share of queries whose own partner is among the first 5.", CGAP_RADFORD},
  {"retrieval.image_to_text.recall_at_10", "recall@10", CGAP_GROUP_RETRIEVAL, 0,
   offsetof(cgap_audit, image_to_text.recall_at_10), 4, CGAP_HIGHER, CGAP_HAS_PAIRS,
   "Share of queries whose own partner is among the first 10.", CGAP_RADFORD},
  {"retrieval.text_to_image.recall_at_10", "recall@10", CGAP_GROUP_RETRIEVAL, 1,
   offsetof(cgap_audit, text_to_image.recall_at_10), 4, CGAP_HIGHER, CGAP_HAS_PAIRS,
   "Share of queries whose own partner is among the first 10.", CGAP_RADFORD},
  {"retrieval.image_to_text.median_rank", "median rank", CGAP_GROUP_RETRIEVAL, 0,
   offsetof(cgap_audit, image_to_text.median_rank), 1, CGAP_LOWER, CGAP_HAS_PAIRS,
   "Median rank of the own partner; 1 is first, ties count half.", ""},
  {"retrieval.text_to_image.median_rank", "median rank", CGAP_GROUP_RETRIEVAL, 1,
   offsetof(cgap_audit, text_to_image.median_rank), 1, CGAP_LOWER, CGAP_HAS_PAIRS,
   "Median rank of the own partner; 1 is first, ties count half.", ""},
  {"retrieval.image_to_text.mean_rank", "mean rank", CGAP_GROUP_RETRIEVAL, 0,
   offsetof(cgap_audit, image_to_text.mean_rank), 2, CGAP_LOWER, CGAP_HAS_PAIRS, "Mean rank of the own partner.", ""},
  {"retrieval.text_to_image.mean_rank", "mean rank", CGAP_GROUP_RETRIEVAL, 1,
   offsetof(cgap_audit, text_to_image.mean_rank), 2, CGAP_LOWER, CGAP_HAS_PAIRS, "Mean rank of the own partner.", ""},
  {"retrieval.image_to_text.mrr", "reciprocal rank", CGAP_GROUP_RETRIEVAL, 0, offsetof(cgap_audit, image_to_text.mrr),
   4, CGAP_HIGHER, CGAP_HAS_PAIRS, "Mean of 1/rank of the own partner.", ""},
  {"retrieval.text_to_image.mrr", "reciprocal rank", CGAP_GROUP_RETRIEVAL, 1, offsetof(cgap_audit, text_to_image.mrr),
   4, CGAP_HIGHER, CGAP_HAS_PAIRS, "Mean of 1/rank of the own partner.", ""},
};

const cgap_measure cgap_measure_retrieval = {
  .name = "retrieval",
  .kinds = 1u << CGAP_IMAGE_TEXT | 1u << CGAP_IMAGE_IMAGE | 1u << CGAP_TEXT_TEXT,
  .paired_only = true,
  .need = {.row_counts = CGAP_RANK_COUNTS},
  .strip = ranks_strip,
  .basis = CGAP_ON_QUERIES,
  .finish = finish,
  .fields = fields,
  .field_count = sizeof fields / sizeof *fields,
};
