/* mixed_retrieval.*: search in one index of both modalities. The rank of a query's best positive among all images and
 * texts is its rank among the other modality (retrieval.c) and, on top, what its own modality has above it and half of
 * what ties. Neither the query itself nor, for a text, the other texts of its image compete.
 * nDCG@10 with one relevant item a query, as in MixBench (arXiv 2507.19054). */
#include "analysis/interval.h"

#define MIXBENCH "MixBench 2025, arXiv 2507.19054"

static void finish_direction(const cgap_query_ranks *q, cgap_mixed_retrieval *out)
{
  out->ndcg_at_10 = cgap_query_ndcg_at_10(q);
  out->recall_at_1 = cgap_query_recall(q, 1);
  out->recall_at_10 = cgap_query_recall(q, 10);
  out->mrr = cgap_query_mean_reciprocal_rank(q);
  out->median_rank = cgap_query_median_rank(q);
}

static cgap_status finish(const cgap_audit_sums *e, cgap_audit *out, cgap_error *error)
{
  if (!e->paired)
    return CGAP_OK;
  const cgap_sums *cross = cgap_sums_of(e, CGAP_IMAGE_TEXT, &cgap_measure_retrieval),
                  *image = cgap_sums_of(e, CGAP_IMAGE_IMAGE, &cgap_measure_retrieval),
                  *text = cgap_sums_of(e, CGAP_TEXT_TEXT, &cgap_measure_retrieval);
  cgap_query_ranks q[CGAP_QUERY_KINDS];
  cgap_status status = cgap_query_ranks_init(q, e, cross, error);
  if (status != CGAP_OK)
    return status;
  for (size_t i = 0; i < e->image.rows; i++)
    q[CGAP_BY_IMAGE].rank[i] += cgap_query_added_rank(image->row_counts, image->row_stride, i);
  for (size_t j = 0; j < e->text.rows; j++)
    q[CGAP_BY_TEXT].rank[j] +=
      cgap_query_added_rank(text->row_counts, text->row_stride, j) - (e->sibling_rank ? e->sibling_rank[j] : 0);
  finish_direction(&q[CGAP_BY_IMAGE], &out->mixed_image_query);
  finish_direction(&q[CGAP_BY_TEXT], &out->mixed_text_query);
  out->mixed_rank_image = q[CGAP_BY_IMAGE].rank; /* the audit keeps them */
  out->mixed_rank_text = q[CGAP_BY_TEXT].rank;
  q[CGAP_BY_IMAGE].rank = q[CGAP_BY_TEXT].rank = NULL;
  cgap_query_ranks_clear(q);
  return CGAP_OK;
}

#define NDCG "Mean over queries of 1/log2(1 + rank) of the partner in one index of both modalities, 0 beyond rank 10."
#define RECALL_1 "Share of queries whose partner comes first in one index of both modalities."
#define RECALL_10 "Share of queries whose partner is among the first 10 of one index of both modalities."
#define MEDIAN "Median rank of the partner in one index of both modalities."
#define RECIPROCAL "Mean of 1/rank of the partner in one index of both modalities."

static const cgap_field fields[] = {
  {"mixed_retrieval.image_query.ndcg_at_10", "nDCG@10", CGAP_GROUP_MIXED_RETRIEVAL, 0,
   offsetof(cgap_audit, mixed_image_query.ndcg_at_10), 4, CGAP_HIGHER, CGAP_HAS_PAIRS, NDCG, MIXBENCH},
  {"mixed_retrieval.text_query.ndcg_at_10", "nDCG@10", CGAP_GROUP_MIXED_RETRIEVAL, 1,
   offsetof(cgap_audit, mixed_text_query.ndcg_at_10), 4, CGAP_HIGHER, CGAP_HAS_PAIRS, NDCG, MIXBENCH},
  {"mixed_retrieval.image_query.recall_at_1", "recall@1", CGAP_GROUP_MIXED_RETRIEVAL, 0,
   offsetof(cgap_audit, mixed_image_query.recall_at_1), 4, CGAP_HIGHER, CGAP_HAS_PAIRS, RECALL_1, MIXBENCH},
  {"mixed_retrieval.text_query.recall_at_1", "recall@1", CGAP_GROUP_MIXED_RETRIEVAL, 1,
   offsetof(cgap_audit, mixed_text_query.recall_at_1), 4, CGAP_HIGHER, CGAP_HAS_PAIRS, RECALL_1, MIXBENCH},
  {"mixed_retrieval.image_query.recall_at_10", "recall@10", CGAP_GROUP_MIXED_RETRIEVAL, 0,
   offsetof(cgap_audit, mixed_image_query.recall_at_10), 4, CGAP_HIGHER, CGAP_HAS_PAIRS, RECALL_10, MIXBENCH},
  {"mixed_retrieval.text_query.recall_at_10", "recall@10", CGAP_GROUP_MIXED_RETRIEVAL, 1,
   offsetof(cgap_audit, mixed_text_query.recall_at_10), 4, CGAP_HIGHER, CGAP_HAS_PAIRS, RECALL_10, MIXBENCH},
  {"mixed_retrieval.image_query.median_rank", "median rank", CGAP_GROUP_MIXED_RETRIEVAL, 0,
   offsetof(cgap_audit, mixed_image_query.median_rank), 1, CGAP_LOWER, CGAP_HAS_PAIRS, MEDIAN, ""},
  {"mixed_retrieval.text_query.median_rank", "median rank", CGAP_GROUP_MIXED_RETRIEVAL, 1,
   offsetof(cgap_audit, mixed_text_query.median_rank), 1, CGAP_LOWER, CGAP_HAS_PAIRS, MEDIAN, ""},
  {"mixed_retrieval.image_query.mrr", "MRR", CGAP_GROUP_MIXED_RETRIEVAL, 0, offsetof(cgap_audit, mixed_image_query.mrr),
   4, CGAP_HIGHER, CGAP_HAS_PAIRS, RECIPROCAL, ""},
  {"mixed_retrieval.text_query.mrr", "MRR", CGAP_GROUP_MIXED_RETRIEVAL, 1, offsetof(cgap_audit, mixed_text_query.mrr),
   4, CGAP_HIGHER, CGAP_HAS_PAIRS, RECIPROCAL, ""},
};

const cgap_measure cgap_measure_mixed_retrieval = {
  .name = "mixed retrieval",
  .paired_only = true,
  .basis = CGAP_ON_QUERIES,
  .finish = finish,
  .fields = fields,
  .field_count = sizeof fields / sizeof *fields,
};
