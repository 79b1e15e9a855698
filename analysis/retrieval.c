/* retrieval.*: rank = 1 + candidates above the best positive + half the ties; the query's other positives do not
 * compete. No sort: each strip counts against the cosine of the positive, known in double before the pass; cosines
 * within 1e-12 of it tie.
 * What is computed from the ranks: interval.c. */
#include "analysis/finish.h"
#include "analysis/interval.h"

/* The cosine of its best positive, which a row's query, and a column's, must be beaten by. Pairs of two images or of
 * two texts count for the search in one index of both modalities (mixed_retrieval.c). */
static const double *row_positives(const cgap_strip *s, const cgap_audit_sums *e)
{
  return (s->kind == CGAP_TEXT_TEXT ? e->pair_cosine : e->best_positive) + (s->row - e->row_from);
}

static const double *column_positives(const cgap_strip *s, const cgap_audit_sums *e)
{
  return (s->kind == CGAP_IMAGE_IMAGE ? e->best_positive : e->pair_cosine) + (s->column - e->column_from);
}

typedef struct strip_ranks {
  const double *row_positive, *column_positive;
  uint64_t *row_counts, *column_counts; /* where those of the strip begin */
  size_t row_stride, column_stride;
} strip_ranks;

static void decide_pair(void *context, const cgap_close_pair *pair)
{
  const strip_ranks *ranks = context;
  if (pair->of_row)
    cgap_query_count(pair->cosine, ranks->row_positive[pair->row], ranks->row_counts + pair->row, ranks->row_stride);
  if (pair->of_column)
    cgap_query_count(pair->cosine, ranks->column_positive[pair->column], ranks->column_counts + pair->column,
                     ranks->column_stride);
}

static void ranks_strip(const cgap_strip *s, const cgap_audit_sums *e, const cgap_audit_kernels *kernels,
                        cgap_sums *sums)
{
  strip_ranks ranks = {.row_positive = row_positives(s, e),
                       .column_positive = column_positives(s, e),
                       .row_counts = sums->row_counts + s->tile_row,
                       .column_counts = sums->column_counts,
                       .row_stride = sums->row_stride,
                       .column_stride = sums->column_stride};
  const cgap_marks rows = {.low = ranks.row_positive,
                           .high = ranks.row_positive,
                           .above = ranks.row_counts + CGAP_RANK_ABOVE * ranks.row_stride};
  const cgap_marks columns = {.low = ranks.column_positive,
                              .high = ranks.column_positive,
                              .above = ranks.column_counts + CGAP_RANK_ABOVE * ranks.column_stride};
  cgap_strip_compare(s, kernels, rows, columns, decide_pair, &ranks);
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
  cgap_query_ranks q[CGAP_QUERY_KINDS];
  cgap_status status = cgap_query_ranks_init(q, e, sums, error);
  if (status != CGAP_OK)
    return status;
  finish_direction(&q[CGAP_BY_IMAGE], &out->image_to_text);
  finish_direction(&q[CGAP_BY_TEXT], &out->text_to_image);
  out->rank_image_to_text = q[CGAP_BY_IMAGE].rank; /* the audit keeps them */
  out->rank_text_to_image = q[CGAP_BY_TEXT].rank;
  q[CGAP_BY_IMAGE].rank = q[CGAP_BY_TEXT].rank = NULL;
  cgap_query_ranks_clear(q);
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
  {"retrieval.image_to_text.mrr", "MRR", CGAP_GROUP_RETRIEVAL, 0, offsetof(cgap_audit, image_to_text.mrr), 4,
   CGAP_HIGHER, CGAP_HAS_PAIRS, "Mean of 1/rank of the own partner.", ""},
  {"retrieval.text_to_image.mrr", "MRR", CGAP_GROUP_RETRIEVAL, 1, offsetof(cgap_audit, text_to_image.mrr), 4,
   CGAP_HIGHER, CGAP_HAS_PAIRS, "Mean of 1/rank of the own partner.", ""},
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
